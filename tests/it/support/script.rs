//! Answers written by hand, bytes and all: what no well-formed [`Reply`](super::Reply) could say.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One step of an answer. After the last the connection is closed, unless that is [`Step::Open`].
#[derive(Debug, Clone)]
pub enum Step {
    /// These bytes.
    Send(Vec<u8>),
    /// These bytes so often.
    Times(Vec<u8>, usize),
    /// These bytes again and again, until the client has had enough.
    Endless(Vec<u8>),
    /// These bytes one by one, so long apart, again and again.
    Drip(Vec<u8>, Duration),
    /// Nothing, until the client closes the connection.
    Silence,
    /// The connection is reset (RST).
    Reset,
    /// The connection stays for another request.
    Open,
}

/// After this much of what has no end there is a pause: a network is slower than this machine's memory, and
/// many servers share it here.
const PIECE: usize = 64 << 10;
const BREATH: Duration = Duration::from_millis(2);

/// The steps of an answer; cheap to clone, however much they send.
pub(super) type Script = Arc<[Step]>;

/// Takes the steps. Answers with whether the connection stays.
pub(super) async fn play(stream: &mut TcpStream, script: &[Step]) -> io::Result<bool> {
    for step in script {
        match step {
            Step::Send(bytes) => stream.write_all(bytes).await?,
            Step::Times(bytes, times) => {
                let (many, each) = joined(bytes);
                for _ in 0..times / each {
                    stream.write_all(&many).await?;
                    tokio::time::sleep(BREATH).await;
                }
                stream.write_all(&bytes.repeat(times % each)).await?;
            }
            Step::Endless(bytes) => {
                let (many, _) = joined(bytes);
                loop {
                    stream.write_all(&many).await?;
                    tokio::time::sleep(BREATH).await;
                }
            }
            Step::Drip(bytes, pause) => loop {
                for byte in bytes {
                    tokio::time::sleep(*pause).await;
                    stream.write_all(&[*byte]).await?;
                }
            },
            Step::Silence => {
                let mut ignored = [0; 1024];
                while stream.read(&mut ignored).await? > 0 {}
            }
            Step::Reset => return stream.set_zero_linger().map(|()| false),
            Step::Open => return Ok(true),
        }
    }
    Ok(false)
}

/// So many of them that one write is worth it, and how many these are.
fn joined(bytes: &[u8]) -> (Vec<u8>, usize) {
    let each = 1 + PIECE / bytes.len().max(1);
    (bytes.repeat(each), each)
}
