//! An output that makes room for another: what is there is moved to a sibling directory, all of it or
//! none. Each piece is moved by itself, and a database without its log is not what it was; so a mark
//! says where they go until all of them are there, and the next start ends what was interrupted.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::beneath::Beneath;
use super::open::open_file;
use super::{DATABASE, PAGES, StoreError};

/// The mark's file in the output directory: the name of the sibling.
const MARK: &str = "crawl.moving";

/// Moves what an older crawl wrote to a sibling directory with the first free number, and answers with
/// that. An earlier move that was interrupted is ended instead: what stands here is that crawl's.
pub(super) fn move_aside(directory: &Path) -> Result<Option<PathBuf>, StoreError> {
    if let Some(aside) = end_move(directory)? {
        return Ok(Some(aside));
    }
    if !pieces().iter().any(|piece| is_there(directory, piece)) {
        return Ok(None);
    }
    fold_log(directory);
    let aside = make_sibling(directory)?;
    mark(directory, &aside).map_err(failed(&directory.join(MARK)))?;
    carry(directory, &aside)?;
    Ok(Some(aside))
}

/// Ends a move that was interrupted. Answers with where the older crawl is now, if there was one.
pub(super) fn end_move(directory: &Path) -> Result<Option<PathBuf>, StoreError> {
    let path = directory.join(MARK);
    // Neither a link nor a pipe in its place is read, nor more than a name.
    let read = || -> io::Result<String> {
        let mut name = String::new();
        let file = Beneath::open(directory)?.read(MARK)?;
        file.take(4096).read_to_string(&mut name)?;
        Ok(name)
    };
    let name = match read() {
        Ok(name) => name,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(&path)(source)),
    };
    let aside = match sibling(directory, &name)? {
        Some(aside) if takes_rest(directory, &aside) => aside,
        // It was not written to its end, so nothing was moved yet; or it is none of ours.
        _ => {
            std::fs::remove_file(&path).map_err(failed(&path))?;
            return Ok(None);
        }
    };
    carry(directory, &aside)?;
    Ok(Some(aside))
}

/// Whether a move to that directory can have been begun: what is there is not here any more. So nothing is
/// ever written over.
fn takes_rest(directory: &Path, aside: &Path) -> bool {
    let both = |piece: &String| is_there(directory, piece) && is_there(aside, piece);
    std::fs::symlink_metadata(aside).is_ok_and(|found| found.is_dir()) && !pieces().iter().any(both)
}

/// What a crawl writes; the database first, which is nothing without its log beside it.
fn pieces() -> [String; 5] {
    [
        DATABASE.to_owned(),
        format!("{DATABASE}-journal"),
        format!("{DATABASE}-wal"),
        format!("{DATABASE}-shm"),
        PAGES.to_owned(),
    ]
}

fn is_there(directory: &Path, piece: &str) -> bool {
    std::fs::symlink_metadata(directory.join(piece)).is_ok()
}

/// Copies the log back where that is possible: then one file is the whole database, wherever it is. Where
/// it is not (a reader holds it, it is no database), log and database go one after the other.
fn fold_log(directory: &Path) {
    let database = directory.join(DATABASE);
    if !database.exists() {
        return;
    }
    let fold = || -> Result<(), StoreError> {
        let connection = open_file(&database)?;
        connection.busy_timeout(Duration::ZERO)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    };
    if let Err(error) = fold() {
        tracing::info!("the log of what is moved aside stays a file of its own: {error}");
    }
}

/// A new directory beside this one.
fn make_sibling(directory: &Path) -> Result<PathBuf, StoreError> {
    let whole = directory.canonicalize().map_err(failed(directory))?;
    let name = whole.file_name().map_or_else(
        || "crawl-out".into(),
        |name| name.to_string_lossy().into_owned(),
    );
    let parent = whole.parent().unwrap_or(&whole);
    let mut number = 1_u32;
    loop {
        let aside = parent.join(format!("{name}.{number}"));
        match std::fs::create_dir(&aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(failed(&aside)(source)),
            Ok(()) => return Ok(aside),
        }
    }
}

/// The sibling of that name, if it is one.
fn sibling(directory: &Path, name: &str) -> Result<Option<PathBuf>, StoreError> {
    let whole = directory.canonicalize().map_err(failed(directory))?;
    let mut parts = Path::new(name).components();
    let plain = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
    // Of our own making: any other directory is somebody else's, whatever the mark says.
    let own = whole.file_name().unwrap_or_default().to_string_lossy();
    let number = name.strip_prefix(&*own).or(name.strip_prefix("crawl-out"));
    let number = number.and_then(|rest| rest.strip_prefix('.'));
    let numbered = number.is_some_and(|number| number.parse::<u32>().is_ok());
    Ok((plain && numbered).then(|| whole.parent().unwrap_or(&whole).join(name)))
}

