//! What the sitemaps of all runs have said of URLs, in the order of the URLs: gone through beside the log of requests.

use std::time::UNIX_EPOCH;

use rusqlite::Rows;
use tokio_rusqlite::rusqlite;

use crate::parse::lastmod;

/// Every entry of every sitemap.
pub(super) const SAYINGS: &str = "SELECT url, run, lastmod FROM sitemap_entry ORDER BY url, run";

/// Runs that are remembered of a URL, the latest.
const MOST_RUNS: usize = 1000;

/// The rows of [`SAYINGS`].
pub(super) struct Sayings<'r> {
    rows: Rows<'r>,
    next: Option<Saying>,
}

#[derive(Clone, Copy)]
struct Saying {
    url: i64,
    run: i64,
    lastmod: Option<f64>,
}

/// What was said of one URL: by the sitemaps of which runs, and when it was changed last.
#[derive(Debug, Default)]
pub(super) struct Said(Vec<(i64, Option<f64>)>);

impl Said {
    /// When the URL was changed last, as the sitemaps of a run have it.
    pub(super) fn in_run(&self, run: i64) -> Option<f64> {
        let place = self.0.binary_search_by_key(&run, |said| said.0).ok()?;
        self.0[place].1
    }

    /// Whether the sitemaps of a run name the URL no more, and it was not asked for since they did.
    pub(super) fn has_left(&self, run: i64, asked_in: Option<i64>) -> bool {
        let last = self.0.last().map(|said| said.0);
        last.is_some_and(|last| last < run && asked_in.is_some_and(|asked| asked <= last))
    }
}

impl<'r> Sayings<'r> {
    pub(super) fn of(rows: Rows<'r>) -> Self {
        Self { rows, next: None }
    }

    /// What was said of a URL. URLs are asked about in their order.
    pub(super) fn about(&mut self, url: i64) -> rusqlite::Result<Said> {
        let mut said = Said::default();
        while let Some(saying) = self.peek()? {
            if saying.url > url {
                break;
            }
            self.next = None;
            if saying.url < url {
                continue;
            }
            match said.0.last_mut() {
                // Of several sitemaps, the latest.
                Some((run, lastmod)) if *run == saying.run => {
                    *lastmod = lastmod.map_or(saying.lastmod, |known| {
                        Some(saying.lastmod.map_or(known, |more| known.max(more)))
                    });
                }
                _ => {
                    if said.0.len() == MOST_RUNS {
                        said.0.remove(0);
                    }
                    said.0.push((saying.run, saying.lastmod));
                }
            }
        }
        Ok(said)
    }

    fn peek(&mut self) -> rusqlite::Result<Option<Saying>> {
        if self.next.is_none()
            && let Some(row) = self.rows.next()?
        {
            // A date that a doctored database has in another type is none.
            let text = row.get_ref(2)?.as_str_or_null().unwrap_or_default();
            let at = text.and_then(lastmod::latest);
            self.next = Some(Saying {
                url: row.get(0)?,
                run: row.get(1)?,
                lastmod: at.and_then(|at| Some(at.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())),
            });
        }
        Ok(self.next)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn said_by_run_and_url() {
        let connection = Connection::open_in_memory().expect("in memory");
        connection
            .execute_batch(
                "CREATE TABLE sitemap_entry (url, run, lastmod);
                 INSERT INTO sitemap_entry VALUES (3, 1, '1970-01-01T00:01Z'), (3, 1, '1970-01-01T00:02Z'), (3, 1, NULL),
                   (3, 2, 'soon'), (5, 2, NULL), (5, 4, '1970-01-01T00:03Z'), (5, 4, x'00'), (9, 1, NULL)",
            )
            .expect("made");
        let mut statement = connection.prepare(SAYINGS).expect("SQL");
        let mut sayings = Sayings::of(statement.query([]).expect("rows"));
        let mut about = |url| sayings.about(url).expect("read");
        assert!(about(1).0.is_empty());
        let three = about(3);
        assert_eq!(three.in_run(1), Some(120.0));
        assert_eq!((three.in_run(2), three.in_run(3)), (None, None));
        // Named by run 2, not by run 3: whether it has left hangs on when it was asked for.
        for (asked, wanted) in [
            (Some(1), true),
            (Some(2), true),
            (Some(3), false),
            (None, false),
        ] {
            assert_eq!(three.has_left(3, asked), wanted, "{asked:?}");
        }
        assert!(!three.has_left(2, Some(1)));
        let five = about(5);
        assert_eq!(
            (five.in_run(4), five.has_left(4, Some(1))),
            (Some(180.0), false)
        );
        assert!(!about(7).has_left(9, Some(1)));
    }
}
