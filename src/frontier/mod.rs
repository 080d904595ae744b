//! Which request may go now.
//!
//! Every host has a queue and a [pace](crate::politeness::Pace). A host that may be asked stands in
//! the ready queue, one that has to wait sleeps until its time, one that can only be moved by an event
//! (an answer, a new URL, its robots.txt) stands nowhere until that event. So a claim costs the same
//! with ten hosts and with many, and no host holds a fetch slot while it waits.
//!
//! Memory holds some thousand hosts and of each a piece of its queue. The others are in the table; they come
//! in when slots are free and nobody here can use them, and for that those leave who have to wait longest.

mod elsewhere;
mod groups;
mod host_queue;
mod memory;
mod origins;
mod paces;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use elsewhere::Elsewhere;
use groups::Groups;
use host_queue::{Allowance, HostQueue, Sharing, Turn};
pub use paces::Paces;

use crate::canonical::{CanonicalUrl, Host, Origin, registrable_domain};
use crate::config::By;
use crate::politeness::{Bucket, Consequence, Ending, Limits, Pace, When};
use crate::record::HostState;
use crate::request::{Request, Ticket};
use crate::robots::Robots;

/// What memory has room for.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Hosts.
    pub hosts: usize,
    /// Requests of all hosts together.
    pub heads: usize,
    /// Bytes of compiled rules of robots.txt files.
    pub rules: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            hosts: 16_384,
            heads: 131_072,
            rules: 64 << 20,
        }
    }
}

/// Requests in memory for one host.
const HOST_HEADS: std::ops::RangeInclusive<usize> = 8..=2048;
/// Hosts that are read from the table together.
pub(crate) const HOSTS_AT_ONCE: usize = 256;
/// A host that has nothing to do is remembered so long at the least.
const IDLE: Duration = Duration::from_secs(10);
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
    /// Whether what is known of the host is wanted, too.
    pub state: bool,
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
    /// What is known of the host, if that was asked for.
    pub state: Option<HostState>,
}

/// Hosts of the table that memory has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoreHosts {
    /// Those after the host with this number in the store.
    pub after: i64,
    /// So many rows of each at the most.
    pub limit: usize,
}

/// Rules of an origin that were stored.
#[derive(Debug)]
pub struct Remembered {
    /// Whose.
    pub origin: Origin,
    /// What they say.
    pub rules: Arc<Robots>,
    /// Until when they are fresh.
    pub fresh_until: Instant,
    /// Not to be asked for again before, since they could not be had.
    pub ask_again: Option<Instant>,
}

/// How the frontier is to behave.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The pace of each host.
    pub paces: Paces,
    /// What shares one.
    pub by: By,
    /// Least time between two starts in all.
    pub global_interval: Option<Duration>,
    /// Ask for robots.txt and obey it.
    pub obey_robots: bool,
    /// Whether hosts may have been asked just before this start.
    pub resumed: bool,
    /// Pages of one host at the most.
    pub pages_per_host: Option<u64>,
    /// What memory has room for.
    pub room: Room,
}

impl Settings {
    /// A pace for hosts that come into memory.
    fn pace(&self, limits: Limits, begin: Instant, now: Instant) -> Pace {
        if self.resumed {
            Pace::resumed(limits, begin)
        } else {
            Pace::new(limits, now)
        }
    }

    /// The queue of a host that comes into memory.
    fn queue(&self, host: &Host, groups: &mut Groups, begin: Instant, now: Instant) -> HostQueue {
        let limits = self.paces.of(host);
        let (sharing, own) = match self.by {
            By::Host => (Sharing::Alone, limits),
            By::Ip => (Sharing::Unknown, limits.unshared()),
            By::Domain => {
                let name = host.name_and_port().0;
                let key: Arc<str> = registrable_domain(name).unwrap_or(name).into();
                groups.join(&key, limits, || self.pace(limits, begin, now), now);
                (Sharing::Group(key), limits.unshared())
            }
        };
        let mut queue = HostQueue::new(self.pace(own, begin, now), sharing, self.obey_robots);
        queue.allowance = self.pages_per_host.map(Allowance::of);
        queue
    }
}

/// Who gets a turn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Member {
    Host(Host),
    Group(Arc<str>),
}

