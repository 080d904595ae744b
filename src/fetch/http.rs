//! The HTTP client: `reqwest` with pooled connections, rustls, HTTP/2 by ALPN and the system's proxies.
//! Bodies are read as a stream under a cap of bytes and of time, and kept as they came.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH,
};
use reqwest::{Client, ClientBuilder, Method, Response};

use super::address::{self, Guard, LookupError, Named, Open, Pinned, Refused};
use super::decode;
use crate::canonical::{self, CanonicalUrl, Origin};
use crate::config::{self, Config, ConfigError};
use crate::fetched::{FetchError, Fetched, Head, Timing};
use crate::request::Validators;

/// Bytes of header fields that are kept.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// A body that brings fewer bytes a second, once it had this long, is given up.
const LEAST_RATE: (u64, Duration) = (100, Duration::from_secs(20));
/// A connection that nobody used for so long is closed.
const IDLE: Duration = Duration::from_secs(20);

/// How a URL is to be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// By HEAD: for the head of the answer alone.
    pub head: bool,
    /// Only if its content is no longer what these say.
    pub validators: Option<&'a Validators>,
    /// Media types whose bodies are read (`text/html`, `image/*`); none: all.
    pub wanted: &'a [String],
    /// Bytes of a body that are read at the most; with 0, none is begun.
    pub max_body: u64,
}

/// The header that makes a request conditional (RFC 9110 §13.1): by the entity tag, else by the date.
fn condition(validators: &Validators) -> Option<(HeaderName, HeaderValue)> {
    let value = |text: &String| HeaderValue::from_str(text).ok();
    let etag = validators.etag.as_ref().and_then(value);
    let date = validators.last_modified.as_ref().and_then(value);
    etag.map(|etag| (IF_NONE_MATCH, etag))
        .or(date.map(|date| (IF_MODIFIED_SINCE, date)))
}

/// Whether a body of this type is to be read. What has no type may be anything.
fn is_wanted(wanted: &[String], content_type: Option<&str>) -> bool {
    let Some(given) = content_type.filter(|_| !wanted.is_empty()) else {
        return true;
    };
    let given = given.split(';').next().unwrap_or_default().trim();
    wanted.iter().any(|range| match range.strip_suffix('*') {
        Some(kind) => given
            .get(..kind.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(kind)),
        None => given.eq_ignore_ascii_case(range),
    })
}

/// Makes requests. Cheap to clone; all clones share their connections.
#[derive(Debug, Clone)]
pub struct Fetcher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// For everything that is not named by a seed.
    client: Client,
    /// For private addresses that seeds name.
    named_client: Client,
    named: Named,
    allow_private: bool,
    /// Credentials from `--header`: they go to the origins of seeds alone.
    credentials: HeaderMap,
    seed_origins: Vec<Origin>,
    /// Whether a failure to connect is the configured proxy's.
    proxied: bool,
}

