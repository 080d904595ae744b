//! `crawl query`: SQL, or the name of a view or a report, in; rows out.

mod each;
mod fault;
mod guard;
mod json;
mod markdown;
mod names;
mod params;
mod record;
mod suggest;
mod table;
mod tokens;

use std::io::Write;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Rows, Statement};
use tokio_rusqlite::rusqlite;

pub(super) use each::each;
pub use fault::Fault;
pub use names::{sql_of, views};
pub use params::Param;

use super::{Reader, cell, named};
use crate::config::nearest;
use crate::error::Error;
use guard::Guard;
use names::{Resolved, resolve};
use tokens::Piece;

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Aligned columns for a terminal of this width, or [`Format::Record`] where they do not fit; `None`: as wide
    /// as they are.
    Table(Option<usize>),
    /// A column a line, for a terminal of this width; `None`: as wide as they are. Leaves NULL out.
    Record(Option<usize>),
    /// RFC 4180, with a line of names.
    Csv,
    /// One array of objects.
    Json,
    /// An object a line.
    JsonLines,
    /// A table of `GitHub`'s Markdown.
    Markdown,
}

/// Why rows could not be had or shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The database cannot be read.
    #[error(transparent)]
    Crawl(#[from] Error),
    /// The question cannot be answered.
    #[error(transparent)]
    Wrong(#[from] Fault),
    /// The answer was not there in time.
    #[error("there was no whole answer within {0:?}")]
    TimedOut(Duration),
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Write(#[from] std::io::Error),
}

type Done<T> = std::result::Result<T, QueryError>;

/// A question: SQL, one statement or several, or the name of a view or a report (`-` and `_` are one).
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    text: &'a str,
    params: &'a [Param],
    timeout: Option<Duration>,
}

impl<'a> Question<'a> {
    /// A question without parameters.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            params: &[],
            timeout: None,
        }
    }

    /// With values for its parameters.
    #[must_use]
    pub fn params(self, params: &'a [Param]) -> Self {
        Self { params, ..self }
    }

    /// It ends as [`QueryError::TimedOut`] when the answer takes longer.
    #[must_use]
    pub fn timeout(self, timeout: Option<Duration>) -> Self {
        Self { timeout, ..self }
    }
}

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Answered {
    /// Rows of all its statements.
    pub rows: u64,
    /// Why there may be none, where that is known.
    pub why_none: Option<&'static str>,
}

/// Answers a question that has no parameters: see [`ask`].
///
/// # Errors
/// As there.
pub fn run(reader: &Reader, question: &str, format: Format, out: &mut dyn Write) -> Done<()> {
    ask(reader, &Question::new(question), format, out).map(|_| ())
}

/// Answers a question, each of its statements in turn, and none if one cannot be. Between the answers stands an
/// empty line; JSON has an array each, JSON Lines nothing.
///
/// # Errors
/// When the SQL is wrong or would write, a parameter has no value, or the answer cannot be written. A reader
/// that went away (a broken pipe) is no error.
pub fn ask(
    reader: &Reader,
    question: &Question<'_>,
    format: Format,
    out: &mut dyn Write,
) -> Done<Answered> {
    match answer(reader, question, format, out) {
        Err(QueryError::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Ok(Answered::default())
        }
        done => done,
    }
}

fn answer(
    reader: &Reader,
    question: &Question<'_>,
    format: Format,
    out: &mut dyn Write,
) -> Done<Answered> {
    let resolved = resolve(reader, question.text)?;
    let (sql, params, why_none) = match resolved {
        Resolved::Sql(sql) => (sql, question.params.to_vec(), None),
        Resolved::View(name) => {
            let why = named::why_empty(&name);
            let sql = format!("SELECT * FROM {name}");
            (sql, question.params.to_vec(), why)
        }
        Resolved::Report(report) => {
            let sql = report.sql.to_owned();
            (sql, report.with_defaults(question.params), None)
        }
    };
    let guard = Guard::new(reader, question.timeout)?;
    let asked = Asked {
        reader,
        guard: &guard,
        sql: &sql,
        params: &params,
    };
    let pieces = asked.check()?;
    let mut answered = Answered::default();
    for (index, piece) in pieces.iter().enumerate() {
        let apart = !matches!(format, Format::Json | Format::JsonLines);
        if index > 0 && apart {
            writeln!(out)?;
        }
        let rows = asked.show(piece, format, why_none, out)?;
        answered.rows += rows;
    }
    answered.why_none = why_none;
    Ok(answered)
}

