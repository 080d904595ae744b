//! Redirects that lead nowhere, in circles, or where nobody may go.

use super::{Case, case, expect, raw};
use crate::support::{Reply, Site, expect_sound, number, rows};

fn to(location: &str) -> Reply {
    raw(format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    ))
}

/// Locations that are no URL that can be asked for.
pub(super) fn cases() -> Vec<Case> {
    let bad = "302 bad_redirect 0 -";
    let long = |bytes: usize| format!("/{}", "x".repeat(bytes));
    let mut cases = vec![
        case("/self", to("/self"), "302 redirect_loop 0 /self"),
        case("/empty", to(""), "302 redirect_loop 0 /empty"),
        case("/fragment", to("#x"), "302 redirect_loop 0 /fragment"),
        case(
            "/none",
            raw("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
            bad,
        ),
        case(
            "/300",
            raw("HTTP/1.1 300 Choices\r\nContent-Length: 0\r\n\r\n"),
            "300 - 0 -",
        ),
        case(
            "/305",
            raw(
                "HTTP/1.1 305 Use Proxy\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            ),
            "305 - 0 -",
        ),
        case("/10-kb", to(&long(10_000)), bad),
        case("/200-kb", to(&long(200_000)), bad),
        case(
            "/two",
            raw(
                "HTTP/1.1 302 Found\r\nLocation: /healthy\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
            ),
            "302 - 0 /healthy",
        ),
        case("/spaces", to("  /healthy  "), "302 - 0 /healthy"),
        case(
            "/on-200",
            raw("HTTP/1.1 200 OK\r\nLocation: /other\r\nContent-Length: 1\r\n\r\nx"),
            "200 - 0 -",
        ),
        case("/bad-host", to("http://[::1/"), bad),
        case("/bad-port", to("http://127.0.0.1:99999/"), bad),
        case("/no-host", to("http://"), bad),
        case(
            "/behind-a-long-header",
            raw(format!(
                "HTTP/1.1 302 Found\r\nX: {}\r\nLocation: /healthy\r\nContent-Length: 0\r\n\r\n",
                "x".repeat(70_000)
            )),
            "302 - 0 /healthy",
        ),
        case("/nul", to("/a\0b"), "- protocol 0 -"),
        case("/cr", to("/a\rX: y"), "- protocol 0 -"),
    ];
    for (name, target) in [
        ("file", "file:///etc/passwd"),
        ("script", "javascript:alert(1)"),
        ("data", "data:text/html,<a href=/x>x</a>"),
        ("ftp", "ftp://127.0.0.1/"),
        ("mail", "mailto:a@example.com"),
        ("about", "about:blank"),
        ("blob", "blob:http://127.0.0.1/x"),
        ("gopher", "gopher://127.0.0.1:70/"),
        ("view-source", "view-source:http://127.0.0.1/"),
        ("wss", "wss://127.0.0.1/"),
    ] {
        cases.push(case(&format!("/{name}"), to(target), bad));
    }
    cases
}

#[test]
fn locations() {
    let (crawl, site) = expect(cases(), &[]);
    assert_eq!(site.count("/other"), 0);
    assert_eq!(
        number(&crawl.dir().join("out"), "SELECT count(*) FROM frontier"),
        0
    );
}

/// Bytes that are no ASCII come out as the URL Standard escapes them.
#[test]
fn odd_bytes() {
    let site = Site::start();
    site.page(
        "/",
        "<a href=/utf8>x</a><a href=/latin1>x</a><a href=/tab>x</a>",
    );
    let begin = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ";
    for (path, target) in [
        ("/utf8", "/f\u{fc}r".as_bytes()),
        ("/latin1", b"/f\xFCr"),
        ("/tab", b"/f\tr"),
    ] {
        site.reply(path, raw([begin, target, b"\r\n\r\n"].concat()));
    }
    let crawl = super::crawl(&[site.url("/")], super::PATIENT);
    crawl.run().expect_code(0);
    let found = rows(
        &crawl.dir().join("out"),
        "SELECT redirect_to FROM pages WHERE status = 302 ORDER BY url",
    );
    let wanted = ["/f%C3%BCr", "/fr", "/f%C3%BCr"];
    assert_eq!(found, wanted.map(|path| site.url(path)));
}

#[test]
fn circles_and_chains() {
    let site = Site::start();
    site.page(
        "/",
        "<a href=/a>x</a><a href=/long0>x</a><a href=/chain0>x</a>",
    );
    site.reply("/a", to("/b"));
    site.reply("/b", to("/a"));
    for n in 0..8 {
        site.reply(&format!("/long{n}"), to(&format!("/long{}", (n + 1) % 8)));
    }
    site.dynamic(|path, _| {
        let number: u32 = path.strip_prefix("/chain")?.parse().ok()?;
        Some(to(&format!("/chain{}", number + 1)))
    });
    let crawl = super::crawl(&[site.url("/")], super::PATIENT).args(["--max-redirects", "10"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let looped = "SELECT count(*) FROM pages WHERE error = 'redirect_loop'";
    assert_eq!(number(&out, looped), 2);
    // One URL and ten redirects.
    let chain = "SELECT count(*) FROM pages WHERE url LIKE '%/chain%'";
    assert_eq!(number(&out, chain), 11);
    assert_eq!(
        site.hits()
            .iter()
            .filter(|hit| hit.path.starts_with("/chain"))
            .count(),
        11
    );
    expect_sound(&out);
}

/// Every spelling of this machine, and of the machine that clouds tell their secrets on. Another site
/// listens where the loopback ones lead: nobody asks it.
#[test]
fn private_addresses_in_every_spelling() {
    let (site, other) = (Site::start(), Site::start());
    other.dynamic(|_, _| Some(Reply::html("<title>Inside</title>")));
    let port = other.port();
    let mut links = String::new();
    let names = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "017700000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "a.localhost",
        "%31%32%37.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "0xa9fea9fe",
        "2852039166",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
    ];
    for (number, name) in names.iter().enumerate() {
        links += &format!("<a href=/to{number}>x</a>");
        site.reply(&format!("/to{number}"), raw(format!("HTTP/1.1 302 Found\r\nLocation: http://{name}:{port}/{number}\r\nContent-Length: 0\r\n\r\n")));
    }
    site.page("/", &links);
    let crawl = super::crawl(&[site.url("/")], super::PATIENT);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let refused = rows(
        &out,
        "SELECT url || ' ' || coalesce(status, '-') || ' ' || coalesce(error, '-') FROM pages WHERE url NOT LIKE '%/to%' AND depth > 0",
    );
    for row in &refused {
        assert!(row.ends_with(" - private_address"), "{row}");
    }
    assert_eq!(refused.len(), names.len());
    assert_eq!(other.hits().len(), 0);
}
