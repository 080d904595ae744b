//! The questions whose answers are tables, over the views: each asked once, for its first rows and for how many there are.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};
use tokio_rusqlite::rusqlite;

use super::super::cell;
use super::ask::{Answer, Asker};
use super::figures::{Listing, Part, Rows};
use crate::error::Result;

/// What stands in a column, so that it is shown as a reader has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// A URL.
    Url,
    /// A JSON array of URLs.
    Urls,
    /// A JSON array of URLs that follow one another.
    Route,
    /// A text.
    Text,
    /// A count.
    Number,
    /// A length.
    Bytes,
    /// A time in milliseconds.
    Millis,
    /// A stamp.
    Time,
    /// A number with a fraction.
    Real,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Column {
    /// Its name, as in JSON.
    pub name: &'static str,
    /// Its heading.
    pub head: &'static str,
    /// What is in it.
    pub form: Form,
}

const fn column(name: &'static str, head: &'static str, form: Form) -> Column {
    Column { name, head, form }
}

/// A question of a report.
pub(super) struct Question {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What a row is.
    pub(super) what: &'static str,
    pub(super) columns: &'static [Column],
    /// The rows: the columns, and `part` and `weight`.
    sql: &'static str,
    /// Which of a part come first.
    order: &'static str,
    /// What to give to `crawl query` to have all.
    pub(super) query: &'static str,
    /// What was worked out to answer it, as `derived` has it, and the command that does.
    pub(super) derived: Option<(&'static str, &'static str)>,
}

/// Kinds of problems at the most that one question has rows of.
const PARTS: usize = 12;

use Form::{Bytes, Millis, Number, Real, Route, Text, Time, Url, Urls};

