//! Bodies in files: `pages/<host[_port]>/<slug>-<16 hex of the SHA-256>.<extension>`, readable and named
//! by content at once. A file is whole before the row that names it is written.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::beneath::{Beneath, open_folder};
use super::{PAGES, StoreError};
use crate::canonical::CanonicalUrl;

/// Longest readable part of a name.
const MAX_SLUG: usize = 80;
/// Files of one host in one folder; beyond that they go to sub-folders by digest.
const MAX_FILES: u32 = 4000;
/// Files written at a time.
const CREATORS: usize = 4;
/// Hosts whose folders are remembered.
const MAX_KNOWN: usize = 16_384;

/// Extensions by media type; what is not here is `bin`.
const EXTENSIONS: [(&str, &str); 24] = [
    ("text/html", "html"),
    ("application/xhtml+xml", "xhtml"),
    ("text/plain", "txt"),
    ("text/css", "css"),
    ("text/javascript", "js"),
    ("application/javascript", "js"),
    ("application/json", "json"),
    ("application/ld+json", "json"),
    ("application/xml", "xml"),
    ("text/xml", "xml"),
    ("application/rss+xml", "xml"),
    ("application/atom+xml", "xml"),
    ("text/csv", "csv"),
    ("text/markdown", "md"),
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
    ("application/gzip", "gz"),
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("image/svg+xml", "svg"),
    ("image/x-icon", "ico"),
    ("font/woff2", "woff2"),
];

/// The folder of bodies.
#[derive(Debug)]
pub struct Files {
    output: PathBuf,
    /// The same, held open.
    beneath: Beneath,
    /// Few at a time: many that make files in one directory only wait for its lock.
    creators: [Mutex<()>; CREATORS],
    /// What is known of the hosts' folders.
    folders: Mutex<HashMap<String, Folder>>,
}

/// The folder of one host.
#[derive(Debug)]
struct Folder {
    files: u32,
    /// The sub-folders that are there, by the first byte of the digest.
    made: [bool; 256],
}

impl Files {
    /// Bodies go below `output/pages`, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made, or is something else than a directory.
    pub fn new(output: &Path) -> Result<Self, StoreError> {
        let made =
            Beneath::open(output).and_then(|beneath| beneath.make_folder(PAGES).map(|()| beneath));
        let beneath = made.map_err(|source| StoreError::File {
            path: output.join(PAGES),
            source,
        })?;
        Ok(Self {
            output: output.to_owned(),
            beneath,
            creators: Default::default(),
            folders: Mutex::default(),
        })
    }

    /// Whether a file that a row names is there.
    pub async fn has(&self, file: &str) -> bool {
        let path = self.output.join(file);
        tokio::fs::symlink_metadata(path)
            .await
            .is_ok_and(|found| found.is_file())
    }

