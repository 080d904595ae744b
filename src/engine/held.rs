//! Whether this process was held: stopped by a signal, or starved of its processor for a while. Time-outs
//! go off then, and servers hang up; that says nothing of them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The engine has a turn several times a second; without one for so long, the process was held.
const HELD: Duration = Duration::from_secs(1);

/// The engine's turns, for those who wonder.
#[derive(Debug)]
pub(super) struct Held(Mutex<Turns>);

#[derive(Debug)]
struct Turns {
    last: Instant,
    /// The last time it was held: from when to when.
    hold: Option<(Instant, Instant)>,
}

impl Held {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Turns {
            last: now,
            hold: None,
        }))
    }

    /// The engine has a turn.
    pub(super) fn beat(&self, now: Instant) {
        let mut turns = self.turns();
        turns.hold = turns.hold_until(now).or(turns.hold);
        turns.last = now;
    }

    /// Whether the process was held for most of the time since a moment.
    pub(super) fn most_since(&self, begun: Instant, now: Instant) -> bool {
        let turns = self.turns();
        // The engine may not have had its turn since.
        let Some((from, to)) = turns.hold_until(now).or(turns.hold) else {
            return false;
        };
        let held = to.saturating_duration_since(from.max(begun));
        held > now.saturating_duration_since(begun) / 2
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turns {
    fn hold_until(&self, now: Instant) -> Option<(Instant, Instant)> {
        (now.saturating_duration_since(self.last) >= HELD).then_some((self.last, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_the_time() {
        let begun = Instant::now();
        let at = |millis| begun + Duration::from_millis(millis);
        let held = Held::new(begun);
        for beat in [200, 400, 600] {
            held.beat(at(beat));
        }
        // (the request's begin, its end, whether it was held), before and after the engine's next turn.
        let requests = [(500, 3000, true), (0, 3000, true), (2900, 3000, true)];
        for turned in [false, true] {
            for (from, to, wanted) in requests {
                assert_eq!(held.most_since(at(from), at(to)), wanted, "{from} {turned}");
            }
            held.beat(at(3000));
        }
        for (from, to, wanted) in [
            (3000, 3100, false),
            (2500, 3100, true),
            (2500, 3900, false),
            (3500, 3600, false),
        ] {
            assert_eq!(held.most_since(at(from), at(to)), wanted, "{from} {to}");
        }
    }
}
