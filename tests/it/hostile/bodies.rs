//! Bodies, their lengths and their chunks.

use std::time::Duration;

use super::{Case, case, expect, raw};
use crate::support::{Reply, Step};

const TEXT: &str = "<!DOCTYPE html><title>Body</title><a href=/healthy>h</a>";

/// A body of five bytes, and behind it an answer that nobody has asked for, on a connection that stays.
const SMUGGLED: &str = "helloHTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 23\r\n\r\n<title>Smuggled</title>";

fn head(lines: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{lines}\r\n")
}

fn with(lines: &str, body: &str) -> Reply {
    raw(head(lines) + body)
}

fn chunked(body: &str) -> Reply {
    with("Transfer-Encoding: chunked\r\nConnection: close\r\n", body)
}

fn steps(lines: &str, more: Step) -> Reply {
    Reply::raw([Step::Send(head(lines).into_bytes()), more])
}

fn lengths() -> Vec<Case> {
    let pause = Duration::from_millis(100);
    let of = |length: &str| with(&format!("Content-Length: {length}\r\n"), TEXT);
    vec![
        case("/no-length", with("", TEXT), "200 - 0 -"),
        case("/closed-after-head", of("100").clone(), "200 truncated 0 -"),
        case(
            "/head-alone",
            raw(head("Content-Length: 10\r\n")),
            "200 truncated 0 -",
        ),
        case("/too-long", of("1000000"), "200 truncated 0 -"),
        case("/too-short", of("20"), "200 - 0 -"),
        case("/zero", of("0"), "200 - 0 -"),
        case("/negative", of("-1"), "- protocol 0 -"),
        case(
            "/10^30",
            of("1000000000000000000000000000000"),
            "- protocol 0 -",
        ),
        case("/2^64-1", of("18446744073709551615"), "- protocol 0 -"),
        case("/2^63", of("9223372036854775808"), "200 truncated 0 -"),
        case("/hexadecimal", of("0x10"), "- protocol 0 -"),
        case("/plus", of("+10"), "- protocol 0 -"),
        case("/list", of("20, 20"), "200 - 0 -"),
        case("/list-of-others", of("20, 30"), "- protocol 0 -"),
        case(
            "/two-alike",
            with("Content-Length: 20\r\nContent-Length: 20\r\n", TEXT),
            "200 - 0 -",
        ),
        case(
            "/two-others",
            with("Content-Length: 20\r\nContent-Length: 30\r\n", TEXT),
            "- protocol 0 -",
        ),
        case(
            "/length-and-chunks",
            with(
                "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                "5\r\nhello\r\n0\r\n\r\n",
            ),
            "200 - 0 -",
        ),
        case(
            "/chunks-and-length",
            with(
                "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
                "5\r\nhello\r\n0\r\n\r\n",
            ),
            "200 - 0 -",
        ),
        case(
            "/unknown-transfer",
            with("Transfer-Encoding: rot13\r\n", TEXT),
            "200 - 0 -",
        ),
        case(
            "/chunked-twice",
            with(
                "Transfer-Encoding: chunked, chunked\r\n",
                "5\r\nhello\r\n0\r\n\r\n",
            ),
            "200 - 0 -",
        ),
        case(
            "/smuggled",
            Reply::raw([
                Step::Send((head("Content-Length: 5\r\n") + SMUGGLED).into_bytes()),
                Step::Open,
            ]),
            "200 - 0 -",
        ),
        case(
            "/body-on-204",
            raw("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"),
            "204 - 0 -",
        ),
        case(
            "/body-on-205",
            raw("HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello"),
            "205 - 0 -",
        ),
        case(
            "/body-on-304",
            raw("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello"),
            "304 protocol 0 -",
        ),
        case(
            "/reset-mid-body",
            Reply::raw([
                Step::Send((head("Content-Length: 100\r\n") + TEXT).into_bytes()),
                Step::Reset,
            ]),
            "200 truncated 0 -",
        ),
        case(
            "/silent-mid-body",
            Reply::raw([
                Step::Send((head("Content-Length: 100\r\n") + TEXT).into_bytes()),
                Step::Silence,
            ]),
            "200 timeout 0 -",
        ),
        case(
            "/drip-body",
            steps("Content-Length: 1000\r\n", Step::Drip(b"x".to_vec(), pause)),
            "200 timeout 0 -",
        ),
        case(
            "/drip-endless",
            steps("", Step::Drip(b"x".to_vec(), pause)),
            "200 timeout 0 -",
        ),
        case(
            "/endless",
            steps("", Step::Endless(TEXT.as_bytes().to_vec())),
            "200 - 1 -",
        ),
        case(
            "/100-mb",
            steps("", Step::Times(b"<p>hello, world</p>\n".to_vec(), 5 << 20)),
            "200 - 1 -",
        ),
    ]
}

