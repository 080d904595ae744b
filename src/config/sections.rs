//! The sections of `crawl.toml`, one struct each, and their defaults.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::since::Since;
use super::values::{Bytes, Limit, Rate, Span};

/// Where a crawl begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Seeds {
    /// URLs; `https://` is assumed where no scheme is written.
    pub seed: Vec<String>,
    /// A file of seeds, one a line, `#` for comments; empty for none.
    pub input_file: PathBuf,
    /// Sitemaps, whose entries are followed as the links of a page are.
    pub sitemap: Vec<String>,
    /// Add these seeds to the crawl that is in the output already.
    pub add: bool,
}

/// How far from its seeds a crawl goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reach {
    /// The seeds alone.
    Page,
    /// What stands at or below the folder of a seed.
    Prefix,
    /// The host (name and port) of a seed.
    #[default]
    Host,
    /// The registrable domain of a seed, by the Public Suffix List.
    Domain,
    /// Everything.
    Any,
}

impl Reach {
    /// The word in the config and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Prefix => "prefix",
            Self::Host => "host",
            Self::Domain => "domain",
            Self::Any => "any",
        }
    }
}

/// Which of a host's URLs comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sequence {
    /// What is nearest to a seed.
    #[default]
    BreadthFirst,
    /// What is farthest from every seed.
    DepthFirst,
    /// What looks most like a main page: the fewest links from a seed, folders and (twice) parameters.
    Score,
}

/// A `[[priority]]` table: URLs that come before or after the others of their host. Of several that
/// match, the last one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct PriorityConfig {
    /// Which: a regular expression on the whole URL.
    pub urls: String,
    /// From -100 (last) to 100 (first); all others have 0.
    pub priority: i16,
}

/// Which sitemaps are read besides those that are seeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sitemaps {
    /// None.
    Off,
    /// Those that robots.txt names.
    #[default]
    Robots,
    /// Those, and `/sitemap.xml` where robots.txt names none.
    Guess,
}

/// What belongs to a crawl, and when it stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in crawl.toml"
)]
pub struct ScopeConfig {
    /// How far from the seeds.
    pub scope: Reach,
    /// Links followed beyond the scope at the most.
    pub extra_hops: u32,
    /// Regular expressions; where there are any, a URL must match one.
    pub include: Vec<String>,
    /// Regular expressions; a URL that matches one stays out, whatever `include` says.
    pub exclude: Vec<String>,
    /// Links followed from a seed at the most.
    pub max_depth: Limit<u32>,
    /// Pages at the most.
    pub max_pages: Limit<u64>,
    /// Pages of one host at the most.
    pub max_pages_per_host: Limit<u64>,
    /// Bytes of bodies over the wire, after which no request starts any more.
    pub quota: Limit<Bytes>,
    /// Time at the most, for each start of the program.
    pub time_limit: Limit<Span>,
    /// Media types whose bodies are read (`text/html`, `image/*`); none: all.
    pub content_types: Vec<String>,
    /// Fetch what pages are made of (images, style sheets, scripts…), from any host.
    pub assets: bool,
    /// Ask URLs out of scope once whether they are there.
    pub check_external: bool,
    /// Follow links in spite of `rel=nofollow` and a page's `nofollow`.
    pub ignore_nofollow: bool,
    /// Which of a host's URLs comes first.
    pub order: Sequence,
    /// Parameters of URLs to be left out: names with a `*` at either end or none, or `tracking` for
    /// [`TRACKING`](crate::rewrite::TRACKING).
    pub strip_params: Vec<String>,
    /// Ask for every `http://` URL on the default port by `https://`.
    pub https_upgrade: bool,
    /// Take a host with and without `www.` for one.
    pub fold_www: bool,
    /// Which sitemaps are read besides those that are seeds.
    pub sitemaps: Sitemaps,
    /// Entries of sitemaps that say that they have not changed since then are not followed.
    pub sitemap_since: Since,
    /// Put nothing aside as a trap.
    pub ignore_traps: bool,
    /// Pages in a row after which URLs of one template are a trap, if they bring nothing new.
    pub trap_budget: u32,
    /// A longer URL is a trap.
    pub max_url_length: Limit<u32>,
    /// A URL with a longer path is a trap.
    pub max_path_segments: Limit<u32>,
}

