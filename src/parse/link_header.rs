//! The `Link` header (RFC 8288 §3).

use std::borrow::Cow;

use super::text::{fold, slice, words};

/// A link of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeaderLink<'a> {
    /// The target as written.
    pub(super) target: &'a str,
    /// Its relations, lower case and folded.
    pub(super) rel: Option<Box<str>>,
    /// The languages of the target, folded and cut; there may be several (RFC 8288 §3.4.1).
    pub(super) hreflang: Vec<Box<str>>,
}

/// Calls `each` with every link of one header value. What is malformed is passed over up to the next
/// comma (appendix B.2 asks for such tolerance). A link with an `anchor` speaks of another resource
/// than the page and is left out (§3.2 allows that).
pub(super) fn links<'a>(value: &'a str, limit: usize, mut each: impl FnMut(HeaderLink<'a>)) {
    let mut rest = value;
    while let Some(start) = rest.find('<') {
        let inside = slice(rest, start + 1, rest.len());
        let Some(end) = inside.find('>') else { return };
        let target = slice(inside, 0, end);
        rest = slice(inside, end + 1, inside.len());
        let mut rel = None;
        let mut hreflang = Vec::new();
        let mut elsewhere = false;
        while let Some((name, value, after)) = parameter(rest) {
            rest = after;
            if name.eq_ignore_ascii_case("rel") {
                // Only the first one counts (§3.3).
                rel = rel.or_else(|| Some(words(&value)));
            } else if name.eq_ignore_ascii_case("hreflang") {
                hreflang.extend(fold(&value, limit));
            } else if name.eq_ignore_ascii_case("anchor") {
                elsewhere = true;
            }
        }
        // To the next comma: what stands before it is not a link.
        rest = rest.split_once(',').map_or("", |(_, after)| after);
        if !elsewhere {
            each(HeaderLink {
                target,
                rel: rel.flatten(),
                hreflang,
            });
        }
    }
}

/// One parameter with its `;`, and what follows it; `None` where no parameter begins.
fn parameter(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    let text = text.trim_start().strip_prefix(';')?.trim_start();
    let end = text.find(['=', ';', ',']).unwrap_or(text.len());
    let name = slice(text, 0, end).trim_end();
    let Some(value) = slice(text, end, text.len()).strip_prefix('=') else {
        return Some((name, Cow::Borrowed(""), slice(text, end, text.len())));
    };
    let value = value.trim_start();
    if let Some(quoted) = value.strip_prefix('"') {
        let (value, rest) = quoted_string(quoted);
        return Some((name, value, rest));
    }
    let end = value.find([';', ',']).unwrap_or(value.len());
    Some((
        name,
        Cow::Borrowed(slice(value, 0, end).trim_end()),
        slice(value, end, value.len()),
    ))
}

/// The inside of a quoted string (RFC 9110 §5.6.4) and what follows it.
fn quoted_string(text: &str) -> (Cow<'_, str>, &str) {
    let mut escaped = false;
    let mut plain = true;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        plain &= !escaped;
        ends
    });
    let end = end.unwrap_or(text.len());
    let inside = slice(text, 0, end);
    let rest = slice(text, (end + 1).min(text.len()), text.len());
    if plain {
        return (Cow::Borrowed(inside), rest);
    }
    let mut chars = inside.chars();
    let mut out = String::with_capacity(inside.len());
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    (Cow::Owned(out), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (value, wanted) in [
            ("<a>; rel=next", &[("a", Some("next"))][..]),
            ("<a>;rel=\"Prev  Start\"", &[("a", Some("prev start"))]),
            ("<a>", &[("a", None)]),
            ("<a>, <b>; rel=next", &[("a", None), ("b", Some("next"))]),
            (
                "<a,b>; title=\"x, <y>; rel=z\"; rel=next, <c>",
                &[("a,b", Some("next")), ("c", None)],
            ),
            (
                "<a>; title=\"x\\\"; y\"; REL = next",
                &[("a", Some("next"))],
            ),
            ("<a>; rel=next; rel=prev", &[("a", Some("next"))]),
            ("<a>; rel=\"\"; rel=prev", &[("a", None)]),
            (
                "<a>; crossorigin; rel=preload; as=style",
                &[("a", Some("preload"))],
            ),
            ("<a>; anchor=\"#x\"; rel=next, <b>", &[("b", None)]),
            (
                "junk <a> junk; rel=x, <b>;;rel=next",
                &[("a", None), ("b", Some("next"))],
            ),
            ("<>; rel=next", &[("", Some("next"))]),
            ("<a>; rel=\"next", &[("a", Some("next"))]),
            ("<a", &[]),
            ("é", &[]),
            ("", &[]),
        ] {
            let mut got = Vec::new();
            links(value, 5, |link| got.push(link));
            let got: Vec<_> = got
                .iter()
                .map(|link| (link.target, link.rel.as_deref()))
                .collect();
            assert_eq!(got, wanted, "{value}");
        }
    }

    #[test]
    fn languages() {
        for (value, wanted) in [
            ("<a>; rel=alternate; hreflang=de", &["de"][..]),
            (
                "<a>; HREFLANG=\" de-AT \"; rel=x; hreflang=fr",
                &["de-AT", "fr"],
            ),
            ("<a>; hreflang=\"\"; hreflang=de", &["de"]),
            ("<a>; hreflang=zh-Hans", &["zh-Ha"]),
            ("<a>; rel=alternate", &[]),
        ] {
            links(value, 5, |link| {
                let got: Vec<&str> = link.hreflang.iter().map(|text| &**text).collect();
                assert_eq!(got, wanted, "{value}");
            });
        }
    }
}
