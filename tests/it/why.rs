//! `crawl why`: every URL has an answer, met or not.

use crate::support::{Crawl, Reply, Site, rows};

fn crawl(seed: &str, more: &[&str]) -> Crawl {
    Crawl::new()
        .args(["--seed", seed, "--rate", "unlimited", "-q"])
        .args(["--retry-wait", "10ms"])
        .args(more)
}

fn why(crawl: &Crawl, url: &str) -> String {
    crawl.run_args(["why", url]).expect_code(0).stdout
}

fn json(crawl: &Crawl, url: &str) -> serde_json::Value {
    let stdout = crawl.run_args(["why", "--json", url]).expect_code(0).stdout;
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    serde_json::from_str(&stdout).expect("JSON")
}

/// The first line, and whether the others say all of this.
#[track_caller]
fn expect(said: &str, answer: &str, wanted: &[&str]) {
    assert_eq!(said.lines().next(), Some(answer), "{said}");
    for wanted in wanted {
        assert!(said.contains(wanted), "{wanted:?} is not in\n{said}");
    }
}

/// Links of many kinds, each to what has another fate.
fn many_fates() -> Site {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow: /private\nAllow: /private/open\nCrawl-delay: 0.01");
    site.page(
        "/",
        "<a href=/a>To \u{1b}[31mA</a> <a href=/private/x>x</a> <a href=/private/open>open</a> <a href=/r1>r</a>
         <a href=http://other.example/away>away</a> <a href=/doc.pdf>pdf</a> <img src=/i.png>
         <a rel='nofollow ugc' href=/no>no</a> <a href=/lost>lost</a> <a href=/flaky>f</a> <a href=/broken>b</a>
         <a href=/%7euser>user</a> <a href=/loop>loop</a>",
    );
    site.page("/a", "<a href=/b>To B</a>");
    site.page("/b", "<link rel=next href=/c>");
    site.page("/c", "<title>C, at last</title><a href=/too-deep>d</a>");
    site.page("/private/open", "open");
    let to = |target: &str| Reply::new(301).header("Location", target);
    site.reply("/r1", to("/r2"));
    site.reply("/r2", to("/a"));
    site.reply("/loop", to("/loop"));
    let broken = || Reply::new(500);
    site.sequence("/flaky", vec![broken(), broken(), Reply::html("x")]);
    site.reply("/broken", broken());
    site.page("/~user", "never asked so");
    site.page("/%7euser", "<title>User</title>");
    site
}

#[test]
fn every_fate_has_its_answer() {
    let site = many_fates();
    let limits = ["--max-depth", "3", "--exclude", r"\.pdf$", "--retries", "2"];
    let crawl = crawl(&site.url("/"), &limits);
    crawl.run().expect_code(0);
    for (path, answer, wanted) in [
        (
            "/c",
            "fetched: 200, 1 attempt",
            &[
                "(seed)\n",
                "/a  (a \"To \\u{1b}[31mA\", link 1 of the page above)\n",
                "/b  (a \"To B\", link 1 of the page above)\n",
                "/c  (next rel=next, link 1 of the page above)\n",
                "admitted as a page (scope host): it is on the host of a seed",
                "3 links from the nearest seed",
                "allowed: no line speaks of it",
                "Crawl-delay: 0.01",
                "200 in ",
                "\"C, at last\", text/html, ",
                "pages/127.0.0.1_",
            ][..],
        ),
        (
            "/private/x",
            "forbidden by robots.txt: Disallow: /private",
            &[
                "disallowed (Disallow: /private)\n",
                "/robots.txt of 2",
                "in (scope host): ",
            ],
        ),
        (
            "/private/open",
            "fetched: 200, 1 attempt",
            &["allowed by Allow: /private/open"],
        ),
        (
            "/doc.pdf",
            r"kept out by: exclude \.pdf$",
            &["it matches this --exclude"],
        ),
        (
            "/i.png",
            "only linked; not followed: an asset",
            &["--assets", "(img, link 7 of the page above)"],
        ),
        (
            "/no",
            "cut off by: nofollow",
            &["rel=nofollow ugc", "--ignore-nofollow"],
        ),
        (
            "/too-deep",
            "cut off by: max-depth 3",
            &[
                "4 links from the nearest seed",
                "every way to it that is known is longer",
            ],
        ),
        ("/lost", "failed: 404, 1 attempt", &["404 in "]),
        (
            "/flaky",
            "fetched: 200, 3 attempts",
            &[
                "attempts  2",
                "500 in ",
                "attempt 1 of run 1, not again before 2",
                "attempt 3 of run 1\n",
            ],
        ),
        (
            "/broken",
            "failed: 500, 3 attempts",
            &["attempt 2 of run 1"],
        ),
        (
            "/loop",
            "failed: redirect_loop (status 301), 1 attempt",
            &[],
        ),
        (
            "/robots.txt",
            "asked for as a robots.txt; fetched: 200, 1 attempt",
            &["attempt 1 of run 1, robots"],
        ),
    ] {
        expect(&why(&crawl, &site.url(path)), answer, wanted);
    }
    let away = why(&crawl, "http://other.example/away#there");
    expect(
        &away,
        "kept out by: outside scope host",
        &[
            "it is on the host of no seed",
            "the fragment #there is left out",
        ],
    );
}

