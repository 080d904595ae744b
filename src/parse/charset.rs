//! Which charset a body is in, and its text.
//!
//! The order is that of the HTML Standard (§13.2.3.2): byte order mark, `Content-Type`, `<meta>` in the
//! first 1024 bytes, a later `<meta>` (§13.2.3.5, "changing the encoding while parsing"), then detection,
//! and windows-1252 where that finds nothing either. Labels mean what the Encoding Standard says, so
//! `iso-8859-1` is windows-1252.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::prescan;

/// How much of a body detection looks at, from its first byte that is not ASCII.
const DETECTION_BYTES: usize = 64 * 1024;

/// Where a `<meta>` after the first 1024 bytes is looked for. A browser that meets one starts again.
const LATE_META_BYTES: usize = 64 * 1024;

/// Chooses the charset of an HTML body.
#[must_use]
pub fn choose(body: &[u8], content_type: Option<&str>) -> &'static Encoding {
    declared(body, content_type)
        .or_else(|| prescan::prescan(body))
        .or_else(|| prescan::of_meta(body.get(..LATE_META_BYTES).unwrap_or(body)))
        .unwrap_or_else(|| detect(body))
}

/// Chooses the charset of a style sheet (CSS Syntax Level 3 §3.2): no `<meta>`, but `@charset`; and
/// what declares nothing is UTF-8.
#[must_use]
pub fn choose_css(body: &[u8], content_type: Option<&str>) -> &'static Encoding {
    let at_charset = || {
        // The rule counts only in exactly these bytes.
        let rest = body.strip_prefix(b"@charset \"")?;
        let label = rest.get(..memchr::memchr(b'"', rest.get(..1024).unwrap_or(rest))?)?;
        // A sheet whose `@charset` could be read in ASCII is not in UTF-16.
        Encoding::for_label(label).map(Encoding::output_encoding)
    };
    declared(body, content_type)
        .or_else(at_charset)
        .unwrap_or(UTF_8)
}

/// Chooses the charset of a body of XML, or of a list of URLs: no `<meta>`, but the declaration (XML
/// §4.3.3); and what declares nothing is UTF-8, unless it is not.
#[must_use]
pub fn choose_xml(body: &[u8], content_type: Option<&str>) -> &'static Encoding {
    let declaration = || {
        let rest = body.trim_ascii_start().strip_prefix(b"<?xml")?;
        let rest = rest.get(..memchr::memchr(b'>', rest.get(..1024).unwrap_or(rest))?)?;
        let at = memchr::memmem::find(rest, b"encoding")?;
        let value = rest.get(at + b"encoding".len()..)?.trim_ascii_start();
        let value = value.strip_prefix(b"=")?.trim_ascii_start();
        let (quote, value) = value.split_first()?;
        let label = value.get(..memchr::memchr(*quote, value)?)?;
        // A declaration that could be read in ASCII is not in UTF-16.
        Encoding::for_label(label).map(Encoding::output_encoding)
    };
    declared(body, content_type)
        .or_else(declaration)
        .unwrap_or_else(|| match std::str::from_utf8(body) {
            Ok(_) => UTF_8,
            Err(_) => detect(body),
        })
}

/// Decodes a body by its charset, less a byte order mark. What is valid UTF-8 is not copied; what is
/// invalid becomes U+FFFD.
#[must_use]
pub fn decode<'a>(body: &'a [u8], encoding: &'static Encoding) -> Cow<'a, str> {
    encoding.decode_with_bom_removal(body).0
}

fn declared(body: &[u8], content_type: Option<&str>) -> Option<&'static Encoding> {
    Encoding::for_bom(body)
        .map(|(encoding, _)| encoding)
        .or_else(|| of_header(content_type?))
}

/// The `charset` parameter. Whether the media type before it is well-formed does not matter; servers
/// forget the semicolon, too.
fn of_header(content_type: &str) -> Option<&'static Encoding> {
    prescan::charset_in(content_type.as_bytes())
}

/// Guesses.
fn detect(body: &[u8]) -> &'static Encoding {
    // Only ISO-2022-JP, which has escapes, is not told by bytes beyond ASCII.
    let Some(first) = body
        .iter()
        .position(|&byte| !byte.is_ascii() || byte == 0x1B)
    else {
        return WINDOWS_1252;
    };
    // The word that the byte stands in is evidence.
    let from = first.saturating_sub(64);
    let window = body.get(from..).unwrap_or_default();
    let window = window.get(..DETECTION_BYTES).unwrap_or(window);
    let last = from + window.len() == body.len();
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(window, last);
    detector.guess(None, Utf8Detection::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order() {
        let meta = b"<meta charset=koi8-r>".as_slice();
        for (body, content_type, wanted) in [
            (
                b"\xEF\xBB\xBF<meta charset=koi8-r>".as_slice(),
                Some("text/html; charset=big5"),
                "UTF-8",
            ),
            (b"\xFF\xFEa\0", Some("text/html; charset=big5"), "UTF-16LE"),
            (meta, Some("text/html; charset=big5"), "Big5"),
            (meta, Some("text/html; charset=\"big5\""), "Big5"),
            (meta, Some("text/html;charset=latin1;x=y"), "windows-1252"),
            (meta, Some("text/html charset=UTF8"), "UTF-8"),
            (meta, Some("text/html; charset=nonsense"), "KOI8-R"),
            (meta, Some("text/html; charset="), "KOI8-R"),
            (meta, None, "KOI8-R"),
            (b"plain", None, "windows-1252"),
            (b"", None, "windows-1252"),
            ("Übergröße und Äpfel".as_bytes(), None, "UTF-8"),
            (b"\x1B$B$3$s$K$A$O\x1B(B", None, "ISO-2022-JP"),
        ] {
            assert_eq!(
                choose(body, content_type).name(),
                wanted,
                "{content_type:?} {body:?}"
            );
        }
    }

    #[test]
    fn detection_reads_beyond_a_long_ascii_head() {
        let mut body = vec![b' '; 3 * DETECTION_BYTES];
        body.extend_from_slice("Съешь же ещё этих мягких французских булок".as_bytes());
        assert_eq!(choose(&body, None).name(), "UTF-8");
    }

    #[test]
    fn style_sheets() {
        for (body, content_type, wanted) in [
            (b"@charset \"koi8-r\";".as_slice(), None, "KOI8-R"),
            (
                b"@charset \"koi8-r\";",
                Some("text/css; charset=big5"),
                "Big5",
            ),
            (b"@charset \"utf-16\";", None, "UTF-8"),
            (b"@charset 'koi8-r';", None, "UTF-8"),
            (b"@charset \"koi8-r", None, "UTF-8"),
            (b"\xE4", None, "UTF-8"),
        ] {
            assert_eq!(choose_css(body, content_type).name(), wanted, "{body:?}");
        }
    }

    #[test]
    fn utf8_is_not_copied() {
        assert!(matches!(decode("ü".as_bytes(), UTF_8), Cow::Borrowed("ü")));
        assert!(matches!(
            decode(b"\xEF\xBB\xBFx", UTF_8),
            Cow::Borrowed("x")
        ));
        assert_eq!(decode(b"a\xFFb", UTF_8), "a\u{FFFD}b");
        assert_eq!(decode(b"\x80", WINDOWS_1252), "€");
    }
}
