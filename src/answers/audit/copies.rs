//! Which robots.txt ruled when: the copies of each origin in order, and what the crawler knew of them.
//!
//! A start knows the last copy from before its begin, if that could be had and is not older than 30 days
//! beyond its time, and each that came since. Of these the latest rules. One that could not be had forbids
//! everything, unless an older one rules on.

use std::collections::HashMap;

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use super::starts::{Asker, Starts};
use super::{Micros, micros};
use crate::canonical::{CanonicalUrl, Host, Origin};

/// How long a copy that has expired rules on while it cannot be asked for again.
const STALE: Micros = 30 * 86_400_000_000;
/// For so long after a new copy has come, the one before may still have ruled.
const RENEWAL: Micros = 1_000_000;
/// The stamps of one machine's clock agree to this.
const CLOCK: Micros = 1_000;

/// A robots.txt as it was fetched.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    /// `robots.id`; 0 where there was nobody to ask, which allows everything and is not stored.
    pub(super) id: i64,
    pub(super) from: Micros,
    until: Micros,
    reachable: bool,
    /// The Crawl-delay it asks for, by who asks ([`Starts::askers`]).
    delays: Vec<Micros>,
}

/// What rules.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reign<'a> {
    /// Nothing is known.
    Unknown,
    /// It could not be had: nothing is allowed.
    Unreachable(&'a Copy),
    /// This one.
    Copy(&'a Copy),
}

#[derive(Debug, Default)]
pub(super) struct Copies {
    by_origin: HashMap<Origin, Vec<Copy>>,
    /// Whether the database has copies of which it is not known any more whose they are.
    pub(super) has_lost: bool,
}

impl Copies {
    /// Reads what the database has. The rules themselves are left where they are.
    pub(super) fn read(connection: &Connection, starts: &Starts) -> rusqlite::Result<Self> {
        let mut copies = Self::default();
        let sql = "SELECT o.text, r.id, r.fetched, r.valid_until, r.reachable, r.status, CAST(r.body AS BLOB)
                   FROM robots r JOIN origin o ON o.id = r.origin ORDER BY r.origin, r.fetched, r.id";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let origin = Origin::from_stored(&row.get::<_, String>(0)?);
            let (status, body): (Option<u16>, Vec<u8>) = (row.get(5)?, row.get(6)?);
            let delay = |asker: &Asker| {
                let rules = asker.rules(status, &body);
                rules.crawl_delay().map_or(0, micros)
            };
            let copy = Copy {
                id: row.get(1)?,
                from: row.get(2)?,
                until: row.get(3)?,
                reachable: row.get(4)?,
                delays: if body.is_empty() {
                    Vec::new()
                } else {
                    starts.askers.iter().map(delay).collect()
                },
            };
            copies.by_origin.entry(origin).or_default().push(copy);
        }
        copies.has_lost = connection
            .prepare("SELECT 1 FROM robots WHERE origin IS NULL LIMIT 1")?
            .exists([])?;
        Ok(copies)
    }

    /// Takes note that a robots.txt could not be asked for, since there is nobody to ask: the pages may
    /// be tried, and say so themselves.
    pub(super) fn leads_nowhere(&mut self, url: &CanonicalUrl, at: Micros) {
        let origin = url.origin();
        if origin.robots_url().as_ref() != Ok(url) {
            return;
        }
        let copies = self.by_origin.entry(origin).or_default();
        let place = copies.partition_point(|copy| copy.from <= at);
        let copy = Copy {
            id: 0,
            from: at,
            until: at,
            reachable: true,
            delays: Vec::new(),
        };
        copies.insert(place, copy);
    }

    /// What ruled an origin at a time in a start that began at `begun`: the latest, and where that is a
    /// second old, the one before it as well.
    pub(super) fn reigns(&self, origin: &Origin, at: Micros, begun: Micros) -> [Reign<'_>; 2] {
        let copies = self.by_origin.get(origin).map_or(&[][..], Vec::as_slice);
        [
            reign(copies, at.saturating_add(CLOCK), begun),
            reign(copies, at.saturating_sub(RENEWAL), begun),
        ]
    }

    /// The Crawl-delays of each host that has any, for [`Delays::at`].
    pub(super) fn delays(&self) -> HashMap<Host, Delays<'_>> {
        let mut hosts: HashMap<Host, Delays<'_>> = HashMap::new();
        for (origin, copies) in &self.by_origin {
            if let Ok(url) = origin.robots_url() {
                hosts.entry(url.host()).or_default().0.push(copies);
            }
        }
        hosts.retain(|_, delays| {
            let mut copies = delays.0.iter().copied().flatten();
            copies.any(|copy| copy.delays.iter().any(|delay| *delay > 0))
        });
        hosts
    }

    /// How many copies there are of each host's origins.
    pub(super) fn counts(&self) -> HashMap<Host, u64> {
        let mut counts = HashMap::new();
        for (origin, copies) in &self.by_origin {
            if let Ok(url) = origin.robots_url() {
                let stored = copies.iter().filter(|copy| copy.id > 0).count();
                *counts.entry(url.host()).or_default() += stored as u64;
            }
        }
        counts
    }
}

