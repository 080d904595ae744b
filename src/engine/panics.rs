//! A panic on a request's way is that request's failure: the crawl goes on to its end. Where one is wanted is
//! told by the URL's path, in tests of this crate alone.

use std::io::{Read, Write};
use std::net::TcpListener;

use tokio_rusqlite::rusqlite::Connection;

use crate::config::{Config, Rate};
use crate::request::Request;

/// Panics if the path asks for it at this place.
pub(super) fn wanted(request: &Request, place: &str) {
    assert!(!request.url.path().contains(place), "on purpose, {place}");
}

const WORDS: &str = "panics over this";

/// Panics if a robots.txt asks for it.
pub(super) fn over(robots: &[u8]) {
    let asks = |window: &[u8]| window == WORDS.as_bytes();
    assert!(!robots.windows(WORDS.len()).any(asks), "on purpose");
}

/// Answers every request with a page of these links, or with this robots.txt, until the test's process ends.
fn serve(robots: &'static str, links: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4096];
            let length = stream.read(&mut head).unwrap_or(0);
            let is_robots = head[..length].starts_with(b"GET /robots.txt");
            let body = if is_robots { robots } else { links };
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    port
}

fn config(seed: String, output: &std::path::Path) -> Config {
    let mut config = Config::default();
    config.seeds.seed = vec![seed];
    config.politeness.rate = Rate::UNLIMITED;
    config.output.output = output.to_owned();
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_failed_row() {
    let port = serve(
        "",
        "<a href=/panics-in-fetch>x</a><a href=/panics-in-parse>x</a><a href=/panics-in-come-to>x</a><a href=/well>x</a>",
    );
    let directory = tempfile::TempDir::new().expect("a directory");
    let output = directory.path().join("out");
    let config = config(format!("http://127.0.0.1:{port}/"), &output);
    let summary = super::run(config, std::future::pending()).await;
    let summary = summary.expect("the crawl goes on");
    assert_eq!(summary.outcome, super::Outcome::Finished);
    let database = Connection::open(output.join("crawl.db")).expect("a database");
    let sql =
        "SELECT group_concat(substr(url, instr(url, '/p')) || ' ' || coalesce(error, status), ', ')
               FROM (SELECT * FROM pages WHERE depth = 1 ORDER BY url)";
    let found: String = database
        .query_row(sql, [], |row| row.get(0))
        .expect("a row");
    for wanted in ["fetch internal", "parse internal", "come-to internal"] {
        assert!(found.contains(wanted), "{found}");
    }
    let well =
        "SELECT count(*) FROM pages WHERE url LIKE '%/well' AND status = 200 AND error IS NULL";
    let well: i64 = database
        .query_row(well, [], |row| row.get(0))
        .expect("a row");
    assert_eq!(well, 1);
}

/// Twice: the second start meets the one that is stored, if it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_robots_txt_allows_nothing() {
    let port = serve(WORDS, "");
    let directory = tempfile::TempDir::new().expect("a directory");
    let output = directory.path().join("out");
    for starts in 1..=2 {
        let config = config(format!("http://127.0.0.1:{port}/"), &output);
        let summary = super::run(config, std::future::pending()).await;
        let outcome = summary.expect("the crawl goes on").outcome;
        assert_eq!(outcome, super::Outcome::Deferred { urls: 1 }, "{starts}");
        let database = Connection::open(output.join("crawl.db")).expect("a database");
        let sql = "SELECT count(*) FROM requests WHERE kind = 'robots' AND error = 'internal'";
        let failed: i64 = database
            .query_row(sql, [], |row| row.get(0))
            .expect("a row");
        assert_eq!(failed, starts);
    }
}
