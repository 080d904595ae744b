//! The loop: owns the frontier, starts what may start, gives the writer its batches, and knows the end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, watch};

use super::Limit;
use super::arrivals::disallowed;
use super::deliver::Delivery;
use super::work::{self, Event, Tools, Worker};
use crate::clock;
use crate::config::{Change, Config};
use crate::fetched::FetchError;
use crate::frontier::{Frontier, Next, Paces, Remembered, Room, Settings};
use crate::record::{Record, StoredRobots};
use crate::request::Request;
use crate::stats::{Bottleneck, Snapshot, Stats, View};
use crate::store::{Applied, Batch, Begun, How, Store, StoreError};

/// A batch closes at this many records,
const BATCH: usize = 128;
/// or when the first of them has waited so long, or when nothing is ready to be asked for.
const BATCH_TIME: Duration = Duration::from_millis(200);
/// or at so many bytes (by estimate: links are nearly all of it).
const BATCH_BYTES: usize = 2 << 20;
/// Where something may go within this time, records are gathered for as long.
const GATHER: Duration = Duration::from_millis(25);
/// Fetched and not yet committed are at most so many: with what is in flight, this is what a kill can
/// cost. Two batches, so that one fills while the other is written.
const MAX_UNCOMMITTED: usize = 2 * BATCH;
/// So many pages wait to be read before no request starts: a page that waits is memory, and one that has
/// just come is in the cache still.
const MAX_UNREAD: usize = 32;
/// The same in bytes, those that are being read among them.
const MAX_UNREAD_BYTES: u64 = 4 << 20;
/// Bytes of records that may wait for the writer before no request starts any more.
const MAX_PENDING_BYTES: usize = 4 << 20;
/// How often the bodies are synced and the mark of what is certain moves.
const DURABLE_EVERY: Duration = Duration::from_secs(5);
/// And after how many bytes of bodies: the disk writes while the crawl goes on, not at its end.
const DURABLE_BYTES: u64 = 48 << 20;
/// How often a snapshot is published.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(250);

type Committing = Pin<Box<dyn Future<Output = std::result::Result<Applied, StoreError>> + Send>>;
type Syncing = Pin<Box<dyn Future<Output = std::result::Result<i64, StoreError>> + Send>>;

pub(super) struct Engine {
    pub(super) frontier: Frontier,
    pub(super) store: Arc<Store>,
    pub(super) worker: Arc<Worker>,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) abort: watch::Sender<bool>,
    pub(super) snapshots: watch::Sender<Snapshot>,
    pub(super) delivery: Delivery,
    pub(super) stats: Stats,
    /// What waits for the writer, and since when.
    pub(super) pending: Batch,
    pub(super) pending_since: Option<Instant>,
    pub(super) pending_bytes: usize,
    pub(super) committing: Option<Committing>,
    /// Records in the batch that is being written, and their bytes.
    pub(super) committing_records: usize,
    pub(super) committing_bytes: usize,
    pub(super) syncing: Option<Syncing>,
    /// Bytes of bodies in files since they were last synced.
    pub(super) unsynced: u64,
    /// Requests being fetched; of these, pages; and requests whose record is not here yet.
    pub(super) in_flight: usize,
    pub(super) pages_in_flight: u64,
    pub(super) under_way: usize,
    /// URLs in the queue, by the store's answers.
    pub(super) queued: u64,
    pub(super) last_fetch: i64,
    /// Length of the database's log, and whether it is too long for more requests.
    pub(super) log_bytes: u64,
    pub(super) log_too_long: bool,
    pub(super) bottleneck: Bottleneck,
    pub(super) concurrency: usize,
    pub(super) cores: usize,
    /// Pages that may still be had.
    pub(super) pages_left: Option<u64>,
    /// Bytes that may still come.
    pub(super) bytes_left: Option<u64>,
    /// Of a refresh: requests that it may still spend.
    pub(super) requests_left: Option<u64>,
    pub(super) stop_grace: Duration,
    pub(super) time_limit: Option<Duration>,
    pub(super) stopping: Option<How>,
    /// What stopped it, where that was a limit.
    pub(super) limit: Option<Limit>,
    /// Whether there is an earlier run whose URLs are to be asked for at the end; in a refresh, to be chosen from.
    pub(super) to_recall: bool,
}

