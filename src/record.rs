//! What is kept of a request: one [`Record`], its page if it brought one, the page's links.

use std::sync::Arc;
use std::time::SystemTime;

use crate::canonical::{CanonicalUrl, Host, Origin};
use crate::config::Purpose;
use crate::fetched::{FetchError, Fetched};
use crate::request::Request;
use crate::signals::{self, Signal};
use crate::sitemap::{Alternate, Entry, Sitemap};
use crate::text::Text;
use crate::traps::Words;

/// Where on a page a link was found; decides whether it is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LinkKind {
    /// `<a href>`
    A,
    /// `<area href>`
    Area,
    /// `<frame src>`
    Frame,
    /// `<iframe src>`
    Iframe,
    /// `<meta http-equiv=refresh>` and the `Refresh` header
    Refresh,
    /// `<link rel=canonical>`, in the page or in the `Link` header
    Canonical,
    /// `<link rel=alternate>`
    Alternate,
    /// `<link rel=next>`
    Next,
    /// `<link rel=prev>`
    Prev,
    /// any other `Link` header
    Header,
    /// `<img src>` and `srcset`, `<picture>`, `<input type=image>`, SVG `<image>`
    Img,
    /// `<script src>`
    Script,
    /// `<link rel=stylesheet>`
    Stylesheet,
    /// `url()` and `@import` in CSS
    Css,
    /// `<video>`, `<audio>`, `<source>`, `<track>`, `<embed>`, `<object>`, `poster`
    Media,
    /// `<link rel=icon>` and its kin
    Icon,
    /// `<link>` of another relation
    Link,
    /// `<form action>`: recorded, never followed
    Form,
}

impl LinkKind {
    /// Every kind, with the word and the number that the database has for it.
    pub const ALL: [(Self, &'static str, u8); 18] = [
        (Self::A, "a", 1),
        (Self::Area, "area", 2),
        (Self::Frame, "frame", 3),
        (Self::Iframe, "iframe", 4),
        (Self::Refresh, "refresh", 5),
        (Self::Canonical, "canonical", 6),
        (Self::Alternate, "alternate", 7),
        (Self::Next, "next", 8),
        (Self::Prev, "prev", 9),
        (Self::Header, "header", 10),
        (Self::Img, "img", 11),
        (Self::Script, "script", 12),
        (Self::Stylesheet, "stylesheet", 13),
        (Self::Css, "css", 14),
        (Self::Media, "media", 15),
        (Self::Icon, "icon", 16),
        (Self::Link, "link", 17),
        (Self::Form, "form", 18),
    ];

    /// The number that the database has for it.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8 + 1
    }

    /// The kind that has this number in the database.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().find(|row| row.2 == code).map(|row| row.0)
    }

    /// Whether such a link leads to a page of the crawl (and is not an asset, or a form).
    #[must_use]
    pub fn is_followed(self) -> bool {
        matches!(
            self,
            Self::A
                | Self::Area
                | Self::Frame
                | Self::Iframe
                | Self::Refresh
                | Self::Canonical
                | Self::Alternate
                | Self::Next
                | Self::Prev
        )
    }

    /// Whether such a link leads to something that the page is made of.
    #[must_use]
    pub fn is_asset(self) -> bool {
        matches!(
            self,
            Self::Img | Self::Script | Self::Stylesheet | Self::Css | Self::Media | Self::Icon
        )
    }
}

/// One link of a page, resolved; the order of links is the order of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// Where it leads.
    pub target: CanonicalUrl,
    /// Where it was found.
    pub kind: LinkKind,
    /// The `rel` attribute: lower case, one space between words; `None` where there is none.
    pub rel: Option<Text>,
    /// The link's text, an image's `alt`, or the `hreflang` of an `alternate`: white space folded, cut at 256 bytes.
    pub anchor: Option<Text>,
}

impl Link {
    /// A link without `rel` and text.
    #[must_use]
    pub fn new(target: CanonicalUrl, kind: LinkKind) -> Self {
        Self {
            target,
            kind,
            rel: None,
            anchor: None,
        }
    }

    /// Whether `rel` asks not to follow (`nofollow`, `ugc` and `sponsored` being hints of the same kind,
    /// only `nofollow` is taken as one).
    #[must_use]
    pub fn is_nofollow(&self) -> bool {
        self.rel
            .as_deref()
            .is_some_and(|rel| rel.split(' ').any(|word| word == "nofollow"))
    }
}

/// What `<meta name=robots>`, its form for our product token, and `X-Robots-Tag` ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Directives {
    /// All directives that apply to us: lower case, sorted, joined by `, `; `None` where there are none.
    pub text: Option<Box<str>>,
    /// `noindex` or `none`.
    pub noindex: bool,
    /// `nofollow` or `none`.
    pub nofollow: bool,
}

