//! Cookies for others, too many of them, and too large ones.

use super::{Case, PATIENT, case, crawl, expect_rows, raw, serve};
use crate::support::{Reply, Site, Step};

fn setting(lines: &str) -> Reply {
    raw(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n{lines}\r\nx"
    ))
}

pub(super) fn cases() -> Vec<Case> {
    let many: String = (0..90)
        .map(|n| format!("Set-Cookie: many{n}={}\r\n", "x".repeat(1000)))
        .collect();
    vec![
        case(
            "/others",
            setting(
                "Set-Cookie: other=1; Domain=example.com\r\nSet-Cookie: top=1; Domain=com\r\nSet-Cookie: ip=1; Domain=0.0.1\r\n",
            ),
            "200 - 0 -",
        ),
        case(
            "/secure-prefix",
            setting("Set-Cookie: __Host-a=1; Domain=127.0.0.1\r\n"),
            "200 - 0 -",
        ),
        case(
            "/nonsense",
            setting("Set-Cookie: \r\nSet-Cookie: =\r\nSet-Cookie: ;;;\r\nSet-Cookie: a\tb=c\r\n"),
            "200 - 0 -",
        ),
        case("/many", setting(&many), "200 - 0 -"),
        case(
            "/100-kb",
            setting(&format!("Set-Cookie: big={}\r\n", "x".repeat(100_000))),
            "200 - 0 -",
        ),
        case(
            "/1-mb",
            Reply::raw([
                Step::Send(b"HTTP/1.1 200 OK\r\nSet-Cookie: big=".to_vec()),
                Step::Times(b"x".to_vec(), 1 << 20),
                Step::Send(b"\r\nContent-Length: 1\r\n\r\nx".to_vec()),
            ]),
            "- protocol 0 -",
        ),
        case(
            "/1000000",
            Reply::raw([
                Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
                Step::Times(b"Set-Cookie: a=b\r\n".to_vec(), 1_000_000),
                Step::Send(b"Content-Length: 1\r\n\r\nx".to_vec()),
            ]),
            "- protocol 0 -",
        ),
    ]
}

/// The request heads stay of a size that servers take, and no cookie goes where it must not.
#[test]
fn cookies() {
    let (site, other) = (Site::start(), Site::start());
    let mut cases = cases();
    cases.push(case(
        "/bomb",
        raw("HTTP/1.1 302 Found\r\nLocation: /bomb0\r\nContent-Length: 0\r\n\r\n"),
        "302 - 0 /bomb0",
    ));
    serve(&site, &cases);
    serve(&other, &[]);
    // Each hop adds to the jar, in names and in bytes.
    site.dynamic(|path, _| {
        let number: usize = path.strip_prefix("/bomb")?.parse().ok()?;
        let lines: String = (0..50)
            .map(|n| format!("Set-Cookie: c{number}-{n}={}\r\n", "x".repeat(3000)))
            .collect();
        Some(raw(format!(
            "HTTP/1.1 302 Found\r\nLocation: /bomb{}\r\nContent-Length: 0\r\n{lines}\r\n",
            number + 1
        )))
    });
    let crawl = crawl(&[site.url("/"), other.url("/")], PATIENT).args(["--cookies"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    expect_rows(&out, &site, &cases);
    for hit in site.hits().iter().chain(&other.hits()) {
        let cookies: usize = hit
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"))
            .map(|(_, value)| value.len())
            .sum();
        assert!(
            cookies <= 16 << 10,
            "{} bytes of cookies for {}",
            cookies,
            hit.path
        );
        let text = format!("{:?}", hit.headers);
        for name in ["other=1", "top=1", "ip=1"] {
            assert!(!text.contains(name), "{}: {text}", hit.path);
        }
    }
}
