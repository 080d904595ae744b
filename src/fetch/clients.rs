//! The clients that requests are sent with. What a connection depends on beyond its URL (how the name is
//! looked up, which certificate is shown) is a client's, so that connections are never shared across it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, FROM, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder};

use super::address::{self, Guard, LookedUp, Named, Open, Pinned, Refused};
use super::decode;
use super::dues::Dues;
use super::kept::Kept;
use crate::canonical::{self, CanonicalUrl, Host};
use crate::config::{Config, ConfigError, Resolved, proxies_of_environment};
use crate::open_files::OpenFiles;

/// A connection that nobody used for so long is closed.
const IDLE: Duration = Duration::from_secs(20);

/// How a URL's name becomes an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    /// By looking it up.
    Lookup,
    /// A seed names it and it is private: at the addresses that it had at the start.
    Named,
    /// As `resolve` says for this port.
    Resolved(u16),
}

/// All clients.
#[derive(Debug)]
pub(super) struct Clients {
    /// By the way to the address, the certificate, and whether connections are kept.
    by_way: HashMap<(Way, Option<usize>, bool), Client>,
    kept: Kept,
    named: Named,
    resolved: Vec<Resolved>,
    allow_private: bool,
    /// Who looks names up.
    looked_up: LookedUp,
    /// Whether all requests go through a proxy.
    pub(super) proxied: bool,
    /// Whether those without TLS do: by the settings, or by the environment.
    pub(super) http_proxied: bool,
    /// Names of proxies that lead to private addresses: connections to the proxies may go there, and their
    /// lookups are let through for that; requests of pages' may not.
    private_proxies: Vec<String>,
}

impl Clients {
    /// Sets them up from settings with secrets in their places. Looks up the seeds' names, to see which of
    /// them are private.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub(super) async fn new(
        config: &Config,
        dues: &Dues,
        seeds: &[CanonicalUrl],
    ) -> Result<Self, ConfigError> {
        let files = OpenFiles::of(config)?;
        let allow_private = config.fetch.allow_private;
        let looked_up = looked_up(&config.fetch.proxy);
        let named = if allow_private {
            Named::default()
        } else {
            Named::by(seeds, looked_up).await
        };
        let resolved: Vec<Resolved> = config
            .fetch
            .resolve
            .iter()
            .map(|line| Resolved::parse(line))
            .collect::<Result<_, _>>()?;
        let let_through = proxy_names(&config.fetch.proxy);
        let mut ways = vec![Way::Lookup, Way::Named];
        ways.extend(resolved.iter().map(|resolved| Way::Resolved(resolved.port)));
        let identities = || std::iter::once(None).chain((0..dues.identities.len()).map(Some));
        let mut clients = HashMap::new();
        let kinds = || identities().flat_map(|identity| [true, false].map(|kept| (identity, kept)));
        for (way, (identity, kept)) in ways.iter().flat_map(|way| kinds().map(|kind| (*way, kind)))
        {
            let mut builder = client(config, headers(config, dues)?)?;
            let pinned = |addresses| Pinned {
                addresses,
                let_through: let_through.clone(),
            };
            builder = match way {
                Way::Lookup if allow_private => builder.dns_resolver(Arc::new(Open)),
                Way::Lookup => builder.dns_resolver(Arc::new(Guard {
                    let_through: let_through.clone(),
                    unknown: named.unknown.clone(),
                })),
                Way::Named => builder.dns_resolver(Arc::new(pinned(named.pinned.clone()))),
                Way::Resolved(port) => {
                    builder.dns_resolver(Arc::new(pinned(addresses(&resolved, port))))
                }
            };
            if let Some(identity) = identity.and_then(|index| dues.identities.get(index)) {
                builder = builder.identity(identity.clone());
            }
            if !kept {
                builder = builder.pool_max_idle_per_host(0);
            }
            let client = builder.build().map_err(|error| {
                let words = super::failure::root(&error);
                ConfigError::value("fetch", "", format!("no client: {words}"))
            })?;
            clients.insert((way, identity, kept), client);
        }
        Ok(Self {
            by_way: clients,
            kept: Kept::new(files.kept, IDLE, Instant::now()),
            named,
            resolved,
            allow_private,
            looked_up,
            proxied: !config.fetch.proxy.is_empty(),
            http_proxied: is_proxied(config),
            private_proxies: address::private_of(&let_through).await,
        })
    }

    /// Whether the connection for a URL is kept after a request.
    pub(super) fn keeps(&self, url: &CanonicalUrl) -> bool {
        self.kept.takes(url.as_url().authority(), Instant::now())
    }

    /// The client for a URL.
    ///
    /// # Errors
    /// When the URL alone says that it leads to a private address.
    pub(super) fn of(
        &self,
        url: &CanonicalUrl,
        identity: Option<usize>,
    ) -> Result<Option<&Client>, Refused> {
        let given =
            |resolved: &Resolved| resolved.name == url.hostname() && resolved.port == url.port();
        let way = if self.resolved.iter().any(given) {
            Way::Resolved(url.port())
        } else if self.named.has(url) {
            Way::Named
        } else {
            if !self.allow_private {
                address::check_name(url, self.looked_up != LookedUp::Here)?;
                if self
                    .private_proxies
                    .iter()
                    .any(|name| name == url.hostname())
                {
                    return Err(Refused::proxy(url.hostname()));
                }
            }
            Way::Lookup
        };
        Ok(self.by_way.get(&(way, identity, self.keeps(url))))
    }
}