/// All queues. One task owns it.
#[derive(Debug)]
pub struct Frontier {
    settings: Settings,
    begin: Instant,
    hosts: HashMap<Host, HostQueue>,
    groups: Groups,
    ready: VecDeque<Member>,
    sleeping: BinaryHeap<Reverse<(Instant, Member)>>,
    /// Hosts with nothing to do, each with the time from which it may be forgotten.
    idle: VecDeque<(Instant, Host)>,
    elsewhere: Elsewhere,
    /// Not before this time is anybody looked for who could be sent to rest.
    next_look: Option<Instant>,
    more_hosts: Option<MoreHosts>,
    /// Hosts whose addresses are to be looked up.
    lookups: Vec<Host>,
    global: Bucket,
    /// A token of the global bucket in hand, not yet spent, and since when.
    permit: Option<Instant>,
    refills: Vec<Refill>,
    /// URLs handed out or waiting for a retry: whatever the table says, they do not come in again.
    under_way: HashSet<i64>,
    queued: usize,
    /// Requests in memory, and bytes of rules.
    held: usize,
    rules: usize,
    /// Whether a host has had all pages that it may have.
    any_full: bool,
    /// Gaps of hosts that have changed: slowed down, or as fast as ever again.
    gaps: Vec<(Host, Option<Duration>)>,
}

impl Frontier {
    /// An empty frontier.
    #[must_use]
    pub fn new(settings: Settings, now: Instant) -> Self {
        Self {
            begin: now,
            hosts: HashMap::new(),
            groups: Groups::default(),
            ready: VecDeque::new(),
            sleeping: BinaryHeap::new(),
            idle: VecDeque::new(),
            elsewhere: Elsewhere::default(),
            next_look: None,
            more_hosts: None,
            lookups: Vec::new(),
            global: if settings.resumed {
                Bucket::empty(settings.global_interval, 1, now)
            } else {
                Bucket::full(settings.global_interval, 1, now)
            },
            permit: None,
            refills: Vec::new(),
            under_way: HashSet::new(),
            queued: 0,
            held: 0,
            rules: 0,
            any_full: false,
            gaps: Vec::new(),
            settings,
        }
    }

    /// Requests that memory has room for, of one host.
    fn cap(&self) -> usize {
        (self.settings.room.heads / (self.hosts.len() + 1))
            .clamp(*HOST_HEADS.start(), *HOST_HEADS.end())
    }

    /// Changes one host's queue, keeps count, and puts it in line for a turn.
    fn with_host<R>(
        &mut self,
        host: &Host,
        now: Instant,
        change: impl FnOnce(&mut HostQueue, usize) -> R,
    ) -> R {
        let cap = self.cap();
        let (settings, begin, groups) = (&self.settings, self.begin, &mut self.groups);
        let (queued, elsewhere) = (&mut self.queued, &mut self.elsewhere);
        let queue = self.hosts.entry(host.clone()).or_insert_with(|| {
            let mut queue = settings.queue(host, groups, begin, now);
            if let Some((until, streak)) = elsewhere.recall(host) {
                queue.pace.has_rested(until.max(now));
                queue.pace.go_on(streak);
            }
            *queued += queue.len();
            queue
        });
        let (before, held, rules) = (queue.len(), queue.held(), queue.origins.size());
        let result = change(queue, cap);
        self.queued = self.queued + queue.len() - before;
        self.held = self.held + queue.held() - held;
        self.rules = self.rules + queue.origins.size() - rules;
        self.any_full |= queue.is_full();
        if let Some((after, limit)) = queue.wants_refill(cap) {
            self.refills.push(Refill {
                host: host.clone(),
                after,
                limit,
                state: queue.is_untold(),
            });
        }
        self.call(host);
        result
    }

    /// Puts a host in line for a turn.
    fn call(&mut self, host: &Host) {
        let Some(queue) = self.hosts.get_mut(host).filter(|queue| !queue.in_ready) else {
            return;
        };
        queue.in_ready = true;
        match &queue.sharing {
            Sharing::Alone => self.ready.push_back(Member::Host(host.clone())),
            Sharing::Unknown => self.lookups.push(host.clone()),
            Sharing::Group(key) => {
                if let Some(group) = self.groups.get_mut(key) {
                    group.line.push_back(host.clone());
                    if !group.in_ready {
                        group.in_ready = true;
                        self.ready.push_back(Member::Group(Arc::clone(key)));
                    }
                }
            }
        }
    }

