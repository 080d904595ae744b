//! Standard error: log lines, words to the user and the progress line share it, and none treads on another.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The line that renews itself, while there is one.
static LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// From now on this line is taken away while something else is said; `None`: there is none any more.
pub(super) fn set_line(line: Option<ProgressBar>) {
    *LINE.lock().unwrap_or_else(PoisonError::into_inner) = line;
}

/// Writes above the progress line.
pub(super) fn write(bytes: &[u8]) -> std::io::Result<()> {
    let line = LINE.lock().unwrap_or_else(PoisonError::into_inner);
    let write = || std::io::stderr().lock().write_all(bytes);
    match &*line {
        Some(line) => line.suspend(write),
        None => write(),
    }
}

/// Whether standard error is a terminal on which lines can be renewed.
pub(super) fn is_terminal() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stderr().is_terminal() && !dumb
}

/// Sets the log up: from warnings (0) over events (1) to every request (2).
pub(super) fn log(quiet: bool, verbose: u8) {
    let default = match (quiet, verbose) {
        (true, _) => "error",
        (_, 0) => "crawl=warn",
        (_, 1) => "crawl=info",
        _ => "crawl=debug",
    };
    let filter = EnvFilter::try_from_env("CRAWL_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    // URLs and words of servers are among the values: the subscriber escapes control characters.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Above)
        .with_ansi(is_terminal() && !no_colour)
        .with_target(false)
        .log_internal_errors(false)
        .try_init();
}

/// Writes log lines, each whole, above the progress line.
struct Above;

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        write(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Above {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
