//! Servers that ask to be waited for, for ever or in words that mean nothing.

use super::{PATIENT, crawl, settings};
use crate::support::{Reply, Site, expect_sound, number, rows};

/// Each on a site of its own, for a hold is the host's; and whether it is more than anybody waits.
const ASKED: [(&str, &str, bool); 14] = [
    ("billion", "1000000000", true),
    ("2^64", "18446744073709551616", true),
    ("9999", "Fri, 31 Dec 9999 23:59:59 GMT", true),
    ("minus", "-1", false),
    ("nought", "0", false),
    ("fraction", "1.5", false),
    ("words", "soon", false),
    ("empty", "", false),
    ("nan", "NaN", false),
    ("1900", "Mon, 01 Jan 1900 00:00:00 GMT", false),
    ("1970", "Thu, 01 Jan 1970 00:00:00 GMT", false),
    ("10000", "Sat, 01 Jan 10000 00:00:00 GMT", false),
    ("bad-date", "Mon, 99 Foo 2024 99:99:99 GMT", false),
    ("list", "1, 2", false),
];

/// The seed answers 429 with this once, then well. Who asks for more than `max-hold` is left alone; what means
/// nothing is as if it were not there.
#[test]
fn retry_after() {
    let sites: Vec<Site> = ASKED.iter().map(|_| Site::start()).collect();
    for (site, (name, value, _)) in sites.iter().zip(ASKED) {
        let asks = Reply::new(429).header("Retry-After", value);
        site.sequence(
            "/",
            vec![asks, Reply::html(format!("<title>{name}</title>"))],
        );
    }
    let seeds: Vec<String> = sites.iter().map(|site| site.url("/")).collect();
    let crawl = crawl(&seeds, PATIENT).args(["--retries", "1"]);
    crawl.file(
        "c.toml",
        &settings(PATIENT).replace("[politeness]", "retry-wait = \"1ms\"\n[politeness]"),
    );
    crawl.run().expect_code(4);
    let out = crawl.dir().join("out");
    for (site, (name, _, aside)) in sites.iter().zip(ASKED) {
        let sql = format!(
            "SELECT status, attempts, title FROM pages WHERE url = '{}'",
            site.url("/")
        );
        let waits = format!(
            "SELECT count(*) FROM queue WHERE deferred IS NOT NULL AND url = '{}'",
            site.url("/")
        );
        let found = (rows(&out, &sql), number(&out, &waits));
        let wanted = if aside {
            (Vec::new(), 1)
        } else {
            (vec![format!("200 2 {name}")], 0)
        };
        assert_eq!(found, wanted, "{name}");
    }
    expect_sound(&out);
}

/// Without an end to it the host is set aside, its URLs wait, and the crawl ends.
#[test]
fn for_ever() {
    for status in [429, 503] {
        let (bad, good) = (Site::start(), Site::start());
        bad.page(
            "/",
            &(0..50)
                .map(|n| format!("<a href=/{n}>x</a>"))
                .collect::<String>(),
        );
        bad.dynamic(move |_, _| Some(Reply::new(status).header("Retry-After", "1000000000")));
        good.tree(50, 5);
        let crawl = crawl(&[bad.url("/"), good.url("/")], PATIENT);
        crawl.file(
            "c.toml",
            &settings(PATIENT).replace("max-failures = 100000", "max-failures = 5"),
        );
        crawl.run().expect_code(4);
        let out = crawl.dir().join("out");
        let fine = format!(
            "SELECT count(*) FROM pages WHERE status = 200 AND url LIKE '{}%'",
            good.url("/")
        );
        assert_eq!(number(&out, &fine), 50);
        assert!(
            number(
                &out,
                "SELECT count(*) FROM queue WHERE deferred IS NOT NULL"
            ) > 0
        );
        assert_eq!(
            number(&out, "SELECT count(*) FROM queue WHERE deferred IS NULL"),
            0
        );
        expect_sound(&out);
    }
}
