//! Everything that is tested from outside, in one binary.

mod conformance_parse;
mod conformance_robots;
mod parse_hostile;
