//! *When* a host may be asked: token bucket, gap, cap in flight, holds and back-off. Pure: time is an
//! argument, so that a test can run a day in a millisecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use governor::clock::{Clock, Reference};
use governor::nanos::Nanos;
use governor::{Quota, RateLimiter};

use crate::config;

/// The longest pause that failures in a row impose on a host, where it asks for none itself.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// The pause after the second failure in a row; doubled with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The hold of the first 429 or 503 that names no time; doubled with each further one.
const FIRST_HOLD: Duration = Duration::from_secs(1);

/// What the settings allow a host.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Least time between two starts in the long run; `None` for no limit.
    pub interval: Option<Duration>,
    /// Starts that may come at once after a rest.
    pub burst: u32,
    /// Requests in flight.
    pub concurrency: u32,
    /// Make each gap longer by a random part of itself.
    pub random_wait: bool,
    /// Longest Crawl-delay honoured.
    pub max_crawl_delay: Duration,
    /// Longest hold by one answer.
    pub max_hold: Duration,
    /// Failures in a row that set a host aside.
    pub max_failures: u32,
}

impl From<&config::Politeness> for Limits {
    fn from(config: &config::Politeness) -> Self {
        Self {
            interval: config.rate.interval(),
            burst: config.burst,
            concurrency: config.host_concurrency,
            random_wait: config.random_wait,
            max_crawl_delay: config.max_crawl_delay.0,
            max_hold: config.max_hold.0,
            max_failures: config.max_failures,
        }
    }
}

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
    /// A full bucket: `burst` tokens, one more each `interval`; no limit where that is `None`.
    #[must_use]
    pub fn full(interval: Option<Duration>, burst: u32, now: Instant) -> Self {
        let hand = Hand(Arc::new(AtomicU64::new(0)));
        let burst = std::num::NonZeroU32::new(burst).unwrap_or(std::num::NonZeroU32::MIN);
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

/// Whether a request may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It has started: the token is taken, the request counts as in flight.
    Started,
    /// Not before this time.
    At(Instant),
    /// Not before one in flight has ended.
    AfterOne,
}

/// How a request ended, as far as its host's pace is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The host works.
    Fine,
    /// A failure that may pass: no connection, no answer in time, a reset, a 5xx.
    Failed,
    /// 429 or 503, and the time that the host asks for, if it names one.
    Throttled(Option<Duration>),
    /// Says nothing of the host (we broke it off ourselves).
    Silent,
}

/// What an answer means for the host from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing changes.
    None,
    /// It is left alone so long, for this reason.
    Hold(Duration, String),
    /// It is left alone until the next start of the program.
    SetAside(Duration, String),
}

/// The pace of one host.
#[derive(Debug)]
pub struct Pace {
    bucket: Bucket,
    limits: Limits,
    in_flight: u32,
    last_start: Option<Instant>,
    /// With `random-wait`: the end of the gap after the last start.
    gap_until: Option<Instant>,
    held_until: Option<Instant>,
    crawl_delay: Option<Duration>,
    failures: u32,
    throttles: u32,
    held: Duration,
}

