//! From a text to the URL that is meant by it: what of the text is no part of a URL, and which URLs that are
//! known look much like one that is not.

use rusqlite::{Connection, OptionalExtension};
use tokio_rusqlite::rusqlite;

use super::Reader;
use crate::canonical::CanonicalUrl;
use crate::config::{ConfigError, has_scheme, nearest, parse_seed, without_secret};
use crate::error;
use crate::rewrite::Rewrite;
use crate::store::find::{Finder, Found};

/// Likenesses that are told of.
const MOST_SIMILAR: usize = 5;

/// A URL as it was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) url: CanonicalUrl,
    /// Its row, if it was ever met.
    pub(super) found: Option<Found>,
    /// What was made of the text, in words.
    pub(super) notes: Vec<String>,
}

/// Reads what a user wrote.
///
/// # Errors
/// When it is no URL.
pub(super) fn parse(text: &str) -> Result<CanonicalUrl, ConfigError> {
    parse_seed(text).map_err(|error| ConfigError::value("URL", without_secret(text), error))
}

/// The number of a host that was asked for by its name.
///
/// # Errors
/// When no URL of it was met, or the database cannot be read.
pub(super) fn host(reader: &Reader, name: &str) -> error::Result<i64> {
    let name = name.trim().to_ascii_lowercase();
    let connection = &reader.connection;
    let find = || {
        let sql = "SELECT id FROM host WHERE name = ?";
        let id = connection
            .query_row(sql, [&name], |row| row.get(0))
            .optional()?;
        let mut statement =
            connection.prepare("SELECT name FROM host ORDER BY pages DESC LIMIT 1000")?;
        let names = statement.query_map([], |row| row.get(0))?;
        Ok((id, names.collect::<rusqlite::Result<Vec<String>>>()?))
    };
    let (id, names) = find().map_err(|error| reader.failed(error))?;
    if let Some(id) = id {
        return Ok(id);
    }
    let near = nearest(&name, names.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    let words = format!("no URL of this host was met{near}");
    Err(ConfigError::value("host", &name, words).into())
}

impl Asked {
    /// Looks a URL up. Where no scheme was written it is taken for `https`, unless only `http` is known.
    pub(super) fn look_up(
        connection: &Connection,
        finder: Finder,
        text: &str,
        mut url: CanonicalUrl,
    ) -> rusqlite::Result<Self> {
        let text = text.trim();
        let mut found = finder.find(connection, &url)?;
        let assumed = !has_scheme(text) && !text.starts_with('[');
        if assumed
            && found.is_none()
            && let Some(plain) = with_scheme(&url, "http")
        {
            found = finder.find(connection, &plain)?;
            if found.is_some() {
                url = plain;
            }
        }
        let mut notes = notes(text, &url);
        if assumed {
            notes.insert(0, format!("{}:// was assumed", url.scheme()));
        }
        if let Some(found) = &found
            && found.text != url.as_str()
        {
            notes.push("another spelling of it was met first, and is what is asked for".to_owned());
        }
        Ok(Self { url, found, notes })
    }

    /// Looks up the form in which it is asked for under the settings, if that is another and this one was
    /// not met in the run.
    pub(super) fn rewritten(
        mut self,
        connection: &Connection,
        finder: Finder,
        rewrite: &Rewrite,
        run: i64,
    ) -> rusqlite::Result<Self> {
        let met = match &self.found {
            Some(found) => connection.query_row(
                "SELECT EXISTS (SELECT 1 FROM visit WHERE run = ?1 AND url = ?2
                 UNION ALL SELECT 1 FROM sitemap WHERE run = ?1 AND url = ?2)",
                [run, found.id],
                |row| row.get(0),
            )?,
            None => false,
        };
        if !met && let Some(rewritten) = rewrite.apply(&self.url) {
            let (url, rule) = (rewritten.url, rewritten.rule);
            self.notes.push(format!("it is asked for as {url}: {rule}"));
            self.found = finder.find(connection, &url)?;
            self.url = url;
        }
        Ok(self)
    }
}

fn with_scheme(url: &CanonicalUrl, scheme: &str) -> Option<CanonicalUrl> {
    let rest = url.as_str().split_once(':')?.1;
    CanonicalUrl::parse(&format!("{scheme}:{rest}")).ok()
}

