//! An answer on its way to somebody who may read it slowly, or has gone for lunch with half of it on the screen.
//!
//! As long as a statement waits for its reader, the database's log cannot be copied back. So while a crawl writes,
//! the rows are taken as fast as they come: into memory, and beyond that into a file without a name.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes that wait in memory.
const MEMORY: usize = 8 << 20;
/// Bytes that are read from the file at a time.
const PIECE: usize = 64 << 10;
/// How often somebody who waits looks whether a crawl writes by now.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Takes what is written to it at once, and has a thread write it out.
pub(super) struct Spool<B> {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    /// Whether somebody else is held up where writing has to wait.
    is_busy: B,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    turned: Condvar,
}

/// What waits, in this order: memory, then the file.
#[derive(Default)]
struct State {
    memory: VecDeque<Vec<u8>>,
    bytes: usize,
    spilt: Option<Spilt>,
    /// Nothing more comes.
    ended: bool,
    failed: Option<ErrorKind>,
}

/// What memory had no room for: of the file, the bytes from `read` to `written`.
struct Spilt {
    file: File,
    read: u64,
    written: u64,
}

impl<B: Fn() -> bool> Spool<B> {
    /// Writes to `out`. While `is_busy` holds, nobody who writes waits for `out`.
    pub(super) fn new(out: impl Write + Send + 'static, is_busy: B) -> Self {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.write_out(out)
        });
        Self {
            shared,
            thread,
            is_busy,
        }
    }

    /// Waits until everything is written.
    pub(super) fn finish(self) -> io::Result<()> {
        self.shared.lock().ended = true;
        self.shared.turned.notify_all();
        let gone = self.thread.join().is_err();
        match self.shared.lock().failed {
            Some(kind) => Err(kind.into()),
            None if gone => Err(ErrorKind::Other.into()),
            None => Ok(()),
        }
    }
}

