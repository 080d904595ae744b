//! Files stay in the output directory, whatever URLs look like and whatever others have put there.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::crawl;
use crate::support::{Crawl, Reply, Site, expect_sound, number};

/// A directory of somebody else's, with a file that must stay as it is.
fn theirs() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("diary"), "dear diary").expect("written");
    directory
}

/// Fails the test if anything has come into it, or has gone or changed.
#[track_caller]
fn untouched(theirs: &Path) {
    let names: Vec<String> = std::fs::read_dir(theirs)
        .expect("a directory")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(names, ["diary"]);
    assert_eq!(
        std::fs::read(theirs.join("diary")).expect("a file"),
        b"dear diary"
    );
}

fn pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "{}",
        path.display()
    );
}

/// The name of this host's folder.
fn folder(site: &Site) -> String {
    format!("pages/127.0.0.1_{}", site.port())
}

/// What stands where the program writes, at every level.
#[test]
fn nothing_that_stands_in_the_way_is_followed() {
    let site = Site::start();
    site.page("/", "<title>x</title>");
    // Which name the page's file will have.
    let first = crawl(&["--seed", &site.url("/")]);
    first.run().expect_code(0);
    let page = crate::support::rows(&first.dir().join("out"), "SELECT file FROM pages")[0].clone();
    let host = folder(&site);
    for place in [
        "crawl.lock",
        "crawl.db",
        "crawl.db-wal",
        "crawl.db-shm",
        "crawl.db-journal",
        "crawl.moving",
        "pages",
        &host,
        &page,
    ] {
        for kind in [
            "a link",
            "a link to nothing",
            "a link to a folder",
            "a pipe",
            "a folder",
            "a device",
        ] {
            let (theirs, crawl) = (theirs(), crawl(&["--seed", &site.url("/")]));
            let path = crawl.dir().join("out").join(place);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            let diary = theirs.path().join("diary");
            match kind {
                "a link" => symlink(&diary, &path).expect("linked"),
                "a link to nothing" => symlink(theirs.path().join("new"), &path).expect("linked"),
                "a link to a folder" => symlink(theirs.path(), &path).expect("linked"),
                "a pipe" => pipe(&path),
                "a folder" => std::fs::create_dir(&path).expect("made"),
                _ => symlink("/dev/full", &path).expect("linked"),
            }
            // It ends, by itself, and well or with a sentence.
            let output = crawl.run();
            untouched(theirs.path());
            let code = output.code;
            assert!(matches!(code, Some(0 | 1)), "{place}, {kind}: {output}");
            if code == Some(1) {
                assert!(
                    output.stderr.contains("crawl: "),
                    "{place}, {kind}: {output}"
                );
            }
            // With all that was there moved aside, nothing is in the way.
            if place.starts_with("crawl.db") && kind.starts_with("a link") {
                crawl
                    .run_args(["--seed", &site.url("/"), "-o", "out", "--fresh"])
                    .expect_code(0);
                untouched(theirs.path());
                let here = std::fs::symlink_metadata(crawl.dir().join("out/crawl.db"));
                assert!(here.is_ok_and(|found| found.is_file()), "{place}, {kind}");
            }
            // Nor does who only reads wait for anything.
            crawl.run_args(["status", "-o", "out"]);
            untouched(theirs.path());
        }
    }
}

/// The output itself may be a link: the user has named it.
#[test]
fn the_output_may_be_a_link() {
    let site = Site::start();
    site.page("/", "x");
    let crawl = crawl(&["--seed", &site.url("/")]);
    std::fs::create_dir(crawl.dir().join("disk")).expect("made");
    symlink("disk", crawl.dir().join("out")).expect("linked");
    crawl.run().expect_code(0);
    expect_sound(&crawl.dir().join("disk"));
    crawl.run().expect_code(0);
    assert!(
        crawl
            .run_args(["status", "-o", "out"])
            .stdout
            .contains("finished")
    );
}

/// Somebody swaps the host's folder for a link, again and again, while files are written there.
#[test]
fn a_folder_that_is_swapped_for_a_link() {
    let (site, theirs) = (Site::start(), theirs());
    site.dynamic(|path, _| {
        let number: usize = path.trim_start_matches('/').parse().unwrap_or(0);
        let links: String = (1..6)
            .map(|n| format!("<a href=/{}>x</a>", number * 5 + n))
            .collect();
        (number < 3000).then(|| Reply::html(format!("{links}{path}")))
    });
    let crawl = crawl(&["--seed", &site.url("/"), "--host-concurrency", "16"]);
    let host = crawl.dir().join("out").join(folder(&site));
    let (aside, target) = (host.with_extension("aside"), theirs.path().to_owned());
    let done = Arc::new(AtomicBool::new(false));
    let swapping = Arc::clone(&done);
    let swapper = std::thread::spawn(move || {
        let mut swaps = 0;
        while !swapping.load(Ordering::Relaxed) {
            if std::fs::rename(&host, &aside).is_ok() && symlink(&target, &host).is_ok() {
                swaps += 1;
                let _ = std::fs::remove_file(&host);
            }
            let _ = std::fs::rename(&aside, &host);
        }
        swaps
    });
    // A folder that is a link at the wrong moment ends the crawl; the same command goes on.
    let mut starts = 0;
    while starts < 200 && crawl.run().code != Some(0) {
        starts += 1;
        untouched(theirs.path());
    }
    done.store(true, Ordering::Relaxed);
    let swaps = swapper.join().expect("joined");
    assert!(swaps > 10, "{swaps}");
    untouched(theirs.path());
}

