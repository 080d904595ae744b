//! From the bytes of a sitemap to the URLs that it names: an index or a list by sitemaps.org, a feed (RSS,
//! Atom), or a text of one URL a line.
//!
//! Sitemaps are written by hand and by bad programs, so the reading is lenient: the media type and the
//! namespaces decide nothing, a bare `&` is one, an element that is not closed ends where its item does,
//! and what comes before a break counts. Entities of a DTD are not expanded, so none can explode. The rule
//! that a sitemap speaks only for the folder it stands in is the scope's to apply, not this room's.

use std::borrow::Cow;

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Error, Reader};

use super::alternates::Alternates;
pub use super::alternates::{MAX_ALL_ALTERNATES, MAX_ALTERNATES};
use super::{charset, text};
use crate::canonical::{Base, CanonicalUrl, MAX_URL_BYTES};
// Pure, though it stands in another room: there is one place that undoes gzip under a cap.
use crate::fetch::decode;
pub use crate::sitemap::{Alternate, Entry, Kind, Sitemap};

/// Longest sitemap that is read, decoded (sitemaps.org allows no more).
pub const MAX_BYTES: usize = 50 << 20;
/// Most entries of one sitemap (likewise).
pub const MAX_ENTRIES: usize = 50_000;
/// What a sitemap names is no longer than itself, all URLs together, or than this: a relative reference is
/// as long as the sitemap's own URL, and an escape three times as long as its byte.
pub(super) const MAX_NAMED: usize = 8 << 20;
/// Of a text that is not UTF-8, so much is read: it may become three times as long.
const MAX_FOREIGN: usize = MAX_BYTES / 3;
/// Longest date or other word that is kept of an entry, in bytes.
pub(super) const MAX_WORD: usize = 64;
/// Text of an element beyond this is not looked at; no URL is so long, however it is escaped.
pub(super) const MAX_TEXT: usize = 4 * MAX_URL_BYTES + 1;

/// Reads a sitemap. `content_type` is asked for the charset alone; `url`, where it came from, is what a
/// relative address is resolved against.
#[must_use]
pub fn read(bytes: &[u8], content_type: Option<&str>, url: &CanonicalUrl) -> Sitemap {
    let mut sitemap = Sitemap {
        kind: Kind::Unknown,
        entries: Vec::new(),
        targets: Vec::new(),
        refused: 0,
        truncated: false,
        bytes: 0,
    };
    let mut bytes = Cow::Borrowed(bytes);
    if bytes.starts_with(b"\x1F\x8B") {
        let gzip = ["gzip".to_owned()];
        let Ok(decoded) = decode::decode(bytes.into_owned(), &gzip, MAX_BYTES as u64) else {
            sitemap.truncated = true;
            return sitemap;
        };
        sitemap.truncated = decoded.cut;
        bytes = Cow::Owned(decoded.bytes);
    }
    let body = bytes.get(..MAX_BYTES).unwrap_or(&bytes);
    let body = match std::str::from_utf8(body) {
        Ok(_) => body,
        Err(_) => body.get(..MAX_FOREIGN).unwrap_or(body),
    };
    sitemap.truncated |= body.len() < bytes.len();
    sitemap.bytes = body.len();
    let text = charset::decode(body, charset::choose_xml(body, content_type));
    let text = text.trim_start();
    if text.starts_with('<') {
        Items {
            base: Base::of(url),
            url,
            rooted: false,
            item: None,
            field: Field::Loose,
            foreign: 0,
            named: 0,
            full: false,
            alternates: Alternates::default(),
        }
        .read(text, &mut sitemap);
    } else {
        sitemap.kind = Kind::Text;
        lines(text, &mut sitemap);
    }
    sitemap
}

/// A text sitemap. Its URLs are absolute: a relative one cannot be told from any other line.
fn lines(text: &str, sitemap: &mut Sitemap) {
    let mut named = 0;
    for line in text.lines().map(text::trim).filter(|line| !line.is_empty()) {
        if !sitemap.push(CanonicalUrl::parse(line).ok(), Said::default(), &mut named) {
            return;
        }
    }
}