fn chunks() -> Vec<Case> {
    let endless = |begin: &str, more: &str| {
        let begin = head("Transfer-Encoding: chunked\r\n") + begin;
        Reply::raw([
            Step::Send(begin.into_bytes()),
            Step::Endless(more.as_bytes().to_vec()),
        ])
    };
    vec![
        case("/good", chunked("5\r\nhello\r\n0\r\n\r\n"), "200 - 0 -"),
        case(
            "/bad-size",
            chunked("5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n"),
            "200 truncated 0 -",
        ),
        case(
            "/negative-size",
            chunked("-5\r\nhello\r\n0\r\n\r\n"),
            "200 truncated 0 -",
        ),
        case(
            "/huge-size",
            chunked("fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
            "200 truncated 0 -",
        ),
        case(
            "/large-size",
            chunked("7fffffffffffffff\r\nhello\r\n0\r\n\r\n"),
            "200 truncated 0 -",
        ),
        case(
            "/size-with-0x",
            chunked("0x5\r\nhello\r\n0\r\n\r\n"),
            "200 truncated 0 -",
        ),
        case(
            "/no-crlf-after",
            chunked("5\r\nhello5\r\nhello\r\n0\r\n\r\n"),
            "200 truncated 0 -",
        ),
        case(
            "/no-size",
            chunked("\r\nhello\r\n0\r\n\r\n"),
            "200 truncated 0 -",
        ),
        case(
            "/bare-lf-chunks",
            chunked("5\nhello\n0\n\n"),
            "200 truncated 0 -",
        ),
        case(
            "/extension",
            chunked("5;name=value\r\nhello\r\n0\r\n\r\n"),
            "200 - 0 -",
        ),
        case("/no-last", chunked("5\r\nhello\r\n"), "200 truncated 0 -"),
        case("/cut-size", chunked("5\r\nhello\r\n5"), "200 truncated 0 -"),
        case(
            "/trailers",
            chunked("5\r\nhello\r\n0\r\nX: y\r\nLocation: /x\r\n\r\n"),
            "200 - 0 -",
        ),
        case(
            "/endless-extension",
            endless("5;", "x"),
            "200 truncated 0 -",
        ),
        case(
            "/endless-extensions",
            endless("", "1;abcdefgh\r\nx\r\n"),
            "200 truncated 0 -",
        ),
        case(
            "/endless-trailers",
            endless("5\r\nhello\r\n0\r\n", "X: y\r\n"),
            "200 truncated 0 -",
        ),
        case(
            "/endless-trailer",
            endless("5\r\nhello\r\n0\r\nX: ", "x"),
            "200 truncated 0 -",
        ),
        case(
            "/endless-chunks",
            endless("", &format!("1000\r\n{}\r\n", "x".repeat(4096))),
            "200 - 1 -",
        ),
    ]
}

/// What brings no byte of a body, however much comes: it ends by `timeout` alone, and costs a core until then.
fn floods() -> Vec<Case> {
    let begin = head("Transfer-Encoding: chunked\r\n").into_bytes();
    let zeros = [Step::Send(begin), Step::Endless(b"0".to_vec())];
    vec![case("/endless-zeros", Reply::raw(zeros), "200 timeout 0 -")]
}

/// All tables but the last, for those who serve them beside others.
pub(super) fn cases() -> Vec<Case> {
    lengths().into_iter().chain(chunks()).collect()
}

#[test]
fn lying_lengths() {
    let (crawl, site) = expect(lengths(), &["--max-depth", "1", "--max-body", "1MiB"]);
    // What was smuggled behind an answer is no answer to anything.
    let out = crawl.dir().join("out");
    let sql = "SELECT count(*) FROM pages WHERE title = 'Smuggled'";
    assert_eq!(crate::support::rows(&out, sql), ["0"]);
    drop(site);
}

#[test]
fn broken_chunks() {
    expect(chunks(), &["--max-depth", "1", "--max-body", "1MiB"]);
}

#[test]
fn nothing_at_full_speed() {
    expect(floods(), &[]);
}
