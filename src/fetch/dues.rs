//! What a request carries beyond what all carry. Headers and credentials are looked up by the URL of each
//! request, redirects included, so that nothing of one origin's reaches another.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Identity;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};

use crate::canonical::{CanonicalUrl, Origin};
use crate::config::{Config, ConfigError, HostPattern, parse_header};

/// What some URLs are due.
#[derive(Debug, Default)]
struct Due {
    headers: HeaderMap,
    /// Which client certificate, if any.
    identity: Option<usize>,
}

/// What every URL is due.
#[derive(Debug, Default)]
pub(super) struct Dues {
    /// The credentials that are for the seeds' origins.
    of_seeds: Due,
    seeds: HashSet<Origin>,
    /// The `[[host]]` tables.
    tables: Vec<(HostPattern, Due)>,
    /// The client certificates.
    pub(super) identities: Vec<Identity>,
    /// The headers that go everywhere.
    pub(super) everywhere: HeaderMap,
}

impl Dues {
    /// Reads them off the settings as they are written, which may be shown, and with secrets in their
    /// places.
    ///
    /// # Errors
    /// When a header or a certificate cannot be used.
    pub(super) fn new(
        written: &Config,
        config: &Config,
        seeds: &[CanonicalUrl],
    ) -> Result<Self, ConfigError> {
        let mut dues = Self {
            seeds: seeds.iter().map(CanonicalUrl::origin).collect(),
            ..Self::default()
        };
        let fetch = &config.fetch;
        for line in &fetch.header {
            let (name, value) = parse_header("fetch.header", line)?;
            if is_secret(&name) {
                &mut dues.of_seeds.headers
            } else {
                &mut dues.everywhere
            }
            .append(name, value);
        }
        if !fetch.user.is_empty() {
            basic(&mut dues.of_seeds.headers, "fetch.user", &fetch.user)?;
        }
        let cert = (&*written.fetch.client_cert, &*fetch.client_cert);
        dues.of_seeds.identity = dues.identity("fetch.client-cert", cert)?;
        for (written, table) in written.host.iter().zip(&config.host) {
            let pattern = HostPattern::parse(&table.pattern)
                .map_err(|message| ConfigError::value("host.match", &table.pattern, message))?;
            let mut due = Due::default();
            for line in &table.header {
                let (name, value) = parse_header("host.header", line)?;
                due.headers.append(name, value);
            }
            if let Some(user) = &table.user {
                basic(&mut due.headers, "host.user", user)?;
            }
            if let (Some(written), Some(file)) = (&written.client_cert, &table.client_cert) {
                due.identity = dues.identity("host.client-cert", (written, file))?;
            }
            dues.tables.push((pattern, due));
        }
        Ok(dues)
    }

    /// The headers of a request, and the client certificate that it may present.
    pub(super) fn of(&self, url: &CanonicalUrl) -> (HeaderMap, Option<usize>) {
        let (mut headers, mut identity) = (HeaderMap::new(), None);
        let of_seeds = Some(&self.of_seeds).filter(|_| self.seeds.contains(&url.origin()));
        let tables = self.tables.iter();
        let of_tables = tables.filter(|(pattern, _)| pattern.has_url(url));
        for due in of_seeds.into_iter().chain(of_tables.map(|(_, due)| due)) {
            // What a later one has of a name takes the place of all that earlier ones have of it.
            for name in due.headers.keys() {
                headers.remove(name);
            }
            for (name, value) in &due.headers {
                headers.append(name, value.clone());
            }
            identity = due.identity.or(identity);
        }
        // An empty one stands for none.
        if headers
            .get(AUTHORIZATION)
            .is_some_and(HeaderValue::is_empty)
        {
            headers.remove(AUTHORIZATION);
        }
        join_cookies(&mut headers);
        (headers, identity)
    }

