//! What sites say of the uses of their content: recorded as data, obeyed where a purpose is given.

use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

const ROBOTS: &str = "User-agent: *
Content-Signal: search=yes, ai-train=no
Content-Usage: /open/ train-ai=y
Allow: /
";

/// A site that says something in each way.
fn site() -> Site {
    let site = Site::start();
    site.robots("User-agent: *\nContent-Signal: /own/ search=yes, ai-train=no\nContent-Usage: bots=y\nAllow: /\n");
    site.page(
        "/",
        "<title>home</title><a href=/own/a>a</a><a href=/meta>b</a><a href=/header>c</a><a href=/pdf>d</a>",
    );
    site.page("/own/a", "<title>own</title>");
    site.page(
        "/meta",
        "<title>reserved</title><meta name=description content=x><meta name=TDM-Reservation content=1>
         <meta name=tdm-policy content='https://p.example/policy.json'><a href=/deep>deep</a>",
    );
    site.page("/deep", "<title>deep</title>");
    site.reply(
        "/header",
        Reply::html("<title>not reserved after all</title><meta name=tdm-reservation content=0>")
            .header("TDM-Reservation", "1")
            .header("Content-Usage", "search=n"),
    );
    site.reply(
        "/pdf",
        Reply::new(200)
            .header("Content-Type", "application/pdf")
            .header("Content-Signal", "ai-train=no")
            .body("%PDF"),
    );
    site
}

fn crawl(site: &Site, more: &[&str]) -> Crawl {
    Crawl::new()
        .args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"])
        .args(more)
}

/// Status, title and whether there is a file, of each page.
fn kept(crawl: &Crawl, site: &Site) -> Vec<String> {
    let sql = format!(
        "SELECT replace(url, '{}', ''), coalesce(status, error), title, file IS NOT NULL FROM pages ORDER BY url",
        site.url("")
    );
    rows(&crawl.dir().join("out"), &sql)
}

#[test]
fn recorded_and_not_obeyed() {
    let site = site();
    let crawl = crawl(&site, &[]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    expect_sound(&out);
    let sql = format!(
        "SELECT replace(url, '{}', ''), source, signal, path, category, value, allowed, withheld FROM signals
         ORDER BY url, source DESC, signal, category",
        site.url("")
    );
    assert_eq!(
        rows(&out, &sql),
        [
            " robots.txt content-signal /own/ ai-train no 0 0",
            " robots.txt content-signal /own/ search yes 1 0",
            " robots.txt content-usage - bots y 1 0",
            "/header meta tdm-reservation - - 0 1 0",
            "/header header content-usage - search n 0 0",
            "/header header tdm-reservation - - 1 0 0",
            "/meta meta tdm-policy - - https://p.example/policy.json - 0",
            "/meta meta tdm-reservation - - 1 0 0",
            "/pdf header content-signal - ai-train no 0 0",
        ]
    );
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE file IS NOT NULL"),
        6
    );
    // The same bytes and headers again are the same content; other headers make another one.
    site.reply(
        "/pdf",
        Reply::new(200)
            .header("Content-Type", "application/pdf")
            .header("Content-Signal", "ai-train=yes")
            .body("%PDF"),
    );
    crawl.run().expect_code(0);
    assert_eq!(number(&out, "SELECT count(*) FROM version"), 7);
    let sql = "SELECT value FROM signals WHERE url LIKE '%/pdf'";
    assert_eq!(rows(&out, sql), ["yes"]);
}

#[test]
fn obeyed_for_a_purpose() {
    let site = site();
    for (purpose, pages) in [
        (
            "ai-train",
            [
                "/ 200 home 1",
                "/deep 200 deep 1",
                "/header 200 not reserved after all 1",
                "/meta 200 - 0",
                "/own/a robots_disallowed - 0",
                "/pdf 200 - 0",
            ],
        ),
        (
            "search",
            [
                "/ 200 home 1",
                "/deep 200 deep 1",
                "/header 200 - 0",
                "/meta 200 reserved 1",
                "/own/a 200 own 1",
                "/pdf 200 - 1",
            ],
        ),
    ] {
        let crawl = crawl(&site, &["--purpose", purpose]);
        crawl.run().expect_code(0);
        assert_eq!(kept(&crawl, &site), pages, "{purpose}");
        let out = crawl.dir().join("out");
        expect_sound(&out);
        let sql = "SELECT count(*) FROM signals WHERE withheld";
        let withheld = if purpose == "search" { 1 } else { 2 };
        assert_eq!(number(&out, sql), withheld, "{purpose}");
        let sql = "SELECT rule FROM pages WHERE error = 'robots_disallowed'";
        if purpose == "ai-train" {
            let line = "Content-Signal: /own/ search=yes, ai-train=no";
            assert_eq!(rows(&out, sql), [line]);
        }
        // Without the purpose, the next run reads and keeps what was held back.
        let url = site.url("/");
        let plain = ["--seed", &url, "--rate", "unlimited", "-o", "out"];
        crawl.run_args(plain).expect_code(0);
        let missing = "SELECT url FROM pages WHERE file IS NULL OR status <> 200";
        assert_eq!(rows(&out, missing), [""; 0], "{purpose}");
        assert_eq!(
            number(&out, "SELECT count(*) FROM signals WHERE withheld"),
            0
        );
    }
}

#[test]
fn whole_sites_that_say_no() {
    let site = Site::start();
    site.robots(ROBOTS);
    site.page("/", "<a href=/open/a>x</a>");
    let seed = site.url("/");
    let args = |purpose| {
        [
            "--seed",
            &seed,
            "--purpose",
            purpose,
            "-o",
            purpose,
            "--dry-run",
        ]
    };
    for (purpose, said) in [
        (
            "ai-train",
            "disallowed by \"Content-Signal: search=yes, ai-train=no\"",
        ),
        ("ai-input", "; allowed by \"Allow: /\""),
        ("none", "; allowed by \"Allow: /\""),
    ] {
        let dry = Crawl::new().args(args(purpose)).run().expect_code(0);
        assert!(dry.stdout.contains(said), "{purpose}: {}", dry.stdout);
    }
    let said = crawl(&site, &["--purpose", "ai-train"])
        .run()
        .expect_code(3);
    assert!(
        said.stderr.contains("robots.txt forbids it"),
        "{}",
        said.stderr
    );
    let crawl = Crawl::new().args(["--config", "x.toml", "--seed", &seed]);
    crawl.file("x.toml", "[politeness]\npurpose = \"training\"\n");
    let said = crawl.run().expect_code(2).stderr;
    assert!(
        said.contains("x.toml, line 2: politeness.purpose: unknown value \"training\""),
        "{said}"
    );
}
