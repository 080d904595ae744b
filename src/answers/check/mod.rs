//! `crawl check`: whether an output is sound: the database, its accounts, and each file; and with `repair`,
//! putting right what is not.
//!
//! What is found is told as it is found, so that memory does not grow with it.

mod files;
mod rows;
mod text;
mod walk;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use rusqlite::Connection;
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::{Reader, directory_of, folder_of};
use crate::error::{Error, Result};
use crate::store::repair::{Repair, Repaired};
use crate::store::salvage::Salvaged;
use crate::store::{StoreError, lock_holder};

pub use crate::store::laws::Kind;
pub use text::{Table, json_end, json_of, summary};

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// In words.
    pub what: String,
    /// The URL that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The file that it is about, relative to the output directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What was looked at, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// The process that writes meanwhile, if one does: files of its last minute are not judged.
    pub pid: Option<u32>,
    /// Contents that rows have in files.
    pub contents: u64,
    /// Files that were read, and their bytes.
    pub files: u64,
    /// See `files`.
    pub bytes: u64,
    /// How many things of each kind are wrong.
    pub found: BTreeMap<Kind, u64>,
    /// Files that no row names, of the last moments of a start that was cut off: the next one removes them.
    pub left_over: u64,
    /// What was put right, if that was asked for and could be.
    pub repaired: Option<Repaired>,
    /// Where a malformed database was, what could be read of it.
    pub salvaged: Option<Salvaged>,
    /// Of what was found, what is not put right.
    pub left: u64,
    /// What to do where it cannot be put right here.
    pub advice: Option<&'static str>,
}

impl Check {
    /// Whether nothing is wrong, or nothing any more.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.left == 0
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Files that were looked at, of so many.
    pub files: u64,
    /// See `files`; none while the database is looked at.
    pub of: u64,
    /// Bytes of these.
    pub bytes: u64,
}

/// Who hears of it.
pub struct Hearers<'a> {
    /// Gets what is found, as it is found.
    pub tell: &'a mut dyn FnMut(&Finding),
    /// Gets how far it is, now and then.
    pub watch: &'a mut dyn FnMut(Progress),
}

impl Hearers<'_> {
    fn again(&mut self) -> Hearers<'_> {
        Hearers {
            tell: &mut *self.tell,
            watch: &mut *self.watch,
        }
    }
}

/// What is looked at.
struct Looked<'a> {
    connection: &'a Connection,
    output: &'a Path,
    repair: Option<&'a Repair>,
    hearers: Hearers<'a>,
    check: Check,
    /// Of what was found among the files, what a repair leaves as it is.
    stays: u64,
    /// Names of files that were gone through.
    seen: u64,
    /// From when on the last start may have left files that no row names, if it was cut off.
    cut_off: Option<SystemTime>,
}

const RECOVER: &str = "copy the output to a safe place; then --repair copies what can be read into a new crawl.db, and keeps the old one beside it";
const HOPELESS: &str = "it cannot be opened: put a copy of it in its place, or begin anew with crawl --fresh, which moves this output aside";
const GUESS: &str = "what is left could only be guessed at: mend it by hand, or begin anew with crawl --fresh, which moves this output aside";
const NO_PAGES: &str = "pages/ is not there: if it is elsewhere, bring it back; make an empty one to have all of its files asked for again";

/// Looks an output over, and with `repair` puts right what can be.
///
/// # Errors
/// When there is none, another process writes it and it is to be repaired, or it cannot be read at all.
pub fn run(output: &Path, repair: bool, mut hearers: Hearers<'_>) -> Result<Check> {
    match run_on(output, repair, hearers.again()) {
        // One that cannot be opened is a finding, too, unless something else was named.
        Err(Error::Store { source, .. }) if source.is_damage() && output.is_dir() => {
            (hearers.tell)(&Finding {
                kind: Kind::Malformed,
                what: words_of(&source),
                url: None,
                file: None,
            });
            Ok(Check {
                found: BTreeMap::from([(Kind::Malformed, 1)]),
                left: 1,
                advice: Some(HOPELESS),
                ..Check::default()
            })
        }
        done => done,
    }
}

/// What SQLite says, without our advice to let this look at it.
fn words_of(error: &StoreError) -> String {
    match error {
        StoreError::Sqlite(error) => error.to_string(),
        error => error.to_string(),
    }
}

