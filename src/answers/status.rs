//! `crawl status`: what somebody with a running or a stopped crawl wants to know, in ten lines; and why a
//! crawl found so little.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension;
use serde::Serialize;
use tokio_rusqlite::rusqlite;

pub use super::lately::{Lately, Left};
use super::{Reader, counts, lately};
use crate::error::Result;
use crate::fetched::FetchError;
use crate::store::{LONG_LOG, last_words, lock_holder, log_of};

/// Where a crawl stands.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The run's number.
    pub run: i64,
    /// `running`, `finished`, `deferred`, `stopped`; `failed`: it could not go on; `killed`: begun, not ended,
    /// and nobody at it.
    pub state: String,
    /// Why it could not go on, if it said so.
    pub why: Option<String>,
    /// Requests that it may spend, if it is a refresh.
    pub budget: Option<u64>,
    /// Its seeds.
    pub seeds: Vec<String>,
    /// The process that writes now, if one does.
    pub pid: Option<u32>,
    /// When the run began (UTC).
    pub begun_at: String,
    /// The last sign of life (UTC).
    pub heartbeat_at: String,
    /// Starts of the program within the run.
    pub starts: u64,
    /// Pages, requests and bytes of the run.
    pub pages: u64,
    /// See `pages`.
    pub requests: u64,
    /// See `pages`.
    pub bytes: u64,
    /// URLs that wait, and those of them that wait for the next start.
    pub queued: u64,
    /// See `queued`.
    pub deferred: u64,
    /// URLs that failed, answered 400 and above, or are forbidden, by class.
    pub failures: BTreeMap<String, u64>,
    /// Hosts that are held, set aside or slowed down, and why; ten at the most.
    pub held: Vec<(String, String)>,
    /// What is deferred, by host and reason, the most first; ten at the most.
    pub waits: Vec<Waits>,
    /// Whether a start of the run did not check certificates.
    pub insecure: bool,
    /// Length of the database's log, `crawl.db-wal`.
    pub log_bytes: u64,
    /// Length of the database.
    pub database_bytes: u64,
    /// Contents that are kept in files, of all runs, and their bytes.
    pub files: u64,
    /// See `files`.
    pub file_bytes: u64,
    /// The last minute, where it runs and has run for some seconds.
    pub lately: Option<Lately>,
    /// What is left to do, where the last minute lets that be told.
    pub left: Option<Left>,
    /// What holds it back, likewise.
    pub held_back: Option<String>,
    /// What half or more of the last requests failed by, though they are tried again.
    pub failing: Option<Failing>,
    /// What was worked out of the crawl afterwards (`rank`, `search`).
    pub derived: Vec<Derived>,
}

/// Of the last requests, those that failed and are tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failing {
    /// So many failed.
    pub failed: u64,
    /// Of so many.
    pub of: u64,
    /// By which class the last of them did: `connect`, `http_503`.
    pub class: String,
    /// At which host.
    pub host: String,
}

/// What was worked out of a crawl afterwards.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Derived {
    /// What it is: `rank`, `search`.
    pub name: String,
    /// When (UTC).
    pub made_at: String,
    /// Whether nothing was asked for since.
    pub current: bool,
}

impl Status {
    /// Whether the log is so long that a reader must be keeping it from being copied back.
    #[must_use]
    pub fn is_log_long(&self) -> bool {
        self.log_bytes > LONG_LOG
    }
}

/// URLs of a host that are deferred for one reason.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Waits {
    /// The host.
    pub host: String,
    /// Why.
    pub why: String,
    /// So many URLs.
    pub urls: u64,
}

/// Reads where the latest run stands; `None` where nothing was ever begun.
///
/// # Errors
/// When the database cannot be read.
pub fn read(reader: &Reader) -> Result<Option<Status>> {
    status(reader).map_err(|error| reader.failed(error))
}

