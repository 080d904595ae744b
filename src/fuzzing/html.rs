//! Content type, then a page: bounds, and what a tree builder finds in the same text.

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
    let select = |selector: &str| scraper::Selector::parse(selector).expect("a selector");
    let base = Base::of(&url);
    let outside = |c: char| c <= ' ';
    let mut wanted: Vec<String> = tree
        .select(&select("a[href]"))
        .filter_map(|a| a.attr("href"))
        .filter(|href| !href.trim_start_matches(outside).starts_with('#'))
        .filter_map(|href| Some(base.join(href).ok()?.to_string()))
        .collect();
    let links = page.links.iter().filter(|link| link.kind == LinkKind::A);
    let mut found: Vec<String> = links.map(|link| link.target.to_string()).collect();
    for list in [&mut wanted, &mut found] {
        list.sort_unstable();
        list.dedup();
    }
    assert_eq!(found, wanted, "links");
    let titles: Vec<String> = tree
        .select(&select("title"))
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

fn folded(text: &str) -> String {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    words.join(" ")
}
