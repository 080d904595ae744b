//! Unit and property tests of the frontier, on an injected clock: nothing sleeps.
//!
//! First single behaviours as short scripts, `said` putting each answer in a word; then, in [`World`],
//! a small engine with a table and a network of its own, driven at random: whatever the interleaving,
//! everything is handed out once and the end is seen when it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::{Just, ProptestConfig, any};
use proptest::{prop_compose, prop_oneof, proptest};

use super::*;
use crate::canonical::CanonicalUrl;
use crate::config;
use crate::politeness::{Answer, Limits};
use crate::request::Kind;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// No limit but the caps in flight, and no robots.txt.
fn settings() -> Settings {
    Settings {
        paces: Paces::all(Limits {
            interval: None,
            ..Limits::from(&config::Politeness::default())
        }),
        global_interval: None,
        obey_robots: false,
        by: By::Host,
        resumed: false,
        pages_per_host: None,
        room: Room::default(),
    }
}

fn with_limits(change: impl FnOnce(&mut Limits)) -> Settings {
    let mut settings = settings();
    change(&mut settings.paces.limits);
    settings
}

fn url(text: &str) -> CanonicalUrl {
    CanonicalUrl::parse(text).expect(text)
}

fn host(text: &str) -> Host {
    url(text).host()
}

/// A page; its order is its number in the store, too.
fn page(text: &str, order: u64) -> Request {
    Request {
        url: url(text),
        kind: Kind::Page,
        order,
        depth: 0,
        attempt: 0,
        not_before: None,
        ticket: Ticket {
            url: order as i64,
            host: 0,
            is_first: true,
        },
        validators: None,
    }
}

/// A page of a host that the store knew before.
fn later(text: &str, order: u64) -> Request {
    let mut page = page(text, order);
    page.ticket.is_first = false;
    page
}

fn rules(lines: &str) -> Arc<Robots> {
    Arc::new(Robots::parse(
        format!("User-agent: *\n{lines}").as_bytes(),
        "crawl",
    ))
}

/// Leaves a host alone until then.
fn hold(frontier: &mut Frontier, host: &Host, until: Instant, now: Instant) {
    frontier.with_host(host, now, |queue, _| {
        queue.is_new();
        queue.pace.hold(until);
        "asked to".clone_into(&mut queue.hold_reason);
    });
}

/// Takes a host into memory of which nothing is known, and answers with what it wants to know.
fn enter(frontier: &mut Frontier, host: &Host, now: Instant) -> Refill {
    frontier.with_host(host, now, |_, _| ());
    frontier.take_refills().pop().expect("it wants to know")
}

/// A frontier and its clock, in milliseconds from the beginning.
struct Clocked {
    frontier: Frontier,
    begin: Instant,
}

impl Clocked {
    fn new(settings: Settings) -> Self {
        let begin = Instant::now();
        Self {
            frontier: Frontier::new(settings, begin),
            begin,
        }
    }

    /// Pages in the order in which they are named.
    fn with(settings: Settings, pages: &[&str]) -> Self {
        let mut clocked = Self::new(settings);
        for (text, order) in pages.iter().zip(1..) {
            clocked.frontier.push(page(text, order), clocked.begin);
        }
        clocked
    }

    fn at(&self, millis: u64) -> Instant {
        self.begin + ms(millis)
    }

    /// The answer to `next`, in words.
    fn said(&mut self, millis: u64) -> String {
        match self.frontier.next(self.at(millis)) {
            Next::Request(request, _) => request.url.to_string(),
            Next::Disallowed(request, rule) => format!("not {} by {rule}", request.url),
            Next::Wait(Some(at)) => {
                assert!(at > self.at(millis), "time goes on");
                format!("at {}", (at - self.begin).as_millis())
            }
            Next::Wait(None) => "never".to_owned(),
        }
    }

    fn says(&mut self, millis: u64, expected: &[&str]) {
        for expected in expected {
            assert_eq!(self.said(millis), *expected, "at {millis} ms");
        }
    }

    fn finish(&mut self, text: &str, answer: Answer, millis: u64) -> Consequence {
        self.frontier.finish(&host(text), answer, self.at(millis))
    }

    /// The robots.txt of a URL's origin has come, and counts so long.
    fn robots(&mut self, text: &str, lines: &str, life: u64, millis: u64) {
        let (origin, now) = (url(text).origin(), self.at(millis));
        let fresh_until = now + ms(life);
        // Nothing else is stored of the host.
        self.frontier
            .with_host(&host(text), now, |queue, _| queue.is_new());
        self.frontier
            .robots_known(&origin, &host(text), rules(lines), fresh_until, now);
    }

