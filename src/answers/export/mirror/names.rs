//! What the file of a URL is called: readable, the same on every system, and nothing that means something there.
//!
//! `http://a.example:8000/d/e?f=1` as HTML is `a.example_8000/d/e@f=1.html`, as `wget -E` has it on systems that know
//! no `?` in names.

use sha2::{Digest as _, Sha256};

use crate::canonical::CanonicalUrl;
use crate::store::files::{host_folder, is_device};

/// Longest name in a folder, in bytes: room for what may still come behind it.
const MAX_NAME: usize = 150;
/// Longest path of all names, in bytes.
const MAX_PATH: usize = 700;
/// Most folders within each other.
const MAX_FOLDERS: usize = 40;
/// Longest extension that is kept where a name is cut.
const MAX_EXTENSION: usize = 12;

/// Media types whose files a browser, or the system, knows by their extension; the first is added where none of them is
/// there. What is not here keeps the name that it has.
const EXTENSIONS: [(&str, &[&str]); 20] = [
    ("text/html", &["html", "htm"]),
    ("application/xhtml+xml", &["xhtml", "xht", "html", "htm"]),
    ("text/css", &["css"]),
    ("text/javascript", &["js", "mjs"]),
    ("application/javascript", &["js", "mjs"]),
    ("application/x-javascript", &["js", "mjs"]),
    ("application/json", &["json", "map", "webmanifest"]),
    ("application/pdf", &["pdf"]),
    ("image/svg+xml", &["svg"]),
    ("image/png", &["png"]),
    ("image/jpeg", &["jpg", "jpeg", "jpe"]),
    ("image/gif", &["gif"]),
    ("image/webp", &["webp"]),
    ("image/avif", &["avif"]),
    ("image/x-icon", &["ico"]),
    ("image/vnd.microsoft.icon", &["ico"]),
    ("font/woff", &["woff"]),
    ("font/woff2", &["woff2"]),
    ("video/mp4", &["mp4", "m4v"]),
    ("audio/mpeg", &["mp3"]),
];

/// The folders that a URL's file is in, and its name: what it would be called if nothing else were there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) folders: Vec<String>,
    pub(super) stem: String,
    /// With its dot; empty where there is none.
    pub(super) extension: String,
    /// Tells it from all others.
    pub(super) digest: String,
}

impl Wish {
    pub(super) fn of(url: &CanonicalUrl, media_type: Option<&str>) -> Self {
        let digest = hex(&Sha256::digest(url.as_str()));
        let mut segments: Vec<&str> = url
            .path()
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        let last = if url.path().ends_with('/') {
            None
        } else {
            segments.pop()
        };
        let mut name = last.map_or_else(|| "index.html".to_owned(), plain);
        if let Some(query) = url.as_url().query() {
            name = format!("{name}@{}", plain(query));
        }
        if let Some(extension) = missing_extension(&name, media_type) {
            name = format!("{name}.{extension}");
        }
        let mut folders = vec![host_folder(url)];
        folders.extend(
            segments
                .into_iter()
                .map(|segment| fitted(&plain(segment), &digest)),
        );
        let mut name = fitted(&name, &digest);
        let length: usize = folders.iter().map(|folder| folder.len() + 1).sum();
        if folders.len() > MAX_FOLDERS || length + name.len() > MAX_PATH {
            folders.truncate(1);
            folders.push("_deep".to_owned());
            let extension = extension_of(&name);
            name = format!("{}{extension}", digest.get(..16).unwrap_or_default());
        }
        let extension = extension_of(&name).to_owned();
        let stem = name.strip_suffix(&extension).unwrap_or(&name).to_owned();
        Self {
            folders,
            stem,
            extension,
            digest,
        }
    }

    /// The file's name at the first try, the second and so on: each longer, and less likely to be there.
    pub(super) fn name(&self, tries: usize) -> String {
        let digits = match tries {
            0 => return format!("{}{}", self.stem, self.extension),
            1 => 8,
            _ => 64,
        };
        let digest = self.digest.get(..digits).unwrap_or_default();
        let number = if tries > 2 {
            format!("-{tries}")
        } else {
            String::new()
        };
        format!("{}~{digest}{number}{}", self.stem, self.extension)
    }
}

