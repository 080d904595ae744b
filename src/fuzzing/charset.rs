//! Content type, then a body: which kind of text it is.

use encoding_rs::Encoding;

use super::{header, line};
use crate::parse::{charset, media_type};

pub(super) fn target(data: &[u8]) {
    let (content_type, body) = line(data);
    let content_type = header(&content_type);
    let essence = media_type(content_type, body);
    let plain = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
    assert!(
        essence.contains('/') && essence.bytes().all(plain),
        "{essence}"
    );
    for choose in [charset::choose, charset::choose_css, charset::choose_xml] {
        let chosen = choose(body, content_type);
        check(body, chosen);
        assert_eq!(choose(body, content_type), chosen, "again");
        if let Some((marked, _)) = Encoding::for_bom(body) {
            assert_eq!(chosen, marked, "a byte order mark stands above all");
        }
        // A header that names a charset is believed.
        let labelled = choose(body, Some("text/html; charset=koi8-r"));
        assert!(Encoding::for_bom(body).is_some() || labelled == encoding_rs::KOI8_R);
    }
}

fn check(body: &[u8], encoding: &'static Encoding) {
    let text = charset::decode(body, encoding);
    // A byte becomes at most one character, of three bytes in UTF-8; what is cut off, one more.
    assert!(text.len() <= 3 * body.len() + 3);
    if encoding == encoding_rs::UTF_8 {
        let bare = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        assert_eq!(text, String::from_utf8_lossy(bare));
    }
}
