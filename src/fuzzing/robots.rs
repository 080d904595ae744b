//! A path, then a robots.txt: the verdict is that of a reader that takes no short cut.

use std::time::Duration;

use super::line;
use crate::config::Purpose;
use crate::robots::{MAX_SIGNALS, Robots, signals, sitemaps};

pub(super) fn target(data: &[u8]) {
    let (path, body) = line(data);
    let robots = Robots::parse(body, "crawl");
    let verdict = robots.verdict(&path);
    let rule = verdict.rule.unwrap_or_default();
    assert!(!rule.contains(char::is_control), "{rule:?}");
    assert!(robots.size() <= 4096 + 200 * body.len());
    assert_eq!(
        Robots::parse(body, "Crawl/1.0 (+x)"),
        robots,
        "by its agent"
    );
    assert!(sitemaps(body).eq(robots.sitemaps().iter().cloned()));
    assert!(signals(body, "crawl").len() <= MAX_SIGNALS);
    let strict = Robots::for_purpose(body, "crawl", Purpose::AiTrain);
    assert!(verdict.allowed || !strict.verdict(&path).allowed);
    let file = File::read(body, b"crawl");
    assert_eq!(robots.crawl_delay(), file.delay);
    // A `%` that begins no escape may come to begin one when others are resolved; no site means that.
    if !has_stray_percent(path.as_bytes()) && !has_stray_percent(body) {
        assert_eq!(verdict.allowed, file.allows(&path), "{path:?} by {rule:?}");
    }
}

fn has_stray_percent(text: &[u8]) -> bool {
    let hex = |at: usize| text.get(at).is_some_and(u8::is_ascii_hexdigit);
    let mut places = memchr::memchr_iter(b'%', text);
    places.any(|at| !hex(at + 1) || !hex(at + 2))
}

/// A file as RFC 9309 and the head of the room have it, read without haste.
struct File {
    rules: Vec<(bool, Vec<u8>)>,
    delay: Option<Duration>,
}

/// The keys by what they mean.
const AGENTS: [&str; 3] = ["user-agent", "useragent", "user agent"];
const ALLOW: [&str; 1] = ["allow"];
const DISALLOW: [&str; 6] = [
    "disallow",
    "dissallow",
    "dissalow",
    "disalow",
    "diasllow",
    "disallaw",
];
const DELAYS: [&str; 3] = ["crawl-delay", "crawldelay", "crawl delay"];

impl File {
    fn read(body: &[u8], token: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let lines: Vec<&[u8]> = body
            .split(|byte| b"\r\n".contains(byte))
            .map(|line| line.split(|&byte| byte == b'#').next().unwrap_or_default())
            .map(<[u8]>::trim_ascii)
            .collect();
        let named = |agent: &[u8]| word(agent).eq_ignore_ascii_case(token);
        let is_named = lines
            .iter()
            .any(|line| value(line, &AGENTS).is_some_and(named));
        let (mut ours, mut open) = (false, false);
        let mut file = Self {
            rules: Vec::new(),
            delay: None,
        };
        for line in lines {
            if let Some(agent) = value(line, &AGENTS) {
                let is_ours = if is_named {
                    named(agent)
                } else {
                    agent == b"*" || agent.starts_with(b"* ") || agent.starts_with(b"*\t")
                };
                ours = is_ours || (open && ours);
                open = true;
                continue;
            }
            for (allow, keys) in [(true, &ALLOW[..]), (false, &DISALLOW[..])] {
                if let Some(pattern) = value(line, keys) {
                    open = false;
                    if ours {
                        file.rules.push((allow, pattern.to_vec()));
                    }
                }
            }
            if let Some(seconds) = value(line, &DELAYS) {
                open = false;
                let seconds = str::from_utf8(seconds)
                    .ok()
                    .and_then(|text| text.parse().ok());
                let delay = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                file.delay = file.delay.max(delay.filter(|_| ours));
            }
        }
        file
    }

    fn allows(&self, path: &str) -> bool {
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        let path = signs(format!("{slash}{path}").as_bytes(), false);
        if path == signs(b"/robots.txt", false) {
            return true;
        }
        let paths = [loose(&path), path];
        let matching = self.rules.iter().filter_map(|(allow, value)| {
            let weight = weight_of_match(value, *allow, &paths)?;
            Some((weight, *allow))
        });
        matching.max().is_none_or(|(_, allow)| allow)
    }
}

