//! `crawl status`: where a crawl stands, in lines for people or as JSON.

use std::io::Write;

use anyhow::Result;
use crawl::answers::status::{self, Derived, Failing, Left, Status};
use crawl::answers::{Reader, plain_json, printable};

use super::FINISHED;
use super::args::StatusArgs;
use super::crawl::counted;
use super::inspect::Lines;
use super::progress::size;
use super::settings::output;

/// Seeds that are named.
const SEEDS: usize = 10;

/// A crawl's seeds in a line: the first ones, and how many more there are.
fn seeds(all: &[String]) -> String {
    let shown = all.len().min(SEEDS);
    let more = match all.len() - shown {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    all[..shown].join(" ") + &more
}

pub(super) fn run(args: &StatusArgs) -> Result<u8> {
    let reader = Reader::open(&output(args.at.output.as_ref())?)?;
    let mut out = Lines::to(std::io::stdout().lock());
    let Some(status) = status::read(&reader)? else {
        writeln!(out, "nothing was crawled yet")?;
        return Ok(FINISHED);
    };
    if args.json {
        writeln!(out, "{}", plain_json(&serde_json::to_string(&status)?))?;
        return Ok(FINISHED);
    }
    write(&status, &mut out)?;
    Ok(FINISHED)
}

fn write(status: &Status, out: &mut dyn Write) -> std::io::Result<()> {
    let pid = status
        .pid
        .map_or_else(String::new, |pid| format!(" (pid {pid})"));
    let hint = match status.state.as_str() {
        "killed" | "stopped" | "failed" => "; the same command goes on",
        "deferred" => "; the same command tries again what is deferred",
        "finished" if status.budget.is_none() => "; the same command asks what has changed",
        _ => "",
    };
    let kind = match status.budget {
        Some(budget) => format!(", a refresh of {budget} requests"),
        None => String::new(),
    };
    writeln!(
        out,
        "run {}     {}{pid}{kind}{hint}",
        status.run, status.state
    )?;
    if let Some(why) = &status.why {
        writeln!(out, "ended     {}", printable(why))?;
    }
    writeln!(out, "seeds     {}", printable(&seeds(&status.seeds)))?;
    writeln!(
        out,
        "begun     {} UTC, {} start(s), last sign of life {} UTC",
        status.begun_at, status.starts, status.heartbeat_at
    )?;
    let rate = match &status.lately {
        Some(lately) => format!(
            "; {:.1}/s in the last {:.0} s",
            lately.pages as f64 / lately.seconds,
            lately.seconds
        ),
        None => String::new(),
    };
    writeln!(
        out,
        "pages     {}, by {} requests, {}{rate}",
        status.pages,
        status.requests,
        size(status.bytes)
    )?;
    writeln!(
        out,
        "queued    {}, {} of them deferred{}",
        status.queued,
        status.deferred,
        left(status)
    )?;
    if let Some(what) = &status.held_back {
        writeln!(out, "held back by {}", printable(what))?;
    }
    troubles(status, out)?;
    let files = match status.files {
        0 => String::new(),
        files => format!(
            ", {} in {}",
            size(status.file_bytes),
            counted(files, "file")
        ),
    };
    writeln!(
        out,
        "disk      database {}{files}",
        size(status.database_bytes.saturating_add(status.log_bytes))
    )?;
    let derived: Vec<String> = status.derived.iter().map(derived).collect();
    if !derived.is_empty() {
        writeln!(out, "made      {}", derived.join("; "))?;
    }
    Ok(())
}

/// How long it will take yet, as far as that can be told.
fn left(status: &Status) -> String {
    match &status.left {
        Some(Left::Seconds(seconds)) => {
            let length = match seconds {
                0..120 => format!("{seconds} s"),
                120..7200 => format!("{} min", seconds / 60),
                7200..172_800 => format!("{} h", seconds / 3600),
                _ => format!("{} days", seconds / 86_400),
            };
            format!("; {length} or more at this rate")
        }
        Some(Left::Growing) => {
            "; no end in sight yet: it finds more than half of what it does".to_owned()
        }
        _ => String::new(),
    }
}

/// What was worked out afterwards, and what makes it anew.
fn derived(derived: &Derived) -> String {
    let (what, command) = match derived.name.as_str() {
        "rank" => ("ranks".to_owned(), "rank"),
        "search" => ("text index".to_owned(), "index"),
        other => (printable(other), ""),
    };
    let made = &derived.made_at;
    match (derived.current, command) {
        (true, _) => format!("{what} {made} UTC"),
        (false, "") => format!("{what} {made} UTC, before the last requests"),
        (false, command) => {
            format!("{what} {made} UTC, before the last requests: crawl {command} renews it")
        }
    }
}

/// What the last requests failed by.
pub(super) fn failing(failing: &Failing) -> String {
    format!(
        "{} of the last {} requests, the last by {} at {}: tried again, ever more slowly",
        failing.failed,
        failing.of,
        printable(&failing.class),
        printable(&failing.host)
    )
}

/// What has failed, what waits for it, and who is left alone.
fn troubles(status: &Status, out: &mut dyn Write) -> std::io::Result<()> {
    if status.insecure {
        writeln!(
            out,
            "INSECURE  a start of this run did not check certificates (crawl query \"SELECT start, config FROM runs\")"
        )?;
    }
    let failures: Vec<String> = status
        .failures
        .iter()
        .map(|(class, count)| format!("{count} {class}"))
        .collect();
    writeln!(
        out,
        "failed    {}",
        match (failures.is_empty(), status.deferred) {
            (true, 0) => "none".to_owned(),
            (true, _) => "none for good; what is deferred is tried again".to_owned(),
            _ => failures.join(", "),
        }
    )?;
    if let Some(failing) = &status.failing {
        writeln!(out, "failing   {}", self::failing(failing))?;
    }
    for waits in &status.waits {
        writeln!(out, "deferred  {}", super::crawl::waiting(waits))?;
    }
    if status.is_log_long() {
        let why = if status.pid.is_some() {
            "a reader holds it; end long queries"
        } else {
            "the next start copies it back"
        };
        let length = size(status.log_bytes);
        writeln!(out, "log       crawl.db-wal has {length}: {why}")?;
    }
    for (host, why) in &status.held {
        writeln!(out, "host      {} {}", printable(host), printable(why))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_fit_on_a_line() {
        let all: Vec<String> = (0..2000).map(|number| format!("s{number}")).collect();
        assert_eq!(seeds(&all[..0]), "");
        assert_eq!(seeds(&all[..2]), "s0 s1");
        assert_eq!(seeds(&all), "s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 and 1990 more");
    }
}
