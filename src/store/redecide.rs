//! Decisions taken anew: when the settings have changed between two starts, when a seed turns out to lead
//! elsewhere, and when a run has come to its end and the last one knew more URLs.

use rusqlite::{Transaction, params};
use tokio_rusqlite::rusqlite;

use super::admit::{Admitter, visit_of};
use super::route::Route;
use super::seen::{Known, Seen, UrlHash, Visit};
use super::sitemaps::Lead;
use super::words::{Decision, Role, VIA_EARLIER};
use crate::canonical::{CanonicalUrl, registrable_domain};
use crate::config::{Reach, Seed};

/// URLs of the last run that are looked at together.
const PAGE: usize = 1000;

/// What is said of URLs that were asked for and that the present settings would not reach.
const UNREACHED: &str = "not reached under the present settings";

impl Admitter {
    /// Takes what a seed leads to into the scope as if it had been the seed, and lets in what was kept
    /// out until now.
    pub(super) fn join(
        &mut self,
        tx: &Transaction<'_>,
        url: &CanonicalUrl,
        id: i64,
    ) -> rusqlite::Result<()> {
        let inside = self.policy.scope.decide(url).inside;
        if inside || !std::sync::Arc::make_mut(&mut self.policy.scope).join(url) {
            return Ok(());
        }
        self.joined.push(url.clone());
        tx.execute("INSERT OR IGNORE INTO anchor VALUES (?, ?)", [self.run, id])?;
        let hosts = self.hosts_like(tx, url)?;
        self.meet_joined(tx, &hosts)?;
        for host in hosts {
            for (url, visit, route) in self.kept_out(tx, host)? {
                let (hash, known) = self.known(tx, &url)?;
                if visit.is_shut() {
                    self.reword(tx, hash, known, visit, &url)?;
                } else {
                    self.weigh(tx, hash, known, visit, &url, &route)?;
                }
            }
        }
        Ok(())
    }

    /// What its place kept out is within the scope now, but no route to it is open: that is what keeps it
    /// out.
    fn reword(
        &mut self,
        tx: &Transaction<'_>,
        hash: UrlHash,
        known: Known,
        visit: Visit,
        url: &CanonicalUrl,
    ) -> rusqlite::Result<()> {
        let found = self.policy.judge(url, &self.policy.shut(&visit));
        if found.decision != Decision::Cut {
            return Ok(());
        }
        let rule = self.rule_id(tx, &found.rule)?;
        let visit = Visit {
            decision: found.decision,
            ..visit
        };
        self.seen.put(
            hash,
            Known {
                visit: Some(visit),
                ..known
            },
        );
        tx.prepare_cached("UPDATE visit SET decision = ?3, rule = ?4 WHERE run = ?1 AND url = ?2")?
            .execute(params![self.run, known.id, visit.decision as i64, rule])
            .map(drop)
    }

