//! The token bucket: `governor`'s, told the time by its owner.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::{Clock, Reference};
use governor::nanos::Nanos;
use governor::{Quota, RateLimiter};

/// The longest time that it takes to fill an empty bucket: a hundred years. The limiter reckons in nanoseconds
/// of 64 bits, which a burst of thousands at one request a month would pass.
const LONGEST_FILL: Duration = Duration::from_secs(3_200_000_000);

/// The hand of a bucket's clock: it stands where it is put.
#[derive(Debug, Clone)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.load(Ordering::Relaxed).into()
    }
}

type Limiter = RateLimiter<
    governor::state::NotKeyed,
    governor::state::InMemoryState,
    Hand,
    governor::middleware::NoOpMiddleware<Nanos>,
>;

/// A token bucket (`governor`'s) that is told the time.
#[derive(Debug)]
pub struct Bucket {
    limiter: Option<Limiter>,
    hand: Hand,
    epoch: Instant,
    burst: u32,
}

impl Bucket {
    /// A full bucket: `burst` tokens, one more each `interval`; no limit where that is `None`. There are fewer
    /// tokens where it would take more than a hundred years to fill it.
    #[must_use]
    pub fn full(interval: Option<Duration>, burst: u32, now: Instant) -> Self {
        let hand = Hand(Arc::new(AtomicU64::new(0)));
        let most = interval.map_or(u32::MAX, |interval| most_tokens(interval).max(1));
        let burst = std::num::NonZeroU32::new(burst.min(most)).unwrap_or(std::num::NonZeroU32::MIN);
        let limiter = interval
            .and_then(Quota::with_period)
            .map(|quota| RateLimiter::direct_with_clock(quota.allow_burst(burst), hand.clone()));
        Self {
            limiter,
            hand,
            epoch: now,
            burst: burst.get(),
        }
    }

    /// A bucket with no token: the first comes after one interval. For a limiter that is made anew
    /// for a host which may just have been asked.
    #[must_use]
    pub fn empty(interval: Option<Duration>, burst: u32, now: Instant) -> Self {
        let bucket = Self::full(interval, burst, now);
        if let Some(limiter) = &bucket.limiter {
            for _ in 0..bucket.burst {
                let _ = limiter.check();
            }
        }
        bucket
    }

    /// Takes a token.
    ///
    /// # Errors
    /// The time at which there will be one.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        let nanos = now.saturating_duration_since(self.epoch).as_nanos();
        self.hand
            .0
            .store(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Relaxed);
        limiter.check().map_err(|not_until| {
            let wait = not_until
                .earliest_possible()
                .duration_since(self.hand.now());
            now + Duration::from(wait).max(Duration::from_micros(1))
        })
    }
}

/// How many tokens there can be at one in such a time.
fn most_tokens(interval: Duration) -> u32 {
    let most = LONGEST_FILL.as_nanos().checked_div(interval.as_nanos());
    most.and_then(|most| u32::try_from(most).ok())
        .unwrap_or(u32::MAX)
}
