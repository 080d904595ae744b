//! The rows of one statement as SQLite has them, for those who write them in a form of their own.

use rusqlite::{Row, Statement};
use tokio_rusqlite::rusqlite;

use super::super::{Reader, named};
use super::{Asked, Done, Fault, Guard, Resolved, resolve};

/// Answers a question of one statement, without parameters: `begin` is told of its columns, `each` of each row. Answers
/// with how many there were.
///
/// # Errors
/// As [`super::ask`], and what the two say.
pub(in crate::answers) fn each(
    reader: &Reader,
    question: &str,
    begin: &mut dyn FnMut(&Statement<'_>) -> std::io::Result<()>,
    each: &mut dyn FnMut(&Row<'_>, usize) -> Done<()>,
) -> Done<u64> {
    let (sql, params) = match resolve(reader, question)? {
        Resolved::Sql(sql) => (sql, Vec::new()),
        Resolved::View(name) => (format!("SELECT * FROM {name}"), Vec::new()),
        Resolved::Report(report) => (
            report.sql.to_owned(),
            named::Report::with_defaults(report, &[]),
        ),
    };
    let guard = Guard::new(reader, None)?;
    let asked = Asked {
        reader,
        guard: &guard,
        sql: &sql,
        params: &params,
    };
    let pieces = asked.check()?;
    let [piece] = &pieces[..] else {
        return Err(Fault::of("one statement at a time").into());
    };
    let mut statement = asked.prepare(piece)?;
    for (index, param) in asked.bindings(piece, &statement)? {
        let bound = statement.raw_bind_parameter(index, &params[param].value);
        bound.map_err(|error| asked.failed(piece, error))?;
    }
    begin(&statement)?;
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    let mut count = 0;
    while let Some(row) = rows.next().map_err(|error| asked.failed(piece, error))? {
        each(row, width)?;
        count += 1;
    }
    Ok(count)
}
