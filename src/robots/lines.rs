//! The lines of a robots.txt, and whom they concern (RFC 9309 §2.2).

use std::time::Duration;

use super::MAX_BYTES;
use crate::signals::Name;

/// Is this a product token (RFC 9309 §2.2.1: letters, `-` and `_` only)?
#[must_use]
pub fn is_product_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'))
}

/// The word with which a `User-Agent` begins: `crawl` of `crawl/0.1 (+https://…)`.
///
/// It is a product token only if [`is_product_token`] says so: of `crawl2/0.1` it is `crawl2`, which
/// is none.
#[must_use]
pub fn product_token(user_agent: &str) -> &str {
    &user_agent[..first_word(user_agent.as_bytes()).len()]
}

/// Ends before the first ASCII character that is neither alphanumeric nor `-` nor `_`.
fn first_word(text: &[u8]) -> &[u8] {
    let goes_on =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || !byte.is_ascii();
    let end = text.iter().position(|byte| !goes_on(byte));
    &text[..end.unwrap_or(text.len())]
}

/// Follows the groups of a file, and whether the one at hand is ours (RFC 9309 §2.2.1).
#[derive(Default)]
pub(super) struct Group {
    ours: bool,
    /// A rule came: the next user agent opens another group.
    closed: bool,
}

impl Group {
    pub(super) fn agent(&mut self, ours: bool) {
        self.ours = ours || (self.ours && !self.closed);
        self.closed = false;
    }

    /// Is what stands here ours?
    pub(super) fn is_ours(&self) -> bool {
        self.ours
    }

    /// Takes note of a rule: is it ours?
    pub(super) fn rule(&mut self) -> bool {
        self.closed = true;
        self.ours
    }
}

