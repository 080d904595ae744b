//! The URLs of a style sheet, a `<style>` element or a `style` attribute: `url()` and `@import`.
//!
//! A scan by the tokens of CSS Syntax Level 3 that can hold or hide a URL: comments, strings, `url(` and
//! at-keywords. Nothing else of the grammar matters here.

use std::borrow::Cow;

use super::text::{slice, trim};

/// Calls `each` with every URL, escapes decoded. Those of `@namespace` are names, not links.
pub(super) fn urls(text: &str, mut each: impl FnMut(&str)) {
    slices(text, |url| each(&unescape(url)));
}

/// The same, with every URL as it stands in the text.
pub(super) fn slices<'a>(text: &'a str, mut each: impl FnMut(&'a str)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    // What the at-rule under way makes of the next string or `url()`.
    let mut rule = Rule::None;
    while let Some(skipped) = bytes
        .get(at..)
        .and_then(|rest| rest.iter().position(|&b| is_special(b)))
    {
        at += skipped;
        let rest = slice(text, at, text.len());
        match rest.as_bytes().first() {
            Some(b'/') if rest.starts_with("/*") => {
                at += 2 + memchr::memmem::find(slice(rest, 2, rest.len()).as_bytes(), b"*/")
                    .map_or(rest.len(), |end| end + 2);
            }
            Some(b'"' | b'\'') => {
                let (string, length) = string(rest);
                if let (Rule::Import, Some(string)) = (rule, string) {
                    each(string);
                    rule = Rule::None;
                }
                at += length;
            }
            Some(b'@') => {
                rule = if starts(rest, "@import") {
                    Rule::Import
                } else if starts(rest, "@namespace") {
                    Rule::Namespace
                } else {
                    Rule::None
                };
                at += 1;
            }
            Some(b'u' | b'U') if starts(rest, "url(") && !within_name(bytes, at) => {
                let (url, length) = url(slice(rest, 4, rest.len()));
                if let (Some(url), true) = (url, rule != Rule::Namespace) {
                    each(url);
                    rule = Rule::None;
                }
                at += 4 + length;
            }
            Some(b';' | b'{' | b'}') => {
                rule = Rule::None;
                at += 1;
            }
            // An escaped byte opens nothing.
            Some(b'\\') => at += 2,
            _ => at += 1,
        }
    }
}

/// The at-rules in which a string or a `url()` has a meaning of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    None,
    Import,
    Namespace,
}

/// The bytes at which the scan stops; all others are passed over in one sweep.
fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b'/' | b'"' | b'\'' | b'@' | b'u' | b'U' | b';' | b'{' | b'}' | b'\\'
    )
}

/// Whether the text begins with this word, letter case aside.
fn starts(text: &str, word: &str) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Whether what begins here is the rest of a longer name, as in `curl(`.
fn within_name(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    before.is_some_and(|&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_') || !b.is_ascii())
}

/// A string and how long it is with its quotes; a line break ends it as a bad one (§4.3.5).
fn string(text: &str) -> (Option<&str>, usize) {
    let bytes = text.as_bytes();
    let quote = bytes.first().copied().unwrap_or(b'"');
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' | b'\r' | 0x0C => return (None, at),
            _ if byte == quote => return (Some(slice(text, 1, at)), at + 1),
            _ => at += 1,
        }
    }
    // The end of the text ends a string, too.
    (Some(slice(text, 1, text.len())), text.len())
}

/// The URL after `url(` and how long it is with the `)` (§4.3.6); `None` for a bad one.
fn url(text: &str) -> (Option<&str>, usize) {
    let skipped = text.len()
        - text
            .trim_start_matches(|c: char| c.is_ascii_whitespace())
            .len();
    let inside = slice(text, skipped, text.len());
    if inside.starts_with(['"', '\'']) {
        let (string, length) = string(inside);
        return (string, skipped + length);
    }
    let bytes = inside.as_bytes();
    let mut at = 0;
    let end = loop {
        match bytes.get(at) {
            None => break bytes.len(),
            Some(b')') => break at,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    };
    let url = trim(slice(inside, 0, end));
    // The space that ends an escape is no white space within the URL; telling the two apart is not worth
    // it, and what has an escape is taken as it stands.
    let bad = !url.contains('\\')
        && url
            .bytes()
            .any(|b| matches!(b, b'"' | b'\'' | b'(') || b.is_ascii_whitespace());
    ((!bad && !url.is_empty()).then_some(url), skipped + end + 1)
}

/// Decodes escapes: up to six hexadecimal digits and one space, or the character itself (§4.3.7).
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let mut code = 0;
        let mut digits = 0;
        while let Some(digit) = chars
            .peek()
            .and_then(|c| c.to_digit(16))
            .filter(|_| digits < 6)
        {
            code = code * 16 + digit;
            digits += 1;
            chars.next();
        }
        if digits == 0 {
            // An escaped line break in a string is none.
            out.extend(chars.next().filter(|c| !matches!(c, '\n' | '\r' | '\x0C')));
        } else {
            chars.next_if(char::is_ascii_whitespace);
            out.push(
                char::from_u32(code)
                    .filter(|&c| c != '\0')
                    .unwrap_or(char::REPLACEMENT_CHARACTER),
            );
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_in_css() {
        for (text, wanted) in [
            ("a{background:url(a.png)}", &["a.png"][..]),
            (
                "a{background:URL( 'a b.png' )}b{c:url(\"d\")}",
                &["a b.png", "d"],
            ),
            (
                "@import 'a.css'; @import url(b.css) screen; @IMPORT\"c\";",
                &["a.css", "b.css", "c"],
            ),
            ("/* url(a) */ url(b) /* @import 'c'", &["b"]),
            ("/*/ url(a) */ url(b)", &["b"]),
            ("@import /* x */ 'a'", &["a"]),
            ("content: 'url(a)'; x: url(b)", &["b"]),
            ("content: 'it\\'s url(a)'; x: url(b)", &["b"]),
            ("x: curl(a) -url(b) u\\rl(c)", &[]),
            (
                "@namespace svg url(http://www.w3.org/2000/svg); x: url(a)",
                &["a"],
            ),
            ("@charset 'x'; @media { url(a) }", &["a"]),
            ("url(a\\29 b) url('\\61\\62 c\\\nd')", &["a)b", "abcd"]),
            ("url(a b) url(c'd) url() url(e", &["e"]),
            ("x: 'bad\n url(a)", &["a"]),
            ("url('a", &["a"]),
            ("é url(é) \\", &["é"]),
            ("", &[]),
        ] {
            let mut got = Vec::new();
            urls(text, |url| got.push(url.to_owned()));
            assert_eq!(got, wanted, "{text}");
        }
    }
}
