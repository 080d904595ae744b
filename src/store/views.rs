//! The views: the questions with a name that every database answers. `docs/schema.md` tells their columns,
//! which are the contract.

mod codes;
mod links;
mod marks;
mod sitemaps;
mod texts;
mod totals;

/// The views in the order in which they are listed, each with what a row of it is.
pub const NAMED_VIEWS: [(&str, &str); 37] = [
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
        "links to what failed or answered 400 and above, through redirects as well",
    ),
    ("redirects", "URLs that redirect, and where to"),
    (
        "redirect_chains",
        "URLs that redirect, with the whole route, where it ends, and what is wrong with it",
    ),
    (
        "errors",
        "URLs that failed, answered 400 and above, or are forbidden, by class",
    ),
    (
        "error_classes",
        "classes of errors: how many URLs, and one of them",
    ),
    ("duplicates", "URLs with the same bytes"),
    (
        "near_duplicates",
        "pages whose texts are nearly the same, by clusters: crawl index works them out",
    ),
    (
        "titles",
        "pages whose title is missing, shared, too long or too short",
    ),
    ("descriptions", "the same of their descriptions"),
    (
        "canonicals",
        "pages that name another page as canonical, and what is wrong with that one",
    ),
    ("noindexed", "pages that say noindex or nofollow"),
    (
        "hreflang",
        "what is wrong with the languages that pages, headers and sitemaps name",
    ),
    (
        "mixed_content",
        "parts of https pages that are asked for by http",
    ),
    ("orphans", "URLs that a sitemap names and no page leads to"),
    (
        "unlisted",
        "pages that could be indexed and are in no sitemap",
    ),
    (
        "sitemap_problems",
        "sitemaps, and entries of them, that are not as they should be",
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
        "sitemap_alternates",
        "versions in other languages that sitemaps name for their entries",
    ),
    (
        "ranks",
        "links to each URL, and the PageRank of pages: crawl rank works them out",
    ),
    ("depths", "how many URLs are how far from the seeds"),
    ("content_types", "media types: how many URLs, and how large"),
    ("hosts", "hosts: queued, requests, failures, time, holds"),
    (
        "host_health",
        "hosts: share of failures, usual and worst times",
    ),
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
        "versions",
        "every content that a URL has had, and which run brought it",
    ),
    (
        "rewrites",
        "URLs that are asked for in another form than they were written in, and by which rule",
    ),
    (
        "signals",
        "what robots.txt, headers and pages say of the uses of content, training among them",
    ),
    ("runs", "every start of the program, and how it ended"),
    ("fields", "values taken by configured selectors, one a row"),
    (
        "field_problems",
        "values that were missing, or not of their kind",
    ),
];

/// What there is and what was asked; `marks` says what stands in braces.
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
WHERE v.run = {run:} AND (v.last_fetch IS NOT NULL OR v.decision = 4);

CREATE VIEW pages AS
SELECT url, status, error, title, depth, content_type, bytes, fetched_at, file, sha256, redirect_to, description, language,
       canonical, directives, noindex, charset, elapsed_ms, truncated, current, attempts, found_on, found_by, rule
FROM resources WHERE kind IN ('page', 'known');

CREATE VIEW links AS
SELECT s.text AS from_url, t.text AS to_url, {kind:l.kind} AS kind, l.position AS position,
       l.rel AS rel, {anchor:l} AS anchor, {decision:d.decision} AS decision, f.status AS to_status, {error:f.error} AS to_error,
       iif(l.kind IN ({kinds:alternate}), l.anchor, NULL) AS hreflang
FROM visit v
JOIN fetch g ON g.id = v.last_fetch
JOIN link l ON l.version = g.version
JOIN url s ON s.id = v.url
JOIN url t ON t.id = l.target
LEFT JOIN visit d ON d.run = v.run AND d.url = l.target
LEFT JOIN fetch f ON f.id = d.last_fetch
WHERE v.run = {run:};

CREATE VIEW errors AS
SELECT url, coalesce(error, 'http_' || status) AS class, status, error, attempts, depth, found_on, fetched_at, rule, kind
FROM resources WHERE error IS NOT NULL OR status >= 400;

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

CREATE VIEW queue AS
SELECT u.text AS url, h.name AS host, iif(q.kind = 4, 'sitemap', {role:v.role}) AS kind, v.depth AS depth, q.attempt AS failed_attempts, {time:q.not_before} AS not_before,
       r.text AS deferred
FROM frontier q
JOIN url u ON u.id = q.url
JOIN host h ON h.id = q.host
LEFT JOIN visit v ON v.run = {run:} AND v.url = q.url AND q.kind <> 4
LEFT JOIN rule r ON r.id = q.deferred;

