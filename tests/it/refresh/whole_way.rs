//! The whole way, with the real program: crawls, a site that changes in known ways, refreshes, what is said of them,
//! and pruning.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;

use super::maps::{map, name_maps};
use super::{Plan, tagged};
use crate::support::{expect_sound, number, rows};

const PAGES: usize = 100;
const CHANGED: Range<usize> = 10..15;
const GONE: Range<usize> = 20..22;
const NEW: [&str; 2] = ["/new/0", "/new/1"];

/// Every page with this date, but for those that have another one.
fn serve_map(plan: &Plan, changed: Option<String>) {
    let old = "2020-01-01".to_owned();
    let is_new = changed.is_some();
    let date = |n| changed.clone().filter(|_| CHANGED.contains(&n));
    let pages = (0..PAGES).filter(|n| !(is_new && GONE.contains(n)));
    let pages = pages.map(|n| (format!("/{n}"), date(n).unwrap_or_else(|| old.clone())));
    let new = NEW.iter().filter(|_| is_new);
    let new = new.map(|path| ((*path).to_owned(), old.clone()));
    plan.site.reply("/map.xml", map(plan, pages.chain(new)));
}

/// What `diff` says: the counts of some kinds, and the URLs by kind with what differs.
fn diff(plan: &Plan, args: &[&str]) -> (Vec<u64>, BTreeSet<String>) {
    let all = ["diff", "--format", "json", "-o", "out"].iter().chain(args);
    let said = plan.crawl.run_args(all).expect_code(0).stdout;
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let kinds = [
        "new",
        "gone",
        "changed",
        "moved",
        "failed",
        "disallowed",
        "unasked",
        "unchanged",
    ];
    let counts = kinds.map(|kind| said["counts"][kind].as_u64().expect("a count"));
    let entries = said["entries"].as_array().expect("entries").iter();
    let entries = entries.map(|entry| {
        let word = |value: &Value| value.as_str().expect("a word").to_owned();
        let changes = entry["changes"].as_array().into_iter().flatten();
        let changes: Vec<String> = changes.map(|change| word(&change["what"])).collect();
        let path = word(&entry["url"]).replace(&plan.site.url(""), "");
        format!("{} {path} {}", word(&entry["kind"]), changes.join(","))
    });
    (counts.to_vec(), entries.collect())
}

fn planned() -> BTreeSet<String> {
    let new = NEW.iter().map(|path| format!("new {path} "));
    let gone = GONE.map(|n| format!("gone /{n} "));
    let changed = CHANGED.map(|n| format!("changed /{n} title"));
    new.chain(gone).chain(changed).collect()
}

/// Answers of all sorts, whatever was pruned.
fn answers(plan: &Plan) -> Vec<String> {
    let page = plan.site.url("/12");
    let commands: [&[&str]; 12] = [
        &["query", "pages", "--format", "csv"],
        &["query", "SELECT from_url, to_url FROM links ORDER BY 1, 2"],
        &["query", "broken-links"],
        &["query", "sitemap-entries"],
        &["query", "orphans"],
        &["query", "errors"],
        &["search", "new"],
        &["cat", &page],
        &["why", &page],
        &["report", "--format", "json"],
        &["audit"],
        &["check"],
    ];
    let mut told = Vec::new();
    for command in commands {
        let said = plan.crawl.run_args(command.iter().chain(&["-o", "out"]));
        let said = said.expect_code(0).stdout;
        // The others speak of the output as a whole, and of how they were made.
        if matches!(command[0], "query" | "search" | "cat") {
            told.push(said);
        }
    }
    told
}

#[test]
fn from_a_crawl_to_a_pruned_output() {
    let plan = Plan::new(PAGES);
    let out = plan.out();
    name_maps(&plan, &["/map.xml"]);
    serve_map(&plan, None);
    plan.crawl.run().expect_code(0);
    plan.day_passes();
    // The site changes.
    CHANGED.for_each(|n| plan.change(n));
    GONE.for_each(|n| plan.remove(n));
    for path in NEW {
        plan.site
            .reply(path, tagged(path, "<title>new</title><p>What is new."));
    }
    serve_map(&plan, Some(jiff::Timestamp::now().to_string()));
    plan.site.forget();
    plan.refresh(30).run().expect_code(0);
    let asked = plan.asked();
    assert_eq!(asked.len(), 31, "{asked:?}");
    let known = plan.asked().len() as u64 - 1 - NEW.len() as u64;
    // All of it is told, and nothing else.
    let (unasked, unchanged) = (PAGES as u64 + 1 - known, known - 7);
    let (counts, entries) = diff(&plan, &[]);
    assert_eq!(entries, planned());
    assert_eq!(counts, [2, 2, 5, 0, 0, 0, unasked, unchanged]);
    // The views have what is new of it, and what was.
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 103);
    assert_eq!(
        rows(
            &out,
            "SELECT title, count(*) FROM pages WHERE title LIKE '1_ 2' OR title = 'new' GROUP BY title"
        ),
        ["10 2 1", "11 2 1", "12 2 1", "13 2 1", "14 2 1", "new 2"]
    );
    let broken = "SELECT DISTINCT to_url FROM broken_links ORDER BY 1";
    assert_eq!(
        rows(&out, broken),
        GONE.map(|n| plan.site.url(&format!("/{n}")))
            .collect::<Vec<_>>()
    );
    assert_eq!(number(&out, "SELECT count(*) FROM sitemap_entries"), 100);
    assert_eq!(
        rows(
            &out,
            "SELECT url, found_by FROM pages WHERE title = 'new' ORDER BY url"
        ),
        NEW.map(|path| format!("{} sitemap", plan.site.url(path)))
    );
    answers(&plan);
    expect_sound(&out);
    // Nothing happens, and nothing is told of it; beside the first run it is as before.
    plan.day_passes();
    plan.site.forget();
    plan.refresh(40).run().expect_code(0);
    let (counts, entries) = diff(&plan, &[]);
    assert_eq!((entries.len(), &counts[..6]), (0, &[0; 6][..]));
    // What is gone and was not asked for again is nothing that could be there.
    let gone = GONE.filter(|n| !plan.asked().contains(&format!("/{n}")));
    assert_eq!(counts[6] + counts[7], 103 - gone.count() as u64);
    let (counts, entries) = diff(&plan, &["1", "3"]);
    assert_eq!(entries, planned());
    assert!(counts[6] < unasked, "{counts:?}");
    // Old runs go, and everything answers as before.
    let before = answers(&plan);
    plan.crawl
        .run_args(["prune", "--keep-runs", "1", "-o", "out"])
        .expect_code(0);
    expect_sound(&out);
    assert_eq!(answers(&plan), before);
    // And it goes on.
    plan.change(50);
    plan.refresh(103).run().expect_code(0);
    let (counts, entries) = diff(&plan, &[]);
    assert_eq!((counts[2], entries.len()), (1, 1), "{entries:?}");
    plan.site.forget();
    plan.crawl.run().expect_code(0);
    // What is gone is not asked for by a crawl: pages still lead to it.
    assert_eq!(plan.asked().len(), 104);
    expect_sound(&out);
    let (counts, entries) = diff(&plan, &[]);
    assert_eq!((entries.len(), counts[7]), (0, 103));
}
