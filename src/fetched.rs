//! What came back: one [`Fetched`] for each request that was made, be it a response or a failure.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// Why a request brought no whole response. A failure is data: recorded, counted, and tried again if
/// [`FetchError::is_transient`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FetchError {
    /// The name does not exist.
    Dns,
    /// The name could not be looked up now.
    DnsTemporary,
    /// The address is private or local, and neither a seed nor `--allow-private` names it.
    PrivateAddress,
    /// Nobody accepts connections there.
    Connect,
    /// No connection within `connect-timeout`.
    ConnectTimeout,
    /// The TLS handshake failed, or the certificate is not trusted.
    Tls,
    /// The proxy refused.
    Proxy,
    /// The answer, or a piece of it, did not come in time.
    Timeout,
    /// Fewer than 100 bytes a second over 20 s.
    TooSlow,
    /// The connection was closed before the head was there.
    Reset,
    /// The body ended before its time.
    Truncated,
    /// What came is not HTTP.
    Protocol,
    /// The body's content-encoding cannot be undone.
    Decode,
    /// A 3xx whose `Location` is missing or is no URL.
    BadRedirect,
    /// A redirect to a URL of its own chain.
    RedirectLoop,
    /// The crawl was stopped before the answer came; the URL stays in the queue.
    Aborted,
    /// Our own fault.
    Internal,
    /// robots.txt forbids it; it was not asked for.
    RobotsDisallowed,
}

impl FetchError {
    /// Every class, with the word and the number that the database has for it.
    pub const ALL: [(Self, &'static str, u8); 18] = [
        (Self::Dns, "dns", 1),
        (Self::DnsTemporary, "dns_temporary", 2),
        (Self::PrivateAddress, "private_address", 3),
        (Self::Connect, "connect", 4),
        (Self::ConnectTimeout, "connect_timeout", 5),
        (Self::Tls, "tls", 6),
        (Self::Proxy, "proxy", 7),
        (Self::Timeout, "timeout", 8),
        (Self::TooSlow, "too_slow", 9),
        (Self::Reset, "reset", 10),
        (Self::Truncated, "truncated", 11),
        (Self::Protocol, "protocol", 12),
        (Self::Decode, "decode", 13),
        (Self::BadRedirect, "bad_redirect", 14),
        (Self::RedirectLoop, "redirect_loop", 15),
        (Self::Aborted, "aborted", 16),
        (Self::Internal, "internal", 17),
        (Self::RobotsDisallowed, "robots_disallowed", 18),
    ];

    /// The word for it, as views and summaries show it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|row| row.0 == self)
            .map_or("internal", |row| row.1)
    }

    /// The number that the database has for it.
    #[must_use]
    pub fn code(self) -> u8 {
        Self::ALL
            .iter()
            .find(|row| row.0 == self)
            .map_or(0, |row| row.2)
    }

    /// The word for a number of the database.
    #[must_use]
    pub fn word(code: u8) -> &'static str {
        Self::ALL
            .iter()
            .find(|row| row.2 == code)
            .map_or("internal", |row| row.1)
    }

    /// Whether not even a connection came about: that says something of the host or the network, nothing of
    /// the URL.
    #[must_use]
    pub fn is_unreached(self) -> bool {
        matches!(
            self,
            Self::DnsTemporary | Self::Connect | Self::ConnectTimeout
        )
    }

    /// Whether another try may fare better.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::DnsTemporary
                | Self::Connect
                | Self::ConnectTimeout
                | Self::Proxy
                | Self::Timeout
                | Self::TooSlow
                | Self::Reset
                | Self::Truncated
        )
    }
}

/// The head of a response, as far as it is used or kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// `1.1` and `2` as `HTTP/1.1`, `HTTP/2.0`.
    pub http_version: &'static str,
    /// All header fields in order: names in lower case, values as Latin-1 where they are not UTF-8.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first value of a header, its name given in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|header| header.0 == name)
            .map(|header| header.1.as_str())
    }

    /// All values of a header, its name given in lower case.
    #[must_use]
    pub fn get_all(&self, name: &str) -> Vec<String> {
        self.headers
            .iter()
            .filter(|header| header.0 == name)
            .map(|header| header.1.clone())
            .collect()
    }

    /// Whether the status is a redirect that names another URL (RFC 9110 §15.4).
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    /// Whether the status says that another try may fare better.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500..=599)
    }
}

/// When a request was made, and how long its parts took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The start, after all waits.
    pub started: SystemTime,
    /// From the start to the head of the response.
    pub head: Option<Duration>,
    /// From the start to the end.
    pub total: Duration,
}

/// What one request brought.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the answer"
)]
pub struct Fetched {
    /// When, and how long.
    pub timing: Timing,
    /// Who answered; a proxy, if there is one.
    pub peer: Option<SocketAddr>,
    /// The head, if one came.
    pub head: Option<Head>,
    /// Bytes of the body that came over the wire.
    pub wire_bytes: u64,
    /// The body as it came, still encoded; taken out once it is decoded.
    pub body: Vec<u8>,
    /// Whether the body was cut at `max-body`.
    pub cut: bool,
    /// Whether the body was left unread, since nobody wants it.
    pub unread: bool,
    /// Whether it was asked for on condition that it has changed.
    pub conditional: bool,
    /// Whether the answer has changed the crawl's jar of cookies.
    pub set_cookie: bool,
    /// Why it is no whole response, if it is not.
    pub error: Option<FetchError>,
    /// The error in words; nothing secret is in it.
    pub detail: Option<String>,
}

impl Fetched {
    /// A request that got no response.
    #[must_use]
    pub fn failed(error: FetchError, detail: String, timing: Timing) -> Self {
        Self {
            timing,
            peer: None,
            head: None,
            wire_bytes: 0,
            body: Vec::new(),
            cut: false,
            unread: false,
            conditional: false,
            set_cookie: false,
            error: Some(error),
            detail: Some(detail),
        }
    }

    /// The status, if a head came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|head| head.status)
    }

    /// Whether another try may fare better.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match (self.error, &self.head) {
            (Some(error), _) => error.is_transient(),
            (None, Some(head)) => head.is_transient(),
            (None, None) => false,
        }
    }
}
