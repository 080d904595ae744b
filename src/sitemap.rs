//! What a sitemap says: its kind, and its URLs with what is said of each.

use std::sync::Arc;

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
    /// What it is called in which languages (`<xhtml:link rel="alternate" hreflang="…">`), in their order.
    pub alternates: Vec<Alternate>,
}

/// A version of an entry for readers of some language; often the entry itself is one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alternate {
    /// The code of the language as it is written, white space folded, cut at 64 bytes.
    pub language: Arc<str>,
    /// The place of its URL in [`Sitemap::targets`]: all entries of a group name the same few.
    pub target: usize,
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
    /// The URLs that its entries name as alternates, each once, in the order in which they come.
    pub targets: Vec<CanonicalUrl>,
    /// Entries that were left out, as their address is none of the web.
    pub refused: usize,
    /// Whether something of it is missing: it is too long, has too many entries or alternates, or is broken
    /// further on.
    pub truncated: bool,
    /// Its length in bytes, unpacked.
    pub bytes: usize,
}

impl Sitemap {
    /// The alternates of an entry: language and URL.
    pub fn alternates<'a>(
        &'a self,
        entry: &'a Entry,
    ) -> impl Iterator<Item = (&'a str, &'a CanonicalUrl)> {
        let all = entry.alternates.iter();
        all.filter_map(|one| Some((&*one.language, self.targets.get(one.target)?)))
    }
}
