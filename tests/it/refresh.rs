//! `crawl refresh`, `--max-age`, `--only-changed`: what is asked for, what is not, and that everything that is not
//! stays as it was found last, however a refresh ends.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Crawl, Reply, Site, edit, expect_sound, number, rows};

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

/// Ten pages of a hundred change every day: a refresh of 20 requests asks for nine tenths of them where it knows, and
/// of two for they have waited the longest.
#[test]
fn the_likeliest_are_asked_for_and_all_else_stays() {
    let plan = Plan::new(100);
    plan.live(10);
    let out = plan.out();
    let (before, linked) = (known(&out), links(&out));
    for number in 0..10 {
        plan.change(number);
    }
    plan.site.forget();
    let planned = plan.refresh(20).arg("--dry-run").run().expect_code(0);
    let likely: Vec<f64> = planned
        .stdout
        .lines()
        .filter_map(|line| line.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(
        (
            likely.len(),
            likely.iter().filter(|chance| **chance > 0.8).count()
        ),
        (20, 10),
        "{planned}"
    );
    assert!(
        planned.stderr.contains("20 of 101 URLs would be asked for"),
        "{planned}"
    );
    assert_eq!((plan.asked(), known(&out)), (vec![], before.clone()));
    let planned: BTreeSet<String> = planned
        .stdout
        .lines()
        .filter_map(|line| Some(line.split_once(&plan.site.url(""))?.1.to_owned()))
        .collect();
    let said = plan.refresh(20).run().expect_code(0).stderr;
    let asked = plan.asked();
    assert_eq!(asked.iter().cloned().collect::<BTreeSet<_>>(), planned);
    assert_eq!(asked.len(), 20, "{asked:?}");
    for number in 0..10 {
        assert!(asked.contains(&format!("/{number}")), "{number}: {asked:?}");
    }
    assert!(
        said.contains("re-crawl  10 unchanged, 10 changed, 0 new, 0 gone"),
        "{said}"
    );
    assert!(
        said.contains("refresh   20 of 20 requests spent, 101 URLs to choose from; each is asked for within 51 such refreshes"),
        "{said}"
    );
    // Ten have another content now; all else is as it was.
    let after = known(&out);
    let differ = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after);
    assert_eq!((before.len(), after.len(), differ.count()), (101, 101, 10));
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE title LIKE '% 7'"),
        10
    );
    assert_eq!(links(&out), linked);
    assert_eq!(
        number(
            &out,
            &format!(
                "SELECT count(*) FROM requests WHERE run = {LAST} AND kind = 'page' AND conditional"
            )
        ),
        20
    );
    assert_eq!(
        number(
            &out,
            &format!("SELECT count(*) FROM visit WHERE run = {LAST} AND carried = 0")
        ),
        20
    );
    assert_eq!(
        number(
            &out,
            &format!("SELECT count(*) FROM visit WHERE run = {LAST} AND carried = 1")
        ),
        81
    );
    assert_eq!(
        rows(
            &out,
            "SELECT kind, budget, state FROM runs ORDER BY run DESC LIMIT 1"
        ),
        ["refresh 20 finished"]
    );
    expect_sound(&out);
    let quiet = asked.iter().all(|path| path != "/90");
    let quiet = if quiet { "/90" } else { "/91" };
    let said = plan
        .crawl
        .run_args(["why", &plan.site.url(quiet), "-o", "out"])
        .expect_code(0)
        .stdout;
    assert!(said.contains("in run 5; not asked for since"), "{said}");
    for command in [
        &["audit"][..],
        &["status"],
        &["query", "pages"],
        &["cat", &plan.site.url("/90")],
        &["rank"],
    ] {
        plan.crawl
            .run_args(command.iter().copied().chain(["-o", "out"]))
            .expect_code(0);
    }
    // A crawl that follows asks for everything, on condition.
    plan.site.forget();
    plan.change(50);
    let said = plan.crawl.run().expect_code(0).stderr;
    assert!(
        said.contains("re-crawl  100 unchanged, 1 changed, 0 new, 0 gone"),
        "{said}"
    );
    assert_eq!(plan.asked().len(), 101);
    expect_sound(&out);
}

