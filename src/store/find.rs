//! What the tables know of one URL, for those who only read: found by the seen set's own index, so that it
//! takes no longer in a database of ten million.

use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio_rusqlite::rusqlite;

use super::seen::UrlHash;
use crate::canonical::CanonicalUrl;
use crate::order::ID_BITS;

/// Rows of a queue that are counted: beyond, it is told that there are more.
const MOST_COUNTED: i64 = 100_000;

/// The key of the database's hashes, drawn when it was made.
pub(super) fn hash_keys(connection: &Connection) -> rusqlite::Result<(u64, u64)> {
    let key = |name: &str| {
        connection.query_row("SELECT value FROM meta WHERE key = ?", [name], |row| {
            row.get::<_, i64>(0)
        })
    };
    Ok((key("hash_key_0")? as u64, key("hash_key_1")? as u64))
}

/// Ranks and depths of a queue that are tried for a URL's place.
const MOST_TRIED: usize = 10_000;

/// A URL that is in the table.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) id: i64,
    pub(crate) host: i64,
    /// As it was first met: another spelling of the same identity, perhaps.
    pub(crate) text: String,
    pub(crate) first_seen: i64,
}

/// Finds URLs by their identity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finder {
    keys: (u64, u64),
}

impl Finder {
    pub(crate) fn new(connection: &Connection) -> rusqlite::Result<Self> {
        let keys = hash_keys(connection)?;
        Ok(Self { keys })
    }

    /// What the index has of a text; `None` if it is no URL in the form in which URLs are stored.
    pub(crate) fn stored_hash(self, text: &str) -> Option<i64> {
        let url = CanonicalUrl::parse(text).ok()?;
        (url.as_str() == text).then(|| UrlHash::of(&url, self.keys).stored())
    }

    pub(crate) fn find(
        self,
        connection: &Connection,
        url: &CanonicalUrl,
    ) -> rusqlite::Result<Option<Found>> {
        let hash = UrlHash::of(url, self.keys);
        let mut statement = connection.prepare_cached(
            "SELECT u.id, u.host, u.text, u.first_seen FROM host h JOIN url u ON u.host = h.id WHERE h.name = ? AND u.hash = ?",
        )?;
        let mut rows = statement.query(params![url.host().as_str(), hash.stored()])?;
        while let Some(row) = rows.next()? {
            let text: String = row.get(2)?;
            // Equal hashes are no proof: the identities are compared.
            if CanonicalUrl::parse(&text).is_ok_and(|stored| stored.key() == url.key()) {
                return Ok(Some(Found {
                    id: row.get(0)?,
                    host: row.get(1)?,
                    text,
                    first_seen: row.get(3)?,
                }));
            }
        }
        Ok(None)
    }
}

/// A URL's place in the queue of its host.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    order: i64,
    pub(crate) failed_attempts: u32,
    pub(crate) not_before: Option<i64>,
    /// Why it waits for the next start.
    pub(crate) deferred: Option<String>,
}

/// A number of rows; where there are more than are counted, it is the least that it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) rows: u64,
    pub(crate) or_more: bool,
}

impl Place {
    /// Where a URL waits, if it does. A place ends in the URL's number: what comes before that is tried, from
    /// one that the host's queue has to the next.
    pub(crate) fn of(
        connection: &Connection,
        host: i64,
        url: i64,
    ) -> rusqlite::Result<Option<Self>> {
        let mut at = connection.prepare(&format!(
            "{PLACE} WHERE q.host = ?1 AND q.ord = ?3 AND q.url = ?2"
        ))?;
        let mut next = connection.prepare(
            "SELECT ord FROM frontier WHERE host = ?1 AND ord > ?2 ORDER BY ord LIMIT 1",
        )?;
        let number = (1 << ID_BITS) - 1;
        let mut after = -1_i64;
        for _ in 0..MOST_TRIED {
            let found = next.query_row([host, after], |row| row.get::<_, i64>(0));
            let Some(found) = found.optional()? else {
                break;
            };
            let guess = (found & !number) | (url & number);
            let place = at.query_row([host, url, guess], Self::read).optional()?;
            if place.is_some() {
                return Ok(place);
            }
            after = found | number;
        }
        // Places of another make than is known here.
        let sql = format!("{PLACE} WHERE q.host = ?1 AND q.url = ?2");
        connection
            .query_row(&sql, [host, url], Self::read)
            .optional()
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            order: row.get(0)?,
            failed_attempts: row.get(1)?,
            not_before: row.get(2)?,
            deferred: row.get(3)?,
        })
    }

    /// How many of its host come before it.
    pub(crate) fn ahead(&self, connection: &Connection, host: i64) -> rusqlite::Result<Count> {
        counted(connection, host, self.order)
    }
}

