//! The values of fields that are not in a database (yet), shown as [`query`] shows rows.

use std::io::Write;

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use super::Reader;
use super::query::{self, Format, QueryError};
use crate::error::Error;
use crate::record::{FieldData, FieldValue};

/// Shows values, each with the page that it was taken of.
///
/// # Errors
/// When they cannot be written. A reader that went away is no error.
pub fn show(
    values: &[(String, FieldValue)],
    format: Format,
    out: &mut dyn Write,
) -> Result<(), QueryError> {
    let failed = |source: rusqlite::Error| Error::Store {
        path: "values".into(),
        source: source.into(),
    };
    let reader = load(values).map_err(failed)?;
    let sql = "SELECT page, field_set, name, position, value, problem FROM v ORDER BY rowid";
    query::run(&reader, sql, format, out)
}

fn load(values: &[(String, FieldValue)]) -> rusqlite::Result<Reader> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch("CREATE TABLE v (page, field_set, name, position, value, problem)")?;
    let mut insert = connection.prepare("INSERT INTO v VALUES (?,?,?,?,?,?)")?;
    for (page, field) in values {
        let value = field.value.as_ref();
        let value = value.map_or(rusqlite::types::Value::Null, |value| match value {
            FieldData::Text(text) => text.clone().into(),
            FieldData::Integer(number) => (*number).into(),
            FieldData::Real(number) => (*number).into(),
        });
        insert.execute((
            page,
            &*field.set,
            &*field.name,
            field.position,
            value,
            &field.problem,
        ))?;
    }
    drop(insert);
    Ok(Reader {
        connection,
        path: "values".into(),
    })
}
