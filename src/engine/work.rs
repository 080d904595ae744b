//! The way of one request through the stages: fetch, then (a page) decode, digest, parse and file, or
//! (a robots.txt) what it means for its origin. Runs in a task of its own; whatever happens on the way
//! is a record in the end.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};
use tokio::sync::{Notify, Semaphore, mpsc, watch};

use super::caught::caught;
use super::cpu::{Backlog, Cpu};
use super::held::Held;
use crate::canonical::{Base, Host, Origin};
use crate::clock;
use crate::config::{Config, Purpose};
use crate::fetch::{Ask, Fetcher, Room, Share, decode};
use crate::fetched::{FetchError, Fetched, Head, Timing};
use crate::parse::{self, sitemap};
use crate::politeness::{Answer, Ending, parse_retry_after, retry_wait};
use crate::record::{Content, Fate, Record, Rewritten, RobotsAnswer};
use crate::request::{Kind, Request, Validators};
use crate::rewrite::Rewrite;
use crate::robots::{self, Robots};
use crate::signals::{self, Signal};
use crate::sitemap::Sitemap;
use crate::store::{Files, StoreError};

/// How long a robots.txt counts (RFC 9309 §2.4).
const ROBOTS_LIFE: Duration = Duration::from_secs(24 * 3600);
/// After how long one that cannot be had is asked for again while an old copy rules.
const ROBOTS_AGAIN: Duration = Duration::from_secs(3600);
/// Addresses that are looked up at once.
const LOOKUPS: usize = 16;
/// For how long a host that leads nowhere is taken to have none.
const ROBOTS_DOUBT: Duration = Duration::from_secs(60);

/// What a task tells the engine.
pub(super) enum Event {
    /// The fetch has ended: the host is free, this is how it behaved, and so much came over the wire.
    Arrived {
        host: Host,
        ending: Ending,
        bytes: u64,
    },
    /// The address of a host, if it has one.
    Located { host: Host, address: Option<IpAddr> },
    /// The record is ready.
    Done(Box<Done>),
}

/// The end of a request's way.
pub(super) struct Done {
    pub(super) record: Record,
    /// What the record names in another form than it was written in.
    pub(super) rewritten: Vec<Rewritten>,
    /// What a robots.txt request came to.
    pub(super) robots: Option<RobotsNext>,
    /// Why the crawl cannot go on: the file could not be written.
    pub(super) fatal: Option<StoreError>,
}

/// What comes after a robots.txt request.
pub(super) enum RobotsNext {
    /// Its redirect is to be followed.
    Hop(Request),
    /// It is to be tried again after this time.
    Again(Request, Duration),
    /// The origin has rules now.
    Known(Origin, Arc<Robots>, Duration),
    /// It cannot be had: everything is disallowed for now.
    Unreachable(Origin, Duration),
}

/// What pages are fetched, read and kept with.
pub(super) struct Tools {
    pub(super) fetcher: Fetcher,
    /// `None` where no field is configured: then no tree is built.
    pub(super) extractor: Option<Arc<parse::Extractor>>,
    /// In which form URLs are asked for.
    pub(super) rewrite: Arc<Rewrite>,
    /// `None` where bodies are not kept.
    pub(super) files: Option<Files>,
}

/// What every task needs.
pub(super) struct Worker {
    fetcher: Fetcher,
    extractor: Option<Arc<parse::Extractor>>,
    rewrite: Arc<Rewrite>,
    files: Option<Files>,
    cpu: Cpu,
    limits: parse::Limits,
    agent: String,
    purpose: Purpose,
    retries: u32,
    retry_wait: Duration,
    max_body: u64,
    /// Media types whose bodies are read.
    wanted: Vec<String>,
    /// Memory of bodies; and bytes of those that are here whole and not read yet.
    room: Arc<Room>,
    pub(super) unread_bytes: AtomicU64,
    /// Whether the process was held, and nothing else failed.
    pub(super) held: Held,
    /// Bytes of what was read and waits for the writer.
    pub(super) backlog: Backlog,
    /// Held by who reads a sitemap: it may be much larger than a page, and so may what it names.
    sitemaps: Mutex<()>,
    /// Told when a task has panicked: nobody would wait for its record in vain.
    pub(super) lost: Notify,
    events: mpsc::Sender<Event>,
    stop: watch::Receiver<bool>,
    /// Names are looked up by threads of the system's: not too many at once.
    lookups: Semaphore,
}

