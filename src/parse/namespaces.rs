//! Where a tag stands: in HTML, or in an SVG or `MathML` fragment.
//!
//! It decides what a tag means (an SVG `<title>` is not the page's) and how the text after it reads (an
//! SVG `<style>` holds markup). A tree builder knows by its stack of open elements. Here only the foreign
//! ones are kept, so a page without SVG keeps none; HTML elements within an SVG are not, which shows only
//! where they are left open (HTML Standard §13.2.6.5).

use super::attributes::{Attributes, Name};
use super::elements::Tag;

/// The namespace of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    Html,
    Svg,
    MathMl,
}

/// What begins inside a foreign element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Foreign,
    /// An HTML integration point.
    Html,
    /// A `MathML` text integration point.
    MathText,
    /// `<annotation-xml>`, in which an `<svg>` is one of HTML.
    Annotation,
}

#[derive(Debug)]
struct Open {
    name: u64,
    tag: Tag,
    namespace: Namespace,
    inside: Inside,
}

/// The foreign elements that are open.
#[derive(Debug)]
pub(super) struct Namespaces {
    open: Vec<Open>,
    limit: usize,
    /// Whether an element was nested too deep to be kept. Its children count as its parent's.
    pub(super) cut: bool,
}

impl Namespaces {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            open: Vec::new(),
            limit,
            cut: false,
        }
    }

    /// Whether text and CDATA sections here stand directly in a foreign element.
    pub(super) fn is_foreign(&self) -> bool {
        self.open
            .last()
            .is_some_and(|top| top.inside != Inside::Html)
    }

    /// The foreign element that is open innermost.
    pub(super) fn innermost(&self) -> Option<Tag> {
        self.open.last().map(|top| top.tag)
    }

    /// Takes a start tag in and says in which namespace its element is.
    #[inline]
    pub(super) fn start(
        &mut self,
        name: &str,
        tag: Tag,
        attributes: &Attributes<'_>,
        self_closing: bool,
    ) -> Namespace {
        // Nearly all tags of nearly all pages.
        if self.open.is_empty() && !matches!(tag, Tag::Svg | Tag::Math) {
            return Namespace::Html;
        }
        self.start_among(name, tag, attributes, self_closing)
    }

    #[inline(never)]
    fn start_among(
        &mut self,
        name: &str,
        tag: Tag,
        attributes: &Attributes<'_>,
        self_closing: bool,
    ) -> Namespace {
        let parent = match self.open.last() {
            None => Namespace::Html,
            Some(top) => match (top.inside, tag) {
                (Inside::MathText, Tag::MarkOrGlyph) => top.namespace,
                (Inside::Html | Inside::MathText, _) | (Inside::Annotation, Tag::Svg) => {
                    Namespace::Html
                }
                _ if breaks_out(tag, attributes) => {
                    self.leave();
                    Namespace::Html
                }
                _ => top.namespace,
            },
        };
        let namespace = match (parent, tag) {
            (Namespace::Html, Tag::Svg) => Namespace::Svg,
            (Namespace::Html, Tag::Math) => Namespace::MathMl,
            (parent, _) => parent,
        };
        if namespace != Namespace::Html && !self_closing {
            if self.open.len() < self.limit {
                let inside = inside(namespace, tag, attributes);
                self.open.push(Open {
                    name: hash(name),
                    tag,
                    namespace,
                    inside,
                });
            } else {
                self.cut = true;
            }
        }
        namespace
    }

    /// Takes an end tag in.
    pub(super) fn end(&mut self, name: &str, tag: Tag) {
        let Some(top) = self.open.last() else { return };
        let inside = top.inside;
        let name = hash(name);
        if let Some(depth) = self.open.iter().rposition(|open| open.name == name) {
            self.open.truncate(depth);
        } else if !matches!(inside, Inside::Html | Inside::MathText) && closes_html(tag) {
            self.leave();
        }
    }

    /// Closes elements down to where HTML goes on.
    fn leave(&mut self) {
        let html = |open: &Open| matches!(open.inside, Inside::Html | Inside::MathText);
        self.open.truncate(
            self.open
                .iter()
                .rposition(html)
                .map_or(0, |depth| depth + 1),
        );
    }
}

