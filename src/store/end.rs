//! The end of a start: how it is written down, after checking by SQL that nothing was lost on the way.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio_rusqlite::rusqlite;

use super::log::copy_back;
use super::refresh::{self, DONE};
use super::words::{Decision, VIA_GUESS, VIA_SEED};
use super::writer::Writer;
use super::{End, Ended, How, SitemapsRead, StoreError, changes, micros};
use crate::clock;
use crate::fetched::FetchError;

impl Writer {
    /// Writes how the start ended, after checking that nothing was lost on the way.
    pub(super) fn end(
        &mut self,
        connection: &mut Connection,
        how: How,
    ) -> Result<Ended, StoreError> {
        self.check_place(connection)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let count = |sql: &str| tx.query_row(sql, [self.run], |row| row.get::<_, i64>(0));
        let admitted = count("SELECT count(*) FROM visit WHERE run = ? AND decision IN (0, 4)")?;
        let done = count(&format!(
            "SELECT count(*) FROM visit WHERE run = ? AND {DONE}"
        ))?;
        // One look at what may be millions of rows.
        let (waiting, maps_waiting, ready) = tx.query_row(
            "SELECT count(*), coalesce(sum(kind = 4), 0), coalesce(sum(deferred IS NULL), 0) FROM frontier",
            [],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
        )?;
        let maps_left = count(
            "SELECT count(*) FROM sitemap WHERE run = ? AND decision = 0 AND (last_fetch IS NULL OR carried = 2)",
        )?;
        if admitted + maps_left != done + waiting || maps_left != maps_waiting {
            return Err(StoreError::Accounts(format!(
                "{admitted} admitted, {done} done, {waiting} waiting, {maps_waiting} of these sitemaps, of which {maps_left} are left"
            )));
        }
        if how == How::Drained && ready > 0 {
            return Err(StoreError::Accounts(format!(
                "{ready} URLs wait though nothing was left to do"
            )));
        }
        // A limit that leaves nothing to do has stopped nothing.
        let how = match how {
            How::Limit if ready == 0 => How::Drained,
            how => how,
        };
        let now = micros(clock::now());
        let is_refresh = refresh::budget_of(&tx, self.run)?.is_some();
        if how == How::Budget || is_refresh && how == How::Drained && waiting == 0 {
            refresh::close(&tx, self.run, now)?;
        }
        let end = match how {
            How::Budget => End::Finished,
            How::Drained if waiting == 0 => End::Finished,
            How::Drained => End::Deferred {
                urls: waiting.unsigned_abs(),
            },
            How::Limit | How::Signal => End::Stopped,
        };
        let (state, word) = match (end, how) {
            (End::Finished, _) => ("finished", "finished"),
            (End::Deferred { .. }, _) => ("deferred", "deferred"),
            (End::Stopped, How::Limit) => ("stopped", "limit"),
            (End::Stopped, _) => ("stopped", "signal"),
        };
        tx.execute(
            "UPDATE run SET state = ?2, ended = ?3 WHERE id = ?1",
            params![self.run, state, now],
        )?;
        tx.execute(
            "UPDATE start SET how = ?2, ended = ?3, heartbeat = ?3, durable_to = ?4 WHERE id = ?1",
            params![self.start, word, now, self.last_fetch],
        )?;
        let trapped = count("SELECT count(*) FROM visit WHERE run = ? AND decision = 6")?;
        // To a refresh a seed is a URL like any other, which it may not have asked for.
        let (seeds_ok, seeds_failed) = if is_refresh {
            (0, Vec::new())
        } else {
            seeds(&tx, self.run)?
        };
        let recrawl = if self.run > 1 {
            Some(changes::counts(&tx, self.run)?)
        } else {
            None
        };
        let sitemaps = sitemaps(&tx, self.run)?;
        let standing = is_refresh
            .then(|| refresh::standing(&tx, self.run))
            .transpose()?;
        tx.commit()?;
        // As far as readers allow; they are not waited for.
        connection.busy_timeout(std::time::Duration::ZERO)?;
        // Leaves one file behind; readers that are still there keep the log, which is as well.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(Ended {
            end,
            seeds_ok,
            seeds_failed,
            recrawl,
            sitemaps,
            trapped: trapped.unsigned_abs(),
            standing,
        })
    }

    pub(super) fn fail(&mut self, connection: &mut Connection) -> Result<(), StoreError> {
        self.check_place(connection)?;
        // Whoever holds the database has been waited for already.
        connection.busy_timeout(std::time::Duration::from_secs(1))?;
        let now = micros(clock::now());
        let sql = "UPDATE start SET how = 'failed', ended = ?2 WHERE id = ?1";
        let say = || connection.execute(sql, params![self.start, now]);
        // Where the log cannot grow: once it is copied back, it begins anew in the room that it has.
        if say().is_err() {
            copy_back(connection)?;
            say()?;
        }
        Ok(())
    }
}

