//! Which sitemaps an origin has, and when that is asked: as soon as it has a page of the crawl and its
//! robots.txt is known, whichever of the two is last; and again when a page turns up that is nearer to the
//! seeds. An origin that has no page of the crawl (that is only checked, or serves images) is not asked.

use rusqlite::{OptionalExtension, Transaction, params};
use tokio_rusqlite::rusqlite;

use super::admit::Admitter;
use super::seen::Visit;
use super::sitemaps::{Lead, Place};
use super::words::{Role, VIA_GUESS, VIA_ROBOTS};
use crate::canonical::{Base, CanonicalUrl, Origin};
use crate::config::Sitemaps;
use crate::robots;

/// Sitemaps of one robots.txt.
const MAX_NAMED: usize = 1000;

impl Admitter {
    /// A page of an origin belongs to the crawl: where the origin's robots.txt is known already, the sitemaps
    /// that it names do, too, and where it is the nearest page so far, they are as near. Where robots.txt is
    /// not known, they come with it.
    pub(super) fn near_origin(
        &mut self,
        tx: &Transaction<'_>,
        host: i64,
        url: &CanonicalUrl,
        visit: &Visit,
    ) -> rusqlite::Result<()> {
        let key = (host, url.scheme() == "https");
        let is_known = |depth: &u32| *depth <= visit.depth;
        if self.maps.which == Sitemaps::Off
            || visit.role != Role::Page
            || self.maps.origins.get(&key).is_some_and(is_known)
        {
            return Ok(());
        }
        let known = self.nearest(tx, key)?;
        if known.as_ref().is_some_and(is_known) {
            return Ok(());
        }
        tx.prepare_cached(
            "INSERT INTO nearest VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET depth = excluded.depth",
        )?
        .execute(params![self.run, host, key.1, visit.depth])?;
        self.maps.note(key, visit.depth);
        self.meet_origin(tx, &url.origin(), visit.depth)
    }

    /// Reaches the sitemaps of an origin, if it is known what its robots.txt says.
    fn meet_origin(
        &mut self,
        tx: &Transaction<'_>,
        origin: &Origin,
        depth: u32,
    ) -> rusqlite::Result<()> {
        if !self.maps.obey_robots {
            return self.name_sitemaps(tx, origin, depth, &[]);
        }
        let stored = tx
            .prepare_cached(
                "SELECT r.body FROM origin o JOIN robots r ON r.id = (
                   SELECT id FROM robots WHERE origin = o.id AND reachable ORDER BY fetched DESC LIMIT 1)
                 WHERE o.text = ? AND r.valid_until > ?",
            )?
            .query_row(params![origin.as_str(), self.maps.begun], |row| row.get::<_, Vec<u8>>(0))
            .optional()?;
        match stored {
            Some(body) => self.name_sitemaps(tx, origin, depth, &body),
            None => Ok(()),
        }
    }

    /// The robots.txt of an origin is here: if the origin has pages of the crawl, its sitemaps are reached.
    pub(super) fn met_robots(
        &mut self,
        tx: &Transaction<'_>,
        host: i64,
        origin: &Origin,
        body: &[u8],
    ) -> rusqlite::Result<()> {
        match self.depth_of(tx, host, origin)? {
            Some(depth) => self.name_sitemaps(tx, origin, depth, body),
            None => Ok(()),
        }
    }

    /// Looks again at the origins of hosts that have joined the scope.
    pub(super) fn meet_joined(
        &mut self,
        tx: &Transaction<'_>,
        hosts: &[i64],
    ) -> rusqlite::Result<()> {
        for &host in hosts {
            let name: String = tx
                .prepare_cached("SELECT name FROM host WHERE id = ?")?
                .query_row([host], |row| row.get(0))?;
            for scheme in ["http", "https"] {
                let origin = Origin::from_stored(&format!("{scheme}://{name}"));
                if let Some(depth) = self.depth_of(tx, host, &origin)? {
                    self.meet_origin(tx, &origin, depth)?;
                }
            }
        }
        Ok(())
    }

    /// The least depth of an origin's pages; `None` where it has none.
    fn depth_of(
        &mut self,
        tx: &Transaction<'_>,
        host: i64,
        origin: &Origin,
    ) -> rusqlite::Result<Option<u32>> {
        if self.maps.which == Sitemaps::Off {
            return Ok(None);
        }
        let key = (host, origin.as_str().starts_with("https:"));
        if let Some(depth) = self.maps.origins.get(&key) {
            return Ok(Some(*depth));
        }
        self.nearest(tx, key)
    }

    /// What the table has of that.
    fn nearest(&mut self, tx: &Transaction<'_>, key: (i64, bool)) -> rusqlite::Result<Option<u32>> {
        let depth = tx
            .prepare_cached("SELECT depth FROM nearest WHERE run = ? AND host = ? AND https = ?")?
            .query_row(params![self.run, key.0, key.1], |row| row.get(0))
            .optional()?;
        if let Some(depth) = depth {
            self.maps.note(key, depth);
        }
        Ok(depth)
    }

    /// Reaches the sitemaps that a robots.txt names; or, by a setting, the one that might be there where it
    /// names none.
    fn name_sitemaps(
        &mut self,
        tx: &Transaction<'_>,
        origin: &Origin,
        depth: u32,
        body: &[u8],
    ) -> rusqlite::Result<()> {
        let Ok(robots_url) = origin.robots_url() else {
            return Ok(());
        };
        if !self.policy.scope.may_hold(&robots_url) {
            return Ok(());
        }
        let base = Base::of(&robots_url);
        let named = robots::sitemaps(body).filter_map(|text| base.join(text.trim()).ok());
        let mut named: Vec<_> = named.take(MAX_NAMED + 1).collect();
        if named.len() > MAX_NAMED {
            named.truncate(MAX_NAMED);
            tracing::warn!(%origin, "robots.txt names more than {MAX_NAMED} sitemaps: the rest is left out");
        }
        let (via, via_kind) = if named.is_empty() {
            let guess = self.maps.which == Sitemaps::Guess;
            named.extend(base.join("/sitemap.xml").ok().filter(|_| guess));
            (None, VIA_GUESS)
        } else {
            (Some(self.identity(tx, &robots_url)?), VIA_ROBOTS)
        };
        let lead = Lead {
            place: Place::of_origin(depth),
            via,
            via_kind,
        };
        for url in named {
            self.reach_sitemap(tx, &url, &lead)?;
        }
        Ok(())
    }
}
