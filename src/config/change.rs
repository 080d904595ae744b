//! What differs between the settings of two starts, as the database has them.

use toml::{Table, Value};

use super::Config;

/// Settings that decide which URLs belong to a crawl: when one of them changes, that is decided anew.
const DECIDING: [&str; 19] = [
    "scope.scope",
    "scope.extra-hops",
    "scope.include",
    "scope.exclude",
    "scope.max-depth",
    "scope.ignore-nofollow",
    "scope.assets",
    "scope.check-external",
    "scope.order",
    "scope.strip-params",
    "scope.https-upgrade",
    "scope.fold-www",
    "scope.sitemaps",
    "scope.sitemap-since",
    "scope.ignore-traps",
    "scope.trap-budget",
    "scope.max-url-length",
    "scope.max-path-segments",
    "fetch.max-redirects",
];

/// Lists of tables; each is compared as a whole.
const TABLES: &[&str] = &["host", "priority", "field"];

/// A setting that is another one now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its key, in its section.
    pub key: String,
    /// What it was, as `crawl.toml` would have it.
    pub before: String,
    /// What it is.
    pub now: String,
}

impl Change {
    /// Whether it matters for what is read out of a page.
    #[must_use]
    pub fn reads(&self) -> bool {
        let keys = ["[[field]]", "politeness.purpose"];
        keys.contains(&self.key.as_str()) || self.key.starts_with("parse.")
    }

    /// Whether it matters for which URLs belong to the crawl, and in which order.
    #[must_use]
    pub fn decides(&self) -> bool {
        self.key == "[[priority]]" || DECIDING.contains(&self.key.as_str())
    }

    /// Whether what was put aside as a trap has to prove anew that it is one.
    pub(crate) fn frees_traps(&self) -> bool {
        matches!(
            self.key.as_str(),
            "scope.ignore-traps" | "scope.trap-budget"
        )
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} was {}, is {}", self.key, self.before, self.now)
    }
}

/// Compares two redacted settings; what one of them does not have is at its default. Seeds, the place
/// of the output and what is made of earlier runs are no settings in this sense.
pub(crate) fn changes(before: &str, now: &str) -> Vec<Change> {
    let read = |text: &str| text.parse::<Table>().unwrap_or_default();
    let (before, now) = (read(before), read(now));
    let default = read(&Config::default().to_toml());
    let value = |table: &Table, section: &str, key: &str| -> Option<Value> {
        let find = |table: &Table| table.get(section)?.get(key).cloned();
        find(table).or_else(|| find(&default))
    };
    let mut found = Vec::new();
    for tables in TABLES {
        let (was, is) = (before.get(*tables), now.get(*tables));
        if was != is {
            let count = |value: Option<&Value>| value.and_then(Value::as_array).map_or(0, Vec::len);
            let (was, is) = (count(was), count(is));
            let other = if was == is { "other " } else { "" };
            found.push(Change {
                key: format!("[[{tables}]]"),
                before: format!("{was} tables"),
                now: format!("{is} {other}tables"),
            });
        }
    }
    for (section, keys) in now.iter().chain(&default) {
        let Value::Table(keys) = keys else { continue };
        if matches!(section.as_str(), "seeds" | "output" | "recrawl") {
            continue;
        }
        for key in keys.keys() {
            let (was, is) = (value(&before, section, key), value(&now, section, key));
            let name = format!("{section}.{key}");
            if was == is || found.iter().any(|change: &Change| change.key == name) {
                continue;
            }
            let show = |value: Option<Value>| value.map_or_else(String::new, |v| v.to_string());
            found.push(Change {
                key: name,
                before: show(was),
                now: show(is),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_named_and_what_is_missing_is_the_default() {
        let mut config = Config::default();
        let before = config.to_toml().replace("extra-hops = 0\n", "");
        assert_eq!(changes(&before, &config.to_toml()), []);
        config.scope.extra_hops = 2;
        config.fetch.retries = 5;
        let found = changes(&before, &config.to_toml());
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["fetch.retries was 3, is 5", "scope.extra-hops was 0, is 2"]
        );
        assert_eq!(
            found.iter().map(Change::decides).collect::<Vec<_>>(),
            [false, true]
        );
        for key in DECIDING {
            let (section, key) = key.split_once('.').expect("a key");
            let default: Table = Config::default().to_toml().parse().expect("a table");
            assert!(default[section].get(key).is_some(), "{key}");
        }
    }
}
