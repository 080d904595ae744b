//! `crawl prune`: what goes is what only old runs need, to the row and to the file; what is shown stays as it was; and
//! whenever it is killed, the output is sound and the same command goes on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::{Crawl, Output, Reply, Site, edit, expect_sound, number, rows};

const PAGES: usize = 60;

/// A site of 60 pages in five crawls. Of each crawl `n` (from 1): pages 0 to 9 have version `n`; 10 to 19 are there in
/// odd crawls only, each time with the same content; 20 to 24 are gone from the third on; 25 leads away from the second
/// on; the others never change.
fn five_crawls(site: &Site) -> Crawl {
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    site.robots("User-agent: *\nDisallow: /secret\n");
    let index: String = (0..PAGES)
        .map(|n| format!("<a href='/{n}'>{n}</a>"))
        .collect();
    site.page("/", &(index + "<a href='/secret'>s</a>"));
    for round in 1..=5 {
        for n in 0..PAGES {
            let path = format!("/{n}");
            let page = |word: &str| {
                let tag = format!("\"{n} {word}\"");
                let links: String = (0..5)
                    .map(|to| format!("<a href='/{}'>{to}</a>", (n + to) % PAGES))
                    .collect();
                Reply::html(format!("<title>{n} {word}</title>{links}")).header("ETag", &tag)
            };
            site.reply(
                &path,
                match n {
                    0..10 => page(&round.to_string()),
                    10..20 if round % 2 == 1 => page("odd"),
                    10..20 => Reply::new(404),
                    20..25 if round > 2 => Reply::new(410),
                    25 if round > 1 => Reply::new(301).header("Location", "/26"),
                    _ => page("same"),
                },
            );
        }
        crawl.run().expect_code(0);
    }
    crawl
}

fn out_of(crawl: &Crawl) -> PathBuf {
    crawl.dir().join("out")
}

fn prune(crawl: &Crawl, args: &[&str]) -> Output {
    let all = ["prune", "-o", "out"].iter().chain(args);
    crawl.run_args(all).expect_code(0)
}

/// Everything that the views of the latest run show.
fn shown(out: &Path) -> Vec<Vec<String>> {
    [
        "pages",
        "links",
        "errors",
        "redirects",
        "broken_links",
        "urls",
        "duplicates",
        "fields",
        "signals",
    ]
    .iter()
    .map(|view| {
        let mut rows = rows(out, &format!("SELECT * FROM {view}"));
        rows.sort_unstable();
        rows
    })
    .collect()
}

fn files(out: &Path) -> BTreeSet<String> {
    fn walk(folder: &Path, into: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, into);
            } else {
                into.insert(path.to_string_lossy().into_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&out.join("pages"), &mut found);
    found
}

fn versions(out: &Path) -> i64 {
    number(out, "SELECT count(*) FROM version")
}

