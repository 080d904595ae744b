//! The database itself, and the laws that its rows keep.

use std::result::Result;

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use super::{Finding, Kind, Looked, words_of};
use crate::store::StoreError;
use crate::store::find::Finder;
use crate::store::laws::LAWS;
use crate::store::{references, search};

impl Looked<'_> {
    /// Asks SQLite; where only indices are wrong, a repair makes them anew before anything else is asked.
    pub(super) fn database(&mut self) -> Result<(), StoreError> {
        let wrong = match integrity(self.connection) {
            Err(error) => return self.or_malformed(Err(error)),
            Ok(wrong) => wrong,
        };
        let of_index = |what: &String| is_of_index(what) || search::is_named(what);
        let indices = !wrong.is_empty() && wrong.iter().all(of_index);
        let of_search = wrong.iter().any(|what| search::is_named(what));
        let kind = if indices {
            Kind::Index
        } else {
            Kind::Malformed
        };
        for what in wrong {
            self.tell(&Finding {
                kind,
                what,
                url: None,
                file: None,
            });
        }
        match self.repair.filter(|_| indices) {
            // Where that cannot be done, it is found once more, and left.
            Some(repair) => {
                if of_search {
                    repair.drop_search()?;
                }
                repair.reindex().or(Ok(()))
            }
            None => Ok(()),
        }
    }

    /// Asks for what breaks the laws, as of one moment.
    pub(super) fn rows(&mut self) -> Result<(), StoreError> {
        let connection = self.connection;
        connection.execute_batch("BEGIN")?;
        let done = self.laws(connection);
        let ended = connection.execute_batch("ROLLBACK");
        done.and(ended.map_err(StoreError::from))
    }

    fn laws(&mut self, connection: &Connection) -> Result<(), StoreError> {
        for reference in references::all(connection)? {
            reference.broken(connection, |what, url| {
                self.tell_row(Kind::Reference, what, url);
            })?;
        }
        for law in &LAWS {
            law.broken(connection, |what, url| self.tell_row(law.kind, what, url))?;
        }
        self.keys(connection)
    }

    /// Whether every URL is found by its text.
    fn keys(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let Ok(finder) = Finder::new(connection) else {
            self.tell_row(
                Kind::Url,
                "the key by which URLs are found is not there".to_owned(),
                None,
            );
            return Ok(());
        };
        let mut statement = connection.prepare("SELECT CAST(text AS BLOB), hash, id FROM url")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(0)?.as_bytes_or_null().unwrap_or_default();
            let text = String::from_utf8_lossy(bytes.unwrap_or_default());
            let hash = row.get_ref(1)?.as_i64().ok();
            if hash.is_none() || finder.stored_hash(&text) != hash {
                let what = format!("URL {} has the key of another text", row.get::<_, i64>(2)?);
                self.tell_row(Kind::Url, what, Some(text.into_owned()));
            }
        }
        Ok(())
    }

    fn tell_row(&mut self, kind: Kind, what: String, url: Option<String>) {
        self.tell(&Finding {
            kind,
            what,
            url,
            file: None,
        });
    }
}

/// SQLite's own check, in its words; where it comes to an end before its time, with why.
fn integrity(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut wrong = Vec::new();
    let mut ask = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare("PRAGMA integrity_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let what: String = row.get(0)?;
            // Several lines may come as one.
            wrong.extend(what.lines().filter(|line| *line != "ok").map(str::to_owned));
        }
        Ok(())
    };
    if let Err(error) = ask() {
        let (of_search, what) = (search::is_blamed(&error), error.to_string());
        let error = StoreError::from(error);
        if of_search && search::is_there(connection)? {
            wrong.push(format!("search_index: {what}"));
        } else if error.is_damage() {
            wrong.push(words_of(&error));
        } else {
            return Err(error);
        }
    }
    Ok(wrong)
}

/// Whether a line of SQLite's is about an index that does not fit its table.
fn is_of_index(what: &str) -> bool {
    (what.starts_with("row ") && what.contains(" missing from index "))
        || what.starts_with("wrong # of entries in index ")
        || what.starts_with("non-unique entry in index ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_indices() {
        for (line, of_index) in [
            ("row 5 missing from index url_by_key", true),
            ("wrong # of entries in index sqlite_autoindex_host_1", true),
            ("non-unique entry in index sqlite_autoindex_host_1", true),
            (
                "Tree 5 page 7: btreeInitPage() returns error code 11",
                false,
            ),
            ("NULL value in url.text", false),
            (
                "malformed inverted index for FTS5 table main.search_index",
                false,
            ),
        ] {
            assert_eq!(is_of_index(line), of_index, "{line}");
            assert_eq!(
                search::is_named(line),
                line.contains("search_index"),
                "{line}"
            );
        }
    }
}
