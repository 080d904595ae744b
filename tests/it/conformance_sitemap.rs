//! The sitemap and the domain suites of `fixtures/conformance`, every case.

use crawl::canonical::{CanonicalUrl, registrable_domain};
use crawl::parse::sitemap::{self, Kind};

use crate::conformance_parse::{bytes, cases, same, suite};

#[test]
fn sitemaps() {
    suite("sitemap_docs", &cases("sitemap_docs.json"), &[], |case| {
        let url = CanonicalUrl::parse(case["url"].as_str().expect("a URL")).expect("a URL");
        let body = bytes(&serde_json::json!({"b64": case["body_b64"]}));
        let sitemap = sitemap::read(&body, case["content_type"].as_str(), &url);
        same(
            (
                sitemap.entries.len() as u64,
                sitemap.kind == Kind::Index,
                sitemap.kind == Kind::Unknown || sitemap.truncated,
            ),
            (
                case["count"].as_u64().expect("a count"),
                case["is_index"] == true,
                case["error"] == true,
            ),
        )
    });
}

#[test]
fn registrable_domains() {
    suite("psl", &cases("psl.json"), &[], |case| {
        let host = case["host"].as_str().expect("a host");
        let wanted = case["registrable"].as_str();
        // Names as they are written, and as URLs have them: in lower case and ASCII.
        let ascii = |host: &str| {
            let url = CanonicalUrl::parse(&format!("http://{host}/")).ok()?;
            Some((url.hostname().to_owned(), url.domain().map(str::to_owned)))
        };
        let wanted_ascii = wanted.and_then(ascii).map(|(name, _)| name);
        same(ascii(host).and_then(|(_, domain)| domain), wanted_ascii)?;
        same(
            registrable_domain(host).map(str::to_lowercase).as_deref(),
            wanted,
        )
    });
}
