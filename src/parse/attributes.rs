//! The attributes of one start tag: only those that somebody asks for, each the first of its name.
//!
//! A tag may have a million attributes; what is kept of them is one slice per known name, so the room
//! does not grow, and a duplicate costs a bit test (HTML Standard §13.2.5.33: the first one counts).

use std::borrow::Cow;

use super::elements::pack;
use super::text::{attribute, is_space, slice};

macro_rules! names {
    ($($variant:ident = $text:literal),* $(,)?) => {
        /// An attribute that means something to this crawler.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Name { $($variant),* }

        const COUNT: usize = [$(Name::$variant),*].len();

        fn known(packed: u128) -> Option<Name> {
            $(if packed == const { pack($text) } { return Some(Name::$variant); })*
            None
        }
    };
}

names! {
    Action = b"action",
    Alt = b"alt",
    AriaHidden = b"aria-hidden",
    Background = b"background",
    Class = b"class",
    Color = b"color",
    Content = b"content",
    Crossorigin = b"crossorigin",
    Data = b"data",
    Encoding = b"encoding",
    Face = b"face",
    Formaction = b"formaction",
    Hidden = b"hidden",
    Href = b"href",
    Hreflang = b"hreflang",
    HttpEquiv = b"http-equiv",
    Id = b"id",
    Imagesrcset = b"imagesrcset",
    Integrity = b"integrity",
    Lang = b"lang",
    Named = b"name",
    Poster = b"poster",
    Rel = b"rel",
    Role = b"role",
    Shadowrootmode = b"shadowrootmode",
    Size = b"size",
    Src = b"src",
    Srcset = b"srcset",
    Start = b"start",
    Style = b"style",
    Type = b"type",
    XlinkHref = b"xlink:href",
    XmlLang = b"xml:lang",
}

/// What was kept of the attributes of the tag read last.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    values: [&'a str; COUNT],
    /// A bit per name that the tag has. Only these values are of this tag: clearing one word is cheaper
    /// than clearing the values.
    seen: u64,
}

impl Default for Attributes<'_> {
    fn default() -> Self {
        Self {
            values: [""; COUNT],
            seen: 0,
        }
    }
}

impl<'a> Attributes<'a> {
    /// The raw value, references not decoded.
    pub(super) fn raw(&self, name: Name) -> Option<&'a str> {
        let index = name as usize;
        (self.seen & (1 << index) != 0).then(|| self.values.get(index).copied().unwrap_or_default())
    }

    /// The value.
    pub(super) fn get(&self, name: Name) -> Option<Cow<'a, str>> {
        self.raw(name).map(attribute)
    }

    /// Whether the tag has the attribute.
    pub(super) fn has(&self, name: Name) -> bool {
        self.seen & (1 << name as usize) != 0
    }

    /// Whether the value is this one, letter case aside.
    pub(super) fn is(&self, name: Name, value: &str) -> bool {
        self.get(name)
            .is_some_and(|found| found.eq_ignore_ascii_case(value))
    }

    /// Reads the attributes that begin at `at`; answers with the place behind the tag's `>` and whether a
    /// `/` stood before it, or `None` when the text ends first (§13.2.5.32 to §13.2.5.40).
    pub(super) fn read(&mut self, text: &'a str, mut at: usize) -> Option<(usize, bool)> {
        self.seen = 0;
        let bytes = text.as_bytes();
        loop {
            match *bytes.get(at)? {
                b'>' => return Some((at + 1, false)),
                b'/' if bytes.get(at + 1) == Some(&b'>') => return Some((at + 2, true)),
                byte if is_space(byte) || byte == b'/' => at += 1,
                _ => at = self.one(text, at)?,
            }
        }
    }

    /// Reads one attribute and answers with the place behind it.
    fn one(&mut self, text: &'a str, start: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        // A leading `=` belongs to the name.
        let end = start
            + 1
            + find(bytes, start + 1, |b| {
                is_space(b) || matches!(b, b'/' | b'>' | b'=')
            })?;
        let name = slice(text, start, end);
        let after = end + find(bytes, end, |b| !is_space(b))?;
        if bytes.get(after) != Some(&b'=') {
            // Empty, and where it would stand.
            self.keep(name, slice(text, end, end));
            return Some(after);
        }
        let value = after + 1 + find(bytes, after + 1, |b| !is_space(b))?;
        let (from, to, next) = match *bytes.get(value)? {
            quote @ (b'"' | b'\'') => {
                let to = value + 1 + memchr::memchr(quote, bytes.get(value + 1..)?)?;
                (value + 1, to, to + 1)
            }
            // Unquoted: `/` is part of the value, so `<a href=/x/>` has `/x/` and does not close itself.
            _ => {
                let to = value + find(bytes, value, |b| is_space(b) || b == b'>')?;
                (value, to, to)
            }
        };
        self.keep(name, slice(text, from, to));
        Some(next)
    }

    fn keep(&mut self, name: &str, value: &'a str) {
        let Some(name) = known(pack(name.as_bytes())) else {
            return;
        };
        let bit = 1 << name as usize;
        if self.seen & bit == 0 {
            self.seen |= bit;
            if let Some(slot) = self.values.get_mut(name as usize) {
                *slot = value;
            }
        }
    }
}

/// How far from `from` the first such byte is.
fn find(bytes: &[u8], from: usize, test: impl Fn(u8) -> bool) -> Option<usize> {
    bytes.get(from..)?.iter().position(|&byte| test(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_an_attribute() {
        for (tag, wanted) in [
            (" href=x>", Some("x")),
            ("\thref = 'a b' >", Some("a b")),
            (" HREF=\"a>b\">", Some("a>b")),
            (" href=/x/>", Some("/x/")),
            (" href>", Some("")),
            (" href=>", Some("")),
            (" href= >", Some("")),
            ("/href=x/>", Some("x/")),
            (" href=a href=b>", Some("a")),
            (" a=b href=x>", Some("x")),
            (" a='b'href=x>", Some("x")),
            (" =href=x>", None),
            (" data-href=x>", None),
            (" \0href=x>", None),
            ("\u{3000}href=x>", None),
            (" a\" href=x>", Some("x")),
            (" href='?a=1&amp;b&copy=2'>", Some("?a=1&b&copy=2")),
        ] {
            let mut attributes = Attributes::default();
            assert!(attributes.read(tag, 0).is_some(), "{tag}");
            assert_eq!(attributes.get(Name::Href).as_deref(), wanted, "{tag}");
        }
    }

    #[test]
    fn ends_of_a_tag() {
        for (tag, wanted) in [
            (">", Some((1, false))),
            ("/>", Some((2, true))),
            (" a />x", Some((5, true))),
            (" a=b/>", Some((6, false))),
            (" / >", Some((4, false))),
            ("", None),
            (" a", None),
            (" a=", None),
            (" a='>", None),
            (" a='b'", None),
        ] {
            assert_eq!(Attributes::default().read(tag, 0), wanted, "{tag}");
        }
    }

    #[test]
    fn nothing_stays_of_the_tag_before() {
        let mut attributes = Attributes::default();
        attributes.read(" href=x rel=y>", 0);
        attributes.read(" rel=z>", 0);
        assert_eq!(attributes.get(Name::Href), None);
        assert_eq!(attributes.get(Name::Rel).as_deref(), Some("z"));
    }
}
