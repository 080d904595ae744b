//! What belongs to a crawl: hops beyond the scope, assets, checks, what a seed leads to, content types.

use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

fn crawl(site: &Site, more: &[&str]) -> Crawl {
    Crawl::new()
        .args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"])
        .args(["--allow-private"])
        .args(more)
}

/// Paths of a site that were asked for, in order of the alphabet, robots.txt left out.
fn asked(site: &Site) -> Vec<String> {
    let hits = site.hits().into_iter();
    let mut paths: Vec<String> = hits
        .filter(|hit| hit.path != "/robots.txt")
        .map(|hit| format!("{} {}", hit.method, hit.path))
        .collect();
    paths.sort_unstable();
    paths
}

#[test]
fn extra_hops_lead_beyond_the_scope() {
    let (home, away, far) = (Site::start(), Site::start(), Site::start());
    home.page("/", &format!("<a href='{}'>out</a>", away.url("/a")));
    home.page("/late", "<title>back home</title>");
    let page = format!(
        "<a href='/b'>on</a> <a href='{}'>far</a> <a href='{}'>home</a>",
        far.url("/x"),
        home.url("/late")
    );
    away.page("/a", &page);
    away.page("/b", "<a href='/c'>on</a>");
    away.page("/c", "too far");
    far.page("/x", "<a href='/y'>on</a>");
    for (hops, at_home, at_away, at_far) in [
        ("0", vec!["GET /"], vec![], vec![]),
        ("1", vec!["GET /", "GET /late"], vec!["GET /a"], vec![]),
        (
            "2",
            vec!["GET /", "GET /late"],
            vec!["GET /a", "GET /b"],
            vec!["GET /x"],
        ),
    ] {
        for site in [&home, &away, &far] {
            site.forget();
        }
        let crawl = crawl(&home, &["--extra-hops", hops]);
        crawl.run().expect_code(0);
        assert_eq!(asked(&home), at_home, "{hops}");
        assert_eq!(asked(&away), at_away, "{hops}");
        assert_eq!(asked(&far), at_far, "{hops}");
        let out = crawl.dir().join("out");
        expect_sound(&out);
        if hops == "1" {
            let sql = format!(
                "SELECT decision, rule, hops FROM urls WHERE url = '{}'",
                away.url("/a")
            );
            assert_eq!(rows(&out, &sql), ["admitted extra-hops 1 1"]);
            let sql = format!(
                "SELECT decision, rule FROM urls WHERE url = '{}'",
                away.url("/b")
            );
            assert_eq!(rows(&out, &sql), ["excluded outside scope host"]);
        }
    }
}

#[test]
fn assets_are_fetched_from_any_host_and_lead_to_no_pages() {
    let (site, cdn) = (Site::start(), Site::start());
    site.page(
        "/",
        &format!(
            "<link rel=stylesheet href='/s.css'><img src='{}'><img src='/both.html'><img src='/no.png'>
             <a href='/both.html'>a page, too</a><img src='/trick.html'><a href='{}'>away</a>",
            cdn.url("/i.png"),
            cdn.url("/page")
        ),
    );
    site.reply(
        "/s.css",
        Reply::new(200)
            .header("Content-Type", "text/css")
            .body(format!(
                "@import '/t.css'; b {{ background: url({}) }}",
                cdn.url("/bg.png")
            )),
    );
    site.reply(
        "/t.css",
        Reply::new(200)
            .header("Content-Type", "text/css")
            .body("i { background: url(u.png) }"),
    );
    let image = || {
        Reply::new(200)
            .header("Content-Type", "image/png")
            .body("\u{89}PNG")
    };
    site.reply("/u.png", image());
    cdn.reply("/i.png", image());
    cdn.reply("/bg.png", image());
    site.page("/both.html", "<a href='/found.html'>x</a>");
    site.page("/found.html", "<title>found</title>");
    site.page("/trick.html", "<a href='/never.html'>x</a>");
    let crawl = crawl(
        &site,
        &["--assets", "--exclude", r"no\.png$", "--max-pages", "3"],
    );
    crawl.run().expect_code(0);
    assert_eq!(
        asked(&site),
        [
            "GET /",
            "GET /both.html",
            "GET /found.html",
            "GET /s.css",
            "GET /t.css",
            "GET /trick.html",
            "GET /u.png"
        ]
    );
    assert_eq!(asked(&cdn), ["GET /bg.png", "GET /i.png"]);
    let out = crawl.dir().join("out");
    expect_sound(&out);
    assert_eq!(
        rows(&out, "SELECT kind, count(*) FROM resources GROUP BY kind"),
        ["asset 6", "page 3"]
    );
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 3);
    assert_eq!(
        rows(
            &out,
            "SELECT decision, rule FROM urls WHERE url LIKE '%no.png' OR url LIKE '%never.html'"
        ),
        [
            r"excluded exclude no\.png$",
            "linked not followed: not of a page"
        ]
    );
}

