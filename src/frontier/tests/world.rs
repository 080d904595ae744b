//! A small engine with a table and a network of its own, driven at random: whatever the interleaving,
//! everything is handed out once and the end is seen when it is there.

use super::*;

/// What the network of a [`World`] has for an origin's robots.txt.
#[derive(Debug, Clone, PartialEq)]
enum Plan {
    /// These lines, for so many milliseconds, after so many failed tries, over a hop or not.
    Rules {
        lines: &'static str,
        life: u64,
        tries: u32,
        hop: bool,
    },
    Unreachable,
}

/// What an origin's robots.txt has come to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    No,
    Rules,
    GivenUp,
}

/// The size and the rules of a [`World`].
#[derive(Debug, Clone)]
struct Shape {
    seed: u64,
    hosts: u64,
    pages: u64,
    /// Memory has room for one to three hosts, and the least for each.
    crowded: bool,
    obey: bool,
    resumed: bool,
    interval: Option<u64>,
    burst: u32,
    global: Option<u64>,
    concurrency: u32,
    max_failures: u32,
}

/// What a batch has brought: what is settled, admitted, read, and the last host where hosts were read.
type Committing = (
    Vec<Ticket>,
    Vec<Request>,
    Vec<Refilled>,
    Option<Option<i64>>,
);

/// A frontier with what is around it: an engine that commits a batch at a time and applies what it
/// brought later, a table, a network. What is checked is checked at every step.
struct World {
    shape: Shape,
    random: fastrand::Rng,
    frontier: Frontier,
    now: Instant,
    plans: HashMap<Origin, Plan>,
    known: HashMap<Origin, Known>,
    asked: HashSet<Origin>,
    /// The `frontier` table: by host and order, with the deferred ones.
    table: BTreeMap<(Host, u64), (Request, bool)>,
    /// Hosts that were met.
    met: HashSet<Host>,
    /// Found, but not yet admitted.
    found: Vec<Request>,
    /// By origin, the orders that the frontier has been told of and has not handed out.
    waiting: HashMap<Origin, BTreeSet<u64>>,
    /// Earliest times of retries that wait.
    retries: HashMap<i64, Instant>,
    in_flight: Vec<Request>,
    /// Outcomes that wait for the next batch: gone, or to be tried again.
    outcomes: Vec<(Request, bool)>,
    committing: Option<Committing>,
    aside: HashSet<Host>,
    starts: HashMap<Host, Vec<Instant>>,
    all_starts: Vec<Instant>,
    /// Attempts handed out, and URLs that are done.
    handed: HashSet<(i64, u32)>,
    done: HashSet<i64>,
}

impl World {
    fn new(shape: Shape) -> Self {
        let begin = Instant::now();
        let mut random = fastrand::Rng::with_seed(shape.seed);
        let adaptive = random.bool();
        // A gap that is longer than a robots.txt lives lets nothing else through.
        let lives = if adaptive {
            [100_000, 200_000, 86_400_000]
        } else {
            [300, 2000, 86_400_000]
        };
        let settings = Settings {
            paces: Paces::all(Limits {
                interval: shape.interval.map(ms),
                burst: shape.burst,
                concurrency: shape.concurrency,
                max_failures: shape.max_failures,
                adaptive,
                ..settings().paces.limits
            }),
            global_interval: shape.global.map(ms),
            obey_robots: shape.obey,
            resumed: shape.resumed,
            room: if shape.crowded {
                Room {
                    hosts: random.usize(1..=3),
                    heads: 1,
                    rules: [1, 1 << 20][random.usize(..2)],
                }
            } else {
                Room::default()
            },
            ..settings()
        };
        let frontier = Frontier::new(settings, begin);
        let mut plans = HashMap::new();
        for name in 0..shape.hosts {
            for scheme in ["http", "https"] {
                let lines = ["", "Disallow: /no", "Crawl-delay: 0.3", "Disallow: /no"];
                let plan = match random.u32(..8) {
                    0 => Plan::Unreachable,
                    _ => Plan::Rules {
                        lines: lines[random.usize(..4)],
                        life: lives[random.usize(..3)],
                        tries: random.u32(..2),
                        hop: random.u32(..4) == 0,
                    },
                };
                plans.insert(url(&format!("{scheme}://h{name}/")).origin(), plan);
            }
        }
        // Most pages of a large crawl are https; orders are not those of discovery.
        let mut orders: Vec<u64> = (1..=shape.pages).collect();
        // Found from the end: where they are not shuffled, always nearer than all before, so that what
        // is in memory is cut again and again while answers and requests are under way.
        if random.bool() {
            random.shuffle(&mut orders);
        }
        let found = orders
            .into_iter()
            .map(|order| {
                let name = random.u64(..shape.hosts);
                let scheme = ["http", "https", "https"][random.usize(..3)];
                let folder = ["", "", "no/"][random.usize(..3)];
                page(&format!("{scheme}://h{name}/{folder}{order}"), order)
            })
            .collect();
        let mut world = Self {
            random,
            frontier,
            now: begin,
            plans,
            known: HashMap::new(),
            asked: HashSet::new(),
            table: BTreeMap::new(),
            met: HashSet::new(),
            found,
            waiting: HashMap::new(),
            retries: HashMap::new(),
            in_flight: Vec::new(),
            outcomes: Vec::new(),
            committing: None,
            aside: HashSet::new(),
            starts: HashMap::new(),
            all_starts: Vec::new(),
            handed: HashSet::new(),
            done: HashSet::new(),
            shape,
        };
        if world.shape.resumed || world.random.bool() {
            // A part is in the table from the beginning.
            let there = world.random.usize(..=world.found.len());
            for request in world.found.split_off(there) {
                let host = request.url.host();
                let of_origin = world.waiting.entry(request.url.origin()).or_default();
                of_origin.insert(request.order);
                let row = (request.clone(), false);
                world.met.insert(host.clone());
                world.table.insert((host, request.order), row);
            }
            world.frontier.begin_on_disk(begin);
        }
        world
    }

