//! The parts of a site, by hosts or folders, and how many links lead from each to each.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Connection, params};
use tokio_rusqlite::rusqlite;

use super::figures::{Edge, Section, Sections};
use super::pages::pieces;
use crate::record::LinkKind;

/// Parts that are named; the rest are one more.
const NAMED: usize = 15;
/// From so many hosts on, a part is a host.
const HOSTS: usize = 4;
/// Different folders that are told apart while pages are read.
const MOST: usize = 100_000;
/// Folders that are looked at.
const LEVELS: usize = 4;
/// Links that are read; of sites with more, one page in so many is looked at.
const LINKS: u64 = 10_000_000;
/// Pages whose links are counted to guess how many there are.
const ASKED: usize = 500;

/// The place of a page: its host, and the first of its folders.
type Place = (String, Vec<String>);

/// Where pages lie.
#[derive(Debug, Default)]
pub(super) struct Places {
    numbers: HashMap<Place, u32>,
    /// A page's id, and the number of its place.
    pages: Vec<(i64, u32)>,
}

impl Places {
    pub(super) fn add(&mut self, id: i64, url: &str) {
        let place = place_of(url);
        let full = self.numbers.len() >= MOST;
        let next = self.numbers.len() as u32;
        let number = match self.numbers.get(&place) {
            Some(number) => *number,
            None if full => u32::MAX,
            None => {
                self.numbers.insert(place, next);
                next
            }
        };
        self.pages.push((id, number));
    }

    /// Hosts that pages lie on.
    pub(super) fn hosts(&self) -> u64 {
        let hosts: HashSet<&str> = self.numbers.keys().map(|place| &*place.0).collect();
        hosts.len() as u64
    }

    /// The parts that pages are counted in, and the number of the part of each place.
    fn parts(&self) -> (&'static str, Vec<Section>, HashMap<u32, u8>) {
        let by_host = self.hosts() >= HOSTS as u64;
        let (named, skip) = (self.hosts() > 1, self.shared_folders());
        let name = |(host, folders): &Place| {
            let folder = folders.get(skip).map_or("/", |folder| folder);
            match (by_host, named) {
                (true, _) => host.clone(),
                (false, true) => format!("{host} {folder}"),
                (false, false) => folder.to_owned(),
            }
        };
        let names: HashMap<u32, String> = self
            .numbers
            .iter()
            .map(|(place, number)| (*number, name(place)))
            .collect();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, number) in &self.pages {
            if let Some(name) = names.get(number) {
                *counts.entry(name).or_default() += 1;
            }
        }
        let mut nodes: Vec<(&str, u64)> = counts.into_iter().collect();
        nodes.sort_by_key(|(_, pages)| std::cmp::Reverse(*pages));
        let kept = if nodes.len() > NAMED + 1 {
            NAMED
        } else {
            nodes.len()
        };
        let rest: u64 = nodes[kept..].iter().map(|node| node.1).sum();
        let overflow = self.pages.iter().filter(|page| page.1 == u32::MAX).count() as u64;
        let mut sections: Vec<Section> = nodes[..kept]
            .iter()
            .map(|(name, pages)| Section {
                name: (*name).to_owned(),
                pages: *pages,
            })
            .collect();
        let part_of: HashMap<&str, u8> = nodes[..kept].iter().map(|node| node.0).zip(0..).collect();
        let other = kept as u8;
        let parts = names
            .iter()
            .map(|(number, name)| (*number, part_of.get(&**name).copied().unwrap_or(other)));
        let mut parts: HashMap<u32, u8> = parts.collect();
        if rest + overflow > 0 {
            let others = nodes.len() - kept;
            sections.push(Section {
                name: format!("{others} others"),
                pages: rest + overflow,
            });
            parts.insert(u32::MAX, other);
        }
        let by = match (by_host, named) {
            (true, _) => "host",
            (false, true) => "host and folder",
            (false, false) => "folder",
        };
        (by, sections, parts)
    }

    /// Folders that all pages are in: what tells them apart begins below.
    fn shared_folders(&self) -> usize {
        let mut places = self.numbers.keys().filter(|place| !place.1.is_empty());
        let Some((_, first)) = places.next() else {
            return 0;
        };
        let mut shared = first.len().min(LEVELS - 1);
        for (_, folders) in places {
            let same = first.iter().zip(folders).take_while(|(a, b)| a == b);
            shared = shared.min(same.count());
        }
        // Where nothing lies below, it is the last of them that is told from the top.
        let below = self.numbers.keys().any(|place| place.1.len() > shared);
        if below {
            shared
        } else {
            shared.saturating_sub(1)
        }
    }
}

/// Scheme and name of the last segment are left out, for they say nothing of a part.
fn place_of(url: &str) -> Place {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let mut segments = rest[..end].split('/');
    let host = segments.next().unwrap_or_default().to_owned();
    let mut folders: Vec<String> = Vec::new();
    let mut segments = segments.peekable();
    while let Some(segment) = segments.next() {
        if segments.peek().is_none() || folders.len() == LEVELS {
            break;
        }
        folders.push(format!("/{segment}/"));
    }
    (host, folders)
}