impl Pace {
    /// A host that was not asked lately.
    #[must_use]
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self::with_bucket(limits, Bucket::full(limits.interval, limits.burst, now))
    }

    /// A host that may have been asked just before we came: it waits one interval first.
    #[must_use]
    pub fn resumed(limits: Limits, now: Instant) -> Self {
        let bucket = Bucket::empty(limits.interval, limits.burst, now);
        // As if it had been asked just now: a Crawl-delay counts from here.
        Self {
            last_start: Some(now),
            ..Self::with_bucket(limits, bucket)
        }
    }

    fn with_bucket(limits: Limits, bucket: Bucket) -> Self {
        Self {
            bucket,
            limits,
            in_flight: 0,
            last_start: None,
            gap_until: None,
            held_until: None,
            crawl_delay: None,
            failures: 0,
            throttles: 0,
            held: Duration::ZERO,
        }
    }

    /// Sets the gap that robots.txt asks for, and answers what is honoured of it. A host with a gap
    /// gets one request at a time.
    pub fn set_crawl_delay(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.crawl_delay = asked
            .filter(|delay| !delay.is_zero())
            .map(|delay| delay.min(self.limits.max_crawl_delay));
        self.crawl_delay
    }

    /// Leaves the host alone until then; a longer hold stands.
    pub fn hold(&mut self, until: Instant) {
        self.held_until = self.held_until.max(Some(until));
    }

    /// Requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Until when it is held, if it is.
    #[must_use]
    pub fn held_until(&self, now: Instant) -> Option<Instant> {
        self.held_until.filter(|until| *until > now)
    }

    /// Starts a request if every rule allows it now.
    pub fn try_start(&mut self, now: Instant) -> When {
        let concurrency = if self.crawl_delay.is_some() {
            1
        } else {
            self.limits.concurrency
        };
        if self.in_flight >= concurrency {
            return When::AfterOne;
        }
        if let Some(until) = self.held_until(now) {
            return When::At(until);
        }
        if let (Some(last), Some(delay)) = (self.last_start, self.crawl_delay)
            && last + delay > now
        {
            return When::At(last + delay);
        }
        if let Some(until) = self.gap_until.filter(|until| *until > now) {
            return When::At(until);
        }
        if let Err(at) = self.bucket.take(now) {
            return When::At(at);
        }
        if self.limits.random_wait {
            // The gap that the rules ask for, and up to as much again: never faster than they allow.
            let gap = self.limits.interval.max(self.crawl_delay);
            self.gap_until = gap.map(|gap| now + gap.mul_f64(1.0 + fastrand::f64()));
        }
        self.in_flight += 1;
        self.last_start = Some(now);
        When::Started
    }

    /// Ends a request, and draws the consequence of how it ended.
    pub fn finish(&mut self, answer: Answer, now: Instant) -> Consequence {
        self.in_flight = self.in_flight.saturating_sub(1);
        match answer {
            Answer::Silent => Consequence::None,
            Answer::Fine => {
                (self.failures, self.throttles, self.held) = (0, 0, Duration::ZERO);
                Consequence::None
            }
            Answer::Failed => {
                self.failures += 1;
                if self.failures >= self.limits.max_failures {
                    return Consequence::SetAside(
                        Duration::ZERO,
                        format!("{} failures in a row", self.failures),
                    );
                }
                if self.failures >= 2 {
                    self.hold(now + doubled(FIRST_BACKOFF, self.failures - 2).min(MAX_BACKOFF));
                }
                Consequence::None
            }
            Answer::Throttled(asked) => self.throttled(asked, now),
        }
    }

    fn throttled(&mut self, asked: Option<Duration>, now: Instant) -> Consequence {
        let max = self.limits.max_hold;
        let wait = asked
            .unwrap_or_else(|| doubled(FIRST_HOLD, self.throttles))
            .min(max);
        // Answers to requests that were under way together are one word of the host, not several.
        if self.held_until(now).is_none() {
            self.failures += 1;
            self.throttles += 1;
            self.held += wait;
        }
        self.hold(now + wait);
        let said = asked.map_or_else(String::new, |asked| {
            format!(", Retry-After {} s", asked.as_secs())
        });
        if asked.is_some_and(|asked| asked > max) {
            return Consequence::SetAside(
                wait,
                format!("asks to be left alone longer than max-hold{said}"),
            );
        }
        if self.failures >= self.limits.max_failures {
            return Consequence::SetAside(
                wait,
                format!("{} failures in a row{said}", self.failures),
            );
        }
        if self.held > max {
            return Consequence::SetAside(
                wait,
                format!("held for more than {} s in all{said}", max.as_secs()),
            );
        }
        Consequence::Hold(wait, format!("asks for fewer requests{said}"))
    }
}

/// `first`, doubled so many times, without overflow.
fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1_u32 << times.min(20))
}

/// The wait before a further try: doubled with each attempt, with a jitter of half of it so that tries
/// that failed together do not come together again.
#[must_use]
pub fn retry_wait(first: Duration, attempt: u32, random: f64) -> Duration {
    doubled(first, attempt)
        .min(Duration::from_secs(600))
        .mul_f64(0.5 + random.clamp(0.0, 1.0))
}

