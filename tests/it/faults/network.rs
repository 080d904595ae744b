//! The network is gone for a time, and comes back.

use super::{Bed, committed, space};
use crate::support::number;

fn lo(state: &str) {
    space::must("ip", &["link", "set", "lo", state]);
}

/// It goes on by itself, or ends with what waits, and the same command brings the rest.
#[test]
fn cut_and_mended() {
    if !space::entered("faults::network::cut_and_mended") {
        return;
    }
    let waits = [
        "--connect-timeout",
        "300ms",
        "--read-timeout",
        "2s",
        "--retry-wait",
        "100ms",
        "--retries",
        "1",
    ];
    let bed = Bed::with(120, "50/s", &waits);
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    let crawl = bed.crawl(&out);
    let mut child = crawl.spawn();
    child.wait_until("some pages", |_| bed.site.hits().len() > 40);
    lo("down");
    // Many times what is waited for, and for what a URL is tried.
    child.wait_until("eight failures", |_| {
        number(
            &out,
            "SELECT count(*) FROM requests WHERE error IS NOT NULL",
        ) >= 8
    });
    println!("{} committed", committed(&out).len());
    lo("up");
    let said = child.wait();
    println!("figures: {said}");
    if said.code == Some(0) {
        bed.expect_whole(&out);
    } else {
        said.expect_code(4);
        bed.goes_on(&crawl, &out);
    }
}

/// A start that finds its site away gives up no URL: what was heard of it the day before counts. The same command, once
/// it is back, comes to the end, be it of the first run or of the next.
#[test]
fn away_when_it_goes_on() {
    if !space::entered("faults::network::away_when_it_goes_on") {
        return;
    }
    let waits = ["--connect-timeout", "200ms", "--max-failures", "3"];
    let bed = Bed::with(60, "unlimited", &waits);
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    let part = bed.crawl(&out).args(["--max-pages", "20"]);
    part.run().expect_code(11);
    let crawl = bed.crawl(&out);
    for run in [1, 2] {
        lo("down");
        crawl.run().expect_code(4);
        lo("up");
        // All pages of the second run are asked for again, on condition.
        if run == 1 {
            bed.goes_on(&crawl, &out);
        } else {
            crawl.run().expect_code(0);
            bed.expect_whole(&out);
        }
        assert_eq!(number(&out, "SELECT max(run) FROM runs"), run);
    }
}

/// Who wants no further tries is told at once.
#[test]
fn away_and_no_retries() {
    if !space::entered("faults::network::away_and_no_retries") {
        return;
    }
    let bed = Bed::with(
        10,
        "unlimited",
        &["--retries", "0", "--connect-timeout", "200ms"],
    );
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    bed.crawl(&out).run().expect_code(0);
    lo("down");
    bed.crawl(&out).run().expect_code(3);
}