    /// Takes into the scope again what has joined it in earlier starts of the run.
    pub(super) fn rejoin(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<Vec<CanonicalUrl>> {
        let mut statement =
            tx.prepare("SELECT u.text FROM anchor a JOIN url u ON u.id = a.url WHERE a.run = ?")?;
        let texts = statement.query_map([self.run], |row| row.get::<_, String>(0))?;
        let mut joined = Vec::new();
        for text in texts {
            if let Ok(url) = CanonicalUrl::parse(&text?) {
                std::sync::Arc::make_mut(&mut self.policy.scope).join(&url);
                joined.push(url);
            }
        }
        Ok(joined)
    }

    /// The hosts on which a URL that joined may have let in anything.
    fn hosts_like(
        &mut self,
        tx: &Transaction<'_>,
        url: &CanonicalUrl,
    ) -> rusqlite::Result<Vec<i64>> {
        if self.policy.scope.reach() != Reach::Domain {
            return Ok(vec![self.host_id(tx, &url.host())?]);
        }
        let domain = url.domain().unwrap_or_else(|| url.hostname());
        let mut statement = tx.prepare("SELECT id, name FROM host")?;
        let mut rows = statement.query([])?;
        let mut hosts = Vec::new();
        while let Some(row) = rows.next()? {
            let name: String = row.get(1)?;
            let bare = name.rsplit_once(':').map_or(name.as_str(), |(bare, port)| {
                if port.bytes().all(|byte| byte.is_ascii_digit()) {
                    bare
                } else {
                    &name
                }
            });
            if registrable_domain(bare).unwrap_or(bare) == domain {
                hosts.push(row.get(0)?);
            }
        }
        Ok(hosts)
    }

    /// What lies beyond the scope on a host, each with its open route.
    fn kept_out(
        &self,
        tx: &Transaction<'_>,
        host: i64,
    ) -> rusqlite::Result<Vec<(CanonicalUrl, Visit, Route)>> {
        let mut statement = tx.prepare_cached(
            "SELECT u.text, v.decision, v.role, v.depth, v.redirects, v.hops, v.part, v.via, v.via_kind, o.depth, o.redirects, o.hops,
                    o.via, o.via_kind
             FROM url u JOIN visit v ON v.run = ?1 AND v.url = u.id LEFT JOIN outside o ON o.run = ?1 AND o.url = u.id
             WHERE u.host = ?2 AND (v.decision = 1 AND v.role IN (0, 9)
              OR v.decision IN (0, 4) AND (v.role = 0 AND v.hops > 0 OR o.url IS NOT NULL))",
        )?;
        let mut rows = statement.query([self.run, host])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            if let Ok(url) = CanonicalUrl::parse(&row.get::<_, String>(0)?) {
                let visit = visit_of(row, 1)?;
                let route = match row.get::<_, Option<u32>>(9)? {
                    Some(depth) => {
                        let outside = Visit {
                            depth,
                            redirects: row.get(10)?,
                            hops: row.get(11)?,
                            ..visit
                        };
                        Route::stored(&outside, row.get(12)?, row.get(13)?)
                    }
                    None => Route::stored(&visit, row.get(7)?, row.get(8)?),
                };
                found.push((url, visit, route));
            }
        }
        Ok(found)
    }

    /// Decides over every URL of the run again, from the seeds on, over what is stored of the pages that
    /// were read. What was asked for keeps its outcome; the queue is made anew.
    pub(super) fn redecide(
        &mut self,
        tx: &Transaction<'_>,
        seeds: &[Seed],
    ) -> rusqlite::Result<()> {
        tx.execute(
            "UPDATE visit SET decision = ?2, depth = ?3, redirects = ?3, hops = ?3, part = 0 WHERE run = ?1",
            params![self.run, Decision::Undecided as i64, u32::MAX],
        )?;
        tx.execute("DELETE FROM frontier", [])?;
        tx.execute("DELETE FROM anchor WHERE run = ?", [self.run])?;
        tx.execute("DELETE FROM outside WHERE run = ?", [self.run])?;
        self.seen = Seen::default();
        self.undecide_sitemaps(tx)?;
        self.begin_at(tx, seeds)?;
        // The queue is read from the table afterwards; what memory would hear of it is dropped as it comes.
        while self.settle_one(tx)? {
            self.admitted.clear();
        }
        self.admitted.clear();
        self.joined.clear();
        tx.execute(
            "DELETE FROM visit WHERE run = ? AND decision = ? AND last_fetch IS NULL",
            [self.run, Decision::Undecided as i64],
        )?;
        let rule = self.rule_id(tx, UNREACHED)?;
        tx.execute(
            "UPDATE visit SET decision = ?3, rule = ?4, depth = 0, redirects = 0, hops = 0 WHERE run = ?1 AND decision = ?2",
            [self.run, Decision::Undecided as i64, Decision::Cut as i64, rule],
        )?;
        self.settle_sitemaps(tx, rule)?;
        self.seen = Seen::default();
        self.ask_for_chosen(tx)?;
        self.line_up_sitemaps(tx)?;
        self.admitted.clear();
        Ok(())
    }

