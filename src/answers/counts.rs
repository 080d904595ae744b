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
    let last: Option<i64> =
        connection.query_row("SELECT max(url) FROM visit WHERE run = ?", [run], |row| {
            row.get(0)
        })?;
    let mut statement = connection.prepare(
        "SELECT v.decision = ?1, f.error, f.status, count(*) FROM visit v LEFT JOIN fetch f ON f.id = v.last_fetch
         WHERE v.run = ?2 AND v.url > ?3 AND v.url <= ?4 AND (v.decision = ?1 OR f.error IS NOT NULL OR f.status >= 400)
         GROUP BY 1, 2, 3",
    )?;
    let (mut failures, mut after) = (BTreeMap::new(), 0);
    while after < last.unwrap_or(0) {
        let end = after + i64::from(piece);
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

/// What waits: URLs, those of them that are deferred, and where and why, the most first.
pub(super) fn queue(
    connection: &Connection,
    piece: u32,
) -> rusqlite::Result<(u64, u64, Vec<Waits>)> {
    let mut end_of = connection.prepare(
        "SELECT host, ord, kind FROM frontier WHERE (host, ord, kind) > (?1, ?2, ?3)
         ORDER BY host, ord, kind LIMIT 1 OFFSET ?4",
    )?;
    let mut count = connection.prepare(
        "SELECT host, deferred, count(*) FROM frontier
         WHERE (host, ord, kind) > (?1, ?2, ?3) AND (host, ord, kind) <= (?4, ?5, ?6) GROUP BY 1, 2",
    )?;
    let (mut waiting, mut deferred) = (0, BTreeMap::<(i64, i64), u64>::new());
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
            if let Some(rule) = row.get(1)? {
                *deferred.entry((row.get(0)?, rule)).or_default() += urls;
            }
        }
        after = end;
    }
    let all = deferred.values().sum();
    Ok((waiting, all, named(connection, deferred)?))
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

    #[test]
    fn pieces_add_up() {
        let connection = database();
        let whole = queue(&connection, PIECE).expect("counts");
        assert_eq!((whole.0, whole.1), (100, 20));
        assert_eq!(whole.2.iter().map(|waits| waits.urls).sum::<u64>(), 20);
        for piece in [1, 2, 7, 99, 100, 101] {
            let (waiting, deferred, waits) = queue(&connection, piece).expect("counts");
            let counted = |waits: &[Waits]| -> Vec<(String, String, u64)> {
                let one = |one: &Waits| (one.host.clone(), one.why.clone(), one.urls);
                waits.iter().map(one).collect()
            };
            assert_eq!((waiting, deferred), (whole.0, whole.1), "{piece}");
            assert_eq!(counted(&waits), counted(&whole.2), "{piece}");
        }
        connection
            .execute("DELETE FROM frontier", [])
            .expect("none");
        assert_eq!(queue(&connection, 3).expect("counts").0, 0);
    }
}
