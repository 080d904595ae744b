//! Parameters that change nothing: session ids, ways of sorting and showing. They are found by pages that
//! say the same at URLs that differ in them alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use super::shape::{Shape, bare_path, ids_in_path, params};
use crate::canonical::CanonicalUrl;

/// Pages that are remembered of a host, to find pairs.
const RECENT: usize = 512;
/// Sets of parameters that are watched on a host.
const MOST_GROUPS: usize = 12;
/// More parameters than this are not compared.
const MOST_PARAMS: usize = 16;
/// So many pairs, and no pair that says otherwise, are proof.
const PROOF: u32 = 16;
/// For the whole host, the pairs must be of so many different pages.
const PLACES: usize = 4;
/// Ways in which a URL can go on without the parameters, as far as they are remembered.
const MOST_RESTS: usize = 1 << 16;

/// An id in the path goes by this name and its place.
const FOLDER: &str = "folder ";

/// A URL, as far as it matters here.
#[derive(Debug, Clone)]
struct Address {
    path: u64,
    /// Name and value, in the order of the URL.
    params: Vec<(Box<str>, u64)>,
    whole: u64,
}

/// What is known of a host's parameters.
#[derive(Debug, Default)]
pub(super) struct Voids {
    recent: VecDeque<(Address, u64, Box<str>)>,
    groups: Vec<Group>,
}

/// Parameters that may be void together; none: the order of all.
#[derive(Debug, Default)]
struct Group {
    names: Vec<Box<str>>,
    /// By what is left of a URL without them: what the page said, if it was read, and which URL that was.
    rests: HashMap<u64, (Option<u64>, u64)>,
    families: HashMap<Box<str>, Evidence>,
    host: Evidence,
    places: HashSet<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Evidence {
    pairs: u32,
    refuted: bool,
    /// Whether it has become a rule.
    rule: bool,
}

/// A set of parameters has turned out to change nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Void {
    pub(super) names: Vec<Box<str>>,
    /// Where; everywhere on the host if `None`.
    pub(super) family: Option<Box<str>>,
    /// Pairs of pages that show it.
    pub(super) pairs: u32,
}

impl Void {
    /// As templates are written: `/product/#?sid`, `?sid`.
    pub(super) fn text(&self) -> String {
        let family = self.family.as_deref().unwrap_or_default();
        format!("{family}?{}", self.names.join("&"))
    }

    /// The rule that it makes.
    pub(super) fn rule(&self) -> String {
        let what = match self.names.as_slice() {
            [] => "the order of parameters changes nothing".to_owned(),
            [name] if name.starts_with(FOLDER) => format!("the id in {name} changes nothing"),
            [name] => format!("parameter {name} changes nothing"),
            names => format!("parameters {} change nothing", names.join(", ")),
        };
        match &self.family {
            Some(family) => format!("trap: {what} on {family}"),
            None => format!("trap: {what}"),
        }
    }

    /// What was written by [`Void::text`].
    pub(super) fn parse(text: &str) -> Self {
        let (family, names) = text.split_once('?').unwrap_or((text, ""));
        let names = names.split('&').filter(|name| !name.is_empty());
        Self {
            names: names.map(Box::from).collect(),
            family: (!family.is_empty()).then(|| family.into()),
            pairs: PROOF,
        }
    }
}

impl Address {
    fn of(url: &CanonicalUrl, keys: &RandomState) -> Option<Self> {
        let mut params: Vec<(Box<str>, u64)> = params(url)
            .take(MOST_PARAMS + 1)
            .map(|(name, value)| (name.into_boxed_str(), keys.hash_one(value)))
            .collect();
        let bare = bare_path(url);
        let mut path = String::with_capacity(bare.len());
        let mut ids = ids_in_path(&bare).peekable();
        for (place, part) in bare.split('/').enumerate() {
            path.push('/');
            match ids.next_if(|id| id.0 == place) {
                Some(_) => params.push((format!("{FOLDER}{place}").into(), keys.hash_one(part))),
                None => path.push_str(part),
            }
        }
        (params.len() <= MOST_PARAMS).then(|| Self {
            path: keys.hash_one((url.scheme(), path)),
            params,
            whole: keys.hash_one(url.key()),
        })
    }

    /// The parameters in which two URLs of one path differ: each name once. `None` where they do not differ
    /// at all.
    fn difference(&self, other: &Self) -> Option<Vec<Box<str>>> {
        let missing = |one: &Self, other: &Self| {
            let lone = one
                .params
                .iter()
                .filter(|pair| !other.params.contains(pair));
            lone.map(|pair| pair.0.clone()).collect::<Vec<_>>()
        };
        let mut names = missing(self, other);
        names.extend(missing(other, self));
        names.sort_unstable();
        names.dedup();
        (!names.is_empty() || self.params != other.params).then_some(names)
    }
}

impl Group {
    /// What is left of a URL without these parameters, whatever the order of the others.
    fn rest(&self, address: &Address, keys: &RandomState) -> u64 {
        let mut left: Vec<&(Box<str>, u64)> = address.params.iter().collect();
        left.retain(|pair| !self.names.contains(&pair.0));
        left.sort_unstable();
        keys.hash_one((address.path, left))
    }

    /// Whether a URL has anything that the group is about.
    fn concerns(&self, address: &Address) -> bool {
        if self.names.is_empty() {
            return address.params.len() > 1;
        }
        address
            .params
            .iter()
            .any(|pair| self.names.contains(&pair.0))
    }

