//! What somebody types, as FTS5 wants it. Every character is harmless: what is looked for goes in as quoted strings,
//! and only those say anything to FTS5 that are written here.

use crate::parse::segment::{segment, spaced};

/// Longest question, in bytes.
const MAX_BYTES: usize = 4096;
/// Most words and phrases of one.
const MAX_TERMS: usize = 64;

/// A question, as FTS5 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// What a page must say.
    pub(crate) expression: String,
    /// Any of what is wanted: what is marked where it is shown.
    pub(crate) wanted: String,
}

/// Why nothing can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unasked {
    #[error("there is no word in it")]
    Nothing,
    #[error("a word is needed that pages do have")]
    OnlyWithout,
    #[error("it is too long: {MAX_BYTES} bytes and {MAX_TERMS} words at the most")]
    TooLong,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Or,
    Not,
    Term(Term),
}

#[derive(Debug, PartialEq, Eq)]
struct Term {
    column: Option<&'static str>,
    text: String,
    prefix: bool,
    without: bool,
}

impl Question {
    /// Reads words (all of which are wanted), `"phrases"`, `-word`, `one OR other`, `begin*`, `title:word`.
    pub(crate) fn read(text: &str) -> Result<Self, Unasked> {
        if text.len() > MAX_BYTES {
            return Err(Unasked::TooLong);
        }
        let (mut groups, mut without) = (Vec::<Vec<String>>::new(), Vec::new());
        let (mut or, mut not, mut terms) = (false, false, 0);
        for piece in pieces(text) {
            match piece {
                Piece::Or => or = true,
                Piece::Not => not = true,
                Piece::Term(term) => {
                    terms += 1;
                    if not || term.without {
                        without.push(term.expression());
                    } else if let Some(group) = groups.last_mut().filter(|_| or) {
                        group.push(term.expression());
                    } else {
                        groups.push(vec![term.expression()]);
                    }
                    (or, not) = (false, false);
                }
            }
        }
        if terms > MAX_TERMS {
            return Err(Unasked::TooLong);
        }
        if groups.is_empty() {
            let only = !without.is_empty();
            return Err(if only {
                Unasked::OnlyWithout
            } else {
                Unasked::Nothing
            });
        }
        let all: Vec<String> = groups.iter().map(|group| either(group)).collect();
        let mut expression = all.join(" AND ");
        if !without.is_empty() {
            expression = format!("({expression}) NOT {}", either(&without));
        }
        Ok(Self {
            expression,
            wanted: groups.concat().join(" OR "),
        })
    }

    /// Takes a question that is written for FTS5; only what is written without spaces is parted, as it is in the index.
    pub(crate) fn raw(text: &str) -> Result<Self, Unasked> {
        if text.len() > MAX_BYTES {
            return Err(Unasked::TooLong);
        }
        let mut expression = String::new();
        segment(text, &mut expression);
        if expression.trim().is_empty() {
            return Err(Unasked::Nothing);
        }
        Ok(Self {
            wanted: expression.clone(),
            expression,
        })
    }
}

fn either(terms: &[String]) -> String {
    match terms {
        [term] => term.clone(),
        terms => format!("({})", terms.join(" OR ")),
    }
}

impl Term {
    fn expression(&self) -> String {
        let mut text = String::new();
        segment(&self.text, &mut text);
        let column = self.column.map(|column| format!("{column} : "));
        let star = if self.prefix { " *" } else { "" };
        format!("{}\"{text}\"{star}", column.unwrap_or_default())
    }
}

/// Columns by the words that people have for them.
const COLUMNS: [(&str, &str); 6] = [
    ("title", "title"),
    ("heading", "headings"),
    ("headings", "headings"),
    ("body", "body"),
    ("text", "body"),
    ("intext", "body"),
];

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '「' | '」')
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (piece, after) = piece(rest);
        pieces.extend(piece);
        rest = after.trim_start();
    }
    pieces
}

