//! The files against the rows: both sorted by name, and gone through together. Files are read by a few
//! threads.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::result::Result;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rusqlite::{OptionalExtension, Row};
use tokio_rusqlite::rusqlite;

use super::walk::{Entry, Walk, What};
use super::{Finding, Kind, Looked, NO_PAGES, Progress};
use crate::store::bodies::{Bodies, Hurt};
use crate::store::{PAGES, StoreError, cut_off, lock_holder};

/// Files read at a time, at the most.
const READERS: usize = 8;
/// Files that wait to be read.
const WAITING: usize = 256;
/// Files this young are not judged while a crawl writes: their rows may be on their way.
const YOUNG: Duration = Duration::from_secs(60);
/// Files after which it is said how far it is.
const TOLD_EVERY: u64 = 256;

/// A content that a row has in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    file: Vec<u8>,
    version: i64,
    bytes: u64,
    digest: Vec<u8>,
}

fn named(row: &Row<'_>) -> rusqlite::Result<Named> {
    Ok(Named {
        file: row.get(0)?,
        version: row.get(1)?,
        bytes: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(u64::MAX),
        digest: row.get(3)?,
    })
}

/// A file that was read: the rows that name it, each with what is wrong.
#[derive(Debug)]
struct Read {
    rows: Vec<(Named, io::Result<Option<Hurt>>)>,
    /// How many bytes it has, if it was read at all.
    bytes: Option<u64>,
}

