//! `crawl diff`: what has become of each URL from one run to another, or from one crawl to another.
//!
//! Both lists of URLs are gone through together, a piece at a time: memory does not grow with them, and a crawl that
//! writes meanwhile is held up by nobody. What is found waits in a database without a name until all is known: how many
//! there are of each kind, and what of that which is gone has only moved.

mod bodies;
mod compare;
mod detail;
mod entry;
mod headers;
mod html;
mod kinds;
mod links;
mod map;
mod markdown;
mod moves;
mod runs;
mod scratch;
mod side;
mod table;
mod text;
mod write;

use serde::Serialize;
use tokio_rusqlite::rusqlite;

pub use detail::{Detail, Facts, detail};
pub use entry::{Change, Entry, Outcome};
pub use kinds::{Aspect, Kind};
pub use links::Link;
pub use map::Map;
pub use runs::{Asked, Pair, Run};
pub use write::{Format, Shown, write, write_detail};

use crate::error::{Error, Result};
use crate::store::words::Role;
use compare::{Compared, Judged};
use scratch::Scratch;
use side::{Met, Side};

/// So many URLs are compared from one word of how far it is to the next.
const WATCHED: u64 = 500;

/// Pages whose bodies are compared at a time.
const PENDING: usize = 256;

/// How it is compared.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// Whether other bytes are a change, too, where the text is the same.
    pub bytes: bool,
    /// Whether assets and checked URLs are compared, and not only pages.
    pub resources: bool,
    /// Whether what is no difference is listed, too: what is unchanged, or was not asked for.
    pub all: bool,
    /// URLs that are taken for others.
    pub map: Vec<Map>,
}

/// How many URLs there are of each kind, and how many differ in what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    kinds: [u64; Kind::ALL.len()],
    aspects: [u64; Aspect::ALL.len()],
}

impl Counts {
    /// URLs of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        self.kinds[kind as usize]
    }

    /// URLs that are changed in this.
    #[must_use]
    pub fn in_what(&self, aspect: Aspect) -> u64 {
        self.aspects[aspect as usize]
    }

    /// Whether there is a difference.
    #[must_use]
    pub fn differ(&self) -> bool {
        let kinds = Kind::ALL.iter().map(|row| row.0);
        kinds
            .filter(|kind| kind.is_difference())
            .any(|kind| self.of(kind) > 0)
    }

    /// How many are changed in what: `title 3, text 12`; `None` where nothing is.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        let aspects = Aspect::ALL.iter();
        let parts: Vec<String> = aspects
            .map(|(aspect, word)| (word, self.in_what(*aspect)))
            .filter(|(_, count)| *count > 0)
            .map(|(word, count)| format!("{word} {count}"))
            .collect();
        Some(parts.join(", ")).filter(|words| !words.is_empty())
    }

    /// Those of one URL alone.
    #[must_use]
    pub fn of_one(entry: &Entry) -> Self {
        let mut counts = Self::default();
        counts.count(entry);
        counts
    }

    fn count(&mut self, entry: &Entry) {
        self.kinds[entry.kind as usize] += 1;
        for change in &entry.changes {
            self.aspects[change.what as usize] += 1;
        }
    }
}

impl Serialize for Counts {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        let kinds = Kind::ALL.iter().map(|row| (row.1, self.of(row.0)));
        serializer.collect_map(kinds)
    }
}

/// What two runs differ in.
#[derive(Debug)]
pub struct Diff<'p> {
    pair: &'p Pair,
    scratch: Scratch,
    looked_at: u64,
    /// Pages whose bodies are still to be compared.
    pending: Vec<Judged>,
    /// So many of each kind.
    pub counts: Counts,
    /// What is to be known of the whole.
    pub notes: Vec<String>,
}

