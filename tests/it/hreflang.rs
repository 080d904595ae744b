//! Languages that sitemaps and `Link` headers name: what is asked for, kept and found wrong.

use std::path::PathBuf;

use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

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
