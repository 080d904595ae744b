//! The tokenizer of the HTML Standard (§13.2.5), as far as it decides what is a tag, what is text and
//! what is neither.
//!
//! It runs over a text that is whole in memory, so every token is a slice of it: nothing is copied, no
//! state outlives a call, and each byte is looked at once. Like the Standard's, it must be told by its
//! caller what it cannot know: that a `<title>` is followed by RCDATA ([`Tokenizer::raw_text`]), a
//! `<script>` by script data ([`Tokenizer::script`]), and where CDATA sections exist.

use super::attributes::Attributes;
use super::elements::Tag;
use super::text::{is_space, slice};

/// What the tokenizer finds; comments, doctypes and processing instructions are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Text, its character references not yet decoded.
    Text(&'a str),
    /// The inside of a CDATA section: text without references.
    Cdata(&'a str),
    /// A start tag; its attributes are in [`Tokenizer::attributes`] until the next token.
    Start {
        name: &'a str,
        tag: Tag,
        self_closing: bool,
    },
    /// An end tag.
    End { name: &'a str, tag: Tag },
}

/// A position in a text.
#[derive(Debug)]
pub(super) struct Tokenizer<'a> {
    text: &'a str,
    at: usize,
    /// The attributes of the start tag returned last.
    pub(super) attributes: Attributes<'a>,
    /// Whether `<![CDATA[` opens a section here: in SVG, `MathML` and XML.
    pub(super) cdata: bool,
}

impl<'a> Tokenizer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            attributes: Attributes::default(),
            cdata: false,
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn rest(&self, from: usize) -> &'a [u8] {
        self.text.as_bytes().get(from..).unwrap_or_default()
    }

    /// The next token, `None` at the end. A tag cut off by the end is none (§13.2.5.8, eof-in-tag).
    #[expect(
        clippy::inline_always,
        reason = "tokens that go through memory to whoever asks cost a fortieth of a page"
    )]
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let start = self.at;
            if self.byte(start)? != b'<' {
                return Some(self.text_from(start, start));
            }
            let slash = usize::from(self.byte(start + 1) == Some(b'/'));
            let name = start + 1 + slash;
            if self.byte(name).is_some_and(|b| b.is_ascii_alphabetic()) {
                return self.tag(name, slash == 1);
            }
            if let Some(token) = self.other(start) {
                return Some(token);
            }
        }
    }

    /// What begins with `<` and is no tag; `None` where nothing comes of it.
    #[inline(never)]
    fn other(&mut self, start: usize) -> Option<Token<'a>> {
        match self.byte(start + 1) {
            Some(b'/') if self.byte(start + 2).is_some() => self.skip_past(b'>', start + 2),
            Some(b'/') => return Some(self.text_from(start, self.text.len())),
            Some(b'!') => return self.declaration(start + 2),
            Some(b'?') => self.skip_past(b'>', start + 2),
            // A `<` that opens nothing is text, with all that follows it.
            _ => return Some(self.text_from(start, start + 1)),
        }
        None
    }

    fn text_from(&mut self, start: usize, look_from: usize) -> Token<'a> {
        let rest = self.rest(look_from);
        self.at = look_from + memchr::memchr(b'<', rest).unwrap_or(rest.len());
        Token::Text(slice(self.text, start, self.at))
    }

    fn skip_past(&mut self, byte: u8, from: usize) {
        let rest = self.rest(from);
        self.at = memchr::memchr(byte, rest).map_or(self.text.len(), |found| from + found + 1);
    }

    fn tag(&mut self, from: usize, end: bool) -> Option<Token<'a>> {
        let rest = self.rest(from);
        let length = rest
            .iter()
            .position(|&b| is_space(b) || b == b'/' || b == b'>')?;
        let name = slice(self.text, from, from + length);
        let after = self.attributes.read(self.text, from + length);
        // No `>`: the end of the text is inside the tag, and nothing can follow.
        let Some((after, self_closing)) = after else {
            self.at = self.text.len();
            return None;
        };
        self.at = after;
        let tag = Tag::of(name);
        Some(if end {
            Token::End { name, tag }
        } else {
            Token::Start {
                name,
                tag,
                self_closing,
            }
        })
    }

    /// What begins with `<!`: a comment, a CDATA section (the only one that is a token), a doctype or a
    /// bogus comment; the last two end at the first `>`, whatever is quoted in them.
    fn declaration(&mut self, from: usize) -> Option<Token<'a>> {
        let rest = self.rest(from);
        if rest.starts_with(b"--") {
            self.at = from + 2 + comment_length(self.rest(from + 2));
        } else if self.cdata && rest.starts_with(b"[CDATA[") {
            let inside = from + 7;
            let end = memchr::memmem::find(self.rest(inside), b"]]>").map(|found| inside + found);
            let stop = end.unwrap_or(self.text.len());
            self.at = end.map_or(self.text.len(), |end| end + 3);
            return Some(Token::Cdata(slice(self.text, inside, stop)));
        } else {
            self.skip_past(b'>', from);
        }
        None
    }

    /// RCDATA or RAWTEXT: all up to `</name`, which is left to be the next token.
    pub(super) fn raw_text(&mut self, name: &str) -> &'a str {
        let start = self.at;
        let mut at = start;
        while let Some(found) = memchr::memmem::find(self.rest(at), b"</") {
            at += found;
            if is_name(self.rest(at + 2), name) {
                self.at = at;
                return slice(self.text, start, at);
            }
            at += 2;
        }
        self.plaintext()
    }

    /// Everything that is left, as PLAINTEXT has it.
    pub(super) fn plaintext(&mut self) -> &'a str {
        let start = self.at;
        self.at = self.text.len();
        slice(self.text, start, self.at)
    }

    /// Script data: up to the `</script` that ends it. Inside `<!--` a `<script` hides the next
    /// `</script` (§13.2.5.15 to §13.2.5.31), which is how old pages protected theirs.
    pub(super) fn script(&mut self) {
        let mut at = self.at;
        let mut state = Script::Plain;
        loop {
            let rest = self.rest(at);
            let found = match state {
                Script::Plain => memchr::memchr(b'<', rest),
                _ => memchr::memchr2(b'<', b'-', rest),
            };
            let Some(found) = found else { break };
            at += found;
            let rest = self.rest(at);
            if state == Script::Plain && rest.starts_with(b"<!--") {
                state = Script::Escaped;
                // The dashes of `<!--` count towards `-->`.
                at += 2;
            } else if state != Script::Plain && rest.starts_with(b"-->") {
                state = Script::Plain;
                at += 3;
            } else if rest.starts_with(b"</") && is_name(self.rest(at + 2), "script") {
                if state != Script::Twice {
                    self.at = at;
                    return;
                }
                state = Script::Escaped;
                at += 8;
            } else if state == Script::Escaped && is_name(self.rest(at + 1), "script") {
                state = Script::Twice;
                at += 7;
            } else {
                at += 1;
            }
        }
        self.at = self.text.len();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Plain,
    Escaped,
    Twice,
}

