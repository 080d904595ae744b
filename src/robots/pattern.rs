//! Rules and paths: the form in which they are compared, and the comparison (RFC 9309 §2.2.2, §2.2.3).

use std::borrow::Cow;

/// Does the pattern match from the path's start (RFC 9309 §2.2.3)?
///
/// What stands between two `*` is taken where it first occurs, which leaves most to what follows;
/// so nothing is ever tried twice, and the time is linear in pattern and path.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, to_the_end) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split('*');
    let Some(mut rest) = path.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return !to_the_end || rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    if to_the_end {
        rest.ends_with(last)
    } else {
        rest.contains(last)
    }
}

/// The canonical form of what a URL asks for; a fragment is no part of that.
pub(super) fn canonical_path(path_and_query: &str) -> Cow<'_, str> {
    let path = path_and_query.split('#').next().unwrap_or_default();
    if path.starts_with('/') {
        canonical(path.as_bytes(), false)
    } else {
        Cow::Owned(format!("/{}", canonical(path.as_bytes(), false)))
    }
}

/// The form in which rules and paths are compared (RFC 9309 §2.2.2), all of it ASCII.
///
/// Escaped are, in capitals, all octets that are neither unreserved nor reserved in RFC 3986, and
/// the escapes found of reserved ones that may delimit; other escapes are resolved. A `*` is left
/// alone in a rule. Every other `*` and `$` is escaped, on both sides (§2.2.3).
pub(super) fn canonical(text: &[u8], is_rule: bool) -> Cow<'_, str> {
    if text.iter().all(|&byte| stands(byte) || may_delimit(byte))
        && let Ok(text) = str::from_utf8(text)
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        let (octet, as_it_is);
        (octet, as_it_is, rest) = if let Some((octet, tail)) = unescape(rest) {
            (octet, stands(octet), tail)
        } else {
            let wildcard = is_rule && *byte == b'*';
            let plain = stands(*byte) || may_delimit(*byte) || *byte == b'%';
            (*byte, plain || wildcard, tail)
        };
        if as_it_is {
            out.push(octet as char);
        } else {
            push_escaped(&mut out, octet);
        }
    }
    Cow::Owned(out)
}

/// Unreserved, or reserved without being a delimiter of path or query: one with its escape.
fn stands(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:@!'(),[]".contains(&byte)
}

fn may_delimit(byte: u8) -> bool {
    b"/?&=+;".contains(&byte)
}

/// The octet that is escaped at the start of the text, and what follows it.
fn unescape(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else {
        return None;
    };
    let digit = |byte: u8| (byte as char).to_digit(16);
    let octet = digit(*high)? * 16 + digit(*low)?;
    Some((octet as u8, rest))
}

fn push_escaped(out: &mut String, octet: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(DIGITS[usize::from(octet >> 4)] as char);
    out.push(DIGITS[usize::from(octet & 15)] as char);
}

/// The other form in which a canonical path or rule is compared, if there is one: reserved
/// characters that do not delimit where they stand are resolved too (`&=+;` in the path, `/?` in
/// the query), so that `/go?to=http://a` and `/go?to=http%3A%2F%2Fa` are one, as in the table of
/// RFC 9309 §2.2.2, while `/a%2Fb` is not `/a/b`.
pub(super) fn loosen(canonical: &str) -> Option<String> {
    if !canonical.contains('%') {
        return None;
    }
    let (path, query) = canonical
        .find('?')
        .map_or((canonical, ""), |at| canonical.split_at(at));
    let mut loose = path.to_owned();
    // What a `*` in the path runs over may be the query.
    if !path.contains('*') {
        for (escape, plain) in [("%26", "&"), ("%3D", "="), ("%2B", "+"), ("%3B", ";")] {
            loose = loose.replace(escape, plain);
        }
    }
    loose.push_str(&query.replace("%2F", "/").replace("%3F", "?"));
    (loose != canonical).then_some(loose)
}

#[cfg(test)]
mod tests {
    use crate::robots::Robots;
    use crate::robots::tests::{allowed, rules};

