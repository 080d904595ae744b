//! The rows of a sitemap that was asked for: what came, and its entries, each of which is reached.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

use rusqlite::{Transaction, params};
use tokio_rusqlite::rusqlite;

use super::seen::Visit;
use super::sitemaps::Place;
use super::words::Decision;
use super::writer::{Tally, Writer};
use crate::fetched::Fetched;
use crate::record::{Fate, Record};
use crate::sitemap::{Kind, Sitemap};

/// What sitemaps say: rows by run and sitemap.
pub(super) const SAID: [&str; 2] = ["sitemap_entry", "sitemap_alternate"];

/// Removes what a sitemap has said in a run.
pub(super) fn forget_said(tx: &Transaction<'_>, run: i64, url: i64) -> rusqlite::Result<()> {
    for table in SAID {
        tx.prepare_cached(&format!(
            "DELETE FROM {table} WHERE run = ? AND sitemap = ?"
        ))?
        .execute([run, url])?;
    }
    Ok(())
}

impl Writer {
    /// Writes what came of a request for a sitemap.
    pub(super) fn sitemap(
        &mut self,
        tx: &Transaction<'_>,
        record: &Record,
        tally: &mut Tally,
    ) -> rusqlite::Result<()> {
        let url = -record.request.ticket.url;
        let written = match &record.fetched {
            Some(fetched) => Some(self.fetch(tx, url, &Visit::NONE, record, fetched, tally)?),
            None => None,
        };
        match record.fate {
            Fate::Kept => return Ok(()),
            Fate::Retry(at) | Fate::Again(at) => return self.again(tx, record, at),
            Fate::Done => self.unqueue(tx, record)?,
        }
        let Some(written) = written else {
            let rule = record.rule.as_deref().unwrap_or("robots.txt");
            let rule = self.admitter.rule_id(tx, rule)?;
            self.admitter.forget_entries(tx, url)?;
            return tx
                .prepare_cached(
                    "UPDATE sitemap SET decision = ?3, rule = ?4, last_fetch = iif(carried > 0, NULL, last_fetch), carried = 0
                     WHERE run = ?1 AND url = ?2",
                )?
                .execute([self.run, url, Decision::Disallowed as i64, rule])
                .map(drop);
        };
        tx.prepare_cached(
            "UPDATE sitemap SET last_fetch = ?3, carried = 0 WHERE run = ?1 AND url = ?2",
        )?
        .execute([self.run, url, written.fetch])?;
        if !keeps_what_it_said(record) {
            self.admitter.forget_entries(tx, url)?;
        }
        let Some(known) = self.admitter.sitemap(tx, url)? else {
            return Ok(());
        };
        let target = record.redirect_to.as_ref();
        let (place, here) = (known.place, &record.request.url);
        self.admitter.leads_to(tx, url, place, here, target)?;
        if let Some(sitemap) = &record.sitemap {
            self.entries(tx, url, place, sitemap)?;
        }
        self.admitter.settle(tx)
    }

    fn entries(
        &mut self,
        tx: &Transaction<'_>,
        url: i64,
        place: Place,
        sitemap: &Sitemap,
    ) -> rusqlite::Result<()> {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        tx.prepare_cached(
            "UPDATE sitemap SET kind = ?3, entries = ?4, refused = ?5, truncated = ?6, bytes = ?7 WHERE run = ?1 AND url = ?2",
        )?
        .execute(params![
            self.run,
            url,
            sitemap.kind.code(),
            count(sitemap.entries.len()),
            count(sitemap.refused),
            sitemap.truncated,
            count(sitemap.bytes)
        ])?;
        // What was read of it before in this run, it may say no more.
        forget_said(tx, self.run, url)?;
        let is_index = sitemap.kind == Kind::Index;
        for (position, entry) in sitemap.entries.iter().enumerate() {
            let lastmod = entry.lastmod.as_deref();
            let id = self
                .admitter
                .reach_entry(tx, url, place, is_index, &entry.loc, lastmod)?;
            tx.prepare_cached("INSERT OR REPLACE INTO sitemap_entry VALUES (?,?,?,?,?,?,?)")?
                .execute(params![
                    self.run,
                    url,
                    count(position),
                    id,
                    lastmod,
                    entry.changefreq,
                    entry.priority
                ])?;
        }
        self.alternates(tx, url, place, sitemap)
    }

    /// Writes what entries are called in other languages. Entries name the same few targets again and again, so each
    /// of these is reached once.
    fn alternates(
        &mut self,
        tx: &Transaction<'_>,
        url: i64,
        place: Place,
        sitemap: &Sitemap,
    ) -> rusqlite::Result<()> {
        let mut ids = HashMap::with_capacity(sitemap.targets.len());
        for (position, entry) in (0_i64..).zip(&sitemap.entries) {
            for (number, (language, target)) in (0_i64..).zip(sitemap.alternates(entry)) {
                let id = match ids.entry(target.address()) {
                    Occupied(known) => *known.get(),
                    Vacant(new) => {
                        let id = self.admitter.reach_alternate(tx, url, place, target)?;
                        *new.insert(id)
                    }
                };
                tx.prepare_cached("INSERT INTO sitemap_alternate VALUES (?,?,?,?,?,?)")?
                    .execute(params![self.run, url, position, number, language, id])?;
            }
        }
        Ok(())
    }
}

/// Whether what a refresh has of a sitemap from before still counts: it is as it was, or could not be had.
fn keeps_what_it_said(record: &Record) -> bool {
    let fetched = record.fetched.as_ref();
    let status = fetched.and_then(Fetched::status);
    let failed = fetched.is_some_and(|fetched| record.error.or(fetched.error).is_some());
    record.sitemap.is_none()
        && record.redirect_to.is_none()
        && (failed || !matches!(status, Some(404 | 410)))
}
