//! What `crawl why` says of each matter, in a line or a few.

use crawl::answers::why::{Attempt, Hop, RobotsAnswer, Step, Waits, Why};

use crate::cli::crawl::counted;
use crate::cli::progress::size;

/// `2026-11-21T03:11:44.177Z` as `crawl status` shows times.
pub(super) fn time(text: &str) -> String {
    let whole = text.split('.').next().unwrap_or(text);
    format!("{} UTC", whole.replace('T', " "))
}

pub(super) fn hop(hop: &Hop) -> String {
    match &hop.outcome {
        Some(outcome) => format!("{} ({})", hop.url, outcome.words()),
        None => hop.url.clone(),
    }
}

pub(super) fn step(step: &Step) -> String {
    let Some(found_by) = &step.found_by else {
        return step.url.clone();
    };
    let anchor = step.anchor.as_deref().map(|anchor| format!(" {anchor:?}"));
    let rel = step.rel.as_deref().map(|rel| format!(" rel={rel}"));
    let place = step
        .position
        .map(|place| format!(", link {place} of the page above"));
    format!(
        "{}  ({}{}{}{})",
        step.url,
        found_by,
        anchor.unwrap_or_default(),
        rel.unwrap_or_default(),
        place.unwrap_or_default()
    )
}

/// `: reason`, or nothing.
fn after(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

pub(super) fn decision(why: &Why) -> Vec<String> {
    let Some(decided) = &why.decided else {
        return Vec::new();
    };
    let kind = decided.kind.as_deref().map(|kind| match kind {
        "known" => " as a page".to_owned(),
        "asset" => " as an asset".to_owned(),
        kind => format!(" as a {kind}"),
    });
    let kind = kind
        .filter(|_| decided.decision == "admitted")
        .unwrap_or_default();
    let rule = decided
        .rule
        .as_deref()
        .map(|rule| format!(" ({rule})"))
        .unwrap_or_default();
    let mut lines = vec![format!(
        "{}{kind}{rule}{}",
        decided.decision,
        after(decided.because.as_deref())
    )];
    let beyond = match (decided.decision.as_str(), decided.hops) {
        ("admitted", hops @ 1..) if decided.kind.as_deref() == Some("asset") => {
            format!(", {} in a row", counted(hops.into(), "asset"))
        }
        ("admitted", hops @ 1..) => format!(", {} beyond the scope", counted(hops.into(), "link")),
        _ => String::new(),
    };
    if decided.depth > 0 || !beyond.is_empty() {
        let links = counted(decided.depth.into(), "link");
        lines.push(format!("{links} from the nearest seed{beyond}"));
    }
    lines
}

/// What the settings say: of what was let in, the decision has it already.
pub(super) fn scope(why: &Why) -> Vec<String> {
    let decided = why
        .decided
        .as_ref()
        .map(|decided| decided.decision.as_str());
    let Some(scope) = why
        .scope
        .as_ref()
        .filter(|_| !matches!(decided, Some("admitted" | "excluded")))
    else {
        return Vec::new();
    };
    let place = if scope.inside { "in" } else { "out" };
    let first = format!(
        "{place} ({}){}",
        scope.rule,
        after(scope.because.as_deref())
    );
    let notes = scope.notes.iter().filter(|_| decided.is_none());
    std::iter::once(first).chain(notes.cloned()).collect()
}

pub(super) fn robots(robots: &RobotsAnswer) -> Vec<String> {
    let verdict = match (robots.verdict.as_str(), &robots.line) {
        ("ignored", _) => "not asked: the settings say to ignore it".to_owned(),
        ("not asked", _) => format!("not asked yet: {}/robots.txt comes first", robots.origin),
        ("none", _) => "none: there was no host to ask for one".to_owned(),
        ("unreachable", _) => {
            format!(
                "{}/robots.txt cannot be had: nothing is allowed until it can",
                robots.origin
            )
        }
        (verdict, Some(line)) => format!("{verdict} by {line}"),
        (verdict, None) => format!("{verdict}: no line speaks of it"),
    };
    let mut lines = vec![verdict];
    if let (Some(fetched), Some(until)) = (&robots.fetched_at, &robots.valid_until) {
        let status = robots
            .status
            .map(|status| format!(" ({status})"))
            .unwrap_or_default();
        lines.push(format!(
            "{}/robots.txt of {}{status}, counts until {}",
            robots.origin,
            time(fetched),
            time(until)
        ));
    }
    if let Some(delay) = robots.crawl_delay {
        lines.push(format!("Crawl-delay: {delay}"));
    }
    lines
}

pub(super) fn attempt(attempt: &Attempt) -> String {
    let outcome = match (&attempt.error, attempt.status) {
        (Some(error), Some(status)) => format!("{status} {error}"),
        (Some(error), None) => error.clone(),
        (None, Some(status)) => status.to_string(),
        (None, None) => "nothing".to_owned(),
    };
    let mut line = format!(
        "{}  {outcome} in {:.0} ms, attempt {} of run {}",
        time(&attempt.started_at),
        attempt.total_ms,
        attempt.attempt,
        attempt.run
    );
    if attempt.kind != "page" {
        line += &format!(", {}", attempt.kind);
    }
    if attempt.conditional {
        line += ", on condition that it has changed";
    }
    if let Some(target) = &attempt.redirect_to {
        line += &format!(", to {target}");
    }
    if let Some(at) = &attempt.retry_at {
        line += &format!(", not again before {}", time(at));
    }
    line + &after(attempt.detail.as_deref())
}

pub(super) fn content(why: &Why) -> Vec<String> {
    let Some(content) = &why.content else {
        return Vec::new();
    };
    let title = content
        .title
        .as_deref()
        .map(|title| format!("{title:?}, "))
        .unwrap_or_default();
    let kind = content.content_type.as_deref().unwrap_or("of no type");
    let mut first = format!("{title}{kind}, {}", size(content.bytes));
    if content.links > 0 {
        first += &format!(", {}", counted(content.links, "link"));
    }
    if content.truncated {
        first += ", cut";
    }
    if !content.current {
        first += ", of an earlier answer";
    }
    if content.versions > 1 {
        first += &format!(
            ", one of {} that it has had (crawl query versions)",
            content.versions
        );
    }
    std::iter::once(first).chain(content.file.clone()).collect()
}

pub(super) fn next(why: &Why, waits: &Waits) -> Vec<String> {
    let mut lines = Vec::new();
    let runs = why.run_state.as_deref() == Some("running");
    if waits.deferred.is_some() {
        lines.push("with the next start: the same command tries it again".to_owned());
        return lines;
    }
    if !runs {
        let how = match why.last_start.as_deref() {
            Some("limit") => " (a limit has stopped it)",
            Some("signal") => " (a signal has stopped it)",
            _ => "",
        };
        lines.push(format!(
            "nobody crawls now{how}: when the same command goes on"
        ));
    }
    match &waits.eligible_at {
        Some(at) => lines.push(format!("not before {}", time(at))),
        None if runs => lines.push("as soon as its host's turn comes".to_owned()),
        None => {}
    }
    if waits.ahead > 0 {
        let more = if waits.or_more { "more than " } else { "" };
        let ahead = counted(waits.ahead, "URL");
        let time = Some(waits.seconds_ahead).filter(|seconds| *seconds > 0.0);
        let time = time.map(|seconds| format!(": {} at the least", rough(seconds)));
        lines.push(format!(
            "{more}{ahead} of its host before it{}",
            time.unwrap_or_default()
        ));
    }
    lines
}

/// A time to reckon with.
fn rough(seconds: f64) -> String {
    let (size, unit) = match seconds {
        ..120.0 => (1.0, "s"),
        ..7200.0 => (60.0, "min"),
        ..172_800.0 => (3600.0, "h"),
        _ => (86_400.0, "days"),
    };
    format!("{:.0} {unit}", seconds / size)
}

pub(super) fn host(why: &Why) -> Vec<String> {
    let host = &why.host;
    let more = if host.or_more { "more than " } else { "" };
    let waits = counted(host.queued, "URL");
    let mut lines = vec![format!(
        "{}: {}, {more}{waits} in line",
        host.name,
        host.pace()
    )];
    if let Some(until) = &host.held_until {
        lines.push(format!(
            "held until {}{}",
            time(until),
            after(host.hold_reason.as_deref())
        ));
    }
    if let Some(reason) = &host.set_aside {
        lines.push(format!("set aside until the next start: {reason}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(time("2026-11-21T03:11:44.177Z"), "2026-11-21 03:11:44 UTC");
        for (seconds, wanted) in [
            (0.4, "0 s"),
            (119.0, "119 s"),
            (7000.0, "117 min"),
            (9e6, "104 days"),
        ] {
            assert_eq!(rough(seconds), wanted);
        }
    }
}
