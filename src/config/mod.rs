//! The settings of a crawl: plain data and its defaults, one struct per section of `crawl.toml`.
//!
//! The file `crawl.toml` at the top of the repository shows every key at its default; a test holds the
//! two equal. Flags lie over the file, the file over [`Config::default`].

mod change;
mod check;
mod error;
mod explain;
mod fields;
mod hosts;
mod proxies;
mod redact;
mod resolve;
mod secrets;
mod sections;
mod seed;
mod seeds;
mod since;
mod values;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use change::Change;
pub(crate) use change::changes;
pub(crate) use check::parse_header;
pub use error::ConfigError;
#[doc(hidden)]
pub use error::nearest;
pub use fields::{FieldConfig, FieldKind, Take};
pub use hosts::HostConfig;
pub(crate) use hosts::HostPattern;
pub(crate) use proxies::of_environment as proxies_of_environment;
pub use proxies::proxy_variables;
pub(crate) use resolve::Resolved;
pub use sections::{
    By, Durability, FetchConfig, Output, ParseConfig, Politeness, PriorityConfig, Purpose, Reach,
    Recrawl, ScopeConfig, Seeds, Sequence, Sitemaps,
};
pub use seed::Seed;
pub(crate) use seeds::{has_scheme, parse_seed, without_secret};
pub use seeds::{without_userinfo, without_users};
pub use since::Since;
pub use values::{Bytes, Limit, Rate, Span};

use explain::{explain, place};

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
    /// What an earlier run has.
    pub recrawl: Recrawl,
    /// Where the result goes.
    pub output: Output,
    /// What is otherwise for some hosts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<HostConfig>,
    /// URLs that come before or after the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub priority: Vec<PriorityConfig>,
    /// Values to be taken out of pages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub field: Vec<FieldConfig>,
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
        let at = |start: usize, message: String| ConfigError::File {
            path: path.to_owned(),
            line: 1 + text
                .bytes()
                .take(start)
                .filter(|&byte| byte == b'\n')
                .count(),
            message,
        };
        let config: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            at(start, explain(&error, text))
        })?;
        // What flags lie over this is not known here: a file has to be sound by itself.
        let patterns = || crate::scope::Scope::new(&config.scope, &[]).map(drop);
        let order = || crate::order::Order::new(&config).map(drop);
        let fields = || crate::parse::Extractor::new(&config.field).map(drop);
        let checked = config
            .validate()
            .and_then(|()| patterns())
            .and_then(|()| order())
            .and_then(|()| fields());
        checked.map_err(|error| match &error {
            ConfigError::Value { key, value, .. } => match place(key, value, text) {
                Some(start) => at(start, error.to_string()),
                None => error,
            },
            _ => error,
        })?;
        Ok(config)
    }

    /// A number for how pages are read: what two starts with the same number read out of the same bytes is
    /// the same.
    pub(crate) fn reading(&self) -> i64 {
        use std::hash::Hasher;
        /// Raised when the parser comes to read more, or otherwise.
        const PARSER: u32 = 3;
        let parse = toml::to_string(&self.parse).unwrap_or_default();
        let fields: String = self
            .field
            .iter()
            .map(|field| toml::to_string(field).unwrap_or_default())
            .collect();
        let agent = crate::robots::product_token(&self.politeness.user_agent);
        let purpose = self.politeness.purpose.as_str();
        // Links are stored as they are asked for. Said only where it is so: other numbers stay as they were.
        let rewrite = if self.scope.rewrites() {
            let scope = &self.scope;
            format!(
                "{:?} {} {}",
                scope.strip_params, scope.https_upgrade, scope.fold_www
            )
        } else {
            String::new()
        };
        // The key is fixed: the number is stored.
        let mut hasher = siphasher::sip::SipHasher13::new_with_keys(0, 0);
        hasher.write(format!("{PARSER} {agent} {parse}{fields}{rewrite}{purpose}").as_bytes());
        hasher.finish() as i64
    }

    /// The settings as `crawl.toml` would have them.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| format!("# cannot be shown: {error}\n"))
    }
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
    fn values_that_cannot_be_used() {
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.validate().expect_err("refused").to_string()
        };
        assert!(
            with(|c| c.politeness.concurrency = 0).starts_with("politeness.concurrency = \"0\"")
        );
        assert!(with(|c| c.scope.max_pages = Limit(Some(0))).contains("must be at least 1"));
        assert!(with(|c| c.politeness.user_agent = "1bot/2".into()).contains("product token"));
        assert!(with(|c| c.politeness.user_agent = "bot\n".into()).contains("cannot be sent"));
        assert!(with(|c| c.fetch.header = vec!["a b: c".into()]).contains("not a header's name"));
        Config::default().validate().expect("the default is valid");
    }
}
