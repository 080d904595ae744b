//! `crawl report`: a page that needs nothing but itself, in which nothing of a server's is more than text; figures that
//! are those of the views; checks that end with a code of their own.

use std::collections::HashSet;
use std::path::Path;

use base64::Engine as _;
use scraper::{Html, Selector};
use serde_json::Value;
use sha2::Digest as _;

use crate::support::{Crawl, Fault, Output, Reply, Site, edit, number, rows};

/// What a server may say in the hope that somebody takes it for more than text.
const HOSTILE: [&str; 6] = [
    "</title></script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "'; alert(3); //",
    "a\u{202e}txt.exe\u{1b}[2J",
    "![x](javascript:alert(4)) | `a` <b>",
    "=cmd|' /C calc'!A0",
];

fn crawl_of(site: &Site) -> Crawl {
    let seed = site.url("/");
    Crawl::new().args(["--seed", &seed, "--rate", "unlimited", "-o", "out"])
}

/// A site with a fault of each kind that a report speaks of.
fn faulty() -> Site {
    let site = Site::start();
    let mut links = String::new();
    for (index, hostile) in HOSTILE.iter().enumerate() {
        let text = hostile.replace('&', "&amp;").replace('<', "&lt;");
        let quoted = text.replace('"', "&quot;");
        links += &format!(
            "<a href=\"/p{index}?q='{quoted}\">{text}</a> <a href=\"/gone{index}?{quoted}\">{text}</a>\n"
        );
        site.page(
            &format!("/p{index}"),
            &format!("<title>{text}</title><meta name=description content=\"{quoted}\"><p>{index}"),
        );
    }
    site.page(
        "/",
        &format!(
            "<title>Home</title>{links}<a href=/old>o</a><a href=/ring>r</a><a href=/lost>l</a><a href=/copy>c</a><a href=/bad>5</a>
             <a href='javascript:alert(9)'>js</a><a href=/a/one.html>one</a><a href=/b/two.html>two</a>"
        ),
    );
    for (from, to) in [
        ("/old", "/older"),
        ("/older", "/p0"),
        ("/ring", "/ring2"),
        ("/ring2", "/ring"),
        ("/lost", "/gone9"),
    ] {
        site.reply(from, Reply::new(301).header("Location", to));
    }
    site.page(
        "/copy",
        "<title>Same</title><p>the same<a href=/copy2>2</a>",
    );
    site.page(
        "/copy2",
        "<title>Same</title><p>the same<a href=/copy2>2</a>",
    );
    site.page(
        "/a/one.html",
        "<title>One</title><a href=/b/two.html>two</a>",
    );
    site.page(
        "/b/two.html",
        "<a href=/a/one.html>one</a><link rel=canonical href=/gone1>",
    );
    site.reply("/bad", Reply::new(500));
    site
}

fn report(crawl: &Crawl, args: &[&str]) -> Output {
    crawl.run_args(["report", "-o", "out"].iter().chain(args))
}

fn json(crawl: &Crawl) -> Value {
    let said = report(crawl, &["--format", "json"]).expect_code(0);
    serde_json::from_str(&said.stdout).expect("JSON")
}

fn page(crawl: &Crawl) -> String {
    report(crawl, &[]).expect_code(0);
    std::fs::read_to_string(crawl.dir().join("out/report.html")).expect("the page")
}

