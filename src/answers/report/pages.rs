//! One pass over what the run has an outcome of, some thousands of URLs at a time: outcomes, depths, sizes, times, media
//! types, the slowest and the largest pages, and which part of the site each page belongs to.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};
use tokio_rusqlite::rusqlite;

use super::ask::PIECE;
use super::figures::{ContentType, Depth, Histogram, Outcome, Outcomes, Status};
use super::histogram::{Scale, histogram};
use super::sections::Places;
use crate::fetched::FetchError;
use crate::store::words::{Decision, Role};

/// Pages from this time on are slow, in milliseconds.
pub(super) const SLOW_MS: u64 = 2_000;
/// Pages from this length on are large, in bytes.
pub(super) const LARGE: u64 = 2 << 20;
/// Media types that are told apart.
const TYPES: usize = 500;
/// Depths that are told apart; deeper pages count with the last.
const DEPTHS: u32 = 200;

/// What the pass brings together.
pub(super) struct Pages {
    pub(super) outcomes: Outcomes,
    pub(super) statuses: Vec<Status>,
    pub(super) depths: Vec<Depth>,
    pub(super) sizes: Histogram,
    pub(super) latencies: Histogram,
    pub(super) content_types: Vec<ContentType>,
    pub(super) slowest: Most,
    pub(super) largest: Most,
    pub(super) places: Places,
    pub(super) hosts: u64,
}

/// Pages with the highest values, and how many are above a bound.
#[derive(Debug, Default)]
pub(super) struct Most {
    keep: usize,
    heap: BinaryHeap<Reverse<(u64, String, Option<i64>)>>,
    bound: u64,
    pub(super) beyond: u64,
}

impl Most {
    fn new(keep: usize, bound: u64) -> Self {
        Self {
            keep,
            bound,
            ..Self::default()
        }
    }

    fn add(&mut self, value: u64, url: &str, status: Option<i64>) {
        self.beyond += u64::from(value >= self.bound);
        let least = self.heap.peek().map_or(0, |Reverse(least)| least.0);
        if self.heap.len() < self.keep || value > least {
            self.heap.push(Reverse((value, url.to_owned(), status)));
        }
        if self.heap.len() > self.keep {
            self.heap.pop();
        }
    }

    /// The pages, the highest value first: URL, status, value.
    pub(super) fn into_rows(self) -> Vec<Vec<Value>> {
        let sorted = self.heap.into_sorted_vec();
        let row = |Reverse((value, url, status))| vec![json!(url), json!(status), json!(value)];
        sorted.into_iter().map(row).collect()
    }
}

/// A URL with an outcome.
struct Found<'a> {
    id: i64,
    depth: u32,
    is_page: bool,
    outcome: Outcome,
    status: Option<i64>,
    error: Option<u8>,
    total_us: Option<i64>,
    /// The length of what this outcome brought.
    bytes: Option<u64>,
    media_type: Option<&'a str>,
    url: &'a str,
}

impl<'a> Found<'a> {
    fn read(row: &'a Row<'_>) -> rusqlite::Result<Self> {
        let role = Role::from_code(row.get(2)?);
        let forbidden = row.get::<_, i64>(3)? == Decision::Disallowed as i64;
        let (status, error): (Option<i64>, Option<u8>) = (row.get(4)?, row.get(5)?);
        let (current, redirects): (bool, bool) = (row.get(9)?, row.get(11)?);
        let bytes: Option<i64> = row.get(7)?;
        Ok(Self {
            id: row.get(0)?,
            depth: row.get(1)?,
            is_page: [Role::Page, Role::Known].contains(&role),
            outcome: if forbidden {
                Outcome::Forbidden
            } else {
                Outcome::of(status, error.is_some(), redirects)
            },
            status: status.filter(|_| !forbidden),
            error: error.filter(|_| !forbidden),
            total_us: row.get(6)?,
            bytes: bytes.filter(|_| current).map(i64::unsigned_abs),
            media_type: text(row, 8)?,
            url: text(row, 10)?.unwrap_or_default(),
        })
    }

    fn name(&self) -> String {
        match (self.outcome, self.error, self.status) {
            (Outcome::Forbidden, ..) => FetchError::RobotsDisallowed.as_str().to_owned(),
            (_, Some(error), _) => FetchError::word(error).to_owned(),
            (_, None, Some(status)) => status.to_string(),
            (_, None, None) => "unknown".to_owned(),
        }
    }
}

/// A text of a row without a copy; what is none, or is not of UTF-8, is nothing.
fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<Option<&'a str>> {
    let value = row.get_ref(column)?;
    Ok(value.as_str_or_null().unwrap_or_default())
}

/// What URLs are counted by: outcome, status, error class.
type Key = (Outcome, Option<i64>, Option<u8>);

/// As the pass goes on.
struct Pass {
    outcomes: Outcomes,
    statuses: HashMap<Key, (String, u64)>,
    depths: BTreeMap<u32, Depth>,
    sizes: Vec<u64>,
    latencies: Vec<u64>,
    types: HashMap<String, (u64, u64)>,
    slowest: Most,
    largest: Most,
    places: Places,
}

