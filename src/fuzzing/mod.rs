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
mod main_text;
mod output;
mod question;
mod relink;
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
const TARGETS: [(&str, Target); 17] = [
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
    ("relink", relink::target),
    ("main_text", main_text::target),
    ("question", question::target),
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
    use std::path::{Path, PathBuf};

    use fastrand::Rng;

    use super::{TARGETS, Target};

    /// Pieces that mean something to one target or another.
    const WORDS: [&str; 32] = [
        "<a href=",
        "</a>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&amp;",
        "&#x41;",
        "%2F",
        "%7e",
        "%zz",
        "/../",
        "\\",
        "//",
        "http://",
        "?a=b&c",
        "#",
        ";",
        ",",
        "=",
        "\"",
        "'",
        "*",
        "$",
        "@",
        ":",
        "\n",
        "\0",
        "\u{feff}",
        "é",
        " ",
        "\t",
    ];

    /// The inputs that are kept of a target: what it begins with, and what once broke it. `FUZZ_INPUTS=fuzz/corpus`
    /// has another folder read in its place.
    fn kept(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = std::env::var("FUZZ_INPUTS").unwrap_or_else(|_| "fixtures/fuzz".to_owned());
        let files = fs::read_dir(top.join(folder).join(name))
            .into_iter()
            .flatten();
        let mut paths: Vec<PathBuf> = files.map(|file| file.expect(name).path()).collect();
        paths.sort_unstable();
        let read = |path: PathBuf| (path.clone(), fs::read(path).expect(name));
        paths.into_iter().map(read).collect()
    }

    fn holds(target: Target, data: &[u8]) -> bool {
        std::panic::catch_unwind(|| target(data)).is_ok()
    }

    #[test]
    fn kept_inputs() {
        let mut broken = Vec::new();
        for (name, target) in TARGETS {
            let inputs = kept(name);
            assert!(!inputs.is_empty(), "{name} has no seed");
            let fails = inputs.into_iter().filter(|(_, data)| !holds(target, data));
            broken.extend(fails.map(|(path, _)| path));
        }
        assert!(broken.is_empty(), "{broken:#?}");
    }

    /// The same, changed at random, always in the same way. `FUZZ_ROUNDS=100000` for more of it, without nightly,
    /// and `FUZZ_TARGET=html` for one target alone. What breaks is written to the directory for temporary files.
    #[test]
    fn changed_inputs() {
        let rounds =
            std::env::var("FUZZ_ROUNDS").map_or(200, |text| text.parse().expect("a number"));
        let one = std::env::var("FUZZ_TARGET").ok();
        let wanted = |name: &str| one.as_deref().is_none_or(|one| one == name);
        let mut broken = Vec::new();
        for (name, target) in TARGETS.into_iter().filter(|row| wanted(row.0)) {
            let (inputs, mut random) = (kept(name), Rng::with_seed(rounds));
            let data = (0..rounds).map(|_| changed(&inputs, &mut random));
            if let Some(data) = data.into_iter().find(|data| !holds(target, data)) {
                let path = std::env::temp_dir().join(format!("crawl-fuzz-{name}"));
                fs::write(&path, data).expect("written");
                broken.push(path);
            }
        }
        assert!(broken.is_empty(), "{broken:#?}");
    }

    /// An input with a few pieces cut, doubled, put in, or taken from another.
    fn changed(inputs: &[(PathBuf, Vec<u8>)], random: &mut Rng) -> Vec<u8> {
        let any = |random: &mut Rng| random.choice(inputs).map_or(&[][..], |(_, data)| data);
        let mut data = any(random).to_vec();
        for _ in 0..random.usize(1..6) {
            let (one, other) = (random.usize(..=data.len()), random.usize(..=data.len()));
            let (from, to) = (one.min(other), one.max(other).min(one.min(other) + 64));
            let piece = match random.u8(..6) {
                0 => Vec::new(),
                1 => data[from..to].repeat(2),
                2 => vec![random.u8(..); to - from],
                3 => {
                    let source = any(random);
                    let at = random.usize(..=source.len());
                    source[at..source.len().min(at + 64)].to_vec()
                }
                _ => random.choice(WORDS).unwrap_or_default().as_bytes().to_vec(),
            };
            let to = if random.bool() { from } else { to };
            data.splice(from..to, piece);
        }
        data.truncate(4096);
        data
    }
}
