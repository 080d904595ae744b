//! What to ask: one [`Request`] of the frontier.

use std::time::SystemTime;

use crate::canonical::{CanonicalUrl, Origin};

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A page of the crawl.
    Page,
    /// The robots.txt of an origin, or a hop on the way to it.
    Robots {
        /// Whose rules are asked for; the URL may by now be another host's.
        origin: Origin,
        /// Redirects followed so far.
        hops: u32,
    },
}

/// The store's own handle on a queued URL: made and read by the store alone, carried by everyone else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ticket {
    pub(crate) url: i64,
    pub(crate) host: i64,
}

/// One request that waits in the frontier or is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What to ask for.
    pub url: CanonicalUrl,
    /// What for.
    pub kind: Kind,
    /// Place in its host's queue: least first, by depth and then by when it was found.
    pub order: u64,
    /// Links from the nearest seed, as known when it was admitted.
    pub depth: u32,
    /// Failed attempts so far.
    pub attempt: u32,
    /// Not to be asked for before this time (a retry).
    pub not_before: Option<SystemTime>,
    /// The store's handle.
    pub ticket: Ticket,
}

impl Request {
    /// The request for an origin's robots.txt, or for a hop on the way to it.
    #[must_use]
    pub fn robots(url: CanonicalUrl, origin: Origin, hops: u32, attempt: u32) -> Self {
        Self {
            url,
            kind: Kind::Robots { origin, hops },
            order: 0,
            depth: 0,
            attempt,
            not_before: None,
            ticket: Ticket::default(),
        }
    }

    /// Whether it is a page (and not a robots.txt).
    #[must_use]
    pub fn is_page(&self) -> bool {
        self.kind == Kind::Page
    }
}
