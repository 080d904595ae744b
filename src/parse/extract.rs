//! Values by CSS selector. The one place that builds a tree, and only where a field is configured for the
//! page.
//!
//! A tree costs more than its text, and a hostile page can make it, or a selector on it, cost very much more.
//! So it is built piece by piece, and given up when it is too large, too deep, or has taken too long.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use html5ever::ParseOpts;
use html5ever::driver::parse_document;
use html5ever::serialize::{SerializeOpts, TraversalScope, serialize};
use html5ever::tendril::TendrilSink;
use regex::Regex;
use scraper::error::SelectorErrorKind;
use scraper::{ElementRef, Html, HtmlTreeSink, Node, Selector};

use super::elements::Tag;
use super::links::Links;
use super::text::Folder;
use super::{charset, html, media_type, value};
use crate::canonical::CanonicalUrl;
use crate::config::{ConfigError, FieldConfig, FieldKind, Take};
use crate::record::{FieldData, FieldValue, Page};

/// Largest text of which a tree is built, in bytes; most nodes of a tree; its greatest depth.
const MAX_TEXT: usize = 4 << 20;
const MAX_NODES: usize = 100_000;
const MAX_DEPTH: usize = 512;
/// Longest time for the values of a page.
const MAX_TIME: Duration = Duration::from_secs(5);
/// Most children of one element for selectors that compare an element with all its siblings.
const MAX_SIBLINGS: usize = 10_000;
/// Bytes that go into a tree before it is looked at again.
const PIECE: usize = 1024;
/// Longest value, in bytes; most values of a field; bytes of all values of a page.
const MAX_VALUE: usize = 64 << 10;
const MAX_VALUES: usize = 1000;
const MAX_PAGE: usize = 4 << 20;
/// How much of a text that is no number or date is shown, in bytes.
const SHOWN: usize = 64;

/// The configured fields, compiled.
#[derive(Debug)]
pub struct Extractor {
    fields: Vec<Field>,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are the table's keys")]
struct Field {
    set: Arc<str>,
    name: Arc<str>,
    selector: Selector,
    take: Take,
    all: bool,
    trim: bool,
    kind: FieldKind,
    date_format: String,
    urls: Option<Regex>,
    required: bool,
    /// Whether the selector looks at all siblings of an element: the cost is their number squared.
    looks_aside: bool,
}

impl Extractor {
    /// Compiles the fields; `None` where there are none.
    ///
    /// # Errors
    /// The first selector or pattern that is none.
    pub fn new(fields: &[FieldConfig]) -> Result<Option<Self>, ConfigError> {
        let fields = fields
            .iter()
            .map(Field::new)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Self { fields }).filter(|extractor| !extractor.fields.is_empty()))
    }

    /// Takes the values of a page: a function of its URL, its bytes, and how they were read; but of a page
    /// that takes longer than five seconds.
    ///
    /// What cannot be had is told as well: a required value that is missing, a text that is no number.
    #[must_use]
    pub fn extract(
        &self,
        url: &CanonicalUrl,
        content_type: Option<&str>,
        page: &Page,
        body: &[u8],
    ) -> Vec<FieldValue> {
        let matches = |field: &&Field| {
            let urls = field.urls.as_ref();
            urls.is_none_or(|urls| urls.is_match(url.as_str()))
        };
        let due: Vec<&Field> = self.fields.iter().filter(matches).collect();
        let charset = page
            .charset
            .and_then(|name| encoding_rs::Encoding::for_label(name.as_bytes()));
        let Some(charset) = charset.filter(|_| {
            !due.is_empty() && media_type::is_html(&media_type::media_type(content_type, body))
        }) else {
            return Vec::new();
        };
        let text = charset::decode(body, charset);
        let begun = Instant::now();
        let tree = match tree(&text, begun) {
            Ok(tree) => tree,
            Err(problem) => {
                let tell = |field: &&Field| field.problem(0, problem.to_owned());
                return due.iter().map(tell).collect();
            }
        };
        let by_url = due.iter().any(|field| matches!(field.take, Take::Url(_)));
        let links =
            Links::new(url, charset, 0).with_base(by_url.then(|| html::base_of(&text, url)));
        let is_wide = due.iter().any(|field| field.looks_aside) && is_wide(&tree);
        let mut taken = Taken {
            values: Vec::new(),
            room: MAX_PAGE,
        };
        for field in due {
            if begun.elapsed() > MAX_TIME {
                taken.values.push(field.problem(0, TOO_SLOW.to_owned()));
            } else if is_wide && field.looks_aside {
                let problem = "too many elements stand side by side for this selector";
                taken.values.push(field.problem(0, problem.to_owned()));
            } else {
                field.take(&tree, &links, &mut taken);
            }
        }
        taken.values
    }
}