fn run_on(output: &Path, repair: bool, mut hearers: Hearers<'_>) -> Result<Check> {
    if repair {
        let directory = directory_of(output)?;
        let failed = |source| Error::Store {
            path: directory.clone(),
            source,
        };
        let repair = Repair::open(&directory).map_err(failed)?;
        return mend(&directory, repair, hearers).map_err(failed);
    }
    let reader = Reader::open(output)?;
    let directory = folder_of(&reader.path);
    // The connection reads alone; only what is kept aside for a while is written, and not to this file.
    let done = reader
        .connection
        .pragma_update(None, "query_only", false)
        .map_err(StoreError::from)
        .and_then(|()| look(&reader.connection, directory, None, hearers.again()));
    done.map(|(check, _)| check).map_err(|source| Error::Store {
        path: reader.path.clone(),
        source,
    })
}

fn look<'a>(
    connection: &'a Connection,
    output: &'a Path,
    repair: Option<&'a Repair>,
    hearers: Hearers<'a>,
) -> std::result::Result<(Check, u64), StoreError> {
    let mut looked = Looked {
        connection,
        output,
        repair,
        hearers,
        check: Check {
            pid: lock_holder(output).filter(|_| repair.is_none()),
            ..Check::default()
        },
        stays: 0,
        seen: 0,
        cut_off: None,
    };
    looked.database()?;
    if looked.check.found.contains_key(&Kind::Malformed) {
        looked.check.advice = Some(RECOVER);
    }
    // What of it can be read is looked at all the same.
    let rows = looked.rows();
    looked.or_malformed(rows)?;
    let files = looked.files();
    looked.or_malformed(files)?;
    looked.check.left = looked.check.found.values().sum();
    Ok((looked.check, looked.stays))
}

fn mend(
    directory: &Path,
    repair: Repair,
    mut hearers: Hearers<'_>,
) -> std::result::Result<Check, StoreError> {
    let (mut check, stays) = look(
        &repair.connection,
        directory,
        Some(&repair),
        hearers.again(),
    )?;
    if check.advice == Some(RECOVER) {
        let (repair, salvaged) = repair.salvage()?;
        check.salvaged = Some(salvaged);
        // What is missing in the new one is what the old one has lost: that was said.
        let unsaid = Hearers {
            tell: &mut |_| {},
            watch: &mut *hearers.watch,
        };
        let (of_new, stays) = look(&repair.connection, directory, Some(&repair), unsaid)?;
        check.advice = of_new.advice;
        return finish(directory, repair, hearers, check, stays);
    }
    if check.left == 0 || check.advice.is_some() {
        return Ok(check);
    }
    finish(directory, repair, hearers, check, stays)
}

/// Puts right what was noted, and looks the rows over once more.
fn finish(
    directory: &Path,
    repair: Repair,
    hearers: Hearers<'_>,
    mut check: Check,
    stays: u64,
) -> std::result::Result<Check, StoreError> {
    if check.advice.is_some() {
        return Ok(check);
    }
    check.repaired = Some(repair.apply()?);
    // The rows once more; files that were hurt are named by none now.
    let reader = Reader::open(directory).map_err(|error| match error {
        Error::Store { source, .. } => source,
        Error::Config(_) => StoreError::Gone,
    })?;
    let mut left = 0;
    let mut second = Looked {
        connection: &reader.connection,
        output: directory,
        repair: None,
        hearers: Hearers {
            tell: &mut |_| left += 1,
            watch: hearers.watch,
        },
        check: Check::default(),
        stays: 0,
        seen: 0,
        cut_off: None,
    };
    second.database()?;
    second.rows()?;
    check.left = left + stays;
    check.advice = Some(GUESS).filter(|_| check.left > 0);
    Ok(check)
}

impl Looked<'_> {
    fn tell(&mut self, finding: &Finding) {
        *self.check.found.entry(finding.kind).or_default() += 1;
        (self.hearers.tell)(finding);
    }

    /// Where the database turns out to be malformed only now, that is a finding.
    fn or_malformed(
        &mut self,
        done: std::result::Result<(), StoreError>,
    ) -> std::result::Result<(), StoreError> {
        match done {
            Err(error) if error.is_damage() => {
                self.check.advice = Some(RECOVER);
                self.tell(&Finding {
                    kind: Kind::Malformed,
                    what: words_of(&error),
                    url: None,
                    file: None,
                });
                Ok(())
            }
            done => done,
        }
    }
}
