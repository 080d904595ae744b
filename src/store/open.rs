//! Opening an output: a new one, or one to go on with; and what the start before left behind.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};
use tokio_rusqlite::rusqlite;

use super::admit::Admitter;
use super::busy::wait_for_others;
use super::lock::Lock;
use super::route::Policy;
use super::sitemaps::Maps;
use super::writer::Writer;
use super::{
    DATABASE, PAGES, Refreshing, Store, StoreError, aside, cut_off, fields, files, find,
    from_micros, hurt, micros, refresh, schema,
};
use crate::canonical::CanonicalUrl;
use crate::clock;
use crate::config::{Change, Config, Durability, Seed, changes, proxy_variables};
use crate::rewrite::Rewrite;

/// Statements kept prepared.
const STATEMENTS: usize = 96;

/// An output that is locked and open, before it is known what this start will do with it.
#[derive(Debug)]
pub struct Opening {
    directory: PathBuf,
    connection: Connection,
    lock: Lock,
    last: Option<LastRun>,
    /// When the log that an earlier start has left was written, by the clock of the file system.
    last_written: Option<SystemTime>,
    /// Where an older output was moved to.
    pub moved_to: Option<PathBuf>,
    /// See [`Opening::refreshing`].
    refresh: Option<u64>,
}

#[derive(Debug)]
struct LastRun {
    id: i64,
    state: String,
    /// Whether it is a refresh.
    is_refresh: bool,
    seeds: Vec<String>,
    /// The settings of its last start.
    config: String,
}

/// What a start begins with.
#[derive(Debug)]
pub struct Begun {
    /// The run's number.
    pub run: i64,
    /// The start's number.
    pub start: i64,
    /// Whether the run was begun by an earlier start.
    pub resumed: bool,
    /// Whether that start was killed, or failed.
    pub unclean: bool,
    /// Files that it left and no row named, now removed.
    pub strays: u64,
    /// Pages of which it left a row, but no whole file: they are asked for again.
    pub again: u64,
    /// Settings that are others than at the run's last start.
    pub changed: Vec<Change>,
    /// What joined the scope in earlier starts of the run.
    pub joined: Vec<CanonicalUrl>,
    /// Pages and bytes that count against `max-pages` and `quota` already.
    pub pages: u64,
    /// See `pages`.
    pub bytes: u64,
    /// URLs that wait.
    pub waiting: u64,
    /// What it is to do, if it is a refresh.
    pub refresh: Option<Refreshing>,
}

/// Brings the database of an output up to date, if it is of an earlier version.
///
/// # Errors
/// When another process writes it, or it cannot be written.
pub(crate) fn bring_up_to_date(database: &Path) -> Result<(), StoreError> {
    let _lock = Lock::take(database.parent().unwrap_or(Path::new(".")))?;
    let mut connection = open_file(database)?;
    wait_for_others(&connection)?;
    schema::prepare(&mut connection, || fastrand::i64(..))
}

/// Opens a database to write it. One that is a link is not followed: what it leads to is not the output's.
pub(super) fn open_file(database: &Path) -> Result<Connection, StoreError> {
    if std::fs::symlink_metadata(database).is_ok_and(|found| !found.is_file()) {
        let source = std::io::Error::other("it is a link, or no file at all, and is left alone");
        let path = database.to_owned();
        return Err(StoreError::File { path, source });
    }
    // SQLite refuses links anywhere in the path; those that lead to the output are the user's.
    let directory = match database.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let name = database.file_name().unwrap_or_default();
    let failed = |source| StoreError::File {
        path: database.to_owned(),
        source,
    };
    let whole = directory.canonicalize().map_err(failed)?.join(name);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(whole, flags)?;
    schema::distrust(&connection)?;
    Ok(connection)
}

