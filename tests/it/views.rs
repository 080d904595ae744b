//! The named questions, on small sites whose answers are worked out by hand. `tests/answers/` holds them to a manual
//! with faults planted, worked out by another program.

use std::path::PathBuf;

use crate::support::{Crawl, Reply, Site, edit, expect_sound, rows};

/// Crawls a site once.
fn crawl_of(site: &Site, args: &[&str]) -> Crawl {
    let seed = site.url("/");
    let crawl = Crawl::new()
        .args(["--seed", &seed, "--rate", "unlimited", "--retries", "0"])
        .args(["-o", "out"])
        .args(args);
    crawl.run().expect_code(0);
    crawl
}

fn out(crawl: &Crawl) -> PathBuf {
    crawl.dir().join("out")
}

/// The rows of an answer in their order as text, without the site's own address.
#[track_caller]
fn asked(site: &Site, crawl: &Crawl, sql: &str) -> Vec<String> {
    let rows = rows(&out(crawl), sql).into_iter();
    let mut rows: Vec<String> = rows.map(|row| row.replace(&site.url(""), "")).collect();
    rows.sort_unstable();
    rows
}

fn moved(to: &str) -> Reply {
    Reply::new(301).header("Location", to)
}

fn page(title: &str, head: &str, body: &str) -> Reply {
    Reply::html(format!("<title>{title}</title>{head}{body}"))
}

/// `/way/0` leads over two more to a 404, `/ring/0` into a circle, `/far/0` further than is followed.
fn site_of_redirects() -> Site {
    let site = Site::start();
    let links: String = [
        "/gone", "/way/0", "/ring/0", "/far/0", "/out", "/shut", "/fine",
    ]
    .iter()
    .map(|path| format!("<a href={path}>to {path}</a>"))
    .collect();
    site.page("/", &links);
    for (from, to) in [
        ("/way/0", "/way/1"),
        ("/way/1", "/way/2"),
        ("/way/2", "/gone"),
        ("/ring/0", "/ring/1"),
        ("/ring/1", "/ring/2"),
        ("/ring/2", "/ring/1"),
        ("/out", "http://elsewhere.example/x"),
        ("/shut", "/private"),
        ("/fine", "/end"),
    ] {
        site.reply(from, moved(to));
    }
    for hop in 0..6 {
        site.reply(&format!("/far/{hop}"), moved(&format!("/far/{}", hop + 1)));
    }
    site.page(
        "/end",
        "<a href=/fine>back</a><a href=/gone>and <b>gone</b></a>",
    );
    site.robots("User-agent: *\nDisallow: /private\n");
    site
}

#[test]
fn broken_links_through_redirects() {
    let site = site_of_redirects();
    let crawl = crawl_of(&site, &["--max-redirects", "3"]);
    let columns =
        "from_url, to_url, anchor, kind, status, error, final_url, final_status, final_error, hops";
    let sql = format!("SELECT {columns} FROM broken_links WHERE first_seen > '2'");
    let wanted = [
        "/ /gone to /gone a 404 - /gone 404 - 0",
        "/ /ring/0 to /ring/0 a 301 - /ring/2 301 redirect_loop 2",
        "/ /way/0 to /way/0 a 301 - /gone 404 - 3",
        "/end /gone and gone a 404 - /gone 404 - 0",
    ];
    assert_eq!(asked(&site, &crawl, &sql), wanted);
    expect_sound(&out(&crawl));
}

