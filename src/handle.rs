//! A crawl under way, as the program that started it holds it.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::engine::Summary;
use crate::error::{Error, Result};
use crate::stats::Snapshot;
use crate::store::StoreError;

/// A crawl under way in a task of its own: a future of its [`Summary`].
///
/// To drop it stops the crawl as [`stop`](Self::stop) does, so that no crawl goes on that nobody can stop;
/// the task needs its runtime for the few seconds until then. A crawl that is to go on alone is
/// `tokio::spawn(crawl.run())`.
#[derive(Debug)]
#[must_use = "to drop it stops the crawl"]
pub struct Handle {
    task: JoinHandle<Result<Summary>>,
    stop: watch::Sender<bool>,
    snapshots: watch::Receiver<Snapshot>,
    output: PathBuf,
}

impl Handle {
    pub(crate) fn new(
        task: JoinHandle<Result<Summary>>,
        stop: watch::Sender<bool>,
        snapshots: watch::Receiver<Snapshot>,
        output: PathBuf,
    ) -> Self {
        Self {
            task,
            stop,
            snapshots,
            output,
        }
    }

    /// Stops the crawl, as the first Ctrl-C stops the program: no request starts any more, and those under
    /// way have `stop-grace` to end. Await the handle for the end; the same crawl begun again goes on.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Where the crawl stands; renewed a few times a second.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshots.borrow().clone()
    }

    /// The same, to wait for the next one.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.clone()
    }
}

impl Future for Handle {
    type Output = Result<Summary>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(context).map(|ended| {
            // A panic of ours, or the end of the runtime.
            ended.unwrap_or_else(|_| {
                Err(Error::Store {
                    path: self.output.clone(),
                    source: StoreError::Gone,
                })
            })
        })
    }
}