#[test]
fn what_goes_and_what_stays() {
    let site = Site::start();
    let crawl = five_crawls(&site);
    let out = out_of(&crawl);
    let before = shown(&out);
    // The index, five of each of ten, one of each of the others.
    assert_eq!(versions(&out), 1 + 50 + 50);
    assert_eq!(files(&out).len(), 101);
    let requests = |run| {
        number(
            &out,
            &format!("SELECT count(*) FROM requests WHERE run = {run}"),
        )
    };
    let rows_of = |what: &str| number(&out, &format!("SELECT count(*) FROM {what}"));
    let (dry, all) = (
        prune(&crawl, &["--keep-runs", "1", "--dry-run", "--json"]).stdout,
        files(&out),
    );
    assert_eq!((shown(&out), files(&out)), (before.clone(), all));
    assert_eq!((versions(&out), rows_of("visit")), (101, 5 * 62));
    assert_eq!(
        number(&out, "SELECT count(*) FROM run WHERE pruned IS NOT NULL"),
        0
    );
    let last = requests(5);
    let done = prune(&crawl, &["--keep-runs", "1", "--json"]).stdout;
    let value = |said: &str, key: &str| {
        let said: serde_json::Value = serde_json::from_str(said).expect("JSON");
        said.pointer(key)
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0)
    };
    for key in [
        "/runs",
        "/files",
        "/file_bytes",
        "/rows/fetch",
        "/rows/version",
        "/rows/link",
        "/rows/visit",
    ] {
        assert_eq!(value(&dry, key), value(&done, key), "{key}");
    }
    // Four old contents of each of ten pages; those that are gone, and what leads away now, keep theirs.
    assert_eq!(
        (value(&done, "/rows/version"), value(&done, "/files")),
        (40, 40)
    );
    assert_eq!(
        (value(&done, "/runs"), value(&done, "/rows/link")),
        (4, 40 * 5)
    );
    assert_eq!(shown(&out), before);
    assert_eq!((versions(&out), files(&out).len()), (61, 61));
    // Every visit of the last run; each has the last good content of its URL, so nothing of the others.
    assert_eq!(rows_of("visit"), 62);
    // The last run's requests, and those that brought what those that are gone had.
    assert_eq!((requests(5), rows_of("fetch") - requests(5)), (last, 6));
    expect_sound(&out);
    for gone in [20, 25] {
        let said = crawl
            .run_args(["cat", &site.url(&format!("/{gone}")), "-o", "out"])
            .expect_code(0)
            .stdout;
        assert!(
            said.contains(&format!("<title>{gone} same</title>")),
            "{said}"
        );
    }
    let counts = rows(
        &out,
        "SELECT run, pages, requests > 0, pruned_at IS NOT NULL FROM runs ORDER BY run",
    );
    assert_eq!(counts.len(), 5);
    assert!(
        counts[0].ends_with(" 1 1") && counts[4].ends_with(" 1 0"),
        "{counts:?}"
    );
    crawl.run_args(["audit", "-o", "out"]).expect_code(0);
    crawl
        .run_args(["audit", "--all", "-o", "out"])
        .expect_code(0);
    let said = crawl
        .run_args(["audit", "--run", "1", "-o", "out"])
        .expect_code(2)
        .stderr;
    assert!(said.contains("pruned"), "{said}");
    // Against a run of which nothing is left everything would be new.
    for runs in [&[][..], &["1"], &["4", "5"], &["-2"]] {
        let words = ["diff", "-o", "out"].iter().chain(runs);
        let said = crawl.run_args(words).expect_code(2).stderr;
        assert!(said.contains("crawl prune has removed"), "{said}");
    }
    let again = prune(&crawl, &["--keep-runs", "1"]).stdout;
    assert!(again.contains("nothing to prune"), "{again}");
    // All goes on as ever: on condition, and nothing is new.
    site.forget();
    let said = crawl.run().expect_code(0).stderr;
    assert!(said.contains("0 changed, 0 new, 0 gone"), "{said}");
    assert_eq!(
        site.hits()
            .iter()
            .filter(|hit| hit.header("if-none-match").is_some())
            .count(),
        60
    );
    expect_sound(&out);
}

/// What is gone for long, and was in no run that is kept, keeps its last content, whatever is pruned after.
#[test]
fn the_last_good_content_of_a_url_never_goes() {
    let site = Site::start();
    site.page("/", "<a href='/old'>old</a>");
    site.sequence(
        "/old",
        vec![
            Reply::html("<title>first</title>"),
            Reply::html("<title>last</title><a href='/older'>o</a>"),
            Reply::new(404),
        ],
    );
    site.page("/older", "older");
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    let out = out_of(&crawl);
    crawl.run().expect_code(0);
    crawl.run().expect_code(0);
    site.page("/", "nothing");
    for _ in 0..4 {
        crawl.run().expect_code(0);
    }
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 1);
    for keep in ["3", "1", "1"] {
        prune(&crawl, &["--keep-runs", keep]);
        expect_sound(&out);
        let said = crawl
            .run_args(["cat", &site.url("/old"), "-o", "out"])
            .expect_code(0)
            .stdout;
        assert!(said.contains("<title>last</title>"), "{said}");
        crawl
            .run_args(["cat", &site.url("/older"), "-o", "out"])
            .expect_code(0);
    }
    // Of the index two, of /old one, of /older one; the first of /old is gone, and the first index.
    assert_eq!(
        rows(&out, "SELECT count(*), count(DISTINCT url) FROM version"),
        ["3 3"]
    );
    assert_eq!(number(&out, "SELECT count(*) FROM visit WHERE run < 6"), 2);
    // It comes back, and is new.
    site.page("/", "<a href='/old'>old</a>");
    site.page("/old", "<title>last</title><a href='/older'>o</a>");
    let said = crawl.run().expect_code(0).stderr;
    assert!(
        said.contains("0 unchanged, 1 changed, 2 new, 0 gone"),
        "{said}"
    );
    assert_eq!(number(&out, "SELECT count(*) FROM version"), 4);
    prune(&crawl, &["--keep-runs", "1"]);
    assert_eq!(number(&out, "SELECT count(*) FROM version"), 3);
    expect_sound(&out);
}

