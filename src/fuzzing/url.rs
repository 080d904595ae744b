//! A page's URL, then a reference on it: what a URL is, and what is read off it.

use super::{check_url, line};
use crate::canonical::{Base, CanonicalUrl, parse_proxy};
use crate::config::{HostPattern, ScopeConfig, parse_seed};
use crate::order::Order;
use crate::rewrite::Rewrite;
use crate::store::files;
use crate::traps;

pub(super) fn target(data: &[u8]) {
    let (page, rest) = line(data);
    let reference = String::from_utf8_lossy(rest);
    for text in [&*page, &*reference] {
        let _ = parse_proxy(text);
        let _ = HostPattern::parse(text);
        if let Ok(seed) = parse_seed(text) {
            check_url(&seed);
        }
    }
    let Ok(page) = CanonicalUrl::parse(&page) else {
        return;
    };
    one(&page);
    for base in [Base::of(&page), Base::with_href(&page, &reference)] {
        let Ok(url) = base.join(&reference) else {
            continue;
        };
        one(&url);
        // What a parser leaves out of any URL.
        let bare = reference.replace(['\t', '\n', '\r'], "");
        assert_eq!(base.join(&bare).as_ref(), Ok(&url), "without breaks");
        let same = base.join(url.as_str());
        assert_eq!(same.as_ref(), Ok(&url), "an absolute URL stays");
    }
    let absolute = ["http://", "https://"]
        .iter()
        .any(|scheme| reference.starts_with(scheme));
    if let (Ok(url), true) = (CanonicalUrl::parse(&reference), absolute) {
        // It is the same from wherever it is named.
        assert_eq!(Base::of(&page).join(&reference).ok(), Some(url));
    }
}

fn one(url: &CanonicalUrl) {
    check_url(url);
    let robots = url.origin().robots_url().expect("an origin's URL");
    assert_eq!(
        (robots.origin(), robots.host(), robots.path_and_query()),
        (url.origin(), url.host(), "/robots.txt")
    );
    if let Some(domain) = url.domain() {
        // The dot of the root is no part of it.
        let name = url.hostname().trim_end_matches('.');
        let below = name.strip_suffix(domain);
        assert!(
            below.is_some_and(|below| below.is_empty() || below.ends_with('.')),
            "{domain} of {url}"
        );
    }
    let host = url.host();
    let (name, port) = host.name_and_port();
    let usual = matches!(url.port(), 80 | 443);
    assert_eq!(
        (name, port),
        (url.hostname(), Some(url.port()).filter(|_| !usual))
    );
    key(url);
    rewritten(url);
    name_of_file(url);
    let order = Order::new(&crate::Config::default()).expect("the default");
    let place = |depth, id| order.of(url, depth, id);
    assert!(place(1, 7) < place(2, 7) && place(1, 7) < place(1, 8));
    let _ = traps::Gatherer::new(url);
    let growth = traps::Growth::new(&ScopeConfig::default());
    let rule = growth.and_then(|growth| growth.rule(url));
    assert!(rule.is_none_or(|rule| rule.starts_with("trap: ")));
}

/// The key of a URL is that of each URL that has it.
fn key(url: &CanonicalUrl) {
    let key = url.key();
    assert!(key.len() <= url.as_str().len());
    // Another spelling of the same escapes.
    let lower = spelt(url.as_str(), false);
    let upper = spelt(url.as_str(), true);
    for text in [lower, upper] {
        let other = CanonicalUrl::parse(&text).expect("a URL");
        assert_eq!(other.key(), key, "{text}");
    }
}

/// The escapes in small letters or in capitals.
fn spelt(text: &str, capitals: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, after) = rest.split_at(at);
        let hex = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = after.get(1..3).filter(hex).unwrap_or_default();
        out.push_str(before);
        out.push('%');
        out.push_str(&if capitals {
            digits.to_ascii_uppercase()
        } else {
            digits.to_ascii_lowercase()
        });
        rest = &after[1 + digits.len()..];
    }
    out + rest
}

fn rewritten(url: &CanonicalUrl) {
    let config = ScopeConfig {
        strip_params: vec!["sid".into(), "tracking".into(), "x*".into()],
        https_upgrade: true,
        fold_www: true,
        ..ScopeConfig::default()
    };
    let rewrite = Rewrite::new(&config, std::slice::from_ref(url)).expect("rules");
    let form = rewrite.form(url.clone());
    check_url(&form);
    assert_eq!(rewrite.apply(&form), None, "{url} becomes {form}");
    if let Some(found) = rewrite.redirect(url, &form) {
        assert_ne!(found.url.key(), rewrite.form(url.clone()).key());
    }
}

/// Names that stay where they are put, on any system.
fn name_of_file(url: &CanonicalUrl) {
    let (folder, slug) = files::names(url);
    for name in [&folder, &slug] {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!(name.bytes().all(known), "{name}");
        assert!(!name.is_empty() && name.len() <= 200, "{name}");
        assert!(!name.starts_with('.') && !name.ends_with('.'), "{name}");
    }
    assert!(slug.len() <= 80 && !slug.contains(".."), "{slug}");
}
