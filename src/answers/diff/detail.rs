//! All that differs of one URL.

use rusqlite::OptionalExtension;
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::bodies::{Content, settle};
use super::compare::Compared;
use super::entry::Entry;
use super::kinds::Kind;
use super::links::{self, Link};
use super::runs::{Pair, Run};
use super::side::{Met, Side};
use super::{Options, compare, headers, map, text};
use crate::answers::asked::{self, Asked};
use crate::canonical::CanonicalUrl;
use crate::config::ConfigError;
use crate::error::Result;
use crate::store::bodies::Bodies;
use crate::store::find::Finder;

/// What a run knows of a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Facts {
    /// The URL.
    pub url: String,
    /// When it was asked for (UTC).
    pub asked_at: Option<String>,
    /// The status, or the class of an error.
    pub status: Option<String>,
    /// Where it redirects to.
    pub redirect_to: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Its canonical link.
    pub canonical: Option<String>,
    /// What it asks of robots.
    pub directives: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// Media type.
    pub media_type: Option<String>,
    /// Charset.
    pub charset: Option<String>,
    /// Length of the body.
    pub bytes: Option<u64>,
    /// Digest of the body, in hexadecimal.
    pub sha256: Option<String>,
}

impl Facts {
    /// All of them but the URL, each with its name.
    #[must_use]
    pub fn rows(&self) -> [(&'static str, Option<String>); 12] {
        [
            ("asked at", self.asked_at.clone()),
            ("status", self.status.clone()),
            ("redirect", self.redirect_to.clone()),
            ("title", self.title.clone()),
            ("description", self.description.clone()),
            ("canonical", self.canonical.clone()),
            ("directives", self.directives.clone()),
            ("language", self.language.clone()),
            ("type", self.media_type.clone()),
            ("charset", self.charset.clone()),
            ("bytes", self.bytes.map(|bytes| bytes.to_string())),
            ("sha256", self.sha256.clone()),
        ]
    }
}

/// One URL in two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Detail {
    /// The earlier run.
    pub before_run: Run,
    /// The later run.
    pub after_run: Run,
    /// What has become of it.
    pub entry: Entry,
    /// What it was.
    pub before: Option<Facts>,
    /// What it is; of one that has moved, at its new place.
    pub after: Option<Facts>,
    /// Links that are new.
    pub links_added: Vec<Link>,
    /// Links that are there no more.
    pub links_removed: Vec<Link>,
    /// Header fields that are new, or have another value.
    pub headers_added: Vec<String>,
    /// Header fields as they were, likewise.
    pub headers_removed: Vec<String>,
    /// The main texts as a unified diff, a line an item.
    pub text: Vec<String>,
    /// What is to be known besides.
    pub notes: Vec<String>,
}

impl Detail {
    /// The facts of both sides, those that are known of one at least: name, earlier, later.
    #[must_use]
    pub fn rows(&self) -> Vec<(&'static str, Option<String>, Option<String>)> {
        let empty = Facts::default();
        let (a, b) = (&self.before, &self.after);
        let (a, b) = (a.as_ref().unwrap_or(&empty), b.as_ref().unwrap_or(&empty));
        let rows = a.rows().into_iter().zip(b.rows());
        let rows = rows.map(|((name, a), (_, b))| (name, a, b));
        rows.filter(|(_, a, b)| a.is_some() || b.is_some())
            .collect()
    }
}

/// Compares one URL.
///
/// # Errors
/// When the text is no URL, neither run knows it, or a database cannot be read.
pub fn detail(pair: &Pair, options: &Options, text: &str) -> Result<Detail> {
    pair.refuse_itself(options)?;
    let _bounds = (pair.earlier().bound()?, pair.later().bound()?);
    let url = asked::parse(text)?;
    let options = Options {
        all: true,
        resources: true,
        ..options.clone()
    };
    let found = (|| {
        let compared = Compared::new(pair, &options)?;
        let before = find(&compared.before, text, &url)?;
        let after = find(&compared.after, text, &url)?;
        let (before, after) = (
            before.map_or(Ok(None), |id| compared.before.known(id, 0))?,
            after.map_or(Ok(None), |id| compared.after.known(id, since(pair)))?,
        );
        let mut judged = compared.judge(before, after)?;
        settle(judged.as_mut_slice(), &compared.how());
        let entry = judged.map(|judged| judged.entry);
        Ok((entry, compared, before, after))
    })();
    let (entry, compared, before, after) = found.map_err(|error| pair.failed(error))?;
    let Some(entry) = entry else {
        let why = "neither run has asked for it (crawl why URL says more)";
        return Err(ConfigError::value("URL", url.as_str(), why).into());
    };
    // What is gone, or new, may have moved: all of them say.
    let entry = match entry.kind {
        Kind::Gone | Kind::New => {
            let diff = compare(pair, &options, &mut |_| {})?;
            let found = diff.of_url(&entry)?;
            found.unwrap_or(entry)
        }
        _ => entry,
    };
    let whole = of(pair, &compared, entry, (before, after));
    whole.map_err(|error| pair.failed(error))
}

/// The run after which a request counts as one of the later run.
fn since(pair: &Pair) -> i64 {
    if pair.is_one() { pair.before.run } else { 0 }
}

