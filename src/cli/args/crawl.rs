//! What a crawl may be told, in the groups in which `--help` shows it.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use crawl::config::{Bytes, Limit, Rate, Since, Span};

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct CrawlArgs {
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
pub(in crate::cli) struct SeedArgs {
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
pub(in crate::cli) enum Reach {
    Page,
    Prefix,
    Host,
    Domain,
    Any,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Sequence {
    BreadthFirst,
    DepthFirst,
    Score,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Sitemaps {
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
pub(in crate::cli) struct ScopeArgs {
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
pub(in crate::cli) enum By {
    Host,
    Domain,
    Ip,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Purpose {
    None,
    Search,
    AiInput,
    AiTrain,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Politeness")]
pub(in crate::cli) struct PolitenessArgs {
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
pub(in crate::cli) struct FetchArgs {
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
pub(in crate::cli) struct ParseArgs {
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
pub(in crate::cli) struct RecrawlArgs {
    /// Do not ask again for what answered well and not longer ago than this, such as 12h or 7d; its stored links count
    #[arg(long, value_name = "DUR")]
    pub max_age: Option<Limit<Span>>,
    /// Say at the end which URLs are new, changed or gone, a line each on standard output
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub only_changed: Option<bool>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RefreshArgs {
    /// Requests to spend, robots.txt and sitemaps not counted [default: as crawl.toml has it]
    #[arg(long, short, value_name = "N")]
    pub budget: Option<Limit<u64>>,
    #[command(flatten)]
    pub crawl: CrawlArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(in crate::cli) struct OutputArgs {
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
pub(in crate::cli) enum Durability {
    Normal,
    Full,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Progress {
    #[default]
    Auto,
    Never,
    Json,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Talk")]
pub(in crate::cli) struct TalkArgs {
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
