//! The one writer: applies a batch of records in one transaction.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio_rusqlite::rusqlite;

use super::admit::Admitter;
use super::changes::Change;
use super::intern::Interned;
use super::log::{Log, copy_back};
use super::place::Place;
use super::rows::{Written, bare_robots};
use super::seen::Visit;
use super::words::{Decision, Role};
use super::{StoreError, changes, micros, signals};
use crate::canonical::{CanonicalUrl, Host, Origin};
use crate::clock;
use crate::config::{Config, Durability};
use crate::fetched::FetchError;
use crate::frontier::{MoreHosts, Refill, Refilled};
use crate::record::{Fate, Hold, Record, Rewritten, RobotsAnswer};
use crate::request::{Kind, Request, Ticket};

/// What is to be written, and read, in one transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// Outcomes, in the order in which the engine numbered them.
    pub records: Vec<Record>,
    /// Rows of the queue that memory has room for.
    pub refills: Vec<Refill>,
    /// Hosts of the table that memory has room for.
    pub more_hosts: Option<MoreHosts>,
    /// How far hosts are slowed down now.
    pub gaps: Vec<(Host, Option<Duration>)>,
    /// Hosts that are left alone for a time: kept, so that this survives a restart.
    pub holds: Vec<Hold>,
    /// Hosts that are left alone until the next start, and why.
    pub set_aside: Vec<(Host, String)>,
    /// Origins whose robots.txt cannot be had.
    pub unreachable: Vec<Origin>,
    /// Bodies of fetches up to this number are on the disk itself: commit so that this is certain too.
    pub durable_to: Option<i64>,
    /// Nothing is left to do: what the last run had and this one has not met is to be asked for; in a refresh, what
    /// is chosen.
    pub recall: bool,
    /// What the records name in another form than it was written in.
    pub rewritten: Vec<Rewritten>,
    /// Whether the records are to come back once they are committed: somebody listens.
    pub give_back: bool,
}

impl Batch {
    /// Whether bodies were written to files for it.
    pub(super) fn has_files(&self) -> bool {
        let contents = self
            .records
            .iter()
            .filter_map(|record| record.content.as_ref());
        contents.into_iter().any(|content| content.file.is_some())
    }
}

/// What applying a batch has brought.
#[derive(Debug, Default)]
pub struct Applied {
    /// URLs that are new and in.
    pub admitted: Vec<Request>,
    /// URLs that are new and in, but wait for the next start with their host.
    pub deferred: u64,
    /// Redirects to a URL of their own chain, which only the tables could tell.
    pub redirect_loops: u64,
    /// The rows asked for.
    pub refilled: Vec<Refilled>,
    /// Where hosts were asked for: the number of the last one, or none if there are no more.
    pub hosts_read: Option<Option<i64>>,
    /// How many of the last run's URLs were recalled or chosen, if they were.
    pub recalled: Option<u64>,
    /// Where seeds have led that was out of scope until now.
    pub joined: Vec<CanonicalUrl>,
    /// What waited and was put aside as a part of a trap, by host: the store's numbers of the URLs.
    pub(crate) trapped: Vec<(Host, Vec<i64>)>,
    /// URLs whose outcome is in the table now.
    pub settled: Vec<Ticket>,
    /// The number of the last fetch.
    pub last_fetch: i64,
    /// Length of the database's log.
    pub log_bytes: u64,
    /// The records, now committed, if they were to come back.
    pub records: Vec<Record>,
    /// What each of them says beside the run before.
    pub changes: Vec<Option<Change>>,
}

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) run: i64,
    pub(super) start: i64,
    pub(super) admitter: Admitter,
    pub(super) headers: Interned<String>,
    pub(super) last_fetch: i64,
    /// Rows of the queue.
    queued: i64,
    /// Whether pages are counted by host.
    by_host: bool,
    /// Whether every commit is to survive the loss of power.
    full: bool,
    place: Place,
    log: Log,
}

/// What a batch adds to the start's counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) redirect_loops: u64,
    pages: i64,
    pub(super) requests: i64,
    pub(super) bytes: i64,
}

