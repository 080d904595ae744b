//! What `crawl status` counts, a piece at a time: a question over all of a large crawl would take its while, and a crawl
//! that writes meanwhile could not copy its log back for as long. So the counts are of no single moment.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use tokio_rusqlite::rusqlite;

use super::status::Waits;
use crate::fetched::FetchError;
use crate::store::words::Decision;

/// URLs, or rows of the queue, that are counted at a time.
pub(super) const PIECE: u32 = 50_000;
/// Hosts with deferred URLs that are named.
const NAMED: usize = 10;

/// URLs of a run that failed, answered 400 and above, or are forbidden, by class: as the view `errors` has them.
pub(super) fn failures(
    connection: &Connection,
    run: i64,
    piece: u32,
) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut end_of = connection
        .prepare("SELECT url FROM visit WHERE run = ? AND url > ? ORDER BY url LIMIT 1 OFFSET ?")?;
    let mut statement = connection.prepare(
        "SELECT v.decision = ?1, f.error, f.status, count(*) FROM visit v LEFT JOIN fetch f ON f.id = v.last_fetch
         WHERE v.run = ?2 AND v.url > ?3 AND v.url <= ?4 AND (v.decision = ?1 OR f.error IS NOT NULL OR f.status >= 400)
         GROUP BY 1, 2, 3",
    )?;
    let (mut failures, mut after) = (BTreeMap::new(), i64::MIN);
    while after < i64::MAX {
        let end = end_of
            .query_row(params![run, after, piece - 1], |row| row.get(0))
            .optional()?
            .unwrap_or(i64::MAX);
        let mut rows = statement.query(params![Decision::Disallowed as i64, run, after, end])?;
        while let Some(row) = rows.next()? {
            let class = match (row.get(0)?, row.get(1)?) {
                (true, _) => FetchError::RobotsDisallowed.as_str().to_owned(),
                (false, Some(error)) => FetchError::word(error).to_owned(),
                (false, None) => format!("http_{}", row.get::<_, u16>(2)?),
            };
            *failures.entry(class).or_default() += row.get::<_, i64>(3)?.unsigned_abs();
        }
        after = end;
    }
    Ok(failures)
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// URLs.
    pub(super) waiting: u64,
    /// Those of them that are deferred.
    pub(super) deferred: u64,
    /// Where and why these are, the most first.
    pub(super) waits: Vec<Waits>,
    /// The host of which most wait that are not deferred, and how many.
    pub(super) longest: Option<(i64, u64)>,
}

/// Counts what waits.
pub(super) fn queue(connection: &Connection, piece: u32) -> rusqlite::Result<Queue> {
    let mut end_of = connection.prepare(
        "SELECT host, ord, kind FROM frontier WHERE (host, ord, kind) > (?1, ?2, ?3)
         ORDER BY host, ord, kind LIMIT 1 OFFSET ?4",
    )?;
    let mut count = connection.prepare(
        "SELECT host, deferred, count(*) FROM frontier
         WHERE (host, ord, kind) > (?1, ?2, ?3) AND (host, ord, kind) <= (?4, ?5, ?6) GROUP BY 1, 2",
    )?;
    let (mut waiting, mut deferred) = (0, BTreeMap::<(i64, i64), u64>::new());
    // Hosts come in order, so one is counted at a time.
    let (mut host, mut longest) = ((0, 0_u64), None::<(i64, u64)>);
    let (mut after, most) = (
        (i64::MIN, i64::MIN, i64::MIN),
        (i64::MAX, i64::MAX, i64::MAX),
    );
    while after != most {
        let key = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let end = end_of
            .query_row((after.0, after.1, after.2, piece - 1), key)
            .optional()?
            .unwrap_or(most);
        let mut rows = count.query((after.0, after.1, after.2, end.0, end.1, end.2))?;
        while let Some(row) = rows.next()? {
            let urls = row.get::<_, i64>(2)?.unsigned_abs();
            waiting += urls;
            let id = row.get(0)?;
            if let Some(rule) = row.get(1)? {
                *deferred.entry((id, rule)).or_default() += urls;
                continue;
            }
            host = (id, if id == host.0 { host.1 + urls } else { urls });
            if longest.is_none_or(|(_, most)| host.1 > most) {
                longest = Some(host);
            }
        }
        after = end;
    }
    Ok(Queue {
        waiting,
        deferred: deferred.values().sum(),
        waits: named(connection, deferred)?,
        longest,
    })
}

