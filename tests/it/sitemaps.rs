//! Sitemaps in the crawl: which are read, what of their entries is followed, what is kept of them.

use std::io::Read as _;
use std::path::PathBuf;

use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

fn crawl(args: &[&str]) -> Crawl {
    Crawl::new()
        .args(["--rate", "unlimited", "-o", "out"])
        .args(args)
}

fn out(crawl: &Crawl) -> PathBuf {
    crawl.dir().join("out")
}

fn xml(body: &str) -> Reply {
    Reply::new(200)
        .header("Content-Type", "application/xml")
        .body(format!("<?xml version=\"1.0\"?>{body}"))
}

fn urlset(site: &Site, paths: &[&str]) -> String {
    let url = |path: &&str| format!("<url><loc>{}</loc></url>", site.url(path));
    let urls: String = paths.iter().map(url).collect();
    format!("<urlset>{urls}</urlset>")
}

fn index(site: &Site, paths: &[&str]) -> String {
    let map = |path: &&str| format!("<sitemap><loc>{}</loc></sitemap>", site.url(path));
    let maps: String = paths.iter().map(map).collect();
    format!("<sitemapindex>{maps}</sitemapindex>")
}

fn packed(body: &str) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(body.as_bytes(), flate2::Compression::fast())
        .read_to_end(&mut packed)
        .expect("compressing in memory");
    packed
}

/// Answers `/p/…` with a page that has no links.
fn pages(site: &Site) {
    site.dynamic(|path, _| {
        path.starts_with("/p/")
            .then(|| Reply::html(format!("<title>{path}</title>")))
    });
}

/// The rows of an answer, without the site's own address.
fn short(site: &Site, crawl: &Crawl, sql: &str) -> Vec<String> {
    let rows = rows(&out(crawl), sql).into_iter();
    rows.map(|row| row.replace(&site.url(""), "")).collect()
}

#[test]
fn what_robots_txt_names_is_read_whatever_its_kind() {
    let site = Site::start();
    pages(&site);
    site.robots("User-agent: *\nDisallow:\nSitemap: /index.xml\n");
    site.page("/", "<a href=/p/linked>l</a>");
    site.reply(
        "/index.xml",
        xml(&index(
            &site,
            &["/a.xml.gz", "/b.txt", "/c.rss", "/d.atom", "/missing.xml"],
        )),
    );
    let gz = packed(&urlset(&site, &["/p/gz", "/p/linked"]));
    site.reply(
        "/a.xml.gz",
        Reply::new(200)
            .header("Content-Type", "application/x-gzip")
            .body(gz),
    );
    let text = format!("{}\n{}\n", site.url("/p/text"), site.url("/p/gone"));
    site.reply(
        "/b.txt",
        Reply::new(200)
            .header("Content-Type", "text/plain")
            .body(text),
    );
    site.reply("/p/gone", Reply::html("").status(404));
    site.reply(
        "/c.rss",
        xml(&format!(
            "<rss><channel><item><link>{}</link></item></channel></rss>",
            site.url("/p/rss")
        )),
    );
    site.reply(
        "/d.atom",
        xml("<feed><entry><link href='/p/atom'/></entry></feed>"),
    );
    let crawl = crawl(&["--seed", &site.url("/")]);
    let said = crawl.run_args(["--seed", &site.url("/"), "--dry-run"]);
    let said = said.expect_code(0).stdout;
    assert!(said.contains("allowed; names 1 sitemap\n"), "{said}");
    let said = crawl.run().expect_code(0).stderr;
    let line = "sitemaps  5 read, 1 failed, 6 pages named";
    assert!(said.contains(line), "{said}");
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT url, level, found_in, found_by, status, kind, entries FROM sitemaps ORDER BY url"
        ),
        [
            "/a.xml.gz 1 /index.xml sitemap 200 urlset 2",
            "/b.txt 1 /index.xml sitemap 200 text 2",
            "/c.rss 1 /index.xml sitemap 200 feed 1",
            "/d.atom 1 /index.xml sitemap 200 feed 1",
            "/index.xml 0 /robots.txt robots.txt 200 index 5",
            "/missing.xml 1 /index.xml sitemap 404 - -",
        ]
    );
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT url, status, depth, found_on, found_by FROM pages WHERE url NOT LIKE '%linked' ORDER BY url"
        ),
        [
            "/ 200 0 - seed",
            "/p/atom 200 1 /d.atom sitemap",
            "/p/gone 404 1 /b.txt sitemap",
            "/p/gz 200 1 /a.xml.gz sitemap",
            "/p/rss 200 1 /c.rss sitemap",
            "/p/text 200 1 /b.txt sitemap",
        ]
    );
    // The questions of the documentation.
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT url FROM sitemap_entries WHERE kind = 'page' AND url NOT IN (SELECT to_url FROM links) ORDER BY url"
        ),
        ["/p/atom", "/p/gone", "/p/gz", "/p/rss", "/p/text"]
    );
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT sitemap, url, status FROM sitemap_entries WHERE status >= 300 ORDER BY url"
        ),
        ["/index.xml /missing.xml 404", "/b.txt /p/gone 404"]
    );
    assert_eq!(
        number(
            &out(&crawl),
            "SELECT count(*) FROM requests WHERE kind = 'sitemap'"
        ),
        6
    );
    expect_sound(&out(&crawl));
}

