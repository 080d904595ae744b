//! Pieces that are worked on by as many threads as there are cores, and written in their order.
//!
//! Each thread has a connection of its own and takes every nth piece; what it writes waits in a channel of bounded
//! size until the pieces before are out. So memory does not grow with what is written.

use std::io::{self, Write};
use std::mem;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::super::{CACHE, Reader};
use super::Result;
use super::rows::{Piece, Walk};
use super::text::ROOM;

/// Blocks that a thread may be ahead.
const AHEAD: usize = 32;
/// Pieces that wait for a thread.
const WAITING: usize = 2;
/// More threads than these do not make a disk faster.
const MOST: usize = 8;

/// What a thread sends.
enum Made<E> {
    Block(Vec<u8>),
    /// The end of a piece, and what there is to say of it.
    End(E),
}

/// The two ends that a thread has: where its pieces come from, and where goes what comes of them.
pub(super) struct Desk<E> {
    jobs: Receiver<Piece>,
    made: SyncSender<Result<Made<E>>>,
}

/// The other two.
struct Worker<E> {
    to_do: SyncSender<Piece>,
    made: Receiver<Result<Made<E>>>,
}

impl<E> Desk<E> {
    /// Pieces, until there are no more or nobody wants them.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> {
        self.jobs.iter()
    }

    /// Takes what is to be written. A row may be long: it goes in parts, so that few of them wait.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let send = |block| self.made.send(Ok(Made::Block(block))).map_err(|_| gone());
        if bytes.len() <= 2 * ROOM {
            return send(mem::take(bytes));
        }
        bytes.chunks(ROOM).try_for_each(|part| send(part.to_vec()))
    }

    /// All of a piece is written.
    pub(super) fn end(&self, said: E) -> io::Result<()> {
        self.made.send(Ok(Made::End(said))).map_err(|_| gone())
    }
}

/// As many threads as there are cores.
pub(super) fn threads() -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    cores.min(MOST)
}

/// Has each piece of a walk worked on by `work`, and writes what comes of it. `end` hears what each has said at its
/// end.
pub(super) fn in_turn<E: Send>(
    threads: usize,
    reader: &Reader,
    walk: Walk<'_>,
    work: impl Fn(&Reader, &Desk<E>) -> Result<()> + Sync,
    end: impl FnMut(E),
    out: &mut dyn Write,
) -> Result<()> {
    let work = &work;
    thread::scope(|scope| {
        let mut workers = Vec::with_capacity(threads);
        for _ in 0..threads {
            let own = Reader::open(&reader.path)?;
            // All of them together may hold what two readers may.
            let cache = 2 * CACHE / i64::try_from(threads).unwrap_or(1);
            let set = own.connection.pragma_update(None, "cache_size", -cache);
            set.map_err(|error| reader.failed(error))?;
            let (to_do, jobs) = sync_channel(WAITING);
            let (results, made) = sync_channel(AHEAD);
            let desk = Desk {
                jobs,
                made: results,
            };
            let at_desk = move || {
                if let Err(error) = work(&own, &desk) {
                    // Where nobody hears it, they have failed before.
                    drop(desk.made.send(Err(error)));
                }
            };
            thread::Builder::new()
                .name("export".to_owned())
                .spawn_scoped(scope, at_desk)?;
            workers.push(Worker { to_do, made });
        }
        gather(walk, &workers, end, out)
    })
}

/// Hands out pieces in turn, and writes what comes of them in the same turn.
fn gather<E>(
    mut walk: Walk<'_>,
    workers: &[Worker<E>],
    mut end: impl FnMut(E),
    out: &mut dyn Write,
) -> Result<()> {
    let (mut handed, mut written) = (0, 0);
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
            return Ok(());
        };
        loop {
            match worker.made.recv().map_err(|_| gone())?? {
                Made::Block(bytes) => out.write_all(&bytes)?,
                Made::End(said) => {
                    end(said);
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
