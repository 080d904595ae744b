//! Bodies read and their texts taken, on as many threads as there are cores; handed on in the order in which they
//! were asked for, since FTS5 gathers rows only in theirs.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;

use crate::parse::main_text::{MainText, main_text};
use crate::parse::segment::segment;
use crate::parse::simhash::Simhash;
use crate::store::StoreError;
use crate::store::bodies::Bodies;
use crate::store::search::Entry;

/// Bodies under way, read or waiting for one that is before them.
const WINDOW: usize = 64;
/// Bytes of texts that wait, beyond which no body is begun.
const WAITING: usize = 32 << 20;
/// Of a longer body the beginning is read.
const MAX_BODY: u64 = 16 << 20;

/// A content whose text is wanted.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) version: i64,
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) media_type: Option<String>,
    pub(super) charset: Option<String>,
    pub(super) title: Option<String>,
}

/// What came of the job with this number: what is to be indexed, and the bytes of its text.
type Done = (usize, std::io::Result<(Entry, u64)>);

/// Reads what `more` asks for until that is nothing, and hands each to `take`, in order.
pub(super) fn read_all(
    output: &Path,
    mut more: impl FnMut() -> Result<Vec<Job>, StoreError>,
    mut take: impl FnMut(Entry, u64) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let threads = available_parallelism().map_or(1, usize::from);
    let (give, jobs) = channel::<(usize, Job)>();
    let jobs = Mutex::new(jobs);
    let (tell, done) = channel::<Done>();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (jobs, tell) = (&jobs, tell.clone());
            scope.spawn(move || work(output, jobs, &tell));
        }
        // When this ends, the threads do.
        let give = give;
        drop(tell);
        let mut line = Line::default();
        let mut waiting = Vec::new().into_iter();
        loop {
            while line.has_room() {
                if waiting.len() == 0 {
                    waiting = more()?.into_iter();
                }
                let Some(job) = waiting.next() else { break };
                // The threads live as long as jobs can be given.
                let _ = give.send((line.given, job));
                line.given += 1;
            }
            if line.taken == line.given {
                return Ok(());
            }
            let Ok((number, entry)) = done.recv() else {
                return Ok(());
            };
            let failed = |source| StoreError::File {
                path: output.to_owned(),
                source,
            };
            line.add(number, entry.map_err(failed)?);
            while let Some((entry, bytes)) = line.next() {
                take(entry, bytes)?;
            }
        }
    })
}

/// What was given out, and what has come of it out of turn.
#[derive(Debug, Default)]
struct Line {
    given: usize,
    taken: usize,
    early: BTreeMap<usize, (Entry, u64)>,
    bytes: usize,
}

impl Line {
    fn has_room(&self) -> bool {
        self.given - self.taken < WINDOW && (self.bytes < WAITING || self.given == self.taken)
    }

    fn add(&mut self, number: usize, entry: (Entry, u64)) {
        self.bytes += entry.0.body.len();
        self.early.insert(number, entry);
    }

    fn next(&mut self) -> Option<(Entry, u64)> {
        let entry = self.early.remove(&self.taken)?;
        self.taken += 1;
        self.bytes = self.bytes.saturating_sub(entry.0.body.len());
        Some(entry)
    }
}

/// A thread: until no job comes any more.
fn work(output: &Path, jobs: &Mutex<Receiver<(usize, Job)>>, tell: &Sender<Done>) {
    let mut bodies = Bodies::open(output);
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, job)) = job else { return };
        let read = match &mut bodies {
            Ok(bodies) => read(bodies, &job),
            Err(error) => Err(std::io::Error::new(error.kind(), error.to_string())),
        };
        if tell.send((number, read)).is_err() {
            return;
        }
    }
}

fn read(bodies: &mut Bodies, job: &Job) -> std::io::Result<(Entry, u64)> {
    let mut entry = Entry {
        version: job.version,
        ..Entry::default()
    };
    let Some(body) = bodies.read(&job.file, job.bytes.min(MAX_BODY))? else {
        return Ok((entry, 0));
    };
    let text = || main_text(&body, job.media_type.as_deref(), job.charset.as_deref());
    // A panic over a page is that page's failure.
    let text = catch_unwind(AssertUnwindSafe(text)).ok().flatten();
    let Some(text) = text else {
        return Ok((entry, 0));
    };
    let found = Simhash::of(&text.text);
    entry.reading = Some((found.words, found.hash));
    let title = title_of(job.title.as_deref(), &text);
    segment(title, &mut entry.title);
    segment(&text.headings, &mut entry.headings);
    segment(&text.text, &mut entry.body);
    Ok((entry, text.text.len() as u64))
}

/// The title that a page is found by.
pub(in crate::answers) fn title_of<'a>(stored: Option<&'a str>, text: &'a MainText) -> &'a str {
    stored.or(text.title.as_deref()).unwrap_or_default()
}
