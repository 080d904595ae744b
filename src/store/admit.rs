//! The one seen set: which URLs are known, which of those that a page reveals are new, and what the
//! rules make of them. Exact, for the tables decide; in memory is only a bounded cache of them.
//!
//! A URL is met by a *route*: so many links from a seed, so many redirects in a row, over a link that
//! may be cut (too deep, nofollow). What depends on the route is taken back when a better one turns
//! up, and the least depth is passed on to what the page links to. So the set of pages depends on the
//! site and the settings alone, not on which answer came first.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use rusqlite::{OptionalExtension, Transaction, params};
use tokio_rusqlite::rusqlite;

use super::schema::{Decision, FETCH_PAGE, VIA_REDIRECT, VIA_SEED};
use super::seen::{Known, Seen, UrlHash, Visit};
use crate::canonical::{CanonicalUrl, Host};
use crate::record::{Link, LinkKind};
use crate::request::{Kind, Request, Ticket};
use crate::scope::Scope;

/// What decides over URLs and routes.
#[derive(Debug, Clone)]
pub struct Policy {
    /// In or out, by the URL.
    pub scope: Arc<Scope>,
    /// Links from a seed at the most.
    pub max_depth: Option<u32>,
    /// Redirects in a row at the most.
    pub max_redirects: u32,
    /// Whether links marked nofollow are followed all the same.
    pub ignore_nofollow: bool,
}

/// How a URL was come by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    depth: u32,
    redirects: u32,
    via: Option<i64>,
    via_kind: u8,
    followed: bool,
    nofollow: bool,
}

impl Route {
    pub(super) const SEED: Self = Self {
        depth: 0,
        redirects: 0,
        via: None,
        via_kind: VIA_SEED,
        followed: true,
        nofollow: false,
    };

    pub(super) fn link(page: &Visit, via: i64, kind: LinkKind, nofollow: bool) -> Self {
        Self {
            depth: page.depth.saturating_add(1),
            redirects: 0,
            via: Some(via),
            via_kind: kind.code(),
            followed: kind.is_followed(),
            nofollow,
        }
    }

    pub(super) fn redirect(page: &Visit, via: i64) -> Self {
        Self {
            depth: page.depth,
            redirects: page.redirects.saturating_add(1),
            via: Some(via),
            via_kind: VIA_REDIRECT,
            followed: true,
            nofollow: false,
        }
    }
}

/// Texts that are stored once and named by number: rules, header blocks, hosts.
#[derive(Debug)]
pub(super) struct Interned<K> {
    known: HashMap<K, i64>,
}

/// Texts remembered of each kind.
const MAX_INTERNED: usize = 16_384;

impl<K: Hash + Eq + Clone> Interned<K> {
    pub(super) fn new() -> Self {
        Self {
            known: HashMap::new(),
        }
    }

    pub(super) fn get_or(
        &mut self,
        key: &K,
        look_up: impl FnOnce() -> rusqlite::Result<i64>,
    ) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(key) {
            return Ok(*id);
        }
        let id = look_up()?;
        if self.known.len() >= MAX_INTERNED {
            self.known.clear();
        }
        self.known.insert(key.clone(), id);
        Ok(id)
    }
}

