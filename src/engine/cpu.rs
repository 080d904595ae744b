//! Threads for what is all computing and writing of files, as many as cores. Always the same ones: what
//! they allocate and free stays in as few arenas of the allocator, where tokio's many blocking threads
//! would each keep their own; and a page is read and written without being handed from thread to thread.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when it is dropped and their work is done.
#[derive(Debug)]
pub(super) struct Cpu {
    queue: Arc<Queue>,
    threads: usize,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// Requests in flight bound what waits.
    jobs: VecDeque<Job>,
    /// Threads that wait for a job.
    idle: usize,
    closed: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job, waited for; `None` once there will be no more.
    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

impl Cpu {
    /// Starts the threads.
    pub(super) fn new() -> Self {
        let queue = Arc::new(Queue::default());
        let mut threads = 0;
        for number in 0..super::work::cores() {
            let queue = Arc::clone(&queue);
            let thread = std::thread::Builder::new().name(format!("cpu-{number}"));
            let thread = thread.spawn(move || {
                while let Some(job) = queue.next() {
                    // What panicked has told so itself.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            });
            // Where there is no thread to be had, those that are there do it.
            threads += usize::from(thread.is_ok());
        }
        Self { queue, threads }
    }

    /// Whether every thread has something to do.
    pub(super) fn is_full(&self) -> bool {
        let state = self.queue.state();
        state.idle <= state.jobs.len()
    }

    /// Has a job done: where there is not a single thread, at once and in place.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) {
        if self.threads == 0 {
            return job();
        }
        let mut state = self.queue.state();
        state.jobs.push_back(Box::new(job));
        let wanted = state.idle > 0;
        drop(state);
        // A thread that is awake looks for the next job by itself.
        if wanted {
            self.queue.wake.notify_one();
        }
    }
}

/// So much may wait for the writer before no thread reads on: a page of a megabyte may lead to many megabytes
/// of links.
const MAX_BACKLOG: usize = 4 << 20;
/// How often who waits for the writer looks whether the crawl goes on.
const LOOK: Duration = Duration::from_millis(100);

/// Bytes of what was read and waits for the writer, as the engine last told. The engine itself waits for no
/// thread, so it goes on to write, and who waits here is let go.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: Mutex<usize>,
    wake: Condvar,
}

impl Backlog {
    /// Tells how much it is now.
    pub(super) fn set(&self, bytes: usize) {
        let mut known = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != bytes {
            *known = bytes;
            self.wake.notify_all();
        }
    }

    /// Waits until there is room, or `ended` says that there is nothing to wait for.
    pub(super) fn wait(&self, ended: impl Fn() -> bool) {
        let mut known = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        while *known >= MAX_BACKLOG && !ended() {
            let waited = self.wake.wait_timeout(known, LOOK);
            known = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Cpu {
    fn drop(&mut self) {
        self.queue.state().closed = true;
        self.queue.wake.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn jobs_are_done_whatever_panics() {
        let cpu = Cpu::new();
        let (sender, answers) = channel();
        let cores = super::super::work::cores();
        for number in 0..4 * cores {
            let sender = sender.clone();
            cpu.run(move || {
                assert!(number % 2 == 0, "on purpose");
                sender.send(number).expect("somebody listens");
            });
        }
        // What was begun is done also when nothing more comes.
        drop((cpu, sender));
        let mut done: Vec<usize> = answers.iter().collect();
        done.sort_unstable();
        assert!(
            done.iter().copied().eq((0..4 * cores).step_by(2)),
            "{done:?}"
        );
    }
}
