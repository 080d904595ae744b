//! What a reader sees of a page, block by block: paragraphs, headings, items of lists, cells of tables, code.
//! One pass over the tokens, no tree and no recursion; what belongs together is said by numbers.
//!
//! Whether a block is the page's own matter is noted and not decided: `main_text` does that, when all are known.

mod elements;
mod walk;

use super::text::is_space;

pub(super) use walk::read;

/// Longest text that is taken of a page, in bytes.
const MAX_TEXT: usize = 4 << 20;

/// How a piece of a line is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is set by elements of its own"
)]
pub(super) struct Style {
    pub(super) strong: bool,
    pub(super) em: bool,
    pub(super) del: bool,
    pub(super) code: bool,
    /// The link that it is in: a place in [`Blocks::targets`].
    pub(super) link: Option<u32>,
    /// It is not text, but what stands for an image: a place in [`Blocks::targets`].
    pub(super) image: Option<u32>,
}

/// A piece of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// Where in [`Blocks::text`] it ends; it begins where the one before ends, or the block begins.
    pub(super) end: usize,
    pub(super) style: Style,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Paragraph,
    Heading(u8),
    /// Lines that are kept as they are, in this language.
    Code(Option<&'a str>),
    /// A line across the page; it has no text.
    Rule,
}

/// A block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) kind: Kind<'a>,
    /// Its text, less white space at both ends: a part of [`Blocks::text`].
    pub(super) text: (usize, usize),
    /// Its pieces: a part of [`Blocks::runs`].
    pub(super) runs: (usize, usize),
    /// The quotation or the item that it stands in: a place in [`Blocks::containers`].
    pub(super) container: Option<u32>,
    /// The cell that it stands in: a place in [`Blocks::cells`].
    pub(super) cell: Option<u32>,
    /// The list, or the row, that it stands in: a place in [`Blocks::groups`].
    pub(super) group: Option<u32>,
    /// It stands in what the page calls its main matter.
    pub(super) main: bool,
    /// It stands in what is on every page of its site.
    pub(super) furniture: bool,
    /// Bytes of it that are no white space, and those of them that are in links.
    pub(super) weight: Weight,
}

/// Bytes of text, and those of them that are in links.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    pub(super) all: usize,
    pub(super) linked: usize,
}

impl Weight {
    /// Whether four fifths and more of it are links.
    pub(super) fn is_links(self) -> bool {
        self.linked > 0 && self.linked * 5 >= self.all * 4
    }

    fn add(&mut self, other: Self) {
        self.all += other.all;
        self.linked += other.linked;
    }
}

/// What blocks can stand in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Container {
    /// What it stands in itself.
    pub(super) parent: Option<u32>,
    pub(super) holds: Holds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Quote,
    /// An item of a list with bullets.
    Item,
    /// The item with this number.
    Numbered(u32),
}

/// A cell of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    /// The outermost table that it is in.
    pub(super) table: u32,
    /// Its row, of all rows of the page.
    pub(super) row: u32,
    /// Whether it is in a table that is in a table.
    pub(super) nested: bool,
    /// Whether it is the head of its column or row.
    pub(super) head: bool,
}

/// A page as a reader sees it.
#[derive(Debug, Default)]
pub(super) struct Blocks<'a> {
    pub(super) title: Option<Box<str>>,
    /// The `href` of the first `<base>` that has one, as it is written.
    pub(super) base: Option<&'a str>,
    pub(super) text: String,
    pub(super) all: Vec<Block<'a>>,
    pub(super) runs: Vec<Run>,
    pub(super) containers: Vec<Container>,
    pub(super) cells: Vec<Cell>,
    pub(super) groups: Vec<Weight>,
    /// The URLs of links and images, as they are written.
    pub(super) targets: Vec<&'a str>,
    /// There was more text than is taken.
    pub(super) cut: bool,
}

/// What is known of the place at which text is added.
#[derive(Debug, Clone, Copy, Default)]
struct Place<'a> {
    level: Option<u8>,
    code: bool,
    language: Option<&'a str>,
    container: Option<u32>,
    cell: Option<u32>,
    group: Option<u32>,
    main: bool,
    furniture: bool,
}

/// White space between two words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Gap {
    #[default]
    None,
    Space,
    /// With a line break in it.
    Line,
}

