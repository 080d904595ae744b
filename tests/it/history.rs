//! A second start: what goes on, what is decided anew, what is asked on condition, what stays.

use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

fn crawl(site: &Site) -> Crawl {
    Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"])
}

fn tagged(tag: &str, html: &str) -> Reply {
    Reply::html(html).header("ETag", &format!("\"{tag}\""))
}

fn paths(site: &Site) -> Vec<String> {
    let hits = site.hits().into_iter().map(|hit| hit.path);
    let mut paths: Vec<String> = hits.filter(|path| path != "/robots.txt").collect();
    paths.sort_unstable();
    paths
}

const LAST: &str = "(SELECT max(run) FROM runs)";

/// 1,000 pages, of which 100 have changed, 20 are new and 20 gone: each asked once, on condition.
#[test]
fn a_changed_site_is_crawled_again() {
    let site = Site::start();
    let index = |pages: std::ops::Range<usize>| -> String {
        pages.map(|n| format!("<a href='/{n}'>{n}</a>")).collect()
    };
    let page = |n: usize, word: &str| {
        tagged(
            &format!("{n}{word}"),
            &format!("<title>{n} {word}</title><a href='/{}'>up</a>", n / 2),
        )
    };
    site.reply("/", tagged("i1", &index(1..1000)));
    for n in 1..1000 {
        site.reply(&format!("/{n}"), page(n, "old"));
    }
    site.reply("/0", page(0, "old"));
    let crawl = crawl(&site);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE status = 200"),
        1001
    );
    let versions = number(&out, "SELECT count(*) FROM version");
    // 980..1000 go, 1000..1020 come, 100..200 change; the index changes, too.
    site.reply("/", tagged("i2", &(index(1..980) + &index(1000..1020))));
    for n in 100..200 {
        site.reply(&format!("/{n}"), page(n, "new"));
    }
    for n in 980..1000 {
        site.reply(&format!("/{n}"), Reply::new(404));
    }
    for n in 1000..1020 {
        site.reply(&format!("/{n}"), page(n, "first"));
    }
    site.forget();
    let again = crawl.run().expect_code(0);
    let asked = paths(&site);
    let mut once = asked.clone();
    once.dedup();
    assert_eq!(asked, once, "a URL was asked for twice");
    assert_eq!(asked.len(), 1021);
    let conditional = site
        .hits()
        .iter()
        .filter(|hit| hit.header("if-none-match").is_some())
        .count();
    assert_eq!(conditional, 1001);
    let count = |what: &str| {
        number(
            &out,
            &format!(
                "SELECT count(*) FROM requests WHERE run = {LAST} AND kind = 'page' AND {what}"
            ),
        )
    };
    assert_eq!(count("1"), 1021);
    assert_eq!(count("status = 304"), 1001 - 1 - 100 - 20);
    assert_eq!(count("status = 200"), 1 + 100 + 20);
    assert_eq!(count("status = 404"), 20);
    assert_eq!(count("conditional"), 1001);
    assert_eq!(
        number(&out, "SELECT count(*) FROM version") - versions,
        1 + 100 + 20
    );
    // The 20 that are gone are shown with their outcome, and with what they were.
    assert_eq!(
        rows(
            &out,
            "SELECT status, title, current, found_by FROM pages WHERE url LIKE '%/985'"
        ),
        ["404 985 old 0 earlier run"]
    );
    assert_eq!(
        rows(
            &out,
            "SELECT status, title, current FROM pages WHERE url LIKE '%/500'"
        ),
        ["304 500 old 1"]
    );
    assert_eq!(number(&out, "SELECT count(*) FROM links"), 999 + 1000);
    expect_sound(&out);
    let said = "re-crawl  880 unchanged, 101 changed, 20 new, 20 gone";
    assert!(again.stderr.contains(said), "{}", again.stderr);
    // Gone was recorded once; it is not asked for a third time.
    site.forget();
    crawl.run().expect_code(0);
    assert_eq!(paths(&site).len(), 1001);
    assert_eq!(count("status = 304"), 1001);
    expect_sound(&out);
}

