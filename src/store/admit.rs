//! The one seen set: which URLs are known, which of those that a page reveals are new, and what the
//! rules make of them. Exact, for the tables decide; in memory is only a bounded cache of them.
//!
//! A URL is met by a [route](super::route): so many links from a seed, so many redirects in a row, over
//! a link that may be cut (too deep, nofollow). What depends on the route is taken back when a better
//! one turns up, and what is better is passed on to what the URL leads to. So the set of pages depends
//! on the site and the settings alone, not on which answer came first.

use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use rusqlite::{OptionalExtension, Row, Transaction, params};
use tokio_rusqlite::rusqlite;

use super::intern::{Interned, text_id};
use super::queue::kind_of;
use super::route::{Judgement, Policy, Route};
use super::seen::{Known, Seen, UrlHash, Visit};
use super::sitemaps::Maps;
use super::words::{Decision, Role, kind_code};
use crate::canonical::{CanonicalUrl, Host};
use crate::record::{Link, LinkKind, Rewritten};
use crate::request::{Kind, Request};
use crate::text::Text;
use crate::traps::Traps;

/// A [`Visit`] of the columns decision, role, depth, redirects, hops, part.
pub(super) fn visit_of(row: &Row<'_>, from: usize) -> rusqlite::Result<Visit> {
    Ok(Visit {
        decision: Decision::from_code(row.get(from)?).unwrap_or(Decision::Admitted),
        role: Role::from_code(row.get(from + 1)?),
        depth: row.get(from + 2)?,
        redirects: row.get(from + 3)?,
        hops: row.get(from + 4)?,
        part: row.get(from + 5)?,
    })
}

/// Hands out identities and decides what is admitted.
#[derive(Debug)]
pub(super) struct Admitter {
    pub(super) run: i64,
    keys: (u64, u64),
    pub(super) policy: Policy,
    /// How pages are read now; a content that was read otherwise is asked for without conditions.
    pub(super) reader: i64,
    pub(super) seen: Seen,
    hosts: Interned<Host>,
    rules: Interned<String>,
    /// Hosts and origins that are given up for this start: what comes to them is deferred at once.
    pub(super) deferred_hosts: HashMap<i64, i64>,
    pub(super) deferred_origins: HashMap<String, i64>,
    /// URLs whose better route has not been passed on yet.
    pub(super) nearer: VecDeque<i64>,
    /// What there is to remember of sitemaps.
    pub(super) maps: Maps,
    /// What was admitted since it was last taken.
    pub(super) admitted: Vec<Request>,
    /// What has joined the scope since that was last taken.
    pub(super) joined: Vec<CanonicalUrl>,
    /// Likewise, of what is deferred at once.
    pub(super) deferred: u64,
    /// Rows put in the queue since that was last taken.
    pub(super) enqueued: i64,
    /// Hosts that were met in this batch and of which nothing was asked for yet.
    pub(super) new_hosts: HashSet<i64>,
    pub(super) traps: Traps,
    /// What waited and was put aside as a part of a trap since that was last taken.
    pub(super) trapped: Vec<(Host, Vec<i64>)>,
    pub(super) now: i64,
    /// In a refresh, how many requests it may spend.
    pub(super) budget: Option<u64>,
    /// In a refresh, how many more URLs it may ask for.
    pub(super) room: Option<u64>,
    /// From when on an answer is young enough not to be asked for again.
    young: Option<i64>,
    /// Whether bodies are kept in files.
    files: bool,
}

impl Admitter {
    pub(super) fn new(run: i64, keys: (u64, u64), policy: Policy, reader: i64) -> Self {
        Self {
            run,
            keys,
            traps: Traps::new(policy.trap_budget),
            trapped: Vec::new(),
            policy,
            reader,
            seen: Seen::default(),
            hosts: Interned::new(),
            rules: Interned::new(),
            deferred_hosts: HashMap::new(),
            deferred_origins: HashMap::new(),
            nearer: VecDeque::new(),
            maps: Maps::default(),
            admitted: Vec::new(),
            joined: Vec::new(),
            deferred: 0,
            enqueued: 0,
            new_hosts: HashSet::new(),
            now: 0,
            budget: None,
            room: None,
            young: None,
            files: true,
        }
    }

