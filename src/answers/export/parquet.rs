//! Rows as Parquet. A column must have one type from its first row on, and SQLite has one for each value: so rows are
//! put by first, and a column's type is what holds all of its values.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite;

use super::kept::{Given, Keeper, Kept};
use super::rows::{Column, Sink};

/// Rows of a row group at the most.
const GROUP_ROWS: usize = 65_536;
/// Bytes of its texts, above which it ends.
const GROUP_BYTES: usize = 32 << 20;
/// Integers that a real number holds exactly.
const EXACT: u64 = 1 << 53;
/// The columns of the views that are moments.
const MOMENTS: [&str; 10] = [
    "begun_at",
    "ended_at",
    "fetched_at",
    "first_seen",
    "held_until",
    "last_seen",
    "not_before",
    "retry_at",
    "since",
    "started_at",
];

/// What a column is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Real,
    /// Milliseconds since 1970, in UTC.
    Moment,
    Text,
    Blob,
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

/// What was met in a column, a bit each.
#[derive(Debug, Default, Clone, Copy)]
struct Met(u8);

const INTEGERS: u8 = 1;
/// One of them is none that a real number holds.
const LARGE: u8 = 2;
const REALS: u8 = 4;
const INSTANTS: u8 = 8;
const TEXTS: u8 = 16;
const BLOBS: u8 = 32;

/// Puts rows by, and writes them.
pub(super) struct Parquet {
    columns: Vec<Column>,
    met: Vec<Met>,
    keeper: Keeper,
    rows: u64,
}

impl Parquet {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            columns: Vec::new(),
            met: Vec::new(),
            keeper: Keeper::new()?,
            rows: 0,
        })
    }

    /// Writes the file.
    pub(super) fn finish(self, mut out: impl Write) -> io::Result<()> {
        let met = self.met.iter();
        let kinds: Vec<Kind> = met
            .zip(&self.columns)
            .map(|(met, column)| met.kind(column))
            .collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("crawl ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let schema = schema(&self.columns, &kinds).map_err(failed)?;
        // It knows how far it is by itself, so what it has written can be taken away after each row group.
        let mut file =
            SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))
                .map_err(failed)?;
        let mut given = self.keeper.give()?;
        let mut left = self.rows;
        while left > 0 {
            let mut group: Vec<Gathered> = kinds.iter().map(|kind| Gathered::new(*kind)).collect();
            left -= gather(&mut given, &mut group, left)?;
            let mut writer = file.next_row_group().map_err(failed)?;
            for gathered in group {
                gathered.write(&mut writer).map_err(failed)?;
            }
            writer.close().map_err(failed)?;
            file.flush()?;
            out.write_all(file.inner())?;
            file.inner_mut().clear();
        }
        out.write_all(&file.into_inner().map_err(failed)?)
    }
}

impl Sink for Parquet {
    fn columns(&mut self, columns: &[Column]) -> io::Result<()> {
        self.columns = columns.to_vec();
        self.met = vec![Met::default(); columns.len()];
        Ok(())
    }

    fn row(&mut self, values: &[ValueRef<'_>]) -> io::Result<()> {
        for ((value, met), column) in values.iter().zip(&mut self.met).zip(&self.columns) {
            met.take(*value, column);
            self.keeper.push(*value)?;
        }
        self.rows += 1;
        Ok(())
    }
}

impl Met {
    fn take(&mut self, value: ValueRef<'_>, column: &Column) {
        self.0 |= match value {
            ValueRef::Null => 0,
            ValueRef::Integer(number) if number.unsigned_abs() > EXACT => INTEGERS | LARGE,
            ValueRef::Integer(_) => INTEGERS,
            ValueRef::Real(_) => REALS,
            ValueRef::Blob(_) => BLOBS,
            ValueRef::Text(text) => {
                // Where one is none, the others need not be looked at.
                let may_be = self.0 & TEXTS == 0 && is_moment(column);
                if may_be && moment(text).is_some() {
                    INSTANTS
                } else {
                    TEXTS
                }
            }
        };
    }

