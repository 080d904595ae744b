//! Rows as a table: aligned, and fitted to a terminal. Numbers and times are never cut, and URLs last. Where the
//! columns do not fit all the same, a column a line.

use std::io::Write;

use super::super::cell;
use super::{Done, Shown, record};

/// Rows by which the widths of columns are chosen; what comes after is fitted to them.
const SAMPLE: usize = 1000;
/// Bytes of them at the most: rows may be long.
const SAMPLE_BYTES: usize = 4 << 20;
/// No column is wider, however few there are.
const MAX_COLUMN: usize = 120;
/// Where nothing is cut, columns are aligned to this width: longer values stand over, and do not widen every row.
const MAX_PAD: usize = 200;
/// To these widths texts and URLs give way, one step after the other, until the line fits.
const STEPS: [(Kind, usize); 5] = [
    (Kind::Text, 24),
    (Kind::Url, 32),
    (Kind::Text, 12),
    (Kind::Url, 20),
    (Kind::Text, 8),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Time,
    Url,
    Text,
}

type Cell = (String, Kind);

/// Writes a table; `columns` is the width of the terminal, `None` where there is none: then nothing is cut.
pub(super) fn write(
    shown: &mut Shown<'_>,
    columns: Option<usize>,
    out: &mut dyn Write,
) -> Done<()> {
    let (mut sample, mut bytes) = (Vec::new(), 0);
    while sample.len() < SAMPLE
        && bytes < SAMPLE_BYTES
        && let Some(row) = shown.next(record::Value::of)?
    {
        bytes += row.iter().map(record::Value::len).sum::<usize>();
        sample.push(row);
    }
    let mut widths: Vec<(Kind, usize)> = shown
        .names
        .iter()
        .map(|name| (Kind::Text, cell::width(&cell::printable(name))))
        .collect();
    let cells: Vec<Vec<Cell>> = sample
        .iter()
        .map(|row| row.iter().map(of).collect())
        .collect();
    for row in &cells {
        for ((kind, width), (text, of)) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell::width(text));
            // A column is of the kind of what is in it; its empty cells say nothing.
            *kind = if text.is_empty() { *kind } else { *of };
        }
    }
    if let Some(columns) = columns
        && !squeeze(&mut widths, columns)
        && !sample.is_empty()
    {
        return record::continued(sample, shown, Some(columns), out);
    }
    drop(sample);
    if columns.is_none() {
        for (_, width) in &mut widths {
            *width = (*width).min(MAX_PAD);
        }
    }
    // Only a terminal has an edge: what goes elsewhere goes whole.
    let cut = columns.is_some();
    let names = shown.names.iter();
    let header: Vec<Cell> = names
        .map(|name| (cell::printable(name), Kind::Text))
        .collect();
    line(&header, &widths, cut, out)?;
    let rule: Vec<Cell> = widths
        .iter()
        .map(|(_, width)| ("─".repeat(*width), Kind::Text))
        .collect();
    line(&rule, &widths, cut, out)?;
    for row in &cells {
        line(row, &widths, cut, out)?;
    }
    while let Some(row) = shown.next(|value| of(&record::Value::of(value)))? {
        line(&row, &widths, cut, out)?;
    }
    Ok(())
}

fn of(value: &record::Value) -> Cell {
    let text = cell::printable(&value.text);
    // A number is told from a text that looks like one.
    let kind = if value.is_number {
        Kind::Number
    } else if text.starts_with("http://") || text.starts_with("https://") {
        Kind::Url
    } else if is_time(&text) {
        Kind::Time
    } else {
        Kind::Text
    };
    (text, kind)
}

/// Whether it is a time as the views have it.
fn is_time(text: &str) -> bool {
    let mask = "0000-00-00T00:00:00.000Z";
    let as_in_mask = |(byte, of): (u8, u8)| match of {
        b'0' => byte.is_ascii_digit(),
        sign => byte == sign,
    };
    text.len() == mask.len() && text.bytes().zip(mask.bytes()).all(as_in_mask)
}

/// Takes from the widest column of a kind until the line fits; whether it does.
fn squeeze(widths: &mut [(Kind, usize)], columns: usize) -> bool {
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
    whole <= columns
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
            Kind::Text | Kind::Time if cut => cell::fit(value, *width),
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
        let (text, url, number, time) = (Kind::Text, Kind::Url, Kind::Number, Kind::Time);
        for (widths, columns, fits, wanted) in [
            ([(url, 60), (text, 10), (number, 3)], 80, true, [60, 10, 3]),
            ([(url, 60), (text, 40), (number, 3)], 80, true, [49, 24, 3]),
            ([(url, 90), (text, 40), (number, 3)], 80, true, [49, 24, 3]),
            ([(url, 90), (text, 40), (number, 3)], 60, true, [32, 21, 3]),
            ([(url, 50), (url, 70), (number, 9)], 80, true, [34, 33, 9]),
            ([(url, 50), (text, 50), (number, 20)], 52, true, [20, 8, 20]),
            (
                [(url, 50), (text, 50), (number, 20)],
                51,
                false,
                [20, 8, 20],
            ),
            ([(url, 50), (text, 50), (time, 24)], 55, false, [20, 8, 24]),
            ([(url, 300), (text, 3), (text, 3)], 400, true, [120, 3, 3]),
        ] {
            let mut squeezed = widths;
            assert_eq!(squeeze(&mut squeezed, columns), fits);
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

    #[test]
    fn times_are_told_from_texts() {
        for (text, wanted) in [
            ("2026-11-21T03:11:44.177Z", true),
            ("2026-11-21", false),
            ("2026-11-21T03:11:44.177+", false),
            ("2026-11-21T03:11:4x.177Z", false),
        ] {
            assert_eq!(is_time(text), wanted, "{text}");
        }
    }
}
