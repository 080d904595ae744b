//! Standard error and output that are closed, full, or a pipe that nobody reads; signals of the terminal.

use std::io::Read as _;

use super::{Bed, status};
use crate::support::Crawl;

/// Runs the command by a shell, with this after it.
fn shell(crawl: Crawl, script: &str) -> Crawl {
    crawl.by(&["sh", "-c", script, "sh"])
}

#[test]
fn what_is_said_is_not_read() {
    let bed = Bed::new(40);
    for script in [
        "exec \"$@\" 2>&-",
        "exec \"$@\" >&- 2>&-",
        "exec \"$@\" <&- >&- 2>&-",
        "exec \"$@\" >/dev/full 2>&1",
        // A reader that has gone.
        "\"$@\" 2>&1 | true",
    ] {
        for more in ["-vv", "--progress=json"] {
            let scratch = tempfile::tempdir().expect("a directory");
            let out = scratch.path().join("out");
            shell(bed.crawl(&out).arg(more), script)
                .run()
                .expect_code(0);
            bed.expect_whole(&out);
            bed.site.forget();
        }
    }
}

/// More is said than the pipe and the room before it hold, and nobody takes it: the crawl ends all the same.
#[test]
fn a_pipe_that_nobody_reads() {
    let bed = Bed::new(1200);
    for (more, lines) in [("-vv", 100), ("--progress=json", 1)] {
        let scratch = tempfile::tempdir().expect("a directory");
        let out = scratch.path().join("out");
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let crawl = bed.crawl(&out).arg(more).stderr_to(writer);
        crawl.run().expect_code(0);
        bed.expect_whole(&out);
        bed.site.forget();
        let mut read = Vec::new();
        reader.read_to_end(&mut read).expect("read");
        let read = String::from_utf8_lossy(&read);
        assert!(read.lines().count() >= lines, "{read}");
    }
}

/// Without a terminal it stops as by SIGTERM; under `nohup` it goes on.
#[test]
fn the_terminal_is_gone() {
    let bed = Bed::with(200, "50/s", &[]);
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    // These tests may run under `nohup` themselves.
    let crawl = bed.crawl(&out).by(&["env", "--default-signal=HUP"]);
    let mut child = crawl.spawn();
    child.wait_until("some requests", |_| bed.site.hits().len() > 20);
    child.signal("HUP");
    let said = child.wait().expect_code(130).stderr;
    assert!(said.contains("the same command goes on"), "{said}");
    assert!(status(&out).contains("run 1     stopped"));
    bed.goes_on(&crawl, &out);
    bed.site.forget();
    let out = scratch.path().join("nohup");
    let crawl = bed.crawl(&out).by(&["nohup"]);
    let mut child = crawl.spawn();
    child.wait_until("some requests", |_| bed.site.hits().len() > 20);
    child.signal("HUP");
    child.wait().expect_code(0);
    bed.expect_whole(&out);
}

/// What is no wish to stop in order is like any kill.
#[test]
fn quit() {
    let bed = Bed::with(200, "200/s", &[]);
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    let crawl = bed.crawl(&out).by(&["prlimit", "--core=0"]);
    let mut child = crawl.spawn();
    child.wait_until("some requests", |_| bed.site.hits().len() > 40);
    child.signal("QUIT");
    assert_eq!(child.wait().code, None);
    assert!(status(&out).contains("run 1     killed; the same command goes on"));
    bed.goes_on(&crawl, &out);
}
