//! Unit and property tests of the frontier, on an injected clock: nothing sleeps.
//!
//! Single behaviours as short scripts, `said` putting each answer in a word; `world` drives all of it at random.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::{Just, ProptestConfig, any};
use proptest::{prop_compose, prop_oneof, proptest};

use super::*;
use crate::canonical::CanonicalUrl;
use crate::config;
use crate::politeness::{Answer, Limits};
use crate::request::Kind;

mod world;

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
