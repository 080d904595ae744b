//! Content type, then a page: bounds, and what a tree builder finds in the same text.

use std::collections::BTreeSet;

use super::{check_url, document, header, line, page_url};
use crate::canonical::Base;
use crate::parse::{Limits, base_of, parse, refresh_of};
use crate::record::{LinkKind, Page};

pub(super) fn target(data: &[u8]) {
    let (content_type, body) = line(data);
    let url = page_url();
    let document = document(&url, header(&content_type), body);
    let limits = Limits {
        words: true,
        ..Limits::default()
    };
    let page = parse(&document, &limits);
    check(&page, &limits);
    assert_eq!(parse(&document, &limits), page, "read again");
    fewer(&page, &parse(&document, &Limits { links: 3, ..limits }));
    let text = String::from_utf8_lossy(body);
    assert!(base_of(&text, &url).as_str().contains(':'));
    if let Some((seconds, to)) = refresh_of(&text, &url) {
        assert!(seconds >= 0.0, "{seconds}");
        check_url(&to);
    }
    as_a_tree_has_it(&text);
}

/// Nothing is longer than it may be.
fn check(page: &Page, limits: &Limits) {
    assert!(page.links.len() <= limits.links);
    for text in [&page.title, &page.description].into_iter().flatten() {
        assert!(!text.is_empty() && text.len() <= limits.title);
    }
    assert!(page.language.as_ref().is_none_or(|text| text.len() <= 64));
    page.canonical.iter().for_each(check_url);
    for link in &page.links {
        check_url(&link.target);
        let anchor = link.anchor.as_deref().unwrap_or_default();
        assert!(anchor.len() <= limits.anchor, "{anchor}");
        let rel = link.rel.as_deref().unwrap_or_default();
        assert!(rel.len() <= 1024, "{rel}");
    }
}

/// With room for fewer links there are fewer, the first ones, and that is said.
fn fewer(page: &Page, small: &Page) {
    assert!(small.links.len() <= 3);
    assert_eq!(small.links[..], page.links[..small.links.len()]);
    assert!(small.truncated || small.links == page.links);
    assert_eq!(small.title, page.title);
}

/// What a stream of tokens cannot know as a tree does: what is dropped or moved where it stands.
const OTHERWISE: [&str; 9] = [
    "noscript",
    "template",
    "select",
    "frameset",
    "svg",
    "math",
    "<base",
    "plaintext",
    "<image",
];

/// What else is a link, and what kind of one.
const OTHERS: [(&str, &str, &[LinkKind]); 5] = [
    ("img[src]", "src", &[LinkKind::Img]),
    ("iframe[src]", "src", &[LinkKind::Iframe]),
    ("script[src]", "src", &[LinkKind::Script]),
    ("area[href]", "href", &[LinkKind::Area]),
    (
        "audio[src], video[src], source[src], track[src], embed[src]",
        "src",
        &[LinkKind::Media],
    ),
];

fn as_a_tree_has_it(text: &str) {
    let lower = text.to_ascii_lowercase();
    if OTHERWISE.iter().any(|word| lower.contains(word)) {
        return;
    }
    let url = page_url();
    let page = parse(
        &document(&url, Some("text/html; charset=utf-8"), text.as_bytes()),
        &Limits::default(),
    );
    let tree = scraper::Html::parse_document(text);
    let found = |kinds: &[LinkKind]| {
        let links = page.links.iter();
        let links = links.filter(|link| kinds.contains(&link.kind));
        links.map(|link| link.target.to_string()).collect()
    };
    let all: BTreeSet<String> = found(&[LinkKind::A]);
    assert_eq!(all, by_tree(&tree, "a[href]", "href"), "links");
    for (selector, attribute, kinds) in OTHERS {
        let all = found(kinds);
        for link in by_tree(&tree, selector, attribute) {
            assert!(all.contains(&link), "{selector} {link} is none of {all:?}");
        }
    }
    let titles: Vec<String> = tree
        .select(&selector("title"))
        .map(|title| folded(&title.text().collect::<String>()))
        .collect();
    // A tree may put a later title before the first, so any of them will do.
    match page.title.as_deref() {
        Some(title) => assert!(
            titles.iter().any(|text| text.starts_with(title)),
            "{title:?} is none of {titles:?}"
        ),
        None => assert!(
            titles.is_empty() || titles.contains(&String::new()),
            "{titles:?}"
        ),
    }
}

fn selector(text: &str) -> scraper::Selector {
    scraper::Selector::parse(text).expect("a selector")
}

/// The URLs that such elements of a tree lead to; bare fragments and empty ones of what is loaded lead nowhere.
fn by_tree(tree: &scraper::Html, elements: &str, attribute: &str) -> BTreeSet<String> {
    let base = Base::of(&page_url());
    tree.select(&selector(elements))
        .filter_map(|element| element.attr(attribute))
        .map(|text| text.trim_start_matches(|c: char| c <= ' '))
        .filter(|text| !text.starts_with('#') && (attribute == "href" || !text.is_empty()))
        .filter_map(|text| Some(base.join(text).ok()?.to_string()))
        .collect()
}

fn folded(text: &str) -> String {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    words.join(" ")
}
