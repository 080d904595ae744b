//! What an audit says: plain data, as JSON has it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::canonical::CanonicalUrl;

/// A law that requests are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Law {
    /// The robots.txt that was valid then allows it.
    Robots,
    /// Some robots.txt of its origin was known by then.
    RobotsUnknown,
    /// The host's token bucket: rate and burst.
    Rate,
    /// The same for all hosts together.
    GlobalRate,
    /// Requests in flight to one host.
    HostConcurrency,
    /// Requests in flight in all.
    Concurrency,
    /// The gap that a Crawl-delay asks for.
    CrawlDelay,
    /// Under a Crawl-delay, one request at a time.
    OneAtATime,
    /// What Retry-After asks for; after a 429 or 503 without it, a second.
    Hold,
    /// Nothing is asked of a host that was set aside.
    SetAside,
    /// The user agent is a name that robots.txt can address, and stays the same within a run.
    Identity,
    /// The settings of a start can be read: else nothing is known of its limits.
    Settings,
}

impl Law {
    /// Every law, with its word and what is asked for.
    pub const ALL: [(Self, &'static str, &'static str); 12] = [
        (
            Self::Robots,
            "robots",
            "robots.txt forbids what was asked for",
        ),
        (
            Self::RobotsUnknown,
            "robots_unknown",
            "asked before a robots.txt of its origin was known",
        ),
        (
            Self::Rate,
            "rate",
            "more requests to a host than its rate and burst allow",
        ),
        (
            Self::GlobalRate,
            "global_rate",
            "more requests in all than global-rate allows",
        ),
        (
            Self::HostConcurrency,
            "host_concurrency",
            "more requests in flight to a host than allowed",
        ),
        (
            Self::Concurrency,
            "concurrency",
            "more requests in flight in all than allowed",
        ),
        (
            Self::CrawlDelay,
            "crawl_delay",
            "nearer to the request before than the Crawl-delay",
        ),
        (
            Self::OneAtATime,
            "one_at_a_time",
            "under a Crawl-delay, another request was in flight",
        ),
        (
            Self::Hold,
            "hold",
            "asked while the host was to be left alone (Retry-After, 429, 503)",
        ),
        (
            Self::SetAside,
            "set_aside",
            "asked after the host had to be set aside",
        ),
        (
            Self::Identity,
            "identity",
            "the user agent is no name for robots.txt, or has changed within the run",
        ),
        (
            Self::Settings,
            "settings",
            "the settings of a start cannot be read, so its requests prove nothing",
        ),
    ];

    fn row(self) -> (&'static str, &'static str) {
        let found = Self::ALL.iter().find(|row| row.0 == self);
        found.map_or(("", ""), |row| (row.1, row.2))
    }

    /// The word for it, as JSON has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// What a violation of it is, in words.
    #[must_use]
    pub fn broken(self) -> &'static str {
        self.row().1
    }
}

/// A request (or a start) that broke a law.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// Which law.
    pub law: Law,
    /// The host; `None` where it is a start that broke it.
    pub host: Option<String>,
    /// The request, as `requests.id`; `None` where it is a start that broke it.
    pub request: Option<i64>,
    /// The start of the program, as `requests.start`.
    pub start: i64,
    /// The requests beside which it breaks the law: the one before, those in flight, the answer that
    /// asked to be left alone.
    pub beside: Vec<i64>,
    /// What was asked for.
    pub url: Option<String>,
    /// When (UTC, to the microsecond).
    pub started_at: String,
    /// What was found: milliseconds or requests, as the law has it.
    pub found: Option<f64>,
    /// What the law allows at the least (a time) or at the most (a number of requests).
    pub permitted: Option<f64>,
    /// All of it in words.
    pub words: String,
}

/// A start of the program: who asked, and within which limits.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StartFigures {
    /// Its number, as `runs.start`.
    pub start: i64,
    /// Its run.
    pub run: i64,
    /// When it began (UTC).
    pub begun_at: String,
    /// Version of the program.
    pub version: String,
    /// The `User-Agent` that was sent.
    pub user_agent: String,
    /// The name by which robots.txt knows it.
    pub product_token: String,
    /// A page or an address where its operator can be reached; empty where none was given.
    pub contact: String,
    /// Whether it was told to ignore robots.txt.
    pub ignore_robots: bool,
    /// Requests in flight in all, at the most.
    pub concurrency: u32,
    /// Least time between two requests in all, in milliseconds.
    pub global_interval_ms: Option<f64>,
    /// Its requests, to all hosts.
    pub requests: Option<u64>,
}

