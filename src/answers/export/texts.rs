//! `crawl export texts`: the main text of every page, a page a line. Bodies are read, and their texts taken, by all
//! cores (`in_turn`). What cannot be read is left out, and counted.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::types::ValueRef;
use rusqlite::{Row, Statement, params};
use tokio_rusqlite::rusqlite;

use super::super::{Reader, asked, folder_of};
use super::Result;
use super::in_turn::{Desk, in_turn, threads};
use super::rows::{self, Column, Piece, Sink, Walk, text};
use super::text::{Blocks, JsonLines};
use crate::canonical::CanonicalUrl;
use crate::parse::main_text::{is_html, main_text};
use crate::parse::markdown;
use crate::store::bodies::Bodies;
use crate::store::pieces::TEXTS;

/// URLs of a piece.
const PIECE: i64 = 32;
/// Of a longer body the beginning is read.
const MAX_BODY: u64 = 16 << 20;
/// What a line has before the text.
const COLUMNS: [&str; 5] = ["url", "title", "language", "fetched_at", "sha256"];

/// What an export of texts has come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Texts {
    /// Pages whose texts were written.
    pub texts: u64,
    /// Pages that are no HTML.
    pub other: u64,
    /// Pages whose bodies are in no file: the crawl wrote none, or it was removed.
    pub unfiled: u64,
    /// Pages whose bodies are not in their files, or cannot be read.
    pub unread: u64,
}

/// A page as the tables have it.
struct Stored {
    url: String,
    title: Option<String>,
    language: Option<String>,
    fetched: Option<String>,
    digest: Option<String>,
    file: Option<String>,
    bytes: u64,
    media_type: Option<String>,
    charset: Option<String>,
}

/// What became of a page.
enum Read {
    Text(String),
    Other,
    Unfiled,
    Unread,
}

/// Writes the main texts of the pages of the latest run as JSON Lines, in the order in which they were met: plain, or
/// as Markdown. Of one host alone, if there is one.
///
/// # Errors
/// When nothing of such a host was met, the database cannot be read, or the texts cannot be written.
pub fn texts(
    reader: &Reader,
    as_markdown: bool,
    host: Option<&str>,
    out: &mut dyn Write,
) -> Result<Texts> {
    by(threads(), PIECE, reader, as_markdown, host, out)
}

fn by(
    threads: usize,
    piece: i64,
    reader: &Reader,
    as_markdown: bool,
    host: Option<&str>,
    out: &mut dyn Write,
) -> Result<Texts> {
    let host = host.map(|name| asked::host(reader, name)).transpose()?;
    let work = |own: &Reader, desk: &Desk<Texts>| {
        let bodies = Bodies::open(folder_of(&own.path))?;
        let _bound = own.bound()?;
        let mut statement = rows::prepare(own, &TEXTS.rows)?;
        let mut lines = Blocks::new(JsonLines::default(), |bytes| desk.write(bytes));
        lines.columns(&columns(as_markdown))?;
        for piece in desk.pieces() {
            let mut said = Texts::default();
            let pages = pages(&mut statement, piece, host).map_err(|error| own.failed(error))?;
            for page in pages {
                let read = page.read(&bodies, as_markdown);
                said.count(&read);
                if let Read::Text(text) = read {
                    lines.row(&page.values(&text))?;
                }
            }
            lines.finish()?;
            desk.end(said)?;
        }
        Ok(())
    };
    let walk = Walk::new(reader, &TEXTS, piece)?;
    let mut done = Texts::default();
    in_turn(threads, reader, walk, work, |said| done.add(said), out)?;
    Ok(done)
}

fn columns(as_markdown: bool) -> Vec<Column> {
    let last = if as_markdown { "markdown" } else { "text" };
    let names = COLUMNS.into_iter().chain([last]);
    let column = |name: &str| Column {
        name: name.to_owned(),
        declared: None,
    };
    names.map(column).collect()
}

/// The pages of a piece: no statement is open while their bodies are read.
fn pages(
    statement: &mut Statement<'_>,
    (after, end): Piece,
    host: Option<i64>,
) -> rusqlite::Result<Vec<Stored>> {
    let rows = statement.query_map(params![after, end, host], Stored::of)?;
    rows.collect()
}

impl Texts {
    fn count(&mut self, read: &Read) {
        match read {
            Read::Text(_) => self.texts += 1,
            Read::Other => self.other += 1,
            Read::Unfiled => self.unfiled += 1,
            Read::Unread => self.unread += 1,
        }
    }

