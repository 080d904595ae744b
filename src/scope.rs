//! In or out: whether a URL belongs to the crawl, and by which rule. Depends on the URL alone; what
//! depends on the route by which it was found (depth, redirects, nofollow) is the store's to decide.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use regex::RegexSet;

use crate::canonical::CanonicalUrl;
use crate::config::{ConfigError, Reach, ScopeConfig};

/// What a scope says of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Whether it belongs to the crawl.
    pub inside: bool,
    /// Whether it is out for its place alone (another host…), and no pattern speaks against it: what
    /// `extra-hops` and `check-external` are about.
    pub beyond: bool,
    /// Whether it is inside only because a seed redirects there.
    pub joined: bool,
    /// The rule that says so, as a user would name it.
    pub rule: String,
}

/// A rule of a program's own, asked before the settings.
///
/// It must be pure and deterministic: the same answer for the same URL, whenever and however often it is
/// asked, on resume too. Only then is what is fetched a function of site and settings alone, whatever the
/// order of answers, the stops and the kills. It runs on the thread that writes the database: it must not
/// wait. A URL that it panics at is out, by `rule NAME (panicked)`. Its answers are stored with its name, and a URL is judged once:
/// a rule that was changed holds for what is found from then on.
#[derive(Clone)]
pub struct Rule {
    name: Arc<str>,
    decide: Arc<Decide>,
}

type Decide = dyn Fn(&CanonicalUrl) -> Option<bool> + Send + Sync;

impl Rule {
    /// A rule by its name, which the column `rule` shows as `rule NAME`. Of a URL it says in or out, or
    /// leaves that to the next rule, and in the end to the settings (`None`).
    #[must_use]
    pub fn new(
        name: &str,
        decide: impl Fn(&CanonicalUrl) -> Option<bool> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            decide: Arc::new(decide),
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rule").field(&self.name).finish()
    }
}

/// The compiled scope of a crawl.
#[derive(Debug, Clone)]
pub struct Scope {
    rules: Vec<Rule>,
    reach: Reach,
    /// What a URL is compared with: seeds, folders, hosts or domains, by `reach`.
    anchors: Vec<String>,
    /// Likewise, of what seeds have redirected to.
    joined: Vec<String>,
    include: RegexSet,
    exclude: RegexSet,
}

impl Scope {
    /// Compiles the patterns and reads the anchors off the seeds.
    ///
    /// # Errors
    /// When a pattern is no regular expression.
    pub fn new(config: &ScopeConfig, seeds: &[CanonicalUrl]) -> Result<Self, ConfigError> {
        let mut scope = Self {
            rules: Vec::new(),
            reach: config.scope,
            anchors: Vec::new(),
            joined: Vec::new(),
            include: regex_set("scope.include", &config.include)?,
            exclude: regex_set("scope.exclude", &config.exclude)?,
        };
        scope.anchors = seeds.iter().filter_map(|seed| scope.anchor(seed)).collect();
        scope.anchors.sort_unstable();
        scope.anchors.dedup();
        Ok(scope)
    }

    /// Takes in what a seed has redirected to, as if it had been the seed. Whether that makes the scope
    /// any wider.
    pub fn join(&mut self, url: &CanonicalUrl) -> bool {
        let Some(anchor) = self.anchor(url) else {
            return false;
        };
        match self.joined.binary_search(&anchor) {
            Err(place) if self.anchors.binary_search(&anchor).is_err() => {
                self.joined.insert(place, anchor);
                true
            }
            _ => false,
        }
    }

    /// How far it reaches.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Whether an `exclude`, or a rule of the program's own, speaks against a URL, wherever it is.
    #[must_use]
    pub fn excludes(&self, url: &CanonicalUrl) -> Option<String> {
        if let Some((inside, rule)) = self.own_rule(url) {
            return (!inside).then_some(rule);
        }
        if self.exclude.is_empty() {
            return None;
        }
        let index = self.exclude.matches(url.as_str()).iter().next()?;
        Some(format!("exclude {}", self.exclude.patterns()[index]))
    }

    /// The same scope, with rules that are asked first; of these the first that decides wins.
    #[must_use]
    pub fn with_rules(self, rules: Vec<Rule>) -> Self {
        Self { rules, ..self }
    }

    /// Whether a URL belongs to the crawl: by the rules of the program's own; where they are silent, if it is
    /// within reach, matched by no `exclude`, and by an `include` where there are any.
    #[must_use]
    pub fn decide(&self, url: &CanonicalUrl) -> Decision {
        if let Some((inside, rule)) = self.own_rule(url) {
            return Decision {
                inside,
                beyond: false,
                joined: false,
                rule,
            };
        }
        let by_seed = self.within_reach(&self.anchors, url);
        let near = by_seed || self.within_reach(&self.joined, url);
        let (welcome, rule) = self.patterns(url);
        Decision {
            inside: near && welcome,
            beyond: !near && welcome,
            joined: !by_seed && near && welcome,
            rule: match rule {
                Some(rule) if near => rule,
                _ if near => format!("scope {}", self.reach.as_str()),
                _ => format!("outside scope {}", self.reach.as_str()),
            },
        }
    }

