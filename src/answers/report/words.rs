//! Numbers as a reader has them.

/// `12,345`
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 page`, `12,345 pages`
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `999 B`, `1.5 KiB`
pub(super) fn bytes(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1000.0 {
            return format!("{} {unit}", short(value));
        }
        value /= 1024.0;
    }
    format!("{} TiB", short(value))
}

/// `12 ms`, `1.3 s`, `4 min 10 s`, `3 h 20 min`
pub(super) fn millis(ms: f64) -> String {
    let seconds = (ms / 1e3).round() as u64;
    match ms {
        _ if !ms.is_finite() || ms < 0.0 => "–".to_owned(),
        _ if ms < 999.5 => format!("{} ms", short(ms)),
        _ if ms < 99_950.0 => format!("{} s", short(ms / 1e3)),
        _ if seconds < 3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ if seconds < 172_800 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// Two digits that say something, or all before the point.
pub(super) fn short(value: f64) -> String {
    if value >= 9.95 || value == 0.0 {
        format!("{value:.0}")
    } else if value >= 0.095 {
        let text = format!("{value:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    } else {
        format!("{value:.2}")
    }
}

/// A part of a whole: `8.7 %`, `< 0.1 %`
pub(super) fn share(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    let percent = part as f64 / whole as f64 * 100.0;
    match percent {
        _ if percent < 0.1 => "< 0.1 %".to_owned(),
        _ if part < whole && percent > 99.9 => "> 99.9 %".to_owned(),
        _ => format!("{percent:.1} %").replace(".0 %", " %"),
    }
}

/// A stamp to the second: `2026-11-21 03:27:28`
pub(super) fn moment(time: &str) -> String {
    let whole = time.trim_end_matches('Z').replace('T', " ");
    whole.get(..19).map_or(whole.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (10 << 20, "10 MiB"),
            (1023 << 10, "1 MiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        for (ms, text) in [
            (0.0, "0 ms"),
            (0.04, "0.04 ms"),
            (1.26, "1.3 ms"),
            (12.4, "12 ms"),
            (1300.0, "1.3 s"),
            (60_000.0, "60 s"),
            (250_000.0, "4 min 10 s"),
            (12_000_000.0, "3 h 20 min"),
            (864_000_000.0, "10 d 0 h"),
            (-1.0, "–"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(millis(ms), text);
        }
        for (part, whole, text) in [
            (0, 9, "0 %"),
            (0, 0, "0 %"),
            (1, 8, "12.5 %"),
            (9, 9, "100 %"),
            (1, 100_000, "< 0.1 %"),
            (99_999, 100_000, "> 99.9 %"),
        ] {
            assert_eq!(share(part, whole), text);
        }
        assert_eq!(moment("2026-11-21T03:27:28.123Z"), "2026-11-21 03:27:28");
        assert_eq!(moment("ü"), "ü");
    }
}
