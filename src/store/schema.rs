//! The tables, and what makes a file one of ours. They are ours to change; what users rely on are the views.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio_rusqlite::rusqlite;

use super::StoreError;
use super::views::{self, NAMED_VIEWS};

/// Marks the file as one of ours (`PRAGMA application_id`): "crwl".
const APPLICATION_ID: i32 = 0x6372_776c;
/// The number of this schema (`PRAGMA user_version`).
pub(crate) const VERSION: i32 = 3;

/// The values of configured fields. Version 1 had none.
const FIELD: &str = "
CREATE TABLE field (
  version   INTEGER NOT NULL REFERENCES version,
  field_set TEXT NOT NULL,
  name      TEXT NOT NULL,
  position  INTEGER NOT NULL,
  value,
  problem   TEXT,
  PRIMARY KEY (version, field_set, name, position)
) WITHOUT ROWID;
";

const TABLES: &str = "
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE run (
  id    INTEGER PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'deferred', 'stopped')),
  seeds TEXT NOT NULL,
  begun INTEGER NOT NULL,
  ended INTEGER
);

CREATE TABLE start (
  id         INTEGER PRIMARY KEY,
  run        INTEGER NOT NULL REFERENCES run,
  begun      INTEGER NOT NULL,
  heartbeat  INTEGER NOT NULL,
  ended      INTEGER,
  how        TEXT CHECK (how IN ('finished', 'deferred', 'limit', 'signal', 'failed')),
  config     TEXT NOT NULL,
  version    TEXT NOT NULL,
  pid        INTEGER NOT NULL,
  pages      INTEGER NOT NULL DEFAULT 0,
  requests   INTEGER NOT NULL DEFAULT 0,
  bytes      INTEGER NOT NULL DEFAULT 0,
  durable_to INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE host (
  id          INTEGER PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  hold_until  INTEGER,
  hold_reason TEXT,
  set_aside   TEXT
);

CREATE TABLE robots (
  id          INTEGER PRIMARY KEY,
  fetched     INTEGER NOT NULL,
  valid_until INTEGER NOT NULL,
  status      INTEGER,
  reachable   INTEGER NOT NULL,
  body        BLOB NOT NULL
);

CREATE TABLE origin (
  id     INTEGER PRIMARY KEY,
  host   INTEGER NOT NULL REFERENCES host,
  text   TEXT NOT NULL UNIQUE,
  robots INTEGER REFERENCES robots
);

CREATE TABLE rule (
  id   INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
);

CREATE TABLE url (
  id         INTEGER PRIMARY KEY,
  host       INTEGER NOT NULL REFERENCES host,
  hash       INTEGER NOT NULL,
  text       TEXT NOT NULL,
  first_seen INTEGER NOT NULL
);
CREATE INDEX url_by_key ON url (host, hash);

CREATE TABLE visit (
  run          INTEGER NOT NULL REFERENCES run,
  url          INTEGER NOT NULL REFERENCES url,
  depth        INTEGER NOT NULL,
  redirects    INTEGER NOT NULL,
  via          INTEGER REFERENCES url,
  via_kind     INTEGER NOT NULL,
  decision     INTEGER NOT NULL,
  rule         INTEGER REFERENCES rule,
  last_fetch   INTEGER REFERENCES fetch,
  good_version INTEGER REFERENCES version,
  good_fetch   INTEGER REFERENCES fetch,
  role         INTEGER NOT NULL DEFAULT 0,
  hops         INTEGER NOT NULL DEFAULT 0,
  part         INTEGER NOT NULL DEFAULT 0,
  repeated     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run, url)
) WITHOUT ROWID;

CREATE TABLE anchor (
  run INTEGER NOT NULL REFERENCES run,
  url INTEGER NOT NULL REFERENCES url,
  PRIMARY KEY (run, url)
) WITHOUT ROWID;

CREATE TABLE outside (
  run       INTEGER NOT NULL REFERENCES run,
  url       INTEGER NOT NULL REFERENCES url,
  depth     INTEGER NOT NULL,
  redirects INTEGER NOT NULL,
  hops      INTEGER NOT NULL,
  via       INTEGER REFERENCES url,
  via_kind  INTEGER NOT NULL,
  PRIMARY KEY (run, url)
) WITHOUT ROWID;

