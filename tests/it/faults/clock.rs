//! The clock of the machine is set forth and back while a crawl runs, and between two starts. By `libfaketime`,
//! which is loaded before the program and reads from a file what time it is to say.

use std::path::{Path, PathBuf};

use super::{Bed, status};
use crate::support::{Crawl, Reply, number, rows};

/// A clock that can be set.
struct Clock {
    library: String,
    file: PathBuf,
}

impl Clock {
    /// `None`, and a word, where there is none to be had.
    fn find(scratch: &Path) -> Option<Self> {
        let found = [
            "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
            "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
            "/usr/lib64/faketime/libfaketime.so.1",
        ];
        let Some(library) = found.into_iter().find(|path| Path::new(path).exists()) else {
            println!("skipped: no libfaketime (the Debian package faketime)");
            return None;
        };
        let clock = Self {
            library: library.to_owned(),
            file: scratch.join("clock"),
        };
        clock.set("+0");
        Some(clock)
    }

    /// `+1h`, `-1y`, `@1970-01-02 00:00:00`.
    fn set(&self, time: &str) {
        // Renamed, so that it is never read half written.
        let next = self.file.with_extension("next");
        std::fs::write(&next, time).expect("written");
        std::fs::rename(&next, &self.file).expect("set");
    }

    fn on(&self, crawl: Crawl) -> Crawl {
        crawl
            .env("LD_PRELOAD", &self.library)
            .env(
                "FAKETIME_TIMESTAMP_FILE",
                self.file.to_str().expect("plain"),
            )
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }
}

const STEPS: [&str; 8] = [
    "+1h",
    "-1h",
    "+1y",
    "-1y",
    "@1970-01-02 00:00:00",
    "@2100-01-01 00:00:00",
    "@1969-12-31 23:00:00",
    "+0",
];

/// The clock jumps all the time; pages fail and hosts are held meanwhile. It takes no longer than with a clock
/// that stands right, by far.
#[test]
fn set_while_it_runs() {
    let scratch = tempfile::tempdir().expect("a directory");
    let Some(clock) = Clock::find(scratch.path()) else {
        return;
    };
    let bed = Bed::with(160, "100/s", &["--retry-wait", "50ms"]);
    // Each fifth page has to be tried again, each twentieth holds the host for a second.
    for number in (5..160).step_by(5) {
        let path = format!("/page/{number}");
        let good = super::page(&path, 160).expect("a page");
        let bad = if number % 40 == 0 {
            Reply::new(429).header("Retry-After", "1")
        } else {
            Reply::new(500)
        };
        bed.site.sequence(&path, vec![bad, good]);
    }
    let out = scratch.path().join("out");
    let crawl = clock.on(bed.crawl(&out));
    let mut child = crawl.spawn();
    for (number, step) in STEPS.into_iter().enumerate() {
        let wanted = 15 + 20 * number;
        child.wait_until("more requests", |_| bed.site.hits().len() > wanted);
        clock.set(step);
    }
    child.wait().expect_code(0);
    bed.expect_whole(&out);
    assert_eq!(
        number(
            &out,
            "SELECT count(*) FROM requests WHERE started_at IS NULL"
        ),
        0
    );
    assert!(status(&out).contains("run 1     finished"));
    println!(
        "figures: {:?}",
        rows(
            &out,
            "SELECT min(started_at), max(started_at) FROM requests"
        )
    );
    // What the audit says of stamps that cannot be told from each other is a matter of words; it says something.
    let said = Crawl::new().run_args(["audit".as_ref(), "-o".as_ref(), out.as_os_str()]);
    assert!(matches!(said.code, Some(0 | 1)), "{said}");
    println!("{said}");
}

/// Held for long, set aside, its robots.txt fresh for a day, pages that wait: all by a clock that is a year, or
/// a century, ahead of the next start's.
#[test]
fn set_back_between_two_starts() {
    let scratch = tempfile::tempdir().expect("a directory");
    let Some(clock) = Clock::find(scratch.path()) else {
        return;
    };
    for (name, first, second) in [
        ("a year back", "+1y", "+0"),
        ("a century back", "@2100-01-01 00:00:00", "+0"),
        ("before it", "+0", "@1969-12-31 23:00:00"),
        ("from the beginning", "@1970-01-02 00:00:00", "+0"),
    ] {
        let bed = Bed::with(40, "200/s", &["--max-hold", "2s"]);
        bed.site.robots("User-agent: *\nAllow: /\n");
        let good = super::page("/page/10", 40).expect("a page");
        let hold = Reply::new(503).header("Retry-After", "500");
        bed.site.sequence("/page/10", vec![hold, good]);
        let out = scratch.path().join(name);
        let crawl = clock.on(bed.crawl(&out));
        clock.set(first);
        let mut child = crawl.spawn();
        child.wait_until("the hold", |_| bed.site.count("/page/10") > 0);
        child.wait_until("its commit", |_| {
            number(&out, "SELECT count(*) FROM requests WHERE status = 503") > 0
        });
        child.kill9();
        clock.set(second);
        // It ends as deferred where the kill comes late.
        let told = status(&out);
        let is_left = told.contains("killed") || told.contains("deferred");
        assert!(is_left, "{name}: {told}");
        // Files have the machine's own times here: what is stray cannot be told by them.
        bed.site.forget();
        crawl.run().expect_code(0);
        bed.expect_rows(&out);
    }
}

/// A crawl whose first start had no clock yet, and was killed: by the times, every file is one of its last
/// moments. Those of rows long ago stay.
#[test]
fn files_of_old_rows_are_kept() {
    let scratch = tempfile::tempdir().expect("a directory");
    let Some(clock) = Clock::find(scratch.path()) else {
        return;
    };
    clock.set("@1970-01-02 00:00:00");
    let bed = Bed::with(80, "200/s", &[]);
    let out = scratch.path().join("out");
    let crawl = clock.on(bed.crawl(&out));
    let mut child = crawl.spawn();
    child.wait_until("some pages", |_| bed.site.hits().len() > 40);
    child.kill9();
    clock.set("+0");
    let before = number(&out, "SELECT count(*) FROM pages WHERE file IS NOT NULL");
    assert!(before > 0);
    // So many later versions that the first are none of the last ones.
    let database =
        tokio_rusqlite::rusqlite::Connection::open(out.join("crawl.db")).expect("opened");
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200001)
        INSERT INTO version (url, digest, meta, bytes, nofollow, noindex, truncated)
        SELECT 1, zeroblob(32), i, 0, 0, 0, 0 FROM n";
    database.execute_batch(many).expect("written");
    drop(database);
    crawl.run().expect_code(0);
    let database =
        tokio_rusqlite::rusqlite::Connection::open(out.join("crawl.db")).expect("opened");
    let made_up = "DELETE FROM version WHERE digest = zeroblob(32)";
    database.execute_batch(made_up).expect("removed");
    drop(database);
    bed.expect_rows(&out);
}