    /// Has what was answered well since then count as it is, where its body is in a file if `files` are kept.
    pub(super) fn with_young(mut self, since: Option<i64>, files: bool) -> Self {
        (self.young, self.files) = (since, files);
        self
    }

    /// See [`Admitter::with_young`].
    pub(super) fn young(&self) -> Option<i64> {
        self.young
    }

    pub(super) fn host_id(&mut self, tx: &Transaction<'_>, host: &Host) -> rusqlite::Result<i64> {
        let new_hosts = &mut self.new_hosts;
        self.hosts.get_or(host, || {
            let (id, is_new) = text_id(tx, "host", "name", host.as_str())?;
            if is_new {
                new_hosts.insert(id);
            }
            Ok(id)
        })
    }

    pub(super) fn rule_id(&mut self, tx: &Transaction<'_>, rule: &str) -> rusqlite::Result<i64> {
        self.rules.get_or(
            &rule.to_owned(),
            || Ok(text_id(tx, "rule", "text", rule)?.0),
        )
    }

    /// The URL's row, which is made if the URL is new, and what this run has made of it.
    pub(super) fn known(
        &mut self,
        tx: &Transaction<'_>,
        url: &CanonicalUrl,
    ) -> rusqlite::Result<(UrlHash, Known)> {
        let hash = UrlHash::of(url, self.keys);
        if let Some(known) = self.seen.get(hash) {
            return Ok((hash, known));
        }
        let host = self.host_id(tx, &url.host())?;
        let mut statement = tx.prepare_cached(
            "SELECT u.id, u.text, v.decision, v.role, v.depth, v.redirects, v.hops, v.part FROM url u
             LEFT JOIN visit v ON v.run = ?1 AND v.url = u.id WHERE u.host = ?2 AND u.hash = ?3",
        )?;
        let mut rows = statement.query(params![self.run, host, hash.stored()])?;
        let mut found = None;
        while let Some(row) = rows.next()? {
            let text: String = row.get(1)?;
            // Equal hashes are no proof: the identities are compared.
            if CanonicalUrl::parse(&text).is_ok_and(|stored| stored.key() == url.key()) {
                let met = row.get::<_, Option<i64>>(2)?.is_some();
                found = Some(Known {
                    id: row.get(0)?,
                    host,
                    visit: if met { Some(visit_of(row, 2)?) } else { None },
                });
                break;
            }
        }
        let known = if let Some(known) = found {
            known
        } else {
            tx.prepare_cached(
                "INSERT INTO url (host, hash, text, first_seen) VALUES (?, ?, ?, ?)",
            )?
            .execute(params![host, hash.stored(), url.as_str(), self.now])?;
            Known {
                id: tx.last_insert_rowid(),
                host,
                visit: None,
            }
        };
        self.seen.put(hash, known);
        Ok((hash, known))
    }

    /// The id of a URL that is named but not visited (a canonical, a robots.txt).
    pub(super) fn identity(
        &mut self,
        tx: &Transaction<'_>,
        url: &CanonicalUrl,
    ) -> rusqlite::Result<i64> {
        Ok(self.known(tx, url)?.1.id)
    }

    /// Keeps the text in which a URL was first met, where that is another one.
    pub(super) fn note_rewritten(
        &mut self,
        tx: &Transaction<'_>,
        rewritten: &Rewritten,
    ) -> rusqlite::Result<()> {
        let url = self.identity(tx, &rewritten.url)?;
        let rule = self.rule_id(tx, &rewritten.rule)?;
        tx.prepare_cached("INSERT OR IGNORE INTO rewritten VALUES (?, ?, ?)")?
            .execute(params![url, rewritten.written.as_str(), rule])
            .map(drop)
    }

