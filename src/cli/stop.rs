//! Signals: those that stop a crawl in order, and one that is a write's error rather than an end.

use super::SIGNAL;

/// Completes at the first Ctrl-C, SIGTERM, or hang-up of the terminal; the second ends the program at once,
/// which the store bears like any other kill.
pub(super) async fn first_signal(quiet: bool) {
    signal().await;
    if !quiet {
        say!("crawl: stopping; what is under way has a few seconds (again: stop at once)");
    }
    tokio::spawn(async {
        signal().await;
        std::process::exit(i32::from(SIGNAL));
    });
}

/// A file that would become longer than `ulimit -f` allows is an error of the write, not the end of the
/// program without a word. To be called where there is a runtime.
pub(super) fn survive_long_files() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // Once somebody listens, the default is off for good.
        let kind = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        let _ = signal(kind);
    }
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    let mut hang_up = if is_hang_up_ignored() {
        None
    } else {
        signal(SignalKind::hangup()).ok()
    };
    let hung_up = async {
        match &mut hang_up {
            Some(hang_up) => drop(hang_up.recv().await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        () = hung_up => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}

/// Whether whoever started us wants us to go on without the terminal, as `nohup` does: to listen would undo
/// that. Where the system does not tell, it is taken to be so.
#[cfg(unix)]
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signals are counted from 1, and this is the first.
    mask.is_none_or(|mask| mask & 1 != 0)
}
