//! The rows that the answer is made of, read at one moment of the crawl.

use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension};
use tokio_rusqlite::rusqlite;

use super::super::status;
use super::attempts::{Attempt, Log};
use super::robots::{self, RobotsAnswer};
use super::route::{self, Hop};
use super::scope::{self, Judged};
use super::turn::{HostState, Waits};
use super::{Content, Decided, Earlier, Reader, Why, answer, time, words};
use crate::answers::asked::{self, Asked};
use crate::canonical::CanonicalUrl;
use crate::config::Config;
use crate::store::find::{Finder, Found, Place};
use crate::store::words::{Decision, Role};
use crate::store::{lock_holder, micros};

/// Earlier runs that are told of, the last first.
const MOST_RUNS: usize = 20;

/// A URL, and where to look for what is known of it.
struct Look<'a> {
    connection: &'a Connection,
    config: Option<&'a Config>,
    now: i64,
    /// The latest run, and its state in the table.
    run: i64,
    state: Option<String>,
    /// How the last start ended.
    ended: Option<String>,
    /// As it is asked for: the spelling that was met first.
    url: CanonicalUrl,
    found: Option<Found>,
    visit: Option<Visit>,
    place: Option<Place>,
}

/// The row of a URL in the latest run.
struct Visit {
    decision: i64,
    rule: Option<String>,
    role: i64,
    depth: u32,
    hops: u32,
    last_fetch: Option<i64>,
    good_version: Option<i64>,
    carried: i64,
}

pub(super) fn why(
    reader: &Reader,
    text: &str,
    url: CanonicalUrl,
    config: Option<&Config>,
    all: bool,
) -> rusqlite::Result<Why> {
    let pid = reader.path.parent().and_then(lock_holder);
    let connection = &*reader.connection.unchecked_transaction()?;
    let finder = Finder::new(connection)?;
    let mut asked = Asked::look_up(connection, finder, text, url)?;
    if let Some(config) = config {
        let last =
            connection.query_row("SELECT coalesce(max(id), 0) FROM run", [], |row| row.get(0))?;
        if let (_, Some(rewrite)) = scope::seeds(connection, last, config)? {
            asked = asked.rewritten(connection, finder, &rewrite, last)?;
        }
    }
    let look = Look::at(connection, config, asked.url, asked.found)?;
    let log = look.log(all)?;
    let last = look.visit.as_ref().and_then(|visit| visit.last_fetch);
    let robots = look.robots(log.attempts.iter().find(|attempt| Some(attempt.id) == last))?;
    let host = HostState::read(
        connection,
        config,
        &look.url.host(),
        robots.crawl_delay,
        look.now,
    )?;
    let scope = look.scope()?;
    let visited = look.visit.as_ref().zip(look.id());
    let run_state = match look.state.as_deref() {
        Some("running") if pid.is_none() => Some(status::ended(reader)?.0),
        state => state.map(str::to_owned),
    };
    let mut why = Why {
        answer: String::new(),
        state: String::new(),
        key: Some(look.url.key().into_owned()).filter(|key| key != look.url.as_str()),
        notes: asked.notes,
        similar: match visited {
            None => look.similar(finder)?,
            Some(_) => Vec::new(),
        },
        run: Some(look.run).filter(|number| *number > 0),
        run_state,
        last_start: look.ended.clone(),
        first_seen: look.found.as_ref().map(|found| time(found.first_seen)),
        decided: look
            .visit
            .as_ref()
            .map(|visit| visit.decided(scope.as_ref())),
        route: match visited {
            Some((_, id)) => route::route(connection, look.run, id)?,
            None => Vec::new(),
        },
        scope,
        robots,
        redirects: match visited {
            Some((_, id)) => route::redirects(connection, look.run, id)?,
            None => Vec::new(),
        },
        redirected_from: log.redirected_from,
        requests_unread: log.unread,
        waits: look.waits(&host)?,
        host,
        content: match visited {
            Some((visit, id)) => content(connection, id, visit)?,
            None => None,
        },
        earlier: look.earlier()?,
        attempts: log.attempts,
        url: look.url.as_str().to_owned(),
    };
    (why.state, why.answer) = answer::of(&why, last);
    Ok(why)
}

