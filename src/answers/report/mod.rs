//! `crawl report`: a crawl at a glance, and what to do about it.
//!
//! 1. `pages`, `pace`, `sections`: three passes in pieces, over the URLs of the run, its requests, its links.
//! 2. `questions`: the views, each asked once for its first rows and its counts (`ask`).
//! 3. `checks`: what of it is to be mended, and `--fail-on`.
//!
//! What a [`Report`] holds is shown by `html` (charts by `draw`) and `markdown`; JSON is the struct itself.

mod ask;
pub mod checks;
mod draw;
mod figures;
mod histogram;
mod html;
mod markdown;
mod pace;
mod pages;
mod questions;
mod sections;
mod words;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

pub use checks::{Finding, Severity, Verdict, judge, threshold};
pub use figures::{
    Bin, ContentType, Depth, Edge, Histogram, Listing, Outcome, Outcomes, Pace, Part, Report, Rows,
    Run, Section, Sections, Status, Step,
};
pub use html::html;
pub use markdown::{ROWS as MARKDOWN_ROWS, markdown};
pub use questions::{Column, Form};

use super::{Reader, status};
use crate::error::Result;
use ask::Asker;
use pages::{Most, Pages};

/// What a report is to be like.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Options<'a> {
    /// Rows of a table, of each kind of problem, at the most.
    pub rows: usize,
    /// What a command must be given to ask this output (` -o DIR`, or nothing).
    pub at: &'a str,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { rows: 100, at: "" }
    }
}

/// Those who help to ask, at the most.
const HELPERS: usize = 3;

/// Reads what a report tells of the latest run; `None` where nothing was ever begun.
///
/// # Errors
/// When the database cannot be read.
pub fn read(reader: &Reader, options: Options<'_>) -> Result<Option<Report>> {
    let Some(status) = status::read(reader)? else {
        return Ok(None);
    };
    // Seeds may be long, and were read.
    let _bound = reader.bound()?;
    let Gathered {
        mut pages,
        sections,
        pace,
        mut answers,
    } = gather(reader, options, status.run)?;
    answers.listings.sort_by_key(|answer| answer.0);
    let mut tables: Vec<Listing> = answers
        .listings
        .into_iter()
        .map(|answer| answer.1)
        .collect();
    let (slow, large) = (pages.slowest.beyond, pages.largest.beyond);
    tables.push(slowest(
        std::mem::take(&mut pages.slowest),
        pages.latencies.count,
        options.at,
    ));
    tables.push(largest(
        std::mem::take(&mut pages.largest),
        pages.sizes.count,
        options.at,
    ));
    let now = jiff::Timestamp::now();
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        made_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        run: run_of(status, answers.live, pages.hosts),
        findings: Vec::new(),
        outcomes: pages.outcomes,
        statuses: pages.statuses,
        pace,
        depths: pages.depths,
        sizes: pages.sizes,
        latencies: pages.latencies,
        content_types: pages.content_types,
        sections,
        slow,
        large,
        remarks: Vec::new(),
        tables,
    };
    report.findings = checks::findings(&report, options.at);
    report.remarks = remarks(&report);
    Ok(Some(report))
}

/// What is read of the database.
struct Gathered {
    pages: Pages,
    sections: Sections,
    pace: Pace,
    answers: Answers,
}

/// Asks everything, with others beside where there are cores for them.
fn gather(reader: &Reader, options: Options<'_>, run: i64) -> Result<Gathered> {
    let next = AtomicUsize::new(0);
    let others = std::thread::available_parallelism().map_or(1, usize::from) - 1;
    let path = &reader.path;
    std::thread::scope(|scope| {
        let help = || help(path, options, &next);
        let helpers: Vec<_> = (0..others.min(HELPERS))
            .filter_map(|_| std::thread::Builder::new().spawn_scoped(scope, help).ok())
            .collect();
        let mut asker = Asker::new(reader);
        let pages = asker.plain(|connection| pages::read(connection, run, options.rows))?;
        let sections = asker.plain(|connection| sections::read(connection, run, &pages.places))?;
        let pace = asker.plain(|connection| pace::read(connection, run))?;
        let mut answers = Answers::default();
        answers.add(&mut asker, options, &next)?;
        for helper in helpers {
            // One that panicked has taken a question with it.
            let helped = helper.join();
            let helped = helped.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            answers.listings.extend(helped.listings);
            answers.live |= helped.live;
        }
        Ok(Gathered {
            pages,
            sections,
            pace,
            answers,
        })
    })
}

