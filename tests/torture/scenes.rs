//! What is done to a crawl, one scene a cycle.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;

use crate::cycle::{Torture, Victim, Whole, copy_all};
use crate::state::{Checked, Copy, State, broken_promises};
use crate::stop::{Means, Moment, at_a_call, command};
use crate::support::{Crawl, rows};

type Scene = fn(&mut Torture, &Path, Rng) -> Vec<String>;

/// By name, in the order in which they take turns.
pub const SCENES: [(&str, Scene); 10] = [
    ("anywhere", anywhere),
    ("at a system call", calls),
    ("signals", signals),
    ("early: opening and resume", early),
    ("settings that change", settings),
    ("a re-crawl", recrawl),
    ("--fresh", fresh),
    ("with readers", readers),
    ("migration", crate::migration::scene),
    (HEAVY, checkpoints),
];

/// The scene that takes long.
pub const HEAVY: &str = "checkpoints on the way";

/// Stops for one crawl.
const STOPS: std::ops::Range<usize> = 3..8;

fn anywhere(torture: &mut Torture, directory: &Path, random: Rng) -> Vec<String> {
    let mut victim = Victim::new(directory.join("out"), random, 1);
    torture.web.begin(0);
    let rated = victim.random.bool();
    let rate = if rated { "600/s" } else { "unlimited" };
    let crawl = command(&torture.binary, &torture.web, &victim.output, rate);
    let (whole, requests) = (torture.whole.took, torture.whole.requests);
    let stops = victim.random.usize(STOPS);
    torture.drive(
        &mut victim,
        stops,
        torture.whole.urls,
        |_| crawl.again(),
        |random, number| {
            let means = match number {
                0 if random.u8(0..4) == 0 => Means::Twins,
                _ => Means::Kill,
            };
            (Moment::any(random, whole, requests), means)
        },
    );
    torture.compare(&mut victim, &torture.whole.state);
    if rated {
        audit(&crawl, &mut victim);
    }
    victim.problems
}

/// The log of requests keeps to the rate, stops and all.
fn audit(crawl: &Crawl, victim: &mut Victim) {
    let output = victim.output.as_os_str();
    let said = crawl.run_args(["audit".as_ref(), "-o".as_ref(), output]);
    if said.code != Some(0) {
        victim.problems.push(format!("audit: {said}"));
    }
}

fn signals(torture: &mut Torture, directory: &Path, random: Rng) -> Vec<String> {
    let mut victim = Victim::new(directory.join("out"), random, 1);
    torture.web.begin(0);
    let crawl = command(&torture.binary, &torture.web, &victim.output, "600/s");
    let requests = torture.whole.requests;
    // Each of them once: twins first, where neither is at its end before the other begins; last the one
    // that goes on to its end.
    let mut means = [
        Means::Twins,
        Means::Kill,
        Means::Term,
        Means::Interrupt,
        Means::InterruptTwice,
        Means::PauseThenKill,
        Means::Pause,
    ];
    victim.random.shuffle(&mut means[1..6]);
    torture.drive(
        &mut victim,
        means.len(),
        torture.whole.urls,
        |_| crawl.again(),
        |random, number| {
            let soon = Duration::from_micros(random.u64(0..5_000));
            let moment = Moment::Requests(1 + random.usize(..requests / 10), soon);
            (moment, means[number])
        },
    );
    torture.compare(&mut victim, &torture.whole.state);
    audit(&crawl, &mut victim);
    victim.problems
}

/// Killed at the calls that write, sync, make and remove: where a moment is too short to be met by chance.
fn calls(torture: &mut Torture, directory: &Path, random: Rng) -> Vec<String> {
    let again = random.clone().bool();
    let mut victim = Victim::new(directory.join("out"), random, 1 + i64::from(again));
    if !torture.traces {
        return victim.problems;
    }
    if again {
        copy_all(&torture.whole.output(), &victim.output);
    }
    torture.web.begin(usize::from(again));
    let crawl = command(&torture.binary, &torture.web, &victim.output, "unlimited");
    let stops = victim.random.usize(STOPS);
    let mut random = victim.random.fork();
    let traced: Vec<_> = (0..stops)
        .map(|_| at_a_call(&crawl, &mut random, None))
        .collect();
    torture.drive(
        &mut victim,
        stops,
        torture.whole.urls,
        |number| traced.get(number).unwrap_or(&crawl).again(),
        |_, _| (Moment::Time(Duration::MAX), Means::Call),
    );
    let wanted = [&torture.whole, &torture.again][usize::from(again)];
    torture.compare(&mut victim, &wanted.state);
    victim.problems
}

