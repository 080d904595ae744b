//! What sites say of the uses that their content may be put to: `Content-Usage`, `Content-Signal` and TDM
//! reservations. Pure.
//!
//! Three ways of saying so are known here, none of them a standard that is finished:
//!
//! * **Content-Usage** (`draft-ietf-aipref-attach`, `draft-ietf-aipref-vocab`): a line of robots.txt and a
//!   response header, `train-ai=n, search=y`.
//! * **Content-Signal** (contentsignals.org): the same two places, `search=yes, ai-input=no, ai-train=no`.
//! * **TDM reservation** (W3C `TDMRep`): the headers and the `<meta>` names `tdm-reservation`, `1` or `0`, and
//!   `tdm-policy`, a URL.
//!
//! They are read leniently, letter case aside, and `y` and `yes` are one; where two statements differ, the
//! one that asks for less wins. `/.well-known/tdmrep.json` is not asked for.

use std::fmt;

use crate::config::Purpose;

/// Most statements that are kept of one page, or of one line.
const MAX_STATEMENTS: usize = 32;
/// Longest category and value that are kept, in bytes.
const MAX_CATEGORY: usize = 64;
const MAX_VALUE: usize = 512;

/// In which way something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// `Content-Usage`
    Usage,
    /// `Content-Signal`
    Signal,
    /// `tdm-reservation`
    Reservation,
    /// `tdm-policy`
    Policy,
}

impl Name {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Usage, Self::Signal, Self::Reservation, Self::Policy];

    /// The name of the header, the line or the `<meta>`, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "content-usage",
            Self::Signal => "content-signal",
            Self::Reservation => "tdm-reservation",
            Self::Policy => "tdm-policy",
        }
    }
}

/// Where it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A line of robots.txt.
    Robots,
    /// A header of a response.
    Header,
    /// A `<meta>` of a page.
    Meta,
}

impl Source {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Robots => "robots.txt",
            Self::Header => "header",
            Self::Meta => "meta",
        }
    }
}

/// One statement: a category and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Where it is said.
    pub source: Source,
    /// In which way.
    pub name: Name,
    /// In robots.txt, the paths that it is about; `None`: all.
    pub path: Option<Box<str>>,
    /// Of what, in lower case (`ai-train`, `search`); `None` for a TDM reservation, which knows no categories.
    pub category: Option<Box<str>>,
    /// What is said, as it is written (`no`, `y`, `1`).
    pub value: Box<str>,
    /// Whether the content of its page was not kept for its sake.
    pub withheld: bool,
}

impl Signal {
    /// Whether it allows what it is about; `None` where it says neither.
    #[must_use]
    pub fn allows(&self) -> Option<bool> {
        let is = |words: [&str; 2]| {
            words
                .iter()
                .any(|word| self.value.eq_ignore_ascii_case(word))
        };
        match self.name {
            Name::Usage | Name::Signal if is(["n", "no"]) => Some(false),
            Name::Usage | Name::Signal if is(["y", "yes"]) => Some(true),
            Name::Reservation if &*self.value == "1" => Some(false),
            Name::Reservation if &*self.value == "0" => Some(true),
            _ => None,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name.as_str())?;
        if let Some(category) = &self.category {
            write!(f, "{category}=")?;
        }
        f.write_str(&self.value)
    }
}

/// Reads what is said in one way in one place, such as the value of a header. What says nothing comes to
/// nothing.
#[must_use]
pub fn read(source: Source, name: Name, text: &str) -> Vec<Signal> {
    let signal = |category: Option<&str>, value: &str| Signal {
        source,
        name,
        path: None,
        category: category.map(|category| cut(category, MAX_CATEGORY).to_ascii_lowercase().into()),
        value: cut(value, MAX_VALUE).into(),
        withheld: false,
    };
    let text = text.trim();
    if matches!(name, Name::Reservation | Name::Policy) {
        let said = (!text.is_empty()).then(|| signal(None, text));
        return said.into_iter().collect();
    }
    let statements = text.split(',').filter_map(|statement| {
        // What stands behind a semicolon are parameters, which mean nothing yet.
        let statement = statement.split(';').next().unwrap_or_default();
        let (category, value) = statement.split_once('=')?;
        let (category, value) = (category.trim(), value.trim());
        let is_one = |category: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c);
            !category.is_empty() && category.chars().all(known)
        };
        is_one(category).then(|| signal(Some(category), value))
    });
    statements.take(MAX_STATEMENTS).collect()
}

/// What the headers of a response say, their names being in lower case.
pub(crate) fn of_headers(headers: &[(String, String)]) -> Vec<Signal> {
    let mut signals = Vec::new();
    for name in Name::ALL {
        let values = headers
            .iter()
            .filter(|(header, _)| header == name.as_str())
            .flat_map(|(_, value)| read(Source::Header, name, value));
        let room = MAX_STATEMENTS - signals.len();
        signals.extend(values.take(room));
    }
    signals
}

