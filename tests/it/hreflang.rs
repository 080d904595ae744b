//! Languages that sitemaps and `Link` headers name: what is asked for, kept and found wrong.

use std::path::PathBuf;

use crate::support::{Crawl, Reply, Site, edit, expect_sound, number, rows};

fn crawl(site: &Site, args: &[&str]) -> Crawl {
    Crawl::new()
        .args(["--seed", &site.url("/"), "--rate", "unlimited"])
        .args(["-o", "out"])
        .args(args)
}

fn out(crawl: &Crawl) -> PathBuf {
    crawl.dir().join("out")
}

/// A page that names versions of itself.
fn page(alternates: &[(&str, &str)]) -> Reply {
    let link =
        |(code, to): &(&str, &str)| format!("<link rel=alternate hreflang={code} href={to}>");
    Reply::html(alternates.iter().map(link).collect::<String>())
}

/// An entry of a sitemap with its versions.
fn entry(site: &Site, path: &str, alternates: &[(&str, &str)]) -> String {
    let link = |(code, to): &(&str, &str)| {
        let to = site.url(to);
        format!("<xhtml:link rel=\"alternate\" hreflang=\"{code}\" href=\"{to}\"/>")
    };
    let links: String = alternates.iter().map(link).collect();
    format!("<url><loc>{}</loc>{links}</url>", site.url(path))
}

fn urlset(entries: &[String]) -> Reply {
    let all = entries.concat();
    Reply::new(200).header("Content-Type", "application/xml").body(format!(
        "<?xml version=\"1.0\"?><urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" xmlns:xhtml=\"http://www.w3.org/1999/xhtml\">{all}</urlset>"
    ))
}

/// The rows of an answer, sorted, without the site's own address.
fn short(site: &Site, crawl: &Crawl, sql: &str) -> Vec<String> {
    let rows = rows(&out(crawl), sql).into_iter();
    let mut rows: Vec<String> = rows.map(|row| row.replace(&site.url(""), "")).collect();
    rows.sort_unstable();
    rows
}

const PROBLEMS: &str = "SELECT source, sitemap, from_url, language, to_url, problem FROM hreflang";

#[test]
fn one_group_in_three_places() {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow:\nSitemap: /map.xml\n");
    site.page(
        "/",
        "<a href=/en>en</a><a href=/fr>fr</a><a href=/it>it</a>",
    );
    // `/en` says it in its head, `/fr` in a header, the sitemap for `/de`; each names the other two.
    let all = [("en", "/en"), ("fr", "/fr"), ("de", "/de")];
    site.reply("/en", page(&all));
    let header = "</en>; rel=alternate; hreflang=en, </de>; rel=alternate; hreflang=de; hreflang=de-AT, </fr>; rel=alternate; hreflang=fr";
    site.reply("/fr", Reply::html("").header("Link", header));
    site.page("/de", "");
    // What returns to `/it` does so by an entry; what it says itself is not enough for `/de`.
    site.reply("/it", page(&[("it", "/it"), ("fr", "/fr"), ("en", "/en")]));
    let entries = [
        entry(&site, "/de", &all),
        entry(&site, "/fr", &[("it", "/it")]),
    ];
    site.reply("/map.xml", urlset(&entries));
    let crawl = crawl(&site, &[]);
    crawl.run().expect_code(0);
    let wanted = ["page - /it en /en no return link"];
    assert_eq!(short(&site, &crawl, PROBLEMS), wanted);
    let sql = "SELECT to_url, hreflang, position FROM links WHERE from_url GLOB '*/fr'";
    let wanted = ["/de de 1", "/de de-AT 2", "/en en 0", "/fr fr 3"];
    assert_eq!(short(&site, &crawl, sql), wanted);
    expect_sound(&out(&crawl));
}

