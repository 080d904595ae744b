//! One writer an output: a lock on a file that the system lets go of when the process is gone.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

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
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked {
                    pid: pid(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0)
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Self(file))
    }
}

/// The pid of the process that writes here now, if one does.
pub(crate) fn holder(directory: &Path) -> Option<u32> {
    let mut file = File::open(directory.join(LOCK)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => pid(&mut file),
        _ => None,
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
}