    /// Takes in an admitted request.
    pub fn push(&mut self, request: Request, now: Instant) {
        if self.under_way.contains(&request.ticket.url) {
            return;
        }
        let host = request.url.host();
        match self.hosts.get(&host) {
            Some(queue) if queue.origins.is_unreachable(&request.url.origin()) => return,
            Some(_) => {}
            None if self.elsewhere.is_resting(&host) => return,
            None if self.hosts.len() >= self.settings.room.hosts => {
                self.elsewhere.turned_away();
                return;
            }
            None => {}
        }
        let is_first = request.ticket.is_first;
        self.with_host(&host, now, |queue, cap| {
            if is_first {
                queue.is_new();
            }
            queue.push(request, cap);
        });
    }

    /// Takes in a request that is to be tried again, not before its time; answers with whether it will be: not at an
    /// origin that was given up.
    pub fn retry(&mut self, request: Request, at: Instant, now: Instant) -> bool {
        let host = request.url.host();
        let given_up = |queue: &HostQueue| queue.origins.is_unreachable(&request.url.origin());
        if self.hosts.get(&host).is_some_and(given_up) {
            return false;
        }
        self.under_way.insert(request.ticket.url);
        self.with_host(&host, now, |queue, _| queue.push_retry(request, at));
        true
    }

    /// Takes note that the origin of a URL answers.
    pub fn hear(&mut self, url: &CanonicalUrl) {
        if let Some(queue) = self.hosts.get_mut(&url.host()) {
            queue.origins.hear(&url.origin());
        }
    }

    /// Whether the origin of a URL has answered since its host is in memory, or its robots.txt of an earlier start is
    /// still fresh.
    #[must_use]
    pub fn has_answered(&self, url: &CanonicalUrl) -> bool {
        let host = self.hosts.get(&url.host());
        host.is_some_and(|queue| queue.origins.has_answered(&url.origin()))
    }

    /// Takes in a request for a robots.txt: a hop, or another try.
    pub fn push_robots(&mut self, request: Request, at: Instant, now: Instant) {
        let host = request.url.host();
        self.with_host(&host, now, |queue, _| queue.push_robots(request, at));
    }

    /// Says that the table has URLs that wait, of whichever hosts, and memory has none.
    pub fn begin_on_disk(&mut self, now: Instant) {
        let here: Vec<Host> = self.hosts.keys().cloned().collect();
        for host in here {
            self.with_host(&host, now, |queue, _| queue.begin_on_disk());
        }
        self.elsewhere.look_from_the_beginning();
    }

    /// Which rows memory has room for; each is asked for once.
    pub fn take_refills(&mut self) -> Vec<Refill> {
        std::mem::take(&mut self.refills)
    }

    /// Which hosts memory has room for, if any are wanted.
    pub fn take_more_hosts(&mut self) -> Option<MoreHosts> {
        self.more_hosts.take()
    }

    /// Hosts whose addresses are wanted ([`Frontier::located`]).
    pub fn take_lookups(&mut self) -> Vec<Host> {
        std::mem::take(&mut self.lookups)
    }

    /// Gaps of hosts that have changed by the strain that they show.
    pub fn take_gaps(&mut self) -> Vec<(Host, Option<Duration>)> {
        std::mem::take(&mut self.gaps)
    }

    /// Whether rows are to be read from the table.
    #[must_use]
    pub fn wants_refill(&self) -> bool {
        !self.refills.is_empty() || self.more_hosts.is_some()
    }

    /// Says which address a host has, if it has one: by that it shares its pace.
    pub fn located(&mut self, host: &Host, address: Option<IpAddr>, now: Instant) {
        let limits = self.settings.paces.of(host);
        let (settings, begin) = (&self.settings, self.begin);
        let Some(queue) = self.hosts.get_mut(host) else {
            return;
        };
        if queue.sharing != Sharing::Unknown {
            return;
        }
        let key: Arc<str> = match address {
            Some(address) => address.to_canonical().to_string().into(),
            None => host.as_str().into(),
        };
        (queue.sharing, queue.in_ready) = (Sharing::Group(Arc::clone(&key)), false);
        self.groups
            .join(&key, limits, || settings.pace(limits, begin, now), now);
        self.call(host);
    }

