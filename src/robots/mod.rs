//! What one robots.txt allows one product token: RFC 9309, read and matched. No I/O, no clock.
//!
//! Where the RFC leaves a choice, or other readers of it differ:
//!
//! * **Product tokens** (§2.2.1) are compared whole, never by prefix: `hedwig` does not speak for
//!   `hedwig-new`. The token of a `User-agent` line is its first word (`FOO BAR` and `Foo/2.1` name
//!   `foo`), and digits belong to the word: `Crawl4AI` is not `crawl`.
//! * **Escapes** (§2.2.2) are compared in one canonical form, rule and URL alike. A reserved
//!   character equals its escape except where it delimits: see `pattern::loosen`.
//! * **A rule that begins with neither `/` nor `*`** is none (§2.2, `path-pattern`).
//! * **A final `$`** ends the match (§2.2.3). In a `Disallow` it forbids, besides, the URL that has
//!   a `$` in that place: whoever wrote it may have meant that, and it costs next to nothing.
//! * **`Crawl-delay`** counts as a rule: a user agent named after it opens another group, as those
//!   who write it mean it (`User-agent: *`, `Crawl-delay: 5`, `User-agent: BadBot`, `Disallow: /`)
//!   and as other readers that know it have it. To the RFC it is one of the "other records" that end
//!   no group (§2.2.4), as all others here. Of several delays the longest holds.
//! * **`Content-Usage` and `Content-Signal`** end no group: see `usage`. Where a purpose is given, a line that
//!   speaks against it forbids what the rules allow.
//! * **Lenience**: white space may stand for the colon, and the misspellings in `lines::KEYS` count.

use std::cmp::Reverse;
use std::time::Duration;

use lines::{Group, Line};
use pattern::{canonical, canonical_path, loosen, matches};
use usage::Usages;

use crate::config::Purpose;
use crate::signals::Signal;

pub use lines::{is_product_token, product_token};

mod lines;
mod pattern;
mod usage;

/// How much of a robots.txt is read (RFC 9309 §2.5 asks for 500 KiB at least).
pub const MAX_BYTES: usize = 1024 * 1024;

/// How many redirects in a row are followed to a robots.txt (RFC 9309 §2.3.1.2).
pub const MAX_REDIRECTS: usize = 5;

/// Bytes of a path that are gone over, rule after rule with a `*`, before its answer is no. The one who asks is
/// the one who starts all requests: 80,000 such rules, and a URL of 2 KiB, would cost every host its time.
const MAX_LOOKED_AT: usize = 8 << 20;

/// What stands in place of a line where that was too much.
const TOO_MANY: &str = "too many rules with * for so long a URL";

/// Most statements about uses that [`signals`] answers with.
pub const MAX_SIGNALS: usize = 1000;

/// What the response to a request for robots.txt means (RFC 9309 §2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Its body is the rules (§2.3.1.1).
    Rules,
    /// The file is elsewhere and the redirect is to be followed (§2.3.1.2).
    Follow,
    /// "Unavailable": there is no file, everything is allowed (§2.3.1.3).
    AllowAll,
    /// "Unreachable": nothing is allowed, and the file is asked for again (§2.3.1.4).
    DisallowAll,
}

impl Answer {
    /// Reads a status after `redirects` that were followed; `None` is a network failure.
    ///
    /// 429 stands beside 5xx, although the RFC counts every 4xx as unavailable: it speaks of the
    /// asker's haste, not of the file. A redirect that leads nowhere is a redirect too many; a 304,
    /// which leaves the old rules in force, is not for this function.
    #[must_use]
    pub fn from_status(status: Option<u16>, redirects: usize) -> Self {
        match status {
            Some(200..=299) => Self::Rules,
            Some(300..=399) if redirects < MAX_REDIRECTS => Self::Follow,
            Some(429) => Self::DisallowAll,
            Some(300..=499) => Self::AllowAll,
            _ => Self::DisallowAll,
        }
    }

    /// The rules that hold after this answer; until a redirect is followed, nothing is allowed.
    #[must_use]
    pub fn robots(self, body: &[u8], agent: &str) -> Robots {
        match self {
            Self::Rules => Robots::parse(body, agent),
            Self::AllowAll => Robots::allow_all(),
            Self::Follow | Self::DisallowAll => Robots::disallow_all(),
        }
    }
}

/// Whether a URL may be fetched, and what decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict<'a> {
    /// May it be fetched?
    pub allowed: bool,
    /// The line that decided, such as `Disallow: /private/*`; `None` where no rule matched or there
    /// is no file.
    pub rule: Option<&'a str>,
}

