//! A room of its own for a test: mounts and network devices that go with it, however it ends. The test runs
//! again in it, as a process of its own.

use std::path::Path;
use std::process::Command;

/// Names the test that runs in its own room.
const INSIDE: &str = "FAULTS_INSIDE";

/// Whether this is the room. If not, runs the test in one, and fails if that fails. Where there is none to be
/// had, says so.
#[track_caller]
pub(super) fn entered(test: &str) -> bool {
    if std::env::var(INSIDE).as_deref() == Ok(test) {
        must("ip", &["link", "set", "lo", "up"]);
        return true;
    }
    let unshare = ["--mount", "--net", "--map-root-user"];
    let root = run("id", &["-u"]).is_ok_and(|uid| uid.trim() == "0");
    let unshare = &unshare[..if root { 2 } else { 3 }];
    if let Err(why) = run(
        "unshare",
        &[unshare, &["mount", "-t", "tmpfs", "none", "/tmp"]].concat(),
    ) {
        println!("{test} is skipped: it wants a mount of its own, and: {why}");
        return false;
    }
    let program = std::env::current_exe().expect("this program");
    let output = Command::new("unshare")
        .args(unshare)
        .arg(program)
        .args([test, "--exact", "--nocapture", "--include-ignored"])
        .env(INSIDE, test)
        .output()
        .expect("unshare");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    if let Some((_, figures)) = said.split_once("figures: ") {
        println!("{}", figures.lines().next().unwrap_or_default());
    }
    false
}

/// A small file system in memory.
pub(super) struct Disk<'a>(pub(super) &'a Path);

impl<'a> Disk<'a> {
    /// Mounts it: `size=64k`, `nr_inodes=10`.
    #[track_caller]
    pub(super) fn mount(at: &'a Path, options: &str) -> Self {
        std::fs::create_dir_all(at).expect("a directory to mount on");
        must("mount", &["-t", "tmpfs", "-o", options, "none", text(at)]);
        Self(at)
    }

    /// Changes it: `size=50m`, `ro`.
    #[track_caller]
    pub(super) fn change(&self, options: &str) {
        must(
            "mount",
            &["-o", &format!("remount,{options}"), text(self.0)],
        );
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // What is still open goes with the room.
        let _ = run("umount", &["-l", text(self.0)]);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Runs a program that must not fail.
#[track_caller]
pub(super) fn must(program: &str, args: &[&str]) -> String {
    run(program, args).unwrap_or_else(|why| panic!("{program} {args:?}: {why}"))
}

/// Runs a program: what it says, or why it failed.
pub(super) fn run(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(args).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(stdout)
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(format!("{program}: {}", stderr.trim()))
    }
}