    /// Reaches the seeds.
    pub(super) fn begin_at(
        &mut self,
        tx: &Transaction<'_>,
        seeds: &[Seed],
    ) -> rusqlite::Result<()> {
        self.maps.anchor = seeds.iter().all(Seed::is_sitemap);
        for seed in seeds {
            match seed {
                Seed::Page(url) => self.reach(tx, url, &Route::SEED)?,
                Seed::Sitemap(url) => self.reach_sitemap(tx, url, &Lead::SEED)?,
            };
        }
        Ok(())
    }

    /// Admits what the last run had and this one has not met, each once: so that *gone* has evidence.
    /// Answers with how many those are.
    pub(super) fn recall(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<u64> {
        let (mut after, mut count, deferred) = (0_i64, 0, self.deferred);
        let rule = self.rule_id(tx, "in the last run")?;
        loop {
            let found = self.not_met(tx, after)?;
            let Some(last) = found.last() else { break };
            after = last.0;
            for (id, url, depth, role) in found {
                let Some(url) = url.filter(|url| self.is_wanted_again(url, depth, role)) else {
                    continue;
                };
                let host = self.host_id(tx, &url.host())?;
                // What would not be asked for again is no evidence of anything.
                if self.traps.judge(host, &url).is_some() {
                    continue;
                }
                let visit = Visit {
                    decision: Decision::Admitted,
                    role: if role == Role::Asset {
                        Role::Asset
                    } else {
                        Role::Known
                    },
                    depth,
                    redirects: 0,
                    hops: 0,
                    part: false,
                };
                tx.prepare_cached(
                    "INSERT INTO visit (run, url, depth, redirects, via_kind, decision, rule, role, good_version, good_fetch)
                     SELECT ?1, ?2, ?3, 0, ?4, 0, ?5, ?6, good_version, good_fetch FROM visit WHERE run = ?1 - 1 AND url = ?2",
                )?
                .execute(params![self.run, id, depth, VIA_EARLIER, rule, visit.role as i64])?;
                if self.keep_young(tx, id, &visit)? {
                    continue;
                }
                self.enqueue(tx, id, host, &url, &visit)?;
                self.admitted.clear();
                count += 1;
            }
        }
        // Who was known as not met is met now.
        self.seen = Seen::default();
        // Not before all that was not met was found.
        self.settle(tx)?;
        // All of them are in the count.
        self.deferred = deferred;
        Ok(count)
    }

    fn is_wanted_again(&self, url: &CanonicalUrl, depth: u32, role: Role) -> bool {
        // Under that text it is asked for no more.
        let grown = self.policy.growth.and_then(|growth| growth.rule(url));
        if self.policy.rewrite.apply(url).is_some() || grown.is_some() {
            return false;
        }
        if role == Role::Asset {
            return self.policy.assets && self.policy.scope.excludes(url).is_none();
        }
        self.policy.scope.decide(url).inside && self.policy.max_depth.is_none_or(|max| depth <= max)
    }

    /// URLs with a good outcome in the last run that this one has not met; each once, so not what the last run
    /// had not met itself (unless it did not ask for them either).
    #[expect(clippy::type_complexity, reason = "one row")]
    fn not_met(
        &self,
        tx: &Transaction<'_>,
        after: i64,
    ) -> rusqlite::Result<Vec<(i64, Option<CanonicalUrl>, u32, Role)>> {
        let mut statement = tx.prepare_cached(
            "SELECT v.url, u.text, v.depth, v.role FROM visit v JOIN fetch f ON f.id = v.last_fetch JOIN url u ON u.id = v.url
             WHERE v.run = ?1 - 1 AND v.url > ?2 AND (v.role IN (0, 1) OR v.role = 2 AND v.carried > 0) AND f.error IS NULL AND f.status < 400
             AND NOT EXISTS (SELECT 1 FROM visit n WHERE n.run = ?1 AND n.url = v.url)
             ORDER BY v.url LIMIT ?3",
        )?;
        let rows = statement.query_map(params![self.run, after, PAGE as i64], |row| {
            let url = CanonicalUrl::parse(&row.get::<_, String>(1)?).ok();
            Ok((row.get(0)?, url, row.get(2)?, Role::from_code(row.get(3)?)))
        })?;
        rows.collect()
    }
}
