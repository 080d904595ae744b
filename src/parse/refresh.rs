//! The declarative refresh: `<meta http-equiv=refresh>` and the `Refresh` header, which share one syntax.

use super::text::{is_space, slice};

/// What a refresh asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refresh<'a> {
    /// After how many seconds.
    pub seconds: f64,
    /// Where to, as written; `None` where the page is to be loaded again.
    pub url: Option<&'a str>,
}

/// Reads a refresh (HTML Standard §4.2.5.3, shared declarative refresh steps), `None` where the value is
/// none. The Standard drops the fraction of a second, we tell it.
#[must_use]
pub fn refresh(value: &str) -> Option<Refresh<'_>> {
    let value = skip_spaces(value);
    let digits = value
        .bytes()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(value.len());
    let number = value
        .bytes()
        .position(|b| !b.is_ascii_digit() && b != b'.')
        .unwrap_or(value.len());
    if number == 0 {
        return None;
    }
    let seconds = slice(value, 0, number)
        .parse()
        .or_else(|_| slice(value, 0, digits).parse())
        .unwrap_or(0.0);
    let rest = slice(value, number, value.len());
    if !rest
        .bytes()
        .next()
        .is_none_or(|b| is_space(b) || matches!(b, b';' | b','))
    {
        return None;
    }
    let rest = skip_spaces(rest);
    let rest = skip_spaces(rest.strip_prefix([';', ',']).unwrap_or(rest));
    // An empty URL, too, only loads the page again.
    Some(Refresh {
        seconds,
        url: Some(url_in(rest)).filter(|url| !url.is_empty()),
    })
}

/// Takes `url =` and quotes away, both of which may be missing.
fn url_in(text: &str) -> &str {
    let named = text
        .get(..3)
        .filter(|word| word.eq_ignore_ascii_case("url"));
    let text = match named.and_then(|_| skip_spaces(slice(text, 3, text.len())).strip_prefix('=')) {
        Some(value) => skip_spaces(value),
        // Text that only begins like `url=` is a URL as it stands, its quotes included.
        None if text.starts_with(['u', 'U']) => return text,
        None => text,
    };
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let inside = slice(text, 1, text.len());
            inside.split(quote).next().unwrap_or(inside)
        }
        _ => text,
    }
}

fn skip_spaces(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (value, wanted) in [
            ("5", Some((5.0, None))),
            ("5;", Some((5.0, None))),
            (" 3.1 ; URL=index.html", Some((3.1, Some("index.html")))),
            ("0;url='/a b'x", Some((0.0, Some("/a b")))),
            ("0;url=\"/a'b\"", Some((0.0, Some("/a'b")))),
            ("0;url='/a", Some((0.0, Some("/a")))),
            ("0,/a", Some((0.0, Some("/a")))),
            ("0 /a", Some((0.0, Some("/a")))),
            ("0;'/a'", Some((0.0, Some("/a")))),
            ("0; Url = /a", Some((0.0, Some("/a")))),
            ("0; urgent.html", Some((0.0, Some("urgent.html")))),
            ("0; url", Some((0.0, Some("url")))),
            ("0; url=", Some((0.0, None))),
            ("0; url=''", Some((0.0, None))),
            (".5; url=a", Some((0.5, Some("a")))),
            (".; url=a", Some((0.0, Some("a")))),
            ("1.2.3; url=a", Some((1.0, Some("a")))),
            ("0;é", Some((0.0, Some("é")))),
            ("0x; url=a", None),
            ("\u{A0}0;url=a", None),
            ("url=a", None),
            ("-1; url=a", None),
            ("", None),
        ] {
            let got = refresh(value).map(|refresh| (refresh.seconds, refresh.url));
            assert_eq!(got, wanted, "{value}");
        }
    }
}
