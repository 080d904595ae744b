//! Large bodies that all come at once, beside small ones that must not wait for them.

use super::{PATIENT, crawl};
use crate::support::{Reply, Site, Step, expect_sound, number};

/// Memory that the program may have at its most.
const MOST: u64 = 300 << 20;

/// As many mebibytes, and one link or entry at the end of them.
fn large(content_type: &str, begin: &str, filler: &str, end: &str, mebibytes: usize) -> Reply {
    let length = mebibytes << 20;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{begin}"
    );
    let (times, rest) = {
        let room = length - begin.len() - end.len();
        (room / filler.len(), room % filler.len())
    };
    Reply::raw([
        Step::Send(head.into_bytes()),
        Step::Times(filler.as_bytes().to_vec(), times),
        Step::Send(format!("{}{end}", " ".repeat(rest)).into_bytes()),
    ])
}

/// So many sites at once, each with a sitemap and a page of so many mebibytes; and pages that are small. Answers
/// with the most memory, and how often a large body was not had.
#[track_caller]
fn at_once(sites: usize, sitemap: usize, page: usize) -> u64 {
    let large_ones: Vec<Site> = (0..sites)
        .map(|_| {
            let site = Site::start();
            site.robots("Sitemap: /sitemap.xml\n");
            site.page("/", "<a href=/large>x</a><a href=/small>x</a>");
            site.page("/small", "<title>Small</title>");
            site.page("/entry", "<title>Entry</title>");
            let filler = "<!-- nothing at all -->\n";
            let entry = "<url><loc>/entry</loc></url></urlset>";
            site.reply(
                "/sitemap.xml",
                large("text/xml", "<urlset>", filler, entry, sitemap),
            );
            let end = "<title>Large</title>";
            site.reply("/large", large("text/html", "<p>", filler, end, page));
            site
        })
        .collect();
    let small = Site::start();
    small.tree(200, 5);
    let mut seeds: Vec<String> = large_ones.iter().map(|site| site.url("/")).collect();
    seeds.push(small.url("/"));
    let crawl = crawl(&seeds, 4 * PATIENT).args(["--scope", "host"]);
    let mut child = crawl.spawn().patiently();
    let peak = child.peak();
    child.wait().expect_code(0);
    let out = crawl.dir().join("out");
    let count = |title: &str| {
        let sql =
            format!("SELECT count(*) FROM pages WHERE title LIKE '{title}' AND NOT truncated");
        number(&out, &sql)
    };
    assert_eq!(count("Page %"), 200);
    for title in ["Small", "Large", "Entry"] {
        assert_eq!(count(title), sites as i64, "{title}");
    }
    expect_sound(&out);
    println!(
        "{sites} sitemaps of {sitemap} MiB and pages of {page} MiB: {} MiB",
        peak >> 20
    );
    peak
}

#[test]
fn some() {
    assert!(at_once(12, 14, 9) < MOST);
}

#[test]
#[ignore = "by hand: 4 GB come over the loopback"]
fn as_many_as_may_be() {
    assert!(at_once(64, 50, 10) < MOST);
}