/// Goes over the URLs of a run; tables of its pages have so many rows.
pub(super) fn read(connection: &Connection, run: i64, rows: usize) -> rusqlite::Result<Pages> {
    let last: Option<i64> =
        connection.query_row("SELECT max(url) FROM visit WHERE run = ?", [run], |row| {
            row.get(0)
        })?;
    let mut statement = connection.prepare(
        "SELECT v.url, min(v.depth, 4294967295), v.role, v.decision, f.status, f.error, f.total_us, c.bytes, c.media_type,
                f.version IS NOT NULL, u.text, f.redirect_to IS NOT NULL
         FROM visit v JOIN url u ON u.id = v.url LEFT JOIN fetch f ON f.id = v.last_fetch
         LEFT JOIN version c ON c.id = v.good_version
         WHERE v.run = ?1 AND v.url > ?2 AND v.url <= ?3 AND (v.last_fetch IS NOT NULL OR v.decision = ?4)",
    )?;
    let mut pass = Pass {
        outcomes: Outcomes::default(),
        statuses: HashMap::new(),
        depths: BTreeMap::new(),
        sizes: Vec::new(),
        latencies: Vec::new(),
        types: HashMap::new(),
        slowest: Most::new(rows, SLOW_MS),
        largest: Most::new(rows, LARGE),
        places: Places::default(),
    };
    for (after, end) in pieces(last.unwrap_or(0)) {
        let mut found = statement.query(params![run, after, end, Decision::Disallowed as i64])?;
        while let Some(row) = found.next()? {
            pass.add(&Found::read(row)?);
        }
    }
    Ok(pass.end())
}

/// The pieces in which ids up to `last` are read. A few where ids lie far apart, as only a doctored table has them.
pub(super) fn pieces(last: i64) -> impl Iterator<Item = (i64, i64)> {
    let step = PIECE.max(last / 100_000);
    std::iter::successors(Some((0_i64, step)), move |(_, end)| {
        Some((*end, end.saturating_add(step)))
    })
    .take_while(move |(after, _)| *after < last)
}

impl Pass {
    fn add(&mut self, found: &Found<'_>) {
        count(&mut self.outcomes, found.outcome);
        let status = found.status.filter(|_| found.error.is_none());
        let key = (found.outcome, status, found.error);
        let named = self.statuses.entry(key);
        named.or_insert_with(|| (found.name(), 0)).1 += 1;
        if let Some(bytes) = found.bytes {
            self.add_type(found.media_type.unwrap_or("unknown"), bytes);
        }
        if found.is_page {
            self.add_page(found);
        }
    }

    fn add_type(&mut self, name: &str, bytes: u64) {
        // A server can make up as many as it answers requests.
        let known = self.types.contains_key(name);
        let name = if known || self.types.len() < TYPES {
            name
        } else {
            "others"
        };
        if !self.types.contains_key(name) {
            self.types.insert(name.to_owned(), (0, 0));
        }
        if let Some((urls, sum)) = self.types.get_mut(name) {
            *urls += 1;
            *sum = sum.saturating_add(bytes);
        }
    }

    fn add_page(&mut self, found: &Found<'_>) {
        let depth = found.depth.min(DEPTHS);
        let of_depth = self.depths.entry(depth).or_default();
        of_depth.depth = depth;
        of_depth.bytes = of_depth.bytes.saturating_add(found.bytes.unwrap_or(0));
        count(&mut of_depth.outcomes, found.outcome);
        if let Some(took) = found.total_us {
            let ms = took.unsigned_abs() / 1000;
            self.latencies.push(ms);
            self.slowest.add(ms, found.url, found.status);
        }
        if let Some(bytes) = found.bytes {
            self.sizes.push(bytes);
            self.largest.add(bytes, found.url, found.status);
        }
        self.places.add(found.id, found.url);
    }

    fn end(self) -> Pages {
        let statuses = self.statuses.into_iter();
        let mut statuses: Vec<Status> = statuses
            .map(|((outcome, ..), (name, urls))| Status {
                name,
                outcome,
                urls,
            })
            .collect();
        statuses.sort_by(|a, b| b.urls.cmp(&a.urls).then_with(|| a.name.cmp(&b.name)));
        let types = self.types.into_iter();
        let mut content_types: Vec<ContentType> = types
            .map(|(content_type, (urls, bytes))| ContentType {
                content_type,
                urls,
                bytes,
            })
            .collect();
        content_types.sort_by(|a, b| {
            let by_urls = b.urls.cmp(&a.urls);
            by_urls.then_with(|| a.content_type.cmp(&b.content_type))
        });
        Pages {
            outcomes: self.outcomes,
            statuses,
            depths: self.depths.into_values().collect(),
            sizes: histogram(self.sizes, Scale::Doublings, 256),
            latencies: histogram(self.latencies, Scale::Decades, 0),
            content_types,
            slowest: self.slowest,
            largest: self.largest,
            hosts: self.places.hosts(),
            places: self.places,
        }
    }
}

fn count(outcomes: &mut Outcomes, outcome: Outcome) {
    *match outcome {
        Outcome::Ok => &mut outcomes.ok,
        Outcome::Redirect => &mut outcomes.redirects,
        Outcome::ClientError => &mut outcomes.client_errors,
        Outcome::Failed => &mut outcomes.failed,
        Outcome::Forbidden => &mut outcomes.forbidden,
    } += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ids_are_in_one_piece() {
        for last in [0, 1, PIECE, PIECE + 1, 3 * PIECE, i64::MAX] {
            let pieces: Vec<_> = pieces(last).collect();
            assert!(pieces.len() <= 100_001);
            for (one, next) in pieces.iter().zip(pieces.iter().skip(1)) {
                assert_eq!(one.1, next.0);
            }
            assert!(pieces.last().is_none_or(|piece| piece.1 >= last), "{last}");
            assert_eq!(pieces.is_empty(), last == 0);
        }
    }

    #[test]
    fn the_highest_are_kept() {
        let mut most = Most::new(3, 40);
        for value in [5, 50, 10, 40, 7, 39] {
            most.add(value, &format!("u{value}"), Some(200));
        }
        assert_eq!(most.beyond, 2);
        let values: Vec<u64> = most
            .into_rows()
            .iter()
            .filter_map(|row| row[2].as_u64())
            .collect();
        assert_eq!(values, [50, 40, 39]);
    }
}
