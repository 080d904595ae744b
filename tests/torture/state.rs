//! What a crawl has come to, and what must hold at any moment.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use sha2::Digest as _;
use tempfile::TempDir;
use tokio_rusqlite::rusqlite::Connection;

use crate::support::{number, rows};

/// What is the same at the end of a crawl however often it was stopped.
const END: [(&str, &str); 8] = [
    (
        "resources",
        "SELECT url, kind, status, error, title, depth, content_type, bytes, file, sha256, redirect_to, canonical, truncated, current
         FROM resources ORDER BY url",
    ),
    (
        "links",
        "SELECT from_url, position, to_url, kind, rel, anchor, decision, to_status, to_error FROM links ORDER BY from_url, position",
    ),
    (
        "urls",
        // What is not asked for has the depth of the route on which it was met first.
        "SELECT url, decision, rule, kind, iif(kind IS NULL, NULL, depth), hops FROM urls ORDER BY url",
    ),
    (
        "sitemaps",
        "SELECT url, level, decision, status, kind, entries, refused FROM sitemaps ORDER BY url",
    ),
    (
        "sitemap entries",
        "SELECT sitemap, position, url, decision, status FROM sitemap_entries ORDER BY sitemap, position",
    ),
    (
        "sitemap alternates",
        "SELECT sitemap, position, url, language, to_url, decision, to_status FROM sitemap_alternates ORDER BY sitemap, position, language",
    ),
    ("versions", "SELECT count(*) FROM version"),
    (
        "runs",
        "SELECT run.id, state, sum(pages) FROM run JOIN start ON start.run = run.id GROUP BY run.id",
    ),
];

/// Questions that have no answer as long as nothing is doubled, lost or left behind, at any moment.
const NEVER: [(&str, &str); 6] = [
    (
        "a URL twice",
        "SELECT text FROM url GROUP BY text HAVING count(*) > 1",
    ),
    (
        "a URL twice in the queue",
        "SELECT url FROM frontier GROUP BY url, kind HAVING count(*) > 1",
    ),
    (
        "admitted, and neither waits nor has an outcome",
        "SELECT u.text FROM visit v JOIN url u ON u.id = v.url WHERE v.run = (SELECT max(id) FROM run) AND v.decision = 0
         AND v.last_fetch IS NULL AND NOT EXISTS (SELECT 1 FROM frontier q WHERE q.url = v.url)",
    ),
    (
        "a request that no start has counted",
        "SELECT s.id FROM start s WHERE s.requests <> (SELECT count(*) FROM fetch f WHERE f.start = s.id)",
    ),
    (
        "a page without its links",
        "SELECT v.id FROM version v WHERE v.bytes > 900 AND v.media_type = 'text/html'
         AND NOT EXISTS (SELECT 1 FROM link l WHERE l.version = v.id)",
    ),
    (
        "a queue that was not counted",
        "SELECT queued FROM start WHERE id = (SELECT max(id) FROM start) AND how IS NULL
         AND queued <> (SELECT count(*) FROM frontier)",
    ),
];

/// The database of an output as it was left, copied: looking at it changes nothing for the next start.
pub struct Copy(TempDir);