/// A number that a content had is not another's after it is gone.
#[test]
fn numbers_of_contents_are_given_once() {
    let site = Site::start();
    let kangaroo = Reply::html("<title>kangaroo</title><main><p>It has a pouch.");
    site.page("/", "<a href='/page'>p</a>");
    site.sequence(
        "/page",
        vec![Reply::html("one"), kangaroo, Reply::html("one")],
    );
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    let out = out_of(&crawl);
    let highest = || number(&out, "SELECT max(id) FROM version");
    crawl.run().expect_code(0);
    crawl.run().expect_code(0);
    crawl.run_args(["index", "-o", "out"]).expect_code(0);
    crawl.run().expect_code(0);
    // The last one is that of the second run, and nobody needs it.
    let last = highest();
    let sql = format!("SELECT title FROM version WHERE id = {last}");
    assert_eq!(rows(&out, &sql), ["kangaroo"]);
    prune(&crawl, &["--keep-runs", "1"]);
    assert_eq!(highest(), last);
    site.page("/", "<a href='/new'>n</a>");
    crawl.run().expect_code(0);
    assert!(highest() > last);
    // Not even where the number comes again: what is in the index and was not read is no page's.
    edit(
        &out,
        &format!("DELETE FROM reading WHERE version = {last}; INSERT OR IGNORE INTO derived VALUES ('search', 1, 1, 1);
                  UPDATE derived SET last_fetch = (SELECT max(id) FROM fetch) WHERE name = 'search'"),
    );
    let said = crawl
        .run_args(["search", "-o", "out", "kangaroo"])
        .expect_code(0);
    assert!(said.stdout.is_empty(), "{said}");
    expect_sound(&out);
}

/// Two runs are kept, and with them everything that they know of each other.
#[test]
fn runs_that_are_kept_are_whole() {
    let site = Site::start();
    let crawl = five_crawls(&site);
    let out = out_of(&crawl);
    let of_runs = || {
        [
            "visit WHERE run >= 4",
            "fetch WHERE start IN (SELECT id FROM start WHERE run >= 4)",
            "version WHERE id IN (SELECT good_version FROM visit WHERE run >= 4)",
        ]
        .map(|what| rows(&out, &format!("SELECT * FROM {what} ORDER BY 1, 2")))
    };
    let before = of_runs();
    prune(&crawl, &["--keep-runs", "2"]);
    assert_eq!(of_runs(), before);
    assert_eq!(versions(&out), 101 - 30);
    crawl
        .run_args(["audit", "--run", "4", "-o", "out"])
        .expect_code(0);
    expect_sound(&out);
    let said = prune(&crawl, &["--keep-runs", "9"]).stdout;
    assert!(said.contains("nothing to prune"), "{said}");
}

/// Outcomes that a refresh carries over are those of old runs: they stay as long as it does.
#[test]
fn what_a_refresh_carries_over_stays() {
    let site = Site::start();
    let crawl = five_crawls(&site);
    let out = out_of(&crawl);
    let refresh = ["refresh", "--budget", "10", "-o", "out"];
    crawl.run_args(refresh).expect_code(0);
    let before = shown(&out);
    prune(&crawl, &["--keep-runs", "1"]);
    assert_eq!(shown(&out), before);
    expect_sound(&out);
    assert_eq!(
        rows(
            &out,
            "SELECT run, pruned_at IS NULL, kind FROM runs ORDER BY start DESC LIMIT 2"
        ),
        ["6 1 refresh", "5 0 crawl"]
    );
    crawl.run_args(refresh).expect_code(0);
    prune(&crawl, &["--keep-runs", "1"]);
    // One of them is forbidden by robots.txt.
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 62);
    expect_sound(&out);
}

/// A run that goes on yet needs the one before it.
#[test]
fn an_unfinished_run_keeps_the_one_before() {
    let site = Site::start();
    let crawl = five_crawls(&site);
    let out = out_of(&crawl);
    crawl.run_limited(2);
    prune(&crawl, &["--keep-runs", "1"]);
    assert_eq!(
        rows(
            &out,
            "SELECT id, pruned IS NULL FROM run ORDER BY id DESC LIMIT 3"
        ),
        ["6 1", "5 1", "4 0"]
    );
    expect_sound(&out);
    site.forget();
    crawl
        .run_args(["-o", "out", "--max-pages", "unlimited"])
        .expect_code(0);
    assert!(
        site.hits()
            .iter()
            .any(|hit| hit.header("if-none-match").is_some())
    );
    expect_sound(&out);
}

#[test]
fn refused_while_a_crawl_writes_and_where_there_is_none() {
    let site = Site::start();
    site.tree(400, 3);
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "50/s", "-o", "out"]);
    let said = crawl
        .run_args(["prune", "--keep-runs", "1", "-o", "out"])
        .expect_code(2)
        .stderr;
    assert!(
        said.contains("no crawl here") || said.contains("there is no"),
        "{said}"
    );
    let mut child = crawl.spawn();
    child.wait_until("some pages", |_| site.hits().len() > 5);
    let said = crawl
        .run_args(["prune", "--keep-runs", "1", "-o", "out"])
        .expect_code(2)
        .stderr;
    assert!(
        said.contains("another crawl is writing here (pid "),
        "{said}"
    );
    child.kill9();
    for wrong in [
        &["--keep-runs", "0"][..],
        &[],
        &["--keep-runs", "x"],
        &["--keep-runs", "1", "--dry-run", "--vacuum"],
    ] {
        let all = ["prune", "-o", "out"].iter().chain(wrong);
        crawl.run_args(all).expect_code(2);
    }
}

