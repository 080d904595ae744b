//! What `crawl query` has beyond SQLite's own functions: URLs taken apart, regular expressions. `docs/query.md` has
//! an example of each. All are pure; of NULL they make NULL, and of what is no URL as well.

use regex::{Regex, RegexBuilder};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};
use tokio_rusqlite::rusqlite;

use crate::canonical::{CanonicalUrl, Host, registrable_domain};

/// Bytes that a compiled pattern may take.
const PATTERN: usize = 1 << 20;
/// Bytes that matching may take for its tables.
const TABLES: usize = 4 << 20;

/// What is taken out of a URL.
type OfUrl = fn(&CanonicalUrl) -> Option<String>;

/// Makes the functions known on a connection.
pub(super) fn register(connection: &Connection) -> Result<()> {
    let of_urls: [(&str, OfUrl); 4] = [
        ("scheme", |url| Some(url.scheme().to_owned())),
        ("host", |url| Some(url.host().to_string())),
        ("path", |url| Some(url.path().to_owned())),
        ("query", |url| query(url).map(str::to_owned)),
    ];
    for (name, of) in of_urls {
        scalar(connection, name, 1, move |context| {
            Ok(text(context, 0).and_then(|text| of(&CanonicalUrl::parse(&text).ok()?)))
        })?;
    }
    scalar(connection, "domain", 1, |context| {
        Ok(text(context, 0).and_then(|text| domain(&text)))
    })?;
    scalar(connection, "segment", 2, |context| {
        let number = context.get_raw(1).as_i64().unwrap_or(0);
        Ok(text(context, 0).and_then(|text| segment(&text, number)))
    })?;
    scalar(connection, "param", 2, |context| {
        let (url, name) = (text(context, 0), text(context, 1));
        Ok(url.zip(name).and_then(|(url, name)| param(&url, &name)))
    })?;
    scalar(connection, "urldecode", 1, |context| {
        Ok(text(context, 0).map(|text| decoded(text.as_bytes())))
    })?;
    scalar(connection, "urlencode", 1, |context| {
        Ok(text(context, 0).map(|text| encoded(&text)))
    })?;
    scalar(connection, "regexp", 2, regexp)
}

fn scalar<T: rusqlite::types::ToSql>(
    connection: &Connection,
    name: &str,
    arguments: i32,
    of: impl Fn(&Context<'_>) -> Result<T> + Send + 'static,
) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(name, arguments, flags, of)
}

/// An argument as text; nothing for NULL.
fn text(context: &Context<'_>, argument: usize) -> Option<String> {
    let value = context.get_raw(argument);
    (value != ValueRef::Null).then(|| super::cell::text(value))
}

fn query(url: &CanonicalUrl) -> Option<&str> {
    url.path_and_query().split_once('?').map(|(_, query)| query)
}

/// The registrable domain of a URL, or of a host as the views have it.
fn domain(text: &str) -> Option<String> {
    if text.contains("://") {
        let url = CanonicalUrl::parse(text).ok()?;
        return url.domain().map(str::to_owned);
    }
    let host = Host::from_stored(text);
    let (name, _) = host.name_and_port();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    let plain = !name.is_empty() && name.chars().all(is_name);
    plain
        .then(|| registrable_domain(name).map(str::to_owned))
        .flatten()
}

/// A part of the path, counted from 1; from the end, if negative.
fn segment(text: &str, number: i64) -> Option<String> {
    let url = CanonicalUrl::parse(text).ok()?;
    let mut parts = url.path().trim_matches('/').split('/');
    let at = usize::try_from(number.unsigned_abs().checked_sub(1)?).ok()?;
    let part = if number > 0 {
        parts.nth(at)
    } else {
        parts.nth_back(at)
    };
    part.filter(|part| !part.is_empty()).map(str::to_owned)
}

/// The first value of a parameter, decoded as forms are.
fn param(text: &str, name: &str) -> Option<String> {
    let url = CanonicalUrl::parse(text).ok()?;
    let plain = |text: &str| decoded(text.replace('+', " ").as_bytes());
    query(&url)?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (!pair.is_empty() && plain(key) == name).then(|| plain(value))
    })
}

