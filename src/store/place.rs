//! Whether an output is still where it was, and what ails the disk that it is on.

use std::fs::OpenOptions;
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::log::log_of;

/// What is written to find out what ails a disk.
const PROBE: &str = ".crawl-probe";
/// So much is tried: a page of the database and more.
const PROBE_BYTES: usize = 64 << 10;
/// So much longer than it is now the log may have been, in a transaction that was taken back.
const TAKEN_BACK: u64 = 1 << 20;

/// The files of a database that is open, as they were when it was opened. A file that is removed while it is
/// open can be written for ever, and is gone at the end.
#[derive(Debug)]
pub(super) struct Place {
    files: Vec<(PathBuf, Option<Identity>)>,
}

/// Device and number of a file.
type Identity = (u64, u64);

impl Place {
    /// Remembers the database and its log.
    pub(super) fn of(database: &Path) -> Self {
        let files = [database.to_owned(), log_of(database)];
        let known = |path: PathBuf| {
            let identity = identity(&path);
            (path, identity)
        };
        Self {
            files: files.map(known).into(),
        }
    }

    /// Checks that nobody has removed, moved or replaced them.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        for (path, known) in &self.files {
            if known.is_some() && identity(path) != *known {
                return Err(StoreError::Moved { path: path.clone() });
            }
        }
        Ok(())
    }
}

/// Which file a path leads to now.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// SQLite says that a disk fails, not why: writes a little beside the database, at the length that its log
/// has, and answers with what the system says to that, if it says anything.
pub(super) fn ailment(database: &Path) -> Option<io::Error> {
    let path = database.with_file_name(PROBE);
    let length = |path: PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
    let longest = length(log_of(database)).max(length(database.to_owned()));
    // What a killed process left. Never over what is there, nor through a link.
    let _ = std::fs::remove_file(&path);
    let fresh = OpenOptions::new().write(true).create_new(true).open(&path);
    let written = fresh.and_then(|mut file| {
        file.seek(io::SeekFrom::Start(longest))?;
        file.write_all(&vec![0; PROBE_BYTES])?;
        file.sync_all()?;
        // Takes no room, but asks whether a file may be so long.
        file.set_len(longest + TAKEN_BACK)
    });
    let _ = std::fs::remove_file(&path);
    written.err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_or_another_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("crawl.db");
        std::fs::write(&path, "one").expect("written");
        let place = Place::of(&path);
        place
            .check()
            .expect("there; and no log is none that is gone");
        std::fs::write(&path, "two").expect("written");
        place.check().expect("the same file with other content");
        let aside = directory.path().join("x");
        std::fs::rename(&path, &aside).expect("moved");
        assert!(matches!(place.check(), Err(StoreError::Moved { .. })));
        std::fs::copy(&aside, &path).expect("copied");
        assert!(matches!(place.check(), Err(StoreError::Moved { .. })));
        std::fs::rename(&aside, &path).expect("moved back");
        place.check().expect("there again");
    }

    #[test]
    fn what_has_the_name_of_the_probe_is_not_written_over() {
        let directory = tempfile::tempdir().expect("a directory");
        let theirs = directory.path().join("diary");
        std::fs::write(&theirs, "dear diary").expect("written");
        let probe = directory.path().join(PROBE);
        std::os::unix::fs::symlink(&theirs, &probe).expect("linked");
        let _ = ailment(&directory.path().join("crawl.db"));
        assert_eq!(std::fs::read(&theirs).expect("there"), b"dear diary");
    }

    #[test]
    fn a_disk_that_is_well_says_nothing_and_is_left_as_it_was() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(ailment(&directory.path().join("crawl.db")).is_none());
        assert_eq!(
            std::fs::read_dir(directory.path()).expect("there").count(),
            0
        );
        let error = ailment(&directory.path().join("missing/crawl.db")).expect("none there");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
