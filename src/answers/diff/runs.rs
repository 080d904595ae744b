//! Which runs are meant: by number, counted from the end, by date, or as those of another output.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::{OptionalExtension, Row};
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::Options;
use crate::answers::Reader;
use crate::config::{ConfigError, Since};
use crate::error::Result;
use crate::store::StoreError;

/// A run that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Run {
    /// Its number.
    pub run: i64,
    /// `running`, `finished`, `deferred`, `stopped`, or `killed`: begun, not ended, and nobody at it.
    pub state: String,
    /// When it began (UTC).
    pub begun_at: String,
    /// The output that it is of, where the two are of different ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
}

impl Run {
    /// Whether it came to its end, so that what it has not asked for is not there any more.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.state == "finished" || self.state == "deferred"
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.output {
            Some(output) => format!("{} run {}", output.display(), self.run),
            None => format!("run {}", self.run),
        }
    }
}

/// What a user asks to be compared.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Asked {
    /// The output.
    pub output: PathBuf,
    /// Another one, whose run is the earlier.
    pub against: Option<PathBuf>,
    /// Runs, as they were written.
    pub runs: Vec<String>,
}

impl Asked {
    /// Runs of an output, as they were written: none, one or two.
    #[must_use]
    pub fn new(output: PathBuf, against: Option<PathBuf>, runs: Vec<String>) -> Self {
        Self {
            output,
            against,
            runs,
        }
    }
}

/// The two runs, each with the database that it is read from.
#[derive(Debug)]
pub struct Pair {
    pub(super) readers: (Reader, Option<Reader>),
    /// The earlier one, from which it is compared.
    pub before: Run,
    /// The later one.
    pub after: Run,
}

impl Pair {
    /// Finds the runs that are meant.
    ///
    /// # Errors
    /// When there are none, or a database cannot be read.
    pub fn find(asked: &Asked) -> Result<Self> {
        let words = |index: usize| asked.runs.get(index).map(String::as_str);
        let other = |word: Option<&str>| {
            let path = word.map(Path::new)?;
            let is_output = number_of(word?).is_none() && moment(word?).is_none() && path.exists();
            is_output.then(|| path.to_owned())
        };
        let (first, second) = (other(words(0)), other(words(1)));
        if asked.against.is_some() && (first.is_some() || second.is_some()) {
            let word = words(usize::from(first.is_none())).unwrap_or_default();
            let why = "an output is named by --against already";
            return Err(ConfigError::value("RUN", word, why).into());
        }
        let before = asked.against.clone().or(first.clone());
        let after = second.clone().unwrap_or_else(|| asked.output.clone());
        let Some(before) = before.or_else(|| second.is_some().then(|| asked.output.clone())) else {
            return Self::of_one(asked);
        };
        // What names an output names no run of it.
        let run = |index: usize, path: Option<&PathBuf>| words(index).filter(|_| path.is_none());
        let (earlier, later) = (Reader::open(&before)?, Reader::open(&after)?);
        let mut pair = (
            find(&earlier, &before, run(0, first.as_ref()))?,
            find(&later, &after, run(1, second.as_ref()))?,
        );
        if same(&earlier, &later) {
            return Ok(Self {
                readers: (later, None),
                before: pair.0,
                after: pair.1,
            });
        }
        (pair.0.output, pair.1.output) = (Some(before), Some(after));
        Ok(Self {
            readers: (later, Some(earlier)),
            before: pair.0,
            after: pair.1,
        })
    }

    /// Two runs of one output: the last two, or those that are named.
    fn of_one(asked: &Asked) -> Result<Self> {
        let reader = Reader::open(&asked.output)?;
        let word = |index: usize| asked.runs.get(index).map(String::as_str);
        let after = find(&reader, &asked.output, word(1))?;
        let before = match word(0) {
            Some(word) => Some(find(&reader, &asked.output, Some(word))?),
            None => one(
                &reader,
                "WHERE r.id < ?1 ORDER BY r.id DESC LIMIT 1",
                after.run,
            )?,
        };
        let Some(before) = before else {
            let why = "it is the only one: the command that crawled it crawls it again, and then there are two; \
                       or compare with another output: --against DIR";
            return Err(ConfigError::value("run", after.run, why).into());
        };
        Ok(Self {
            readers: (reader, None),
            before,
            after,
        })
    }

