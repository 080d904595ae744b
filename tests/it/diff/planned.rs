//! Fifty and more of everything that can become of a page.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::{crawl, json, page, said};
use crate::support::{Crawl, Fault, Reply, Site, edit, expect_sound};

/// Pages of each sort.
const EACH: usize = 55;

/// The sorts of pages, and what is to be said of each from the first version to the second. Those that fail do not
/// stand together: a host that fails twice in a row is left alone for a while.
const SORTS: [(&str, &str); 25] = [
    ("/new/", "new"),
    ("/gone/", "gone"),
    ("/lost/", "gone"),
    ("/old/redirect/", "moved /at/redirect/# redirect"),
    ("/old/bytes/", "moved /at/bytes/# content"),
    ("/old/text/", "moved /at/text/# text"),
    ("/old/title/", "moved /at/title/# title"),
    ("/title/", "changed title"),
    ("/failed/", "failed"),
    ("/description/", "changed description"),
    ("/canonical/", "changed canonical links+1-1"),
    ("/directives/", "changed directives"),
    ("/language/", "changed language"),
    ("/reset/", "failed"),
    ("/type/", "changed type"),
    ("/text/", "changed text+1-1"),
    ("/links/", "changed text+1-1 links+2-1"),
    ("/headers/", "changed headers+2-1"),
    ("/redirect/", "changed redirect"),
    ("/status/", "changed status"),
    ("/back/", "changed status"),
    ("/disallowed/", "disallowed"),
    ("/unasked/", "unasked"),
    ("/same/", "unchanged"),
    ("/foot/", "unchanged"),
];

/// What a path of the site answers in its first and second version.
fn answer(path: &str, version: usize) -> Option<Reply> {
    let late = version == 2;
    let title = format!("<title>Title of {path}</title>");
    let plain = page(path, &title, "", &["/same/1"], 1);
    let (sort, _) = path.rsplit_once('/')?;
    let html = |head: &str, text: &str, links: &[&str]| {
        Some(Reply::html(page(
            path,
            &format!("{title}{head}"),
            text,
            links,
            1,
        )))
    };
    let pick = |first: &str, second: &str| if late { second } else { first }.to_owned();
    match sort {
        "/new" if !late => None,
        "/gone" | "/old/bytes" | "/old/text" | "/old/title" if late => None,
        "/lost" if late => Some(Reply::new(410)),
        "/old/redirect" if late => {
            Some(Reply::new(301).header("Location", &path.replace("old", "at")))
        }
        "/at/redirect" | "/at/bytes" | "/at/text" | "/at/title" if !late => None,
        "/at/bytes" => answer(&path.replace("at/bytes", "old/bytes"), 1),
        "/at/text" => {
            let old = path.replace("at/text", "old/text");
            Some(Reply::html(page(
                &old,
                &format!("<title>{path}</title>"),
                "",
                &["/same/1"],
                9,
            )))
        }
        "/at/title" => {
            let old = path.replace("at/title", "old/title");
            let head = format!("<title>Title of {old}</title>");
            Some(Reply::html(page(
                path,
                &head,
                "It was written anew.",
                &[],
                1,
            )))
        }
        "/title" => Some(Reply::html(page(
            path,
            &format!("<title>{} of {path}</title>", pick("First", "Second")),
            "",
            &[],
            1,
        ))),
        "/description" => {
            let said = pick("One", "Two");
            html(
                &format!("<meta name=description content='{said}'>"),
                "",
                &[],
            )
        }
        "/canonical" => {
            let number = pick("1", "2");
            html(
                &format!("<link rel=canonical href='/same/{number}'>"),
                "",
                &[],
            )
        }
        "/directives" => {
            let said = pick("index", "noindex");
            html(&format!("<meta name=robots content={said}>"), "", &[])
        }
        "/language" => Some(Reply::html(
            plain.replace("lang=en", &pick("lang=en", "lang=de")),
        )),
        "/type" => {
            let reply = Reply::new(200).body(plain);
            let name = pick(
                "text/html; charset=utf-8",
                "application/xhtml+xml; charset=utf-8",
            );
            Some(reply.header("Content-Type", &name))
        }
        "/text" => html("", &pick("It is old.", "It is new."), &[]),
        "/links" if late => html("", "", &["/same/1", "/same/3", "/same/4", "/same/4"]),
        "/links" => html("", "", &["/same/1", "/same/2"]),
        "/headers" => {
            let reply = Reply::html(plain).header("Server", &pick("a/1", "b/2"));
            let reply = reply.header("X-Frame-Options", &pick("DENY", "SAMEORIGIN"));
            Some(if late {
                reply.header("Referrer-Policy", "no-referrer")
            } else {
                reply
            })
        }
        "/redirect" => {
            let to = pick("/same/1", "/same/2");
            Some(Reply::new(302).header("Location", &to))
        }
        "/status" => Some(Reply::html(plain).status(if late { 203 } else { 200 })),
        "/back" if !late => Some(Reply::new(500)),
        "/failed" if late => Some(Reply::new(502)),
        "/reset" if late => Some(Reply::fault(Fault::CloseBeforeHead)),
        "/foot" => Some(Reply::html(page(path, &title, "", &[], version))),
        _ => Some(Reply::html(plain)),
    }
}