impl<B: Fn() -> bool> Write for Spool<B> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.shared.lock();
        loop {
            if let Some(kind) = state.failed {
                return Err(kind.into());
            }
            // What stands in the file comes first. Where there is no room for one either, it waits after all.
            let spilt = state.spilt.is_some();
            if !spilt && state.bytes < MEMORY {
                state.memory.push_back(bytes.to_vec());
                state.bytes += bytes.len();
            } else if !(self.is_busy)() || state.spill(bytes).is_err() {
                let waited = self.shared.turned.wait_timeout(state, LOOK_EVERY);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            self.shared.turned.notify_all();
            return Ok(bytes.len());
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_out(&self, mut out: impl Write) {
        loop {
            let next = self.next();
            let done = match &next {
                Ok(None) => return,
                Ok(Some(bytes)) => out.write_all(bytes).and_then(|()| out.flush()),
                Err(error) => Err(error.kind().into()),
            };
            if let Err(error) = done {
                let mut state = self.lock();
                *state = State {
                    failed: Some(error.kind()),
                    ..State::default()
                };
                return self.turned.notify_all();
            }
        }
    }

    /// What is to be written next; `None` at the end.
    fn next(&self) -> io::Result<Option<Vec<u8>>> {
        let mut state = self.lock();
        loop {
            if let Some(next) = state.memory.pop_front() {
                state.bytes -= next.len();
                self.turned.notify_all();
                return Ok(Some(next));
            }
            if let Some(next) = state.unspill()? {
                self.turned.notify_all();
                return Ok(Some(next));
            }
            if state.ended {
                return Ok(None);
            }
            let woken = self.turned.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    fn spill(&mut self, bytes: &[u8]) -> io::Result<()> {
        let spilt = match self.spilt.take() {
            Some(spilt) => spilt,
            None => Spilt {
                file: nameless()?,
                read: 0,
                written: 0,
            },
        };
        let spilt = self.spilt.insert(spilt);
        let written = spilt.file.write_all_at(bytes, spilt.written);
        if written.is_ok() {
            spilt.written += bytes.len() as u64;
        }
        written
    }

    /// The next piece of the file, which goes when all of it was read.
    fn unspill(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(spilt) = &mut self.spilt else {
            return Ok(None);
        };
        let left = spilt.written - spilt.read;
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        spilt.file.read_exact_at(&mut piece, spilt.read)?;
        spilt.read += piece.len() as u64;
        if spilt.read == spilt.written {
            self.spilt = None;
        }
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }
}

/// A file that nobody else can open, and that goes with the process. Not in memory, as /tmp often is.
fn nameless() -> io::Result<File> {
    let given = std::env::var_os("TMPDIR").map(PathBuf::from);
    let usual = ["/var/tmp", "/tmp"].map(PathBuf::from);
    let mut last = ErrorKind::NotFound.into();
    for directory in given.into_iter().chain(usual) {
        let path = directory.join(format!("crawl-{:016x}", fastrand::u64(..)));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match file.and_then(|file| std::fs::remove_file(&path).map(|()| file)) {
            Ok(file) => return Ok(file),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Takes a piece for each word that it is given, and keeps them; fails when there are no more words.
    struct Slow(mpsc::Receiver<()>, mpsc::Sender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| ErrorKind::BrokenPipe)?;
            let _ = self.1.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(number: usize) -> String {
        format!("{number:07} {}\n", "x".repeat(1000))
    }

    /// Three times what memory takes, to a reader who does not read yet.
    #[test]
    fn what_is_written_waits_for_nobody_and_comes_whole() {
        let (words, given) = mpsc::channel();
        let (taken, came) = mpsc::channel();
        let mut spool = Spool::new(Slow(given, taken), || true);
        let lines = 3 * MEMORY / line(0).len();
        for number in 0..lines {
            spool.write_all(line(number).as_bytes()).expect("room");
        }
        assert!(spool.shared.lock().spilt.is_some());
        // It reads on, and catches up; what comes then goes through memory again.
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            while words.send(()).is_ok() {
                match came.recv() {
                    Ok(piece) => all.extend(piece),
                    Err(_) => break,
                }
            }
            all
        });
        while spool.shared.lock().spilt.is_some() {
            std::thread::yield_now();
        }
        spool.write_all(line(lines).as_bytes()).expect("room");
        assert!(spool.shared.lock().spilt.is_none());
        spool.finish().expect("whole");
        let all = String::from_utf8(reader.join().expect("a reader")).expect("text");
        assert!(all.lines().count() == lines + 1);
        for (number, came) in all.lines().enumerate() {
            assert!(came.starts_with(&format!("{number:07} x")), "{number}");
        }
    }

    #[test]
    fn a_reader_who_goes_is_told_to_who_writes() {
        let (words, given) = mpsc::channel::<()>();
        let (taken, _came) = mpsc::channel();
        let mut spool = Spool::new(Slow(given, taken), || false);
        drop(words);
        let broken = loop {
            if let Err(error) = spool.write_all(line(0).as_bytes()) {
                break error;
            }
        };
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
        let end = spool.finish().expect_err("nobody reads");
        assert_eq!(end.kind(), ErrorKind::BrokenPipe);
    }

    /// Without a crawl that is held up, no more than memory is taken.
    #[test]
    fn nothing_is_spilt_for_nobody() {
        let (words, given) = mpsc::channel();
        let (taken, came) = mpsc::channel();
        let mut spool = Spool::new(Slow(given, taken), || false);
        let shared = Arc::clone(&spool.shared);
        let writer = std::thread::spawn(move || {
            for number in 0..2 * MEMORY / line(0).len() {
                spool.write_all(line(number).as_bytes()).expect("room");
            }
            spool.finish()
        });
        while shared.lock().bytes < MEMORY {
            std::thread::yield_now();
        }
        while words.send(()).is_ok() && came.recv().is_ok() {
            let state = shared.lock();
            assert!(state.bytes <= MEMORY + line(0).len() && state.spilt.is_none());
        }
        writer.join().expect("a writer").expect("whole");
    }
}
