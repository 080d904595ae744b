//! Files beneath a directory: reached from its handle, one name after the other, and no link is followed on
//! the way. Whoever else may write there can put a link in a folder's place at any moment; a path that was
//! looked at before it is opened would follow it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// What is opened on the way, or at its end: never a link, never a wait for whoever reads a pipe.
const HERE: OFlags = OFlags::NOFOLLOW
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);
const FOLDER: OFlags = HERE.union(OFlags::DIRECTORY);

/// A directory that is held open.
#[derive(Debug)]
pub(crate) struct Beneath(OwnedFd);

/// What stands in a folder.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) is_folder: bool,
    pub(crate) is_file: bool,
    pub(crate) modified: SystemTime,
}

/// A folder on the way: the first one is held by others.
enum Folder<'a> {
    First(BorrowedFd<'a>),
    Inner(OwnedFd),
}

impl AsFd for Folder<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::First(folder) => *folder,
            Self::Inner(folder) => folder.as_fd(),
        }
    }
}

impl Beneath {
    /// Opens a directory that the user names; his own links on the way are followed.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(directory, flags, Mode::empty())?))
    }

    /// Makes a folder, unless it is there. What else stands there is an error.
    pub(crate) fn make_folder(&self, relative: &str) -> io::Result<()> {
        let (folder, name) = self.parent(relative)?;
        match rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(0o777)) {
            Err(Errno::EXIST) => enter(folder.as_fd(), name).map(drop),
            done => Ok(done?),
        }
    }

    /// Makes a file where there is nothing yet.
    pub(crate) fn create(&self, relative: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        self.open_file(relative, flags, Mode::from_raw_mode(0o666))
    }

    /// Opens a file to read it. What is no file (a pipe, a device, a folder, a link) is an error.
    pub(crate) fn read(&self, relative: &str) -> io::Result<File> {
        let file = self.open_file(relative, OFlags::RDONLY, Mode::empty())?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::other(
                "something that is not a file stands there",
            ))
        }
    }

    /// Removes a file, or a link itself.
    pub(crate) fn remove(&self, relative: &str) -> io::Result<()> {
        let (folder, name) = self.parent(relative)?;
        Ok(rustix::fs::unlinkat(&folder, name, AtFlags::empty())?)
    }

    /// How many names a folder has, counted up to so many.
    pub(crate) fn count(&self, relative: &str, most: usize) -> io::Result<usize> {
        Ok(names(self.folder(relative)?.as_fd())?.take(most).count())
    }

    /// When a folder was last changed, and what is in it.
    pub(crate) fn list(&self, relative: &str) -> io::Result<(SystemTime, Vec<Entry>)> {
        let folder = self.folder(relative)?;
        let changed = modified(&rustix::fs::fstat(&folder)?);
        let mut entries = Vec::new();
        for name in names(folder.as_fd())? {
            let name = name?;
            let found = match rustix::fs::statat(&folder, &*name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                found => found?,
            };
            let kind = FileType::from_raw_mode(found.st_mode);
            entries.push(Entry {
                name,
                is_folder: kind == FileType::Directory,
                is_file: kind == FileType::RegularFile,
                modified: modified(&found),
            });
        }
        Ok((changed, entries))
    }

    /// Opens a file: in one call where the system can do all of this by itself, else folder by folder.
    fn open_file(&self, relative: &str, flags: OFlags, mode: Mode) -> io::Result<File> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{ResolveFlags, openat2};
            relative
                .split('/')
                .try_for_each(|name| plain(name).map(drop))?;
            let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            match openat2(&self.0, relative, HERE | flags, mode, within) {
                // An old system, a filter of its calls, or a tree that is moved meanwhile.
                Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {}
                Err(Errno::LOOP) => return Err(io::Error::other("a link stands in the way")),
                opened => return Ok(opened?.into()),
            }
        }
        self.walk_to_file(relative, flags, mode)
    }

    fn walk_to_file(&self, relative: &str, flags: OFlags, mode: Mode) -> io::Result<File> {
        let (folder, name) = self.parent(relative)?;
        Ok(rustix::fs::openat(&folder, name, HERE | flags, mode)?.into())
    }

    fn folder(&self, relative: &str) -> io::Result<OwnedFd> {
        let (folder, name) = self.parent(relative)?;
        enter(folder.as_fd(), name)
    }

    /// The folder that a name stands in, and the name.
    fn parent<'a>(&self, relative: &'a str) -> io::Result<(Folder<'_>, &'a str)> {
        let mut folder = Folder::First(self.0.as_fd());
        let mut rest = relative;
        while let Some((name, after)) = rest.split_once('/') {
            folder = Folder::Inner(enter(folder.as_fd(), plain(name)?)?);
            rest = after;
        }
        Ok((folder, plain(rest)?))
    }
}

