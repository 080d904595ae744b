//! What is kept: one SQLite database, written by one writer in batches, and the bodies in files.
//!
//! A batch is one transaction: pages, their links, the URLs that these revealed, and the removal of
//! what is done from the queue. A body is in its file before the row that names it. So a stop at any
//! moment loses the open batch, and nothing else.

mod admit;
mod aside;
pub(crate) mod beneath;
pub(crate) mod bodies;
mod busy;
pub(crate) mod changes;
pub(crate) mod choosing;
pub(crate) mod cut_off;
mod end;
pub(crate) mod fields;
pub(crate) mod files;
pub(crate) mod find;
mod hurt;
mod intern;
pub(crate) mod keeper;
pub(crate) mod laws;
mod lock;
mod log;
mod open;
pub(crate) mod pieces;
mod place;
pub(crate) mod prune;
mod queue;
mod redecide;
pub(crate) mod references;
mod refill;
pub(crate) mod refresh;
pub(crate) mod repair;
mod route;
mod rows;
pub(crate) mod salvage;
pub(crate) mod schema;
pub(crate) mod search;
mod seen;
mod signals;
mod sitemap_origins;
mod sitemap_rows;
mod sitemaps;
mod sitemaps_again;
mod told;
mod traps;
pub mod views;
pub(crate) mod words;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio_rusqlite::rusqlite;

pub use changes::Change;
pub use files::Files;
pub(crate) use lock::{LOCK, holder as lock_holder, last_words};
pub(crate) use log::{LONG_LOG, log_of};
pub(crate) use open::bring_up_to_date;
pub use open::{Begun, Opening};
pub use refresh::{Refreshing, Standing};
pub use route::Policy;
pub use writer::{Applied, Batch};

use lock::Lock;
use writer::Writer;

/// The database's name in the output directory.
pub const DATABASE: &str = "crawl.db";
/// The directory of bodies in the output directory.
pub const PAGES: &str = "pages";

/// What can go wrong with an output.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process is writing it.
    #[error("another crawl is writing here{}; wait for it, or choose another directory with -o", pid.map_or_else(String::new, |pid| format!(" (pid {pid})")))]
    Locked {
        /// Whose process it is, if it could be read.
        pid: Option<u32>,
    },
    /// Something else stands where the output should.
    #[error("cannot be a directory ({0}); choose another with -o")]
    NoDirectory(std::io::Error),
    /// The file is something else.
    #[error("is not a database of crawl's; choose another directory with -o")]
    Foreign,
    /// The schema is one that this program does not know.
    #[error(
        "has schema version {found}, this program knows {known}; use the program that wrote it, or a newer one"
    )]
    Version {
        /// What the file says.
        found: i32,
        /// What we know.
        known: i32,
    },
    /// The run that is there has other seeds.
    #[error("holds a crawl of {}{}; give the same seeds or none (neither as flags nor in crawl.toml) to go on with it, --add to add these to it, -o DIR to write elsewhere, or --fresh to move it aside", seeds[..seeds.len().min(5)].join(" "), if seeds.len() > 5 { " …" } else { "" })]
    OtherSeeds {
        /// The seeds of the run that is there.
        seeds: Vec<String>,
    },
    /// A check of the database's own accounts failed.
    #[error(
        "the queue and the outcomes do not add up ({0}); please report this; crawl check --repair puts it right, then the same command goes on"
    )]
    Accounts(String),
    /// A file or directory could not be written or read.
    #[error("{}: {}", path.display(), file_sentence(source))]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is not where it was.
    #[error(
        "{} was removed, moved or replaced while the crawl wrote it: nothing more is written; put it back, and the same command goes on",
        path.display()
    )]
    Moved {
        /// What is gone.
        path: PathBuf,
    },
    /// There is none.
    #[error("no crawl here; name its directory with -o")]
    Missing,
    /// There is nothing whole yet that could be refreshed.
    #[error(
        "holds a crawl that is not finished; crawl goes on with it, and refresh comes after that"
    )]
    Unfinished,
    /// SQLite failed.
    #[error("{}", sentence(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// The thread of the database is gone, or a task of ours.
    #[error(
        "a part of the program ended unexpectedly; please report this, the same command goes on"
    )]
    Gone,
}