impl Sitemap {
    /// Takes an entry; `named` counts the bytes of all. Answers whether it takes more.
    fn push(&mut self, loc: Option<CanonicalUrl>, said: Said, named: &mut usize) -> bool {
        let Some(loc) = loc else {
            self.refused += 1;
            return true;
        };
        *named += loc.as_str().len();
        if self.entries.len() >= MAX_ENTRIES || *named > self.bytes.max(MAX_NAMED) {
            self.truncated = true;
            return false;
        }
        self.entries.push(Entry {
            loc,
            lastmod: word(&said.lastmod),
            changefreq: word(&said.changefreq),
            priority: text::trim(&said.priority)
                .parse()
                .ok()
                .filter(|priority| (0.0..=1.0).contains(priority)),
            alternates: said.alternates,
        });
        true
    }
}

/// A word as it is written; one that is too long is none.
fn word(text: &str) -> Option<Box<str>> {
    let text = text::trim(text);
    (!text.is_empty() && text.len() <= MAX_WORD).then(|| text.into())
}

/// The texts of an item's elements.
#[derive(Debug, Default)]
struct Said {
    loc: String,
    lastmod: String,
    changefreq: String,
    priority: String,
    /// What stands between them: some write a sitemap's URL without its `<loc>`.
    loose: String,
    /// A feed's identifier that is a URL, for want of a link.
    guid: String,
    alternates: Vec<Alternate>,
}

impl Said {
    fn text(&mut self, field: Field) -> &mut String {
        match field {
            Field::Loc => &mut self.loc,
            Field::Lastmod => &mut self.lastmod,
            Field::Changefreq => &mut self.changefreq,
            Field::Priority => &mut self.priority,
            Field::Guid => &mut self.guid,
            Field::Loose => &mut self.loose,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Loc,
    Lastmod,
    Changefreq,
    Priority,
    Guid,
    Loose,
}

/// The reader of the XML kinds. It stacks nothing: an item is open or not, and within it only the depth of
/// elements that are not ours is counted (`<image:image><image:loc>` names no page).
struct Items<'a> {
    base: Base,
    url: &'a CanonicalUrl,
    /// Whether the outermost element was met.
    rooted: bool,
    item: Option<Said>,
    field: Field,
    foreign: usize,
    /// Bytes of the URLs so far.
    named: usize,
    /// Whether an entry too many was met.
    full: bool,
    alternates: Alternates,
}

impl Items<'_> {
    fn read(mut self, text: &str, sitemap: &mut Sitemap) {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        config.allow_unmatched_ends = true;
        config.check_end_names = false;
        let mut before = 0;
        loop {
            match reader.read_event() {
                Ok(Event::Eof) => break,
                Ok(event) => self.take(&event, sitemap),
                Err(Error::IllFormed(_)) if reader.buffer_position() > before => {}
                Err(_) => {
                    sitemap.truncated = true;
                    break;
                }
            }
            before = reader.buffer_position();
            if (self.rooted && sitemap.kind == Kind::Unknown) || self.full {
                return;
            }
        }
        self.close(sitemap);
    }

