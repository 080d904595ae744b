//! What a refresh asks for: the URLs that may be asked for are gone through with all that their answers and their
//! sitemaps have said, sorted by URL, in bounded memory.

use std::hash::Hasher;
use std::time::UNIX_EPOCH;

use rusqlite::{Connection, Row, Rows, params};
use siphasher::sip::SipHasher13;
use tokio_rusqlite::rusqlite;

use super::refresh::NEXT;
use super::told::{SAYINGS, Said, Sayings};
use crate::estimate::{Choice, History, LEFT, Pool, Tried, Trust, is_news, likelier};

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
    let around = choosing.around(connection)?;
    let choice = choosing.choose_by(connection, &around, budget)?;
    let (urls, chosen) = (choice.seen(), choice.chosen());
    let mut shown = Vec::new();
    choosing.each(connection, |candidate| {
        if chosen.binary_search(&candidate.url).is_ok() {
            let text = "SELECT text FROM url WHERE id = ?";
            let text = connection
                .prepare_cached(text)?
                .query_row([candidate.url], |row| row.get(0));
            shown.push((choosing.chance(&around, &candidate), text?));
        }
        Ok(())
    })?;
    shown.sort_by(|a, b| b.0.total_cmp(&a.0));
    Ok((shown, urls))
}

/// What is chosen from, and when.
pub(super) struct Choosing {
    pub(super) run: i64,
    pub(super) now: i64,
    /// Good answers from then on are young.
    pub(super) young: Option<i64>,
    /// Whether the run's own outcomes are chosen from, too: they are those of the run before the refresh.
    pub(super) first: bool,
}

/// What the URLs around one say of it: how often they change, and how far their sitemaps can be believed.
#[derive(Debug, Default)]
struct Around {
    pool: Pool,
    trust: Trust,
}

impl Choosing {
    /// Chooses as many URLs.
    pub(super) fn choose(&self, connection: &Connection, budget: u64) -> rusqlite::Result<Choice> {
        let around = self.around(connection)?;
        self.choose_by(connection, &around, budget)
    }

    fn around(&self, connection: &Connection) -> rusqlite::Result<Around> {
        let mut around = Around::default();
        self.each(connection, |candidate| {
            around.pool.add(candidate.group, &candidate.history);
            around.trust.add(candidate.host, candidate.tried);
            Ok(())
        })?;
        Ok(around)
    }

    fn choose_by(
        &self,
        connection: &Connection,
        around: &Around,
        budget: u64,
    ) -> rusqlite::Result<Choice> {
        let mut choice = Choice::new(budget);
        self.each(connection, |candidate| {
            // What was never asked for comes first of the likeliest, but is not old.
            let asked = candidate.asked.unwrap_or(self.now);
            choice.add(candidate.url, self.chance(around, &candidate), asked);
            Ok(())
        })?;
        Ok(choice)
    }

    fn chance(&self, around: &Around, candidate: &Candidate) -> f64 {
        let now = self.now as f64 / 1e6;
        let prior = around.pool.prior(candidate.group);
        let chance = candidate.history.chance(&prior, now);
        let last = candidate.history.last();
        let is_told = last.is_some_and(|last| is_news(candidate.told, last, now));
        let chance = if is_told {
            likelier(chance, around.trust.of(candidate.host))
        } else {
            chance
        };
        if candidate.has_left {
            likelier(chance, LEFT)
        } else {
            chance
        }
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
        let mut sayings = connection.prepare(SAYINGS)?;
        let mut sayings = Sayings::of(sayings.query([])?);
        while let Some(row) = urls.next()? {
            let mut candidate = Candidate::of(row)?;
            let said = sayings.about(candidate.url)?;
            (candidate.history, candidate.tried) = answers.of(candidate.url, &said)?;
            candidate.told = said.in_run(self.run);
            candidate.has_left = !self.first && said.has_left(self.run, row.get(5)?);
            take(candidate)?;
        }
        Ok(())
    }
}

