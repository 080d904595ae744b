//! `crawl query`: SQL, or the name of a view, in; rows out.

use std::io::Write;

use rusqlite::types::ValueRef;
use rusqlite::{Rows, Statement};
use tokio_rusqlite::rusqlite;

use super::{Reader, cell, suggest, table};
use crate::config::{ConfigError, nearest};
use crate::error::{Error, Result};
use crate::store::views::NAMED_VIEWS;

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
    let sql = sql_of(reader, question)?;
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
        Format::Table(columns) => table::write(&mut shown, &names, columns, out),
    }
}

fn rows<'s>(statement: &'s mut Statement<'_>) -> rusqlite::Result<Rows<'s>> {
    statement.query([])
}

/// The rows of an answer, and what to name when one cannot be read.
pub(super) struct Shown<'a> {
    reader: &'a Reader,
    sql: &'a str,
    rows: Rows<'a>,
    count: usize,
}

impl Shown<'_> {
    /// The next row, each of its values turned by `of`.
    pub(super) fn next<T>(
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
fn sql_of(reader: &Reader, question: &str) -> Result<String> {
    let question = question.trim();
    if question.is_empty() || question.contains(|c: char| c.is_whitespace() || c == ';' || c == '(')
    {
        return Ok(question.to_owned());
    }
    let name = question.replace('-', "_").to_ascii_lowercase();
    let known = views(reader)?;
    if known.iter().any(|(view, _)| *view == name) {
        return Ok(format!("SELECT * FROM {name}"));
    }
    let names = || known.iter().map(|(view, _)| view.as_str());
    let hint = match nearest(&name, names()) {
        Some(near) => format!("no such view; did you mean {near:?}?"),
        None => format!(
            "neither SQL nor one of {}",
            names().collect::<Vec<_>>().join(", ")
        ),
    };
    Err(bad(question, hint))
}

/// The views of a database, with what each answers: those of every database, and one for each set of fields.
///
/// # Errors
/// When the database cannot be read.
pub fn views(reader: &Reader) -> Result<Vec<(String, String)>> {
    let named = NAMED_VIEWS.iter();
    let mut views: Vec<(String, String)> = named
        .map(|(view, what)| ((*view).to_owned(), (*what).to_owned()))
        .collect();
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'view' AND name GLOB 'fields_*' ORDER BY name";
    let of_sets = reader.connection.prepare(sql).and_then(|mut statement| {
        let names = statement.query_map([], |row| row.get::<_, String>(0))?;
        names.collect::<rusqlite::Result<Vec<String>>>()
    });
    let of_sets = of_sets.map_err(|error| reader.failed(error))?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    views.extend(
        of_sets
            .into_iter()
            .filter(|name| name.chars().all(plain))
            .map(|name| {
                let set = name.trim_start_matches("fields_");
                let what = format!("the fields of the set {set:?}, one page a row");
                (name, what)
            }),
    );
    Ok(views)
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
            if message.starts_with("cannot modify") {
                return bad(sql, "only statements that read are answered");
            }
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
    let heads = names.iter().map(|name| ValueRef::Text(name.as_bytes()));
    writer.write_record(heads.map(cell::csv)).map_err(write)?;
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
        let fields = cell::plain_json(&fields.join(", "));
        write!(out, "{before}{{{fields}}}")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sql() {
        let reader = Reader {
            connection: rusqlite::Connection::open_in_memory().expect("in memory"),
            path: "x".into(),
        };
        assert_eq!(
            sql_of(&reader, "broken-links").expect("a view"),
            "SELECT * FROM broken_links"
        );
        assert_eq!(sql_of(&reader, " SELECT 1 ").expect("SQL"), "SELECT 1");
        assert!(
            sql_of(&reader, "broken-link")
                .expect_err("near")
                .to_string()
                .contains("did you mean \"broken_links\"?")
        );
        assert!(
            sql_of(&reader, "xyzzy")
                .expect_err("far")
                .to_string()
                .contains("neither SQL nor one of pages, resources")
        );
    }
}
