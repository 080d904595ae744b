//! Cookies, credentials, tables of hosts, addresses by hand, proxies, secrets from the environment.

use std::time::Duration;

use crate::support::{Crawl, Hit, Proxy, Reply, Site, expect_sound, number, rows};

/// `me:s3cret` and `you:s3cret`, as Basic has them.
const ME: &str = "Basic bWU6czNjcmV0";
const YOU: &str = "Basic eW91OnMzY3JldA==";

fn crawl(seed: &str) -> Crawl {
    Crawl::new().args(["--seed", seed, "--rate", "unlimited", "-o", "out"])
}

/// The paths that were asked for with this header, and what it was.
fn sent(site: &Site, name: &str) -> Vec<String> {
    let hits = site.hits().into_iter();
    let sent = hits.filter_map(|hit| Some(format!("{} {}", hit.path, hit.header(name)?)));
    sent.collect()
}

fn statuses(crawl: &Crawl) -> Vec<String> {
    rows(
        &crawl.dir().join("out"),
        "SELECT replace(url, rtrim(url, replace(url, '/', '')), '/'), coalesce(status, error) FROM pages ORDER BY 1",
    )
}

#[test]
fn a_site_that_wants_cookies() {
    let site = Site::start();
    site.robots("");
    site.reply(
        "/",
        Reply::html("<a href=/a>x</a><a href=/out>x</a>")
            .header("Set-Cookie", "session=abc123; Path=/; HttpOnly")
            .header("Set-Cookie", "evil=1; Domain=example.com"),
    );
    site.page("/a", "<a href=/b>x</a>");
    site.page("/b", "b");
    let other = Site::start();
    other.page("/", "other");
    site.reply("/out", Reply::new(302).header("Location", &other.url("/")));
    site.guard(|hit| {
        let open = matches!(hit.path.as_str(), "/" | "/robots.txt");
        let known = hit.header("cookie") == Some("session=abc123");
        (!open && !known).then(|| Reply::html("log in first").status(403))
    });
    let with = crawl(&site.url("/"))
        .args(["--cookies", "--scope", "any", "--allow-private", "-vv"])
        .env("NO_COLOR", "1");
    let output = with.run().expect_code(0);
    assert_eq!(
        statuses(&with),
        ["/ 200", "/ 200", "/a 200", "/b 200", "/out 302"],
        "{}",
        output.stderr
    );
    // Cookies know no ports (RFC 6265 §8.5): the other site is the same host.
    assert_eq!(sent(&other, "cookie").len(), 2);
    expect_sound(&with.dir().join("out"));
    nowhere(&with, &output.stderr, "abc123");
    let without = crawl(&site.url("/"));
    without.run().expect_code(0);
    assert_eq!(statuses(&without), ["/ 200", "/a 403", "/out 403"]);
}

/// No trace of a secret in the database, its log, or what was said.
fn nowhere(crawl: &Crawl, said: &str, secret: &str) {
    assert!(!said.contains(secret), "{said}");
    for entry in std::fs::read_dir(crawl.dir().join("out")).expect("an output") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            let found = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{} has it", path.display());
        }
    }
}

