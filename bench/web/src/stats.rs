//! What was asked for, as JSON, and by host a log of it.
use std::collections::HashMap;
use std::fmt::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy)]
pub enum Seen {
    Robots,
    Page(u64),
    /// a page that is none of the real ones
    More,
    Nothing,
}

struct Host {
    requests: u64,
    /// microseconds since the statistics began
    first: u64,
    last: u64,
    /// least time between the arrivals of two requests
    gap: u64,
    number: u32,
}

/// A request of the log: arrival of its head, last byte of its answer (0: not yet, or given up).
struct Line {
    host: u32,
    begin: u64,
    end: u64,
    robots: bool,
}

pub struct Stats {
    requests: u64,
    robots: u64,
    more: u64,
    not_found: u64,
    connections: u64,
    in_flight: u64,
    most_in_flight: u64,
    /// one bit a page, and how many are set
    asked: Vec<u64>,
    pages: u64,
    again: u64,
    /// when the statistics began, by two clocks: the second one may jump, the first one does not
    began: Instant,
    began_us: u64,
    first_us: u64,
    first_page_us: u64,
    last_us: u64,
    per_second: Vec<u32>,
    /// how many pages there are
    real: u64,
    by_host: bool,
    hosts: HashMap<String, Host>,
    log: Vec<Line>,
}

impl Stats {
    pub fn new(pages: u64, real: u64, by_host: bool) -> Self {
        Stats {
            requests: 0,
            robots: 0,
            more: 0,
            not_found: 0,
            connections: 0,
            in_flight: 0,
            most_in_flight: 0,
            asked: if by_host {
                Vec::new()
            } else {
                vec![0; pages as usize / 64 + 1]
            },
            pages: 0,
            again: 0,
            began: Instant::now(),
            began_us: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_micros() as u64),
            first_us: 0,
            first_page_us: 0,
            last_us: 0,
            per_second: Vec::new(),
            real,
            by_host,
            hosts: HashMap::new(),
            log: Vec::new(),
        }
    }

    /// A request has come. Answers with what to [end](Self::end) it by, and the how manieth it is.
    pub fn begin(&mut self, seen: Seen, host: &str, new_connection: bool) -> (usize, u64) {
        let now = self.began.elapsed().as_micros() as u64;
        let us = self.began_us + now;
        self.requests += 1;
        self.connections += u64::from(new_connection);
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        if self.first_us == 0 {
            self.first_us = us;
        }
        let second = ((us - self.first_us) / 1_000_000) as usize;
        if self.per_second.len() <= second {
            self.per_second.resize(second + 1, 0);
        }
        self.per_second[second] += 1;
        match seen {
            Seen::Robots => self.robots += 1,
            Seen::More => self.more += 1,
            Seen::Nothing => self.not_found += 1,
            Seen::Page(page) => self.page(page, us),
        }
        if self.by_host {
            self.note(host, now, matches!(seen, Seen::Robots));
        }
        (self.log.len().saturating_sub(1), self.requests)
    }

    fn page(&mut self, page: u64, us: u64) {
        if self.first_page_us == 0 {
            self.first_page_us = us;
        }
        let Some(bits) = self.asked.get_mut(page as usize / 64) else {
            self.pages += 1;
            return;
        };
        let bit = 1 << (page % 64);
        self.again += u64::from(*bits & bit != 0);
        self.pages += u64::from(*bits & bit == 0);
        *bits |= bit;
    }

    fn note(&mut self, host: &str, now: u64, robots: bool) {
        let count = self.hosts.len() as u32;
        if !self.hosts.contains_key(host) {
            let fresh = Host {
                requests: 0,
                first: now,
                last: now,
                gap: u64::MAX,
                number: count,
            };
            self.hosts.insert(host.to_owned(), fresh);
        }
        let Some(known) = self.hosts.get_mut(host) else {
            return;
        };
        if known.requests > 0 {
            known.gap = known.gap.min(now - known.last);
        }
        known.requests += 1;
        known.last = now;
        self.log.push(Line {
            host: known.number,
            begin: now,
            end: 0,
            robots,
        });
    }

    /// The last byte of its answer has gone out; or it was given up.
    pub fn end(&mut self, request: usize, whole: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let now = self.began.elapsed().as_micros() as u64;
        self.last_us = self.began_us + now;
        if let Some(line) = self.log.get_mut(request).filter(|_| whole) {
            line.end = now;
        }
    }

    /// Every request by host, in the order of arrival: host, arrival, end (0: none), whether it was robots.txt; µs.
    pub fn log(&self) -> String {
        let mut names = vec![""; self.hosts.len()];
        for (name, host) in &self.hosts {
            names[host.number as usize] = name;
        }
        let mut out = String::new();
        for l in &self.log {
            let (host, robots) = (names[l.host as usize], u8::from(l.robots));
            let _ = writeln!(out, "{host}\t{}\t{}\t{robots}", l.begin, l.end);
        }
        out
    }

    pub fn json(&self) -> String {
        let mut counts: Vec<u64> = self.hosts.values().map(|h| h.requests).collect();
        counts.sort_unstable();
        let count = |part: f64| {
            counts
                .get((counts.len() as f64 * part) as usize)
                .or(counts.last())
                .copied()
                .unwrap_or(0)
        };
        let gap = self
            .hosts
            .values()
            .filter(|h| h.gap < u64::MAX)
            .map(|h| h.gap as f64 / 1e3)
            .fold(f64::INFINITY, f64::min);
        // requests a second of each host, between its first and its last
        let span = |h: &Host| (h.last - h.first) as f64 / 1e6;
        let paces: Vec<f64> = self
            .hosts
            .values()
            .filter(|h| h.requests > 1)
            .map(|h| (h.requests - 1) as f64 / span(h))
            .collect();
        let mean = paces.iter().sum::<f64>() / paces.len().max(1) as f64;
        let least = paces
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min)
            .min(mean);
        let gap = if gap.is_finite() {
            format!("{gap:.1}")
        } else {
            "null".to_owned()
        };
        format!(
            "{{\"pid\":{},\"requests\":{},\"pages\":{},\"real\":{},\"dup_html\":{},\"robots\":{},\"more\":{},\"not_found\":{},\"connections\":{},\"inflight_seen\":{},\
             \"first_us\":{},\"first_page_us\":{},\"last_us\":{},\"hosts\":{},\"host_least\":{},\"host_median\":{},\"host_most\":{},\
             \"pace_mean\":{mean:.4},\"pace_least\":{least:.4},\"gap_ms\":{gap},\"per_second\":{:?}}}",
            std::process::id(),
            self.requests,
            self.pages,
            self.real,
            self.again,
            self.robots,
            self.more,
            self.not_found,
            self.connections,
            self.most_in_flight,
            self.first_us,
            self.first_page_us,
            self.last_us,
            self.hosts.len(),
            count(0.0),
            count(0.5),
            count(1.0),
            self.per_second
        )
    }
}
