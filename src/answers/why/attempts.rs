//! Every request for a URL, as far as the log of requests can be asked in no time: it has no index by URL,
//! for that would be written with every request.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::time;
use crate::fetched::FetchError;
use crate::store::words::kind_word;

/// So many requests are looked through without being asked to.
pub(super) const WINDOW: i64 = 200_000;
/// Attempts that are shown: the last.
const MOST_ATTEMPTS: i64 = 500;
/// URLs that redirect here that are shown.
const MOST_SOURCES: i64 = 20;

/// One request.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Its number in the view `requests`.
    pub id: i64,
    /// The run.
    pub run: i64,
    /// `page`, `robots`, `asset`, `check` or `sitemap`.
    pub kind: String,
    /// From 1; a new start begins anew with what it had put off.
    pub attempt: u32,
    /// Its start, after all waits (UTC).
    pub started_at: String,
    /// From its start to its end.
    pub total_ms: f64,
    /// Status of the answer.
    pub status: Option<u16>,
    /// Class of the error.
    pub error: Option<String>,
    /// The error in words.
    pub detail: Option<String>,
    /// The line of robots.txt that allowed it.
    pub rule: Option<String>,
    /// Not tried again before (UTC).
    pub retry_at: Option<String>,
    /// Where it redirects to.
    pub redirect_to: Option<String>,
    /// Whether it asked only for what has changed.
    pub conditional: bool,
    #[serde(skip)]
    pub(super) started: i64,
}

/// What the log says of a URL.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) attempts: Vec<Attempt>,
    /// URLs that redirect here, or have.
    pub(super) redirected_from: Vec<String>,
    /// Requests that were not looked through.
    pub(super) unread: u64,
}

const COLUMNS: &str = "f.id, s.run, f.kind, f.attempt + 1, f.started, f.total_us / 1000.0, f.status, f.error, f.detail, r.text,
 f.retry_at, t.text, f.conditional FROM fetch f LEFT JOIN start s ON s.id = f.start LEFT JOIN rule r ON r.id = f.rule
 LEFT JOIN url t ON t.id = f.redirect_to";

fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let started = row.get(4)?;
    Ok(Attempt {
        id: row.get(0)?,
        run: row.get(1)?,
        kind: kind_word(row.get(2)?).unwrap_or("unknown").to_owned(),
        attempt: row.get(3)?,
        started_at: time(started),
        total_ms: row.get(5)?,
        status: row.get(6)?,
        error: row
            .get::<_, Option<u8>>(7)?
            .map(|code| FetchError::word(code).to_owned()),
        detail: row.get(8)?,
        rule: row.get(9)?,
        retry_at: row.get::<_, Option<i64>>(10)?.map(time),
        redirect_to: row.get(11)?,
        conditional: row.get(12)?,
        started,
    })
}

impl Log {
    /// Reads the whole log where it is short, or `all` is asked for; of a longer one what the URL's visit
    /// points to, and as many requests before it as are looked through in no time where it was not the first.
    pub(super) fn read(
        connection: &Connection,
        url: i64,
        last: Option<i64>,
        failed_attempts: u32,
        all: bool,
    ) -> rusqlite::Result<Self> {
        let end: i64 =
            connection.query_row("SELECT coalesce(max(id), 0) FROM fetch", [], |row| {
                row.get(0)
            })?;
        if all || end <= WINDOW {
            return Self::between(connection, url, 0, end, end);
        }
        let Some(last) = last else {
            // What has failed and waits for another try has done so in the latest run.
            let from = if failed_attempts > 0 {
                end - WINDOW
            } else {
                end
            };
            return Self::between(connection, url, from, end, end);
        };
        let sql = format!("SELECT {COLUMNS} WHERE f.id = ?");
        let last = connection.query_row(&sql, [last], attempt).optional()?;
        match last {
            Some(last) if last.attempt > 1 => {
                Self::between(connection, url, (last.id - WINDOW).max(0), last.id, end)
            }
            last => Ok(Self {
                unread: (end - 1).unsigned_abs(),
                attempts: last.into_iter().collect(),
                redirected_from: Vec::new(),
            }),
        }
    }