/// Percent signs undone; what is no UTF-8 then is shown as such.
fn decoded(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A text as a part of a path or of a query: all but letters, digits and `-._~` as percent signs.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// `regexp(pattern, text)`, which `text REGEXP pattern` calls. A pattern that stands in the question is compiled once.
fn regexp(context: &Context<'_>) -> Result<Option<bool>> {
    let (Some(pattern), Some(searched)) = (text(context, 0), text(context, 1)) else {
        return Ok(None);
    };
    let compiled = context.get_or_create_aux(0, |_| compile(&pattern))?;
    Ok(Some(compiled.is_match(&searched)))
}

fn compile(pattern: &str) -> Result<Regex> {
    let built = RegexBuilder::new(pattern)
        .size_limit(PATTERN)
        .dfa_size_limit(TABLES)
        .build();
    built.map_err(|error| {
        // Of what is said over several lines the last one says what is wrong.
        let words = error.to_string();
        let last = words.lines().last().unwrap_or_default();
        let why = last.trim_start_matches("error: ");
        Error::UserFunctionError(format!("the pattern {pattern:?}: {why}").into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().expect("in memory");
        register(&connection).expect("registered");
        connection
    }

    fn ask(connection: &Connection, sql: &str) -> Result<Option<String>> {
        connection.query_row(&format!("SELECT CAST(({sql}) AS TEXT)"), [], |row| {
            row.get(0)
        })
    }

    #[test]
    fn urls_taken_apart() {
        let connection = connection();
        for (sql, wanted) in [
            ("scheme('https://a.example/')", Some("https")),
            (
                "host('http://Me:pw@WWW.a.example:80/x')",
                Some("www.a.example"),
            ),
            ("host('http://a.example:8080')", Some("a.example:8080")),
            ("host('http://[::1]:81/')", Some("[::1]:81")),
            ("host('no URL')", None),
            ("host('mailto:x@y')", None),
            ("host(NULL)", None),
            ("host(7)", None),
            ("host(x'ff')", None),
            ("domain('https://www.a.co.uk/x')", Some("a.co.uk")),
            ("domain('www.a.co.uk')", Some("a.co.uk")),
            ("domain('www.a.co.uk:8080')", Some("a.co.uk")),
            ("domain('http://127.0.0.1:81/')", None),
            ("domain('127.0.0.1:81')", None),
            ("domain('[::1]:81')", None),
            ("domain('co.uk')", None),
            ("domain('')", None),
            ("domain('a b')", None),
            ("path('http://a.example')", Some("/")),
            ("path('http://a.example/b/c?d')", Some("/b/c")),
            ("query('http://a.example/b?c=d&e')", Some("c=d&e")),
            ("query('http://a.example/b?')", Some("")),
            ("query('http://a.example/b')", None),
            ("segment('http://a.example/b/c/', 1)", Some("b")),
            ("segment('http://a.example/b/c/', -1)", Some("c")),
            ("segment('http://a.example/b/c/', 3)", None),
            ("segment('http://a.example/b/c/', 0)", None),
            ("segment('http://a.example/', 1)", None),
            ("segment('http://a.example/b', -9223372036854775808)", None),
            ("segment('http://a.example/b', NULL)", None),
            (
                "param('http://a.example/?a=1&b=x+y%21&b=2', 'b')",
                Some("x y!"),
            ),
            ("param('http://a.example/?a', 'a')", Some("")),
            ("param('http://a.example/?a', 'b')", None),
            ("param('http://a.example/?a', NULL)", None),
            ("param('http://a.example/', '')", None),
            ("param('http://a.example/?', '')", None),
        ] {
            assert_eq!(
                ask(&connection, sql).expect(sql).as_deref(),
                wanted,
                "{sql}"
            );
        }
    }

    #[test]
    fn texts_decoded_and_encoded() {
        let connection = connection();
        for (sql, wanted) in [
            ("urldecode('a%20b+c%C3%BC%zz%2')", Some("a b+cü%zz%2")),
            ("urldecode('%ff')", Some("\u{fffd}")),
            ("urldecode('%')", Some("%")),
            ("urldecode(NULL)", None),
            ("urlencode('a b/ü~')", Some("a%20b%2F%C3%BC~")),
            ("urldecode(urlencode('=&?%漢'))", Some("=&?%漢")),
            ("urlencode(1.5)", Some("1.5")),
        ] {
            assert_eq!(
                ask(&connection, sql).expect(sql).as_deref(),
                wanted,
                "{sql}"
            );
        }
    }

    #[test]
    fn patterns() {
        let connection = connection();
        for (sql, wanted) in [
            ("'abc' REGEXP '^a.c$'", Some("1")),
            ("'abc' NOT REGEXP 'x'", Some("1")),
            ("regexp('(?i)B', 'abc')", Some("1")),
            ("regexp('b', NULL)", None),
            ("regexp(NULL, 'b')", None),
            ("404 REGEXP '^4'", Some("1")),
            // A pattern that differs from row to row.
            (
                "SELECT sum('ab' REGEXP column1) FROM (VALUES ('a'), ('b'), ('c'))",
                Some("2"),
            ),
        ] {
            assert_eq!(
                ask(&connection, sql).expect(sql).as_deref(),
                wanted,
                "{sql}"
            );
        }
        for (sql, wanted) in [
            ("'a' REGEXP '('", "the pattern \"(\": unclosed group"),
            ("'a' REGEXP '\\w{1000}{1000}'", "exceeds size limit"),
            ("'a' REGEXP '(?=a)'", "look-around"),
        ] {
            let error = ask(&connection, sql).expect_err(sql).to_string();
            assert!(error.contains(wanted), "{sql}: {error}");
        }
    }
}
