//! Views of sitemaps: what they name, beside what was found otherwise.

pub(super) const VIEWS: &str = "
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
WHERE s.run = {run:};

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
WHERE e.run = {run:};

CREATE VIEW sitemap_alternates AS
SELECT m.text AS sitemap, a.position AS position, u.text AS url, a.language AS language, t.text AS to_url,
       {decision:v.decision} AS decision, f.status AS to_status,
       CASE WHEN v.decision = 4 THEN 'robots_disallowed' ELSE {error:f.error} END AS to_error
FROM sitemap_alternate a
JOIN sitemap_entry e ON e.run = a.run AND e.sitemap = a.sitemap AND e.position = a.position
JOIN url m ON m.id = a.sitemap
JOIN url u ON u.id = e.url
JOIN url t ON t.id = a.target
LEFT JOIN visit v ON v.run = a.run AND v.url = a.target
LEFT JOIN fetch f ON f.id = v.last_fetch
WHERE a.run = {run:};

CREATE VIEW orphans AS
WITH
named (url, sitemap, position) AS (
  SELECT e.url, min(e.sitemap), e.position FROM sitemap_entry e JOIN sitemap s ON s.run = e.run AND s.url = e.sitemap
  WHERE e.run = {run:} AND s.kind <> 1 GROUP BY e.url {kept:}
),
-- What many pages lead to, some of an eighth of the pages do; of the rest there are fewer links.
often (url) AS (
  SELECT DISTINCT l.target FROM visit v CROSS JOIN fetch g ON g.id = v.last_fetch CROSS JOIN link l ON l.version = g.version
  WHERE v.run = {run:} AND g.version % 8 = 0 AND l.kind IN ({kinds:a area frame iframe refresh}) AND l.target <> v.url {kept:}
),
rest (url) AS (
  SELECT url FROM named EXCEPT SELECT url FROM often
  EXCEPT SELECT f.redirect_to FROM visit v JOIN fetch f ON f.id = v.last_fetch WHERE v.run = {run:} AND f.redirect_to IS NOT NULL {kept:}
),
linked (url) AS (
  SELECT DISTINCT l.target FROM link l
  CROSS JOIN version c ON c.id = l.version AND c.url <> l.target
  CROSS JOIN visit v ON v.run = {run:} AND v.url = c.url
  CROSS JOIN fetch g ON g.id = v.last_fetch AND g.version = c.id
  WHERE l.target IN (SELECT url FROM rest) AND l.kind IN ({kinds:a area frame iframe refresh}) {kept:}
)
SELECT u.text AS url, m.text AS sitemap, e.lastmod AS lastmod, f.status AS status, {error:f.error} AS error, c.title AS title
FROM named n
JOIN sitemap_entry e ON e.run = {run:} AND e.sitemap = n.sitemap AND e.position = n.position
JOIN url u ON u.id = n.url
JOIN url m ON m.id = n.sitemap
LEFT JOIN visit v ON v.run = e.run AND v.url = n.url
LEFT JOIN fetch f ON f.id = v.last_fetch
LEFT JOIN version c ON c.id = f.version
WHERE n.url IN (SELECT url FROM rest EXCEPT SELECT url FROM linked) AND v.via_kind IS NOT 100 AND v.decision IS NOT 1;

CREATE VIEW unlisted AS
WITH
listed (url) AS ({listed:} {kept:}),
told (host) AS (SELECT DISTINCT u.host FROM listed l JOIN url u ON u.id = l.url {kept:})
SELECT u.text AS url, c.title AS title, v.depth AS depth, w.text AS found_on
FROM visit v
JOIN fetch f ON f.id = v.last_fetch
JOIN version c ON c.id = f.version
JOIN url u ON u.id = v.url
LEFT JOIN url w ON w.id = v.via
WHERE v.run = {run:} AND {indexable:} AND v.url NOT IN (SELECT url FROM listed) AND u.host IN (SELECT host FROM told);

CREATE VIEW sitemap_problems AS
SELECT m.text AS sitemap, NULL AS url,
       CASE WHEN s.decision = 4 THEN 'forbidden by robots.txt'
            WHEN f.error IS NOT NULL OR f.status >= 400 THEN 'broken'
            WHEN s.kind = 0 THEN 'no sitemap'
            WHEN s.truncated THEN 'cut'
            WHEN s.refused > 0 THEN 'entries that are no URLs'
            WHEN s.entries = 0 THEN 'empty' END AS problem
FROM sitemap s JOIN url m ON m.id = s.url LEFT JOIN fetch f ON f.id = s.last_fetch
WHERE s.run = {run:} AND problem IS NOT NULL
  AND NOT (s.via_kind = 105 AND ifnull(f.status, 404) >= 400)
UNION ALL
SELECT m.text, u.text,
       CASE WHEN v.decision = 4 THEN 'forbidden by robots.txt'
            WHEN v.decision = 1 THEN 'out of scope'
            WHEN f.error IS NOT NULL OR f.status >= 400 THEN 'broken'
            WHEN f.redirect_to IS NOT NULL THEN 'redirects'
            WHEN c.noindex THEN 'noindex'
            WHEN c.canonical <> c.url THEN 'canonical to another page'
            WHEN e.place > 1 THEN 'named twice' END AS problem
FROM (
  SELECT e.run, e.sitemap, e.url, row_number() OVER (PARTITION BY e.url ORDER BY e.sitemap, e.position) AS place
  FROM sitemap_entry e JOIN sitemap s ON s.run = e.run AND s.url = e.sitemap WHERE e.run = {run:} AND s.kind <> 1
) e
JOIN url m ON m.id = e.sitemap
JOIN url u ON u.id = e.url
LEFT JOIN visit v ON v.run = e.run AND v.url = e.url
LEFT JOIN fetch f ON f.id = v.last_fetch
LEFT JOIN version c ON c.id = f.version
WHERE problem IS NOT NULL;
";
