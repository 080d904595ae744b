//! What a body is: by its `Content-Type`, and by its first bytes where that says nothing.

use std::borrow::Cow;

/// The essence of the media type, lower case (`text/html`). Where the header is missing, malformed or
/// says "unknown", the body is sniffed (MIME Sniffing Standard §7.1, for the types that concern a
/// crawler); a type that is given is believed.
#[must_use]
pub fn media_type<'a>(content_type: Option<&'a str>, body: &[u8]) -> Cow<'a, str> {
    match content_type.and_then(essence) {
        Some("*/*" | "unknown/unknown" | "application/unknown") | None => {
            Cow::Borrowed(sniff(body))
        }
        Some(essence) if essence.bytes().any(|b| b.is_ascii_uppercase()) => {
            Cow::Owned(essence.to_ascii_lowercase())
        }
        Some(essence) => Cow::Borrowed(essence),
    }
}

/// `type/subtype`, both of them tokens. Servers join two headers by a comma, and forget the semicolon.
fn essence(value: &str) -> Option<&str> {
    let value = value.trim_ascii_start();
    let end = value.find(|c: char| c.is_ascii_whitespace() || matches!(c, ';' | ','));
    let essence = value.get(..end.unwrap_or(value.len()))?;
    let (kind, subtype) = essence.split_once('/')?;
    let token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    (token(kind) && token(subtype)).then_some(essence)
}

/// Whether a body of this type is read as HTML.
pub(super) fn is_html(essence: &str) -> bool {
    matches!(essence, "text/html" | "application/xhtml+xml")
}

/// Openings that make a page HTML, where a space or `>` follows (§7.1).
const HTML: [&[u8]; 16] = [
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<script",
    b"<iframe",
    b"<h1",
    b"<div",
    b"<font",
    b"<table",
    b"<a",
    b"<style",
    b"<title",
    b"<b",
    b"<body",
    b"<br",
    b"<p",
];

/// Signatures of what is not text.
const SIGNATURES: [(&[u8], &str); 9] = [
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x89PNG\r\n\x1A\n", "image/png"),
    (b"\xFF\xD8\xFF", "image/jpeg"),
    (b"\x1F\x8B\x08", "application/gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar \x1A\x07\0", "application/x-rar-compressed"),
];

/// Reads the first bytes. Only the opening decides: a text with a `<p>` in its middle is no HTML.
fn sniff(body: &[u8]) -> &'static str {
    if let Some((_, found)) = SIGNATURES
        .iter()
        .find(|(signature, _)| body.starts_with(signature))
    {
        return found;
    }
    // The Standard takes what has a mark for plain text; a crawler had better look at what follows it.
    let marked = encoding_rs::Encoding::for_bom(body);
    let text = match marked {
        Some((encoding, length)) if encoding == encoding_rs::UTF_8 => {
            body.get(length..).unwrap_or_default()
        }
        Some(_) => return "text/plain",
        None => body,
    };
    let start = text.trim_ascii_start();
    let opens = |opening: &[u8]| {
        start
            .get(..opening.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(opening))
            && matches!(
                start.get(opening.len()),
                Some(b' ' | b'>' | b'\n' | b'\r' | b'\t' | b'\x0C')
            )
    };
    if start.starts_with(b"<!--") || HTML.iter().any(|opening| opens(opening)) {
        "text/html"
    } else if start.starts_with(b"<?xml") {
        "text/xml"
    } else if text.iter().take(1445).any(|&b| is_binary(b)) {
        "application/octet-stream"
    } else {
        "text/plain"
    }
}

/// The Standard's binary data bytes (§3).
fn is_binary(byte: u8) -> bool {
    matches!(byte, 0..=0x08 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        for (content_type, body, wanted) in [
            (Some("text/html"), "", "text/html"),
            (Some(" Text/HTML;charset=x"), "", "text/html"),
            (Some("text/html charset=x"), "", "text/html"),
            (Some("text/css, text/css"), "", "text/css"),
            (Some("text/plain"), "<html>", "text/plain"),
            (Some("html"), "<html>", "text/html"),
            (Some("*/*"), "<!DOCTYPE HTML>", "text/html"),
            (Some(""), "\u{FEFF} \n<p class=x>", "text/html"),
            (None, "<!-- x --><html>", "text/html"),
            (None, "<pre>", "text/plain"),
            (None, "<?xml version='1.0'?>", "text/xml"),
            (None, "%PDF-1.7", "application/pdf"),
            (None, "a\0b", "application/octet-stream"),
            (None, "", "text/plain"),
        ] {
            assert_eq!(
                media_type(content_type, body.as_bytes()),
                wanted,
                "{content_type:?} {body}"
            );
        }
    }
}
