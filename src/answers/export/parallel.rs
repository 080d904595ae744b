//! Rows as lines, by as many threads as there are cores: SQLite takes most of the time, and a connection uses one.
//!
//! Each thread has a connection of its own and takes every nth piece; what it writes waits in a channel of bounded
//! size until the pieces before are out. So lines come in the order of the view, and memory does not grow with them.

use std::io::{self, Write};
use std::mem;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::super::{CACHE, Reader};
use super::Result;
use super::rows::{self, Piece, Walk};
use super::text::{Blocks, Lines};
use crate::store::pieces::Pieces;

/// URLs, or requests, of a piece: of links some megabytes, which fit into a channel.
const PIECE: i64 = 200;
/// Blocks that a thread may be ahead.
const AHEAD: usize = 32;
/// Pieces that wait for a thread.
const WAITING: usize = 2;
/// More threads than these do not make a disk faster.
const MOST: usize = 8;

/// What a thread sends.
enum Made {
    Block(Vec<u8>),
    /// The end of a piece, and how many rows it had.
    End(u64),
}

/// The two ends that whoever gathers has of a thread.
struct Worker {
    to_do: SyncSender<Piece>,
    made: Receiver<Result<Made>>,
}

/// Writes the rows of a view that comes in pieces. Answers with how many there were.
pub(super) fn lines(
    reader: &Reader,
    pieces: &Pieces,
    lines: impl Lines + Clone + Send,
    out: &mut dyn Write,
) -> Result<u64> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    by(cores.min(MOST), PIECE, reader, pieces, lines, out)
}

fn by<L: Lines + Clone + Send>(
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
    thread::scope(|scope| {
        let mut workers = Vec::with_capacity(threads);
        for _ in 0..threads {
            let (sql, own, lines) = (&pieces.rows, Reader::open(&reader.path)?, lines.clone());
            // All of them together may hold what two readers may.
            let cache = 2 * CACHE / i64::try_from(threads).unwrap_or(1);
            let set = own.connection.pragma_update(None, "cache_size", -cache);
            set.map_err(|error| reader.failed(error))?;
            let (to_do, jobs) = sync_channel(WAITING);
            let (results, made) = sync_channel(AHEAD);
            thread::Builder::new()
                .name("export".to_owned())
                .spawn_scoped(scope, move || work(&own, sql, lines, &jobs, &results))?;
            workers.push(Worker { to_do, made });
        }
        gather(Walk::new(reader, pieces, piece)?, &workers, out)
    })
}

/// Hands out pieces in turn, and writes what comes of them in the same turn.
fn gather(mut walk: Walk<'_>, workers: &[Worker], out: &mut dyn Write) -> Result<u64> {
    let (mut handed, mut written, mut count) = (0, 0, 0);
    let turn = |number: usize| workers.iter().cycle().nth(number % workers.len());
    loop {
        while handed < written + workers.len() * WAITING
            && let Some(worker) = turn(handed)
            && let Some(piece) = walk.next()?
        {
            // Where it is gone, what it said is still to be read.
            let _ = worker.to_do.send(piece);
            handed += 1;
        }
        let Some(worker) = turn(written).filter(|_| written < handed) else {
            return Ok(count);
        };
        loop {
            match worker.made.recv().map_err(|_| gone())?? {
                Made::Block(bytes) => out.write_all(&bytes)?,
                Made::End(rows) => {
                    count += rows;
                    break;
                }
            }
        }
        walk.done()?;
        written += 1;
    }
}

/// A thread that is gone before its work is done has said why, unless it panicked.
fn gone() -> io::Error {
    io::Error::other("a thread that read for it has ended")
}

/// Takes pieces until there are no more, or nobody wants them.
fn work(
    reader: &Reader,
    sql: &str,
    lines: impl Lines,
    jobs: &Receiver<Piece>,
    results: &SyncSender<Result<Made>>,
) {
    let send = |made| results.send(Ok(made)).map_err(|_| gone());
    let mut blocks = Blocks::new(lines, |bytes| send(Made::Block(mem::take(bytes))));
    let mut each = || -> Result<()> {
        let mut statement = rows::prepare(reader, sql)?;
        for piece in jobs {
            let count = rows::read_piece(reader, &mut statement, piece, &mut blocks)?;
            blocks.finish()?;
            send(Made::End(count))?;
        }
        Ok(())
    };
    if let Err(error) = each() {
        // Where nobody hears it, they have failed before.
        drop(results.send(Err(error)));
    }
}

#[cfg(test)]
mod tests {
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