#[test]
fn a_cookie_lets_a_circle_be_walked_once_more() {
    let cookie = |hit: &Hit| hit.header("cookie").is_some();
    let site = Site::start();
    site.robots("");
    site.page(
        "/",
        "<a href=/self>x</a><a href=/one>x</a><a href=/ever>x</a>",
    );
    site.guard(move |hit| {
        let to = |path: &str| Reply::new(302).header("Location", path);
        match (hit.path.as_str(), cookie(hit)) {
            // Bounces once, to see whether cookies stick.
            ("/self", false) => Some(to("/self").header("Set-Cookie", "a=1; Path=/self")),
            ("/self", true) => Some(Reply::html("through")),
            // By way of a page that sets it.
            ("/one", false) => Some(to("/two")),
            ("/two", _) => Some(to("/one").header("Set-Cookie", "b=1; Path=/one")),
            ("/one", true) => Some(Reply::html("through")),
            // Sets one each time and never lets through.
            ("/ever", _) => Some(to("/ever").header("Set-Cookie", "c=1; Path=/ever")),
            _ => None,
        }
    });
    let with = crawl(&site.url("/")).arg("--cookies");
    with.run().expect_code(0);
    assert_eq!(
        statuses(&with),
        ["/ 200", "/ever 302", "/one 200", "/self 200", "/two 302"]
    );
    assert_eq!(
        (site.count("/self"), site.count("/one"), site.count("/two")),
        (2, 2, 1)
    );
    assert_eq!(site.count("/ever"), 2, "once more and not again");
    assert_eq!(errors(&with), ["/ever redirect_loop"]);
    expect_sound(&with.dir().join("out"));
    site.forget();
    let without = crawl(&site.url("/"));
    without.run().expect_code(0);
    assert_eq!(site.count("/self"), 1);
    assert_eq!(
        errors(&without),
        [
            "/ever redirect_loop",
            "/self redirect_loop",
            "/two redirect_loop"
        ]
    );
}

fn errors(crawl: &Crawl) -> Vec<String> {
    rows(
        &crawl.dir().join("out"),
        "SELECT replace(url, rtrim(url, replace(url, '/', '')), '/'), error FROM errors ORDER BY 1",
    )
}

/// A site that lets nobody in without Basic.
fn guarded() -> Site {
    let site = Site::start();
    site.page("/", "<a href=/a>x</a><a href=/away>x</a>");
    site.page("/a", "a");
    site.guard(|hit| {
        (hit.header("authorization") != Some(ME)).then(|| {
            Reply::html("who?")
                .status(401)
                .header("WWW-Authenticate", "Basic")
        })
    });
    site
}

#[test]
fn a_site_that_wants_basic() {
    let (site, other) = (guarded(), Site::start());
    other.page("/", "other");
    site.reply("/away", Reply::new(302).header("Location", &other.url("/")));
    let named = site.url("/").replace("//", "//me:s3cret@");
    let open = crawl(&named).args(["--scope", "any"]);
    let said = open.run().expect_code(3).stderr;
    assert!(
        said.contains("in a seed are not sent; give them as user"),
        "{said}"
    );
    nowhere(&open, &said, "s3cret");
    let crawl = crawl(&site.url("/"))
        .args(["--scope", "any", "--allow-private", "-vv"])
        .args(["--user", "me:${PASSWORD}"])
        .args(["--header", "Cookie: own=s3cret", "--header", "X-All: 1"])
        .env("PASSWORD", "s3cret");
    let output = crawl.run().expect_code(0);
    assert_eq!(statuses(&crawl), ["/ 200", "/ 200", "/a 200", "/away 302"]);
    // Another port is another origin: neither credentials nor cookies went there, other headers did.
    assert_eq!(other.count("/"), 1);
    assert!(sent(&other, "authorization").is_empty() && sent(&other, "cookie").is_empty());
    assert!(sent(&other, "x-all").len() == 2 && sent(&site, "cookie").len() >= 3);
    nowhere(&crawl, &output.stderr, "s3cret");
    nowhere(&crawl, &output.stderr, "bWU6czNjcmV0");
    let stored = rows(&crawl.dir().join("out"), "SELECT config FROM start");
    assert!(
        stored[0].contains("user = \"me:${PASSWORD}\""),
        "{stored:?}"
    );
    assert!(stored[0].contains("Cookie: <redacted>"), "{stored:?}");
    // The next start takes the settings up again, and does not go on without what is not stored.
    let lost = crawl.run_args(["-o", "out"]).expect_code(2).stderr;
    let wanted = "fetch.header = \"<redacted>\": the last start of out had a secret there";
    assert!(lost.contains(wanted), "{lost}");
    let again = ["-o", "out", "--header", "Cookie: own=s3cret"];
    crawl.run_args(again).expect_code(0);
    assert!(sent(&site, "authorization").len() >= 6);
}

