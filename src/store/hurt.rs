//! Contents whose files are not whole. After power loss a row may be there and its file not: bodies are only
//! certain up to the mark (`start.durable_to`), so at an unclean start those beyond it are read again.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction};
use tokio_rusqlite::rusqlite;

use super::admit::Admitter;
use super::bodies::Bodies;
use super::{PAGES, StoreError};

/// Finds the contents beyond the mark whose files are not whole, and removes what is there of these. A file
/// that an older row names, too, was whole when that was certain; if it is not any more, its disk has failed,
/// and `crawl check` tells of the older row.
pub(super) fn find(connection: &Connection, output: &Path) -> Result<Vec<i64>, StoreError> {
    // A 304 has written nothing.
    let mut statement = connection.prepare(
        "SELECT DISTINCT v.id, v.file, v.bytes, v.digest FROM fetch f JOIN version v ON v.id = f.version
         WHERE f.id > (SELECT coalesce(max(durable_to), 0) FROM start) AND v.file IS NOT NULL AND f.status <> 304
         ORDER BY v.file",
    )?;
    let mut rows = statement.query([])?;
    let failed = |source| StoreError::File {
        path: output.join(PAGES),
        source,
    };
    let mut bodies = Bodies::open(output).map_err(failed)?;
    let (mut hurt, mut bad) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let (version, name): (i64, String) = (row.get(0)?, row.get(1)?);
        let digest: Vec<u8> = row.get(3)?;
        let bytes = row.get::<_, i64>(2)?.unsigned_abs();
        let found = bodies.look(name.as_bytes(), bytes, &digest);
        if found.map_err(failed)?.is_some() {
            hurt.push(version);
            bad.push(name);
        }
    }
    // Before the rows are changed: whoever is killed in between finds the files missing.
    for name in bad {
        bodies.remove(name.as_bytes()).map_err(failed)?;
    }
    Ok(hurt)
}

/// Takes back that these contents are in files, and asks again for the URLs whose last outcome they are.
/// Answers with how many those are.
pub(super) fn ask_again(
    admitter: &mut Admitter,
    tx: &Transaction<'_>,
    hurt: &[i64],
) -> rusqlite::Result<u64> {
    let mut again = 0;
    for version in hurt {
        tx.prepare_cached("UPDATE version SET file = NULL WHERE id = ?")?
            .execute([version])?;
        let url: Option<i64> = tx
            .prepare_cached(
                "SELECT v.url FROM visit v JOIN fetch f ON f.id = v.last_fetch
                 WHERE v.run = ?1 AND v.url = (SELECT url FROM version WHERE id = ?2) AND v.decision = 0 AND f.version = ?2",
            )?
            .query_row([admitter.run, *version], |row| row.get(0))
            .optional()?;
        if let Some(url) = url {
            admitter.ask_again(tx, url)?;
            again += 1;
        }
    }
    // The queue is read from the table like the rest of it.
    admitter.admitted.clear();
    Ok(again)
}
