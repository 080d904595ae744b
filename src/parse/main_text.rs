//! The main text of a page: what it says, without what stands on every page of its site.
//!
//! The rule, the same for every page:
//!
//! 1. Never text: scripts, styles, `<noscript>`, `<template>`, media, and what is hidden (`hidden`,
//!    `display: none`).
//! 2. Furniture: `<nav>`, `<aside>`, `<footer>`, `<form>`, `<button>`, `<dialog>`, a `<header>` that stands outside
//!    of the main matter, landmark roles (`navigation`, `banner`, `contentinfo`, `search`, …), `aria-hidden`, and
//!    elements that sites call so by a class or an id (`sidebar`, `breadcrumbs`, `toc`, `footer`, …).
//! 3. Where the page marks its main matter (`<main>`, `<article>`, `role=main`), that is the text, less furniture.
//! 4. Where it does not: everything but furniture and link lists. A list, a row of a table, or a block by itself is
//!    one where four fifths of its letters are in links.
//! 5. Where that leaves little (under 100 bytes, and under a tenth of what is seen), the next rule is taken: 4 for 3,
//!    then everything that is seen.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::blocks::{self, Block, Blocks, Kind};
use super::{charset, media_type};

/// A text under this many bytes may be little.
const LITTLE: usize = 100;
/// Plain text that is taken, in bytes.
const MAX_PLAIN: usize = 4 << 20;

/// What a page says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MainText {
    /// Its title; where it has none, its first heading of the first level.
    pub title: Option<Box<str>>,
    /// The headings in the main text, one a line.
    pub headings: String,
    /// The main text, headings among it: a block a line, with an empty line between paragraphs; the cells of a row
    /// parted by tabs. Code keeps its lines.
    pub text: String,
    /// Whether there was more than is taken (4 MiB).
    pub truncated: bool,
}

/// Takes the main text of a body. `media_type` and `charset` as the row of its version has them; either may be
/// unknown. `None` where a body of that type is not read.
#[must_use]
pub fn main_text(body: &[u8], media_type: Option<&str>, charset: Option<&str>) -> Option<MainText> {
    let essence = media_type::media_type(media_type, body);
    if media_type::is_html(&essence) {
        let text = decoded(body, charset, |body| charset::choose(body, media_type));
        let blocks = blocks::read(&text, essence != "text/html");
        return Some(of_blocks(&blocks));
    }
    if !PLAIN.contains(&&*essence) {
        return None;
    }
    let text = decoded(body, charset, |body| charset::choose_xml(body, media_type));
    Some(of_plain(&text, essence.ends_with("markdown")))
}

/// Whether a body is read as HTML.
pub(crate) fn is_html(media_type: Option<&str>, body: &[u8]) -> bool {
    media_type::is_html(&media_type::media_type(media_type, body))
}

/// Types of pages.
const PAGES: [&str; 2] = ["text/html", "application/xhtml+xml"];
/// Types that are taken as they are.
pub(super) const PLAIN: [&str; 5] = [
    "text/plain",
    "text/markdown",
    "text/x-markdown",
    "text/x-rst",
    "text/asciidoc",
];

/// The media types of bodies that have a main text.
pub(crate) fn types() -> impl Iterator<Item = &'static str> {
    PAGES.into_iter().chain(PLAIN)
}

pub(super) fn decoded<'a>(
    body: &'a [u8],
    charset: Option<&str>,
    choose: impl Fn(&[u8]) -> &'static Encoding,
) -> Cow<'a, str> {
    let known = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    charset::decode(body, known.unwrap_or_else(|| choose(body)))
}

/// What is taken of a page, of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Main,
    Plain,
    Everything,
}

impl Choice {
    pub(super) fn of(blocks: &Blocks<'_>) -> Self {
        let weight = |choice: Self| -> usize {
            let taken = blocks.all.iter();
            let taken = taken.filter(|block| choice.takes(blocks, block));
            taken.map(|block| block.weight.all).sum()
        };
        let everything = weight(Self::Everything);
        let much = |of: usize| of >= LITTLE || of * 10 >= everything;
        let marked = weight(Self::Main);
        if marked > 0 && much(marked) {
            Self::Main
        } else if much(weight(Self::Plain)) {
            Self::Plain
        } else {
            Self::Everything
        }
    }

    pub(super) fn takes(self, blocks: &Blocks<'_>, block: &Block<'_>) -> bool {
        match self {
            Self::Main => block.main && !block.furniture,
            Self::Plain => !block.furniture && !is_link_list(blocks, block),
            Self::Everything => true,
        }
    }
}

fn is_link_list(blocks: &Blocks<'_>, block: &Block<'_>) -> bool {
    if matches!(block.kind, Kind::Heading(_)) {
        return false;
    }
    let group = block.group.and_then(|at| blocks.groups.get(at as usize));
    group.copied().unwrap_or(block.weight).is_links()
}

