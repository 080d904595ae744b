//! The links of one page on their way from a text to a URL.
//!
//! A `<base>` rules the whole page, what stands before it as well: the document's base URL is dynamic
//! (HTML Standard §2.4.3). So texts are gathered while the page is read, and resolved at its end.

use std::borrow::Cow;
use std::collections::HashMap;

use encoding_rs::{Encoding, UTF_8};

use crate::canonical::{Base, CanonicalUrl};
use crate::record::{Link, LinkKind};
use crate::text::Texts;

use super::text::slice;

/// Bytes of all distinct URLs of a page, resolved: each relative one is about as long as the page's own URL,
/// and 20,000 of those would be 80 MB out of a page of one.
const MAX_RESOLVED: usize = 8 << 20;

/// A link that is not resolved yet.
#[derive(Debug)]
struct Pending<'a> {
    text: Cow<'a, str>,
    kind: LinkKind,
    rel: Option<Box<str>>,
    anchor: Option<Box<str>>,
}

/// What has been found so far.
#[derive(Debug)]
pub(super) struct Links<'a> {
    page: &'a CanonicalUrl,
    base: Option<Base>,
    encoding: &'static Encoding,
    pending: Vec<Pending<'a>>,
    limit: usize,
    /// Whether links over the limit were dropped.
    cut: bool,
}

impl<'a> Links<'a> {
    pub(super) fn new(page: &'a CanonicalUrl, encoding: &'static Encoding, limit: usize) -> Self {
        // The URL Standard encodes queries as UTF-8 where a page is in UTF-16.
        let encoding = encoding.output_encoding();
        Self {
            page,
            base: None,
            encoding,
            pending: Vec::new(),
            limit,
            cut: false,
        }
    }

    /// Takes a `<base href>`; the first one counts, even where it comes to nothing (§4.2.3).
    pub(super) fn set_base(&mut self, href: &str) {
        if self.base.is_none() {
            self.base = Some(Base::with_href(self.page, href));
        }
    }

    /// What references are resolved against.
    pub(super) fn base(self) -> Base {
        self.base.unwrap_or_else(|| Base::of(self.page))
    }

    /// The same, with the base that a page was found to have.
    pub(super) fn with_base(self, base: Option<Base>) -> Self {
        Self {
            base: base.or(self.base),
            ..self
        }
    }

    /// Adds a link and answers with its place, for an anchor that is still to be read.
    pub(super) fn push(
        &mut self,
        text: Cow<'a, str>,
        kind: LinkKind,
        rel: Option<Box<str>>,
        anchor: Option<Box<str>>,
    ) -> Option<usize> {
        let text = trimmed(text);
        if self.leads_nowhere(&text) {
            return None;
        }
        if self.pending.len() >= self.limit {
            self.cut = true;
            return None;
        }
        self.pending.push(Pending {
            text,
            kind,
            rel,
            anchor,
        });
        Some(self.pending.len() - 1)
    }

    /// Adds a link of CSS. There a bare fragment is a part of the page, whatever the base (CSS Values
    /// Level 4 §4.5.1), and an empty URL is none.
    pub(super) fn push_css(&mut self, url: &str) {
        if !url.is_empty() && !url.starts_with('#') {
            self.push(Cow::Owned(url.to_owned()), LinkKind::Css, None, None);
        }
    }

    /// Gives a link its anchor.
    pub(super) fn set_anchor(&mut self, place: usize, anchor: Option<Box<str>>) {
        if let Some(pending) = self.pending.get_mut(place) {
            pending.anchor = anchor;
        }
    }

    /// What can be told before the base is known, so that it uses up no limit: other schemes, and bare
    /// fragments, which lead to where the reader is. (Under a `<base>` before them they lead to the base.)
    fn leads_nowhere(&self, text: &str) -> bool {
        if text.starts_with('#') {
            return self
                .base
                .as_ref()
                .is_none_or(|base| base.join("").map_or(true, |target| target == *self.page));
        }
        has_other_scheme(text)
    }

    /// Resolves everything, in the order of the page. Texts that come to no URL are dropped. Answers whether
    /// links over a limit were dropped, too.
    pub(super) fn finish(self, out: &mut Vec<Link>) -> bool {
        let base = self.base.unwrap_or_else(|| Base::of(self.page));
        let targets = resolve(&base, self.encoding, &self.pending);
        let cut = self.cut || targets.len() < self.pending.len();
        let mut texts = Texts::default();
        let mut place = |text: &Option<Box<str>>| text.as_deref().map(|text| texts.add(text));
        let places: Vec<_> = self
            .pending
            .iter()
            .map(|pending| (place(&pending.rel), place(&pending.anchor)))
            .collect();
        let texts = texts.share();
        let resolved = self.pending.iter().zip(targets).zip(places);
        out.extend(resolved.filter_map(|((pending, target), (rel, anchor))| {
            Some(Link {
                target: target?,
                kind: pending.kind,
                rel: rel.map(|place| texts.get(place)),
                anchor: anchor.map(|place| texts.get(place)),
            })
        }));
        cut
    }

