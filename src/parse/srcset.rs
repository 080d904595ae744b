//! The URLs of a `srcset`.

use super::text::{is_space, slice};

/// Calls `each` with every image candidate's URL (HTML Standard §4.8.4.3.7). URLs may hold commas; what
/// ends one is white space, and a comma at its end.
pub(super) fn urls<'a>(text: &'a str, mut each: impl FnMut(&'a str)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(skipped) = find(bytes, at, |b| !is_space(b) && b != b',') {
        let start = at + skipped;
        let end = find(bytes, start, is_space).map_or(bytes.len(), |length| start + length);
        let url = slice(text, start, end);
        let bare = url.trim_end_matches(',');
        each(bare);
        at = if bare.len() < url.len() {
            end
        } else {
            after_descriptors(bytes, end)
        };
    }
}

/// The place behind the comma that ends a candidate's descriptors; one in parentheses does not.
fn after_descriptors(bytes: &[u8], mut at: usize) -> usize {
    let mut parenthesis = false;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'(' => parenthesis = true,
            b')' => parenthesis = false,
            b',' if !parenthesis => break,
            _ => {}
        }
    }
    at
}

fn find(bytes: &[u8], from: usize, test: impl Fn(u8) -> bool) -> Option<usize> {
    bytes.get(from..)?.iter().position(|&byte| test(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates() {
        for (text, wanted) in [
            ("a.png", &["a.png"][..]),
            ("a.png 1x, b.png 2x", &["a.png", "b.png"]),
            ("a.png,b.png", &["a.png,b.png"]),
            ("a.png, b.png", &["a.png", "b.png"]),
            (" ,, a.png 100w ,b.png", &["a.png", "b.png"]),
            ("data:,a ( , ) 1x, b", &["data:,a", "b"]),
            ("a.png,, b", &["a.png", "b"]),
            ("a 1x,b", &["a", "b"]),
            (", ,", &[]),
            ("", &[]),
        ] {
            let mut got = Vec::new();
            urls(text, |url| got.push(url));
            assert_eq!(got, wanted, "{text}");
        }
    }
}