/// Whether an element has more children than a selector may compare with one another.
fn is_wide(tree: &Html) -> bool {
    let mut nodes = tree.tree.nodes();
    nodes.any(|node| node.children().nth(MAX_SIBLINGS).is_some())
}

/// What is said of a page that takes too long.
const TOO_SLOW: &str = "the page takes too long";

impl Extractor {
    /// [`Extractor::extract`] for someone who tries selectors: each field that is for the page and finds
    /// nothing is told, required or not.
    #[must_use]
    pub fn try_on(
        &self,
        url: &CanonicalUrl,
        content_type: Option<&str>,
        page: &Page,
        body: &[u8],
    ) -> Vec<FieldValue> {
        let mut values = self.extract(url, content_type, page, body);
        if page.charset.is_none() {
            return values;
        }
        for field in &self.fields {
            let due = field
                .urls
                .as_ref()
                .is_none_or(|urls| urls.is_match(url.as_str()));
            let is_told = |value: &FieldValue| value.name == field.name && value.set == field.set;
            if due && !values.iter().any(is_told) {
                values.push(field.problem(0, "nothing found".to_owned()));
            }
        }
        values
    }
}

/// Builds the tree of a page, as far as that is cheap.
fn tree(text: &str, begun: Instant) -> Result<Html, &'static str> {
    if text.len() > MAX_TEXT {
        return Err("the page is too large for a tree");
    }
    let sink = HtmlTreeSink::new(Html::new_document());
    let mut parser = parse_document(sink, ParseOpts::default());
    let (mut rest, mut seen) = (text, 0);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(PIECE));
        parser.process(piece.into());
        rest = after;
        let html = parser.tokenizer.sink.sink.0.borrow();
        if html.tree.values().len() > MAX_NODES {
            return Err("the page has too many elements");
        }
        let deep = |node: ego_tree::NodeRef<'_, Node>| node.ancestors().nth(MAX_DEPTH).is_some();
        if html.tree.nodes().skip(seen).any(deep) {
            return Err("the page is nested too deeply");
        }
        seen = html.tree.values().len();
        // What makes no nodes may take its time all the same: attributes without end.
        if begun.elapsed() > MAX_TIME {
            return Err(TOO_SLOW);
        }
    }
    Ok(parser.finish())
}

/// A selector's error in words: some are known by the name of their kind alone (`DanglingCombinator`).
fn words(error: &SelectorErrorKind) -> String {
    let SelectorErrorKind::UnexpectedSelectorParseError(kind) = error else {
        return error.to_string();
    };
    let name = format!("{kind:?}");
    let end = name
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(name.len());
    let mut words = String::new();
    for c in name[..end].chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words + &name[end..]
}

/// What was taken of a page, and the bytes that may yet be.
struct Taken {
    values: Vec<FieldValue>,
    room: usize,
}