/// All of them, in the order of the page.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        name: "errors",
        title: "Failures by class",
        what: "an error class or a status of 400 and above: the URLs with it, the requests that they cost, and one of them",
        columns: &[
            column("class", "Class", Text),
            column("urls", "URLs", Number),
            column("requests", "Requests", Number),
            column("example", "For example", Url),
            column("found_on", "Linked from", Url),
        ],
        sql: "SELECT class, urls, requests, example, found_on, NULL AS part, urls AS weight FROM error_classes",
        order: "urls DESC, class",
        query: "errors",
        derived: None,
    },
    Question {
        name: "broken-links",
        title: "Broken links",
        what: "a URL that is linked and does not answer as it should, or redirects to such a one, with some of the pages that link to it",
        columns: &[
            column("to_url", "Target", Url),
            column("why", "Why", Text),
            column("links", "Links", Number),
            column("pages", "Pages", Number),
            column("sources", "Linked from", Urls),
            column("anchor", "Text of a link", Text),
            column("final_url", "Redirects to", Url),
            column("first_seen", "First seen", Time),
        ],
        sql: "WITH pairs AS (
                SELECT to_url, from_url, min(anchor) AS anchor, count(*) AS links,
                       max(coalesce(final_error, final_status, error, status)) AS why,
                       iif(max(hops) > 0, final_url, NULL) AS final_url, min(first_seen) AS first_seen
                FROM broken_links GROUP BY to_url, from_url),
              placed AS (SELECT *, row_number() OVER (PARTITION BY to_url ORDER BY from_url) AS place FROM pairs)
              SELECT to_url, CAST(max(why) AS TEXT) AS why, sum(links) AS links, count(*) AS pages,
                     json_group_array(from_url) FILTER (WHERE place <= 3) AS sources, min(anchor) AS anchor,
                     max(final_url) AS final_url, min(first_seen) AS first_seen, NULL AS part, sum(links) AS weight
              FROM placed GROUP BY to_url",
        order: "links DESC, to_url",
        query: "broken-links",
        derived: None,
    },
    Question {
        name: "redirects",
        title: "Redirects",
        what: "a URL that redirects, and the whole way that follows",
        columns: &[
            column("url", "URL", Url),
            column("problem", "Problem", Text),
            column("hops", "Hops", Number),
            column("route", "Way", Route),
            column("final_status", "Status at the end", Number),
            column("links", "Pages that link", Number),
        ],
        sql: "SELECT url, problem, hops, route, final_status, links,
                     coalesce(problem, iif(hops > 1, 'chain', 'one hop')) AS part, 1 AS weight FROM redirect_chains",
        order: "links DESC, hops DESC, url",
        query: "redirect-chains",
        derived: None,
    },
    Question {
        name: "duplicates",
        title: "Duplicates",
        what: "a content that several URLs have, byte for byte, with some of them",
        columns: &[
            column("copies", "URLs", Number),
            column("urls", "Some of them", Urls),
            column("title", "Title", Text),
            column("bytes", "Length", Bytes),
        ],
        sql: "SELECT copies, json_group_array(url) FILTER (WHERE place <= 4) AS urls, min(title) AS title, min(bytes) AS bytes,
                     NULL AS part, copies - 1 AS weight
              FROM (SELECT *, row_number() OVER (PARTITION BY sha256 ORDER BY url) AS place FROM duplicates)
              GROUP BY sha256",
        order: "copies DESC, bytes DESC, urls",
        query: "duplicates",
        derived: None,
    },
    Question {
        name: "near-duplicates",
        title: "Near-duplicates",
        what: "a group of pages whose texts are nearly the same, with some of them",
        columns: &[
            column("pages", "Pages", Number),
            column("urls", "Some of them", Urls),
            column("title", "Title", Text),
            column("words", "Words", Number),
        ],
        sql: "SELECT pages, json_group_array(url) FILTER (WHERE place <= 4) AS urls, min(title) AS title, max(words) AS words,
                     NULL AS part, pages - 1 AS weight
              FROM (SELECT *, row_number() OVER (PARTITION BY cluster ORDER BY distance, url) AS place FROM near_duplicates)
              GROUP BY cluster",
        order: "pages DESC, words DESC, urls",
        query: "near-duplicates",
        derived: Some(("search", "crawl index")),
    },
    Question {
        name: "titles",
        title: "Titles",
        what: "a page that can be indexed, and what is wrong with its title",
        columns: &[
            column("url", "URL", Url),
            column("problem", "Problem", Text),
            column("title", "Title", Text),
            column("length", "Letters", Number),
            column("copies", "Pages with it", Number),
        ],
        sql: "SELECT url, problem, title, length, copies, problem AS part, 1 AS weight FROM titles",
        order: "copies DESC, length DESC, title, url",
        query: "titles",
        derived: None,
    },
    Question {
        name: "descriptions",
        title: "Descriptions",
        what: "a page that can be indexed, and what is wrong with its description",
        columns: &[
            column("url", "URL", Url),
            column("problem", "Problem", Text),
            column("description", "Description", Text),
            column("length", "Letters", Number),
            column("copies", "Pages with it", Number),
        ],
        sql: "SELECT url, problem, description, length, copies, problem AS part, 1 AS weight FROM descriptions",
        order: "copies DESC, length DESC, description, url",
        query: "descriptions",
        derived: None,
    },
    Question {
        name: "canonicals",
        title: "Canonical links",
        what: "a page that names another URL as the one to be indexed, and what became of that",
        columns: &[
            column("url", "URL", Url),
            column("problem", "What it names", Text),
            column("canonical", "Canonical", Url),
            column("canonical_status", "Status there", Number),
            column("leads_to", "Leads on to", Url),
        ],
        sql: "SELECT url, problem, canonical, canonical_status, leads_to, problem AS part,
                     problem NOT IN ('to another page', 'not crawled') AS weight FROM canonicals",
        order: "url",
        query: "canonicals",
        derived: None,
    },
    Question {
        name: "noindexed",
        title: "Not to be indexed",
        what: "a page that asks search engines to leave it, or its links, out",
        columns: &[
            column("url", "URL", Url),
            column("directives", "What it says", Text),
            column("in_sitemap", "In a sitemap", Number),
            column("links", "Pages that link", Number),
        ],
        sql: "SELECT url, directives, in_sitemap, links,
                     iif(noindex, iif(nofollow, 'noindex, nofollow', 'noindex'), 'nofollow') AS part, noindex AS weight FROM noindexed",
        order: "in_sitemap DESC, links DESC, url",
        query: "noindexed",
        derived: None,
    },
    Question {
        name: "hreflang",
        title: "Languages (hreflang)",
        what: "a page that names a version of itself in another language, and what is wrong with that",
        columns: &[
            column("from_url", "Page", Url),
            column("problem", "Problem", Text),
            column("language", "Language", Text),
            column("to_url", "Version", Url),
            column("to_status", "Status there", Number),
            column("source", "Said by", Text),
        ],
        sql: "SELECT from_url, problem, language, to_url, to_status, ifnull(sitemap, source) AS source, problem AS part, 1 AS weight FROM hreflang",
        order: "from_url, language",
        query: "hreflang",
        derived: None,
    },
    Question {
        name: "mixed-content",
        title: "Mixed content",
        what: "something without TLS that is part of pages with it, and one of these pages",
        columns: &[
            column("to_url", "Loaded without TLS", Url),
            column("kind", "As", Text),
            column("uses", "Uses", Number),
            column("from_url", "For example on", Url),
        ],
        sql: "SELECT to_url, kind, count(*) AS uses, min(from_url) AS from_url, kind AS part, count(*) AS weight
              FROM mixed_content GROUP BY to_url, kind",
        order: "uses DESC, to_url",
        query: "mixed-content",
        derived: None,
    },
    Question {
        name: "orphans",
        title: "Orphans",
        what: "a URL that a sitemap names and no page links to",
        columns: &[
            column("url", "URL", Url),
            column("status", "Status", Number),
            column("title", "Title", Text),
            column("lastmod", "Changed", Text),
            column("sitemap", "Sitemap", Url),
        ],
        sql: "SELECT url, status, title, lastmod, sitemap, NULL AS part, 1 AS weight FROM orphans",
        order: "url",
        query: "orphans",
        derived: None,
    },
    Question {
        name: "unlisted",
        title: "In no sitemap",
        what: "a page that can be indexed, of a host that has a sitemap, which does not name it",
        columns: &[
            column("url", "URL", Url),
            column("title", "Title", Text),
            column("depth", "Depth", Number),
            column("found_on", "Found on", Url),
        ],
        sql: "SELECT url, title, depth, found_on, NULL AS part, 1 AS weight FROM unlisted",
        order: "depth, url",
        query: "unlisted",
        derived: None,
    },
    Question {
        name: "sitemap-problems",
        title: "Sitemaps",
        what: "a sitemap, or a URL that it should not name, and why",
        columns: &[
            column("sitemap", "Sitemap", Url),
            column("problem", "Problem", Text),
            column("url", "URL", Url),
        ],
        sql: "SELECT sitemap, problem, url, problem AS part, 1 AS weight FROM sitemap_problems",
        order: "sitemap, url",
        query: "sitemap-problems",
        derived: None,
    },
    Question {
        name: "field-problems",
        title: "Fields",
        what: "a configured field, and what could not be had of it",
        columns: &[
            column("field", "Field", Text),
            column("problem", "Problem", Text),
            column("pages", "Values", Number),
            column("example", "For example", Url),
        ],
        sql: "SELECT field_set || '.' || name AS field, problem, count(*) AS pages, min(url) AS example, NULL AS part, count(*) AS weight
              FROM field_problems GROUP BY field_set, name, problem",
        order: "pages DESC, field, problem",
        query: "field-problems",
        derived: None,
    },
    Question {
        name: "traps",
        title: "Traps",
        what: "a kind of URLs without end that was put aside, and why",
        columns: &[
            column("host", "Host", Text),
            column("why", "Why", Text),
            column("urls", "URLs", Number),
            column("example", "For example", Url),
        ],
        sql: "SELECT host, why, urls, example, NULL AS part, urls AS weight FROM traps",
        order: "urls DESC, host, why",
        query: "traps",
        derived: None,
    },
    Question {
        name: "hosts",
        title: "Hosts",
        what: "a host that was asked in this run",
        columns: &[
            column("host", "Host", Text),
            column("requests", "Requests", Number),
            column("failed", "Failed", Number),
            column("refused", "429, 503", Number),
            column("unanswered", "No answer", Number),
            column("p50_ms", "Median time", Millis),
            column("p95_ms", "95 of 100 within", Millis),
            column("trouble", "Trouble", Text),
        ],
        sql: "SELECT host, requests, failed, refused, unanswered, p50_ms, p95_ms,
                     coalesce('set aside: ' || set_aside, last_hold) AS trouble, NULL AS part, 1 AS weight
              FROM host_health",
        order: "requests DESC, host",
        query: "host-health",
        derived: None,
    },
    Question {
        name: "ranks",
        title: "Pages that most leads to",
        what: "a page, by its PageRank among the pages of the run",
        columns: &[
            column("url", "URL", Url),
            column("title", "Title", Text),
            column("pagerank", "PageRank", Real),
            column("inlinks", "Links to it", Number),
            column("linking_pages", "Pages that link", Number),
        ],
        sql: "SELECT url, title, pagerank, inlinks, linking_pages, NULL AS part, 1 AS weight FROM ranks
              WHERE pagerank IS NOT NULL",
        order: "pagerank DESC, url",
        query: "ranks",
        derived: Some(("rank", "crawl rank")),
    },
];

