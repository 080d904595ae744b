//! Secrets are sent where they belong, and are written down nowhere: not in the output, not in a log of any
//! depth, not in an error.

use std::path::Path;

use base64::Engine as _;

use super::crawl;
use crate::support::{Crawl, Output, Proxy, Reply, Site, number, rows};

/// In every secret.
const CANARY: &str = "c4n4ry";

/// What a secret looks like where it is sent.
fn forms() -> Vec<String> {
    let encoded = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    vec![
        CANARY.to_owned(),
        CANARY.to_uppercase(),
        "c4n4%72y".to_owned(),
        encoded("me:c4n4ry-user"),
        encoded("me:c4n4ry-proxy"),
        encoded("me:c4n4ry-seed"),
        encoded("me:c4n4ry-page"),
    ]
}

#[track_caller]
fn clean(bytes: &[u8], what: &str) {
    for form in forms() {
        let found = bytes
            .windows(form.len())
            .position(|part| part == form.as_bytes());
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(200)..(at + 100).min(bytes.len())];
            panic!("{what}: {:?}", String::from_utf8_lossy(around));
        }
    }
}

/// Every file of the output, but what sites have sent themselves.
#[track_caller]
fn clean_output(directory: &Path) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            clean_output(&path);
        } else {
            clean(
                &std::fs::read(&path).expect("a file"),
                &path.display().to_string(),
            );
        }
    }
}

#[track_caller]
fn silent(output: &Output) {
    clean(output.stdout.as_bytes(), "stdout");
    clean(output.stderr.as_bytes(), "stderr");
}

/// A crawl that is told every kind of secret there is, and tells all that it can of itself.
fn with_secrets(seed: &str) -> Crawl {
    crawl(&[
        "--scope",
        "any",
        "--cookies",
        "--retries",
        "1",
        "-vv",
        "--no-files",
    ])
    .args(["--seed", &seed.replacen("://", "://me:c4n4ry-seed@", 1)])
    // What never answers a handshake is not waited for.
    .args(["--connect-timeout", "300ms", "--timeout", "2s"])
    .args(["--header", "Cookie: id=c4n4ry-cookie"])
    .args([
        "--header",
        "X-Api-Key: c4n4ry-key",
        "--header",
        "X-Other: c4n4ry-other",
    ])
    .args(["--header", "X-Env: ${SECRET}"])
    .env("SECRET", "c4n4ry-env")
    .env("CRAWL_LOG", "trace")
    .env("RUST_LOG", "trace")
    .env("RUST_BACKTRACE", "full")
}

/// A site that sets, wants and echoes; `away` is where it redirects to, with a password of its own.
fn site(away: &str) -> Site {
    let site = Site::start();
    let page = format!(
        "<a href=/401>x</a><a href=/407>x</a><a href=/away>x</a><a href=/broken>x</a><a href=/set>x</a><img src={away}/img>
         <a href='{}/page'>x</a><a href=https://me:c4n4ry-page@127.0.0.1:{}/tls>x</a><a href=http://no-such.invalid/>x</a>",
        away.replacen("://", "://me:c4n4ry-page@", 1),
        site.port(),
    );
    site.page("/", &page);
    let reply = |status| Reply::html("x").status(status);
    site.reply(
        "/401",
        reply(401).header("WWW-Authenticate", "Basic realm=\"x\""),
    );
    site.reply(
        "/407",
        reply(407).header("Proxy-Authenticate", "Basic realm=\"x\""),
    );
    let location = format!("{}/there", away.replacen("://", "://me:c4n4ry-page@", 1));
    let own = site.url("/there").replacen("://", "://me:c4n4ry-page@", 1);
    site.reply(
        "/away",
        reply(302)
            .header("Location", &location)
            .header("Content-Location", &location),
    );
    site.reply("/broken", Reply::fault(crate::support::Fault::CloseMidHead));
    site.reply(
        "/set",
        reply(200)
            // Of this path alone: another port of the host is the same to a cookie.
            .header("Set-Cookie", "sid=c4n4ry-set; Path=/set")
            .header("X-Auth-Token", "c4n4ry-token")
            .header("X-Api-Key", "c4n4ry-key")
            .header(
                "Link",
                &format!("<{location}>; rel=next, <{location}?x>; rel=prev"),
            )
            .header("Refresh", &format!("9; url={own}"))
            .header("Authentication-Info", "nextnonce=c4n4ry"),
    );
    site.robots(&format!("Sitemap: {own}\nsitemap: {own}.xml\n"));
    // Over and over, so that there is something to kill.
    site.dynamic(|path, _| {
        let number: usize = path.strip_prefix("/n/")?.parse().ok()?;
        (number < 400).then(|| Reply::html(format!("<a href=/n/{}>x</a>", number + 1)))
    });
    site
}

