//! What reading a page costs: the small pages of `fixtures/site`, and one of the size and with the
//! number of links that pages of real sites have (the median of the sites in DESIGN 8).

#![expect(
    clippy::expect_used,
    reason = "a measurement that cannot go on has failed"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crawl::canonical::CanonicalUrl;
use crawl::parse::{Document, Limits, parse};
use criterion::{Criterion, Throughput};

/// All HTML files below a directory.
fn pages(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            pages(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "html")
        {
            found.push(path);
        }
    }
}

/// A page of about 28 KB with 75 links: a menu, paragraphs with links and images, scripts, a footer.
fn large_page() -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>A page of the usual \
         size &amp; shape</title>\n<meta name=\"description\" content=\"Paragraphs, a menu, a footer.\">\n\
         <link rel=\"canonical\" href=\"/articles/large.html\">\n<link rel=\"stylesheet\" href=\"/style.css\">\n\
         <script>window.data = {\"a\": \"</a>\", \"list\": [1, 2, 3]};</script></head>\n<body>\n<ul class=\"menu\">\n",
    );
    for number in 0..25 {
        let _ = writeln!(
            page,
            "<li class=\"menu-item menu-item-{number}\"><a href=\"/section-{number}/\" class=\"menu-link\">Section {number}</a></li>"
        );
    }
    page.push_str("</ul>\n<main>\n");
    for number in 0..45 {
        let _ = writeln!(
            page,
            "<p class=\"text\" id=\"p{number}\">Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod \
             tempor incididunt ut labore et dolore magna aliqua &mdash; ut enim ad minim veniam, quis nostrud \
             exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat. \
             Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id est \
             laborum: sed ut perspiciatis unde omnis. <a href=\"../pages/{number}.html?from=large&amp;at={number}\" \
             title=\"More\">Duis aute <em>irure</em> dolor {number}</a> in reprehenderit in voluptate velit esse cillum.</p>"
        );
    }
    for number in 0..3 {
        let _ = writeln!(
            page,
            "<img src=\"/images/{number}.jpg\" alt=\"Picture {number}\">"
        );
    }
    page.push_str("</main>\n<footer>Made by hand.</footer>\n</body></html>\n");
    page
}

fn document<'a>(url: &'a CanonicalUrl, body: &'a [u8]) -> Document<'a> {
    Document {
        url,
        content_type: Some("text/html; charset=utf-8"),
        link: &[],
        refresh: None,
        content_language: None,
        x_robots_tag: &[],
        agent: "crawl",
        body,
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let url = CanonicalUrl::parse("https://example.com/articles/large.html").expect("a URL");
    let limits = Limits::default();

    let mut paths = Vec::new();
    pages(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/site"),
        &mut paths,
    );
    let small: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| std::fs::read(path).expect("a page"))
        .collect();
    let large = large_page();
    let links = parse(&document(&url, large.as_bytes()), &limits).links;
    let size = large.len() / 1000;
    assert_eq!((links.len(), size), (75, 28), "the page has changed");

    let mut group = criterion.benchmark_group("parse");
    let bytes = |bodies: &[Vec<u8>]| bodies.iter().map(|body| body.len() as u64).sum();
    group.throughput(Throughput::Bytes(bytes(&small)));
    group.bench_function(format!("fixtures/site, {} pages", small.len()), |bencher| {
        bencher.iter(|| {
            for body in &small {
                black_box(parse(&document(&url, black_box(body)), &limits));
            }
        });
    });
    group.throughput(Throughput::Bytes(large.len() as u64));
    group.bench_function("a page with 75 links", |bencher| {
        bencher.iter(|| parse(&document(&url, black_box(large.as_bytes())), &limits));
    });
    group.finish();
    criterion.final_summary();
}
