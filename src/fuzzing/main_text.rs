//! Media type, then a body: its main text and its Markdown, and what an index makes of them.

use super::{header, line, page_url};
use crate::parse::main_text::main_text;
use crate::parse::markdown;
use crate::parse::segment::{each_word, joined, segment};
use crate::parse::simhash::Simhash;

pub(super) fn target(data: &[u8]) {
    let (media_type, body) = line(data);
    let media_type = header(&media_type);
    let text = main_text(body, media_type, None);
    assert_eq!(main_text(body, media_type, None), text, "read again");
    let written = markdown(body, media_type, None, &page_url());
    assert_eq!(text.is_some(), written.is_some());
    let Some(text) = text else { return };
    // A reference of four bytes may stand for six of text; nothing else grows but by what parts blocks.
    let most = 4 * body.len() + 64;
    assert!(
        text.text.len() <= most,
        "{} of {}",
        text.text.len(),
        body.len()
    );
    assert!(text.headings.len() <= most);
    let title = text.title.as_deref().unwrap_or_default();
    assert!(title.len() <= most && !title.contains('\n'), "{title}");
    in_an_index(&text.text);
}

/// Marks between characters are all that is added, and they go again.
fn in_an_index(text: &str) {
    let mut once = String::new();
    segment(text, &mut once);
    let mut twice = String::new();
    segment(&joined(&once), &mut twice);
    assert_eq!(once, twice);
    let mut words = 0;
    each_word(text, |word| {
        assert!(!word.is_empty() && !word.contains(char::is_whitespace));
        words += 1;
    });
    assert_eq!(Simhash::of(text).words, words);
}
