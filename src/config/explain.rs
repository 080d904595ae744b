//! What the TOML reader finds wrong with a file, as a sentence that names the key, what is wrong with it,
//! and the nearest valid word or an example. Values are not repeated where they may be secrets.

use toml::de::{DeTable, DeValue};

use super::{Config, nearest};

/// Makes a sentence of an error of the TOML reader.
pub(super) fn explain(error: &toml::de::Error, text: &str) -> String {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let (document, broken) = DeTable::parse_recoverable(text);
    if let Some(name) = doubled(document.get_ref()) {
        return format!("{name} is one section: write [{name}], not [[{name}]]");
    }
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    if !broken.is_empty() {
        return syntax(&message, text, at);
    }
    let place = Place::at(document.get_ref(), at);
    let word = message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("unknown field") {
        unknown_key(word, &message)
    } else if message.starts_with("unknown variant") {
        place.says(&format!(
            "unknown value {word:?}; {}",
            valid_words(word, &message)
        ))
    } else if message.starts_with("missing field") {
        place.says(&format!("the key {word:?} is missing"))
    } else if let Some(expected) = expected(&message) {
        place.mistaken(expected, message.starts_with("invalid value"))
    } else {
        place.says(&message)
    }
}

/// Where a key (`scope.include`) stands in a file that reads; of several tables of one name, in the one in
/// which it has this value, else in the first that has it.
pub(super) fn place(key: &str, value: &str, text: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let (section, key) = key.split_once('.')?;
    let start = |table: &DeTable<'_>| table.get_key_value(key).map(|(name, _)| name.span().start);
    match document.get_ref().get(section)?.get_ref() {
        DeValue::Table(table) => start(table),
        DeValue::Array(list) => {
            let tables = || list.iter().filter_map(|item| item.get_ref().as_table());
            let has = |table: &&DeTable<'_>| {
                let found = table.get(key).map(|found| found.get_ref());
                found.is_some_and(|found| match found {
                    DeValue::String(text) => text == value,
                    DeValue::Integer(number) => number.as_str() == value,
                    _ => false,
                })
            };
            tables()
                .find(has)
                .and_then(start)
                .or_else(|| tables().find_map(start))
        }
        _ => None,
    }
}

/// A section that is written as a list of sections; its first key would be blamed otherwise.
fn doubled(document: &DeTable<'_>) -> Option<String> {
    let defaults = defaults();
    let mut doubled = document.iter().filter(|(name, value)| {
        value.get_ref().is_array()
            && defaults
                .get(name.get_ref().as_ref())
                .is_some_and(toml::Value::is_table)
    });
    doubled.next().map(|(name, _)| name.get_ref().to_string())
}

/// What is there is no TOML.
fn syntax(message: &str, text: &str, at: usize) -> String {
    let begin = text
        .get(..at)
        .map_or(0, |head| head.rfind('\n').map_or(0, |at| at + 1));
    let line = text
        .get(begin..)
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    let key = line.split('=').next().unwrap_or_default().trim();
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let key = Some(key).filter(|key| !key.is_empty() && key.chars().all(bare));
    if message.starts_with("duplicate key") {
        // Of a line that is neither a bare key nor a heading nothing is repeated: it has a value.
        let heading = Some(line.trim()).filter(|line| line.starts_with('['));
        let what = key.or(heading).unwrap_or("a key");
        return format!("{what} stands here for the second time");
    }
    let words = if message.starts_with("string values must be quoted") {
        let example = key.and_then(|key| example(key, None)).unwrap_or_default();
        format!("text must be in quotes{example}")
    } else {
        format!("this is no TOML: {message}")
    };
    match key {
        Some(key) => format!("{key}: {words}"),
        None => words,
    }
}

fn unknown_key(word: &str, message: &str) -> String {
    let elsewhere = defaults().into_iter().find_map(|(section, keys)| {
        let there = keys.as_table().is_some_and(|keys| keys.contains_key(word));
        there.then_some(section)
    });
    let listed = message
        .split('`')
        .skip(3)
        .step_by(2)
        .any(|valid| valid == word);
    match elsewhere.filter(|_| !listed) {
        Some(section) => format!("unknown key {word:?} here; it belongs into [{section}]"),
        None => format!("unknown key {word:?}; {}", valid_words(word, message)),
    }
}

/// The nearest of the words in a message, or all of them.
fn valid_words(word: &str, message: &str) -> String {
    let valid: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
    match nearest(word, valid.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("valid are {}", valid.join(", ")),
    }
}

/// What serde wanted, in the words of people, from "invalid type: …, expected …".
fn expected(message: &str) -> Option<&'static str> {
    if message == "wanted string or table" {
        return Some("text in quotes");
    }
    let wrong = message.starts_with("invalid type") || message.starts_with("invalid value");
    let (_, wanted) = message.rsplit_once("expected ").filter(|_| wrong)?;
    Some(match wanted {
        "a sequence" => "a list",
        "a string" | "path string" | "string or table" => "text in quotes",
        "a boolean" => "true or false, without quotes",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        _ if wanted.starts_with("struct ") => "a section",
        _ => return None,
    })
}

