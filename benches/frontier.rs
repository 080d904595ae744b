//! What a URL costs in the frontier, from its push to its settling, over few hosts and many; and what
//! a claim costs where little waits and where much does. The two should be nearly the same: a claim
//! looks at hosts that may go, never at all.
//!
//! All requests have the same (default) ticket, which only the store can make: so each is settled
//! before the next is claimed.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that cannot go on has failed"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use crawl::Config;
use crawl::canonical::CanonicalUrl;
use crawl::config::By;
use crawl::frontier::{Frontier, Next, Paces, Refill, Refilled, Room, Settings};
use crawl::politeness::{Answer, Limits};
use crawl::record::HostState;
use crawl::request::{Kind, Request, Ticket};
use crawl::robots::Robots;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};

fn requests(hosts: u64, each: u64) -> Vec<Request> {
    // Found as on a crawl: hosts mixed.
    let names = (0..each).flat_map(|number| (0..hosts).map(move |host| (host, number)));
    names
        .zip(1..)
        .map(|((host, number), order)| {
            let url = format!("https://host{host}.example/section/page-{number}.html");
            Request {
                url: CanonicalUrl::parse(&url).expect("a URL"),
                kind: Kind::Page,
                order,
                depth: 1,
                attempt: 0,
                not_before: None,
                ticket: Ticket::default(),
                validators: None,
            }
        })
        .collect()
}

/// A frontier that knows the rules of all origins and paces none of the hosts.
fn frontier(requests: &[Request], now: Instant) -> Frontier {
    let settings = Settings {
        paces: Paces::all(Limits {
            interval: None,
            ..Limits::from(&Config::default().politeness)
        }),
        global_interval: None,
        obey_robots: true,
        by: By::Host,
        resumed: false,
        pages_per_host: None,
        room: Room {
            hosts: usize::MAX,
            ..Room::default()
        },
    };
    let mut frontier = Frontier::new(settings, now);
    let rules = Arc::new(Robots::parse(
        b"User-agent: *\nDisallow: /private\nDisallow: /*.pdf$\nAllow: /section",
        "crawl",
    ));
    for request in requests {
        let (origin, host) = (request.url.origin(), request.url.host());
        let until = now + Duration::from_secs(86_400);
        frontier.robots_known(&origin, &host, Arc::clone(&rules), until, now);
        // Nothing is stored of it.
        let told = Refilled {
            refill: Refill {
                host,
                after: 0,
                limit: 1,
                state: true,
            },
            requests: Vec::new(),
            more: false,
            state: Some(HostState::default()),
        };
        frontier.refilled(told, Vec::new(), now);
    }
    frontier
}

/// Claims a request and ends it.
fn claim(frontier: &mut Frontier, now: Instant) -> Option<Request> {
    match frontier.next(now) {
        Next::Request(request, _) => {
            frontier.finish(&request.url.host(), Answer::Fine, now);
            frontier.settled(request.ticket);
            Some(request)
        }
        Next::Wait(None) => None,
        other => panic!("nothing is forbidden or paced: {other:?}"),
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    let now = Instant::now();

    let mut group = criterion.benchmark_group("frontier: push, next, finish, settled");
    for (hosts, each) in [(1, 2000), (100, 100), (10_000, 1)] {
        let requests = requests(hosts, each);
        group.throughput(Throughput::Elements(hosts * each));
        group.bench_function(BenchmarkId::new("hosts", hosts), |bencher| {
            bencher.iter_batched(
                || (frontier(&requests[..hosts as usize], now), requests.clone()),
                |(mut frontier, requests)| {
                    let pushed = requests.len();
                    for request in requests {
                        frontier.push(request, now);
                    }
                    let mut done = 0;
                    while claim(&mut frontier, now).is_some() {
                        done += 1;
                    }
                    assert_eq!(done, pushed);
                    frontier
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("frontier: claim and push again");
    group.throughput(Throughput::Elements(1));
    for (hosts, each) in [(10, 1), (10_000, 10)] {
        let requests = requests(hosts, each);
        let mut frontier = frontier(&requests[..hosts as usize], now);
        for request in requests {
            frontier.push(request, now);
        }
        assert_eq!(frontier.queued() as u64, hosts * each);
        group.bench_function(BenchmarkId::new("queued", hosts * each), |bencher| {
            bencher.iter(|| {
                let request = claim(&mut frontier, now).expect("always one");
                frontier.push(request, now);
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