impl super::Diff<'_> {
    /// What has become of a URL in the light of all others.
    fn of_url(&self, entry: &Entry) -> Result<Option<Entry>> {
        let failed = |error| self.pair.failed(error);
        if let Some(found) = self.scratch.of_url(&entry.url).map_err(failed)? {
            return Ok(Some(found));
        }
        let from = self.scratch.moved_to(&entry.url).map_err(failed)?;
        Ok(from.map(|from| Entry {
            note: Some(format!(
                "{} has moved here ({})",
                from.url,
                from.by.unwrap_or_default()
            )),
            ..entry.clone()
        }))
    }
}

/// The number of a URL, under the name that it has on this side.
fn find(side: &Side<'_>, text: &str, url: &CanonicalUrl) -> rusqlite::Result<Option<i64>> {
    let connection = &side.reader.connection;
    let finder = Finder::new(connection)?;
    let asked = Asked::look_up(connection, finder, text, url.clone())?;
    if let Some(found) = asked.found {
        return Ok(Some(found.id));
    }
    for other in map::others(side.map, url.as_str()) {
        if let Ok(other) = CanonicalUrl::parse(&other)
            && let Some(found) = finder.find(connection, &other)?
        {
            return Ok(Some(found.id));
        }
    }
    Ok(None)
}

fn of(
    pair: &Pair,
    compared: &Compared<'_>,
    entry: Entry,
    (before, mut after): (Option<Met>, Option<Met>),
) -> rusqlite::Result<Detail> {
    // Of what has moved, the new place is what is compared.
    if let Some(to) = &entry.to
        && let Ok(url) = CanonicalUrl::parse(to)
        && let Some(id) = find(&compared.after, to, &url)?
    {
        after = compared.after.known(id, since(pair))?;
    }
    let content = |side: &Side<'_>, met: Option<Met>| {
        let version = met.and_then(|met| met.asked.and_then(|asked| asked.version).or(met.good));
        version.map_or(Ok(None), |version| Content::read(side, version))
    };
    let contents = (
        content(&compared.before, before)?,
        content(&compared.after, after)?,
    );
    let known = |side: &Side<'_>, met: Option<Met>, content: Option<&Content>| {
        met.map(|met| facts(side, met, content)).transpose()
    };
    let mut detail = Detail {
        before_run: pair.before.clone(),
        after_run: pair.after.clone(),
        before: known(&compared.before, before, contents.0.as_ref())?,
        after: known(&compared.after, after, contents.1.as_ref())?,
        entry,
        links_added: Vec::new(),
        links_removed: Vec::new(),
        headers_added: Vec::new(),
        headers_removed: Vec::new(),
        text: Vec::new(),
        notes: Vec::new(),
    };
    if let (Some(a), Some(b)) = &contents
        && !(compared.same_log && a.id == b.id)
    {
        (detail.links_added, detail.links_removed) =
            links::listed(compared, Some(a.id), Some(b.id))?;
        let names = (pair.before.name(), pair.after.name());
        let (mut x, mut y) = (open(&compared.before), open(&compared.after));
        match (a.text(x.as_mut()), b.text(y.as_mut())) {
            (Ok(Some(x)), Ok(Some(y))) => detail.text = text::unified(&x, &y, (&names.0, &names.1)),
            (Ok(_), Ok(_)) => detail.notes.push("it is no text".to_owned()),
            (Err(why), _) => detail.notes.push(format!("of {}: {why}", names.0)),
            (_, Err(why)) => detail.notes.push(format!("of {}: {why}", names.1)),
        }
    }
    if let (Some(a), Some(b)) = (
        before.and_then(|met| met.asked),
        after.and_then(|met| met.asked),
    ) {
        let (x, y) = (
            headers::read(&compared.before, a.header)?,
            headers::read(&compared.after, b.header)?,
        );
        let partial = a.status == Some(304) || b.status == Some(304);
        (detail.headers_removed, detail.headers_added) = headers::apart(&x, &y, partial);
    }
    Ok(detail)
}

fn open(side: &Side<'_>) -> Option<Bodies> {
    Bodies::open(&side.folder()).ok()
}

fn facts(side: &Side<'_>, met: Met, content: Option<&Content>) -> rusqlite::Result<Facts> {
    let mut facts = Facts {
        url: side.text(met.url)?,
        status: met.outcome(),
        ..Facts::default()
    };
    if let Some(asked) = met.asked {
        let sql = "SELECT strftime('%Y-%m-%d %H:%M:%S', started / 1000000, 'unixepoch') FROM fetch WHERE id = ?";
        let mut statement = side.reader.connection.prepare_cached(sql)?;
        let at: Option<Option<String>> = statement
            .query_row([asked.id], |row| row.get(0))
            .optional()?;
        facts.asked_at = at.flatten();
        facts.redirect_to = asked.redirect_to.map(|url| side.text(url)).transpose()?;
    }
    if let Some(content) = content {
        facts.title.clone_from(&content.title);
        facts.description.clone_from(&content.description);
        facts.canonical = content.canonical.map(|url| side.text(url)).transpose()?;
        facts.directives.clone_from(&content.directives);
        facts.language.clone_from(&content.language);
        facts.media_type.clone_from(&content.media_type);
        facts.charset.clone_from(&content.charset);
        facts.bytes = Some(content.bytes);
        facts.sha256 = Some(
            content
                .digest
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        );
    }
    Ok(facts)
}
