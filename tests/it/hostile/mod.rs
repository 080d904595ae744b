//! Servers that mean harm: every behaviour is a case with the row that it must leave. Each family is a
//! table of its own; `together` crawls all of them at once, beside healthy pages.

mod bodies;
mod codings;
mod cookies;
mod fields;
mod heads;
mod markup;
mod redirects;
mod robots;
mod sitemaps;
mod texts;
mod together;
mod waits;

use std::path::Path;

use crate::support::{Crawl, Reply, Site, Step, expect_sound, rows};

/// What a path answers, and what its row in `pages` holds then.
struct Case {
    path: String,
    reply: Reply,
    /// `status error truncated redirect_to`, NULL as `-`, without the site's own scheme and host.
    row: String,
}

fn case(path: &str, reply: Reply, row: &str) -> Case {
    Case {
        path: path.to_owned(),
        reply,
        row: row.to_owned(),
    }
}

/// The settings of these crawls: short patience, no waits, no second tries.
const SHORT: &str = "[scope]\nscope = \"any\"\n[fetch]\nretries = 0\ntimeout = \"3s\"\nread-timeout = \"1s\"\nconnect-timeout = \"1s\"\n\
[politeness]\nrate = \"unlimited\"\nhost-concurrency = 16\nmax-failures = 100000\nmax-hold = \"1s\"\nadaptive = false\n";

/// A crawl with short patience of whatever its seeds lead to; only the seeds' addresses are let through.
fn short(seeds: &[String]) -> Crawl {
    let mut crawl = Crawl::new().args(["--config", "c.toml", "-o", "out"]);
    crawl.file("c.toml", SHORT);
    for seed in seeds {
        crawl = crawl.args(["--seed", seed]);
    }
    crawl
}

/// Serves the cases, with a page that links to each, and one that is healthy.
fn serve(site: &Site, cases: &[Case]) {
    let mut links = String::from("<a href=/healthy>h</a>");
    for case in cases {
        site.reply(&case.path, case.reply.clone());
        links += &format!("<a href='{}'>x</a>", case.path);
    }
    site.page("/", &links);
    site.page("/healthy", "<title>Healthy</title>");
}

/// Fails the test, naming every case whose row is another.
#[track_caller]
fn expect_rows(out: &Path, site: &Site, cases: &[Case]) {
    let mut wrong = String::new();
    for case in cases {
        let url = site.url(&case.path);
        let sql =
            format!("SELECT status, error, truncated, redirect_to FROM pages WHERE url = '{url}'");
        let found = rows(out, &sql).join(" | ").replace(&site.url(""), "");
        if found != case.row {
            let sql = format!("SELECT detail FROM requests WHERE url = '{url}'");
            let detail = rows(out, &sql).join(" | ");
            wrong += &format!("{}: {found}, not {} ({detail})\n", case.path, case.row);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let sql = format!(
        "SELECT title FROM pages WHERE url = '{}'",
        site.url("/healthy")
    );
    assert_eq!(rows(out, &sql), ["Healthy"]);
}

/// Crawls a site of these cases, and looks at every row.
#[track_caller]
fn expect(cases: &[Case], more: &[&str]) -> (Crawl, Site) {
    let site = Site::start();
    serve(&site, cases);
    let crawl = short(&[site.url("/")]).args(more);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    expect_rows(&out, &site, cases);
    expect_sound(&out);
    (crawl, site)
}

/// An answer of one piece, and the end of the connection.
fn raw(text: impl Into<Vec<u8>>) -> Reply {
    Reply::raw([Step::Send(text.into())])
}

/// A whole page under these header lines, each with its line end.
fn under(headers: &str) -> Reply {
    let page = "<title>Whole</title>";
    raw(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n{headers}\r\n{page}",
        page.len()
    ))
}
