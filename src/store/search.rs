//! The index of texts: a table of FTS5's in the same database. It holds what is found by, and no text: that is taken
//! anew from the stored body of the few pages that are shown. Made when it is first wanted; a crawl neither writes
//! nor reads it.
//!
//! A row's number is that of its version. What was worked out of a version besides is in `reading`; a version is in
//! the index where it is in both.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};
use tokio_rusqlite::rusqlite;

/// How texts are cut into words: letters, digits and marks of any script, without accents, English words by their
/// stems. Marks are among them because many scripts write their vowels so.
pub(crate) const TOKENIZER: &str =
    "porter unicode61 remove_diacritics 2 categories ''L* N* Co Mn Mc''";
/// What a word in the title, in a heading, in the text is worth.
const RANK: &str = "bm25(10.0, 4.0, 1.0)";
/// Bytes of words that are gathered before they are written: the more at once, the less is merged later.
const GATHERED: i64 = 32 << 20;

/// The tables of FTS5's that belong to the index.
const SHADOWS: [&str; 5] = ["data", "idx", "content", "docsize", "config"];

/// Whether there is an index.
pub(crate) fn is_there(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'search_index' AND sql LIKE 'CREATE VIRTUAL TABLE%'";
    let found = connection.query_row(sql, [], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// Makes the index where there is none.
pub(crate) fn make(connection: &Connection) -> rusqlite::Result<()> {
    if is_there(connection)? {
        return Ok(());
    }
    drop_index(connection)?;
    connection.execute_batch(&format!(
        "CREATE VIRTUAL TABLE search_index USING fts5(title, headings, body, content='', contentless_delete=1, tokenize='{TOKENIZER}');
         INSERT INTO search_index (search_index, rank) VALUES ('rank', '{RANK}');
         INSERT INTO search_index (search_index, rank) VALUES ('hashsize', {GATHERED});"
    ))
}

/// Drops the index, in whatever state it is.
pub(crate) fn drop_index(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM reading", [])?;
    connection.execute("DELETE FROM derived WHERE name = 'search'", [])?;
    if connection
        .execute_batch("DROP TABLE IF EXISTS search_index")
        .is_ok()
        && !has_shadows(connection)?
    {
        return Ok(());
    }
    // What FTS5 cannot open it does not drop either: so it goes table by table, which is let through for once.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    let dropped = drop_parts(connection);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    dropped
}

fn has_shadows(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name GLOB 'search_index_*'";
    connection.query_row(sql, [], |row| row.get(0))
}

fn drop_parts(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "PRAGMA writable_schema = ON;
         DELETE FROM sqlite_schema WHERE type = 'table' AND name = 'search_index';
         PRAGMA writable_schema = RESET;",
    )?;
    for shadow in SHADOWS {
        connection.execute_batch(&format!("DROP TABLE IF EXISTS search_index_{shadow}"))?;
    }
    Ok(())
}

/// Whether an error of a statement on the index says that this is not as it was made, while the database around it
/// is sound.
pub(crate) fn is_malformed(connection: &Connection, error: &rusqlite::Error) -> bool {
    let of_table = matches!(error, rusqlite::Error::SqliteFailure(code, _)
        if code.extended_code == rusqlite::ffi::SQLITE_CORRUPT_VTAB);
    let corrupt = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt);
    of_table || is_blamed(error) || corrupt && is_alone(connection)
}

/// Whether an error is the index's, whatever statement met it. Lengths in it that nobody has written ask for more
/// memory than there is.
pub(crate) fn is_blamed(error: &rusqlite::Error) -> bool {
    is_named(&error.to_string())
        || error.sqlite_error_code() == Some(rusqlite::ErrorCode::OutOfMemory)
}

/// Whether words of SQLite's are about the index.
pub(crate) fn is_named(words: &str) -> bool {
    let named = words.contains("search_index") || words.contains("fts5 file format");
    named && !words.starts_with("Tree ")
}

/// Whether nothing but the index is malformed.
fn is_alone(connection: &Connection) -> bool {
    let ask = || -> rusqlite::Result<bool> {
        let mut statement = connection.prepare("PRAGMA quick_check(10)")?;
        let mut rows = statement.query([])?;
        let mut alone = true;
        while let Some(row) = rows.next()? {
            let words: String = row.get(0)?;
            alone &= words.lines().all(|line| line == "ok" || is_named(line));
        }
        Ok(alone)
    };
    ask().unwrap_or_else(|error| is_blamed(&error))
}

/// What is to be found of a version.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) version: i64,
    /// As `segment` has them.
    pub(crate) title: String,
    pub(crate) headings: String,
    pub(crate) body: String,
    /// How many words the text has, and its simhash; `None` where the body could not be read.
    pub(crate) reading: Option<(u64, u64)>,
}

/// Takes in a version that is not in yet.
pub(crate) fn insert(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    let (words, simhash) = entry.reading.unzip();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO reading (version, words, simhash) VALUES (?, ?, ?)",
        )?
        .execute(params![
            entry.version,
            words.map(|words| words as i64),
            simhash.map(|simhash| simhash as i64)
        ])?;
    connection
        .prepare_cached(
            "INSERT INTO search_index (rowid, title, headings, body) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![
            entry.version,
            entry.title,
            entry.headings,
            entry.body
        ])?;
    Ok(())
}

/// Takes one version out.
pub(crate) fn remove(connection: &Connection, version: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM reading WHERE version = ?")?
        .execute([version])?;
    connection
        .prepare_cached("DELETE FROM search_index WHERE rowid = ?")?
        .execute([version])?;
    Ok(())
}
