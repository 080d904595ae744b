//! A refresh as rows. Its run begins as a copy of the run before: every URL has the outcome that it had, marked as
//! carried over (`visit.carried`). What is chosen waits, and keeps that outcome until it has a new one; so whatever
//! becomes of a refresh, every URL is shown as it was last found. `docs/schema.md` ("Runs") tells what follows of it.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio_rusqlite::rusqlite;

use super::admit::Admitter;
use super::choosing::Choosing;
use super::route::Judgement;
use super::seen::Known;
use super::words::{Decision, Role};
use crate::canonical::CanonicalUrl;

/// Why what a refresh has found and not asked for is not asked for.
pub(crate) const NEXT: &str = "the budget of a refresh";

/// What is an outcome of a refresh's run, and not one that it still has to get.
pub(super) const DONE: &str =
    "(decision = 4 OR decision = 0 AND last_fetch IS NOT NULL AND carried < 2)";

/// Tables that hold what a run knows of its URLs. A refresh begins with all of it.
const OF_A_RUN: [&str; 8] = [
    "visit",
    "anchor",
    "outside",
    "sitemap",
    "sitemap_entry",
    "sitemap_alternate",
    "nearest",
    "template",
];

/// What a refresh was told to do, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refreshing {
    /// Requests that it may spend; robots.txt and sitemaps are not counted.
    pub budget: u64,
    /// Requests that it has spent in earlier starts.
    pub spent: u64,
}

/// What a refresh leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// URLs that the next one can choose from.
    pub urls: u64,
    /// Those of them that it has found, and never asked for.
    pub left_over: u64,
}

/// Begins a run with all that the run before knows.
pub(super) fn carry_over(tx: &Transaction<'_>, run: i64) -> rusqlite::Result<()> {
    for table in OF_A_RUN {
        let names = columns(tx, table)?;
        let values: Vec<&str> = names
            .iter()
            .map(|name| match name.as_str() {
                "run" => "?1",
                "carried" => "last_fetch IS NOT NULL",
                // A ring of redirects may be gone round once more in each run.
                "repeated" => "0",
                name => name,
            })
            .collect();
        tx.execute(
            &format!(
                "INSERT INTO {table} ({}) SELECT {} FROM {table} WHERE run = ?1 - 1",
                names.join(", "),
                values.join(", ")
            ),
            [run],
        )?;
    }
    Ok(())
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    names.collect()
}

/// Ends a run with what it has: what still waits keeps the outcome that it had, and what has none is left to the next
/// refresh or crawl.
pub(super) fn close(tx: &Transaction<'_>, run: i64, now: i64) -> rusqlite::Result<()> {
    tx.execute("INSERT OR IGNORE INTO rule (text) VALUES (?)", [NEXT])?;
    tx.execute("DELETE FROM frontier", [])?;
    tx.execute(
        "UPDATE visit SET carried = 1 WHERE run = ? AND carried = 2",
        [run],
    )?;
    tx.execute(
        "UPDATE sitemap SET carried = 1 WHERE run = ? AND carried = 2",
        [run],
    )?;
    for table in ["visit", "sitemap"] {
        tx.execute(
            &format!(
                "UPDATE {table} SET decision = ?2, rule = (SELECT id FROM rule WHERE text = ?3)
                 WHERE run = ?1 AND decision = 0 AND last_fetch IS NULL"
            ),
            params![run, Decision::Cut as i64, NEXT],
        )?;
    }
    tx.execute(
        "UPDATE run SET state = 'finished', ended = coalesce(ended, ?2) WHERE id = ?1",
        [run, now],
    )?;
    tx.execute(
        "UPDATE start SET queued = 0 WHERE id = (SELECT max(id) FROM start) AND queued IS NOT NULL",
        [],
    )?;
    Ok(())
}

/// Requests that a run has spent: all but those for robots.txt and sitemaps.
pub(super) fn spent(connection: &Connection, run: i64) -> rusqlite::Result<u64> {
    connection.query_row(
        "SELECT count(*) FROM fetch f JOIN start s ON s.id = f.start WHERE s.run = ? AND f.kind NOT IN (1, 4)",
        [run],
        |row| row.get::<_, i64>(0).map(i64::unsigned_abs),
    )
}

/// What a run leaves to the next one.
pub(super) fn standing(connection: &Connection, run: i64) -> rusqlite::Result<Standing> {
    connection.query_row(
        "SELECT coalesce(sum(decision = 0 AND role IN (0, 1)), 0), coalesce(sum(decision = 2), 0) FROM visit
         WHERE run = ?1 AND (decision = 0 OR decision = 2 AND last_fetch IS NULL AND rule = (SELECT id FROM rule WHERE text = ?2))",
        params![run, NEXT],
        |row| {
            let number = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
            let left_over = number(1)?;
            Ok(Standing {
                urls: number(0)? + left_over,
                left_over,
            })
        },
    )
}