CREATE VIEW urls AS
SELECT u.text AS url, {decision:v.decision} AS decision, r.text AS rule, v.depth AS depth, w.text AS found_on,
       {via:v.via_kind} AS found_by, {time:u.first_seen} AS first_seen,
       CASE WHEN v.decision IN (0, 4) OR v.last_fetch IS NOT NULL THEN {role:v.role} END AS kind, v.hops AS hops
FROM visit v
JOIN url u ON u.id = v.url
LEFT JOIN rule r ON r.id = v.rule
LEFT JOIN url w ON w.id = v.via
WHERE v.run = {run:};

CREATE VIEW versions AS
WITH came (version, fetch) AS (
  SELECT version, min(id) FROM fetch WHERE version IS NOT NULL GROUP BY version {kept:}
)
SELECT u.text AS url, s.run AS run, {time:f.started} AS fetched_at, f.status AS status, c.title AS title,
       c.media_type AS content_type, c.bytes AS bytes, c.file AS file, nullif(lower(hex(c.digest)), '') AS sha256,
       ifnull(c.id = (SELECT v.good_version FROM run r JOIN visit v ON v.run = r.id AND v.url = c.url
         WHERE v.good_version IS NOT NULL ORDER BY r.id DESC LIMIT 1), 0) AS current
FROM version c
JOIN url u ON u.id = c.url
LEFT JOIN came a ON a.version = c.id
LEFT JOIN fetch f ON f.id = a.fetch
LEFT JOIN start s ON s.id = f.start
ORDER BY c.id;

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
  WHERE v.run = {run:}
)
SELECT url, source, signal, path, category, value,
       CASE WHEN signal = 'tdm-reservation' THEN CASE value WHEN '0' THEN 1 WHEN '1' THEN 0 END
            WHEN lower(value) IN ('y', 'yes') THEN 1 WHEN lower(value) IN ('n', 'no') THEN 0 END AS allowed,
       withheld
FROM said;

CREATE VIEW traps AS
SELECT h.name AS host, t.text AS template, substr(r.text, 7) AS why, t.pages AS pages, p.urls AS urls,
       {time:coalesce(t.since, (SELECT min(u.first_seen) FROM url u WHERE u.id = p.first))} AS since,
       (SELECT u.text FROM url u WHERE u.id = p.first) AS example
FROM (SELECT v.run AS run, u.host AS host, v.rule AS rule, count(*) AS urls, min(u.id) AS first
      FROM visit v JOIN url u ON u.id = v.url
      WHERE v.run = {run:} AND v.decision = 6 GROUP BY u.host, v.rule) p
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
WHERE k.run = {run:}
ORDER BY k.pagerank DESC, k.inlinks DESC;

CREATE VIEW near_duplicates AS
SELECT cluster, pages, url, title, words, distance, copies FROM (
  SELECT s.cluster AS cluster, count(*) OVER (PARTITION BY s.cluster) AS pages, u.text AS url, c.title AS title,
         n.words AS words, s.distance AS distance, s.copies AS copies, u.id AS number
  FROM resemblance s
  JOIN version c ON c.id = s.version
  JOIN url u ON u.id = c.url
  JOIN reading n ON n.version = s.version
  JOIN visit v ON v.run = {run:} AND v.url = c.url
  JOIN fetch f ON f.id = v.last_fetch
  WHERE f.redirect_to IS NULL AND s.version = {counted:}
) WHERE pages > 1 ORDER BY cluster, distance, number;

CREATE VIEW runs AS
SELECT r.id AS run, s.id AS start, r.state AS state, r.seeds AS seeds, {time:s.begun} AS begun_at, {time:s.ended} AS ended_at,
       coalesce(s.how, CASE WHEN s.heartbeat > (unixepoch() - 60) * 1000000 AND s.id = (SELECT max(id) FROM start) THEN 'running' ELSE 'killed' END) AS how,
       s.pages AS pages, s.requests AS requests, s.bytes AS bytes, s.version AS version, s.pid AS pid, s.config AS config,
       iif(r.budget IS NULL, 'crawl', 'refresh') AS kind, r.budget AS budget, {time:r.pruned} AS pruned_at
FROM run r JOIN start s ON s.run = r.id;

CREATE VIEW fields AS
SELECT u.text AS url, d.field_set AS field_set, d.name AS name, d.position AS position, d.value AS value
FROM visit v
JOIN fetch f ON f.id = v.last_fetch
JOIN field d ON d.version = {counted:}
JOIN url u ON u.id = v.url
WHERE v.run = {run:} AND d.value IS NOT NULL;

