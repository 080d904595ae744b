//! Lines of Markdown: what is set and linked in them, and what would be taken for a mark and is none.

use std::cell::Cell;
use std::fmt::Write as _;

use crate::canonical::{Base, CanonicalUrl};
use crate::parse::blocks::{Block, Blocks, Style};
use crate::parse::text;

use super::longest_run;

/// Where lines stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Lines,
    Heading,
    Cell,
}

/// What can be around a piece, the outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Link(u32),
    Strong,
    Em,
    Del,
}

/// A piece of a line.
#[derive(Debug)]
enum Piece {
    Text(String),
    /// A mark, and where its partner is.
    Open(Mark, usize),
    Close(Mark, usize),
}

/// Bytes of all URLs of a page, as they are written. Relative ones are some bytes of the page, and may be 4 KiB each once
/// they are resolved: 650,000 of them would be 2.6 GB out of a page of 10 MB. The links after that are texts.
const MAX_URLS: usize = 16 << 20;

/// Writes lines.
#[derive(Debug)]
pub(super) struct Inline<'b, 'a> {
    blocks: &'b Blocks<'a>,
    page: &'b CanonicalUrl,
    base: Base,
    /// Bytes of URLs that were written.
    written: Cell<usize>,
}

impl<'b, 'a> Inline<'b, 'a> {
    pub(super) fn new(blocks: &'b Blocks<'a>, page: &'b CanonicalUrl, base: Base) -> Self {
        Self {
            blocks,
            page,
            base,
            written: Cell::new(0),
        }
    }

    /// The text of a block.
    pub(super) fn write(&self, block: &Block<'_>, place: Place) -> String {
        let mut line = Line::default();
        for (text, style) in self.blocks.pieces(block) {
            if let Some(image) = style.image {
                if let Some(url) = self.next_url(image) {
                    let alt = escaped(text, place, false);
                    line.add(&self.marks(style), &format!("![{alt}]({url})"), "", "");
                }
                continue;
            }
            let core = text.trim_matches([' ', '\n']);
            let lead = text.len() - text.trim_start_matches([' ', '\n']).len();
            let (lead, rest) = text.split_at(lead);
            if core.is_empty() {
                line.space(lead);
                continue;
            }
            let trail = rest.get(core.len()..).unwrap_or_default();
            let begins = line.begins_line(lead);
            // In brackets this would be the name of a link (CommonMark 0.31 §4.7), in code, too.
            let link = style.link.filter(|_| !style.code || !core.contains("]:"));
            let style = Style { link, ..style };
            let written = if style.code {
                code(core, place)
            } else {
                escaped(core, place, begins)
            };
            line.add(&self.marks(style), &written, lead, trail);
        }
        line.finish(place, |link| self.url(link))
    }

    fn marks(&self, style: Style) -> Vec<Mark> {
        let link = style.link.filter(|link| self.next_url(*link).is_some());
        let set = [
            (style.strong, Mark::Strong),
            (style.em, Mark::Em),
            (style.del, Mark::Del),
        ];
        let set = set.into_iter().filter(|(is_set, _)| *is_set);
        link.map(Mark::Link)
            .into_iter()
            .chain(set.map(|(_, mark)| mark))
            .collect()
    }

    /// The URL of what is to be written next, if there is room for it.
    fn next_url(&self, target: u32) -> Option<String> {
        let url = self.url(target)?;
        let written = self.written.get().saturating_add(url.len());
        if written > MAX_URLS {
            return None;
        }
        self.written.set(written);
        Some(url)
    }

    /// The URL of a link or an image as Markdown has it; `None` where it leads nowhere.
    fn url(&self, target: u32) -> Option<String> {
        let raw = self.blocks.targets.get(target as usize)?;
        let reference = text::attribute(raw);
        let reference = text::trim(&reference);
        let scheme = reference.get(..7).unwrap_or_default();
        if scheme.eq_ignore_ascii_case("mailto:") || reference.starts_with("tel:") {
            return Some(destination(reference));
        }
        let (before, fragment) = match reference.split_once('#') {
            Some((before, fragment)) => (before, Some(fragment)),
            None => (reference, None),
        };
        let url = if before.is_empty() && fragment.is_some() {
            self.page.as_str().to_owned()
        } else {
            self.base.join(before).ok()?.as_str().to_owned()
        };
        let fragment = fragment.filter(|fragment| !fragment.is_empty());
        let fragment = fragment.map(|fragment| format!("#{fragment}"));
        Some(destination(&(url + &fragment.unwrap_or_default())))
    }
}

