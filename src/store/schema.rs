//! The tables, the views, and what makes a file one of ours. `docs/schema.md` tells the views' columns,
//! which are the contract; the tables are ours to change.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio_rusqlite::rusqlite;

use super::StoreError;
use crate::fetched::FetchError;
use crate::record::LinkKind;
use crate::request::Kind;
use crate::sitemap;

/// Marks the file as one of ours (`PRAGMA application_id`): "crwl".
const APPLICATION_ID: i32 = 0x6372_776c;
/// The number of this schema (`PRAGMA user_version`).
pub(crate) const VERSION: i32 = 3;

/// What a visit came to, as `visit.decision` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It belongs to the crawl: it waits, or has its outcome.
    Admitted = 0,
    /// The scope keeps it out, whatever the route.
    Excluded = 1,
    /// The route by which it was found is cut (depth, redirects, nofollow); a better one overturns that.
    Cut = 2,
    /// Only linked in a way that is not followed (an image, a form).
    Linked = 3,
    /// robots.txt forbids it.
    Disallowed = 4,
    /// Being decided anew; never committed.
    Undecided = 5,
    /// Put aside as a part of a trap.
    Trapped = 6,
}

impl Decision {
    pub(crate) const ALL: [(Self, &'static str); 7] = [
        (Self::Admitted, "admitted"),
        (Self::Excluded, "excluded"),
        (Self::Cut, "cut"),
        (Self::Linked, "linked"),
        (Self::Disallowed, "disallowed"),
        (Self::Undecided, "undecided"),
        (Self::Trapped, "trapped"),
    ];

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|row| row.0 as i64 == code)
            .map(|row| row.0)
    }

    /// The word that views have for a number.
    pub(crate) fn word(code: i64) -> Option<&'static str> {
        let found = Self::ALL.iter().find(|row| row.0 as i64 == code);
        found.map(|row| row.1)
    }
}

/// What a URL is asked for, as `visit.role` has it: a lesser number takes precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// A page, whose links lead on.
    Page = 0,
    /// A part of a page.
    Asset = 1,
    /// Nothing leads to it in this run, but the last one had it: asked so that *gone* has evidence.
    Known = 2,
    /// Out of scope, and asked whether it is there.
    Check = 3,
    /// Not asked for, and no route that was open led to it.
    Shut = 9,
}

impl Role {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Page, "page"),
        (Self::Asset, "asset"),
        (Self::Known, "known"),
        (Self::Check, "check"),
    ];

    pub(crate) fn from_code(code: i64) -> Self {
        let found = Self::ALL.iter().find(|row| row.0 as i64 == code);
        found.map_or(Self::Shut, |row| row.0)
    }

    /// The word that views have for a number; none for what is not asked for.
    pub(crate) fn word(code: i64) -> Option<&'static str> {
        let found = Self::ALL.iter().find(|row| row.0 as i64 == code);
        found.map(|row| row.1)
    }
}

/// How a URL was found when no link kind says so (`visit.via_kind`).
pub(crate) const VIA_SEED: u8 = 100;
/// See [`VIA_SEED`].
pub(crate) const VIA_REDIRECT: u8 = 101;
/// See [`VIA_SEED`]: the last run had it.
pub(crate) const VIA_EARLIER: u8 = 102;
/// See [`VIA_SEED`]: a sitemap names it.
pub(crate) const VIA_SITEMAP: u8 = 103;
/// See [`VIA_SEED`]; of a sitemap alone: a robots.txt names it.
pub(crate) const VIA_ROBOTS: u8 = 104;
/// See [`VIA_SEED`]; of a sitemap alone: nothing names it, but it may be there.
pub(crate) const VIA_GUESS: u8 = 105;

/// The words of these.
const VIAS: [(u8, &str); 6] = [
    (VIA_SEED, "seed"),
    (VIA_REDIRECT, "redirect"),
    (VIA_EARLIER, "earlier run"),
    (VIA_SITEMAP, "sitemap"),
    (VIA_ROBOTS, "robots.txt"),
    (VIA_GUESS, "guess"),
];

/// How a URL was found, by the number in `visit.via_kind` and `link.kind`, in the word of the views.
pub(crate) fn via_word(code: i64) -> Option<&'static str> {
    let kinds = LinkKind::ALL.iter().map(|row| (row.2, row.1));
    let mut all = kinds.chain(VIAS);
    all.find(|row| i64::from(row.0) == code).map(|row| row.1)
}

/// The number of a request for a robots.txt, or for a hop on the way to it.
pub(crate) const ROBOTS: u8 = 1;

