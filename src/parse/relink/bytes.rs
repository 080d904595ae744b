//! Edits of a text as edits of the bytes that it was decoded from.

use std::borrow::Cow;
use std::ops::Range;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use super::Edit;

/// The body with its edits. What of a text has no bytes of its own (it was decoded together with something that is
/// broken) is left as it is.
pub(super) fn apply<'b>(
    body: &'b [u8],
    text: &str,
    encoding: &'static Encoding,
    edits: &[Edit],
) -> Cow<'b, [u8]> {
    if edits.is_empty() {
        return Cow::Borrowed(body);
    }
    let mark = Encoding::for_bom(body).filter(|(marked, _)| *marked == encoding);
    let mark = mark.map_or(0, |(_, length)| length);
    let bare = body.get(mark..).unwrap_or_default();
    let places: Vec<Option<Range<usize>>> = if bare == text.as_bytes() {
        edits.iter().map(|edit| Some(edit.at.clone())).collect()
    } else {
        places(bare, text, encoding, edits)
    };
    let mut out = Vec::with_capacity(body.len() + 64 * edits.len());
    out.extend_from_slice(body.get(..mark).unwrap_or_default());
    let mut done = 0;
    for (edit, place) in edits.iter().zip(places) {
        let Some(place) = place.filter(|place| place.start >= done && place.end >= place.start)
        else {
            continue;
        };
        out.extend_from_slice(bare.get(done..place.start).unwrap_or_default());
        push(&mut out, &edit.with, encoding);
        done = place.end;
    }
    out.extend_from_slice(bare.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// ASCII in the encoding of a page.
fn push(out: &mut Vec<u8>, text: &str, encoding: &'static Encoding) {
    if encoding == UTF_16LE {
        out.extend(text.bytes().flat_map(|byte| [byte, 0]));
    } else if encoding == UTF_16BE {
        out.extend(text.bytes().flat_map(|byte| [0, byte]));
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Where the edits' ends stand in the bytes: these are decoded once more, one after the other.
fn places(
    bytes: &[u8],
    text: &str,
    encoding: &'static Encoding,
    edits: &[Edit],
) -> Vec<Option<Range<usize>>> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut wanted = edits.iter().flat_map(|edit| [edit.at.start, edit.at.end]);
    let mut next = wanted.next();
    let mut found: Vec<Option<usize>> = Vec::with_capacity(2 * edits.len());
    let mut decoded = 0;
    while next == Some(0) {
        found.push(Some(0));
        next = wanted.next();
    }
    for (index, byte) in bytes.iter().enumerate() {
        let Some(mut end) = next else { break };
        let mut out = [0; 32];
        let (_, _, written, _) = decoder.decode_to_utf8(&[*byte], &mut out, false);
        decoded += written;
        while end <= decoded {
            found.push(byte_before(bytes, index + 1, text, end..decoded));
            next = wanted.next();
            let Some(then) = next else { break };
            end = then;
        }
    }
    // What is left stands at the end, where a decoder may have kept something back.
    let mut ends = found.chunks_exact(2);
    let mut places: Vec<Option<Range<usize>>> = Vec::with_capacity(edits.len());
    places.extend(ends.by_ref().map(|pair| match pair {
        [Some(start), Some(end)] => Some(*start..*end),
        _ => None,
    }));
    if let [Some(start)] = ends.remainder() {
        places.push(Some(*start..bytes.len()));
    }
    places.resize(edits.len(), None);
    places
}

/// The byte at which a place in the text stands, if `rest` of the text was decoded by one and the same byte at the
/// most: then what follows the place is ASCII that came out behind something broken.
fn byte_before(bytes: &[u8], end: usize, text: &str, rest: Range<usize>) -> Option<usize> {
    let rest = text.get(rest)?.as_bytes();
    let start = end.checked_sub(rest.len())?;
    (rest.is_ascii() && bytes.get(start..end)? == rest).then_some(start)
}
