//! How a URL was come by, and what the rules make of it: pure, a function of the URL, the route and the
//! settings. Every rule is monotone (a better route never gets a worse answer), so that the set of
//! what is admitted does not depend on the order in which routes turn up.

use std::sync::Arc;

use super::seen::Visit;
use super::words::{Decision, Role, VIA_REDIRECT, VIA_SEED, VIA_SITEMAP};
use crate::canonical::CanonicalUrl;
use crate::config::{Config, ConfigError};
use crate::order::Order;
use crate::record::LinkKind;
use crate::rewrite::Rewrite;
use crate::scope::Scope;
use crate::traps::Growth;

/// Style sheets that import style sheets, and the like: so far an asset of an asset is fetched.
const MAX_ASSET_CHAIN: u32 = 8;

/// What decides over URLs and routes.
#[derive(Debug, Clone)]
pub struct Policy {
    /// In or out, by the URL.
    pub scope: Arc<Scope>,
    /// Links from a seed at the most.
    pub max_depth: Option<u32>,
    /// Redirects in a row at the most.
    pub max_redirects: u32,
    /// Links beyond the scope at the most.
    pub extra_hops: u32,
    /// Whether links marked nofollow are followed all the same.
    pub ignore_nofollow: bool,
    /// Whether what pages are made of is fetched, too.
    pub assets: bool,
    /// Whether what lies out of scope is asked whether it is there.
    pub check_external: bool,
    /// Which of a host's URLs comes first.
    pub order: Order,
    /// In which form URLs are asked for; what is stored may have been read when it was another.
    pub rewrite: Arc<Rewrite>,
    /// What is too long, deep or repeated; `None`: nothing is.
    pub(crate) growth: Option<Growth>,
    /// Pages without anything new that a template may have; `None`: as many as it likes.
    pub(crate) trap_budget: Option<u32>,
}

impl Policy {
    /// What the settings say, within a scope.
    ///
    /// # Errors
    /// When a pattern of `[[priority]]` is no regular expression.
    pub fn new(config: &Config, scope: Scope) -> Result<Self, ConfigError> {
        Ok(Self {
            scope: Arc::new(scope),
            max_depth: config.scope.max_depth.0,
            max_redirects: config.fetch.max_redirects,
            extra_hops: config.scope.extra_hops,
            ignore_nofollow: config.scope.ignore_nofollow,
            assets: config.scope.assets,
            check_external: config.scope.check_external,
            order: Order::new(config)?,
            rewrite: Arc::default(),
            growth: Growth::new(&config.scope),
            trap_budget: (!config.scope.ignore_traps).then_some(config.scope.trap_budget),
        })
    }

    /// The same, for URLs that are rewritten.
    #[must_use]
    pub fn with_rewrite(self, rewrite: Arc<Rewrite>) -> Self {
        Self { rewrite, ..self }
    }
}

/// What kind of step leads to a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Seed,
    Redirect,
    Follow,
    Part,
    Never,
}

/// How a URL was come by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    way: Way,
    pub(super) depth: u32,
    pub(super) redirects: u32,
    pub(super) via: Option<i64>,
    pub(super) via_kind: u8,
    nofollow: bool,
    /// What the URL that leads here is, and how far beyond the scope (or in a chain of assets).
    from: Role,
    from_hops: u32,
}

impl Route {
    pub(super) const SEED: Self = Self {
        way: Way::Seed,
        depth: 0,
        redirects: 0,
        via: None,
        via_kind: VIA_SEED,
        nofollow: false,
        from: Role::Page,
        from_hops: 0,
    };

    pub(super) fn link(page: &Visit, via: i64, kind: LinkKind, nofollow: bool) -> Self {
        Self {
            way: if kind.is_followed() {
                Way::Follow
            } else if kind.is_asset() {
                Way::Part
            } else {
                Way::Never
            },
            depth: page.depth.saturating_add(1),
            redirects: 0,
            via: Some(via),
            via_kind: kind.code(),
            nofollow,
            from: page.role,
            from_hops: page.hops,
        }
    }

    /// An entry of a sitemap is as good as a link of a page of that depth.
    pub(super) fn sitemap(via: i64, depth: u32) -> Self {
        Self {
            way: Way::Follow,
            depth,
            via: Some(via),
            via_kind: VIA_SITEMAP,
            ..Self::SEED
        }
    }

    pub(super) fn redirect(page: &Visit, via: i64) -> Self {
        Self {
            way: Way::Redirect,
            depth: page.depth,
            redirects: page.redirects.saturating_add(1),
            via: Some(via),
            via_kind: VIA_REDIRECT,
            nofollow: false,
            from: page.role,
            from_hops: page.hops,
        }
    }

