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