    fn take(&mut self, event: &Event<'_>, sitemap: &mut Sitemap) {
        match event {
            Event::Start(tag) => self.start(tag, true, sitemap),
            Event::Empty(tag) => self.start(tag, false, sitemap),
            Event::End(tag) => self.end(tag.local_name().as_ref(), sitemap),
            Event::Text(text) => self.add(text),
            Event::CData(text) => self.add(text),
            Event::GeneralRef(reference) => self.refer(reference),
            _ => {}
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, opens: bool, sitemap: &mut Sitemap) {
        let name = tag.local_name();
        let name = name.as_ref().to_ascii_lowercase();
        if !self.rooted {
            (self.rooted, sitemap.kind) = (true, kind_of_root(&name));
        }
        if opens && is_item(sitemap.kind, &name) {
            self.close(sitemap);
            self.item = Some(Said::default());
            return;
        }
        if name == "link"
            && sitemap.kind == Kind::Urls
            && self.foreign == 0
            && let Some(said) = &mut self.item
        {
            let all = &mut said.alternates;
            self.alternates.take(tag, &self.base, all, sitemap);
        }
        let Some(said) = self.item.as_mut().filter(|_| self.foreign == 0) else {
            self.foreign += usize::from(opens && self.item.is_some());
            return;
        };
        let field = match (name.as_str(), sitemap.kind) {
            ("loc", Kind::Urls | Kind::Index) => Some(Field::Loc),
            ("lastmod", Kind::Urls | Kind::Index) => Some(Field::Lastmod),
            ("changefreq", Kind::Urls) => Some(Field::Changefreq),
            ("priority", Kind::Urls) => Some(Field::Priority),
            ("link", Kind::Feed) => match attribute(tag, "href") {
                // RSS has it in the text, Atom in an attribute, among links to other ends.
                None => Some(Field::Loc),
                Some(href) => {
                    let rel = attribute(tag, "rel");
                    if said.loc.is_empty() && rel.is_none_or(|rel| rel == "alternate") {
                        said.loc.push_str(&text::attribute(&href));
                    }
                    None
                }
            },
            ("guid", Kind::Feed) => attribute(tag, "isPermaLink")
                .is_none_or(|is| is != "false")
                .then_some(Field::Guid),
            // `updated` of Atom, `modified` of its 0.3, `date` of Dublin Core.
            ("pubdate" | "updated" | "modified" | "date", Kind::Feed) => Some(Field::Lastmod),
            _ => None,
        };
        match field.filter(|_| opens) {
            // The first of its name counts.
            Some(field) if text::trim(said.text(field)).is_empty() => self.field = field,
            _ => self.foreign += usize::from(opens),
        }
    }

    fn end(&mut self, name: &str, sitemap: &mut Sitemap) {
        if is_item(sitemap.kind, &name.to_ascii_lowercase()) {
            self.close(sitemap);
        } else if self.foreign > 0 {
            self.foreign -= 1;
        } else {
            self.field = Field::Loose;
        }
    }

    fn add(&mut self, text: &str) {
        let Some(said) = self.item.as_mut().filter(|_| self.foreign == 0) else {
            return;
        };
        let into = said.text(self.field);
        // What is cut here is too long to be used, and is seen to be.
        if into.len() < MAX_TEXT {
            into.push_str(text);
        }
    }

    /// A reference in a text. Only those that XML itself has are resolved; any other stays as it is
    /// written, as the `&copy;` of `?a=1&copy;2` must.
    fn refer(&mut self, reference: &BytesRef<'_>) {
        let name: &str = reference;
        match (reference.resolve_char_ref(), resolve_xml_entity(name)) {
            (Ok(Some(c)), _) => self.add(c.encode_utf8(&mut [0; 4])),
            (_, Some(text)) => self.add(text),
            _ => {
                self.add("&");
                self.add(name);
                self.add(";");
            }
        }
    }

    /// Ends the open item, if there is one.
    fn close(&mut self, sitemap: &mut Sitemap) {
        (self.field, self.foreign) = (Field::Loose, 0);
        let Some(said) = self.item.take() else { return };
        let join = |text: &str| {
            let text = text::trim(text);
            (!text.is_empty() && text.len() < MAX_TEXT)
                .then(|| self.base.join(text).ok())
                .flatten()
        };
        let absolute = |text: &str| CanonicalUrl::parse(text::trim(text)).ok();
        // An index that names itself would be read for ever.
        let other = |loc: &CanonicalUrl| sitemap.kind != Kind::Index || loc != self.url;
        if text::trim(&said.loc).is_empty() {
            // An item of a feed need not have a link.
            let found = absolute(&said.loose).or_else(|| absolute(&said.guid));
            if found.is_some() || sitemap.kind != Kind::Feed {
                let found = found.filter(other);
                self.full |= !sitemap.push(found, said, &mut self.named);
            }
            return;
        }
        let loc = join(&said.loc).filter(other);
        self.full |= !sitemap.push(loc, said, &mut self.named);
    }
}

/// What a document is by its outermost element; the lists are believed without it, too.
fn kind_of_root(name: &str) -> Kind {
    match name {
        "sitemapindex" | "sitemap" => Kind::Index,
        "urlset" | "url" => Kind::Urls,
        "rss" | "rdf" | "feed" | "channel" | "item" | "entry" => Kind::Feed,
        _ => Kind::Unknown,
    }
}

fn is_item(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Index => matches!(name, "sitemap" | "url"),
        Kind::Urls => matches!(name, "url" | "sitemap"),
        // What is new; the site that the feed is of stands beside it, and is no entry.
        Kind::Feed => matches!(name, "item" | "entry"),
        Kind::Text | Kind::Unknown => false,
    }
}

