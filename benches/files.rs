//! What a body costs on its way into its file: pages of 28 KB, each new, of one host.

#![expect(
    clippy::expect_used,
    reason = "a measurement that cannot go on has failed"
)]

use std::time::{Duration, Instant};

use crawl::canonical::CanonicalUrl;
use crawl::store::Files;
use criterion::{Criterion, Throughput};
use sha2::{Digest, Sha256};

/// Bodies in one output. Then another is begun, so that the disk is not filled.
const OUTPUT: u64 = 6000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("files");
    let mut body = vec![b'x'; 28 << 10];
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.warm_up_time(Duration::from_millis(500));
    group.bench_function("a body of 28 KB", |bench| {
        bench.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            let mut number = 0_u64;
            while number < times {
                let output = tempfile::tempdir().expect("a directory");
                let files = Files::new(output.path()).expect("an output");
                for _ in 0..OUTPUT.min(times - number) {
                    number += 1;
                    let text = format!("http://example.com/articles/page-{number}.html");
                    let url = CanonicalUrl::parse(&text).expect("a URL");
                    body[..8].copy_from_slice(&number.to_le_bytes());
                    let digest = Sha256::digest(&body).into();
                    let begun = Instant::now();
                    let written = files.write(&url, Some("text/html"), &digest, &body);
                    spent += begun.elapsed();
                    written.expect("written");
                }
            }
            spent
        });
    });
    group.finish();
    criterion.final_summary();
}
