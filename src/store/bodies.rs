//! Whether the files of bodies are whole, as the rows say. A name comes from the database, and that may have
//! been doctored: nothing is read or removed that is no file below `pages/`, and no link is followed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::PAGES;
use super::beneath::Beneath;

/// Folders between `pages/` and a file, at the most.
const MAX_DEPTH: usize = 4;

/// What is wrong with a file that a row names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hurt {
    /// The name leads out of `pages/`.
    Outside,
    /// It is not there.
    Missing,
    /// A link, a directory or something else stands there.
    NoFile,
    /// It has this length instead.
    Length(u64),
    /// It has another content.
    Digest,
    /// The disk cannot read it.
    Unreadable,
}

/// The files of an output, opened one after another.
#[derive(Debug)]
pub(crate) struct Bodies {
    output: Beneath,
    buffer: Vec<u8>,
}

impl Bodies {
    pub(crate) fn open(output: &Path) -> io::Result<Self> {
        Ok(Self {
            output: Beneath::open(output)?,
            buffer: vec![0; 64 << 10],
        })
    }

    /// Compares a file with what a row has of it: its length, and the SHA-256 of its content. `None` where it
    /// is whole.
    ///
    /// # Errors
    /// When it cannot be said: no more files may be open, or this user may not read it.
    pub(crate) fn look(
        &mut self,
        name: &[u8],
        bytes: u64,
        digest: &[u8],
    ) -> io::Result<Option<Hurt>> {
        let mut file = match self.file(name)? {
            Ok(file) => file,
            Err(hurt) => return Ok(Some(hurt)),
        };
        let length = file.metadata()?.len();
        if length != bytes {
            return Ok(Some(Hurt::Length(length)));
        }
        match self.digest(&mut file) {
            Ok(found) if found == digest => Ok(None),
            Ok(_) => Ok(Some(Hurt::Digest)),
            Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
                Ok(Some(Hurt::Unreadable))
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a body, as far as `limit` bytes. `None` where no such file is.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(crate) fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match self.file(name.as_bytes())? {
            Ok(file) => file,
            Err(Hurt::Unreadable) => return Err(Errno::IO.into()),
            Err(_) => return Ok(None),
        };
        let mut body = Vec::new();
        file.take(limit).read_to_end(&mut body)?;
        Ok(Some(body))
    }

    /// Whether there is such a file.
    ///
    /// # Errors
    /// When it cannot be said.
    pub(crate) fn is_there(&self, name: &str) -> io::Result<bool> {
        Ok(self.file(name.as_bytes())?.is_ok())
    }

    /// Copies a body into a file, and says how long it is; `None` where no such file is. Where the system can, both
    /// share their blocks.
    ///
    /// # Errors
    /// When it is there and cannot be read, or the other cannot be written.
    pub(crate) fn copy(&self, name: &str, into: &mut File) -> io::Result<Option<u64>> {
        match self.file(name.as_bytes())? {
            Ok(mut file) => io::copy(&mut file, into).map(Some),
            Err(Hurt::Unreadable) => Err(Errno::IO.into()),
            Err(_) => Ok(None),
        }
    }

    /// Removes a file, and nothing but a file. Whether one was there.
    pub(crate) fn remove(&self, name: &[u8]) -> io::Result<bool> {
        // A link in its place, or on the way to it, is not what a row names: it stays.
        let (Ok(_), Ok(name)) = (self.file(name)?, str::from_utf8(name)) else {
            return Ok(false);
        };
        self.output.remove(name).map(|()| true)
    }

    /// Opens what a row names, or says what stands in its place.
    fn file(&self, name: &[u8]) -> io::Result<Result<File, Hurt>> {
        if !is_inside(name) {
            return Ok(Err(Hurt::Outside));
        }
        let Ok(name) = str::from_utf8(name) else {
            return Ok(Err(Hurt::Missing));
        };
        match self.output.read(name) {
            Ok(file) => Ok(Ok(file)),
            Err(error) => hurt_by(&error).map_or(Err(error), |hurt| Ok(Err(hurt))),
        }
    }

    fn digest(&mut self, file: &mut File) -> io::Result<[u8; 32]> {
        let mut hasher = Sha256::new();
        loop {
            match file.read(&mut self.buffer) {
                Ok(0) => return Ok(hasher.finalize().into()),
                Ok(read) => hasher.update(&self.buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether a name leads to something below `pages/`.
pub(crate) fn is_inside(name: &[u8]) -> bool {
    let parts: Vec<&[u8]> = name.split(|byte| *byte == b'/').collect();
    let plain = |part: &&[u8]| !matches!(**part, [] | [b'.'] | [b'.', b'.']) && !part.contains(&0);
    (2..=MAX_DEPTH + 2).contains(&parts.len())
        && parts.first() == Some(&PAGES.as_bytes())
        && parts.iter().all(plain)
}

/// What an error says of the file; `None` where it says nothing of it.
fn hurt_by(error: &io::Error) -> Option<Hurt> {
    let Some(number) = error.raw_os_error() else {
        return Some(Hurt::NoFile);
    };
    match Errno::from_raw_os_error(number) {
        Errno::NOENT | Errno::NAMETOOLONG => Some(Hurt::Missing),
        Errno::NOTDIR | Errno::LOOP | Errno::ISDIR | Errno::NXIO => Some(Hurt::NoFile),
        Errno::IO => Some(Hurt::Unreadable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside() {
        for (name, inside) in [
            ("pages/a.example/x.html", true),
            ("pages/a.example/0f/x.html", true),
            ("pages/x", true),
            ("pages", false),
            ("pages/", false),
            ("pages//x", false),
            ("pages/../crawl.db", false),
            ("pages/a/../../../etc/passwd", false),
            ("../pages/x", false),
            ("/etc/passwd", false),
            ("crawl.db", false),
            ("pages/a/./x", false),
            ("pages/a\0b", false),
            ("pages/1/2/3/4/5/6", false),
            ("", false),
        ] {
            assert_eq!(is_inside(name.as_bytes()), inside, "{name:?}");
        }
    }

    #[test]
    fn whole_hurt_and_not_followed() {
        use std::os::unix::fs::symlink;
        let output = tempfile::tempdir().expect("a directory");
        let elsewhere = tempfile::tempdir().expect("a directory");
        let at = |name: &str| output.path().join(name);
        std::fs::create_dir_all(at("pages/a/dir")).expect("made");
        std::fs::write(at("pages/a/x"), b"body").expect("written");
        std::fs::write(elsewhere.path().join("x"), b"body").expect("written");
        symlink(elsewhere.path(), at("pages/link")).expect("linked");
        symlink(elsewhere.path().join("x"), at("pages/a/link")).expect("linked");
        let digest = Sha256::digest(b"body");
        let mut bodies = Bodies::open(output.path()).expect("open");
        for (name, bytes, digest, wanted) in [
            ("pages/a/x", 4, digest.as_slice(), None),
            ("pages/a/x", 5, digest.as_slice(), Some(Hurt::Length(4))),
            ("pages/a/x", 4, &[0; 32], Some(Hurt::Digest)),
            ("pages/a/x", 4, &[], Some(Hurt::Digest)),
            ("pages/a/y", 4, &digest, Some(Hurt::Missing)),
            ("pages/b/x", 4, &digest, Some(Hurt::Missing)),
            ("pages/a/link", 4, &digest, Some(Hurt::NoFile)),
            ("pages/link/x", 4, &digest, Some(Hurt::NoFile)),
            ("pages/a/dir", 4, &digest, Some(Hurt::NoFile)),
            ("pages/a/x/y", 4, &digest, Some(Hurt::NoFile)),
            ("pages/../x", 4, &digest, Some(Hurt::Outside)),
        ] {
            let found = bodies.look(name.as_bytes(), bytes, digest).expect(name);
            assert_eq!(found, wanted, "{name}");
        }
        for name in [
            "pages/a/link",
            "pages/link/x",
            "pages/a/dir",
            "pages/b/x",
            "../x",
        ] {
            assert!(!bodies.remove(name.as_bytes()).expect(name), "{name}");
        }
        assert!(elsewhere.path().join("x").exists() && at("pages/a/link").is_symlink());
        assert!(bodies.remove(b"pages/a/x").expect("removed") && !at("pages/a/x").exists());
    }
}
