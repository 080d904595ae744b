//! `crawl audit`: a crawl that kept its promises has no violation; of a database into which violations were
//! written, each is found, and no other.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio_rusqlite::rusqlite::Connection;

use crate::support::{Crawl, Reply, Site, number};

/// Two sites: one with a rate, a burst, a redirect, a 429 and something forbidden; one with a Crawl-delay.
struct Web {
    quick: Site,
    slow: Site,
}

impl Web {
    fn start() -> Self {
        let (quick, slow) = (Site::start(), Site::start());
        quick.robots("User-agent: *\nDisallow: /private\nAllow: /");
        quick.page(
            "/",
            "<a href=/private/x>p</a><a href=/moved>m</a><a href=/busy>b</a><a href=/1>1</a><a href=/2>2</a><a href=/3>3</a>",
        );
        quick.reply("/moved", Reply::new(301).header("Location", "/1"));
        quick.sequence(
            "/busy",
            vec![Reply::new(429).header("Retry-After", "1"), Reply::html("x")],
        );
        slow.robots("User-agent: *\nCrawl-delay: 0.3");
        slow.page("/", "<a href=/1>1</a><a href=/2>2</a><a href=/3>3</a>");
        for site in [&quick, &slow] {
            site.dynamic(|path, _| (path.len() == 2).then(|| Reply::html("x")));
        }
        Self { quick, slow }
    }

    fn crawl(&self) -> Crawl {
        let crawl = Crawl::new().args(["--config", "c.toml"]);
        let text = format!(
            "[seeds]\nseed = [\"{}\", \"{}\"]\n[politeness]\nrate = \"5/s\"\nburst = 2\nhost-concurrency = 2\n\
             concurrency = 3\nglobal-rate = \"10/s\"\ncontact = \"https://example.com/bot\"\n\
             [output]\noutput = \"out\"\n[[host]]\nmatch = \"127.0.0.1:{}\"\nburst = 1\n",
            self.quick.url("/"),
            self.slow.url("/"),
            self.slow.port()
        );
        crawl.file("c.toml", &text);
        crawl
    }
}

/// The audit of a crawl, as JSON.
#[track_caller]
fn audit(crawl: &Crawl, code: i32) -> Value {
    let said = crawl.run_args(["audit", "-o", "out", "--format", "json"]);
    let said = said.expect_code(code).stdout;
    serde_json::from_str(&said).expect(&said)
}

/// The laws that were broken, and by which requests.
fn broken(audit: &Value) -> Vec<String> {
    let violations = audit["violations"].as_array().expect("an array");
    let of = |violation: &Value| {
        format!(
            "{} {}",
            violation["law"].as_str().unwrap_or_default(),
            violation["request"]
        )
    };
    violations.iter().map(of).collect()
}

/// A crawl without a violation, and its audit. On a machine so busy that a stamp may come late by more than
/// the tolerance, the third one at the latest has to be.
fn clean(run: impl Fn(&Web) -> Crawl) -> (Web, Crawl, Value) {
    for tries in 1.. {
        let web = Web::start();
        let crawl = run(&web);
        let said = crawl.run_args(["audit", "-o", "out", "--format", "json"]);
        if said.code == Some(0) || tries == 3 {
            let audit = audit(&crawl, 0);
            assert_eq!(broken(&audit), [""; 0]);
            return (web, crawl, audit);
        }
    }
    unreachable!()
}

/// A crawl that was killed as the quick site had been asked so often, again and again, and ended then.
fn killed_at(web: &Web, hits: &[usize]) -> Crawl {
    let crawl = web.crawl();
    for wanted in hits {
        let mut child = crawl.spawn();
        child.wait_until("some requests", |_| web.quick.hits().len() >= *wanted);
        child.kill9();
    }
    crawl.run().expect_code(0);
    crawl
}

#[test]
fn a_crawl_keeps_its_promises() {
    let (web, crawl, audit) = clean(|web| killed_at(web, &[]));
    let out = crawl.dir().join("out");
    assert_eq!(
        audit["requests"].as_i64(),
        Some(number(&out, "SELECT count(*) FROM requests"))
    );
    let hosts = audit["hosts"].as_array().expect("hosts");
    let host = |site: &Site| {
        let name = format!("127.0.0.1:{}", site.port());
        hosts.iter().find(|host| host["host"] == *name).expect("it")
    };
    let (quick, slow) = (host(&web.quick), host(&web.slow));
    assert_eq!(slow["crawl_delay_ms"], 300.0);
    assert_eq!(
        (&slow["interval_ms"], &slow["burst"]),
        (&200.0.into(), &1.into())
    );
    assert_eq!(
        (&quick["burst"], &quick["throttled"]),
        (&2.into(), &1.into())
    );
    assert_eq!(quick["longest_hold_ms"], 1000.0);
    assert_eq!(quick["robots_by_line"], quick["robots_checked"]);
    assert_eq!(quick["robots_checked"], 7);
    let name = format!("127.0.0.1:{}", web.slow.port());
    let said = crawl.run_args(["audit", "-o", "out", "-f", "html", "--host", &name]);
    let page = said.expect_code(0).stdout;
    assert!(page.contains(&name) && page.contains("No violation."));
    assert!(!page.contains(&format!(":{}", web.quick.port())), "{page}");
    crawl
        .run_args(["audit", "-o", "out", "--host", "other.example"])
        .expect_code(2);
    assert_eq!(
        audit["starts"][0]["user_agent"],
        "crawl/0.1.0 (+https://example.com/bot)"
    );
}

