//! One connection: requests in, answers out, each at its time.
use crate::pages::Site;
use crate::soak::Way;
use crate::stats::{Seen, Stats};
use crate::traps::Kind;
use crate::words::{hash_text, text};
use std::io;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Web {
    site: Site,
    /// milliseconds, least and most
    delay: RangeInclusive<u64>,
    /// index and robots.txt come without the delay
    pub entry_at_once: bool,
    /// each answer is the last of its connection
    pub close: bool,
    by_host: bool,
    stats: Mutex<Stats>,
}

/// How a host answers. In the mode `hosts` some are bad, by name or by address.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Good,
    /// takes requests and never answers: mute.example, 127.2.0.1
    Mute,
    /// answers robots.txt with 404, then a byte a second: drip.example, 127.2.0.2
    Drip,
    /// every answer comes 10 s late: late.example, 127.2.0.3
    Late,
}

struct Asked {
    host: String,
    path: String,
    head_only: bool,
    close: bool,
    /// by a whole URL, as of a proxy
    proxied: bool,
}

impl Web {
    pub fn new(site: Site, delay: RangeInclusive<u64>, by_host: bool) -> Self {
        let stats = Mutex::new(Stats::new(site.pages(), site.real(), by_host));
        Web {
            site,
            delay,
            entry_at_once: false,
            close: false,
            by_host,
            stats,
        }
    }

    pub fn stats(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, asked: &Asked) -> Seen {
        let path = asked.path.as_str();
        match &self.site {
            Site::Soak(_) if path.starts_with("/robots") => Seen::Robots,
            Site::Soak(soak) => soak
                .find(&asked.host, path)
                .map_or(Seen::Nothing, Seen::Page),
            _ if path == "/robots.txt" => Seen::Robots,
            Site::Trap(trap) => match trap.find(path) {
                Kind::Real(page) => Seen::Page(page),
                Kind::More => Seen::More,
                Kind::Nothing => Seen::Nothing,
            },
            site => site.find(path).map_or(Seen::Nothing, Seen::Page),
        }
    }

    /// `view` is another number for each request.
    fn write(&self, seen: Seen, path: &str, view: u64, out: &mut Vec<u8>) {
        match (seen, &self.site) {
            (Seen::Robots | Seen::Nothing, _) => {
                answer(out, "404 Not Found", "text/plain", |out| text(out, "no\n"));
            }
            (_, Site::Trap(trap)) => answer(out, "200 OK", HTML, |out| trap.write(path, view, out)),
            (Seen::Page(page), site) => answer(out, "200 OK", HTML, |out| site.write(page, out)),
            (Seen::More, _) => (),
        }
    }

    /// How late an answer comes.
    fn delay(&self, asked: &Asked, seen: Seen, manner: Manner) -> Duration {
        let entry = matches!(seen, Seen::Robots | Seen::Page(0));
        let (least, most) = (*self.delay.start(), *self.delay.end());
        match manner {
            Manner::Late => Duration::from_secs(10),
            _ if self.entry_at_once && entry => Duration::ZERO,
            _ if most <= least => Duration::from_millis(least),
            _ => {
                let drawn = hash_text(&asked.host) ^ hash_text(&asked.path);
                Duration::from_millis(least + drawn % (most - least + 1))
            }
        }
    }

    /// What the scripts ask for.
    fn order(&self, order: &str, out: &mut Vec<u8>) {
        let mut stats = self.stats();
        if order == "reset" {
            *stats = Stats::new(self.site.pages(), self.site.real(), self.by_host);
        }
        let (kind, body) = match order {
            "log" => ("text/tab-separated-values", stats.log()),
            _ => ("application/json", stats.json()),
        };
        answer(out, "200 OK", kind, |out| text(out, &body));
    }

    fn manner(&self, host: &str) -> Manner {
        let name = host.split(':').next().unwrap_or("");
        match name {
            _ if !self.by_host => Manner::Good,
            "mute.example" | "127.2.0.1" => Manner::Mute,
            "drip.example" | "127.2.0.2" => Manner::Drip,
            "late.example" | "127.2.0.3" => Manner::Late,
            _ => Manner::Good,
        }
    }
}

/// Answers one request after the other, until the other side has enough.
pub async fn connection(mut stream: TcpStream, web: Arc<Web>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut input, mut output) = (Vec::with_capacity(4096), Vec::new());
    let mut counted = false;
    loop {
        let end = loop {
            if let Some(i) = input.windows(4).position(|w| w == b"\r\n\r\n") {
                break i + 4;
            }
            if input.len() > 65536 || stream.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
        };
        let asked = read(&input[..end]);
        input.drain(..end);
        output.clear();
        match asked.path.strip_prefix("/-/") {
            Some(order) if !asked.proxied => {
                web.order(order, &mut output);
                stream.write_all(&output).await?;
            }
            _ => {
                let seen = web.find(&asked);
                let (request, view) = web.stats().begin(seen, &asked.host, !counted);
                counted = true;
                let sent = if let Site::Soak(soak) = &web.site {
                    let page = match seen {
                        Seen::Page(page) => Some(page),
                        _ => None,
                    };
                    let way = soak.answer(&asked.host, &asked.path, page, &mut output);
                    send_as(&mut stream, &mut input, way, &output).await
                } else {
                    web.write(seen, &asked.path, view, &mut output);
                    if web.close {
                        last(&mut output);
                    }
                    send(&mut stream, &mut input, &web, &asked, seen, &mut output).await
                };
                web.stats().end(request, matches!(sent, Ok(true)));
                if !sent? {
                    return Ok(());
                }
            }
        }
        if asked.close || web.close && !asked.path.starts_with("/-/") {
            return Ok(());
        }
    }
}

