//! A crawl that is stopped again and again until it ends, looked at after every stop.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::state::{Checked, Copy, State, broken_promises, strays};
use crate::stop::{self, MOST_TWICE, Means, Moment, Start, command};
use crate::support::{Crawl, number, rows};
use crate::web::{Web, is_flaky};

/// What all cycles share.
pub struct Torture {
    pub binary: PathBuf,
    pub web: Web,
    /// The outputs of unbroken crawls, of the first state of the hosts and of the second.
    pub whole: Whole,
    pub again: Whole,
    pub tally: Tally,
    /// The output of an unbroken crawl of much more, whose log is copied back on the way; made when it is
    /// wanted.
    pub heavy: Option<Whole>,
    /// Whether processes can be killed at a system call.
    pub traces: bool,
}

/// An unbroken crawl.
pub struct Whole {
    pub directory: tempfile::TempDir,
    pub state: State,
    pub requests: usize,
    pub urls: usize,
    pub took: Duration,
}

/// What was counted.
#[derive(Default)]
pub struct Tally {
    pub cycles: usize,
    pub starts: usize,
    pub stops: BTreeMap<Means, usize>,
    pub phases: BTreeMap<&'static str, usize>,
    pub scenes: BTreeMap<&'static str, usize>,
    /// URLs that were asked for again after a kill, of all kills, and the most after one.
    pub twice: usize,
    pub most_twice: usize,
    pub readers: usize,
}

impl Tally {
    pub fn kills(&self) -> usize {
        let kills = self.stops.iter().filter(|(means, _)| means.is_kill());
        kills.map(|(_, count)| count).sum()
    }
}

/// One crawl under torture.
pub struct Victim {
    pub output: PathBuf,
    pub random: Rng,
    checked: Checked,
    /// When its last start began.
    begun: i64,
    runs: i64,
    pub problems: Vec<String>,
}

impl Victim {
    /// One that has so many runs in its output when it is at its end.
    pub fn new(output: PathBuf, random: Rng, runs: i64) -> Self {
        Self {
            begun: 0,
            output,
            random,
            checked: Checked::new(),
            runs,
            problems: Vec::new(),
        }
    }
}

impl Whole {
    /// Crawls without a break, on top of an output if there is one already.
    pub fn crawl(binary: &Path, web: &Web, before: Option<&Path>, generation: usize) -> Self {
        let directory = tempfile::TempDir::new().expect("a directory");
        let output = directory.path().join("out");
        if let Some(before) = before {
            copy_all(before, &output);
        }
        web.begin(generation);
        let begun = Instant::now();
        command(binary, web, &output, "unlimited")
            .run()
            .expect_code(0);
        let took = begun.elapsed();
        let copy = Copy::of(&output);
        let broken = broken_promises(&output, &copy, true, &mut Checked::new());
        assert!(broken.is_empty(), "{broken:#?}");
        assert_eq!(strays(&output, &copy), [""; 0]);
        Self {
            state: State::of(&copy),
            requests: web.requests(),
            urls: web.distinct(),
            directory,
            took,
        }
    }

    pub fn output(&self) -> PathBuf {
        self.directory.path().join("out")
    }
}

/// Copies a directory with all that is in it.
pub fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

impl Torture {
    /// Starts the program once, stops it, and looks at what it has left. Answers whether the crawl is at
    /// its end.
    pub fn attempt(
        &mut self,
        victim: &mut Victim,
        crawl: &Crawl,
        last: usize,
        moment: Moment,
        means: Means,
    ) -> bool {
        let asked = self.web.asked();
        let before = victim.begun;
        let start = stop::start(crawl, &self.web, last, moment, means);
        self.tally.starts += 1;
        *self.tally.stops.entry(start.means).or_default() += 1;
        victim.look_at_code(&start);
        self.count_twice(victim, &asked, &start);
        let copy = Copy::of(&victim.output);
        if start.means != Means::Nothing {
            let phase = phase(&copy, before, &start);
            *self.tally.phases.entry(phase).or_default() += 1;
        }
        victim.begun = last_begun(&copy);
        let broken = broken_promises(&victim.output, &copy, false, &mut victim.checked);
        let when = format!("{:?} {moment:?}", start.means);
        victim
            .problems
            .extend(broken.into_iter().map(|what| format!("{when}: {what}")));
        if start.output.code == Some(130) && start.means != Means::InterruptTwice {
            victim.look_at_order(&copy);
        }
        copy.is_ready()
            && rows(copy.path(), "SELECT max(id), state FROM run")
                == [format!("{} finished", victim.runs)]
    }