fn attributes(page: &Html) -> Vec<(String, String, String)> {
    let all = Selector::parse("*").expect("a selector");
    let elements = page.select(&all);
    elements
        .flat_map(|element| {
            let name = element.value().name().to_owned();
            element
                .value()
                .attrs()
                .map(move |(key, value)| (name.clone(), key.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Fails the test unless the page stands for itself: nothing loaded, nothing run but its own script, links to the web or
/// within it.
#[track_caller]
fn expect_inert(text: &str) {
    let page = Html::parse_document(text);
    assert_eq!(format!("{:?}", page.quirks_mode), "NoQuirks");
    for (element, key, value) in attributes(&page) {
        assert!(
            !key.starts_with("on") && key != "style" && key != "src" && key != "srcset",
            "{element} {key}={value}"
        );
        if key == "href" {
            let fine = ["http://", "https://", "#"]
                .iter()
                .any(|begin| value.starts_with(begin));
            assert!(element == "a" && fine, "{element} {value}");
        }
    }
    let count = |name: &str| page.select(&Selector::parse(name).expect(name)).count();
    for name in [
        "link",
        "iframe",
        "object",
        "embed",
        "img",
        "form",
        "base",
        "use",
        "image",
        "foreignObject",
    ] {
        assert_eq!(count(name), 0, "{name}");
    }
    assert_eq!((count("script"), count("style")), (1, 1));
    // Its policy lets in its own script and style, and nothing else.
    let policy = page
        .select(&Selector::parse("meta[http-equiv]").expect("a selector"))
        .next()
        .expect("a policy");
    let policy = policy.attr("content").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    for name in ["script", "style"] {
        let own = page
            .select(&Selector::parse(name).expect(name))
            .next()
            .expect(name);
        let text: String = own.text().collect();
        let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(&text));
        assert!(
            policy.contains(&format!("{name}-src 'sha256-{digest}'")),
            "{name} {policy}"
        );
        assert!(
            !text.contains("@import") && !text.contains("url("),
            "{name}"
        );
    }
}

/// Fails the test unless those can read the page who neither see nor use a mouse: names of what is drawn, headings in their
/// order, links that lead somewhere.
#[track_caller]
fn expect_readable(text: &str) {
    let page = Html::parse_document(text);
    let of = |selector: &str| {
        page.select(&Selector::parse(selector).expect("a selector"))
            .collect::<Vec<_>>()
    };
    let ids: Vec<String> = of("[id]")
        .iter()
        .filter_map(|one| one.attr("id").map(str::to_owned))
        .collect();
    let known: HashSet<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(known.len(), ids.len(), "an id twice");
    for (element, key, value) in attributes(&page) {
        let meant = match key.as_str() {
            "aria-labelledby" => Some(value.as_str()),
            "href" => value.strip_prefix('#'),
            _ => None,
        };
        assert!(
            meant.is_none_or(|id| known.contains(id)),
            "{element} {key}={value}"
        );
    }
    for drawn in of("svg") {
        assert_eq!(drawn.attr("role"), Some("img"));
        assert!(
            drawn
                .attr("aria-label")
                .is_some_and(|label| label.len() > 10)
        );
    }
    assert_eq!(
        of("svg").len(),
        of("figure table").len(),
        "each chart has its table"
    );
    assert!(
        of("th")
            .iter()
            .all(|head| head.attr("scope") == Some("col"))
    );
    for region in of("[tabindex]") {
        assert!(region.attr("role") == Some("region"));
        assert!(region.attr("aria-label").is_some() || region.attr("aria-labelledby").is_some());
    }
    let levels: Vec<u8> = of("h1, h2, h3, h4")
        .iter()
        .map(|heading| heading.value().name().as_bytes()[1] - b'0')
        .collect();
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
    assert!(
        levels.windows(2).all(|pair| pair[1] <= pair[0] + 1),
        "{levels:?}"
    );
    assert_eq!(of("html[lang]").len(), 1);
    assert_eq!(of("main").len(), 1);
}

#[test]
fn a_page_by_itself_of_hostile_texts() {
    let site = faulty();
    let crawl = crawl_of(&site);
    crawl.run().expect_code(0);
    let page = page(&crawl);
    expect_inert(&page);
    expect_readable(&page);
    assert!(
        page.contains("&lt;img src=x onerror=alert(2)&gt;"),
        "texts are shown"
    );
    assert!(page.contains("a\\u{202e}txt.exe\\u{1b}[2J") && !page.contains(['\u{202e}', '\u{1b}']));
    for (id, words) in [
        ("broken-links", "Broken links"),
        ("redirects", "Redirects"),
        ("duplicates", "Duplicates"),
        ("titles", "Titles"),
    ] {
        assert!(page.contains(&format!("<h3 id=\"{id}\">{words}: ")), "{id}");
    }
    // The same texts in the other formats.
    let said = report(&crawl, &["--format", "md"]).expect_code(0);
    assert!(!said.stdout.contains(['\u{202e}', '\u{1b}']), "{said}");
    for line in said.stdout.lines().filter(|line| line.starts_with('|')) {
        let bare = line.replace("\\|", "").replace("<br>", "");
        assert!(
            !bare.contains("<i") && !bare.contains("<b") && !bare.contains("<s"),
            "{line}"
        );
        assert!(!bare.contains("](") || bare.contains("\\]("), "{line}");
    }
    let json = json(&crawl);
    let links = &table(&json, "broken-links")["rows"];
    let links = links.as_array().expect("rows").iter();
    let shown: HashSet<&str> = links.filter_map(|row| row["anchor"].as_str()).collect();
    assert!(shown.contains(HOSTILE[0]), "{shown:?}");
}

fn table<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut tables = report["tables"].as_array().expect("tables").iter();
    tables.find(|table| table["name"] == name).expect("a table")
}

/// So many rows, and so much that is counted in them, as the views have it.
fn expect_total(out: &Path, table: &Value, view: &str, weight: &str) {
    let counted = rows(
        out,
        &format!("SELECT count(*), ifnull(sum({weight}), 0) FROM {view}"),
    );
    let said = format!("{} {}", table["total"], table["weight"]);
    assert_eq!(said, counted[0], "{view}");
}

#[test]
fn figures_are_those_of_the_views() {
    let site = faulty();
    let crawl = crawl_of(&site);
    crawl.run().expect_code(0);
    crawl.run_args(["rank", "-o", "out"]).expect_code(0);
    let (out, json) = (crawl.dir().join("out"), json(&crawl));
    let table = |name| table(&json, name);
    for (name, view, weight) in [
        ("errors", "error_classes", "urls"),
        (
            "broken-links",
            "(SELECT to_url, count(*) AS links FROM broken_links GROUP BY to_url)",
            "links",
        ),
        ("redirects", "redirect_chains", "1"),
        (
            "duplicates",
            "(SELECT count(*) - 1 AS others FROM duplicates GROUP BY sha256)",
            "others",
        ),
        ("titles", "titles", "1"),
        ("descriptions", "descriptions", "1"),
        (
            "canonicals",
            "canonicals",
            "problem NOT IN ('to another page', 'not crawled')",
        ),
        ("noindexed", "noindexed", "noindex"),
        ("hreflang", "hreflang", "1"),
        ("orphans", "orphans", "1"),
        ("unlisted", "unlisted", "1"),
        ("sitemap-problems", "sitemap_problems", "1"),
        ("hosts", "host_health", "1"),
        (
            "ranks",
            "(SELECT * FROM ranks WHERE pagerank IS NOT NULL)",
            "1",
        ),
        (
            "slowest",
            "(SELECT 1 FROM pages WHERE fetched_at IS NOT NULL)",
            "1",
        ),
        (
            "largest",
            "(SELECT 1 FROM pages WHERE current AND bytes IS NOT NULL)",
            "1",
        ),
    ] {
        assert_eq!(table(name)["unasked"], Value::Null, "{name}");
        expect_total(&out, table(name), view, weight);
    }
    assert!(
        number(&out, "SELECT count(*) FROM broken_links") > 6
            && number(&out, "SELECT count(*) FROM redirect_chains") == 5
    );
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let said = |list: &Value, keys: &[&str]| -> Vec<String> {
        let mut lines: Vec<String> = list
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| {
                keys.iter()
                    .map(|key| text(one.pointer(key).expect(key)))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        lines.sort();
        lines
    };
    let wanted = |sql: &str| {
        let mut lines = rows(&out, sql);
        lines.sort();
        lines
    };
    assert_eq!(
        said(
            &json["depths"],
            &[
                "/depth",
                "/outcomes/ok",
                "/outcomes/redirects",
                "/outcomes/forbidden",
                "/bytes"
            ]
        ),
        wanted("SELECT depth, ok, redirects, forbidden, bytes FROM depths")
    );
    assert_eq!(
        said(
            &json["content_types"],
            &["/content_type", "/urls", "/bytes"]
        ),
        wanted("SELECT content_type, urls, bytes FROM content_types")
    );
    assert_eq!(
        said(&json["statuses"], &["/name", "/urls"]),
        wanted("SELECT coalesce(error, status), count(*) FROM resources GROUP BY 1")
    );
    assert_eq!(
        json["sizes"]["count"],
        number(
            &out,
            "SELECT count(*) FROM pages WHERE current AND bytes IS NOT NULL"
        )
    );
    let steps = json["pace"]["steps"].as_array().expect("steps");
    let sum = |key: &str| {
        steps
            .iter()
            .filter_map(|step| step[key].as_i64())
            .sum::<i64>()
    };
    assert_eq!(
        sum("requests"),
        number(&out, "SELECT count(*) FROM requests")
    );
    assert_eq!(sum("pages"), json["run"]["pages"].as_i64().expect("pages"));
    // The pages of two folders, and the links between them.
    let links: Vec<String> = json["sections"]["edges"]
        .as_array()
        .expect("edges")
        .iter()
        .map(|edge| {
            let name = |at: &Value| {
                text(&json["sections"]["nodes"][at.as_u64().expect("a place") as usize]["name"])
            };
            format!(
                "{} {} {}",
                name(&edge["from"]),
                name(&edge["to"]),
                edge["links"]
            )
        })
        .collect();
    for edge in ["/a/ /b/ 1", "/b/ /a/ 1", "/ /a/ 1"] {
        assert!(links.contains(&edge.to_owned()), "{links:?}");
    }
    let found: Vec<String> = json["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|finding| format!("{} {}", text(&finding["check"]), finding["count"]))
        .collect();
    for finding in [
        "server-errors 1",
        "redirect-chains 1",
        "broken-redirects 1",
        "duplicates 1",
    ] {
        assert!(
            found.iter().any(|found| found == finding),
            "{finding} {found:?}"
        );
    }
}

/// What a finding tells to type lists so many.
#[test]
fn queries_list_what_was_found() {
    let site = faulty();
    let crawl = crawl_of(&site);
    crawl.run().expect_code(0);
    let json = json(&crawl);
    let findings = json["findings"].as_array().expect("findings");
    assert!(findings.len() > 8, "{findings:#?}");
    for finding in findings {
        let query = finding["query"].as_str().expect("a query");
        let question = query
            .strip_prefix("crawl query -o out ")
            .expect("of this output");
        let question = question.trim_matches('"');
        let said = crawl
            .run_args(["query", "-o", "out", "-f", "jsonl", question])
            .expect_code(0);
        let mut listed = said.stdout.lines().count() as u64;
        if finding["check"] == "duplicates" {
            // The first of each is the one that the others are copies of.
            listed -= table(&json, "duplicates")["total"]
                .as_u64()
                .expect("a total");
        }
        assert_eq!(finding["count"], listed, "{query}");
    }
}

#[test]
fn each_check_is_documented() {
    let docs = include_str!("../../docs/report.md");
    for (name, _) in crawl::answers::report::checks::all() {
        assert!(docs.contains(&format!("| {name} |")), "{name}");
    }
}

#[test]
fn checks_end_with_a_code_of_their_own() {
    let site = faulty();
    let crawl = crawl_of(&site);
    crawl.run().expect_code(0);
    for (checks, code, words) in [
        (
            "redirect-loops,broken-links",
            5,
            vec![
                "crawl: redirect-loops: ",
                "crawl: broken-links: ",
                "at most 0 may be: crawl query -o out broken-links",
            ],
        ),
        ("broken-links=1000,redirect_loops=1000", 0, vec![]),
        ("duplicates=1", 0, vec![]),
        ("duplicates=0", 5, vec!["crawl: duplicates: 1 URL has"]),
        ("no-pages,orphans,unfinished", 0, vec![]),
        ("brokenlinks", 2, vec!["did you mean \"broken-links\""]),
        ("broken-links=x", 2, vec!["no whole number"]),
        (
            "near-duplicates",
            2,
            vec!["near-duplicates: it is worked out by crawl index -o out"],
        ),
        (
            "near-duplicates,server-errors",
            5,
            vec!["near-duplicates: ", "server-errors: 1 URL fails"],
        ),
    ] {
        let said = report(&crawl, &["--to", "r.html", "--fail-on", checks]).expect_code(code);
        for words in words {
            assert!(said.stderr.contains(words), "{words}\n{said}");
        }
        let asked = checks != "brokenlinks" && checks != "broken-links=x";
        assert_eq!(
            crawl.dir().join("r.html").exists(),
            asked,
            "the report is there whatever the checks say"
        );
        let _ = std::fs::remove_file(crawl.dir().join("r.html"));
    }
    let said = report(&crawl, &["--to", "no/where.html"]).expect_code(1);
    assert!(said.stderr.contains("cannot write no/where.html"), "{said}");
    let said = crawl.run_args(["report", "-o", "nowhere"]).expect_code(2);
    assert!(said.stderr.contains("nowhere"), "{said}");
}

/// Nothing, one page, and only failures: each makes a page that can be read.
#[test]
fn crawls_of_little() {
    let site = Site::start();
    site.page("/", "<p>alone");
    let crawl = crawl_of(&site);
    crawl.run().expect_code(0);
    let page_of = page(&crawl);
    expect_inert(&page_of);
    expect_readable(&page_of);
    assert!(page_of.contains("1 page has no title"), "{page_of}");

    let down = Site::start();
    down.reply("/", Reply::new(503));
    let crawl = crawl_of(&down).args(["--retries", "0"]);
    let _ = crawl.run();
    let failed = page(&crawl);
    expect_inert(&failed);
    expect_readable(&failed);
    let said = report(&crawl, &["--fail-on", "no-pages", "--format", "md"]).expect_code(5);
    assert!(
        said.stderr
            .contains("no-pages: 1 crawl that has read no page"),
        "{said}"
    );

    // A run that was begun, and no more.
    let out = crawl.dir().join("out");
    edit(
        &out,
        "PRAGMA foreign_keys = off; DELETE FROM visit; DELETE FROM fetch; DELETE FROM frontier; DELETE FROM version;",
    );
    let empty = page(&crawl);
    expect_inert(&empty);
    expect_readable(&empty);
    assert!(empty.contains("Nothing has an outcome yet."));
    // And not even that.
    edit(
        &out,
        "PRAGMA foreign_keys = off; DELETE FROM start; DELETE FROM run;",
    );
    let said = report(&crawl, &[]).expect_code(0);
    assert!(said.stderr.contains("nothing was crawled yet"), "{said}");
    report(&crawl, &["--fail-on", "broken-links"]).expect_code(2);
}

/// Whatever a crawl has met, the page stays small, and the numbers are whole.
#[test]
fn a_large_crawl_makes_a_small_page() {
    const MANY: i64 = 20_000;
    let site = Site::start();
    site.page("/", "<title>Home</title><a href=/gone>g</a>");
    let crawl = crawl_of(&site);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let before = number(&out, "SELECT count(*) FROM broken_links");
    // URLs of some 1,500 bytes: missing, redirecting, there without a title; all of them linked.
    edit(
        &out,
        &format!(
            "PRAGMA foreign_keys = off;
             CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) SELECT i FROM n;
             INSERT INTO url (id, host, hash, text, first_seen)
               SELECT 1000000 + i, 1, i, 'http://a.example/&quot;''<>' || i || '/' || replace(hex(zeroblob(700)), '00', '&<'), i FROM n;
             INSERT INTO version (id, url, digest, meta, bytes, media_type, nofollow, noindex, truncated, title)
               SELECT 1000000 + i, 1000000 + i, randomblob(32), 0, i * 100, 'text/html', 0, i % 5 = 0, 0, iif(i % 2, '<b>same</b>', NULL)
               FROM n WHERE i % 3 = 0;
             INSERT INTO fetch (id, start, url, kind, attempt, started, total_us, status, wire_bytes, truncated, version, redirect_to)
               SELECT 1000000 + i, 1, 1000000 + i, 0, 0, i, i * 1000, CASE i % 3 WHEN 0 THEN 200 WHEN 1 THEN 404 ELSE 301 END, 1, 0,
                      iif(i % 3 = 0, 1000000 + i, NULL), iif(i % 3 = 2, 1000000 + i - 1, NULL) FROM n;
             INSERT INTO visit (run, url, depth, redirects, via_kind, decision, last_fetch, good_version)
               SELECT 1, 1000000 + i, i % 50, 0, 1, 0, 1000000 + i, iif(i % 3 = 0, 1000000 + i, NULL) FROM n;
             INSERT INTO link (version, position, target, kind, anchor)
               SELECT (SELECT min(id) FROM version), 1000 + i, 1000000 + i, 1, '<i>' || i FROM n;"
        ),
    );
    let page = page(&crawl);
    expect_inert(&page);
    expect_readable(&page);
    assert!(page.len() < 2_000_000, "{}", page.len());
    let json = json(&crawl);
    let broken = table(&json, "broken-links");
    // What is missing, and what redirects there.
    let missing = (1..=MANY).filter(|i| i % 3 == 1).count() as i64;
    let moved = (1..=MANY).filter(|i| i % 3 == 2).count() as i64;
    assert_eq!(broken["weight"], before + missing + moved);
    assert_eq!(broken["rows"].as_array().expect("rows").len(), 100);
    assert!(
        page.contains(&format!(" of {} rows", "13,335")),
        "what is not shown is counted"
    );
    for (args, wanted) in [
        (&[][..], 20),
        (&["--rows", "3"], 3),
        (&["--rows", "50"], 50),
    ] {
        let args = [&["--format", "md"], args].concat();
        let markdown = report(&crawl, &args).expect_code(0).stdout;
        let (_, table) = markdown.split_once("\n## Broken links").expect("a table");
        let table = table.split("\n## ").next().unwrap_or_default();
        let rows = table.lines().filter(|line| line.starts_with("| ")).count() - 1;
        assert_eq!(rows, wanted, "{table}");
    }
}

/// Values that no crawl writes make no answer large.
#[test]
fn values_that_nobody_wrote() {
    let site = Site::start();
    site.page(
        "/",
        "<title>Home</title><a href=/one>1</a><a href=/two>2</a>",
    );
    site.page("/one", "<title>kangaroo</title><main><p>one");
    site.page("/two", "<title>Two</title><main><p>two");
    let crawl = crawl_of(&site);
    crawl.run().expect_code(0);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let title = |bytes: u32| {
        let sql = format!(
            "UPDATE version SET title = printf('%.*c', {bytes}, 'x') WHERE title <> 'Home' AND title <> 'Two'"
        );
        edit(&out, &sql);
    };
    title(1_000_000);
    let json = report(&crawl, &["--format", "json"]).expect_code(0).stdout;
    assert!(
        json.len() < 200_000 && json.contains("xxx…"),
        "{}",
        json.len()
    );
    let table = crawl
        .run_args(["query", "-o", "out", "pages"])
        .expect_code(0)
        .stdout;
    let lengths: Vec<usize> = table.lines().map(str::len).collect();
    let long = lengths.iter().filter(|length| **length > 3000).count();
    assert_eq!(
        (long, lengths.iter().max() > Some(&1_000_000)),
        (1, true),
        "{lengths:?}"
    );
    crawl.run_args(["index", "-o", "out"]).expect_code(0);
    title(9_000_000);
    let one = site.url("/one");
    let diff = ["diff", "-o", "out", "--url", &one];
    for words in [
        &["report", "-o", "out"][..],
        &diff,
        &["search", "-o", "out", "one"],
    ] {
        let said = crawl.run_args(words).expect_code(1);
        assert!(
            said.stderr.contains("longer than any that crawl writes"),
            "{said}"
        );
        assert!(
            said.stderr.lines().count() == 1 && said.stderr.len() < 500,
            "{said}"
        );
    }
    crawl.run_args(["status", "-o", "out"]).expect_code(0);
    crawl.run_args(["rank", "-o", "out"]).expect_code(0);
    crawl
        .run_args(["search", "-o", "out", "two"])
        .expect_code(0);
    // Not even to be read for the index.
    title(17_000_000);
    let said = crawl
        .run_args(["index", "--rebuild", "-o", "out"])
        .expect_code(1);
    assert!(
        said.stderr.contains("longer than any that crawl writes"),
        "{said}"
    );
}

/// A report of a crawl that goes on is of what is there, says so, and leaves the log alone.
#[test]
fn a_crawl_that_goes_on() {
    let site = Site::start();
    site.page(
        "/",
        "<title>Home</title><a href=/gone>g</a><a href=/stall>stall</a>",
    );
    site.misbehave("/stall", Fault::StallBeforeHead);
    let crawl = crawl_of(&site);
    let out = crawl.dir().join("out");
    let mut running = crawl.spawn();
    running.wait_until("the page that stalls, and the row of the other", |_| {
        site.count("/stall") > 0
            && out.join("crawl.db").exists()
            && number(&out, "SELECT count(*) FROM errors") > 0
    });
    let found = json(&crawl);
    assert_eq!(found["run"]["live"], true);
    assert_eq!(found["run"]["queued"], 1);
    assert!(
        found["remarks"][0]
            .as_str()
            .expect("a remark")
            .starts_with("A crawl was writing")
    );
    let page = page(&crawl);
    expect_inert(&page);
    assert!(
        page.contains("A crawl was writing while this was made")
            && page.contains("1 URL still waits")
    );
    running.kill9();
}