fn early(torture: &mut Torture, directory: &Path, random: Rng) -> Vec<String> {
    let mut victim = Victim::new(directory.join("out"), random, 1);
    torture.web.begin(0);
    let crawl = command(&torture.binary, &torture.web, &victim.output, "unlimited");
    let requests = torture.whole.requests;
    torture.drive(
        &mut victim,
        12,
        torture.whole.urls,
        |_| crawl.again(),
        |random, number| {
            let moment = if number % 4 == 3 {
                Moment::Requests(random.usize(0..requests / 5), Duration::ZERO)
            } else {
                Moment::early(random)
            };
            (moment, Means::Kill)
        },
    );
    torture.compare(&mut victim, &torture.whole.state);
    victim.problems
}

/// Every start has other settings; the last one those of the unbroken crawl.
fn settings(torture: &mut Torture, directory: &Path, random: Rng) -> Vec<String> {
    const OTHERS: [&[&str]; 6] = [
        &["--max-depth", "3"],
        &["--exclude", "/dup/"],
        &["--max-pages", "40"],
        &["--sitemaps", "off"],
        &["--order", "depth-first"],
        &[],
    ];
    /// From here on they reach the same.
    const SAME: usize = 4;
    const PLAIN: usize = 5;
    let mut victim = Victim::new(directory.join("out"), random, 1);
    torture.web.begin(0);
    let plain = command(&torture.binary, &torture.web, &victim.output, "unlimited");
    let requests = torture.whole.requests;
    let stops = victim.random.usize(STOPS);
    let order: Vec<usize> = (0..stops).map(|_| victim.random.usize(..6)).collect();
    let ended = torture.drive(
        &mut victim,
        stops,
        torture.whole.urls,
        |number| {
            let pick = order.get(number).copied().unwrap_or(PLAIN);
            plain.again().args(OTHERS[pick])
        },
        |random, _| {
            // Soon, or it comes to its end under the other settings.
            let soon = Duration::from_micros(random.u64(0..5_000));
            let moment = match random.u8(..3) {
                0 => Moment::early(random),
                _ => Moment::Requests(random.usize(..requests / 10), soon),
            };
            (moment, Means::Kill)
        },
    );
    // Where it came to its end under settings that reach less, there is nothing to compare it with.
    if order.get(ended).is_none_or(|pick| *pick >= SAME) {
        torture.compare(&mut victim, &torture.whole.state);
    }
    victim.problems
}

/// So much is written that the log is copied back on the way: killed while that goes on, and the next
/// start with it.
fn checkpoints(torture: &mut Torture, directory: &Path, random: Rng) -> Vec<String> {
    let heavy = torture.heavy.take();
    let heavy = heavy
        .unwrap_or_else(|| Whole::crawl(&torture.binary, &torture.web, None, crate::web::HEAVY));
    let mut victim = Victim::new(directory.join("out"), random, 1);
    torture.web.begin(crate::web::HEAVY);
    let crawl = command(&torture.binary, &torture.web, &victim.output, "unlimited");
    let (took, requests) = (heavy.took, heavy.requests);
    torture.drive(
        &mut victim,
        8,
        heavy.urls,
        |_| crawl.again(),
        |random, number| {
            let soon = Duration::from_micros(random.u64(0..60_000));
            let moment = match number {
                0 => Moment::Requests(requests * 2 / 3, Duration::ZERO),
                1..=6 => Moment::Said("checkpoint", soon),
                _ => Moment::any(random, took, requests),
            };
            (moment, Means::Kill)
        },
    );
    torture.compare(&mut victim, &heavy.state);
    torture.heavy = Some(heavy);
    victim.problems
}

fn recrawl(torture: &mut Torture, directory: &Path, random: Rng) -> Vec<String> {
    let mut victim = Victim::new(directory.join("out"), random, 2);
    copy_all(&torture.whole.output(), &victim.output);
    torture.web.begin(1);
    let crawl = command(&torture.binary, &torture.web, &victim.output, "unlimited");
    let (whole, requests) = (torture.again.took, torture.again.requests);
    let stops = victim.random.usize(STOPS);
    torture.drive(
        &mut victim,
        stops,
        torture.again.urls,
        |_| crawl.again(),
        |random, _| (Moment::any(random, whole, requests), Means::Kill),
    );
    torture.compare(&mut victim, &torture.again.state);
    victim.problems
}