/// Splits the copies that a start knows at a time: what it began with, and what came since.
fn known(copies: &[Copy], at: Micros, begun: Micros) -> (Option<&Copy>, &[Copy]) {
    let here = copies.partition_point(|copy| copy.from <= at);
    let before = copies.partition_point(|copy| copy.from <= begun.min(at));
    let loaded = copies[..before].iter().rev().find(|copy| copy.id > 0);
    let counts = |copy: &&Copy| copy.reachable && copy.until.saturating_add(STALE) > begun;
    (loaded.filter(counts), &copies[before..here])
}

fn reign(copies: &[Copy], at: Micros, begun: Micros) -> Reign<'_> {
    let (loaded, since) = known(copies, at, begun);
    let mut reign = loaded.map_or(Reign::Unknown, Reign::Copy);
    for copy in since {
        let old = match reign {
            // One that had expired is given its time anew by each start.
            Reign::Copy(old) => old.until.max(begun).saturating_add(STALE) > copy.from,
            _ => false,
        };
        if copy.reachable {
            reign = Reign::Copy(copy);
        } else if !old {
            reign = Reign::Unreachable(copy);
        }
    }
    reign
}

/// The Crawl-delays of a host's origins.
#[derive(Debug, Default)]
pub(super) struct Delays<'a>(Vec<&'a Vec<Copy>>);

