//! The database's log (`crawl.db-wal`), where what is committed stands until it is copied back: when that is done, and
//! how long the log may grow while a reader keeps it from being done.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio_rusqlite::rusqlite::{self, Connection};

/// The log is copied back into the database from this size on.
const COPIED_FROM: u64 = 64 << 20;
/// Where a reader holds it, that is tried again after so long: each try sorts all that is not copied yet.
const HELD_AGAIN: Duration = Duration::from_secs(1);
/// A log of this length is worth a word: a reader keeps it from being copied back.
pub(crate) const LONG_LOG: u64 = 256 << 20;
/// No request starts while the log is longer than this, or than a tenth of the disk that is free.
const LONGEST_LOG: u64 = 4 << 30;

/// The log of a database.
pub(crate) fn log_of(database: &Path) -> PathBuf {
    database.with_extension("db-wal")
}

/// Copies the log back into the database, as far as readers allow; never waits for them. Whether that was all of it.
pub(super) fn copy_back(connection: &Connection) -> rusqlite::Result<bool> {
    tracing::info!("checkpoint");
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (length, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(copied >= length)
    })
}

/// Whether a log has grown so long that the crawl had better wait for its readers.
pub(super) fn is_too_long(length: u64, directory: &Path) -> bool {
    if length <= LONG_LOG {
        return false;
    }
    let free = rustix::fs::statvfs(directory)
        .map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    length > LONGEST_LOG.min(free / 10)
}

/// The log that one writer writes.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    /// A reader holds it: nothing is tried before this time.
    held_until: Option<Instant>,
}

impl Log {
    pub(super) fn of(database: &Path) -> Self {
        Self {
            path: log_of(database),
            held_until: None,
        }
    }

    /// Copies the log back when it has grown. Answers with the length that it had: beyond what is copied back
    /// at once, a reader holds it.
    pub(super) fn keep_short(&mut self, connection: &Connection) -> rusqlite::Result<u64> {
        let length = std::fs::metadata(&self.path).map_or(0, |log| log.len());
        let now = Instant::now();
        if length > COPIED_FROM && self.held_until.is_none_or(|until| until <= now) {
            let whole = copy_back(connection)?;
            self.held_until = (!whole).then(|| Instant::now() + HELD_AGAIN);
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_not_tried_with_each_batch() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = directory.path().join("crawl.db");
        let open = || Connection::open(&database).expect("a database");
        let (connection, reader) = (open(), open());
        let write = |sql: &str| connection.execute_batch(sql).expect(sql);
        write(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 1000;",
        );
        write("CREATE TABLE t (x)");
        let mut log = Log::of(&database);
        assert!(log.keep_short(&connection).expect("a short log") < 1 << 20);

        reader
            .execute_batch("BEGIN; SELECT count(*) FROM t")
            .expect("a snapshot");
        write("INSERT INTO t VALUES (zeroblob(65 << 20))");
        assert!(log.keep_short(&connection).expect("a long log") > COPIED_FROM);
        let until = log.held_until;
        assert!(until.is_some());
        log.keep_short(&connection).expect("a long log");
        assert_eq!(log.held_until, until);

        // When the reader is gone and the time has come, the log is copied back, and begins anew.
        drop(reader);
        log.held_until = Some(Instant::now());
        log.keep_short(&connection).expect("a long log");
        assert_eq!(log.held_until, None);
        write("INSERT INTO t VALUES (1)");
        assert!(log.keep_short(&connection).expect("a short log") < 1 << 20);
    }

    #[test]
    fn how_long_is_too_long() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(!is_too_long(LONG_LOG, directory.path()));
        assert!(is_too_long(LONGEST_LOG + 1, directory.path()));
    }
}