/// What a changed page leads to is asked for as far as the budget goes, and first of all by the next refresh.
#[test]
fn new_urls_within_the_budget_and_after_it() {
    let plan = Plan::new(3);
    plan.crawl.run().expect_code(0);
    plan.day_passes();
    let index: String = (0..40)
        .map(|n| format!("<a href='/new/{n}'>{n}</a>"))
        .collect();
    plan.site
        .reply("/", tagged("index2", &(index + "<a href='/0'>0</a>")));
    for n in 0..40 {
        plan.site.reply(
            &format!("/new/{n}"),
            tagged(&format!("n{n}"), &format!("<a href='/newer/{n}'>more</a>")),
        );
        plan.site.reply(&format!("/newer/{n}"), tagged("m", "x"));
    }
    let out = plan.out();
    plan.site.forget();
    let said = plan.refresh(24).run().expect_code(0).stderr;
    // Four were there; twenty new ones fit.
    assert_eq!(plan.asked().len(), 24);
    assert!(said.contains("20 new, 0 gone"), "{said}");
    let left = 20 + 20;
    assert!(
        said.contains(&format!("new       {left} URLs found and not asked for")),
        "{said}"
    );
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 24);
    assert_eq!(
        rows(
            &out,
            "SELECT decision, rule, count(*) FROM urls WHERE decision <> 'admitted' GROUP BY 1, 2"
        ),
        [format!("cut the budget of a refresh {left}")]
    );
    expect_sound(&out);
    // One is for whoever has waited the longest.
    plan.site.forget();
    plan.refresh(10).run().expect_code(0);
    let new = plan
        .asked()
        .iter()
        .filter(|path| path.starts_with("/new"))
        .count();
    assert_eq!((plan.asked().len(), new), (10, 9));
    expect_sound(&out);
    plan.refresh(1000).run().expect_code(0);
    assert_eq!(
        number(
            &out,
            "SELECT count(*) FROM pages WHERE status IN (200, 304)"
        ),
        84
    );
    assert_eq!(
        number(
            &out,
            "SELECT count(*) FROM urls WHERE decision <> 'admitted'"
        ),
        0
    );
    expect_sound(&out);
    let whole = plan.crawl.run().expect_code(0).stderr;
    assert!(
        whole.contains("84 unchanged, 0 changed, 0 new, 0 gone"),
        "{whole}"
    );
}

/// Tries that fail count, and nothing is spent beyond the budget.
#[test]
fn every_try_counts() {
    let plan = Plan::new(30);
    plan.crawl.run().expect_code(0);
    plan.day_passes();
    plan.site
        .guard(|hit| (hit.path != "/").then(|| Reply::new(503)));
    let before = shown(&plan.out());
    plan.site.forget();
    let refresh =
        plan.refresh(10)
            .args(["--retries", "2", "--retry-wait", "1ms", "--adaptive=false"]);
    refresh.run().expect_code(0);
    assert_eq!(plan.asked().len(), 10);
    let out = plan.out();
    expect_sound(&out);
    // A URL that has failed for good says so, and shows what it was.
    let shown = "SELECT count(*) FROM pages WHERE title IS NOT NULL";
    assert_eq!(number(&out, shown), 30);
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages"),
        before.len() as i64
    );
}

/// The site is away: nothing that was known is lost, and the same command goes on when it is back.
#[test]
fn a_site_that_is_away_loses_nothing() {
    let mut plan = Plan::new(40);
    plan.crawl.run().expect_code(0);
    plan.day_passes();
    let out = plan.out();
    let known = || {
        rows(
            &out,
            "SELECT url, title, depth, bytes, file, found_on FROM pages ORDER BY url",
        )
    };
    let (before, linked) = (known(), number(&out, "SELECT count(*) FROM links"));
    let address = format!("127.0.0.1:{}", plan.site.port());
    drop(std::mem::replace(&mut plan.site, Site::start()));
    let refresh = plan.refresh(30).args([
        "--retries",
        "0",
        "--max-failures",
        "5",
        "--concurrency",
        "1",
    ]);
    let said = refresh.run().expect_code(4).stderr;
    assert!(said.contains("25 URLs deferred"), "{said}");
    assert_eq!(known(), before);
    assert_eq!(
        rows(
            &out,
            "SELECT error, current, count(*) FROM pages WHERE error IS NOT NULL GROUP BY 1, 2"
        ),
        ["connect 0 5"]
    );
    expect_sound(&out);
    plan.site = Site::at(&address);
    serve(&plan.site, &plan.versions);
    refresh.run().expect_code(0);
    assert_eq!(plan.asked().len(), 25);
    assert_eq!(known(), before);
    expect_sound(&out);
    // The five that have failed have waited no longer than others, and are asked for like them.
    plan.site.forget();
    plan.refresh(100).run().expect_code(0);
    assert_eq!(plan.asked().len(), 41);
    assert_eq!(number(&out, "SELECT count(*) FROM pages WHERE current"), 41);
    assert_eq!(number(&out, "SELECT count(*) FROM links"), linked);
    expect_sound(&out);
}

