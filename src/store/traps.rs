//! Traps in the tables: what is put aside, what of it waited, and what an earlier start has put aside.

use std::collections::HashSet;

use rusqlite::{Transaction, params};
use tokio_rusqlite::rusqlite;

use super::admit::Admitter;
use super::route::{Judgement, Route};
use super::seen::{Known, Visit};
use super::words::{Decision, Role};
use crate::canonical::{CanonicalUrl, Host};
use crate::record::{Fate, Record};
use crate::request::{Kind as Purpose, Request};
use crate::traps::{Aside, Kind};

/// More rows of a host's queue than memory ever holds of it. Those behind are looked at when they are read.
const HEADS: i64 = 8192;

impl Admitter {
    /// What was judged of a URL that is not asked for yet, unless it belongs to a trap. Seeds, parts of pages
    /// and checks do not; nor does what this run has read already.
    pub(super) fn unless_trapped(
        &mut self,
        tx: &Transaction<'_>,
        known: Known,
        url: &CanonicalUrl,
        route: &Route,
        found: Judgement,
    ) -> rusqlite::Result<Judgement> {
        let is_new = found.decision == Decision::Admitted && found.role == Role::Page;
        if !is_new || route.is_seed() || !self.traps.is_wary(known.host) {
            return Ok(found);
        }
        let Some(rule) = self.traps.judge(known.host, url) else {
            return Ok(found);
        };
        if known.visit.is_some() && self.has_outcome(tx, known.id)? {
            return Ok(found);
        }
        Ok(Judgement {
            role: Role::Page,
            hops: found.hops,
            ..Judgement::refused(Decision::Trapped, rule)
        })
    }

    /// A record is about to be written.
    pub(super) fn begin_page(&mut self, record: &Record) {
        let content = record.content.as_ref();
        self.traps
            .begin(content.is_some_and(|content| content.page.words.is_some()));
    }

    /// A record was written, with what it led to: what is a trap by now is put aside.
    pub(super) fn end_page(
        &mut self,
        tx: &Transaction<'_>,
        record: &Record,
    ) -> rusqlite::Result<()> {
        if record.request.kind != Purpose::Page || record.fate != Fate::Done {
            return Ok(());
        }
        let (host, url) = (record.request.ticket.host, &record.request.url);
        let Some(content) = &record.content else {
            let failed = record.redirect_to.is_none() && record.unchanged().is_none();
            if failed {
                self.traps.skip(host, url, true);
            }
            return Ok(());
        };
        let Some(words) = &content.page.words else {
            self.traps.skip(host, url, false);
            return Ok(());
        };
        let aside = self.traps.read(host, url, words);
        if aside.is_empty() {
            return Ok(());
        }
        for aside in aside {
            tracing::info!(host = %url.host(), "{}", aside.rule);
            let rule = self.rule_id(tx, &aside.rule)?;
            tx.execute(
                "INSERT OR IGNORE INTO template VALUES (?, ?, ?, ?, ?, ?, ?)",
                params![
                    self.run,
                    host,
                    aside.kind as i64,
                    aside.text,
                    rule,
                    aside.pages,
                    self.now
                ],
            )?;
        }
        self.put_waiting_aside(tx, host, &url.host())
    }

