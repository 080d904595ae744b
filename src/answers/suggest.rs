//! The nearest name that there is, for one in a question that there is not.

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use crate::config::nearest;
use crate::store::views::NAMED_VIEWS;

/// What may have been meant where SQLite finds no table or no column of that name; nothing otherwise.
pub(super) fn suggestion(connection: &Connection, sql: &str, message: &str) -> Option<String> {
    let (what, name) = message.split_once(": ")?;
    let name = name.split(" - ").next()?.trim_matches('"');
    let name = name.rsplit('.').next()?.to_ascii_lowercase();
    let views = || NAMED_VIEWS.iter().map(|(view, _)| *view);
    match what {
        "no such table" => Some(meant(&name, &views().collect::<Vec<_>>(), "the views are")),
        "no such column" => {
            let words = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let asked: Vec<&str> = views()
                .filter(|view| words.clone().any(|word| word.eq_ignore_ascii_case(view)))
                .collect();
            let mut columns: Vec<String> = Vec::new();
            for view in &asked {
                let statement = connection.prepare(&format!("SELECT * FROM {view}")).ok()?;
                columns.extend(statement.column_names().into_iter().map(str::to_owned));
            }
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            asked.first()?;
            Some(meant(
                &name,
                &columns,
                &format!("{} has", asked.join(" with ")),
            ))
        }
        _ => None,
    }
}

fn meant(name: &str, valid: &[&str], all: &str) -> String {
    match nearest(name, valid.iter().copied()) {
        Some(near) => format!("; did you mean {near:?}?"),
        None => format!("; {all} {}", valid.join(", ")),
    }
}