/// What of a text is not in the URL that it became.
fn notes(text: &str, url: &CanonicalUrl) -> Vec<String> {
    let mut notes = Vec::new();
    let (bare, fragment) = text.split_once('#').unwrap_or((text, ""));
    if bare.len() < text.len() {
        notes.push(format!(
            "the fragment #{fragment} is left out: it is never sent"
        ));
    }
    let rest = bare.split_once("//").map_or(bare, |(_, rest)| rest);
    let end = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !user.is_empty() {
        notes.push("user and password are left out: they are part of no URL".to_owned());
    }
    let default = if url.scheme() == "http" {
        ":80"
    } else {
        ":443"
    };
    let name = host.strip_suffix(default).unwrap_or(host);
    if name.len() < host.len() {
        notes.push(format!("the port {} is the default", &default[1..]));
    }
    let name = name.split(':').next().unwrap_or(name);
    if !host.starts_with('[') && name != url.hostname() {
        notes.push(format!("the host is written {}", url.hostname()));
    }
    if !path.is_empty() && path != url.path_and_query() {
        notes.push("path and query are written as the URL Standard has them".to_owned());
    }
    notes
}

/// URLs that were met and look much like one that was not: by another scheme, with or without `www.`, a
/// slash at the end, a query, capitals. Those that differ least come first.
pub(super) fn similar(
    connection: &Connection,
    finder: Finder,
    url: &CanonicalUrl,
) -> rusqlite::Result<Vec<Found>> {
    let mut found: Vec<Found> = Vec::new();
    for candidate in candidates(url) {
        if let Some(known) = finder.find(connection, &candidate)?
            && !found.iter().any(|other| other.id == known.id)
        {
            found.push(known);
        }
        if found.len() == MOST_SIMILAR {
            break;
        }
    }
    Ok(found)
}

/// See [`similar()`].
fn candidates(url: &CanonicalUrl) -> Vec<CanonicalUrl> {
    let changes: [fn(&mut url::Url); 5] = [
        |url| {
            let other = if url.scheme() == "http" {
                "https"
            } else {
                "http"
            };
            let _ = url.set_scheme(other);
        },
        |url| {
            let path = match url.path().strip_suffix('/') {
                Some(path) => path.to_owned(),
                None => format!("{}/", url.path()),
            };
            url.set_path(&path);
        },
        |url| {
            let name = url.domain().unwrap_or_default();
            let other = match name.strip_prefix("www.") {
                Some(bare) => bare.to_owned(),
                None if name.is_empty() => return,
                None => format!("www.{name}"),
            };
            let _ = url.set_host(Some(&other));
        },
        |url| url.set_query(None),
        |url| url.set_path(&url.path().to_ascii_lowercase()),
    ];
    let mut sets: Vec<u32> = (1..1 << changes.len()).collect();
    sets.sort_by_key(|set| set.count_ones());
    let mut candidates: Vec<CanonicalUrl> = Vec::new();
    for set in sets {
        let mut other = url.as_url().clone();
        for (bit, change) in changes.iter().enumerate() {
            if set & (1 << bit) != 0 {
                change(&mut other);
            }
        }
        if let Ok(other) = CanonicalUrl::parse(other.as_str())
            && other.key() != url.key()
            && !candidates.contains(&other)
        {
            candidates.push(other);
        }
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out() {
        for (text, wanted) in [
            ("http://a.example/x?y", &[][..]),
            ("http://a.example", &[]),
            (
                "a.example/x#y",
                &["the fragment #y is left out: it is never sent"],
            ),
            (
                "https://me:pw@a.example:443/",
                &[
                    "user and password are left out: they are part of no URL",
                    "the port 443 is the default",
                ],
            ),
            ("http://a.example:443/", &[]),
            (
                "http://Bücher.example/",
                &["the host is written xn--bcher-kva.example"],
            ),
            ("http://[::1]:81/", &[]),
            (
                "http://a.example/a/../ü",
                &["path and query are written as the URL Standard has them"],
            ),
        ] {
            let url = parse(text).expect(text);
            assert_eq!(notes(text, &url), wanted, "{text}");
        }
        let error = parse("ftp://me:pw@a.example")
            .expect_err("refused")
            .to_string();
        assert!(!error.contains("pw"), "{error}");
    }

    #[test]
    fn what_looks_alike() {
        let url = CanonicalUrl::parse("http://a.example/X/?q").expect("a URL");
        let texts: Vec<String> = candidates(&url).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts[..5],
            [
                "https://a.example/X/?q",
                "http://a.example/X?q",
                "http://www.a.example/X/?q",
                "http://a.example/X/",
                "http://a.example/x/?q"
            ]
        );
        assert!(texts.contains(&"https://www.a.example/x".to_owned()));
        let address = CanonicalUrl::parse("http://127.0.0.1:81/").expect("a URL");
        let texts: Vec<String> = candidates(&address)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(texts, ["https://127.0.0.1:81/"]);
    }
}
