//! `${NAME}` in a setting: the value stays in the environment until it is used, so that neither the
//! settings as they are shown nor the database ever have it.

use super::ConfigError;

/// A piece of a setting.
enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// Takes a text apart. `$${` stands for `${`; `None` in place of a variable without a name or an end.
fn pieces(text: &str) -> impl Iterator<Item = Option<Piece<'_>>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix("$${") {
            rest = after;
            return Some(Some(Piece::Text("${")));
        }
        if let Some(after) = rest.strip_prefix("${") {
            let named = |name: &&str| {
                !name.is_empty()
                    && !name.starts_with(|c: char| c.is_ascii_digit())
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            };
            let end = after.find('}').filter(|end| named(&&after[..*end]));
            let piece = end.map(|end| Piece::Variable(&after[..end]));
            rest = end.map_or("", |end| &after[end + 1..]);
            return Some(piece);
        }
        let end = ["$${", "${"].iter().filter_map(|mark| rest.find(mark));
        let (text, after) = rest.split_at(end.min().unwrap_or(rest.len()));
        rest = after;
        Some(Some(Piece::Text(text)))
    })
}

/// Whether a text has variables in it.
pub(super) fn has_variables(text: &str) -> bool {
    pieces(text).any(|piece| !matches!(piece, Some(Piece::Text(_))))
}

/// Whether a text holds nothing but variables, and such characters between them.
pub(super) fn is_variables(text: &str, between: &[char]) -> bool {
    !text.is_empty()
        && pieces(text).all(|piece| match piece {
            Some(Piece::Text(text)) => text.chars().all(|c| between.contains(&c)),
            Some(Piece::Variable(_)) => true,
            None => false,
        })
}

/// Puts the values of variables in their places.
///
/// # Errors
/// When one is not set, or is not written as `${NAME}`.
pub(super) fn expand(key: &str, text: &str) -> Result<String, ConfigError> {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Some(Piece::Text(text)) => out.push_str(text),
            Some(Piece::Variable(name)) => {
                let value = std::env::var(name);
                let shown = format!("${{{name}}}");
                out += &value.map_err(|_| {
                    ConfigError::value(key, shown, "this environment variable is not set")
                })?;
            }
            None => {
                let message = "has no NAME} behind it; the characters themselves are $${";
                return Err(ConfigError::value(key, "${", message));
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        let path = std::env::var("PATH").expect("a PATH");
        for (text, wanted) in [
            ("plain $1 {x} $", "plain $1 {x} $".to_owned()),
            ("a${PATH}b", format!("a{path}b")),
            ("${PATH}${PATH}", format!("{path}{path}")),
            ("$${PATH}", "${PATH}".to_owned()),
            ("", String::new()),
        ] {
            assert_eq!(expand("k", text).expect(text), wanted, "{text}");
        }
        for (text, wanted) in [
            (
                "x${NO_SUCH_VARIABLE_1}",
                "k = \"${NO_SUCH_VARIABLE_1}\": this environment variable is not set",
            ),
            (
                "s3cret${",
                "k = \"${\": has no NAME} behind it; the characters themselves are $${",
            ),
            (
                "s3cret${a b}",
                "k = \"${\": has no NAME} behind it; the characters themselves are $${",
            ),
        ] {
            assert_eq!(
                expand("k", text).expect_err(text).to_string(),
                wanted,
                "{text}"
            );
        }
        assert!(has_variables("a${B}") && !has_variables("$${B}") && !has_variables("a"));
        assert!(is_variables("${A}:${B}", &[':']) && is_variables("${A}", &[]));
        for text in ["x${A}", "${A}:${B}", "", "$${A}"] {
            assert!(!is_variables(text, &[]), "{text}");
        }
    }
}
