//! The one place that knows every stage: owns the frontier, moves values from stage to stage in one
//! select loop, and shuts down in order.
//!
//! What is exact here is exact because one task sees all events: when the frontier is drained, no
//! request is under way, and the store has applied every record, the crawl is at its end. No timer
//! decides that.

mod deliver;
mod work;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, watch};

use crate::canonical::{CanonicalUrl, Host, Origin};
use crate::config::{Config, ConfigError};
use crate::error::{Error, Result};
use crate::fetch::Fetcher;
use crate::fetched::FetchError;
use crate::frontier::{Frontier, Next, Settings};
use crate::politeness::{Consequence, Limits};
use crate::record::{Fate, Hold, Record};
use crate::request::Request;
use crate::robots;
use crate::scope::{Rule, Scope};
use crate::stats::{Bottleneck, Snapshot, Stats, View};
use crate::store::{
    Applied, Batch, Begun, End, Files, How, Opening, Policy, Recrawl, Store, StoreError,
};
pub use deliver::Visits;
pub(crate) use deliver::{Delivery, channel};
use work::{Done, Event, RobotsNext, Worker};

/// A batch closes at this many records,
const BATCH: usize = 128;
/// or when the first of them has waited so long, or when nothing is ready to be asked for.
const BATCH_TIME: Duration = Duration::from_millis(200);
/// or at so many bytes (by estimate: links are nearly all of it).
const BATCH_BYTES: usize = 2 << 20;
/// Fetched and not yet committed are at most so many: with what is in flight, this is what a kill can
/// cost. Two batches, so that one fills while the other is written.
const MAX_UNCOMMITTED: usize = 2 * BATCH;
/// Bytes of records that may wait for the writer before no request starts any more.
const MAX_PENDING_BYTES: usize = 8 << 20;
/// Bytes of bodies in memory before no request starts.
const MAX_LIVE_BYTES: u64 = 128 << 20;
/// How often the bodies are synced and the mark of what is certain moves.
const DURABLE_EVERY: Duration = Duration::from_secs(5);
/// How often a snapshot is published.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(250);

/// How a start of the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Everything has its outcome.
    Finished,
    /// All that is left belongs to hosts that do not answer; the same settings try them again.
    Deferred {
        /// So many URLs.
        urls: u64,
    },
    /// A limit of the run was reached; there is more to do.
    Limit(Limit),
    /// Told to stop; there is more to do.
    Stopped,
}

/// A limit that can stop a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// `max-pages`
    MaxPages,
    /// `max-pages-per-host`, of every host that has more
    MaxPagesPerHost,
    /// `quota`
    Quota,
    /// `time-limit`
    TimeLimit,
}

impl Limit {
    /// The key of the setting.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxPages => "max-pages",
            Self::MaxPagesPerHost => "max-pages-per-host",
            Self::Quota => "quota",
            Self::TimeLimit => "time-limit",
        }
    }
}

/// What a start has done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// How it ended.
    pub outcome: Outcome,
    /// The run's number in the database.
    pub run: i64,
    /// Whether it went on with a run that an earlier start had begun.
    pub resumed: bool,
    /// Where an older output was moved to.
    pub moved_to: Option<PathBuf>,
    /// Where the database and the pages are.
    pub output: PathBuf,
    /// Whether bodies were written to files.
    pub files: bool,
    /// The counters at the end.
    pub last: Snapshot,
    /// Seeds of the run with an outcome that is no failure.
    pub seeds_ok: u64,
    /// Seeds that failed, each with why.
    pub seeds_failed: Vec<(String, String)>,
    /// What has become of the contents of the run before, if there was one.
    pub recrawl: Option<Recrawl>,
}

/// What [`plan`] finds out without fetching a page.
#[derive(Debug)]
pub struct Plan {
    /// The seeds, in their canonical form.
    pub seeds: Vec<CanonicalUrl>,
    /// The compiled scope.
    pub scope: Arc<Scope>,
}

