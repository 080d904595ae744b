//! What a crawl did in its last minute, by the log of requests: how fast it is, what holds it back, how long what
//! waits will take. Nothing here is reckoned from more than was seen.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use crate::config::Config;
use crate::store::words::{Decision, ROBOTS};

/// How far back it is looked, in microseconds.
const WINDOW: i64 = 60_000_000;
/// Less was seen too shortly to tell anything by it.
const LEAST: i64 = 5_000_000;
/// Requests that are looked at, at the most.
const REQUESTS: i64 = 300_000;
/// The share of what is allowed from which on it is what holds a crawl back.
const USED_UP: f64 = 0.7;
/// The share of what is done that may be found anew, for what is left to be told at all.
const FOUND: f64 = 0.5;
/// The part of the time that tells how much is found: a crawl finds most at its beginning.
const LATEST: i64 = 4;

/// The last minute of a crawl that runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Lately {
    /// The seconds that were looked at: a minute, or since the start.
    pub seconds: f64,
    /// Requests that have ended, robots.txt and retries included.
    pub requests: u64,
    /// Whole answers to requests for pages that were no redirects.
    pub pages: u64,
    /// URLs that are done for good.
    pub done: u64,
    /// URLs that have come to the queue.
    pub found: u64,
    /// Requests at a time, on average.
    pub in_flight: f64,
    /// Hosts that were asked.
    pub hosts: u64,
}

/// What is left to do, at the rate of the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Left {
    /// Seconds at the least: more URLs may be found.
    Seconds(u64),
    /// So many URLs are found that no end is in sight.
    Growing,
}

/// What was seen of a minute, and which host has done how much of it.
pub(super) struct Seen {
    pub(super) lately: Lately,
    done: HashMap<i64, u64>,
    /// URLs that come to the queue in a second, by the end of that time.
    finds: f64,
}

/// The first row of a table, by its ids, of which something holds that holds of all after it.
fn first(
    connection: &Connection,
    table: &str,
    holds: &str,
    since: i64,
) -> rusqlite::Result<Option<i64>> {
    let ends = format!("SELECT min(id), max(id) FROM {table}");
    let ends = connection.query_row(&ends, [], |row| {
        Ok(row
            .get::<_, Option<i64>>(0)?
            .zip(row.get::<_, Option<i64>>(1)?))
    })?;
    let Some((mut low, high)) = ends else {
        return Ok(None);
    };
    let mut high = high.saturating_add(1);
    let sql = format!("SELECT {holds} >= ?2 FROM {table} WHERE id >= ?1 ORDER BY id LIMIT 1");
    let mut look = connection.prepare(&sql)?;
    while low < high {
        // Ids may be any numbers in a doctored database.
        let middle = i128::midpoint(low.into(), high.into()) as i64;
        let late: Option<bool> = look
            .query_row([middle, since], |row| row.get(0))
            .optional()?;
        if late.unwrap_or(true) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Some(low))
}

