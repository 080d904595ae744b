//! What a sitemap says: its kind, and its URLs with what is said of each.

use crate::canonical::CanonicalUrl;

/// What kind of sitemap it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A list of further sitemaps.
    Index,
    /// A list of pages.
    Urls,
    /// RSS or Atom.
    Feed,
    /// One URL a line.
    Text,
    /// XML or HTML that is none of these; nothing is read of it.
    Unknown,
}

impl Kind {
    /// Every kind, with the word and the number that the database has for it.
    pub(crate) const ALL: [(Self, &'static str, u8); 5] = [
        (Self::Unknown, "unknown", 0),
        (Self::Index, "index", 1),
        (Self::Urls, "urlset", 2),
        (Self::Feed, "feed", 3),
        (Self::Text, "text", 4),
    ];

    /// The number that the database has for it.
    pub(crate) fn code(self) -> u8 {
        Self::ALL
            .iter()
            .find(|row| row.0 == self)
            .map_or(0, |row| row.2)
    }
}

/// One URL of a sitemap, and what is said of it, as it is written there.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The URL.
    pub loc: CanonicalUrl,
    /// When it changed last: a W3C date in sitemaps and Atom, an RFC 822 date in RSS; not checked.
    pub lastmod: Option<Box<str>>,
    /// How often it changes, in a word.
    pub changefreq: Option<Box<str>>,
    /// Its weight among those of the site, from 0 to 1.
    pub priority: Option<f32>,
}

// A priority is a number, so that each equals itself.
impl Eq for Entry {}

/// What a sitemap says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sitemap {
    /// What kind it is.
    pub kind: Kind,
    /// Its URLs in their order; one that stands there twice is here twice.
    pub entries: Vec<Entry>,
    /// Entries that were left out, as their address is none of the web.
    pub refused: usize,
    /// Whether it is only a beginning: too long, too many entries, or broken further on.
    pub truncated: bool,
    /// Its length in bytes, unpacked.
    pub bytes: usize,
}
