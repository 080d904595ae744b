//! The kinds of values that settings have: lengths of time, sizes, rates, limits. Each is written and
//! read in one form, in the file as on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A number that may be `"unlimited"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit<T>(pub Option<T>);

impl<T> Default for Limit<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: fmt::Display> fmt::Display for Limit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("unlimited"),
        }
    }
}

/// A value with a unit, or `unlimited`.
macro_rules! unit_limit {
    ($unit:ty) => {
        impl FromStr for Limit<$unit> {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                if text == "unlimited" {
                    return Ok(Self(None));
                }
                let value = text.parse().map(|value| Self(Some(value)));
                value.map_err(|error: String| format!("{error}, nor unlimited"))
            }
        }
    };
}

unit_limit!(Span);
unit_limit!(Bytes);

const MUST_BE_LIMIT: &str = "must be a whole number, such as 100, or \"unlimited\"";

/// A whole number, or `"unlimited"`: written as a TOML integer where it is one.
macro_rules! number_limit {
    ($number:ty) => {
        impl FromStr for Limit<$number> {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                if text == "unlimited" {
                    return Ok(Self(None));
                }
                let number = text.parse().map(|number| Self(Some(number)));
                number.map_err(|_| MUST_BE_LIMIT.to_owned())
            }
        }

        impl Serialize for Limit<$number> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0 {
                    Some(value) => serializer.serialize_u64(value.into()),
                    None => serializer.serialize_str("unlimited"),
                }
            }
        }

        impl<'de> Deserialize<'de> for Limit<$number> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(untagged)]
                enum Written {
                    Number($number),
                    Word(String),
                }
                match Written::deserialize(deserializer) {
                    Ok(Written::Number(value)) => Ok(Self(Some(value))),
                    Ok(Written::Word(word)) if word == "unlimited" => Ok(Self(None)),
                    _ => Err(serde::de::Error::custom(MUST_BE_LIMIT)),
                }
            }
        }
    };
}

number_limit!(u32);
number_limit!(u64);

/// A type that is a string in the file and on the command line.
macro_rules! as_string {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // What is no text gets the same answer: which forms there are.
                let value = toml::Value::deserialize(deserializer)?;
                let parsed = match &value {
                    toml::Value::String(text) => text.parse(),
                    other => other
                        .to_string()
                        .parse::<Self>()
                        .and(Err(format!("must be in quotes: \"{other}\""))),
                };
                parsed.map_err(serde::de::Error::custom)
            }
        }
    };
}

as_string!(Limit<Span>);
as_string!(Limit<Bytes>);
as_string!(Span);
as_string!(Bytes);
as_string!(Rate);

/// A length of time: `250ms`, `10s`, `5m`, `2h`, `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        for (unit, size) in [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1000),
        ] {
            if millis != 0 && millis.is_multiple_of(size) {
                return write!(f, "{}{unit}", millis / size);
            }
        }
        write!(f, "{millis}ms")
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a duration such as 500ms, 10s, 5m, 2h or 1d");
        let (number, unit) = split_unit(text);
        let number: f64 = number.parse().map_err(|_| bad())?;
        let seconds = number
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return Err(bad()),
            };
        // A hundred years are enough, and no sum of such times overflows.
        if !(0.0..=3.2e9).contains(&seconds) {
            return Err(bad());
        }
        Ok(Self(Duration::from_millis(
            (seconds * 1000.0).round() as u64
        )))
    }
}

/// A number of bytes: `512B`, `64KiB`, `10MiB`, `2GiB`, or with `kB`, `MB`, `GB` in thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

const BYTE_UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, size) = BYTE_UNITS[..4]
            .iter()
            .find(|(_, size)| self.0 != 0 && self.0.is_multiple_of(*size))
            .unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a size such as 512B, 64KiB or 10MiB");
        let (number, unit) = split_unit(text);
        let number: f64 = number.parse().map_err(|_| bad())?;
        let size = BYTE_UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(if unit.is_empty() { "B" } else { unit }))
            .ok_or_else(bad)?
            .1;
        let bytes = number * size as f64;
        if !(0.0..9e15).contains(&bytes) {
            return Err(bad());
        }
        Ok(Self(bytes.round() as u64))
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// Requests in a time: `5/s`, `30/min`, `100/h`, `0.2/s`, or `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    count: f64,
    unit: &'static str,
}

impl Eq for Rate {}

const RATE_UNITS: [(&str, f64); 4] = [("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0)];

impl Rate {
    /// No limit.
    pub const UNLIMITED: Self = Self {
        count: f64::INFINITY,
        unit: "s",
    };

    /// So many a second.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self {
            count: count as f64,
            unit: "s",
        }
    }

    /// The time between two requests at this rate; `None` where there is no limit.
    #[must_use]
    pub fn interval(self) -> Option<Duration> {
        let seconds = RATE_UNITS
            .iter()
            .find(|row| row.0 == self.unit)
            .map_or(1.0, |row| row.1);
        self.count
            .is_finite()
            .then(|| Duration::from_secs_f64(seconds / self.count))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count.is_finite() {
            write!(f, "{}/{}", self.count, self.unit)
        } else {
            f.write_str("unlimited")
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a rate such as 5/s, 30/min, 100/h or unlimited");
        if text == "unlimited" {
            return Ok(Self::UNLIMITED);
        }
        let (count, unit) = text.split_once('/').ok_or_else(bad)?;
        let unit = if unit.trim() == "m" {
            "min"
        } else {
            unit.trim()
        };
        let (unit, seconds) = RATE_UNITS
            .into_iter()
            .find(|row| row.0 == unit)
            .ok_or_else(bad)?;
        let count: f64 = count.trim().parse().map_err(|_| bad())?;
        // At least one in a hundred days, at most a million a second.
        if !(1e-7..=1e6).contains(&(count / seconds)) {
            return Err(bad());
        }
        Ok(Self { count, unit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (text, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("1.5m", 90_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(
                text.parse::<Span>().expect(text).0,
                Duration::from_millis(millis)
            );
        }
        for text in ["", "10", "s", "-1s", "1e9d", "10x"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for (text, bytes) in [
            ("512", 512),
            ("64KiB", 65_536),
            ("10MiB", 10 << 20),
            ("2 GB", 2_000_000_000),
            ("1.5kb", 1500),
        ] {
            assert_eq!(text.parse::<Bytes>().expect(text).0, bytes);
        }
        for (text, millis) in [
            ("5/s", 200),
            ("30/min", 2000),
            ("0.5/s", 2000),
            ("100/h", 36_000),
        ] {
            assert_eq!(
                text.parse::<Rate>().expect(text).interval(),
                Some(Duration::from_millis(millis))
            );
        }
        assert_eq!(
            "unlimited".parse::<Rate>().expect("a rate").interval(),
            None
        );
        for text in ["", "5", "0/s", "-1/s", "NaN/s", "inf/s", "5/fortnight"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        for text in ["10s", "90s", "1m", "250ms", "0ms", "1d"] {
            let span: Span = text.parse().expect(text);
            assert_eq!(span.to_string().parse::<Span>().expect("shown"), span);
        }
    }
}
