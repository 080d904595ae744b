//! The log of requests, read once in its own order: each request is held against robots.txt while its
//! URL is at hand, and 32 bytes of it are kept for what can only be seen among others.
//!
//! Of ten million requests these are 320 MB; the rest (rules, hosts, throttled answers) is bounded or small
//! beside it. A page of rows is read at a time, so that a crawl that writes meanwhile is not held up.

use std::time::{Duration, UNIX_EPOCH};

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use super::asked::{Asked, Class, Throttle};
use super::copies::Copies;
use super::findings::{Breach, Findings};
use super::hosts::Hosts;
use super::report::Law;
use super::robots::{Judge, Ruling};
use super::starts::{Start, Starts};
use super::{Micros, time};
use crate::canonical::CanonicalUrl;
use crate::fetched::FetchError;
use crate::politeness::parse_retry_after;
use crate::store::words::ROBOTS;

/// Rows that are read at a time.
const PAGE: usize = 20_000;

/// What the log has come to.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) asked: Vec<Asked>,
    pub(super) throttles: Vec<Throttle>,
    pub(super) hosts: Hosts,
    /// Requests whose robots.txt is not in the database any more, though it was read.
    pub(super) lost: u64,
    /// Requests that were told to ignore robots.txt.
    pub(super) ignored: u64,
    /// URLs of requests that cannot be read.
    pub(super) unreadable: u64,
}

/// A row of the log.
struct Row {
    id: i64,
    start: i64,
    host: i64,
    name: String,
    kind: u8,
    started: Micros,
    total: i64,
    status: Option<u16>,
    error: Option<u8>,
    url: String,
    peer: Option<String>,
    /// The header block of an answer that may have a `Retry-After`.
    header: Option<String>,
}

const SQL: &str = "
SELECT f.id, f.start, u.host, n.name, f.kind, f.started, f.total_us, f.status, f.error, u.text, h.text, f.peer
FROM fetch f JOIN url u ON u.id = f.url JOIN host n ON n.id = u.host
LEFT JOIN header h ON h.id = f.header AND (f.status = 429 OR f.status BETWEEN 500 AND 599)
WHERE f.id > ?1 AND f.id <= ?2 AND f.start BETWEEN ?3 AND ?4 ORDER BY f.id LIMIT ?5";

