//! A certificate that nobody vouches for, for servers on 127.0.0.1.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Makes `cert.pem` and `key.pem` in a directory; says so and answers with `false` where there is no openssl.
pub fn certificate(directory: &Path) -> bool {
    let made = Command::new("openssl")
        .args("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=127.0.0.1".split(' '))
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !made {
        let words = "skipped: no openssl here, which makes a certificate";
        let _ = writeln!(std::io::stderr(), "{words}");
    }
    made
}