impl Clients {
    /// The address of a host, of several the least; `None` where requests do not go there by themselves, or
    /// it has none.
    pub(super) async fn address_of(&self, host: &Host) -> Option<IpAddr> {
        if self.http_proxied {
            return None;
        }
        let (name, port) = host.name_and_port();
        let given = self.resolved.iter().filter(|resolved| {
            let same = port.map_or(matches!(resolved.port, 80 | 443), |port| {
                port == resolved.port
            });
            resolved.name == name && same
        });
        if let Some(address) = given.flat_map(|resolved| &resolved.addresses).min() {
            return Some(*address);
        }
        let name = name.trim_matches(['[', ']']);
        if let Ok(address) = name.parse() {
            return Some(address);
        }
        let found = address::lookup(name).await.ok()?;
        found.iter().map(SocketAddr::ip).min()
    }
}

/// The addresses that are given for one port, by name.
fn addresses(resolved: &[Resolved], port: u16) -> Arc<HashMap<String, Vec<SocketAddr>>> {
    let mut addresses: HashMap<String, Vec<SocketAddr>> = HashMap::new();
    for resolved in resolved.iter().filter(|resolved| resolved.port == port) {
        let found = resolved.addresses.iter();
        addresses
            .entry(resolved.name.clone())
            .or_default()
            .extend(found.map(|address| SocketAddr::new(*address, port)));
    }
    Arc::new(addresses)
}

/// Whether requests without TLS go through a proxy: by the settings, or by the environment.
fn is_proxied(config: &Config) -> bool {
    let of_http = |name: &str| !name.to_ascii_lowercase().starts_with("https");
    !config.fetch.proxy.is_empty() || proxies_of_environment().any(|(name, _)| of_http(name))
}

/// The headers of every request.
fn headers(config: &Config, dues: &Dues) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
    );
    headers.insert(
        ACCEPT_ENCODING,
        HeaderValue::from_static(decode::ACCEPT_ENCODING),
    );
    if let Some(mail) = config.politeness.mail() {
        let value = HeaderValue::from_str(mail);
        let bad = |_| ConfigError::value("politeness.contact", mail, "cannot be sent");
        headers.insert(FROM, value.map_err(bad)?);
    }
    headers.extend(dues.everywhere.clone());
    Ok(headers)
}

fn client(config: &Config, headers: HeaderMap) -> Result<ClientBuilder, ConfigError> {
    let (fetch, politeness) = (&config.fetch, &config.politeness);
    let of_tables = config
        .host
        .iter()
        .filter_map(|table| table.host_concurrency);
    let most = of_tables.fold(politeness.host_concurrency, u32::max);
    let mut builder = Client::builder()
        .user_agent(politeness.agent())
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(fetch.connect_timeout.0)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(most.min(politeness.concurrency) as usize)
        .tls_danger_accept_invalid_certs(fetch.insecure);
    if !fetch.proxy.is_empty() {
        let proxy = reqwest::Proxy::all(&fetch.proxy)
            .map_err(|_| ConfigError::value("fetch.proxy", "<redacted>", "is not a proxy's URL"))?;
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}

/// The proxies in use: the one of the settings, else those of the environment.
fn proxies(configured: &str) -> impl Iterator<Item = url::Url> {
    let written: Vec<String> = if configured.is_empty() {
        proxies_of_environment().map(|(_, value)| value).collect()
    } else {
        vec![configured.to_owned()]
    };
    written
        .into_iter()
        .filter_map(|text| canonical::parse_proxy(&text))
}

/// The names of the proxies in use: they may be private, for the user chose them.
fn proxy_names(configured: &str) -> Vec<String> {
    proxies(configured)
        .filter_map(|proxy| proxy.host_str().map(str::to_owned))
        .collect()
}

/// Who looks names up: through a proxy of SOCKS 4 or 5 we do, unless it is asked to (`socks4a`, `socks5h`).
fn looked_up(configured: &str) -> LookedUp {
    let here = |proxy: url::Url| matches!(proxy.scheme(), "socks4" | "socks5");
    match (proxies(configured).all(here), configured.is_empty()) {
        (true, _) => LookedUp::Here,
        (false, true) => LookedUp::Either,
        (false, false) => LookedUp::Elsewhere,
    }
}
