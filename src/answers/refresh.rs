//! `crawl refresh --dry-run`: what a refresh would ask for, and why.

use std::time::SystemTime;

use rusqlite::OptionalExtension;
use tokio_rusqlite::rusqlite;

use super::Reader;
use crate::config::{Config, ConfigError};
use crate::error::{Error, Result};
use crate::estimate::patience;
use crate::store::choosing::preview;
use crate::store::{StoreError, micros};

/// What a refresh would ask for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Planned {
    /// URLs, each with how likely it is to have changed, from 0 to 1; the likeliest first. Among them are those that
    /// were not asked for the longest.
    pub urls: Vec<(f64, String)>,
    /// How many there are to choose from.
    pub of: u64,
    /// After how many such refreshes each of them was asked for.
    pub patience: u64,
}

/// Chooses as a refresh would that began now.
///
/// # Errors
/// When the last run is not finished, or the database cannot be read.
pub fn plan(reader: &Reader, config: &Config) -> Result<Planned> {
    let last = reader
        .connection
        .query_row(
            "SELECT state = 'finished', budget IS NOT NULL FROM run ORDER BY id DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(|error| reader.failed(error))?;
    match last {
        None | Some((true, _)) => {}
        Some((false, true)) => {
            let why = "a refresh is not finished: without this, the same command goes on with it (crawl query queue lists what waits)";
            return Err(ConfigError::value("dry-run", "true", why).into());
        }
        Some((false, false)) => {
            let path = config.output.output.clone();
            let source = StoreError::Unfinished;
            return Err(Error::Store { path, source });
        }
    }
    let now = SystemTime::now();
    let max_age = config.recrawl.max_age.0;
    let young = max_age.map(|age| now.checked_sub(age.0).map_or(0, micros));
    let budget = config.recrawl.budget.0.unwrap_or(0);
    let planned = preview(&reader.connection, budget, young, micros(now));
    let (urls, of) = planned.map_err(|error| reader.failed(error))?;
    Ok(Planned {
        urls,
        of,
        patience: patience(of, budget).unwrap_or(0),
    })
}
