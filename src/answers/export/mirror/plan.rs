//! Which URLs have a file in the mirror, and what it is called. A name once given is nobody else's, on systems that do
//! not tell `A` from `a` either; a folder's name is no file's. Kept in a database of its own, which has no name and
//! goes with the process: a crawl may have millions of files.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use tokio_rusqlite::rusqlite;

use super::names::{Wish, folder_name};

const TABLES: &str = "
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768;
    CREATE TABLE name (key TEXT PRIMARY KEY, folder TEXT, path TEXT, digest BLOB) WITHOUT ROWID;
    CREATE TABLE file (url INTEGER PRIMARY KEY, version INTEGER NOT NULL, path TEXT NOT NULL, other INTEGER NOT NULL);
    BEGIN;";

/// Folders that are remembered.
const MAX_FOLDERS: usize = 16_384;

/// The names that were given.
#[derive(Debug)]
pub(super) struct Plan {
    connection: Connection,
    /// Folders by what they were to be called.
    folders: HashMap<String, String>,
}

/// A file that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) url: i64,
    pub(super) version: i64,
    pub(super) path: String,
}

/// What stands under a name.
enum There {
    Nothing,
    File,
    /// A folder, as it is spelled.
    Folder(String),
}

impl Plan {
    pub(super) fn new() -> rusqlite::Result<Self> {
        let connection = Connection::open("")?;
        connection.execute_batch(TABLES)?;
        Ok(Self {
            connection,
            folders: HashMap::new(),
        })
    }

    /// Gives a URL's file its name. `/d/` and `/d/index.html` share one, if they are the same.
    pub(super) fn add(
        &mut self,
        url: i64,
        version: i64,
        wish: &Wish,
        digest: &[u8],
    ) -> rusqlite::Result<()> {
        let folder = self.folder(&wish.folders)?;
        let first = format!("{folder}{}", wish.name(0));
        let same = wish.name(0) == "index.html" && self.is_same(&first, digest)?;
        let (mut tries, mut path) = (0, first);
        while !same && !matches!(self.there(&path)?, There::Nothing) {
            tries += 1;
            path = format!("{folder}{}", wish.name(tries));
        }
        if !same {
            self.take(&path, None, Some(digest))?;
        }
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO file VALUES (?, ?, ?, ?)")?;
        insert.execute(params![url, version, path, same])?;
        Ok(())
    }

