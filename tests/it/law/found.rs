//! What the law has found broken, each as the smallest web that showed it.

use std::time::Duration;

use crate::support::{Crawl, Reply, Site, expect_sound, rows};

fn crawl(seeds: &[String], more: &[&str]) -> Crawl {
    let seeds = seeds.iter().flat_map(|seed| ["--seed", seed.as_str()]);
    let usual = ["--rate", "unlimited", "--allow-private", "-o", "out"];
    Crawl::new().args(seeds).args(usual).args(more)
}

#[test]
fn a_forbidden_asset_that_is_a_page_stays_forbidden() {
    let site = Site::start();
    site.robots("User-agent: *\nDisallow: /no/\n");
    site.page("/", "<img src=/no/x><a href=/late>late</a>");
    site.page("/late", "<a href=/no/x>x</a>");
    let crawl = crawl(&[site.url("/")], &["--assets"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    expect_sound(&out);
    assert_eq!(
        rows(
            &out,
            "SELECT decision, rule, kind FROM urls WHERE url LIKE '%/no/x'"
        ),
        ["disallowed Disallow: /no/ page"]
    );
    assert_eq!(site.count("/no/x"), 0);
}

#[test]
fn what_is_out_of_scope_as_a_page_may_be_an_asset() {
    for page in [
        "<a href={}>x</a><img src={}>",
        "<img src={}><a href={}>x</a>",
    ] {
        let (site, other) = (Site::start(), Site::start());
        site.page("/", &page.replace("{}", &other.url("/x.png")));
        crawl(&[site.url("/")], &["--assets"]).run().expect_code(0);
        assert_eq!(other.count("/x.png"), 1, "{page}");
    }
}

#[test]
fn where_a_seed_ends_joins_the_scope_though_it_is_linked_too() {
    let (site, other) = (Site::start(), Site::start());
    let end = other.url("/end");
    site.reply("/", Reply::new(302).header("Location", &end));
    site.page("/other-seed", &format!("<a href={end}>x</a>"));
    let slow = Reply::html("<a href=/next>x</a>").delay(Duration::from_millis(300));
    other.reply("/end", slow);
    other.page("/next", "<a href=/last>x</a>");
    other.page(
        "/last",
        "two links beyond the scope, if its host had not joined it",
    );
    let seeds = [site.url("/"), site.url("/other-seed")];
    crawl(&seeds, &["--extra-hops", "1"]).run().expect_code(0);
    assert_eq!(other.count("/last"), 1);
}

#[test]
fn a_redirecting_picture_that_is_linked_too_leads_on_as_both() {
    for page in [
        "<a href=/x>x</a><img src=/x>",
        "<img src=/x><a href=/x>x</a>",
        "<img src=/x><a href=/late>x</a>",
        "<a href=/x>x</a><a href=/late2>x</a>",
    ] {
        let (site, other) = (Site::start(), Site::start());
        site.page("/", page);
        let to = Reply::new(302).header("Location", &other.url("/x.png"));
        site.reply("/x", to);
        site.page("/late", "<a href=/x>x</a>");
        site.page("/late2", "<img src=/x>");
        let crawl = crawl(&[site.url("/")], &["--assets"]);
        crawl.run().expect_code(0);
        assert_eq!((site.count("/x"), other.count("/x.png")), (1, 1), "{page}");
        expect_sound(&crawl.dir().join("out"));
    }
}

#[test]
fn a_late_join_of_the_scope_takes_no_check_back() {
    for delay in [0, 300] {
        let (site, other) = (Site::start(), Site::start());
        let wait = Duration::from_millis(delay);
        let to = Reply::new(302).header("Location", &other.url("/end"));
        site.reply("/", to);
        other.reply("/end", Reply::html("end").delay(wait));
        site.reply(
            "/other-seed",
            Reply::html(format!("<a href={}>x</a>", other.url("/x")))
                .delay(Duration::from_millis(300 - delay)),
        );
        let seeds = [site.url("/"), site.url("/other-seed")];
        let crawl = crawl(&seeds, &["--check-external", "--max-depth", "0"]);
        crawl.run().expect_code(0);
        let asked = other.hits_of("/x");
        assert_eq!(
            (asked.len(), asked[0].method.as_str()),
            (1, "HEAD"),
            "{delay}"
        );
        expect_sound(&crawl.dir().join("out"));
    }
}
