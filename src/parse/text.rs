//! Text as a reader sees it: character references decoded, white space folded, cut at a limit.

use std::borrow::Cow;

/// The HTML Standard's ASCII whitespace, as bytes.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0C | b'\r' | b' ')
}

/// Trims the HTML Standard's ASCII whitespace (not U+00A0, which `str::trim` would take).
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_whitespace())
}

/// A slice that is empty where the range is none; the callers cut at ASCII bytes only.
pub(super) fn slice(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}

/// Decodes an attribute's value (HTML Standard §13.2.5.73: a name without semicolon before `=` or an
/// alphanumeric is no reference, so that `?a=1&copy=2` stays what it is).
pub(super) fn attribute(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', raw.as_bytes()).is_none() {
        return without_nul(raw);
    }
    match without_nul(raw) {
        Cow::Borrowed(raw) => htmlize::unescape_attribute(raw),
        Cow::Owned(raw) => Cow::Owned(htmlize::unescape_attribute(raw).into_owned()),
    }
}

/// Decodes text between tags, and that of `<title>`.
pub(super) fn content(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', raw.as_bytes()).is_none() {
        return without_nul(raw);
    }
    match without_nul(raw) {
        Cow::Borrowed(raw) => htmlize::unescape(raw),
        Cow::Owned(raw) => Cow::Owned(htmlize::unescape(raw).into_owned()),
    }
}

/// The tokenizer puts U+FFFD for NUL in values and in RCDATA (HTML Standard §13.2.5.2).
fn without_nul(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(0, raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.replace('\0', "\u{FFFD}"))
}

/// Gathers text piece by piece: runs of ASCII whitespace become one space, both ends are trimmed, and
/// what passes the limit is dropped. One of these serves all anchors of a page.
#[derive(Debug, Default)]
pub(super) struct Folder {
    out: String,
    limit: usize,
    gap: bool,
    full: bool,
}

impl Folder {
    /// A folder that keeps at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Adds a piece; words at the seam stay joined unless one side has white space.
    pub(super) fn push(&mut self, piece: &str) {
        let mut rest = piece;
        while !self.full && !rest.is_empty() {
            let word = rest.bytes().position(is_space).unwrap_or(rest.len());
            if word > 0 {
                self.push_word(slice(rest, 0, word));
            }
            let after = rest.as_bytes().get(word..).unwrap_or_default();
            let spaces = after
                .iter()
                .position(|&byte| !is_space(byte))
                .unwrap_or(after.len());
            self.gap |= spaces > 0;
            rest = slice(rest, word + spaces, rest.len());
        }
    }

    /// Marks a break between words, as a line break or a new block makes one.
    pub(super) fn space(&mut self) {
        self.gap = true;
    }

    /// Whether more text would change nothing.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// What was gathered, `None` where that is nothing; the folder begins anew.
    pub(super) fn take(&mut self) -> Option<Box<str>> {
        let text = (!self.out.is_empty()).then(|| Box::from(self.out.as_str()));
        self.out.clear();
        self.gap = false;
        self.full = false;
        text
    }

    fn push_word(&mut self, word: &str) {
        let gap = usize::from(self.gap && !self.out.is_empty());
        let room = self.limit.saturating_sub(self.out.len() + gap);
        let end = word.floor_char_boundary(room.min(word.len()));
        self.full = end < word.len();
        if end > 0 {
            if gap > 0 {
                self.out.push(' ');
            }
            self.out.push_str(slice(word, 0, end));
        }
        self.gap = false;
    }
}

/// Folds one whole text.
pub(super) fn fold(text: &str, limit: usize) -> Option<Box<str>> {
    let mut folder = Folder::new(limit);
    folder.push(text);
    folder.take()
}

/// Folds and lower-cases a list of words such as `rel`. Keywords are ASCII, so only ASCII is lowered;
/// the limit is far beyond any real list.
pub(super) fn words(text: &str) -> Option<Box<str>> {
    let mut words = fold(text, 1024)?;
    words.make_ascii_lowercase();
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_text_and_of_attributes() {
        for (raw, in_text, in_attribute) in [
            ("a &amp; b", "a & b", "a & b"),
            ("?a=1&copy=2", "?a=1©=2", "?a=1&copy=2"),
            ("&copy2", "©2", "&copy2"),
            ("&notit;", "¬it;", "&notit;"),
            ("&notin;", "∉", "∉"),
            (
                "&#x80;&#xD800;&#0;",
                "€\u{FFFD}\u{FFFD}",
                "€\u{FFFD}\u{FFFD}",
            ),
            ("a\0b", "a\u{FFFD}b", "a\u{FFFD}b"),
            ("&am\0p;", "&am\u{FFFD}p;", "&am\u{FFFD}p;"),
            ("&", "&", "&"),
        ] {
            assert_eq!(content(raw), in_text, "{raw}");
            assert_eq!(attribute(raw), in_attribute, "{raw}");
        }
    }

    #[test]
    fn folding() {
        for (pieces, limit, wanted) in [
            (&["  a \n b\t"][..], 99, Some("a b")),
            (&["a", "b"], 99, Some("ab")),
            (&["a ", "b"], 99, Some("a b")),
            (&["a", " ", " b"], 99, Some("a b")),
            (&["\u{A0}a"], 99, Some("\u{A0}a")),
            (&["abc def"], 5, Some("abc d")),
            (&["abc def"], 4, Some("abc")),
            (&["aé"], 2, Some("a")),
            (&["é"], 1, None),
            (&[" \n"], 99, None),
            (&[], 99, None),
        ] {
            let mut folder = Folder::new(limit);
            pieces.iter().for_each(|piece| folder.push(piece));
            assert_eq!(folder.take().as_deref(), wanted, "{pieces:?}");
        }
    }

    #[test]
    fn nothing_follows_a_cut() {
        let mut folder = Folder::new(3);
        folder.push("abcd");
        folder.push("e");
        assert!(folder.is_full());
        assert_eq!(folder.take().as_deref(), Some("abc"));
        folder.push("again");
        assert_eq!(folder.take().as_deref(), Some("aga"));
    }
}
