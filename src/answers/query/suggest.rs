//! The nearest name that there is, for one in a question that there is not.

use super::super::{Reader, named};
use crate::config::nearest;

/// Letters by which the name of a function may differ from what was meant.
const SLIPS: usize = 2;

/// What may have been meant where SQLite finds no table, no column or no function of that name; nothing otherwise.
pub(super) fn suggestion(reader: &Reader, sql: &str, message: &str) -> Option<String> {
    let (what, name) = message.split_once(": ")?;
    let name = name.split(" - ").next()?.trim_matches('"');
    let name = name.rsplit('.').next()?.to_ascii_lowercase();
    match what {
        "no such table" => Some(table(reader, &name)),
        "no such column" => column(reader, sql, &name),
        "no such function" => {
            let all = "SELECT DISTINCT name FROM pragma_function_list";
            let names = texts(reader, all)?;
            // There are so many that one of them is always somewhat like it.
            nearest(&name, names.iter().map(String::as_str))
                .filter(|near| strsim::damerau_levenshtein(&name, near) <= SLIPS)
                .map(|near| format!("; did you mean {near}()?"))
        }
        _ => None,
    }
}

fn table(reader: &Reader, name: &str) -> String {
    if let Some(report) = named::find(name) {
        let shown = report.name.replace('_', "-");
        return format!(
            "; {shown} is a report, not a view: crawl query --sql {shown} prints its SQL"
        );
    }
    let views = super::views(reader).unwrap_or_default();
    let views: Vec<&str> = views.iter().map(|(view, _)| view.as_str()).collect();
    meant(name, &views, "the views are")
}

/// One of the columns of the views that the question is about.
fn column(reader: &Reader, sql: &str, name: &str) -> Option<String> {
    let words = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let views = super::views(reader).ok()?;
    let asked: Vec<&str> = views
        .iter()
        .map(|(view, _)| view.as_str())
        .filter(|view| words.clone().any(|word| word.eq_ignore_ascii_case(view)))
        .collect();
    let mut columns: Vec<String> = Vec::new();
    for view in &asked {
        let select = format!("SELECT * FROM {view}");
        let statement = reader.connection.prepare(&select).ok()?;
        columns.extend(statement.column_names().into_iter().map(str::to_owned));
    }
    asked.first()?;
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    Some(meant(
        name,
        &columns,
        &format!("{} has", asked.join(" with ")),
    ))
}

fn texts(reader: &Reader, sql: &str) -> Option<Vec<String>> {
    let mut statement = reader.connection.prepare(sql).ok()?;
    let rows = statement.query_map([], |row| row.get(0)).ok()?;
    Some(rows.flatten().collect())
}

fn meant(name: &str, valid: &[&str], all: &str) -> String {
    match nearest(name, valid.iter().copied()) {
        Some(near) => format!("; did you mean {near:?}?"),
        None => format!("; {all} {}", valid.join(", ")),
    }
}
