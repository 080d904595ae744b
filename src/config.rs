//! The settings of a crawl: plain data and its defaults, one struct per section of `crawl.toml`.
//!
//! The file `crawl.toml` at the top of the repository shows every key at its default; a test holds the
//! two equal. Flags lie over the file, the file over [`Config::default`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::canonical::{self, CanonicalUrl, UrlError};
use crate::robots;

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

impl Seeds {
    /// The seeds as URLs, those of the file after the others, each once.
    ///
    /// # Errors
    /// The first that is no URL, named by its line where it stands in a file; or that the file cannot be
    /// read.
    pub fn urls(&self) -> Result<Vec<CanonicalUrl>, ConfigError> {
        let mut urls = Vec::new();
        for seed in &self.seed {
            urls.push(
                parse_seed(seed)
                    .map_err(|error| ConfigError::value("seed", without_userinfo(seed), error))?,
            );
        }
        let path = &self.input_file;
        if !path.as_os_str().is_empty() {
            let text = if path == Path::new("-") {
                std::io::read_to_string(std::io::stdin())
            } else {
                std::fs::read_to_string(path)
            };
            let text = text.map_err(|source| ConfigError::Read {
                path: path.clone(),
                source,
            })?;
            for (line, seed) in (1..).zip(text.lines().map(str::trim)) {
                if seed.is_empty() || seed.starts_with('#') {
                    continue;
                }
                urls.push(parse_seed(seed).map_err(|error| ConfigError::File {
                    path: path.clone(),
                    line,
                    message: format!("{:?}: {error}", without_userinfo(seed)),
                })?);
            }
        }
        let mut met = std::collections::HashSet::new();
        urls.retain(|url| met.insert(url.key().into_owned()));
        Ok(urls)
    }
}

/// A URL as it was written, with a mark in place of user and password.
fn without_userinfo(text: &str) -> String {
    let begin = text.find("//").map_or(0, |slashes| slashes + 2);
    let end = text[begin..]
        .find(['/', '?', '#'])
        .map_or(text.len(), |end| begin + end);
    match text[begin..end].rfind('@') {
        Some(at) => format!("{}…{}", &text[..begin], &text[begin + at..]),
        None => text.to_owned(),
    }
}

/// Reads a seed as a user writes it: `https://` is assumed where no scheme is written.
fn parse_seed(text: &str) -> Result<CanonicalUrl, UrlError> {
    let text = text.trim();
    // What follows the colon of `localhost:8080/x` is a port; what follows any other is not.
    let (scheme, rest) = text.split_once(':').unwrap_or(("", ""));
    let has_scheme = !scheme.is_empty()
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !rest.starts_with(|c: char| c.is_ascii_digit());
    if text.contains(char::is_whitespace) {
        // The URL Standard would escape it; in a seed it is a slip.
        return Err(UrlError::Syntax(url::ParseError::InvalidDomainCharacter));
    }
    if has_scheme || text.starts_with('[') {
        CanonicalUrl::parse(text)
    } else {
        CanonicalUrl::parse(&format!("https://{text}"))
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
        for header in &self.fetch.header {
            parse_header(header)?;
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

/// A number that may be `"unlimited"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit<T>(pub Option<T>);

impl<T> Default for Limit<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: fmt::Display> fmt::Display for Limit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("unlimited"),
        }
    }
}

impl<T: FromStr<Err: fmt::Display>> FromStr for Limit<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "unlimited" => Ok(Self(None)),
            _ => text
                .parse()
                .map(|value| Self(Some(value)))
                .map_err(|error: T::Err| error.to_string()),
        }
    }
}

/// A whole number, or `"unlimited"`: written as a TOML integer where it is one.
macro_rules! number_limit {
    ($number:ty) => {
        impl Serialize for Limit<$number> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0 {
                    Some(value) => serializer.serialize_u64(value.into()),
                    None => serializer.serialize_str("unlimited"),
                }
            }
        }

        impl<'de> Deserialize<'de> for Limit<$number> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(untagged)]
                enum Written {
                    Number($number),
                    Word(String),
                }
                match Written::deserialize(deserializer) {
                    Ok(Written::Number(value)) => Ok(Self(Some(value))),
                    Ok(Written::Word(word)) if word == "unlimited" => Ok(Self(None)),
                    _ => Err(serde::de::Error::custom(
                        "must be a whole number or \"unlimited\"",
                    )),
                }
            }
        }
    };
}

number_limit!(u32);
number_limit!(u64);

/// A type that is a string in the file and on the command line.
macro_rules! as_string {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_string!(Limit<Span>);
as_string!(Span);
as_string!(Bytes);
as_string!(Rate);

/// A length of time: `250ms`, `10s`, `5m`, `2h`, `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        for (unit, size) in [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1000),
        ] {
            if millis != 0 && millis.is_multiple_of(size) {
                return write!(f, "{}{unit}", millis / size);
            }
        }
        write!(f, "{millis}ms")
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a duration such as 500ms, 10s, 5m, 2h or 1d");
        let (number, unit) = split_unit(text);
        let number: f64 = number.parse().map_err(|_| bad())?;
        let seconds = number
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return Err(bad()),
            };
        // A hundred years are enough, and no sum of such times overflows.
        if !(0.0..=3.2e9).contains(&seconds) {
            return Err(bad());
        }
        Ok(Self(Duration::from_millis(
            (seconds * 1000.0).round() as u64
        )))
    }
}