    /// Resolves one text by the base as it is at last.
    pub(super) fn resolve(&self, text: &str) -> Option<CanonicalUrl> {
        let base = self.base.clone().unwrap_or_else(|| Base::of(self.page));
        join(&base, self.encoding, text)
    }
}

/// Resolves all texts, each distinct one once, up to [`MAX_RESOLVED`] bytes.
///
/// Pages repeat their links (menus, many fragments of one page), and a lookup costs a fifth of a join.
fn resolve(
    base: &Base,
    encoding: &'static Encoding,
    all: &[Pending<'_>],
) -> Vec<Option<CanonicalUrl>> {
    let mut known: HashMap<&str, usize> = HashMap::with_capacity(all.len());
    let mut targets: Vec<Option<CanonicalUrl>> = Vec::with_capacity(all.len());
    let mut bytes = 0;
    for (place, pending) in all.iter().enumerate() {
        let text = without_fragment(&pending.text);
        let first = *known.entry(text).or_insert(place);
        let target = match targets.get(first) {
            Some(target) => target.clone(),
            None => join(base, encoding, text).inspect(|target| bytes += target.as_str().len()),
        };
        if bytes > MAX_RESOLVED {
            break;
        }
        targets.push(target);
    }
    targets
}

/// Resolves a reference of a page in this encoding.
pub(super) fn join(base: &Base, encoding: &'static Encoding, text: &str) -> Option<CanonicalUrl> {
    let text = in_page_encoding(text, encoding);
    base.join(&text).ok()
}

/// The fragment is dropped by the canonical form; cut here it is not parsed either, and texts that
/// differ only in it are one. White space before it would be part of the path, and is left to the parser.
fn without_fragment(text: &str) -> &str {
    match memchr::memchr(b'#', text.as_bytes()) {
        Some(at) if !slice(text, 0, at).ends_with(|c: char| c <= ' ') => slice(text, 0, at),
        _ => text,
    }
}

/// The URL parser trims C0 controls and spaces; done here so that equal links are seen to be equal.
fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    let outside = |c: char| c <= ' ';
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(outside)),
        Cow::Owned(text) if text.starts_with(outside) || text.ends_with(outside) => {
            Cow::Owned(text.trim_matches(outside).to_owned())
        }
        owned @ Cow::Owned(_) => owned,
    }
}

/// Whether the text is an absolute URL of another scheme than `http` and `https`.
pub(super) fn has_other_scheme(text: &str) -> bool {
    let scheme = text.as_bytes();
    let end = scheme
        .iter()
        .position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'+' | b'-' | b'.'));
    let Some((scheme, rest)) = end.and_then(|end| scheme.split_at_checked(end)) else {
        return false;
    };
    rest.first() == Some(&b':')
        && scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && !scheme.eq_ignore_ascii_case(b"http")
        && !scheme.eq_ignore_ascii_case(b"https")
}

