//! Rows with a line for each column: for those that are too wide for a table.

use std::io::Write;

use rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite;

use super::super::cell;
use super::{Done, Shown};

/// Columns that a value has at the least, however narrow the terminal.
const LEAST: usize = 8;
/// The rule above a row is no longer, however wide the terminal.
const RULE: usize = 60;

/// A value as text, and what it was.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) is_number: bool,
    is_null: bool,
}

impl Value {
    pub(super) fn of(value: ValueRef<'_>) -> Self {
        Self {
            text: cell::text(value),
            is_number: matches!(value, ValueRef::Integer(_) | ValueRef::Real(_)),
            is_null: value == ValueRef::Null,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }
}

/// Writes all rows; `columns` is the width of the terminal, `None` where there is none: then nothing is folded.
pub(super) fn write(
    shown: &mut Shown<'_>,
    columns: Option<usize>,
    out: &mut dyn Write,
) -> Done<()> {
    continued(Vec::new(), shown, columns, out)
}

/// Writes the rows that were taken already, and those that are still to come.
pub(super) fn continued(
    taken: Vec<Vec<Value>>,
    shown: &mut Shown<'_>,
    columns: Option<usize>,
    out: &mut dyn Write,
) -> Done<()> {
    let names: Vec<String> = shown
        .names
        .iter()
        .map(|name| cell::printable(name))
        .collect();
    let mut number = 0;
    for row in taken {
        number += 1;
        one(number, &names, &row, columns, out)?;
    }
    while let Some(row) = shown.next(Value::of)? {
        number += 1;
        one(number, &names, &row, columns, out)?;
    }
    Ok(())
}

fn one(
    number: u64,
    names: &[String],
    row: &[Value],
    columns: Option<usize>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let mut rule = format!("── {number}");
    if let Some(columns) = columns {
        let more = columns.min(RULE).saturating_sub(cell::width(&rule) + 1);
        rule = format!("{rule} {}", "─".repeat(more));
    }
    writeln!(out, "{}", rule.trim_end())?;
    // Names give way to values where both do not fit.
    let most = columns.map_or(usize::MAX, |columns| {
        columns.saturating_sub(2 + LEAST).max(LEAST)
    });
    let there = || names.iter().zip(row).filter(|(_, value)| !value.is_null);
    let indent = there()
        .map(|(name, _)| cell::width(name).min(most))
        .max()
        .unwrap_or(0);
    let room = columns.map(|columns| columns.saturating_sub(indent + 2).max(LEAST));
    for (name, value) in there() {
        let name = cell::fit(name, indent);
        let mut head = format!("{name}{}", " ".repeat(indent - cell::width(&name)));
        // Lines of the value stay lines; that they stand to the right tells them from ours.
        for line in value.text.split('\n') {
            let line = cell::printable(line.strip_suffix('\r').unwrap_or(line));
            for piece in folded(&line, room) {
                writeln!(out, "{}", format!("{head}  {piece}").trim_end())?;
                head = " ".repeat(indent);
            }
        }
    }
    Ok(())
}

/// A line in pieces of so many columns: between words where that leaves no piece half empty.
fn folded(line: &str, room: Option<usize>) -> Vec<&str> {
    let Some(room) = room else {
        return vec![line];
    };
    let (mut pieces, mut rest) = (Vec::new(), line);
    while cell::width(rest) > room {
        let (mut end, mut used) = (rest.len(), 0);
        for (at, c) in rest.char_indices() {
            used += cell::width(c.encode_utf8(&mut [0; 4]));
            if used > room && at > 0 {
                end = at;
                break;
            }
        }
        // The blank on which a line ends needs no room.
        let next = usize::from(rest[end..].starts_with(' '));
        let blank = rest[..end + next].rfind(' ').filter(|at| *at >= end / 2);
        let cut = blank.map_or(end, |at| at + 1);
        pieces.push(&rest[..cut]);
        rest = &rest[cut..];
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_at_the_edge() {
        for (line, room, wanted) in [
            ("", Some(8), &[""][..]),
            ("abc", Some(8), &["abc"]),
            ("abc", None, &["abc"]),
            ("many words here", Some(8), &["many ", "words ", "here"]),
            (
                "http://a.example/b",
                Some(8),
                &["http://a", ".example", "/b"],
            ),
            ("a bcdefghijk", Some(8), &["a bcdefg", "hijk"]),
            ("漢字漢字漢", Some(5), &["漢字", "漢字", "漢"]),
            ("漢字", Some(1), &["漢", "字"]),
        ] {
            assert_eq!(folded(line, room), wanted, "{line}");
        }
    }

    fn shown(values: &[(&str, ValueRef<'_>)], columns: Option<usize>) -> String {
        let names: Vec<String> = values.iter().map(|(name, _)| (*name).to_owned()).collect();
        let row: Vec<Value> = values.iter().map(|(_, value)| Value::of(*value)).collect();
        let mut out = Vec::new();
        one(1, &names, &row, columns, &mut out).expect("in memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_row_with_a_line_for_each_column() {
        let row = [
            ("url", ValueRef::Text(b"http://a.example/b")),
            ("nothing_here", ValueRef::Null),
            ("config", ValueRef::Text(b"a = 1\r\n\n\x1b[2Jb = 2")),
            ("bytes", ValueRef::Integer(7)),
        ];
        assert_eq!(
            shown(&row, None),
            "── 1\nurl     http://a.example/b\nconfig  a = 1\n\n        \\u{1b}[2Jb = 2\nbytes   7\n"
        );
        let narrow = shown(&row, Some(20));
        assert_eq!(
            narrow,
            "── 1 ───────────────\nurl     http://a.exa\n        mple/b\nconfig  a = 1\n\n        \\u{1b}[2Jb =\n        2\nbytes   7\n"
        );
        for columns in 18..100 {
            let text = shown(&row, Some(columns));
            assert!(
                text.lines().all(|line| cell::width(line) <= columns),
                "{text}"
            );
        }
        assert!(shown(&row, Some(1)).lines().count() > 4);
        assert_eq!(shown(&row[1..2], None), "── 1\n");
    }
}
