//! The one place that knows every stage: owns the frontier, moves values from stage to stage in one
//! select loop, and shuts down in order.
//!
//! What is exact here is exact because one task sees all events: when the frontier is drained, no
//! request is under way, and the store has applied every record, the crawl is at its end. No timer
//! decides that.

mod arrivals;
mod caught;
mod conduct;
mod cpu;
mod deliver;
mod held;
#[cfg(test)]
mod panics;
mod work;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::config::{Config, ConfigError, Seed};
use crate::error::{Error, Result};
use crate::estimate::patience;
use crate::fetch::Fetcher;
use crate::frontier::Paces;
use crate::open_files::OpenFiles;
use crate::parse::Extractor;
use crate::rewrite::Rewrite;
use crate::scope::{Rule, Scope};
use crate::stats::Snapshot;
use crate::store::{
    Begun, End, Files, How, Opening, Policy, Recrawl, SitemapsRead, Standing, StoreError,
};
use conduct::Engine;
pub use deliver::Visits;
pub(crate) use deliver::{Delivery, channel};
use work::Tools;

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
    /// What has come of the sitemaps of the run.
    pub sitemaps: SitemapsRead,
    /// URLs of the run that were put aside as traps.
    pub trapped: u64,
    /// What has come of a refresh, if it was one.
    pub refreshed: Option<Refreshed>,
}

/// What has come of a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refreshed {
    /// Requests that it might spend.
    pub budget: u64,
    /// Requests that it has spent, in all of its starts.
    pub spent: u64,
    /// URLs that there were to choose from.
    pub urls: u64,
    /// After how many such refreshes each of them was asked for, however unlikely it is to have changed.
    pub patience: u64,
    /// URLs that it has found, and left to the next refresh or crawl.
    pub left_over: u64,
}

/// What [`plan`] finds out without fetching a page.
#[derive(Debug)]
pub struct Plan {
    /// The seeds as they are given, in their canonical form.
    pub seeds: Vec<Seed>,
    /// In which form URLs are asked for, the seeds among them.
    pub rewrite: Arc<Rewrite>,
    /// The compiled scope.
    pub scope: Arc<Scope>,
    /// The compiled fields; `None` where none are configured.
    pub extractor: Option<Arc<Extractor>>,
}

impl Refreshed {
    fn of(begun: &Begun, standing: Option<Standing>, requests_left: Option<u64>) -> Option<Self> {
        let (refresh, standing) = (begun.refresh?, standing?);
        Some(Self {
            budget: refresh.budget,
            spent: refresh.budget.saturating_sub(requests_left.unwrap_or(0)),
            urls: standing.urls,
            patience: patience(standing.urls, refresh.budget).unwrap_or(0),
            left_over: standing.left_over,
        })
    }
}