/// Tells when it is dropped by a panic.
struct Watched<'a>(&'a Notify);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.notify_one();
        }
    }
}

impl Worker {
    pub(super) fn new(
        config: &Config,
        tools: Tools,
        events: mpsc::Sender<Event>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let size = |bytes: crate::config::Bytes| usize::try_from(bytes.0).unwrap_or(usize::MAX);
        Self {
            fetcher: tools.fetcher,
            extractor: tools.extractor,
            rewrite: tools.rewrite,
            files: tools.files,
            cpu: Cpu::new(),
            limits: parse::Limits {
                links: config.parse.max_links as usize,
                title: size(config.parse.max_title),
                anchor: size(config.parse.max_anchor),
                words: !config.scope.ignore_traps,
                ..parse::Limits::default()
            },
            agent: robots::product_token(&config.politeness.user_agent).to_owned(),
            purpose: config.politeness.purpose,
            retries: config.fetch.retries,
            retry_wait: config.fetch.retry_wait.0,
            max_body: config.fetch.max_body.0,
            wanted: config.scope.content_types.clone(),
            room: Room::new(
                config.politeness.concurrency.into(),
                config.fetch.max_body.0.max(sitemap::MAX_BYTES as u64),
            ),
            unread_bytes: AtomicU64::new(0),
            held: Held::new(Instant::now()),
            backlog: Backlog::default(),
            sitemaps: Mutex::new(()),
            lost: Notify::new(),
            events,
            stop,
            lookups: Semaphore::new(LOOKUPS),
        }
    }

    /// Looks up the address of a host, and tells the engine.
    pub(super) async fn locate(self: Arc<Self>, host: Host) {
        let _permit = self.lookups.acquire().await;
        let address = caught(self.fetcher.address_of(&host)).await.flatten();
        let _ = self.events.send(Event::Located { host, address }).await;
    }

    /// The rules of a robots.txt that was stored.
    pub(super) fn stored_rules(&self, status: Option<u16>, body: &[u8]) -> Robots {
        match status {
            Some(200..=299) => self
                .rules(body)
                .map_or(Robots::disallow_all(), |read| read.0),
            _ => Robots::allow_all(),
        }
    }

    /// What a robots.txt says; `None` where its reader panics: that is this origin's failure, not the crawl's.
    fn rules(&self, body: &[u8]) -> Option<(Robots, Vec<Signal>)> {
        let read = AssertUnwindSafe(|| {
            #[cfg(test)]
            super::panics::over(body);
            let rules = Robots::for_purpose(body, &self.agent, self.purpose);
            (rules, robots::signals(body, &self.agent))
        });
        catch_unwind(read).ok()
    }

    /// Whether every core has a page to read.
    pub(super) fn cpu_is_full(&self) -> bool {
        self.cpu.is_full()
    }

    /// Fetches, and sends on its way what came; its record is sent to the engine by whoever ends it. The
    /// engine is always there to listen: it leaves only after the last.
    pub(super) async fn run(self: Arc<Self>, request: Request, rule: Option<String>) {
        let _watched = Watched(&self.lost);
        let mut held = self.room.hold();
        let fetched = self.fetch(&request, &mut held).await;
        let arrived = Event::Arrived {
            host: request.url.host(),
            ending: Ending {
                answer: answer(&fetched),
                head: fetched.timing.head,
                total: fetched.timing.total,
                stays: self.fetcher.keeps(&request.url) && stays(&fetched),
            },
            bytes: fetched.wire_bytes,
        };
        let _ = self.events.send(arrived).await;
        let fate = self.fate(&request, &fetched);
        let done = Done::of(request, fate, rule);
        if !is_to_be_read(&done.record, &fetched) {
            let done = self.come_to(done, fetched);
            drop(held);
            let _ = self.events.send(Event::Done(Box::new(done))).await;
            return;
        }
        self.unread_bytes.fetch_add(held.bytes(), Ordering::Relaxed);
        let worker = Arc::clone(&self);
        self.cpu.run(move || {
            let _watched = Watched(&worker.lost);
            worker.backlog.wait(|| worker.is_stopped());
            let done = worker.come_to(done, fetched);
            worker
                .unread_bytes
                .fetch_sub(held.bytes(), Ordering::Relaxed);
            drop(held);
            let _ = worker.events.blocking_send(Event::Done(Box::new(done)));
        });
    }