fn inside(namespace: Namespace, tag: Tag, attributes: &Attributes<'_>) -> Inside {
    match (namespace, tag) {
        (Namespace::Svg, Tag::SvgText | Tag::Title) => Inside::Html,
        (Namespace::MathMl, Tag::MathText) => Inside::MathText,
        (Namespace::MathMl, Tag::AnnotationXml) => {
            let html = attributes.is(Name::Encoding, "text/html")
                || attributes.is(Name::Encoding, "application/xhtml+xml");
            if html {
                Inside::Html
            } else {
                Inside::Annotation
            }
        }
        _ => Inside::Foreign,
    }
}

/// The start tags that no foreign element holds (§13.2.6.5).
fn breaks_out(tag: Tag, attributes: &Attributes<'_>) -> bool {
    match tag {
        Tag::Font => [Name::Color, Name::Face, Name::Size]
            .iter()
            .any(|&name| attributes.has(name)),
        Tag::Block
        | Tag::Phrase
        | Tag::Body
        | Tag::Br
        | Tag::Embed
        | Tag::Img
        | Tag::Meta
        | Tag::P
        | Tag::Table => true,
        _ => false,
    }
}

/// End tags that close an HTML element around the foreign ones. That one is open is assumed: the tree
/// would know, and a page where it is not has a stray end tag inside an SVG that was left open.
fn closes_html(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::A
            | Tag::Block
            | Tag::Body
            | Tag::Br
            | Tag::Button
            | Tag::Cell
            | Tag::Font
            | Tag::Form
            | Tag::Holder
            | Tag::Html
            | Tag::P
            | Tag::Phrase
            | Tag::Table
            | Tag::TablePart
            | Tag::Template
    )
}

/// FNV-1a of the name in lower case: open elements are searched at each end tag, and comparing numbers
/// keeps that cheap however long a page makes its names.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tokenizer::{Token, Tokenizer};
    use super::*;

    /// The namespace of the last start tag.
    fn last(text: &str) -> Option<Namespace> {
        let mut tokenizer = Tokenizer::new(text);
        let mut namespaces = Namespaces::new(8);
        let mut last = None;
        while let Some(token) = tokenizer.next() {
            match token {
                Token::Start {
                    name,
                    tag,
                    self_closing,
                } => {
                    last = Some(namespaces.start(name, tag, &tokenizer.attributes, self_closing));
                }
                Token::End { name, tag } => namespaces.end(name, tag),
                Token::Text(_) | Token::Cdata(_) => {}
            }
        }
        last
    }

    #[test]
    fn where_an_element_stands() {
        use Namespace::{Html, MathMl, Svg};
        for (text, wanted) in [
            ("<a>", Html),
            ("<svg>", Svg),
            ("<svg><g><a>", Svg),
            ("<svg/><a>", Html),
            ("<svg></svg><a>", Html),
            ("<svg><g></svg><a>", Html),
            ("<svg><g/></g><a>", Svg),
            ("<svg><foreignObject><a>", Html),
            ("<svg><foreignObject></foreignObject><a>", Svg),
            (
                "<svg><foreignObject><svg></svg></foreignObject></svg><a>",
                Html,
            ),
            ("<svg><title><a>", Html),
            ("<svg><g><p>", Html),
            ("<svg><g><p></p><a>", Html),
            ("<svg><font><a>", Svg),
            ("<svg><font size=1><a>", Html),
            ("<div><svg></div><a>", Html),
            ("<svg></x><a>", Svg),
            ("<math><a>", MathMl),
            ("<math><mi><a>", Html),
            ("<math><mi><mglyph>", MathMl),
            ("<math><annotation-xml><a>", MathMl),
            ("<math><annotation-xml><svg>", Svg),
            ("<math><annotation-xml encoding='TEXT/HTML'><a>", Html),
        ] {
            assert_eq!(last(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let attributes = Attributes::default();
        let mut namespaces = Namespaces::new(2);
        for (depth, cut) in [(1, false), (2, false), (3, true)] {
            namespaces.start("svg", Tag::Svg, &attributes, false);
            assert_eq!(namespaces.cut, cut, "{depth}");
        }
        namespaces.end("svg", Tag::Svg);
        namespaces.end("svg", Tag::Svg);
        assert!(!namespaces.is_foreign());
    }
}
