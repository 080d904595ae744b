//! As much of SQL's grammar as is needed to tell where a statement ends, and where a name stands in it. What a
//! statement means is SQLite's to say.

/// What a piece of SQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// White space and comments.
    Nothing,
    /// A name, bare or in quotes, or a keyword.
    Name,
    /// `:name`, `@name`, `$name`, `?`.
    Param,
    /// The end of a statement.
    End,
    /// Texts, numbers, signs.
    Other,
}

/// A statement of several.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    /// Where its first word stands in the whole.
    pub(super) start: usize,
    pub(super) sql: &'a str,
}

/// The words with which a statement begins that does anything but answer.
const WRITING: [&str; 19] = [
    "alter",
    "analyze",
    "attach",
    "begin",
    "commit",
    "create",
    "delete",
    "detach",
    "drop",
    "end",
    "insert",
    "reindex",
    "release",
    "replace",
    "rollback",
    "savepoint",
    "truncate",
    "update",
    "vacuum",
];

impl Piece<'_> {
    /// Where its first word stands, if by that alone it is none that answers.
    pub(super) fn writing_word(&self) -> Option<usize> {
        let (_, length) = token(self.sql);
        let word = self.sql[..length].to_ascii_lowercase();
        WRITING.contains(&&*word).then_some(self.start)
    }

    /// Where a name or a parameter stands in the whole, as it is written but for capitals and quotes.
    pub(super) fn find(&self, wanted: &str) -> Option<usize> {
        let bare = |text: &str| {
            text.trim_matches(['"', '`', '[', ']'])
                .eq_ignore_ascii_case(wanted)
        };
        let found = tokens(self.sql)
            .find(|(kind, _, text)| matches!(kind, Kind::Name | Kind::Param) && bare(text));
        found.map(|(_, at, _)| self.start + at)
    }

    /// The names of its parameters.
    pub(super) fn params(&self) -> impl Iterator<Item = &str> {
        let params = tokens(self.sql).filter(|(kind, ..)| *kind == Kind::Param);
        params
            .map(|(.., text)| &text[1..])
            .filter(|name| !name.is_empty())
    }

    /// Whether it begins with this word.
    pub(super) fn begins_with(&self, word: &str) -> bool {
        let (_, length) = token(self.sql);
        self.sql[..length].eq_ignore_ascii_case(word)
    }
}

/// The statements of a text, without those that are empty.
pub(super) fn pieces(sql: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    // Where the statement begins, and where its last word ends.
    let mut open: Option<(usize, usize)> = None;
    for (kind, at, text) in tokens(sql) {
        match (kind, &mut open) {
            (Kind::Nothing, _) => {}
            (Kind::End, _) => pieces.extend(open.take()),
            (_, Some((_, end))) => *end = at + text.len(),
            (_, none) => *none = Some((at, at + text.len())),
        }
    }
    pieces.extend(open);
    let piece = |(start, end): (usize, usize)| Piece {
        start,
        sql: &sql[start..end],
    };
    pieces.into_iter().map(piece).collect()
}

fn tokens(sql: &str) -> impl Iterator<Item = (Kind, usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = sql.get(at..).filter(|rest| !rest.is_empty())?;
        let (kind, length) = token(rest);
        let start = at;
        at += length;
        Some((kind, start, &rest[..length]))
    })
}

/// What a text begins with, and how long that is.
fn token(rest: &str) -> (Kind, usize) {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii();
    let run = |from: usize, is: &dyn Fn(char) -> bool| {
        let tail = rest.get(from..).unwrap_or_default();
        from + tail.find(|c| !is(c)).unwrap_or(tail.len())
    };
    let Some(first) = rest.chars().next() else {
        return (Kind::Nothing, 0);
    };
    match first {
        ';' => (Kind::End, 1),
        '\'' => (Kind::Other, quoted(rest, '\'')),
        '"' | '`' => (Kind::Name, quoted(rest, first)),
        '[' => (Kind::Name, rest.find(']').map_or(rest.len(), |end| end + 1)),
        '-' if rest.starts_with("--") => (
            Kind::Nothing,
            rest.find('\n').map_or(rest.len(), |end| end + 1),
        ),
        '/' if rest.starts_with("/*") => {
            let end = rest[2..].find("*/");
            (Kind::Nothing, end.map_or(rest.len(), |end| end + 4))
        }
        ':' | '@' | '$' | '?' => (Kind::Param, run(1, &is_word)),
        c if c.is_ascii_whitespace() => (Kind::Nothing, run(1, &|c| c.is_ascii_whitespace())),
        c if c.is_ascii_digit() => (Kind::Other, run(1, &is_word)),
        c if is_word(c) => (Kind::Name, run(c.len_utf8(), &is_word)),
        c => (Kind::Other, c.len_utf8()),
    }
}

/// The length of what stands in quotes; a quote within is written twice.
fn quoted(rest: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = rest[at..].find(quote) {
        at += end + 1;
        if !rest[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_apart() {
        for (sql, wanted) in [
            ("SELECT 1", &[(0, "SELECT 1")][..]),
            ("SELECT 1;", &[(0, "SELECT 1")]),
            (
                " SELECT 1 ;\n SELECT 2 -- b;c\n",
                &[(1, "SELECT 1"), (13, "SELECT 2")],
            ),
            (
                "a';''b;'c\";\"d[;]e`;`;f",
                &[(0, "a';''b;'c\";\"d[;]e`;`"), (21, "f")],
            ),
            ("/* ; */ x /* ; */ y; -- z", &[(8, "x /* ; */ y")]),
            (";;  ; -- nothing\n/* at", &[]),
            ("'open;", &[(0, "'open;")]),
            ("\"ü;", &[(0, "\"ü;")]),
            ("ü;漢", &[(0, "ü"), (3, "漢")]),
        ] {
            let found: Vec<(usize, &str)> = pieces(sql)
                .iter()
                .map(|piece| (piece.start, piece.sql))
                .collect();
            assert_eq!(found, wanted, "{sql}");
        }
    }

    #[test]
    fn names_have_their_place() {
        let sql = "-- x\nSELECT 'x', y.\"X\", :x FROM t";
        let piece = pieces(sql)[0];
        assert_eq!(piece.find("x"), Some(19));
        assert_eq!(piece.find(":x"), Some(24));
        assert_eq!(piece.find("z"), None);
        assert_eq!(piece.params().collect::<Vec<_>>(), ["x"]);
        assert_eq!(piece.writing_word(), None);
        assert_eq!(pieces(" ; Delete FROM x")[0].writing_word(), Some(3));
        assert!(piece.begins_with("select") && !piece.begins_with("sel"));
    }

    proptest::proptest! {
        /// Whatever the text: all of it is in its tokens, and what lies between two statements is nothing.
        #[test]
        fn nothing_is_lost(sql in "[ -~\\n'\"`;ü漢*/-]{0,60}") {
            let whole: String = tokens(&sql).map(|(.., text)| text).collect();
            proptest::prop_assert_eq!(&whole, &sql);
            let pieces = pieces(&sql);
            let within = |at: usize| {
                pieces.iter().any(|piece| (piece.start..piece.start + piece.sql.len()).contains(&at))
            };
            for (kind, at, text) in tokens(&sql) {
                let is_word = !matches!(kind, Kind::Nothing | Kind::End);
                proptest::prop_assert!(!is_word || within(at), "{text:?}");
            }
            for piece in &pieces {
                proptest::prop_assert_eq!(&sql[piece.start..][..piece.sql.len()], piece.sql);
            }
        }
    }
}
