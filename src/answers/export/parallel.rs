//! Rows as lines, by as many threads as there are cores (`in_turn`): SQLite takes most of the time, and a connection
//! uses one. Lines come in the order of the view.

use std::io::Write;

use super::super::Reader;
use super::Result;
use super::in_turn::{Desk, in_turn, threads};
use super::rows::{self, Walk};
use super::text::{Blocks, Lines};
use crate::store::pieces::Pieces;

/// URLs, or requests, of a piece: of links some megabytes, which fit into a channel.
const PIECE: i64 = 200;

/// Writes the rows of a view that comes in pieces. Answers with how many there were.
pub(super) fn lines(
    reader: &Reader,
    pieces: &Pieces,
    lines: impl Lines + Clone + Sync,
    out: &mut dyn Write,
) -> Result<u64> {
    by(threads(), PIECE, reader, pieces, lines, out)
}

fn by<L: Lines + Clone + Sync>(
    threads: usize,
    piece: i64,
    reader: &Reader,
    pieces: &Pieces,
    mut lines: L,
    out: &mut dyn Write,
) -> Result<u64> {
    let mut head = Vec::new();
    let columns = rows::columns(&rows::prepare(reader, &pieces.rows)?);
    lines.head(&columns, &mut head);
    out.write_all(&head)?;
    let work = |own: &Reader, desk: &Desk<u64>| {
        let mut statement = rows::prepare(own, &pieces.rows)?;
        let mut blocks = Blocks::new(lines.clone(), |bytes| desk.write(bytes));
        for piece in desk.pieces() {
            let count = rows::read_piece(own, &mut statement, piece, &mut blocks)?;
            blocks.finish()?;
            desk.end(count)?;
        }
        Ok(())
    };
    let walk = Walk::new(reader, pieces, piece)?;
    let mut count = 0;
    in_turn(threads, reader, walk, work, |rows| count += rows, out)?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::io;

    use rusqlite::Connection;
    use tokio_rusqlite::rusqlite;

    use super::super::text::Csv;
    use super::*;
    use crate::store::pieces::{self, tests::ROWS};
    use crate::store::schema;

    fn reader() -> (tempfile::TempDir, Reader) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("crawl.db");
        let mut connection = Connection::open(&path).expect("made");
        schema::prepare(&mut connection, || 7).expect("a schema");
        connection.execute_batch(ROWS).expect("rows");
        let reader = Reader::open(&path).expect("opened");
        (directory, reader)
    }

    #[test]
    fn as_one_thread_would() {
        let (_directory, reader) = reader();
        for view in ["pages", "resources", "links", "urls", "requests"] {
            let pieces = pieces::of(view).expect(view);
            let csv = |threads, piece| {
                let mut out = Vec::new();
                let csv = Csv { raw: false };
                let count = by(threads, piece, &reader, &pieces, csv, &mut out).expect(view);
                (String::from_utf8(out).expect("text"), count)
            };
            let whole = csv(1, i64::from(u16::MAX));
            assert_eq!(whole.0.lines().count() as u64, whole.1 + 1);
            assert!(whole.1 > 5);
            for (threads, piece) in [(1, 1), (2, 1), (2, 7), (3, 2), (5, 1), (8, 39)] {
                assert_eq!(csv(threads, piece), whole, "{view} {threads} {piece}");
            }
        }
    }

    #[test]
    fn who_takes_them_fails() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (_directory, reader) = reader();
        let pieces = pieces::of("links").expect("in pieces");
        for writes in 0..9 {
            let csv = Csv { raw: false };
            let done = by(3, 1, &reader, &pieces, csv, &mut Full(writes));
            let error = done.expect_err("full").to_string();
            assert!(error.starts_with("cannot write the answer: "), "{error}");
        }
        // What a thread meets is what is said.
        let pieces = Pieces {
            rows: "SELECT iif(url > 20, json('{'), url) FROM visit WHERE run = 2 AND url > ?1 AND url <= ?2"
                .to_owned(),
            ..pieces
        };
        for threads in 1..5 {
            let mut out = Vec::new();
            let csv = Csv { raw: false };
            let done = by(threads, 3, &reader, &pieces, csv, &mut out);
            let error = done.expect_err("no JSON").to_string();
            assert!(error.ends_with(": malformed JSON"), "{error}");
        }
    }
}