/// A URL, with what would end it written as escapes.
fn destination(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        if c.is_ascii_control() || " ()<>\\|\"'`".contains(c) {
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else if c == '&' {
            out.push_str("\\&");
        } else if !c.is_control() && !c.is_whitespace() {
            out.push(c);
        }
    }
    out
}

/// Text within a line that is code.
fn code(text: &str, place: Place) -> String {
    let text = text.replace('\n', " ");
    let text = if place == Place::Cell {
        text.replace('|', "\\|")
    } else {
        text
    };
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    let space = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// Text in which nothing is a mark.
fn escaped(text: &str, place: Place, begins: bool) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = None;
    let mut begins = begins;
    // Whether only digits stand between the beginning of the line and here.
    let mut digits = begins;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\n' {
            out.push_str(match place {
                Place::Lines => "\\\n",
                Place::Heading => " ",
                Place::Cell => "<br>",
            });
            (before, begins, digits) = (None, place == Place::Lines, true);
            continue;
        }
        let next = rest.as_str().chars().next();
        let is_mark = match c {
            '\\' | '`' | '*' | '[' | ']' | '~' | '|' => true,
            '_' => {
                !(before.is_some_and(char::is_alphanumeric)
                    && next.is_some_and(char::is_alphanumeric))
            }
            '<' => next.is_none_or(|next| next.is_ascii_alphabetic() || "/!?".contains(next)),
            '&' => next.is_none_or(|next| next.is_ascii_alphanumeric() || next == '#'),
            '!' => next.is_none(),
            '#' => begins || place == Place::Heading,
            '>' | '=' | '+' | '-' | ':' => begins,
            '.' | ')' => digits && !begins,
            _ => false,
        };
        if is_mark {
            out.push('\\');
        }
        out.push(c);
        begins = false;
        digits &= c.is_ascii_digit();
        before = Some(c);
    }
    out
}

/// A line under way.
#[derive(Debug, Default)]
struct Line {
    pieces: Vec<Piece>,
    open: Vec<(Mark, usize)>,
    space: String,
}

impl Line {
    fn space(&mut self, space: &str) {
        self.space.push_str(space);
    }

    /// Whether what comes after this white space begins a line.
    fn begins_line(&self, lead: &str) -> bool {
        self.pieces.is_empty() || self.space.contains('\n') || lead.contains('\n')
    }

    /// Adds text with these marks around it: white space stands outside of marks that end or begin there.
    fn add(&mut self, marks: &[Mark], text: &str, lead: &str, trail: &str) {
        let same = self.open.iter().zip(marks);
        let same = same.take_while(|((open, _), mark)| open == *mark).count();
        self.close_to(same);
        self.space(lead);
        let space = std::mem::take(&mut self.space);
        if !space.is_empty() && !self.pieces.is_empty() {
            self.pieces.push(Piece::Text(space));
        }
        for mark in marks.get(same..).unwrap_or_default() {
            self.open.push((*mark, self.pieces.len()));
            self.pieces.push(Piece::Open(*mark, 0));
        }
        self.pieces.push(Piece::Text(text.to_owned()));
        self.space(trail);
    }

    fn close_to(&mut self, length: usize) {
        while self.open.len() > length
            && let Some((mark, at)) = self.open.pop()
        {
            let end = self.pieces.len();
            self.pieces.push(Piece::Close(mark, at));
            if let Some(Piece::Open(_, partner)) = self.pieces.get_mut(at) {
                *partner = end;
            }
        }
    }

