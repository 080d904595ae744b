//! `crawl prune`: what only old runs need goes. First it is noted what goes, in temporary tables; then rows go, some
//! thousands a transaction, and their files are noted as doomed in the same transaction that drops the last row which
//! may name them; files go last. To be killed at any moment is no harm: each transaction leaves a sound database, a
//! file that is doomed is no stray, and the same command goes on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use tokio_rusqlite::rusqlite;

use super::bodies::Bodies;
use super::keeper::Keeper;
use super::references::{self, Reference};
use super::{DATABASE, PAGES, StoreError, micros};
use crate::clock;

/// Rows that go in one transaction, about.
const ROWS: i64 = 5_000;
/// Contents likewise: each has dozens of links.
const CONTENTS: i64 = 200;
/// Files that are removed before that is written down.
const FILES: i64 = 1_000;

/// Tables of a run that stay: what `runs` tells.
const STAY: [&str; 2] = ["run", "start"];

/// What goes, or has gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Pruned {
    /// The first run of those that are kept.
    pub first_kept: i64,
    /// Runs that are pruned.
    pub runs: u64,
    /// Rows, by their table.
    pub rows: BTreeMap<String, u64>,
    /// Files below `pages/`.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Length of the database, before and after.
    pub database_before: u64,
    /// See `database_before`.
    pub database_after: u64,
    /// Bytes within it that are free for what comes.
    pub free_bytes: u64,
}

impl Pruned {
    /// All rows together.
    #[must_use]
    pub fn all_rows(&self) -> u64 {
        self.rows.values().sum()
    }
}

/// What is to be pruned.
struct Prune<'a> {
    keeper: Keeper,
    output: &'a Path,
    first: i64,
    /// Tables that hold what a content, a request, a run has.
    of_version: Vec<Reference>,
    of_fetch: Vec<Reference>,
    of_run: Vec<Reference>,
    done: Pruned,
}

/// Prunes an output but for its latest `keep` runs, or says what would go.
///
/// # Errors
/// When there is none, another process writes it, or it cannot be written.
pub(crate) fn run(output: &Path, keep: u32, dry: bool, vacuum: bool) -> Result<Pruned, StoreError> {
    let keeper = Keeper::open(output)?;
    // A file is removed only when it is certain that no row names it.
    keeper
        .connection
        .pragma_update(None, "synchronous", "FULL")?;
    let first = first_kept(&keeper.connection, keep)?;
    let references = references::all(&keeper.connection)?;
    let naming = |parent: &str, but: &[&str]| -> Vec<Reference> {
        let named = references.iter().filter(|one| one.names(parent));
        named
            .filter(|one| !but.contains(&one.table()))
            .cloned()
            .collect()
    };
    let mut prune = Prune {
        of_version: naming("version", &["fetch", "visit"]),
        of_fetch: naming("fetch", &["visit", "sitemap"]),
        of_run: naming("run", &STAY),
        keeper,
        output,
        first,
        done: Pruned {
            first_kept: first,
            ..Pruned::default()
        },
    };
    prune.done.database_before = prune.length();
    prune.note()?;
    if !dry {
        prune.mark()?;
        prune.runs()?;
        prune.contents()?;
        prune.by_number("robots", "gone_robots")?;
        prune.by_number("header", "gone_header")?;
        prune.files()?;
    }
    prune.end(vacuum)
}

