//! Texts that are nearly the same: clusters of simhashes that differ in few bits.
//!
//! Of hashes that differ in `d` bits at the most, cut into `d + 1` pieces, one piece at least is the same. So only
//! those are compared that have a piece in common (G. S. Manku, A. Jain, A. D. Sarma: Detecting Near-Duplicates for
//! Web Crawling, 2007), and what is near to one another is joined.

use std::collections::HashMap;

use rusqlite::{Transaction, params};
use tokio_rusqlite::rusqlite;

use super::Settings;
use crate::store::fields::COUNTED;

/// The most bits in which near-duplicates may differ: beyond, too much would be compared.
pub(super) const MAX_DISTANCE: u32 = 8;

/// A content: the first of those with the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content {
    version: i64,
    hash: u64,
    copies: u32,
}

/// Works the clusters out anew, and keeps them; answers with how many there are, and contents in them.
pub(super) fn keep(tx: &Transaction<'_>, settings: Settings) -> rusqlite::Result<(u64, u64)> {
    let contents = contents(tx, settings.least_words)?;
    let clusters = clusters(&contents, settings.distance.min(MAX_DISTANCE));
    tx.execute("DELETE FROM resemblance", [])?;
    let mut insert = tx.prepare(
        "INSERT INTO resemblance (version, cluster, distance, copies) VALUES (?, ?, ?, ?)",
    )?;
    let mut near = 0;
    for (members, number) in clusters.iter().zip(1_i64..) {
        let first = members.first().map_or(0, |content| content.hash);
        for content in members {
            let distance = (content.hash ^ first).count_ones();
            insert.execute(params![content.version, number, distance, content.copies])?;
            near += 1;
        }
    }
    Ok((clusters.len() as u64, near))
}

/// Contents that are long enough to be compared, each once, in the order in which their URLs were met: of pages that
/// are there in the latest run. The view looks again whether they still are.
fn contents(tx: &Transaction<'_>, least_words: u64) -> rusqlite::Result<Vec<Content>> {
    let mut statement = tx.prepare(&format!(
        "SELECT c.id, n.simhash, c.digest FROM reading n JOIN version c ON c.id = n.version
         JOIN visit v ON v.run = (SELECT max(id) FROM run) AND v.url = c.url JOIN fetch f ON f.id = v.last_fetch
         WHERE n.words >= ? AND f.redirect_to IS NULL AND c.id = {COUNTED} ORDER BY c.url"
    ))?;
    let least = i64::try_from(least_words).unwrap_or(i64::MAX);
    let mut rows = statement.query([least])?;
    let (mut contents, mut places) = (Vec::<Content>::new(), HashMap::<Vec<u8>, usize>::new());
    while let Some(row) = rows.next()? {
        let digest: Vec<u8> = row.get(2)?;
        if let Some(content) = places.get(&digest).and_then(|at| contents.get_mut(*at)) {
            content.copies += 1;
            continue;
        }
        places.insert(digest, contents.len());
        contents.push(Content {
            version: row.get(0)?,
            hash: row.get::<_, i64>(1)? as u64,
            copies: 1,
        });
    }
    Ok(contents)
}

/// Clusters of two contents and more, the largest first; within each the order is kept.
fn clusters(contents: &[Content], distance: u32) -> Vec<Vec<Content>> {
    let mut places = HashMap::<u64, usize>::new();
    let mut hashes = Vec::new();
    for content in contents {
        places.entry(content.hash).or_insert_with(|| {
            hashes.push(content.hash);
            hashes.len() - 1
        });
    }
    let mut sets = Sets::new(hashes.len());
    for piece in 0..=distance {
        join(&hashes, &places, piece, distance, &mut sets);
    }
    let mut clusters = Vec::<Vec<Content>>::new();
    let mut of_set = HashMap::<usize, usize>::new();
    for content in contents {
        let Some(place) = places.get(&content.hash) else {
            continue;
        };
        let at = *of_set.entry(sets.find(*place)).or_insert_with(|| {
            clusters.push(Vec::new());
            clusters.len() - 1
        });
        if let Some(cluster) = clusters.get_mut(at) {
            cluster.push(*content);
        }
    }
    clusters.retain(|cluster| cluster.len() > 1);
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.len()));
    clusters
}

