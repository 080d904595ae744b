//! Buckets, gaps, and requests in flight. Pure: of requests in the order of their starts.
//!
//! Every stamp is taken after all waits, a little after the moment at which the rules allowed the request;
//! how long after depends on how busy the machine is. That is what the tolerance is for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::asked::Asked;
use super::{Micros, tolerance};
use crate::politeness::Limits;

/// What ends so near to the next start ended before it: both are stamps of one clock.
const CLOCK: Micros = 1_000;

/// A token bucket in the form of a time (GCRA): in no window are there more starts than burst + rate ×
/// time.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Nanoseconds: a rate of 3/s is no whole number of microseconds.
    interval: i128,
    burst: i128,
    /// When the bucket will be full again; `None` while it is.
    full_at: Option<i128>,
    tolerance: i128,
}

impl Bucket {
    /// The bucket of a host, if it has a rate.
    pub(super) fn of(limits: &Limits, empty_at: Option<Micros>) -> Option<Self> {
        // Gaps that are drawn at random are never shorter than the rate's, burst or not.
        let burst = if limits.random_wait { 1 } else { limits.burst };
        let bucket = |interval| Self::new(interval, burst, empty_at);
        limits.interval.map(bucket)
    }

    /// A bucket that is full, or one that was made empty at a time.
    pub(super) fn new(interval: Duration, burst: u32, empty_at: Option<Micros>) -> Self {
        let interval = i128::try_from(interval.as_nanos()).unwrap_or(i128::MAX >> 32);
        let burst = i128::from(burst.max(1));
        let micros = i64::try_from(interval / 1000).unwrap_or(i64::MAX);
        Self {
            interval,
            burst,
            full_at: empty_at.map(|at| nanos(at) + burst * interval),
            tolerance: nanos(tolerance(micros)),
        }
    }

    /// Takes a token. One that was not there is not owed: what comes after is not to blame.
    ///
    /// # Errors
    /// By how much it comes too early.
    pub(super) fn take(&mut self, at: Micros) -> Result<(), Micros> {
        let at = nanos(at);
        if let Some(full_at) = self.full_at {
            let earliest = full_at - (self.burst - 1) * self.interval;
            if at + self.tolerance < earliest {
                return Err(i64::try_from((earliest - at) / 1000).unwrap_or(i64::MAX));
            }
        }
        self.full_at = Some(self.full_at.unwrap_or(at).max(at) + self.interval);
        Ok(())
    }
}

fn nanos(micros: Micros) -> i128 {
    i128::from(micros) * 1000
}

/// Requests in flight, as one starts after another.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    ends: BinaryHeap<Reverse<(Micros, i64)>>,
    /// The most at one time.
    pub(super) most: usize,
}

impl InFlight {
    /// Starts a request: how many are in flight now, itself among them.
    pub(super) fn start(&mut self, asked: &Asked) -> usize {
        let over = |end: Micros| end <= asked.started.saturating_add(CLOCK);
        while self.ends.peek().is_some_and(|Reverse(end)| over(end.0)) {
            self.ends.pop();
        }
        self.ends.push(Reverse((asked.ended(), asked.id)));
        self.most = self.most.max(self.ends.len());
        self.ends.len()
    }

    /// The others that are in flight, as they stand in the log.
    pub(super) fn others(&self, asked: &Asked) -> Vec<i64> {
        let ids = self.ends.iter().map(|Reverse((_, id))| *id);
        let mut others: Vec<i64> = ids.filter(|id| *id != asked.id).collect();
        others.sort_unstable();
        others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::audit::asked::Class;

    fn asked(id: i64, started: Micros, total: u32) -> Asked {
        Asked {
            id,
            started,
            host: 0,
            total,
            start: 0,
            robots: false,
            class: Class::Fine,
        }
    }

    /// The places of the requests that come too early, times in milliseconds.
    fn early(interval: u64, burst: u32, empty_at: Option<i64>, starts: &[i64]) -> Vec<usize> {
        let empty_at = empty_at.map(|at| at * 1000);
        let mut bucket = Bucket::new(Duration::from_millis(interval), burst, empty_at);
        let taken = starts.iter().map(|at| bucket.take(at * 1000).is_err());
        let taken: Vec<bool> = taken.collect();
        (0..starts.len()).filter(|place| taken[*place]).collect()
    }

    #[test]
    fn buckets() {
        for (interval, burst, empty_at, starts, wanted) in [
            (200, 1, None, &[0, 200, 400][..], &[][..]),
            // The tolerance is 50 ms,
            (200, 1, None, &[0, 151, 350, 551], &[]),
            // and does not add up.
            (200, 1, None, &[0, 151, 302, 453], &[2]),
            (200, 1, None, &[0, 140, 200, 400], &[1]),
            // Of a long interval it is 5 %.
            (10_000, 1, None, &[0, 9_501, 19_400], &[2]),
            // A burst after a rest, then the rate.
            (100, 3, None, &[0, 1, 2, 100, 200, 300], &[]),
            (100, 3, None, &[0, 1, 2, 3, 100, 200], &[3]),
            (100, 3, None, &[0, 1, 2, 300, 301, 302, 303], &[6]),
            // One that was empty has its first token after an interval, whatever its burst.
            (1000, 3, Some(0), &[500, 1000, 1001, 2000], &[0, 2]),
            (1000, 3, Some(0), &[3000, 3001, 3002, 3003], &[3]),
        ] {
            assert_eq!(
                early(interval, burst, empty_at, starts),
                wanted,
                "{starts:?}"
            );
        }
        // Thirds of a second add up exactly: 3,000 requests in 1,000 seconds.
        let mut bucket = Bucket::new(Duration::from_secs(1) / 3, 1, None);
        let late = (0..3000).filter(|i| bucket.take(i * 1_000_000 / 3).is_err());
        assert_eq!(late.count(), 0);
        let mut bucket = Bucket::new(Duration::from_millis(10), 1, None);
        assert!(bucket.take(0).is_ok());
        assert_eq!(bucket.take(-51_000), Err(61_000));
    }

    #[test]
    fn in_flight() {
        let mut flight = InFlight::default();
        let rows = [
            (1, 0, 100, 1),
            (2, 10, 20, 2),
            // The second has ended as this one starts.
            (3, 30, 500, 2),
            (4, 40, 10, 3),
            (5, 600, 10, 1),
        ];
        for (id, started, total, wanted) in rows {
            let asked = asked(id, started * 1000, total * 1000);
            assert_eq!(flight.start(&asked), wanted, "{id}");
            if id == 4 {
                assert_eq!(flight.others(&asked), [1, 3]);
            }
        }
        assert_eq!(flight.most, 3);
        // A stamp and a duration that were rounded are no overlap.
        let mut flight = InFlight::default();
        flight.start(&asked(1, 0, 5000));
        assert_eq!(flight.start(&asked(2, 4500, 10)), 1);
    }
}
