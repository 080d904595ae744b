//! Pages made to hurt a parser. What is asserted is the outcome; a test that takes minutes has failed.

use crawl::canonical::CanonicalUrl;
use crawl::parse::{Document, Limits, parse};
use crawl::record::Page;

fn page_of(content_type: Option<&str>, body: &[u8]) -> Page {
    let url = CanonicalUrl::parse("http://a.example/dir/").expect("a URL");
    let document = Document {
        url: &url,
        content_type,
        link: &[],
        refresh: None,
        content_language: None,
        x_robots_tag: &[],
        agent: "crawl",
        body,
    };
    parse(&document, &Limits::default())
}

fn html(body: &str) -> Page {
    page_of(Some("text/html; charset=utf-8"), body.as_bytes())
}

const MANY: usize = 1_000_000;

#[test]
fn many_of_one_thing() {
    let last = "<a href=last>x</a>";
    for (what, text, links, truncated) in [
        ("nested divs", "<div>".repeat(MANY), 1, false),
        ("nested SVGs", "<svg>".repeat(MANY), 1, true),
        (
            "groups in an SVG and stray ends",
            format!("<svg>{}{}", "<g>".repeat(MANY), "</x>".repeat(MANY)),
            1,
            true,
        ),
        ("templates", "<template>".repeat(MANY), 0, false),
        (
            "end tags",
            "</b></p></template></svg>".repeat(MANY / 4),
            1,
            false,
        ),
        (
            "attributes",
            format!("<p {}>", "a=b c ".repeat(MANY)),
            1,
            false,
        ),
        (
            "one attribute",
            format!("<a {}>", "href=x ".repeat(MANY)),
            2,
            false,
        ),
        ("links", "<a href=x>".repeat(MANY), 20_000, true),
        (
            "links elsewhere",
            "<a href=mailto:x>".repeat(MANY),
            1,
            false,
        ),
        ("fragments", "<a href=#x>".repeat(MANY), 1, false),
        ("bases", "<base href=/>".repeat(MANY), 1, false),
        ("comments", "<!---->".repeat(MANY), 1, false),
        ("openings", "<".repeat(MANY), 1, false),
        ("entities", "&amp;&#x41;&lt".repeat(MANY), 1, false),
        (
            "ampersands in a link",
            format!("<a href='{}'>", "&".repeat(MANY)),
            1,
            false,
        ),
        (
            "dashes in an open script",
            format!("<script><!--{}</script>", "-<".repeat(MANY)),
            1,
            false,
        ),
        (
            "almost ends",
            format!("<title>{}</title>", "</titl".repeat(MANY)),
            1,
            false,
        ),
    ] {
        let page = html(&format!("{text}{last}"));
        assert_eq!(
            (page.links.len(), page.truncated),
            (links, truncated),
            "{what}"
        );
    }
}

#[test]
fn huge_things() {
    let big = "x".repeat(10 << 20);
    for (what, text, links) in [
        ("attribute", format!("<a href='{big}'>x</a><a href=y>"), 1),
        ("attribute name", format!("<a {big}=y href=y>"), 1),
        ("tag name", format!("<{big}><a href=y>"), 1),
        ("comment", format!("<!--{big}--><a href=y>"), 1),
        ("style", format!("<style>{big}</style><a href=y>"), 1),
        ("srcset", format!("<img srcset='{big}, y'><a href=y>"), 2),
        ("relation", format!("<a rel='{big}' href=y>"), 1),
        (
            "refresh",
            format!(
                "<meta http-equiv=refresh content='{}'><a href=y>",
                "9".repeat(10 << 20)
            ),
            1,
        ),
        ("text of a link", format!("<a href=y>{big}"), 1),
    ] {
        let page = html(&text);
        assert_eq!((page.links.len(), page.truncated), (links, false), "{what}");
        let longest = page
            .links
            .iter()
            .filter_map(|link| link.anchor.as_deref())
            .map(str::len)
            .max();
        assert!(longest.unwrap_or(0) <= 256, "{what}");
    }
    let page = html(&format!("<title>{big}</title>"));
    assert_eq!(page.title.map(|title| title.len()), Some(1024));
    assert!(!page.truncated);
}