/// How a run stands that did not come to its end and at which nobody is, by what its last start left.
pub(super) fn ended(reader: &Reader) -> rusqlite::Result<(String, Option<String>)> {
    let last = reader
        .connection
        .query_row(
            "SELECT pid, how FROM start ORDER BY id DESC LIMIT 1",
            [],
            |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Option<String>>(1)?)),
        )
        .optional()?;
    let Some((pid, how)) = last else {
        return Ok(("killed".to_owned(), None));
    };
    let directory = reader.path.parent();
    let why = directory.and_then(|directory| last_words(directory, pid));
    let failed = why.is_some() || how.as_deref() == Some("failed");
    let state = if failed { "failed" } else { "killed" };
    Ok((state.to_owned(), why))
}

fn status(reader: &Reader) -> rusqlite::Result<Option<Status>> {
    let connection = &reader.connection;
    let pid = reader.path.parent().and_then(lock_holder);
    let time =
        |column: &str| format!("strftime('%Y-%m-%d %H:%M:%S', {column} / 1000000, 'unixepoch')");
    let sql = format!(
        "SELECT r.id, r.state, r.seeds, {}, {}, count(*), sum(s.pages), sum(s.requests), sum(s.bytes), r.budget
         FROM run r JOIN start s ON s.run = r.id WHERE r.id = (SELECT max(id) FROM run) GROUP BY r.id",
        time("r.begun"),
        time("max(s.heartbeat)")
    );
    let status = connection
        .query_row(&sql, [], |row| {
            let (state, seeds): (String, String) = (row.get(1)?, row.get(2)?);
            Ok(Status {
                run: row.get(0)?,
                state,
                why: None,
                budget: row.get::<_, Option<i64>>(9)?.map(i64::unsigned_abs),
                seeds: serde_json::from_str(&seeds).unwrap_or_default(),
                pid,
                begun_at: row.get(3)?,
                heartbeat_at: row.get(4)?,
                starts: row.get::<_, i64>(5)?.unsigned_abs(),
                log_bytes: std::fs::metadata(log_of(&reader.path)).map_or(0, |log| log.len()),
                pages: row.get::<_, i64>(6)?.unsigned_abs(),
                requests: row.get::<_, i64>(7)?.unsigned_abs(),
                bytes: row.get::<_, i64>(8)?.unsigned_abs(),
                queued: 0,
                deferred: 0,
                failures: BTreeMap::new(),
                held: Vec::new(),
                waits: Vec::new(),
                insecure: false,
                database_bytes: std::fs::metadata(&reader.path).map_or(0, |file| file.len()),
                files: 0,
                file_bytes: 0,
                lately: None,
                left: None,
                held_back: None,
                failing: None,
                derived: Vec::new(),
            })
        })
        .optional()?;
    let Some(mut status) = status else {
        return Ok(None);
    };
    if status.state == "running" && pid.is_none() {
        (status.state, status.why) = ended(reader)?;
    }
    status.insecure = connection
        .prepare("SELECT DISTINCT config FROM start WHERE run = ?")?
        .query_map([status.run], |row| row.get::<_, String>(0))?
        .flatten()
        .any(|config| is_insecure(&config));
    let queue = counts::queue(connection, counts::PIECE)?;
    (status.queued, status.deferred, status.waits) = (queue.waiting, queue.deferred, queue.waits);
    (status.files, status.file_bytes) = counts::files(connection, counts::PIECE)?;
    status.derived = derived(connection)?;
    if status.state == "running"
        && let Some(seen) = last_minute(reader, status.run)?
    {
        status.lately = Some(seen.lately);
        status.left = seen.left(queue.waiting - queue.deferred, queue.longest);
        let settings = reader.settings().ok().flatten().unwrap_or_default();
        status.held_back = seen.held_back(&settings);
    }
    status.failing = failing(connection)?;
    status.failures = counts::failures(connection, status.run, counts::PIECE)?;
    status.held = connection
        .prepare(
            "SELECT name, CASE WHEN set_aside IS NOT NULL THEN 'set aside: ' || set_aside
               WHEN hold_until > unixepoch() * 1000000 THEN 'held until '
                    || strftime('%H:%M:%S', hold_until / 1000000, 'unixepoch') || ' UTC: ' || hold_reason
               ELSE printf('slowed down to a request in %.1f s: it shows strain', gap_us / 1000000.0) END
             FROM host WHERE set_aside IS NOT NULL OR hold_until > unixepoch() * 1000000 OR gap_us > 0 LIMIT 10",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(status))
}

/// Requests that are looked at for whether they fail; of fewer than half of these nothing is said.
const LAST_REQUESTS: i64 = 10;

/// What has no outcome yet is in no account of failures: a site that is gone would look well for as long as its URLs
/// are tried again.
fn failing(connection: &rusqlite::Connection) -> rusqlite::Result<Option<Failing>> {
    let mut statement = connection.prepare(
        "SELECT f.retry_at IS NOT NULL, f.error, f.status, h.name FROM fetch f JOIN url u ON u.id = f.url
         JOIN host h ON h.id = u.host WHERE f.id > (SELECT max(id) FROM fetch) - ?1 ORDER BY f.id DESC LIMIT ?1",
    )?;
    let mut rows = statement.query([LAST_REQUESTS])?;
    let (mut of, mut failed, mut last) = (0, 0, None);
    while let Some(row) = rows.next()? {
        of += 1;
        if row.get(0)? {
            failed += 1;
            if last.is_none() {
                let class = match row.get(1)? {
                    Some(error) => FetchError::word(error).to_owned(),
                    None => format!("http_{}", row.get::<_, u16>(2)?),
                };
                last = Some((class, row.get(3)?));
            }
        }
    }
    let enough = of * 2 >= LAST_REQUESTS && failed * 2 >= of;
    Ok(last.filter(|_| enough).map(|(class, host)| Failing {
        failed: failed.unsigned_abs(),
        of: of.unsigned_abs(),
        class,
        host,
    }))
}

fn last_minute(reader: &Reader, run: i64) -> rusqlite::Result<Option<lately::Seen>> {
    let sql = "SELECT begun, unixepoch('subsec') * 1000000 FROM start ORDER BY id DESC LIMIT 1";
    let times = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, f64>(1)? as i64));
    let Some((begun, now)) = reader.connection.query_row(sql, [], times).optional()? else {
        return Ok(None);
    };
    lately::seen(&reader.connection, run, begun, now)
}