/// The lines that mean something; all others are passed over and end nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Line<'a> {
    Agent(&'a [u8]),
    Rule { allow: bool, value: &'a [u8] },
    Delay(&'a [u8]),
    Sitemap(&'a [u8]),
    Usage { name: Name, value: &'a [u8] },
}

impl Line<'_> {
    /// Is this a user agent line for the token, or for all where the token is `*`?
    pub(super) fn names(self, token: &[u8]) -> bool {
        let Self::Agent(value) = self else {
            return false;
        };
        if token == b"*" {
            matches!(value, [b'*'] | [b'*', b' ' | b'\t', ..])
        } else {
            first_word(value).eq_ignore_ascii_case(token)
        }
    }
}

type Make = fn(&[u8]) -> Line<'_>;

const AGENT: Make = |value| Line::Agent(value);
const ALLOW: Make = |value| Line::Rule { allow: true, value };
const DISALLOW: Make = |value| Line::Rule {
    allow: false,
    value,
};
const DELAY: Make = |value| Line::Delay(value);
const SITEMAP: Make = |value| Line::Sitemap(value);
const USAGE: Make = |value| Line::Usage {
    name: Name::Usage,
    value,
};
const SIGNAL: Make = |value| Line::Usage {
    name: Name::Signal,
    value,
};

/// The keys, and the misspellings seen in the wild. `allow` must be spelt: what is not understood
/// shall not permit.
const KEYS: [(&str, Make); 19] = [
    ("disallow", DISALLOW),
    ("allow", ALLOW),
    ("user-agent", AGENT),
    ("useragent", AGENT),
    ("user agent", AGENT),
    ("sitemap", SITEMAP),
    ("sitemaps", SITEMAP),
    ("site-map", SITEMAP),
    ("site map", SITEMAP),
    ("crawl-delay", DELAY),
    ("crawldelay", DELAY),
    ("crawl delay", DELAY),
    ("content-usage", USAGE),
    ("content-signal", SIGNAL),
    ("dissallow", DISALLOW),
    ("dissalow", DISALLOW),
    ("disalow", DISALLOW),
    ("diasllow", DISALLOW),
    ("disallaw", DISALLOW),
];

/// Without the byte order mark, and cut at a line's end if too long.
pub(super) fn within_bounds(body: &[u8]) -> &[u8] {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    match body.get(..=MAX_BYTES) {
        None => body,
        Some(head) => {
            let end = head.iter().rposition(|&byte| is_line_end(byte));
            &head[..end.unwrap_or(0)]
        }
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The lines of note, whether they end in CR, LF or both, less their comments.
pub(super) fn lines(body: &[u8]) -> impl Iterator<Item = Line<'_>> {
    body.split(|&byte| is_line_end(byte)).filter_map(|text| {
        let comment = text.iter().position(|&byte| byte == b'#');
        let text = text[..comment.unwrap_or(text.len())].trim_ascii();
        KEYS.iter()
            .find_map(|(key, line)| Some(line(value(text, key)?)))
    })
}

/// What stands after the key and its colon (or white space), if the line has that key.
fn value<'a>(line: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(key.len())?;
    if !start.eq_ignore_ascii_case(key.as_bytes()) {
        return None;
    }
    let value = rest.trim_ascii_start();
    match value.strip_prefix(b":") {
        Some(value) => Some(value.trim_ascii_start()),
        None => (value.len() < rest.len()).then_some(value),
    }
}

/// Seconds, whole or not; what is negative, endless or no number is no delay.
pub(super) fn delay(value: &[u8]) -> Option<Duration> {
    let seconds = str::from_utf8(value).ok()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robots::Robots;
    use crate::robots::tests::{allowed, robots, spelt};

    /// RFC 9309 §2.2.1: is `/x` allowed?
    #[test]
    fn groups() {
        for (text, wanted) in [
            ("", true),
            ("U: crawl; D: /", false),
            ("USER-AGENT: CRAWL; DISALLOW: /", false),
            ("U: other; D: /", true),
            ("U: crawler; D: /", true),
            ("U: cra; D: /", true),
            ("U: crawl4ai; D: /", true),
            ("U: crawl-news; D: /", true),
            ("U: crawl/2.0 (x); D: /", false),
            ("U: CRAWL BOT; D: /", false),
            ("U: crawl*; D: /", false),
            ("U: crawl # us; D: /", false),
            ("U: *; D: /", false),
            ("U: * x; D: /", false),
            ("U: *bot; D: /", true),
            ("U: *; D: /; U: crawl; D:", true),
            ("U: *; D: /; U: crawl", true),
            ("U: crawl; A: /; U: *; D: /", true),
            // Several agents of one group, several groups of one agent.
            ("U: crawl; ; U: b; D: /", false),
            ("U: b; U: crawl; D: /", false),
            ("U: crawl; D: /a; U: b; A: /; U: Crawl; D: /x", false),
            ("U: *; A: /; U: b; U: *; D: /x", false),
            // Nobody's.
            ("D: /; U: crawl", true),
            ("U:; D: /", true),
            ("U: crawl; D: /y; U:; D: /", true),
            // What ends a group, and what does not.
            ("U: crawl; Sitemap: s; U: b; D: /", false),
            ("U: crawl; Nonsense; Host: h; U: b; D: /", false),
            ("U: crawl; User-agent; :; U: b; D: /", false),
            ("U: crawl; D: /y; Noindex: /; D: /x", false),
            ("U: crawl; Content-Usage: a=n; U: b; D: /", false),
            ("U: crawl; Content-Signal: a=no; D: /y; D: /x", false),
            ("U: crawl; D: /y; U: b; D: /", true),
            ("U: crawl; D:; U: b; D: /", true),
            ("U: crawl; Crawl-delay: 5; U: b; D: /", true),
            ("U: *; Crawl-delay: 5; U: b; D: /", true),
        ] {
            assert_eq!(allowed(&robots(text), "/x"), wanted, "{text}");
        }
        for agent in ["", "*", "(x)"] {
            let text = spelt("U: b; D: /a; U: *; D: /b");
            let robots = Robots::parse(text.as_bytes(), agent);
            assert!(allowed(&robots, "/a"), "{agent}");
            assert!(!allowed(&robots, "/b"), "{agent}");
        }
    }

    /// Is `/x` disallowed?
    #[test]
    fn lines_as_they_come() {
        for (text, wanted) in [
            ("User-agent:*\rDisallow:/x\r", true),
            ("User-agent:*\r\nDisallow:/x\r\n", true),
            ("\u{feff}User-agent: *\nDisallow: /x", true),
            ("\n\u{feff}User-agent: *\nDisallow: /x", false),
            (" \tUser-agent : *\n\tDisallow\t:\t/x \t", true),
            ("user-agent *\ndisallow /x", true),
            ("user agent: *\ndisallow\t/x", true),
            ("useragent: *\ndissallow: /x", true),
            ("User-agent: *\nDisallow/x", false),
            ("User-agent: *\nDisallowed: /x", false),
            ("User-agent: *\nDisallow", false),
            ("User-agent: *\n# Disallow: /x", false),
            ("User-agent: *\u{c}\nDisallow: /x\u{c}", true),
            ("User-agent: *\nDisallow: /x\0", false),
            ("<html><body>User-agent: *\nDisallow: /x", false),
        ] {
            assert_eq!(!allowed(&robots(text), "/x"), wanted, "{text:?}");
        }
    }

    #[test]
    fn tokens() {
        for (user_agent, token, valid) in [
            ("crawl", "crawl", true),
            ("crawl/0.1 (+https://a.example)", "crawl", true),
            ("My_Crawl-er x", "My_Crawl-er", true),
            ("crawl2/0.1", "crawl2", false),
            ("Jävla-bot/1", "Jävla-bot", false),
            (" crawl", "", false),
            ("", "", false),
        ] {
            assert_eq!(product_token(user_agent), token);
            assert_eq!(is_product_token(token), valid, "{token}");
        }
        let robots = Robots::parse(b"User-agent: crawl\nDisallow: /", "Crawl/0.1 (+x)");
        assert!(!robots.verdict("/").allowed);
    }
}
