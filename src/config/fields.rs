//! `[[field]]` tables: values to be taken out of pages by CSS selector.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Most `[[field]]` tables.
const MAX_FIELDS: usize = 256;
/// Longest name of a field or a set, in bytes.
const MAX_NAME: usize = 64;

/// A `[[field]]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct FieldConfig {
    /// Its name, which is a column of the view `fields_<set>`: small letters, digits and `_`.
    pub name: String,
    /// The set that it belongs to.
    #[serde(default = "FieldConfig::default_set")]
    pub set: String,
    /// Which elements: a CSS selector.
    pub selector: String,
    /// What of them.
    #[serde(default)]
    pub take: Take,
    /// The values of all of them; otherwise that of the first.
    #[serde(default)]
    pub all: bool,
    /// Fold white space, and take it off both ends.
    #[serde(default = "FieldConfig::default_trim")]
    pub trim: bool,
    /// What is made of the text.
    #[serde(default, rename = "as")]
    pub kind: FieldKind,
    /// How a date is written, in the terms of `strftime`; empty: ISO 8601, or as HTTP and mail have it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub date_format: String,
    /// A regular expression on the URL of the page; empty: all pages.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub urls: String,
    /// A page that has none is a problem.
    #[serde(default)]
    pub required: bool,
}

impl FieldConfig {
    /// The text of the first element that a selector finds.
    #[must_use]
    pub fn new(name: impl Into<String>, selector: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            set: Self::default_set(),
            selector: selector.into(),
            take: Take::Text,
            all: false,
            trim: Self::default_trim(),
            kind: FieldKind::Text,
            date_format: String::new(),
            urls: String::new(),
            required: false,
        }
    }

    fn default_set() -> String {
        "page".to_owned()
    }

    fn default_trim() -> bool {
        true
    }
}

/// What is taken of an element.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Take {
    /// Its text.
    #[default]
    Text,
    /// The HTML within it.
    Html,
    /// The value of an attribute.
    Attribute(String),
    /// The URL that an attribute names, resolved.
    Url(String),
}

impl fmt::Display for Take {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Html => f.write_str("html"),
            Self::Attribute(name) => write!(f, "attr:{name}"),
            Self::Url(name) => write!(f, "url:{name}"),
        }
    }
}

impl FromStr for Take {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = |name: &str| {
            let good = !name.is_empty() && !name.contains(|c: char| c.is_whitespace());
            good.then(|| name.to_ascii_lowercase())
        };
        let taken = match text.split_once(':') {
            None if text == "text" => Some(Self::Text),
            None if text == "html" => Some(Self::Html),
            Some(("attr", name)) => named(name).map(Self::Attribute),
            Some(("url", name)) => named(name).map(Self::Url),
            _ => None,
        };
        taken.ok_or_else(|| format!("{text:?} is none of text, html, attr:NAME, url:NAME"))
    }
}

impl TryFrom<String> for Take {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Take> for String {
    fn from(take: Take) -> Self {
        take.to_string()
    }
}

/// What is made of a field's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FieldKind {
    /// It stays as it is.
    #[default]
    Text,
    /// The first number in it.
    Number,
    /// A date, or a date and time.
    Date,
}

/// Checks what the types do not. The selectors and patterns are checked where they are compiled.
pub(super) fn check(fields: &[FieldConfig]) -> Result<(), ConfigError> {
    if fields.len() > MAX_FIELDS {
        let message = format!("there may be at most {MAX_FIELDS} fields");
        return Err(ConfigError::value("field", fields.len(), message));
    }
    let mut met = HashSet::new();
    for field in fields {
        for (key, name) in [("field.name", &field.name), ("field.set", &field.set)] {
            if !is_name(name) {
                let message = format!(
                    "is no name of small letters, digits and '_' that begins with a letter, of at most {MAX_NAME}"
                );
                return Err(ConfigError::value(key, name, message));
            }
        }
        if field.name == "url" {
            let message = "is the column of the page's own URL; choose another name";
            return Err(ConfigError::value("field.name", &field.name, message));
        }
        if !met.insert((&field.set, &field.name)) {
            let message = format!(
                "there are two of this name in the set {:?}: choose another name, or another set",
                field.set
            );
            return Err(ConfigError::value("field.name", &field.name, message));
        }
        if !field.date_format.is_empty() && field.kind != FieldKind::Date {
            let message = "is for as = \"date\" only";
            return Err(ConfigError::value(
                "field.date-format",
                &field.date_format,
                message,
            ));
        }
        let known = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        jiff::fmt::strtime::format(&field.date_format, &known)
            .map_err(|error| ConfigError::value("field.date-format", &field.date_format, error))?;
    }
    Ok(())
}

/// Whether a text can be a column and a part of a view's name without quotes.
fn is_name(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn tables_that_cannot_be_used() {
        let path = std::path::Path::new("c.toml");
        for (text, wanted) in [
            ("name = \"a\"", "1: field: the key \"selector\" is missing"),
            (
                "name = \"A b\"\nselector = \"p\"",
                "2: field.name = \"A b\": is no name of small letters",
            ),
            (
                "name = \"url\"\nselector = \"p\"",
                "2: field.name = \"url\": is the column of the page's own URL",
            ),
            (
                "name = \"a\"\nselector = \"p\"\n[[field]]\nname = \"a\"\nselector = \"b\"",
                "2: field.name = \"a\": there are two of this name in the set \"page\": choose another",
            ),
            (
                "name = \"a\"\nselector = \"p\"\n[[field]]\nname = \"b\"\nselector = \"p[\"",
                "6: field.selector = \"p[\": is no CSS selector",
            ),
            (
                "name = \"a\"\nselector = \"p\"\nurls = \"(\"",
                "4: field.urls = \"(\": not a regular expression: unclosed group",
            ),
            (
                "name = \"a\"\nselector = \"p\"\ntake = \"href\"",
                "4: field.take: \"href\" is none of text, html, attr:NAME, url:NAME",
            ),
            (
                "name = \"a\"\nselector = \"p\"\nas = \"int\"",
                "4: field.as: unknown value \"int\"",
            ),
            (
                "name = \"a\"\nselector = \"p\"\ndate-format = \"%Y\"",
                "4: field.date-format = \"%Y\": is for as = \"date\" only",
            ),
            (
                "name = \"a\"\nselector = \"p\"\nas = \"date\"\ndate-format = \"%J\"",
                "5: field.date-format = \"%J\": ",
            ),
            (
                "name = \"a\"\nselector = \"p\"\nall = 1",
                "4: field.all is a whole number; it must be true or false",
            ),
        ] {
            let error = Config::from_toml(&format!("[[field]]\n{text}"), path).expect_err(text);
            let error = error.to_string();
            assert!(
                error.starts_with(&format!("c.toml, line {wanted}")),
                "{error}"
            );
        }
    }

    #[test]
    fn written_and_read_back() {
        let mut config = Config::default();
        for take in ["text", "html", "attr:data-x", "url:href"] {
            let name = format!("f{}", config.field.len());
            config.field.push(FieldConfig {
                take: take.parse().expect(take),
                kind: FieldKind::Date,
                date_format: "%d.%m.%Y".to_owned(),
                ..FieldConfig::new(name, "p > a")
            });
        }
        let path = std::path::Path::new("x");
        let read = Config::from_toml(&config.to_toml(), path).expect("reads");
        assert_eq!(read, config);
    }
}
