//! What a diff has found, until it is told: in a database of its own without a name, which takes memory only as far
//! as there is some, and leaves nothing behind.

use rusqlite::{Connection, OptionalExtension, params};
use tokio_rusqlite::rusqlite;

use super::compare::Judged;
use super::entry::Entry;
use super::kinds::Kind;

/// Kibibytes of it in memory.
const CACHE: i64 = 16 << 10;
/// Rows that are read at a time.
const PIECE: i64 = 1000;

const TABLES: &str = "
CREATE TABLE entry (
  id      INTEGER PRIMARY KEY,
  kind    INTEGER NOT NULL,
  url     TEXT NOT NULL,
  json    TEXT NOT NULL,
  digest  BLOB,
  version INTEGER,
  title   TEXT,
  text    INTEGER,
  target  TEXT
);
CREATE TABLE pair (key TEXT PRIMARY KEY, before INTEGER, after INTEGER) WITHOUT ROWID;
";

#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) connection: Connection,
}

/// The numbers of a URL in two databases.
pub(super) type Ids = (Option<i64>, Option<i64>);

impl Scratch {
    pub(super) fn new() -> rusqlite::Result<Self> {
        // The empty name: SQLite makes a file for what memory has no room for, and removes it at once.
        let connection = Connection::open("")?;
        connection.pragma_update(None, "journal_mode", "OFF")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "cache_size", -CACHE)?;
        connection.execute_batch(TABLES)?;
        connection.execute_batch("BEGIN")?;
        Ok(Self { connection })
    }

    pub(super) fn keep(&self, judged: &Judged) -> rusqlite::Result<()> {
        let entry = &judged.entry;
        // Only what is gone or new may turn out to have moved.
        let content = judged
            .content
            .as_ref()
            .filter(|content| content.bytes > 0 && matches!(entry.kind, Kind::Gone | Kind::New));
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO entry (kind, url, json, digest, version, title, target) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        statement
            .execute(params![
                entry.kind as i64,
                entry.url,
                json(entry)?,
                content.map(|content| &content.digest),
                content.map(|content| content.id),
                content.and_then(|content| content.title.as_ref()),
                entry.to,
            ])
            .map(drop)
    }

    /// Another entry in place of one.
    pub(super) fn replace(&self, id: i64, entry: &Entry) -> rusqlite::Result<()> {
        let sql = "UPDATE entry SET kind = ?2, json = ?3, target = ?4 WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement
            .execute(params![id, entry.kind as i64, json(entry)?, entry.to])
            .map(drop)
    }

    pub(super) fn entry(&self, id: i64) -> rusqlite::Result<Entry> {
        let sql = "SELECT json FROM entry WHERE id = ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_row([id], |row| of_json(&row.get::<_, String>(0)?))
    }

    /// The entry of a URL, if there is one.
    pub(super) fn of_url(&self, url: &str) -> rusqlite::Result<Option<Entry>> {
        let sql = "SELECT json FROM entry WHERE url = ? ORDER BY kind LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let read = |row: &rusqlite::Row<'_>| of_json(&row.get::<_, String>(0)?);
        statement.query_row([url], read).optional()
    }

    /// The first entry that has moved to a URL.
    pub(super) fn moved_to(&self, url: &str) -> rusqlite::Result<Option<Entry>> {
        let sql = "SELECT json FROM entry WHERE target = ? ORDER BY url LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let read = |row: &rusqlite::Row<'_>| of_json(&row.get::<_, String>(0)?);
        statement.query_row([url], read).optional()
    }

    /// What is new and stands where something has moved to is told there.
    pub(super) fn join(&self) -> rusqlite::Result<u64> {
        let sql = "DELETE FROM entry WHERE kind = ?1 AND url IN (SELECT target FROM entry WHERE kind = ?2)";
        let kinds = [Kind::New as i64, Kind::Moved as i64];
        self.connection.execute(sql, kinds).map(|gone| gone as u64)
    }

    /// Goes through the entries of a kind, by URL.
    pub(super) fn each<E: From<rusqlite::Error>>(
        &self,
        kind: Kind,
        limit: u64,
        mut tell: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self
            .connection
            .prepare_cached("SELECT json FROM entry WHERE kind = ? ORDER BY url, id LIMIT ?")?;
        let mut rows = statement.query([kind as i64, limit])?;
        while let Some(row) = rows.next()? {
            let json: String = row.get(0)?;
            tell(of_json(&json)?)?;
        }
        Ok(())
    }

    /// Notes a URL of one of two databases. Whether another of the same database has its name already.
    pub(super) fn pair(&self, key: &str, ids: Ids) -> rusqlite::Result<bool> {
        let (column, id) = match ids {
            (Some(id), _) => ("before", id),
            (None, id) => ("after", id.unwrap_or_default()),
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "INSERT INTO pair (key, {column}) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET {column} = ?2 WHERE {column} IS NULL"
        ))?;
        Ok(statement.execute(params![key, id])? == 0)
    }

    /// The next pairs, by name.
    pub(super) fn pairs(&self, after: &str) -> rusqlite::Result<Vec<(String, Ids)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT key, before, after FROM pair WHERE key > ? ORDER BY key LIMIT ?",
        )?;
        let rows = statement.query_map(params![after, PIECE], |row| {
            Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
        })?;
        rows.collect()
    }
}

fn json(entry: &Entry) -> rusqlite::Result<String> {
    let failed = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    serde_json::to_string(entry).map_err(failed)
}

fn of_json(json: &str) -> rusqlite::Result<Entry> {
    let failed = |error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error))
    };
    serde_json::from_str(json).map_err(failed)
}
