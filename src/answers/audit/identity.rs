//! Whether those who were asked could know who asked.

use super::findings::Findings;
use super::report::{Law, Violation};
use super::starts::{Start, Starts};
use super::time;
use crate::robots::is_product_token;

/// Holds each start to the user agent of its run's first, and that to what robots.txt can name.
pub(super) fn check(starts: &Starts, found: &mut Findings<'_>) {
    let mut first: Option<&Start> = None;
    for start in &starts.list {
        let agent = &start.politeness.user_agent;
        let before = first.filter(|before| before.run == start.run);
        let mut broken = |law, words| found.add(violation(start, law, words));
        if start.paces.is_none() {
            let words = format!(
                "the settings of start {} are not understood by this version: its limits are not known",
                start.id
            );
            broken(Law::Settings, words);
            continue;
        }
        let token = &starts.askers[start.asker].token;
        if !is_product_token(token) {
            broken(
                Law::Identity,
                format!("{agent:?} does not begin with a name that robots.txt can address"),
            );
        }
        if let Some(before) = before.filter(|before| before.politeness.user_agent != *agent) {
            let words = format!(
                "start {} calls itself {agent:?}, start {} of the same run {:?}",
                start.id, before.id, before.politeness.user_agent
            );
            broken(Law::Identity, words);
        }
        if before.is_none() {
            first = Some(start);
        }
    }
}

fn violation(start: &Start, law: Law, words: String) -> Violation {
    Violation {
        law,
        host: None,
        request: None,
        start: start.id,
        beside: Vec::new(),
        url: None,
        started_at: time(start.begun),
        found: None,
        permitted: None,
        words,
    }
}
