//! `crawl export`: rows, texts, the graph of links, or the site itself, for other programs.
//!
//! Rows go straight from the statement to whoever takes them, so memory does not grow with them. A file appears under
//! its name when it is whole (`place`).

mod graph;
mod in_turn;
mod kept;
mod mirror;
mod parallel;
mod parquet;
pub mod place;
mod rows;
mod text;
mod texts;

use std::io::Write;

pub use graph::{By, GraphForm, graph};
pub use mirror::{Mirrored, mirror};
pub use texts::{Texts, texts};

use super::Reader;
use super::query::QueryError;

/// What can go wrong with an export.
type Result<T> = std::result::Result<T, QueryError>;

/// What rows are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// RFC 4180 with a line of names. What a spreadsheet would take for a formula is defused, unless `raw`.
    Csv {
        /// Texts as they are.
        raw: bool,
    },
    /// An object a line.
    JsonLines,
    /// Apache Parquet, compressed by Zstandard.
    Parquet,
}

/// Writes the rows of a view, or of a statement that reads. Answers with how many there were.
///
/// # Errors
/// When there is no such view, the SQL is wrong or would write, the database cannot be read, or what comes of it
/// cannot be written.
pub fn table(reader: &Reader, question: &str, form: Form, out: &mut dyn Write) -> Result<u64> {
    match form {
        Form::Csv { raw } => lines(reader, question, text::Csv { raw }, out),
        Form::JsonLines => lines(reader, question, text::JsonLines::default(), out),
        Form::Parquet => {
            let mut parquet = parquet::Parquet::new()?;
            let count = rows::read(reader, question, &mut parquet)?;
            parquet.finish(out)?;
            Ok(count)
        }
    }
}

fn lines(
    reader: &Reader,
    question: &str,
    lines: impl text::Lines + Clone + Sync,
    out: &mut dyn Write,
) -> Result<u64> {
    if let Some(pieces) = rows::pieces_of(question) {
        return parallel::lines(reader, &pieces, lines, out);
    }
    let mut blocks = text::Blocks::new(lines, |bytes| out.write_all(bytes));
    let count = rows::read(reader, question, &mut blocks)?;
    blocks.finish()?;
    Ok(count)
}
