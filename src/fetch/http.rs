//! The HTTP client: `reqwest` with pooled connections, rustls, HTTP/2 by ALPN and proxies.
//! Bodies are read as a stream under a cap of bytes and of time, and kept as they came.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{COOKIE, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use reqwest::{Method, Response, StatusCode};

use super::clients::Clients;
use super::cookies::Jar;
use super::dues::Dues;
use super::failure::classify;
use super::room::{Room, Share};
use crate::canonical::{CanonicalUrl, Host};
use crate::clock;
use crate::config::{Config, ConfigError};
use crate::fetched::{FetchError, Fetched, Head, Timing};
use crate::request::Validators;

/// A proxy's answer to who may not use it.
const PROXY_ASKS: StatusCode = StatusCode::PROXY_AUTHENTICATION_REQUIRED;
/// Bytes of memory that are made ready for a body before it comes.
const MAX_RESERVED: usize = 256 << 10;
/// Bytes of header fields that are kept.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// Longest entity tag or date that is sent back; servers refuse requests with long heads.
const MAX_VALIDATOR: usize = 1024;
/// A body that brings fewer bytes a second, once it had this long, is given up.
const LEAST_RATE: (u64, Duration) = (100, Duration::from_secs(20));

/// What is said of an answer that has not come whole within `timeout`,
const TIMED_OUT: &str = "operation timed out";
/// and of one that could not be had for want of memory.
const NO_ROOM: &str = "too many large bodies at once";

/// A body waits for memory so many times as long as a request may take: it waits for others' ends, of which
/// each has its own time.
const PATIENCE: u32 = 10;

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
    let value = |text: &String| {
        let short = text.len() <= MAX_VALIDATOR;
        HeaderValue::from_str(text).ok().filter(|_| short)
    };
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
    clients: Clients,
    /// For a whole request.
    timeout: Duration,
    /// For the head, and between two pieces of a body. Not the client's: that goes on while a body waits for memory.
    silence: Duration,
    dues: Dues,
    jar: Option<Jar>,
    spare: Spare,
}

/// Memory of bodies that are done with, for those to come: it would go back and forth between the threads
/// that fetch and those that read, and the allocator has a lock for each of them.
#[derive(Debug, Default)]
struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    /// So many bodies' at the most,
    const BODIES: usize = 32;
    /// none larger than this: a small body would sit in it.
    const BYTES: usize = 64 << 10;

    fn take(&self, size: usize) -> Vec<u8> {
        let spare = self.0.lock().map_or(None, |mut spare| spare.pop());
        let mut body = spare.unwrap_or_default();
        body.reserve(size);
        body
    }

    fn put(&self, mut body: Vec<u8>) {
        if (1..=Self::BYTES).contains(&body.capacity())
            && let Ok(mut spare) = self.0.lock()
            && spare.len() < Self::BODIES
        {
            body.clear();
            spare.push(body);
        }
    }
}

/// Checks what of the settings only shows when it is used: variables of the environment, certificates.
///
/// # Errors
/// The first that cannot be used.
pub fn check(config: &Config) -> Result<(), ConfigError> {
    choose_cryptography();
    Dues::new(config, &config.with_secrets()?, &[]).map(drop)
}

