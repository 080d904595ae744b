//! One writer an output: a lock on a file that the system lets go of when the process is gone.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::StoreError;

/// The lock's file in the output directory; it holds the pid of the last writer.
pub(crate) const LOCK: &str = "crawl.lock";

/// Held as long as it lives.
#[derive(Debug)]
pub(super) struct Lock(
    #[expect(dead_code, reason = "the lock lives as long as the open file")] File,
);

impl Lock {
    pub(super) fn take(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(LOCK);
        let failed = |source| StoreError::File {
            path: path.clone(),
            source,
        };
        let mut file = open(&path, OFlags::RDWR | OFlags::CREATE).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked {
                    pid: pid(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        check_ours(&mut file).map_err(failed)?;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Self(file))
    }
}

/// The pid of the process that writes here now, if one does.
pub(crate) fn holder(directory: &Path) -> Option<u32> {
    let mut file = open(&directory.join(LOCK), OFlags::RDONLY).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => pid(&mut file),
        _ => None,
    }
}

/// Opens the lock's file; neither a link that stands in its place nor a pipe.
fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let here = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags | here, Mode::from_raw_mode(0o666)) {
        Err(Errno::LOOP) => return Err(io::Error::other("it is a link, which is not followed")),
        opened => File::from(opened?),
    };
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no file"))
    }
}

/// What is about to be written over is a pid, or what power loss has left of one; anything else is somebody's
/// who has given it this name.
fn check_ours(file: &mut File) -> io::Result<()> {
    let mut there = Vec::new();
    Read::by_ref(file).take(21).read_to_end(&mut there)?;
    let ours = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_whitespace() || *byte == 0;
    if there.len() <= 20 && there.iter().all(ours) {
        Ok(())
    } else {
        Err(io::Error::other(
            "it holds something that crawl has not written, and is left alone",
        ))
    }
}

fn pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    Read::by_ref(file).take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(holder(directory.path()), None);
        let lock = Lock::take(directory.path()).expect("free");
        let own = std::process::id();
        assert!(
            matches!(Lock::take(directory.path()), Err(StoreError::Locked { pid: Some(pid) }) if pid == own)
        );
        assert_eq!(holder(directory.path()), Some(own));
        drop(lock);
        assert_eq!(holder(directory.path()), None);
        Lock::take(directory.path()).expect("free again");
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let (directory, elsewhere) = (
            tempfile::tempdir().expect("a directory"),
            tempfile::tempdir().expect("a directory"),
        );
        let (lock, theirs) = (directory.path().join(LOCK), elsewhere.path().join("diary"));
        let refused = |why: &str| {
            let error = Lock::take(directory.path()).expect_err(why).to_string();
            assert!(error.contains("crawl.lock"), "{error}");
            assert_eq!(holder(directory.path()), None);
            std::fs::remove_file(&lock).expect("removed");
        };
        std::fs::write(&theirs, "dear diary").expect("written");
        std::os::unix::fs::symlink(&theirs, &lock).expect("linked");
        refused("a link");
        std::os::unix::fs::symlink(elsewhere.path().join("new"), &lock).expect("linked");
        refused("a link to what is not there");
        std::fs::hard_link(&theirs, &lock).expect("linked");
        refused("another name of a file");
        let (fifo, mode) = (rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600));
        rustix::fs::mknodat(rustix::fs::CWD, &lock, fifo, mode, 0).expect("made");
        refused("a pipe");
        std::fs::write(&lock, "123456789012345678901").expect("written");
        refused("too long for a pid");
        assert_eq!(std::fs::read(&theirs).expect("there"), b"dear diary");
        assert!(!elsewhere.path().join("new").exists());
        for left in [&b"4711\n"[..], b"\0\0\0\0", b""] {
            std::fs::write(&lock, left).expect("written");
            drop(Lock::take(directory.path()).expect("ours"));
            assert_eq!(
                std::fs::read(&lock).expect("there"),
                std::process::id().to_string().into_bytes()
            );
        }
    }
}
