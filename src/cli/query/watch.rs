//! `crawl query --watch`: the question asked again and again while a crawl writes, each time of what is there by
//! then. On a terminal the answer stands still and changes; through a pipe one follows the other.

use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crawl::answers::query::{self, QueryError};
use crawl::answers::{Reader, status};
use jiff::Timestamp;

use super::Asked;
use crate::cli::args::Format;
use crate::cli::inspect::{columns, format};
use crate::cli::stop;

/// The shortest time between two questions: an answer costs the crawl something, too.
const SHORTEST: Duration = Duration::from_millis(100);
/// Lines of a terminal that does not say how many it has.
const LINES: usize = 24;

/// Another screen, without what stands on this one, on which long lines are not folded; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Whether the terminal shows the other screen.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back as it was, if it is ours.
pub(in crate::cli) fn restore_screen() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        let _ = put(LEAVE);
    }
}

/// Gives the terminal back when it goes, whatever the way.
struct Screen;

impl Drop for Screen {
    fn drop(&mut self) {
        restore_screen();
    }
}

/// Asks every so often, until the crawl has ended: then once more.
pub(super) fn watch(asked: &Asked<'_>, every: Duration) -> Result<(), QueryError> {
    let every = every.max(SHORTEST);
    let _screen = Screen;
    let for_people = matches!(
        asked.format,
        Format::Table | Format::Record | Format::Markdown
    );
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let redraw = for_people && !dumb && std::io::stdout().is_terminal();
    for answers in 0_u64.. {
        // A connection of its own each time: the output may have been moved, and another be in its place. Whether
        // it is written is asked first: then what was written to the end is in the last answer.
        let reader = Reader::open(asked.path)?;
        let running = reader.is_written();
        if redraw && running {
            draw(asked, &reader, every)?;
        } else {
            restore_screen();
            let stamp = stamp(asked.format, answers).filter(|_| !redraw);
            match put(&stamp.unwrap_or_default()) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                done => done?,
            }
            if !asked.answer(&reader)? {
                return Ok(());
            }
        }
        if !running {
            say_end(&reader, answers)?;
            return Ok(());
        }
        drop(reader);
        stop::pause(every);
    }
    Ok(())
}

fn put(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// What stands above an answer of several: the time, in a form that does not disturb who reads the rest. JSON has
/// no place for it.
fn stamp(format: Format, answers: u64) -> Option<String> {
    let now = Timestamp::from_second(Timestamp::now().as_second()).ok()?;
    let gap = if answers > 0 { "\n" } else { "" };
    match format {
        Format::Json | Format::Jsonl => None,
        Format::Csv => Some(format!("{gap}# {now}\n")),
        Format::Markdown => Some(format!("{gap}{now}\n\n")),
        Format::Table | Format::Record => Some(format!("{gap}-- {now}\n")),
    }
}

fn say_end(reader: &Reader, answers: u64) -> Result<(), QueryError> {
    let state = status::read(reader)?.map_or_else(String::new, |status| status.state);
    if answers == 0 {
        say!("crawl: no crawl writes here (the last one: {state}), so this was the only answer");
    } else {
        say!("crawl: the crawl has ended ({state}): this was the last answer");
    }
    Ok(())
}

/// Shows as much of an answer as the terminal has room for, in the place of the one before.
fn draw(asked: &Asked<'_>, reader: &Reader, every: Duration) -> Result<(), QueryError> {
    let lines = terminal_size::terminal_size()
        .map_or(LINES, |(_, terminal_size::Height(lines))| lines.into());
    let mut page = Page::of(lines.saturating_sub(2).max(1));
    query::ask(reader, &asked.question, format(asked.format), &mut page)?;
    let time = Timestamp::now().strftime("%H:%M:%S").to_string();
    let more = if page.is_full {
        ", more rows below"
    } else {
        ""
    };
    let head = format!("{time} UTC, every {every:?}{more}; Ctrl-C ends");
    let head: String = head.chars().take(columns()).collect();
    let mut text = String::new();
    if !ENTERED.swap(true, Ordering::SeqCst) {
        text.push_str(ENTER);
    }
    text.push_str("\x1b[H");
    for line in std::iter::once(&head).chain(&page.lines) {
        // Cleared first: behind a line that is as wide as the terminal, its last sign would go.
        text.push_str("\x1b[K");
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("\x1b[J");
    Ok(put(&text)?)
}

/// So many lines; then it takes no more, as a reader that has gone.
struct Page {
    lines: Vec<String>,
    open: Vec<u8>,
    most: usize,
    is_full: bool,
}

impl Page {
    fn of(most: usize) -> Self {
        Self {
            lines: Vec::new(),
            open: Vec::new(),
            most,
            is_full: false,
        }
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.lines.len() == self.most {
                self.is_full = true;
                return Err(ErrorKind::BrokenPipe.into());
            }
            self.open.extend(piece);
            if let Some(line) = self.open.strip_suffix(b"\n") {
                self.lines.push(String::from_utf8_lossy(line).into_owned());
                self.open.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_full_at_its_end() {
        let mut page = Page::of(2);
        for piece in ["ü", "a\nb", "\n"] {
            for byte in piece.bytes() {
                page.write_all(&[byte]).expect("room");
            }
        }
        assert_eq!(
            (&*page.lines, page.is_full),
            (&["üa".to_owned(), "b".to_owned()][..], false)
        );
        assert!(page.write_all(b"c").is_err() && page.is_full);
    }
}