impl Log {
    /// Reads the log of some starts, and holds each request against robots.txt.
    pub(super) fn read(
        connection: &Connection,
        starts: &mut Starts,
        copies: &mut Copies,
        found: &mut Findings<'_>,
    ) -> rusqlite::Result<Self> {
        let mut log = Self::default();
        let (Some(first), Some(last)) = (starts.list.first(), starts.list.last()) else {
            return Ok(log);
        };
        let (first, last) = (first.id, last.id);
        // What is written from now on is for the next audit.
        let end: i64 =
            connection.query_row("SELECT coalesce(max(id), 0) FROM fetch", [], |row| {
                row.get(0)
            })?;
        let mut judge = Judge::new(connection);
        let mut after = 0;
        loop {
            let mut statement = connection.prepare_cached(SQL)?;
            let mut rows = statement.query((after, end, first, last, PAGE as i64))?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                let row = Row::of(row)?;
                (after, count) = (row.id, count + 1);
                if let Some(start) = starts.index(row.start) {
                    starts.list[start].requests += 1;
                    log.take(row, start, starts, copies, &mut judge, found)?;
                }
            }
            if count < PAGE {
                return Ok(log);
            }
        }
    }

    fn take(
        &mut self,
        row: Row,
        start: usize,
        starts: &Starts,
        copies: &mut Copies,
        judge: &mut Judge<'_>,
        found: &mut Findings<'_>,
    ) -> rusqlite::Result<()> {
        let host = self.hosts.of(row.host, &row.name);
        let (is_robots, url) = (row.is_robots(), CanonicalUrl::parse(&row.url));
        if row.was_not_sent() {
            self.hosts.figures(host).not_sent += 1;
            if let Ok(url) = url.as_ref()
                && is_robots
            {
                copies.leads_nowhere(url, row.ended());
            }
            return Ok(());
        }
        let (class, asked) = row.class();
        let request = Asked {
            id: row.id,
            started: row.started,
            host,
            total: u32::try_from(row.total.max(0)).unwrap_or(u32::MAX),
            start: start as u32,
            robots: is_robots,
            class,
        };
        self.asked.push(request);
        if class == Class::Throttled {
            self.throttles.push(Throttle {
                host,
                ended: request.ended(),
                id: row.id,
                start: start as u32,
                status: row.status.unwrap_or_default(),
                asked,
            });
        }
        let Ok(url) = url else {
            self.unreadable += 1;
            return Ok(());
        };
        if let Some(peer) = &row.peer {
            self.hosts.answered(host, &url, peer);
        }
        if is_robots {
            return Ok(());
        }
        let start = &starts.list[start];
        let ruling = judge.rule(&url, &request, starts, copies)?;
        self.ruled(start, &request, &url, ruling, found)
    }

    fn ruled(
        &mut self,
        start: &Start,
        request: &Asked,
        url: &CanonicalUrl,
        ruling: Ruling,
        found: &mut Findings<'_>,
    ) -> rusqlite::Result<()> {
        let figures = self.hosts.figures(request.host);
        let (law, words) = match ruling {
            Ruling::Unsettled => return Ok(()),
            Ruling::Ignored => {
                self.ignored += 1;
                return Ok(());
            }
            Ruling::Lost => {
                self.lost += 1;
                return Ok(());
            }
            Ruling::Allowed { by_line } => {
                figures.robots_checked += 1;
                figures.robots_by_line += u64::from(by_line);
                return Ok(());
            }
            Ruling::Forbidden { line, from } => (
                Law::Robots,
                format!("{line} ({}/robots.txt of {})", url.origin(), time(from)),
            ),
            Ruling::Unreachable { from } => (
                Law::Robots,
                format!(
                    "{}/robots.txt could not be had at {}: nothing is allowed",
                    url.origin(),
                    time(from)
                ),
            ),
            Ruling::Unknown => (
                Law::RobotsUnknown,
                format!("no answer of {}/robots.txt was there by then", url.origin()),
            ),
        };
        figures.robots_checked += 1;
        let breach = Breach {
            law,
            beside: Vec::new(),
            found: None,
            permitted: None,
            words,
        };
        found.breach(start, request, &mut self.hosts, breach)
    }
}

impl Row {
    fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            start: row.get(1)?,
            host: row.get(2)?,
            name: row.get(3)?,
            kind: row.get(4)?,
            started: row.get(5)?,
            total: row.get(6)?,
            status: row.get(7)?,
            error: row.get(8)?,
            url: row.get(9)?,
            header: row.get(10)?,
            peer: row.get(11)?,
        })
    }

    fn ended(&self) -> Micros {
        self.started.saturating_add(self.total.max(0))
    }

    fn is_robots(&self) -> bool {
        self.kind == ROBOTS
    }

    /// Whether no byte left the machine: there was nobody to send it to.
    fn was_not_sent(&self) -> bool {
        let unsent = [FetchError::Dns, FetchError::PrivateAddress];
        let code = self.error;
        self.status.is_none() && unsent.iter().any(|error| Some(error.code()) == code)
    }

    /// How the host behaved, as the crawler judges it, and the pause that it asked for.
    fn class(&self) -> (Class, Option<Duration>) {
        let transient = FetchError::ALL
            .iter()
            .any(|row| Some(row.2) == self.error && row.0.is_transient());
        match (self.error, self.status) {
            _ if transient => (Class::Failed, None),
            (None, Some(429 | 503)) => (Class::Throttled, self.retry_after()),
            (None, Some(500..=599)) => match self.retry_after() {
                None => (Class::Failed, None),
                asked => (Class::Throttled, asked),
            },
            _ => (Class::Fine, None),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        let mut lines = self.header.as_deref()?.lines();
        let value = lines.find_map(|line| line.strip_prefix("retry-after: "))?;
        let ended = u64::try_from(self.ended()).unwrap_or_default();
        parse_retry_after(value, UNIX_EPOCH + Duration::from_micros(ended))
    }
}
