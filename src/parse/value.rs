//! What a field's text says: a number or a date.

use jiff::Timestamp;
use jiff::civil;
use jiff::fmt::{rfc2822, strtime};

use crate::record::FieldData;

/// Longest number, in digits and signs; a longer one is more than a float can hold.
const MAX_NUMBER: usize = 400;

/// The first number in a text, whatever stands around it. Spaces, `'` and `_` part thousands. Of `.` and
/// `,` in one number the last is the decimal sign. One of them alone, and once: a comma before exactly three
/// digits parts thousands (`1,234`), everything else is a decimal sign (`1,5`, `1.234`).
pub(super) fn number(text: &str) -> Option<FieldData> {
    let chars: Vec<char> = text.chars().collect();
    let begin = chars.iter().position(char::is_ascii_digit)?;
    let (mut token, mut at) = (String::new(), begin);
    // Where the last group of thousands began.
    let mut groups = None;
    while let Some(&c) = chars.get(at).filter(|_| token.len() < MAX_NUMBER) {
        let digits = chars[at + 1..].iter().take(4);
        let digits = digits.take_while(|c| c.is_ascii_digit()).count();
        match c {
            '0'..='9' => token.push(c),
            '.' | ',' if digits > 0 => token.push(c),
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’' | '_'
                if digits == 3 && parts_thousands(&token, groups) =>
            {
                groups = Some(token.len());
            }
            _ => break,
        }
        at += 1;
    }
    // ".5"
    let before = &chars[..begin];
    let (point, before) = match before {
        [rest @ .., '.' | ','] if !rest.last().is_some_and(|c| c.is_alphanumeric()) => (true, rest),
        all => (false, all),
    };
    if point {
        token = format!("0.{}", token.split(['.', ',']).next().unwrap_or_default());
    }
    let count = |sign: char| token.matches(sign).count();
    let thousands = |sign: char| {
        let mut groups = token.split(sign);
        let first = groups.next().unwrap_or_default();
        (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3)
    };
    let decimal = match (count('.'), count(',')) {
        (0, 0) => None,
        (1, 0) => Some('.'),
        (0, 1) if thousands(',') && !token.starts_with('0') => None,
        (0, 1) => Some(','),
        (0, _) if thousands(',') => None,
        (_, 0) if thousands('.') => None,
        (_, 0) | (0, _) => return None,
        _ if token.rfind('.') > token.rfind(',') => Some('.').filter(|_| count('.') == 1),
        _ => Some(',').filter(|_| count(',') == 1),
    };
    if decimal.is_none() && count('.') > 0 && count(',') > 0 {
        return None;
    }
    let plain: String = token
        .chars()
        .filter_map(|c| match c {
            c if Some(c) == decimal => Some('.'),
            '.' | ',' => None,
            c => Some(c),
        })
        .collect();
    let minus = is_minus(before);
    let signed = if minus { format!("-{plain}") } else { plain };
    match signed.parse::<i64>() {
        Ok(whole) => Some(FieldData::Integer(whole)),
        Err(_) => signed
            .parse::<f64>()
            .ok()
            .filter(|real| real.is_finite())
            .map(FieldData::Real),
    }
}

/// Whether a space (or the like) after these digits may part thousands: the first group has one to three
/// digits, each further one three, and there is no decimal sign yet.
fn parts_thousands(token: &str, group: Option<usize>) -> bool {
    let digits = token.len() - group.unwrap_or(0);
    !token.contains(['.', ','])
        && if group.is_some() {
            digits == 3
        } else {
            digits <= 3
        }
}

/// Whether what stands before a number makes it negative: a minus of its own, perhaps with a currency
/// between the two.
fn is_minus(before: &[char]) -> bool {
    let currency = |c: &char| matches!(c, '$' | '€' | '£' | '¥' | '₹') || c.is_whitespace();
    let end = before.iter().rposition(|c| !currency(c));
    let Some(end) = end.filter(|&end| matches!(before[end], '-' | '−')) else {
        return false;
    };
    // "A-4", "3 - 4": a name, a range.
    before[..end]
        .iter()
        .rev()
        .find(|c| !c.is_whitespace())
        .is_none_or(|c| !c.is_alphanumeric())
}

