//! A certificate that nobody vouches for is an error that says so; with `--insecure` it is let pass, and that is
//! on record.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::crawl;
use crate::support::{certificate, rows};

/// A server with a certificate of its own making, which answers with a page; `None` without openssl.
fn server(directory: &Path) -> Option<(Server, u16)> {
    if !certificate(directory) {
        return None;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a port")
        .port();
    let serve = Command::new("openssl")
        .args("s_server -quiet -www -key key.pem -cert cert.pem -accept".split(' '))
        .arg(format!("127.0.0.1:{port}"))
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let server = Server(serve.expect("it starts"));
    for _ in 0..1000 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some((server, port));
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("openssl s_server does not answer");
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_nobody_vouches_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let Some((_server, port)) = server(directory.path()) else {
        return;
    };
    let seed = format!("https://127.0.0.1:{port}/");
    let wary = crawl(&["--seed", &seed, "--ignore-robots"]);
    let bold = crawl(&["--seed", &seed, "--insecure"]);
    let said = wary.run().expect_code(3).stderr;
    assert!(said.contains("certificate"), "{said}");
    let sql = "SELECT error, detail LIKE '%certificate%' FROM requests WHERE kind = 'page'";
    assert_eq!(rows(&wary.dir().join("out"), sql), ["tls 1"]);
    let said = bold.run().expect_code(0).stderr;
    assert!(
        said.contains("WARNING: certificates are not checked"),
        "{said}"
    );
    // Each request names its start, and that its settings.
    let sql = "SELECT r.status, s.config LIKE '%insecure = true%' FROM requests r JOIN runs s ON s.start = r.start WHERE r.kind = 'page'";
    assert_eq!(rows(&bold.dir().join("out"), sql), ["200 1"]);
}