/// Killed, over and over: everything is shown all the while, and the same command comes to the end of its budget.
#[test]
fn killed_at_any_moment() {
    let plan = Plan::new(120);
    plan.live(20);
    let out = plan.out();
    let mut killed = 0;
    for round in 0..4 {
        for number in 0..20 {
            plan.change(number);
        }
        plan.site.forget();
        let refresh = plan.refresh(60);
        for kill in 1..=3 {
            let mut child = refresh.spawn();
            child.wait_until("some requests", |child| {
                plan.asked().len() >= kill * (7 + 3 * round) || child_ended(child)
            });
            killed += u32::from(child.kill9().code.is_none());
            assert_eq!(
                number(&out, "SELECT count(*) FROM pages WHERE title IS NOT NULL"),
                120
            );
            assert_eq!(number(&out, "SELECT count(*) FROM links"), 240);
            plan.crawl
                .run_args(["check", "--repair", "-o", "out"])
                .expect_code(0);
            expect_sound(&out);
            if number(&out, "SELECT count(*) FROM run WHERE state = 'finished'")
                == number(&out, "SELECT count(*) FROM run")
            {
                break;
            }
        }
        refresh.run();
        expect_sound(&out);
        let spent = number(
            &out,
            &format!("SELECT count(*) FROM requests WHERE run = {LAST} AND kind = 'page'"),
        );
        assert!(spent <= 60, "{spent}");
        assert_eq!(
            number(&out, "SELECT count(*) FROM pages WHERE title IS NOT NULL"),
            120
        );
        plan.day_passes();
    }
    println!("{killed} killed in the midst");
    // It follows what a whole crawl would have.
    plan.crawl.run().expect_code(0);
    let wanted: Vec<String> = (0..120)
        .map(|n| format!("{n} {}", plan.versions[n].load(Ordering::Relaxed)))
        .collect();
    let wanted: BTreeSet<String> = wanted.into_iter().collect();
    let titles: BTreeSet<String> = rows(&out, "SELECT title FROM pages WHERE title IS NOT NULL")
        .into_iter()
        .collect();
    assert_eq!(titles, wanted);
    expect_sound(&out);
}

fn child_ended(child: &crate::support::Child) -> bool {
    child.stderr().contains("output    ")
}

/// A refresh that was stopped is followed by itself, or by a crawl, which need not wait for it.
#[test]
fn stopped_by_a_signal_and_followed_by_a_crawl() {
    let plan = Plan::new(60);
    plan.crawl.run().expect_code(0);
    plan.day_passes();
    let out = plan.out();
    let slow = |crawl: Crawl| crawl.args(["--rate", "20/s"]);
    for crawl_follows in [false, true] {
        plan.site.forget();
        let refresh = slow(plan.refresh(50));
        let mut child = refresh.spawn();
        child.wait_until("some requests", |_| plan.asked().len() > 5);
        child.signal("INT");
        child.wait().expect_code(130);
        let said = refresh.again().arg("--dry-run").run().expect_code(2).stderr;
        assert!(said.contains("a refresh is not finished"), "{said}");
        let run = number(&out, "SELECT max(id) FROM run");
        assert_eq!(number(&out, "SELECT count(*) FROM pages"), 61);
        assert!(number(&out, "SELECT count(*) FROM visit WHERE carried = 2") > 30);
        expect_sound(&out);
        if crawl_follows {
            plan.site.forget();
            plan.crawl.run().expect_code(0);
            assert_eq!(plan.asked().len(), 61);
            assert_eq!(number(&out, "SELECT max(id) FROM run"), run + 1);
            assert_eq!(
                rows(
                    &out,
                    &format!("SELECT state, budget FROM run WHERE id = {run}")
                ),
                ["finished 50"]
            );
        } else {
            plan.refresh(50)
                .args(["--rate", "unlimited"])
                .run()
                .expect_code(0);
            assert_eq!(plan.asked().len(), 50);
            assert_eq!(number(&out, "SELECT max(id) FROM run"), run);
        }
        expect_sound(&out);
    }
}

