//! Another program holds the database locked: for a while, or for longer than anybody waits.

use std::path::Path;

use tokio_rusqlite::rusqlite::Connection;

use super::{Bed, expect_sentence, status};
use crate::support::number;

const WAITING: &str = "another program holds crawl.db locked: waiting for it, 60 s at the most";

fn hold(out: &Path) -> Connection {
    let connection = Connection::open(out.join("crawl.db")).expect("opened");
    connection
        .busy_timeout(std::time::Duration::from_secs(10))
        .expect("set");
    connection.execute_batch("BEGIN IMMEDIATE").expect("locked");
    connection
}

#[test]
fn held_for_a_while() {
    let bed = Bed::with(200, "200/s", &[]);
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    let crawl = bed.crawl(&out);
    let mut child = crawl.spawn();
    child.wait_until("some requests", |_| bed.site.hits().len() > 20);
    let held = hold(&out);
    child.wait_until("it says that it waits", |child| {
        child.stderr().contains(WAITING)
    });
    // What waits for the writer is bounded: no more than two batches.
    let before = number(&out, "SELECT count(*) FROM requests");
    assert!(bed.site.hits().len() as i64 - before <= 256 + 16);
    held.execute_batch("CREATE TABLE mine (x); COMMIT")
        .expect("let go");
    child.wait().expect_code(0);
    bed.expect_whole(&out);
}

/// It is held from before the start, and something is written meanwhile.
#[test]
fn held_before_it_begins() {
    let bed = Bed::with(60, "unlimited", &[]);
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    let crawl = bed.crawl(&out);
    crawl.run_limited(10);
    let held = hold(&out);
    let mut child = crawl.spawn();
    child.wait_until("it says that it waits", |child| {
        child.stderr().contains(WAITING)
    });
    held.execute_batch("CREATE TABLE mine (x); COMMIT")
        .expect("let go");
    child.wait().expect_code(0);
    bed.expect_whole(&out);
}

#[test]
#[ignore = "takes a minute: cargo test --test it held_for_ever -- --ignored"]
fn held_for_ever() {
    let bed = Bed::with(200, "200/s", &[]);
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    let crawl = bed.crawl(&out).patient();
    let mut child = crawl.spawn();
    child.wait_until("some requests", |_| bed.site.hits().len() > 20);
    let held = hold(&out);
    let said = child.wait().expect_code(1);
    let words = "another program holds the database locked; nothing that was committed is lost: end it and give the same command again";
    expect_sentence(&said, &[words]);
    drop(held);
    let told = status(&out);
    assert!(
        told.contains("failed; the same command goes on") && told.contains(words),
        "{told}"
    );
    bed.goes_on(&crawl, &out);
}
