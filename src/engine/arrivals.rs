//! What comes of a request: for its host, for its URL, for its origin's robots.txt; and what of it goes to
//! the writer.

use std::time::Instant;

use super::conduct::Engine;
use super::work::{Done, Event, RobotsNext};
use crate::canonical::{Host, Origin};
use crate::clock;
use crate::fetched::FetchError;
use crate::politeness::Consequence;
use crate::record::{Fate, Hold, Record, Rewritten};
use crate::request::Request;
use crate::store::StoreError;

impl Engine {
    /// Puts a record in line for the writer.
    pub(super) fn keep(&mut self, record: Record) {
        let content = record.content.as_ref();
        if let Some(content) = content.filter(|content| content.file.is_some()) {
            self.unsynced += content.bytes;
        }
        self.stats.count(&record);
        if record.is_counted_page() {
            self.pages_left = self.pages_left.map(|left| left.saturating_sub(1));
        }
        if !record.request.is_robots() && record.fate == Fate::Done {
            self.queued = self.queued.saturating_sub(1);
        }
        self.pending_bytes += record.weight();
        self.pending.records.push(record);
        self.pending_since.get_or_insert_with(Instant::now);
    }

    pub(super) fn take(&mut self, event: Event) -> std::result::Result<(), StoreError> {
        match event {
            Event::Arrived {
                host,
                ending,
                bytes,
            } => {
                self.in_flight -= 1;
                self.bytes_left = self.bytes_left.map(|left| left.saturating_sub(bytes));
                let consequence = self.frontier.finish(&host, ending, Instant::now());
                self.draw(host, consequence);
                Ok(())
            }
            Event::Located { host, address } => {
                self.frontier.located(&host, address, Instant::now());
                Ok(())
            }
            Event::Done(done) => self.done(*done),
        }
    }

    fn draw(&mut self, host: Host, consequence: Consequence) {
        let (wait, reason, aside) = match consequence {
            Consequence::None => return,
            Consequence::Hold(wait, reason) => (wait, reason, false),
            Consequence::SetAside(wait, reason) => (wait, reason, true),
        };
        tracing::info!(%host, seconds = wait.as_secs(), aside, "{reason}");
        if aside {
            self.pending.set_aside.push((host.clone(), reason.clone()));
        }
        if !wait.is_zero() {
            self.pending.holds.push(Hold {
                host,
                until: clock::now() + wait,
                reason,
            });
        }
        self.pending_since.get_or_insert_with(Instant::now);
    }

    fn done(&mut self, mut done: Done) -> std::result::Result<(), StoreError> {
        self.under_way -= 1;
        if let Some(fatal) = done.fatal {
            return Err(fatal);
        }
        if done.record.request.is_page() {
            self.pages_in_flight -= 1;
            let host = done.record.request.url.host();
            let counts = done.record.is_counted_page();
            self.frontier.page_done(&host, counts, Instant::now());
        }
        let fetched = done.record.fetched.as_ref();
        if fetched.is_some_and(|fetched| fetched.status().is_some()) {
            self.frontier.hear(&done.record.request.url);
        }
        if !done.record.request.is_robots() {
            self.spare(&mut done.record);
            self.ask_again(&done.record);
        }
        if let Some(next) = done.robots {
            self.robots(next);
        }
        if let Some(class) = done.record.failure() {
            tracing::debug!(url = %done.record.request.url, class, "failed");
        }
        self.pending_bytes += done.rewritten.iter().map(Rewritten::weight).sum::<usize>();
        self.pending.rewritten.extend(done.rewritten);
        self.keep(done.record);
        Ok(())
    }

    /// That an origin is not reached which has answered lately is not its URLs' fault: the network may be gone, and
    /// each of them would be given up after a few seconds. The host is set aside if it stays so.
    fn spare(&self, record: &mut Record) {
        let error = record.fetched.as_ref().and_then(|fetched| fetched.error);
        let unreached = error.is_some_and(FetchError::is_unreached);
        // Who wants no further tries wants to know at once.
        let spares = unreached && self.worker.tries_again();
        if spares && self.frontier.has_answered(&record.request.url) {
            let at = match record.fate {
                Fate::Retry(at) => at,
                _ => self.worker.again_at(&record.request),
            };
            record.fate = Fate::Again(at);
        }
    }

    /// Puts back into memory's queue what has no outcome yet.
    fn ask_again(&mut self, record: &Record) {
        let (at, attempt) = match record.fate {
            Fate::Retry(at) => (at, record.request.attempt + 1),
            Fate::Again(at) => (at, record.request.attempt),
            // Nobody has stopped the crawl: the process was held, and the attempt does not count.
            Fate::Kept if self.stopping.is_none() => (clock::now(), record.request.attempt),
            Fate::Kept | Fate::Done => return,
        };
        let now = Instant::now();
        let wait = at.duration_since(clock::now()).unwrap_or_default();
        let request = Request {
            attempt,
            ..record.request.clone()
        };
        let url = request.url.clone();
        if self.frontier.retry(request, now + wait, now) {
            let why = record.failure().unwrap_or_default();
            let seconds = wait.as_secs_f64();
            tracing::info!(%url, why, attempt = attempt + 1, "tried again in {seconds:.1} s or later");
        }
    }

    fn robots(&mut self, next: RobotsNext) {
        let now = Instant::now();
        let host_of = |origin: &Origin| origin.robots_url().map(|url| url.host());
        match next {
            RobotsNext::Hop(request) => self.frontier.push_robots(request, now, now),
            RobotsNext::Again(request, wait) => self.frontier.push_robots(request, now + wait, now),
            RobotsNext::Known(origin, rules, life) => {
                let Ok(host) = host_of(&origin) else { return };
                let asked = rules.crawl_delay();
                let honoured = self
                    .frontier
                    .robots_known(&origin, &host, rules, now + life, now);
                if asked > honoured && honoured.is_some() {
                    tracing::warn!(%origin, ?asked, ?honoured, "Crawl-delay is longer than max-crawl-delay");
                }
            }
            RobotsNext::Unreachable(origin, again) => {
                let Ok(host) = host_of(&origin) else { return };
                if self
                    .frontier
                    .robots_unreachable(&origin, &host, now + again, now)
                {
                    tracing::warn!(%origin, "robots.txt cannot be had: its URLs are deferred");
                    self.pending.unreachable.push(origin);
                    self.pending_since.get_or_insert_with(Instant::now);
                }
            }
        }
    }
}

/// The record of a URL that robots.txt keeps us from asking for.
pub(super) fn disallowed(request: Request, rule: String) -> Record {
    Record {
        request,
        fetched: None,
        error: Some(FetchError::RobotsDisallowed),
        rule: Some(rule),
        redirect_to: None,
        content: None,
        robots: None,
        sitemap: None,
        fate: Fate::Done,
    }
}
