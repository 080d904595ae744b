//! Nobody is let in: requests do not go to private and local addresses. The rule is applied to every
//! resolved address at connect, and to literals before; what a seed names is let through.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::canonical::CanonicalUrl;

/// Whether an address is of no public host: loopback, private, link-local, shared, metadata,
/// multicast, reserved, documentation, and whatever embeds such a one (RFC 6890 and its successors).
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_private_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // IPv4-mapped, IPv4-compatible (with :: and ::1), IPv4-translated.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => {
            embedded(high, low)
        }
        // NAT64, well-known prefix; the local-use prefix is private whatever it embeds.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x64, 0xff9b, 1, ..] => true,
        // 6to4
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, ORCHID and other special 2001::/23; documentation; discard-only.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => true,
        [0x3fff, second, ..] if second < 0x1000 => true,
        [0x100, 0, 0, 0, ..] => true,
        // ULA, link-local, site-local, multicast.
        [first, ..] => {
            first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
                || first & 0xffc0 == 0xfec0
                || first & 0xff00 == 0xff00
        }
    }
}

/// Why an address was not connected to.
#[derive(Debug, thiserror::Error)]
#[error("{name} is a private or local address ({address}); --allow-private lets it through")]
pub(super) struct Refused {
    name: String,
    address: String,
}

impl Refused {
    /// A proxy's name, which is let through for connections to the proxy alone.
    pub(super) fn proxy(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            address: "the proxy's".to_owned(),
        }
    }
}

/// Which of these names lead to a private address.
pub(super) async fn private_of(names: &[String]) -> Vec<String> {
    let mut private = Vec::new();
    for name in names {
        let found = lookup(name.trim_matches(['[', ']']))
            .await
            .unwrap_or_default();
        if found.iter().any(|address| is_private(address.ip())) {
            private.push(name.clone());
        }
    }
    private
}

/// Names of seeds that are looked up at the start, all at once.
const MOST_LOOKUPS: usize = 256;

/// A name that could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up {name}: {source}")]
pub(super) struct LookupError {
    name: String,
    pub(super) temporary: bool,
    source: std::io::Error,
}

pub(super) async fn lookup(name: &str) -> Result<Vec<SocketAddr>, LookupError> {
    let found = tokio::net::lookup_host((name, 0))
        .await
        .map_err(|source| LookupError {
            name: name.to_owned(),
            // The resolver's own words are all that the system's interface lets through.
            temporary: source.to_string().contains("emporary failure"),
            source,
        })?;
    Ok(found.collect())
}

/// Checks what can be checked without a look-up: literals, and names that only ever mean this machine
/// or a cloud's metadata. Through a proxy this is all that we can check.
pub(super) fn check_name(url: &CanonicalUrl) -> Result<(), Refused> {
    let name = url.hostname();
    let refused = |address: &str| Refused {
        name: name.to_owned(),
        address: address.to_owned(),
    };
    match url.as_url().host() {
        Some(url::Host::Ipv4(address)) if is_private(address.into()) => Err(refused("a literal")),
        Some(url::Host::Ipv6(address)) if is_private(address.into()) => Err(refused("a literal")),
        Some(url::Host::Domain(domain)) => {
            let domain = domain.trim_end_matches('.');
            let local = domain == "localhost"
                || domain.ends_with(".localhost")
                || domain == "metadata.google.internal";
            if local {
                Err(refused("by its name"))
            } else {
                Ok(())
            }
        }
        _ => Ok(()),
    }
}

/// Looks names up and refuses those that lead to a private address, but for the names of proxies.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) let_through: Vec<String>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let exempt = self.let_through.iter().any(|known| known == name.as_str());
        Box::pin(async move {
            let found = lookup(name.as_str()).await?;
            // One private address among public ones is reason enough: which one is used is not ours to say.
            match found.iter().find(|address| is_private(address.ip())) {
                Some(address) if !exempt => Err(Refused {
                    name: name.as_str().to_owned(),
                    address: address.ip().to_string(),
                }
                .into()),
                _ => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}

/// Looks names up and refuses none.
#[derive(Debug)]
pub(super) struct Open;

impl Resolve for Open {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move { Ok(Box::new(lookup(name.as_str()).await?.into_iter()) as Addrs) })
    }
}

/// Knows the private addresses that seeds had at the start, and none else but the proxies'.
#[derive(Debug)]
pub(super) struct Pinned {
    pub(super) addresses: Arc<HashMap<String, Vec<SocketAddr>>>,
    pub(super) let_through: Vec<String>,
}

