//! A text around a secret, wherever a setting may have one: it is in nothing that is shown or stored.

use super::line;
use crate::config::{Config, HostConfig, parse_seed};

const SECRET: &str = "s3cr3tS3CR3T";

pub(super) fn target(data: &[u8]) {
    let (before, after) = line(data);
    let after = String::from_utf8_lossy(after);
    let secret = format!("{before}{SECRET}{after}");
    header(&secret);
    password(&secret);
    for begin in [
        "http://",
        "https:/",
        "http:",
        "//",
        "",
        "http:\\\\",
        "///",
        " http://",
    ] {
        seed(&format!("{begin}me:{secret}@a.example/x"));
    }
}

/// That the secret is nowhere in what is said of settings.
fn check(config: &Config) {
    if let Err(error) = config.validate() {
        let said = format!("{error} {error:?}");
        assert!(!said.contains(SECRET), "{said}");
    }
    if let Err(error) = config.with_secrets() {
        let said = format!("{error} {error:?}");
        assert!(!said.contains(SECRET), "{said}");
    }
    let mut shown = config.redacted();
    assert!(!shown.to_toml().contains(SECRET), "{}", shown.to_toml());
    shown.forget_redacted();
    assert!(!shown.to_toml().contains(SECRET));
    let path = std::path::Path::new("c.toml");
    if let Err(error) = Config::from_toml(&config.to_toml(), path) {
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
}

/// The value of a header; a variable's name is shown, and is no secret.
fn header(secret: &str) {
    if secret.contains('$') {
        return;
    }
    for line in [
        format!("X-Key: {secret}"),
        format!("Authorization:{secret}"),
        format!("Cookie {secret}"),
    ] {
        let mut config = Config::default();
        config.fetch.header = vec![line.clone()];
        config.host = vec![HostConfig {
            pattern: "a.example".to_owned(),
            header: vec![line],
            ..HostConfig::default()
        }];
        check(&config);
    }
}

fn password(secret: &str) {
    if secret.contains('$') {
        return;
    }
    let mut config = Config::default();
    config.fetch.user = format!("me:{secret}");
    config.host = vec![HostConfig {
        pattern: "a.example".to_owned(),
        user: Some(format!("me:{secret}")),
        ..HostConfig::default()
    }];
    check(&config);
    for scheme in ["http://", "socks5://", "", "http:/", "http:\\\\"] {
        let mut config = Config::default();
        config.fetch.proxy = format!("{scheme}me:{secret}@p.example:3128");
        check(&config);
    }
}

/// A seed's password is what the URL Standard takes for it, or what stands before an `@` of what is no URL.
fn seed(text: &str) {
    let mut config = Config::default();
    config.seeds.seed = vec![text.to_owned()];
    config.seeds.sitemap = vec![text.to_owned()];
    if let Err(error) = config.seeds.all() {
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
    let shown = config.redacted().to_toml();
    if parse_seed(text).is_ok() && is_user(text) {
        assert!(config.seeds.names_user(), "{text:?}");
        assert!(!shown.contains(SECRET), "{text:?}: {shown}");
    }
}

/// Whether the secret is in the user information; elsewhere in a URL it is none.
#[expect(
    clippy::disallowed_methods,
    reason = "as the URL Standard has it, whatever is made of it here"
)]
fn is_user(text: &str) -> bool {
    let text = text.trim();
    let url = url::Url::parse(text).or_else(|_| url::Url::parse(&format!("https://{text}")));
    url.is_ok_and(|url| {
        let password = url.password().unwrap_or_default();
        url.username().contains(SECRET) || password.contains(SECRET)
    })
}
