//! Which request may go now.
//!
//! Every host has a queue and a [pace](crate::politeness::Pace). A host that may be asked stands in
//! the ready queue, one that has to wait sleeps until its time, one that can only be moved by an event
//! (an answer, a new URL, its robots.txt) stands nowhere until that event. So a claim costs the same
//! with ten hosts and with many, and no host holds a fetch slot while it waits.

mod host_queue;
mod origins;
mod paces;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use host_queue::{Allowance, HostQueue, Turn};
use origins::Origins;
pub use paces::Paces;

use crate::canonical::{Host, Origin};
use crate::politeness::{Answer, Bucket, Consequence};
use crate::request::{Request, Ticket};
use crate::robots::Robots;

/// Requests held in memory for all hosts together, and for one.
const HEADS: usize = 65_536;
const HOST_HEADS: std::ops::RangeInclusive<usize> = 16..=2048;

/// What may go now.
#[derive(Debug)]
pub enum Next {
    /// This request; its host counts it as in flight until [`Frontier::finish`]. With the line of
    /// robots.txt that allows it, if one does.
    Request(Request, Option<String>),
    /// Not this one: robots.txt forbids it by this line. It has its outcome.
    Disallowed(Request, String),
    /// Nothing before this time; `None`: nothing before something happens.
    Wait(Option<Instant>),
}

/// Rows of a host's queue that memory has room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refill {
    /// Whose.
    pub host: Host,
    /// Those after this order.
    pub after: u64,
    /// So many at the most.
    pub limit: usize,
}

/// The answer to a [`Refill`].
#[derive(Debug)]
pub struct Refilled {
    /// What was asked for.
    pub refill: Refill,
    /// The rows, in order.
    pub requests: Vec<Request>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// How the frontier is to behave.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The pace of each host.
    pub paces: Paces,
    /// Least time between two starts in all.
    pub global_interval: Option<std::time::Duration>,
    /// Ask for robots.txt and obey it.
    pub obey_robots: bool,
    /// Whether hosts may have been asked just before this start.
    pub resumed: bool,
    /// Pages of one host at the most.
    pub pages_per_host: Option<u64>,
}

/// All queues. One task owns it.
#[derive(Debug)]
pub struct Frontier {
    settings: Settings,
    hosts: HashMap<Host, HostQueue>,
    origins: Origins,
    ready: VecDeque<Host>,
    sleeping: BinaryHeap<Reverse<(Instant, Host)>>,
    global: Bucket,
    /// A token of the global bucket in hand, not yet spent, and since when.
    permit: Option<Instant>,
    refills: Vec<Refill>,
    /// URLs handed out or waiting for a retry: whatever the table says, they do not come in again.
    under_way: HashSet<i64>,
    queued: usize,
}

impl Frontier {
    /// An empty frontier.
    #[must_use]
    pub fn new(settings: Settings, now: Instant) -> Self {
        Self {
            hosts: HashMap::new(),
            origins: Origins::new(settings.obey_robots),
            ready: VecDeque::new(),
            sleeping: BinaryHeap::new(),
            global: if settings.resumed {
                Bucket::empty(settings.global_interval, 1, now)
            } else {
                Bucket::full(settings.global_interval, 1, now)
            },
            permit: None,
            refills: Vec::new(),
            under_way: HashSet::new(),
            queued: 0,
            settings,
        }
    }

    /// Changes one host's queue, keeps count, and puts it in line for a turn.
    fn with_host<R>(
        &mut self,
        host: &Host,
        now: Instant,
        change: impl FnOnce(&mut HostQueue, usize) -> R,
    ) -> R {
        let cap = (HEADS / (self.hosts.len() + 1)).clamp(*HOST_HEADS.start(), *HOST_HEADS.end());
        let queue = match self.hosts.get_mut(host) {
            Some(queue) => queue,
            None => self.hosts.entry(host.clone()).or_insert_with(|| {
                let mut queue =
                    HostQueue::new(self.settings.paces.of(host), self.settings.resumed, now);
                queue.allowance = self.settings.pages_per_host.map(Allowance::of);
                queue
            }),
        };
        let before = queue.len();
        let result = change(queue, cap);
        self.queued = self.queued + queue.len() - before;
        if let Some((after, limit)) = queue.wants_refill(cap) {
            self.refills.push(Refill {
                host: host.clone(),
                after,
                limit,
            });
        }
        if !queue.in_ready {
            queue.in_ready = true;
            self.ready.push_back(host.clone());
        }
        result
    }