    /// Writes a body, unless a file with its name and content is there. Answers with its path relative
    /// to the output directory. Blocks: `tokio::fs` would hand each of its calls to another thread, and
    /// copy the body for it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(
        &self,
        url: &CanonicalUrl,
        media_type: Option<&str>,
        digest: &[u8; 32],
        body: &[u8],
    ) -> Result<String, StoreError> {
        match self.write_into(url, media_type, digest, body) {
            // Somebody has removed the folder: it is made anew.
            Err(StoreError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
                folders.remove(&host_folder(url));
                drop(folders);
                self.write_into(url, media_type, digest, body)
            }
            done => done,
        }
    }

    fn write_into(
        &self,
        url: &CanonicalUrl,
        media_type: Option<&str>,
        digest: &[u8; 32],
        body: &[u8],
    ) -> Result<String, StoreError> {
        let hex = hex(digest);
        let (folder, flat) = self.folder(url, digest)?;
        let (slug, extension) = (slug(url), extension(media_type));
        let creator = self.creators.get(usize::from(digest[0]) % CREATORS);
        let _creator =
            creator.map(|creator| creator.lock().unwrap_or_else(PoisonError::into_inner));
        // Sixteen digits tell contents apart; where they do not, all of them do.
        let mut problem = io::Error::from(io::ErrorKind::AlreadyExists);
        for digits in [16, 64] {
            let name = format!("{slug}-{}.{extension}", &hex[..digits]);
            // Written before the host had sub-folders, perhaps.
            if let Some(flat) = &flat {
                let relative = format!("{flat}/{name}");
                if is_same(&self.beneath, &relative, body) {
                    return Ok(relative);
                }
            }
            let relative = format!("{folder}/{name}");
            match create(&self.beneath, &relative, &hex[..digits], body) {
                Ok(()) => return Ok(relative),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => problem = error,
                Err(source) => {
                    return Err(StoreError::File {
                        path: self.output.join(relative),
                        source,
                    });
                }
            }
        }
        Err(StoreError::File {
            path: self.output.join(folder),
            source: problem,
        })
    }

    /// The folder for a URL's body, made if need be; and another in which it may stand already.
    fn folder(
        &self,
        url: &CanonicalUrl,
        digest: &[u8; 32],
    ) -> Result<(String, Option<String>), StoreError> {
        let host = host_folder(url);
        let relative = format!("{PAGES}/{host}");
        let failed = |relative: &str| {
            let path = self.output.join(relative);
            |source| StoreError::File { path, source }
        };
        let made = |relative: &str| {
            let made = self.beneath.make_folder(relative);
            made.map_err(failed(relative))
        };
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if folders.len() > MAX_KNOWN {
            folders.clear();
        }
        let folder = match folders.entry(host) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                made(&relative)?;
                let there = self.beneath.count(&relative, MAX_FILES as usize + 1);
                entry.insert(Folder {
                    files: there.map_err(failed(&relative))? as u32,
                    made: [false; 256],
                })
            }
        };
        if folder.files < MAX_FILES {
            folder.files += 1;
            return Ok((relative, None));
        }
        let inner = format!("{relative}/{:02x}", digest[0]);
        if let Some(known) = folder.made.get_mut(usize::from(digest[0]))
            && !*known
        {
            made(&inner)?;
            *known = true;
        }
        Ok((inner, Some(relative)))
    }
}

/// Writes a new file; one that is there must have the same content, or be what the loss of power has left
/// of one.
fn create(beneath: &Beneath, relative: &str, digits: &str, body: &[u8]) -> io::Result<()> {
    let file = match beneath.create(relative) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if is_same(beneath, relative, body) {
                return Ok(());
            }
            if !is_cut(beneath, relative, digits) {
                return Err(error);
            }
            beneath.remove(relative)?;
            beneath.create(relative)
        }
        made => made,
    };
    file?.write_all(body)
}

/// Whether a file is not what its name says: then it is nobody's content, whichever row names it.
fn is_cut(beneath: &Beneath, relative: &str, digits: &str) -> bool {
    let read = || -> io::Result<Vec<u8>> {
        let mut found = Vec::new();
        beneath.read(relative)?.read_to_end(&mut found)?;
        Ok(found)
    };
    read().is_ok_and(|found| !hex(&Sha256::digest(found)).starts_with(digits))
}

/// Whether a file is there and has this content.
fn is_same(beneath: &Beneath, relative: &str, body: &[u8]) -> bool {
    let same = || -> io::Result<bool> {
        let file = beneath.read(relative)?;
        if file.metadata()?.len() != body.len() as u64 {
            return Ok(false);
        }
        let mut found = Vec::with_capacity(body.len());
        file.take(body.len() as u64 + 1).read_to_end(&mut found)?;
        Ok(found == body)
    };
    same().unwrap_or(false)
}

fn hex(digest: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    digest
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The folder of a URL's body, and the readable part of its name.
#[cfg(any(test, fuzzing))]
pub(crate) fn names(url: &CanonicalUrl) -> (String, String) {
    (host_folder(url), slug(url))
}

/// A folder's name of a host: nothing in it but letters, digits, `-`, `_` and inner dots.
pub(crate) fn host_folder(url: &CanonicalUrl) -> String {
    let mut name = safe(url.host().as_str(), 200);
    // A short name without a dot may be a device's ("con", "nul"); its tail tells it apart.
    if !name.contains('.') && name.len() <= 4 {
        name.push('_');
    }
    // What begins like an option is one to whoever writes `*` in that folder.
    if name.starts_with('-') || is_device(&name) {
        name.insert(0, '_');
    }
    name
}

/// Whether some systems take a name for a device, whatever stands after its first dot.
pub(crate) fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let numbered = || {
        let port = stem
            .strip_prefix("com")
            .or_else(|| stem.strip_prefix("lpt"));
        port.is_some_and(|port| port.len() == 1 && port.as_bytes()[0].is_ascii_digit())
    };
    matches!(stem, "con" | "prn" | "aux" | "nul") || numbered()
}

