//! Servers that misbehave: every outcome is a row with a class, healthy pages beside it are fetched, and
//! the crawl ends by itself.

use std::time::Duration;

use crate::support::{Crawl, Fault, Reply, Site, expect_sound, number, rows};

/// A crawl with short patience and no waits.
fn short(site: &Site) -> Crawl {
    let config = "[fetch]\nretry-wait = \"1ms\"\nretries = 1\ntimeout = \"3s\"\nread-timeout = \"1s\"\nconnect-timeout = \"1s\"\nmax-body = \"100KiB\"\n[politeness]\nrate = \"unlimited\"\nhost-concurrency = 32\nmax-failures = 1000\nadaptive = false\n";
    let crawl = Crawl::new().args(["--config", "c.toml", "--seed", &site.url("/"), "-o", "out"]);
    crawl.file("c.toml", config);
    crawl
}

#[test]
fn every_fault_is_a_row_and_harms_no_other() {
    let faults = [
        ("/close", Fault::CloseBeforeHead, "reset", 2),
        ("/reset", Fault::ResetBeforeHead, "reset", 2),
        ("/mid-head", Fault::CloseMidHead, "reset", 2),
        ("/mid-body", Fault::CloseMidBody, "truncated", 2),
        ("/stall", Fault::StallBeforeHead, "timeout", 2),
        ("/stall-body", Fault::StallMidBody, "timeout", 2),
        ("/short", Fault::ShortBody, "truncated", 2),
        ("/chunks", Fault::BrokenChunks, "truncated", 2),
        ("/unfinished", Fault::UnfinishedChunks, "truncated", 2),
        (
            "/drip",
            Fault::Drip(Duration::from_millis(400)),
            "timeout",
            2,
        ),
        ("/garbage", Fault::GarbageStatusLine, "protocol", 1),
        ("/endless-head", Fault::EndlessHead, "protocol", 1),
    ];
    let site = Site::start();
    let mut links = String::from("<a href=/healthy>h</a>");
    for (path, fault, ..) in faults {
        site.misbehave(path, fault);
        links += &format!("<a href={path}>x</a>");
    }
    site.page("/", &links);
    site.page("/healthy", "<title>Healthy</title>");
    let crawl = short(&site);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    for (path, fault, class, attempts) in faults {
        let sql = format!("SELECT error, attempts FROM pages WHERE url LIKE '%{path}'");
        assert_eq!(
            rows(&out, &sql),
            [format!("{class} {attempts}")],
            "{fault:?}"
        );
        let requests = number(
            &out,
            &format!("SELECT count(*) FROM requests WHERE url LIKE '%{path}'"),
        );
        assert_eq!(requests, attempts, "each attempt is a row: {fault:?}");
    }
    assert_eq!(
        rows(&out, "SELECT title FROM pages WHERE url LIKE '%/healthy'"),
        ["Healthy"]
    );
    // Nothing was read out of what did not come whole.
    assert_eq!(site.count("/after-fault"), 0);
    expect_sound(&out);
}

