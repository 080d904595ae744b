//! Politeness, by the server's own log. Only what must not happen is asserted on time: that no request came
//! too early holds on a slow machine as well.

use std::time::{Duration, Instant};

use crate::support::{Crawl, Hit, Reply, Site, number, rows};

/// How much earlier than its due time a request may be seen: the server's stamp and ours are taken at
/// two places.
const SLACK: Duration = Duration::from_millis(50);

fn gaps(hits: &[Hit]) -> Vec<Duration> {
    hits.windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .collect()
}

fn links(count: usize) -> String {
    (0..count).map(|i| format!("<a href=/{i}>x</a>")).collect()
}

#[test]
fn the_rate_holds_from_the_first_request() {
    let site = Site::start();
    site.page("/", &links(8));
    site.dynamic(|_, _| Some(Reply::html("x")));
    Crawl::new()
        .args(["--seed", &site.url("/"), "--rate", "10/s", "-o", "out"])
        .run()
        .expect_code(0);
    let hits = site.hits();
    assert_eq!((hits.len(), hits[0].path.as_str()), (10, "/robots.txt"));
    assert!(
        gaps(&hits)
            .iter()
            .all(|gap| *gap + SLACK >= Duration::from_millis(100)),
        "{:?}",
        gaps(&hits)
    );
}

#[test]
fn crawl_delay_is_the_gap_and_one_at_a_time() {
    let site = Site::start();
    site.robots("User-agent: *\nCrawl-delay: 0.5");
    site.page("/", &links(3));
    site.dynamic(|_, _| Some(Reply::html("x").delay(Duration::from_millis(200))));
    Crawl::new()
        .args([
            "--seed",
            &site.url("/"),
            "--rate",
            "unlimited",
            "--host-concurrency",
            "8",
            "-o",
            "out",
        ])
        .run()
        .expect_code(0);
    assert!(
        gaps(&site.hits())
            .iter()
            .all(|gap| *gap + SLACK >= Duration::from_millis(500)),
        "{:?}",
        gaps(&site.hits())
    );
    assert_eq!(site.most_in_flight(), 1);
}

#[test]
fn the_cap_in_flight_holds() {
    let site = Site::start();
    site.page("/", &links(20));
    site.dynamic(|_, _| Some(Reply::html("x").delay(Duration::from_millis(30))));
    Crawl::new()
        .args([
            "--seed",
            &site.url("/"),
            "--rate",
            "unlimited",
            "--host-concurrency",
            "3",
            "-o",
            "out",
        ])
        .run()
        .expect_code(0);
    assert!(site.most_in_flight() <= 3, "{}", site.most_in_flight());
}

#[test]
fn retry_after_holds_the_host() {
    let site = Site::start();
    site.page("/", &links(6));
    site.sequence(
        "/2",
        vec![Reply::new(429).header("Retry-After", "2"), Reply::html("x")],
    );
    site.dynamic(|_, _| Some(Reply::html("x").delay(Duration::from_millis(50))));
    let crawl = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--rate",
        "unlimited",
        "--host-concurrency",
        "1",
        "-o",
        "out",
    ]);
    crawl.run().expect_code(0);
    let hits = site.hits();
    let told = hits.iter().position(|hit| hit.path == "/2").expect("asked");
    assert!(
        hits[told + 1].at - hits[told].at + SLACK >= Duration::from_secs(2),
        "{:?}",
        gaps(&hits)
    );
    assert_eq!(site.count("/2"), 2, "and it is asked for again");
    let out = crawl.dir().join("out");
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE status = 200"),
        7
    );
    assert_eq!(
        rows(&out, "SELECT hold_reason FROM host"),
        ["asks for fewer requests, Retry-After 2 s"]
    );
}

