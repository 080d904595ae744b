//! The violations that were found so far.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use tokio_rusqlite::rusqlite;

use super::asked::Asked;
use super::hosts::Hosts;
use super::report::{Audit, Law, Violation};
use super::starts::Start;
use super::{Micros, time, to_millis};

/// Violations of one law that are listed; all are counted.
const LISTED: u64 = 100_000;

/// What breaks a law, before its URL is looked up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Breach {
    pub(super) law: Law,
    pub(super) beside: Vec<i64>,
    pub(super) found: Option<f64>,
    pub(super) permitted: Option<f64>,
    pub(super) words: String,
}

impl Breach {
    /// Of a request that came too early, by so much of what it had to wait after the last one.
    pub(super) fn too_early(
        law: Law,
        last: Option<i64>,
        early: Micros,
        wait: Micros,
        words: String,
    ) -> Self {
        Self {
            law,
            beside: last.into_iter().collect(),
            found: Some(to_millis(wait - early)),
            permitted: Some(to_millis(wait)),
            words,
        }
    }

    /// Of a request that was one too many.
    pub(super) fn crowd(
        law: Law,
        beside: Vec<i64>,
        flying: usize,
        cap: usize,
        words: String,
    ) -> Self {
        Self {
            law,
            beside,
            found: Some(flying as f64),
            permitted: Some(cap as f64),
            words,
        }
    }
}

/// A time as a reader has it: milliseconds up to ten seconds, seconds beyond.
pub(super) fn ms(time: Micros) -> String {
    if time < 10_000_000 {
        format!("{} ms", (to_millis(time) * 10.0).round() / 10.0)
    } else {
        format!("{} s", (to_millis(time) / 100.0).round() / 10.0)
    }
}

/// All that was found so far.
#[derive(Debug)]
pub(super) struct Findings<'a> {
    connection: &'a Connection,
    counts: BTreeMap<Law, u64>,
    violations: Vec<Violation>,
    left_out: u64,
}

impl<'a> Findings<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            counts: BTreeMap::new(),
            violations: Vec::new(),
            left_out: 0,
        }
    }

    pub(super) fn add(&mut self, violation: Violation) {
        let count = self.counts.entry(violation.law).or_default();
        *count += 1;
        if *count <= LISTED {
            self.violations.push(violation);
        } else {
            self.left_out += 1;
        }
    }

    /// Takes in what a request has broken. Its URL is looked up only now: few requests do.
    pub(super) fn breach(
        &mut self,
        start: &Start,
        asked: &Asked,
        hosts: &mut Hosts,
        breach: Breach,
    ) -> rusqlite::Result<()> {
        let figures = hosts.figures(asked.host);
        figures.violations += 1;
        let host = figures.host.clone();
        let url = self
            .connection
            .prepare_cached("SELECT u.text FROM fetch f JOIN url u ON u.id = f.url WHERE f.id = ?")?
            .query_row([asked.id], |row| row.get(0))
            .optional()?;
        self.add(Violation {
            law: breach.law,
            host: Some(host),
            request: Some(asked.id),
            start: start.id,
            beside: breach.beside,
            url,
            started_at: time(asked.started),
            found: breach.found,
            permitted: breach.permitted,
            words: breach.words,
        });
        Ok(())
    }

    /// Puts them in a report, law by law.
    pub(super) fn into_report(mut self, audit: &mut Audit) {
        self.violations.sort_by_key(|violation| violation.law);
        audit.counts = self.counts;
        audit.violations = self.violations;
        audit.left_out = self.left_out;
    }
}