/// Strays are looked for in folders alone, not behind links that stand in their places.
#[test]
fn what_is_removed_is_ours() {
    let (site, theirs) = (Site::start(), theirs());
    site.page("/", "x");
    let crawl = crawl(&["--seed", &site.url("/")]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    symlink(theirs.path(), out.join("pages/elsewhere")).expect("linked");
    symlink(
        theirs.path().join("diary"),
        out.join(folder(&site)).join("link.html"),
    )
    .expect("linked");
    std::fs::write(out.join(folder(&site)).join("stray.html"), "x").expect("written");
    // As if it had been killed a moment ago.
    let database =
        tokio_rusqlite::rusqlite::Connection::open(out.join("crawl.db")).expect("opened");
    let killed =
        "UPDATE start SET how = NULL, ended = NULL; UPDATE run SET state = 'running', ended = NULL";
    database.execute_batch(killed).expect("changed");
    drop(database);
    crawl.run().expect_code(0);
    assert!(
        !out.join(folder(&site)).join("stray.html").exists(),
        "it was swept"
    );
    untouched(theirs.path());
}

/// Whoever shares the machine may share the output's directory, too: names that mean something elsewhere.
#[test]
fn names_on_other_systems() {
    let site = Site::start();
    let paths: Vec<String> = [
        "/con",
        "/CON",
        "/con.html",
        "/Con.x.html",
        "/nul%00",
        "/aux.",
        "/com1.txt",
        "/lpt9",
        "/prn%20",
        "/-rf",
        "/--help",
        "/a",
        "/A",
        "/%C3%A9",
        "/e%CC%81",
        "/%EF%BC%8E%EF%BC%8E%2fx",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e%5cx",
        "/.ssh",
        "/~",
        "/$(touch x)",
        "/`x`",
        "/a;b|c&d",
        "/%0a%0d%1b",
        "/:stream",
        "/a:b",
        "/*?x=*",
        "/%ff%fe",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([
        format!("/{}", "n".repeat(300)),
        format!("/{}/", "m/".repeat(1500)),
        format!("/?{}", "%2e%2e%2f".repeat(300)),
    ])
    .collect();
    let links: String = paths
        .iter()
        .map(|path| format!("<a href='{path}'>x</a>"))
        .collect();
    site.page("/", &links);
    site.dynamic(|path, _| Some(Reply::html(path)));
    let crawl = crawl(&["--seed", &site.url("/"), "--ignore-traps"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    expect_sound(&out);
    let files = number(&out, "SELECT count(*) FROM pages WHERE file IS NOT NULL");
    assert!(files > 30, "{files}");
    let mut names = walk(&out.join("pages"));
    let all = names.len();
    names
        .iter_mut()
        .for_each(|name| *name = name.to_lowercase());
    names.sort();
    names.dedup();
    assert_eq!(
        names.len(),
        all,
        "one file, one name, on systems that know no case, too"
    );
    for name in names {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let stem = name.split('.').next().unwrap_or_default();
        assert!(
            name.chars().all(plain) && !name.starts_with(['.', '-']) && name.len() < 200,
            "{name}"
        );
        assert!(
            !["con", "nul", "aux", "prn", "com1", "lpt9"].contains(&stem),
            "{name}"
        );
    }
}

fn walk(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a kind");
        assert!(!kind.is_symlink() && !kind.is_fifo());
        if kind.is_dir() {
            names.extend(walk(&entry.path()));
        } else {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names
}

/// Modes are the user's to choose, by his umask; nothing is made executable, or writable by more than that.
#[test]
fn modes_are_those_of_the_umask() {
    let site = Site::start();
    site.page("/", "x");
    for (mask, file, folder_mode) in [("022", 0o644, 0o755), ("077", 0o600, 0o700)] {
        let here = Crawl::new();
        let command = format!(
            "umask {mask}; exec '{}' --seed {} --rate unlimited -o out",
            env!("CARGO_BIN_EXE_crawl"),
            site.url("/")
        );
        let status = std::process::Command::new("sh")
            .args(["-c", &command])
            .current_dir(here.dir())
            .stderr(std::process::Stdio::null())
            .status();
        assert!(status.is_ok_and(|status| status.success()));
        let out = here.dir().join("out");
        let page = crate::support::rows(&out, "SELECT file FROM pages")[0].clone();
        let mode = |name: &str| std::fs::metadata(out.join(name)).expect(name).mode() & 0o7777;
        for name in ["crawl.db", "crawl.lock", &page] {
            assert_eq!(mode(name), file, "{name} under {mask}");
        }
        for name in ["pages", &folder(&site)] {
            assert_eq!(mode(name), folder_mode, "{name} under {mask}");
        }
    }
}