impl<'a> Look<'a> {
    fn at(
        connection: &'a Connection,
        config: Option<&'a Config>,
        url: CanonicalUrl,
        found: Option<Found>,
    ) -> rusqlite::Result<Self> {
        let run = connection
            .query_row(
                "SELECT r.id, r.state, s.how FROM run r LEFT JOIN start s ON s.run = r.id ORDER BY r.id DESC, s.id DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let (run, state, ended) = run.unwrap_or_default();
        let visit = match &found {
            Some(found) => visit(connection, run, found.id)?,
            None => None,
        };
        let place = match (&found, &visit) {
            (Some(found), Some(visit)) if visit.waits() => {
                Place::of(connection, found.host, found.id)?
            }
            _ => None,
        };
        let stored = found.as_ref().map(|found| CanonicalUrl::parse(&found.text));
        Ok(Self {
            connection,
            config,
            now: micros(SystemTime::now()),
            run,
            state,
            ended,
            url: stored.and_then(Result::ok).unwrap_or(url),
            found,
            visit,
            place,
        })
    }

    fn id(&self) -> Option<i64> {
        self.found.as_ref().map(|found| found.id)
    }

    fn log(&self, all: bool) -> rusqlite::Result<Log> {
        let Some(id) = self.id() else {
            return Ok(Log::default());
        };
        let failed = self.place.as_ref().map_or(0, |place| place.failed_attempts);
        let last = self.visit.as_ref().and_then(|visit| visit.last_fetch);
        Log::read(self.connection, id, last, failed, all)
    }

    /// What robots.txt said when it was asked for the last time, or says now.
    fn robots(&self, last: Option<&Attempt>) -> rusqlite::Result<RobotsAnswer> {
        let line = match &self.visit {
            Some(visit) if visit.decision == Decision::Disallowed as i64 => visit.rule.as_deref(),
            _ => last.and_then(|attempt| attempt.rule.as_deref()),
        };
        let asked = last.map(|attempt| attempt.started);
        robots::robots(
            self.connection,
            self.config,
            &self.url,
            asked,
            self.now,
            line,
        )
    }

    fn scope(&self) -> rusqlite::Result<Option<Judged>> {
        let Some(config) = self.config else {
            return Ok(None);
        };
        let scope = scope::scope(self.connection, self.run, config)?;
        Ok(scope.map(|(seeds, scope)| scope::judge(&seeds, &scope, config, &self.url)))
    }

    fn waits(&self, host: &HostState) -> rusqlite::Result<Option<Waits>> {
        match (&self.found, &self.place) {
            (Some(found), Some(place)) => {
                Waits::read(self.connection, host, found.host, place, self.now).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What looks like it and was met.
    fn similar(&self, finder: Finder) -> rusqlite::Result<Vec<Hop>> {
        let found = asked::similar(self.connection, finder, &self.url)?;
        let hop = |found: Found| {
            Ok(Hop {
                outcome: route::outcome(self.connection, self.run, found.id)?,
                url: found.text,
            })
        };
        found.into_iter().map(hop).collect()
    }

    fn earlier(&self) -> rusqlite::Result<Vec<Earlier>> {
        let mut earlier = Vec::new();
        let Some(id) = self.id() else {
            return Ok(earlier);
        };
        for run in (1..self.run).rev().take(MOST_RUNS) {
            if let Some(outcome) = route::outcome(self.connection, run, id)? {
                earlier.push(Earlier { run, outcome });
            }
        }
        Ok(earlier)
    }
}

impl Visit {
    /// Whether it has a row in the queue: it is admitted, and has no outcome, or is to have a newer one.
    fn waits(&self) -> bool {
        self.decision == Decision::Admitted as i64
            && (self.last_fetch.is_none() || self.carried == 2)
    }

    fn decided(&self, scope: Option<&Judged>) -> Decided {
        let same = scope.filter(|scope| self.rule.as_deref() == Some(&scope.rule));
        Decided {
            decision: Decision::word(self.decision)
                .unwrap_or("unknown")
                .to_owned(),
            because: match same {
                // It may be there for what has joined.
                Some(scope) => scope.because.clone(),
                None => self.rule.as_deref().and_then(words::meaning),
            },
            rule: self.rule.clone(),
            kind: Role::word(self.role).map(str::to_owned),
            depth: self.depth,
            hops: self.hops,
        }
    }
}

fn visit(connection: &Connection, run: i64, url: i64) -> rusqlite::Result<Option<Visit>> {
    connection
        .query_row(
            "SELECT v.decision, r.text, v.role, v.depth, v.hops, v.last_fetch, v.good_version, v.carried
             FROM visit v LEFT JOIN rule r ON r.id = v.rule WHERE v.run = ? AND v.url = ?",
            [run, url],
            |row| {
                Ok(Visit {
                    decision: row.get(0)?,
                    rule: row.get(1)?,
                    role: row.get(2)?,
                    depth: row.get(3)?,
                    hops: row.get(4)?,
                    last_fetch: row.get(5)?,
                    good_version: row.get(6)?,
                    carried: row.get(7)?,
                })
            },
        )
        .optional()
}

fn content(connection: &Connection, url: i64, visit: &Visit) -> rusqlite::Result<Option<Content>> {
    connection
        .query_row(
            "SELECT c.title, c.media_type, c.bytes, c.file, lower(hex(c.digest)), c.truncated, f.version IS c.id,
                    (SELECT count(*) FROM version o WHERE o.url = ?1), (SELECT count(*) FROM link WHERE version = ?2)
             FROM version c LEFT JOIN fetch f ON f.id = ?3 WHERE c.id = ?2",
            (url, visit.good_version, visit.last_fetch),
            |row| {
                Ok(Content {
                    title: row.get(0)?,
                    content_type: row.get(1)?,
                    bytes: row.get::<_, i64>(2)?.unsigned_abs(),
                    file: row.get(3)?,
                    sha256: row.get(4)?,
                    truncated: row.get(5)?,
                    current: row.get(6)?,
                    versions: row.get::<_, i64>(7)?.unsigned_abs(),
                    links: row.get::<_, i64>(8)?.unsigned_abs(),
                })
            },
        )
        .optional()
}

#[cfg(test)]
mod tests {
    use crate::answers::{Reader, why};
    use crate::store::Opening;

    #[test]
    fn where_nothing_was_crawled() {
        let directory = tempfile::tempdir().expect("a directory");
        drop(Opening::open(directory.path(), false).expect("made"));
        let reader = Reader::open(directory.path()).expect("opened");
        let why = why::read(&reader, "a.example/x#y", false).expect("read");
        assert_eq!((why.state.as_str(), why.run), ("unknown", None));
        assert_eq!(
            why.answer,
            "never met, and there are no settings to judge it by"
        );
        assert_eq!(why.url, "https://a.example/x");
        assert!(why::read(&reader, "ftp://a.example", false).is_err_and(|error| error.is_usage()));
    }
}
