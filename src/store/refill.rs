//! What goes up from the tables into the memory of the frontier: hosts, what is known of them, and the rows of
//! their queues.

use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, params};
use tokio_rusqlite::rusqlite;

use super::queue::QUEUED;
use super::writer::Writer;
use super::{from_micros, micros};
use crate::canonical::{Host, Origin};
use crate::clock;
use crate::frontier::{HOSTS_AT_ONCE, MoreHosts, Refill, Refilled};
use crate::record::{HostState, StoredRobots};

/// How long an expired robots.txt rules on while it cannot be had (RFC 9309 §2.4).
const STALE_ROBOTS: Duration = Duration::from_secs(30 * 86_400);

impl Writer {
    /// Reads a piece of a host's queue.
    pub(super) fn refill(
        &mut self,
        tx: &Transaction<'_>,
        refill: Refill,
    ) -> rusqlite::Result<Refilled> {
        let host = self.admitter.host_id(tx, &refill.host)?;
        let mut statement = tx.prepare_cached(QUEUED)?;
        let after = i64::try_from(refill.after).unwrap_or(i64::MAX);
        let limit = i64::try_from(refill.limit).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![host, after, limit, self.run])?;
        let (mut requests, mut count) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            count += 1;
            requests.extend(self.admitter.request_of(row, host)?);
        }
        drop(rows);
        for request in &mut requests {
            if request.is_sitemap() {
                request.validators = self.admitter.sitemap_validators(tx, -request.ticket.url)?;
            }
        }
        self.admitter.drop_trapped(tx, host, &mut requests)?;
        let state = refill.state.then(|| host_state(tx, host)).transpose()?;
        Ok(Refilled {
            more: count == refill.limit,
            refill,
            requests,
            state,
        })
    }

    /// Reads the hosts that wait behind one, each with what is known of it and the first rows of its queue.
    /// Answers with the last one's number, or with none where there are no more.
    pub(super) fn more_hosts(
        &mut self,
        tx: &Transaction<'_>,
        more: MoreHosts,
        into: &mut Vec<Refilled>,
    ) -> rusqlite::Result<Option<i64>> {
        let mut last = more.after;
        for _ in 0..HOSTS_AT_ONCE {
            // From host to host along the key: the rows between are not read.
            let next: Option<(i64, String, bool)> = tx
                .prepare_cached(
                    "SELECT id, name, set_aside IS NOT NULL FROM host WHERE id = (SELECT min(host) FROM frontier WHERE host > ?)",
                )?
                .query_row([last], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let Some((id, name, set_aside)) = next else {
                return Ok(None);
            };
            last = id;
            if set_aside {
                continue;
            }
            let refill = Refill {
                host: Host::from_stored(&name),
                after: 0,
                limit: more.limit,
                state: true,
            };
            into.push(self.refill(tx, refill)?);
        }
        Ok(Some(last))
    }
}

/// What is known of a host.
fn host_state(tx: &Transaction<'_>, host: i64) -> rusqlite::Result<HostState> {
    let now = clock::now();
    let mut state = tx
        .prepare_cached("SELECT hold_until, hold_reason, gap_us, pages FROM host WHERE id = ?")?
        .query_row([host], |row| {
            let until: Option<i64> = row.get(0)?;
            let why: Option<String> = row.get(1)?;
            Ok(HostState {
                held: until
                    .filter(|until| *until > micros(now))
                    .map(|until| (from_micros(until), why.unwrap_or_default())),
                gap: row
                    .get::<_, Option<u32>>(2)?
                    .map(|gap| Duration::from_micros(gap.into())),
                pages: row.get::<_, i64>(3)?.unsigned_abs(),
                robots: Vec::new(),
            })
        })?;
    // The newest copy that could be had: where a later one could not, it rules on.
    let mut statement = tx.prepare_cached(
        "SELECT o.text, r.status, r.body, r.valid_until, (
           SELECT valid_until FROM robots WHERE origin = o.id AND fetched > r.fetched AND NOT reachable ORDER BY fetched DESC LIMIT 1)
         FROM origin o JOIN robots r ON r.id = (
           SELECT id FROM robots WHERE origin = o.id AND reachable ORDER BY fetched DESC LIMIT 1)
         WHERE o.host = ? AND r.valid_until > ?",
    )?;
    let rows = statement.query_map([host, micros(now - STALE_ROBOTS)], |row| {
        Ok(StoredRobots {
            origin: Origin::from_stored(&row.get::<_, String>(0)?),
            status: row.get(1)?,
            body: row.get(2)?,
            valid_until: from_micros(row.get(3)?),
            ask_again: row.get::<_, Option<i64>>(4)?.map(from_micros),
        })
    })?;
    state.robots = rows.collect::<rusqlite::Result<_>>()?;
    Ok(state)
}
