//! Values for the parameters of a question: `--param name=value`.

use std::str::FromStr;

use rusqlite::types::Value;
use tokio_rusqlite::rusqlite;

/// A parameter's name, and its value of the type that the text would have as a literal of SQL: integer, real,
/// NULL, text in quotes; all else is text.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    pub(super) name: String,
    pub(super) value: Value,
}

impl Param {
    /// A parameter with a value as it is written in SQL.
    pub(in crate::answers) fn new(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: literal(value),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Param {
    type Err = String;

    /// Reads `name=value`; before the name may stand what stands before it in SQL.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, value)) = text.split_once('=') else {
            return Err("write it as NAME=VALUE".to_owned());
        };
        let name = name.trim().trim_start_matches([':', '@', '$']);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        if name.is_empty()
            || !name.chars().all(is_word)
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err(
                "a name is of letters, digits and _, and begins with none of the digits".to_owned(),
            );
        }
        Ok(Self::new(name, value))
    }
}

fn literal(text: &str) -> Value {
    let plain = text.trim();
    if plain.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    if let Some(quoted) = plain
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        return Value::Text(quoted.replace("''", "'"));
    }
    let is_number = plain.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        && plain
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
    if is_number {
        if let Ok(number) = plain.parse::<i64>() {
            return Value::Integer(number);
        }
        if let Ok(number) = plain.parse::<f64>() {
            return Value::Real(number);
        }
    }
    let hex = plain.strip_prefix("0x").or(plain.strip_prefix("0X"));
    if let Some(number) = hex.and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
        // As SQLite has it: two's complement of 64 bits.
        return Value::Integer(number as i64);
    }
    Value::Text(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_as_literals() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (given, name, value) in [
            ("n=1", "n", Value::Integer(1)),
            (":n=-1", "n", Value::Integer(-1)),
            ("$n= 7 ", "n", Value::Integer(7)),
            ("n=+7", "n", Value::Integer(7)),
            ("n=0x10", "n", Value::Integer(16)),
            ("n=9223372036854775807", "n", Value::Integer(i64::MAX)),
            (
                "n=9223372036854775808",
                "n",
                Value::Real(9_223_372_036_854_775_808.0),
            ),
            ("n=1.5", "n", Value::Real(1.5)),
            ("n=.5", "n", Value::Real(0.5)),
            ("n=-1e3", "n", Value::Real(-1000.0)),
            ("n=null", "n", Value::Null),
            ("n=", "n", text("")),
            ("n=a=b", "n", text("a=b")),
            ("n= a ", "n", text(" a ")),
            ("n='007'", "n", text("007")),
            ("n='it''s'", "n", text("it's")),
            ("n='", "n", text("'")),
            ("n=nan", "n", text("nan")),
            ("n=inf", "n", text("inf")),
            ("n=e5", "n", text("e5")),
            ("n=1-2", "n", text("1-2")),
            ("n=2026-11-21", "n", text("2026-11-21")),
            ("n=-", "n", text("-")),
            ("größe=1", "größe", Value::Integer(1)),
        ] {
            let param: Param = given.parse().expect(given);
            assert_eq!((&*param.name, param.value), (name, value), "{given}");
        }
        for given in ["n", "", "=1", "a b=1", "1=1", "a;b=1"] {
            assert!(given.parse::<Param>().is_err(), "{given}");
        }
    }
}
