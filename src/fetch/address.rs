//! Nobody is let in: requests do not go to private and local addresses. The rule is applied to every
//! resolved address at connect, and to literals before; what a seed names is let through.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::canonical::CanonicalUrl;

/// Whether an address is of no public host: loopback, private, link-local, shared, metadata, multicast,
/// reserved, documentation, all else that the registries of special-purpose addresses list (RFC 6890 and
/// its successors), and whatever embeds such a one.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        [0 | 10 | 127 | 224.., ..] => true,
        [100, second, ..] => (64..128).contains(&second),
        [169, 254, ..] => true,
        [172, second, ..] => (16..32).contains(&second),
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 168, ..] => true,
        // Anycast of AS112 and AMT: whoever is near answers, and none of them is a web server.
        [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] => true,
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        _ => address == AZURE,
    }
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // IPv4-mapped; NAT64 by the well-known prefix; 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => {
            let [[a, b], [c, d]] = [high, low].map(u16::to_be_bytes);
            is_private_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Teredo, ORCHID and other special 2001::/23; documentation; AS112.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => true,
        [0x3fff, second, ..] if second < 0x1000 => true,
        [0x2620, 0x4f, 0x8000, ..] => true,
        // Public hosts are in 2000::/3; all else is special, or nobody's yet.
        [first, ..] => first & 0xe000 != 0x2000,
    }
}

