//! One of the two sides of a diff: a run of an output, and what it knows of a URL.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use rusqlite::{OptionalExtension, Row, params};
use tokio_rusqlite::rusqlite;

use super::map::Map;
use crate::answers::{Reader, folder_of};
use crate::canonical::CanonicalUrl;
use crate::fetched::FetchError;
use crate::store::words::{Decision, Role};

/// Rows that are read at a time: a crawl that writes can copy its log back in between.
const PIECE: usize = 10_000;
/// Redirects that are followed to where a URL stands now.
const MOST_HOPS: usize = 10;
/// Runs before one in which a URL is looked for.
const MOST_RUNS: usize = 100;

/// A request that decided what is known of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) id: i64,
    start: i64,
    pub(super) status: Option<u16>,
    pub(super) error: Option<u8>,
    pub(super) version: Option<i64>,
    pub(super) redirect_to: Option<i64>,
    pub(super) header: Option<i64>,
}

/// A URL that a run has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) url: i64,
    decision: i64,
    role: i64,
    rule: Option<i64>,
    pub(super) asked: Option<Asked>,
    /// The last good content, of this run or of one before.
    pub(super) good: Option<i64>,
}

/// What a run says of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing.
    Unmet,
    /// It belongs to the run, which has not asked for it yet.
    Waiting,
    /// It was met and does not belong to the run.
    Left,
    /// robots.txt forbids it.
    Disallowed,
    /// There is something.
    There,
    /// It redirects.
    Redirect,
    /// 404 or 410.
    Gone,
    /// Another error.
    Failed,
}

impl Met {
    pub(super) fn state(&self) -> State {
        let decision = Decision::from_code(self.decision);
        if decision == Some(Decision::Disallowed) {
            return State::Disallowed;
        }
        match self.asked {
            Some(asked) => match (asked.error, asked.status) {
                (None, Some(200..=299 | 304)) => State::There,
                (None, Some(300..=399)) if asked.redirect_to.is_some() => State::Redirect,
                (None, Some(404 | 410)) => State::Gone,
                _ => State::Failed,
            },
            None if decision == Some(Decision::Admitted) => State::Waiting,
            None => State::Left,
        }
    }

    pub(super) fn role(&self) -> Role {
        Role::from_code(self.role)
    }

    /// The class of an error, or the status.
    pub(super) fn outcome(&self) -> Option<String> {
        if self.state() == State::Disallowed {
            return Some(FetchError::RobotsDisallowed.as_str().to_owned());
        }
        let asked = self.asked?;
        match (asked.error, asked.status) {
            (Some(error), _) => Some(FetchError::word(error).to_owned()),
            (None, status) => status.map(|status| status.to_string()),
        }
    }
}

/// A run of an output.
#[derive(Debug)]
pub(super) struct Side<'r> {
    pub(super) reader: &'r Reader,
    pub(super) run: i64,
    pub(super) map: &'r [Map],
    starts: HashMap<i64, i64>,
}

const MET: &str = "SELECT v.url, v.decision, v.role, v.rule, v.good_version, f.id, f.start, f.status, f.error, f.version,
 f.redirect_to, f.header FROM visit v LEFT JOIN fetch f ON f.id = v.last_fetch WHERE v.run = ?1 AND";

fn met(row: &Row<'_>) -> rusqlite::Result<Met> {
    let asked = match row.get(5)? {
        Some(id) => Some(Asked {
            id,
            start: row.get(6)?,
            status: row
                .get::<_, Option<i64>>(7)?
                .and_then(|status| u16::try_from(status).ok()),
            error: row
                .get::<_, Option<i64>>(8)?
                .map(|error| u8::try_from(error).unwrap_or(u8::MAX)),
            version: row.get(9)?,
            redirect_to: row.get(10)?,
            header: row.get(11)?,
        }),
        None => None,
    };
    Ok(Met {
        url: row.get(0)?,
        decision: row.get(1)?,
        role: row.get(2)?,
        rule: row.get(3)?,
        good: row.get(4)?,
        asked,
    })
}