    fn unreachable(&mut self, text: &str, again: u64, millis: u64) -> bool {
        let (origin, now) = (url(text).origin(), self.at(millis));
        self.frontier
            .robots_unreachable(&origin, &host(text), now + ms(again), now)
    }

    /// When each of the pages starts, where each is answered at once.
    fn starts(&mut self) -> Vec<(u64, String)> {
        let (mut millis, mut starts) = (0, Vec::new());
        loop {
            match self.frontier.next(self.at(millis)) {
                Next::Request(request, _) => {
                    let host = request.url.host();
                    self.frontier.finish(&host, Answer::Fine, self.at(millis));
                    starts.push((millis, request.url.hostname().to_owned()));
                }
                Next::Wait(Some(at)) => {
                    millis = u64::try_from((at - self.begin).as_millis()).expect("short");
                }
                other => {
                    assert!(matches!(other, Next::Wait(None)), "{other:?}");
                    assert!(self.frontier.is_drained());
                    return starts;
                }
            }
        }
    }
}

const A: [&str; 4] = ["http://a/1", "http://a/2", "http://a/3", "http://a/4"];
const TWO: [&str; 4] = ["http://a/1", "http://a/2", "http://b/1", "http://b/2"];

#[test]
fn the_least_order_goes_first() {
    let mut clocked = Clocked::new(with_limits(|limits| limits.concurrency = 100));
    for order in [7, 3, 9, 1] {
        clocked
            .frontier
            .push(page(&format!("http://a/{order}"), order), clocked.begin);
    }
    clocked.says(0, &["http://a/1", "http://a/3"]);
    clocked.frontier.push(page("http://a/2", 2), clocked.begin);
    clocked.says(0, &["http://a/2", "http://a/7", "http://a/9", "never"]);
    assert!(clocked.frontier.is_drained());
}

#[test]
fn hosts_go_in_turn_and_none_beyond_its_cap() {
    let mut clocked = Clocked::with(settings(), &[A.as_slice(), &TWO[2..]].concat());
    clocked.says(0, &["http://a/1", "http://b/1", "http://a/2", "http://b/2"]);
    clocked.says(9000, &["never"]);
    assert!(!clocked.frontier.is_drained());
    clocked.finish("http://b/", Answer::Fine, 9000);
    clocked.says(9000, &["never"]);
    clocked.finish("http://a/", Answer::Fine, 9000);
    clocked.says(9000, &["http://a/3", "never"]);
    clocked.finish("http://a/", Answer::Silent, 9000);
    clocked.says(9000, &["http://a/4", "never"]);
}

#[test]
fn http_and_https_are_one_host_another_port_is_another() {
    let pages = ["http://a/1", "https://a/2", "http://a:81/1"];
    let mut clocked = Clocked::with(with_limits(|limits| limits.concurrency = 1), &pages);
    clocked.says(0, &["http://a/1", "http://a:81/1", "never"]);
    clocked.finish("https://a/", Answer::Fine, 0);
    clocked.says(0, &["https://a/2"]);
}

#[test]
fn starts_keep_to_the_rates() {
    let rate = |interval: u64, burst: u32| {
        with_limits(|limits| (limits.interval, limits.burst) = (Some(ms(interval)), burst))
    };
    let global = |millis: u64, settings: Settings| Settings {
        global_interval: Some(ms(millis)),
        ..settings
    };
    let resumed = |settings: Settings| Settings {
        resumed: true,
        ..settings
    };
    for (name, settings, pages, expected) in [
        ("no limit", settings(), A, "a0 a0 a0 a0"),
        ("rate", rate(200, 1), A, "a0 a200 a400 a600"),
        ("burst", rate(200, 3), A, "a0 a0 a0 a200"),
        ("two hosts", rate(200, 1), TWO, "a0 b0 a200 b200"),
        ("global", global(50, settings()), A, "a0 a50 a100 a150"),
        (
            "global and rate",
            global(50, rate(200, 1)),
            TWO,
            "a0 b50 a200 b250",
        ),
        (
            "global is the slower",
            global(500, rate(200, 1)),
            TWO,
            "a0 b500 a1000 b1500",
        ),
        ("resumed", resumed(rate(200, 3)), A, "a200 a400 a600 a800"),
        (
            "resumed, global",
            resumed(global(50, settings())),
            TWO,
            "a50 b100 a150 b200",
        ),
    ] {
        let starts: Vec<_> = Clocked::with(settings, &pages)
            .starts()
            .iter()
            .map(|(millis, host)| format!("{host}{millis}"))
            .collect();
        assert_eq!(starts.join(" "), expected, "{name}");
    }
}

