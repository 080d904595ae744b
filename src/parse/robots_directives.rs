//! What a page asks of robots: `<meta name=robots>`, the meta of our own name, and `X-Robots-Tag`.
//!
//! There is no standard but the practice of search engines (Google Search Central, "Robots meta tag,
//! data-nosnippet, and X-Robots-Tag specifications"). Whatever applies to us is added up: what asks for
//! less wins.

use std::collections::BTreeSet;

use crate::record::Directives;

use super::text::slice;

/// Directives whose colon is not that of a robot's name.
const WITH_VALUE: [&str; 4] = [
    "unavailable_after",
    "max-snippet",
    "max-image-preview",
    "max-video-preview",
];

/// How many different directives are kept, and how long one may be. Real pages have a handful.
const LIMIT: usize = 64;
const LENGTH: usize = 128;

/// Gathers directives, sorted and each once.
#[derive(Debug, Default)]
pub(super) struct Gathered(BTreeSet<String>);

impl Gathered {
    /// Adds a `content` attribute; `<meta>` has no robots' names in it.
    pub(super) fn meta(&mut self, content: &str) {
        let mut list = List {
            gathered: self,
            agent: None,
            ours: true,
            dated: None,
        };
        list.read(content);
    }

    /// Adds an `X-Robots-Tag` value. A robot's name rules what follows it in the value.
    pub(super) fn header(&mut self, value: &str, agent: &str) {
        let mut list = List {
            gathered: self,
            agent: Some(agent),
            ours: true,
            dated: None,
        };
        list.read(value);
    }

    /// The sum.
    pub(super) fn finish(self) -> Directives {
        let has = |word: &str| self.0.contains(word) || self.0.contains("none");
        let text = self
            .0
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        Directives {
            noindex: has("noindex"),
            nofollow: has("nofollow"),
            text: (!text.is_empty()).then(|| text.into_boxed_str()),
        }
    }

    fn add(&mut self, directive: String) {
        // `noindex` and its like are kept even where a page fills the room with nonsense.
        let matters = matches!(directive.as_str(), "noindex" | "nofollow" | "none");
        if matters || self.0.len() < LIMIT {
            self.0.insert(directive);
        }
    }
}

/// One value under way.
struct List<'a> {
    gathered: &'a mut Gathered,
    /// Our name, where the list may have names.
    agent: Option<&'a str>,
    ours: bool,
    /// An `unavailable_after` under way: its date may have a comma.
    dated: Option<String>,
}