CREATE TABLE frontier (
  host       INTEGER NOT NULL REFERENCES host,
  ord        INTEGER NOT NULL,
  kind       INTEGER NOT NULL,
  url        INTEGER NOT NULL REFERENCES url,
  attempt    INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER,
  deferred   INTEGER REFERENCES rule,
  PRIMARY KEY (host, ord, kind)
) WITHOUT ROWID;

CREATE TABLE header (
  id   INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
);

CREATE TABLE fetch (
  id            INTEGER PRIMARY KEY,
  start         INTEGER NOT NULL REFERENCES start,
  url           INTEGER NOT NULL REFERENCES url,
  kind          INTEGER NOT NULL,
  attempt       INTEGER NOT NULL,
  started       INTEGER NOT NULL,
  head_us       INTEGER,
  total_us      INTEGER NOT NULL,
  peer          TEXT,
  http_version  TEXT,
  status        INTEGER,
  error         INTEGER,
  detail        TEXT,
  header        INTEGER REFERENCES header,
  etag          TEXT,
  last_modified TEXT,
  content_type  TEXT,
  wire_bytes    INTEGER NOT NULL,
  truncated     INTEGER NOT NULL,
  version       INTEGER REFERENCES version,
  redirect_to   INTEGER REFERENCES url,
  rule          INTEGER REFERENCES rule,
  retry_at      INTEGER,
  conditional   INTEGER NOT NULL DEFAULT 0,
  set_cookie    INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE version (
  id          INTEGER PRIMARY KEY,
  url         INTEGER NOT NULL REFERENCES url,
  digest      BLOB NOT NULL,
  meta        INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,
  media_type  TEXT,
  charset     TEXT,
  title       TEXT,
  description TEXT,
  language    TEXT,
  canonical   INTEGER REFERENCES url,
  directives  TEXT,
  nofollow    INTEGER NOT NULL,
  noindex     INTEGER NOT NULL,
  file        TEXT,
  truncated   INTEGER NOT NULL,
  reader      INTEGER NOT NULL DEFAULT 0,
  UNIQUE (url, digest, meta)
);

CREATE TABLE link (
  version  INTEGER NOT NULL REFERENCES version,
  position INTEGER NOT NULL,
  target   INTEGER NOT NULL REFERENCES url,
  kind     INTEGER NOT NULL,
  rel      TEXT,
  anchor   TEXT,
  PRIMARY KEY (version, position)
) WITHOUT ROWID;
";

/// What version 1 lacks. Its pages count as read by no settings that are known, so they are asked for
/// without conditions once.
const TO_VERSION_2: &str = "
ALTER TABLE url DROP COLUMN in_scope;
ALTER TABLE visit ADD COLUMN good_fetch INTEGER REFERENCES fetch;
ALTER TABLE visit ADD COLUMN role INTEGER NOT NULL DEFAULT 0;
ALTER TABLE visit ADD COLUMN hops INTEGER NOT NULL DEFAULT 0;
ALTER TABLE visit ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
ALTER TABLE visit ADD COLUMN repeated INTEGER NOT NULL DEFAULT 0;
UPDATE visit SET role = 9 WHERE decision IN (1, 2, 3);
CREATE TABLE anchor (
  run INTEGER NOT NULL REFERENCES run,
  url INTEGER NOT NULL REFERENCES url,
  PRIMARY KEY (run, url)
) WITHOUT ROWID;
CREATE TABLE outside (
  run       INTEGER NOT NULL REFERENCES run,
  url       INTEGER NOT NULL REFERENCES url,
  depth     INTEGER NOT NULL,
  redirects INTEGER NOT NULL,
  hops      INTEGER NOT NULL,
  via       INTEGER REFERENCES url,
  via_kind  INTEGER NOT NULL,
  PRIMARY KEY (run, url)
) WITHOUT ROWID;
ALTER TABLE fetch ADD COLUMN conditional INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fetch ADD COLUMN set_cookie INTEGER NOT NULL DEFAULT 0;
ALTER TABLE version ADD COLUMN reader INTEGER NOT NULL DEFAULT 0;
DROP TABLE field;
";

/// What version 2 lacks, one piece a matter.
const ADDED_IN_3: [&str; 10] = [
    // Places in the queue have a rank above the depth now (`order.rs`).
    "UPDATE frontier SET ord = (ord & 0x7fffffffffffff) | (128 << 55);",
    // Which robots.txt held when; how far a host was slowed down, and its pages that count.
    "ALTER TABLE robots ADD COLUMN origin INTEGER REFERENCES origin;
     UPDATE robots SET origin = o.id FROM origin o WHERE o.robots = robots.id;
     CREATE INDEX robots_by_origin ON robots (origin, fetched);
     CREATE INDEX origin_by_host ON origin (host);
     ALTER TABLE host ADD COLUMN gap_us INTEGER;
     ALTER TABLE host ADD COLUMN pages INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE start ADD COLUMN queued INTEGER;
     CREATE INDEX frontier_deferred ON frontier (host) WHERE deferred IS NOT NULL;",
    // URLs that are asked for in another form than they were first written in, and by which rule.
    "CREATE TABLE rewritten (
       url     INTEGER PRIMARY KEY REFERENCES url,
       written TEXT NOT NULL,
       rule    INTEGER NOT NULL REFERENCES rule
     );",
    // What a robots.txt, and a content with its headers, say of uses.
    "CREATE TABLE robots_signal (
       robots   INTEGER NOT NULL REFERENCES robots,
       position INTEGER NOT NULL,
       name     TEXT NOT NULL,
       path     TEXT,
       category TEXT,
       value    TEXT NOT NULL,
       PRIMARY KEY (robots, position)
     ) WITHOUT ROWID;
     CREATE TABLE signal (
       version  INTEGER NOT NULL REFERENCES version,
       position INTEGER NOT NULL,
       source   TEXT NOT NULL,
       name     TEXT NOT NULL,
       category TEXT,
       value    TEXT NOT NULL,
       withheld INTEGER NOT NULL,
       PRIMARY KEY (version, position)
     ) WITHOUT ROWID;",
    // Sitemaps of a run, what they name, and how near to the seeds the pages of an origin come.
    "CREATE TABLE sitemap (
       run        INTEGER NOT NULL REFERENCES run,
       url        INTEGER NOT NULL REFERENCES url,
       level      INTEGER NOT NULL,
       redirects  INTEGER NOT NULL,
       depth      INTEGER NOT NULL,
       named      INTEGER NOT NULL,
       via        INTEGER REFERENCES url,
       via_kind   INTEGER NOT NULL,
       decision   INTEGER NOT NULL,
       rule       INTEGER REFERENCES rule,
       last_fetch INTEGER REFERENCES fetch,
       kind       INTEGER,
       entries    INTEGER,
       refused    INTEGER,
       truncated  INTEGER,
       bytes      INTEGER,
       carried    INTEGER NOT NULL DEFAULT 0,
       PRIMARY KEY (run, url)
     ) WITHOUT ROWID;
     CREATE TABLE sitemap_entry (
       run        INTEGER NOT NULL REFERENCES run,
       sitemap    INTEGER NOT NULL REFERENCES url,
       position   INTEGER NOT NULL,
       url        INTEGER NOT NULL REFERENCES url,
       lastmod    TEXT,
       changefreq TEXT,
       priority   REAL,
       PRIMARY KEY (run, sitemap, position)
     ) WITHOUT ROWID;
     CREATE TABLE nearest (
       run   INTEGER NOT NULL REFERENCES run,
       host  INTEGER NOT NULL REFERENCES host,
       https INTEGER NOT NULL,
       depth INTEGER NOT NULL,
       PRIMARY KEY (run, host, https)
     ) WITHOUT ROWID;",
    // What was put aside as a trap: a template, a family of them, parameters.
    "CREATE TABLE template (
       run   INTEGER NOT NULL REFERENCES run,
       host  INTEGER NOT NULL REFERENCES host,
       kind  INTEGER NOT NULL,
       text  TEXT NOT NULL,
       rule  INTEGER NOT NULL REFERENCES rule,
       pages INTEGER NOT NULL,
       since INTEGER NOT NULL,
       PRIMARY KEY (run, host, kind, text)
     ) WITHOUT ROWID;",
    // What was worked out of a crawl afterwards, and of what state of it; the links to a URL, its PageRank.
    "CREATE TABLE derived (
       name       TEXT PRIMARY KEY,
       run        INTEGER NOT NULL REFERENCES run,
       last_fetch INTEGER NOT NULL,
       made       INTEGER NOT NULL
     ) WITHOUT ROWID;
     CREATE TABLE rank (
       run      INTEGER NOT NULL REFERENCES run,
       url      INTEGER NOT NULL REFERENCES url,
       pagerank REAL,
       inlinks  INTEGER NOT NULL,
       pages    INTEGER NOT NULL,
       outlinks INTEGER NOT NULL,
       PRIMARY KEY (run, url)
     ) WITHOUT ROWID;",
    // Of a refresh, the requests that it may spend; of a run that was pruned, when; whether the outcome of a URL is
    // that of an earlier run (1: not asked for in this one, 2: it waits; so of a sitemap); files that nobody names any more.
    "ALTER TABLE run ADD COLUMN budget INTEGER;
     ALTER TABLE run ADD COLUMN pruned INTEGER;
     ALTER TABLE visit ADD COLUMN carried INTEGER NOT NULL DEFAULT 0;
     CREATE TABLE doomed (file TEXT PRIMARY KEY) WITHOUT ROWID;",
    // What was read of a content for the index of texts; contents that are nearly the same.
    "CREATE TABLE reading (
       version INTEGER PRIMARY KEY REFERENCES version,
       words   INTEGER,
       simhash INTEGER
     );
     CREATE TABLE resemblance (
       version  INTEGER PRIMARY KEY REFERENCES version,
       cluster  INTEGER NOT NULL,
       distance INTEGER NOT NULL,
       copies   INTEGER NOT NULL
     );",
    // What an entry of a sitemap is called in other languages; how many links of a content are of its headers.
    "CREATE TABLE sitemap_alternate (
       run      INTEGER NOT NULL REFERENCES run,
       sitemap  INTEGER NOT NULL REFERENCES url,
       position INTEGER NOT NULL,
       place    INTEGER NOT NULL,
       language TEXT NOT NULL,
       target   INTEGER NOT NULL REFERENCES url,
       PRIMARY KEY (run, sitemap, position, place)
     ) WITHOUT ROWID;
     ALTER TABLE version ADD COLUMN header_links INTEGER NOT NULL DEFAULT 0;",
];

