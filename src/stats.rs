//! Counters of a start, fed by the engine alone; and the snapshot of them that anyone may watch.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::canonical::Host;
use crate::fetched::FetchError;
use crate::record::{Fate, Record};
use crate::store::LONG_LOG;

/// What keeps a crawl from being faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Bottleneck {
    /// Nothing yet.
    Starting,
    /// Rates, gaps and holds of the hosts.
    HostLimits,
    /// Waiting for servers to answer, with all slots taken or nothing else known to ask for.
    Latency,
    /// Reading pages.
    Cpu,
    /// Writing the database and the files.
    Disk,
    /// The program that reads the records as they come.
    Reader,
}

impl Bottleneck {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::HostLimits => "host limits",
            Self::Latency => "latency",
            Self::Cpu => "CPU",
            Self::Disk => "disk",
            Self::Reader => "reader",
        }
    }
}

/// A host that is being left alone, and for how long yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Held {
    /// The host.
    pub host: String,
    /// Seconds from now.
    pub seconds: u64,
    /// Why.
    pub why: String,
}

impl Held {
    /// A host that is left alone so many seconds.
    #[must_use]
    pub fn new(host: String, seconds: u64, why: String) -> Self {
        Self { host, seconds, why }
    }
}

/// Where a crawl stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Seconds since the start.
    pub elapsed: f64,
    /// Pages in this start: final answers that are no redirects.
    pub pages: u64,
    /// Pages a second over the last seconds.
    pub pages_per_second: f64,
    /// Requests in this start, robots.txt and retries included.
    pub requests: u64,
    /// URLs that wait.
    pub queued: u64,
    /// Requests under way.
    pub in_flight: usize,
    /// URLs with an outcome that is a failure or a status of 400 and above, by class.
    pub failures: BTreeMap<String, u64>,
    /// Bytes of bodies that came over the wire.
    pub bytes: u64,
    /// Hosts that were met.
    pub hosts: usize,
    /// The host that is held longest.
    pub held: Option<Held>,
    /// What keeps the crawl from being faster.
    pub bottleneck: Bottleneck,
    /// Length of the database's log (`crawl.db-wal`); long where a reader holds it.
    pub log_bytes: u64,
}

impl Snapshot {
    /// Whether the log is so long that a reader must be keeping it from being copied back.
    #[must_use]
    pub fn is_log_long(&self) -> bool {
        self.log_bytes > LONG_LOG
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            elapsed: 0.0,
            pages: 0,
            pages_per_second: 0.0,
            requests: 0,
            queued: 0,
            in_flight: 0,
            failures: BTreeMap::new(),
            bytes: 0,
            hosts: 0,
            held: None,
            bottleneck: Bottleneck::Starting,
            log_bytes: 0,
        }
    }
}

/// How far back the speed looks.
const WINDOW: Duration = Duration::from_secs(5);

/// The counters.
#[derive(Debug)]
pub struct Stats {
    begun: Instant,
    pages: u64,
    requests: u64,
    bytes: u64,
    failures: BTreeMap<String, u64>,
    /// Moments and the pages at that moment, a few a second, no older than the window.
    past: std::collections::VecDeque<(Instant, u64)>,
    /// How often each bottleneck was seen.
    votes: BTreeMap<Bottleneck, u64>,
}

impl Stats {
    /// All at nought.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            begun: now,
            pages: 0,
            requests: 0,
            bytes: 0,
            failures: BTreeMap::new(),
            past: [(now, 0)].into(),
            votes: BTreeMap::new(),
        }
    }

    /// Counts a record.
    pub fn count(&mut self, record: &Record) {
        if let Some(fetched) = &record.fetched {
            self.requests += 1;
            self.bytes += fetched.wire_bytes;
        }
        if !record.request.is_visit() || record.fate != Fate::Done {
            return;
        }
        self.pages += u64::from(record.is_counted_page());
        if let Some(class) = record.failure() {
            *self.failures.entry(class).or_default() += 1;
        }
    }

    /// Counts failures that were seen later than in the record.
    pub fn fail(&mut self, class: FetchError, times: u64) {
        if times > 0 {
            *self.failures.entry(class.as_str().to_owned()).or_default() += times;
        }
    }

    /// Pages so far.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Failures so far, by class.
    #[must_use]
    pub fn failures(&self) -> &BTreeMap<String, u64> {
        &self.failures
    }

    /// What held the crawl back most of the time.
    #[must_use]
    pub fn bottleneck(&self) -> Bottleneck {
        let most = self.votes.iter().max_by_key(|(_, votes)| **votes);
        most.map_or(Bottleneck::Starting, |(bottleneck, _)| *bottleneck)
    }

    /// The counters and what the engine knows besides, as of now.
    pub fn snapshot(&mut self, now: Instant, view: View) -> Snapshot {
        *self.votes.entry(view.bottleneck).or_default() += 1;
        self.past.push_back((now, self.pages));
        while self.past.len() > 2 && self.past.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.past.pop_front();
        }
        let (since, before) = self.past.front().copied().unwrap_or((now, self.pages));
        let seconds = (now - since).as_secs_f64();
        Snapshot {
            elapsed: (now - self.begun).as_secs_f64(),
            pages: self.pages,
            pages_per_second: if seconds > 0.0 {
                (self.pages - before) as f64 / seconds
            } else {
                0.0
            },
            requests: self.requests,
            queued: view.queued,
            in_flight: view.in_flight,
            failures: self.failures.clone(),
            bytes: self.bytes,
            hosts: view.hosts,
            held: view.held.map(|(host, until, why)| Held {
                why,
                host: host.to_string(),
                seconds: until.saturating_duration_since(now).as_secs(),
            }),
            bottleneck: view.bottleneck,
            log_bytes: view.log_bytes,
        }
    }
}

/// What the engine knows at the moment of a snapshot.
#[derive(Debug)]
pub struct View {
    /// URLs that wait.
    pub queued: u64,
    /// Requests under way.
    pub in_flight: usize,
    /// Hosts that were met.
    pub hosts: usize,
    /// The host that is held longest.
    pub held: Option<(Host, Instant, String)>,
    /// What keeps the crawl from being faster.
    pub bottleneck: Bottleneck,
    /// Length of the database's log.
    pub log_bytes: u64,
}
