//! Prints where a crawl stands, about once a second, while it runs.
//!
//!     cargo run --release --example watch_progress -- http://127.0.0.1:8000/

#![expect(clippy::print_stdout, reason = "an example shows what came out")]

use std::error::Error;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("give a URL")?;
    let crawl = crawl::Crawl::new(url).output("watched").start();

    let mut snapshots = crawl.snapshots();
    // The crawl drops its end when it is over: that ends the loop.
    while snapshots.changed().await.is_ok() {
        let now = snapshots.borrow_and_update().clone();
        println!(
            "{:5.1} s  {} pages  {} queued  held back by {}",
            now.elapsed,
            now.pages,
            now.queued,
            now.bottleneck.as_str()
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    let summary = crawl.await?;
    println!("{:?}, {} pages", summary.outcome, summary.last.pages);
    Ok(())
}
