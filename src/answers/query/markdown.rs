//! Rows as a table of Markdown, as `GitHub` and most others have it. Nothing of a value becomes markup.

use std::io::Write;

use rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite;

use super::super::cell;
use super::{Done, Shown};

pub(super) fn write(shown: &mut Shown<'_>, out: &mut dyn Write) -> Done<()> {
    let first = shown.next(cell)?;
    let names: Vec<String> = shown.names.iter().map(|name| text(name)).collect();
    line(names.iter().map(String::as_str), out)?;
    // Numbers stand to the right, as far as the first row tells what is one.
    let rule = (0..names.len()).map(|at| match &first {
        Some(row) if row[at].1 => "---:",
        _ => "---",
    });
    line(rule, out)?;
    let mut next = first;
    while let Some(row) = next {
        line(row.iter().map(|(text, _)| text.as_str()), out)?;
        next = shown.next(cell)?;
    }
    Ok(())
}

fn line<'c>(cells: impl Iterator<Item = &'c str>, out: &mut dyn Write) -> std::io::Result<()> {
    let mut line = "|".to_owned();
    for cell in cells {
        line.push(' ');
        line.push_str(cell);
        line.push_str(if cell.is_empty() { "|" } else { " |" });
    }
    writeln!(out, "{line}")
}

/// A value, and whether it is a number.
fn cell(value: ValueRef<'_>) -> (String, bool) {
    let is_number = matches!(value, ValueRef::Integer(_) | ValueRef::Real(_));
    let plain = cell::text(value);
    if is_number {
        (plain, true)
    } else if is_plain_url(&plain) {
        (format!("<{plain}>"), false)
    } else {
        (text(&plain), false)
    }
}

/// Whether a text is a URL that can be a link as it is: it leads where it says.
fn is_plain_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("http://")
        .or(text.strip_prefix("https://"));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'()*+,;=%".contains(c);
    // What looks like a character reference would be read as one.
    let is_reference = text.contains('&') && text.contains(';');
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_plain)) && !is_reference
}

/// A text in which nothing is markup; its lines are lines of the cell.
fn text(text: &str) -> String {
    let lines = text.trim().lines();
    let lines: Vec<String> = lines.map(|line| escaped(&cell::printable(line))).collect();
    lines.join("<br>")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        // Addresses are links by themselves to many who read Markdown: what makes them one is escaped, too.
        let begins_link = rest.starts_with("://") || c == '.' && ends_with_www(&out);
        if begins_link || "\\`*_{}[]<>&|~$#@!^".contains(c) {
            out.push('\\');
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn ends_with_www(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 3 && bytes[bytes.len() - 3..].eq_ignore_ascii_case(b"www")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        for (given, wanted) in [
            ("plain, (words) - 1.5", "plain, (words) - 1.5"),
            ("a|b\\|c", "a\\|b\\\\\\|c"),
            (
                "**b** _i_ `c` ~~s~~",
                "\\*\\*b\\*\\* \\_i\\_ \\`c\\` \\~\\~s\\~\\~",
            ),
            ("<img src=x>", "\\<img src=x\\>"),
            ("[a](javascript:1)", "\\[a\\](javascript:1)"),
            ("&lt;", "\\&lt;"),
            ("$x$ @me #1", "\\$x\\$ \\@me \\#1"),
            ("see http://a.example", "see http\\://a.example"),
            ("WWW.a.example", "WWW\\.a.example"),
            ("a\r\nb\u{1b}[2J", "a<br>b\\\\u\\{1b\\}\\[2J"),
            (" x ", "x"),
        ] {
            assert_eq!(cell(ValueRef::Text(given.as_bytes())).0, wanted, "{given}");
        }
        for (given, wanted) in [
            ("http://a.example/b?c=d&e", "<http://a.example/b?c=d&e>"),
            ("http://a.example/?a&lt;b", "http\\://a.example/?a\\&lt;b"),
            ("http://a.example/|", "http\\://a.example/\\|"),
            ("http://", "http\\://"),
            ("http://a> <b", "http\\://a\\> \\<b"),
        ] {
            assert_eq!(cell(ValueRef::Text(given.as_bytes())).0, wanted, "{given}");
        }
        assert_eq!(cell(ValueRef::Integer(-1)), ("-1".to_owned(), true));
        assert_eq!(cell(ValueRef::Null), (String::new(), false));
    }
}