/// The contents that are kept in files, and their bytes.
pub(super) fn files(connection: &Connection, piece: u32) -> rusqlite::Result<(u64, u64)> {
    let mut end_of =
        connection.prepare("SELECT id FROM version WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?")?;
    let mut count = connection.prepare(
        "SELECT count(*), ifnull(sum(bytes), 0) FROM version WHERE id > ? AND id <= ? AND file IS NOT NULL",
    )?;
    let (mut files, mut bytes, mut after) = (0, 0_u64, i64::MIN);
    while after < i64::MAX {
        let end = end_of
            .query_row((after, piece - 1), |row| row.get(0))
            .optional()?
            .unwrap_or(i64::MAX);
        let counted = count.query_row([after, end], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
        files += counted.0.unsigned_abs();
        bytes = bytes.saturating_add(counted.1.unsigned_abs());
        after = end;
    }
    Ok((files, bytes))
}

/// Those with the most URLs, by their names.
fn named(
    connection: &Connection,
    deferred: BTreeMap<(i64, i64), u64>,
) -> rusqlite::Result<Vec<Waits>> {
    let mut deferred: Vec<_> = deferred.into_iter().collect();
    deferred.sort_by_key(|(_, urls)| std::cmp::Reverse(*urls));
    let mut name = connection.prepare(
        "SELECT (SELECT name FROM host WHERE id = ?1), (SELECT text FROM rule WHERE id = ?2)",
    )?;
    let mut waits = Vec::new();
    for ((host, rule), urls) in deferred.into_iter().take(NAMED) {
        let (host, why) = name.query_row([host, rule], |row| Ok((row.get(0)?, row.get(1)?)))?;
        waits.push(Waits { host, why, urls });
    }
    waits.sort_by(|a, b| b.urls.cmp(&a.urls).then_with(|| a.host.cmp(&b.host)));
    Ok(waits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    /// A database with URLs that came to all sorts of ends, and some that wait.
    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("a schema");
        connection
            .execute_batch(
                "PRAGMA foreign_keys = off;
                 INSERT INTO run (id, state, seeds, begun) VALUES (1, 'finished', '[]', 0), (2, 'running', '[]', 0);
                 INSERT INTO host (id, name) VALUES (1, 'a.example'), (2, 'b.example');
                 INSERT INTO rule (id, text) VALUES (1, 'gone'), (2, 'robots.txt');
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
                 INSERT INTO frontier (host, ord, kind, url, deferred)
                 SELECT 1 + i % 2, i, 0, i, iif(i % 5 = 0, 1 + i % 3 % 2, NULL) FROM n",
            )
            .expect("rows");
        connection
    }

    /// Ids up to the last that there can be are gone through in as many pieces as there are rows for.
    #[test]
    fn ids_may_be_any_numbers() {
        let connection = database();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = off;
                 INSERT INTO visit (run, url, depth, redirects, via_kind, decision) VALUES (2, -9, 0, 0, 0, 4),
                   (2, 1, 0, 0, 0, 4), (2, 9223372036854775807, 0, 0, 0, 4);
                 INSERT INTO version (id, url, digest, meta, bytes, nofollow, noindex, file, truncated) VALUES
                   (-9, 1, x'', 0, 5, 0, 0, 'a', 0), (1, 2, x'', 0, 7, 0, 0, NULL, 0),
                   (9223372036854775807, 3, x'', 0, 9, 0, 0, 'b', 0)",
            )
            .expect("rows");
        for piece in [1, 2, 3, PIECE] {
            let failures = failures(&connection, 2, piece).expect("counts");
            assert_eq!(
                failures,
                BTreeMap::from([("robots_disallowed".to_owned(), 3)])
            );
            assert_eq!(files(&connection, piece).expect("counts"), (2, 14));
        }
    }

    #[test]
    fn pieces_add_up() {
        let connection = database();
        let whole = queue(&connection, PIECE).expect("counts");
        assert_eq!((whole.waiting, whole.deferred), (100, 20));
        assert_eq!(whole.waits.iter().map(|waits| waits.urls).sum::<u64>(), 20);
        assert_eq!(whole.longest, Some((1, 40)));
        for piece in [1, 2, 7, 99, 100, 101] {
            let pieced = queue(&connection, piece).expect("counts");
            let counted = |waits: &[Waits]| -> Vec<(String, String, u64)> {
                let one = |one: &Waits| (one.host.clone(), one.why.clone(), one.urls);
                waits.iter().map(one).collect()
            };
            let (waiting, deferred) = (pieced.waiting, pieced.deferred);
            assert_eq!(
                (waiting, deferred),
                (whole.waiting, whole.deferred),
                "{piece}"
            );
            assert_eq!(counted(&pieced.waits), counted(&whole.waits), "{piece}");
            assert_eq!(pieced.longest, whole.longest, "{piece}");
        }
        connection
            .execute("DELETE FROM frontier", [])
            .expect("none");
        let none = queue(&connection, 3).expect("counts");
        assert_eq!((none.waiting, none.longest), (0, None));
    }
}
