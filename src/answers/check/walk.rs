//! Everything below `pages/`, in the order of the names' bytes: the order in which SQLite sorts names. Of
//! memory it takes the names of the folders on the way down.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::store::PAGES;

/// Folders below `pages/` that are gone into: ours go two deep.
const MAX_DEPTH: usize = 4;

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    File,
    /// A link, a socket…, or a folder deeper than ours are.
    Other,
    /// A folder that cannot be read.
    Shut,
}

/// A name relative to the output directory, and what stands there.
pub(super) type Entry = (Vec<u8>, What);

#[derive(Debug)]
pub(super) struct Walk {
    output: PathBuf,
    /// What is still to come of each folder on the way down, the next one last.
    open: Vec<Vec<(Vec<u8>, Found)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Folder,
    File,
    Other,
}

impl Walk {
    pub(super) fn new(output: &Path) -> Self {
        let found = match std::fs::symlink_metadata(output.join(PAGES)) {
            Ok(found) if found.is_dir() => Some(Found::Folder),
            Ok(_) => Some(Found::Other),
            Err(_) => None,
        };
        Self {
            output: output.to_owned(),
            open: vec![
                found
                    .map(|found| (PAGES.into(), found))
                    .into_iter()
                    .collect(),
            ],
        }
    }

    fn enter(&mut self, name: &[u8]) -> io::Result<()> {
        let mut entries = Vec::new();
        let path = self.output.join(std::ffi::OsStr::from_bytes(name));
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let found = if kind.is_dir() {
                Found::Folder
            } else if kind.is_file() {
                Found::File
            } else {
                Found::Other
            };
            let name = [name, b"/", entry.file_name().as_bytes()].concat();
            entries.push((name, found));
        }
        // A folder stands where the names below it do, and those begin with its name and a slash.
        entries.sort_by(|one, other| key(other).cmp(key(one)));
        self.open.push(entries);
        Ok(())
    }
}

fn key((name, found): &(Vec<u8>, Found)) -> impl Iterator<Item = &u8> {
    let slash: &[u8] = if *found == Found::Folder { b"/" } else { b"" };
    name.iter().chain(slash)
}

impl Iterator for Walk {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let Some((name, found)) = self.open.last_mut()?.pop() else {
                self.open.pop();
                continue;
            };
            match found {
                Found::File => return Some((name, What::File)),
                Found::Folder if self.open.len() <= MAX_DEPTH + 1 => {
                    if self.enter(&name).is_err() {
                        return Some((name, What::Shut));
                    }
                }
                Found::Folder | Found::Other => return Some((name, What::Other)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_order_of_bytes_and_through_no_link() {
        let output = tempfile::tempdir().expect("a directory");
        let elsewhere = tempfile::tempdir().expect("a directory");
        let pages = output.path().join("pages");
        for folder in ["a", "a-b", "a.c/0f", "deep/1/2/3/4/5"] {
            std::fs::create_dir_all(pages.join(folder)).expect("made");
        }
        for file in [
            "a/x",
            "a/y",
            "a-b/x",
            "a!",
            "a.c/0f/z",
            "a.c/0e",
            "z",
            "deep/1/2/3/4/5/x",
        ] {
            std::fs::write(pages.join(file), "x").expect("written");
        }
        std::fs::write(elsewhere.path().join("secret"), "x").expect("written");
        std::os::unix::fs::symlink(elsewhere.path(), pages.join("link")).expect("linked");
        let found: Vec<Entry> = Walk::new(output.path()).collect();
        let names = |what: What| -> Vec<String> {
            let of = found.iter().filter(|entry| entry.1 == what);
            of.map(|entry| String::from_utf8_lossy(&entry.0).into_owned())
                .collect()
        };
        let files = [
            "pages/a!",
            "pages/a-b/x",
            "pages/a.c/0e",
            "pages/a.c/0f/z",
            "pages/a/x",
            "pages/a/y",
            "pages/z",
        ];
        assert_eq!(names(What::File), files);
        assert_eq!(names(What::Other), ["pages/deep/1/2/3/4", "pages/link"]);
        let mut sorted = found.clone();
        sorted.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(found, sorted);
        std::fs::remove_dir_all(&pages).expect("removed");
        assert_eq!(Walk::new(output.path()).count(), 0);
        std::os::unix::fs::symlink(elsewhere.path(), &pages).expect("linked");
        let whole: Vec<Entry> = Walk::new(output.path()).collect();
        assert_eq!(whole, [(b"pages".to_vec(), What::Other)]);
    }
}