#[test]
fn a_sitemap_may_be_the_only_seed() {
    let site = Site::start();
    pages(&site);
    site.reply("/m/s.xml", xml(&urlset(&site, &["/p/1", "/p/2"])));
    site.page("/p/2", "<a href=/p/3>3</a>");
    let command = crawl(&["--sitemap", &site.url("/m/s.xml")]);
    let said = command.run_args(["--sitemap", &site.url("/m/s.xml"), "--dry-run"]);
    let said = said.expect_code(0).stdout;
    let line = format!("# sitemap {}  in scope (scope host)", site.url("/m/s.xml"));
    assert!(said.contains(&line), "{said}");
    command.run().expect_code(0);
    let asked = "SELECT url, depth, found_by FROM pages ORDER BY url";
    assert_eq!(
        short(&site, &command, asked),
        ["/p/1 1 sitemap", "/p/2 1 sitemap", "/p/3 2 a"]
    );
    assert_eq!(
        short(&site, &command, "SELECT seeds FROM runs"),
        ["[\"sitemap /m/s.xml\"]"]
    );
    // Another is refused, and may be added.
    site.reply("/m/t.xml", xml(&urlset(&site, &["/p/4"])));
    let other = ["--sitemap", &site.url("/m/t.xml"), "-o", "out"];
    let said = command.run_args(other).expect_code(2).stderr;
    assert!(said.contains("holds a crawl of sitemap http://"), "{said}");
    let added = other.into_iter().chain(["--add", "--rate", "unlimited"]);
    command.run_args(added).expect_code(0);
    assert_eq!(number(&out(&command), "SELECT max(run) FROM runs"), 1);
    assert_eq!(
        short(
            &site,
            &command,
            "SELECT url FROM pages WHERE found_on LIKE '%t.xml'"
        ),
        ["/p/4"]
    );
    assert_eq!(site.count("/m/s.xml"), 1, "read once");
    expect_sound(&out(&command));
}

#[test]
fn a_seed_that_is_no_sitemap_has_failed() {
    let site = Site::start();
    site.page("/page", "<a href=/p/1>1</a>");
    for (path, why) in [("/page", "is no sitemap"), ("/nothing", "answered 404")] {
        let crawl = crawl(&["--sitemap", &site.url(path)]);
        let said = crawl.run().expect_code(3).stderr;
        assert!(said.contains(&format!("failed: {why}")), "{said}");
        expect_sound(&out(&crawl));
    }
}

#[test]
fn which_sitemaps_are_read_is_a_setting() {
    for (setting, robots, wanted) in [
        ("off", Some("Sitemap: /named.xml"), &[][..]),
        ("robots", Some("Sitemap: /named.xml"), &["/named.xml"]),
        ("robots", None, &[]),
        ("guess", Some("Sitemap: /named.xml"), &["/named.xml"]),
        ("guess", Some("Disallow:"), &["/sitemap.xml"]),
        ("guess", None, &["/sitemap.xml"]),
    ] {
        let site = Site::start();
        site.page("/", "<p>nothing");
        site.reply("/named.xml", xml(&urlset(&site, &["/"])));
        if let Some(robots) = robots {
            site.robots(robots);
        }
        let crawl = crawl(&["--seed", &site.url("/"), "--sitemaps", setting]);
        let said = crawl.run().expect_code(0).stderr;
        let found = short(&site, &crawl, "SELECT url FROM sitemaps");
        assert_eq!(found, wanted, "{setting} {robots:?}");
        assert_eq!(
            site.count("/sitemap.xml"),
            usize::from(wanted == ["/sitemap.xml"])
        );
        // That nothing was there where nobody said so is no failure.
        assert!(!said.contains("http_404"), "{said}");
    }
}

