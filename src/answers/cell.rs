//! Values of a row as text, made harmless for where they go: a terminal, CSV, JSON.

use rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite;
use unicode_width::UnicodeWidthChar;

/// A value as plain text; a blob in hexadecimal, NULL as nothing.
pub(super) fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// A value as JSON.
pub(super) fn json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        other => text(other).into(),
    }
}

/// Text as a spreadsheet may have it: what it would take for a formula gets an apostrophe in front.
pub(super) fn csv(value: ValueRef<'_>) -> String {
    let is_text = matches!(value, ValueRef::Text(_));
    let text = text(value);
    if is_text && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}

/// Text that does nothing to a terminal: control characters, and those that turn or hide text, are shown
/// as escapes.
#[must_use]
pub fn printable(text: &str) -> String {
    let harmless = |c: char| !c.is_control() && !is_format(c);
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| {
            if harmless(c) {
                c.to_string()
            } else {
                format!("\\u{{{:x}}}", u32::from(c))
            }
        })
        .collect()
}

/// Characters without a shape that change how others are shown: marks of direction, of joining, tags.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Columns of a terminal that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// A text cut to so many columns, with a mark where it was cut.
pub(super) fn fit(text: &str, columns: usize) -> String {
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
pub(super) fn fit_url(url: &str, columns: usize) -> String {
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
    fn harmless_everywhere() {
        assert_eq!(
            printable("a\x1b[31mb\u{202e}c\u{7}ü漢"),
            "a\\u{1b}[31mb\\u{202e}c\\u{7}ü漢"
        );
        for (given, wanted) in [
            ("=1+1", "'=1+1"),
            ("@x", "'@x"),
            ("-1", "'-1"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(csv(ValueRef::Text(given.as_bytes())), wanted);
        }
        assert_eq!(csv(ValueRef::Integer(-1)), "-1");
        assert_eq!(text(ValueRef::Blob(&[1, 255])), "01ff");
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
