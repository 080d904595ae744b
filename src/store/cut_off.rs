//! What a start that was cut off may have left: files of its last moments that no row names yet.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension};
use tokio_rusqlite::rusqlite;

use super::log::log_of;
use super::{DATABASE, from_micros};

/// How far the clock of the file system may be behind ours.
const CLOCK_SLACK: Duration = Duration::from_secs(10);
/// So many fetches before the last one, none was under way that is not committed.
const LAST_FETCHES: i64 = 1024;

/// When the log that an earlier start has left was written, by the clock of the file system.
pub(super) fn log_written(directory: &Path) -> Option<SystemTime> {
    let log = std::fs::metadata(log_of(&directory.join(DATABASE)));
    log.and_then(|log| log.modified()).ok()
}

/// From when on the last start may have written files of which it did not come to commit the rows; `None` where it
/// ended by itself, or there was none. `log` is [`log_written`].
pub(super) fn since(
    connection: &Connection,
    log: Option<SystemTime>,
) -> rusqlite::Result<Option<SystemTime>> {
    let last = connection
        .query_row(
            "SELECT id, min(begun, heartbeat), how FROM start ORDER BY id DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?)),
        )
        .optional()?;
    let Some((start, begun, how)) = last else {
        return Ok(None);
    };
    if how.is_some_and(|how| how != "failed") {
        return Ok(None);
    }
    // The clock may have been set on the way; files and log have another, which goes by it.
    let since = from_micros(last_moments(connection, start, begun)?);
    let since = log.map_or(since, |at| at.min(since));
    Ok(Some(since.checked_sub(CLOCK_SLACK).unwrap_or(since)))
}

/// The same, of an output that is only read.
pub(crate) fn files_since(
    connection: &Connection,
    directory: &Path,
) -> rusqlite::Result<Option<SystemTime>> {
    since(connection, log_written(directory))
}

/// Not just since its last commit: files wait for that as long as another program holds the database, or as the
/// process itself is held. But they were all fetched after the answers that were committed long before.
fn last_moments(connection: &Connection, start: i64, begun: i64) -> rusqlite::Result<i64> {
    let earliest: Option<i64> = connection.query_row(
        "SELECT min(started) FROM (SELECT started FROM fetch WHERE start = ? ORDER BY id DESC LIMIT ?)",
        [start, LAST_FETCHES],
        |row| row.get(0),
    )?;
    Ok(earliest.unwrap_or(begun))
}
