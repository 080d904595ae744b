//! How far a host's sitemaps can be believed when they say that a page has changed since it was asked for: as far as
//! what they said before has turned out to be so. A site that writes the date of today on everything is believed no
//! more than its pages change, and all of them alike, so that it is their own history that tells them apart.

use std::collections::HashMap;

use super::{DAY, GROUPS};

/// What is thought of a host of which nothing is known yet: half of what it says is so…
const AT_FIRST: f64 = 0.5;
/// …as if that had been tried so many times.
const WEIGHT: f64 = 4.0;
/// How much likelier a page has changed which its sitemaps named and name no more.
pub const LEFT: f64 = 0.9;

/// Whether a `lastmod` is later than the last answer, and no date that is yet to come.
#[must_use]
pub fn is_news(told: Option<f64>, last: f64, now: f64) -> bool {
    told.is_some_and(|told| told > last && told <= now + DAY)
}

/// The chance of a change, for which something else speaks, too.
#[must_use]
pub fn likelier(chance: f64, by: f64) -> f64 {
    1.0 - (1.0 - chance) * (1.0 - by)
}

/// How often it was said that a page had changed, and how often it had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tried {
    told: u32,
    so: u32,
}

impl Tried {
    /// It was said, and that was seen of the page.
    pub fn see(&mut self, changed: bool) {
        self.told += 1;
        self.so += u32::from(changed);
    }
}

/// The same by host.
#[derive(Debug, Default)]
pub struct Trust(HashMap<i64, (f64, f64)>);

impl Trust {
    /// Takes in a page of a host.
    pub fn add(&mut self, host: i64, tried: Tried) {
        if tried.told > 0 && (self.0.len() < GROUPS || self.0.contains_key(&host)) {
            let (told, so) = self.0.entry(host).or_default();
            *told += f64::from(tried.told);
            *so += f64::from(tried.so);
        }
    }

    /// How likely a page of a host has changed that is said to.
    #[must_use]
    pub fn of(&self, host: i64) -> f64 {
        let (told, so) = self.0.get(&host).copied().unwrap_or_default();
        (so + WEIGHT * AT_FIRST) / (told + WEIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(told: u32, so: u32) -> Tried {
        Tried { told, so }
    }

    #[test]
    fn a_host_is_believed_as_far_as_it_was_right() {
        let mut trust = Trust::default();
        for _ in 0..50 {
            trust.add(1, tried(4, 4));
            trust.add(2, tried(4, 0));
            trust.add(3, tried(4, 1));
            trust.add(4, tried(0, 0));
        }
        for (host, wanted) in [(1, 0.99), (2, 0.01), (3, 0.25), (4, 0.5), (5, 0.5)] {
            assert!(
                (trust.of(host) - wanted).abs() < 0.01,
                "{host}: {}",
                trust.of(host)
            );
        }
        assert!(!trust.0.contains_key(&4));
    }

    /// Who is always told of is told apart by what it does; who is told of by an honest host comes before.
    #[test]
    fn what_is_said_of_everything_says_nothing() {
        let mut trust = Trust::default();
        (0..100).for_each(|page| trust.add(1, tried(5, u32::from(page < 10) * 5)));
        (0..100).for_each(|_| trust.add(2, tried(1, 1)));
        let said = |host, chance| likelier(chance, trust.of(host));
        assert!(said(1, 0.05) < said(1, 0.2) && said(1, 0.05) < 0.2);
        assert!(said(2, 0.01) > 0.95 && said(2, 0.01) > said(1, 0.9));
    }

    #[test]
    fn dates_that_are_news() {
        for (told, wanted) in [
            (None, false),
            (Some(9.0), false),
            (Some(10.0), false),
            (Some(11.0), true),
            (Some(20.0 + DAY), true),
            (Some(21.0 + DAY), false),
        ] {
            assert_eq!(is_news(told, 10.0, 20.0), wanted, "{told:?}");
        }
    }
}
