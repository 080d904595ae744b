//! `crawl search`: pages by their words, the best first.

mod snippet;
pub(crate) mod words;

use rusqlite::{Connection, params};
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::asked::host;
use super::index::texts::title_of;
use super::{Reader, folder_of, index};
use crate::config::ConfigError;
use crate::error::{Error, Result};
use crate::parse::main_text::main_text;
use crate::store::bodies::Bodies;
use crate::store::search;

pub use snippet::Marked;
use snippet::Marker;
use words::{Question, Unasked};

/// Of a longer body the beginning is read.
const MAX_BODY: u64 = 16 << 20;
/// Requests that are looked through at a time for what is not in the index.
const PIECE: i64 = 50_000;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Asked<'a> {
    /// Words, as people write them; or an expression of FTS5's.
    pub text: &'a str,
    /// Whether it is an expression of FTS5's.
    pub raw: bool,
    /// Only pages of this host.
    pub host: Option<&'a str>,
    /// So many at the most.
    pub limit: u32,
}

impl<'a> Asked<'a> {
    /// The best ten pages of any host.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            raw: false,
            host: None,
            limit: 10,
        }
    }
}

/// A page that was found.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Hit {
    /// Its URL.
    pub url: String,
    /// Its title.
    pub title: String,
    /// The title with what was looked for marked.
    #[serde(skip)]
    pub marked_title: Marked,
    /// What it answers now: its text may be of before. `None` where the last request for it was not answered.
    pub status: Option<u16>,
    /// A piece of its text, with what was looked for marked.
    pub snippet: Marked,
    /// How well it answers (bm25); more is better.
    pub score: f64,
}

/// What was found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Found {
    /// The best pages.
    pub hits: Vec<Hit>,
    /// Whether there are more.
    pub more: bool,
}

/// Why nothing could be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The question cannot be asked, or the database cannot be read.
    #[error(transparent)]
    Crawl(#[from] Error),
    /// There is no index yet.
    #[error("there is no index of texts yet")]
    NoIndex,
    /// The index is not as it was made.
    #[error("the index of texts is damaged: crawl index --rebuild makes it anew")]
    Malformed,
}

/// Looks for pages in the index, as it is.
///
/// # Errors
/// When there is no index, it cannot be read, or the question is none.
pub fn run(reader: &Reader, asked: &Asked<'_>) -> std::result::Result<Found, SearchError> {
    let question = question(asked)?;
    let connection = &reader.connection;
    if !has_index(reader)? {
        return Err(SearchError::NoIndex);
    }
    let _bound = reader.bound()?;
    let host = asked.host.map(|name| host(reader, name)).transpose()?;
    let rows = rows(connection, &question.expression, host, asked.limit);
    let mut rows = rows.map_err(|error| explained(reader, asked, error))?;
    let more = rows.len() > asked.limit as usize;
    rows.truncate(asked.limit as usize);
    let hits = shown(reader, &question, rows).map_err(|error| reader.failed(error))?;
    Ok(Found { hits, more })
}

/// Whether there is something to look for.
///
/// # Errors
/// When there is not.
pub fn check(asked: &Asked<'_>) -> Result<()> {
    question(asked).map(drop)
}

fn question(asked: &Asked<'_>) -> Result<Question> {
    let question = if asked.raw {
        Question::raw(asked.text)
    } else {
        Question::read(asked.text)
    };
    question.map_err(|error: Unasked| ConfigError::value("search", asked.text, error).into())
}

/// Whether there is an index, be it of an earlier state.
///
/// # Errors
/// When the database cannot be read.
pub fn has_index(reader: &Reader) -> Result<bool> {
    search::is_there(&reader.connection).map_err(|error| reader.failed(error))
}

/// A page as it is found.
struct Row {
    url: String,
    title: Option<String>,
    file: Option<String>,
    bytes: u64,
    media_type: Option<String>,
    charset: Option<String>,
    rank: f64,
    status: Option<u16>,
}