#[test]
fn things_without_an_end() {
    for text in [
        "<",
        "</",
        "<!",
        "<!-",
        "<!--",
        "<!--->",
        "<!-- --!",
        "<?",
        "<a",
        "<a ",
        "<a href",
        "<a href=",
        "<a href='",
        "<a href=x",
        "<title>",
        "<title>x</title",
        "<script>",
        "<script><!--<script>",
        "<style>@import",
        "<svg><![CDATA[",
        "<textarea>",
        "<plaintext>",
        "&",
        "&#",
        "&#x",
        "<!DOCTYPE",
        "<style>url(",
        "<style>'\\",
        "<style>/*",
        "\0",
        "\u{FEFF}",
    ] {
        assert_eq!(html(text).links, [], "{text}");
        // The same, as bytes that are no text, and in every other door.
        for content_type in [
            None,
            Some("text/css"),
            Some("application/xhtml+xml"),
            Some("text/html; charset=utf-16"),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            bytes.extend([0xFF, 0xFE, 0xD8, 0x00, 0x80]);
            let _ = page_of(content_type, &bytes);
        }
    }
}

/// A cheap generator (xorshift): the same soups on every run.
fn soups(pieces: &[&str], count: usize, length: usize) -> impl Iterator<Item = String> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count).map(move |_| {
        (0..length)
            .map(|_| pieces[usize::try_from(next() >> 33).unwrap_or(0) % pieces.len()])
            .collect()
    })
}

const PIECES: [&str; 56] = [
    "<a href=1>",
    "<a href='2'>",
    "</a>",
    "<title>",
    "</title>",
    "t",
    " ",
    "&amp;",
    "&lt",
    "<!--",
    "-->",
    "--!>",
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    "<textarea>",
    "</textarea>",
    "<div>",
    "</div>",
    "<p>",
    "</p>",
    "<b>",
    "</b>",
    "<",
    ">",
    "\"",
    "'",
    "=",
    "/",
    "<br/>",
    "<img alt=x>",
    "<xmp>",
    "</xmp>",
    "<![CDATA[",
    "]]>",
    "<?x",
    "<!DOCTYPE html>",
    "<a title='>' href=3 >",
    "<a href=4 href=5>",
    "<a\nhref\n=\n6>",
    "<a/href=7/>",
    "<noscript>",
    "</noscript>",
    "<iframe>",
    "</iframe>",
    "<span",
    "</span x>",
    "<!>",
    "</>",
    "<a href=\"?a=1&amp;b&copy=2&copy;\">",
    "\0",
    "é",
    "<A HREF=8>",
    "- ",
    "<h1>",
];

#[test]
fn soup_is_read_twice_alike() {
    for soup in soups(&PIECES, 2_000, 60) {
        assert_eq!(html(&soup), html(&soup), "{soup}");
    }
}

/// What a tree builder with scripts off finds: the title of the document, and the links.
fn by_tree(text: &str) -> (Option<String>, Vec<String>) {
    let tree = scraper::Html::parse_document(text);
    let select = |selector: &str| scraper::Selector::parse(selector).expect("a selector");
    let title = tree.select(&select("title")).next().map(|title| {
        let text: String = title.text().collect();
        text.split(|c: char| c.is_ascii_whitespace())
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    });
    let links = tree
        .select(&select("a[href]"))
        .filter_map(|a| a.attr("href"))
        .map(str::to_owned)
        .collect();
    (title.filter(|title| !title.is_empty()), links)
}

/// The same by the tokenizer.
fn by_tokens(text: &str) -> (Option<String>, Vec<String>) {
    let page = html(text);
    let links = page
        .links
        .iter()
        .filter(|link| link.kind == crawl::record::LinkKind::A);
    (
        page.title.map(String::from),
        links.map(|link| link.target.to_string()).collect(),
    )
}

fn resolved(hrefs: &[String]) -> Vec<String> {
    let page = CanonicalUrl::parse("http://a.example/dir/").expect("a URL");
    let base = crawl::canonical::Base::of(&page);
    hrefs
        .iter()
        .filter(|href| !href.starts_with('#'))
        .filter_map(|href| Some(base.join(href).ok()?.to_string()))
        .collect()
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list.dedup();
    list
}

#[test]
fn soup_as_a_tree_builder_reads_it() {
    // `scraper` has scripts on, so `<noscript>` is the one element that it reads otherwise.
    let pieces: Vec<_> = PIECES
        .into_iter()
        .filter(|piece| !piece.contains("noscript"))
        .collect();
    for soup in soups(&pieces, 3_000, 40) {
        let (title, hrefs) = by_tree(&soup);
        let (our_title, links) = by_tokens(&soup);
        assert_eq!(sorted(links), sorted(resolved(&hrefs)), "{soup}");
        assert_eq!(our_title, title, "{soup}");
    }
}