/// Compares two runs; `watch` hears now and then how many URLs are done.
///
/// # Errors
/// When a database cannot be read, or there is no room for what is found.
pub fn compare<'p>(
    pair: &'p Pair,
    options: &Options,
    watch: &mut dyn FnMut(u64),
) -> Result<Diff<'p>> {
    pair.refuse_itself(options)?;
    let _bounds = (pair.earlier().bound()?, pair.later().bound()?);
    let mut diff = || {
        let compared = Compared::new(pair, options)?;
        let mut diff = Diff {
            pair,
            scratch: Scratch::new()?,
            looked_at: 0,
            pending: Vec::new(),
            counts: Counts::default(),
            notes: notes(pair),
        };
        if compared.is_one {
            diff.walk(&compared, watch)?;
        } else {
            diff.walk_two(&compared, watch)?;
        }
        diff.settle(&compared)?;
        let found = moves::find(&compared, &diff.scratch)?;
        let counts = &mut diff.counts.kinds;
        counts[Kind::Gone as usize] -= found.moved;
        counts[Kind::Moved as usize] += found.moved;
        counts[Kind::New as usize] -= found.joined;
        if found.joined > 0 {
            diff.notes.push(format!(
                "{} new URLs are where something has moved to: they are told there",
                found.joined
            ));
        }
        let order = "CREATE INDEX entry_in_order ON entry (kind, url)";
        diff.scratch.connection.execute_batch(order)?;
        Ok(diff)
    };
    diff().map_err(|error| pair.failed(error))
}

impl<'r> Compared<'r> {
    fn new(pair: &'r Pair, options: &'r Options) -> rusqlite::Result<Self> {
        Ok(Self {
            before: Side::new(pair.earlier(), pair.before.run, &options.map)?,
            after: Side::new(pair.later(), pair.after.run, &options.map)?,
            // One under two names is found by name, too.
            is_one: pair.is_one() && options.map.is_empty(),
            same_log: pair.is_one() && pair.before.run != pair.after.run,
            options,
        })
    }
}

impl Pair {
    fn failed(&self, error: rusqlite::Error) -> Error {
        if !self.is_one()
            && self
                .earlier()
                .connection
                .query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
                .is_ok_and(|said| said == "ok")
        {
            return self.later().failed(error);
        }
        self.earlier().failed(error)
    }
}

/// What is to be known of two runs before they are compared.
fn notes(pair: &Pair) -> Vec<String> {
    let mut notes = Vec::new();
    let (before, after) = (&pair.before, &pair.after);
    if pair.is_one() && before.run == after.run {
        notes.push(format!("run {} is compared with itself", after.run));
    }
    if !after.is_whole() {
        let name = after.name();
        notes.push(match after.state.as_str() {
            "running" => format!("{name} is still running: this is how far it is; what it has not asked for yet is no difference"),
            state => format!("{name} was {state} before its end: what it has not asked for is no difference"),
        });
    }
    if !before.is_whole() {
        let (name, state) = (before.name(), &before.state);
        notes.push(format!(
            "{name} was {state} before its end: what it has not met counts as new"
        ));
    }
    notes
}

