//! What those commands may be told that answer from a crawl's output, or tidy it up.

use std::path::PathBuf;
use std::str::FromStr as _;

use clap::{Args, ValueEnum};
use crawl::answers::query::Param;
use crawl::config::{Limit, Span};

use super::{Format, help};
use crate::cli::{diff, report};

// A line of documentation here would stand over the help of each command.
#[derive(Debug, Args)]
pub(in crate::cli) struct At {
    /// The output directory of the crawl, or its crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PruneArgs {
    #[command(flatten)]
    pub at: At,
    /// How many runs to keep, the latest ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep_runs: u32,
    /// Say what would go, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Give the room back to the disk: writes the database anew, which takes as much room again for a while
    #[arg(long, conflicts_with = "dry_run")]
    pub vacuum: bool,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = help::OF_QUERY)]
pub(in crate::cli) struct QueryArgs {
    /// SQL, or the name of a view or a report: pages, broken-links, slow-pages, …; - reads it from standard input; none lists the names
    #[arg(value_name = "SQL|NAME|-")]
    pub question: Option<String>,
    /// Read the SQL from a file; its statements are answered one after the other
    #[arg(long, value_name = "FILE", conflicts_with = "question")]
    pub file: Option<PathBuf>,
    /// A value for the parameter :NAME of the SQL: a number, NULL, or text (may be given again)
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = Param::from_str)]
    pub param: Vec<Param>,
    /// How rows are shown
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// Ask again after each such time, such as 2s, until the crawl has ended
    #[arg(long, value_name = "DUR", conflicts_with = "sql")]
    pub watch: Option<Span>,
    /// Give up an answer that takes longer
    #[arg(long, value_name = "DUR")]
    pub timeout: Option<Span>,
    /// Print the SQL that a name stands for, and ask nothing
    #[arg(long, conflicts_with = "param")]
    pub sql: bool,
    #[command(flatten)]
    pub at: At,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    pub at: At,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(in crate::cli) enum AuditFormat {
    /// Figures of each host, and the first violations of each kind
    #[default]
    Table,
    /// Everything, as one object
    Json,
    /// A page by itself, to be sent to a site's owner
    Html,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditArgs {
    #[command(flatten)]
    pub at: At,
    /// How it is shown
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: AuditFormat,
    /// This run [default: the latest]
    #[arg(long, value_name = "N", conflicts_with = "all")]
    pub run: Option<i64>,
    /// All runs together
    #[arg(long)]
    pub all: bool,
    /// Of this host alone, such as example.com or example.com:8080: for its owner
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(in crate::cli) enum CheckFormat {
    /// What is wrong by kind, and the first of each kind
    #[default]
    Table,
    /// Everything, as one object
    Json,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    #[command(flatten)]
    pub at: At,
    /// Put right what can be: what is hurt is asked for again by the next crawl, files that no row names are removed
    #[arg(long)]
    pub repair: bool,
    /// How it is shown
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: CheckFormat,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WhyArgs {
    /// The URL, met or not; https:// is assumed where no scheme is written, unless only http:// is known
    pub url: String,
    #[command(flatten)]
    pub at: At,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Look through the whole log for earlier attempts and for what redirects there, however long it is
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CatArgs {
    /// The URL; https:// is assumed where no scheme is written, unless only http:// is known
    pub url: String,
    #[command(flatten)]
    pub at: At,
    /// What it was as of this run; crawl query versions lists all that was kept
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub run: Option<i64>,
    /// The status and the header fields in place of the body
    #[arg(long)]
    pub headers: bool,
    /// The main text alone: without menus, footers, forms, and other furniture of the site
    #[arg(long, conflicts_with = "headers")]
    pub text: bool,
    /// The same as Markdown: headings, lists, links, tables, code, images
    #[arg(long, conflicts_with_all = ["headers", "text"])]
    pub markdown: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(in crate::cli) enum SearchFormat {
    /// Title and score, URL, and a piece of the text, for people
    #[default]
    Table,
    /// One array of objects
    Json,
    /// An object a line
    Jsonl,
    /// Comma-separated values with a line of names
    Csv,
}

#[derive(Debug, Args)]
#[command(after_help = SEARCH_WORDS)]
pub(in crate::cli) struct SearchArgs {
    /// What to look for
    #[arg(required = true, value_name = "WORDS")]
    pub words: Vec<String>,
    #[command(flatten)]
    pub at: At,
    /// Pages at the most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// How they are shown
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: SearchFormat,
    /// Only pages of this host, such as example.com or example.com:8080
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Take WORDS for an expression of SQLite's FTS5, over the columns title, headings and body
    #[arg(long)]
    pub raw: bool,
}

const SEARCH_WORDS: &str = "\
WORDS, all of which a page must have:
  one two        both words, in any form of English: crawling finds crawl
  'one OR other' either of two
  '\"one two\"'    a phrase
  one -two       one without two
  'begin*'       words that begin so
  title:word     in the title; heading:word in a heading, text:word in the text
Quote what the shell, or a leading hyphen, would take for itself.
What is not indexed yet is indexed first, unless a crawl is writing.
That nothing was found is no error: the exit code is 0.";

#[derive(Debug, Args)]
pub(in crate::cli) struct IndexArgs {
    #[command(flatten)]
    pub at: At,
    /// Bits of 64 in which the hashes of near-duplicates may differ, 0 to 8
    #[arg(long, value_name = "BITS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=8))]
    pub distance: u32,
    /// Texts of fewer words are no near-duplicates
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub min_words: u64,
    /// Make the index anew
    #[arg(long)]
    pub rebuild: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RankArgs {
    #[command(flatten)]
    pub at: At,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReportFormat {
    /// A page by itself, with charts, and tables that sort and filter
    #[default]
    Html,
    /// The figures, and the beginnings of the tables
    Md,
    /// The figures, and the tables as far as the page has them, as one object
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = report::checks())]
pub(in crate::cli) struct ReportArgs {
    #[command(flatten)]
    pub at: At,
    /// Where the report goes; - for standard output [default: of html report.html in the output directory, else -]
    #[arg(long, short, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// How it is shown
    #[arg(long, short, value_name = "FORMAT", default_value = "html")]
    pub format: ReportFormat,
    /// End with code 5 if one of these checks counts more than N, or anything at all (may be given again)
    #[arg(long, value_name = "CHECK[=N]", value_delimiter = ',')]
    pub fail_on: Vec<String>,
    /// Rows of a table, of each kind of problem, at the most [default: 100; of md 20 of a table]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub rows: Option<u16>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DiffFormat {
    /// How many of each kind, then a line a URL
    #[default]
    Table,
    /// A line a URL, with a line of names
    Csv,
    /// Everything, as one object
    Json,
    /// An object a URL, one a line
    Jsonl,
    /// A page by itself
    Html,
    /// Tables for a comment or a wiki
    #[value(alias = "md")]
    Markdown,
}

#[derive(Debug, Args)]
#[command(after_help = diff::after())]
pub(in crate::cli) struct DiffArgs {
    /// The earlier run: a number, -2 for the last but one, a date for the last begun by then, or another output [default: the last but one]
    #[arg(allow_negative_numbers = true)]
    pub run1: Option<String>,
    /// The later run, likewise [default: the latest]
    #[arg(allow_negative_numbers = true)]
    pub run2: Option<String>,
    #[command(flatten)]
    pub at: At,
    /// Another output: its run is the earlier one [default: its latest]
    #[arg(long, value_name = "DIR")]
    pub against: Option<PathBuf>,
    /// Compare URLs that begin with FROM as if they began with TO (may be given again)
    #[arg(long, value_name = "FROM=TO")]
    pub map: Vec<crawl::answers::diff::Map>,
    /// All that differs of this URL: facts, links, header fields, the text line by line
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Show these kinds alone [default: all but unasked and unchanged]
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Show so many URLs of each kind, or unlimited [default: 100; html: 1000; csv, json, jsonl: unlimited]
    #[arg(long, value_name = "N")]
    pub limit: Option<Limit<u64>>,
    /// How it is shown
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: DiffFormat,
    /// Other bytes are a change, too, where text, links and the rest are the same
    #[arg(long)]
    pub bytes: bool,
    /// Compare assets and checked URLs, too, and not only pages
    #[arg(long)]
    pub resources: bool,
    /// End with code 5 if there is any difference
    #[arg(long)]
    pub exit_code: bool,
    /// End with code 5 if there are more than N of these kinds or changes, or any at all (may be given again)
    #[arg(long, value_name = "WHAT[=N]", value_delimiter = ',')]
    pub fail_on: Vec<String>,
}