    /// The open route that a URL out of scope has, to be judged again when the scope has grown.
    pub(super) fn stored(visit: &Visit, via: Option<i64>, via_kind: u8) -> Self {
        Self {
            way: Way::Follow,
            depth: visit.depth,
            redirects: visit.redirects,
            via,
            via_kind,
            nofollow: false,
            from: Role::Page,
            from_hops: visit.hops.saturating_sub(1),
        }
    }

    /// Whether it names a seed.
    pub(super) fn is_seed(&self) -> bool {
        self.way == Way::Seed
    }

    /// Whether it leads from page to page.
    pub(super) fn is_of_page(&self) -> bool {
        matches!(self.way, Way::Follow | Way::Redirect) && self.from == Role::Page
    }

    /// Whether what it leads to is a part of a page.
    fn is_of_parts(&self) -> bool {
        self.way == Way::Part || (self.way == Way::Redirect && self.from == Role::Asset)
    }

    /// Links beyond the scope, if the URL lies there: a link adds one, a redirect only where it leaves.
    fn hops_beyond(&self) -> u32 {
        match self.way {
            Way::Redirect => self.from_hops.max(1),
            _ => self.from_hops.saturating_add(1),
        }
    }
}

/// What the rules make of a URL by one route.
#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) decision: Decision,
    pub(super) role: Role,
    pub(super) hops: u32,
    pub(super) rule: String,
}

impl Judgement {
    fn admitted(role: Role, hops: u32, rule: impl Into<String>) -> Self {
        Self {
            decision: Decision::Admitted,
            role,
            hops,
            rule: rule.into(),
        }
    }

    pub(super) fn refused(decision: Decision, rule: impl Into<String>) -> Self {
        Self {
            decision,
            role: Role::Shut,
            hops: 0,
            rule: rule.into(),
        }
    }
}

impl Policy {
    /// Judges a URL by one route.
    pub(super) fn judge(&self, url: &CanonicalUrl, route: &Route) -> Judgement {
        match (route.way, route.from) {
            // A seed is what the user named: no rule keeps it out.
            (Way::Seed, _) => Judgement::admitted(Role::Page, 0, "seed"),
            (Way::Never, _) => Judgement::refused(Decision::Linked, "not followed: no page"),
            (Way::Part, from) => self.judge_part(url, route, from),
            (Way::Follow | Way::Redirect, Role::Page) => self.judge_page(url, route),
            (Way::Redirect, from) => self.judge_redirect_of(from, url, route),
            (Way::Follow, _) => Judgement::refused(Decision::Linked, "not followed: not of a page"),
        }
    }

    fn judge_page(&self, url: &CanonicalUrl, route: &Route) -> Judgement {
        let scope = self.scope.decide(url);
        let cut = self.cut(route);
        let hops = route.hops_beyond();
        let may_check = self.check_external && !self.is_nofollow(route) && !self.is_far(route);
        if scope.inside {
            // What would have been checked had its host not joined the scope: that it is too deep to be read
            // does not keep it from being asked.
            return match cut {
                Some(_) if may_check && scope.joined => {
                    Judgement::admitted(Role::Check, hops, "check-external")
                }
                Some(cut) => Judgement::refused(Decision::Cut, cut),
                None => self.unless_grown(url, route, 0, scope.rule),
            };
        }
        // Where a seed redirects to is as good as the seed.
        if route.way == Way::Redirect && route.depth == 0 && cut.is_none() {
            return Judgement::admitted(Role::Page, 0, "redirect of a seed");
        }
        if scope.beyond && hops <= self.extra_hops && cut.is_none() {
            let rule = format!("extra-hops {}", self.extra_hops);
            return self.unless_grown(url, route, hops, rule);
        }
        if scope.beyond && may_check {
            return Judgement::admitted(Role::Check, hops, "check-external");
        }
        Judgement {
            decision: Decision::Excluded,
            role: if cut.is_none() {
                Role::Page
            } else {
                Role::Shut
            },
            hops,
            rule: scope.rule,
        }
    }

    /// A page, unless its URL is too much. Where a seed redirects to is what the user named.
    fn unless_grown(
        &self,
        url: &CanonicalUrl,
        route: &Route,
        hops: u32,
        rule: String,
    ) -> Judgement {
        let growth = self.growth.filter(|_| route.depth > 0);
        match growth.and_then(|growth| growth.rule(url)) {
            Some(rule) => Judgement::refused(Decision::Trapped, rule),
            None => Judgement::admitted(Role::Page, hops, rule),
        }
    }