    /// The next request that every rule allows now, hosts in turn.
    pub fn next(&mut self, now: Instant) -> Next {
        self.wake(now);
        self.forget_idle(now);
        if self.permit.is_none() && !self.ready.is_empty() {
            if let Err(at) = self.global.take(now) {
                return Next::Wait(Some(at));
            }
            self.permit = Some(now);
        }
        while let Some(member) = self.ready.pop_front() {
            let next = match member {
                Member::Host(host) => self.turn(&host, now),
                Member::Group(key) => self.group_turn(&key, now),
            };
            if let Some(next) = next {
                return next;
            }
        }
        self.let_others_in(now);
        let sleeping = self.sleeping.peek().map(|Reverse((at, _))| *at);
        let idle = self.idle.front().map(|(at, _)| *at);
        // When somebody leaves, somebody may come.
        let look = self.next_look.filter(|at| *at > now && self.is_full());
        let rested = self.elsewhere.next();
        let waited_for = self.elsewhere.has_more() || rested.is_some_and(|at| at <= now);
        let leaves = [idle, look].map(|at| at.filter(|_| waited_for));
        let times = [
            sleeping,
            rested.filter(|at| *at > now),
            leaves[0],
            leaves[1],
        ];
        Next::Wait(times.into_iter().flatten().min())
    }

    /// Gives a turn to whoever has slept or rested long enough.
    fn wake(&mut self, now: Instant) {
        while let Some(Reverse((at, _))) = self.sleeping.peek()
            && *at <= now
            && let Some(Reverse((at, member))) = self.sleeping.pop()
        {
            // An entry that is not its last word is stale.
            match member {
                Member::Host(host) => {
                    if let Some(queue) = self.hosts.get_mut(&host)
                        && queue.wake == Some(at)
                    {
                        queue.wake = None;
                        self.call(&host);
                    }
                }
                Member::Group(key) => {
                    if let Some(group) = self.groups.get_mut(&key)
                        && group.wake == Some(at)
                    {
                        group.wake = None;
                        if !group.in_ready {
                            group.in_ready = true;
                            self.ready.push_back(Member::Group(key));
                        }
                    }
                }
            }
        }
        while self.hosts.len() < self.settings.room.hosts + HOSTS_AT_ONCE
            && let Some(host) = self.elsewhere.rested(now)
        {
            self.with_host(&host, now, |_, _| ());
        }
    }

    /// The turn of hosts that share a pace: of one of them, if the pace allows it.
    fn group_turn(&mut self, key: &Arc<str>, now: Instant) -> Option<Next> {
        let group = self.groups.get_mut(key)?;
        group.in_ready = false;
        match group.pace.check(now) {
            When::AfterOne => return None,
            When::At(at) => {
                if group.wake != Some(at) {
                    group.wake = Some(at);
                    self.sleeping
                        .push(Reverse((at, Member::Group(Arc::clone(key)))));
                }
                return None;
            }
            When::Now => {}
        }
        for _ in 0..group.line.len() {
            let host = self.groups.get_mut(key)?.line.pop_front()?;
            let next = self.turn(&host, now);
            let group = self.groups.get_mut(key)?;
            if matches!(next, Some(Next::Request(..))) {
                group.pace.begin(now);
            }
            if next.is_some() {
                if !group.in_ready && !group.line.is_empty() {
                    group.in_ready = true;
                    self.ready.push_back(Member::Group(Arc::clone(key)));
                }
                return next;
            }
        }
        None
    }

