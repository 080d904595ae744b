//! `crawl check`: whether an output is sound.

use std::io::Write;

use anyhow::Result;
use crawl::answers::check::{self, Finding, Hearers, Progress, Table};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::{CheckArgs, CheckFormat};
use super::progress::size;
use super::settings::output;
use super::{FAILED, FINISHED, is_broken_pipe, talk};

pub(super) fn check(args: &CheckArgs) -> Result<u8> {
    let output = output(args.at.output.as_ref())?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut table, mut written, mut is_first) = (Table::default(), Ok(()), true);
    let mut tell = |finding: &Finding| match args.format {
        CheckFormat::Table => table.take(finding),
        CheckFormat::Json => {
            let text = check::json_of(finding, std::mem::take(&mut is_first));
            if written.is_ok() {
                written = out.write_all(text.as_bytes());
            }
        }
    };
    let line = Line::begin("the database");
    let mut watch = |Progress {
                         files, of, bytes, ..
                     }: Progress| {
        line.show(format!("{files} of {of} files, {}", size(bytes)));
    };
    let hearers = Hearers {
        tell: &mut tell,
        watch: &mut watch,
    };
    let done = check::run(&output, args.repair, hearers);
    line.end();
    let check = done?;
    let written = written.and_then(|()| {
        match args.format {
            CheckFormat::Table => {
                table.write(&check, &mut out)?;
                for line in check::summary(&check) {
                    writeln!(out, "{line}")?;
                }
            }
            CheckFormat::Json => writeln!(out, "{}", check::json_end(&check))?,
        }
        out.flush()
    });
    // That nobody reads it to its end does not change what was found.
    let written = written.map_err(anyhow::Error::from);
    written.or_else(|error| is_broken_pipe(&error).then_some(()).ok_or(error))?;
    Ok(if check.is_sound() { FINISHED } else { FAILED })
}

/// The line that renews itself, on a terminal.
pub(super) struct Line(Option<ProgressBar>);

impl Line {
    pub(super) fn begin(words: &'static str) -> Self {
        if !talk::is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_message(words);
        bar.enable_steady_tick(std::time::Duration::from_millis(250));
        talk::set_line(Some(bar.clone()));
        Self(Some(bar))
    }

    pub(super) fn show(&self, words: String) {
        if let Some(bar) = &self.0 {
            bar.set_message(words);
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.0 {
            talk::set_line(None);
            bar.finish_and_clear();
        }
    }
}