    /// The form in which a stored URL is asked for now; it may have been stored under other settings.
    pub(super) fn in_form(
        &mut self,
        tx: &Transaction<'_>,
        url: CanonicalUrl,
        rewritten: Option<Rewritten>,
    ) -> rusqlite::Result<CanonicalUrl> {
        let Some(rewritten) = rewritten else {
            return Ok(url);
        };
        self.note_rewritten(tx, &rewritten)?;
        Ok(rewritten.url)
    }

    /// A URL was come by: admits it if it is new and the rules let it in, or takes note of a better
    /// route. Answers with its id.
    pub(super) fn reach(
        &mut self,
        tx: &Transaction<'_>,
        url: &CanonicalUrl,
        route: &Route,
    ) -> rusqlite::Result<i64> {
        let (hash, known) = self.known(tx, url)?;
        match known.visit {
            None => {
                let found = self.policy.judge(url, route);
                let found = self.unless_trapped(tx, known, url, route, found)?;
                let found = self.within_budget(tx, known, found)?;
                self.meet(tx, hash, known, url, route, &found)?;
            }
            Some(visit) if self.policy.may_gain(&visit, route) => {
                self.weigh(tx, hash, known, visit, url, route)?;
            }
            Some(_) => {}
        }
        Ok(known.id)
    }

    /// Judges a URL that was met before by another route: takes what is better of it.
    pub(super) fn weigh(
        &mut self,
        tx: &Transaction<'_>,
        hash: UrlHash,
        known: Known,
        visit: Visit,
        url: &CanonicalUrl,
        route: &Route,
    ) -> rusqlite::Result<()> {
        let mut found = self.policy.judge(url, route);
        if !visit.is_in() {
            found = self.unless_trapped(tx, known, url, route, found)?;
            found = self.within_budget(tx, known, found)?;
        }
        let order = found.precedence().cmp(&visit.precedence());
        match order {
            Ordering::Less => self.promote(tx, hash, known, visit, url, route, &found)?,
            Ordering::Equal => self.improve(tx, hash, known, visit, url, route, &found)?,
            Ordering::Greater => self.add(tx, hash, known, visit, route, &found)?,
        }
        let role = if order == Ordering::Less {
            found.role
        } else {
            visit.role
        };
        self.note_outside(tx, known.id, role, route, &found)
    }

    /// Keeps the route by which something that is asked for as less would be a page, were its host in the
    /// scope: it may yet join.
    fn note_outside(
        &self,
        tx: &Transaction<'_>,
        url: i64,
        role: Role,
        route: &Route,
        found: &Judgement,
    ) -> rusqlite::Result<()> {
        let less = matches!(role, Role::Asset | Role::Check);
        if !less || !route.is_of_page() || !(found.is_outside() || found.role == Role::Check) {
            return Ok(());
        }
        let visit = Visit::of(found, route);
        self.keep_outside(tx, url, &visit, route.via, route.via_kind)
    }

    /// A URL is found as something less than it is asked for as: it leads on as both.
    fn add(
        &mut self,
        tx: &Transaction<'_>,
        hash: UrlHash,
        known: Known,
        visit: Visit,
        route: &Route,
        found: &Judgement,
    ) -> rusqlite::Result<()> {
        if found.decision != Decision::Admitted || !visit.is_in() {
            return Ok(());
        }
        let more = visit.keeping(&Visit::of(found, route));
        let more = Visit {
            part: visit.part || more.part,
            ..more
        };
        if more == visit {
            return Ok(());
        }
        self.seen.put(
            hash,
            Known {
                visit: Some(more),
                ..known
            },
        );
        tx.prepare_cached(
            "UPDATE visit SET redirects = ?3, part = ?4 WHERE run = ?1 AND url = ?2",
        )?
        .execute(params![self.run, known.id, more.redirects, more.part])?;
        self.nearer.push_back(known.id);
        Ok(())
    }