#[test]
fn a_hold_survives_a_kill() {
    let site = Site::start();
    site.page("/", &links(4));
    site.sequence(
        "/0",
        vec![Reply::new(503).header("Retry-After", "3"), Reply::html("x")],
    );
    site.dynamic(|_, _| Some(Reply::html("x")));
    let crawl = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--rate",
        "20/s",
        "--host-concurrency",
        "1",
        "-o",
        "out",
    ]);
    let out = crawl.dir().join("out");
    let mut child = crawl.spawn();
    child.wait_until("the hold", |_| out.join("crawl.db").exists() && held(&out));
    let told = site.hits_of("/0")[0].at;
    child.kill9();
    site.forget();
    crawl.run().expect_code(0);
    let first = site
        .hits()
        .first()
        .map(|hit| hit.at)
        .expect("the rest is asked for");
    assert!(
        first - told + SLACK >= Duration::from_secs(3),
        "{:?}",
        first - told
    );
}

fn held(out: &std::path::Path) -> bool {
    let path = out.join("crawl.db");
    let flags = tokio_rusqlite::rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let Ok(connection) = tokio_rusqlite::rusqlite::Connection::open_with_flags(path, flags) else {
        return false;
    };
    connection
        .query_row(
            "SELECT count(*) FROM host WHERE hold_until IS NOT NULL",
            [],
            |row| row.get::<_, i64>(0),
        )
        .is_ok_and(|count| count > 0)
}

#[test]
fn robots_that_cannot_be_had_disallows() {
    let site = Site::start();
    site.reply("/robots.txt", Reply::new(500));
    site.page("/", "x");
    let crawl = Crawl::new().args(["--config", "c.toml", "--seed", &site.url("/"), "-o", "out"]);
    crawl.file(
        "c.toml",
        "[fetch]\nretry-wait = \"1ms\"\nretries = 2\n[politeness]\nrate = \"unlimited\"\n",
    );
    crawl.run().expect_code(4);
    assert_eq!((site.count("/robots.txt"), site.count("/")), (3, 0));
    let out = crawl.dir().join("out");
    assert_eq!(
        rows(&out, "SELECT deferred FROM queue"),
        ["robots.txt cannot be had"]
    );
    // It is asked for again by the next start, and what it says then counts.
    site.reply("/robots.txt", Reply::new(403));
    crawl.run().expect_code(0);
    assert_eq!(site.count("/"), 1);
}

#[test]
fn robots_behind_redirects() {
    let (site, other) = (Site::start(), Site::start());
    site.reply("/robots.txt", Reply::new(301).header("Location", "/r1"));
    site.reply("/r1", Reply::new(302).header("Location", &other.url("/r2")));
    other.reply("/r2", Reply::new(200).body("User-agent: *\nDisallow: /no"));
    site.page("/", "<a href=/no>n</a>");
    let crawl = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--rate",
        "unlimited",
        "--allow-private",
        "-o",
        "out",
    ]);
    crawl.run().expect_code(0);
    assert_eq!(
        (other.count("/r2"), site.count("/"), site.count("/no")),
        (1, 1, 0)
    );
    assert_eq!(
        rows(
            &crawl.dir().join("out"),
            "SELECT count(*) FROM requests WHERE kind = 'robots'"
        ),
        ["3"]
    );
}

#[test]
fn robots_is_asked_for_once_a_day_not_once_a_start() {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow: /no");
    site.page("/", "<a href=/no>n</a>");
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    crawl.run().expect_code(0);
    crawl.run().expect_code(0);
    assert_eq!(
        (
            site.count("/robots.txt"),
            site.count("/"),
            site.count("/no")
        ),
        (1, 2, 0)
    );
}

#[test]
fn ignoring_robots_does_not_ask() {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow: /");
    site.page("/", "x");
    Crawl::new()
        .args(["--seed", &site.url("/"), "--ignore-robots", "-o", "out"])
        .run()
        .expect_code(0);
    assert_eq!((site.count("/robots.txt"), site.count("/")), (0, 1));
}

