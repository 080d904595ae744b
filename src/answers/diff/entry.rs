//! What a diff says of one URL.

use serde::{Deserialize, Serialize};

use super::kinds::{Aspect, Kind};

/// What has become of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// What has become of it.
    pub kind: Kind,
    /// The URL.
    pub url: String,
    /// Where it stands now, if it has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// By what that is known: `redirect`, `content`, `text`, `title`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What was known of it in the earlier run.
    pub before: Option<Outcome>,
    /// What is known of it in the later run; of one that has moved, at its old place.
    pub after: Option<Outcome>,
    /// In what it differs.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// What is to be known besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What came of a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The status, if an answer came.
    pub status: Option<u16>,
    /// The class of an error.
    pub error: Option<String>,
    /// The title of what is there.
    pub title: Option<String>,
}

impl Outcome {
    /// The class of the error, or the status.
    #[must_use]
    pub fn word(&self) -> String {
        match (&self.error, self.status) {
            (Some(error), _) => error.clone(),
            (None, Some(status)) => status.to_string(),
            (None, None) => "–".to_owned(),
        }
    }
}

/// One thing in which a URL differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// What.
    pub what: Aspect,
    /// What it was, where it is a short text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Of text, links and headers: how many lines there are more, or other ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<u64>,
    /// And how many are there no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
}

impl Change {
    /// A short text that is another one.
    pub(super) fn value(what: Aspect, before: Option<String>, after: Option<String>) -> Self {
        Self {
            what,
            before,
            after,
            added: None,
            removed: None,
        }
    }

    /// So many lines more and fewer.
    pub(super) fn counted(what: Aspect, added: u64, removed: u64) -> Self {
        Self {
            what,
            before: None,
            after: None,
            added: Some(added),
            removed: Some(removed),
        }
    }

    /// In a few words: `title "A" → "B"`, `links +2 −1`.
    #[must_use]
    pub fn words(&self) -> String {
        let what = self.what.word();
        if let (Some(added), Some(removed)) = (self.added, self.removed) {
            return format!("{what} +{added} −{removed}");
        }
        let said = |value: &Option<String>| match (value, self.what) {
            (None, _) => "none".to_owned(),
            (Some(text), Aspect::Title | Aspect::Description) => format!("\"{text}\""),
            (Some(text), _) => text.clone(),
        };
        format!("{what} {} → {}", said(&self.before), said(&self.after))
    }
}

impl Entry {
    /// What there is to say of it besides kind and URL, in a line.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        let title = |outcome: &Option<Outcome>| {
            let title = outcome.as_ref().and_then(|outcome| outcome.title.as_ref());
            title.map(|title| format!("\"{title}\""))
        };
        let word = |outcome: &Option<Outcome>| outcome.as_ref().map(Outcome::word);
        match self.kind {
            Kind::New => words.extend(word(&self.after).into_iter().chain(title(&self.after))),
            Kind::Gone => words.extend(word(&self.after).into_iter().chain(title(&self.before))),
            Kind::Failed | Kind::Disallowed => {
                let before = word(&self.before).unwrap_or_else(|| "not met".to_owned());
                let after = word(&self.after).unwrap_or_default();
                words.push(format!("{before} → {after}"));
            }
            Kind::Moved => {
                let (to, by) = (self.to.as_deref(), self.by.as_deref());
                let to = to.unwrap_or_default();
                words.push(format!("→ {to} ({})", by.unwrap_or_default()));
            }
            Kind::Changed | Kind::Unasked | Kind::Unchanged => {}
        }
        words.extend(self.changes.iter().map(Change::words));
        words.extend(self.note.clone());
        words.join("; ")
    }
}
