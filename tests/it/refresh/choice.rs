//! What is asked for, and that all else stays.

use std::collections::BTreeSet;

use super::{LAST, Plan, known, links, shown, tagged};
use crate::support::{Crawl, Reply, expect_sound, number, rows};

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
