//! `crawl rank`: what of a site leads to each of its URLs. Links are counted, and PageRank is worked out over the
//! pages of the latest run, once; the answer is kept, and is the view `ranks`.
//!
//! L. Page, S. Brin, R. Motwani, T. Winograd: The PageRank Citation Ranking (1998). What a page without links has goes
//! to all pages alike.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::limits::Limit;
use rusqlite::{Connection, Transaction, params};
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::directory_of;
use crate::error::{Error, Result};
use crate::record::LinkKind;
use crate::store::keeper::Keeper;
use crate::store::words::Role;

/// The part of a page's rank that its links hand on.
const DAMPING: f64 = 0.85;
/// Rounds end when all ranks together change by less.
const PRECISION: f64 = 1e-10;
/// Rounds at the most; some 150 bring the change below the precision, whatever the links.
const MAX_ROUNDS: usize = 200;

/// What was ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ranked {
    /// The run.
    pub run: i64,
    /// Pages that have a rank.
    pub pages: u64,
    /// Links among them, each pair of pages counted once.
    pub links: u64,
    /// Rounds until the ranks stood still.
    pub rounds: u64,
}

/// Ranks the URLs of the latest run, and keeps what came of it.
///
/// # Errors
/// When there is no crawl, one is writing, or the database cannot be read or written.
pub fn run(output: &Path) -> Result<Ranked> {
    let directory = directory_of(output)?;
    let rank = || {
        let mut keeper = Keeper::open(&directory)?;
        let connection = &keeper.connection;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, super::LONGEST)?;
        let tx = keeper.connection.transaction()?;
        let ranked = rank(&tx)?;
        tx.commit()?;
        keeper.close()?;
        Ok(ranked)
    };
    rank().map_err(|source| Error::Store {
        path: directory.clone(),
        source,
    })
}

fn rank(tx: &Transaction<'_>) -> rusqlite::Result<Ranked> {
    let run: i64 = tx.query_row("SELECT ifnull(max(id), 0) FROM run", [], |row| row.get(0))?;
    let graph = Graph::read(tx, run)?;
    let (ranks, rounds) = graph.ranks();
    graph.keep(tx, run, &ranks)?;
    tx.execute(
        "INSERT OR REPLACE INTO derived SELECT 'rank', ?, ifnull(max(id), 0), unixepoch() * 1000000 FROM fetch",
        [run],
    )?;
    Ok(Ranked {
        run,
        pages: graph.urls.len() as u64,
        links: graph.targets.len() as u64,
        rounds: rounds as u64,
    })
}

/// How many links lead to a URL, and from it.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    inlinks: u32,
    pages: u32,
    outlinks: u32,
}

/// The pages of a run, and which of them each leads to: those of page `n` are `targets[starts[n]..starts[n + 1]]`.
#[derive(Debug, Default)]
struct Graph {
    urls: Vec<i64>,
    starts: Vec<usize>,
    targets: Vec<u32>,
    counts: HashMap<i64, Counts>,
}

/// A page as the tables have it.
struct Node {
    url: i64,
    version: Option<i64>,
    redirect: Option<i64>,
    nofollow: bool,
}

