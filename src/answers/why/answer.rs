//! Where a URL stands, in a word and in a line.

use super::attempts::Attempt;
use super::words::{counted, kept_out};
use super::{Decided, Why};

/// The state and the answer; `last` is the request that has the outcome.
pub(super) fn of(why: &Why, last: Option<i64>) -> (String, String) {
    let (state, answer) = match &why.decided {
        Some(decided) => met(why, decided, last),
        None if why.first_seen.is_some() => not_in_this_run(why),
        None => ("unknown", format!("never met{}", would(why))),
    };
    (state.to_owned(), answer)
}

fn met<'a>(why: &Why, decided: &'a Decided, last: Option<i64>) -> (&'a str, String) {
    let Some(last) = last else {
        if decided.decision != "admitted" {
            let answer = kept_out(&decided.decision, decided.rule.as_deref());
            return (decided.decision.as_str(), answer);
        }
        return waiting(why);
    };
    let attempt = why.attempts.iter().find(|attempt| attempt.id == last);
    let (state, mut answer) = attempt.map_or(("fetched", "fetched".to_owned()), outcome);
    if let Some(attempt) = attempt.filter(|attempt| why.run.is_some_and(|run| run > attempt.run)) {
        answer += &format!(" in run {}", attempt.run);
        answer += match why.waits {
            Some(_) => ", and waits to be asked for again",
            None => "; not asked for since",
        };
    }
    if decided.decision != "admitted" {
        answer += "; since then ";
        answer += &kept_out(&decided.decision, decided.rule.as_deref());
    }
    (state, answer)
}

fn outcome(attempt: &Attempt) -> (&'static str, String) {
    let attempts = counted(attempt.attempt.into(), "attempt");
    match (&attempt.error, attempt.status, &attempt.redirect_to) {
        (None, Some(status), Some(target)) => (
            "redirect",
            format!("redirects to {target}: {status}, {attempts}"),
        ),
        (Some(error), Some(status), _) => (
            "failed",
            format!("failed: {error} (status {status}), {attempts}"),
        ),
        (Some(error), None, _) => ("failed", format!("failed: {error}, {attempts}")),
        (None, Some(304), _) => ("fetched", format!("fetched: 304 (unchanged), {attempts}")),
        (None, Some(status @ 400..), _) => ("failed", format!("failed: {status}, {attempts}")),
        (None, Some(status), _) => ("fetched", format!("fetched: {status}, {attempts}")),
        (None, None, _) => ("failed", format!("failed, {attempts}")),
    }
}

fn waiting(why: &Why) -> (&'static str, String) {
    let Some(waits) = &why.waits else {
        return ("waiting", "waits in the queue".to_owned());
    };
    if let Some(reason) = &waits.deferred {
        return ("deferred", format!("deferred: {reason}"));
    }
    let answer = if waits.failed_attempts > 0 {
        let failed = counted(waits.failed_attempts.into(), "attempt");
        let last = why.attempts.last();
        let why = last.map_or_else(String::new, |last| match (&last.error, last.status) {
            (Some(error), _) => format!(", the last by {error}"),
            (None, Some(status)) => format!(", the last with {status}"),
            _ => String::new(),
        });
        format!("waits to be tried again: {failed} failed{why}")
    } else if waits.ahead == 0 && why.run_state.as_deref() == Some("running") {
        "waits in the queue as the next of its host, or is under way".to_owned()
    } else if waits.ahead == 0 {
        "waits in the queue, as the next of its host".to_owned()
    } else {
        let more = if waits.or_more { "more than " } else { "" };
        format!(
            "waits in the queue, behind {more}{} of its host",
            waits.ahead
        )
    };
    ("waiting", answer)
}

/// It has a row, and this run has not visited it.
fn not_in_this_run(why: &Why) -> (&'static str, String) {
    for attempt in why.attempts.iter().rev() {
        let (state, what) = match attempt.kind.as_str() {
            "robots" => ("robots", "robots.txt"),
            "sitemap" => ("sitemap", "sitemap"),
            _ => continue,
        };
        let answer = format!("asked for as a {what}; {}", outcome(attempt).1);
        return (state, answer);
    }
    match why.earlier.first() {
        Some(earlier) => {
            let then = earlier.outcome.words();
            let run = earlier.run;
            (
                "earlier",
                format!("not met in this run; in run {run}: {then}"),
            )
        }
        None => (
            "named",
            "only named, as by a canonical link or a redirect: not visited".to_owned(),
        ),
    }
}

/// What would become of a URL that was never met.
fn would(why: &Why) -> String {
    let Some(scope) = &why.scope else {
        return ", and there are no settings to judge it by".to_owned();
    };
    if !scope.inside {
        return match scope.rule.strip_prefix("outside ") {
            Some(_) => format!(": it is out of scope ({})", scope.rule),
            None => format!(": it would be kept out by: {}", scope.rule),
        };
    }
    match why.robots.verdict.as_str() {
        "disallowed" => format!(
            ": it is in scope, but robots.txt forbids it: {}",
            why.robots.line.as_deref().unwrap_or("robots.txt")
        ),
        "unreachable" => ": it is in scope, but its robots.txt cannot be had".to_owned(),
        _ => format!(
            ": it is in scope ({}), but nothing that was read leads to it",
            scope.rule
        ),
    }
}
