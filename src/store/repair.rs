//! What `crawl check --repair` writes: rows in one transaction, after the files that nobody is to find any
//! more. To be killed at any moment is no harm: what was done stays done, the rest is found again.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio_rusqlite::rusqlite;

use super::bodies::Bodies;
use super::laws::{Kind, LAWS};
use super::lock::Lock;
use super::queue::kind_of;
use super::salvage::{Salvaged, salvage};
use super::words::{Role, kind_code};
use super::{PAGES, StoreError, keeper, open, references, search, sitemaps};
use crate::canonical::CanonicalUrl;
use crate::config::Config;
use crate::order::Order;
use crate::request::Kind as Purpose;

/// An output that is locked, to be looked over and put right.
#[derive(Debug)]
pub(crate) struct Repair {
    pub(crate) connection: Connection,
    directory: PathBuf,
    lock: Lock,
}

/// What was put right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Repaired {
    /// URLs that wait again: the next `crawl` asks for them.
    pub again: u64,
    /// Files that were removed.
    pub removed: u64,
    /// Contents that are in no file any more; those of earlier times cannot be had again.
    pub without_file: u64,
}

impl Repair {
    /// Locks the output and opens its database.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        // Where nothing is known, every file would be a stray: a database without tables is none.
        let lock = keeper::lock(directory)?;
        Self::of(directory, lock)
    }

    fn of(directory: &Path, lock: Lock) -> Result<Self, StoreError> {
        let connection = open::connect(directory)?;
        // What is noted may be a row for each file.
        connection.pragma_update(None, "temp_store", "FILE")?;
        connection.execute_batch(
            "CREATE TEMP TABLE hurt (version INTEGER PRIMARY KEY, file BLOB NOT NULL);
             CREATE TEMP TABLE stray (file BLOB NOT NULL);",
        )?;
        Ok(Self {
            connection,
            directory: directory.to_owned(),
            lock,
        })
    }

    /// Puts a new database in the place of this one, with what can be read of it.
    pub(crate) fn salvage(self) -> Result<(Self, Salvaged), StoreError> {
        let salvaged = salvage(self.connection, &self.directory)?;
        Ok((Self::of(&self.directory, self.lock)?, salvaged))
    }

    /// Makes the indices anew from their tables.
    pub(crate) fn reindex(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("REINDEX")?)
    }

    /// Drops the index of texts: the next search makes it anew.
    pub(crate) fn drop_search(&self) -> Result<(), StoreError> {
        Ok(search::drop_index(&self.connection)?)
    }

    /// Notes a content whose file is not whole.
    pub(crate) fn note_hurt(&self, version: i64, file: &[u8]) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO temp.hurt VALUES (?, ?)")?
            .execute(params![version, file])
            .map(drop)
    }

    /// Notes a file that no row names.
    pub(crate) fn note_stray(&self, file: &[u8]) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("INSERT INTO temp.stray VALUES (?)")?
            .execute([file])
            .map(drop)
    }

    /// Puts right what was noted, and what the laws find.
    pub(crate) fn apply(mut self) -> Result<Repaired, StoreError> {
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (mut done, lock) = (Repaired::default(), self.lock);
        references::mend(&tx)?;
        done.without_file = take_back(&tx)?;
        for law in &LAWS {
            if law.kind == Kind::State {
                done.again = line_up(&tx, &self.directory)?;
            }
            for sql in law.mend {
                tx.execute(sql, [])?;
            }
        }
        done.removed = remove(&tx, &self.directory)?;
        tx.commit()?;
        let connection = self.connection;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error)?;
        drop(lock);
        Ok(done)
    }
}

/// Takes back that the contents that were noted are in files, and the outcomes of the last run that they are.
fn take_back(tx: &Transaction<'_>) -> rusqlite::Result<u64> {
    let hurt = tx.execute(
        "UPDATE version SET file = NULL WHERE file IS NOT NULL AND id IN (SELECT version FROM temp.hurt)",
        [],
    )?;
    tx.execute(
        "UPDATE visit SET last_fetch = NULL, carried = 0 WHERE run = (SELECT max(id) FROM run) AND decision = 0
         AND (SELECT version FROM fetch WHERE id = visit.last_fetch) IN (SELECT version FROM temp.hurt)",
        [],
    )?;
    Ok(hurt as u64)
}