impl Default for ScopeConfig {
    fn default() -> Self {
        Self {
            scope: Reach::default(),
            extra_hops: 0,
            include: Vec::new(),
            exclude: Vec::new(),
            max_depth: Limit(None),
            max_pages: Limit(None),
            max_pages_per_host: Limit(None),
            quota: Limit(None),
            time_limit: Limit(None),
            content_types: Vec::new(),
            assets: false,
            check_external: false,
            ignore_nofollow: false,
            order: Sequence::default(),
            strip_params: Vec::new(),
            https_upgrade: false,
            fold_www: false,
            sitemaps: Sitemaps::default(),
            sitemap_since: Since::default(),
            ignore_traps: false,
            trap_budget: 100,
            max_url_length: Limit(Some(2048)),
            max_path_segments: Limit(Some(32)),
        }
    }
}

impl ScopeConfig {
    /// Whether URLs are asked for in another form than the one in which they are written.
    pub(crate) fn rewrites(&self) -> bool {
        !self.strip_params.is_empty() || self.https_upgrade || self.fold_www
    }
}

/// What shares one rate and one cap in flight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum By {
    /// Each host (name and port) has its own.
    #[default]
    Host,
    /// All hosts of a registrable domain share one.
    Domain,
    /// All hosts with the same address share one.
    Ip,
}

/// What the content that is crawled is to be used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Purpose {
    /// It is not said.
    #[default]
    #[serde(rename = "")]
    Unsaid,
    /// To be found in a search.
    Search,
    /// To be given to a model that answers.
    AiInput,
    /// To train models.
    AiTrain,
}

impl Purpose {
    /// The word in the config and on the command line; empty where it is not said.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsaid => "",
            Self::Search => "search",
            Self::AiInput => "ai-input",
            Self::AiTrain => "ai-train",
        }
    }
}

/// How gently hosts are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Politeness {
    /// What `rate`, `burst` and `host-concurrency` are for.
    pub by: By,
    /// Requests to one host.
    pub rate: Rate,
    /// Requests that a host which was left alone may get at once.
    pub burst: u32,
    /// Requests in flight to one host.
    pub host_concurrency: u32,
    /// Requests in flight in all.
    pub concurrency: u32,
    /// Requests in all.
    pub global_rate: Rate,
    /// Do not ask for robots.txt, nor obey it.
    pub ignore_robots: bool,
    /// What the content is to be used for: what sites say against that is obeyed.
    pub purpose: Purpose,
    /// The `User-Agent`; its first word is the token that robots.txt knows us by.
    pub user_agent: String,
    /// Longest Crawl-delay honoured; a longer one is cut to this, and said.
    pub max_crawl_delay: Span,
    /// Longest time that one answer (Retry-After) can hold a host.
    pub max_hold: Span,
    /// Failures in a row after which a host is set aside until the next start.
    pub max_failures: u32,
    /// Make each gap longer by a random part of itself.
    pub random_wait: bool,
    /// Slow down where a host answers 429 or 503, does not answer in time, or comes to answer far slower.
    pub adaptive: bool,
    /// A page about the crawler or an address of mail, to be sent along with the `User-Agent`.
    pub contact: String,
}

impl Politeness {
    /// The `User-Agent` as it is sent.
    #[must_use]
    pub fn agent(&self) -> String {
        match self.contact.as_str() {
            "" => self.user_agent.clone(),
            mail if self.mail().is_some() => format!("{} (+mailto:{mail})", self.user_agent),
            page => format!("{} (+{page})", self.user_agent),
        }
    }

    /// The address of mail in `contact`, which is sent as `From`.
    pub(crate) fn mail(&self) -> Option<&str> {
        let bare = !self.contact.contains("://");
        Some(self.contact.as_str()).filter(|contact| bare && contact.contains('@'))
    }
}