fn safe(text: &str, max: usize) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut name: String = text
        .trim_start_matches('.')
        .chars()
        .map(|c| if kept(c) { c } else { '_' })
        .take(max)
        .collect();
    let end = name.trim_end_matches('.').len();
    name.truncate(end);
    if name.is_empty() {
        "_".to_owned()
    } else {
        name
    }
}

/// The readable part of a name: the path's end, and the query.
fn slug(url: &CanonicalUrl) -> String {
    let text = url.path_and_query();
    let text = text.trim_matches('/');
    let text = text
        .strip_suffix(".html")
        .or_else(|| text.strip_suffix(".htm"))
        .unwrap_or(text);
    if text.is_empty() {
        return "index".to_owned();
    }
    let mut slug = String::with_capacity(MAX_SLUG);
    // The end says more than the beginning, which pages have in common.
    for c in text[text.len().saturating_sub(MAX_SLUG)..].chars() {
        let c = if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
            c.to_ascii_lowercase()
        } else {
            '-'
        };
        // Neither runs of dashes nor of dots: `..` is nothing that a name should have.
        if !(matches!(c, '-' | '.') && slug.ends_with(c)) {
            slug.push(c);
        }
    }
    let slug = slug.trim_matches(['-', '.']);
    if slug.is_empty() {
        "page".to_owned()
    } else if is_device(slug) {
        format!("_{slug}")
    } else {
        slug.to_owned()
    }
}

fn extension(media_type: Option<&str>) -> &'static str {
    media_type
        .and_then(|media_type| EXTENSIONS.iter().find(|row| row.0 == media_type))
        .map_or("bin", |row| row.1)
}

