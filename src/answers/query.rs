//! `crawl query`: SQL, or the name of a view, in; rows out.

use std::io::Write;

use rusqlite::{Rows, Statement};
use tokio_rusqlite::rusqlite;

use super::{Reader, cell, suggest};
use crate::config::{ConfigError, nearest};
use crate::error::{Error, Result};
use crate::store::schema::NAMED_VIEWS;

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Aligned columns for a terminal of this width; `None`: as wide as they are.
    Table(Option<usize>),
    /// RFC 4180, with a line of names.
    Csv,
    /// One array of objects.
    Json,
    /// An object a line.
    JsonLines,
}

/// Rows by which the widths of a table's columns are chosen; what comes after is fitted to them.
const SAMPLE: usize = 1000;
/// No column of a table is wider, however few there are.
const MAX_COLUMN: usize = 120;
/// No column is squeezed below this.
const MIN_COLUMN: usize = 6;

/// Why rows could not be had or shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The question cannot be answered.
    #[error(transparent)]
    Crawl(#[from] Error),
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Write(#[from] std::io::Error),
}

/// Answers a question: a statement that reads, or the name of a view (`-` and `_` are one).
///
/// # Errors
/// When the SQL is wrong or would write, or the answer cannot be written. A reader that went away (a
/// broken pipe) is no error.
pub fn run(
    reader: &Reader,
    question: &str,
    format: Format,
    out: &mut dyn Write,
) -> std::result::Result<(), QueryError> {
    match answer(reader, question, format, out) {
        Err(QueryError::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

fn answer(
    reader: &Reader,
    question: &str,
    format: Format,
    out: &mut dyn Write,
) -> std::result::Result<(), QueryError> {
    let sql = sql_of(question)?;
    let failed = |error| reader_error(reader, &sql, error);
    let mut statement = reader.connection.prepare(&sql).map_err(failed)?;
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(bad(&sql, "only statements that read are answered").into());
    }
    let names: Vec<String> = statement
        .column_names()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut shown = Shown {
        reader,
        sql: &sql,
        rows: rows(&mut statement).map_err(failed)?,
        count: names.len(),
    };
    match format {
        Format::Csv => csv(&mut shown, &names, out),
        Format::Json => json(&mut shown, &names, out, true),
        Format::JsonLines => json(&mut shown, &names, out, false),
        Format::Table(columns) => table(&mut shown, &names, columns, out),
    }
}

fn rows<'s>(statement: &'s mut Statement<'_>) -> rusqlite::Result<Rows<'s>> {
    statement.query([])
}

/// The rows of an answer, and what to name when one cannot be read.
struct Shown<'a> {
    reader: &'a Reader,
    sql: &'a str,
    rows: Rows<'a>,
    count: usize,
}

impl Shown<'_> {
    /// The next row, each of its values turned by `of`.
    fn next<T>(
        &mut self,
        of: impl Fn(rusqlite::types::ValueRef<'_>) -> T,
    ) -> Result<Option<Vec<T>>> {
        let read = |rows: &mut Rows<'_>| -> rusqlite::Result<Option<Vec<T>>> {
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            (0..self.count)
                .map(|index| Ok(of(row.get_ref(index)?)))
                .collect::<rusqlite::Result<Vec<T>>>()
                .map(Some)
        };
        read(&mut self.rows).map_err(|error| reader_error(self.reader, self.sql, error))
    }
}

/// The statement that a question stands for.
fn sql_of(question: &str) -> Result<String> {
    let question = question.trim();
    if question.is_empty() || question.contains(|c: char| c.is_whitespace() || c == ';' || c == '(')
    {
        return Ok(question.to_owned());
    }
    let name = question.replace('-', "_").to_ascii_lowercase();
    if NAMED_VIEWS.iter().any(|(view, _)| *view == name) {
        return Ok(format!("SELECT * FROM {name}"));
    }
    let names = || NAMED_VIEWS.iter().map(|(view, _)| *view);
    let hint = match nearest(&name, names()) {
        Some(near) => format!("no such view; did you mean {near:?}?"),
        None => format!(
            "neither SQL nor one of {}",
            names().collect::<Vec<_>>().join(", ")
        ),
    };
    Err(bad(question, hint))
}

fn bad(question: &str, message: impl std::fmt::Display) -> Error {
    ConfigError::value("query", question, message).into()
}

fn reader_error(reader: &Reader, sql: &str, error: rusqlite::Error) -> Error {
    use rusqlite::Error as Sql;
    match error {
        Sql::SqlInputError { msg, offset, .. } => {
            let at = usize::try_from(offset)
                .ok()
                .and_then(|offset| sql.get(offset..))
                .filter(|rest| !rest.is_empty());
            let near: String = at.unwrap_or_default().chars().take(20).collect();
            let at = if near.is_empty() {
                String::new()
            } else {
                format!(", at {near:?}")
            };
            let meant = suggest::suggestion(&reader.connection, sql, &msg);
            bad(sql, format!("{msg}{at}{}", meant.unwrap_or_default()))
        }
        Sql::MultipleStatement => bad(sql, "one statement at a time"),
        // An error in the statement, not in the file.
        Sql::SqliteFailure(code, message) if code.extended_code & 0xff == 1 => {
            let message = message.unwrap_or_default();
            let meant = suggest::suggestion(&reader.connection, sql, &message);
            bad(sql, format!("{message}{}", meant.unwrap_or_default()))
        }
        Sql::SqliteFailure(code, _) if code.code == rusqlite::ErrorCode::ReadOnly => {
            bad(sql, "only statements that read are answered")
        }
        other => reader.failed(other),
    }
}

fn csv(
    shown: &mut Shown<'_>,
    names: &[String],
    out: &mut dyn Write,
) -> std::result::Result<(), QueryError> {
    let mut writer = csv::Writer::from_writer(out);
    let write = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    };
    writer.write_record(names).map_err(write)?;
    while let Some(row) = shown.next(cell::csv)? {
        writer.write_record(&row).map_err(write)?;
    }
    Ok(writer.flush()?)
}