/// Percent-encodes the query as the page's encoding has it, where that is not UTF-8 (URL Standard,
/// "percent-encode after encoding"; the path is always UTF-8). ASCII is left to the URL parser.
fn in_page_encoding<'t>(text: &'t str, encoding: &'static Encoding) -> Cow<'t, str> {
    if encoding == UTF_8 || text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let end = memchr::memchr(b'#', text.as_bytes()).unwrap_or(text.len());
    let query = memchr::memchr(b'?', slice(text, 0, end).as_bytes()).unwrap_or(end);
    let mut out = String::with_capacity(2 * text.len());
    out.push_str(slice(text, 0, query));
    let mut rest = slice(text, query, end);
    while let Some(from) = rest.bytes().position(|b| !b.is_ascii()) {
        let run = slice(rest, from, rest.len());
        let length = run.bytes().position(|b| b.is_ascii()).unwrap_or(run.len());
        out.push_str(slice(rest, 0, from));
        // What the encoding lacks comes out as `&#1234;`, which the Standard escapes.
        for &byte in encoding.encode(slice(run, 0, length)).0.iter() {
            if byte.is_ascii_graphic()
                && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\'' | b'&' | b';')
            {
                out.push(byte as char);
            } else {
                out.push('%');
                let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
                out.extend(
                    digits
                        .into_iter()
                        .flatten()
                        .map(|digit| digit.to_ascii_uppercase()),
                );
            }
        }
        rest = slice(run, length, run.len());
    }
    out.push_str(rest);
    out.push_str(slice(text, end, text.len()));
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(base: Option<&str>, texts: &[&str], encoding: &'static Encoding) -> Vec<String> {
        let page = CanonicalUrl::parse("http://a.example/dir/page?q").expect("a URL");
        let mut links = Links::new(&page, encoding, 100);
        if let Some(base) = base {
            links.set_base(base);
        }
        for &text in texts {
            links.push(Cow::Borrowed(text), LinkKind::A, None, None);
        }
        let mut out = Vec::new();
        links.finish(&mut out);
        out.iter().map(|link| link.target.to_string()).collect()
    }

    #[test]
    fn texts_to_urls() {
        for (base, text, wanted) in [
            (None, "", "http://a.example/dir/page?q"),
            (None, " \n b\t#c ", "http://a.example/dir/b"),
            (None, "b #c", "http://a.example/dir/b%20"),
            (None, "?x#y", "http://a.example/dir/page?x"),
            (None, "///b.example/c", "http://b.example/c"),
            (None, "\\\\\\/b.example", "http://b.example/"),
            (None, "HTTP:b", "http://a.example/dir/b"),
            (None, "\u{A0}b", "http://a.example/dir/%C2%A0b"),
            (Some("/other/"), "b", "http://a.example/other/b"),
            (Some("/other/"), "#top", "http://a.example/other/"),
        ] {
            assert_eq!(resolved(base, &[text], UTF_8), [wanted], "{text:?}");
        }
        for text in [
            "#",
            "#top",
            " #top",
            "mailto:a@b.c",
            "JavaScript:x",
            "java\nscript:x",
            "data:,x",
            "http://[",
        ] {
            assert_eq!(resolved(None, &[text], UTF_8), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn repeated_texts() {
        let texts = ["b", "b#c", "mailto:x", "d", "http://[", "b", "http://["];
        let wanted = ["http://a.example/dir/b"; 4];
        let got = resolved(None, &texts, UTF_8);
        assert_eq!(got.iter().filter(|&url| url == wanted[0]).count(), 3);
        assert_eq!(got.len(), 4);
    }

    #[test]
    fn queries_in_the_encoding_of_the_page() {
        for (encoding, text, wanted) in [
            (UTF_8, "ü?ü", "http://a.example/dir/%C3%BC?%C3%BC"),
            (
                encoding_rs::WINDOWS_1252,
                "ü?ü=ü#ü",
                "http://a.example/dir/%C3%BC?%FC=%FC",
            ),
            (
                encoding_rs::WINDOWS_1252,
                "?я",
                "http://a.example/dir/page?%26%231103%3B",
            ),
            (
                encoding_rs::WINDOWS_1251,
                "?q=да&x",
                "http://a.example/dir/page?q=%E4%E0&x",
            ),
            (
                encoding_rs::SHIFT_JIS,
                "?ソ",
                "http://a.example/dir/page?%83\\",
            ),
            (
                encoding_rs::UTF_16LE,
                "?ü",
                "http://a.example/dir/page?%C3%BC",
            ),
        ] {
            assert_eq!(resolved(None, &[text], encoding), [wanted], "{text}");
        }
    }

    /// A short text is a long URL where the page's own is long.
    #[test]
    fn more_than_a_page_may_lead_to() {
        let page = format!("http://a.example/{}/", "d".repeat(4000));
        let page = CanonicalUrl::parse(&page).expect("a URL");
        for (distinct, cut) in [(2000, false), (1, false), (3000, true)] {
            let mut links = Links::new(&page, UTF_8, 10_000);
            for number in 0..3000 {
                let text = (number % distinct).to_string();
                links.push(Cow::Owned(text), LinkKind::A, None, None);
            }
            let mut out = Vec::new();
            assert_eq!(links.finish(&mut out), cut, "{distinct}");
            assert_eq!(out.len() == 3000, !cut, "{distinct}");
        }
    }

    #[test]
    fn over_the_limit() {
        let page = CanonicalUrl::parse("http://a.example/").expect("a URL");
        let mut links = Links::new(&page, UTF_8, 2);
        for text in ["a", "#x", "mailto:x", "b"] {
            links.push(Cow::Borrowed(text), LinkKind::A, None, None);
        }
        assert!(!links.cut);
        assert_eq!(
            links.push(Cow::Borrowed("c"), LinkKind::A, None, None),
            None
        );
        assert!(links.cut);
    }
}