    /// Reads a client certificate and its key.
    fn identity(
        &mut self,
        key: &str,
        (shown, file): (&str, &str),
    ) -> Result<Option<usize>, ConfigError> {
        if file.is_empty() {
            return Ok(None);
        }
        if file.contains("-----BEGIN") {
            let message = "holds a certificate or a key; it must be the name of a file that does";
            return Err(ConfigError::value(key, "<redacted>", message));
        }
        let pem = std::fs::read(file)
            .map_err(|error| ConfigError::value(key, shown, format!("cannot be read: {error}")))?;
        let identity = Identity::from_pem(&pem).map_err(|_| {
            let message = "holds no certificate with its key in PEM";
            ConfigError::value(key, shown, message)
        })?;
        // What is wrong with the certificate itself shows when a client is to have it.
        let probe = reqwest::Client::builder()
            .identity(identity.clone())
            .build();
        probe.map_err(|error| {
            let words = super::failure::root(&error);
            ConfigError::value(key, shown, format!("cannot be used: {words}"))
        })?;
        self.identities.push(identity);
        Ok(Some(self.identities.len() - 1))
    }
}

/// Parts of the names of headers that carry what a site lets somebody in for.
const SECRETS: [&str; 9] = [
    "auth",
    "cookie",
    "credential",
    "key",
    "passwd",
    "password",
    "secret",
    "session",
    "token",
];

/// Whether a header is for the seeds' origins alone, by its name. What else there is goes to all hosts that are
/// met, those of strangers among them.
fn is_secret(name: &HeaderName) -> bool {
    SECRETS.iter().any(|part| name.as_str().contains(part))
}

/// Adds HTTP Basic (RFC 7617). An empty user takes back what an earlier table has.
fn basic(headers: &mut HeaderMap, key: &str, user: &str) -> Result<(), ConfigError> {
    let text = if user.is_empty() {
        String::new()
    } else {
        format!("Basic {}", STANDARD.encode(user))
    };
    let value = HeaderValue::from_str(&text);
    let mut value = value.map_err(|_| ConfigError::value(key, "<redacted>", "cannot be sent"))?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(())
}

/// There is one `Cookie` header in a request (RFC 6265 §5.4).
fn join_cookies(headers: &mut HeaderMap) {
    let all: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if all.len() < 2 {
        return;
    }
    if let Ok(mut joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        joined.set_sensitive(true);
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HostConfig;

    #[test]
    fn each_origin_gets_what_it_is_due() {
        let mut config = Config::default();
        config.fetch.header = ["X-All: 1", "Cookie: a=b", "Cookie: c=d"]
            .map(str::to_owned)
            .to_vec();
        config.fetch.user = "me:one".to_owned();
        config.host = [
            ("*.b.example", "you:two"),
            ("http://c.b.example", "we:three"),
        ]
        .map(|(pattern, user)| HostConfig {
            pattern: pattern.to_owned(),
            header: vec![format!("X-From: {pattern}")],
            user: Some(user.to_owned()),
            ..HostConfig::default()
        })
        .to_vec();
        let seed = CanonicalUrl::parse("https://a.example/x").expect("a URL");
        let dues = Dues::new(&config, &config, &[seed]).expect("usable");
        assert_eq!(dues.everywhere.len(), 1);
        let basic = |user: &str| format!("Basic {}", STANDARD.encode(user));
        for (url, wanted) in [
            (
                "https://a.example/y",
                vec![basic("me:one"), "a=b; c=d".to_owned()],
            ),
            ("http://a.example/", vec![]),
            ("https://a.example:8443/", vec![]),
            ("http://b.example/", vec![]),
            (
                "http://d.b.example/",
                vec![basic("you:two"), "*.b.example".to_owned()],
            ),
            (
                "http://c.b.example/",
                vec![basic("we:three"), "http://c.b.example".to_owned()],
            ),
            (
                "https://c.b.example/",
                vec![basic("you:two"), "*.b.example".to_owned()],
            ),
        ] {
            let (headers, _) = dues.of(&CanonicalUrl::parse(url).expect(url));
            let mut found: Vec<&str> = headers.values().filter_map(|v| v.to_str().ok()).collect();
            let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            found.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{url}");
        }
    }

    #[test]
    fn secrets_by_name() {
        for (name, secret) in [
            ("authorization", true),
            ("cookie", true),
            ("x-api-key", true),
            ("x-auth-token", true),
            ("x-amz-security-token", true),
            ("cf-access-client-secret", true),
            ("accept-language", false),
            ("x-forwarded-for", false),
            ("dnt", false),
            ("referer", false),
        ] {
            assert_eq!(is_secret(&HeaderName::from_static(name)), secret, "{name}");
        }
    }
}
