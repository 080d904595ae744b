//! One connection of the fixture server: requests in, answers out, faults included.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::reply::{Fault, Reply};
use super::script;
use super::site::{Hit, Shared};

/// A request head longer than this is a fault of the client's.
const MAX_HEAD: usize = 256 * 1024;

/// Whether the connection can be used for another request.
#[derive(PartialEq)]
enum After {
    Open,
    Closed,
}

/// Answers the requests of one connection until either side ends it. What the network does is not
/// the server's fault, so its errors end the connection and nothing else.
pub(super) async fn serve(mut stream: TcpStream, number: usize, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let mut unread = Vec::new();
    while let Ok(Some(head)) = read_head(&mut stream, &mut unread, &shared).await {
        let Some(hit) = parse_head(&head, number) else {
            shared.problem(format!(
                "a malformed request: {:?}",
                String::from_utf8_lossy(&head)
            ));
            return;
        };
        let method = hit.method.clone();
        let last = hit
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let validators = [
            ("if-none-match", "etag"),
            ("if-modified-since", "last-modified"),
        ]
        .map(|(asked, own)| (hit.header(asked).map(str::to_owned), own));
        let guard = InFlight(&shared);
        let mut reply = shared.answer(hit);
        tokio::time::sleep(reply.delay).await;
        let unchanged = |(asked, own): &(Option<String>, &str)| {
            asked.is_some() && asked.as_deref() == reply.value_of(own)
        };
        let plain = reply.fault.is_none() && reply.script.is_none();
        if reply.status == 200 && plain && validators.iter().any(unchanged) {
            reply = reply.status(304).body("");
        }
        let after = match (&reply.script, reply.fault) {
            (Some(script), _) => match script::play(&mut stream, script).await {
                Ok(true) => Ok(After::Open),
                _ => Ok(After::Closed),
            },
            (None, Some(fault)) => misbehave(&mut stream, &reply, fault).await,
            (None, None) => send(&mut stream, &reply, method == "HEAD").await,
        };
        drop(guard);
        if last || !matches!(after, Ok(After::Open)) {
            return;
        }
    }
}

/// Counts a request as answered when it goes, be it by a panic or by the end of the site.
struct InFlight<'a>(&'a Shared);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// The bytes of the next request head, its empty line included; `None` at the end of the stream.
async fn read_head(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    shared: &Shared,
) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            return Ok(Some(unread.drain(..end + 4).collect()));
        }
        if unread.len() > MAX_HEAD {
            shared.problem(format!("a request head of more than {MAX_HEAD} bytes"));
            return Ok(None);
        }
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
}

/// Reads a request head (requests with bodies are not served: a crawler sends none).
fn parse_head(head: &[u8], connection: usize) -> Option<Hit> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    if words.next() != Some("HTTP/1.1")
        || words.next().is_some()
        || !(path.starts_with('/') || path.starts_with("http://"))
    {
        return None;
    }
    let headers = lines
        .map(|line| {
            line.split_once(':')
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        })
        .collect::<Option<_>>()?;
    Some(Hit {
        at: Instant::now(),
        method,
        path,
        headers,
        connection,
    })
}

/// Sends a well-formed answer.
async fn send(stream: &mut TcpStream, reply: &Reply, head_only: bool) -> io::Result<After> {
    let chunked = reply.is_chunked();
    let mut out = reply
        .head((!chunked).then_some(reply.body.len()))
        .into_bytes();
    if !head_only && chunked {
        out.extend(chunk(&reply.body));
        out.extend(b"0\r\n\r\n");
    } else if !head_only {
        out.extend(&reply.body);
    }
    stream.write_all(&out).await?;
    let close = reply
        .value_of("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(if close { After::Closed } else { After::Open })
}

/// One chunk; none for an empty body, since an empty chunk is the last.
fn chunk(body: &[u8]) -> Vec<u8> {
    if body.is_empty() {
        return Vec::new();
    }
    [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat()
}

/// Sends a spoilt answer.
async fn misbehave(stream: &mut TcpStream, reply: &Reply, fault: Fault) -> io::Result<After> {
    let body = reply.body.as_slice();
    let half = &body[..body.len() / 2];
    let in_chunks = || {
        reply
            .clone()
            .header("Transfer-Encoding", "chunked")
            .head(None)
            .into_bytes()
    };
    let head = |length| reply.head(Some(length)).into_bytes();
    match fault {
        Fault::CloseBeforeHead => {}
        Fault::ResetBeforeHead => stream.set_zero_linger()?,
        Fault::CloseMidHead => {
            let head = head(body.len());
            stream.write_all(&head[..head.len() - 7]).await?;
        }
        Fault::CloseMidBody => {
            stream
                .write_all(&[&head(body.len()), half].concat())
                .await?;
        }
        Fault::StallBeforeHead => until_closed(stream).await?,
        Fault::StallMidBody => {
            stream
                .write_all(&[&head(body.len()), half].concat())
                .await?;
            until_closed(stream).await?;
        }
        Fault::ShortBody => {
            stream
                .write_all(&[&head(body.len() + 100), body].concat())
                .await?;
        }
        Fault::LongBody => {
            stream
                .write_all(&[&head(half.len()), body].concat())
                .await?;
            return Ok(After::Open);
        }
        Fault::BrokenChunks => {
            let parts = [in_chunks(), chunk(half), b"zz\r\n".to_vec(), body.to_vec()];
            stream.write_all(&parts.concat()).await?;
            until_closed(stream).await?;
        }
        Fault::UnfinishedChunks => {
            stream
                .write_all(&[in_chunks(), chunk(body)].concat())
                .await?;
        }
        Fault::Drip(pause) => {
            stream.write_all(&head(body.len())).await?;
            for byte in body {
                tokio::time::sleep(pause).await;
                stream.write_all(&[*byte]).await?;
            }
            return Ok(After::Open);
        }
        Fault::GarbageStatusLine => {
            stream
                .write_all(
                    &[
                        b"\x00\x16 hello, no HTTP here\r\n",
                        head(body.len()).as_slice(),
                        body,
                    ]
                    .concat(),
                )
                .await?;
        }
        Fault::EndlessHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            repeat(stream, b"X-Filler: abcdefghijklmnopqrstuvwxyz\r\n").await?;
        }
        Fault::EndlessBody => {
            stream.write_all(&in_chunks()).await?;
            repeat(stream, &chunk(body)).await?;
        }
    }
    Ok(After::Closed)
}

/// Writes the same bytes again and again, until the client has had enough.
async fn repeat(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let many = bytes.repeat(1 + 16 * 1024 / bytes.len().max(1));
    loop {
        stream.write_all(&many).await?;
    }
}

/// Waits, saying nothing, for the client to close the connection.
async fn until_closed(stream: &mut TcpStream) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}
