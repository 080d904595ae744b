//! A terminal on which the program runs, and what it has written there.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, Winsize};

/// A program that has not ended by then is killed, and fails the test.
const CAP: Duration = Duration::from_secs(60);

/// A program on a terminal.
pub struct Terminal {
    process: Child,
    ours: Arc<OwnedFd>,
    written: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    begun: Instant,
}

impl Terminal {
    pub(super) fn start(mut command: Command, columns: u16, lines: u16) -> Self {
        let ours =
            rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        rustix::pty::grantpt(&ours).expect("granted");
        rustix::pty::unlockpt(&ours).expect("unlocked");
        let name = rustix::pty::ptsname(&ours, Vec::new()).expect("a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let theirs = rustix::fs::open(&name, flags, Mode::empty()).expect("its other end");
        // What is written comes as it is: no line end gets another sign before it.
        let mut modes = rustix::termios::tcgetattr(&theirs).expect("modes");
        modes.make_raw();
        rustix::termios::tcsetattr(&theirs, OptionalActions::Now, &modes).expect("modes");
        let ours = Arc::new(ours);
        resize(&ours, columns, lines);
        let end = || Stdio::from(theirs.try_clone().expect("an end"));
        let process = command
            .stdin(Stdio::null())
            .stdout(end())
            .stderr(end())
            .spawn();
        let process = process.expect("the binary starts");
        drop((theirs, command));
        let written = Arc::new(Mutex::new(Vec::new()));
        let mut from = File::from(ours.try_clone().expect("an end"));
        let reader = std::thread::spawn({
            let written = Arc::clone(&written);
            move || {
                let mut piece = [0; 4096];
                // At the end there is an error, for nobody has the other end any more.
                while let Ok(count @ 1..) = from.read(&mut piece) {
                    written.lock().expect("sound").extend(&piece[..count]);
                }
            }
        });
        Self {
            process,
            ours,
            written,
            reader: Some(reader),
            begun: Instant::now(),
        }
    }

    /// Gives the terminal another size, and tells the program.
    pub fn resize(&self, columns: u16, lines: u16) {
        resize(&self.ours, columns, lines);
        self.signal("WINCH");
    }

    /// Sends a signal: `INT`, `TERM`…
    pub fn signal(&self, name: &str) {
        let command = format!("kill -s {name} {}", self.process.id());
        let status = Command::new("sh").args(["-c", &command]).status();
        assert!(status.is_ok_and(|status| status.success()), "{command}");
    }

    /// What was written so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().expect("sound")).into_owned()
    }

    /// Waits until something holds of what was written.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        while !holds(&self.text()) {
            assert!(self.begun.elapsed() < CAP, "no {what}: {}", self.text());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for the program's end; its exit code and all that was written.
    #[track_caller]
    pub fn wait(mut self) -> (Option<i32>, String) {
        let status = loop {
            if let Some(status) = self.process.try_wait().expect("a child") {
                break status;
            }
            assert!(self.begun.elapsed() < CAP, "no end: {}", self.text());
            std::thread::sleep(Duration::from_millis(2));
        };
        if let Some(reader) = self.reader.take() {
            reader.join().expect("a reader");
        }
        (status.code(), self.text())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn resize(terminal: &OwnedFd, columns: u16, lines: u16) {
    let size = Winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(terminal, size).expect("a size");
}
