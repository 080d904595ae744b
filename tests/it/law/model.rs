//! What ought to be fetched: the least fixpoint over a web's description, written from the sentences of
//! the documents and not from the program. It knows no order: each round judges every link anew by what
//! the round before has come to, until nothing changes.
//!
//! Two things the documents leave open are settled here. A URL's depth, its redirects in a row and its
//! hops are each the least over all its open routes, whichever route each is of. And what a URL is found
//! as (page, asset, check) counts side by side: a page that is an asset, too, leads on as both, and no
//! further in redirects than by the shorter way.

use std::collections::BTreeSet;

use crawl::LinkKind;
use crawl::config::Reach;

use super::web::{Answer, Settings, Web};

/// Assets of assets, so far.
const MAX_ASSET_CHAIN: u32 = 8;

/// What a URL is asked for as; the first takes precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Page,
    Asset,
    Check,
}

/// Why a URL is not asked for; the first takes precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    Excluded,
    Cut,
    Linked,
}

/// How near a URL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near {
    pub depth: u32,
    redirects: u32,
    pub hops: u32,
}

/// All that is known of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    open: [Option<Near>; 3],
    refusal: Option<Refusal>,
}

/// What a web and settings come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    states: Vec<State>,
    /// Where seeds have led, each standing for its place as a seed does.
    anchors: BTreeSet<usize>,
}

impl State {
    /// What it is asked for as, and how near it is.
    pub fn asked_as(&self) -> Option<(Role, Near)> {
        [Role::Page, Role::Asset, Role::Check]
            .into_iter()
            .find_map(|role| Some((role, self.open[role as usize]?)))
    }

    /// Why it is not, where it is met and not asked for.
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal.filter(|_| self.asked_as().is_none())
    }

    fn admit(&mut self, role: Role, near: Near) {
        let open = &mut self.open[role as usize];
        *open = Some(open.map_or(near, |had| Near {
            depth: had.depth.min(near.depth),
            redirects: had.redirects.min(near.redirects),
            hops: had.hops.min(near.hops),
        }));
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.refusal = Some(self.refusal.map_or(refusal, |had| had.min(refusal)));
    }
}

impl Solution {
    /// Solves a web. `domains` gives the domain of each host.
    pub fn of(web: &Web, settings: &Settings, urls: &[String], domains: &[usize]) -> Self {
        let mut now = Self {
            states: vec![State::default(); web.nodes.len()],
            anchors: settings.seeds.iter().copied().collect(),
        };
        for _ in 0..10_000 {
            let round = Round {
                web,
                settings,
                urls,
                domains,
                before: &now,
            };
            let next = round.next();
            if next == now {
                return now;
            }
            now = next;
        }
        panic!("the model finds no rest");
    }

    /// Whether a page is an asset of another one. The depth of its own assets then is, for the same
    /// reason, that of the page or of the asset.
    pub fn has_page_as_asset(&self) -> bool {
        let open = |state: &State, role: Role| state.open[role as usize].is_some();
        self.states
            .iter()
            .any(|state| open(state, Role::Page) && open(state, Role::Asset))
    }

    /// Each URL's state.
    pub fn states(&self) -> &[State] {
        &self.states
    }
}

/// One round of judging.
struct Round<'a> {
    web: &'a Web,
    settings: &'a Settings,
    urls: &'a [String],
    domains: &'a [usize],
    before: &'a Solution,
}

