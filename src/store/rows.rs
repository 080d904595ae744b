//! The rows of one request: the request itself, the content that it brought with its links, the shared
//! header block.

use std::borrow::Cow;
use std::sync::LazyLock;

use rusqlite::{OptionalExtension, Transaction, params};
use siphasher::sip::SipHasher13;
use tokio_rusqlite::rusqlite;

use super::intern::text_id;
use super::micros;
use super::seen::Visit;
use super::words::kind_code;
use super::writer::{Tally, Writer};
use super::{fields, signals};
use crate::canonical::CanonicalUrl;
use crate::config::{without_userinfo, without_users};
use crate::fetched::{FetchError, Fetched, Head};
use crate::record::{Content, Fate, Link, Record};
use crate::signals::Name;

/// Bytes of a header block that are stored.
const MAX_HEADER_BLOCK: usize = 8 << 10;
/// Header fields that change with every response, have a column of their own, or are secrets of a
/// session: they stay out of the shared header blocks.
const VOLATILE: [&str; 30] = [
    "age",
    "authentication-info",
    "authorization",
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
    "x-access-token",
    "x-amz-cf-id",
    "x-amz-id-2",
    "x-amz-request-id",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
    "x-refresh-token",
    "x-request-id",
    "x-runtime",
    "x-served-by",
    "x-timer",
    "x-trace-id",
    "x-xsrf-token",
];

/// Whether a redirect closes a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Circle {
    /// It does not.
    No,
    /// It does, but a cookie was set on the way round: one more turn may end elsewhere.
    Open,
    /// It does.
    Closed,
}

/// What writing a request's row has shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    /// The request's number.
    pub(super) fetch: i64,
    /// The content that it brought, or was told to be unchanged.
    pub(super) version: Option<i64>,
    /// Whether a later request can be made conditional on it.
    pub(super) is_good: bool,
    /// A URL of its own chain of redirects that is to be asked for once more, for a cookie was set since.
    pub(super) repeat: Option<i64>,
}

impl Writer {
    /// Writes a request's row, and its version if it brought one.
    pub(super) fn fetch(
        &mut self,
        tx: &Transaction<'_>,
        url: i64,
        visit: &Visit,
        record: &Record,
        fetched: &Fetched,
        tally: &mut Tally,
    ) -> rusqlite::Result<Written> {
        let version = match (&record.content, record.unchanged()) {
            (Some(content), _) => Some(self.version(tx, url, visit, record, content)?),
            (None, Some(version)) => {
                self.admitter.reach_stored(tx, url, visit, version)?;
                Some(version)
            }
            (None, None) => None,
        };
        let redirect_to = match &record.redirect_to {
            Some(target) => Some(self.redirect(tx, url, visit, record, target)?),
            None => None,
        };
        let circle = match redirect_to {
            Some(target) if record.request.is_visit() => {
                self.circle(tx, url, target, fetched.set_cookie)?
            }
            _ => Circle::No,
        };
        let in_circle = circle == Circle::Closed;
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
            "INSERT INTO fetch VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        )?
        .execute(params![
            self.last_fetch,
            self.start,
            url,
            kind_code(&record.request.kind),
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
                    .is_some_and(|content| content.cut || content.page.truncated)
                || record.sitemap.as_ref().is_some_and(|map| map.truncated),
            version,
            redirect_to,
            rule,
            match record.fate {
                Fate::Retry(at) | Fate::Again(at) => Some(micros(at)),
                _ => None,
            },
            fetched.conditional,
            fetched.set_cookie,
        ])?;
        tally.requests += 1;
        tally.bytes += i64::try_from(fetched.wire_bytes).unwrap_or(0);
        Ok(Written {
            fetch: self.last_fetch,
            version,
            is_good: version.is_some()
                && (fetched.status() == Some(200)
                    || field("etag").is_some()
                    || field("last-modified").is_some()),
            repeat: redirect_to.filter(|_| circle == Circle::Open),
        })
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
        if record.request.is_visit() && record.fate == Fate::Done {
            self.admitter.reach_redirect(tx, target, visit, url)
        } else {
            self.admitter.identity(tx, target)
        }
    }

    /// Whether the redirects that are known lead from `target` back to `url`; and if so, whether `target`
    /// may be asked for once more, since a cookie was set on the way round.
    fn circle(
        &self,
        tx: &Transaction<'_>,
        url: i64,
        target: i64,
        mut cookie: bool,
    ) -> rusqlite::Result<Circle> {
        let mut statement = tx.prepare_cached(
            "SELECT f.redirect_to, f.set_cookie FROM visit v JOIN fetch f ON f.id = v.last_fetch WHERE v.run = ? AND v.url = ? AND v.carried < 2",
        )?;
        let mut at = Some(target);
        // A ring longer than this is cut by max-redirects long before.
        for _ in 0..64 {
            match at {
                Some(id) if id == url => {
                    let open = cookie && !self.was_repeated(tx, target)?;
                    return Ok(if open { Circle::Open } else { Circle::Closed });
                }
                Some(id) => {
                    let step: Option<(Option<i64>, bool)> = statement
                        .query_row([self.run, id], |row| Ok((row.get(0)?, row.get(1)?)))
                        .optional()?;
                    cookie |= step.is_some_and(|step| step.1);
                    at = step.and_then(|step| step.0);
                }
                None => return Ok(Circle::No),
            }
        }
        Ok(Circle::No)
    }