impl Engine {
    pub(super) fn new(
        config: &Config,
        tools: Tools,
        paces: Paces,
        store: Store,
        begun: &Begun,
        snapshots: watch::Sender<Snapshot>,
    ) -> Self {
        let now = Instant::now();
        let settings = Settings {
            paces,
            by: config.politeness.by,
            global_interval: config.politeness.global_rate.interval(),
            obey_robots: !config.politeness.ignore_robots,
            // What an earlier start asked of a host counts, whichever run that was.
            resumed: begun.start > 1,
            pages_per_host: config.scope.max_pages_per_host.0,
            room: Room::default(),
        };
        let concurrency = config.politeness.concurrency as usize;
        // Every task sends two events; so many fit that no task ever waits long for the engine.
        let (sender, events) = mpsc::channel(2 * concurrency + 16);
        let (abort, stop) = watch::channel(false);
        let worker = Arc::new(Worker::new(config, tools, sender, stop));
        let mut engine = Self {
            frontier: Frontier::new(settings, now),
            store: Arc::new(store),
            worker,
            events,
            abort,
            snapshots,
            delivery: Delivery::default(),
            stats: Stats::new(now),
            pending: Batch::default(),
            pending_since: None,
            pending_bytes: 0,
            committing: None,
            committing_records: 0,
            committing_bytes: 0,
            syncing: None,
            unsynced: 0,
            in_flight: 0,
            pages_in_flight: 0,
            under_way: 0,
            queued: begun.waiting,
            last_fetch: 0,
            log_bytes: 0,
            log_too_long: false,
            bottleneck: Bottleneck::Starting,
            concurrency,
            cores: work::cores(),
            pages_left: config
                .scope
                .max_pages
                .0
                .map(|max| max.saturating_sub(begun.pages)),
            bytes_left: config
                .scope
                .quota
                .0
                .map(|quota| quota.0.saturating_sub(begun.bytes)),
            requests_left: begun
                .refresh
                .map(|refresh| refresh.budget.saturating_sub(refresh.spent)),
            stop_grace: config.fetch.stop_grace.0,
            time_limit: config.scope.time_limit.0.map(|limit| limit.0),
            stopping: None,
            limit: None,
            to_recall: begun.run > 1,
        };
        if begun.waiting > 0 {
            engine.frontier.begin_on_disk(now);
        }
        if begun.resumed {
            tracing::info!(
                run = begun.run,
                waiting = begun.waiting,
                unclean = begun.unclean,
                strays = begun.strays,
                "resumed"
            );
        }
        if begun.again > 0 {
            tracing::warn!(
                pages = begun.again,
                "the last start was cut off, and the files of some pages are not whole: these are asked for again"
            );
        }
        if !begun.changed.is_empty() {
            let changed: Vec<String> = begun.changed.iter().map(ToString::to_string).collect();
            let anew = begun.changed.iter().any(Change::decides);
            tracing::warn!(
                "settings have changed since the last start: {}{}",
                changed.join("; "),
                if anew {
                    "; what belongs to the crawl was decided anew"
                } else if begun.changed.iter().any(Change::reads) {
                    "; pages that this run has read keep what was read of them until the next run"
                } else {
                    ""
                }
            );
        }
        engine
    }