#[test]
fn a_permit_that_no_host_can_use_is_kept() {
    let settings = Settings {
        global_interval: Some(ms(100)),
        ..with_limits(|limits| limits.concurrency = 1)
    };
    let mut clocked = Clocked::with(settings, &A);
    clocked.says(0, &["http://a/1", "at 100"]);
    // The token is taken when one is there, though the host cannot use it;
    clocked.says(100, &["never"]);
    clocked.finish("http://a/", Answer::Fine, 130);
    // so the next start needs no other, and the one after comes a whole interval after it.
    clocked.says(130, &["http://a/2"]);
    clocked.finish("http://a/", Answer::Fine, 130);
    clocked.says(130, &["at 230"]);
}

#[test]
fn crawl_delay_is_a_gap_for_the_whole_host() {
    let settings = Settings {
        obey_robots: true,
        ..with_limits(|limits| limits.max_crawl_delay = ms(2000))
    };
    let mut clocked = Clocked::with(settings, &[A.as_slice(), &["https://a/5"]].concat());
    clocked.says(0, &["http://a/robots.txt", "https://a/robots.txt"]);
    clocked.finish("http://a/", Answer::Fine, 0);
    clocked.robots("http://a/", "Crawl-delay: 99", 60_000, 0);
    // One at a time, now that there is a gap to keep; the other request is still under way.
    clocked.says(0, &["never"]);
    clocked.finish("https://a/", Answer::Fine, 10);
    clocked.says(10, &["at 2000"]);
    // The same host by its other origin, which asks for less: the gap stays.
    clocked.robots("https://a/", "Crawl-delay: 1", 60_000, 10);
    clocked.says(10, &["at 2000"]);
    clocked.says(2000, &["http://a/1", "never"]);
    clocked.finish("http://a/", Answer::Fine, 5000);
    clocked.says(5000, &["http://a/2"]);
    // A fresh copy asks for none.
    clocked.robots("http://a/", "Allow: /", 60_000, 5000);
    clocked.finish("http://a/", Answer::Fine, 5000);
    clocked.says(5000, &["at 6000"]);
    clocked.robots("https://a/", "Allow: /", 60_000, 5000);
    clocked.says(5000, &["http://a/3", "http://a/4"]);
}

#[test]
fn a_hold_stops_one_host() {
    let mut clocked = Clocked::with(settings(), &TWO);
    hold(
        &mut clocked.frontier,
        &host("http://a/"),
        clocked.begin + ms(700),
        clocked.begin,
    );
    // A shorter one does not end it.
    hold(
        &mut clocked.frontier,
        &host("http://a/"),
        clocked.begin + ms(300),
        clocked.begin,
    );
    clocked.says(0, &["http://b/1", "http://b/2", "at 700"]);
    assert_eq!(
        clocked.frontier.longest_held(clocked.begin),
        Some((host("http://a/"), clocked.at(700), "asked to".to_owned()))
    );
    clocked.says(699, &["at 700"]);
    clocked.says(700, &["http://a/1"]);
    let answer = Answer::Throttled(Some(ms(2000)));
    assert!(matches!(
        clocked.finish("http://a/", answer, 800),
        Consequence::Hold(..)
    ));
    clocked.says(800, &["at 2800"]);
    clocked.says(2800, &["http://a/2", "never"]);
}

#[test]
fn a_sleeping_host_is_noted_once() {
    let mut clocked = Clocked::new(settings());
    hold(
        &mut clocked.frontier,
        &host("http://a/"),
        clocked.begin + ms(600_000),
        clocked.begin,
    );
    for order in 1..1000 {
        clocked
            .frontier
            .push(page(&format!("http://a/{order}"), order), clocked.begin);
        clocked.says(0, &["at 600000"]);
    }
    assert_eq!(clocked.frontier.sleeping.len(), 1);
}

fn obeying() -> Settings {
    Settings {
        obey_robots: true,
        ..settings()
    }
}

#[test]
fn robots_is_asked_for_once_and_first() {
    let mut clocked = Clocked::with(obeying(), &["http://a/1", "http://a/no/2", "http://a/3"]);
    clocked.says(0, &["http://a/robots.txt", "never"]);
    assert!(!clocked.frontier.is_drained());
    clocked.finish("http://a/", Answer::Fine, 10);
    clocked.says(10, &["never"]);
    // Another try, then a hop: requests for the same file, before everything else.
    let (origin, robots) = (url("http://a/").origin(), url("http://a/robots.txt"));
    let again = Request::robots(robots, origin.clone(), 0, 1);
    clocked
        .frontier
        .push_robots(again, clocked.at(500), clocked.at(10));
    clocked.says(10, &["at 500"]);
    clocked.says(500, &["http://a/robots.txt", "never"]);
    clocked.finish("http://a/", Answer::Fine, 600);
    let hop = Request::robots(url("http://b/r"), origin, 1, 0);
    let now = clocked.at(600);
    // What the store knows of the other host is asked for first.
    clocked.frontier.push_robots(hop, now, now);
    clocked.says(600, &["never"]);
    let refill = clocked.frontier.take_refills().pop().expect("one");
    assert_eq!((refill.host.as_str(), refill.state), ("b", true));
    let told = Refilled {
        refill,
        requests: Vec::new(),
        more: false,
        state: Some(HostState::default()),
    };
    clocked.frontier.refilled(told, Vec::new(), now);
    clocked.says(600, &["http://b/r", "never"]);
    clocked.finish("http://b/", Answer::Fine, 700);
    clocked.robots("http://a/", "Disallow: /no", 60_000, 700);
    clocked.says(700, &["http://a/1", "not http://a/no/2 by Disallow: /no"]);
    assert!(!clocked.frontier.is_drained());
    clocked.says(700, &["http://a/3", "never"]);
    assert!(clocked.frontier.is_drained());
}

