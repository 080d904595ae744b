//! Prints each page as it is committed; reading slowly slows the crawl.
//!
//!     cargo run --release --example stream_pages -- http://127.0.0.1:8000/

#![expect(clippy::print_stdout, reason = "an example shows what came out")]

use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("give a URL")?;
    let (crawl, mut visits) = crawl::Crawl::new(url).output("streamed").stream(100);

    while let Some(visited) = visits.next().await {
        let links = visited.links().len();
        match (visited.error, visited.title()) {
            (Some(error), _) => println!("{}  {}", visited.url, error.as_str()),
            (None, Some(title)) => println!("{}  {links} links  {title:?}", visited.url),
            (None, None) => println!("{}  {:?}", visited.url, visited.status),
        }
    }

    let summary = crawl.await?;
    println!("{:?}, {} pages", summary.outcome, summary.last.pages);
    Ok(())
}