/// Pages and their parts that have an outcome which was carried over, or were found and left to this refresh; without
/// those whose last answer is good and young enough.
const CANDIDATES: &str = "
SELECT v.url, u.text, u.host, v.depth, f.started, s.run
FROM visit v
JOIN url u ON u.id = v.url
LEFT JOIN fetch f ON f.id = v.last_fetch
LEFT JOIN start s ON s.id = f.start
WHERE v.run = ?1 AND v.role IN (0, 1)
AND (v.decision = 0 AND (v.carried = 1 OR ?4 AND v.carried = 0 AND v.last_fetch IS NOT NULL) AND NOT (f.started >= ?3 AND f.error IS NULL AND f.status < 400)
  OR v.decision = 2 AND v.last_fetch IS NULL AND v.rule = (SELECT id FROM rule WHERE text = ?2))
ORDER BY v.url";

/// Whole answers of every run, by URL, in their order: what came, as a number that tells it from what came before. What
/// failed says nothing; that a page is gone does.
const ANSWERS: &str = "
SELECT f.url, f.started, CASE WHEN f.version IS NOT NULL THEN f.version WHEN f.redirect_to IS NOT NULL THEN -f.redirect_to ELSE 0 END, f.last_modified, s.run
FROM fetch f JOIN start s ON s.id = f.start
WHERE f.kind IN (0, 2) AND f.error IS NULL AND f.retry_at IS NULL AND (f.version IS NOT NULL OR f.redirect_to IS NOT NULL OR f.status IN (404, 410))
ORDER BY f.url, f.id";

struct Candidate {
    url: i64,
    /// Its host, section and depth.
    group: u64,
    /// When it was asked for last, if it was.
    asked: Option<i64>,
    host: i64,
    /// When its sitemaps say it was changed last.
    told: Option<f64>,
    /// Whether its sitemaps name it no more, and it was not asked for since they did.
    has_left: bool,
    /// How often they have said that it had changed, and how often it had.
    tried: Tried,
    history: History,
}

impl Candidate {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let text = row.get_ref(1)?.as_str()?;
        let host = row.get(2)?;
        Ok(Self {
            url: row.get(0)?,
            group: group(host, text, row.get(3)?),
            asked: row.get(4)?,
            host,
            told: None,
            has_left: false,
            tried: Tried::default(),
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
    run: i64,
    at: f64,
    what: i64,
    modified: Option<f64>,
}

impl Answers<'_> {
    /// What the answers of a URL say, and what has become of what its sitemaps had said before each. URLs are asked
    /// about in their order.
    fn of(&mut self, url: i64, said: &Said) -> rusqlite::Result<(History, Tried)> {
        let (mut history, mut tried, mut before) = (History::default(), Tried::default(), None);
        loop {
            let Some(answer) = self.peek()? else { break };
            if answer.url > url {
                break;
            }
            self.next = None;
            if answer.url == url {
                let changed = before.is_some_and(|before| before != answer.what);
                if let Some(last) = history.last()
                    && is_news(said.in_run(answer.run), last, answer.at)
                {
                    tried.see(changed);
                }
                history.see(answer.at, changed, answer.modified);
                before = Some(answer.what);
            }
        }
        Ok((history, tried))
    }

    fn peek(&mut self) -> rusqlite::Result<Option<Answer>> {
        if self.next.is_none()
            && let Some(row) = self.rows.next()?
        {
            let modified = row.get_ref(3)?.as_str_or_null()?;
            let modified = modified.and_then(|text| httpdate::parse_http_date(text).ok());
            self.next = Some(Answer {
                url: row.get(0)?,
                run: row.get(4)?,
                at: row.get::<_, i64>(1)? as f64 / 1e6,
                what: row.get(2)?,
                modified: modified
                    .and_then(|at| Some(at.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())),
            });
        }
        Ok(self.next)
    }
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