#[test]
fn an_origin_that_waits_does_not_block_the_other() {
    // Both have to be asked for, whichever page is nearer, and whether its turn is the first or not.
    for pages in [["http://a/1", "https://a/2"], ["https://a/1", "http://a/2"]] {
        let mut clocked = Clocked::with(obeying(), &pages);
        let mut asked = [clocked.said(0), clocked.said(0)];
        asked.sort_unstable();
        assert_eq!(asked, ["http://a/robots.txt", "https://a/robots.txt"]);
        clocked.says(0, &["never"]);
        clocked.finish("http://a/", Answer::Fine, 0);
        clocked.finish("http://a/", Answer::Fine, 0);
        clocked.robots(pages[1], "", 60_000, 0);
        clocked.says(0, &[pages[1], "never"]);
        clocked.robots(pages[0], "", 60_000, 0);
        clocked.says(0, &[pages[0], "never"]);
        assert!(clocked.frontier.is_drained());
    }
}

#[test]
fn rules_of_an_earlier_start_are_not_asked_for() {
    let mut clocked = Clocked::new(obeying());
    clocked.robots("http://a/", "Disallow: /2", 60_000, 0);
    for (text, order) in A.iter().zip(1..) {
        clocked.frontier.push(page(text, order), clocked.begin);
    }
    clocked.says(0, &["http://a/1", "not http://a/2 by Disallow: /2"]);
}

#[test]
fn an_origin_without_robots_is_given_up() {
    let mut clocked = Clocked::with(obeying(), &["http://a/1", "https://a/2"]);
    clocked.said(0);
    clocked.said(0);
    clocked.finish("http://a/", Answer::Failed, 0);
    clocked.finish("http://a/", Answer::Fine, 0);
    assert!(clocked.unreachable("http://a/", 3_600_000, 0));
    clocked.says(0, &["never"]);
    clocked.robots("https://a/", "", 60_000, 0);
    // What comes to it later goes the same way, by whichever door.
    clocked.frontier.push(page("http://a/3", 3), clocked.begin);
    clocked
        .frontier
        .retry(page("http://a/4", 4), clocked.begin, clocked.begin);
    clocked.says(7_200_000, &["https://a/robots.txt", "https://a/2", "never"]);
    assert!(clocked.frontier.is_drained());
}

#[test]
fn an_old_copy_rules_while_a_new_one_is_asked_for() {
    let mut clocked = Clocked::new(with_limits(|limits| limits.concurrency = 100));
    clocked.frontier = Frontier::new(
        Settings {
            obey_robots: true,
            ..clocked.frontier.settings
        },
        clocked.begin,
    );
    clocked.robots("http://a/", "Disallow: /2", 1000, 0);
    for (text, order) in A.iter().zip(1..) {
        clocked.frontier.push(page(text, order), clocked.begin);
    }
    clocked.says(999, &["http://a/1"]);
    clocked.says(1000, &["http://a/robots.txt"]);
    clocked.says(1000, &["not http://a/2 by Disallow: /2", "http://a/3"]);
    // It cannot be had: asked for again when that is said, and not before.
    assert!(!clocked.unreachable("http://a/", 500, 1100));
    clocked.says(1599, &["http://a/4", "never"]);
    clocked.frontier.push(page("http://a/5", 5), clocked.begin);
    clocked.says(1600, &["http://a/robots.txt", "http://a/5"]);
    clocked.robots("http://a/", "Disallow: /", 1000, 1700);
    clocked.frontier.push(page("http://a/6", 6), clocked.begin);
    clocked.says(1700, &["not http://a/6 by Disallow: /", "never"]);
}