/// Looks at the last minute before `now`; nothing where the start is too young.
pub(super) fn seen(
    connection: &Connection,
    run: i64,
    begun: i64,
    now: i64,
) -> rusqlite::Result<Option<Seen>> {
    let since = begun.max(now.saturating_sub(WINDOW));
    // A crawl that has just begun, and a clock that was set back.
    if !(LEAST..=WINDOW).contains(&now.saturating_sub(since)) {
        return Ok(None);
    }
    let Some(from) = first(connection, "fetch", "started + total_us", since)? else {
        return Ok(None);
    };
    let newest: i64 = connection.query_row("SELECT max(id) FROM fetch", [], |row| row.get(0))?;
    let from = from.max(newest.saturating_sub(REQUESTS));
    let sql = "SELECT u.host, count(*), sum(f.kind = 0 AND f.error IS NULL AND f.status NOT BETWEEN 300 AND 399),
                      sum(f.kind <> ?2 AND f.retry_at IS NULL), sum(f.total_us), min(f.started)
               FROM fetch f JOIN url u ON u.id = f.url WHERE f.id >= ?1 AND f.started + f.total_us >= ?3 GROUP BY u.host";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params![from, ROBOTS, since])?;
    let (mut done, mut busy, mut oldest) = (HashMap::new(), 0.0, now);
    let mut lately = Lately {
        seconds: 0.0,
        requests: 0,
        pages: 0,
        done: 0,
        found: 0,
        in_flight: 0.0,
        hosts: 0,
    };
    while let Some(row) = rows.next()? {
        let count = |index| {
            row.get::<_, Option<i64>>(index)
                .map(|n| n.unwrap_or(0).unsigned_abs())
        };
        lately.requests += count(1)?;
        lately.pages += count(2)?;
        lately.done += count(3)?;
        busy += row.get::<_, f64>(4)? / 1e6;
        oldest = oldest.min(row.get(5)?);
        lately.hosts += 1;
        done.insert(row.get(0)?, count(3)?);
    }
    // Where there were too many to be looked at, the time is that of those that were.
    let all = from > newest.saturating_sub(REQUESTS);
    let since = if all { since } else { oldest };
    lately.seconds = now.saturating_sub(since).max(1) as f64 / 1e6;
    lately.in_flight = busy / lately.seconds;
    lately.found = found(connection, run, since)?;
    let latest = now.saturating_sub(since) / LATEST;
    let finds =
        found(connection, run, now.saturating_sub(latest))? as f64 * 1e6 / latest.max(1) as f64;
    Ok(Some(Seen {
        lately,
        done,
        finds,
    }))
}

/// URLs that were met since then, and are to be asked for.
fn found(connection: &Connection, run: i64, since: i64) -> rusqlite::Result<u64> {
    let Some(from) = first(connection, "url", "first_seen", since)? else {
        return Ok(0);
    };
    let sql = "SELECT count(*) FROM visit WHERE run = ?1 AND url >= ?2 AND decision = ?3";
    let found = params![run, from, Decision::Admitted as i64];
    connection.query_row(sql, found, |row| {
        row.get::<_, i64>(0).map(i64::unsigned_abs)
    })
}

impl Seen {
    /// How long what waits will take: no less than what all hosts together need, nor than the one with the longest
    /// queue. Nothing where that host did nothing.
    pub(super) fn left(&self, queued: u64, longest: Option<(i64, u64)>) -> Option<Left> {
        let lately = &self.lately;
        if queued == 0 || lately.done == 0 {
            return None;
        }
        let does = lately.done as f64 / lately.seconds;
        if self.finds > FOUND * does {
            return Some(Left::Growing);
        }
        let all = queued as f64 / (does - self.finds);
        let one = match longest {
            Some((host, urls)) => urls as f64 * lately.seconds / *self.done.get(&host)? as f64,
            None => 0.0,
        };
        let seconds = all.max(one);
        seconds.is_finite().then_some(Left::Seconds(seconds as u64))
    }

    /// What holds it back, as far as the settings and the log tell.
    pub(super) fn held_back(&self, settings: &Config) -> Option<String> {
        let lately = &self.lately;
        let politeness = &settings.politeness;
        let hosts = lately.hosts as f64;
        if lately.requests == 0 {
            return Some("holds of hosts: nothing was asked in the last minute".to_owned());
        }
        let rate = lately.requests as f64 / lately.seconds;
        for (which, interval, of) in [
            ("--rate", politeness.rate.interval(), hosts),
            ("--global-rate", politeness.global_rate.interval(), 1.0),
        ] {
            let allowed = interval.map_or(f64::INFINITY, |gap| of / gap.as_secs_f64());
            if rate >= USED_UP * allowed {
                return Some(format!(
                    "host limits: {which}, {rate:.1} requests/s to {}",
                    counted(lately.hosts)
                ));
            }
        }
        let slots =
            (hosts * f64::from(politeness.host_concurrency)).min(f64::from(politeness.concurrency));
        let mean = lately.in_flight * lately.seconds / lately.requests as f64;
        if lately.in_flight >= USED_UP * slots {
            return Some(format!(
                "latency: answers take {:.0} ms, {:.1} at a time",
                1000.0 * mean,
                lately.in_flight
            ));
        }
        None
    }
}

