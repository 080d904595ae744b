//! The memory of the seen set: a bounded cache of what the `url` and `visit` tables know. The tables
//! are exact; what falls out of the cache is looked up there.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

use super::route::{Judgement, Route};
use super::words::{Decision, Role};
use crate::canonical::CanonicalUrl;

/// Entries of one generation: as many as fit in a hash table of 2^17 places.
const GENERATION: usize = 7 << 14;

/// The keyed hash of a URL's identity. Its low half is in the index; all of it is the cache's key,
/// with the key drawn for each database, so that nobody outside can make two URLs meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UrlHash(u128);

impl UrlHash {
    pub(super) fn of(url: &CanonicalUrl, keys: (u64, u64)) -> Self {
        let mut hasher = SipHasher13::new_with_keys(keys.0, keys.1);
        hasher.write(url.key().as_bytes());
        Self(hasher.finish128().as_u128())
    }

    /// What the table's index has.
    pub(super) fn stored(self) -> i64 {
        self.0 as i64
    }
}

/// What is known of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) id: i64,
    pub(super) host: i64,
    /// What this run decided, at which depth and after how many redirects; none if it has not met it.
    pub(super) visit: Option<Visit>,
}

/// See [`Known::visit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) decision: Decision,
    pub(super) role: Role,
    pub(super) depth: u32,
    pub(super) redirects: u32,
    /// Links beyond the scope; of an asset, the length of its chain of assets.
    pub(super) hops: u32,
    /// Of a page: whether it is a part of a page, too.
    pub(super) part: bool,
}

impl Visit {
    /// Of what no run visits: a robots.txt.
    pub(super) const NONE: Self = Self {
        decision: Decision::Admitted,
        role: Role::Shut,
        depth: 0,
        redirects: 0,
        hops: 0,
        part: false,
    };

    /// A judgement and the route that it is of.
    pub(super) fn of(found: &Judgement, route: &Route) -> Self {
        Self {
            decision: found.decision,
            role: found.role,
            depth: route.depth,
            redirects: route.redirects,
            hops: found.hops,
            part: false,
        }
    }

    /// The same as the part of a page that it is, too. A page stands at the head of a chain of assets.
    pub(super) fn as_part(&self) -> Option<Self> {
        self.part.then_some(Self {
            role: Role::Asset,
            hops: 1,
            ..*self
        })
    }

    /// What stays of what was known when a better route changes what a URL is asked for as: it is as few
    /// redirects away as ever, and still a part of a page.
    pub(super) fn keeping(self, before: &Self) -> Self {
        if !before.is_in() {
            return self;
        }
        Self {
            redirects: self.redirects.min(before.redirects),
            part: self.role == Role::Page && (before.part || before.role == Role::Asset),
            ..self
        }
    }

    /// Whether it is asked for, or would be if robots.txt allowed it.
    pub(super) fn is_in(&self) -> bool {
        matches!(self.decision, Decision::Admitted | Decision::Disallowed)
    }

    /// Whether an open route leads to it, and its place alone keeps it out.
    pub(super) fn is_outside(&self) -> bool {
        self.decision == Decision::Excluded && self.role == Role::Page
    }

    /// Whether no open route leads to it: of those, none is better than another.
    pub(super) fn is_shut(&self) -> bool {
        self.role == Role::Shut
    }

    /// Whether it is a seed or in a seed's chain of redirects: if it redirects no further, the chain ends
    /// here. How many redirects lead here does not matter: a link to it makes them none.
    pub(super) fn ends_seed(&self) -> bool {
        self.role == Role::Page && self.depth == 0
    }

    /// What is decided takes the place of what is greater here.
    pub(super) fn precedence(&self) -> (u8, Role) {
        precedence(self.decision, self.role)
    }
}

impl Judgement {
    /// See [`Visit::is_outside`].
    pub(super) fn is_outside(&self) -> bool {
        self.decision == Decision::Excluded && self.role == Role::Page
    }

    /// See [`Visit::precedence`].
    pub(super) fn precedence(&self) -> (u8, Role) {
        precedence(self.decision, self.role)
    }
}

fn precedence(decision: Decision, role: Role) -> (u8, Role) {
    let first = match decision {
        // What is trapped stays so, by whatever route.
        Decision::Admitted | Decision::Disallowed | Decision::Trapped => 0,
        Decision::Excluded => 1,
        Decision::Cut => 2,
        Decision::Linked => 3,
        Decision::Undecided => 4,
    };
    (first, role)
}

/// The hash is already one.
#[derive(Debug, Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64 ^ (value >> 64) as u64;
    }
}

type Generation = HashMap<UrlHash, Known, BuildHasherDefault<AsIs>>;

/// Two generations: when the young one is full it becomes the old one, and what was not asked for
/// since is forgotten.
#[derive(Debug, Default)]
pub(super) struct Seen {
    young: Generation,
    old: Generation,
}

impl Seen {
    pub(super) fn get(&mut self, hash: UrlHash) -> Option<Known> {
        if let Some(known) = self.young.get(&hash) {
            return Some(*known);
        }
        let known = self.old.remove(&hash)?;
        self.put(hash, known);
        Some(known)
    }

    pub(super) fn put(&mut self, hash: UrlHash, known: Known) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str, keys: (u64, u64)) -> UrlHash {
        UrlHash::of(&CanonicalUrl::parse(text).expect(text), keys)
    }

    #[test]
    fn hash_is_keyed_stable_and_of_the_identity() {
        let one = hash("http://a.example/%7ex", (1, 2));
        assert_eq!(one, hash("http://a.example/~x", (1, 2)));
        assert_ne!(one, hash("http://a.example/~x", (1, 3)));
        // It is written to disk: it must not change with the library.
        assert_eq!(one.stored(), hash("http://a.example/~x", (1, 2)).stored());
    }

    #[test]
    fn cache_is_bounded_and_keeps_what_is_used() {
        let mut seen = Seen::default();
        let known = |id| Known {
            id,
            host: 1,
            visit: None,
        };
        let favourite = UrlHash(u128::MAX);
        seen.put(favourite, known(-1));
        for id in 0..5 * GENERATION as i64 {
            seen.put(UrlHash(id as u128), known(id));
            if id % 1000 == 0 {
                assert_eq!(seen.get(favourite).map(|known| known.id), Some(-1));
            }
        }
        assert!(seen.young.len() + seen.old.len() <= 2 * GENERATION);
        assert_eq!(seen.get(UrlHash(0)), None);
    }

    /// It may forget, but it never answers with what was not put there last.
    #[test]
    fn cache_against_a_map() {
        let (mut seen, mut all) = (Seen::default(), HashMap::new());
        let mut random = fastrand::Rng::with_seed(7);
        let (mut found, places) = (0, 2 * GENERATION as u64);
        for id in 0..3 * GENERATION as i64 {
            let hash = UrlHash(fastrand::Rng::with_seed(random.u64(..places)).u128(..));
            if random.bool() {
                let known = Known {
                    id,
                    host: 1,
                    visit: None,
                };
                seen.put(hash, known);
                all.insert(hash, known);
            } else if let Some(known) = seen.get(hash) {
                assert_eq!(all.get(&hash), Some(&known));
                found += 1;
            }
        }
        assert!(found > GENERATION / 4 && seen.young.len() <= GENERATION);
    }
}