/// A folder's name at the first try, the second and so on.
pub(super) fn folder_name(name: &str, tries: usize) -> String {
    match tries {
        0 => name.to_owned(),
        1 => format!("{name}_"),
        tries => format!("{name}_{tries}"),
    }
}

/// A path from the folder of one file to another file, as a reference.
pub(super) fn relative(from: &str, to: &str) -> String {
    let folder = from
        .rfind('/')
        .map_or("", |end| from.get(..=end).unwrap_or_default());
    let mut shared = 0;
    for (at, byte) in folder.bytes().enumerate() {
        if to.as_bytes().get(at) != Some(&byte) {
            break;
        }
        if byte == b'/' {
            shared = at + 1;
        }
    }
    let up = folder
        .get(shared..)
        .unwrap_or_default()
        .matches('/')
        .count();
    let mut out = "../".repeat(up);
    for byte in to.get(shared..).unwrap_or_default().bytes() {
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~' | b'@' | b'=' | b'+')
        {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A piece of a URL as a name: escapes undone where what they stand for is readable, and means nothing.
fn plain(piece: &str) -> String {
    let bytes = unescaped(piece);
    let mut name = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_plain(c) {
                name.push(c);
            } else {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer)
                    .bytes()
                    .for_each(|byte| escape(&mut name, byte));
            }
        }
        chunk
            .invalid()
            .iter()
            .for_each(|byte| escape(&mut name, *byte));
    }
    // Neither `.` nor `..`, and some systems leave these out at an end.
    if name.ends_with(['.', ' ']) {
        let last = name.pop().map_or(b'.', |last| last as u8);
        escape(&mut name, last);
    }
    let device = is_device(&name.to_ascii_lowercase());
    if device || name.starts_with(['-', '~', ' ']) {
        name.insert(0, '_');
    }
    if name.is_empty() {
        name.push('_');
    }
    name
}

fn escape(out: &mut String, byte: u8) {
    out.push_str(&format!("%{byte:02X}"));
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let [byte, rest @ ..] = bytes {
        let digit = |at: usize| rest.get(at).and_then(|byte| (*byte as char).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (byte, digit(0), digit(1)) {
            out.push((high * 16 + low) as u8);
            bytes = rest.get(2..).unwrap_or_default();
        } else {
            out.push(*byte);
            bytes = rest;
        }
    }
    out
}

/// Whether a character means nothing in a name, on any system that is in use, and is seen as what it is.
fn is_plain(c: char) -> bool {
    match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%' | '\u{fffd}' => false,
        ' '..='~' => true,
        c => c.is_alphanumeric(),
    }
}

/// The extension that a file of this type needs and has not.
fn missing_extension(name: &str, media_type: Option<&str>) -> Option<&'static str> {
    let (_, known) = EXTENSIONS.iter().find(|row| Some(row.0) == media_type)?;
    let has = name
        .rsplit_once('.')
        .map(|(_, has)| has.to_ascii_lowercase());
    match has {
        Some(has) if known.contains(&has.as_str()) => None,
        _ => known.first().copied(),
    }
}

/// The extension of a name with its dot, if it looks like one.
fn extension_of(name: &str) -> &str {
    let at = name.rfind('.').filter(|at| *at > 0).unwrap_or(name.len());
    let extension = name.get(at..).unwrap_or_default();
    let plain = extension
        .bytes()
        .skip(1)
        .all(|byte| byte.is_ascii_alphanumeric());
    if plain && extension.len() <= MAX_EXTENSION {
        extension
    } else {
        ""
    }
}

