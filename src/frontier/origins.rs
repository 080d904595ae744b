//! What the robots.txt of each of a host's origins says, as far as it is known; asking for it is a
//! request like any other, put at the head of the host's queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Remembered;
use crate::canonical::{CanonicalUrl, Origin};
use crate::request::Request;
use crate::robots::Robots;

/// How long an expired robots.txt rules on while it cannot be asked for again.
const STALE: Duration = Duration::from_secs(30 * 86_400);

/// What robots.txt says of a URL now.
pub(super) enum Ruling {
    /// Go, by this rule (none: by default).
    Allowed(Option<String>),
    /// Not, by this rule.
    Disallowed(String),
    /// robots.txt is not here yet, or cannot be had.
    Wait,
}

#[derive(Debug, Default)]
struct State {
    rules: Option<Arc<Robots>>,
    /// Until when the rules count; after that they are asked for again while they rule on.
    fresh_until: Option<Instant>,
    /// Not to be asked for again before, since it could not be had.
    ask_again: Option<Instant>,
    /// A request for it waits or is under way.
    asked: bool,
    /// It could not be had: the origin's URLs are deferred.
    unreachable: bool,
    /// It has answered lately: since it is in memory, or what it has answered is still fresh.
    heard: bool,
}

/// The origins of one host: two at the most, but for odd ports.
#[derive(Debug)]
pub(super) struct Origins {
    obey: bool,
    states: Vec<(Origin, State)>,
    /// About how many bytes their rules hold.
    bytes: usize,
    /// Requests for robots.txt that have come up; one look at a queue may meet two origins.
    questions: Vec<Request>,
}

impl Origins {
    pub(super) fn new(obey: bool) -> Self {
        Self {
            obey,
            states: Vec::new(),
            bytes: 0,
            questions: Vec::new(),
        }
    }

    fn state(&mut self, origin: &Origin) -> &mut State {
        let found = self.states.iter().position(|(other, _)| other == origin);
        let index = found.unwrap_or_else(|| {
            self.states.push((origin.clone(), State::default()));
            self.states.len() - 1
        });
        &mut self.states[index].1
    }

    /// What robots.txt says of a URL; where it has to be asked for, [`Origins::take_questions`] has the
    /// request afterwards, for the host to take at once.
    pub(super) fn rule(&mut self, url: &CanonicalUrl, now: Instant) -> Ruling {
        if !self.obey {
            return Ruling::Allowed(Some("robots.txt ignored".to_owned()));
        }
        let origin = url.origin();
        let state = self.state(&origin);
        let stale = state
            .fresh_until
            .max(state.ask_again)
            .is_none_or(|until| until <= now);
        let asks = stale && !state.asked && !state.unreachable;
        let rules = state.rules.clone();
        if asks {
            let Ok(robots_url) = origin.robots_url() else {
                return Ruling::Allowed(None);
            };
            state.asked = true;
            self.questions
                .push(Request::robots(robots_url, origin, 0, 0));
        }
        let Some(rules) = rules else {
            return Ruling::Wait;
        };
        let verdict = rules.verdict(url.path_and_query());
        match verdict.rule.map(str::to_owned) {
            rule if verdict.allowed => Ruling::Allowed(rule),
            rule => Ruling::Disallowed(rule.unwrap_or_else(|| "robots.txt".to_owned())),
        }
    }

    /// Takes note that an origin answers.
    pub(super) fn hear(&mut self, origin: &Origin) {
        self.state(origin).heard = true;
    }

    /// Whether an origin has answered lately.
    pub(super) fn has_answered(&self, origin: &Origin) -> bool {
        let mut states = self.states.iter();
        states.any(|(other, state)| other == origin && state.heard)
    }

    pub(super) fn take_questions(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.questions)
    }

    pub(super) fn known(&mut self, origin: &Origin, rules: Arc<Robots>, fresh_until: Instant) {
        let state = self.state(origin);
        *state = State {
            rules: Some(rules),
            fresh_until: Some(fresh_until),
            heard: state.heard,
            ..State::default()
        };
        self.weigh();
    }

    /// Takes in what was stored of an origin, unless something newer is known by now.
    pub(super) fn remember(&mut self, stored: Remembered, now: Instant) {
        let state = self.state(&stored.origin);
        state.heard |= stored.fresh_until > now;
        if state.rules.is_none() && !state.unreachable {
            state.rules = Some(stored.rules);
            (state.fresh_until, state.ask_again) = (Some(stored.fresh_until), stored.ask_again);
        }
        self.weigh();
    }

    /// Says that the robots.txt could not be had. Whether an old copy rules on.
    pub(super) fn unreachable(
        &mut self,
        origin: &Origin,
        ask_again: Instant,
        now: Instant,
    ) -> bool {
        let state = self.state(origin);
        state.asked = false;
        let old = state.fresh_until.is_some_and(|until| until + STALE > now);
        if state.rules.is_some() && old {
            state.ask_again = Some(ask_again);
        } else {
            state.unreachable = true;
            state.rules = None;
        }
        let rules_on = !state.unreachable;
        self.weigh();
        rules_on
    }

    pub(super) fn is_unreachable(&self, origin: &Origin) -> bool {
        let of = |(other, state): &(Origin, State)| other == origin && state.unreachable;
        self.states.iter().any(of)
    }

    /// Whether the URLs of one are deferred.
    pub(super) fn has_given_up(&self) -> bool {
        self.states.iter().any(|(_, state)| state.unreachable)
    }

    /// Whether an answer is waited for, from this host or from one that it redirects to.
    pub(super) fn is_asking(&self) -> bool {
        self.states.iter().any(|(_, state)| state.asked)
    }

    /// About how many bytes the rules hold.
    pub(super) fn size(&self) -> usize {
        self.bytes
    }

    fn weigh(&mut self) {
        let rules = self
            .states
            .iter()
            .filter_map(|(_, state)| state.rules.as_ref());
        self.bytes = rules.map(|rules| rules.size()).sum();
    }
}