/// One host answers after a second, the others at once: they are done long before it.
#[test]
fn a_slow_host_holds_no_slot_that_others_need() {
    let (slow, quick) = (Site::start(), Site::start());
    slow.dynamic(|_, _| Some(Reply::html(links(3)).delay(Duration::from_secs(1))));
    slow.reply("/robots.txt", Reply::new(404));
    quick.tree(100, 4);
    let crawl = Crawl::new().args([
        "--seed",
        &slow.url("/"),
        "--seed",
        &quick.url("/"),
        "--rate",
        "unlimited",
        "--concurrency",
        "3",
        "-o",
        "out",
    ]);
    crawl.run().expect_code(0);
    let last = |site: &Site| {
        site.hits()
            .last()
            .map(|hit| hit.at)
            .unwrap_or_else(Instant::now)
    };
    assert!(last(&quick) < last(&slow));
    assert_eq!(quick.hits().len(), 101);
}

/// Each of these once let everything through.
#[test]
fn a_robots_that_is_oddly_served_still_rules() {
    let long = format!("User-agent: *\n{}Disallow: /no\n", "# filler\n".repeat(400));
    for reply in [
        Reply::new(200)
            .header("Content-Encoding", "UTF-8")
            .body("User-agent: *\nDisallow: /no"),
        Reply::new(200)
            .header("Content-Encoding", "gzip")
            .body("User-agent: *\nDisallow: /no"),
        Reply::new(200).body(long),
    ] {
        let site = Site::start();
        site.reply("/robots.txt", reply);
        site.page("/", "<a href=/no>n</a><a href=/yes>y</a>");
        let args = ["--rate", "unlimited", "--max-body", "1KiB", "-o", "out"];
        let crawl = Crawl::new().args(["--seed", &site.url("/")]).args(args);
        crawl.run().expect_code(0);
        assert_eq!((site.count("/no"), site.count("/yes")), (0, 1));
    }
}

#[test]
fn a_second_run_waits_its_crawl_delay_first() {
    let site = Site::start();
    site.robots("User-agent: *\nCrawl-delay: 1");
    site.page("/", "x");
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    crawl.run().expect_code(0);
    crawl.run().expect_code(0);
    let gaps = gaps(&site.hits());
    assert!(
        gaps.iter()
            .all(|gap| *gap + SLACK >= Duration::from_secs(1)),
        "{gaps:?}"
    );
}

/// The first answers say that it is too much: from then on there are fewer requests, not more, and in time more
/// again. Without `adaptive` the hold is all.
#[test]
fn a_strained_host_is_slowed_down() {
    let site = Site::start();
    site.page("/", &links(12));
    site.sequence(
        "/0",
        vec![Reply::new(429).header("Retry-After", "0"), Reply::html("x")],
    );
    site.dynamic(|_, _| Some(Reply::html("x")));
    let args = ["--rate", "20/s", "--host-concurrency", "1", "-o", "out"];
    let crawl = Crawl::new().args(["--seed", &site.url("/")]).args(args);
    crawl.run().expect_code(0);
    let hits = site.hits();
    let told = hits.iter().position(|hit| hit.path == "/0").expect("asked");
    let gaps = gaps(&hits[told..]);
    // 100 ms at first, a twentieth less after each good answer.
    assert!(
        gaps.iter()
            .take(6)
            .all(|gap| *gap + SLACK >= Duration::from_millis(120)),
        "{gaps:?}"
    );
    assert_eq!(gaps.len(), 12);
}

/// Two hosts with one address share a rate and a cap in flight.
#[test]
fn hosts_with_one_address_share_their_pace() {
    let sites = [Site::start(), Site::start()];
    for site in &sites {
        site.page("/", &links(4));
        site.dynamic(|_, _| Some(Reply::html("x")));
    }
    let crawl = Crawl::new()
        .args(["--seed", &sites[0].url("/"), "--seed", &sites[1].url("/")])
        .args(["--by", "ip", "--rate", "10/s", "-o", "out"]);
    crawl.run().expect_code(0);
    let mut hits: Vec<Instant> = sites
        .iter()
        .flat_map(|site| site.hits())
        .map(|hit| hit.at)
        .collect();
    hits.sort_unstable();
    assert_eq!(hits.len(), 12);
    let close = hits
        .windows(2)
        .filter(|pair| pair[1] - pair[0] + SLACK < Duration::from_millis(100));
    assert_eq!(close.count(), 0);
}
