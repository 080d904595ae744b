//! What of a page is shown where it is found: its title, and a piece of its text, with what was looked for marked.
//!
//! The index has no texts. The page's is taken from its stored body once more, and laid into a small index of the
//! same kind in memory, window by window: so FTS5 itself finds the window that says the most, and sets the marks
//! exactly where it has found.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Serialize, Serializer};
use tokio_rusqlite::rusqlite;

use crate::parse::segment::{joined, segment};
use crate::store::search::TOKENIZER;

/// Bytes of a window.
const WINDOW: usize = 8 << 10;
/// Windows that are looked through at a time.
const AT_ONCE: usize = 8;
/// Bytes of a text that are looked through.
const MOST: usize = 1 << 20;
/// Words of a piece of text; of what is written without spaces, characters.
const WORDS: [i64; 2] = [28, 64];
/// Before and after what is marked. In no text: these are control characters, which [`segment`] takes out.
const MARKS: [&str; 2] = ["\u{2}", "\u{3}"];

/// A text of which parts are marked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marked(Vec<(String, bool)>);

impl Marked {
    /// The text, with this before and after each part that is marked, and all else as `plain` has it.
    #[must_use]
    pub fn with(&self, before: &str, after: &str, plain: impl Fn(&str) -> String) -> String {
        let part = |(text, marked): &(String, bool)| match marked {
            true => format!("{before}{}{after}", plain(text)),
            false => plain(text),
        };
        self.0.iter().map(part).collect()
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads what FTS5 has marked: white space is folded, and in a mark only between two of its words.
    fn read(text: &str) -> Self {
        let mut out = Self::default();
        let (mut marked, mut gap) = (false, None);
        for c in joined(text).chars() {
            match c {
                '\u{2}' => marked = true,
                '\u{3}' => marked = false,
                c if c.is_whitespace() => gap = Some(gap.unwrap_or(marked) && marked),
                c => {
                    let last = out.0.last().map(|(_, marked)| *marked);
                    if let (Some(gap), Some(last)) = (gap.take(), last) {
                        out.push(' ', gap && last && marked);
                    }
                    out.push(c, marked);
                }
            }
        }
        out
    }

    fn push(&mut self, c: char, marked: bool) {
        match self.0.last_mut() {
            Some((text, of)) if *of == marked => text.push(c),
            _ => self.0.push((c.to_string(), marked)),
        }
    }

    /// A text without marks.
    fn plain(text: &str) -> Self {
        Self::read(&text.replace(['\u{2}', '\u{3}'], ""))
    }

    fn has_marks(&self) -> bool {
        self.0.iter().any(|(_, marked)| *marked)
    }
}

impl Serialize for Marked {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.with("**", "**", str::to_owned))
    }
}

/// Sets marks for one question.
#[derive(Debug)]
pub(super) struct Marker<'q> {
    memory: Connection,
    wanted: &'q str,
}

impl<'q> Marker<'q> {
    pub(super) fn new(wanted: &'q str) -> rusqlite::Result<Self> {
        let memory = Connection::open_in_memory()?;
        memory.execute_batch(&format!(
            "CREATE VIRTUAL TABLE shown USING fts5(title, headings, body, tokenize='{TOKENIZER}')"
        ))?;
        Ok(Self { memory, wanted })
    }

    /// The title, and of the text the piece that says the most of what is wanted.
    pub(super) fn mark(&self, title: &str, text: &str) -> rusqlite::Result<(Marked, Marked)> {
        let mut head = String::new();
        segment(title, &mut head);
        let mut body = String::new();
        let end = text.floor_char_boundary(MOST.min(text.len()));
        segment(text.get(..end).unwrap_or(text), &mut body);
        let mut best = None;
        let windows: Vec<&str> = windows(&body).collect();
        for windows in windows.chunks(AT_ONCE) {
            let found = self.best(&head, windows)?;
            let is_it = found.as_ref().is_some_and(|(_, text)| text.has_marks());
            best = if is_it { found } else { best.or(found) };
            if is_it {
                break;
            }
        }
        Ok(best.unwrap_or_else(|| (Marked::plain(title), Marked::plain(&opening(text)))))
    }

