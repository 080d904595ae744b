//! When a URL's turn comes: its place in the queue, and what its host allows.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use tokio_rusqlite::rusqlite;

use super::time;
use crate::canonical::Host;
use crate::config::{Config, Span};
use crate::frontier::Paces;
use crate::store::find::{Place, waiting};

/// How a URL waits.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Waits {
    /// So many URLs of its host come before it; where `or_more`, more than that.
    pub ahead: u64,
    /// See `ahead`.
    pub or_more: bool,
    /// Attempts that have failed so far.
    pub failed_attempts: u32,
    /// A further try waits until then (UTC).
    pub not_before: Option<String>,
    /// Why it waits for the next start.
    pub deferred: Option<String>,
    /// Its own wait and its host's keep it at least until then (UTC); nothing where they keep it no longer.
    pub eligible_at: Option<String>,
    /// Seconds that those ahead of it take at the least, at the pace of its host.
    pub seconds_ahead: f64,
}

/// How a host is asked.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct HostState {
    /// Its name, and its port unless that is 80 or 443.
    pub name: String,
    /// So many of its URLs wait for this start; where `or_more`, more than that.
    pub queued: u64,
    /// See `queued`.
    pub or_more: bool,
    /// It is left alone until then (UTC).
    pub held_until: Option<String>,
    /// Why.
    pub hold_reason: Option<String>,
    /// Why it is left alone until the next start.
    pub set_aside: Option<String>,
    /// Least time between two requests to it, in seconds; 0 for no limit.
    pub gap: f64,
    /// What makes it so: `rate`, `Crawl-delay` or `slowed down`.
    pub gap_by: String,
    #[serde(skip)]
    hold: Option<i64>,
}

impl HostState {
    pub(super) fn read(
        connection: &Connection,
        config: Option<&Config>,
        host: &Host,
        crawl_delay: Option<f64>,
        now: i64,
    ) -> rusqlite::Result<Self> {
        let row = connection
            .query_row(
                "SELECT id, hold_until, hold_reason, set_aside, gap_us FROM host WHERE name = ?",
                [host.as_str()],
                |row| {
                    Ok((
                        row.get::<_, i64>(0)?,
                        row.get::<_, Option<i64>>(1)?.filter(|until| *until > now),
                        row.get::<_, Option<String>>(2)?,
                        row.get::<_, Option<String>>(3)?,
                        row.get::<_, Option<i64>>(4)?,
                    ))
                },
            )
            .optional()?;
        let (id, hold, reason, set_aside, slowed) = row.unwrap_or_default();
        let queued = waiting(connection, id)?;
        let slowed = slowed.map(|micros| Duration::from_micros(micros.unsigned_abs()));
        let (gap, gap_by) = gap(config, host, crawl_delay, slowed);
        Ok(Self {
            name: host.as_str().to_owned(),
            queued: queued.rows,
            or_more: queued.or_more,
            held_until: hold.map(time),
            hold_reason: reason.filter(|_| hold.is_some()),
            set_aside,
            gap: gap.as_secs_f64(),
            gap_by: gap_by.to_owned(),
            hold,
        })
    }

    /// Its pace in words.
    #[must_use]
    pub fn pace(&self) -> String {
        // Whole milliseconds are exact enough to read.
        let gap = Span(Duration::from_millis((self.gap * 1000.0).round() as u64));
        if gap.0.is_zero() {
            return "no limit of rate".to_owned();
        }
        format!("one request in {gap} ({})", self.gap_by)
    }
}

/// The longest of the gaps that rate, Crawl-delay and what the host was slowed down to ask for.
fn gap(
    config: Option<&Config>,
    host: &Host,
    crawl_delay: Option<f64>,
    slowed: Option<Duration>,
) -> (Duration, &'static str) {
    let default = Config::default();
    let limits = Paces::new(config.unwrap_or(&default))
        .ok()
        .map(|paces| paces.of(host));
    let rate = limits
        .and_then(|limits| limits.interval)
        .unwrap_or_default();
    let delay = crawl_delay.and_then(|delay| Duration::try_from_secs_f64(delay).ok());
    let delay = match (delay, limits) {
        (Some(delay), Some(limits)) => delay.min(limits.max_crawl_delay),
        _ => Duration::ZERO,
    };
    let mut longest = (rate, "rate");
    for other in [
        (delay, "Crawl-delay"),
        (slowed.unwrap_or_default(), "slowed down"),
    ] {
        if other.0 > longest.0 {
            longest = other;
        }
    }
    longest
}

impl Waits {
    pub(super) fn read(
        connection: &Connection,
        host: &HostState,
        host_id: i64,
        place: &Place,
        now: i64,
    ) -> rusqlite::Result<Self> {
        let ahead = place.ahead(connection, host_id)?;
        let own = place.not_before.filter(|until| *until > now);
        Ok(Self {
            ahead: ahead.rows,
            or_more: ahead.or_more,
            failed_attempts: place.failed_attempts,
            not_before: place.not_before.map(time),
            deferred: place.deferred.clone(),
            eligible_at: own.max(host.hold).map(time),
            seconds_ahead: ahead.rows as f64 * host.gap,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rate;

    #[test]
    fn the_longest_gap_counts() {
        let mut config = Config::default();
        config.politeness.rate = Rate::per_second(5);
        let host = Host::from_stored("a.example");
        let ms = Duration::from_millis;
        for (delay, slowed, wanted) in [
            (None, None, (ms(200), "rate")),
            (Some(0.1), None, (ms(200), "rate")),
            (Some(2.0), Some(ms(900)), (ms(2000), "Crawl-delay")),
            (Some(3600.0), None, (ms(30_000), "Crawl-delay")),
            (Some(f64::MAX), None, (ms(200), "rate")),
            (None, Some(ms(900)), (ms(900), "slowed down")),
        ] {
            let got = gap(Some(&config), &host, delay, slowed);
            assert_eq!(got, wanted, "{delay:?} {slowed:?}");
        }
        config.politeness.rate = Rate::UNLIMITED;
        assert_eq!(gap(Some(&config), &host, None, None).0, Duration::ZERO);
    }
}
