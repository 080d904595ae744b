//! What a report knows, as plain values: `--format json` is this.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::checks::Finding;
use super::questions::Column;

/// A crawl's latest run, as a report tells it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Version of the program that made the report.
    pub version: &'static str,
    /// When it was made (UTC).
    pub made_at: String,
    /// The run.
    pub run: Run,
    /// What was found that is to be mended or known, the most urgent first.
    pub findings: Vec<Finding>,
    /// What became of the URLs that were asked for, or that robots.txt forbids; assets and checks among them.
    pub outcomes: Outcomes,
    /// The same by status, or by error class where no answer came; most URLs first.
    pub statuses: Vec<Status>,
    /// How the crawl went on.
    pub pace: Pace,
    /// Pages by their depth.
    pub depths: Vec<Depth>,
    /// Lengths of the pages that came, in bytes.
    pub sizes: Histogram,
    /// Times that pages took, from the start of the last attempt to the last byte, in milliseconds.
    pub latencies: Histogram,
    /// Pages that came by media type, most first.
    pub content_types: Vec<ContentType>,
    /// How the parts of the site lead to one another.
    pub sections: Sections,
    /// Pages that took 2 s or longer.
    pub slow: u64,
    /// Pages of 2 MiB or more.
    pub large: u64,
    /// Tables: questions, with the first rows of their answers.
    pub tables: Vec<Listing>,
    /// What could not be asked, or is to be known of the figures.
    pub remarks: Vec<String>,
}

/// The run that a report is of.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Run {
    /// Its number.
    pub run: i64,
    /// As `crawl status` has it: `running`, `finished`, `deferred`, `stopped`, `failed`, `killed`.
    pub state: String,
    /// Whether a crawl wrote while the report was made: then its figures are of no single moment.
    pub live: bool,
    /// Its seeds.
    pub seeds: Vec<String>,
    /// When it began (UTC).
    pub begun_at: String,
    /// Its last sign of life (UTC).
    pub heartbeat_at: String,
    /// Starts of the program within it.
    pub starts: u64,
    /// Pages, requests and bytes over the wire.
    pub pages: u64,
    /// See `pages`.
    pub requests: u64,
    /// See `pages`.
    pub bytes: u64,
    /// URLs that wait, and those of them that wait for the next start.
    pub queued: u64,
    /// See `queued`.
    pub deferred: u64,
    /// Hosts of its pages.
    pub hosts: u64,
}

/// What became of URLs, in five kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Outcomes {
    /// A whole answer below 400 that leads nowhere else.
    pub ok: u64,
    /// A whole answer that leads to another URL.
    pub redirects: u64,
    /// Answers of 400 to 499.
    pub client_errors: u64,
    /// Answers of 500 and above, and no answer or none that is whole.
    pub failed: u64,
    /// robots.txt forbids it.
    pub forbidden: u64,
}

impl Outcomes {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.ok + self.redirects + self.client_errors + self.failed + self.forbidden
    }
}

/// The kinds of [`Outcomes`], as they are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// See [`Outcomes::ok`].
    Ok,
    /// See [`Outcomes::redirects`].
    Redirect,
    /// See [`Outcomes::client_errors`].
    ClientError,
    /// See [`Outcomes::failed`].
    Failed,
    /// See [`Outcomes::forbidden`].
    Forbidden,
}

impl Outcome {
    /// Every kind, with the words for its URLs.
    pub(super) const ALL: [(Self, &'static str); 5] = [
        (Self::Ok, "answered"),
        (Self::Redirect, "redirects"),
        (Self::ClientError, "refused or not there (4xx)"),
        (Self::Failed, "failed (5xx, no answer)"),
        (Self::Forbidden, "forbidden by robots.txt"),
    ];

    pub(super) fn of(status: Option<i64>, has_error: bool, redirects: bool) -> Self {
        match status {
            _ if has_error => Self::Failed,
            Some(400..=499) => Self::ClientError,
            Some(..400) if redirects => Self::Redirect,
            Some(..400) => Self::Ok,
            _ => Self::Failed,
        }
    }
}

/// URLs with one status, or one error class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// `200`, `timeout`, …
    pub name: String,
    /// What kind of outcome that is.
    pub outcome: Outcome,
    /// So many URLs.
    pub urls: u64,
}

