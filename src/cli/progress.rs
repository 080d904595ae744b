//! The line that renews itself while a crawl runs, and its form in JSON.

use std::time::{Duration, Instant};

use crawl::answers::{plain_json, printable};
use crawl::config::Bytes;
use crawl::stats::{Bottleneck, Snapshot};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::sync::watch;

use super::args::Progress;
use super::crawl::counted;
use super::talk;

/// Columns of a terminal whose width is not known.
const COLUMNS: usize = 80;
/// Columns that the line leaves free: the spinner and its gap, and the last one, where some wrap.
const MARGIN: usize = 3;

/// How a crawl ended, as the exit code tells it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
    Finished,
    SeedsFailed,
    Deferred,
    Limit,
    Signal,
    Failed,
}

/// A line of `--progress json`.
#[derive(Serialize)]
struct Line<'a> {
    /// `running`, then once `finished`, `deferred`, `stopped` or `failed`: as `crawl status` has it.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Ended>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
    #[serde(flatten)]
    now: &'a Snapshot,
}

/// Shows snapshots until there are no more. Answers with the last.
pub(super) async fn show(
    how: Progress,
    quiet: bool,
    mut snapshots: watch::Receiver<Snapshot>,
) -> Snapshot {
    match how {
        Progress::Json => json(&mut snapshots).await,
        Progress::Auto if !quiet && talk::is_terminal() => line(&mut snapshots).await,
        _ => while snapshots.changed().await.is_ok() {},
    }
    snapshots.borrow().clone()
}

async fn json(snapshots: &mut watch::Receiver<Snapshot>) {
    let mut due = Instant::now();
    while snapshots.changed().await.is_ok() {
        // Until the next line is due, nothing but the end matters.
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(due.into()) => break,
                more = snapshots.changed() => if more.is_err() { return },
            }
        }
        due = Instant::now() + Duration::from_secs(1);
        let now = snapshots.borrow_and_update().clone();
        say_line(&Line {
            state: "running",
            outcome: None,
            exit_code: None,
            now: &now,
        });
    }
}

/// The last line of `--progress json`.
pub(super) fn say_end(last: &Snapshot, outcome: Ended, exit_code: u8) {
    let state = match outcome {
        Ended::Finished | Ended::SeedsFailed => "finished",
        Ended::Deferred => "deferred",
        Ended::Limit | Ended::Signal => "stopped",
        Ended::Failed => "failed",
    };
    say_line(&Line {
        state,
        outcome: Some(outcome),
        exit_code: Some(exit_code),
        now: last,
    });
}

fn say_line(line: &Line<'_>) {
    if let Ok(text) = serde_json::to_string(line) {
        say!("{}", plain_json(&text));
    }
}

async fn line(snapshots: &mut watch::Receiver<Snapshot>) {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    talk::set_line(Some(bar.clone()));
    while snapshots.changed().await.is_ok() {
        let columns = terminal_size::terminal_size_of(std::io::stderr())
            .map_or(COLUMNS, |(terminal_size::Width(columns), _)| columns.into());
        let text = fitted(
            pieces(&snapshots.borrow_and_update()),
            columns.saturating_sub(MARGIN),
        );
        bar.set_message(text);
        bar.tick();
    }
    talk::set_line(None);
    bar.finish_and_clear();
}

/// What there is to say of a snapshot, the most wanted first.
fn pieces(now: &Snapshot) -> Vec<String> {
    let failures: u64 = now.failures.values().sum();
    let mut pieces = vec![
        format!("{} pages", now.pages),
        format!("{:.1}/s", now.pages_per_second),
        format!("{} queued", now.queued),
        format!("{failures} failed"),
    ];
    if now.bottleneck != Bottleneck::Starting {
        pieces.push(format!("held back by {}", now.bottleneck.as_str()));
    }
    if now.is_log_long() {
        pieces.push(format!("log {}: a reader holds it", size(now.log_bytes)));
    }
    pieces.push(size(now.bytes));
    pieces.push(format!("{} in flight", now.in_flight));
    if let Some(held) = &now.held {
        let host = printable(&held.host);
        let why = printable(&held.why);
        pieces.push(format!("{host} waits {} s ({why})", held.seconds));
    }
    let seconds = now.elapsed as u64;
    pieces.push(counted(now.requests, "request"));
    pieces.push(counted(now.hosts as u64, "host"));
    pieces.push(format!("{}:{:02} min", seconds / 60, seconds % 60));
    let mut worst: Vec<_> = now.failures.iter().collect();
    worst.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    pieces.extend(
        worst
            .iter()
            .take(3)
            .map(|(class, count)| format!("{count} {class}")),
    );
    pieces
}

/// As many pieces as a line of so many columns holds whole.
fn fitted(pieces: Vec<String>, columns: usize) -> String {
    let mut line = String::new();
    for piece in pieces {
        let gap = if line.is_empty() { "" } else { "  " };
        // Pieces are ASCII: hosts are, and what is not printable in them is escaped. None that follows a
        // piece without room is shown: the line would flicker between them.
        if line.len() + gap.len() + piece.len() > columns {
            break;
        }
        line.push_str(gap);
        line.push_str(&piece);
    }
    line
}

/// Bytes for people: three digits and a unit.
pub(super) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1000.0 {
            return if unit == "B" {
                Bytes(bytes).to_string()
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_columns_say_more() {
        let mut now = Snapshot::default();
        (now.pages, now.pages_per_second, now.queued) = (123_456, 1234.56, 1_234_567);
        (now.bytes, now.in_flight, now.hosts, now.requests) = (5 << 30, 64, 1234, 150_000);
        now.bottleneck = Bottleneck::HostLimits;
        now.failures = [("http_404".to_owned(), 12), ("connect".to_owned(), 20)].into();
        let host = format!("{}.example", "long-".repeat(2));
        now.held = Some(crawl::stats::Held::new(host, 600, "429".to_owned()));
        let line = |columns: usize| fitted(pieces(&now), columns);
        assert_eq!(line(20), "123456 pages");
        assert_eq!(
            line(77),
            "123456 pages  1234.6/s  1234567 queued  32 failed  held back by host limits"
        );
        let long = line(210);
        assert!(
            long.contains("-.example waits 600 s (429)")
                && long.ends_with("20 connect  12 http_404"),
            "{long}"
        );
        for columns in 0..230 {
            assert!(line(columns).len() <= columns);
        }
    }

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0B"),
            (999, "999B"),
            (1000, "1.0 KiB"),
            (150 << 20, "150.0 MiB"),
            (3 << 40, "3.0 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