/// Has the system write out what it holds of the file system that `pages` is on.
pub(super) fn sync(pages: &Path) -> io::Result<()> {
    match open_folder(pages) {
        #[cfg(target_os = "linux")]
        Ok(directory) => Ok(rustix::fs::syncfs(directory)?),
        #[cfg(not(target_os = "linux"))]
        Ok(directory) => std::fs::File::from(directory).sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Files that were written after a moment, relative to the output directory. Only folders that changed
/// since are looked at more closely.
pub(super) fn written_since(output: &Path, since: SystemTime) -> io::Result<HashSet<String>> {
    let beneath = Beneath::open(output)?;
    let (mut found, mut todo) = (HashSet::new(), vec![PAGES.to_owned()]);
    while let Some(relative) = todo.pop() {
        let (changed, entries) = match beneath.list(&relative) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            // A link in a folder's place is none of ours.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => continue,
            listed => listed?,
        };
        for entry in entries {
            let name = format!("{relative}/{}", entry.name);
            if entry.is_folder {
                todo.push(name);
            } else if changed >= since && entry.is_file && entry.modified >= since {
                found.insert(name);
            }
        }
    }
    Ok(found)
}

/// Removes files of an output; answers with how many were there.
pub(super) fn remove(output: &Path, files: &HashSet<String>) -> io::Result<u64> {
    let beneath = Beneath::open(output)?;
    let mut removed = 0;
    for file in files {
        match beneath.remove(file) {
            Ok(()) => removed += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> CanonicalUrl {
        CanonicalUrl::parse(text).expect(text)
    }

    #[test]
    fn names() {
        for (text, folder, name) in [
            ("http://example.com/", "example.com", "index"),
            (
                "https://example.com:8443/a/b.html",
                "example.com_8443",
                "a-b",
            ),
            ("http://[::1]:80/x?q=1&r=%2e", "___1_", "x-q-1-r-2e"),
            (
                "http://example.com/%2e%2e%2fetc%2fpasswd",
                "example.com",
                "2e-2e-2fetc-2fpasswd",
            ),
            (
                "http://example.com/..%5c..%5cx%00",
                "example.com",
                "5c.-5cx-00",
            ),
            ("http://con/%00", "con_", "00"),
            ("http://example.com./---", "example.com", "page"),
        ] {
            assert_eq!(
                (host_folder(&url(text)).as_str(), slug(&url(text)).as_str()),
                (folder, name),
                "{text}"
            );
        }
        let long = url(&format!(
            "http://{}.example/{}",
            "a".repeat(60),
            "b/".repeat(400)
        ));
        assert!(slug(&long).len() <= MAX_SLUG && host_folder(&long).len() <= 200);
        assert_eq!(
            (
                extension(Some("text/html")),
                extension(Some("x/y")),
                extension(None)
            ),
            ("html", "bin", "bin")
        );
    }

    #[test]
    fn names_of_devices_and_of_options() {
        for (text, folder, name) in [
            ("http://con.example/con.x", "_con.example", "_con.x"),
            ("http://com1/COM1.", "com1_", "_com1"),
            ("http://lpt9.example/lpt9", "_lpt9.example", "_lpt9"),
            ("http://aux:8080/aux.html", "aux_8080", "_aux"),
            ("http://-rf/-rf", "_-rf_", "rf"),
            ("http://--help.example/--help", "_--help.example", "help"),
            ("http://console.example/null", "console.example", "null"),
            ("http://com10/com", "com10", "com"),
        ] {
            let found = (host_folder(&url(text)), slug(&url(text)));
            assert_eq!(found, (folder.to_owned(), name.to_owned()), "{text}");
        }
    }

    proptest::proptest! {
        /// Whatever a URL is, its file stands in a folder of its own below `pages`, by names that mean nothing
        /// to any system.
        #[test]
        fn any_name_is_harmless(
            host in "[a-z0-9._\\-\\[\\]:%A-Zäß漢\u{202e}]{1,80}",
            tail in "\\PC{0,120}",
            raw in proptest::collection::vec(proptest::prelude::any::<char>(), 0..40),
        ) {
            let raw: String = raw.into_iter().collect();
            for text in [format!("http://{host}/{tail}"), format!("http://a.example/{raw}"), format!("http://{host}/?{raw}")] {
                let Ok(url) = CanonicalUrl::parse(&text) else { continue };
                for (name, most) in [(host_folder(&url), 202), (slug(&url), MAX_SLUG + 1)] {
                    proptest::prop_assert!((1..=most).contains(&name.len()), "{name}");
                    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
                    proptest::prop_assert!(name.chars().all(plain), "{name}");
                    proptest::prop_assert!(!name.starts_with(['.', '-']) && !name.ends_with('.'), "{name}");
                    proptest::prop_assert!(!name.contains("..") || name == host_folder(&url), "{name}");
                    proptest::prop_assert_eq!(name.to_ascii_lowercase(), name.clone(), "one name on every system");
                    proptest::prop_assert!(!is_device(&name), "{name}");
                }
            }
        }
    }

    #[test]
    fn same_content_is_one_file_and_nothing_is_overwritten() {
        let output = tempfile::tempdir().expect("a directory");
        let files = Files::new(output.path()).expect("made");
        let page = url("http://example.com/a");
        let write = |body: &[u8]| {
            let digest: [u8; 32] = Sha256::digest(body).into();
            files.write(&page, Some("text/html"), &digest, body)
        };
        let first = write(b"one").expect("written");
        assert_eq!(first, "pages/example.com/a-7692c3ad3540bb80.html");
        assert_eq!(write(b"one").expect("found"), first);
        let second = write(b"two").expect("written");
        assert_ne!(first, second);
        // What stands there and is no file of ours stays, and another name is taken.
        let third = output.path().join(write(b"three").expect("written"));
        std::fs::remove_file(&third).expect("removed");
        std::fs::create_dir(&third).expect("made");
        let long = write(b"three").expect("written");
        assert!(long.len() > first.len() + 40 && third.is_dir(), "{long}");
        for (file, body) in [(first, "one"), (second, "two"), (long, "three")] {
            let found = std::fs::read_to_string(output.path().join(file));
            assert_eq!(found.expect("there"), body);
        }
    }

    #[test]
    fn what_power_loss_has_cut_is_written_anew() {
        let output = tempfile::tempdir().expect("a directory");
        let files = Files::new(output.path()).expect("made");
        let (page, digest) = (url("http://example.com/a"), Sha256::digest(b"one").into());
        let write = || files.write(&page, None, &digest, b"one").expect("written");
        let first = write();
        for left in [&b""[..], b"o", b"\0\0\0"] {
            std::fs::write(output.path().join(&first), left).expect("cut");
            assert_eq!(write(), first);
            let found = std::fs::read(output.path().join(&first)).expect("there");
            assert_eq!(found, b"one");
        }
    }

    #[test]
    fn a_folder_that_was_removed_is_made_again() {
        let output = tempfile::tempdir().expect("a directory");
        let files = Files::new(output.path()).expect("made");
        let write = |name: &str, byte| {
            let page = url(&format!("http://example.com/{name}"));
            files.write(&page, None, &[byte; 32], b"x")
        };
        write("a", 1).expect("written");
        std::fs::remove_dir_all(output.path().join("pages/example.com")).expect("removed");
        let again = write("b", 2).expect("written");
        assert!(output.path().join(again).exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let (output, elsewhere) = (
            tempfile::tempdir().expect("a directory"),
            tempfile::tempdir().expect("a directory"),
        );
        let files = Files::new(output.path()).expect("made");
        std::os::unix::fs::symlink(elsewhere.path(), output.path().join("pages/example.com"))
            .expect("linked");
        let error = files
            .write(&url("http://example.com/"), None, &[1; 32], b"x")
            .expect_err("refused");
        assert!(error.to_string().contains("not a directory"), "{error}");
        assert_eq!(
            std::fs::read_dir(elsewhere.path()).expect("there").count(),
            0
        );
    }

    #[test]
    fn what_was_written_since() {
        let output = tempfile::tempdir().expect("a directory");
        let files = Files::new(output.path()).expect("made");
        let write = |byte| files.write(&url("http://a.example/"), None, &[byte; 32], b"x");
        let both = HashSet::from([write(1).expect("written"), write(2).expect("written")]);
        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        let since = |moment| written_since(output.path(), moment).expect("looked at");
        assert_eq!(since(later), HashSet::new());
        assert_eq!(since(SystemTime::UNIX_EPOCH), both);
        assert_eq!(remove(output.path(), &both).expect("removed"), 2);
        assert_eq!(remove(output.path(), &both).expect("gone already"), 0);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

        /// Whatever is written under whatever name, each body is in the file that was named for it, below its
        /// folder, and stays there; what was written before is found again.
        #[test]
        fn every_body_in_its_file(writes in proptest::collection::vec(("[a-c./%?]{0,3}", 0_u8..3, 0_u8..4, proptest::bool::ANY), 1..40)) {
            let output = tempfile::tempdir().expect("a directory");
            let files = Files::new(output.path()).expect("made");
            let mut named: HashMap<String, Vec<u8>> = HashMap::new();
            for (path, host, byte, typed) in writes {
                let page = url(&format!("http://{host}.example/{path}"));
                let body = vec![b'x'; usize::from(byte)];
                let digest = Sha256::digest(&body).into();
                let kind = typed.then_some("text/html");
                let file = files.write(&page, kind, &digest, &body).expect("written");
                let again = files.write(&page, kind, &digest, &body).expect("found");
                proptest::prop_assert_eq!(&again, &file);
                proptest::prop_assert!(file.starts_with("pages/") && !file.contains(".."), "{}", file);
                let before = named.insert(file.clone(), body.clone());
                proptest::prop_assert!(before.is_none_or(|before| before == body), "{}", file);
            }
            for (file, body) in named {
                let found = std::fs::read(output.path().join(&file)).expect("there");
                proptest::prop_assert_eq!(found, body, "{}", file);
            }
        }
    }
}