    fn judge_part(&self, url: &CanonicalUrl, route: &Route, from: Role) -> Judgement {
        let hops = match from {
            Role::Page => 1,
            Role::Asset => route.from_hops.saturating_add(1),
            _ => return Judgement::refused(Decision::Linked, "not followed: not of a page"),
        };
        if !self.assets {
            Judgement::refused(Decision::Linked, "not followed: an asset")
        } else if let Some(rule) = self.scope.excludes(url) {
            Judgement::refused(Decision::Excluded, rule)
        } else if hops > MAX_ASSET_CHAIN {
            Judgement::refused(Decision::Cut, format!("assets of assets {MAX_ASSET_CHAIN}"))
        } else {
            Judgement::admitted(Role::Asset, hops, "asset of a page")
        }
    }

    /// Where something that is no page redirects to is of its kind.
    fn judge_redirect_of(&self, from: Role, url: &CanonicalUrl, route: &Route) -> Judgement {
        if let Some(rule) = self.scope.excludes(url) {
            return Judgement::refused(Decision::Excluded, rule);
        }
        let scope = self.scope.decide(url);
        let wanted = match from {
            Role::Known => scope.inside,
            Role::Check => scope.inside || scope.beyond,
            _ => true,
        };
        if !wanted {
            return Judgement::refused(Decision::Excluded, scope.rule);
        }
        match self.cut(route).filter(|_| self.is_far(route)) {
            Some(rule) => Judgement::refused(Decision::Cut, rule),
            None => Judgement::admitted(from, route.from_hops, "redirect"),
        }
    }

    /// A route that leads to a URL and is cut, as far as that can be told: what neither depth nor redirects
    /// cut is cut by nofollow; and so is what would have been checked otherwise.
    pub(super) fn shut(&self, visit: &Visit) -> Route {
        let route = Route::stored(visit, None, VIA_SEED);
        Route {
            nofollow: self.check_external || self.cut(&route).is_none(),
            ..route
        }
    }

    fn is_nofollow(&self, route: &Route) -> bool {
        route.nofollow && !self.ignore_nofollow
    }

    fn is_far(&self, route: &Route) -> bool {
        route.redirects > self.max_redirects
    }

    /// The rule that cuts a route, if one does.
    fn cut(&self, route: &Route) -> Option<String> {
        if self.is_nofollow(route) {
            return Some("nofollow".to_owned());
        }
        if self.is_far(route) {
            return Some(format!("max-redirects {}", self.max_redirects));
        }
        let max = self.max_depth.filter(|max| route.depth > *max)?;
        Some(format!("max-depth {max}"))
    }

