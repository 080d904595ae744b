//! *When* a host may be asked: token bucket, gap, cap in flight, holds and back-off. Pure: time is an
//! argument, so that a test can run a day in a millisecond.

mod bucket;
mod retry;
mod strain;

use std::time::{Duration, Instant};

use crate::config;

pub use bucket::Bucket;
use retry::doubled;
pub use retry::{parse_retry_after, retry_wait};
use strain::Strain;

/// The longest pause that failures in a row impose on a host, where it asks for none itself.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// The pause after the second failure in a row; doubled with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The hold of the first 429 or 503 that names no time; doubled with each further one.
const FIRST_HOLD: Duration = Duration::from_secs(1);
/// After so many failures in a row they say nothing of strain any more.
const GONE: u32 = 3;
/// For so long after an answer its connection is taken to stand: servers close idle ones from 5 s on.
const KEPT_ALIVE: Duration = Duration::from_secs(4);

/// What the settings allow a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Slow down where the host shows strain.
    pub adaptive: bool,
}

impl Limits {
    /// What satisfies both.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        Self {
            interval: self.interval.max(other.interval),
            burst: self.burst.min(other.burst),
            concurrency: self.concurrency.min(other.concurrency),
            random_wait: self.random_wait || other.random_wait,
            adaptive: self.adaptive || other.adaptive,
            ..self
        }
    }

    /// Without rate, cap in flight and strain: of a host that shares those with others.
    #[must_use]
    pub fn unshared(self) -> Self {
        Self {
            interval: None,
            concurrency: u32::MAX,
            random_wait: false,
            adaptive: false,
            ..self
        }
    }
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
            adaptive: config.adaptive,
        }
    }
}

/// Whether a request may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Now: the token is in hand.
    Now,
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
    /// A failure that may pass: no connection, a 5xx.
    Failed,
    /// A failure that may pass, and that too many requests may have caused: no answer in time, a reset.
    Strained,
    /// 429 or 503, and the time that the host asks for, if it names one.
    Throttled(Option<Duration>),
    /// Says nothing of the host (we broke it off ourselves).
    Silent,
}

/// An answer, and what it took.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    /// How the host behaved.
    pub answer: Answer,
    /// From the start to the head.
    pub head: Option<Duration>,
    /// From the start to the end.
    pub total: Duration,
    /// Whether the connection stays for the next request.
    pub stays: bool,
}

impl From<Answer> for Ending {
    /// One that came at once.
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            head: None,
            total: Duration::ZERO,
            stays: true,
        }
    }
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

/// What a host's answers in a row have come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Streak {
    failures: u32,
    throttles: u32,
    held: Duration,
}

/// The pace of one host, or of several that share one.
#[derive(Debug)]
pub struct Pace {
    bucket: Bucket,
    limits: Limits,
    /// A token of the bucket that is in hand and not spent, since when.
    token: Option<Instant>,
    in_flight: u32,
    /// Connections that are taken to stand, and the start of a request that had to open one.
    open: u32,
    cold: Option<Instant>,
    last_start: Option<Instant>,
    last_end: Option<Instant>,
    /// With `random-wait`: the end of the gap after the last start.
    gap_until: Option<Instant>,
    held_until: Option<Instant>,
    crawl_delay: Option<Duration>,
    strain: Strain,
    streak: Streak,
}