/// Puts blocks together of texts and of the boundaries between them.
#[derive(Debug, Default)]
struct Builder<'a> {
    out: Blocks<'a>,
    /// Where the block under way begins, in text and runs.
    begun: (usize, usize),
    /// Where it stands: as its first text did.
    place: Place<'a>,
    weight: Weight,
    gap: Gap,
    /// How the white space is set.
    gap_style: Style,
}

impl<'a> Builder<'a> {
    fn is_empty(&self) -> bool {
        self.out.text.len() == self.begun.0 && self.out.runs.len() == self.begun.1
    }

    /// Adds text of a line: white space is folded.
    fn line(&mut self, piece: &str, style: Style, place: Place<'a>) {
        let mut rest = piece;
        loop {
            let word = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
            let space = rest.get(..rest.len() - word.len()).unwrap_or_default();
            if !space.is_empty() {
                if self.gap == Gap::None {
                    self.gap_style = style;
                }
                let line = space.contains(['\n', '\r']);
                let gap = if line { Gap::Line } else { Gap::Space };
                self.gap = if self.gap == Gap::Line {
                    Gap::Line
                } else {
                    gap
                };
            }
            if word.is_empty() {
                return;
            }
            let bytes = word.as_bytes();
            let end = bytes.iter().position(|&byte| is_space(byte));
            let (word, after) = word.split_at(end.unwrap_or(word.len()));
            self.word(word, style, place);
            rest = after;
        }
    }

    fn word(&mut self, word: &str, style: Style, place: Place<'a>) {
        if self.is_empty() {
            self.place = place;
            self.gap = Gap::None;
        }
        let text = &self.out.text;
        let joins = match self.gap {
            Gap::None => true,
            Gap::Space => text.ends_with('\n'),
            // Lines of what is written without spaces are joined without them (CSS Text 3 §4.1.3).
            Gap::Line => {
                text.ends_with('\n')
                    || text.chars().next_back().is_some_and(is_wide)
                        && word.chars().next().is_some_and(is_wide)
            }
        };
        self.gap = Gap::None;
        if !joins {
            self.out.text.push(' ');
            self.end_run(self.gap_style);
        }
        self.put(word, style);
    }

    /// Adds text as it is.
    fn put(&mut self, text: &str, style: Style) {
        let room = MAX_TEXT.saturating_sub(self.out.text.len());
        let kept = text.get(..text.floor_char_boundary(room)).unwrap_or(text);
        self.out.cut |= kept.len() < text.len();
        self.out.text.push_str(kept);
        self.weight.all += kept.len();
        if style.link.is_some() {
            self.weight.linked += kept.len();
        }
        self.end_run(style);
    }

    fn end_run(&mut self, style: Style) {
        let end = self.out.text.len();
        let first = self.out.runs.len() == self.begun.1;
        match self.out.runs.last_mut() {
            Some(run) if !first && run.style == style && style.image.is_none() => run.end = end,
            _ => self.out.runs.push(Run { end, style }),
        }
    }

    /// Adds lines that are kept as they are.
    fn lines(&mut self, piece: &str, style: Style, place: Place<'a>) {
        if self.is_empty() {
            self.place = place;
        }
        let mut first = true;
        for line in piece.split('\n') {
            if !std::mem::take(&mut first) {
                self.put("\n", style);
            }
            self.put(line.strip_suffix('\r').unwrap_or(line), style);
        }
    }

    /// Ends the line of code under way.
    fn end_line(&mut self, place: Place<'a>) {
        if !self.is_empty() && !self.out.text.ends_with('\n') {
            self.lines("\n", Style::default(), place);
        }
    }

    /// Breaks the line within a block.
    fn line_break(&mut self, place: Place<'a>) {
        self.gap = Gap::None;
        if place.code {
            self.lines("\n", Style::default(), place);
        } else if place.level.is_some() {
            (self.gap, self.gap_style) = (Gap::Space, Style::default());
        } else if !self.is_empty() && self.out.text.len() < MAX_TEXT {
            self.out.text.push('\n');
            let style = self.out.runs.last().map(|run| run.style);
            let style = style.filter(|style| style.image.is_none());
            self.end_run(style.unwrap_or_default());
        }
    }

