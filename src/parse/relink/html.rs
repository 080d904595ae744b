//! The references of HTML, XHTML and SVG: the same walk as `parse::html`, which finds them.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::super::attributes::Name;
use super::super::elements::{self, Tag, Value};
use super::super::html::base_of;
use super::super::namespaces::{Namespace, Namespaces};
use super::super::refresh::refresh;
use super::super::text::{self, slice};
use super::super::tokenizer::{Token, Tokenizer};
use super::{Edit, Lead, References, edited, place_of, sheet};
use crate::canonical::CanonicalUrl;
use crate::record::LinkKind;

/// Nesting of SVG and `MathML` that is kept count of.
const NESTING: usize = 512;

/// All edits of a page, in no order.
pub(super) fn edits(
    text: &str,
    xml: bool,
    encoding: &'static Encoding,
    url: &CanonicalUrl,
    lead: &mut Lead<'_>,
) -> Vec<Edit> {
    let base = has_base(text).then(|| base_of(text, url));
    let mut tokens = Tokenizer::new(text);
    tokens.cdata = xml;
    let mut walk = Walk {
        text,
        xml,
        tokens,
        namespaces: Namespaces::new(NESTING),
        templates: 0,
        references: References::new(url, base, encoding, lead),
        edits: Vec::new(),
    };
    walk.run();
    walk.edits
}

/// Whether there may be a `<base>`: most pages have none, and need not be read twice.
fn has_base(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'<', bytes).any(|at| {
        let name = bytes.get(at + 1..at + 5).unwrap_or_default();
        name.eq_ignore_ascii_case(b"base")
    })
}

struct Walk<'a, 'l, 'f> {
    text: &'a str,
    xml: bool,
    tokens: Tokenizer<'a>,
    namespaces: Namespaces,
    /// How many `<template>` are open: what is in them is for scripts to fill in.
    templates: usize,
    references: References<'l, 'f>,
    edits: Vec<Edit>,
}

impl<'a> Walk<'a, '_, '_> {
    fn run(&mut self) {
        while let Some(token) = self.tokens.next() {
            match token {
                // Character references within a style sheet: nobody writes URLs so, and they are left alone.
                Token::Text(raw) if raw.contains('&') => {}
                Token::Text(raw) | Token::Cdata(raw) => self.foreign_sheet(raw),
                Token::Start {
                    name,
                    tag,
                    self_closing,
                } => self.start(name, tag, self_closing),
                Token::End { name, tag } => {
                    self.namespaces.end(name, tag);
                    let foreign = self.namespaces.is_foreign();
                    self.tokens.cdata = self.xml || foreign;
                    if tag == Tag::Template && !foreign {
                        self.templates = self.templates.saturating_sub(1);
                    }
                }
            }
        }
    }

    /// The text of a `<style>` in SVG.
    fn foreign_sheet(&mut self, raw: &'a str) {
        if self.templates == 0 && self.namespaces.innermost() == Some(Tag::Style) {
            self.sheet(raw);
        }
    }

    fn sheet(&mut self, css: &'a str) {
        let Some(from) = place_of(self.text, css) else {
            return;
        };
        for edit in sheet::edits(css, &mut self.references) {
            self.edits.push(Edit {
                at: from + edit.at.start..from + edit.at.end,
                with: edit.with,
            });
        }
    }

    fn start(&mut self, name: &'a str, tag: Tag, self_closing: bool) {
        let in_script = self.namespaces.innermost() == Some(Tag::Script);
        let attributes = &self.tokens.attributes;
        let namespace = self.namespaces.start(name, tag, attributes, self_closing);
        self.tokens.cdata = self.xml || self.namespaces.is_foreign();
        if self.templates == 0 && !in_script {
            match namespace {
                Namespace::Html => self.html_element(tag),
                Namespace::Svg => self.svg_element(tag),
                Namespace::MathMl => {}
            }
            self.style_attribute();
        }
        if namespace == Namespace::Html && !(self_closing && self.xml) {
            self.content_of(name, tag);
        }
    }

    /// See `parse::html`: what follows these is no markup.
    fn content_of(&mut self, name: &'a str, tag: Tag) {
        match tag {
            Tag::Title | Tag::Iframe | Tag::RawText | Tag::Textarea => {
                self.tokens.raw_text(name);
            }
            Tag::Style => {
                let css = self.tokens.raw_text("style");
                if self.templates == 0 {
                    self.sheet(css);
                }
            }
            Tag::Script => self.tokens.script(),
            Tag::Plaintext => {
                self.tokens.plaintext();
            }
            Tag::Template => {
                let shadow = ["open", "closed"]
                    .iter()
                    .any(|mode| self.tokens.attributes.is(Name::Shadowrootmode, mode));
                self.templates += usize::from(self.templates > 0 || !shadow);
            }
            _ => {}
        }
    }

    fn html_element(&mut self, tag: Tag) {
        match tag {
            Tag::Other => return,
            Tag::Base => self.replace(Name::Href, ""),
            Tag::Input if self.tokens.attributes.is(Name::Type, "image") => {
                self.attribute(Name::Src, Value::Source, LinkKind::Img);
            }
            Tag::Link => self.link_element(),
            Tag::Meta => self.meta(),
            _ => {}
        }
        for &(name, value, kind) in elements::links_of(tag) {
            self.attribute(name, value, kind);
        }
    }

    fn svg_element(&mut self, tag: Tag) {
        if let Some(kind) = elements::svg_link(tag) {
            for name in [Name::Href, Name::XlinkHref] {
                self.attribute(name, Value::Source, kind);
            }
        }
    }