/// The piece that a text begins with, and what follows it. One character at least is taken.
fn piece(text: &str) -> (Option<Piece>, &str) {
    let (without, unsigned) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (column, rest) = column(unsigned);
    if let Some(quoted) = rest.strip_prefix(is_quote) {
        let end = quoted.find(is_quote).unwrap_or(quoted.len());
        let (words, after) = quoted.split_at(end);
        let after = after.strip_prefix(is_quote).unwrap_or(after);
        let (prefix, after) = match after.strip_prefix('*') {
            Some(after) => (true, after),
            None => (false, after),
        };
        return (term(column, words, prefix, without), after);
    }
    let end = rest.find(|c: char| c.is_whitespace() || is_quote(c));
    let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
    let piece = match (word, without, column) {
        ("OR" | "|" | "||", false, None) => Some(Piece::Or),
        ("AND" | "&" | "&&" | "+", false, None) => None,
        ("NOT", false, None) => Some(Piece::Not),
        _ => term(column, word, word.ends_with('*'), without),
    };
    (piece, after)
}

/// The column that a text begins with, if something follows it.
fn column(text: &str) -> (Option<&'static str>, &str) {
    let named = text.split_once(':').and_then(|(name, rest)| {
        let known = COLUMNS
            .iter()
            .find(|known| name.eq_ignore_ascii_case(known.0))?;
        let follows = rest.chars().next().is_some_and(|c| !c.is_whitespace());
        follows.then_some((Some(known.1), rest))
    });
    named.unwrap_or((None, text))
}

/// A term, if there is a word in it; what is neither letter nor digit parts words, as in the index.
fn term(column: Option<&'static str>, text: &str, prefix: bool, without: bool) -> Option<Piece> {
    let text = spaced(text).trim().to_owned();
    (!text.is_empty()).then_some(Piece::Term(Term {
        column,
        text,
        prefix,
        without,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions() {
        for (text, wanted) in [
            ("one two", "\"one\" AND \"two\""),
            ("\"one two\" three", "\"one two\" AND \"three\""),
            ("“one two”", "\"one two\""),
            ("a -b", "(\"a\") NOT \"b\""),
            ("-b a -\"c d\"", "(\"a\") NOT (\"b\" OR \"c d\")"),
            ("a NOT b", "(\"a\") NOT \"b\""),
            ("a b OR c", "\"a\" AND (\"b\" OR \"c\")"),
            ("a | b | c d", "(\"a\" OR \"b\" OR \"c\") AND \"d\""),
            ("OR a OR", "\"a\""),
            ("a AND b", "\"a\" AND \"b\""),
            ("or and not", "\"or\" AND \"and\" AND \"not\""),
            ("data*", "\"data\" *"),
            ("\"one tw\"*", "\"one tw\" *"),
            (
                "title:one body:\"two three\" -Heading:x",
                "(title : \"one\" AND body : \"two three\") NOT headings : \"x\"",
            ),
            ("http://x.example/a?b", "\"http   x example a b\""),
            ("title: one", "\"title\" AND \"one\""),
            ("url:one", "\"url one\""),
            ("json.loads()", "\"json loads\""),
            ("日本語", "\"日\u{200b}本\u{200b}語\""),
            ("e-mail", "\"e mail\""),
            (
                "Donau\u{ad}dampf zero\u{200b}width",
                "\"Donaudampf\" AND \"zero width\"",
            ),
            ("\u{2066}iso\u{2066}late\u{2069}", "\"isolate\""),
            ("\"unended one", "\"unended one\""),
            ("a\"b\"c", "\"a\" AND \"b\" AND \"c\""),
            (
                "(a) ^b {c} 'd' NEAR(e)",
                "\"a\" AND \"b\" AND \"c\" AND \"d\" AND \"NEAR e\"",
            ),
        ] {
            let question = Question::read(text).expect(text);
            assert_eq!(question.expression, wanted, "{text}");
        }
        let question = Question::read("a \"b c\" OR d -e").expect("a question");
        assert_eq!(question.wanted, "\"a\" OR \"b c\" OR \"d\"");
    }

    #[test]
    fn no_questions() {
        for (text, wanted) in [
            ("", Unasked::Nothing),
            (" \t\u{3000}", Unasked::Nothing),
            ("\"\" - * : () 👍 …", Unasked::Nothing),
            ("-a -\"b c\"", Unasked::OnlyWithout),
            (&"a ".repeat(65), Unasked::TooLong),
            (&"a".repeat(4097), Unasked::TooLong),
        ] {
            assert_eq!(Question::read(text), Err(wanted), "{text}");
        }
    }
}
