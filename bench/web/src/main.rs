//! Synthetic webs over HTTP/1.1, one thread, nothing written to disk.
//!
//! usage: web latency PORT PAGES DELAY_MS   an index that links to all pages; every answer comes DELAY_MS late
//!        web slow PORT [PAGES] [MS]        the same (5 pages, 3,000 ms), but index and robots.txt come at once
//!        web hosts PORT PAGES [MS [MS]]    any name or address is a host with PAGES small pages; listens on all of 127/8;
//!                                          answers are late by a time between the two that is drawn for each URL;
//!                                          some hosts are bad ones, see `serve.rs`
//!        web grow PORT PAGES               a manual of PAGES pages, about 28 KB and 75 links each
//!        web known PORT PAGES              PAGES leaves, linked from hubs of 20,000 links each
//!        web queue PORT PAGES HOSTS [1]    the same, the leaves on http://h0.example and further hosts in turn; with the 1
//!                                          each answer is the last of its connection, so that all requests cost the same
//!        web calendar PORT                 months and days without an end; 53 pages are real
//!        web shop PORT                     a new session id in the links of each view; 221 pages are real
//!        web facets PORT                   six facets in any order; 133 pages are real
//!        web archive PORT PAGES [ITEMS]    pages that differ by a sentence each, with ITEMS items each; all are real
//!        web soak PORT PAGES HOSTS         pages on http://h0.example and further hosts, with a few percent of every fault:
//!                                          `soak.rs` says which; what can be asked for is `real` in the statistics
//!
//! All of them are HTTP proxies, too: a request line with a whole URL asks that host, whatever its name.
//! `GET /-/stats` answers statistics as JSON, `GET /-/log` each request by host (of `hosts` alone), `GET /-/reset` begins
//! both anew; SIGTERM prints the statistics and ends.
mod pages;
mod serve;
mod soak;
mod stats;
mod traps;
mod words;

use pages::Site;
use serve::{connection, Web};
use soak::Soak;
use std::io;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{signal, SignalKind};
use traps::Trap;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, default: Option<u64>| -> u64 {
        let given = args.get(i).map(|a| a.parse().expect("a number"));
        given
            .or(default)
            .expect("usage: web MODE PORT …; src/main.rs says more")
    };
    let mode = args.first().map_or("", String::as_str);
    let port = number(1, None) as u16;
    let (site, delay) = match mode {
        "latency" => (Site::Flat(number(2, Some(1000))), number(3, Some(100))),
        "slow" => (Site::Flat(number(2, Some(5))), number(3, Some(3000))),
        "hosts" => (Site::Tree(number(2, Some(1000))), number(3, Some(0))),
        "grow" => (Site::manual(number(2, None)), 0),
        "known" => (Site::Hubs(number(2, None)), 0),
        "queue" => {
            let (leaves, hosts) = (number(2, None), number(3, None));
            (Site::Queue { leaves, hosts }, 0)
        }
        "soak" => (
            Site::Soak(Soak::new(number(2, None), number(3, Some(2000)))),
            0,
        ),
        "calendar" => (Site::Trap(Trap::Calendar), 0),
        "shop" => (Site::Trap(Trap::Shop), 0),
        "facets" => (Site::Trap(Trap::Facets), 0),
        "archive" => {
            let (pages, items) = (number(2, Some(5000)), number(3, Some(0)));
            (Site::Trap(Trap::Archive { pages, items }), 0)
        }
        _ => panic!("no mode {mode:?}; src/main.rs lists them"),
    };
    let many = mode == "hosts";
    let most = if many { number(4, Some(delay)) } else { delay };
    let mut web = Web::new(site, delay..=most, many);
    web.entry_at_once = mode == "slow";
    web.close = mode == "queue" && number(4, Some(0)) == 1;
    let web = Arc::new(web);
    let address = if many { [0, 0, 0, 0] } else { [127, 0, 0, 1] };
    let listener = TcpListener::bind((std::net::Ipv4Addr::from(address), port)).await?;
    let _deaf = if many {
        deaf(port.saturating_add(1)).await.ok()
    } else {
        None
    };
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
    println!("{}", web.stats().json());
    Ok(())
}

/// 127.2.0.9 on that port does not even answer who wants to connect: the queue of those that were not accepted is full.
async fn deaf(port: u16) -> io::Result<(TcpListener, TcpStream)> {
    let address = ([127, 2, 0, 9], port).into();
    let socket = TcpSocket::new_v4()?;
    socket.bind(address)?;
    Ok((socket.listen(0)?, TcpStream::connect(address).await?))
}
