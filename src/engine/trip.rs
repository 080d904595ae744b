//! A body over which every reader trips, and the test of what becomes of that. Not a part of the program.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use tokio_rusqlite::rusqlite::Connection;

use super::Outcome;
use crate::Crawl;

const WORDS: &str = "trip over this";

/// Panics, if a body asks for it.
pub(super) fn over(body: &[u8]) {
    let asks = |window: &[u8]| window == WORDS.as_bytes();
    assert!(!body.windows(WORDS.len()).any(asks), "on purpose");
}

/// A site with such a page; or with such a robots.txt.
fn serve(robots: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4096];
            let length = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..length]);
            let body = match head.split(' ').nth(1) {
                Some("/robots.txt") if robots => WORDS,
                Some("/") => "<title>Home</title><a href=/bad>bad</a><a href=/good>good</a>",
                Some("/bad") => WORDS,
                Some("/good") => "<title>Good</title>",
                _ => "",
            };
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("http://{address}/")
}

async fn crawl(site: &str, output: &std::path::Path) -> (Outcome, Vec<String>) {
    let crawl = Crawl::new(site).output(output).with(|config| {
        config.politeness.rate = crate::config::Rate::UNLIMITED;
    });
    let summary = crawl.run().await.expect("it goes on");
    let database = Connection::open(output.join("crawl.db")).expect("a database");
    let mut statement = database
        .prepare("SELECT kind, error, count(*) FROM requests WHERE error IS NOT NULL GROUP BY 1, 2")
        .expect("a statement");
    let row = |row: &tokio_rusqlite::rusqlite::Row<'_>| {
        let (kind, error, count): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(format!("{kind} {error} {count}"))
    };
    let rows = statement.query_map([], row).expect("rows");
    (
        summary.outcome,
        rows.collect::<Result<_, _>>().expect("rows"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_a_failed_row() {
    let output = tempfile::tempdir().expect("a directory");
    let (outcome, errors) = crawl(&serve(false), output.path()).await;
    assert_eq!(outcome, Outcome::Finished);
    assert_eq!(errors, ["page internal 1"]);
}

/// Twice: the second start meets the one that is stored, if it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_robots_txt_allows_nothing() {
    let (output, site) = (tempfile::tempdir().expect("a directory"), serve(true));
    for starts in 1..=2 {
        let (outcome, errors) = crawl(&site, output.path()).await;
        assert_eq!(outcome, Outcome::Deferred { urls: 1 }, "{starts}");
        assert_eq!(errors, [format!("robots internal {starts}")]);
    }
}
