//! Synthetic webs over HTTP/1.1, one thread, nothing logged.
//!
//! usage: web latency PORT PAGES DELAY_MS   an index that links to all pages; every answer comes DELAY_MS late
//!        web slow PORT [PAGES] [MS]        the same (5 pages, 3,000 ms), but index and robots.txt come at once
//!        web hosts PORT PAGES              any name or address is a host with PAGES small pages; listens on all of 127/8
//!        web grow PORT PAGES               a manual of PAGES pages, about 28 KB and 75 links each
//!        web known PORT PAGES              PAGES leaves, linked from hubs of 20,000 links each
//!
//! `GET /-/stats` answers statistics as JSON, `GET /-/reset` begins them anew; SIGTERM prints them and ends.
mod pages;
mod stats;

use pages::Site;
use stats::{Seen, Stats};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{signal, SignalKind};

struct Web {
    site: Site,
    delay: Duration,
    /// index and robots.txt come without the delay
    entry_at_once: bool,
    stats: Mutex<Stats>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, default: Option<u64>| -> u64 {
        let given = args.get(i).map(|a| a.parse().expect("a number"));
        given
            .or(default)
            .expect("usage: web MODE PORT PAGES [DELAY_MS]")
    };
    let mode = args.first().map_or("", String::as_str);
    let port = number(1, None) as u16;
    let (site, delay) = match mode {
        "latency" => (Site::Flat(number(2, Some(1000))), number(3, Some(100))),
        "slow" => (Site::Flat(number(2, Some(5))), number(3, Some(3000))),
        "hosts" => (Site::Tree(number(2, Some(1000))), 0),
        "grow" => (Site::manual(number(2, None)), 0),
        "known" => (Site::Hubs(number(2, None)), 0),
        _ => panic!("latency, slow, hosts, grow or known, not {mode:?}"),
    };
    let address = if mode == "hosts" {
        [0, 0, 0, 0]
    } else {
        [127, 0, 0, 1]
    };
    let listener = TcpListener::bind((std::net::Ipv4Addr::from(address), port)).await?;
    let stats = Mutex::new(Stats::new(site.pages(), mode == "hosts"));
    let web = Arc::new(Web {
        site,
        delay: Duration::from_millis(delay),
        entry_at_once: mode == "slow",
        stats,
    });
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else { continue };
                if peer.ip().is_loopback() {
                    tokio::spawn(connection(stream, web.clone()));
                }
            }
            _ = terminate.recv() => break,
        }
    }
    println!("{}", web.stats.lock().unwrap().json());
    Ok(())
}

/// Answers one request after the other, until the other side has enough.
async fn connection(mut stream: TcpStream, web: Arc<Web>) -> io::Result<()> {
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
        let text = String::from_utf8_lossy(&input[..end]);
        let mut lines = text.lines();
        let mut first = lines.next().unwrap_or("").split(' ');
        let (method, path) = (first.next().unwrap_or(""), first.next().unwrap_or("/"));
        let (mut host, mut close) = ("", false);
        for (name, value) in lines.filter_map(|l| l.split_once(": ")) {
            if name.eq_ignore_ascii_case("host") {
                host = value;
            } else if name.eq_ignore_ascii_case("connection") {
                close = value.eq_ignore_ascii_case("close");
            }
        }
        output.clear();
        if let Some(order) = path.strip_prefix("/-/") {
            let mut stats = web.stats.lock().unwrap();
            if order == "reset" {
                *stats = Stats::new(web.site.pages(), web.stats_by_host());
            }
            answer(&mut output, "200 OK", "application/json", |out| {
                out.extend_from_slice(stats.json().as_bytes())
            });
        } else {
            let page = web.site.find(path);
            let seen = if path == "/robots.txt" {
                Seen::Robots
            } else {
                page.map_or(Seen::Nothing, Seen::Page)
            };
            web.stats.lock().unwrap().begin(seen, host, !counted);
            counted = true;
            match page {
                Some(page) => answer(&mut output, "200 OK", "text/html; charset=utf-8", |out| {
                    web.site.write(page, out)
                }),
                None => answer(&mut output, "404 Not Found", "text/plain", |out| {
                    out.extend_from_slice(b"no\n")
                }),
            }
            let entry = matches!(seen, Seen::Robots | Seen::Page(0));
            if !(web.delay.is_zero() || web.entry_at_once && entry) {
                tokio::time::sleep(web.delay).await;
            }
            web.stats.lock().unwrap().end();
        }
        if method == "HEAD" {
            let head = output
                .windows(4)
                .position(|w| w == b"\r\n\r\n")
                .map_or(0, |i| i + 4);
            output.truncate(head);
        }
        drop(text);
        input.drain(..end);
        stream.write_all(&output).await?;
        if close {
            return Ok(());
        }
    }
}

impl Web {
    fn stats_by_host(&self) -> bool {
        matches!(self.site, Site::Tree(_))
    }
}

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
