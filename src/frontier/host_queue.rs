//! One host: what waits for it, its pace, and where the rest of its queue stands.
//!
//! `heads` is always a prefix of the host's order: all that is due up to `tail`, less what was handed
//! out. What lies behind `tail` is in the `frontier` table and comes by [`Refill`](super::Refill).

use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::origins::{Origins, Ruling};
use crate::canonical::Origin;
use crate::politeness::{Consequence, Ending, Pace, When};
use crate::request::{Kind, Request};

/// What a host has to say when it is its turn.
pub(super) enum Turn {
    /// This request has started.
    Go(Request, Option<String>),
    /// robots.txt forbids this one; it was not asked for.
    Disallowed(Request, String),
    /// Nothing before this time.
    Sleep(Instant),
    /// Nothing before something happens: an answer, a push, a refill.
    Parked,
}

/// Where a page waits in memory.
#[derive(Debug, Clone, Copy)]
enum Place {
    Retry((Instant, u64)),
    Head(u64),
}

/// A request that is not to go before its time; the earliest is the greatest.
#[derive(Debug)]
struct Delayed(Instant, Request);

impl Delayed {
    fn key(&self) -> std::cmp::Reverse<Instant> {
        std::cmp::Reverse(self.0)
    }
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Delayed {}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// What shares a host's rate and cap in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Nobody.
    Alone,
    /// It is not known yet: its address is to be looked up.
    Unknown,
    /// The hosts of this group.
    Group(Arc<str>),
}

/// Pages that a host may still have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    left: u64,
    /// Of these, under way.
    reserved: u64,
}

impl Allowance {
    pub(super) fn of(pages: u64) -> Self {
        Self {
            left: pages,
            reserved: 0,
        }
    }
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a place where it stands or something that it waits for"
)]
pub(super) struct HostQueue {
    pub(super) pace: Pace,
    pub(super) sharing: Sharing,
    pub(super) origins: Origins,
    /// Why it is held, as long as it is.
    pub(super) hold_reason: String,
    /// Whether what is stored of it is known here; before that it is asked for nothing.
    told: bool,
    heads: BTreeMap<u64, Request>,
    /// The greatest order in memory's reach; counts only while `on_disk`.
    tail: u64,
    /// Whether the table may have more behind `tail`.
    on_disk: bool,
    loading: bool,
    /// Retries of pages, by their time and order.
    retries: BTreeMap<(Instant, u64), Request>,
    /// Requests for robots.txt: before everything else, and not subject to robots.txt.
    robots: BinaryHeap<Delayed>,
    /// The Crawl-delay that each of its origins asks for.
    delays: BTreeMap<Origin, Duration>,
    /// Why nothing more is asked of it until the next start.
    pub(super) aside: Option<String>,
    /// Pages that it may still have; `None` for no limit.
    pub(super) allowance: Option<Allowance>,
    /// Whether it stands in the ready queue, or in its group's.
    pub(super) in_ready: bool,
    /// Whether it stands among the idle.
    pub(super) in_idle: bool,
    /// When it is to be woken, if it sleeps.
    pub(super) wake: Option<Instant>,
}

impl HostQueue {
    /// A host of which nothing is known but that the table may have something of it.
    pub(super) fn new(pace: Pace, sharing: Sharing, obey_robots: bool) -> Self {
        Self {
            pace,
            sharing,
            origins: Origins::new(obey_robots),
            hold_reason: String::new(),
            told: false,
            heads: BTreeMap::new(),
            tail: 0,
            on_disk: true,
            loading: false,
            retries: BTreeMap::new(),
            robots: BinaryHeap::new(),
            delays: BTreeMap::new(),
            aside: None,
            allowance: None,
            in_ready: false,
            in_idle: false,
            wake: None,
        }
    }

    /// Says that nothing is stored of it. Where that is being read, what comes of it counts.
    pub(super) fn is_new(&mut self) {
        if !self.told && !self.loading {
            (self.told, self.on_disk) = (true, false);
        }
    }

    /// Whether what is stored of it is known; from now on it is.
    pub(super) fn tell(&mut self) -> bool {
        std::mem::replace(&mut self.told, true)
    }

    /// Whether it can leave memory: nothing is under way for it, or waited for.
    pub(super) fn can_leave(&self) -> bool {
        let quiet = self.pace.in_flight() == 0 && self.robots.is_empty();
        // Set aside, it waits for no answer any more.
        let waits = self.origins.is_asking() && self.aside.is_none();
        // A page whose record is not there yet holds its place.
        let counts = self
            .allowance
            .is_some_and(|allowance| allowance.reserved > 0);
        quiet && self.told && !self.loading && !waits && !counts
    }

    /// Whether something of it is given up for this start.
    pub(super) fn has_given_up(&self) -> bool {
        self.aside.is_some() || self.origins.has_given_up()
    }