    fn turn(&mut self, host: &Host, now: Instant) -> Option<Next> {
        let queue = self.hosts.get_mut(host)?;
        queue.in_ready = false;
        let (before, held) = (queue.len(), queue.held());
        let turn = queue.turn(now);
        // A question for robots.txt may have joined the queue.
        self.queued = self.queued + queue.len() - before;
        self.held = self.held + queue.held() - held;
        let next = match turn {
            Turn::Sleep(at) => {
                // Events may give it a turn again and again before that: one entry is enough.
                if queue.wake != Some(at) {
                    queue.wake = Some(at);
                    self.sleeping
                        .push(Reverse((at, Member::Host(host.clone()))));
                }
                return None;
            }
            Turn::Parked => {
                if queue.len() == 0 && !queue.in_idle {
                    queue.in_idle = true;
                    self.idle.push_back((now + IDLE, host.clone()));
                }
                return None;
            }
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
    pub fn finish(&mut self, host: &Host, ending: impl Into<Ending>, now: Instant) -> Consequence {
        let ending = ending.into();
        if let Some(HostQueue {
            sharing: Sharing::Group(key),
            ..
        }) = self.hosts.get(host)
        {
            let key = Arc::clone(key);
            if let Some(group) = self.groups.get_mut(&key) {
                let before = group.pace.strain();
                group.pace.answered(ending, now);
                let after = group.pace.strain();
                if has_changed(before, after) {
                    self.gaps.push((host.clone(), after));
                }
                if !group.in_ready && !group.line.is_empty() {
                    group.in_ready = true;
                    self.ready.push_back(Member::Group(key));
                }
            }
        }
        let (consequence, before, after) = self.with_host(host, now, |queue, _| {
            let before = queue.pace.strain();
            let consequence = queue.finish(ending, now);
            (consequence, before, queue.pace.strain())
        });
        if has_changed(before, after) {
            self.gaps.push((host.clone(), after));
        }
        consequence
    }

    /// Says that a page's record is there, and whether it counts as one.
    pub fn page_done(&mut self, host: &Host, counts: bool, now: Instant) {
        if self.settings.pages_per_host.is_some() {
            self.with_host(host, now, |queue, _| queue.page_done(counts));
        }
    }

    /// Whether a host has had all pages that it may have.
    #[must_use]
    pub fn is_any_full(&self) -> bool {
        self.any_full
    }

    /// Drops URLs of a host that the table has no more; what is under way comes to its end. Answers how many
    /// are dropped with that, in memory or not.
    pub fn put_aside(&mut self, host: &Host, urls: &[i64], now: Instant) -> u64 {
        let urls: HashSet<i64> = urls.iter().copied().collect();
        let mut waiting = Vec::new();
        if self.hosts.contains_key(host) {
            waiting = self.with_host(host, now, |queue, _| {
                let gone =
                    |request: &Request| urls.contains(&request.ticket.url) && !request.is_robots();
                let waiting = queue.retries_where(gone);
                queue.drop_where(gone);
                waiting
            });
        }
        for url in waiting {
            self.under_way.remove(&url);
        }
        let dropped = urls.iter().filter(|url| !self.under_way.contains(url));
        dropped.count() as u64
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
        self.with_host(host, now, |queue, _| {
            queue.origins.known(origin, rules, fresh_until);
            queue.set_crawl_delay(origin, delay)
        })
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
        self.with_host(host, now, |queue, _| {
            let rules_on = queue.origins.unreachable(origin, ask_again, now);
            if !rules_on {
                queue.drop_where(|request| request.url.origin() == *origin);
            }
            !rules_on
        })
    }

    /// How many requests wait in memory; a host with more on disk counts one for that.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Whether nothing waits, on disk or in memory, that could be asked for in this start.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.queued == 0 && self.elsewhere.is_empty()
    }

    /// Hosts in memory.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// The host that is held longest from now on, until when, and why.
    #[must_use]
    pub fn longest_held(&self, now: Instant) -> Option<(Host, Instant, String)> {
        // A glance for the progress line: some thousands of hosts are enough.
        self.hosts
            .iter()
            .take(4096)
            .filter(|(_, queue)| queue.len() > 0)
            .filter_map(|(host, queue)| Some((host, queue.pace.held_until(now)?, queue)))
            .max_by_key(|(_, until, _)| *until)
            .map(|(host, until, queue)| (host.clone(), until, queue.hold_reason.clone()))
    }
}

/// Whether a gap that strain asks for is worth to be kept: it is longer, or over.
fn has_changed(before: Option<Duration>, after: Option<Duration>) -> bool {
    after > before || (after.is_none() && before.is_some())
}

#[cfg(test)]
mod tests;