impl Writer {
    pub(super) fn new(
        run: i64,
        start: i64,
        admitter: Admitter,
        last_fetch: i64,
        queued: i64,
        config: &Config,
        database: &Path,
    ) -> Self {
        Self {
            run,
            start,
            admitter,
            headers: Interned::new(),
            last_fetch,
            queued,
            by_host: config.scope.max_pages_per_host.0.is_some(),
            full: config.output.durability == Durability::Full,
            place: Place::of(database),
            log: Log::of(database),
        }
    }

    /// Checks that the database is still where it was. If not, what is committed is copied back first: then
    /// it is whole wherever it is now.
    pub(super) fn check_place(&self, connection: &Connection) -> Result<(), StoreError> {
        self.place.check().inspect_err(|_| {
            let _ = copy_back(connection);
        })
    }

    pub(super) fn apply(
        &mut self,
        connection: &mut Connection,
        mut batch: Batch,
    ) -> Result<Applied, StoreError> {
        self.check_place(connection)?;
        if batch.durable_to.is_some() || self.full {
            connection.pragma_update(None, "synchronous", "FULL")?;
        }
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        self.admitter.new_hosts.clear();
        let mut applied = Applied::default();
        let mut tally = Tally::default();
        self.admitter.now = micros(clock::now());
        for (host, why) in &batch.set_aside {
            self.set_aside(&tx, host, why)?;
        }
        for Hold {
            host,
            until,
            reason,
        } in &batch.holds
        {
            let host = self.admitter.host_id(&tx, host)?;
            tx.prepare_cached("UPDATE host SET hold_until = ?2, hold_reason = ?3 WHERE id = ?1")?
                .execute(params![host, micros(*until), reason])?;
        }
        for (host, gap) in &batch.gaps {
            let host = self.admitter.host_id(&tx, host)?;
            let gap = gap.map(|gap| i64::try_from(gap.as_micros()).unwrap_or(i64::MAX));
            tx.prepare_cached("UPDATE host SET gap_us = ?2 WHERE id = ?1")?
                .execute(params![host, gap])?;
        }
        for origin in &batch.unreachable {
            self.defer_origin(&tx, origin)?;
        }
        for record in &mut batch.records {
            let loops = tally.redirect_loops;
            self.record(&tx, record, &mut tally)?;
            if tally.redirect_loops > loops {
                record.error.get_or_insert(FetchError::RedirectLoop);
            }
            if !record.request.is_robots() && record.fate == Fate::Done {
                applied.settled.push(record.request.ticket);
            }
            if batch.give_back {
                let change = self.change(&tx, record)?;
                applied.changes.push(change);
            }
        }
        for rewritten in &batch.rewritten {
            self.admitter.note_rewritten(&tx, rewritten)?;
        }
        if batch.recall {
            applied.recalled = Some(match self.admitter.budget {
                Some(budget) => self.admitter.choose(&tx, budget)?,
                None => self.admitter.recall(&tx)?,
            });
        }
        for refill in batch.refills {
            applied.refilled.push(self.refill(&tx, refill)?);
        }
        if let Some(more) = batch.more_hosts {
            applied.hosts_read = Some(self.more_hosts(&tx, more, &mut applied.refilled)?);
        }
        self.queued += std::mem::take(&mut self.admitter.enqueued);
        if self.full {
            // The bodies of this batch were synced before it came here.
            batch.durable_to = Some(self.last_fetch);
        }
        tx.prepare_cached(
            "UPDATE start SET heartbeat = ?2, pages = pages + ?3, requests = requests + ?4, bytes = bytes + ?5,
             durable_to = coalesce(?6, durable_to), queued = ?7 WHERE id = ?1",
        )?
        .execute(params![
            self.start,
            self.admitter.now,
            tally.pages,
            tally.requests,
            tally.bytes,
            batch.durable_to,
            self.queued
        ])?;
        tx.commit()?;
        applied.admitted = std::mem::take(&mut self.admitter.admitted);
        applied.deferred = std::mem::take(&mut self.admitter.deferred);
        applied.joined = std::mem::take(&mut self.admitter.joined);
        applied.trapped = std::mem::take(&mut self.admitter.trapped);
        applied.redirect_loops = tally.redirect_loops;
        applied.last_fetch = self.last_fetch;
        if batch.give_back {
            applied.records = batch.records;
        }
        if batch.durable_to.is_some() && !self.full {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
        }
        applied.log_bytes = self.log.keep_short(connection)?;
        Ok(applied)
    }

