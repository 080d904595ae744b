//! What the entries of a sitemap are called in other languages: `<xhtml:link rel="alternate" hreflang="…">` within
//! `<url>`, as Google reads it. A group of twenty versions is written down twenty times, once for each of them; so
//! URLs and codes are kept once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use quick_xml::events::BytesStart;

use super::sitemap::{MAX_NAMED, MAX_TEXT, MAX_WORD, attribute};
use super::text;
use crate::canonical::{Base, CanonicalUrl};
use crate::sitemap::{Alternate, Sitemap};

/// Most alternates of one entry; there are not half as many languages, in regions too, as sites have texts in.
pub const MAX_ALTERNATES: usize = 500;
/// Most alternates of one sitemap. With links of a usual length no more fit into its 50 MiB.
pub const MAX_ALL_ALTERNATES: usize = 500_000;
/// What is known of the alternates of a sitemap.
#[derive(Default)]
pub(super) struct Alternates {
    /// The places of their URLs.
    places: HashMap<CanonicalUrl, usize>,
    languages: HashSet<Arc<str>>,
    /// How many there are in all.
    count: usize,
    /// Bytes of their URLs. They are counted for themselves, so that they keep no entry out.
    named: usize,
}

impl Alternates {
    /// Takes a link within an entry. Whatever its prefix, it counts for the entry; one without a language, or that
    /// leads to no URL of the web, is none.
    pub(super) fn take(
        &mut self,
        tag: &BytesStart<'_>,
        base: &Base,
        of_entry: &mut Vec<Alternate>,
        sitemap: &mut Sitemap,
    ) {
        if !attribute(tag, "rel").is_some_and(|rel| is_alternate(&rel)) {
            return;
        }
        if of_entry.len() >= MAX_ALTERNATES || self.count >= MAX_ALL_ALTERNATES {
            sitemap.truncated = true;
            return;
        }
        let [language, href] = ["hreflang", "href"].map(|name| attribute(tag, name));
        let href = href.filter(|href| href.len() < MAX_TEXT);
        let language = language.and_then(|text| text::fold(&text::attribute(&text), MAX_WORD));
        let url = href.and_then(|href| base.join(text::trim(&text::attribute(&href))).ok());
        let (Some(language), Some(url)) = (language, url) else {
            return;
        };
        let Some(target) = self.target(url, sitemap) else {
            sitemap.truncated = true;
            return;
        };
        self.count += 1;
        let language = self.language(language);
        of_entry.push(Alternate { language, target });
    }

    /// The place of a URL among those of the sitemap; `None` where there is no room for it.
    fn target(&mut self, url: CanonicalUrl, sitemap: &mut Sitemap) -> Option<usize> {
        if let Some(place) = self.places.get(&url) {
            return Some(*place);
        }
        let named = self.named + url.as_str().len();
        if named > sitemap.bytes.max(MAX_NAMED) {
            return None;
        }
        self.named = named;
        let place = sitemap.targets.len();
        self.places.insert(url.clone(), place);
        sitemap.targets.push(url);
        Some(place)
    }

    /// A language, of which all share the text.
    fn language(&mut self, language: Box<str>) -> Arc<str> {
        if let Some(known) = self.languages.get(&*language) {
            return Arc::clone(known);
        }
        let language: Arc<str> = Arc::from(language);
        self.languages.insert(Arc::clone(&language));
        language
    }
}

