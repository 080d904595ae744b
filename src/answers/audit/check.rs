//! Holds the requests to the limits of their starts: first all of them, then host by host.

use std::collections::HashMap;

use tokio_rusqlite::rusqlite;

use super::asked::{Asked, Throttle};
use super::copies::{Copies, Delays};
use super::findings::{Breach, Findings};
use super::holds::{self, Ill, Patience};
use super::hosts::Hosts;
use super::log::Log;
use super::pace::{Bucket, InFlight};
use super::report::{Audit, Law};
use super::shared::Group;
use super::starts::{Start, Starts};
use super::{Micros, micros, millis, time, to_millis, tolerance};
use crate::canonical::Host;
use crate::config::By;
use crate::politeness::Limits;

/// Checks what can only be seen among other requests.
pub(super) struct Checker<'a, 'b> {
    starts: &'a Starts,
    delays: HashMap<Host, Delays<'a>>,
    copies: HashMap<Host, u64>,
    found: &'b mut Findings<'a>,
}

impl<'a, 'b> Checker<'a, 'b> {
    pub(super) fn new(starts: &'a Starts, copies: &'a Copies, found: &'b mut Findings<'a>) -> Self {
        Self {
            starts,
            delays: copies.delays(),
            copies: copies.counts(),
            found,
        }
    }

    fn start(&self, place: u32) -> &'a Start {
        &self.starts.list[place as usize]
    }

    /// What holds over all hosts: requests in flight, and the rate.
    pub(super) fn all(&mut self, log: &mut Log, audit: &mut Audit) -> rusqlite::Result<()> {
        log.asked
            .sort_unstable_by_key(|asked| (asked.started, asked.id));
        audit.first_at = log.asked.first().map(|asked| time(asked.started));
        audit.last_at = log.asked.last().map(|asked| time(asked.started));
        let mut state = Whole::default();
        for request in &log.asked {
            let start = self.start(request.start);
            for breach in state.take(request, start) {
                self.found.breach(start, request, &mut log.hosts, breach)?;
            }
        }
        audit.most_in_flight = state.in_flight.most as u64;
        Ok(())
    }

    /// What holds for each host.
    pub(super) fn hosts(&mut self, log: &mut Log) -> rusqlite::Result<()> {
        log.asked
            .sort_unstable_by_key(|asked| (asked.host, asked.started, asked.id));
        log.throttles
            .sort_unstable_by_key(|throttle| (throttle.host, throttle.ended, throttle.id));
        for requests in log.asked.chunk_by(|a, b| a.host == b.host) {
            let host = requests[0].host;
            let before = |other: u32| log.throttles.partition_point(|one| one.host < other);
            let throttles = &log.throttles[before(host)..before(host + 1)];
            self.pace(requests, &mut log.hosts)?;
            self.holds(requests, throttles, &mut log.hosts)?;
        }
        Ok(())
    }

    /// What holds for hosts that share their limits.
    pub(super) fn groups(&mut self, log: &mut Log) -> rusqlite::Result<()> {
        for by in [By::Domain, By::Ip] {
            if !self
                .starts
                .list
                .iter()
                .any(|start| start.politeness.by == by)
            {
                continue;
            }
            for (name, hosts) in log.hosts.groups(by) {
                self.group(&name, &hosts, by, log)?;
            }
        }
        Ok(())
    }

    fn group(&mut self, name: &str, hosts: &[u32], by: By, log: &mut Log) -> rusqlite::Result<()> {
        // They stand host by host, each in the order of its starts.
        let of = |host: &u32| {
            let begin = log.asked.partition_point(|asked| asked.host < *host);
            let end = log.asked.partition_point(|asked| asked.host <= *host);
            &log.asked[begin..end]
        };
        let mut requests: Vec<Asked> = hosts.iter().flat_map(of).copied().collect();
        requests.retain(|asked| self.start(asked.start).politeness.by == by);
        requests.sort_unstable_by_key(|asked| (asked.started, asked.id));
        let mut group = Group::new(name, hosts);
        for request in &requests {
            let start = self.start(request.start);
            for breach in group.take(request, start, &log.hosts) {
                self.found.breach(start, request, &mut log.hosts, breach)?;
            }
        }
        for host in hosts.iter().filter(|_| !requests.is_empty()) {
            log.hosts.figures(*host).shared = Some(name.to_owned());
        }
        Ok(())
    }

    fn pace(&mut self, requests: &[Asked], hosts: &mut Hosts) -> rusqlite::Result<()> {
        let place = requests[0].host;
        let host = hosts.host(place).clone();
        let mut state = Single::default();
        for request in requests {
            let start = self.start(request.start);
            for breach in state.take(request, start, &host, self.delays.get(&host)) {
                self.found.breach(start, request, hosts, breach)?;
            }
        }
        let figures = hosts.figures(place);
        figures.requests = requests.len() as u64;
        figures.first_at = time(requests[0].started);
        figures.last_at = time(requests[requests.len() - 1].started);
        figures.least_gap_ms = state.least_gap.map(to_millis);
        figures.most_in_flight = state.in_flight.most as u64;
        figures.crawl_delay_ms = Some(state.delay).filter(|delay| *delay > 0).map(to_millis);
        figures.robots_copies = self.copies.get(&host).copied().unwrap_or_default();
        if let Some(limits) = state.limits {
            figures.interval_ms = limits.interval.map(millis);
            figures.burst = limits.burst;
            figures.host_concurrency = limits.concurrency;
        }
        Ok(())
    }

    fn holds(
        &mut self,
        requests: &[Asked],
        throttles: &[Throttle],
        hosts: &mut Hosts,
    ) -> rusqlite::Result<()> {
        let patience = |place: u32| {
            let start = self.start(place);
            Patience {
                begun: start.begun,
                max_hold: micros(start.politeness.max_hold.0),
                max_failures: start.politeness.max_failures as usize,
            }
        };
        let figures = hosts.figures(requests[0].host);
        figures.throttled = throttles.len() as u64;
        figures.longest_hold_ms = holds::longest(throttles, patience).map(to_millis);
        let held = holds::held(requests, throttles, patience);
        let aside = holds::aside(requests, throttles, patience);
        for (place, ill) in held.into_iter().chain(aside) {
            let request = &requests[place];
            let start = self.start(request.start);
            self.found
                .breach(start, request, hosts, of_ill(request, ill))?;
        }
        Ok(())
    }
}

