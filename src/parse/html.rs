//! The links of an HTML page and their anchors: one pass over its tokens.
//!
//! This room plays the tree builder's part towards the tokenizer (which text is raw, where CDATA is) and
//! knows of the tree only what matters: whether a tag stands in SVG, in a `<template>`, in `<noscript>`
//! or in an `<a>`. Scripts are taken to be off, so what `<noscript>` holds is markup.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

use crate::canonical::{Base, CanonicalUrl};
use crate::record::{LinkKind, Page};
use crate::traps::Gatherer;

use super::attributes::Name;
use super::elements::{self, Tag, Value};
use super::head::Head;
use super::links::{Links, has_other_scheme};
use super::namespaces::{Namespace, Namespaces};
use super::robots_directives::Gathered;
use super::text::{self, Folder};
use super::tokenizer::{Token, Tokenizer};
use super::{Limits, css, srcset};

/// An `<a href>` whose text is being read.
#[derive(Debug)]
struct Anchor {
    /// Its place among the links.
    place: usize,
    /// The first `alt` of an image inside, for an anchor without text.
    alt: Option<Box<str>>,
}

/// What is known of a page before its text is read.
#[derive(Debug)]
pub(super) struct Setting<'a> {
    pub(super) url: &'a CanonicalUrl,
    pub(super) agent: &'a str,
    pub(super) encoding: &'static Encoding,
    /// Whether the document is XML, where any element may close itself.
    pub(super) xml: bool,
    pub(super) limits: Limits,
}