    fn kind(self, column: &Column) -> Kind {
        match self.0 {
            0 => of_no_values(column),
            INTEGERS => Kind::Integer,
            met if met == INTEGERS | LARGE => Kind::Integer,
            REALS => Kind::Real,
            met if met == INTEGERS | REALS => Kind::Real,
            INSTANTS => Kind::Moment,
            BLOBS => Kind::Blob,
            _ => Kind::Text,
        }
    }
}

/// What a column is in which all is NULL: as its table has it.
fn of_no_values(column: &Column) -> Kind {
    match column.declared.as_deref() {
        _ if is_moment(column) => Kind::Moment,
        Some("INTEGER") => Kind::Integer,
        Some("REAL") => Kind::Real,
        Some("BLOB") => Kind::Blob,
        _ => Kind::Text,
    }
}

fn is_moment(column: &Column) -> bool {
    MOMENTS.contains(&column.name.as_str())
}

/// Milliseconds since 1970 of a moment as views have it: `2026-11-21T03:11:44.177Z`.
fn moment(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let shape = text.len() == 24 && text.as_bytes().get(19) == Some(&b'.');
    let moment: jiff::Timestamp = text.parse().ok().filter(|_| shape)?;
    // What would come out otherwise than it went in stays a text.
    let written = format!("{moment:.3}");
    (written == text).then(|| moment.as_millisecond())
}

fn schema(columns: &[Column], kinds: &[Kind]) -> Result<Type, ParquetError> {
    let mut names: Vec<String> = Vec::new();
    let mut fields = Vec::new();
    for (column, kind) in columns.iter().zip(kinds) {
        // SQL may give two columns one name.
        let mut name = column.name.clone();
        let mut number = 1;
        while names.contains(&name) {
            number += 1;
            name = format!("{}_{number}", column.name);
        }
        let (physical, logical) = match kind {
            Kind::Integer => (Physical::INT64, None),
            Kind::Real => (Physical::DOUBLE, None),
            Kind::Moment => {
                let unit = parquet::basic::TimeUnit::MILLIS;
                (Physical::INT64, Some(LogicalType::timestamp(true, unit)))
            }
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Blob => (Physical::BYTE_ARRAY, None),
        };
        let field = Type::primitive_type_builder(&name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()?;
        names.push(name);
        fields.push(Arc::new(field));
    }
    Type::group_type_builder("rows").with_fields(fields).build()
}

/// The values of a column in a row group. A level is 1 where there is a value, 0 for NULL.
struct Gathered {
    kind: Kind,
    levels: Vec<i16>,
    integers: Vec<i64>,
    reals: Vec<f64>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Gathered {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            levels: Vec::new(),
            integers: Vec::new(),
            reals: Vec::new(),
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn push(&mut self, value: Kept<'_>) {
        self.levels.push(i16::from(value != Kept::Null));
        match (self.kind, value) {
            (_, Kept::Null) => {}
            (Kind::Integer, Kept::Integer(number)) => self.integers.push(number),
            (Kind::Real, Kept::Integer(number)) => self.reals.push(number as f64),
            (Kind::Real, Kept::Real(number)) => self.reals.push(number),
            (Kind::Moment, Kept::Text(text)) => {
                self.integers.push(moment(text).unwrap_or_default());
            }
            (_, Kept::Text(bytes)) => self.bytes(bytes),
            (Kind::Blob, Kept::Blob(bytes)) => self.bytes(bytes),
            // Values of several types in one column.
            (_, Kept::Integer(number)) => self.bytes(number.to_string().as_bytes()),
            (_, Kept::Real(number)) => self.bytes(format!("{number:?}").as_bytes()),
            (_, Kept::Blob(bytes)) => {
                let text = super::super::cell::text(ValueRef::Blob(bytes));
                self.bytes(text.as_bytes());
            }
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    fn write(self, group: &mut Group<'_>) -> Result<(), ParquetError> {
        match self.kind {
            Kind::Integer | Kind::Moment => write::<Int64Type>(group, &self.integers, &self.levels),
            Kind::Real => write::<DoubleType>(group, &self.reals, &self.levels),
            Kind::Text | Kind::Blob => {
                let all = ByteArray::from(self.bytes);
                let mut from = 0;
                let value = |end: usize| {
                    let value = all.slice(from, end - from);
                    from = end;
                    value
                };
                let values: Vec<ByteArray> = self.ends.into_iter().map(value).collect();
                write::<ByteArrayType>(group, &values, &self.levels)
            }
        }
    }
}

fn write<T: DataType>(
    group: &mut Group<'_>,
    values: &[T::T],
    levels: &[i16],
) -> Result<(), ParquetError> {
    if let Some(mut column) = group.next_column()? {
        column
            .typed::<T>()
            .write_batch(values, Some(levels), None)?;
        column.close()?;
    }
    Ok(())
}

/// Takes the rows of one row group. Answers with how many.
fn gather(given: &mut Given, group: &mut [Gathered], most: u64) -> io::Result<u64> {
    let (mut rows, mut bytes) = (0, 0);
    while rows < most && rows < GROUP_ROWS as u64 && bytes < GROUP_BYTES {
        for gathered in &mut *group {
            let before = gathered.bytes.len();
            gathered.push(given.next()?);
            bytes += gathered.bytes.len() - before;
        }
        rows += 1;
    }
    Ok(rows)
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
