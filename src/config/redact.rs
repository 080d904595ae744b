//! What of the settings is secret, and what is shown in its place.

use super::secrets::is_variables;
use super::seeds::without_userinfo;
use super::{Config, HostConfig};
use crate::canonical;

/// What is shown in place of a secret.
const REDACTED: &str = "<redacted>";

impl Config {
    /// A copy that may be stored and shown: no values of headers, no passwords. What is in the environment
    /// is named as it was written, `${NAME}`.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut copy = self.clone();
        for seed in copy.seeds.seed.iter_mut().chain(&mut copy.seeds.sitemap) {
            *seed = without_userinfo(seed);
        }
        copy.fetch.header.iter_mut().for_each(hide_header);
        hide_user(&mut copy.fetch.user);
        hide_proxy(&mut copy.fetch.proxy);
        for table in &mut copy.host {
            table.header.iter_mut().for_each(hide_header);
            table.user.iter_mut().for_each(hide_user);
        }
        copy
    }

    /// Takes out what a redacted copy has in place of secrets. Answers with the keys that have to be given
    /// again.
    pub fn forget_redacted(&mut self) -> Vec<&'static str> {
        let mut keys = Vec::new();
        let fetch = &mut self.fetch;
        if forget_headers(&mut fetch.header) {
            keys.push("fetch.header");
        }
        for (key, text) in [
            ("fetch.user", &mut fetch.user),
            ("fetch.proxy", &mut fetch.proxy),
        ] {
            if text.contains(REDACTED) {
                text.clear();
                keys.push(key);
            }
        }
        let forget = |table: &mut HostConfig| {
            let user = table.user.take_if(|user| user.contains(REDACTED));
            forget_headers(&mut table.header) || user.is_some()
        };
        // Each is looked at, not the first alone.
        if self
            .host
            .iter_mut()
            .map(forget)
            .filter(|found| *found)
            .count()
            > 0
        {
            keys.push("host");
        }
        keys
    }
}

fn forget_headers(headers: &mut Vec<String>) -> bool {
    let before = headers.len();
    headers.retain(|header| !header.ends_with(REDACTED));
    headers.len() < before
}

fn hide_header(line: &mut String) {
    *line = match line.split_once(':') {
        _ if is_variables(line, &[]) => return,
        Some((_, value)) if is_credential(value.trim()) => return,
        // What is no name may be a part of the secret, where a colon is missing.
        Some((name, _)) if http::HeaderName::from_bytes(name.trim().as_bytes()).is_ok() => {
            format!("{}: {REDACTED}", name.trim())
        }
        _ => REDACTED.to_owned(),
    };
}

/// Whether a header's value is all in the environment, but for the name of a scheme (RFC 9110 §11.1).
fn is_credential(value: &str) -> bool {
    let schemes = ["Basic", "Bearer", "Token"];
    let bare = match value.split_once(' ') {
        Some((scheme, rest))
            if schemes
                .iter()
                .any(|known| known.eq_ignore_ascii_case(scheme)) =>
        {
            rest.trim()
        }
        _ => value,
    };
    is_variables(bare, &[])
}

fn hide_user(user: &mut String) {
    if !user.is_empty() && !is_variables(user, &[':']) {
        *user = without_password(user);
    }
}

/// Name and password: the name may be shown, the password if it is in the environment.
fn without_password(user: &str) -> String {
    match user.split_once(':') {
        Some((_, password)) if is_variables(password, &[]) => user.to_owned(),
        Some((name, _)) => format!("{name}:{REDACTED}"),
        None => REDACTED.to_owned(),
    }
}

