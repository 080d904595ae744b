//! `crawl cat`: what is stored of a URL.

use std::path::Path;

use rusqlite::OptionalExtension;
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

/// Reads what is stored of a URL.
///
/// # Errors
/// When the text is no URL, nothing is stored of it, its file is not there, or the database cannot be read.
pub fn read(reader: &Reader, text: &str) -> Result<Stored> {
    let url = asked::parse(text)?;
    let finder = Finder::new(&reader.connection).map_err(|error| reader.failed(error))?;
    let asked = Asked::look_up(&reader.connection, finder, text, url)
        .map_err(|error| reader.failed(error))?;
    let nothing =
        |why: &str| -> Error { ConfigError::value("URL", asked.url.as_str(), why).into() };
    let Some(found) = &asked.found else {
        return Err(nothing("it was never met (crawl why URL says more)"));
    };
    let row = reader
        .connection
        .query_row(
            "SELECT c.file, f.status, h.text, c.bytes, c.media_type, c.charset FROM visit v
             JOIN version c ON c.id = v.good_version
             LEFT JOIN fetch f ON f.id = v.good_fetch LEFT JOIN header h ON h.id = f.header
             WHERE v.url = ? ORDER BY v.run DESC LIMIT 1",
            [found.id],
            |row| {
                Ok((
                    row.get::<_, Option<String>>(0)?,
                    row.get(1)?,
                    row.get::<_, Option<String>>(2)?,
                    row.get::<_, i64>(3)?.unsigned_abs(),
                    (row.get(4)?, row.get(5)?),
                ))
            },
        )
        .optional()
        .map_err(|error| reader.failed(error))?;
    let Some((file, status, headers, bytes, (media_type, charset))) = row else {
        return Err(nothing("nothing was kept of it (crawl why URL says why)"));
    };
    let Some(file) = file else {
        return Err(nothing(
            "its body is in no file (no-files, or check --repair has removed it)",
        ));
    };
    Ok(Stored {
        body: body(folder_of(&reader.path), &file, bytes)?,
        page: CanonicalUrl::parse(&found.text).unwrap_or_else(|_| asked.url.clone()),
        url: found.text.clone(),
        media_type,
        charset,
        status,
        headers: headers.unwrap_or_default(),
    })
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