/// A page that has no validators is fetched whole; what is the same is no new version.
#[test]
fn without_validators_the_bytes_decide() {
    let site = Site::start();
    site.page("/", "<a href='/a'>a</a>");
    site.reply(
        "/a",
        Reply::html("same").header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT"),
    );
    let crawl = crawl(&site);
    crawl.run().expect_code(0);
    site.forget();
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    assert_eq!(number(&out, "SELECT count(*) FROM version"), 2);
    assert_eq!(
        rows(
            &out,
            &format!(
                "SELECT status, conditional FROM requests WHERE run = {LAST} AND kind = 'page' ORDER BY url"
            )
        ),
        ["200 0", "304 1"]
    );
    let since = site.hits_of("/a")[0]
        .header("if-modified-since")
        .map(str::to_owned);
    assert_eq!(since.as_deref(), Some("Mon, 01 Jan 2024 00:00:00 GMT"));
}

#[test]
fn there_and_back_again() {
    let site = Site::start();
    let crawl = crawl(&site);
    let out = crawl.dir().join("out");
    for (tag, title) in [("a", "A"), ("b", "B"), ("a", "A")] {
        site.reply("/", tagged(tag, &format!("<title>{title}</title>")));
        crawl.run().expect_code(0);
        assert_eq!(
            rows(&out, "SELECT status, title FROM pages"),
            [format!("200 {title}")]
        );
    }
    assert_eq!(number(&out, "SELECT count(*) FROM version"), 2);
    // The condition is the content that was last, not the one before.
    crawl.run().expect_code(0);
    assert_eq!(rows(&out, "SELECT status, title FROM pages"), ["304 A"]);
    assert_eq!(
        rows(
            &out,
            "SELECT title FROM fetch f JOIN version v ON v.id = f.version ORDER BY f.id"
        ),
        ["A", "B", "A", "A"]
    );
}

#[test]
fn a_failed_recrawl_overwrites_nothing() {
    let site = Site::start();
    site.page("/", "<a href='/a'>a</a>");
    site.page("/a", "<title>good</title><a href='/b'>b</a>");
    site.page("/b", "<title>below</title>");
    let crawl = crawl(&site).args(["--retries", "0"]);
    crawl.run().expect_code(0);
    site.reply("/a", Reply::new(500));
    site.forget();
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    assert_eq!(
        rows(
            &out,
            "SELECT status, title, current, file IS NOT NULL FROM pages WHERE url LIKE '%/a'"
        ),
        ["500 good 0 1"]
    );
    // Nothing led to it in this run: it was asked for all the same, once.
    assert_eq!(paths(&site), ["/", "/a", "/b"]);
    assert_eq!(
        rows(
            &out,
            "SELECT status, found_by FROM pages WHERE url LIKE '%/b'"
        ),
        ["200 earlier run"]
    );
    // It is back, and asked for by the condition of its last good content.
    site.reply("/a", tagged("x", "<title>good</title><a href='/b'>b</a>"));
    crawl.run().expect_code(0);
    crawl.run().expect_code(0);
    assert_eq!(
        rows(
            &out,
            "SELECT status, title, current FROM pages WHERE url LIKE '%/a'"
        ),
        ["304 good 1"]
    );
    expect_sound(&out);
}

