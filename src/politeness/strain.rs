//! How far a host is slowed down because it shows strain, and how that eases.
//!
//! Its answers say when it is too much: 429 and 503, time-outs and resets double the gap between two
//! starts at once, every good answer takes a twentieth off it. A host that comes to answer far slower than it did
//! gets its next request no sooner than it takes to answer one, as Scrapy's `AutoThrottle` has it
//! with a target of one. The configured rate is never passed: this gap only adds to it.

use std::time::{Duration, Instant};

/// The first gap of a host without a rate of its own.
const FIRST_GAP: Duration = Duration::from_millis(100);
/// The longest gap.
const MAX_GAP: Duration = Duration::from_secs(30);
/// A gap that is shorter than this is none.
const LEAST_GAP: Duration = Duration::from_millis(50);
/// What is left of the gap after a good answer.
const EASE: f64 = 0.95;
/// Answers that come within this are quick enough, whatever they took before.
const PATIENCE: Duration = Duration::from_secs(1);
/// So many times the best that a host was known for is far slower.
const FAR_SLOWER: u32 = 4;

/// The strain of one host.
#[derive(Debug, Default)]
pub(super) struct Strain {
    gap: Option<Duration>,
    /// When the gap was made longer last.
    since: Option<Instant>,
    /// What answers take, smoothed; and the least that ever was.
    latency: Option<Duration>,
    least: Option<Duration>,
}

impl Strain {
    /// As it was when it was stored.
    pub(super) fn restore(&mut self, gap: Option<Duration>) {
        self.gap = gap.map(|gap| gap.min(MAX_GAP));
    }

    /// Least time between two starts.
    pub(super) fn gap(&self) -> Option<Duration> {
        self.gap
    }

    /// An answer said that it is too much; `usual` is the gap that the rules ask for anyway. Answers to
    /// requests that were under way together count once.
    pub(super) fn cut(&mut self, usual: Option<Duration>, now: Instant) {
        let gap = self.gap.or(usual).unwrap_or(FIRST_GAP / 2);
        if self.since.is_some_and(|since| now < since + gap) {
            return;
        }
        self.since = Some(now);
        self.gap = Some((gap * 2).max(self.latency.unwrap_or_default()).min(MAX_GAP));
    }

    /// An answer was good, and its head took so long.
    pub(super) fn ease(&mut self, usual: Option<Duration>, head: Option<Duration>) {
        let eased = self.gap.map(|gap| gap.mul_f64(EASE));
        self.gap = eased.filter(|gap| *gap > usual.unwrap_or(LEAST_GAP));
        let Some(head) = head else { return };
        let latency = self.latency.map_or(head, |old| (old * 7 + head) / 8);
        let least = self.least.map_or(latency, |least| least.min(latency));
        (self.latency, self.least) = (Some(latency), Some(least));
        if latency > PATIENCE && latency > least * FAR_SLOWER {
            self.gap = self.gap.max(Some(latency.min(MAX_GAP)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn cut_at_once_and_eased_slowly() {
        let (mut strain, begin) = (Strain::default(), Instant::now());
        let usual = Some(ms(200));
        strain.cut(usual, begin);
        // Under way together: one word of the host.
        strain.cut(usual, begin + ms(100));
        assert_eq!(strain.gap(), Some(ms(400)));
        strain.cut(usual, begin + ms(400));
        assert_eq!(strain.gap(), Some(ms(800)));
        let mut answers = 0;
        while strain.gap().is_some() {
            strain.ease(usual, None);
            answers += 1;
        }
        assert_eq!(answers, 28);
        // Without a rate, from a gap of its own; and never beyond the longest.
        for step in 0..12 {
            strain.cut(None, begin + ms(1_000_000 * (step + 1)));
        }
        assert_eq!(strain.gap(), Some(MAX_GAP));
    }

    #[test]
    fn rising_latency_slows_down() {
        for (usually, later, slowed) in [
            (100, 900, false),
            (100, 3000, true),
            // Slow from the first is no strain of ours: the cap in flight sees to that.
            (3000, 3500, false),
        ] {
            let mut strain = Strain::default();
            for _ in 0..20 {
                strain.ease(None, Some(ms(usually)));
            }
            assert_eq!(strain.gap(), None);
            for _ in 0..40 {
                strain.ease(None, Some(ms(later)));
            }
            assert_eq!(strain.gap().is_some(), slowed, "{usually} {later}");
            if slowed {
                assert!(
                    strain.gap() > Some(ms(later * 9 / 10)),
                    "{:?}",
                    strain.gap()
                );
            }
            for _ in 0..200 {
                strain.ease(None, Some(ms(usually)));
            }
            assert_eq!(strain.gap(), None, "it eases");
        }
    }
}
