//! Seeds as a user writes them, made into URLs.

use std::borrow::Cow;
use std::path::Path;

use super::{ConfigError, Seed, Seeds};
use crate::canonical::{CanonicalUrl, UrlError};

impl Seeds {
    /// The seeds, each once: pages, those of the file after the others, then sitemaps.
    ///
    /// # Errors
    /// The first that is no URL, named by its line where it stands in a file; or that the file cannot be
    /// read.
    pub fn all(&self) -> Result<Vec<Seed>, ConfigError> {
        let pages = self.urls()?.into_iter().map(Seed::Page);
        let sitemaps = written("sitemap", &self.sitemap)?;
        Ok(Seed::once(
            pages
                .chain(sitemaps.into_iter().map(Seed::Sitemap))
                .collect(),
        ))
    }

    /// The pages among the seeds as URLs, those of the file after the others, each once.
    ///
    /// # Errors
    /// As [`Seeds::all`].
    pub fn urls(&self) -> Result<Vec<CanonicalUrl>, ConfigError> {
        let mut urls = written("seed", &self.seed)?;
        let path = &self.input_file;
        if !path.as_os_str().is_empty() {
            let text = if path == Path::new("-") {
                std::io::read_to_string(std::io::stdin())
            } else {
                std::fs::read_to_string(path)
            };
            let text = text.map_err(|source| ConfigError::Read {
                path: path.clone(),
                source,
            })?;
            for (line, seed) in (1..).zip(text.lines().map(str::trim)) {
                if seed.is_empty() || seed.starts_with('#') {
                    continue;
                }
                let bad = |error: String| ConfigError::File {
                    path: path.clone(),
                    line,
                    message: format!("{:?}: {error}", without_secret(seed)),
                };
                for seed in numbered(seed).map_err(bad)? {
                    urls.push(parse_seed(&seed).map_err(|error| bad(error.to_string()))?);
                }
            }
        }
        let mut met = std::collections::HashSet::new();
        urls.retain(|url| met.insert(url.key().into_owned()));
        Ok(urls)
    }
}

impl Seeds {
    /// Whether a seed names a user. That is part of no URL: it is not sent.
    pub(crate) fn names_user(&self) -> bool {
        let mut all = self.seed.iter().chain(&self.sitemap);
        all.any(|seed| without_userinfo(seed) != *seed)
    }
}

/// The URLs that the texts under a key stand for.
fn written(key: &str, texts: &[String]) -> Result<Vec<CanonicalUrl>, ConfigError> {
    let mut urls = Vec::new();
    for text in texts {
        let bad = |error: String| ConfigError::value(key, without_secret(text), error);
        for text in numbered(text).map_err(bad)? {
            urls.push(parse_seed(&text).map_err(|error| bad(error.to_string()))?);
        }
    }
    Ok(urls)
}

/// Most seeds that one text may stand for.
const MAX_NUMBERED: u64 = 100_000;
/// Likewise, in bytes of text.
const MAX_NUMBERED_BYTES: u64 = 1 << 28;

/// Most digits of one end of a range.
const MAX_DIGITS: usize = 20;

/// The seeds that one text stands for: `{1..50}` for numbered pages, `{01..50}` with leading zeros, any
/// number of such. Other braces are left as they are.
fn numbered(text: &str) -> Result<Vec<String>, String> {
    let (mut seeds, mut rest) = (vec![String::new()], text);
    while let Some((range, from, to, width)) = first_range(rest) {
        let (before, after) = (&rest[..range.start], &rest[range.end..]);
        let count = from.abs_diff(to).saturating_add(1);
        let all = count.saturating_mul(seeds.len() as u64);
        let bytes = all.saturating_mul(text.len() as u64);
        if all > MAX_NUMBERED || bytes > MAX_NUMBERED_BYTES {
            return Err(format!("stands for more than {MAX_NUMBERED} seeds"));
        }
        let number = |step: u64| if from <= to { from + step } else { from - step };
        let numbers = || (0..count).map(|step| format!("{before}{:0width$}", number(step)));
        seeds = seeds
            .iter()
            .flat_map(|seed| numbers().map(move |number| format!("{seed}{number}")))
            .collect();
        rest = after;
    }
    for seed in &mut seeds {
        seed.push_str(rest);
    }
    Ok(seeds)
}