/// Whether `rest` begins with this tag name and the byte that ends a name.
fn is_name(rest: &[u8], name: &str) -> bool {
    rest.get(..name.len())
        .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        && rest
            .get(name.len())
            .is_some_and(|&b| is_space(b) || b == b'/' || b == b'>')
}

/// How many bytes after `<!--` belong to the comment (§13.2.5.43 to §13.2.5.52).
fn comment_length(rest: &[u8]) -> usize {
    if rest.starts_with(b">") {
        return 1;
    }
    if rest.starts_with(b"->") {
        return 2;
    }
    for found in memchr::memchr_iter(b'>', rest) {
        let before = rest.get(..found).unwrap_or_default();
        // Not the dashes of `<!--` itself, which `rest` has lost; `--!>` ends a comment, too.
        if before.ends_with(b"--") || before.ends_with(b"--!") {
            return found + 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens as text: `name` and `/name` for tags, `'text'`, `[cdata]`.
    fn tokens(text: &str, cdata: bool) -> String {
        let mut tokenizer = Tokenizer::new(text);
        tokenizer.cdata = cdata;
        let mut out = Vec::new();
        while let Some(token) = tokenizer.next() {
            out.push(match token {
                Token::Text(text) => format!("'{text}'"),
                Token::Cdata(text) => format!("[{text}]"),
                Token::Start {
                    name,
                    self_closing: false,
                    ..
                } => name.to_owned(),
                Token::Start { name, .. } => format!("{name}/"),
                Token::End { name, .. } => format!("/{name}"),
            });
        }
        out.join(" ")
    }

    #[test]
    fn what_is_a_tag() {
        for (text, wanted) in [
            ("a<b>c</b>", "'a' b 'c' /b"),
            ("<br/><BR />", "br/ BR/"),
            ("a < b <3 <", "'a ' '< b ' '<3 ' '<'"),
            ("<a title='>'>", "a"),
            ("</>a</ b>c</1>d", "'a' 'c' 'd'"),
            ("<!x>a<?y ?>b<!DOCTYPE html \">\">c", "'a' 'b' '\">c'"),
            ("a</", "'a' '</'"),
            ("<a<b>", "a<b"),
            ("a<b", "'a'"),
            ("a<b c='", "'a'"),
            ("</b c='>'>d", "/b 'd'"),
        ] {
            assert_eq!(tokens(text, false), wanted, "{text}");
        }
    }

    #[test]
    fn comments() {
        for (text, wanted) in [
            ("<!--a-->b", "'b'"),
            ("<!-->b", "'b'"),
            ("<!--->b", "'b'"),
            ("<!---->b", "'b'"),
            ("<!--a--->b", "'b'"),
            ("<!--a--!>b", "'b'"),
            ("<!--a->-- >--a>-->b", "'b'"),
            ("<!--!>a-->b", "'b'"),
            ("<!---!>a-->b", "'b'"),
            ("<!-a->b", "'b'"),
            ("<!--a", ""),
        ] {
            assert_eq!(tokens(text, false), wanted, "{text}");
        }
    }

    #[test]
    fn cdata_sections() {
        for (text, inside, outside) in [
            ("<![CDATA[a<b>&]]>c", "[a<b>&] 'c'", "'&]]>c'"),
            ("<![CDATA[a", "[a]", ""),
            ("<![cdata[a>b", "'b'", "'b'"),
        ] {
            assert_eq!(tokens(text, true), inside, "{text}");
            assert_eq!(tokens(text, false), outside, "{text}");
        }
    }

    #[test]
    fn ends_of_scripts() {
        for (text, wanted) in [
            ("x</script>a", "/script 'a'"),
            ("x</SCRIPT\n>a", "/SCRIPT 'a'"),
            ("</scripts></script>a", "/script 'a'"),
            ("<script></script>a", "/script 'a'"),
            ("<!--</script>a", "/script 'a'"),
            ("<!--<script></script>a--></script>b", "/script 'b'"),
            ("<!--<script>--></script>a", "/script 'a'"),
            ("<!--><script></script>a", "/script 'a'"),
            ("<!--<script></script></script>a", "/script 'a'"),
            ("<!--<scripts></script>a", "/script 'a'"),
            ("<!--<script></script>a", ""),
            ("x", ""),
        ] {
            let mut tokenizer = Tokenizer::new(text);
            tokenizer.script();
            assert_eq!(tokens(&text[tokenizer.at..], false), wanted, "{text}");
        }
    }
}