/// Connects to the database of a directory that is locked, as its one writer; makes it where there is none.
pub(super) fn connect(directory: &Path) -> Result<Connection, StoreError> {
    let mut connection = open_file(&directory.join(DATABASE))?;
    wait_for_others(&connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // This comes first: it tells what is no database of ours before anything is written to it.
    schema::refuse_others(&connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    for (pragma, value) in [("synchronous", "NORMAL"), ("temp_store", "MEMORY")] {
        connection.pragma_update(None, pragma, value)?;
    }
    connection.pragma_update(None, "cache_size", -8_000)?;
    // Ids come from the rows that they name, in the same transaction: two more searches for each link
    // would find them there. The tests let SQLite check every database that they make.
    connection.pragma_update(None, "foreign_keys", false)?;
    // The log is cut to this when it begins anew: its length is what the writer goes by.
    connection.pragma_update_and_check(None, "journal_size_limit", 16 << 20, |_| Ok(()))?;
    // The writer copies the log back itself.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    schema::prepare(&mut connection, || fastrand::i64(..))?;
    Ok(connection)
}

impl Opening {
    /// Makes the directory if need be, locks it, and opens the database; with `fresh`, what is there is
    /// moved aside first.
    ///
    /// # Errors
    /// When another process writes there, or the database cannot be opened or is not ours.
    pub fn open(directory: &Path, fresh: bool) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => StoreError::NoDirectory(source),
            _ => StoreError::File {
                path: directory.to_owned(),
                source,
            },
        })?;
        let lock = Lock::take(directory)?;
        let last_written = cut_off::log_written(directory);
        let moved_to = if fresh {
            aside::move_aside(directory)?
        } else {
            aside::end_move(directory)?
        };
        let connection = connect(directory)?;
        let last = connection
            .query_row(
                "SELECT id, state, seeds, coalesce((SELECT config FROM start WHERE run = run.id ORDER BY start.id DESC LIMIT 1), ''),
                 budget IS NOT NULL FROM run ORDER BY id DESC LIMIT 1",
                [],
                |row| {
                    let seeds: String = row.get(2)?;
                    Ok(LastRun {
                        id: row.get(0)?,
                        state: row.get(1)?,
                        is_refresh: row.get(4)?,
                        seeds: serde_json::from_str(&seeds).unwrap_or_default(),
                        config: row.get(3)?,
                    })
                },
            )
            .optional()?;
        Ok(Self {
            directory: directory.to_owned(),
            connection,
            lock,
            last,
            last_written,
            moved_to,
            refresh: None,
        })
    }

    /// Has the start be one of a refresh, which may spend so many requests.
    #[must_use]
    pub fn refreshing(self, budget: Option<u64>) -> Self {
        Self {
            refresh: budget,
            ..self
        }
    }

    /// The seeds of this start: those given, or those of the run that is there; with `add`, both. Empty
    /// where there are neither. Seeds that are rewritten to the same are the same.
    ///
    /// # Errors
    /// When the run that is there has others.
    pub fn seeds(
        &self,
        given: Vec<Seed>,
        add: bool,
        rewrite: &Rewrite,
    ) -> Result<Vec<Seed>, StoreError> {
        let Some(last) = &self.last else {
            return Ok(given);
        };
        let there = last.seeds();
        let known = keys(&there, rewrite);
        if given.is_empty() || keys(&given, rewrite) == known {
            return Ok(there);
        }
        if add {
            let is_new = |seed: &Seed| !known.contains(&rewrite.seed(seed.clone()).key());
            let fresh = given.into_iter().filter(is_new);
            return Ok(there.iter().cloned().chain(fresh).collect());
        }
        Err(StoreError::OtherSeeds {
            seeds: last.seeds.clone(),
        })
    }

    /// Begins a start: of the run that is there if it is unfinished, else of a new one. The seeds are kept
    /// as they are given, and asked for in the form that the policy has for them.
    ///
    /// # Errors
    /// When the database cannot be written, or there is nothing yet to refresh.
    pub fn begin(
        mut self,
        seeds: &[Seed],
        policy: Policy,
        config: &Config,
    ) -> Result<(Store, Begun), StoreError> {
        let refresh = self.refresh;
        let now = clock::now();
        let rewrite = Arc::clone(&policy.rewrite);
        let Way {
            resume,
            close,
            base,
        } = Way::of(self.last.take(), seeds, &rewrite, refresh.is_some())?;
        let settings = config.redacted().to_toml();
        let left = self.clean_up()?;
        let full = config.output.durability == Durability::Full;
        // On the disk before the first file is: else files could outlive every row that tells of their start.
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        if refresh.is_some() {
            // The log of requests is sorted by URL, however long it is.
            self.connection.pragma_update(None, "temp_store", "FILE")?;
        }
        // One that only reads at first could not write once another program has.
        let tx = Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
        let number = |sql: &str| tx.query_row(sql, [], |row| row.get::<_, i64>(0));
        let hash_keys = find::hash_keys(&tx)?;
        let texts: Vec<String> = seeds.iter().map(ToString::to_string).collect();
        let texts = serde_json::to_string(&texts).unwrap_or_default();
        if let Some(last) = close {
            refresh::close(&tx, last, micros(now))?;
        }
        let run = begin_run(&tx, resume.as_ref(), &texts, micros(now), refresh)?;
        try_again(&tx)?;
        let (pages, bytes) = counted(&tx, run, config)?;
        let start = insert_start(&tx, run, micros(now), &settings)?;
        let mut admitter = admitter_of(&tx, run, hash_keys, policy, config)?;
        admitter.now = micros(now);
        // Of a refresh, nothing is let in by itself before the rest is chosen.
        (admitter.budget, admitter.room) = (refresh, refresh.map(|_| 0));
        if refresh.is_some() && resume.is_none() {
            refresh::carry_over(&tx, run)?;
        }
        // Before anything is decided: what has no outcome any more leads nowhere until it is read again.
        let again = hurt::ask_again(&mut admitter, &tx, &left.hurt)?;
        // Left by a repair of what such decisions rest on.
        let wanted = tx.execute("DELETE FROM meta WHERE key = 'redecide'", [])? > 0;
        let (changed, joined) = decide(
            &mut admitter,
            &tx,
            resume.as_ref().or(base.as_ref()),
            seeds,
            &settings,
            wanted,
        )?;
        let anew = resume.as_ref().is_none_or(|last| {
            wanted || last.differs(seeds, &rewrite) || changed.iter().any(Change::decides)
        });
        if refresh.is_some() && resume.is_none() {
            admitter.ask_for_sitemaps(&tx)?;
        }
        let refreshing = refresh
            .map(|budget| refresh::spent(&tx, run).map(|spent| Refreshing { budget, spent }))
            .transpose()?;
        // The queue is read from the table.
        admitter.admitted.clear();
        for view in fields::wide_views(&tx, &config.field)? {
            tracing::warn!(view, "is not made: something else has this name");
        }
        // What was put in the queue until here is counted in the table.
        admitter.enqueued = 0;
        let last_fetch = number("SELECT coalesce(max(id), 0) FROM fetch")?;
        let waiting = waiting(&tx, anew || again > 0 || refresh.is_some())?;
        tx.execute(
            "UPDATE start SET queued = ?2 WHERE id = ?1",
            [start, waiting],
        )?;
        tx.commit()?;
        self.connection
            .pragma_update(None, "synchronous", "NORMAL")?;
        let begun = Begun {
            run,
            start,
            resumed: resume.is_some(),
            unclean: left.unclean,
            strays: left.strays,
            again,
            changed,
            joined,
            pages: pages.unsigned_abs(),
            bytes: bytes.unsigned_abs(),
            waiting: waiting.unsigned_abs(),
            refresh: refreshing,
        };
        let database = self.directory.join(DATABASE);
        let store = Store {
            db: self.connection.into(),
            writer: Arc::new(Mutex::new(Writer::new(
                run, start, admitter, last_fetch, waiting, config, &database,
            ))),
            directory: self.directory,
            full,
            lock: self.lock,
        };
        Ok((store, begun))
    }

    /// If the last start was killed: removes the files that it wrote and did not come to name, and those that
    /// it named and that are not whole.
    fn clean_up(&self) -> Result<Left, StoreError> {
        let Some(since) = cut_off::since(&self.connection, self.last_written)? else {
            return Ok(Left::default());
        };
        let pages = self.directory.join(PAGES);
        let failed = |source| StoreError::File {
            path: pages.clone(),
            source,
        };
        let mut found = files::written_since(&self.directory, since).map_err(failed)?;
        self.keep_named(&mut found)?;
        Ok(Left {
            unclean: true,
            strays: files::remove(&self.directory, &found).map_err(failed)?,
            hurt: hurt::find(&self.connection, &self.directory)?,
        })
    }

    /// Takes from a set of files those that rows name: all rows are asked, the likely ones first. A file's
    /// time does not tell when its row was written: copying an output makes all files new.
    fn keep_named(&self, files: &mut HashSet<String>) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT file FROM version WHERE file IS NOT NULL ORDER BY id DESC")?;
        let mut rows = statement.query([])?;
        while !files.is_empty()
            && let Some(row) = rows.next()?
        {
            if let Ok(name) = row.get_ref(0)?.as_str() {
                files.remove(name);
            }
        }
        Ok(())
    }
}

