//! Signals: those that stop a crawl in order, or an answer at once; and one that is a write's error rather than an
//! end.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::SIGNAL;

/// Who waits in [`pause`], and whether the terminal has another size since.
static WAITING: OnceLock<Thread> = OnceLock::new();
static RESIZED: AtomicBool = AtomicBool::new(false);

/// For those who only read: the first signal ends the program at once, with the code that a signal has, after `last`
/// was done. Where there is no thread to be had for it, it ends as programs do.
pub(super) fn end_at_signals(last: fn()) {
    let _ = WAITING.set(std::thread::current());
    let _ = std::thread::Builder::new().spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let Ok(runtime) = { runtime }.enable_all().build() else {
            return;
        };
        runtime.block_on(async {
            tokio::select! {
                () = signal() => {}
                () = wake_at_resize() => {}
            }
        });
        last();
        std::process::exit(i32::from(SIGNAL));
    });
}

/// Waits so long, or until the terminal has another size.
pub(super) fn pause(length: Duration) {
    let until = Instant::now() + length;
    while !RESIZED.swap(false, Ordering::SeqCst) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::park_timeout(left);
    }
}

/// Ends [`pause`] whenever the terminal has another size; never comes to an end itself.
async fn wake_at_resize() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut resized) = signal(SignalKind::window_change()) {
            while resized.recv().await.is_some() {
                RESIZED.store(true, Ordering::SeqCst);
                if let Some(waiting) = WAITING.get() {
                    waiting.unpark();
                }
            }
        }
    }
    std::future::pending::<()>().await;
}

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
