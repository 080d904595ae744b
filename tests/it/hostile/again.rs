//! What servers say of their pages' versions is sent back to them: no more than fits into a request.

use super::{PATIENT, crawl, raw};
use crate::support::{Site, expect_sound, number};

#[test]
fn validators_that_cannot_be_sent_back() {
    let site = Site::start();
    let date = "Mon, 01 Jan 2024 00:00:00 GMT";
    let mut links = String::new();
    for (name, headers) in [
        ("long", format!("ETag: \"{}\"\r\n", "x".repeat(60_000))),
        (
            "long-with-date",
            format!(
                "ETag: \"{}\"\r\nLast-Modified: {date}\r\n",
                "x".repeat(60_000)
            ),
        ),
        (
            "long-date",
            format!("Last-Modified: {}\r\n", "x".repeat(60_000)),
        ),
        (
            "garbage",
            "ETag: \u{fc}\u{1F577} \"W/\r\nLast-Modified: yesterday\r\n".to_owned(),
        ),
        ("empty", "ETag: \r\nLast-Modified: \r\n".to_owned()),
        ("star", "ETag: *\r\n".to_owned()),
        ("tab", "ETag: \"a\tb\"\r\n".to_owned()),
        ("two", "ETag: \"a\"\r\nETag: \"b\"\r\n".to_owned()),
    ] {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{headers}Content-Length: 16\r\n\r\n"
        );
        site.reply(&format!("/{name}"), raw(head + "<title>x</title>"));
        links += &format!("<a href=/{name}>x</a>");
    }
    site.page("/", &links);
    let crawl = crawl(&[site.url("/")], PATIENT);
    let out = crawl.dir().join("out");
    for run in 1..=2 {
        crawl.run().expect_code(0);
        let fine = "SELECT count(*) FROM pages WHERE status = 200 AND error IS NULL";
        assert_eq!(number(&out, fine), 9, "run {run}");
    }
    for hit in site.hits() {
        let longest = hit.headers.iter().map(|(_, value)| value.len()).max();
        assert!(longest < Some(1100), "{} {longest:?}", hit.path);
    }
    let dated = site.hits_of("/long-with-date");
    assert_eq!(dated[1].header("if-modified-since"), Some(date));
    expect_sound(&out);
}
