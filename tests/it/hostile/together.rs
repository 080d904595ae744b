//! All of them at once, beside healthy pages on several hosts.

use super::{
    Case, bodies, codings, cookies, crawl, expect_rows, heads, markup, redirects, robots, serve,
    sitemaps, texts,
};
use crate::support::{Site, expect_sound, number, rows};

/// Memory that the program may have at its most (the figure of the release build is in docs/reliability.md).
const MOST: u64 = 300 << 20;
/// Seconds for each answer: a large one has to come in them while everything else does, too.
const SECONDS: u32 = 60;

/// Crawls everything, with these arguments besides.
#[track_caller]
fn crawl_all(large: Vec<Case>, more: &[&str]) {
    let families = [
        heads::cases(),
        bodies::cases(),
        redirects::cases(),
        codings::cases(),
        [markup::cases(), large].concat(),
        texts::cases(),
        cookies::cases(),
    ];
    let hostile: Vec<(Site, _)> = families
        .into_iter()
        .map(|cases| {
            let site = Site::start();
            serve(&site, &cases);
            (site, cases)
        })
        .collect();
    let ruled: Vec<Site> = robots::cases()
        .into_iter()
        .map(|(_, reply, _)| robots::serve(reply))
        .collect();
    let mapped = Site::start();
    sitemaps::serve(&mapped);
    let healthy: Vec<Site> = (0..5)
        .map(|_| {
            let site = Site::start();
            site.tree(40, 5);
            site
        })
        .collect();
    let all = hostile
        .iter()
        .map(|(site, _)| site)
        .chain(&ruled)
        .chain([&mapped])
        .chain(&healthy);
    let seeds: Vec<String> = all.map(|site| site.url("/")).collect();
    let crawl = crawl(&seeds, SECONDS).args(more).args([
        "--scope",
        "host",
        "--max-crawl-delay",
        "100ms",
        "--cookies",
        "--read-timeout",
        "15s",
        "--exclude",
        "/l$|/m$|/x$",
    ]);
    let mut child = crawl.spawn().patiently();
    let peak = child.peak();
    child.wait().expect_code(4);
    let out = crawl.dir().join("out");
    for site in &healthy {
        let sql = format!(
            "SELECT count(*) FROM pages WHERE status = 200 AND title LIKE 'Page %' AND url LIKE '{}%'",
            site.url("/")
        );
        assert_eq!(number(&out, &sql), 40);
    }
    for (site, cases) in &hostile {
        expect_rows(&out, site, cases);
    }
    sitemaps::expect_rows(&crawl, &mapped);
    // What is left are the origins whose robots.txt cannot be had.
    let unreachable = robots::cases()
        .iter()
        .filter(|case| case.2.is_none())
        .count();
    assert_eq!(
        rows(&out, "SELECT count(DISTINCT host) FROM queue"),
        [unreachable.to_string()]
    );
    expect_sound(&out);
    println!("peak memory: {} MiB", peak >> 20);
    assert!(peak < MOST, "{} MiB", peak >> 20);
}

#[test]
fn all_at_once() {
    crawl_all(Vec::new(), &["--max-body", "1MiB"]);
}

/// With the default of `max-body`.
#[test]
#[ignore = "by hand, on a machine that has nothing else to do"]
fn all_at_once_and_in_full() {
    crawl_all(markup::whole(), &[]);
}
