//! `crawl audit`: every request of a run checked again, from the database alone.
//!
//! The log says when each request started (after all waits) and ended, by which settings, and what every
//! robots.txt said when. So what `politeness` promised can be held against what was done:
//!
//! 1. `starts`: who asked, within which limits. `copies`: which robots.txt ruled when.
//! 2. `log`: the requests in the order in which they were written; each against `robots`.
//! 3. `check` goes through them in the order of their starts: all of them, host by host, and group by group where
//!    hosts share their limits; `limits` and `shared` hold them to rate, burst, Crawl-delay and what may be in flight
//!    (`pace` counts), `holds` to pauses.
//!
//! Stamps and permits are not the same instant: a request may seem to come early by `TOLERANCE` or a
//! twentieth of the time that it should have waited, whichever is more.

mod asked;
mod check;
mod copies;
mod findings;
mod holds;
mod hosts;
mod html;
mod identity;
mod limits;
mod log;
mod pace;
mod report;
mod robots;
mod shared;
mod starts;
mod text;

use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

pub use html::html;
pub use report::{Audit, HostFigures, Law, Remark, StartFigures, Violation};
pub use starts::Runs;
pub use text::text;

use check::Checker;
use copies::Copies;
use findings::Findings;
use log::Log;
use starts::Starts;

use super::Reader;
use crate::error::Result;

/// Microseconds, since 1970 or of a span, as the tables have them.
type Micros = i64;

/// By so much a request may seem to come too early, at the least.
const TOLERANCE: Micros = 50_000;

/// By how much a request may seem to come too early that had to wait for a time.
fn tolerance(wait: Micros) -> Micros {
    TOLERANCE.max(wait / 20)
}

fn micros(span: Duration) -> Micros {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn to_millis(span: Micros) -> f64 {
    span as f64 / 1e3
}

/// A time as text: UTC, to the microsecond.
fn time(at: Micros) -> String {
    let time = jiff::Timestamp::from_microsecond(at);
    time.map_or_else(|_| at.to_string(), |time| format!("{time:.6}"))
}

/// Checks every request of some runs. `None` where there is no such run.
///
/// # Errors
/// When the database cannot be read.
pub fn read(reader: &Reader, runs: Runs) -> Result<Option<Audit>> {
    audit(&reader.connection, runs).map_err(|error| reader.failed(error))
}

fn audit(connection: &Connection, runs: Runs) -> rusqlite::Result<Option<Audit>> {
    let mut starts = Starts::read(connection, runs)?;
    if starts.list.is_empty() {
        return Ok(None);
    }
    let mut found = Findings::new(connection);
    identity::check(&starts, &mut found);
    let mut copies = Copies::read(connection, &starts)?;
    let mut log = Log::read(connection, &mut starts, &mut copies, &mut found)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut audit = Audit {
        version: env!("CARGO_PKG_VERSION"),
        audited_at: time(now.map_or(0, micros)),
        runs: starts.runs.clone(),
        seeds: starts.seeds.clone(),
        requests: log.asked.len() as u64,
        starts: starts.list.iter().map(starts::Start::figures).collect(),
        remarks: remarks(&starts, &log),
        ..Audit::default()
    };
    let mut checker = Checker::new(&starts, &copies, &mut found);
    checker.all(&mut log, &mut audit)?;
    checker.hosts(&mut log)?;
    checker.groups(&mut log)?;
    audit.hosts = log.hosts.into_figures();
    audit.not_sent = audit.hosts.iter().map(|host| host.not_sent).sum();
    audit.hosts.sort_by(|a, b| {
        let key = |host: &HostFigures| std::cmp::Reverse((host.violations, host.requests));
        key(a).cmp(&key(b)).then_with(|| a.host.cmp(&b.host))
    });
    found.into_report(&mut audit);
    Ok(Some(audit))
}

fn remarks(starts: &Starts, log: &Log) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut remark = |name, number: u64, words: &str| {
        if number > 0 {
            let words = format!("{words}: {number}");
            remarks.push(Remark { name, words });
        }
    };
    remark(
        "ignore_robots",
        log.ignored,
        "requests that were told to ignore robots.txt (ignore-robots), and were not held against it",
    );
    remark(
        "robots_lost",
        log.lost,
        "requests of a time from which not all copies of robots.txt were kept; what it said then is not known",
    );
    remark(
        "unreadable",
        log.unreadable,
        "requests whose URL cannot be read, and that were not held against robots.txt",
    );
    let unlimited = |start: &&starts::Start| start.politeness.rate.interval().is_none();
    remark(
        "unlimited",
        starts.list.iter().filter(unlimited).count() as u64,
        "starts of the program without a limit of rate (rate = \"unlimited\")",
    );
    remarks
}
