//! Texts that are stored once and named by number, with a bounded memory of the numbers.

use std::collections::HashMap;
use std::hash::Hash;

use rusqlite::{OptionalExtension, Transaction};
use tokio_rusqlite::rusqlite;

/// Texts that are stored once and named by number: rules, header blocks, hosts.
#[derive(Debug)]
pub(super) struct Interned<K> {
    known: HashMap<K, i64>,
}

/// Texts remembered of each kind.
const MAX_INTERNED: usize = 16_384;

impl<K: Hash + Eq + Clone> Interned<K> {
    pub(super) fn new() -> Self {
        Self {
            known: HashMap::new(),
        }
    }

    pub(super) fn get_or(
        &mut self,
        key: &K,
        look_up: impl FnOnce() -> rusqlite::Result<i64>,
    ) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(key) {
            return Ok(*id);
        }
        let id = look_up()?;
        if self.known.len() >= MAX_INTERNED {
            self.known.clear();
        }
        self.known.insert(key.clone(), id);
        Ok(id)
    }
}

/// The id of a text in `table (id, column UNIQUE)`, which gets it if it is new; and whether it is.
pub(super) fn text_id(
    tx: &Transaction<'_>,
    table: &str,
    column: &str,
    text: &str,
) -> rusqlite::Result<(i64, bool)> {
    let found = tx
        .prepare_cached(&format!("SELECT id FROM {table} WHERE {column} = ?"))?
        .query_row([text], |row| row.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok((id, false));
    }
    tx.prepare_cached(&format!("INSERT INTO {table} ({column}) VALUES (?)"))?
        .execute([text])?;
    Ok((tx.last_insert_rowid(), true))
}