fn json(
    shown: &mut Shown<'_>,
    names: &[String],
    out: &mut dyn Write,
    array: bool,
) -> std::result::Result<(), QueryError> {
    let mut before = if array { "[" } else { "" };
    while let Some(row) = shown.next(cell::json)? {
        // Columns keep their order, which a map would not.
        let fields: Vec<String> = names
            .iter()
            .zip(row)
            .map(|(name, value)| format!("{}: {value}", serde_json::json!(name)))
            .collect();
        write!(out, "{before}{{{}}}", fields.join(", "))?;
        before = if array { ",\n " } else { "\n" };
    }
    match (array, before) {
        (true, "[") => writeln!(out, "[]")?,
        (true, _) => writeln!(out, "]")?,
        (false, "\n") => writeln!(out)?,
        (false, _) => {}
    }
    Ok(())
}

fn table(
    shown: &mut Shown<'_>,
    names: &[String],
    columns: Option<usize>,
    out: &mut dyn Write,
) -> std::result::Result<(), QueryError> {
    // A number is told from a text that looks like one, for its place on the right.
    let of = |value: rusqlite::types::ValueRef<'_>| {
        let number = matches!(
            value,
            rusqlite::types::ValueRef::Integer(_) | rusqlite::types::ValueRef::Real(_)
        );
        (cell::printable(&cell::text(value)), number)
    };
    let mut sample = Vec::new();
    while sample.len() < SAMPLE
        && let Some(row) = shown.next(of)?
    {
        sample.push(row);
    }
    let mut widths: Vec<usize> = names.iter().map(|name| cell::width(name)).collect();
    for row in &sample {
        for (width, (text, _)) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell::width(text));
        }
    }
    if let Some(columns) = columns {
        for width in &mut widths {
            *width = (*width).min(MAX_COLUMN);
        }
        squeeze(&mut widths, columns);
    }
    // Only a terminal has an edge: what goes elsewhere goes whole.
    let cut = columns.is_some();
    let header: Vec<(String, bool)> = names
        .iter()
        .map(|name| (cell::printable(name), false))
        .collect();
    line(&header, &widths, cut, out)?;
    let rule: Vec<(String, bool)> = widths
        .iter()
        .map(|width| ("─".repeat(*width), false))
        .collect();
    line(&rule, &widths, cut, out)?;
    for row in &sample {
        line(row, &widths, cut, out)?;
    }
    while let Some(row) = shown.next(of)? {
        line(&row, &widths, cut, out)?;
    }
    Ok(())
}

/// Takes from the widest column until the line fits.
fn squeeze(widths: &mut [usize], columns: usize) {
    loop {
        let whole = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        match widths.iter_mut().max() {
            Some(widest) if whole > columns && *widest > MIN_COLUMN => *widest -= 1,
            _ => return,
        }
    }
}

fn line(
    row: &[(String, bool)],
    widths: &[usize],
    cut: bool,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let mut text = String::new();
    for (index, ((value, number), width)) in row.iter().zip(widths).enumerate() {
        if index > 0 {
            text.push_str("  ");
        }
        let value = if cut {
            cell::fit(value, *width)
        } else {
            value.clone()
        };
        let pad = " ".repeat(width.saturating_sub(cell::width(&value)));
        text.extend(if *number { [pad, value] } else { [value, pad] });
    }
    writeln!(out, "{}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sql() {
        assert_eq!(
            sql_of("broken-links").expect("a view"),
            "SELECT * FROM broken_links"
        );
        assert_eq!(sql_of(" SELECT 1 ").expect("SQL"), "SELECT 1");
        assert!(
            sql_of("broken-link")
                .expect_err("near")
                .to_string()
                .contains("did you mean \"broken_links\"?")
        );
        assert!(
            sql_of("xyzzy")
                .expect_err("far")
                .to_string()
                .contains("neither SQL nor one of pages, resources")
        );
    }

    #[test]
    fn squeezed_to_the_terminal() {
        for (widths, columns, wanted) in [
            ([60, 10, 3], 80, [60, 10, 3]),
            ([90, 40, 3], 80, [37, 36, 3]),
            ([50, 50, 50], 10, [6, 6, 6]),
        ] {
            let mut squeezed = widths;
            squeeze(&mut squeezed, columns);
            assert_eq!(squeezed, wanted);
        }
    }
}
