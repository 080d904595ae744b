//! What is asked of a crawl besides SQL: `cat`, `rank`.

use crate::support::{Crawl, Reply, Site, expect_sound, rows};

fn crawl_of(site: &Site) -> Crawl {
    let seed = site.url("/");
    Crawl::new().args(["--seed", &seed, "--rate", "unlimited", "-o", "out"])
}

#[test]
fn what_is_stored_of_a_url() {
    let site = Site::start();
    let page = "<title>T</title><a href=/gone>g</a> \u{1b}[2J ü\n";
    site.reply("/", Reply::html(page).header("X-Mine", "yes\u{9b}"));
    let crawl = crawl_of(&site);
    crawl.run().expect_code(0);
    let url = site.url("/");
    let said = crawl.run_args(["cat", "-o", "out", &url]).expect_code(0);
    assert_eq!(said.stdout, page);
    let said = crawl.run_args(["cat", "--headers", "-o", "out", &url]);
    assert!(said.stdout.starts_with("200\n"), "{said}");
    assert!(said.stdout.to_lowercase().contains("x-mine: yes"), "{said}");
    let (gone, never) = (site.url("/gone"), site.url("/never"));
    for (url, why) in [
        (&*gone, "nothing was kept of it"),
        (&*never, "it was never met"),
        ("http://", "URL"),
    ] {
        let said = crawl.run_args(["cat", "-o", "out", url]).expect_code(2);
        assert!(said.stderr.contains(why), "{said}");
    }
    let file = rows(
        &crawl.dir().join("out"),
        "SELECT file FROM pages WHERE status = 200",
    );
    std::fs::remove_file(crawl.dir().join("out").join(&file[0])).expect("removed");
    let said = crawl.run_args(["cat", "-o", "out", &url]).expect_code(1);
    assert!(said.stderr.contains("it is not there"), "{said}");
}

/// Four pages: what is linked twice from a page counts once, nofollow and the page itself do not, and a redirect
/// hands on what it has. The ranks are those of networkx 3.6, `pagerank(G, tol=1e-12)`, for that graph.
#[test]
fn ranks_of_a_site() {
    let site = Site::start();
    site.page(
        "/",
        "<a href=/a>1</a> <a href=/a>2</a> <a href=/old>3</a> <a href=/>self</a>",
    );
    site.page(
        "/a",
        "<a href=/>home</a> <a href=/b rel='x nofollow'>b</a> <img src=/i.png>",
    );
    site.reply("/old", Reply::new(301).header("Location", "/b"));
    site.page("/b", "<p>no links</p>");
    let crawl = crawl_of(&site).args(["--ignore-nofollow"]);
    crawl.run().expect_code(0);
    let said = crawl.run_args(["rank", "-o", "out"]).expect_code(0);
    assert!(
        said.stdout.contains("4 pages of run 1 ranked by 4 links"),
        "{said}"
    );
    let out = crawl.dir().join("out");
    let base = site.url("");
    let ranks = rows(
        &out,
        &format!(
            "SELECT replace(url, '{base}', ''), printf('%.6f', pagerank), inlinks, linking_pages, outlinks FROM ranks ORDER BY 1"
        ),
    );
    let wanted = [
        "/ 0.282443 2 2 4",
        "/a 0.217557 2 1 2",
        "/b 0.282443 1 1 0",
        "/old 0.217557 1 1 0",
    ];
    assert_eq!(ranks, wanted);
    crawl.run_args(["rank", "-o", "out"]).expect_code(0);
    assert_eq!(rows(&out, "SELECT count(*) FROM ranks"), ["4"]);
    expect_sound(&out);
    let said = crawl.run_args(["rank", "-o", "nowhere"]).expect_code(2);
    assert!(said.stderr.contains("nowhere"), "{said}");
}