    pub(super) async fn crawl(
        &mut self,
        shutdown: impl Future<Output = ()>,
    ) -> std::result::Result<How, StoreError> {
        let begun = tokio::time::Instant::now();
        let (mut shutdown, mut signalled) = (std::pin::pin!(shutdown), false);
        let mut durable = tokio::time::interval_at(begun + DURABLE_EVERY, DURABLE_EVERY);
        durable.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut snapshot = tokio::time::interval(SNAPSHOT_EVERY);
        snapshot.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let worker = Arc::clone(&self.worker);
        let mut deadline = self.time_limit.and_then(|limit| begun.checked_add(limit));
        loop {
            self.worker.held.beat(Instant::now());
            self.worker
                .backlog
                .set(self.pending_bytes + self.committing_bytes);
            let wake = self.start_what_may();
            self.look_up();
            self.commit_what_is_due(wake.is_some_and(|at| self.is_idle(at)));
            if self.unsynced >= DURABLE_BYTES {
                self.sync();
            }
            if self.is_at_end() {
                if self.stopping.is_none() && self.to_recall && self.may_recall() {
                    self.to_recall = false;
                    self.pending.recall = true;
                    self.pending_since = Some(Instant::now());
                    self.commit_what_is_due(true);
                } else {
                    return Ok(self.how());
                }
            }
            let wake = wake
                .flatten()
                .into_iter()
                .chain(self.batch_deadline())
                .min();
            tokio::select! {
                Some(event) = self.events.recv() => {
                    self.take(event)?;
                    // What else is there already is taken in the same turn.
                    for _ in 0..BATCH {
                        match self.events.try_recv() {
                            Ok(event) => self.take(event)?,
                            Err(_) => break,
                        }
                    }
                }
                applied = maybe(&mut self.committing) => {
                    (self.committing, self.committing_records) = (None, 0);
                    self.committing_bytes = 0;
                    self.applied(applied?);
                }
                mark = maybe(&mut self.syncing) => {
                    self.syncing = None;
                    self.pending.durable_to = Some(mark?);
                    self.pending_since.get_or_insert_with(Instant::now);
                }
                () = self.delivery.room() => {}
                // Its record will not come; what was committed is sound, and the next start has the rest.
                () = worker.lost.notified() => return Err(StoreError::Gone),
                () = sleep_until(wake.map(tokio::time::Instant::from_std)) => {}
                _ = durable.tick() => self.sync(),
                _ = snapshot.tick() => self.publish(),
                () = &mut shutdown, if !signalled => {
                    signalled = true;
                    // What a limit has stopped already has as little time as the rest.
                    deadline = Some(self.stop(self.stopping.unwrap_or(How::Signal)));
                }
                () = sleep_until(deadline) => {
                    deadline = if self.stopping.is_none() {
                        self.limit = Some(Limit::TimeLimit);
                        Some(self.stop(How::Limit))
                    } else {
                        // The grace is over: what is still under way ends as aborted.
                        self.abort.send_replace(true);
                        None
                    };
                }
            }
        }
    }

    /// Whether nothing waits that could yet meet what the last run had. A refresh chooses from that, whatever waits
    /// for a host that is away.
    fn may_recall(&self) -> bool {
        self.queued == 0 || self.requests_left.is_some()
    }

    /// How it ends, with nothing left to do or told to stop.
    fn how(&self) -> How {
        match self.stopping {
            Some(how) => how,
            None if self.frontier.is_any_full() => How::Limit,
            None => How::Drained,
        }
    }

    /// The limit that is reached, if one is.
    fn reached(&self) -> Option<Limit> {
        if self.queued == 0 {
            None
        } else if self.pages_left == Some(0) {
            Some(Limit::MaxPages)
        } else if self.bytes_left == Some(0) {
            Some(Limit::Quota)
        } else {
            None
        }
    }

    /// From now on no request starts. Answers until when those under way have time.
    fn stop(&mut self, how: How) -> tokio::time::Instant {
        self.stopping = Some(how);
        tokio::time::Instant::now() + self.stop_grace
    }

    /// Starts requests as long as there are slots, room behind them, and something that may go. Where
    /// slots are left over, answers with the time before which nothing more may go (`None` inside: only
    /// an event can help).
    fn start_what_may(&mut self) -> Option<Option<Instant>> {
        if self.stopping.is_none()
            && let Some(limit) = self.reached()
        {
            (self.stopping, self.limit) = (Some(How::Limit), Some(limit));
        }
        while self.stopping.is_none() {
            if self.requests_left == Some(0) {
                // What is still to be had is in flight.
                self.stopping = Some(How::Budget);
                break;
            }
            if self.delivery.is_full() {
                self.bottleneck = Bottleneck::Reader;
                return None;
            }
            if self.in_flight >= self.concurrency {
                self.bottleneck = Bottleneck::Latency;
                return None;
            }
            // Each page in flight has its place reserved: the limit is never passed. What is no page
            // waits with the rest: it will not be long.
            if self
                .pages_left
                .is_some_and(|left| left <= self.pages_in_flight)
            {
                return Some(None);
            }
            let written = self.pending.records.len() + self.committing_records;
            if self.log_too_long
                || self.pending_bytes >= MAX_PENDING_BYTES
                || written >= MAX_UNCOMMITTED
            {
                self.bottleneck = Bottleneck::Disk;
                return None;
            }
            let read = self.under_way - self.in_flight;
            let unread = self.worker.unread_bytes.load(Ordering::Relaxed);
            // As many as there are cores are being read: however large they are, they keep nobody waiting.
            let waiting = read.saturating_sub(self.cores);
            if written + read >= MAX_UNCOMMITTED
                || waiting >= MAX_UNREAD
                || (waiting > 0 && unread >= MAX_UNREAD_BYTES)
            {
                self.bottleneck = if self.worker.cpu_is_full() {
                    Bottleneck::Cpu
                } else {
                    Bottleneck::Disk
                };
                return None;
            }
            match self.frontier.next(Instant::now()) {
                Next::Request(request, rule) => self.start(request, rule),
                Next::Disallowed(request, rule) => self.keep(disallowed(request, rule)),
                Next::Wait(at) => {
                    self.bottleneck = match at {
                        Some(_) => Bottleneck::HostLimits,
                        None if self.under_way > self.in_flight && self.worker.cpu_is_full() => {
                            Bottleneck::Cpu
                        }
                        None if self.in_flight == 0 && self.committing.is_some() => {
                            Bottleneck::Disk
                        }
                        None if self.frontier.queued() > 0 => Bottleneck::HostLimits,
                        None => Bottleneck::Latency,
                    };
                    return Some(at);
                }
            }
        }
        Some(None)
    }