/// The columns of the slowest pages.
pub(super) const SLOWEST: &[Column] = &[
    column("url", "URL", Url),
    column("status", "Status", Number),
    column("elapsed_ms", "Time", Millis),
];

/// The columns of the largest pages.
pub(super) const LARGEST: &[Column] = &[
    column("url", "URL", Url),
    column("status", "Status", Number),
    column("bytes", "Length", Bytes),
];

/// Asks one, for so many rows of each of its parts.
pub(super) fn ask(
    asker: &mut Asker<'_>,
    question: &Question,
    rows: usize,
    at: &str,
) -> Result<Listing> {
    let mut listing = Listing {
        name: question.name,
        title: question.title,
        what: question.what,
        total: 0,
        weight: 0,
        parts: BTreeMap::new(),
        rows: Rows {
            columns: question.columns,
            rows: Vec::new(),
        },
        query: format!("crawl query{at} {}", question.query),
        unasked: None,
    };
    if let Some((name, command)) = question.derived
        && !is_derived(asker, name)?
    {
        listing.unasked = Some(format!("it is worked out by {command}{at}"));
        return Ok(listing);
    }
    match asker.view(|connection| first(connection, question, rows))? {
        Answer::Had((parts, rows)) => {
            let all = parts.values();
            (listing.total, listing.weight) =
                all.fold((0, 0), |sum, part| (sum.0 + part.rows, sum.1 + part.weight));
            listing.parts = parts;
            listing.parts.remove("");
            listing.rows.rows = rows;
        }
        Answer::Unknown => {
            let why = "this database has no view for it: the next crawl or another version of the program makes it";
            listing.unasked = Some(why.to_owned());
        }
        Answer::TooLong => {
            let why = "a crawl writes, and it would have to wait too long for the answer";
            listing.unasked = Some(why.to_owned());
        }
    }
    Ok(listing)
}