/// A date in ISO 8601. With an offset it is turned to UTC and ends in `Z`.
pub(super) fn date(text: &str, format: &str) -> Option<String> {
    let text = text.trim();
    if !format.is_empty() {
        let parts = strtime::parse(format, text).ok()?;
        return match parts.to_timestamp() {
            Ok(at) => Some(at.to_string()),
            Err(_) if parts.hour().is_some() => parts.to_datetime().ok().map(|at| at.to_string()),
            Err(_) => parts.to_date().ok().map(|day| day.to_string()),
        };
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.to_string());
    }
    if let Ok(at) = rfc2822::DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(text)
    {
        return Some(at.to_string());
    }
    if let Ok(at) = httpdate::parse_http_date(text) {
        return Timestamp::try_from(at).ok().map(|at| at.to_string());
    }
    // The time of day begins behind the date's last digit: "T10", " 10:30".
    let bytes = text.as_bytes();
    let has_time = bytes.windows(3).any(|at| {
        at[0].is_ascii_digit() && matches!(at[1], b'T' | b't' | b' ') && at[2].is_ascii_digit()
    });
    match text.parse::<civil::DateTime>() {
        Ok(at) if has_time => Some(at.to_string()),
        Ok(at) => Some(at.date().to_string()),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        use FieldData::{Integer, Real};
        for (text, wanted) in [
            ("42", Some(Integer(42))),
            ("about 42 of them", Some(Integer(42))),
            ("1,234.50 €", Some(Real(1234.5))),
            ("EUR 1.234,50", Some(Real(1234.5))),
            ("1,234,567", Some(Integer(1_234_567))),
            ("1.234.567", Some(Integer(1_234_567))),
            ("1.234.567,8", Some(Real(1_234_567.8))),
            // One sign alone: a comma before three digits parts thousands, a point does not.
            ("1,234", Some(Integer(1234))),
            ("1.234", Some(Real(1.234))),
            ("0,125", Some(Real(0.125))),
            ("1,5", Some(Real(1.5))),
            ("12,50", Some(Real(12.5))),
            ("1234,567", Some(Real(1234.567))),
            ("1 234 567", Some(Integer(1_234_567))),
            ("1\u{a0}234,5", Some(Real(1234.5))),
            ("1'234.50", Some(Real(1234.5))),
            ("3 12", Some(Integer(3))),
            ("4.5 123 reviews", Some(Real(4.5))),
            ("12,50 250 g", Some(Real(12.5))),
            ("2026 123 places", Some(Integer(2026))),
            ("1 234 5678", Some(Integer(1234))),
            ("12 256", Some(Integer(12_256))),
            ("-3", Some(Integer(-3))),
            ("−3.5", Some(Real(-3.5))),
            ("-$5.00", Some(Real(-5.0))),
            ("- € 5", Some(Integer(-5))),
            ("A-4", Some(Integer(4))),
            ("3-4", Some(Integer(3))),
            ("12 %", Some(Integer(12))),
            (".5", Some(Real(0.5))),
            ("No. 5", Some(Integer(5))),
            ("v.5", Some(Integer(5))),
            ("4.5/5", Some(Real(4.5))),
            ("3.", Some(Integer(3))),
            ("1,23,456", None),
            ("1.2.3", None),
            ("1,234.567,890", None),
            ("99999999999999999999", Some(Real(1e20))),
            ("", None),
            ("none", None),
        ] {
            assert_eq!(number(text), wanted, "{text}");
        }
        assert_eq!(number(&"9".repeat(9999)), None, "more than a number can be");
    }

    #[test]
    fn dates() {
        for (text, format, wanted) in [
            ("2026-11-21", "", Some("2026-11-21")),
            ("2026-11-21T10:30", "", Some("2026-11-21T10:30:00")),
            ("2026-11-21 10:30:05", "", Some("2026-11-21T10:30:05")),
            (
                "2026-11-21T10:30:00+01:00",
                "",
                Some("2026-11-21T09:30:00Z"),
            ),
            ("2026-11-21T10:30:00Z", "", Some("2026-11-21T10:30:00Z")),
            (
                "Sat, 21 Nov 2026 10:30:00 GMT",
                "",
                Some("2026-11-21T10:30:00Z"),
            ),
            ("21 Nov 2026 10:30 +0100", "", Some("2026-11-21T09:30:00Z")),
            ("20261121T103000", "", Some("2026-11-21T10:30:00")),
            ("2026-11-21T10", "", Some("2026-11-21T10:00:00")),
            (
                "Saturday, 21-Nov-26 10:30:00 GMT",
                "",
                Some("2026-11-21T10:30:00Z"),
            ),
            ("Sat Nov 21 10:30:00 2026", "", Some("2026-11-21T10:30:00Z")),
            ("21.11.2026", "", None),
            ("21.11.2026", "%d.%m.%Y", Some("2026-11-21")),
            (
                " 21.11.2026 10:30 ",
                "%d.%m.%Y %H:%M",
                Some("2026-11-21T10:30:00"),
            ),
            ("November 21, 2026", "%B %d, %Y", Some("2026-11-21")),
            (
                "21/11/26 10:30 +0100",
                "%d/%m/%y %H:%M %z",
                Some("2026-11-21T09:30:00Z"),
            ),
            ("2026-13-01", "", None),
            ("31.02.2026", "%d.%m.%Y", None),
            ("soon", "", None),
            ("", "", None),
        ] {
            assert_eq!(date(text, format).as_deref(), wanted, "{text} {format}");
        }
    }
}
