//! Content type, then a page, an SVG or a style sheet whose links are to lead elsewhere: what is read of it afterwards
//! are the same links, each leading to where it was told to.

use super::{document, header, line, page_url};
use crate::canonical::{Base, CanonicalUrl};
use crate::parse::relink::{Language, relink};
use crate::parse::{Limits, media_type, parse};
use crate::record::LinkKind;

pub(super) fn target(data: &[u8]) {
    let (content_type, body) = line(data);
    let essence = media_type(header(&content_type), body).into_owned();
    let Some(language) = Language::of(&essence) else {
        return;
    };
    // In whatever charset it is taken to be.
    for label in [
        None,
        Some("windows-1252"),
        Some("shift_jis"),
        Some("utf-16le"),
        Some("nonsense"),
    ] {
        relink(body, language, label, &page_url(), &mut |url, _| led(url));
    }
    let text = String::from_utf8_lossy(body);
    // Where nothing leads anywhere else, all that can be relative becomes absolute: a second time nothing is left to do.
    let once = relink(
        text.as_bytes(),
        language,
        Some("utf-8"),
        &page_url(),
        &mut |_, _| None,
    );
    let twice = relink(&once, language, Some("utf-8"), &page_url(), &mut |_, _| {
        None
    });
    assert!(
        once == twice,
        "{} became {}",
        String::from_utf8_lossy(&once),
        String::from_utf8_lossy(&twice)
    );
    same_links(&essence, language, &text);
}

/// Where a URL is told to lead: half of all, and never the page to itself.
fn led(url: &CanonicalUrl) -> Option<String> {
    let sum: u32 = url.as_str().bytes().map(u32::from).sum();
    (*url != page_url() && sum.is_multiple_of(2)).then(|| format!("m/{sum}.html"))
}

fn same_links(essence: &str, language: Language, text: &str) {
    let lower = text.to_ascii_lowercase();
    // A base moves what it may stand behind; references and NUL within an SVG's style sheet are left alone.
    if lower.contains("<base")
        || lower.contains("<svg") && lower.contains(['&', '\0'])
        || text.contains('\0')
    {
        return;
    }
    let new = relink(
        text.as_bytes(),
        language,
        Some("utf-8"),
        &page_url(),
        &mut |url, _| led(url),
    );
    let new = String::from_utf8_lossy(&new);
    let given = links(essence, text);
    let wanted: Vec<String> = given
        .iter()
        .map(|(kind, target)| match kind {
            LinkKind::Form | LinkKind::Canonical => target.to_string(),
            _ => match led(target) {
                Some(path) => Base::of(&page_url())
                    .join(&path)
                    .expect("a URL")
                    .to_string(),
                None => target.to_string(),
            },
        })
        .collect();
    let found: Vec<String> = links(essence, &new)
        .iter()
        .map(|(_, target)| target.to_string())
        .collect();
    assert_eq!(found, wanted, "{text}\nbecame\n{new}");
}

fn links(essence: &str, text: &str) -> Vec<(LinkKind, CanonicalUrl)> {
    let url = page_url();
    // It was read as UTF-8 before, whatever it says of itself.
    let content_type = format!(
        "{}; charset=utf-8",
        if essence == "image/svg+xml" {
            "application/xhtml+xml"
        } else {
            essence
        }
    );
    let page = parse(
        &document(&url, Some(&content_type), text.as_bytes()),
        &Limits::default(),
    );
    page.links
        .iter()
        .map(|link| (link.kind, link.target.clone()))
        .collect()
}
