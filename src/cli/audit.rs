//! `crawl audit`: whether a crawl kept its promises.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use crawl::answers::audit::{self, Audit, Runs};
use crawl::answers::{Reader, plain_json, printable};

use super::args::{AuditArgs, AuditFormat};
use super::inspect::{Lines, columns, shown};
use super::settings::output;
use super::{FAILED, FINISHED, USAGE, is_broken_pipe};

pub(super) fn audit(args: &AuditArgs) -> Result<u8> {
    let reader = Reader::open(&output(args.at.output.as_ref())?)?;
    let runs = match args.run {
        Some(run) => Runs::One(run),
        None if args.all => Runs::All,
        None => Runs::Latest,
    };
    let Some(mut audit) = audit::read(&reader, runs)? else {
        return Ok(if let Some(run) = args.run {
            say!(
                "crawl: there is no run {run}, or its log was pruned; crawl query runs lists them"
            );
            USAGE
        } else {
            show!("nothing was crawled yet");
            FINISHED
        });
    };
    if let Some(host) = &args.host
        && !audit.keep_host(host)
    {
        say!(
            "crawl: nothing was asked of {}; crawl query hosts lists the hosts",
            printable(host)
        );
        return Ok(USAGE);
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let written = write(&audit, args.format, &mut out);
    // That nobody reads it to its end does not change what was found.
    written.or_else(|error| is_broken_pipe(&error).then_some(()).ok_or(error))?;
    Ok(if audit.is_clean() { FINISHED } else { FAILED })
}

fn write(audit: &Audit, format: AuditFormat, out: &mut dyn Write) -> Result<()> {
    match format {
        AuditFormat::Table => {
            let columns = std::io::stdout().is_terminal().then(columns);
            shown(audit::text(audit, columns, &mut Lines::to(&mut *out)))?;
        }
        AuditFormat::Json => {
            let json = serde_json::to_string_pretty(audit).map_err(std::io::Error::from)?;
            writeln!(out, "{}", plain_json(&json))?;
        }
        AuditFormat::Html => out.write_all(audit::html(audit).as_bytes())?,
    }
    Ok(out.flush()?)
}