#[test]
fn without_robots_txt_there_is_only_the_guess() {
    let site = Site::start();
    pages(&site);
    site.robots("Sitemap: /named.xml");
    site.page("/", "<p>nothing");
    site.reply("/sitemap.xml", xml(&urlset(&site, &["/p/1"])));
    let crawl = crawl(&[
        "--seed",
        &site.url("/"),
        "--sitemaps",
        "guess",
        "--ignore-robots",
    ]);
    crawl.run().expect_code(0);
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT url, found_by, found_in FROM sitemaps"
        ),
        ["/sitemap.xml guess -"]
    );
    assert_eq!(number(&out(&crawl), "SELECT count(*) FROM pages"), 2);
}

#[test]
fn entries_that_are_too_old_are_kept_and_not_followed() {
    let site = Site::start();
    pages(&site);
    let entry =
        |path: &str, lastmod: &str| format!("<url><loc>{}</loc>{lastmod}</url>", site.url(path));
    let entries = [
        entry("/p/old", "<lastmod>2025-12-31</lastmod>"),
        entry("/p/new", "<lastmod>2026-01-01</lastmod>"),
        entry("/p/month", "<lastmod>2026-01</lastmod>"),
        entry("/p/none", "<priority>0.5</priority>"),
    ];
    site.reply(
        "/s.xml",
        xml(&format!("<urlset>{}</urlset>", entries.concat())),
    );
    let crawl = crawl(&[
        "--sitemap",
        &site.url("/s.xml"),
        "--sitemap-since",
        "2026-01-01",
    ]);
    crawl.run().expect_code(0);
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT url, lastmod, priority, decision, status FROM sitemap_entries ORDER BY position"
        ),
        [
            "/p/old 2025-12-31 - - -",
            "/p/new 2026-01-01 - admitted 200",
            "/p/month 2026-01 - admitted 200",
            "/p/none - 0.5 admitted 200",
        ]
    );
    let said = crawl.run_args(["--sitemap", "x.example", "--sitemap-since", "yesterday"]);
    assert!(said.expect_code(2).stderr.contains("2026-01-31"));
}

#[test]
fn one_url_may_be_a_page_and_a_sitemap() {
    let site = Site::start();
    pages(&site);
    site.robots("Sitemap: /feed");
    site.page("/", "<a href=/feed>f</a>");
    site.reply(
        "/feed",
        xml("<feed><entry><link href='/p/1'/></entry></feed>"),
    );
    let crawl = crawl(&["--seed", &site.url("/")]);
    crawl.run().expect_code(0);
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT kind, status FROM requests WHERE url LIKE '%feed' ORDER BY kind"
        ),
        ["page 200", "sitemap 200"]
    );
    assert_eq!(
        short(&site, &crawl, "SELECT url FROM pages ORDER BY url"),
        ["/", "/feed", "/p/1"]
    );
    assert_eq!(number(&out(&crawl), "SELECT pages FROM runs"), 3);
    expect_sound(&out(&crawl));
}

