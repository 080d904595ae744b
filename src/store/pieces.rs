//! The large views a piece at a time, by the number of a URL or a request: for those who read all of one while a
//! crawl writes, and must not hold its log for as long.

use std::sync::LazyLock;

use super::fields::COUNTED;
use super::views;
use super::words::Role;

/// A view in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// The rows after the key `?1`, up to the key `?2`.
    pub(crate) rows: String,
    /// The last key of a piece after `?1` that has `?2` of them; no row where fewer are left.
    pub(crate) end: &'static str,
    /// Whether it speaks of the latest run alone.
    pub(crate) of_run: bool,
}

/// The URLs of the run `?1` after the key `?2` whose bodies are in files, `?3` of them: number, text, version, file, media
/// type, digest. Of one that failed for a passing reason, its last good content; of one that leads elsewhere now, none.
pub(crate) static BODIES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT v.url, u.text, c.id, c.file, c.media_type, c.digest FROM visit v JOIN fetch f ON f.id = v.last_fetch
         JOIN version c ON c.id = {COUNTED} JOIN url u ON u.id = v.url
         WHERE v.run = ?1 AND v.url > ?2 AND f.redirect_to IS NULL AND c.file IS NOT NULL ORDER BY v.url LIMIT ?3"
    )
});

/// The pages of the latest run in pieces, those of [`BODIES`] and those whose bodies are in no file: what there is to
/// say of their texts. `?3`, if it is not NULL, is the host that is asked for. When it was fetched: what was good last.
pub(crate) static TEXTS: LazyLock<Pieces> = LazyLock::new(|| {
    let fetched = views::moment("coalesce(g.started, f.started)");
    Pieces {
        rows: format!(
            "SELECT u.text, c.title, c.language, {fetched}, nullif(lower(hex(c.digest)), ''), c.file, c.bytes, c.media_type, c.charset
             FROM visit v JOIN fetch f ON f.id = v.last_fetch JOIN version c ON c.id = {COUNTED} JOIN url u ON u.id = v.url
             LEFT JOIN fetch g ON g.id = v.good_fetch
             WHERE v.run = (SELECT max(id) FROM run) AND v.url > ?1 AND v.url <= ?2 AND v.role IN ({}, {})
             AND f.redirect_to IS NULL AND (?3 IS NULL OR u.host = ?3) ORDER BY v.url",
            Role::Page as i64,
            Role::Known as i64
        ),
        end: URLS,
        of_run: true,
    }
});

const URLS: &str = "SELECT url FROM visit WHERE run = (SELECT max(id) FROM run) AND url > ?1
     ORDER BY url LIMIT 1 OFFSET ?2 - 1";
const FETCHES: &str = "SELECT id FROM fetch WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2 - 1";

/// A view by its name, if it has a key and may be large.
pub(crate) fn of(view: &str) -> Option<Pieces> {
    let all = views::sql();
    let rows = match view {
        // Their last condition is one of several that must all hold.
        "resources" | "links" | "urls" => of_visits(&all, view)?,
        "pages" => {
            let (body, inner) = (body(&all, view)?, of_visits(&all, "resources")?);
            body.replacen("FROM resources", &format!("FROM ({inner})"), 1)
        }
        "requests" => format!("{} WHERE f.id > ?1 AND f.id <= ?2", body(&all, view)?),
        _ => return None,
    };
    let of_run = view != "requests";
    Some(Pieces {
        rows,
        end: if of_run { URLS } else { FETCHES },
        of_run,
    })
}

fn of_visits(all: &str, view: &str) -> Option<String> {
    Some(format!(
        "{} AND v.url > ?1 AND v.url <= ?2",
        body(all, view)?
    ))
}

/// The statement that a view stands for.
fn body<'a>(all: &'a str, view: &str) -> Option<&'a str> {
    let (_, after) = all.split_once(&format!("CREATE VIEW {view} AS\n"))?;
    Some(after.split_once(";\n")?.0)
}

#[cfg(test)]
pub(crate) mod tests {
    use rusqlite::Connection;
    use tokio_rusqlite::rusqlite;

    use super::*;
    use crate::store::schema;

    /// Forty URLs of two runs.
    pub(crate) const ROWS: &str = "PRAGMA foreign_keys = off;
        INSERT INTO run (id, state, seeds, begun) VALUES (1, 'finished', '[]', 0), (2, 'running', '[]', 0);
        INSERT INTO start (id, run, begun, heartbeat, config, version, pid) VALUES (1, 1, 0, 0, '', '', 1), (2, 2, 0, 0, '', '', 1);
        INSERT INTO host (id, name) VALUES (1, 'a.example');
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
        INSERT INTO url SELECT i, 1, i, 'http://a.example/' || i, i FROM n;
        INSERT INTO fetch (id, start, url, kind, attempt, started, total_us, status, wire_bytes, truncated, version)
        SELECT id, 2, id, 0, 0, id, 1, 200, 1, 0, id FROM url WHERE id % 3;
        INSERT INTO visit (run, url, depth, redirects, via_kind, decision, last_fetch, good_version, role)
        SELECT 1 + id % 2, id, 0, 0, 100, iif(id % 3, 0, iif(id % 2, 4, 1)), iif(id % 3, id, NULL), iif(id % 3, id, NULL), id / 2 % 4 FROM url;
        INSERT INTO version (id, url, digest, meta, bytes, nofollow, noindex, truncated) SELECT id, id, x'00', 0, 1, 0, 0, 0 FROM url;
        INSERT INTO link (version, position, target, kind) SELECT id, 0, 1 + id % 40, 0 FROM url;
        INSERT INTO link (version, position, target, kind) SELECT id, 1, 1 + id * 7 % 40, 1 FROM url;";

    fn shown(connection: &Connection, sql: &str, parameters: &[i64]) -> Vec<String> {
        let mut statement = connection.prepare(sql).expect(sql);
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
            let values = (0..columns).map(|column| row.get_ref(column));
            Ok(format!("{:?}", values.collect::<Result<Vec<_>, _>>()?))
        };
        let parameters = rusqlite::params_from_iter(parameters);
        let rows = statement.query_map(parameters, row).expect(sql);
        rows.collect::<Result<_, _>>().expect(sql)
    }

    #[test]
    fn pieces_are_the_view() {
        let mut connection = Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("a schema");
        connection.execute_batch(ROWS).expect("rows");
        for view in ["pages", "resources", "links", "urls", "requests"] {
            let whole = shown(&connection, &format!("SELECT * FROM {view}"), &[]);
            assert!(whole.len() > 5, "{view}: {}", whole.len());
            let pieces = of(view).expect(view);
            for piece in [1, 2, 7, 39, 40, 100] {
                let (mut after, mut rows) = (i64::MIN, Vec::new());
                while after < i64::MAX {
                    let end: Result<i64, _> =
                        connection.query_row(pieces.end, [after, piece], |row| row.get(0));
                    let end = end.unwrap_or(i64::MAX);
                    rows.extend(shown(&connection, &pieces.rows, &[after, end]));
                    after = end;
                }
                assert_eq!(rows, whole, "{view} by {piece}");
            }
        }
        assert_eq!(of("hosts"), None);
        assert_eq!(of("SELECT 1"), None);
    }
}