impl Delays<'_> {
    /// The gap that was in force for a request: the longest of the host's origins. A copy that has just come
    /// counts at once for the pages of its origin, which wait for it; others may not have known it yet.
    pub(super) fn at(&self, at: Micros, begun: Micros, asker: usize, robots: bool) -> Micros {
        let delay = |copies: &[Copy], at| {
            let (loaded, since) = known(copies, at, begun);
            let last = since.iter().rev().find(|copy| copy.reachable).or(loaded);
            last.map(|copy| copy.delays.get(asker).copied().unwrap_or(0))
        };
        let of = |copies: &&Vec<Copy>| {
            let now = delay(copies, at).unwrap_or(0);
            match delay(copies, at.saturating_sub(RENEWAL)) {
                Some(before) => now.min(before),
                None if robots || self.0.len() > 1 => 0,
                None => now,
            }
        };
        self.0.iter().map(of).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Micros = 86_400_000_000;

    /// A copy that came at a time and holds a day: 0 could not be had, else it asks for a delay of so much
    /// less one.
    fn copy(id: i64, from: Micros, what: Micros) -> Copy {
        Copy {
            id,
            from,
            until: from + DAY,
            reachable: what > 0,
            delays: vec![what - 1],
        }
    }

    /// What rules: the copy's number, negative where it could not be had, 0 for nothing.
    fn ruler(copies: &[Copy], at: Micros, begun: Micros) -> i64 {
        match reign(copies, at, begun) {
            Reign::Unknown => 0,
            Reign::Unreachable(copy) => -copy.id,
            Reign::Copy(copy) => copy.id,
        }
    }

    #[test]
    fn who_rules_when() {
        let begun = 100 * DAY;
        for (copies, at, wanted) in [
            (vec![], begun, 0),
            (vec![copy(1, begun + 10, 1)], begun + 9, 0),
            (vec![copy(1, begun + 10, 1)], begun + 10, 1),
            // What the start began with, up to 30 days beyond its time.
            (vec![copy(1, begun - DAY, 1)], begun + 1, 1),
            (vec![copy(1, begun - 31 * DAY + 1, 1)], begun + 1, 1),
            (vec![copy(1, begun - 31 * DAY, 1)], begun + 1, 0),
            // One that could not be had is no beginning.
            (
                vec![copy(1, begun - 2, 1), copy(2, begun - 1, 0)],
                begun + 1,
                0,
            ),
            (vec![copy(1, begun + 1, 0)], begun + 2, -1),
            (
                vec![copy(1, begun + 1, 0), copy(2, begun + 2, 1)],
                begun + 3,
                2,
            ),
            // The old one rules on, for 30 days.
            (
                vec![copy(1, begun + 1, 1), copy(2, begun + DAY, 0)],
                begun + 2 * DAY,
                1,
            ),
            (
                vec![copy(1, begun + 1, 1), copy(2, begun + 32 * DAY, 0)],
                begun + 33 * DAY,
                -2,
            ),
        ] {
            assert_eq!(ruler(&copies, at, begun), wanted, "{copies:?}");
        }
    }

    #[test]
    fn nobody_to_ask() {
        let mut copies = Copies::default();
        let url = CanonicalUrl::parse("http://a.example/robots.txt").expect("a URL");
        copies.leads_nowhere(&url, 10);
        // A hop on the way to another's says nothing of its own origin.
        let hop = CanonicalUrl::parse("http://b.example/other.txt").expect("a URL");
        copies.leads_nowhere(&hop, 10);
        let rules = |origin: Origin, begun| {
            let [now, _] = copies.reigns(&origin, 20, begun);
            matches!(now, Reign::Copy(copy) if copy.id == 0)
        };
        assert!(rules(url.origin(), 5));
        assert!(!rules(url.origin(), 15), "it is not stored");
        assert!(!rules(hop.origin(), 5));
    }

    #[test]
    fn delays() {
        let (begun, second) = (100 * DAY, 1_000_000);
        let first = vec![copy(1, begun + second, 5001)];
        let next = vec![
            copy(1, begun + second, 5001),
            copy(2, begun + 9 * second, 3001),
        ];
        let lost = vec![
            copy(1, begun + second, 5001),
            copy(2, begun + 9 * second, 0),
        ];
        let other = vec![copy(3, begun - second, 4001)];
        for (origins, after, robots, wanted) in [
            (vec![&first], second - 1, false, 0),
            // The pages of an origin wait for its robots.txt; others may not know it yet.
            (vec![&first], second, false, 5000),
            (vec![&first], second, true, 0),
            (vec![&first], 2 * second, true, 5000),
            (vec![&first, &other], second, false, 4000),
            (vec![&first, &other], 3 * second, false, 5000),
            // As long as the old copy may rule, the lesser counts.
            (vec![&next], 9 * second, false, 3000),
            (vec![&next], 8 * second, false, 5000),
            // What could not be had takes no delay back.
            (vec![&lost], 20 * second, false, 5000),
        ] {
            let delays = Delays(origins);
            assert_eq!(
                delays.at(begun + after, begun, 0, robots),
                wanted,
                "{delays:?} {after}"
            );
        }
    }
}