/// Checks the settings and the seeds, and compiles what is compiled.
///
/// # Errors
/// The first setting or seed that cannot be used.
pub fn plan(config: &Config) -> Result<Plan> {
    config.validate()?;
    let seeds = config.seeds.urls()?;
    let scope = Arc::new(Scope::new(&config.scope, &seeds)?);
    Ok(Plan { seeds, scope })
}

/// Crawls, until everything is done, a limit is reached, or `shutdown` completes.
///
/// Neither prints nor exits.
///
/// # Errors
/// When a setting cannot be used, or the output cannot be opened or written. What was committed is
/// kept: the same call goes on with it.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<Summary> {
    run_watched(config, shutdown, watch::Sender::default()).await
}

/// [`run`], with a [`Snapshot`] sent a few times a second to whoever watches.
///
/// # Errors
/// As [`run`].
pub async fn run_watched(
    config: Config,
    shutdown: impl Future<Output = ()>,
    snapshots: watch::Sender<Snapshot>,
) -> Result<Summary> {
    let hooks = Hooks {
        snapshots,
        ..Hooks::default()
    };
    run_hooked(config, shutdown, hooks).await
}

/// What a program may hang into a crawl.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    /// Gets a snapshot a few times a second.
    pub(crate) snapshots: watch::Sender<Snapshot>,
    /// Gets what was committed.
    pub(crate) delivery: Delivery,
    /// Are asked before the configured scope.
    pub(crate) rules: Vec<Rule>,
}

/// [`run`], with everything that may be hung into it.
pub(crate) async fn run_hooked(
    config: Config,
    shutdown: impl Future<Output = ()>,
    hooks: Hooks,
) -> Result<Summary> {
    let Plan { seeds, .. } = plan(&config)?;
    let output = config.output.output.clone();
    let at = |source| Error::Store {
        path: output.clone(),
        source,
    };
    if seeds.is_empty() && (config.output.fresh || !output.join(crate::store::DATABASE).exists()) {
        return Err(ConfigError::NoSeed.into());
    }
    let opening = Opening::open(&output, config.output.fresh).map_err(at)?;
    let moved_to = opening.moved_to.clone();
    let seeds = opening.seeds(seeds, config.seeds.add).map_err(at)?;
    if seeds.is_empty() {
        return Err(ConfigError::NoSeed.into());
    }
    let scope = Scope::new(&config.scope, &seeds)?.with_rules(hooks.rules);
    let policy = Policy::new(&config, scope);
    let fetcher = Fetcher::new(&config, &seeds).await?;
    let files = if config.output.files {
        Some(Files::new(&output).map_err(at)?)
    } else {
        None
    };
    let (store, begun) = opening.begin(&seeds, policy, &config).map_err(at)?;
    let mut engine = Engine::new(&config, fetcher, files, store, &begun, hooks.snapshots);
    engine.delivery = hooks.delivery;
    let how = engine.crawl(shutdown).await;
    let ended = match how {
        Ok(how) => engine.store.end(how).await.map(|ended| (how, ended)),
        Err(error) => {
            engine.store.fail().await;
            Err(error)
        }
    };
    let closed = engine.store.close().await;
    match ended.and_then(|ended| closed.map(|()| ended)) {
        Ok((how, ended)) => Ok(Summary {
            outcome: match (ended.end, how) {
                (End::Finished, _) => Outcome::Finished,
                (End::Deferred { urls }, _) => Outcome::Deferred { urls },
                (End::Stopped, How::Limit) => {
                    Outcome::Limit(engine.limit.unwrap_or(Limit::MaxPagesPerHost))
                }
                (End::Stopped, _) => Outcome::Stopped,
            },
            run: begun.run,
            resumed: begun.resumed,
            moved_to,
            last: engine.last_snapshot(),
            output,
            files: config.output.files,
            seeds_ok: ended.seeds_ok,
            seeds_failed: ended.seeds_failed,
            recrawl: ended.recrawl,
        }),
        Err(error) => Err(at(error)),
    }
}

