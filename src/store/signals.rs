//! What robots.txt, headers and pages say of the uses of content, as rows.

use rusqlite::{Transaction, params};
use tokio_rusqlite::rusqlite;

use crate::signals::Signal;

/// Writes what a robots.txt says.
pub(super) fn of_robots(
    tx: &Transaction<'_>,
    robots: i64,
    signals: &[Signal],
) -> rusqlite::Result<()> {
    for (position, signal) in (0_i64..).zip(signals) {
        tx.prepare_cached("INSERT INTO robots_signal VALUES (?, ?, ?, ?, ?, ?)")?
            .execute(params![
                robots,
                position,
                signal.name.as_str(),
                signal.path,
                signal.category,
                signal.value
            ])?;
    }
    Ok(())
}

/// Writes what a content and its headers say, in place of what was read of it before.
pub(super) fn of_version(
    tx: &Transaction<'_>,
    version: i64,
    again: bool,
    signals: &[Signal],
) -> rusqlite::Result<()> {
    if again {
        tx.prepare_cached("DELETE FROM signal WHERE version = ?")?
            .execute([version])?;
    }
    for (position, signal) in (0_i64..).zip(signals) {
        tx.prepare_cached("INSERT INTO signal VALUES (?, ?, ?, ?, ?, ?, ?)")?
            .execute(params![
                version,
                position,
                signal.source.as_str(),
                signal.name.as_str(),
                signal.category,
                signal.value,
                signal.withheld
            ])?;
    }
    Ok(())
}