    /// What has come of a request. What panics on the way is a failure of this one, not of the crawl.
    fn come_to(&self, mut done: Done, mut fetched: Fetched) -> Done {
        let body = std::mem::take(&mut fetched.body);
        let read = catch_unwind(AssertUnwindSafe(|| self.read(&mut done, &fetched, body)));
        match read.unwrap_or(Err(Failed::Page(FetchError::Internal))) {
            Ok(()) => {}
            Err(Failed::Stopped) => {
                fetched.error = Some(FetchError::Aborted);
                done.record.fate = Fate::Kept;
            }
            Err(Failed::Page(error)) => {
                done.record.error = Some(error);
                if let Kind::Robots { origin, .. } = &done.record.request.kind {
                    done.robots = Some(RobotsNext::Unreachable(origin.clone(), ROBOTS_AGAIN));
                }
            }
            Err(Failed::Store(error)) => done.fatal = Some(error),
        }
        done.record.fetched = Some(fetched);
        done
    }

    /// Reads what came, keeps a page in its file, and says what it means.
    fn read(&self, done: &mut Done, fetched: &Fetched, body: Vec<u8>) -> Result<(), Failed> {
        let request = &done.record.request;
        #[cfg(test)]
        super::panics::wanted(request, "panics-in-come-to");
        if let Kind::Robots { origin, hops } = request.kind.clone() {
            self.robots(done, fetched, body, origin, hops);
        } else if !is_to_be_read(&done.record, fetched) {
            self.fetcher.recycle(body);
            without_content(done, fetched);
            self.rewrite_redirect(done);
        } else if request.is_sitemap() {
            let mut sitemap = self.sitemap(request, fetched, body)?;
            done.rewritten = self.rewrite.sitemap(&mut sitemap);
            done.record.sitemap = Some(Box::new(sitemap));
        } else {
            let mut content = self.content(request, fetched, body)?;
            done.rewritten = self.rewrite.page(&mut content.page);
            done.record.content = Some(content);
        }
        Ok(())
    }

    /// What a URL redirects to, in the form in which it is asked for.
    fn rewrite_redirect(&self, done: &mut Done) {
        let record = &mut done.record;
        let target = record.redirect_to.as_ref();
        // Where a sitemap stands is the site's to say.
        let target = target.filter(|_| record.request.is_visit());
        let found = target.and_then(|target| self.rewrite.redirect(&record.request.url, target));
        if let Some(rewritten) = found {
            record.redirect_to = Some(rewritten.url.clone());
            done.rewritten.push(rewritten);
        }
    }

    /// How a request is made, by what it is for.
    async fn ask<'a>(&'a self, request: &'a Request) -> Ask<'a> {
        let whole = Ask {
            head: false,
            validators: None,
            wanted: &self.wanted,
            max_body: self.max_body,
        };
        match &request.kind {
            Kind::Page | Kind::Asset => Ask {
                validators: self.validators(request).await,
                ..whole
            },
            // Servers that do not know HEAD, or fail at it, are asked by GET the next time.
            Kind::Check => Ask {
                head: request.attempt == 0,
                max_body: 0,
                ..whole
            },
            // What it said is in the tables: no file has to be there.
            Kind::Sitemap => Ask {
                validators: request.validators.as_deref(),
                wanted: &[],
                max_body: sitemap::MAX_BYTES as u64,
                ..whole
            },
            Kind::Robots { .. } => Ask {
                wanted: &[],
                max_body: robots::MAX_BYTES as u64,
                ..whole
            },
        }
    }

