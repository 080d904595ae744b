//! `crawl refresh`, `--max-age`, `--only-changed`: what is asked for, what is not, and that everything that is not
//! stays as it was found last, however a refresh ends.

mod choice;
mod cut_off;
mod maps;
mod random;
mod whole_way;
mod young;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Crawl, Reply, Site, edit, rows};

const DAY: &str = "86400000000";
const LAST: &str = "(SELECT max(run) FROM runs)";

/// A site of a hundred pages behind an index: the content of page `n` is its version by now, which the tests raise.
struct Plan {
    site: Site,
    versions: Arc<Vec<AtomicUsize>>,
    crawl: Crawl,
}

impl Plan {
    fn new(pages: usize) -> Self {
        let site = Site::start();
        let versions: Arc<Vec<AtomicUsize>> =
            Arc::new((0..pages).map(|_| AtomicUsize::new(1)).collect());
        serve(&site, &versions);
        let crawl =
            Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
        Self {
            site,
            versions,
            crawl,
        }
    }

    fn out(&self) -> PathBuf {
        self.crawl.dir().join("out")
    }

    fn change(&self, number: usize) {
        self.versions[number].fetch_add(1, Ordering::Relaxed);
    }

    fn remove(&self, number: usize) {
        self.versions[number].store(0, Ordering::Relaxed);
    }

    /// What happened until now was a day earlier.
    fn day_passes(&self) {
        edit(
            &self.out(),
            &format!(
                "UPDATE fetch SET started = started - {DAY}; UPDATE run SET begun = begun - {DAY}"
            ),
        );
    }

    fn refresh(&self, budget: usize) -> Crawl {
        refresh(&self.crawl, budget)
    }

    /// The paths that were asked for, sorted.
    fn asked(&self) -> Vec<String> {
        let hits = self.site.hits().into_iter().map(|hit| hit.path);
        let mut paths: Vec<String> = hits.filter(|path| path != "/robots.txt").collect();
        paths.sort_unstable();
        paths
    }

    /// Five crawls a day apart, in which the first `often` pages change each day.
    fn live(&self, often: usize) {
        for _ in 0..5 {
            for number in 0..often {
                self.change(number);
            }
            self.crawl.run().expect_code(0);
            self.day_passes();
        }
    }
}

/// An index of the pages, and these.
fn serve(site: &Site, versions: &Arc<Vec<AtomicUsize>>) {
    let index: String = (0..versions.len())
        .map(|n| format!("<a href='/{n}'>{n}</a>"))
        .collect();
    site.reply("/", tagged("index", &index));
    let now = Arc::clone(versions);
    site.dynamic(move |path, _| {
        let number: usize = path.strip_prefix('/')?.parse().ok()?;
        let version = now.get(number)?.load(Ordering::Relaxed);
        // Version 0: it is gone.
        (version > 0).then(|| {
            let up = number / 2;
            tagged(
                &format!("{number}-{version}"),
                &format!("<title>{number} {version}</title><a href='/{up}'>up</a>"),
            )
        })
    });
}

fn tagged(tag: &str, html: &str) -> Reply {
    Reply::html(html).header("ETag", &format!("\"{tag}\""))
}

/// The same output, in another command.
fn refresh(crawl: &Crawl, budget: usize) -> Crawl {
    crawl
        .bare()
        .args(["refresh", "--budget", &budget.to_string(), "-o", "out"])
}

/// What is shown of each URL, but for when it was asked for.
fn shown(out: &Path) -> Vec<String> {
    rows(
        out,
        "SELECT url, status, error, title, depth, bytes, file, current, found_on, found_by, rule FROM resources ORDER BY url",
    )
}

/// The same, without what was answered last.
fn known(out: &Path) -> Vec<String> {
    rows(
        out,
        "SELECT url, error, title, depth, bytes, file, current, found_on, found_by, rule FROM resources ORDER BY url",
    )
}

fn links(out: &Path) -> Vec<String> {
    rows(
        out,
        "SELECT from_url, position, to_url, kind, decision, to_status IS NOT NULL FROM links ORDER BY from_url, position",
    )
}

fn child_ended(child: &crate::support::Child) -> bool {
    child.stderr().contains("output    ")
}