CREATE VIEW field_problems AS
SELECT u.text AS url, d.field_set AS field_set, d.name AS name, d.position AS position, d.problem AS problem, d.value AS value
FROM visit v
JOIN fetch f ON f.id = v.last_fetch
JOIN field d ON d.version = {counted:}
JOIN url u ON u.id = v.url
WHERE v.run = {run:} AND d.problem IS NOT NULL;
";

/// The text by which views show a moment.
pub(super) fn moment(expression: &str) -> String {
    marks::expand(&format!("{{time:{expression}}}"))
}

/// The statements that make all views. They are made in this order; each may speak of those before it.
pub(super) fn sql() -> String {
    let topics = [
        VIEWS,
        links::VIEWS,
        texts::VIEWS,
        sitemaps::VIEWS,
        totals::VIEWS,
    ];
    topics.into_iter().map(marks::expand).collect()
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use tokio_rusqlite::rusqlite;

    use super::*;
    use crate::store::schema;

    const DOCS: &str = include_str!("../../docs/schema.md");

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("made");
        connection
    }

    /// What the documentation says of a view.
    fn section(view: &str) -> &'static str {
        let (_, rest) = DOCS
            .split_once(&format!("\n### {view}\n"))
            .unwrap_or_else(|| panic!("{view} is not documented"));
        let end = rest.find("\n##").expect("another section");
        &rest[..end]
    }

    #[test]
    fn every_column_is_documented() {
        let connection = database();
        for (view, _) in NAMED_VIEWS {
            let told = match view {
                "resources" => [section("pages"), section(view)].concat(),
                _ => section(view).to_owned(),
            };
            let rows = told.lines().filter_map(|line| line.strip_prefix("| "));
            let told: Vec<&str> = rows
                .filter_map(|row| row.split(" | ").next())
                .flat_map(|names| names.split(", "))
                .skip_while(|name| *name != "column")
                .filter(|name| *name != "column")
                .collect();
            let statement = connection
                .prepare(&format!("SELECT * FROM {view}"))
                .expect(view);
            let mut there = statement.column_names();
            let mut told: Vec<&str> = told;
            there.sort_unstable();
            told.sort_unstable();
            assert_eq!(there, told, "{view}");
        }
    }

    #[test]
    fn documented_questions_are_sql() {
        let connection = database();
        let blocks = DOCS.split("```sql\n").skip(1);
        let blocks = blocks.map(|block| block.split("```").next().expect("its end"));
        let statements: Vec<&str> = blocks
            .flat_map(|block| block.split_inclusive(';'))
            .collect();
        let mut asked = 0;
        for sql in statements {
            if sql.lines().all(|line| {
                line.trim().is_empty()
                    || line.starts_with("--")
                    || line.trim_start().starts_with("-- ")
            }) {
                continue;
            }
            connection.prepare(sql).expect(sql);
            asked += 1;
        }
        assert!(asked > 15, "{asked}");
    }

    /// Words that an SQLite of some years ago does not know: one of them in a view, and it can read nothing of the
    /// database at all.
    #[test]
    fn older_programs_can_read_the_schema() {
        for word in ["MATERIALIZED", "FILTER", "RETURNING", "IS DISTINCT", "->"] {
            assert!(!sql().contains(word), "{word}");
        }
    }

    /// Millions of links are gone through once, beside a table of the few that are looked for.
    #[test]
    fn links_are_gone_through_once() {
        let connection = database();
        for (view, sought) in [
            (
                "broken_links",
                "SEARCH b USING AUTOMATIC COVERING INDEX (url=?)",
            ),
            ("redirect_chains", "SCAN l"),
            ("noindexed", "SCAN l"),
            ("hreflang", "SCAN l"),
        ] {
            let mut plan = connection
                .prepare(&format!("EXPLAIN QUERY PLAN SELECT * FROM {view}"))
                .expect("SQL");
            let steps = plan.query_map([], |row| row.get::<_, String>(3));
            let steps: Vec<String> = steps.expect("a plan").map(Result::unwrap).collect();
            assert!(
                steps.iter().any(|step| step == sought),
                "{view}: {steps:#?}"
            );
            assert_eq!(
                steps.iter().filter(|step| *step == "SCAN l").count(),
                1,
                "{view}"
            );
            assert!(
                !steps
                    .iter()
                    .any(|step| step.starts_with("CORRELATED") && view != "redirect_chains"),
                "{view}: {steps:#?}"
            );
        }
    }

    #[test]
    fn kinds_of_links_are_numbers() {
        let sql = sql();
        assert!(!sql.contains("IN ()"), "a kind of links that there is not");
        for line in sql.lines() {
            assert!(!line.contains(['{', '}']), "{line}");
        }
        assert_eq!(
            marks::expand("{kinds:a area frame iframe refresh}"),
            "1, 2, 3, 4, 5"
        );
    }
}
