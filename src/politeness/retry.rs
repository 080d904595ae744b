//! When a request is tried again, and what `Retry-After` says.

use std::time::{Duration, SystemTime};

/// `first`, doubled so many times, without overflow.
pub(super) fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1_u32 << times.min(20))
}

/// The wait before a further try: doubled with each attempt, with a jitter of half of it so that tries
/// that failed together do not come together again.
#[must_use]
pub fn retry_wait(first: Duration, attempt: u32, random: f64) -> Duration {
    doubled(first, attempt)
        .min(Duration::from_secs(600))
        .mul_f64(0.5 + random.clamp(0.0, 1.0))
}

/// Reads a `Retry-After` (RFC 9110 §10.2.3): seconds or a date. A date that is past is no wait.
#[must_use]
pub fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time, not none.
        return Some(Duration::from_secs(
            value.parse::<u32>().unwrap_or(u32::MAX).into(),
        ));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}
