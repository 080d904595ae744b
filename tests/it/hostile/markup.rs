//! Pages that are too much of something. What the parser alone makes of such texts is in `parse_hostile`;
//! here they come over the wire, far longer than `max-body`.

use super::{Case, case, expect};
use crate::support::{Reply, Step, number, rows};

/// Bytes of the largest pages.
const HUGE: usize = 100 << 20;

/// A page of this beginning, and then a piece again and again.
fn page(begin: &str, piece: &str, bytes: usize) -> Reply {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n";
    Reply::raw([
        Step::Send(format!("{head}{begin}").into_bytes()),
        Step::Times(piece.as_bytes().to_vec(), bytes / piece.len()),
    ])
}

pub(super) fn cases() -> Vec<Case> {
    let cut = "200 - 1 -";
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR<a href=/other>x</a>".to_vec();
    let typed = |kind: &str, body: Vec<u8>| Reply::new(200).header("Content-Type", kind).body(body);
    vec![
        case("/html", page("<title>Huge</title>", "<p>hello", HUGE), cut),
        case("/one-tag", page("<a ", "x", HUGE), cut),
        case("/one-attribute", page("<a title='", "x", HUGE), cut),
        case("/one-comment", page("<!--", "x", HUGE), cut),
        case("/one-script", page("<script>", "x", HUGE), cut),
        case("/one-title", page("<title>", "x", 50 << 20), cut),
        case("/attributes", page("<a ", "a=b ", HUGE), cut),
        case("/nested-svg", page("", "<svg>", 5_000_000), cut),
        case("/links", page("", "<a href=/healthy>x</a>", HUGE), cut),
        case(
            "/far-links",
            page(
                "<base href='http://elsewhere.invalid/'>",
                "<a href=x>x</a>",
                1_000_000,
            ),
            cut,
        ),
        case(
            "/no-base",
            page("<base href='::::'>", "<a href=/healthy>", 1000),
            "200 - 0 -",
        ),
        case("/binary-as-html", typed("text/html", png), "200 - 0 -"),
        case(
            "/html-as-image",
            typed("image/png", b"<a href=/other>x</a>".to_vec()),
            "200 - 0 -",
        ),
        case(
            "/html-as-nothing",
            typed("", b"<title>x</title>".to_vec()),
            "200 - 0 -",
        ),
        case(
            "/type-with-nonsense",
            typed("text/html;;;charset==;\"", b"<title>x</title>".to_vec()),
            "200 - 0 -",
        ),
    ]
}

/// Those that are kept whole, and would be cut under a smaller `max-body`.
pub(super) fn whole() -> Vec<Case> {
    vec![
        case("/nested", page("", "<div>", 5_000_000), "200 - 0 -"),
        case(
            "/nested-tables",
            page("", "<table><tr><td>", 4_000_000),
            "200 - 0 -",
        ),
        case(
            "/formatting",
            page("", "<a><b><i><p>", 4_000_000),
            "200 - 0 -",
        ),
        case(
            "/metas",
            page("", "<meta name=robots content=nofollow>", 4_000_000),
            "200 - 0 -",
        ),
        case(
            "/srcset",
            page("<img srcset='", "http://a.invalid/x 1x,", 4_000_000),
            "200 - 0 -",
        ),
        case(
            "/styles",
            page("<style>", "a{b:url(http://a.invalid/", 4_000_000),
            "200 - 0 -",
        ),
        case("/nuls", page("", "\0", 5_000_000), "200 - 0 -"),
    ]
}

#[test]
fn too_much() {
    let (crawl, site) = expect(
        [cases(), whole()].concat(),
        &["--max-depth", "1", "--max-body", "5MiB"],
    );
    let out = crawl.dir().join("out");
    assert_eq!(number(&out, "SELECT max(bytes) FROM pages"), 5 << 20);
    assert!(number(&out, "SELECT max(length(title)) FROM pages") <= 1024);
    assert_eq!(site.count("/other"), 0);
    let most = "SELECT max(n) FROM (SELECT count(*) AS n FROM links GROUP BY from_url)";
    assert!(number(&out, most) <= 20_000);
    assert_eq!(
        rows(&out, "SELECT count(*) FROM pages WHERE error IS NOT NULL"),
        ["0"]
    );
}

/// With fields a tree is built: what is too much for one is said, and the rest of the page is kept.
#[test]
fn too_much_for_a_tree() {
    let fields = "[[field]]\nname = \"all\"\nselector = \"div ~ div, p b i\"\nall = true\n[[field]]\nname = \"deep\"\nselector = \"div div div div span\"\n";
    let cases: Vec<Case> = [cases(), whole()]
        .concat()
        .into_iter()
        .filter(|case| !case.path.contains("as-"))
        .collect();
    let site = crate::support::Site::start();
    super::serve(&site, &cases);
    let crawl = super::crawl(&[site.url("/")], super::PATIENT).args([
        "--max-depth",
        "1",
        "--max-body",
        "5MiB",
    ]);
    crawl.file("c.toml", &(super::settings(super::PATIENT) + fields));
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    super::expect_rows(&out, &site, &cases);
    for (path, problem) in [
        ("/nested", "the page is too large for a tree"),
        ("/html", "the page is too large for a tree"),
    ] {
        let sql = format!(
            "SELECT DISTINCT problem FROM field_problems WHERE url = '{}'",
            site.url(path)
        );
        assert_eq!(rows(&out, &sql), [problem], "{path}");
    }
}