/// What a start that was killed has left behind.
#[derive(Debug, Default)]
struct Left {
    unclean: bool,
    /// Files that no row named, now removed.
    strays: u64,
    /// Contents whose files are not whole.
    hurt: Vec<i64>,
}

impl LastRun {
    fn seeds(&self) -> Vec<Seed> {
        let parsed = self.seeds.iter().map(|seed| Seed::from_stored(seed));
        parsed.flatten().collect()
    }

    fn differs(&self, seeds: &[Seed], rewrite: &Rewrite) -> bool {
        keys(&self.seeds(), rewrite) != keys(seeds, rewrite)
    }
}

/// Notes that a start begins. What is certain of the starts before it is of this one, too.
fn insert_start(tx: &Transaction<'_>, run: i64, now: i64, settings: &str) -> rusqlite::Result<i64> {
    tx.execute(
        "INSERT INTO start (run, begun, heartbeat, config, version, pid, durable_to)
         VALUES (?1, ?2, ?2, ?3, ?4, ?5, (SELECT coalesce(max(durable_to), 0) FROM start))",
        params![
            run,
            now,
            noted(settings),
            env!("CARGO_PKG_VERSION"),
            std::process::id()
        ],
    )?;
    Ok(tx.last_insert_rowid())
}

/// Who decides over the URLs of a run.
fn admitter_of(
    tx: &Transaction<'_>,
    run: i64,
    hash_keys: (u64, u64),
    policy: Policy,
    config: &Config,
) -> rusqlite::Result<Admitter> {
    let begun = tx.query_row("SELECT begun FROM run WHERE id = ?", [run], |row| {
        row.get(0).map(from_micros)
    })?;
    let max_age = config.recrawl.max_age.0.map(|age| age.0);
    let young = max_age.map(|age| begun.checked_sub(age).map_or(0, micros));
    let mut admitter = Admitter::new(run, hash_keys, policy, config.reading())
        .with_young(young, config.output.files);
    admitter.maps = Maps::new(config, begun);
    Ok(admitter)
}

