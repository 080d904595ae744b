//! A network of a test's own: public and private addresses that lead to this process, and a DNS whose answers
//! the test makes up. The test binary starts itself again, for that one test, in namespaces of its own.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{IpAddr, UdpSocket};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

/// Says to the test binary that it is within.
const WITHIN: &str = "GUARD_WITHIN";
/// Where the DNS answers.
const RESOLVER: &str = "127.0.0.53";

/// The network, as seen from within.
pub struct World {
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

impl World {
    /// Enters a network in which this machine has the given addresses. Answers with it within; outside, with
    /// nothing: then the test has been run within, and has passed, or cannot be run here, which is said.
    ///
    /// The DNS is asked for a name, how often it was asked before for it, and answers with addresses; none is
    /// that there is no such name.
    pub fn enter(
        test: &str,
        addresses: &[&str],
        dns: impl Fn(&str, usize) -> Vec<IpAddr> + Send + 'static,
    ) -> Option<Self> {
        if std::env::var_os(WITHIN).is_none() {
            run_within(test, addresses);
            return None;
        }
        let asked = Arc::new(Mutex::new(HashMap::new()));
        let socket = UdpSocket::bind((RESOLVER, 53)).expect("a port for DNS");
        let counts = Arc::clone(&asked);
        std::thread::spawn(move || serve(&socket, &counts, dns));
        Some(Self { asked })
    }

    /// How often a name was looked up.
    pub fn lookups(&self, name: &str) -> usize {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(name).copied().unwrap_or(0)
    }
}

/// Runs this test again within.
fn run_within(test: &str, addresses: &[&str]) {
    let mut ready = Command::new("unshare");
    ready.args(["--mount", "--net", "ip", "link", "set", "lo", "up"]);
    if !ready.output().is_ok_and(|done| done.status.success()) {
        // Past the test runner, which keeps what a test that passes has said.
        let _ = writeln!(
            std::io::stderr(),
            "{test}: skipped: no network namespaces here (unshare, ip, and root are needed)"
        );
        return;
    }
    let files = tempfile::tempdir().expect("a directory");
    let mut script = "set -e\nip link set lo up\n".to_owned();
    for address in addresses {
        let (bits, nodad) = if address.contains(':') {
            (128, "nodad")
        } else {
            (32, "")
        };
        script += &format!("ip addr add {address}/{bits} dev lo {nodad}\n");
    }
    for (name, text) in [
        (
            "resolv.conf",
            format!("nameserver {RESOLVER}\noptions timeout:2 attempts:2\n"),
        ),
        ("nsswitch.conf", "hosts: files dns\n".to_owned()),
        ("hosts", "127.0.0.1 localhost\n".to_owned()),
    ] {
        let file = files.path().join(name);
        std::fs::write(&file, text).expect(name);
        script += &format!("mount --bind {} /etc/{name}\n", file.display());
    }
    script += "exec \"$0\" --exact \"$1\" --nocapture --test-threads 1\n";
    let program = std::env::current_exe().expect("a path of its own");
    let done = Command::new("unshare")
        .args(["--mount", "--net", "sh", "-c", &script])
        .arg(program)
        .arg(test)
        .env(WITHIN, "1")
        .output()
        .expect("unshare starts");
    let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(
        done.status.success() && said[0].contains("1 passed"),
        "{test}, within:\n{}",
        said.join("\n")
    );
}

/// Answers one question after another (RFC 1035), each with a life of 0 s.
fn serve(
    socket: &UdpSocket,
    counts: &Mutex<HashMap<String, usize>>,
    dns: impl Fn(&str, usize) -> Vec<IpAddr>,
) {
    let mut question = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut question) {
        let question = &question[..length];
        let Some((name, kind, end)) = parse(question) else {
            continue;
        };
        let before = {
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(name.clone()).or_insert(0);
            // A look-up asks for both kinds of addresses, at once.
            *count += usize::from(kind == 1);
            count.saturating_sub(1)
        };
        let found = dns(&name, before);
        let mut data = Vec::new();
        let mut answers = 0_u16;
        for address in &found {
            let (of, bytes) = match address {
                IpAddr::V4(address) => (1_u16, address.octets().to_vec()),
                IpAddr::V6(address) => (28, address.octets().to_vec()),
            };
            if of == kind {
                answers += 1;
                data.extend([0xc0, 12]);
                data.extend(of.to_be_bytes());
                data.extend([0, 1, 0, 0, 0, 0]);
                data.extend((bytes.len() as u16).to_be_bytes());
                data.extend(bytes);
            }
        }
        let code = if found.is_empty() { 3 } else { 0 };
        let mut reply = question[..2].to_vec();
        reply.extend([0x81, 0x80 | code, 0, 1]);
        reply.extend(answers.to_be_bytes());
        reply.extend([0, 0, 0, 0]);
        reply.extend(&question[12..end]);
        reply.extend(data);
        let _ = socket.send_to(&reply, from);
    }
}

/// The name that is asked for, the kind of record, and where the question ends.
fn parse(message: &[u8]) -> Option<(String, u16, usize)> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(message.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]);
    Some((labels.join("."), kind, at + 4))
}