impl Resolve for Pinned {
    fn resolve(&self, name: Name) -> Resolving {
        let known = self.addresses.get(name.as_str()).cloned();
        let exempt = self.let_through.iter().any(|known| known == name.as_str());
        Box::pin(async move {
            if exempt {
                return Ok(Box::new(lookup(name.as_str()).await?.into_iter()) as Addrs);
            }
            let found = known.ok_or_else(|| Refused {
                name: name.as_str().to_owned(),
                address: "not pinned at the start".to_owned(),
            })?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Hosts and ports that seeds name and that are private at the start: requests may go there.
#[derive(Debug, Default)]
pub(super) struct Named {
    hosts: HashSet<(String, u16)>,
    pub(super) pinned: Arc<HashMap<String, Vec<SocketAddr>>>,
}

impl Named {
    /// Looks at the seeds, and looks their names up, unless a proxy does that for all requests; nor where they are
    /// very many, for no request starts before it is done.
    pub(super) async fn by(seeds: &[CanonicalUrl], proxied: bool) -> Self {
        let mut named = Self::default();
        let mut names: HashMap<&str, Vec<u16>> = HashMap::new();
        for seed in seeds {
            let mut literal = |is_private: bool| {
                if is_private {
                    let host = (seed.hostname().to_owned(), seed.port());
                    named.hosts.insert(host);
                }
            };
            match seed.as_url().host() {
                Some(url::Host::Ipv4(address)) => literal(is_private(address.into())),
                Some(url::Host::Ipv6(address)) => literal(is_private(address.into())),
                // Through a proxy only what is refused by its name has to be let through.
                Some(url::Host::Domain(name)) if !proxied || check_name(seed).is_err() => {
                    names.entry(name).or_default().push(seed.port());
                }
                _ => {}
            }
        }
        if names.len() > MOST_LOOKUPS {
            tracing::info!(
                names = names.len(),
                "too many seeds to look up which are private: --allow-private or --resolve lets those through"
            );
            return named;
        }
        let mut pinned = HashMap::new();
        let lookups = names.keys().map(|name| {
            let name = (*name).to_owned();
            async move { (lookup(&name).await.unwrap_or_default(), name) }
        });
        let mut lookups: tokio::task::JoinSet<_> = lookups.collect();
        while let Some(found) = lookups.join_next().await {
            let Ok((found, name)) = found else { continue };
            if found.iter().any(|address| is_private(address.ip())) {
                let ports = names.get(name.as_str()).into_iter().flatten();
                named.hosts.extend(ports.map(|port| (name.clone(), *port)));
                pinned.insert(name, found);
            }
        }
        named.pinned = Arc::new(pinned);
        named
    }

    pub(super) fn has(&self, url: &CanonicalUrl) -> bool {
        !self.hosts.is_empty()
            && self
                .hosts
                .contains(&(url.hostname().to_owned(), url.port()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses() {
        for (text, private) in [
            ("127.0.0.1", true),
            ("127.255.255.254", true),
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("169.254.169.254", true),
            ("100.64.0.1", true),
            ("100.128.0.1", false),
            ("0.0.0.0", true),
            ("224.0.0.1", true),
            ("255.255.255.255", true),
            ("198.18.0.1", true),
            ("192.0.0.8", true),
            ("8.8.8.8", false),
            ("93.184.216.34", false),
            ("::1", true),
            ("::", true),
            ("::ffff:127.0.0.1", true),
            ("::ffff:8.8.8.8", false),
            ("::10.0.0.1", true),
            ("64:ff9b::10.0.0.1", true),
            ("64:ff9b::8.8.8.8", false),
            ("2002:0a00:0001::", true),
            ("2001::1", true),
            ("2001:db8::1", true),
            ("fc00::1", true),
            ("fd12::1", true),
            ("fe80::1", true),
            ("fec0::1", true),
            ("ff02::1", true),
            ("2606:4700:4700::1111", false),
            ("2a00:1450:4001::1", false),
        ] {
            assert_eq!(is_private(text.parse().expect(text)), private, "{text}");
        }
    }

    #[test]
    fn names_checked_before_sending() {
        for (text, refused) in [
            ("http://localhost/", true),
            ("http://localhost./", true),
            ("http://a.localhost:8080/", true),
            ("http://metadata.google.internal/", true),
            ("http://2130706433/", true),
            ("http://0x7f.1/", true),
            ("http://[::ffff:169.254.169.254]/", true),
            ("http://example.com/", false),
            ("http://8.8.8.8/", false),
        ] {
            let url = CanonicalUrl::parse(text).expect(text);
            assert_eq!(check_name(&url).is_err(), refused, "{text}");
        }
    }
}
