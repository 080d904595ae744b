//! A file, or a tree of files, that stands under its name whole or not at all: written aside, then given its name.
//!
//! A file has no name at all while it is written, where the system can do that: whoever is killed leaves nothing.
//! Elsewhere, and for a tree, what is written aside is called `.NAME.crawl-part`. It is locked as long as somebody
//! writes it; one that nobody holds is what a kill has left, and the next export to the same name removes it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::store::{DATABASE, LOCK, PAGES};

/// What is put in front of a name, and behind it, while it is written.
const ASIDE: (&str, &str) = (".", ".crawl-part");

/// A file on its way to its name.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    /// The folder that it is to stand in, held open.
    folder: OwnedFd,
    name: OsString,
    /// The name that it has until then; `None` where it has none.
    aside: Option<OsString>,
    replace: bool,
}

/// A folder on its way to its name.
#[derive(Debug)]
pub struct NewFolder {
    path: PathBuf,
    aside: PathBuf,
    replace: bool,
    /// Held open: it is locked as long as it is.
    _lock: OwnedFd,
}

impl NewFile {
    /// Begins a file that is to be called `path`. What is there is replaced at the end if `replace` says so.
    ///
    /// # Errors
    /// When something is there and is not to be replaced, or is no file; when another export writes it; or nothing
    /// can be written there.
    pub fn begin(path: &Path, replace: bool) -> io::Result<Self> {
        let (parent, name) = split(path)?;
        refuse_own(path)?;
        refuse(path, replace, false)?;
        let folder = open_folder(&parent)?;
        let (file, aside) = match nameless_in(&parent) {
            Some(file) => (file, None),
            None => {
                let aside = aside_of(&name);
                (named(&folder, &aside)?, Some(aside))
            }
        };
        Ok(Self {
            file,
            folder,
            name,
            aside,
            replace,
        })
    }

    /// A handle to write it by.
    ///
    /// # Errors
    /// When no more files may be open.
    pub fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// When something else has come to stand there meanwhile, or the disk fails.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.sync_data()?;
        if self.replace {
            let aside = match self.aside.clone() {
                Some(aside) => aside,
                None => self.named_aside()?,
            };
            self.aside = Some(aside.clone());
            rustix::fs::renameat(&self.folder, &aside, &self.folder, &self.name)?;
            self.aside = None;
        } else {
            self.link_to(&self.name).map_err(|error| match error {
                Errno::EXIST => is_there(Path::new(&self.name)),
                error => error.into(),
            })?;
        }
        // The name, too, is to be on the disk.
        let _ = rustix::fs::fsync(&self.folder);
        Ok(())
    }

    /// A name for what has none, so that it can be renamed: one that is replaced needs that.
    fn named_aside(&self) -> io::Result<OsString> {
        let aside = aside_of(&self.name);
        for _ in 0..2 {
            match self.link_to(&aside) {
                Ok(()) => return Ok(aside),
                Err(Errno::EXIST) => drop(named(&self.folder, &aside)?),
                Err(error) => return Err(error.into()),
            }
            let _ = rustix::fs::unlinkat(&self.folder, &aside, AtFlags::empty());
        }
        Err(busy(&aside))
    }

    fn link_to(&self, name: &OsString) -> rustix::io::Result<()> {
        match &self.aside {
            Some(aside) => {
                rustix::fs::linkat(&self.folder, aside, &self.folder, name, AtFlags::empty())
            }
            None => rustix::fs::linkat(
                rustix::fs::CWD,
                of_handle(&self.file),
                &self.folder,
                name,
                AtFlags::SYMLINK_FOLLOW,
            ),
        }
    }
}

/// What is given up, or has its name now, needs none aside.
impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(aside) = &self.aside {
            let _ = rustix::fs::unlinkat(&self.folder, aside, AtFlags::empty());
        }
    }
}

impl NewFolder {
    /// Begins a folder that is to be called `path`. An empty one may be there; another is moved out of the way at
    /// the end if `replace` says so.
    ///
    /// # Errors
    /// When something is there and is not to be replaced, or is no folder; when another export writes it; or nothing
    /// can be written there.
    pub fn begin(path: &Path, replace: bool) -> io::Result<Self> {
        let (_, name) = split(path)?;
        refuse_own(path)?;
        refuse(path, replace, true)?;
        let aside = path.with_file_name(aside_of(&name));
        // Twice: one that a kill has left is locked first, so that nobody's is removed.
        for _ in 0..2 {
            let made = match std::fs::create_dir(&aside) {
                Ok(()) => true,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
                Err(error) => return Err(error),
            };
            let lock = rustix::fs::open(&aside, FOLDER, Mode::empty())?;
            lock_or_busy(&lock, aside.as_os_str())?;
            if made {
                return Ok(Self {
                    path: path.with_file_name(name),
                    aside,
                    replace,
                    _lock: lock,
                });
            }
            std::fs::remove_dir_all(&aside)?;
        }
        Err(busy(aside.as_os_str()))
    }

