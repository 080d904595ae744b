//! One start of the program, and the many ways in which it is stopped.

use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::support::{Child, Crawl, Output};
use crate::web::Web;

/// Longer than every time-out of the settings below.
const STOPPED: Duration = Duration::from_millis(1500);

/// Time-outs that are short enough to be waited for.
pub const SETTINGS: &str = r#"
[politeness]
concurrency = 16
host-concurrency = 8
adaptive = false
[fetch]
timeout = "1200ms"
connect-timeout = "600ms"
read-timeout = "600ms"
stop-grace = "200ms"
retries = 5
retry-wait = "20ms"
"#;

/// What a kill may cost: what was in flight, and what was not committed.
pub const MOST_TWICE: usize = 16 + 256;

/// When a start is stopped.
#[derive(Debug, Clone, Copy)]
pub enum Moment {
    /// So long after its begin.
    Time(Duration),
    /// So many requests after its begin, and so long after that.
    Requests(usize, Duration),
    /// So long after every URL was asked for: while the last answers are read, written, and the end is.
    Last(Duration),
    /// So long after the program said so (`-v`).
    Said(&'static str, Duration),
}

/// How it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Means {
    /// `kill -9`
    Kill,
    /// SIGTERM
    Term,
    /// SIGINT
    Interrupt,
    /// SIGINT twice
    InterruptTwice,
    /// SIGSTOP for longer than every time-out, SIGCONT; then it goes on
    Pause,
    /// The same, and `kill -9` as soon as it goes on
    PauseThenKill,
    /// `kill -9` of one that a second process was started beside
    Twins,
    /// `kill -9` at a system call (by strace)
    Call,
    /// Let be
    Nothing,
}

impl Means {
    /// Whether it ends the program without its help.
    pub fn is_kill(self) -> bool {
        matches!(
            self,
            Self::Kill | Self::PauseThenKill | Self::Twins | Self::Call
        )
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Term => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::InterruptTwice => "SIGINT twice",
            Self::Pause => "SIGSTOP, SIGCONT",
            Self::PauseThenKill => "SIGSTOP, SIGCONT, kill -9",
            Self::Twins => "two at once, kill -9",
            Self::Call => "kill -9 at a system call",
            Self::Nothing => "none",
        }
    }
}

impl Moment {
    /// A moment anywhere in a crawl that lasts so long and makes so many requests.
    pub fn any(random: &mut Rng, whole: Duration, requests: usize) -> Self {
        let soon = Duration::from_micros(random.u64(0..20_000));
        match random.u8(0..10) {
            0..=2 => Self::Time(whole.mul_f64(random.f64())),
            3..=7 => Self::Requests(random.usize(0..requests / 3), soon),
            8 => Self::Said("checkpoint", soon / 10),
            _ => Self::Last(soon),
        }
    }

    /// A moment in the first 60 ms: opening, migration, resume.
    pub fn early(random: &mut Rng) -> Self {
        Self::Time(Duration::from_micros(random.u64(0..60_000)))
    }
}

/// How a start went.
pub struct Start {
    /// What stopped it; `Nothing` if it ended before.
    pub means: Means,
    /// Its exit code and what it said.
    pub output: Output,
}

/// Starts the program and stops it.
pub fn start(crawl: &Crawl, web: &Web, last: usize, moment: Moment, means: Means) -> Start {
    let before = web.requests();
    let begun = Instant::now();
    let mut child = crawl.spawn();
    let mut twin = (means == Means::Twins).then(|| crawl.spawn());
    let is_due = |child: &Child, seen: &mut Option<Instant>| {
        let (met, after) = match moment {
            Moment::Time(after) => return begun.elapsed() >= after,
            Moment::Requests(count, after) => (web.requests() >= before + count, after),
            Moment::Last(after) => (web.requests() > before && web.distinct() >= last, after),
            Moment::Said(word, after) => (child.stderr().contains(word), after),
        };
        if met {
            seen.get_or_insert_with(Instant::now);
        }
        seen.is_some_and(|seen| seen.elapsed() >= after)
    };
    let mut seen = None;
    loop {
        let due = is_due(&child, &mut seen);
        let others = twin.as_mut().is_none_or(|twin| twin.ended().is_some());
        if child.ended().is_some() && others {
            let output = joined(child.wait(), twin.map(Child::wait));
            // What was to be killed at a call has been, unless it never came to that.
            let killed = means == Means::Call && output.code.is_none();
            return Start {
                means: if killed { means } else { Means::Nothing },
                output,
            };
        }
        if due && !matches!(means, Means::Nothing | Means::Call) {
            break;
        }
        std::thread::sleep(Duration::from_micros(300));
    }
    let output = match means {
        Means::Kill => child.kill9(),
        Means::Twins => {
            let second = twin.map(Child::kill9);
            joined(child.kill9(), second)
        }
        Means::Term => {
            child.signal("TERM");
            child.wait()
        }
        Means::Interrupt => {
            child.signal("INT");
            child.wait()
        }
        Means::InterruptTwice => {
            child.signal("INT");
            child.signal("INT");
            child.wait()
        }
        Means::Pause | Means::PauseThenKill => {
            child.signal("STOP");
            std::thread::sleep(STOPPED);
            child.signal("CONT");
            if means == Means::PauseThenKill {
                child.kill9()
            } else {
                child.wait()
            }
        }
        Means::Call | Means::Nothing => child.wait(),
    };
    Start { means, output }
}

/// The output of two processes of which one is refused: that of the other.
fn joined(first: Output, second: Option<Output>) -> Output {
    match second {
        Some(second) if first.code == Some(2) => second,
        _ => first,
    }
}

/// Calls at which a crawl is killed, and about how many of each it makes.
const CALLS: [(&str, u64); 9] = [
    ("pwrite64", 600),
    ("write", 1500),
    ("openat", 600),
    ("fdatasync", 8),
    ("fsync", 4),
    ("syncfs", 2),
    ("ftruncate", 6),
    ("unlink", 4),
    ("mkdir", 4),
];

/// The same command line, killed at a system call: any of those that change what is kept, or the one that
/// is named.
pub fn at_a_call(crawl: &Crawl, random: &mut Rng, named: Option<(&str, u64)>) -> Crawl {
    let (call, many) = named.unwrap_or(CALLS[random.usize(..CALLS.len())]);
    // As many early ones as late ones.
    let when = (many as f64).powf(random.f64()).round() as u64;
    let inject = format!("inject={call}:signal=KILL:when={when}");
    let trace = format!("trace={call}");
    let args = ["-f", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    crawl.again().under("strace", &args)
}

/// Whether processes can be traced here.
pub fn has_strace() -> bool {
    let mut trial = std::process::Command::new("strace");
    trial.args(["-f", "-o", "/dev/null", "true"]);
    trial.stderr(std::process::Stdio::null());
    trial.status().is_ok_and(|status| status.success())
}

/// A command line that crawls the web into a directory.
pub fn command(binary: &Path, web: &Web, output: &Path, rate: &str) -> Crawl {
    let crawl = Crawl::new().program(binary);
    crawl.file("torture.toml", SETTINGS);
    crawl
        .args(["--config", "torture.toml", "-v", "--rate", rate])
        .args(web.seeds())
        .arg("-o")
        .arg(output)
}
