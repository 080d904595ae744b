//! Sitemaps in the store: which are read, what becomes of their entries. They stand beside the pages, in a
//! table of their own, for a URL may be both; what they name is reached as if a page had linked to it.
//!
//! A sitemap is met at a [place](Place): so many indexes above it, so many redirects before it, so far from
//! the seeds. As with pages the best of all places counts, and what gets a better one passes that on. So
//! which sitemaps are read, and how deep their entries are, does not depend on the order in which they were
//! met.

use std::collections::{HashMap, VecDeque};
use std::time::SystemTime;

use rusqlite::{OptionalExtension, Row, Transaction, params};
use tokio_rusqlite::rusqlite;

use super::admit::Admitter;
use super::micros;
use super::route::Route;
use super::words::{Decision, VIA_GUESS, VIA_REDIRECT, VIA_ROBOTS, VIA_SEED, VIA_SITEMAP};
use crate::canonical::CanonicalUrl;
use crate::config::{Config, Sitemaps};
use crate::order::Order;
use crate::parse::lastmod;
use crate::request::{Kind, Request, Ticket};
use crate::sitemap::Kind as SitemapKind;

/// Sitemaps of sitemaps: so deep an index is followed.
pub(super) const MAX_LEVEL: u32 = 2;
/// Origins that are remembered as met; others are looked up again.
const MAX_ORIGINS: usize = 65_536;
/// Added to the number of a sitemap in its order: no page has one so great, so the two never stand in one
/// place of a queue.
const SITEMAP: i64 = 1 << 39;

/// Where a sitemap stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Indexes above it.
    level: u32,
    /// Redirects in a row.
    redirects: u32,
    /// Links from the nearest seed: those of the nearest page of the origin whose robots.txt names it. Its
    /// entries are one link further.
    depth: u32,
    /// Whether the user named it, or what led here by redirects alone.
    named: bool,
}

impl Place {
    const NAMED: Self = Self {
        level: 0,
        redirects: 0,
        depth: 0,
        named: true,
    };

    /// Of what an origin's robots.txt names.
    pub(super) fn of_origin(depth: u32) -> Self {
        Self {
            depth,
            named: false,
            ..Self::NAMED
        }
    }

    /// As a row has it, from a column on.
    pub(super) fn stored(row: &Row<'_>, from: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            level: row.get(from)?,
            redirects: row.get(from + 1)?,
            depth: row.get(from + 2)?,
            named: row.get(from + 3)?,
        })
    }

    /// The best of both.
    fn or(self, other: Self) -> Self {
        Self {
            level: self.level.min(other.level),
            redirects: self.redirects.min(other.redirects),
            depth: self.depth.min(other.depth),
            named: self.named || other.named,
        }
    }

    fn below(self) -> Self {
        Self {
            level: self.level.saturating_add(1),
            redirects: 0,
            named: false,
            ..self
        }
    }

    fn redirected(self) -> Self {
        Self {
            redirects: self.redirects.saturating_add(1),
            ..self
        }
    }
}

/// How a sitemap was come by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lead {
    pub(super) place: Place,
    pub(super) via: Option<i64>,
    pub(super) via_kind: u8,
}

impl Lead {
    /// The user named it.
    pub(super) const SEED: Self = Self {
        place: Place::NAMED,
        via: None,
        via_kind: VIA_SEED,
    };

    /// What is said of it where it is read.
    fn rule(self) -> &'static str {
        match self.via_kind {
            VIA_SEED => "seed",
            VIA_ROBOTS => "sitemaps robots",
            VIA_GUESS => "sitemaps guess",
            VIA_REDIRECT => "redirect",
            _ => "named by a sitemap",
        }
    }
}

/// What the admission of sitemaps has to remember.
#[derive(Debug, Default)]
pub(super) struct Maps {
    /// Which are read besides those that the user names.
    pub(super) which: Sitemaps,
    /// Whether robots.txt files are asked for.
    pub(super) obey_robots: bool,
    /// Entries older than this are not followed.
    since: Option<SystemTime>,
    /// Whether the scope is measured from sitemaps, for no page is a seed.
    pub(super) anchor: bool,
    /// Sitemaps whose better place has not been passed on yet.
    pub(super) nearer: VecDeque<i64>,
    /// When the run began: a robots.txt that counted then, or is newer, counts.
    pub(super) begun: i64,
    /// Origins, by host and whether it is https, and the least depth of their pages.
    pub(super) origins: HashMap<(i64, bool), u32>,
}

