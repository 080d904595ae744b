//! `crawl export graphml` and `gexf`: the pages of the latest run, and what leads from one to another.
//!
//! All of it goes out as it is read, a piece at a time. Of a crawl that goes on, the graph is that of the requests that
//! were in the database when it began: so no edge leads to a page that is not among the nodes.

mod groups;
mod xml;

use std::io::Write;

use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio_rusqlite::rusqlite;

use super::super::Reader;
use super::Result;
use crate::record::LinkKind;
use xml::{Key, Type, Value, Xml};

/// How a graph is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphForm {
    /// `GraphML`.
    GraphMl,
    /// GEXF 1.2, as Gephi has it.
    Gexf,
}

/// What a node of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum By {
    /// A page.
    Page,
    /// A host with all of its pages.
    Host,
    /// The pages of a host that share the first part of their path.
    Section,
}

/// Pages of a piece.
const PIECE: i64 = 10_000;

const NODES: &[Key] = &[
    ("url", Type::Text),
    ("title", Type::Text),
    ("status", Type::Whole),
    ("error", Type::Text),
    ("depth", Type::Whole),
    ("pagerank", Type::Real),
    ("inlinks", Type::Whole),
];
const EDGES: &[Key] = &[
    ("kind", Type::Text),
    ("anchor", Type::Text),
    ("nofollow", Type::Flag),
];

/// A page is what was asked for as one: `?1` is the run, `?2` the last request that counts, and a piece has the URLs
/// after `?3` up to `?4`.
const PAGE: &str =
    "v.run = ?1 AND v.role IN (0, 2) AND v.last_fetch <= ?2 AND v.url > ?3 AND v.url <= ?4";

/// Writes the graph. Answers with how many edges it has.
///
/// # Errors
/// When the database cannot be read, or the graph not be written.
pub fn graph(reader: &Reader, form: GraphForm, by: By, out: &mut dyn Write) -> Result<u64> {
    let out = std::io::BufWriter::with_capacity(256 << 10, out);
    let part = Part::now(&reader.connection).map_err(|error| reader.failed(error))?;
    match by {
        By::Page => pages(reader, part, Xml::begin(out, form, NODES, EDGES)?),
        By::Host | By::Section => groups::write(reader, part, form, by, out),
    }
}

/// What of the database counts.
#[derive(Debug, Clone, Copy)]
struct Part {
    run: i64,
    last_fetch: i64,
}

impl Part {
    fn now(connection: &Connection) -> rusqlite::Result<Self> {
        let sql =
            "SELECT (SELECT ifnull(max(id), 0) FROM run), (SELECT ifnull(max(id), 0) FROM fetch)";
        connection.query_row(sql, [], |row| {
            Ok(Self {
                run: row.get(0)?,
                last_fetch: row.get(1)?,
            })
        })
    }

    /// Hands every row of such a question to `each`, the question being asked of one piece after the other.
    fn each(
        self,
        reader: &Reader,
        sql: &str,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<std::io::Result<()>>,
    ) -> Result<()> {
        let failed = |error| reader.failed(error);
        let mut end_of = reader
            .connection
            .prepare(
                "SELECT url FROM visit WHERE run = ? AND url > ? ORDER BY url LIMIT 1 OFFSET ? - 1",
            )
            .map_err(failed)?;
        let mut statement = reader.connection.prepare(sql).map_err(failed)?;
        let mut after = i64::MIN;
        while after < i64::MAX {
            let end = end_of.query_row([self.run, after, PIECE], |row| row.get(0));
            let end = end.optional().map_err(failed)?.unwrap_or(i64::MAX);
            let mut rows = statement
                .query(params![self.run, self.last_fetch, after, end])
                .map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                each(row).map_err(failed)??;
            }
            after = end;
        }
        Ok(())
    }
}

fn pages<W: Write>(reader: &Reader, part: Part, mut xml: Xml<W>) -> Result<u64> {
    let nodes = format!(
        "SELECT v.url, u.text, c.title, f.status, f.error, v.depth, k.pagerank, k.inlinks
         FROM visit v JOIN url u ON u.id = v.url JOIN fetch f ON f.id = v.last_fetch
         LEFT JOIN version c ON c.id = v.good_version LEFT JOIN rank k ON k.run = v.run AND k.url = v.url WHERE {PAGE}"
    );
    part.each(reader, &nodes, |row| {
        let url = text(row, 1)?.unwrap_or_default();
        let title = text(row, 2)?;
        let error: Option<u8> = row.get(4)?;
        let error = error.map(|code| crate::fetched::FetchError::word(code).to_owned());
        let label = title.clone().unwrap_or_else(|| url.clone());
        let values = [
            Value::Text(url),
            title.map_or(Value::None, Value::Text),
            row.get::<_, Option<i64>>(3)?
                .map_or(Value::None, Value::Whole),
            error.map_or(Value::None, Value::Text),
            Value::Whole(row.get(5)?),
            row.get::<_, Option<f64>>(6)?
                .map_or(Value::None, Value::Real),
            row.get::<_, Option<i64>>(7)?
                .map_or(Value::None, Value::Whole),
        ];
        Ok(xml.node(row.get(0)?, &label, &values))
    })?;
    xml.end_of_nodes()?;
    part.each(reader, &edges_sql(), |row| {
        let rel = text(row, 3)?.unwrap_or_default();
        let values = [
            Value::Text(kind(row.get(2)?).to_owned()),
            text(row, 4)?
                .filter(|_| !is_alternate(row))
                .map_or(Value::None, Value::Text),
            Value::Flag(rel.split_ascii_whitespace().any(|word| word == "nofollow")),
        ];
        Ok(xml.edge(row.get(0)?, row.get(1)?, None, &values))
    })?;
    Ok(xml.finish()?)
}

/// Links and redirects from page to page: both numbers, kind (none: a redirect), rel, text.
fn edges_sql() -> String {
    let to = "JOIN visit d ON d.run = v.run AND d.role IN (0, 2) AND d.last_fetch <= ?2";
    format!(
        "SELECT v.url, l.target, l.kind, l.rel, l.anchor FROM visit v JOIN fetch f ON f.id = v.last_fetch
         JOIN link l ON l.version = f.version {to} AND d.url = l.target WHERE {PAGE}
         UNION ALL
         SELECT v.url, f.redirect_to, NULL, NULL, NULL FROM visit v JOIN fetch f ON f.id = v.last_fetch
         {to} AND d.url = f.redirect_to WHERE {PAGE}"
    )
}

/// Whether a link has its language where others have their text.
fn is_alternate(row: &Row<'_>) -> bool {
    row.get(2) == Ok(Some(LinkKind::Alternate.code()))
}

/// The word of the views for a kind of links.
fn kind(code: Option<u8>) -> &'static str {
    let Some(code) = code else {
        return "redirect";
    };
    let found = LinkKind::ALL.iter().find(|row| row.2 == code);
    found.map_or("unknown", |row| row.1)
}

/// A text, whatever bytes it has.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    let bytes = row.get_ref(column)?.as_bytes_or_null().unwrap_or_default();
    Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}