#[test]
fn ways_of_redirects() {
    let site = site_of_redirects();
    let crawl = crawl_of(&site, &["--max-redirects", "3"]);
    let sql = "SELECT url, hops, final_url, final_status, problem, links, (SELECT group_concat(value) FROM json_each(route))
               FROM redirect_chains WHERE url GLOB '*[0efht]' OR url GLOB '*/way/*'";
    let wanted = [
        "/far/0 4 /far/4 - too many hops 1 /far/0,/far/1,/far/2,/far/3,/far/4",
        "/fine 1 /end 200 - 2 /fine,/end",
        "/out 1 http://elsewhere.example/x - leaves the scope 1 /out,http://elsewhere.example/x",
        "/ring/0 3 /ring/1 301 loop 1 /ring/0,/ring/1,/ring/2,/ring/1",
        "/shut 1 /private - forbidden by robots.txt 1 /shut,/private",
        "/way/0 3 /gone 404 ends in an error 1 /way/0,/way/1,/way/2,/gone",
        "/way/1 2 /gone 404 ends in an error 0 /way/1,/way/2,/gone",
        "/way/2 1 /gone 404 ends in an error 0 /way/2,/gone",
    ];
    assert_eq!(asked(&site, &crawl, sql), wanted);
}

/// No redirect leads anywhere, and none of the counts is more than it can be: a table that was made up.
#[test]
fn circles_that_no_crawl_has_marked_end() {
    let site = site_of_redirects();
    let crawl = crawl_of(&site, &["--max-redirects", "3"]);
    edit(&out(&crawl), "UPDATE fetch SET error = NULL");
    let sql = "SELECT url, hops, problem FROM redirect_chains WHERE url GLOB '*/ring/*'";
    let wanted = ["/ring/0 3 loop", "/ring/1 2 loop", "/ring/2 2 loop"];
    assert_eq!(asked(&site, &crawl, sql), wanted);
    let sql = "SELECT to_url, hops, final_error FROM broken_links WHERE to_url GLOB '*/ring/*'";
    assert_eq!(asked(&site, &crawl, sql), ["/ring/0 20 redirect_loop"]);
}

#[test]
fn titles_and_descriptions() {
    let site = Site::start();
    let long = "ü".repeat(61);
    let about = |text: &str| format!("<meta name=description content='{text}'>");
    let fine = about(&"d".repeat(100));
    let pages = [
        ("/none", String::new(), fine.clone()),
        (
            "/one",
            "The same title on two of the pages".to_owned(),
            about("x"),
        ),
        (
            "/two",
            "The same title  on two of the\npages".to_owned(),
            String::new(),
        ),
        (
            "/short",
            "29 characters are one too few".to_owned(),
            about(&"é".repeat(161)),
        ),
        ("/long", long.clone(), about(&"é".repeat(160))),
        (
            "/copy",
            "Of no concern".to_owned(),
            "<link rel=canonical href=/one>".to_owned(),
        ),
        (
            "/hidden",
            "Of no concern".to_owned(),
            "<meta name=robots content=noindex>".to_owned(),
        ),
        (
            "/itself",
            "A title of 30 characters, just".to_owned(),
            format!("<link rel=canonical href=/itself>{fine}"),
        ),
    ];
    let mut links = String::new();
    for (path, title, head) in &pages {
        site.reply(path, page(title, head, ""));
        links += &format!("<a href={path}>{path}</a>");
    }
    site.reply(
        "/",
        page(
            "A front page with a sound title",
            &about(&"f".repeat(99)),
            &links,
        ),
    );
    let crawl = crawl_of(&site, &[]);
    let wanted = [
        "/long 61 too long 1".to_owned(),
        "/none 0 missing 1".to_owned(),
        "/one 34 duplicate 2".to_owned(),
        "/short 29 too short 1".to_owned(),
        "/two 34 duplicate 2".to_owned(),
    ];
    let sql = "SELECT url, length, problem, copies FROM titles";
    assert_eq!(asked(&site, &crawl, sql), wanted);
    let sql = "SELECT url, length, problem, copies FROM descriptions";
    let wanted = [
        "/itself 100 duplicate 2",
        "/none 100 duplicate 2",
        "/one 1 too short 1",
        "/short 161 too long 1",
        "/two 0 missing 1",
    ];
    assert_eq!(asked(&site, &crawl, sql), wanted);
    // What is asked for again and has not changed is as it was.
    crawl.run().expect_code(0);
    assert_eq!(asked(&site, &crawl, sql), wanted);
}

