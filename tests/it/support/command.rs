//! The built binary, run in a fresh directory of its own.
//!
//! ```ignore
//! let crawl = Crawl::new().args(["--seed", &site.url("/")]);
//! crawl.run().expect_code(0);
//! let rows = crawl.run_args(["query", "pages"]).stdout;
//! let running = crawl.spawn();
//! running.signal("INT");
//! running.wait().expect_code(130);
//! ```

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Terminal;

/// A run that takes longer is killed, and fails the test, unless it is given more by [`Child::patiently`].
const CAP: Duration = Duration::from_secs(60);

/// A command line and the directory it runs in; the same one can be run again and again.
pub struct Crawl {
    dir: TempDir,
    /// Another directory to run in than that.
    place: Option<PathBuf>,
    /// Where output goes: files, so that it can be read while the program runs and never blocks it.
    talk: TempDir,
    runs: Cell<usize>,
    program: PathBuf,
    stderr_to: Cell<Option<std::io::PipeWriter>>,
    cap: Duration,
    args: Vec<OsString>,
    stdin: Option<String>,
    env: Vec<(String, String)>,
}

/// How a run ended and what it said.
#[derive(Debug)]
pub struct Output {
    /// The exit code; `None` if a signal killed it.
    pub code: Option<i32>,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

/// A run that goes on; dropping it kills it.
pub struct Child {
    process: std::process::Child,
    stdout: PathBuf,
    stderr: PathBuf,
    begun: Instant,
    cap: Duration,
}

impl Crawl {
    /// No arguments yet, an empty directory. With `TESTED_BINARY` in the environment that program is run: to
    /// measure a release build by the tests' own build.
    pub fn new() -> Self {
        let dir = || TempDir::new().expect("a temporary directory");
        let built = || env!("CARGO_BIN_EXE_crawl").into();
        Self {
            dir: dir(),
            place: None,
            talk: dir(),
            runs: Cell::new(0),
            program: std::env::var_os("TESTED_BINARY").map_or_else(built, PathBuf::from),
            stderr_to: Cell::default(),
            cap: CAP,
            args: vec![],
            stdin: None,
            env: vec![],
        }
    }

    /// One of the examples instead of the program; `cargo test` builds them beside it.
    pub fn example(name: &str) -> Self {
        let mut crawl = Self::new();
        crawl.program.set_file_name("examples");
        crawl.program.push(name);
        crawl.program.set_extension(std::env::consts::EXE_EXTENSION);
        assert!(
            crawl.program.exists(),
            "{} is not there: cargo build --examples",
            crawl.program.display()
        );
        crawl
    }

    /// Another build of the program.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// One argument more.
    pub fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    /// The whole command line handed to another program, which runs it.
    pub fn under(mut self, program: &str, args: &[&str]) -> Self {
        let inner = std::mem::replace(&mut self.program, program.into());
        let outer = args.iter().map(OsString::from).chain([inner.into()]);
        self.args.splice(..0, outer.collect::<Vec<_>>());
        self
    }

    /// The same command line in the same directory, to be given more arguments.
    pub fn again(&self) -> Self {
        let mut again = Self::new().program(&self.program).args(&self.args);
        again.env.clone_from(&self.env);
        again.stdin.clone_from(&self.stdin);
        again.place = Some(self.dir().to_owned());
        again
    }

    /// No arguments, in the same directory: another command on the same output.
    pub fn bare(&self) -> Self {
        let mut bare = self.again();
        bare.args.clear();
        bare
    }

    /// More arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Three times as long before it is killed: for what is run by hand.
    pub fn patient(mut self) -> Self {
        self.cap = 3 * CAP;
        self
    }

    /// Where its standard error goes, instead of a file.
    pub fn stderr_to(self, end: std::io::PipeWriter) -> Self {
        self.stderr_to.set(Some(end));
        self
    }

    /// What it can read from its standard input; nothing otherwise.
    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.to_owned());
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The directory it runs in.
    pub fn dir(&self) -> &Path {
        self.place.as_deref().unwrap_or(self.dir.path())
    }