/// The `Sitemap` lines of a robots.txt, as written: whoever is asking, they are the same (RFC 9309 §2.2.4).
pub fn sitemaps(body: &[u8]) -> impl Iterator<Item = String> {
    let named = |line| match line {
        Line::Sitemap(value) if !value.is_empty() => {
            Some(String::from_utf8_lossy(value).into_owned())
        }
        _ => None,
    };
    lines::lines(lines::within_bounds(body)).filter_map(named)
}

/// The compiled rules of one robots.txt for one product token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Robots {
    /// In order of precedence: the first that matches decides.
    rules: Vec<Rule>,
    /// All that the rules point into.
    text: String,
    /// What holds where no rule matches.
    otherwise: bool,
    crawl_delay: Option<Duration>,
    sitemaps: Vec<String>,
    /// What speaks against the purpose of the crawl.
    usages: Usages,
}

/// What a robots.txt says of the uses of its content to `agent`, a product token or a whole `User-Agent`, in
/// its order; at most [`MAX_SIGNALS`] statements.
#[must_use]
pub fn signals(body: &[u8], agent: &str) -> Vec<Signal> {
    let mut signals = Vec::new();
    each_line(body, agent, |line, ours| match line {
        Line::Usage { name, value } if ours && signals.len() < MAX_SIGNALS => {
            signals.extend(usage::read(name, value));
        }
        _ => {}
    });
    signals.truncate(MAX_SIGNALS);
    signals
}

/// Goes over the lines that mean something, and says of each whether it is for `agent`.
fn each_line<'a>(body: &'a [u8], agent: &str, mut visit: impl FnMut(Line<'a>, bool)) {
    let body = lines::within_bounds(body);
    let token = product_token(agent).as_bytes();
    let named = !token.is_empty() && lines::lines(body).any(|line| line.names(token));
    // RFC 9309 §2.2.1: the groups that name the token, else those of `*`, are one group.
    let token = if named { token } else { b"*" };
    let mut group = Group::default();
    for line in lines::lines(body) {
        match line {
            Line::Agent(_) => group.agent(line.names(token)),
            Line::Rule { .. } | Line::Delay(_) => visit(line, group.rule()),
            Line::Usage { .. } | Line::Sitemap(_) => visit(line, group.is_ours()),
        }
    }
}

impl Robots {
    /// Compiles the rules for `agent`, a product token or a whole `User-Agent` that begins with one.
    ///
    /// Any bytes will do: what is no robots.txt has no rules. What lies beyond [`MAX_BYTES`] is not
    /// read, nor is the line it cuts through.
    #[must_use]
    pub fn parse(body: &[u8], agent: &str) -> Self {
        Self::for_purpose(body, agent, Purpose::Unsaid)
    }

    /// [`Robots::parse`] for a crawl whose purpose is known: what a `Content-Usage` or a `Content-Signal`
    /// denies to that purpose is forbidden, even where a rule allows it.
    #[must_use]
    pub fn for_purpose(body: &[u8], agent: &str, purpose: Purpose) -> Self {
        let mut robots = Self::allow_all();
        each_line(body, agent, |line, ours| match line {
            Line::Rule { allow, value } if ours => robots.push(allow, value),
            Line::Delay(value) if ours => {
                robots.crawl_delay = robots.crawl_delay.max(lines::delay(value));
            }
            Line::Usage { name, value } if ours => robots.usages.push(name, value, purpose),
            Line::Sitemap(value) if !value.is_empty() => {
                let value = String::from_utf8_lossy(value).into_owned();
                robots.sitemaps.push(value);
            }
            _ => {}
        });
        robots.put_in_order();
        robots
    }

    /// No rules: what an unavailable robots.txt means (RFC 9309 §2.3.1.3).
    #[must_use]
    pub fn allow_all() -> Self {
        Self {
            rules: Vec::new(),
            text: String::new(),
            otherwise: true,
            crawl_delay: None,
            sitemaps: Vec::new(),
            usages: Usages::default(),
        }
    }

    /// Nothing but `/robots.txt`: what an unreachable one means (RFC 9309 §2.3.1.4).
    #[must_use]
    pub fn disallow_all() -> Self {
        Self {
            otherwise: false,
            ..Self::allow_all()
        }
    }