#[test]
fn redirects_lead_to_sitemaps() {
    let to = |target: &str| Reply::new(301).header("Location", target);
    let (site, other) = (Site::start(), Site::start());
    pages(&site);
    pages(&other);
    site.robots("Sitemap: /old.xml\nSitemap: /round.xml");
    site.page("/", "<p>nothing");
    site.reply("/old.xml", to("/new.xml"));
    site.reply("/new.xml", xml(&urlset(&site, &["/p/1"])));
    site.reply("/round.xml", to("/back.xml"));
    site.reply("/back.xml", to("/round.xml"));
    let crawl_of = |seed: &str, more: &[&str]| {
        let crawl = crawl(&[seed, &site.url("/"), "--max-redirects", "1"]).args(more);
        crawl.run().expect_code(0);
        expect_sound(&out(&crawl));
        crawl
    };
    let first = crawl_of("--seed", &[]);
    assert_eq!(
        short(
            &site,
            &first,
            "SELECT url, status, redirect_to, found_by, found_in FROM sitemaps ORDER BY url"
        ),
        [
            "/back.xml 301 /round.xml redirect /round.xml",
            "/new.xml 200 - redirect /old.xml",
            "/old.xml 301 /new.xml robots.txt /robots.txt",
            "/round.xml 301 /back.xml robots.txt /robots.txt",
        ]
    );
    assert_eq!(number(&out(&first), "SELECT count(*) FROM pages"), 2);
    // Where the only seed, a sitemap, leads, the scope is measured from.
    site.robots("");
    site.reply("/", to(&other.url("/s.xml")));
    other.reply("/s.xml", xml(&urlset(&other, &["/p/2"])));
    let second = crawl_of("--sitemap", &["--allow-private"]);
    assert_eq!(
        rows(&out(&second), "SELECT url FROM pages"),
        [other.url("/p/2")]
    );
}

#[test]
fn hostile_sitemaps_are_bounded() {
    let (site, other) = (Site::start(), Site::start());
    pages(&site);
    let named = ["/self.xml", "/many.txt", "/bomb.xml", "/wrong.gz", "/0.xml"];
    let named: String = named
        .iter()
        .map(|path| format!("Sitemap: {path}\n"))
        .collect();
    site.robots(&format!("{named}Sitemap: {}\n", other.url("/x.xml")));
    site.page("/", "<p>nothing");
    site.reply("/self.xml", xml(&index(&site, &["/self.xml", "/two.xml"])));
    site.reply("/two.xml", xml(&index(&site, &["/self.xml", "/two.xml"])));
    let many: String = (0..60_000)
        .map(|n| format!("http://x.example/{n}\n"))
        .collect();
    site.reply("/many.txt", Reply::new(200).body(many));
    let entities: String = (1..10)
        .map(|n| {
            format!(
                "<!ENTITY e{n} \"&e{0};&e{0};&e{0};&e{0};&e{0};&e{0};&e{0};&e{0};&e{0};&e{0};\">",
                n - 1
            )
        })
        .collect();
    site.reply(
        "/bomb.xml",
        xml(&format!("<!DOCTYPE urlset [<!ENTITY e0 \"x\">{entities}]><urlset><url><loc>/p/&e9;</loc></url></urlset>")),
    );
    site.reply(
        "/wrong.gz",
        Reply::new(200).body(b"\x1f\x8b\x08no gzip at all".to_vec()),
    );
    for level in 0..4 {
        let next = format!("/{}.xml", level + 1);
        site.reply(&format!("/{level}.xml"), xml(&index(&site, &[&next])));
    }
    let crawl = crawl(&["--seed", &site.url("/")]);
    crawl.run().expect_code(0);
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT url, level, decision, rule, error, kind, entries, refused, truncated FROM sitemaps
             WHERE url NOT LIKE '%/x.xml' AND url NOT LIKE '%wrong.gz' ORDER BY url"
        ),
        [
            "/0.xml 0 admitted sitemaps robots - index 1 0 0",
            "/1.xml 1 admitted named by a sitemap - index 1 0 0",
            "/2.xml 2 admitted named by a sitemap - index 1 0 0",
            "/3.xml 3 cut sitemaps of sitemaps 2 - - - - -",
            "/bomb.xml 0 admitted sitemaps robots - urlset 1 0 0",
            "/many.txt 0 admitted sitemaps robots - text 50000 0 1",
            "/self.xml 0 admitted sitemaps robots - index 1 1 0",
            "/two.xml 1 admitted named by a sitemap - index 1 1 0",
        ]
    );
    assert_eq!(
        rows(
            &out(&crawl),
            "SELECT error FROM sitemaps WHERE url LIKE '%/x.xml'"
        ),
        ["private_address"]
    );
    assert_eq!(
        rows(
            &out(&crawl),
            "SELECT kind, truncated FROM sitemaps WHERE url LIKE '%wrong.gz'"
        ),
        ["unknown 1"]
    );
    assert_eq!(other.hits().len(), 0);
    assert_eq!(site.count("/self.xml"), 1);
    assert_eq!(
        number(
            &out(&crawl),
            "SELECT count(*) FROM urls WHERE decision = 'excluded'"
        ),
        50_000
    );
    expect_sound(&out(&crawl));
}

