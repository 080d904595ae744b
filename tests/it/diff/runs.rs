//! Which runs are compared, and how far: by their names, of two outputs, of one that goes on.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{crawl, diff, json, page, said, two_versions};
use crate::support::{Crawl, Fault, Reply, Site, edit, number};

#[test]
fn runs_by_their_names() {
    let (site, crawl) = two_versions(
        Reply::html("<title>One</title>a"),
        Reply::html("<title>Two</title>a"),
    );
    site.reply("/page", Reply::html("<title>Three</title>a"));
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    edit(
        &out,
        "UPDATE run SET begun = 1767225600000000 WHERE id = 1; UPDATE run SET begun = 1767312000000000 WHERE id = 2",
    );
    let titles = |args: &[&str]| {
        let found = json(&crawl, args);
        let entries = found["entries"].as_array().expect("entries").clone();
        let title = |side: &str| {
            entries
                .first()
                .map(|entry| entry[side]["title"].to_string())
        };
        title("before")
            .zip(title("after"))
            .map(|(a, b)| format!("{a} {b}").replace('"', ""))
    };
    for (args, wanted) in [
        (&[][..], Some("Two Three")),
        (&["1"], Some("One Three")),
        (&["1", "2"], Some("One Two")),
        (&["-3", "-2"], Some("One Two")),
        (&["-2"], Some("Two Three")),
        (&["2026-01-01", "2026-01-02"], Some("One Two")),
        (&["2026-01-01T12:00:00Z"], Some("One Three")),
        (&["3", "1"], Some("Three One")),
    ] {
        assert_eq!(titles(args).as_deref(), wanted, "{args:?}");
    }
    // One part of a run with another.
    let same = json(
        &crawl,
        &["2", "-2", "--map", "http://a.example=http://b.example"],
    );
    assert_eq!(same["notes"][0], "run 2 is compared with itself");
    assert_eq!(same["counts"]["unchanged"], 2);
    for (args, wanted) in [
        (&["2", "-2"][..], "compared with itself"),
        (&["4"], "there is no such run"),
        (&["0"], "there is no such run"),
        (&["-4"], "there is no such run"),
        (&["-9223372036854775808"], "there is no such run"),
        (&["2020-01-01"], "there is no such run"),
        (&["yesterday"], "neither a number"),
        (&["'; DROP TABLE run"], "neither a number"),
        (&["1", "2", "3"], "unexpected"),
        (&["--only", "gonne"], "did you mean gone?"),
        (&["--fail-on", "gone=many"], "no whole number"),
        (&["--map", "x"], "FROM=TO"),
        (&["--limit", "x"], "whole number"),
        (&["--against", "nowhere"], "nowhere"),
        (&["--against", "out", "out"], "--against already"),
    ] {
        let refused = diff(&crawl, args).expect_code(2);
        assert!(refused.stderr.contains(wanted), "{args:?}: {refused}");
    }
}

#[test]
fn one_run_or_none() {
    let site = Site::start();
    site.page("/", "x");
    let crawl = crawl(&site);
    let none = diff(&crawl, &[]).expect_code(2);
    assert!(none.stderr.contains("out"), "{none}");
    crawl.run().expect_code(0);
    let one = diff(&crawl, &[]).expect_code(2);
    assert!(
        one.stderr.contains("it is the only one") && one.stderr.contains("--against"),
        "{one}"
    );
    diff(&crawl, &["1", "1", "--exit-code"]).expect_code(2);
}

#[test]
fn exit_codes_for_ci() {
    let (site, crawl) = two_versions(
        Reply::html("<title>One</title>a"),
        Reply::html("<title>Two</title>a"),
    );
    for (args, code) in [
        (&[][..], 0),
        (&["--exit-code"], 5),
        (&["--fail-on", "changed"], 5),
        (&["--fail-on", "changed=1"], 0),
        (&["--fail-on", "gone,title"], 5),
        (&["--fail-on", "gone,text,new,failed"], 0),
        (&["--fail-on", "gone", "--fail-on", "title=0"], 5),
        (&["--exit-code", "--url", "PAGE"], 5),
        (&["--exit-code", "--url", "HOME"], 0),
    ] {
        let (page, home) = (site.url("/page"), site.url("/"));
        let args: Vec<&str> = args
            .iter()
            .map(|arg| match *arg {
                "PAGE" => page.as_str(),
                "HOME" => home.as_str(),
                arg => arg,
            })
            .collect();
        diff(&crawl, &args).expect_code(code);
    }
    let said = diff(&crawl, &["--fail-on", "changed,title"])
        .expect_code(5)
        .stderr;
    assert_eq!(
        said,
        "crawl: changed: 1, at most 0 may be\ncrawl: title: 1, at most 0 may be\n"
    );
}

