//! What stays of a crawl after the loss of power: played by a kill, and by doing to the output what the loss
//! would have done.

use std::path::Path;

use crate::support::{Crawl, Site, edit, expect_sound, number, rows};

const PAGES: usize = 120;

fn crawl_of(site: &Site, rate: &str) -> Crawl {
    let seed = site.url("/");
    Crawl::new().args(["--seed", &seed, "--rate", rate, "-o", "out"])
}

fn result(out: &Path) -> [Vec<String>; 3] {
    [
        "SELECT url, status, error, title, depth, sha256 FROM pages ORDER BY url",
        "SELECT from_url, position, to_url, kind FROM links ORDER BY from_url, position",
        "SELECT url, file FROM pages ORDER BY url",
    ]
    .map(|sql| rows(out, sql))
}

fn files(out: &Path) -> Vec<String> {
    rows(
        out,
        "SELECT file FROM version WHERE file IS NOT NULL ORDER BY id",
    )
}

/// A crawl that was killed in its midst.
fn killed(site: &Site) -> Crawl {
    let crawl = crawl_of(site, "200/s");
    let mut child = crawl.spawn();
    child.wait_until("some pages", |_| site.hits().len() > PAGES / 2);
    child.kill9();
    crawl
}

#[test]
fn what_power_loss_does_to_files_is_found_and_mended() {
    let site = Site::start();
    site.tree(PAGES, 3);
    let whole = crawl_of(&site, "unlimited");
    whole.run().expect_code(0);
    let wanted = result(&whole.dir().join("out"));
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("gone", |file| std::fs::remove_file(file).expect("removed")),
        ("empty", |file| std::fs::write(file, "").expect("written")),
        ("cut", |file| {
            let body = std::fs::read(file).expect("read");
            std::fs::write(file, &body[..body.len() / 2]).expect("written");
        }),
        ("zeros", |file| {
            let body = std::fs::read(file).expect("read");
            std::fs::write(file, vec![0; body.len()]).expect("written");
        }),
        ("the whole folder is gone", |file| {
            std::fs::remove_dir_all(file.parent().expect("a folder")).expect("removed");
        }),
    ];
    for (name, damage) in damages {
        site.forget();
        let crawl = killed(&site);
        let out = crawl.dir().join("out");
        edit(&out, "UPDATE start SET durable_to = 0");
        let there = files(&out);
        let hurt = if name.starts_with("the whole") {
            damage(&out.join(&there[0]));
            there.len()
        } else {
            for file in there.iter().step_by(3) {
                damage(&out.join(file));
            }
            there.len().div_ceil(3)
        };
        let said = crawl.run().expect_code(0).stderr;
        let words = format!("these are asked for again pages={hurt}");
        assert!(said.contains(&words), "{name}: {words}: {said}");
        assert_eq!(result(&out), wanted, "{name}");
        expect_sound(&out);
        // The log has both requests, and no file stands about that no row names.
        let hosts = std::fs::read_dir(out.join("pages"))
            .expect("pages")
            .flatten();
        let names = hosts.flat_map(|host| std::fs::read_dir(host.path()).expect("a host"));
        assert_eq!(names.count(), PAGES, "{name}");
        assert!(number(&out, "SELECT count(*) FROM fetch WHERE kind = 0") >= (PAGES + hurt) as i64);
        assert_eq!(
            number(&out, "SELECT queued FROM start ORDER BY id DESC LIMIT 1"),
            0
        );
    }
}

/// Only what lies beyond the mark is looked at.
#[test]
fn what_is_certain_is_not_read_again() {
    let site = Site::start();
    site.tree(PAGES, 3);
    let crawl = killed(&site);
    let out = crawl.dir().join("out");
    edit(
        &out,
        "UPDATE start SET durable_to = (SELECT max(id) FROM fetch) - 3",
    );
    let there = files(&out);
    for file in &there {
        std::fs::remove_file(out.join(file)).expect("removed");
    }
    let said = crawl.run().expect_code(0).stderr;
    assert!(said.contains("asked for again pages=3"), "{said}");
}

/// A start that decides anew asks for them all the same.
#[test]
fn hurt_files_under_other_settings() {
    let site = Site::start();
    site.tree(PAGES, 3);
    let crawl = killed(&site);
    let out = crawl.dir().join("out");
    edit(&out, "UPDATE start SET durable_to = 0");
    std::fs::remove_dir_all(out.join("pages")).expect("removed");
    let seed = site.url("/");
    let args = [
        "--seed",
        &seed,
        "--rate",
        "unlimited",
        "-o",
        "out",
        "--max-depth",
        "3",
    ];
    crawl.run_args(args).expect_code(0);
    let whole = Crawl::new().args(args);
    whole.run().expect_code(0);
    let of = |out: &Path| {
        rows(
            out,
            "SELECT url, title, file FROM pages WHERE depth <= 3 ORDER BY url",
        )
    };
    assert_eq!(of(&out), of(&whole.dir().join("out")));
    expect_sound(&out);
}

/// With `durability = full` every batch moves the mark.
#[test]
fn full_durability_is_certain_at_any_moment() {
    let site = Site::start();
    site.tree(PAGES, 3);
    let crawl = crawl_of(&site, "200/s").args(["--durability", "full"]);
    let out = crawl.dir().join("out");
    let mut child = crawl.spawn();
    child.wait_until("some pages", |_| site.hits().len() > PAGES / 2);
    child.kill9();
    let last = number(&out, "SELECT max(id) FROM fetch");
    assert!(last > 10);
    assert_eq!(number(&out, "SELECT durable_to FROM start"), last);
    crawl.run().expect_code(0);
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), PAGES as i64);
    expect_sound(&out);
}

/// What the waits for the disk cost, the other way round each time; the quickest of each counts.
#[test]
fn what_full_durability_costs() {
    let pages = std::env::var("DURABILITY_PAGES").ok();
    let pages: usize = pages.and_then(|pages| pages.parse().ok()).unwrap_or(60);
    let site = Site::start();
    site.tree(pages, 8);
    let mut best = [f64::INFINITY; 2];
    for turn in 0..6 {
        let which = usize::from(turn % 4 == 1 || turn % 4 == 2);
        let durability = ["normal", "full"][which];
        let crawl = crawl_of(&site, "unlimited").args(["--durability", durability]);
        let crawl = crawl.args(["--host-concurrency", "16"]);
        let begun = std::time::Instant::now();
        crawl.run().expect_code(0);
        best[which] = best[which].min(begun.elapsed().as_secs_f64());
        let out = crawl.dir().join("out");
        assert_eq!(number(&out, "SELECT count(*) FROM pages"), pages as i64);
    }
    let [normal, full] = best;
    println!("{pages} pages: normal {normal:.2} s, full {full:.2} s");
}
