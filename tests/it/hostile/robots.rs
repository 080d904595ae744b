//! Files named robots.txt that are none, or that mean harm. Each stands on a site of its own.

use super::raw;
use crate::support::{Reply, Site, Step, expect_sound, number, rows};

fn text(body: impl Into<Vec<u8>>) -> Reply {
    Reply::new(200)
        .header("Content-Type", "text/plain")
        .body(body)
}

/// An answer of these bytes before, and this again and again; a hundred megabytes are as good as no end.
fn long(begin: &str, piece: &str) -> Reply {
    Reply::raw([
        Step::Send(
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{begin}").into_bytes(),
        ),
        Step::Times(piece.as_bytes().to_vec(), (100 << 20) / piece.len()),
    ])
}

/// What is served, and whether `/secret` may be asked for then (`None`: nothing may, for now).
pub(super) fn cases() -> Vec<(&'static str, Reply, Option<bool>)> {
    let ban = "User-agent: *\nDisallow: /secret\n";
    let moved = |to: &str| Reply::new(302).header("Location", to);
    let utf16: Vec<u8> = "\u{FEFF}User-agent: *\nDisallow: /secret\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let noise: Vec<u8> = (0..1_000_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let bomb = super::codings::bomb(1 << 30);
    vec![
        (
            "10 MB after the rules",
            long(ban, "# filler filler filler\n"),
            Some(false),
        ),
        (
            "endless",
            Reply::raw([
                Step::Send(format!("HTTP/1.1 200 OK\r\n\r\n{ban}").into_bytes()),
                Step::Endless(b"# x\n".to_vec()),
            ]),
            Some(false),
        ),
        (
            "one line of 1 MB",
            text(format!("{ban}Disallow: /{}\n", "x".repeat(1 << 20))),
            Some(false),
        ),
        (
            "a million rules",
            long("User-agent: *\n", "Disallow: /*a*b*c*d*e$\n"),
            Some(true),
        ),
        (
            "stars",
            text(format!("{ban}Disallow: /{}b$\n", "*a".repeat(400_000))),
            Some(false),
        ),
        (
            "HTML",
            Reply::html("<!DOCTYPE html><title>x</title><p>Disallow: /secret"),
            Some(true),
        ),
        ("binary", text(noise), Some(true)),
        ("UTF-16", text(utf16), Some(true)),
        (
            "a byte order mark",
            text(format!("\u{FEFF}{ban}")),
            Some(false),
        ),
        (
            "NULs",
            text("User-agent: *\nDisallow: /secret\0\0\nDisallow: /secret\n"),
            Some(false),
        ),
        (
            "escapes",
            text(format!("{ban}Disallow: /\x1b[2J\n")),
            Some(false),
        ),
        (
            "a bomb",
            text(bomb).header("Content-Encoding", "gzip"),
            Some(true),
        ),
        (
            "a coding that is none",
            text(ban).header("Content-Encoding", "rot13"),
            Some(false),
        ),
        (
            "a delay of 10^9",
            text(format!("{ban}Crawl-delay: 1000000000\n")),
            Some(false),
        ),
        (
            "a delay below nought",
            text(format!("{ban}Crawl-delay: -5\n")),
            Some(false),
        ),
        (
            "no number",
            text(format!("{ban}Crawl-delay: NaN\nCrawl-delay: inf\n")),
            Some(false),
        ),
        ("itself", moved("/robots.txt"), Some(true)),
        ("a pair", moved("/robots2.txt"), Some(true)),
        ("a chain", moved("/hop1"), Some(true)),
        ("a file", moved("file:///etc/passwd"), Some(true)),
        ("the metadata", moved("http://169.254.169.254/"), None),
        (
            "no Location",
            raw("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
            Some(true),
        ),
        ("204", Reply::new(204), Some(true)),
        ("404", Reply::new(404), Some(true)),
        ("500", Reply::new(500), None),
        ("429", Reply::new(429), None),
        ("garbage", raw("hello"), None),
        ("silence", Reply::raw([Step::Silence]), None),
        (
            "cut",
            raw(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{ban}"
            )),
            None,
        ),
        (
            "sitemaps without end",
            long(ban, "Sitemap: /nowhere\n"),
            Some(false),
        ),
        (
            "usages without end",
            long(ban, "Content-Usage: train-ai=n\n"),
            Some(false),
        ),
        (
            "agents without end",
            long(ban, "User-agent: *\n"),
            Some(false),
        ),
    ]
}

/// A site of the two pages, with that robots.txt.
pub(super) fn serve(reply: Reply) -> Site {
    let site = Site::start();
    site.page("/", "<a href=/secret>x</a>");
    site.page("/secret", "<title>Secret</title>");
    site.reply(
        "/robots2.txt",
        Reply::new(302).header("Location", "/robots.txt"),
    );
    for hop in 1..10 {
        site.reply(
            &format!("/hop{hop}"),
            Reply::new(302).header("Location", &format!("/hop{}", hop + 1)),
        );
    }
    site.reply("/robots.txt", reply);
    site
}

#[test]
fn files() {
    let (cases, sites): (Vec<_>, Vec<_>) = cases()
        .into_iter()
        .map(|(what, reply, may)| ((what, may), serve(reply)))
        .unzip();
    let seeds: Vec<String> = sites.iter().map(|site| site.url("/")).collect();
    let crawl = super::crawl(&seeds, 15).args(["--max-crawl-delay", "100ms", "--sitemaps", "off"]);
    crawl.run().expect_code(4);
    let out = crawl.dir().join("out");
    let mut wrong = String::new();
    for ((what, may), site) in cases.iter().zip(&sites) {
        let asked = (site.count("/"), site.count("/secret"));
        let wanted = match may {
            None => (0, 0),
            Some(may) => (1, usize::from(*may)),
        };
        if asked != wanted {
            wrong += &format!("{what}: {asked:?}, not {wanted:?}\n");
        }
        let deferred = format!("SELECT count(*) FROM queue WHERE url = '{}'", site.url("/"));
        if number(&out, &deferred) != i64::from(may.is_none()) {
            wrong += &format!("{what}: not deferred as it should be\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // What was kept of each is bounded, and the way to it as well.
    assert!(number(&out, "SELECT max(length(body)) FROM robots") <= 1 << 20);
    assert!(
        rows(
            &out,
            "SELECT count(*) AS n FROM requests WHERE kind = 'robots' AND url LIKE '%/hop%'"
        ) == ["5"]
    );
    expect_sound(&out);
}
