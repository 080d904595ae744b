//! The subcommands that look at an output or a setting.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result};
use crawl::answers::query::{self, Format, QueryError};
use crawl::answers::{Reader, plain_json, printable, status};
use crawl::store::views::NAMED_VIEWS;

use super::args::{self, CompletionsArgs, InitArgs, QueryArgs, StatusArgs};
use super::help;
use super::progress::size;
use super::settings::output;
use super::spool::Spool;
use super::{FINISHED, USAGE, write_out};

/// Width of a table that goes to a terminal whose width is not known.
const COLUMNS: usize = 100;
/// Seeds that `status` names.
const SEEDS: usize = 10;

pub(super) fn query(args: &QueryArgs) -> Result<u8> {
    let Some(question) = &args.question else {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        // Those of every database, and where one is there, its own.
        let output = output(args.output.as_ref())?;
        let views = if output.exists() {
            query::views(&Reader::open(&output)?)?
        } else {
            let named = NAMED_VIEWS.iter();
            named
                .map(|(name, what)| ((*name).to_owned(), (*what).to_owned()))
                .collect()
        };
        for (name, what) in views {
            writeln!(out, "{:<18}{what}", name.replace('_', "-"))?;
        }
        out.flush()?;
        return Ok(FINISHED);
    };
    let reader = Reader::open(&output(args.output.as_ref())?)?;
    let format = format(args.format);
    let spool = Spool::new(std::io::stdout(), || reader.is_written());
    let mut out = std::io::BufWriter::new(spool);
    let answered = if format == Format::Csv && std::io::stdout().is_terminal() {
        query::run(&reader, question, format, &mut Lines::to(&mut out))
    } else {
        query::run(&reader, question, format, &mut out)
    };
    // The statement is closed: from here on a slow reader holds up nobody.
    let written = match out.into_inner() {
        Ok(spool) => spool.finish(),
        Err(error) => Err(error.into_error()),
    };
    shown(answered)?;
    Ok(written.map(|()| FINISHED)?)
}

/// Lines on their way to a terminal, each made harmless there, whoever has written what is in it.
pub(super) struct Lines<W: Write>(Vec<u8>, W);

impl<W: Write> Lines<W> {
    pub(super) fn to(out: W) -> Self {
        Self(Vec::new(), out)
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.0.extend(piece);
            if let Some(line) = self.0.strip_suffix(b"\n") {
                writeln!(self.1, "{}", printable(&String::from_utf8_lossy(line)))?;
                self.0.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.1.flush()
    }
}

/// How rows are shown where standard output leads.
pub(super) fn format(wanted: args::Format) -> Format {
    match wanted {
        // Through a pipe nothing is cut.
        args::Format::Table if !std::io::stdout().is_terminal() => Format::Table(None),
        args::Format::Table => Format::Table(Some(columns())),
        args::Format::Csv => Format::Csv,
        args::Format::Json => Format::Json,
        args::Format::Jsonl => Format::JsonLines,
    }
}

/// The error of a question, as [`super::main`] tells the kinds apart.
pub(super) fn shown(done: std::result::Result<(), QueryError>) -> Result<()> {
    done.map_err(|error| match error {
        QueryError::Crawl(error) => error.into(),
        QueryError::Write(error) => error.into(),
        error => error.into(),
    })
}

/// Width of the terminal.
pub(super) fn columns() -> usize {
    terminal_size::terminal_size()
        .map_or(COLUMNS, |(terminal_size::Width(columns), _)| columns.into())
}

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

pub(super) fn init(args: &InitArgs) -> Result<u8> {
    let file = &args.file;
    let open = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file);
    let mut open = match open {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            say!(
                "crawl: {} is there already, and is left alone; crawl init OTHER.toml writes another",
                file.display()
            );
            return Ok(USAGE);
        }
        open => open.with_context(|| format!("cannot write {}", file.display()))?,
    };
    open.write_all(include_bytes!("../../crawl.toml"))?;
    show!(
        "{} written: set [seeds] seed, then run: crawl",
        file.display()
    );
    Ok(FINISHED)
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut help::command(), "crawl", &mut script);
    write_out(&script)?;
    Ok(FINISHED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_a_terminal() {
        let mut lines = Lines::to(Vec::new());
        for piece in ["a,\u{202e}b\nç", "ç\x1b[2J", "\r\n"] {
            for byte in piece.bytes() {
                lines.write_all(&[byte]).expect("written");
            }
        }
        let text = String::from_utf8(lines.1).expect("text");
        assert_eq!(text, "a,\\u{202e}b\nçç\\u{1b}[2J\\u{d}\n");
    }

    #[test]
    fn seeds_fit_on_a_line() {
        let all: Vec<String> = (0..2000).map(|number| format!("s{number}")).collect();
        assert_eq!(seeds(&all[..0]), "");
        assert_eq!(seeds(&all[..2]), "s0 s1");
        assert_eq!(seeds(&all), "s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 and 1990 more");
    }
}