fn is_alternate(rel: &str) -> bool {
    let mut words = rel.split_ascii_whitespace();
    words.any(|word| word.eq_ignore_ascii_case("alternate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Sitemap {
        let url = CanonicalUrl::parse("http://a.example/d/sitemap.xml").expect("a URL");
        crate::parse::sitemap::read(text.as_bytes(), None, &url)
    }

    /// What an entry is called in which languages.
    fn alternates(sitemap: &Sitemap) -> Vec<Vec<(&str, &str)>> {
        let of = |entry| {
            let all = sitemap.alternates(entry);
            all.map(|(language, url)| (language, url.as_str()))
                .collect()
        };
        sitemap.entries.iter().map(of).collect()
    }

    #[test]
    fn languages() {
        for (text, wanted) in [
            (
                "<urlset xmlns:xhtml='http://www.w3.org/1999/xhtml'><url><loc>/1</loc>\
                 <xhtml:link rel='alternate' hreflang='de' href='http://a.example/de?a&amp;b'/>\
                 <xhtml:link rel='alternate' hreflang='x-default' href='http://a.example/1'></xhtml:link></url>\
                 <url><loc>/2</loc></url></urlset>",
                vec![
                    vec![
                        ("de", "http://a.example/de?a&b"),
                        ("x-default", "http://a.example/1"),
                    ],
                    vec![],
                ],
            ),
            // Any prefix, any case, before the address as well; written by hand.
            (
                "<url><link REL='Next ALTERNATE' HREFLANG=' de\n AT' href=' /x '/><loc>/1</loc><h:LINK rel=alternate hreflang=fr href=/y></url>",
                vec![vec![
                    ("de AT", "http://a.example/x"),
                    ("fr", "http://a.example/y"),
                ]],
            ),
            // What says no language, no address, another relation, or is another element's.
            (
                "<url><loc>/1</loc><x:link rel='alternate' href='/x'/><x:link rel='alternate' hreflang='' href='/x'/>\
                 <x:link rel='alternate' hreflang='de'/><x:link rel='alternate' hreflang='de' href='mailto:x@y.example'/>\
                 <x:link hreflang='de' href='/x'/><x:link rel='self' hreflang='de' href='/x'/>\
                 <image:image><x:link rel='alternate' hreflang='de' href='/x'/></image:image></url>",
                vec![vec![]],
            ),
            (
                "<urlset><x:link rel='alternate' hreflang='de' href='/x'/><url><loc>/1</loc></url></urlset>",
                vec![vec![]],
            ),
            // Of lists of pages alone.
            (
                "<sitemapindex><sitemap><loc>/1</loc><x:link rel='alternate' hreflang='de' href='/x'/></sitemap></sitemapindex>",
                vec![vec![]],
            ),
            (
                "<feed><entry><link rel='alternate' hreflang='de' href='/x'/></entry></feed>",
                vec![vec![]],
            ),
        ] {
            let sitemap = read(text);
            assert_eq!(alternates(&sitemap), wanted, "{text}");
            assert_eq!((sitemap.refused, sitemap.truncated), (0, false), "{text}");
        }
    }

    #[test]
    fn languages_are_bounded() {
        let link = "<x:link rel=alternate hreflang=de href=/x />";
        let of = |entries: usize, each: usize| {
            read(&format!("<url><loc>/1</loc>{}</url>", link.repeat(each)).repeat(entries))
        };
        let count = |sitemap: &Sitemap| {
            let each = sitemap.entries.iter().map(|entry| entry.alternates.len());
            each.sum::<usize>()
        };
        for (entries, each, wanted) in [
            (2, MAX_ALTERNATES, 2 * MAX_ALTERNATES),
            (2, MAX_ALTERNATES + 1, 2 * MAX_ALTERNATES),
            (1001, MAX_ALTERNATES, MAX_ALL_ALTERNATES),
        ] {
            let sitemap = of(entries, each);
            assert_eq!(count(&sitemap), wanted);
            assert_eq!(sitemap.truncated, wanted < entries * each);
            // Entries go on all the same, and what is named again and again is kept once.
            assert_eq!((sitemap.entries.len(), sitemap.targets.len()), (entries, 1));
        }
        // Addresses are no longer together than what is read.
        let base = format!("http://a.example/{}/", "d".repeat(4000));
        let url = CanonicalUrl::parse(&base).expect("a URL");
        let links: String = (0..400)
            .map(|number| format!("<x:link rel=alternate hreflang=de href={number} />"))
            .collect();
        let entry = |number: i32| links.replace("href=", &format!("href={number}-"));
        let text: String = (0..10)
            .map(|number| format!("<url><loc>{number}</loc>{}</url>", entry(number)))
            .collect();
        let sitemap = crate::parse::sitemap::read(text.as_bytes(), None, &url);
        assert_eq!((sitemap.entries.len(), sitemap.truncated), (10, true));
        let named = sitemap.targets.iter().map(|url| url.as_str().len());
        assert!(named.sum::<usize>() <= MAX_NAMED);
    }
}