/// Reads a `Retry-After` (RFC 9110 §10.2.3): seconds or a date. A date that is past is no wait.
#[must_use]
pub fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time, not none.
        return Some(Duration::from_secs(
            value.parse::<u32>().unwrap_or(u32::MAX).into(),
        ));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::from(&config::Politeness::default())
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// The starts within a time, in milliseconds, of a host that always has something to ask.
    fn starts(pace: &mut Pace, begin: Instant, until: Duration) -> Vec<u64> {
        let (mut now, mut out) = (begin, Vec::new());
        while now < begin + until {
            match pace.try_start(now) {
                When::Started => {
                    out.push(u64::try_from((now - begin).as_millis()).expect("short"));
                    pace.finish(Answer::Fine, now);
                }
                When::At(at) => {
                    assert!(at > now, "time goes on");
                    now = at;
                }
                When::AfterOne => panic!("nothing is in flight"),
            }
        }
        out
    }

    #[test]
    fn rate_and_burst() {
        let begin = Instant::now();
        assert_eq!(
            starts(&mut Pace::new(limits(), begin), begin, ms(1000)),
            [0, 200, 400, 600, 800]
        );
        let burst = Limits {
            burst: 3,
            ..limits()
        };
        assert_eq!(
            starts(&mut Pace::new(burst, begin), begin, ms(700)),
            [0, 0, 0, 200, 400, 600]
        );
        assert_eq!(
            starts(&mut Pace::resumed(burst, begin), begin, ms(700)),
            [200, 400, 600]
        );
    }

    #[test]
    fn crawl_delay_is_a_gap_and_one_at_a_time() {
        let begin = Instant::now();
        let mut pace = Pace::new(limits(), begin);
        assert_eq!(
            pace.set_crawl_delay(Some(ms(99_000))),
            Some(ms(30_000)),
            "clamped"
        );
        assert_eq!(pace.set_crawl_delay(Some(ms(1500))), Some(ms(1500)));
        assert_eq!(pace.try_start(begin), When::Started);
        assert_eq!(pace.try_start(begin + ms(9000)), When::AfterOne);
        pace.finish(Answer::Fine, begin + ms(100));
        assert_eq!(pace.try_start(begin + ms(100)), When::At(begin + ms(1500)));
        assert_eq!(
            starts(&mut pace, begin + ms(1500), ms(4000)),
            [0, 1500, 3000]
        );
    }

    #[test]
    fn random_waits_are_longer_than_the_rate_asks() {
        let begin = Instant::now();
        let random = Limits {
            random_wait: true,
            burst: 9,
            ..limits()
        };
        for (delay, least) in [(None, 200), (Some(ms(1000)), 1000)] {
            let mut pace = Pace::new(random, begin);
            pace.set_crawl_delay(delay);
            let starts = starts(&mut pace, begin, ms(200_000));
            let gaps: Vec<u64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(gaps.len() > 80, "{gaps:?}");
            assert!(
                gaps.iter().all(|gap| (least..=2 * least + 1).contains(gap)),
                "{gaps:?}"
            );
            let (short, long) = (gaps.iter().min(), gaps.iter().max());
            assert!(
                short < Some(&(least * 5 / 4)) && long > Some(&(least * 7 / 4)),
                "{gaps:?}"
            );
        }
    }

    #[test]
    fn a_resumed_host_waits_its_delay_first() {
        let begin = Instant::now();
        let mut pace = Pace::resumed(
            Limits {
                interval: None,
                ..limits()
            },
            begin,
        );
        pace.set_crawl_delay(Some(ms(4000)));
        assert_eq!(starts(&mut pace, begin, ms(9000)), [4000, 8000]);
    }

    #[test]
    fn cap_in_flight() {
        let begin = Instant::now();
        let mut pace = Pace::new(
            Limits {
                interval: None,
                ..limits()
            },
            begin,
        );
        assert_eq!(
            [
                pace.try_start(begin),
                pace.try_start(begin),
                pace.try_start(begin)
            ],
            [When::Started, When::Started, When::AfterOne]
        );
        pace.finish(Answer::Silent, begin);
        assert_eq!(pace.try_start(begin), When::Started);
    }

    #[test]
    fn throttling_holds_the_host() {
        let begin = Instant::now();
        let mut pace = Pace::new(limits(), begin);
        pace.try_start(begin);
        let consequence = pace.finish(Answer::Throttled(Some(ms(120_000))), begin);
        assert!(
            matches!(consequence, Consequence::Hold(wait, _) if wait == ms(120_000)),
            "{consequence:?}"
        );
        assert_eq!(
            pace.try_start(begin + ms(119_999)),
            When::At(begin + ms(120_000))
        );
        assert_eq!(pace.try_start(begin + ms(120_000)), When::Started);
        // Without a time, each further one doubles the hold.
        let mut pace = Pace::new(limits(), begin);
        let mut now = begin;
        for seconds in [1, 2, 4, 8] {
            pace.try_start(now);
            let consequence = pace.finish(Answer::Throttled(None), now);
            assert!(
                matches!(consequence, Consequence::Hold(wait, _) if wait == ms(seconds * 1000)),
                "{consequence:?}"
            );
            now += ms(seconds * 1000);
        }
        // Longer than we wait: the host is set aside, not asked early.
        let consequence = pace.finish(Answer::Throttled(Some(ms(3_600_000))), now);
        assert!(
            matches!(consequence, Consequence::SetAside(wait, _) if wait == ms(600_000)),
            "{consequence:?}"
        );
    }

    #[test]
    fn failures_slow_a_host_and_set_it_aside() {
        let begin = Instant::now();
        let mut pace = Pace::new(
            Limits {
                interval: None,
                ..limits()
            },
            begin,
        );
        let (mut now, mut gaps) = (begin, Vec::new());
        let aside = loop {
            match pace.try_start(now) {
                When::Started => match pace.finish(Answer::Failed, now) {
                    Consequence::SetAside(_, why) => break why,
                    _ => gaps.push(0),
                },
                When::At(at) => {
                    *gaps.last_mut().expect("a failure before") = (at - now).as_millis();
                    now = at;
                }
                When::AfterOne => panic!("nothing is in flight"),
            }
        };
        assert_eq!(aside, "20 failures in a row");
        assert_eq!(gaps[..5], [0, 100, 200, 400, 800]);
        assert_eq!((gaps.len(), gaps[18]), (19, 30_000));
    }

    #[test]
    fn retry_after() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        for (value, seconds) in [
            ("120", Some(120)),
            (" 2 ", Some(2)),
            ("99999999999999999999", Some(u64::from(u32::MAX))),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(
                parse_retry_after(value, now),
                seconds.map(Duration::from_secs),
                "{value}"
            );
        }
    }

    #[test]
    fn retry_waits_double_with_jitter() {
        for (attempt, random, millis) in [
            (0, 0.5, 1000),
            (1, 0.5, 2000),
            (2, 0.0, 2000),
            (2, 1.0, 6000),
            (40, 0.5, 600_000),
        ] {
            assert_eq!(
                retry_wait(ms(1000), attempt, random),
                ms(millis),
                "{attempt} {random}"
            );
        }
    }

    proptest::proptest! {
        /// Whatever the times at which one asks: in no window are there more starts than burst + rate x time.
        #[test]
        fn never_more_than_the_bucket_allows(waits in proptest::collection::vec(0_u64..400, 1..200), burst in 1_u32..5) {
            let begin = Instant::now();
            let mut pace = Pace::new(Limits { burst, concurrency: 1000, ..limits() }, begin);
            let (mut now, mut started) = (begin, Vec::new());
            for wait in waits {
                now += ms(wait);
                if pace.try_start(now) == When::Started {
                    started.push(now);
                }
            }
            for (index, from) in started.iter().enumerate() {
                for (count, to) in started[index..].iter().enumerate() {
                    let allowed = f64::from(burst) + (*to - *from).as_secs_f64() * 5.0;
                    proptest::prop_assert!(count as f64 + 1.0 <= allowed + 1e-6);
                }
            }
        }
    }
}