#[test]
fn robots_txt_rules_over_sitemaps_and_scope_over_their_entries() {
    let (site, other) = (Site::start(), Site::start());
    pages(&site);
    site.robots(
        "User-agent: *\nDisallow: /no/\nSitemap: /no/s.xml\nSitemap: /s.xml\nSitemap: /skip.xml",
    );
    site.page("/", "<p>nothing");
    let body = urlset(&site, &["/p/in", "/p/skip", "/no/page"]);
    let elsewhere = format!("<url><loc>{}</loc></url></urlset>", other.url("/p/out"));
    site.reply("/s.xml", xml(&body.replace("</urlset>", &elsewhere)));
    let crawl = crawl(&["--seed", &site.url("/"), "--exclude", "skip"]);
    crawl.run().expect_code(0);
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT url, decision, error, rule FROM sitemaps ORDER BY url"
        ),
        [
            "/no/s.xml disallowed robots_disallowed Disallow: /no/",
            "/s.xml admitted - sitemaps robots",
            "/skip.xml excluded - exclude skip",
        ]
    );
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT url, decision, status, error FROM sitemap_entries ORDER BY position"
        )[..3],
        [
            "/p/in admitted 200 -",
            "/p/skip excluded - -",
            "/no/page disallowed - robots_disallowed",
        ]
    );
    assert_eq!(
        rows(
            &out(&crawl),
            "SELECT rule FROM sitemap_entries WHERE url LIKE '%/out'"
        ),
        ["outside scope host"]
    );
    assert_eq!((site.count("/no/s.xml"), other.hits().len()), (0, 0));
    expect_sound(&out(&crawl));
}

#[test]
fn what_fails_for_a_while_is_tried_again() {
    let site = Site::start();
    pages(&site);
    let good = xml(&urlset(&site, &["/p/1"]));
    site.sequence("/s.xml", vec![Reply::new(500), good]);
    let crawl = crawl(&["--sitemap", &site.url("/s.xml"), "--retry-wait", "1ms"]);
    crawl.run().expect_code(0);
    assert_eq!(
        rows(
            &out(&crawl),
            "SELECT kind, attempt, status FROM requests WHERE url LIKE '%s.xml'"
        ),
        ["sitemap 1 500", "sitemap 2 200"]
    );
    assert_eq!(number(&out(&crawl), "SELECT count(*) FROM pages"), 1);
    expect_sound(&out(&crawl));
}

/// A site of an index, twenty sitemaps and two hundred pages that nothing links.
fn large(site: &Site) {
    pages(site);
    site.robots("Sitemap: /index.xml");
    site.page("/", "<p>nothing");
    let maps: Vec<String> = (0..20).map(|number| format!("/{number}.xml")).collect();
    let names: Vec<&str> = maps.iter().map(String::as_str).collect();
    site.reply("/index.xml", xml(&index(site, &names)));
    for (number, map) in maps.iter().enumerate() {
        let entries: Vec<String> = (0..10)
            .map(|entry| format!("/p/{number}-{entry}"))
            .collect();
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        site.reply(map, xml(&urlset(site, &entries)));
    }
}

