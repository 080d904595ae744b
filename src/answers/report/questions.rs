//! The questions whose answers are tables, over the views: each asked once, for its first rows and for how many there are.

use std::collections::BTreeMap;

use rusqlite::Connection;
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
    /// What to do where the view is not there, or has nothing.
    unasked: &'static str,
}

/// Kinds of problems at the most that one question has rows of.
const PARTS: usize = 12;

use Form::{Bytes, Millis, Number, Real, Route, Text, Url, Urls};

/// Where a view is not in the database.
const OLD: &str = "this database has no such view; the next crawl or a newer program makes it";

/// All of them, in the order of the page.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        name: "errors",
        title: "Failures by class",
        what: "an error class or a status of 400 and above, the URLs with it, and one of them",
        columns: &[
            column("class", "Class", Text),
            column("urls", "URLs", Number),
            column("example", "For example", Url),
            column("found_on", "Linked from", Url),
        ],
        sql: "SELECT class, count(*) AS urls, min(url) AS example, found_on, NULL AS part, count(*) AS weight
              FROM errors GROUP BY class",
        order: "urls DESC, class",
        query: "errors",
        unasked: OLD,
    },
    Question {
        name: "broken-links",
        title: "Broken links",
        what: "a URL that is linked and does not answer as it should, with some of the pages that link to it",
        columns: &[
            column("to_url", "Target", Url),
            column("why", "Why", Text),
            column("links", "Links", Number),
            column("pages", "Pages", Number),
            column("sources", "Linked from", Urls),
            column("anchor", "Text of a link", Text),
        ],
        sql: "WITH pairs AS (
                SELECT to_url, from_url, min(anchor) AS anchor, count(*) AS links, max(coalesce(error, status)) AS why
                FROM broken_links GROUP BY to_url, from_url),
              placed AS (SELECT *, row_number() OVER (PARTITION BY to_url ORDER BY from_url) AS place FROM pairs)
              SELECT to_url, max(why) AS why, sum(links) AS links, count(*) AS pages,
                     json_group_array(from_url) FILTER (WHERE place <= 3) AS sources, min(anchor) AS anchor,
                     NULL AS part, sum(links) AS weight
              FROM placed GROUP BY to_url",
        order: "links DESC, to_url",
        query: "broken-links",
        unasked: OLD,
    },
    Question {
        name: "redirects",
        title: "Redirects",
        what: "a URL that redirects, and where to",
        columns: &[
            column("url", "URL", Url),
            column("status", "Status", Number),
            column("redirect_to", "To", Url),
            column("target_status", "Status there", Number),
            column("found_on", "Found on", Url),
        ],
        sql: "SELECT url, status, redirect_to, target_status, found_on, error AS part, 1 AS weight FROM redirects",
        order: "url",
        query: "redirects",
        unasked: OLD,
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
                     NULL AS part, copies AS weight
              FROM (SELECT *, row_number() OVER (PARTITION BY sha256 ORDER BY url) AS place FROM duplicates)
              GROUP BY sha256",
        order: "copies DESC, bytes DESC, urls",
        query: "duplicates",
        unasked: OLD,
    },
    Question {
        name: "hosts",
        title: "Hosts",
        what: "a host that was asked in this run, or has something waiting",
        columns: &[
            column("host", "Host", Text),
            column("requests", "Requests", Number),
            column("ok", "Answered", Number),
            column("failed", "Failed", Number),
            column("queued", "Waiting", Number),
            column("mean_ms", "Mean time", Millis),
            column("wire_bytes", "Received", Bytes),
            column("trouble", "Trouble", Text),
        ],
        sql: "SELECT host, requests, ok, failed, queued, mean_ms, wire_bytes,
                     coalesce('set aside: ' || set_aside, 'held: ' || hold_reason) AS trouble, NULL AS part, 1 AS weight
              FROM hosts",
        order: "requests DESC, host",
        query: "hosts",
        unasked: OLD,
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
        unasked: "crawl rank works it out",
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
    let answer = asker.view(|connection| first(connection, question, rows))?;
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
    match answer {
        Answer::Had((parts, rows)) => {
            let all = parts.values();
            (listing.total, listing.weight) =
                all.fold((0, 0), |sum, part| (sum.0 + part.rows, sum.1 + part.weight));
            listing.parts = parts;
            listing.parts.remove("");
            listing.rows.rows = rows;
        }
        Answer::Unknown => listing.unasked = Some(question.unasked.to_owned()),
        Answer::TooLong => {
            listing.unasked = Some(format!(
                "left out, for a crawl writes and it takes too long meanwhile: {}",
                listing.query
            ));
        }
    }
    Ok(listing)
}

type Answered = (BTreeMap<String, Part>, Vec<Vec<serde_json::Value>>);

/// The first rows of each part, and what there is of each in all.
fn first(connection: &Connection, question: &Question, rows: usize) -> rusqlite::Result<Answered> {
    let names: Vec<&str> = question.columns.iter().map(|column| column.name).collect();
    let sql = format!(
        "SELECT {names}, ifnull(part, ''), of_part, sum_of_part FROM (
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
        let mut values = Vec::with_capacity(width);
        for (index, column) in question.columns.iter().enumerate() {
            let value = cell::json(row.get_ref(index)?);
            values.push(match (column.form, value.as_str()) {
                (Urls | Route, Some(text)) => serde_json::from_str(text).unwrap_or(value),
                _ => value,
            });
        }
        all.push(values);
        let part: String = row.get(width)?;
        if !parts.contains_key(&part) {
            let rows = row.get::<_, i64>(width + 1)?.unsigned_abs();
            let weight = row.get::<_, i64>(width + 2)?.unsigned_abs();
            parts.insert(part, Part { rows, weight });
        }
    }
    Ok((parts, all))
}
