//! What is wrong with a setting, in words that name it and the nearest valid one.

use std::fmt;
use std::path::PathBuf;

/// What is wrong with a setting, and where it stands.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not valid TOML, has an unknown key, or a value of the wrong form.
    #[error("{path}, line {line}: {message}")]
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
        /// What is wrong with it, and the nearest valid word where there is one.
        message: String,
    },
    /// A value that cannot be used.
    #[error("{key} = {value:?}: {message}")]
    Value {
        /// The key, in its section (`scope.include`).
        key: String,
        /// The value as it was given.
        value: String,
        /// What is wrong with it.
        message: String,
    },
    /// There is nothing to crawl.
    #[error(
        "no seed: give --seed URL, --input-file FILE, --sitemap URL, or seeds in crawl.toml ([seeds] seed = [\"https://example.com/\"])"
    )]
    NoSeed,
    /// There is nothing to extract.
    #[error("no field: give --field NAME=SELECTOR, or [[field]] tables in crawl.toml")]
    NoField,
}

impl ConfigError {
    pub(crate) fn value(key: &str, value: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::Value {
            key: key.to_owned(),
            value: value.to_string(),
            message: message.to_string(),
        }
    }
}

/// The valid word that looks most like the given one, if any comes near.
pub fn nearest<'a>(word: &str, valid: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    valid
        .map(|other| (strsim::jaro_winkler(word, other), other))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, other)| other)
}
