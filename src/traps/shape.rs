//! The template of a URL: its path with what varies replaced by `#`, and the names of its parameters.
//! `/cal/2026/11?view=list` is `/cal/#/#?view`. A URL in which nothing varies has none.

use std::borrow::Cow;

use crate::canonical::CanonicalUrl;

/// Longest template that is told apart, in bytes.
const MAX_SHAPE: usize = 512;
/// From this length on, letters and digits mixed are an id however they are mixed.
const LONG_ID: usize = 16;
/// A shorter one changes between letters and digits at least so often.
const ID_CHANGES: usize = 3;
/// Names of months vary as numbers do.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Words in a URL that speak of time.
const DATES: [&str; 16] = [
    "agenda",
    "cal",
    "calendar",
    "calendario",
    "calendrier",
    "date",
    "datum",
    "day",
    "event",
    "events",
    "kalender",
    "month",
    "schedule",
    "termine",
    "week",
    "year",
];
/// Numbers of more digits (`20261117`) are dates, or ids.
const MOST_DIGITS: usize = 7;

/// A template: `/shop?color&size`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    text: String,
    path: usize,
    names: usize,
    numbered: bool,
}

impl Shape {
    /// The template of a URL, `None` where nothing of it varies.
    pub(crate) fn of(url: &CanonicalUrl) -> Option<Self> {
        if !is_variable(url) {
            return None;
        }
        let mut text = String::with_capacity(url.path().len() + 16);
        normalise(&bare_path(url), &mut text);
        let mut names: Vec<String> = params(url).map(|(name, _)| name).collect();
        if names.is_empty() && !text.contains('#') {
            return None;
        }
        names.sort_unstable();
        names.dedup();
        cut(&mut text, MAX_SHAPE);
        let path = text.len();
        for (place, name) in names.iter().enumerate() {
            text.push(if place == 0 { '?' } else { '&' });
            text.push_str(name);
        }
        cut(&mut text, 2 * MAX_SHAPE);
        Some(Self {
            path: path.min(text.len()),
            names: names.len(),
            numbered: is_numbered(url.path_and_query()),
            text,
        })
    }

    /// The whole of it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Its path: URLs that differ in their parameters only are one family.
    pub(crate) fn family(&self) -> &str {
        &self.text[..self.path]
    }

    /// Whether it is numbered, as the pages of an archive are.
    pub(crate) fn is_numbered(&self) -> bool {
        self.numbered
    }

    /// The names of its parameters.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.text.get(self.path + 1..).unwrap_or_default();
        names.split('&').filter(|name| !name.is_empty())
    }

    /// Whether it has more than one parameter.
    pub(crate) fn has_several(&self) -> bool {
        self.names > 1
    }
}

/// Whether anything of a URL may vary: a glance at its text.
pub(crate) fn is_variable(url: &CanonicalUrl) -> bool {
    url.path_and_query()
        .bytes()
        .any(|byte| byte.is_ascii_digit() || matches!(byte, b'?' | b';'))
}

/// Whether one plain number is all that varies, and nothing speaks of time.
fn is_numbered(text: &str) -> bool {
    let (mut numbers, mut plain) = (0, true);
    for token in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        if token.bytes().any(|byte| byte.is_ascii_digit()) {
            numbers += 1;
            plain &= token.len() <= MOST_DIGITS && token.bytes().all(|byte| byte.is_ascii_digit());
        } else if DATES.iter().any(|word| token.eq_ignore_ascii_case(word)) {
            return false;
        }
    }
    numbers == 1 && plain
}

/// The path without parameters of its own (`;jsessionid=…`).
pub(super) fn bare_path(url: &CanonicalUrl) -> Cow<'_, str> {
    let path = url.path();
    if !path.contains(';') {
        return Cow::Borrowed(path);
    }
    let bare = path.split('/').map(|part| part.split(';').next());
    let bare: Vec<&str> = bare.map(Option::unwrap_or_default).collect();
    Cow::Owned(bare.join("/"))
}

