//! Holds the requests to the limits of their starts: first all of them, then host by host.

use std::collections::HashMap;

use tokio_rusqlite::rusqlite;

use super::asked::{Asked, Throttle};
use super::copies::{Copies, Delays};
use super::findings::{Breach, Findings, ms};
use super::holds::{self, Ill, Patience};
use super::hosts::Hosts;
use super::limits::{Single, Whole};
use super::log::Log;
use super::report::{Audit, Law};
use super::shared::Group;
use super::starts::{Start, Starts};
use super::{micros, millis, time, to_millis};
use crate::canonical::Host;
use crate::config::By;

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
