//! Where words are, in languages that part them and in those that do not.
//!
//! A search index knows a word by what parts it from the next. Chinese, Japanese, Thai, Lao, Khmer and Burmese are
//! written without that, and Korean hangs its particles on its words. So each of their characters is a word of its
//! own, with an unseen mark between them, and a word that is looked for is a phrase of these: it is found wherever
//! it stands, down to a single character, without a dictionary.

use unicode_width::UnicodeWidthChar;

/// Parts the characters of what is written without spaces: ZERO WIDTH SPACE.
const MARK: char = '\u{200b}';

/// Whether a character is of a script that does not part its words by spaces.
fn is_joined(c: char) -> bool {
    // Most texts have none.
    c >= '\u{0e01}'
        && matches!(c,
        // Thai, Lao, Burmese, Khmer, and others of their family.
        '\u{0e01}'..='\u{0e4e}' | '\u{0e81}'..='\u{0ece}' | '\u{0edc}'..='\u{0edf}' | '\u{1000}'..='\u{103f}'
        | '\u{1050}'..='\u{109f}' | '\u{1780}'..='\u{17d3}' | '\u{1950}'..='\u{19df}' | '\u{1a20}'..='\u{1aad}'
        | '\u{a9e0}'..='\u{a9fe}' | '\u{aa60}'..='\u{aadf}'
        // Chinese, Japanese, Korean.
        | '\u{3005}'..='\u{3007}' | '\u{3031}'..='\u{3035}' | '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{30ff}'
        | '\u{3105}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{a000}'..='\u{a48c}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether a character is part of a word.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || is_mark(c)
}

/// Whether a character stands upon another one: an accent, the vowel of a consonant. There is none before U+0300.
fn is_mark(c: char) -> bool {
    c >= '\u{0300}' && c != MARK && c.width() == Some(0) && !c.is_control() && !is_format(c)
}

fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// What stands for a character in the index: the wide forms of ASCII are ASCII.
fn plain(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(c) - 0xff01 + u32::from('!')).unwrap_or(c)
        }
        c if c.is_control() && !matches!(c, '\n' | '\t') => ' ',
        c => c,
    }
}

/// Adds a text as the index has it: with marks between the characters of joined scripts, wide letters as narrow
/// ones, and control characters as spaces.
pub(crate) fn segment(text: &str, out: &mut String) {
    out.reserve(text.len());
    let mut before = None;
    for c in text.chars() {
        if c == MARK {
            continue;
        }
        let c = plain(c);
        let joined = is_joined(c);
        let parts = |before: char| {
            (joined && !before.is_whitespace() || is_joined(before) && is_word(c)) && !is_mark(c)
        };
        if before.is_some_and(parts) {
            out.push(MARK);
        }
        out.push(c);
        // A mark upon a character goes with it.
        if !is_mark(c) {
            before = Some(c);
        }
    }
}

/// A text as it was before [`segment`].
pub(crate) fn joined(text: &str) -> String {
    text.replace(MARK, "")
}

/// Hands out the words of a text, in lower case, the characters of joined scripts one by one.
pub(crate) fn each_word(text: &str, mut take: impl FnMut(&str)) {
    let (mut word, mut single) = (String::new(), false);
    for c in text.chars() {
        let c = plain(c);
        let joined = is_joined(c);
        // A mark upon a character goes with it.
        if !word.is_empty() && !is_mark(c) && (single || joined || !is_word(c)) {
            take(&word);
            word.clear();
        }
        if c.is_ascii() && is_word(c) {
            word.push(c.to_ascii_lowercase());
        } else if is_word(c) {
            word.extend(c.to_lowercase());
        }
        single = joined || single && is_mark(c);
    }
    if !word.is_empty() {
        take(&word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segmented_and_joined_again() {
        for (text, wanted) in [
            ("plain text", "plain text"),
            ("日本語", "日|本|語"),
            ("Python入門 a", "Python|入|門 a"),
            ("ab日cd", "ab|日|cd"),
            ("日。本", "日。|本"),
            ("กินข้าว", "กิ|น|ข้|า|ว"),
            ("데이터를 쓰다", "데|이|터|를 쓰|다"),
            ("ＡＢＣ１ é", "ABC1 é"),
            ("a\u{200b}b\u{1}c\nd", "ab c\nd"),
            ("", ""),
        ] {
            let mut out = String::new();
            segment(text, &mut out);
            assert_eq!(out.replace(MARK, "|"), wanted, "{text}");
            let mut again = String::new();
            segment(&joined(&out), &mut again);
            assert_eq!(again, out, "{text}");
        }
    }

    #[test]
    fn words() {
        for (text, wanted) in [
            ("One two-THREE, 4!", "one two three 4"),
            ("日本 語x", "日 本 語 x"),
            ("ÄÖ é e\u{301}", "äö é e\u{301}"),
            ("กินข้าว", "กิ น ข้ า ว"),
            (" ,.", ""),
        ] {
            let mut words = Vec::new();
            each_word(text, |word| words.push(word.to_owned()));
            assert_eq!(words.join(" "), wanted, "{text}");
        }
    }
}
