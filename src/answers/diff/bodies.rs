//! Contents, and what their bodies differ in. To read texts is what takes time: that is done by as many threads as
//! there are cores.

use std::path::PathBuf;
use std::thread;

use rusqlite::OptionalExtension;
use tokio_rusqlite::rusqlite;

use super::compare::Judged;
use super::entry::Change;
use super::kinds::{Aspect, Kind};
use super::side::Side;
use super::text;
use crate::store::bodies::Bodies;

/// The most of a body that is compared as text.
const MOST_TEXT: u64 = 64 << 20;
/// The most threads.
const MOST_THREADS: usize = 16;
/// For fewer pairs a thread more is not worth its while.
const PAIRS_A_THREAD: usize = 8;

/// A content, as its row has it.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) id: i64,
    pub(super) digest: Vec<u8>,
    pub(super) bytes: u64,
    pub(super) media_type: Option<String>,
    pub(super) charset: Option<String>,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) language: Option<String>,
    pub(super) canonical: Option<i64>,
    pub(super) directives: Option<String>,
    file: Option<String>,
}

impl Content {
    pub(super) fn read(side: &Side<'_>, version: i64) -> rusqlite::Result<Option<Self>> {
        let mut statement = side.reader.connection.prepare_cached(
            "SELECT id, digest, bytes, media_type, charset, title, description, language, canonical, directives, file
             FROM version WHERE id = ?",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Self {
                id: row.get(0)?,
                digest: row.get(1)?,
                bytes: row.get::<_, i64>(2)?.unsigned_abs(),
                media_type: row.get(3)?,
                charset: row.get(4)?,
                title: row.get(5)?,
                description: row.get(6)?,
                language: row.get(7)?,
                canonical: row.get(8)?,
                directives: row.get(9)?,
                file: row.get(10)?,
            })
        };
        statement.query_row([version], read).optional()
    }

    /// Media type and charset, as a header has them.
    pub(super) fn kind(&self) -> Option<String> {
        let media_type = self.media_type.as_ref()?;
        Some(match &self.charset {
            Some(charset) => format!("{media_type}; charset={charset}"),
            None => media_type.clone(),
        })
    }

    /// Its main text, `None` where it has none; `Err` says why it cannot be told.
    pub(super) fn text(&self, files: Option<&mut Bodies>) -> Result<Option<String>, &'static str> {
        let Some(file) = &self.file else {
            return Err("its body is in no file");
        };
        let bytes = self.bytes.min(MOST_TEXT);
        let read = files.and_then(|files| files.read(file, bytes).ok().flatten());
        let Some(body) = read else {
            return Err("the file of its body is missing");
        };
        let (media_type, charset) = (self.media_type.as_deref(), self.charset.as_deref());
        Ok(text::lines_of(&body, media_type, charset))
    }
}

/// Where bodies are, and how they are compared.
#[derive(Debug)]
pub(super) struct How {
    /// The two outputs.
    pub(super) folders: (PathBuf, PathBuf),
    /// The two runs.
    pub(super) runs: (i64, i64),
    /// Whether other bytes are a change, whatever they say.
    pub(super) bytes: bool,
}

/// Compares the bodies that are still to be compared: then it is known whether anything has changed.
pub(super) fn settle(batch: &mut [Judged], how: &How) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(MOST_THREADS).min(batch.len() / PAIRS_A_THREAD);
    if threads > 1 {
        let size = batch.len().div_ceil(threads);
        thread::scope(|scope| {
            for part in batch.chunks_mut(size) {
                let work = || work(part, how);
                // Where no thread is to be had, it is done below.
                let _ = thread::Builder::new().spawn_scoped(scope, work);
            }
        });
    }
    work(batch, how);
}

fn work(batch: &mut [Judged], how: &How) {
    let open = |folder| Bodies::open(folder).ok();
    let mut files: Option<(Option<Bodies>, Option<Bodies>)> = None;
    for judged in batch {
        if let Some((a, b)) = judged.bodies.take() {
            let files = files.get_or_insert_with(|| (open(&how.folders.0), open(&how.folders.1)));
            compare(
                &mut judged.entry.changes,
                &mut judged.entry.note,
                (&a, &b),
                how,
                files,
            );
            judged.entry.changes.sort_by_key(|change| change.what);
            if judged.entry.changes.is_empty() {
                judged.entry.kind = Kind::Unchanged;
            }
        }
    }
}

/// In what two bodies differ.
fn compare(
    changes: &mut Vec<Change>,
    note: &mut Option<String>,
    (a, b): (&Content, &Content),
    how: &How,
    files: &mut (Option<Bodies>, Option<Bodies>),
) {
    let same_bytes = a.digest == b.digest;
    let mut by_bytes = how.bytes && !same_bytes;
    if !(same_bytes && a.kind() == b.kind()) {
        let mut missing = |run: i64, why: &str| {
            *note = Some(format!("its text is not compared: of run {run} {why}"));
            !same_bytes
        };
        by_bytes |= match (a.text(files.0.as_mut()), b.text(files.1.as_mut())) {
            (Ok(Some(a)), Ok(Some(b))) => {
                let (added, removed) = text::counted(&a, &b);
                if added + removed > 0 || a.trim() != b.trim() {
                    changes.push(Change::counted(Aspect::Text, added, removed));
                }
                false
            }
            // No text: the bytes are what there is to compare.
            (Ok(_), Ok(_)) => !same_bytes,
            (Err(why), _) => missing(how.runs.0, why),
            (_, Err(why)) => missing(how.runs.1, why),
        };
    }
    if by_bytes {
        let size = |content: &Content| Some(content.bytes.to_string());
        changes.push(Change::value(Aspect::Bytes, size(a), size(b)));
    }
}