    fn known(&self, origin: &Origin) -> Known {
        self.known.get(origin).copied().unwrap_or(Known::No)
    }

    fn is_deferred(&self, request: &Request) -> bool {
        self.aside.contains(&request.url.host())
            || self.known(&request.url.origin()) == Known::GivenUp
    }

    /// One claim, checked.
    fn next(&mut self) -> Option<Option<Instant>> {
        let next = self.frontier.next(self.now);
        match &next {
            Next::Request(request, _) if request.is_page() => {
                self.check_page(request);
                let forbidden = self.lines(request) == Some("Disallow: /no");
                assert!(!(forbidden && request.url.path().starts_with("/no/")));
                self.check_start(request);
                self.in_flight.push(request.clone());
            }
            Next::Request(request, _) => {
                let Kind::Robots { origin, hops } = &request.kind else {
                    panic!("{request:?}");
                };
                assert!(
                    *hops + request.attempt > 0 || self.asked.insert(origin.clone()),
                    "{origin} is asked twice"
                );
                // A host that was set aside is asked on another's behalf alone.
                let host = request.url.host();
                assert!(!self.aside.contains(&host) || origin_host(origin) != host);
                self.check_start(request);
                self.in_flight.push(request.clone());
            }
            Next::Disallowed(request, rule) => {
                self.check_page(request);
                assert_eq!(self.lines(request), Some(rule.as_str()));
                assert!(request.url.path().starts_with("/no/"));
                self.outcomes.push((request.clone(), true));
            }
            Next::Wait(at) => {
                self.check_nothing_may_go(*at);
                return Some(*at);
            }
        }
        None
    }