/// The number of a request's kind: `fetch.kind`, `frontier.kind`.
pub(crate) fn kind_code(kind: &Kind) -> u8 {
    match kind {
        Kind::Page => 0,
        Kind::Robots { .. } => ROBOTS,
        Kind::Asset => 2,
        Kind::Check => 3,
        Kind::Sitemap => 4,
    }
}

/// See [`kind_code`].
const KINDS: [(i64, &str); 5] = [
    (0, "page"),
    (1, "robots"),
    (2, "asset"),
    (3, "check"),
    (4, "sitemap"),
];

/// The word that views have for the number of a request's kind.
pub(crate) fn kind_word(code: i64) -> Option<&'static str> {
    KINDS.iter().find(|row| row.0 == code).map(|row| row.1)
}

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
const ADDED_IN_3: [&str; 6] = [
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
];

/// The views. `{kind(x)}` and the like stand for expressions that turn a code into its word.
const VIEWS: &str = "
CREATE VIEW resources AS
SELECT u.text AS url, {role:v.role} AS kind, f.status AS status,
       CASE WHEN v.decision = 4 THEN 'robots_disallowed' ELSE {error:f.error} END AS error,
       c.title AS title, v.depth AS depth, coalesce(c.media_type, trim(substr(f.content_type, 1, instr(f.content_type || ';', ';') - 1))) AS content_type, c.bytes AS bytes,
       {time:f.started} AS fetched_at, c.file AS file, nullif(lower(hex(c.digest)), '') AS sha256,
       t.text AS redirect_to, c.description AS description, c.language AS language,
       k.text AS canonical, c.directives AS directives, c.noindex AS noindex, c.charset AS charset,
       f.total_us / 1000 AS elapsed_ms, max(f.truncated, coalesce(c.truncated, 0)) AS truncated,
       f.version IS NOT NULL AS current, f.attempt + 1 AS attempts, w.text AS found_on, {via:v.via_kind} AS found_by,
       r.text AS rule
FROM visit v
JOIN url u ON u.id = v.url
LEFT JOIN fetch f ON f.id = v.last_fetch
LEFT JOIN version c ON c.id = v.good_version
LEFT JOIN url t ON t.id = f.redirect_to
LEFT JOIN url k ON k.id = c.canonical
LEFT JOIN url w ON w.id = v.via
LEFT JOIN rule r ON r.id = coalesce(f.rule, v.rule)
WHERE v.run = (SELECT max(id) FROM run) AND (v.last_fetch IS NOT NULL OR v.decision = 4);

CREATE VIEW pages AS
SELECT url, status, error, title, depth, content_type, bytes, fetched_at, file, sha256, redirect_to, description, language,
       canonical, directives, noindex, charset, elapsed_ms, truncated, current, attempts, found_on, found_by, rule
FROM resources WHERE kind IN ('page', 'known');

CREATE VIEW links AS
SELECT s.text AS from_url, t.text AS to_url, {kind:l.kind} AS kind, l.position AS position,
       l.rel AS rel, l.anchor AS anchor, {decision:d.decision} AS decision, f.status AS to_status, {error:f.error} AS to_error
FROM visit v
JOIN fetch g ON g.id = v.last_fetch
JOIN link l ON l.version = g.version
JOIN url s ON s.id = v.url
JOIN url t ON t.id = l.target
LEFT JOIN visit d ON d.run = v.run AND d.url = l.target
LEFT JOIN fetch f ON f.id = d.last_fetch
WHERE v.run = (SELECT max(id) FROM run);

CREATE VIEW broken_links AS
SELECT from_url, to_url, anchor, kind, to_status AS status, to_error AS error
FROM links WHERE to_status >= 400 OR to_error IS NOT NULL;

CREATE VIEW redirects AS
SELECT u.text AS url, f.status AS status, t.text AS redirect_to, g.status AS target_status,
       {error:f.error} AS error, v.depth AS depth, w.text AS found_on
FROM visit v
JOIN fetch f ON f.id = v.last_fetch
JOIN url u ON u.id = v.url
JOIN url t ON t.id = f.redirect_to
LEFT JOIN visit d ON d.run = v.run AND d.url = f.redirect_to
LEFT JOIN fetch g ON g.id = d.last_fetch
LEFT JOIN url w ON w.id = v.via
WHERE v.run = (SELECT max(id) FROM run);

CREATE VIEW errors AS
SELECT url, coalesce(error, 'http_' || status) AS class, status, error, attempts, depth, found_on, fetched_at, rule, kind
FROM resources WHERE error IS NOT NULL OR status >= 400;