/// Puts in line what the last run has let in, and what neither has an outcome nor waits. Answers with how many
/// those are.
fn line_up(tx: &Transaction<'_>, directory: &Path) -> rusqlite::Result<u64> {
    let config: Option<String> = tx
        .query_row(
            "SELECT config FROM start ORDER BY id DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .ok();
    let config = config.and_then(|text| Config::from_toml(&text, directory).ok());
    let Ok(order) =
        Order::new(&config.unwrap_or_default()).or_else(|_| Order::new(&Config::default()))
    else {
        return Ok(0);
    };
    tx.execute_batch(
        "CREATE TEMP TABLE lost AS
         SELECT v.url AS url, v.depth AS depth, v.role AS role, NULL AS level FROM visit v
         WHERE v.run = (SELECT max(id) FROM run) AND v.decision = 0 AND v.last_fetch IS NULL
         AND v.url NOT IN (SELECT url FROM frontier WHERE kind <> 4)
         UNION ALL
         SELECT m.url, m.depth, NULL, m.level FROM sitemap m
         WHERE m.run = (SELECT max(id) FROM run) AND m.decision = 0 AND m.last_fetch IS NULL
         AND m.url NOT IN (SELECT url FROM frontier WHERE kind = 4)",
    )?;
    let mut statement = tx.prepare(
        "SELECT l.url, u.host, u.text, l.depth, l.role, l.level FROM temp.lost l JOIN url u ON u.id = l.url",
    )?;
    let mut insert = tx.prepare(
        "INSERT INTO frontier (host, ord, kind, url) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )?;
    let mut rows = statement.query([])?;
    let mut again = 0;
    while let Some(row) = rows.next()? {
        let (id, text): (i64, String) = (row.get(0)?, row.get(2)?);
        let Ok(url) = CanonicalUrl::parse(&text) else {
            continue;
        };
        let small = |column| -> rusqlite::Result<u32> {
            let number = row.get::<_, Option<i64>>(column)?.unwrap_or(0);
            Ok(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
        };
        let depth = small(3)?;
        let (purpose, order) = match row.get::<_, Option<i64>>(4)? {
            Some(role) => (kind_of(Role::from_code(role)), order.of(&url, depth, id)),
            None => (
                Purpose::Sitemap,
                sitemaps::stored_order(&order, &url, depth, small(5)?, id),
            ),
        };
        let host: i64 = row.get(1)?;
        again += insert.execute(params![host, order as i64, kind_code(&purpose), id])? as u64;
    }
    drop(rows);
    drop((statement, insert));
    tx.execute_batch("DROP TABLE temp.lost")?;
    Ok(again)
}

/// Removes files: those that no row names, those of other content than their row says, and those of rows that
/// were dropped. What another row names with reason stays.
fn remove(tx: &Transaction<'_>, directory: &Path) -> Result<u64, StoreError> {
    let failed = |source| StoreError::File {
        path: directory.join(PAGES),
        source,
    };
    if !tx.query_row("SELECT EXISTS (SELECT 1 FROM main.version)", [], |row| {
        row.get(0)
    })? {
        return Ok(0);
    }
    // The names that were compared are all those that rows had.
    tx.execute_batch(
        "CREATE TEMP TABLE doomed AS SELECT file FROM temp.hurt
         UNION SELECT file FROM temp.named WHERE version NOT IN (SELECT id FROM main.version)",
    )?;
    let mut statement = tx.prepare(
        "SELECT file FROM temp.stray UNION ALL SELECT file FROM temp.doomed WHERE file NOT IN (
           SELECT CAST(file AS BLOB) FROM main.version WHERE file IS NOT NULL AND CAST(file AS BLOB) IN (SELECT file FROM temp.doomed))",
    )?;
    let mut rows = statement.query([])?;
    let bodies = Bodies::open(directory).map_err(failed)?;
    let mut removed = 0;
    while let Some(row) = rows.next()? {
        let name: Vec<u8> = row.get(0)?;
        removed += u64::from(bodies.remove(&name).map_err(failed)?);
    }
    Ok(removed)
}
