//! What a record costs in the store: batches of 256 pages with 75 links each, of which most lead to
//! URLs that are known already, as on a real site. Everything counts but the making of the batch.

#![expect(
    clippy::expect_used,
    reason = "a measurement that cannot go on has failed"
)]

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use crawl::Config;
use crawl::canonical::CanonicalUrl;
use crawl::config::Seed;
use crawl::fetched::{Fetched, Head, Timing};
use crawl::frontier::Refill;
use crawl::record::{Content, Fate, Link, LinkKind, Page, Record};
use crawl::request::Request;
use crawl::scope::Scope;
use crawl::store::{Batch, Opening, Policy, Store};
use criterion::{Criterion, Throughput};

const RECORDS: usize = 256;
const LINKS: usize = 75;
/// Links of a page that lead to something new. More than one, so that the queue never runs dry.
const NEW: usize = 2;

/// A store and the site that it is filled from.
struct Filling {
    runtime: tokio::runtime::Runtime,
    store: Store,
    /// Admitted pages that have not been read.
    queue: VecDeque<Request>,
    /// URLs made so far.
    made: u64,
    pages: u64,
}

fn url(number: u64) -> CanonicalUrl {
    CanonicalUrl::parse(&format!(
        "https://example.com/articles/{}/a-title-of-the-usual-length-{number}.html",
        number % 100
    ))
    .expect("a URL")
}

impl Filling {
    fn new(directory: &std::path::Path) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (config, seed) = (Config::default(), url(0));
        let seeds = [seed.clone()];
        let policy = Policy::new(&config, Scope::new(&config.scope, &seeds).expect("a scope"))
            .expect("a policy");
        let opening = Opening::open(directory, false).expect("an output");
        let (store, _) = opening
            .begin(&seeds.map(Seed::Page), policy, &config)
            .expect("a start");
        let refill = Refill {
            host: seed.host(),
            after: 0,
            limit: 1,
            state: false,
        };
        let batch = Batch {
            refills: vec![refill],
            ..Batch::default()
        };
        let applied = runtime.block_on(store.commit(batch)).expect("a commit");
        let mut filling = Self {
            runtime,
            store,
            queue: applied
                .refilled
                .into_iter()
                .flat_map(|rows| rows.requests)
                .collect(),
            made: 1,
            pages: 0,
        };
        // The first page leads to enough for some batches, so that each is a full one.
        let first = filling.record(2000);
        filling.commit(vec![first]);
        filling
    }

    /// The record of the next page in the queue.
    fn record(&mut self, new: usize) -> Record {
        self.pages += 1;
        let links = (0..LINKS.max(new)).map(|position| {
            let number = if position < new {
                self.made += 1;
                self.made - 1
            } else if position % 3 == 0 {
                // The menu, which all pages have.
                position as u64
            } else {
                fastrand::u64(..self.made)
            };
            let mut link = Link::new(url(number), LinkKind::A);
            link.anchor = Some(
                format!("A title of the usual length {number}")
                    .as_str()
                    .into(),
            );
            link
        });
        let mut page = Page::default();
        page.charset = Some("UTF-8");
        page.title = Some(format!("Title {}", self.pages).into());
        page.links = links.collect();
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&self.pages.to_le_bytes());
        let mut content = Content::new(digest, 28_000, page);
        content.file = Some(format!("pages/example.com/title-{}.html", self.pages));
        content.media_type = Some("text/html".to_owned());
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Record {
            request: self
                .queue
                .pop_front()
                .expect("more than one new link a page"),
            fetched: Some(Fetched {
                timing: Timing {
                    started: SystemTime::now(),
                    head: Some(Duration::from_millis(80)),
                    total: Duration::from_millis(95),
                },
                peer: Some(([192, 0, 2, 1], 443).into()),
                head: Some(Head {
                    status: 200,
                    http_version: "HTTP/1.1",
                    headers: vec![
                        header("content-type", "text/html; charset=utf-8"),
                        header("server", "nginx"),
                        header("cache-control", "max-age=600"),
                        header("etag", &format!("\"{}\"", self.pages)),
                    ],
                }),
                wire_bytes: 7000,
                body: Vec::new(),
                cut: false,
                unread: false,
                conditional: false,
                set_cookie: false,
                error: None,
                detail: None,
            }),
            error: None,
            rule: None,
            redirect_to: None,
            content: Some(content),
            robots: None,
            sitemap: None,
            fate: Fate::Done,
        }
    }

    /// Commits a batch; answers with the time that this took.
    fn commit(&mut self, records: Vec<Record>) -> Duration {
        let batch = Batch {
            records,
            ..Batch::default()
        };
        let begun = Instant::now();
        let applied = self.runtime.block_on(self.store.commit(batch));
        let took = begun.elapsed();
        self.queue.extend(applied.expect("a commit").admitted);
        took
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(8))
        .configure_from_args();
    let directory = tempfile::tempdir().expect("a directory");
    let mut filling = Filling::new(directory.path());
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("a batch of 256 records with 75 links", |bencher| {
        bencher.iter_custom(|batches| {
            (0..batches)
                .map(|_| {
                    let records = (0..RECORDS).map(|_| filling.record(NEW)).collect();
                    filling.commit(records)
                })
                .sum()
        });
    });
    group.finish();
    criterion.final_summary();
}
