//! Threads for what is all computing, as many as cores. Always the same ones: what they allocate and free
//! stays in as few arenas of the allocator, where tokio's many blocking threads would each keep their own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when it is dropped and their work is done.
#[derive(Debug)]
pub(super) struct Cpu {
    /// Requests in flight bound what waits in it.
    jobs: Sender<Job>,
    /// Jobs that wait or are under way.
    open: AtomicUsize,
    threads: usize,
}

impl Cpu {
    /// Starts the threads.
    pub(super) fn new() -> Self {
        let threads = super::work::cores();
        let (jobs, waiting) = channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..threads {
            let waiting = Arc::clone(&waiting);
            let thread = std::thread::Builder::new().name(format!("cpu-{number}"));
            // Where there is no thread to be had, those that are there do it; the first is never refused
            // on a machine that has come so far.
            let _ = thread.spawn(move || {
                while let Some(job) = next(&waiting) {
                    // What panicked sends no answer, and whoever waits for it sees that.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            });
        }
        Self {
            jobs,
            open: AtomicUsize::new(0),
            threads,
        }
    }

    /// Whether every thread has something to do.
    pub(super) fn is_full(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= self.threads
    }

    /// Runs a job; `None` if it panicked.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        job: impl FnOnce() -> R + Send + 'static,
    ) -> Option<R> {
        /// Counts also where the wait is given up.
        struct Open<'a>(&'a AtomicUsize);
        impl Drop for Open<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        let _open = Open(&self.open);
        let (answer, answered) = oneshot::channel();
        let job = move || {
            let _ = answer.send(job());
        };
        self.jobs.send(Box::new(job)).ok()?;
        answered.await.ok()
    }
}

fn next(waiting: &Mutex<Receiver<Job>>) -> Option<Job> {
    let waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.recv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_and_panics() {
        let cpu = Cpu::new();
        assert_eq!(cpu.run(|| 1 + 1).await, Some(2));
        for _ in 0..2 * cpu.threads {
            let lost: Option<()> = cpu.run(|| panic!("on purpose")).await;
            assert_eq!(lost, None);
        }
        assert_eq!(cpu.run(|| "still here").await, Some("still here"));
        assert!(!cpu.is_full());
    }
}