    fn add(&mut self, said: Self) {
        self.texts += said.texts;
        self.other += said.other;
        self.unfiled += said.unfiled;
        self.unread += said.unread;
    }
}

impl Stored {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            url: text(row, 0)?.unwrap_or_default(),
            title: text(row, 1)?,
            language: text(row, 2)?,
            fetched: text(row, 3)?,
            digest: text(row, 4)?,
            file: text(row, 5)?,
            bytes: row.get_ref(6)?.as_i64().unwrap_or(i64::MAX).unsigned_abs(),
            media_type: text(row, 7)?,
            charset: text(row, 8)?,
        })
    }

    /// Reads the body, and takes its text as `crawl cat` does.
    fn read(&self, bodies: &Bodies, as_markdown: bool) -> Read {
        let media_type = self.media_type.as_deref();
        if media_type.is_some() && !is_html(media_type, &[]) {
            return Read::Other;
        }
        let Some(file) = &self.file else {
            return Read::Unfiled;
        };
        let Ok(Some(body)) = bodies.read(file, self.bytes.min(MAX_BODY)) else {
            return Read::Unread;
        };
        if !is_html(media_type, &body) {
            return Read::Other;
        }
        let text = || {
            let charset = self.charset.as_deref();
            if as_markdown {
                let page = CanonicalUrl::parse(&self.url).ok()?;
                return markdown(&body, media_type, charset, &page);
            }
            Some(main_text(&body, media_type, charset)?.text)
        };
        // A panic over a page is that page's failure.
        let text = catch_unwind(AssertUnwindSafe(text)).ok().flatten();
        text.map_or(Read::Unread, |mut text| {
            text.truncate(text.trim_end_matches('\n').len());
            Read::Text(text)
        })
    }

    fn values<'a>(&'a self, text: &'a str) -> [ValueRef<'a>; 6] {
        let or_null = |text: &'a Option<String>| {
            let bytes = text.as_deref().map(str::as_bytes);
            bytes.map_or(ValueRef::Null, ValueRef::Text)
        };
        [
            ValueRef::Text(self.url.as_bytes()),
            or_null(&self.title),
            or_null(&self.language),
            or_null(&self.fetched),
            or_null(&self.digest),
            ValueRef::Text(text.as_bytes()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::pieces::tests::ROWS;
    use crate::store::schema;

    /// Of forty URLs those of the second run that were fetched and are pages, each with a file of many blocks.
    fn reader() -> (tempfile::TempDir, Reader) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("crawl.db");
        let mut connection = Connection::open(&path).expect("made");
        schema::prepare(&mut connection, || 7).expect("a schema");
        connection.execute_batch(ROWS).expect("rows");
        connection
            .execute_batch("UPDATE version SET file = 'pages/a/' || id, media_type = 'text/html', bytes = 1 << 40")
            .expect("files");
        std::fs::create_dir_all(directory.path().join("pages/a")).expect("made");
        for n in 1..=40 {
            let words = format!("<p>{n} {}", "word & ".repeat(n * 3_000));
            std::fs::write(directory.path().join(format!("pages/a/{n}")), words).expect("written");
        }
        let reader = Reader::open(&path).expect("opened");
        (directory, reader)
    }

    #[test]
    fn as_one_thread_would() {
        let (_directory, reader) = reader();
        for as_markdown in [false, true] {
            let texts = |threads, piece| {
                let mut out = Vec::new();
                let done = by(threads, piece, &reader, as_markdown, None, &mut out);
                (
                    String::from_utf8(out).expect("text"),
                    done.expect("written"),
                )
            };
            let whole = texts(1, 1000);
            assert_eq!(whole.0.lines().count() as u64, whole.1.texts);
            assert!(whole.1.texts > 5, "{:?}", whole.1);
            assert!(whole.0.len() > 1 << 20);
            let numbers: Vec<usize> = whole
                .0
                .lines()
                .filter_map(|line| {
                    line.split_once("example/")?
                        .1
                        .split_once('"')?
                        .0
                        .parse()
                        .ok()
                })
                .collect();
            assert_eq!(numbers.len() as u64, whole.1.texts);
            assert!(numbers.is_sorted(), "{numbers:?}");
            for (threads, piece) in [(1, 1), (2, 1), (2, 7), (3, 2), (8, 39)] {
                assert_eq!(texts(threads, piece), whole, "{threads} {piece}");
            }
        }
    }
}