impl Looked<'_> {
    /// Looks at every file that a row names, and for those that none does.
    pub(super) fn files(&mut self) -> Result<(), StoreError> {
        let began = SystemTime::now();
        self.note_names()?;
        if self.check.pid.is_none() {
            self.cut_off = cut_off::files_since(self.connection, self.output)?;
        }
        let count = "SELECT count(*) FROM temp.named";
        let of: i64 = self.connection.query_row(count, [], |row| row.get(0))?;
        self.check.contents = of.unsigned_abs();
        if of > 0 && std::fs::symlink_metadata(self.output.join(PAGES)).is_err() {
            self.check.advice.get_or_insert(NO_PAGES);
        }
        let (jobs, taken) = mpsc::sync_channel(WAITING);
        let (results, read) = mpsc::channel();
        let taken = &Mutex::new(taken);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let done = std::thread::scope(|scope| {
            for _ in 0..READERS.min(2 * cores) {
                let (results, bodies) = (results.clone(), Bodies::open(self.output));
                let bodies = bodies.map_err(|source| self.at_pages(source))?;
                scope.spawn(move || read_all(bodies, taken, &results));
            }
            drop(results);
            let done = self.merge(began, jobs, &read);
            // What is under way ends by itself, for nothing more comes; what it brings is heard.
            for read in &read {
                self.take(read)?;
            }
            done
        });
        // A repair compares with it what is left of the rows.
        if self.repair.is_none() {
            self.connection.execute_batch("DROP TABLE temp.named")?;
        }
        done
    }

    /// Copies what is to be compared aside, sorted: a reader that lasts would keep the log of a crawl from being
    /// copied back.
    fn note_names(&self) -> Result<(), StoreError> {
        self.connection.execute_batch(
            "CREATE TEMP TABLE named AS
             SELECT CAST(file AS BLOB) AS file, id AS version, iif(typeof(bytes) = 'integer', bytes, -1) AS bytes, CAST(digest AS BLOB) AS digest
             FROM main.version WHERE file IS NOT NULL ORDER BY 1",
        )?;
        Ok(())
    }

    fn at_pages(&self, source: io::Error) -> StoreError {
        StoreError::File {
            path: self.output.join(PAGES),
            source,
        }
    }

    /// Goes through the names of rows and of files, the lesser of the two first.
    fn merge(
        &mut self,
        began: SystemTime,
        jobs: SyncSender<Vec<Named>>,
        read: &Receiver<Read>,
    ) -> Result<(), StoreError> {
        let connection = self.connection;
        let mut statement = connection
            .prepare("SELECT file, version, bytes, digest FROM temp.named ORDER BY rowid")?;
        let mut rows = statement.query_map([], named)?.peekable();
        let mut walk = Walk::new(self.output).peekable();
        loop {
            let name = match rows.peek() {
                Some(Ok(row)) => Some(row.file.clone()),
                Some(Err(_)) => match rows.next() {
                    Some(Err(error)) => return Err(error.into()),
                    _ => continue,
                },
                None => None,
            };
            // What stands before the next name of a row is named by none.
            while let Some(entry) =
                walk.next_if(|entry| name.as_ref().is_none_or(|name| entry.0 < *name))
            {
                self.unnamed(entry, began)?;
            }
            let Some(name) = name else {
                return Ok(());
            };
            let mut group = Vec::new();
            while let Some(row) = rows.next_if(|row| row.as_ref().is_ok_and(|row| row.file == name))
            {
                group.push(row?);
            }
            walk.next_if(|entry| entry.0 == name && entry.1 == What::File);
            if jobs.send(group).is_err() {
                return Err(StoreError::Gone);
            }
            while let Ok(read) = read.try_recv() {
                self.take(read)?;
            }
        }
    }

    /// What no row names.
    fn unnamed(&mut self, (name, what): Entry, began: SystemTime) -> Result<(), StoreError> {
        let (kind, words) = match what {
            What::File if self.is_doomed(&name)? || self.is_young(&name, began) => return Ok(()),
            What::File if self.is_left_over(&name) => {
                self.check.left_over += 1;
                return Ok(());
            }
            What::File => (Kind::Stray, "no row names it"),
            What::Other => (Kind::Odd, "is neither a file nor a folder of ours"),
            What::Shut => (Kind::Unreadable, "the folder cannot be read"),
        };
        match self.repair {
            Some(repair) if kind == Kind::Stray => repair.note_stray(&name)?,
            _ => self.stays += 1,
        }
        self.tell(&Finding {
            kind,
            what: words.to_owned(),
            url: None,
            file: Some(String::from_utf8_lossy(&name).into_owned()),
        });
        Ok(())
    }

    /// Whether `crawl prune` was cut off before it removed the file; it goes on with it.
    fn is_doomed(&self, name: &[u8]) -> rusqlite::Result<bool> {
        let mut doomed = self
            .connection
            .prepare_cached("SELECT 1 FROM main.doomed WHERE file = ?")?;
        std::str::from_utf8(name).map_or(Ok(false), |name| doomed.exists([name]))
    }

    /// Whether a file may be of a crawl that writes now, or that has begun since.
    fn is_young(&mut self, name: &[u8], began: SystemTime) -> bool {
        let path = self.output.join(std::ffi::OsStr::from_bytes(name));
        let changed = std::fs::symlink_metadata(path).and_then(|found| found.modified());
        // One that is gone by now was somebody's.
        let is_young = changed.map_or(true, |changed| changed + YOUNG >= began);
        if is_young && self.repair.is_none() && self.check.pid.is_none() {
            self.check.pid = lock_holder(self.output);
        }
        is_young && self.check.pid.is_some()
    }

    /// Whether the next start removes the file, since the last one was cut off while it wrote such.
    fn is_left_over(&self, name: &[u8]) -> bool {
        let path = self.output.join(std::ffi::OsStr::from_bytes(name));
        let changed = || std::fs::symlink_metadata(path).and_then(|found| found.modified());
        self.cut_off
            .is_some_and(|since| changed().is_ok_and(|changed| changed >= since))
    }

    /// What has come of a file.
    fn take(&mut self, read: Read) -> Result<(), StoreError> {
        self.seen += 1;
        if let Some(bytes) = read.bytes {
            self.check.files += 1;
            self.check.bytes += bytes;
        }
        if self.seen.is_multiple_of(TOLD_EVERY) {
            (self.hearers.watch)(Progress {
                files: self.seen,
                of: self.check.contents,
                bytes: self.check.bytes,
            });
        }
        for (row, found) in read.rows {
            let (kind, what) = match found {
                Ok(None) => continue,
                Ok(Some(hurt)) => {
                    if let Some(repair) = self.repair {
                        repair.note_hurt(row.version, &row.file)?;
                    }
                    words(hurt, row.bytes)
                }
                Err(error) => {
                    self.stays += 1;
                    (Kind::Unreadable, error.to_string())
                }
            };
            let url = "SELECT u.text FROM version c JOIN url u ON u.id = c.url WHERE c.id = ?";
            let url = self
                .connection
                .prepare_cached(url)?
                .query_row([row.version], |row| row.get(0))
                .optional()?;
            self.tell(&Finding {
                kind,
                what,
                url,
                file: Some(String::from_utf8_lossy(&row.file).into_owned()),
            });
        }
        Ok(())
    }
}

fn words(hurt: Hurt, bytes: u64) -> (Kind, String) {
    match hurt {
        Hurt::Outside => (Kind::Outside, "leads out of pages/".to_owned()),
        Hurt::Missing => (Kind::Missing, "is not there".to_owned()),
        Hurt::NoFile => (Kind::NoFile, "is no file".to_owned()),
        Hurt::Length(found) => (Kind::Length, format!("has {found} bytes, not {bytes}")),
        Hurt::Digest => (Kind::Content, "has another SHA-256".to_owned()),
        Hurt::Unreadable => (Kind::Unreadable, "the disk cannot read it".to_owned()),
    }
}

/// Reads files until no more come.
fn read_all(mut bodies: Bodies, jobs: &Mutex<Receiver<Vec<Named>>>, results: &Sender<Read>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(rows) = job else { return };
        let read = rows.into_iter().map(|row| {
            let found = bodies.look(&row.file, row.bytes, &row.digest);
            (row, found)
        });
        let rows: Vec<_> = read.collect();
        let whole = |row: &&(Named, _)| matches!(row.1, Ok(None | Some(Hurt::Digest)));
        let bytes = rows.iter().find(whole).map(|row| row.0.bytes);
        if results.send(Read { rows, bytes }).is_err() {
            return;
        }
    }
}
