//! What is looked for: each check counts something that is to be mended or known. They make the findings on top of a
//! report, and `--fail-on` holds them to a number.

use serde::Serialize;

use super::figures::{Listing, Outcome, Report};
use super::words;
use crate::config::{ConfigError, nearest};
use crate::error::Result;
use crate::fetched::FetchError;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Visitors meet it.
    Error,
    /// It costs time, or visitors.
    Warning,
    /// It may be meant.
    Notice,
}

impl Severity {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// Something that was found.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The name of its check.
    pub check: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// So many.
    pub count: u64,
    /// What, with the number.
    pub what: String,
    /// Why it matters, and what to do.
    pub why: &'static str,
    /// What lists all of it.
    pub query: String,
    /// The table that shows the first of it.
    pub table: Option<&'static str>,
}

/// Where a check's number stands.
enum Source {
    /// Rows of a table.
    Rows(&'static str),
    /// What is counted in a table besides its rows.
    Weight(&'static str),
    /// Rows of a table with one kind of problem.
    Part(&'static str, &'static str),
    /// A figure.
    Figure(fn(&Report) -> u64),
}

/// A check.
pub(super) struct Check {
    name: &'static str,
    severity: Severity,
    one: &'static str,
    many: &'static str,
    why: &'static str,
    query: &'static str,
    source: Source,
}

const fn check(
    name: &'static str,
    severity: Severity,
    words: (&'static str, &'static str),
    source: Source,
    query: &'static str,
    why: &'static str,
) -> Check {
    Check {
        name,
        severity,
        one: words.0,
        many: words.1,
        why,
        query,
        source,
    }
}

use Severity::{Error, Notice, Warning};

/// All checks; within a severity, the more urgent ones first.
pub(super) const CHECKS: &[Check] = &[
    check(
        "no-pages",
        Error,
        (
            "crawl that has read no page",
            "crawls that have read no page",
        ),
        Source::Figure(|report| u64::from(report.outcomes.ok == 0)),
        "errors",
        "Nothing can be said of a site of which nothing was read: crawl status and crawl why URL say what happened.",
    ),
    check(
        "server-errors",
        Error,
        (
            "URL fails on the server's side",
            "URLs fail on the server's side",
        ),
        Source::Figure(server_errors),
        "\"SELECT * FROM errors WHERE status >= 500 OR (error IS NOT NULL AND error NOT IN ('robots_disallowed', 'redirect_loop', 'private_address'))\"",
        "The server answers with an error, or not at all: visitors meet the same. Begin with the class that has most URLs.",
    ),
    check(
        "broken-links",
        Error,
        ("link is broken", "links are broken"),
        Source::Weight("broken-links"),
        "broken-links",
        "Visitors who follow them get nowhere. One target that many pages link to is mended once: put the page back, redirect it, or mend the template.",
    ),
    check(
        "redirect-loops",
        Error,
        ("redirect goes in a circle", "redirects go in circles"),
        Source::Part("redirects", "loop"),
        "\"SELECT url, route FROM redirect_chains WHERE problem = 'loop'\"",
        "No browser shows these pages. A rule of the server leads back to where it came from.",
    ),
    check(
        "broken-redirects",
        Error,
        ("redirect ends in an error", "redirects end in errors"),
        Source::Part("redirects", "ends in an error"),
        "\"SELECT url, route, final_status FROM redirect_chains WHERE problem = 'ends in an error'\"",
        "What was moved is not where they say. Let them lead to what took its place.",
    ),
    check(
        "mixed-content",
        Error,
        (
            "part of a page is loaded without TLS",
            "parts of pages are loaded without TLS",
        ),
        Source::Weight("mixed-content"),
        "mixed-content",
        "Browsers refuse or warn: pages that are reached by https load parts of them by http. Write https in these addresses.",
    ),
    check(
        "canonicals",
        Warning,
        (
            "canonical link contradicts itself",
            "canonical links contradict themselves",
        ),
        Source::Weight("canonicals"),
        "\"SELECT * FROM canonicals WHERE problem NOT IN ('to another page', 'not crawled')\"",
        "They name a page that is not there, redirects, is not to be indexed, or names yet another one: search engines then choose by themselves.",
    ),
    check(
        "sitemap-problems",
        Warning,
        (
            "entry of a sitemap should not be there, or a sitemap fails",
            "entries of sitemaps should not be there, or sitemaps fail",
        ),
        Source::Rows("sitemap-problems"),
        "sitemap-problems",
        "A sitemap that names what is gone, moved or not to be indexed is trusted less. Make it of the pages that there are.",
    ),
    check(
        "orphans",
        Warning,
        (
            "page is in a sitemap and linked by no page",
            "pages are in a sitemap and linked by no page",
        ),
        Source::Rows("orphans"),
        "orphans",
        "Visitors cannot find them, and search engines give them little weight. Link to them, or take them off.",
    ),
    check(
        "missing-titles",
        Warning,
        ("page has no title", "pages have no title"),
        Source::Part("titles", "missing"),
        "\"SELECT url FROM titles WHERE problem = 'missing'\"",
        "The title is what a search result, a tab and a bookmark show.",
    ),
    check(
        "duplicate-titles",
        Warning,
        (
            "page shares its title with another one",
            "pages share their titles with other ones",
        ),
        Source::Part("titles", "duplicate"),
        "\"SELECT title, copies, url FROM titles WHERE problem = 'duplicate'\"",
        "Visitors cannot tell them apart in a list of results or of tabs.",
    ),
    check(
        "hreflang",
        Warning,
        (
            "note of another language is wrong",
            "notes of other languages are wrong",
        ),
        Source::Rows("hreflang"),
        "hreflang",
        "Search engines ignore versions that do not name each other, codes that do not exist, and targets that are not there.",
    ),
    check(
        "slow-pages",
        Warning,
        ("page takes 2 s or longer", "pages take 2 s or longer"),
        Source::Figure(|report| report.slow),
        "\"SELECT url, elapsed_ms FROM pages WHERE elapsed_ms >= 2000 ORDER BY elapsed_ms DESC\"",
        "Visitors leave. The times are the server's and the network's, as seen from here, for the document alone.",
    ),
    check(
        "large-pages",
        Warning,
        ("page has 2 MiB or more", "pages have 2 MiB or more"),
        Source::Figure(|report| report.large),
        "\"SELECT url, bytes FROM pages WHERE bytes >= 2097152 AND current ORDER BY bytes DESC\"",
        "They are slow on a telephone, and search engines may read only their beginning.",
    ),
    check(
        "duplicates",
        Warning,
        (
            "URL has the content of another one",
            "URLs have the content of another one",
        ),
        Source::Weight("duplicates"),
        "duplicates",
        "Search engines pick one of the copies, perhaps not the one that you would. Redirect the others, or name one in a canonical link.",
    ),
    check(
        "redirect-chains",
        Warning,
        (
            "redirect takes more than one hop",
            "redirects take more than one hop",
        ),
        Source::Part("redirects", "chain"),
        "\"SELECT url, hops, route FROM redirect_chains WHERE hops > 1 AND problem IS NULL\"",
        "Each hop costs a visitor a round trip. Let the first lead to the last.",
    ),
    check(
        "field-problems",
        Warning,
        (
            "value of a field could not be had",
            "values of fields could not be had",
        ),
        Source::Weight("field-problems"),
        "field-problems",
        "A selector does not find what it should, or finds something else: crawl extract URL tries it.",
    ),
    check(
        "near-duplicates",
        Notice,
        (
            "page is nearly the same as another one",
            "pages are nearly the same as other ones",
        ),
        Source::Weight("near-duplicates"),
        "near-duplicates",
        "Pages that differ in a word or two compete with each other. Join them, or tell them apart.",
    ),
    check(
        "long-titles",
        Notice,
        (
            "title has more than 60 letters",
            "titles have more than 60 letters",
        ),
        Source::Part("titles", "too long"),
        "\"SELECT url, length, title FROM titles WHERE problem = 'too long'\"",
        "Search results cut them. Put what matters first.",
    ),
    check(
        "short-titles",
        Notice,
        (
            "title has fewer than 30 letters",
            "titles have fewer than 30 letters",
        ),
        Source::Part("titles", "too short"),
        "\"SELECT url, length, title FROM titles WHERE problem = 'too short'\"",
        "They may say too little of their page.",
    ),
    check(
        "missing-descriptions",
        Notice,
        ("page has no description", "pages have no description"),
        Source::Part("descriptions", "missing"),
        "\"SELECT url FROM descriptions WHERE problem = 'missing'\"",
        "Search engines make one up of the text.",
    ),
    check(
        "duplicate-descriptions",
        Notice,
        (
            "page shares its description with another one",
            "pages share their descriptions with other ones",
        ),
        Source::Part("descriptions", "duplicate"),
        "\"SELECT description, copies, url FROM descriptions WHERE problem = 'duplicate'\"",
        "It says nothing of what is on this page and on no other.",
    ),
    check(
        "unlisted",
        Notice,
        ("page is in no sitemap", "pages are in no sitemap"),
        Source::Rows("unlisted"),
        "unlisted",
        "The sitemap of their host names others. Add them, if they are to be found.",
    ),
    check(
        "noindexed",
        Notice,
        ("page asks not to be indexed", "pages ask not to be indexed"),
        Source::Weight("noindexed"),
        "\"SELECT * FROM noindexed WHERE noindex\"",
        "Right if you mean it. A directive that was left from a test hides a page from all search engines.",
    ),
    check(
        "redirects",
        Notice,
        ("URL redirects", "URLs redirect"),
        Source::Rows("redirects"),
        "redirect-chains",
        "Links within the site can name the final URL.",
    ),
    check(
        "forbidden",
        Notice,
        (
            "URL is forbidden by robots.txt",
            "URLs are forbidden by robots.txt",
        ),
        Source::Figure(|report| report.outcomes.forbidden),
        "\"SELECT url, rule, found_on FROM errors WHERE error = 'robots_disallowed'\"",
        "They were not asked for. Right if you mean it; search engines cannot read them either.",
    ),
    check(
        "traps",
        Notice,
        (
            "URL was put aside as part of a trap",
            "URLs were put aside as parts of traps",
        ),
        Source::Weight("traps"),
        "traps",
        "Links that make ever new URLs waste every crawler's time, a search engine's too.",
    ),
    check(
        "unfinished",
        Notice,
        ("URL still waits", "URLs still wait"),
        Source::Figure(|report| report.run.queued),
        "queue",
        "The crawl is not at its end: what is said here is of the part that is there. The same crawl command goes on.",
    ),
];

/// What failed, but for redirects in circles, which have a check of their own, and for addresses that no server was
/// asked at.
fn server_errors(report: &Report) -> u64 {
    let others = [FetchError::RedirectLoop, FetchError::PrivateAddress].map(FetchError::as_str);
    let failed = report.statuses.iter().filter(|status| {
        status.outcome == Outcome::Failed && !others.contains(&status.name.as_str())
    });
    failed.map(|status| status.urls).sum()
}

impl Check {
    fn count(&self, report: &Report) -> std::result::Result<u64, String> {
        let listing = |name: &str| -> std::result::Result<&Listing, String> {
            let listing = report.table(name).ok_or("it is not known")?;
            listing
                .unasked
                .as_ref()
                .map_or(Ok(listing), |why| Err(why.clone()))
        };
        Ok(match self.source {
            Source::Rows(name) => listing(name)?.total,
            Source::Weight(name) => listing(name)?.weight,
            Source::Part(name, part) => listing(name)?.parts.get(part).map_or(0, |part| part.rows),
            Source::Figure(figure) => figure(report),
        })
    }

    fn table(&self) -> Option<&'static str> {
        match self.source {
            Source::Rows(name) | Source::Weight(name) | Source::Part(name, _) => Some(name),
            Source::Figure(_) => match self.name {
                "slow-pages" => Some("slowest"),
                "large-pages" => Some("largest"),
                "server-errors" | "forbidden" => Some("errors"),
                _ => None,
            },
        }
    }
}

/// What was found, the most urgent first.
pub(super) fn findings(report: &Report, at: &str) -> Vec<Finding> {
    let found = CHECKS.iter().filter_map(|check| {
        let count = check.count(report).ok().filter(|count| *count > 0)?;
        Some(Finding {
            check: check.name,
            severity: check.severity,
            count,
            what: words::counted(count, check.one, check.many),
            why: check.why,
            query: format!("crawl query{at} {}", check.query),
            table: check.table(),
        })
    });
    let mut found: Vec<Finding> = found.collect();
    found.sort_by_key(|finding| finding.severity);
    found
}

/// A check that must not count more than so many.
#[derive(Debug, Clone, Copy)]
pub struct Threshold {
    check: &'static Check,
    most: u64,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Reads a threshold: `broken-links`, `broken-links=10`.
///
/// # Errors
/// When there is no such check, or the number is none.
pub fn threshold(text: &str) -> Result<Threshold> {
    let bad = |hint: String| ConfigError::value("--fail-on", text, hint).into();
    let (name, most) = text.split_once('=').unwrap_or((text, "0"));
    let wanted = name.trim().replace('_', "-").to_ascii_lowercase();
    let Some(check) = CHECKS.iter().find(|check| check.name == wanted) else {
        let names = || CHECKS.iter().map(|check| check.name);
        return Err(bad(match nearest(&wanted, names()) {
            Some(near) => format!("no such check; did you mean {near:?}?"),
            None => format!(
                "no such check; there are {}",
                names().collect::<Vec<_>>().join(", ")
            ),
        }));
    };
    let most = most
        .trim()
        .parse()
        .map_err(|_| bad("what stands behind = is no whole number".to_owned()))?;
    Ok(Threshold { check, most })
}

/// What became of the thresholds.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Verdict {
    /// Those that were passed, in a line each.
    pub failed: Vec<String>,
    /// Those that could not be looked at, and why, in a line each.
    pub unknown: Vec<String>,
}

/// Holds a report to some thresholds.
#[must_use]
pub fn judge(report: &Report, thresholds: &[Threshold], at: &str) -> Verdict {
    let mut verdict = Verdict::default();
    for Threshold { check, most } in thresholds {
        match check.count(report) {
            Ok(count) if count > *most => verdict.failed.push(format!(
                "{}: {}, at most {most} may be: crawl query{at} {}",
                check.name,
                words::counted(count, check.one, check.many),
                check.query
            )),
            Ok(_) => {}
            Err(why) => verdict.unknown.push(format!("{}: {why}", check.name)),
        }
    }
    verdict
}

/// The checks there are, each with what it counts.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    CHECKS.iter().map(|check| (check.name, check.many))
}

