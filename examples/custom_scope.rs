//! Leaves out URLs with a query, and those whose path repeats one of its own parts.
//!
//!     cargo run --release --example custom_scope -- http://127.0.0.1:8000/

use std::collections::HashSet;
use std::error::Error;

use crawl::CanonicalUrl;
use crawl::answers::Reader;
use crawl::answers::query::{self, Format};

/// Looks at the URL alone: the same answer every time, in whatever order pages come.
fn repeats_itself(url: &CanonicalUrl) -> bool {
    let mut parts = HashSet::new();
    let mut all = url.path().split('/').filter(|part| !part.is_empty());
    !all.all(|part| parts.insert(part))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("give a URL")?;
    let summary = crawl::Crawl::new(url)
        .output("own-scope")
        .rule("no repeats", |url| repeats_itself(url).then_some(false))
        .rule("no queries", |url| url.as_url().query().map(|_| false))
        .run()
        .await?;

    let reader = Reader::open(&summary.output)?;
    let why = "SELECT decision, rule, count(*) AS urls FROM urls GROUP BY 1, 2";
    query::run(&reader, why, Format::Table(None), &mut std::io::stdout())?;
    Ok(())
}
