//! Which hosts are in memory: how they come in from the table, with what is stored of them, and how they leave
//! when they are idle, or have to wait for long while others are kept out.

use std::time::{Duration, Instant};

use super::host_queue::{HostQueue, Sharing};
use super::{Frontier, HOST_HEADS, HOSTS_AT_ONCE, MoreHosts, Refilled, Remembered};
use crate::canonical::Host;
use crate::clock;
use crate::politeness::Streak;
use crate::record::HostState;

/// Who has to wait at least so long may be sent to rest where room is wanted;
const LONG: Duration = Duration::from_secs(5);
/// looked for no more often than this.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Frontier {
    /// Lets a host go.
    pub(super) fn leave(&mut self, host: &Host) {
        let Some(queue) = self.hosts.remove(host) else {
            return;
        };
        self.queued -= queue.len();
        self.held -= queue.held();
        self.rules -= queue.origins.size();
        for request in queue.retrying() {
            self.under_way.remove(&request.ticket.url);
        }
        if let Sharing::Group(key) = &queue.sharing {
            self.groups.leave(key, host);
        }
    }

    /// Takes in rows of the table, with the rules that are stored of the host's origins.
    pub fn refilled(&mut self, refilled: Refilled, rules: Vec<Remembered>, now: Instant) {
        let Refilled {
            refill,
            requests,
            more,
            state,
        } = refilled;
        let host = &refill.host;
        let is_here = self.hosts.get(host).map(HostQueue::is_untold);
        let unasked = match is_here {
            Some(untold) => state.is_some() && !untold,
            None => state.is_none() || self.elsewhere.is_resting(host),
        };
        if unasked {
            return;
        }
        if let Some(state) = state {
            self.told(host, state, rules, now);
        }
        let last = requests.last().map(|request| request.order);
        let (mut fresh, mut delayed) = (Vec::with_capacity(requests.len()), Vec::new());
        let wall = clock::now();
        for request in requests {
            let origin = request.url.origin();
            let given_up = |queue: &HostQueue| queue.origins.is_unreachable(&origin);
            if self.under_way.contains(&request.ticket.url)
                || self.hosts.get(host).is_some_and(given_up)
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
        self.with_host(host, now, |queue, _| {
            queue.refilled(refill.after, last, more, fresh);
        });
        for (request, at) in delayed {
            self.retry(request, at, now);
        }
    }

    /// Takes in what is stored of a host.
    fn told(&mut self, host: &Host, state: HostState, rules: Vec<Remembered>, now: Instant) {
        let longest = self.settings.paces.limits.max_hold;
        if let Some(HostQueue {
            sharing: Sharing::Group(key),
            ..
        }) = self.hosts.get(host)
            && let Some(group) = self.groups.get_mut(key)
        {
            group.pace.slow_down(group.pace.strain().max(state.gap));
        }
        let held = state.held.map(|(until, why)| {
            let left = until.duration_since(clock::now()).unwrap_or_default();
            (now + left.min(longest), why)
        });
        self.with_host(host, now, |queue, _| {
            queue.tell();
            if let Some((until, why)) = held {
                queue.pace.hold(until);
                queue.hold_reason = why;
            }
            queue.pace.slow_down(state.gap);
            queue.pages_had(state.pages);
            for remembered in rules {
                let delay = remembered.rules.crawl_delay();
                queue.set_crawl_delay(&remembered.origin, delay);
                queue.origins.remember(remembered, now);
            }
        });
    }

    /// Says that the hosts that [`Frontier::take_more_hosts`] asked for have come, each by
    /// [`Frontier::refilled`], and what the number of the last one was; `None` where there are no more.
    pub fn hosts_read(&mut self, last: Option<i64>) {
        self.elsewhere.answered(last);
    }

    /// Forgets hosts that have had nothing to do for a while.
    pub(super) fn forget_idle(&mut self, now: Instant) {
        while let Some((at, _)) = self.idle.front()
            && *at <= now
            && let Some((_, host)) = self.idle.pop_front()
        {
            let Some(queue) = self.hosts.get_mut(&host) else {
                continue;
            };
            queue.in_idle = false;
            match self.forgettable_at(&host) {
                Some(at) if at > now => {
                    if let Some(queue) = self.hosts.get_mut(&host) {
                        queue.in_idle = true;
                        self.idle.push_back((at, host));
                    }
                }
                Some(_) => self.leave(&host),
                None => {}
            }
        }
    }

    /// From when on a host may be forgotten; never while something waits or is under way for it.
    fn forgettable_at(&self, host: &Host) -> Option<Instant> {
        let queue = self.hosts.get(host)?;
        if queue.len() > 0 || queue.in_ready || !queue.can_leave() {
            return None;
        }
        let shared = match &queue.sharing {
            Sharing::Group(key) => self.groups.rested_at(key),
            _ => None,
        };
        Some(queue.pace.rested_at().max(shared).unwrap_or(self.begin))
    }

    /// Nobody here can use a slot: hosts that are elsewhere may. Where there is no room for them, those
    /// leave who have to wait longest.
    pub(super) fn let_others_in(&mut self, now: Instant) {
        let is_due = self.elsewhere.next().is_some_and(|at| at <= now);
        if !(self.elsewhere.has_more() || is_due) {
            return;
        }
        if self.is_full() {
            self.send_to_rest(now);
        }
        self.wake(now);
        if self.is_full() || self.more_hosts.is_some() {
            return;
        }
        let room = self.settings.room;
        if let Some(after) = self.elsewhere.ask() {
            let limit = room.heads / (self.hosts.len() + HOSTS_AT_ONCE);
            self.more_hosts = Some(MoreHosts {
                after,
                limit: limit.clamp(*HOST_HEADS.start(), *HOST_HEADS.end()),
            });
        }
    }

    /// Whether memory has no room for more hosts.
    pub(super) fn is_full(&self) -> bool {
        let room = self.settings.room;
        let heads = 2 * room.heads.max(HOST_HEADS.start() * room.hosts);
        self.hosts.len() >= room.hosts || self.rules >= room.rules || self.held >= heads
    }

    fn send_to_rest(&mut self, now: Instant) {
        if self.next_look.is_some_and(|at| at > now) {
            return;
        }
        self.next_look = Some(now + LOOK_EVERY);
        let idle: Vec<Host> = self.idle.iter().map(|(_, host)| host.clone()).collect();
        for host in idle {
            // What was given up is kept a little: what was admitted just before may still come in.
            let given_up = self.hosts.get(&host).is_some_and(HostQueue::has_given_up);
            if !given_up && self.forgettable_at(&host).is_some_and(|at| at <= now) {
                self.leave(&host);
            }
        }
        let waits = |queue: &HostQueue| queue.wake.filter(|at| *at >= now + LONG);
        let alone = |queue: &HostQueue| queue.sharing == Sharing::Alone;
        let mut sleepers: Vec<(Instant, Host)> = self
            .hosts
            .iter()
            .filter(|(_, queue)| queue.can_leave() && !queue.in_ready && alone(queue))
            .filter_map(|(host, queue)| Some((waits(queue)?, host.clone())))
            .collect();
        sleepers.sort_unstable_by(|one, other| other.cmp(one));
        sleepers.truncate((self.settings.room.hosts / 4).max(1));
        for (until, host) in sleepers {
            let streak = self.hosts.get(&host).map(|queue| queue.pace.streak());
            self.leave(&host);
            self.elsewhere.rest(host, until, streak.unwrap_or_default());
        }
        // Of hosts that share a pace, a few keep it busy.
        for host in self.groups.spare() {
            let can_leave =
                |queue: &HostQueue| queue.can_leave() && queue.pace.streak() == Streak::default();
            if self.hosts.get(&host).is_some_and(can_leave) {
                self.leave(&host);
                self.elsewhere.turned_away();
            } else if let Some(queue) = self.hosts.get_mut(&host) {
                queue.in_ready = false;
                self.call(&host);
            }
        }
    }
}