/// Counts the pages of each host, where they are limited; answers with those of the run, and its bytes, since a limit
/// has stopped it.
fn counted(tx: &Transaction<'_>, run: i64, config: &Config) -> rusqlite::Result<(i64, i64)> {
    let counts = tx.query_row(
        "SELECT coalesce(sum(pages), 0), coalesce(sum(bytes), 0) FROM start WHERE run = ?1 AND id > ?2",
        [run, last_limit(tx, run)?],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if config.scope.max_pages_per_host.0.is_some() {
        count_host_pages(tx, run)?;
    }
    Ok(counts)
}

/// What a start makes of the run that is there.
#[derive(Debug, Default)]
struct Way {
    /// It goes on.
    resume: Option<LastRun>,
    /// It ends with what it has.
    close: Option<i64>,
    /// It is what a refresh begins with.
    base: Option<LastRun>,
}

impl Way {
    fn of(
        last: Option<LastRun>,
        seeds: &[Seed],
        rewrite: &Rewrite,
        refresh: bool,
    ) -> Result<Self, StoreError> {
        let Some(last) = last else {
            return if refresh {
                Err(StoreError::Missing)
            } else {
                Ok(Self::default())
            };
        };
        let (state, id) = (last.state.as_str(), last.id);
        let (finished, differs) = (state == "finished", last.differs(seeds, rewrite));
        Ok(match (refresh, last.is_refresh) {
            // A refresh that was cut off leaves everything as it was found last: a crawl need not wait for it.
            (false, true) => Self {
                close: Some(id).filter(|_| !finished),
                ..Self::default()
            },
            // Seeds that were added open a finished run again.
            (false, false) if finished && !differs => Self::default(),
            (false, false) => Self {
                resume: Some(last),
                ..Self::default()
            },
            (true, true) if !finished => Self {
                resume: Some(last),
                ..Self::default()
            },
            // What is deferred may be so for ever: the refresh tries it again.
            (true, _) if finished || state == "deferred" => Self {
                close: Some(id).filter(|_| !finished),
                base: Some(last),
                ..Self::default()
            },
            (true, _) => return Err(StoreError::Unfinished),
        })
    }
}

/// Opens the run that is there again, or makes a new one. Answers with its number.
fn begin_run(
    tx: &Transaction<'_>,
    resume: Option<&LastRun>,
    seeds: &str,
    now: i64,
    budget: Option<u64>,
) -> rusqlite::Result<i64> {
    let number = budget.map(|budget| i64::try_from(budget).unwrap_or(i64::MAX));
    if let Some(last) = resume {
        tx.execute(
            "UPDATE run SET state = 'running', ended = NULL, seeds = ?2, budget = ?3 WHERE id = ?1",
            params![last.id, seeds, number],
        )?;
        return Ok(last.id);
    }
    tx.execute(
        "INSERT INTO run (state, seeds, begun, budget) VALUES ('running', ?, ?, ?)",
        params![seeds, now, number],
    )?;
    Ok(tx.last_insert_rowid())
}

/// Fills the queue: of a new run with its seeds, of one that goes on as the settings that are others now
/// decide, or as it was to go on where a repair wants that looked over. Answers with those settings, and with
/// what joined the scope earlier.
fn decide(
    admitter: &mut Admitter,
    tx: &Transaction<'_>,
    resume: Option<&LastRun>,
    seeds: &[Seed],
    settings: &str,
    wanted: bool,
) -> rusqlite::Result<(Vec<Change>, Vec<CanonicalUrl>)> {
    let rewrite = Arc::clone(&admitter.policy.rewrite);
    let (asked, rewritten) = rewrite.seeds(seeds.to_vec());
    for seed in &rewritten {
        admitter.note_rewritten(tx, seed)?;
    }
    let Some(last) = resume else {
        admitter.begin_at(tx, &asked)?;
        // The queue is read from the table like that of a resumed run.
        admitter.admitted.clear();
        return Ok((Vec::new(), Vec::new()));
    };
    admitter.maps.anchor = seeds.iter().all(Seed::is_sitemap);
    let changed = changes(&last.config, settings);
    if changed.iter().any(Change::frees_traps) {
        tx.execute("DELETE FROM template WHERE run = ?", [admitter.run])?;
    }
    admitter.restore_traps(tx)?;
    if wanted || last.differs(seeds, &rewrite) || changed.iter().any(Change::decides) {
        admitter.redecide(tx, &asked)?;
        return Ok((changed, Vec::new()));
    }
    Ok((changed, admitter.rejoin(tx)?))
}

/// Settings as they are stored: with what the environment adds to them, and what that keeps from being checked.
fn noted(settings: &str) -> String {
    match proxy_variables().join(", ") {
        none if none.is_empty() => settings.to_owned(),
        names => format!(
            "# environment: {names}; the addresses of names that a proxy looks up are not checked\n{settings}"
        ),
    }
}

/// What seeds are told apart by.
fn keys(seeds: &[Seed], rewrite: &Rewrite) -> HashSet<(bool, String)> {
    let forms = seeds.iter().map(|seed| rewrite.seed(seed.clone()));
    forms.map(|seed| seed.key()).collect()
}

/// Every start tries again what the one before gave up.
fn try_again(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "UPDATE host SET set_aside = NULL WHERE set_aside IS NOT NULL;
         UPDATE frontier SET deferred = NULL, attempt = 0, not_before = NULL WHERE deferred IS NOT NULL;",
    )
}

