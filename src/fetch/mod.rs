//! One request in, one answer out. No redirect is followed, no failure is an `Err`: whatever happens
//! is a [`Fetched`](crate::fetched::Fetched).

mod address;
mod clients;
mod cookies;
pub mod decode;
mod dues;
mod failure;
mod http;
mod kept;
mod room;

pub use address::{is_plainly_private, is_private};
#[cfg(any(test, fuzzing))]
pub(crate) use cookies::Jar;
pub use http::{Ask, Fetcher, check};
pub use room::{Room, Share};