impl Maps {
    /// What the settings say, of a run that was begun then.
    pub(super) fn new(config: &Config, begun: SystemTime) -> Self {
        Self {
            which: config.scope.sitemaps,
            obey_robots: !config.politeness.ignore_robots,
            since: config.scope.sitemap_since.at(begun),
            begun: micros(begun),
            ..Self::default()
        }
    }

    /// Takes note of the least depth of an origin's pages.
    pub(super) fn note(&mut self, key: (i64, bool), depth: u32) {
        if self.origins.len() >= MAX_ORIGINS {
            self.origins.clear();
        }
        self.origins.insert(key, depth);
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) place: Place,
    decision: Decision,
    asked: bool,
}

fn known_of(row: &Row<'_>) -> rusqlite::Result<Known> {
    Ok(Known {
        place: Place::stored(row, 0)?,
        decision: Decision::from_code(row.get(4)?).unwrap_or(Decision::Admitted),
        asked: row.get::<_, Option<i64>>(5)?.is_some(),
    })
}

/// The turn of a sitemap in its host's queue, breadth first: behind the pages of its depth, for what
/// robots.txt or the user names; and for what an index names, behind those one link further, which its own
/// entries are. So an index of thousands keeps no page waiting for more than one of them.
fn order_of(order: &Order, url: &CanonicalUrl, place: Place, id: i64) -> u64 {
    let depth = place.depth.saturating_add(place.level.min(1));
    order.of(url, depth, id | SITEMAP)
}

/// The same, of a sitemap as its row has it.
pub(super) fn stored_order(
    order: &Order,
    url: &CanonicalUrl,
    depth: u32,
    level: u32,
    id: i64,
) -> u64 {
    let place = Place {
        level,
        ..Place::of_origin(depth)
    };
    order_of(order, url, place, id)
}

/// The handle on a sitemap's place in the queue: another one than that of the page of the same URL.
pub(super) fn ticket(url: i64, host: i64, is_first: bool) -> Ticket {
    Ticket {
        url: -url,
        host,
        is_first,
    }
}

