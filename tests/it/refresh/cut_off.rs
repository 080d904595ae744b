//! A refresh that is cut off: by a site that is away, a kill, a signal, a queue that is lost.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::{LAST, Plan, child_ended, known, serve};
use crate::support::{Crawl, Site, edit, expect_sound, number, rows};

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