/// A name cut to its length; what was cut off is told by digits.
fn fitted(name: &str, digest: &str) -> String {
    if name.len() <= MAX_NAME {
        return name.to_owned();
    }
    let extension = extension_of(name);
    let end = name.floor_char_boundary(MAX_NAME - extension.len() - 9);
    let head = name.get(..end).unwrap_or_default();
    format!("{head}~{}{extension}", digest.get(..8).unwrap_or_default())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str, media_type: &str) -> String {
        let wish = Wish::of(&CanonicalUrl::parse(url).expect(url), Some(media_type));
        format!("{}/{}", wish.folders.join("/"), wish.name(0))
    }

    #[test]
    fn names_of_urls() {
        for (url, media_type, wanted) in [
            ("http://a.example/", "text/html", "a.example/index.html"),
            (
                "http://a.example:81/d/",
                "text/html",
                "a.example_81/d/index.html",
            ),
            ("http://a.example/d", "text/html", "a.example/d.html"),
            ("http://a.example/d.HTM", "text/html", "a.example/d.HTM"),
            (
                "http://a.example/d.php?x=1&y=%2F",
                "text/html",
                "a.example/d.php@x=1&y=%2F.html",
            ),
            (
                "http://a.example/?x=a.html",
                "text/html",
                "a.example/index.html@x=a.html",
            ),
            ("http://a.example/s.php", "text/css", "a.example/s.php.css"),
            ("http://a.example/i?a", "image/png", "a.example/i@a.png"),
            ("http://a.example/i.jpeg", "image/jpeg", "a.example/i.jpeg"),
            ("http://a.example/x.py", "text/plain", "a.example/x.py"),
            (
                "http://a.example/LICENSE",
                "text/plain",
                "a.example/LICENSE",
            ),
            (
                "http://a.example/%c3%bc%20b/%e4",
                "text/html",
                "a.example/ü b/%E4.html",
            ),
            ("http://a.example//x//y", "text/plain", "a.example/x/y"),
            (
                "http://a.example/a:b*c|d%5ce",
                "text/plain",
                "a.example/a%3Ab%2Ac%7Cd%5Ce",
            ),
            (
                "http://a.example/%2e%2e%2f/x",
                "text/plain",
                "a.example/..%2F/x",
            ),
            ("http://a.example/...", "text/plain", "a.example/..%2E"),
            (
                "http://a.example/a./b%20",
                "text/plain",
                "a.example/a%2E/b%20",
            ),
            (
                "http://a.example/con/NUL.html",
                "text/html",
                "a.example/_con/_NUL.html",
            ),
            (
                "http://a.example/-rf/%0a%1b%e2%80%ae",
                "text/plain",
                "a.example/_-rf/%0A%1B%E2%80%AE",
            ),
            (
                "http://a.example/%00/%25",
                "text/plain",
                "a.example/%00/%25",
            ),
            ("http://[::1]:81/x", "text/html", "___1__81/x.html"),
        ] {
            assert_eq!(path(url, media_type), wanted, "{url}");
        }
    }

    #[test]
    fn long_names_and_deep_ones() {
        let long = "n".repeat(1000);
        let url = format!("http://a.example/{long}/{long}.jpeg?{long}");
        let found = path(&url, "image/jpeg");
        assert!(
            found.split('/').all(|name| name.len() <= MAX_NAME),
            "{found}"
        );
        assert_eq!(extension_of(&found), ".jpg", "{found}");
        let other = path(&format!("{url}x"), "image/jpeg");
        assert_ne!(found, other);
        for url in [
            format!("http://a.example/{}", "d/".repeat(1000)),
            format!(
                "http://a.example/{}x",
                format!("{}/", "d".repeat(100)).repeat(20)
            ),
            format!("http://a.example/{}", "%C3%BC".repeat(600)),
        ] {
            let found = path(&url, "text/html");
            assert!(
                found.len() <= MAX_PATH && extension_of(&found) == ".html",
                "{found}"
            );
        }
    }

    #[test]
    fn from_one_to_another() {
        for (from, to, wanted) in [
            ("h/index.html", "h/x.html", "x.html"),
            ("h/index.html", "h/index.html", "index.html"),
            ("h/a/b/c.html", "h/a/d/e.css", "../d/e.css"),
            ("h/a/b.html", "h2/a", "../../h2/a"),
            ("h/ab/x", "h/a/x", "../a/x"),
            (
                "h/x",
                "h/a:b ü'(),#?%.html",
                "a%3Ab%20%C3%BC%27%28%29%2C%23%3F%25.html",
            ),
            ("x", "y", "y"),
        ] {
            assert_eq!(relative(from, to), wanted, "{from} {to}");
        }
    }
}