/// The place of the statement that speaks against a purpose, if one does: one of the category itself, or,
/// where its category is not named, of one that includes it. A page's own reservation stands above its header's.
#[must_use]
pub fn denial(signals: &[Signal], purpose: Purpose) -> Option<usize> {
    let (own, wider) = categories(purpose)?;
    let said = |name: Name, words: &[&str]| {
        let places = signals.iter().enumerate().filter(|(_, signal)| {
            let category = signal.category.as_deref();
            signal.name == name && category.is_some_and(|category| words.contains(&category))
        });
        let said = places.filter_map(|(place, signal)| Some((place, signal.allows()?)));
        said.collect::<Vec<_>>()
    };
    let denies = |said: Vec<(usize, bool)>| said.into_iter().find(|(_, allows)| !allows);
    for name in [Name::Usage, Name::Signal] {
        let found = match said(name, own) {
            found if found.is_empty() => said(name, wider),
            found => found,
        };
        if let Some((place, _)) = denies(found) {
            return Some(place);
        }
    }
    if purpose == Purpose::Search {
        return None;
    }
    let reservation = |source: Source| {
        let of = |signal: &&Signal| signal.name == Name::Reservation && signal.source == source;
        let valid = signals.iter().filter(of).find_map(Signal::allows)?;
        let place = signals
            .iter()
            .position(|signal| of(&signal) && signal.allows() == Some(valid))?;
        Some((place, valid))
    };
    let (place, allows) = reservation(Source::Meta).or_else(|| reservation(Source::Header))?;
    (!allows).then_some(place)
}

/// The categories of a purpose in both vocabularies and their drafts, and those that include it.
fn categories(purpose: Purpose) -> Option<(&'static [&'static str], &'static [&'static str])> {
    match purpose {
        Purpose::Unsaid => None,
        Purpose::Search => Some((&["search"], &["all", "bots"])),
        Purpose::AiInput => Some((&["ai-input", "ai-output"], &["all", "bots", "tdm"])),
        Purpose::AiTrain => Some((
            &["ai-train", "train-ai", "train-genai", "ai", "genai"],
            &["all", "bots", "tdm"],
        )),
    }
}

/// The text up to a number of bytes.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements() {
        for (name, text, wanted) in [
            (
                Name::Signal,
                "search=yes, ai-train=no",
                "content-signal: search=yes|content-signal: ai-train=no",
            ),
            (
                Name::Signal,
                " AI-Train = NO ,, x",
                "content-signal: ai-train=NO",
            ),
            (
                Name::Usage,
                "train-ai=n;q=1, search=y",
                "content-usage: train-ai=n|content-usage: search=y",
            ),
            (
                Name::Usage,
                "train-ai, =n, a b=n, search=",
                "content-usage: search=",
            ),
            (Name::Usage, "", ""),
            (Name::Reservation, " 1 ", "tdm-reservation: 1"),
            (Name::Reservation, "", ""),
            (
                Name::Policy,
                "https://a.example/p?a=b,c",
                "tdm-policy: https://a.example/p?a=b,c",
            ),
        ] {
            let signals = read(Source::Header, name, text);
            let shown: Vec<String> = signals.iter().map(ToString::to_string).collect();
            assert_eq!(shown.join("|"), wanted, "{text}");
        }
        let long = format!("a={}", "é".repeat(MAX_VALUE));
        let many = "a=y,".repeat(1000);
        assert_eq!(
            read(Source::Header, Name::Usage, &long)[0].value.len(),
            MAX_VALUE
        );
        assert_eq!(
            read(Source::Header, Name::Usage, &many).len(),
            MAX_STATEMENTS
        );
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = [
            header("content-usage", &many),
            header("tdm-reservation", "1"),
        ];
        assert_eq!(of_headers(&headers).len(), MAX_STATEMENTS);
    }

    #[test]
    fn what_speaks_against_a_purpose() {
        use Purpose::{AiInput, AiTrain, Search, Unsaid};
        for (header, meta, denied) in [
            ("", "", &[][..]),
            (
                "content-signal: search=yes, ai-input=no, ai-train=no",
                "",
                &[AiInput, AiTrain],
            ),
            ("content-signal: search=no", "", &[Search]),
            ("content-signal: ai-train=maybe", "", &[]),
            ("content-usage: train-ai=n", "", &[AiTrain]),
            ("content-usage: train-ai=y, train-genai=n", "", &[AiTrain]),
            ("content-usage: all=n", "", &[Search, AiInput, AiTrain]),
            ("content-usage: bots=n, search=y", "", &[AiInput, AiTrain]),
            ("content-usage: TRAIN-AI=No", "", &[AiTrain]),
            (
                "content-usage: train-ai=y|content-signal: ai-train=no",
                "",
                &[AiTrain],
            ),
            ("tdm-reservation: 1", "", &[AiInput, AiTrain]),
            ("tdm-reservation: 2", "", &[]),
            ("tdm-reservation: 1", "0", &[]),
            ("tdm-reservation: 0", "1", &[AiInput, AiTrain]),
            ("tdm-reservation: 1", "x", &[AiInput, AiTrain]),
        ] {
            let lines = header.split('|').filter_map(|line| line.split_once(": "));
            let owned = lines.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let mut signals = of_headers(&owned.collect::<Vec<_>>());
            signals.extend(read(Source::Meta, Name::Reservation, meta));
            for purpose in [Unsaid, Search, AiInput, AiTrain] {
                let found = denial(&signals, purpose);
                assert_eq!(
                    found.is_some(),
                    denied.contains(&purpose),
                    "{header} {meta} {purpose:?}"
                );
                assert!(found.is_none_or(|place| signals[place].allows() == Some(false)));
            }
        }
    }
}
