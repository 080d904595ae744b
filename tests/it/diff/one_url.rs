//! One URL in full.

use serde_json::Value;

use super::{crawl, diff, json, page, said, two_versions};
use crate::support::{Reply, Site};

#[test]
fn one_url_in_full() {
    let text = |middle: &str, link: &str| {
        let html = page("/page", "<title>Page</title>", middle, &[link, "/both"], 1);
        Reply::html(html.replace("</h1>", "</h1><p>Above.</p>"))
    };
    let (site, crawl) = two_versions(
        text("It is old.", "/left").header("Cache-Control", "no-store"),
        text("It is new.", "/came"),
    );
    let url = site.url("/page");
    let said = diff(&crawl, &["--url", &url]).expect_code(0).stdout;
    for line in [
        "--- run 1",
        "+++ run 2",
        " Above.",
        "-What stands at /page stands nowhere else on this site. It is old.",
        "+What stands at /page stands nowhere else on this site. It is new.",
        &format!("+ a {}  one", site.url("/came")),
        &format!("- a {}  one", site.url("/left")),
        "- cache-control: no-store",
    ] {
        assert!(said.lines().any(|found| found == line), "{line:?}: {said}");
    }
    assert!(!said.contains(&site.url("/both")), "{said}");
    let json: Value =
        serde_json::from_str(&diff(&crawl, &["--url", &url, "-f", "json"]).stdout).expect("JSON");
    assert_eq!(json["entry"]["kind"], "changed");
    assert_eq!(json["links_added"][0]["url"], site.url("/came"));
    assert_eq!(json["before"]["title"], "Page");
    assert_eq!(json["text"][0], "--- run 1");
    for (format, mark) in [
        ("jsonl", "\"kind\":\"changed\""),
        ("csv", "changed,"),
        ("html", "<ins>+What stands"),
        ("markdown", "```diff\n--- run 1\n+++ run 2\n"),
    ] {
        let said = diff(&crawl, &["--url", &url, "-f", format])
            .expect_code(0)
            .stdout;
        assert!(said.contains(mark), "{format}: {said}");
    }
    // What is as it was has nothing to tell; what nobody has met is an error.
    let same = diff(&crawl, &["--url", &site.url("/")])
        .expect_code(0)
        .stdout;
    assert!(
        same.starts_with("unchanged") && !same.contains("+++"),
        "{same}"
    );
    let none = diff(&crawl, &["--url", &site.url("/xyzzy")]).expect_code(2);
    assert!(
        none.stderr.contains("neither run has asked for it"),
        "{none}"
    );
    diff(&crawl, &["--url", "ftp://x"]).expect_code(2);
}

/// Of a page that is gone and stands elsewhere, the text there is compared.
#[test]
fn one_url_that_has_moved() {
    let site = Site::start();
    site.page("/", "<a href='/old'>page</a>");
    let body = |title: &str, text: &str| {
        Reply::html(page("/x", &format!("<title>{title}</title>"), text, &[], 1))
    };
    site.reply("/old", body("A name of its own", "Before."));
    let crawl = crawl(&site);
    crawl.run().expect_code(0);
    site.page("/", "<a href='/at'>page</a>");
    site.reply("/old", Reply::new(404));
    site.reply("/at", body("A name of its own", "After."));
    crawl.run().expect_code(0);
    let said = diff(&crawl, &["--url", &site.url("/old")])
        .expect_code(0)
        .stdout;
    let to = format!("moved to    {} (title)", site.url("/at"));
    assert!(said.starts_with("moved ") && said.contains(&to), "{said}");
    assert!(said.contains("-What") && said.contains("+What"), "{said}");
    let there = diff(&crawl, &["--url", &site.url("/at")])
        .expect_code(0)
        .stdout;
    assert!(
        there.contains(&format!("{} has moved here (title)", site.url("/old"))),
        "{there}"
    );
}

/// A title that many pages have does not tell where one of them has gone.
#[test]
fn a_common_title_moves_nothing() {
    let site = Site::start();
    let plain = |path: &str| page(path, "<title>Our site</title>", path, &[], 1);
    site.page("/", "<a href='/a'>a</a><a href='/b'>b</a>");
    for path in ["/a", "/b", "/c"] {
        site.page(path, &plain(path));
    }
    let crawl = crawl(&site);
    crawl.run().expect_code(0);
    site.page("/", "<a href='/a'>a</a><a href='/c'>c</a>");
    site.reply("/b", Reply::new(404));
    crawl.run().expect_code(0);
    let told = said(&json(&crawl, &[]), &site);
    assert_eq!((told["/b"].as_str(), told["/c"].as_str()), ("gone", "new"));
    // A redirect to what is not there is no move either.
    site.reply("/a", Reply::new(301).header("Location", "/nothing"));
    crawl.run().expect_code(0);
    let told = said(&json(&crawl, &[]), &site);
    assert_eq!(told["/a"], "gone");
}
