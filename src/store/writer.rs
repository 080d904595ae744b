//! The one writer: applies a batch of records in one transaction.

use std::time::SystemTime;

use rusqlite::{
    Connection, OptionalExtension, Transaction, TransactionBehavior, params, params_from_iter,
};
use siphasher::sip::SipHasher13;
use tokio_rusqlite::rusqlite;

use super::admit::{Admitter, Interned, Route, text_id};
use super::schema::{Decision, FETCH_PAGE, FETCH_ROBOTS};
use super::seen::Visit;
use super::{StoreError, from_micros, micros};
use crate::canonical::{CanonicalUrl, Host, Origin};
use crate::fetched::{FetchError, Fetched, Head};
use crate::frontier::{Refill, Refilled};
use crate::record::{Content, Fate, Hold, Link, Record, RobotsAnswer};
use crate::request::{Kind, Request, Ticket};

/// Bytes of a header block that are stored.
const MAX_HEADER_BLOCK: usize = 8 << 10;
/// Links inserted by one statement.
const LINKS_AT_ONCE: usize = 16;
/// The log is copied back into the database from this size on.
const CHECKPOINT_BYTES: u64 = 64 << 20;

/// Header fields that change with every response, have a column of their own, or are secrets of a
/// session: they stay out of the shared header blocks.
const VOLATILE: [&str; 22] = [
    "age",
    "cf-ray",
    "connection",
    "content-length",
    "date",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "nel",
    "report-to",
    "server-timing",
    "set-cookie",
    "set-cookie2",
    "x-amz-cf-id",
    "x-amz-id-2",
    "x-amz-request-id",
    "x-request-id",
    "x-runtime",
    "x-served-by",
    "x-timer",
    "x-trace-id",
];

/// What is to be written, and read, in one transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// Outcomes, in the order in which the engine numbered them.
    pub records: Vec<Record>,
    /// Rows of the queue that memory has room for.
    pub refills: Vec<Refill>,
    /// Hosts that are left alone for a time: kept, so that this survives a restart.
    pub holds: Vec<Hold>,
    /// Hosts that are left alone until the next start, and why.
    pub set_aside: Vec<(Host, String)>,
    /// Origins whose robots.txt cannot be had.
    pub unreachable: Vec<Origin>,
    /// Bodies of fetches up to this number are on the disk itself: commit so that this is certain too.
    pub durable_to: Option<i64>,
}

/// What applying a batch has brought.
#[derive(Debug, Default)]
pub struct Applied {
    /// URLs that are new and in.
    pub admitted: Vec<Request>,
    /// URLs that are new and in, but wait for the next start with their host.
    pub deferred: u64,
    /// Redirects to a URL of their own chain, which only the tables could tell.
    pub redirect_loops: u64,
    /// The rows asked for.
    pub refilled: Vec<Refilled>,
    /// URLs whose outcome is in the table now.
    pub settled: Vec<Ticket>,
    /// The number of the last fetch.
    pub last_fetch: i64,
}

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) run: i64,
    pub(super) start: i64,
    pub(super) admitter: Admitter,
    headers: Interned<String>,
    pub(super) last_fetch: i64,
    database: std::path::PathBuf,
}

/// What a batch adds to the start's counts.
#[derive(Debug, Default)]
struct Tally {
    redirect_loops: u64,
    pages: i64,
    requests: i64,
    bytes: i64,
}

impl Writer {
    pub(super) fn new(
        run: i64,
        start: i64,
        admitter: Admitter,
        last_fetch: i64,
        database: std::path::PathBuf,
    ) -> Self {
        Self {
            run,
            start,
            admitter,
            headers: Interned::new(),
            last_fetch,
            database,
        }
    }