#[test]
fn canonicals_that_lead_nowhere_good() {
    let site = Site::start();
    let mut links = String::new();
    for (path, canonical) in [
        ("/self", "/self"),
        ("/plain", "/self"),
        ("/broken", "/gone"),
        ("/moves", "/moved"),
        ("/hides", "/hidden"),
        ("/chains", "/plain"),
        ("/leaves", "http://elsewhere.example/"),
        ("/none", "file:///x"),
    ] {
        site.reply(
            path,
            page(path, &format!("<link rel=canonical href={canonical}>"), ""),
        );
        links += &format!("<a href={path}>x</a>");
    }
    let both = page("two", "<link rel=canonical href=/two>", "");
    site.reply("/two", both.header("Link", "</self>; rel=canonical"));
    site.reply("/moved", moved("/self"));
    site.reply(
        "/hidden",
        page(
            "hidden",
            "<meta name=robots content='noindex, nofollow'>",
            "",
        ),
    );
    site.page("/", &format!("{links}<a href=/two>x</a>"));
    let crawl = crawl_of(&site, &[]);
    let wanted = [
        "/broken /gone broken 404 -",
        "/chains /plain chain 200 /self",
        "/hides /hidden noindex 200 -",
        "/leaves http://elsewhere.example/ not crawled - -",
        "/moves /moved redirects 301 /self",
        "/plain /self to another page 200 -",
        "/two /two several 200 -",
    ];
    assert_eq!(asked(&site, &crawl, "SELECT * FROM canonicals"), wanted);
    let sql = "SELECT url, noindex, nofollow, directives, in_sitemap, links FROM noindexed";
    let wanted = ["/hidden 1 1 nofollow, noindex 0 1"];
    assert_eq!(asked(&site, &crawl, sql), wanted);
}

/// Each annotation of `/en`, and what is wrong with it.
#[test]
fn languages() {
    let site = Site::start();
    let link = |code: &str, to: &str| format!("<link rel=alternate hreflang={code} href={to}>");
    let annotations = [
        ("en", "/en", "-"),
        ("DE", "/de", "-"),
        ("fr", "/fr", "no return link"),
        ("x-default", "/en", "-"),
        ("zh-Hant-TW", "/gone", "target not ok"),
        ("es-419", "/moved", "target not ok"),
        ("haw", "/hidden", "target not ok"),
        ("nl", "http://elsewhere.example/", "not crawled"),
        ("pt", "/en", "two for one language"),
        ("PT", "/de", "two for one language"),
        ("en-UK", "/en", "unknown code"),
        ("en_US", "/en", "unknown code"),
        ("jp", "/en", "unknown code"),
        ("eng", "/en", "unknown code"),
        ("de-", "/en", "unknown code"),
        ("de-AT-1996", "/en", "unknown code"),
        ("sr-Latn-RS", "/en", "-"),
        ("sr-Latx", "/en", "unknown code"),
        ("419", "/en", "unknown code"),
        ("''", "/ignored", ""),
    ];
    let head: String = annotations
        .iter()
        .map(|(code, to, _)| link(code, to))
        .collect();
    let head = head.replace("''", "\"\"");
    site.reply("/en", page("en", &head, ""));
    let back = format!("{}{}", link("en", "/en"), link("de", "/de"));
    site.reply("/de", page("de", &back, ""));
    let header = "</en>; rel=alternate; hreflang=en";
    site.reply("/lost", page("lost", "", "").header("Link", header));
    site.page("/fr", "no word of any other");
    site.reply("/moved", moved("/fr"));
    site.reply(
        "/hidden",
        page("hidden", "<meta name=robots content=noindex>", ""),
    );
    site.page("/", "<a href=/en>en</a><a href=/lost>lost</a>");
    let crawl = crawl_of(&site, &[]);
    let mut wanted: Vec<String> = annotations
        .iter()
        .filter(|(_, _, problem)| !["-", ""].contains(problem))
        .map(|(code, to, problem)| format!("/en {code} {to} {problem}"))
        .collect();
    wanted.push("/lost - - no self reference".to_owned());
    wanted.push("/lost en /en no return link".to_owned());
    wanted.sort_unstable();
    let sql = "SELECT from_url, language, to_url, problem FROM hreflang";
    assert_eq!(asked(&site, &crawl, sql), wanted);
    let sql = "SELECT kind, anchor, hreflang FROM links WHERE to_url GLOB '*/ignored' OR hreflang = 'haw'";
    assert_eq!(
        asked(&site, &crawl, sql),
        ["alternate - -", "alternate - haw"]
    );
}