/// A site whose version is what the number says.
fn versioned() -> (Site, Arc<AtomicUsize>) {
    let (site, version) = (Site::start(), Arc::new(AtomicUsize::new(1)));
    let now = Arc::clone(&version);
    site.dynamic(move |path, _| {
        let now = now.load(Ordering::SeqCst);
        if path == "/robots.txt" {
            let shut = if now == 2 {
                "Disallow: /disallowed/\n"
            } else {
                ""
            };
            let text = format!("User-agent: *\n{shut}");
            return Some(
                Reply::new(200)
                    .header("Content-Type", "text/plain")
                    .body(text),
            );
        }
        if path == "/" {
            // All that is there, and what redirects; what is gone is linked no more.
            let sorts = SORTS.iter().map(|row| row.0);
            let sorts = sorts.filter(|sort| {
                let is_old = sort.starts_with("/old/") || *sort == "/gone/" || *sort == "/lost/";
                !(now == 2 && is_old || now == 1 && *sort == "/new/")
            });
            let at = ["/at/bytes/", "/at/text/", "/at/title/"];
            let at = at.into_iter().filter(|_| now == 2);
            let sorts: Vec<&str> = sorts.chain(at).collect();
            let links: String = (0..EACH)
                .flat_map(|n| {
                    sorts
                        .iter()
                        .map(move |sort| format!("<a href='{sort}{n}'>{n}</a>"))
                })
                .collect();
            return Some(Reply::html(format!(
                "<title>Index {now}</title><main>{links}</main>"
            )));
        }
        let number = path.rsplit('/').next()?.parse::<usize>().ok()?;
        (number < EACH).then(|| answer(path, now)).flatten()
    });
    (site, version)
}

/// Fifty and more of everything that can become of a page; all of it is told, and nothing else.
#[test]
fn planned_changes_are_told_exactly() {
    let (site, version) = versioned();
    let crawl = crawl(&site).args(["--adaptive=false", "--host-concurrency", "1"]);
    let out = crawl.dir().join("out");
    crawl.run().expect_code(0);
    version.store(2, Ordering::SeqCst);
    // Else it counts for a day.
    edit(&out, "UPDATE robots SET valid_until = 0");
    crawl
        .again()
        .args(["--exclude", "/unasked/"])
        .run()
        .expect_code(0);
    expect_sound(&out);

    let mut wanted = BTreeMap::new();
    for (sort, what) in SORTS {
        for n in 0..EACH {
            wanted.insert(format!("{sort}{n}"), what.replace('#', &n.to_string()));
        }
    }
    let found = json(
        &crawl,
        &[
            "--only",
            "new,gone,moved,changed,failed,disallowed,unasked,unchanged",
        ],
    );
    let mut told = said(&found, &site);
    let index = told.remove("/").expect("the index");
    assert!(index.starts_with("changed title text"), "{index}");
    let both = told.keys().chain(wanted.keys());
    let wrong: BTreeMap<&str, _> = both
        .map(|path| (path.as_str(), (told.get(path), wanted.get(path))))
        .filter(|(_, (told, wanted))| told != wanted)
        .collect();
    assert!(wrong.is_empty(), "told, wanted: {wrong:#?}");
    let count = |kind: &str| found["counts"][kind].as_u64().expect(kind);
    for kind in [
        "new",
        "gone",
        "moved",
        "changed",
        "failed",
        "disallowed",
        "unasked",
        "unchanged",
    ] {
        let of_kind = wanted
            .values()
            .filter(|what| what.split(' ').next() == Some(kind));
        let index = u64::from(kind == "changed");
        assert_eq!(count(kind), of_kind.count() as u64 + index, "{kind}");
    }
    assert_eq!(found["changed_in"]["description"], EACH);

    // What is unchanged is not listed unless asked for; other bytes are a change where that is wished.
    let listed = json(&crawl, &[]);
    assert_eq!(listed["counts"], found["counts"]);
    assert!(
        said(&listed, &site)
            .values()
            .all(|what| what != "unchanged" && what != "unasked")
    );
    let bytes = json(&crawl, &["--bytes"]);
    assert_eq!(said(&bytes, &site)["/foot/7"], "changed bytes");
    assert_eq!(bytes["counts"]["unchanged"], EACH);

    // The other way round: what was new is gone, and back it moves.
    let back = said(&json(&crawl, &["2", "1"]), &site);
    assert_eq!(back["/gone/3"], "new");
    assert_eq!(back["/text/3"], "changed text+1-1");

    every_form_tells_the_same(&crawl, &found);
}

