//! What ends a crawl. A failed fetch does not: it is a row.

use std::path::{Path, PathBuf};

use crate::config::ConfigError;
use crate::store::StoreError;

/// Why a crawl could not begin, or had to end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting or a seed cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The output cannot be opened or written.
    #[error("{}", store_sentence(path, source))]
    Store {
        /// The output directory, or the database.
        path: PathBuf,
        /// What is wrong with it.
        source: StoreError,
    },
}

impl Error {
    /// Whether something else should have been asked for (another setting, another directory): the
    /// difference between the exit codes 2 and 1.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Config(_) => true,
            Self::Store { source, .. } => source.is_usage(),
        }
    }
}

fn store_sentence(path: &Path, source: &StoreError) -> String {
    match source {
        // These name their own path.
        StoreError::File { .. } => source.to_string(),
        _ => format!("{}: {source}", path.display()),
    }
}

/// A result whose error ends the crawl.
pub type Result<T> = std::result::Result<T, Error>;
