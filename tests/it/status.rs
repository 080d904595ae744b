//! `crawl status`: where a crawl stands, for people and for programs.

use crate::support::{Crawl, Fault, Reply, Site, edit, number, rows};

fn status_of(crawl: &Crawl) -> serde_json::Value {
    let said = crawl
        .run_args(["status", "-o", "out", "--json"])
        .expect_code(0);
    serde_json::from_str(&said.stdout).expect("JSON")
}

#[test]
fn status_in_a_few_lines_and_in_json() {
    let site = Site::start();
    site.page(
        "/",
        "<title>Home</title><a href=/b>b</a><a href=/lost>lost</a>",
    );
    site.page("/b", "<title>B</title>");
    let host = site.url("");
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-q"]);
    crawl.run().expect_code(0);
    let status = crawl.run_args(["status"]).expect_code(0).stdout;
    assert!(
        status.contains("finished") && status.contains(&host) && status.lines().count() <= 10,
        "{status}"
    );
    let json = crawl.run_args(["status", "--json"]).expect_code(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (
            json["state"].as_str(),
            json["failures"]["http_404"].as_u64()
        ),
        (Some("finished"), Some(1))
    );
}

/// The view and `status` count the same, each in its way.
#[test]
fn status_counts_failures_as_the_view_does() {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow: /secret\n");
    let links: String = (0..12).map(|n| format!("<a href=/{n}>{n}</a>")).collect();
    site.page(
        "/",
        &format!("{links}<a href=/secret1>1</a><a href=/secret2>2</a>"),
    );
    for n in 0..12 {
        match n % 4 {
            0 => site.reply(&format!("/{n}"), Reply::new(410)),
            1 => site.misbehave(&format!("/{n}"), Fault::GarbageStatusLine),
            2 => site.page(&format!("/{n}"), "<title>Fine</title>"),
            _ => {}
        }
    }
    let crawl = Crawl::new()
        .args([
            "--seed",
            &site.url("/"),
            "--rate",
            "unlimited",
            "-q",
            "-o",
            "out",
        ])
        .args(["--retries", "0"]);
    crawl.run().expect_code(0);
    let status = crawl
        .run_args(["status", "-o", "out", "--json"])
        .expect_code(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
    let counted: Vec<String> = status["failures"]
        .as_object()
        .expect("an object")
        .iter()
        .map(|(class, count)| format!("{class} {count}"))
        .collect();
    let sql = "SELECT class, count(*) FROM errors GROUP BY class ORDER BY class";
    assert_eq!(counted, rows(&crawl.dir().join("out"), sql));
    assert_eq!(
        counted,
        [
            "http_404 3",
            "http_410 3",
            "protocol 3",
            "robots_disallowed 2"
        ]
    );
}

/// What is there and what was made of it; a second run makes that old.
#[test]
fn status_of_disk_and_what_was_made() {
    let site = Site::start();
    site.page(
        "/",
        "<title>Home</title><a href=/b>b</a><a href=/lost>lost</a>",
    );
    site.page("/b", "<title>B</title>");
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-q"]);
    let crawl = crawl.args(["-o", "out"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let status = status_of(&crawl);
    let on_disk = number(&out, "SELECT sum(bytes) FROM pages");
    assert_eq!(
        (status["files"].as_i64(), status["file_bytes"].as_i64()),
        (Some(2), Some(on_disk))
    );
    let length = std::fs::metadata(out.join("crawl.db"))
        .expect("a database")
        .len();
    assert_eq!(status["database_bytes"].as_u64(), Some(length));
    // It does not run, so nothing is told of its pace.
    for key in ["lately", "left", "held_back"] {
        assert_eq!(status[key], serde_json::Value::Null, "{key}");
    }
    assert_eq!(status["derived"], serde_json::json!([]));

    crawl.run_args(["rank", "-o", "out"]).expect_code(0);
    let made = &status_of(&crawl)["derived"][0];
    assert_eq!(
        (made["name"].as_str(), made["current"].as_bool()),
        (Some("rank"), Some(true))
    );
    crawl.run().expect_code(0);
    let made = &status_of(&crawl)["derived"][0];
    assert_eq!(made["current"].as_bool(), Some(false));
    let said = crawl
        .run_args(["status", "-o", "out"])
        .expect_code(0)
        .stdout;
    assert!(
        said.contains("before the last requests: crawl rank renews it"),
        "{said}"
    );
    assert!(
        said.contains("; the same command asks what has changed"),
        "{said}"
    );
}

/// A crawl that runs, with a past that is written into it: the pace is that of the log.
#[test]
fn status_tells_the_pace_of_a_crawl_that_runs() {
    let site = Site::start();
    let links: String = (0..40).map(|n| format!("<a href=/{n}>{n}</a>")).collect();
    site.page("/", &links);
    for n in 0..40 {
        site.page(&format!("/{n}"), "<title>Page</title>");
    }
    site.misbehave("/39", Fault::StallBeforeHead);
    let crawl = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "-q",
        "-o",
        "out",
        "--rate",
        "unlimited",
    ]);
    let crawl = crawl.args(["--host-concurrency", "1"]);
    let mut running = crawl.spawn();
    running.wait_until("the page that stalls", |_| site.count("/39") > 0);
    let out = crawl.dir().join("out");
    running.wait_until("the pages before it", |_| {
        number(&out, "SELECT count(*) FROM fetch WHERE kind = 0") == 40
    });
    // Another program's change, as long as the crawl waits: half a minute earlier.
    edit(
        &out,
        "PRAGMA busy_timeout = 30000; UPDATE start SET begun = begun - 30000000;
         UPDATE url SET first_seen = first_seen - 30000000",
    );
    let status = status_of(&crawl);
    let lately = &status["lately"];
    assert_eq!(status["state"].as_str(), Some("running"), "{status}");
    assert!(lately["seconds"].as_f64() >= Some(30.0), "{status}");
    assert_eq!(
        (lately["pages"].as_u64(), lately["hosts"].as_u64()),
        (Some(40), Some(1)),
        "{status}"
    );
    assert!(status["left"]["seconds"].is_u64(), "{status}");
    let said = crawl
        .run_args(["status", "-o", "out"])
        .expect_code(0)
        .stdout;
    assert!(
        said.contains("/s in the last ") && said.contains(" or more at this rate"),
        "{said}"
    );
    assert!(said.lines().count() <= 10, "{said}");
    running.kill9();
    let status = status_of(&crawl);
    assert_eq!(
        (status["state"].as_str(), &status["left"]),
        (Some("killed"), &serde_json::Value::Null)
    );
}