#[test]
fn what_is_wrong_and_where() {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow: /forbidden\nSitemap: /a.xml\nSitemap: /b.xml\n");
    site.reply("/", page(&[("en", "/"), ("de", "/de"), ("pl", "/pl")]));
    site.page("/de", "");
    site.page("/pl", "");
    site.page("/other", "");
    site.reply("/moved", Reply::new(301).header("Location", "/de"));
    let hidden = "<meta name=robots content=noindex>";
    site.reply("/hidden", Reply::html(hidden));
    let header = "</other>; rel=alternate; hreflang=jp; hreflang=pl";
    site.reply("/head", Reply::html("").header("Link", header));
    let a = [
        entry(
            &site,
            "/de",
            &[
                ("de", "/de"),
                ("en", "/"),
                ("en_US", "/"),
                ("fr", "/gone"),
                ("es", "/moved"),
                ("sv", "/hidden"),
                ("nl", "/forbidden"),
                ("it", "/other"),
            ],
        ),
        // Of what is broken itself, too.
        entry(&site, "/missing", &[("de", "/de")]),
        entry(&site, "/head", &[]),
    ];
    // Another sitemap, and the page `/`, are of another mind.
    let b = [
        entry(&site, "/", &[("de", "/de"), ("pl", "/other")]),
        entry(&site, "/pl", &[("pl", "/pl"), ("en", "/")]),
    ];
    site.reply("/a.xml", urlset(&a));
    site.reply("/b.xml", urlset(&b));
    let crawl = crawl(&site, &[]);
    crawl.run().expect_code(0);
    let wanted = [
        "header - /head - - no self reference",
        "header - /head jp /other unknown code",
        "header - /head pl /other no return link",
        "page - / pl /pl two for one language",
        "sitemap /a.xml /de en_US / unknown code",
        "sitemap /a.xml /de es /moved target not ok",
        "sitemap /a.xml /de fr /gone target not ok",
        "sitemap /a.xml /de it /other no return link",
        "sitemap /a.xml /de nl /forbidden not crawled",
        "sitemap /a.xml /de sv /hidden target not ok",
        "sitemap /a.xml /missing - - no self reference",
        "sitemap /a.xml /missing de /de no return link",
        "sitemap /b.xml / pl /other two for one language",
    ];
    assert_eq!(short(&site, &crawl, PROBLEMS), wanted);
    // A report counts them, and says where they stand.
    let report = crawl.run_args(["report", "-o", "out", "--format", "md"]);
    let report = report.expect_code(0).stdout;
    let line = "13 notes of other languages are wrong";
    assert!(report.contains(line), "{report}");
    expect_sound(&out(&crawl));
}

#[test]
fn versions_are_asked_for_as_entries_are() {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow: /forbidden\nSitemap: /map.xml\n");
    site.page("/", "");
    site.dynamic(|path, _| {
        path.starts_with("/p/")
            .then(|| Reply::html("<a href=/deep/x>x</a>"))
    });
    let versions = [
        ("de", "/p/de"),
        ("fr", "/p/fr"),
        ("fr-CA", "/p/fr"),
        ("x-default", "/p/en"),
        ("nl", "/forbidden/nl"),
        ("sv", "/p/out/sv"),
    ];
    let mut entries = vec![entry(&site, "/p/en", &versions)];
    let elsewhere = "<url><loc>mailto:x@y.example</loc><xhtml:link rel=alternate hreflang=it href=\"/p/unsaid\"/></url>";
    entries.push(elsewhere.to_owned());
    site.reply("/map.xml", urlset(&entries));
    let crawl = crawl(&site, &["--exclude", "/out/"]);
    crawl.run().expect_code(0);
    let sql =
        "SELECT url, depth, found_by, found_on FROM pages WHERE url GLOB '*/p/*' OR status IS NULL";
    let wanted = [
        "/forbidden/nl 1 sitemap /map.xml",
        "/p/de 1 sitemap /map.xml",
        "/p/en 1 sitemap /map.xml",
        "/p/fr 1 sitemap /map.xml",
    ];
    assert_eq!(short(&site, &crawl, sql), wanted);
    let sql = "SELECT sitemap, position, url, language, to_url, decision, to_status, to_error FROM sitemap_alternates";
    let wanted = [
        "/map.xml 0 /p/en de /p/de admitted 200 -",
        "/map.xml 0 /p/en fr /p/fr admitted 200 -",
        "/map.xml 0 /p/en fr-CA /p/fr admitted 200 -",
        "/map.xml 0 /p/en nl /forbidden/nl disallowed - robots_disallowed",
        "/map.xml 0 /p/en sv /p/out/sv excluded - -",
        "/map.xml 0 /p/en x-default /p/en admitted 200 -",
    ];
    assert_eq!(short(&site, &crawl, sql), wanted);
    let why = crawl.run_args(["why", &site.url("/p/de"), "-o", "out"]);
    let why = why.expect_code(0).stdout;
    assert!(why.contains("/map.xml"), "{why}");
    // They are no entries.
    let count = |sql: &str| number(&out(&crawl), sql);
    assert_eq!(count("SELECT count(*) FROM sitemap_entries"), 1);
    assert_eq!(count("SELECT count(*) FROM orphans"), 1);
    expect_sound(&out(&crawl));
}

/// A site of one entry in two languages.
fn two(versions: &[(&str, &str)]) -> Site {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow:\nSitemap: /map.xml\n");
    site.page("/", "");
    site.dynamic(|path, _| path.starts_with("/p/").then(|| Reply::html("")));
    site.reply("/map.xml", urlset(&[entry(&site, "/p/en", versions)]));
    site
}

