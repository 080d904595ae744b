//! The settings of a crawl: plain data and its defaults, one struct per section of `crawl.toml`.
//!
//! The file `crawl.toml` at the top of the repository shows every key at its default; a test holds the
//! two equal. Flags lie over the file, the file over [`Config::default`].

mod seeds;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::robots;
use seeds::without_userinfo;
pub use values::{Bytes, Limit, Rate, Span};

/// What is wrong with a setting, and where it stands.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not valid TOML, has an unknown key, or a value of the wrong form.
    #[error("{path}, line {line}: {message}")]
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
        /// What is wrong with it, and the nearest valid word where there is one.
        message: String,
    },
    /// A value that cannot be used.
    #[error("{key} = {value:?}: {message}")]
    Value {
        /// The key, in its section (`scope.include`).
        key: String,
        /// The value as it was given.
        value: String,
        /// What is wrong with it.
        message: String,
    },
    /// There is nothing to crawl.
    #[error(
        "no seed: give --seed URL, --input-file FILE, or seeds in crawl.toml ([seeds] seed = [\"https://example.com/\"])"
    )]
    NoSeed,
}

impl ConfigError {
    pub(crate) fn value(key: &str, value: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::Value {
            key: key.to_owned(),
            value: value.to_string(),
            message: message.to_string(),
        }
    }
}

/// Largest burst: what comes at once is no rate.
const MAX_BURST: u32 = 10_000;

/// All settings of a crawl.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Config {
    /// Where it begins.
    pub seeds: Seeds,
    /// What belongs to it, and when it stops.
    pub scope: ScopeConfig,
    /// How gently hosts are asked.
    pub politeness: Politeness,
    /// How a request is made.
    pub fetch: FetchConfig,
    /// What is read out of a page.
    pub parse: ParseConfig,
    /// Where the result goes.
    pub output: Output,
}

/// Where a crawl begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Seeds {
    /// URLs; `https://` is assumed where no scheme is written.
    pub seed: Vec<String>,
    /// A file of seeds, one a line, `#` for comments; empty for none.
    pub input_file: PathBuf,
}

/// How far from its seeds a crawl goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// The seeds alone.
    Page,
    /// What stands at or below the folder of a seed.
    Prefix,
    /// The host (name and port) of a seed.
    #[default]
    Host,
    /// The registrable domain of a seed, by the Public Suffix List.
    Domain,
    /// Everything.
    Any,
}

impl Reach {
    /// The word in the config and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Prefix => "prefix",
            Self::Host => "host",
            Self::Domain => "domain",
            Self::Any => "any",
        }
    }
}

/// What belongs to a crawl, and when it stops.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ScopeConfig {
    /// How far from the seeds.
    pub scope: Reach,
    /// Regular expressions; where there are any, a URL must match one.
    pub include: Vec<String>,
    /// Regular expressions; a URL that matches one stays out, whatever `include` says.
    pub exclude: Vec<String>,
    /// Links followed from a seed at the most.
    pub max_depth: Limit<u32>,
    /// Pages at the most.
    pub max_pages: Limit<u64>,
    /// Time at the most, for each start of the program.
    pub time_limit: Limit<Span>,
    /// Follow links in spite of `rel=nofollow` and a page's `nofollow`.
    pub ignore_nofollow: bool,
}

/// How gently hosts are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Politeness {
    /// Requests to one host.
    pub rate: Rate,
    /// Requests that a host which was left alone may get at once.
    pub burst: u32,
    /// Requests in flight to one host.
    pub host_concurrency: u32,
    /// Requests in flight in all.
    pub concurrency: u32,
    /// Requests in all.
    pub global_rate: Rate,
    /// Do not ask for robots.txt, nor obey it.
    pub ignore_robots: bool,
    /// The `User-Agent`; its first word is the token that robots.txt knows us by.
    pub user_agent: String,
    /// Longest Crawl-delay honoured; a longer one is cut to this, and said.
    pub max_crawl_delay: Span,
    /// Longest time that one answer (Retry-After) can hold a host.
    pub max_hold: Span,
    /// Failures in a row after which a host is set aside until the next start.
    pub max_failures: u32,
}