/// The site is of http; so its addresses are doctored afterwards.
#[test]
fn parts_of_https_pages() {
    let site = Site::start();
    site.page("/", "<a href=/p>p</a>");
    site.page(
        "/p",
        "<img src=http://h.example/i><script src=https://h.example/s></script><a href=http://h.example/a>a</a>
         <form action=http://h.example/f></form><iframe src=http://h.example/w></iframe>",
    );
    let crawl = crawl_of(&site, &[]);
    assert_eq!(asked(&site, &crawl, "SELECT * FROM mixed_content"), [""; 0]);
    edit(
        &out(&crawl),
        "UPDATE url SET text = 'https' || substr(text, 5) WHERE text GLOB '*/p'",
    );
    let wanted = [
        "http://h.example/f form",
        "http://h.example/i img",
        "http://h.example/w iframe",
    ];
    let sql = "SELECT to_url, kind FROM mixed_content WHERE from_url GLOB 'https://*/p'";
    assert_eq!(asked(&site, &crawl, sql), wanted);
}

#[test]
fn sitemaps_beside_the_crawl() {
    let site = Site::start();
    let map = |paths: &[&str], more: &str| {
        let of = |path: &&str| {
            format!(
                "<url><loc>{}</loc><lastmod>2026-01-02</lastmod></url>",
                site.url(path)
            )
        };
        let urls: String = paths.iter().map(of).collect();
        let xml = format!("<urlset>{urls}{more}</urlset>");
        Reply::new(200)
            .header("Content-Type", "application/xml")
            .body(xml)
    };
    let alone = "<a href=/alone>itself</a><a href=/led>on</a>";
    site.reply(
        "/",
        page(
            "front",
            "",
            "<a href=/a>a</a><a href=/b>b</a><a href=/moved>m</a>",
        ),
    );
    site.reply("/a", page("a", "", ""));
    site.reply("/b", page("b", "", ""));
    site.reply("/alone", page("alone", "", alone));
    site.reply("/led", page("led", "", ""));
    site.reply(
        "/hidden",
        page("hidden", "<meta name=robots content=noindex>", ""),
    );
    site.reply("/moved", moved("/behind"));
    site.reply("/behind", page("behind", "", ""));
    let paths = [
        "/", "/a", "/alone", "/led", "/gone", "/hidden", "/moved", "/behind", "/private",
    ];
    site.reply(
        "/one.xml",
        map(&paths, "<url><loc>ftp://x.example/</loc></url>"),
    );
    site.reply(
        "/two.xml",
        map(
            &["/a", "/alone"],
            "<url><loc>http://elsewhere.example/</loc></url>",
        ),
    );
    site.reply("/empty.xml", map(&[], ""));
    let named: String = ["one", "two", "empty", "none"]
        .iter()
        .map(|name| format!("Sitemap: {}\n", site.url(&format!("/{name}.xml"))))
        .collect();
    site.robots(&format!("User-agent: *\nDisallow: /private\n{named}"));
    let crawl = crawl_of(&site, &[]);
    let sql = "SELECT url, sitemap, lastmod, status, error, title FROM orphans";
    let wanted = [
        "/alone /one.xml 2026-01-02 200 - alone",
        "/gone /one.xml 2026-01-02 404 - -",
        "/hidden /one.xml 2026-01-02 200 - hidden",
        "/private /one.xml 2026-01-02 - - -",
    ];
    assert_eq!(asked(&site, &crawl, sql), wanted);
    assert_eq!(asked(&site, &crawl, "SELECT * FROM unlisted"), ["/b b 1 /"]);
    let wanted = [
        "/empty.xml - empty",
        "/none.xml - broken",
        "/one.xml - entries that are no URLs",
        "/one.xml /gone broken",
        "/one.xml /hidden noindex",
        "/one.xml /moved redirects",
        "/one.xml /private forbidden by robots.txt",
        "/two.xml /a named twice",
        "/two.xml /alone named twice",
        "/two.xml http://elsewhere.example/ out of scope",
    ];
    assert_eq!(
        asked(&site, &crawl, "SELECT * FROM sitemap_problems"),
        wanted
    );
}