    /// Whether a URL of which this is known could be judged better by that route: cheap, and asked for
    /// every link. It may say yes in vain.
    pub(super) fn may_gain(&self, visit: &Visit, route: &Route) -> bool {
        if visit.decision == Decision::Undecided {
            return true;
        }
        // Put aside as a page, it may be a part of one, if its URL alone was the reason.
        if visit.decision == Decision::Trapped && visit.role == Role::Page {
            return false;
        }
        match route.way {
            Way::Never => return false,
            Way::Part if !self.assets => return false,
            _ => {}
        }
        match (visit.decision, visit.role) {
            (Decision::Cut | Decision::Linked, _) => true,
            // No page of the crawl may be an asset all the same.
            (Decision::Excluded, _) if route.way == Way::Part || route.from != Role::Page => true,
            (_, Role::Page) if route.is_of_parts() => {
                !visit.part || route.redirects < visit.redirects
            }
            (_, Role::Page) => {
                route.way != Way::Part
                    && (route.depth < visit.depth
                        || route.redirects < visit.redirects
                        || route.hops_beyond() < visit.hops)
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Limit, Reach};

    fn url(text: &str) -> CanonicalUrl {
        CanonicalUrl::parse(text).expect(text)
    }

    fn policy(change: impl Fn(&mut Config)) -> Policy {
        let mut config = Config::default();
        change(&mut config);
        let seeds = [url("http://in.example/")];
        Policy::new(&config, Scope::new(&config.scope, &seeds).expect("a scope")).expect("a policy")
    }

    fn page(depth: u32, hops: u32) -> Visit {
        Visit {
            decision: Decision::Admitted,
            role: Role::Page,
            depth,
            redirects: 0,
            hops,
            part: false,
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn decisions_name_their_rule() {
        let (inside, outside) = (url("http://in.example/x"), url("http://out.example/x"));
        let link = |page: Visit, nofollow| Route::link(&page, 1, LinkKind::A, nofollow);
        let image = |page: Visit| Route::link(&page, 1, LinkKind::Img, false);
        let strict = policy(|c| c.scope.max_depth = Limit(Some(1)));
        let wide = policy(|c| {
            c.scope.extra_hops = 1;
            c.scope.assets = true;
            c.scope.exclude = vec!["no".to_owned()];
        });
        let checking = policy(|c| c.scope.check_external = true);
        let asset = Visit {
            role: Role::Asset,
            ..page(3, 8)
        };
        for (policy, url, route, decision, role, hops, rule) in [
            (
                &strict,
                &inside,
                Route::SEED,
                Decision::Admitted,
                Role::Page,
                0,
                "seed",
            ),
            (
                &strict,
                &inside,
                link(page(0, 0), false),
                Decision::Admitted,
                Role::Page,
                0,
                "scope host",
            ),
            (
                &strict,
                &inside,
                link(page(1, 0), false),
                Decision::Cut,
                Role::Shut,
                0,
                "max-depth 1",
            ),
            (
                &strict,
                &inside,
                link(page(0, 0), true),
                Decision::Cut,
                Role::Shut,
                0,
                "nofollow",
            ),
            (
                &strict,
                &outside,
                link(page(0, 0), false),
                Decision::Excluded,
                Role::Page,
                1,
                "outside scope host",
            ),
            (
                &strict,
                &outside,
                link(page(1, 0), false),
                Decision::Excluded,
                Role::Shut,
                1,
                "outside scope host",
            ),
            (
                &strict,
                &inside,
                image(page(0, 0)),
                Decision::Linked,
                Role::Shut,
                0,
                "not followed: an asset",
            ),
            (
                &wide,
                &outside,
                link(page(0, 0), false),
                Decision::Admitted,
                Role::Page,
                1,
                "extra-hops 1",
            ),
            (
                &wide,
                &outside,
                link(page(1, 1), false),
                Decision::Excluded,
                Role::Page,
                2,
                "outside scope host",
            ),
            (
                &wide,
                &inside,
                link(page(1, 1), false),
                Decision::Admitted,
                Role::Page,
                0,
                "scope host",
            ),
            (
                &wide,
                &outside,
                image(page(9, 0)),
                Decision::Admitted,
                Role::Asset,
                1,
                "asset of a page",
            ),
            (
                &wide,
                &outside,
                image(asset),
                Decision::Cut,
                Role::Shut,
                0,
                "assets of assets 8",
            ),
            (
                &wide,
                &url("http://x.example/no"),
                image(page(0, 0)),
                Decision::Excluded,
                Role::Shut,
                0,
                "exclude no",
            ),
            (
                &wide,
                &inside,
                link(asset, false),
                Decision::Linked,
                Role::Shut,
                0,
                "not followed: not of a page",
            ),
            (
                &checking,
                &outside,
                link(page(7, 0), false),
                Decision::Admitted,
                Role::Check,
                1,
                "check-external",
            ),
            (
                &checking,
                &outside,
                link(page(7, 0), true),
                Decision::Excluded,
                Role::Shut,
                1,
                "outside scope host",
            ),
            (
                &strict,
                &outside,
                Route::redirect(&page(0, 0), 1),
                Decision::Admitted,
                Role::Page,
                0,
                "redirect of a seed",
            ),
            (
                &strict,
                &outside,
                Route::redirect(&page(1, 0), 1),
                Decision::Excluded,
                Role::Page,
                1,
                "outside scope host",
            ),
        ] {
            let found = policy.judge(url, &route);
            assert_eq!(
                (found.decision, found.role, found.hops, found.rule.as_str()),
                (decision, role, hops, rule),
                "{url} {route:?}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        /// What the law of depth rests on: a route that is better in every respect is never judged worse.
        #[test]
        fn rules_are_monotone(
            (depth, redirects, hops) in (0_u32..5, 0_u32..4, 0_u32..4),
            (deeper, further, farther) in (0_u32..3, 0_u32..3, 0_u32..3),
            (kind, nofollow, worse_nofollow, redirect) in (0_usize..18, any::<bool>(), any::<bool>(), any::<bool>()),
            (max_depth, max_redirects, extra_hops) in (0_u32..5, 0_u32..3, 0_u32..3),
            (assets, check, any_host, outside) in (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        ) {
            let policy = policy(|c| {
                c.scope.max_depth = Limit(Some(max_depth));
                c.fetch.max_redirects = max_redirects;
                c.scope.extra_hops = extra_hops;
                c.scope.assets = assets;
                c.scope.check_external = check;
                if any_host { c.scope.scope = Reach::Any; }
            });
            let target = url(if outside { "http://out.example/" } else { "http://in.example/y" });
            let better = Visit { redirects, ..page(depth, hops) };
            let worse = Visit { redirects: redirects + further, ..page(depth + deeper, hops + farther) };
            let kind = LinkKind::ALL[kind].0;
            let route = |page: &Visit, nofollow| if redirect {
                Route::redirect(page, 1)
            } else {
                Route::link(page, 1, kind, nofollow)
            };
            let one = policy.judge(&target, &route(&better, nofollow && worse_nofollow));
            let other = policy.judge(&target, &route(&worse, worse_nofollow));
            prop_assert!(one.precedence() <= other.precedence(), "{one:?} {other:?}");
            if one.precedence() == other.precedence() {
                prop_assert!(one.hops <= other.hops);
            }
        }
    }
}
