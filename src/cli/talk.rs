//! Standard error: log lines, words to the user and the progress line share it, and none treads on another.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use crawl::answers::printable;
use indicatif::ProgressBar;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::outlet::Outlet;

/// The line that renews itself, while there is one.
static LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// From now on this line is taken away while something else is said; `None`: there is none any more.
pub(super) fn set_line(line: Option<ProgressBar>) {
    *LINE.lock().unwrap_or_else(PoisonError::into_inner) = line;
}

/// What is on its way there.
static OUTLET: Outlet = Outlet::new();

/// From now on nobody who says something waits for whoever reads it.
pub(super) fn serve() {
    OUTLET.serve(|bytes| {
        let _ = write_now(bytes);
    });
}

/// Waits until everything that was said is written, while somebody reads it.
pub(super) fn flush() {
    OUTLET.flush();
}

/// Writes above the progress line.
pub(super) fn write(bytes: &[u8]) -> std::io::Result<()> {
    match OUTLET.take(bytes) {
        Ok(()) => Ok(()),
        Err(bytes) => write_now(bytes),
    }
}

fn write_now(bytes: &[u8]) -> std::io::Result<()> {
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
    let colours = is_terminal() && !no_colour;
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Above { colours })
        .with_ansi(colours)
        .with_target(false)
        .log_internal_errors(false)
        .try_init();
}

/// Writes log lines, each whole, above the progress line.
#[derive(Clone, Copy)]
struct Above {
    /// Whether the lines have colours.
    colours: bool,
}

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        let line = harmless(line.trim_end_matches('\n'), self.colours);
        write(format!("{line}\n").as_bytes()).map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Above {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

/// A log line in which nothing of a server's moves the cursor, begins a line of its own or turns text round:
/// URLs and words of servers are among the values. What is there of ESC is the subscriber's own colours: in
/// values it has escaped that itself.
fn harmless(line: &str, colours: bool) -> String {
    if !colours {
        return printable(line);
    }
    let pieces: Vec<String> = line.split('\x1b').map(printable).collect();
    pieces.join("\x1b")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_are_lines() {
        for (given, colours, wanted) in [
            (
                "\x1b[2mINFO\x1b[0m a\rb\nc\u{202e}",
                true,
                "\x1b[2mINFO\x1b[0m a\\u{d}b\\u{a}c\\u{202e}",
            ),
            ("\x1b[2ma", false, "\\u{1b}[2ma"),
        ] {
            assert_eq!(harmless(given, colours), wanted);
        }
    }
}
