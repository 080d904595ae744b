//! A URL, another one, then the `Set-Cookie` lines of an answer of the first: what the second is sent.

use super::line;
use crate::canonical::CanonicalUrl;
use crate::fetch::Jar;
use crate::fetched::Head;

pub(super) fn target(data: &[u8]) {
    let (from, rest) = line(data);
    let (to, rest) = line(rest);
    let (Ok(from), Ok(to)) = (CanonicalUrl::parse(&from), CanonicalUrl::parse(&to)) else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    let lines: Vec<&str> = text.split('\n').collect();
    let header = |line: &&str| ("set-cookie".to_owned(), (*line).to_owned());
    let head = Head {
        headers: lines.iter().map(header).collect(),
        ..Head::default()
    };
    let jar = Jar::default();
    let any = jar.take_in(&from, &head);
    let Some(sent) = jar.header(&to, None) else {
        return;
    };
    assert!(any && sent.is_sensitive() && sent.len() <= 16 << 10);
    for byte in sent.as_bytes() {
        // A tab is no control character here (RFC 6265bis §5.6).
        let is_control = byte.is_ascii_control() && *byte != b'\t';
        assert!(!is_control, "{sent:?}");
    }
    let sent = String::from_utf8_lossy(sent.as_bytes()).into_owned();
    for pair in sent.split("; ") {
        let name = pair.split('=').next().unwrap_or_default();
        let may = lines.iter().any(|line| permits(line, name, &from, &to));
        assert!(may, "{pair:?} of {from} is sent to {to}");
    }
}

/// Whether a line sets a cookie of that name, and lets it be sent there (RFC 6265 §5.3, §5.4, and the prefixes
/// of its successor).
fn permits(line: &str, name: &str, from: &CanonicalUrl, to: &CanonicalUrl) -> bool {
    let mut parts = line.split(';');
    let pair = parts.next().unwrap_or_default();
    if pair.split('=').next().map(str::trim) != Some(name) {
        return false;
    }
    let attributes: Vec<(String, &str)> = parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(key, value)| (key.trim().to_ascii_lowercase(), value.trim()))
        .collect();
    let has = |key: &str| attributes.iter().any(|attribute| attribute.0 == key);
    let of = |key: &'static str| {
        let named = move |attribute: &&(String, &str)| attribute.0 == key;
        attributes.iter().filter(named).map(|attribute| attribute.1)
    };
    let begins = |prefix: &str| name.to_ascii_lowercase().starts_with(prefix);
    if has("secure") && (from.scheme() != "https" || to.scheme() != "https") {
        return false;
    }
    if (begins("__secure-") || begins("__host-")) && !has("secure") {
        return false;
    }
    let is_of = |url: &CanonicalUrl, domain: &str| {
        let above = url.hostname().strip_suffix(domain);
        above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    };
    let shared = of("domain").any(|domain| {
        let domain = domain.trim_start_matches('.');
        let url = CanonicalUrl::parse(&format!("http://{domain}/"));
        let domain = url.as_ref().ok().filter(|url| url.domain().is_some());
        let domain = domain.map(CanonicalUrl::hostname);
        domain.is_some_and(|domain| is_of(from, domain) && is_of(to, domain))
    });
    let near = from.hostname() == to.hostname() || (shared && !begins("__host-"));
    let default = from
        .path()
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let within = |path: &str| {
        let after = to.path().strip_prefix(path);
        let whole = path.ends_with('/') || path.is_empty();
        after.is_some_and(|after| whole || after.is_empty() || after.starts_with('/'))
    };
    near && (within(default) || of("path").any(within))
}
