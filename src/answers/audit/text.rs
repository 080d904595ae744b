//! An audit for a terminal: the figures of each host as a table, the violations in lines.

use std::io::Write;

use rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use super::super::query::{self, Format, QueryError};
use super::super::{Reader, printable};
use super::report::{Audit, HostFigures, Law, Violation};
use crate::error::Error;

/// Violations of one law that are shown.
const SHOWN: usize = 20;
/// Hosts that are shown.
const HOSTS: usize = 40;

/// Writes an audit as text, fitted to a terminal of so many columns, if there is one.
///
/// # Errors
/// When it cannot be written.
pub fn text(audit: &Audit, columns: Option<usize>, out: &mut dyn Write) -> Result<(), QueryError> {
    head(audit, out)?;
    if !audit.hosts.is_empty() {
        writeln!(out)?;
        let failed = |source: rusqlite::Error| Error::Store {
            path: "audit".into(),
            source: source.into(),
        };
        let reader = load(&audit.hosts[..audit.hosts.len().min(HOSTS)]).map_err(failed)?;
        let sql = "SELECT * FROM hosts ORDER BY rowid";
        query::run(&reader, sql, Format::Table(columns), out)?;
        if let Some(more) = audit
            .hosts
            .len()
            .checked_sub(HOSTS)
            .filter(|more| *more > 0)
        {
            writeln!(out, "and {more} hosts more: --format json has all")?;
        }
    }
    for (law, count) in &audit.counts {
        let of_law = audit.violations.iter().filter(|found| found.law == *law);
        broken(*law, *count, of_law, out)?;
    }
    writeln!(out)?;
    match audit.broken() {
        0 => writeln!(out, "no violation")?,
        1 => writeln!(out, "1 violation")?,
        many => writeln!(out, "{many} violations")?,
    }
    Ok(())
}

/// The part before the table.
fn head(audit: &Audit, out: &mut dyn Write) -> std::io::Result<()> {
    let runs: Vec<String> = audit.runs.iter().map(ToString::to_string).collect();
    let hosts = audit.hosts.iter().filter(|host| host.requests > 0).count();
    writeln!(
        out,
        "run {}; {} start(s), {} request(s) to {hosts} host(s)",
        runs.join(", "),
        audit.starts.len(),
        audit.requests
    )?;
    if let (Some(first), Some(last)) = (&audit.first_at, &audit.last_at) {
        writeln!(out, "between     {first} and {last}")?;
    }
    for agent in audit.agents() {
        writeln!(out, "user agent  {}", printable(agent))?;
    }
    if let Some(start) = audit.starts.last() {
        let rate = start
            .global_interval_ms
            .map_or_else(String::new, |ms| format!(", one request each {ms} ms"));
        writeln!(
            out,
            "in all      {} in flight at the most, {} allowed{rate}",
            audit.most_in_flight, start.concurrency
        )?;
    }
    for remark in &audit.remarks {
        writeln!(out, "remark      {}", printable(&remark.words))?;
    }
    Ok(())
}

fn broken<'a>(
    law: Law,
    count: u64,
    violations: impl Iterator<Item = &'a Violation>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    writeln!(out, "\n{} ({count}): {}", law.as_str(), law.broken())?;
    for violation in violations.take(SHOWN) {
        let who = match violation.request {
            Some(request) => format!("request {request}"),
            None => format!("start {}", violation.start),
        };
        let url = violation.url.as_deref().unwrap_or_default();
        writeln!(out, "  {who}  {}  {}", violation.started_at, printable(url))?;
        let beside: Vec<String> = violation.beside.iter().map(ToString::to_string).collect();
        let beside = match beside.len() {
            0 => String::new(),
            1 => format!(" (beside request {})", beside[0]),
            _ => format!(" (beside requests {})", beside.join(", ")),
        };
        writeln!(out, "    {}{beside}", printable(&violation.words))?;
    }
    if let Some(more) = count.checked_sub(SHOWN as u64).filter(|more| *more > 0) {
        writeln!(out, "  and {more} more: --format json has them")?;
    }
    Ok(())
}

/// The hosts as a table that [`query`] can show; `docs/politeness.md` tells its columns.
fn load(hosts: &[HostFigures]) -> rusqlite::Result<Reader> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(
        "CREATE TABLE hosts (host, requests, gap_ms, min_ms, burst, in_flight, max, delay_ms, robots, pauses, broken)",
    )?;
    let mut insert = connection.prepare("INSERT INTO hosts VALUES (?,?,?,?,?,?,?,?,?,?,?)")?;
    for host in hosts {
        insert.execute((
            &host.host,
            host.requests as i64,
            host.least_gap_ms.map(round),
            host.interval_ms.map(round),
            host.burst,
            host.most_in_flight as i64,
            host.host_concurrency,
            host.crawl_delay_ms.map(round),
            host.robots_checked as i64,
            host.throttled as i64,
            host.violations as i64,
        ))?;
    }
    drop(insert);
    Ok(Reader {
        connection,
        path: "audit".into(),
    })
}

/// To a tenth.
fn round(ms: f64) -> f64 {
    (ms * 10.0).round() / 10.0
}
