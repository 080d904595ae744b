//! The sitemaps of a refresh: asked for first, on condition, and what comes of what they say.

use std::sync::{Arc, Mutex};

use super::{DAY, LAST, Plan, tagged};
use crate::support::{Reply, edit, expect_sound, number, rows};

/// A sitemap of URLs of a site, each with its `lastmod`.
pub(super) fn map(plan: &Plan, urls: impl IntoIterator<Item = (String, String)>) -> Reply {
    let entries: String = urls
        .into_iter()
        .map(|(path, lastmod)| {
            let loc = plan.site.url(&path);
            format!("<url><loc>{loc}</loc><lastmod>{lastmod}</lastmod></url>")
        })
        .collect();
    xml(&format!(
        "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{entries}</urlset>"
    ))
}

fn index(plan: &Plan, maps: &[&str]) -> Reply {
    let entries: String = maps
        .iter()
        .map(|path| {
            let loc = plan.site.url(path);
            format!("<sitemap><loc>{loc}</loc></sitemap>")
        })
        .collect();
    xml(&format!(
        "<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{entries}</sitemapindex>"
    ))
}

/// The tag says what is in it.
pub(super) fn xml(text: &str) -> Reply {
    let sum = text.bytes().fold(7_u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    Reply::new(200)
        .header("Content-Type", "application/xml")
        .header("ETag", &format!("\"{sum}\""))
        .body(text)
}

pub(super) fn old(paths: &[&str]) -> Vec<(String, String)> {
    let each = paths.iter();
    each.map(|path| ((*path).to_owned(), "2020-01-01".to_owned()))
        .collect()
}

pub(super) fn name_maps(plan: &Plan, paths: &[&str]) {
    let lines: String = paths
        .iter()
        .map(|path| format!("Sitemap: {}\n", plan.site.url(path)))
        .collect();
    plan.site.robots(&lines);
}

/// Requests of the last run, by what came.
fn requests(plan: &Plan, kind: &str) -> Vec<String> {
    let found = rows(
        &plan.out(),
        &format!(
            "SELECT url, status FROM requests WHERE run = {LAST} AND kind = '{kind}' ORDER BY url"
        ),
    );
    let bare = plan.site.url("");
    found.iter().map(|row| row.replace(&bare, "")).collect()
}

/// What a sitemap names anew comes before everything that is there, within the budget; what is beyond it comes next.
#[test]
fn what_they_name_anew_is_found() {
    let plan = Plan::new(30);
    let out = plan.out();
    name_maps(&plan, &["/map.xml"]);
    plan.site
        .reply("/map.xml", map(&plan, old(&["/1", "/only/0"])));
    for n in 0..20 {
        plan.site.reply(&format!("/only/{n}"), tagged("o", "only"));
    }
    plan.crawl.run().expect_code(0);
    plan.day_passes();
    // As it was: it costs no body, and nothing of the budget.
    plan.site.forget();
    let said = plan.refresh(5).run().expect_code(0).stderr;
    assert!(
        said.contains("sitemaps  1 read, 0 failed, 2 pages named"),
        "{said}"
    );
    assert!(said.contains("5 of 5 requests spent, 32 URLs"), "{said}");
    assert_eq!(plan.asked().len(), 6);
    assert_eq!(requests(&plan, "sitemap"), ["/map.xml 304"]);
    assert_eq!(number(&out, "SELECT count(*) FROM sitemap_entries"), 2);
    expect_sound(&out);
    // Twenty are new, nine of ten requests are for them.
    let only: Vec<String> = (0..20).map(|n| format!("/only/{n}")).collect();
    let only: Vec<&str> = only.iter().map(String::as_str).collect();
    plan.site.reply("/map.xml", map(&plan, old(&only)));
    let said = plan.refresh(10).run().expect_code(0).stderr;
    assert_eq!(requests(&plan, "sitemap"), ["/map.xml 200"]);
    let pages = requests(&plan, "page");
    let new = pages.iter().filter(|page| page.starts_with("/only/"));
    assert_eq!((pages.len(), new.count()), (10, 9), "{pages:?}");
    assert!(
        said.contains("new       10 URLs found and not asked for"),
        "{said}"
    );
    assert_eq!(
        rows(
            &out,
            "SELECT rule, count(*) FROM urls WHERE decision = 'cut' GROUP BY 1"
        ),
        ["the budget of a refresh 10"]
    );
    assert_eq!(number(&out, "SELECT count(*) FROM sitemap_entries"), 20);
    expect_sound(&out);
    plan.refresh(20).run().expect_code(0);
    let pages = "SELECT count(*) FROM pages WHERE url LIKE '%/only/%' AND status IN (200, 304)";
    assert_eq!(number(&out, pages), 20);
    assert_eq!(
        number(&out, "SELECT count(*) FROM urls WHERE decision = 'cut'"),
        0
    );
    expect_sound(&out);
}

/// Sixty pages with their `lastmod`, which the tests set; five runs a day apart, before each of which the pages of
/// that day change.
struct Dated {
    plan: Plan,
    dates: Arc<Mutex<Vec<String>>>,
}

impl Dated {
    fn new() -> Self {
        let plan = Plan::new(60);
        name_maps(&plan, &["/map.xml"]);
        let dates = Arc::new(Mutex::new(vec!["2020-01-01".to_owned(); 60]));
        Self { plan, dates }
    }

    fn serve(&self) {
        let dates = self.dates.lock().expect("dates").clone();
        let urls = (0..60).map(|n| format!("/{n}")).zip(dates);
        self.plan.site.reply("/map.xml", map(&self.plan, urls));
    }

    /// Sets the dates of pages to now.
    fn date(&self, pages: std::ops::Range<usize>) {
        let now = jiff::Timestamp::now().to_string();
        self.dates.lock().expect("dates")[pages].fill(now);
        self.serve();
    }

    fn day_passes(&self) {
        self.plan.day_passes();
        edit(
            &self.plan.out(),
            "UPDATE sitemap_entry SET lastmod = strftime('%Y-%m-%dT%H:%M:%fZ', lastmod, '-1 day')",
        );
        let mut dates = self.dates.lock().expect("dates");
        for date in dates.iter_mut().filter(|date| date.contains('T')) {
            let at: jiff::Timestamp = date.parse().expect("a time");
            let earlier = at.checked_sub(jiff::SignedDuration::from_hours(24));
            *date = earlier.expect("a day before").to_string();
        }
    }

    fn change(&self, pages: std::ops::Range<usize>) {
        pages.for_each(|page| self.plan.change(page));
    }

    /// The pages that a refresh asks for.
    fn refresh(&self, budget: usize) -> Vec<usize> {
        self.plan.site.forget();
        self.plan.refresh(budget).run().expect_code(0);
        expect_sound(&self.plan.out());
        let asked = self.plan.asked();
        let numbers = asked.iter().filter_map(|path| path[1..].parse().ok());
        numbers.collect()
    }
}

/// A site that says what is so: its changes are found, though nothing else tells them from the other pages.
#[test]
fn a_lastmod_that_is_so_is_believed() {
    let dated = Dated::new();
    dated.serve();
    dated.plan.crawl.run().expect_code(0);
    for day in 0..3 {
        dated.day_passes();
        dated.change(5 * day..5 * day + 5);
        dated.date(5 * day..5 * day + 5);
        dated.plan.crawl.run().expect_code(0);
    }
    dated.day_passes();
    dated.change(40..50);
    dated.date(40..50);
    let asked = dated.refresh(12);
    assert!((40..50).all(|page| asked.contains(&page)), "{asked:?}");
    // They were asked for since: nothing is told of them any more.
    let asked = dated.refresh(12);
    let again = asked.iter().filter(|page| (40..50).contains(*page)).count();
    assert!(again < 3, "{asked:?}");
}

/// A site that writes the date of today on everything: the pages that change are found by what they did, as if it had
/// said nothing.
#[test]
fn a_lastmod_that_is_on_everything_is_not() {
    let dated = Dated::new();
    for day in 0..5 {
        if day % 2 == 1 {
            dated.change(0..10);
        }
        dated.date(0..60);
        dated.plan.crawl.run().expect_code(0);
        dated.day_passes();
    }
    // Of those that change now and then, half say nothing today.
    dated.change(0..10);
    dated.serve();
    dated.date(5..60);
    let asked = dated.refresh(14);
    assert!((0..10).all(|page| asked.contains(&page)), "{asked:?}");
}

/// What is taken out of a sitemap is asked for once.
#[test]
fn what_they_name_no_more_is_looked_at() {
    let plan = Plan::new(50);
    let out = plan.out();
    name_maps(&plan, &["/map.xml"]);
    let all = ["/only/0", "/only/1", "/only/2", "/only/3", "/1", "/2"];
    plan.site.reply("/map.xml", map(&plan, old(&all)));
    for n in 0..4 {
        plan.site.reply(&format!("/only/{n}"), tagged("o", "only"));
    }
    plan.crawl.run().expect_code(0);
    plan.day_passes();
    plan.site.reply("/only/1", Reply::new(404));
    plan.site.reply("/only/2", Reply::new(410));
    plan.site
        .reply("/map.xml", map(&plan, old(&["/only/0", "/1", "/2"])));
    // The tenth may take one of them, and nothing else is as likely.
    plan.site.forget();
    let told = plan.refresh(4).args(["--only-changed", "-q"]).run();
    let mut told: Vec<&str> = told.stdout.lines().collect();
    told.sort_unstable();
    let gone = ["/only/1", "/only/2"].map(|path| format!("gone {}", plan.site.url(path)));
    assert_eq!(told, gone);
    assert!(
        plan.asked().contains(&"/only/3".to_owned()),
        "{:?}",
        plan.asked()
    );
    expect_sound(&out);
    plan.site.forget();
    plan.refresh(4).run().expect_code(0);
    let again = plan
        .asked()
        .into_iter()
        .filter(|path| path.starts_with("/only"));
    assert!(again.count() < 2, "{:?}", plan.asked());
}

/// An index, a sitemap that it drops, one that it names anew, and sitemaps that fail in several ways.
#[test]
fn sitemaps_that_come_and_go() {
    let plan = Plan::new(10);
    let out = plan.out();
    name_maps(&plan, &["/index.xml", "/gone.xml", "/ill.xml", "/shut.xml"]);
    plan.site
        .reply("/index.xml", index(&plan, &["/a.xml", "/b.xml"]));
    for (path, page) in [
        ("/a.xml", "/1"),
        ("/b.xml", "/2"),
        ("/c.xml", "/3"),
        ("/gone.xml", "/4"),
        ("/ill.xml", "/5"),
        ("/shut.xml", "/6"),
    ] {
        plan.site.reply(path, map(&plan, old(&[page])));
    }
    plan.crawl.run().expect_code(0);
    plan.day_passes();
    let named = || -> Vec<String> {
        let found = rows(
            &out,
            "SELECT sitemap, url FROM sitemap_entries WHERE kind = 'page' ORDER BY 1",
        );
        let bare = plan.site.url("");
        found.iter().map(|row| row.replace(&bare, "")).collect()
    };
    let all = [
        "/a.xml /1",
        "/b.xml /2",
        "/gone.xml /4",
        "/ill.xml /5",
        "/shut.xml /6",
    ];
    assert_eq!(named(), all);
    plan.site
        .reply("/index.xml", index(&plan, &["/a.xml", "/c.xml"]));
    plan.site.reply("/gone.xml", Reply::new(404));
    plan.site.reply("/ill.xml", Reply::new(500));
    let maps: String = ["/index.xml", "/gone.xml", "/ill.xml", "/shut.xml"]
        .map(|path| format!("Sitemap: {}\n", plan.site.url(path)))
        .concat();
    plan.site
        .robots(&format!("{maps}User-agent: *\nDisallow: /shut.xml\n"));
    edit(
        &out,
        &format!("UPDATE robots SET fetched = fetched - {DAY}, valid_until = 0"),
    );
    let refresh = plan.refresh(3).args(["--retries", "0"]);
    let said = refresh.run().expect_code(0).stderr;
    assert!(
        said.contains("sitemaps  3 read, 2 failed, 2 pages named"),
        "{said}"
    );
    let now = ["/a.xml /1", "/c.xml /3", "/ill.xml /5"];
    assert_eq!(named(), now);
    assert_eq!(
        rows(
            &out,
            "SELECT decision, status, error, entries FROM sitemaps WHERE url LIKE '%l.xml' OR url LIKE '%e.xml' OR url LIKE '%shut.xml' ORDER BY url"
        ),
        [
            "admitted 404 - -".to_owned(),
            "admitted 500 - 1".to_owned(),
            "disallowed - robots_disallowed -".to_owned(),
        ]
    );
    expect_sound(&out);
    // It is back, and says the same.
    plan.site.reply("/ill.xml", map(&plan, old(&["/5"])));
    plan.refresh(3).run().expect_code(0);
    assert_eq!(named(), now);
    expect_sound(&out);
    plan.crawl.run().expect_code(0);
    assert_eq!(named(), now);
    expect_sound(&out);
}

/// Stopped and killed while sitemaps are read: they show what they said, and the same command goes on; so does a
/// crawl, and a site that is away changes nothing.
#[test]
fn cut_off_while_they_are_read() {
    let mut plan = Plan::new(10);
    let out = plan.out();
    let maps: Vec<String> = (0..30).map(|n| format!("/map{n}.xml")).collect();
    let maps: Vec<&str> = maps.iter().map(String::as_str).collect();
    let serve = |plan: &Plan| {
        name_maps(plan, &["/index.xml"]);
        plan.site.reply("/index.xml", index(plan, &maps));
        for (n, path) in maps.iter().enumerate() {
            plan.site
                .reply(path, map(plan, old(&[&format!("/{}", n % 10)])));
        }
    };
    serve(&plan);
    plan.crawl.run().expect_code(0);
    plan.day_passes();
    let shown = || {
        rows(
            &out,
            "SELECT sitemap, url FROM sitemap_entries ORDER BY 1, position",
        )
    };
    let before = shown();
    assert_eq!(before.len(), 60);
    let waits = "SELECT count(*) FROM sitemap WHERE carried = 2";
    let slow = plan.refresh(5).args(["--rate", "20/s"]);
    for kill in [false, true] {
        plan.site.forget();
        let mut child = slow.spawn();
        child.wait_until("some requests", |_| plan.asked().len() > 5);
        if kill {
            child.kill9();
        } else {
            child.signal("INT");
            child.wait().expect_code(130);
        }
        assert_eq!(shown(), before);
        assert!(number(&out, waits) > 5);
        assert_eq!(number(&out, "SELECT count(*) FROM pages"), 11);
        expect_sound(&out);
    }
    // The queue of sitemaps is lost.
    let left = number(&out, waits);
    edit(&out, "DELETE FROM frontier");
    let said = plan
        .crawl
        .run_args(["check", "-o", "out"])
        .expect_code(1)
        .stdout;
    assert!(
        said.contains("the sitemap was to be asked for again, and does not wait"),
        "{said}"
    );
    plan.crawl
        .run_args(["check", "--repair", "-o", "out"])
        .expect_code(0);
    assert_eq!(
        (left > 5, number(&out, waits), shown()),
        (true, 0, before.clone())
    );
    plan.refresh(5).run().expect_code(0);
    assert_eq!(requests(&plan, "page").len(), 5);
    expect_sound(&out);
    // A site that is away: five failures, and its host waits.
    let address = format!("127.0.0.1:{}", plan.site.port());
    drop(std::mem::replace(
        &mut plan.site,
        crate::support::Site::start(),
    ));
    let away = [
        "--retries",
        "0",
        "--max-failures",
        "5",
        "--concurrency",
        "1",
    ];
    plan.refresh(5).args(away).run().expect_code(4);
    assert_eq!(shown(), before);
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE title IS NOT NULL"),
        10
    );
    expect_sound(&out);
    plan.site = crate::support::Site::at(&address);
    super::serve(&plan.site, &plan.versions);
    serve(&plan);
    plan.refresh(5).run().expect_code(0);
    assert_eq!(shown(), before);
    expect_sound(&out);
    // A crawl that follows one that was cut off reads them as its own.
    let mut child = slow.spawn();
    plan.site.forget();
    child.wait_until("some requests", |_| plan.asked().len() > 5);
    child.signal("INT");
    child.wait().expect_code(130);
    plan.crawl.run().expect_code(0);
    assert_eq!(shown(), before);
    assert_eq!(
        number(&out, "SELECT count(*) FROM sitemap WHERE carried = 2"),
        0
    );
    expect_sound(&out);
}