    fn is_rule(&self, family: &str) -> bool {
        self.host.rule || self.families.get(family).is_some_and(|of| of.rule)
    }

    /// Takes in a page that was read. Answers with what has become a rule by it.
    fn take(
        &mut self,
        address: &Address,
        said: u64,
        family: &str,
        keys: &RandomState,
    ) -> Option<Void> {
        let rest = self.rest(address, keys);
        if self.rests.len() >= MOST_RESTS {
            self.rests.clear();
        }
        let (before, first) = *self
            .rests
            .entry(rest)
            .or_insert((Some(said), address.whole));
        if first == address.whole {
            self.rests.insert(rest, (Some(said), first));
            return None;
        }
        let before = before?;
        let of_family = self.families.entry(family.into()).or_default();
        if before != said {
            of_family.refuted = true;
            self.host.refuted = true;
            return None;
        }
        of_family.pairs += 1;
        self.host.pairs += 1;
        if self.places.len() < PLACES {
            self.places.insert(rest);
        }
        let of_host = &mut self.host;
        if of_host.is_proof() && self.places.len() >= PLACES {
            of_host.rule = true;
            return Some(self.void(None, self.host.pairs));
        }
        if of_family.is_proof() && !self.host.rule {
            of_family.rule = true;
            let pairs = of_family.pairs;
            return Some(self.void(Some(family.into()), pairs));
        }
        None
    }

    fn void(&self, family: Option<Box<str>>, pairs: u32) -> Void {
        Void {
            names: self.names.clone(),
            family,
            pairs,
        }
    }
}

impl Evidence {
    fn is_proof(self) -> bool {
        self.pairs >= PROOF && !self.refuted && !self.rule
    }
}

impl Voids {
    /// Takes in a page that was read, and a hash of what it said. Answers with what has become a rule.
    pub(super) fn take(
        &mut self,
        url: &CanonicalUrl,
        shape: &Shape,
        said: u64,
        keys: &RandomState,
    ) -> Vec<Void> {
        let Some(address) = Address::of(url, keys) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for group in &mut self.groups {
            found.extend(group.take(&address, said, shape.family(), keys));
        }
        let twins = self.recent.iter().rev();
        let mut twins = twins.filter(|(other, content, _)| {
            other.path == address.path && *content == said && other.whole != address.whole
        });
        let names = twins.find_map(|(other, ..)| address.difference(other));
        self.recent
            .push_back((address, said, shape.family().into()));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        if let Some(names) = names.filter(|names| self.groups.iter().all(|g| g.names != *names)) {
            found.extend(self.watch(names, keys));
        }
        found
    }

    /// Watches a set of parameters from now on, and looks back.
    fn watch(&mut self, names: Vec<Box<str>>, keys: &RandomState) -> Vec<Void> {
        if self.groups.len() >= MOST_GROUPS {
            // What is refuted on the whole host is of the least use, then what has been seen least.
            let least = self.groups.iter().enumerate().min_by_key(|(_, group)| {
                let rules = group.host.rule || group.families.values().any(|of| of.rule);
                (rules, !group.host.refuted, group.host.pairs)
            });
            let least = least.map(|(place, _)| place);
            least.map(|place| self.groups.swap_remove(place));
        }
        let mut group = Group {
            names,
            ..Group::default()
        };
        let pages = self.recent.iter();
        let found =
            pages.filter_map(|(address, said, family)| group.take(address, *said, family, keys));
        let found = found.collect();
        self.groups.push(group);
        found
    }

    /// Takes up what an earlier start has found.
    pub(super) fn restore(&mut self, void: &Void) {
        let there = self
            .groups
            .iter()
            .position(|group| group.names == void.names);
        let place = there.unwrap_or_else(|| {
            self.groups.push(Group {
                names: void.names.clone(),
                ..Group::default()
            });
            self.groups.len() - 1
        });
        let group = &mut self.groups[place];
        let evidence = match &void.family {
            Some(family) => group.families.entry(family.clone()).or_default(),
            None => &mut group.host,
        };
        evidence.rule = true;
    }

    /// The set of parameters by which a URL is one that is known already. If it is not, it stands for those
    /// that will come.
    pub(super) fn judge(
        &mut self,
        url: &CanonicalUrl,
        shape: &Shape,
        keys: &RandomState,
    ) -> Option<Void> {
        let family = shape.family();
        if !self.groups.iter().any(|group| group.is_rule(family)) {
            return None;
        }
        let address = Address::of(url, keys)?;
        for group in &mut self.groups {
            if !group.is_rule(family) || !group.concerns(&address) {
                continue;
            }
            let rest = group.rest(&address, keys);
            if group.rests.len() >= MOST_RESTS {
                group.rests.clear();
            }
            let (_, first) = *group.rests.entry(rest).or_insert((None, address.whole));
            if first != address.whole {
                let of_host = group.host.rule;
                return Some(group.void((!of_host).then(|| family.into()), 0));
            }
        }
        None
    }

    /// A URL has failed: another one may stand for what it was to show.
    pub(super) fn forget(&mut self, url: &CanonicalUrl, keys: &RandomState) {
        let Some(address) = Address::of(url, keys) else {
            return;
        };
        for group in &mut self.groups {
            let rest = group.rest(&address, keys);
            if group
                .rests
                .get(&rest)
                .is_some_and(|known| known.1 == address.whole)
            {
                group.rests.remove(&rest);
            }
        }
    }
}
