//! Rows as text: CSV and JSON Lines. Nearly all values are plain ASCII without a mark of either form, and are copied
//! as they are; the others go the long way by `cell`.

use std::io;

use rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite;

use super::super::cell;
use super::rows::{Column, Sink};

/// Bytes that are gathered before they are written, and room for the row that goes beyond them.
const BLOCK: usize = 128 << 10;
pub(super) const ROOM: usize = BLOCK + (16 << 10);

/// How rows are written, a line each.
pub(super) trait Lines {
    /// What stands before the rows.
    fn head(&mut self, columns: &[Column], out: &mut Vec<u8>);

    /// A row.
    fn row(&self, values: &[ValueRef<'_>], out: &mut Vec<u8>);
}

/// Lines on their way out, in blocks.
pub(super) struct Blocks<L, F> {
    lines: L,
    bytes: Vec<u8>,
    /// Takes what is there, and may take the memory with it.
    out: F,
}

impl<L: Lines, F: FnMut(&mut Vec<u8>) -> io::Result<()>> Blocks<L, F> {
    pub(super) fn new(lines: L, out: F) -> Self {
        Self {
            lines,
            bytes: Vec::with_capacity(ROOM),
            out,
        }
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        (self.out)(&mut self.bytes)?;
        self.bytes.clear();
        self.bytes.reserve(ROOM);
        Ok(())
    }
}

impl<L: Lines, F: FnMut(&mut Vec<u8>) -> io::Result<()>> Sink for Blocks<L, F> {
    fn columns(&mut self, columns: &[Column]) -> io::Result<()> {
        self.lines.head(columns, &mut self.bytes);
        Ok(())
    }

    fn row(&mut self, values: &[ValueRef<'_>]) -> io::Result<()> {
        self.lines.row(values, &mut self.bytes);
        if self.bytes.len() < BLOCK {
            return Ok(());
        }
        self.finish()
    }
}

/// RFC 4180 with a line of names. NULL is nothing, an empty text is `""`.
#[derive(Clone)]
pub(super) struct Csv {
    /// Whether texts are left as they are: a spreadsheet might take some for formulas.
    pub(super) raw: bool,
}

impl Csv {
    fn value(&self, value: ValueRef<'_>, out: &mut Vec<u8>) {
        match value {
            ValueRef::Null => {}
            ValueRef::Integer(number) => push_integer(out, number),
            ValueRef::Real(number) => push_real(out, number),
            ValueRef::Text(text) if is_plain_csv(text) => out.extend_from_slice(text),
            ValueRef::Text(_) if self.raw => push_quoted(out, &cell::text(value)),
            ValueRef::Text(_) | ValueRef::Blob(_) => push_quoted(out, &cell::csv(value)),
        }
    }
}

impl Lines for Csv {
    fn head(&mut self, columns: &[Column], out: &mut Vec<u8>) {
        let names: Vec<ValueRef<'_>> = columns
            .iter()
            .map(|column| ValueRef::Text(column.name.as_bytes()))
            .collect();
        self.row(&names, out);
    }

    fn row(&self, values: &[ValueRef<'_>], out: &mut Vec<u8>) {
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.value(*value, out);
        }
        // A line without anything would be taken for none.
        if matches!(values, [ValueRef::Null]) {
            out.extend_from_slice(b"\"\"");
        }
        out.push(b'\n');
    }
}

/// An object a line.
#[derive(Clone, Default)]
pub(super) struct JsonLines {
    /// What stands before each value: the brace or comma, the name and the colon.
    before: Vec<Vec<u8>>,
}

impl Lines for JsonLines {
    fn head(&mut self, columns: &[Column], _: &mut Vec<u8>) {
        let name = |(index, column): (usize, &Column)| {
            let mut before = vec![if index == 0 { b'{' } else { b',' }];
            push_json(&mut before, &column.name);
            before.push(b':');
            before
        };
        self.before = columns.iter().enumerate().map(name).collect();
    }

    fn row(&self, values: &[ValueRef<'_>], out: &mut Vec<u8>) {
        for (before, value) in self.before.iter().zip(values) {
            out.extend_from_slice(before);
            match value {
                ValueRef::Null => out.extend_from_slice(b"null"),
                ValueRef::Integer(number) => push_integer(out, *number),
                // JSON has no infinities.
                ValueRef::Real(number) if !number.is_finite() => out.extend_from_slice(b"null"),
                ValueRef::Real(number) => push_real(out, *number),
                ValueRef::Text(text) if is_plain_json(text) => {
                    out.push(b'"');
                    out.extend_from_slice(text);
                    out.push(b'"');
                }
                value => push_json(out, &cell::text(*value)),
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

fn push_integer(out: &mut Vec<u8>, number: i64) {
    // As `itoa` does it, a digit at a time: numbers here are short.
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    while let Some(place) = at.checked_sub(1) {
        at = place;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + (rest % 10) as u8;
        }
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// The shortest text that is this number again; that it is a real one stays to be seen.
fn push_real(out: &mut Vec<u8>, number: f64) {
    out.extend_from_slice(format!("{number:?}").as_bytes());
}

/// Whether a text stands in CSV as it is, and is harmless to a spreadsheet: it begins with a letter, a digit or a
/// slash, and has no mark, no control character and nothing that is not ASCII.
fn is_plain_csv(text: &[u8]) -> bool {
    text.first()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'/')
        && text
            .iter()
            .all(|byte| matches!(byte, b' ' | b'!' | b'#'..=b'+' | b'-'..=b'~'))
}

fn is_plain_json(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'))
}

fn push_quoted(out: &mut Vec<u8>, text: &str) {
    let marked = |byte: u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    if !text.is_empty() && !text.bytes().any(marked) {
        return out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
    for (index, piece) in text.split('"').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(piece.as_bytes());
    }
    out.push(b'"');
}

fn push_json(out: &mut Vec<u8>, text: &str) {
    let json = serde_json::Value::from(text).to_string();
    out.extend_from_slice(cell::plain_json(&json).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> Column {
        Column {
            name: name.to_owned(),
            declared: None,
        }
    }

    fn csv(values: &[ValueRef<'_>], raw: bool) -> String {
        let mut out = Vec::new();
        Csv { raw }.row(values, &mut out);
        String::from_utf8(out).expect("text")
    }

    fn text(text: &str) -> ValueRef<'_> {
        ValueRef::Text(text.as_bytes())
    }

    #[test]
    fn values_in_csv() {
        for (value, wanted, raw) in [
            (ValueRef::Null, "\"\"", "\"\""),
            (text(""), "\"\"", "\"\""),
            (text("a b"), "a b", "a b"),
            (text("a,b"), "\"a,b\"", "\"a,b\""),
            (text("a\"b"), "\"a\"\"b\"", "\"a\"\"b\""),
            (text("a\r\nb"), "\"a\r\nb\"", "\"a\r\nb\""),
            (text("=1+1"), "'=1+1", "=1+1"),
            (text(" =1,2"), "\"' =1,2\"", "\" =1,2\""),
            (text("-1"), "-1", "-1"),
            (text("a\u{1b}b"), "a\\u{1b}b", "a\u{1b}b"),
            (text("größer 漢"), "größer 漢", "größer 漢"),
            (ValueRef::Text(&[b'a', 0xff]), "a\u{fffd}", "a\u{fffd}"),
            (ValueRef::Blob(&[1, 255]), "01ff", "01ff"),
            (ValueRef::Integer(0), "0", "0"),
            (ValueRef::Integer(-120), "-120", "-120"),
            (
                ValueRef::Integer(i64::MIN),
                "-9223372036854775808",
                "-9223372036854775808",
            ),
            (ValueRef::Real(1.0), "1.0", "1.0"),
            (ValueRef::Real(-0.1), "-0.1", "-0.1"),
            (ValueRef::Real(1e300), "1e300", "1e300"),
        ] {
            assert_eq!(csv(&[value], false), format!("{wanted}\n"), "{value:?}");
            assert_eq!(csv(&[value], true), format!("{raw}\n"), "{value:?}");
        }
        let row = [ValueRef::Null, text(""), ValueRef::Null];
        assert_eq!(csv(&row, false), ",\"\",\n");
    }

    #[test]
    fn values_in_json() {
        let mut out = Vec::new();
        let mut json = JsonLines::default();
        json.head(&["a", "\"b", "a", "d", "e"].map(column), &mut out);
        for values in [
            [
                text("x"),
                text("\"\\\n"),
                ValueRef::Null,
                ValueRef::Integer(7),
                ValueRef::Real(2.0),
            ],
            [
                text("ü\u{202e}"),
                text("\u{1b}\0"),
                ValueRef::Blob(&[7]),
                ValueRef::Real(f64::INFINITY),
                text(""),
            ],
        ] {
            json.row(&values, &mut out);
        }
        let wanted = "{\"a\":\"x\",\"\\\"b\":\"\\\"\\\\\\n\",\"a\":null,\"d\":7,\"e\":2.0}\n\
             {\"a\":\"ü\\u202e\",\"\\\"b\":\"\\u001b\\u0000\",\"a\":\"07\",\"d\":null,\"e\":\"\"}\n";
        assert_eq!(String::from_utf8(out).expect("text"), wanted);
    }
}
