//! The walk over the tokens of a page: which elements are open, and what that makes of the text.

use std::borrow::Cow;

use super::elements::{self, ELEMENTS, Element};
use super::{Blocks, Builder, Cell, Container, Holds, Kind, Place, Style};
use crate::parse::attributes::Name;
use crate::parse::elements::Tag;
use crate::parse::namespaces::{Namespace, Namespaces};
use crate::parse::text;
use crate::parse::tokenizer::{Token, Tokenizer};

/// Open elements that are kept; what is deeper counts as its parent's.
const MAX_DEPTH: usize = 512;
/// Quotations and items within one another; deeper ones are not told apart.
const MAX_CONTAINERS: usize = 16;
/// Longest title, in bytes.
const MAX_TITLE: usize = 1024;

/// What holds inside of an element.
#[derive(Debug, Clone, Copy, Default)]
struct Inside<'a> {
    place: Place<'a>,
    style: Style,
    hidden: bool,
    /// Within a list: its items belong together.
    listed: bool,
    /// How many containers there are around.
    containers: usize,
    /// The table, and whether it is in another.
    table: Option<(u32, bool)>,
    /// Whether the next item of this list gets a number.
    numbered: bool,
}

#[derive(Debug)]
struct Open<'a> {
    element: Element,
    inside: Inside<'a>,
    /// The number of a list's next item; the term that a definition belongs to.
    next: u32,
    term: Option<u32>,
}

struct Walk<'a> {
    tokens: Tokenizer<'a>,
    namespaces: Namespaces,
    xml: bool,
    open: Vec<Open<'a>>,
    /// How many of each element are open: most end tags end nothing.
    counts: [usize; ELEMENTS],
    builder: Builder<'a>,
    rows: u32,
    tables: u32,
    /// The first line break in `<pre>` is none.
    fresh_code: bool,
}

/// Reads a page.
pub(in crate::parse) fn read(text: &str, xml: bool) -> Blocks<'_> {
    let mut tokens = Tokenizer::new(text);
    tokens.cdata = xml;
    let mut walk = Walk {
        tokens,
        namespaces: Namespaces::new(MAX_DEPTH),
        xml,
        open: Vec::new(),
        counts: [0; ELEMENTS],
        builder: Builder::default(),
        rows: 0,
        tables: 0,
        fresh_code: false,
    };
    walk.run();
    walk.builder.out
}

impl<'a> Walk<'a> {
    fn run(&mut self) {
        while let Some(token) = self.tokens.next() {
            match token {
                Token::Text(raw) => self.text(&text::content(raw)),
                Token::Cdata(raw) => self.text(raw),
                Token::Start {
                    name,
                    tag,
                    self_closing,
                } => self.start(name, tag, self_closing),
                Token::End { name, tag } => self.end(name, tag),
            }
        }
        self.builder.end_block();
    }

