//! Those who read while a crawl writes: what their reading costs it, and that it loses nothing by them.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio_rusqlite::rusqlite::Connection;

use crate::support::{Crawl, Fault, Reply, Site, expect_sound, number, rows};

/// Whether somebody's reading keeps the log from being copied back whole.
fn is_log_held(output: &Path) -> bool {
    let connection = Connection::open(output.join("crawl.db")).expect("a database");
    let busy = |row: &tokio_rusqlite::rusqlite::Row<'_>| row.get::<_, i64>(0);
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], busy)
        .expect("an answer")
        != 0
}

fn heartbeat(output: &Path) -> i64 {
    number(output, "SELECT max(heartbeat) FROM start")
}

/// `crawl query … | less`, and the user goes for lunch: the crawl beside it must not be held up by that.
#[test]
fn an_answer_that_nobody_reads_holds_no_log() {
    const LINES: usize = 150_000;
    let site = Site::start();
    site.page("/", "<title>Home</title><a href=/stall>stall</a>");
    site.misbehave("/stall", Fault::StallBeforeHead);
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    let out = crawl.dir().join("out");
    let mut running = crawl.spawn();
    running.wait_until("the page that stalls", |_| site.count("/stall") > 0);

    // Twice of what fits in memory.
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {LINES})
         SELECT i, printf('%0100d', i), (SELECT count(*) FROM pages) FROM n"
    );
    let mut query = crawl.piped(["query", "-o", "out", "--format", "csv", &sql]);
    let mut answer = BufReader::new(query.stdout.take().expect("a pipe"));
    let mut names = String::new();
    answer.read_line(&mut names).expect("a first line");
    let seen = heartbeat(&out);
    running.wait_until("a commit after that", |_| heartbeat(&out) > seen);
    running.wait_until("a log that nobody holds", |_| !is_log_held(&out));
    assert!(query.try_wait().expect("a child").is_none());

    // All of it is there when it is read at last.
    let mut lines = 0;
    for (index, line) in answer.lines().enumerate() {
        let line = line.expect("text");
        assert!(line.starts_with(&format!("{},0", index + 1)), "{line}");
        lines += 1;
    }
    assert_eq!(lines, LINES);
    assert!(query.wait().expect("a child").success());
    running.kill9();
}

/// A small disk of memory at a directory, as long as it lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, and a line that says so, where it cannot be had.
    fn mount(directory: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&directory).expect("a directory");
        let options = format!("size={size}");
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&directory)
            .output();
        match done {
            Ok(done) if done.status.success() => Some(Self(directory)),
            done => {
                println!("skipped: no tmpfs can be mounted here: {done:?}");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A page with so many links to URLs that nobody has met before.
fn many_links(page: usize, links: usize) -> Reply {
    let mut html = format!("<title>Page {page}</title><a href=/n/{}>next</a>", page + 1);
    for link in 0..links {
        let pad = "x".repeat(1800);
        html += &format!("<a href='http://elsewhere.example/{pad}/{page}/{link}'>{link}</a>");
    }
    Reply::html(html)
}

/// Somebody's open transaction keeps the log from being copied back. That is said; at the cap nothing more is asked
/// for; and when it ends, the crawl goes on, and has everything.
#[test]
fn a_reader_that_does_not_end_is_waited_for() {
    const PAGES: usize = 120;
    const LINKS: usize = 200;
    let site = Site::start();
    site.dynamic(|path, _| {
        let page: usize = path.trim_start_matches("/n/").parse().unwrap_or(0);
        (page < PAGES).then(|| many_links(page, LINKS))
    });
    let crawl = Crawl::new()
        .args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"])
        .args(["--progress", "json", "--no-files"]);
    let out = crawl.dir().join("out");
    // The cap is a tenth of what is free, where that is more than 256 MiB: here it is not.
    let Some(_disk) = SmallDisk::mount(out.clone(), "900m") else {
        return;
    };
    let mut running = crawl.spawn().for_longer(Duration::from_secs(180));
    running.wait_until("some pages", |_| site.count("/n/3") > 0);
    let open = || Connection::open(out.join("crawl.db")).expect("a database");
    let reader = open();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM url")
        .expect("a snapshot");
    // Somebody else's rows make the log long sooner than pages would.
    let other = open();
    other
        .busy_timeout(Duration::from_secs(60))
        .and_then(|()| {
            other.execute_batch(
                "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (zeroblob(240 << 20))",
            )
        })
        .expect("a long log");

    running.wait_until("a word on it", |running| {
        running.stderr().contains("waiting for that")
    });
    let status = crawl.run_args(["status", "-o", "out"]).expect_code(0);
    assert!(status.stdout.contains("a reader holds it"), "{status}");
    // What was under way comes in; then nothing more is asked for.
    running.wait_until("quiet", |running| {
        running
            .stderr()
            .lines()
            .last()
            .is_some_and(|line| line.contains("\"in_flight\":0"))
    });
    let (asked, seen) = (site.hits().len(), heartbeat(&out));
    running.wait_until("a sign of life", |_| heartbeat(&out) > seen);
    assert_eq!(site.hits().len(), asked);
    assert!(asked < PAGES, "{asked}");

    drop(reader);
    let ended = running.wait().expect_code(0);
    let most = ended
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|line| line["log_bytes"].as_u64())
        .max();
    println!("the log had {most:?} bytes, {asked} of {PAGES} pages were asked for");
    assert!(
        most.is_some_and(|most| (256 << 20..400 << 20).contains(&most)),
        "{most:?}"
    );
    expect_sound(&out);
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE status = 200"),
        PAGES as i64
    );
    assert_eq!(
        number(&out, "SELECT count(*) FROM link") as usize,
        PAGES * (LINKS + 1)
    );
    assert_eq!(rows(&out, "SELECT state FROM run"), ["finished"]);
}
