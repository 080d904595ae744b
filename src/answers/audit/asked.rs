//! What is kept of a request.

use std::time::Duration;

use super::Micros;

/// What an answer means for its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// The host works, or nothing can be said.
    Fine,
    /// A failure that may pass.
    Failed,
    /// It asks for a pause: see [`Throttle`].
    Throttled,
}

/// A request that was sent: what is kept of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) id: i64,
    pub(super) started: Micros,
    pub(super) host: u32,
    /// Microseconds from its start to its end; what took longer than 71 minutes counts as that.
    pub(super) total: u32,
    /// Place of its start among `Starts::list`.
    pub(super) start: u32,
    pub(super) robots: bool,
    pub(super) class: Class,
}

impl Asked {
    pub(super) fn ended(&self) -> Micros {
        self.started.saturating_add(self.total.into())
    }
}

/// An answer that asks for a pause.
#[derive(Debug, Clone, Copy)]
pub(super) struct Throttle {
    pub(super) host: u32,
    pub(super) ended: Micros,
    pub(super) id: i64,
    pub(super) start: u32,
    pub(super) status: u16,
    /// `Retry-After`, as time from the end of the answer.
    pub(super) asked: Option<Duration>,
}