    fn inside(&self) -> Inside<'a> {
        self.open.last().map(|open| open.inside).unwrap_or_default()
    }

    fn text(&mut self, text: &str) {
        // Of what is drawn only formulas are text.
        let around = self.namespaces.innermost();
        let drawn = around.is_some_and(|tag| tag != Tag::MathText);
        let inside = self.inside();
        if inside.hidden || drawn {
            return;
        }
        if inside.place.code {
            let fresh = std::mem::take(&mut self.fresh_code);
            let text = if fresh { after_first_break(text) } else { text };
            if !text.is_empty() {
                self.builder.lines(text, inside.style, inside.place);
            }
        } else {
            self.builder.line(text, inside.style, inside.place);
        }
    }

    fn start(&mut self, name: &'a str, tag: Tag, self_closing: bool) {
        let namespace = self
            .namespaces
            .start(name, tag, &self.tokens.attributes, self_closing);
        self.tokens.cdata = self.xml || self.namespaces.is_foreign();
        if namespace != Namespace::Html {
            return;
        }
        let empty = self_closing && self.xml;
        let element = Element::of(name);
        match element {
            Element::Other => {}
            Element::Br => self.builder.line_break(self.inside().place),
            Element::Hr => self.rule(),
            Element::Img => self.image(),
            Element::Base => {
                let href = self.tokens.attributes.raw(Name::Href);
                self.builder.out.base = self.builder.out.base.or(href);
            }
            _ => self.open(element, empty),
        }
        if !empty {
            self.content_of(name, tag);
        }
    }

    /// What follows some start tags is text by rules of its own (HTML Standard §13.2.6.4), and none to be read.
    fn content_of(&mut self, name: &'a str, tag: Tag) {
        match tag {
            Tag::Title => {
                let raw = self.tokens.raw_text("title");
                let title = &mut self.builder.out.title;
                if title.is_none() {
                    *title = text::fold(&text::content(raw), MAX_TITLE);
                }
            }
            Tag::Script => self.tokens.script(),
            Tag::Style | Tag::Iframe | Tag::RawText | Tag::Textarea => {
                self.tokens.raw_text(name);
            }
            Tag::Plaintext => {
                let rest: Cow<'_, str> = Cow::Borrowed(self.tokens.plaintext());
                self.text(&rest);
            }
            _ => {}
        }
    }

    /// Parts blocks; within code, lines.
    fn part(&mut self, in_code: bool) {
        if in_code {
            self.builder.end_line(self.inside().place);
        } else {
            self.builder.end_block();
        }
    }

    fn rule(&mut self) {
        self.close_paragraph();
        self.builder.end_block();
        let inside = self.inside();
        if !inside.hidden && inside.place.cell.is_none() {
            self.builder.push(Kind::Rule, inside.place);
        }
    }

    fn image(&mut self) {
        let inside = self.inside();
        let attributes = &self.tokens.attributes;
        let source = attributes.raw(Name::Src).unwrap_or_default();
        if inside.hidden || source.is_empty() || attributes.has(Name::Hidden) {
            return;
        }
        let alt = attributes.get(Name::Alt).unwrap_or_default();
        self.builder.image(source, &alt, inside.style, inside.place);
    }

    fn open(&mut self, element: Element, empty: bool) {
        self.close_before(element);
        if !element.is_inline() {
            self.part(self.inside().place.code);
        }
        if empty || self.open.len() >= MAX_DEPTH {
            return;
        }
        let mut inside = self.inside();
        let attributes = &self.tokens.attributes;
        let said = elements::said(element, attributes, inside.place.main);
        inside.hidden |= said.hidden;
        inside.place.furniture |= said.furniture;
        inside.place.main |= said.main;
        if matches!(element, Element::Div | Element::Pre | Element::Code) {
            inside.place.language = elements::language(attributes).or(inside.place.language);
        }
        self.lay_out(element, &mut inside);
        let start = self.tokens.attributes.get(Name::Start);
        let next = start.and_then(|start| start.trim().parse().ok());
        self.set(element, &mut inside);
        if let Some(count) = self.counts.get_mut(element as usize) {
            *count += 1;
        }
        self.open.push(Open {
            element,
            inside,
            next: next.unwrap_or(1),
            term: None,
        });
    }

    /// What an element makes of the lines within it.
    fn set(&mut self, element: Element, inside: &mut Inside<'a>) {
        match element {
            Element::Strong => inside.style.strong = true,
            Element::Em => inside.style.em = true,
            Element::Del => inside.style.del = true,
            Element::Code => inside.style.code = true,
            Element::A => {
                // A furniture link within a line (the mark behind a heading) is not shown at all.
                inside.hidden |= inside.place.furniture && !self.inside().place.furniture;
                if let Some(href) = self.tokens.attributes.raw(Name::Href) {
                    inside.style.link = Some(self.builder.target(href));
                }
            }
            Element::Button => {
                inside.hidden |= inside.place.furniture && !self.inside().place.furniture;
            }
            _ => {}
        }
    }

    /// What an element makes of the blocks within it.
    fn lay_out(&mut self, element: Element, inside: &mut Inside<'a>) {
        if let Some(level) = element.level() {
            inside.place.level = Some(level);
        }
        match element {
            Element::Pre => {
                inside.place.code = true;
                self.fresh_code = true;
            }
            Element::Blockquote => self.contain(Holds::Quote, inside),
            Element::Ul | Element::Ol | Element::Dl => {
                inside.numbered = element == Element::Ol;
                if !inside.listed {
                    inside.listed = true;
                    inside.place.group = Some(self.group());
                }
            }
            Element::Li => {
                let number = self.next_item();
                let holds = number.map_or(Holds::Item, Holds::Numbered);
                self.contain(holds, inside);
            }
            Element::Dt => {
                self.contain(Holds::Item, inside);
                if let Some(list) = self.innermost(Element::Dl) {
                    list.term = inside.place.container;
                }
            }
            // It goes on with the item that its term began.
            Element::Dd => {
                let term = self.innermost(Element::Dl).and_then(|list| list.term);
                if term.is_some() {
                    inside.place.container = term;
                    inside.containers += 1;
                } else {
                    self.contain(Holds::Item, inside);
                }
            }
            Element::Table => {
                self.tables += 1;
                let (table, nested) = (self.tables, inside.table.is_some());
                let table = inside.table.map_or(table, |(outer, _)| outer);
                inside.table = Some((table, nested));
            }
            Element::Row => {
                self.rows += 1;
                if !inside.listed {
                    inside.place.group = Some(self.group());
                }
            }
            Element::Cell | Element::HeaderCell => {
                if let Some((table, nested)) = inside.table {
                    self.builder.out.cells.push(Cell {
                        table,
                        row: self.rows,
                        nested,
                        head: element == Element::HeaderCell,
                    });
                    inside.place.cell = Some(self.builder.out.cells.len() as u32 - 1);
                }
            }
            _ => {}
        }
    }

    fn group(&mut self) -> u32 {
        let groups = &mut self.builder.out.groups;
        groups.push(super::Weight::default());
        groups.len() as u32 - 1
    }

    fn contain(&mut self, holds: Holds, inside: &mut Inside<'a>) {
        if inside.containers >= MAX_CONTAINERS {
            return;
        }
        inside.containers += 1;
        let containers = &mut self.builder.out.containers;
        let parent = inside.place.container;
        containers.push(Container { parent, holds });
        inside.place.container = Some(containers.len() as u32 - 1);
    }

    /// The list of this kind that is open innermost.
    fn innermost(&mut self, element: Element) -> Option<&mut Open<'a>> {
        if self.count(element) == 0 {
            return None;
        }
        let mut open = self.open.iter_mut().rev();
        open.find(|open| open.element == element)
    }

    /// The number of the next item, where it has one.
    fn next_item(&mut self) -> Option<u32> {
        if self.count(Element::Ol) == 0 {
            return None;
        }
        let mut open = self.open.iter_mut().rev();
        let list = open.find(|open| matches!(open.element, Element::Ul | Element::Ol))?;
        let number = list.next;
        list.next = number.saturating_add(1);
        list.inside.numbered.then_some(number)
    }

    /// Closes what a start tag ends that has no end tag of its own (HTML Standard §13.1.2.4).
    fn close_before(&mut self, element: Element) {
        use Element as E;
        if !element.is_inline() {
            self.close_paragraph();
        }
        match element {
            E::A => self.close_within(&[E::A], |open| !open.is_inline()),
            E::Li => self.close_within(&[E::Li], |open| {
                matches!(open, E::Ul | E::Ol | E::Cell | E::HeaderCell)
            }),
            E::Dt | E::Dd => self.close_within(&[E::Dt, E::Dd], |open| {
                matches!(open, E::Dl | E::Cell | E::HeaderCell)
            }),
            E::Cell | E::HeaderCell => {
                self.close_within(&[E::Cell, E::HeaderCell], |open| matches!(open, E::Table));
            }
            E::Row => self.close_within(&[E::Row], |open| matches!(open, E::Table)),
            E::TablePart => {
                for part in [E::TablePart, E::Row, E::Caption] {
                    self.close_within(&[part], |open| matches!(open, E::Table));
                }
            }
            _ if element.level().is_some() => {
                let heads = [E::H1, E::H2, E::H3, E::H4, E::H5, E::H6];
                self.close_within(&heads, |open| !open.is_inline());
            }
            _ => {}
        }
    }

    fn count(&self, element: Element) -> usize {
        self.counts.get(element as usize).copied().unwrap_or(0)
    }

    fn close_paragraph(&mut self) {
        self.close_within(&[Element::P], |open| !open.is_inline());
    }

    /// Closes the innermost such element, if no boundary parts it from here.
    fn close_within(&mut self, wanted: &[Element], is_boundary: impl Fn(Element) -> bool) {
        if wanted.iter().all(|element| self.count(*element) == 0) {
            return;
        }
        let mut found = None;
        for (at, open) in self.open.iter().enumerate().rev() {
            found = Some(at).filter(|_| wanted.contains(&open.element));
            if found.is_some() || is_boundary(open.element) {
                break;
            }
        }
        if let Some(at) = found {
            self.close_from(at);
        }
    }

    fn close_from(&mut self, at: usize) {
        let closed = self.open.get(at..).unwrap_or_default();
        if closed.iter().any(|open| !open.element.is_inline()) {
            let around = at.checked_sub(1).and_then(|at| self.open.get(at));
            self.part(around.is_some_and(|open| open.inside.place.code));
        }
        for open in self.open.drain(at..) {
            if let Some(count) = self.counts.get_mut(open.element as usize) {
                *count = count.saturating_sub(1);
            }
        }
    }

    fn end(&mut self, name: &str, tag: Tag) {
        let foreign = self.namespaces.is_foreign();
        self.namespaces.end(name, tag);
        self.tokens.cdata = self.xml || self.namespaces.is_foreign();
        let mut element = Element::of(name);
        // Any heading ends any heading.
        if element.level().is_some() {
            let open = self.open.iter().rev().map(|open| open.element);
            element = open
                .take_while(|open| open.is_inline() || open.level().is_some())
                .find(|open| open.level().is_some())
                .unwrap_or(element);
        }
        if foreign || element == Element::Other || self.count(element) == 0 {
            return;
        }
        let Some(at) = self.open.iter().rposition(|open| open.element == element) else {
            return;
        };
        let crossed = self.open.get(at + 1..).unwrap_or_default();
        if element.is_style() && crossed.iter().any(|open| !open.element.is_inline()) {
            self.end_style(at, element);
        } else {
            self.close_from(at);
        }
    }

    /// Ends an element of a line that began before a block which is still open: from here on it sets nothing.
    fn end_style(&mut self, at: usize, element: Element) {
        self.open.remove(at);
        if let Some(count) = self.counts.get_mut(element as usize) {
            *count = count.saturating_sub(1);
        }
        let outer = at.checked_sub(1).and_then(|at| self.open.get(at));
        let outer = outer.map(|open| open.inside).unwrap_or_default();
        for open in self.open.iter_mut().skip(at) {
            let (style, before) = (&mut open.inside.style, outer.style);
            match element {
                Element::Strong => style.strong = before.strong,
                Element::Em => style.em = before.em,
                Element::Del => style.del = before.del,
                Element::Code => style.code = before.code,
                Element::A => style.link = before.link,
                _ => {}
            }
        }
    }
}

/// A text less the line break that it begins with.
fn after_first_break(text: &str) -> &str {
    let text = text.strip_prefix('\r').unwrap_or(text);
    text.strip_prefix('\n').unwrap_or(text)
}