impl Field {
    fn new(config: &FieldConfig) -> Result<Self, ConfigError> {
        let selector = Selector::parse(&config.selector).map_err(|error| {
            // As other tools write it.
            let hint = if config.selector.contains("::") || config.selector.contains('@') {
                "; what is taken of an element is said by take = \"text\" or \"attr:NAME\""
            } else {
                ""
            };
            let message = format!("is no CSS selector: {}{hint}", words(&error));
            ConfigError::value("field.selector", &config.selector, message)
        })?;
        let urls = match config.urls.as_str() {
            "" => None,
            pattern => Some(crate::scope::regex("field.urls", pattern)?),
        };
        Ok(Self {
            set: config.set.as_str().into(),
            name: config.name.as_str().into(),
            selector,
            take: config.take.clone(),
            all: config.all,
            trim: config.trim,
            kind: config.kind,
            date_format: config.date_format.clone(),
            urls,
            required: config.required,
            // `[class~=x]` is no such selector.
            looks_aside: config.selector.replace("~=", "").contains('~')
                || config.selector.contains(":has"),
        })
    }

    fn take(&self, tree: &Html, links: &Links<'_>, taken: &mut Taken) {
        let mut position = 0;
        for element in tree.select(&self.selector) {
            if position as usize == MAX_VALUES {
                let problem = format!("there are more than {MAX_VALUES} values");
                taken.values.push(self.problem(position, problem));
                return;
            }
            // What stands in a template is no part of the page.
            let hidden = |node: ego_tree::NodeRef<'_, Node>| {
                let element = node.value().as_element();
                element.is_some_and(|element| element.name() == "template")
            };
            if element.ancestors().any(hidden) {
                continue;
            }
            let Some((text, cut)) = self.text(element, links) else {
                continue;
            };
            let value = self.value(position, text, cut);
            let size = value.value.as_ref().map_or(0, FieldData::size);
            if size > taken.room {
                let problem = format!("the values of the page come to more than {MAX_PAGE} bytes");
                taken.values.push(self.problem(position, problem));
                return;
            }
            taken.room -= size;
            taken.values.push(value);
            position += 1;
            if !self.all {
                return;
            }
        }
        if position == 0 && self.required {
            taken.values.push(self.problem(0, "missing".to_owned()));
        }
    }

    /// What is to be taken of an element, and whether it was cut; `None` where it has none.
    fn text(&self, element: ElementRef<'_>, links: &Links<'_>) -> Option<(String, bool)> {
        let text = match &self.take {
            Take::Text if self.trim => return folded(element),
            Take::Text => element.text().fold(String::new(), |mut all, piece| {
                if all.len() <= MAX_VALUE {
                    all.push_str(piece);
                }
                all
            }),
            Take::Html => inner_html(element),
            Take::Attribute(name) => attribute(element, name)?.to_owned(),
            Take::Url(name) => {
                let reference = super::text::trim(attribute(element, name)?);
                // What is no URL that can be crawled (mailto:, data:) is not taken.
                links.resolve(reference)?.as_str().to_owned()
            }
        };
        let text = if self.trim && self.take != Take::Html {
            super::text::fold(&plain_spaces(&text), usize::MAX)?.into_string()
        } else if self.trim {
            text.trim().to_owned()
        } else {
            text
        };
        let cut = text.len() > MAX_VALUE;
        let end = text.floor_char_boundary(MAX_VALUE);
        Some((text[..end].to_owned(), cut)).filter(|(text, _)| !self.trim || !text.is_empty())
    }

    fn value(&self, position: u32, text: String, cut: bool) -> FieldValue {
        let shown = |what: &str| {
            let end = text.floor_char_boundary(SHOWN);
            format!("{what}: {}", &text[..end])
        };
        let (value, problem) = match self.kind {
            FieldKind::Text if cut => (
                Some(FieldData::Text(text)),
                Some(format!("cut at {MAX_VALUE} bytes")),
            ),
            FieldKind::Text => (Some(FieldData::Text(text)), None),
            FieldKind::Number => match value::number(&text) {
                Some(number) => (Some(number), None),
                None => (None, Some(shown("not a number"))),
            },
            FieldKind::Date => match value::date(&text, &self.date_format) {
                Some(date) => (Some(FieldData::Text(date)), None),
                None => (None, Some(shown("not a date"))),
            },
        };
        FieldValue {
            set: Arc::clone(&self.set),
            name: Arc::clone(&self.name),
            position,
            value,
            problem,
        }
    }

    fn problem(&self, position: u32, problem: String) -> FieldValue {
        FieldValue {
            set: Arc::clone(&self.set),
            name: Arc::clone(&self.name),
            position,
            value: None,
            problem: Some(problem),
        }
    }
}

