//! Characters that are not seen: one list, for what shows texts and for what looks for words in them.

/// Characters without a shape that change how others are shown: marks of direction, of joining, tags, and
/// blanks that are no spaces.
pub(crate) fn is_format(c: char) -> bool {
    c >= '\u{ad}'
        && matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}')
}

/// Those of them that part words: blanks, and the ends of lines and paragraphs.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{115f}' | '\u{1160}' | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{3164}' | '\u{ffa0}'
    )
}

/// Characters that choose between two shapes of the one before them.
pub(crate) fn is_variation(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unseen() {
        for (c, format, blank) in [
            ('a', false, false),
            (' ', false, false),
            ('\u{301}', false, false),
            ('\u{ad}', true, false),
            ('\u{200b}', true, true),
            ('\u{200d}', true, false),
            ('\u{2029}', true, true),
            ('\u{2066}', true, false),
            ('\u{feff}', true, false),
            ('\u{3164}', true, true),
            ('\u{e0041}', true, false),
            ('\u{fe0f}', false, false),
        ] {
            assert_eq!((is_format(c), is_blank(c)), (format, blank), "{c:?}");
        }
        assert!(is_variation('\u{fe0f}') && !is_variation('\u{feff}'));
    }
}