/// A body whose file is gone, or that came cut, is asked for without a condition.
#[test]
fn conditions_only_of_what_is_whole_and_there() {
    let site = Site::start();
    site.reply("/", tagged("i", "<a href='/a'>a</a><a href='/long'>b</a>"));
    site.reply("/a", tagged("a", "here"));
    site.reply("/long", tagged("l", &"x".repeat(5000)));
    let crawl = crawl(&site).args(["--max-body", "4kB"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let file = rows(&out, "SELECT file FROM pages WHERE url LIKE '%/a'").remove(0);
    std::fs::remove_file(out.join(&file)).expect("removed");
    crawl.run().expect_code(0);
    assert_eq!(
        rows(
            &out,
            &format!(
                "SELECT status, conditional FROM requests WHERE run = {LAST} AND kind = 'page' ORDER BY url"
            )
        ),
        ["304 1", "200 0", "200 0"]
    );
    assert!(out.join(&file).exists());
    // Read by other settings it may say something else.
    let other = crawl.run_args([
        "--seed",
        &site.url("/"),
        "-o",
        "out",
        "--user-agent",
        "otherbot/1.0",
    ]);
    other.expect_code(0);
    assert_eq!(
        number(
            &out,
            &format!("SELECT count(*) FROM requests WHERE run = {LAST} AND conditional")
        ),
        0
    );
    expect_sound(&out);
}

fn web(site: &Site) {
    site.page("/", "<a href='/a/1'>x</a><a href='/b/1'>x</a>");
    for folder in ["a", "b"] {
        for n in 1..6 {
            let next = format!(
                "<title>{folder}{n}</title><a href='/{folder}/{}'>x</a>",
                n + 1
            );
            site.page(&format!("/{folder}/{n}"), &next);
        }
        site.page(&format!("/{folder}/6"), "end");
    }
}

fn settings(site: &Site, more: &[&str]) -> Vec<String> {
    let url = site.url("/");
    let fixed = ["--seed", &url, "--rate", "unlimited", "-o", "out"];
    fixed
        .iter()
        .chain(more)
        .map(|word| (*word).to_owned())
        .collect()
}

/// Each start is stopped by a limit; the next has other settings, and what they let in is what is had.
#[test]
fn changed_settings_decide_anew() {
    let site = Site::start();
    web(&site);
    let crawl = Crawl::new();
    let out = crawl.dir().join("out");
    crawl
        .run_args(settings(
            &site,
            &["--max-depth", "2", "--exclude", "/b/", "--max-pages", "2"],
        ))
        .expect_code(11);
    assert_eq!(paths(&site), ["/", "/a/1"]);
    let run = crawl
        .run_args(settings(
            &site,
            &["--max-depth", "4", "--exclude", "/a/", "--max-pages", "3"],
        ))
        .expect_code(11);
    for said in [
        "scope.max-depth was 2, is 4",
        "what belongs to the crawl was decided anew",
    ] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
    assert_eq!(paths(&site), ["/", "/a/1", "/b/1", "/b/2", "/b/3"]);
    expect_sound(&out);
    // What was asked for under other settings keeps its outcome.
    assert_eq!(
        rows(
            &out,
            "SELECT p.status, p.title, u.decision, u.rule FROM pages p JOIN urls u USING (url) WHERE url LIKE '%/a/1'"
        ),
        ["200 a1 excluded exclude /a/"]
    );
    // Everything is let in: nothing is asked for again.
    let run = crawl.run_args(settings(&site, &[])).expect_code(0);
    assert_eq!(paths(&site).len(), 13, "{}", run.stderr);
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE status = 200"),
        13
    );
    assert_eq!(number(&out, "SELECT max(depth) FROM pages"), 6);
    assert_eq!(number(&out, "SELECT max(run) FROM runs"), 1);
    expect_sound(&out);
}

#[test]
fn other_seeds_are_refused_and_can_be_added() {
    let (site, other) = (Site::start(), Site::start());
    web(&site);
    other.page("/", "<a href='/x'>x</a>");
    other.page("/x", &format!("<a href='{}'>x</a>", site.url("/lonely")));
    site.page("/lonely", "x");
    site.page("/a/6", &format!("<a href='{}'>x</a>", other.url("/y")));
    other.page("/y", "in once the seed is there");
    let crawl = Crawl::new();
    let out = crawl.dir().join("out");
    crawl.run_args(settings(&site, &[])).expect_code(0);
    let refused = crawl.run_args(settings(&other, &[])).expect_code(2).stderr;
    for word in [&site.url("/"), "-o DIR", "--fresh", "--add"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    let before = site.hits().len();
    crawl.run_args(settings(&other, &["--add"])).expect_code(0);
    assert_eq!(paths(&other), ["/", "/x", "/y"]);
    // Of the site that was crawled already, only what is new is asked for.
    assert_eq!(site.hits().len() - before, 1);
    assert_eq!(number(&out, "SELECT max(run) FROM runs"), 1);
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 17);
    expect_sound(&out);
    // From now on both are the crawl's seeds.
    let seeds = [site.url("/"), other.url("/")];
    crawl
        .run_args([
            "--seed",
            &seeds[0],
            "--seed",
            &seeds[1],
            "-o",
            "out",
            "--rate",
            "unlimited",
        ])
        .expect_code(0);
    assert_eq!(number(&out, "SELECT max(run) FROM runs"), 2);
    // Moved aside, never deleted.
    crawl
        .run_args(settings(&other, &["--fresh"]))
        .expect_code(0);
    assert_eq!(
        number(&crawl.dir().join("out.1"), "SELECT max(run) FROM runs"),
        2
    );
    assert_eq!(number(&out, "SELECT max(run) FROM runs"), 1);
}

/// A re-crawl that is killed goes on as what it is.
#[test]
fn a_killed_recrawl_goes_on() {
    let site = Site::start();
    for n in 0..200 {
        let links = format!(
            "<a href='/{}'>x</a><a href='/{}'>x</a>",
            2 * n + 1,
            2 * n + 2
        );
        site.reply(&format!("/{n}"), tagged(&n.to_string(), &links));
    }
    site.reply("/", tagged("root", "<a href='/0'>x</a>"));
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "400/s", "-o", "out"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    // What was not there then is not missed now.
    let all = number(&out, "SELECT count(*) FROM pages WHERE status = 200");
    // The pages from 50 on are linked no more.
    site.reply("/49", tagged("49b", "x"));
    for n in 24..49 {
        site.reply(&format!("/{n}"), tagged(&format!("{n}b"), "x"));
    }
    let mut kills = 0;
    loop {
        site.forget();
        let mut child = crawl.spawn();
        child.wait_until("some requests, or the end", |child| {
            site.hits().len() > 60 || child.stderr().contains("finished")
        });
        if child.kill9().stderr.contains("finished") {
            break;
        }
        kills += 1;
        assert!(kills < 60, "it does not get on");
    }
    assert!(kills > 0);
    assert_eq!(number(&out, "SELECT max(run) FROM runs"), 2);
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), all);
    assert!(
        number(
            &out,
            "SELECT count(*) FROM pages WHERE found_by = 'earlier run'"
        ) > 50
    );
    expect_sound(&out);
}