/// What was read out of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The charset that the text was decoded by, as the Encoding Standard names it; `None` for what
    /// is no text.
    pub charset: Option<&'static str>,
    /// The text of the first `<title>`, white space folded, cut at 1 KiB.
    pub title: Option<Box<str>>,
    /// `<meta name=description>`, white space folded, cut at 1 KiB.
    pub description: Option<Box<str>>,
    /// `<html lang>`, or the `Content-Language` header.
    pub language: Option<Box<str>>,
    /// The first canonical link, of the page or of the `Link` header.
    pub canonical: Option<CanonicalUrl>,
    /// What the page asks of robots.
    pub directives: Directives,
    /// What its headers and its own head say of the uses of its content.
    pub signals: Vec<Signal>,
    /// The links, in order: those of the headers first.
    pub links: Vec<Link>,
    /// How many of them are of the headers.
    pub header_links: usize,
    /// Whether something was cut: links, nesting, a text.
    pub truncated: bool,
    /// Its words, where they are to be compared with those of other pages.
    pub(crate) words: Option<Words>,
}

impl Page {
    /// Keeps nothing of the content but what it leads to and what it says of its uses, if that speaks against
    /// the purpose of the crawl. Whether it does.
    pub(crate) fn withhold(&mut self, purpose: Purpose) -> bool {
        let place = signals::denial(&self.signals, purpose);
        let Some(signal) = place.and_then(|place| self.signals.get_mut(place)) else {
            return false;
        };
        signal.withheld = true;
        self.title = None;
        self.description = None;
        true
    }

    /// Whether its content is not to be kept.
    pub(crate) fn is_withheld(&self) -> bool {
        self.signals.iter().any(|signal| signal.withheld)
    }
}

/// A body that was kept: what it is and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Content {
    /// SHA-256 of the decoded bytes.
    pub digest: [u8; 32],
    /// Length of the decoded bytes.
    pub bytes: u64,
    /// The file, relative to the output directory; `None` where files are off.
    pub file: Option<String>,
    /// The media type in lower case, without parameters.
    pub media_type: Option<String>,
    /// Whether the body was cut at `max-body`.
    pub cut: bool,
    /// What was read out of it.
    pub page: Page,
    /// The values of configured fields.
    pub fields: Vec<FieldValue>,
}

/// What was taken of a page by a configured field: a value, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldValue {
    /// The set that the field belongs to.
    pub set: Arc<str>,
    /// The field's name.
    pub name: Arc<str>,
    /// Which of the field's values it is, from 0.
    pub position: u32,
    /// The value.
    pub value: Option<FieldData>,
    /// What is wrong: a required value is missing, a text is no number, a value was cut.
    pub problem: Option<String>,
}

/// A value, as the database has it.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldData {
    /// A text, or a date in ISO 8601.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction; always finite.
    Real(f64),
}

// Numbers are finite, so that each equals itself.
impl Eq for FieldData {}

impl FieldData {
    /// Bytes that it holds.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Integer(_) | Self::Real(_) => 8,
        }
    }
}

impl std::fmt::Display for FieldData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
        }
    }
}

impl Content {
    /// A whole body without a file, and what was read out of it.
    #[must_use]
    pub fn new(digest: [u8; 32], bytes: u64, page: Page) -> Self {
        Self {
            digest,
            bytes,
            file: None,
            media_type: None,
            cut: false,
            page,
            fields: Vec::new(),
        }
    }
}

/// What becomes of a URL after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It has its outcome.
    Done,
    /// It is tried again, not before this time.
    Retry(SystemTime),
    /// The same, and the attempt does not count: its host had answered before, and is not reached now.
    Again(SystemTime),
    /// It stays in the queue as it was (the crawl was stopped, or its process held).
    Kept,
}

/// One request, or one decision not to make it, as the store is to keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What was asked for.
    pub request: Request,
    /// What came; `None` where it was not asked for. The body is gone by now.
    pub fetched: Option<Fetched>,
    /// Why it was not asked for, or failed for a reason seen later than in the fetch.
    pub error: Option<FetchError>,
    /// The line of robots.txt that let it in or kept it out.
    pub rule: Option<String>,
    /// Where a redirect leads.
    pub redirect_to: Option<CanonicalUrl>,
    /// The body, where there is one to keep.
    pub content: Option<Content>,
    /// The text of a robots.txt, for a request of that kind that ended its origin's question.
    pub robots: Option<RobotsAnswer>,
    /// What a sitemap says, for a request of that kind that brought one.
    pub sitemap: Option<Box<Sitemap>>,
    /// What becomes of the URL.
    pub fate: Fate,
}

