//! Calls of the system that fail at the n-th time: `strace` has them do so. Whatever it hits, the crawl ends
//! well or with one sentence, and the same command goes on.

use super::{Bed, space};

/// Calls, what they fail with, and from when on (each thread counts for itself).
const SHORT: [(&str, &str, &str); 14] = [
    ("pwrite64", "EIO", "60+"),
    ("pwrite64", "EDQUOT", "70+"),
    ("pwrite64", "EINTR", "5..30"),
    ("pread64", "EIO", "4"),
    ("fsync,fdatasync", "EIO", "4+"),
    ("syncfs", "EIO", "1+"),
    ("ftruncate", "ENOSPC", "2+"),
    ("openat", "EROFS", "150+"),
    ("openat", "ENFILE", "120+"),
    ("mkdir", "EACCES", "2+"),
    ("clone3,clone", "EAGAIN", "2+"),
    ("clone3,clone", "EAGAIN", "4+"),
    ("socket", "EMFILE", "3..6"),
    ("flock", "ENOLCK", "1"),
];

fn inject(bed: &Bed, (calls, error, when): (&str, &str, &str)) -> Option<i32> {
    let scratch = tempfile::tempdir().expect("a directory");
    let out = scratch.path().join("out");
    let inject = format!("inject={calls}:error={error}:when={when}");
    let trace = format!("trace={calls}");
    let strace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &inject,
    ];
    let said = bed.crawl(&out).by(&strace).run();
    let last = said
        .stderr
        .lines()
        .rfind(|line| line.starts_with("crawl: "));
    println!("{inject}: {:?} {}", said.code, last.unwrap_or_default());
    assert!(matches!(said.code, Some(0..=4)), "{inject} {said}");
    assert!(!said.stderr.contains("panicked"), "{inject} {said}");
    if said.code == Some(1) {
        let lines = said
            .stderr
            .lines()
            .filter(|line| line.starts_with("crawl: "));
        assert_eq!(lines.count(), 1, "{inject} {said}");
    }
    let whole = bed.crawl(&out);
    if said.code == Some(0) {
        bed.expect_rows(&out);
    } else if said.code == Some(3) {
        // The seed was hit: a run that is over, and begun anew.
        whole.run().expect_code(0);
        bed.expect_whole(&out);
    } else {
        bed.goes_on(&whole, &out);
    }
    bed.site.forget();
    said.code
}

fn is_here() -> bool {
    let tried = space::run("strace", &["-f", "-qq", "-o", "/dev/null", "true"]);
    if let Err(why) = &tried {
        println!("skipped: calls cannot be made to fail: {why}");
    }
    tried.is_ok()
}

#[test]
fn some_calls_fail() {
    if !is_here() {
        return;
    }
    let bed = Bed::new(40);
    let codes: Vec<_> = SHORT.into_iter().map(|case| inject(&bed, case)).collect();
    let failed = codes.iter().filter(|code| **code == Some(1)).count();
    assert!(failed >= 7, "{codes:?}");
}

/// Each call, from the n-th on and the n-th alone, for many n.
#[test]
#[ignore = "takes half an hour: cargo test --test it every_call_fails -- --ignored --nocapture"]
fn every_call_fails() {
    if !is_here() {
        return;
    }
    let bed = Bed::new(40);
    let mut done = 0;
    for (calls, errors) in [
        ("pwrite64", ["EIO", "ENOSPC"]),
        ("pread64", ["EIO", "EIO"]),
        ("fsync,fdatasync", ["EIO", "ENOSPC"]),
        ("openat", ["EMFILE", "EROFS"]),
        ("ftruncate", ["ENOSPC", "EIO"]),
        ("mkdir", ["ENOSPC", "EACCES"]),
        ("fcntl", ["ENOLCK", "EIO"]),
        ("mmap", ["ENOMEM", "ENOMEM"]),
        ("connect", ["EADDRNOTAVAIL", "ENETUNREACH"]),
    ] {
        for (error, n) in errors
            .into_iter()
            .flat_map(|error| (0..9).map(move |n| (error, 1 << n)))
        {
            inject(&bed, (calls, error, &format!("{n}+")));
            inject(&bed, (calls, error, &n.to_string()));
            done += 2;
        }
    }
    println!("{done} crawls");
}
