//! Rows as text: CSV and JSON Lines. Nearly all values are plain ASCII without a mark of either form, and are copied
//! as they are; the others go the long way by `cell`.

use std::io::{self, Write};

use rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite;

use super::super::cell;
use super::rows::{Column, Sink};

/// Bytes that are gathered before they are written.
const BLOCK: usize = 256 << 10;

/// Bytes on their way out, in blocks.
struct Blocks<W> {
    bytes: Vec<u8>,
    out: W,
}

impl<W: Write> Blocks<W> {
    fn new(out: W) -> Self {
        Self {
            bytes: Vec::with_capacity(BLOCK + (16 << 10)),
            out,
        }
    }

    fn end_row(&mut self) -> io::Result<()> {
        if self.bytes.len() < BLOCK {
            return Ok(());
        }
        self.finish()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }
}

/// RFC 4180 with a line of names. NULL is nothing, an empty text is `""`.
pub(super) struct Csv<W> {
    out: Blocks<W>,
    /// Whether texts are left as they are: a spreadsheet might take some for formulas.
    raw: bool,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(out: W, raw: bool) -> Self {
        let out = Blocks::new(out);
        Self { out, raw }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.finish()
    }

    fn value(&mut self, value: ValueRef<'_>) {
        let out = &mut self.out.bytes;
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

impl<W: Write> Sink for Csv<W> {
    fn columns(&mut self, columns: &[Column]) -> io::Result<()> {
        let names: Vec<ValueRef<'_>> = columns
            .iter()
            .map(|column| ValueRef::Text(column.name.as_bytes()))
            .collect();
        self.row(&names)
    }

    fn row(&mut self, values: &[ValueRef<'_>]) -> io::Result<()> {
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.out.bytes.push(b',');
            }
            self.value(*value);
        }
        // A line without anything would be taken for none.
        if matches!(values, [ValueRef::Null]) {
            self.out.bytes.extend_from_slice(b"\"\"");
        }
        self.out.bytes.push(b'\n');
        self.out.end_row()
    }
}

/// An object a line.
pub(super) struct JsonLines<W> {
    out: Blocks<W>,
    /// What stands before each value: the brace or comma, the name and the colon.
    before: Vec<Vec<u8>>,
}

impl<W: Write> JsonLines<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out: Blocks::new(out),
            before: Vec::new(),
        }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.finish()
    }
}

impl<W: Write> Sink for JsonLines<W> {
    fn columns(&mut self, columns: &[Column]) -> io::Result<()> {
        let name = |(index, column): (usize, &Column)| {
            let mut before = vec![if index == 0 { b'{' } else { b',' }];
            push_json(&mut before, &column.name);
            before.push(b':');
            before
        };
        self.before = columns.iter().enumerate().map(name).collect();
        Ok(())
    }

    fn row(&mut self, values: &[ValueRef<'_>]) -> io::Result<()> {
        let out = &mut self.out.bytes;
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
        self.out.end_row()
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
        let mut csv = Csv::new(&mut out, raw);
        csv.row(values).expect("in memory");
        csv.finish().expect("in memory");
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
        let mut json = JsonLines::new(&mut out);
        let columns = ["a", "\"b", "a", "d", "e"].map(column);
        json.columns(&columns).expect("in memory");
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
            json.row(&values).expect("in memory");
        }
        json.finish().expect("in memory");
        let wanted = "{\"a\":\"x\",\"\\\"b\":\"\\\"\\\\\\n\",\"a\":null,\"d\":7,\"e\":2.0}\n\
             {\"a\":\"ü\\u202e\",\"\\\"b\":\"\\u001b\\u0000\",\"a\":\"07\",\"d\":null,\"e\":\"\"}\n";
        assert_eq!(String::from_utf8(out).expect("text"), wanted);
    }
}
