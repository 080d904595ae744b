//! Reports that `crawl query NAME` answers besides the views: they need parameters, or functions that plain SQLite
//! does not have. `crawl query --sql NAME` prints the SQL of each.

use super::query::Param;

/// A question with a name.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// Its name; on the command line `-` and `_` are one.
    pub name: &'static str,
    /// What a row of it is.
    pub what: &'static str,
    /// The question.
    pub sql: &'static str,
    /// Its parameters, each with the value that it has where none is given.
    pub params: &'static [(&'static str, &'static str)],
}

/// All of them, in the order in which they are listed.
pub const REPORTS: [Report; 4] = [
    Report {
        name: "external_domains",
        what: "domains that pages of another one link to: links, pages, hosts, what is broken",
        sql: EXTERNAL_DOMAINS,
        params: &[],
    },
    Report {
        name: "sections",
        what: "the site by the first part of the path: pages, errors, bytes, mean time",
        sql: SECTIONS,
        params: &[],
    },
    Report {
        name: "slow_pages",
        what: "pages that took so many milliseconds or longer, slowest first",
        sql: SLOW_PAGES,
        params: &[("ms", "1000")],
    },
    Report {
        name: "large_pages",
        what: "pages of so many bytes or more, largest first",
        sql: LARGE_PAGES,
        params: &[("bytes", "1000000")],
    },
];

const SLOW_PAGES: &str = "\
SELECT url, elapsed_ms, status, bytes, attempts, found_on
FROM pages WHERE elapsed_ms >= :ms
ORDER BY elapsed_ms DESC, url";

const LARGE_PAGES: &str = "\
SELECT url, bytes, content_type, elapsed_ms, truncated, found_on
FROM pages WHERE bytes >= :bytes
ORDER BY bytes DESC, url";

const SECTIONS: &str = "\
SELECT host(url) AS host, '/' || coalesce(segment(url, 1), '') AS section, count(*) AS pages,
       count(*) FILTER (WHERE status BETWEEN 300 AND 399 AND redirect_to IS NOT NULL) AS redirects,
       count(*) FILTER (WHERE error IS NOT NULL OR status >= 400) AS errors,
       sum(bytes) AS bytes, round(avg(elapsed_ms)) AS mean_ms
FROM pages GROUP BY 1, 2
ORDER BY pages DESC, host, section";

/// Over the tables: the view `links` would make a text of each end of each link, and take ten times as long.
const EXTERNAL_DOMAINS: &str = "\
WITH away AS MATERIALIZED (
  SELECT v.url AS page, s.host AS home, l.target AS target, t.host AS host
  FROM visit v
  JOIN fetch f ON f.id = v.last_fetch
  JOIN link l ON l.version = f.version
  JOIN url s ON s.id = v.url
  JOIN url t ON t.id = l.target
  WHERE v.run = (SELECT max(id) FROM run) AND t.host <> s.host
),
named AS MATERIALIZED (SELECT id, coalesce(domain(name), name) AS domain FROM host),
leads AS MATERIALIZED (
  SELECT n.domain AS domain, a.page AS page, a.host AS host, a.target AS target
  FROM away a JOIN named n ON n.id = a.host JOIN named h ON h.id = a.home
  WHERE n.domain <> h.domain
),
known AS (
  SELECT u.domain AS domain, count(f.id) AS checked, sum(f.status >= 400 OR f.error IS NOT NULL) AS broken
  FROM (SELECT DISTINCT domain, target FROM leads) u
  JOIN visit v ON v.run = (SELECT max(id) FROM run) AND v.url = u.target
  JOIN fetch f ON f.id = v.last_fetch GROUP BY u.domain
)
SELECT l.domain AS domain, count(*) AS links, count(DISTINCT l.page) AS pages, count(DISTINCT l.host) AS hosts,
       count(DISTINCT l.target) AS urls, coalesce(k.checked, 0) AS checked, coalesce(k.broken, 0) AS broken
FROM leads l LEFT JOIN known k ON k.domain = l.domain
GROUP BY l.domain
ORDER BY links DESC, domain";

/// Why a view has no rows, where something else has to be done first.
const EMPTY: [(&str, &str); 4] = [
    ("ranks", "crawl rank works them out"),
    ("near_duplicates", "crawl index works them out"),
    ("fields", "no [[field]] of the settings has found anything"),
    (
        "sitemaps",
        "none was met; --sitemaps guess looks for /sitemap.xml",
    ),
];

/// The report of a name, in which `_` stands for `-`.
pub(super) fn find(name: &str) -> Option<&'static Report> {
    REPORTS.iter().find(|report| report.name == name)
}

/// See [`EMPTY`].
pub(super) fn why_empty(view: &str) -> Option<&'static str> {
    let found = EMPTY.iter().find(|(name, _)| *name == view);
    found.map(|(_, why)| *why)
}

impl Report {
    /// The values that were given, and the usual ones of the other parameters.
    pub(super) fn with_defaults(&self, given: &[Param]) -> Vec<Param> {
        let usual = self.params.iter();
        let usual = usual.filter(|(name, _)| given.iter().all(|param| param.name() != *name));
        let usual = usual.map(|(name, value)| Param::new(name, value));
        given.iter().cloned().chain(usual).collect()
    }

    /// What a row of it is, and its parameters with their usual values.
    #[must_use]
    pub fn described(&self) -> String {
        let params = self.params.iter();
        let params: String = params
            .map(|(name, value)| format!(" [-p {name}={value}]"))
            .collect();
        format!("{}{params}", self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::views::NAMED_VIEWS;

    #[test]
    fn no_report_has_the_name_of_a_view() {
        for report in &REPORTS {
            assert!(NAMED_VIEWS.iter().all(|(view, _)| *view != report.name));
            for (name, value) in report.params {
                assert!(report.sql.contains(&format!(":{name}")), "{name} = {value}");
            }
        }
    }
}
