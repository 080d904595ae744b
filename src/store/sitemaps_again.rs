//! The sitemaps of a refresh. It begins with those that the run before has read, and asks for them before it chooses
//! any page: on condition, each keeping what it said until there is an answer. What they name that is new waits for
//! the choice, as what was left to it.

use rusqlite::{OptionalExtension, Transaction, params};
use tokio_rusqlite::rusqlite;

use super::admit::Admitter;
use super::refresh::NEXT;
use super::sitemap_rows::{SAID, forget_said};
use super::sitemaps::{MAX_LEVEL, Place};
use super::words::VIA_SITEMAP;
use crate::canonical::CanonicalUrl;
use crate::request::Validators;

/// A sitemap to ask for: its number, host, text and place.
type Wanted = (i64, i64, String, Place);

impl Admitter {
    /// Puts all sitemaps in line that were read, and those that a refresh before has found and not come to.
    pub(super) fn ask_for_sitemaps(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        tx.execute(
            "UPDATE sitemap SET decision = 0 WHERE run = ?1 AND decision = 2 AND last_fetch IS NULL
             AND rule = (SELECT id FROM rule WHERE text = ?2)",
            params![self.run, NEXT],
        )?;
        tx.execute(
            "UPDATE sitemap SET carried = 2 WHERE run = ? AND decision = 0 AND carried = 1",
            [self.run],
        )?;
        self.line_up_sitemaps(tx)
    }

    /// Puts the sitemaps in line that are to be asked for, and do not wait.
    pub(super) fn line_up_sitemaps(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        tx.execute(
            "UPDATE sitemap SET carried = 1 WHERE run = ? AND carried = 2 AND decision <> 0",
            [self.run],
        )?;
        for (id, host, text, place) in self.wanted_sitemaps(tx)? {
            match CanonicalUrl::parse(&text) {
                Ok(url) => self.enqueue_sitemap(tx, id, host, &url, place)?,
                // It stays as it is.
                Err(_) => tx
                    .execute(
                        "UPDATE sitemap SET carried = 1 WHERE run = ? AND url = ? AND carried = 2",
                        [self.run, id],
                    )
                    .map(drop)?,
            }
        }
        Ok(())
    }

    fn wanted_sitemaps(&self, tx: &Transaction<'_>) -> rusqlite::Result<Vec<Wanted>> {
        let mut statement = tx.prepare(
            "SELECT s.url, u.host, u.text, s.level, s.redirects, s.depth, s.named FROM sitemap s JOIN url u ON u.id = s.url
             WHERE s.run = ? AND s.decision = 0 AND (s.last_fetch IS NULL OR s.carried = 2)
             AND s.url NOT IN (SELECT url FROM frontier WHERE kind = 4)",
        )?;
        let wanted = statement.query_map([self.run], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                Place::stored(row, 3)?,
            ))
        })?;
        wanted.collect()
    }

    /// What to make the request for a sitemap conditional on: the answer that brought what is known of it, if that
    /// came whole.
    pub(super) fn sitemap_validators(
        &self,
        tx: &Transaction<'_>,
        id: i64,
    ) -> rusqlite::Result<Option<Box<Validators>>> {
        let found = tx
            .prepare_cached(
                "SELECT f.etag, f.last_modified, f.id FROM sitemap s JOIN fetch f ON f.id = s.last_fetch
                 WHERE s.run = ? AND s.url = ? AND s.carried = 2 AND s.kind > 0 AND NOT s.truncated
                 AND f.error IS NULL AND f.status IN (200, 304)",
            )?
            .query_row([self.run, id], |row| {
                Ok(Validators {
                    etag: row.get(0)?,
                    last_modified: row.get(1)?,
                    file: None,
                    version: row.get(2)?,
                })
            })
            .optional()?;
        let found = found.filter(|found| found.etag.is_some() || found.last_modified.is_some());
        Ok(found.map(Box::new))
    }

    /// Forgets what the run before had read of a sitemap: it says something else now, or is gone.
    pub(super) fn forget_entries(&self, tx: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
        forget_said(tx, self.run, id)?;
        tx.prepare_cached(
            "UPDATE sitemap SET kind = NULL, entries = NULL, refused = NULL, truncated = NULL, bytes = NULL
             WHERE run = ? AND url = ?",
        )?
        .execute([self.run, id])
        .map(drop)
    }

    /// Sitemaps that came from an index, and that none names any more, go with what they name, as a crawl would not
    /// have met them.
    pub(super) fn drop_left_sitemaps(&self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let left = "SELECT s.url FROM sitemap s WHERE s.run = ?1 AND s.via_kind = ?2 AND s.last_fetch IS NOT NULL
             AND s.url NOT IN (SELECT url FROM frontier WHERE kind = 4)
             AND s.url NOT IN (SELECT e.url FROM sitemap_entry e JOIN sitemap i ON i.run = e.run AND i.url = e.sitemap
               WHERE e.run = ?1 AND i.kind = 1)";
        // Those of an index that goes are left by it.
        for _ in 0..=MAX_LEVEL {
            for table in SAID.into_iter().chain(["sitemap"]) {
                let column = if table == "sitemap" { "url" } else { "sitemap" };
                tx.execute(
                    &format!("DELETE FROM {table} WHERE run = ?1 AND {column} IN ({left})"),
                    params![self.run, VIA_SITEMAP],
                )?;
            }
        }
        Ok(())
    }
}