impl Diff<'_> {
    /// The two runs.
    #[must_use]
    pub fn runs(&self) -> (&Run, &Run) {
        (&self.pair.before, &self.pair.after)
    }

    /// Tells of the URLs of these kinds, by kind and URL, so many of each at the most.
    ///
    /// # Errors
    /// What `tell` fails with, or when what was found cannot be read.
    pub fn each<E: From<Error>>(
        &self,
        kinds: &[Kind],
        limit: u64,
        mut tell: impl FnMut(Entry) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut failed = None;
        for kind in kinds {
            let done = self.scratch.each(*kind, limit, |entry| {
                tell(entry).map_err(|error| {
                    failed = Some(error);
                    rusqlite::Error::QueryReturnedNoRows
                })
            });
            match (done, failed.take()) {
                (_, Some(error)) => return Err(error),
                (Err(error), None) => return Err(self.pair.failed(error).into()),
                (Ok(()), None) => {}
            }
        }
        Ok(())
    }

    /// Finds out what has become of a URL, and keeps it.
    fn look(
        &mut self,
        compared: &Compared<'_>,
        before: Option<Met>,
        after: Option<Met>,
        watch: &mut dyn FnMut(u64),
    ) -> rusqlite::Result<()> {
        self.looked_at += 1;
        if self.looked_at.is_multiple_of(WATCHED) {
            watch(self.looked_at);
        }
        if !compared.options.resources && !is_page(before, after) {
            return Ok(());
        }
        match compared.judge(before, after)? {
            None => Ok(()),
            Some(judged) if judged.bodies.is_none() => self.take(&judged, compared.options),
            Some(judged) => {
                self.pending.push(judged);
                if self.pending.len() < PENDING {
                    return Ok(());
                }
                self.settle(compared)
            }
        }
    }

    fn take(&mut self, judged: &Judged, options: &Options) -> rusqlite::Result<()> {
        self.counts.count(&judged.entry);
        if judged.entry.kind.is_difference() || options.all {
            self.scratch.keep(judged)?;
        }
        Ok(())
    }

    /// Compares the bodies that are still to be compared.
    fn settle(&mut self, compared: &Compared<'_>) -> rusqlite::Result<()> {
        let mut batch = std::mem::take(&mut self.pending);
        bodies::settle(&mut batch, &compared.how());
        for judged in &batch {
            self.take(judged, compared.options)?;
        }
        Ok(())
    }

    /// Two runs of one database: both lists are in the order of their numbers.
    fn walk(
        &mut self,
        compared: &Compared<'_>,
        watch: &mut dyn FnMut(u64),
    ) -> rusqlite::Result<()> {
        let (mut befores, mut afters) = (List::default(), List::default());
        loop {
            let (a, b) = (
                befores.peek(&compared.before)?,
                afters.peek(&compared.after)?,
            );
            let (before, after) = match (a, b) {
                (None, None) => return Ok(()),
                (Some(a), Some(b)) if a.url == b.url => (befores.take(), afters.take()),
                (Some(a), b) if b.is_none_or(|b| a.url < b.url) => {
                    let after = compared.after.known(a.url, compared.before.run)?;
                    (befores.take(), after)
                }
                (_, Some(b)) => (compared.before.known(b.url, 0)?, afters.take()),
                (Some(_), None) => return Ok(()),
            };
            self.look(compared, before, after, watch)?;
        }
    }

    /// Runs of two databases: their URLs are brought together by name first.
    fn walk_two(
        &mut self,
        compared: &Compared<'_>,
        watch: &mut dyn FnMut(u64),
    ) -> rusqlite::Result<()> {
        let mut twice = 0_u64;
        for is_before in [true, false] {
            let mut list = List::default();
            let side = if is_before {
                &compared.before
            } else {
                &compared.after
            };
            while list.peek(side)?.is_some() {
                let Some(met) = list.take() else { break };
                let ids = if is_before {
                    (Some(met.url), None)
                } else {
                    (None, Some(met.url))
                };
                twice += u64::from(self.scratch.pair(&side.key(met.url)?, ids)?);
            }
        }
        if twice > 0 {
            self.notes.push(format!(
                "{twice} URLs were left out: --map makes them the same as others of their crawl"
            ));
        }
        let mut last = String::new();
        loop {
            let pairs = self.scratch.pairs(&last)?;
            let Some((key, _)) = pairs.last() else {
                return Ok(());
            };
            last.clone_from(key);
            for (_, ids) in pairs {
                let met = |side: &Side<'_>, id: Option<i64>| match id {
                    Some(id) => side.at(side.run, id),
                    None => Ok(None),
                };
                let (before, after) = (met(&compared.before, ids.0)?, met(&compared.after, ids.1)?);
                self.look(compared, before, after, watch)?;
            }
        }
    }
}

/// Whether a URL is a page in either run. What only the run before has met is what it was there.
fn is_page(before: Option<Met>, after: Option<Met>) -> bool {
    let roles = [after, before].into_iter().flatten().map(|met| met.role());
    let mut known = roles.filter(|role| !matches!(role, Role::Known | Role::Shut));
    known.next().is_none_or(|role| role == Role::Page)
}

/// The URLs of a run that have an outcome, a piece at a time.
#[derive(Debug, Default)]
struct List {
    piece: std::collections::VecDeque<Met>,
    last: Option<i64>,
    ended: bool,
}

impl List {
    fn peek(&mut self, side: &Side<'_>) -> rusqlite::Result<Option<Met>> {
        if self.piece.is_empty() && !self.ended {
            self.piece = side.piece(self.last)?;
            self.ended = self.piece.is_empty();
            self.last = self.piece.back().map(|met| met.url).or(self.last);
        }
        Ok(self.piece.front().copied())
    }

    fn take(&mut self) -> Option<Met> {
        self.piece.pop_front()
    }
}