    /// What a record says beside what the run before had of its URL.
    fn change(&self, tx: &Transaction<'_>, record: &Record) -> rusqlite::Result<Option<Change>> {
        if record.fate != Fate::Done || !record.request.is_visit() {
            return Ok(None);
        }
        changes::of(tx, self.run, record.request.ticket.url)
    }

    fn record(
        &mut self,
        tx: &Transaction<'_>,
        record: &Record,
        tally: &mut Tally,
    ) -> rusqlite::Result<()> {
        if record.request.is_sitemap() {
            return self.sitemap(tx, record, tally);
        }
        let known = if record.request.is_robots() {
            None
        } else {
            let url = record.request.ticket.url;
            self.admitter
                .visit_to(tx, url, &record.request.url)?
                .map(|visit| (url, visit))
        };
        let (url, mut visit) = match known {
            Some(known) => known,
            None => (
                self.admitter.identity(tx, &record.request.url)?,
                Visit::NONE,
            ),
        };
        if visit.decision == Decision::Trapped && record.fate == Fate::Done {
            // It was under way when it was put aside.
            visit = self.admitter.untrap(tx, url, &record.request.url, visit)?;
        }
        self.admitter.begin_page(record);
        let is_final = record.fate == Fate::Done && record.redirect_to.is_none();
        if is_final && record.fetched.is_some() && visit.ends_seed() {
            self.admitter.join(tx, &record.request.url, url)?;
        }
        let written = match &record.fetched {
            Some(fetched) => Some(self.fetch(tx, url, &visit, record, fetched, tally)?),
            None => None,
        };
        if let Some(answer) = &record.robots {
            self.robots(tx, answer)?;
        }
        if known.is_some() {
            self.outcome(tx, url, &visit, record, written, tally)?;
        }
        self.admitter.end_page(tx, record)?;
        if let Some(again) = written.and_then(|written| written.repeat) {
            self.admitter.repeat(tx, again)?;
        }
        self.admitter.settle(tx)
    }