impl Default for Politeness {
    fn default() -> Self {
        Self {
            rate: Rate::per_second(5),
            burst: 1,
            host_concurrency: 2,
            concurrency: 64,
            global_rate: Rate::UNLIMITED,
            ignore_robots: false,
            user_agent: concat!("crawl/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_crawl_delay: Span::seconds(30),
            max_hold: Span::seconds(600),
            max_failures: 20,
        }
    }
}

/// How a request is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct FetchConfig {
    /// The whole of a request, from its start to the last byte.
    pub timeout: Span,
    /// Until the connection stands.
    pub connect_timeout: Span,
    /// Between two pieces of an answer.
    pub read_timeout: Span,
    /// Further tries of what failed for a passing reason.
    pub retries: u32,
    /// Wait before the first further try; doubled for each one after.
    pub retry_wait: Span,
    /// Bytes of a body, on the wire and decoded; the rest is cut and marked.
    pub max_body: Bytes,
    /// Redirects in a row.
    pub max_redirects: u32,
    /// Further request headers, `Name: value`.
    pub header: Vec<String>,
    /// `http://`, `https://` or `socks5://` proxy for all requests; empty: as the environment says.
    pub proxy: String,
    /// Accept any certificate.
    pub insecure: bool,
    /// Let requests go to private and local addresses.
    pub allow_private: bool,
    /// After the first signal, what is in flight has so long to end.
    pub stop_grace: Span,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            timeout: Span::seconds(60),
            connect_timeout: Span::seconds(10),
            read_timeout: Span::seconds(20),
            retries: 3,
            retry_wait: Span::seconds(1),
            max_body: Bytes(10 << 20),
            max_redirects: 10,
            header: Vec::new(),
            proxy: String::new(),
            insecure: false,
            allow_private: false,
            stop_grace: Span::seconds(5),
        }
    }
}

/// What is read out of a page; what is over a limit is cut, and the page marked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ParseConfig {
    /// Links of one page.
    pub max_links: u32,
    /// Length of a title and of a description.
    pub max_title: Bytes,
    /// Length of a link's text.
    pub max_anchor: Bytes,
}

impl Default for ParseConfig {
    fn default() -> Self {
        Self {
            max_links: 20_000,
            max_title: Bytes(1024),
            max_anchor: Bytes(256),
        }
    }
}

/// Where the result goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Output {
    /// The directory of `crawl.db` and `pages/`.
    pub output: PathBuf,
    /// Write bodies to `pages/`.
    pub files: bool,
    /// Move an output that is there aside and begin anew.
    pub fresh: bool,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            output: PathBuf::from("crawl-out"),
            files: true,
            fresh: false,
        }
    }
}

impl Config {
    /// Reads a `crawl.toml`.
    ///
    /// # Errors
    /// When the file cannot be read, or holds anything but known keys with values of their form.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::from_toml(&text, path)
    }

    /// Reads the text of a `crawl.toml`; `path` is named in errors.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn from_toml(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.as_bytes()[..start]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count()
                + 1;
            ConfigError::File {
                path: path.to_owned(),
                line,
                message: explain(error.message()),
            }
        })
    }

    /// The settings as `crawl.toml` would have them.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| format!("# cannot be shown: {error}\n"))
    }

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

/// Makes a sentence of what the TOML reader says, with the nearest valid word for an unknown one.
fn explain(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let Some(word) = quoted.next().filter(|_| unknown) else {
        return message.lines().collect::<Vec<_>>().join(" ");
    };
    let valid: Vec<&str> = quoted.collect();
    let what = if message.starts_with("unknown field") {
        "key"
    } else {
        "value"
    };
    match nearest(word, valid.iter().copied()) {
        Some(near) => format!("unknown {what} {word:?}; did you mean {near:?}?"),
        None => format!("unknown {what} {word:?}; valid are {}", valid.join(", ")),
    }
}

