//! The rows that are exported, one after the other, as fast as SQLite has them.
//!
//! The large views are read in pieces by key, each in a transaction of its own: a crawl that writes meanwhile can
//! copy its log back between two of them. So what they tell is of no single moment, but all of one run.

use std::cell::RefCell;
use std::io;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, Statement};
use tokio_rusqlite::rusqlite;

use super::super::{Reader, query};
use super::Result;
use crate::store::pieces::{self, Pieces};

/// URLs, or requests, of a piece.
const PIECE: i64 = 20_000;

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// The type with which a table's column is declared, where it is one.
    pub(super) declared: Option<String>,
}

/// What takes rows.
pub(super) trait Sink {
    /// The columns come first, once.
    fn columns(&mut self, columns: &[Column]) -> io::Result<()>;

    /// Then each row.
    fn row(&mut self, values: &[ValueRef<'_>]) -> io::Result<()>;
}

/// Hands the rows that a question is answered by to a sink. Answers with how many there were.
pub(super) fn read(reader: &Reader, question: &str, sink: &mut dyn Sink) -> Result<u64> {
    let name = question.trim().replace('-', "_").to_ascii_lowercase();
    if let Some(pieces) = pieces::of(&name) {
        return by_pieces(reader, &pieces, sink);
    }
    let sink = RefCell::new(sink);
    query::each(
        reader,
        question,
        &mut |statement| sink.borrow_mut().columns(&columns(statement)),
        &mut |row, width| take(reader, row, width, *sink.borrow_mut()),
    )
}

/// See [`read`]; of a view that has a key.
fn by_pieces(reader: &Reader, pieces: &Pieces, sink: &mut dyn Sink) -> Result<u64> {
    let failed = |error| reader.failed(error);
    let connection = &reader.connection;
    let run = latest_run(connection).map_err(failed)?;
    let mut statement = connection.prepare(&pieces.rows).map_err(failed)?;
    sink.columns(&columns(&statement))?;
    let width = statement.column_count();
    let mut end_of = connection.prepare(pieces.end).map_err(failed)?;
    let (mut after, mut count) = (i64::MIN, 0);
    while after < i64::MAX {
        let end = end_of.query_row([after, PIECE], |row| row.get(0));
        let end = end.optional().map_err(failed)?.unwrap_or(i64::MAX);
        let mut rows = statement.query([after, end]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(reader, row, width, sink)?;
            count += 1;
        }
        drop(rows);
        // Another run is another crawl: half of one and half of the other is neither.
        if pieces.of_run && latest_run(connection).map_err(failed)? != run {
            let words = "a new run has begun meanwhile: export it anew";
            return Err(io::Error::other(words).into());
        }
        after = end;
    }
    Ok(count)
}

fn latest_run(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.query_row("SELECT max(id) FROM run", [], |row| row.get(0))
}

fn columns(statement: &Statement<'_>) -> Vec<Column> {
    let columns = statement.columns();
    let column = |column: &rusqlite::Column<'_>| Column {
        name: column.name().to_owned(),
        declared: column.decl_type().map(str::to_owned),
    };
    columns.iter().map(column).collect()
}

fn take(reader: &Reader, row: &Row<'_>, width: usize, sink: &mut dyn Sink) -> Result<()> {
    let value = |index| row.get_ref(index).map_err(|error| reader.failed(error));
    // Made anew for each row, for they borrow of it; a few words on the stack for all views.
    let mut few = [ValueRef::Null; WIDE];
    let many: Vec<ValueRef<'_>>;
    let values = if let Some(few) = few.get_mut(..width) {
        for (index, slot) in few.iter_mut().enumerate() {
            *slot = value(index)?;
        }
        &*few
    } else {
        many = (0..width)
            .map(value)
            .collect::<std::result::Result<_, _>>()?;
        &many[..]
    };
    Ok(sink.row(values)?)
}

/// Columns of a row that needs no memory of its own.
const WIDE: usize = 32;
