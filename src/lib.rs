//! A web crawler that turns a site, or a thousand of them, into one SQLite database.
//!
//! It asks gently, obeys robots.txt, and goes on where it was after any stop. The program of the same
//! name is a thin layer over this library; what holds for one holds for the other.
//!
//! # Five minutes
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use crawl::{Crawl, Outcome};
//!
//! let summary = Crawl::new("https://example.com/")
//!     .max_depth(3)
//!     .rate("2/s".parse()?)
//!     .output("example")
//!     .run()
//!     .await?;
//! assert_eq!(summary.outcome, Outcome::Finished);
//! # Ok(())
//! # }
//! ```
//!
//! What comes out is `example/crawl.db`, to be asked in SQL (`SELECT url, status, title FROM pages`), and
//! the bodies in `example/pages/`. It needs a Tokio runtime with I/O and time enabled.
//!
//! # A stream of pages
//!
//! [`Crawl::stream`] starts a crawl in the background and tells the outcome of each URL: pages,
//! redirects, failures, and what robots.txt forbids.
//!
//! ```no_run
//! # async fn example() -> crawl::Result<()> {
//! let (crawl, mut visits) = crawl::Crawl::new("https://example.com/").stream(100);
//! while let Some(visited) = visits.next().await {
//!     println!("{:?} {} {:?}", visited.status, visited.url, visited.title());
//!     for link in visited.links() {
//!         println!("    {}", link.target);
//!     }
//! }
//! let summary = crawl.await?;
//! # Ok(())
//! # }
//! ```
//!
//! - Each outcome comes once, in the order of the commits, and only after its commit: another connection
//!   to the database finds its row. After a kill, what was committed and not read yet does not come again:
//!   the database has it.
//! - A slow reader slows the crawl: while so many outcomes lie unread, no request starts. Read until `None`
//!   before you await the handle, or drop the stream: the crawl then goes on alone.
//! - [`Visits`] is a `futures_core::Stream` as well, for those who have combinators.
//!
//! # Stop, and go on
//!
//! Every stop is a supported stop. In order: [`Crawl::run_until`] with a future that completes, or
//! [`Handle::stop`]; then no request starts any more, and those under way have `stop-grace` (5 s) to end.
//! To drop a [`Handle`] stops its crawl, too. Out of order: a future that is dropped, a process that is
//! killed. The same crawl begun again goes on in each case, and asks for nothing that is in the database.
//!
//! ```no_run
//! # async fn example() -> crawl::Result<()> {
//! let crawl = crawl::Crawl::new("https://example.com/").start();
//! tokio::time::sleep(std::time::Duration::from_secs(60)).await;
//! println!("{} pages so far", crawl.snapshot().pages);
//! crawl.stop();
//! let summary = crawl.await?; // Outcome::Stopped, if there was more to do
//! # Ok(())
//! # }
//! ```
//!
//! Other seeds for an output that holds a crawl are an error that names its seeds: choose another output, or
//! set `output.fresh`, which moves the old one aside.
//!
//! # Settings
//!
//! [`Crawl`] has methods for what is set most often. [`Crawl::with`] reaches all of [`Config`], which has the
//! sections and words of `crawl.toml`; [`Config::read`] reads one.
//!
//! ```no_run
//! # async fn example() -> crawl::Result<()> {
//! let config = crawl::Config::read("crawl.toml".as_ref())?;
//! let summary = crawl::Crawl::from_config(config)
//!     .with(|config| config.scope.exclude.push(r"\.pdf$".to_owned()))
//!     .rule("no queries", |url| url.as_url().query().map(|_| false))
//!     .run()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! A rule of scope of your own ([`Crawl::rule`]) comes before the settings. It must be pure and
//! deterministic; [`scope::Rule`] says why.
//!
//! # Values by CSS selector
//!
//! [`Crawl::field`] takes a value out of every page (a `[[field]]` table of the settings). It comes with
//! [`Visited::fields`], and as a column of the view `fields_page`.
//!
//! ```no_run
//! use crawl::config::{FieldConfig, FieldKind};
//!
//! let mut price = FieldConfig::new("price", ".price");
//! price.kind = FieldKind::Number;
//! price.required = true;
//! let crawl = crawl::Crawl::new("https://example.com/").field(price);
//! ```
//!
//! # Errors
//!
//! A failed fetch is no [`Error`]: it is a row, and a [`Visited`] with a [`FetchError`] or a status. An [`Error`]
//! ends the crawl: a setting that cannot be used ([`Error::is_usage`]), an output that cannot be opened or
//! written. Its text is one sentence that names what, where and the way out. What was committed is kept.
//!
//! # Reading results
//!
//! [`answers::Reader`] reads an output, also while a crawl writes it; [`answers::query::run`] answers SQL or
//! the name of a view. Any SQLite client can do the same. [`answers::why::read`] says all that is known of one
//! URL, [`answers::audit::read`] whether every request kept to robots.txt and the limits.
//!
//! ```no_run
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use crawl::answers::{Reader, query};
//!
//! let reader = Reader::open("example".as_ref())?;
//! let question = "SELECT status, count(*) FROM pages GROUP BY status";
//! query::run(&reader, question, query::Format::Csv, &mut std::io::stdout())?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is stable
//!
//! The names in this documentation, the settings, and the views of the database (`docs/schema.md`).
//! What will grow is `#[non_exhaustive]`. Modules that this documentation does not show are public for the
//! program, the tests and the benchmarks alone, and change without notice. There are no cargo features.
//!
//! The library neither prints nor exits; it logs by `tracing`. It sets one thing for the whole process:
//! the cryptography of `rustls` (`ring`), unless a provider is installed already. Of the environment it
//! reads the usual proxy variables, and those that settings name as `${NAME}`.
//!
//! # The route of a URL
//!
//! 1. [`canonical`] makes the one form of it that is asked for and stored.
//! 2. [`scope`] says whether it belongs to the crawl, and by which rule.
//! 3. `store` knows whether it is new; what is new and in is *admitted*: a row of the queue.
//! 4. `frontier` has a queue for each host, and gives out the request that `politeness` and the
//!    host's [`robots`].txt allow now.
//! 5. `fetch` makes the request; a failure is an answer too.
//! 6. `parse` reads title and links out of the body, without building a tree (but for fields).
//! 7. `store` writes the body to its file, then a record of it all in one transaction with its
//!    links, the URLs that these revealed (back to 2), and its removal from the queue.
//!
//! `engine` moves the values from stage to stage; it alone knows them all. [`canonical`], [`scope`] and
//! [`robots`] are pure: text is their argument, and they can be used on their own. [`answers`] reads what
//! was written.

