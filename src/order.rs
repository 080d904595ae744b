//! In which order a host's URLs are asked for: their places in its queue. Pure: a function of the URL, its
//! depth, its number and the settings, so that a stop changes nothing.

use regex::RegexSet;

use crate::canonical::CanonicalUrl;
use crate::config::{Config, ConfigError, Sequence};

/// Bits of a place that the number of a URL takes: what is found first comes first.
pub(crate) const ID_BITS: u32 = 40;
/// Bits above, for what the sequence goes by.
const KEY_BITS: u32 = 15;
const MAX_KEY: u64 = (1 << KEY_BITS) - 1;
/// The rank of what has no priority. A higher priority is a lower rank; rank 0 is left to what comes
/// before all pages.
const RANK: i64 = 128;

/// The order of a host's queue.
#[derive(Debug, Clone)]
pub struct Order {
    sequence: Sequence,
    patterns: RegexSet,
    priorities: Vec<i16>,
}

impl Order {
    /// As the settings have it.
    ///
    /// # Errors
    /// When a pattern is no regular expression.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let patterns: Vec<&str> = config
            .priority
            .iter()
            .map(|row| row.urls.as_str())
            .collect();
        Ok(Self {
            sequence: config.scope.order,
            patterns: crate::scope::regex_set("priority.urls", &patterns)?,
            priorities: config.priority.iter().map(|row| row.priority).collect(),
        })
    }

    /// The place of a page, asset or check in its host's queue: the least is asked for first.
    #[must_use]
    pub fn of(&self, url: &CanonicalUrl, depth: u32, id: i64) -> u64 {
        let key = match self.sequence {
            Sequence::BreadthFirst => u64::from(depth).min(MAX_KEY),
            Sequence::DepthFirst => MAX_KEY - u64::from(depth).min(MAX_KEY),
            Sequence::Score => (u64::from(depth) + remoteness(url)).min(MAX_KEY),
        };
        let rank = (RANK - i64::from(self.priority(url))).clamp(1, 2 * RANK - 1) as u64;
        (rank << (KEY_BITS + ID_BITS)) | (key << ID_BITS) | (id as u64 & ((1 << ID_BITS) - 1))
    }

    /// The priority of a URL: of the patterns that match, the last one's.
    #[must_use]
    pub fn priority(&self, url: &CanonicalUrl) -> i16 {
        if self.priorities.is_empty() {
            return 0;
        }
        let last = self.patterns.matches(url.as_str()).iter().next_back();
        last.and_then(|index| self.priorities.get(index).copied())
            .unwrap_or(0)
    }
}

/// How far a URL looks from the middle of its site: folders, and twice the parameters.
fn remoteness(url: &CanonicalUrl) -> u64 {
    let (path, query) = match url.path_and_query().split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url.path_and_query(), None),
    };
    let folders = path.bytes().filter(|&byte| byte == b'/').count().max(1) - 1;
    let parameters = query.map_or(0, |query| 1 + query.bytes().filter(|&b| b == b'&').count());
    (folders + 2 * parameters) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PriorityConfig;

    fn url(path: &str) -> CanonicalUrl {
        CanonicalUrl::parse(&format!("http://a.example{path}")).expect(path)
    }

    fn order(sequence: Sequence, priorities: &[(&str, i16)]) -> Order {
        let mut config = Config::default();
        config.scope.order = sequence;
        let row = |(urls, priority): &(&str, i16)| PriorityConfig {
            urls: (*urls).to_owned(),
            priority: *priority,
        };
        config.priority = priorities.iter().map(row).collect();
        Order::new(&config).expect("an order")
    }

    /// Pages, each with its depth and in the order of their discovery, as they come.
    fn sorted(order: &Order, pages: &[(&str, u32)]) -> Vec<String> {
        let mut places: Vec<(u64, String)> = (1..)
            .zip(pages)
            .map(|(id, (path, depth))| (order.of(&url(path), *depth, id), (*path).to_owned()))
            .collect();
        places.sort();
        // The table holds signed numbers, and what comes before all pages has rank 0.
        let pages = (1 << (KEY_BITS + ID_BITS))..=i64::MAX as u64;
        assert!(places.iter().all(|place| pages.contains(&place.0)));
        places.into_iter().map(|place| place.1).collect()
    }

    #[test]
    fn sequences() {
        let pages = [
            ("/x/y/z", 1),
            ("/a", 2),
            ("/b?c=1&d=2", 1),
            ("/deep", 40_000),
            ("/", 0),
        ];
        for (sequence, wanted) in [
            (
                Sequence::BreadthFirst,
                ["/", "/x/y/z", "/b?c=1&d=2", "/a", "/deep"],
            ),
            (
                Sequence::DepthFirst,
                ["/deep", "/a", "/x/y/z", "/b?c=1&d=2", "/"],
            ),
            (
                Sequence::Score,
                ["/", "/a", "/x/y/z", "/b?c=1&d=2", "/deep"],
            ),
        ] {
            assert_eq!(
                sorted(&order(sequence, &[]), &pages),
                wanted,
                "{sequence:?}"
            );
        }
    }

    #[test]
    fn priorities_come_before_the_sequence() {
        let order = order(
            Sequence::BreadthFirst,
            &[("/news/", 100), ("/archive/", -50), ("/news/old", -100)],
        );
        let pages = [
            ("/archive/1", 0),
            ("/x", 1),
            ("/news/1", 9),
            ("/news/old/1", 0),
        ];
        assert_eq!(
            sorted(&order, &pages),
            ["/news/1", "/x", "/archive/1", "/news/old/1"]
        );
    }
}
