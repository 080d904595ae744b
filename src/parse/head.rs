//! What a page says of itself: title, description, language, canonical URL, refresh, directives.
//!
//! Search engines take such elements wherever they stand, and a page whose `<head>` was closed early by
//! a stray tag has them in its body; so where they stand is not asked.

use crate::canonical::CanonicalUrl;
use crate::record::Page;
use crate::signals::{self, Signal, Source};

use super::attributes::{Attributes, Name};
use super::links::Links;
use super::refresh::refresh;
use super::robots_directives::Gathered;
use super::{LANGUAGE, language, text};

/// What is known so far.
#[derive(Debug)]
pub(super) struct Head<'a> {
    agent: &'a str,
    /// Longest title and description, in bytes.
    limit: usize,
    /// Whether a `<title>` came; the first one counts even if it is empty (HTML Standard §3.1.5, "the
    /// title element of a document").
    titled: bool,
    title: Option<Box<str>>,
    description: Option<Box<str>>,
    language: Option<Box<str>>,
    /// The pragma-set default language, which `lang` overrides.
    meta_language: Option<Box<str>>,
    canonical: Option<String>,
    /// The first valid refresh: seconds, and the URL if it names one.
    refresh: Option<(f64, Option<String>)>,
    directives: Gathered,
    /// TDM reservation and policy, each as it is first met.
    signals: Vec<Signal>,
}

impl<'a> Head<'a> {
    pub(super) fn new(agent: &'a str, limit: usize, directives: Gathered) -> Self {
        Self {
            agent,
            limit,
            titled: false,
            title: None,
            description: None,
            language: None,
            meta_language: None,
            canonical: None,
            refresh: None,
            directives,
            signals: Vec::new(),
        }
    }

    /// Lays what was found into the page and answers with the directives, to which others may come.
    pub(super) fn finish(self, links: &Links<'_>, page: &mut Page) -> Gathered {
        page.title = self.title;
        page.description = self.description;
        page.language = self.language.or(self.meta_language);
        page.signals = self.signals;
        page.canonical = self.canonical.and_then(|text| links.resolve(&text));
        self.directives
    }

    /// Takes the inside of a `<title>`.
    pub(super) fn title(&mut self, raw: &str) {
        if !self.titled {
            self.titled = true;
            self.title = text::fold(&text::content(raw), self.limit);
        }
    }

    /// Takes `<html lang>`; where a page has several `<html>`, the first that says something.
    pub(super) fn lang(&mut self, attributes: &Attributes<'_>) {
        if self.language.is_none() {
            let value = attributes
                .get(Name::Lang)
                .or_else(|| attributes.get(Name::XmlLang));
            self.language = value.and_then(|value| text::fold(&value, LANGUAGE));
        }
    }

    /// Takes the first `<link rel=canonical>`.
    pub(super) fn canonical(&mut self, href: &str) {
        if self.canonical.is_none() {
            self.canonical = Some(href.to_owned());
        }
    }

    /// Takes a `<meta>`, and answers with the URL of a refresh that it brings.
    pub(super) fn meta(&mut self, attributes: &Attributes<'_>, noscript: bool) -> Option<String> {
        let content = attributes.get(Name::Content)?;
        if let Some(name) = attributes.get(Name::Named) {
            let name = text::trim(&name);
            // Our own name adds to what is asked of all, it does not replace it.
            if name.eq_ignore_ascii_case("robots") || name.eq_ignore_ascii_case(self.agent) {
                self.directives.meta(&content);
            } else if name.eq_ignore_ascii_case("description") && self.description.is_none() {
                self.description = text::fold(&content, self.limit);
            } else {
                self.signal(name, &content);
            }
        }
        if attributes.is(Name::HttpEquiv, "refresh") && !noscript {
            return self.refresh(&content);
        }
        if attributes.is(Name::HttpEquiv, "content-language") && self.meta_language.is_none() {
            self.meta_language = language(&content);
        }
        None
    }

    /// Takes a TDM reservation (W3C `TDMRep`, "TDM Metadata in HTML Content").
    fn signal(&mut self, name: &str, content: &str) {
        let known = [signals::Name::Reservation, signals::Name::Policy];
        let found = known
            .iter()
            .find(|known| name.eq_ignore_ascii_case(known.as_str()));
        if let Some(&name) = found
            && self.signals.iter().all(|signal| signal.name != name)
        {
            self.signals
                .extend(signals::read(Source::Meta, name, content));
        }
    }

    /// A browser follows the first valid refresh and ignores the others, even if the first one only
    /// loads the page again (§4.2.5.3, "will declaratively refresh").
    fn refresh(&mut self, content: &str) -> Option<String> {
        if self.refresh.is_some() {
            return None;
        }
        let found = refresh(content)?;
        let url = found.url.map(str::to_owned);
        self.refresh = Some((found.seconds, url.clone()));
        url
    }

    /// The refresh, its URL resolved.
    pub(super) fn resolved_refresh(&self, links: &Links<'_>) -> Option<(f64, CanonicalUrl)> {
        let (seconds, url) = self.refresh.as_ref()?;
        Some((*seconds, links.resolve(url.as_ref()?)?))
    }
}