/// A crawl of the one host, and one of another that is to take its place.
#[test]
fn staging_against_production() {
    let (production, staging) = (Site::start(), Site::start());
    for (site, is_staging) in [(&production, false), (&staging, true)] {
        let index: String = (0..60).map(|n| format!("<a href='/{n}'>{n}</a>")).collect();
        site.page("/", &index);
        for n in 0..60 {
            let canonical = format!("<link rel=canonical href='{}'>", site.url(&format!("/{n}")));
            let word = if is_staging && n % 10 == 0 {
                "new"
            } else {
                "old"
            };
            let html = page(
                &n.to_string(),
                &format!("<title>{n}</title>{canonical}"),
                word,
                &["/1"],
                1,
            );
            let there = if is_staging { n != 7 } else { n != 8 };
            if there {
                site.page(&format!("/{n}"), &html);
            }
        }
        site.reply("/9", Reply::new(301).header("Location", &site.url("/1")));
    }
    let run = |site: &Site, output: &str, folder: &Crawl| {
        let url = site.url("/");
        folder
            .run_args(["--seed", &url, "--rate", "unlimited", "-o", output])
            .expect_code(0);
    };
    let folder = Crawl::new();
    run(&production, "production", &folder);
    run(&staging, "staging", &folder);
    let map = format!("{}={}", staging.url("/"), production.url("/"));
    let ask = |args: &[&str]| -> BTreeMap<String, String> {
        let words = ["diff", "--map", &map, "--format", "json"];
        let found = folder
            .run_args(words.iter().chain(args))
            .expect_code(0)
            .stdout;
        let found: Value = serde_json::from_str(&found).expect("JSON");
        assert_eq!(found["counts"]["unchanged"], 1 + 60 - 6 - 2);
        said(&found, &production)
    };
    let mut wanted: BTreeMap<String, String> = (0..60)
        .step_by(10)
        .map(|n| (format!("/{n}"), "changed text+1-1".to_owned()))
        .collect();
    wanted.insert("/7".to_owned(), "gone".to_owned());
    wanted.insert("/8".to_owned(), "new".to_owned());
    assert_eq!(ask(&["-o", "staging", "--against", "production"]), wanted);
    assert_eq!(ask(&["production", "staging"]), wanted);
    assert_eq!(ask(&["-o", "staging", "production"]), wanted);
    assert_eq!(ask(&["production/crawl.db", "staging/crawl.db"]), wanted);
    assert_eq!(
        ask(&["-o", "staging", "--against", "production", "1", "-1"]),
        wanted
    );
    // By either name.
    for site in [&production, &staging] {
        let words = [
            "diff",
            "--map",
            &map,
            "production",
            "staging",
            "--url",
            &site.url("/10"),
        ];
        let said = folder.run_args(words).expect_code(0).stdout;
        assert!(said.contains("-What") && said.contains("+What"), "{said}");
    }
    // With itself nothing is compared.
    let home = staging.url("/");
    for words in [
        &["diff", "-o", "staging", "1", "1"][..],
        &["diff", "-o", "staging", "-1"],
        &["diff", "staging", "staging/crawl.db"],
        &[
            "diff",
            "-o",
            "staging",
            "--against",
            "./staging",
            "--url",
            &home,
        ],
    ] {
        let said = folder.run_args(words).expect_code(2);
        assert!(said.stderr.contains("compared with itself"), "{said}");
        assert!(said.stdout.is_empty(), "{said}");
    }
    // Without the map nothing is the same.
    let apart = folder
        .run_args(["diff", "production", "staging"])
        .expect_code(0)
        .stdout;
    assert!(
        apart.contains("\nnew         60\n") && apart.contains("\nunasked     60\n"),
        "{apart}"
    );
}