/// Opens a directory by its path, unless a link or anything else stands at its end.
pub(crate) fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, FOLDER, Mode::empty())?)
}

/// A name that stands for something in its folder.
fn plain(name: &str) -> io::Result<&str> {
    match name {
        "" | "." | ".." => Err(io::ErrorKind::InvalidInput.into()),
        name => Ok(name),
    }
}

fn enter(folder: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    match rustix::fs::openat(folder, name, FOLDER, Mode::empty()) {
        Err(Errno::NOTDIR | Errno::LOOP) => Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            "something that is not a directory stands there",
        )),
        opened => Ok(opened?),
    }
}

/// The names in a folder. Those that are not UTF-8 are none of ours.
fn names(folder: BorrowedFd<'_>) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    let entries = Dir::read_from(folder)?;
    Ok(entries.filter_map(|entry| match entry {
        Ok(entry) => match entry.file_name().to_str() {
            Ok("." | "..") | Err(_) => None,
            Ok(name) => Some(Ok(name.to_owned())),
        },
        Err(error) => Some(Err(error.into())),
    }))
}

fn modified(found: &rustix::fs::Stat) -> SystemTime {
    let since = Duration::new(
        found.st_mtime.unsigned_abs(),
        u32::try_from(found.st_mtime_nsec).unwrap_or_default(),
    );
    if found.st_mtime < 0 {
        SystemTime::UNIX_EPOCH
    } else {
        SystemTime::UNIX_EPOCH + since
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_but_what_is_beneath() {
        let (output, elsewhere) = (
            tempfile::tempdir().expect("a directory"),
            tempfile::tempdir().expect("a directory"),
        );
        let beneath = Beneath::open(output.path()).expect("opened");
        beneath.make_folder("a").expect("made");
        beneath.make_folder("a").expect("there");
        let mut file = beneath.create("a/one").expect("made");
        file.write_all(b"1").expect("written");
        std::fs::write(elsewhere.path().join("one"), "theirs").expect("written");
        symlink(elsewhere.path(), output.path().join("link")).expect("linked");
        symlink(elsewhere.path().join("one"), output.path().join("a/link")).expect("linked");
        symlink(elsewhere.path().join("new"), output.path().join("a/new")).expect("linked");
        for name in [
            "link/new",
            "link/../x",
            "../x",
            "/x",
            "a//x",
            "a/../../x",
            "./x",
            "a/new",
            "a/link",
            "a/one",
            "a",
            "",
            "a/\0",
        ] {
            beneath.create(name).expect_err(name);
            // By the other way, too.
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            let walked = beneath.walk_to_file(name, flags, Mode::from_raw_mode(0o666));
            walked.expect_err(name);
        }
        for name in ["link", "link/x", "a/link", "a/link/x", "a/one", "..", "x/y"] {
            beneath.make_folder(name).expect_err(name);
        }
        for name in ["link/one", "a/link", "a", "../x", "/etc/hostname"] {
            beneath.read(name).expect_err(name);
        }
        beneath.remove("link/one").expect_err("not followed");
        beneath.list("link").expect_err("not followed");
        let mut text = String::new();
        let walked = beneath.walk_to_file("a/one", OFlags::RDONLY, Mode::empty());
        assert_eq!(walked.expect("opened").metadata().expect("there").len(), 1);
        let mut file = beneath.read("a/one").expect("opened");
        file.read_to_string(&mut text).expect("read");
        assert_eq!(text, "1");
        let (_, entries) = beneath.list("a").expect("listed");
        let files = entries.iter().filter(|entry| entry.is_file).count();
        assert_eq!((entries.len(), files), (3, 1));
        beneath.remove("a/link").expect("the link itself");
        let theirs = std::fs::read_dir(elsewhere.path()).expect("there").count();
        assert_eq!(theirs, 1);
    }

    #[test]
    fn a_pipe_keeps_nobody_waiting() {
        let output = tempfile::tempdir().expect("a directory");
        let pipe = output.path().join("pipe");
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, mode, 0).expect("made");
        let beneath = Beneath::open(output.path()).expect("opened");
        for done in [
            beneath.read("pipe").map(drop),
            beneath.create("pipe").map(drop),
            beneath.make_folder("pipe"),
            beneath.create("pipe/x").map(drop),
        ] {
            done.expect_err("refused");
        }
    }
}
