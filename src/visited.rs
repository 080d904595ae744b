//! What a program that listens to a crawl is told of a URL: one [`Visited`], once its row is committed.

use std::path::Path;
use std::time::SystemTime;

use crate::canonical::CanonicalUrl;
use crate::fetched::FetchError;
use crate::record::{Content, Fate, FieldValue, Link, Record};
use crate::request::Kind;
use crate::store::Change;

/// What a URL was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// It is a page of the crawl.
    Page,
    /// It is a part of a page (`assets`).
    Asset,
    /// It lies beyond the scope, and was asked whether it is there (`check-external`).
    Check,
}

/// The outcome of one URL, as the database has it by now.
///
/// Each URL of a run comes once, with its last try; robots.txt, and tries that are followed by another, do
/// not come (the view `requests` has them).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visited {
    /// The URL.
    pub url: CanonicalUrl,
    /// What it was asked for.
    pub purpose: Purpose,
    /// Links from the nearest seed, as known when it was admitted.
    pub depth: u32,
    /// When it was asked for; `None` where it was not (robots.txt forbids it).
    pub at: Option<SystemTime>,
    /// The status, if an answer came.
    pub status: Option<u16>,
    /// Why it brought no whole answer; `None` for any whole answer, a 404 too.
    pub error: Option<FetchError>,
    /// The error in words.
    pub detail: Option<String>,
    /// The line of robots.txt that let it in or kept it out.
    pub rule: Option<String>,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Where a redirect leads. That URL comes on its own, if it belongs to the crawl.
    pub redirect_to: Option<CanonicalUrl>,
    /// Whether the server says that it is as it was in the run before (304): no body came, the database has
    /// the one that it had.
    pub unchanged: bool,
    /// What it says beside what the run before had of the URL: `None` where that is the same, be it by a 304 or by the
    /// same bytes, and where it failed.
    pub change: Option<Change>,
    /// The body, where there is one to keep: its digest, type and file, and what was read out of it.
    pub content: Option<Content>,
}

impl Visited {
    /// What there is to tell of a record: `None` unless it is the outcome of a URL.
    pub(crate) fn of(record: Record, change: Option<Change>) -> Option<Self> {
        let purpose = match record.request.kind {
            Kind::Page => Purpose::Page,
            Kind::Asset => Purpose::Asset,
            Kind::Check => Purpose::Check,
            Kind::Robots { .. } | Kind::Sitemap => return None,
        };
        if record.fate != Fate::Done {
            return None;
        }
        let mut visited = Self {
            unchanged: record.unchanged().is_some(),
            change,
            url: record.request.url,
            purpose,
            depth: record.request.depth,
            at: None,
            status: None,
            error: record.error,
            detail: None,
            rule: record.rule,
            headers: Vec::new(),
            redirect_to: record.redirect_to,
            content: record.content,
        };
        if let Some(fetched) = record.fetched {
            visited.at = Some(fetched.timing.started);
            visited.error = visited.error.or(fetched.error);
            visited.detail = fetched.detail;
            if let Some(head) = fetched.head {
                visited.status = Some(head.status);
                visited.headers = head.headers;
            }
        }
        Some(visited)
    }

    /// The title, if it is a page that has one.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.content.as_ref()?.page.title.as_deref()
    }

    /// The links of the page, in order; none where it is no page.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        self.content
            .as_ref()
            .map_or(&[], |content| &content.page.links)
    }

    /// The values of configured fields, and what is wrong with those that are missing.
    #[must_use]
    pub fn fields(&self) -> &[FieldValue] {
        self.content.as_ref().map_or(&[], |content| &content.fields)
    }

    /// The media type without parameters: of the content that was kept, else as the header has it.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        let kept = self.content.as_ref().map(|content| &content.media_type);
        if let Some(Some(kept)) = kept {
            return Some(kept);
        }
        let header = self.headers.iter().find(|(name, _)| name == "content-type");
        header.map(|(_, value)| value.split(';').next().unwrap_or_default().trim())
    }

    /// The file of the body, relative to the output directory; `None` where files are off.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.content.as_ref()?.file.as_deref().map(Path::new)
    }
}