    /// Writes what was decided of a URL that this run had not met.
    fn meet(
        &mut self,
        tx: &Transaction<'_>,
        hash: UrlHash,
        mut known: Known,
        url: &CanonicalUrl,
        route: &Route,
        found: &Judgement,
    ) -> rusqlite::Result<()> {
        let rule = self.rule_id(tx, &found.rule)?;
        let visit = Visit::of(found, route);
        // What an earlier run has of it stays the last good version until this run has a better one.
        tx.prepare_cached(
            "INSERT INTO visit (run, url, depth, redirects, via, via_kind, decision, rule, role, hops, good_version, good_fetch)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
               (SELECT good_version FROM visit WHERE run = ?1 - 1 AND url = ?2),
               (SELECT good_fetch FROM visit WHERE run = ?1 - 1 AND url = ?2))",
        )?
        .execute(params![
            self.run,
            known.id,
            visit.depth,
            visit.redirects,
            route.via,
            route.via_kind,
            visit.decision as i64,
            rule,
            visit.role as i64,
            visit.hops
        ])?;
        known.visit = Some(visit);
        self.seen.put(hash, known);
        if found.decision == Decision::Admitted {
            if !self.keep_young(tx, known.id, &visit)? {
                if found.role == Role::Page {
                    self.traps.reveal(known.host, url);
                }
                self.enqueue(tx, known.id, known.host, url, &visit)?;
            }
            self.near_origin(tx, known.host, url, &visit)?;
        }
        self.note_outside(tx, known.id, visit.role, route, found)
    }

    /// Takes over the outcome of the run before, if that is good, young and was read as it would be read now: it is
    /// not asked for, and what it leads to is reached as if it had been. Whether that is so.
    pub(super) fn keep_young(
        &mut self,
        tx: &Transaction<'_>,
        url: i64,
        visit: &Visit,
    ) -> rusqlite::Result<bool> {
        let Some(since) = self.young.filter(|_| self.run > 1) else {
            return Ok(false);
        };
        let found: Option<i64> = tx
            .prepare_cached(
                "SELECT f.id FROM visit v JOIN fetch f ON f.id = v.last_fetch LEFT JOIN version c ON c.id = f.version
                 WHERE v.run = ?1 - 1 AND v.url = ?2 AND f.started >= ?3 AND f.error IS NULL AND f.status < 400 AND f.kind = ?4
                 AND (f.redirect_to IS NOT NULL OR c.reader = ?5 AND (c.file IS NOT NULL OR NOT ?6))",
            )?
            .query_row(
                params![
                    self.run,
                    url,
                    since,
                    kind_code(&kind_of(visit.role)),
                    self.reader,
                    self.files
                ],
                |row| row.get(0),
            )
            .optional()?;
        let Some(fetch) =
            found.filter(|_| matches!(visit.role, Role::Page | Role::Asset | Role::Known))
        else {
            return Ok(false);
        };
        tx.prepare_cached(
            "UPDATE visit SET last_fetch = ?3, carried = 1 WHERE run = ?1 AND url = ?2",
        )?
        .execute([self.run, url, fetch])?;
        self.nearer.push_back(url);
        Ok(true)
    }

    /// A better route overturns what was decided of a URL: it takes its place.
    #[expect(clippy::too_many_arguments, reason = "one row, named part by part")]
    fn promote(
        &mut self,
        tx: &Transaction<'_>,
        hash: UrlHash,
        known: Known,
        before: Visit,
        url: &CanonicalUrl,
        route: &Route,
        found: &Judgement,
    ) -> rusqlite::Result<()> {
        let rule = self.rule_id(tx, &found.rule)?;
        let visit = Visit::of(found, route).keeping(&before);
        // Where robots.txt has spoken, it has spoken whatever the URL is wanted for.
        let kept = Visit {
            decision: match before.decision {
                Decision::Disallowed => Decision::Disallowed,
                _ => visit.decision,
            },
            ..visit
        };
        if before.is_outside() && visit.role == Role::Asset {
            let via = tx
                .prepare_cached("SELECT via, via_kind FROM visit WHERE run = ? AND url = ?")?
                .query_row([self.run, known.id], |row| Ok((row.get(0)?, row.get(1)?)));
            let (via, via_kind) = via?;
            self.keep_outside(tx, known.id, &before, via, via_kind)?;
        }
        tx.prepare_cached(
            "UPDATE visit SET depth = ?3, redirects = ?4, via = ?5, via_kind = ?6, role = ?9, hops = ?10, part = ?12,
             decision = iif(decision = ?11, decision, ?7), rule = iif(decision = ?11, rule, ?8) WHERE run = ?1 AND url = ?2",
        )?
        .execute(params![
            self.run,
            known.id,
            visit.depth,
            visit.redirects,
            route.via,
            route.via_kind,
            visit.decision as i64,
            rule,
            visit.role as i64,
            visit.hops,
            Decision::Disallowed as i64,
            visit.part
        ])?;
        self.seen.put(
            hash,
            Known {
                visit: Some(kept),
                ..known
            },
        );
        if visit.decision != Decision::Admitted {
            return Ok(());
        }
        self.near_origin(tx, known.host, url, &visit)?;
        let asked: Option<u8> = tx
            .prepare_cached(
                "SELECT f.kind FROM visit v LEFT JOIN fetch f ON f.id = v.last_fetch WHERE v.run = ? AND v.url = ?",
            )?
            .query_row([self.run, known.id], |row| row.get(0))?;
        // What was only checked has no content that could be read.
        if asked == Some(kind_code(&Kind::Check)) && visit.role != Role::Check {
            tx.prepare_cached(
                "UPDATE visit SET last_fetch = NULL, carried = 0 WHERE run = ? AND url = ?",
            )?
            .execute([self.run, known.id])?;
        } else if asked.is_some() {
            self.nearer.push_back(known.id);
            return Ok(());
        } else if matches!(before.decision, Decision::Admitted | Decision::Disallowed) {
            // It waits, or is under way; its place in the queue is read with what it is now.
            return Ok(());
        } else if self.keep_young(tx, known.id, &visit)? {
            return Ok(());
        }
        self.enqueue(tx, known.id, known.host, url, &visit)
    }

    /// See [`Admitter::note_outside`].
    fn keep_outside(
        &self,
        tx: &Transaction<'_>,
        url: i64,
        visit: &Visit,
        via: Option<i64>,
        via_kind: u8,
    ) -> rusqlite::Result<()> {
        tx.prepare_cached(
            "INSERT INTO outside VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET depth = min(depth, excluded.depth),
             redirects = min(redirects, excluded.redirects), hops = min(hops, excluded.hops)",
        )?
        .execute(params![
            self.run,
            url,
            visit.depth,
            visit.redirects,
            visit.hops,
            via,
            via_kind
        ])
        .map(drop)
    }

    /// A URL turns out to be nearer than was known. Where it has been read already, so is what it leads
    /// to: [`Admitter::settle`] sees to that.
    #[expect(clippy::too_many_arguments, reason = "one row, named part by part")]
    fn improve(
        &mut self,
        tx: &Transaction<'_>,
        hash: UrlHash,
        known: Known,
        visit: Visit,
        url: &CanonicalUrl,
        route: &Route,
        found: &Judgement,
    ) -> rusqlite::Result<()> {
        let better = Visit {
            depth: visit.depth.min(route.depth),
            redirects: visit.redirects.min(route.redirects),
            hops: visit.hops.min(found.hops),
            ..visit
        };
        if better == visit || visit.is_shut() {
            return Ok(());
        }
        self.seen.put(
            hash,
            Known {
                visit: Some(better),
                ..known
            },
        );
        let nearer = route.depth < visit.depth;
        tx.prepare_cached(
            "UPDATE visit SET depth = ?3, redirects = ?4, via = iif(?5, ?6, via), via_kind = iif(?5, ?7, via_kind), hops = ?8
             WHERE run = ?1 AND url = ?2",
        )?
        .execute(params![
            self.run,
            known.id,
            better.depth,
            better.redirects,
            nearer,
            route.via,
            route.via_kind,
            better.hops
        ])?;
        self.nearer.push_back(known.id);
        self.near_origin(tx, known.host, url, &better)
    }

    /// Reaches again what those URLs lead to that have turned out to be nearer, until nothing changes:
    /// by a list, first come first served, for a chain of pages may be longer than any stack.
    pub(super) fn settle(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        while self.settle_one(tx)? {}
        Ok(())
    }

    /// A step of [`Admitter::settle`]; whether there was something to do.
    pub(super) fn settle_one(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<bool> {
        if let Some(url) = self.nearer.pop_front() {
            if let Some(visit) = self.visit(tx, url)?.filter(Visit::is_in) {
                self.pass_on(tx, url, &visit)?;
            }
        } else if let Some(sitemap) = self.maps.nearer.pop_front() {
            self.pass_on_sitemap(tx, sitemap)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Reaches again, by the route that it has now, what a URL was seen to lead to.
    pub(super) fn pass_on(
        &mut self,
        tx: &Transaction<'_>,
        url: i64,
        visit: &Visit,
    ) -> rusqlite::Result<()> {
        let outcome: Option<(Option<i64>, Option<String>, String)> = tx
            .prepare_cached(
                "SELECT f.version, t.text, u.text FROM visit v JOIN fetch f ON f.id = v.last_fetch JOIN url u ON u.id = v.url
                 LEFT JOIN url t ON t.id = f.redirect_to WHERE v.run = ? AND v.url = ?",
            )?
            .query_row([self.run, url], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((version, redirect_to, text)) = outcome else {
            return Ok(());
        };
        let target = redirect_to.map(|text| CanonicalUrl::parse(&text).ok());
        match (CanonicalUrl::parse(&text).ok(), target) {
            (Some(text), None) if visit.ends_seed() => self.join(tx, &text, url)?,
            (Some(text), Some(Some(target))) => {
                let rewritten = self.policy.rewrite.redirect(&text, &target);
                let target = self.in_form(tx, target, rewritten)?;
                self.reach_redirect(tx, &target, visit, url)?;
            }
            _ => {}
        }
        match version {
            Some(version) => self.reach_stored(tx, url, visit, version),
            None => Ok(()),
        }
    }

    /// Reaches what a URL redirects to, as everything that the URL is. Answers with the target's id.
    pub(super) fn reach_redirect(
        &mut self,
        tx: &Transaction<'_>,
        target: &CanonicalUrl,
        visit: &Visit,
        from: i64,
    ) -> rusqlite::Result<i64> {
        if let Some(part) = visit.as_part() {
            self.reach(tx, target, &Route::redirect(&part, from))?;
        }
        self.reach(tx, target, &Route::redirect(visit, from))
    }

    /// Reaches everything that a stored content links to.
    pub(super) fn reach_stored(
        &mut self,
        tx: &Transaction<'_>,
        from: i64,
        visit: &Visit,
        version: i64,
    ) -> rusqlite::Result<()> {
        for (target, kind, nofollow) in stored_links(tx, version)? {
            let rewritten = self.policy.rewrite.apply(&target);
            let target = self.in_form(tx, target, rewritten)?;
            self.reach(tx, &target, &Route::link(visit, from, kind, nofollow))?;
        }
        Ok(())
    }

    /// Reaches everything that a page links to; answers with the targets' ids, in order.
    pub(super) fn reach_links(
        &mut self,
        tx: &Transaction<'_>,
        from: i64,
        visit: &Visit,
        page_nofollow: bool,
        links: &[Link],
    ) -> rusqlite::Result<Vec<i64>> {
        // Most links of a page are repeated: the same place twice by the same way brings nothing new.
        let mut reached = HashMap::with_capacity(links.len());
        let mut targets = Vec::with_capacity(links.len());
        for link in links {
            let nofollow = page_nofollow || link.is_nofollow();
            targets.push(
                match reached.entry((link.target.address(), link.kind, nofollow)) {
                    Entry::Occupied(entry) => *entry.get(),
                    Entry::Vacant(entry) => {
                        let route = Route::link(visit, from, link.kind, nofollow);
                        *entry.insert(self.reach(tx, &link.target, &route)?)
                    }
                },
            );
        }
        Ok(targets)
    }

    /// [`Admitter::visit`] of a URL whose text is at hand: nearly always remembered.
    pub(super) fn visit_to(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        url: &CanonicalUrl,
    ) -> rusqlite::Result<Option<Visit>> {
        match self.seen.get(UrlHash::of(url, self.keys)) {
            Some(known) if known.id == id => {
                debug_assert_eq!(known.visit, self.visit(tx, id)?, "{url}");
                Ok(known.visit)
            }
            _ => self.visit(tx, id),
        }
    }

    /// Keeps in memory what has become of a URL, if that is remembered at all.
    pub(super) fn remember(&mut self, id: i64, url: &CanonicalUrl, visit: Visit) {
        let hash = UrlHash::of(url, self.keys);
        if let Some(known) = self.seen.get(hash).filter(|known| known.id == id) {
            self.seen.put(
                hash,
                Known {
                    visit: Some(visit),
                    ..known
                },
            );
        }
    }

    /// robots.txt forbids a URL that was let in.
    pub(super) fn disallow(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        url: &CanonicalUrl,
        rule: &str,
    ) -> rusqlite::Result<()> {
        let rule = self.rule_id(tx, rule)?;
        let hash = UrlHash::of(url, self.keys);
        if let Some(mut known) = self.seen.get(hash) {
            if let Some(visit) = &mut known.visit {
                visit.decision = Decision::Disallowed;
            }
            self.seen.put(hash, known);
        }
        tx.prepare_cached(
            "UPDATE visit SET decision = ?3, rule = ?4, last_fetch = iif(carried > 0, NULL, last_fetch), carried = 0
             WHERE run = ?1 AND url = ?2",
        )?
        .execute([self.run, id, Decision::Disallowed as i64, rule])
        .map(drop)
    }

    /// What this run has made of a URL by now.
    pub(super) fn visit(&self, tx: &Transaction<'_>, url: i64) -> rusqlite::Result<Option<Visit>> {
        tx.prepare_cached(
            "SELECT decision, role, depth, redirects, hops, part FROM visit WHERE run = ? AND url = ?",
        )?
        .query_row([self.run, url], |row| visit_of(row, 0))
        .optional()
    }
}

/// The links that a version was found to have.
fn stored_links(
    tx: &Transaction<'_>,
    version: i64,
) -> rusqlite::Result<Vec<(CanonicalUrl, LinkKind, bool)>> {
    let mut statement = tx.prepare_cached(
        "SELECT t.text, l.kind, l.rel, c.nofollow FROM version c JOIN link l ON l.version = c.id
         JOIN url t ON t.id = l.target WHERE c.id = ? ORDER BY l.position",
    )?;
    let mut rows = statement.query([version])?;
    let mut links = Vec::new();
    while let Some(row) = rows.next()? {
        let (text, code): (String, u8) = (row.get(0)?, row.get(1)?);
        let (Ok(target), Some(kind)) = (CanonicalUrl::parse(&text), LinkKind::from_code(code))
        else {
            continue;
        };
        let link = Link {
            target,
            kind,
            rel: row.get_ref(2)?.as_str_or_null()?.map(Text::from),
            anchor: None,
        };
        let nofollow = row.get::<_, bool>(3)? || link.is_nofollow();
        links.push((link.target, link.kind, nofollow));
    }
    Ok(links)
}
