//! Limits on a run: what counts, that it is never passed, and what a further start may have.

use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

fn crawl(site: &Site, more: &[&str]) -> Crawl {
    Crawl::new()
        .args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"])
        .args(["--allow-private", "--host-concurrency", "8"])
        .args(more)
}

fn paths(site: &Site) -> usize {
    let hits = site.hits();
    hits.iter().filter(|hit| hit.path != "/robots.txt").count()
}

#[test]
fn pages_per_host() {
    let (one, other) = (Site::start(), Site::start());
    for site in [&one, &other] {
        site.tree(60, 5);
    }
    let crawl = crawl(
        &one,
        &["--seed", &other.url("/"), "--max-pages-per-host", "20"],
    );
    let out = crawl.dir().join("out");
    for start in 1..=3 {
        let run = crawl.run();
        let code = if start < 3 { 11 } else { 0 };
        let run = run.expect_code(code);
        if code == 11 {
            assert!(
                run.stderr.contains("stopped by max-pages-per-host, "),
                "{}",
                run.stderr
            );
        }
        assert_eq!(
            (paths(&one), paths(&other)),
            (20 * start, 20 * start),
            "{start}"
        );
        expect_sound(&out);
    }
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 120);
}

/// Redirects, failures and robots.txt are no pages; a 404 is one: its answer is final.
#[test]
fn what_counts_as_a_page() {
    let site = Site::start();
    let links: String = (0..30)
        .map(|n| format!("<a href='/r{n}'>r</a><a href='/p{n}'>p</a>"))
        .collect();
    site.page("/", &links);
    for n in 0..30 {
        site.reply(&format!("/r{n}"), Reply::new(302).header("Location", "/"));
        if n % 2 == 0 {
            site.page(&format!("/p{n}"), "x");
        }
    }
    let crawl = crawl(&site, &["--max-pages", "9"]);
    let run = crawl.run().expect_code(11);
    assert!(
        run.stderr.contains("stopped by max-pages, "),
        "{}",
        run.stderr
    );
    let out = crawl.dir().join("out");
    assert_eq!(
        number(
            &out,
            "SELECT count(*) FROM pages WHERE status IN (200, 404)"
        ),
        9
    );
    assert!(number(&out, "SELECT count(*) FROM pages WHERE status = 302") > 0);
    let again = crawl.run().expect_code(11);
    assert!(again.stderr.contains("pages     9 in"), "{}", again.stderr);
    expect_sound(&out);
}

#[test]
fn quota() {
    let site = Site::start();
    let links: String = (0..40).map(|n| format!("<a href='/{n}'>r</a>")).collect();
    site.page("/", &links);
    for n in 0..40 {
        site.page(&format!("/{n}"), &"x".repeat(100_000));
    }
    let crawl = crawl(&site, &["--quota", "1MB"]);
    let run = crawl.run().expect_code(11);
    assert!(run.stderr.contains("stopped by quota, "), "{}", run.stderr);
    let out = crawl.dir().join("out");
    // What is in flight when it is reached comes to its end: at most eight here.
    let had = number(&out, "SELECT sum(wire_bytes) FROM requests");
    assert!((1_000_000..1_900_000).contains(&had), "{had}");
    let mut starts = 1;
    while crawl.run().code == Some(11) {
        starts += 1;
        assert!(starts < 10, "it does not get on");
    }
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 41);
    assert_eq!(
        rows(&out, "SELECT DISTINCT how FROM runs ORDER BY how"),
        ["finished", "limit"]
    );
    assert_eq!(paths(&site), 41);
}

/// A limit that is met by the last page has stopped nothing.
#[test]
fn a_limit_just_met_is_no_stop() {
    let site = Site::start();
    site.tree(7, 3);
    crawl(&site, &["--max-pages", "7"]).run().expect_code(0);
    crawl(&site, &["--max-pages-per-host", "7"])
        .run()
        .expect_code(0);
}