#[test]
fn a_killed_crawl_keeps_them_too() {
    let (_, _, audit) = clean(|web| killed_at(web, &[2, 4]));
    assert_eq!(audit["starts"].as_array().map(Vec::len), Some(3));
}

#[test]
fn sites_at_one_address_share_their_limits() {
    let run = |web: &Web| {
        let crawl = web.crawl();
        let text = std::fs::read_to_string(crawl.dir().join("c.toml")).expect("settings");
        crawl.file(
            "c.toml",
            &text.replace("burst = 2", "burst = 2\nby = \"ip\""),
        );
        crawl.run().expect_code(0);
        crawl
    };
    let (_, _, audit) = clean(run);
    for host in audit["hosts"].as_array().expect("hosts") {
        assert_eq!(host["shared"], "127.0.0.1");
    }
}

#[test]
fn of_which_run() {
    let web = Web::start();
    let crawl = web.crawl();
    crawl.run_args(["audit"]).expect_code(2);
    crawl.run().expect_code(0);
    crawl.run().expect_code(0);
    let runs = |args: &[&str]| {
        let said = crawl.run_args(
            ["audit", "-o", "out", "--format", "json"]
                .iter()
                .chain(args),
        );
        let audit: Value = serde_json::from_str(&said.stdout).expect(&said.stdout);
        audit["runs"].clone()
    };
    assert_eq!(runs(&[]), serde_json::json!([2]));
    assert_eq!(runs(&["--run", "1"]), serde_json::json!([1]));
    assert_eq!(runs(&["--all"]), serde_json::json!([1, 2]));
    let said = crawl
        .run_args(["audit", "-o", "out", "--run", "9"])
        .expect_code(2)
        .stderr;
    assert!(said.contains("there is no run 9"), "{said}");
}

/// A finished crawl whose database is copied, and changed by SQL.
struct Doctored {
    crawl: Crawl,
    original: PathBuf,
}

impl Doctored {
    fn new(crawl: Crawl) -> Self {
        let original = crawl.dir().join("out/crawl.db");
        // What is in the log of the database is copied with it.
        let connection = Connection::open(&original).expect("opens");
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        connection
            .query_row(checkpoint, [], |_| Ok(()))
            .expect(checkpoint);
        Self { crawl, original }
    }

    fn with(&self, sql: &str) -> PathBuf {
        let copy = self.crawl.dir().join("copy.db");
        let _ = std::fs::remove_file(&copy);
        std::fs::copy(&self.original, &copy).expect("copied");
        let connection = Connection::open(&copy).expect("opens");
        connection
            .pragma_update(None, "journal_mode", "DELETE")
            .expect("no log");
        connection.execute_batch(sql).expect(sql);
        copy
    }

    fn audit(&self, copy: &Path, format: &str) -> (Option<i32>, String) {
        let copy = copy.to_str().expect("a path");
        let said = self
            .crawl
            .run_args(["audit", "-o", copy, "--format", format]);
        (said.code, said.stdout + &said.stderr)
    }
}

/// SQL that adds a request numbered `id`: a copy of the last good one of `path` at `site`, started so many
/// milliseconds after a time long after the crawl, which took so many.
fn request(id: i64, site: &Site, path: &str, at: i64, took: i64) -> String {
    let url = site.url(path);
    format!(
        "INSERT INTO fetch SELECT {id}, start, (SELECT id FROM url WHERE text = '{url}'), 0, 0,
           (SELECT max(started) FROM fetch WHERE id < 1000) + 3600000000 + {at} * 1000, {took} * 1000, {took} * 1000, peer,
           http_version, 200, NULL, NULL, header, NULL, NULL, content_type, 0, 0, NULL, NULL, NULL, NULL, 0, 0
         FROM fetch WHERE id < 1000 ORDER BY id DESC LIMIT 1;"
    )
}

