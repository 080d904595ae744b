//! A page, a style sheet or an SVG with its links leading elsewhere, for a tree of files that can be browsed without
//! the network. Only the references are written anew; every other byte stays what it was, whatever the charset.
//!
//! ```text
//! body ─ charset ─▶ tokens ─▶ references ─ lead ─▶ edits of the text ─▶ edits of the bytes ─▶ body
//! ```
//!
//! What `lead` knows becomes what it says; what it does not know becomes an absolute URL. A `<base>` is taken away, for
//! nothing is relative to it any more.

mod bytes;
mod html;
mod sheet;

use std::borrow::Cow;
use std::ops::Range;

use encoding_rs::{Encoding, UTF_8};

use super::{charset, links};
use crate::canonical::{Base, CanonicalUrl};
use crate::record::LinkKind;

/// What is read for links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// HTML; `xml`: XHTML, or an SVG by itself.
    Html { xml: bool },
    /// A style sheet.
    Css,
}

impl Language {
    /// Of a media type; `None` for what has no links.
    pub(crate) fn of(essence: &str) -> Option<Self> {
        match essence {
            "text/html" => Some(Self::Html { xml: false }),
            "application/xhtml+xml" | "image/svg+xml" => Some(Self::Html { xml: true }),
            "text/css" => Some(Self::Css),
            _ => None,
        }
    }
}

/// Where a URL leads now, percent-encoded and without a fragment; `None`: to where it has led before. The kind says
/// whether it is a part of the page.
pub(crate) type Lead<'a> = dyn FnMut(&CanonicalUrl, LinkKind) -> Option<String> + 'a;

/// A body with its references written anew. `label` names the charset that it was read by, if that is known.
pub(crate) fn relink<'b>(
    body: &'b [u8],
    language: Language,
    label: Option<&str>,
    url: &CanonicalUrl,
    lead: &mut Lead<'_>,
) -> Cow<'b, [u8]> {
    let named = label.and_then(|label| Encoding::for_label(label.as_bytes()));
    let encoding = named.unwrap_or_else(|| match language {
        Language::Html { xml: false } => charset::choose(body, None),
        Language::Html { xml: true } => charset::choose_xml(body, None),
        Language::Css => charset::choose_css(body, None),
    });
    let text = charset::decode(body, encoding);
    let mut edits = match language {
        Language::Html { xml } => html::edits(&text, xml, encoding, url, lead),
        Language::Css => {
            let mut references = References::new(url, None, UTF_8, lead);
            sheet::edits(&text, &mut references)
        }
    };
    edits.sort_by_key(|edit| edit.at.start);
    bytes::apply(body, &text, encoding, &edits)
}

/// A piece of the text, and what stands there instead: ASCII alone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    at: Range<usize>,
    with: String,
}

/// A reference that was written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
struct New {
    text: String,
    /// Whether it leads to where `lead` says.
    is_local: bool,
}

/// How the references of one page are resolved.
struct References<'l, 'f> {
    base: Base,
    /// Whether that is another than the page's URL.
    moved: bool,
    encoding: &'static Encoding,
    lead: &'l mut Lead<'f>,
}

impl<'l, 'f> References<'l, 'f> {
    fn new(
        url: &CanonicalUrl,
        base: Option<Base>,
        encoding: &'static Encoding,
        lead: &'l mut Lead<'f>,
    ) -> Self {
        let base = base.unwrap_or_else(|| Base::of(url));
        Self {
            moved: base.as_str() != url.as_str(),
            base,
            encoding: encoding.output_encoding(),
            lead,
        }
    }

    /// A reference that leads on; `None` where it stays as it is.
    fn link(&mut self, value: &str, kind: LinkKind) -> Option<New> {
        let (target, fragment) = self.resolve(value)?;
        let led = (self.lead)(&target, kind);
        let is_local = led.is_some();
        let text = match led {
            Some(text) => text,
            // What is absolute already says more than its canonical form: user names, say.
            None if is_absolute(value) => return None,
            None => target.as_str().to_owned(),
        };
        Self::new_text(value, text, fragment, is_local)
    }

    /// A reference that is to be asked of the server: a form's, say.
    fn absolute(&mut self, value: &str) -> Option<New> {
        if is_absolute(value) {
            return None;
        }
        let (target, fragment) = self.resolve(value)?;
        Self::new_text(value, target.as_str().to_owned(), fragment, false)
    }

    fn new_text(
        value: &str,
        mut text: String,
        fragment: Option<&str>,
        is_local: bool,
    ) -> Option<New> {
        if let Some(fragment) = fragment {
            text.push('#');
            push_fragment(&mut text, fragment);
        }
        // A file that is met where it is looked for already: it may have attributes that are in its way all the same.
        (is_local || text != value).then_some(New { text, is_local })
    }

    fn resolve<'v>(&self, value: &'v str) -> Option<(CanonicalUrl, Option<&'v str>)> {
        let text = value.trim_matches(|c: char| c <= ' ');
        // These lead to where the reader is, as long as there is no other base.
        let within = text.is_empty() || text.starts_with('#');
        if within && !self.moved || links::has_other_scheme(text) {
            return None;
        }
        let target = links::join(&self.base, self.encoding, text)?;
        let fragment = text.split_once('#').map(|(_, fragment)| fragment);
        Some((target, fragment))
    }
}

/// Whether a reference names scheme and host.
fn is_absolute(value: &str) -> bool {
    let text = value.trim_start_matches(|c: char| c <= ' ');
    let starts = |scheme: &str| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    starts("http://") || starts("https://")
}

/// Escapes what the URL Standard escapes in a fragment, and what is not ASCII.
fn push_fragment(out: &mut String, fragment: &str) {
    for byte in fragment.bytes() {
        match byte {
            b'\t' | b'\n' | b'\r' => {}
            b'!'..=b'~' if !matches!(byte, b'"' | b'<' | b'>' | b'`') => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// Where a slice of a text stands in it; `None` if it is none.
fn place_of(text: &str, part: &str) -> Option<usize> {
    let at = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    (at + part.len() <= text.len()).then_some(at)
}

/// A text with edits of its pieces.
fn edited(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for edit in edits {
        out.push_str(text.get(done..edit.at.start).unwrap_or_default());
        out.push_str(&edit.with);
        done = edit.at.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