/// Where Azure answers its virtual machines: among public addresses, and public to nobody.
const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Whether an address is where a cloud tells its machines their secrets, or any of that link. No name that
/// somebody has for a host of his own leads there.
fn is_metadata(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let alibaba = Ipv4Addr::new(100, 100, 100, 200);
            let oracle = Ipv4Addr::new(192, 0, 0, 192);
            address.is_link_local() || [AZURE, alibaba, oracle].contains(&address)
        }
        IpAddr::V6(address) => {
            let aws = [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];
            let google = [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254];
            [aws, google].contains(&address.segments())
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

/// Which of these names lead to a private address, or may: of what cannot be looked up now nothing is known.
pub(super) async fn private_of(names: &[String]) -> Vec<String> {
    let mut private = Vec::new();
    for name in names {
        let found = lookup(name.trim_matches(['[', ']']))
            .await
            .unwrap_or_default();
        if found.is_empty() || found.iter().any(|address| is_private(address.ip())) {
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

/// Names that only ever mean this machine, or a cloud's metadata.
const LOCAL_NAMES: [&str; 8] = [
    "localhost",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.tencentyun.com",
    "metadata.platformequinix.com",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata",
];

/// Ends of names that no public host has: kept for private use (RFC 6761, 6762, 8375; ICANN for `internal`).
const LOCAL_ENDS: [&str; 5] = [
    ".localhost",
    ".internal",
    ".local",
    ".home.arpa",
    ".localdomain",
];

/// Checks what can be checked without a look-up: literals, and names. Where a proxy looks names up this is
/// all that we can check; so then what no public host is called is taken for private.
pub(super) fn check_name(url: &CanonicalUrl, elsewhere: bool) -> Result<(), Refused> {
    let name = url.hostname();
    let refused = |address: &str| Refused {
        name: name.to_owned(),
        address: address.to_owned(),
    };
    match url.as_url().host() {
        Some(url::Host::Ipv4(address)) if is_private(address.into()) => Err(refused("a literal")),
        Some(url::Host::Ipv6(address)) if is_private(address.into()) => Err(refused("a literal")),
        Some(url::Host::Domain(domain)) if is_local(domain, elsewhere) => {
            Err(refused("by its name"))
        }
        _ => Ok(()),
    }
}

/// Whether a URL says by its text that it leads to a private address.
#[must_use]
pub fn is_plainly_private(url: &CanonicalUrl) -> bool {
    check_name(url, false).is_err()
}

fn is_local(name: &str, elsewhere: bool) -> bool {
    let name = name.trim_end_matches('.');
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    LOCAL_NAMES.contains(&name)
        || ends(&LOCAL_ENDS[..1])
        || (elsewhere && (!name.contains('.') || ends(&LOCAL_ENDS)))
}

/// Looks names up and refuses those that lead to a private address, but for the names of proxies.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) let_through: Vec<String>,
    /// See [`Named::unknown`].
    pub(super) unknown: Arc<HashSet<String>>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let exempt = self.let_through.iter().any(|known| known == name.as_str());
        let unknown = Arc::clone(&self.unknown);
        Box::pin(async move {
            let found = lookup(name.as_str()).await?;
            // One private address among public ones is reason enough: which one is used is not ours to say.
            match found.iter().find(|address| is_private(address.ip())) {
                // It may well be let through, and the next start knows.
                Some(_) if !exempt && unknown.contains(name.as_str()) => Err(LookupError {
                    name: name.as_str().to_owned(),
                    temporary: true,
                    source: std::io::Error::other(
                        "this seed could not be looked up when the crawl began, and is private now",
                    ),
                }
                .into()),
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
            // Through a SOCKS proxy literals come by here, too: such a one is what a seed names.
            let literal = || Some(vec![SocketAddr::new(name.as_str().parse().ok()?, 0)]);
            let found = known.or_else(literal).ok_or_else(|| Refused {
                name: name.as_str().to_owned(),
                address: "not pinned at the start".to_owned(),
            })?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Who looks names up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookedUp {
    /// We do.
    Here,
    /// We do, or a proxy that the environment names: it depends on the URL.
    Either,
    /// A proxy does, for all requests.
    Elsewhere,
}

fn is_literal(url: &CanonicalUrl) -> bool {
    !matches!(url.as_url().host(), Some(url::Host::Domain(_)))
}

/// Hosts and ports that seeds name and that are private at the start: requests may go there.
#[derive(Debug, Default)]
pub(super) struct Named {
    hosts: HashSet<(String, u16)>,
    pub(super) pinned: Arc<HashMap<String, Vec<SocketAddr>>>,
    /// Names that could not be looked up: whether they are private is not known.
    pub(super) unknown: Arc<HashSet<String>>,
}

impl Named {
    /// Looks at the seeds, and looks their names up, unless a proxy does that for all requests; nor where they are
    /// very many, for no request starts before it is done.
    pub(super) async fn by(seeds: &[CanonicalUrl], looked_up: LookedUp) -> Self {
        let mut named = Self::default();
        let mut names: HashMap<&str, Vec<u16>> = HashMap::new();
        let elsewhere = looked_up != LookedUp::Here;
        for seed in seeds {
            // What is plain by its text is let through by its text.
            if is_literal(seed) && check_name(seed, false).is_err()
                || elsewhere && check_name(seed, true).is_err()
            {
                let host = (seed.hostname().to_owned(), seed.port());
                named.hosts.insert(host);
            }
            match seed.as_url().host() {
                Some(url::Host::Domain(name)) if looked_up != LookedUp::Elsewhere => {
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
        let (mut pinned, mut unknown) = (HashMap::new(), HashSet::new());
        let lookups = names.keys().map(|name| {
            let name = (*name).to_owned();
            async move { (lookup(&name).await.ok(), name) }
        });
        let mut lookups: tokio::task::JoinSet<_> = lookups.collect();
        while let Some(found) = lookups.join_next().await {
            let Ok((found, name)) = found else { continue };
            let Some(found) = found else {
                unknown.insert(name);
                continue;
            };
            let any = |is: fn(IpAddr) -> bool| found.iter().any(|address| is(address.ip()));
            // Whoever owns a name says where it leads: nobody is at home at a cloud's secrets.
            if any(is_metadata) {
                named.hosts.retain(|(host, _)| *host != name);
                tracing::warn!(name, "a seed leads to a link-local or metadata address");
            } else if any(is_private) {
                tracing::info!(name, "a seed is private: let through, where it is now");
                let ports = names.get(name.as_str()).into_iter().flatten();
                named.hosts.extend(ports.map(|port| (name.clone(), *port)));
                pinned.insert(name, found);
            }
        }
        named.pinned = Arc::new(pinned);
        named.unknown = Arc::new(unknown);
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

    /// Blocks of the IANA registries of special-purpose addresses, and of multicast, each with what defines it:
    /// the first and the last address of each are refused.
    const SPECIAL: [(&str, &str, &str); 52] = [
        ("0.0.0.0", "0.255.255.255", "RFC 791, this network"),
        ("10.0.0.0", "10.255.255.255", "RFC 1918"),
        ("100.64.0.0", "100.127.255.255", "RFC 6598, shared"),
        ("127.0.0.0", "127.255.255.255", "RFC 1122, loopback"),
        ("169.254.0.0", "169.254.255.255", "RFC 3927, link-local"),
        ("172.16.0.0", "172.31.255.255", "RFC 1918"),
        ("192.0.0.0", "192.0.0.255", "RFC 6890, IETF protocols"),
        ("192.0.0.0", "192.0.0.7", "RFC 7335, DS-Lite"),
        ("192.0.0.8", "192.0.0.8", "RFC 7600, dummy"),
        ("192.0.0.9", "192.0.0.10", "RFC 7723, RFC 8155, anycast"),
        ("192.0.0.170", "192.0.0.171", "RFC 8880, NAT64 discovery"),
        ("192.0.2.0", "192.0.2.255", "RFC 5737, documentation"),
        ("192.31.196.0", "192.31.196.255", "RFC 7535, AS112"),
        ("192.52.193.0", "192.52.193.255", "RFC 7450, AMT"),
        ("192.88.99.0", "192.88.99.255", "RFC 7526, 6to4 relay"),
        ("192.88.99.2", "192.88.99.2", "RFC 6751, 6a44"),
        ("192.168.0.0", "192.168.255.255", "RFC 1918"),
        ("192.175.48.0", "192.175.48.255", "RFC 7534, AS112"),
        ("198.18.0.0", "198.19.255.255", "RFC 2544, benchmarks"),
        ("198.51.100.0", "198.51.100.255", "RFC 5737, documentation"),
        ("203.0.113.0", "203.0.113.255", "RFC 5737, documentation"),
        ("224.0.0.0", "239.255.255.255", "RFC 5771, multicast"),
        ("240.0.0.0", "255.255.255.254", "RFC 1112, reserved"),
        ("255.255.255.255", "255.255.255.255", "RFC 919, broadcast"),
        ("::", "::", "RFC 4291, unspecified"),
        ("::1", "::1", "RFC 4291, loopback"),
        ("::2", "::ffff:ffff", "RFC 4291, IPv4-compatible"),
        (
            "::ffff:0:0",
            "::ffff:0.255.255.255",
            "RFC 4291, IPv4-mapped",
        ),
        (
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "RFC 4291, IPv4-mapped",
        ),
        (
            "::ffff:0:127.0.0.1",
            "::ffff:0:8.8.8.8",
            "RFC 2765, IPv4-translated",
        ),
        (
            "64:ff9b::",
            "64:ff9b::127.0.0.1",
            "RFC 6052, NAT64 of private",
        ),
        ("64:ff9b::169.254.169.254", "64:ff9b::10.0.0.1", "RFC 6052"),
        (
            "64:ff9b:1::",
            "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
            "RFC 8215, NAT64",
        ),
        ("100::", "100::ffff:ffff:ffff:ffff", "RFC 6666, discard"),
        (
            "100:0:0:1::",
            "100:0:0:1:ffff:ffff:ffff:ffff",
            "RFC 9780, dummy",
        ),
        (
            "2001::",
            "2001:0:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 4380, Teredo",
        ),
        (
            "2001:1::1",
            "2001:1::3",
            "RFC 7723, RFC 8155, RFC 9665, anycast",
        ),
        (
            "2001:2::",
            "2001:2:0:ffff:ffff:ffff:ffff:ffff",
            "RFC 5180, benchmarks",
        ),
        (
            "2001:3::",
            "2001:3:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 7450, AMT",
        ),
        (
            "2001:4:112::",
            "2001:4:112:ffff:ffff:ffff:ffff:ffff",
            "RFC 7535, AS112",
        ),
        (
            "2001:10::",
            "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 4843, ORCHID",
        ),
        (
            "2001:20::",
            "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 7343, ORCHIDv2",
        ),
        (
            "2001:30::",
            "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 9374, DRIP",
        ),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 3849, documentation",
        ),
        (
            "2002:7f00:1::",
            "2002:a00:1:ffff:ffff:ffff:ffff:ffff",
            "RFC 3056, 6to4 of private",
        ),
        (
            "2620:4f:8000::",
            "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
            "RFC 7534, AS112",
        ),
        (
            "3fff::",
            "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 9637, documentation",
        ),
        (
            "5f00::",
            "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 9602, SRv6",
        ),
        (
            "fc00::",
            "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 4193, unique-local",
        ),
        (
            "fe80::",
            "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 4291, link-local",
        ),
        (
            "fec0::",
            "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 3879, site-local",
        ),
        (
            "ff00::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "RFC 4291, multicast",
        ),
    ];

    #[test]
    fn what_is_special_is_refused() {
        for (first, last, what) in SPECIAL {
            for text in [first, last] {
                assert!(is_private(text.parse().expect(text)), "{text}: {what}");
            }
        }
        // Where clouds tell their machines their secrets.
        for text in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.0.23",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "64:ff9b::168.63.129.16",
        ] {
            assert!(is_private(text.parse().expect(text)), "{text}");
        }
        // Neither allocated nor global.
        for text in [
            "4000::1",
            "1::1",
            "::ffff:1:1:1:1",
            "64:ff9b:2::1",
            "fe00::1",
        ] {
            assert!(is_private(text.parse().expect(text)), "{text}");
        }
    }

    #[test]
    fn neighbours_of_what_is_special_are_public() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.31.195.255",
            "192.88.98.255",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2000::1",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2002:808:808::1",
            "2606:4700:4700::1111",
            "2620:4f:7fff::1",
            "2620:4f:8001::1",
            "2a00:1450:4001::1",
            "3ffe:ffff::1",
            "3fff:1000::1",
        ] {
            assert!(!is_private(text.parse().expect(text)), "{text}");
        }
    }

    /// Every spelling of an address that the URL Standard reads is read before it is checked; what it does not
    /// read is no URL.
    #[test]
    fn spellings_of_literals() {
        let refused = [
            "http://127.0.0.1/",
            "http://127.0.0.1./",
            "http://127.1/",
            "http://0/",
            "http://0x0/",
            "http://0177.0.0.1/",
            "http://0x7f.0.0.1/",
            "http://0x7F000001/",
            "http://017700000001/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://127.0.1/",
            "http://%31%32%37.0.0.1/",
            "http://127%2e0%2e0%2e1/",
            "http://\u{ff11}\u{ff12}\u{ff17}\u{ff0e}0.0.1/",
            "http://127\u{3002}0\u{3002}0\u{3002}1/",
            "http://\u{2460}\u{2461}\u{2466}.0.0.1/",
            "http://user:pass@127.0.0.1/",
            "http://8.8.8.8@127.0.0.1/",
            "http:\\\\127.0.0.1\\",
            "http:127.0.0.1",
            "http:///127.0.0.1/",
            "http://127.0.0.1:80/",
            "http://12\t7.0.\n0.1/",
            "http://[::1]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[fe80::1]/",
            "http://localhost/",
            "http://LOCALHOST/",
            "http://localhost./",
            "http://loc\u{ad}alhost/",
            "http://\u{24db}ocalhost/",
            "http://%6cocalhost/",
            "http://a.localhost:8080/",
            "http://metadata/",
            "http://metadata.google.internal./",
            "http://METADATA.google.internal/",
            "http://metadata.goog/",
            "http://instance-data/latest/",
            "http://instance-data.ec2.internal/",
        ];
        for text in refused {
            let url = CanonicalUrl::parse(text).expect(text);
            assert!(check_name(&url, false).is_err(), "{text} is {url}");
            assert!(check_name(&url, true).is_err(), "{text} is {url}");
        }
        for text in [
            "http://[fe80::1%25eth0]/",
            "http://[fe80::1%eth0]/",
            "http://127.0.0.1%00/",
            "http://127.0.0.1%20/",
            "http://127.0.0.256/",
            "http://4294967296/",
            "http://1.2.3.4.5/",
            "http://0x100000000/",
            "http://[::1/",
            "http://[127.0.0.1]/",
            "http://127.0.0.08/",
        ] {
            assert!(CanonicalUrl::parse(text).is_err(), "{text}");
        }
        for text in [
            "http://example.com/",
            "http://8.8.8.8/",
            "http://localhost.example.com/",
            "http://notlocalhost/",
            "http://127.0.0.1.nip.io/",
            "http://wiki/",
            "http://a.internal/",
        ] {
            let url = CanonicalUrl::parse(text).expect(text);
            assert!(check_name(&url, false).is_ok(), "{text}");
        }
    }

    #[test]
    fn names_that_a_proxy_looks_up() {
        for (text, refused) in [
            ("http://wiki/", true),
            ("http://wiki./", true),
            ("http://printer.local/", true),
            ("http://router.home.arpa/", true),
            ("http://host.docker.internal/", true),
            ("http://ip-10-0-0-1.ec2.internal:80/", true),
            ("http://local.example.com/", false),
            ("http://internal.example.com/", false),
            ("http://example.com./", false),
        ] {
            let url = CanonicalUrl::parse(text).expect(text);
            assert_eq!(check_name(&url, true).is_err(), refused, "{text}");
        }
    }

    #[tokio::test]
    async fn seeds_name_themselves_alone() {
        let seeds = [
            "http://127.0.0.1:8080/a",
            "http://[::1]:8080/",
            "http://8.8.8.8/",
            "http://localhost:8081/",
        ];
        let seeds = seeds.map(|seed| CanonicalUrl::parse(seed).expect(seed));
        let named = Named::by(&seeds, LookedUp::Here).await;
        for (text, through) in [
            ("http://127.0.0.1:8080/b", true),
            ("https://127.0.0.1:8080/", true),
            ("http://me:you@127.0.0.1:8080/", true),
            ("http://2130706433:8080/", true),
            ("http://127.0.0.1/", false),
            ("http://127.0.0.1:8081/", false),
            ("http://127.0.0.2:8080/", false),
            ("http://[::ffff:127.0.0.1]:8080/", false),
            ("http://[::1]:8080/b", true),
            ("http://[::1]:8081/", false),
            ("http://localhost:8081/", true),
            ("http://localhost:8080/", false),
            ("http://localhost.:8081/", false),
            ("http://a.localhost:8081/", false),
            ("http://8.8.8.8/", false),
        ] {
            let url = CanonicalUrl::parse(text).expect(text);
            assert_eq!(named.has(&url), through, "{text}");
        }
        let seed = [CanonicalUrl::parse("http://wiki:8080/").expect("a URL")];
        for looked_up in [LookedUp::Either, LookedUp::Elsewhere] {
            let named = Named::by(&seed, looked_up).await;
            assert!(named.has(&seed[0]), "what a user names is let through");
        }
    }
}
