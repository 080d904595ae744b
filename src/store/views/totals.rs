//! Views that count: by depth, by type, by what went wrong, by host.

pub(super) const VIEWS: &str = "
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
  WHERE s.run = {run:} GROUP BY u.host
) n ON n.host = h.id
WHERE n.requests > 0 OR EXISTS (SELECT 1 FROM frontier q WHERE q.host = h.id);

CREATE VIEW host_health AS
WITH asked (host, ms, failed, refused, silent, rank, number) AS (
  SELECT u.host, f.total_us / 1000.0, f.error IS NOT NULL OR f.status >= 400, f.status IN (429, 503),
         f.status IS NULL, row_number() OVER (PARTITION BY u.host ORDER BY f.total_us), count(*) OVER (PARTITION BY u.host)
  FROM fetch f JOIN start s ON s.id = f.start JOIN url u ON u.id = f.url WHERE s.run = {run:} {kept:}
)
SELECT h.name AS host, count(*) AS requests, sum(a.failed) AS failed, round(100.0 * sum(a.failed) / count(*), 1) AS failed_percent,
       sum(a.refused) AS refused, sum(a.silent) AS unanswered,
       max(iif(a.rank = (a.number + 1) / 2, a.ms, NULL)) AS p50_ms, max(iif(a.rank = (19 * a.number + 19) / 20, a.ms, NULL)) AS p95_ms,
       max(a.ms) AS max_ms, h.gap_us / 1000.0 AS gap_ms, h.hold_reason AS last_hold, h.set_aside AS set_aside
FROM asked a JOIN host h ON h.id = a.host
GROUP BY a.host ORDER BY sum(a.failed) DESC, count(*) DESC;

CREATE VIEW depths AS
SELECT v.depth AS depth, count(*) AS urls, count(CASE WHEN f.error IS NULL AND f.status < 400 AND f.redirect_to IS NULL THEN 1 END) AS ok,
       count(CASE WHEN f.error IS NULL AND f.redirect_to IS NOT NULL THEN 1 END) AS redirects,
       count(CASE WHEN f.error IS NOT NULL OR f.status >= 400 THEN 1 END) AS failed, count(CASE WHEN f.id IS NULL THEN 1 END) AS forbidden, ifnull(sum(c.bytes), 0) AS bytes
FROM visit v
LEFT JOIN fetch f ON f.id = v.last_fetch
LEFT JOIN version c ON c.id = f.version
WHERE v.run = {run:} AND v.role IN (0, 2) AND (v.last_fetch IS NOT NULL OR v.decision = 4)
GROUP BY v.depth;

CREATE VIEW error_classes AS
SELECT n.class AS class, n.urls AS urls, u.text AS example, w.text AS found_on, n.requests AS requests
FROM (
  SELECT CASE WHEN v.decision = 4 THEN 'robots_disallowed' ELSE ifnull({error:f.error}, 'http_' || f.status) END AS class,
         count(*) AS urls, min(v.url) AS url, v.via AS via, sum(f.attempt + 1) AS requests
  FROM visit v LEFT JOIN fetch f ON f.id = v.last_fetch
  WHERE v.run = {run:} AND (v.decision = 4 OR f.error IS NOT NULL OR f.status >= 400) GROUP BY 1
) n
JOIN url u ON u.id = n.url
LEFT JOIN url w ON w.id = n.via
ORDER BY n.urls DESC;

CREATE VIEW content_types AS
SELECT ifnull(c.media_type, 'unknown') AS content_type, count(*) AS urls, sum(c.bytes) AS bytes, sum(c.bytes) / count(*) AS mean_bytes,
       max(c.bytes) AS max_bytes
FROM visit v JOIN fetch f ON f.id = v.last_fetch JOIN version c ON c.id = f.version
WHERE v.run = {run:} GROUP BY c.media_type ORDER BY sum(c.bytes) DESC;
";
