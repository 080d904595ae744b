//! A moment from which on something counts: a day, a time, or so long before now.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::values::Span;

/// A moment as it is written: `2026-01-01` (UTC), `2026-01-01T12:00:00Z`, `30d` for so long ago; empty for
/// none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Since(String);

impl Since {
    /// The moment, where spans are counted back from `now`; `None` where there is none.
    #[must_use]
    pub fn at(&self, now: SystemTime) -> Option<SystemTime> {
        let text = self.0.as_str();
        if let Ok(span) = text.parse::<Span>() {
            return now.checked_sub(span.0);
        }
        fixed(text)
    }
}

/// A day or a time.
fn fixed(text: &str) -> Option<SystemTime> {
    let day = || {
        let day = text.parse::<Date>().ok()?;
        let begin = day.to_zoned(TimeZone::UTC).ok()?;
        Some(begin.timestamp())
    };
    let at = text.parse::<Timestamp>().ok().or_else(day)?;
    let micros = u64::try_from(at.as_microsecond()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.parse::<Span>().is_ok() || fixed(text).is_some() {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "{text:?} is neither a day such as 2026-01-31, nor a time such as 2026-01-31T12:00:00Z, nor a span such as 30d"
        ))
    }
}

impl TryFrom<String> for Since {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Since> for String {
    fn from(since: Since) -> Self {
        since.0
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let seconds = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let now = seconds(2_000_000_000);
        for (text, wanted) in [
            ("", None),
            ("2026-01-01", Some(seconds(1_767_225_600))),
            ("2026-01-01T12:00:00Z", Some(seconds(1_767_268_800))),
            ("2026-01-01T12:00:00+01:00", Some(seconds(1_767_265_200))),
            ("1d", Some(seconds(2_000_000_000 - 86_400))),
        ] {
            assert_eq!(text.parse::<Since>().expect(text).at(now), wanted, "{text}");
        }
        for text in ["yesterday", "2026", "2026-13-01", "1.1.2026", "30"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
