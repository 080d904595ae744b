//! Reading an output: one read-only room a subcommand, over one [`Reader`]. Works while a crawl writes.

pub(crate) mod cell;
pub use cell::{csv_text, plain_json, printable};

mod asked;
pub mod audit;
pub mod cat;
pub mod changes;
pub mod check;
mod counts;
pub mod diff;
pub mod export;
mod functions;
pub mod index;
mod lately;
mod markdown;
pub mod named;
pub mod prune;
pub mod query;
pub mod rank;
pub mod refresh;
pub mod report;
pub mod search;
pub mod status;
pub mod values;
pub mod why;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use rustix::fs::Access;
use tokio_rusqlite::rusqlite;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::{self, DATABASE, StoreError, schema};

/// A read-only connection to an output's database.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

/// Connects for reading alone. On a medium that cannot be written there is no place for the shared
/// memory by which readers and a writer know of each other; but then there is no writer either.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    connect().or_else(|error| {
        let log = path.with_extension("db-wal");
        let complete = std::fs::metadata(log).map_or(true, |log| log.len() == 0);
        // A full disk has no room for it either. Where one may write, a database that is read-only is just being made.
        let may_write = || rustix::fs::access(folder_of(path), Access::WRITE_OK).is_ok();
        let unshared = match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::SystemIoFailure) => true,
            Some(rusqlite::ErrorCode::ReadOnly) => !may_write(),
            _ => false,
        };
        if !unshared || !complete || path.parent().and_then(store::lock_holder).is_some() {
            return Err(error);
        }
        let name = path
            .to_string_lossy()
            .replace('%', "%25")
            .replace('?', "%3f")
            .replace('#', "%23");
        Connection::open_with_flags(
            format!("file:{name}?immutable=1"),
            flags | OpenFlags::SQLITE_OPEN_URI,
        )
    })
}

/// KiB of a database that a reader keeps in memory.
const CACHE: i64 = 65_536;

/// The longest value, and the longest row, that answers which are worked out of many rows read. What a crawl writes
/// stays far below: titles 1 KiB unless `max-title` says otherwise, URLs and header blocks 8 KiB, values of fields 64 KiB.
const LONGEST: i32 = 4 << 20;

/// A reader that reads no longer values for as long as this lives: a doctored database does not make memory grow.
#[derive(Debug)]
struct Bound<'r> {
    reader: &'r Reader,
    before: i32,
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        let connection = &self.reader.connection;
        let _ = connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, self.before);
    }
}

impl Reader {
    /// Bounds the length of what is read, until the answer is dropped.
    fn bound(&self) -> Result<Bound<'_>> {
        let before = self
            .connection
            .set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)
            .map_err(|error| self.failed(error))?;
        Ok(Bound {
            reader: self,
            before,
        })
    }

    /// The settings of the last start, as they are stored: without secrets. `None` where there was no start,
    /// or its settings are not understood any more.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn settings(&self) -> Result<Option<Config>> {
        let text = self
            .connection
            .query_row(
                "SELECT config FROM start ORDER BY id DESC LIMIT 1",
                [],
                |row| row.get::<_, String>(0),
            )
            .optional()
            .map_err(|error| self.failed(error))?;
        Ok(text.and_then(|text| Config::from_toml(&text, &self.path).ok()))
    }

    /// Opens the database of an output directory, or a database by its own path.
    ///
    /// # Errors
    /// When there is none, it is not ours, or has another schema.
    pub fn open(output: &Path) -> Result<Self> {
        let path = if output.is_dir() {
            output.join(DATABASE)
        } else {
            output.to_owned()
        };
        let failed = |source: StoreError| Error::Store {
            path: path.clone(),
            source,
        };
        match std::fs::metadata(&path) {
            Ok(found) if found.is_file() => {}
            // To open a pipe is to wait for whoever writes into it.
            Ok(_) => {
                let source = std::io::Error::other("it is no file");
                let path = path.clone();
                return Err(failed(StoreError::File { path, source }));
            }
            Err(_) => return Err(failed(StoreError::Missing)),
        }
        let open = || -> std::result::Result<Connection, StoreError> {
            let connection = connect(&path)?;
            schema::distrust(&connection)?;
            connection.busy_timeout(Duration::from_secs(10))?;
            let number = |name: &str| {
                connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0))
            };
            let (application, version) = (number("application_id")?, number("user_version")?);
            if application == 0 && schema::is_empty(&connection)? {
                // One is just being made here, or was when it was killed or had no room.
                return Err(StoreError::Missing);
            } else if schema::is_older(application, version) {
                store::bring_up_to_date(&path)?;
            } else {
                schema::check(application, version)?;
            }
            connection.pragma_update(None, "query_only", true)?;
            // Answers join tables that lie far apart: most of their time went into reading the same pages again.
            connection.pragma_update(None, "cache_size", -CACHE)?;
            Ok(connection)
        };
        let directory = path.parent().unwrap_or(Path::new("."));
        let connection = open().map_err(|source| failed(source.explained(directory)))?;
        Ok(Self { connection, path })
    }

    /// Whether a crawl writes to this database now. Then a statement that stays open for long keeps its log from
    /// being copied back.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.path.parent().and_then(store::lock_holder).is_some()
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Store {
            path: self.path.clone(),
            source: source.into(),
        }
    }
}

/// The directory of an output that is to be written: a database of another name has none of its own.
fn directory_of(output: &Path) -> Result<PathBuf> {
    if output.is_dir() {
        return Ok(output.to_owned());
    }
    let is_ours = output.file_name().is_some_and(|name| name == DATABASE) && output.exists();
    if is_ours {
        return Ok(folder_of(output).to_owned());
    }
    Err(Error::Store {
        path: output.to_owned(),
        source: StoreError::Missing,
    })
}

/// The folder of a database: the present one, where no other is named.
fn folder_of(database: &Path) -> &Path {
    let parent = database.parent();
    parent
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