#![forbid(unsafe_code)]

pub mod answers;
mod builder;
pub mod canonical;
mod clock;
pub mod config;
#[doc(hidden)]
pub mod engine;
mod error;
#[doc(hidden)]
pub mod estimate;
#[doc(hidden)]
pub mod fetch;
#[doc(hidden)]
pub mod fetched;
#[doc(hidden)]
pub mod frontier;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod open_files;
pub mod order;
#[doc(hidden)]
pub mod parse;
#[doc(hidden)]
pub mod politeness;
#[doc(hidden)]
pub mod record;
#[doc(hidden)]
pub mod request;
pub mod rewrite;
pub mod robots;
pub mod scope;
pub mod signals;
#[doc(hidden)]
pub mod sitemap;
#[doc(hidden)]
pub mod stats;
#[doc(hidden)]
pub mod store;
mod text;
mod traps;
mod unseen;
mod visited;

pub use builder::Crawl;
pub use canonical::CanonicalUrl;
pub use config::{Config, ConfigError};
pub use engine::{Limit, Outcome, Refreshed, Summary, Visits, refresh, run, run_watched};
pub use error::{Error, Result};
pub use fetched::FetchError;
pub use handle::Handle;
pub use record::{Content, Directives, FieldData, FieldValue, Link, LinkKind, Page};
pub use stats::{Bottleneck, Held, Snapshot};
pub use store::{Change, Recrawl, SitemapsRead, StoreError};
pub use text::Text;
pub use visited::{Purpose, Visited};
