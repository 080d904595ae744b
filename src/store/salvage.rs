//! What can be read of a malformed database, copied row by row into a new one that takes its place. The old
//! one is kept beside it.

use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use tokio_rusqlite::rusqlite;

use super::find::Finder;
use super::{DATABASE, StoreError, open, schema};

/// What became of a malformed database.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Salvaged {
    /// Rows that could be read.
    pub rows: u64,
    /// Where the old database is now.
    pub aside: PathBuf,
}

/// Copies what can be read into a new database, and puts that in the old one's place. The directory is locked.
pub(super) fn salvage(old: Connection, directory: &Path) -> Result<Salvaged, StoreError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::File { path, source }
    };
    let new = directory.join(format!("{DATABASE}.new"));
    // Of a salvage that was killed.
    match std::fs::remove_file(&new) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            return Err(failed(&new)(source));
        }
        _ => {}
    }
    let rows = copy(&old, &new)?;
    // Its log must not be left for the new one, to which it does not belong.
    old.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    old.close().map_err(|(_, error)| error)?;
    let database = directory.join(DATABASE);
    let aside = free_name(directory);
    // At each moment there is a whole file under the database's name.
    std::fs::hard_link(&database, &aside)
        .or_else(|_| std::fs::copy(&database, &aside).map(drop))
        .map_err(failed(&aside))?;
    std::fs::rename(&new, &database).map_err(failed(&database))?;
    Ok(Salvaged { rows, aside })
}

fn free_name(directory: &Path) -> PathBuf {
    let names = (0..).map(|number| match number {
        0 => format!("{DATABASE}.damaged"),
        number => format!("{DATABASE}.damaged.{number}"),
    });
    let mut paths = names.map(|name| directory.join(name));
    paths
        .find(|path| std::fs::symlink_metadata(path).is_err())
        .unwrap_or_default()
}

fn copy(old: &Connection, to: &Path) -> Result<u64, StoreError> {
    let mut new = open::open_file(to)?;
    schema::prepare(&mut new, || fastrand::i64(..))?;
    new.pragma_update(None, "foreign_keys", false)?;
    new.pragma_update(None, "ignore_check_constraints", true)?;
    let tx = new.transaction()?;
    let (mut rows, mut gaps) = (0, Vec::new());
    for table in schema::TABLE_NAMES {
        if table != "meta" {
            let copied = copy_table(old, &tx, table)?;
            rows += copied.rows;
            gaps.extend(copied.gap.map(|gap| (table, gap)));
        }
    }
    for (table, gap) in gaps {
        reread(&tx, table, gap)?;
    }
    let keyed = copy_keys(old, &tx)?;
    if !keyed {
        rekey(&tx)?;
    }
    // What is missing may be found anew by what is left.
    tx.execute("INSERT OR IGNORE INTO meta VALUES ('redecide', 1)", [])?;
    tx.commit()?;
    new.close().map_err(|(_, error)| error)?;
    Ok(rows)
}

/// What could be read of a table.
struct Copied {
    rows: u64,
    /// Between which numbers in the first column rows may be missing.
    gap: Option<(i64, i64)>,
}

/// Copies a table from its beginning until it cannot be read any more, and then from its end.
fn copy_table(old: &Connection, new: &Connection, table: &str) -> rusqlite::Result<Copied> {
    let columns = |wanted: &str, end: &str| -> rusqlite::Result<Vec<String>> {
        let sql =
            format!("SELECT '\"' || name || '\"{end}' FROM pragma_table_info(?) WHERE {wanted}");
        let mut statement = new.prepare(&sql)?;
        statement.query_map([table], |row| row.get(0))?.collect()
    };
    let all = columns("1", "")?;
    let places = vec!["?"; all.len()].join(",");
    let sql = format!(
        "INSERT OR IGNORE INTO {table} ({}) VALUES ({places})",
        all.join(",")
    );
    let mut insert = new.prepare(&sql)?;
    let forwards = format!("SELECT {} FROM {table} NOT INDEXED", all.join(","));
    let backwards = format!(
        "{forwards} ORDER BY {}",
        columns("pk > 0 ORDER BY pk", " DESC")?.join(",")
    );
    let (mut copied, mut edges) = (0, [0, i64::MAX]);
    for (sql, edge) in [forwards, backwards].iter().zip(&mut edges) {
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = old.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let values: rusqlite::Result<Vec<Value>> =
                    (0..all.len()).map(|at| row.get(at)).collect();
                // A text that is none: the row says nothing that could be trusted.
                let Ok(values) = values else { continue };
                if let Some(Value::Integer(first)) = values.first() {
                    *edge = *first;
                }
                copied += insert.execute(params_from_iter(values))? as u64;
            }
            Ok(())
        };
        // An error is the end of what can be read.
        if read().is_ok() {
            return Ok(Copied {
                rows: copied,
                gap: None,
            });
        }
    }
    let gap = Some((edges[0], edges[1]));
    Ok(Copied { rows: copied, gap })
}

/// Where rows of what was read out of pages are missing, these pages are read again: nothing else tells how
/// many rows there were.
fn reread(new: &Connection, table: &str, gap: (i64, i64)) -> rusqlite::Result<()> {
    match table {
        "link" | "field" | "signal" => {
            new.execute(
                "UPDATE version SET reader = 0 WHERE id BETWEEN ? AND ?",
                gap,
            )?;
            new.execute(
                "UPDATE visit SET last_fetch = NULL, carried = 0 WHERE run = (SELECT max(id) FROM run) AND decision = 0
                 AND (SELECT version FROM fetch WHERE id = visit.last_fetch) BETWEEN ? AND ?",
                gap,
            )?;
        }
        "sitemap_entry" | "sitemap_alternate" => {
            new.execute("UPDATE sitemap SET last_fetch = NULL, carried = 0 WHERE run = (SELECT max(id) FROM run) AND decision = 0", [])?;
        }
        _ => {}
    }
    Ok(())
}

/// Takes over the keys by which URLs are found. Whether they are there.
fn copy_keys(old: &Connection, new: &Connection) -> rusqlite::Result<bool> {
    let keys = ["hash_key_0", "hash_key_1"].map(|key| {
        let value = old.query_row("SELECT value FROM meta WHERE key = ?", [key], |row| {
            row.get::<_, i64>(0)
        });
        (key, value)
    });
    for (key, value) in keys {
        let Ok(value) = value else {
            return Ok(false);
        };
        new.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))?;
    }
    Ok(true)
}

/// Gives every URL the key that it has by what `meta` says now.
fn rekey(new: &Connection) -> rusqlite::Result<()> {
    let finder = Finder::new(new)?;
    let mut statement = new.prepare("SELECT id, text FROM url")?;
    let mut update = new.prepare("UPDATE url SET hash = ? WHERE id = ?")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(1)?;
        if let Some(hash) = finder.stored_hash(&text) {
            update.execute([hash, row.get(0)?])?;
        }
    }
    Ok(())
}