const PLACE: &str = "SELECT q.ord, q.attempt, q.not_before, r.text FROM frontier q LEFT JOIN rule r ON r.id = q.deferred";

/// How many URLs of a host wait for this start.
pub(crate) fn waiting(connection: &Connection, host: i64) -> rusqlite::Result<Count> {
    counted(connection, host, i64::MAX)
}

fn counted(connection: &Connection, host: i64, before: i64) -> rusqlite::Result<Count> {
    let rows: i64 = connection.query_row(
        "SELECT count(*) FROM (SELECT 1 FROM frontier WHERE host = ?1 AND ord < ?2 AND deferred IS NULL LIMIT ?3)",
        [host, before, MOST_COUNTED + 1],
        |row| row.get(0),
    )?;
    Ok(Count {
        rows: rows.min(MOST_COUNTED).unsigned_abs(),
        or_more: rows > MOST_COUNTED,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    /// A place by depth and number.
    fn order(depth: i64, id: i64) -> i64 {
        (128 << 55) | (depth << ID_BITS) | id
    }

    /// A database with a host of so many URLs that wait, three in four of depth 1.
    fn database(urls: i64) -> Connection {
        let mut connection = Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("made");
        connection
            .execute("INSERT INTO host (id, name) VALUES (1, 'a.example')", [])
            .expect("a host");
        for id in 1..=urls {
            let url = CanonicalUrl::parse(&format!("http://a.example/%7e{id}")).expect("a URL");
            let hash = UrlHash::of(&url, (7, 7)).stored();
            connection
                .execute(
                    "INSERT INTO url VALUES (?, 1, ?, ?, 5)",
                    params![id, hash, url.as_str()],
                )
                .expect("a URL");
            let depth = if id % 4 == 0 { 3 } else { 1 };
            connection
                .execute(
                    "INSERT INTO frontier (host, ord, kind, url, attempt) VALUES (1, ?, 0, ?, 2)",
                    [order(depth, id), id],
                )
                .expect("a row");
        }
        connection
    }

    #[test]
    fn found_by_identity() {
        let connection = database(9);
        let finder = Finder::new(&connection).expect("keys");
        for (text, wanted) in [
            ("http://a.example/~3", Some(3)),
            ("http://a.example/%7E3", Some(3)),
            ("http://a.example/~10", None),
            ("https://a.example/~3", None),
            ("http://b.example/~3", None),
        ] {
            let url = CanonicalUrl::parse(text).expect(text);
            let found = finder.find(&connection, &url).expect("read");
            assert_eq!(found.map(|found| found.id), wanted, "{text}");
        }
    }

    #[test]
    fn place_and_what_is_ahead() {
        let connection = database(9);
        for (id, ahead) in [(1, 0), (5, 3), (9, 6), (4, 7), (8, 8)] {
            let place = Place::of(&connection, 1, id).expect("read").expect("waits");
            let count = place.ahead(&connection, 1).expect("counted");
            assert_eq!((count.rows, count.or_more), (ahead, false), "{id}");
            assert_eq!(place.failed_attempts, 2);
        }
        assert!(Place::of(&connection, 1, 10).expect("read").is_none());
        assert!(Place::of(&connection, 2, 1).expect("read").is_none());
        assert_eq!(waiting(&connection, 1).expect("counted").rows, 9);
        // One with an order that says neither depth nor number is found all the same.
        let moved = "UPDATE frontier SET ord = 77 WHERE url = 8";
        connection.execute(moved, []).expect("moved");
        let place = Place::of(&connection, 1, 8).expect("read").expect("waits");
        assert_eq!(place.ahead(&connection, 1).expect("counted").rows, 0);
    }
}