CREATE VIEW duplicates AS
SELECT sha256, copies, url, title, bytes FROM (
  SELECT sha256, count(*) OVER (PARTITION BY sha256) AS copies, url, title, bytes
  FROM pages WHERE sha256 IS NOT NULL AND current
) WHERE copies > 1 ORDER BY copies DESC, sha256, url;

CREATE VIEW requests AS
SELECT f.id AS id, s.run AS run, f.start AS start, u.text AS url, {fetch_kind:f.kind} AS kind, f.attempt + 1 AS attempt,
       {time:f.started} AS started_at, f.head_us / 1000.0 AS head_ms, f.total_us / 1000.0 AS total_ms, f.peer AS peer,
       f.http_version AS http_version, f.status AS status, {error:f.error} AS error, f.detail AS detail,
       f.content_type AS content_type, f.wire_bytes AS wire_bytes, f.truncated AS truncated, f.etag AS etag,
       f.last_modified AS last_modified, t.text AS redirect_to, r.text AS rule, {time:f.retry_at} AS retry_at,
       h.text AS headers, f.conditional AS conditional
FROM fetch f
JOIN start s ON s.id = f.start
JOIN url u ON u.id = f.url
LEFT JOIN url t ON t.id = f.redirect_to
LEFT JOIN rule r ON r.id = f.rule
LEFT JOIN header h ON h.id = f.header;

CREATE VIEW hosts AS
SELECT h.name AS host,
       (SELECT count(*) FROM frontier q WHERE q.host = h.id) AS queued,
       coalesce(n.requests, 0) AS requests, coalesce(n.ok, 0) AS ok, coalesce(n.failed, 0) AS failed,
       n.mean_ms AS mean_ms, coalesce(n.wire_bytes, 0) AS wire_bytes,
       {time:iif(h.hold_until > unixepoch() * 1000000, h.hold_until, NULL)} AS held_until,
       iif(h.hold_until > unixepoch() * 1000000, h.hold_reason, NULL) AS hold_reason, h.set_aside AS set_aside,
       h.gap_us / 1000.0 AS gap_ms
FROM host h
LEFT JOIN (
  SELECT u.host AS host, count(*) AS requests, sum(f.status BETWEEN 200 AND 399 AND f.error IS NULL) AS ok,
         sum(f.status >= 400 OR f.error IS NOT NULL) AS failed, round(avg(f.total_us) / 1000, 1) AS mean_ms,
         sum(f.wire_bytes) AS wire_bytes
  FROM fetch f JOIN start s ON s.id = f.start JOIN url u ON u.id = f.url
  WHERE s.run = (SELECT max(id) FROM run) GROUP BY u.host
) n ON n.host = h.id
WHERE n.requests > 0 OR EXISTS (SELECT 1 FROM frontier q WHERE q.host = h.id);

CREATE VIEW queue AS
SELECT u.text AS url, h.name AS host, iif(q.kind = 4, 'sitemap', {role:v.role}) AS kind, v.depth AS depth, q.attempt AS failed_attempts, {time:q.not_before} AS not_before,
       r.text AS deferred
FROM frontier q
JOIN url u ON u.id = q.url
JOIN host h ON h.id = q.host
LEFT JOIN visit v ON v.run = (SELECT max(id) FROM run) AND v.url = q.url AND q.kind <> 4
LEFT JOIN rule r ON r.id = q.deferred;

CREATE VIEW urls AS
SELECT u.text AS url, {decision:v.decision} AS decision, r.text AS rule, v.depth AS depth, w.text AS found_on,
       {via:v.via_kind} AS found_by, {time:u.first_seen} AS first_seen,
       CASE WHEN v.decision IN (0, 4) OR v.last_fetch IS NOT NULL THEN {role:v.role} END AS kind, v.hops AS hops
FROM visit v
JOIN url u ON u.id = v.url
LEFT JOIN rule r ON r.id = v.rule
LEFT JOIN url w ON w.id = v.via
WHERE v.run = (SELECT max(id) FROM run);

CREATE VIEW rewrites AS
SELECT u.text AS url, w.written AS written, r.text AS rule
FROM rewritten w
JOIN url u ON u.id = w.url
JOIN rule r ON r.id = w.rule;

