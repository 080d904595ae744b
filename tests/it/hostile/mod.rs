//! Servers that mean harm: every behaviour is a case with the row that it must leave. Each family is a
//! table of its own; `together` crawls all of them at once, beside healthy pages.

mod again;
mod bodies;
mod codings;
mod cookies;
mod fields;
mod heads;
mod http2;
mod large;
mod markup;
mod redirects;
mod robots;
mod scaling;
mod sitemaps;
mod texts;
mod together;
mod waits;

use std::path::Path;

use crate::support::{Crawl, Reply, Site, Step, expect_sound, rows};

/// What a path answers, and what its row in `pages` holds then.
#[derive(Clone)]
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

/// Seconds that an answer has where it is to come, however busy the machine is; and where it never does.
const PATIENT: u32 = 60;
const HASTY: u32 = 4;

/// The settings of these crawls: no waits, no second tries, and so many seconds for each answer.
fn settings(seconds: u32) -> String {
    format!(
        "[scope]\nscope = \"any\"\n[fetch]\nretries = 0\ntimeout = \"{seconds}s\"\nread-timeout = \"{seconds}s\"\n\
         [politeness]\nrate = \"unlimited\"\nhost-concurrency = 16\nmax-failures = 100000\nmax-hold = \"1s\"\nadaptive = false\n"
    )
}

/// A crawl of whatever its seeds lead to; only the seeds' addresses are let through.
fn crawl(seeds: &[String], seconds: u32) -> Crawl {
    let mut crawl = Crawl::new().args(["--config", "c.toml", "-o", "out"]);
    crawl.file("c.toml", &settings(seconds));
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
        // Which of the two limits a drip meets first is a matter of the settings.
        let found = found.replace(" too_slow ", " timeout ");
        if found != case.row {
            let sql =
                format!("SELECT detail, wire_bytes, total_ms FROM requests WHERE url = '{url}'");
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

/// Crawls sites of these cases, and looks at every row: those that end by a time limit, then the others, whose
/// crawl it answers with.
#[track_caller]
fn expect(cases: Vec<Case>, more: &[&str]) -> (Crawl, Site) {
    let (endless, others): (Vec<_>, Vec<_>) = cases
        .into_iter()
        .partition(|case| case.row.contains(" timeout "));
    expect_in(HASTY, &endless, more);
    expect_in(PATIENT, &others, more)
}

#[track_caller]
fn expect_in(seconds: u32, cases: &[Case], more: &[&str]) -> (Crawl, Site) {
    let site = Site::start();
    serve(&site, cases);
    let crawl = crawl(&[site.url("/")], seconds).args(more);
    crawl.spawn().patiently().wait().expect_code(0);
    let out = crawl.dir().join("out");
    expect_rows(&out, &site, cases);
    expect_sound(&out);
    (crawl, site)
}

/// An answer of one piece. Where it is whole by what it says of itself, the connection stays: a client that used it
/// again just as it closes would find a fault that is not the case's. Otherwise its end is the answer's.
fn raw(text: impl Into<Vec<u8>>) -> Reply {
    let text = text.into();
    let whole = is_whole(&text);
    let steps = [Some(Step::Send(text)), whole.then_some(Step::Open)];
    Reply::raw(steps.into_iter().flatten().collect::<Vec<_>>())
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    // Bare line feeds end a head as well, for clients that put up with them.
    let end = text.split_once("\r\n\r\n");
    let Some((head, body)) = end.or_else(|| text.split_once("\n\n")) else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|length| length.parse::<usize>().ok());
    length.is_some_and(|length| body.len() >= length)
}

/// A whole page under these header lines, each with its line end.
fn under(headers: &str) -> Reply {
    let page = "<title>Whole</title>";
    raw(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n{headers}\r\n{page}",
        page.len()
    ))
}