/// The best rows, and one more where there are more. What leads elsewhere now is left out: the page that it leads to
/// is found by its own words. A row of the index whose version is in no `reading` is one that was pruned.
fn rows(
    connection: &Connection,
    expression: &str,
    host: Option<i64>,
    limit: u32,
) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare(
        "SELECT u.text, c.title, c.file, c.bytes, c.media_type, c.charset, s.rank, f.status
         FROM search_index s CROSS JOIN version c ON c.id = s.rowid CROSS JOIN reading n ON n.version = c.id
         CROSS JOIN url u ON u.id = c.url
         LEFT JOIN fetch f ON f.id = (SELECT v.last_fetch FROM run r CROSS JOIN visit v ON v.run = r.id AND v.url = c.url
                                      WHERE v.last_fetch IS NOT NULL ORDER BY r.id DESC LIMIT 1)
         WHERE s.search_index MATCH ?1 AND (?2 IS NULL OR u.host = ?2) AND f.redirect_to IS NULL
         ORDER BY s.rank LIMIT ?3",
    )?;
    let rows = statement.query_map(params![expression, host, i64::from(limit) + 1], |row| {
        Ok(Row {
            url: row.get(0)?,
            title: row.get(1)?,
            file: row.get(2)?,
            bytes: row.get::<_, i64>(3)?.unsigned_abs(),
            media_type: row.get(4)?,
            charset: row.get(5)?,
            rank: row.get(6)?,
            status: row.get(7)?,
        })
    })?;
    rows.collect()
}

/// Whose fault an error is: that of a question that was written for FTS5, the index's, the database's.
fn explained(reader: &Reader, asked: &Asked<'_>, error: rusqlite::Error) -> SearchError {
    if let rusqlite::Error::SqliteFailure(code, Some(message)) = &error
        && asked.raw
        && code.extended_code == rusqlite::ffi::SQLITE_ERROR
        && !message.contains("vtable constructor failed")
    {
        let words = message.strip_prefix("fts5: ").unwrap_or(message);
        return SearchError::Crawl(ConfigError::value("search", asked.text, words).into());
    }
    if search::is_malformed(&reader.connection, &error) {
        return SearchError::Malformed;
    }
    SearchError::Crawl(reader.failed(error))
}

/// Takes the texts of what is shown.
fn shown(reader: &Reader, question: &Question, rows: Vec<Row>) -> rusqlite::Result<Vec<Hit>> {
    let marker = Marker::new(&question.wanted)?;
    let mut bodies = Bodies::open(folder_of(&reader.path)).ok();
    let hit = |row: Row| {
        // Where a body cannot be read, the page is shown without its text.
        let body = row.file.as_deref().and_then(|file| {
            let bodies = bodies.as_mut()?;
            bodies.read(file, row.bytes.min(MAX_BODY)).ok().flatten()
        });
        let text = body
            .and_then(|body| main_text(&body, row.media_type.as_deref(), row.charset.as_deref()));
        let text = text.unwrap_or_default();
        let title = title_of(row.title.as_deref(), &text);
        let (marked_title, snippet) = marker.mark(title, &text.text)?;
        Ok(Hit {
            title: title.to_owned(),
            marked_title,
            status: row.status,
            snippet,
            score: -row.rank,
            url: row.url,
        })
    };
    rows.into_iter().map(hit).collect()
}

/// Whether the index is of the crawl as it is now.
///
/// # Errors
/// When the database cannot be read.
pub fn is_up_to_date(reader: &Reader) -> Result<bool> {
    index::is_up_to_date(&reader.connection).map_err(|error| reader.failed(error))
}

/// About how many contents that came since are not in the index.
///
/// # Errors
/// When the database cannot be read.
pub fn missing(reader: &Reader) -> Result<u64> {
    let count = || {
        let sql = "SELECT ifnull((SELECT last_fetch FROM derived WHERE name = 'search'), 0), (SELECT ifnull(max(id), 0) FROM fetch)";
        let range = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let (mut after, last) = reader.connection.query_row(sql, [], range)?;
        let mut statement = reader.connection.prepare(
            "SELECT count(DISTINCT f.version) FROM fetch f JOIN version c ON c.id = f.version
             WHERE f.id > ? AND f.id <= ? AND c.file IS NOT NULL AND c.media_type IN (SELECT value FROM json_each(?))
             AND f.version NOT IN (SELECT version FROM reading)",
        )?;
        let types: Vec<&str> = crate::parse::main_text::types().collect();
        let types = serde_json::json!(types).to_string();
        let mut count = 0;
        while after < last {
            let end = after.saturating_add(PIECE).min(last);
            let piece: i64 = statement.query_row(params![after, end, types], |row| row.get(0))?;
            count += piece.unsigned_abs();
            after = end;
        }
        Ok(count)
    };
    count().map_err(|error| reader.failed(error))
}