impl<'r> Side<'r> {
    pub(super) fn new(reader: &'r Reader, run: i64, map: &'r [Map]) -> rusqlite::Result<Self> {
        let mut statement = reader.connection.prepare("SELECT id, run FROM start")?;
        let starts = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self {
            reader,
            run,
            map,
            starts: starts.collect::<rusqlite::Result<_>>()?,
        })
    }

    /// The run in which a request was made.
    pub(super) fn run_of(&self, asked: &Asked) -> i64 {
        self.starts.get(&asked.start).copied().unwrap_or(self.run)
    }

    /// The next URLs that have an outcome, by number.
    pub(super) fn piece(&self, after: Option<i64>) -> rusqlite::Result<VecDeque<Met>> {
        let mut statement = self.reader.connection.prepare_cached(&format!(
            "{MET} v.url > ?2 AND (v.last_fetch IS NOT NULL OR v.decision = ?3) ORDER BY v.url LIMIT ?4"
        ))?;
        let forbidden = Decision::Disallowed as i64;
        let rows = statement.query_map(
            params![self.run, after.unwrap_or(i64::MIN), forbidden, PIECE as i64],
            met,
        )?;
        rows.collect()
    }

    /// What a run says of a URL.
    pub(super) fn at(&self, run: i64, url: i64) -> rusqlite::Result<Option<Met>> {
        let sql = format!("{MET} v.url = ?2");
        let mut statement = self.reader.connection.prepare_cached(&sql)?;
        statement.query_row([run, url], met).optional()
    }

    /// What is known of a URL as of this run: where the run has not asked for it, what the last one before did that
    /// has, back to the one after `since`.
    pub(super) fn known(&self, url: i64, since: i64) -> rusqlite::Result<Option<Met>> {
        let now = self.at(self.run, url)?;
        if now.is_some_and(|met| met.state() != State::Waiting) {
            return Ok(now);
        }
        for run in (since.saturating_add(1)..self.run).rev().take(MOST_RUNS) {
            let earlier = self.at(run, url)?;
            let asked = earlier.and_then(|met| met.asked);
            if asked.is_some_and(|asked| self.run_of(&asked) > since) {
                return Ok(earlier);
            }
        }
        Ok(now)
    }

    pub(super) fn text(&self, url: i64) -> rusqlite::Result<String> {
        let sql = "SELECT text FROM url WHERE id = ?";
        let mut statement = self.reader.connection.prepare_cached(sql)?;
        let text = statement.query_row([url], |row| row.get(0)).optional()?;
        Ok(text.unwrap_or_else(|| format!("(URL {url} is not in the table)")))
    }

    /// A URL as it is compared: under another host, perhaps.
    pub(super) fn mapped(&self, url: i64) -> rusqlite::Result<String> {
        Ok(super::map::apply(self.map, self.text(url)?))
    }

    /// A URL as it is told from others.
    pub(super) fn key(&self, url: i64) -> rusqlite::Result<String> {
        let text = self.mapped(url)?;
        let parsed = CanonicalUrl::parse(&text);
        Ok(parsed.map_or(text, |url| url.key().into_owned()))
    }

    /// Where redirects lead in the end, and what it answers there, as far as it is known.
    pub(super) fn end_of(&self, redirect_to: i64) -> rusqlite::Result<(i64, Option<Met>)> {
        let mut at = redirect_to;
        for _ in 0..MOST_HOPS {
            let met = self.at(self.run, at)?;
            let next = met.filter(|met| met.state() == State::Redirect);
            match next.and_then(|met| met.asked?.redirect_to) {
                Some(next) if next != at => at = next,
                _ => return Ok((at, met)),
            }
        }
        Ok((at, None))
    }

    /// Why a URL was not asked for.
    pub(super) fn why_not(&self, met: Option<&Met>) -> rusqlite::Result<String> {
        let Some(met) = met else {
            return Ok("not met".to_owned());
        };
        if let Some(asked) = met.asked {
            return Ok(format!("last asked for in run {}", self.run_of(&asked)));
        }
        let decision = match Decision::from_code(met.decision) {
            Some(Decision::Admitted) => return Ok("not asked for yet".to_owned()),
            _ => Decision::word(met.decision).unwrap_or("undecided"),
        };
        let sql = "SELECT text FROM rule WHERE id = ?";
        let mut statement = self.reader.connection.prepare_cached(sql)?;
        let rule: Option<String> = statement
            .query_row([met.rule], |row| row.get(0))
            .optional()?;
        Ok(rule.map_or_else(|| decision.to_owned(), |rule| format!("{decision}: {rule}")))
    }

    /// The folder of the output.
    pub(super) fn folder(&self) -> PathBuf {
        folder_of(&self.reader.path).to_owned()
    }
}
