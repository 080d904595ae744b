//! Rows as a table: aligned, and fitted to a terminal. Numbers are never cut, and URLs last.

use std::io::Write;

use rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite;

use super::cell;
use super::query::{QueryError, Shown};

/// Rows by which the widths of columns are chosen; what comes after is fitted to them.
const SAMPLE: usize = 1000;
/// No column is wider, however few there are.
const MAX_COLUMN: usize = 120;
/// To these widths texts and URLs give way, one step after the other, until the line fits.
const STEPS: [(Kind, usize); 4] = [
    (Kind::Text, 12),
    (Kind::Url, 32),
    (Kind::Text, 6),
    (Kind::Url, 16),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Url,
    Text,
}

type Cell = (String, Kind);

/// Writes a table; `columns` is the width of the terminal, `None` where there is none: then nothing is cut.
pub(super) fn write(
    shown: &mut Shown<'_>,
    names: &[String],
    columns: Option<usize>,
    out: &mut dyn Write,
) -> Result<(), QueryError> {
    let mut sample: Vec<Vec<Cell>> = Vec::new();
    while sample.len() < SAMPLE
        && let Some(row) = shown.next(of)?
    {
        sample.push(row);
    }
    let mut widths: Vec<(Kind, usize)> = names
        .iter()
        .map(|name| (Kind::Text, cell::width(name)))
        .collect();
    for row in &sample {
        for ((kind, width), (text, of)) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell::width(text));
            // A column is of the kind of what is in it; its empty cells say nothing.
            *kind = if text.is_empty() { *kind } else { *of };
        }
    }
    if let Some(columns) = columns {
        squeeze(&mut widths, columns);
    }
    // Only a terminal has an edge: what goes elsewhere goes whole.
    let cut = columns.is_some();
    let header: Vec<Cell> = names
        .iter()
        .map(|name| (cell::printable(name), Kind::Text))
        .collect();
    line(&header, &widths, cut, out)?;
    let rule: Vec<Cell> = widths
        .iter()
        .map(|(_, width)| ("─".repeat(*width), Kind::Text))
        .collect();
    line(&rule, &widths, cut, out)?;
    for row in &sample {
        line(row, &widths, cut, out)?;
    }
    while let Some(row) = shown.next(of)? {
        line(&row, &widths, cut, out)?;
    }
    Ok(())
}

fn of(value: ValueRef<'_>) -> Cell {
    let text = cell::printable(&cell::text(value));
    // A number is told from a text that looks like one.
    let kind = match value {
        ValueRef::Integer(_) | ValueRef::Real(_) => Kind::Number,
        _ if text.starts_with("http://") || text.starts_with("https://") => Kind::Url,
        _ => Kind::Text,
    };
    (text, kind)
}

/// Takes from the widest column of a kind until the line fits, or none has any to give.
fn squeeze(widths: &mut [(Kind, usize)], columns: usize) {
    let gaps = 2 * widths.len().saturating_sub(1);
    let mut whole = gaps;
    for (kind, width) in widths.iter_mut() {
        if *kind != Kind::Number {
            *width = (*width).min(MAX_COLUMN);
        }
        whole += *width;
    }
    for (step, least) in STEPS {
        while whole > columns {
            let of_kind = widths.iter_mut().filter(|(kind, _)| *kind == step);
            match of_kind.max_by_key(|(_, width)| *width) {
                Some((_, widest)) if *widest > least => *widest -= 1,
                _ => break,
            }
            whole -= 1;
        }
    }
}

fn line(
    row: &[Cell],
    widths: &[(Kind, usize)],
    cut: bool,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let mut text = String::new();
    for (index, ((value, kind), (_, width))) in row.iter().zip(widths).enumerate() {
        if index > 0 {
            text.push_str("  ");
        }
        let value = match kind {
            Kind::Text if cut => cell::fit(value, *width),
            Kind::Url if cut => cell::fit_url(value, *width),
            _ => value.clone(),
        };
        let pad = " ".repeat(width.saturating_sub(cell::width(&value)));
        text.extend(if *kind == Kind::Number {
            [pad, value]
        } else {
            [value, pad]
        });
    }
    writeln!(out, "{}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squeezed_to_the_terminal() {
        let (text, url, number) = (Kind::Text, Kind::Url, Kind::Number);
        for (widths, columns, wanted) in [
            ([(url, 60), (text, 10), (number, 3)], 80, [60, 10, 3]),
            ([(url, 60), (text, 40), (number, 3)], 80, [60, 13, 3]),
            ([(url, 90), (text, 40), (number, 3)], 80, [61, 12, 3]),
            ([(url, 50), (url, 70), (number, 9)], 80, [34, 33, 9]),
            ([(url, 50), (text, 50), (number, 20)], 30, [16, 6, 20]),
            ([(url, 300), (text, 3), (text, 3)], 400, [120, 3, 3]),
        ] {
            let mut squeezed = widths;
            squeeze(&mut squeezed, columns);
            assert_eq!(squeezed.map(|(_, width)| width), wanted);
        }
    }

    #[test]
    fn numbers_are_never_cut() {
        let mut out = Vec::new();
        let row = [
            ("123456789".to_owned(), Kind::Number),
            ("https://a.example/one/two/three".to_owned(), Kind::Url),
            ("many words".to_owned(), Kind::Text),
        ];
        let widths = [(Kind::Number, 4), (Kind::Url, 16), (Kind::Text, 6)];
        line(&row, &widths, true, &mut out).expect("in memory");
        let text = String::from_utf8(out).expect("UTF-8");
        assert_eq!(text, "123456789  https:…two/three  many …\n");
    }
}