impl Pace {
    /// A host that was not asked lately.
    #[must_use]
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self::with_bucket(limits, Bucket::full(limits.interval, limits.burst, now))
    }

    /// A host that may have been asked just before `begin`: from then on it waits one interval first.
    #[must_use]
    pub fn resumed(limits: Limits, begin: Instant) -> Self {
        let bucket = Bucket::empty(limits.interval, limits.burst, begin);
        // As if it had been asked just then: a Crawl-delay counts from there.
        Self {
            last_start: Some(begin),
            ..Self::with_bucket(limits, bucket)
        }
    }

    fn with_bucket(limits: Limits, bucket: Bucket) -> Self {
        Self {
            bucket,
            limits,
            token: None,
            in_flight: 0,
            open: 0,
            cold: None,
            last_start: None,
            last_end: None,
            gap_until: None,
            held_until: None,
            crawl_delay: None,
            strain: Strain::default(),
            streak: Streak::default(),
        }
    }

    /// Takes in the limits of another host that shares this pace: from now on both are kept.
    pub fn share(&mut self, limits: Limits, now: Instant) {
        let both = self.limits.stricter(limits);
        if (both.interval, both.burst) != (self.limits.interval, self.limits.burst) {
            self.bucket = Bucket::empty(both.interval, both.burst, self.last_start.unwrap_or(now));
        }
        self.limits = both;
    }

    /// Says that it was asked before and has to wait until then: there is one token then, and no more.
    pub fn has_rested(&mut self, until: Instant) {
        let interval = self.limits.interval.unwrap_or_default();
        let before = until.checked_sub(interval).unwrap_or(until);
        self.bucket = Bucket::empty(self.limits.interval, self.limits.burst, before);
        self.hold(until);
    }

    /// What its answers in a row have come to.
    #[must_use]
    pub fn streak(&self) -> Streak {
        self.streak
    }

    /// Takes up what its answers in a row had come to.
    pub fn go_on(&mut self, streak: Streak) {
        self.streak = streak;
    }

    /// Slows it down as far as it was when that was stored.
    pub fn slow_down(&mut self, gap: Option<Duration>) {
        self.strain.restore(gap.filter(|_| self.limits.adaptive));
    }

    /// The gap between two starts that a strain of the host's asks for.
    #[must_use]
    pub fn strain(&self) -> Option<Duration> {
        self.strain.gap()
    }

    /// From when on nothing of it need be known any more: its bucket is full, its gaps are over.
    #[must_use]
    pub fn rested_at(&self) -> Option<Instant> {
        let interval = self.limits.interval.unwrap_or_default() * self.limits.burst;
        let gap = interval.max(self.crawl_delay.unwrap_or_default());
        let gap = gap.max(self.strain.gap().unwrap_or_default());
        let ends = [self.last_start, self.last_end].map(|at| at.map(|at| at + gap));
        ends.into_iter()
            .chain([self.held_until, self.gap_until])
            .max()
            .flatten()
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

    /// Whether a request may start now. If so, its token is in hand, and [`Pace::begin`] spends it.
    pub fn check(&mut self, now: Instant) -> When {
        let concurrency = if self.crawl_delay.is_some() {
            1
        } else {
            self.limits.concurrency
        };
        if self.in_flight >= concurrency || self.cold.is_some() {
            return When::AfterOne;
        }
        let gap = self.crawl_delay.max(self.strain.gap());
        let next = self.last_start.zip(gap).map(|(last, gap)| last + gap);
        let times = [self.held_until, self.gap_until, next];
        if let Some(at) = times.into_iter().flatten().filter(|at| *at > now).max() {
            return When::At(at);
        }
        if self.token.is_none() {
            if let Err(at) = self.bucket.take(now) {
                return When::At(at);
            }
            self.token = Some(now);
        }
        When::Now
    }

    /// Starts the request that [`Pace::check`] has allowed.
    pub fn begin(&mut self, now: Instant) {
        if self.token.take().is_some_and(|since| since < now) {
            // The bucket has filled up behind a token that was kept: the next one counts from now.
            self.bucket = Bucket::empty(self.limits.interval, self.limits.burst, now);
        }
        if self.limits.random_wait {
            // The gap that the rules ask for, and up to as much again: never faster than they allow.
            let gap = self.usual_gap();
            self.gap_until = gap.map(|gap| now + gap.mul_f64(1.0 + fastrand::f64()));
        }
        if self.last_end.is_none_or(|end| end + KEPT_ALIVE < now) {
            self.open = self.in_flight;
        }
        self.in_flight += 1;
        self.last_start = Some(now);
        if self.in_flight > self.open {
            self.open = self.in_flight;
            // What it takes to connect delays this request and not the next: that one counts from here on only
            // once this one is answered, or the host would see them close together.
            self.cold = self.usual_gap().map(|_| now);
        }
    }

    /// The gap between two starts that the settings and robots.txt ask for.
    fn usual_gap(&self) -> Option<Duration> {
        self.limits.interval.max(self.crawl_delay)
    }

    /// Takes note of an answer: the request is not in flight any more, and it may tell of strain.
    pub fn answered(&mut self, ending: Ending, now: Instant) {
        self.ended(ending, now);
        let usual = self.usual_gap();
        if self.limits.adaptive {
            match ending.answer {
                // Who has not answered for so long is not strained but gone, and waited for otherwise.
                Answer::Strained if self.streak.failures >= GONE => {}
                Answer::Strained | Answer::Throttled(_) => self.strain.cut(usual, now),
                Answer::Fine => self.strain.ease(usual, ending.head),
                Answer::Failed | Answer::Silent => {}
            }
        }
    }

    fn ended(&mut self, ending: Ending, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.last_end = Some(now);
        if !ending.stays {
            self.open = self.open.saturating_sub(1).max(self.in_flight);
        }
        let Some(cold) = self.cold else { return };
        let started = now.checked_sub(ending.total).unwrap_or(now);
        if started + Duration::from_millis(5) < cold && self.in_flight > 0 {
            return;
        }
        self.cold = None;
        let arrived = ending.head.map_or(now, |head| (started + head).min(now));
        self.last_start = self.last_start.max(Some(arrived));
        if self.limits.burst == 1 {
            self.bucket = Bucket::empty(self.limits.interval, 1, arrived);
        }
    }

    /// Ends a request, and draws the consequence of how it ended.
    pub fn finish(&mut self, ending: impl Into<Ending>, now: Instant) -> Consequence {
        let ending = ending.into();
        self.answered(ending, now);
        match ending.answer {
            Answer::Silent => Consequence::None,
            Answer::Fine => {
                self.streak = Streak::default();
                Consequence::None
            }
            Answer::Failed | Answer::Strained => {
                self.streak.failures += 1;
                if self.streak.failures >= self.limits.max_failures {
                    return Consequence::SetAside(
                        Duration::ZERO,
                        format!("{} failures in a row", self.streak.failures),
                    );
                }
                if self.streak.failures >= 2 {
                    self.hold(
                        now + doubled(FIRST_BACKOFF, self.streak.failures - 2).min(MAX_BACKOFF),
                    );
                }
                Consequence::None
            }
            Answer::Throttled(asked) => self.throttled(asked, now),
        }
    }

    fn throttled(&mut self, asked: Option<Duration>, now: Instant) -> Consequence {
        let max = self.limits.max_hold;
        let wait = asked
            .unwrap_or_else(|| doubled(FIRST_HOLD, self.streak.throttles))
            .min(max);
        // Answers to requests that were under way together are one word of the host, not several.
        if self.held_until(now).is_none() {
            self.streak.failures += 1;
            self.streak.throttles += 1;
            self.streak.held += wait;
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
        if self.streak.failures >= self.limits.max_failures {
            return Consequence::SetAside(
                wait,
                format!("{} failures in a row{said}", self.streak.failures),
            );
        }
        if self.streak.held > max {
            return Consequence::SetAside(
                wait,
                format!("held for more than {} s in all{said}", max.as_secs()),
            );
        }
        Consequence::Hold(wait, format!("asks for fewer requests{said}"))
    }
}

#[cfg(test)]
mod tests;
