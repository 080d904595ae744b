//! `crawl cat`, `crawl rank`.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use crawl::answers::{Reader, cat, printable, rank};

use super::args::{CatArgs, RankArgs};
use super::inspect::Lines;
use super::settings::{output, output_option};
use super::{FAILED, FINISHED, write_out};

pub(super) fn cat(args: &CatArgs) -> Result<u8> {
    let reader = Reader::open(&output(args.at.output.as_ref())?)?;
    let stored = cat::read(&reader, &args.url, args.run)?;
    if args.headers {
        let mut out = Lines::to(std::io::stdout().lock());
        if let Some(status) = stored.status {
            writeln!(out, "{status}")?;
        }
        for line in stored.headers.lines() {
            writeln!(out, "{}", printable(line))?;
        }
    } else if args.text || args.markdown {
        let text = if args.text {
            stored.text()
        } else {
            stored.markdown()
        };
        let Some(text) = text else {
            let what = stored.media_type.as_deref().unwrap_or("of an unknown type");
            say!(
                "crawl: {} is {}, which has no text",
                printable(&stored.url),
                printable(what)
            );
            return Ok(FAILED);
        };
        shown(&text)?;
    } else if std::io::stdout().is_terminal() {
        shown(&String::from_utf8_lossy(&stored.body))?;
    } else {
        write_out(&stored.body)?;
    }
    Ok(FINISHED)
}

/// Writes a text: on a terminal so that it does nothing there.
fn shown(text: &str) -> Result<()> {
    let text = text.trim_end_matches('\n');
    if std::io::stdout().is_terminal() {
        let text = text.replace('\t', "    ");
        Lines::to(std::io::stdout().lock()).write_all(format!("{text}\n").as_bytes())?;
    } else {
        write_out(format!("{text}\n").as_bytes())?;
    }
    Ok(())
}

pub(super) fn rank(args: &RankArgs) -> Result<u8> {
    let output = output(args.at.output.as_ref())?;
    let ranked = rank::run(&output)?;
    show!(
        "{} pages of run {} ranked by {} links among them, in {} rounds",
        ranked.pages,
        ranked.run,
        ranked.links,
        ranked.rounds
    );
    show!("next      crawl query{} ranks", output_option(&output));
    Ok(FINISHED)
}
