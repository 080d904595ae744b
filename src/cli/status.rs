//! `crawl status`: where a crawl stands, in lines for people or as JSON.

use std::io::Write;

use anyhow::Result;
use crawl::answers::{Reader, plain_json, printable, status};

use super::FINISHED;
use super::args::StatusArgs;
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

pub(super) fn status(args: &StatusArgs) -> Result<u8> {
    let reader = Reader::open(&output(args.output.as_ref())?)?;
    let mut out = Lines::to(std::io::stdout().lock());
    let Some(status) = status::read(&reader)? else {
        writeln!(out, "nothing was crawled yet")?;
        return Ok(FINISHED);
    };
    if args.json {
        writeln!(out, "{}", plain_json(&serde_json::to_string(&status)?))?;
        return Ok(FINISHED);
    }
    let pid = status
        .pid
        .map_or_else(String::new, |pid| format!(" (pid {pid})"));
    let hint = match status.state.as_str() {
        "killed" | "stopped" | "failed" => "; the same command goes on",
        "deferred" => "; the same command tries again what is deferred",
        _ => "",
    };
    writeln!(out, "run {}     {}{pid}{hint}", status.run, status.state)?;
    if let Some(why) = &status.why {
        writeln!(out, "ended     {}", printable(why))?;
    }
    writeln!(out, "seeds     {}", printable(&seeds(&status.seeds)))?;
    writeln!(
        out,
        "begun     {} UTC, {} start(s), last sign of life {} UTC",
        status.begun_at, status.starts, status.heartbeat_at
    )?;
    writeln!(
        out,
        "pages     {}, by {} requests, {}",
        status.pages,
        status.requests,
        size(status.bytes)
    )?;
    writeln!(
        out,
        "queued    {}, {} of them deferred",
        status.queued, status.deferred
    )?;
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
    Ok(FINISHED)
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