fn hide_proxy(proxy: &mut String) {
    if proxy.is_empty() || is_variables(proxy, &[]) {
        return;
    }
    // Of what is no proxy's URL, or goes on behind its host, any part may be the password.
    let ends = |url: &url::Url| {
        matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none()
    };
    if !canonical::parse_proxy(proxy).is_some_and(|url| ends(&url)) {
        REDACTED.clone_into(proxy);
        return;
    }
    let begin = proxy.find("://").map_or(0, |scheme| scheme + 3);
    if let Some(at) = proxy.rfind('@').filter(|at| *at >= begin)
        && !is_variables(&proxy[begin..at], &[':'])
    {
        let shown = without_password(&proxy[begin..at]);
        proxy.replace_range(begin..at, &shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::without_users;

    #[test]
    fn secrets_are_redacted() {
        let mut config = Config::default();
        config.fetch.header = vec![
            "Authorization: Bearer s3cret".to_owned(),
            "X-Key: ${KEY}".to_owned(),
            "X-Other: s3cret${KEY}".to_owned(),
            "Authorization: Bearer ${TOKEN}".to_owned(),
            "${WHOLE}".to_owned(),
            "Cookie s3cret: x".to_owned(),
        ];
        config.fetch.user = "me:s3cret".to_owned();
        config.fetch.proxy = "http://me:s3cret@proxy.example:3128".to_owned();
        config.seeds.seed = vec![
            "http://me:s3cret@a.example/@x".to_owned(),
            "me:s3cret@b.example".to_owned(),
        ];
        config.host = vec![HostConfig {
            pattern: "a.example".to_owned(),
            header: vec!["Cookie: s3cret".to_owned()],
            user: Some("you:s3cret".to_owned()),
            ..HostConfig::default()
        }];
        let mut redacted = config.redacted();
        let shown = redacted.to_toml();
        assert!(!shown.contains("s3cret"), "{shown}");
        for part in [
            "Authorization: <redacted>",
            "X-Key: ${KEY}",
            "\"me:<redacted>\"",
            "\"you:<redacted>\"",
            "\"http://me:<redacted>@proxy.example:3128\"",
            "Authorization: Bearer ${TOKEN}",
            "\"${WHOLE}\"",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert_eq!(
            redacted.forget_redacted(),
            ["fetch.header", "fetch.user", "fetch.proxy", "host"]
        );
        assert_eq!(
            redacted.fetch.header,
            [
                "X-Key: ${KEY}",
                "Authorization: Bearer ${TOKEN}",
                "${WHOLE}"
            ]
        );
        assert!(!redacted.to_toml().contains(REDACTED));
        config.fetch.header = vec!["Authorization Bearer s3cret".to_owned()];
        let error = config.validate().expect_err("no colon").to_string();
        assert!(
            error.contains("'Name: value'") && !error.contains("s3cret"),
            "{error}"
        );
    }

    /// Whatever stands between the scheme and the name.
    #[test]
    fn users_of_seeds() {
        for text in [
            "https://me:s3cret@a.example/x",
            "https:/me:s3cret@a.example/x",
            "https:me:s3cret@a.example/x",
            "HTTP:\\\\me:s3cret@a.example\\@x",
            "http:///me:s3cret@a.example/x",
            "//me:s3cret@a.example/x",
            "me:s3cret@a.example/x",
        ] {
            let shown = without_userinfo(text);
            assert!(!shown.contains("s3cret"), "{text}: {shown}");
            assert!(shown.contains("…@a.example"), "{text}: {shown}");
        }
        for text in [
            "https://a.example/@x",
            "https:/a.example?@x",
            "a.example:80/@",
            "/@me",
        ] {
            assert_eq!(without_userinfo(text), text);
        }
    }

    #[test]
    fn users_in_texts() {
        for (text, wanted) in [
            ("", ""),
            ("9; url=a@b", "9; url=a@b"),
            ("http://a.example/@x", "http://a.example/@x"),
            (
                "<http://me:pw@a.example/x>; rel=next, <https://b@c>; rel=up",
                "<http://…@a.example/x>; rel=next, <https://…@c>; rel=up",
            ),
            (
                "9;url=http://bob:p@ss@h?x=ftp://u@v ü",
                "9;url=http://…@h?x=ftp://…@v ü",
            ),
            ("://@", "://…@"),
        ] {
            assert_eq!(without_users(text), wanted);
        }
    }

    #[test]
    fn variables_are_named() {
        for (text, shown) in [
            (
                "http://${U}:${P}@p.example:1",
                "http://${U}:${P}@p.example:1",
            ),
            ("http://me:${P}@p.example:1", "http://me:${P}@p.example:1"),
            (
                "http://me:s3cret@p.example:1",
                "http://me:<redacted>@p.example:1",
            ),
            ("${PROXY}", "${PROXY}"),
            ("socks5://p.example:1", "socks5://p.example:1"),
            ("s3cret@", "<redacted>"),
            ("me:s3cret//x@p.example:1", "<redacted>"),
            ("me:s3cret://x@p.example:1", "<redacted>"),
            ("http:/me://s3cret:x@p.example:1", "<redacted>"),
            ("http://me:1/s3cret@p.example:1", "<redacted>"),
            ("http://p.example:1/", "http://p.example:1/"),
            ("http:s3cret", "<redacted>"),
        ] {
            let mut proxy = text.to_owned();
            hide_proxy(&mut proxy);
            assert_eq!(proxy, shown, "{text}");
        }
        for (text, shown) in [
            ("me:${P}", "me:${P}"),
            ("${U}:${P}", "${U}:${P}"),
            ("${BOTH}", "${BOTH}"),
            ("${U}s3cret", "<redacted>"),
            ("me:s3cret${P}", "me:<redacted>"),
        ] {
            let mut user = text.to_owned();
            hide_user(&mut user);
            assert_eq!(user, shown, "{text}");
        }
    }
}