/// Reads one page.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    setting: Setting<'a>,
    tokens: Tokenizer<'a>,
    namespaces: Namespaces,
    links: Links<'a>,
    anchor: Option<Anchor>,
    folder: Folder,
    /// How many `<template>` are open. Their content is no part of the document (HTML Standard §4.12.3).
    templates: usize,
    /// Whether `<noscript>` is open: its links count, but it neither moves the base nor refreshes, since
    /// it does neither to a browser with scripts.
    noscript: bool,
    head: Head<'a>,
    /// Takes the words, where they matter.
    words: Option<Gatherer>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        setting: Setting<'a>,
        text: &'a str,
        directives: Gathered,
        words: Option<Gatherer>,
    ) -> Self {
        let mut tokens = Tokenizer::new(text);
        tokens.cdata = setting.xml;
        Self {
            tokens,
            namespaces: Namespaces::new(setting.limits.nesting),
            links: Links::new(setting.url, setting.encoding, setting.limits.links),
            anchor: None,
            folder: Folder::new(setting.limits.anchor),
            templates: 0,
            noscript: false,
            head: Head::new(setting.agent, setting.limits.title, directives),
            words,
            setting,
        }
    }

    /// Reads all, and lays what was found into the page; answers with the directives.
    pub(super) fn read(mut self, page: &mut Page) -> Gathered {
        self.run();
        let directives = self.head.finish(&self.links, page);
        page.truncated |= self.namespaces.cut;
        page.truncated |= self.links.finish(&mut page.links);
        page.words = self
            .words
            .map(|words| words.finish(self.setting.url, &page.links));
        directives
    }

    /// Every branch moves the tokenizer on, so this ends, and each byte is read once.
    fn run(&mut self) {
        while let Some(token) = self.tokens.next() {
            match token {
                Token::Text(raw) => self.text(raw, true),
                Token::Cdata(text) => self.text(text, false),
                Token::Start {
                    name,
                    tag,
                    self_closing,
                } => self.start(name, tag, self_closing),
                Token::End { name, tag } => self.end(name, tag),
            }
        }
        self.close_anchor();
    }

    /// Text is looked at only where somebody wants it; most of a page is passed over here undecoded.
    fn text(&mut self, raw: &'a str, references: bool) {
        if let Some(words) = &mut self.words
            && self.templates == 0
            && !matches!(self.namespaces.innermost(), Some(Tag::Style | Tag::Script))
        {
            words.text(raw);
        }
        if self.anchor.is_none() && self.namespaces.innermost().is_none() || self.templates > 0 {
            return;
        }
        let decoded = || {
            if references {
                text::content(raw)
            } else {
                Cow::Borrowed(raw)
            }
        };
        match self.namespaces.innermost() {
            // In SVG these two hold text like any element.
            Some(Tag::Style) => css::urls(&decoded(), |url| self.links.push_css(url)),
            Some(Tag::Script) => {}
            _ if self.anchor.is_some() && !self.folder.is_full() => self.folder.push(&decoded()),
            _ => {}
        }
    }

    /// An element is placed, then asked for its links, and last for the raw text that it may open, since
    /// reading that moves the tokenizer and loses the attributes.
    fn start(&mut self, name: &'a str, tag: Tag, self_closing: bool) {
        let in_script = self.namespaces.innermost() == Some(Tag::Script);
        let namespace = self
            .namespaces
            .start(name, tag, &self.tokens.attributes, self_closing);
        self.tokens.cdata = self.setting.xml || self.namespaces.is_foreign();
        if self.templates == 0 && !in_script {
            match namespace {
                Namespace::Html => self.html_element(tag),
                Namespace::Svg => self.svg_element(tag),
                Namespace::MathMl => {}
            }
            self.style_attribute();
        }
        let empty = self_closing && self.setting.xml;
        if namespace == Namespace::Html && !empty {
            self.content_of(name, tag);
        }
    }

    /// What follows a start tag is text by rules of its own (HTML Standard §13.2.6.4), even where the
    /// element itself means nothing.
    fn content_of(&mut self, name: &'a str, tag: Tag) {
        match tag {
            Tag::Title => {
                let raw = self.tokens.raw_text("title");
                if let Some(words) = &mut self.words {
                    words.text(raw);
                }
                if self.templates == 0 {
                    self.head.title(raw);
                }
            }
            Tag::Style => {
                let sheet = self.tokens.raw_text("style");
                if self.templates == 0 {
                    css::urls(sheet, |url| self.links.push_css(url));
                }
            }
            Tag::Script => self.tokens.script(),
            Tag::Iframe | Tag::RawText | Tag::Textarea => {
                self.tokens.raw_text(name);
            }
            Tag::Plaintext => {
                self.tokens.plaintext();
            }
            // A declarative shadow root is part of the page after all.
            Tag::Template => {
                let shadow = ["open", "closed"]
                    .iter()
                    .any(|mode| self.tokens.attributes.is(Name::Shadowrootmode, mode));
                self.templates += usize::from(self.templates > 0 || !shadow);
            }
            _ => {}
        }
    }

    /// End tags of HTML are not matched with their start tags: what they end here (an anchor, a template)
    /// they end in the tree, too, but for markup that is broken across both.
    fn end(&mut self, name: &str, tag: Tag) {
        self.namespaces.end(name, tag);
        let foreign = self.namespaces.is_foreign();
        self.tokens.cdata = self.setting.xml || foreign;
        match tag {
            Tag::Template if !foreign => self.templates = self.templates.saturating_sub(1),
            _ if self.templates > 0 => {}
            Tag::A => self.close_anchor(),
            Tag::Noscript => self.noscript = false,
            _ if tag.parts_words() => self.folder.space(),
            _ => {}
        }
    }

    /// Elements whose meaning hangs on more than one attribute; the table of `elements` has the others.
    fn html_element(&mut self, tag: Tag) {
        match tag {
            Tag::Other => return,
            // Anchors do not nest: a new one closes the former, with or without `href` (§13.2.6.4.7).
            Tag::A => self.close_anchor(),
            Tag::Base if !self.noscript => {
                if let Some(href) = self.tokens.attributes.get(Name::Href) {
                    self.links.set_base(&href);
                }
            }
            Tag::Html => self.head.lang(&self.tokens.attributes),
            Tag::Input if self.tokens.attributes.is(Name::Type, "image") => {
                self.attribute(Name::Src, Value::Source, LinkKind::Img);
            }
            Tag::Link => self.link_element(),
            Tag::Meta => {
                if let Some(url) = self.head.meta(&self.tokens.attributes, self.noscript) {
                    self.links
                        .push(Cow::Owned(url), LinkKind::Refresh, None, None);
                }
            }
            Tag::Noscript => self.noscript = true,
            _ if tag.parts_words() => self.folder.space(),
            _ => {}
        }
        for &(name, value, kind) in elements::links_of(tag) {
            self.attribute(name, value, kind);
        }
    }

    /// SVG has its links in `href`, and in the `xlink:href` of old.
    fn svg_element(&mut self, tag: Tag) {
        if tag == Tag::A {
            self.close_anchor();
        }
        if let Some(kind) = elements::svg_link(tag) {
            // Where both are there, the old one is ignored (SVG 2 §16.1.3).
            let new = self.tokens.attributes.has(Name::Href);
            self.attribute(
                if new { Name::Href } else { Name::XlinkHref },
                Value::Source,
                kind,
            );
        }
    }

    /// Adds the links of one attribute.
    fn attribute(&mut self, name: Name, value: Value, kind: LinkKind) {
        let Some(text) = self.tokens.attributes.get(name) else {
            return;
        };
        if value == Value::Set {
            srcset::urls(&text, |url| self.push(Cow::Owned(url.to_owned()), kind));
        } else if value == Value::Url || !text::trim(&text).is_empty() {
            self.push(text, kind);
        }
    }

    /// Adds one link with what the element says of it, and opens its anchor if it has one.
    fn push(&mut self, text: Cow<'a, str>, kind: LinkKind) {
        let attributes = &self.tokens.attributes;
        let rel = match kind {
            LinkKind::A | LinkKind::Area | LinkKind::Form => attributes.get(Name::Rel),
            _ => None,
        };
        let alt = match kind {
            LinkKind::Area | LinkKind::Img => attributes.get(Name::Alt),
            _ => None,
        };
        let alt = alt.and_then(|alt| text::fold(&alt, self.setting.limits.anchor));
        if let (LinkKind::Img, Some(anchor)) = (kind, &mut self.anchor) {
            anchor.alt = anchor.alt.take().or_else(|| alt.clone());
        }
        let place = self
            .links
            .push(text, kind, rel.and_then(|rel| text::words(&rel)), alt);
        if let (LinkKind::A, Some(place)) = (kind, place) {
            self.anchor = Some(Anchor { place, alt: None });
        }
    }

    /// Ends the anchor under way, if any; an anchor without text is named by its image.
    fn close_anchor(&mut self) {
        let text = self.folder.take();
        if let Some(Anchor { place, alt }) = self.anchor.take() {
            self.links.set_anchor(place, text.or(alt));
        }
    }

    /// CSS in an attribute, which any element of any namespace may have.
    fn style_attribute(&mut self) {
        let Some(raw) = self.tokens.attributes.raw(Name::Style) else {
            return;
        };
        // Nearly all have neither.
        if memchr::memchr2(b'(', b'&', raw.as_bytes()).is_some() {
            css::urls(&text::attribute(raw), |url| self.links.push_css(url));
        }
    }

    /// `<link>`: its relation decides the kind.
    fn link_element(&mut self) {
        let attributes = &self.tokens.attributes;
        // Without a relation it is no link (HTML Standard §4.2.4).
        let Some(rel) = attributes.get(Name::Rel).and_then(|rel| text::words(&rel)) else {
            return;
        };
        let kind = elements::relation(&rel).unwrap_or(LinkKind::Link);
        let href = attributes
            .get(Name::Href)
            .filter(|href| !text::trim(href).is_empty());
        if let Some(href) = href {
            // One that is no page of the web (`file:`) is none; the next one counts.
            if kind == LinkKind::Canonical && !has_other_scheme(text::trim(&href)) {
                self.head.canonical(&href);
            }
            // Such a link has no text; what it has is the language that it leads to.
            let language = match kind {
                LinkKind::Alternate => attributes.get(Name::Hreflang),
                _ => None,
            };
            let limit = self.setting.limits.anchor;
            let language = language.and_then(|language| text::fold(&language, limit));
            self.links.push(href, kind, Some(rel), language);
        }
        self.attribute(Name::Imagesrcset, Value::Set, LinkKind::Img);
    }
}