impl Graph {
    fn read(connection: &Connection, run: i64) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare(
            "SELECT v.url, f.version, f.redirect_to, ifnull(c.nofollow, 0) FROM visit v
             JOIN fetch f ON f.id = v.last_fetch LEFT JOIN version c ON c.id = f.version
             WHERE v.run = ? AND v.role IN (?, ?) ORDER BY v.url",
        )?;
        let pages = [run, Role::Page as i64, Role::Known as i64];
        let nodes = statement.query_map(pages, |row| {
            Ok(Node {
                url: row.get(0)?,
                version: row.get(1)?,
                redirect: row.get(2)?,
                nofollow: row.get(3)?,
            })
        })?;
        let nodes: Vec<Node> = nodes.collect::<rusqlite::Result<_>>()?;
        let numbers = nodes
            .iter()
            .zip(0..)
            .map(|(node, number)| (node.url, number));
        let numbers: HashMap<i64, u32> = numbers.collect();
        let mut links = connection.prepare(
            "SELECT target, ifnull(instr(' ' || rel || ' ', ' nofollow '), 0) > 0 FROM link
             WHERE version = ? AND kind IN (?, ?)",
        )?;
        let mut graph = Self::default();
        for node in &nodes {
            graph.urls.push(node.url);
            graph.starts.push(graph.targets.len());
            graph.add(node, &numbers, &mut links)?;
        }
        graph.starts.push(graph.targets.len());
        Ok(graph)
    }

    /// Takes in where a page leads.
    fn add(
        &mut self,
        node: &Node,
        numbers: &HashMap<i64, u32>,
        links: &mut rusqlite::Statement<'_>,
    ) -> rusqlite::Result<()> {
        let mut met: Vec<i64> = Vec::new();
        let mut led: Vec<u32> = node
            .redirect
            .and_then(|url| numbers.get(&url).copied())
            .into_iter()
            .collect();
        if let Some(version) = node.version {
            let kinds = [LinkKind::A, LinkKind::Area].map(|kind| i64::from(kind.code()));
            let mut rows = links.query(params![version, kinds[0], kinds[1]])?;
            while let Some(row) = rows.next()? {
                let (target, nofollow): (i64, bool) = (row.get(0)?, row.get(1)?);
                self.counts.entry(node.url).or_default().outlinks += 1;
                self.counts.entry(target).or_default().inlinks += 1;
                met.push(target);
                if !nofollow && !node.nofollow {
                    led.extend(numbers.get(&target));
                }
            }
        }
        met.sort_unstable();
        met.dedup();
        for target in met {
            self.counts.entry(target).or_default().pages += 1;
        }
        let own = self.urls.len() as u32 - 1;
        led.sort_unstable();
        led.dedup();
        self.targets.extend(led.into_iter().filter(|to| *to != own));
        Ok(())
    }

    /// The rank of each page, of 1 in all; and in how many rounds they were found.
    fn ranks(&self) -> (Vec<f64>, usize) {
        let all = self.urls.len() as f64;
        let mut ranks = vec![1.0 / all; self.urls.len()];
        for round in 1..=MAX_ROUNDS {
            let mut next = vec![0.0; ranks.len()];
            let mut spread = 0.0;
            for (rank, ends) in ranks.iter().zip(self.starts.windows(2)) {
                let targets = &self.targets[ends[0]..ends[1]];
                if targets.is_empty() {
                    spread += rank;
                }
                let share = rank / targets.len() as f64;
                for target in targets {
                    next[*target as usize] += share;
                }
            }
            let base = (1.0 - DAMPING + DAMPING * spread) / all;
            let mut change = 0.0;
            for (rank, new) in ranks.iter_mut().zip(next) {
                let new = base + DAMPING * new;
                change += (new - *rank).abs();
                *rank = new;
            }
            if change < PRECISION {
                return (ranks, round);
            }
        }
        (ranks, MAX_ROUNDS)
    }

    fn keep(&self, tx: &Transaction<'_>, run: i64, ranks: &[f64]) -> rusqlite::Result<()> {
        tx.execute("DELETE FROM rank", [])?;
        let mut insert = tx.prepare("INSERT INTO rank VALUES (?, ?, ?, ?, ?, ?)")?;
        let of: HashMap<i64, f64> = self
            .urls
            .iter()
            .copied()
            .zip(ranks.iter().copied())
            .collect();
        let linked = self.counts.keys().filter(|url| !of.contains_key(url));
        let mut urls: Vec<i64> = self.urls.iter().chain(linked).copied().collect();
        urls.sort_unstable();
        for url in urls {
            let counts = self.counts.get(&url).copied().unwrap_or_default();
            let (inlinks, pages) = (counts.inlinks, counts.pages);
            insert.execute(params![
                run,
                url,
                of.get(&url),
                inlinks,
                pages,
                counts.outlinks
            ])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(links: &[&[u32]]) -> Graph {
        let mut graph = Graph::default();
        for (url, targets) in links.iter().enumerate() {
            graph.urls.push(url as i64);
            graph.starts.push(graph.targets.len());
            graph.targets.extend(*targets);
        }
        graph.starts.push(graph.targets.len());
        graph
    }

    /// Worked out by hand, from the definition.
    #[test]
    fn ranks_of_small_graphs() {
        // Of two pages that lead to each other, and of three of which one leads nowhere.
        let star = 1.0 / (3.0 + 2.0 * DAMPING);
        for (links, wanted) in [
            (&[&[1][..], &[0]][..], vec![0.5, 0.5]),
            (&[&[], &[]], vec![0.5, 0.5]),
            (
                &[&[], &[0], &[0]],
                vec![(1.0 + 2.0 * DAMPING) * star, star, star],
            ),
        ] {
            let (ranks, _) = graph(links).ranks();
            for (rank, wanted) in ranks.iter().zip(&wanted) {
                assert!((rank - wanted).abs() < 1e-9, "{ranks:?}, not {wanted:?}");
            }
            assert!((ranks.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        assert_eq!(graph(&[]).ranks().0, Vec::<f64>::new());
    }
}