#[test]
fn what_is_counted() {
    let site = site_of_redirects();
    site.page("/end", "x");
    let crawl = crawl_of(&site, &["--max-redirects", "3"]);
    let bytes = rows(&out(&crawl), "SELECT bytes FROM pages WHERE depth = 0");
    let wanted = [
        format!("0 1 1 0 0 0 {}", bytes[0]),
        "1 16 1 12 2 1 1".to_owned(),
    ];
    assert_eq!(asked(&site, &crawl, "SELECT * FROM depths"), wanted);
    let wanted = [
        "http_404 1 /gone / 1",
        "redirect_loop 1 /ring/2 /ring/1 1",
        "robots_disallowed 1 /private /shut -",
    ];
    assert_eq!(asked(&site, &crawl, "SELECT * FROM error_classes"), wanted);
    let all: usize = bytes[0].parse::<usize>().expect("a number") + 1;
    let wanted = [format!("text/html 2 {all} {} {}", all / 2, all - 1)];
    assert_eq!(asked(&site, &crawl, "SELECT * FROM content_types"), wanted);
    let sql = "SELECT requests, failed, failed_percent, refused, unanswered, p50_ms <= p95_ms AND p95_ms <= max_ms, gap_ms,
               last_hold, set_aside FROM host_health";
    // With robots.txt, without what that forbids.
    assert_eq!(asked(&site, &crawl, sql), ["17 2 11.8 0 0 1 - - -"]);
}

/// The middle and the 95th of a hundred times that are known.
#[test]
fn usual_and_worst_times() {
    let site = Site::start();
    let links: String = (0..98)
        .map(|number| format!("<a href=/{number}>x</a>"))
        .collect();
    site.page("/", &links);
    site.dynamic(|_, _| Some(Reply::html("x")));
    let crawl = crawl_of(&site, &[]);
    edit(
        &out(&crawl),
        "UPDATE fetch SET total_us = 1000 * (101 - id)",
    );
    let sql = "SELECT requests, p50_ms, p95_ms, max_ms FROM host_health";
    assert_eq!(rows(&out(&crawl), sql), ["100 50 95 100"]);
}

/// A page that links no longer, or is gone, is asked for nothing: only what the latest run has read counts.
#[test]
fn only_links_of_the_latest_run_count() {
    let site = Site::start();
    site.page("/", "<a href=/p>p</a><a href=/q>q</a>");
    site.page("/p", "<a href=/gone>gone</a>");
    site.page("/q", "<a href=/gone>gone</a>");
    let crawl = crawl_of(&site, &[]);
    let sql = "SELECT from_url FROM broken_links";
    assert_eq!(asked(&site, &crawl, sql), ["/p", "/q"]);
    site.page("/p", "<a href=/>home</a>");
    crawl.run().expect_code(0);
    assert_eq!(asked(&site, &crawl, sql), ["/q"]);
}