    /// A canonical link says where the page is from: it stays what it says.
    fn link_element(&mut self) {
        let rel = self.tokens.attributes.get(Name::Rel);
        let rel = rel.and_then(|rel| text::words(&rel)).unwrap_or_default();
        let kind = elements::relation(&rel).unwrap_or(LinkKind::Link);
        self.attribute(Name::Href, Value::Source, kind);
        self.attribute(Name::Imagesrcset, Value::Set, LinkKind::Img);
    }

    /// A refresh leads on. A policy that lets a page load from its own host lets it load nothing from files.
    fn meta(&mut self) {
        let attributes = &self.tokens.attributes;
        if attributes.is(Name::HttpEquiv, "content-security-policy") {
            return self.replace(Name::Content, "");
        }
        if !attributes.is(Name::HttpEquiv, "refresh") {
            return;
        }
        let Some(content) = attributes.get(Name::Content) else {
            return;
        };
        let url = refresh(&content).and_then(|refresh| refresh.url);
        let (Some(url), Some(from)) = (url, url.and_then(|url| place_of(&content, url))) else {
            return;
        };
        if let Some(new) = self.references.link(url, LinkKind::Refresh)
            && new.text != url
        {
            // Where it stands in quotes, the next of their kind ends it.
            let quote = slice(&content, 0, from).chars().next_back();
            let with = match quote {
                Some('"') => new.text.replace('"', "%22"),
                Some('\'') => new.text.replace('\'', "%27"),
                _ => new.text,
            };
            let at = from..from + url.len();
            let content = edited(&content, &[Edit { at, with }]);
            self.replace(Name::Content, &content);
        }
    }

    fn attribute(&mut self, name: Name, value: Value, kind: LinkKind) {
        let Some(old) = self.tokens.attributes.get(name) else {
            return;
        };
        let (new, is_local) = match (value, kind) {
            (Value::Set, _) => sheet::set(&old, &mut self.references),
            (Value::Source, _) if text::trim(&old).is_empty() => return,
            _ => {
                let new = match kind {
                    LinkKind::Form | LinkKind::Canonical => self.references.absolute(&old),
                    _ => self.references.link(&old, kind),
                };
                let is_local = new.as_ref().is_some_and(|new| new.is_local);
                (new.map(|new| new.text), is_local)
            }
        };
        if let Some(new) = new.filter(|new| **new != *old) {
            self.replace(name, &new);
        }
        if is_local {
            // What is edited has another digest, and files grant nothing to other origins.
            self.remove(Name::Integrity, "integrity");
            self.remove(Name::Crossorigin, "crossorigin");
        }
    }

    fn style_attribute(&mut self) {
        let Some(raw) = self.tokens.attributes.raw(Name::Style) else {
            return;
        };
        if memchr::memchr2(b'(', b'&', raw.as_bytes()).is_none() {
            return;
        }
        let css = text::attribute(raw);
        let edits = sheet::edits(&css, &mut self.references);
        if !edits.is_empty() {
            let new = edited(&css, &edits);
            self.replace(Name::Style, &new);
        }
    }

    /// Gives an attribute of the tag another value; one that was written without any keeps none.
    fn replace(&mut self, name: Name, value: &str) {
        let Some(raw) = self.tokens.attributes.raw(name) else {
            return;
        };
        let Some(from) = place_of(self.text, raw) else {
            return;
        };
        let at = from..from + raw.len();
        let escaped = escaped(value);
        let with = if self.quote_around(from, raw.len()) {
            escaped.into_owned()
        } else if raw.is_empty() {
            return;
        } else {
            format!("\"{escaped}\"")
        };
        self.edits.push(Edit { at, with });
    }

    fn quote_around(&self, from: usize, length: usize) -> bool {
        let bytes = self.text.as_bytes();
        let before = from.checked_sub(1).and_then(|at| bytes.get(at));
        matches!(before, Some(b'"' | b'\'')) && before == bytes.get(from + length)
    }

    /// Takes an attribute of the tag away: its name, its value and what is between.
    fn remove(&mut self, name: Name, written: &str) {
        let Some(raw) = self.tokens.attributes.raw(name) else {
            return;
        };
        let Some(from) = place_of(self.text, raw) else {
            return;
        };
        let quote = usize::from(self.quote_around(from, raw.len()));
        let before = slice(self.text, 0, from - quote);
        let is_space = |c: char| c.is_ascii_whitespace();
        let before = before.trim_end_matches(is_space);
        let before = before.strip_suffix('=').unwrap_or(before);
        let start = before.trim_end_matches(is_space).len();
        let Some(start) = start.checked_sub(written.len()) else {
            return;
        };
        let end = from + raw.len() + quote;
        let found = slice(self.text, start, start + written.len());
        // An element may have two references; what is gone already is gone.
        let is_done = self
            .edits
            .iter()
            .rev()
            .take(8)
            .any(|edit| edit.at.start == start);
        if found.eq_ignore_ascii_case(written) && !is_done {
            self.edits.push(Edit {
                at: start..end,
                with: String::new(),
            });
        }
    }
}

/// An attribute's value, for quotes of either kind and without them; in ASCII, for any charset.
fn escaped(value: &str) -> Cow<'_, str> {
    let plain = |byte: u8| {
        matches!(byte, b' '..=b'~') && !matches!(byte, b'&' | b'"' | b'\'' | b'<' | b'>')
    };
    if value.bytes().all(plain) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len() + 32);
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            ' '..='~' => out.push(c),
            _ => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    Cow::Owned(out)
}