/// A run that goes on is compared as far as it is.
#[test]
fn a_run_that_goes_on() {
    let site = Site::start();
    let links: String = (0..20).map(|n| format!("<a href='/{n}'>{n}</a>")).collect();
    site.page("/", &format!("{links}<a href='/stall'>last</a>"));
    for n in 0..20 {
        site.page(&format!("/{n}"), &format!("<title>{n}</title>old"));
    }
    site.page("/stall", "<a href='/late'>late</a>");
    site.page("/late", "late");
    let crawl = crawl(&site);
    let out = crawl.dir().join("out");
    crawl.run().expect_code(0);
    for n in 0..10 {
        site.page(&format!("/{n}"), &format!("<title>{n} anew</title>old"));
    }
    site.misbehave("/stall", Fault::StallBeforeHead);
    let mut running = crawl.spawn();
    running.wait_until("all but the last", |_| {
        let sql = "SELECT count(*) FROM visit WHERE run = 2 AND last_fetch IS NOT NULL";
        out.join("crawl.db").exists() && number(&out, sql) == 21
    });
    let found = json(&crawl, &[]);
    let note = found["notes"][0].as_str().expect("a note");
    assert!(note.contains("run 2 is still running"), "{note}");
    let told = said(&json(&crawl, &["--only", "unasked,changed"]), &site);
    let changed = told
        .values()
        .filter(|what| *what == "changed title")
        .count();
    assert_eq!(
        (changed, told["/stall"].as_str(), told["/late"].as_str()),
        (10, "unasked", "unasked")
    );
    assert_eq!(found["counts"]["gone"], 0);
    assert_eq!(found["counts"]["unchanged"], 11);
    running.kill9();
    let left = json(&crawl, &[]);
    assert!(
        left["notes"][0]
            .as_str()
            .expect("a note")
            .contains("killed"),
        "{left}"
    );
    assert_eq!(left["counts"], found["counts"]);
}

/// What a run has taken over from the one before without asking is no evidence of anything; what it has not asked for
/// and the run before has is as it was there.
#[test]
fn what_was_not_asked_for() {
    let site = Site::start();
    let index = |pages: &[&str]| -> String {
        pages
            .iter()
            .map(|page| format!("<a href='/{page}'>{page}</a>"))
            .collect()
    };
    let text = |word: &str| format!("<title>{word}</title>{word}");
    for page in ["a", "b", "c"] {
        site.page(&format!("/{page}"), &text(page));
    }
    site.page("/", &index(&["a", "b", "c"]));
    let crawl = crawl(&site);
    crawl.run().expect_code(0);
    site.page("/a", &text("a anew"));
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    // As a run that has asked for nothing but one page leaves it, the rest being taken over.
    edit(
        &out,
        "UPDATE visit SET last_fetch = (SELECT p.last_fetch FROM visit p WHERE p.run = 1 AND p.url = visit.url), carried = 1,
           good_version = (SELECT p.good_version FROM visit p WHERE p.run = 1 AND p.url = visit.url)
         WHERE run = 2 AND url NOT IN (SELECT id FROM url WHERE text LIKE '%/a')",
    );
    let found = json(&crawl, &[]);
    let told = said(&found, &site);
    assert_eq!(told["/a"], "changed title text+1-1");
    assert_eq!(found["counts"]["unasked"], 3);
    assert_eq!(found["counts"]["gone"], 0);
    // As one leaves it that has no rows of what it has not asked for.
    edit(
        &out,
        "DELETE FROM visit WHERE run = 2 AND url NOT IN (SELECT id FROM url WHERE text LIKE '%/a')",
    );
    let without = json(&crawl, &[]);
    assert_eq!(without["counts"], found["counts"]);
    // The run after that asks for all: what has no row in the second is held to the first.
    site.page("/b", &text("b anew"));
    crawl.run().expect_code(0);
    let found = json(&crawl, &[]);
    assert_eq!(
        said(&found, &site),
        BTreeMap::from([("/b".to_owned(), "changed title text+1-1".to_owned())])
    );
    assert_eq!(found["counts"]["unchanged"], 3);
}
