//! Pauses that a host asked for, and hosts that had to be set aside. Pure: of one host's requests in the
//! order of their starts, and of its throttled answers in that of their ends.
//!
//! What is checked is what a log proves. After a 429 or 503 without `Retry-After` that is a second; that it
//! is doubled each time is not. A host is surely to be set aside after a `Retry-After` beyond `max-hold`, and
//! after `max-failures` failures with no other answer near them and no rest between them, in which the
//! crawler may have let go of what it knew of the host.

use std::collections::HashMap;
use std::time::Duration;

use super::asked::{Asked, Class, Throttle};
use super::{Micros, TOLERANCE, micros, tolerance};

/// The pause that a 429 or 503 asks for which names none.
const LEAST: Duration = Duration::from_secs(1);
/// After so long a rest it may not be known any more how often a host has failed.
const REST: Micros = 5_000_000;

/// What of the settings of a start matters here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) begun: Micros,
    pub(super) max_hold: Micros,
    pub(super) max_failures: usize,
}

/// A request that should not have been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ill {
    /// In a pause: the answer that asked for it, and how long it was to be.
    Held {
        answer: i64,
        status: u16,
        until: Micros,
        wait: Micros,
    },
    /// Of a host that was to be set aside: the answer that said so, and why.
    Aside { answer: i64, why: String },
}

/// The pause that an answer asks for: how long, and until when.
fn pause(throttle: &Throttle, max_hold: Micros) -> (Micros, Micros) {
    let wait = micros(throttle.asked.unwrap_or(LEAST)).min(max_hold);
    (wait, throttle.ended.saturating_add(wait))
}

/// The longest pause that was due.
pub(super) fn longest(
    throttles: &[Throttle],
    patience: impl Fn(u32) -> Patience,
) -> Option<Micros> {
    let wait = |throttle: &Throttle| pause(throttle, patience(throttle.start).max_hold).0;
    throttles.iter().map(wait).max()
}

/// The requests that came in a pause.
pub(super) fn held(
    requests: &[Asked],
    throttles: &[Throttle],
    patience: impl Fn(u32) -> Patience,
) -> Vec<(usize, Ill)> {
    let mut ills = Vec::new();
    let mut throttles = throttles.iter().peekable();
    let mut hold: Option<(Micros, Micros, &Throttle)> = None;
    for (place, request) in requests.iter().enumerate() {
        // An answer counts from when the crawler has taken note of it.
        while let Some(throttle) = throttles
            .next_if(|throttle| throttle.ended.saturating_add(TOLERANCE) <= request.started)
        {
            let (wait, until) = pause(throttle, patience(throttle.start).max_hold);
            if hold.is_none_or(|hold| hold.1 < until) {
                hold = Some((wait, until, throttle));
            }
        }
        let Some((wait, until, throttle)) = hold else {
            continue;
        };
        // A later start honours what is left, within its own settings.
        let here = patience(request.start);
        let until = if request.start > throttle.start {
            until.min(here.begun.saturating_add(here.max_hold))
        } else {
            until
        };
        if request.started.saturating_add(tolerance(wait)) < until {
            let ill = Ill::Held {
                answer: throttle.id,
                status: throttle.status,
                until,
                wait,
            };
            ills.push((place, ill));
        }
    }
    ills
}

/// When a start had to set the host aside: the answer after whose end nothing is asked any more.
#[derive(Debug)]
struct Aside {
    start: u32,
    since: Micros,
    answer: i64,
    why: String,
}

/// The requests that came after their start had to set the host aside. Hops on the way to another origin's
/// robots.txt may still come.
pub(super) fn aside(
    requests: &[Asked],
    throttles: &[Throttle],
    patience: impl Fn(u32) -> Patience,
) -> Vec<(usize, Ill)> {
    let mut asides = too_long(throttles, &patience);
    asides.extend(too_many(requests, throttles, &patience));
    let mut ills = Vec::new();
    for (place, request) in requests.iter().enumerate() {
        let broken = |aside: &&Aside| {
            let since = aside.since.saturating_add(TOLERANCE);
            aside.start == request.start && since < request.started && !request.robots
        };
        if let Some(aside) = asides.iter().find(broken) {
            let (answer, why) = (aside.answer, aside.why.clone());
            ills.push((place, Ill::Aside { answer, why }));
        }
    }
    ills
}