/// Checks the settings and the seeds, and compiles what is compiled.
///
/// # Errors
/// The first setting or seed that cannot be used.
pub fn plan(config: &Config) -> Result<Plan> {
    config.validate()?;
    crate::fetch::check(config)?;
    let seeds = config.seeds.all()?;
    let rewrite = Arc::new(Rewrite::new(&config.scope, &Seed::urls(&seeds))?);
    let (asked, _) = rewrite.seeds(seeds.clone());
    let scope = Arc::new(Scope::new(&config.scope, &Seed::anchors(&asked))?);
    let extractor = Extractor::new(&config.field)?.map(Arc::new);
    Ok(Plan {
        seeds,
        rewrite,
        scope,
        extractor,
    })
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

/// The budget of a refresh.
///
/// # Errors
/// When there is none.
pub fn budget(config: &Config) -> Result<u64> {
    let budget = config.recrawl.budget.0.filter(|budget| *budget > 0);
    budget.ok_or_else(|| {
        let why = "how many requests may be spent has to be said, such as --budget 500";
        ConfigError::value("recrawl.budget", "unlimited", why).into()
    })
}

/// Asks again for so many URLs of a finished crawl as the budget of the settings allows, those first that are the
/// likeliest to have changed; everything else stays as it was found last.
///
/// # Errors
/// As [`run`]; and when there is no finished crawl, or no budget.
pub async fn refresh(
    config: Config,
    shutdown: impl Future<Output = ()>,
    snapshots: watch::Sender<Snapshot>,
) -> Result<Summary> {
    let budget = budget(&config)?;
    for (key, given) in [("fresh", config.output.fresh), ("add", config.seeds.add)] {
        if given {
            let why = "a refresh asks for what is there; it goes without this";
            return Err(ConfigError::value(key, "true", why).into());
        }
    }
    let database = config.output.output.join(crate::store::DATABASE);
    if !database.exists() {
        return Err(Error::Store {
            path: config.output.output,
            source: StoreError::Missing,
        });
    }
    let hooks = Hooks {
        snapshots,
        refresh: Some(budget),
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
    /// It is a refresh, which may spend so many requests.
    pub(crate) refresh: Option<u64>,
}

fn say_user(config: &Config) {
    if config.seeds.names_user() {
        tracing::warn!(
            "the name and password in a seed are not sent; give them as user (--user NAME:PASSWORD)"
        );
    }
}

/// [`run`], with everything that may be hung into it.
pub(crate) async fn run_hooked(
    config: Config,
    shutdown: impl Future<Output = ()>,
    hooks: Hooks,
) -> Result<Summary> {
    let Plan {
        seeds,
        rewrite,
        extractor,
        ..
    } = plan(&config)?;
    say_user(&config);
    let files_open = OpenFiles::of(&config)?;
    files_open.say(&config);
    let output = config.output.output.clone();
    let at = |source: StoreError| Error::Store {
        path: output.clone(),
        source: source.explained(&output),
    };
    if seeds.is_empty() && (config.output.fresh || !output.join(crate::store::DATABASE).exists()) {
        return Err(ConfigError::NoSeed.into());
    }
    let opening = Opening::open(&output, config.output.fresh).map_err(at)?;
    let moved_to = opening.moved_to.clone();
    let seeds = opening
        .seeds(seeds, config.seeds.add, &rewrite)
        .map_err(at)?;
    if seeds.is_empty() {
        return Err(ConfigError::NoSeed.into());
    }
    let rewrite = Arc::new(Rewrite::new(&config.scope, &Seed::urls(&seeds))?);
    let (asked, rewritten) = rewrite.seeds(seeds.clone());
    for seed in rewritten {
        tracing::info!(seed = %seed.written, asked = %seed.url, "{}", seed.rule);
    }
    let scope = Scope::new(&config.scope, &Seed::anchors(&asked))?.with_rules(hooks.rules);
    let policy = Policy::new(&config, scope)?.with_rewrite(Arc::clone(&rewrite));
    let fetcher = Fetcher::new(&config, &Seed::urls(&asked)).await?;
    let paces = Paces::new(&config)?;
    let files = if config.output.files {
        Some(Files::new(&output).map_err(at)?)
    } else {
        None
    };
    let opening = opening.refreshing(hooks.refresh);
    let (store, begun) = opening.begin(&seeds, policy, &config).map_err(at)?;
    let mut engine = Engine::new(
        &config,
        Tools {
            fetcher,
            extractor,
            rewrite,
            files,
        },
        paces,
        store,
        &begun,
        hooks.snapshots,
    );
    engine.delivery = hooks.delivery;
    engine.delivery.only_changed = config.recrawl.only_changed;
    engine.concurrency = files_open.concurrency;
    let how = engine.crawl(shutdown).await;
    let ended = match how {
        Ok(how) => engine.store.end(how).await.map(|ended| (how, ended)),
        Err(error) => Err(error),
    };
    let ended = ended.map_err(|error| error.explained(&output));
    if let Err(error) = &ended {
        engine.abort.send_replace(true);
        engine.store.fail(error).await;
    }
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
            sitemaps: ended.sitemaps,
            trapped: ended.trapped,
            refreshed: Refreshed::of(&begun, ended.standing, engine.requests_left),
        }),
        Err(error) => Err(at(error)),
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