#[test]
fn killed_in_the_midst_and_the_next_run() {
    let site = Site::start();
    large(&site);
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "300/s", "-o", "out"]);
    let mut kills = 0;
    loop {
        let before = site.hits().len();
        let mut child = crawl.spawn();
        child.wait_until("some requests, or the end", |child| {
            site.hits().len() > before + 30 || child.stderr().contains("finished")
        });
        if child.kill9().stderr.contains("finished") {
            break;
        }
        kills += 1;
        assert!(kills < 40, "it does not get on");
    }
    assert!(kills >= 3, "{kills}");
    let out = out(&crawl);
    if number(&out, "SELECT count(*) FROM runs WHERE how = 'finished'") == 0 {
        crawl.run().expect_code(0);
    }
    let whole = |run: i64| {
        let sum = |sql: &str| number(&out, &sql.replace("RUN", &run.to_string()));
        assert_eq!(
            sum("SELECT count(*) FROM sitemap WHERE run = RUN AND last_fetch IS NOT NULL"),
            21
        );
        assert_eq!(
            sum("SELECT count(*) FROM sitemap_entry WHERE run = RUN"),
            220
        );
        assert_eq!(
            sum("SELECT count(*) FROM visit WHERE run = RUN AND last_fetch IS NOT NULL"),
            201
        );
        expect_sound(&out);
    };
    whole(1);
    // Each run reads them anew, though its robots.txt is that of the run before.
    site.forget();
    site.reply("/3.xml", xml(&urlset(&site, &["/p/fresh"])));
    crawl.run().expect_code(0);
    assert_eq!(number(&out, "SELECT max(run) FROM runs"), 2);
    assert_eq!(
        (site.count("/robots.txt"), site.count("/index.xml")),
        (0, 1)
    );
    assert_eq!(
        number(&out, "SELECT count(*) FROM sitemaps WHERE status = 200"),
        21
    );
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT found_by, count(*) FROM pages GROUP BY found_by ORDER BY found_by"
        ),
        ["earlier run 10", "seed 1", "sitemap 191"]
    );
    expect_sound(&out);
}

#[test]
fn other_settings_decide_anew_over_what_was_read() {
    let site = Site::start();
    large(&site);
    let crawl = crawl(&["--seed", &site.url("/"), "--max-pages", "5"]);
    crawl.run().expect_code(11);
    let read = site.count("/index.xml");
    assert_eq!(read, 1);
    let go_on = |more: &[&str]| {
        let args = [
            "-o",
            "out",
            "--rate",
            "unlimited",
            "--max-pages",
            "unlimited",
        ];
        crawl.run_args(args.iter().chain(more)).expect_code(0);
    };
    go_on(&["--sitemaps", "off"]);
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT url, decision, rule FROM sitemaps WHERE url LIKE '%index.xml'"
        ),
        ["/index.xml cut not reached under the present settings"]
    );
    assert_eq!(number(&out(&crawl), "SELECT count(*) FROM queue"), 0);
    expect_sound(&out(&crawl));
}

#[test]
fn entries_are_as_deep_as_what_their_origin_links_to() {
    let (site, other) = (Site::start(), Site::start());
    pages(&site);
    site.page("/", &format!("<a href={}>o</a>", other.url("/")));
    site.robots("Sitemap: /s.xml");
    site.reply("/s.xml", xml(&urlset(&site, &["/p/1"])));
    other.page("/", "<p>nothing");
    other.robots("Sitemap: /s.xml");
    other.reply("/s.xml", xml(&urlset(&other, &["/far"])));
    other.page("/far", "<p>nothing");
    // Whoever asks for a page and what it links to does not get whole sites for that.
    for (depth, asked, rule) in [("1", 0, "max-depth 1"), ("2", 1, "sitemaps robots")] {
        let seed = site.url("/");
        let args = [
            "--seed",
            &seed,
            "--scope",
            "any",
            "--allow-private",
            "--max-depth",
            depth,
        ];
        let crawl = crawl(&args);
        crawl.run().expect_code(0);
        assert_eq!(
            rows(
                &out(&crawl),
                "SELECT level, depth, rule FROM sitemaps ORDER BY depth"
            ),
            ["0 0 sitemaps robots".to_owned(), format!("0 1 {rule}")]
        );
        let far = "SELECT count(*) FROM pages WHERE url LIKE '%/far' AND depth = 2";
        assert_eq!(number(&out(&crawl), far), asked);
        expect_sound(&out(&crawl));
    }
}

#[test]
fn where_a_seed_leads_has_sitemaps_too() {
    let (site, other) = (Site::start(), Site::start());
    site.reply("/", Reply::new(302).header("Location", &other.url("/")));
    other.page("/", "<p>nothing");
    other.robots("Sitemap: /s.xml");
    other.reply("/s.xml", xml(&urlset(&other, &["/hidden"])));
    other.page("/hidden", "<p>nothing");
    let crawl = crawl(&["--seed", &site.url("/"), "--allow-private"]);
    crawl.run().expect_code(0);
    assert_eq!(
        rows(
            &out(&crawl),
            "SELECT url, depth FROM pages WHERE found_by = 'sitemap'"
        ),
        [format!("{} 1", other.url("/hidden"))]
    );
    expect_sound(&out(&crawl));
}

