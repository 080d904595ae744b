//! How a URL was found: the steps from a seed to it; and where redirects lead on from it.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::time;
use crate::fetched::FetchError;
use crate::store::words::{Decision, VIA_SITEMAP, via_word};

/// Steps that are gone back; a way that is longer shows its end.
const MOST_STEPS: usize = 10_000;
/// Redirects that are followed on.
const MOST_HOPS: usize = 50;

/// One step of the way from a seed.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// Where it leads.
    pub url: String,
    /// Links from the nearest seed.
    pub depth: Option<u32>,
    /// By which kind of link, or `seed`, `redirect`, `earlier run`: as the column `found_by` of the views.
    /// On the way of sitemaps also `sitemap`, `robots.txt` and `guess`. Nothing where the way begins with what
    /// is no page of the run.
    pub found_by: Option<String>,
    /// The link's text on the page before.
    pub anchor: Option<String>,
    /// Its `rel`.
    pub rel: Option<String>,
    /// Its place among the page's links, from 1.
    pub position: Option<u32>,
}

/// What became of a URL in one run, in short.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// What was decided of it.
    pub decision: String,
    /// By which rule.
    pub rule: Option<String>,
    /// The status of its last attempt.
    pub status: Option<u16>,
    /// The class of its last error.
    pub error: Option<String>,
    /// The start of its last attempt (UTC).
    pub at: Option<String>,
}

impl Outcome {
    /// In a word or two.
    #[must_use]
    pub fn words(&self) -> String {
        match (&self.error, self.status) {
            (Some(error), _) => error.clone(),
            (None, Some(status)) => status.to_string(),
            (None, None) if self.decision == "admitted" => "waits".to_owned(),
            (None, None) => super::words::kept_out(&self.decision, self.rule.as_deref()),
        }
    }
}

/// A URL on the way of redirects.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Hop {
    /// The URL.
    pub url: String,
    /// What became of it in this run; nothing where it was not met.
    pub outcome: Option<Outcome>,
}

/// What became of a URL in a run, if it was met there.
pub(super) fn outcome(
    connection: &Connection,
    run: i64,
    url: i64,
) -> rusqlite::Result<Option<Outcome>> {
    connection
        .prepare_cached(
            "SELECT v.decision, r.text, f.status, f.error, f.started FROM visit v LEFT JOIN rule r ON r.id = v.rule
             LEFT JOIN fetch f ON f.id = v.last_fetch WHERE v.run = ? AND v.url = ?",
        )?
        .query_row([run, url], |row| {
            Ok(Outcome {
                decision: Decision::word(row.get(0)?).unwrap_or("unknown").to_owned(),
                rule: row.get(1)?,
                status: row.get(2)?,
                error: row
                    .get::<_, Option<u8>>(3)?
                    .map(|code| FetchError::word(code).to_owned()),
                at: row.get::<_, Option<i64>>(4)?.map(time),
            })
        })
        .optional()
}

/// The way from a seed to a URL, each step by the best link that was known.
pub(super) fn route(connection: &Connection, run: i64, url: i64) -> rusqlite::Result<Vec<Step>> {
    let mut visit = connection.prepare(
        "SELECT u.text, v.depth, v.via, v.via_kind FROM url u LEFT JOIN visit v ON v.run = ?1 AND v.url = u.id WHERE u.id = ?2",
    )?;
    // A sitemap may be a page, too, which was found by another way.
    let mut sitemap = connection.prepare(
        "SELECT u.text, NULL, s.via, s.via_kind FROM url u LEFT JOIN sitemap s ON s.run = ?1 AND s.url = u.id WHERE u.id = ?2",
    )?;
    let mut by_sitemap = false;
    let (mut steps, mut met, mut at) = (Vec::new(), HashSet::new(), Some(url));
    // Ways are of falling depth; what was left behind by other settings may point in a circle all the same.
    while let Some(id) = at.filter(|id| steps.len() < MOST_STEPS && met.insert((*id, by_sitemap))) {
        let step = if by_sitemap { &mut sitemap } else { &mut visit };
        let (text, depth, via, kind) = step.query_row([run, id], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, Option<u32>>(1)?,
                row.get::<_, Option<i64>>(2)?,
                row.get::<_, Option<i64>>(3)?,
            ))
        })?;
        let link = match (via, kind) {
            (Some(via), Some(kind)) if !by_sitemap => link(connection, run, via, id, kind)?,
            _ => None,
        };
        let (position, rel, anchor) = link.unwrap_or_default();
        steps.push(Step {
            url: text,
            depth,
            found_by: kind.map(|kind| via_word(kind).unwrap_or("unknown").to_owned()),
            anchor: anchor.filter(|anchor| !anchor.is_empty()),
            rel,
            position,
        });
        at = via;
        by_sitemap |= kind == Some(VIA_SITEMAP.into());
    }
    steps.reverse();
    Ok(steps)
}

type Link = (Option<u32>, Option<String>, Option<String>);

/// The link by which a page leads to a URL, in what was last read of the page: of its kind if there is one.
fn link(
    connection: &Connection,
    run: i64,
    page: i64,
    target: i64,
    kind: i64,
) -> rusqlite::Result<Option<Link>> {
    connection
        .prepare_cached(
            "SELECT l.position + 1, l.rel, iif(l.kind = 7, NULL, l.anchor) FROM visit v LEFT JOIN fetch f ON f.id = v.last_fetch
             JOIN link l ON l.version = coalesce(f.version, v.good_version)
             WHERE v.run = ?1 AND v.url = ?2 AND l.target = ?3 ORDER BY l.kind != ?4, l.position LIMIT 1",
        )?
        .query_row([run, page, target, kind], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()
}

/// Where a URL's redirect leads, and on from there, until something else comes.
pub(super) fn redirects(connection: &Connection, run: i64, url: i64) -> rusqlite::Result<Vec<Hop>> {
    let mut next = connection.prepare(
        "SELECT t.id, t.text FROM visit v JOIN fetch f ON f.id = v.last_fetch JOIN url t ON t.id = f.redirect_to
         WHERE v.run = ? AND v.url = ?",
    )?;
    let (mut hops, mut met, mut at) = (Vec::new(), HashSet::from([url]), url);
    while hops.len() < MOST_HOPS {
        let target = next.query_row([run, at], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        });
        let Some((id, text)) = target.optional()? else {
            break;
        };
        hops.push(Hop {
            url: text,
            outcome: outcome(connection, run, id)?,
        });
        if !met.insert(id) {
            break;
        }
        at = id;
    }
    Ok(hops)
}
