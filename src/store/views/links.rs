//! Views of what links lead to: errors, redirects, what is not as safe as the page.
//!
//! Links have no index by their target, which each page would pay for. So what is looked for is gathered first, the
//! few URLs that fail, redirect, …, and all links are gone through once beside it; only then is it asked whether a
//! link's page is still as it was read. `CROSS JOIN` keeps SQLite to that order.

pub(super) const VIEWS: &str = "
CREATE VIEW broken_links AS
WITH RECURSIVE
bad (url, status, error, next) AS (
  SELECT v.url, f.status, f.error, f.redirect_to FROM visit v JOIN fetch f ON f.id = v.last_fetch
  WHERE v.run = {run:} AND (f.error IS NOT NULL OR f.status >= 400 OR f.redirect_to IS NOT NULL) {kept:}
),
way (url, first, hops, at, status, error, next) AS (
  SELECT url, status, 0, url, status, error, next FROM bad
  UNION ALL
  SELECT w.url, w.first, w.hops + 1, b.url, b.status, b.error, b.next FROM way w JOIN bad b ON b.url = w.next
  WHERE w.error IS NULL AND w.hops < 20
),
broken (url, first, hops, at, status, error) AS (
  SELECT url, first, hops, at, status, iif(hops = 20, ifnull(error, {loop:}), error) FROM way
  WHERE error IS NOT NULL OR status >= 400 OR hops = 20 {kept:}
)
SELECT s.text AS from_url, t.text AS to_url, {anchor:l} AS anchor, {kind:l.kind} AS kind, b.first AS status,
       iif(b.hops = 0, {error:b.error}, NULL) AS error, e.text AS final_url, b.status AS final_status,
       {error:b.error} AS final_error, b.hops AS hops, {time:t.first_seen} AS first_seen
FROM link l
CROSS JOIN broken b ON b.url = l.target
CROSS JOIN version c ON c.id = l.version
CROSS JOIN visit v ON v.run = {run:} AND v.url = c.url
CROSS JOIN fetch g ON g.id = v.last_fetch AND g.version = c.id
CROSS JOIN url s ON s.id = c.url
CROSS JOIN url t ON t.id = l.target
CROSS JOIN url e ON e.id = b.at;

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
WHERE v.run = {run:};

CREATE VIEW redirect_chains AS
WITH RECURSIVE
hop (url, next) AS (
  SELECT v.url, f.redirect_to FROM visit v JOIN fetch f ON f.id = v.last_fetch
  WHERE v.run = {run:} AND f.redirect_to IS NOT NULL {kept:}
),
way (url, hops, at, met, circle) AS (
  SELECT url, 1, next, url || ',' || next, url = next FROM hop
  UNION ALL
  SELECT w.url, w.hops + 1, h.next, w.met || ',' || h.next, instr(',' || w.met || ',', ',' || h.next || ',') > 0
  FROM way w JOIN hop h ON h.url = w.at
  WHERE NOT w.circle AND w.hops < 20
),
chain (url, hops, at, met, circle) AS (
  SELECT url, max(hops), at, met, circle FROM way GROUP BY url {kept:}
),
linked (url, pages) AS ({linking:SELECT url FROM chain} {kept:})
SELECT u.text AS url, h.hops AS hops,
       (SELECT json_group_array(text) FROM (
          SELECT p.text FROM json_each('[' || h.met || ']') e JOIN url p ON p.id = e.value ORDER BY e.key)) AS route,
       t.text AS final_url, f.status AS final_status,
       {error:f.error} AS final_error,
       CASE WHEN h.circle THEN 'loop'
            WHEN h.hops = 20 AND f.redirect_to IS NOT NULL THEN 'too many hops'
            WHEN f.error IS NOT NULL OR f.status >= 400 THEN 'ends in an error'
            WHEN f.id IS NOT NULL THEN NULL
            WHEN d.decision = 1 THEN 'leaves the scope'
            WHEN d.decision = 4 THEN 'forbidden by robots.txt'
            WHEN d.decision = 2 AND r.text GLOB 'max-redirects *' THEN 'too many hops'
            ELSE 'not asked' END AS problem,
       ifnull(n.pages, 0) AS links
FROM chain h
JOIN url u ON u.id = h.url
JOIN url t ON t.id = h.at
LEFT JOIN visit d ON d.run = {run:} AND d.url = h.at
LEFT JOIN fetch f ON f.id = d.last_fetch
LEFT JOIN rule r ON r.id = d.rule
LEFT JOIN linked n ON n.url = h.url
ORDER BY h.hops DESC, u.text;

CREATE VIEW mixed_content AS
WITH insecure (url) AS (SELECT id FROM url WHERE text >= 'http:' AND text < 'http;' {kept:})
SELECT s.text AS from_url, t.text AS to_url, {kind:l.kind} AS kind
FROM visit v
CROSS JOIN url s ON s.id = v.url AND s.text >= 'https:' AND s.text < 'https;'
CROSS JOIN fetch g ON g.id = v.last_fetch
CROSS JOIN link l ON l.version = g.version
CROSS JOIN url t ON t.id = l.target
WHERE v.run = {run:} AND l.kind IN ({kinds:frame iframe img script stylesheet css media icon form}) AND l.target IN (SELECT url FROM insecure);
";