/// SQL that makes of a request one that was answered so.
fn answered(id: i64, status: i64, header: &str) -> String {
    format!(
        "INSERT OR IGNORE INTO header (text) VALUES ('{header}');
         UPDATE fetch SET status = {status}, header = (SELECT id FROM header WHERE text = '{header}') WHERE id = {id};"
    )
}

#[test]
fn each_violation_is_found() {
    let (web, crawl, _) = clean(|web| killed_at(web, &[3]));
    let out = crawl.dir().join("out");
    let doctored = Doctored::new(crawl);
    let (quick, slow) = (&web.quick, &web.slow);
    let last = |sql: &str| number(&out, sql);
    let page = last("SELECT max(id) FROM fetch WHERE kind = 0");
    let first_of_second = last(&format!(
        "SELECT f.id FROM fetch f JOIN url u ON u.id = f.url
         WHERE f.start = 2 AND u.text LIKE '{}%' ORDER BY f.started LIMIT 1",
        quick.url("/")
    ));
    let third = last(&format!(
        "SELECT f.id FROM fetch f JOIN url u ON u.id = f.url WHERE u.text = '{}'",
        quick.url("/3")
    ));
    let stamp = last("SELECT max(started) FROM fetch") / 1_000_000 + 3600;
    let date = |seconds: i64| {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs((stamp + seconds) as u64);
        httpdate::fmt_http_date(at)
    };
    let rows = |rows: &[(i64, &Site, i64, i64)]| -> String {
        let row = |row: &(i64, &Site, i64, i64)| request(row.0, row.1, "/1", row.2, row.3);
        rows.iter().map(row).collect()
    };
    let failures = |count: i64| -> String {
        let row = |i: i64| {
            rows(&[(1000 + i, quick, i * 4_000, 10)]) + &answered(1000 + i, 500, "server: x\n")
        };
        (0..count).map(row).collect::<String>() + &rows(&[(1000 + count, quick, count * 4_000, 10)])
    };
    let cases: Vec<(&str, String, Vec<String>)> = vec![
        ("nothing", String::new(), vec![]),
        (
            "a forbidden URL",
            request(1000, quick, "/private/x", 0, 10),
            vec!["robots 1000".to_owned()],
        ),
        (
            "a URL that is not for this purpose",
            format!(
                "UPDATE start SET config = replace(config, 'purpose = \"\"', 'purpose = \"ai-train\"');
                 UPDATE robots SET body = CAST(body AS TEXT) || char(10) || 'Content-Usage: /for/ai train-ai=n';
                 UPDATE url SET text = '{}' WHERE text = '{}'",
                quick.url("/for/ai"),
                quick.url("/3")
            ),
            vec![format!("robots {third}")],
        ),
        (
            "a robots.txt that could not be had, and the old one too old to rule on",
            format!(
                "INSERT INTO robots (fetched, valid_until, status, reachable, body, origin)
                 SELECT fetched + 40 * 86400000000, 0, NULL, 0, '', origin FROM robots GROUP BY origin; {}",
                rows(&[
                    (1000, quick, 30 * 86_400_000, 5),
                    (1001, quick, 41 * 86_400_000, 5)
                ])
            ),
            vec!["robots 1001".to_owned()],
        ),
        (
            "a page before robots.txt",
            format!("UPDATE fetch SET started = (SELECT min(started) FROM fetch) - 5000000 WHERE id = {page}"),
            vec![format!("robots_unknown {page}")],
        ),
        (
            "two starts too near",
            // Its Crawl-delay is gone, its rate is not.
            format!(
                "UPDATE robots SET body = ''; {}",
                rows(&[(1000, slow, 0, 5), (1001, slow, 120, 5)])
            ),
            vec!["rate 1001".to_owned()],
        ),
        (
            "more than the burst",
            rows(&[(1000, quick, 0, 5), (1001, quick, 101, 5), (1002, quick, 202, 5), (1003, quick, 303, 5)]),
            vec!["rate 1003".to_owned()],
        ),
        (
            "a start that does not wait when it begins",
            format!("UPDATE fetch SET started = (SELECT begun FROM start WHERE id = 2) + 20000 WHERE id = {first_of_second}"),
            vec![
                format!("rate {first_of_second}"),
                format!("global_rate {first_of_second}"),
            ],
        ),
        (
            "three in flight where two may be",
            rows(&[(1000, quick, 0, 9000), (1001, quick, 1000, 9000), (1002, quick, 2000, 100)]),
            vec!["host_concurrency 1002".to_owned()],
        ),
        (
            "four in flight in all where three may be",
            rows(&[
                (1000, quick, 0, 9000),
                (1001, quick, 1000, 9000),
                (1002, slow, 2000, 9000),
                (1003, slow, 3000, 100),
            ]),
            vec![
                "concurrency 1003".to_owned(),
                "one_at_a_time 1003".to_owned(),
            ],
        ),
        (
            "nearer than the Crawl-delay",
            rows(&[(1000, slow, 0, 5), (1001, slow, 220, 5)]),
            vec!["crawl_delay 1001".to_owned()],
        ),
        (
            "two at a time under a Crawl-delay",
            rows(&[(1000, slow, 0, 5000), (1001, slow, 2000, 5)]),
            vec!["one_at_a_time 1001".to_owned()],
        ),
        (
            "Retry-After in seconds",
            rows(&[(1000, quick, 0, 5), (1001, quick, 10_000, 5), (1002, quick, 40_000, 5)])
                + &answered(1000, 503, "a: b\nretry-after: 30\n"),
            vec!["hold 1001".to_owned()],
        ),
        (
            "Retry-After as a date",
            rows(&[(1000, quick, 0, 5), (1001, quick, 10_000, 5), (1002, quick, 40_000, 5)])
                + &answered(1000, 500, &format!("retry-after: {}\n", date(30))),
            vec!["hold 1001".to_owned()],
        ),
        (
            "429 that names no time",
            rows(&[(1000, quick, 0, 5), (1001, quick, 700, 5), (1002, quick, 1500, 5)])
                + &answered(1000, 429, "a: b\n"),
            vec!["hold 1001".to_owned()],
        ),
        (
            "a longer Retry-After than is waited for",
            rows(&[(1000, quick, 0, 5), (1001, quick, 700_000, 5)])
                + &answered(1000, 503, "retry-after: 86400\n"),
            vec!["set_aside 1001".to_owned()],
        ),
        ("failures that are not too many", failures(19), vec![]),
        ("failures in a row", failures(20), vec!["set_aside 1020".to_owned()]),
        (
            "another user agent",
            "UPDATE start SET config = replace(config, 'crawl/0.1.0', 'Mozilla/5.0') WHERE id = 2".to_owned(),
            vec!["identity null".to_owned()],
        ),
        (
            "a user agent that robots.txt cannot name",
            "UPDATE start SET config = replace(config, 'crawl/0.1.0', '4/4')".to_owned(),
            vec!["identity null".to_owned(); 2],
        ),
        (
            "more than the global rate",
            rows(&[(1000, quick, 0, 5), (1001, slow, 20, 5)]),
            vec!["global_rate 1001".to_owned()],
        ),
        (
            "settings that cannot be read",
            "UPDATE start SET config = 'rate = [' WHERE id = 2".to_owned(),
            vec!["settings null".to_owned()],
        ),
    ];
    // What is no violation, and has to be said.
    for (sql, name) in [
        (
            "UPDATE start SET config = replace(config, 'ignore-robots = false', 'ignore-robots = true')",
            "ignore_robots",
        ),
        ("UPDATE robots SET origin = NULL", "robots_lost"),
        (
            "UPDATE start SET config = replace(config, 'rate = \"5/s\"', 'rate = \"unlimited\"')",
            "unlimited",
        ),
    ] {
        let forbidden = request(1000, quick, "/private/x", 0, 10);
        let more = if name == "unlimited" { "" } else { &forbidden };
        let copy = doctored.with(&format!("{sql}; {more}"));
        let (code, said) = doctored.audit(&copy, "json");
        assert_eq!(code, Some(0), "{name}: {said}");
        let audit: Value = serde_json::from_str(&said).expect(name);
        assert_eq!(audit["remarks"][0]["name"], name);
    }
    // Both sites are at one address; each was given limits of its own.
    let shared = "UPDATE start SET config = replace(config, 'by = \"host\"', 'by = \"ip\"');"
        .to_owned()
        + &rows(&[(1000, quick, 0, 5), (1001, slow, 60, 5)]);
    let (code, said) = doctored.audit(&doctored.with(&shared), "json");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("2 hosts of 127.0.0.1 share one request each"),
        "{said}"
    );
    for (what, sql, wanted) in cases {
        let copy = doctored.with(&sql);
        let (code, said) = doctored.audit(&copy, "json");
        let audit: Value = serde_json::from_str(&said).expect(what);
        assert_eq!(broken(&audit), wanted, "{what}: {said}");
        assert_eq!(code, Some(i32::from(!wanted.is_empty())), "{what}");
        let (text, html) = (
            doctored.audit(&copy, "table"),
            doctored.audit(&copy, "html"),
        );
        assert_eq!((text.0, html.0), (code, code), "{what}");
        for law in wanted.iter().filter_map(|wanted| wanted.split(' ').next()) {
            assert!(text.1.contains(law) && html.1.contains(law), "{what}");
        }
    }
}