#[test]
fn an_old_copy_does_not_rule_for_ever() {
    const DAY: u64 = 86_400_000;
    let mut clocked = Clocked::new(obeying());
    clocked.robots("http://a/", "", DAY, 0);
    // RFC 9309 leaves it to us how long; DESIGN 6 says 30 days after it has expired.
    let gives_up = (1..40).find(|day| clocked.unreachable("http://a/", 3_600_000, day * DAY));
    assert_eq!(gives_up, Some(31));
}

#[test]
fn a_question_goes_to_its_own_host() {
    // A retry finds that its rules have expired, at a moment when its host may start only one request.
    let mut clocked = Clocked::new(Settings {
        obey_robots: true,
        ..with_limits(|limits| limits.concurrency = 1)
    });
    clocked.robots("http://a/", "Disallow: /no", 1000, 0);
    clocked.robots("http://b/", "", 9000, 0);
    let now = clocked.begin;
    hold(&mut clocked.frontier, &host("http://a/"), now, now);
    for retry in [page("http://a/1", 1), page("http://a/no/2", 2)] {
        clocked.frontier.retry(retry, now, now);
    }
    clocked.frontier.push(page("http://b/3", 3), now);
    let mut said = vec![clocked.said(1000), clocked.said(1000)];
    assert_eq!(clocked.said(1000), "never");
    said.sort_unstable();
    assert_eq!(said, ["http://a/robots.txt", "http://b/3"]);
    clocked.finish("http://a/", Answer::Fine, 1000);
    clocked.says(1000, &["http://a/1"]);
    clocked.finish("http://a/", Answer::Fine, 1000);
    clocked.says(1000, &["not http://a/no/2 by Disallow: /no", "never"]);
    assert!(clocked.frontier.is_drained());
}

#[test]
fn retries_come_not_before_their_time() {
    let mut clocked = Clocked::with(settings(), &A[..2]);
    clocked.says(0, &["http://a/1", "http://a/2"]);
    clocked.finish("http://a/", Answer::Failed, 0);
    clocked.finish("http://a/", Answer::Fine, 0);
    let (now, later) = (clocked.begin, clocked.at(800));
    clocked.frontier.retry(page("http://a/1", 1), later, now);
    clocked
        .frontier
        .retry(page("http://a/2", 2), clocked.at(300), now);
    // The table has it still: it does not come in twice.
    clocked.frontier.push(page("http://a/1", 1), now);
    clocked.says(0, &["at 300"]);
    clocked.frontier.push(page("http://a/3", 3), now);
    clocked.says(299, &["http://a/3", "at 300"]);
    clocked.says(300, &["http://a/2", "at 800"]);
    clocked.finish("http://a/", Answer::Fine, 400);
    clocked.says(400, &["at 800"]);
    assert!(!clocked.frontier.is_drained());
    clocked.says(800, &["http://a/1"]);
    assert!(clocked.frontier.is_drained());
}

#[test]
fn a_retry_that_waits_for_robots_does_not_block_the_other_origin() {
    // As after a restart: retries read from the table, no rules known.
    let mut clocked = Clocked::new(Settings {
        obey_robots: true,
        ..with_limits(|limits| limits.concurrency = 3)
    });
    clocked.robots("https://a/", "", 60_000, 0);
    let now = clocked.begin;
    hold(&mut clocked.frontier, &host("http://a/"), now, now);
    for (text, order, at) in [
        ("http://a/1", 1, 100),
        ("https://a/2", 2, 200),
        ("https://a/3", 3, 300),
    ] {
        clocked
            .frontier
            .retry(page(text, order), clocked.at(at), now);
    }
    clocked.says(100, &["http://a/robots.txt", "at 200"]);
    clocked.says(200, &["https://a/2", "at 300"]);
    clocked.says(300, &["https://a/3", "never"]);
    clocked.finish("http://a/", Answer::Fine, 400);
    clocked.robots("http://a/", "Disallow: /1", 60_000, 400);
    clocked.says(400, &["not http://a/1 by Disallow: /1", "never"]);
    assert!(clocked.frontier.is_drained());
}

#[test]
fn a_host_set_aside_gives_nothing_and_counts_as_drained() {
    let mut clocked = Clocked::with(with_limits(|limits| limits.max_failures = 2), &TWO);
    clocked.frontier.settings.paces.limits.concurrency = 2;
    clocked.says(0, &["http://a/1", "http://b/1", "http://a/2", "http://b/2"]);
    assert_eq!(
        clocked.finish("http://a/", Answer::Failed, 0),
        Consequence::None
    );
    let now = clocked.begin;
    clocked.frontier.retry(page("http://a/1", 1), now, now);
    assert!(matches!(
        clocked.finish("http://a/", Answer::Failed, 0),
        Consequence::SetAside(..)
    ));
    clocked.frontier.retry(page("http://a/2", 2), now, now);
    clocked.frontier.push(page("http://a/3", 3), now);
    clocked.says(9_000_000, &["never"]);
    assert!(clocked.frontier.is_drained());
    assert!(clocked.frontier.take_refills().is_empty());
}