impl List<'_> {
    fn read(&mut self, text: &str) {
        for part in text.split(',') {
            let part = part.trim();
            if self.continues_date(part) {
                continue;
            }
            self.end_date();
            self.part(part);
        }
        self.end_date();
    }

    fn part(&mut self, part: &str) {
        let Some((name, value)) = part
            .split_once(':')
            .map(|(name, value)| (name.trim(), value.trim()))
        else {
            // Some separate by spaces alone.
            part.split_ascii_whitespace()
                .for_each(|word| self.keep(word.to_ascii_lowercase()));
            return;
        };
        let name = name.to_ascii_lowercase();
        if WITH_VALUE.contains(&name.as_str()) {
            let directive = format!("{name}: {}", value.to_ascii_lowercase());
            if name == "unavailable_after" {
                self.dated = Some(directive);
            } else {
                self.keep(directive);
            }
        } else if let Some(agent) = self.agent {
            self.ours = name == "*" || name.eq_ignore_ascii_case(agent);
            self.part_after_name(value);
        }
        // In a meta, `name: value` of an unknown name is no directive that anybody knows.
    }

    /// A name stands before one directive, which may have a colon of its own; two names do not follow
    /// one another, so this goes no deeper.
    fn part_after_name(&mut self, part: &str) {
        let name = part
            .split(':')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if WITH_VALUE.contains(&name.as_str()) {
            self.part(part);
        } else {
            part.split_ascii_whitespace()
                .for_each(|word| self.keep(word.to_ascii_lowercase()));
        }
    }

    /// Whether this is the rest of a date such as `Wed, 25 Jun 2025 15:00:00 GMT`.
    fn continues_date(&mut self, part: &str) -> bool {
        match &mut self.dated {
            Some(date) if part.starts_with(|c: char| c.is_ascii_digit()) => {
                date.push_str(", ");
                date.push_str(&part.to_ascii_lowercase());
                true
            }
            _ => false,
        }
    }

    fn end_date(&mut self) {
        if let Some(date) = self.dated.take() {
            self.keep(date);
        }
    }

    fn keep(&mut self, mut directive: String) {
        if self.ours && !directive.is_empty() {
            let end = slice(&directive, 0, directive.floor_char_boundary(LENGTH)).len();
            directive.truncate(end);
            self.gathered.add(directive);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(directives: &Directives) -> &str {
        directives.text.as_deref().unwrap_or_default()
    }

    #[test]
    fn metas() {
        for (content, wanted, noindex, nofollow) in [
            ("NoIndex, follow", "follow, noindex", true, false),
            ("none", "none", true, true),
            ("noindex nofollow,noindex", "nofollow, noindex", true, true),
            (
                "max-snippet:-1, max-image-preview: large",
                "max-image-preview: large, max-snippet: -1",
                false,
                false,
            ),
            (
                "unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT, noindex",
                "noindex, unavailable_after: wed, 25 jun 2025 15:00:00 gmt",
                true,
                false,
            ),
            ("googlebot: noindex", "", false, false),
            (" , ", "", false, false),
            ("", "", false, false),
        ] {
            let mut gathered = Gathered::default();
            gathered.meta(content);
            let directives = gathered.finish();
            assert_eq!(text(&directives), wanted, "{content}");
            assert_eq!(
                (directives.noindex, directives.nofollow),
                (noindex, nofollow),
                "{content}"
            );
        }
    }

    #[test]
    fn headers() {
        for (values, wanted) in [
            (&["noindex"][..], "noindex"),
            (&["googlebot: noindex"], ""),
            (&["crawl: nofollow"], "nofollow"),
            (&["CRAWL: nofollow, noindex"], "nofollow, noindex"),
            (&["googlebot: nofollow, noindex"], ""),
            (&["noindex, googlebot: nofollow, noarchive"], "noindex"),
            (&["googlebot: nofollow, crawl: noindex"], "noindex"),
            (&["googlebot: nofollow", "nosnippet"], "nosnippet"),
            (&["*: none"], "none"),
            (&["crawl: max-snippet: 5"], "max-snippet: 5"),
            (
                &["googlebot: unavailable_after: 25 Jun 2025 15:00:00 PST"],
                "",
            ),
            (
                &["unavailable_after: 25 Jun 2025 15:00:00 PST"],
                "unavailable_after: 25 jun 2025 15:00:00 pst",
            ),
            (
                &[
                    "unavailable_after: Wednesday, 25-Jun-25 15:00:00 GMT",
                    "none",
                ],
                "none, unavailable_after: wednesday, 25-jun-25 15:00:00 gmt",
            ),
            (&[":", ",:,", "crawl:", "a:b:c:d"], ""),
        ] {
            let mut gathered = Gathered::default();
            values
                .iter()
                .for_each(|value| gathered.header(value, "crawl"));
            assert_eq!(text(&gathered.finish()), wanted, "{values:?}");
        }
    }

    #[test]
    fn nonsense_is_bounded() {
        let mut gathered = Gathered::default();
        gathered.meta(&(0..10_000).map(|n| format!("{n}é, ")).collect::<String>());
        gathered.meta(&"é".repeat(1_000_000));
        gathered.meta("noindex");
        let directives = gathered.finish();
        assert!(directives.noindex);
        assert!(text(&directives).len() < 100 * LIMIT);
    }
}
