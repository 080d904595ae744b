//! Header lines: all rooms that read one read each.

use std::time::{Duration, SystemTime};

use super::{check_url, document, page_url};
use crate::parse::{Limits, media_type, parse, refresh};
use crate::politeness::parse_retry_after;
use crate::signals::{self, Name, Source};

pub(super) fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for line in &lines {
        one(line);
    }
    let url = page_url();
    let mut document = document(&url, lines.first().map(String::as_str), b"<a href=x>");
    document.link = &lines;
    document.x_robots_tag = &lines;
    document.refresh = lines.last().map(String::as_str);
    document.content_language = lines.first().map(String::as_str);
    let limits = Limits {
        links: 50,
        ..Limits::default()
    };
    let page = parse(&document, &limits);
    assert!(page.links.len() <= 50);
    page.links.iter().for_each(|link| check_url(&link.target));
    assert!(page.language.is_none_or(|text| text.len() <= 64));
    let directives = page.directives;
    let said = directives.text.unwrap_or_default();
    assert!(said.len() <= 70 * 130, "{}", said.len());
    // Whoever asks for nothing of either is asked for both: never less than what is said.
    let words: Vec<&str> = said.split(", ").collect();
    assert_eq!(
        directives.noindex,
        words.contains(&"noindex") || words.contains(&"none")
    );
    let headers: Vec<(String, String)> = lines
        .iter()
        .flat_map(|line| Name::ALL.map(|name| (name.as_str().to_owned(), line.clone())))
        .collect();
    assert!(signals::of_headers(&headers).len() <= 32);
}

fn one(line: &str) {
    let epoch = SystemTime::UNIX_EPOCH;
    if let Some(wait) = parse_retry_after(line, epoch) {
        // A date has four digits for its year.
        assert!(wait <= Duration::from_secs(253_402_300_800), "{wait:?}");
        assert!(SystemTime::now().checked_add(wait).is_some());
    }
    if let Some(found) = refresh(line) {
        assert!(found.seconds >= 0.0);
        assert!(
            found
                .url
                .is_none_or(|url| !url.is_empty() && line.contains(url))
        );
    }
    assert!(media_type(Some(line), b"").contains('/'));
    for name in Name::ALL {
        for signal in signals::read(Source::Header, name, line) {
            assert!(signal.value.len() <= 512);
            let category = signal.category.as_deref().unwrap_or("x");
            assert!(!category.is_empty() && category.len() <= 64);
            let again = signals::read(Source::Header, name, &line.to_ascii_uppercase());
            assert!(again.iter().any(|other| other.category == signal.category));
        }
    }
}
