//! The main text of a page as Markdown (`CommonMark`, with the tables and the struck text of GitHub's).
//!
//! It is written from the same blocks as the main text, so the two say the same. What Markdown cannot say is left
//! out (an emphasis whose mark would not be one), and never written so that it says something else.

mod inline;

use encoding_rs::Encoding;

use super::blocks::{self, Block, Blocks, Cell, Holds, Kind};
use super::main_text::{Choice, PLAIN, decoded};
use super::{charset, media_type};
use crate::canonical::{Base, CanonicalUrl};

use inline::{Inline, Place};

/// Writes the main text of a body as Markdown; links and images by their whole URLs. What is plain text stays as
/// it is. `None` where a body of that type is not read. See [`main_text`](super::main_text::main_text).
#[must_use]
pub fn markdown(
    body: &[u8],
    media_type: Option<&str>,
    charset: Option<&str>,
    page: &CanonicalUrl,
) -> Option<String> {
    let essence = media_type::media_type(media_type, body);
    if PLAIN.contains(&&*essence) {
        let choose = |body: &[u8]| charset::choose_xml(body, media_type);
        return Some(decoded(body, charset, choose).into_owned());
    }
    if !media_type::is_html(&essence) {
        return None;
    }
    let choose = |body: &[u8]| -> &'static Encoding { charset::choose(body, media_type) };
    let text = decoded(body, charset, choose);
    let blocks = blocks::read(&text, essence != "text/html");
    let base = match blocks.base {
        Some(href) => Base::with_href(page, &super::text::attribute(href)),
        None => Base::of(page),
    };
    Some(Writer::new(&blocks, page, base).write())
}

/// Bytes beyond which no block is begun: what stands before its lines may be many times as long as they are.
const MAX_WRITTEN: usize = 32 << 20;

struct Writer<'b, 'a> {
    blocks: &'b Blocks<'a>,
    inline: Inline<'b, 'a>,
    out: String,
    /// The containers of the block before.
    before: Vec<u32>,
}

impl<'b, 'a> Writer<'b, 'a> {
    fn new(blocks: &'b Blocks<'a>, page: &'b CanonicalUrl, base: Base) -> Self {
        Self {
            blocks,
            inline: Inline::new(blocks, page, base),
            out: String::new(),
            before: Vec::new(),
        }
    }

    fn write(mut self) -> String {
        let choice = Choice::of(self.blocks);
        let all = &self.blocks.all;
        let taken: Vec<&Block<'a>> = all
            .iter()
            .filter(|block| choice.takes(self.blocks, block))
            .collect();
        let mut rest = taken.as_slice();
        while let Some(block) = rest.first().filter(|_| self.out.len() < MAX_WRITTEN) {
            let table = self.cell(block).map(|cell| cell.table);
            let of_table = |other: &&&Block<'a>| self.cell(other).map(|cell| cell.table) == table;
            let length = table.map_or(1, |_| rest.iter().take_while(of_table).count());
            let (one, after) = rest.split_at(length);
            rest = after;
            if let Some(lines) = table.and_then(|table| self.table(table, one)) {
                self.block(block, &lines);
                continue;
            }
            for block in one {
                let lines = self.lines(block);
                self.block(block, &lines);
            }
        }
        self.out
    }

    fn cell(&self, block: &Block<'_>) -> Option<Cell> {
        let at = block.cell? as usize;
        self.blocks.cells.get(at).copied()
    }

    /// The lines of a block, less what its containers put before them.
    fn lines(&self, block: &Block<'_>) -> String {
        match block.kind {
            Kind::Heading(level) => {
                let text = self.inline.write(block, Place::Heading);
                if text.is_empty() {
                    return text;
                }
                format!("{} {text}", "#".repeat(level.into()))
            }
            Kind::Paragraph => self.inline.write(block, Place::Lines),
            Kind::Code(language) => fenced(&self.blocks.text_of(block), language),
            // Not `---`, which after a dash would be no item with a line in it.
            Kind::Rule => "***".to_owned(),
        }
    }