CREATE VIEW signals AS
WITH said (url, source, signal, path, category, value, withheld, position) AS (
  SELECT o.text, 'robots.txt', s.name, s.path, s.category, s.value, 0, s.position
  FROM origin o JOIN robots_signal s ON s.robots = o.robots
  UNION ALL
  SELECT u.text, s.source, s.name, NULL, s.category, s.value, s.withheld, s.position
  FROM visit v
  JOIN fetch f ON f.id = v.last_fetch
  JOIN signal s ON s.version = {counted:}
  JOIN url u ON u.id = v.url
  WHERE v.run = (SELECT max(id) FROM run)
)
SELECT url, source, signal, path, category, value,
       CASE WHEN signal = 'tdm-reservation' THEN CASE value WHEN '0' THEN 1 WHEN '1' THEN 0 END
            WHEN lower(value) IN ('y', 'yes') THEN 1 WHEN lower(value) IN ('n', 'no') THEN 0 END AS allowed,
       withheld
FROM said;

CREATE VIEW sitemaps AS
SELECT u.text AS url, nullif(s.level, 4294967295) AS level, nullif(s.depth, 4294967295) AS depth, w.text AS found_in, {via:s.via_kind} AS found_by, {decision:s.decision} AS decision,
       r.text AS rule, f.status AS status, CASE WHEN s.decision = 4 THEN 'robots_disallowed' ELSE {error:f.error} END AS error,
       t.text AS redirect_to, {sitemap:s.kind} AS kind, s.entries AS entries, s.refused AS refused, s.truncated AS truncated,
       s.bytes AS bytes, {time:f.started} AS fetched_at
FROM sitemap s
JOIN url u ON u.id = s.url
LEFT JOIN url w ON w.id = s.via
LEFT JOIN rule r ON r.id = s.rule
LEFT JOIN fetch f ON f.id = s.last_fetch
LEFT JOIN url t ON t.id = f.redirect_to
WHERE s.run = (SELECT max(id) FROM run);

CREATE VIEW sitemap_entries AS
SELECT m.text AS sitemap, e.position AS position, u.text AS url, iif(s.kind = 1, 'sitemap', 'page') AS kind, e.lastmod AS lastmod,
       e.changefreq AS changefreq, e.priority AS priority, {decision:coalesce(n.decision, v.decision)} AS decision,
       r.text AS rule, f.status AS status,
       CASE WHEN coalesce(n.decision, v.decision) = 4 THEN 'robots_disallowed' ELSE {error:f.error} END AS error,
       t.text AS redirect_to, c.noindex AS noindex
FROM sitemap_entry e
JOIN sitemap s ON s.run = e.run AND s.url = e.sitemap
JOIN url m ON m.id = e.sitemap
JOIN url u ON u.id = e.url
LEFT JOIN visit v ON v.run = e.run AND v.url = e.url AND s.kind <> 1
LEFT JOIN sitemap n ON n.run = e.run AND n.url = e.url AND s.kind = 1
LEFT JOIN fetch f ON f.id = coalesce(n.last_fetch, v.last_fetch)
LEFT JOIN version c ON c.id = f.version
LEFT JOIN url t ON t.id = f.redirect_to
LEFT JOIN rule r ON r.id = coalesce(n.rule, v.rule)
WHERE e.run = (SELECT max(id) FROM run);

CREATE VIEW traps AS
SELECT h.name AS host, t.text AS template, substr(r.text, 7) AS why, t.pages AS pages, p.urls AS urls,
       {time:coalesce(t.since, (SELECT min(u.first_seen) FROM url u WHERE u.id = p.first))} AS since,
       (SELECT u.text FROM url u WHERE u.id = p.first) AS example
FROM (SELECT v.run AS run, u.host AS host, v.rule AS rule, count(*) AS urls, min(u.id) AS first
      FROM visit v JOIN url u ON u.id = v.url
      WHERE v.run = (SELECT max(id) FROM run) AND v.decision = 6 GROUP BY u.host, v.rule) p
JOIN host h ON h.id = p.host
JOIN rule r ON r.id = p.rule
LEFT JOIN template t ON t.run = p.run AND t.host = p.host AND t.rule = p.rule AND t.kind < 3
ORDER BY p.urls DESC;

CREATE VIEW runs AS
SELECT r.id AS run, s.id AS start, r.state AS state, r.seeds AS seeds, {time:s.begun} AS begun_at, {time:s.ended} AS ended_at,
       coalesce(s.how, CASE WHEN s.heartbeat > (unixepoch() - 60) * 1000000 AND s.id = (SELECT max(id) FROM start) THEN 'running' ELSE 'killed' END) AS how,
       s.pages AS pages, s.requests AS requests, s.bytes AS bytes, s.version AS version, s.pid AS pid, s.config AS config
FROM run r JOIN start s ON s.run = r.id;