    /// Looks over what waits of a host, as far as memory may have it.
    fn put_waiting_aside(
        &mut self,
        tx: &Transaction<'_>,
        host: i64,
        name: &Host,
    ) -> rusqlite::Result<()> {
        let mut statement = tx.prepare_cached(
            "SELECT q.ord, q.url, u.text FROM frontier q JOIN url u ON u.id = q.url
             WHERE q.host = ?1 AND q.kind = 0 ORDER BY q.ord LIMIT ?2",
        )?;
        let rows = statement.query_map([host, HEADS], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
        })?;
        let mut gone = HashSet::new();
        for row in rows {
            let (order, id, text) = row?;
            if let Ok(url) = CanonicalUrl::parse(&text)
                && self.put_aside(tx, host, order, id, &url)?
            {
                gone.insert(id);
            }
        }
        drop(statement);
        self.withdraw(name.clone(), gone);
        Ok(())
    }

    /// Tells the frontier to drop what was put aside. What it was not given yet it is not given at all.
    fn withdraw(&mut self, host: Host, gone: HashSet<i64>) {
        let mut given = gone;
        self.admitted
            .retain(|request| !given.remove(&request.ticket.url));
        if !given.is_empty() {
            self.trapped.push((host, given.into_iter().collect()));
        }
    }

    /// Drops of what was read from a host's queue what was put aside since it was put there.
    pub(super) fn drop_trapped(
        &mut self,
        tx: &Transaction<'_>,
        host: i64,
        requests: &mut Vec<Request>,
    ) -> rusqlite::Result<()> {
        if !self.traps.is_wary(host) {
            return Ok(());
        }
        let Some(name) = requests.first().map(|request| request.url.host()) else {
            return Ok(());
        };
        let (mut left, mut gone) = (Vec::with_capacity(requests.len()), HashSet::new());
        for request in requests.drain(..) {
            let (id, order) = (request.ticket.url, request.order as i64);
            let is_page = request.kind == Purpose::Page;
            if is_page && self.put_aside(tx, host, order, id, &request.url)? {
                gone.insert(id);
            } else {
                left.push(request);
            }
        }
        *requests = left;
        self.withdraw(name, gone);
        Ok(())
    }

    /// Takes a URL out of the queue if it belongs to a trap. What is no page of this run's way (a seed, what
    /// the last run had) stays.
    fn put_aside(
        &mut self,
        tx: &Transaction<'_>,
        host: i64,
        order: i64,
        id: i64,
        url: &CanonicalUrl,
    ) -> rusqlite::Result<bool> {
        let Some(rule) = self.traps.judge(host, url) else {
            return Ok(false);
        };
        let Some(visit) = self.visit_to(tx, id, url)? else {
            return Ok(false);
        };
        if visit.decision != Decision::Admitted || visit.role != Role::Page || visit.depth == 0 {
            return Ok(false);
        }
        // What an earlier run has read is no news, and asked for to see whether it has changed.
        if self.room.is_some() && self.has_outcome(tx, id)? {
            return Ok(false);
        }
        let rule = self.rule_id(tx, &rule)?;
        let gone = tx
            .prepare_cached("DELETE FROM frontier WHERE host = ? AND ord = ? AND kind = 0")?
            .execute([host, order])?;
        self.enqueued -= gone as i64;
        self.set_decision(tx, id, url, visit, Decision::Trapped, rule)?;
        Ok(true)
    }

    /// What was put aside has its outcome all the same.
    pub(super) fn untrap(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        url: &CanonicalUrl,
        visit: Visit,
    ) -> rusqlite::Result<Visit> {
        let rule = self.rule_id(tx, "under way when its template was put aside")?;
        self.set_decision(tx, id, url, visit, Decision::Admitted, rule)
    }

    fn set_decision(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        url: &CanonicalUrl,
        visit: Visit,
        decision: Decision,
        rule: i64,
    ) -> rusqlite::Result<Visit> {
        let visit = Visit { decision, ..visit };
        self.remember(id, url, visit);
        tx.prepare_cached("UPDATE visit SET decision = ?3, rule = ?4 WHERE run = ?1 AND url = ?2")?
            .execute([self.run, id, decision as i64, rule])?;
        Ok(visit)
    }

    /// Takes up what earlier starts of the run have put aside.
    pub(super) fn restore_traps(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut statement = tx.prepare(
            "SELECT t.host, t.kind, t.text, r.text, t.pages FROM template t JOIN rule r ON r.id = t.rule WHERE t.run = ?",
        )?;
        let mut rows = statement.query([self.run])?;
        while let Some(row) = rows.next()? {
            let Some(kind) = Kind::from_code(row.get(1)?) else {
                continue;
            };
            let aside = Aside {
                kind,
                text: row.get(2)?,
                rule: row.get(3)?,
                pages: row.get(4)?,
            };
            self.traps.restore(row.get(0)?, aside);
        }
        Ok(())
    }
}
