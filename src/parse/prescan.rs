//! "Prescan a byte stream to determine its encoding", step by step as the HTML Standard has it
//! (§13.2.3.2), and "extracting a character encoding from a meta element" (§2.4.4).

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::text::is_space;

/// How far the Standard looks.
const BYTES: usize = 1024;

/// The charset that the first 1024 bytes declare. Running out of bytes, even in a `<meta>`, ends the
/// search; then an XML declaration is looked for.
pub(super) fn prescan(body: &[u8]) -> Option<&'static Encoding> {
    let head = body.get(..BYTES).unwrap_or(body);
    if head.starts_with(b"<\0?\0x\0") {
        return Some(UTF_16LE);
    }
    if head.starts_with(b"\0<\0?\0x") {
        return Some(UTF_16BE);
    }
    of_meta(head).or_else(|| of_xml(head))
}

/// The first charset that a `<meta>` within these bytes declares.
pub(super) fn of_meta(head: &[u8]) -> Option<&'static Encoding> {
    let mut at = 0;
    loop {
        at += memchr::memchr(b'<', head.get(at..)?)?;
        let rest = head.get(at..)?;
        if rest.starts_with(b"<!--") {
            // The dashes that end a comment may be those that begin it.
            at += 2 + memchr::memmem::find(rest.get(2..)?, b"-->")? + 3;
        } else if is_meta(rest) {
            at += 5;
            if let Some(encoding) = meta(head, &mut at)? {
                return Some(encoding);
            }
        } else if is_tag(rest) {
            at += rest
                .iter()
                .position(|&byte| is_space(byte) || byte == b'>')?;
            while attribute(head, &mut at)?.is_some() {}
        } else if matches!(rest.get(1), Some(b'!' | b'/' | b'?')) {
            at += memchr::memchr(b'>', rest)? + 1;
        } else {
            at += 1;
        }
    }
}

/// Whether a `<meta` begins here, and not a longer name.
fn is_meta(rest: &[u8]) -> bool {
    rest.get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"<meta"))
        && rest
            .get(5)
            .is_some_and(|&byte| is_space(byte) || byte == b'/')
}

/// Whether a start or end tag begins here; its attributes must be read, since one may hold a `>`.
fn is_tag(rest: &[u8]) -> bool {
    let name = if rest.get(1) == Some(&b'/') { 2 } else { 1 };
    rest.get(name).is_some_and(u8::is_ascii_alphabetic)
}

/// The attributes of a `<meta>`. The outer `None`: out of bytes; the inner one: it declares nothing.
fn meta(head: &[u8], at: &mut usize) -> Option<Option<&'static Encoding>> {
    let mut pragma = false;
    let mut needs_pragma = false;
    // `Some(None)` is a label that names no encoding, which a later `content` does not replace.
    let mut charset = None;
    let (mut equiv_seen, mut content_seen, mut charset_seen) = (false, false, false);
    while let Some((name, value)) = attribute(head, at)? {
        if name.eq_ignore_ascii_case(b"http-equiv") && !equiv_seen {
            equiv_seen = true;
            pragma = value.eq_ignore_ascii_case(b"content-type");
        } else if name.eq_ignore_ascii_case(b"content") && !content_seen {
            content_seen = true;
            if let (None, Some(found)) = (charset, charset_in(value)) {
                charset = Some(Some(found));
                needs_pragma = true;
            }
        } else if name.eq_ignore_ascii_case(b"charset") && !charset_seen {
            charset_seen = true;
            charset = Some(Encoding::for_label(value));
            needs_pragma = false;
        }
    }
    let declared = charset.flatten().filter(|_| pragma || !needs_pragma);
    Some(declared.map(|encoding| {
        // Bytes in which this could be read are not UTF-16; and what x-user-defined makes of text is none.
        if encoding == UTF_16LE || encoding == UTF_16BE {
            UTF_8
        } else if encoding == encoding_rs::X_USER_DEFINED {
            WINDOWS_1252
        } else {
            encoding
        }
    }))
}

/// A name and its value, as bytes: the charset is what is being asked for.
type Attribute<'a> = (&'a [u8], &'a [u8]);

/// "Get an attribute". The outer `None`: out of bytes; the inner one: the tag ends here.
fn attribute<'a>(head: &'a [u8], at: &mut usize) -> Option<Option<Attribute<'a>>> {
    *at += head
        .get(*at..)?
        .iter()
        .position(|&b| !is_space(b) && b != b'/')?;
    let start = *at;
    if *head.get(start)? == b'>' {
        return Some(None);
    }
    // A leading `=` is part of the name.
    let rest = head.get(start + 1..)?;
    let end = start
        + 1
        + rest
            .iter()
            .position(|&b| is_space(b) || matches!(b, b'=' | b'/' | b'>'))?;
    let name = head.get(start..end)?;
    let after = end + head.get(end..)?.iter().position(|&b| !is_space(b))?;
    *at = after;
    if *head.get(after)? != b'=' {
        return Some(Some((name, b"")));
    }
    let value = after + 1 + head.get(after + 1..)?.iter().position(|&b| !is_space(b))?;
    let (from, to, next) = if let quote @ (b'"' | b'\'') = *head.get(value)? {
        let to = value + 1 + memchr::memchr(quote, head.get(value + 1..)?)?;
        (value + 1, to, to + 1)
    } else {
        let to = value
            + head
                .get(value..)?
                .iter()
                .position(|&b| is_space(b) || b == b'>')?;
        (value, to, to)
    };
    *at = next;
    Some(Some((name, head.get(from..to)?)))
}