#[test]
fn a_sitemap_that_does_not_end_in_its_grace_stays_in_the_queue() {
    let site = Site::start();
    pages(&site);
    let good = xml(&urlset(&site, &["/p/1"]));
    let slow = good.clone().delay(std::time::Duration::from_secs(20));
    site.reply("/s.xml", slow);
    let crawl = crawl(&["--sitemap", &site.url("/s.xml"), "--stop-grace", "100ms"]);
    let mut child = crawl.spawn();
    child.wait_until("the sitemap", |_| site.count("/s.xml") == 1);
    child.signal("INT");
    child.wait().expect_code(130);
    assert_eq!(
        rows(
            &out(&crawl),
            "SELECT kind, failed_attempts, depth FROM queue"
        ),
        ["sitemap 0 -"]
    );
    site.reply("/s.xml", good);
    crawl.run().expect_code(0);
    assert_eq!(number(&out(&crawl), "SELECT count(*) FROM pages"), 1);
    expect_sound(&out(&crawl));
}

#[test]
fn a_sitemap_of_a_host_without_an_answer_is_deferred() {
    let (site, other) = (Site::start(), Site::start());
    site.page("/", "<p>nothing");
    pages(&site);
    site.robots(&format!("Sitemap: {}", other.url("/s.xml")));
    other.reply("/robots.txt", Reply::new(503));
    other.reply("/s.xml", xml(&urlset(&site, &["/p/1"])));
    let seed = site.url("/");
    let crawl = crawl(&[
        "--seed",
        &seed,
        "--allow-private",
        "--retries",
        "0",
        "--max-hold",
        "1ms",
    ]);
    let said = crawl.run().expect_code(4).stderr;
    assert!(said.contains("1 URL deferred"), "{said}");
    assert_eq!(
        rows(&out(&crawl), "SELECT kind, deferred FROM queue"),
        ["sitemap robots.txt cannot be had"]
    );
    assert_eq!(other.count("/s.xml"), 0);
    other.robots("");
    crawl.run().expect_code(0);
    assert_eq!(
        short(&site, &crawl, "SELECT url FROM pages ORDER BY url"),
        ["/", "/p/1"]
    );
    expect_sound(&out(&crawl));
}

#[test]
fn entries_are_rewritten_and_explained() {
    let site = Site::start();
    pages(&site);
    site.robots("Sitemap: /s.xml?sid=1");
    site.page("/", "<p>nothing");
    site.reply(
        "/s.xml?sid=1",
        xml(&urlset(&site, &["/p/1?sid=7", "/p/1?sid=8"])),
    );
    let crawl = crawl(&["--seed", &site.url("/"), "--strip-params", "sid"]);
    crawl.run().expect_code(0);
    assert_eq!(
        short(
            &site,
            &crawl,
            "SELECT sitemap, url, status FROM sitemap_entries"
        ),
        ["/s.xml?sid=1 /p/1 200", "/s.xml?sid=1 /p/1 200"]
    );
    assert_eq!(
        short(&site, &crawl, "SELECT url, written FROM rewrites"),
        ["/p/1 /p/1?sid=7"]
    );
    let why = ["why", &site.url("/s.xml?sid=1"), "-o", "out"];
    let said = crawl.run_args(why).expect_code(0).stdout;
    assert!(
        said.starts_with("asked for as a sitemap; fetched: 200"),
        "{said}"
    );
    let why = ["why", &site.url("/p/1"), "-o", "out"];
    let said = crawl.run_args(why).expect_code(0).stdout;
    let way: Vec<_> = said.lines().skip(2).take(3).map(str::trim).collect();
    let (robots, map) = (site.url("/robots.txt"), site.url("/s.xml?sid=1"));
    assert_eq!(
        way,
        [
            format!("found     {robots}"),
            format!("{map}  (robots.txt)"),
            format!("{}  (sitemap)", site.url("/p/1")),
        ]
    );
}
