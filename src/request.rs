//! What to ask: one [`Request`] of the frontier.

use std::time::SystemTime;

use crate::canonical::{CanonicalUrl, Origin};

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A page of the crawl.
    Page,
    /// Something that pages are made of (an image, a style sheet): its own links lead to no pages.
    Asset,
    /// A URL out of scope that is asked whether it is there; what it says is not read.
    Check,
    /// The robots.txt of an origin, or a hop on the way to it.
    Robots {
        /// Whose rules are asked for; the URL may by now be another host's.
        origin: Origin,
        /// Redirects followed so far.
        hops: u32,
    },
    /// A sitemap: the URLs that it names are reached. The same URL may be a page besides.
    Sitemap,
}

/// The store's own handle on a queued URL: made and read by the store alone, carried by everyone else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ticket {
    pub(crate) url: i64,
    pub(crate) host: i64,
    /// Whether it is the first that is known of its host: nothing is stored of that.
    pub(crate) is_first: bool,
}

/// What an earlier run knows of a URL's content, to ask whether it is still so (RFC 9110 §13.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    /// The entity tag; sent rather than the date, where both are known.
    pub etag: Option<String>,
    /// When it was last modified, in the server's words.
    pub last_modified: Option<String>,
    /// The file of the content, relative to the output directory.
    pub file: Option<String>,
    /// The store's number of the content.
    pub(crate) version: i64,
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
    /// What to make the request conditional on, where an earlier run has its content.
    pub validators: Option<Box<Validators>>,
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
            validators: None,
        }
    }

    /// Whether it is a page: what `max-pages` counts.
    #[must_use]
    pub fn is_page(&self) -> bool {
        self.kind == Kind::Page
    }

    /// Whether it is for a sitemap.
    #[must_use]
    pub fn is_sitemap(&self) -> bool {
        self.kind == Kind::Sitemap
    }

    /// Whether it is for something that the crawl visits (a page, an asset, a check), not for what only tells
    /// it where to go.
    #[must_use]
    pub fn is_visit(&self) -> bool {
        !self.is_robots() && !self.is_sitemap()
    }

    /// Whether it is for a robots.txt, which has no place in the queue of the table.
    #[must_use]
    pub fn is_robots(&self) -> bool {
        matches!(self.kind, Kind::Robots { .. })
    }
}