/// The encoding that follows `charset=` in a `content` attribute or a `Content-Type` header.
pub(super) fn charset_in(value: &[u8]) -> Option<&'static Encoding> {
    let mut rest = value;
    loop {
        let found = rest
            .windows(7)
            .position(|word| word.eq_ignore_ascii_case(b"charset"))?;
        rest = rest.get(found + 7..)?.trim_ascii_start();
        let Some(value) = rest.strip_prefix(b"=") else {
            continue;
        };
        let value = value.trim_ascii_start();
        let label = match value.first()? {
            // A quote that does not end makes no label.
            quote @ (b'"' | b'\'') => {
                let inside = value.get(1..)?;
                inside.get(..memchr::memchr(*quote, inside)?)?
            }
            _ => value
                .split(|&byte| is_space(byte) || matches!(byte, b';' | b','))
                .next()?,
        };
        return Encoding::for_label(label);
    }
}

/// "Get an XML encoding": that of `<?xml … encoding="…"`.
fn of_xml(head: &[u8]) -> Option<&'static Encoding> {
    if !head.starts_with(b"<?xml") {
        return None;
    }
    let declaration = head.get(..memchr::memchr(b'>', head)?)?;
    let found = memchr::memmem::find(declaration, b"encoding")?;
    let skip = |rest: &[u8]| {
        rest.iter()
            .position(|&byte| byte > b' ')
            .unwrap_or(rest.len())
    };
    let rest = declaration.get(found + 8..)?;
    let rest = rest.get(skip(rest)..)?.strip_prefix(b"=")?;
    let rest = rest.get(skip(rest)..)?;
    let quote = *rest.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let inside = rest.get(1..)?;
    let label = inside.get(..memchr::memchr(quote, inside)?)?;
    if label.iter().any(|&byte| byte <= b' ') {
        return None;
    }
    Encoding::for_label(label).map(Encoding::output_encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations() {
        for (head, wanted) in [
            ("<meta charset=koi8-r>", Some("KOI8-R")),
            ("<META CharSet = ' KOI8-R '>", Some("KOI8-R")),
            ("<meta/charset=koi8-r>", Some("KOI8-R")),
            ("<meta charset=koi8-r", None),
            ("<metacharset=koi8-r>", None),
            ("<meta charset=utf-16>", Some("UTF-8")),
            ("<meta charset=x-user-defined>", Some("windows-1252")),
            ("<meta charset=nope><meta charset=big5>", Some("Big5")),
            ("<meta charset=koi8-r charset=big5>", Some("KOI8-R")),
            (
                "<meta http-equiv=content-type content='a; charset=koi8-r'>",
                Some("KOI8-R"),
            ),
            ("<meta content='a; charset=koi8-r'>", None),
            (
                "<meta content='charset=big5' charset=koi8-r>",
                Some("KOI8-R"),
            ),
            (
                "<meta charset=nope http-equiv=content-type content='charset=big5'>",
                None,
            ),
            ("<!--><meta charset=koi8-r>", Some("KOI8-R")),
            ("<!-- <meta charset=koi8-r> -->", None),
            ("<!-- <meta charset=koi8-r>", None),
            ("<p title='<meta charset=koi8-r>'>", None),
            ("<p title='><meta charset=koi8-r>", None),
            ("</p a='>'><meta charset=koi8-r>", Some("KOI8-R")),
            ("<! a='><meta charset=koi8-r>", Some("KOI8-R")),
            ("< meta charset=big5><meta charset=koi8-r>", Some("KOI8-R")),
            ("<?xml version='1.0' encoding='koi8-r'?>", Some("KOI8-R")),
            ("<?xml encoding='utf-16'?>", Some("UTF-8")),
            ("<?xml encoding='koi8-r'?><meta charset=big5>", Some("Big5")),
            ("<?xml encoding='koi8-r", None),
            ("<?xml encoding='koi8 r'?>", None),
            ("", None),
        ] {
            assert_eq!(
                prescan(head.as_bytes()).map(Encoding::name),
                wanted,
                "{head}"
            );
        }
    }

    #[test]
    fn only_the_first_1024_bytes() {
        for (padding, found) in [(1024 - 21, true), (1024 - 20, false)] {
            let head = format!("{}<meta charset=koi8-r>", " ".repeat(padding));
            assert_eq!(prescan(head.as_bytes()).is_some(), found, "{padding}");
        }
    }

    #[test]
    fn parameters() {
        for (value, wanted) in [
            ("text/html; charset=koi8-r", Some("KOI8-R")),
            ("charset charset = 'koi8-r'", Some("KOI8-R")),
            ("charset=\"koi8-r", None),
            ("charset=", None),
            ("charset", None),
            ("charset=koi8-r;x", Some("KOI8-R")),
        ] {
            assert_eq!(
                charset_in(value.as_bytes()).map(Encoding::name),
                wanted,
                "{value}"
            );
        }
    }
}
