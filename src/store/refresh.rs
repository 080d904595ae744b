//! A refresh as rows. Its run begins as a copy of the run before: every URL has the outcome that it had, marked as
//! carried over (`visit.carried`). What is chosen waits, and keeps that outcome until it has a new one; so whatever
//! becomes of a refresh, every URL is shown as it was last found. `docs/schema.md` ("Runs") tells what follows of it.

use std::hash::Hasher;
use std::time::UNIX_EPOCH;

use rusqlite::{Connection, OptionalExtension, Row, Rows, Transaction, params};
use siphasher::sip::SipHasher13;
use tokio_rusqlite::rusqlite;

use super::admit::Admitter;
use super::route::Judgement;
use super::seen::Known;
use super::words::{Decision, Role};
use crate::canonical::CanonicalUrl;
use crate::estimate::{Choice, History, Pool, patience};
use crate::parse::lastmod;

/// Why what a refresh has found and not asked for is not asked for.
pub(crate) const NEXT: &str = "the budget of a refresh";

/// What is an outcome of a refresh's run, and not one that it still has to get.
pub(super) const DONE: &str =
    "(decision = 4 OR decision = 0 AND last_fetch IS NOT NULL AND carried < 2)";

/// Tables that hold what a run knows of its URLs. A refresh begins with all of it.
const OF_A_RUN: [&str; 7] = [
    "visit",
    "anchor",
    "outside",
    "sitemap",
    "sitemap_entry",
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
    /// URLs that there were to choose from.
    pub urls: u64,
    /// After how many such refreshes each of them was asked for.
    pub patience: u64,
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

/// URLs that a run has found and left to the next one.
pub(super) fn left_over(connection: &Connection, run: i64) -> rusqlite::Result<u64> {
    connection.query_row(
        "SELECT count(*) FROM visit WHERE run = ?1 AND decision = 2 AND last_fetch IS NULL
         AND rule = (SELECT id FROM rule WHERE text = ?2)",
        params![run, NEXT],
        |row| row.get::<_, i64>(0).map(i64::unsigned_abs),
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

    /// Puts what was chosen in the queue: as many URLs as there is room for. Answers with how many there were.
    fn choose(&mut self, tx: &Transaction<'_>, room: u64) -> rusqlite::Result<u64> {
        let choosing = Choosing {
            run: self.run,
            now: self.now,
            young: self.young(),
            first: false,
        };
        let choice = choosing.choose(tx, room)?;
        let urls = choice.seen();
        for url in choice.chosen() {
            self.ask_for(tx, url)?;
        }
        Ok(urls)
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

    /// Chooses what a refresh asks for, as far as its budget goes beyond what was spent and what waits.
    pub(super) fn refresh(
        &mut self,
        tx: &Transaction<'_>,
        budget: u64,
        choose: bool,
    ) -> rusqlite::Result<Refreshing> {
        let spent = spent(tx, self.run)?;
        let waiting: i64 =
            tx.query_row("SELECT count(*) FROM frontier WHERE kind <> 4", [], |row| {
                row.get(0)
            })?;
        let room = budget.saturating_sub(spent + waiting.unsigned_abs());
        self.room = Some(room);
        let urls = if choose {
            self.choose(tx, room)?
        } else {
            tx.query_row(COUNT, [self.run], |row| row.get::<_, i64>(0))?
                .unsigned_abs()
        };
        Ok(Refreshing {
            budget,
            spent,
            urls,
            patience: patience(urls, budget).unwrap_or(0),
        })
    }
}

/// What a refresh would ask for, as chosen now, each with how likely it is to have changed; the likeliest first. And of
/// how many.
pub(crate) fn preview(
    connection: &Connection,
    budget: u64,
    young: Option<i64>,
    now: i64,
) -> rusqlite::Result<(Vec<(f64, String)>, u64)> {
    let last = "SELECT ifnull(max(id), 0) FROM run";
    let choosing = Choosing {
        run: connection.query_row(last, [], |row| row.get(0))?,
        now,
        young,
        first: true,
    };
    let pool = choosing.pool(connection)?;
    let choice = choosing.choose_by(connection, &pool, budget)?;
    let (urls, chosen) = (choice.seen(), choice.chosen());
    let mut shown = Vec::new();
    choosing.each(connection, |candidate| {
        if chosen.binary_search(&candidate.url).is_ok() {
            let text = "SELECT text FROM url WHERE id = ?";
            let text = connection
                .prepare_cached(text)?
                .query_row([candidate.url], |row| row.get(0));
            shown.push((choosing.chance(&pool, &candidate), text?));
        }
        Ok(())
    })?;
    shown.sort_by(|a, b| b.0.total_cmp(&a.0));
    Ok((shown, urls))
}

/// What is chosen from, and when.
struct Choosing {
    run: i64,
    now: i64,
    /// Good answers from then on are young.
    young: Option<i64>,
    /// Whether the run's own outcomes are chosen from, too: they are those of the run before the refresh.
    first: bool,
}

impl Choosing {
    fn choose(&self, connection: &Connection, budget: u64) -> rusqlite::Result<Choice> {
        let pool = self.pool(connection)?;
        self.choose_by(connection, &pool, budget)
    }

    fn pool(&self, connection: &Connection) -> rusqlite::Result<Pool> {
        let mut pool = Pool::default();
        self.each(connection, |candidate| {
            pool.add(candidate.group, &candidate.history);
            Ok(())
        })?;
        Ok(pool)
    }

    fn choose_by(
        &self,
        connection: &Connection,
        pool: &Pool,
        budget: u64,
    ) -> rusqlite::Result<Choice> {
        let mut choice = Choice::new(budget);
        self.each(connection, |candidate| {
            // What was never asked for comes first of the likeliest, but is not old.
            let asked = candidate.asked.unwrap_or(self.now);
            choice.add(candidate.url, self.chance(pool, &candidate), asked);
            Ok(())
        })?;
        Ok(choice)
    }

    fn chance(&self, pool: &Pool, candidate: &Candidate) -> f64 {
        let now = self.now as f64 / 1e6;
        let prior = pool.prior(candidate.group);
        candidate.history.chance_told(&prior, now, candidate.told)
    }

    /// Goes through the URLs that may be asked for, each with what is known of it.
    fn each(
        &self,
        connection: &Connection,
        mut take: impl FnMut(Candidate) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut urls = connection.prepare(CANDIDATES)?;
        let mut urls = urls.query(params![
            self.run,
            NEXT,
            self.young.unwrap_or(i64::MAX),
            self.first
        ])?;
        let mut answers = connection.prepare(ANSWERS)?;
        let mut answers = Answers {
            rows: answers.query([])?,
            next: None,
        };
        while let Some(row) = urls.next()? {
            let mut candidate = Candidate::of(row)?;
            candidate.history = answers.of(candidate.url)?;
            take(candidate)?;
        }
        Ok(())
    }
}

/// Pages and their parts that have an outcome which was carried over, or were found and left to this refresh; without
/// those whose last answer is good and young enough.
const CANDIDATES: &str = "
SELECT v.url, u.text, u.host, v.depth, iif(f.id IS NULL, NULL, f.started), e.lastmod
FROM visit v
JOIN url u ON u.id = v.url
LEFT JOIN fetch f ON f.id = v.last_fetch
LEFT JOIN (SELECT url, max(lastmod) AS lastmod FROM sitemap_entry WHERE run = ?1 AND lastmod IS NOT NULL GROUP BY url) e ON e.url = v.url
WHERE v.run = ?1 AND v.role IN (0, 1)
AND (v.decision = 0 AND (v.carried = 1 OR ?4 AND v.carried = 0 AND v.last_fetch IS NOT NULL) AND NOT (f.started >= ?3 AND f.error IS NULL AND f.status < 400)
  OR v.decision = 2 AND v.last_fetch IS NULL AND v.rule = (SELECT id FROM rule WHERE text = ?2))
ORDER BY v.url";

const COUNT: &str = "SELECT count(*) FROM visit WHERE run = ? AND role IN (0, 1) AND decision = 0";

/// Whole answers of every run, by URL, in their order: what came, as a number that tells it from what came before. What
/// failed says nothing; that a page is gone does.
const ANSWERS: &str = "
SELECT url, started, CASE WHEN version IS NOT NULL THEN version WHEN redirect_to IS NOT NULL THEN -redirect_to ELSE 0 END, last_modified
FROM fetch
WHERE kind IN (0, 2) AND error IS NULL AND retry_at IS NULL AND (version IS NOT NULL OR redirect_to IS NOT NULL OR status IN (404, 410))
ORDER BY url, id";

struct Candidate {
    url: i64,
    /// Its host, section and depth.
    group: u64,
    /// When it was asked for last, if it was.
    asked: Option<i64>,
    /// When its sitemap says it was changed last.
    told: Option<f64>,
    history: History,
}

impl Candidate {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let text = row.get_ref(1)?.as_str()?;
        let told = row.get_ref(5)?.as_str_or_null()?.and_then(lastmod::latest);
        let told = told.and_then(|at| Some(at.duration_since(UNIX_EPOCH).ok()?.as_secs_f64()));
        Ok(Self {
            url: row.get(0)?,
            group: group(row.get(2)?, text, row.get(3)?),
            asked: row.get(4)?,
            told,
            history: History::default(),
        })
    }
}

/// A number for a host's section (the first folder) and the depth.
fn group(host: i64, url: &str, depth: i64) -> u64 {
    /// What is deeper is deep.
    const DEEP: i64 = 4;
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let section = path.split_once('/').map_or("", |(section, _)| section);
    // The key is fixed: the number is for this choice alone.
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write_i64(host);
    hasher.write_i64(depth.min(DEEP));
    hasher.write(section.as_bytes());
    hasher.finish()
}

/// The log of requests in the order of the URLs, gone through beside these.
struct Answers<'r> {
    rows: Rows<'r>,
    next: Option<Answer>,
}

#[derive(Clone, Copy)]
struct Answer {
    url: i64,
    at: f64,
    what: i64,
    modified: Option<f64>,
}

impl Answers<'_> {
    /// What the answers of a URL say. URLs are asked about in their order.
    fn of(&mut self, url: i64) -> rusqlite::Result<History> {
        let (mut history, mut before) = (History::default(), None);
        loop {
            let Some(answer) = self.peek()? else { break };
            if answer.url > url {
                break;
            }
            self.next = None;
            if answer.url == url {
                let changed = before.is_some_and(|before| before != answer.what);
                history.see(answer.at, changed, answer.modified);
                before = Some(answer.what);
            }
        }
        Ok(history)
    }

    fn peek(&mut self) -> rusqlite::Result<Option<Answer>> {
        if self.next.is_none()
            && let Some(row) = self.rows.next()?
        {
            let modified = row.get_ref(3)?.as_str_or_null()?;
            let modified = modified.and_then(|text| httpdate::parse_http_date(text).ok());
            self.next = Some(Answer {
                url: row.get(0)?,
                at: row.get::<_, i64>(1)? as f64 / 1e6,
                what: row.get(2)?,
                modified: modified
                    .and_then(|at| Some(at.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())),
            });
        }
        Ok(self.next)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_sections_of_hosts() {
        let of = |url| group(1, url, 2);
        assert_eq!(
            of("https://a.example/news/one.html"),
            of("https://a.example/news/old/two?x/y")
        );
        assert_ne!(
            of("https://a.example/news/one.html"),
            of("https://a.example/docs/one.html")
        );
        assert_eq!(
            of("https://a.example/one.html"),
            of("https://a.example/?a/b")
        );
        assert_ne!(of("https://a.example/"), group(2, "https://a.example/", 2));
        assert_ne!(of("https://a.example/"), group(1, "https://a.example/", 1));
        assert_eq!(group(1, "", 7), group(1, "x", 9));
    }
}
