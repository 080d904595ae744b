//! Prints where a crawl stands, once a second, while it runs.
//!
//!     cargo run --release --example watch_progress -- http://127.0.0.1:8000/

#![expect(clippy::print_stdout, reason = "an example shows what came out")]

use std::error::Error;
use std::time::Duration;

use tokio::sync::watch;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("give a URL")?;
    let mut config = crawl::Config::default();
    config.seeds.seed = vec![url];
    config.output.output = "watched".into();

    let (sender, mut snapshots) = watch::channel(crawl::Snapshot::default());
    let watcher = tokio::spawn(async move {
        // The engine drops the sender at the end: that ends the loop.
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
    });
    let summary = crawl::run_watched(config, std::future::pending(), sender).await?;
    watcher.await?;
    println!("{:?}, {} pages", summary.outcome, summary.last.pages);
    Ok(())
}
