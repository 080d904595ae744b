//! `crawl report`: where the report goes, and what its checks mean for the exit code.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use crawl::answers::export::place::refuse_own;
use crawl::answers::report::{self, Options, Report};
use crawl::answers::{Reader, plain_json};

use super::args::{ReportArgs, ReportFormat};
use super::settings::output;
use super::{CHECKED, FINISHED, USAGE, is_broken_pipe, write_out};

/// The page's name in an output directory.
const PAGE: &str = "report.html";

/// The checks there are, for `--help`.
pub(super) fn checks() -> String {
    let mut text = "Checks of --fail-on, each with what it counts:\n".to_owned();
    for (name, what) in report::checks::all() {
        let _ = writeln!(text, "  {name:<24}{what}");
    }
    text += "\nExamples:\n  crawl report --to site.html\n  crawl report --format md --fail-on broken-links,redirect-loops,duplicates=10";
    text
}

pub(super) fn report(args: &ReportArgs) -> Result<u8> {
    let thresholds = args.fail_on.iter().map(|text| report::threshold(text));
    let thresholds = thresholds.collect::<crawl::Result<Vec<_>>>()?;
    let output = output(args.at.output.as_ref())?;
    let reader = Reader::open(&output)?;
    let at = at(args.at.output.as_deref());
    let mut options = Options::default();
    options.rows = args.rows.map_or(options.rows, usize::from);
    options.at = &at;
    let Some(found) = report::read(&reader, options)? else {
        say!("crawl: nothing was crawled yet");
        return Ok(if thresholds.is_empty() {
            FINISHED
        } else {
            USAGE
        });
    };
    drop(reader);
    let text = text(&found, args)?;
    let to = place(args, &output);
    if to.as_os_str() == "-" {
        let written = write_out(text.as_bytes()).map_err(anyhow::Error::from);
        // That nobody reads it to its end does not change what was found.
        written.or_else(|error| is_broken_pipe(&error).then_some(()).ok_or(error))?;
    } else {
        let by_hand = args.to.is_some();
        write_to(&to, text.as_bytes(), by_hand).with_context(|| {
            format!(
                "cannot write {} (--to FILE names another place)",
                to.display()
            )
        })?;
        say!(
            "report: {}",
            crawl::answers::printable(&to.to_string_lossy())
        );
    }
    let verdict = report::judge(&found, &thresholds, &at);
    for line in verdict.failed.iter().chain(&verdict.unknown) {
        say!("crawl: {}", crawl::answers::printable(line));
    }
    Ok(
        match (verdict.failed.is_empty(), verdict.unknown.is_empty()) {
            (false, _) => CHECKED,
            (true, false) => USAGE,
            (true, true) => FINISHED,
        },
    )
}

/// What a command must be given to ask this output.
fn at(output: Option<&Path>) -> String {
    let Some(output) = output else {
        return String::new();
    };
    let text = output.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    if text.chars().all(plain) {
        format!(" -o {text}")
    } else {
        format!(" -o '{}'", text.replace('\'', "'\\''"))
    }
}

fn text(report: &Report, args: &ReportArgs) -> Result<String> {
    Ok(match args.format {
        ReportFormat::Html => report::html(report),
        ReportFormat::Md => {
            let rows = args.rows.map_or(report::MARKDOWN_ROWS, usize::from);
            report::markdown(report, rows)
        }
        ReportFormat::Json => plain_json(&serde_json::to_string_pretty(report)?) + "\n",
    })
}

/// Where it goes if nobody says: the page beside the database, all else to whoever reads.
fn place(args: &ReportArgs, output: &Path) -> PathBuf {
    match (&args.to, args.format) {
        (Some(to), _) => to.clone(),
        (None, ReportFormat::Html) if output.is_dir() => output.join(PAGE),
        (None, ReportFormat::Html) => output.with_file_name(PAGE),
        (None, _) => "-".into(),
    }
}

/// Writes a file whole or not at all: aside first, then in place of what was there. What is no file (a pipe, a device)
/// is written to. A link that the user names is followed; one in an output, which others may have made, is replaced.
fn write_to(path: &Path, bytes: &[u8], by_hand: bool) -> io::Result<()> {
    let path = if by_hand {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    } else {
        path.to_owned()
    };
    refuse_own(&path)?;
    match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_dir() => return Err(io::Error::other("it is a directory")),
        Ok(found) if by_hand && !found.is_file() => {
            return OpenOptions::new().write(true).open(&path)?.write_all(bytes);
        }
        _ => {}
    }
    let (aside, mut file) = aside(&path)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&aside, &path));
    if written.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    written
}

/// A new file beside that one.
fn aside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path
        .file_name()
        .ok_or(io::ErrorKind::InvalidInput)?
        .to_string_lossy();
    let mut tries = 0;
    loop {
        let aside = path.with_file_name(format!(".{name}.{:08x}", fastrand::u32(..)));
        match OpenOptions::new().write(true).create_new(true).open(&aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < 10 => tries += 1,
            opened => return opened.map(|file| (aside, file)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_for_this_output() {
        for (output, wanted) in [
            (None, ""),
            (Some("out/a-b"), " -o out/a-b"),
            (Some("my out"), " -o 'my out'"),
            (Some("it's"), " -o 'it'\\''s'"),
        ] {
            assert_eq!(at(output.map(Path::new)), wanted);
        }
    }

    #[test]
    fn written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("r.html");
        let names = || {
            let entries = std::fs::read_dir(folder.path()).expect("a directory");
            let mut names: Vec<_> = entries
                .map(|entry| entry.expect("an entry").file_name())
                .collect();
            names.sort();
            names
        };
        for text in ["one", "two"] {
            write_to(&path, text.as_bytes(), false).expect("written");
            assert_eq!(std::fs::read_to_string(&path).expect("there"), text);
        }
        assert_eq!(names(), ["r.html"]);
        // A link in an output is replaced, one that the user names is followed.
        let link = folder.path().join("s.html");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        write_to(&link, b"three", true).expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "three");
        write_to(&link, b"four", false).expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "three");
        assert!(!link.is_symlink());
        let pipe = folder.path().join("t.html");
        let (fifo, mode) = (
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
        );
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, fifo, mode, 0).expect("made");
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read_to_string(pipe).expect("read")
        });
        write_to(&pipe, b"five", true).expect("written");
        assert_eq!(reader.join().expect("a reader"), "five");
        write_to(folder.path(), b"six", true).expect_err("a directory");
        write_to(&folder.path().join("no/r.html"), b"six", true).expect_err("no directory");
        assert_eq!(names(), ["r.html", "s.html", "t.html"]);
    }
}