/// What was asked of a host, and what was allowed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HostFigures {
    /// The host.
    pub host: String,
    /// The domain or the address whose hosts share their limits, where they do.
    pub shared: Option<String>,
    /// Requests that were sent.
    pub requests: u64,
    /// Requests that could not be sent: the name does not exist, or the address is private.
    pub not_sent: u64,
    /// The first and the last request (UTC).
    pub first_at: String,
    /// See `first_at`.
    pub last_at: String,
    /// The least time between two starts, in milliseconds.
    pub least_gap_ms: Option<f64>,
    /// The time that the rate asks for, in milliseconds; `None`: no limit was set.
    pub interval_ms: Option<f64>,
    /// Requests that may come at once after a rest.
    pub burst: u32,
    /// The most requests in flight at one time.
    pub most_in_flight: u64,
    /// So many may be.
    pub host_concurrency: u32,
    /// The longest Crawl-delay that was in force, in milliseconds, after the cut by `max-crawl-delay`.
    pub crawl_delay_ms: Option<f64>,
    /// Copies of robots.txt that were read while the run went on, or were known before.
    pub robots_copies: u64,
    /// Requests that were held against robots.txt.
    pub robots_checked: u64,
    /// Of these, requests that a line of it speaks of.
    pub robots_by_line: u64,
    /// Answers that asked for a pause: 429, 503, Retry-After.
    pub throttled: u64,
    /// The longest pause that was due, in milliseconds.
    pub longest_hold_ms: Option<f64>,
    /// Violations.
    pub violations: u64,
}

/// Something that the reader of an audit must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Remark {
    /// A word for it.
    pub name: &'static str,
    /// In words.
    pub words: String,
}

/// What an audit has found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Audit {
    /// Version of the program that looked.
    pub version: &'static str,
    /// When it looked (UTC).
    pub audited_at: String,
    /// The runs that it looked at.
    pub runs: Vec<i64>,
    /// Their seeds.
    pub seeds: Vec<String>,
    /// The first and the last request (UTC).
    pub first_at: Option<String>,
    /// See `first_at`.
    pub last_at: Option<String>,
    /// Requests that were sent, all of them checked.
    pub requests: u64,
    /// Requests that could not be sent.
    pub not_sent: u64,
    /// The most requests in flight at one time, over all hosts.
    pub most_in_flight: u64,
    /// The starts of the program.
    pub starts: Vec<StartFigures>,
    /// The hosts: those with violations first, then by requests.
    pub hosts: Vec<HostFigures>,
    /// What else is to be known.
    pub remarks: Vec<Remark>,
    /// How many violations there are of each law that was broken.
    pub counts: BTreeMap<Law, u64>,
    /// The violations, by law; at most 100,000 of one.
    pub violations: Vec<Violation>,
    /// Violations that are counted and not listed.
    pub left_out: u64,
}

impl Audit {
    /// Whether no law was broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    /// Leaves what concerns one host: for its owner, whom the others are no business of. Whether it was asked
    /// at all.
    pub fn keep_host(&mut self, host: &str) -> bool {
        self.hosts.retain(|figures| figures.host == host);
        let Some(figures) = self.hosts.first() else {
            return false;
        };
        (self.requests, self.not_sent) = (figures.requests, figures.not_sent);
        let span = (self.requests > 0).then(|| (figures.first_at.clone(), figures.last_at.clone()));
        (self.first_at, self.last_at) = span.unzip();
        let broken = figures.violations;
        let concerns = |of: &Option<String>| of.as_deref().is_none_or(|of| of == host);
        self.violations.retain(|found| concerns(&found.host));
        self.counts.clear();
        for found in &self.violations {
            *self.counts.entry(found.law).or_default() += 1;
        }
        let listed = self.violations.iter().filter(|found| found.host.is_some());
        self.left_out = broken.saturating_sub(listed.count() as u64);
        let of_host =
            |seed: &String| CanonicalUrl::parse(seed).is_ok_and(|url| url.host().as_str() == host);
        self.seeds.retain(of_host);
        for start in &mut self.starts {
            start.requests = None;
        }
        true
    }

    /// The user agents that asked, each once.
    #[must_use]
    pub fn agents(&self) -> Vec<&str> {
        let mut agents = Vec::new();
        for start in &self.starts {
            if !agents.contains(&start.user_agent.as_str()) {
                agents.push(&start.user_agent);
            }
        }
        agents
    }

    /// Violations in all.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.counts.values().sum()
    }
}
