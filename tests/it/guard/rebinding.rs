//! Names that lead elsewhere the next time they are looked up.

use std::net::IpAddr;

use tokio_rusqlite::rusqlite::Connection;

use super::{addresses, all, crawl, errors, nobody_was_let_in, victims};
use crate::support::{Reply, Site, World, number};

/// `turn-N.test` is the attacker's for N look-ups, and ours from then on; `back-N.test` the other way round;
/// `flip.test` by turns.
fn dns(name: &str, before: usize) -> Vec<IpAddr> {
    let (public, private) = ("93.184.216.34", "10.0.0.5");
    let after = |prefix: &str| {
        let rest = name.strip_prefix(prefix)?.strip_suffix(".test")?;
        rest.parse::<usize>().ok()
    };
    if let Some(turn) = after("turn-") {
        addresses(&[if before < turn { public } else { private }])
    } else if let Some(turn) = after("back-") {
        addresses(&[if before < turn { private } else { public }])
    } else if name == "flip.test" {
        addresses(&[if before.is_multiple_of(2) {
            public
        } else {
            private
        }])
    } else if name == "a.test" {
        addresses(&[public])
    } else {
        vec![]
    }
}

/// Each answer closes its connection, so that each request looks its name up.
fn site() -> Site {
    let site = Site::at("93.184.216.34:80");
    site.dynamic(|path, _| {
        let links: String = (0..20).map(|n| format!("<a href=/{n}>x</a>")).collect();
        let reply = match path {
            "/robots.txt" => Reply::new(404),
            "/" => Reply::html(links),
            "/3" => Reply::new(503).header("Retry-After", "0"),
            "/4" => Reply::new(302).header("Location", "/5"),
            _ => Reply::html("x"),
        };
        Some(reply.header("Connection", "close"))
    });
    site
}

#[test]
fn a_name_that_turns_private() {
    let Some(world) = World::enter("guard::rebinding::a_name_that_turns_private", &all(), dns)
    else {
        return;
    };
    let (victims, site) = (victims(), site());
    for turn in 1..8 {
        let name = format!("turn-{turn}.test");
        let seed = format!("http://{name}/");
        let crawl = crawl(&["--seed", &seed, "--host-concurrency", "1", "--retries", "1"]);
        crawl.run();
        nobody_was_let_in(&victims);
        assert!(world.lookups(&name) > turn, "{name}");
        assert!(!errors(&crawl).is_empty(), "{name}");
    }
    let flip = crawl(&["--seed", "http://flip.test/", "--host-concurrency", "8"]);
    flip.run();
    nobody_was_let_in(&victims);
    assert!(site.count("/") > 1);
}

/// A seed is held to the addresses that it had at the start, wherever its name leads later.
#[test]
fn a_private_seed_stays_where_it_was() {
    let Some(world) = World::enter(
        "guard::rebinding::a_private_seed_stays_where_it_was",
        &all(),
        dns,
    ) else {
        return;
    };
    let (victims, public) = (victims(), site());
    let links: String = (0..5).map(|n| format!("<a href=/{n}>x</a>")).collect();
    victims[0].dynamic(move |_, _| Some(Reply::html(links.clone()).header("Connection", "close")));
    crawl(&["--seed", "http://back-1.test/"])
        .run()
        .expect_code(0);
    assert_eq!(world.lookups("back-1.test"), 1);
    assert_eq!(victims[0].count("/4"), 1);
    assert!(public.hits().is_empty());
    nobody_was_let_in(&victims[1..]);
}

/// Whoever can write the database can put any URL into the queue; it is checked as any other.
#[test]
fn a_queue_that_was_tampered_with() {
    let Some(_world) = World::enter(
        "guard::rebinding::a_queue_that_was_tampered_with",
        &all(),
        dns,
    ) else {
        return;
    };
    let (victims, _site) = (victims(), site());
    let crawl = crawl(&["--seed", "http://a.test/", "--max-pages", "1"]);
    crawl.run().expect_code(11);
    let out = crawl.dir().join("out");
    assert!(number(&out, "SELECT count(*) FROM frontier") > 5);
    let database = Connection::open(out.join("crawl.db")).expect("a database");
    let tamper = "UPDATE url SET text = replace(text, 'a.test', '10.0.0.5') WHERE id IN (SELECT url FROM frontier);
        UPDATE host SET name = replace(name, 'a.test', '10.0.0.5'); 
        UPDATE origin SET text = replace(text, 'a.test', '10.0.0.5')";
    database.execute_batch(tamper).expect("changed");
    drop(database);
    crawl
        .run_args(["-o", "out", "--max-pages", "unlimited"])
        .expect_code(0);
    nobody_was_let_in(&victims);
    let refused = "SELECT count(*) FROM pages WHERE error = 'private_address'";
    assert!(number(&out, refused) > 5);
}
