//! What was asked for, as JSON.
use std::collections::HashMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy)]
pub enum Seen {
    Robots,
    Page(u64),
    Nothing,
}

struct Host {
    requests: u64,
    first: Instant,
    last: Instant,
    /// least time between the arrivals of two requests, seconds
    gap: f64,
}

pub struct Stats {
    requests: u64,
    robots: u64,
    not_found: u64,
    connections: u64,
    in_flight: u64,
    most_in_flight: u64,
    /// one bit a page, and how many are set
    asked: Vec<u64>,
    pages: u64,
    again: u64,
    begun: Option<Instant>,
    first_us: u64,
    first_page_us: u64,
    last_us: u64,
    per_second: Vec<u32>,
    by_host: bool,
    hosts: HashMap<String, Host>,
}

fn now_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_micros() as u64
}

impl Stats {
    pub fn new(pages: u64, by_host: bool) -> Self {
        Stats {
            requests: 0,
            robots: 0,
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
            begun: None,
            first_us: 0,
            first_page_us: 0,
            last_us: 0,
            per_second: Vec::new(),
            by_host,
            hosts: HashMap::new(),
        }
    }

    /// A request has come.
    pub fn begin(&mut self, seen: Seen, host: &str, new_connection: bool) {
        let (now, us) = (Instant::now(), now_us());
        self.requests += 1;
        self.connections += u64::from(new_connection);
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        if self.first_us == 0 {
            self.first_us = us;
        }
        let second = now.duration_since(*self.begun.get_or_insert(now)).as_secs() as usize;
        if self.per_second.len() <= second {
            self.per_second.resize(second + 1, 0);
        }
        self.per_second[second] += 1;
        match seen {
            Seen::Robots => self.robots += 1,
            Seen::Nothing => self.not_found += 1,
            Seen::Page(page) => {
                if self.first_page_us == 0 {
                    self.first_page_us = us;
                }
                if let Some(bits) = self.asked.get_mut(page as usize / 64) {
                    let bit = 1 << (page % 64);
                    self.again += u64::from(*bits & bit != 0);
                    self.pages += u64::from(*bits & bit == 0);
                    *bits |= bit;
                } else {
                    self.pages += 1;
                }
            }
        }
        if self.by_host {
            match self.hosts.get_mut(host) {
                Some(h) => {
                    h.gap = h.gap.min(now.duration_since(h.last).as_secs_f64());
                    h.requests += 1;
                    h.last = now;
                }
                None => {
                    self.hosts.insert(
                        host.to_owned(),
                        Host {
                            requests: 1,
                            first: now,
                            last: now,
                            gap: f64::INFINITY,
                        },
                    );
                }
            }
        }
    }

    /// Its answer goes out.
    pub fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.last_us = now_us();
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
            .map(|h| h.gap)
            .fold(f64::INFINITY, f64::min);
        // requests a second of each host, between its first and its last
        let span = |h: &Host| h.last.duration_since(h.first).as_secs_f64();
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
            format!("{:.1}", gap * 1e3)
        } else {
            "null".to_owned()
        };
        format!(
            "{{\"pid\":{},\"requests\":{},\"pages\":{},\"dup_html\":{},\"robots\":{},\"not_found\":{},\"connections\":{},\"inflight_seen\":{},\
             \"first_us\":{},\"first_page_us\":{},\"last_us\":{},\"hosts\":{},\"host_least\":{},\"host_median\":{},\"host_most\":{},\
             \"pace_mean\":{mean:.4},\"pace_least\":{least:.4},\"gap_ms\":{gap},\"per_second\":{:?}}}",
            std::process::id(),
            self.requests,
            self.pages,
            self.again,
            self.robots,
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
