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
    crawl.args(hosts).arg("--allow-private").by(limit)
}

#[test]
fn few_files_may_be_open() {
    let bed = Bed::on_all_addresses(20);
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
            16 * 20
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
            .by(&["prlimit", &format!("--fsize={bytes}")]);
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
    for threads in [1, 3, 5, 8, 12] {
        let out = scratch.path().join(threads.to_string());
        let limit = format!("--nproc={threads}");
        let crawl = bed.crawl(&out).program(&program).by(&[
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
    for mib in [500, 400, 300, 200, 60, 40, 20] {
        let scratch = tempfile::tempdir().expect("a directory");
        let out = scratch.path().join("out");
        let limit = format!("--as={}", mib << 20);
        let said = bed.crawl(&out).by(&["prlimit", &limit]).run();
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

/// A control group of the first kind, removed when it is dropped.
struct Group(std::path::PathBuf);

impl Group {
    fn with(bytes: u64) -> Option<Self> {
        let path = format!("/sys/fs/cgroup/memory/crawl-faults-{}", std::process::id());
        let group = Self(path.into());
        let made = std::fs::create_dir(&group.0).and_then(|()| {
            std::fs::write(group.0.join("memory.limit_in_bytes"), bytes.to_string())
        });
        if let Err(why) = made {
            println!("skipped: no control group for memory: {why}");
            return None;
        }
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// A container's memory: what is enough, and what is not; then it is killed as any other.
#[test]
fn little_memory_in_a_container() {
    let bed = Bed::new(150);
    for (mib, enough) in [(150, true), (40, true), (2, false)] {
        let Some(group) = Group::with(mib << 20) else {
            return;
        };
        let enter = format!(
            "echo $$ > {}/cgroup.procs; exec \"$0\" \"$@\"",
            group.0.display()
        );
        let scratch = tempfile::tempdir().expect("a directory");
        let out = scratch.path().join("out");
        let said = bed.crawl(&out).by(&["sh", "-c", &enter]).run();
        println!("{mib} MiB: {:?}", said.code);
        if enough {
            said.expect_code(0);
            bed.expect_whole(&out);
        } else {
            assert!(matches!(said.code, Some(0 | 137) | None), "{said}");
            let again = bed.crawl(&out);
            if said.code != Some(0) {
                bed.goes_on(&again, &out);
            }
        }
        bed.site.forget();
    }
}