    #[test]
    fn what_a_rule_matches() {
        for (value, path, matches) in [
            ("/fish", "/fish", true),
            ("/fish", "/fisher?x", true),
            ("/fish", "/Fish", false),
            ("/fish/", "/fish", false),
            ("/fish", "/a/fish", false),
            ("fish", "/fish", false),
            ("http://a.example/", "/", false),
            ("", "/", false),
            ("# nothing", "/", false),
            ("/a#b", "/a", true),
            ("*", "/", true),
            ("*.php", "/a/b.php5", true),
            ("/*.php$", "/a/b.php", true),
            ("/*.php$", "/b.php.php", true),
            ("/*.php$", "/b.php?x", false),
            ("/a*b*c", "/axbxc/d", true),
            ("/a*b*c", "/axcxb", false),
            ("/*ab$", "/aab", true),
            ("/ab*b$", "/ab", false),
            ("/a$", "/a", true),
            ("/a$b", "/a$bc", true),
            ("/a$b", "/a%24b", true),
            ("/a$b", "/a", false),
            ("/a$$", "/a$", true),
            ("/a$$", "/a", false),
            // A final `$`, taken at its word besides.
            ("/a$", "/a$b", true),
            ("/a$", "/ab", false),
            ("/a%2A", "/a*", true),
            ("/a%2a", "/ab", false),
            ("/a*b", "/a*b", true),
            ("/a%24", "/a$", true),
            ("/a%24", "/a", false),
            ("/?q=*&a=", "/?q=1&a=2", true),
            ("/*?", "/a?", true),
            ("/*?", "/a", false),
            ("//", "//a", true),
            ("//", "/a", false),
        ] {
            let robots = rules(&format!("Disallow: {value}\n"));
            assert_eq!(allowed(&robots, path), !matches, "{value} {path}");
        }
        assert!(!allowed(&rules("Allow: /a$\nDisallow: /"), "/a$"));
        assert!(!allowed(&rules("Disallow: /a b"), "/a%20b"));
        assert!(!allowed(&rules("Disallow: /a"), "a?no#slash"));
        assert!(!allowed(&rules("Disallow: /$"), ""));
        assert!(allowed(&rules("Disallow: /*b"), "/a#b"));
    }

    /// RFC 9309 §2.2.2.
    #[test]
    fn escapes() {
        for (one, other, same) in [
            ("/foo/bar/%62%61%7A", "/foo/bar/baz", true),
            ("/foo/bar/ツ", "/foo/bar/%E3%83%84", true),
            ("/foo/bar/ツ", "/foo/bar/%e3%83%84", true),
            (
                "/foo/bar?baz=http://foo.bar",
                "/foo/bar?baz=http%3A%2F%2Ffoo.bar",
                true,
            ),
            ("/%7ejoe", "/~joe", true),
            ("/a%3cd", "/a<d", true),
            ("/a%3cd", "/a%3Cd", true),
            ("/wiki/Special%3ASearch", "/wiki/Special:Search", true),
            ("/c%2B%2B", "/c++", true),
            ("/?a=c%2B%2B", "/?a=c++", false),
            ("/?a%3D1", "/?a=1", false),
            ("/a%2fb", "/a%2Fb", true),
            ("/a%2fb", "/a/b", false),
            ("/a%3Fb", "/a?b", false),
            ("/a?b=%3F", "/a?b=?", true),
            ("/a%23b", "/a", false),
            ("/a%25", "/a%2525", false),
            ("/100%", "/100%", true),
            ("/%zz%4", "/%zz%4", true),
        ] {
            for (rule, path) in [(one, other), (other, one)] {
                let robots = rules(&format!("Disallow: {rule}$\n"));
                assert_eq!(allowed(&robots, path), !same, "{rule} {path}");
            }
        }
        // Where the query begins is not known of a `*`.
        let robots = rules("Disallow: /*=http%3A%2F%2F\nDisallow: /go/*to=http://");
        for path in [
            "/a?b=http%3A%2F%2Fx",
            "/go/?to=http://x",
            "/go/?to=http%3a%2f%2fx",
        ] {
            assert!(!allowed(&robots, path), "{path}");
        }
        assert!(allowed(&rules("Disallow: /*%26b"), "/?a&b"));
        let latin1 = Robots::parse(b"User-agent: *\nDisallow: /caf\xE9", "crawl");
        assert!(!allowed(&latin1, "/caf%e9"));
        assert_eq!(latin1.verdict("/caf%E9").rule, Some("Disallow: /caf%E9"));
    }
}
