//! Rows that name rows that are not there. SQLite does not watch over that while a crawl writes (two searches
//! for each link), so `crawl check` asks for it.

use rusqlite::{Connection, Transaction, params};
use tokio_rusqlite::rusqlite;

use super::laws::ANEW;
use crate::canonical::CanonicalUrl;

/// A column that names rows of another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    table: String,
    column: String,
    parent: String,
    /// Whether a row can do without it.
    optional: bool,
    /// Whether the table has a column that says which URL a row is about.
    of_url: bool,
}

/// Rows that cannot be done without: what they would have to be is not known, and to drop all that names them
/// would be to drop a log, or a run.
const NEEDED: [&str; 3] = ["run", "start", "host"];

/// The references of our tables.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<Reference>> {
    let mut statement = connection.prepare(
        "SELECT t.name, k.\"from\", k.\"table\", (SELECT NOT (c.\"notnull\" OR c.pk) FROM pragma_table_info(t.name) c WHERE c.name = k.\"from\"),
           EXISTS (SELECT 1 FROM pragma_table_info(t.name) c WHERE c.name = 'url')
         FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) k
         WHERE t.type = 'table' AND t.name IN (SELECT value FROM json_each(?)) ORDER BY t.name, k.\"from\"",
    )?;
    let tables = serde_json::json!(super::schema::TABLE_NAMES).to_string();
    let rows = statement.query_map([tables], |row| {
        Ok(Reference {
            table: row.get(0)?,
            column: row.get(1)?,
            parent: row.get(2)?,
            optional: row.get(3)?,
            of_url: row.get(4)?,
        })
    })?;
    rows.collect()
}

impl Reference {
    /// Whether it names rows of this table.
    pub(crate) fn names(&self, parent: &str) -> bool {
        self.parent == parent
    }

    /// Whose column it is.
    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    /// Its column.
    pub(crate) fn column(&self) -> &str {
        &self.column
    }

    /// What holds for a row that names nothing.
    fn dangles(&self) -> String {
        let Self {
            table,
            column,
            parent,
            ..
        } = self;
        format!(
            "{table}.{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.id = {table}.{column})"
        )
    }

    /// Tells of the rows that name nothing.
    pub(crate) fn broken(
        &self,
        connection: &Connection,
        mut tell: impl FnMut(String, Option<String>),
    ) -> rusqlite::Result<()> {
        let url = if self.of_url {
            format!("(SELECT text FROM url WHERE id = {}.url)", self.table)
        } else {
            "NULL".to_owned()
        };
        let sql = format!(
            "SELECT quote({0}.{1}), {url} FROM {0} WHERE {2}",
            self.table,
            self.column,
            self.dangles()
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let what = format!(
                "{}.{} names {} {}",
                self.table,
                self.column,
                self.parent,
                row.get::<_, String>(0)?
            );
            tell(what, row.get(1)?);
        }
        Ok(())
    }

    /// Takes the name out of the rows that can do without, and drops the others.
    fn mend(&self, tx: &Transaction<'_>) -> rusqlite::Result<usize> {
        if NEEDED.contains(&self.parent.as_str()) {
            return Ok(0);
        }
        let Self { table, column, .. } = self;
        let dangles = self.dangles();
        // What has come of a request is lost: it is asked for again.
        if table == "fetch" && matches!(column.as_str(), "version" | "redirect_to") {
            tx.execute(
                &format!(
                    "UPDATE visit SET last_fetch = NULL, carried = 0 WHERE run = (SELECT max(id) FROM run) AND decision = 0
                     AND last_fetch IN (SELECT id FROM fetch WHERE {dangles})"
                ),
                [],
            )?;
        }
        // The sitemap is read again.
        let named = matches!(
            (table.as_str(), column.as_str()),
            ("sitemap_entry", "url") | ("sitemap_alternate", "target")
        );
        if named {
            tx.execute(
                &format!(
                    "UPDATE sitemap SET last_fetch = NULL, carried = 0 WHERE decision = 0 AND (run, url) IN (
                       SELECT run, sitemap FROM {table} WHERE run = (SELECT max(id) FROM run) AND {dangles})"
                ),
                [],
            )?;
        }
        if self.optional {
            let sql = format!("UPDATE {table} SET {column} = NULL WHERE {dangles}");
            return tx.execute(&sql, []);
        }
        if table == "link" && column == "target" {
            // The page is read again, and says anew where it leads.
            tx.execute_batch(&format!(
                "CREATE TEMP TABLE reread AS SELECT DISTINCT version AS id FROM link WHERE {dangles};
                 UPDATE version SET reader = 0 WHERE id IN (SELECT id FROM temp.reread);
                 UPDATE visit SET last_fetch = NULL, carried = 0 WHERE run = (SELECT max(id) FROM run) AND decision = 0
                   AND last_fetch IN (SELECT id FROM fetch WHERE version IN (SELECT id FROM temp.reread));
                 DROP TABLE temp.reread"
            ))?;
        }
        let dropped = tx.execute(&format!("DELETE FROM {table} WHERE {dangles}"), [])?;
        tx.execute(ANEW, [])?;
        Ok(dropped)
    }
}

/// Hosts that are gone, as the URLs have them that name them.
fn restore_hosts(tx: &Transaction<'_>) -> rusqlite::Result<usize> {
    let mut statement = tx.prepare(
        "SELECT u.host, min(u.text) FROM url u WHERE NOT EXISTS (SELECT 1 FROM host h WHERE h.id = u.host) GROUP BY u.host",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let gone: Vec<(i64, String)> = rows.collect::<rusqlite::Result<_>>()?;
    let mut restored = 0;
    for (id, text) in gone {
        if let Ok(url) = CanonicalUrl::parse(&text) {
            restored += tx.execute(
                "INSERT OR IGNORE INTO host (id, name) VALUES (?, ?)",
                params![id, url.host().as_str()],
            )?;
        }
    }
    Ok(restored)
}

/// Puts right what can be, until nothing changes: what names a row that was dropped is next.
pub(super) fn mend(tx: &Transaction<'_>) -> rusqlite::Result<usize> {
    let references = all(tx)?;
    let mut changed = restore_hosts(tx)?;
    loop {
        let mut round = 0;
        for reference in &references {
            round += reference.mend(tx)?;
        }
        if round == 0 {
            return Ok(changed);
        }
        changed += round;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    #[test]
    fn every_reference_is_known() {
        let mut connection = Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("made");
        let tables: Vec<String> = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .expect("tables")
            .query_map([], |row| row.get(0))
            .expect("tables")
            .collect::<Result<_, _>>()
            .expect("tables");
        assert_eq!(tables, schema::TABLE_NAMES);
        let all = all(&connection).expect("references");
        assert_eq!(all.len(), 56);
        let optional = |table: &str, column: &str| {
            let found = all
                .iter()
                .find(|one| one.table == table && one.column == column);
            found.expect(column).optional
        };
        assert!(optional("visit", "via") && !optional("visit", "url"));
        assert!(optional("fetch", "version") && !optional("link", "target"));
    }
}