type Committing = Pin<Box<dyn Future<Output = std::result::Result<Applied, StoreError>> + Send>>;
type Syncing = Pin<Box<dyn Future<Output = std::result::Result<i64, StoreError>> + Send>>;

struct Engine {
    frontier: Frontier,
    store: Arc<Store>,
    worker: Arc<Worker>,
    events: mpsc::Receiver<Event>,
    abort: watch::Sender<bool>,
    snapshots: watch::Sender<Snapshot>,
    delivery: Delivery,
    stats: Stats,
    /// What waits for the writer, and since when.
    pending: Batch,
    pending_since: Option<Instant>,
    pending_bytes: usize,
    committing: Option<Committing>,
    /// Records in the batch that is being written.
    committing_records: usize,
    syncing: Option<Syncing>,
    /// Requests being fetched; of these, pages; and requests whose record is not here yet.
    in_flight: usize,
    pages_in_flight: u64,
    under_way: usize,
    /// URLs in the queue, by the store's answers.
    queued: u64,
    last_fetch: i64,
    /// Length of the database's log, and whether it is too long for more requests.
    log_bytes: u64,
    log_too_long: bool,
    bottleneck: Bottleneck,
    concurrency: usize,
    /// Pages that may still be had.
    pages_left: Option<u64>,
    /// Bytes that may still come.
    bytes_left: Option<u64>,
    stop_grace: Duration,
    time_limit: Option<Duration>,
    stopping: Option<How>,
    /// What stopped it, where that was a limit.
    limit: Option<Limit>,
    /// Whether there is an earlier run whose URLs are to be asked for at the end.
    to_recall: bool,
}