    /// Adds a block, with the marks of what it stands in.
    fn block(&mut self, block: &Block<'_>, lines: &str) {
        if lines.is_empty() {
            return;
        }
        let path = self.path(block);
        let new = path.iter().position(|at| !self.is_marked(*at));
        if !self.out.is_empty() {
            self.part(&path, new);
        }
        let (mut first, mut rest) = (String::new(), String::new());
        for at in &path {
            let mark = match self
                .blocks
                .containers
                .get(*at as usize)
                .map(|one| one.holds)
            {
                Some(Holds::Item) => "- ".to_owned(),
                // More digits make no list (CommonMark 0.31 §5.2).
                Some(Holds::Numbered(number)) => format!("{}. ", number.min(999_999_999)),
                _ => "> ".to_owned(),
            };
            let blank = if mark == "> " {
                mark.clone()
            } else {
                " ".repeat(mark.len())
            };
            first.push_str(if self.is_marked(*at) { &blank } else { &mark });
            rest.push_str(&blank);
        }
        for (number, line) in lines.split('\n').enumerate() {
            let prefix = if number == 0 { &first } else { &rest };
            let prefix = if line.is_empty() {
                prefix.trim_end()
            } else {
                prefix
            };
            self.out.push_str(prefix);
            self.out.push_str(line);
            self.out.push('\n');
        }
        self.before = path;
    }

    /// Whether something that a block stands in has its mark already: where it goes on. Quotations have one each line.
    fn is_marked(&self, at: u32) -> bool {
        let holds = self.blocks.containers.get(at as usize).map(|one| one.holds);
        holds == Some(Holds::Quote) || self.before.contains(&at)
    }

    /// Parts a block from the one before: by an empty line, but for the next item of a list.
    fn part(&mut self, path: &[u32], new: Option<usize>) {
        let common = path
            .iter()
            .zip(&self.before)
            .take_while(|(one, other)| one == other);
        let common = common.count();
        let holds = |at: &u32| {
            self.blocks
                .containers
                .get(*at as usize)
                .map(|one| one.holds)
        };
        let is_item = |at: &u32| holds(at).is_some_and(|holds| holds != Holds::Quote);
        let is_next = self.before.get(common).is_some_and(is_item);
        // A list within an item may follow its words at once, if it is one that can (CommonMark 0.31 §5.3).
        let begins = self.before.len() == common
            && self.before.last().is_some_and(is_item)
            && path.len() == common + 1
            && matches!(
                path.last().and_then(holds),
                Some(Holds::Item | Holds::Numbered(1))
            );
        if new == Some(common) && (is_next || begins) {
            return;
        }
        let quotes = path.get(..common).unwrap_or_default().iter();
        let prefix: String = quotes
            .map(|at| {
                match self
                    .blocks
                    .containers
                    .get(*at as usize)
                    .map(|one| one.holds)
                {
                    Some(Holds::Item) => "  ".to_owned(),
                    Some(Holds::Numbered(number)) => " ".repeat(format!("{number}. ").len()),
                    _ => "> ".to_owned(),
                }
            })
            .collect();
        self.out.push_str(prefix.trim_end());
        self.out.push('\n');
    }

    /// What a block stands in, the outermost first.
    fn path(&self, block: &Block<'_>) -> Vec<u32> {
        let mut path = Vec::new();
        let mut at = block.container;
        while let Some(container) = at {
            path.push(container);
            let parent = self.blocks.containers.get(container as usize);
            // A parent stands before its child; so this ends.
            at = parent
                .and_then(|one| one.parent)
                .filter(|parent| *parent < container);
        }
        path.reverse();
        path
    }

