//! The rows that are exported, one after the other, as fast as SQLite has them.
//!
//! The large views are read in pieces by key, each in a transaction of its own: a crawl that writes meanwhile can
//! copy its log back between two of them. So what they tell is of no single moment, but all of one run.

use std::cell::RefCell;
use std::io;

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, Statement};
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
    if let Some(pieces) = pieces_of(question) {
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

/// The pieces of what is asked for, if it is a view that has a key and may be large.
pub(super) fn pieces_of(question: &str) -> Option<Pieces> {
    let name = question.trim().replace('-', "_").to_ascii_lowercase();
    pieces::of(&name)
}

/// See [`read`]; of a view that has a key.
fn by_pieces(reader: &Reader, pieces: &Pieces, sink: &mut dyn Sink) -> Result<u64> {
    let mut statement = prepare(reader, &pieces.rows)?;
    sink.columns(&columns(&statement))?;
    let mut walk = Walk::new(reader, pieces, PIECE)?;
    let mut count = 0;
    while let Some(piece) = walk.next()? {
        count += read_piece(reader, &mut statement, piece, sink)?;
        walk.done()?;
    }
    Ok(count)
}

/// Hands the rows of a piece to a sink. Answers with how many there were.
pub(super) fn read_piece(
    reader: &Reader,
    statement: &mut Statement<'_>,
    (after, end): Piece,
    sink: &mut dyn Sink,
) -> Result<u64> {
    let failed = |error| reader.failed(error);
    let width = statement.column_count();
    let mut rows = statement.query([after, end]).map_err(failed)?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        take(reader, row, width, sink)?;
        count += 1;
    }
    Ok(count)
}

/// The keys after this one, up to that.
pub(super) type Piece = (i64, i64);

/// The pieces of a view, one after the other.
pub(super) struct Walk<'a> {
    reader: &'a Reader,
    end: Statement<'a>,
    /// The run that it speaks of, where it speaks of one.
    run: Option<Option<i64>>,
    size: i64,
    after: i64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(reader: &'a Reader, pieces: &Pieces, size: i64) -> Result<Self> {
        let run = pieces.of_run.then(|| latest_run(reader)).transpose()?;
        Ok(Self {
            reader,
            end: prepare(reader, pieces.end)?,
            run,
            size,
            after: i64::MIN,
        })
    }

    /// The next piece, `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Piece>> {
        if self.after == i64::MAX {
            return Ok(None);
        }
        let end = self
            .end
            .query_row([self.after, self.size], |row| row.get(0));
        let end = end.optional().map_err(|error| self.reader.failed(error))?;
        let piece = (self.after, end.unwrap_or(i64::MAX));
        self.after = piece.1;
        Ok(Some(piece))
    }

    /// After the rows of a piece were read: another run is another crawl, and half of one and half of the other is
    /// neither.
    pub(super) fn done(&self) -> Result<()> {
        if let Some(run) = self.run
            && latest_run(self.reader)? != run
        {
            let words = "a new run has begun meanwhile: export it anew";
            return Err(io::Error::other(words).into());
        }
        Ok(())
    }
}

pub(super) fn prepare<'a>(reader: &'a Reader, sql: &str) -> Result<Statement<'a>> {
    let statement = reader.connection.prepare(sql);
    Ok(statement.map_err(|error| reader.failed(error))?)
}

fn latest_run(reader: &Reader) -> Result<Option<i64>> {
    let sql = "SELECT max(id) FROM run";
    let run = reader.connection.query_row(sql, [], |row| row.get(0));
    Ok(run.map_err(|error| reader.failed(error))?)
}

pub(super) fn columns(statement: &Statement<'_>) -> Vec<Column> {
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

/// A text, whatever bytes it has.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    let bytes = row.get_ref(column)?.as_bytes_or_null().unwrap_or_default();
    Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}

/// Columns of a row that needs no memory of its own.
const WIDE: usize = 32;