/// Counts the links between the parts, a piece at a time.
pub(super) fn read(
    connection: &Connection,
    run: i64,
    places: &Places,
) -> rusqlite::Result<Sections> {
    let (by, nodes, parts) = places.parts();
    let part = |number: &u32| parts.get(number).copied().unwrap_or(0);
    let part_of: HashMap<i64, u8> = places
        .pages
        .iter()
        .map(|(id, number)| (*id, part(number)))
        .collect();
    let mut links = connection.prepare(
        "SELECT v.url, l.target FROM visit v JOIN fetch g ON g.id = v.last_fetch JOIN link l ON l.version = g.version
         WHERE v.run = ?1 AND v.url > ?2 AND v.url <= ?3 AND v.url % ?4 = 0 AND l.kind IN (?5, ?6)",
    )?;
    let one_in = sample(connection, run, &places.pages)?;
    let size = nodes.len();
    let (mut counts, mut elsewhere) = (vec![0_u64; size * size], 0);
    let kinds = [LinkKind::A, LinkKind::Area].map(|kind| i64::from(kind.code()));
    let last = places.pages.iter().map(|page| page.0).max().unwrap_or(0);
    for (after, end) in pieces(last) {
        let mut rows = links.query(params![run, after, end, one_in, kinds[0], kinds[1]])?;
        let mut from = (0, None);
        while let Some(row) = rows.next()? {
            let (page, target): (i64, i64) = (row.get(0)?, row.get(1)?);
            if from.0 != page {
                from = (page, part_of.get(&page));
            }
            match (from.1, part_of.get(&target)) {
                (Some(from), Some(to)) => counts[usize::from(*from) * size + usize::from(*to)] += 1,
                (Some(_), None) => elsewhere += 1,
                (None, _) => {}
            }
        }
    }
    let edges = counts.iter().enumerate().filter(|(_, links)| **links > 0);
    let edges = edges.map(|(at, links)| Edge {
        from: at / size,
        to: at % size,
        links: *links,
    });
    Ok(Sections {
        by,
        edges: edges.collect(),
        nodes,
        elsewhere,
        one_in: one_in.unsigned_abs(),
    })
}

/// One page in so many is enough. How many links there are is guessed by some of the pages.
fn sample(connection: &Connection, run: i64, pages: &[(i64, u32)]) -> rusqlite::Result<i64> {
    let mut count = connection.prepare(
        "SELECT count(*) FROM visit v JOIN fetch g ON g.id = v.last_fetch JOIN link l ON l.version = g.version
         WHERE v.run = ? AND v.url = ?",
    )?;
    let (mut links, mut asked) = (0, 0);
    for (id, _) in pages.iter().step_by(pages.len() / ASKED + 1) {
        links += count.query_row([run, *id], |row| row.get::<_, u32>(0))?;
        asked += 1;
    }
    let guess = pages.len() as u64 * u64::from(links) / asked.max(1);
    Ok((guess / LINKS) as i64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(urls: &[String]) -> Places {
        let mut places = Places::default();
        for (id, url) in (1..).zip(urls) {
            places.add(id, url);
        }
        places
    }

    #[test]
    fn where_pages_lie() {
        for (url, host, folders) in [
            ("http://a.example/", "a.example", vec![]),
            ("http://a.example", "a.example", vec![]),
            (
                "https://a.example:8080/x/y.html?q=/z/#/w/",
                "a.example:8080",
                vec!["/x/"],
            ),
            (
                "http://a.example/1/2/3/4/5/6",
                "a.example",
                vec!["/1/", "/2/", "/3/", "/4/"],
            ),
            ("http://a.example//x", "a.example", vec!["//"]),
            ("nonsense", "nonsense", vec![]),
            ("", "", vec![]),
        ] {
            let folders: Vec<String> = folders.into_iter().map(str::to_owned).collect();
            assert_eq!(place_of(url), (host.to_owned(), folders), "{url}");
        }
    }

    #[test]
    fn parts_tell_pages_apart() {
        let urls = |of: &[&str]| {
            of.iter()
                .map(|url| format!("http://{url}"))
                .collect::<Vec<_>>()
        };
        let many = |form: &dyn Fn(u32) -> String| (0..40).map(form).collect::<Vec<_>>();
        for (given, by, wanted) in [
            // What all pages are in tells nothing.
            (
                urls(&["a/docs/x/1", "a/docs/x/2", "a/docs/y/1"]),
                "folder",
                vec![("/x/", 2), ("/y/", 1)],
            ),
            (
                urls(&["a/x/1", "a/1", "a/2"]),
                "folder",
                vec![("/", 2), ("/x/", 1)],
            ),
            (
                urls(&["a/x/1", "b/x/1", "b/y/1"]),
                "host and folder",
                vec![("a /x/", 1), ("b /x/", 1), ("b /y/", 1)],
            ),
            (
                urls(&["a/x/1", "b/1", "c/1", "d/y/1", "d/z/1"]),
                "host",
                vec![("d", 2), ("a", 1), ("b", 1), ("c", 1)],
            ),
            (urls(&[]), "folder", vec![]),
        ] {
            let (found, sections, parts) = places(&given).parts();
            let sections: Vec<(&str, u64)> =
                sections.iter().map(|one| (&*one.name, one.pages)).collect();
            assert_eq!((found, sections), (by, wanted), "{given:?}");
            assert!(parts.len() <= given.len());
        }
        for given in [
            many(&|number| format!("http://a/{number}/x")),
            many(&|number| format!("http://h{number}/x")),
        ] {
            let (_, sections, parts) = places(&given).parts();
            assert_eq!(sections.len(), NAMED + 1);
            assert_eq!(
                (&*sections[NAMED].name, sections[NAMED].pages),
                ("25 others", 25)
            );
            assert_eq!(
                parts
                    .values()
                    .filter(|part| usize::from(**part) == NAMED)
                    .count(),
                26
            );
        }
    }
}
