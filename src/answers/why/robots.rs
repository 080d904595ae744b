//! What the robots.txt of a URL's origin says of it: the one that held when it was asked for, or that holds
//! now.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::time;
use crate::canonical::CanonicalUrl;
use crate::config::Config;
use crate::robots::{self, Robots};

/// How long an expired robots.txt rules on while it cannot be had, in microseconds.
const STALE: i64 = 30 * 86_400 * 1_000_000;

/// What robots.txt says of a URL.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RobotsAnswer {
    /// Whose robots.txt it is.
    pub origin: String,
    /// `allowed`, `disallowed`, `ignored` (by the settings), `not asked` (it is asked first), `none` (the URL
    /// was asked for without, since its host leads nowhere), or `unreachable` (nothing is allowed until it
    /// can be had).
    pub verdict: String,
    /// The line that decided; none where no line matches.
    pub line: Option<String>,
    /// The status with which it came.
    pub status: Option<u16>,
    /// When it was fetched (UTC).
    pub fetched_at: Option<String>,
    /// Until when it counts (UTC).
    pub valid_until: Option<String>,
    /// The Crawl-delay that it asks for, in seconds.
    pub crawl_delay: Option<f64>,
}

/// A robots.txt as it is stored.
struct Stored {
    fetched: i64,
    valid_until: i64,
    status: Option<u16>,
    reachable: bool,
    body: Vec<u8>,
}

/// What the robots.txt says that held when a URL was asked for the last time, or that holds now; `line` is
/// what was recorded then.
pub(super) fn robots(
    connection: &Connection,
    config: Option<&Config>,
    url: &CanonicalUrl,
    asked: Option<i64>,
    now: i64,
    line: Option<&str>,
) -> rusqlite::Result<RobotsAnswer> {
    let at = asked.unwrap_or(now);
    let mut answer = RobotsAnswer {
        origin: url.origin().as_str().to_owned(),
        verdict: "not asked".to_owned(),
        line: None,
        status: None,
        fetched_at: None,
        valid_until: None,
        crawl_delay: None,
    };
    let ignored = config.is_some_and(|config| config.politeness.ignore_robots);
    if line == Some("robots.txt ignored") || (ignored && line.is_none()) {
        "ignored".clone_into(&mut answer.verdict);
        return Ok(answer);
    }
    let Some(newest) = stored(connection, url, at, false)? else {
        if asked.is_some() {
            "none".clone_into(&mut answer.verdict);
        }
        return Ok(answer);
    };
    let held = if newest.reachable {
        Some(newest)
    } else {
        // While it cannot be had, an old copy rules on.
        stored(connection, url, at, true)?.filter(|old| old.valid_until > at - STALE)
    };
    let Some(held) = held else {
        "unreachable".clone_into(&mut answer.verdict);
        return Ok(answer);
    };
    let default = Config::default();
    let settings = &config.unwrap_or(&default).politeness;
    let agent = robots::product_token(&settings.user_agent);
    let rules = match held.status {
        Some(200..=299) => Robots::for_purpose(&held.body, agent, settings.purpose),
        _ => Robots::allow_all(),
    };
    let verdict = rules.verdict(url.path_and_query());
    let word = if verdict.allowed {
        "allowed"
    } else {
        "disallowed"
    };
    word.clone_into(&mut answer.verdict);
    answer.line = line.or(verdict.rule).map(str::to_owned);
    answer.status = held.status;
    answer.fetched_at = Some(time(held.fetched));
    answer.valid_until = Some(time(held.valid_until));
    answer.crawl_delay = rules.crawl_delay().map(|delay| delay.as_secs_f64());
    Ok(answer)
}

fn stored(
    connection: &Connection,
    url: &CanonicalUrl,
    at: i64,
    reachable: bool,
) -> rusqlite::Result<Option<Stored>> {
    connection
        .query_row(
            "SELECT r.fetched, r.valid_until, r.status, r.reachable, r.body FROM origin o JOIN robots r ON r.origin = o.id
             WHERE o.text = ? AND r.fetched <= ? AND r.reachable >= ? ORDER BY r.fetched DESC LIMIT 1",
            params![url.origin().as_str(), at, reachable],
            |row| {
                Ok(Stored {
                    fetched: row.get(0)?,
                    valid_until: row.get(1)?,
                    status: row.get(2)?,
                    reachable: row.get(3)?,
                    body: row.get(4)?,
                })
            },
        )
        .optional()
}