    fn was_repeated(&self, tx: &Transaction<'_>, url: i64) -> rusqlite::Result<bool> {
        let repeated = tx
            .prepare_cached("SELECT repeated FROM visit WHERE run = ? AND url = ?")?
            .query_row([self.run, url], |row| row.get(0))
            .optional()?;
        Ok(repeated.unwrap_or(false))
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
        let found: Option<(i64, i64)> = tx
            .prepare_cached(
                "SELECT id, reader FROM version WHERE url = ? AND digest = ? AND meta = ?",
            )?
            .query_row(params![url, content.digest, meta], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let targets =
            self.admitter
                .reach_links(tx, url, visit, page.directives.nofollow, &page.links)?;
        if let Some((version, reader)) = found
            && reader == self.admitter.reader
        {
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
        // The same bytes read by other settings are the same content, read anew.
        let version = found.map(|found| found.0);
        let mut statement = tx.prepare_cached(if version.is_none() {
            "INSERT INTO version (url, digest, meta, bytes, media_type, charset, title, description, language, canonical,
             directives, nofollow, noindex, file, truncated, reader, header_links) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        } else {
            "UPDATE version SET title = ?7, description = ?8, directives = ?11, nofollow = ?12, noindex = ?13,
             file = coalesce(?14, file), truncated = ?15, reader = ?16, header_links = ?17 WHERE url = ?1 AND digest = ?2 AND meta = ?3"
        })?;
        statement.execute(params![
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
            self.admitter.reader,
            i64::try_from(page.header_links).unwrap_or(i64::MAX),
        ])?;
        let version = version.unwrap_or_else(|| tx.last_insert_rowid());
        if found.is_some() {
            tx.prepare_cached("DELETE FROM link WHERE version = ?")?
                .execute([version])?;
        }
        insert_links(tx, version, &page.links, &targets)?;
        fields::write(tx, version, found.is_some(), &content.fields)?;
        signals::of_version(tx, version, found.is_some(), &page.signals)?;
        Ok(version)
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
            let bare = bare(name, value);
            block.extend([name, ": ", &*bare, "\n"]);
        }
        self.headers
            .get_or(&block, || Ok(text_id(tx, "header", "text", &block)?.0))
    }
}

/// A header's value; of URLs in it, without user and password, as everywhere.
fn bare<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if !value.contains('@') {
        value.into()
    } else if matches!(name, "location" | "content-location") {
        without_userinfo(value).into()
    } else {
        without_users(value)
    }
}

/// A robots.txt, of which the URLs of sitemaps are without user and password. Rules stay as they are, to the letter.
pub(super) fn bare_robots(body: &[u8]) -> Cow<'_, [u8]> {
    let names = |line: &[u8]| {
        let name = line.trim_ascii_start().get(..7).unwrap_or_default();
        name.eq_ignore_ascii_case(b"sitemap") && line.contains(&b'@')
    };
    if !body
        .split_inclusive(|byte| matches!(byte, b'\n' | b'\r'))
        .any(names)
    {
        return body.into();
    }
    let mut out = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        match std::str::from_utf8(line) {
            Ok(text) if names(line) => out.extend_from_slice(without_users(text).as_bytes()),
            _ => out.extend_from_slice(line),
        }
    }
    out.into()
}

/// What besides the bytes makes a content another one: the type, the charset, and the headers that say
/// something about links, indexing and uses.
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
            let says = name == "x-robots-tag" || name == "link";
            if says || Name::ALL.iter().any(|signal| signal.as_str() == name) {
                part(value);
            }
        }
    }
    hasher.finish() as i64
}

/// Statements that insert 64, 32, … 1 links: any number of links is a few of these.
///
/// Many rows a statement, since each statement costs as much as two rows. `OR FAIL`, since SQLite would
/// otherwise keep a journal for each statement to undo its first rows; what fails undoes the transaction.
static INSERT_LINKS: LazyLock<[(usize, String); 7]> = LazyLock::new(|| {
    [64, 32, 16, 8, 4, 2, 1].map(|rows| {
        let rows_of = vec!["(?,?,?,?,?,?)"; rows].join(",");
        (rows, format!("INSERT OR FAIL INTO link VALUES {rows_of}"))
    })
});

fn insert_links(
    tx: &Transaction<'_>,
    version: i64,
    links: &[Link],
    targets: &[i64],
) -> rusqlite::Result<()> {
    let mut rows = (0_i64..).zip(links.iter().zip(targets));
    let mut left = links.len();
    for (size, sql) in &*INSERT_LINKS {
        while left >= *size {
            left -= size;
            let mut statement = tx.prepare_cached(sql)?;
            for (row, (position, (link, target))) in rows.by_ref().take(*size).enumerate() {
                let first = 6 * row + 1;
                statement.raw_bind_parameter(first, version)?;
                statement.raw_bind_parameter(first + 1, position)?;
                statement.raw_bind_parameter(first + 2, target)?;
                statement.raw_bind_parameter(first + 3, link.kind.code())?;
                statement.raw_bind_parameter(first + 4, link.rel.as_deref())?;
                statement.raw_bind_parameter(first + 5, link.anchor.as_deref())?;
            }
            statement.raw_execute()?;
        }
    }
    Ok(())
}