/// Room within the database is used again, or given back.
#[test]
fn the_room_that_it_makes() {
    let site = Site::start();
    let crawl = five_crawls(&site);
    let out = out_of(&crawl);
    let length = || {
        std::fs::metadata(out.join("crawl.db"))
            .expect("a file")
            .len()
    };
    let before = length();
    prune(&crawl, &["--keep-runs", "1"]);
    assert_eq!(length(), before);
    assert!(number(&out, "SELECT freelist_count FROM pragma_freelist_count") > 5);
    let said = prune(&crawl, &["--keep-runs", "1", "--vacuum"]).stdout;
    assert!(length() < before, "{said}");
    assert_eq!(
        number(&out, "SELECT freelist_count FROM pragma_freelist_count"),
        0
    );
    expect_sound(&out);
}

/// Names in the database lead nowhere else: what is removed is a file below `pages/`.
#[test]
fn names_that_lead_elsewhere_remove_nothing() {
    let site = Site::start();
    let crawl = five_crawls(&site);
    let out = out_of(&crawl);
    crawl.file("precious", "mine");
    std::os::unix::fs::symlink(crawl.dir(), out.join("pages/away")).expect("linked");
    edit(
        &out,
        "UPDATE version SET file = '../precious' WHERE id = (SELECT min(id) FROM version WHERE title = '1 1');
         UPDATE version SET file = 'pages/away/precious' WHERE id = (SELECT min(id) FROM version WHERE title = '2 1');
         UPDATE version SET file = 'crawl.db' WHERE id = (SELECT min(id) FROM version WHERE title = '3 1');
         UPDATE version SET file = CAST(x'ff00' AS TEXT) WHERE id = (SELECT min(id) FROM version WHERE title = '4 1')",
    );
    prune(&crawl, &["--keep-runs", "1"]);
    assert_eq!(
        std::fs::read_to_string(crawl.dir().join("precious")).expect("there"),
        "mine"
    );
    assert!(out.join("crawl.db").exists());
}

/// Killed at any moment of it: sound at once, and the same command does the rest.
#[test]
fn killed_at_any_moment() {
    let kills = std::env::var("PRUNE_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok());
    let kills: u32 = kills.unwrap_or(12);
    let site = Site::start();
    let crawl = five_crawls(&site);
    let out = out_of(&crawl);
    let saved = crawl.dir().join("saved");
    copy(&out, &saved);
    let before = shown(&out);
    let begun = Instant::now();
    prune(&crawl, &["--keep-runs", "1"]);
    let whole = begun.elapsed();
    let (wanted, left) = (files(&out), versions(&out));
    let mut killed = 0;
    for kill in 0..kills {
        std::fs::remove_dir_all(&out).expect("removed");
        copy(&saved, &out);
        let vacuum = (kill % 2 == 1).then_some("--vacuum");
        let args = ["prune", "--keep-runs", "1", "-o", "out"];
        let child = crawl.spawn_args(args.into_iter().chain(vacuum));
        std::thread::sleep(Duration::from_secs_f64(
            whole.as_secs_f64() * f64::from(kill) / f64::from(kills),
        ));
        killed += u32::from(child.kill9().code.is_none());
        expect_sound(&out);
        assert_eq!(shown(&out), before, "{kill}");
        prune(&crawl, &["--keep-runs", "1"]);
        expect_sound(&out);
        assert_eq!(
            (shown(&out), files(&out), versions(&out)),
            (before.clone(), wanted.clone(), left),
            "{kill}"
        );
        assert_eq!(number(&out, "SELECT count(*) FROM doomed"), 0);
    }
    println!("{killed} of {kills} were killed before their end");
}

/// A file that was doomed, and is a content's again before it was removed, stays.
#[test]
fn a_content_that_comes_back_keeps_its_file() {
    let site = Site::start();
    let crawl = five_crawls(&site);
    let out = out_of(&crawl);
    let file = rows(&out, "SELECT file FROM version WHERE title = '7 5'").remove(0);
    let old = rows(&out, "SELECT file FROM version WHERE title = '7 2'").remove(0);
    edit(
        &out,
        &format!("INSERT INTO doomed VALUES ('{file}'), ('pages/nothing')"),
    );
    expect_sound(&out);
    prune(&crawl, &["--keep-runs", "1"]);
    assert!(out.join(file).exists() && !out.join(old).exists());
    assert_eq!(number(&out, "SELECT count(*) FROM doomed"), 0);
    expect_sound(&out);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).expect("copied");
        }
    }
}