    /// URLs that wait for a further try here; the table has them, too.
    pub(super) fn retrying(&self) -> impl Iterator<Item = &Request> {
        self.retries.values()
    }

    /// Requests in memory.
    pub(super) fn held(&self) -> usize {
        self.heads.len() + self.retries.len()
    }

    /// Everything that waits, a part on disk counting as one.
    pub(super) fn len(&self) -> usize {
        self.heads.len() + self.retries.len() + self.robots.len() + usize::from(self.on_disk)
    }

    /// Takes in a request at its place; what does not fit under `cap` is left to the table.
    pub(super) fn push(&mut self, request: Request, cap: usize) {
        let full = request.is_page() && self.is_full();
        if full || self.aside.is_some() || (self.on_disk && request.order > self.tail) {
            return;
        }
        self.heads.insert(request.order, request);
        if self.heads.len() > cap {
            let cut = self.heads.pop_last().map_or(0, |(order, _)| order);
            self.on_disk = true;
            self.tail = self
                .heads
                .last_key_value()
                .map_or_else(|| cut.saturating_sub(1), |(order, _)| *order);
        }
    }

    pub(super) fn push_retry(&mut self, request: Request, at: Instant) {
        if self.aside.is_none() && !(request.is_page() && self.is_full()) {
            self.retries.insert((at, request.order), request);
        }
    }

    pub(super) fn push_robots(&mut self, request: Request, at: Instant) {
        if self.aside.is_none() || is_for_another(&request) {
            self.robots.push(Delayed(at, request));
        }
    }

    /// Sets the gap that an origin's robots.txt asks for. The longest of its origins' is the host's,
    /// whichever was read last. Answers what is honoured.
    pub(super) fn set_crawl_delay(
        &mut self,
        origin: &Origin,
        asked: Option<Duration>,
    ) -> Option<Duration> {
        match asked {
            Some(asked) => self.delays.insert(origin.clone(), asked),
            None => self.delays.remove(origin),
        };
        self.pace
            .set_crawl_delay(self.delays.values().max().copied())
    }

    /// Says that the table has rows of this host, from the first on.
    pub(super) fn begin_on_disk(&mut self) {
        if self.told && !self.loading && self.aside.is_none() {
            (self.on_disk, self.tail) = (true, 0);
        }
    }

    /// What to read from the table, when it is time to: the order after which, and how many.
    pub(super) fn wants_refill(&mut self, cap: usize) -> Option<(u64, usize)> {
        let room = self.heads.len() <= cap / 2;
        if self.loading || self.aside.is_some() || (self.told && !(self.on_disk && room)) {
            return None;
        }
        self.loading = true;
        Some((self.tail, cap.saturating_sub(self.heads.len()).max(1)))
    }

    /// Whether what is stored of it is still to be told.
    pub(super) fn is_untold(&self) -> bool {
        !self.told
    }

    /// Takes in what was read from the table. `fresh` are the rows that are not under way already.
    pub(super) fn refilled(
        &mut self,
        after: u64,
        last: Option<u64>,
        more: bool,
        fresh: Vec<Request>,
    ) {
        self.loading = false;
        // The prefix was cut meanwhile: what was read no longer joins it.
        if after != self.tail || !self.on_disk || self.aside.is_some() {
            return;
        }
        self.on_disk = more;
        self.tail = last.unwrap_or(after);
        let full = self.is_full();
        let fresh = fresh
            .into_iter()
            .filter(|request| !(full && request.is_page()));
        self.heads
            .extend(fresh.map(|request| (request.order, request)));
    }

    /// Ends a request, and draws the consequence of how it ended.
    pub(super) fn finish(&mut self, ending: Ending, now: Instant) -> Consequence {
        let consequence = self.pace.finish(ending, now);
        // What was under way when it was set aside has nothing to add.
        if self.aside.is_some() {
            return Consequence::None;
        }
        match &consequence {
            Consequence::SetAside(_, why) => self.set_aside(why.clone()),
            Consequence::Hold(_, why) => self.hold_reason.clone_from(why),
            Consequence::None => {}
        }
        consequence
    }

    /// Drops everything: the table has it. What is asked on behalf of another host's origin stays, for
    /// that origin's pages wait for the answer.
    fn set_aside(&mut self, why: String) {
        self.aside = Some(why);
        self.heads.clear();
        self.retries.clear();
        self.robots.retain(|delayed| is_for_another(&delayed.1));
        self.on_disk = false;
    }

    /// Whether it has had all pages that it may have.
    pub(super) fn is_full(&self) -> bool {
        self.allowance.is_some_and(|allowance| allowance.left == 0)
    }