/// The id of a text in `table (id, column UNIQUE)`, which gets it if it is new.
pub(super) fn text_id(
    tx: &Transaction<'_>,
    table: &str,
    column: &str,
    text: &str,
) -> rusqlite::Result<i64> {
    let found = tx
        .prepare_cached(&format!("SELECT id FROM {table} WHERE {column} = ?"))?
        .query_row([text], |row| row.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    tx.prepare_cached(&format!("INSERT INTO {table} ({column}) VALUES (?)"))?
        .execute([text])?;
    Ok(tx.last_insert_rowid())
}

/// Hands out identities and decides what is admitted.
#[derive(Debug)]
pub(super) struct Admitter {
    run: i64,
    keys: (u64, u64),
    policy: Policy,
    seen: Seen,
    hosts: Interned<Host>,
    rules: Interned<String>,
    /// Hosts and origins that are given up for this start: what comes to them is deferred at once.
    pub(super) deferred_hosts: HashMap<i64, i64>,
    pub(super) deferred_origins: HashMap<String, i64>,
    /// URLs whose better depth has not been passed on yet.
    nearer: VecDeque<i64>,
    /// What was admitted since it was last taken.
    pub(super) admitted: Vec<Request>,
    /// Likewise, of what is deferred at once.
    pub(super) deferred: u64,
    pub(super) now: i64,
}

impl Admitter {
    pub(super) fn new(run: i64, keys: (u64, u64), policy: Policy) -> Self {
        Self {
            run,
            keys,
            policy,
            seen: Seen::default(),
            hosts: Interned::new(),
            rules: Interned::new(),
            deferred_hosts: HashMap::new(),
            deferred_origins: HashMap::new(),
            nearer: VecDeque::new(),
            admitted: Vec::new(),
            deferred: 0,
            now: 0,
        }
    }

    pub(super) fn host_id(&mut self, tx: &Transaction<'_>, host: &Host) -> rusqlite::Result<i64> {
        self.hosts
            .get_or(host, || text_id(tx, "host", "name", host.as_str()))
    }

    pub(super) fn rule_id(&mut self, tx: &Transaction<'_>, rule: &str) -> rusqlite::Result<i64> {
        self.rules
            .get_or(&rule.to_owned(), || text_id(tx, "rule", "text", rule))
    }

    /// The URL's row, which is made if the URL is new, and what this run has made of it.
    fn known(
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
            "SELECT u.id, u.text, v.decision, v.depth, v.redirects FROM url u
             LEFT JOIN visit v ON v.run = ?1 AND v.url = u.id WHERE u.host = ?2 AND u.hash = ?3",
        )?;
        let mut rows = statement.query(params![self.run, host, hash.stored()])?;
        let mut found = None;
        while let Some(row) = rows.next()? {
            let text: String = row.get(1)?;
            // Equal hashes are no proof: the identities are compared.
            if CanonicalUrl::parse(&text).is_ok_and(|stored| stored.key() == url.key()) {
                let decision = row.get::<_, Option<i64>>(2)?.and_then(Decision::from_code);
                let visit = match decision {
                    Some(decision) => Some(Visit {
                        decision,
                        depth: row.get(3)?,
                        redirects: row.get(4)?,
                    }),
                    None => None,
                };
                found = Some(Known {
                    id: row.get(0)?,
                    host,
                    visit,
                });
                break;
            }
        }
        let known = if let Some(known) = found {
            known
        } else {
            let inside = self.policy.scope.decide(url).inside;
            tx.prepare_cached(
                "INSERT INTO url (host, hash, text, first_seen, in_scope) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![host, hash.stored(), url.as_str(), self.now, inside])?;
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

    /// What a route says of itself: the rule that cuts it, if one does.
    fn cut(&self, route: &Route) -> Option<String> {
        if route.nofollow && !self.policy.ignore_nofollow {
            return Some("nofollow".to_owned());
        }
        if let Some(max) = self.policy.max_depth.filter(|max| route.depth > *max) {
            return Some(format!("max-depth {max}"));
        }
        let max = self.policy.max_redirects;
        (route.redirects > max).then(|| format!("max-redirects {max}"))
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
        let Some(visit) = known.visit else {
            let (decision, rule) = self.judge(url, route);
            self.meet(tx, hash, known, url, route, decision, &rule)?;
            return Ok(known.id);
        };
        match visit.decision {
            Decision::Admitted | Decision::Disallowed => {
                if route.followed && self.cut(route).is_none() {
                    self.improve(tx, hash, known, visit, route)?;
                }
            }
            Decision::Cut | Decision::Linked if route.followed => {
                let (decision, rule) = self.judge(url, route);
                if decision != visit.decision
                    && !(visit.decision == Decision::Cut && decision == Decision::Linked)
                {
                    tx.prepare_cached("DELETE FROM visit WHERE run = ? AND url = ?")?
                        .execute([self.run, known.id])?;
                    self.meet(tx, hash, known, url, route, decision, &rule)?;
                }
            }
            Decision::Cut | Decision::Linked | Decision::Excluded => {}
        }
        Ok(known.id)
    }

    fn judge(&self, url: &CanonicalUrl, route: &Route) -> (Decision, String) {
        // A seed is what the user named: no rule keeps it out.
        if route.via_kind == VIA_SEED {
            return (Decision::Admitted, "seed".to_owned());
        }
        if !route.followed {
            return (
                Decision::Linked,
                "not followed: an asset or a form".to_owned(),
            );
        }
        let decision = self.policy.scope.decide(url);
        match self.cut(route) {
            _ if !decision.inside => (Decision::Excluded, decision.rule),
            Some(rule) => (Decision::Cut, rule),
            None => (Decision::Admitted, decision.rule),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one row, named part by part")]
    fn meet(
        &mut self,
        tx: &Transaction<'_>,
        hash: UrlHash,
        mut known: Known,
        url: &CanonicalUrl,
        route: &Route,
        decision: Decision,
        rule: &str,
    ) -> rusqlite::Result<()> {
        let rule = self.rule_id(tx, rule)?;
        // What an earlier run has of it stays the last good version until this run has a better one.
        tx.prepare_cached(
            "INSERT INTO visit (run, url, depth, redirects, via, via_kind, decision, rule, good_version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, (SELECT good_version FROM visit WHERE run = ?1 - 1 AND url = ?2))",
        )?
        .execute(params![
            self.run,
            known.id,
            route.depth,
            route.redirects,
            route.via,
            route.via_kind,
            decision as i64,
            rule
        ])?;
        known.visit = Some(Visit {
            decision,
            depth: route.depth,
            redirects: route.redirects,
        });
        self.seen.put(hash, known);
        if decision == Decision::Admitted {
            self.enqueue(tx, known, url, route.depth)?;
        }
        Ok(())
    }

    fn enqueue(
        &mut self,
        tx: &Transaction<'_>,
        known: Known,
        url: &CanonicalUrl,
        depth: u32,
    ) -> rusqlite::Result<()> {
        let order = order(depth, known.id);
        let deferred = self.deferral(known.host, url);
        tx.prepare_cached(
            "INSERT INTO frontier (host, ord, kind, url, deferred) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![
            known.host,
            order as i64,
            FETCH_PAGE,
            known.id,
            deferred
        ])?;
        if deferred.is_some() {
            self.deferred += 1;
        } else {
            self.admitted.push(Request {
                url: url.clone(),
                kind: Kind::Page,
                order,
                depth,
                attempt: 0,
                not_before: None,
                ticket: Ticket {
                    url: known.id,
                    host: known.host,
                },
            });
        }
        Ok(())
    }

    /// Why a URL's turn does not come in this start, if it does not.
    pub(super) fn deferral(&self, host: i64, url: &CanonicalUrl) -> Option<i64> {
        let of_host = self.deferred_hosts.get(&host);
        of_host
            .or_else(|| self.deferred_origins.get(url.origin().as_str()))
            .copied()
    }

    /// A URL that is in turns out to be nearer than was known. Where it has been read already, so is
    /// what it leads to: [`Admitter::settle`] sees to that.
    fn improve(
        &mut self,
        tx: &Transaction<'_>,
        hash: UrlHash,
        known: Known,
        visit: Visit,
        route: &Route,
    ) -> rusqlite::Result<()> {
        if route.depth >= visit.depth && route.redirects >= visit.redirects {
            return Ok(());
        }
        let better = Visit {
            depth: visit.depth.min(route.depth),
            redirects: visit.redirects.min(route.redirects),
            ..visit
        };
        self.seen.put(
            hash,
            Known {
                visit: Some(better),
                ..known
            },
        );
        let nearer = route.depth < visit.depth;
        tx.prepare_cached(
            "UPDATE visit SET depth = ?3, redirects = ?4, via = iif(?5, ?6, via), via_kind = iif(?5, ?7, via_kind)
             WHERE run = ?1 AND url = ?2",
        )?
        .execute(params![
            self.run,
            known.id,
            better.depth,
            better.redirects,
            nearer,
            route.via,
            route.via_kind
        ])?;
        self.nearer.push_back(known.id);
        Ok(())
    }

    /// Reaches again what those URLs lead to that have turned out to be nearer, until nothing changes:
    /// by a list, first come first served, for a chain of pages may be longer than any stack.
    pub(super) fn settle(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        while let Some(url) = self.nearer.pop_front() {
            if let Some(visit) = self.visit(tx, url)? {
                self.pass_on(tx, url, &visit)?;
            }
        }
        Ok(())
    }

    /// Reaches again, by the depth that it has now, what a URL was seen to lead to.
    pub(super) fn pass_on(
        &mut self,
        tx: &Transaction<'_>,
        url: i64,
        visit: &Visit,
    ) -> rusqlite::Result<()> {
        let outcome: Option<(Option<i64>, Option<String>)> = tx
            .prepare_cached(
                "SELECT f.version, t.text FROM visit v JOIN fetch f ON f.id = v.last_fetch
                 LEFT JOIN url t ON t.id = f.redirect_to WHERE v.run = ? AND v.url = ?",
            )?
            .query_row([self.run, url], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((version, redirect_to)) = outcome else {
            return Ok(());
        };
        let mut todo = Vec::new();
        if let Some(target) = redirect_to.and_then(|text| CanonicalUrl::parse(&text).ok()) {
            todo.push((target, Route::redirect(visit, url)));
        }
        if let Some(version) = version {
            for (target, kind, nofollow) in stored_links(tx, version)? {
                todo.push((target, Route::link(visit, url, kind, nofollow)));
            }
        }
        for (target, route) in todo {
            self.reach(tx, &target, &route)?;
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
        links
            .iter()
            .map(|link| {
                let route =
                    Route::link(visit, from, link.kind, page_nofollow || link.is_nofollow());
                self.reach(tx, &link.target, &route)
            })
            .collect()
    }

    /// What this run has made of a URL by now.
    pub(super) fn visit(&self, tx: &Transaction<'_>, url: i64) -> rusqlite::Result<Option<Visit>> {
        tx.prepare_cached("SELECT decision, depth, redirects FROM visit WHERE run = ? AND url = ?")?
            .query_row([self.run, url], |row| {
                Ok(Visit {
                    decision: Decision::from_code(row.get(0)?).unwrap_or(Decision::Admitted),
                    depth: row.get(1)?,
                    redirects: row.get(2)?,
                })
            })
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
            rel: row.get(2)?,
            anchor: None,
        };
        let nofollow = row.get::<_, bool>(3)? || link.is_nofollow();
        links.push((link.target, link.kind, nofollow));
    }
    Ok(links)
}

/// Breadth first, and within a depth by the order of discovery.
pub(super) fn order(depth: u32, url: i64) -> u64 {
    (u64::from(depth.min(0x7f_ffff)) << 40) | (url as u64 & 0xff_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_by_depth_then_by_discovery() {
        let mut orders = [
            order(0, 9),
            order(1, 1),
            order(1, 2),
            order(2, 1),
            order(u32::MAX, i64::from(u32::MAX)),
        ];
        let sorted = orders;
        orders.reverse();
        orders.sort_unstable();
        assert_eq!(orders, sorted);
        assert!(orders.iter().all(|order| i64::try_from(*order).is_ok()));
    }
}
