//! A web crawler that turns a site, or a thousand of them, into one SQLite database.
//!
//! ```no_run
//! # async fn example() -> crawl::Result<()> {
//! let mut config = crawl::Config::default();
//! config.seeds.seed = vec!["https://example.com/".to_owned()];
//! config.output.output = "example".into();
//! let summary = crawl::run(config, std::future::pending()).await?;
//! assert_eq!(summary.outcome, crawl::Outcome::Finished);
//! # Ok(())
//! # }
//! ```
//!
//! What comes out is `example/crawl.db`, to be asked in SQL (`SELECT url, status, title FROM pages`), and
//! the bodies in `example/pages/`. The same call goes on where an earlier one was stopped or killed.
//!
//! # The route of a URL
//!
//! 1. [`canonical`] makes the one form of it that is asked for and stored.
//! 2. [`scope`] says whether it belongs to the crawl, and by which rule.
//! 3. [`store`] knows whether it is new; what is new and in is *admitted*: a row of the queue.
//! 4. [`frontier`] has a queue for each host, and gives out the request that [`politeness`] and the
//!    host's [`robots`].txt allow now.
//! 5. [`fetch`] makes the request; a failure is an answer too ([`fetched`]).
//! 6. [`parse`] reads title and links out of the body, without building a tree.
//! 7. [`store`] writes the body to its file, then a [`record`] of it all in one transaction with its
//!    links, the URLs that these revealed (back to 2), and its removal from the queue.
//!
//! [`engine`] moves the values from stage to stage; it alone knows them all. The stages 1, 2, 4 (its
//! rules) and 6 are pure: time and text are arguments, and they can be used on their own. [`answers`]
//! reads what was written.

pub mod answers;
mod builder;
pub mod canonical;
pub mod config;
pub mod engine;
pub mod error;
pub mod fetch;
pub mod fetched;
pub mod frontier;
mod handle;
pub mod parse;
pub mod politeness;
pub mod record;
pub mod request;
pub mod robots;
pub mod scope;
pub mod stats;
pub mod store;
mod visited;

pub use builder::Crawl;
pub use canonical::CanonicalUrl;
pub use config::Config;
pub use engine::{Outcome, Summary, Visits, run, run_watched};
pub use error::{Error, Result};
pub use handle::Handle;
pub use stats::Snapshot;
pub use visited::Visited;