impl Admitter {
    /// In a refresh, what is new is asked for as far as its budget goes; the next one has the rest.
    pub(super) fn within_budget(
        &self,
        tx: &Transaction<'_>,
        known: Known,
        found: Judgement,
    ) -> rusqlite::Result<Judgement> {
        let full = self.room == Some(0) && found.decision == Decision::Admitted;
        if !full
            || known.visit.is_some_and(|visit| visit.is_in())
            || self.has_outcome(tx, known.id)?
        {
            return Ok(found);
        }
        Ok(Judgement {
            decision: Decision::Cut,
            rule: NEXT.to_owned(),
            ..found
        })
    }

    /// Whether this run has an outcome of a URL, its own or an earlier run's.
    pub(super) fn has_outcome(&self, tx: &Transaction<'_>, url: i64) -> rusqlite::Result<bool> {
        tx.prepare_cached(
            "SELECT 1 FROM visit WHERE run = ? AND url = ? AND last_fetch IS NOT NULL",
        )?
        .exists([self.run, url])
    }

    /// Puts a URL in the queue that keeps the outcome that it has, if it has one.
    pub(super) fn ask_for(&mut self, tx: &Transaction<'_>, url: i64) -> rusqlite::Result<()> {
        let (text, host): (String, i64) = tx
            .prepare_cached("SELECT text, host FROM url WHERE id = ?")?
            .query_row([url], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Ok(target), Some(mut visit)) = (CanonicalUrl::parse(&text), self.visit(tx, url)?)
        else {
            return Ok(());
        };
        if visit.decision == Decision::Cut {
            let rule = match visit.role {
                Role::Asset => "asset of a page".to_owned(),
                Role::Check => "check-external".to_owned(),
                _ => self.policy.scope.decide(&target).rule,
            };
            let rule = self.rule_id(tx, &rule)?;
            visit.decision = Decision::Admitted;
            tx.prepare_cached(
                "UPDATE visit SET decision = 0, rule = ?3 WHERE run = ?1 AND url = ?2",
            )?
            .execute([self.run, url, rule])?;
            self.remember(url, &target, visit);
        }
        tx.prepare_cached(
            "UPDATE visit SET carried = 2 WHERE run = ? AND url = ? AND last_fetch IS NOT NULL",
        )?
        .execute([self.run, url])?;
        self.enqueue(tx, url, host, &target, &visit)
    }

    /// Puts in the queue again, after all was decided anew, what was chosen before and is still let in.
    pub(super) fn ask_for_chosen(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        tx.execute(
            "UPDATE visit SET carried = 1 WHERE run = ? AND carried = 2 AND decision <> 0",
            [self.run],
        )?;
        let chosen: Vec<i64> = tx
            .prepare("SELECT url FROM visit WHERE run = ? AND carried = 2")?
            .query_map([self.run], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for url in chosen {
            self.ask_for(tx, url)?;
        }
        Ok(())
    }

    /// Chooses what a refresh asks for, as far as its budget goes beyond what was spent and what waits: once its
    /// sitemaps are read, and again where what was chosen has left room. Answers with how many URLs were put in line.
    pub(super) fn choose(&mut self, tx: &Transaction<'_>, budget: u64) -> rusqlite::Result<u64> {
        self.drop_left_sitemaps(tx)?;
        let waiting: i64 =
            tx.query_row("SELECT count(*) FROM frontier WHERE kind <> 4", [], |row| {
                row.get(0)
            })?;
        let taken = spent(tx, self.run)? + waiting.unsigned_abs();
        let room = budget.saturating_sub(taken);
        self.room = Some(room);
        if room == 0 {
            return Ok(0);
        }
        let choosing = Choosing {
            run: self.run,
            now: self.now,
            young: self.young(),
            first: false,
        };
        let (before, deferred) = (self.enqueued, self.deferred);
        for url in choosing.choose(tx, room)?.chosen() {
            self.ask_for(tx, url)?;
            // The queue is read from the table.
            self.admitted.clear();
        }
        // All of them are in the count.
        self.deferred = deferred;
        Ok((self.enqueued - before).unsigned_abs())
    }
}

/// The budget of a run, if it is a refresh.
pub(super) fn budget_of(connection: &Connection, run: i64) -> rusqlite::Result<Option<u64>> {
    let budget: Option<Option<i64>> = connection
        .query_row("SELECT budget FROM run WHERE id = ?", [run], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(budget.flatten().map(i64::unsigned_abs))
}