/// What a database brings with it is not trusted: whoever can write the file can put any view or trigger into
/// it. They call nothing that reaches out of SQL, and no statement gets at the schema's or an index's pages.
pub(crate) fn distrust(connection: &Connection) -> rusqlite::Result<()> {
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    ] {
        connection.set_db_config(setting, value)?;
    }
    Ok(())
}

/// Makes the tables and views of a new database, or checks that an old one is ours and not newer.
pub(crate) fn prepare(
    connection: &mut Connection,
    random: impl Fn() -> i64,
) -> Result<(), StoreError> {
    let (application, version) = numbers(connection)?;
    if is_empty(connection)? {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(TABLES)?;
        transaction.execute_batch(FIELD)?;
        add(&transaction)?;
        for key in ["hash_key_0", "hash_key_1"] {
            transaction.execute("INSERT INTO meta VALUES (?, ?)", (key, random()))?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
        return Ok(());
    }
    if is_older(application, version) {
        return migrate(connection, version);
    }
    check(application, version)
}

/// What a database says it is: `application_id`, `user_version`.
fn numbers(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    let number = |name: &str| {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0))
    };
    Ok((number("application_id")?, number("user_version")?))
}

/// Refuses what is another program's, or of a newer version, before anything of it is changed.
pub(crate) fn refuse_others(connection: &Connection) -> Result<(), StoreError> {
    let (application, version) = numbers(connection)?;
    if is_older(application, version) || is_empty(connection)? {
        return Ok(());
    }
    check(application, version)
}

