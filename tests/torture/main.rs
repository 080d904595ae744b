//! Crawls that are killed again and again, at every moment there is, and must end as one that never was.
//!
//! `cargo test --test torture` is the short form, one cycle of each scene, and of power loss (`power.py`). The long form:
//! `cargo test --test torture -- --kills 1000 [--seed N] [--scene NAME] [--binary PATH]`.
//! A cycle that fails says which seed has it again, and where its output is.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    clippy::pedantic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed; counts are for the reader"
)]

mod cycle;
mod migration;
mod scenes;
mod state;
mod stop;
#[allow(
    dead_code,
    unused_imports,
    reason = "what the other tests alone need stands here, too"
)]
#[path = "../it/support/mod.rs"]
mod support;
mod web;

use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use cycle::{Tally, Torture, Whole};
use scenes::SCENES;
use web::Web;

struct Options {
    kills: usize,
    seed: u64,
    scene: Option<String>,
    binary: PathBuf,
}

impl Options {
    /// `None` where the test is not meant: `cargo test NAME` gives the name to every binary of tests.
    fn read() -> Option<Self> {
        let mut options = Self {
            kills: 0,
            seed: 1,
            scene: None,
            binary: env!("CARGO_BIN_EXE_crawl").into(),
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().expect("a value");
            match arg.as_str() {
                "--kills" => options.kills = value().parse().expect("a number"),
                "--seed" => options.seed = value().parse().expect("a number"),
                "--scene" => options.scene = Some(value()),
                "--binary" => options.binary = value().into(),
                "--list" => return None,
                flag if flag.starts_with('-') => {}
                name if "torture".contains(name) => {}
                _ => return None,
            }
        }
        options.binary = options.binary.canonicalize().expect("a program");
        Some(options)
    }
}

fn main() -> ExitCode {
    let Some(options) = Options::read() else {
        return ExitCode::SUCCESS;
    };
    let begun = Instant::now();
    let web = Web::start(web::PAGES[usize::from(options.kills > 0)]);
    let whole = Whole::crawl(&options.binary, &web, None, 0);
    let again = Whole::crawl(&options.binary, &web, Some(&whole.output()), 1);
    println!(
        "unbroken: {} requests, {} resources, {} links in {:.2?}; again: {} requests",
        whole.requests,
        whole.state.count("resources"),
        whole.state.count("links"),
        whole.took,
        again.requests,
    );
    let mut torture = Torture {
        binary: options.binary.clone(),
        web,
        whole,
        again,
        tally: Tally::default(),
        heavy: None,
        traces: stop::has_strace(),
    };
    if !torture.traces {
        println!("skipped: kills at system calls, for strace is not here or may not trace");
    }
    let short = options.kills == 0 && options.scene.is_none();
    let power = if short {
        power(&options, torture.traces)
    } else {
        None
    };
    let mut failed = run(&options, &mut torture);
    tell(&torture.tally, begun);
    if let Some(power) = power {
        let said = power.wait_with_output().expect("a script to wait for");
        println!("power loss: {}", String::from_utf8_lossy(&said.stdout));
        failed += usize::from(!said.status.success());
    }
    if failed == 0 {
        println!("nothing was lost, nothing doubled");
        ExitCode::SUCCESS
    } else {
        println!("{failed} cycles failed");
        ExitCode::FAILURE
    }
}

/// The short form of what replays power loss, beside the cycles.
fn power(options: &Options, traces: bool) -> Option<Child> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/power.py");
    let mut python = Command::new("python3");
    python.args([script, "--strict", "--states", "36"]);
    python.args(["--runs", "6", "--seconds", "7"]);
    python.arg("--binary").arg(&options.binary);
    let begun = traces.then(|| python.stdout(Stdio::piped()).spawn().ok());
    let begun = begun.flatten();
    if begun.is_none() {
        println!("skipped: power loss, for strace or python3 is not here");
    }
    begun
}

/// Cycle after cycle, each scene in turn, until there were enough kills and every scene had its turn.
fn run(options: &Options, torture: &mut Torture) -> usize {
    let scenes = SCENES.iter().filter(|(name, _)| {
        let wanted = options.scene.as_deref();
        // What takes its time is left to the long form.
        let now = options.kills > 0 || *name != scenes::HEAVY;
        wanted.map_or(now, |wanted| name.contains(wanted))
    });
    // The long one has one turn of four.
    let scenes: Vec<_> = scenes.collect();
    let others: Vec<_> = scenes
        .iter()
        .filter(|(name, _)| *name != scenes::HEAVY)
        .copied()
        .collect();
    let turns = [others.repeat(3), scenes.clone()].concat();
    let (mut failed, mut seed) = (0, options.seed);
    while torture.tally.cycles < scenes.len() || torture.tally.kills() < options.kills {
        let (name, scene) = turns[torture.tally.cycles % turns.len()];
        let directory = tempfile::TempDir::new().expect("a directory");
        let random = fastrand::Rng::with_seed(seed);
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            scene(torture, directory.path(), random)
        }));
        let problems = played.unwrap_or_else(|_| vec!["a panic, see above".to_owned()]);
        torture.tally.cycles += 1;
        *torture.tally.scenes.entry(name).or_default() += 1;
        if !problems.is_empty() {
            failed += 1;
            println!(
                "FAILED: {name}: --scene '{name}' --seed {seed} --kills {}",
                options.kills.min(1)
            );
            println!("  its output: {}", directory.keep().display());
            problems.iter().for_each(|problem| println!("  {problem}"));
        }
        seed += 1;
        if torture.tally.cycles.is_multiple_of(50) {
            println!(
                "{} cycles, {} kills",
                torture.tally.cycles,
                torture.tally.kills()
            );
        }
    }
    failed
}

fn tell(tally: &Tally, begun: Instant) {
    println!(
        "{} cycles, {} starts, {} kills in {:.0?}",
        tally.cycles,
        tally.starts,
        tally.kills(),
        begun.elapsed()
    );
    for (means, count) in &tally.stops {
        println!("  stopped by {:28} {count}", means.word());
    }
    for (phase, count) in &tally.phases {
        println!("  stopped {phase:50} {count}");
    }
    for (scene, count) in &tally.scenes {
        println!("  scene {scene:30} {count}");
    }
    println!(
        "  asked for again: {} URLs, {:.1} a kill, {} at most; {} answers to readers",
        tally.twice,
        tally.twice as f64 / tally.kills().max(1) as f64,
        tally.most_twice,
        tally.readers
    );
}
