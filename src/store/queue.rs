//! The queue in the table: what is put there, in which order, and how a row of it becomes a request.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use tokio_rusqlite::rusqlite;

use super::admit::Admitter;
use super::from_micros;
use super::seen::Visit;
use super::sitemaps;
use super::words::{Role, kind_code};
use crate::canonical::CanonicalUrl;
use crate::request::{Kind, Request, Ticket, Validators};

impl Admitter {
    /// Puts a URL in the queue of the table, and in line for the memory's.
    pub(super) fn enqueue(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        host: i64,
        url: &CanonicalUrl,
        visit: &Visit,
    ) -> rusqlite::Result<()> {
        let order = self.policy.order.of(url, visit.depth, id);
        self.room = self.room.map(|room| room.saturating_sub(1));
        let deferred = self.deferral(host, url);
        if self.line_up(tx, host, order, &kind_of(visit.role), id, deferred)? {
            let is_first = self.is_first(host);
            self.admitted.push(Request {
                url: url.clone(),
                kind: kind_of(visit.role),
                order,
                depth: visit.depth,
                attempt: 0,
                not_before: None,
                ticket: Ticket {
                    url: id,
                    host,
                    is_first,
                },
                validators: self.validators(tx, id)?,
            });
        }
        Ok(())
    }

    /// What to make the request for a URL conditional on: the last good content, if it came whole and was
    /// read as it would be read now.
    fn validators(
        &self,
        tx: &Transaction<'_>,
        url: i64,
    ) -> rusqlite::Result<Option<Box<Validators>>> {
        // In a first run nothing is known: the most common case costs nothing.
        if self.run == 1 {
            return Ok(None);
        }
        let sql = format!(
            "SELECT {VALIDATORS} FROM visit v {VALIDATORS_FROM} WHERE v.run = ?1 AND v.url = ?2"
        );
        let found = tx
            .prepare_cached(&sql)?
            .query_row([self.run, url], |row| validators_of(row, 0, self.reader));
        Ok(found.optional()?.flatten())
    }