    /// Puts the pieces together, and leaves out marks that would be none where they stand.
    fn finish(mut self, place: Place, url: impl Fn(u32) -> Option<String>) -> String {
        self.close_to(0);
        let mixed = self.is_mixed();
        let kept: Vec<bool> = (0..self.pieces.len())
            .map(|at| self.is_kept(at, mixed))
            .collect();
        let mut out = String::new();
        // Where the text before ends, if that was code: only code begins with a tick.
        let mut code_end = None;
        for (piece, kept) in self.pieces.iter().zip(kept) {
            match piece {
                Piece::Text(text) if text.trim_matches([' ', '\n']).is_empty() => {
                    out.push_str(&blank(text, place));
                }
                Piece::Text(text) => {
                    let is_code = text.starts_with('`');
                    if is_code && code_end == Some(out.len()) {
                        out.push(' ');
                    }
                    out.push_str(text);
                    code_end = is_code.then_some(out.len());
                }
                Piece::Open(Mark::Link(_), _) => out.push('['),
                Piece::Close(Mark::Link(link), _) => {
                    let _ = write!(out, "]({})", url(*link).unwrap_or_default());
                }
                Piece::Open(mark, _) | Piece::Close(mark, _) if kept => out.push_str(sign(*mark)),
                _ => {}
            }
        }
        out
    }

    /// Whether a mark and its partner are marks (`CommonMark` 0.31 §6.2, left-flanking and right-flanking). Where marks
    /// stand side by side only what is plain is taken for one.
    fn is_kept(&self, at: usize, mixed: bool) -> bool {
        let (open, close) = match self.pieces.get(at) {
            Some(Piece::Open(_, close)) => (at, *close),
            Some(Piece::Close(_, open)) => (*open, at),
            _ => return true,
        };
        self.flanks(open, mixed) && self.flanks(close, mixed)
    }

    fn flanks(&self, at: usize, mixed: bool) -> bool {
        let opens = matches!(self.pieces.get(at), Some(Piece::Open(..)));
        let is_mark = |at: usize| {
            let piece = self.pieces.get(at);
            piece
                .filter(|piece| !matches!(piece, Piece::Text(_)))
                .filter(|piece| !piece.is_link())
        };
        let (mut from, mut to) = (at, at + 1);
        while from > 0 && is_mark(from - 1).is_some() {
            from -= 1;
        }
        while is_mark(to).is_some() {
            to += 1;
        }
        let same =
            |at: usize| is_mark(at).is_some_and(|piece| matches!(piece, Piece::Open(..)) == opens);
        if !(from..to).all(same) {
            return false;
        }
        let (before, after) = (self.last(from), self.first(to));
        let (outer, inner) = if opens {
            (before, after)
        } else {
            (after, before)
        };
        if outer.is_none_or(char::is_whitespace) {
            return inner.is_some_and(|c| !c.is_whitespace());
        }
        let is_sign = outer.is_some_and(|c| c.is_ascii_punctuation());
        match inner {
            Some(c) if c.is_alphanumeric() => is_sign || to - from == 1,
            // It could end as well as begin here, which is told by length alone: so all must have the same.
            Some(c) => is_sign && !c.is_whitespace() && !mixed,
            None => false,
        }
    }

    /// Whether there are marks of several lengths.
    fn is_mixed(&self) -> bool {
        let has = |wanted: Mark| {
            let mut pieces = self.pieces.iter();
            pieces.any(|piece| matches!(piece, Piece::Open(mark, _) if *mark == wanted))
        };
        has(Mark::Strong) && has(Mark::Em)
    }

    /// The first character from this piece on.
    fn first(&self, at: usize) -> Option<char> {
        match self.pieces.get(at)? {
            Piece::Text(text) => text.chars().next(),
            Piece::Open(..) => Some('['),
            Piece::Close(..) => Some(']'),
        }
    }

    /// The last character before this piece.
    fn last(&self, at: usize) -> Option<char> {
        match self.pieces.get(at.checked_sub(1)?)? {
            Piece::Text(text) => text.chars().next_back(),
            Piece::Open(..) => Some('['),
            Piece::Close(..) => Some(')'),
        }
    }
}

impl Piece {
    fn is_link(&self) -> bool {
        matches!(
            self,
            Self::Open(Mark::Link(_), _) | Self::Close(Mark::Link(_), _)
        )
    }
}

fn sign(mark: Mark) -> &'static str {
    match mark {
        Mark::Strong => "**",
        Mark::Em => "*",
        Mark::Del => "~~",
        Mark::Link(_) => "",
    }
}

/// White space between pieces.
fn blank(space: &str, place: Place) -> String {
    match (space.matches('\n').count(), place) {
        (0, _) | (_, Place::Heading) => " ".to_owned(),
        (breaks, Place::Lines) => "\\\n".repeat(breaks),
        (breaks, Place::Cell) => "<br>".repeat(breaks),
    }
}