/// Says where the pieces go, before the first of them does.
fn mark(directory: &Path, aside: &Path) -> io::Result<()> {
    let name = aside.file_name().unwrap_or_default().to_string_lossy();
    let path = directory.join(MARK);
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(name.as_bytes())?;
    file.sync_all()?;
    sync(directory);
    aside.parent().into_iter().for_each(sync);
    Ok(())
}

/// Moves what is still here, and takes the mark away.
fn carry(directory: &Path, aside: &Path) -> Result<(), StoreError> {
    for piece in pieces() {
        if is_there(directory, &piece) {
            let moved = std::fs::rename(directory.join(&piece), aside.join(&piece));
            moved.map_err(failed(aside))?;
        }
    }
    sync(aside);
    sync(directory);
    let path = directory.join(MARK);
    std::fs::remove_file(&path).map_err(failed(&path))?;
    sync(directory);
    Ok(())
}

/// Has a directory's entries written out, where the system can do that.
fn sync(directory: &Path) {
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output with these pieces, in a directory of its own.
    fn output(pieces: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().expect("a directory");
        let output = parent.path().join("out");
        std::fs::create_dir(&output).expect("made");
        for piece in pieces {
            std::fs::write(output.join(piece), piece).expect("written");
        }
        (parent, output)
    }

    fn there(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).expect("a directory").flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_move_that_was_interrupted_is_ended() {
        // What was moved when it was interrupted: the rest follows, whatever it is.
        let all = pieces();
        for moved in 0..=all.len() {
            let names: Vec<&str> = all.iter().map(String::as_str).collect();
            let (parent, output) = output(&names);
            let aside = make_sibling(&output).expect("made");
            mark(&output, &aside).expect("marked");
            for piece in &all[..moved] {
                std::fs::rename(output.join(piece), aside.join(piece)).expect("moved");
            }
            let ended = if moved % 2 == 0 {
                end_move(&output)
            } else {
                move_aside(&output)
            };
            assert_eq!(ended.expect("ended"), Some(aside.clone()), "{moved}");
            assert_eq!(there(&output), [""; 0], "{moved}");
            assert_eq!(there(&aside).len(), all.len(), "{moved}");
            assert_eq!(there(parent.path()), ["out", "out.1"], "{moved}");
            assert_eq!(end_move(&output).expect("nothing to do"), None);
        }
    }

    #[test]
    fn a_mark_that_says_nothing_moves_nothing() {
        for text in ["", "..", "/tmp", "a/b", "../out.1", "not-there"] {
            let (_parent, output) = output(&["crawl.db", "pages"]);
            std::fs::write(output.join(MARK), text).expect("written");
            assert_eq!(end_move(&output).expect("nothing to do"), None, "{text}");
            assert_eq!(there(&output), ["crawl.db", "pages"], "{text}");
        }
    }

    /// Whoever can write into an output has it moved over nothing of others'.
    #[test]
    fn a_mark_of_somebody_elses_moves_nothing() {
        for text in ["theirs", "out.7", "out.8"] {
            let (parent, output) = output(&["crawl.db", "pages"]);
            for name in ["theirs", "out.7"] {
                let theirs = parent.path().join(name);
                std::fs::create_dir(&theirs).expect("made");
                std::fs::write(theirs.join("crawl.db"), "theirs").expect("written");
            }
            let linked = parent.path().join("out.8");
            std::os::unix::fs::symlink(parent.path().join("theirs"), linked).expect("linked");
            std::fs::write(output.join(MARK), text).expect("written");
            assert_eq!(end_move(&output).expect("nothing to do"), None, "{text}");
            assert_eq!(there(&output), ["crawl.db", "pages"], "{text}");
            let theirs = std::fs::read(parent.path().join("theirs/crawl.db"));
            assert_eq!(theirs.expect("there"), b"theirs");
        }
        let (parent, output) = output(&["crawl.db"]);
        std::os::unix::fs::symlink(parent.path().join("x"), output.join(MARK)).expect("linked");
        end_move(&output).expect_err("a link is not followed");
        std::fs::remove_file(output.join(MARK)).expect("removed");
        let (fifo, mode) = (
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
        );
        rustix::fs::mknodat(rustix::fs::CWD, output.join(MARK), fifo, mode, 0).expect("made");
        end_move(&output).expect_err("a pipe is not waited for");
    }
}