    /// Whether an origin, of which this is some URL, may have pages of the crawl: then its sitemaps may name
    /// them.
    #[must_use]
    pub fn may_hold(&self, url: &CanonicalUrl) -> bool {
        if self.own_rule(url).is_some_and(|(inside, _)| inside) {
            return true;
        }
        let text = schemeless(url.as_str());
        let end = text.get(2..).and_then(|rest| rest.find('/'));
        let place = &text[..end.map_or(text.len(), |slash| slash + 3)];
        let near = |anchors: &Vec<String>| match self.reach {
            Reach::Page => false,
            Reach::Prefix => anchors.iter().any(|folder| folder.starts_with(place)),
            Reach::Any | Reach::Host | Reach::Domain => self.within_reach(anchors, url),
        };
        near(&self.anchors) || near(&self.joined)
    }

    /// What the program's own rules say, and which.
    fn own_rule(&self, url: &CanonicalUrl) -> Option<(bool, String)> {
        self.rules.iter().find_map(|rule| {
            // Some server's URL may be one that the program has not thought of.
            let decided = catch_unwind(AssertUnwindSafe(|| (rule.decide)(url)));
            match decided {
                Ok(decided) => decided.map(|inside| (inside, format!("rule {}", rule.name))),
                Err(_) => Some((false, format!("rule {} (panicked)", rule.name))),
            }
        })
    }

    /// What the patterns say, and which.
    fn patterns(&self, url: &CanonicalUrl) -> (bool, Option<String>) {
        if let Some(rule) = self.excludes(url) {
            return (false, Some(rule));
        }
        if self.include.is_empty() {
            return (true, None);
        }
        match self.include.matches(url.as_str()).iter().next() {
            Some(index) => (
                true,
                Some(format!("include {}", self.include.patterns()[index])),
            ),
            None => (false, Some("no include matches".to_owned())),
        }
    }

    /// What a seed stands for.
    fn anchor(&self, seed: &CanonicalUrl) -> Option<String> {
        match self.reach {
            Reach::Any => None,
            Reach::Page => Some(seed.as_str().to_owned()),
            Reach::Host => Some(seed.host().as_str().to_owned()),
            Reach::Domain => Some(seed.domain().unwrap_or_else(|| seed.hostname()).to_owned()),
            Reach::Prefix => {
                let text = schemeless(seed.as_str());
                let path = &text[..text.find('?').unwrap_or(text.len())];
                path.rfind('/').map(|slash| path[..=slash].to_owned())
            }
        }
    }

    fn within_reach(&self, anchors: &[String], url: &CanonicalUrl) -> bool {
        let known = |text: &str| {
            anchors
                .binary_search_by(|anchor| anchor.as_str().cmp(text))
                .is_ok()
        };
        match self.reach {
            Reach::Any => true,
            Reach::Page => known(url.as_str()),
            Reach::Host => known(url.host().as_str()),
            Reach::Domain => known(url.domain().unwrap_or_else(|| url.hostname())),
            Reach::Prefix => {
                let text = schemeless(url.as_str());
                anchors.iter().any(|folder| text.starts_with(folder))
            }
        }
    }
}

/// `http` and `https` are one site to whoever names a folder of it.
fn schemeless(url: &str) -> &str {
    url.split_once(':').map_or(url, |(_, rest)| rest)
}

/// Compiles a pattern.
///
/// # Errors
/// When it is no regular expression: in its words, under this key.
pub(crate) fn regex(key: &str, pattern: &str) -> Result<regex::Regex, ConfigError> {
    regex::Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        let reason = last.trim_start_matches("error: ");
        ConfigError::value(key, pattern, format!("not a regular expression: {reason}"))
    })
}