fn derived(connection: &rusqlite::Connection) -> rusqlite::Result<Vec<Derived>> {
    let mut statement = connection.prepare(
        "SELECT name, strftime('%Y-%m-%d %H:%M:%S', made / 1000000, 'unixepoch'),
                last_fetch = (SELECT ifnull(max(id), 0) FROM fetch) FROM derived ORDER BY name",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Derived {
            name: row.get(0)?,
            made_at: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            current: row.get(2)?,
        })
    })?;
    rows.collect()
}

fn is_insecure(settings: &str) -> bool {
    let settings = settings.parse::<toml::Table>().unwrap_or_default();
    let fetch = settings.get("fetch").and_then(|fetch| fetch.as_table());
    let insecure = fetch.and_then(|fetch| fetch.get("insecure")?.as_bool());
    insecure.unwrap_or_default()
}

/// Why a crawl of one page or none may have found no more, each with what to try; `at` is what a command
/// must be given to ask this output (` -o DIR`, or nothing).
///
/// # Errors
/// When the database cannot be read.
pub fn why_so_few(reader: &Reader, at: &str) -> Result<Vec<String>> {
    hints(reader, at).map_err(|error| reader.failed(error))
}

fn hints(reader: &Reader, at: &str) -> rusqlite::Result<Vec<String>> {
    let mut hints = Vec::new();
    let connection = &reader.connection;
    let mut redirects = connection.prepare(
        "SELECT p.url, p.redirect_to FROM pages p JOIN urls u ON u.url = p.redirect_to
         WHERE p.found_by = 'seed' AND u.decision = 'excluded' LIMIT 3",
    )?;
    for row in redirects.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })? {
        let (seed, target) = row?;
        hints.push(format!(
            "{seed} redirects to {target}, which is out of scope: use that as --seed"
        ));
    }
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let forbidden = count("SELECT count(*) FROM pages WHERE error = 'robots_disallowed'")?;
    if forbidden > 0 {
        hints.push(format!(
            "robots.txt forbids {forbidden} of the URLs that were met (see: crawl query{at} errors)"
        ));
    }
    for (which, what, remedy) in [
        (
            "decision = 'excluded' AND rule = 'no include matches'",
            "matched by no --include",
            "another pattern: it is a regular expression on the whole URL",
        ),
        (
            "decision = 'excluded' AND rule LIKE 'exclude %'",
            "matched by an --exclude",
            "another pattern",
        ),
        (
            "decision = 'excluded' AND rule LIKE 'outside scope %'",
            "out of scope",
            "--scope domain or any",
        ),
        (
            "decision = 'cut'",
            "cut by a limit or nofollow",
            "a larger --max-depth, or --ignore-nofollow",
        ),
    ] {
        let number = count(&format!("SELECT count(*) FROM urls WHERE {which}"))?;
        if number > 0 {
            let (links, are) = if number == 1 {
                ("link", "is")
            } else {
                ("links", "are")
            };
            hints.push(format!("{number} {links} {are} {what}: try {remedy}"));
        }
    }
    let read = count("SELECT count(*) FROM pages WHERE status = 200")?;
    if hints.is_empty() && read > 0 && count("SELECT count(*) FROM links")? == 0 {
        let words = "the page has no links in its HTML: a site built by scripts in the browser looks like this";
        let unasked = count("SELECT count(*) FROM sitemaps")? == 0;
        let remedy = if unasked {
            "; its sitemap may name its pages: try --sitemaps guess"
        } else {
            ""
        };
        hints.push(format!("{words}{remedy}"));
    }
    Ok(hints)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::schema;

    #[test]
    fn a_site_that_is_gone_is_told() {
        let mut connection = Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("a schema");
        let rows = "PRAGMA foreign_keys = off;
            INSERT INTO host (id, name) VALUES (1, 'a.example'), (2, 'b.example');
            INSERT INTO url (id, host, hash, text, first_seen) VALUES (1, 1, 1, 'http://a.example/', 0), (2, 2, 2, 'http://b.example/', 0);";
        connection.execute_batch(rows).expect("rows");
        let connect = FetchError::Connect.code();
        // Each letter a request: well, failed for good, tried again by its class or status.
        for (log, wanted) in [
            ("", None),
            ("cccc", None),
            ("ccccc", Some((5, 5, "connect", "a.example"))),
            ("wwwwwccccc", Some((5, 10, "connect", "a.example"))),
            ("wwwwwwcccc", None),
            ("cccccccwwwwwwwwww", None),
            ("ffffffffff", None),
            ("ccccccccbs", Some((10, 10, "http_503", "b.example"))),
        ] {
            connection.execute_batch("DELETE FROM fetch").expect("none");
            for request in log.chars() {
                let (url, error, status) = match request {
                    'c' => (1, Some(connect), None),
                    'b' => (2, Some(connect), None),
                    's' => (2, None, Some(503)),
                    'f' => (1, None, Some(404)),
                    _ => (1, None, Some(200)),
                };
                let again = matches!(request, 'c' | 'b' | 's').then_some(9);
                let sql = "INSERT INTO fetch (start, url, kind, attempt, started, total_us, wire_bytes, truncated, error, status, retry_at)
                           VALUES (1, ?, 0, 0, 0, 0, 0, 0, ?, ?, ?)";
                let row = rusqlite::params![url, error, status, again];
                connection.execute(sql, row).expect(log);
            }
            let found = failing(&connection).expect(log);
            let found = found.as_ref();
            let found = found.map(|f| (f.failed, f.of, &*f.class, &*f.host));
            assert_eq!(found, wanted, "{log}");
        }
    }
}