impl Copy {
    pub fn of(output: &Path) -> Self {
        let copy = TempDir::new().expect("a directory");
        for name in ["crawl.db", "crawl.db-wal"] {
            if output.join(name).exists() {
                std::fs::copy(output.join(name), copy.path().join(name)).expect("a copy");
            }
        }
        let database = copy.path().join("crawl.db");
        if database.exists() {
            // Folded once; every question would read the whole log anew otherwise.
            let connection = Connection::open(database).expect("a database");
            let folded = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            folded.expect("a log to fold");
        }
        Self(copy)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Whether there is a database with our tables, of this version.
    pub fn is_ready(&self) -> bool {
        self.path().join("crawl.db").exists()
            && number(self.path(), "PRAGMA user_version") == 3
            && number(self.path(), "PRAGMA application_id") != 0
    }
}

/// Files whose digest was found right; they are never written again, so once is enough until the end.
pub type Checked = HashSet<PathBuf>;

/// What must hold after any stop. Answers with what does not.
pub fn broken_promises(
    output: &Path,
    copy: &Copy,
    whole: bool,
    checked: &mut Checked,
) -> Vec<String> {
    let check = if whole {
        "PRAGMA integrity_check"
    } else {
        "PRAGMA quick_check"
    };
    let mut broken = Vec::new();
    if !copy.path().join("crawl.db").exists() {
        return broken;
    }
    let found = rows(copy.path(), check);
    if found != ["ok"] {
        broken.push(format!("{check}: {found:?}"));
    }
    if !copy.is_ready() {
        return broken;
    }
    for row in rows(copy.path(), "PRAGMA foreign_key_check") {
        broken.push(format!("foreign key: {row}"));
    }
    for (what, sql) in NEVER {
        for row in rows(copy.path(), sql).into_iter().take(3) {
            broken.push(format!("{what}: {row}"));
        }
    }
    let named = "SELECT DISTINCT file, hex(digest) FROM version WHERE file IS NOT NULL";
    for row in rows(copy.path(), named) {
        let (file, digest) = row.split_once(' ').expect("two values");
        let path = output.join(file);
        if whole || !checked.contains(&path) {
            match std::fs::read(&path) {
                Err(error) => broken.push(format!("{file}: {error}")),
                Ok(body) if hex(&sha2::Sha256::digest(&body)) != digest => {
                    broken.push(format!("{file}: {} bytes of another digest", body.len()));
                }
                Ok(_) => {
                    checked.insert(path);
                }
            }
        }
    }
    broken
}

/// The state at the end: what is compared, and files that no row names.
#[derive(PartialEq)]
pub struct State {
    parts: Vec<(&'static str, BTreeSet<String>)>,
}

impl State {
    pub fn of(copy: &Copy) -> Self {
        let part = |(what, sql): (&'static str, &str)| {
            let found = rows(copy.path(), sql);
            let all = found.len();
            let set: BTreeSet<String> = found.into_iter().collect();
            assert_eq!(all, set.len(), "{what}: a row twice");
            (what, set)
        };
        Self {
            parts: END.map(part).into(),
        }
    }

    /// How many rows a part has.
    pub fn count(&self, what: &str) -> usize {
        let mut parts = self.parts.iter();
        parts
            .find(|part| part.0 == what)
            .map_or(0, |part| part.1.len())
    }

    /// Where it differs from what it should be, in a few lines.
    pub fn differences(&self, wanted: &Self) -> Vec<String> {
        let mut out = Vec::new();
        for ((what, found), (_, wanted)) in self.parts.iter().zip(&wanted.parts) {
            let (lost, more) = (wanted.difference(found), found.difference(wanted));
            let (lost, more): (Vec<_>, Vec<_>) = (lost.collect(), more.collect());
            if !lost.is_empty() || !more.is_empty() {
                out.push(format!("{what}: {} lost, {} more", lost.len(), more.len()));
                out.extend(lost.iter().take(4).map(|row| format!("  lost {row}")));
                out.extend(more.iter().take(4).map(|row| format!("  more {row}")));
            }
        }
        out
    }
}

/// Files in an output that should not be there at the end of a crawl: bodies that no row names, and
/// anything of the program's own that is temporary.
pub fn strays(output: &Path, copy: &Copy) -> Vec<String> {
    let named: HashSet<String> = rows(
        copy.path(),
        "SELECT DISTINCT file FROM version WHERE file IS NOT NULL",
    )
    .into_iter()
    .collect();
    let allowed = ["crawl.db", "crawl.db-wal", "crawl.db-shm", "crawl.lock"];
    let files = files(output).into_iter();
    files
        .filter(|file| !named.contains(file) && !allowed.contains(&file.as_str()))
        .collect()
}

/// All files below a directory, relative to it.
fn files(output: &Path) -> Vec<String> {
    let (mut found, mut todo) = (Vec::new(), vec![output.to_owned()]);
    while let Some(path) = todo.pop() {
        for entry in std::fs::read_dir(path).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let relative = path.strip_prefix(output).expect("below it");
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    found
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