/// Answers by the place of their questions.
#[derive(Default)]
struct Answers {
    listings: Vec<(usize, Listing)>,
    live: bool,
}

impl Answers {
    /// Asks what nobody else has taken, one question after the other.
    fn add(
        &mut self,
        asker: &mut Asker<'_>,
        options: Options<'_>,
        next: &AtomicUsize,
    ) -> Result<()> {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(question) = questions::QUESTIONS.get(place) else {
                self.live |= asker.is_live();
                return Ok(());
            };
            let listing = questions::ask(asker, question, options.rows, options.at)?;
            self.listings.push((place, listing));
        }
    }
}

/// Asks beside the others, by a connection of its own. Where there is none to be had, the others ask everything.
fn help(path: &Path, options: Options<'_>, next: &AtomicUsize) -> Result<Answers> {
    let mut answers = Answers::default();
    if let Ok(reader) = Reader::open(path) {
        let _bound = reader.bound()?;
        answers.add(&mut Asker::new(&reader), options, next)?;
    }
    Ok(answers)
}

fn run_of(status: status::Status, live: bool, hosts: u64) -> Run {
    Run {
        run: status.run,
        state: status.state,
        live,
        seeds: status.seeds,
        begun_at: status.begun_at,
        heartbeat_at: status.heartbeat_at,
        starts: status.starts,
        pages: status.pages,
        requests: status.requests,
        bytes: status.bytes,
        queued: status.queued,
        deferred: status.deferred,
        hosts,
    }
}

/// The pages that took longest.
fn slowest(most: Most, total: u64, at: &str) -> Listing {
    let order = "\"SELECT url, status, elapsed_ms FROM pages ORDER BY elapsed_ms DESC\"";
    Listing::of_pages(
        (
            "slowest",
            "Slowest pages",
            "a page, by the time from the start of the last attempt to its last byte",
        ),
        questions::SLOWEST,
        most.into_rows(),
        (total, format!("crawl query{at} {order}")),
    )
}

/// The pages with the longest bodies.
fn largest(most: Most, total: u64, at: &str) -> Listing {
    let order = "\"SELECT url, status, bytes FROM pages WHERE current ORDER BY bytes DESC\"";
    Listing::of_pages(
        (
            "largest",
            "Largest pages",
            "a page, by the length of its body, decoded",
        ),
        questions::LARGEST,
        most.into_rows(),
        (total, format!("crawl query{at} {order}")),
    )
}

impl Listing {
    fn of_pages(
        (name, title, what): (&'static str, &'static str, &'static str),
        columns: &'static [Column],
        rows: Vec<Vec<Value>>,
        (total, query): (u64, String),
    ) -> Self {
        Self {
            name,
            title,
            what,
            total,
            weight: total,
            parts: std::collections::BTreeMap::new(),
            rows: Rows { columns, rows },
            query,
            unasked: None,
        }
    }
}

impl Report {
    /// One of its tables.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Listing> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// What is to be known of the figures.
fn remarks(report: &Report) -> Vec<String> {
    let mut remarks = Vec::new();
    if report.run.live {
        remarks.push(
            "A crawl was writing while this was made: it tells of what was there, and its figures are of no single moment."
                .to_owned(),
        );
    }
    if report.sections.one_in > 1 {
        remarks.push(format!(
            "There are very many links: those between the parts of the site were counted on one page in {}.",
            report.sections.one_in
        ));
    }
    remarks
}