    /// Asks for a URL's path with its query (RFC 9309 §2.2.2): the match of most octets decides, and
    /// of two equal ones the `Allow`. What that allows, a line about uses may still forbid.
    #[must_use]
    pub fn verdict(&self, path_and_query: &str) -> Verdict<'_> {
        let path = canonical_path(path_and_query);
        if path == "/robots.txt" {
            return Verdict {
                allowed: true,
                rule: None,
            };
        }
        let loose = loosen(&path);
        let mut looked_at = 0;
        let mut decides = |rule: &&Rule| {
            let pattern = rule.pattern.of(&self.text);
            let (head, wild) = pattern.split_at(rule.head as usize);
            let mut matches = |path: &str| {
                let begins = path.starts_with(head);
                looked_at += if begins && !wild.is_empty() {
                    path.len()
                } else {
                    0
                };
                begins && matches(pattern, path)
            };
            matches(&path) || loose.as_deref().is_some_and(matches) || looked_at > MAX_LOOKED_AT
        };
        let found = self.rules.iter().find(&mut decides);
        if looked_at > MAX_LOOKED_AT {
            return Verdict {
                allowed: false,
                rule: Some(TOO_MANY),
            };
        }
        let verdict = match found {
            Some(rule) => Verdict {
                allowed: rule.allow,
                rule: Some(rule.line.of(&self.text)),
            },
            None => Verdict {
                allowed: self.otherwise,
                rule: None,
            },
        };
        match self.usages.denial(&path, loose.as_deref()) {
            Some(line) if verdict.allowed => Verdict {
                allowed: false,
                rule: Some(line),
            },
            _ => verdict,
        }
    }

    /// The `Crawl-delay` asked for, as written; `None` where there is none or it is no delay.
    #[must_use]
    pub fn crawl_delay(&self) -> Option<Duration> {
        self.crawl_delay
    }

    /// The `Sitemap` lines of the whole file, as written: they belong to no group (RFC 9309 §2.2.4).
    #[must_use]
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }

    /// About how many bytes this holds.
    #[must_use]
    pub fn size(&self) -> usize {
        let sitemaps = self.sitemaps.iter();
        size_of::<Self>()
            + self.text.capacity()
            + self.rules.capacity() * size_of::<Rule>()
            + sitemaps
                .map(|text| size_of::<String>() + text.capacity())
                .sum::<usize>()
            + self.usages.size()
    }

    /// Takes in one rule, in each form in which it can match.
    fn push(&mut self, allow: bool, value: &[u8]) {
        if !matches!(value.first(), Some(b'/' | b'*')) {
            return;
        }
        let (body, end) = match value.strip_suffix(b"$") {
            Some(body) => (body, "$"),
            None => (value, ""),
        };
        let stem = canonical(body, true);
        let pattern = format!("{stem}{end}");
        let loose = loosen(&pattern);
        // Measured unescaped, so that two spellings of one path weigh the same.
        let octets = loose.as_ref().unwrap_or(&pattern).len() as u32;
        let literal = (!allow && end == "$").then(|| format!("{stem}%24"));

        let key = if allow { "Allow: " } else { "Disallow: " };
        let written = match str::from_utf8(value) {
            Ok(value) if !value.contains(char::is_control) => value,
            _ => &pattern,
        };
        let line = self.store(&[key, written]);
        let as_written = (written == pattern).then(|| line.skip(key.len()));
        for (pattern, stored) in [(Some(pattern), as_written), (loose, None), (literal, None)] {
            let Some(pattern) = pattern else { continue };
            let stored = stored.unwrap_or_else(|| self.store(&[&pattern]));
            self.rules.push(Rule {
                allow,
                octets,
                head: pattern.find(['*', '$']).unwrap_or(pattern.len()) as u32,
                line,
                pattern: stored,
            });
        }
    }

    // No offset passes `u32`: a body of `MAX_BYTES` grows less than thirtyfold.
    fn store(&mut self, parts: &[&str]) -> Span {
        let at = self.text.len();
        self.text.extend(parts.iter().copied());
        Span {
            at: at as u32,
            len: (self.text.len() - at) as u32,
        }
    }

    /// Puts the rules in order of precedence, drops what is said twice, gives spare room back.
    fn put_in_order(&mut self) {
        let text = &self.text;
        let key = |rule: &Rule| (Reverse(rule.octets), !rule.allow, rule.pattern.of(text));
        self.rules.sort_by(|one, other| key(one).cmp(&key(other)));
        self.rules.dedup_by(|one, other| key(one) == key(other));
        self.rules.shrink_to_fit();
        self.text.shrink_to_fit();
        self.sitemaps.shrink_to_fit();
        self.usages.put_in_order();
    }
}

/// One rule in one of its forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    allow: bool,
    /// How specific it is (RFC 9309 §2.2.2), `*` and `$` counted.
    octets: u32,
    /// The bytes of the pattern before its first `*` or `$`.
    head: u32,
    line: Span,
    pattern: Span,
}

