//! The time of day as it is written down. Within a start of the program it never goes back: a clock that is
//! set back would make of the log of requests a riddle, in which answers come before questions.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// From this on a clock that was set back is worth a word.
const WORTH_A_WORD: Duration = Duration::from_secs(1);

static CLOCK: Mutex<Clock> = Mutex::new(Clock {
    last: None,
    said: false,
});

/// Now. Where the machine's clock was set forth, or the machine has slept, as that has it; where it was set
/// back, as if it had gone on.
pub(crate) fn now() -> SystemTime {
    let mut clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let (wall, now) = (SystemTime::now(), Instant::now());
    let told = clock.tell(wall, now);
    let behind = told.duration_since(wall).unwrap_or_default();
    if behind >= WORTH_A_WORD && !clock.said {
        clock.said = true;
        drop(clock);
        tracing::warn!(
            seconds = behind.as_secs(),
            "the clock of this machine was set back: times go on from where they were until the next start"
        );
    }
    told
}

#[derive(Debug)]
struct Clock {
    last: Option<(SystemTime, Instant)>,
    said: bool,
}

impl Clock {
    fn tell(&mut self, wall: SystemTime, now: Instant) -> SystemTime {
        let gone_on = self
            .last
            .and_then(|(told, at)| told.checked_add(now.saturating_duration_since(at)));
        let told = gone_on.map_or(wall, |gone_on| gone_on.max(wall));
        self.last = Some((told, now));
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forth_and_never_back() {
        let mut clock = Clock {
            last: None,
            said: false,
        };
        let (begin, day) = (
            Instant::now(),
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000),
        );
        for (passed, shown, told) in [
            (0, 0, 0),
            (1, 1, 1),
            (2, 3602, 3602),
            (3, 3, 3603),
            (4, -900_000, 3604),
            (4000, 4000, 7600),
            (4001, 7601, 7601),
            (4002, 7700, 7700),
        ] {
            let shown = if shown < 0 {
                day - Duration::from_secs(i64::unsigned_abs(shown))
            } else {
                day + Duration::from_secs(shown.unsigned_abs())
            };
            let now = begin + Duration::from_secs(passed);
            let found = clock.tell(shown, now).duration_since(day);
            assert_eq!(found.expect("later").as_secs(), told, "after {passed} s");
        }
    }
}