    /// A table, if it can be one of Markdown's: of texts alone, in two columns and more, not within another. One
    /// that holds more than that lays a page out, and is written block by block.
    fn table(&self, table: u32, blocks: &[&Block<'a>]) -> Option<String> {
        let first = self.blocks.cells.partition_point(|cell| cell.table < table);
        let cells = self.blocks.cells.get(first..)?;
        let cells = cells.iter().take_while(|cell| cell.table == table);
        let mut texts: Vec<(Cell, String)> = cells.map(|cell| (*cell, String::new())).collect();
        if texts.iter().any(|(cell, _)| cell.nested) {
            return None;
        }
        let container = blocks.first()?.container;
        for block in blocks {
            let text = texts.get_mut((block.cell? as usize).checked_sub(first)?)?;
            if block.kind != Kind::Paragraph || block.container != container {
                return None;
            }
            if !text.1.is_empty() {
                text.1.push_str("<br>");
            }
            text.1.push_str(&self.inline.write(block, Place::Cell));
        }
        let rows: Vec<&[(Cell, String)]> = texts
            .chunk_by(|one, other| one.0.row == other.0.row)
            .collect();
        let columns = rows.iter().map(|row| row.len()).max()?;
        if columns < 2 {
            return None;
        }
        let mut lines = Vec::new();
        let has_head = rows.first()?.iter().all(|(cell, _)| cell.head);
        if !has_head {
            lines.push(row(&[], columns));
        }
        for texts in rows {
            lines.push(row(texts, columns));
        }
        lines.insert(1, "| --- ".repeat(columns) + "|");
        Some(lines.join("\n"))
    }
}

fn row(texts: &[(Cell, String)], columns: usize) -> String {
    let texts = texts.iter().map(|(_, text)| text.as_str());
    let padded = texts.chain(std::iter::repeat("")).take(columns);
    let mut line: String = padded.map(|text| format!("| {text} ")).collect();
    line.push('|');
    line
}

/// Code between fences that are longer than any in it.
fn fenced(code: &str, language: Option<&str>) -> String {
    let fence = "`".repeat(longest_run(code, '`').max(2) + 1);
    format!("{fence}{}\n{code}\n{fence}", language.unwrap_or_default())
}

/// How often a character stands behind itself at the most.
fn longest_run(text: &str, of: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use fastrand::Rng;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use super::*;
    use crate::parse::main_text::main_text;

    fn written(html: &str) -> String {
        let page = CanonicalUrl::parse("http://a.example/d/p").expect("a URL");
        markdown(html.as_bytes(), Some("text/html"), Some("UTF-8"), &page).expect("a page")
    }

    #[test]
    fn what_is_written() {
        for (html, wanted) in [
            (
                "<h1>A</h1><p>b <b>c</b><i> d </i>e</p>",
                "# A\n\nb **c** *d* e\n",
            ),
            ("<p>a<br>b</p><hr><p>c", "a\\\nb\n\n***\n\nc\n"),
            (
                "<a href=x>y</a> <a href='/z#f(1)'>w</a> <a href=#g>g</a>",
                "[y](http://a.example/d/x) [w](http://a.example/z#f%281%29) [g](http://a.example/d/p#g)\n",
            ),
            (
                "<base href=/e/><a href=x>y</a> <a href=mailto:a@b>m</a> <a href=javascript:x>j</a>",
                "[y](http://a.example/e/x) [m](mailto:a@b) j\n",
            ),
            (
                "<img src=i.png alt='An  image'> <a href=x><img src=i></a>",
                "![An image](http://a.example/d/i.png) [![](http://a.example/d/i)](http://a.example/d/x)\n",
            ),
            (
                "<ul><li>a<li>b<ul><li>c</ul><li>d<p>e</ul>",
                "- a\n- b\n  - c\n- d\n\n  e\n",
            ),
            (
                "<ol start=9><li>a<li>b<pre>c\nd</pre></ol>",
                "9. a\n10. b\n\n    ```\n    c\n    d\n    ```\n",
            ),
            ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "- a\n\n  b\n- c\n\n  d\n"),
            (
                "<blockquote>a<p>b<ul><li>c</ul></blockquote>d",
                "> a\n>\n> b\n>\n> - c\n\nd\n",
            ),
            (
                "<pre class=language-rust>fn a() {}\n```</pre>",
                "````rust\nfn a() {}\n```\n````\n",
            ),
            (
                "<code>a`b</code> <code>`</code> <del>x</del>",
                "``a`b`` `` ` `` ~~x~~\n",
            ),
            (
                "<table><tr><th>a<th>b<tr><td>c|d<td><tr><td>e<br>f<td><b>g</b></table>",
                "| a | b |\n| --- | --- |\n| c\\|d |  |\n| e<br>f | **g** |\n",
            ),
            (
                "<table><tr><td>a<td>b</table>",
                "|  |  |\n| --- | --- |\n| a | b |\n",
            ),
            (
                "<table><tr><td><h2>a</h2><td>b<pre>c</pre></table>",
                "## a\n\nb\n\n```\nc\n```\n",
            ),
            (
                "<p># a</p><p>- b</p><p>1. c</p><p>* d_e_ f_g [h] &lt;i> &amp;amp; j!</p>",
                "\\# a\n\n\\- b\n\n1\\. c\n\n\\* d_e\\_ f_g \\[h\\] \\<i> \\&amp; j\\!\n",
            ),
            // A mark that would be none is left out.
            ("a<b>(b)</b>c <b>d.</b> e<b>f</b>", "a(b)c **d.** e**f**\n"),
            ("", ""),
        ] {
            assert_eq!(written(html), wanted, "{html}");
        }
    }