/// Where in a file an error is: the keys down to it, and what stands there.
struct Place {
    path: Vec<String>,
    found: &'static str,
    /// Whether it is a value within a list.
    listed: bool,
}

impl Place {
    fn at(document: &DeTable<'_>, at: usize) -> Self {
        let mut place = Self {
            path: Vec::new(),
            found: "a section",
            listed: false,
        };
        place.go_down(document, at);
        place
    }

    fn go_down(&mut self, table: &DeTable<'_>, at: usize) {
        for (name, value) in table {
            let within = |value: &toml::Spanned<DeValue<'_>>| {
                value.span().contains(&at) || value.span().start == at
            };
            // The span of a section is its heading; what it holds stands below.
            let holds = |table: &DeTable<'_>| {
                table
                    .iter()
                    .any(|(name, value)| name.span().start == at || reaches(value, at))
            };
            match value.get_ref() {
                DeValue::Table(inner) if within(value) || holds(inner) => {
                    self.path.push(name.get_ref().to_string());
                    return self.go_down(inner, at);
                }
                DeValue::Array(list)
                    if within(value) || list.iter().any(|item| reaches(item, at)) =>
                {
                    self.path.push(name.get_ref().to_string());
                    self.found = "a list";
                    if let Some(item) = list.iter().find(|item| reaches(item, at)) {
                        match item.get_ref() {
                            DeValue::Table(inner) => return self.go_down(inner, at),
                            other => (self.found, self.listed) = (words_of(other), true),
                        }
                    }
                    return;
                }
                other if within(value) => {
                    self.path.push(name.get_ref().to_string());
                    self.found = words_of(other);
                    return;
                }
                _ => {}
            }
        }
    }

    fn says(&self, message: &str) -> String {
        let gap = if message.starts_with("must ") {
            " "
        } else {
            ": "
        };
        match self.path.as_slice() {
            [] => message.to_owned(),
            path => format!("{}{gap}{message}", path.join(".")),
        }
    }

    /// A value of another kind than is wanted.
    fn mistaken(&self, wanted: &str, beyond: bool) -> String {
        let (path, key) = (
            self.path.join("."),
            self.path.last().map_or("", String::as_str),
        );
        if wanted == "a section" {
            return format!(
                "{path} is {}, but {key} is a section: write [{key}] on a line of its own",
                self.found
            );
        }
        if wanted == "a list" && self.found == "a section" {
            return format!("{path} is a list of sections: write [[{path}]]");
        }
        if beyond {
            return format!(
                "{path} is out of range; it must be {wanted} from 0 to {}",
                u32::MAX
            );
        }
        if self.listed {
            return format!(
                "{path} has {} in its list; it must be {wanted} there",
                self.found
            );
        }
        let example = example(key, Some(wanted)).unwrap_or_default();
        format!("{path} is {}; it must be {wanted}{example}", self.found)
    }
}

/// Whether a value, or something in it, stands at a place of the text.
fn reaches(value: &toml::Spanned<DeValue<'_>>, at: usize) -> bool {
    value.span().contains(&at)
        || match value.get_ref() {
            DeValue::Table(table) => table
                .iter()
                .any(|(name, value)| name.span().start == at || reaches(value, at)),
            DeValue::Array(list) => list.iter().any(|item| reaches(item, at)),
            _ => false,
        }
}

fn words_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

fn defaults() -> toml::Table {
    toml::Table::try_from(Config::default()).unwrap_or_default()
}