impl StoreError {
    /// Whether it is a matter of which output was named, and not of a fault.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Missing
            | Self::Unfinished
            | Self::Locked { .. }
            | Self::Foreign
            | Self::Version { .. }
            | Self::OtherSeeds { .. } => true,
            Self::Sqlite(error) => {
                error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase)
            }
            _ => false,
        }
    }

    /// Where SQLite only says that the disk fails: what the system says of it.
    #[must_use]
    pub(crate) fn explained(self, directory: &Path) -> Self {
        use rusqlite::ErrorCode;
        let Self::Sqlite(error) = &self else {
            return self;
        };
        let vague = matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::FileLockingProtocolFailed
            )
        );
        let path = directory.join(DATABASE);
        let ailment = vague.then(|| place::ailment(&path)).flatten();
        ailment.map_or(self, |source| Self::File { path, source })
    }
}

impl StoreError {
    /// Whether it says that the database is damaged.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Sqlite(error) if is_damage(error))
    }
}

/// Whether SQLite cannot read the file as it was written, or reads in it what nobody has written there.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as Sql;
    use rusqlite::ErrorCode;
    match error {
        Sql::FromSqlConversionFailure(..)
        | Sql::IntegralValueOutOfRange(..)
        | Sql::Utf8Error(..)
        | Sql::InvalidColumnType(..)
        // Statements are ours: where one does not fit the tables, these are not as we made them.
        | Sql::SqlInputError { .. } => true,
        _ => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation)
        ),
    }
}

impl From<tokio_rusqlite::Error<Self>> for StoreError {
    fn from(error: tokio_rusqlite::Error<Self>) -> Self {
        match error {
            tokio_rusqlite::Error::Error(error) => error,
            tokio_rusqlite::Error::Close((_, error)) => Self::Sqlite(error),
            _ => Self::Gone,
        }
    }
}

const DISK_FULL: &str = "the disk is full (df, df -i); nothing that was committed is lost: make room and give the same command again";

/// What the system's codes mean for somebody with a crawl to run.
fn file_sentence(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    let kept = "nothing that was committed is lost";
    match error.kind() {
        ErrorKind::StorageFull => DISK_FULL.to_owned(),
        ErrorKind::QuotaExceeded => format!(
            "the quota of the disk is used up; {kept}: make room and give the same command again"
        ),
        ErrorKind::FileTooLarge => format!(
            "no file may be longer here (ulimit -f, or the file system's limit); {kept}: raise it and give the same command again"
        ),
        ErrorKind::NotFound => "is not there any more; the same command makes it anew".to_owned(),
        _ if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => format!(
            "too many files are open (ulimit -n); {kept}: allow more and give the same command again"
        ),
        _ => format!("cannot be written ({error})"),
    }
}

/// What SQLite's codes mean for somebody with a crawl to run.
fn sentence(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode;
    if is_damage(error) && error.sqlite_error_code() != Some(ErrorCode::NotADatabase) {
        let what = match error {
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            error => error.to_string(),
        };
        return format!("is damaged ({what}); crawl check says how far");
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            "is not an SQLite database; choose another directory with -o".to_owned()
        }
        Some(ErrorCode::DiskFull) => DISK_FULL.to_owned(),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => format!("cannot be written ({error})"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds the database locked; nothing that was committed is lost: end it and give the same command again".to_owned()
        }
        Some(ErrorCode::SystemIoFailure) => {
            format!("the disk failed ({error}); give the same command again when it is mended")
        }
        Some(ErrorCode::TooBig) => {
            "holds a value that is longer than any that crawl writes: something else has written it".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Microseconds since 1970 (UTC), as the tables have times.
pub(crate) fn micros(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}

/// The other way round.
pub(crate) fn from_micros(micros: i64) -> SystemTime {
    UNIX_EPOCH + std::time::Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// An output that is being written.
#[derive(Debug)]
pub struct Store {
    db: tokio_rusqlite::Connection,
    writer: Arc<Mutex<Writer>>,
    directory: PathBuf,
    /// Whether bodies are synced before each batch.
    full: bool,
    lock: Lock,
}

/// How a start of the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Nothing is left to do.
    Drained,
    /// A limit of the run was reached.
    Limit,
    /// What a refresh may spend is spent.
    Budget,
    /// It was told to stop.
    Signal,
}

/// The state in which a run was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The queue is empty.
    Finished,
    /// What is left belongs to hosts that were set aside, or whose robots.txt cannot be had.
    Deferred {
        /// So many URLs.
        urls: u64,
    },
    /// Stopped by a limit or a signal.
    Stopped,
}

/// How it ended, and what became of its seeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The state of the run.
    pub end: End,
    /// Seeds with an outcome that is no failure.
    pub seeds_ok: u64,
    /// Seeds that failed, each with its class in words.
    pub seeds_failed: Vec<(String, String)>,
    /// What has become of the contents of the run before, if there was one.
    pub recrawl: Option<Recrawl>,
    /// What has come of the run's sitemaps.
    pub sitemaps: SitemapsRead,
    /// URLs that were put aside as traps.
    pub trapped: u64,
    /// What a refresh leaves behind.
    pub standing: Option<Standing>,
}

