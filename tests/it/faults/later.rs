//! The disk is full in what comes after a crawl: a refresh, pruning, vacuuming.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::space::{self, Disk, must};
use super::{expect_sentence, files, text};
use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

const FULL: &str = "the disk is full (df, df -i); nothing that was committed is lost: make room and give the same command again";
const PAGES: usize = 120;

/// A site of pages of 2 KB, each of which is another one in each version.
fn site(version: &Arc<AtomicUsize>) -> Site {
    let (site, now) = (Site::start(), Arc::clone(version));
    site.dynamic(move |path, _| {
        let version = now.load(Ordering::Relaxed);
        Some(Reply::html(format!("{}<p>{version}", text(path, PAGES)?)))
    });
    site
}

/// Leaves so much room on a disk.
fn leave(disk: &Disk<'_>, kib: usize) {
    let path = disk.0.to_str().expect("plain");
    let used = must("df", &["--output=used", "-k", path]);
    let used: usize = used
        .lines()
        .nth(1)
        .expect("a row")
        .trim()
        .parse()
        .expect("KiB");
    disk.change(&format!("size={}k", used + kib));
}

fn crawl(site: &Site, out: &Path) -> Crawl {
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited"]);
    crawl.arg("-o").arg(out)
}

/// What is shown, but for when it was asked for and whether that was before.
fn shown(out: &Path) -> Vec<String> {
    let sql = "SELECT url, title, depth, bytes, found_on, current FROM pages ORDER BY url";
    let links = "SELECT from_url, to_url, anchor FROM links ORDER BY from_url, position";
    [rows(out, sql), rows(out, links)].concat()
}

#[test]
fn full_in_a_refresh() {
    if !space::entered("faults::later::full_in_a_refresh") {
        return;
    }
    for kib in [0, 4, 40, 90, 150, 250, 400] {
        let version = Arc::new(AtomicUsize::new(1));
        let site = site(&version);
        let scratch = tempfile::tempdir().expect("a directory");
        let disk = Disk::mount(scratch.path(), "size=50m");
        let out = scratch.path().join("out");
        crawl(&site, &out).run().expect_code(0);
        let before = shown(&out);
        version.fetch_add(1, Ordering::Relaxed);
        leave(&disk, kib);
        let refresh = Crawl::new()
            .args(["refresh", "--budget", "110"])
            .arg("-o")
            .arg(&out);
        site.forget();
        let said = refresh.run().expect_code(1);
        expect_sentence(&said, &[FULL, out.to_str().expect("plain")]);
        let had = number(&out, "SELECT count(*) FROM pages WHERE title IS NOT NULL");
        assert_eq!(had, PAGES as i64, "{kib}");
        let whole = files(&out.join("pages")).len();
        assert!(whole >= PAGES, "{kib}: {whole}");
        assert_eq!(shown(&out), before, "{kib}");
        disk.change("size=50m");
        // Files of which no row came to be are removed at the next start.
        refresh.run().expect_code(0);
        expect_sound(&out);
        let now = "SELECT count(*) FROM pages WHERE fetched_at > (SELECT begun_at FROM runs WHERE kind = 'refresh')";
        assert_eq!((number(&out, now), shown(&out)), (110, before), "{kib}");
        println!("{kib} KiB: {} requests before and after", site.hits().len());
    }
}

#[test]
fn full_in_pruning() {
    if !space::entered("faults::later::full_in_pruning") {
        return;
    }
    let mut failed = 0;
    for vacuum in [false, true] {
        for kib in [0, 4, 32, 64, 100, 160, 240] {
            let version = Arc::new(AtomicUsize::new(1));
            let site = site(&version);
            let scratch = tempfile::tempdir().expect("a directory");
            let disk = Disk::mount(scratch.path(), "size=50m");
            let out = scratch.path().join("out");
            for _ in 0..4 {
                crawl(&site, &out).run().expect_code(0);
                version.fetch_add(1, Ordering::Relaxed);
            }
            let before = shown(&out);
            leave(&disk, kib);
            let prune = Crawl::new().args(["prune", "--keep-runs", "1"]);
            let prune = prune.args(vacuum.then_some("--vacuum")).arg("-o").arg(&out);
            let said = prune.run();
            if said.code == Some(0) {
                println!("{kib} KiB are enough, vacuum {vacuum}");
            } else {
                let said = said.expect_code(1);
                expect_sentence(&said, &[FULL, out.to_str().expect("plain")]);
                failed += 1;
            }
            disk.change("size=50m");
            expect_sound(&out);
            assert_eq!(shown(&out), before, "{kib} {vacuum}");
            prune.run().expect_code(0);
            expect_sound(&out);
            assert_eq!(shown(&out), before, "{kib} {vacuum}");
            assert_eq!(files(&out.join("pages")).len(), PAGES, "{kib} {vacuum}");
            assert_eq!(number(&out, "SELECT count(*) FROM doomed"), 0);
            assert_eq!(number(&out, "SELECT count(*) FROM version"), PAGES as i64);
        }
    }
    assert!(failed >= 6, "{failed}");
}