/// An attribute as it is written, whatever its prefix and the case of its name.
pub(super) fn attribute<'a>(tag: &'a BytesStart<'_>, name: &str) -> Option<Cow<'a, str>> {
    let mut all = tag.html_attributes();
    let all = all.with_checks(false).flatten();
    let mut named = all.filter(|found| {
        let key = found.key.local_name();
        key.as_ref().eq_ignore_ascii_case(name)
    });
    named.next().map(|found| found.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> CanonicalUrl {
        CanonicalUrl::parse("http://a.example/d/sitemap.xml").expect("a URL")
    }

    fn read(text: &str) -> Sitemap {
        super::read(text.as_bytes(), None, &url())
    }

    fn locs(sitemap: &Sitemap) -> Vec<&str> {
        sitemap
            .entries
            .iter()
            .map(|entry| entry.loc.as_str())
            .collect()
    }

    #[test]
    fn kinds_and_their_urls() {
        for (text, kind, wanted) in [
            (
                "<?xml version='1.0'?><!-- x --><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>\
                 <url>\n<loc>\n http://a.example/x?a=1&amp;b=2 </loc></url><url><loc><![CDATA[http://a.example/y?a&b]]></loc></url></urlset>",
                Kind::Urls,
                vec!["http://a.example/x?a=1&b=2", "http://a.example/y?a&b"],
            ),
            // Prefixes, capitals, no namespace, strangers' locs, an ampersand that is bare.
            (
                "<s:urlset><s:url><s:loc>http://a.example/?a=1&b=2&copy;&#x41;</s:loc><image:image><image:loc>http://a.example/i</image:loc>\
                 </image:image></s:url><URL><image><loc>http://a.example/i</loc></image><Loc>/y</Loc><loc>/z</loc></URL></s:urlset>",
                Kind::Urls,
                vec!["http://a.example/?a=1&b=2&copy;A", "http://a.example/y"],
            ),
            (
                "<sitemapindex><sitemap><loc>http://b.example/1.xml.gz</loc></sitemap><sitemap><loc>http://a.example/d/sitemap.xml</loc></sitemap>\
                 <sitemap> http://a.example/2.xml?a&amp;b </sitemap><sitemap>http://a.example/d/sitemap.xml</sitemap></sitemapindex>",
                Kind::Index,
                vec!["http://b.example/1.xml.gz", "http://a.example/2.xml?a&b"],
            ),
            // Nothing is closed, and no outermost element.
            (
                "<url><loc>http://a.example/1<url><loc>http://a.example/2</loc></p></url><loc>http://a.example/0</loc>",
                Kind::Urls,
                vec!["http://a.example/1", "http://a.example/2"],
            ),
            (
                "<rss><channel><link>http://a.example/</link><image><url>/u</url><link>/l</link></image><atom:link rel='self' href='/rss'/>\
                 <item><title>t</title><link>http://a.example/1</link></item><item><guid>http://a.example/2</guid></item>\
                 <item><guid isPermaLink='false'>http://a.example/3</guid></item></channel></rss>",
                Kind::Feed,
                vec!["http://a.example/1", "http://a.example/2"],
            ),
            (
                "<rdf:RDF><channel rdf:about='x'><link>/</link></channel><item><link>/1</link></item></rdf:RDF>",
                Kind::Feed,
                vec!["http://a.example/1"],
            ),
            (
                "<feed><link rel='self' href='/atom'/><entry><link rel='enclosure' href='/e'/><link href='/1?a&amp;b'/>\
                 <source><link href='/s'/></source></entry></feed>",
                Kind::Feed,
                vec!["http://a.example/1?a&b"],
            ),
            (
                "\u{FEFF}\nhttp://a.example/1\r\n\r\n  http://a.example/2  \nnot one\n/relative\n",
                Kind::Text,
                vec!["http://a.example/1", "http://a.example/2"],
            ),
            (
                "<!doctype html><html><url><loc>/x</loc></url></html>",
                Kind::Unknown,
                vec![],
            ),
            ("", Kind::Text, vec![]),
        ] {
            let sitemap = read(text);
            assert_eq!(
                (sitemap.kind, locs(&sitemap), sitemap.truncated),
                (kind, wanted, false),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_said_of_a_url() {
        let sitemap = read(
            "<urlset><url><loc>/1</loc><lastmod> 2024-05-01 </lastmod><changefreq>daily</changefreq><priority>0.8</priority></url>\
             <url><loc>/2</loc><priority>9</priority></url><url><loc>ftp://a.example/</loc></url><url/></urlset>",
        );
        let [one, two] = sitemap.entries.as_slice() else {
            panic!("{sitemap:?}")
        };
        assert_eq!(
            (
                one.lastmod.as_deref(),
                one.changefreq.as_deref(),
                one.priority
            ),
            (Some("2024-05-01"), Some("daily"), Some(0.8))
        );
        assert_eq!((two.lastmod.as_deref(), two.priority), (None, None));
        assert_eq!(sitemap.refused, 1);
        let feed = read(
            "<rss><item><link>/1</link><dc:date>2024</dc:date><pubDate>Thu, 05 Jan 2017</pubDate></item></rss>",
        );
        assert_eq!(feed.entries[0].lastmod.as_deref(), Some("2024"));
    }

    #[test]
    fn charsets() {
        let text =
            "<?xml version='1.0' encoding='koi8-r'?><url><loc>http://a.example/я</loc></url>";
        let (koi8, _, _) = encoding_rs::KOI8_R.encode(text);
        let utf16: Vec<u8> = "\u{FEFF}<url><loc>http://a.example/я</loc></url>"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let plain = "<url><loc>http://a.example/я</loc></url>";
        for body in [&*koi8, &utf16, plain.as_bytes()] {
            let sitemap = super::read(body, Some("text/xml"), &url());
            assert_eq!(locs(&sitemap), ["http://a.example/%D1%8F"]);
        }
    }

    #[test]
    fn gzip_by_its_first_bytes() {
        use std::io::Write;
        let gzip = |text: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text).expect("in memory");
            encoder.finish().expect("in memory")
        };
        let list = "http://a.example/1\n".repeat(1000);
        let whole = gzip(list.as_bytes());
        let sitemap = super::read(&whole, None, &url());
        assert_eq!((sitemap.entries.len(), sitemap.truncated), (1000, false));
        let sitemap = super::read(b"\x1F\x8Bno gzip", None, &url());
        assert_eq!((sitemap.entries.len(), sitemap.truncated), (0, true));
        // A bomb is cut where the decoder cuts every body.
        let sitemap = super::read(&gzip(&vec![b' '; 60 << 20]), None, &url());
        assert!(sitemap.truncated);
    }

    #[test]
    fn bounds_and_breaks() {
        let many = |count: usize| {
            format!(
                "<urlset>{}</urlset>",
                "<url><loc>/x</loc></url>".repeat(count)
            )
        };
        let sitemap = read(&many(MAX_ENTRIES));
        assert_eq!(
            (sitemap.entries.len(), sitemap.truncated),
            (MAX_ENTRIES, false)
        );
        let sitemap = read(&many(MAX_ENTRIES + 1));
        assert_eq!(
            (sitemap.entries.len(), sitemap.truncated),
            (MAX_ENTRIES, true)
        );
        let sitemap =
            read("<urlset><url><loc>/1</loc></url><url><loc>/2</loc></url><url><loc>/3</loc><!-- ");
        assert_eq!((locs(&sitemap).len(), sitemap.truncated), (3, true));
        let long = format!(
            "<url><loc>http://a.example/{}</loc></url>",
            "x".repeat(1 << 20)
        );
        assert_eq!((read(&long).entries.len(), read(&long).refused), (0, 1));
        // A billion laughs: nothing of a DTD is expanded.
        let laughs = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><url><loc>http://a.example/&b;</loc></url>";
        assert_eq!(locs(&read(laughs)), ["http://a.example/&b;"]);
        // Deep nesting and endless attributes cost no stack and no square.
        let deep = format!("<urlset><url>{}", "<a>".repeat(1 << 20));
        assert_eq!(read(&deep).entries.len(), 0);
    }
}
