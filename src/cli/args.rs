//! What the command line may say.

mod answers;
mod crawl;
mod export;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub(super) use self::answers::{
    AuditArgs, AuditFormat, CatArgs, CheckArgs, CheckFormat, DiffArgs, DiffFormat, IndexArgs,
    PruneArgs, QueryArgs, RankArgs, ReportArgs, ReportFormat, SearchArgs, SearchFormat, StatusArgs,
    WhyArgs,
};
pub(super) use self::crawl::{
    By, CrawlArgs, Durability, FetchArgs, PolitenessArgs, Progress, Purpose, Reach, RefreshArgs,
    ScopeArgs, Sequence, TalkArgs,
};
pub(super) use self::export::{
    ExportArgs, ExportCommand, GraphArgs, MirrorArgs, TableArgs, TextsArgs,
};
use super::help;

/// Turns a site, or a thousand of them, into one SQLite database.
#[derive(Debug, Parser)]
#[command(name = "crawl", version, after_help = help::after(), max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(override_usage = "crawl --seed <URL> [OPTIONS]\n       crawl <COMMAND>")]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub crawl: CrawlArgs,
    /// Print the options that matter most
    #[arg(short = 'h', help_heading = "Talk")]
    pub short_help: bool,
    // Each option in a line or two: clap's long form would spread them over seven screens.
    /// Print this
    #[arg(long, action = ArgAction::HelpShort, help_heading = "Talk")]
    pub help: Option<bool>,
    /// Print the version
    #[arg(long, short = 'V', action = ArgAction::Version, help_heading = "Talk")]
    pub version: Option<bool>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Answer SQL, or a named view, from a crawl's database
    Query(QueryArgs),
    /// Say where a crawl stands
    Status(StatusArgs),
    /// Say how a URL was found, what was decided of it and by which rule, and what came of it
    Why(WhyArgs),
    /// Check every request of a crawl against robots.txt and its limits, from the database alone
    Audit(AuditArgs),
    /// Look over a crawl's database and files, and put right what is not sound
    Check(CheckArgs),
    /// Print what is stored of a URL
    Cat(CatArgs),
    /// Ask again for a part of a finished crawl: as many URLs as a budget allows, those that are likeliest to have changed
    Refresh(Box<RefreshArgs>),
    /// Remove what only old runs need: requests, contents, files; never the last good content of a URL
    Prune(PruneArgs),
    /// Find pages of a crawl by their words, the best first
    Search(SearchArgs),
    /// Index the texts of a crawl's pages for search, and find those that are nearly the same
    Index(IndexArgs),
    /// Count the links to each URL of a crawl, and work out the PageRank of its pages
    Rank(RankArgs),
    /// Make one page of a crawl: what to do first, charts, tables; and checks for CI
    Report(ReportArgs),
    /// Write rows as CSV, JSON Lines or Parquet, the texts of pages, the graph of links, or the site as a tree of files
    Export(ExportArgs),
    /// Say what is new, gone, moved or changed from one run to the next, or from one crawl to another
    Diff(DiffArgs),
    /// Try the fields of a crawl.toml on pages, without a crawl
    Extract(ExtractArgs),
    /// Write a crawl.toml with every setting at its default
    Init(InitArgs),
    /// Show the settings that would be used, as crawl.toml has them
    Config(Box<CrawlArgs>),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print a page of the manual: crawl man | man -l -
    Man(ManArgs),
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum Format {
    /// Aligned columns, fitted to the terminal; as record where they do not fit
    #[default]
    Table,
    /// A line for each column, without those that are NULL
    #[value(alias = "line")]
    Record,
    /// Comma-separated values with a line of names
    Csv,
    /// One array of objects
    Json,
    /// An object a line
    Jsonl,
    /// A table of Markdown
    #[value(alias = "md")]
    Markdown,
}

#[derive(Debug, Args)]
pub(super) struct ExtractArgs {
    /// Files, - for standard input, or URLs, which are asked for as a crawl would
    #[arg(required = true, value_name = "FILE|URL")]
    pub pages: Vec<String>,
    /// Where the [[field]] tables stand, and how pages are fetched (user, header, proxy…) [default: crawl.toml where it is present and no --field is given]
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The text of what a CSS selector finds (may be given again)
    #[arg(long, value_name = "NAME=SELECTOR")]
    pub field: Vec<String>,
    /// The URL of a file: for its relative links, and for fields that are for some URLs only
    #[arg(long, value_name = "URL", default_value = "http://localhost/")]
    pub url: String,
    /// Do not ask for robots.txt
    #[arg(long)]
    pub ignore_robots: bool,
    /// How rows are shown
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Where to write it
    #[arg(default_value = "crawl.toml")]
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The command that it is of; none: crawl itself
    pub command: Option<String>,
}
