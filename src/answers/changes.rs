//! What the last start of a crawl has found that is new, changed or gone.

use super::Reader;
use crate::error::Result;
use crate::store::Change;
use crate::store::changes::piece;

/// URLs that are looked at together: a crawl's log is held for no longer.
const PIECE: usize = 1000;

/// Tells of each URL whose outcome by the last start is another one than the run before had.
///
/// # Errors
/// When the database cannot be read; and what `tell` fails with.
pub fn tell(
    reader: &Reader,
    mut tell: impl FnMut(Change, &str) -> std::io::Result<()>,
) -> Result<std::io::Result<()>> {
    let last = "SELECT ifnull(max(id), 0) FROM start";
    let start = reader.connection.query_row(last, [], |row| row.get(0));
    let start: i64 = start.map_err(|error| reader.failed(error))?;
    let mut after = 0;
    loop {
        let found = piece(&reader.connection, start, after, PIECE);
        let found = found.map_err(|error| reader.failed(error))?;
        let Some(last) = found.last() else {
            return Ok(Ok(()));
        };
        after = last.0;
        for (change, url) in found.iter().filter_map(|(_, change)| change.as_ref()) {
            if let Err(error) = tell(*change, url) {
                return Ok(Err(error));
            }
        }
    }
}