#[test]
fn what_lies_outside_is_asked_once_whether_it_is_there() {
    let (site, other) = (Site::start(), Site::start());
    let link = |path: &str| format!("<a href='{}'>{path}</a>", other.url(path));
    let links: String = ["/ok", "/gone", "/get-only", "/moved"].map(link).concat();
    site.page("/", &format!("{links}<a href='/next'>next</a>"));
    site.page("/next", &links);
    other.page("/ok", "<a href='/unread'>x</a>");
    // The fixture answers HEAD from the same table: the first request for it is the HEAD.
    other.sequence("/get-only", vec![Reply::new(405), Reply::html("there")]);
    other.reply("/moved", Reply::new(301).header("Location", "/ok2"));
    other.page("/ok2", "here");
    other.robots("User-agent: *\nDisallow: /private");
    let crawl = crawl(&site, &["--check-external"]);
    crawl.run().expect_code(0);
    assert_eq!(asked(&site), ["GET /", "GET /next"]);
    assert_eq!(
        asked(&other),
        [
            "GET /get-only",
            "HEAD /get-only",
            "HEAD /gone",
            "HEAD /moved",
            "HEAD /ok",
            "HEAD /ok2"
        ]
    );
    let out = crawl.dir().join("out");
    expect_sound(&out);
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 2);
    assert_eq!(
        rows(
            &out,
            "SELECT kind, status, substr(url, instr(substr(url, 8), '/') + 8) FROM resources WHERE kind = 'check' ORDER BY 2, 3"
        ),
        [
            "check 200 get-only",
            "check 200 ok",
            "check 200 ok2",
            "check 301 moved",
            "check 404 gone"
        ]
    );
    assert_eq!(
        number(
            &out,
            "SELECT count(*) FROM broken_links WHERE to_url LIKE '%/gone'"
        ),
        2
    );
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE file IS NULL"),
        0
    );
}

#[test]
fn where_a_seed_redirects_to_joins_the_scope() {
    let (old, new, elsewhere) = (Site::start(), Site::start(), Site::start());
    old.reply(
        "/",
        Reply::new(301).header("Location", &elsewhere.url("/hop")),
    );
    elsewhere.reply(
        "/hop",
        Reply::new(302).header("Location", &new.url("/start")),
    );
    new.page(
        "/start",
        &format!("<a href='/a'>a</a><a href='{}'>b</a>", elsewhere.url("/no")),
    );
    new.page("/a", &format!("<a href='{}'>c</a>", old.url("/old")));
    old.page("/old", "still in scope");
    let crawl = crawl(&old, &[]);
    let run = crawl.run().expect_code(0);
    assert_eq!(asked(&old), ["GET /", "GET /old"]);
    assert_eq!(asked(&elsewhere), ["GET /hop"]);
    assert_eq!(asked(&new), ["GET /a", "GET /start"]);
    let said = format!(
        "a seed leads here: it joins the scope url={}",
        new.url("/start")
    );
    assert_eq!(run.stderr.matches(&said).count(), 1, "{}", run.stderr);
    let out = crawl.dir().join("out");
    expect_sound(&out);
    assert_eq!(
        rows(
            &out,
            &format!(
                "SELECT depth, rule FROM urls WHERE url = '{}'",
                new.url("/start")
            )
        ),
        ["0 redirect of a seed"]
    );
}

