//! From a body to a [`Page`]: charset, title, links, what is asked of robots. Pure functions: no I/O, no
//! clock, the same answer for the same bytes.
//!
//! ```text
//! body ─ media_type ─▶ charset ─▶ tokenizer ─▶ html ─▶ links ─▶ Page
//!        headers ────────────────────────────────────────┘
//! ```
//!
//! No tree is built, but for fields by CSS selector (`extract`), where any are configured. The tokenizer hands out slices of the text; `html` knows which elements matter;
//! `links` resolves what they point to when the page, and with it its `<base>`, is known whole.

mod alternates;
mod attributes;
mod blocks;
pub mod charset;
mod css;
mod elements;
mod extract;
mod head;
mod html;
pub mod lastmod;
mod link_header;
mod links;
pub mod main_text;
mod markdown;
mod media_type;
mod namespaces;
mod prescan;
mod refresh;
pub(crate) mod relink;
mod robots_directives;
pub(crate) mod segment;
pub(crate) mod simhash;
pub mod sitemap;
mod srcset;
mod text;
mod tokenizer;
mod value;

use encoding_rs::UTF_8;

use crate::canonical::{Base, CanonicalUrl};
use crate::record::{Link, LinkKind, Page};
use crate::text::Text;
use crate::traps::Gatherer;

pub use extract::Extractor;
pub use html::{base_of, refresh_of};
pub use markdown::markdown;
pub use media_type::media_type;
pub use refresh::{Refresh, refresh};

/// What came, as far as it says something of links and texts.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Where it came from, after redirects.
    pub url: &'a CanonicalUrl,
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The values of the `Link` headers.
    pub link: &'a [String],
    /// The `Refresh` header.
    pub refresh: Option<&'a str>,
    /// The `Content-Language` header.
    pub content_language: Option<&'a str>,
    /// The values of the `X-Robots-Tag` headers.
    pub x_robots_tag: &'a [String],
    /// Our product token, by which directives may name us.
    pub agent: &'a str,
    /// The body, its content codings undone.
    pub body: &'a [u8],
}

/// How much is kept of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most links. Those beyond are dropped, and [`Page::truncated`] says so.
    pub links: usize,
    /// Longest title and description, in bytes. A cut here is not marked.
    pub title: usize,
    /// Longest anchor, in bytes. A cut here is not marked.
    pub anchor: usize,
    /// Deepest nesting of SVG and `MathML` (nothing else is stacked); beyond it [`Page::truncated`] is set.
    pub nesting: usize,
    /// Whether the words of pages whose URL has a template are taken, to be compared with others'.
    pub words: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            links: 20_000,
            title: 1024,
            anchor: 256,
            nesting: 512,
            words: false,
        }
    }
}

/// Reads a page. Links of headers come first, then those of the body in its order.
#[must_use]
pub fn parse(document: &Document<'_>, limits: &Limits) -> Page {
    let mut page = Page::default();
    let mut directives = robots_directives::Gathered::default();
    of_headers(document, limits, &mut page);
    let essence = media_type(document.content_type, document.body);
    for value in document.x_robots_tag {
        directives.header(value, document.agent);
    }
    if media_type::is_html(&essence) {
        let xml = essence != "text/html";
        let encoding = charset::choose(document.body, document.content_type);
        page.charset = Some(encoding.name());
        let text = charset::decode(document.body, encoding);
        let limits = Limits {
            links: limits.links.saturating_sub(page.links.len()),
            ..*limits
        };
        let setting = html::Setting {
            url: document.url,
            agent: document.agent,
            encoding,
            xml,
            limits,
        };
        let words = limits.words.then(|| Gatherer::new(document.url)).flatten();
        directives = html::Reader::new(setting, &text, directives, words).read(&mut page);
    } else if essence == "text/css" {
        of_css(document, limits, &mut page);
    }
    page.directives = directives.finish();
    page.canonical = page.canonical.take().or_else(|| {
        page.links
            .iter()
            .find(|link| link.kind == LinkKind::Canonical)
            .map(|link| link.target.clone())
    });
    page.language = page
        .language
        .take()
        .or_else(|| document.content_language.and_then(language));
    page
}

/// The links of the headers. Their base is the URL of the page, whatever its `<base>` (RFC 8288 §3.2). One that
/// names several languages is a link for each.
fn of_headers(document: &Document<'_>, limits: &Limits, page: &mut Page) {
    let base = Base::of(document.url);
    let mut push = |target: CanonicalUrl, kind, rel: Option<&str>, language: Option<&str>| {
        if page.links.len() < limits.links {
            page.links.push(Link {
                target,
                kind,
                rel: rel.map(Text::from),
                anchor: language.map(Text::from),
            });
        } else {
            page.truncated = true;
        }
    };
    for value in document.link {
        link_header::links(value, limits.anchor, |link| {
            let Ok(target) = base.join(link.target) else {
                return;
            };
            let rel = link.rel.as_deref();
            let kind = rel.and_then(|rel| match elements::relation(rel)? {
                LinkKind::Icon => None,
                kind => Some(kind),
            });
            let kind = kind.unwrap_or(LinkKind::Header);
            if kind == LinkKind::Alternate && !link.hreflang.is_empty() {
                for language in &link.hreflang {
                    push(target.clone(), kind, rel, Some(language));
                }
            } else {
                push(target, kind, rel, None);
            }
        });
    }
    let refresh = document.refresh.and_then(refresh);
    if let Some(target) = refresh.and_then(|refresh| base.join(refresh.url?).ok()) {
        push(target, LinkKind::Refresh, None, None);
    }
    page.header_links = page.links.len();
}