    fn lines(&self, request: &Request) -> Option<&'static str> {
        match &self.plans[&request.url.origin()] {
            Plan::Rules { lines, .. } if self.shape.obey => Some(lines),
            _ => None,
        }
    }

    fn check_page(&mut self, request: &Request) {
        let (origin, id) = (request.url.origin(), request.ticket.url);
        assert!(!self.is_deferred(request), "{request:?} is deferred");
        assert!(!self.shape.obey || self.known(&origin) == Known::Rules);
        assert!(!self.done.contains(&id));
        assert!(self.handed.insert((id, request.attempt)), "{request:?}");
        if request.attempt == 0 {
            let waiting = self.waiting.get_mut(&origin).expect("was pushed");
            assert_eq!(waiting.pop_first(), Some(request.order), "the least first");
        } else {
            assert!(self.retries.remove(&id).expect("waits") <= self.now);
        }
    }

    fn check_start(&mut self, request: &Request) {
        let (host, now) = (request.url.host(), self.now);
        let in_flight = self.in_flight.iter().map(|request| request.url.host());
        let in_flight = in_flight.filter(|other| *other == host).count();
        assert!(in_flight < self.shape.concurrency as usize, "{request:?}");
        let starts = self.starts.entry(host).or_default();
        let burst = self.shape.burst as usize;
        if let (Some(interval), Some(index)) =
            (self.shape.interval, starts.len().checked_sub(burst))
        {
            let gap = now - starts[index];
            assert!(gap + Duration::from_micros(2) >= ms(interval), "{gap:?}");
        }
        starts.push(now);
        if let (Some(interval), [.., last]) = (self.shape.global, self.all_starts.as_slice()) {
            // A permit may have been taken before: two starts may be close, three may not.
            assert!(self.all_starts.len() < 2 || now >= *last);
            let before = self.all_starts.len().checked_sub(2);
            if let Some(before) = before.map(|index| self.all_starts[index]) {
                let gap = now - before;
                assert!(gap + Duration::from_micros(2) >= ms(interval), "{gap:?}");
            }
        }
        self.all_starts.push(now);
    }

    /// Work is conserved: where the answer was to wait, giving every host a turn finds nothing, neither
    /// now nor just before the time that was named.
    fn check_nothing_may_go(&mut self, at: Option<Instant>) {
        if self.shape.crowded {
            return;
        }
        let just_before = match at {
            // The bucket rounds up to a microsecond.
            Some(at) => at
                .checked_sub(Duration::from_micros(2))
                .map_or(self.now, |before| before.max(self.now)),
            None if self.in_flight.is_empty() => self.now + Duration::from_secs(3600),
            None => self.now,
        };
        for time in [self.now, just_before] {
            for name in 0..self.shape.hosts {
                let host = host(&format!("http://h{name}/"));
                if self.frontier.hosts.contains_key(&host) {
                    self.frontier.with_host(&host, time, |_, _| ());
                }
            }
            let next = self.frontier.next(time);
            assert!(matches!(next, Next::Wait(_)), "{next:?} waited");
        }
    }

    /// The fetch of a random request ends, and what it brought is drawn.
    fn answer(&mut self) {
        if self.in_flight.is_empty() {
            return;
        }
        let index = self.random.usize(..self.in_flight.len());
        let request = self.in_flight.swap_remove(index);
        let (host, now) = (request.url.host(), self.now);
        let answer = match self.random.u32(..12) {
            0 => Answer::Throttled(Some(ms(self.random.u64(..2000)))),
            1 => Answer::Failed,
            2 => Answer::Strained,
            _ => Answer::Fine,
        };
        let consequence = self.frontier.finish(&host, answer, now);
        if matches!(consequence, Consequence::SetAside(..)) {
            self.waiting.retain(|origin, _| origin_host(origin) != host);
            self.aside.insert(host);
        }
        match request.kind.clone() {
            Kind::Page if answer != Answer::Fine && request.attempt < 2 => {
                let longest = if self.shape.crowded { 60_000 } else { 1500 };
                let at = now + ms(self.random.u64(..longest));
                let again = Request {
                    attempt: request.attempt + 1,
                    ..request.clone()
                };
                self.retries.insert(request.ticket.url, at);
                // The table has it with its time.
                let stored = Request {
                    not_before: Some(std::time::SystemTime::now() + (at - now)),
                    ..again.clone()
                };
                self.outcomes.push((stored, false));
                self.frontier.retry(again, at, now);
            }
            Kind::Robots { origin, hops } => self.robots(&request, &origin, hops),
            _ => self.outcomes.push((request, true)),
        }
    }

    fn robots(&mut self, request: &Request, origin: &Origin, hops: u32) {
        let (now, host) = (self.now, origin_host(origin));
        match self.plans[origin].clone() {
            Plan::Rules { tries, .. } if request.attempt < tries => {
                let again = Request::robots(
                    request.url.clone(),
                    origin.clone(),
                    hops,
                    request.attempt + 1,
                );
                self.frontier.push_robots(again, now + ms(200), now);
            }
            Plan::Rules { hop: true, .. } if hops == 0 => {
                let elsewhere = self.random.u64(..self.shape.hosts);
                let target = url(&format!("https://h{elsewhere}/elsewhere.txt"));
                let hop = Request::robots(target, origin.clone(), 1, 0);
                self.frontier.push_robots(hop, now, now);
            }
            Plan::Rules { lines, life, .. } => {
                // A copy that is asked for again may be late: then the old one rules on.
                let late = self.known(origin) == Known::Rules && self.random.bool();
                self.asked.remove(origin);
                if late {
                    let again = now + ms(500);
                    assert!(!self.frontier.robots_unreachable(origin, &host, again, now));
                    return;
                }
                self.known.insert(origin.clone(), Known::Rules);
                self.frontier
                    .robots_known(origin, &host, rules(lines), now + ms(life), now);
            }
            Plan::Unreachable => {
                self.known.insert(origin.clone(), Known::GivenUp);
                self.waiting.remove(origin);
                assert!(
                    self.frontier
                        .robots_unreachable(origin, &host, now + ms(500), now)
                );
            }
        }
    }

    /// A batch, if none is under way: outcomes, what is deferred, what is admitted; then rows are read.
    fn commit(&mut self) {
        if self.committing.is_some() {
            return;
        }
        let mut settled = Vec::new();
        for (request, done) in std::mem::take(&mut self.outcomes) {
            let key = (request.url.host(), request.order);
            if done {
                assert!(self.table.remove(&key).is_some(), "{request:?}");
                settled.push(request.ticket);
            } else {
                self.table.insert(key, (request, false));
            }
        }
        let count = self
            .random
            .usize(..=self.found.len().min(1 + self.found.len() / 3));
        let mut admitted = self.found.split_off(self.found.len() - count);
        for request in &mut admitted {
            let key = (request.url.host(), request.order);
            request.ticket.is_first = self.met.insert(key.0.clone());
            self.table.insert(key, (request.clone(), false));
        }
        let (aside, known) = (&self.aside, &self.known);
        for (request, deferred) in self.table.values_mut() {
            *deferred = aside.contains(&request.url.host())
                || known.get(&request.url.origin()) == Some(&Known::GivenUp);
        }
        let refills = self.frontier.take_refills();
        let mut refilled: Vec<Refilled> = refills.into_iter().map(|r| self.read(r)).collect();
        let hosts_read = self.frontier.take_more_hosts().map(|more| {
            let after = |host: &Host| Self::number(host) > more.after;
            let mut hosts: Vec<Host> = self.table.keys().map(|key| key.0.clone()).collect();
            hosts.retain(after);
            hosts.sort_by_key(Self::number);
            hosts.dedup();
            let host = hosts.first()?;
            refilled.push(self.read(Refill {
                host: host.clone(),
                after: 0,
                limit: more.limit,
                state: true,
            }));
            Some(Self::number(host))
        });
        self.committing = Some((settled, admitted, refilled, hosts_read));
    }

    /// The number of a host in the table.
    fn number(host: &Host) -> i64 {
        host.as_str()[1..].parse::<i64>().expect("a number") + 1
    }

    fn read(&self, refill: Refill) -> Refilled {
        let behind = (refill.host.clone(), refill.after + 1)..(refill.host.clone(), u64::MAX);
        let requests: Vec<Request> = self
            .table
            .range(behind)
            .filter(|(_, (_, deferred))| !deferred)
            .map(|(_, (request, _))| request.clone())
            .take(refill.limit)
            .collect();
        Refilled {
            more: requests.len() == refill.limit,
            requests,
            state: refill.state.then(HostState::default),
            refill,
        }
    }

    /// What the batch has brought comes back, in the order in which the engine takes it.
    fn apply(&mut self) {
        let Some((settled, admitted, refilled, hosts_read)) = self.committing.take() else {
            return;
        };
        for ticket in settled {
            self.frontier.settled(ticket);
            self.done.insert(ticket.url);
        }
        for request in admitted {
            let key = (request.url.host(), request.order);
            if self.table.get(&key).is_some_and(|row| row.1) {
                continue;
            }
            if !self.is_deferred(&request) {
                let of_origin = self.waiting.entry(request.url.origin()).or_default();
                of_origin.insert(request.order);
            }
            self.frontier.push(request, self.now);
        }
        for refilled in refilled {
            // What the store knows of the host's robots.txt files.
            let rules = self.known.iter().filter_map(|(origin, known)| {
                let here = origin_host(origin) == refilled.refill.host && *known == Known::Rules;
                match &self.plans[origin] {
                    Plan::Rules { lines, life, .. } if here && refilled.state.is_some() => {
                        Some(Remembered {
                            origin: origin.clone(),
                            rules: rules(lines),
                            fresh_until: self.now + ms(*life),
                            ask_again: None,
                        })
                    }
                    _ => None,
                }
            });
            let rules = rules.collect();
            self.frontier.refilled(refilled, rules, self.now);
        }
        if let Some(last) = hosts_read {
            self.frontier.hosts_read(last);
        }
    }

    fn has_waiting(&self) -> bool {
        self.waiting.values().any(|orders| !orders.is_empty())
    }

    fn check_count(&self) {
        assert!(!(self.has_waiting() && self.frontier.is_drained()));
        if !self.shape.crowded {
            let queues = self.frontier.hosts.values().map(HostQueue::len);
            assert_eq!(queues.sum::<usize>(), self.frontier.queued());
        }
    }

    /// Random steps, then on to the end.
    fn run(mut self, steps: usize) {
        for _ in 0..steps {
            match self.random.u32(..10) {
                0..4 => drop(self.next()),
                4..6 => self.answer(),
                // Where room is little, much is to happen in it between two batches.
                6 if self.shape.crowded && self.random.u32(..8) > 0 => {}
                6 => self.commit(),
                7 => self.apply(),
                8 => self.now += ms(self.random.u64(..300)),
                _ => {
                    if let Some(Some(at)) = self.next() {
                        // No batch takes so long that a host which was given up meanwhile is forgotten.
                        if at > self.now + Duration::from_secs(3) {
                            self.apply();
                        }
                        self.now = at;
                    }
                }
            }
            self.check_count();
        }
        // Every step gets something done, or waits for a time that was named.
        for step in 0.. {
            assert!(step < 100_000, "no end in sight");
            let wait = loop {
                if let Some(wait) = self.next() {
                    break wait;
                }
            };
            let idle = self.outcomes.is_empty() && self.found.is_empty();
            self.check_count();
            if self.in_flight.is_empty() && idle && self.committing.is_none() {
                match wait {
                    _ if self.frontier.wants_refill() => self.commit(),
                    _ if self.frontier.is_drained() => break,
                    Some(at) => self.now = at,
                    None => panic!("{} wait for ever", self.frontier.queued()),
                }
            } else {
                for _ in 0..self.in_flight.len() {
                    self.answer();
                }
                self.apply();
                if !(self.outcomes.is_empty() && self.found.is_empty()) {
                    self.commit();
                }
            }
        }
        let of_given_up = |request: &Request| self.is_deferred(request);
        for (request, _) in self.table.values() {
            assert!(of_given_up(request), "{request:?} was forgotten");
        }
        assert_eq!(
            self.done.len() + self.table.len(),
            usize::try_from(self.shape.pages).expect("small")
        );
        assert!(!self.has_waiting());
        assert_eq!(self.frontier.queued(), 0);
    }
}

