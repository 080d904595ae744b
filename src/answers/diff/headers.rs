//! Header fields whose change matters: to search engines, caches and browsers.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension;
use tokio_rusqlite::rusqlite;

use super::side::Side;

/// Their names.
const OF_INTEREST: [&str; 19] = [
    "access-control-allow-origin",
    "cache-control",
    "content-disposition",
    "content-language",
    "content-security-policy",
    "content-signal",
    "content-usage",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "link",
    "permissions-policy",
    "referrer-policy",
    "strict-transport-security",
    "tdm-reservation",
    "vary",
    "x-content-type-options",
    "x-frame-options",
    "x-robots-tag",
];

/// Values by name; those of a name that stands there more than once together.
type Fields = BTreeMap<String, String>;

/// The fields of interest of a block of header fields.
pub(super) fn read(side: &Side<'_>, block: Option<i64>) -> rusqlite::Result<Fields> {
    let mut statement = side
        .reader
        .connection
        .prepare_cached("SELECT text FROM header WHERE id = ?")?;
    let text: Option<String> = statement.query_row([block], |row| row.get(0)).optional()?;
    Ok(fields(&text.unwrap_or_default()))
}

fn fields(block: &str) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in block.lines().filter_map(|line| line.split_once(':')) {
        let name = name.trim().to_ascii_lowercase();
        if !OF_INTEREST.contains(&name.as_str()) {
            continue;
        }
        let value = steady(value.trim());
        fields
            .entry(name)
            .and_modify(|all| *all = format!("{all}, {value}"))
            .or_insert(value);
    }
    fields
}

/// A value without what is drawn anew for each answer: the nonces of a content security policy.
fn steady(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("'nonce-") {
        out.push_str(before);
        out.push_str("'nonce-…");
        rest = after.find('\'').map_or("", |end| &after[end..]);
    }
    out + rest
}

/// The fields that only the one has, or has otherwise, and those that only the other has; where one of them is of a
/// 304, only of names that both have.
pub(super) fn apart(before: &Fields, after: &Fields, partial: bool) -> (Vec<String>, Vec<String>) {
    let alone = |one: &Fields, other: &Fields| -> Vec<String> {
        one.iter()
            .filter(|(name, value)| match other.get(*name) {
                Some(there) => there != *value,
                None => !partial,
            })
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    };
    (alone(before, after), alone(after, before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_alone() {
        let before = fields(
            "X-Robots-Tag: noindex\nserver: a\nvary: a\nvary: b\ncontent-security-policy: script-src 'nonce-abc' 'self'\n",
        );
        let after = fields(
            "server: b\nvary: a\ncache-control: no-store\ncontent-security-policy: script-src 'nonce-xyz' 'self'",
        );
        let (removed, added) = apart(&before, &after, false);
        assert_eq!(removed, ["vary: a, b", "x-robots-tag: noindex"]);
        assert_eq!(added, ["cache-control: no-store", "vary: a"]);
        let (removed, added) = apart(&before, &after, true);
        assert_eq!(
            (removed, added),
            (vec!["vary: a, b".to_owned()], vec!["vary: a".to_owned()])
        );
        assert_eq!(steady("a 'nonce-"), "a 'nonce-…");
        assert!(fields(":\nno colon\n\0: x").is_empty());
        assert!(OF_INTEREST.is_sorted());
    }
}
