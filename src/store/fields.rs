//! The values of configured fields: their rows, and a wide view for each set of them.

use std::collections::BTreeMap;

use rusqlite::{Transaction, params, types::Null};
use tokio_rusqlite::rusqlite;

use crate::config::FieldConfig;
use crate::record::{FieldData, FieldValue};

/// What our wide views have in their text, so that one of the user's own is never taken for ours.
const MARK: &str = "/* made of [[field]] */";

/// The content whose values count for a visit: what came last; and where the last try failed in a way that
/// may pass, what had come before. A page that is gone, or leads elsewhere, has none.
pub(crate) const COUNTED: &str =
    "CASE WHEN f.version IS NULL AND (f.status IS NULL OR f.status >= 500
       OR f.status IN (408, 425, 429)) THEN v.good_version ELSE f.version END";

/// Writes the values of a content, in place of those that it has.
pub(super) fn write(
    tx: &Transaction<'_>,
    version: i64,
    anew: bool,
    fields: &[FieldValue],
) -> rusqlite::Result<()> {
    if anew {
        tx.prepare_cached("DELETE FROM field WHERE version = ?")?
            .execute([version])?;
    }
    if fields.is_empty() {
        return Ok(());
    }
    let mut insert = tx.prepare_cached(
        "INSERT INTO field (version, field_set, name, position, value, problem) VALUES (?,?,?,?,?,?)",
    )?;
    for field in fields {
        let value: &dyn rusqlite::ToSql = match &field.value {
            Some(FieldData::Text(text)) => text,
            Some(FieldData::Integer(number)) => number,
            Some(FieldData::Real(number)) => number,
            None => &Null,
        };
        insert.execute(params![
            version,
            &*field.set,
            &*field.name,
            field.position,
            value,
            field.problem
        ])?;
    }
    Ok(())
}

/// Makes the wide views of the sets that are configured now, in place of those that were. Answers with the
/// names that are taken by something of the user's.
pub(super) fn wide_views(
    tx: &Transaction<'_>,
    fields: &[FieldConfig],
) -> rusqlite::Result<Vec<String>> {
    let ours: Vec<String> = tx
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'view' AND name GLOB 'fields_*'
             AND instr(sql, 'CREATE VIEW ' || name || ' AS ' || ?) = 1",
        )?
        .query_map([MARK], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for view in ours {
        tx.execute_batch(&format!("DROP VIEW \"{}\"", view.replace('"', "\"\"")))?;
    }
    let mut sets: BTreeMap<&str, Vec<&FieldConfig>> = BTreeMap::new();
    for field in fields {
        sets.entry(&field.set).or_default().push(field);
    }
    let mut taken = Vec::new();
    for (set, fields) in sets {
        let name = format!("fields_{set}");
        let is_taken: bool = tx.query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name = ? COLLATE NOCASE",
            [&name],
            |row| row.get(0),
        )?;
        if is_taken {
            taken.push(name);
        } else {
            tx.execute_batch(&wide_view(&name, set, &fields))?;
        }
    }
    Ok(taken)
}

/// A column a field. The names are checked: they need no quotes within SQL's.
fn wide_view(view: &str, set: &str, fields: &[&FieldConfig]) -> String {
    let columns: String = fields
        .iter()
        .map(|field| {
            let (name, rows) = (&field.name, format!(
                "FROM field d WHERE d.version = p.version AND d.field_set = '{set}' AND d.name = '{}' AND d.value IS NOT NULL ORDER BY d.position",
                field.name
            ));
            if field.all {
                format!(",\n       (SELECT json_group_array(value) FROM (SELECT d.value {rows})) AS \"{name}\"")
            } else {
                format!(",\n       (SELECT d.value {rows} LIMIT 1) AS \"{name}\"")
            }
        })
        .collect();
    format!(
        "CREATE VIEW {view} AS {MARK}
SELECT p.url AS url{columns}
FROM (SELECT u.text AS url, {COUNTED} AS version FROM visit v JOIN fetch f ON f.id = v.last_fetch
      JOIN url u ON u.id = v.url WHERE v.run = (SELECT max(id) FROM run)) p
WHERE EXISTS (SELECT 1 FROM field d WHERE d.version = p.version AND d.field_set = '{set}' AND d.value IS NOT NULL)"
    )
}