    /// Writes a row of the queue. Whether its turn comes in this start.
    pub(super) fn line_up(
        &mut self,
        tx: &Transaction<'_>,
        host: i64,
        order: u64,
        kind: &Kind,
        url: i64,
        deferred: Option<i64>,
    ) -> rusqlite::Result<bool> {
        tx.prepare_cached(
            "INSERT INTO frontier (host, ord, kind, url, deferred) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![host, order as i64, kind_code(kind), url, deferred])?;
        self.enqueued += 1;
        self.deferred += u64::from(deferred.is_some());
        Ok(deferred.is_none())
    }

    /// Whether a host was met in this batch, and this is the first of it that is asked for.
    pub(super) fn is_first(&mut self, host: i64) -> bool {
        self.new_hosts.remove(&host)
    }

    /// Why a URL's turn does not come in this start, if it does not.
    pub(super) fn deferral(&self, host: i64, url: &CanonicalUrl) -> Option<i64> {
        let of_host = self.deferred_hosts.get(&host);
        of_host
            .or_else(|| self.deferred_origins.get(url.origin().as_str()))
            .copied()
    }

    /// Puts a URL that has its outcome in the queue once more, for a cookie was set since.
    pub(super) fn repeat(&mut self, tx: &Transaction<'_>, url: i64) -> rusqlite::Result<()> {
        tx.execute(
            "UPDATE visit SET repeated = 1 WHERE run = ? AND url = ?",
            [self.run, url],
        )?;
        self.ask_again(tx, url)
    }

    /// Takes the outcome of a URL back, and puts it in the queue again: it waits as if it had never been asked
    /// for. The log of requests keeps what came. An outcome that was carried over stays until there is another.
    pub(super) fn ask_again(&mut self, tx: &Transaction<'_>, url: i64) -> rusqlite::Result<()> {
        let carried: Option<i64> = tx
            .prepare_cached("SELECT carried FROM visit WHERE run = ? AND url = ?")?
            .query_row([self.run, url], |row| row.get(0))
            .optional()?;
        match carried {
            Some(0) | None => {}
            Some(1) => return self.ask_for(tx, url),
            // It waits already.
            Some(_) => return Ok(()),
        }
        tx.prepare_cached("UPDATE visit SET last_fetch = NULL WHERE run = ? AND url = ?")?
            .execute([self.run, url])?;
        let (text, host): (String, i64) = tx
            .prepare_cached("SELECT text, host FROM url WHERE id = ?")?
            .query_row([url], |row| Ok((row.get(0)?, row.get(1)?)))?;
        match (CanonicalUrl::parse(&text), self.visit(tx, url)?) {
            (Ok(target), Some(visit)) => self.enqueue(tx, url, host, &target, &visit),
            _ => Ok(()),
        }
    }

    /// A row of the queue as a request: its columns are those of [`QUEUED`].
    pub(super) fn request_of(&self, row: &Row<'_>, host: i64) -> rusqlite::Result<Option<Request>> {
        let Ok(url) = CanonicalUrl::parse(&row.get::<_, String>(2)?) else {
            return Ok(None);
        };
        let order = row.get::<_, i64>(0)? as u64;
        let not_before = row.get::<_, Option<i64>>(5)?.map(from_micros);
        if row.get::<_, u8>(13)? == kind_code(&Kind::Sitemap) {
            return Ok(Some(Request {
                url,
                kind: Kind::Sitemap,
                order,
                depth: 0,
                attempt: row.get(4)?,
                not_before,
                ticket: sitemaps::ticket(row.get(1)?, host, false),
                validators: None,
            }));
        }
        Ok(Some(Request {
            url,
            kind: kind_of(Role::from_code(row.get(6)?)),
            order,
            depth: row.get(3)?,
            attempt: row.get(4)?,
            not_before,
            ticket: Ticket {
                url: row.get(1)?,
                host,
                is_first: false,
            },
            validators: validators_of(row, 7, self.reader)?,
        }))
    }
}

/// A host's queue from an order on.
pub(super) const QUEUED: &str =
    "SELECT q.ord, q.url, u.text, v.depth, q.attempt, q.not_before, v.role,
   g.etag, g.last_modified, c.file, c.id, c.reader, g.truncated OR c.truncated, q.kind
 FROM frontier q JOIN url u ON u.id = q.url LEFT JOIN visit v ON v.run = ?4 AND v.url = q.url
 LEFT JOIN fetch g ON g.id = v.good_fetch LEFT JOIN version c ON c.id = v.good_version
 WHERE q.host = ?1 AND q.ord > ?2 AND q.deferred IS NULL AND (q.kind = 4 OR v.url IS NOT NULL) ORDER BY q.ord LIMIT ?3";

/// The columns and tables of what a request may be made conditional on.
const VALIDATORS: &str =
    "g.etag, g.last_modified, c.file, c.id, c.reader, g.truncated OR c.truncated";
/// See [`VALIDATORS`].
const VALIDATORS_FROM: &str =
    "JOIN fetch g ON g.id = v.good_fetch JOIN version c ON c.id = v.good_version";

fn validators_of(
    row: &Row<'_>,
    from: usize,
    reader: i64,
) -> rusqlite::Result<Option<Box<Validators>>> {
    let (etag, last_modified): (Option<String>, Option<String>) =
        (row.get(from)?, row.get(from + 1)?);
    let Some(version) = row.get::<_, Option<i64>>(from + 3)? else {
        return Ok(None);
    };
    let whole = row.get::<_, Option<bool>>(from + 5)? == Some(false);
    let alike = row.get::<_, Option<i64>>(from + 4)? == Some(reader);
    if !whole || !alike || (etag.is_none() && last_modified.is_none()) {
        return Ok(None);
    }
    Ok(Some(Box::new(Validators {
        etag,
        last_modified,
        file: row.get(from + 2)?,
        version,
    })))
}

/// What a URL of this role is asked for as.
pub(super) fn kind_of(role: Role) -> Kind {
    match role {
        Role::Asset => Kind::Asset,
        Role::Check => Kind::Check,
        Role::Page | Role::Known | Role::Shut => Kind::Page,
    }
}
