//! Status lines and header blocks.

use std::time::Duration;

use super::{Case, case, expect, raw, under};
use crate::support::{Reply, Step};

/// As long as the head of an answer is given by the tests' settings, and somewhat more.
const PAUSE: Duration = Duration::from_millis(200);

/// Status lines, and what stands in their place.
fn lines() -> Vec<Case> {
    let with = |line: &str| raw(format!("{line}\r\nContent-Length: 1\r\n\r\nx"));
    let mut cases = vec![
        case("/close", Reply::raw([]), "- reset 0 -"),
        case("/reset", Reply::raw([Step::Reset]), "- reset 0 -"),
        case("/mid-line", raw("HTTP/1.1 20"), "- reset 0 -"),
        case(
            "/mid-head",
            raw("HTTP/1.1 200 OK\r\nContent-Le"),
            "- reset 0 -",
        ),
        case("/silence", Reply::raw([Step::Silence]), "- timeout 0 -"),
        case("/http-0.9", raw("<title>Old</title>"), "- protocol 0 -"),
        case("/binary", raw([0, 255, 10, 13, 0, 10]), "- protocol 0 -"),
        case("/tls", raw([21, 3, 1, 0, 2, 2, 40]), "- protocol 0 -"),
        case("/icy", with("ICY 200 OK"), "- protocol 0 -"),
        case("/version-9.9", with("HTTP/9.9 200 OK"), "- protocol 0 -"),
        case("/version-2", with("HTTP/2 200 OK"), "- protocol 0 -"),
        case("/version-1.0", with("HTTP/1.0 200 OK"), "200 - 0 -"),
        case("/status-000", with("HTTP/1.1 000 No"), "- protocol 0 -"),
        case("/status-99", with("HTTP/1.1 99 No"), "- protocol 0 -"),
        case("/status-099", with("HTTP/1.1 099 No"), "- protocol 0 -"),
        case("/status-1000", with("HTTP/1.1 1000 No"), "- protocol 0 -"),
        case("/status--200", with("HTTP/1.1 -200 No"), "- protocol 0 -"),
        case("/status-600", with("HTTP/1.1 600 Odd"), "600 - 0 -"),
        case("/status-999", with("HTTP/1.1 999 Odd"), "999 - 0 -"),
        case("/no-reason", with("HTTP/1.1 200"), "200 - 0 -"),
        case(
            "/reason-latin1",
            raw(b"HTTP/1.1 200 \xFC\r\nContent-Length: 1\r\n\r\nx"),
            "200 - 0 -",
        ),
        case(
            "/long-reason",
            with(&format!("HTTP/1.1 200 {}", "x".repeat(1 << 20))),
            "- protocol 0 -",
        ),
        case(
            "/switching",
            raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx"),
            "101 protocol 0 -",
        ),
        case(
            "/one-100",
            raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            "200 - 0 -",
        ),
        case(
            "/one-103",
            raw(
                "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            ),
            "200 - 0 -",
        ),
        case(
            "/drip-line",
            Reply::raw([Step::Drip(b"HTTP/1.1 200 OK".to_vec(), PAUSE)]),
            "- timeout 0 -",
        ),
    ];
    for status in [100, 102, 103] {
        // Long ones: each costs the client its time, and there are other cases beside these.
        let filler = "x".repeat(4000);
        let flood = format!("HTTP/1.1 {status} Wait\r\nX: {filler}\r\n\r\n").into_bytes();
        cases.push(case(
            &format!("/flood-{status}"),
            Reply::raw([Step::Endless(flood)]),
            "- timeout 0 -",
        ));
    }
    cases
}

/// Header blocks.
fn blocks() -> Vec<Case> {
    let ok = || Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec());
    let end = || Step::Send(b"Content-Length: 1\r\n\r\nx".to_vec());
    let big = |name: &str, bytes: usize| {
        Reply::raw([
            ok(),
            Step::Send(format!("{name}: ").into_bytes()),
            Step::Times(b"x".to_vec(), bytes),
            Step::Send(b"\r\n".to_vec()),
            end(),
        ])
    };
    vec![
        case(
            "/endless-lines",
            Reply::raw([
                ok(),
                Step::Endless(b"X-Filler: abcdefghijklmnopqrstuvwxyz\r\n".to_vec()),
            ]),
            "- protocol 0 -",
        ),
        case(
            "/endless-line",
            Reply::raw([
                ok(),
                Step::Send(b"X: ".to_vec()),
                Step::Endless(b"x".to_vec()),
            ]),
            "- protocol 0 -",
        ),
        case(
            "/100000-lines",
            Reply::raw([ok(), Step::Times(b"A: b\r\n".to_vec(), 100_000), end()]),
            "- protocol 0 -",
        ),
        case("/10-mb-line", big("X-Big", 10 << 20), "- protocol 0 -"),
        case(
            "/drip-head",
            Reply::raw([ok(), Step::Drip(b"X-Filler: abc\r\n".to_vec(), PAUSE)]),
            "- timeout 0 -",
        ),
        case("/etag-100k", big("ETag", 100_000), "200 - 0 -"),
        case("/etag-1m", big("ETag", 1 << 20), "- protocol 0 -"),
        case("/type-100k", big("Content-Type", 100_000), "200 - 0 -"),
        case(
            "/bare-lf",
            raw("HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 1\n\nx"),
            "200 - 0 -",
        ),
        case(
            "/bare-cr",
            raw("HTTP/1.1 200 OK\rContent-Length: 1\r\rx"),
            "- protocol 0 -",
        ),
        case("/cr-in-value", under("X: a\rb\r\n"), "- protocol 0 -"),
        case("/nul-in-value", under("X: a\0b\r\n"), "- protocol 0 -"),
        case("/nul-in-name", under("X\0: a\r\n"), "- protocol 0 -"),
        case("/obs-fold", under("X: a\r\n b\r\n"), "- protocol 0 -"),
        case("/space-before-colon", under("X : a\r\n"), "- protocol 0 -"),
        case("/no-colon", under("nonsense\r\n"), "- protocol 0 -"),
        case("/no-name", under(": x\r\n"), "- protocol 0 -"),
        case("/escapes", under("X: \x1b[2J\r\n"), "- protocol 0 -"),
        case(
            "/latin1",
            raw(b"HTTP/1.1 200 OK\r\nX-Name: f\xFCr\r\nContent-Length: 1\r\n\r\nx"),
            "200 - 0 -",
        ),
        case(
            "/links-80",
            under(&"Link: </l>; rel=next, </m>; rel=\"a b c\"\r\n".repeat(80)),
            "200 - 0 -",
        ),
        case(
            "/link-100k",
            under(&format!("Link: {}\r\n", "</l>;rel=next,".repeat(7_000))),
            "200 - 0 -",
        ),
        case(
            "/disposition",
            under("Content-Disposition: attachment; filename=\"../../../etc/passwd\"\r\n"),
            "200 - 0 -",
        ),
        case(
            "/dates",
            under("Last-Modified: yesterday\r\nDate: never\r\nExpires: -1\r\nAge: 1e99\r\n"),
            "200 - 0 -",
        ),
        case(
            "/refresh-self",
            under("Refresh: 0; url=/refresh-self\r\n"),
            "200 - 0 -",
        ),
        case(
            "/refresh-huge",
            under("Refresh: 99999999999999999999999999; url=/healthy\r\n"),
            "200 - 0 -",
        ),
        case(
            "/refresh-script",
            under("Refresh: 0; url=javascript:alert(1)\r\n"),
            "200 - 0 -",
        ),
    ]
}

/// Both tables, for those who serve them beside others.
pub(super) fn cases() -> Vec<Case> {
    lines().into_iter().chain(blocks()).collect()
}

#[test]
fn status_lines() {
    expect(lines(), &["--max-depth", "1"]);
}

#[test]
fn header_blocks() {
    expect(blocks(), &["--max-depth", "1"]);
}
