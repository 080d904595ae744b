//! Content type, then a sitemap.

use std::io::Write;

use super::{check_url, header, line, page_url};
use crate::parse::lastmod;
use crate::parse::sitemap::{Kind, MAX_BYTES, MAX_ENTRIES, read};

pub(super) fn target(data: &[u8]) {
    let (content_type, body) = line(data);
    let (url, content_type) = (page_url(), header(&content_type));
    let sitemap = read(body, content_type, &url);
    assert!(sitemap.entries.len() <= MAX_ENTRIES && sitemap.bytes <= MAX_BYTES);
    // No entry is made of nothing.
    assert!(sitemap.entries.len() + sitemap.refused <= sitemap.bytes);
    for entry in &sitemap.entries {
        check_url(&entry.loc);
        for word in [&entry.lastmod, &entry.changefreq].into_iter().flatten() {
            assert!(!word.is_empty() && word.len() <= 64, "{word}");
            let _ = lastmod::latest(word);
        }
        assert!(
            entry
                .priority
                .is_none_or(|priority| (0.0..=1.0).contains(&priority))
        );
        assert!(sitemap.kind != Kind::Index || entry.loc != url);
    }
    assert!(sitemap.kind != Kind::Unknown || sitemap.entries.is_empty());
    assert_eq!(read(body, content_type, &url), sitemap, "read again");
    if body.len() < 2048 && !body.starts_with(b"\x1F\x8B") && !body.is_empty() {
        assert_eq!(read(&gzip(body), content_type, &url), sitemap, "packed");
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).expect("in memory");
    encoder.finish().expect("in memory")
}
