//! The door for Rust programs: [`Crawl`], the settings of a crawl and the ways to run it.

use std::future::Future;
use std::path::PathBuf;

use tokio::sync::watch;

use crate::canonical::CanonicalUrl;
use crate::config::{Config, FieldConfig, Limit, Rate, Reach};
use crate::engine::{self, Delivery, Hooks, Summary, Visits};
use crate::error::Result;
use crate::handle::Handle;
use crate::scope::Rule;

/// A crawl that has not begun: its settings, and how to run it.
///
/// The methods set what is set most often; [`with`](Self::with) reaches the rest of [`Config`]. What
/// cannot be used is an error of the run, before the first request.
///
/// ```no_run
/// # async fn example() -> crawl::Result<()> {
/// let summary = crawl::Crawl::new("https://example.com/")
///     .max_depth(3)
///     .output("example")
///     .with(|config| config.fetch.retries = 1)
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a crawl does nothing until it is run or started"]
pub struct Crawl {
    config: Config,
    rules: Vec<Rule>,
}

impl Crawl {
    /// A crawl from one seed, all else at its default. `https://` is assumed where no scheme is written.
    pub fn new(seed: impl Into<String>) -> Self {
        Self::from_config(Config::default()).seed(seed)
    }

    /// A crawl with these settings, read from a `crawl.toml` perhaps.
    pub fn from_config(config: Config) -> Self {
        Self {
            config,
            rules: Vec::new(),
        }
    }

    /// One seed more.
    pub fn seed(self, seed: impl Into<String>) -> Self {
        self.with(|config| config.seeds.seed.push(seed.into()))
    }

    /// A sitemap, whose entries are followed as links are.
    pub fn sitemap(self, sitemap: impl Into<String>) -> Self {
        self.with(|config| config.seeds.sitemap.push(sitemap.into()))
    }

    /// The directory of `crawl.db` and `pages/`; `crawl-out` otherwise.
    pub fn output(self, directory: impl Into<PathBuf>) -> Self {
        self.with(|config| config.output.output = directory.into())
    }

    /// How far from the seeds; their hosts otherwise.
    pub fn scope(self, reach: Reach) -> Self {
        self.with(|config| config.scope.scope = reach)
    }

    /// Links followed from a seed at the most.
    pub fn max_depth(self, depth: u32) -> Self {
        self.with(|config| config.scope.max_depth = Limit(Some(depth)))
    }

    /// Pages at the most.
    pub fn max_pages(self, pages: u64) -> Self {
        self.with(|config| config.scope.max_pages = Limit(Some(pages)))
    }

    /// Requests to one host: `Rate::per_second(2)`, `"30/min".parse()?`.
    pub fn rate(self, rate: Rate) -> Self {
        self.with(|config| config.politeness.rate = rate)
    }

    /// The `User-Agent`; its first word is the token that robots.txt knows the crawl by.
    pub fn user_agent(self, agent: impl Into<String>) -> Self {
        self.with(|config| config.politeness.user_agent = agent.into())
    }

    /// A value to be taken out of pages by CSS selector: `FieldConfig::new("price", ".price")`.
    pub fn field(self, field: FieldConfig) -> Self {
        self.with(|config| config.field.push(field))
    }

    /// Any other setting.
    pub fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// A rule of scope of your own: in, out, or (`None`) as the settings say. Of several the first that
    /// decides wins. It must be pure and deterministic and must not wait: see [`Rule`].
    pub fn rule(
        mut self,
        name: &str,
        decide: impl Fn(&CanonicalUrl) -> Option<bool> + Send + Sync + 'static,
    ) -> Self {
        self.rules.push(Rule::new(name, decide));
        self
    }

    /// The settings so far.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Crawls until everything is done or a limit is reached.
    ///
    /// To drop the future instead of awaiting it is like a kill: what was committed stays, and the same
    /// crawl goes on with it. [`run_until`](Self::run_until) and [`start`](Self::start) can stop it in order.
    ///
    /// # Errors
    /// When a setting cannot be used, or the output cannot be opened or written. What was committed is
    /// kept: the same call goes on with it.
    pub async fn run(self) -> Result<Summary> {
        self.run_until(std::future::pending()).await
    }

    /// Crawls until everything is done, a limit is reached, or `shutdown` completes: then no request
    /// starts any more, and those under way have `stop-grace` to end.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<Summary> {
        let hooks = Hooks {
            rules: self.rules,
            ..Hooks::default()
        };
        engine::run_hooked(self.config, shutdown, hooks).await
    }

    /// Starts the crawl in a task of its own.
    ///
    /// # Panics
    /// Outside a Tokio runtime with I/O and time enabled.
    pub fn start(self) -> Handle {
        self.start_with(Delivery::default())
    }

    /// Starts the crawl in a task of its own, with a stream of outcomes: each comes once it is committed.
    ///
    /// While `unread` of them (one at least) or about 8 MiB lie unread, no request starts: a slow reader
    /// slows the crawl, and one that stops reading without dropping the stream halts it. What was under
    /// way then still comes: at most 256 answers that were not committed, and the requests in flight.
    ///
    /// # Panics
    /// Outside a Tokio runtime with I/O and time enabled.
    pub fn stream(self, unread: usize) -> (Handle, Visits) {
        let (delivery, visits) = engine::channel(unread);
        (self.start_with(delivery), visits)
    }

    fn start_with(self, delivery: Delivery) -> Handle {
        let (snapshots, watched) = watch::channel(crate::stats::Snapshot::default());
        let (stop, mut stopped) = watch::channel(false);
        let hooks = Hooks {
            snapshots,
            delivery,
            rules: self.rules,
            refresh: None,
        };
        let output = self.config.output.output.clone();
        let task = tokio::spawn(engine::run_hooked(
            self.config,
            async move {
                // A handle that was dropped asks to stop as well.
                let _ = stopped.wait_for(|stop| *stop).await;
            },
            hooks,
        ));
        Handle::new(task, stop, watched, output)
    }
}
