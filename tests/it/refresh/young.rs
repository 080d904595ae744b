//! `--max-age` and `--only-changed`.

use super::{Plan, links, shown, tagged};
use crate::support::{Crawl, Reply, edit, expect_sound, number};

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
        let said = crawl.again().args(["--only-changed"]).run().expect_code(0);
        // The summary counts the same; a first crawl has nothing to compare with.
        let of = |word: &str| {
            said.stdout
                .lines()
                .filter(|line| line.starts_with(word))
                .count()
        };
        let counts = [of("changed"), of("new"), of("gone")];
        let [changed, new, gone] = counts;
        let words = format!("{changed} changed, {new} new, {gone} gone");
        assert!(said.stderr.contains(&words) || new == 21, "{words}: {said}");
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
