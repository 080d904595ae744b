//! The limits of all hosts together, and of one, from one request to the next.

use super::asked::Asked;
use super::copies::Delays;
use super::findings::{Breach, ms};
use super::pace::{Bucket, InFlight};
use super::report::Law;
use super::starts::Start;
use super::{Micros, micros, to_millis, tolerance};
use crate::canonical::Host;
use crate::politeness::Limits;

/// All hosts together, from one request to the next.
#[derive(Debug, Default)]
pub(super) struct Whole {
    start: Option<u32>,
    bucket: Option<Bucket>,
    pub(super) in_flight: InFlight,
    last: Option<i64>,
}

impl Whole {
    pub(super) fn take(&mut self, request: &Asked, start: &Start) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let (rate, cap) = (
            start.politeness.global_rate,
            start.politeness.concurrency as usize,
        );
        if start.is_entered(self.start, request) {
            self.start = Some(request.start);
            let empty_at = start.empty_at(request.started);
            let bucket = |interval| Bucket::new(interval, 1, empty_at);
            self.bucket = rate.interval().map(bucket);
        }
        let early = self
            .bucket
            .as_mut()
            .and_then(|bucket| bucket.take(request.started).err());
        if let Some(early) = early {
            let wait = rate.interval().map_or(0, micros);
            let words = format!("{} too early: global-rate is {rate}", ms(early));
            breaches.push(Breach::too_early(
                Law::GlobalRate,
                self.last,
                early,
                wait,
                words,
            ));
        }
        let flying = self.in_flight.start(request);
        if start.paces.is_some() && flying > cap {
            let words = format!("{flying} in flight in all; concurrency is {cap}");
            let others = self.in_flight.others(request);
            breaches.push(Breach::crowd(Law::Concurrency, others, flying, cap, words));
        }
        self.last = Some(request.id);
        breaches
    }
}

/// One host, from one request to the next.
#[derive(Debug, Default)]
pub(super) struct Single {
    start: Option<u32>,
    pub(super) limits: Option<Limits>,
    bucket: Option<Bucket>,
    pub(super) in_flight: InFlight,
    last: Option<Asked>,
    pub(super) least_gap: Option<Micros>,
    /// The longest Crawl-delay so far.
    pub(super) delay: Micros,
}

impl Single {
    pub(super) fn take(
        &mut self,
        request: &Asked,
        start: &Start,
        host: &Host,
        delays: Option<&Delays<'_>>,
    ) -> Vec<Breach> {
        if start.is_entered(self.start, request) {
            self.enter(request, start, host);
        }
        if let Some(last) = &self.last {
            let gap = request.started - last.started;
            self.least_gap = Some(self.least_gap.map_or(gap, |least| least.min(gap)));
        }
        let delay = self.crawl_delay(request, start, delays);
        self.delay = self.delay.max(delay);
        let mut breaches = Vec::new();
        breaches.extend(self.rate(request));
        breaches.extend(self.gap(request, start, delay));
        breaches.extend(self.crowd(request, delay));
        self.last = Some(*request);
        breaches
    }

    /// Takes on the limits of a start. Where one went before, its bucket was made empty.
    fn enter(&mut self, request: &Asked, start: &Start, host: &Host) {
        self.start = Some(request.start);
        self.limits = start.limits(host);
        let empty_at = start.empty_at(request.started);
        self.bucket = self.limits.and_then(|limits| Bucket::of(&limits, empty_at));
    }

    /// The Crawl-delay that a request had to keep.
    fn crawl_delay(&self, request: &Asked, start: &Start, delays: Option<&Delays<'_>>) -> Micros {
        match (delays, self.limits) {
            (Some(delays), Some(limits)) if !start.politeness.ignore_robots => delays
                .at(request.started, start.begun, start.asker, request.robots)
                .min(micros(limits.max_crawl_delay)),
            _ => 0,
        }
    }

    fn rate(&mut self, request: &Asked) -> Option<Breach> {
        let early = self.bucket.as_mut()?.take(request.started).err()?;
        let limits = self.limits?;
        let wait = micros(limits.interval?);
        let words = match limits.burst {
            1 => format!("{} too early: one request each {}", ms(early), ms(wait)),
            burst => format!(
                "{} too early: {burst} at once, then one each {}",
                ms(early),
                ms(wait)
            ),
        };
        let last = self.last.map(|last| last.id);
        Some(Breach::too_early(Law::Rate, last, early, wait, words))
    }

    fn gap(&self, request: &Asked, start: &Start, delay: Micros) -> Option<Breach> {
        // A start that is not the first waits as if it had asked when it began.
        let begun = start.empty_at(request.started);
        let last = self.last.map(|last| last.started);
        let gap = request.started - last.max(begun)?;
        if delay == 0 || gap.saturating_add(tolerance(delay)) >= delay {
            return None;
        }
        Some(Breach {
            law: Law::CrawlDelay,
            beside: self.last.map(|last| last.id).into_iter().collect(),
            found: Some(to_millis(gap)),
            permitted: Some(to_millis(delay)),
            words: format!(
                "{} after the one before; Crawl-delay is {}",
                ms(gap),
                ms(delay)
            ),
        })
    }

    fn crowd(&mut self, request: &Asked, delay: Micros) -> Option<Breach> {
        let flying = self.in_flight.start(request);
        let (law, cap) = match self.limits {
            Some(_) if delay > 0 => (Law::OneAtATime, 1),
            Some(limits) => (Law::HostConcurrency, limits.concurrency as usize),
            None => return None,
        };
        if flying <= cap {
            return None;
        }
        let words = match law {
            Law::OneAtATime => format!("{flying} in flight; with a Crawl-delay one may be"),
            _ => format!("{flying} in flight; host-concurrency is {cap}"),
        };
        let others = self.in_flight.others(request);
        Some(Breach::crowd(law, others, flying, cap, words))
    }
}
