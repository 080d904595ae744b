//! `[[host]]` tables: settings that are for some hosts alone.

use serde::{Deserialize, Serialize};

use super::values::{Rate, Span};
use crate::canonical::{CanonicalUrl, Host};

/// A `[[host]]` table. Of several that match, each lies over those before it, key by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct HostConfig {
    /// Which: `example.com` (on any port), `example.com:8080`, `*.example.com` (what is below that name),
    /// `https://example.com` (that origin).
    #[serde(rename = "match")]
    pub pattern: String,
    /// Requests to each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Requests that one may get at once after a rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// Requests in flight to each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_concurrency: Option<u32>,
    /// Make each gap longer by a random part of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_wait: Option<bool>,
    /// Longest Crawl-delay honoured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_crawl_delay: Option<Span>,
    /// Further request headers, `Name: value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<String>,
    /// Name and password for HTTP Basic, `NAME:PASSWORD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A PEM file with a client certificate and its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert: Option<String>,
}

/// What a `match` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostPattern {
    /// This name, whatever the port.
    Name(String),
    /// This name and port.
    Port(String, u16),
    /// Every name below this one.
    Below(String),
    /// This scheme, name and port.
    Origin(CanonicalUrl),
}

impl HostPattern {
    /// Reads a `match`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bad = || {
            "is none of example.com, example.com:8080, *.example.com, https://example.com"
                .to_owned()
        };
        if text.contains("://") {
            let url = CanonicalUrl::parse(text).map_err(|_| bad())?;
            return if url.path_and_query() == "/" && !text.contains(['@', '#']) {
                Ok(Self::Origin(url))
            } else {
                Err(bad())
            };
        }
        // The name in the form in which URLs have it: lower case, IDNA.
        let name = |name: &str| {
            let plain = !name.is_empty() && !name.contains(['/', '?', '#', '@', '\\', '*']);
            let url = CanonicalUrl::parse(&format!("http://{name}/"));
            let url = url.ok().filter(|url| plain && url.port() == 80);
            url.map(|url| url.hostname().to_owned()).ok_or_else(bad)
        };
        if let Some(below) = text.strip_prefix("*.") {
            return name(below).map(Self::Below);
        }
        match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let port = port.parse().map_err(|_| bad())?;
                Ok(Self::Port(name(host)?, port))
            }
            _ => name(text).map(Self::Name),
        }
    }

    /// Whether a URL is of such a host.
    pub(crate) fn has_url(&self, url: &CanonicalUrl) -> bool {
        match self {
            Self::Name(name) => name == url.hostname(),
            Self::Port(name, port) => name == url.hostname() && *port == url.port(),
            Self::Below(name) => is_below(url.hostname(), name),
            Self::Origin(origin) => origin.origin() == url.origin(),
        }
    }

    /// Whether a host, which is both of its origins on ports 80 and 443, is such a one.
    pub(crate) fn has_host(&self, host: &Host) -> bool {
        let (given, given_port) = host.name_and_port();
        match self {
            Self::Name(name) => name == given,
            Self::Port(name, port) => {
                let same = match given_port {
                    Some(given) => given == *port,
                    None => matches!(port, 80 | 443),
                };
                name == given && same
            }
            Self::Below(name) => is_below(given, name),
            Self::Origin(origin) => origin.host() == *host,
        }
    }
}

fn is_below(given: &str, name: &str) -> bool {
    given
        .strip_suffix(name)
        .is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matches() {
        for (pattern, url, of_url, of_host) in [
            ("example.com", "http://example.com/x", true, true),
            ("Example.COM", "https://example.com:8443/x", true, true),
            ("example.com", "http://www.example.com/", false, false),
            ("example.com:8080", "http://example.com:8080/", true, true),
            ("example.com:8080", "http://example.com/", false, false),
            // Ports 80 and 443 are one host, not one origin.
            ("example.com:443", "http://example.com/", false, true),
            ("*.example.com", "http://a.b.example.com:99/", true, true),
            ("*.example.com", "http://example.com/", false, false),
            ("*.example.com", "http://badexample.com/", false, false),
            ("https://example.com", "https://example.com/y", true, true),
            ("https://example.com", "http://example.com/y", false, true),
            (
                "https://example.com:8443",
                "https://example.com/",
                false,
                false,
            ),
            (
                "bücher.example",
                "http://xn--bcher-kva.example/",
                true,
                true,
            ),
            ("127.0.0.1:80", "http://127.0.0.1/", true, true),
            ("[::1]", "http://[::1]:8080/", true, true),
            ("[::1]:8080", "http://[::1]:8080/", true, true),
            ("[::1]:8081", "http://[::1]:8080/", false, false),
        ] {
            let url = CanonicalUrl::parse(url).expect(url);
            let parsed = HostPattern::parse(pattern).expect(pattern);
            assert_eq!(parsed.has_url(&url), of_url, "{pattern} {url}");
            assert_eq!(parsed.has_host(&url.host()), of_host, "{pattern} {url}");
        }
        for pattern in [
            "",
            "*",
            "*.",
            "example.com/x",
            "https://example.com/x",
            "ftp://example.com",
            "a b",
            "example.com:x",
            "example.com:99999",
            "a.*.example",
            "me@example.com",
            "https://me@example.com",
        ] {
            assert!(HostPattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