/// A question on its way.
#[derive(Clone, Copy)]
struct Asked<'a> {
    reader: &'a Reader,
    guard: &'a Guard<'a>,
    sql: &'a str,
    params: &'a [Param],
}

impl<'a> Asked<'a> {
    /// Looks over all statements before the first is answered.
    fn check(&self) -> Done<Vec<Piece<'a>>> {
        let pieces = tokens::pieces(self.sql);
        if pieces.is_empty() {
            return Err(Fault::of("nothing is asked").into());
        }
        let mut used = vec![false; self.params.len()];
        for piece in &pieces {
            if let Some(word) = piece.writing_word() {
                return Err(Fault::at(self.sql, word, ONLY_READING).into());
            }
            let statement = self.prepare(piece)?;
            if !statement.readonly() || statement.column_count() == 0 {
                return Err(Fault::at(self.sql, piece.start, ONLY_READING).into());
            }
            for (_, param) in self.bindings(piece, &statement)? {
                used[param] = true;
            }
        }
        match used.iter().position(|used| !used) {
            None => Ok(pieces),
            Some(at) => Err(idle(&self.params[at], &pieces).into()),
        }
    }

    fn prepare(&self, piece: &Piece<'_>) -> Done<Statement<'a>> {
        let prepared = self.reader.connection.prepare(piece.sql);
        prepared.map_err(|error| self.failed(piece, error))
    }

    /// Which value goes to which of a statement's parameters.
    fn bindings(&self, piece: &Piece<'_>, statement: &Statement<'_>) -> Done<Vec<(usize, usize)>> {
        let mut bindings = Vec::new();
        for index in 1..=statement.parameter_count() {
            let written = statement.parameter_name(index).unwrap_or("?");
            let name = written.trim_start_matches([':', '@', '$', '?']);
            match self.params.iter().position(|param| param.name == name) {
                Some(param) => bindings.push((index, param)),
                None => {
                    let at = piece.find(written).unwrap_or(piece.start);
                    let name = if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty()
                    {
                        "write it as :NAME, and give --param NAME=VALUE".to_owned()
                    } else {
                        format!("give --param {name}=VALUE")
                    };
                    let message = format!("the parameter {written} has no value: {name}");
                    return Err(Fault::at(self.sql, at, message).into());
                }
            }
        }
        Ok(bindings)
    }

    fn show(
        &self,
        piece: &Piece<'_>,
        format: Format,
        why_none: Option<&str>,
        out: &mut dyn Write,
    ) -> Done<u64> {
        let mut statement = self.prepare(piece)?;
        for (index, param) in self.bindings(piece, &statement)? {
            let bound = statement.raw_bind_parameter(index, &self.params[param].value);
            bound.map_err(|error| self.failed(piece, error))?;
        }
        let names = statement.column_names();
        let names = names.into_iter().map(str::to_owned).collect();
        let mut shown = Shown {
            asked: *self,
            piece: *piece,
            rows: statement.raw_query(),
            names,
            taken: 0,
        };
        match format {
            Format::Csv => csv(&mut shown, out)?,
            Format::Json => json::array(&mut shown, out)?,
            Format::JsonLines => json::lines(&mut shown, out)?,
            Format::Markdown => markdown::write(&mut shown, out)?,
            Format::Record(columns) => record::write(&mut shown, columns, out)?,
            Format::Table(columns) => table::write(&mut shown, columns, out)?,
        }
        // Somebody who looks at a screen must not wonder whether more is to come.
        if shown.taken == 0 && matches!(format, Format::Record(Some(_)) | Format::Table(Some(_))) {
            writeln!(out, "{}", none(why_none))?;
        }
        Ok(shown.taken)
    }

    fn failed(&self, piece: &Piece<'_>, error: rusqlite::Error) -> QueryError {
        if let Some(limit) = self.guard.ran_out() {
            return QueryError::TimedOut(limit);
        }
        match fault::of(self.reader, self.sql, piece, error) {
            Ok(fault) => fault.into(),
            Err(error) => self.reader.failed(error).into(),
        }
    }
}

/// A value that nothing asks for is a name with a slip in it.
fn idle(param: &Param, pieces: &[Piece<'_>]) -> Fault {
    let there: Vec<&str> = pieces.iter().flat_map(Piece::params).collect();
    let name = &param.name;
    let hint = match nearest(name, there.iter().copied()) {
        Some(near) => format!("; did you mean {near:?}?"),
        None if there.is_empty() => "; it has no parameters".to_owned(),
        None => format!("; there are :{}", there.join(", :")),
    };
    Fault::of(format!("no parameter :{name} is asked for{hint}"))
}

/// That there are no rows, in words.
#[must_use]
pub fn none(why: Option<&str>) -> String {
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    format!("0 rows{why}")
}

/// What is said of statements that do anything else.
const ONLY_READING: &str = "only statements that read are answered";

/// The rows of an answer, and what to name when one cannot be read.
struct Shown<'a> {
    asked: Asked<'a>,
    piece: Piece<'a>,
    rows: Rows<'a>,
    names: Vec<String>,
    taken: u64,
}