/// An attribute by its name as it is written, letter case aside: the tree has `viewBox`, and the prefix of
/// `xlink:href` apart.
fn attribute<'a>(element: ElementRef<'a>, name: &str) -> Option<&'a str> {
    let mut attributes = element.value().attrs.iter();
    let found = attributes.find(|(found, _)| match (&found.prefix, name.split_once(':')) {
        (Some(prefix), Some((before, local))) => {
            before.eq_ignore_ascii_case(prefix) && local.eq_ignore_ascii_case(&found.local)
        }
        (None, _) => name.eq_ignore_ascii_case(&found.local),
        (Some(_), None) => false,
    });
    found.map(|(_, value)| &**value)
}

/// The text with its no-break spaces and the like as plain ones: to whoever compares, they are the same.
fn plain_spaces(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.contains(|c: char| !c.is_ascii() && c.is_whitespace()) {
        return Cow::Borrowed(text);
    }
    let plain = |c: char| if c.is_whitespace() { ' ' } else { c };
    Cow::Owned(text.chars().map(plain).collect())
}

/// The text of an element as one reads it: white space folded, blocks and line breaks apart, without what
/// scripts and styles have (unless it is one).
fn folded(element: ElementRef<'_>) -> Option<(String, bool)> {
    use ego_tree::iter::Edge;
    let mut folder = Folder::new(MAX_VALUE);
    let mut hidden = 0_usize;
    for edge in element.traverse() {
        if folder.is_full() {
            break;
        }
        let (node, opens) = match edge {
            Edge::Open(node) => (node, true),
            Edge::Close(node) => (node, false),
        };
        match node.value() {
            Node::Text(text) if opens && hidden == 0 => folder.push(&plain_spaces(text)),
            Node::Element(inner) if node.id() != element.id() => {
                if matches!(inner.name(), "script" | "style" | "template" | "noscript") {
                    hidden = if opens {
                        hidden + 1
                    } else {
                        hidden.saturating_sub(1)
                    };
                } else if Tag::of(inner.name()).parts_words() {
                    folder.space();
                }
            }
            _ => {}
        }
    }
    let cut = folder.is_full();
    folder.take().map(|text| (text.into_string(), cut))
}