    /// Where it is until then.
    #[must_use]
    pub fn aside(&self) -> &Path {
        &self.aside
    }

    /// Gives it its name. Answers with where an older one has gone.
    ///
    /// # Errors
    /// When something else has come to stand there meanwhile, or the disk fails.
    pub fn finish(self) -> io::Result<Option<PathBuf>> {
        let path = &self.path;
        let mut moved = None;
        loop {
            match std::fs::rename(&self.aside, path) {
                Ok(()) => return Ok(moved),
                Err(error) if is_taken(&error) && self.replace && moved.is_none() => {
                    moved = Some(move_away(path)?);
                }
                Err(error) if is_taken(&error) => return Err(is_there(path)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives it up: nothing is left of it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn discard(self) -> io::Result<()> {
        std::fs::remove_dir_all(&self.aside)
    }
}

/// Moves what is there to the first free name of those that end in a number: nothing is deleted.
fn move_away(path: &Path) -> io::Result<PathBuf> {
    for number in 1..10_000 {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{number}"));
        let other = path.with_file_name(name);
        // A rename over an empty folder would be none of a free name.
        if std::fs::symlink_metadata(&other).is_err() {
            std::fs::rename(path, &other)?;
            return Ok(other);
        }
    }
    Err(io::Error::other("there are too many older ones beside it"))
}

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists | ErrorKind::NotADirectory
    )
}

/// The folder of a path, and its name in it.
fn split(path: &Path) -> io::Result<(PathBuf, OsString)> {
    let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
    let parent = path.parent().filter(|path| !path.as_os_str().is_empty());
    Ok((parent.unwrap_or(Path::new(".")).to_owned(), name.to_owned()))
}

/// Refuses what is a crawl's own, whoever asks to replace it: its database, its lock, its bodies, the whole output.
///
/// # Errors
/// When it is one of these; that a part of the way there is none is somebody else's to say.
pub fn refuse_own(path: &Path) -> io::Result<()> {
    let is_own = |name: &str| name.starts_with(DATABASE) || name == LOCK;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let real = path.canonicalize().unwrap_or_else(|_| {
        let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
        parent.map_or_else(|| path.to_owned(), |parent| parent.join(&*name))
    });
    let is_output = |folder: &Path| folder.join(DATABASE).exists();
    let is_bodies =
        |folder: &Path| folder.ends_with(PAGES) && folder.parent().is_some_and(is_output);
    let what = if is_own(&name) {
        "that is the name of a crawl's own file"
    } else if is_output(&real) {
        "that is the output of a crawl"
    } else if real.ancestors().any(is_bodies) {
        "a crawl keeps its files there"
    } else {
        return Ok(());
    };
    Err(io::Error::other(what))
}

/// Refuses a name early at which something stands.
fn refuse(path: &Path, replace: bool, folder: bool) -> io::Result<()> {
    let Ok(found) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    let empty = || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if folder != found.is_dir() {
        let what = if folder { "no folder" } else { "no file" };
        Err(io::Error::other(format!("what is there is {what}")))
    } else if !folder && !found.is_file() {
        Err(io::Error::other("what is there is no file"))
    } else if replace || folder && empty() {
        Ok(())
    } else {
        Err(is_there(path))
    }
}

fn is_there(path: &Path) -> io::Error {
    let words = format!("{} is there already: --force replaces it", path.display());
    io::Error::new(ErrorKind::AlreadyExists, words)
}

fn busy(name: &std::ffi::OsStr) -> io::Error {
    let words = format!("another export writes {}", name.display());
    io::Error::new(ErrorKind::WouldBlock, words)
}

fn aside_of(name: &OsString) -> OsString {
    let mut aside = OsString::from(ASIDE.0);
    aside.push(name);
    aside.push(ASIDE.1);
    aside
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// What a handle can be named by, to give its file a name.
fn of_handle(file: &File) -> String {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// A file without a name, where the file system has such, and a name can be given to it later.
fn nameless_in(folder: &Path) -> Option<File> {
    #[cfg(target_os = "linux")]
    {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let opened = rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666));
        let file: File = opened.ok()?.into();
        std::fs::metadata(of_handle(&file)).ok()?;
        Some(file)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        None
    }
}

/// The file of a name that only we give, emptied and locked; what is no file is left alone.
fn named(folder: &OwnedFd, name: &OsString) -> io::Result<File> {
    let flags =
        OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o666);
    let file: File = rustix::fs::openat(folder, name, flags, mode)?.into();
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("what is written aside would be no file"));
    }
    lock_or_busy(&file, name)?;
    file.set_len(0)?;
    Ok(file)
}