#[test]
fn a_secret_that_is_not_there() {
    let site = Site::start();
    let crawl = crawl(&site.url("/")).args(["--user", "me:${NO_SUCH_SECRET}"]);
    let output = crawl.run().expect_code(2);
    assert_eq!(
        output.stderr.trim_end(),
        "crawl: fetch.user = \"${NO_SUCH_SECRET}\": this environment variable is not set"
    );
    assert!(site.hits().is_empty() && !crawl.dir().join("out").exists());
    for (args, wanted) in [
        (
            ["--user", "s3cret"],
            "fetch.user = \"<redacted>\": is not of the form NAME:PASSWORD",
        ),
        (
            ["--proxy", "${BAD}"],
            "fetch.proxy = \"<redacted>\": is not a proxy's URL",
        ),
        (
            ["--header", "X: ${BAD}\n"],
            "fetch.header = \"<redacted>\": has a value that cannot be sent",
        ),
        (
            ["--resolve", "x:1"],
            "fetch.resolve = \"x:1\": is not of the form name:port:address",
        ),
        (
            ["--contact", "nobody"],
            "politeness.contact = \"nobody\": is neither a page such as",
        ),
        (
            ["--client-cert", "none.pem"],
            "fetch.client-cert = \"none.pem\": cannot be read: ",
        ),
        (
            ["--client-cert", "${PEM}"],
            "fetch.client-cert = \"<redacted>\": holds a certificate or a key; it must be the name",
        ),
        (
            ["--header", "Authorization Bearer s3cret:x"],
            "fetch.header = \"<redacted>\": is not a header's name",
        ),
        (
            ["--proxy", "http://me:s3cret"],
            "fetch.proxy = \"<redacted>\": is not a proxy's URL",
        ),
        (
            ["--header", "Proxy-Authorization: s3cret"],
            "write NAME:PASSWORD@ before the host of proxy",
        ),
        (
            ["--client-cert", "bad.pem"],
            "fetch.client-cert = \"bad.pem\": holds no certificate with its key",
        ),
    ] {
        let crawl = Crawl::new()
            .args(["--seed", &site.url("/"), "--fresh"])
            .args(args)
            .env("PEM", "-----BEGIN PRIVATE KEY-----\ns3cret")
            .env("BAD", "ftp://s3cret\u{1}");
        crawl.file(
            "bad.pem",
            "-----BEGIN CERTIFICATE-----\ns3cret\n-----END CERTIFICATE-----\n",
        );
        let said = crawl.run().expect_code(2).stderr;
        assert!(said.contains(wanted) && !said.contains("s3cret"), "{said}");
    }
    assert!(site.hits().is_empty());
}

#[test]
fn one_page_gets_no_credentials_that_are_not_its_own() {
    let (site, other) = (guarded(), Site::start());
    other.page("/", "<h1>other</h1>");
    let crawl = Crawl::new();
    let text = format!(
        "[seeds]\nseed = [\"{}\"]\n[fetch]\nuser = \"me:s3cret\"\n[politeness]\nrate = \"20/s\"\n[[field]]\nname = \"a\"\nselector = \"h1, a\"",
        site.url("/")
    );
    crawl.file("crawl.toml", &text);
    let output = crawl.run_args(["extract", &site.url("/"), &other.url("/"), &other.url("/")]);
    assert!(output.stdout.contains("other"), "{}", output.stdout);
    assert!(!sent(&site, "authorization").is_empty() && sent(&other, "authorization").is_empty());
    // At the pace of a crawl, and robots.txt once.
    assert_eq!((other.count("/robots.txt"), other.count("/")), (1, 2));
    let hits = other.hits();
    assert!(hits[2].at - hits[1].at >= Duration::from_millis(40));
}

