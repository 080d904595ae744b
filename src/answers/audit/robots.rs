//! Whether the robots.txt that was valid then allows a request.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use super::Micros;
use super::asked::Asked;
use super::copies::{Copies, Copy, Reign};
use super::starts::{Asker, Starts};
use crate::canonical::CanonicalUrl;
use crate::robots::Robots;

/// Bytes of robots.txt files whose rules are kept compiled.
const KEPT: usize = 128 << 20;
/// What the table of them takes besides.
const OVERHEAD: usize = 64;

/// What robots.txt said of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It may go; whether a line says so.
    Allowed { by_line: bool },
    /// It may not, by this line of the copy that came at this time.
    Forbidden { line: String, from: Micros },
    /// The file could not be had at this time.
    Unreachable { from: Micros },
    /// No answer was there by then.
    Unknown,
    /// No answer is here any more.
    Lost,
    /// It was told not to ask.
    Ignored,
    /// Nobody knows by which name it asked.
    Unsettled,
}

/// Compiles rules when they are needed, and keeps as many as fit.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    connection: &'a Connection,
    /// By copy and asker; with what it takes.
    compiled: HashMap<(i64, usize), (Arc<Robots>, usize)>,
    bytes: usize,
}

impl<'a> Judge<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            compiled: HashMap::new(),
            bytes: 0,
        }
    }

    pub(super) fn rule(
        &mut self,
        url: &CanonicalUrl,
        request: &Asked,
        starts: &Starts,
        copies: &Copies,
    ) -> rusqlite::Result<Ruling> {
        let start = &starts.list[request.start as usize];
        if start.paces.is_none() {
            return Ok(Ruling::Unsettled);
        }
        if start.politeness.ignore_robots {
            return Ok(Ruling::Ignored);
        }
        let [now, before] = copies.reigns(&url.origin(), request.started, start.begun);
        let ruling = self.by(now, url, start.asker, starts)?;
        let allowed = |ruling: &Ruling| matches!(ruling, Ruling::Allowed { .. });
        if allowed(&ruling) {
            return Ok(ruling);
        }
        // Around the time at which a new copy comes, the old one may have ruled.
        let earlier = self.by(before, url, start.asker, starts)?;
        Ok(match ruling {
            _ if allowed(&earlier) => earlier,
            Ruling::Unknown if copies.has_lost => Ruling::Lost,
            ruling => ruling,
        })
    }

    fn by(
        &mut self,
        reign: Reign<'_>,
        url: &CanonicalUrl,
        asker: usize,
        starts: &Starts,
    ) -> rusqlite::Result<Ruling> {
        let copy = match reign {
            Reign::Unknown => return Ok(Ruling::Unknown),
            Reign::Unreachable(copy) => return Ok(Ruling::Unreachable { from: copy.from }),
            Reign::Copy(copy) => copy,
        };
        let rules = self.rules(copy, asker, &starts.askers[asker])?;
        let verdict = rules.verdict(url.path_and_query());
        Ok(if verdict.allowed {
            Ruling::Allowed {
                by_line: verdict.rule.is_some(),
            }
        } else {
            Ruling::Forbidden {
                line: verdict.rule.unwrap_or("robots.txt").to_owned(),
                from: copy.from,
            }
        })
    }

    fn rules(&mut self, copy: &Copy, place: usize, asker: &Asker) -> rusqlite::Result<Arc<Robots>> {
        if copy.id == 0 {
            return Ok(Arc::new(Robots::allow_all()));
        }
        if let Some((rules, _)) = self.compiled.get(&(copy.id, place)) {
            return Ok(Arc::clone(rules));
        }
        let (status, body): (Option<u16>, Vec<u8>) = self
            .connection
            .prepare_cached("SELECT status, CAST(body AS BLOB) FROM robots WHERE id = ?")?
            .query_row([copy.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rules = Arc::new(asker.rules(status, &body));
        let size = OVERHEAD + rules.size();
        if self.bytes > KEPT {
            // Hosts are asked in turn: whatever went by age would go just before it is wanted.
            self.compiled.retain(|_, _| fastrand::bool());
            self.bytes = self.compiled.values().map(|kept| kept.1).sum();
        }
        self.bytes += size;
        self.compiled
            .insert((copy.id, place), (Arc::clone(&rules), size));
        Ok(rules)
    }
}