    /// What the request may be made conditional on: with files on, only if the file is there.
    async fn validators<'a>(&self, request: &'a Request) -> Option<&'a Validators> {
        let validators = request.validators.as_deref()?;
        match &self.files {
            None => Some(validators),
            Some(files) => {
                let file = validators.file.as_ref()?;
                files.has(file).await.then_some(validators)
            }
        }
    }

    async fn fetch(&self, request: &Request, held: &mut Share) -> Fetched {
        let (started, clock) = (clock::now(), Instant::now());
        let mut stop = self.stop.clone();
        let failed = |error, detail: &str| {
            let timing = Timing {
                started,
                head: None,
                total: clock.elapsed(),
            };
            Fetched::failed(error, detail.to_owned(), timing)
        };
        let fetched = caught(async {
            #[cfg(test)]
            super::panics::wanted(request, "panics-in-fetch");
            let ask = self.ask(request).await;
            self.fetcher.ask(&request.url, ask, held).await
        });
        tokio::select! {
            biased;
            fetched = fetched => {
                let fetched = fetched.unwrap_or_else(|| failed(FetchError::Internal, "panicked"));
                self.unless_held(fetched, clock)
            }
            _ = stop.wait_for(|stop| *stop) => {
                failed(FetchError::Aborted, "the crawl was stopped")
            }
        }
    }

    /// What failed because this process was held, and not because of the server, was not asked.
    fn unless_held(&self, fetched: Fetched, begun: Instant) -> Fetched {
        let failed = fetched.error.is_some_and(FetchError::is_transient);
        if !failed || !self.held.most_since(begun, Instant::now()) {
            return fetched;
        }
        Fetched {
            error: Some(FetchError::Aborted),
            detail: Some("this process was held: asked again".to_owned()),
            ..fetched
        }
    }

    /// When a request is tried again.
    pub(super) fn again_at(&self, request: &Request) -> SystemTime {
        clock::now() + retry_wait(self.retry_wait, request.attempt, fastrand::f64())
    }

    /// Whether what failed for a passing reason is tried again at all (`retries`).
    pub(super) fn tries_again(&self) -> bool {
        self.retries > 0
    }

    fn fate(&self, request: &Request, fetched: &Fetched) -> Fate {
        if fetched.error == Some(FetchError::Aborted) {
            Fate::Kept
        } else if fetched.is_transient() && request.attempt < self.retries {
            Fate::Retry(self.again_at(request))
        } else if request.kind == Kind::Check
            && request.attempt == 0
            && matches!(fetched.status(), Some(405 | 501))
        {
            Fate::Retry(clock::now())
        } else {
            Fate::Done
        }
    }

    /// Whether the grace is over, or the crawl is: then nobody waits for an answer.
    fn is_stopped(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    /// Decodes, parses and digests a body, and writes its file.
    fn content(
        &self,
        request: &Request,
        fetched: &Fetched,
        body: Vec<u8>,
    ) -> Result<Content, Failed> {
        if self.is_stopped() {
            return Err(Failed::Stopped);
        }
        let parsed = self.parse(request, fetched, body);
        let (mut content, bytes) = parsed.map_err(Failed::Page)?;
        // Nothing is written once the lock on the output may be gone.
        if self.is_stopped() {
            return Err(Failed::Stopped);
        }
        if let Some(files) = &self.files
            && !content.page.is_withheld()
        {
            let media_type = content.media_type.as_deref();
            let file = files.write(&request.url, media_type, &content.digest, &bytes);
            content.file = Some(file.map_err(Failed::Store)?);
        }
        self.fetcher.recycle(bytes);
        Ok(content)
    }

    /// Decodes and reads a sitemap.
    fn sitemap(
        &self,
        request: &Request,
        fetched: &Fetched,
        body: Vec<u8>,
    ) -> Result<Sitemap, Failed> {
        if self.is_stopped() {
            return Err(Failed::Stopped);
        }
        let _alone = self.sitemaps.lock();
        let no_head = Head::default();
        let head = fetched.head.as_ref().unwrap_or(&no_head);
        let codings = head.get_all("content-encoding");
        let decoded = decode::decode(body, &codings, sitemap::MAX_BYTES as u64);
        let decoded = decoded.map_err(Failed::Page)?;
        let mut read = sitemap::read(&decoded.bytes, head.get("content-type"), &request.url);
        read.truncated |= fetched.cut || decoded.cut;
        Ok(read)
    }

    /// What a body says, and the body with its content codings undone.
    fn parse(
        &self,
        request: &Request,
        fetched: &Fetched,
        body: Vec<u8>,
    ) -> Result<(Content, Vec<u8>), FetchError> {
        let no_head = Head::default();
        let head = fetched.head.as_ref().unwrap_or(&no_head);
        let content_type = head.get("content-type");
        let decoded = decode::decode(body, &head.get_all("content-encoding"), self.max_body)?;
        #[cfg(test)]
        super::panics::wanted(request, "panics-in-parse");
        let document = parse::Document {
            url: &request.url,
            content_type,
            link: &head.get_all("link"),
            refresh: head.get("refresh"),
            content_language: head.get("content-language"),
            x_robots_tag: &head.get_all("x-robots-tag"),
            agent: &self.agent,
            body: &decoded.bytes,
        };
        let limits = parse::Limits {
            words: self.limits.words && request.is_page(),
            ..self.limits
        };
        let mut page = parse::parse(&document, &limits);
        page.signals
            .splice(0..0, signals::of_headers(&head.headers));
        let withheld = page.withhold(self.purpose);
        let extractor = self.extractor.as_ref();
        let extractor = extractor.filter(|_| request.is_page() && !withheld);
        let fields = extractor.map_or_else(Vec::new, |extractor| {
            extractor.extract(&request.url, content_type, &page, &decoded.bytes)
        });
        let content = Content {
            digest: Sha256::digest(&decoded.bytes).into(),
            bytes: decoded.bytes.len() as u64,
            file: None,
            media_type: Some(parse::media_type(content_type, &decoded.bytes).into_owned()),
            cut: fetched.cut || decoded.cut,
            page,
            fields,
        };
        Ok((content, decoded.bytes))
    }

    /// What the answer to a robots.txt request means (RFC 9309 §2.3.1).
    fn robots(&self, done: &mut Done, fetched: &Fetched, body: Vec<u8>, origin: Origin, hops: u32) {
        let request = &done.record.request;
        let (url, attempt) = (request.url.clone(), request.attempt);
        let status = fetched.status().filter(|_| fetched.error.is_none());
        let target = fetched
            .head
            .as_ref()
            .filter(|head| head.is_redirect())
            .and_then(|head| head.get("location"))
            .and_then(|location| Base::of(&url).join(location.trim()).ok());
        let next = match (
            &done.record.fate,
            robots::Answer::from_status(status, hops as usize),
        ) {
            (Fate::Kept, _) if self.is_stopped() => None,
            // Never here: the engine spares what is no robots.txt.
            (Fate::Again(_), _) => None,
            (Fate::Kept, _) => {
                let again = Request::robots(url, origin.clone(), hops, attempt);
                Some(RobotsNext::Again(again, Duration::ZERO))
            }
            (Fate::Retry(at), _) => {
                let wait = at.duration_since(clock::now()).unwrap_or_default();
                Some(RobotsNext::Again(
                    Request::robots(url, origin.clone(), hops, attempt + 1),
                    wait,
                ))
            }
            (Fate::Done, robots::Answer::Follow) if target.is_some() => {
                target.clone().map(|target| {
                    RobotsNext::Hop(Request::robots(target, origin.clone(), hops + 1, 0))
                })
            }
            (Fate::Done, robots::Answer::Rules) => {
                let encodings = fetched
                    .head
                    .as_ref()
                    .map(|head| head.get_all("content-encoding"))
                    .unwrap_or_default();
                // Some servers name a coding that they did not use: then it is read as it came.
                let text = decode::decode(body.clone(), &encodings, robots::MAX_BYTES as u64)
                    .map_or(body, |decoded| decoded.bytes);
                let read = self.rules(&text);
                let answer = known(&origin, &fetched.timing, status, text, read.is_some());
                match read {
                    Some((rules, signals)) => {
                        done.record.robots = Some(RobotsAnswer { signals, ..answer });
                        Some(RobotsNext::Known(
                            origin.clone(),
                            Arc::new(rules),
                            ROBOTS_LIFE,
                        ))
                    }
                    None => {
                        done.record.error = Some(FetchError::Internal);
                        done.record.robots = Some(answer);
                        Some(RobotsNext::Unreachable(origin.clone(), ROBOTS_AGAIN))
                    }
                }
            }
            (Fate::Done, robots::Answer::Follow | robots::Answer::AllowAll) => {
                done.record.robots =
                    Some(known(&origin, &fetched.timing, status, Vec::new(), true));
                Some(RobotsNext::Known(
                    origin.clone(),
                    Arc::new(Robots::allow_all()),
                    ROBOTS_LIFE,
                ))
            }
            // Nothing can be asked of a name that does not exist, or of an address that is not let
            // through: the pages themselves will say so, each in its row. Asked again soon, for a name
            // may come to be.
            (Fate::Done, robots::Answer::DisallowAll)
                if hops == 0 && leads_nowhere(fetched.error) =>
            {
                Some(RobotsNext::Known(
                    origin.clone(),
                    Arc::new(Robots::allow_all()),
                    ROBOTS_DOUBT,
                ))
            }
            (Fate::Done, robots::Answer::DisallowAll) => {
                done.record.robots =
                    Some(known(&origin, &fetched.timing, status, Vec::new(), false));
                Some(RobotsNext::Unreachable(origin.clone(), ROBOTS_AGAIN))
            }
        };
        done.record.redirect_to = target;
        done.robots = next;
    }
}