    fn start(&mut self, request: Request, rule: Option<String>) {
        self.in_flight += 1;
        self.under_way += 1;
        self.pages_in_flight += u64::from(request.is_page());
        if !request.is_robots() && !request.is_sitemap() {
            self.requests_left = self.requests_left.map(|left| left.saturating_sub(1));
        }
        tracing::debug!(url = %request.url, attempt = request.attempt + 1, "request");
        tokio::spawn(Arc::clone(&self.worker).run(request, rule));
    }

    /// Gives the writer its next batch when it is free and there is reason to: nothing to ask for, rows
    /// to read, a full batch, or time.
    fn commit_what_is_due(&mut self, idle: bool) {
        let full = self.pending.records.len() >= BATCH || self.pending_bytes >= BATCH_BYTES;
        let late = self.batch_deadline().is_some_and(|at| at <= Instant::now());
        let wanted = self.pending_since.is_some() && (idle || full || late);
        if self.committing.is_some() || !(wanted || self.frontier.wants_refill()) {
            return;
        }
        self.pending.gaps.extend(self.frontier.take_gaps());
        let mut batch = Batch {
            refills: self.frontier.take_refills(),
            more_hosts: self.frontier.take_more_hosts(),
            give_back: self.delivery.is_wanted(),
            ..std::mem::take(&mut self.pending)
        };
        let (rest, bytes) = split_off(&mut batch.records);
        self.pending_since = Some(Instant::now()).filter(|_| !rest.is_empty());
        self.pending_bytes = bytes;
        self.pending.records = rest;
        self.committing_records = batch.records.len();
        self.committing_bytes = batch.records.iter().map(Record::weight).sum();
        let store = Arc::clone(&self.store);
        self.committing = Some(Box::pin(async move { store.commit(batch).await }));
    }

    /// Whether there is nothing to do but to write, where nothing may go before that time: not while requests
    /// follow one another quickly, or each would have a transaction of its own.
    fn is_idle(&self, wake: Option<Instant>) -> bool {
        let now = Instant::now();
        let soon = wake.is_some_and(|at| at < now + GATHER);
        let waits = self.pending_since.is_none_or(|since| now < since + GATHER);
        !(soon && waits)
    }

    fn batch_deadline(&self) -> Option<Instant> {
        self.pending_since
            .filter(|_| self.committing.is_none())
            .map(|since| since + BATCH_TIME)
    }

    fn applied(&mut self, applied: Applied) {
        let now = Instant::now();
        self.delivery.send(applied.records, applied.changes);
        self.last_fetch = applied.last_fetch;
        let too_long = self.store.is_log_too_long(applied.log_bytes);
        if too_long && !self.log_too_long {
            tracing::warn!(
                mebibytes = applied.log_bytes >> 20,
                "crawl.db-wal has grown too long, since a reader holds it: waiting for that"
            );
        }
        (self.log_bytes, self.log_too_long) = (applied.log_bytes, too_long);
        self.stats
            .fail(FetchError::RedirectLoop, applied.redirect_loops);
        self.queued += applied.admitted.len() as u64 + applied.deferred;
        // Before what is settled: what was under way when it was put aside is counted with its record.
        for (host, urls) in applied.trapped {
            let dropped = self.frontier.put_aside(&host, &urls, now);
            self.queued = self.queued.saturating_sub(dropped);
        }
        // In this order: what is settled may come in again, and rows that were read are those behind
        // what was admitted in the same transaction.
        for ticket in applied.settled {
            self.frontier.settled(ticket);
        }
        for request in applied.admitted {
            self.frontier.push(request, now);
        }
        for mut refilled in applied.refilled {
            let stored = refilled
                .state
                .as_mut()
                .map(|state| std::mem::take(&mut state.robots));
            let rules = self.remembered(stored.unwrap_or_default(), now);
            self.frontier.refilled(refilled, rules, now);
        }
        if let Some(last) = applied.hosts_read {
            self.frontier.hosts_read(last);
        }
        if let Some(urls) = applied.recalled {
            if self.requests_left.is_some() {
                tracing::info!(urls, "chosen");
                // What comes of it may leave room for more.
                self.to_recall = urls > 0;
            } else {
                tracing::info!(urls, "asking for what only the last run has met");
            }
            self.queued += urls;
            self.frontier.begin_on_disk(now);
        }
        for url in applied.joined {
            tracing::warn!(%url, "a seed leads here: it joins the scope");
        }
    }