/// Whether something was worked out of the latest run, if of an earlier state of it.
fn is_derived(asker: &mut Asker<'_>, name: &str) -> Result<bool> {
    let sql = "SELECT count(*) > 0 FROM derived WHERE name = ? AND run = (SELECT max(id) FROM run)";
    let answer = asker.view(|connection| connection.query_row(sql, [name], |row| row.get(0)))?;
    Ok(matches!(answer, Answer::Had(true)))
}

type Answered = (BTreeMap<String, Part>, Vec<Vec<serde_json::Value>>);

/// The first rows of each part, and what there is of each in all.
fn first(connection: &Connection, question: &Question, rows: usize) -> rusqlite::Result<Answered> {
    let names: Vec<&str> = question.columns.iter().map(|column| column.name).collect();
    let sql = format!(
        "SELECT {names}, ifnull(part, ''), nth, of_part, sum_of_part FROM (
           SELECT *, count(*) OVER (PARTITION BY part) AS of_part, sum(weight) OVER (PARTITION BY part) AS sum_of_part,
                  row_number() OVER (PARTITION BY part ORDER BY {order}) AS nth
           FROM ({sql}))
         WHERE nth <= ?1 ORDER BY of_part DESC, part, nth LIMIT ?1 * {PARTS}",
        names = names.join(", "),
        order = question.order,
        sql = question.sql
    );
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query([rows as i64])?;
    let (mut parts, mut all) = (BTreeMap::new(), Vec::new());
    let width = names.len();
    while let Some(row) = found.next()? {
        let (part, nth): (String, i64) = (row.get(width)?, row.get(width + 1)?);
        let of = Part {
            rows: row.get::<_, i64>(width + 2)?.unsigned_abs(),
            weight: row.get::<_, i64>(width + 3)?.unsigned_abs(),
        };
        parts.entry(part).or_insert(of);
        all.push((nth, values(question, row)?));
    }
    // Several parts share the room of two.
    let most = (2 * rows / parts.len().max(1)).clamp(1, rows);
    all.retain(|(nth, _)| *nth <= most as i64);
    Ok((parts, all.into_iter().map(|row| row.1).collect()))
}

/// Bytes of a text and of an array of URLs that are taken: longer ones are nothing that a crawl writes, but for a title
/// where `max-title` lets it. The beginning stands for it.
const TEXT: usize = 16 << 10;
const ARRAY: usize = 256 << 10;

fn cut(value: serde_json::Value, most: usize) -> serde_json::Value {
    match value {
        serde_json::Value::String(text) if text.len() > most => {
            let end = text.floor_char_boundary(most);
            format!("{}…", text.get(..end).unwrap_or_default()).into()
        }
        value => value,
    }
}

fn values(question: &Question, row: &Row<'_>) -> rusqlite::Result<Vec<serde_json::Value>> {
    let columns = question.columns.iter().enumerate();
    let values = columns.map(|(index, column)| {
        let most = match column.form {
            Urls | Route => ARRAY,
            _ => TEXT,
        };
        let value = cut(cell::json(row.get_ref(index)?), most);
        Ok(match (column.form, value.as_str()) {
            (Urls | Route, Some(text)) => serde_json::from_str(text).unwrap_or(value),
            _ => value,
        })
    });
    values.collect()
}
