//! The line that renews itself while a crawl runs, and its form in JSON.

use std::io::IsTerminal;
use std::time::Duration;

use crawl::answers::printable;
use crawl::config::Bytes;
use crawl::stats::{Bottleneck, Snapshot};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use super::args::Progress;

/// Shows snapshots until there are no more.
pub(super) async fn show(how: Progress, quiet: bool, snapshots: watch::Receiver<Snapshot>) {
    match how {
        Progress::Json => json(snapshots).await,
        Progress::Auto if !quiet && std::io::stderr().is_terminal() => line(snapshots).await,
        _ => {}
    }
}

async fn json(mut snapshots: watch::Receiver<Snapshot>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        if snapshots.changed().await.is_err() {
            return;
        }
        let text = serde_json::to_string(&*snapshots.borrow_and_update());
        if let Ok(text) = text {
            say!("{text}");
        }
    }
}

async fn line(mut snapshots: watch::Receiver<Snapshot>) {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    while snapshots.changed().await.is_ok() {
        let text = sentence(&snapshots.borrow_and_update());
        bar.set_message(text);
        bar.tick();
    }
    bar.finish_and_clear();
}

/// A snapshot in one line, the most wanted first: a narrow terminal cuts its end.
fn sentence(now: &Snapshot) -> String {
    let failures: u64 = now.failures.values().sum();
    let mut text = format!(
        "{} pages  {:.1}/s  {} queued  {} in flight  {failures} failed  {}",
        now.pages,
        now.pages_per_second,
        now.queued,
        now.in_flight,
        size(now.bytes)
    );
    if now.bottleneck != Bottleneck::Starting {
        text += &format!("  held back by {}", now.bottleneck.as_str());
    }
    if let Some(held) = &now.held {
        text += &format!("  ({} waits {} s)", printable(&held.host), held.seconds);
    }
    text
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
