//! `crawl index`: the texts of a crawl's pages, so that `crawl search` finds them; and which of them are nearly the
//! same. Only what is not in yet is read: the latest good content of each URL.
//!
//! Each batch is a transaction, and a version is in the index or not: to be killed at any moment costs the batch that
//! was under way, and the next pass goes on.

mod similar;
pub(super) mod texts;

use std::path::Path;

use rusqlite::limits::Limit;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::directory_of;
use crate::error::{Error, Result};
use crate::parse::main_text;
use crate::store::keeper::Keeper;
use crate::store::{StoreError, search};

use texts::Job;

/// Words and marks of a batch, in bytes: as much as FTS5 gathers before it writes.
const BATCH: usize = 24 << 20;
/// Rows that are asked for at a time.
const ROWS: u32 = 512;
/// The longest value that is read or written: a text of 4 MiB with a mark behind each character of two or three bytes,
/// and room.
const LONGEST: i32 = 16 << 20;
/// Of a longer title the beginning is indexed.
const TITLE: u32 = 64 << 10;

/// What is to be worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Bits of 64 in which near-duplicates may differ, 8 at the most.
    pub distance: u32,
    /// Texts of fewer words are compared with no other.
    pub least_words: u64,
    /// Whether the index is made anew.
    pub rebuild: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            distance: 3,
            least_words: 50,
            rebuild: false,
        }
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Pages that were taken in.
    pub pages: u64,
    /// Of so many.
    pub of: u64,
    /// Bytes of their texts.
    pub bytes: u64,
}

/// What was indexed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Indexed {
    /// Pages in the index.
    pub pages: u64,
    /// Pages that this pass has taken in.
    pub added: u64,
    /// Contents that it has taken out: they are no page's any more.
    pub removed: u64,
    /// Pages whose body could not be read.
    pub unread: u64,
    /// Bytes of the texts that were taken in.
    pub bytes: u64,
    /// Whether there was an index that could not be read, and was made anew.
    pub rebuilt: bool,
    /// Clusters of near-duplicates, and contents in them.
    pub clusters: u64,
    /// See `clusters`.
    pub near: u64,
}

/// Brings the index up to date.
///
/// # Errors
/// When there is no crawl, one is writing, or the database cannot be read or written.
pub fn run(output: &Path, settings: Settings, watch: &mut dyn FnMut(Progress)) -> Result<Indexed> {
    let directory = directory_of(output)?;
    let mut work = || -> std::result::Result<Indexed, StoreError> {
        let mut keeper = Keeper::open(&directory)?;
        let connection = &keeper.connection;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
        let mut indexed = texts_in(&mut keeper, &directory, settings, watch)?;
        let tx = keeper.connection.transaction()?;
        (indexed.clusters, indexed.near) = similar::keep(&tx, settings)?;
        tx.execute(
            "INSERT OR REPLACE INTO derived
             SELECT 'search', (SELECT ifnull(max(id), 0) FROM run), ifnull(max(id), 0), unixepoch() * 1000000 FROM fetch",
            [],
        )?;
        tx.commit()?;
        keeper.close()?;
        Ok(indexed)
    };
    work().map_err(|source| Error::Store {
        path: directory.clone(),
        source,
    })
}

/// Brings the texts in; an index that is not as it was made is made anew, once.
fn texts_in(
    keeper: &mut Keeper,
    directory: &Path,
    settings: Settings,
    watch: &mut dyn FnMut(Progress),
) -> std::result::Result<Indexed, StoreError> {
    if settings.rebuild {
        search::drop_index(&keeper.connection)?;
    }
    match bring_in(&mut keeper.connection, directory, watch) {
        Err(StoreError::Sqlite(error)) if search::is_malformed(&keeper.connection, &error) => {
            search::drop_index(&keeper.connection)?;
            let indexed = bring_in(&mut keeper.connection, directory, watch)?;
            Ok(Indexed {
                rebuilt: true,
                ..indexed
            })
        }
        done => done,
    }
}