/// rustls asks for one choice a process; if the host program made it, it stands.
fn choose_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Fetcher {
    /// Sets the clients up. Looks up the seeds' names, to see which of them are private.
    ///
    /// # Errors
    /// When a setting (proxy, header, user agent, certificate) cannot be used.
    pub async fn new(config: &Config, seeds: &[CanonicalUrl]) -> Result<Self, ConfigError> {
        Self::naming(config, seeds, seeds).await
    }

    /// [`Fetcher::new`], where what the user names (and what may so be private) is not what has the
    /// credentials of seeds.
    ///
    /// # Errors
    /// As [`Fetcher::new`].
    pub async fn naming(
        config: &Config,
        seeds: &[CanonicalUrl],
        named: &[CanonicalUrl],
    ) -> Result<Self, ConfigError> {
        choose_cryptography();
        let written = config;
        let config = written.with_secrets()?;
        let dues = Dues::new(written, &config, seeds)?;
        Ok(Self(Arc::new(Inner {
            clients: Clients::new(&config, &dues, named).await?,
            timeout: config.fetch.timeout.0,
            silence: config.fetch.read_timeout.0,
            dues,
            jar: config.fetch.cookies.then(Jar::default),
            spare: Spare::default(),
        })))
    }

    /// Whether the connection to a URL's host is kept for its next request.
    #[must_use]
    pub fn keeps(&self, url: &CanonicalUrl) -> bool {
        self.0.clients.keeps(url)
    }

    /// The address of a host, if requests go there by themselves and it has one.
    pub async fn address_of(&self, host: &Host) -> Option<IpAddr> {
        self.0.clients.address_of(host).await
    }

    /// Asks for a URL and reads what comes, whatever it is: [`Fetcher::ask`] without conditions.
    pub async fn fetch(&self, url: &CanonicalUrl, max_body: u64) -> Fetched {
        let ask = Ask {
            head: false,
            validators: None,
            wanted: &[],
            max_body,
        };
        self.ask(url, ask, &mut Room::new(1, max_body).hold()).await
    }

    /// Gives back the memory of a body, which the next one may have.
    pub fn recycle(&self, body: Vec<u8>) {
        self.0.spare.put(body);
    }

    /// Asks for a URL. Ends by itself: every part has its time.
    ///
    /// `held` has the body's memory, for the caller to keep as long as the body.
    pub async fn ask(&self, url: &CanonicalUrl, ask: Ask<'_>, held: &mut Share) -> Fetched {
        let fetched = self.send(url, ask, held).await;
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

    async fn send(&self, url: &CanonicalUrl, ask: Ask<'_>, held: &mut Share) -> Fetched {
        let (started, clock) = (clock::now(), Instant::now());
        let failed = |(class, detail)| {
            let timing = Timing {
                started,
                head: None,
                total: clock.elapsed(),
            };
            Fetched::failed(class, detail, timing)
        };
        let Inner {
            clients,
            timeout,
            silence,
            dues,
            jar,
            spare,
        } = &*self.0;
        let (mut headers, identity) = dues.of(url);
        let client = match clients.of(url, identity) {
            Ok(Some(client)) => client,
            Ok(None) => return failed((FetchError::Internal, "no client".to_owned())),
            Err(refused) => return failed((FetchError::PrivateAddress, refused.to_string())),
        };
        if let Some(jar) = jar
            && let Some(cookies) = jar.header(url, headers.get(COOKIE))
        {
            headers.insert(COOKIE, cookies);
        }
        let condition = ask.validators.and_then(condition);
        let conditional = condition.is_some();
        headers.extend(condition);
        let method = if ask.head { Method::HEAD } else { Method::GET };
        let request = client.request(method, url.as_url().clone());
        let answer = tokio::time::timeout(*timeout.min(silence), request.headers(headers).send());
        let Ok(answer) = answer.await else {
            return failed((FetchError::Timeout, TIMED_OUT.to_owned()));
        };
        match answer {
            Ok(response) if clients.http_proxied && response.status() == PROXY_ASKS => failed((
                FetchError::Proxy,
                "the proxy wants a name and a password: http://NAME:PASSWORD@…".to_owned(),
            )),
            Ok(response) => {
                let times = Times {
                    started,
                    clock,
                    timeout: *timeout,
                    silence: *silence,
                };
                let fetched = read(response, times, &ask, held, spare).await;
                let set = |(jar, head): (&Jar, &Head)| jar.take_in(url, head);
                Fetched {
                    conditional,
                    set_cookie: jar.as_ref().zip(fetched.head.as_ref()).is_some_and(set),
                    ..fetched
                }
            }
            Err(error) => failed(match classify(error, false) {
                (FetchError::Connect, detail) if clients.proxied => (FetchError::Proxy, detail),
                other => other,
            }),
        }
    }
}

/// When a request began, and how long it may take.
struct Times {
    started: SystemTime,
    clock: Instant,
    timeout: Duration,
    silence: Duration,
}

/// The next piece of a body, if it comes in time.
async fn piece(
    response: &mut Response,
    silence: Duration,
) -> Result<Option<hyper::body::Bytes>, (FetchError, String)> {
    match tokio::time::timeout(silence, response.chunk()).await {
        Err(_) => Err((FetchError::Timeout, TIMED_OUT.to_owned())),
        Ok(piece) => piece.map_err(|error| classify(error, true)),
    }
}

async fn read(
    mut response: Response,
    times: Times,
    ask: &Ask<'_>,
    held: &mut Share,
    spare: &Spare,
) -> Fetched {
    let Times {
        started,
        clock,
        timeout,
        silence,
    } = times;
    let head_time = clock.elapsed();
    // Not the server's fault: it is given as much longer.
    let mut waited = Duration::ZERO;
    let head = head(&response);
    let peer = response.remote_addr();
    let (mut cut, mut failure) = (false, None);
    let content_type = head.get("content-type");
    let unwanted = (200..300).contains(&head.status) && !is_wanted(ask.wanted, content_type);
    let unread = unwanted || ask.max_body == 0;
    let note = unwanted.then(|| {
        let given = content_type.unwrap_or_default();
        format!("body not read: {given} is not among content-types")
    });
    let mut body = if unread {
        Vec::new()
    } else {
        // What a server says of its length is no reason to hold more than a page's.
        let said = response.content_length().unwrap_or(0).min(ask.max_body);
        spare.take(usize::try_from(said).map_or(MAX_RESERVED, |said| said.min(MAX_RESERVED)))
    };
    // Of what is beyond the calendar, a year is as good.
    let timeout = timeout.min(Duration::from_secs(365 * 86_400));
    let due = tokio::time::Instant::from_std(clock) + timeout;
    let mut deadline = std::pin::pin!(tokio::time::sleep_until(due));
    loop {
        // A body that is not wanted is not waited for: the connection is closed on it.
        let piece = if unread {
            Ok(None)
        } else {
            tokio::select! {
                biased;
                () = &mut deadline => Err((FetchError::Timeout, TIMED_OUT.to_owned())),
                piece = piece(&mut response, silence) => piece,
            }
        };
        match piece {
            Ok(Some(piece)) => {
                let room = usize::try_from(ask.max_body).unwrap_or(usize::MAX) - body.len();
                let taken = piece.len().min(room);
                if !held.try_grow(taken as u64) {
                    let begun = Instant::now();
                    let patience = timeout.saturating_mul(PATIENCE).saturating_sub(waited);
                    let grown = tokio::time::timeout(patience, held.grow(taken as u64));
                    if grown.await.is_err() {
                        // Neither the server's fault nor an attempt.
                        failure = Some((FetchError::Aborted, NO_ROOM.to_owned()));
                        break;
                    }
                    waited += begun.elapsed();
                    deadline.as_mut().reset(due + waited);
                }
                body.extend_from_slice(&piece[..taken]);
                if piece.len() > room {
                    cut = true;
                    break;
                }
                let elapsed = clock.elapsed().saturating_sub(head_time + waited);
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
                failure = Some(error);
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
        // What is too long is left out alone: a redirect's target may stand behind it.
        if size > room {
            continue;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_bodies_is_few_small_and_empty() {
        let spare = Spare::default();
        spare.put(Vec::new());
        spare.put(vec![1; Spare::BYTES + 1]);
        assert_eq!(spare.take(0).capacity(), 0, "nothing worth keeping");
        for _ in 0..2 * Spare::BODIES {
            spare.put(vec![1; 1000]);
        }
        let kept = (0..2 * Spare::BODIES).map(|_| spare.take(0));
        let kept: Vec<_> = kept.filter(|body| body.capacity() > 0).collect();
        assert_eq!(kept.len(), Spare::BODIES);
        assert!(kept.iter().all(Vec::is_empty));
        spare.put(vec![1; 10]);
        assert!(spare.take(5000).capacity() >= 5000);
    }
}
