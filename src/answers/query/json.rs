//! Rows as JSON: an array of objects, or an object a line.

use std::io::Write;

use super::super::cell;
use super::{Done, Shown};

pub(super) fn array(shown: &mut Shown<'_>, out: &mut dyn Write) -> Done<()> {
    let names = names(&shown.names);
    let mut before = "[";
    while let Some(row) = shown.next(cell::json)? {
        write!(out, "{before}{}", object(&names, &row))?;
        before = ",\n ";
    }
    let open = if before == "[" { "[" } else { "" };
    Ok(writeln!(out, "{open}]")?)
}

pub(super) fn lines(shown: &mut Shown<'_>, out: &mut dyn Write) -> Done<()> {
    let names = names(&shown.names);
    while let Some(row) = shown.next(cell::json)? {
        writeln!(out, "{}", object(&names, &row))?;
    }
    Ok(())
}

/// Columns keep their order, which a map would not.
fn object(names: &[String], row: &[serde_json::Value]) -> String {
    let fields = names.iter().zip(row);
    let fields: Vec<String> = fields
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    cell::plain_json(&format!("{{{}}}", fields.join(", ")))
}

/// The names as JSON. A second column of a name gets a number: readers of JSON keep one of each.
fn names(columns: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for column in columns {
        let mut name = column.clone();
        let mut number = 2;
        while names.contains(&name) || (number > 2 && columns.contains(&name)) {
            name = format!("{column}_{number}");
            number += 1;
        }
        names.push(name);
    }
    names
        .into_iter()
        .map(|name| serde_json::json!(name).to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_there_twice() {
        for (columns, wanted) in [
            (&["a", "b"][..], &["\"a\"", "\"b\""][..]),
            (&["a", "a", "a"], &["\"a\"", "\"a_2\"", "\"a_3\""]),
            (&["a", "a", "a_2"], &["\"a\"", "\"a_3\"", "\"a_2\""]),
            (&["a\"b"], &["\"a\\\"b\""]),
        ] {
            let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(names(&columns), wanted);
        }
    }
}
