//! Everything that is tested from outside, in one binary.

#![allow(
    unreachable_pub,
    reason = "a binary has nothing to reach it from outside"
)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::pedantic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed; counts are for the reader"
)]

mod answers;
mod audit;
mod check;
mod check_life;
mod cli;
mod compressed;
mod conformance_parse;
mod conformance_robots;
mod conformance_sitemap;
mod damage;
mod diff;
mod durability;
mod export;
mod failures;
mod faults;
mod fetching;
mod fields;
mod guard;
mod history;
mod hostile;
mod hreflang;
mod law;
mod laws;
mod library;
mod limits;
mod mirror;
mod parse_hostile;
mod politeness;
mod prune;
mod query;
mod readers;
mod refresh;
mod report;
mod resume;
mod rewrite;
mod scope;
mod search;
mod shell;
mod signals;
mod sitemaps;
mod sites;
mod status;
#[allow(
    dead_code,
    unused_imports,
    reason = "what the torture alone needs stands here, too"
)]
mod support;
mod support_tests;
mod texts;
mod traps;
mod versions;
mod views;
mod why;
mod words;
