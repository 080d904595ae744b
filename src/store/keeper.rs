//! An output that is written by others than a crawl: what is worked out once and kept, what is removed because
//! nobody needs it any more. One writer at a time, as ever.

use std::path::Path;

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use super::lock::Lock;
use super::{DATABASE, StoreError, aside, open, schema};

/// Pages of the log after which SQLite copies it back by itself: 16 MiB.
const LOG_PAGES: i64 = 4096;

/// An output that is locked, and its database. No crawl begins while it lives.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) connection: Connection,
    _lock: Lock,
}

impl Keeper {
    /// Locks an output and opens its database to write it.
    ///
    /// # Errors
    /// When there is none, when it is not ours, or when another process writes it, a crawl above all: its pid is named.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        let lock = lock(directory)?;
        let connection = open::connect(directory)?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        // What is worked out may be as large as the crawl.
        connection.pragma_update(None, "temp_store", "FILE")?;
        connection.pragma_update(None, "cache_size", -65_536)?;
        Ok(Self {
            connection,
            _lock: lock,
        })
    }

    /// Copies the log back and lets go.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.connection.close().map_err(|(_, error)| error)?;
        Ok(())
    }
}

/// Locks an output in which a crawl has begun, whatever state it was left in.
pub(super) fn lock(directory: &Path) -> Result<Lock, StoreError> {
    let database = directory.join(DATABASE);
    if !database.exists() {
        return Err(StoreError::Missing);
    }
    let lock = Lock::take(directory)?;
    // A half of an output that is being moved aside is none.
    aside::end_move(directory)?;
    if !database.exists() {
        return Err(StoreError::Missing);
    }
    let there = open::open_file(&database)?;
    schema::refuse_others(&there)?;
    if schema::is_empty(&there)? {
        return Err(StoreError::Missing);
    }
    Ok(lock)
}
