//! Crawls one site; Ctrl-C stops it, the same command goes on.
//!
//!     cargo run --release --example one_site -- http://127.0.0.1:8000/

#![expect(clippy::print_stdout, reason = "an example shows what came out")]

use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("give a URL")?;
    let crawl = crawl::Crawl::new(url)
        .max_depth(3)
        .rate("2/s".parse()?)
        .output("one-site");

    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    let summary = crawl.run_until(stop).await?;

    println!("{:?}, run {}", summary.outcome, summary.run);
    println!(
        "{} pages, {} URLs wait",
        summary.last.pages, summary.last.queued
    );
    for (class, count) in summary.failures() {
        println!("{count} x {class}");
    }
    Ok(())
}
