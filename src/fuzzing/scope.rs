//! A URL, a seed, what is included, what is excluded, a parameter to be left out: decisions.

use super::{check_url, line};
use crate::canonical::CanonicalUrl;
use crate::config::{Config, PriorityConfig, Reach, ScopeConfig};
use crate::order::Order;
use crate::rewrite::Rewrite;
use crate::scope::Scope;

const REACHES: [Reach; 5] = [
    Reach::Page,
    Reach::Prefix,
    Reach::Host,
    Reach::Domain,
    Reach::Any,
];

pub(super) fn target(data: &[u8]) {
    let (url, rest) = line(data);
    let (seed, rest) = line(rest);
    let (include, rest) = line(rest);
    let (exclude, rest) = line(rest);
    let (strip, _) = line(rest);
    let (Ok(url), Ok(seed)) = (CanonicalUrl::parse(&url), CanonicalUrl::parse(&seed)) else {
        return;
    };
    let list = |text: &str| -> Vec<String> {
        let text = Some(text.to_owned());
        text.filter(|text| !text.is_empty()).into_iter().collect()
    };
    let mut config = ScopeConfig {
        include: list(&include),
        exclude: list(&exclude),
        strip_params: list(&strip),
        ..ScopeConfig::default()
    };
    for reach in REACHES {
        config.scope = reach;
        reached(&config, &url, &seed);
    }
    if let Ok(rewrite) = Rewrite::new(&config, std::slice::from_ref(&seed)) {
        let form = rewrite.form(url.clone());
        check_url(&form);
        assert_eq!(rewrite.apply(&form), None, "{url} becomes {form}");
    }
    let mut whole = Config::default();
    let urls = include.into_owned();
    whole.priority = vec![PriorityConfig { urls, priority: -3 }];
    if let Ok(order) = Order::new(&whole) {
        assert!(matches!(order.priority(&url), 0 | -3));
    }
}

fn reached(config: &ScopeConfig, url: &CanonicalUrl, seed: &CanonicalUrl) {
    let Ok(scope) = Scope::new(config, std::slice::from_ref(seed)) else {
        return;
    };
    let decision = scope.decide(url);
    assert_eq!(scope.decide(url), decision, "again");
    assert!(!decision.inside || !decision.beyond && !decision.joined);
    assert!(!decision.rule.is_empty());
    if scope.excludes(url).is_some() {
        assert!(!decision.inside && !decision.beyond, "exclude wins");
    }
    if decision.inside {
        assert!(scope.may_hold(url) || config.scope == Reach::Page);
    }
    // Without patterns there is at least as much, with one more exclude at most.
    let open = ScopeConfig {
        include: Vec::new(),
        exclude: Vec::new(),
        ..config.clone()
    };
    let open = Scope::new(&open, std::slice::from_ref(seed)).expect("no pattern");
    assert!(open.decide(url).inside || !decision.inside);
    assert!(open.decide(seed).inside, "a seed is in its own reach");
    let mut shut = config.clone();
    shut.exclude.push("q".to_owned());
    let shut = Scope::new(&shut, std::slice::from_ref(seed)).expect("patterns");
    assert!(decision.inside || !shut.decide(url).inside);
    // What a seed leads to is as if it had been the seed.
    let mut wider = open;
    wider.join(url);
    let joined = wider.decide(url);
    assert!(joined.inside && wider.decide(seed).inside);
    assert!(!wider.join(url), "once is enough");
}