fn origin_host(origin: &Origin) -> Host {
    host(origin.as_str())
}

prop_compose! {
    fn shapes()(
        seed in any::<u64>(),
        hosts in 1_u64..4,
        obey in any::<bool>(),
        resumed in any::<bool>(),
        interval in prop_oneof![Just(None), Just(Some(50)), Just(Some(200))],
        burst in 1_u32..4,
        global in prop_oneof![Just(None), Just(None), Just(Some(30))],
        concurrency in 1_u32..5,
        max_failures in prop_oneof![Just(2_u32), Just(5), Just(1000)],
    ) -> Shape {
        Shape {
            seed, hosts, pages: 0, crowded: false, obey, resumed, interval, burst, global, concurrency, max_failures,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Few pages: every rule and every clock matters.
    #[test]
    fn everything_once_whatever_the_interleaving(shape in shapes(), pages in 0_u64..60, steps in 0_usize..400) {
        World::new(Shape { pages, ..shape }).run(steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Many hosts, so that each has room for 16 and the rest is read from the table.
    #[test]
    fn everything_once_with_little_room_for_each(shape in shapes(), pages in 50_u64..800, steps in 0_usize..3000) {
        let shape = Shape { pages, crowded: true, interval: None, global: None, ..shape };
        World::new(shape).run(steps);
    }

    /// One host with more than its room.
    #[test]
    fn everything_once_with_one_large_host(shape in shapes(), pages in 2000_u64..6000) {
        let shape = Shape { pages, hosts: 1, obey: false, interval: None, global: None, ..shape };
        World::new(shape).run(200);
    }
}