/// A number of bytes: `512B`, `64KiB`, `10MiB`, `2GiB`, or with `kB`, `MB`, `GB` in thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

const BYTE_UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, size) = BYTE_UNITS[..4]
            .iter()
            .find(|(_, size)| self.0 != 0 && self.0.is_multiple_of(*size))
            .unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a size such as 512B, 64KiB or 10MiB");
        let (number, unit) = split_unit(text);
        let number: f64 = number.parse().map_err(|_| bad())?;
        let size = BYTE_UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(if unit.is_empty() { "B" } else { unit }))
            .ok_or_else(bad)?
            .1;
        let bytes = number * size as f64;
        if !(0.0..9e15).contains(&bytes) {
            return Err(bad());
        }
        Ok(Self(bytes.round() as u64))
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// Requests in a time: `5/s`, `30/min`, `100/h`, `0.2/s`, or `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    count: f64,
    unit: &'static str,
}

impl Eq for Rate {}

const RATE_UNITS: [(&str, f64); 4] = [("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0)];

impl Rate {
    /// No limit.
    pub const UNLIMITED: Self = Self {
        count: f64::INFINITY,
        unit: "s",
    };

    /// So many a second.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self {
            count: count as f64,
            unit: "s",
        }
    }

    /// The time between two requests at this rate; `None` where there is no limit.
    #[must_use]
    pub fn interval(self) -> Option<Duration> {
        let seconds = RATE_UNITS
            .iter()
            .find(|row| row.0 == self.unit)
            .map_or(1.0, |row| row.1);
        self.count
            .is_finite()
            .then(|| Duration::from_secs_f64(seconds / self.count))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count.is_finite() {
            write!(f, "{}/{}", self.count, self.unit)
        } else {
            f.write_str("unlimited")
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a rate such as 5/s, 30/min, 100/h or unlimited");
        if text == "unlimited" {
            return Ok(Self::UNLIMITED);
        }
        let (count, unit) = text.split_once('/').ok_or_else(bad)?;
        let unit = if unit.trim() == "m" {
            "min"
        } else {
            unit.trim()
        };
        let (unit, seconds) = RATE_UNITS
            .into_iter()
            .find(|row| row.0 == unit)
            .ok_or_else(bad)?;
        let count: f64 = count.trim().parse().map_err(|_| bad())?;
        // At least one in a hundred days, at most a million a second.
        if !(1e-7..=1e6).contains(&(count / seconds)) {
            return Err(bad());
        }
        Ok(Self { count, unit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_config_is_the_default() {
        let shown = include_str!("../crawl.toml");
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
    fn values() {
        for (text, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("1.5m", 90_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(
                text.parse::<Span>().expect(text).0,
                Duration::from_millis(millis)
            );
        }
        for text in ["", "10", "s", "-1s", "1e9d", "10x"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for (text, bytes) in [
            ("512", 512),
            ("64KiB", 65_536),
            ("10MiB", 10 << 20),
            ("2 GB", 2_000_000_000),
            ("1.5kb", 1500),
        ] {
            assert_eq!(text.parse::<Bytes>().expect(text).0, bytes);
        }
        for (text, millis) in [
            ("5/s", 200),
            ("30/min", 2000),
            ("0.5/s", 2000),
            ("100/h", 36_000),
        ] {
            assert_eq!(
                text.parse::<Rate>().expect(text).interval(),
                Some(Duration::from_millis(millis))
            );
        }
        assert_eq!(
            "unlimited".parse::<Rate>().expect("a rate").interval(),
            None
        );
        for text in ["", "5", "0/s", "-1/s", "NaN/s", "inf/s", "5/fortnight"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        for text in ["10s", "90s", "1m", "250ms", "0ms", "1d"] {
            let span: Span = text.parse().expect(text);
            assert_eq!(span.to_string().parse::<Span>().expect("shown"), span);
        }
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
    fn seeds() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("seeds.txt");
        std::fs::write(&file, "# list\n\nexample.com/x\r\nhttp://b.example\n").expect("written");
        let mut seeds = Seeds {
            seed: vec!["localhost:8080/a".into(), "https://example.com/x#y".into()],
            input_file: file.clone(),
        };
        let urls: Vec<String> = seeds
            .urls()
            .expect("seeds")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            urls,
            [
                "https://localhost:8080/a",
                "https://example.com/x",
                "http://b.example/"
            ]
        );
        std::fs::write(&file, "ok.example\nftp://example.com\n").expect("written");
        let error = seeds.urls().expect_err("refused").to_string();
        assert!(
            error.ends_with(
                "seeds.txt, line 2: \"ftp://example.com\": scheme \"ftp\" is not http or https"
            ),
            "{error}"
        );
        for (seed, wanted) in [
            (
                "mailto:a@b.example",
                "seed = \"…@b.example\": scheme \"mailto\" is not http or https",
            ),
            (
                "htp:/a.example",
                "seed = \"htp:/a.example\": scheme \"htp\" is not http or https",
            ),
            (
                "http://a.example/x y",
                "seed = \"http://a.example/x y\": not a URL (invalid domain character)",
            ),
        ] {
            let error = Seeds {
                seed: vec![seed.into()],
                ..Seeds::default()
            }
            .urls();
            assert_eq!(error.expect_err(seed).to_string(), wanted);
        }
        seeds.seed = vec!["http://".into()];
        assert_eq!(
            seeds.urls().expect_err("refused").to_string(),
            "seed = \"http://\": not a URL (empty host)"
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