    /// What was asked for in this start though an earlier one had it.
    fn count_twice(&mut self, victim: &mut Victim, before: &HashMap<String, usize>, start: &Start) {
        let now = self.web.asked();
        let again = now.iter().filter(|(url, count)| {
            !is_flaky(url) && before.get(*url).is_some_and(|before| before < count)
        });
        let again = again.count();
        self.tally.twice += again;
        self.tally.most_twice = self.tally.most_twice.max(again);
        if again > MOST_TWICE {
            let means = start.means;
            victim
                .problems
                .push(format!("{again} URLs asked for again, {means:?}"));
        }
    }

    /// Stops a crawl again and again, then lets it come to its end. Answers with the number of the start
    /// that brought it there.
    pub fn drive(
        &mut self,
        victim: &mut Victim,
        stops: usize,
        last: usize,
        crawl: impl Fn(usize) -> Crawl,
        mut how: impl FnMut(&mut Rng, usize) -> (Moment, Means),
    ) -> usize {
        for number in 0..stops {
            let (moment, means) = how(&mut victim.random, number);
            if self.attempt(victim, &crawl(number), last, moment, means) {
                return number;
            }
        }
        let never = Moment::Time(Duration::MAX);
        if !self.attempt(victim, &crawl(stops), last, never, Means::Nothing) {
            victim.problems.push("it has not come to its end".into());
        }
        stops
    }

    /// Compares the end with that of the unbroken crawl.
    pub fn compare(&self, victim: &mut Victim, wanted: &State) {
        let copy = Copy::of(&victim.output);
        let broken = broken_promises(&victim.output, &copy, true, &mut victim.checked);
        victim.problems.extend(broken);
        victim.problems.extend(State::of(&copy).differences(wanted));
        let left = number(copy.path(), "SELECT count(*) FROM frontier");
        if left > 0 {
            victim.problems.push(format!("{left} in the queue"));
        }
        let strays = strays(&victim.output, &copy);
        if !strays.is_empty() {
            victim
                .problems
                .push(format!("files that no row names: {strays:?}"));
        }
    }
}

impl Victim {
    /// One that ended in order has left nothing for the next start to tidy up.
    fn look_at_order(&mut self, copy: &Copy) {
        let how = "SELECT how FROM start ORDER BY id DESC LIMIT 1";
        if rows(copy.path(), how) != ["signal"] {
            self.problems
                .push("its end by a signal was not written".into());
        }
        if self.output.join("crawl.db-wal").exists() {
            self.problems
                .push("the log was left after an end in order".into());
        }
        let strays = strays(&self.output, copy);
        if !strays.is_empty() {
            self.problems
                .push(format!("left after an end in order: {strays:?}"));
        }
    }

    fn look_at_code(&mut self, start: &Start) {
        let fine: &[Option<i32>] = match start.means {
            Means::Kill | Means::PauseThenKill | Means::Twins | Means::Call => &[None, Some(0)],
            Means::Term | Means::Interrupt => &[Some(130), Some(0)],
            Means::InterruptTwice => &[Some(130), Some(0), None],
            Means::Pause | Means::Nothing => &[Some(0), Some(11)],
        };
        // Before its handler stands, a signal ends it as it ends any program.
        let signalled = start.output.code.is_none() && start.output.stderr.is_empty();
        if !fine.contains(&start.output.code) && !signalled {
            self.problems
                .push(format!("{:?}: {}", start.means, start.output));
        }
        for word in ["panicked", "please report"] {
            if start.output.stderr.contains(word) {
                self.problems.push(start.output.to_string());
            }
        }
    }
}

/// When the last start of an output began.
fn last_begun(copy: &Copy) -> i64 {
    if copy.is_ready() {
        number(copy.path(), "SELECT coalesce(max(begun), 0) FROM start")
    } else {
        0
    }
}

/// Where a stop has landed.
fn phase(copy: &Copy, before: i64, start: &Start) -> &'static str {
    if !copy.path().join("crawl.db").exists() {
        return "1 before there is a database";
    }
    if !copy.is_ready() {
        return "2 while the database is made or migrated";
    }
    let now = last_begun(copy);
    if now == before || now == 0 {
        return "3 while it is opened";
    }
    let row = "FROM start ORDER BY id DESC LIMIT 1";
    if rows(copy.path(), &format!("SELECT how IS NULL {row}")) == ["0"] {
        return if start.means.is_kill() {
            "7 after the end was written"
        } else {
            "8 ended in order"
        };
    }
    let waiting = number(copy.path(), "SELECT count(*) FROM frontier");
    let requests = number(copy.path(), &format!("SELECT requests {row}"));
    let checkpoint = start
        .output
        .stderr
        .lines()
        .last()
        .is_some_and(|line| line.contains("checkpoint"));
    match (requests, waiting) {
        (_, 0) => "6 at the end, nothing queued",
        _ if checkpoint => "5b while the log was copied back, or soon after",
        (0, _) => "4 after the start's row, before its first answer",
        _ => "5 under way",
    }
}