/// What was found and kept out before the seed's chain ended is let in afterwards.
#[test]
fn what_was_kept_out_is_let_in_when_its_host_joins() {
    let (first, second, new) = (Site::start(), Site::start(), Site::start());
    first.page("/", &format!("<a href='{}'>x</a>", new.url("/linked")));
    second.reply(
        "/",
        Reply::new(301)
            .header("Location", &new.url("/start"))
            .delay(std::time::Duration::from_millis(400)),
    );
    new.page("/start", "start");
    new.page("/linked", "<a href='/deeper'>y</a>");
    new.page("/deeper", "z");
    let crawl = crawl(&first, &["--seed", &second.url("/")]);
    crawl.run().expect_code(0);
    assert_eq!(asked(&new), ["GET /deeper", "GET /linked", "GET /start"]);
    let out = crawl.dir().join("out");
    assert_eq!(
        rows(
            &out,
            &format!(
                "SELECT depth FROM pages WHERE url = '{}'",
                new.url("/deeper")
            )
        ),
        ["2"]
    );
    expect_sound(&out);
}

#[test]
fn bodies_of_other_types_are_not_read() {
    let site = Site::start();
    site.page(
        "/",
        "<a href='/a.pdf'>a</a><a href='/b.html'>b</a><a href='/untyped'>c</a>",
    );
    site.reply(
        "/a.pdf",
        Reply::new(200)
            .header("Content-Type", "Application/PDF; x=y")
            .body(vec![b'x'; 3_000_000]),
    );
    site.page("/b.html", "<title>b</title>");
    site.reply(
        "/untyped",
        Reply::new(200).body("<!doctype html><title>c</title>"),
    );
    let crawl = crawl(&site, &["--content-types", "text/*"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    expect_sound(&out);
    assert_eq!(
        rows(
            &out,
            "SELECT status, title, content_type, file IS NULL FROM pages ORDER BY url"
        ),
        [
            "200 - text/html 0",
            "200 - Application/PDF 1",
            "200 b text/html 0",
            "200 c text/html 0"
        ]
    );
    assert_eq!(
        rows(
            &out,
            "SELECT wire_bytes, detail FROM requests WHERE url LIKE '%a.pdf'"
        ),
        ["0 body not read: Application/PDF; x=y is not among content-types"]
    );
    let refused = Crawl::new().args(["--seed", "http://a.example", "--content-types", "html"]);
    let said = refused.run().expect_code(2).stderr;
    assert!(
        said.contains("scope.content-types = \"html\": is not a media type"),
        "{said}"
    );
}

#[test]
fn numbered_seeds() {
    let site = Site::start();
    for number in 8..=11 {
        site.page(&format!("/p{number:02}"), "x");
    }
    let seed = format!("{}{{08..11}}", site.url("/p"));
    let crawl = Crawl::new().args(["--seed", &seed, "--rate", "unlimited", "-o", "out"]);
    crawl.run().expect_code(0);
    assert_eq!(
        asked(&site),
        ["GET /p08", "GET /p09", "GET /p10", "GET /p11"]
    );
}

/// Priorities and the order of the settings hold, over a stop and under other settings too.
#[test]
fn urls_come_in_their_order() {
    let site = Site::start();
    site.page(
        "/",
        "<a href='/old/1'>o</a> <a href='/a/b/c?x=1'>deep</a> <a href='/a'>a</a> <a href='/news/1'>n</a> <a href='/old/2'>o</a>",
    );
    site.dynamic(|_, _| Some(Reply::html("x")));
    let crawl = crawl(&site, &["--config", "c.toml", "--host-concurrency", "1"]);
    let settings =
        "[[priority]]\nurls = '/old/'\npriority = -1\n[[priority]]\nurls = 'news'\npriority = 5\n";
    crawl.file(
        "c.toml",
        &format!("[scope]\norder = 'score'\nmax-pages = 3\n{settings}"),
    );
    crawl.run().expect_code(11);
    let paths = || -> Vec<String> {
        let hits = site.hits().into_iter().map(|hit| hit.path);
        hits.filter(|path| path != "/robots.txt").collect()
    };
    assert_eq!(paths(), ["/", "/news/1", "/a"]);
    // From here on the other way round.
    crawl.file("c.toml", "[[priority]]\nurls = '2$'\npriority = 1\n");
    crawl.run().expect_code(0);
    assert_eq!(paths()[3..], ["/old/2", "/old/1", "/a/b/c?x=1"]);
    expect_sound(&crawl.dir().join("out"));
}