/// A database of an earlier schema is brought up to date, by a query as by a crawl, views of the user's
/// included.
#[test]
fn an_older_schema_is_migrated() {
    let cases = [1, 2].map(|version| ["query", "crawl"].map(|first| (version, first)));
    for (version, first) in cases.into_iter().flatten() {
        let old = format!(
            "{}/fixtures/databases/schema-{version}.db",
            env!("CARGO_MANIFEST_DIR")
        );
        let crawl = Crawl::new();
        let out = crawl.dir().join("out");
        std::fs::create_dir(&out).expect("made");
        std::fs::copy(old, out.join("crawl.db")).expect("copied");
        let database =
            tokio_rusqlite::rusqlite::Connection::open(out.join("crawl.db")).expect("opened");
        database
            .execute_batch("CREATE VIEW mine AS SELECT url FROM pages WHERE status = 200")
            .expect("made");
        drop(database);
        if first == "query" {
            let said = crawl.run_args([
                "query",
                "-o",
                "out",
                "-f",
                "csv",
                "SELECT count(*) AS n FROM pages",
            ]);
            assert_eq!(said.expect_code(0).stdout, "n\n10\n");
        }
        // Its site is gone; what was had is still there, robots.txt included.
        crawl
            .run_args([
                "-o",
                "out",
                "--rate",
                "unlimited",
                "--retries",
                "0",
                "--no-files",
            ])
            .expect_code(0);
        assert_eq!(
            number(&out, "SELECT user_version FROM pragma_user_version"),
            3
        );
        assert_eq!(number(&out, "SELECT count(*) FROM mine"), 9);
        assert_eq!(number(&out, "SELECT count(*) FROM resources"), 16);
        expect_sound(&out);
    }
}

/// Without seeds and without a file, the crawl that is there goes on as it was started last.
#[test]
fn without_seeds_it_goes_on_with_its_own_settings() {
    let site = Site::start();
    web(&site);
    let crawl = Crawl::new();
    let secret = [
        "--max-depth",
        "3",
        "--max-pages",
        "4",
        "--header",
        "X-Key: s3cret",
    ];
    crawl.run_args(settings(&site, &secret)).expect_code(11);
    // A secret that is not stored is asked for: without it, it would be another crawl.
    let run = crawl.run_args(["-o", "out"]).expect_code(2);
    let said = "fetch.header = \"<redacted>\": the last start of out had a secret there";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    let again = ["-o", "out", "--header", "X-Key: s3cret"];
    let run = crawl.run_args(again).expect_code(0);
    let said = "settings: as at the last start of out\n";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    let out = crawl.dir().join("out");
    assert_eq!(number(&out, "SELECT max(depth) FROM pages"), 3);
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 7);
    // Flags lie over them.
    let run = crawl.run_args([
        "-o",
        "out",
        "--max-depth",
        "4",
        "--max-pages",
        "unlimited",
        "--header",
        "X-Key: s3cret",
    ]);
    assert!(run.expect_code(0).stderr.contains("run 2"));
    assert_eq!(number(&out, "SELECT max(depth) FROM pages"), 4);
    expect_sound(&out);
}