/// Whether an answer has a body that is to be read.
fn is_to_be_read(record: &Record, fetched: &Fetched) -> bool {
    let status = fetched.status().filter(|_| fetched.error.is_none());
    let has_content = matches!(status, Some(200..=203 | 206..=299)) && !fetched.unread;
    record.fate == Fate::Done && has_content
}

/// What an answer means that has none.
fn without_content(done: &mut Done, fetched: &Fetched) {
    let is_last = fetched.error.is_none() && done.record.fate == Fate::Done;
    if let Some(head) = fetched.head.as_ref().filter(|_| is_last) {
        if head.is_redirect() {
            let location = head.get("location").and_then(|location| {
                Base::of(&done.record.request.url)
                    .join(location.trim())
                    .ok()
            });
            done.record.error = location.is_none().then_some(FetchError::BadRedirect);
            done.record.redirect_to = location;
        } else if head.status == 101 || (head.status == 304 && !fetched.conditional) {
            // Nobody has asked for another protocol, or whether anything has changed.
            done.record.error = Some(FetchError::Protocol);
        }
    }
}

/// Why a page has no content.
enum Failed {
    /// The crawl was stopped, and this was not read before the grace was over.
    Stopped,
    Page(FetchError),
    Store(StoreError),
}

impl Done {
    fn of(request: Request, fate: Fate, rule: Option<String>) -> Self {
        let record = Record {
            request,
            fetched: None,
            error: None,
            rule,
            redirect_to: None,
            content: None,
            robots: None,
            sitemap: None,
            fate,
        };
        Self {
            record,
            rewritten: Vec::new(),
            robots: None,
            fatal: None,
        }
    }
}

