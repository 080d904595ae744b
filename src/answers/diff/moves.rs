//! What is gone and stands at another URL now: one that is new and has the same bytes, the same main text, or, where
//! no other page has it, the same title.

use std::collections::HashMap;
use std::hash::Hasher;

use rusqlite::{OptionalExtension, params};
use siphasher::sip::SipHasher13;
use tokio_rusqlite::rusqlite;

use super::bodies::Content;
use super::compare::Compared;
use super::kinds::Kind;
use super::scratch::Scratch;
use super::side::Side;
use crate::store::bodies::Bodies;

/// A text of less says too little to be known again.
const LEAST_TEXT: usize = 50;
/// Of each side, bodies that are read to find a text again.
const MOST_TEXTS: i64 = 5000;
/// Titles that are looked for.
const MOST_TITLES: i64 = 20_000;

/// Finds them, and how many of the new ones are told as such places.
pub(super) fn find(compared: &Compared<'_>, scratch: &Scratch) -> rusqlite::Result<Found> {
    let mut found = Found::default();
    if any(scratch, Kind::Gone)? && any(scratch, Kind::New)? {
        scratch.connection.execute_batch(
            "CREATE INDEX entry_by_digest ON entry (kind, digest, url);
             CREATE INDEX entry_by_title ON entry (kind, title, url);",
        )?;
        found.moved += by(scratch, "digest", "content")?;
        texts(&compared.before, scratch, Kind::Gone)?;
        texts(&compared.after, scratch, Kind::New)?;
        let index = "CREATE INDEX entry_by_text ON entry (kind, text, url)";
        scratch.connection.execute_batch(index)?;
        found.moved += by(scratch, "text", "text")?;
        keep_telling_titles(&compared.after, scratch)?;
        found.moved += by(scratch, "title", "title")?;
    }
    found.joined = scratch.join()?;
    Ok(found)
}

/// What turned out otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    /// Of what is gone, so much has moved.
    pub(super) moved: u64,
    /// Of what is new, so much is where something has moved to.
    pub(super) joined: u64,
}

fn any(scratch: &Scratch, kind: Kind) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM entry WHERE kind = ?)";
    scratch
        .connection
        .query_row(sql, [kind as i64], |row| row.get(0))
}

/// Pairs what is gone with what is new by a column; the first by URL where several would do.
fn by(scratch: &Scratch, column: &str, word: &str) -> rusqlite::Result<u64> {
    let mut next = scratch.connection.prepare(&format!(
        "SELECT id, {column} FROM entry NOT INDEXED WHERE kind = ?1 AND id > ?2 AND {column} IS NOT NULL ORDER BY id LIMIT 1"
    ))?;
    let mut place = scratch.connection.prepare(&format!(
        "SELECT url FROM entry WHERE kind = ?1 AND {column} = ?2 ORDER BY url LIMIT 1"
    ))?;
    let (mut moved, mut after) = (0, 0_i64);
    loop {
        let gone = next
            .query_row([Kind::Gone as i64, after], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, rusqlite::types::Value>(1)?,
                ))
            })
            .optional()?;
        let Some((id, value)) = gone else {
            return Ok(moved);
        };
        after = id;
        let to = place.query_row(params![Kind::New as i64, value], |row| {
            row.get::<_, String>(0)
        });
        if let Some(to) = to.optional()? {
            let mut entry = scratch.entry(id)?;
            entry.kind = Kind::Moved;
            (entry.to, entry.by) = (Some(to), Some(word.to_owned()));
            scratch.replace(id, &entry)?;
            moved += 1;
        }
    }
}

/// Reads the main texts of what is left of a kind.
fn texts(side: &Side<'_>, scratch: &Scratch, kind: Kind) -> rusqlite::Result<()> {
    let mut next = scratch.connection.prepare(
        "SELECT id, version FROM entry WHERE kind = ? AND version IS NOT NULL ORDER BY id LIMIT ?",
    )?;
    let rows = next.query_map([kind as i64, MOST_TEXTS], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let rows: Vec<(i64, i64)> = rows.collect::<rusqlite::Result<_>>()?;
    let mut keep = scratch
        .connection
        .prepare("UPDATE entry SET text = ?2 WHERE id = ?1")?;
    let mut files = Bodies::open(&side.folder()).ok();
    for (id, version) in rows {
        let Some(content) = Content::read(side, version)? else {
            continue;
        };
        if let Ok(Some(text)) = content.text(files.as_mut())
            && text.len() >= LEAST_TEXT
        {
            let mut hasher = SipHasher13::new_with_keys(0, 0);
            hasher.write(text.as_bytes());
            keep.execute([id, hasher.finish() as i64])?;
        }
    }
    Ok(())
}

/// Leaves a title to what is gone or new only where it stands there once, and on no other page of the later run: one
/// that many pages have says nothing.
fn keep_telling_titles(later: &Side<'_>, scratch: &Scratch) -> rusqlite::Result<()> {
    let mut statement = scratch.connection.prepare(
        "SELECT title FROM entry WHERE kind = ?1 AND trim(title) <> '' GROUP BY title HAVING count(*) = 1 INTERSECT
         SELECT title FROM entry WHERE kind = ?2 GROUP BY title HAVING count(*) = 1 LIMIT ?3",
    )?;
    let kinds = params![Kind::Gone as i64, Kind::New as i64, MOST_TITLES];
    let titles = statement.query_map(kinds, |row| Ok((row.get::<_, String>(0)?, 0)))?;
    let mut titles: HashMap<String, u64> = titles.collect::<rusqlite::Result<_>>()?;
    if !titles.is_empty() {
        count(later, &mut titles)?;
    }
    titles.retain(|_, pages| *pages == 1);
    scratch
        .connection
        .execute_batch("CREATE TABLE telling (title TEXT PRIMARY KEY) WITHOUT ROWID")?;
    let mut keep = scratch
        .connection
        .prepare("INSERT INTO telling VALUES (?)")?;
    for title in titles.keys() {
        keep.execute([title])?;
    }
    scratch.connection.execute_batch(
        "UPDATE entry SET title = NULL WHERE title NOT IN (SELECT title FROM telling)",
    )
}

/// Counts the pages of a run that have each of these titles.
fn count(side: &Side<'_>, titles: &mut HashMap<String, u64>) -> rusqlite::Result<()> {
    let mut after = None;
    loop {
        let piece = side.piece(after)?;
        let Some(last) = piece.back() else {
            return Ok(());
        };
        after = Some(last.url);
        let mut statement = side
            .reader
            .connection
            .prepare_cached("SELECT title FROM version WHERE id = ?")?;
        for version in piece.iter().filter_map(|met| met.asked?.version) {
            let title: Option<Option<String>> = statement
                .query_row([version], |row| row.get(0))
                .optional()?;
            if let Some(pages) = title.flatten().and_then(|title| titles.get_mut(&title)) {
                *pages += 1;
            }
        }
    }
}
