//! Content type, then a sitemap.

use std::io::Write;

use super::{check_url, header, line, page_url};
use crate::parse::lastmod;
use crate::parse::sitemap::{
    Kind, MAX_ALL_ALTERNATES, MAX_ALTERNATES, MAX_BYTES, MAX_ENTRIES, read,
};

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
    let alternates = sitemap.entries.iter().map(|entry| entry.alternates.len());
    assert!(alternates.clone().all(|number| number <= MAX_ALTERNATES));
    let alternates: usize = alternates.sum();
    assert!(alternates <= MAX_ALL_ALTERNATES && alternates <= sitemap.bytes);
    let mut named = vec![false; sitemap.targets.len()];
    for alternate in sitemap.entries.iter().flat_map(|entry| &entry.alternates) {
        let language = &*alternate.language;
        assert!(!language.is_empty() && language.len() <= 64, "{language}");
        named[alternate.target] = true;
    }
    assert!(named.iter().all(|named| *named) || sitemap.refused > 0 || sitemap.truncated);
    for target in &sitemap.targets {
        check_url(target);
    }
    let mut met = std::collections::HashSet::new();
    assert!(sitemap.targets.iter().all(|target| met.insert(target)));
    assert!(sitemap.kind == Kind::Urls || sitemap.targets.is_empty());
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
