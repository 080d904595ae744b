//! The references of CSS, and of `srcset`, which is a list of them.

use super::super::{css, srcset};
use crate::record::LinkKind;

use super::{Edit, References, edited, place_of};

/// Edits of a style sheet, a `<style>` or a `style`.
pub(super) fn edits(text: &str, references: &mut References<'_, '_>) -> Vec<Edit> {
    let mut edits = Vec::new();
    css::slices(text, |url| {
        let value = css::unescape(url);
        // A bare fragment is a part of the page, whatever the base (CSS Values Level 4 §4.5.1), and an empty URL none.
        if value.is_empty() || value.starts_with('#') {
            return;
        }
        let new = references
            .link(&value, LinkKind::Css)
            .filter(|new| new.text != value);
        if let (Some(new), Some(at)) = (new, place_of(text, url)) {
            let mut with = String::with_capacity(new.text.len());
            for c in new.text.chars() {
                // The same within quotes of either kind and without any.
                if matches!(c, '"' | '\'' | '(' | ')' | '\\') {
                    with.push('\\');
                }
                with.push(c);
            }
            let at = at..at + url.len();
            edits.push(Edit { at, with });
        }
    });
    edits
}

/// A `srcset` written anew; `None` where it stays as it is. And whether one of its images is local.
pub(super) fn set(text: &str, references: &mut References<'_, '_>) -> (Option<String>, bool) {
    let (mut edits, mut is_local) = (Vec::new(), false);
    srcset::urls(text, |url| {
        let Some(new) = references.link(url, LinkKind::Img) else {
            return;
        };
        is_local |= new.is_local;
        if let (true, Some(at)) = (new.text != url, place_of(text, url)) {
            edits.push(Edit {
                at: at..at + url.len(),
                with: without_commas_at_ends(&new.text),
            });
        }
    });
    let new = (!edits.is_empty()).then(|| edited(text, &edits));
    (new, is_local)
}

/// A comma at an end of a candidate would part it from the next one.
fn without_commas_at_ends(text: &str) -> String {
    let inner = text.trim_matches(',');
    let start = text.len() - text.trim_start_matches(',').len();
    let end = text.len() - start - inner.len();
    format!("{}{inner}{}", "%2C".repeat(start), "%2C".repeat(end))
}
