//! What is wrong with a question, and where.

use std::fmt;

use rusqlite::ErrorCode;
use tokio_rusqlite::rusqlite;

use super::super::{Reader, cell};
use super::tokens::Piece;
use super::{ONLY_READING, suggest};

/// Columns before the place that are shown of a long line, at the least.
const BEFORE: usize = 20;

/// What is wrong with a question, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    message: String,
    place: Option<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    /// The line, up to the place and from there.
    before: String,
    after: String,
    /// Whether it is the only line.
    alone: bool,
}

impl Fault {
    /// A fault of the question as a whole.
    pub(super) fn of(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: None,
        }
    }

    /// A fault at a place.
    pub(super) fn at(sql: &str, offset: usize, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: Place::of(sql, offset),
        }
    }

    /// The line and the column of its place, counted from 1, where one is known.
    #[must_use]
    pub fn place(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|place| (place.line, place.column))
    }

    /// The line of SQL, and beneath it a mark at the place; fitted to so many columns, and harmless on a terminal.
    #[must_use]
    pub fn picture(&self, columns: usize) -> Option<[String; 2]> {
        let place = self.place.as_ref()?;
        let room = columns.max(2 * BEFORE).saturating_sub(2);
        let (mut before, after) = (shown(&place.before), shown(&place.after));
        let whole = cell::width(&before) + cell::width(&after);
        if whole > room && cell::width(&before) > BEFORE {
            before = tail(&before, (room / 2).clamp(BEFORE, cell::width(&before)));
        }
        let indent = cell::width(&before);
        let after = cell::fit(&after, room.saturating_sub(indent).max(1));
        Some([
            format!("  {before}{after}"),
            format!("  {}^", " ".repeat(indent)),
        ])
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place.as_ref().filter(|place| !place.alone) {
            write!(f, "line {}, column {}: ", place.line, place.column)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Place {
    fn of(sql: &str, offset: usize) -> Option<Self> {
        let (head, tail) = (sql.get(..offset)?, sql.get(offset..)?);
        let line = head.matches('\n').count() + 1;
        let before = head.rsplit('\n').next().unwrap_or_default().to_owned();
        Some(Self {
            line,
            column: before.chars().count() + 1,
            before,
            after: tail.lines().next().unwrap_or_default().to_owned(),
            alone: sql.trim().lines().count() <= 1,
        })
    }
}

/// A line of SQL on a terminal.
fn shown(text: &str) -> String {
    cell::printable(&text.replace('\t', " "))
}

/// The end of a text in so many columns.
fn tail(text: &str, columns: usize) -> String {
    let (mut at, mut used) = (text.len(), 1);
    for (start, c) in text.char_indices().rev() {
        used += cell::width(c.encode_utf8(&mut [0; 4]));
        if used > columns {
            break;
        }
        at = start;
    }
    format!("…{}", &text[at..])
}

/// The fault that an error of SQLite's tells of; an error that is of the file, and not of the question, comes back.
pub(super) fn of(
    reader: &Reader,
    sql: &str,
    piece: &Piece<'_>,
    error: rusqlite::Error,
) -> Result<Fault, rusqlite::Error> {
    use rusqlite::Error as Sql;
    let (message, offset) = match error {
        Sql::SqlInputError { msg, offset, .. } => (msg, usize::try_from(offset).ok()),
        Sql::SqliteFailure(code, message) => {
            let words = message.clone().unwrap_or_default();
            match code.code {
                ErrorCode::ReadOnly => (ONLY_READING.to_owned(), Some(0)),
                ErrorCode::AuthorizationForStatementDenied => (denied(piece).to_owned(), Some(0)),
                // An error in the statement, not in the file.
                _ if code.extended_code & 0xff == 1 => (words, None),
                ErrorCode::TooBig => (words, None),
                _ => return Err(Sql::SqliteFailure(code, message)),
            }
        }
        Sql::NulError(_) => ("it has a NUL in it".to_owned(), None),
        other => return Err(other),
    };
    if message.starts_with("cannot modify") {
        return Ok(Fault::at(sql, piece.start, ONLY_READING));
    }
    let meant = suggest::suggestion(reader, piece.sql, &message).unwrap_or_default();
    let (text, name) = (plain(&message), named(&message));
    let found = name.and_then(|name| piece.find(name));
    let offset = offset.map(|offset| piece.start + offset).or(found);
    let text = format!("{text}{meant}");
    Ok(match offset {
        // At the end there is nothing to point to, but that something is missing.
        Some(offset) => Fault::at(sql, offset.min(sql.trim_end().len()), text),
        None if message == "incomplete input" => {
            Fault::at(sql, piece.start + piece.sql.len(), text)
        }
        None => Fault::of(text),
    })
}

/// What SQLite says, in our words where they are plainer.
fn plain(message: &str) -> String {
    if message == "incomplete input" {
        return "the statement is not complete".to_owned();
    }
    match message.split_once(" - should this be a string literal") {
        Some((said, _)) => format!("{said} (a text stands in single quotes)"),
        None => message.to_owned(),
    }
}

/// The name that a message is about.
fn named(message: &str) -> Option<&str> {
    let name = match message.split_once(": ") {
        Some((what, name)) if what.starts_with("no such ") || what.starts_with("ambiguous") => name,
        _ => message.split_once("function ")?.1.split("()").next()?,
    };
    let name = name.split(" - ").next()?.trim_matches('"');
    name.rsplit('.').next()
}

fn denied(piece: &Piece<'_>) -> &'static str {
    if piece.begins_with("pragma") {
        "this PRAGMA is not answered: only those that tell something are, and set nothing"
    } else {
        ONLY_READING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_marked() {
        for (sql, offset, wanted) in [
            ("SELECT x", 7, "bad|  SELECT x|         ^"),
            (
                "SELECT\n\t漢, x",
                13,
                "line 2, column 5: bad|   漢, x|       ^",
            ),
            (
                "SELECT \u{1b}[2Jx",
                11,
                "bad|  SELECT \\u{1b}[2Jx|                  ^",
            ),
            ("SELECT (", 8, "bad|  SELECT (|          ^"),
        ] {
            let fault = Fault::at(sql, offset, "bad");
            let lines = fault.picture(80).expect("a place");
            assert_eq!(format!("{fault}|{}", lines.join("|")), wanted);
        }
        assert_eq!(Fault::of("bad").picture(80), None);
        assert_eq!(Fault::at("x", 7, "beyond").place(), None);
    }

    #[test]
    fn of_a_long_line_the_place_is_shown() {
        let long = format!("SELECT '{}', x, '{}'", "a".repeat(200), "b".repeat(200));
        let fault = Fault::at(&long, long.find("x,").expect("there"), "bad");
        for columns in 0..500 {
            let [line, mark] = fault.picture(columns).expect("a place");
            assert_eq!(line.chars().nth(mark.len() - 1), Some('x'), "{line}");
            assert!(
                cell::width(&line) <= columns.max(2 * BEFORE),
                "{columns}: {line}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_place_can_be_shown(sql in "[ -~\\n\\tü漢\u{1b}]{0,80}", offset in 0_usize..100, columns in 0_usize..100) {
            let fault = Fault::at(&sql, offset, "bad");
            if let Some([line, mark]) = fault.picture(columns) {
                proptest::prop_assert!(cell::width(&line) <= columns.max(2 * BEFORE));
                proptest::prop_assert!(!line.contains(char::is_control) && mark.ends_with('^'));
            }
        }
    }
}