/// How many URLs wait. Where that is not decided anew, the last start has kept count: there may be millions.
fn waiting(tx: &Transaction<'_>, anew: bool) -> rusqlite::Result<i64> {
    let kept: Option<i64> = if anew {
        None
    } else {
        let sql = "SELECT queued FROM start ORDER BY id DESC LIMIT 1 OFFSET 1";
        tx.query_row(sql, [], |row| row.get(0))
            .optional()?
            .flatten()
    };
    match kept {
        Some(kept) => Ok(kept),
        None => tx.query_row("SELECT count(*) FROM frontier", [], |row| row.get(0)),
    }
}

/// The last start of a run that a limit has stopped: what was fetched until then counts no more.
fn last_limit(connection: &Connection, run: i64) -> rusqlite::Result<i64> {
    connection.query_row(
        "SELECT coalesce(max(id), 0) FROM start WHERE run = ? AND how = 'limit'",
        [run],
        |row| row.get(0),
    )
}

/// Counts the pages of each host since then.
fn count_host_pages(connection: &Connection, run: i64) -> rusqlite::Result<()> {
    connection.execute("UPDATE host SET pages = 0 WHERE pages > 0", [])?;
    connection.execute(
        "UPDATE host SET pages = n.pages FROM (
           SELECT u.host AS host, count(*) AS pages FROM fetch f JOIN start s ON s.id = f.start JOIN url u ON u.id = f.url
           WHERE s.run = ?1 AND s.id > ?2 AND f.kind = 0 AND f.error IS NULL AND f.retry_at IS NULL
           AND f.status NOT IN (301, 302, 303, 304, 307, 308) GROUP BY u.host) n
         WHERE n.host = host.id",
        [run, last_limit(connection, run)?],
    )?;
    Ok(())
}
