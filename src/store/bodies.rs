//! Whether the files of bodies are whole, as the rows say. A name comes from the database, and that may have
//! been doctored: nothing is read or removed that is no file below `pages/`, and no link is followed.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::PAGES;

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

/// The files of an output, opened one after another; the last folder is kept open for the next.
#[derive(Debug)]
pub(crate) struct Bodies {
    output: OwnedFd,
    folder: Option<(Vec<u8>, OwnedFd)>,
    buffer: Vec<u8>,
}

impl Bodies {
    pub(crate) fn open(output: &Path) -> io::Result<Self> {
        Ok(Self {
            output: File::open(output)?.into(),
            folder: None,
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
        let mut file = match self.file(name) {
            Ok(file) => file,
            Err(error) => return hurt_by(error).map_or(Err(error.into()), |hurt| Ok(Some(hurt))),
        };
        let length = match file.metadata() {
            Ok(found) if found.is_file() => found.len(),
            Ok(_) => return Ok(Some(Hurt::NoFile)),
            Err(error) => return Err(error),
        };
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
    pub(crate) fn read(&mut self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match self.file(name.as_bytes()) {
            Ok(file) => file,
            Err(error) if hurt_by(error).is_some_and(|hurt| hurt != Hurt::Unreadable) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let mut body = Vec::new();
        file.take(limit).read_to_end(&mut body)?;
        Ok(Some(body))
    }

    /// Removes a file, and nothing but a file. Whether one was there.
    pub(crate) fn remove(&mut self, name: &[u8]) -> io::Result<bool> {
        let done = self.at(name).and_then(|(folder, file)| {
            let found = fs::statat(folder, file, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
                return Ok(false);
            }
            fs::unlinkat(folder, file, AtFlags::empty())?;
            Ok(true)
        });
        match done {
            Err(error) if hurt_by(error).is_some_and(|hurt| hurt != Hurt::Unreadable) => Ok(false),
            done => Ok(done?),
        }
    }

    fn file(&mut self, name: &[u8]) -> rustix::io::Result<File> {
        let (folder, file) = self.at(name)?;
        // Before it is opened: to open a device may be to do something.
        let found = fs::statat(folder, file, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(Errno::ISDIR);
        }
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(fs::openat(folder, file, how, Mode::empty())?.into())
    }

    /// The open folder that a file is in, and the file's own name.
    fn at<'n>(&mut self, name: &'n [u8]) -> rustix::io::Result<(&OwnedFd, &'n [u8])> {
        let cut = name.iter().rposition(|byte| *byte == b'/');
        let Some(cut) = cut.filter(|_| is_inside(name)) else {
            return Err(Errno::XDEV);
        };
        let (path, file) = (&name[..cut], &name[cut + 1..]);
        if self.folder.as_ref().is_none_or(|(open, _)| open != path) {
            self.folder = Some((path.to_vec(), folder(&self.output, path)?));
        }
        match &self.folder {
            Some((_, folder)) => Ok((folder, file)),
            None => Err(Errno::NOENT),
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

/// Opens a folder part by part, so that none of them can be a link.
fn folder(output: &OwnedFd, path: &[u8]) -> rustix::io::Result<OwnedFd> {
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut open: Option<OwnedFd> = None;
    for part in path.split(|byte| *byte == b'/') {
        let at = open.as_ref().unwrap_or(output).as_fd();
        let next = fs::openat(at, part, how, Mode::empty())?;
        open = Some(next);
    }
    open.ok_or(Errno::NOENT)
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
fn hurt_by(error: Errno) -> Option<Hurt> {
    match error {
        Errno::XDEV => Some(Hurt::Outside),
        Errno::NOENT | Errno::NAMETOOLONG => Some(Hurt::Missing),
        Errno::NOTDIR | Errno::LOOP | Errno::ISDIR => Some(Hurt::NoFile),
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
