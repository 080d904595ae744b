//! Crawls a site if that was not done yet, then asks the database: pages by status, and broken links
//! with the pages that they stand on.
//!
//!     cargo run --release --example query_results -- http://127.0.0.1:8000/

use std::error::Error;
use std::path::Path;

use crawl::answers::Reader;
use crawl::answers::query::{self, Format};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("give a URL")?;
    let output = Path::new("queried");
    if !output.join("crawl.db").exists() {
        crawl::Crawl::new(url).output(output).run().await?;
    }

    let reader = Reader::open(output)?;
    let mut out = std::io::stdout().lock();
    let by_status = "SELECT status, count(*) AS pages FROM pages GROUP BY status";
    query::run(&reader, by_status, Format::Table(None), &mut out)?;
    query::run(&reader, "broken-links", Format::JsonLines, &mut out)?;
    Ok(())
}