    /// The rules of robots.txt files that were stored.
    fn remembered(&self, stored: Vec<StoredRobots>, now: Instant) -> Vec<Remembered> {
        let wall = clock::now();
        let day = Duration::from_secs(86_400);
        // A wall clock's times, which may have been set: none is far off.
        let at = |time: SystemTime| match time.duration_since(wall) {
            Ok(left) => now + left.min(day),
            Err(past) => now.checked_sub(past.duration()).unwrap_or(now),
        };
        let of = |stored: StoredRobots| Remembered {
            rules: Arc::new(self.worker.stored_rules(stored.status, &stored.body)),
            fresh_until: at(stored.valid_until),
            ask_again: stored.ask_again.map(at),
            origin: stored.origin,
        };
        stored.into_iter().map(of).collect()
    }

    /// Looks up the addresses that the frontier asks for, each in a task of its own.
    fn look_up(&mut self) {
        for host in self.frontier.take_lookups() {
            tokio::spawn(Arc::clone(&self.worker).locate(host));
        }
    }

    /// Syncs the bodies written so far; the next batch says so. Keeps the heartbeat going, too.
    fn sync(&mut self) {
        if self.syncing.is_some() {
            return;
        }
        self.unsynced = 0;
        let (store, mark) = (Arc::clone(&self.store), self.last_fetch);
        self.syncing = Some(Box::pin(
            async move { store.sync_files().await.map(|()| mark) },
        ));
    }

    fn is_at_end(&self) -> bool {
        let idle = self.under_way == 0 && self.committing.is_none() && self.pending_since.is_none();
        idle && (self.stopping.is_some() || self.frontier.is_drained())
    }

    fn publish(&mut self) {
        let snapshot = self.last_snapshot();
        self.snapshots.send_replace(snapshot);
    }

    pub(super) fn last_snapshot(&mut self) -> Snapshot {
        let now = Instant::now();
        let view = View {
            queued: self.queued,
            in_flight: self.in_flight,
            hosts: self.frontier.hosts(),
            held: self.frontier.longest_held(now),
            bottleneck: self.bottleneck,
            log_bytes: self.log_bytes,
        };
        let mut snapshot = self.stats.snapshot(now, view);
        if self.is_at_end() {
            snapshot.bottleneck = self.stats.bottleneck();
            snapshot.pages_per_second = snapshot.pages as f64 / snapshot.elapsed.max(1e-6);
        }
        snapshot
    }
}

/// Takes off what makes a batch too heavy, and says how heavy that is: what a page or a sitemap reveals
/// comes back in memory, and some of them reveal tens of thousands of URLs.
fn split_off(records: &mut Vec<Record>) -> (Vec<Record>, usize) {
    let mut bytes = 0;
    let fits = records.iter().take_while(|record| {
        let before = bytes;
        bytes += record.weight();
        before < BATCH_BYTES
    });
    let rest = records.split_off(fits.count());
    let bytes = rest.iter().map(Record::weight).sum();
    (rest, bytes)
}

async fn sleep_until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The future if there is one, for ever otherwise.
async fn maybe<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::super::deliver::tests::page;
    use super::*;

    #[test]
    fn a_batch_is_as_heavy_as_may_be_and_the_rest_keeps_its_order() {
        let heavy = 20_000;
        for (links, kept) in [
            (vec![], 0),
            (vec![1; 200], 200),
            (vec![heavy, 1, heavy], 1),
            (vec![1, heavy, 2, heavy, 3], 2),
        ] {
            let mut records: Vec<Record> = links.iter().map(|links| page(*links)).collect();
            let all = records.clone();
            let (rest, bytes) = split_off(&mut records);
            assert_eq!(records.len(), kept, "{links:?}");
            assert_eq!(bytes, rest.iter().map(Record::weight).sum::<usize>());
            records.extend(rest);
            assert!(records == all, "{links:?}");
        }
    }
}
