//! `Content-Encoding`, then a body that is in it.

use super::line;
use crate::fetch::decode::decode;

/// Of a body so short, no more ever comes out.
const MOST: usize = 1 << 20;

pub(super) fn target(data: &[u8]) {
    let (codings, body) = line(data);
    let codings = [codings.into_owned()];
    let whole = decode(body.to_vec(), &codings, u64::MAX);
    let small = decode(body.to_vec(), &codings, 100);
    if let Ok(whole) = &whole {
        assert!(whole.bytes.len() <= MOST.max(200 * body.len()));
    }
    // Of several codings the outer may be cut, and then the inner is another.
    if codings[0].contains(',') {
        return;
    }
    assert_eq!(whole.is_err(), small.is_err(), "it fails at its beginning");
    if let (Ok(whole), Ok(small)) = (&whole, &small)
        && small.bytes != body
    {
        assert!(small.bytes.len() <= 100);
        assert!(whole.bytes.starts_with(&small.bytes));
        assert!(small.cut || small == whole);
    }
}
