//! What the settings allow which host.

use std::sync::Arc;

use crate::canonical::Host;
use crate::config::{Config, ConfigError, HostConfig, HostPattern};
use crate::politeness::Limits;

/// The limits of all hosts, and of those that have their own.
#[derive(Debug, Clone)]
pub struct Paces {
    /// Of every host that no table matches.
    pub limits: Limits,
    tables: Arc<[(HostPattern, HostConfig)]>,
}

impl Paces {
    /// The same limits for every host.
    #[must_use]
    pub fn all(limits: Limits) -> Self {
        Self {
            limits,
            tables: Arc::new([]),
        }
    }

    /// As the settings have it.
    ///
    /// # Errors
    /// When the `match` of a `[[host]]` table is none.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let table = |table: &HostConfig| {
            let pattern = HostPattern::parse(&table.pattern)
                .map_err(|message| ConfigError::value("host.match", &table.pattern, message))?;
            Ok((pattern, table.clone()))
        };
        Ok(Self {
            limits: Limits::from(&config.politeness),
            tables: config.host.iter().map(table).collect::<Result<_, _>>()?,
        })
    }

    /// The limits of one host: every table that matches lies over those before it.
    #[must_use]
    pub fn of(&self, host: &Host) -> Limits {
        let mut limits = self.limits;
        for (pattern, table) in self.tables.iter() {
            if !pattern.has_host(host) {
                continue;
            }
            limits = Limits {
                interval: table.rate.map_or(limits.interval, |rate| rate.interval()),
                burst: table.burst.unwrap_or(limits.burst),
                concurrency: table.host_concurrency.unwrap_or(limits.concurrency),
                random_wait: table.random_wait.unwrap_or(limits.random_wait),
                max_crawl_delay: table
                    .max_crawl_delay
                    .map_or(limits.max_crawl_delay, |span| span.0),
                ..limits
            };
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::CanonicalUrl;

    #[test]
    fn tables_lie_over_another() {
        let text = r#"
            [politeness]
            rate = "10/s"
            [[host]]
            match = "*.example"
            rate = "5/s"
            burst = 3
            [[host]]
            match = "a.example:8080"
            rate = "unlimited"
            host-concurrency = 9
            random-wait = true
            max-crawl-delay = "5s"
        "#;
        let config = Config::from_toml(text, std::path::Path::new("x")).expect("reads");
        let paces = Paces::new(&config).expect("usable");
        for (url, wanted) in [
            ("http://other/", (Some(100), 1, 2, false, 30)),
            ("http://a.example/", (Some(200), 3, 2, false, 30)),
            ("http://a.example:8080/", (None, 3, 9, true, 5)),
        ] {
            let limits = paces.of(&CanonicalUrl::parse(url).expect(url).host());
            let found = (
                limits.interval.map(|interval| interval.as_millis()),
                limits.burst,
                limits.concurrency,
                limits.random_wait,
                limits.max_crawl_delay.as_secs(),
            );
            assert_eq!(found, wanted, "{url}");
        }
    }
}