    /// Of these windows.
    fn best(&self, title: &str, windows: &[&str]) -> rusqlite::Result<Option<(Marked, Marked)>> {
        self.memory.execute("DELETE FROM shown", [])?;
        let mut insert = self
            .memory
            .prepare_cached("INSERT INTO shown (title, body) VALUES (?, ?)")?;
        for window in windows {
            insert.execute([title, window])?;
        }
        let joined = windows.first().is_some_and(|window| {
            window.matches('\u{200b}').count() * 8 > window.len().min(WINDOW)
        });
        let mut marks = self.memory.prepare_cached(
            "SELECT highlight(shown, 0, ?2, ?3), snippet(shown, 2, ?2, ?3, '…', ?4) FROM shown WHERE shown MATCH ?1
             ORDER BY bm25(shown, 0.0, 1.0, 1.0), rowid LIMIT 1",
        )?;
        let words = WORDS[usize::from(joined)];
        let read = |row: &rusqlite::Row<'_>| {
            let (title, text): (String, String) = (row.get(0)?, row.get(1)?);
            Ok((Marked::read(&title), Marked::read(&text)))
        };
        marks
            .query_row(params![self.wanted, MARKS[0], MARKS[1], words], read)
            .optional()
    }
}

/// What a text begins with.
fn opening(text: &str) -> String {
    const LETTERS: usize = 160;
    let mut out: String = text.chars().take(LETTERS).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

/// A text in pieces that end where lines do, if they can.
fn windows(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let most = rest.floor_char_boundary(WINDOW.min(rest.len()));
        let head = rest.get(..most).unwrap_or(rest);
        let end = match head.rfind(['\n', ' ']) {
            Some(at) if head.len() < rest.len() => at + 1,
            _ => head.len(),
        };
        let (window, after) = rest.split_at(end.max(1).min(rest.len()));
        rest = after;
        Some(window)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(marked: &Marked) -> String {
        marked.with("[", "]", str::to_owned)
    }

    #[test]
    fn marks_are_exact() {
        let long = format!("{} needle {}", "hay ".repeat(20_000), "hay ".repeat(100));
        for (wanted, title, text, in_title, in_text) in [
            (
                "\"crawl\"",
                "On crawling",
                "It crawls.\nCrawled pages",
                "On [crawling]",
                "It [crawls]. [Crawled] pages",
            ),
            ("\"cafe\"", "x", "Un café, ici", "x", "Un [café], ici"),
            (
                "\"日\u{200b}本\"",
                "日本語",
                "これは日本語です",
                "[日本]語",
                "これは[日本]語です",
            ),
            ("\"a b\" OR \"c\"", "", "x a b c b a", "", "x [a b] [c] b a"),
            ("title : \"one\"", "one", "one two", "[one]", "one two"),
            ("\"needle\"", "t", &long, "t", "[needle]"),
            ("\"absent\"", "t", "a text", "t", "a text"),
        ] {
            let marker = Marker::new(wanted).expect("in memory");
            let (head, body) = marker.mark(title, text).expect(wanted);
            assert_eq!(shown(&head), in_title, "{wanted}");
            assert!(shown(&body).contains(in_text), "{wanted}: {}", shown(&body));
        }
    }

    #[test]
    fn white_space_beside_marks() {
        for (given, wanted) in [
            ("a \u{2}b\u{3} c", "a [b] c"),
            ("\u{2}a\u{3} \u{2}b\u{3}", "[a] [b]"),
            (" a\n\n b\u{2} c \u{3}d ", "a b [c] d"),
            ("\u{2}a\u{3}\u{2}b\u{3}", "[ab]"),
            ("", ""),
        ] {
            assert_eq!(shown(&Marked::read(given)), wanted, "{given:?}");
        }
    }

    #[test]
    fn windows_hold_all() {
        for text in [
            "",
            "a",
            &"a b\n".repeat(9000),
            &"日".repeat(9000),
            &"x".repeat(WINDOW * 3),
        ] {
            let all: Vec<&str> = windows(text).collect();
            assert_eq!(all.concat(), text);
            assert!(
                all.iter()
                    .all(|window| !window.is_empty() && window.len() <= WINDOW)
            );
        }
    }
}