impl Default for Politeness {
    fn default() -> Self {
        Self {
            by: By::Host,
            rate: Rate::per_second(5),
            burst: 1,
            host_concurrency: 2,
            concurrency: 64,
            global_rate: Rate::UNLIMITED,
            ignore_robots: false,
            purpose: Purpose::Unsaid,
            user_agent: concat!("crawl/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_crawl_delay: Span::seconds(30),
            max_hold: Span::seconds(600),
            max_failures: 20,
            random_wait: false,
            adaptive: true,
            contact: String::new(),
        }
    }
}

/// How a request is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct FetchConfig {
    /// The whole of a request, from its start to the last byte.
    pub timeout: Span,
    /// Until the connection stands.
    pub connect_timeout: Span,
    /// Between two pieces of an answer.
    pub read_timeout: Span,
    /// Further tries of what failed for a passing reason.
    pub retries: u32,
    /// Wait before the first further try; doubled for each one after.
    pub retry_wait: Span,
    /// Bytes of a body, on the wire and decoded; the rest is cut and marked.
    pub max_body: Bytes,
    /// Redirects in a row.
    pub max_redirects: u32,
    /// Further request headers, `Name: value`; `Authorization` and `Cookie` go to the seeds' origins only.
    pub header: Vec<String>,
    /// Keep the cookies that servers set, and send them back.
    pub cookies: bool,
    /// Name and password for HTTP Basic at the seeds' origins, `NAME:PASSWORD`; empty for none.
    pub user: String,
    /// A PEM file with a client certificate and its key, for the seeds' origins; empty for none.
    pub client_cert: String,
    /// `http://`, `https://` or `socks5://` proxy for all requests; empty: as the environment says.
    pub proxy: String,
    /// Addresses for names: `name:port:address`.
    pub resolve: Vec<String>,
    /// Accept any certificate.
    pub insecure: bool,
    /// Let requests go to private and local addresses.
    pub allow_private: bool,
    /// After the first signal, what is in flight has so long to end.
    pub stop_grace: Span,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            timeout: Span::seconds(60),
            connect_timeout: Span::seconds(10),
            read_timeout: Span::seconds(20),
            retries: 3,
            retry_wait: Span::seconds(1),
            max_body: Bytes(10 << 20),
            max_redirects: 10,
            header: Vec::new(),
            cookies: false,
            user: String::new(),
            client_cert: String::new(),
            proxy: String::new(),
            resolve: Vec::new(),
            insecure: false,
            allow_private: false,
            stop_grace: Span::seconds(5),
        }
    }
}

/// What is read out of a page; what is over a limit is cut, and the page marked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ParseConfig {
    /// Links of one page.
    pub max_links: u32,
    /// Length of a title and of a description.
    pub max_title: Bytes,
    /// Length of a link's text.
    pub max_anchor: Bytes,
}

impl Default for ParseConfig {
    fn default() -> Self {
        Self {
            max_links: 20_000,
            max_title: Bytes(1024),
            max_anchor: Bytes(256),
        }
    }
}

/// What of a crawl is certain to survive the loss of power.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Durability {
    /// All but its last seconds.
    #[default]
    Normal,
    /// Everything that was committed.
    Full,
}

/// Where the result goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Output {
    /// The directory of `crawl.db` and `pages/`.
    pub output: PathBuf,
    /// Write bodies to `pages/`.
    pub files: bool,
    /// Move an output that is there aside and begin anew.
    pub fresh: bool,
    /// What is certain to survive the loss of power.
    pub durability: Durability,
}

/// What a crawl makes of the answers of an earlier run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Recrawl {
    /// URLs whose last answer was good and is younger are not asked for: what is stored of them counts.
    pub max_age: Limit<Span>,
    /// Tell only of what is new, changed or gone: [`Visits`](crate::Visits), and lines of the program's.
    pub only_changed: bool,
    /// Requests that `crawl refresh` spends; robots.txt and sitemaps are not counted.
    pub budget: Limit<u64>,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            output: PathBuf::from("crawl-out"),
            files: true,
            fresh: false,
            durability: Durability::Normal,
        }
    }
}