/// Each form has each URL once, or says how many are not shown.
fn every_form_tells_the_same(crawl: &Crawl, whole: &Value) {
    let diff = |args: &[&str]| {
        let words = ["diff", "-o", "out"];
        crawl
            .run_args(words.iter().chain(args))
            .expect_code(0)
            .stdout
    };
    let all = whole["entries"].as_array().expect("entries").len() as u64;
    let count = |kind: &str| whole["counts"][kind].as_u64().expect("a count");
    let shown = all - count("unchanged") - count("unasked");
    let lines = diff(&["--format", "jsonl"]);
    assert_eq!(lines.lines().count() as u64, shown);
    let each: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let listed = whole["entries"].as_array().expect("entries").iter();
    let listed: Vec<&Value> = listed
        .filter(|entry| entry["kind"] != "unchanged" && entry["kind"] != "unasked")
        .collect();
    assert_eq!(each.iter().collect::<Vec<_>>(), listed);
    let csv = diff(&["--format", "csv"]);
    assert_eq!(csv.lines().count() as u64, shown + 1);
    assert!(csv.starts_with("kind,url,moved_to,moved_by,"), "{csv}");
    let table = diff(&["--limit", "unlimited"]);
    let counts = whole["counts"].as_object().expect("counts");
    for (kind, count) in counts {
        let line = format!("{kind:<12}{count}");
        assert!(
            table.lines().any(|said| said.starts_with(&line)),
            "{line}: {table}"
        );
    }
    let listed = table.lines().filter(|line| line.contains("  http://"));
    assert_eq!(listed.count() as u64, shown, "{table}");
    let short = diff(&["--limit", "7", "--only", "gone,new"]);
    assert_eq!(short.matches("http://").count(), 14, "{short}");
    let more = format!("gone        and {} more", 2 * EACH - 7);
    assert!(short.contains(&more), "{short}");
    let html = diff(&["--format", "html", "--limit", "unlimited"]);
    assert_eq!(html.matches("<td class=\"u\">").count() as u64, shown);
    let markdown = diff(&["--format", "markdown", "--limit", "unlimited"]);
    let listed = markdown
        .lines()
        .filter(|line| line.starts_with("| <http://"));
    assert_eq!(listed.count() as u64, shown);
}

/// Assets are compared where that is wished.
#[test]
fn assets_too() {
    let site = Site::start();
    site.page("/", "<img src='/a.png'><img src='/b.png'>");
    let image = |bytes: &str| {
        Reply::new(200)
            .header("Content-Type", "image/png")
            .body(bytes)
    };
    site.reply("/a.png", image("one"));
    site.reply("/b.png", image("two"));
    let crawl = crawl(&site).arg("--assets");
    crawl.run().expect_code(0);
    site.reply("/a.png", image("three"));
    site.reply("/b.png", Reply::new(404));
    crawl.run().expect_code(0);
    assert_eq!(said(&json(&crawl, &[]), &site), BTreeMap::new());
    let told = said(&json(&crawl, &["--resources"]), &site);
    assert_eq!(
        (told["/a.png"].as_str(), told["/b.png"].as_str()),
        ("changed bytes", "gone")
    );
}
