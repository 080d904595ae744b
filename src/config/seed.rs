//! What a crawl begins with: a page, or a sitemap whose entries are as good as links of one.

use std::collections::HashSet;
use std::fmt;

use crate::canonical::CanonicalUrl;

/// How a sitemap is told from a page where seeds are stored as text.
const SITEMAP: &str = "sitemap ";

/// Where a crawl begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seed {
    /// A page.
    Page(CanonicalUrl),
    /// A sitemap: it is read, and what it names is reached.
    Sitemap(CanonicalUrl),
}

impl Seed {
    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &CanonicalUrl {
        match self {
            Self::Page(url) | Self::Sitemap(url) => url,
        }
    }

    /// Whether it is a sitemap.
    #[must_use]
    pub fn is_sitemap(&self) -> bool {
        matches!(self, Self::Sitemap(_))
    }

    /// Reads what [`Display`](fmt::Display) writes: the form that is stored.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        match text.strip_prefix(SITEMAP) {
            Some(url) => CanonicalUrl::parse(url).ok().map(Self::Sitemap),
            None => CanonicalUrl::parse(text).ok().map(Self::Page),
        }
    }

    /// What makes two seeds one.
    pub(crate) fn key(&self) -> (bool, String) {
        (self.is_sitemap(), self.url().key().into_owned())
    }

    /// What the scope is measured from: the pages; sitemaps where there are no pages.
    #[must_use]
    pub fn anchors(seeds: &[Self]) -> Vec<CanonicalUrl> {
        let pages = seeds.iter().filter(|seed| !seed.is_sitemap());
        let pages: Vec<_> = pages.map(|seed| seed.url().clone()).collect();
        if pages.is_empty() {
            Self::urls(seeds)
        } else {
            pages
        }
    }

    /// The URLs of all: what the user has named.
    #[must_use]
    pub fn urls(seeds: &[Self]) -> Vec<CanonicalUrl> {
        seeds.iter().map(|seed| seed.url().clone()).collect()
    }

    /// Each once.
    pub(crate) fn once(mut seeds: Vec<Self>) -> Vec<Self> {
        let mut met = HashSet::new();
        seeds.retain(|seed| met.insert(seed.key()));
        seeds
    }
}

impl From<CanonicalUrl> for Seed {
    fn from(url: CanonicalUrl) -> Self {
        Self::Page(url)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(url) => write!(f, "{url}"),
            Self::Sitemap(url) => write!(f, "{SITEMAP}{url}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_and_read_back() {
        let url = |text| CanonicalUrl::parse(text).expect("a URL");
        let (page, map) = (url("http://a.example/"), url("http://b.example/s.xml"));
        let seeds = [Seed::Page(page.clone()), Seed::Sitemap(map.clone())];
        for (seed, text) in seeds
            .iter()
            .zip(["http://a.example/", "sitemap http://b.example/s.xml"])
        {
            assert_eq!(seed.to_string(), text);
            assert_eq!(Seed::from_stored(text).as_ref(), Some(seed));
        }
        assert_eq!(Seed::from_stored("sitemap nonsense"), None);
        assert_eq!(Seed::anchors(&seeds), [page]);
        assert_eq!(Seed::anchors(&seeds[1..]), [map]);
    }
}