fn bring_in(
    connection: &mut Connection,
    directory: &Path,
    watch: &mut dyn FnMut(Progress),
) -> std::result::Result<Indexed, StoreError> {
    search::make(connection)?;
    note_current(connection)?;
    let mut indexed = Indexed {
        removed: take_out(connection)?,
        ..Indexed::default()
    };
    let of = connection.query_row("SELECT count(*) FROM temp.missing", [], |row| {
        row.get::<_, i64>(0)
    })?;
    let mut progress = Progress {
        of: of.unsigned_abs(),
        ..Progress::default()
    };
    let (mut after, mut unwritten) = (0, 0);
    let connection = &*connection;
    let mut batch = Some(connection.unchecked_transaction()?);
    texts::read_all(
        directory,
        || {
            let jobs = jobs(connection, after)?;
            after = jobs.last().map_or(after, |job| job.version);
            Ok(jobs)
        },
        |entry, bytes| {
            search::insert(connection, &entry)?;
            progress.pages += 1;
            progress.bytes += bytes;
            indexed.added += u64::from(entry.reading.is_some());
            indexed.unread += u64::from(entry.reading.is_none());
            unwritten += entry.body.len();
            if unwritten >= BATCH {
                unwritten = 0;
                if let Some(batch) = batch.take() {
                    batch.commit()?;
                }
                batch = Some(connection.unchecked_transaction()?);
            }
            watch(progress);
            Ok(())
        },
    )?;
    if let Some(batch) = batch {
        batch.commit()?;
    }
    indexed.bytes = progress.bytes;
    let count = "SELECT count(*) FROM reading WHERE words IS NOT NULL";
    let pages: i64 = connection.query_row(count, [], |row| row.get(0))?;
    indexed.pages = pages.unsigned_abs();
    Ok(indexed)
}

/// Notes which contents belong in the index, and which of them are not in yet.
fn note_current(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DROP TABLE IF EXISTS temp.current;
         DROP TABLE IF EXISTS temp.missing;
         CREATE TEMP TABLE current (version INTEGER PRIMARY KEY);
         CREATE TEMP TABLE missing (version INTEGER PRIMARY KEY);",
    )?;
    let types: Vec<&str> = main_text::types().collect();
    connection.execute(
        "INSERT OR IGNORE INTO temp.current SELECT c.id
         FROM (SELECT good_version, max(run) FROM visit WHERE good_version IS NOT NULL GROUP BY url) v
         JOIN version c ON c.id = v.good_version
         WHERE c.file IS NOT NULL AND c.media_type IN (SELECT value FROM json_each(?))",
        [serde_json::json!(types).to_string()],
    )?;
    Ok(())
}

/// Takes out what belongs there no more, or was not read; answers with how much that was of the former.
fn take_out(connection: &mut Connection) -> rusqlite::Result<u64> {
    let tx = connection.transaction()?;
    let mut removed = 0;
    {
        let mut statement = tx.prepare(
            "SELECT rowid, rowid IN (SELECT version FROM temp.current) FROM search_index
             WHERE rowid NOT IN (SELECT version FROM temp.current)
             OR rowid NOT IN (SELECT version FROM reading WHERE words IS NOT NULL)",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let stale: Vec<(i64, bool)> = rows.collect::<rusqlite::Result<_>>()?;
        for (version, is_current) in stale {
            search::remove(&tx, version)?;
            removed += u64::from(!is_current);
        }
    }
    tx.execute_batch(
        "DELETE FROM reading WHERE version NOT IN (SELECT rowid FROM search_index);
         INSERT INTO temp.missing SELECT version FROM temp.current WHERE version NOT IN (SELECT rowid FROM search_index);",
    )?;
    tx.commit()?;
    Ok(removed)
}

/// The next contents to be read.
fn jobs(connection: &Connection, after: i64) -> rusqlite::Result<Vec<Job>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.id, c.file, c.bytes, c.media_type, c.charset, substr(c.title, 1, ?3) FROM temp.missing m JOIN version c ON c.id = m.version
         WHERE m.version > ?1 ORDER BY m.version LIMIT ?2",
    )?;
    let rows = statement.query_map(params![after, ROWS, TITLE], |row| {
        Ok(Job {
            version: row.get(0)?,
            file: row.get(1)?,
            bytes: row.get::<_, i64>(2)?.unsigned_abs(),
            media_type: row.get(3)?,
            charset: row.get(4)?,
            title: row.get(5)?,
        })
    })?;
    rows.collect()
}

/// Whether the index is of the crawl as it is now.
pub(crate) fn is_up_to_date(connection: &Connection) -> rusqlite::Result<bool> {
    let current = connection
        .query_row(
            "SELECT last_fetch = (SELECT ifnull(max(id), 0) FROM fetch) FROM derived WHERE name = 'search'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(current.unwrap_or(false) && search::is_there(connection)?)
}