#[test]
fn redirects_from_both_ends() {
    let site = many_fates();
    let crawl = crawl(&site.url("/"), &["--retries", "0"]);
    crawl.run().expect_code(0);
    let answer = format!("redirects to {}: 301, 1 attempt", site.url("/r2"));
    let onward = format!(
        "leads to  {} (301)\n          {} (200)\n",
        site.url("/r2"),
        site.url("/a")
    );
    expect(&why(&crawl, &site.url("/r1")), &answer, &[&onward]);
    let back = format!("led here  {}\n", site.url("/r2"));
    expect(
        &why(&crawl, &site.url("/a")),
        "fetched: 200, 1 attempt",
        &[&back],
    );
    expect(
        &why(&crawl, &site.url("/r2")),
        &format!("redirects to {}: 301, 1 attempt", site.url("/a")),
        &["(redirect)"],
    );
}

#[test]
fn one_identity_in_many_spellings() {
    let site = many_fates();
    let crawl = crawl(&site.url("/"), &["--retries", "0"]);
    crawl.run().expect_code(0);
    let host = site.url("").replace("http://", "");
    for spelling in [
        site.url("/%7Euser"),
        site.url("/~user#top"),
        format!("{host}/%7euser"),
        format!("http://me:secret@{host}/x/../%7euser"),
    ] {
        let said = why(&crawl, &spelling);
        let url = format!("url       {}\n", site.url("/%7euser"));
        expect(&said, "fetched: 200, 1 attempt", &[&url, "known by http"]);
        assert!(!said.contains("secret"), "{said}");
    }
    let said = why(&crawl, &format!("https://{host}/a/"));
    let near = format!("similar   {} (200)\n", site.url("/a"));
    expect(
        &said,
        "never met: it is in scope (scope host), but nothing that was read leads to it",
        &[&near],
    );
}

#[test]
fn what_would_become_of_a_url_that_was_never_met() {
    let site = many_fates();
    let limits = [
        "--max-depth",
        "1",
        "--exclude",
        r"\.pdf$",
        "--retries",
        "0",
        "--check-external",
    ];
    let crawl = crawl(&site.url("/"), &limits);
    crawl.run();
    for (url, answer, wanted) in [
        (
            site.url("/new"),
            "never met: it is in scope (scope host), but nothing that was read leads to it",
            &[
                "on a page of depth 0 at the most (max-depth 1)",
                "allowed: no line speaks of it",
                "one request in 10ms (Crawl-delay)",
            ][..],
        ),
        (
            site.url("/private/new"),
            "never met: it is in scope, but robots.txt forbids it: Disallow: /private",
            &["disallowed by Disallow: /private"],
        ),
        (
            site.url("/new.pdf"),
            r"never met: it would be kept out by: exclude \.pdf$",
            &[],
        ),
        (
            "https://unknown.example/x".to_owned(),
            "never met: it is out of scope (outside scope host)",
            &[
                "asked whether it is there",
                "not asked yet: https://unknown.example/robots.txt comes first",
            ],
        ),
    ] {
        expect(&why(&crawl, &url), answer, wanted);
    }
    for text in ["ftp://a.example/", "http://", "mailto:me:secret@a.example"] {
        let said = crawl.run_args(["why", text]).expect_code(2).stderr;
        assert!(
            said.starts_with("crawl: URL = ") && !said.contains("secret"),
            "{said}"
        );
    }
    let said = crawl
        .run_args(["why", "a.example", "-o", "nowhere"])
        .expect_code(2)
        .stderr;
    assert!(said.contains("no crawl here"), "{said}");
}

#[test]
fn what_waits_says_for_what() {
    let site = Site::start();
    let links: String = (0..5).map(|i| format!("<a href=/{i}>{i}</a>")).collect();
    site.page("/", &links);
    site.dynamic(|_, _| Some(Reply::html("x")));
    let crawl = Crawl::new()
        .args(["--seed", &site.url("/"), "-q", "--max-pages", "2"])
        .args(["--rate", "2/s", "--burst", "9"]);
    crawl.run().expect_code(11);
    expect(
        &why(&crawl, &site.url("/1")),
        "waits in the queue, as the next of its host",
        &[
            "nobody crawls now (a limit has stopped it): when the same command goes on",
            "one request in 500ms (rate), 4 URLs in line",
        ],
    );
    expect(
        &why(&crawl, &site.url("/4")),
        "waits in the queue, behind 3 of its host",
        &["3 URLs of its host before it: 2 s at the least"],
    );
    let json = json(&crawl, &site.url("/4"));
    assert_eq!(
        (json["state"].as_str(), json["waits"]["ahead"].as_u64()),
        (Some("waiting"), Some(3))
    );
    assert_eq!(json["run_state"], "stopped");
}