    /// What the requests after `from` and up to `to` say, of `end` requests in all.
    fn between(
        connection: &Connection,
        url: i64,
        from: i64,
        to: i64,
        end: i64,
    ) -> rusqlite::Result<Self> {
        if from >= to {
            return Ok(Self {
                unread: end.unsigned_abs(),
                ..Self::default()
            });
        }
        let sql = format!(
            "SELECT {COLUMNS} WHERE f.id > ?2 AND f.id <= ?3 AND f.url = ?1 ORDER BY f.id DESC LIMIT {MOST_ATTEMPTS}"
        );
        let mut statement = connection.prepare(&sql)?;
        let attempts = statement.query_map([url, from, to], attempt)?;
        let mut attempts = attempts.collect::<rusqlite::Result<Vec<_>>>()?;
        attempts.reverse();
        let mut statement = connection.prepare(
            "SELECT DISTINCT u.text FROM fetch f CROSS JOIN url u ON u.id = f.url
             WHERE f.id > ?2 AND f.id <= ?3 AND f.redirect_to = ?1 LIMIT ?4",
        )?;
        let sources = statement.query_map([url, from, to, MOST_SOURCES], |row| row.get(0))?;
        Ok(Self {
            attempts,
            redirected_from: sources.collect::<rusqlite::Result<_>>()?,
            unread: (end - (to - from)).unsigned_abs(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    /// A log of so many requests for URL 1; URL 2 was asked for by three of them, and redirects to URL 3.
    fn database(requests: i64) -> Connection {
        let mut connection = Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("made");
        let sql = format!(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO run (id, state, seeds, begun, ended) VALUES (1, 'finished', '[]', 0, 0);
             INSERT INTO start (id, run, begun, heartbeat, config, version, pid) VALUES (1, 1, 0, 0, '', '', 1);
             INSERT INTO url VALUES (2, 1, 2, 'http://a.example/2', 0), (3, 1, 3, 'http://a.example/3', 0);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {requests})
             INSERT INTO fetch (id, start, url, kind, attempt, started, total_us, wire_bytes, truncated, status)
             SELECT i, 1, 1, 0, 0, i, 0, 0, 0, 200 FROM n;
             UPDATE fetch SET url = 2, attempt = id - 10, status = 500 WHERE id IN (10, 11);
             UPDATE fetch SET url = 2, attempt = 2, status = 301, redirect_to = 3 WHERE id = 12;"
        );
        connection.execute_batch(&sql).expect("filled");
        connection
    }

    #[test]
    fn a_long_log_is_not_read_whole() {
        for (requests, url, last, failed, all, attempts, sources, unread) in [
            (20, 2, Some(12), 0, false, 3, 0, 0),
            (20, 3, None, 0, false, 0, 1, 0),
            (WINDOW + 100, 2, Some(12), 0, false, 3, 0, WINDOW + 88),
            (WINDOW + 100, 1, Some(99), 0, false, 1, 0, WINDOW + 99),
            (WINDOW + 100, 3, None, 0, false, 0, 0, WINDOW + 100),
            (WINDOW + 100, 2, None, 2, false, 0, 0, 100),
            (WINDOW + 100, 3, None, 0, true, 0, 1, 0),
            (WINDOW + 100, 2, Some(12), 0, true, 3, 0, 0),
        ] {
            let connection = database(requests);
            let log = Log::read(&connection, url, last, failed, all).expect("read");
            let found = (log.attempts.len(), log.redirected_from.len(), log.unread);
            assert_eq!(
                found,
                (attempts, sources, unread as u64),
                "{requests} {url} {last:?} {all}"
            );
            assert!(log.attempts.is_sorted_by_key(|attempt| attempt.id));
        }
    }
}
