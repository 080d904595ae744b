//! What the subcommands share that show rows; `init` and `completions`.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result};
use crawl::answers::printable;
use crawl::answers::query::{Format, QueryError};

use super::args::{self, CompletionsArgs, InitArgs};
use super::help;
use super::{FINISHED, USAGE, write_out};

/// Width of a table that goes to a terminal whose width is not known.
const COLUMNS: usize = 100;
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
        args::Format::Record if !std::io::stdout().is_terminal() => Format::Record(None),
        args::Format::Record => Format::Record(Some(columns())),
        args::Format::Markdown => Format::Markdown,
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
}
