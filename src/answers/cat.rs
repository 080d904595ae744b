//! `crawl cat`: what is stored of a URL.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use tokio_rusqlite::rusqlite;

use super::asked::{self, Asked};
use super::{Reader, folder_of};
use crate::canonical::CanonicalUrl;
use crate::config::ConfigError;
use crate::error::{Error, Result};
use crate::parse::main_text::main_text;
use crate::parse::markdown;
use crate::store::StoreError;
use crate::store::bodies::Bodies;
use crate::store::find::Finder;

/// The last good answer of a URL, as it is stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stored {
    /// The URL.
    pub url: String,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Its header fields, one a line, as far as they are kept; empty where none are.
    pub headers: String,
    /// The body, decoded.
    pub body: Vec<u8>,
    /// Its media type.
    pub media_type: Option<String>,
    /// Its charset, as far as it is known.
    pub charset: Option<String>,
    page: CanonicalUrl,
}

impl Stored {
    /// The main text of the body; `None` where it has none, being of another type.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let text = main_text(
            &self.body,
            self.media_type.as_deref(),
            self.charset.as_deref(),
        )?;
        Some(text.text)
    }

    /// The same as Markdown.
    #[must_use]
    pub fn markdown(&self) -> Option<String> {
        let (media_type, charset) = (self.media_type.as_deref(), self.charset.as_deref());
        markdown(&self.body, media_type, charset, &self.page)
    }
}

/// What the tables have of it.
struct Row {
    file: Option<String>,
    bytes: u64,
    status: Option<u16>,
    headers: Option<String>,
    media_type: Option<String>,
    charset: Option<String>,
}

/// Reads what is stored of a URL: what is good of it now, or was as of a run.
///
/// # Errors
/// When the text is no URL, nothing is stored of it, there is no such run, its file is not there, or the database
/// cannot be read.
pub fn read(reader: &Reader, text: &str, run: Option<i64>) -> Result<Stored> {
    let url = asked::parse(text)?;
    let finder = Finder::new(&reader.connection).map_err(|error| reader.failed(error))?;
    let asked = Asked::look_up(&reader.connection, finder, text, url)
        .map_err(|error| reader.failed(error))?;
    let nothing =
        |why: &str| -> Error { ConfigError::value("URL", asked.url.as_str(), why).into() };
    let Some(found) = &asked.found else {
        return Err(nothing("it was never met (crawl why URL says more)"));
    };
    let row = row(&reader.connection, found.id, run).map_err(|error| reader.failed(error))?;
    let Some(row) = row else {
        let Some(run) = run else {
            return Err(nothing("nothing was kept of it (crawl why URL says why)"));
        };
        let why = why_not(&reader.connection, found.id, run);
        let why = why.map_err(|error| reader.failed(error))?;
        return Err(match why {
            Some(why) => nothing(&format!("run {run} {why}")),
            None => {
                let words = "there is no such run (crawl query runs lists them)";
                ConfigError::value("run", run, words).into()
            }
        });
    };
    let Some(file) = row.file else {
        return Err(nothing(
            "its body is in no file (no-files, or check --repair has removed it)",
        ));
    };
    Ok(Stored {
        body: body(folder_of(&reader.path), &file, row.bytes)?,
        page: CanonicalUrl::parse(&found.text).unwrap_or_else(|_| asked.url.clone()),
        url: found.text.clone(),
        media_type: row.media_type,
        charset: row.charset,
        status: row.status,
        headers: row.headers.unwrap_or_default(),
    })
}

/// The last good content of a URL, or the one that a run had at last.
fn row(connection: &Connection, url: i64, run: Option<i64>) -> rusqlite::Result<Option<Row>> {
    let which = if run.is_some() {
        "v.run = ?2"
    } else {
        "?2 IS NULL"
    };
    let sql = format!(
        "SELECT c.file, c.bytes, f.status, h.text, c.media_type, c.charset FROM visit v
         JOIN version c ON c.id = v.good_version
         LEFT JOIN fetch f ON f.id = v.good_fetch LEFT JOIN header h ON h.id = f.header
         WHERE v.url = ?1 AND {which} ORDER BY v.run DESC LIMIT 1"
    );
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Row {
            file: row.get(0)?,
            bytes: row.get::<_, i64>(1)?.unsigned_abs(),
            status: row.get(2)?,
            headers: row.get(3)?,
            media_type: row.get(4)?,
            charset: row.get(5)?,
        })
    };
    connection
        .query_row(&sql, params![url, run], read)
        .optional()
}

/// Why a run has no content of a URL; `None` where there is no such run.
fn why_not(connection: &Connection, url: i64, run: i64) -> rusqlite::Result<Option<&'static str>> {
    let sql = "SELECT pruned IS NOT NULL, EXISTS (SELECT 1 FROM visit WHERE run = ?2 AND url = ?1) FROM run WHERE id = ?2";
    let found: Option<(bool, bool)> = connection
        .query_row(sql, [url, run], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.map(|found| match found {
        (true, _) => {
            "was pruned, and has nothing of it any more (the view versions has what is left)"
        }
        (false, true) => "had no content of it (the view versions has those of other runs)",
        (false, false) => "never met it (the view versions has what others had)",
    }))
}

/// Reads the file of a body, which has so many bytes.
fn body(output: &Path, file: &str, bytes: u64) -> Result<Vec<u8>> {
    let failed = |source| Error::Store {
        path: output.to_owned(),
        source: StoreError::File {
            path: output.join(file),
            source,
        },
    };
    let gone = || std::io::Error::other("it is not there, or is no file: crawl check says more");
    let bodies = Bodies::open(output).map_err(failed)?;
    let body = bodies.read(file, bytes).map_err(failed)?;
    body.ok_or_else(|| failed(gone()))
}