impl Round<'_> {
    fn next(&self) -> Solution {
        let mut next = Solution {
            states: vec![State::default(); self.web.nodes.len()],
            anchors: self.settings.seeds.iter().copied().collect(),
        };
        let seed = Near {
            depth: 0,
            redirects: 0,
            hops: 0,
        };
        for &url in &self.settings.seeds {
            next.states[url].admit(Role::Page, seed);
        }
        for (from, state) in self.before.states.iter().enumerate() {
            let redirects = state.open.iter().flatten().map(|near| near.redirects).min();
            let is_page = state.open[Role::Page as usize].is_some();
            for role in [Role::Page, Role::Asset, Role::Check] {
                if let Some(near) = state.open[role as usize]
                    && !self.web.forbids(from)
                {
                    let near = Near {
                        redirects: redirects.unwrap_or_default(),
                        // A page stands at the head of a chain of assets.
                        hops: if is_page && role == Role::Asset {
                            1
                        } else {
                            near.hops
                        },
                        ..near
                    };
                    self.lead_on(&mut next, from, role, near);
                }
            }
        }
        next
    }

    /// What a URL that was asked for leads to.
    fn lead_on(&self, next: &mut Solution, from: usize, role: Role, near: Near) {
        let answer = &self.web.nodes[from].answer;
        if let Answer::Redirect(to) = answer {
            let near = Near {
                redirects: near.redirects + 1,
                ..near
            };
            return match role {
                Role::Page => self.page(&mut next.states[*to], *to, near, true, false),
                Role::Asset | Role::Check => self.redirect(&mut next.states[*to], *to, role, near),
            };
        }
        if role == Role::Page && near.depth == 0 {
            next.anchors.insert(from);
        }
        if role == Role::Check {
            return;
        }
        match answer {
            Answer::Page { nofollow, links } => {
                for link in links {
                    let state = &mut next.states[link.to];
                    if is_part(link.kind) {
                        self.part(state, link.to, role, near);
                    } else if role == Role::Page {
                        let near = Near {
                            depth: near.depth + 1,
                            redirects: 0,
                            ..near
                        };
                        self.page(state, link.to, near, false, *nofollow || link.nofollow);
                    } else {
                        state.refuse(Refusal::Linked);
                    }
                }
            }
            Answer::Style(parts) => {
                for &part in parts {
                    self.part(&mut next.states[part], part, role, near);
                }
            }
            Answer::Redirect(_) | Answer::Missing => {}
        }
    }

    /// A link that is followed, or a redirect of a page: `near` has the hops of where it comes from.
    fn page(&self, state: &mut State, url: usize, near: Near, redirect: bool, nofollow: bool) {
        let nofollow = nofollow && !self.settings.ignore_nofollow;
        let far = near.redirects > self.settings.max_redirects;
        let deep = self.settings.max_depth.is_some_and(|max| near.depth > max);
        let open = !nofollow && !far && !deep;
        let (within, welcome) = (self.within(url), self.welcome(url));
        let home = Near { hops: 0, ..near };
        let away = Near {
            hops: if redirect {
                near.hops.max(1)
            } else {
                near.hops + 1
            },
            ..near
        };
        if within && welcome {
            // Too deep to be read, but on a host of which it would have been checked.
            let asked = !self.by_seed(url);
            match open {
                true => state.admit(Role::Page, home),
                false if asked && self.settings.check_external && !nofollow && !far => {
                    state.admit(Role::Check, away);
                }
                false => state.refuse(Refusal::Cut),
            }
        } else if redirect && near.depth == 0 && open {
            state.admit(Role::Page, home);
        } else if !within && welcome && open && away.hops <= self.settings.extra_hops {
            state.admit(Role::Page, away);
        } else if !within && welcome && self.settings.check_external && !nofollow && !far {
            state.admit(Role::Check, away);
        } else {
            state.refuse(Refusal::Excluded);
        }
    }

    /// A part of a page, or of an asset; `near` is where it stands.
    fn part(&self, state: &mut State, url: usize, of: Role, near: Near) {
        let near = Near {
            depth: near.depth + 1,
            redirects: 0,
            hops: if of == Role::Page { 1 } else { near.hops + 1 },
        };
        if !self.settings.assets {
            state.refuse(Refusal::Linked);
        } else if self.excluded(url) {
            state.refuse(Refusal::Excluded);
        } else if near.hops > MAX_ASSET_CHAIN {
            state.refuse(Refusal::Cut);
        } else {
            state.admit(Role::Asset, near);
        }
    }

    /// Where an asset, or something that is only checked, redirects to.
    fn redirect(&self, state: &mut State, url: usize, role: Role, near: Near) {
        let wanted = role == Role::Asset || self.welcome(url);
        if self.excluded(url) || !wanted {
            state.refuse(Refusal::Excluded);
        } else if near.redirects > self.settings.max_redirects {
            state.refuse(Refusal::Cut);
        } else {
            state.admit(role, near);
        }
    }

    fn excluded(&self, url: usize) -> bool {
        let patterns = &self.settings.exclude;
        patterns.iter().any(|word| self.urls[url].contains(word))
    }

    /// What the patterns say.
    fn welcome(&self, url: usize) -> bool {
        let include = &self.settings.include;
        let included = include.iter().any(|word| self.urls[url].contains(word));
        !self.excluded(url) && (include.is_empty() || included)
    }

    /// Whether a URL is within reach of a seed, or of what has joined.
    fn within(&self, url: usize) -> bool {
        self.near(self.before.anchors.iter().copied(), url)
    }

    /// Whether it is within reach of a seed.
    fn by_seed(&self, url: usize) -> bool {
        self.near(self.settings.seeds.iter().copied(), url)
    }

    fn near(&self, mut anchors: impl Iterator<Item = usize>, url: usize) -> bool {
        let host = |url: usize| self.web.nodes[url].host;
        let folder = |url: usize| {
            let path = &self.web.nodes[url].path;
            &path[..=path.rfind('/').expect("a slash")]
        };
        anchors.any(|anchor| match self.settings.reach {
            Reach::Any => true,
            Reach::Page => anchor == url,
            Reach::Host => host(anchor) == host(url),
            Reach::Domain => self.domains[host(anchor)] == self.domains[host(url)],
            Reach::Prefix => {
                host(anchor) == host(url) && self.web.nodes[url].path.starts_with(folder(anchor))
            }
            other => panic!("the model knows no {other:?}"),
        })
    }
}

fn is_part(kind: LinkKind) -> bool {
    matches!(
        kind,
        LinkKind::Img
            | LinkKind::Script
            | LinkKind::Stylesheet
            | LinkKind::Css
            | LinkKind::Media
            | LinkKind::Icon
    )
}