impl Admitter {
    /// A sitemap was come by: has it read if it is new and nothing speaks against it, or takes note of a
    /// better place. Answers with its id.
    pub(super) fn reach_sitemap(
        &mut self,
        tx: &Transaction<'_>,
        url: &CanonicalUrl,
        lead: &Lead,
    ) -> rusqlite::Result<i64> {
        let (id, host) = {
            let known = self.known(tx, url)?.1;
            (known.id, known.host)
        };
        let before = self.sitemap(tx, id)?;
        let place = before.map_or(lead.place, |before| before.place.or(lead.place));
        if before.is_some_and(|before| before.place == place) {
            return Ok(id);
        }
        let (decision, rule) = self.judge_sitemap(url, place, lead);
        let rule = self.rule_id(tx, &rule)?;
        let nearer = before.is_none_or(|before| place.level < before.place.level);
        tx.prepare_cached(
            "INSERT INTO sitemap (run, url, level, redirects, named, via, via_kind, decision, rule, depth)
             VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?12)
             ON CONFLICT DO UPDATE SET level = ?3, redirects = ?4, depth = ?12, named = ?5, via = iif(?10, ?6, via),
             via_kind = iif(?10, ?7, via_kind), decision = iif(decision = ?11, decision, ?8), rule = iif(decision = ?11 OR decision = ?8, rule, ?9)",
        )?
        .execute(params![
            self.run, id, place.level, place.redirects, place.named, lead.via, lead.via_kind, decision as i64,
            rule, nearer, Decision::Disallowed as i64, place.depth
        ])?;
        if decision == Decision::Admitted {
            self.let_in(tx, id, host, url, place, before)?;
        }
        Ok(id)
    }

    /// A sitemap belongs to the crawl: puts it in the queue, or has what it has led to reached again.
    fn let_in(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        host: i64,
        url: &CanonicalUrl,
        place: Place,
        before: Option<Known>,
    ) -> rusqlite::Result<()> {
        match before {
            Some(before) if before.asked => self.maps.nearer.push_back(id),
            // It waits, or robots.txt has spoken.
            Some(before)
                if matches!(before.decision, Decision::Admitted | Decision::Disallowed) =>
            {
                return Ok(());
            }
            _ => self.enqueue_sitemap(tx, id, host, url, place)?,
        }
        Ok(())
    }

    fn judge_sitemap(&self, url: &CanonicalUrl, place: Place, lead: &Lead) -> (Decision, String) {
        let max = self.policy.max_redirects;
        if let Some(rule) = self.policy.scope.excludes(url).filter(|_| !place.named) {
            (Decision::Excluded, rule)
        } else if place.level > MAX_LEVEL {
            let rule = format!("sitemaps of sitemaps {MAX_LEVEL}");
            (Decision::Cut, rule)
        } else if place.redirects > max {
            (Decision::Cut, format!("max-redirects {max}"))
        } else if let Some(max) = self.policy.max_depth
            && place.depth >= max
            && !place.named
        {
            // All that it could name would be cut.
            (Decision::Cut, format!("max-depth {max}"))
        } else {
            (Decision::Admitted, lead.rule().to_owned())
        }
    }

    /// Puts a sitemap in line.
    pub(super) fn enqueue_sitemap(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        host: i64,
        url: &CanonicalUrl,
        place: Place,
    ) -> rusqlite::Result<()> {
        let order = order_of(&self.policy.order, url, place, id);
        let deferred = self.deferral(host, url);
        if self.line_up(tx, host, order, &Kind::Sitemap, id, deferred)? {
            let is_first = self.is_first(host);
            self.admitted.push(Request {
                url: url.clone(),
                kind: Kind::Sitemap,
                order,
                depth: 0,
                attempt: 0,
                not_before: None,
                ticket: ticket(id, host, is_first),
                validators: None,
            });
        }
        Ok(())
    }

    /// Reaches again, by the place that it has now, what a sitemap was seen to lead to.
    pub(super) fn pass_on_sitemap(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
    ) -> rusqlite::Result<()> {
        let Some(known) = self.sitemap(tx, id)? else {
            return Ok(());
        };
        let (text, redirect_to, kind): (String, Option<String>, Option<u8>) = tx
            .prepare_cached(
                "SELECT u.text, t.text, s.kind FROM sitemap s JOIN url u ON u.id = s.url JOIN fetch f ON f.id = s.last_fetch
                 LEFT JOIN url t ON t.id = f.redirect_to WHERE s.run = ? AND s.url = ?",
            )?
            .query_row([self.run, id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let redirect_to = redirect_to.and_then(|text| CanonicalUrl::parse(&text).ok());
        if let Ok(url) = CanonicalUrl::parse(&text) {
            self.leads_to(tx, id, known.place, &url, redirect_to.as_ref())?;
        }
        let is_index = kind == Some(SitemapKind::Index.code());
        for (loc, lastmod) in self.stored_entries(tx, id)? {
            let rewritten = self.policy.rewrite.apply(&loc).filter(|_| !is_index);
            let loc = self.in_form(tx, loc, rewritten)?;
            self.reach_entry(tx, id, known.place, is_index, &loc, lastmod.as_deref())?;
        }
        for target in self.stored_alternates(tx, id)? {
            let rewritten = self.policy.rewrite.apply(&target);
            let target = self.in_form(tx, target, rewritten)?;
            self.reach_alternate(tx, id, known.place, &target)?;
        }
        Ok(())
    }

    fn stored_entries(
        &self,
        tx: &Transaction<'_>,
        id: i64,
    ) -> rusqlite::Result<Vec<(CanonicalUrl, Option<String>)>> {
        let mut statement = tx.prepare_cached(
            "SELECT u.text, e.lastmod FROM sitemap_entry e JOIN url u ON u.id = e.url WHERE e.run = ? AND e.sitemap = ? ORDER BY e.position",
        )?;
        let mut rows = statement.query([self.run, id])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            if let Ok(url) = CanonicalUrl::parse(&row.get::<_, String>(0)?) {
                entries.push((url, row.get(1)?));
            }
        }
        Ok(entries)
    }

    fn stored_alternates(
        &self,
        tx: &Transaction<'_>,
        id: i64,
    ) -> rusqlite::Result<Vec<CanonicalUrl>> {
        let mut statement = tx.prepare_cached(
            "SELECT text FROM url WHERE id IN (SELECT target FROM sitemap_alternate WHERE run = ? AND sitemap = ?)",
        )?;
        let mut rows = statement.query([self.run, id])?;
        let mut targets = Vec::new();
        while let Some(row) = rows.next()? {
            targets.extend(CanonicalUrl::parse(&row.get::<_, String>(0)?));
        }
        Ok(targets)
    }

    /// Follows a sitemap's redirect; where there is none, and the user's own sitemap has led here, this is
    /// where the scope is measured from, if it is measured from sitemaps.
    pub(super) fn leads_to(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        place: Place,
        url: &CanonicalUrl,
        redirect_to: Option<&CanonicalUrl>,
    ) -> rusqlite::Result<()> {
        if let Some(target) = redirect_to {
            let lead = Lead {
                place: place.redirected(),
                via: Some(id),
                via_kind: VIA_REDIRECT,
            };
            self.reach_sitemap(tx, target, &lead)?;
        } else if place.named && self.maps.anchor {
            self.join(tx, url, id)?;
        }
        Ok(())
    }

    /// Reaches an entry of a sitemap: a page, or a sitemap if it is of an index. Answers with its id.
    pub(super) fn reach_entry(
        &mut self,
        tx: &Transaction<'_>,
        sitemap: i64,
        place: Place,
        is_index: bool,
        loc: &CanonicalUrl,
        lastmod: Option<&str>,
    ) -> rusqlite::Result<i64> {
        let changed = lastmod.and_then(lastmod::latest);
        let too_old = changed
            .zip(self.maps.since)
            .is_some_and(|(changed, since)| changed < since);
        if too_old {
            self.identity(tx, loc)
        } else if is_index {
            let lead = Lead {
                place: place.below(),
                via: Some(sitemap),
                via_kind: VIA_SITEMAP,
            };
            self.reach_sitemap(tx, loc, &lead)
        } else {
            let route = Route::sitemap(sitemap, place.depth.saturating_add(1));
            self.reach(tx, loc, &route)
        }
    }

    /// Reaches what a sitemap names as another entry in some language, as it would be by an entry of its own. But
    /// where only what has changed is asked for, its entry is what tells that. Answers with its id.
    pub(super) fn reach_alternate(
        &mut self,
        tx: &Transaction<'_>,
        sitemap: i64,
        place: Place,
        target: &CanonicalUrl,
    ) -> rusqlite::Result<i64> {
        if self.maps.since.is_some() {
            return self.identity(tx, target);
        }
        self.reach_entry(tx, sitemap, place, false, target, None)
    }

    pub(super) fn sitemap(&self, tx: &Transaction<'_>, id: i64) -> rusqlite::Result<Option<Known>> {
        tx.prepare_cached(
            "SELECT level, redirects, depth, named, decision, last_fetch FROM sitemap WHERE run = ? AND url = ?",
        )?
        .query_row([self.run, id], known_of)
        .optional()
    }

    /// Begins to decide anew over the run's sitemaps: each is in no place. What was read keeps its row and its
    /// entries.
    pub(super) fn undecide_sitemaps(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        self.maps.origins.clear();
        tx.execute("DELETE FROM nearest WHERE run = ?", [self.run])?;
        tx.execute(
            "UPDATE sitemap SET decision = ?2, level = ?3, redirects = ?3, depth = ?3, named = 0 WHERE run = ?1",
            params![self.run, Decision::Undecided as i64, u32::MAX],
        )
        .map(drop)
    }

    /// Ends that: of what is not reached any more, what was read stays, as cut; its place is still the worst,
    /// for whatever reaches it yet.
    pub(super) fn settle_sitemaps(
        &mut self,
        tx: &Transaction<'_>,
        rule: i64,
    ) -> rusqlite::Result<()> {
        tx.execute(
            "DELETE FROM sitemap WHERE run = ? AND decision = ? AND last_fetch IS NULL",
            [self.run, Decision::Undecided as i64],
        )?;
        tx.execute(
            "UPDATE sitemap SET decision = ?3, rule = ?4 WHERE run = ?1 AND decision = ?2",
            [
                self.run,
                Decision::Undecided as i64,
                Decision::Cut as i64,
                rule,
            ],
        )
        .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_has_the_order_of_a_sitemap() {
        let order = Order::new(&Config::default()).expect("an order");
        let url = CanonicalUrl::parse("http://a.example/x.xml").expect("a URL");
        let page = |depth, id| order.of(&url, depth, id);
        let map = |level, id| {
            let place = Place {
                level,
                ..Place::of_origin(0)
            };
            order_of(&order, &url, place, id)
        };
        for (level, id) in [(0, 1), (1, 7), (2, 1 << 38)] {
            for depth in 0..3 {
                assert_ne!(map(level, id), page(depth, id));
            }
        }
        assert!(page(0, 9) < map(0, 1), "behind the seeds");
        assert!(map(0, 9) < page(1, 1), "before what they link to");
        assert!(page(1, 9) < map(2, 1), "an index's behind what is near");
    }

    #[test]
    fn the_best_of_two_places() {
        let (one, other) = (
            Place::NAMED.redirected(),
            Place {
                level: 2,
                ..Place::of_origin(3)
            },
        );
        let best = Place {
            level: 0,
            redirects: 0,
            depth: 0,
            named: true,
        };
        assert_eq!(one.or(other), best);
        assert_eq!(other.or(one), best);
        assert!(!one.below().named && one.below().redirects == 0);
    }
}