fn counted(hosts: u64) -> String {
    if hosts == 1 {
        "one host".to_owned()
    } else {
        format!("{hosts} hosts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    const NOW: i64 = 1_000_000_000_000_000;

    /// Two hosts; of the one a request each second over two minutes, of the other each tenth.
    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("a schema");
        connection
            .execute_batch(&format!(
                "PRAGMA foreign_keys = off;
                 WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 119)
                 INSERT INTO url (id, host, hash, text, first_seen)
                 SELECT 10 + 3 * i, 1 + (i % 10 = 0), i, 'http://' || i, {NOW} - (119 - i) * 1000000 FROM n;
                 INSERT INTO visit (run, url, depth, redirects, via_kind, decision)
                 SELECT 1, id, 0, 0, 100, id % 2 FROM url;
                 INSERT INTO fetch (id, start, url, kind, attempt, started, total_us, status, wire_bytes, truncated, retry_at)
                 SELECT id * 2, 1, id, iif(hash = 100, 1, 0), 0, first_seen - 500000, 500000,
                        CASE hash WHEN 110 THEN 301 WHEN 111 THEN 503 ELSE 200 END, 0, 0, iif(hash = 111, 1, NULL) FROM url"
            ))
            .expect("rows");
        connection
    }

    #[test]
    fn the_last_minute_and_no_more() {
        let connection = database();
        let begun = NOW - 200_000_000;
        let seen = seen(&connection, 1, begun, NOW)
            .expect("read")
            .expect("something");
        assert_eq!(
            seen.lately,
            Lately {
                seconds: 60.0,
                requests: 61,
                pages: 59,
                done: 59,
                found: 30,
                in_flight: 30.5 / 60.0,
                hosts: 2,
            }
        );
        assert_eq!(seen.done, HashMap::from([(1, 54), (2, 5)]));
        assert!((seen.finds - 8.0 / 15.0).abs() < 1e-9, "{}", seen.finds);
        // Young starts and clocks that were set back tell nothing.
        for begun in [NOW - 1_000_000, NOW + 1, i64::MAX] {
            assert!(
                super::seen(&connection, 1, begun, NOW)
                    .expect("read")
                    .is_none()
            );
        }
        let young = super::seen(&connection, 1, NOW - 9_500_000, NOW).expect("read");
        assert_eq!(young.map(|seen| seen.lately.requests), Some(10));
        connection.execute_batch("DELETE FROM fetch").expect("none");
        assert!(
            super::seen(&connection, 1, begun, NOW)
                .expect("read")
                .is_none()
        );
    }

    #[test]
    fn what_is_left_is_no_promise() {
        let connection = database();
        let mut seen = seen(&connection, 1, 0, NOW)
            .expect("read")
            .expect("something");
        seen.finds = 9.0 / 60.0;
        for (queued, longest, wanted) in [
            (0, None, None),
            (500, None, Some(Left::Seconds(600))),
            (500, Some((1, 54)), Some(Left::Seconds(600))),
            (500, Some((2, 100)), Some(Left::Seconds(1200))),
            (500, Some((3, 100)), None),
        ] {
            assert_eq!(seen.left(queued, longest), wanted, "{queued} {longest:?}");
        }
        seen.finds = 0.5;
        assert_eq!(seen.left(500, None), Some(Left::Growing));
    }

    #[test]
    fn what_holds_it_back() {
        let connection = database();
        let mut seen = seen(&connection, 1, 0, NOW)
            .expect("read")
            .expect("something");
        let mut settings = Config::default();
        let mut of = |rate: &str, in_flight: f64| {
            settings.politeness.rate = rate.parse().expect("a rate");
            seen.lately.in_flight = in_flight;
            seen.held_back(&settings)
        };
        assert_eq!(
            of("1/s", 1.0).as_deref(),
            None,
            "two hosts at one each would be two"
        );
        assert_eq!(
            of("30/min", 1.0).as_deref(),
            Some("host limits: --rate, 1.0 requests/s to 2 hosts")
        );
        assert_eq!(
            of("unlimited", 3.9).as_deref(),
            Some("latency: answers take 3836 ms, 3.9 at a time")
        );
        assert_eq!(of("unlimited", 1.0), None);
    }
}