/// The crawl by time, which counts only while a start of the program ran.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Pace {
    /// Length of a step in seconds.
    pub step_s: f64,
    /// Seconds that the starts took in all.
    pub active_s: f64,
    /// The steps, from the first on.
    pub steps: Vec<Step>,
    /// Steps in which a start after the first one began.
    pub restarts: Vec<usize>,
}

/// A step of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// Pages: answers to requests for pages that are no redirects and no 304.
    pub pages: u64,
    /// Requests of all kinds.
    pub requests: u64,
    /// Of these, those that failed or were answered by 400 and above.
    pub failed: u64,
}

/// Pages of a depth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Depth {
    /// Links from the nearest seed.
    pub depth: u32,
    /// What became of them.
    pub outcomes: Outcomes,
    /// Bytes of their bodies.
    pub bytes: u64,
}

/// How often values lie in each of some ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Histogram {
    /// The ranges, without gaps between them.
    pub bins: Vec<Bin>,
    /// Values in all.
    pub count: u64,
    /// Half of the values are no larger.
    pub median: u64,
    /// 95 of 100 values are no larger.
    pub p95: u64,
    /// The largest value.
    pub largest: u64,
    /// All values together.
    pub sum: u64,
}

/// A range of values: from `from` on, below `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Bin {
    /// The least value that belongs to it.
    pub from: u64,
    /// The least value that does not any more.
    pub to: u64,
    /// Values in it.
    pub count: u64,
}

/// Pages of a media type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ContentType {
    /// `text/html`, …; `unknown` where the server names none.
    pub content_type: String,
    /// Pages.
    pub urls: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}

/// Parts of the site, and how many links lead from one to the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sections {
    /// What a part is: `host`, `folder` or `host and folder`.
    pub by: &'static str,
    /// The parts, most pages first; what has no row of its own comes last, together.
    pub nodes: Vec<Section>,
    /// Links (`a`, `area`) between them, where there are any.
    pub edges: Vec<Edge>,
    /// Links that lead to no page of the run.
    pub elsewhere: u64,
    /// One page in so many was looked at.
    pub one_in: u64,
}

/// A part of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Pages in it.
    pub pages: u64,
}

/// Links from one part to another, by their places among the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Edge {
    /// The part that the links are on.
    pub from: usize,
    /// The part that they lead to.
    pub to: usize,
    /// So many links.
    pub links: u64,
}

/// The answer to a question: its first rows, and how many there are.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Listing {
    /// Its name.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What a row is.
    pub what: &'static str,
    /// Rows in all.
    pub total: u64,
    /// What is counted besides rows (links of broken targets), in all.
    pub weight: u64,
    /// The same by kind of problem, where there are several.
    pub parts: BTreeMap<String, Part>,
    /// The rows that are shown, as objects.
    #[serde(serialize_with = "objects")]
    pub rows: Rows,
    /// What to type to have all.
    pub query: String,
    /// Why it could not be asked.
    pub unasked: Option<String>,
}

/// Rows with one kind of problem.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Part {
    /// Rows.
    pub rows: u64,
    /// What is counted besides.
    pub weight: u64,
}

/// Rows, and what stands in their columns.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Rows {
    /// The columns.
    pub columns: &'static [Column],
    /// A value a column.
    pub rows: Vec<Vec<Value>>,
}

fn objects<S: serde::Serializer>(rows: &Rows, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(rows.rows.iter().map(|row| {
        let named = rows.columns.iter().zip(row);
        let named = named.map(|(column, value)| (column.name.to_owned(), value.clone()));
        named.collect::<Map<String, Value>>()
    }))
}