/// A place in [`Robots::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    at: u32,
    len: u32,
}

impl Span {
    fn of(self, text: &str) -> &str {
        &text[self.at as usize..][..self.len as usize]
    }

    fn skip(self, bytes: usize) -> Self {
        Self {
            at: self.at + bytes as u32,
            len: self.len - bytes as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `U: *; D: /` as a robots.txt.
    pub(super) fn spelt(text: &str) -> String {
        text.replace("; ", "\n")
            .replace("U:", "User-agent:")
            .replace("D:", "Disallow:")
            .replace("A:", "Allow:")
    }

    pub(super) fn robots(text: &str) -> Robots {
        Robots::parse(spelt(text).as_bytes(), "crawl")
    }

    /// A group for all, of these lines.
    pub(super) fn rules(lines: &str) -> Robots {
        robots(&format!("U: *; {lines}"))
    }

    pub(super) fn allowed(robots: &Robots, path: &str) -> bool {
        robots.verdict(path).allowed
    }

    #[test]
    fn which_rule_decides() {
        for (lines, path, rule) in [
            ("D: /a; A: /a/b", "/a/b/c", "Allow: /a/b"),
            ("A: /a/b; D: /a", "/a/c", "Disallow: /a"),
            ("D: /a; A: /a", "/a", "Allow: /a"),
            ("A: /p; D: /*.htm", "/p.htm", "Disallow: /*.htm"),
            ("A: /$; D: /", "/", "Allow: /$"),
            ("A: /$; D: /", "/a", "Disallow: /"),
            // Octets after encoding: ten are more than eight.
            ("A: /ツ; D: /*******", "/ツ", "Allow: /ツ"),
            // Two spellings of one path weigh the same.
            ("D: /?%2F%2F; A: /?//", "/?//", "Allow: /?//"),
            ("D: /%61%61; A: /aa", "/aa", "Allow: /aa"),
            ("D: /\u{1b}[2J", "/%1B[2J", "Disallow: /%1B[2J"),
            ("D: /", "/robots.txt", ""),
            ("D: /", "/robots.txt?x", "Disallow: /"),
            ("D: /", "/a/robots.txt", "Disallow: /"),
            ("D: /a", "/b", ""),
        ] {
            let robots = rules(lines);
            let verdict = robots.verdict(path);
            assert_eq!(verdict.rule.unwrap_or(""), rule, "{lines} {path}");
            assert_eq!(verdict.allowed, !rule.starts_with('D'), "{lines} {path}");
        }
    }

    /// Rules without end cost no more than they may; short URLs have their answer all the same.
    #[test]
    fn many_rules_and_a_long_url() {
        let lines: String = (0..60_000)
            .map(|n| format!("Disallow: *ab{n}$\n"))
            .collect();
        let robots = rules(&lines);
        let long = format!("/{}", "a".repeat(2000));
        for (path, rule) in [
            ("/short", ""),
            ("/xab17", "Disallow: *ab17$"),
            (&*long, TOO_MANY),
        ] {
            let verdict = robots.verdict(path);
            assert_eq!(verdict.rule.unwrap_or(""), rule, "{path}");
            assert_eq!(verdict.allowed, rule.is_empty(), "{path}");
        }
    }

    #[test]
    fn delays_and_sitemaps() {
        for (value, wanted) in [
            ("5", Some(5.0)),
            ("0", Some(0.0)),
            ("0.25 # s", Some(0.25)),
            ("-1", None),
            ("1e999", None),
            ("1e300", None),
            ("inf", None),
            ("NaN", None),
            ("10s", None),
            ("", None),
        ] {
            let robots = rules(&format!("Crawl-delay: {value}\n"));
            let wanted = wanted.map(Duration::from_secs_f64);
            assert_eq!(robots.crawl_delay(), wanted, "{value}");
        }
        let robots = robots(
            "Sitemap: /first; U: a; U: crawl; Crawl-delay: 3; Crawl-delay: x; \
             U: b; Crawl-delay: 9; site-map: http://a.example/2 # two; Sitemap:; \
             U: crawl; Crawl-delay: 1; U: *; Crawl-delay: 7",
        );
        assert_eq!(robots.crawl_delay(), Some(Duration::from_secs(3)));
        assert_eq!(robots.sitemaps(), ["/first", "http://a.example/2"]);
    }

    #[test]
    fn answers() {
        for (status, redirects, wanted) in [
            (Some(200), 0, Answer::Rules),
            (Some(204), MAX_REDIRECTS, Answer::Rules),
            (Some(301), 0, Answer::Follow),
            (Some(308), MAX_REDIRECTS - 1, Answer::Follow),
            (Some(302), MAX_REDIRECTS, Answer::AllowAll),
            (Some(401), 0, Answer::AllowAll),
            (Some(404), 0, Answer::AllowAll),
            (Some(429), 0, Answer::DisallowAll),
            (Some(500), 0, Answer::DisallowAll),
            (Some(503), 0, Answer::DisallowAll),
            (Some(999), 0, Answer::DisallowAll),
            (Some(101), 0, Answer::DisallowAll),
            (None, 0, Answer::DisallowAll),
        ] {
            let got = Answer::from_status(status, redirects);
            assert_eq!(got, wanted, "{status:?} {redirects}");
        }
        let body = b"User-agent: *\nDisallow: /x";
        for (answer, x, y) in [
            (Answer::Rules, false, true),
            (Answer::Follow, false, false),
            (Answer::AllowAll, true, true),
            (Answer::DisallowAll, false, false),
        ] {
            let robots = answer.robots(body, "crawl");
            assert_eq!((allowed(&robots, "/x"), allowed(&robots, "/y")), (x, y));
            assert!(allowed(&robots, "/robots.txt"));
        }
        assert_eq!(Robots::disallow_all().verdict("/").rule, None);
    }

    /// What is cut is cut between lines: half a rule would forbid more than the whole.
    #[test]
    fn a_long_file_is_cut_between_lines() {
        let head = "User-agent: *\nDisallow: /first\n";
        for end in ["\n", "\r\n"] {
            for spare in 0..20 {
                let filler = MAX_BYTES - head.len() - spare;
                let text = format!("{head}#{}{end}Disallow: /last/x\n", "x".repeat(filler));
                let robots = robots(&text);
                assert!(!allowed(&robots, "/first"), "{spare}");
                assert!(allowed(&robots, "/last"), "{spare}");
            }
        }
        let exact = format!("{head}#{}\nDisallow: /z", "x".repeat(MAX_BYTES - 45));
        assert_eq!(exact.len(), MAX_BYTES);
        assert!(!allowed(&robots(&exact), "/z"));
        let text = format!("Disallow: /{}", "x".repeat(2 * MAX_BYTES));
        assert_eq!(robots(&text), Robots::allow_all());
    }

    #[test]
    fn hostile_rules() {
        let path = format!("/{}", "a".repeat(4095));
        for (value, wanted) in [
            (format!("/{}b", "*a".repeat(30)), true),
            (format!("/{}$", "*a".repeat(30)), false),
            (format!("/{}", "*".repeat(100_000)), false),
            (format!("/{}b", "a*".repeat(100_000)), true),
            (format!("/{}", "%61".repeat(100_000)), true),
            (format!("/{}", "\u{1F577}".repeat(100_000)), true),
        ] {
            let robots = rules(&format!("Disallow: {value}"));
            assert_eq!(allowed(&robots, &path), wanted, "{value:.20}");
        }
        let mut many = String::new();
        for number in 0.. {
            if many.len() > MAX_BYTES {
                break;
            }
            many.push_str(&format!("Allow: /*a*{number}$\nDisallow: /same\n"));
        }
        let robots = rules(&many);
        assert_eq!(robots.verdict(&path).rule, Some(TOO_MANY));
        assert!(!allowed(&robots, "/same"));
        assert_eq!(robots.verdict("/a7").rule, Some("Allow: /*a*7$"));
        assert!(robots.size() > MAX_BYTES / 2 && robots.size() < 8 * MAX_BYTES);
        assert!(Robots::allow_all().size() < 200);
    }

    /// No bytes make it panic, and `/robots.txt` may always be asked for.
    #[test]
    fn any_bytes() {
        let words =
            "User-agent:|*|crawl|\n|\r|Disallow:|Allow |/|$|%|%2F|?|\u{feff}|\0|Crawl-delay:9|#";
        let words: Vec<&str> = words.split('|').collect();
        let mut state = 1_u64;
        for _ in 0..3000 {
            let mut body = Vec::new();
            for _ in 0..40 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                body.extend_from_slice(words[(state >> 60) as usize].as_bytes());
            }
            body[(state % 40) as usize] = (state >> 52) as u8;
            let robots = Robots::parse(&body, "crawl");
            assert!(allowed(&robots, "/robots.txt"));
            let path = String::from_utf8_lossy(&body);
            for path in [&*path, "/?%2F", "%", "/%e3%8"] {
                let verdict = robots.verdict(path);
                assert!(verdict.allowed || verdict.rule.is_some());
            }
        }
    }
}