fn lock_or_busy(file: impl AsFd, name: &std::ffi::OsStr) -> io::Result<()> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(busy(name)),
        done => Ok(done?),
    }
}

/// A file that nobody else can open, and that goes with the process: what has no room in memory.
///
/// # Errors
/// When none can be made in any directory for temporary files.
pub(super) fn nameless() -> io::Result<File> {
    let given = std::env::var_os("TMPDIR").map(PathBuf::from);
    let usual = ["/var/tmp", "/tmp"].map(PathBuf::from);
    let mut last = ErrorKind::NotFound.into();
    for directory in given.into_iter().chain(usual) {
        let path = directory.join(format!("crawl-{:016x}", fastrand::u64(..)));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        match rustix::fs::open(&path, flags, Mode::from_raw_mode(0o600)) {
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file.into());
            }
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let name = |entry: io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("x.csv");
        let mut new = NewFile::begin(&path, false).expect("begun");
        new.write_all(b"one").expect("written");
        assert!(!path.exists());
        new.finish().expect("named");
        assert_eq!(std::fs::read(&path).expect("read"), b"one");
        let refused = NewFile::begin(&path, false).expect_err("it is there");
        assert!(refused.to_string().contains("--force"), "{refused}");

        let mut new = NewFile::begin(&path, true).expect("begun");
        new.write_all(b"two").expect("written");
        assert_eq!(std::fs::read(&path).expect("read"), b"one");
        new.finish().expect("replaced");
        assert_eq!(std::fs::read(&path).expect("read"), b"two");
        // Given up.
        drop(NewFile::begin(&path, true).expect("begun"));
        assert_eq!(names(folder.path()), ["x.csv"]);
    }

    #[test]
    fn what_comes_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("x");
        let new = NewFile::begin(&path, false).expect("begun");
        std::fs::write(&path, b"theirs").expect("written");
        let refused = new.finish().expect_err("it is there");
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).expect("read"), b"theirs");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        NewFile::begin(&link, true).expect_err("a link is no file");
        NewFile::begin(folder.path(), true).expect_err("a folder is no file");
        NewFile::begin(&path.join("y"), false).expect_err("no folder");
    }

    /// As it is where a file must have a name while it is written.
    #[test]
    fn named_aside() {
        let folder = tempfile::tempdir().expect("a directory");
        let begin = |name: &str, replace| {
            let handle = open_folder(folder.path()).expect("open");
            let aside = aside_of(&name.into());
            named(&handle, &aside).map(|file| NewFile {
                file,
                folder: handle,
                name: name.into(),
                aside: Some(aside),
                replace,
            })
        };
        std::fs::write(folder.path().join(".x.crawl-part"), b"of a kill").expect("written");
        let mut new = begin("x", false).expect("begun");
        let other = begin("x", false).expect_err("it is being written");
        assert_eq!(other.kind(), ErrorKind::WouldBlock);
        new.write_all(b"one").expect("written");
        new.finish().expect("named");
        let mut new = begin("x", true).expect("begun");
        new.write_all(b"two").expect("written");
        new.finish().expect("named");
        assert_eq!(
            std::fs::read(folder.path().join("x")).expect("read"),
            b"two"
        );
        assert_eq!(names(folder.path()), ["x"]);
    }

    #[test]
    fn folders() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("site");
        std::fs::create_dir(&path).expect("an empty one");
        let aside = folder.path().join(".site.crawl-part");
        std::fs::create_dir(&aside).expect("of a kill");
        std::fs::write(aside.join("old"), b"").expect("written");
        let new = NewFolder::begin(&path, false).expect("begun");
        NewFolder::begin(&path, false).expect_err("it is being written");
        assert_eq!(names(new.aside()), [""; 0]);
        std::fs::write(new.aside().join("one"), b"").expect("written");
        assert_eq!(new.finish().expect("named"), None);
        assert_eq!(names(&path), ["one"]);
        NewFolder::begin(&path, false).expect_err("it is there");
        let new = NewFolder::begin(&path, true).expect("begun");
        assert_eq!(
            new.finish().expect("named"),
            Some(folder.path().join("site.1"))
        );
        assert_eq!(names(folder.path()), ["site", "site.1"]);
        let new = NewFolder::begin(&path, false).expect("an empty one is there");
        new.discard().expect("removed");
        assert_eq!(names(folder.path()), ["site", "site.1"]);
        std::fs::write(folder.path().join("file"), b"").expect("written");
        NewFolder::begin(&folder.path().join("file"), true).expect_err("a file is no folder");
    }
}