#[cfg(test)]
mod tests {
    use tokio_rusqlite::rusqlite;

    use super::super::pages::{LARGE, SLOW_MS};
    use super::super::questions::QUESTIONS;
    use super::*;
    use crate::store::schema;

    #[test]
    fn thresholds() {
        for (text, wanted) in [
            ("broken-links", Ok(("broken-links", 0))),
            ("Broken_Links=12", Ok(("broken-links", 12))),
            ("broken-link", Err("did you mean \"broken-links\"")),
            ("xyzzy", Err("there are no-pages, server-errors")),
            ("", Err("no such check")),
            ("redirects=many", Err("no whole number")),
            ("redirects=-1", Err("no whole number")),
        ] {
            match (threshold(text), wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!((found.check.name, found.most), wanted),
                (Err(error), Err(words)) => {
                    assert!(
                        error.is_usage() && error.to_string().contains(words),
                        "{error}"
                    );
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    /// What a finding tells to type is answered; what is only worked out on request may have no view yet.
    #[test]
    fn queries_are_answered() {
        let mut connection = rusqlite::Connection::open_in_memory().expect("in memory");
        schema::prepare(&mut connection, || 7).expect("a schema");
        let tables = QUESTIONS
            .iter()
            .filter(|question| question.derived.is_none());
        let tables = tables.map(|question| question.query);
        let checks = CHECKS
            .iter()
            .filter(|check| check.name != "near-duplicates");
        for query in checks.map(|check| check.query).chain(tables) {
            let sql = match query.strip_prefix('"') {
                Some(sql) => sql.trim_end_matches('"').to_owned(),
                None => format!("SELECT * FROM {}", query.replace('-', "_")),
            };
            connection.prepare(&sql).expect(&sql);
        }
    }

    /// Each check looks at a table that there is.
    #[test]
    fn tables_are_there() {
        for check in CHECKS {
            let known = |name: &str| {
                ["slowest", "largest"].contains(&name)
                    || QUESTIONS.iter().any(|question| question.name == name)
            };
            assert!(check.table().is_none_or(known), "{check:?}");
        }
    }

    /// The words of checks name the numbers that the program goes by.
    #[test]
    fn words_and_bounds() {
        assert_eq!((SLOW_MS, LARGE), (2000, 2_097_152));
        let mut names: Vec<_> = all().map(|check| check.0).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CHECKS.len());
    }
}
