//! Takes values out of pages by CSS selector, and asks for them with SQL.
//!
//!     cargo run --release --example extract_fields -- http://127.0.0.1:8000/

use std::error::Error;
use std::path::Path;

use crawl::answers::Reader;
use crawl::answers::query::{self, Format};
use crawl::config::FieldConfig;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("give a URL")?;
    let output = Path::new("extracted");

    let mut links = FieldConfig::new("links", "a[href]");
    links.take = "url:href".parse()?;
    links.all = true;
    crawl::Crawl::new(url)
        .field(FieldConfig::new("heading", "h1"))
        .field(links)
        .output(output)
        .run()
        .await?;

    let reader = Reader::open(output)?;
    let wide =
        "SELECT url, heading, json_array_length(links) AS links FROM fields_page ORDER BY url";
    query::run(&reader, wide, Format::Csv, &mut std::io::stdout().lock())?;
    Ok(())
}