    pub(super) fn apply(
        &mut self,
        connection: &mut Connection,
        batch: Batch,
    ) -> Result<Applied, StoreError> {
        if batch.durable_to.is_some() {
            connection.pragma_update(None, "synchronous", "FULL")?;
        }
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut applied = Applied::default();
        let mut tally = Tally::default();
        self.admitter.now = micros(SystemTime::now());
        for (host, why) in &batch.set_aside {
            self.set_aside(&tx, host, why)?;
        }
        for Hold {
            host,
            until,
            reason,
        } in &batch.holds
        {
            let host = self.admitter.host_id(&tx, host)?;
            tx.prepare_cached("UPDATE host SET hold_until = ?2, hold_reason = ?3 WHERE id = ?1")?
                .execute(params![host, micros(*until), reason])?;
        }
        for origin in &batch.unreachable {
            self.defer_origin(&tx, origin)?;
        }
        for record in &batch.records {
            self.record(&tx, record, &mut tally)?;
            if record.request.is_page() && record.fate == Fate::Done {
                applied.settled.push(record.request.ticket);
            }
        }
        tx.prepare_cached(
            "UPDATE start SET heartbeat = ?2, pages = pages + ?3, requests = requests + ?4, bytes = bytes + ?5,
             durable_to = coalesce(?6, durable_to) WHERE id = ?1",
        )?
        .execute(params![self.start, self.admitter.now, tally.pages, tally.requests, tally.bytes, batch.durable_to])?;
        for refill in batch.refills {
            applied.refilled.push(self.refill(&tx, refill)?);
        }
        tx.commit()?;
        applied.admitted = std::mem::take(&mut self.admitter.admitted);
        applied.deferred = std::mem::take(&mut self.admitter.deferred);
        applied.redirect_loops = tally.redirect_loops;
        applied.last_fetch = self.last_fetch;
        if batch.durable_to.is_some() {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
        }
        self.checkpoint(connection)?;
        Ok(applied)
    }

    /// Copies the log back when it has grown, as far as readers allow; never waits for them.
    fn checkpoint(&self, connection: &Connection) -> Result<(), StoreError> {
        let log = self.database.with_extension("db-wal");
        if std::fs::metadata(log).is_ok_and(|log| log.len() > CHECKPOINT_BYTES) {
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
            tracing::info!("checkpoint");
        }
        Ok(())
    }

    fn record(
        &mut self,
        tx: &Transaction<'_>,
        record: &Record,
        tally: &mut Tally,
    ) -> rusqlite::Result<()> {
        let (url, visit) = match record.request.kind {
            Kind::Page => {
                let url = record.request.ticket.url;
                let known = self.admitter.visit(tx, url)?;
                (
                    url,
                    known.unwrap_or(Visit {
                        decision: Decision::Admitted,
                        depth: record.request.depth,
                        redirects: 0,
                    }),
                )
            }
            Kind::Robots { .. } => {
                let url = self.admitter.identity(tx, &record.request.url)?;
                (
                    url,
                    Visit {
                        decision: Decision::Admitted,
                        depth: 0,
                        redirects: 0,
                    },
                )
            }
        };
        let fetch = match &record.fetched {
            Some(fetched) => Some(self.fetch(tx, url, &visit, record, fetched, tally)?),
            None => None,
        };
        if let Some(answer) = &record.robots {
            self.robots(tx, answer)?;
        }
        if record.request.is_page() {
            self.outcome(tx, url, &visit, record, fetch, tally)?;
        }
        self.admitter.settle(tx)
    }