/// Says that no further request is wanted on this connection.
fn last(answer: &mut Vec<u8>) {
    if let Some(end) = answer.windows(2).position(|w| w == b"\r\n") {
        answer.splice(end..end, *b"\r\nConnection: close");
    }
}

fn read(head: &[u8]) -> Asked {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or("").split(' ');
    let (method, target) = (first.next().unwrap_or(""), first.next().unwrap_or("/"));
    let mut asked = Asked {
        host: String::new(),
        path: target.to_owned(),
        head_only: method == "HEAD",
        close: false,
        proxied: false,
    };
    for (name, value) in lines.filter_map(|l| l.split_once(": ")) {
        if name.eq_ignore_ascii_case("host") {
            value.clone_into(&mut asked.host);
        } else if name.eq_ignore_ascii_case("connection") {
            asked.close = value.eq_ignore_ascii_case("close");
        }
    }
    if let Some(rest) = target.strip_prefix("http://") {
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        host.clone_into(&mut asked.host);
        asked.path = if path.is_empty() { "/" } else { path }.to_owned();
        asked.proxied = true;
    }
    asked
}

/// Sends an answer at its time. Whether it went out whole: the other side may have had enough before.
async fn send(
    stream: &mut TcpStream,
    input: &mut Vec<u8>,
    web: &Web,
    asked: &Asked,
    seen: Seen,
    output: &mut Vec<u8>,
) -> io::Result<bool> {
    let head = output.windows(4).position(|w| w == b"\r\n\r\n");
    let head = head.map_or(0, |i| i + 4);
    if asked.head_only {
        output.truncate(head);
    }
    let manner = web.manner(&asked.host);
    if manner == Manner::Mute {
        return Ok(waits(stream, input, Duration::MAX).await);
    }
    let delay = web.delay(asked, seen, manner);
    if !delay.is_zero() && !waits(stream, input, delay).await {
        return Ok(false);
    }
    if manner != Manner::Drip || matches!(seen, Seen::Robots) {
        stream.write_all(output).await?;
        return Ok(true);
    }
    stream.write_all(&output[..head]).await?;
    for byte in &output[head..] {
        if !waits(stream, input, Duration::from_secs(1)).await {
            return Ok(false);
        }
        stream.write_all(&[*byte]).await?;
    }
    Ok(true)
}

/// Sends an answer of the soak in its way. Whether the connection goes on.
async fn send_as(
    stream: &mut TcpStream,
    input: &mut Vec<u8>,
    way: Way,
    output: &[u8],
) -> io::Result<bool> {
    match way {
        Way::Whole => stream.write_all(output).await?,
        Way::Late(ms) => {
            if !waits(stream, input, Duration::from_millis(ms)).await {
                return Ok(false);
            }
            stream.write_all(output).await?;
        }
        Way::Dripped(ms) => {
            let (first, rest) = output.split_at(output.len() / 2);
            stream.write_all(first).await?;
            for part in rest.chunks(rest.len().div_ceil(20).max(1)) {
                if !waits(stream, input, Duration::from_millis(ms / 20)).await {
                    return Ok(false);
                }
                stream.write_all(part).await?;
            }
        }
        Way::Cut => {
            stream.write_all(&output[..output.len() / 2]).await?;
            return Ok(false);
        }
        Way::Last => {
            stream.write_all(output).await?;
            return Ok(false);
        }
        Way::Close => return Ok(false),
        Way::Reset => {
            #[allow(deprecated, reason = "of no time, so nothing waits")]
            stream.set_linger(Some(Duration::ZERO))?;
            return Ok(false);
        }
        Way::Mute => return Ok(waits(stream, input, Duration::MAX).await),
    }
    Ok(true)
}

/// Waits; `false` if the other side has gone meanwhile.
async fn waits(stream: &mut TcpStream, input: &mut Vec<u8>, time: Duration) -> bool {
    let over = tokio::time::sleep(time.min(Duration::from_secs(86_400)));
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return true,
            read = stream.read_buf(input) => if !matches!(read, Ok(n) if n > 0) { return false },
        }
    }
}

const HTML: &str = "text/html; charset=utf-8";

/// Head and body in one piece; the length is put in when the body is there.
fn answer(out: &mut Vec<u8>, status: &str, kind: &str, body: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: ").as_bytes(),
    );
    let place = out.len();
    out.extend_from_slice(b"         \r\n\r\n");
    let start = out.len();
    body(out);
    let length = format!("{:9}", out.len() - start);
    out[place..place + 9].copy_from_slice(length.as_bytes());
}
