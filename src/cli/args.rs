//! What the command line may say, in the groups in which `--help` shows it.

use std::path::PathBuf;
use std::str::FromStr as _;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use crawl::answers::query::Param;
use crawl::config::{Bytes, Limit, Rate, Since, Span};

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
    /// Write rows as CSV, JSON Lines or Parquet, the graph of links, or the site as a tree of files
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
    pub parse: ParseArgs,
    #[command(flatten)]
    pub recrawl: RecrawlArgs,
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
    /// A sitemap (or an index, a feed, a list) whose entries are followed (may be given again)
    #[arg(long, value_name = "URL")]
    pub sitemap: Vec<String>,
    /// Add these seeds to the crawl that is in the output already
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub add: Option<bool>,
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

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Sequence {
    BreadthFirst,
    DepthFirst,
    Score,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Sitemaps {
    Off,
    Robots,
    Guess,
}

impl From<Sitemaps> for crawl::config::Sitemaps {
    fn from(which: Sitemaps) -> Self {
        match which {
            Sitemaps::Off => Self::Off,
            Sitemaps::Robots => Self::Robots,
            Sitemaps::Guess => Self::Guess,
        }
    }
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
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub assets: Option<bool>,
    /// Ask what is linked beyond the scope once whether it is there, without reading it
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub check_external: Option<bool>,
    /// Follow links in spite of nofollow
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub ignore_nofollow: Option<bool>,
    /// Which of a host's URLs comes first [default: breadth-first]
    #[arg(long, value_name = "ORDER")]
    pub order: Option<Sequence>,
    /// Parameters of URLs to leave out, such as utm_*,sid,jsessionid; tracking stands for a list of well-known ones
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub strip_params: Vec<String>,
    /// Ask for http:// URLs on the default port by https://
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub https_upgrade: Option<bool>,
    /// Take a host with and without www. for one: as a seed has it, else without
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub fold_www: Option<bool>,
    /// Which sitemaps are read: those that robots.txt names, or /sitemap.xml where it names none [default: robots]
    #[arg(long, value_name = "WHICH")]
    pub sitemaps: Option<Sitemaps>,
    /// Leave out entries of sitemaps that have not changed since, such as 2026-01-31 or 30d
    #[arg(long, value_name = "WHEN")]
    pub sitemap_since: Option<Since>,
    /// Put nothing aside as a trap: URLs without end that bring nothing new, or are too long
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub ignore_traps: Option<bool>,
    /// Pages in a row with nothing new after which URLs of one template are a trap [default: 100]
    #[arg(long, value_name = "N")]
    pub trap_budget: Option<u32>,
    /// Longest URL that is no trap, in bytes [default: 2048]
    #[arg(long, value_name = "N")]
    pub max_url_length: Option<Limit<u32>>,
    /// Longest path that is no trap, in segments [default: 32]
    #[arg(long, value_name = "N")]
    pub max_path_segments: Option<Limit<u32>>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum By {
    Host,
    Domain,
    Ip,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Purpose {
    None,
    Search,
    AiInput,
    AiTrain,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Politeness")]
pub(super) struct PolitenessArgs {
    /// What shares --rate, --burst and --host-concurrency [default: host]
    #[arg(long, value_name = "BY")]
    pub by: Option<By>,
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
    /// Make each gap between two requests to a host longer by a random part of itself
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub random_wait: Option<bool>,
    /// Slow down where a host answers 429 or 503, not in time, or far slower than before [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub adaptive: Option<bool>,
    /// Neither ask for robots.txt nor obey it
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub ignore_robots: Option<bool>,
    /// What the content is to be used for: what sites say against that (Content-Signal and the like) is obeyed
    #[arg(long, value_name = "PURPOSE")]
    pub purpose: Option<Purpose>,
    /// The User-Agent; its first word is the name that robots.txt knows the crawler by
    #[arg(long, value_name = "TEXT")]
    pub user_agent: Option<String>,
    /// A page about the crawler, or an address of mail: sent with the User-Agent
    #[arg(long, value_name = "URL|MAIL")]
    pub contact: Option<String>,
    /// A longer Crawl-delay is cut to this [default: 30s]
    #[arg(long, value_name = "DUR")]
    pub max_crawl_delay: Option<Span>,
    /// Longest time for which answers can make a host wait [default: 10m]
    #[arg(long, value_name = "DUR")]
    pub max_hold: Option<Span>,
    /// Failures in a row after which a host is set aside until the next start [default: 20]
    #[arg(long, value_name = "N")]
    pub max_failures: Option<u32>,
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
    /// Wait before the first further try, doubled each time [default: 1s]
    #[arg(long, value_name = "DUR")]
    pub retry_wait: Option<Span>,
    /// Longest body, decoded; the rest is cut and the page marked [default: 10MiB]
    #[arg(long, value_name = "SIZE")]
    pub max_body: Option<Bytes>,
    /// Redirects in a row [default: 10]
    #[arg(long, value_name = "N")]
    pub max_redirects: Option<u32>,
    /// A further request header (may be given again); those of credentials (Authorization, Cookie, …-Key, …-Token) go to the seeds' origins only
    #[arg(long, value_name = "'K: V'")]
    pub header: Vec<String>,
    /// Keep the cookies that servers set, and send them back
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub cookies: Option<bool>,
    /// Name and password for HTTP Basic, at the seeds' origins only; ${VARIABLE} keeps it off the command line
    #[arg(long, value_name = "NAME:PASSWORD")]
    pub user: Option<String>,
    /// A PEM file with a client certificate and its key, for the seeds' origins only
    #[arg(long, value_name = "FILE")]
    pub client_cert: Option<String>,
    /// Proxy for all requests: http://, https:// or socks5:// [default: as the environment says]
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// The address of a name and port, even a private one (may be given again)
    #[arg(long, value_name = "NAME:PORT:ADDRESS")]
    pub resolve: Vec<String>,
    /// Accept any certificate
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub insecure: Option<bool>,
    /// Let requests go to private and local addresses; a seed that names one is let through by itself
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub allow_private: Option<bool>,
    /// Time for what is in flight after the first Ctrl-C [default: 5s]
    #[arg(long, value_name = "DUR")]
    pub stop_grace: Option<Span>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Parse")]
#[expect(clippy::struct_field_names, reason = "they are named as their flags")]
pub(super) struct ParseArgs {
    /// Links of one page; beyond, the page is marked [default: 20000]
    #[arg(long, value_name = "N")]
    pub max_links: Option<u32>,
    /// Length of a title and of a description [default: 1KiB]
    #[arg(long, value_name = "SIZE")]
    pub max_title: Option<Bytes>,
    /// Length of a link's text [default: 256B]
    #[arg(long, value_name = "SIZE")]
    pub max_anchor: Option<Bytes>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Re-crawl")]
pub(super) struct RecrawlArgs {
    /// Do not ask again for what answered well and not longer ago than this, such as 12h or 7d; its stored links count
    #[arg(long, value_name = "DUR")]
    pub max_age: Option<Limit<Span>>,
    /// Say at the end which URLs are new, changed or gone, a line each on standard output
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub only_changed: Option<bool>,
}

#[derive(Debug, Args)]
pub(super) struct RefreshArgs {
    /// Requests to spend, robots.txt and sitemaps not counted [default: as crawl.toml has it]
    #[arg(long, short, value_name = "N")]
    pub budget: Option<Limit<u64>>,
    #[command(flatten)]
    pub crawl: CrawlArgs,
}

#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// The output directory of the crawl [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
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

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// The directory of crawl.db and pages/ [default: crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Write no bodies to files
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub no_files: Option<bool>,
    /// Move an output that is there aside and begin anew
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub fresh: Option<bool>,
    /// What loss of power may cost: the last seconds, or nothing that was committed [default: normal]
    #[arg(long, value_name = "HOW")]
    pub durability: Option<Durability>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Durability {
    Normal,
    Full,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Progress {
    #[default]
    Auto,
    Never,
    Json,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Talk")]
pub(super) struct TalkArgs {
    /// Say nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
    /// Say more: -v events, -vv every request
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
    /// A line that renews itself on a terminal, nothing, or an object a line, once a second
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub progress: Progress,
    /// Show settings, seeds, scope and what robots.txt says; fetch nothing else
    #[arg(long)]
    pub dry_run: bool,
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
#[command(after_help = help::OF_QUERY)]
pub(super) struct QueryArgs {
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
    /// The output directory of the crawl, or a crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The output directory of the crawl, or a crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum AuditFormat {
    /// Figures of each host, and the first violations of each kind
    #[default]
    Table,
    /// Everything, as one object
    Json,
    /// A page by itself, to be sent to a site's owner
    Html,
}

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// The output directory of the crawl, or a crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
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
pub(super) enum CheckFormat {
    /// What is wrong by kind, and the first of each kind
    #[default]
    Table,
    /// Everything, as one object
    Json,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The output directory of the crawl, or a crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Put right what can be: what is hurt is asked for again by the next crawl, files that no row names are removed
    #[arg(long)]
    pub repair: bool,
    /// How it is shown
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: CheckFormat,
}

#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// The URL, met or not; https:// is assumed where no scheme is written, unless only http:// is known
    pub url: String,
    /// The output directory of the crawl, or a crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Look through the whole log for earlier attempts and for what redirects there, however long it is
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub(super) struct CatArgs {
    /// The URL; https:// is assumed where no scheme is written, unless only http:// is known
    pub url: String,
    /// The output directory of the crawl, or its crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
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
pub(super) enum SearchFormat {
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
pub(super) struct SearchArgs {
    /// What to look for
    #[arg(required = true, value_name = "WORDS")]
    pub words: Vec<String>,
    /// The output directory of the crawl, or its crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
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
Quote what the shell would take for itself. What is not indexed yet is indexed first, unless a crawl is
writing. That nothing was found is no error: the exit code is 0.";

#[derive(Debug, Args)]
pub(super) struct IndexArgs {
    /// The output directory of the crawl, or its crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
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
pub(super) struct RankArgs {
    /// The output directory of the crawl, or its crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// A page by itself, with charts, and tables that sort and filter
    #[default]
    Html,
    /// The figures, and the beginnings of the tables
    Md,
    /// The figures, and the tables as far as the page has them, as one object
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = super::report::checks())]
pub(super) struct ReportArgs {
    /// The output directory of the crawl, or a crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Where the report goes; - for standard output [default: of html report.html in the output directory, else -]
    #[arg(long, short, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// How it is shown
    #[arg(long, short, value_name = "FORMAT", default_value = "html")]
    pub format: ReportFormat,
    /// End with code 5 if one of these checks counts more than N, or anything at all (may be given again)
    #[arg(long, value_name = "CHECK[=N]", value_delimiter = ',')]
    pub fail_on: Vec<String>,
    /// Rows of a table, of each kind of problem, at the most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub rows: u16,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum DiffFormat {
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
#[command(after_help = super::diff::after())]
pub(super) struct DiffArgs {
    /// The earlier run: a number, -2 for the last but one, a date for the last begun by then, or another output [default: the last but one]
    #[arg(allow_negative_numbers = true)]
    pub run1: Option<String>,
    /// The later run, likewise [default: the latest]
    #[arg(allow_negative_numbers = true)]
    pub run2: Option<String>,
    /// The output directory of the crawl, or a crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
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

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(subcommand)]
    pub command: ExportCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ExportCommand {
    /// Comma-separated values with a line of names
    Csv(CsvArgs),
    /// JSON Lines: an object a row
    Jsonl(TableArgs),
    /// Apache Parquet: columns with types, compressed
    Parquet(TableArgs),
    /// The graph of links as GraphML, for networkx, igraph, yEd
    Graphml(GraphArgs),
    /// The graph of links as GEXF, for Gephi
    Gexf(GraphArgs),
    /// The pages as a tree of files to be browsed offline, their links leading to each other
    Mirror(MirrorArgs),
}

#[derive(Debug, Args)]
pub(super) struct GraphArgs {
    /// The output directory of the crawl, or a crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// A node for each host in place of each page; edges have the number of links as their weight
    #[arg(long, conflicts_with = "sections")]
    pub hosts: bool,
    /// A node for each first folder of a host, likewise
    #[arg(long)]
    pub sections: bool,
    /// The file, compressed where its name ends in .gz or .zst [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub(super) struct MirrorArgs {
    /// The folder to make, with one in it for each host
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
    /// The output directory of the crawl, or a crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Where a folder is there already, move that to DIR.1
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub(super) struct CsvArgs {
    #[command(flatten)]
    pub table: TableArgs,
    /// Texts as they are: nothing is done against what a spreadsheet takes for formulas
    #[arg(long)]
    pub raw: bool,
}

#[derive(Debug, Args)]
pub(super) struct TableArgs {
    /// Names of views (crawl query lists them) or SQL; several need --to DIR [default: pages]
    pub what: Vec<String>,
    /// The output directory of the crawl, or a crawl.db [default: as crawl.toml has it, or crawl-out]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// The file, compressed where its name ends in .gz or .zst; or a folder for a file each [default: standard output]
    #[arg(long, value_name = "FILE|DIR")]
    pub to: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
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
