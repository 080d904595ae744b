//! Hosts that share a rate and a cap in flight: those of a domain, or of an address.
//!
//! The crawler keeps such a group to the strictest limits of the hosts that are in its memory. Which those
//! were the log does not tell: what it proves is that the group keeps to the most lenient limits of all
//! its hosts, and each host (as everywhere) to its own.

use super::asked::Asked;
use super::findings::{Breach, ms};
use super::hosts::Hosts;
use super::micros;
use super::pace::{Bucket, InFlight};
use super::report::Law;
use super::starts::Start;
use crate::politeness::Limits;

/// A group, from one request to the next.
pub(super) struct Group<'a> {
    name: &'a str,
    hosts: &'a [u32],
    start: Option<u32>,
    limits: Option<Limits>,
    bucket: Option<Bucket>,
    in_flight: InFlight,
    last: Option<i64>,
}

impl<'a> Group<'a> {
    pub(super) fn new(name: &'a str, hosts: &'a [u32]) -> Self {
        Self {
            name,
            hosts,
            start: None,
            limits: None,
            bucket: None,
            in_flight: InFlight::default(),
            last: None,
        }
    }

    pub(super) fn take(&mut self, request: &Asked, start: &Start, known: &Hosts) -> Vec<Breach> {
        if start.is_entered(self.start, request) {
            self.start = Some(request.start);
            let limits = self
                .hosts
                .iter()
                .map(|host| start.limits(known.host(*host)));
            self.limits = limits.flatten().reduce(more_lenient);
            let empty_at = start.empty_at(request.started);
            self.bucket = self.limits.and_then(|limits| Bucket::of(&limits, empty_at));
        }
        let mut breaches = Vec::new();
        breaches.extend(self.rate(request));
        breaches.extend(self.crowd(request));
        self.last = Some(request.id);
        breaches
    }

    fn rate(&mut self, request: &Asked) -> Option<Breach> {
        let early = self.bucket.as_mut()?.take(request.started).err()?;
        let wait = micros(self.limits?.interval?);
        let words = format!(
            "{} too early: {} hosts of {} share one request each {}",
            ms(early),
            self.hosts.len(),
            self.name,
            ms(wait)
        );
        Some(Breach::too_early(Law::Rate, self.last, early, wait, words))
    }

    fn crowd(&mut self, request: &Asked) -> Option<Breach> {
        let flying = self.in_flight.start(request);
        let cap = self.limits?.concurrency as usize;
        if flying <= cap {
            return None;
        }
        let words = format!(
            "{flying} in flight; {} hosts of {} share a host-concurrency of {cap}",
            self.hosts.len(),
            self.name
        );
        let others = self.in_flight.others(request);
        Some(Breach::crowd(
            Law::HostConcurrency,
            others,
            flying,
            cap,
            words,
        ))
    }
}

/// What allows what either does.
fn more_lenient(a: Limits, b: Limits) -> Limits {
    Limits {
        interval: a.interval.min(b.interval),
        burst: a.burst.max(b.burst),
        concurrency: a.concurrency.max(b.concurrency),
        random_wait: a.random_wait && b.random_wait,
        ..a
    }
}