/// The HTML within an element, and a little more than is kept of it where it is longer.
fn inner_html(element: ElementRef<'_>) -> String {
    /// Takes so many bytes and then no more.
    struct Short(Vec<u8>);
    impl Write for Short {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0.len() > MAX_VALUE {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut out = Short(Vec::new());
    let options = SerializeOpts {
        traversal_scope: TraversalScope::ChildrenOnly(None),
        ..SerializeOpts::default()
    };
    // The one error there can be is that it was enough.
    let _ = serialize(&mut out, &element, options);
    String::from_utf8_lossy(&out.0).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Document, Limits, parse};

    fn extract(fields: &str, body: &str) -> Vec<String> {
        let text = format!("[[field]]\n{}", fields.replace(';', "\n"));
        let config = crate::Config::from_toml(&text, std::path::Path::new("x")).expect(fields);
        let extractor = Extractor::new(&config.field)
            .expect(fields)
            .expect("fields");
        let url = CanonicalUrl::parse("http://a.example/d/p").expect("a URL");
        let document = Document {
            url: &url,
            content_type: Some("text/html"),
            link: &[],
            refresh: None,
            content_language: None,
            x_robots_tag: &[],
            agent: "crawl",
            body: body.as_bytes(),
        };
        let page = parse(&document, &Limits::default());
        let values = extractor.extract(&url, document.content_type, &page, document.body);
        let show = |value: &FieldValue| {
            let text = value
                .value
                .as_ref()
                .map_or("-".to_owned(), ToString::to_string);
            let problem = value
                .problem
                .as_ref()
                .map_or_else(String::new, |p| format!(" [{p}]"));
            format!(
                "{}{text}{problem}",
                if value.position > 0 {
                    format!("{}:", value.position)
                } else {
                    String::new()
                }
            )
        };
        values.iter().map(show).collect()
    }

    #[test]
    fn what_is_taken() {
        const PAGE: &str = "<!DOCTYPE html><base href=/b/><s>no&nbsp;\u{2003}break</s><h1> Two\n <em>wor</em>ds </h1>
            <ul><li>one<li> two <li></ul><p>a<br>b<script>c</script></p>
            <a href=x#f title=' t  u '>l</a><a href=mailto:m@n>m</a><a href='y z'>l</a>
            <div id=i><b>x</b> &amp; <i>y</i></div><span class=price>1.234,50 €</span>
            <time datetime=2026-11-21T10:30:00+01:00>today</time>
            <svg viewBox='0 0 1 1'><use xlink:href=u.svg /></svg><template><u>not</u></template><u>seen</u>";
        for (fields, wanted) in [
            ("name='a';selector='h1'", &["Two words"][..]),
            ("name='a';selector='s'", &["no break"]),
            ("name='a';selector='h1';trim=false", &[" Two\n words "]),
            ("name='a';selector='li'", &["one"]),
            ("name='a';selector='li';all=true", &["one", "1:two"]),
            ("name='a';selector='ul'", &["one two"]),
            ("name='a';selector='p'", &["a b"]),
            ("name='a';selector='p script'", &["c"]),
            ("name='a';selector='a';take='attr:title'", &["t u"]),
            (
                "name='a';selector='a';take='attr:TITLE';trim=false",
                &[" t  u "],
            ),
            (
                "name='a';selector='a';take='url:href';all=true",
                &["http://a.example/b/x", "1:http://a.example/b/y%20z"],
            ),
            (
                "name='a';selector='#i';take='html'",
                &["<b>x</b> &amp; <i>y</i>"],
            ),
            ("name='a';selector='.price';as='number'", &["1234.5"]),
            (
                "name='a';selector='h1';as='number'",
                &["- [not a number: Two words]"],
            ),
            (
                "name='a';selector='time';take='attr:datetime';as='date'",
                &["2026-11-21T09:30:00Z"],
            ),
            (
                "name='a';selector='time';as='date'",
                &["- [not a date: today]"],
            ),
            ("name='a';selector='nav'", &[]),
            ("name='a';selector='nav';required=true", &["- [missing]"]),
            (
                "name='a';selector='li:nth-child(3)';required=true",
                &["- [missing]"],
            ),
            (
                "name='a';selector='h1';urls='^http://a\\.example/d/'",
                &["Two words"],
            ),
            ("name='a';selector='h1';urls='/other/';required=true", &[]),
            (
                "name='a';selector='h1, li:nth-child(2)';all=true",
                &["Two words", "1:two"],
            ),
            ("name='a';selector='div:has(> i) b'", &["x"]),
            ("name='a';selector='svg';take='attr:viewbox'", &["0 0 1 1"]),
            (
                "name='a';selector='use';take='url:xlink:href'",
                &["http://a.example/b/u.svg"],
            ),
            ("name='a';selector='u'", &["seen"]),
        ] {
            assert_eq!(extract(fields, PAGE), wanted, "{fields}");
        }
    }

    #[test]
    fn bad_selectors_say_why() {
        for (selector, wanted) in [
            ("p >", "dangling combinator"),
            ("", "empty selector"),
            ("p[", "unexpected eol"),
            (":nope", "unsupported pseudo class or element"),
            ("a@href", "is said by take"),
            ("p::text", "is said by take"),
            ("a,,b", "empty selector"),
        ] {
            let field = FieldConfig::new("a", selector);
            let error = Extractor::new(&[field]).expect_err(selector).to_string();
            assert!(error.to_lowercase().contains(wanted), "{error}");
            assert!(!error.contains("developer"), "{error}");
        }
    }

    #[test]
    fn bounded() {
        let all = |selector: &str| format!("name='a';selector='{selector}';all=true");
        let found = extract(&all("i"), &"<i>x</i>".repeat(1001));
        assert_eq!(found.len(), 1001);
        assert_eq!(found[1000], "1000:- [there are more than 1000 values]");
        let long = "é".repeat(MAX_VALUE);
        let found = extract(&all("p"), &format!("<p>{long}"));
        assert!(found[0].ends_with(" [cut at 65536 bytes]") && found[0].len() < MAX_VALUE + 64);
        let nested = format!("{}{}", "<div>".repeat(100), "x".repeat(MAX_VALUE));
        let found = extract(&all("div"), &nested);
        let told = "- [the values of the page come to more than 4194304 bytes]";
        assert!(
            found.len() == 65 && found[64].ends_with(told),
            "{}",
            found.len()
        );
        let html = extract("name='a';selector='body';take='html'", &nested);
        assert!(html[0].ends_with(" [cut at 65536 bytes]"));
    }

    #[test]
    fn urls_in_the_encoding_of_the_page() {
        let config = [FieldConfig {
            take: Take::Url("href".to_owned()),
            ..FieldConfig::new("a", "a")
        }];
        let extractor = Extractor::new(&config).expect("fields").expect("some");
        let url = CanonicalUrl::parse("http://a.example/").expect("a URL");
        let page = Page {
            charset: Some("windows-1252"),
            ..Page::default()
        };
        let values =
            extractor.extract(&url, Some("text/html"), &page, b"<a href='/q?k=\xe9'>x</a>");
        let text = values[0].value.as_ref().map(ToString::to_string);
        assert_eq!(text.as_deref(), Some("http://a.example/q?k=%E9"));
    }

    #[test]
    fn selectors_that_look_aside_are_bounded() {
        let wide = "<p>".repeat(MAX_SIBLINGS + 1);
        let told = ["- [too many elements stand side by side for this selector]"];
        assert_eq!(extract("name='a';selector='h2 ~ p'", &wide), told);
        assert_eq!(extract("name='a';selector='p:has(~ b)'", &wide), told);
        assert_eq!(extract("name='a';selector='h2 + p'", &wide), [""; 0]);
        assert_eq!(extract("name='a';selector='[class~=x]'", &wide), [""; 0]);
        let narrow = format!("<h2>a</h2>{}<p>b", "<p>".repeat(99));
        assert_eq!(extract("name='a';selector='h2 ~ p'", &narrow), ["b"]);
    }

    #[test]
    fn hostile_pages_are_given_up() {
        // Whatever is done between two looks: each unit hangs a comment on the root at its end.
        let unit = format!("{:<1011}</body><!---->", "<div>".repeat(201));
        let hidden = format!("{:<1024}{}", "<!doctype html><body>", unit.repeat(20));
        let found = extract("name='a';selector='nav'", &hidden);
        assert_eq!(found, ["- [the page is nested too deeply]"]);
        let formatting: String = (0..200).map(|i| format!("<b x={i}>")).collect();
        for (body, wanted) in [
            ("<div>".repeat(100_000), "the page is nested too deeply"),
            ("<i></i>".repeat(300_000), "the page has too many elements"),
            // Each paragraph opens all of the formatting again.
            (
                format!("<p>{formatting}</p>{}", "<p>x</p>".repeat(100_000)),
                "the page has too many elements",
            ),
            ("x".repeat(MAX_TEXT + 1), "the page is too large for a tree"),
            (
                format!("{}<p>x", "<table><tr><td>".repeat(50_000)),
                "the page is nested too deeply",
            ),
        ] {
            let found = extract("name='a';selector='nav'", &body);
            assert_eq!(found, [format!("- [{wanted}]")], "{}", &body[..30]);
        }
    }
}
