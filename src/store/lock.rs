//! One writer an output: a lock on a file that the system lets go of when the process is gone.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::StoreError;

/// The lock's file in the output directory; it holds the pid of the last writer, and in a second line why
/// that could not go on, if so. A full disk has no room for that in the database; here it has its place already.
pub(crate) const LOCK: &str = "crawl.lock";
/// What the second line begins with.
const SAID: &str = "ended: ";

/// Held as long as it lives.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    pub(super) fn take(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(LOCK);
        let failed = |source| StoreError::File {
            path: path.clone(),
            source,
        };
        let mut file = open(&path, OFlags::RDWR | OFlags::CREATE).map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // With whom it can be shared is no writer, but somebody who looks for one, and is gone at once.
                Err(TryLockError::WouldBlock) => match file.try_lock_shared() {
                    Ok(()) => std::thread::yield_now(),
                    Err(TryLockError::WouldBlock) => {
                        return Err(StoreError::Locked {
                            pid: pid(&mut file),
                        });
                    }
                    Err(TryLockError::Error(source)) => return Err(failed(source)),
                },
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        check_ours(&mut file).map_err(failed)?;
        put(&file, &first_line()).map_err(failed)?;
        Ok(Self(file))
    }

    /// Leaves a word for whoever asks why the writer has ended.
    pub(super) fn say(&self, why: &str) {
        let line: String = why.chars().filter(|c| !c.is_control()).collect();
        // On a disk that cannot be written at all, nothing is to be done.
        let _ = put(&self.0, &format!("{}{SAID}{line}", first_line()));
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

/// What is about to be written over is what a writer leaves, or what power loss has left of it; anything else is
/// somebody's who has given it this name.
fn check_ours(file: &mut File) -> io::Result<()> {
    let text = read(file).unwrap_or_default();
    // A length without its bytes reads as zeros.
    let text = text.trim_end_matches('\0');
    let (pid, words) = match text.split_once('\n') {
        Some((pid, rest)) => (pid, rest),
        None => (text, ""),
    };
    let ours = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_whitespace() || byte == 0;
    let said = words.starts_with(SAID) || SAID.starts_with(words);
    if pid.len() <= 20 && pid.bytes().all(ours) && said {
        Ok(())
    } else {
        Err(io::Error::other(
            "it holds something that crawl has not written, and is left alone",
        ))
    }
}

/// What the last writer, of this pid, said when it could not go on.
pub(crate) fn last_words(directory: &Path, pid: u32) -> Option<String> {
    let text = read(&mut open(&directory.join(LOCK), OFlags::RDONLY).ok()?)?;
    let (writer, words) = text.split_once('\n')?;
    let words = words.strip_prefix(SAID)?;
    (writer.trim().parse() == Ok(pid)).then(|| words.to_owned())
}

/// The pid, always as long: what is written over another one has its end in the same place, should the rest be cut
/// off only later, or never.
fn first_line() -> String {
    format!("{:<20}\n", std::process::id())
}

/// Over what is there, and only then cut: on a full disk, room that is given away does not come back.
fn put(mut file: &File, text: &str) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

fn read(file: &mut File) -> Option<String> {
    let mut text = Vec::new();
    Read::by_ref(file).take(4096).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn pid(file: &mut File) -> Option<u32> {
    read(file)?.lines().next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `crawl status` in a loop must not keep a crawl from starting.
    #[test]
    fn who_only_looks_is_no_writer() {
        let directory = tempfile::tempdir().expect("a directory");
        drop(Lock::take(directory.path()).expect("free"));
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    holder(directory.path());
                }
            });
            let refused = (0..2000).find_map(|_| Lock::take(directory.path()).err());
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(refused.is_none(), "{refused:?}");
        });
    }

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
        let lock = Lock::take(directory.path()).expect("free again");
        assert_eq!(last_words(directory.path(), own), None);
        lock.say("the disk\nis full");
        assert_eq!(holder(directory.path()), Some(own));
        drop(lock);
        let said = |pid| last_words(directory.path(), pid);
        assert_eq!(
            (said(own).as_deref(), said(own + 1)),
            (Some("the diskis full"), None)
        );
        drop(Lock::take(directory.path()).expect("free once more"));
        assert_eq!(said(own), None);
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
        for left in [
            &b"4711\n"[..],
            b"4711\nen\0",
            b"4711\0\0",
            &[0; 21],
            &[0; 300],
            b"",
        ] {
            std::fs::write(&lock, left).expect("written");
            drop(Lock::take(directory.path()).expect("ours"));
            assert_eq!(
                std::fs::read(&lock).expect("there"),
                first_line().into_bytes()
            );
        }
    }
}