#[test]
fn nowhere_after_a_crawl() {
    let away = Site::start();
    away.dynamic(|_, _| Some(Reply::html("x")));
    let site = site(&away.url(""));
    let proxied = Proxy::start(Some("me:c4n4ry-proxy"), site.port());
    let refusing = Proxy::start(Some("me:other"), site.port());
    let (good, bad) = (
        proxied.url("http://me:c4n4ry-proxy@"),
        refusing.url("http://me:c4n4ry-proxy@"),
    );
    let (socks, bad_socks) = (
        proxied.url("socks5h://me:c4n4ry-proxy@"),
        refusing.url("socks5h://me:c4n4ry-proxy@"),
    );
    let mut sent = 0;
    for (args, env) in [
        (&[][..], None),
        (
            &["--user", "me:c4n4ry-user", "--allow-private", "--assets"],
            None,
        ),
        (&["--proxy", &good], None),
        (&["--proxy", &socks], None),
        (&["--proxy", &bad], None),
        (&["--proxy", &bad_socks], None),
        (&["--proxy", "http://me:c4n4ry-proxy@127.0.0.1:1"], None),
        (&["--proxy", "socks5://me:c4n4ry-proxy@127.0.0.1:1"], None),
        (&["--proxy", "http://me:c4n4ry-proxy@no-such.invalid"], None),
        (&["--insecure"], Some(("ALL_PROXY", &*good))),
        (&[], Some(("http_proxy", &*bad))),
        (&["--progress", "json", "--max-pages", "2"], None),
        (&["--dry-run"], None),
        (&["--dry-run", "--proxy", &bad], None),
    ] {
        let mut crawl = with_secrets(&site.url("/")).args(args);
        if !args.contains(&"--user") {
            crawl = crawl.args(["--header", "Authorization: Bearer c4n4ry-bearer"]);
        }
        if let Some((name, value)) = env {
            crawl = crawl.env(name, value);
        }
        let output = crawl.run();
        silent(&output);
        let out = crawl.dir().join("out");
        if out.exists() {
            clean_output(&out);
            sent += number(&out, "SELECT count(*) FROM requests");
            for question in [
                "runs",
                "requests",
                "pages",
                "links",
                "redirects",
                "errors",
                "hosts",
                "urls",
            ] {
                silent(&crawl.run_args(["query", "-o", "out", question, "--format", "json"]));
            }
            silent(&crawl.run_args(["status", "-o", "out"]));
            silent(&crawl.run_args(["audit", "-o", "out", "--format", "html"]));
            silent(&crawl.run_args(["-o", "out", "-vv"]));
        }
    }
    assert!(sent > 50 && proxied.asked().len() > 5 && !refusing.asked().is_empty());
    // They were sent, for all that, and to their origin alone.
    let saw = |site: &Site, name: &str| {
        let hits = site.hits();
        hits.iter()
            .filter(|hit| hit.header(name).is_some_and(|value| value.contains(CANARY)))
            .count()
    };
    for name in ["authorization", "cookie", "x-api-key"] {
        assert!(saw(&site, name) > 3, "{name}");
        assert_eq!(saw(&away, name), 0, "{name}");
    }
    assert!(saw(&site, "x-env") > 3 && saw(&away, "x-other") > 1);
    for hit in site.hits().iter().chain(&away.hits()) {
        assert_eq!(hit.header("referer"), None);
        assert!(hit.header("proxy-authorization").is_none(), "{hit:?}");
    }
}

