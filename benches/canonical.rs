//! What it costs to make a URL canonical: parsed on its own, resolved against its page, and reduced to
//! its key. A page has some 75 links, so a page costs about 75 joins and as many keys.

#![expect(
    clippy::expect_used,
    reason = "a measurement that cannot go on has failed"
)]

use std::hint::black_box;
use std::time::Duration;

use crawl::canonical::{Base, CanonicalUrl};
use criterion::{Criterion, Throughput};

const URLS: [&str; 5] = [
    "https://example.com/",
    "https://www.example.com/articles/2024/05/a-longer-title-with-words.html?page=2&sort=asc",
    "http://EXAMPLE.com:80/a/../b/./c%7ed#fragment",
    "https://bücher.example/straße?q=grün",
    "https://user:secret@example.com:8443/deep/er/and/deeper/still/index.php?id=12345",
];

const REFERENCES: [&str; 6] = [
    "/articles/another-title.html",
    "../images/photo-12.jpg",
    "?page=3&sort=asc",
    "https://cdn.example.net/lib/script.min.js",
    "//static.example.com/style.css?v=12",
    "sibling.html#part",
];

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut group = criterion.benchmark_group("canonical");
    group.throughput(Throughput::Elements(URLS.len() as u64));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| {
            for url in URLS {
                let _ = black_box(CanonicalUrl::parse(black_box(url)));
            }
        });
    });
    let urls = URLS.map(|url| CanonicalUrl::parse(url).expect(url));
    group.bench_function("key", |bencher| {
        bencher.iter(|| {
            for url in &urls {
                black_box(black_box(url).key());
            }
        });
    });
    group.bench_function("host and origin", |bencher| {
        bencher.iter(|| {
            for url in &urls {
                black_box((black_box(url).host(), url.origin()));
            }
        });
    });
    group.throughput(Throughput::Elements(REFERENCES.len() as u64));
    let base = Base::of(&urls[1]);
    group.bench_function("join", |bencher| {
        bencher.iter(|| {
            for reference in REFERENCES {
                let _ = black_box(base.join(black_box(reference)));
            }
        });
    });
    group.finish();
    criterion.final_summary();
}
