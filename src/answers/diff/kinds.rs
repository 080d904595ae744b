//! What may have become of a URL between two runs, and in what a page may differ: their words.

use serde::{Deserialize, Serialize};

/// Gives an enum its words, in the order in which it has its variants.
macro_rules! words {
    ($which:ident: $($one:ident = $word:literal),+) => {
        impl $which {
            /// All of them, in the order in which they are shown, each with its word.
            pub const ALL: [(Self, &'static str); [$($word),+].len()] = [$((Self::$one, $word)),+];

            /// Its word.
            #[must_use]
            pub fn word(self) -> &'static str {
                Self::ALL[self as usize].1
            }

            /// The one of a word.
            #[must_use]
            pub fn of(word: &str) -> Option<Self> {
                let found = Self::ALL.iter().find(|row| row.1 == word);
                found.map(|row| row.0)
            }
        }
    };
}

/// What has become of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// It is there, and was not: not met before, or not found, or forbidden.
    New,
    /// It was there, and answers 404 or 410 now, or redirects to what does.
    Gone,
    /// It was there, and stands at another URL now.
    Moved,
    /// It is there as it was, and says or answers something else.
    Changed,
    /// It fails, and did not: an answer of 400 and above, or none. That may pass.
    Failed,
    /// robots.txt forbids it, and did not.
    Disallowed,
    /// It was there, and the later run has not asked for it; or the earlier one had not yet.
    Unasked,
    /// It is as it was.
    Unchanged,
}

words!(
    Kind: New = "new", Gone = "gone", Moved = "moved", Changed = "changed", Failed = "failed", Disallowed = "disallowed",
    Unasked = "unasked", Unchanged = "unchanged"
);

impl Kind {
    /// Whether the two runs differ by it. That a URL was not asked for says nothing of it.
    #[must_use]
    pub fn is_difference(self) -> bool {
        !matches!(self, Self::Unasked | Self::Unchanged)
    }
}

/// In what a URL may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Aspect {
    /// The status, or the class of an error.
    Status,
    /// Where it redirects to.
    Redirect,
    /// The title.
    Title,
    /// The description.
    Description,
    /// The canonical link.
    Canonical,
    /// What is asked of robots (`noindex`…).
    Directives,
    /// The language.
    Language,
    /// Media type and charset.
    Type,
    /// The main text.
    Text,
    /// The links: to where, of which kind.
    Links,
    /// Header fields of interest.
    Headers,
    /// The bytes of the body: where there is no text to compare, or by wish.
    Bytes,
}

words!(
    Aspect: Status = "status", Redirect = "redirect", Title = "title", Description = "description", Canonical = "canonical",
    Directives = "directives", Language = "language", Type = "type", Text = "text", Links = "links", Headers = "headers",
    Bytes = "bytes"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order_and_as_in_json() {
        for (index, (kind, word)) in Kind::ALL.into_iter().enumerate() {
            assert_eq!((kind as usize, Kind::of(word)), (index, Some(kind)));
            assert_eq!(serde_json::json!(kind), word);
            assert_eq!(kind.word(), word);
        }
        for (index, (aspect, word)) in Aspect::ALL.into_iter().enumerate() {
            assert_eq!((aspect as usize, Aspect::of(word)), (index, Some(aspect)));
            assert_eq!(serde_json::json!(aspect), word);
            assert_eq!(aspect.word(), word);
        }
    }
}