impl Engine {
    fn new(
        config: &Config,
        fetcher: Fetcher,
        files: Option<Files>,
        store: Store,
        begun: &Begun,
        snapshots: watch::Sender<Snapshot>,
    ) -> Self {
        let now = Instant::now();
        let settings = Settings {
            limits: Limits::from(&config.politeness),
            global_interval: config.politeness.global_rate.interval(),
            obey_robots: !config.politeness.ignore_robots,
            // What an earlier start asked of a host counts, whichever run that was.
            resumed: begun.start > 1,
            pages_per_host: config.scope.max_pages_per_host.0,
        };
        let concurrency = config.politeness.concurrency as usize;
        // Every task sends two events; so many fit that no task ever waits long for the engine.
        let (sender, events) = mpsc::channel(2 * concurrency + 16);
        let (abort, stop) = watch::channel(false);
        let worker = Arc::new(Worker::new(config, fetcher, files, sender, stop));
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
            syncing: None,
            in_flight: 0,
            pages_in_flight: 0,
            under_way: 0,
            queued: begun.waiting,
            last_fetch: 0,
            log_bytes: 0,
            log_too_long: false,
            bottleneck: Bottleneck::Starting,
            concurrency,
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
            stop_grace: config.fetch.stop_grace.0,
            time_limit: config.scope.time_limit.0.map(|limit| limit.0),
            stopping: None,
            limit: None,
            to_recall: begun.run > 1,
        };
        engine.load(begun, &config.politeness.user_agent, now);
        if begun.resumed {
            tracing::info!(
                run = begun.run,
                waiting = begun.waiting,
                unclean = begun.unclean,
                strays = begun.strays,
                "resumed"
            );
        }
        if !begun.changed.is_empty() {
            let changed: Vec<String> = begun.changed.iter().map(ToString::to_string).collect();
            let anew = begun.changed.iter().any(crate::config::Change::decides);
            tracing::warn!(
                "settings have changed since the last start: {}{}",
                changed.join("; "),
                if anew {
                    "; what belongs to the crawl was decided anew"
                } else {
                    ""
                }
            );
        }
        engine
    }

    /// Puts in the frontier what an earlier start has left: hosts with their holds, rules of origins.
    fn load(&mut self, begun: &Begun, user_agent: &str, now: Instant) {
        let (wall, agent) = (SystemTime::now(), robots::product_token(user_agent));
        for stored in &begun.robots {
            let Ok(url) = stored.origin.robots_url() else {
                continue;
            };
            let rules = work::stored_rules(stored.status, &stored.body, agent);
            let left = stored
                .valid_until
                .duration_since(wall)
                .unwrap_or_default()
                .min(Duration::from_secs(86_400));
            self.frontier.robots_known(
                &stored.origin,
                &url.host(),
                Arc::new(rules),
                now + left,
                now,
            );
        }
        for (host, pages) in &begun.host_pages {
            self.frontier.pages_had(host, *pages, now);
        }
        for host in &begun.hosts {
            self.frontier.begin_on_disk(host, now);
        }
        for (host, until) in &begun.holds {
            let left = until.duration_since(wall).unwrap_or_default();
            self.frontier
                .hold(host, now + self.frontier.longest_hold().min(left), now);
        }
    }

    async fn crawl(
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
            let wake = self.start_what_may();
            self.commit_what_is_due(wake.is_some());
            if self.is_at_end() {
                if self.stopping.is_none() && self.to_recall && self.queued == 0 {
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
            let live = self.worker.live_bytes.load(Ordering::Relaxed);
            let read = self.under_way - self.in_flight;
            if written + read >= MAX_UNCOMMITTED || live >= MAX_LIVE_BYTES {
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
        tracing::debug!(url = %request.url, attempt = request.attempt, "request");
        tokio::spawn(Arc::clone(&self.worker).run(request, rule));
    }

    /// Puts a record in line for the writer.
    fn keep(&mut self, record: Record) {
        self.stats.count(&record);
        if record.is_counted_page() {
            self.pages_left = self.pages_left.map(|left| left.saturating_sub(1));
        }
        if !record.request.is_robots() && record.fate == Fate::Done {
            self.queued = self.queued.saturating_sub(1);
        }
        self.pending_bytes += record.weight();
        self.pending.records.push(record);
        self.pending_since.get_or_insert_with(Instant::now);
    }

    fn take(&mut self, event: Event) -> std::result::Result<(), StoreError> {
        match event {
            Event::Arrived {
                host,
                answer,
                bytes,
            } => {
                self.in_flight -= 1;
                self.bytes_left = self.bytes_left.map(|left| left.saturating_sub(bytes));
                let consequence = self.frontier.finish(&host, answer, Instant::now());
                self.draw(host, consequence);
                Ok(())
            }
            Event::Done(done) => self.done(*done),
        }
    }

    fn draw(&mut self, host: Host, consequence: Consequence) {
        let (wait, reason, aside) = match consequence {
            Consequence::None => return,
            Consequence::Hold(wait, reason) => (wait, reason, false),
            Consequence::SetAside(wait, reason) => (wait, reason, true),
        };
        tracing::info!(%host, seconds = wait.as_secs(), aside, "{reason}");
        if aside {
            self.pending.set_aside.push((host.clone(), reason.clone()));
        }
        if !wait.is_zero() {
            self.pending.holds.push(Hold {
                host,
                until: SystemTime::now() + wait,
                reason,
            });
        }
        self.pending_since.get_or_insert_with(Instant::now);
    }

    fn done(&mut self, done: Done) -> std::result::Result<(), StoreError> {
        self.under_way -= 1;
        if let Some(fatal) = done.fatal {
            return Err(fatal);
        }
        if done.record.request.is_page() {
            self.pages_in_flight -= 1;
            let host = done.record.request.url.host();
            let counts = done.record.is_counted_page();
            self.frontier.page_done(&host, counts, Instant::now());
        }
        if !done.record.request.is_robots()
            && let Fate::Retry(at) = done.record.fate
        {
            let now = Instant::now();
            let wait = at.duration_since(SystemTime::now()).unwrap_or_default();
            let request = Request {
                attempt: done.record.request.attempt + 1,
                ..done.record.request.clone()
            };
            self.frontier.retry(request, now + wait, now);
        }
        if let Some(next) = done.robots {
            self.robots(next);
        }
        if let Some(class) = done.record.failure() {
            tracing::debug!(url = %done.record.request.url, class, "failed");
        }
        self.keep(done.record);
        Ok(())
    }

    fn robots(&mut self, next: RobotsNext) {
        let now = Instant::now();
        let host_of = |origin: &Origin| origin.robots_url().map(|url| url.host());
        match next {
            RobotsNext::Hop(request) => self.frontier.push_robots(request, now, now),
            RobotsNext::Again(request, wait) => self.frontier.push_robots(request, now + wait, now),
            RobotsNext::Known(origin, rules, life) => {
                let Ok(host) = host_of(&origin) else { return };
                let asked = rules.crawl_delay();
                let honoured = self
                    .frontier
                    .robots_known(&origin, &host, rules, now + life, now);
                if asked > honoured && honoured.is_some() {
                    tracing::warn!(%origin, ?asked, ?honoured, "Crawl-delay is longer than max-crawl-delay");
                }
            }
            RobotsNext::Unreachable(origin, again) => {
                let Ok(host) = host_of(&origin) else { return };
                if self
                    .frontier
                    .robots_unreachable(&origin, &host, now + again, now)
                {
                    tracing::warn!(%origin, "robots.txt cannot be had: its URLs are deferred");
                    self.pending.unreachable.push(origin);
                    self.pending_since.get_or_insert_with(Instant::now);
                }
            }
        }
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
        self.pending_since = None;
        self.pending_bytes = 0;
        self.committing_records = self.pending.records.len();
        let batch = Batch {
            refills: self.frontier.take_refills(),
            give_back: self.delivery.is_wanted(),
            ..std::mem::take(&mut self.pending)
        };
        let store = Arc::clone(&self.store);
        self.committing = Some(Box::pin(async move { store.commit(batch).await }));
    }

    fn batch_deadline(&self) -> Option<Instant> {
        self.pending_since
            .filter(|_| self.committing.is_none())
            .map(|since| since + BATCH_TIME)
    }

    fn applied(&mut self, applied: Applied) {
        let now = Instant::now();
        self.delivery.send(applied.records);
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
        // In this order: what is settled may come in again, and rows that were read are those behind
        // what was admitted in the same transaction.
        for ticket in applied.settled {
            self.frontier.settled(ticket);
        }
        for request in applied.admitted {
            self.frontier.push(request, now);
        }
        for refilled in applied.refilled {
            self.frontier.refilled(refilled, now);
        }
        if let Some((hosts, urls)) = applied.recalled {
            tracing::info!(urls, "asking for what only the last run has met");
            self.queued += urls;
            for host in hosts {
                self.frontier.begin_on_disk(&host, now);
            }
        }
        for url in applied.joined {
            tracing::warn!(%url, "a seed leads here: it joins the scope");
        }
    }

    /// Syncs the bodies written so far; the next batch says so. Keeps the heartbeat going, too.
    fn sync(&mut self) {
        if self.syncing.is_some() {
            return;
        }
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

    fn last_snapshot(&mut self) -> Snapshot {
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

/// The record of a URL that robots.txt keeps us from asking for.
fn disallowed(request: Request, rule: String) -> Record {
    Record {
        request,
        fetched: None,
        error: Some(FetchError::RobotsDisallowed),
        rule: Some(rule),
        redirect_to: None,
        content: None,
        robots: None,
        fate: Fate::Done,
    }
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

/// Failures by class, for whoever reads a [`Summary`].
impl Summary {
    /// Failures of this start, by class.
    #[must_use]
    pub fn failures(&self) -> &BTreeMap<String, u64> {
        &self.last.failures
    }
}