/// A killed program leaves its log of the database, and whatever else it had open.
#[test]
fn nowhere_after_a_kill() {
    let away = Site::start();
    let site = site(&away.url(""));
    site.page(
        "/",
        "<a href=/n/0>x</a><a href=/set>x</a><a href=/away>x</a>",
    );
    let crawl = with_secrets(&site.url("/"));
    let mut running = crawl.spawn();
    running.wait_until("some pages", |_| site.hits().len() > 40);
    silent(&running.kill9());
    clean_output(&crawl.dir().join("out"));
}

/// Words about mistakes do not repeat what was mistaken, where it may be a secret.
#[test]
fn nowhere_in_words_about_mistakes() {
    let crawl = Crawl::new();
    for (index, text) in [
        "[fetch]\nheader = [\"Authorization: Bearer c4n4ry]\n",
        "[fetch]\nheader = \"Authorization: c4n4ry\"\n",
        "[fetch]\nheader = [{a = \"c4n4ry\"}]\n",
        "[fetch]\nheader = [\"Bad Name: c4n4ry\"]\n",
        "[fetch]\nheader = [\"c4n4ry\"]\n",
        "[fetch]\nheader = [\"X: \\u0000c4n4ry\"]\n",
        "[fetch]\nheader = [\"Proxy-Authorization: c4n4ry\"]\n",
        "[fetch]\nheader = [\"X: ${c4n4ry\"]\n",
        "[fetch]\nuser = me:c4n4ry\n",
        "[fetch]\nuser = 'me:c4n4ry\n",
        "[fetch]\nuser = \"me\" \"c4n4ry\"\n",
        "[fetch]\nuser = [\"c4n4ry\"]\n",
        "[fetch]\nuser = \"c4n4ry\"\n",
        "[fetch]\nuser = \"me:c4n4ry\"\nuser = \"me:c4n4ry\"\n",
        "[fetch]\nuser = { name = \"c4n4ry\" }\n",
        "[fetch]\nuser = \"me:c4n4ry\\q\"\n",
        "[fetch]\nusr = \"me:c4n4ry\"\n",
        "user = \"me:c4n4ry\"\n",
        "[fetch]\nuser: me:c4n4ry\n",
        "[fetch]\nproxy = \"ftp://me:c4n4ry@h\"\n",
        "[fetch]\nproxy = \"ht tp://me:c4n4ry@h\"\n",
        "[fetch]\nproxy = \"me:c4n4ry@\"\n",
        "[fetch]\nproxy = 5 # c4n4ry\n",
        "[fetch]\nproxy = \"http://me:c4n4ry@h:99999\"\n",
        "[fetch]\nclient-cert = \"-----BEGIN PRIVATE KEY-----c4n4ry\"\n",
        "[[host]]\nmatch = \"a\"\nuser = \"c4n4ry\"\n",
        "[[host]]\nmatch = \"a\"\nuser = 'me:c4n4ry'\nrate = 'x'\n",
        "[[host]]\nmatch = \"a\"\nheader = ['c4n4ry']\n",
        "[[host]]\nuser = 'me:c4n4ry'\n",
        "[seeds]\nseed = [\"ftp://me:c4n4ry@h/\"]\n",
        "[seeds]\nseed = [\"http://me:c4n4ry@\"]\n",
        "[seeds]\nseed = [\"http://me:c4n4ry@h:99999/\"]\n",
        "[seeds]\nseed = [\"http://me:c4n4ry@h h/\"]\n",
        "[seeds]\nseed = [\"http://me:c4n4ry@h/{1..9999999}\"]\n",
        "[seeds]\nsitemap = [\"http://me:c4n4ry@h:x/\"]\n",
        "[seeds]\nseed = \"http://me:c4n4ry@h/\"\n",
    ]
    .into_iter()
    .enumerate()
    {
        crawl.file("c.toml", text);
        for args in [
            &["--config", "c.toml"][..],
            &["config", "--config", "c.toml"],
            &["--dry-run", "--config", "c.toml"],
        ] {
            let output = crawl.run_args(args);
            silent(&output);
            assert_eq!(output.code, Some(2), "{index}: {text}{output}");
        }
    }
    crawl.file("seeds.txt", "a.example\nhttp://me:c4n4ry@h:99999/\n");
    let seed = "http://127.0.0.1:1/";
    for args in [
        &["http://me:c4n4ry@h.example/"][..],
        &["me:c4n4ry@h.example"],
        &["--seed", "http://me:c4n4ry@"],
        &["--seed", "me:c4n4ry@h:99999"],
        &["--seed", seed, "http://me:c4n4ry@h.example/"],
        &["--seed", seed, "--usr", "me:c4n4ry"],
        &["--seed", seed, "--usr=me:c4n4ry"],
        &["--seed", seed, "--user", "c4n4ry"],
        &["--seed", seed, "--user=me:c4n4ry", "--rate", "x"],
        &["--seed", seed, "--header", "c4n4ry"],
        &["--seed", seed, "--header", "c4n 4ry: c4n4ry"],
        &["--seed", seed, "--headr=X: c4n4ry"],
        &["--seed", seed, "--proxy", "me:c4n4ry@"],
        &["--seed", seed, "--proxy", "ftp://me:c4n4ry@h"],
        &["--input-file", "seeds.txt"],
        &["why", "http://me:c4n4ry@h.example/", "-o", "none"],
        &["query", "-o", "none", "--usr=me:c4n4ry"],
    ] {
        let output = crawl.run_args(args);
        silent(&output);
        assert!(matches!(output.code, Some(1 | 2)), "{args:?}: {output}");
    }
    // Here a URL is worked with as it was given.
    let site = Site::start();
    site.page("/", "<title>x</title>");
    for url in [site.url("/"), seed.to_owned(), "http://[".to_owned()] {
        let url = url.replacen("://", "://me:c4n4ry@", 1);
        silent(&crawl.run_args(["extract", &url, "--field", "title=title"]));
    }
    let parts = crawl.run_args([
        "config",
        "--seed",
        "http://me:c4n4ry@h/",
        "--user",
        "me:c4n4ry",
        "--header",
        "X: c4n4ry",
    ]);
    silent(&parts);
    parts.expect_code(0);
}

