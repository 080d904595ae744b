//! One request in, one answer out. No redirect is followed, no failure is an `Err`: whatever happens
//! is a [`Fetched`](crate::fetched::Fetched).

mod address;
pub mod decode;
mod http;

pub use address::is_private;
pub use http::{Ask, Fetcher};
