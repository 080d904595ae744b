//! The only maker of a canonical URL, and of the three keys that are read off one.
//!
//! A [`CanonicalUrl`] is what the WHATWG URL Standard makes of the text, less its fragment and its
//! user information; the default port is gone and the host is in its ASCII (IDNA) form. Nothing else
//! is touched: no slash added, no case changed, no query sorted. It is sent as it stands.
//!
//! Two URLs that differ only in the case of percent-escapes, or in escaping what needs no escape
//! (RFC 3986 §2.3), are one: they share a [`CanonicalUrl::key`].

#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place where URLs are made"
)]

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use url::Url;

/// Longest URL that is followed, in bytes.
pub const MAX_URL_BYTES: usize = 4096;

/// Why a text is no URL that can be crawled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The URL Standard's parser refused it.
    #[error("not a URL ({0})")]
    Syntax(url::ParseError),
    /// The scheme is neither `http` nor `https`.
    #[error("scheme {0:?} is not http or https")]
    Scheme(String),
    /// More than [`MAX_URL_BYTES`].
    #[error("longer than {MAX_URL_BYTES} bytes")]
    TooLong,
}

/// An absolute `http` or `https` URL in the one form in which it is asked for and stored. Clones share
/// their text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalUrl(Arc<Url>);

impl CanonicalUrl {
    /// Parses an absolute URL.
    ///
    /// # Errors
    /// When the text is no absolute URL, is not `http(s)`, or is too long.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        // A generous cut before the parser: escaping can lengthen a URL at most threefold.
        if text.len() > 4 * MAX_URL_BYTES {
            return Err(UrlError::TooLong);
        }
        Self::from_url(Url::parse(text).map_err(UrlError::Syntax)?)
    }

    fn from_url(mut url: Url) -> Result<Self, UrlError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme(url.scheme().to_owned()));
        }
        url.set_fragment(None);
        if !url.username().is_empty() || url.password().is_some() {
            // Neither can fail: an http URL has a host.
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(UrlError::TooLong);
        }
        Ok(Self(Arc::new(url)))
    }

    /// Where its text stands in memory: the same for clones, and for nothing else while they live.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// The URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The URL as the `url` crate's type.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// The host's name or address alone, without port; IPv6 in brackets.
    #[must_use]
    pub fn hostname(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port in use, the scheme's default where none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(0)
    }

    /// The politeness key: name and port, 80 and 443 being one.
    #[must_use]
    pub fn host(&self) -> Host {
        match self.port() {
            80 | 443 => Host(self.hostname().into()),
            port => Host(format!("{}:{port}", self.hostname()).into()),
        }
    }

    /// The key of robots.txt, authorisation and cookies: scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin(self.0[..url::Position::BeforePath].into())
    }

    /// The path and the query, as robots.txt rules match them (RFC 9309 §2.2.2).
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.0[url::Position::BeforePath..]
    }

    /// The path alone.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// The registrable domain by the Public Suffix List; `None` for addresses and bare suffixes.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        match self.0.host()? {
            url::Host::Domain(name) => registrable_domain(name),
            _ => None,
        }
    }

    /// The identity of the URL: equal for URLs that differ only in percent-case and in escaped
    /// unreserved characters (RFC 3986 §6.2.2). Never sent.
    #[must_use]
    pub fn key(&self) -> Cow<'_, str> {
        normalise_escapes(self.as_str())
    }
}

impl fmt::Display for CanonicalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CanonicalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.as_str())
    }
}

/// What the relative references of a page are resolved against: its own URL, or its `<base href>`.
#[derive(Debug, Clone)]
pub struct Base(Arc<Url>);

impl Base {
    /// The base of a page that has no `<base>`.
    #[must_use]
    pub fn of(page: &CanonicalUrl) -> Self {
        Self(Arc::clone(&page.0))
    }

    /// The base after `<base href=HREF>` (HTML §4.2.3): a `data:` or `javascript:` base and one that
    /// does not parse are as good as none.
    #[must_use]
    pub fn with_href(page: &CanonicalUrl, href: &str) -> Self {
        match page.0.join(href) {
            Ok(url) if !matches!(url.scheme(), "data" | "javascript") => Self(Arc::new(url)),
            _ => Self::of(page),
        }
    }