/// What was to be asked for, and waits no more, keeps what it has.
#[test]
fn a_queue_that_is_lost_is_no_loss() {
    let plan = Plan::new(60);
    plan.crawl.run().expect_code(0);
    plan.day_passes();
    let out = plan.out();
    let before = known(&out);
    let refresh = plan.refresh(50).args(["--rate", "20/s"]);
    plan.site.forget();
    let mut child = refresh.spawn();
    child.wait_until("some requests", |_| plan.asked().len() > 5);
    child.signal("INT");
    child.wait().expect_code(130);
    edit(&out, "DELETE FROM frontier");
    let check = |more: &[&str]| {
        let args = ["check", "-o", "out"].iter().chain(more);
        plan.crawl.run_args(args)
    };
    let said = check(&[]).expect_code(1).stdout;
    assert!(
        said.contains("was to be asked for again, and does not wait"),
        "{said}"
    );
    check(&["--repair"]).expect_code(0);
    assert_eq!(known(&out), before);
    expect_sound(&out);
    refresh.run().expect_code(0);
    assert_eq!(known(&out), before);
    expect_sound(&out);
}

/// What is out of the scope now is not asked for; what has changed otherwise is.
#[test]
fn settings_that_have_changed_decide() {
    let plan = Plan::new(20);
    plan.crawl.run().expect_code(0);
    plan.day_passes();
    let out = plan.out();
    plan.site.forget();
    let refresh = plan.refresh(100).args(["--exclude", "/1[0-9]$"]);
    refresh.run().expect_code(0);
    assert_eq!(plan.asked().len(), 11, "{:?}", plan.asked());
    // Their last state is still shown, with what was decided since.
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 21);
    assert_eq!(
        number(
            &out,
            "SELECT count(*) FROM urls WHERE decision = 'excluded' OR decision = 'cut'"
        ),
        10
    );
    expect_sound(&out);
    // Back again: what was excluded is asked for, and nothing is asked for twice.
    plan.site.forget();
    plan.refresh(100)
        .args(["--exclude", "nothing"])
        .run()
        .expect_code(0);
    assert_eq!(plan.asked().len(), 21);
    expect_sound(&out);
}

#[test]
fn what_is_no_refresh_is_refused() {
    let plan = Plan::new(30);
    let said = |crawl: &Crawl, code, what: &str| {
        let said = crawl.run().expect_code(code).stderr;
        assert!(said.contains(what), "{said}");
    };
    said(&plan.refresh(5), 2, "no crawl here");
    assert!(!plan.out().exists());
    plan.crawl.run_limited(10);
    said(&plan.refresh(5), 2, "holds a crawl that is not finished");
    plan.crawl.run().expect_code(0);
    let bare = plan.crawl.bare();
    said(
        &bare.again().args(["refresh", "-o", "out"]),
        2,
        "--budget 500",
    );
    said(
        &bare.again().args(["refresh", "--budget", "0", "-o", "out"]),
        2,
        "budget",
    );
    said(&plan.refresh(5).args(["--fresh"]), 2, "fresh");
    said(
        &plan.refresh(5).args(["--seed", "http://127.0.0.1:1/"]),
        2,
        "holds a crawl of",
    );
    expect_sound(&plan.out());
    assert_eq!(number(&plan.out(), "SELECT max(id) FROM run"), 1);
    // The budget may stand in the file.
    let seed = plan.site.url("/");
    let toml = format!(
        "[seeds]\nseed = [\"{seed}\"]\n[recrawl]\nbudget = 3\n[output]\noutput = \"out\"\n[politeness]\nrate = \"unlimited\"\n"
    );
    plan.crawl.file("r.toml", &toml);
    plan.site.forget();
    bare.args(["refresh", "--config", "r.toml"])
        .run()
        .expect_code(0);
    assert_eq!(plan.asked().len(), 3);
}