impl Record {
    /// About so many bytes of memory it holds.
    #[must_use]
    pub fn weight(&self) -> usize {
        /// A link's own size, its URL as if it were the only one that leads there, its anchor's text, and what
        /// the allocator adds.
        const LINK: usize = size_of::<Link>() + 200;
        /// Likewise of a sitemap.
        const ENTRY: usize = size_of::<Entry>() + 250;
        /// A URL of more than an average length counts for itself.
        const URL: usize = 200;
        let long = |url: &CanonicalUrl| url.as_str().len().saturating_sub(URL);
        let links = self.content.as_ref().map_or(0, |content| {
            let links = &content.page.links;
            let long = links.iter().map(|link| long(&link.target));
            LINK * links.len() + long.sum::<usize>()
        });
        let words = self
            .content
            .as_ref()
            .and_then(|content| content.page.words.as_ref());
        let fields: usize = self.content.as_ref().map_or(0, |content| {
            let value = |field: &FieldValue| field.value.as_ref().map_or(0, FieldData::size);
            let size = |field| size_of::<FieldValue>() + value(field);
            content.fields.iter().map(size).sum()
        });
        let headers = self
            .fetched
            .as_ref()
            .and_then(|fetched| fetched.head.as_ref())
            .map_or(0, |head| head.headers.len());
        let signals = self
            .content
            .as_ref()
            .map_or(0, |content| content.page.signals.len());
        let signals = signals * (size_of::<Signal>() + 64);
        let entries = self.sitemap.as_ref().map_or(0, |map| {
            let urls = map.entries.iter().map(|entry| &entry.loc);
            let long = urls.chain(&map.targets).map(long);
            let alternates = map.entries.iter().map(|entry| entry.alternates.len());
            ENTRY * (map.entries.len() + map.targets.len())
                + long.sum::<usize>()
                + size_of::<Alternate>() * alternates.sum::<usize>()
        });
        let words = words.map_or(0, Words::size);
        size_of::<Self>() + links + entries + 96 * headers + fields + signals + words
    }

    /// The class of its failure, if it is one: an error's word, or `http_404` and the like.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let fetched = self.fetched.as_ref();
        match (
            self.error.or(fetched.and_then(|fetched| fetched.error)),
            fetched.and_then(Fetched::status),
        ) {
            (Some(error), _) => Some(error.as_str().to_owned()),
            (None, Some(status)) if status >= 400 => Some(format!("http_{status}")),
            _ => None,
        }
    }

    /// The store's number of the content that a 304 says is still so.
    pub(crate) fn unchanged(&self) -> Option<i64> {
        let fetched = self.fetched.as_ref()?;
        let said = fetched.status() == Some(304) && fetched.conditional;
        let sound = self.error.or(fetched.error).is_none();
        self.request
            .validators
            .as_ref()
            .filter(|_| said && sound && self.request.is_visit())
            .map(|validators| validators.version)
    }

    /// Whether it counts for `max-pages`: a page with a final response that is no redirect. Failures,
    /// redirects, 304, robots.txt, assets, checks and what was not asked for do not.
    #[must_use]
    pub fn is_counted_page(&self) -> bool {
        let Some(fetched) = &self.fetched else {
            return false;
        };
        let head = fetched
            .head
            .as_ref()
            .filter(|head| !head.is_redirect() && head.status != 304);
        let failed = self.error.or(fetched.error).is_some();
        self.request.is_page() && self.fate == Fate::Done && head.is_some() && !failed
    }
}

/// What is known of an origin's robots.txt from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotsAnswer {
    /// Whose it is.
    pub origin: Origin,
    /// The status that decided, `None` for a network failure.
    pub status: Option<u16>,
    /// The file, empty where there is none.
    pub body: Vec<u8>,
    /// What it says of the uses of the origin's content.
    pub signals: Vec<Signal>,
    /// Whether it could be had at all; if not, everything is disallowed for now.
    pub reachable: bool,
    /// When the answer came: from then on it counts.
    pub fetched: SystemTime,
    /// Until when it counts.
    pub valid_until: SystemTime,
}

/// A robots.txt that was read earlier and still counts, or rules on until it can be had again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRobots {
    /// Whose it is.
    pub origin: Origin,
    /// The answer's status; a 4xx allows everything.
    pub status: Option<u16>,
    /// The file.
    pub body: Vec<u8>,
    /// Until when it counts.
    pub valid_until: SystemTime,
    /// Not to be asked for again before, since it could not be had.
    pub ask_again: Option<SystemTime>,
}

/// What is known of a host from earlier: whatever asks it has to know that first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostState {
    /// Until when it is to be left alone, and why.
    pub held: Option<(SystemTime, String)>,
    /// How far it was slowed down.
    pub gap: Option<std::time::Duration>,
    /// Its pages that count against `max-pages-per-host`.
    pub pages: u64,
    /// What is known of its robots.txt files.
    pub robots: Vec<StoredRobots>,
}

/// A URL that is asked for in another form than the one in which it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// As it was written: on a page, in a redirect, as a seed.
    pub written: CanonicalUrl,
    /// As it is asked for.
    pub url: CanonicalUrl,
    /// The settings that made the one of the other.
    pub rule: String,
}

impl Rewritten {
    /// About so many bytes of memory it holds.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + 2 * 200 + self.rule.len()
    }
}

/// A time before which a host is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Whose.
    pub host: Host,
    /// Until when.
    pub until: SystemTime,
    /// In words: `429, Retry-After 120 s`.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_link_kinds() {
        for (kind, word, code) in LinkKind::ALL {
            assert_eq!(
                (kind.code(), LinkKind::from_code(code)),
                (code, Some(kind)),
                "{word}"
            );
        }
    }
}