impl Fetcher {
    /// Sets the client up. Looks up the seeds' names, to see which of them are private.
    ///
    /// # Errors
    /// When a setting (proxy, header, user agent) cannot be used.
    pub async fn new(config: &Config, seeds: &[CanonicalUrl]) -> Result<Self, ConfigError> {
        // rustls asks for one choice of cryptography a process; if the host program made it, it stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (mut headers, mut credentials) = (HeaderMap::new(), HeaderMap::new());
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
        );
        headers.insert(
            ACCEPT_ENCODING,
            HeaderValue::from_static(decode::ACCEPT_ENCODING),
        );
        for line in &config.fetch.header {
            let (name, value) = config::parse_header(line)?;
            if name == AUTHORIZATION || name == COOKIE {
                &mut credentials
            } else {
                &mut headers
            }
            .insert(name, value);
        }
        let named = if config.fetch.allow_private {
            Named::default()
        } else {
            Named::by(seeds).await
        };
        let let_through = proxy_names(&config.fetch.proxy);
        let builder = || client(config, headers.clone());
        let (client, named_client) = if config.fetch.allow_private {
            (builder()?.dns_resolver(Arc::new(Open)), builder()?)
        } else {
            let pinned = Pinned {
                addresses: named.pinned.clone(),
                let_through: let_through.clone(),
            };
            (
                builder()?.dns_resolver(Arc::new(Guard { let_through })),
                builder()?.dns_resolver(Arc::new(pinned)),
            )
        };
        let build = |client: ClientBuilder| {
            client.build().map_err(|error| {
                ConfigError::value("fetch", "", format!("no client: {}", root(&error)))
            })
        };
        Ok(Self(Arc::new(Inner {
            client: build(client)?,
            named_client: build(named_client)?,
            named,
            allow_private: config.fetch.allow_private,
            credentials,
            seed_origins: seeds.iter().map(CanonicalUrl::origin).collect(),
            proxied: !config.fetch.proxy.is_empty(),
        })))
    }

    /// Asks for a URL and reads what comes, whatever it is: [`Fetcher::ask`] without conditions.
    pub async fn fetch(&self, url: &CanonicalUrl, max_body: u64, live: &AtomicU64) -> Fetched {
        let ask = Ask {
            head: false,
            validators: None,
            wanted: &[],
            max_body,
        };
        self.ask(url, ask, live).await
    }

    /// Asks for a URL. Ends by itself: every part has its time.
    ///
    /// `live` counts the bytes of the body as they come, for the caller to take off when it lets go of
    /// them.
    pub async fn ask(&self, url: &CanonicalUrl, ask: Ask<'_>, live: &AtomicU64) -> Fetched {
        let fetched = self.send(url, ask, live).await;
        tracing::debug!(
            %url,
            status = fetched.status(),
            error = fetched.error.map(FetchError::as_str),
            ms = fetched.timing.total.as_millis(),
            bytes = fetched.wire_bytes,
            "answered"
        );
        fetched
    }

    async fn send(&self, url: &CanonicalUrl, ask: Ask<'_>, live: &AtomicU64) -> Fetched {
        let (started, clock) = (SystemTime::now(), Instant::now());
        let inner = &*self.0;
        let named = inner.named.has(url);
        if !named
            && !inner.allow_private
            && let Err(refused) = address::check_name(url)
        {
            let timing = Timing {
                started,
                head: None,
                total: clock.elapsed(),
            };
            return Fetched::failed(FetchError::PrivateAddress, refused.to_string(), timing);
        }
        let client = if named {
            &inner.named_client
        } else {
            &inner.client
        };
        let method = if ask.head { Method::HEAD } else { Method::GET };
        let mut request = client.request(method, url.as_url().clone());
        let condition = ask.validators.and_then(condition);
        let conditional = condition.is_some();
        if let Some((name, value)) = condition {
            request = request.header(name, value);
        }
        if !inner.credentials.is_empty() && inner.seed_origins.contains(&url.origin()) {
            request = request.headers(inner.credentials.clone());
        }
        match request.send().await {
            Ok(response) => Fetched {
                conditional,
                ..read(response, started, clock, &ask, live).await
            },
            Err(error) => {
                let timing = Timing {
                    started,
                    head: None,
                    total: clock.elapsed(),
                };
                let (class, detail) = match classify(error, false) {
                    (FetchError::Connect, detail) if inner.proxied => (FetchError::Proxy, detail),
                    other => other,
                };
                Fetched::failed(class, detail, timing)
            }
        }
    }
}

