//! What holds of any input whatever: a function for each target of `fuzz/`, which panics where it does
//! not hold. In no build of the program: `cargo fuzz` feeds these functions, and a test feeds them all
//! that is kept in `fixtures/fuzz`.
//!
//! An input is text where it can be, its first lines parameters, so that a seed can be written by hand.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "to panic is how these say no"
)]

mod charset;
mod config;
mod cookies;
mod css;
mod decode;
mod fields;
mod headers;
mod html;
mod output;
mod robots;
mod scope;
mod secrets;
mod sitemap;
mod url;

use std::borrow::Cow;

use crate::canonical::CanonicalUrl;
use crate::parse::Document;

/// What is said of an input.
type Target = fn(&[u8]);

/// Each target by its name.
const TARGETS: [(&str, Target); 14] = [
    ("robots", robots::target),
    ("html", html::target),
    ("sitemap", sitemap::target),
    ("url", url::target),
    ("headers", headers::target),
    ("config", config::target),
    ("secrets", secrets::target),
    ("charset", charset::target),
    ("cookies", cookies::target),
    ("css", css::target),
    ("scope", scope::target),
    ("fields", fields::target),
    ("decode", decode::target),
    ("output", output::target),
];

/// Feeds one input to a target.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|row| row.0 == name);
    target.expect("a target of that name").1(data);
}

/// The first line as text, and what follows it.
fn line(data: &[u8]) -> (Cow<'_, str>, &[u8]) {
    let end = memchr::memchr(b'\n', data).unwrap_or(data.len());
    let rest = data.get(end + 1..).unwrap_or_default();
    (String::from_utf8_lossy(&data[..end]), rest)
}

/// A first line as a header's value: none where it is empty.
fn header(line: &str) -> Option<&str> {
    Some(line).filter(|line| !line.is_empty())
}

/// The page that bodies are taken to be from.
fn page_url() -> CanonicalUrl {
    CanonicalUrl::parse("http://a.example/dir/page?q").expect("a URL")
}

/// A response without headers.
fn document<'a>(
    url: &'a CanonicalUrl,
    content_type: Option<&'a str>,
    body: &'a [u8],
) -> Document<'a> {
    Document {
        url,
        content_type,
        link: &[],
        refresh: None,
        content_language: None,
        x_robots_tag: &[],
        agent: "crawl",
        body,
    }
}

/// Of every URL that comes out of a parser.
fn check_url(url: &CanonicalUrl) {
    assert!(matches!(url.scheme(), "http" | "https"), "{url}");
    assert!(!url.hostname().is_empty(), "{url}");
    assert!(url.as_str().len() <= crate::canonical::MAX_URL_BYTES);
    assert!(
        url.as_str().bytes().all(|byte| byte.is_ascii_graphic()),
        "{url}"
    );
    assert_eq!(CanonicalUrl::parse(url.as_str()).as_ref(), Ok(url));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// All that is kept: what the targets begin with, and what once broke them. `FUZZ_INPUTS=fuzz/corpus`
    /// has another folder read in its place.
    #[test]
    fn kept_inputs() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = std::env::var("FUZZ_INPUTS").unwrap_or_else(|_| "fixtures/fuzz".to_owned());
        let (kept, mut broken) = (top.join(&folder), Vec::new());
        for (name, target) in super::TARGETS {
            let mut count = 0;
            for file in fs::read_dir(kept.join(name)).into_iter().flatten() {
                let path = file.expect(name).path();
                let data = fs::read(&path).expect(name);
                if std::panic::catch_unwind(|| target(&data)).is_err() {
                    broken.push(path);
                }
                count += 1;
            }
            assert!(count > 0 || folder != "fixtures/fuzz", "{name} has no seed");
        }
        assert!(broken.is_empty(), "{broken:#?}");
    }
}
