//! What the types of the settings do not check themselves.

use super::hosts::HostPattern;
use super::resolve::Resolved;
use super::secrets::{expand, has_variables};
use super::{Config, ConfigError, HostConfig, Politeness};
use crate::canonical::{self, CanonicalUrl};
use crate::rewrite::Rewrite;
use crate::robots;

/// Largest burst: what comes at once is no rate.
const MAX_BURST: u32 = 10_000;

/// How the value of a key is checked.
type Check = fn(&str, &str) -> Result<(), ConfigError>;

impl Config {
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
            ("scope.trap-budget", self.scope.trap_budget),
        ] {
            if value == 0 {
                return Err(ConfigError::value(key, value, "must be at least 1"));
            }
        }
        for (key, value) in [
            ("scope.max-pages", self.scope.max_pages.0),
            ("scope.max-pages-per-host", self.scope.max_pages_per_host.0),
            ("recrawl.budget", self.recrawl.budget.0),
        ] {
            if value == Some(0) {
                return Err(ConfigError::value(key, 0, "must be at least 1"));
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
        Rewrite::new(&self.scope, &[])?;
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
        check_contact(&self.politeness)?;
        for line in &self.fetch.resolve {
            Resolved::parse(line)?;
        }
        for table in &self.host {
            check_host(table)?;
        }
        for row in &self.priority {
            if !(-100..=100).contains(&row.priority) {
                let message = "must be from -100 to 100";
                return Err(ConfigError::value(
                    "priority.priority",
                    row.priority,
                    message,
                ));
            }
        }
        super::fields::check(&self.field)?;
        check_authorised("fetch.user", &self.fetch.user, &self.fetch.header)?;
        // What is in the environment is looked at when it is used.
        self.secrets(|key, text, check| {
            if has_variables(text) {
                Ok(())
            } else {
                check(key, text)
            }
        })
    }

    /// A copy with the values of the environment's variables in place of `${NAME}`: to be used, never to be
    /// shown.
    ///
    /// # Errors
    /// When a variable is not set, or its value cannot be used.
    pub(crate) fn with_secrets(&self) -> Result<Self, ConfigError> {
        self.secrets(|key, text, check| {
            check(key, &expand(key, text)?).map_err(|error| match error {
                ConfigError::Value { key, message, .. } if has_variables(text) => {
                    ConfigError::value(&key, "<redacted>", message)
                }
                other => other,
            })
        })?;
        let mut copy = self.clone();
        let all = |key: &str, list: &mut Vec<String>| {
            list.iter_mut()
                .try_for_each(|text| expand(key, text).map(|value| *text = value))
        };
        let one = |key: &str, text: &mut String| expand(key, text).map(|value| *text = value);
        all("fetch.header", &mut copy.fetch.header)?;
        one("fetch.user", &mut copy.fetch.user)?;
        one("fetch.client-cert", &mut copy.fetch.client_cert)?;
        one("fetch.proxy", &mut copy.fetch.proxy)?;
        for table in &mut copy.host {
            all("host.header", &mut table.header)?;
            for (key, text) in [
                ("host.user", &mut table.user),
                ("host.client-cert", &mut table.client_cert),
            ] {
                text.as_mut().map_or(Ok(()), |text| one(key, text))?;
            }
        }
        Ok(copy)
    }

    /// Goes over every setting that may hold a secret: its key, its text, and how it is checked.
    fn secrets(
        &self,
        visit: impl Fn(&str, &str, Check) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let fetch = &self.fetch;
        visit("fetch.proxy", &fetch.proxy, check_proxy)?;
        visit("fetch.user", &fetch.user, check_user)?;
        visit("fetch.client-cert", &fetch.client_cert, |_, _| Ok(()))?;
        for line in &fetch.header {
            visit("fetch.header", line, check_header)?;
        }
        for table in &self.host {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            visit("host.user", &text(&table.user), check_user)?;
            visit("host.client-cert", &text(&table.client_cert), |_, _| Ok(()))?;
            for line in &table.header {
                visit("host.header", line, check_header)?;
            }
        }
        Ok(())
    }
}

