//! `crawl why`: what became of a URL, the answer first, the reasons after it.

use std::io::{BufWriter, Write};

use anyhow::Result;
use crawl::answers::why::{self, Attempt, Hop, RobotsAnswer, Step, Waits, Why};
use crawl::answers::{Reader, printable};

use super::args::WhyArgs;
use super::progress::size;
use super::settings::output;
use super::{FINISHED, crawl::counted};

/// Lines of one matter that are shown; of more, the first and the last of them.
const MOST_LINES: usize = 30;

pub(super) fn why(args: &WhyArgs) -> Result<u8> {
    let reader = Reader::open(&output(args.output.as_ref())?)?;
    let why = why::read(&reader, &args.url, args.all)?;
    let mut out = Lines(BufWriter::new(std::io::stdout().lock()));
    if args.json {
        writeln!(out.0, "{}", serde_json::to_string(&why)?)?;
    } else {
        show(&mut out, &why)?;
    }
    out.0.flush()?;
    Ok(FINISHED)
}

/// Lines with a word at their left that says what they are about.
struct Lines<W: Write>(W);

impl<W: Write> Lines<W> {
    /// A line; what a server may have written is made harmless.
    fn line(&mut self, word: &str, text: &str) -> std::io::Result<()> {
        writeln!(self.0, "{word:<10}{}", printable(text))
    }

    /// Lines of one matter: the word stands at the first.
    fn all(&mut self, word: &str, lines: &[String]) -> std::io::Result<()> {
        let left_out = lines.len().saturating_sub(MOST_LINES);
        for (index, line) in lines.iter().enumerate() {
            let word = if index == 0 { word } else { "" };
            if left_out > 0 && index == MOST_LINES / 2 {
                self.line(word, &format!("… {left_out} more (--json has all)"))?;
            }
            if left_out == 0 || index < MOST_LINES / 2 || index >= MOST_LINES / 2 + left_out {
                self.line(word, line)?;
            }
        }
        Ok(())
    }
}

fn show<W: Write>(out: &mut Lines<W>, why: &Why) -> std::io::Result<()> {
    writeln!(out.0, "{}", printable(&why.answer))?;
    out.line("url", &why.url)?;
    out.all("", &why.notes)?;
    if let Some(key) = &why.key {
        out.line("", &format!("known by {key}"))?;
    }
    out.all("similar", &why.similar.iter().map(hop).collect::<Vec<_>>())?;
    out.all("found", &why.route.iter().map(step).collect::<Vec<_>>())?;
    out.all("decision", &decision(why))?;
    out.all("scope", &scope(why))?;
    out.all("robots", &robots(&why.robots))?;
    out.all(
        "attempts",
        &why.attempts.iter().map(attempt).collect::<Vec<_>>(),
    )?;
    if why.requests_unread > 0 {
        let unread = counted(why.requests_unread, "request");
        let for_what = "for more attempts and for what redirects here";
        out.line(
            "log",
            &format!("{unread} not looked through {for_what}: --all does"),
        )?;
    }
    out.all(
        "leads to",
        &why.redirects.iter().map(hop).collect::<Vec<_>>(),
    )?;
    out.all("led here", &why.redirected_from)?;
    out.all("content", &content(why))?;
    if let Some(waits) = &why.waits {
        out.all("next", &next(why, waits))?;
    }
    if why.waits.is_some() || why.decided.is_none() {
        out.all("host", &host(why))?;
    }
    let earlier = why.earlier.iter();
    let earlier = earlier.map(|earlier| {
        let at = earlier
            .outcome
            .at
            .as_deref()
            .map(|at| format!(", {}", time(at)));
        format!(
            "run {}: {}{}",
            earlier.run,
            earlier.outcome.words(),
            at.unwrap_or_default()
        )
    });
    out.all("earlier", &earlier.collect::<Vec<_>>())
}

/// `2026-11-21T03:11:44.177Z` as `crawl status` shows times.
fn time(text: &str) -> String {
    let whole = text.split('.').next().unwrap_or(text);
    format!("{} UTC", whole.replace('T', " "))
}

fn hop(hop: &Hop) -> String {
    match &hop.outcome {
        Some(outcome) => format!("{} ({})", hop.url, outcome.words()),
        None => hop.url.clone(),
    }
}

fn step(step: &Step) -> String {
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

fn decision(why: &Why) -> Vec<String> {
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
fn scope(why: &Why) -> Vec<String> {
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

fn robots(robots: &RobotsAnswer) -> Vec<String> {
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

fn attempt(attempt: &Attempt) -> String {
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

fn content(why: &Why) -> Vec<String> {
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
        first += &format!(", one of {} that it has had", content.versions);
    }
    std::iter::once(first).chain(content.file.clone()).collect()
}

fn next(why: &Why, waits: &Waits) -> Vec<String> {
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

fn host(why: &Why) -> Vec<String> {
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
    fn lines() {
        let lines: Vec<String> = (0..40).map(|number| number.to_string()).collect();
        let mut out = Lines(Vec::new());
        out.all("found", &lines[..2]).expect("written");
        assert_eq!(out.0, b"found     0\n          1\n");
        let mut out = Lines(Vec::new());
        out.all("found", &lines).expect("written");
        let text = String::from_utf8(out.0).expect("text");
        assert_eq!(text.lines().count(), MOST_LINES + 1);
        assert!(
            text.contains("14\n          … 10 more (--json has all)\n          25\n"),
            "{text}"
        );
    }

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