/// Whether a database has no tables yet.
pub(crate) fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
        row.get(0)
    })
}

/// From an earlier version to this one, in one transaction.
fn migrate(connection: &mut Connection, version: i32) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Tables first: a view of the user's that is made of ours has to find them while tables change.
    if version == 1 {
        transaction.execute_batch(TO_VERSION_2)?;
        transaction.execute_batch(FIELD)?;
    }
    add(&transaction)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Makes of the tables of version 2 those of this one, and the views.
fn add(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    for piece in ADDED_IN_3 {
        transaction.execute_batch(piece)?;
    }
    for (view, _) in NAMED_VIEWS {
        transaction.execute_batch(&format!("DROP VIEW IF EXISTS {view}"))?;
    }
    transaction.execute_batch(&views::sql())
}

/// Whether a database is of an earlier version of ours, which [`prepare`] brings up to date.
pub(crate) fn is_older(application: i32, version: i32) -> bool {
    application == APPLICATION_ID && (1..VERSION).contains(&version)
}

/// Checks that a database that is there is ours, and of this version.
pub(crate) fn check(application: i32, version: i32) -> Result<(), StoreError> {
    if application != APPLICATION_ID {
        return Err(StoreError::Foreign);
    }
    match version {
        VERSION => Ok(()),
        _ => Err(StoreError::Version {
            found: version,
            known: VERSION,
        }),
    }
}