impl Shown<'_> {
    /// The next row, each of its values turned by `of`.
    fn next<T>(&mut self, of: impl Fn(ValueRef<'_>) -> T) -> Done<Option<Vec<T>>> {
        let count = self.names.len();
        let read = |rows: &mut Rows<'_>| -> rusqlite::Result<Option<Vec<T>>> {
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            (0..count)
                .map(|index| Ok(of(row.get_ref(index)?)))
                .collect::<rusqlite::Result<Vec<T>>>()
                .map(Some)
        };
        let row = read(&mut self.rows).map_err(|error| self.asked.failed(&self.piece, error))?;
        self.taken += u64::from(row.is_some());
        Ok(row)
    }
}

fn csv(shown: &mut Shown<'_>, out: &mut dyn Write) -> Done<()> {
    let mut writer = csv::Writer::from_writer(out);
    let write = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    };
    let heads = shown.names.iter();
    let heads = heads.map(|name| cell::csv(ValueRef::Text(name.as_bytes())));
    writer.write_record(heads).map_err(write)?;
    while let Some(row) = shown.next(cell::csv)? {
        writer.write_record(&row).map_err(write)?;
    }
    Ok(writer.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> Reader {
        let connection = rusqlite::Connection::open_in_memory().expect("in memory");
        Reader {
            connection,
            path: "x".into(),
        }
    }

    fn answers(sql: &str, params: &[Param], format: Format) -> Done<(Answered, String)> {
        let mut out = Vec::new();
        let question = Question::new(sql).params(params);
        let answered = ask(&reader(), &question, format, &mut out)?;
        Ok((answered, String::from_utf8(out).expect("text")))
    }

    #[test]
    fn several_statements_in_each_format() {
        let sql = "SELECT 1 AS a; -- one\n;SELECT 'x' AS b WHERE 0; VALUES (2)";
        for (format, wanted) in [
            (Format::Csv, "a\n1\n\nb\n\ncolumn1\n2\n"),
            (Format::Json, "[{\"a\": 1}]\n[]\n[{\"column1\": 2}]\n"),
            (Format::JsonLines, "{\"a\": 1}\n{\"column1\": 2}\n"),
            (
                Format::Markdown,
                "| a |\n| ---: |\n| 1 |\n\n| b |\n| --- |\n\n| column1 |\n| ---: |\n| 2 |\n",
            ),
            (
                Format::Table(None),
                "a\n─\n1\n\nb\n─\n\ncolumn1\n───────\n      2\n",
            ),
            (
                Format::Table(Some(80)),
                "a\n─\n1\n\nb\n─\n0 rows\n\ncolumn1\n───────\n      2\n",
            ),
            (Format::Record(None), "── 1\na  1\n\n\n── 1\ncolumn1  2\n"),
        ] {
            let (answered, text) = answers(sql, &[], format).expect("answers");
            assert_eq!(text, wanted, "{format:?}");
            assert_eq!(answered.rows, 2);
        }
    }

    #[test]
    fn parameters_reach_what_asks_for_them() {
        let params: Vec<Param> = ["n=2", "text='2'", "none=NULL"]
            .iter()
            .map(|param| param.parse().expect("a parameter"))
            .collect();
        let sql = "SELECT :n + 1 AS a, typeof(@text) AS b, $none IS NULL AS c; SELECT :n AS n";
        let (_, text) = answers(sql, &params, Format::JsonLines).expect("answers");
        assert_eq!(text, "{\"a\": 3, \"b\": \"text\", \"c\": 1}\n{\"n\": 2}\n");
        for (sql, wanted) in [
            ("SELECT 1; SELECT :m", "the parameter :m has no value"),
            ("SELECT :n, ?, :text", "the parameter ? has no value: write"),
            ("SELECT :n, ?7, :text", "the parameter ?"),
            ("SELECT :nn, :text, :none", "the parameter :nn has no value"),
            ("SELECT :n, :text", "no parameter :none is asked for"),
            ("SELECT 1", "no parameter :n is asked for; it has no"),
        ] {
            let error = answers(sql, &params, Format::Csv)
                .expect_err(sql)
                .to_string();
            assert!(error.contains(wanted), "{sql}: {error}");
        }
    }
}