fn check_contact(politeness: &Politeness) -> Result<(), ConfigError> {
    let contact = &politeness.contact;
    let sendable = http::HeaderValue::from_str(contact).is_ok() && contact.is_ascii();
    let good = match politeness.mail() {
        _ if contact.is_empty() => true,
        Some(mail) => mail.split_once('@').is_some_and(|(name, host)| {
            let plain = |part: &str| !part.is_empty() && !part.contains(['@', ' ', '(', ')', '<']);
            plain(name) && plain(host)
        }),
        None => CanonicalUrl::parse(contact).is_ok() && !contact.contains([' ', '(', ')']),
    };
    if good && sendable {
        return Ok(());
    }
    Err(ConfigError::value(
        "politeness.contact",
        contact,
        "is neither a page such as https://example.com/bot nor an address of mail",
    ))
}

/// There is one way to say who one is.
fn check_authorised(key: &str, user: &str, headers: &[String]) -> Result<(), ConfigError> {
    let authorised = |line: &String| {
        let name = line.split(':').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("authorization")
    };
    if user.is_empty() || !headers.iter().any(authorised) {
        return Ok(());
    }
    let message = "stands beside a header Authorization: keep one of them";
    Err(ConfigError::value(key, "<redacted>", message))
}

fn check_host(table: &HostConfig) -> Result<(), ConfigError> {
    let user = table.user.as_deref().unwrap_or_default();
    check_authorised("host.user", user, &table.header)?;
    HostPattern::parse(&table.pattern)
        .map_err(|message| ConfigError::value("host.match", &table.pattern, message))?;
    for (key, value) in [
        ("host.burst", table.burst),
        ("host.host-concurrency", table.host_concurrency),
    ] {
        if let Some(value) = value.filter(|value| !(1..=MAX_BURST).contains(value)) {
            let message = if value == 0 {
                "must be at least 1".to_owned()
            } else {
                format!("must be at most {MAX_BURST}")
            };
            return Err(ConfigError::value(key, value, message));
        }
    }
    Ok(())
}

fn check_proxy(key: &str, value: &str) -> Result<(), ConfigError> {
    if value.is_empty() || canonical::parse_proxy(value).is_some() {
        return Ok(());
    }
    // What stands there may be a password, wherever in it.
    let shown = "<redacted>";
    let message = "is not a proxy's URL (http, https, socks4 or socks5)";
    Err(ConfigError::value(key, shown, message))
}

fn check_user(key: &str, value: &str) -> Result<(), ConfigError> {
    let named = value.find(':').is_some_and(|colon| colon > 0);
    if value.is_empty() || (named && !value.contains(char::is_control)) {
        return Ok(());
    }
    let message = "is not of the form NAME:PASSWORD";
    Err(ConfigError::value(key, "<redacted>", message))
}

fn check_header(key: &str, value: &str) -> Result<(), ConfigError> {
    let (name, _) = parse_header(key, value)?;
    if name == http::header::PROXY_AUTHORIZATION {
        let message = "is not set here: write NAME:PASSWORD@ before the host of proxy";
        return Err(ConfigError::value(key, name, message));
    }
    if name == http::header::USER_AGENT || name == http::header::HOST {
        let message = "is not set here: user-agent has its own setting, the host is the URL's";
        return Err(ConfigError::value(key, name, message));
    }
    Ok(())
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
pub(crate) fn parse_header(
    key: &str,
    line: &str,
) -> Result<(http::HeaderName, http::HeaderValue), ConfigError> {
    // Only what is surely a name is shown.
    let name = line.split_once(':').map(|(name, _)| name.trim());
    let is_name = |name: &&str| http::HeaderName::from_bytes(name.as_bytes()).is_ok();
    let shown = name.filter(is_name).unwrap_or("<redacted>");
    let bad = |message: &str| ConfigError::value(key, shown, message);
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
