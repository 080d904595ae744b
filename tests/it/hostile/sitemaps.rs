//! Sitemaps that mean harm. Those that name one another in circles, chains and entities are in `sitemaps`.

use super::{PATIENT, crawl};
use crate::support::{Crawl, Reply, Site, Step, expect_sound, number, rows};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n";

fn long(begin: &str, piece: &str, bytes: usize) -> Reply {
    Reply::raw([
        Step::Send(format!("{HEAD}{begin}").into_bytes()),
        Step::Times(piece.as_bytes().to_vec(), bytes / piece.len()),
    ])
}

fn xml(body: &str) -> Reply {
    Reply::new(200)
        .header("Content-Type", "text/xml")
        .body(body)
}

/// Each with `error kind entries truncated` of its row.
pub(super) fn cases() -> Vec<(&'static str, Reply, &'static str)> {
    let bomb = super::codings::bomb(1 << 30);
    let entity = |what: &str| {
        xml(&format!(
            "<!DOCTYPE u [<!ENTITY x {what}>]><urlset><url><loc>/&x;</loc></url></urlset>"
        ))
    };
    vec![
        (
            "/bomb.xml",
            Reply::new(200)
                .header("Content-Encoding", "gzip")
                .body(bomb.clone()),
            "- text 0 1",
        ),
        ("/bomb.xml.gz", Reply::new(200).body(bomb), "- text 0 1"),
        (
            "/entity-file.xml",
            entity("SYSTEM 'file:///etc/passwd'"),
            "- urlset 1 0",
        ),
        (
            "/entity-http.xml",
            entity("SYSTEM 'http://127.0.0.1:1/x'"),
            "- urlset 1 0",
        ),
        (
            "/entity-parameter.xml",
            xml(
                "<!DOCTYPE u [<!ENTITY % p SYSTEM 'file:///etc/passwd'>%p;]><urlset><url><loc>/x</loc></url></urlset>",
            ),
            "- urlset 1 0",
        ),
        (
            "/doctype-cut.xml",
            xml("<!DOCTYPE u [<!ENTITY x '"),
            "- unknown 0 1",
        ),
        (
            "/nested.xml",
            long("<urlset><url>", "<a>", 3_000_000),
            "- urlset 0 0",
        ),
        (
            "/nested-urls.xml",
            long("<urlset>", "<url>", 5_000_000),
            "- urlset 0 0",
        ),
        (
            "/attributes.xml",
            long("<urlset ", "a='b' ", 20 << 20),
            "- unknown 0 1",
        ),
        (
            "/one-loc.xml",
            long("<urlset><url><loc>/", "x", 60 << 20),
            "- urlset 0 1",
        ),
        (
            "/one-comment.xml",
            long("<!--", "x", 60 << 20),
            "- unknown 0 1",
        ),
        (
            "/entries.xml",
            long(
                "<urlset>",
                "<url><loc>http://elsewhere.invalid/x</loc></url>",
                48 << 20,
            ),
            "- urlset 50000 1",
        ),
        (
            "/languages.xml",
            long(
                "<urlset><url><loc>http://elsewhere.invalid/x</loc>",
                "<link rel=alternate hreflang=de href=//elsewhere.invalid/de />",
                20 << 20,
            ),
            "- urlset 1 1",
        ),
        (
            "/ampersands.xml",
            long("<urlset><url><loc>", "&", 10 << 20),
            "- urlset 0 0",
        ),
        ("/lines.txt", long("", "\n", 20 << 20), "- text 0 0"),
        ("/blank.xml", long("", " ", 60 << 20), "- text 0 1"),
        (
            "/html.xml",
            xml("<!DOCTYPE html><title>x</title>"),
            "- unknown 0 0",
        ),
        (
            "/private.xml",
            xml(
                "<urlset><url><loc>http://169.254.169.254/latest</loc></url><url><loc>http://[::1]:1/</loc></url><url><loc>file:///etc/passwd</loc></url></urlset>",
            ),
            "- urlset 2 0",
        ),
        (
            "/cut.xml",
            xml("<urlset><url><loc>http://elsewhere.invalid/1</loc></url><url><lo"),
            "- urlset 1 1",
        ),
    ]
}

/// Serves them, and a robots.txt that names them.
pub(super) fn serve(site: &Site) {
    let mut named = String::new();
    for (path, reply, _) in cases() {
        site.reply(path, reply);
        named += &format!("Sitemap: {path}\n");
    }
    site.robots(&named);
    site.page("/", "<a href=/healthy>h</a>");
    site.page("/healthy", "<title>Healthy</title>");
}

#[track_caller]
pub(super) fn expect_rows(crawl: &Crawl, site: &Site) {
    let out = crawl.dir().join("out");
    let mut wrong = String::new();
    for (path, _, row) in cases() {
        let sql = format!(
            "SELECT error, kind, entries, truncated FROM sitemaps WHERE url = '{}'",
            site.url(path)
        );
        let found = rows(&out, &sql);
        if found != [row] {
            wrong += &format!("{path}: {found:?}, not {row}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn files() {
    let site = Site::start();
    serve(&site);
    let crawl = crawl(&[site.url("/")], PATIENT).args(["--scope", "host"]);
    crawl.run().expect_code(0);
    expect_rows(&crawl, &site);
    let out = crawl.dir().join("out");
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE title = 'Healthy'"),
        1
    );
    expect_sound(&out);
}

/// What is relative is as long as the sitemap's own URL: 50,000 of them would be 200 MB out of one.
#[test]
fn what_a_sitemap_names_is_no_longer_than_itself() {
    let site = Site::start();
    let path = format!("/{}/s.xml", "d".repeat(3_900));
    site.robots(&format!("Sitemap: {path}\n"));
    site.page("/", "x");
    let entries: String = (0..50_000)
        .map(|n| format!("<url><loc>{n}</loc></url>"))
        .collect();
    site.reply(&path, xml(&format!("<urlset>{entries}</urlset>")));
    let crawl = crawl(&[site.url("/")], PATIENT).args(["--scope", "host"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let sql = "SELECT error, kind, truncated FROM sitemaps WHERE url LIKE '%/s.xml'";
    assert_eq!(rows(&out, sql), ["- urlset 1"]);
    assert!(number(&out, "SELECT sum(length(text)) FROM url") < 20 << 20);
}