/// The key as it could be written: with its default where that says something.
fn example(key: &str, wanted: Option<&str>) -> Option<String> {
    if wanted == Some("a list") {
        return Some(format!(", such as {key} = [\"…\"]"));
    }
    let defaults = defaults();
    let mut sections = defaults.values().filter_map(toml::Value::as_table);
    let value = sections.find_map(|keys| keys.get(key))?;
    let tells = match value {
        toml::Value::String(text) => !text.is_empty(),
        toml::Value::Integer(_) => true,
        _ => false,
    };
    tells.then(|| format!(", such as {key} = {value}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;

    /// What is written, then the line and what is said of it.
    const MISTAKES: [(&str, &str); 29] = [
        (
            "[host]\nmatch = \"a.example\"",
            "1: host is a list of sections: write [[host]]",
        ),
        (
            "[[host]]\nrate = \"5/s\"",
            "1: host: the key \"match\" is missing",
        ),
        (
            "[[host]]\nmatch = \"a\"\n[[host]]\nmatch = \"b\"\nrates = \"5/s\"",
            "5: unknown key \"rates\"; did you mean \"rate\"?",
        ),
        (
            "[[host]]\nmatch = \"a\"\nretries = 2",
            "3: unknown key \"retries\" here; it belongs into [fetch]",
        ),
        (
            "[scope]\ninclude = \"x\"",
            "2: scope.include is text; it must be a list, such as include = [\"…\"]",
        ),
        (
            "[scope]\ninclude = [\n\"a\",\n1]",
            "4: scope.include has a whole number in its list; it must be text in quotes there",
        ),
        (
            "[scope]\nmax-depth = \"three\"",
            "2: scope.max-depth must be a whole number, such as 100, or \"unlimited\"",
        ),
        (
            "[scope]\nmax-depth = -1",
            "2: scope.max-depth must be a whole number, such as 100, or \"unlimited\"",
        ),
        (
            "scope.max-depth = 1.5",
            "1: scope.max-depth must be a whole number, such as 100, or \"unlimited\"",
        ),
        (
            "[scope]\ntime-limit = 60",
            "2: scope.time-limit: \"60\" is not a duration such as 500ms, 10s, 5m, 2h or 1d, nor unlimited",
        ),
        (
            "[scope]\nscope = 3",
            "2: scope.scope is a whole number; it must be text in quotes, such as scope = \"host\"",
        ),
        (
            "[scope]\nscope = \"hots\"",
            "2: scope.scope: unknown value \"hots\"; did you mean \"host\"?",
        ),
        (
            "[scope]\nignore-nofollow = \"yes\"",
            "2: scope.ignore-nofollow is text; it must be true or false, without quotes",
        ),
        (
            "[politeness]\nburst = -1",
            "2: politeness.burst is out of range; it must be a whole number from 0 to 4294967295",
        ),
        (
            "[politeness]\nburst = \"3\"",
            "2: politeness.burst is text; it must be a whole number, such as burst = 1",
        ),
        (
            "[politeness]\n\nrate = \"5\"",
            "3: politeness.rate: \"5\" is not a rate such as 5/s, 30/min, 100/h or unlimited",
        ),
        (
            "[politeness]\nrate = 5",
            "2: politeness.rate: \"5\" is not a rate such as 5/s, 30/min, 100/h or unlimited",
        ),
        (
            "[politeness]\nrate = 5/s",
            "2: rate: text must be in quotes, such as rate = \"5/s\"",
        ),
        (
            "[fetch]\ntimeout = \"10 parsecs\"",
            "2: fetch.timeout: \"10 parsecs\" is not a duration such as 500ms, 10s, 5m, 2h or 1d",
        ),
        (
            "[fetch]\nmax-body = 512",
            "2: fetch.max-body must be in quotes: \"512\"",
        ),
        // A value that may be a secret is not repeated.
        (
            "[fetch]\nheader = \"Authorization: s3cret\"",
            "2: fetch.header is text; it must be a list, such as header = [\"…\"]",
        ),
        (
            "scope = \"host\"",
            "1: scope is text, but scope is a section: write [scope] on a line of its own",
        ),
        (
            "[[scope]]\nscope = \"host\"",
            "2: scope is one section: write [scope], not [[scope]]",
        ),
        (
            "[scope]\nmax-dept = 3",
            "2: unknown key \"max-dept\"; did you mean \"max-depth\"?",
        ),
        (
            "[polite]",
            "1: unknown key \"polite\"; did you mean \"politeness\"?",
        ),
        (
            "rate = \"5/s\"",
            "1: unknown key \"rate\" here; it belongs into [politeness]",
        ),
        (
            "[fetch]\nxyzzy = 1\n[fetch]",
            "3: [fetch] stands here for the second time",
        ),
        (
            "[fetch]\n\"a b\" = 1\n\"a b\" = \"s3cret\"",
            "3: a key stands here for the second time",
        ),
        (
            "[scope]\nscope = \"any\"\nscope = \"any\"",
            "3: scope stands here for the second time",
        ),
    ];

    #[test]
    fn every_mistake_is_one_sentence() {
        for (text, wanted) in MISTAKES {
            let error = Config::from_toml(text, Path::new("c.toml")).expect_err(text);
            assert_eq!(
                error.to_string(),
                format!("c.toml, line {wanted}"),
                "{text}"
            );
        }
        for (text, wanted) in [
            (
                "[scope]\n\nexclude = [\"(x\"]",
                "3: scope.exclude = \"(x\": not a regular expression: unclosed group",
            ),
            (
                "[[host]]\nmatch = \"a\"\n[[host]]\nmatch = \"b/\"",
                "4: host.match = \"b/\": is none of example.com, example.com:8080, *.example.com, https://example.com",
            ),
            (
                "[[host]]\nmatch = \"a\"\nburst = 0",
                "3: host.burst = \"0\": must be at least 1",
            ),
            (
                "[politeness]\nburst = 0",
                "2: politeness.burst = \"0\": must be at least 1",
            ),
            (
                "[fetch]\nheader = [\"X s3cret\"]",
                "2: fetch.header = \"<redacted>\": is not of the form 'Name: value'",
            ),
        ] {
            let error = Config::from_toml(text, Path::new("c.toml")).expect_err(text);
            assert_eq!(
                error.to_string(),
                format!("c.toml, line {wanted}"),
                "{text}"
            );
        }
        for text in ["[scope", "[scope]\nscope: \"host\"", "[scope]\nscope = 'x"] {
            let error = Config::from_toml(text, Path::new("c.toml")).expect_err(text);
            assert!(error.to_string().contains("this is no TOML: "), "{error}");
        }
    }
}