const ALTERNATES: &str =
    "SELECT url, language, to_url, decision, to_status FROM sitemap_alternates";

#[test]
fn where_only_changes_are_asked_for_entries_tell_them() {
    let site = two(&[("de", "/p/de"), ("en", "/p/en")]);
    site.page("/", "<a href=/p/more>more</a>");
    let crawl = crawl(&site, &[]);
    let old = ["--sitemap-since", "2020-01-01", "--max-pages", "2"];
    crawl.again().args(old).run().expect_code(11);
    let sql = "SELECT to_url, decision FROM sitemap_alternates";
    assert_eq!(short(&site, &crawl, sql), ["/p/de -", "/p/en admitted"]);
    // Other settings decide anew over what was read.
    crawl.run().expect_code(0);
    let wanted = ["/p/en de /p/de admitted 200", "/p/en en /p/en admitted 200"];
    assert_eq!(short(&site, &crawl, ALTERNATES), wanted);
    assert_eq!(site.count("/map.xml"), 1);
    expect_sound(&out(&crawl));
}

#[test]
fn versions_in_the_form_in_which_they_are_asked_for() {
    let site = two(&[
        ("de", "/p/de?utm_source=map&amp;x=1"),
        ("fr", "/p/fr?utm_id=1"),
    ]);
    let crawl = crawl(&site, &["--strip-params", "utm_*"]);
    crawl.run().expect_code(0);
    let wanted = [
        "/p/en de /p/de?x=1 admitted 200",
        "/p/en fr /p/fr admitted 200",
    ];
    assert_eq!(short(&site, &crawl, ALTERNATES), wanted);
    let sql = "SELECT url, written FROM rewrites";
    let wanted = ["/p/de?x=1 /p/de?utm_source=map&x=1", "/p/fr /p/fr?utm_id=1"];
    assert_eq!(short(&site, &crawl, sql), wanted);
}

#[test]
fn runs_have_their_own() {
    let site = two(&[("de", "/p/de"), ("fr", "/p/fr")]);
    let crawl = crawl(&site, &[]);
    crawl.run().expect_code(0);
    let first = short(&site, &crawl, ALTERNATES);
    assert_eq!(first.len(), 2);
    // A refresh knows what the run before did.
    let refreshed = crawl.run_args(["refresh", "--budget", "1", "-o", "out"]);
    refreshed.expect_code(0);
    assert_eq!(short(&site, &crawl, ALTERNATES), first);
    expect_sound(&out(&crawl));
    site.reply(
        "/map.xml",
        urlset(&[entry(&site, "/p/en", &[("nl", "/p/nl")])]),
    );
    crawl.run().expect_code(0);
    let wanted = ["/p/en nl /p/nl admitted 200"];
    assert_eq!(short(&site, &crawl, ALTERNATES), wanted);
    let count = "SELECT run, count(*) FROM sitemap_alternate GROUP BY run";
    assert_eq!(rows(&out(&crawl), count), ["1 2", "2 2", "3 1"]);
    let pruned = crawl.run_args(["prune", "--keep-runs", "1", "-o", "out"]);
    pruned.expect_code(0);
    assert_eq!(rows(&out(&crawl), count), ["3 1"]);
    expect_sound(&out(&crawl));
}

/// A version that names no URL: the sitemap is read again, and what it says no more is gone.
#[test]
fn what_names_nothing_is_read_again() {
    let site = two(&[("de", "/p/de"), ("fr", "/p/fr"), ("it", "/p/it")]);
    let crawl = crawl(&site, &[]);
    crawl.run().expect_code(0);
    edit(
        &out(&crawl),
        "PRAGMA foreign_keys = OFF; UPDATE sitemap_alternate SET target = 99999 WHERE place = 1",
    );
    let said = crawl.run_args(["check", "-o", "out"]).stdout;
    let line = "sitemap_alternate.target names url 99999";
    assert!(said.contains(line), "{said}");
    let said = crawl.run_args(["check", "--repair", "-o", "out"]).stdout;
    assert!(said.contains(line), "{said}");
    assert_eq!(short(&site, &crawl, ALTERNATES).len(), 2);
    site.forget();
    site.reply(
        "/map.xml",
        urlset(&[entry(&site, "/p/en", &[("de", "/p/de"), ("fr", "/p/fr")])]),
    );
    crawl.run().expect_code(0);
    assert_eq!(site.count("/map.xml"), 1);
    let wanted = ["/p/en de /p/de admitted 200", "/p/en fr /p/fr admitted 200"];
    assert_eq!(short(&site, &crawl, ALTERNATES), wanted);
    assert_eq!(number(&out(&crawl), "SELECT max(run) FROM runs"), 1);
    expect_sound(&out(&crawl));
}
