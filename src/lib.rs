//! A web crawler that turns a site, or a thousand of them, into one SQLite database.
pub mod answers;
pub mod canonical;
pub mod config;
pub mod engine;
pub mod error;
pub mod fetch;
pub mod fetched;
pub mod frontier;
pub mod parse;
pub mod politeness;
pub mod record;
pub mod request;
pub mod robots;
pub mod scope;
pub mod stats;
pub mod store;

pub use error::{Error, Result};