fn of_css(document: &Document<'_>, limits: &Limits, page: &mut Page) {
    let encoding = charset::choose_css(document.body, document.content_type);
    page.charset = Some(encoding.name());
    let text = charset::decode(document.body, encoding);
    // The URL Standard's encoding of queries is for HTML alone; a style sheet's are UTF-8.
    let mut links = links::Links::new(
        document.url,
        UTF_8,
        limits.links.saturating_sub(page.links.len()),
    );
    css::urls(&text, |url| links.push_css(url));
    page.truncated |= links.finish(&mut page.links);
}

/// The language of a header or a meta: only where it names one alone (HTML Standard §4.2.5.3, pragma-set
/// default language).
fn language(value: &str) -> Option<Box<str>> {
    let value = text::trim(value);
    (!value.contains(','))
        .then(|| text::fold(value.split_ascii_whitespace().next()?, LANGUAGE))
        .flatten()
}

/// Longest language tag that is kept, in bytes.
const LANGUAGE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn page(change: impl FnOnce(&mut Document<'_>), limits: &Limits) -> Page {
        let url = CanonicalUrl::parse("http://a.example/d/p").expect("a URL");
        let mut document = Document {
            url: &url,
            content_type: None,
            link: &[],
            refresh: None,
            content_language: None,
            x_robots_tag: &[],
            agent: "crawl",
            body: b"",
        };
        change(&mut document);
        parse(&document, limits)
    }

    #[test]
    fn media_types_decide_who_reads() {
        for (content_type, body, links, charset) in [
            (Some("text/html"), "<a href=x>é", 1, Some("UTF-8")),
            (
                Some("application/xhtml+xml"),
                "<a href='x'/>",
                1,
                Some("windows-1252"),
            ),
            (None, "<!doctype html><a href=x>", 1, Some("windows-1252")),
            (Some("text/css"), "a{b:url(x)}", 1, Some("UTF-8")),
            (Some("text/plain"), "<a href=x>", 0, None),
            (Some("image/png"), "<a href=x>", 0, None),
            (None, "", 0, None),
        ] {
            let page = page(
                |document| {
                    document.content_type = content_type;
                    document.body = body.as_bytes();
                },
                &Limits::default(),
            );
            assert_eq!(
                (page.links.len(), page.charset),
                (links, charset),
                "{content_type:?} {body}"
            );
        }
    }

    #[test]
    fn headers_speak_for_any_body() {
        let page = page(
            |document| {
                document.content_type = Some("application/pdf");
                document.link = Box::leak(Box::new([
                    "<x>; rel=canonical, <y>; rel=\"next\"".to_owned(),
                    "<z>; rel=preload, <mailto:a@b.c>; rel=author".to_owned(),
                ]));
                document.refresh = Some("3; url=r");
                document.content_language = Some("de");
                document.x_robots_tag = Box::leak(Box::new([
                    "googlebot: none".to_owned(),
                    "crawl: noindex".to_owned(),
                ]));
            },
            &Limits::default(),
        );
        let kinds: Vec<_> = page
            .links
            .iter()
            .map(|link| (link.kind, link.target.path()))
            .collect();
        assert_eq!(
            kinds,
            [
                (LinkKind::Canonical, "/d/x"),
                (LinkKind::Next, "/d/y"),
                (LinkKind::Header, "/d/z"),
                (LinkKind::Refresh, "/d/r")
            ]
        );
        assert_eq!(
            page.canonical.as_ref().map(CanonicalUrl::path),
            Some("/d/x")
        );
        assert_eq!(page.language.as_deref(), Some("de"));
        assert_eq!(
            (page.directives.noindex, page.directives.nofollow),
            (true, false)
        );
    }

    #[test]
    fn what_the_page_says_stands_before_its_headers() {
        let page = page(
            |document| {
                document.link = Box::leak(Box::new(["<x>; rel=canonical".to_owned()]));
                document.content_language = Some("de");
                document.body = b"<html lang=en><base href=/b/><link rel=canonical href=y>";
            },
            &Limits::default(),
        );
        assert_eq!(
            page.canonical.as_ref().map(CanonicalUrl::path),
            Some("/b/y")
        );
        assert_eq!(page.language.as_deref(), Some("en"));
        // Not moved by the page's base.
        assert_eq!(page.links[0].target.path(), "/d/x");
    }

    #[test]
    fn links_over_the_limit() {
        let limits = Limits {
            links: 2,
            ..Limits::default()
        };
        for (header, body, truncated) in [
            ("<x>", "<a href=y>", false),
            ("<x>", "<a href=y><a href=z>", true),
            ("<x>, <y>, <z>", "<p>", true),
        ] {
            let page = page(
                |document| {
                    document.link = Box::leak(Box::new([header.to_owned()]));
                    document.content_type = Some("text/html");
                    document.body = body.as_bytes();
                },
                &limits,
            );
            assert_eq!(
                (page.links.len(), page.truncated),
                (2, truncated),
                "{header} {body}"
            );
        }
    }
}