    /// Adds an image; its text stands for it where images can be shown, and is no text of the page.
    fn image(&mut self, target: &'a str, alt: &str, style: Style, place: Place<'a>) {
        let alt: Vec<&str> = alt.split_ascii_whitespace().collect();
        let room = MAX_TEXT.saturating_sub(self.out.text.len());
        if place.code || room == 0 {
            return;
        }
        // The space before it.
        self.word("", style, place);
        let alt = alt.join(" ");
        let image = self.target(target);
        let kept = alt.get(..alt.floor_char_boundary(room)).unwrap_or_default();
        self.out.text.push_str(kept);
        self.end_run(Style {
            image: Some(image),
            ..style
        });
    }

    fn target(&mut self, target: &'a str) -> u32 {
        self.out.targets.push(target);
        self.out.targets.len() as u32 - 1
    }

    /// Ends the block under way.
    fn end_block(&mut self) {
        self.gap = Gap::None;
        if self.is_empty() {
            return;
        }
        let place = std::mem::take(&mut self.place);
        let kind = match (place.code, place.level) {
            (true, _) => Kind::Code(place.language),
            (false, Some(level)) => Kind::Heading(level),
            _ => Kind::Paragraph,
        };
        self.push(kind, place);
    }

    fn push(&mut self, kind: Kind<'a>, place: Place<'a>) {
        let (text, runs) = (self.begun.0, self.begun.1);
        self.begun = (self.out.text.len(), self.out.runs.len());
        let weight = std::mem::take(&mut self.weight);
        let whole = self.out.text.get(text..).unwrap_or_default();
        // A block of code keeps what its first line begins with.
        let (from, kept) = match kind {
            Kind::Code(_) => {
                let lines = whole.trim_end();
                let blank = lines.len() - lines.trim_start().len();
                let before = lines.get(..blank).unwrap_or_default();
                let from = before.rfind('\n').map_or(0, |at| at + 1);
                (text + from, lines.get(from..).unwrap_or_default())
            }
            // An image without a text has the space before it at the end.
            _ if self
                .out
                .runs
                .last()
                .is_some_and(|run| run.style.image.is_some()) =>
            {
                (text, whole)
            }
            _ => (text, whole.trim_end_matches([' ', '\n'])),
        };
        let block = Block {
            kind,
            text: (from, from + kept.len()),
            runs: (runs, self.out.runs.len()),
            container: place.container,
            cell: place.cell,
            group: place.group,
            main: place.main,
            furniture: place.furniture,
            weight,
        };
        let has_image = || {
            let mut runs = self.out.runs.get(runs..).unwrap_or_default().iter();
            runs.any(|run| run.style.image.is_some())
        };
        if kind != Kind::Rule && kept.trim().is_empty() && !has_image() {
            return;
        }
        if let Some(group) = place.group
            && let Some(of_group) = self.out.groups.get_mut(group as usize)
        {
            of_group.add(weight);
        }
        self.out.all.push(block);
    }
}

/// Whether a character is of a script that is written without spaces, and as wide as it is high.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{303f}' | '\u{3040}'..='\u{30ff}' | '\u{3100}'..='\u{312f}' | '\u{31a0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff64}'
        | '\u{20000}'..='\u{3ffff}')
}

impl Blocks<'_> {
    /// The text of a block, with that of its images where these are wanted.
    pub(super) fn text_of(&self, block: &Block<'_>) -> String {
        let mut out = String::new();
        if matches!(block.kind, Kind::Code(_)) {
            let (from, to) = block.text;
            return self.text.get(from..to).unwrap_or_default().to_owned();
        }
        for (piece, style) in self.pieces(block) {
            if style.image.is_none() {
                // An image leaves one space, not two.
                let after_space = out.is_empty() || out.ends_with([' ', '\n']);
                let piece = if after_space {
                    piece.trim_start_matches(' ')
                } else {
                    piece
                };
                out.push_str(piece);
            }
        }
        out.truncate(out.trim_end().len());
        out
    }

    /// The pieces of a block, each with how it is set.
    pub(super) fn pieces(&self, block: &Block<'_>) -> impl Iterator<Item = (&str, Style)> {
        let (mut at, to) = block.text;
        let runs = self.runs.get(block.runs.0..block.runs.1);
        runs.unwrap_or_default().iter().map(move |run| {
            let (from, end) = (at, run.end.clamp(at, to));
            at = end;
            (self.text.get(from..end).unwrap_or_default(), run.style)
        })
    }
}