/// The valid word that looks most like the given one, if any comes near.
pub fn nearest<'a>(word: &str, valid: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    valid
        .map(|other| (strsim::jaro_winkler(word, other), other))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_config_is_the_default() {
        let shown = include_str!("../../crawl.toml");
        let read = Config::from_toml(shown, Path::new("crawl.toml")).expect("crawl.toml reads");
        assert_eq!(read, Config::default());
        // Every key is shown: what the default would write is there, line by line.
        for line in Config::default()
            .to_toml()
            .lines()
            .filter(|line| line.contains('='))
        {
            let key = line.split('=').next().unwrap_or_default().trim();
            assert!(
                shown.lines().any(|shown| shown.starts_with(key)),
                "crawl.toml lacks {key}"
            );
        }
    }

    #[test]
    fn written_and_read_back() {
        let mut config = Config::default();
        config.scope.max_depth = Limit(Some(3));
        config.scope.time_limit = Limit(Some(Span::seconds(90)));
        config.politeness.rate = "30/min".parse().expect("a rate");
        let read = Config::from_toml(&config.to_toml(), Path::new("x")).expect("reads");
        assert_eq!(read, config);
    }

    #[test]
    fn errors_name_line_key_and_nearest_word() {
        for (text, wanted) in [
            (
                "[scope]\nmax-dept = 3\n",
                "c.toml, line 2: unknown key \"max-dept\"; did you mean \"max-depth\"?",
            ),
            (
                "[polite]\n",
                "c.toml, line 1: unknown key \"polite\"; did you mean \"politeness\"?",
            ),
            (
                "[scope]\nscope = \"hots\"\n",
                "c.toml, line 2: unknown value \"hots\"; did you mean \"host\"?",
            ),
            (
                "[politeness]\n\nrate = \"5\"\n",
                "c.toml, line 3: \"5\" is not a rate such as 5/s, 30/min, 100/h or unlimited",
            ),
            (
                "[fetch]\ntimeout = \"10 parsecs\"\n",
                "c.toml, line 2: \"10 parsecs\" is not a duration such as 500ms, 10s, 5m, 2h or 1d",
            ),
            (
                "[scope]\nmax-pages = -1\n",
                "c.toml, line 2: must be a whole number or \"unlimited\"",
            ),
        ] {
            let error = Config::from_toml(text, Path::new("c.toml")).expect_err(text);
            assert_eq!(error.to_string(), wanted);
        }
        let error = Config::from_toml("[scope\n", Path::new("c.toml")).expect_err("not TOML");
        assert!(error.to_string().starts_with("c.toml, line 1: "), "{error}");
    }

    #[test]
    fn secrets_are_redacted() {
        let mut config = Config::default();
        config.fetch.header = vec!["Authorization: Bearer s3cret".to_owned()];
        config.fetch.proxy = "http://me:s3cret@proxy.example:3128".to_owned();
        config.seeds.seed = vec![
            "http://me:s3cret@a.example/@x".to_owned(),
            "me:s3cret@b.example".to_owned(),
        ];
        let shown = config.redacted().to_toml();
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(
            shown.contains("Authorization: <redacted>") && shown.contains("proxy.example:3128"),
            "{shown}"
        );
        config.fetch.header = vec!["Authorization Bearer s3cret".to_owned()];
        let error = config.validate().expect_err("no colon").to_string();
        assert!(
            error.contains("'Name: value'") && !error.contains("s3cret"),
            "{error}"
        );
    }

    #[test]
    fn values_that_cannot_be_used() {
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.validate().expect_err("refused").to_string()
        };
        assert!(
            with(|c| c.politeness.concurrency = 0).starts_with("politeness.concurrency = \"0\"")
        );
        assert!(with(|c| c.politeness.user_agent = "1bot/2".into()).contains("product token"));
        assert!(with(|c| c.politeness.user_agent = "bot\n".into()).contains("cannot be sent"));
        assert!(with(|c| c.fetch.header = vec!["a b: c".into()]).contains("not a header's name"));
        Config::default().validate().expect("the default is valid");
    }
}
