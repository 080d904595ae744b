//! A fixture site: an HTTP/1.1 server in this process, on a port of its own, written by hand so that
//! it can misbehave. It runs on its own thread, so that a test may block; dropping it stops it, and
//! fails the test if a page's generator panicked or a request was malformed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};

use super::connection;
use super::reply::{Fault, Reply, value_of};

/// A request, as its head arrived.
#[derive(Debug, Clone)]
pub struct Hit {
    /// When the last byte of the head had come.
    pub at: Instant,
    /// `GET`, `HEAD`…
    pub method: String,
    /// Path and query, as they were sent.
    pub path: String,
    /// Name and value of each header, as they were sent.
    pub headers: Vec<(String, String)>,
    /// The number of the connection it came on, from 1.
    pub connection: usize,
}

impl Hit {
    /// The value of a header, upper and lower case of its name being one.
    pub fn header(&self, name: &str) -> Option<&str> {
        value_of(&self.headers, name)
    }
}

type Generator = Arc<dyn Fn(&str, usize) -> Option<Reply> + Send + Sync>;

type Guard = Arc<dyn Fn(&Hit) -> Option<Reply> + Send + Sync>;

/// The server. Paths are compared whole, with their query; what nobody set is a 404.
pub struct Site {
    shared: Arc<Shared>,
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the tests and the server's tasks both see.
#[derive(Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    replies: HashMap<String, Vec<Reply>>,
    generator: Option<Generator>,
    guard: Option<Guard>,
    hits: Vec<Hit>,
    counts: HashMap<String, usize>,
    in_flight: usize,
    most_in_flight: usize,
    problems: Vec<String>,
}

impl Site {
    /// Starts a site without pages, on a free port of 127.0.0.1.
    pub fn start() -> Self {
        Self::at("127.0.0.1:0")
    }

    /// Starts a site without pages at an address of this machine.
    pub fn at(address: &str) -> Self {
        let listener = std::net::TcpListener::bind(address).expect(address);
        let port = listener.local_addr().expect("a bound port").port();
        listener
            .set_nonblocking(true)
            .expect("a listener for tokio");
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let state = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                accept(listener, &state, stopped).await;
            });
        });
        Self {
            shared,
            port,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Sets a page: 200, `text/html; charset=utf-8`.
    pub fn page(&self, path: &str, html: &str) {
        self.reply(path, Reply::html(html));
    }

    /// Sets the answer of a path.
    pub fn reply(&self, path: &str, reply: Reply) {
        self.sequence(path, vec![reply]);
    }

    /// Sets the answers of a path, one after another from its next request on; the last is repeated.
    pub fn sequence(&self, path: &str, replies: Vec<Reply>) {
        assert!(!replies.is_empty(), "a sequence of no replies for {path}");
        let mut state = self.shared.lock();
        // Kept last first, so that the next one can be taken off the end.
        state
            .replies
            .insert(path.to_owned(), replies.into_iter().rev().collect());
    }

    /// Makes a path misbehave.
    pub fn misbehave(&self, path: &str, fault: Fault) {
        self.reply(path, Reply::fault(fault));
    }

    /// Sets `/robots.txt`, which is a 404 otherwise.
    pub fn robots(&self, text: &str) {
        self.reply(
            "/robots.txt",
            Reply::new(200)
                .header("Content-Type", "text/plain")
                .body(text),
        );
    }

    /// Sets what is asked for paths that were not set: given the path with its query, and which
    /// request for it this is (from 1). `None` is a 404. There is one such generator a site.
    pub fn dynamic(
        &self,
        generator: impl Fn(&str, usize) -> Option<Reply> + Send + Sync + 'static,
    ) {
        self.shared.lock().generator = Some(Arc::new(generator));
    }

    /// Sets what sees every request first: what it answers is the answer. There is one such guard a site.
    pub fn guard(&self, guard: impl Fn(&Hit) -> Option<Reply> + Send + Sync + 'static) {
        self.shared.lock().guard = Some(Arc::new(guard));
    }

    /// The URL of a path: `http://127.0.0.1:PORT/path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every request so far, in order of arrival.
    pub fn hits(&self) -> Vec<Hit> {
        self.shared.lock().hits.clone()
    }

    /// The requests for one path (with its query).
    pub fn hits_of(&self, path: &str) -> Vec<Hit> {
        self.shared
            .lock()
            .hits
            .iter()
            .filter(|hit| hit.path == path)
            .cloned()
            .collect()
    }

    /// How many requests there were for one path (with its query).
    pub fn count(&self, path: &str) -> usize {
        self.shared.lock().counts.get(path).copied().unwrap_or(0)
    }

    /// The most requests that waited for the end of their answers at one moment.
    pub fn most_in_flight(&self) -> usize {
        self.shared.lock().most_in_flight
    }

    /// Forgets the hits and counts so far; a sequence goes on where it was.
    pub fn forget(&self) {
        let mut state = self.shared.lock();
        state.hits.clear();
        state.counts.clear();
        state.most_in_flight = state.in_flight;
    }

    /// Stops the server and says what went wrong in it.
    fn stop(&mut self) -> Vec<String> {
        drop(self.stop.take());
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            self.shared.problem("the server itself panicked".to_owned());
        }
        std::mem::take(&mut self.shared.lock().problems)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let problems = self.stop();
        if !std::thread::panicking() {
            assert!(problems.is_empty(), "fixture site: {}", problems.join("; "));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what must fail the test.
    pub(super) fn problem(&self, text: String) {
        self.lock().problems.push(text);
    }

    /// Records a request and finds its answer. [`Shared::answered`] must follow.
    pub(super) fn answer(&self, hit: Hit) -> Reply {
        let path = hit.path.clone();
        let mut state = self.lock();
        let count = state.counts.entry(path.clone()).or_default();
        *count += 1;
        let count = *count;
        state.hits.push(hit.clone());
        state.in_flight += 1;
        state.most_in_flight = state.most_in_flight.max(state.in_flight);
        if let Some(guard) = state.guard.clone() {
            drop(state); // a guard may ask the site, or panic
            if let Some(reply) = guard(&hit) {
                return reply;
            }
            state = self.lock();
        }
        if let Some(replies) = state.replies.get_mut(&path) {
            let last = replies.len() - 1;
            return if last == 0 {
                replies[0].clone()
            } else {
                replies.remove(last)
            };
        }
        let generator = state.generator.clone();
        drop(state); // a generator may ask the site, or panic
        generator
            .and_then(|make| make(&path, count))
            .unwrap_or_else(|| Reply::html("<!DOCTYPE html><title>Not found</title>").status(404))
    }

    /// The answer to a request has ended, one way or another.
    pub(super) fn answered(&self) {
        self.lock().in_flight -= 1;
    }
}

/// Takes connections until told to stop; a connection's panic becomes a problem.
async fn accept(listener: TcpListener, shared: &Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    let note = |ended: Result<(), JoinError>| match ended {
        Err(error) if error.is_panic() => {
            let cause = error.into_panic();
            let text = cause.downcast_ref::<String>().cloned();
            let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            shared.problem(format!("a handler panicked: {}", text.unwrap_or_default()));
        }
        _ => {}
    };
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(ended) = connections.join_next() => note(ended),
            taken = listener.accept() => {
                let Ok((stream, _)) = taken else { continue };
                number += 1;
                connections.spawn(connection::serve(stream, number, Arc::clone(shared)));
            }
        }
    }
    while let Some(ended) = connections.try_join_next() {
        note(ended);
    }
}