/// All hosts together, from one request to the next.
#[derive(Default)]
struct Whole {
    start: Option<u32>,
    bucket: Option<Bucket>,
    in_flight: InFlight,
    last: Option<i64>,
}

impl Whole {
    fn take(&mut self, request: &Asked, start: &Start) -> Vec<Breach> {
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
            breaches.push(too_early(Law::GlobalRate, self.last, early, wait, words));
        }
        let flying = self.in_flight.start(request);
        if start.paces.is_some() && flying > cap {
            let words = format!("{flying} in flight in all; concurrency is {cap}");
            let others = self.in_flight.others(request);
            breaches.push(crowd(Law::Concurrency, others, flying, cap, words));
        }
        self.last = Some(request.id);
        breaches
    }
}

/// One host, from one request to the next.
#[derive(Default)]
struct Single {
    start: Option<u32>,
    limits: Option<Limits>,
    bucket: Option<Bucket>,
    in_flight: InFlight,
    last: Option<Asked>,
    least_gap: Option<Micros>,
    /// The longest Crawl-delay so far.
    delay: Micros,
}

impl Single {
    fn take(
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
        Some(too_early(Law::Rate, last, early, wait, words))
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
        Some(crowd(law, others, flying, cap, words))
    }
}

pub(super) fn too_early(
    law: Law,
    last: Option<i64>,
    early: Micros,
    wait: Micros,
    words: String,
) -> Breach {
    Breach {
        law,
        beside: last.into_iter().collect(),
        found: Some(to_millis(wait - early)),
        permitted: Some(to_millis(wait)),
        words,
    }
}

pub(super) fn crowd(
    law: Law,
    beside: Vec<i64>,
    flying: usize,
    cap: usize,
    words: String,
) -> Breach {
    Breach {
        law,
        beside,
        found: Some(flying as f64),
        permitted: Some(cap as f64),
        words,
    }
}

fn of_ill(request: &Asked, ill: Ill) -> Breach {
    match ill {
        Ill::Held {
            answer,
            status,
            until,
            wait,
        } => {
            let early = until - request.started;
            Breach {
                law: Law::Hold,
                beside: vec![answer],
                found: Some(to_millis(wait - early)),
                permitted: Some(to_millis(wait)),
                words: format!(
                    "{} too early: request {answer} was answered {status}, a pause of {}",
                    ms(early),
                    ms(wait)
                ),
            }
        }
        Ill::Aside { answer, why } => Breach {
            law: Law::SetAside,
            beside: vec![answer],
            found: None,
            permitted: None,
            words: format!("after request {answer}: {why}"),
        },
    }
}

/// A time as a reader has it: milliseconds up to ten seconds, seconds beyond.
pub(super) fn ms(time: Micros) -> String {
    if time < 10_000_000 {
        format!("{} ms", (to_millis(time) * 10.0).round() / 10.0)
    } else {
        format!("{} s", (to_millis(time) / 100.0).round() / 10.0)
    }
}
