//! What the tests stand on: a fixture site that can misbehave, and the built binary in a fresh
//! directory.

mod certificate;
mod command;
mod connection;
mod content;
mod database;
mod proxy;
mod reply;
mod script;
mod site;
mod terminal;
mod world;

pub use certificate::certificate;
pub use command::{Child, Crawl, Output};
pub use content::{tree_page, tree_path};
pub use database::{edit, expect_sound, number, rows};
pub use proxy::Proxy;
pub use reply::{Fault, Reply};
pub use script::Step;
pub use site::{Hit, Site};
pub use terminal::Terminal;
pub use world::World;
