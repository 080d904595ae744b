//! Whole crawls of well-behaved sites: what is fetched, what is kept, where it stops.

use std::path::Path;
use std::time::Duration;

use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

/// A crawl without waits.
fn fast(site: &Site) -> Crawl {
    Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"])
}

/// The paths that the database says were fetched with 200, in order.
fn fetched(crawl: &Crawl, site: &Site) -> Vec<String> {
    let sql = "SELECT url FROM pages WHERE status = 200 ORDER BY url";
    rows(&crawl.dir().join("out"), sql)
        .iter()
        .map(|url| url.replace(&site.url(""), ""))
        .collect()
}

#[test]
fn a_small_site_whole() {
    let site = Site::start();
    site.folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/site"));
    let crawl = fast(&site);
    let said = crawl.run().expect_code(0).stderr;
    let out = crawl.dir().join("out");
    expect_sound(&out);
    assert!(
        said.contains("finished") && said.contains("crawl query -o out"),
        "{said}"
    );
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE status = 200"),
        13
    );
    assert_eq!(
        rows(
            &out,
            "SELECT title, charset FROM pages WHERE url LIKE '%russian.html'"
        ),
        ["Общество маяков windows-1251"]
    );
    assert_eq!(
        rows(
            &out,
            "SELECT count(*), max(copies) FROM duplicates WHERE url LIKE '%copy.html' OR url LIKE '%about.html'"
        ),
        ["2 2"]
    );
    assert_eq!(
        rows(
            &out,
            "SELECT error, rule FROM pages WHERE url LIKE '%/private/'"
        ),
        ["robots_disallowed Disallow: /private/"]
    );
    assert_eq!(
        rows(
            &out,
            "SELECT DISTINCT kind FROM links WHERE to_url LIKE '%.png' OR to_url LIKE '%.css' ORDER BY 1"
        ),
        ["icon", "img", "stylesheet"]
    );
    assert_eq!(
        rows(&out, "SELECT status, count(*) FROM broken_links GROUP BY 1").len(),
        1
    );
    // robots.txt came first, nothing was asked for twice, and each hit is a row.
    let hits = site.hits();
    assert_eq!(hits[0].path, "/robots.txt");
    assert!(hits.iter().all(|hit| site.count(&hit.path) == 1));
    assert_eq!(
        number(&out, "SELECT count(*) FROM requests"),
        hits.len() as i64
    );
    assert_eq!(
        hits[1].header("user-agent"),
        Some(concat!("crawl/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(number(&out, "SELECT count(*) FROM queue"), 0);
    assert_eq!(
        rows(&out, "SELECT state, how FROM runs"),
        ["finished finished"]
    );
}

#[test]
fn redirects_are_rows_and_targets_pages() {
    let site = Site::start();
    site.page("/", "<a href=/old>1</a><a href=/older>2</a><a href=/loop>3</a><a href=/self>4</a><a href=/lost>5</a><a href=/far>6</a>");
    site.reply("/older", Reply::new(302).header("Location", "old"));
    site.reply("/old", Reply::new(301).header("Location", "/new#part"));
    site.page("/new", "<title>New</title>");
    site.reply("/loop", Reply::new(301).header("Location", "/pool"));
    site.reply("/pool", Reply::new(301).header("Location", "/loop"));
    site.reply("/self", Reply::new(308).header("Location", "/self"));
    site.reply("/lost", Reply::new(301));
    site.dynamic(|path, _| {
        let hops: u32 = if path == "/far" {
            0
        } else {
            path.strip_prefix("/far")?.parse().ok()?
        };
        Some(Reply::new(302).header("Location", &format!("/far{}", hops + 1)))
    });
    let crawl = fast(&site).args(["--max-redirects", "4"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let host = site.url("");
    let table = |sql: &str| -> Vec<String> {
        rows(&out, sql)
            .iter()
            .map(|row| row.replace(&host, ""))
            .collect()
    };
    assert_eq!(
        table(
            "SELECT url, status, redirect_to, target_status FROM redirects WHERE url NOT LIKE '%/far%' AND error IS NULL ORDER BY url"
        ),
        [
            "/loop 301 /pool 301",
            "/old 301 /new 200",
            "/older 302 /old 301"
        ]
    );
    assert_eq!(
        table("SELECT url FROM pages WHERE error = 'redirect_loop' ORDER BY url"),
        ["/pool", "/self"]
    );
    assert_eq!(
        table("SELECT url FROM pages WHERE error = 'bad_redirect'"),
        ["/lost"]
    );
    assert_eq!(
        table("SELECT depth FROM pages WHERE url LIKE '%/new'"),
        ["1"],
        "a redirect adds no depth"
    );
    assert_eq!(site.count("/new"), 1);
    // Four hops are followed, the fifth is cut, and said so.
    assert_eq!((site.count("/far4"), site.count("/far5")), (1, 0));
    assert_eq!(
        table("SELECT decision, rule FROM urls WHERE url LIKE '%/far5'"),
        ["cut max-redirects 4"]
    );
}

#[test]
fn scope_by_words_and_patterns() {
    let site = Site::start();
    let (here, other) = (site.url("/docs/a"), Site::start());
    site.page(
        "/docs/a",
        &format!(
            "<a href=b>b</a><a href=/top>t</a><a href=deep/c.pdf>c</a><a href={}>o</a>",
            other.url("/x")
        ),
    );
    for path in ["/docs/b", "/top", "/docs/deep/c.pdf"] {
        site.page(path, "x");
    }
    other.page("/x", "x");
    let all = ["/docs/a", "/docs/b", "/docs/deep/c.pdf", "/top"];
    for (args, wanted, elsewhere) in [
        (vec![], all.to_vec(), 0),
        (vec!["--scope", "page"], vec!["/docs/a"], 0),
        (
            vec!["--scope", "prefix"],
            vec!["/docs/a", "/docs/b", "/docs/deep/c.pdf"],
            0,
        ),
        (vec!["--scope", "any", "--allow-private"], all.to_vec(), 1),
        (
            vec!["--scope", "domain", "--allow-private"],
            all.to_vec(),
            1,
        ),
        (
            vec!["--exclude", r"\.pdf$"],
            vec!["/docs/a", "/docs/b", "/top"],
            0,
        ),
        (
            vec!["--include", "/docs/", "--exclude", "deep"],
            vec!["/docs/a", "/docs/b"],
            0,
        ),
        (vec!["--max-depth", "0"], vec!["/docs/a"], 0),
    ] {
        other.forget();
        let crawl = Crawl::new()
            .args(["--seed", &here, "--rate", "unlimited", "-o", "out"])
            .args(&args);
        crawl.run().expect_code(0);
        let paths: Vec<String> = fetched(&crawl, &site)
            .into_iter()
            .filter(|url| url.starts_with('/'))
            .collect();
        assert_eq!(
            (paths, other.count("/x")),
            (wanted.iter().map(ToString::to_string).collect(), elsewhere),
            "{args:?}"
        );
    }
}

#[test]
fn nofollow_is_obeyed_and_recorded_unless_told_otherwise() {
    let site = Site::start();
    site.page(
        "/",
        "<a rel='nofollow ugc' href=/a>a</a><a href=/b>b</a><a href=/d>d</a>",
    );
    site.page(
        "/b",
        "<meta name=robots content='noindex, nofollow'><a href=/c>c</a>",
    );
    site.reply(
        "/d",
        Reply::html("<a href=/e>e</a>").header("X-Robots-Tag", "nofollow"),
    );
    for path in ["/a", "/c", "/e"] {
        site.page(path, "x");
    }
    let crawl = fast(&site);
    crawl.run().expect_code(0);
    assert_eq!(fetched(&crawl, &site), ["/", "/b", "/d"]);
    let out = crawl.dir().join("out");
    assert_eq!(
        rows(
            &out,
            "SELECT decision, rule FROM urls WHERE decision = 'cut'"
        ),
        ["cut nofollow"; 3]
    );
    assert_eq!(
        rows(&out, "SELECT rel FROM links WHERE to_url LIKE '%/a'"),
        ["nofollow ugc"]
    );
    assert_eq!(
        rows(
            &out,
            "SELECT directives, noindex FROM pages WHERE url LIKE '%/b'"
        ),
        ["nofollow, noindex 1"]
    );
    let crawl = fast(&site).arg("--ignore-nofollow");
    crawl.run().expect_code(0);
    assert_eq!(fetched(&crawl, &site), ["/", "/a", "/b", "/c", "/d", "/e"]);
}

/// The shorter route to /deep is found last, because its first step is slow: what was too deep by the long
/// one is fetched all the same.
#[test]
fn depth_is_the_least_whatever_came_first() {
    let site = Site::start();
    site.page("/", "<a href=/1>1</a><a href=/slow>s</a>");
    site.page("/1", "<a href=/2>2</a>");
    site.page("/2", "<a href=/deep>d</a>");
    site.reply(
        "/slow",
        Reply::html("<a href=/deep>d</a>").delay(Duration::from_millis(700)),
    );
    site.page("/deep", "<a href=/last>l</a>");
    site.page("/last", "<a href=/over>o</a>");
    site.page("/over", "x");
    let crawl = fast(&site).args(["--max-depth", "3"]);
    crawl.run().expect_code(0);
    assert_eq!(
        fetched(&crawl, &site),
        ["/", "/1", "/2", "/deep", "/last", "/slow"]
    );
    let out = crawl.dir().join("out");
    assert_eq!(
        number(&out, "SELECT depth FROM pages WHERE url LIKE '%/last'"),
        3
    );
    assert_eq!(
        rows(
            &out,
            "SELECT decision, rule FROM urls WHERE url LIKE '%/over'"
        ),
        ["cut max-depth 3"]
    );
    expect_sound(&out);
}

#[test]
fn max_pages_is_never_passed_and_the_next_start_goes_on() {
    let site = Site::start();
    site.tree(60, 3);
    let crawl = fast(&site).args(["--max-pages", "25", "--host-concurrency", "16"]);
    for (code, pages) in [(11, 25), (11, 50), (0, 60)] {
        let said = crawl.run().expect_code(code).stderr;
        let out = crawl.dir().join("out");
        assert_eq!(
            number(&out, "SELECT count(*) FROM pages WHERE status = 200"),
            pages,
            "{said}"
        );
    }
    assert_eq!(
        site.hits()
            .iter()
            .filter(|hit| hit.path != "/robots.txt")
            .count(),
        60
    );
}

#[test]
fn time_limit_stops_with_the_queue_kept() {
    let site = Site::start();
    site.tree(500, 3);
    let crawl = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--rate",
        "50/s",
        "--time-limit",
        "1s",
        "-o",
        "out",
    ]);
    crawl.run().expect_code(11);
    let out = crawl.dir().join("out");
    assert!(number(&out, "SELECT count(*) FROM queue") > 0);
    assert_eq!(rows(&out, "SELECT state, how FROM runs"), ["stopped limit"]);
}

#[test]
fn a_second_run_keeps_what_is_unchanged_once() {
    let site = Site::start();
    site.page("/", "<title>Same</title><a href=/news>n</a>");
    site.sequence(
        "/news",
        vec![
            Reply::html("<title>A</title>"),
            Reply::html("<title>B</title>"),
            Reply::html("<title>A</title>"),
            Reply::new(500),
        ],
    );
    let crawl = fast(&site).args(["--retries", "0"]);
    let out = crawl.dir().join("out");
    for title in ["A", "B", "A", "A"] {
        crawl.run().expect_code(0);
        assert_eq!(
            rows(&out, "SELECT title FROM pages WHERE url LIKE '%/news'"),
            [title]
        );
    }
    // Three contents in all: one of /, two of /news; A came back without a new version.
    assert_eq!(number(&out, "SELECT count(*) FROM version"), 3);
    assert_eq!(
        number(&out, "SELECT count(*) FROM requests WHERE kind = 'page'"),
        8
    );
    // The failure of the last run overwrote nothing: outcome and last good version stand side by side.
    assert_eq!(
        rows(
            &out,
            "SELECT status, title, current FROM pages WHERE url LIKE '%/news'"
        ),
        ["500 A 0"]
    );
    expect_sound(&out);
}

#[test]
fn hosts_are_crawled_side_by_side_each_by_its_robots() {
    let (one, two) = (Site::start(), Site::start());
    one.robots("User-agent: crawl\nDisallow: /no");
    two.robots("User-agent: *\nDisallow: /");
    one.page("/", "<a href=/no>n</a><a href=/yes>y</a>");
    one.page("/yes", "x");
    let crawl = Crawl::new()
        .args(["--input-file", "-", "--rate", "unlimited", "-o", "out"])
        .stdin(&format!("# two\n{}\n\n{}\n", one.url("/"), two.url("/")));
    crawl.run().expect_code(0);
    assert_eq!(
        (one.count("/no"), one.count("/yes"), two.count("/")),
        (0, 1, 0)
    );
    assert_eq!(
        rows(
            &crawl.dir().join("out"),
            "SELECT class, count(*) FROM errors GROUP BY 1"
        ),
        ["robots_disallowed 2"]
    );
}

#[test]
fn no_files_means_no_files() {
    let site = Site::start();
    site.page("/", "<title>x</title>");
    let crawl = fast(&site).arg("--no-files");
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    assert!(!out.join("pages").exists());
    assert_eq!(rows(&out, "SELECT title, file FROM pages"), ["x -"]);
}

#[test]
fn headers_of_a_response_are_kept_but_no_secrets() {
    let site = Site::start();
    site.reply(
        "/",
        Reply::html("<a href=/b>b</a>")
            .header("Set-Cookie", "session=s3cret")
            .header("X-Powered-By", "tests")
            .header("ETag", "\"v1\""),
    );
    site.page("/b", "b");
    let crawl = fast(&site).args([
        "--header",
        "Authorization: Bearer t0ken",
        "--header",
        "X-Extra: yes",
    ]);
    crawl.run().expect_code(0);
    let hit = &site.hits_of("/b")[0];
    assert_eq!(
        (hit.header("authorization"), hit.header("x-extra")),
        (Some("Bearer t0ken"), Some("yes"))
    );
    let out = crawl.dir().join("out");
    assert_eq!(
        rows(
            &out,
            "SELECT etag FROM requests WHERE headers LIKE '%x-powered-by: tests%'"
        ),
        ["\"v1\""]
    );
    let bytes = std::fs::read(out.join("crawl.db")).expect("a database");
    for secret in ["s3cret", "t0ken"] {
        assert!(
            !bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes()),
            "{secret}"
        );
    }
}