/// What answered well a short while ago is not asked for; its links lead on all the same.
#[test]
fn young_answers_count_as_they_are() {
    let plan = Plan::new(30);
    plan.site.reply("/29", Reply::new(500));
    plan.site
        .reply("/28", Reply::new(301).header("Location", "/27"));
    let quick = |crawl: &Crawl| crawl.again().args(["--retries", "0", "--max-age", "12h"]);
    quick(&plan.crawl).run().expect_code(0);
    let out = plan.out();
    let (before, linked) = (shown(&out), links(&out));
    plan.site.forget();
    // All are young; the one that failed is asked for again.
    let said = quick(&plan.crawl).run().expect_code(0).stderr;
    assert_eq!(plan.asked(), ["/29"]);
    assert_eq!((shown(&out), links(&out)), (before, linked));
    assert!(
        said.contains("re-crawl  0 unchanged, 0 changed, 0 new, 0 gone"),
        "{said}"
    );
    expect_sound(&out);
    // Half a day later the index is old, and leads to a page that is new.
    edit(
        &out,
        "UPDATE fetch SET started = started - 50000000000 WHERE url IN (SELECT id FROM url WHERE text LIKE '%/' OR text LIKE '%/3')",
    );
    plan.site
        .reply("/", tagged("2", "<a href='/3'>3</a><a href='/new'>new</a>"));
    plan.site.page("/new", "<a href='/4'>4</a>");
    plan.site.forget();
    let said = quick(&plan.crawl).run().expect_code(0).stderr;
    // 29 is not linked any more, and what has failed is no evidence; the others are young.
    assert_eq!(plan.asked(), ["/", "/3", "/new"], "{said}");
    assert_eq!(
        number(
            &out,
            "SELECT count(*) FROM pages WHERE status IN (200, 301, 304)"
        ),
        31
    );
    expect_sound(&out);
    // Without it everything is asked for, what nothing leads to any more among it.
    plan.site.forget();
    plan.crawl.run().expect_code(0);
    assert_eq!(plan.asked().len(), 31);
    expect_sound(&out);
}

/// A line for each URL that is new, changed or gone, and nothing where nothing is.
#[test]
fn only_what_has_changed_is_told() {
    let plan = Plan::new(20);
    let told = |crawl: &Crawl| -> Vec<String> {
        let said = crawl
            .again()
            .args(["--only-changed", "-q"])
            .run()
            .expect_code(0);
        let mut lines: Vec<String> = said
            .stdout
            .lines()
            .map(|line| line.replace(&plan.site.url(""), ""))
            .collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(told(&plan.crawl).len(), 21);
    assert_eq!(told(&plan.crawl), [""; 0]);
    plan.change(3);
    plan.remove(4);
    plan.site
        .reply("/5", Reply::new(302).header("Location", "/6"));
    plan.site.reply("/7", tagged("7", "<a href='/new'>new</a>"));
    plan.site.reply("/8", Reply::new(404));
    plan.site.page("/new", "new");
    let wanted = [
        "changed /3",
        "changed /5",
        "changed /7",
        "gone /4",
        "gone /8",
        "new /new",
    ];
    assert_eq!(told(&plan.crawl), wanted);
    // The same answers again are no news.
    assert_eq!(told(&plan.crawl), [""; 0]);
    plan.site.reply("/8", tagged("8", "back"));
    plan.change(0);
    assert_eq!(told(&plan.refresh(1000)), ["changed /0", "new /8"]);
    expect_sound(&plan.out());
}

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

const URLS: usize = 40;

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

fn happens(seed: u64) {
    let site = Site::start();
    let now: Arc<Vec<AtomicUsize>> = Arc::new((0..URLS).map(|_| AtomicUsize::new(1)).collect());
    let versions = Arc::clone(&now);
    site.dynamic(move |path, _| {
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
                    refresh.run().expect_code(0);
                    let spent = number(
                        &out,
                        &format!(
                            "SELECT count(*) FROM requests WHERE run = {LAST} AND kind = 'page'"
                        ),
                    );
                    assert!(spent <= budget as i64, "{seed}: {spent} of {budget}");
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
