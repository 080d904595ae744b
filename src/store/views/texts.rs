//! Views of what pages say: to readers in titles and descriptions, to search engines in canonical links, robots
//! directives and languages.
//!
//! A page *can be indexed* that is there, is HTML, does not say noindex, and names no other page as canonical.

pub(super) const VIEWS: &str = "
CREATE VIEW duplicates AS
SELECT sha256, copies, url, title, bytes FROM (
  SELECT sha256, count(*) OVER (PARTITION BY sha256) AS copies, url, title, bytes
  FROM pages WHERE sha256 IS NOT NULL AND current
) WHERE copies > 1 ORDER BY copies DESC, sha256, url;

CREATE VIEW titles AS
{lengths:title 30 60};

CREATE VIEW descriptions AS
{lengths:description 70 160};

CREATE VIEW canonicals AS
WITH several (version) AS (
  SELECT version FROM link WHERE kind IN ({kinds:canonical}) GROUP BY version HAVING count(DISTINCT target) > 1 {kept:}
)
SELECT u.text AS url, k.text AS canonical,
       CASE WHEN f.version IN (SELECT version FROM several) THEN 'several'
            WHEN g.id IS NULL THEN 'not crawled'
            WHEN g.error IS NOT NULL OR g.status >= 400 THEN 'broken'
            WHEN g.redirect_to IS NOT NULL THEN 'redirects'
            WHEN e.noindex THEN 'noindex'
            WHEN e.canonical <> e.url THEN 'chain'
            ELSE 'to another page' END AS problem,
       g.status AS canonical_status, n.text AS leads_to
FROM visit v
JOIN fetch f ON f.id = v.last_fetch
JOIN version c ON c.id = f.version
JOIN url u ON u.id = v.url
JOIN url k ON k.id = c.canonical
LEFT JOIN visit d ON d.run = v.run AND d.url = c.canonical
LEFT JOIN fetch g ON g.id = d.last_fetch
LEFT JOIN version e ON e.id = g.version
LEFT JOIN url n ON n.id = ifnull(g.redirect_to, nullif(e.canonical, e.url))
WHERE v.run = {run:} AND (c.canonical <> v.url OR f.version IN (SELECT version FROM several));

CREATE VIEW noindexed AS
WITH page (url, version) AS (
  SELECT v.url, c.id FROM visit v JOIN fetch f ON f.id = v.last_fetch JOIN version c ON c.id = f.version
  WHERE v.run = {run:} AND (c.noindex OR c.nofollow) {kept:}
),
listed (url) AS ({listed:} {kept:}),
linked (url, pages) AS ({linking:SELECT url FROM page} {kept:})
SELECT u.text AS url, c.noindex AS noindex, c.nofollow AS nofollow, c.directives AS directives,
       p.url IN (SELECT url FROM listed) AS in_sitemap, ifnull(n.pages, 0) AS links
FROM page p
JOIN url u ON u.id = p.url
JOIN version c ON c.id = p.version
LEFT JOIN linked n ON n.url = p.url;

CREATE VIEW hreflang AS
WITH
-- place: -1 the page, 0 its headers, or the sitemap
said (url, written, language, target, place) AS (
  SELECT v.url, l.anchor, lower(l.anchor), l.target, (l.position < c.header_links) - 1
  FROM link l
  CROSS JOIN version c ON c.id = l.version
  CROSS JOIN visit v ON v.run = {run:} AND v.url = c.url
  CROSS JOIN fetch g ON g.id = v.last_fetch AND g.version = c.id
  WHERE l.kind IN ({kinds:alternate}) AND l.anchor IS NOT NULL
  UNION
  SELECT e.url, a.language, lower(a.language), a.target, a.sitemap
  FROM sitemap_alternate a
  CROSS JOIN sitemap_entry e ON e.run = a.run AND e.sitemap = a.sitemap AND e.position = a.position
  WHERE a.run = {run:} {kept:}
),
-- language[-Script][-REGION]
tag (code, language, rest) AS (
  SELECT DISTINCT language, substr(language, 1, instr(language || '-', '-') - 1), substr(language, instr(language || '-', '-'))
  FROM said
),
part (code, language, script, region) AS (
  SELECT code, language, iif(rest || '-' GLOB '-[a-z][a-z][a-z][a-z]-*', substr(rest, 2, 4), NULL),
         iif(rest || '-' GLOB '-[a-z][a-z][a-z][a-z]-*', substr(rest, 6), rest)
  FROM tag
),
known (code) AS (
  SELECT 'x-default' UNION ALL
  SELECT code FROM part
  WHERE (language GLOB '[a-z][a-z]' OR language GLOB '[a-z][a-z][a-z]') AND instr(' {languages:} ', ' ' || language || ' ')
    AND (script IS NULL OR instr(' {scripts:} ', ' ' || script || ' '))
    AND (region = '' OR region GLOB '-[a-z][a-z]' AND instr(' {regions:} ', ' ' || substr(region, 2) || ' ')
         OR region GLOB '-[0-9][0-9][0-9]')
),
twice (url, language) AS (
  SELECT url, language FROM said GROUP BY url, language HAVING count(DISTINCT target) > 1 {kept:}
),
judged (url, written, target, place, status, problem) AS (
  SELECT a.url, a.written, a.target, a.place, f.status,
         CASE WHEN a.language NOT IN (SELECT code FROM known) THEN 'unknown code'
              WHEN (a.url, a.language) IN (SELECT url, language FROM twice) THEN 'two for one language'
              WHEN f.id IS NULL THEN 'not crawled'
              WHEN f.version IS NULL OR c.noindex OR c.canonical <> c.url THEN 'target not ok'
              WHEN (a.target, a.url) NOT IN (SELECT url, target FROM said) THEN 'no return link' END
  FROM said a
  LEFT JOIN visit d ON d.run = {run:} AND d.url = a.target
  LEFT JOIN fetch f ON f.id = d.last_fetch
  LEFT JOIN version c ON c.id = f.version
  UNION ALL
  SELECT url, NULL, NULL, min(place), NULL, 'no self reference' FROM said GROUP BY url HAVING sum(target = url) = 0
)
SELECT s.text AS from_url, j.written AS language, t.text AS to_url, j.problem AS problem, j.status AS to_status,
       CASE j.place WHEN -1 THEN 'page' WHEN 0 THEN 'header' ELSE 'sitemap' END AS source, m.text AS sitemap
FROM judged j
JOIN url s ON s.id = j.url
LEFT JOIN url t ON t.id = j.target
LEFT JOIN url m ON m.id = j.place
WHERE j.problem IS NOT NULL;
";