CREATE VIEW fields AS
SELECT u.text AS url, d.field_set AS field_set, d.name AS name, d.position AS position, d.value AS value
FROM visit v
JOIN fetch f ON f.id = v.last_fetch
JOIN field d ON d.version = {counted:}
JOIN url u ON u.id = v.url
WHERE v.run = (SELECT max(id) FROM run) AND d.value IS NOT NULL;

CREATE VIEW field_problems AS
SELECT u.text AS url, d.field_set AS field_set, d.name AS name, d.position AS position, d.problem AS problem, d.value AS value
FROM visit v
JOIN fetch f ON f.id = v.last_fetch
JOIN field d ON d.version = {counted:}
JOIN url u ON u.id = v.url
WHERE v.run = (SELECT max(id) FROM run) AND d.problem IS NOT NULL;
";

/// Expands the `{word:expression}` marks of the views.
fn views() -> String {
    let case = |expression: &str, words: &mut dyn Iterator<Item = (i64, &'static str)>| {
        let arms: String = words
            .map(|(code, word)| format!(" WHEN {code} THEN '{word}'"))
            .collect();
        format!("CASE {expression}{arms} END")
    };
    let mut out = String::with_capacity(VIEWS.len() * 2);
    let mut rest = VIEWS;
    while let Some((before, mark)) = rest.split_once('{') {
        let (mark, after) = mark.split_once('}').unwrap_or((mark, ""));
        let (word, x) = mark.split_once(':').unwrap_or((mark, ""));
        let kinds = LinkKind::ALL.iter().map(|row| (i64::from(row.2), row.1));
        out.push_str(before);
        out.push_str(&match word {
            "error" => case(x, &mut FetchError::ALL.iter().map(|row| (i64::from(row.2), row.1))),
            "kind" => case(x, &mut { kinds }),
            "via" => {
                let others = VIAS.iter().map(|row| (i64::from(row.0), row.1));
                case(x, &mut kinds.chain(others))
            }
            "decision" => case(x, &mut Decision::ALL.iter().map(|row| (row.0 as i64, row.1))),
            "role" => case(x, &mut Role::ALL.iter().map(|row| (row.0 as i64, row.1))),
            "sitemap" => {
                let kinds = sitemap::Kind::ALL.iter();
                case(x, &mut kinds.map(|row| (i64::from(row.2), row.1)))
            }
            "counted" => super::fields::COUNTED.to_owned(),
            "fetch_kind" => case(x, &mut KINDS.into_iter()),
            // Whole seconds by integer division: a float would lose the last digits.
            _ => format!(
                "strftime('%Y-%m-%dT%H:%M:%S', {x} / 1000000, 'unixepoch') || printf('.%03dZ', {x} / 1000 % 1000)"
            ),
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

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
    transaction.execute_batch(&views())
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
pub(crate) const TABLE_NAMES: [&str; 24] = [
    "anchor",
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
    "rewritten",
    "robots",
    "robots_signal",
    "rule",
    "run",
    "signal",
    "sitemap",
    "sitemap_entry",
    "start",
    "template",
    "url",
    "version",
    "visit",
];

/// The views in the order in which they are listed, each with what a row of it is.
pub const NAMED_VIEWS: [(&str, &str); 19] = [
    (
        "pages",
        "one row a page that was asked for, or that robots.txt forbids",
    ),
    (
        "resources",
        "the same, with assets and checked URLs, and their kind",
    ),
    (
        "links",
        "every link, with both URLs, its kind, text and what became of its target",
    ),
    (
        "broken_links",
        "links to what failed or answered 400 and above",
    ),
    ("redirects", "URLs that redirect, and where to"),
    (
        "errors",
        "URLs that failed, answered 400 and above, or are forbidden, by class",
    ),
    ("duplicates", "URLs with the same bytes"),
    ("hosts", "hosts: queued, requests, failures, time, holds"),
    ("queue", "URLs still to do, and why they wait"),
    (
        "urls",
        "every URL that was met, and what was decided of it by which rule",
    ),
    ("traps", "URLs without end that were put aside, and why"),
    (
        "requests",
        "every request that was made, retries and robots.txt included",
    ),
    (
        "rewrites",
        "URLs that are asked for in another form than they were written in, and by which rule",
    ),
    (
        "signals",
        "what robots.txt, headers and pages say of the uses of content, training among them",
    ),
    (
        "sitemaps",
        "sitemaps that were met, what was decided of them, and what came",
    ),
    (
        "sitemap_entries",
        "what sitemaps name, and what became of it",
    ),
    ("runs", "every start of the program, and how it ended"),
    ("fields", "values taken by configured selectors, one a row"),
    (
        "field_problems",
        "values that were missing, or not of their kind",
    ),
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
