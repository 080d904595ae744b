//! What the command line may say, in the groups in which `--help` shows it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use crawl::config::{Bytes, Limit, Rate, Span};

const AFTER_HELP: &str = "\
Exit codes:
  0    finished
  1    failed (the disk is full, the database is damaged)
  2    bad usage or config
  3    finished, but every seed failed
  4    ended with deferred URLs: the same command tries again
  11   stopped by a limit: the same command goes on
  130  stopped by a signal: the same command goes on

Ask the result:
  crawl query \"SELECT url, status, title FROM pages\"";

/// Turns a site, or a thousand of them, into one SQLite database.
#[derive(Debug, Parser)]
#[command(name = "crawl", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub crawl: CrawlArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Answer SQL, or a named view, from a crawl's database
    Query(QueryArgs),
    /// Say where a crawl stands
    Status(StatusArgs),
    /// Write a crawl.toml with every setting at its default
    Init(InitArgs),
    /// Show the settings that would be used, as crawl.toml has them
    Config(Box<CrawlArgs>),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

#[derive(Debug, Clone, Args)]
pub(super) struct CrawlArgs {
    #[command(flatten)]
    pub seeds: SeedArgs,
    #[command(flatten)]
    pub scope: ScopeArgs,
    #[command(flatten)]
    pub politeness: PolitenessArgs,
    #[command(flatten)]
    pub fetch: FetchArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub talk: TalkArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Seeds")]
pub(super) struct SeedArgs {
    /// Where to begin; https:// is assumed where no scheme is written (may be given again)
    #[arg(long, short, value_name = "URL")]
    pub seed: Vec<String>,
    /// A file of seeds, one a line, # for comments; - for standard input
    #[arg(long, short, value_name = "FILE")]
    pub input_file: Option<PathBuf>,
    /// Add these seeds to the crawl that is in the output already
    #[arg(long)]
    pub add: bool,
    /// Settings [default: crawl.toml where it is present and no seed is given]
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Reach {
    Page,
    Prefix,
    Host,
    Domain,
    Any,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Scope")]
pub(super) struct ScopeArgs {
    /// How far from the seeds [default: host]
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<Reach>,
    /// Links followed beyond the scope, to other hosts [default: 0]
    #[arg(long, value_name = "N")]
    pub extra_hops: Option<u32>,
    /// Only URLs that match this regular expression, or another one given (may be given again)
    #[arg(long, value_name = "RE")]
    pub include: Vec<String>,
    /// No URL that matches this regular expression; wins over --include (may be given again)
    #[arg(long, value_name = "RE")]
    pub exclude: Vec<String>,
    /// Links followed from a seed at the most
    #[arg(long, value_name = "N")]
    pub max_depth: Option<Limit<u32>>,
    /// Pages at the most
    #[arg(long, value_name = "N")]
    pub max_pages: Option<Limit<u64>>,
    /// Pages of one host at the most
    #[arg(long, value_name = "N")]
    pub max_pages_per_host: Option<Limit<u64>>,
    /// Bytes over the wire after which nothing more is asked for, such as 500MiB
    #[arg(long, value_name = "SIZE")]
    pub quota: Option<Limit<Bytes>>,
    /// Time at the most, such as 90s, 5m, 2h
    #[arg(long, value_name = "DUR")]
    pub time_limit: Option<Limit<Span>>,
    /// Media types whose bodies are read, such as text/html,image/* [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub content_types: Vec<String>,
    /// Fetch what pages are made of (images, style sheets, scripts, media, icons), from any host
    #[arg(long)]
    pub assets: bool,
    /// Ask what is linked beyond the scope once whether it is there, without reading it
    #[arg(long)]
    pub check_external: bool,
    /// Follow links in spite of nofollow
    #[arg(long)]
    pub ignore_nofollow: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Politeness")]
pub(super) struct PolitenessArgs {
    /// Requests to one host, such as 5/s, 30/min or unlimited [default: 5/s]
    #[arg(long, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// Requests that a host which was left alone may get at once [default: 1]
    #[arg(long, value_name = "N")]
    pub burst: Option<u32>,
    /// Requests in flight to one host [default: 2]
    #[arg(long, value_name = "N")]
    pub host_concurrency: Option<u32>,
    /// Requests in flight in all [default: 64]
    #[arg(long, value_name = "N")]
    pub concurrency: Option<u32>,
    /// Requests in all [default: unlimited]
    #[arg(long, value_name = "RATE")]
    pub global_rate: Option<Rate>,
    /// Neither ask for robots.txt nor obey it
    #[arg(long)]
    pub ignore_robots: bool,
    /// The User-Agent; its first word is the name that robots.txt knows the crawler by
    #[arg(long, value_name = "TEXT")]
    pub user_agent: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Fetch")]
pub(super) struct FetchArgs {
    /// The whole of a request [default: 1m]
    #[arg(long, value_name = "DUR")]
    pub timeout: Option<Span>,
    /// Until the connection stands [default: 10s]
    #[arg(long, value_name = "DUR")]
    pub connect_timeout: Option<Span>,
    /// Between two pieces of an answer [default: 20s]
    #[arg(long, value_name = "DUR")]
    pub read_timeout: Option<Span>,
    /// Further tries of what failed for a passing reason [default: 3]
    #[arg(long, value_name = "N")]
    pub retries: Option<u32>,
    /// Longest body, decoded; the rest is cut and the page marked [default: 10MiB]
    #[arg(long, value_name = "SIZE")]
    pub max_body: Option<Bytes>,
    /// Redirects in a row [default: 10]
    #[arg(long, value_name = "N")]
    pub max_redirects: Option<u32>,
    /// A further request header (may be given again); Authorization and Cookie go to the seeds' origins only
    #[arg(long, value_name = "'K: V'")]
    pub header: Vec<String>,
    /// Proxy for all requests: http://, https:// or socks5:// [default: as the environment says]
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Accept any certificate
    #[arg(long)]
    pub insecure: bool,
    /// Let requests go to private and local addresses; a seed that names one is let through by itself
    #[arg(long)]
    pub allow_private: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// The directory of crawl.db and pages/ [default: crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Write no bodies to files
    #[arg(long)]
    pub no_files: bool,
    /// Move an output that is there aside and begin anew
    #[arg(long)]
    pub fresh: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Progress {
    /// A line that renews itself, on a terminal
    #[default]
    Auto,
    /// None
    Never,
    /// An object a line on standard error, once a second
    Json,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Talk")]
pub(super) struct TalkArgs {
    /// Say nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
    /// Say more: -v events, -vv every request
    #[arg(long, short, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How progress is shown
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub progress: Progress,
    /// Show settings, seeds, scope and what robots.txt says; fetch nothing else
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum Format {
    /// Aligned columns, fitted to the terminal
    #[default]
    Table,
    /// Comma-separated values with a line of names
    Csv,
    /// One array of objects
    Json,
    /// An object a line
    Jsonl,
}

#[derive(Debug, Args)]
pub(super) struct QueryArgs {
    /// SQL, or the name of a view: pages, links, broken-links, redirects, errors, hosts, …; none lists them
    pub question: Option<String>,
    /// How rows are shown
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// The output directory of the crawl, or a crawl.db
    #[arg(long, short, value_name = "DIR", default_value = "crawl-out")]
    pub output: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The output directory of the crawl, or a crawl.db
    #[arg(long, short, value_name = "DIR", default_value = "crawl-out")]
    pub output: PathBuf,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
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
