//! The disk is full, at every place where something is written; has no inodes left; cannot be written.

use super::space::{self, Disk};
use super::{Bed, committed, expect_sentence, status};
use crate::support::{Crawl, expect_sound, number};
use std::io::Write as _;

const FULL: &str = "the disk is full (df, df -i); nothing that was committed is lost: make room and give the same command again";

/// Crawls onto a disk of this size; then there is room, and the same command goes on. Answers with how many
/// pages were committed before, and what `status` said.
fn fills_up(bed: &Bed, options: &str, more: &[&str]) -> (usize, String) {
    let scratch = tempfile::tempdir().expect("a directory");
    let disk = Disk::mount(scratch.path(), options);
    let out = scratch.path().join("out");
    let crawl = bed.crawl(&out).args(more);
    let said = crawl.run().expect_code(1);
    expect_sentence(&said, &[FULL, out.to_str().expect("plain")]);
    let (had, told) = (committed(&out).len(), status(&out));
    disk.change("size=50m,nr_inodes=10000");
    bed.goes_on(&crawl, &out);
    (had, told)
}

#[test]
fn full_wherever_it_is_written() {
    if !space::entered("faults::disk::full_wherever_it_is_written") {
        return;
    }
    let bed = Bed::new(120);
    let (mut begun, mut failed) = (0, 0);
    // The directory, the lock, the database, its log and shared memory, the tables, rows and bodies.
    for kib in [4, 8, 44, 200, 300, 350, 400, 450, 500, 600] {
        let (had, told) = fills_up(&bed, &format!("size={kib}k"), &[]);
        if told.contains("run 1 ") {
            begun += 1;
            failed += usize::from(told.contains("failed; the same command goes on"));
            assert!(
                told.contains("ended     ") && told.contains(FULL),
                "{kib}: {told}"
            );
        } else {
            assert!(
                told.contains("no crawl here") || told.contains("nothing was crawled"),
                "{kib}: {told}"
            );
        }
        println!("{kib} KiB: {had} pages committed");
    }
    assert!(begun >= 5 && failed == begun, "{begun} {failed}");
}

#[test]
fn no_inodes_left() {
    if !space::entered("faults::disk::no_inodes_left") {
        return;
    }
    let bed = Bed::new(20);
    for inodes in 3..=9 {
        fills_up(&bed, &format!("size=50m,nr_inodes={inodes}"), &[]);
    }
}

#[test]
fn full_without_files() {
    if !space::entered("faults::disk::full_without_files") {
        return;
    }
    let bed = Bed::with(150, "unlimited", &["--no-files"]);
    for kib in [250, 300] {
        fills_up(&bed, &format!("size={kib}k"), &[]);
    }
}

/// There is not a byte left before it begins: for the lock, for the shared memory of the database, for
/// bringing an older database up to date.
#[test]
fn full_before_it_begins() {
    if !space::entered("faults::disk::full_before_it_begins") {
        return;
    }
    let bed = Bed::new(40);
    let scratch = tempfile::tempdir().expect("a directory");
    let disk = Disk::mount(scratch.path(), "size=2m");
    let out = scratch.path().join("out");
    let ballast = scratch.path().join("ballast");
    let fill = || {
        // Up to the last page, by single ones: of a large piece the system may leave out the end.
        let mut file = std::fs::File::create(&ballast).expect("made");
        while file.write_all(&[0; 4096]).is_ok() {}
        assert!(ballast.metadata().is_ok_and(|file| file.len() > 0));
    };
    fill();
    let crawl = bed.crawl(&out);
    let said = crawl.run().expect_code(1);
    expect_sentence(&said, &[FULL, "crawl.lock"]);
    std::fs::remove_file(&ballast).expect("removed");
    // Part of a crawl; then not a byte.
    crawl.run_limited(10);
    fill();
    let said = crawl.run().expect_code(1);
    // The lock's page is free for a moment: the shared memory has it or not, and the log is full or is not reached.
    expect_sentence(&said, &[FULL, "out"]);
    let told = status(&out);
    assert!(told.contains("run 1     stopped"), "{told}");
    std::fs::remove_file(&ballast).expect("removed");
    bed.goes_on(&crawl, &out);
    drop(disk);
}

/// Bringing an older database up to date is a transaction: all of it or nothing.
#[test]
fn full_while_an_older_database_is_brought_up_to_date() {
    if !space::entered("faults::disk::full_while_an_older_database_is_brought_up_to_date") {
        return;
    }
    for (version, kib) in [(1, 4), (1, 16), (2, 4), (2, 16), (2, 64)] {
        let old = format!(
            "{}/fixtures/databases/schema-{version}.db",
            env!("CARGO_MANIFEST_DIR")
        );
        let size = std::fs::metadata(&old).expect("there").len() / 1024 + 4;
        let scratch = tempfile::tempdir().expect("a directory");
        let disk = Disk::mount(scratch.path(), &format!("size={}k", size + kib));
        let out = scratch.path().join("out");
        std::fs::create_dir(&out).expect("made");
        std::fs::copy(&old, out.join("crawl.db")).expect("copied");
        let query = || {
            let words = [
                "query",
                "SELECT count(*) AS n FROM pages",
                "-f",
                "csv",
                "-o",
            ];
            let words = words
                .map(AsRef::as_ref)
                .into_iter()
                .chain([out.as_os_str()]);
            Crawl::new().run_args(words)
        };
        expect_sentence(&query().expect_code(1), &[": the disk is full"]);
        disk.change("size=50m");
        let there = number(&out, "SELECT user_version FROM pragma_user_version");
        assert_eq!(there, version, "{kib}");
        assert_eq!(query().expect_code(0).stdout, "n\n10\n");
        expect_sound(&out);
    }
}

#[test]
fn cannot_be_written() {
    if !space::entered("faults::disk::cannot_be_written") {
        return;
    }
    let bed = Bed::new(40);
    let scratch = tempfile::tempdir().expect("a directory");
    let disk = Disk::mount(scratch.path(), "size=50m");
    let out = scratch.path().join("out");
    let crawl = bed.crawl(&out);
    disk.change("ro");
    let said = crawl.run().expect_code(1);
    expect_sentence(&said, &["/out: cannot be written (Read-only file system"]);
    disk.change("rw");
    crawl.run_limited(10);
    disk.change("ro");
    let said = crawl.run().expect_code(1);
    expect_sentence(
        &said,
        &["crawl.lock: cannot be written (Read-only file system"],
    );
    // What is there can be read.
    assert_eq!(committed(&out).len(), 10);
    assert!(status(&out).contains("run 1     stopped"));
    disk.change("rw");
    bed.goes_on(&crawl, &out);
}