    /// A run differs from itself in nothing, unless one part of it is compared with another.
    pub(super) fn refuse_itself(&self, options: &Options) -> Result<()> {
        if self.is_one() && self.before.run == self.after.run && options.map.is_empty() {
            let why = "it would be compared with itself: crawl query runs lists the others";
            return Err(ConfigError::value("run", self.after.run, why).into());
        }
        Ok(())
    }

    /// The database of the earlier run.
    pub(super) fn earlier(&self) -> &Reader {
        self.readers.1.as_ref().unwrap_or(&self.readers.0)
    }

    /// The database of the later run.
    pub(super) fn later(&self) -> &Reader {
        &self.readers.0
    }

    /// Whether both runs are of one database, so that its numbers mean the same.
    pub(super) fn is_one(&self) -> bool {
        self.readers.1.is_none()
    }
}

/// Whether two readers read the same file.
fn same(a: &Reader, b: &Reader) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |reader: &Reader| std::fs::metadata(&reader.path).map(|file| (file.dev(), file.ino()));
    matches!((of(a), of(b)), (Ok(a), Ok(b)) if a == b)
}

/// A number of a run; below zero it counts from the end.
fn number_of(word: &str) -> Option<i64> {
    word.parse().ok()
}

/// The end of a day, or a time, in microseconds.
fn moment(word: &str) -> Option<i64> {
    const DAY: u64 = 24 * 60 * 60;
    let at = word.parse::<Since>().ok()?.at(SystemTime::now())?;
    let is_day = word.len() == "2026-01-31".len() && !word.contains(':');
    let at = at + std::time::Duration::from_secs(if is_day { DAY } else { 0 });
    let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

/// The run that a word means; none: the latest.
fn find(reader: &Reader, output: &Path, word: Option<&str>) -> Result<Run> {
    let Some(latest) = one(reader, "ORDER BY r.id DESC LIMIT 1 OFFSET ?1", 0)? else {
        return Err(crate::error::Error::Store {
            path: output.to_owned(),
            source: StoreError::Missing,
        });
    };
    let Some(word) = word else {
        return Ok(latest);
    };
    let found = match (number_of(word), moment(word)) {
        (Some(back), _) if back < 0 => {
            let before = back.saturating_add(1).saturating_neg();
            one(reader, "ORDER BY r.id DESC LIMIT 1 OFFSET ?1", before)?
        }
        (Some(number), _) => one(reader, "WHERE r.id = ?1", number)?,
        (None, Some(at)) => one(reader, "WHERE r.begun < ?1 ORDER BY r.id DESC LIMIT 1", at)?,
        (None, None) => {
            let why = "neither a number (-1 is the latest run), nor a date, nor an output";
            return Err(ConfigError::value("RUN", word, why).into());
        }
    };
    let none = || {
        let why = "there is no such run; crawl query runs lists them";
        ConfigError::value("RUN", word, why).into()
    };
    found.ok_or_else(none)
}

fn one(reader: &Reader, which: &str, number: i64) -> Result<Option<Run>> {
    let sql = format!(
        "SELECT r.id, r.state, strftime('%Y-%m-%d %H:%M:%S', r.begun / 1000000, 'unixepoch'),
           r.id = (SELECT max(id) FROM run), r.pruned IS NOT NULL FROM run r {which}"
    );
    let read = |row: &Row<'_>| {
        let state: String = row.get(1)?;
        // A run that nobody is at was left where it was.
        let is_left = state == "running" && !(row.get(3)? && reader.is_written());
        let run = Run {
            run: row.get(0)?,
            state: if is_left { "killed".to_owned() } else { state },
            begun_at: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
            output: None,
        };
        Ok((run, row.get(4)?))
    };
    let found = reader.connection.query_row(&sql, [number], read).optional();
    match found.map_err(|error| reader.failed(error))? {
        // All that it had would be new.
        Some((run, true)) => {
            let why = "crawl prune has removed what it found; crawl query runs lists the runs";
            Err(ConfigError::value("run", run.run, why).into())
        }
        found => Ok(found.map(|(run, _)| run)),
    }
}