#[test]
fn a_host_set_aside_while_its_robots_is_tried_again_counts_as_drained() {
    // A robots.txt that answers 503 with a Retry-After longer than max-hold: the host is set aside when
    // the head arrives, the next try of its robots.txt comes after that.
    let mut clocked = Clocked::with(obeying(), &A);
    clocked.says(0, &["http://a/robots.txt"]);
    let answer = Answer::Throttled(Some(ms(3_600_000)));
    assert!(matches!(
        clocked.finish("http://a/", answer, 0),
        Consequence::SetAside(..)
    ));
    let again = Request::robots(url("http://a/robots.txt"), url("http://a/").origin(), 0, 1);
    clocked
        .frontier
        .push_robots(again, clocked.at(500), clocked.begin);
    clocked.says(9_000_000, &["never"]);
    assert!(clocked.frontier.is_drained());
}

#[test]
fn a_robots_of_another_host_survives_the_setting_aside() {
    // The robots.txt of a leads to b, which is set aside, before or after: without an answer a would
    // wait for ever.
    for before in [true, false] {
        let mut clocked = Clocked::with(
            Settings {
                obey_robots: true,
                ..with_limits(|limits| limits.max_failures = 1)
            },
            &["http://a/1"],
        );
        let now = clocked.begin;
        clocked.robots("http://b/", "", 60_000, 0);
        clocked.frontier.push(page("http://b/2", 2), now);
        let mut said = [clocked.said(0), clocked.said(0)];
        said.sort_unstable();
        assert_eq!(said, ["http://a/robots.txt", "http://b/2"]);
        clocked.finish("http://a/", Answer::Fine, 0);
        let hop = Request::robots(url("http://b/r"), url("http://a/").origin(), 1, 0);
        let steps: [&dyn Fn(&mut Clocked); 2] = [
            &|clocked| {
                let aside = clocked.finish("http://b/", Answer::Failed, 0);
                assert!(matches!(aside, Consequence::SetAside(..)));
            },
            &|clocked| clocked.frontier.push_robots(hop.clone(), now, now),
        ];
        steps[usize::from(!before)](&mut clocked);
        steps[usize::from(before)](&mut clocked);
        assert!(!clocked.frontier.is_drained());
        clocked.says(0, &["http://b/r", "never"]);
        clocked.finish("http://b/", Answer::Failed, 0);
        assert!(clocked.unreachable("http://a/", 3_600_000, 0));
        clocked.says(0, &["never"]);
        assert!(clocked.frontier.is_drained());
    }
}

/// A rate and a cap for a whole domain, with the hosts in turn; or for an address, once that is known.
#[test]
fn hosts_share_a_pace() {
    const PAGES: [&str; 4] = [
        "http://a.site.example/1",
        "http://b.site.example/1",
        "http://a.site.example/2",
        "http://c.other.example/1",
    ];
    let shared = |by: By| Settings {
        by,
        ..with_limits(|limits| (limits.interval, limits.concurrency) = (Some(ms(100)), 1))
    };
    let words = |starts: Vec<(u64, String)>| -> Vec<String> {
        let starts = starts.iter();
        starts.map(|(at, name)| format!("{name} {at}")).collect()
    };
    let wanted = [
        "a.site.example 0",
        "c.other.example 0",
        "b.site.example 100",
        "a.site.example 200",
    ];
    assert_eq!(
        words(Clocked::with(shared(By::Domain), &PAGES).starts()),
        wanted
    );
    // In flight, too.
    let mut clocked = Clocked::with(shared(By::Domain), &PAGES);
    clocked.says(0, &[PAGES[0], PAGES[3], "never"]);
    clocked.says(1000, &["never"]);
    clocked.finish(PAGES[0], Answer::Fine, 1000);
    clocked.says(1100, &[PAGES[1], "never"]);

    let mut clocked = Clocked::with(shared(By::Ip), &PAGES);
    clocked.says(0, &["never"]);
    let asked = clocked.frontier.take_lookups();
    assert_eq!(asked.len(), 3);
    let now = clocked.begin;
    for (host, address) in asked.iter().zip(["10.0.0.1", "::ffff:10.0.0.1", ""]) {
        clocked.frontier.located(host, address.parse().ok(), now);
    }
    assert_eq!(words(clocked.starts()), wanted);
    assert!(clocked.frontier.take_lookups().is_empty());
}