#[test]
fn long_and_lying_bodies() {
    let site = Site::start();
    site.page("/", "<a href=/endless>e</a><a href=/long>l</a><a href=/lying>y</a><a href=/empty>m</a><a href=/none>n</a>");
    site.misbehave("/endless", Fault::EndlessBody);
    site.page(
        "/long",
        &format!("<title>Long</title>{}", "x".repeat(300_000)),
    );
    site.misbehave("/lying", Fault::LongBody);
    site.page("/empty", "");
    site.reply("/none", Reply::new(204));
    let crawl = short(&site).args(["--max-depth", "1"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    for path in ["endless", "long"] {
        let sql =
            format!("SELECT status, error, bytes, truncated FROM pages WHERE url LIKE '%/{path}'");
        assert_eq!(rows(&out, &sql), ["200 - 102400 1"], "{path}");
    }
    assert_eq!(
        rows(
            &out,
            "SELECT status, bytes FROM pages WHERE url LIKE '%/empty' OR url LIKE '%/none' ORDER BY url"
        ),
        ["200 0", "204 -"]
    );
    expect_sound(&out);
}

#[test]
fn passing_failures_are_tried_again() {
    let site = Site::start();
    site.page(
        "/",
        "<a href=/flaky>f</a><a href=/broken>b</a><a href=/gone>g</a>",
    );
    site.sequence(
        "/flaky",
        vec![
            Reply::fault(Fault::CloseBeforeHead),
            Reply::new(500),
            Reply::html("<title>At last</title>"),
        ],
    );
    site.reply("/broken", Reply::new(500));
    site.reply("/gone", Reply::new(410));
    let crawl = short(&site).args(["--retries", "2"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    assert_eq!(
        rows(
            &out,
            "SELECT status, error FROM requests WHERE url LIKE '%/flaky' ORDER BY id"
        ),
        ["- reset", "500 -", "200 -"]
    );
    assert_eq!(
        rows(
            &out,
            "SELECT title, attempts FROM pages WHERE url LIKE '%/flaky'"
        ),
        ["At last 3"]
    );
    assert_eq!((site.count("/broken"), site.count("/gone")), (3, 1));
    assert_eq!(
        rows(&out, "SELECT class, attempts FROM errors ORDER BY 1"),
        ["http_410 1", "http_500 3"]
    );
}

#[test]
fn a_host_that_only_fails_is_set_aside_and_its_urls_wait() {
    let site = Site::start();
    site.page(
        "/",
        &(0..30)
            .map(|i| format!("<a href=/x{i}>x</a>"))
            .collect::<String>(),
    );
    site.reply("/robots.txt", Reply::new(404));
    site.dynamic(|_, _| Some(Reply::fault(Fault::CloseBeforeHead)));
    let crawl = Crawl::new().args(["--config", "c.toml", "--seed", &site.url("/"), "-o", "out"]);
    crawl.file(
        "c.toml",
        "[politeness]\nrate = \"unlimited\"\nmax-failures = 4\n[fetch]\nretries = 0\n",
    );
    let said = crawl.run().expect_code(4).stderr;
    assert!(said.contains("deferred"), "{said}");
    let out = crawl.dir().join("out");
    assert_eq!(
        rows(&out, "SELECT DISTINCT deferred FROM queue"),
        ["host set aside: 4 failures in a row"]
    );
    assert_eq!(rows(&out, "SELECT state FROM run"), ["deferred"]);
    let status = crawl
        .run_args(["status", "-o", "out"])
        .expect_code(0)
        .stdout;
    assert!(
        status.contains("deferred") && status.contains("set aside: 4 failures in a row"),
        "{status}"
    );
    // The same command tries them again, and only them.
    site.dynamic(|_, _| Some(Reply::html("x")));
    crawl.run().expect_code(0);
    assert_eq!(number(&out, "SELECT count(*) FROM queue"), 0);
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 31);
}

#[test]
fn private_addresses_are_refused_unless_named() {
    let (site, other) = (Site::start(), Site::start());
    other.page("/", "x");
    site.page(
        "/",
        &format!(
            "<a href={}>o</a><a href=/hop>h</a><a href=http://localhost:{}/>l</a>",
            other.url("/"),
            other.port()
        ),
    );
    site.reply(
        "/hop",
        Reply::new(302).header("Location", "http://169.254.169.254/latest/"),
    );
    let crawl = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--scope",
        "any",
        "--rate",
        "unlimited",
        "-o",
        "out",
    ]);
    crawl.run().expect_code(0);
    assert_eq!(other.hits().len(), 0);
    let out = crawl.dir().join("out");
    assert_eq!(
        rows(
            &out,
            "SELECT count(*) FROM pages WHERE error = 'private_address'"
        ),
        ["3"]
    );
    let crawl = Crawl::new().args([
        "--seed",
        &other.url("/"),
        "--rate",
        "unlimited",
        "--scope",
        "any",
        "--allow-private",
        "-o",
        "out",
    ]);
    crawl.run().expect_code(0);
    assert_eq!(other.count("/"), 1);
}

#[test]
fn names_of_pages_never_leave_the_output() {
    let site = Site::start();
    let paths = [
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e%5c%2e%2e%5cx",
        "/a%00b",
        "/con",
        "/CON",
        "/.hidden",
        &format!("/{}", "n".repeat(300)),
    ];
    site.page(
        "/",
        &paths
            .iter()
            .map(|path| format!("<a href='{path}'>x</a>"))
            .collect::<String>(),
    );
    site.dynamic(|path, _| Some(Reply::html(path)));
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    expect_sound(&out);
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE file IS NOT NULL"),
        paths.len() as i64 + 1
    );
    let outside = std::fs::read_dir(crawl.dir()).expect("a directory").count();
    assert_eq!(outside, 1, "nothing but the output");
    for file in rows(&out, "SELECT file FROM pages") {
        assert!(
            file.is_ascii() && !file.contains("..") && file.len() < 160,
            "{file}"
        );
    }
}

/// The site plays the proxy: it gets whole URLs. Names are the proxy's to resolve; what is plainly private
/// is refused before it is sent.
#[test]
fn through_a_proxy() {
    let proxy = Site::start();
    proxy.dynamic(|url, _| {
        (url == "http://a.example/").then(|| {
            Reply::html(
                "<title>By proxy</title><a href=http://10.0.0.1/>x</a><a href=http://localhost/>x</a>",
            )
        })
    });
    let crawl = Crawl::new().args([
        "--seed",
        "http://a.example/",
        "--scope",
        "any",
        "--proxy",
        &proxy.url(""),
        "-o",
        "out",
    ]);
    let said = crawl.run().expect_code(0).stderr;
    assert!(said.contains("through the proxy"), "{said}");
    let out = crawl.dir().join("out");
    assert_eq!(
        rows(&out, "SELECT title FROM pages WHERE status = 200"),
        ["By proxy"]
    );
    assert_eq!(
        number(
            &out,
            "SELECT count(*) FROM pages WHERE error = 'private_address'"
        ),
        2
    );
    let asked: Vec<String> = proxy.hits().into_iter().map(|hit| hit.path).collect();
    assert_eq!(asked, ["http://a.example/robots.txt", "http://a.example/"]);
}

/// What is deferred begins with all its tries: a host that is down for some starts loses no URL.
#[test]
fn deferred_urls_keep_their_tries() {
    let site = Site::start();
    site.reply("/robots.txt", Reply::new(404));
    site.sequence(
        "/",
        vec![
            Reply::fault(Fault::CloseBeforeHead),
            Reply::fault(Fault::CloseBeforeHead),
            Reply::html("<title>Back</title>"),
        ],
    );
    let crawl = Crawl::new().args(["--config", "c.toml", "--seed", &site.url("/"), "-o", "out"]);
    crawl.file(
        "c.toml",
        "[politeness]\nrate = \"unlimited\"\nmax-failures = 1\n[fetch]\nretries = 1\nretry-wait = \"1ms\"\n",
    );
    let out = crawl.dir().join("out");
    for code in [4, 4, 0] {
        crawl.run().expect_code(code);
    }
    assert_eq!(rows(&out, "SELECT title, attempts FROM pages"), ["Back 1"]);
}
