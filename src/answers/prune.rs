//! `crawl prune`: what only old runs need is removed, and never the last good content of a URL.

use std::path::Path;

use super::directory_of;
use crate::error::{Error, Result};
pub use crate::store::prune::Pruned;

/// Removes what none of the latest `keep` runs needs; with `dry`, only says what that is. With `vacuum`, the database
/// is written anew afterwards, without the room that this has freed.
///
/// # Errors
/// When there is no crawl, one is writing, or the output cannot be written.
pub fn run(output: &Path, keep: u32, dry: bool, vacuum: bool) -> Result<Pruned> {
    let path = directory_of(output)?;
    let pruned = crate::store::prune::run(&path, keep, dry, vacuum);
    pruned.map_err(|source| Error::Store { path, source })
}