/// Memory has room for two hosts; the third comes in when others have to wait for long, and those come back
/// at their times.
#[test]
fn who_has_to_wait_for_long_makes_room() {
    let mut clocked = Clocked::new(Settings {
        room: Room {
            hosts: 2,
            ..Room::default()
        },
        ..with_limits(|limits| (limits.interval, limits.burst) = (Some(ms(20_000)), 2))
    });
    let now = clocked.begin;
    let pages = [
        "http://a/1",
        "http://b/1",
        "http://a/2",
        "http://a/3",
        "http://c/1",
    ];
    for (text, order) in pages.iter().zip(1..) {
        clocked.frontier.push(page(text, order), now);
    }
    clocked.says(0, &["http://a/1"]);
    clocked.finish("http://a/", Answer::Fine, 0);
    clocked.says(0, &["http://b/1", "http://a/2"]);
    clocked.finish("http://b/", Answer::Fine, 0);
    clocked.finish("http://a/", Answer::Fine, 0);
    // a waits for its token; b has nothing to do, and 40 s to go before it may be forgotten.
    assert_eq!(clocked.said(0), "at 10000");
    let more = clocked.frontier.take_more_hosts();
    assert_eq!(
        (more.map(|more| more.after), clocked.frontier.hosts()),
        (Some(0), 1)
    );
    let read = |host: &str, requests| Refilled {
        refill: Refill {
            host: url(host).host(),
            after: 0,
            limit: 8,
            state: true,
        },
        requests,
        more: false,
        state: Some(HostState::default()),
    };
    // The table has a, too: that rests.
    for answer in [
        read("http://a/", vec![later("http://a/3", 4)]),
        read("http://c/", vec![later("http://c/1", 5)]),
    ] {
        clocked.frontier.refilled(answer, Vec::new(), now);
    }
    clocked.frontier.hosts_read(None);
    clocked.says(0, &["http://c/1", "at 20000"]);
    clocked.finish("http://c/", Answer::Fine, 0);
    assert!(!clocked.frontier.is_drained());
    clocked.says(20_000, &["never"]);
    let refill = clocked.frontier.take_refills().pop().expect("a is back");
    assert_eq!((refill.host.as_str(), refill.state), ("a", true));
    let back = read(
        "http://a/",
        vec![later("http://a/3", 4), later("http://a/4", 6)],
    );
    clocked
        .frontier
        .refilled(back, Vec::new(), clocked.at(20_000));
    // It has one token, not the burst of a host that was never asked.
    clocked.says(20_000, &["http://a/3"]);
    clocked.finish("http://a/", Answer::Fine, 20_000);
    clocked.says(20_000, &["at 40000"]);
}

/// A host that was set aside has nothing to read from the table, though that has URLs again.
#[test]
fn a_host_set_aside_stays_so_when_urls_are_recalled() {
    let mut clocked = Clocked::with(with_limits(|limits| limits.max_failures = 1), &A[..1]);
    clocked.says(0, &["http://a/1"]);
    let aside = clocked.finish("http://a/", Answer::Failed, 0);
    assert!(matches!(aside, Consequence::SetAside(..)));
    assert!(clocked.frontier.is_drained());
    clocked.frontier.begin_on_disk(clocked.begin);
    assert_eq!(clocked.said(0), "at 10000");
    assert!(clocked.frontier.take_more_hosts().is_some());
    clocked.frontier.hosts_read(None);
    assert!(clocked.frontier.is_drained());
}

/// A host is first met by a redirect of another's robots.txt, and by a link in the batch in which what is
/// stored of it is read.
#[test]
fn a_host_that_is_met_twice_at_once_is_not_forgotten() {
    let mut clocked = Clocked::new(settings());
    let now = clocked.begin;
    let hop = Request::robots(url("http://x/r"), url("http://a/").origin(), 1, 0);
    clocked.frontier.push_robots(hop, now, now);
    let refill = clocked.frontier.take_refills().pop().expect("one");
    clocked.frontier.push(page("http://x/1", 1), now);
    let told = Refilled {
        refill,
        requests: vec![page("http://x/1", 1)],
        more: true,
        state: Some(HostState::default()),
    };
    clocked.frontier.refilled(told, Vec::new(), now);
    clocked.says(0, &["http://x/r", "http://x/1"]);
    let more = clocked.frontier.take_refills().pop().expect("the rest");
    assert_eq!((more.after, more.state), (1, false));
}

/// The strain of one host slows down all that share its pace.
#[test]
fn strain_is_of_the_pace_that_is_shared() {
    let pages = [
        "http://a.site.example/1",
        "http://b.site.example/1",
        "http://b.site.example/2",
    ];
    let settings = Settings {
        by: By::Domain,
        ..with_limits(|limits| limits.interval = Some(ms(100)))
    };
    let mut clocked = Clocked::with(settings, &pages);
    clocked.says(0, &[pages[0]]);
    clocked.finish(pages[0], Answer::Strained, 0);
    clocked.says(0, &["at 200"]);
    clocked.says(200, &[pages[1]]);
    let gaps = clocked.frontier.take_gaps();
    assert_eq!(gaps, [(host(pages[0]), Some(ms(200)))]);
}

