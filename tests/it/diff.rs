//! `crawl diff`: what became of each URL from one run, or one crawl, to another.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::{Crawl, Fault, Output, Reply, Site, edit, expect_sound, number, rows};

/// Pages of each sort.
const EACH: usize = 55;

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
        .filter(|line| line.starts_with("| http://"));
    assert_eq!(listed.count() as u64, shown);
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

fn diff(crawl: &Crawl, args: &[&str]) -> Output {
    let words = ["diff", "-o", "out"];
    crawl.run_args(words.iter().chain(args))
}

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
        (&["2", "2"], None),
    ] {
        assert_eq!(titles(args).as_deref(), wanted, "{args:?}");
    }
    let same = json(&crawl, &["2", "-2"]);
    assert_eq!(same["notes"][0], "run 2 is compared with itself");
    assert_eq!(same["counts"]["unchanged"], 2);
    for (args, wanted) in [
        (&["4"][..], "there is no such run"),
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
    // With itself it can be compared.
    diff(&crawl, &["1", "1", "--exit-code"]).expect_code(0);
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
        (&["1", "1", "--exit-code"], 0),
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

/// Texts of a server's that would be more than texts, in each form.
#[test]
fn hostile_texts_are_texts() {
    let evil = |n: usize| {
        format!(
            "=cmd|'/C calc'!A{n}\u{1b}[31m</title><script>alert({n})</script><title>\u{202e}|](javascript:x)`` @x"
        )
    };
    let body = |n: usize| {
        let (title, text) = (evil(n), evil(n).replace('<', "&lt;"));
        format!(
            "<title>{}</title><link rel=canonical href='/\"><script>{n}</script>'><main><p>{text}</p><pre>```\n{text}</pre>
             <p><a href='/x{n}?\"><img src=x onerror=y>'>{text}</a></p></main>",
            title.replace('<', "&lt;")
        )
    };
    let reply = |n: usize| {
        Reply::html(body(n)).header("X-Frame-Options", &format!("<script>{n}</script>\u{9b}"))
    };
    let (site, crawl) = two_versions(reply(1), reply(2));
    let url = site.url("/page");
    for more in [&[][..], &["--url", &url]] {
        for format in ["table", "csv", "json", "jsonl", "html", "markdown"] {
            let args: Vec<&str> = ["-f", format].iter().chain(more).copied().collect();
            let said = diff(&crawl, &args).expect_code(0).stdout;
            let shown = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
            assert!(
                said.chars().all(shown) || format == "csv",
                "{format}: {said:?}"
            );
            assert!(
                !said.contains('\u{1b}') && said.contains("calc"),
                "{format}: {said:?}"
            );
            match format {
                "html" => {
                    for tag in ["<script", "<img", "javascript:x\""] {
                        assert!(!said.contains(tag), "{tag}: {said}");
                    }
                }
                "markdown" => {
                    let outside = said.split("```").next().unwrap_or_default();
                    let links = outside.matches("](").count() - outside.matches("\\](").count();
                    assert!(!outside.contains("<script") && links == 0, "{said}");
                }
                "csv" => assert!(said.contains("'=cmd"), "{said}"),
                "json" => drop(serde_json::from_str::<Value>(&said).expect("JSON")),
                _ => {}
            }
        }
    }
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
        "UPDATE visit SET last_fetch = (SELECT p.last_fetch FROM visit p WHERE p.run = 1 AND p.url = visit.url),
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

/// Files that are gone are told, and what they would have said is not made up.
#[test]
fn bodies_that_are_missing() {
    let text = |word: &str| Reply::html(page("/page", "<title>T</title>", word, &[], 1));
    let (site, crawl) = two_versions(text("One."), text("Two."));
    let out = crawl.dir().join("out");
    let sql = "SELECT file FROM version v JOIN url u ON u.id = v.url WHERE u.text LIKE '%/page' ORDER BY v.id LIMIT 1";
    let file = rows(&out, sql).remove(0);
    std::fs::remove_file(out.join(&file)).expect("removed");
    let found = json(&crawl, &[]);
    assert_eq!(said(&found, &site)["/page"], "changed bytes");
    let note = found["entries"][0]["note"]
        .as_str()
        .expect("a note")
        .to_owned();
    assert_eq!(
        note,
        "its text is not compared: of run 1 the file of its body is missing"
    );
    let one = diff(&crawl, &["--url", &site.url("/page")])
        .expect_code(0)
        .stdout;
    assert!(
        one.contains("of run 1: the file of its body is missing"),
        "{one}"
    );
    // Outside of the output nothing is read, whatever a row says.
    edit(
        &out,
        "UPDATE version SET file = '../../../../../../../../etc/passwd'",
    );
    assert_eq!(said(&json(&crawl, &[]), &site)["/page"], "changed bytes");
    edit(&out, "UPDATE version SET file = NULL");
    let note = json(&crawl, &[])["entries"][0]["note"].to_string();
    assert!(note.contains("its body is in no file"), "{note}");
}

/// Rows that no crawl has written: an answer or a sentence, and no panic.
#[test]
fn doctored_databases() {
    let text = |word: &str| Reply::html(page("/page", "<title>T</title>", word, &["/a"], 1));
    for sql in [
        "UPDATE visit SET last_fetch = 987654321",
        "UPDATE visit SET good_version = -1",
        "UPDATE visit SET decision = 77, role = -3",
        "UPDATE fetch SET status = 99999, error = 4711",
        "UPDATE fetch SET version = 0",
        "UPDATE fetch SET redirect_to = url, status = 301",
        "UPDATE fetch SET redirect_to = 424242, status = 301 WHERE id > 3",
        "UPDATE fetch SET start = 5, header = -9",
        "UPDATE fetch SET status = 'two hundred'",
        "UPDATE version SET bytes = 9223372036854775807",
        "UPDATE version SET bytes = -1, charset = 'klingon', media_type = 'x'",
        "UPDATE version SET digest = randomblob(3), title = x'ff00fe'",
        "UPDATE version SET title = 7, canonical = 3.5",
        "UPDATE link SET target = -target, kind = 255",
        "UPDATE link SET kind = 'x'",
        "UPDATE header SET text = x'00ff0a3a3a0a'",
        "UPDATE url SET text = 'javascript:alert(1)'",
        "DELETE FROM url",
        "DELETE FROM version",
        "DELETE FROM start",
        "UPDATE run SET begun = 9223372036854775807, seeds = 'x'",
        "UPDATE run SET id = 9223372036854775807 WHERE id = 2; UPDATE visit SET run = 9223372036854775807 WHERE run = 2",
        "UPDATE visit SET url = 9223372036854775807 - url",
        "DROP TABLE link",
        "DELETE FROM visit",
    ] {
        let (site, crawl) = two_versions(text("One."), text("Two."));
        let out = crawl.dir().join("out");
        edit(
            &out,
            &format!("PRAGMA foreign_keys = off; PRAGMA ignore_check_constraints = on; {sql}"),
        );
        for args in [
            &["--format", "json"][..],
            &[
                "--format",
                "html",
                "--only",
                "unchanged,new,gone,changed,moved,failed",
            ],
            &["--url", &site.url("/page")],
            &["1", "-1", "--resources", "--bytes"],
            &["--against", "out/crawl.db"],
        ] {
            let said = diff(&crawl, args);
            assert!(matches!(said.code, Some(0..=2)), "{sql} {args:?}: {said}");
            assert!(!said.stderr.contains("panicked"), "{sql} {args:?}: {said}");
            assert!(
                said.code == Some(0) || said.stderr.lines().count() == 1,
                "{sql} {args:?}: {said}"
            );
        }
    }
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

/// What nobody reads to its end is still judged.
#[test]
fn a_reader_that_goes() {
    let (_site, crawl) = two_versions(Reply::html("a"), Reply::html("b"));
    let out = crawl.dir().join("out");
    let many = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)";
    edit(
        &out,
        &format!(
            "PRAGMA foreign_keys = off;
             INSERT INTO url {many} SELECT i, 1, i, 'http://a.example/' || i, 0 FROM n;
             INSERT INTO visit (run, url, depth, redirects, via_kind, decision, last_fetch)
               {many} SELECT 2, i, 1, 0, 0, 0, (SELECT max(id) FROM fetch WHERE status = 200) FROM n"
        ),
    );
    let mut child = crawl.piped(["diff", "-o", "out", "--format", "jsonl", "--exit-code"]);
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("a child").code(), Some(5));
    assert!(Path::new(&out).exists());
}
