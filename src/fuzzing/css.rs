//! A style sheet: the same links wherever it stands. And a `srcset`.

use super::{check_url, document, page_url};
use crate::parse::{Limits, parse};
use crate::record::LinkKind;

pub(super) fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // What the tokenizer of HTML changes before CSS sees it.
    if text.contains(['\0', '\r', '\u{feff}']) {
        return;
    }
    let sheet = targets("text/css; charset=utf-8", &text, LinkKind::Css);
    if !text.to_ascii_lowercase().contains("</style") {
        let element = format!("<style>{text}</style>");
        assert_eq!(
            targets("text/html; charset=utf-8", &element, LinkKind::Css),
            sheet,
            "in an element"
        );
    }
    let value = quoted(&text);
    // There are no at-rules in an attribute.
    if !text.contains('@') {
        let attribute = format!("<p style=\"{value}\">");
        assert_eq!(
            targets("text/html; charset=utf-8", &attribute, LinkKind::Css),
            sheet,
            "in an attribute"
        );
    }
    let image = format!("<img srcset=\"{value}\">");
    let found = targets("text/html; charset=utf-8", &image, LinkKind::Img);
    assert_eq!(found, candidates(&text), "a srcset");
}

fn quoted(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;")
}

fn targets(content_type: &str, body: &str, kind: LinkKind) -> Vec<String> {
    let url = page_url();
    let page = parse(
        &document(&url, Some(content_type), body.as_bytes()),
        &Limits::default(),
    );
    let links = page.links.iter().filter(|link| link.kind == kind);
    links
        .inspect(|link| check_url(&link.target))
        .map(|link| link.target.to_string())
        .collect()
}

/// The URLs of a `srcset` by the steps of the HTML Standard (§4.8.4.3.7), one character after the other.
fn candidates(text: &str) -> Vec<String> {
    let (url, mut found) = (page_url(), Vec::new());
    let base = crate::canonical::Base::of(&url);
    let mut rest: &str = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        if rest.is_empty() {
            return found;
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace());
        let (candidate, after) = rest.split_at(end.unwrap_or(rest.len()));
        let bare = candidate.trim_end_matches(',');
        rest = if bare == candidate {
            let mut depth = false;
            let comma = after.find(|c| {
                depth = (depth || c == '(') && c != ')';
                c == ',' && !depth
            });
            comma.map_or("", |comma| &after[comma + 1..])
        } else {
            after
        };
        // Bare fragments lead nowhere; other schemes are left out.
        let reference = bare.trim_start_matches(|c: char| c <= ' ');
        if !reference.starts_with('#') {
            found.extend(base.join(bare).ok().map(|url| url.to_string()));
        }
    }
}