    /// Writes a request's row, and its version if it brought one.
    fn fetch(
        &mut self,
        tx: &Transaction<'_>,
        url: i64,
        visit: &Visit,
        record: &Record,
        fetched: &Fetched,
        tally: &mut Tally,
    ) -> rusqlite::Result<i64> {
        let version = match &record.content {
            Some(content) => Some(self.version(tx, url, visit, record, content)?),
            None => None,
        };
        let redirect_to = match &record.redirect_to {
            Some(target) => Some(self.redirect(tx, url, visit, record, target)?),
            None => None,
        };
        let in_circle = match redirect_to {
            Some(target) if record.request.is_page() => self.is_circle(tx, url, target)?,
            _ => false,
        };
        tally.redirect_loops += u64::from(in_circle);
        let error = record
            .error
            .or(fetched.error)
            .or(in_circle.then_some(FetchError::RedirectLoop));
        let header = match &fetched.head {
            Some(head) => Some(self.header(tx, head)?),
            None => None,
        };
        let rule = match &record.rule {
            Some(rule) => Some(self.admitter.rule_id(tx, rule)?),
            None => None,
        };
        let (head, millionths) = (fetched.head.as_ref(), |time: std::time::Duration| {
            i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
        });
        let field = |name: &str| head.and_then(|head| head.get(name));
        self.last_fetch += 1;
        tx.prepare_cached(
            "INSERT INTO fetch VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        )?
        .execute(params![
            self.last_fetch,
            self.start,
            url,
            if record.request.is_page() {
                FETCH_PAGE
            } else {
                FETCH_ROBOTS
            },
            record.request.attempt,
            micros(fetched.timing.started),
            fetched.timing.head.map(millionths),
            millionths(fetched.timing.total),
            fetched.peer.map(|peer| peer.to_string()),
            head.map(|head| head.http_version),
            fetched.status(),
            error.map(FetchError::code),
            fetched.detail,
            header,
            field("etag"),
            field("last-modified"),
            field("content-type"),
            i64::try_from(fetched.wire_bytes).unwrap_or(i64::MAX),
            fetched.cut
                || record
                    .content
                    .as_ref()
                    .is_some_and(|content| content.cut || content.page.truncated),
            version,
            redirect_to,
            rule,
            match record.fate {
                Fate::Retry(at) => Some(micros(at)),
                _ => None,
            },
        ])?;
        tally.requests += 1;
        tally.bytes += i64::try_from(fetched.wire_bytes).unwrap_or(0);
        Ok(self.last_fetch)
    }

    /// The id of where a redirect leads; for a page, that is reached by it.
    fn redirect(
        &mut self,
        tx: &Transaction<'_>,
        url: i64,
        visit: &Visit,
        record: &Record,
        target: &CanonicalUrl,
    ) -> rusqlite::Result<i64> {
        if record.request.is_page() && record.fate == Fate::Done {
            self.admitter
                .reach(tx, target, &Route::redirect(visit, url))
        } else {
            self.admitter.identity(tx, target)
        }
    }

    /// Whether the redirects that are known lead from `target` back to `url`.
    fn is_circle(&self, tx: &Transaction<'_>, url: i64, target: i64) -> rusqlite::Result<bool> {
        let mut statement = tx.prepare_cached(
            "SELECT f.redirect_to FROM visit v JOIN fetch f ON f.id = v.last_fetch WHERE v.run = ? AND v.url = ?",
        )?;
        let mut at = Some(target);
        // A ring longer than this is cut by max-redirects long before.
        for _ in 0..64 {
            match at {
                Some(id) if id == url => return Ok(true),
                Some(id) => {
                    at = statement
                        .query_row([self.run, id], |row| row.get(0))
                        .optional()?
                        .flatten();
                }
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    /// The id of a content; its links are written when it is new, and reached in any case.
    fn version(
        &mut self,
        tx: &Transaction<'_>,
        url: i64,
        visit: &Visit,
        record: &Record,
        content: &Content,
    ) -> rusqlite::Result<i64> {
        let page = &content.page;
        let meta = meta_hash(record, content);
        let found: Option<i64> = tx
            .prepare_cached("SELECT id FROM version WHERE url = ? AND digest = ? AND meta = ?")?
            .query_row(params![url, content.digest, meta], |row| row.get(0))
            .optional()?;
        let targets =
            self.admitter
                .reach_links(tx, url, visit, page.directives.nofollow, &page.links)?;
        if let Some(version) = found {
            // The bytes are the same; where they are kept may have changed (files switched on since, or removed).
            tx.prepare_cached(
                "UPDATE version SET file = ?2 WHERE id = ?1 AND file IS NOT ?2 AND ?2 IS NOT NULL",
            )?
            .execute(params![version, content.file])?;
            return Ok(version);
        }
        let canonical = match &page.canonical {
            Some(canonical) => Some(self.admitter.identity(tx, canonical)?),
            None => None,
        };
        tx.prepare_cached(
            "INSERT INTO version (url, digest, meta, bytes, media_type, charset, title, description, language, canonical,
             directives, nofollow, noindex, file, truncated) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        )?
        .execute(params![
            url,
            content.digest,
            meta,
            i64::try_from(content.bytes).unwrap_or(i64::MAX),
            content.media_type,
            page.charset,
            page.title,
            page.description,
            page.language,
            canonical,
            page.directives.text,
            page.directives.nofollow,
            page.directives.noindex,
            content.file,
            content.cut || page.truncated,
        ])?;
        let version = tx.last_insert_rowid();
        insert_links(tx, version, &page.links, &targets)?;
        Ok(version)
    }

    /// What an attempt, or the decision not to make one, means for the URL and its place in the queue.
    fn outcome(
        &mut self,
        tx: &Transaction<'_>,
        url: i64,
        visit: &Visit,
        record: &Record,
        fetch: Option<i64>,
        tally: &mut Tally,
    ) -> rusqlite::Result<()> {
        let place = params![
            record.request.ticket.host,
            record.request.order as i64,
            FETCH_PAGE
        ];
        match record.fate {
            Fate::Kept => Ok(()),
            Fate::Retry(at) => {
                let deferred = self
                    .admitter
                    .deferral(record.request.ticket.host, &record.request.url);
                tx.prepare_cached(
                    "UPDATE frontier SET attempt = ?4, not_before = ?5, deferred = ?6 WHERE host = ?1 AND ord = ?2 AND kind = ?3",
                )?
                .execute(params![
                    record.request.ticket.host,
                    record.request.order as i64,
                    FETCH_PAGE,
                    record.request.attempt + 1,
                    micros(at),
                    deferred
                ])
                .map(|_| ())
            }
            Fate::Done => {
                tx.prepare_cached("DELETE FROM frontier WHERE host = ? AND ord = ? AND kind = ?")?
                    .execute(place)?;
                if let Some(fetch) = fetch {
                    tx.prepare_cached(
                        "UPDATE visit SET last_fetch = ?3, good_version = coalesce((SELECT version FROM fetch WHERE id = ?3),
                         good_version) WHERE run = ?1 AND url = ?2",
                    )?
                    .execute([self.run, url, fetch])?;
                } else {
                    let rule = self
                        .admitter
                        .rule_id(tx, record.rule.as_deref().unwrap_or("robots.txt"))?;
                    tx.prepare_cached(
                        "UPDATE visit SET decision = ?3, rule = ?4 WHERE run = ?1 AND url = ?2",
                    )?
                    .execute([
                        self.run,
                        url,
                        Decision::Disallowed as i64,
                        rule,
                    ])?;
                }
                tally.pages += i64::from(record.is_counted_page());
                // The links were reached by the depth that was known then; it may be better by now.
                match self.admitter.visit(tx, url)? {
                    Some(now) if now.depth < visit.depth || now.redirects < visit.redirects => {
                        self.admitter.pass_on(tx, url, &now)
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn header(&mut self, tx: &Transaction<'_>, head: &Head) -> rusqlite::Result<i64> {
        let mut block = String::with_capacity(512);
        for (name, value) in head
            .headers
            .iter()
            .filter(|(name, _)| !VOLATILE.contains(&name.as_str()))
        {
            if block.len() + name.len() + value.len() + 3 > MAX_HEADER_BLOCK {
                break;
            }
            block.extend([name, ": ", value, "\n"]);
        }
        self.headers
            .get_or(&block, || text_id(tx, "header", "text", &block))
    }

    fn robots(&mut self, tx: &Transaction<'_>, answer: &RobotsAnswer) -> rusqlite::Result<()> {
        let Ok(url) = answer.origin.robots_url() else {
            return Ok(());
        };
        let host = self.admitter.host_id(tx, &url.host())?;
        tx.prepare_cached("INSERT INTO robots (fetched, valid_until, status, reachable, body) VALUES (?, ?, ?, ?, ?)")?
            .execute(params![self.admitter.now, micros(answer.valid_until), answer.status, answer.reachable, answer.body])?;
        let robots = tx.last_insert_rowid();
        tx.prepare_cached(
            "INSERT INTO origin (host, text, robots) VALUES (?1, ?2, ?3) ON CONFLICT (text) DO UPDATE SET robots = ?3",
        )?
        .execute(params![host, answer.origin.as_str(), robots])?;
        Ok(())
    }

    fn set_aside(&mut self, tx: &Transaction<'_>, host: &Host, why: &str) -> rusqlite::Result<()> {
        let id = self.admitter.host_id(tx, host)?;
        let rule = self
            .admitter
            .rule_id(tx, &format!("host set aside: {why}"))?;
        tx.execute(
            "UPDATE host SET set_aside = ?2 WHERE id = ?1",
            params![id, why],
        )?;
        tx.execute(
            "UPDATE frontier SET deferred = ?2 WHERE host = ?1",
            [id, rule],
        )?;
        self.admitter.deferred_hosts.insert(id, rule);
        Ok(())
    }

    fn defer_origin(&mut self, tx: &Transaction<'_>, origin: &Origin) -> rusqlite::Result<()> {
        let Ok(url) = origin.robots_url() else {
            return Ok(());
        };
        let host = self.admitter.host_id(tx, &url.host())?;
        let rule = self.admitter.rule_id(tx, "robots.txt cannot be had")?;
        tx.execute(
            "UPDATE frontier SET deferred = ?2 WHERE host = ?1
             AND (SELECT substr(u.text, 1, ?4) = ?3 FROM url u WHERE u.id = frontier.url)",
            params![
                host,
                rule,
                format!("{origin}/"),
                origin.as_str().len() as i64 + 1
            ],
        )?;
        self.admitter
            .deferred_origins
            .insert(origin.as_str().to_owned(), rule);
        Ok(())
    }

    fn refill(&mut self, tx: &Transaction<'_>, refill: Refill) -> rusqlite::Result<Refilled> {
        let host = self.admitter.host_id(tx, &refill.host)?;
        let mut statement = tx.prepare_cached(
            "SELECT q.ord, q.url, u.text, v.depth, q.attempt, q.not_before FROM frontier q JOIN url u ON u.id = q.url
             JOIN visit v ON v.run = ?4 AND v.url = q.url
             WHERE q.host = ?1 AND q.ord > ?2 AND q.deferred IS NULL ORDER BY q.ord LIMIT ?3",
        )?;
        let after = i64::try_from(refill.after).unwrap_or(i64::MAX);
        let limit = i64::try_from(refill.limit).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![host, after, limit, self.run])?;
        let (mut requests, mut count) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            count += 1;
            let Ok(url) = CanonicalUrl::parse(&row.get::<_, String>(2)?) else {
                continue;
            };
            requests.push(Request {
                url,
                kind: Kind::Page,
                order: row.get::<_, i64>(0)? as u64,
                depth: row.get(3)?,
                attempt: row.get(4)?,
                not_before: row.get::<_, Option<i64>>(5)?.map(from_micros),
                ticket: Ticket {
                    url: row.get(1)?,
                    host,
                },
            });
        }
        drop(rows);
        Ok(Refilled {
            more: count == refill.limit,
            refill,
            requests,
        })
    }
}

/// What besides the bytes makes a content another one: the type, the charset, and the headers that say
/// something about links and indexing.
fn meta_hash(record: &Record, content: &Content) -> i64 {
    use std::hash::Hasher;
    // The key is fixed: the number is stored, and only has to differ where its parts do.
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    let mut part = |text: &str| {
        hasher.write(text.as_bytes());
        hasher.write_u8(0xff);
    };
    part(content.media_type.as_deref().unwrap_or_default());
    part(content.page.charset.unwrap_or_default());
    // A limit that cut the links then may not cut them now.
    part(&content.page.links.len().to_string());
    if let Some(head) = record
        .fetched
        .as_ref()
        .and_then(|fetched| fetched.head.as_ref())
    {
        for (name, value) in &head.headers {
            if name == "x-robots-tag" || name == "link" {
                part(value);
            }
        }
    }
    hasher.finish() as i64
}

fn insert_links(
    tx: &Transaction<'_>,
    version: i64,
    links: &[Link],
    targets: &[i64],
) -> rusqlite::Result<()> {
    const ROW: &str = "(?,?,?,?,?,?)";
    let mut position = 0_i64;
    for (links, targets) in links
        .chunks(LINKS_AT_ONCE)
        .zip(targets.chunks(LINKS_AT_ONCE))
    {
        let sql = format!(
            "INSERT INTO link VALUES {}",
            vec![ROW; links.len()].join(",")
        );
        let mut values: Vec<&dyn rusqlite::ToSql> = Vec::with_capacity(6 * links.len());
        let numbers: Vec<(i64, u8)> = (position..)
            .zip(links.iter().map(|link| link.kind.code()))
            .collect();
        for ((link, target), (position, kind)) in links.iter().zip(targets).zip(&numbers) {
            values.extend([
                &version as &dyn rusqlite::ToSql,
                position,
                target,
                kind,
                &link.rel,
                &link.anchor,
            ]);
        }
        tx.prepare_cached(&sql)?.execute(params_from_iter(values))?;
        position += links.len() as i64;
    }
    Ok(())
}