fn of_blocks(blocks: &Blocks<'_>) -> MainText {
    let choice = Choice::of(blocks);
    let mut out = MainText {
        title: blocks.title.clone(),
        truncated: blocks.cut,
        ..MainText::default()
    };
    let mut before: Option<&Block<'_>> = None;
    let mut first = None;
    for block in &blocks.all {
        if block.kind == Kind::Rule || !choice.takes(blocks, block) {
            continue;
        }
        let text = blocks.text_of(block);
        if text.is_empty() {
            continue;
        }
        if let Some(before) = before {
            out.text.push_str(between(blocks, before, block));
        }
        if let Kind::Heading(level) = block.kind {
            if !out.headings.is_empty() {
                out.headings.push('\n');
            }
            out.headings.push_str(&text.replace('\n', " "));
            if level == 1 && first.is_none() {
                first = Some(Box::from(text.as_str()));
            }
        }
        out.text.push_str(&text);
        before = Some(block);
    }
    out.title = out.title.or(first);
    out
}

/// What parts two blocks that follow one another.
fn between(blocks: &Blocks<'_>, one: &Block<'_>, other: &Block<'_>) -> &'static str {
    let cell = |block: &Block<'_>| block.cell.and_then(|at| blocks.cells.get(at as usize));
    if let (Some(one), Some(other)) = (cell(one), cell(other))
        && one.table == other.table
    {
        return if one.row == other.row { "\t" } else { "\n" };
    }
    if one.container.is_some() && other.container.is_some() {
        return "\n";
    }
    "\n\n"
}

/// A text that is no page: its headings are those of Markdown, if it is that.
fn of_plain(text: &str, markdown: bool) -> MainText {
    let end = text.floor_char_boundary(MAX_PLAIN.min(text.len()));
    let kept = text.get(..end).unwrap_or(text);
    let mut out = MainText {
        truncated: end < text.len(),
        text: kept.replace("\r\n", "\n").replace('\0', "\u{fffd}"),
        ..MainText::default()
    };
    if markdown {
        for line in out.text.lines() {
            let words = line.trim_start_matches('#');
            let level = line.len() - words.len();
            if !(1..=6).contains(&level) || !words.starts_with(' ') {
                continue;
            }
            let words = words.trim().trim_end_matches('#').trim_end();
            if level == 1 && out.title.is_none() {
                out.title = Some(Box::from(words));
            }
            if !out.headings.is_empty() {
                out.headings.push('\n');
            }
            out.headings.push_str(words);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(html: &str) -> MainText {
        main_text(html.as_bytes(), Some("text/html"), Some("UTF-8")).expect("a page")
    }

    /// Furniture around a text that is long enough to be one.
    const BODY: &str = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age \
                        of foolishness.";

    #[test]
    fn furniture_is_left_out() {
        for (before, after) in [
            ("<nav>N</nav>", "<footer>F</footer>"),
            ("<header><h1>Site</h1></header>", "<aside>A</aside>"),
            (
                "<div role='navigation x'>N</div>",
                "<div role=contentinfo>F</div>",
            ),
            (
                "<div class='wide Sidebar'>N</div>",
                "<ul id=footer><li>F</ul>",
            ),
            ("<form>Search</form>", "<dialog>D</dialog>"),
            ("<script>s()</script>", "<style>a{}</style>"),
            ("<noscript>No</noscript>", "<template>T</template>"),
            (
                "<p hidden>H</p>",
                "<p style='color:red; DISPLAY : none!important'>H</p><p style='display:none'>",
            ),
            (
                "<svg><title>T</title><text>x</text></svg>",
                "<textarea>T</textarea>",
            ),
            ("<iframe>I</iframe>", "<object>O</object><video>V</video>"),
            (
                "<p aria-hidden=true>I</p>",
                "<select><option>1<option>2</select>",
            ),
            (
                "<ul><li><a href=1>One</a><li><a href=2>Two</a>, </ul>",
                "<p><a href=3>More</a></p>",
            ),
            (
                "<table><tr><td><a href=1>Prev</a><td>|<td><a href=2>Next</a></table>",
                "",
            ),
        ] {
            let page = of(&format!("{before}<p>{BODY}</p>{after}"));
            assert_eq!(page.text, BODY, "{before} {after}");
            let page = of(&format!(
                "<div><b>Menu</b>{before}<main><p>{BODY}</main>{after}</div>"
            ));
            assert_eq!(page.text, BODY, "main: {before} {after}");
        }
    }

    #[test]
    fn what_is_marked_is_the_text() {
        for (html, wanted) in [
            ("<p>a</p><main>b</main>", "b"),
            (
                "<p>a</p><article>b</article><article>c</article>d",
                "b\n\nc",
            ),
            (
                "<div role=main><header>h</header>b<nav>n</nav><ul><li><a href=x>l</a></ul></div>",
                "h\n\nb\n\nl",
            ),
            ("<main class=sidebar>b</main>", "b"),
            ("<main><p>b<a class=headerlink href=#b>¶</a></main>", "b"),
        ] {
            assert_eq!(of(html).text, wanted, "{html}");
        }
    }

    #[test]
    fn where_little_is_left_more_is_taken() {
        let links = "<li><a href=1>A link of a list of links</a></li>".repeat(50);
        for (html, wanted) in [
            (format!("<main><p>b</main><p>{BODY}"), BODY),
            (format!("<main></main><p>{BODY}"), BODY),
            (format!("<nav>{BODY}</nav>"), BODY),
            (
                format!("<main><h1>Contents</h1><ul>{links}</ul></main>"),
                "Contents\n\nA link",
            ),
            (
                format!("<h1>Contents</h1><ul>{links}</ul>"),
                "Contents\n\nA link",
            ),
        ] {
            let text = of(&html).text;
            assert!(text.contains(wanted), "{html}: {text}");
        }
    }

    #[test]
    fn blocks_lines_and_headings() {
        for (html, wanted) in [
            ("a <b>b</b>c\n d<br>e", "a bc d\ne"),
            ("<p>a<p>b<div>c</div>d", "a\n\nb\n\nc\n\nd"),
            ("<h2>a\n b</h2>c<h3>d<br>e</h4>f", "a b\n\nc\n\nd e\n\nf"),
            ("<ul><li>a<li>b<ul><li>c</ul></ul>d", "a\nb\nc\n\nd"),
            ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd"),
            (
                "<table><tr><th>a<th>b<tr><td>c<td>d</table>e",
                "a\tb\nc\td\n\ne",
            ),
            ("<pre>\n  a\n\n   b  </pre>c", "  a\n\n   b\n\nc"),
            ("<pre><div>a</div><div>b</div></pre>", "a\nb"),
            ("a<img src=x alt=image> b", "a b"),
            ("&lt;a&amp;b&#x3e;", "<a&b>"),
            ("<p>日本\n語 a\nb</p>", "日本語 a b"),
            ("<b>a<p>b</b>c</p>d", "a\n\nbc\n\nd"),
            ("<math><mi>x</mi><annotation>y</annotation></math>", "x"),
            ("</p></div>a</li></b><", "a<"),
            ("<plaintext>a<b>", "a<b>"),
            ("", ""),
        ] {
            assert_eq!(of(html).text, wanted, "{html}");
        }
        let page = of("<title> A\nb </title><h1>C</h1><h2>D <i>e</i></h2><p>f</p>");
        assert_eq!(page.title.as_deref(), Some("A b"));
        assert_eq!(page.headings, "C\nD e");
        assert_eq!(of("<h2>a</h2><h1>b</h1>").title.as_deref(), Some("b"));
    }

    #[test]
    fn other_types() {
        for (media_type, body, title, headings, text) in [
            ("text/plain", "a\r\nb\0", None, "", "a\nb\u{fffd}"),
            (
                "text/markdown",
                "# A #\nb\n## C\n#d",
                Some("A"),
                "A\nC",
                "# A #\nb\n## C\n#d",
            ),
            (
                "application/xhtml+xml",
                "<p/>a<![CDATA[<b>]]>",
                None,
                "",
                "a<b>",
            ),
        ] {
            let found = main_text(body.as_bytes(), Some(media_type), None).expect(media_type);
            assert_eq!(
                (found.title.as_deref(), &*found.headings, &*found.text),
                (title, headings, text)
            );
        }
        for media_type in ["text/css", "image/png", "application/json"] {
            assert_eq!(
                main_text(b"a", Some(media_type), None),
                None,
                "{media_type}"
            );
        }
        let cyrillic = b"<p>\xd4\xc5\xcb\xd3\xd4";
        for (charset, wanted) in [("koi8-r", "текст"), ("nonsense", "ФЕЛУФ")] {
            let found = main_text(
                cyrillic,
                Some("text/html; charset=windows-1251"),
                Some(charset),
            );
            let wanted = if charset == "nonsense" {
                "ФЕЛУФ"
            } else {
                wanted
            };
            assert_eq!(found.expect("a page").text, wanted);
        }
    }

    /// Nesting without end, and a flood of end tags, take no more than a long page.
    #[test]
    fn deep_nesting() {
        for open in [
            "<div>",
            "<ul><li>",
            "<b>",
            "<table><tr><td>",
            "<blockquote>",
            "<dl><dd>",
            "<a href=x>",
        ] {
            let page = of(&format!(
                "{}x{}",
                open.repeat(50_000),
                "</div></b></li>".repeat(50_000)
            ));
            assert_eq!(page.text, "x", "{open}");
        }
    }
}
