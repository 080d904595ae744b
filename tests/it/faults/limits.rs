//! Limits that the system sets: open files, threads, the length of a file, memory.

use super::space::{must, run};
use super::{Bed, committed, expect_sentence, status};
use crate::support::{Crawl, number};

/// Under this limit of `prlimit`, on sixteen hosts: loopback has as many addresses.
fn over_hosts(bed: &Bed, crawl: Crawl, limit: &[&str]) -> Crawl {
    let hosts = (2..=16).flat_map(|host| {
        let url = format!("http://127.0.0.{host}:{}/", bed.site.port());
        ["--seed".to_owned(), url]
    });
    crawl.args(hosts).arg("--allow-private").under(limit)
}

#[test]
fn few_files_may_be_open() {
    let bed = Bed::on_all_addresses(40);
    let scratch = tempfile::tempdir().expect("a directory");
    for (files, concurrency) in [(64, 19), (40, 7), (32, 3)] {
        let out = scratch.path().join(files.to_string());
        let limit = format!("--nofile={files}:{files}");
        let crawl = over_hosts(&bed, bed.crawl(&out), &["prlimit", &limit]);
        let said = crawl.run().expect_code(0).stderr;
        let words = format!(
            "only {files} files may be open (ulimit -n): concurrency is {concurrency} instead of 64"
        );
        assert!(said.contains(&words) && !said.contains("failed"), "{said}");
        assert_eq!(
            number(&out, "SELECT count(*) FROM pages WHERE status = 200"),
            16 * 40
        );
        assert_eq!(
            number(
                &out,
                "SELECT count(*) FROM requests WHERE error IS NOT NULL"
            ),
            0
        );
        assert!(bed.site.most_in_flight() <= concurrency);
        bed.site.forget();
    }
    let out = scratch.path().join("too few");
    let crawl = over_hosts(&bed, bed.crawl(&out), &["prlimit", "--nofile=20:20"]);
    let said = crawl.run().expect_code(2);
    expect_sentence(
        &said,
        &["only 20 files may be open (ulimit -n), 32 are needed at least"],
    );
    assert!(!out.join("crawl.db").exists());
}

/// A signal would end it without a word.
#[test]
fn files_may_not_be_long() {
    let bed = Bed::new(100);
    for bytes in [3000, 40_000, 200_000, 400_000] {
        let scratch = tempfile::tempdir().expect("a directory");
        let out = scratch.path().join("out");
        let crawl = bed
            .crawl(&out)
            .under(&["prlimit", &format!("--fsize={bytes}")]);
        // Its own words go to files, too; they are short.
        let said = crawl.run().expect_code(1);
        expect_sentence(
            &said,
            &["no file may be longer here (ulimit -f", "crawl.db"],
        );
        if bytes >= 400_000 {
            assert!(!committed(&out).is_empty(), "{bytes}");
            assert!(status(&out).contains("failed; the same command goes on"));
        }
        bed.goes_on(&bed.crawl(&out), &out);
    }
}

/// No more threads than so many: it ends well, or says at once that it cannot begin.
#[test]
fn few_threads() {
    let bed = Bed::new(40);
    // Root may have as many as it likes.
    if let Err(why) = run("setpriv", &["--reuid=54321", "--clear-groups", "true"]) {
        println!("few_threads is skipped: it cannot run as somebody else: {why}");
        return;
    }
    let (mut ended, mut refused) = (0, 0);
    let scratch = tempfile::tempdir().expect("a directory");
    must("chmod", &["777", scratch.path().to_str().expect("plain")]);
    let program = scratch.path().join("crawl");
    std::fs::copy(env!("CARGO_BIN_EXE_crawl"), &program).expect("a program that all may run");
    for threads in 1..=9 {
        let out = scratch.path().join(threads.to_string());
        let limit = format!("--nproc={threads}");
        let crawl = bed.crawl(&out).program(&program).under(&[
            "prlimit",
            &limit,
            "setpriv",
            "--reuid=54321",
            "--clear-groups",
        ]);
        let said = crawl.run();
        if said.code == Some(0) {
            ended += 1;
            bed.expect_whole(&out);
        } else {
            refused += 1;
            let said = said.expect_code(1);
            expect_sentence(&said, &["the system gives no more threads (ulimit -u"]);
        }
        bed.site.forget();
    }
    assert!(ended > 0 && refused > 0, "{ended} {refused}");
}

/// Memory that may be addressed: a crawl fits into little; with less it ends with a sentence, or as by a kill.
#[test]
fn little_memory_may_be_addressed() {
    let bed = Bed::new(100);
    let mut words = 0;
    for mib in [500, 300, 150, 60, 50, 40, 35, 30, 25, 20] {
        let scratch = tempfile::tempdir().expect("a directory");
        let out = scratch.path().join("out");
        let limit = format!("--as={}", mib << 20);
        let said = bed.crawl(&out).under(&["prlimit", &limit]).run();
        println!("{mib} MiB: {:?} {}", said.code, said.stderr);
        let enough = said.code == Some(0);
        match said.code {
            Some(0) => bed.expect_whole(&out),
            Some(1) if mib < 100 => {
                expect_sentence(
                    &said,
                    &["the system gives no more threads (ulimit -u, ulimit -v"],
                );
                words += 1;
            }
            // The program itself does not fit, or it finds no room on its way.
            None if mib < 100 => {}
            _ => panic!("{mib}: {said}"),
        }
        if !enough {
            bed.goes_on(&bed.crawl(&out), &out);
        }
        bed.site.forget();
    }
    assert!(words > 0);
}
