//! The numbers of the tables, and the words that views and answers have for them.

use crate::record::LinkKind;
use crate::request::Kind;

/// What a visit came to, as `visit.decision` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It belongs to the crawl: it waits, or has its outcome.
    Admitted = 0,
    /// The scope keeps it out, whatever the route.
    Excluded = 1,
    /// The route by which it was found is cut (depth, redirects, nofollow); a better one overturns that.
    Cut = 2,
    /// Only linked in a way that is not followed (an image, a form).
    Linked = 3,
    /// robots.txt forbids it.
    Disallowed = 4,
    /// Being decided anew; never committed.
    Undecided = 5,
    /// Put aside as a part of a trap.
    Trapped = 6,
}

impl Decision {
    pub(crate) const ALL: [(Self, &'static str); 7] = [
        (Self::Admitted, "admitted"),
        (Self::Excluded, "excluded"),
        (Self::Cut, "cut"),
        (Self::Linked, "linked"),
        (Self::Disallowed, "disallowed"),
        (Self::Undecided, "undecided"),
        (Self::Trapped, "trapped"),
    ];

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|row| row.0 as i64 == code)
            .map(|row| row.0)
    }

    /// The word that views have for a number.
    pub(crate) fn word(code: i64) -> Option<&'static str> {
        let found = Self::ALL.iter().find(|row| row.0 as i64 == code);
        found.map(|row| row.1)
    }
}

/// What a URL is asked for, as `visit.role` has it: a lesser number takes precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// A page, whose links lead on.
    Page = 0,
    /// A part of a page.
    Asset = 1,
    /// Nothing leads to it in this run, but the last one had it: asked so that *gone* has evidence.
    Known = 2,
    /// Out of scope, and asked whether it is there.
    Check = 3,
    /// Not asked for, and no route that was open led to it.
    Shut = 9,
}

impl Role {
    pub(super) const ALL: [(Self, &'static str); 4] = [
        (Self::Page, "page"),
        (Self::Asset, "asset"),
        (Self::Known, "known"),
        (Self::Check, "check"),
    ];

    pub(crate) fn from_code(code: i64) -> Self {
        let found = Self::ALL.iter().find(|row| row.0 as i64 == code);
        found.map_or(Self::Shut, |row| row.0)
    }

    /// The word that views have for a number; none for what is not asked for.
    pub(crate) fn word(code: i64) -> Option<&'static str> {
        let found = Self::ALL.iter().find(|row| row.0 as i64 == code);
        found.map(|row| row.1)
    }
}

/// How a URL was found when no link kind says so (`visit.via_kind`).
pub(crate) const VIA_SEED: u8 = 100;
/// See [`VIA_SEED`].
pub(crate) const VIA_REDIRECT: u8 = 101;
/// See [`VIA_SEED`]: the last run had it.
pub(crate) const VIA_EARLIER: u8 = 102;
/// See [`VIA_SEED`]: a sitemap names it.
pub(crate) const VIA_SITEMAP: u8 = 103;
/// See [`VIA_SEED`]; of a sitemap alone: a robots.txt names it.
pub(crate) const VIA_ROBOTS: u8 = 104;
/// See [`VIA_SEED`]; of a sitemap alone: nothing names it, but it may be there.
pub(crate) const VIA_GUESS: u8 = 105;

/// The words of these.
pub(super) const VIAS: [(u8, &str); 6] = [
    (VIA_SEED, "seed"),
    (VIA_REDIRECT, "redirect"),
    (VIA_EARLIER, "earlier run"),
    (VIA_SITEMAP, "sitemap"),
    (VIA_ROBOTS, "robots.txt"),
    (VIA_GUESS, "guess"),
];

/// How a URL was found, by the number in `visit.via_kind` and `link.kind`, in the word of the views.
pub(crate) fn via_word(code: i64) -> Option<&'static str> {
    let kinds = LinkKind::ALL.iter().map(|row| (row.2, row.1));
    let mut all = kinds.chain(VIAS);
    all.find(|row| i64::from(row.0) == code).map(|row| row.1)
}

/// The number of a request for a robots.txt, or for a hop on the way to it.
pub(crate) const ROBOTS: u8 = 1;

/// The number of a request's kind: `fetch.kind`, `frontier.kind`.
pub(crate) fn kind_code(kind: &Kind) -> u8 {
    match kind {
        Kind::Page => 0,
        Kind::Robots { .. } => ROBOTS,
        Kind::Asset => 2,
        Kind::Check => 3,
        Kind::Sitemap => 4,
    }
}

/// See [`kind_code`].
pub(super) const KINDS: [(i64, &str); 5] = [
    (0, "page"),
    (1, "robots"),
    (2, "asset"),
    (3, "check"),
    (4, "sitemap"),
];

/// The word that views have for the number of a request's kind.
pub(crate) fn kind_word(code: i64) -> Option<&'static str> {
    KINDS.iter().find(|row| row.0 == code).map(|row| row.1)
}
