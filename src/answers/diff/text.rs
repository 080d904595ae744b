//! Texts that are compared line by line.

use std::time::Duration;

use similar::{Algorithm, TextDiff};

use crate::parse::main_text::main_text;

/// A line is broken after a sentence from this length on: else a paragraph would differ as a whole.
const LONG: usize = 100;
/// Lines around what differs.
const CONTEXT: usize = 3;
/// After so long the rest is told as replaced, where texts are large and have little in common.
const PATIENCE: Duration = Duration::from_secs(5);

/// The main text of a body in lines that can be compared; `None` where it is no text.
pub(super) fn lines_of(
    body: &[u8],
    media_type: Option<&str>,
    charset: Option<&str>,
) -> Option<String> {
    let text = main_text(body, media_type, charset)?.text;
    let mut lines = String::with_capacity(text.len() + text.len() / 64);
    for line in text.lines() {
        broken(line.trim_end(), &mut lines);
    }
    Some(lines)
}

/// Breaks a long line after its sentences.
fn broken(line: &str, out: &mut String) {
    let (mut begin, mut rest) = (0, line.char_indices().peekable());
    while let Some((at, c)) = rest.next() {
        let next = rest.peek();
        let end = match c {
            '。' | '！' | '？' => at + c.len_utf8(),
            '.' | '!' | '?' if next.is_some_and(|(_, next)| *next == ' ') => at + 1,
            _ => continue,
        };
        if line.len() > LONG && end - begin >= LONG / 2 {
            out.push_str(line[begin..end].trim());
            out.push('\n');
            begin = end;
        }
    }
    out.push_str(line[begin..].trim_start_matches(|c| begin > 0 && c == ' '));
    out.push('\n');
}

/// How many lines the one text has that the other has not, and the other way round, wherever they stand; a line
/// counts as often as it stands there, and empty ones count nothing.
pub(super) fn counted(before: &str, after: &str) -> (u64, u64) {
    let (before, after) = (sorted(before), sorted(after));
    let (removed, added) = apart(&before, &after);
    (added.len() as u64, removed.len() as u64)
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines
}

/// What of two sorted lists stands in the first alone, and in the second alone.
pub(super) fn apart<'t, T: Ord>(before: &'t [T], after: &'t [T]) -> (Vec<&'t T>, Vec<&'t T>) {
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let (mut a, mut b) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return (removed, added),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(one), Some(other)) => one.cmp(other),
        };
        match order {
            std::cmp::Ordering::Less => removed.extend(a.next()),
            std::cmp::Ordering::Greater => added.extend(b.next()),
            std::cmp::Ordering::Equal => {
                a.next();
                b.next();
            }
        }
    }
}

/// The unified diff of two texts, a line an item; nothing where they are equal.
pub(super) fn unified(before: &str, after: &str, names: (&str, &str)) -> Vec<String> {
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .timeout(PATIENCE)
        .diff_lines(before, after);
    let unified = diff
        .unified_diff()
        .context_radius(CONTEXT)
        .header(names.0, names.1)
        .to_string();
    unified.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<String> {
        let mut out = String::new();
        broken(line, &mut out);
        out.lines().map(str::to_owned).collect()
    }

    #[test]
    fn long_lines_are_broken_after_sentences() {
        assert_eq!(of("One. Two. Three."), ["One. Two. Three."]);
        assert_eq!(of(""), [""]);
        assert_eq!(of("  indented. Code"), ["  indented. Code"]);
        let one = format!("{} end.", "word ".repeat(15).trim());
        let two = format!("{} stop!", "more ".repeat(15).trim());
        assert_eq!(
            of(&format!("{one} {two} Tail 1.5")),
            [one, two, "Tail 1.5".to_owned()]
        );
        let japanese = "これは文です。".repeat(12);
        let lines = of(&japanese);
        assert!(lines.len() > 2);
        assert_eq!(lines.concat(), japanese);
    }

    #[test]
    fn lines_that_came_and_went() {
        assert_eq!(counted("a\nb\n\nc\n", "c\na\nd\n\n\n"), (1, 1));
        assert_eq!(counted("a\na\n", "a\n"), (0, 1));
        assert_eq!(counted("", ""), (0, 0));
        assert_eq!(
            apart(&[1, 2, 2, 5], &[2, 3, 5, 6]),
            (vec![&1, &2], vec![&3, &6])
        );
    }

    #[test]
    fn unified_as_diff_has_it() {
        let diff = unified("a\nb\nc\n", "a\nB\nc\n", ("run 1", "run 2"));
        assert_eq!(
            diff,
            [
                "--- run 1",
                "+++ run 2",
                "@@ -1,3 +1,3 @@",
                " a",
                "-b",
                "+B",
                " c"
            ]
        );
        assert!(unified("a\n", "a\n", ("", "")).is_empty());
    }
}