/// The first run that is kept. One that is not finished needs the one before it.
fn first_kept(connection: &Connection, keep: u32) -> rusqlite::Result<i64> {
    let nth = |offset: u32| {
        connection
            .query_row(
                "SELECT id FROM run ORDER BY id DESC LIMIT 1 OFFSET ?",
                [offset],
                |row| row.get::<_, i64>(0),
            )
            .optional()
    };
    let finished: Option<bool> = connection
        .query_row(
            "SELECT state = 'finished' FROM run ORDER BY id DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let least = if finished == Some(false) { 2 } else { 1 };
    Ok(nth(keep.max(least) - 1)?.unwrap_or(1))
}

impl Prune<'_> {
    fn length(&self) -> u64 {
        std::fs::metadata(self.output.join(DATABASE)).map_or(0, |found| found.len())
    }

    fn at_pages(&self, source: std::io::Error) -> StoreError {
        StoreError::File {
            path: self.pages(),
            source,
        }
    }

    fn pages(&self) -> PathBuf {
        self.output.join(PAGES)
    }

    /// Notes what goes, and counts it.
    fn note(&mut self) -> Result<(), StoreError> {
        let connection = &self.keeper.connection;
        // Statements with a parameter cannot stand in one batch with others.
        for sql in NOTE {
            let mut statement = connection.prepare(sql)?;
            let with = statement.parameter_count() > 0;
            if with {
                statement.execute([self.first])?;
            } else {
                statement.execute([])?;
            }
        }
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let mut rows = BTreeMap::new();
        let mut note = |table: &str, number: i64| {
            *rows.entry(table.to_owned()).or_default() += number.unsigned_abs();
        };
        for (table, noted) in [
            ("fetch", "gone_fetch"),
            ("version", "gone_version"),
            ("robots", "gone_robots"),
            ("header", "gone_header"),
        ] {
            note(table, count(&format!("SELECT count(*) FROM temp.{noted}"))?);
        }
        for (one, noted) in (self.of_version.iter().map(|one| (one, "gone_version")))
            .chain(self.of_fetch.iter().map(|one| (one, "gone_fetch")))
        {
            let sql = format!(
                "SELECT count(*) FROM temp.{noted} g JOIN {0} t ON t.{1} = g.id",
                one.table(),
                one.column()
            );
            note(one.table(), count(&sql)?);
        }
        for one in &self.of_run {
            let sql = format!(
                "SELECT count(*) FROM {0} WHERE {1} < {2} {3}",
                one.table(),
                one.column(),
                self.first,
                but_kept(one.table())
            );
            note(one.table(), count(&sql)?);
        }
        note(
            "robots_signal",
            count(
                "SELECT count(*) FROM robots_signal WHERE robots IN (SELECT id FROM temp.gone_robots)",
            )?,
        );
        rows.retain(|_, number| *number > 0);
        let runs = format!(
            "SELECT count(*) FROM run WHERE id < {} AND pruned IS NULL",
            self.first
        );
        let (files, bytes) = connection.query_row(FILES_THAT_GO, [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
        self.done.runs = count(&runs)?.unsigned_abs();
        self.done.rows = rows;
        (self.done.files, self.done.file_bytes) = (files.unsigned_abs(), bytes.unsigned_abs());
        Ok(())
    }

    /// Says of the runs that their log is not whole any more.
    fn mark(&mut self) -> Result<(), StoreError> {
        let now = micros(clock::now());
        self.keeper.connection.execute(
            "UPDATE run SET pruned = ?2 WHERE id < ?1 AND pruned IS NULL",
            [self.first, now],
        )?;
        Ok(())
    }

    /// What runs knew of their URLs. A visit that tells of the last good content of a URL stays.
    fn runs(&mut self) -> Result<(), StoreError> {
        for one in self.of_run.clone() {
            if one.table() == "visit" {
                self.visits()?;
                continue;
            }
            let key = key_of(&self.keeper.connection, one.table())?;
            let sql = format!(
                "DELETE FROM {0} WHERE ({key}) IN (SELECT {key} FROM {0} WHERE {1} < ?1 LIMIT ?2)",
                one.table(),
                one.column()
            );
            while self.keeper.connection.execute(&sql, [self.first, ROWS])? > 0 {}
        }
        Ok(())
    }

    fn visits(&mut self) -> Result<(), StoreError> {
        let connection = &self.keeper.connection;
        let runs: Vec<(i64, i64)> = connection
            .prepare("SELECT id, (SELECT coalesce(max(url), 0) FROM visit WHERE run = run.id) FROM run WHERE id < ?")?
            .query_map([self.first], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (run, last) in runs {
            let mut after = 0;
            while after < last {
                connection.execute(
                    "DELETE FROM visit WHERE run = ?1 AND url > ?2 AND url <= ?3
                     AND NOT EXISTS (SELECT 1 FROM temp.kept_visit k WHERE k.url = visit.url AND k.run = visit.run)",
                    [run, after, after.saturating_add(ROWS)],
                )?;
                after = after.saturating_add(ROWS);
            }
        }
        Ok(())
    }

    /// Contents and requests, URL by URL: a content goes with all of the requests that have brought it.
    fn contents(&mut self) -> Result<(), StoreError> {
        let mut after = i64::MIN;
        while let Some(last) = self.next_urls(after)? {
            let range = "url > ?1 AND url <= ?2";
            let tx = self
                .keeper
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute(
                &format!("INSERT OR IGNORE INTO doomed SELECT file FROM temp.gone_version WHERE {range} AND file IS NOT NULL"),
                [after, last],
            )?;
            let named = (self.of_version.iter().map(|one| (one, "gone_version")))
                .chain(self.of_fetch.iter().map(|one| (one, "gone_fetch")));
            for (one, noted) in named {
                tx.execute(
                    &format!(
                        "DELETE FROM {} WHERE {} IN (SELECT id FROM temp.{noted} WHERE {range})",
                        one.table(),
                        one.column()
                    ),
                    [after, last],
                )?;
            }
            for (table, noted) in [("version", "gone_version"), ("fetch", "gone_fetch")] {
                tx.execute(
                    &format!("DELETE FROM {table} WHERE id IN (SELECT id FROM temp.{noted} WHERE {range})"),
                    [after, last],
                )?;
            }
            tx.commit()?;
            after = last;
        }
        Ok(())
    }

    /// The last URL of the next transaction, if there is one.
    fn next_urls(&self, after: i64) -> rusqlite::Result<Option<i64>> {
        let connection = &self.keeper.connection;
        let nth = |noted: &str, most: i64| {
            let sql = format!(
                "SELECT url FROM temp.{noted} WHERE url > ?1 ORDER BY url LIMIT 1 OFFSET ?2"
            );
            connection
                .prepare_cached(&sql)?
                .query_row([after, most - 1], |row| row.get::<_, i64>(0))
                .optional()
        };
        let full = nth("gone_version", CONTENTS)?
            .into_iter()
            .chain(nth("gone_fetch", ROWS)?)
            .min();
        if full.is_some() {
            return Ok(full);
        }
        connection.query_row(
            "SELECT max(url) FROM (SELECT max(url) AS url FROM temp.gone_version WHERE url > ?1
             UNION ALL SELECT max(url) FROM temp.gone_fetch WHERE url > ?1)",
            [after],
            |row| row.get(0),
        )
    }

    /// Rows that go by their number alone, and what belongs to them.
    fn by_number(&mut self, table: &str, noted: &str) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let last: Option<i64> = self.keeper.connection.query_row(
                &format!("SELECT max(id) FROM (SELECT id FROM temp.{noted} WHERE id > ?1 ORDER BY id LIMIT ?2)"),
                [after, ROWS],
                |row| row.get(0),
            )?;
            let Some(last) = last else { return Ok(()) };
            let gone = format!("(SELECT id FROM temp.{noted} WHERE id > ?1 AND id <= ?2)");
            let tx = self.keeper.connection.transaction()?;
            if table == "robots" {
                tx.execute(
                    &format!("DELETE FROM robots_signal WHERE robots IN {gone}"),
                    [after, last],
                )?;
            }
            tx.execute(
                &format!("DELETE FROM {table} WHERE id IN {gone}"),
                [after, last],
            )?;
            tx.commit()?;
            after = last;
        }
    }

    /// Files that nobody names any more; among them those of a start that was cut off here.
    fn files(&mut self) -> Result<(), StoreError> {
        let connection = &self.keeper.connection;
        // A crawl may have come by the same content since, and taken its file for its own.
        connection.execute(
            "DELETE FROM doomed WHERE file IN (SELECT c.file FROM version c JOIN doomed d ON d.file = c.file)",
            [],
        )?;
        let bodies = Bodies::open(self.output).map_err(|source| self.at_pages(source))?;
        loop {
            let names: Vec<Vec<u8>> = connection
                .prepare_cached("SELECT CAST(file AS BLOB) FROM doomed ORDER BY file LIMIT ?")?
                .query_map([FILES], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            if names.is_empty() {
                return Ok(());
            }
            for name in &names {
                let removed = bodies.remove(name);
                removed.map_err(|source| self.at_pages(source))?;
            }
            let those = "SELECT file FROM doomed ORDER BY file LIMIT ?";
            connection.execute(
                &format!("DELETE FROM doomed WHERE file IN ({those})"),
                [FILES],
            )?;
        }
    }

    fn end(mut self, vacuum: bool) -> Result<Pruned, StoreError> {
        let connection = &self.keeper.connection;
        // What was noted is not copied.
        for table in NOTED {
            connection.execute_batch(&format!("DROP TABLE temp.{table}"))?;
        }
        if vacuum {
            connection.execute_batch("VACUUM")?;
        }
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.done.free_bytes = connection.query_row(
            "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size",
            [],
            |row| row.get::<_, i64>(0).map(i64::unsigned_abs),
        )?;
        self.done.database_after = self.length();
        let done = self.done;
        self.keeper.close()?;
        Ok(done)
    }
}

/// Of a table of runs, what stays all the same.
fn but_kept(table: &str) -> &'static str {
    if table == "visit" {
        "AND NOT EXISTS (SELECT 1 FROM temp.kept_visit k WHERE k.url = visit.url AND k.run = visit.run)"
    } else {
        ""
    }
}