#[test]
fn a_held_host_and_a_retry() {
    let site = Site::start();
    site.page("/", "<a href=/busy>b</a><a href=/later>l</a>");
    site.reply("/busy", Reply::new(429).header("Retry-After", "300"));
    site.page("/later", "x");
    let crawl = crawl(&site.url("/"), &["--host-concurrency", "1"]);
    let mut running = crawl.spawn();
    let out = crawl.dir().join("crawl-out");
    running.wait_until("hold", |_| {
        out.join("crawl.db").exists()
            && site.count("/busy") == 1
            && rows(&out, "SELECT 1 FROM host WHERE hold_until > 0").len() == 1
            && rows(&out, "SELECT 1 FROM frontier WHERE attempt = 1").len() == 1
    });
    let held = "asks for fewer requests, Retry-After 300 s";
    expect(
        &why(&crawl, &site.url("/busy")),
        "waits to be tried again: 1 attempt failed, the last with 429",
        &["not before 2", "429 in ", "held until 2", held],
    );
    expect(
        &why(&crawl, &site.url("/later")),
        "waits in the queue, behind 1 of its host",
        &["next      not before 2", held],
    );
    assert_eq!(json(&crawl, &site.url("/later"))["run_state"], "running");
    running.kill9();
    assert_eq!(json(&crawl, &site.url("/later"))["run_state"], "killed");
}

#[test]
fn what_is_deferred_says_why() {
    let site = Site::start();
    site.page("/", "<a href=/busy>b</a><a href=/later>l</a>");
    site.reply("/busy", Reply::new(503).header("Retry-After", "7200"));
    let crawl = crawl(&site.url("/"), &["--host-concurrency", "1"]);
    crawl.run().expect_code(4);
    let said = why(&crawl, &site.url("/later"));
    assert!(said.starts_with("deferred: host set aside: "), "{said}");
    assert!(
        said.contains("next      with the next start: the same command tries it again"),
        "{said}"
    );
    assert!(said.contains("set aside until the next start: "), "{said}");

    let unreachable = Site::start();
    unreachable.reply("/robots.txt", Reply::new(500));
    let crawl = self::crawl(&unreachable.url("/"), &["--retries", "0"]);
    crawl.run().expect_code(4);
    expect(
        &why(&crawl, &unreachable.url("/")),
        "deferred: robots.txt cannot be had",
        &["/robots.txt cannot be had: nothing is allowed until it can"],
    );
}

#[test]
fn earlier_runs_are_told() {
    let site = Site::start();
    site.page("/", "<a href=/a>a</a><a href=/b>b</a>");
    site.page("/a", "<title>one</title>");
    site.page("/b", "x");
    let crawl = crawl(&site.url("/"), &[]);
    crawl.run().expect_code(0);
    site.page("/", "nothing");
    site.page("/a", "<title>two</title>");
    site.reply("/b", Reply::new(410));
    crawl.run().expect_code(0);
    expect(
        &why(&crawl, &site.url("/a")),
        "fetched: 200, 1 attempt",
        &[
            "(earlier run)",
            "admitted as a page (in the last run): nothing leads to it",
            "attempt 1 of run 1\n",
            "attempt 1 of run 2\n",
            "one of 2 that it has had",
            "earlier   run 1: 200, 2",
        ],
    );
    expect(
        &why(&crawl, &site.url("/b")),
        "failed: 410, 1 attempt",
        &["of an earlier answer", "run 1: 200"],
    );
}

#[test]
fn as_json() {
    let site = many_fates();
    let crawl = crawl(&site.url("/"), &["--retries", "0"]);
    crawl.run().expect_code(0);
    let json = json(&crawl, &site.url("/b"));
    for (pointer, wanted) in [
        ("/state", serde_json::json!("fetched")),
        ("/url", serde_json::json!(site.url("/b"))),
        ("/decided/decision", serde_json::json!("admitted")),
        ("/decided/rule", serde_json::json!("scope host")),
        ("/decided/depth", serde_json::json!(2)),
        ("/route/0/found_by", serde_json::json!("seed")),
        ("/route/2/anchor", serde_json::json!("To B")),
        ("/route/2/position", serde_json::json!(1)),
        ("/robots/verdict", serde_json::json!("allowed")),
        ("/robots/status", serde_json::json!(200)),
        ("/scope/inside", serde_json::json!(true)),
        ("/attempts/0/status", serde_json::json!(200)),
        ("/requests_unread", serde_json::json!(0)),
        (
            "/host/name",
            serde_json::json!(site.url("").replace("http://", "")),
        ),
        ("/content/current", serde_json::json!(true)),
        ("/waits", serde_json::Value::Null),
    ] {
        assert_eq!(json.pointer(pointer), Some(&wanted), "{pointer} in {json}");
    }
}

