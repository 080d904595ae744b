//! What the scope says of a URL, by the settings of the last start.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::words;
use crate::canonical::CanonicalUrl;
use crate::config::{Config, ScopeConfig, Seed};
use crate::fetch;
use crate::rewrite::Rewrite;
use crate::scope::Scope;

/// What the settings of the last start make of a URL's place.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Judged {
    /// Whether it is in scope.
    pub inside: bool,
    /// By which rule.
    pub rule: String,
    /// What that means.
    pub because: Option<String>,
    /// What a link to it would come to, and other ways in.
    pub notes: Vec<String>,
}

/// The seeds of a run and its scope: they and what has joined them, under these settings.
pub(super) fn scope(
    connection: &Connection,
    run: i64,
    config: &Config,
) -> rusqlite::Result<Option<(Vec<CanonicalUrl>, Scope)>> {
    let (given, rewrite) = seeds(connection, run, config)?;
    let seeds = match &rewrite {
        Some(rewrite) => rewrite.seeds(given).0,
        None => given,
    };
    let anchors = Seed::anchors(&seeds);
    let Ok(mut scope) = Scope::new(&config.scope, &anchors) else {
        return Ok(None);
    };
    let mut statement = connection
        .prepare("SELECT u.text FROM anchor a JOIN url u ON u.id = a.url WHERE a.run = ?")?;
    let joined = statement.query_map([run], |row| row.get(0))?;
    for url in parsed(joined.collect::<rusqlite::Result<_>>()?) {
        scope.join(&url);
    }
    Ok(Some((Seed::urls(&seeds), scope)))
}

fn parsed(texts: Vec<String>) -> Vec<CanonicalUrl> {
    let urls = texts.iter().map(|text| CanonicalUrl::parse(text));
    urls.filter_map(Result::ok).collect()
}

/// The seeds of a run as they were given, and the form in which its URLs are asked for.
pub(in crate::answers) fn seeds(
    connection: &Connection,
    run: i64,
    config: &Config,
) -> rusqlite::Result<(Vec<Seed>, Option<Rewrite>)> {
    let seeds: Option<String> = connection
        .query_row("SELECT seeds FROM run WHERE id = ?", [run], |row| {
            row.get(0)
        })
        .optional()?;
    let seeds: Option<Vec<String>> = seeds.and_then(|seeds| serde_json::from_str(&seeds).ok());
    let seeds = seeds.iter().flatten();
    let seeds: Vec<Seed> = seeds.filter_map(|seed| Seed::from_stored(seed)).collect();
    let rewrite = Rewrite::new(&config.scope, &Seed::urls(&seeds)).ok();
    Ok((seeds, rewrite))
}

/// Judges a URL that nothing may have led to yet.
pub(super) fn judge(
    seeds: &[CanonicalUrl],
    scope: &Scope,
    config: &Config,
    url: &CanonicalUrl,
) -> Judged {
    let decision = scope.decide(url);
    let mut notes = if decision.inside {
        inside(&config.scope)
    } else if decision.beyond {
        beyond(&config.scope)
    } else {
        Vec::new()
    };
    if config.scope.assets && scope.excludes(url).is_none() {
        notes.push("as a part of a page (an image, a script…) it is fetched (assets)".to_owned());
    }
    let named = seeds.iter().any(|seed| seed.host() == url.host());
    if !notes.is_empty() && !config.fetch.allow_private && !named && fetch::is_plainly_private(url)
    {
        let refused = "its address is private or local: no request goes there (allow-private)";
        notes.push(refused.to_owned());
    }
    Judged {
        inside: decision.inside,
        because: if decision.joined {
            Some("a seed redirects to where it is, which joined the scope".to_owned())
        } else {
            words::meaning(&decision.rule)
        },
        rule: decision.rule,
        notes,
    }
}

/// What a link to a URL in scope comes to.
fn inside(config: &ScopeConfig) -> Vec<String> {
    let depth = match config.max_depth.0 {
        Some(0) => "no link to it is followed (max-depth 0)".to_owned(),
        Some(max) => format!(
            "a link to it is followed on a page of depth {} at the most (max-depth {max})",
            max - 1
        ),
        None => "a link to it is followed, at any depth".to_owned(),
    };
    let nofollow = "a link that is marked nofollow is not".to_owned();
    let nofollow = Some(nofollow).filter(|_| !config.ignore_nofollow);
    std::iter::once(depth).chain(nofollow).collect()
}

/// What a link to a URL comes to that is out of scope by its place alone.
fn beyond(config: &ScopeConfig) -> Vec<String> {
    let mut notes = Vec::new();
    match config.extra_hops {
        0 => {}
        1 => notes.push("a link from a page in scope is followed (extra-hops 1)".to_owned()),
        hops => notes.push(format!(
            "it is followed where at most {hops} links lead to it from a page in scope (extra-hops {hops})"
        )),
    }
    if config.check_external {
        notes.push("a link on a page has it asked whether it is there (check-external)".to_owned());
    }
    notes.push("where a seed redirects to it, its place joins the scope".to_owned());
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limit;

    #[test]
    fn what_a_link_would_come_to() {
        let url = |text: &str| CanonicalUrl::parse(text).expect(text);
        let seeds = [url("http://a.example/")];
        let mut config = Config::default();
        config.scope.exclude = vec![r"\.pdf$".to_owned()];
        let mut wide = config.clone();
        wide.scope.max_depth = Limit(Some(3));
        wide.scope.extra_hops = 1;
        wide.scope.check_external = true;
        for (config, text, inside, rule, notes) in [
            (
                &config,
                "http://a.example/x",
                true,
                "scope host",
                &["a link to it is followed, at any depth", "nofollow is not"][..],
            ),
            (
                &config,
                "http://b.example/x.pdf",
                false,
                "outside scope host",
                &[],
            ),
            (
                &config,
                "http://a.example/x.pdf",
                false,
                r"exclude \.pdf$",
                &[],
            ),
            (
                &config,
                "http://b.example/x",
                false,
                "outside scope host",
                &["a seed redirects"],
            ),
            (
                &wide,
                "http://a.example/x",
                true,
                "scope host",
                &["depth 2 at the most", "nofollow"],
            ),
            (
                &wide,
                "http://10.0.0.1/",
                false,
                "outside scope host",
                &[
                    "extra-hops 1",
                    "check-external",
                    "a seed redirects",
                    "private",
                ],
            ),
        ] {
            let scope = Scope::new(&config.scope, &seeds).expect("a scope");
            let judged = judge(&seeds, &scope, config, &url(text));
            assert_eq!(
                (judged.inside, judged.rule.as_str()),
                (inside, rule),
                "{text}"
            );
            assert_eq!(judged.notes.len(), notes.len(), "{text} {:?}", judged.notes);
            for (note, wanted) in judged.notes.iter().zip(notes) {
                assert!(note.contains(wanted), "{text} {note}");
            }
        }
    }
}
