//! Charsets: none, wrong, two, unknown, and bytes that are no text.

use super::{Case, case, expect};
use crate::support::{Reply, rows};

/// A page whose title is read by its charset, under a `Content-Type`.
fn page(content_type: &str, body: Vec<u8>) -> Reply {
    Reply::new(200)
        .header("Content-Type", content_type)
        .body(body)
}

fn utf16(text: &str, mark: bool, little: bool) -> Vec<u8> {
    let mark = if mark { "\u{FEFF}" } else { "" };
    let units = mark.encode_utf16().chain(text.encode_utf16());
    let bytes = |unit: u16| {
        if little {
            unit.to_le_bytes()
        } else {
            unit.to_be_bytes()
        }
    };
    units.flat_map(bytes).collect()
}

const TITLE: &str = "<title>Größe</title>";

/// Cases, each with the title that it has and the charset that was taken.
fn titled() -> Vec<(Case, &'static str)> {
    let latin1 = b"<title>Gr\xF6\xDFe</title>".to_vec();
    let utf8 = TITLE.as_bytes().to_vec();
    let meta = |label: &str| {
        [
            format!("<meta charset='{label}'>").as_bytes(),
            TITLE.as_bytes(),
        ]
        .concat()
    };
    let all =
        |name: &str, reply: Reply, title: &'static str| (case(name, reply, "200 - 0 -"), title);
    vec![
        all(
            "/utf16-le-mark",
            page("text/html", utf16(TITLE, true, true)),
            "UTF-16LE Größe",
        ),
        all(
            "/utf16-be-mark",
            page("text/html", utf16(TITLE, true, false)),
            "UTF-16BE Größe",
        ),
        all(
            "/utf16-le-header",
            page("text/html; charset=utf-16le", utf16(TITLE, false, true)),
            "UTF-16LE Größe",
        ),
        all(
            "/utf16-mark-against-header",
            page("text/html; charset=utf-8", utf16(TITLE, true, true)),
            "UTF-16LE Größe",
        ),
        all(
            "/utf16-in-meta-of-ascii",
            page("text/html", meta("utf-16")),
            "UTF-8 Größe",
        ),
        all(
            "/utf16-odd",
            page(
                "text/html; charset=utf-16le",
                [utf16(TITLE, false, true), vec![b'x']].concat(),
            ),
            "UTF-16LE Größe",
        ),
        all(
            "/utf7",
            page("text/html; charset=utf-7", b"<title>+AGE-</title>".to_vec()),
            "windows-1252 +AGE-",
        ),
        all(
            "/utf32",
            page("text/html; charset=utf-32", utf8.clone()),
            "UTF-8 Größe",
        ),
        all(
            "/replacement",
            page("text/html; charset=iso-2022-kr", utf8.clone()),
            "replacement -",
        ),
        all(
            "/user-defined",
            page(
                "text/html; charset=x-user-defined",
                b"<title>a</title>".to_vec(),
            ),
            "x-user-defined a",
        ),
        all(
            "/unknown",
            page("text/html; charset=klingon", utf8.clone()),
            "UTF-8 Größe",
        ),
        all(
            "/empty-label",
            page("text/html; charset=", utf8.clone()),
            "UTF-8 Größe",
        ),
        all(
            "/wrong-utf8",
            page("text/html; charset=utf-8", latin1.clone()),
            "UTF-8 Gr\u{FFFD}\u{FFFD}e",
        ),
        all(
            "/wrong-latin1",
            page("text/html; charset=latin1", utf8.clone()),
            "windows-1252 GrÃ¶ÃŸe",
        ),
        all(
            "/two-labels",
            page("text/html; charset=utf-8; charset=latin1", utf8.clone()),
            "UTF-8 Größe",
        ),
        all(
            "/header-against-meta",
            page("text/html; charset=utf-8", meta("koi8-r")),
            "UTF-8 Größe",
        ),
        all(
            "/two-metas",
            page(
                "text/html",
                [meta("utf-8"), b"<meta charset=koi8-r>".to_vec()].concat(),
            ),
            "UTF-8 Größe",
        ),
        all(
            "/invalid",
            page(
                "text/html; charset=utf-8",
                b"<title>a\xFF\xC0\x80\xED\xA0\x80\xF5b</title>".to_vec(),
            ),
            "UTF-8 a\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}b",
        ),
        all(
            "/nul-in-title",
            page("text/html; charset=utf-8", b"<title>a\0b</title>".to_vec()),
            "UTF-8 a\u{FFFD}b",
        ),
        all(
            "/only-mark",
            page("text/html", b"\xEF\xBB\xBF".to_vec()),
            "UTF-8 -",
        ),
        all(
            "/escapes",
            page(
                "text/html; charset=utf-8",
                b"<title>a\x1b[2Jb</title>".to_vec(),
            ),
            "UTF-8 a\u{1b}[2Jb",
        ),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    titled().into_iter().map(|(case, _)| case).collect()
}

#[test]
fn charsets() {
    let (crawl, site) = expect(cases(), &[]);
    let out = crawl.dir().join("out");
    let mut wrong = String::new();
    for (case, title) in titled() {
        let sql = format!(
            "SELECT charset, title FROM pages WHERE url = '{}'",
            site.url(&case.path)
        );
        let found = rows(&out, &sql);
        if found != [title] {
            wrong += &format!("{}: {found:?}, not {title}\n", case.path);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // What is stored as it came is harmless where it is shown.
    let shown = crawl
        .run_args(["query", "SELECT title FROM pages", "-o", "out"])
        .stdout;
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}