/// The first answer of each start that asks for more than `max-hold`.
fn too_long(throttles: &[Throttle], patience: &impl Fn(u32) -> Patience) -> Vec<Aside> {
    let mut asides: Vec<Aside> = Vec::new();
    for throttle in throttles {
        let asked = throttle.asked.map_or(0, micros);
        let known = asides.iter().any(|aside| aside.start == throttle.start);
        if asked > patience(throttle.start).max_hold && !known {
            asides.push(Aside {
                start: throttle.start,
                since: throttle.ended,
                answer: throttle.id,
                why: format!(
                    "Retry-After asks for {} s, which is more than max-hold",
                    asked / 1_000_000
                ),
            });
        }
    }
    asides
}

/// The failure of each start with which there were surely `max-failures` in a row.
fn too_many(
    requests: &[Asked],
    throttles: &[Throttle],
    patience: &impl Fn(u32) -> Patience,
) -> Vec<Aside> {
    let bad = requests.iter().filter(|asked| asked.class != Class::Fine);
    let least = requests
        .iter()
        .map(|asked| patience(asked.start).max_failures)
        .min();
    // Few hosts get there: only they are put in the order of ends.
    if least.is_none_or(|least| bad.count() < least) {
        return Vec::new();
    }
    let pauses = throttles.iter().map(|throttle| {
        let max_hold = patience(throttle.start).max_hold;
        (throttle.id, pause(throttle, max_hold).1)
    });
    let pauses: HashMap<i64, Micros> = pauses.collect();
    let mut by_end: Vec<&Asked> = requests.iter().collect();
    by_end.sort_unstable_by_key(|asked| (asked.start, asked.ended(), asked.id));
    let mut asides: Vec<Aside> = Vec::new();
    for of_start in by_end.chunk_by(|a, b| a.start == b.start) {
        let start = of_start[0].start;
        let mut count = Failures::default();
        let enough = |asked: &&&Asked| {
            let until = pauses.get(&asked.id).copied();
            count.add(asked, until) >= patience(start).max_failures
        };
        if let Some(last) = of_start.iter().find(enough) {
            asides.push(Aside {
                start,
                since: last.ended(),
                answer: last.id,
                why: format!("{} failures in a row", patience(start).max_failures),
            });
        }
    }
    asides
}

/// Failures in a row, as many as there surely were.
#[derive(Debug, Default)]
struct Failures {
    count: usize,
    /// An answer that was none is there, and counts until then.
    fine_until: Option<Micros>,
    held_until: Option<Micros>,
    last_end: Option<Micros>,
}

