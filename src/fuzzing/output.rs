//! Text of a server's, on its way to a terminal, a spreadsheet, JSON.

use rusqlite::types::ValueRef;
use tokio_rusqlite::rusqlite;
use unicode_width::UnicodeWidthChar;

use crate::answers::cell;

pub(super) fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let shown = cell::printable(&text);
    assert!(!shown.contains(char::is_control), "{shown:?}");
    // Right to left, and what has no width, which would hide what is said.
    let hides = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    assert!(!shown.contains(hides), "{shown:?}");
    assert_eq!(cell::printable(&shown), shown, "shown again");
    let value = cell::csv(ValueRef::Text(data));
    assert!(!value.starts_with(['\t', '\r', '\n']), "{value:?}");
    let bare = value.trim_start_matches([' ', '"']);
    assert!(!bare.starts_with(['=', '@']), "{value:?}");
    let is_control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    assert!(!value.contains(is_control), "{value:?}");
    let json = cell::plain_json(&cell::json(ValueRef::Text(data)).to_string());
    assert!(!json.contains(char::is_control) && !json.contains(hides));
    assert_eq!(
        serde_json::from_str::<String>(&json).as_deref().ok(),
        Some(&*text)
    );
    let width = |text: &str| text.chars().filter_map(|c| c.width()).sum::<usize>();
    for columns in 1..40 {
        assert!(width(&cell::fit(&shown, columns)) <= columns);
        assert!(width(&cell::fit_url(&shown, columns)) <= columns);
    }
}