/// Compiles patterns that are asked together.
///
/// # Errors
/// As [`regex()`], of the first that is none.
pub(crate) fn regex_set(key: &str, patterns: &[impl AsRef<str>]) -> Result<RegexSet, ConfigError> {
    for pattern in patterns {
        regex(key, pattern.as_ref())?;
    }
    RegexSet::new(patterns).map_err(|error| ConfigError::value(key, "", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> CanonicalUrl {
        CanonicalUrl::parse(text).expect(text)
    }

    fn scope(
        reach: Reach,
        seed: &str,
        include: &[&str],
        exclude: &[&str],
    ) -> Result<Scope, ConfigError> {
        let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let config = ScopeConfig {
            scope: reach,
            include: own(include),
            exclude: own(exclude),
            ..ScopeConfig::default()
        };
        Scope::new(&config, &[url(seed)])
    }

    #[test]
    fn reach() {
        let seed = "https://www.example.co.uk/docs/index.html?x=/y/";
        for (reach, candidate, inside) in [
            (
                Reach::Page,
                "https://www.example.co.uk/docs/index.html?x=/y/",
                true,
            ),
            (Reach::Page, "https://www.example.co.uk/docs/", false),
            (Reach::Prefix, "https://www.example.co.uk/docs/a/b", true),
            (Reach::Prefix, "http://www.example.co.uk/docs/", true),
            (Reach::Prefix, "https://www.example.co.uk/doc", false),
            (
                Reach::Prefix,
                "https://www.example.co.uk.evil.example/docs/",
                false,
            ),
            (Reach::Host, "http://www.example.co.uk/", true),
            (Reach::Host, "https://www.example.co.uk:8443/", false),
            (Reach::Host, "https://example.co.uk/", false),
            (Reach::Domain, "https://shop.example.co.uk:8443/", true),
            (Reach::Domain, "https://other.co.uk/", false),
            (Reach::Any, "http://other.example/", true),
        ] {
            let decision = scope(reach, seed, &[], &[])
                .expect("a scope")
                .decide(&url(candidate));
            assert_eq!(
                decision.inside, inside,
                "{reach:?} {candidate} {decision:?}"
            );
        }
        let address = scope(Reach::Domain, "http://127.0.0.1:8000/", &[], &[]).expect("a scope");
        assert!(address.decide(&url("http://127.0.0.1:9000/")).inside);
        assert!(!address.decide(&url("http://127.0.0.2:8000/")).inside);
    }

    #[test]
    fn origins_that_may_have_pages() {
        let seed = "https://www.example.co.uk:8443/docs/index.html";
        for (reach, origin, may) in [
            (Reach::Page, "https://www.example.co.uk:8443", false),
            (Reach::Prefix, "https://www.example.co.uk:8443", true),
            (Reach::Prefix, "https://www.example.co.uk", false),
            (Reach::Prefix, "https://www.example.co.uk:84", false),
            (Reach::Host, "https://www.example.co.uk:8443", true),
            (Reach::Host, "https://shop.example.co.uk:8443", false),
            (Reach::Domain, "http://shop.example.co.uk", true),
            (Reach::Domain, "http://other.co.uk", false),
            (Reach::Any, "http://other.example", true),
        ] {
            let scope = scope(reach, seed, &[], &[]).expect("a scope");
            let robots = url(&format!("{origin}/robots.txt"));
            assert_eq!(scope.may_hold(&robots), may, "{reach:?} {origin}");
        }
    }

    #[test]
    fn exclude_wins_over_include() {
        let scope = scope(
            Reach::Host,
            "http://a.example/",
            &["/en/"],
            &[r"\.pdf$", "secret"],
        )
        .expect("a scope");
        for (candidate, inside, rule) in [
            ("http://a.example/en/x", true, "include /en/"),
            ("http://a.example/de/x", false, "no include matches"),
            ("http://a.example/en/x.pdf", false, r"exclude \.pdf$"),
            ("http://b.example/en/x", false, "outside scope host"),
        ] {
            let decision = scope.decide(&url(candidate));
            assert_eq!(
                (decision.inside, decision.rule.as_str()),
                (inside, rule),
                "{candidate}"
            );
        }
    }

    #[test]
    fn rules_come_before_the_settings() {
        let scope = scope(Reach::Host, "http://a.example/", &[], &["pdf"])
            .expect("a scope")
            .with_rules(vec![
                Rule::new("twin", |url| {
                    (url.hostname() == "b.example").then_some(true)
                }),
                Rule::new("odd", |url| (url.path().len() % 2 == 1).then_some(false)),
            ]);
        for (candidate, inside, rule) in [
            ("http://b.example/x.pdf", true, "rule twin"),
            ("http://a.example/xy", false, "rule odd"),
            ("http://a.example/x", true, "scope host"),
            ("http://a.example/xxxx.pdf", false, "rule odd"),
            ("http://a.example/xxx.pdf", false, "exclude pdf"),
        ] {
            let decision = scope.decide(&url(candidate));
            assert_eq!(
                (decision.inside, decision.rule.as_str()),
                (inside, rule),
                "{candidate}"
            );
        }
    }

    #[test]
    fn bad_pattern_is_named() {
        let error = scope(Reach::Host, "http://a.example/", &[], &["ok", "(x"])
            .expect_err("refused")
            .to_string();
        assert_eq!(
            error,
            "scope.exclude = \"(x\": not a regular expression: unclosed group"
        );
    }
}