/// The first `{A..B}` of a text: where it stands, its two ends, and how many digits it pads to.
fn first_range(text: &str) -> Option<(std::ops::Range<usize>, u64, u64, usize)> {
    text.match_indices('{').find_map(|(open, _)| {
        let close = open + text[open..].find('}')?;
        let (from, to) = text[open + 1..close].split_once("..")?;
        // Zeros in front count: what has more digits than any number is not padded to that width.
        let digits = |end: &str| {
            (1..=MAX_DIGITS).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(from) || !digits(to) {
            return None;
        }
        let padded = from.starts_with('0') && from.len() > 1;
        let width = if padded { from.len() } else { 0 };
        Some((open..close + 1, from.parse().ok()?, to.parse().ok()?, width))
    })
}

/// What is no URL, with a mark in place of everything that may be a password.
pub(crate) fn without_secret(text: &str) -> String {
    match text.rfind('@') {
        Some(at) => format!("…{}", &text[at..]),
        None => text.to_owned(),
    }
}

/// A URL as it was written, with a mark in place of user and password.
#[must_use]
pub fn without_userinfo(text: &str) -> String {
    // As the URL Standard has it: `https:/me:pw@host` and `http:\\me:pw@host` name a user, too.
    let slashes = ['/', '\\'];
    let scheme = match text.split_once(':') {
        Some((scheme, rest)) if is_http(scheme) || rest.starts_with(slashes) => scheme.len() + 1,
        _ => 0,
    };
    let begin = text.len() - text[scheme..].trim_start_matches(slashes).len();
    if scheme == 0 && begin == 1 {
        // A path.
        return text.to_owned();
    }
    let end = text[begin..]
        .find(['/', '\\', '?', '#'])
        .map_or(text.len(), |end| begin + end);
    match text[begin..end].rfind('@') {
        Some(at) => format!("{}…{}", &text[..begin], &text[begin + at..]),
        None => text.to_owned(),
    }
}

/// A text with a mark in place of user and password of each URL in it.
#[must_use]
pub fn without_users(text: &str) -> Cow<'_, str> {
    let ends = |c: char| c.is_whitespace() || "/\\?#<>\"".contains(c);
    let mut out = String::new();
    let mut rest = text;
    while let Some(found) = rest.find("://") {
        let (before, after) = rest.split_at(found + 3);
        let end = after.find(ends).unwrap_or(after.len());
        let (authority, others) = after.split_at(end);
        out.push_str(before);
        match authority.rfind('@') {
            Some(at) => out.extend(["…", &authority[at..]]),
            None => out.push_str(authority),
        }
        rest = others;
    }
    if out.is_empty() {
        return text.into();
    }
    out.push_str(rest);
    out.into()
}

fn is_http(scheme: &str) -> bool {
    let scheme = scheme.trim_start();
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Reads a seed as a user writes it: `https://` is assumed where no scheme is written.
pub(crate) fn parse_seed(text: &str) -> Result<CanonicalUrl, UrlError> {
    let text = text.trim();
    if text.contains(char::is_whitespace) {
        // The URL Standard would escape it; in a seed it is a slip.
        return Err(UrlError::Syntax(url::ParseError::InvalidDomainCharacter));
    }
    if has_scheme(text) || text.starts_with('[') {
        CanonicalUrl::parse(text)
    } else {
        CanonicalUrl::parse(&format!("https://{text}"))
    }
}

/// Whether a scheme is written. What follows the colon of `localhost:8080/x` is a port; what follows any
/// other is not.
pub(crate) fn has_scheme(text: &str) -> bool {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", ""));
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    !scheme.is_empty()
        && scheme.bytes().all(may_be)
        && !rest.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_seeds() {
        for (text, wanted) in [
            ("a/{1..3}", &["a/1", "a/2", "a/3"][..]),
            ("a/{08..10}.html", &["a/08.html", "a/09.html", "a/10.html"]),
            ("a/{2..1}/{1..2}", &["a/2/1", "a/2/2", "a/1/1", "a/1/2"]),
            ("a/{x}/{1..1}", &["a/{x}/1"]),
            ("a/{1..}", &["a/{1..}"]),
            ("a/{1...3}", &["a/{1...3}"]),
            (
                "a/{000000000000000000001..2}",
                &["a/{000000000000000000001..2}"],
            ),
            (
                "a/{99999999999999999999..1}",
                &["a/{99999999999999999999..1}"],
            ),
            ("{", &["{"]),
        ] {
            assert_eq!(numbered(text).expect(text), wanted, "{text}");
        }
        let many = "{1..1}".repeat(50_000);
        assert_eq!(numbered(&many).expect("one"), ["1".repeat(50_000)]);
        for text in [
            "a/{1..100001}",
            "a/{1..1000}/{1..1000}",
            "{0..18446744073709551615}",
            &format!("{}{{1..99999}}", "x".repeat(3000)),
        ] {
            assert!(numbered(text).is_err(), "{text}");
        }
    }

    #[test]
    fn seeds() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("seeds.txt");
        std::fs::write(&file, "# list\n\nexample.com/x\r\nhttp://b.example\n").expect("written");
        let mut seeds = Seeds {
            seed: vec!["localhost:8080/a".into(), "https://example.com/x#y".into()],
            input_file: file.clone(),
            ..Seeds::default()
        };
        let urls: Vec<String> = seeds
            .urls()
            .expect("seeds")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            urls,
            [
                "https://localhost:8080/a",
                "https://example.com/x",
                "http://b.example/"
            ]
        );
        std::fs::write(&file, "ok.example\nftp://example.com\n").expect("written");
        let error = seeds.urls().expect_err("refused").to_string();
        assert!(
            error.ends_with(
                "seeds.txt, line 2: \"ftp://example.com\": scheme \"ftp\" is not http or https"
            ),
            "{error}"
        );
        for (seed, wanted) in [
            (
                "mailto:a@b.example",
                "seed = \"…@b.example\": scheme \"mailto\" is not http or https",
            ),
            (
                "htp:/a.example",
                "seed = \"htp:/a.example\": scheme \"htp\" is not http or https",
            ),
            (
                "http://a.example/x y",
                "seed = \"http://a.example/x y\": not a URL (invalid domain character)",
            ),
        ] {
            let error = Seeds {
                seed: vec![seed.into()],
                ..Seeds::default()
            }
            .urls();
            assert_eq!(error.expect_err(seed).to_string(), wanted);
        }
        seeds.seed = vec!["http://".into()];
        assert_eq!(
            seeds.urls().expect_err("refused").to_string(),
            "seed = \"http://\": not a URL (empty host)"
        );
    }
}
