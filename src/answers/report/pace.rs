//! The crawl by time: what came in each step of it. Time counts only while a start of the program ran, so that a crawl
//! that went on after a week has no week of nothing in it.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use tokio_rusqlite::rusqlite;

use super::figures::{Pace, Step};
use super::pages::pieces;
use crate::request::Kind;
use crate::store::words::kind_code;

/// Steps at the most.
const STEPS: u64 = 60;
/// Microseconds of a second.
const SECOND: u64 = 1_000_000;

/// A start of the program, on the axis of time: when it began, and how much time had counted by then.
#[derive(Debug, Clone, Copy)]
struct Span {
    begun: i64,
    before: u64,
}

/// Goes over the requests of a run.
pub(super) fn read(connection: &Connection, run: i64) -> rusqlite::Result<Pace> {
    let (spans, active) = spans(connection, run)?;
    let step = step(active);
    let steps = usize::try_from(active.div_ceil(step)).unwrap_or(1).max(1);
    let mut pace = Pace {
        step_s: step as f64 / SECOND as f64,
        active_s: active as f64 / SECOND as f64,
        steps: vec![Step::default(); steps],
        restarts: Vec::new(),
    };
    let at = |time: u64| usize::try_from(time / step).unwrap_or(steps).min(steps - 1);
    pace.restarts = spans.iter().skip(1).map(|span| at(span.1.before)).collect();
    let spans: HashMap<i64, Span> = spans.into_iter().collect();
    let last: Option<i64> =
        connection.query_row("SELECT max(id) FROM fetch", [], |row| row.get(0))?;
    let mut statement = connection.prepare(
        "SELECT start, started, kind, status, error IS NOT NULL, retry_at IS NOT NULL FROM fetch WHERE id > ? AND id <= ?",
    )?;
    let page = i64::from(kind_code(&Kind::Page));
    for (after, end) in pieces(last.unwrap_or(0)) {
        let mut rows = statement.query(params![after, end])?;
        while let Some(row) = rows.next()? {
            let Some(span) = spans.get(&row.get(0)?) else {
                continue;
            };
            let since = row.get::<_, i64>(1)?.saturating_sub(span.begun).max(0);
            let step = &mut pace.steps[at(span.before.saturating_add(since.unsigned_abs()))];
            let (kind, status): (i64, Option<i64>) = (row.get(2)?, row.get(3)?);
            let (error, again): (bool, bool) = (row.get(4)?, row.get(5)?);
            step.requests += 1;
            let moved = status.is_none_or(|status| (300..400).contains(&status));
            step.pages += u64::from(kind == page && !error && !moved && !again);
            step.failed += u64::from(error || status.is_some_and(|status| status >= 400));
        }
    }
    Ok(pace)
}

/// The starts of a run, and the time of all together.
fn spans(connection: &Connection, run: i64) -> rusqlite::Result<(Vec<(i64, Span)>, u64)> {
    let mut statement = connection.prepare(
        "SELECT id, begun, max(ifnull(ended, heartbeat), heartbeat) FROM start WHERE run = ? ORDER BY id",
    )?;
    let mut rows = statement.query([run])?;
    let (mut spans, mut active) = (Vec::new(), 0_u64);
    while let Some(row) = rows.next()? {
        let (id, begun, ended): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let before = active;
        spans.push((id, Span { begun, before }));
        let took = ended.saturating_sub(begun).max(0).unsigned_abs();
        active = active.saturating_add(took);
    }
    Ok((spans, active))
}

/// A length of steps that a clock knows, of which there are not too many.
fn step(active: u64) -> u64 {
    const NICE: [u64; 15] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600,
    ];
    let tenths = [SECOND / 10, SECOND / 5, SECOND / 2];
    let nice = tenths
        .into_iter()
        .chain(NICE.map(|seconds| seconds * SECOND));
    let days = active.div_ceil(STEPS * 86_400 * SECOND).max(1) * 86_400 * SECOND;
    nice.into_iter()
        .find(|step| active.div_ceil(*step) <= STEPS)
        .unwrap_or(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    #[test]
    fn steps_are_few_and_of_a_clock() {
        for (seconds, wanted) in [
            (0, 0.1),
            (5, 0.1),
            (7, 0.2),
            (60, 1.0),
            (61, 2.0),
            (3600, 60.0),
            (86_400, 1800.0),
            (40 * 86_400, 86_400.0),
            (400 * 86_400, 7.0 * 86_400.0),
        ] {
            let step = step(seconds * SECOND);
            assert!(
                (step as f64 / SECOND as f64 - wanted).abs() < 1e-9,
                "{seconds}"
            );
            assert!((seconds * SECOND).div_ceil(step) <= STEPS);
        }
    }

    /// Two starts a week apart: the week does not count.
    #[test]
    fn time_counts_while_it_runs() {
        let mut connection = Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("a schema");
        let week = 7 * 86_400 * 1_000_000_i64;
        connection
            .execute_batch(&format!(
                "PRAGMA foreign_keys = off;
                 INSERT INTO run (id, state, seeds, begun) VALUES (1, 'finished', '[]', 0), (2, 'finished', '[]', 0);
                 INSERT INTO start (id, run, begun, heartbeat, ended, config, version, pid)
                 VALUES (1, 1, 0, 0, 5, '', '', 1), (2, 2, 0, 3000000, NULL, '', '', 1), (3, 2, {week}, {week}, {week} + 3000000, '', '', 1);
                 INSERT INTO fetch (start, url, kind, attempt, started, total_us, status, error, retry_at, wire_bytes, truncated)
                 VALUES (1, 1, 0, 0, 0, 0, 200, NULL, NULL, 0, 0), (2, 1, 0, 0, 0, 0, 200, NULL, NULL, 0, 0),
                        (2, 1, 0, 0, 2950000, 0, 503, NULL, 1, 0, 0), (3, 1, 0, 1, {week}, 0, 200, NULL, NULL, 0, 0),
                        (3, 1, 1, 0, {week} + 9000000, 0, NULL, 1, NULL, 0, 0), (3, 1, 0, 0, -5, 0, 301, NULL, NULL, 0, 0);"
            ))
            .expect("rows");
        let pace = read(&connection, 2).expect("a pace");
        assert_eq!((pace.steps.len(), &*pace.restarts), (60, &[30][..]));
        let found: Vec<(usize, Step)> = pace
            .steps
            .into_iter()
            .enumerate()
            .filter(|(_, step)| step.requests > 0)
            .collect();
        let step = |pages, requests, failed| Step {
            pages,
            requests,
            failed,
        };
        // What is later than the last sign of life counts with the last step, what is earlier than the start with its first.
        let wanted = [
            (0, step(1, 1, 0)),
            (29, step(0, 1, 1)),
            (30, step(1, 2, 0)),
            (59, step(0, 1, 1)),
        ];
        assert_eq!(found, wanted);
        assert_eq!(
            read(&connection, 9).expect("nothing").steps,
            [Step::default()]
        );
    }
}