fn known(
    origin: &Origin,
    timing: &Timing,
    status: Option<u16>,
    body: Vec<u8>,
    reachable: bool,
) -> RobotsAnswer {
    let life = if reachable { ROBOTS_LIFE } else { ROBOTS_AGAIN };
    RobotsAnswer {
        origin: origin.clone(),
        status,
        body,
        signals: Vec::new(),
        reachable,
        fetched: timing.started + timing.total,
        valid_until: clock::now() + life,
    }
}

fn leads_nowhere(error: Option<FetchError>) -> bool {
    matches!(error, Some(FetchError::Dns | FetchError::PrivateAddress))
}

/// How a host behaved, by what came of a request to it.
fn answer(fetched: &Fetched) -> Answer {
    let asked = || {
        let value = fetched.head.as_ref()?.get("retry-after")?;
        parse_retry_after(value, SystemTime::now())
    };
    match (fetched.error, fetched.status()) {
        (
            Some(
                FetchError::Timeout
                | FetchError::TooSlow
                | FetchError::Reset
                | FetchError::Truncated
                | FetchError::ConnectTimeout,
            ),
            _,
        ) => Answer::Strained,
        (Some(error), _) if error.is_transient() => Answer::Failed,
        // What will fail the same way again (no such name, no trusted certificate) is each URL's own
        // outcome, and no reason to come back later.
        (Some(_), _) => Answer::Silent,
        (None, Some(429 | 503)) => Answer::Throttled(asked()),
        (None, Some(500..=599)) if asked().is_some() => Answer::Throttled(asked()),
        (None, Some(500..=599)) => Answer::Failed,
        (None, _) => Answer::Fine,
    }
}

/// Whether the server leaves the connection open.
fn stays(fetched: &Fetched) -> bool {
    let closes = |value: &str| value.to_ascii_lowercase().contains("close");
    fetched.error.is_none()
        && fetched.head.as_ref().is_some_and(|head| {
            head.http_version != "1.0" && !head.get("connection").is_some_and(closes)
        })
}

/// Cores of the machine.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