    /// Resolves a reference found on the page.
    ///
    /// # Errors
    /// When what comes out is no URL, is not `http(s)`, or is too long.
    pub fn join(&self, reference: &str) -> Result<CanonicalUrl, UrlError> {
        if reference.len() > 4 * MAX_URL_BYTES {
            return Err(UrlError::TooLong);
        }
        let trimmed = reference.trim_start_matches(|c: char| c <= ' ');
        let authority = trimmed.trim_start_matches(['/', '\\']);
        // Three slashes or more before a host are as good as two (URL Standard, "special authority
        // ignore slashes state"); `url` 2.5 finds an empty host there.
        let joined = if trimmed.len() - authority.len() > 2 && self.0.scheme().starts_with("http") {
            self.0.join(&format!("//{authority}"))
        } else {
            self.0.join(reference)
        };
        CanonicalUrl::from_url(joined.map_err(UrlError::Syntax)?)
    }

    /// The base as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The key of politeness: a name and its port, 80 and 443 being one (`example.com`,
/// `example.com:8080`). Only [`CanonicalUrl::host`] makes one, and the store that reads it back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(Arc<str>);

impl Host {
    pub(crate) fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The host as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its name, and its port unless that is 80 or 443.
    pub(crate) fn name_and_port(&self) -> (&str, Option<u16>) {
        let port = self.0.rsplit_once(':');
        match port.and_then(|(name, port)| Some((name, port.parse().ok()?))) {
            Some((name, port)) if !name.starts_with('[') || name.ends_with(']') => {
                (name, Some(port))
            }
            _ => (&self.0, None),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Scheme, host and port (`https://example.com`, `http://example.com:8080`): what one robots.txt
/// speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(Arc<str>);

impl Origin {
    pub(crate) fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The origin as text, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the origin's robots.txt stands (RFC 9309 §2.3).
    ///
    /// # Errors
    /// Never for an origin read off a URL.
    pub fn robots_url(&self) -> Result<CanonicalUrl, UrlError> {
        CanonicalUrl::parse(&format!("{}/robots.txt", self.0))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The registrable domain of a host name by the Public Suffix List, `None` where the name is itself
/// a public suffix or has an empty label.
#[must_use]
pub fn registrable_domain(name: &str) -> Option<&str> {
    let whole = !name.starts_with('.') && !name.contains("..");
    let is_address = name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
    psl::domain_str(name).filter(|_| whole && !is_address)
}

/// The URL of a proxy: HTTP or SOCKS; without a scheme it is `http`.
#[must_use]
#[doc(hidden)]
pub fn parse_proxy(text: &str) -> Option<Url> {
    let known = |url: &Url| {
        matches!(
            url.scheme(),
            "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h"
        )
    };
    let with_scheme = |text: &str| {
        Url::parse(text)
            .ok()
            .filter(|url| url.has_host() && known(url))
    };
    if text.contains("://") {
        with_scheme(text)
    } else {
        with_scheme(&format!("http://{text}"))
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn hex(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

/// Upper-cases percent-escapes and resolves those of unreserved characters.
pub(crate) fn normalise_escapes(text: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'%', text.as_bytes()) else {
        return Cow::Borrowed(text);
    };
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut at = first;
    let mut plain = first;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| Some((hex(*bytes.get(at + 1)?)? << 4) | hex(*bytes.get(at + 2)?)?))
            .flatten();
        let Some(byte) = escape else {
            at += 1;
            continue;
        };
        out.push_str(&text[plain..at]);
        if is_unreserved(byte) {
            out.push(byte as char);
        } else {
            out.push('%');
            out.extend(text[at + 1..at + 3].chars().map(|c| c.to_ascii_uppercase()));
        }
        at += 3;
        plain = at;
    }
    out.push_str(&text[plain..]);
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> CanonicalUrl {
        CanonicalUrl::parse(text).expect(text)
    }

    #[test]
    fn canonical_form() {
        for (given, wanted) in [
            (
                "HTTP://User:pw@EXAMPLE.com:80/a/../b?q#frag",
                "http://example.com/b?q",
            ),
            ("https://example.com:443", "https://example.com/"),
            ("https://example.com:8443/x/", "https://example.com:8443/x/"),
            (
                "http://bücher.example/ü?ü",
                "http://xn--bcher-kva.example/%C3%BC?%C3%BC",
            ),
            (
                "http://example.com/A%2fb?b=2&a=1",
                "http://example.com/A%2fb?b=2&a=1",
            ),
            ("http://example.com//x//y", "http://example.com//x//y"),
        ] {
            assert_eq!(url(given).as_str(), wanted, "{given}");
        }
    }

    #[test]
    fn what_is_no_url() {
        for text in [
            "",
            "example.com",
            "ftp://example.com/",
            "mailto:a@b.c",
            "http://",
            "http://a b/",
        ] {
            assert!(CanonicalUrl::parse(text).is_err(), "{text}");
        }
        let long = format!("http://example.com/{}", "a".repeat(MAX_URL_BYTES));
        assert_eq!(CanonicalUrl::parse(&long), Err(UrlError::TooLong));
    }

    #[test]
    fn keys() {
        for (one, other, same) in [
            ("http://a.example/%7euser", "http://a.example/~user", true),
            ("http://a.example/%c3%bc", "http://a.example/%C3%BC", true),
            ("http://a.example/%2F", "http://a.example//", false),
            ("http://a.example/A", "http://a.example/a", false),
            (
                "http://a.example/?a=1&b=2",
                "http://a.example/?b=2&a=1",
                false,
            ),
            ("http://a.example/%zz%4", "http://a.example/%zz%4", true),
        ] {
            assert_eq!(url(one).key() == url(other).key(), same, "{one} {other}");
        }
    }

    #[test]
    fn hosts_and_origins() {
        for (text, host, origin) in [
            ("http://example.com/x", "example.com", "http://example.com"),
            (
                "https://example.com/x",
                "example.com",
                "https://example.com",
            ),
            (
                "http://example.com:443/x",
                "example.com",
                "http://example.com:443",
            ),
            (
                "https://example.com:8080/",
                "example.com:8080",
                "https://example.com:8080",
            ),
            ("http://[::1]:81/", "[::1]:81", "http://[::1]:81"),
        ] {
            assert_eq!(url(text).host().as_str(), host, "{text}");
            assert_eq!(url(text).origin().as_str(), origin, "{text}");
        }
    }

    #[test]
    fn base_decides_relative_references() {
        let page = url("http://example.com/a/b.html");
        for (href, reference, wanted) in [
            (None, "c.html", Some("http://example.com/a/c.html")),
            (Some("/x/"), "c.html", Some("http://example.com/x/c.html")),
            (
                Some("https://other.example/"),
                "../c?d#e",
                Some("https://other.example/c?d"),
            ),
            (Some("javascript:0"), "c", Some("http://example.com/a/c")),
            (
                Some("data:text/plain,x"),
                "c",
                Some("http://example.com/a/c"),
            ),
            (None, "mailto:x@example.com", None),
            (None, "http://[", None),
            (None, "///b.example/x", Some("http://b.example/x")),
            (None, " /\\/b.example", Some("http://b.example/")),
        ] {
            let base = href.map_or_else(|| Base::of(&page), |href| Base::with_href(&page, href));
            let got = base.join(reference).ok();
            assert_eq!(
                got.as_ref().map(CanonicalUrl::as_str),
                wanted,
                "{href:?} {reference}"
            );
        }
    }

    #[test]
    fn addresses_have_no_domain() {
        for (name, wanted) in [
            ("www.example.co.uk", Some("example.co.uk")),
            ("192.0.2.9", None),
            ("[2001:db8::1]", None),
            ("co.uk", None),
        ] {
            assert_eq!(registrable_domain(name), wanted, "{name}");
        }
    }
}
