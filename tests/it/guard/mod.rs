//! Nobody is let in: what owners of sites, and other users of the machine, might try (docs/reliability.md).

mod addresses;
mod certificates;
mod files;
mod proxies;
mod rebinding;
mod secrets;
mod texts;

use std::net::IpAddr;

use crate::support::{Crawl, Reply, Site, rows};

/// Addresses that the machine has in a network of a test's own: where strangers are,
const STRANGERS: [&str; 2] = ["93.184.216.34", "2606:2800:220:1::1"];
/// and what they must not get at.
const OURS: [&str; 9] = [
    "10.0.0.5",
    "192.168.7.7",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "fd00:ec2::254",
    "fd00::5",
];

fn all() -> Vec<&'static str> {
    STRANGERS.into_iter().chain(OURS).collect()
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

/// Servers at all addresses of ours, and at this machine itself, which answer everybody.
fn victims() -> Vec<Site> {
    let victims: Vec<Site> = OURS
        .into_iter()
        .chain(["127.0.0.1", "::1"])
        .flat_map(|address| {
            let address = if address.contains(':') {
                format!("[{address}]")
            } else {
                address.to_owned()
            };
            [80, 8080].map(|port| Site::at(&format!("{address}:{port}")))
        })
        .collect();
    for victim in &victims {
        victim.dynamic(|_, _| Some(Reply::html("<title>Secret</title>")));
    }
    victims
}

/// Fails the test if anybody got in.
#[track_caller]
fn nobody_was_let_in(victims: &[Site]) {
    for victim in victims {
        let asked: Vec<String> = victim
            .hits()
            .iter()
            .map(|hit| format!("{} {}", hit.header("host").unwrap_or_default(), hit.path))
            .collect();
        assert!(asked.is_empty(), "{asked:?}");
    }
}

/// A crawl into `out` without waits.
fn crawl(args: &[&str]) -> Crawl {
    Crawl::new()
        .args(["--rate", "unlimited", "--retry-wait", "1ms", "-o", "out"])
        .args(args)
}

/// URLs and errors of what failed.
fn errors(crawl: &Crawl) -> Vec<String> {
    rows(
        &crawl.dir().join("out"),
        "SELECT url, error FROM pages WHERE error IS NOT NULL ORDER BY url",
    )
}