/// Reads a text for one of the two answers below; `parse` is the way to have more.
fn read_all<'a>(text: &'a str, page: &'a CanonicalUrl) -> Reader<'a> {
    let setting = Setting {
        url: page,
        agent: "",
        encoding: UTF_8,
        xml: false,
        limits: Limits::default(),
    };
    let mut reader = Reader::new(setting, text, Gathered::default(), None);
    reader.run();
    reader
}

/// The base of a page's relative references: its first `<base href>`, or its URL.
#[must_use]
pub fn base_of(text: &str, page: &CanonicalUrl) -> Base {
    read_all(text, page).links.base()
}

/// The page's refresh: after how many seconds, and where to; `None` where there is none, or one that
/// only loads the page again.
#[must_use]
pub fn refresh_of(text: &str, page: &CanonicalUrl) -> Option<(f64, CanonicalUrl)> {
    let reader = read_all(text, page);
    reader.head.resolved_refresh(&reader.links)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Page, Gathered) {
        read_as(text, false)
    }

    fn read_as(text: &str, xml: bool) -> (Page, Gathered) {
        let url = CanonicalUrl::parse("http://a.example/d/p").expect("a URL");
        let limits = Limits::default();
        let setting = Setting {
            url: &url,
            agent: "crawl",
            encoding: UTF_8,
            xml,
            limits,
        };
        let mut page = Page::default();
        let directives = Reader::new(setting, text, Gathered::default(), None).read(&mut page);
        (page, directives)
    }

    /// Links as `kind path anchor [rel]`, less what all have in common.
    fn links(text: &str) -> Vec<String> {
        let (page, _) = read(text);
        let shown = |link: &crate::record::Link| {
            let target = link.target.as_str();
            let target = target.strip_prefix("http://a.example/d/").unwrap_or(target);
            let anchor = link
                .anchor
                .as_deref()
                .map(|text| format!(" {text}"))
                .unwrap_or_default();
            let rel = link
                .rel
                .as_deref()
                .map(|rel| format!(" [{rel}]"))
                .unwrap_or_default();
            format!("{:?} {target}{anchor}{rel}", link.kind)
        };
        page.links.iter().map(shown).collect()
    }

    #[test]
    fn titles() {
        for (text, wanted) in [
            ("<title> A\n <b>&amp; </title>B", Some("A <b>&")),
            ("<title>a</title><title>b</title>", Some("a")),
            ("<title></title><title>b</title>", None),
            ("<svg><title>x</title></svg><title>y</title>", Some("y")),
            ("<svg><g><title>x</title><p><title>y</title>", Some("y")),
            (
                "<template><title>x</title></template><title>y</title>",
                Some("y"),
            ),
            ("<!-- <title>x</title> --><title>y</title>", Some("y")),
            (
                "<script>'<title>x</title>'</script><title>y</title>",
                Some("y"),
            ),
            (
                "<script><!--<script></script><title>x</title></script><title>y</title>",
                Some("y"),
            ),
            (
                "<textarea><title>x</title></textarea><TITLE>y</TITLE\n>",
                Some("y"),
            ),
            ("<title>x</titled></title>", Some("x</titled>")),
            ("<title>open", Some("open")),
            ("<p>none", None),
        ] {
            assert_eq!(read(text).0.title.as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn kinds_of_links() {
        for (text, wanted) in [
            (
                "<a href=x rel='NoFollow  UGC'>t</a>",
                &["A x t [nofollow ugc]"][..],
            ),
            ("<map><area href=x alt=' t '>", &["Area x t"]),
            (
                "<link rel=alternate href=x hreflang=' de-AT '><link rel=next href=y hreflang=fr>",
                &["Alternate x de-AT [alternate]", "Next y [next]"],
            ),
            (
                "<frameset><frame src=x><iframe src=y>",
                &["Frame x", "Iframe y"],
            ),
            ("<iframe src=x><a href=y></iframe>", &["Iframe x"]),
            (
                "<img src=x srcset='y 1x, z 2x' alt=t data-src=w>",
                &["Img x t", "Img y t", "Img z t"],
            ),
            (
                "<input type=image src=x><input type=text src=y>",
                &["Img x"],
            ),
            (
                "<picture><source srcset=x><img src=y></picture>",
                &["Img x", "Img y"],
            ),
            (
                "<video src=x poster=y><source src=z><track src=w></video>",
                &["Media x", "Media y", "Media z", "Media w"],
            ),
            (
                "<audio src=x></audio><embed src=y><object data=z>",
                &["Media x", "Media y", "Media z"],
            ),
            (
                "<svg><image href=x /><use xlink:href='y#z'/><use href='#w'/></svg>",
                &["Img x", "Img y"],
            ),
            ("<svg><a href=x xlink:href=y>t</a></svg>", &["A x t"]),
            (
                "<svg><style>a{b:url(&quot;x&quot;)}</style><script href=y>'<a href=z>'</script></svg>",
                &["Css x", "Script y"],
            ),
            ("<script src=x>'<a href=y>'</script>", &["Script x"]),
            (
                "<style>@import 'x'; a{b:url(y)}</style><p style='a:url(&quot;z&quot;)'>",
                &["Css x", "Css y", "Css z"],
            ),
            (
                "<form action=x></form><form action=''><form><button formaction=y>",
                &["Form x", "Form p", "Form y"],
            ),
            ("<body background=x>", &["Img x"]),
            (
                "<link rel=Canonical href=x><link rel=stylesheet href=y>",
                &["Canonical x [canonical]", "Stylesheet y [stylesheet]"],
            ),
            (
                "<link rel=manifest href=x><link href=y><link rel=next href=''>",
                &["Link x [manifest]"],
            ),
            (
                "<link rel=preload as=image href=x imagesrcset='y 1x'>",
                &["Link x [preload]", "Img y"],
            ),
            (
                "<meta http-equiv=Refresh content='0; url=x'><meta http-equiv=refresh content='0; url=y'>",
                &["Refresh x"],
            ),
            ("<meta http-equiv=refresh content='5'>", &[]),
            ("<img src=''><iframe src=' '><script src></script>", &[]),
            ("<a href=''>t</a><a>u</a><a href='#v'>w</a>", &["A p t"]),
            (
                "<!-- <a href=x> --><script>'<a href=y>'</script><template><a href=z></template>",
                &[],
            ),
            (
                "<template shadowrootmode=open><a href=x>t</a></template>",
                &["A x t"],
            ),
            (
                "<noscript><a href=x>t</a><base href=/y/></noscript>",
                &["A x t"],
            ),
            ("<xmp><a href=x></xmp><plaintext><a href=y>", &[]),
            ("<a href='x?a=1&amp;b=2&copy=3'>", &["A x?a=1&b=2&copy=3"]),
        ] {
            assert_eq!(links(text), wanted, "{text}");
        }
    }

    #[test]
    fn anchors() {
        for (text, wanted) in [
            (
                "<a href=x> a <b>b</b>c\n&amp; d </a>e",
                &["A x a bc & d"][..],
            ),
            ("<a href=x>a<a href=y>b</a>c", &["A x a", "A y b"]),
            ("<a href=x>a<br>b<p>c</p>d", &["A x a b c d"]),
            ("<a href=x><img src=i alt=t></a>", &["A x t", "Img i t"]),
            ("<a href=x>a<img src=i alt=t></a>", &["A x a", "Img i t"]),
            (
                "<a href=x>a<script>b</script><style>c</style><!-- d -->e</a>",
                &["A x ae"],
            ),
            (
                "<a href=x>a<svg><title>b</title><style>c</style></svg></a>",
                &["A x ab"],
            ),
            ("<a href=x>&l", &["A x &l"]),
            ("<a href=mailto:x>a</a><a href=y></a>", &["A y"]),
            ("<a href=x>a</a> b <a href=y> </a>", &["A x a", "A y"]),
        ] {
            assert_eq!(links(text), wanted, "{text}");
        }
        let long = format!("<a href=x>{}</a>", "é ".repeat(1000));
        assert_eq!(
            read(&long).0.links[0].anchor.as_deref().map(str::len),
            Some(254)
        );
    }

    #[test]
    fn a_base_rules_the_whole_page() {
        for (text, wanted) in [
            (
                "<a href=x></a><base href=/b/><a href=y></a>",
                &["A http://a.example/b/x", "A http://a.example/b/y"][..],
            ),
            (
                "<base href=/b/><base href=/c/><a href=x>",
                &["A http://a.example/b/x"],
            ),
            (
                "<base target=_top><base href=/c/><a href=x>",
                &["A http://a.example/c/x"],
            ),
            ("<base href=''><base href=/c/><a href=x>", &["A x"]),
            ("<base href=/b/><a href='#t'>", &["A http://a.example/b/"]),
            ("<base href=javascript:0><a href=x>", &["A x"]),
            ("<template><base href=/b/></template><a href=x>", &["A x"]),
        ] {
            assert_eq!(links(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_metas_say() {
        let (page, directives) = read(
            "<html LANG=' de '><html lang=fr><meta name=Description content=' a &amp; b '>\
             <meta name=description content=c><meta name=ROBOTS content=noindex>\
             <meta name=Crawl content=nofollow><meta name=googlebot content=noarchive>\
             <link rel=canonical href=file:///b><link rel=canonical href=/c><link rel=canonical href=/d>",
        );
        let directives = directives.finish();
        assert_eq!(page.language.as_deref(), Some("de"));
        assert_eq!(page.description.as_deref(), Some("a & b"));
        assert_eq!(
            page.canonical.map(|url| url.to_string()).as_deref(),
            Some("http://a.example/c")
        );
        assert_eq!(directives.text.as_deref(), Some("nofollow, noindex"));
        for (text, wanted) in [
            ("<html xml:lang=de>", Some("de")),
            (
                "<html lang=''><meta http-equiv=content-language content=fr>",
                Some("fr"),
            ),
            ("<meta http-equiv=content-language content='fr, de'>", None),
        ] {
            assert_eq!(read(text).0.language.as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn xml_closes_any_element_and_has_cdata() {
        let text = "<title/><script src='s'/><a href='x'><![CDATA[<b>&amp;]]></a>";
        let (page, _) = read_as(text, true);
        let anchors: Vec<_> = page
            .links
            .iter()
            .map(|link| link.anchor.as_deref())
            .collect();
        assert_eq!(anchors, [None, Some("<b>&amp;")]);
        assert_eq!(read(text).0.links.len(), 0);
    }
}
