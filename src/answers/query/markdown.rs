//! Rows as a table of Markdown, as `GitHub` and most others have it. Nothing of a value becomes markup.

use std::io::Write;

use rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite;

use super::super::{cell, markdown};
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
    } else {
        let link = markdown::link(&plain);
        (link.unwrap_or_else(|| text(&plain)), false)
    }
}

/// A text in which nothing is markup; its lines are lines of the cell.
fn text(text: &str) -> String {
    let lines = text.trim().lines();
    let lines: Vec<String> = lines.map(markdown::text).collect();
    lines.join("<br>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        for (given, wanted) in [
            ("a|b http://a.example", "a\\|b http\\://a.example"),
            ("a\r\nb\u{1b}[2J", "a<br>b\\\\u\\{1b\\}\\[2J"),
            (" x ", "x"),
            ("http://a.example/b?c=d&e", "<http://a.example/b?c=d&e>"),
        ] {
            assert_eq!(cell(ValueRef::Text(given.as_bytes())).0, wanted, "{given}");
        }
        assert_eq!(cell(ValueRef::Integer(-1)), ("-1".to_owned(), true));
        assert_eq!(cell(ValueRef::Null), (String::new(), false));
    }
}