    /// A page of a megabyte is not a gigabyte of Markdown.
    #[test]
    fn bounded() {
        let base = format!("<base href=/{}/>", "b".repeat(3_000));
        let links = written(&(base.clone() + "<p>" + &"<a href=x>t</a> ".repeat(10_000)));
        assert!(links.len() < 20 << 20, "{}", links.len());
        assert!(
            links.ends_with(" t t t\n"),
            "{:?}",
            links.get(links.len() - 9..)
        );
        let linked = links.matches("[t](").count();
        assert!(linked > 5_000 && linked < 6_000, "{linked}");
        let others = links
            .rsplit_once(')')
            .map_or(0, |(_, rest)| rest.matches('t').count());
        assert_eq!(linked + others, 10_000);
        let images = written(&(base + &"<img src=x alt=t>".repeat(10_000)));
        assert!(images.len() < 20 << 20, "{}", images.len());
        let lists = "<ol start=999999999><li>".repeat(16) + &"<p>x".repeat(300_000);
        let lists = written(&lists);
        assert!(lists.len() < 40 << 20, "{}", lists.len());
    }

    /// What a reader of the Markdown sees, less white space; images have no text.
    fn rendered(markdown: &str) -> String {
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        let (mut out, mut images) = (String::new(), 0);
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Start(Tag::Image { .. }) => images += 1,
                Event::End(TagEnd::Image) => images -= 1,
                Event::Text(text) | Event::Code(text) if images == 0 => out.push_str(&text),
                Event::InlineHtml(html) | Event::Html(html) => assert_eq!(&*html, "<br>"),
                _ => {}
            }
        }
        bare(&out)
    }

    fn bare(text: &str) -> String {
        text.chars()
            .filter(|c| !c.is_whitespace() && *c != '\0')
            .collect()
    }

    fn law(html: &str) {
        let text = main_text(html.as_bytes(), Some("text/html"), Some("UTF-8")).expect("a page");
        let written = written(html);
        assert_eq!(
            rendered(&written),
            bare(&text.text),
            "{html}\n---\n{written}"
        );
    }

    const PIECES: [&str; 56] = [
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<i>",
        "</i>",
        "<a href=x>",
        "</a>",
        "<code>",
        "</code>",
        "<ul>",
        "</ul>",
        "<ol>",
        "</ol>",
        "<li>",
        "<h2>",
        "</h2>",
        "<pre>",
        "</pre>",
        "<blockquote>",
        "</blockquote>",
        "<table>",
        "</table>",
        "<tr>",
        "<td>",
        "<th>",
        "<dl>",
        "<dt>",
        "<dd>",
        "<br>",
        "<hr>",
        "<img src=i alt='x y'>",
        "<del>",
        "</del>",
        "*",
        "_",
        "`",
        "#",
        "-",
        "+",
        "1.",
        "2)",
        "|",
        "\\",
        "!",
        "[",
        "]",
        "&lt;b>",
        "&amp;amp;",
        "~",
        "&gt;",
        "=",
        ":",
        "word",
        " ",
        "\n",
    ];

    /// Whatever stands in a page, its Markdown says what its main text says. `LAW_CASES=100000` for more.
    #[test]
    fn it_says_what_the_text_says() {
        let cases = std::env::var("LAW_CASES").map_or(3000, |text| text.parse().expect("a number"));
        for seed in 0..cases {
            let mut random = Rng::with_seed(seed);
            let pieces =
                (0..random.usize(1..40)).map(|_| random.choice(PIECES).unwrap_or_default());
            law(&pieces.collect::<String>());
        }
    }

    /// The same of real pages: `MARKDOWN_PAGES=/a/folder cargo test real_pages -- --ignored`.
    #[test]
    #[ignore = "it needs a folder of pages"]
    fn real_pages() {
        let folder = std::env::var("MARKDOWN_PAGES").expect("a folder");
        let mut folders = vec![Path::new(&folder).to_owned()];
        let mut failed = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "html") {
                    let html = std::fs::read(&path).expect("a page");
                    let html = String::from_utf8_lossy(&html);
                    let text = main_text(html.as_bytes(), Some("text/html"), Some("UTF-8"))
                        .expect("a page");
                    if rendered(&written(&html)) != bare(&text.text) {
                        failed.push(path);
                    }
                }
            }
        }
        assert!(failed.is_empty(), "{failed:#?}");
    }
}
