//! Rows that are put by until it is known what they have in them: in a file without a name, as short as they come.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, Write};

use rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite;

use super::place::nameless;

/// Bytes that are written, or read, at a time.
const BLOCK: usize = 256 << 10;

/// A value that was put by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kept<'a> {
    Null,
    Integer(i64),
    Real(f64),
    /// UTF-8, whatever came.
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// Takes values.
#[derive(Debug)]
pub(super) struct Keeper(BufWriter<File>);

/// Gives them back, in the same order.
#[derive(Debug)]
pub(super) struct Given {
    file: BufReader<File>,
    value: Vec<u8>,
}

impl Keeper {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(BufWriter::with_capacity(BLOCK, nameless()?)))
    }

    pub(super) fn push(&mut self, value: ValueRef<'_>) -> io::Result<()> {
        match value {
            ValueRef::Null => self.0.write_all(&[0]),
            ValueRef::Integer(number) => self.fixed(1, number.to_le_bytes()),
            ValueRef::Real(number) => self.fixed(2, number.to_le_bytes()),
            ValueRef::Text(text) => self.bytes(3, String::from_utf8_lossy(text).as_bytes()),
            ValueRef::Blob(bytes) => self.bytes(4, bytes),
        }
    }

    fn fixed(&mut self, tag: u8, number: [u8; 8]) -> io::Result<()> {
        self.0.write_all(&[tag])?;
        self.0.write_all(&number)
    }

    fn bytes(&mut self, tag: u8, bytes: &[u8]) -> io::Result<()> {
        self.fixed(tag, (bytes.len() as u64).to_le_bytes())?;
        self.0.write_all(bytes)
    }

    /// From the first value on.
    pub(super) fn give(self) -> io::Result<Given> {
        let mut file = self.0.into_inner().map_err(io::Error::from)?;
        file.rewind()?;
        Ok(Given {
            file: BufReader::with_capacity(BLOCK, file),
            value: Vec::new(),
        })
    }
}

impl Given {
    /// The next value. Who asks knows how many there are.
    pub(super) fn next(&mut self) -> io::Result<Kept<'_>> {
        let mut tag = [0];
        self.file.read_exact(&mut tag)?;
        if tag == [0] {
            return Ok(Kept::Null);
        }
        let mut number = [0; 8];
        self.file.read_exact(&mut number)?;
        match tag {
            [1] => return Ok(Kept::Integer(i64::from_le_bytes(number))),
            [2] => return Ok(Kept::Real(f64::from_le_bytes(number))),
            _ => {}
        }
        let length = u64::from_le_bytes(number);
        self.value.clear();
        let read = self.file.by_ref().take(length);
        if { read }.read_to_end(&mut self.value)? as u64 != length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(match tag {
            [3] => Kept::Text(&self.value),
            _ => Kept::Blob(&self.value),
        })
    }
}