#[test]
fn tables_of_hosts() {
    let (site, other) = (Site::start(), Site::start());
    other.page("/", "<a href=/1>x</a><a href=/2>x</a><a href=/3>x</a>");
    other.dynamic(|_, _| Some(Reply::html("x")));
    site.page("/", &format!("<a href={}>x</a>", other.url("/")));
    let crawl = Crawl::new()
        .args(["--config", "c.toml", "-vv"])
        .env("KEY", "k3y");
    let text = format!(
        r#"
        [seeds]
        seed = ["{}"]
        [scope]
        scope = "any"
        [politeness]
        rate = "unlimited"
        [output]
        output = "out"
        [[host]]
        match = "127.0.0.1"
        header = ["X-Key: ${{KEY}}", "X-Which: all"]
        [[host]]
        match = "127.0.0.1:{}"
        rate = "10/s"
        header = ["X-Which: other"]
        user = "you:s3cret"
        [[host]]
        match = "*.example"
        header = ["X-Never: 1"]
        "#,
        site.url("/"),
        other.port()
    );
    crawl.file("c.toml", &text);
    // The addresses of other sites' ports are private: only the seed's is let through by itself.
    let output = crawl.run().expect_code(0);
    assert!(other.hits().is_empty());
    nowhere(&crawl, &output.stderr, "k3y");
    let again = ["--config", "c.toml", "--allow-private", "--fresh"];
    let output = crawl.run_args(again).expect_code(0);
    assert_eq!(other.hits().len(), 5);
    assert_eq!(sent(&other, "authorization").len(), 5);
    assert!(
        sent(&other, "authorization")
            .iter()
            .all(|sent| sent.ends_with(YOU))
    );
    assert!(sent(&site, "authorization").is_empty() && sent(&other, "x-never").is_empty());
    assert!(
        sent(&other, "x-key")
            .iter()
            .all(|sent| sent.ends_with("k3y"))
    );
    assert!(
        sent(&site, "x-which")
            .iter()
            .all(|sent| sent.ends_with("all"))
    );
    assert!(
        sent(&other, "x-which")
            .iter()
            .all(|sent| sent.ends_with("other"))
    );
    let gaps = other.hits();
    for pair in gaps.windows(2) {
        assert!(
            pair[1].at - pair[0].at >= Duration::from_millis(50),
            "10/s is its rate"
        );
    }
    nowhere(&crawl, &output.stderr, "s3cret");
    let shown = crawl
        .run_args(["config", "--config", "c.toml"])
        .expect_code(0);
    for part in [
        "X-Key: ${KEY}",
        "user = \"you:<redacted>\"",
        "[[host]]",
        "rate = \"10/s\"",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
}

#[test]
fn addresses_by_hand() {
    let site = Site::start();
    site.page(
        "/",
        "<a href=/a>x</a><a href=http://www.example.com:1/>x</a>",
    );
    site.page("/a", "a");
    let port = site.port();
    let crawl = crawl(&format!("http://www.example.com:{port}/"))
        .args(["--resolve", &format!("www.example.com:{port}:127.0.0.1")]);
    crawl.run().expect_code(0);
    assert_eq!(statuses(&crawl), ["/ 200", "/a 200"]);
    assert!(
        sent(&site, "host")
            .iter()
            .all(|sent| sent.ends_with(&format!("www.example.com:{port}")))
    );
    // For that port alone, and localhost as well where the user says so.
    let crawl = Crawl::new()
        .args([
            "--seed",
            "http://www.example.com:1/",
            "--retries",
            "0",
            "-o",
            "out",
        ])
        .args(["--resolve", "www.example.com:1:[::1]"]);
    crawl.run().expect_code(4);
    assert_eq!(
        number(
            &crawl.dir().join("out"),
            "SELECT count(*) FROM requests WHERE error = 'connect'"
        ),
        1
    );
}

#[test]
fn who_is_asking() {
    let site = Site::start();
    site.page("/", "x");
    for (contact, agent, from) in [
        (
            "https://example.com/bot",
            "me/2 (+https://example.com/bot)",
            None,
        ),
        (
            "me@example.com",
            "me/2 (+mailto:me@example.com)",
            Some("me@example.com"),
        ),
    ] {
        site.forget();
        crawl(&site.url("/"))
            .args(["--user-agent", "me/2", "--contact", contact])
            .run()
            .expect_code(0);
        for hit in site.hits() {
            assert_eq!(
                (hit.header("user-agent"), hit.header("from")),
                (Some(agent), from)
            );
        }
        assert_eq!(site.hits().len(), 2);
    }
}

#[test]
fn random_waits() {
    let site = Site::start();
    site.page(
        "/",
        &(0..6)
            .map(|i| format!("<a href=/{i}>x</a>"))
            .collect::<String>(),
    );
    site.dynamic(|_, _| Some(Reply::html("x")));
    Crawl::new()
        .args([
            "--seed",
            &site.url("/"),
            "--rate",
            "20/s",
            "--random-wait",
            "-o",
            "out",
        ])
        .run()
        .expect_code(0);
    let hits = site.hits();
    let took = hits[hits.len() - 1].at - hits[0].at;
    // Seven gaps of 50 ms at least; that all are that short has a chance of nil.
    assert!(
        hits.len() == 8 && took > Duration::from_millis(360),
        "{took:?}"
    );
}

#[test]
fn proxies() {
    let site = Site::start();
    site.page("/", "<a href=/a>x</a>");
    site.page("/a", "a");
    let port = site.port();
    for (user, begin, wanted) in [
        (
            None,
            "http://",
            format!("GET http://www.example.com:{port}/a HTTP/1.1"),
        ),
        (
            None,
            "",
            format!("GET http://www.example.com:{port}/a HTTP/1.1"),
        ),
        (
            Some("me:s3cret"),
            "http://me:${PASSWORD}@",
            format!("GET http://www.example.com:{port}/a HTTP/1.1"),
        ),
        (None, "socks5h://", format!("socks www.example.com:{port}")),
        (
            Some("me:s3cret"),
            "socks5h://me:s3cret@",
            format!("socks www.example.com:{port}"),
        ),
    ] {
        let proxy = Proxy::start(user, port);
        let crawl = crawl(&format!("http://www.example.com:{port}/"))
            .args(["--proxy", &proxy.url(begin), "-vv"])
            .env("PASSWORD", "s3cret");
        let output = crawl.run().expect_code(0);
        assert_eq!(statuses(&crawl), ["/ 200", "/a 200"], "{begin}");
        assert!(proxy.asked().contains(&wanted), "{:?}", proxy.asked());
        nowhere(&crawl, &output.stderr, "s3cret");
        assert!(
            output.stderr.contains("through the proxy "),
            "{}",
            output.stderr
        );
    }
    // The names of a socks5 proxy are looked up here, and checked.
    let proxy = Proxy::start(None, port);
    let seed = format!("http://www.example.com:{port}/");
    let resolved = crawl(&seed)
        .args(["--proxy", &proxy.url("socks5://")])
        .args(["--resolve", &format!("www.example.com:{port}:127.0.0.1")]);
    resolved.run().expect_code(0);
    assert_eq!(proxy.asked()[0], format!("socks 127.0.0.1:{port}"));
    // A proxy that refuses is a row that says so.
    let proxy = Proxy::start(Some("me:other"), port);
    for (seed, begin) in [
        (seed.as_str(), "http://me:s3cret@"),
        ("https://www.example.com/", "http://me:s3cret@"),
        (seed.as_str(), "socks5h://me:s3cret@"),
    ] {
        let crawl = crawl(seed).args([
            "--proxy",
            &proxy.url(begin),
            "--retries",
            "0",
            "--ignore-robots",
            "-vv",
        ]);
        let output = crawl.run();
        assert_eq!(
            rows(
                &crawl.dir().join("out"),
                "SELECT DISTINCT error FROM requests"
            ),
            ["proxy"],
            "{begin} {seed} {}",
            output.stderr
        );
        nowhere(&crawl, &output.stderr, "s3cret");
    }
    assert!(
        proxy
            .asked()
            .iter()
            .all(|asked| asked.starts_with("refused "))
    );
    assert!(
        proxy
            .asked()
            .contains(&"refused CONNECT www.example.com:443 HTTP/1.1".to_owned())
    );
}