/// The columns of a table's key, with commas between.
fn key_of(connection: &Connection, table: &str) -> rusqlite::Result<String> {
    connection.query_row(
        "SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk)",
        [table],
        |row| row.get(0),
    )
}

/// The temporary tables.
const NOTED: [&str; 7] = [
    "kept_visit",
    "kept_version",
    "kept_fetch",
    "gone_fetch",
    "gone_version",
    "gone_robots",
    "gone_header",
];

/// Notes what is kept, then what goes. Starts follow one another as their runs do. The highest numbers stay, whatever
/// they are of: a number that was given once is not given again.
const NOTE: [&str; 16] = [
    "CREATE TEMP TABLE kept_visit (url INTEGER PRIMARY KEY, run INTEGER NOT NULL)",
    // The last good content of a URL that no kept run has.
    "INSERT INTO kept_visit SELECT url, max(run) FROM visit WHERE good_version IS NOT NULL GROUP BY url HAVING max(run) < ?1",
    "CREATE TEMP TABLE kept_version (id INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE kept_fetch (id INTEGER PRIMARY KEY)",
    "INSERT OR IGNORE INTO kept_fetch SELECT last_fetch FROM visit WHERE run >= ?1 AND last_fetch IS NOT NULL
     UNION SELECT good_fetch FROM visit WHERE run >= ?1 AND good_fetch IS NOT NULL
     UNION SELECT last_fetch FROM sitemap WHERE run >= ?1 AND last_fetch IS NOT NULL
     UNION SELECT id FROM fetch WHERE start >= (SELECT coalesce(min(id), 0) FROM start WHERE run >= ?1)
     UNION SELECT max(id) FROM fetch HAVING max(id) IS NOT NULL",
    "INSERT OR IGNORE INTO kept_fetch SELECT v.last_fetch FROM temp.kept_visit k JOIN visit v ON v.run = k.run AND v.url = k.url WHERE v.last_fetch IS NOT NULL
     UNION SELECT v.good_fetch FROM temp.kept_visit k JOIN visit v ON v.run = k.run AND v.url = k.url WHERE v.good_fetch IS NOT NULL",
    "INSERT OR IGNORE INTO kept_version SELECT good_version FROM visit WHERE run >= ?1 AND good_version IS NOT NULL
     UNION SELECT v.good_version FROM temp.kept_visit k JOIN visit v ON v.run = k.run AND v.url = k.url
     UNION SELECT f.version FROM temp.kept_fetch k JOIN fetch f ON f.id = k.id WHERE f.version IS NOT NULL
     UNION SELECT max(id) FROM version HAVING max(id) IS NOT NULL",
    // A content is there because a request has brought it.
    "INSERT OR IGNORE INTO kept_fetch SELECT max(f.id) FROM fetch f JOIN temp.kept_version k ON k.id = f.version GROUP BY f.version",
    "CREATE TEMP TABLE gone_fetch (url INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (url, id)) WITHOUT ROWID",
    "INSERT INTO gone_fetch SELECT url, id FROM fetch WHERE id NOT IN (SELECT id FROM temp.kept_fetch) ORDER BY url, id",
    "CREATE TEMP TABLE gone_version (url INTEGER NOT NULL, id INTEGER NOT NULL, file TEXT, bytes INTEGER, PRIMARY KEY (url, id)) WITHOUT ROWID",
    "INSERT INTO gone_version SELECT url, id, file, bytes FROM version WHERE id NOT IN (SELECT id FROM temp.kept_version) ORDER BY url, id",
    "CREATE TEMP TABLE gone_robots (id INTEGER PRIMARY KEY)",
    // Each origin's copies from the first kept run on; and of those before, the last one, and the last that could be had.
    "INSERT INTO gone_robots SELECT r.id FROM robots r WHERE r.fetched < (SELECT begun FROM run WHERE id = ?1)
     AND r.id NOT IN (SELECT robots FROM origin WHERE robots IS NOT NULL) AND r.origin IS NOT NULL
     AND EXISTS (SELECT 1 FROM robots n WHERE n.origin = r.origin AND n.fetched > r.fetched
       AND n.fetched < (SELECT begun FROM run WHERE id = ?1) AND (n.reachable OR NOT r.reachable))",
    "CREATE TEMP TABLE gone_header (id INTEGER PRIMARY KEY)",
    "INSERT INTO gone_header SELECT id FROM header WHERE id NOT IN (
       SELECT f.header FROM temp.kept_fetch k JOIN fetch f ON f.id = k.id WHERE f.header IS NOT NULL)",
];

/// Files that no content names which is kept, and their bytes; with those that were doomed before.
const FILES_THAT_GO: &str = "
SELECT count(*), coalesce(sum(bytes), 0) FROM (
  SELECT file, max(bytes) AS bytes FROM (
    SELECT file, bytes FROM temp.gone_version WHERE file IS NOT NULL UNION ALL SELECT file, 0 FROM doomed) GROUP BY file)
WHERE file NOT IN (SELECT c.file FROM temp.kept_version k JOIN version c ON c.id = k.id WHERE c.file IS NOT NULL)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    #[test]
    fn every_table_of_a_run_can_be_gone_through() {
        let mut connection = Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("made");
        for one in references::all(&connection).expect("references") {
            if one.names("run") && !STAY.contains(&one.table()) {
                let key = key_of(&connection, one.table()).expect("a key");
                assert!(!key.is_empty(), "{}", one.table());
            }
        }
        assert_eq!(key_of(&connection, "visit").expect("a key"), "run, url");
    }
}
