//! What goes to standard error, written by a thread of its own: a pipe that nobody reads, or a terminal that
//! is held, does not hold the crawl. A reader that is slow is waited for; one that has stopped is not, and
//! what it has missed is counted.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that wait to be written.
const ROOM: usize = 256 << 10;
/// How long somebody who has something to say waits for room, and the end for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// Texts on their way.
#[derive(Default)]
pub(super) struct Outlet {
    state: Mutex<State>,
    /// Told when something comes, and when something is written.
    change: Condvar,
}

#[derive(Default)]
struct State {
    texts: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Whether one is being written right now.
    busy: bool,
    /// Whether nobody took anything for so long that nobody waits any more.
    stuck: bool,
    missed: u64,
    /// Whether there is a thread that writes.
    served: bool,
}

impl Outlet {
    /// Nothing on its way.
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                texts: VecDeque::new(),
                bytes: 0,
                busy: false,
                stuck: false,
                missed: 0,
                served: false,
            }),
            change: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a thread writes; where there is none to be had, everybody writes for themselves.
    pub(super) fn serve(&'static self, write: impl Fn(&[u8]) + Send + 'static) {
        let thread = std::thread::Builder::new().name("talk".to_owned());
        let spawned = thread.spawn(move || {
            loop {
                let text = self.next();
                write(&text);
                self.written(text.len());
            }
        });
        self.state().served = spawned.is_ok();
    }

    /// Takes a text, unless nobody reads. Gives it back where no thread writes.
    pub(super) fn take<'a>(&self, text: &'a [u8]) -> Result<(), &'a [u8]> {
        let mut state = self.state();
        if !state.served {
            return Err(text);
        }
        if !state.stuck {
            state = self.wait(state, |state| state.bytes < ROOM);
        }
        if state.bytes >= ROOM {
            state.stuck = true;
            state.missed += 1;
        } else {
            state.bytes += text.len();
            state.texts.push_back(text.to_vec());
            self.change.notify_all();
        }
        Ok(())
    }

    /// Waits until everything is written, and how much was missed, while somebody reads.
    pub(super) fn flush(&self) {
        let mut before = usize::MAX;
        let mut state = self.state();
        while state.served && state.bytes < before {
            before = state.bytes;
            state = self.wait(state, |state| {
                state.bytes == 0 && !state.busy && state.missed == 0
            });
        }
    }

    /// Waits until something holds, or patience is over.
    fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        holds: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let until = Instant::now() + PATIENCE;
        while !holds(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.change.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    /// The next text; before it, how much was missed.
    fn next(&self) -> Vec<u8> {
        let mut state = self.state();
        loop {
            if let Some(text) = state.texts.pop_front() {
                state.busy = true;
                return text;
            }
            if state.missed > 0 {
                let missed = std::mem::take(&mut state.missed);
                let text = format!("crawl: {missed} lines are missing here: nobody read them\n");
                state.bytes += text.len();
                state.busy = true;
                return text.into_bytes();
            }
            let waited = self.change.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn written(&self, bytes: usize) {
        let mut state = self.state();
        state.bytes -= bytes;
        state.busy = false;
        state.stuck = false;
        self.change.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    #[test]
    fn nobody_waits_for_a_reader_that_has_stopped() {
        static OUTLET: Outlet = Outlet::new();
        assert!(OUTLET.take(b"nobody serves").is_err());
        let (read, reader) = channel::<()>();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        OUTLET.serve(move |text| {
            let _ = reader.recv();
            kept.lock().expect("sound").push(text.to_vec());
        });
        let long = vec![b'x'; ROOM / 4];
        let begun = Instant::now();
        for _ in 0..100 {
            OUTLET.take(&long).expect("served");
        }
        OUTLET.flush();
        assert!(begun.elapsed() < 20 * PATIENCE);
        // It reads again: what was kept, and how much was not.
        drop(read);
        // A flush gives up on whoever is slow; on a busy machine that may be this thread's fellow.
        for _ in 0..100 {
            OUTLET.flush();
            let seen = seen.lock().expect("sound");
            if seen.last().is_some_and(|text| text.starts_with(b"crawl: ")) {
                break;
            }
        }
        let seen = seen.lock().expect("sound");
        let last = String::from_utf8_lossy(seen.last().expect("texts")).into_owned();
        assert_eq!(
            seen.iter().filter(|text| text.len() == long.len()).count(),
            4
        );
        assert_eq!(last, "crawl: 96 lines are missing here: nobody read them\n");
    }
}
