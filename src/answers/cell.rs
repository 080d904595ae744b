//! Values of a row as text, made harmless for where they go: a terminal, CSV, JSON, HTML.

use rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite;
use unicode_width::UnicodeWidthChar;

use crate::unseen::is_format;

/// A value as plain text; a blob in hexadecimal, NULL as nothing.
pub(crate) fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// A value as JSON.
pub(crate) fn json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        other => text(other).into(),
    }
}

/// Text as a spreadsheet may have it: what it would take for a formula gets an apostrophe in front, control
/// characters are shown as escapes. All else stays as it is, for those who reckon with it.
pub(crate) fn csv(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(_) => csv_text(&text(value)),
        value => text(value),
    }
}

/// The same, of a text.
#[must_use]
pub fn csv_text(text: &str) -> String {
    let text = escaped(text, |c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'));
    if is_formula(&text) {
        format!("'{text}")
    } else {
        text
    }
}

/// Whether a spreadsheet may reckon a text out. What stands before a formula's mark and is not seen, or taken
/// off, does not hide it; a number is none, whatever its sign.
fn is_formula(text: &str) -> bool {
    if text.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    let unseen = |c: char| c.is_whitespace() || is_format(c) || matches!(c, '\'' | '"');
    let bare = text.trim_start_matches(unseen);
    let marks = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let number = |digits: &str| {
        digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    let signed = text.strip_prefix(['+', '-']);
    bare.starts_with(marks) && !signed.is_some_and(number)
}

/// JSON that does nothing to a terminal, and to a script that holds it: such characters, which stand nowhere
/// but within its texts, as JSON's own escapes. It means the same.
#[must_use]
pub fn plain_json(json: &str) -> String {
    if json.bytes().all(is_plain) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if c == '\n' || is_harmless(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// Marks upon one letter that are shown; more of them are a flood over the lines around.
const MAX_MARKS: usize = 8;

/// Text that does nothing to a terminal: control characters, and those that turn or hide text, are shown
/// as escapes; so are marks upon a letter that has too many.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut marks = 0;
    escaped(text, |c| {
        marks = if c.width() == Some(0) { marks + 1 } else { 0 };
        is_harmless(c) && marks <= MAX_MARKS
    })
}

/// Text that is nothing but text in HTML and SVG, be it of an element or of an attribute. What has no shape and
/// turns or hides text is shown as an escape.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A text in which what is not as it may be is an escape.
fn escaped(text: &str, mut may_be: impl FnMut(char) -> bool) -> String {
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if may_be(c) {
            out.push(c);
        } else {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
        }
    }
    out
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Whether a character does nothing but show itself.
pub(crate) fn is_harmless(c: char) -> bool {
    !c.is_control() && !is_format(c)
}

/// Columns of a terminal that a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// A text cut to so many columns, with a mark where it was cut.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (mut out, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// A URL cut to so many columns: in its middle, for its end tells it from others of its site.
pub(crate) fn fit_url(url: &str, columns: usize) -> String {
    if width(url) <= columns {
        return url.to_owned();
    }
    let head = columns.saturating_sub(1) * 2 / 5;
    let (mut tail, mut used) = (url.len(), head + 1);
    for (at, c) in url.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        tail = at;
    }
    format!("{}{}", fit(url, head + 1), &url[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_in_a_terminal() {
        let flood = format!("Z{}x", "\u{301}".repeat(20));
        for (given, wanted) in [
            (
                "a\x1b[31mb\u{202e}c\u{7}ü漢",
                "a\\u{1b}[31mb\\u{202e}c\\u{7}ü漢",
            ),
            ("\x1b]8;;http://x/\x1b\\y", "\\u{1b}]8;;http://x/\\u{1b}\\y"),
            ("\u{9b}2J\u{9d}0;t\u{9c}", "\\u{9b}2J\\u{9d}0;t\\u{9c}"),
            (
                "a\r\n\tb\u{8}\u{7f}\0",
                "a\\u{d}\\u{a}\\u{9}b\\u{8}\\u{7f}\\u{0}",
            ),
            (
                "\u{2066}a\u{200b}\u{feff}\u{e0041}\u{3164}",
                "\\u{2066}a\\u{200b}\\u{feff}\\u{e0041}\\u{3164}",
            ),
            ("Việt é हिन्दी 👍🏽", "Việt é हिन्दी 👍🏽"),
            ("", ""),
        ] {
            assert_eq!(printable(given), wanted);
        }
        let shown = printable(&flood);
        assert_eq!(shown.matches('\u{301}').count(), MAX_MARKS);
        assert!(shown.ends_with("\\u{301}x"), "{shown}");
    }

    #[test]
    fn harmless_in_a_spreadsheet() {
        for (given, wanted) in [
            ("=1+1", "'=1+1"),
            ("@x", "'@x"),
            ("+x", "'+x"),
            ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "'\n=1"),
            (" =1", "' =1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("\u{200b}@x", "'\u{200b}@x"),
            ("\"=1\"", "'\"=1\""),
            ("'=1", "''=1"),
            ("＝1+1", "'＝1+1"),
            ("-1", "-1"),
            ("+49.5", "+49.5"),
            ("-.5", "-.5"),
            ("-", "'-"),
            ("--1", "'--1"),
            ("-1,5", "'-1,5"),
            ("-1e5", "'-1e5"),
            (" -1", "' -1"),
            ("a=b", "a=b"),
            ("a\x1b[2J\u{9b}b\n", "a\\u{1b}[2J\\u{9b}b\n"),
            ("\x1b=1", "\\u{1b}=1"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        ] {
            assert_eq!(csv(ValueRef::Text(given.as_bytes())), wanted);
        }
        assert_eq!(csv(ValueRef::Integer(-1)), "-1");
        assert_eq!(csv(ValueRef::Real(-1.5)), "-1.5");
        assert_eq!(text(ValueRef::Blob(&[1, 255])), "01ff");
        assert_eq!(text(ValueRef::Text(&[b'a', 255])), "a\u{fffd}");
    }

    #[test]
    fn harmless_in_json() {
        for text in [
            "\0\x1b[2J\u{7f}",
            "\u{9b}2J",
            "\u{2028}\u{202e}x",
            "\u{e0041}",
            "ü漢\n\"\\",
        ] {
            let json = plain_json(&serde_json::json!({ "a": text }).to_string());
            let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(read["a"], text);
            assert!(json.chars().all(is_harmless), "{json}");
        }
        let raw = json(ValueRef::Text(&[0xed, 0xa0, 0x80])).to_string();
        assert_eq!(
            raw, "\"\u{fffd}\u{fffd}\u{fffd}\"",
            "a lone surrogate is no text"
        );
        let numbers = [f64::INFINITY, f64::NAN].map(|number| json(ValueRef::Real(number)));
        assert_eq!(numbers, [serde_json::Value::Null, serde_json::Value::Null]);
    }

    #[test]
    fn urls_keep_their_end() {
        for (columns, wanted) in [
            (30, "http://a.example/one/two?three"),
            (29, "http://a.ex…ple/one/two?three"),
            (16, "http:/…two?three"),
            (1, "…"),
        ] {
            let fitted = fit_url("http://a.example/one/two?three", columns);
            assert_eq!(fitted, wanted);
            assert!(width(&fitted) <= columns);
        }
    }

    #[test]
    fn fitted_by_columns() {
        for (given, columns, wanted) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("漢字漢", 5, "漢字…"),
            ("漢字漢", 4, "漢…"),
        ] {
            assert_eq!(fit(given, columns), wanted);
            assert!(width(wanted) <= columns);
        }
    }
}