    /// What an attempt, or the decision not to make one, means for the URL and its place in the queue.
    fn outcome(
        &mut self,
        tx: &Transaction<'_>,
        url: i64,
        visit: &Visit,
        record: &Record,
        written: Option<Written>,
        tally: &mut Tally,
    ) -> rusqlite::Result<()> {
        match record.fate {
            Fate::Kept => Ok(()),
            Fate::Retry(at) | Fate::Again(at) => self.again(tx, record, at),
            Fate::Done => {
                self.unqueue(tx, record)?;
                if record.request.kind == Kind::Check && visit.role != Role::Check {
                    // It was only checked, and has turned out to be wanted whole meanwhile.
                    return self.admitter.enqueue(
                        tx,
                        url,
                        record.request.ticket.host,
                        &record.request.url,
                        visit,
                    );
                }
                if let Some(written) = written {
                    self.point(tx, url, &written)?;
                } else {
                    let rule = record.rule.as_deref().unwrap_or("robots.txt");
                    self.admitter.disallow(tx, url, &record.request.url, rule)?;
                }
                tally.pages += i64::from(record.is_counted_page());
                if self.by_host && record.is_counted_page() {
                    tx.prepare_cached("UPDATE host SET pages = pages + 1 WHERE id = ?")?
                        .execute([record.request.ticket.host])?;
                }
                // The links were reached by the depth that was known then; it may be better by now.
                match self.admitter.visit_to(tx, url, &record.request.url)? {
                    Some(now) if now != *visit && now.is_in() => {
                        self.admitter.pass_on(tx, url, &now)
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// Leaves a request in the queue, to be tried again. Its order is its own: no page has a sitemap's.
    pub(super) fn again(
        &self,
        tx: &Transaction<'_>,
        record: &Record,
        at: SystemTime,
    ) -> rusqlite::Result<()> {
        let Request {
            ticket,
            order,
            attempt,
            url,
            ..
        } = &record.request;
        let deferred = self.admitter.deferral(ticket.host, url);
        let attempts = attempt + u32::from(!matches!(record.fate, Fate::Again(_)));
        tx.prepare_cached(
            "UPDATE frontier SET attempt = ?3, not_before = ?4, deferred = ?5 WHERE host = ?1 AND ord = ?2",
        )?
        .execute(params![ticket.host, *order as i64, attempts, micros(at), deferred])
        .map(drop)
    }

    /// Takes a request off the queue.
    pub(super) fn unqueue(
        &mut self,
        tx: &Transaction<'_>,
        record: &Record,
    ) -> rusqlite::Result<()> {
        let gone = tx
            .prepare_cached("DELETE FROM frontier WHERE host = ? AND ord = ?")?
            .execute([record.request.ticket.host, record.request.order as i64])?;
        self.queued -= gone as i64;
        Ok(())
    }

    /// Points the URL's visit to its outcome; to a good one also as such.
    fn point(&self, tx: &Transaction<'_>, url: i64, written: &Written) -> rusqlite::Result<()> {
        tx.prepare_cached(
            "UPDATE visit SET last_fetch = ?3, good_version = coalesce(?4, good_version),
             good_fetch = iif(?5, ?3, good_fetch), carried = 0 WHERE run = ?1 AND url = ?2",
        )?
        .execute(params![
            self.run,
            url,
            written.fetch,
            written.version,
            written.is_good
        ])
        .map(drop)
    }

    fn robots(&mut self, tx: &Transaction<'_>, answer: &RobotsAnswer) -> rusqlite::Result<()> {
        let Ok(url) = answer.origin.robots_url() else {
            return Ok(());
        };
        let host = self.admitter.host_id(tx, &url.host())?;
        let origin: i64 = tx
            .prepare_cached(
                "INSERT INTO origin (host, text) VALUES (?1, ?2) ON CONFLICT (text) DO UPDATE SET host = ?1 RETURNING id",
            )?
            .query_row(params![host, answer.origin.as_str()], |row| row.get(0))?;
        tx.prepare_cached(
            "INSERT INTO robots (fetched, valid_until, status, reachable, body, origin) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            micros(answer.fetched),
            micros(answer.valid_until),
            answer.status,
            answer.reachable,
            bare_robots(&answer.body),
            origin
        ])?;
        let robots = tx.last_insert_rowid();
        tx.prepare_cached("UPDATE origin SET robots = ?2 WHERE id = ?1")?
            .execute([origin, robots])?;
        signals::of_robots(tx, robots, &answer.signals)?;
        if answer.reachable {
            self.admitter
                .met_robots(tx, host, &answer.origin, &answer.body)?;
        }
        Ok(())
    }

    fn set_aside(&mut self, tx: &Transaction<'_>, host: &Host, why: &str) -> rusqlite::Result<()> {
        let id = self.admitter.host_id(tx, host)?;
        let rule = self
            .admitter
            .rule_id(tx, &format!("host set aside: {why}"))?;
        tx.execute(
            "UPDATE host SET set_aside = ?2 WHERE id = ?1",
            params![id, why],
        )?;
        tx.execute(
            "UPDATE frontier SET deferred = ?2 WHERE host = ?1",
            [id, rule],
        )?;
        self.admitter.deferred_hosts.insert(id, rule);
        Ok(())
    }

    fn defer_origin(&mut self, tx: &Transaction<'_>, origin: &Origin) -> rusqlite::Result<()> {
        let Ok(url) = origin.robots_url() else {
            return Ok(());
        };
        let host = self.admitter.host_id(tx, &url.host())?;
        let rule = self.admitter.rule_id(tx, "robots.txt cannot be had")?;
        tx.execute(
            "UPDATE frontier SET deferred = ?2 WHERE host = ?1
             AND (SELECT substr(u.text, 1, ?4) = ?3 FROM url u WHERE u.id = frontier.url)",
            params![
                host,
                rule,
                format!("{origin}/"),
                origin.as_str().len() as i64 + 1
            ],
        )?;
        self.admitter
            .deferred_origins
            .insert(origin.as_str().to_owned(), rule);
        Ok(())
    }
}
