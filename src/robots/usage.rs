//! The lines of a robots.txt that say what its content may be used for (`Content-Usage`, `Content-Signal`),
//! by path as `Allow` and `Disallow` are.
//!
//! To RFC 9309 they are "other records" (§2.2.4): they end no group, and count for the user
//! agents that stand above them.

use std::cmp::Reverse;

use super::pattern::{canonical, loosen, matches};
use crate::config::Purpose;
use crate::signals::{self, Name, Signal, Source};

/// A path and what is said of it: `/blog/ ai-train=no`. Without a path, it is said of all.
fn parts(value: &str) -> (&str, &str) {
    if !value.starts_with('/') {
        return ("", value);
    }
    let end = value.find([' ', '\t']).unwrap_or(value.len());
    value.split_at(end)
}

/// Longest path that is kept as data; what is said of a longer one is not. (It is obeyed all the same.)
const MAX_PATH: usize = 512;

/// What one line says.
pub(super) fn read(name: Name, value: &[u8]) -> Vec<Signal> {
    let value = String::from_utf8_lossy(value);
    let (path, said) = parts(&value);
    if path.len() > MAX_PATH {
        return Vec::new();
    }
    let mut signals = signals::read(Source::Robots, name, said);
    for signal in signals.iter_mut().filter(|_| !path.is_empty()) {
        signal.path = Some(path.into());
    }
    signals
}

/// One line, in one of the forms in which its path can match.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Usage {
    name: Name,
    /// How specific it is, as of a rule.
    octets: usize,
    pattern: String,
    denies: bool,
    line: String,
}

/// The lines for one purpose; none where none is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Usages(Vec<Usage>);

impl Usages {
    /// Takes in a line.
    pub(super) fn push(&mut self, name: Name, value: &[u8], purpose: Purpose) {
        if purpose == Purpose::Unsaid {
            return;
        }
        let text = String::from_utf8_lossy(value);
        let (path, said) = parts(&text);
        let said = signals::read(Source::Robots, name, said);
        let denies = signals::denial(&said, purpose).is_some();
        let path = if path.is_empty() { "/" } else { path };
        let (stem, end) = match path.strip_suffix('$') {
            Some(stem) => (stem, "$"),
            None => (path, ""),
        };
        let pattern = format!("{}{end}", canonical(stem.as_bytes(), true));
        let loose = loosen(&pattern);
        let octets = loose.as_ref().unwrap_or(&pattern).len();
        let key = match name {
            Name::Usage => "Content-Usage",
            _ => "Content-Signal",
        };
        let written: String = text.chars().filter(|c| !c.is_control()).take(512).collect();
        for pattern in [Some(pattern), loose].into_iter().flatten() {
            self.0.push(Usage {
                name,
                octets,
                pattern,
                denies,
                line: format!("{key}: {written}"),
            });
        }
    }

    pub(super) fn put_in_order(&mut self) {
        self.0.sort_by_key(|usage| Reverse(usage.octets));
        self.0.shrink_to_fit();
    }

    /// The line that speaks against a path, given in both forms: of each of the two kinds, those of the
    /// longest match decide, and one of them that denies is enough.
    pub(super) fn denial(&self, path: &str, loose: Option<&str>) -> Option<&str> {
        let matching = |usage: &&Usage| {
            matches(&usage.pattern, path) || loose.is_some_and(|path| matches(&usage.pattern, path))
        };
        [Name::Usage, Name::Signal].iter().find_map(|name| {
            let mut found = self
                .0
                .iter()
                .filter(|usage| usage.name == *name)
                .filter(matching)
                .peekable();
            let longest = found.peek()?.octets;
            let mut longest = found.take_while(|usage| usage.octets == longest);
            longest.find(|usage| usage.denies).map(|usage| &*usage.line)
        })
    }