/// Every table, by name.
pub(crate) const TABLE_NAMES: [&str; 30] = [
    "anchor",
    "derived",
    "doomed",
    "fetch",
    "field",
    "frontier",
    "header",
    "host",
    "link",
    "meta",
    "nearest",
    "origin",
    "outside",
    "rank",
    "reading",
    "resemblance",
    "rewritten",
    "robots",
    "robots_signal",
    "rule",
    "run",
    "signal",
    "sitemap",
    "sitemap_alternate",
    "sitemap_entry",
    "start",
    "template",
    "url",
    "version",
    "visit",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_database_has_every_view() {
        let mut connection = Connection::open_in_memory().expect("in memory");
        prepare(&mut connection, || 7).expect("made");
        prepare(&mut connection, || 7).expect("found again");
        for (view, _) in NAMED_VIEWS {
            let rows: i64 = connection
                .query_row(&format!("SELECT count(*) FROM {view}"), [], |row| {
                    row.get(0)
                })
                .expect(view);
            assert_eq!(rows, 0, "{view}");
        }
        let views: i64 = connection
            .query_row(
                "SELECT count(*) FROM sqlite_schema WHERE type = 'view'",
                [],
                |row| row.get(0),
            )
            .expect("count");
        assert_eq!(views as usize, NAMED_VIEWS.len());
    }

    /// Tables, views and indexes of a database, each with its columns as they are declared.
    fn shape(connection: &Connection) -> Vec<String> {
        let columns = "SELECT m.type || ' ' || m.name || ' ' || c.cid || ' ' || c.name || ' ' || c.type || ' ' || c.\"notnull\"
                              || ' ' || ifnull(c.dflt_value, '-') || ' ' || c.pk
                       FROM sqlite_schema m, pragma_table_xinfo(m.name) c
                       UNION ALL
                       SELECT m.tbl_name || ' ' || m.name || ' ' || i.seqno || ' ' || ifnull(i.name, '-') || ' ' || i.\"desc\"
                       FROM sqlite_schema m, pragma_index_xinfo(m.name) i WHERE m.type = 'index' ORDER BY 1";
        let mut statement = connection.prepare(columns).expect("SQL");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<rusqlite::Result<_>>().expect("read")
    }

    /// Column by column, in their order: what was migrated is as what is new.
    #[test]
    fn a_migrated_database_is_as_a_new_one() {
        let mut new = Connection::open_in_memory().expect("in memory");
        prepare(&mut new, || 7).expect("made");
        for version in [1, 2] {
            let top = env!("CARGO_MANIFEST_DIR");
            let folder = tempfile::tempdir().expect("a directory");
            let copy = folder.path().join("crawl.db");
            let old = format!("{top}/fixtures/databases/schema-{version}.db");
            std::fs::copy(old, &copy).expect("copied");
            let mut old = Connection::open(copy).expect("opened");
            prepare(&mut old, || 7).expect("migrated");
            assert_eq!(shape(&old), shape(&new), "version {version}");
        }
    }

    #[test]
    fn what_is_not_ours_or_newer_is_refused() {
        let mut connection = Connection::open_in_memory().expect("in memory");
        connection
            .execute_batch("CREATE TABLE theirs (x)")
            .expect("made");
        assert!(matches!(
            prepare(&mut connection, || 7),
            Err(StoreError::Foreign)
        ));
        let mut connection = Connection::open_in_memory().expect("in memory");
        prepare(&mut connection, || 7).expect("made");
        connection
            .pragma_update(None, "user_version", VERSION + 1)
            .expect("set");
        assert!(
            matches!(prepare(&mut connection, || 7), Err(StoreError::Version { found, .. }) if found == VERSION + 1)
        );
    }
}
