//! Faults of the machine: what `crawl` says to each, how it exits, that nothing is lost, and that the same
//! command comes to the same end as a crawl that nothing happened to.

mod clock;
mod disk;
mod inject;
mod later;
mod limits;
mod locked;
mod names;
mod network;
mod place;
mod space;
mod streams;

use std::collections::HashSet;
use std::path::Path;

use crate::support::{Crawl, Output, Reply, Site, expect_sound, rows};

/// A site, and what an unbroken crawl makes of it.
struct Bed {
    site: Site,
    rate: &'static str,
    args: Vec<String>,
    wanted: Vec<String>,
}

impl Bed {
    /// A tree of so many pages of 2 KB, crawled as fast as may be.
    fn new(pages: usize) -> Self {
        Self::with(pages, "unlimited", &[])
    }

    /// The same, at this rate and with these settings.
    fn with(pages: usize, rate: &'static str, settings: &[&str]) -> Self {
        Self::at("127.0.0.1:0", pages, rate, settings)
    }

    /// As many hosts as loopback has addresses, each with the same tree.
    fn on_all_addresses(pages: usize) -> Self {
        Self::at("0.0.0.0:0", pages, "unlimited", &[])
    }

    fn at(address: &str, pages: usize, rate: &'static str, settings: &[&str]) -> Self {
        let site = Site::at(address);
        site.dynamic(move |path, _| page(path, pages));
        let url = site.url("/");
        let args = ["--seed", &url, "--host-concurrency", "8"];
        let args = args.iter().chain(settings);
        let args = args.map(|arg| (*arg).to_owned()).collect();
        let mut bed = Self {
            site,
            rate,
            args,
            wanted: Vec::new(),
        };
        let whole = Crawl::new()
            .args(&bed.args)
            .args(["--rate", "unlimited", "-o", "out"]);
        whole.run().expect_code(0);
        bed.wanted = state(&whole.dir().join("out"));
        assert!(bed.wanted.len() > pages, "{}", bed.wanted.len());
        bed.site.forget();
        bed
    }

    /// The command, writing to this directory.
    fn crawl(&self, out: &Path) -> Crawl {
        let crawl = Crawl::new().args(&self.args).args(["--rate", self.rate]);
        crawl.arg("-o").arg(out)
    }

    /// The same command once the fault is gone: it asks for nothing again that was committed, and comes to
    /// the end of an unbroken crawl.
    #[track_caller]
    fn goes_on(&self, crawl: &Crawl, out: &Path) {
        let before = committed(out);
        self.site.forget();
        let said = crawl.run().expect_code(0);
        let again = self.site.hits();
        let again: Vec<_> = again
            .iter()
            .filter(|hit| before.contains(&hit.path))
            .collect();
        assert!(again.is_empty(), "asked for again: {again:?}\n{said}");
        self.expect_whole(out);
    }

    /// The rows are those of an unbroken crawl, and their files are there.
    #[track_caller]
    fn expect_rows(&self, out: &Path) {
        expect_sound(out);
        let found = state(out);
        let missing: Vec<_> = self
            .wanted
            .iter()
            .filter(|row| !found.contains(row))
            .collect();
        let more: Vec<_> = found
            .iter()
            .filter(|row| !self.wanted.contains(row))
            .collect();
        assert!(
            found == self.wanted,
            "missing: {missing:#?}\nnot wanted: {more:#?}"
        );
    }

    /// What is there now is what an unbroken crawl leaves, and nothing besides.
    #[track_caller]
    fn expect_whole(&self, out: &Path) {
        self.expect_rows(out);
        let named: HashSet<String> = rows(out, "SELECT file FROM pages").into_iter().collect();
        let is_stray = |file: &std::path::PathBuf| {
            let name = file.strip_prefix(out).expect("below it");
            !named.contains(&*name.to_string_lossy())
        };
        let mut strays = files(&out.join("pages"));
        strays.retain(is_stray);
        assert!(strays.is_empty(), "no row names {strays:?}");
    }
}

/// A page of the tree.
fn page(path: &str, pages: usize) -> Option<Reply> {
    text(path, pages).map(Reply::html)
}

/// Its text, too random to be packed.
fn text(path: &str, pages: usize) -> Option<String> {
    let number: usize = match path {
        "/" => 0,
        _ => path.strip_prefix("/page/")?.parse().ok()?,
    };
    let links = (3 * number + 1..=3 * number + 3).filter(|child| *child < pages);
    let links: String = links
        .map(|child| format!("<a href=/page/{child}>{child}</a> "))
        .collect();
    let mut seed = number as u64;
    let noise: String = std::iter::repeat_with(|| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + (seed >> 59) as u8 % 26)
    })
    .take(2000)
    .collect();
    let page = format!("<!DOCTYPE html><title>Page {number}</title>{links}<p>{noise}</p>");
    (number < pages).then_some(page)
}

/// What a crawl has come to, for comparison.
fn state(out: &Path) -> Vec<String> {
    let mut state = rows(
        out,
        "SELECT url, status, error, title, depth, sha256 FROM pages ORDER BY url",
    );
    state.extend(rows(
        out,
        "SELECT from_url, position, to_url, kind, anchor FROM links ORDER BY from_url, position",
    ));
    state
}

/// The paths of which an answer is committed; none where there is no database yet.
fn committed(out: &Path) -> HashSet<String> {
    let query = Crawl::new().run_args([
        "query".as_ref(),
        "SELECT url FROM pages WHERE status = 200".as_ref(),
        "--format".as_ref(),
        "csv".as_ref(),
        "-o".as_ref(),
        out.as_os_str(),
    ]);
    let path = |url: &str| Some(format!("/{}", url.splitn(4, '/').nth(3)?));
    query.stdout.lines().filter_map(path).collect()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let all = entries.flatten().map(|entry| entry.path());
    all.flat_map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    })
    .collect()
}

/// What was said is one line, and this is in it.
#[track_caller]
fn expect_sentence(said: &Output, parts: &[&str]) {
    let lines: Vec<_> = said
        .stderr
        .lines()
        .filter(|line| line.starts_with("crawl: "))
        .collect();
    assert_eq!(lines.len(), 1, "{said}");
    for part in parts {
        assert!(lines[0].contains(part), "no {part:?} in it: {said}");
    }
    assert!(!said.stderr.contains("panicked"), "{said}");
}

/// The first lines of `crawl status`.
fn status(out: &Path) -> String {
    let said = Crawl::new().run_args(["status".as_ref(), "-o".as_ref(), out.as_os_str()]);
    format!("{}{}", said.stdout, said.stderr)
}

impl Crawl {
    /// Handed to another program, the words of which begin with its name.
    fn by(self, words: &[&str]) -> Self {
        self.under(words[0], &words[1..])
    }
}
