//! `crawl why`: how a URL was found, what was decided of it and by which rule, what came of it, and when its
//! turn comes; of a URL that was never met, what would decide.
//!
//! Every look-up goes by an index or is bounded, so that the answer takes no longer in a database of ten
//! million URLs. Only the log of requests has no index by URL: see `attempts`.

mod answer;
mod attempts;
mod look;
mod robots;
mod route;
pub(in crate::answers) mod scope;
mod turn;
mod words;

use serde::Serialize;

pub use attempts::Attempt;
pub use robots::RobotsAnswer;
pub use route::{Hop, Outcome, Step};
pub use scope::Judged;
pub use turn::{HostState, Waits};

use super::{Reader, asked};
use crate::error::Result;

/// All that is known of a URL.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Why {
    /// The answer in a line.
    pub answer: String,
    /// Where it stands: `fetched`, `failed`, `redirect`, `waiting`, `deferred`; what was decided where that
    /// keeps it out (`excluded`, `cut`, `linked`, `disallowed`, …); `earlier` (met in earlier runs alone),
    /// `robots` and `sitemap` (it is asked for as one alone), `named` (by a canonical link and the like), `unknown` (never met).
    pub state: String,
    /// The one form in which it is asked for.
    pub url: String,
    /// Its identity, where that is spelt otherwise: two URLs with the same are one.
    pub key: Option<String>,
    /// What was made of the text that was given.
    pub notes: Vec<String>,
    /// URLs that were met and look much like it, if it was not.
    pub similar: Vec<Hop>,
    /// The latest run; all that follows is of it, where nothing else is said.
    pub run: Option<i64>,
    /// `running`, `finished`, `deferred`, `stopped`, `failed`, `killed`.
    pub run_state: Option<String>,
    /// How its last start ended: `finished`, `deferred`, `limit`, `signal`, `failed`; nothing of one that runs,
    /// or was killed.
    pub last_start: Option<String>,
    /// When it was first met, in any run (UTC).
    pub first_seen: Option<String>,
    /// What was decided of it.
    pub decided: Option<Decided>,
    /// The way to it from a seed: the last step is the URL itself.
    pub route: Vec<Step>,
    /// What the settings of the last start say of its place.
    pub scope: Option<Judged>,
    /// What robots.txt says.
    pub robots: RobotsAnswer,
    /// Every request for it, in the order in which they were made.
    pub attempts: Vec<Attempt>,
    /// Requests in the log that were not looked through for `attempts` and `redirected_from`.
    pub requests_unread: u64,
    /// Where it redirects to, hop by hop.
    pub redirects: Vec<Hop>,
    /// URLs that redirect to it, or have; twenty at the most.
    pub redirected_from: Vec<String>,
    /// How it waits, if it does.
    pub waits: Option<Waits>,
    /// Its host.
    pub host: HostState,
    /// What is stored of it.
    pub content: Option<Content>,
    /// What became of it in earlier runs, the last first.
    pub earlier: Vec<Earlier>,
}

/// What was decided of a URL.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Decided {
    /// `admitted`, `excluded`, `cut`, `linked`, `disallowed`, ….
    pub decision: String,
    /// By which rule.
    pub rule: Option<String>,
    /// What that means.
    pub because: Option<String>,
    /// What it is asked for as: `page`, `asset`, `check`, `known`.
    pub kind: Option<String>,
    /// Links from the nearest seed.
    pub depth: u32,
    /// Links beyond the scope; of an asset, how many assets lead to it.
    pub hops: u32,
}

/// The content of a URL that is stored.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Content {
    /// Text of the first `<title>`.
    pub title: Option<String>,
    /// Media type.
    pub content_type: Option<String>,
    /// Length, decoded.
    pub bytes: u64,
    /// The body, relative to the output directory.
    pub file: Option<String>,
    /// Digest of the decoded body.
    pub sha256: String,
    /// Whether something was cut.
    pub truncated: bool,
    /// Whether the last attempt brought it, or found it unchanged.
    pub current: bool,
    /// Different contents of the URL that are stored.
    pub versions: u64,
    /// Its links.
    pub links: u64,
}

/// What became of a URL in an earlier run.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Earlier {
    /// The run.
    pub run: i64,
    /// What became of it.
    pub outcome: Outcome,
}

/// Says all that is known of a URL, as a user writes it: `https` is assumed where no scheme is written, unless
/// only `http` is known. With `all`, a log of more than 200,000 requests is looked through, too.
///
/// # Errors
/// When the text is no URL, or the database cannot be read.
pub fn read(reader: &Reader, text: &str, all: bool) -> Result<Why> {
    let url = asked::parse(text)?;
    let config = reader.settings()?;
    let why = look::why(reader, text, url, config.as_ref(), all);
    why.map_err(|error| reader.failed(error))
}

/// Microseconds since 1970 as the views show times.
fn time(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(
        |_| micros.to_string(),
        |time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    )
}