fn rows(orders: std::ops::RangeInclusive<u64>) -> Vec<Request> {
    orders
        .map(|order| page(&format!("http://a/{order}"), order))
        .collect()
}

#[test]
fn what_is_on_disk_is_read_once_and_is_not_drained_before() {
    let mut clocked = Clocked::new(with_limits(|limits| limits.concurrency = 100));
    let (a, now) = (host("http://a/"), clocked.begin);
    let asked = [enter(&mut clocked.frontier, &a, now)];
    assert!(!clocked.frontier.is_drained());
    assert_eq!(
        (&asked[0].host, asked[0].after, asked[0].state),
        (&a, 0, true)
    );
    // Nothing is asked for again while the answer is under way, and nothing is drained.
    clocked.frontier.push(later("http://a/9", 9), now);
    clocked.says(0, &["never"]);
    assert!(!clocked.frontier.wants_refill() && !clocked.frontier.is_drained());
    let mut answer = |refill: &Refill, requests, more| {
        let refill = refill.clone();
        let refilled = Refilled {
            state: refill.state.then(HostState::default),
            refill,
            requests,
            more,
        };
        clocked.frontier.refilled(refilled, Vec::new(), now);
        let refills = clocked.frontier.take_refills();
        assert!(!clocked.frontier.is_drained() || refills.is_empty());
        refills
    };
    let asked = answer(&asked[0], rows(1..=3), true);
    assert_eq!((asked.len(), asked[0].after), (1, 3));
    assert_eq!(answer(&asked[0], rows(9..=9), false), []);
    clocked.says(0, &["http://a/1", "http://a/2", "http://a/3", "http://a/9"]);
    clocked.says(0, &["never"]);
    assert!(clocked.frontier.is_drained() && !clocked.frontier.wants_refill());
}

#[test]
fn an_answer_that_no_longer_joins_the_prefix_is_asked_for_again() {
    let mut clocked = Clocked::new(settings());
    let (a, now) = (host("http://a/"), clocked.begin);
    for order in 2..=u64::try_from(*HOST_HEADS.end()).expect("small") + 1 {
        clocked
            .frontier
            .push(page(&format!("http://a/{order}"), order), now);
    }
    // The last one is cut off for one that is nearer; a page handed out meanwhile is not to come back.
    clocked.says(0, &["http://a/2"]);
    clocked.frontier.push(page("http://a/5000", 5000), now);
    clocked.frontier.push(page("http://a/1", 1), now);
    assert_eq!(clocked.frontier.hosts[&a].len(), HOST_HEADS.end() + 1);
    for order in 1..=1040 {
        clocked.finish("http://a/", Answer::Fine, 0);
        clocked.said(0);
        assert!(order < 1025 || clocked.frontier.wants_refill());
    }
    let refill = clocked.frontier.take_refills().pop().expect("one");
    // Before its answer comes, the prefix is cut again, from below.
    clocked
        .frontier
        .hosts
        .get_mut(&a)
        .expect("a")
        .push(page("http://a/0", 0), 1);
    let late = Refilled {
        requests: rows(5000..=5000),
        more: false,
        state: None,
        refill: refill.clone(),
    };
    clocked.frontier.refilled(late, Vec::new(), now);
    let again = clocked.frontier.take_refills().pop().expect("another");
    assert!(again.after < refill.after, "{again:?} {refill:?}");
}

#[test]
fn rows_that_wait_for_their_time_do_so() {
    let mut clocked = Clocked::new(settings());
    let (a, now) = (host("http://a/"), clocked.begin);
    let refill = enter(&mut clocked.frontier, &a, now);
    let mut requests = rows(1..=3);
    let wall = std::time::SystemTime::now();
    // A clock that was set back must not keep it for days: max-hold is the most.
    requests[0].not_before = Some(wall + Duration::from_secs(86_400));
    requests[1].not_before = Some(wall + Duration::from_secs(100));
    let more = false;
    clocked.frontier.refilled(
        Refilled {
            refill,
            requests,
            more,
            state: Some(HostState::default()),
        },
        Vec::new(),
        now,
    );
    clocked.says(0, &["http://a/3"]);
    let wait = clocked.said(98_000);
    assert!(["at 99999", "at 100000"].contains(&wait.as_str()), "{wait}");
    clocked.says(100_000, &["http://a/2"]);
    clocked.finish("http://a/", Answer::Fine, 100_000);
    clocked.says(600_000, &["http://a/1"]);
    assert!(clocked.frontier.is_drained());
}

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
