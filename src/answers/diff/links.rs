//! The links of two contents: which the one has and the other has not.

use rusqlite::params;
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::compare::Compared;
use super::side::Side;
use super::text::apart;
use crate::store::words::via_word;

/// Links of a page that are compared.
const MOST: i64 = 100_000;

/// A link that came or went.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Link {
    /// Where it leads.
    pub url: String,
    /// Its kind.
    pub kind: String,
    /// Its text.
    pub anchor: Option<String>,
}

/// How many links the later content has that the earlier has not, and the other way round. A link is told by where it
/// leads and its kind; how often it stands on the page, and with which text, does not count.
pub(super) fn counted(
    compared: &Compared<'_>,
    before: i64,
    after: i64,
) -> rusqlite::Result<(u64, u64)> {
    let (removed, added) = if compared.is_one {
        let (a, b) = (
            numbers(&compared.before, before)?,
            numbers(&compared.after, after)?,
        );
        let (removed, added) = apart(&a, &b);
        (removed.len(), added.len())
    } else {
        let (a, b) = (
            keys(&compared.before, before)?,
            keys(&compared.after, after)?,
        );
        let (removed, added) = apart(&a, &b);
        (removed.len(), added.len())
    };
    Ok((added as u64, removed as u64))
}

/// Target and kind of each link, by number.
fn numbers(side: &Side<'_>, version: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut statement = side.reader.connection.prepare_cached(
        "SELECT DISTINCT target, kind FROM link WHERE version = ? ORDER BY 1, 2 LIMIT ?",
    )?;
    let rows = statement.query_map([version, MOST], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// The same for two databases, whose numbers mean different URLs.
fn keys(side: &Side<'_>, version: i64) -> rusqlite::Result<Vec<(String, i64)>> {
    let numbers = numbers(side, version)?.into_iter();
    let keys = numbers.map(|(target, kind)| Ok((side.mapped(target)?, kind)));
    let mut keys: Vec<(String, i64)> = keys.collect::<rusqlite::Result<_>>()?;
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// The links that came, and those that went, each with its text.
pub(super) fn listed(
    compared: &Compared<'_>,
    before: Option<i64>,
    after: Option<i64>,
) -> rusqlite::Result<(Vec<Link>, Vec<Link>)> {
    let of = |side: &Side<'_>, version: Option<i64>| match version {
        Some(version) => read(side, version),
        None => Ok(Vec::new()),
    };
    let (a, b) = (of(&compared.before, before)?, of(&compared.after, after)?);
    let bare = |links: &[Link]| -> Vec<(String, String)> {
        let pairs = links.iter();
        pairs
            .map(|link| (link.url.clone(), link.kind.clone()))
            .collect()
    };
    let (x, y) = (bare(&a), bare(&b));
    let (removed, added) = apart(&x, &y);
    let full = |links: &[Link], of: &[&(String, String)]| -> Vec<Link> {
        let is_of = |link: &&Link| {
            of.binary_search_by(|(url, kind)| (url, kind).cmp(&(&link.url, &link.kind)))
                .is_ok()
        };
        links.iter().filter(is_of).cloned().collect()
    };
    Ok((full(&b, &added), full(&a, &removed)))
}

/// Each link once, with the text that it has first.
fn read(side: &Side<'_>, version: i64) -> rusqlite::Result<Vec<Link>> {
    let mut statement = side.reader.connection.prepare_cached(
        "SELECT target, kind, anchor, min(position) FROM link WHERE version = ? GROUP BY target, kind LIMIT ?",
    )?;
    let mut rows = statement.query(params![version, MOST])?;
    let mut links = Vec::new();
    while let Some(row) = rows.next()? {
        links.push(Link {
            url: side.mapped(row.get(0)?)?,
            kind: via_word(row.get(1)?).unwrap_or("link").to_owned(),
            anchor: row.get(2)?,
        });
    }
    links.sort_unstable();
    links.dedup_by(|a, b| a.url == b.url && a.kind == b.kind);
    Ok(links)
}