/// A crawl that did not check certificates says so whenever it starts, and its database for ever.
#[test]
fn insecure_is_said_and_stored() {
    let site = Site::start();
    site.page("/", "<a href=/a>x</a>");
    site.page("/a", "x");
    let crawl = crawl(&["--seed", &site.url("/"), "--max-pages", "1", "--insecure"]);
    let said = crawl.run().expect_code(11).stderr;
    assert!(
        said.contains("WARNING: certificates are not checked"),
        "{said}"
    );
    let status = |crawl: &Crawl| crawl.run_args(["status", "-o", "out"]).stdout;
    assert!(status(&crawl).contains("INSECURE"));
    // It goes on as it began, and says so again.
    // However quiet it is to be.
    let more = ["-o", "out", "--max-pages", "unlimited", "-q"];
    let said = crawl.run_args(more).expect_code(0).stderr;
    assert!(
        said.contains("WARNING: certificates are not checked"),
        "{said}"
    );
    assert!(status(&crawl).contains("INSECURE"));
    let json = crawl.run_args(["status", "-o", "out", "--json"]).stdout;
    assert!(json.contains("\"insecure\":true"), "{json}");
    let out = crawl.dir().join("out");
    let stored = rows(
        &out,
        "SELECT count(*) FROM runs WHERE config LIKE '%insecure = true%'",
    );
    assert_eq!(stored, ["2"]);
    // A run that checks them is not said to be otherwise, whatever the one before did.
    let again = crawl
        .run_args(["-o", "out", "--insecure=false"])
        .expect_code(0)
        .stderr;
    assert!(!again.contains("WARNING: certificates"), "{again}");
    assert!(!status(&crawl).contains("INSECURE"));
}