/// Joins what is near and has this piece in common: after a turn that brings it to the top, such hashes lie side by
/// side in their order.
fn join(hashes: &[u64], places: &HashMap<u64, usize>, piece: u32, distance: u32, sets: &mut Sets) {
    let pieces = distance + 1;
    let (from, to) = (64 * piece / pieces, 64 * (piece + 1) / pieces);
    let mut turned: Vec<u64> = hashes.iter().map(|hash| hash.rotate_right(to)).collect();
    turned.sort_unstable();
    let key = |hash: u64| hash >> (64 - (to - from));
    let place = |hash: u64| places.get(&hash.rotate_left(to)).copied();
    for (at, one) in turned.iter().enumerate() {
        let others = turned.get(at + 1..).unwrap_or_default();
        for other in others.iter().take_while(|other| key(**other) == key(*one)) {
            if (one ^ other).count_ones() <= distance
                && let (Some(one), Some(other)) = (place(*one), place(*other))
            {
                sets.join(one, other);
            }
        }
    }
}

/// Which belong together (union-find).
#[derive(Debug)]
struct Sets {
    parents: Vec<usize>,
}

impl Sets {
    fn new(count: usize) -> Self {
        Self {
            parents: (0..count).collect(),
        }
    }

    fn find(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    /// The lesser number stands for both.
    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        self.parents[one.max(other)] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(version: i64, hash: u64) -> Content {
        Content {
            version,
            hash,
            copies: 1,
        }
    }

    /// Clusters by comparing all with all.
    fn by_force(contents: &[Content], distance: u32) -> Vec<Vec<i64>> {
        let mut sets = Sets::new(contents.len());
        for (a, one) in contents.iter().enumerate() {
            for (b, other) in contents.iter().enumerate() {
                if (one.hash ^ other.hash).count_ones() <= distance {
                    sets.join(a, b);
                }
            }
        }
        let mut found = HashMap::<usize, Vec<i64>>::new();
        for (at, content) in contents.iter().enumerate() {
            found
                .entry(sets.find(at))
                .or_default()
                .push(content.version);
        }
        let mut found: Vec<_> = found.into_values().filter(|set| set.len() > 1).collect();
        found.sort();
        found
    }

    #[test]
    fn as_by_comparing_all() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut hashes: Vec<u64> = (0..60).map(|_| random.u64(..)).collect();
        for at in 0..240 {
            let mut hash = hashes[at % 60];
            for _ in 0..random.u32(..12) {
                hash ^= 1 << random.u32(..64);
            }
            hashes.push(hash);
        }
        let contents: Vec<Content> = (0..)
            .zip(hashes)
            .map(|(id, hash)| content(id, hash))
            .collect();
        for distance in 0..=MAX_DISTANCE {
            let mut found: Vec<Vec<i64>> = clusters(&contents, distance)
                .iter()
                .map(|cluster| cluster.iter().map(|content| content.version).collect())
                .collect();
            found.sort();
            assert_eq!(found, by_force(&contents, distance), "{distance}");
            assert!(!found.is_empty(), "{distance}");
        }
    }

    #[test]
    fn order_of_clusters() {
        let contents = [
            (5, 0),
            (1, u64::MAX),
            (2, 1),
            (9, u64::MAX - 1),
            (3, 3),
            (4, 0xff00),
        ];
        let contents = contents.map(|(version, hash)| content(version, hash));
        let found: Vec<Vec<i64>> = clusters(&contents, 1)
            .iter()
            .map(|cluster| cluster.iter().map(|content| content.version).collect())
            .collect();
        assert_eq!(found, [vec![5, 2, 3], vec![1, 9]]);
        assert!(clusters(&[], 3).is_empty());
    }
}