/// What has come of the sitemaps of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SitemapsRead {
    /// Sitemaps that were read.
    pub read: u64,
    /// Those that could not be had, or are none; without those that were only guessed.
    pub failed: u64,
    /// Pages that they name; one that several name counts as often.
    pub entries: u64,
}

/// What a run has found beside the one before: URLs by what became of their contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recrawl {
    /// As they were, be it by a 304 or by the same bytes.
    pub unchanged: u64,
    /// Other than they were.
    pub changed: u64,
    /// Not there before.
    pub new: u64,
    /// There before, and 404 or 410 now.
    pub gone: u64,
}

impl Store {
    /// Whether the log has grown so long that the crawl had better wait for its readers.
    #[must_use]
    pub fn is_log_too_long(&self, log_bytes: u64) -> bool {
        log::is_too_long(log_bytes, &self.directory)
    }

    /// Where it writes.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Applies a batch in one transaction. One batch at a time: the caller awaits it before the next,
    /// for the queue of the database's thread has no bound of its own.
    ///
    /// # Errors
    /// When the database cannot be written. Nothing of the batch is then kept.
    pub async fn commit(&self, batch: Batch) -> Result<Applied, StoreError> {
        if self.full && batch.has_files() {
            self.sync_files().await?;
        }
        self.with_writer(move |writer, connection| writer.apply(connection, batch))
            .await
    }

    /// Has the system write out the bodies that were written so far. What was fetched before is then
    /// certain once a batch says so ([`Batch::durable_to`]).
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn sync_files(&self) -> Result<(), StoreError> {
        let pages = self.directory.join(PAGES);
        let path = pages.clone();
        match tokio::task::spawn_blocking(move || files::sync(&pages)).await {
            Ok(done) => done.map_err(|source| StoreError::File { path, source }),
            Err(_) => Err(StoreError::Gone),
        }
    }

    /// Ends the start, after checking by SQL that the queue and the outcomes add up.
    ///
    /// # Errors
    /// When they do not, or the database cannot be written.
    pub async fn end(&self, how: How) -> Result<Ended, StoreError> {
        // Bodies first, so that the mark of what is certain never names a file that is not. The log is copied
        // back meanwhile: rows beyond the mark may be certain before their files.
        let copied = self.with_writer(|_, connection| {
            log::copy_back(connection)?;
            Ok(())
        });
        let (synced, copied) = tokio::join!(self.sync_files(), copied);
        synced?;
        if let Err(error) = copied {
            // What is still to be written may yet fit; if not, that says so.
            tracing::warn!("the log could not be copied back: {error}");
        }
        self.with_writer(move |writer, connection| writer.end(connection, how))
            .await
    }

    /// Closes the database, so that nothing but `crawl.db` is left of it.
    ///
    /// # Errors
    /// When SQLite cannot close it.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.db.clone().close().await.map_err(|error| match error {
            tokio_rusqlite::Error::Close((_, error)) => StoreError::Sqlite(error),
            _ => StoreError::Gone,
        })
    }

    /// Says that the start ended in an error, if the database still takes it; and why, beside it.
    pub async fn fail(&self, why: &StoreError) {
        let _ = self.with_writer(writer::Writer::fail).await;
        self.lock.say(&why.to_string());
    }

    async fn with_writer<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer, &mut rusqlite::Connection) -> Result<R, StoreError>
        + Send
        + 'static,
    ) -> Result<R, StoreError> {
        let writer = Arc::clone(&self.writer);
        let done = self.db.call(move |connection| {
            let mut writer = writer.lock().map_err(|_| StoreError::Gone)?;
            work(&mut writer, connection)
        });
        Ok(done.await?)
    }
}