    /// Takes in an admitted request.
    pub fn push(&mut self, request: Request, now: Instant) {
        if self.under_way.contains(&request.ticket.url)
            || self.origins.is_unreachable(&request.url.origin())
        {
            return;
        }
        let host = request.url.host();
        self.with_host(&host, now, |queue, cap| queue.push(request, cap));
    }

    /// Takes in a request that is to be tried again, not before its time.
    pub fn retry(&mut self, request: Request, at: Instant, now: Instant) {
        if self.origins.is_unreachable(&request.url.origin()) {
            return;
        }
        let seconds = at.saturating_duration_since(now).as_secs();
        tracing::info!(url = %request.url, attempt = request.attempt + 1, seconds, "tried again later");
        self.under_way.insert(request.ticket.url);
        let host = request.url.host();
        self.with_host(&host, now, |queue, _| queue.push_retry(request, at));
    }

    /// Takes in a request for a robots.txt: a hop, or another try.
    pub fn push_robots(&mut self, request: Request, at: Instant, now: Instant) {
        let host = request.url.host();
        self.with_host(&host, now, |queue, _| queue.push_robots(request, at));
    }

    /// Says that the table has a queue for this host of which nothing is in memory yet.
    pub fn begin_on_disk(&mut self, host: &Host, now: Instant) {
        self.with_host(host, now, |queue, _| queue.begin_on_disk(0));
    }

    /// Leaves a host alone until then.
    pub fn hold(&mut self, host: &Host, until: Instant, now: Instant) {
        self.with_host(host, now, |queue, _| queue.pace.hold(until));
    }

    /// Which rows memory has room for; each is asked for once.
    pub fn take_refills(&mut self) -> Vec<Refill> {
        std::mem::take(&mut self.refills)
    }

    /// Whether rows are to be read from the table.
    #[must_use]
    pub fn wants_refill(&self) -> bool {
        !self.refills.is_empty()
    }

    /// Takes in rows of the table.
    pub fn refilled(&mut self, refilled: Refilled, now: Instant) {
        let Refilled {
            refill,
            requests,
            more,
        } = refilled;
        let last = requests.last().map(|request| request.order);
        let (mut fresh, mut delayed) = (Vec::with_capacity(requests.len()), Vec::new());
        let wall = std::time::SystemTime::now();
        for request in requests {
            if self.under_way.contains(&request.ticket.url)
                || self.origins.is_unreachable(&request.url.origin())
            {
                continue;
            }
            // The stored time is a wall clock's, which may have been set back: no wait is longer than a hold.
            let wait = request
                .not_before
                .and_then(|at| at.duration_since(wall).ok());
            match wait.map(|wait| wait.min(self.settings.paces.limits.max_hold)) {
                Some(wait) => delayed.push((request, now + wait)),
                None => fresh.push(request),
            }
        }
        self.with_host(&refill.host, now, |queue, _| {
            queue.refilled(refill.after, last, more, fresh);
        });
        for (request, at) in delayed {
            self.retry(request, at, now);
        }
    }

    /// The next request that every rule allows now, hosts in turn.
    pub fn next(&mut self, now: Instant) -> Next {
        while let Some(Reverse((at, _))) = self.sleeping.peek()
            && *at <= now
            && let Some(Reverse((at, host))) = self.sleeping.pop()
        {
            // An entry that is not the host's latest word is stale.
            if let Some(queue) = self.hosts.get_mut(&host)
                && queue.wake == Some(at)
            {
                queue.wake = None;
                if !queue.in_ready {
                    queue.in_ready = true;
                    self.ready.push_back(host);
                }
            }
        }
        if self.permit.is_none() && !self.ready.is_empty() {
            if let Err(at) = self.global.take(now) {
                return Next::Wait(Some(at));
            }
            self.permit = Some(now);
        }
        while let Some(host) = self.ready.pop_front() {
            if let Some(next) = self.turn(&host, now) {
                return next;
            }
        }
        Next::Wait(self.sleeping.peek().map(|Reverse((at, _))| *at))
    }

