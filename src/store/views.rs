//! The views: the questions with a name that every database answers. `docs/schema.md` tells their columns,
//! which are the contract.

use super::words::{Decision, KINDS, Role, VIAS};
use crate::fetched::FetchError;
use crate::record::LinkKind;
use crate::sitemap;

/// The views in the order in which they are listed, each with what a row of it is.
pub const NAMED_VIEWS: [(&str, &str); 20] = [
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
    (
        "ranks",
        "links to each URL, and the PageRank of pages: crawl rank works them out",
    ),
    ("runs", "every start of the program, and how it ended"),
    ("fields", "values taken by configured selectors, one a row"),
    (
        "field_problems",
        "values that were missing, or not of their kind",
    ),
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

CREATE VIEW ranks AS
SELECT u.text AS url, k.pagerank AS pagerank, k.inlinks AS inlinks, k.pages AS linking_pages, k.outlinks AS outlinks,
       c.title AS title
FROM rank k
JOIN url u ON u.id = k.url
LEFT JOIN visit v ON v.run = k.run AND v.url = k.url
LEFT JOIN version c ON c.id = v.good_version
WHERE k.run = (SELECT max(id) FROM run)
ORDER BY k.pagerank DESC, k.inlinks DESC;

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
pub(super) fn sql() -> String {
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
