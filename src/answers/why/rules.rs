//! What the rules say of a URL: the scope by the settings of the last start, and its origin's robots.txt.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::{time, words};
use crate::canonical::CanonicalUrl;
use crate::config::{Config, ScopeConfig};
use crate::robots::{self, Robots};
use crate::scope::Scope;

/// How long an expired robots.txt rules on while it cannot be had, in microseconds.
const STALE: i64 = 30 * 86_400 * 1_000_000;

/// What the settings of the last start make of a URL's place.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Judged {
    /// Whether it is in scope.
    pub inside: bool,
    /// By which rule.
    pub rule: String,
    /// What that means.
    pub because: Option<String>,
    /// What a link to it would come to, and other ways in.
    pub notes: Vec<String>,
}

/// The scope of a run: its seeds and what has joined them, under these settings.
pub(super) fn scope(
    connection: &Connection,
    run: i64,
    config: &Config,
) -> rusqlite::Result<Option<Scope>> {
    let seeds: Option<String> = connection
        .query_row("SELECT seeds FROM run WHERE id = ?", [run], |row| {
            row.get(0)
        })
        .optional()?;
    let parsed = |texts: Vec<String>| {
        let urls = texts.iter().map(|text| CanonicalUrl::parse(text));
        urls.filter_map(Result::ok).collect::<Vec<_>>()
    };
    let seeds = seeds.and_then(|seeds| serde_json::from_str(&seeds).ok());
    let Ok(mut scope) = Scope::new(&config.scope, &parsed(seeds.unwrap_or_default())) else {
        return Ok(None);
    };
    let mut statement = connection
        .prepare("SELECT u.text FROM anchor a JOIN url u ON u.id = a.url WHERE a.run = ?")?;
    let joined = statement.query_map([run], |row| row.get(0))?;
    for url in parsed(joined.collect::<rusqlite::Result<_>>()?) {
        scope.join(&url);
    }
    Ok(Some(scope))
}

/// Judges a URL that nothing may have led to yet.
pub(super) fn judge(scope: &Scope, config: &ScopeConfig, url: &CanonicalUrl) -> Judged {
    let decision = scope.decide(url);
    let mut notes = Vec::new();
    let mut note = |text: String| notes.push(text);
    if decision.inside {
        match config.max_depth.0 {
            Some(0) => {
                note("max-depth 0: no link to it is followed, only a seed's redirect".to_owned());
            }
            Some(max) => note(format!(
                "a link to it is followed on a page of depth {} at the most (max-depth {max})",
                max - 1
            )),
            None => note("a link to it is followed, at any depth".to_owned()),
        }
        if !config.ignore_nofollow {
            note("a link that is marked nofollow is not".to_owned());
        }
    } else if decision.beyond {
        if config.extra_hops > 0 {
            note(format!(
                "it is followed where {} lead to it from a page in scope (extra-hops)",
                words::counted(config.extra_hops.into(), "link")
            ));
        }
        if config.check_external {
            note("a link on a page has it asked whether it is there (check-external)".to_owned());
        }
        note("where a seed redirects to it, its place joins the scope".to_owned());
    }
    if config.assets && scope.excludes(url).is_none() {
        note("as a part of a page (an image, a script…) it is fetched (assets)".to_owned());
    }
    Judged {
        inside: decision.inside,
        because: words::meaning(&decision.rule),
        rule: decision.rule,
        notes,
    }
}

/// What robots.txt says of a URL.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RobotsAnswer {
    /// Whose robots.txt it is.
    pub origin: String,
    /// `allowed`, `disallowed`, `ignored` (by the settings), `not asked` (it is asked first), or
    /// `unreachable` (nothing is allowed until it can be had).
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

/// What the robots.txt that held at a moment says; `line` is what was recorded then.
pub(super) fn robots(
    connection: &Connection,
    config: Option<&Config>,
    url: &CanonicalUrl,
    at: i64,
    line: Option<&str>,
) -> rusqlite::Result<RobotsAnswer> {
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
    let agent = &config.unwrap_or(&default).politeness.user_agent;
    let rules = match held.status {
        Some(200..=299) => Robots::parse(&held.body, robots::product_token(agent)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limit;

    #[test]
    fn what_a_link_would_come_to() {
        let url = |text: &str| CanonicalUrl::parse(text).expect(text);
        let mut config = ScopeConfig {
            exclude: vec![r"\.pdf$".to_owned()],
            ..ScopeConfig::default()
        };
        let seeds = [url("http://a.example/")];
        let first = |config: &ScopeConfig, text: &str| {
            let scope = Scope::new(config, &seeds).expect("a scope");
            let judged = judge(&scope, config, &url(text));
            let note = judged.notes.into_iter().next().unwrap_or_default();
            (judged.inside, judged.rule, note)
        };
        let inside = first(&config, "http://a.example/x");
        assert_eq!((inside.0, inside.1.as_str()), (true, "scope host"));
        assert_eq!(inside.2, "a link to it is followed, at any depth");
        let kept = first(&config, "http://b.example/x.pdf");
        assert_eq!((kept.0, kept.2.as_str()), (false, ""));
        config.max_depth = Limit(Some(3));
        config.extra_hops = 1;
        assert!(
            first(&config, "http://a.example/x")
                .2
                .contains("depth 2 at the most")
        );
        assert!(
            first(&config, "http://b.example/x")
                .2
                .contains("where 1 link")
        );
    }
}
