//! Somebody removes, moves or replaces what is being written; or has put something else in its place.

use std::path::Path;

use super::{Bed, expect_sentence, status};
use crate::support::{Crawl, Output, number};

/// Crawls, has this done to the output in its midst, and answers with how it ended.
fn disturbed(bed: &Bed, crawl: &Crawl, out: &Path, disturb: impl FnOnce()) -> Output {
    let mut child = crawl.spawn();
    child.wait_until("some pages are committed", |_| {
        bed.site.hits().len() > 40 && number_or_none(out) > 10
    });
    disturb();
    let said = child.wait().expect_code(1);
    assert!(bed.site.hits().len() < 148, "it went on for long: {said}");
    said
}

fn number_or_none(out: &Path) -> i64 {
    if out.join("crawl.db-wal").exists() {
        number(out, "SELECT count(*) FROM sqlite_schema WHERE name = 'run'")
            * number(out, "SELECT count(*) FROM pages")
    } else {
        0
    }
}

fn bed() -> Bed {
    Bed::with(150, "200/s", &[])
}

#[test]
fn the_database_is_moved() {
    let bed = bed();
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    let (there, aside) = (out.join("crawl.db"), out.join("x.db"));
    let crawl = bed.crawl(&out);
    let rename = |from: &Path, to: &Path| std::fs::rename(from, to).expect("moved");
    let said = disturbed(&bed, &crawl, &out, || rename(&there, &aside));
    let words = "crawl.db was removed, moved or replaced while the crawl wrote it";
    expect_sentence(&said, &[words, "the same command goes on"]);
    // Wherever it is, it is whole; and back in its place, the crawl goes on.
    rename(&aside, &there);
    assert!(
        status(&out).contains("failed; the same command goes on"),
        "{}",
        status(&out)
    );
    bed.goes_on(&crawl, &out);
}

#[test]
fn the_database_is_replaced() {
    let bed = bed();
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    let crawl = bed.crawl(&out);
    let said = disturbed(&bed, &crawl, &out, || {
        std::fs::copy(out.join("crawl.db"), out.join("y.db")).expect("copied");
        std::fs::rename(out.join("y.db"), out.join("crawl.db")).expect("replaced");
    });
    expect_sentence(&said, &["crawl.db was removed, moved or replaced"]);
}

#[test]
fn the_database_or_its_log_is_removed() {
    for name in ["crawl.db", "crawl.db-wal"] {
        let bed = bed();
        let scratch = tempfile::tempdir().expect("a directory");
        let out = scratch.path().join("out");
        let crawl = bed.crawl(&out);
        let said = disturbed(&bed, &crawl, &out, || {
            std::fs::remove_file(out.join(name)).expect("removed");
        });
        expect_sentence(&said, &[&format!("{name} was removed, moved or replaced")]);
        if name == "crawl.db" {
            // It is gone; the next start begins anew, and takes what is left of the old one for nothing.
            crawl.run().expect_code(0);
            bed.expect_whole(&out);
        } else {
            bed.goes_on(&crawl, &out);
        }
    }
}

#[test]
fn the_whole_output_is_moved() {
    let bed = bed();
    let scratch = tempfile::tempdir().expect("a directory");
    let (out, elsewhere) = (scratch.path().join("out"), scratch.path().join("elsewhere"));
    let crawl = bed.crawl(&out);
    let said = disturbed(&bed, &crawl, &out, || {
        std::fs::rename(&out, &elsewhere).expect("moved");
    });
    // Whichever is missed first.
    let words = said
        .stderr
        .contains("crawl.db was removed, moved or replaced")
        || said.stderr.contains("is not there any more");
    assert!(words, "{said}");
    bed.goes_on(&bed.crawl(&elsewhere), &elsewhere);
}

#[test]
fn the_pages_are_removed() {
    let bed = bed();
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    let crawl = bed.crawl(&out);
    let said = disturbed(&bed, &crawl, &out, || {
        std::fs::rename(out.join("pages"), out.join("old")).expect("moved");
        std::fs::write(out.join("pages"), "").expect("written");
    });
    expect_sentence(&said, &["/pages/127.0.0.1_"]);
    let said = crawl.run().expect_code(1);
    expect_sentence(
        &said,
        &["/pages", "something that is not a directory stands there"],
    );
    std::fs::remove_file(out.join("pages")).expect("removed");
    std::fs::rename(out.join("old"), out.join("pages")).expect("moved back");
    bed.goes_on(&crawl, &out);
}

#[test]
fn something_else_stands_there() {
    let bed = Bed::new(10);
    let scratch = tempfile::tempdir().expect("a directory");
    let path = |name: &str| scratch.path().join(name);
    std::fs::write(path("file"), "x").expect("written");
    let made = |name: &str, inner: &str| {
        std::fs::create_dir_all(path(name).join(inner)).expect("made");
        path(name)
    };
    std::fs::create_dir(path("text")).expect("made");
    std::fs::write(path("text/crawl.db"), "no database, but long enough").expect("written");
    for (out, code, words) in [
        (path("file"), 1, "cannot be a directory"),
        (path("file/out"), 1, "cannot be a directory"),
        (made("a", "crawl.lock"), 1, "crawl.lock: cannot be written"),
        (made("b", "crawl.db"), 1, "crawl.db"),
        (path("text"), 2, "is not an SQLite database"),
    ] {
        let said = bed.crawl(&out).run().expect_code(code);
        expect_sentence(&said, &[words]);
    }
}