#[test]
fn beyond_the_scope() {
    let (old, new, cdn) = (Site::start(), Site::start(), Site::start());
    old.reply("/", Reply::new(301).header("Location", &new.url("/home")));
    new.page(
        "/home",
        &format!(
            "<a href=/in>in</a><img src='{}'><a href='{}'>out</a>",
            cdn.url("/i.png"),
            cdn.url("/page")
        ),
    );
    new.page("/in", "x");
    cdn.page("/page", &format!("<a href='{}'>on</a>", cdn.url("/far")));
    cdn.page("/far", "y");
    let limits = ["--allow-private", "--assets", "--extra-hops", "1"];
    let crawl = crawl(&old.url("/"), &limits);
    crawl.run().expect_code(0);
    let route = format!(
        "found     {}  (seed)\n          {}  (redirect)\n          {}  (a \"in\", link 1 of the page above)\n",
        old.url("/"),
        new.url("/home"),
        new.url("/in")
    );
    let joined = "admitted as a page (scope host): a seed redirects to where it is";
    expect(
        &why(&crawl, &new.url("/in")),
        "fetched: 200, 1 attempt",
        &[&route, joined],
    );
    for (url, answer, wanted) in [
        (
            new.url("/home"),
            "fetched: 200, 1 attempt",
            "(redirect of a seed): where a seed leads",
        ),
        (
            cdn.url("/i.png"),
            "failed: 404, 1 attempt",
            "admitted as an asset (asset of a page)",
        ),
        (
            cdn.url("/page"),
            "fetched: 200, 1 attempt",
            "1 link from the nearest seed, 1 link beyond the scope",
        ),
        (
            cdn.url("/far"),
            "kept out by: outside scope host",
            "it is on the host of no seed",
        ),
        (
            cdn.url("/new"),
            "never met: it is out of scope (outside scope host)",
            "(extra-hops 1)",
        ),
    ] {
        expect(&why(&crawl, &url), answer, &[wanted]);
    }
}

#[test]
fn an_address_that_is_refused() {
    let site = Site::start();
    site.page("/", "<a href=http://10.1.2.3/x>x</a>");
    let crawl = crawl(&site.url("/"), &["--scope", "any"]);
    crawl.run().expect_code(0);
    expect(
        &why(&crawl, "http://10.1.2.3/x"),
        "failed: private_address, 1 attempt",
        &[
            "none: there was no host to ask",
            "private_address in 0 ms",
            "--allow-private",
        ],
    );
    expect(
        &why(&crawl, "http://10.1.2.4/x"),
        "never met: it is in scope (scope any), but nothing that was read leads to it",
        &["its address is private or local: no request goes there"],
    );
}

#[test]
fn a_database_of_an_earlier_version() {
    let crawl = Crawl::new();
    std::fs::create_dir(crawl.dir().join("old")).expect("a directory");
    let old = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/databases/schema-2.db"
    );
    std::fs::copy(old, crawl.dir().join("old/crawl.db")).expect("a copy");
    for row in rows(&crawl.dir().join("old"), "SELECT text FROM url") {
        crawl.run_args(["why", "-o", "old", &row]).expect_code(0);
    }
}

/// A URL is looked up in the form in which the settings ask for it; what the purpose forbids is forbidden.
#[test]
fn in_the_form_and_for_the_purpose_of_the_settings() {
    let site = Site::start();
    site.robots("User-agent: *\nContent-Signal: /art ai-train=no");
    site.page(
        "/",
        "<a href='/a?utm_source=x'>a</a> <a href='/art/1'>b</a>",
    );
    site.page("/a", "<title>A</title>");
    let more = ["--strip-params", "utm_*", "--purpose", "ai-train"];
    let crawl = crawl(&site.url("/"), &more);
    crawl.run().expect_code(0);
    expect(
        &why(&crawl, &site.url("/a?utm_source=elsewhere")),
        "fetched: 200, 1 attempt",
        &["it is asked for as", "strip-params utm_*"],
    );
    for path in ["/art/1", "/art/2"] {
        let said = why(&crawl, &site.url(path));
        assert!(said.contains("ai-train=no"), "{}", said);
    }
}
