//! Worlds at random.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::maps::xml;
use super::{DAY, LAST, child_ended, refresh, tagged};
use crate::support::{Crawl, Reply, Site, edit, expect_sound, number, rows};

const URLS: usize = 40;

/// A site that changes at random, and crawls, refreshes (killed or not), young answers and prunings in any order: the
/// output is sound after each, no budget is passed, and in the end a crawl has what one from nothing has.
#[test]
fn whatever_happens() {
    let worlds = std::env::var("REFRESH_WORLDS")
        .ok()
        .and_then(|worlds| worlds.parse().ok());
    for seed in 0..worlds.unwrap_or(4_u64) {
        happens(seed);
    }
}

/// The pages of a site that changes: of each its version (0: gone, and above 9 a redirect), and where it leads.
fn page(seed: u64, number: usize, version: u64) -> Option<Reply> {
    let mut rng = fastrand::Rng::with_seed(seed ^ (number as u64) << 32 ^ version);
    if version > 9 {
        return Some(Reply::new(302).header("Location", &format!("/{}", rng.usize(..URLS))));
    }
    let links: String = (0..4)
        .map(|_| format!("<a href='/{}'>x</a>", rng.usize(..URLS)))
        .collect();
    (version > 0).then(|| {
        tagged(
            &format!("{number}-{version}"),
            &format!("<title>{number} {version}</title>{links}"),
        )
    })
}

/// The sitemaps of that site: an index of those that there are now, and in each a third of the pages that there are.
fn sitemap(base: &str, versions: &[AtomicUsize], number: usize) -> Option<Reply> {
    let now = |n: usize| versions[n].load(Ordering::Relaxed);
    let text = if number == 0 {
        let maps = (1..4).filter(|n| now(*n) != 2);
        let maps: String = maps
            .map(|n| format!("<sitemap><loc>{base}/map/{n}</loc></sitemap>"))
            .collect();
        format!("<sitemapindex>{maps}</sitemapindex>")
    } else {
        let pages = (0..URLS).filter(|n| n % 3 == number % 3 && now(*n) > 0);
        let pages: String = pages
            .map(|n| {
                format!(
                    "<url><loc>{base}/{n}</loc><lastmod>202{}</lastmod></url>",
                    now(n) % 7
                )
            })
            .collect();
        format!("<urlset>{pages}</urlset>")
    };
    match now(number) {
        3 => Some(Reply::new(403)),
        4 if number > 0 => None,
        _ => Some(xml(&text)),
    }
}

fn happens(seed: u64) {
    let site = Site::start();
    let now: Arc<Vec<AtomicUsize>> = Arc::new((0..URLS).map(|_| AtomicUsize::new(1)).collect());
    let versions = Arc::clone(&now);
    let base = site.url("");
    // Half of them have sitemaps.
    if seed % 2 == 1 {
        site.robots(&format!("Sitemap: {base}/map/0\n"));
    }
    site.dynamic(move |path, _| {
        if let Some(number) = path.strip_prefix("/map/") {
            return sitemap(&base, &versions, number.parse().ok()?);
        }
        let number = if path == "/" {
            0
        } else {
            path.strip_prefix('/')?.parse().ok()?
        };
        page(
            seed,
            number,
            versions.get(number)?.load(Ordering::Relaxed) as u64,
        )
    });
    let crawl = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    let out = crawl.dir().join("out");
    let mut rng = fastrand::Rng::with_seed(seed);
    crawl.run().expect_code(0);
    let mut done = Vec::new();
    for _ in 0..14 {
        for _ in 0..rng.usize(..8) {
            let version = [0, 1, 2, 3, 4, 10][rng.usize(..6)];
            now[rng.usize(1..URLS)].store(version, Ordering::Relaxed);
        }
        let runs = number(&out, "SELECT max(id) FROM run");
        let what = rng.usize(..7);
        done.push(what);
        match what {
            0 => drop(crawl.run().expect_code(0)),
            1 => drop(
                crawl
                    .again()
                    .args(["--max-age", "12h"])
                    .run()
                    .expect_code(0),
            ),
            2 => edit(
                &out,
                &format!(
                    "UPDATE fetch SET started = started - {DAY}; UPDATE run SET begun = begun - {DAY}"
                ),
            ),
            3 => drop(
                crawl
                    .run_args([
                        "prune",
                        "--keep-runs",
                        &rng.usize(1..4).to_string(),
                        "-o",
                        "out",
                    ])
                    .expect_code(0),
            ),
            _ => {
                let budget = rng.usize(1..60);
                let refresh = refresh(&crawl, budget);
                if what == 4 {
                    site.forget();
                    let mut child = refresh.spawn();
                    let some = rng.usize(..budget);
                    child.wait_until("some requests", |child| {
                        site.hits().len() >= some || child_ended(child)
                    });
                    child.kill9();
                    crawl
                        .run_args(["check", "--repair", "-o", "out"])
                        .expect_code(0);
                } else {
                    // One that was killed may have spent more than the budget is by now.
                    let begun = "SELECT count(*) FROM fetch f JOIN start s ON s.id = f.start JOIN run r ON r.id = s.run
                        WHERE r.id = (SELECT max(id) FROM run) AND r.state <> 'finished' AND f.kind = 0";
                    let begun = number(&out, begun);
                    refresh.run().expect_code(0);
                    let spent = number(
                        &out,
                        &format!(
                            "SELECT count(*) FROM requests WHERE run = {LAST} AND kind = 'page'"
                        ),
                    );
                    let most = begun.max(budget as i64);
                    assert!(spent <= most, "{seed}: {spent} of {budget}, {begun} before");
                }
            }
        }
        expect_sound(&out);
        assert!(
            number(&out, "SELECT max(id) FROM run") <= runs + 1,
            "{done:?}"
        );
        let without = "SELECT count(*) FROM visit v WHERE run = (SELECT max(id) FROM run) AND decision = 0 AND last_fetch IS NULL
            AND NOT EXISTS (SELECT 1 FROM frontier q WHERE q.url = v.url)";
        assert_eq!(number(&out, without), 0);
    }
    crawl.run().expect_code(0);
    expect_sound(&out);
    let fresh = Crawl::new().args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"]);
    fresh.run().expect_code(0);
    let pages = "SELECT url, iif(status = 304, 200, status), iif(current, title, ''), error, redirect_to FROM pages WHERE found_by <> 'earlier run' ORDER BY url";
    assert_eq!(
        rows(&out, pages),
        rows(&fresh.dir().join("out"), pages),
        "{seed}: {done:?}"
    );
    let links = "SELECT from_url, position, to_url FROM links ORDER BY 1, 2";
    let known: BTreeSet<String> = rows(&out, links).into_iter().collect();
    assert!(
        rows(&fresh.dir().join("out"), links)
            .iter()
            .all(|link| known.contains(link)),
        "{seed}: {done:?}"
    );
}
