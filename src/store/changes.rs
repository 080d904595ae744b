//! What the outcome of a URL says beside the one that the run before had: new, changed, gone; or nothing, for it is as
//! it was, or has failed.

use rusqlite::{Connection, OptionalExtension, params};
use tokio_rusqlite::rusqlite;

use super::Recrawl;

/// What has become of a URL since the run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It is there, and was not.
    New,
    /// Its content is another one, or it leads elsewhere.
    Changed,
    /// It was there, and answers 404 or 410.
    Gone,
}

impl Change {
    const ALL: [(Self, i64, &'static str); 3] = [
        (Self::New, 1, "new"),
        (Self::Changed, 2, "changed"),
        (Self::Gone, 3, "gone"),
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].2
    }

    fn of_code(code: Option<i64>) -> Option<Self> {
        let row = Self::ALL.iter().find(|row| Some(row.1) == code);
        row.map(|row| row.0)
    }
}

/// The change's number, of a visit `v` with its request `f`, and `p` and `q` likewise of the run before. What was good
/// last counts as what was there: a failure in between is forgotten.
const CODE: &str = "CASE
  WHEN f.status IN (404, 410) AND f.error IS NULL THEN iif(q.status IN (404, 410) OR p.good_version IS NULL AND q.redirect_to IS NULL, NULL, 3)
  WHEN f.version IS NULL AND (f.redirect_to IS NULL OR f.error IS NOT NULL) THEN NULL
  WHEN q.status IN (404, 410) OR p.good_version IS NULL AND q.redirect_to IS NULL THEN 1
  WHEN f.version IS NOT NULL AND q.redirect_to IS NULL THEN iif(f.version = p.good_version, NULL, 2)
  WHEN f.redirect_to IS q.redirect_to THEN NULL
  ELSE 2 END";

const FROM: &str = "FROM visit v JOIN fetch f ON f.id = v.last_fetch
  LEFT JOIN visit p ON p.run = v.run - 1 AND p.url = v.url LEFT JOIN fetch q ON q.id = p.last_fetch";

/// What a run's outcome of a URL says.
pub(super) fn of(connection: &Connection, run: i64, url: i64) -> rusqlite::Result<Option<Change>> {
    let code: Option<Option<i64>> = connection
        .prepare_cached(&format!(
            "SELECT {CODE} {FROM} WHERE v.run = ? AND v.url = ? AND v.carried = 0"
        ))?
        .query_row([run, url], |row| row.get(0))
        .optional()?;
    Ok(Change::of_code(code.flatten()))
}

/// How many URLs of a run are new, changed and gone, and how many contents are as they were.
pub(super) fn counts(connection: &Connection, run: i64) -> rusqlite::Result<Recrawl> {
    let sql = format!(
        "SELECT coalesce(sum(c IS NULL AND same), 0), coalesce(sum(c = 2), 0), coalesce(sum(c = 1), 0), coalesce(sum(c = 3), 0)
         FROM (SELECT {CODE} AS c, f.version IS NOT NULL AND f.version = p.good_version AS same {FROM}
           WHERE v.run = ? AND v.carried = 0)"
    );
    connection.query_row(&sql, [run], |row| {
        let number = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
        Ok(Recrawl {
            unchanged: number(0)?,
            changed: number(1)?,
            new: number(2)?,
            gone: number(3)?,
        })
    })
}

/// A URL's number; its change and its text, unless it is as it was.
pub(crate) type Found = (i64, Option<(Change, String)>);

/// A piece of what a start has found, by the numbers of the URLs behind one: each with its text, or without where it is
/// as it was.
pub(crate) fn piece(
    connection: &Connection,
    start: i64,
    after: i64,
    most: usize,
) -> rusqlite::Result<Vec<Found>> {
    let sql = format!(
        "SELECT v.url, {CODE}, u.text {FROM} JOIN url u ON u.id = v.url
         WHERE v.run = (SELECT run FROM start WHERE id = ?1) AND v.url > ?2 AND v.carried = 0 AND f.start = ?1
         ORDER BY v.url LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![start, after, most as i64], |row| {
        let change = Change::of_code(row.get(1)?);
        let text: String = row.get(2)?;
        Ok((row.get(0)?, change.map(|change| (change, text))))
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_their_order() {
        for (place, row) in Change::ALL.iter().enumerate() {
            assert_eq!((row.0 as usize, row.1), (place, place as i64 + 1));
            assert_eq!(
                Change::of_code(Some(row.1)).map(Change::as_str),
                Some(row.2)
            );
        }
        assert_eq!(Change::of_code(None), None);
    }
}