    fn turn(&mut self, host: &Host, now: Instant) -> Option<Next> {
        let queue = self.hosts.get_mut(host)?;
        queue.in_ready = false;
        let before = queue.len();
        let turn = queue.turn(&mut self.origins, now);
        // A question for robots.txt may have joined the queue.
        self.queued = self.queued + queue.len() - before;
        let next = match turn {
            Turn::Sleep(at) => {
                // Events may give it a turn again and again before that: one entry is enough.
                if queue.wake != Some(at) {
                    queue.wake = Some(at);
                    self.sleeping.push(Reverse((at, host.clone())));
                }
                return None;
            }
            Turn::Parked => return None,
            Turn::Go(request, rule) => {
                // One that was kept has let the bucket fill up behind it: the next counts from now.
                if self.permit.take().is_some_and(|since| since < now) {
                    self.global = Bucket::empty(self.settings.global_interval, 1, now);
                }
                Next::Request(request, rule)
            }
            Turn::Disallowed(request, rule) => Next::Disallowed(request, rule),
        };
        if let Next::Request(request, _) | Next::Disallowed(request, _) = &next
            && !request.is_robots()
        {
            self.under_way.insert(request.ticket.url);
        }
        self.with_host(host, now, |_, _| ());
        Some(next)
    }

    /// Says that a request's fetch has ended, and how.
    pub fn finish(&mut self, host: &Host, answer: Answer, now: Instant) -> Consequence {
        self.with_host(host, now, |queue, _| {
            let consequence = queue.pace.finish(answer, now);
            // What was under way when it was set aside has nothing to add.
            if queue.aside.is_some() {
                return Consequence::None;
            }
            if let Consequence::SetAside(_, why) = &consequence {
                queue.set_aside(why.clone());
            }
            consequence
        })
    }

    /// Says that a page's record is there, and whether it counts as one.
    pub fn page_done(&mut self, host: &Host, counts: bool, now: Instant) {
        if self.settings.pages_per_host.is_some() {
            self.with_host(host, now, |queue, _| queue.page_done(counts));
        }
    }

    /// Says how many pages of a host count already.
    pub fn pages_had(&mut self, host: &Host, pages: u64, now: Instant) {
        self.with_host(host, now, |queue, _| queue.pages_had(pages));
    }

    /// Whether a host has had all pages that it may have.
    #[must_use]
    pub fn is_any_full(&self) -> bool {
        self.hosts.values().any(HostQueue::is_full)
    }

    /// Says that the store has applied the outcome of a URL.
    pub fn settled(&mut self, ticket: Ticket) {
        self.under_way.remove(&ticket.url);
    }

    /// Takes in an origin's rules. Answers with the Crawl-delay that is honoured, if it asks for one.
    pub fn robots_known(
        &mut self,
        origin: &Origin,
        host: &Host,
        rules: Arc<Robots>,
        fresh_until: Instant,
        now: Instant,
    ) -> Option<std::time::Duration> {
        let delay = rules.crawl_delay();
        tracing::info!(%origin, crawl_delay = ?delay, "robots.txt read");
        self.origins.known(origin.clone(), rules, fresh_until);
        self.with_host(host, now, |queue, _| queue.set_crawl_delay(origin, delay))
    }

    /// Says that an origin's robots.txt cannot be had. Whether its URLs are given up for this start
    /// (an old copy may rule on).
    pub fn robots_unreachable(
        &mut self,
        origin: &Origin,
        host: &Host,
        ask_again: Instant,
        now: Instant,
    ) -> bool {
        if self.origins.unreachable(origin, ask_again, now) {
            return false;
        }
        self.with_host(host, now, |queue, _| {
            queue.drop_where(|request| request.url.origin() == *origin);
        });
        true
    }

    /// No hold is longer than this.
    #[must_use]
    pub fn longest_hold(&self) -> std::time::Duration {
        self.settings.paces.limits.max_hold
    }

    /// How many requests wait in memory; a host with more on disk counts one for that.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Whether nothing waits, on disk or in memory, that could be asked for in this start.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.queued == 0
    }

    /// Hosts in memory.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// The host that is held longest from now on, and until when.
    #[must_use]
    pub fn longest_held(&self, now: Instant) -> Option<(Host, Instant)> {
        // A glance for the progress line: some thousands of hosts are enough.
        self.hosts
            .iter()
            .take(4096)
            .filter(|(_, queue)| queue.len() > 0)
            .filter_map(|(host, queue)| Some((host.clone(), queue.pace.held_until(now)?)))
            .max_by_key(|(_, until)| *until)
    }
}

#[cfg(test)]
mod tests;