/// Killed while the old crawl is moved aside: it must be found whole in one place.
fn fresh(torture: &mut Torture, directory: &Path, random: Rng) -> Vec<String> {
    let mut victim = Victim::new(directory.join("out"), random, 1);
    torture.web.begin(0);
    let crawl = command(&torture.binary, &torture.web, &victim.output, "unlimited");
    let urls = torture.whole.urls;
    let part = victim.random.usize(50..torture.whole.requests / 2);
    let moment = Moment::Requests(part, Duration::ZERO);
    torture.attempt(&mut victim, &crawl, urls, moment, Means::Kill);
    let old = Copy::of(&victim.output);
    let begun = rows(old.path(), "SELECT begun FROM run");
    let wanted = State::of(&old);
    let mut ended = false;
    for _ in 0..4 {
        torture.web.begin(0);
        let fresh = crawl.again().arg("--fresh");
        ended = if torture.traces && victim.random.bool() {
            let call = [("rename", 5), ("unlink", 5), ("mkdir", 3), ("fsync", 6)];
            let call = call[victim.random.usize(..call.len())];
            let fresh = at_a_call(&fresh, &mut victim.random, Some(call));
            let never = Moment::Time(Duration::MAX);
            torture.attempt(&mut victim, &fresh, urls, never, Means::Call)
        } else {
            let moment = Moment::Time(Duration::from_micros(victim.random.u64(5_000..45_000)));
            torture.attempt(&mut victim, &fresh, urls, moment, Means::Kill)
        };
        // The old crawl is somewhere, whole; in the middle of the move the next start brings it together.
        if !victim.output.join("crawl.moving").exists() {
            look_for(directory, &begun, &wanted, &mut victim.problems);
        }
        if ended {
            break;
        }
    }
    if !ended {
        let moment = Moment::Time(Duration::MAX);
        torture.drive(
            &mut victim,
            0,
            urls,
            |_| crawl.again(),
            |_, _| (moment, Means::Nothing),
        );
    }
    // Where no start has come to move it, the last one has gone on with it.
    if rows(&victim.output, "SELECT begun FROM run") != begun {
        look_for(directory, &begun, &wanted, &mut victim.problems);
    }
    torture.compare(&mut victim, &torture.whole.state);
    victim.problems
}

fn look_for(directory: &Path, begun: &[String], wanted: &State, problems: &mut Vec<String>) {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    let mut problem = vec!["the old crawl is gone".to_owned()];
    for entry in entries {
        let copy = Copy::of(&entry.path());
        if !copy.is_ready() || rows(copy.path(), "SELECT begun FROM run") != begun {
            continue;
        }
        problem = State::of(&copy).differences(wanted);
        problem.extend(broken_promises(
            &entry.path(),
            &copy,
            true,
            &mut Checked::new(),
        ));
        if problem.is_empty() {
            return;
        }
    }
    problems.push(format!("--fresh: {problem:#?}"));
}

/// Asked all the time while it is killed: no answer fails, and none changes the crawl.
fn readers(torture: &mut Torture, directory: &Path, random: Rng) -> Vec<String> {
    let output = directory.join("out");
    let asking = AtomicBool::new(true);
    let answers = AtomicUsize::new(0);
    let binary = torture.binary.clone();
    let seed = torture.web.seeds()[1].clone();
    let mut own = random.clone();
    let (mut problems, wrong) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut wrong = Vec::new();
            while asking.load(Ordering::Relaxed) {
                wrong.extend(ask(&binary, &output, &seed, &mut own));
                answers.fetch_add(1, Ordering::Relaxed);
            }
            wrong
        });
        let problems = anywhere(torture, directory, random);
        asking.store(false, Ordering::Relaxed);
        (problems, reader.join().expect("a reader"))
    });
    torture.tally.readers += answers.load(Ordering::Relaxed);
    problems.extend(wrong);
    problems
}

fn ask(binary: &Path, output: &Path, seed: &str, random: &mut Rng) -> Option<String> {
    let questions: [&[&str]; 5] = [
        &["status"],
        &["query", "pages"],
        &["query", "SELECT count(*) FROM links"],
        &["why", seed],
        &["audit"],
    ];
    let question = questions[random.usize(..questions.len())];
    let crawl = Crawl::new().program(binary).args(question);
    let crawl = crawl.arg("-o").arg(output);
    if random.u8(..4) == 0 {
        let child = crawl.spawn();
        std::thread::sleep(Duration::from_micros(random.u64(..50_000)));
        child.kill9();
        return None;
    }
    let said = crawl.run();
    let not_yet = [
        "no crawl here",
        "no start yet",
        "never met",
        "nothing was asked",
    ];
    let fine = said.code == Some(0)
        || not_yet
            .iter()
            .any(|words| said.stderr.contains(words) || said.stdout.contains(words));
    (!fine).then(|| format!("{question:?}: {said}"))
}