    /// Whether a file of this name, spelled so, has the content.
    fn is_same(&self, path: &str, digest: &[u8]) -> rusqlite::Result<bool> {
        let mut same = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM name WHERE key = ? AND path = ? AND digest = ?)",
        )?;
        same.query_row(params![key(path), path, digest], |row| row.get(0))
    }

    /// The name of a URL's file.
    pub(super) fn path(&self, url: i64) -> rusqlite::Result<Option<String>> {
        let mut path = self
            .connection
            .prepare_cached("SELECT path FROM file WHERE url = ?")?;
        path.query_row([url], |row| row.get(0)).optional()
    }

    /// Files after that of a URL, so many.
    pub(super) fn after(&self, url: i64, most: u32) -> rusqlite::Result<Vec<Planned>> {
        let mut files = self.connection.prepare_cached(
            "SELECT url, version, path FROM file WHERE url > ? AND NOT other ORDER BY url LIMIT ?",
        )?;
        let planned = |row: &rusqlite::Row<'_>| {
            Ok(Planned {
                url: row.get(0)?,
                version: row.get(1)?,
                path: row.get(2)?,
            })
        };
        files.query_map(params![url, most], planned)?.collect()
    }

    /// All folders, each after the one that it is in.
    pub(super) fn folders(
        &self,
        mut each: impl FnMut(&str) -> std::io::Result<()>,
    ) -> rusqlite::Result<std::io::Result<()>> {
        let sql = "SELECT folder FROM name WHERE folder IS NOT NULL ORDER BY length(folder)";
        let mut folders = self.connection.prepare(sql)?;
        let mut rows = folders.query([])?;
        while let Some(row) = rows.next()? {
            let folder: String = row.get(0)?;
            if let Err(error) = each(folder.trim_end_matches('/')) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// The folders of a file, with a slash at the end; made where they are not there.
    fn folder(&mut self, names: &[String]) -> rusqlite::Result<String> {
        let wanted = names.join("/");
        if let Some(folder) = self.folders.get(&wanted) {
            return Ok(folder.clone());
        }
        let mut path = String::new();
        for name in names {
            let mut tries = 0;
            path = loop {
                let inner = format!("{path}{}", folder_name(name, tries));
                match self.there(&inner)? {
                    There::Folder(spelled) => break spelled,
                    There::File => tries += 1,
                    There::Nothing => {
                        let spelled = format!("{inner}/");
                        self.take(&inner, Some(&spelled), None)?;
                        break spelled;
                    }
                }
            };
        }
        if self.folders.len() >= MAX_FOLDERS {
            self.folders.clear();
        }
        self.folders.insert(wanted, path.clone());
        Ok(path)
    }

    fn there(&self, path: &str) -> rusqlite::Result<There> {
        let mut name = self
            .connection
            .prepare_cached("SELECT folder FROM name WHERE key = ?")?;
        let found = name.query_row([key(path)], |row| row.get::<_, Option<String>>(0));
        Ok(match found.optional()? {
            None => There::Nothing,
            Some(None) => There::File,
            Some(Some(folder)) => There::Folder(folder),
        })
    }

    fn take(
        &self,
        path: &str,
        folder: Option<&str>,
        digest: Option<&[u8]>,
    ) -> rusqlite::Result<()> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO name VALUES (?, ?, ?, ?)")?;
        insert.execute(params![key(path), folder, path, digest])?;
        Ok(())
    }
}

/// What names are told apart by.
fn key(path: &str) -> String {
    path.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::CanonicalUrl;

    #[test]
    fn no_name_twice() {
        let mut plan = Plan::new().expect("in a file without a name");
        let rows = [
            ("http://a.example/a", "text/plain", "a.example/a"),
            ("http://a.example/a/b", "text/plain", "a.example/a_/b"),
            ("http://a.example/A/B2", "text/plain", "a.example/a_/B2"),
            ("http://a.example/A/b", "text/plain", "a.example/a_/b~"),
            ("http://a.example/d/", "text/html", "a.example/d/index.html"),
            (
                "http://a.example/d/index.html",
                "text/html",
                "a.example/d/index~",
            ),
            (
                "http://a.example/d/INDEX.HTML",
                "text/html",
                "a.example/d/INDEX~",
            ),
            ("http://a.example/d", "text/plain", "a.example/d~"),
            ("https://a.example/a", "text/plain", "a.example/a~"),
            ("http://a.example/Ü", "text/plain", "a.example/Ü"),
            ("http://a.example/ü", "text/plain", "a.example/ü~"),
        ];
        let mut keys = Vec::new();
        for ((url, media_type, wanted), id) in rows.into_iter().zip(1..) {
            let parsed = CanonicalUrl::parse(url).expect(url);
            let wish = Wish::of(&parsed, Some(media_type));
            plan.add(id, 7, &wish, &[id as u8]).expect(url);
            let path = plan.path(id).expect("read").expect("there");
            assert!(path.starts_with(wanted), "{url}: {path}");
            assert_eq!(path.contains('~'), wanted.ends_with('~'), "{url}: {path}");
            keys.push(path.to_lowercase());
        }
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), rows.len());
        assert_eq!(plan.path(99).expect("read"), None);
        let planned = plan.after(9, 10).expect("read");
        assert_eq!(planned.len(), 2);
        assert_eq!((planned[0].url, planned[0].version), (10, 7));
        let mut folders = Vec::new();
        let done = plan.folders(|folder| {
            folders.push(folder.to_owned());
            Ok(())
        });
        done.expect("read").expect("all");
        assert_eq!(folders, ["a.example", "a.example/d", "a.example/a_"]);
    }
}
