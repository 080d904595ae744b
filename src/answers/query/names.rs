//! What can be asked for by name: the views of a database, and the reports.

use tokio_rusqlite::rusqlite;

use super::super::{Reader, named};
use super::{Done, Fault};
use crate::config::nearest;
use crate::error::Result;
use crate::store::views::NAMED_VIEWS;

/// What a question stands for.
#[derive(Debug)]
pub(super) enum Resolved {
    Sql(String),
    View(String),
    Report(&'static named::Report),
}

pub(super) fn resolve(reader: &Reader, question: &str) -> Done<Resolved> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let word = question.trim().trim_end_matches(';').trim_end();
    if word.starts_with('.') {
        let words = "commands with a dot are sqlite3's own; crawl query lists what can be asked for by name";
        return Err(Fault::of(words).into());
    }
    if word.is_empty() || !word.chars().all(is_word) {
        return Ok(Resolved::Sql(question.to_owned()));
    }
    let name = word.replace('-', "_").to_ascii_lowercase();
    let known = views(reader)?;
    if known.iter().any(|(view, _)| *view == name) {
        return Ok(Resolved::View(name));
    }
    if let Some(report) = named::find(&name) {
        return Ok(Resolved::Report(report));
    }
    let names = || {
        let views = known.iter().map(|(view, _)| view.as_str());
        views.chain(named::REPORTS.iter().map(|report| report.name))
    };
    let hint = match nearest(&name, names()) {
        Some(near) => format!("no such view; did you mean {near:?}?"),
        None => format!(
            "neither SQL nor one of {}",
            names().collect::<Vec<_>>().join(", ")
        ),
    };
    Err(Fault::of(format!("{word}: {hint}")).into())
}

/// The views of a database, with what each answers: those of every database, and one for each set of fields.
///
/// # Errors
/// When the database cannot be read.
pub fn views(reader: &Reader) -> Result<Vec<(String, String)>> {
    let named = NAMED_VIEWS.iter();
    let mut views: Vec<(String, String)> = named
        .map(|(view, what)| ((*view).to_owned(), (*what).to_owned()))
        .collect();
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'view' AND name GLOB 'fields_*' ORDER BY name";
    let of_sets = reader.connection.prepare(sql).and_then(|mut statement| {
        let names = statement.query_map([], |row| row.get::<_, String>(0))?;
        names.collect::<rusqlite::Result<Vec<String>>>()
    });
    let of_sets = of_sets.map_err(|error| reader.failed(error))?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    views.extend(
        of_sets
            .into_iter()
            .filter(|name| name.chars().all(plain))
            .map(|name| {
                let set = name.trim_start_matches("fields_");
                let what = format!("the fields of the set {set:?}, one page a row");
                (name, what)
            }),
    );
    Ok(views)
}

/// The SQL that a name stands for, as one would write it oneself; SQL stays as it is.
///
/// # Errors
/// When there is no such name, or the database cannot be read.
pub fn sql_of(reader: &Reader, question: &str) -> Done<String> {
    Ok(match resolve(reader, question)? {
        Resolved::Sql(sql) => sql,
        Resolved::Report(report) => report.sql.to_owned(),
        Resolved::View(name) => {
            let sql = "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?";
            let read = reader
                .connection
                .query_row(sql, [&name], |row| row.get::<_, String>(0));
            let sql = read.map_err(|error| reader.failed(error))?;
            // What stands before it is "CREATE VIEW name AS".
            sql.split_once(" AS")
                .map_or(&*sql, |(_, select)| select)
                .trim()
                .to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sql() {
        let reader = Reader {
            connection: rusqlite::Connection::open_in_memory().expect("in memory"),
            path: "x".into(),
        };
        let of = |question: &str| match resolve(&reader, question) {
            Ok(Resolved::Sql(sql)) => format!("SQL {sql}"),
            Ok(Resolved::View(name)) => format!("view {name}"),
            Ok(Resolved::Report(report)) => format!("report {}", report.name),
            Err(error) => error.to_string(),
        };
        for (question, wanted) in [
            ("broken-links", "view broken_links"),
            ("Broken_Links ;", "view broken_links"),
            ("slow-pages", "report slow_pages"),
            (" SELECT 1 ", "SQL  SELECT 1 "),
            ("VALUES(1)", "SQL VALUES(1)"),
            ("", "SQL "),
            (
                "broken-link",
                "broken-link: no such view; did you mean \"broken_links\"?",
            ),
        ] {
            assert_eq!(of(question), wanted);
        }
        assert!(of("xyzzy").contains("neither SQL nor one of pages, resources"));
        assert!(of(".tables").contains("sqlite3's own"));
    }
}