    /// Takes note of a page that is done: its place is spent if it counts, and free again if it does not.
    pub(super) fn page_done(&mut self, counts: bool) {
        if let Some(allowance) = &mut self.allowance {
            allowance.reserved = allowance.reserved.saturating_sub(1);
        }
        if counts {
            self.pages_had(1);
        }
    }

    /// Takes note of pages that count. When there are no more to have, the table keeps what waits.
    pub(super) fn pages_had(&mut self, pages: u64) {
        if let Some(allowance) = &mut self.allowance {
            allowance.left = allowance.left.saturating_sub(pages);
        }
        if self.is_full() {
            self.drop_where(Request::is_page);
        }
    }

    /// Whether a request of this kind has to wait for one under way: whether that counts is not known yet.
    fn has_no_place_for(&self, request: &Request) -> bool {
        let short = |allowance: Allowance| allowance.left <= allowance.reserved;
        request.is_page() && self.allowance.is_some_and(short)
    }

    /// The store's numbers of URLs that wait for another try.
    pub(super) fn retries_where(&self, wanted: impl Fn(&Request) -> bool) -> Vec<i64> {
        let retries = self.retries.values().filter(|request| wanted(request));
        retries.map(|request| request.ticket.url).collect()
    }

    /// Drops what belongs to an origin: the table has it.
    pub(super) fn drop_where(&mut self, gone: impl Fn(&Request) -> bool) {
        self.heads.retain(|_, request| !gone(request));
        self.retries.retain(|_, request| !gone(request));
    }

    /// The host's turn: its most pressing request, if its pace and robots.txt allow one now.
    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        if !self.told {
            return Turn::Parked;
        }
        let mut chosen = None;
        if !self.robots_is_due(now) {
            chosen = self.choose(now);
            let questions = self.origins.take_questions().into_iter();
            self.robots
                .extend(questions.map(|request| Delayed(now, request)));
        }
        if self.robots_is_due(now) {
            return self.start(now, |queue| {
                queue.robots.pop().map(|delayed| (delayed.1, None))
            });
        }
        match chosen {
            Some((place, Ruling::Disallowed(rule))) => self
                .remove(place)
                .map_or(Turn::Parked, |request| Turn::Disallowed(request, rule)),
            Some((place, Ruling::Allowed(rule))) => self.start(now, |queue| {
                queue.remove(place).map(|request| (request, rule))
            }),
            Some((_, Ruling::Wait)) | None => {
                let robots = self.robots.peek().map(|delayed| delayed.0);
                let later = (Bound::Excluded((now, u64::MAX)), Bound::Unbounded);
                let retry = self.retries.range(later).next().map(|(key, _)| key.0);
                let next = robots.into_iter().chain(retry).min();
                next.map_or(Turn::Parked, Turn::Sleep)
            }
        }
    }

    fn robots_is_due(&self, now: Instant) -> bool {
        self.robots.peek().is_some_and(|delayed| delayed.0 <= now)
    }

    /// The first page, retries that are due before the others, that does not wait for robots.txt. Two
    /// origins (http and https) may share a host; one that waits does not block the other.
    fn choose(&mut self, now: Instant) -> Option<(Place, Ruling)> {
        let mut origins = std::mem::replace(&mut self.origins, Origins::new(true));
        let due = self.retries.range(..=(now, u64::MAX));
        let due = due.map(|(key, request)| (Place::Retry(*key), request));
        let heads = self.heads.iter();
        let chosen = due
            .chain(heads.map(|(order, request)| (Place::Head(*order), request)))
            .filter(|(_, request)| !self.has_no_place_for(request))
            .map(|(place, request)| (place, origins.rule(&request.url, now)))
            .find(|(_, ruling)| !matches!(ruling, Ruling::Wait));
        self.origins = origins;
        chosen
    }

    fn remove(&mut self, place: Place) -> Option<Request> {
        match place {
            Place::Retry(key) => self.retries.remove(&key),
            Place::Head(order) => self.heads.remove(&order),
        }
    }

    fn start(
        &mut self,
        now: Instant,
        take: impl FnOnce(&mut Self) -> Option<(Request, Option<String>)>,
    ) -> Turn {
        match self.pace.check(now) {
            When::Now => match take(self) {
                Some((request, rule)) => {
                    self.pace.begin(now);
                    if let Some(allowance) = self.allowance.as_mut().filter(|_| request.is_page()) {
                        allowance.reserved += 1;
                    }
                    Turn::Go(request, rule)
                }
                None => Turn::Parked,
            },
            When::At(at) => Turn::Sleep(at),
            When::AfterOne => Turn::Parked,
        }
    }
}

/// Whether it is a hop on the way to the robots.txt of another host.
fn is_for_another(request: &Request) -> bool {
    match &request.kind {
        Kind::Robots { origin, .. } => origin
            .robots_url()
            .is_ok_and(|url| url.host() != request.url.host()),
        _ => false,
    }
}