/// Counts what has come of the sitemaps that a run has asked for.
fn sitemaps(tx: &Transaction<'_>, run: i64) -> rusqlite::Result<SitemapsRead> {
    tx.query_row(
        "SELECT coalesce(sum(good), 0), coalesce(sum(NOT good AND redirect_to IS NULL AND via_kind <> ?2), 0),
           coalesce(sum(iif(good AND kind <> 1, entries, 0)), 0)
         FROM (SELECT coalesce(s.kind, 0) > 0 AND f.error IS NULL AND f.status < 400 AS good, s.kind, s.entries, s.via_kind, f.redirect_to
           FROM sitemap s JOIN fetch f ON f.id = s.last_fetch WHERE s.run = ?1 AND s.carried = 0)",
        params![run, VIA_GUESS],
        |row| {
            let number = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
            Ok(SitemapsRead {
                read: number(0)?,
                failed: number(1)?,
                entries: number(2)?,
            })
        },
    )
}

/// How many seeds fared well, and which did not.
fn seeds(tx: &Transaction<'_>, run: i64) -> rusqlite::Result<(u64, Vec<(String, String)>)> {
    let mut statement = tx.prepare(
        "SELECT u.text, v.decision, f.status, f.error, f.detail, 0 FROM visit v JOIN url u ON u.id = v.url
         LEFT JOIN fetch f ON f.id = v.last_fetch
         WHERE v.run = ?1 AND v.via_kind = ?2 AND (f.id IS NOT NULL OR v.decision = 4)
         UNION ALL SELECT u.text, s.decision, f.status, f.error, f.detail, coalesce(s.kind = 0 OR s.kind = 4 AND s.entries = 0, 0)
         FROM sitemap s JOIN url u ON u.id = s.url LEFT JOIN fetch f ON f.id = s.last_fetch
         WHERE s.run = ?1 AND s.via_kind = ?2 AND (f.id IS NOT NULL OR s.decision = 4)",
    )?;
    let mut rows = statement.query(params![run, VIA_SEED])?;
    let (mut ok, mut failed) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let (status, error): (Option<u16>, Option<u8>) = (row.get(2)?, row.get(3)?);
        let why = match (error, status) {
            _ if row.get::<_, i64>(1)? == Decision::Disallowed as i64 => {
                "robots.txt forbids it".to_owned()
            }
            (Some(code), _) => row
                .get::<_, Option<String>>(4)?
                .unwrap_or_else(|| FetchError::word(code).to_owned()),
            (None, Some(status)) if status >= 400 => format!("answered {status}"),
            _ if row.get(5)? => "is no sitemap".to_owned(),
            _ => {
                ok += 1;
                continue;
            }
        };
        failed.push((row.get(0)?, why));
    }
    // Those that wait for the next start: a few, each with what its host said last.
    let mut statement = tx.prepare(
        "SELECT u.text, r.text, (SELECT coalesce(g.detail, 'it answered ' || g.status) FROM fetch g
           JOIN url x ON x.id = g.url WHERE x.host = u.host ORDER BY g.id DESC LIMIT 1)
         FROM frontier q CROSS JOIN url u ON u.id = q.url JOIN rule r ON r.id = q.deferred
         LEFT JOIN visit v ON q.kind <> 4 AND v.run = ?1 AND v.url = q.url
         LEFT JOIN sitemap s ON q.kind = 4 AND s.run = ?1 AND s.url = q.url
         WHERE q.deferred IS NOT NULL AND coalesce(v.via_kind, s.via_kind) = ?2 LIMIT 5",
    )?;
    let mut rows = statement.query(params![run, VIA_SEED])?;
    while let Some(row) = rows.next()? {
        let (rule, last): (String, Option<String>) = (row.get(1)?, row.get(2)?);
        failed.push((
            row.get(0)?,
            format!("{rule} ({})", last.unwrap_or_default()),
        ));
    }
    Ok((ok, failed))
}
