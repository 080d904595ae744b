//! Where words are, in languages that part them and in those that do not.
//!
//! A search index knows a word by what parts it from the next. Chinese, Japanese, Thai, Lao, Khmer and Burmese are
//! written without that, and Korean hangs its particles on its words. So each of their characters is a word of its
//! own, with an unseen mark between them, and a word that is looked for is a phrase of these: it is found wherever
//! it stands, down to a single character, without a dictionary.

use unicode_width::UnicodeWidthChar;

use crate::unseen::{is_blank, is_format, is_variation};

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
    (c.is_alphanumeric() || is_mark(c)) && !is_format(c)
}

/// Whether a character stands upon another one: an accent, the vowel of a consonant. There is none before U+0300.
fn is_mark(c: char) -> bool {
    c >= '\u{0300}' && c.width() == Some(0) && !c.is_control() && !is_format(c)
}

/// Whether a character that follows this one is as good as not there: a place where a word may be hyphenated, the
/// direction of writing, a choice between shapes. Persian sets off what it hangs on a word by a mark (U+200C) that
/// hinders joining; elsewhere that parts nothing.
fn is_nothing(c: char, before: Option<char>) -> bool {
    let sets_off = || c == '\u{200c}' && before.is_some_and(is_arabic);
    c >= '\u{ad}' && (is_format(c) && !is_blank(c) && !sets_off() || is_variation(c))
}

fn is_arabic(c: char) -> bool {
    matches!(c, '\u{0600}'..='\u{06ff}' | '\u{0750}'..='\u{077f}' | '\u{08a0}'..='\u{08ff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

/// What stands for a character in the index: the wide forms of ASCII are ASCII.
fn plain(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(c) - 0xff01 + u32::from('!')).unwrap_or(c)
        }
        c if c.is_control() && !matches!(c, '\n' | '\t') => ' ',
        c if c != MARK && is_blank(c) => ' ',
        c => c,
    }
}

/// Adds a text as the index has it: with marks between the characters of joined scripts, wide letters as narrow
/// ones, control characters as spaces, and without what is not seen; where such a mark parts two words, a space.
pub(crate) fn segment(text: &str, out: &mut String) {
    out.reserve(text.len());
    let (mut before, mut parted) = (None, false);
    for c in text.chars() {
        if c == MARK {
            parted = true;
            continue;
        }
        if is_nothing(c, before) {
            continue;
        }
        let c = plain(c);
        let joined = is_joined(c);
        let parts = |before: char| {
            (joined && !before.is_whitespace() || is_joined(before) && is_word(c)) && !is_mark(c)
        };
        if before.is_some_and(parts) {
            out.push(MARK);
        } else if parted && is_word(c) && !is_mark(c) && before.is_some_and(is_word) {
            out.push(' ');
        }
        out.push(c);
        parted = false;
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

/// A text in which all is a space that is no word.
pub(crate) fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !is_nothing(c, out.chars().next_back()) {
            out.push(if is_word(c) { c } else { ' ' });
        }
    }
    out
}

/// Hands out the words of a text, in lower case, the characters of joined scripts one by one.
pub(crate) fn each_word(text: &str, mut take: impl FnMut(&str)) {
    let (mut word, mut single) = (String::new(), false);
    for c in text.chars() {
        if is_nothing(c, word.chars().next_back()) {
            continue;
        }
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
            ("a\u{200b}b\u{1}c\nd", "a b c\nd"),
            ("a/\u{200b}b\u{200b} c\u{200b}", "a/b c"),
            (
                "日\u{200b}本\u{200b}ab\u{feff}日\u{2066}本",
                "日|本|ab|日|本",
            ),
            ("Donau\u{ad}dampf\u{ad}schiff", "Donaudampfschiff"),
            (
                "\u{2066}iso\u{2067}late\u{2069} \u{feff}x\u{61c}y",
                "isolate xy",
            ),
            ("a\u{2028}b\u{2029}c\u{3164}d", "a b c d"),
            ("Auf\u{200c}lage क्\u{200d}ष", "Auflage क्ष"),
            ("کتاب\u{200c}ها", "کتاب\u{200c}ها"),
            ("葛\u{e0100}a ❤\u{fe0f}", "葛|a ❤"),
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
            (
                "Donau\u{ad}dampf zero\u{200b}width",
                "donaudampf zero width",
            ),
            ("\u{2066}iso\u{2066}late\u{2069}\u{3164}x", "isolate x"),
            ("کتاب\u{200c}ها", "کتاب ها"),
            (" ,.", ""),
        ] {
            let mut words = Vec::new();
            each_word(text, |word| words.push(word.to_owned()));
            assert_eq!(words.join(" "), wanted, "{text}");
            let spaced = spaced(text).to_lowercase();
            let told: Vec<&str> = spaced.split_whitespace().collect();
            let whole = wanted.replace(' ', "");
            assert_eq!(told.concat(), whole, "{text}");
        }
    }
}