fn client(config: &Config, headers: HeaderMap) -> Result<ClientBuilder, ConfigError> {
    let fetch = &config.fetch;
    let mut builder = Client::builder()
        .user_agent(config.politeness.user_agent.as_str())
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .timeout(fetch.timeout.0)
        .connect_timeout(fetch.connect_timeout.0)
        .read_timeout(fetch.read_timeout.0)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(
            config
                .politeness
                .host_concurrency
                .min(config.politeness.concurrency) as usize,
        )
        .tls_danger_accept_invalid_certs(fetch.insecure);
    if !fetch.proxy.is_empty() {
        let proxy = reqwest::Proxy::all(&fetch.proxy).map_err(|_| {
            ConfigError::value(
                "fetch.proxy",
                config.redacted().fetch.proxy,
                "is not a proxy's URL",
            )
        })?;
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}

/// The names of the proxies in use: they may be private, for the user chose them.
fn proxy_names(configured: &str) -> Vec<String> {
    let variables = [
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ];
    let from_environment = variables.iter().filter_map(|name| std::env::var(name).ok());
    let written = if configured.is_empty() {
        from_environment.collect()
    } else {
        vec![configured.to_owned()]
    };
    written
        .iter()
        .filter_map(|text| canonical::parse_proxy(text))
        .filter_map(|proxy| proxy.host_str().map(str::to_owned))
        .collect()
}

async fn read(
    mut response: Response,
    started: SystemTime,
    clock: Instant,
    ask: &Ask<'_>,
    live: &AtomicU64,
) -> Fetched {
    let head_time = clock.elapsed();
    let head = head(&response);
    let peer = response.remote_addr();
    let (mut body, mut cut, mut failure) = (Vec::new(), false, None);
    let content_type = head.get("content-type");
    let unwanted = (200..300).contains(&head.status) && !is_wanted(ask.wanted, content_type);
    let unread = unwanted || ask.max_body == 0;
    let note = unwanted.then(|| {
        let given = content_type.unwrap_or_default();
        format!("body not read: {given} is not among content-types")
    });
    loop {
        // A body that is not wanted is not waited for: the connection is closed on it.
        let piece = if unread {
            Ok(None)
        } else {
            response.chunk().await
        };
        match piece {
            Ok(Some(piece)) => {
                let room = usize::try_from(ask.max_body).unwrap_or(usize::MAX) - body.len();
                body.extend_from_slice(&piece[..piece.len().min(room)]);
                live.fetch_add(piece.len().min(room) as u64, Ordering::Relaxed);
                if piece.len() > room {
                    cut = true;
                    break;
                }
                let elapsed = clock.elapsed().saturating_sub(head_time);
                if elapsed > LEAST_RATE.1 && (body.len() as u64) < LEAST_RATE.0 * elapsed.as_secs()
                {
                    failure = Some((
                        FetchError::TooSlow,
                        format!("{} bytes in {} s", body.len(), elapsed.as_secs()),
                    ));
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                failure = Some(classify(error, true));
                break;
            }
        }
    }
    let (error, detail) = failure.unzip();
    let detail = detail.or(note);
    let timing = Timing {
        started,
        head: Some(head_time),
        total: clock.elapsed(),
    };
    Fetched {
        timing,
        peer,
        head: Some(head),
        wire_bytes: body.len() as u64,
        body,
        cut,
        unread,
        conditional: false,
        set_cookie: false,
        error,
        detail,
    }
}

fn head(response: &Response) -> Head {
    let mut room = MAX_HEADER_BYTES;
    let mut headers = Vec::with_capacity(response.headers().len());
    for (name, value) in response.headers() {
        let size = name.as_str().len() + value.len() + 4;
        if size > room {
            break;
        }
        room -= size;
        let value = match value.to_str() {
            Ok(text) => text.to_owned(),
            // Servers send UTF-8 and Latin-1; what is not the one is the other.
            Err(_) => String::from_utf8(value.as_bytes().to_vec())
                .unwrap_or_else(|raw| raw.as_bytes().iter().map(|&byte| byte as char).collect()),
        };
        headers.push((name.as_str().to_owned(), value));
    }
    let http_version = match response.version() {
        reqwest::Version::HTTP_09 => "0.9",
        reqwest::Version::HTTP_10 => "1.0",
        reqwest::Version::HTTP_2 => "2",
        reqwest::Version::HTTP_3 => "3",
        _ => "1.1",
    };
    Head {
        status: response.status().as_u16(),
        http_version,
        headers,
    }
}

/// The class of a client's error, and the error in words without the URL (its row names that).
fn classify(error: reqwest::Error, in_body: bool) -> (FetchError, String) {
    let error = error.without_url();
    let class = if in_body && !error.is_timeout() {
        FetchError::Truncated
    } else {
        class_of(&error)
    };
    let mut words = root(&error);
    // What a server that speaks plain HTTP answers is no TLS record.
    if class == FetchError::Tls && words.contains("InvalidContentType") {
        words += "; the server may speak http, not https, on this port";
    }
    (class, words)
}

fn class_of(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return if error.is_connect() {
            FetchError::ConnectTimeout
        } else {
            FetchError::Timeout
        };
    }
    let mut cause = error.source();
    while let Some(source) = cause {
        if source.is::<Refused>() {
            return FetchError::PrivateAddress;
        }
        if let Some(lookup) = source.downcast_ref::<LookupError>() {
            return if lookup.temporary {
                FetchError::DnsTemporary
            } else {
                FetchError::Dns
            };
        }
        if source.is::<rustls::Error>() {
            return FetchError::Tls;
        }
        if let Some(http) = source.downcast_ref::<hyper::Error>() {
            if http.is_parse() {
                return FetchError::Protocol;
            }
            if http.is_incomplete_message() || http.is_canceled() {
                return FetchError::Reset;
            }
        }
        if let Some(io) = source.downcast_ref::<std::io::Error>() {
            if hides_tls(io) {
                return FetchError::Tls;
            }
            if !error.is_connect() {
                return FetchError::Reset;
            }
        }
        cause = source.source();
    }
    let words = root(error);
    if words.contains("proxy") || words.contains("tunnel") {
        return FetchError::Proxy;
    }
    if error.is_connect() {
        FetchError::Connect
    } else {
        FetchError::Protocol
    }
}

/// Whether it is a TLS error in the dress of an `io::Error`, or of several: an `io::Error` does not name
/// what it wraps as its source.
fn hides_tls(io: &std::io::Error) -> bool {
    let mut io = io;
    while let Some(inner) = io.get_ref() {
        if inner.is::<rustls::Error>() {
            return true;
        }
        match inner.downcast_ref::<std::io::Error>() {
            Some(next) => io = next,
            None => return false,
        }
    }
    false
}

/// What was at the bottom of it: the layers above only say that something was.
fn root(error: &dyn std::error::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(source) = cause {
        text = source.to_string();
        if source.is::<LookupError>() || source.is::<Refused>() {
            break;
        }
        cause = source.source();
    }
    text
}