    /// About how many bytes this holds.
    pub(super) fn size(&self) -> usize {
        let texts = self
            .0
            .iter()
            .map(|usage| usage.pattern.capacity() + usage.line.capacity());
        self.0.capacity() * size_of::<Usage>() + texts.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::spelt;
    use super::super::{Robots, signals};
    use crate::config::Purpose;

    /// `S:` is a signal, `C:` a usage.
    fn text(text: &str) -> String {
        spelt(text)
            .replace("S:", "Content-Signal:")
            .replace("C:", "Content-Usage:")
    }

    #[test]
    fn what_is_denied_for_training() {
        for (lines, path, line) in [
            (
                "U: *; S: ai-train=no",
                "/x",
                Some("Content-Signal: ai-train=no"),
            ),
            ("U: *; S: search=no", "/x", None),
            (
                "U: *; C: train-ai=n",
                "/x",
                Some("Content-Usage: train-ai=n"),
            ),
            ("U: *; S: ai-train=no", "/robots.txt", None),
            // Groups.
            ("S: ai-train=no; U: *; A: /", "/x", None),
            ("U: other; S: ai-train=no", "/x", None),
            (
                "U: *; S: ai-train=no; U: crawl; S: ai-train=yes",
                "/x",
                None,
            ),
            (
                "U: crawl; S: ai-train=no; U: b; S: ai-train=yes",
                "/x",
                Some("Content-Signal: ai-train=no"),
            ),
            // Paths.
            (
                "U: *; S: /a/ ai-train=no",
                "/a/b",
                Some("Content-Signal: /a/ ai-train=no"),
            ),
            ("U: *; S: /a/ ai-train=no", "/b", None),
            ("U: *; C: train-ai=n; C: /ok/\ttrain-ai=y", "/ok/x", None),
            ("U: *; C: train-ai=n; C: /ok/ search=y", "/ok/x", None),
            (
                "U: *; C: /ok/ train-ai=y; C: /ok/ train-ai=n",
                "/ok/x",
                Some("Content-Usage: /ok/ train-ai=n"),
            ),
            (
                "U: *; C: /*.pdf$ train-ai=n",
                "/a.pdf",
                Some("Content-Usage: /*.pdf$ train-ai=n"),
            ),
            ("U: *; C: /*.pdf$ train-ai=n", "/a.pdf?x", None),
            (
                "U: *; C: /%7ea train-ai=n",
                "/~a",
                Some("Content-Usage: /%7ea train-ai=n"),
            ),
            ("U: *; C: /a", "/a", None),
            // Each of the two kinds for itself.
            (
                "U: *; S: ai-train=no; C: /ok/ train-ai=y",
                "/ok/",
                Some("Content-Signal: ai-train=no"),
            ),
            // After the rules.
            ("U: *; S: ai-train=no; D: /x", "/x", Some("Disallow: /x")),
            (
                "U: *; S: ai-train=no; A: /x",
                "/x",
                Some("Content-Signal: ai-train=no"),
            ),
        ] {
            let body = text(lines);
            let robots = Robots::for_purpose(body.as_bytes(), "crawl", Purpose::AiTrain);
            let verdict = robots.verdict(path);
            assert_eq!(
                verdict.rule.filter(|_| !verdict.allowed),
                line,
                "{lines} {path}"
            );
            assert_eq!(verdict.allowed, line.is_none(), "{lines} {path}");
            let plain = Robots::parse(body.as_bytes(), "crawl");
            let forbidden = line == Some("Disallow: /x");
            assert_eq!(plain.verdict(path).allowed, !forbidden, "{lines} {path}");
        }
        let none = Robots::parse(text("U: *; S: ai-train=no").as_bytes(), "crawl");
        assert_eq!(none, Robots::parse(b"", "crawl"));
    }

    #[test]
    fn hostile_lines() {
        let path = format!("/{}", "a".repeat(4095));
        for (value, allowed) in [
            (format!("/{} ai-train=no", "a".repeat(100_000)), true),
            (format!("/{} ai-train=no", "*a".repeat(30_000)), true),
            (format!("/{}$ ai-train=no", "*a".repeat(30)), false),
            (format!("/{} ai-train=no", "*".repeat(100_000)), false),
            (format!("{}ai-train=no", "x=y,".repeat(100_000)), true),
            ("/\u{0}\u{7} ai-train=no".to_owned(), true),
            ("\u{7}ai-train=no, ai-train=no".to_owned(), false),
        ] {
            let body = format!("User-agent: *\nContent-Signal: {value}");
            let robots = Robots::for_purpose(body.as_bytes(), "crawl", Purpose::AiTrain);
            let verdict = robots.verdict(&path);
            assert_eq!(verdict.allowed, allowed, "{value:.40}");
            let clean = |line: &str| line.len() < 600 && !line.contains(char::is_control);
            assert!(verdict.rule.is_none_or(clean), "{value:.40}");
            let signals = signals(body.as_bytes(), "crawl");
            assert!(signals.len() <= 32, "{value:.40}");
        }
    }

    #[test]
    fn lines_are_data() {
        let body = text(
            "U: other; S: a=no; U: *; S: search=yes,ai-train=no # x; D: /x; content-usage /b train-ai=n",
        );
        let shown: Vec<String> = signals(body.as_bytes(), "crawl")
            .iter()
            .map(|signal| format!("{} {signal}", signal.path.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(
            shown,
            [
                "- content-signal: search=yes",
                "- content-signal: ai-train=no",
                "/b content-usage: train-ai=n"
            ]
        );
        let many = format!(
            "User-agent: *\n{}",
            "Content-Usage: train-ai=n\n".repeat(5000)
        );
        assert_eq!(
            signals(many.as_bytes(), "crawl").len(),
            super::super::MAX_SIGNALS
        );
    }
}
