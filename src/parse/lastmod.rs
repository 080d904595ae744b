//! When something was changed last, as a sitemap or a feed has it.

use std::time::{Duration, SystemTime};

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::value;

/// The latest moment that a `lastmod` may mean: a W3C date may be a year, a month or a day, and then it is
/// the last moment of that (in UTC). `None` for what is no date.
#[must_use]
pub fn latest(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let end = match text.len() {
        4 => format!("{text}-12-31"),
        7 => format!("{text}-01"),
        _ => value::date(text, "")?,
    };
    let at = if let Ok(at) = end.parse::<Timestamp>() {
        at
    } else if end.contains('T') {
        utc(end.parse::<DateTime>().ok()?)?
    } else {
        let day = end.parse::<Date>().ok()?;
        let day = if text.len() == 7 {
            day.last_of_month()
        } else {
            day
        };
        let next = day.checked_add(1.day()).ok()?;
        utc(next.at(0, 0, 0, 0))?
            .checked_sub(1.microsecond())
            .ok()?
    };
    let micros = u64::try_from(at.as_microsecond()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
}

fn utc(at: DateTime) -> Option<Timestamp> {
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_form() {
        for (text, wanted) in [
            ("2026", Some("2026-12-31T23:59:59.999999Z")),
            ("2026-02", Some("2026-02-28T23:59:59.999999Z")),
            ("2026-01-31", Some("2026-01-31T23:59:59.999999Z")),
            (" 2026-01-31T10:30Z ", Some("2026-01-31T10:30:00Z")),
            ("2026-01-31T10:30+01:00", Some("2026-01-31T09:30:00Z")),
            ("2026-01-31T10:30:00.5Z", Some("2026-01-31T10:30:00.5Z")),
            ("2026-01-31 10:30:00", Some("2026-01-31T10:30:00Z")),
            (
                "Sat, 31 Jan 2026 10:30:00 +0100",
                Some("2026-01-31T09:30:00Z"),
            ),
            ("soon", None),
            ("2026-13", None),
            ("2026-02-30", None),
            ("", None),
        ] {
            let wanted = wanted.map(|wanted| {
                let at: Timestamp = wanted.parse().expect(wanted);
                SystemTime::from(at)
            });
            assert_eq!(latest(text), wanted, "{text}");
        }
    }
}
