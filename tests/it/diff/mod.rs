//! `crawl diff`: what became of each URL from one run, or one crawl, to another.

mod odd;
mod one_url;
mod planned;
mod runs;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Crawl, Output, Reply, Site};

fn crawl(site: &Site) -> Crawl {
    Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--rate",
        "unlimited",
        "--retries",
        "0",
        "-o",
        "out",
    ])
}

/// Answers as JSON.
#[track_caller]
fn json(crawl: &Crawl, args: &[&str]) -> Value {
    let words = ["diff", "-o", "out", "--format", "json"];
    let said = crawl.run_args(words.iter().chain(args)).expect_code(0);
    serde_json::from_str(&said.stdout).expect(&said.stdout)
}

/// What is said of each URL, by its path: the kind, then in what it differs.
fn said(diff: &Value, site: &Site) -> BTreeMap<String, String> {
    let entries = diff["entries"].as_array().expect("entries");
    let home = site.url("");
    let of = |entry: &Value| {
        let changes = entry["changes"].as_array().expect("changes").iter();
        let words = changes.map(|change| match change["added"].as_u64() {
            Some(added) => format!(
                "{}+{added}-{}",
                change["what"].as_str().expect("a word"),
                change["removed"]
            ),
            None => change["what"].as_str().expect("a word").to_owned(),
        });
        let mut all = vec![entry["kind"].as_str().expect("a kind").to_owned()];
        if let Some(to) = entry["to"].as_str() {
            all.push(to.replace(&home, ""));
            all.push(entry["by"].as_str().expect("a word").to_owned());
        }
        all.extend(words);
        let url = entry["url"].as_str().expect("a URL").replace(&home, "");
        (url, all.join(" "))
    };
    let all: BTreeMap<String, String> = entries.iter().map(of).collect();
    assert_eq!(all.len(), entries.len(), "a URL is told twice");
    all
}

fn diff(crawl: &Crawl, args: &[&str]) -> Output {
    let words = ["diff", "-o", "out"];
    crawl.run_args(words.iter().chain(args))
}

/// A page whose text is like no other's.
fn page(path: &str, head: &str, text: &str, links: &[&str], foot: usize) -> String {
    let links: String = links
        .iter()
        .map(|link| format!("<a href='{link}'>one</a> "))
        .collect();
    format!(
        "<!DOCTYPE html><html lang=en><head>{head}</head><body><nav><a href='/'>Home</a></nav><main><h1>{path}</h1>
         <p>What stands at {path} stands nowhere else on this site. {text}</p><p>See {links} as well, or do not.</p></main>
         <footer>Made on day {foot}</footer></body></html>"
    )
}

/// Two small versions of a page, and what is told of it alone.
fn two_versions(first: Reply, second: Reply) -> (Site, Crawl) {
    let site = Site::start();
    site.page("/", "<title>Home</title><a href='/page'>page</a>");
    site.reply("/page", first);
    let crawl = crawl(&site);
    crawl.run().expect_code(0);
    site.reply("/page", second);
    crawl.run().expect_code(0);
    (site, crawl)
}
