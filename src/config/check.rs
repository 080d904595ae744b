//! What the types of the settings do not check themselves, and what of the settings is secret.

use super::seeds::without_userinfo;
use super::{Config, ConfigError};
use crate::canonical;
use crate::robots;

/// Largest burst: what comes at once is no rate.
const MAX_BURST: u32 = 10_000;

impl Config {
    /// A copy that may be stored and shown: no values of headers, no user information of a proxy.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut copy = self.clone();
        for seed in &mut copy.seeds.seed {
            *seed = without_userinfo(seed);
        }
        for header in &mut copy.fetch.header {
            let name = header
                .split_once(':')
                .map_or("<redacted>", |(name, _)| name.trim());
            *header = format!("{name}: <redacted>");
        }
        if let Some(mut proxy) = canonical::parse_proxy(&copy.fetch.proxy)
            && (!proxy.username().is_empty() || proxy.password().is_some())
        {
            let redacted = proxy
                .set_username("redacted")
                .and_then(|()| proxy.set_password(None));
            copy.fetch.proxy =
                redacted.map_or_else(|()| "<redacted>".to_owned(), |()| proxy.into());
        }
        if canonical::parse_proxy(&self.fetch.proxy).is_none() && self.fetch.proxy.contains('@') {
            "<redacted>".clone_into(&mut copy.fetch.proxy);
        }
        copy
    }

    /// Takes out what a redacted copy has in place of secrets. Answers with the keys that have to be given
    /// again.
    pub fn forget_redacted(&mut self) -> Vec<&'static str> {
        let mut keys = Vec::new();
        let headers = self.fetch.header.len();
        self.fetch
            .header
            .retain(|header| !header.ends_with(": <redacted>"));
        if self.fetch.header.len() < headers {
            keys.push("fetch.header");
        }
        if self.fetch.proxy == "<redacted>" || self.fetch.proxy.contains("//redacted@") {
            self.fetch.proxy.clear();
            keys.push("fetch.proxy");
        }
        keys
    }

    /// Checks what the types alone do not: numbers that must not be zero, the product token, headers,
    /// patterns. [`crate::run`] does so before anything else.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (key, value) in [
            ("politeness.burst", self.politeness.burst),
            (
                "politeness.host-concurrency",
                self.politeness.host_concurrency,
            ),
            ("politeness.concurrency", self.politeness.concurrency),
            ("politeness.max-failures", self.politeness.max_failures),
        ] {
            if value == 0 {
                return Err(ConfigError::value(key, value, "must be at least 1"));
            }
        }
        if self.fetch.max_body.0 == 0 {
            return Err(ConfigError::value(
                "fetch.max-body",
                self.fetch.max_body,
                "must be at least 1B",
            ));
        }
        for (key, value) in [
            ("fetch.timeout", self.fetch.timeout),
            ("fetch.connect-timeout", self.fetch.connect_timeout),
            ("fetch.read-timeout", self.fetch.read_timeout),
        ] {
            if value.0.is_zero() {
                return Err(ConfigError::value(key, value, "must be more than nothing"));
            }
        }
        for kind in &self.scope.content_types {
            if !is_media_range(kind) {
                return Err(ConfigError::value(
                    "scope.content-types",
                    kind,
                    "is not a media type such as text/html or image/*",
                ));
            }
        }
        let agent = &self.politeness.user_agent;
        if http::HeaderValue::from_str(agent).is_err() {
            return Err(ConfigError::value(
                "politeness.user-agent",
                agent,
                "cannot be sent in a header",
            ));
        }
        if !robots::is_product_token(robots::product_token(agent)) {
            return Err(ConfigError::value(
                "politeness.user-agent",
                agent,
                "must begin with a product token of letters, '-' and '_', such as mybot/1.0 (RFC 9309 §2.2.1)",
            ));
        }
        if self.politeness.burst > MAX_BURST {
            let message = format!("must be at most {MAX_BURST}");
            return Err(ConfigError::value(
                "politeness.burst",
                self.politeness.burst,
                message,
            ));
        }
        let proxy = canonical::parse_proxy(&self.fetch.proxy);
        if !self.fetch.proxy.is_empty() && proxy.is_none() {
            let shown = self.redacted().fetch.proxy;
            return Err(ConfigError::value(
                "fetch.proxy",
                shown,
                "is not a proxy's URL (http, https, socks4 or socks5)",
            ));
        }
        for header in &self.fetch.header {
            let (name, _) = parse_header(header)?;
            if name == http::header::USER_AGENT || name == http::header::HOST {
                let message =
                    "is not set here: user-agent has its own setting, the host is the URL's";
                return Err(ConfigError::value("fetch.header", name, message));
            }
        }
        Ok(())
    }
}

/// Whether a text is a media type, or one with `*` for its second part.
fn is_media_range(text: &str) -> bool {
    let token = |part: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
        !part.is_empty() && part.bytes().all(known)
    };
    text.split_once('/')
        .is_some_and(|(kind, part)| token(kind) && (part == "*" || token(part)))
}

/// Splits a configured header line.
///
/// # Errors
/// When it is not `Name: value`. The value is not repeated in the error: it may be a secret.
pub fn parse_header(line: &str) -> Result<(http::HeaderName, http::HeaderValue), ConfigError> {
    // Only what is surely a name is shown.
    let shown = line.split_once(':').map_or("<redacted>", |(name, _)| name);
    let bad = |message: &str| ConfigError::value("fetch.header", shown, message);
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| bad("is not of the form 'Name: value'"))?;
    let name = http::HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_| bad("is not a header's name"))?;
    let mut value = http::HeaderValue::from_str(value.trim())
        .map_err(|_| bad("has a value that cannot be sent"))?;
    value.set_sensitive(true);
    Ok((name, value))
}