impl Failures {
    /// Takes in an answer, and the end of the pause that it asks for.
    fn add(&mut self, asked: &Asked, pause: Option<Micros>) -> usize {
        let ended = asked.ended();
        let last = self.last_end.replace(ended);
        if last.is_some_and(|last| last.saturating_add(REST) < asked.started) {
            self.count = 0;
        }
        if asked.class == Class::Fine {
            self.count = 0;
            self.fine_until = Some(ended.saturating_add(TOLERANCE));
            return 0;
        }
        // Which of two that end together was taken note of first, nobody knows; and answers in a pause
        // are one word of the host, not several.
        let paused = self
            .held_until
            .is_some_and(|until| ended <= until.saturating_add(TOLERANCE));
        let counts = self.fine_until.is_none_or(|fine| fine < ended)
            && !(paused && asked.class == Class::Throttled);
        self.held_until = self.held_until.max(pause);
        self.count += usize::from(counts);
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(start: u32) -> Patience {
        Patience {
            begun: Micros::from(start) * 1_000_000_000,
            max_hold: 600_000_000,
            max_failures: 3,
        }
    }

    /// Requests of 100 ms, numbered from 1, at these milliseconds: `.` good, `f` failed, `t` throttled, `r`
    /// for a robots.txt; and those of the second start after its begin.
    fn requests(rows: &[(i64, char)]) -> Vec<Asked> {
        let row = |(id, (at, what)): (usize, &(i64, char))| Asked {
            id: id as i64 + 1,
            started: at * 1000,
            host: 0,
            total: 100_000,
            start: u32::from(*at >= 1_000_000),
            robots: *what == 'r',
            class: match what {
                'f' => Class::Failed,
                't' => Class::Throttled,
                _ => Class::Fine,
            },
        };
        rows.iter().enumerate().map(row).collect()
    }

    /// The throttled ones, each with what it asks for in milliseconds.
    fn throttles(requests: &[Asked], asked: Option<u64>) -> Vec<Throttle> {
        let throttled = requests.iter().filter(|one| one.class == Class::Throttled);
        let row = |one: &Asked| Throttle {
            host: 0,
            ended: one.ended(),
            id: one.id,
            start: one.start,
            status: 503,
            asked: asked.map(Duration::from_millis),
        };
        throttled.map(row).collect()
    }

    fn ids(requests: &[Asked], ills: &[(usize, Ill)]) -> Vec<i64> {
        ills.iter().map(|(place, _)| requests[*place].id).collect()
    }

    #[test]
    fn nothing_in_a_pause() {
        for (rows, asked, wanted) in [
            (&[(0, 't'), (10_100, '.')][..], Some(10_000), &[][..]),
            // By 5 % it may seem to come too early.
            (&[(0, 't'), (9_650, '.')], Some(10_000), &[]),
            (&[(0, 't'), (9_550, '.')], Some(10_000), &[2]),
            // What started before the answer came, or just after, could not know.
            (
                &[(0, 't'), (50, '.'), (140, '.'), (160, '.')],
                Some(10_000),
                &[4],
            ),
            (&[(0, 't'), (1_000, '.'), (1_200, '.')], None, &[2]),
            (&[(0, 't'), (200, '.')], Some(0), &[]),
            // The longer one counts.
            (&[(0, 't'), (120, 't'), (10_150, '.')], Some(10_000), &[]),
            // Over a stop, at most max-hold from the begin.
            (&[(0, 't'), (1_000_500, '.')], Some(86_400_000), &[]),
            (&[(900_000, 't'), (1_000_500, '.')], Some(500_000), &[2]),
        ] {
            let requests = requests(rows);
            let ills = held(&requests, &throttles(&requests, asked), patience);
            assert_eq!(ids(&requests, &ills), wanted, "{rows:?} {asked:?}");
        }
    }

    #[test]
    fn nothing_of_a_host_that_is_set_aside() {
        let long = Some(700_000);
        for (rows, asked, wanted) in [
            (
                &[(0, 't'), (800_000, '.'), (800_200, 'r')][..],
                long,
                &[2][..],
            ),
            // The next start asks again.
            (&[(0, 't'), (1_000_200, '.')], long, &[]),
            (&[(0, 'f'), (200, 'f'), (400, 'f'), (600, '.')], None, &[4]),
            // Under way when the third ended.
            (&[(0, 'f'), (200, 'f'), (400, 'f'), (520, '.')], None, &[]),
            (
                &[(0, 'f'), (200, '.'), (400, 'f'), (600, 'f'), (800, '.')],
                None,
                &[],
            ),
            // Which of two that end together was first, nobody knows.
            (
                &[(0, 'f'), (200, 'f'), (210, '.'), (220, 'f'), (600, '.')],
                None,
                &[],
            ),
            // Answers in a pause are one word.
            (&[(0, 't'), (10, 't'), (20, 't'), (5_000, '.')], None, &[]),
            (
                &[(0, 't'), (1_200, 't'), (2_400, 't'), (5_000, '.')],
                None,
                &[4],
            ),
            // After a long rest what was before may have been forgotten.
            (
                &[(0, 'f'), (200, 'f'), (9_000, 'f'), (9_200, '.')],
                None,
                &[],
            ),
        ] {
            let requests = requests(rows);
            let ills = aside(&requests, &throttles(&requests, asked), patience);
            assert_eq!(ids(&requests, &ills), wanted, "{rows:?} {asked:?}");
        }
    }
}