    /// Writes a file into that directory.
    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.dir().join(name), text).expect(name);
    }

    /// Runs it to its end.
    pub fn run(&self) -> Output {
        self.spawn().wait()
    }

    /// Runs it up to so many pages.
    #[track_caller]
    pub fn run_limited(&self, pages: usize) {
        let mut words = self.args.clone();
        words.extend(["--max-pages".into(), pages.to_string().into()]);
        self.run_args(words).expect_code(11);
    }

    /// Runs it to its end with these arguments instead of its own: subcommands on the same output.
    pub fn run_args(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        self.start(args).wait()
    }

    /// Starts it with these arguments instead of its own.
    pub fn spawn_args(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Child {
        self.start(args)
    }

    /// Starts it.
    pub fn spawn(&self) -> Child {
        self.start(&self.args)
    }

    /// Starts it with these arguments instead of its own, and its standard output a pipe that the test reads, or
    /// does not read.
    pub fn piped(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> std::process::Child {
        self.command(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts")
    }

    /// Starts it with these arguments instead of its own, on a terminal of so many columns and lines.
    pub fn on_terminal(
        &self,
        columns: u16,
        lines: u16,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Terminal {
        let mut command = self.command(args);
        command.env("TERM", "xterm");
        Terminal::start(command, columns, lines)
    }

    /// The command, in its directory, with none of our settings from the environment but those given.
    fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(&self.program);
        for (key, _) in std::env::vars_os() {
            if is_ours(&key.to_string_lossy()) {
                command.env_remove(key);
            }
        }
        command
            .args(args)
            .envs(self.env.iter().cloned())
            .current_dir(self.dir());
        command
    }

    fn start(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Child {
        self.runs.set(self.runs.get() + 1);
        let path = |name: &str| self.talk.path().join(format!("{}.{name}", self.runs.get()));
        let create = |path: &Path| File::create(path).expect("a file for output");
        let (stdout, stderr) = (path("stdout"), path("stderr"));
        let stdin = self.stdin.as_ref().map_or_else(Stdio::null, |text| {
            std::fs::write(path("stdin"), text).expect("a file for input");
            File::open(path("stdin")).expect("a file for input").into()
        });
        let process = self
            .command(args)
            .stdin(stdin)
            .stdout(create(&stdout))
            .stderr(match self.stderr_to.take() {
                None => create(&stderr).into(),
                Some(end) => {
                    create(&stderr);
                    Stdio::from(end)
                }
            })
            .spawn()
            .expect("the binary starts");
        Child {
            process,
            stdout,
            stderr,
            begun: Instant::now(),
            cap: self.cap,
        }
    }
}

/// Whether a variable of the environment would change what the program does.
fn is_ours(key: &str) -> bool {
    let key = key.to_ascii_uppercase();
    key.ends_with("_PROXY") || key.starts_with("CRAWL_") || key == "RUST_LOG"
}

impl Output {
    /// Fails the test, with the output, unless the exit code is this one.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "code {:?}\n-- stdout:\n{}\n-- stderr:\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

impl Child {
    /// What it has written to its standard output so far.
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// What it has written to its standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Gives it five times as long.
    pub fn patiently(mut self) -> Self {
        self.cap = 5 * CAP;
        self
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Output {
        let status = self.until("end", |child| {
            child.process.try_wait().expect("a child to wait for")
        });
        self.output(status)
    }

    /// Waits until something holds, while it runs: a hit, a line of output, a row.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        self.until(what, |child| {
            // Asked in this order: what holds at the end held while it ran.
            let ended = child
                .process
                .try_wait()
                .expect("a child to wait for")
                .is_some();
            let held = holds(child);
            assert!(
                held || !ended,
                "it ended before: {what}\n{}{}",
                child.stdout(),
                child.stderr()
            );
            held.then_some(())
        });
    }

    /// Lets it run for longer than others may, where it has so much to do.
    pub fn for_longer(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Runs to its end, and answers with the most memory that it had, in bytes (`VmHWM` of Linux; 0
    /// elsewhere).
    #[track_caller]
    pub fn peak(&mut self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let mut peak = 0;
        self.until("end", |child| {
            // What ends has no memory any more: the last look before counts.
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            peak = peak.max(kib.unwrap_or(0) << 10);
            child.process.try_wait().expect("a child to wait for")
        });
        peak
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Kills it without warning and waits for its end.
    pub fn kill9(mut self) -> Output {
        self.process.kill().expect("a child to kill");
        let status = self.process.wait().expect("a child to wait for");
        self.output(status)
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("a child to wait for")
    }

    /// Sends a signal: `INT`, `TERM`…
    pub fn signal(&self, name: &str) {
        let command = format!("kill -s {name} {}", self.process.id());
        let status = Command::new("sh").args(["-c", &command]).status();
        assert!(status.is_ok_and(|status| status.success()), "{command}");
    }

    /// Looks again and again until there is something to see, or its time is up.
    #[track_caller]
    fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        loop {
            if let Some(seen) = look(self) {
                return seen;
            }
            if self.begun.elapsed() > self.cap {
                let _ = self.process.kill();
                panic!(
                    "no {what} within {:?}\n{}{}",
                    self.cap,
                    self.stdout(),
                    self.stderr()
                );
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn output(&self, status: ExitStatus) -> Output {
        Output {
            code: status.code(),
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).expect("a file of output")).into_owned()
}