fn value<'a>(line: &'a [u8], keys: &[&str]) -> Option<&'a [u8]> {
    keys.iter().find_map(|key| {
        let (start, rest) = line.split_at_checked(key.len())?;
        let after = rest.trim_ascii_start();
        let parted = after.len() < rest.len() || after.starts_with(b":");
        let value = after.strip_prefix(b":").unwrap_or(after);
        (start.eq_ignore_ascii_case(key.as_bytes()) && parted && !(after.is_empty()))
            .then(|| value.trim_ascii_start())
    })
}

fn word(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| {
        byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"-_".contains(&byte)
    });
    &text[..end.unwrap_or(text.len())]
}

/// What stands at a place of a rule or of a path.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sign {
    Octet(u8),
    /// The escape of what would delimit.
    Escaped(u8),
    Any,
}

fn signs(text: &[u8], is_rule: bool) -> Vec<Sign> {
    let digit = |at: usize| (*text.get(at)? as char).to_digit(16);
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(&byte) = text.get(at) {
        let escape = digit(at + 1).zip(digit(at + 2)).filter(|_| byte == b'%');
        let escape = escape.map(|(high, low)| (16 * high + low) as u8);
        at += if escape.is_some() { 3 } else { 1 };
        all.push(match escape {
            Some(octet) if b"/?&=+;".contains(&octet) => Sign::Escaped(octet),
            Some(octet) => Sign::Octet(octet),
            None if byte == b'*' && is_rule => Sign::Any,
            None => Sign::Octet(byte),
        });
    }
    all
}

/// The same, where what does not delimit in its place is one with its escape.
fn loose(signs: &[Sign]) -> Vec<Sign> {
    let query = signs.iter().position(|&sign| sign == Sign::Octet(b'?'));
    let (path, query) = signs.split_at(query.unwrap_or(signs.len()));
    let resolve = |signs: &[Sign], which: &'static [u8]| {
        let one = move |sign: &Sign| match *sign {
            Sign::Escaped(octet) if which.contains(&octet) => Sign::Octet(octet),
            other => other,
        };
        signs.iter().map(one).collect::<Vec<_>>()
    };
    // What a `*` in the path runs over may be the query.
    let of_path: &[u8] = if path.contains(&Sign::Any) {
        b""
    } else {
        b"&=+;"
    };
    [resolve(path, of_path), resolve(query, b"/?")].concat()
}

/// How much a rule weighs, if it matches one of the forms of a path.
fn weight_of_match(value: &[u8], allow: bool, paths: &[Vec<Sign>]) -> Option<usize> {
    if !matches!(value.first(), Some(b'/' | b'*')) {
        return None;
    }
    let (stem, ends) = match value.strip_suffix(b"$") {
        Some(stem) => (stem, true),
        None => (value, false),
    };
    let strict = signs(stem, true);
    let loose = loose(&strict);
    let literal = [strict.clone(), vec![Sign::Octet(b'$')]].concat();
    let matched = paths.iter().any(|path| {
        matches(&strict, ends, path)
            || matches(&loose, ends, path)
            || (ends && !allow && matches(&literal, false, path))
    });
    matched.then(|| text(&loose).len() + usize::from(ends))
}

/// As it is written: `*` runs over characters, and may end in the midst of an escape.
fn text(signs: &[Sign]) -> Vec<Option<u8>> {
    let plain =
        |octet: u8| octet.is_ascii_alphanumeric() || b"-._~:@!'(),[]/?&=+;".contains(&octet);
    let one = |sign: &Sign| match *sign {
        Sign::Any => vec![None],
        Sign::Octet(octet) if plain(octet) => vec![Some(octet)],
        Sign::Octet(octet) | Sign::Escaped(octet) => {
            let escape = format!("%{octet:02X}").into_bytes();
            escape.into_iter().map(Some).collect()
        }
    };
    signs.iter().flat_map(one).collect()
}

/// Every way in which the wildcards may run, all at once.
fn matches(pattern: &[Sign], ends: bool, path: &[Sign]) -> bool {
    let (pattern, path) = (text(pattern), text(path));
    // Which lengths of the path the pattern so far can have taken.
    let mut taken = vec![false; path.len() + 1];
    taken[0] = true;
    for part in pattern {
        let (mut next, mut any) = (vec![false; path.len() + 1], false);
        for at in 0..=path.len() {
            any |= taken[at];
            next[at] = match part {
                None => any,
                Some(_) => at > 0 && taken[at - 1] && path[at - 1] == part,
            };
        }
        taken = next;
    }
    if ends {
        taken[path.len()]
    } else {
        taken.contains(&true)
    }
}