/// The parameters of the path and of the query, in their order: names as templates have them, and values.
pub(super) fn params(url: &CanonicalUrl) -> impl Iterator<Item = (String, &str)> {
    let of_path = url
        .path()
        .split('/')
        .flat_map(|part| part.split(';').skip(1));
    let of_query = url.as_url().query().unwrap_or_default().split('&');
    of_path
        .chain(of_query)
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, piece));
            let mut shown = String::with_capacity(name.len());
            normalise(name, &mut shown);
            (shown, value)
        })
}

/// The folders of a path that are nothing but an id, with their places: what a session may hide in.
pub(super) fn ids_in_path(path: &str) -> impl Iterator<Item = (usize, &str)> {
    path.split('/').enumerate().filter(|(_, part)| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        let inside = part.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let core = inside.rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
        core.is_some_and(|core| is_id(core, digits))
    })
}

/// Puts `#` for each number, id and name of a month.
fn normalise(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(first) = rest.bytes().position(|byte| byte.is_ascii_alphanumeric()) {
        let (before, token) = rest.split_at(first);
        let end = token.bytes().position(|byte| !byte.is_ascii_alphanumeric());
        let (token, after) = token.split_at(end.unwrap_or(token.len()));
        out.push_str(before);
        token_shape(token, out);
        rest = after;
    }
    out.push_str(rest);
}

fn token_shape(token: &str, out: &mut String) {
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        out.push_str(if is_month(token) { "#" } else { token });
        return;
    }
    if is_id(token, digits) {
        out.push('#');
        return;
    }
    let mut in_number = false;
    for byte in token.bytes() {
        match byte.is_ascii_digit() {
            true if in_number => {}
            true => out.push('#'),
            false => out.push(char::from(byte)),
        }
        in_number = byte.is_ascii_digit();
    }
}

/// Whether letters and digits (so many of them) are mixed as no name has them.
fn is_id(token: &str, digits: usize) -> bool {
    let kinds = token.bytes().map(|byte| byte.is_ascii_digit());
    let changes = kinds.clone().zip(kinds.skip(1)).filter(|(a, b)| a != b);
    changes.count() >= ID_CHANGES || (token.len() >= LONG_ID && digits > 0 && digits < token.len())
}

fn is_month(token: &str) -> bool {
    token.len() >= 3
        && token.len() <= 9
        && MONTHS.iter().any(|month| {
            token.eq_ignore_ascii_case(month)
                || (token.len() == 3 && token.eq_ignore_ascii_case(&month[..3]))
        })
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Option<String> {
        let url = CanonicalUrl::parse(&format!("http://a.example{text}")).expect(text);
        Shape::of(&url).map(|shape| shape.text)
    }

    #[test]
    fn templates() {
        for (url, wanted) in [
            ("/", None),
            ("/library/os.html", None),
            ("/november/", None),
            ("/?", None),
            ("/cal/2026/11", Some("/cal/#/#")),
            ("/cal/2026/Nov/", Some("/cal/#/#/")),
            ("/cal?year=2026&month=11", Some("/cal?month&year")),
            ("/cal?2026-11", Some("/cal?#-#")),
            ("/p/17;jsessionid=A8?x", Some("/p/#?jsessionid&x")),
            ("/s/8f3a9c/x", Some("/s/#/x")),
            ("/s/deadbeefdeadbeef01/x", Some("/s/#/x")),
            ("/arch/x86_64/f32.html", Some("/arch/x#_#/f#.html")),
            ("/l?f[12]=a&f[3]=b&q=", Some("/l?f[#]&q")),
        ] {
            assert_eq!(shape(url).as_deref(), wanted, "{url}");
        }
    }

    #[test]
    fn numbered() {
        for (text, wanted) in [
            ("/archive?page=17", true),
            ("/page/17/", true),
            ("/archive/2026", true),
            ("/d/20261117", false),
            ("/calendar/17", false),
            ("/x?month=17", false),
            ("/a/17?page=3", false),
            ("/p17", false),
            ("/s?q=x", false),
        ] {
            assert_eq!(is_numbered(text), wanted, "{text}");
        }
    }

    #[test]
    fn families() {
        let url = CanonicalUrl::parse("http://a.example/shop?b=1&a=2").expect("a URL");
        let shape = Shape::of(&url).expect("a shape");
        assert_eq!(
            (shape.family(), shape.text(), shape.has_several()),
            ("/shop", "/shop?a&b", true)
        );
    }
}
