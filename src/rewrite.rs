//! URLs in the form that the user wants them in, by rules that are asked for: parameters left out, `https`
//! for `http`, one of two names of a host. Pure: the same URL always comes out in the same form.
//!
//! Two URLs that are one by their [`CanonicalUrl::key`] are one afterwards, and what has been rewritten is
//! not rewritten again.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::canonical::{CanonicalUrl, normalise_escapes, registrable_domain};
use crate::config::{ConfigError, ScopeConfig, Seed};
use crate::record::{Page, Rewritten};
use crate::sitemap::{Kind, Sitemap};

/// Parameters that only tell whoever runs a site where a visitor came from, as `strip-params = ["tracking"]`
/// has them. `docs/configuration.md` shows the list.
pub const TRACKING: [&str; 50] = [
    // Campaigns: Google Analytics, Matomo, Piwik Pro.
    "utm_*",
    "mtm_*",
    "matomo_*",
    "pk_campaign",
    "pk_kwd",
    "pk_keyword",
    "pk_source",
    "pk_medium",
    "pk_content",
    "pk_cid",
    "piwik_*",
    // Clicks on advertisements.
    "gclid",
    "gclsrc",
    "dclid",
    "gbraid",
    "wbraid",
    "gad_source",
    "gad_campaignid",
    "srsltid",
    "fbclid",
    "msclkid",
    "yclid",
    "ysclid",
    "twclid",
    "ttclid",
    "li_fat_id",
    "epik",
    "rdt_cid",
    "ef_id",
    "s_kwcid",
    "igshid",
    "igsh",
    // Visitors followed from one site, or from a mail, to another.
    "_ga",
    "_gl",
    "_hsenc",
    "_hsmi",
    "__hssc",
    "__hstc",
    "__hsfp",
    "hsctatracking",
    "mc_cid",
    "mc_eid",
    "mkt_tok",
    "oly_anon_id",
    "oly_enc_id",
    "vero_id",
    "wickedid",
    "_openstat",
    "_branch_match_id",
    "_kx",
];

/// The word that stands for [`TRACKING`].
const TRACKING_WORD: &str = "tracking";

/// A name of parameters, in lower case, with a `*` at either end or none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// As it is shown.
    text: String,
    middle: String,
    open_start: bool,
    open_end: bool,
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let open_start = text.starts_with('*');
        let open_end = text.ends_with('*');
        let middle = text.strip_prefix('*').unwrap_or(text);
        let middle = middle.strip_suffix('*').unwrap_or(middle);
        if text.is_empty() {
            return Err("names no parameter");
        }
        if middle.contains('*') {
            return Err("may have a * at its start and its end only");
        }
        if middle.contains(['=', '&', '?', ';', '#', '/']) || middle.contains(char::is_whitespace) {
            return Err("is not the name of a parameter such as sid or utm_*");
        }
        Ok(Self {
            text: text.to_owned(),
            middle: middle.to_ascii_lowercase(),
            open_start,
            open_end,
        })
    }

    fn matches(&self, name: &str) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => name == self.middle,
            (false, true) => name.starts_with(&self.middle),
            (true, false) => name.ends_with(&self.middle),
            (true, true) => name.contains(&self.middle),
        }
    }
}

/// The rules by which URLs are rewritten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrite {
    strip: Vec<Pattern>,
    https_upgrade: bool,
    fold_www: bool,
    /// Names that a seed has with `www.`, kept without it.
    with_www: HashSet<String>,
}

impl Rewrite {
    /// What the settings ask for. Of the two names of a host, the one that the first seed of either has is
    /// kept.
    ///
    /// # Errors
    /// When something in `strip-params` is no name of parameters.
    pub fn new(config: &ScopeConfig, seeds: &[CanonicalUrl]) -> Result<Self, ConfigError> {
        let mut strip = Vec::new();
        for text in &config.strip_params {
            if text == TRACKING_WORD {
                strip.extend(TRACKING.iter().filter_map(|text| Pattern::parse(text).ok()));
                continue;
            }
            let pattern = Pattern::parse(text);
            strip.push(
                pattern
                    .map_err(|message| ConfigError::value("scope.strip-params", text, message))?,
            );
        }
        let (mut with_www, mut met) = (HashSet::new(), HashSet::new());
        for seed in seeds.iter().filter(|_| config.fold_www) {
            let bare = without_www(seed.hostname());
            let name = bare.unwrap_or(seed.hostname());
            if met.insert(name) && bare.is_some() {
                with_www.insert(name.to_owned());
            }
        }
        Ok(Self {
            strip,
            https_upgrade: config.https_upgrade,
            fold_www: config.fold_www,
            with_www,
        })
    }

    /// Whether it changes nothing, ever.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.strip.is_empty() && !self.https_upgrade && !self.fold_www
    }

    /// The URL in the form in which it is asked for, and by which rules; `None` where it has that form.
    #[must_use]
    pub fn apply(&self, url: &CanonicalUrl) -> Option<Rewritten> {
        if self.is_off() {
            return None;
        }
        let mut rules: Vec<&str> = Vec::new();
        let path = self.stripped_path(url.path(), &mut rules);
        let query = url
            .as_url()
            .query()
            .map(|query| self.stripped_query(query, &mut rules));
        let strips = rules.iter().map(|rule| format!("strip-params {rule}"));
        let mut names: Vec<String> = strips.collect();
        let mut scheme = url.scheme();
        if self.https_upgrade && scheme == "http" && url.as_url().port().is_none() {
            scheme = "https";
            names.push("https-upgrade".to_owned());
        }
        let host = self.folded(url.hostname());
        if host != url.hostname() {
            names.push("fold-www".to_owned());
        }
        if names.is_empty() {
            return None;
        }
        let mut text = format!("{scheme}://{host}");
        if let Some(port) = url.as_url().port() {
            text.push_str(&format!(":{port}"));
        }
        text.push_str(&path);
        if let Some(query) = query.flatten() {
            text.push('?');
            text.push_str(&query);
        }
        Some(Rewritten {
            written: url.clone(),
            // What has become too long by it stays as it is.
            url: CanonicalUrl::parse(&text).ok()?,
            rule: names.join(", "),
        })
    }

    /// [`Rewrite::apply`] for what a URL redirects to. Where the two come to the same, the server's word
    /// counts: it leads from one form to another, and a rewritten target would lead back to where it began.
    #[must_use]
    pub fn redirect(&self, from: &CanonicalUrl, target: &CanonicalUrl) -> Option<Rewritten> {
        let found = self.apply(target)?;
        let to_itself = match self.apply(from) {
            Some(from) => from.url.key() == found.url.key(),
            None => from.key() == found.url.key(),
        };
        (!to_itself).then_some(found)
    }

    /// Rewrites all that a page leads to. Answers with what has changed, each new form once.
    #[must_use]
    pub fn page(&self, page: &mut Page) -> Vec<Rewritten> {
        if self.is_off() {
            return Vec::new();
        }
        // Links that lead to one place share its text. The old texts are in `found` or on the page until the
        // end, so no address is used twice.
        let mut known: HashMap<usize, Option<usize>> = HashMap::new();
        let mut found: Vec<Rewritten> = Vec::new();
        let targets = page.links.iter_mut().map(|link| &mut link.target);
        for target in targets.chain(page.canonical.as_mut()) {
            let place = *known.entry(target.address()).or_insert_with(|| {
                found.push(self.apply(target)?);
                Some(found.len() - 1)
            });
            if let Some(rewritten) = place.and_then(|place| found.get(place)) {
                *target = rewritten.url.clone();
            }
        }
        let mut met = HashSet::new();
        found.retain(|rewritten| met.insert(rewritten.url.key().into_owned()));
        found
    }

    /// Rewrites the pages that a sitemap names; other sitemaps are asked for as they are named. Answers with
    /// what has changed, each new form once.
    #[must_use]
    pub fn sitemap(&self, sitemap: &mut Sitemap) -> Vec<Rewritten> {
        if self.is_off() || sitemap.kind == Kind::Index {
            return Vec::new();
        }
        let mut found: Vec<Rewritten> = Vec::new();
        let locs = sitemap.entries.iter_mut().map(|entry| &mut entry.loc);
        for url in locs.chain(&mut sitemap.targets) {
            if let Some(rewritten) = self.apply(url) {
                *url = rewritten.url.clone();
                found.push(rewritten);
            }
        }
        let mut met = HashSet::new();
        found.retain(|rewritten| met.insert(rewritten.url.key().into_owned()));
        found
    }

    /// Rewrites seeds that are pages; each is there once afterwards. Answers with what has changed, too.
    #[must_use]
    pub fn seeds(&self, seeds: Vec<Seed>) -> (Vec<Seed>, Vec<Rewritten>) {
        if self.is_off() {
            return (seeds, Vec::new());
        }
        let pages = seeds.iter().filter(|seed| !seed.is_sitemap());
        let found = pages.filter_map(|seed| self.apply(seed.url())).collect();
        let seeds = seeds.into_iter().map(|seed| self.seed(seed));
        (Seed::once(seeds.collect()), found)
    }

    /// A seed in the form in which it is asked for.
    #[must_use]
    pub fn seed(&self, seed: Seed) -> Seed {
        match seed {
            Seed::Page(url) => Seed::Page(self.form(url)),
            Seed::Sitemap(url) => Seed::Sitemap(url),
        }
    }

    /// The URL in the form in which it is asked for.
    #[must_use]
    pub fn form(&self, url: CanonicalUrl) -> CanonicalUrl {
        match self.apply(&url) {
            Some(rewritten) => rewritten.url,
            None => url,
        }
    }

    /// The query without what is to be left out; `None` where nothing is left of it.
    fn stripped_query<'a>(
        &'a self,
        query: &'a str,
        rules: &mut Vec<&'a str>,
    ) -> Option<Cow<'a, str>> {
        if self.strip.is_empty() {
            return Some(Cow::Borrowed(query));
        }
        let kept: Vec<&str> = query
            .split('&')
            .filter(|piece| !self.strips(piece.split('=').next().unwrap_or_default(), rules))
            .collect();
        if kept.len() == query.split('&').count() {
            return Some(Cow::Borrowed(query));
        }
        let kept = kept.join("&");
        (!kept.is_empty()).then_some(Cow::Owned(kept))
    }

    /// The path without such parameters of its segments (`/cart;jsessionid=1A2B`).
    fn stripped_path<'a>(&'a self, path: &'a str, rules: &mut Vec<&'a str>) -> Cow<'a, str> {
        if self.strip.is_empty() || !path.contains(';') {
            return Cow::Borrowed(path);
        }
        let segments = path.split('/').map(|segment| {
            let mut pieces = segment.split(';');
            let mut kept = pieces.next().unwrap_or_default().to_owned();
            for piece in pieces {
                let name = piece.split_once('=').map(|(name, _)| name);
                if !name.is_some_and(|name| self.strips(name, rules)) {
                    kept.push(';');
                    kept.push_str(piece);
                }
            }
            kept
        });
        Cow::Owned(segments.collect::<Vec<_>>().join("/"))
    }

    /// Whether a parameter is to be left out; the pattern that says so goes to the rules, once.
    fn strips<'a>(&'a self, name: &str, rules: &mut Vec<&'a str>) -> bool {
        let name = normalise_escapes(name).to_ascii_lowercase();
        let found = self.strip.iter().find(|pattern| pattern.matches(&name));
        if let Some(pattern) = found
            && !rules.contains(&pattern.text.as_str())
        {
            rules.push(&pattern.text);
        }
        found.is_some()
    }

    fn folded<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if !self.fold_www {
            return Cow::Borrowed(name);
        }
        let bare = without_www(name).unwrap_or(name);
        if self.with_www.contains(bare) {
            Cow::Owned(format!("www.{bare}"))
        } else {
            Cow::Borrowed(bare)
        }
    }
}

/// The name without `www.`, if that leaves one that a site can have.
fn without_www(name: &str) -> Option<&str> {
    name.strip_prefix("www.")
        .filter(|bare| registrable_domain(bare).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Link, LinkKind};

    fn url(text: &str) -> CanonicalUrl {
        CanonicalUrl::parse(text).expect(text)
    }

    /// Words: `https`, `www`, and parameters to be left out.
    fn rules(words: &str, seeds: &[&str]) -> Rewrite {
        let words: Vec<&str> = words.split_whitespace().collect();
        let strip = words.iter().filter(|word| !["https", "www"].contains(word));
        let config = ScopeConfig {
            strip_params: strip.map(|word| (*word).to_owned()).collect(),
            https_upgrade: words.contains(&"https"),
            fold_www: words.contains(&"www"),
            ..ScopeConfig::default()
        };
        let seeds: Vec<CanonicalUrl> = seeds.iter().map(|seed| url(seed)).collect();
        Rewrite::new(&config, &seeds).expect("rules")
    }

    /// Each form, and that it stays.
    fn expect_forms(rows: &[(&str, &str, &str)]) {
        let seeds = [
            "http://www.s.example/",
            "http://t.example/",
            "http://www.t.example/",
        ];
        for (words, before, after) in rows {
            let rewrite = rules(words, &seeds);
            let form = rewrite.form(url(before));
            assert_eq!(form.as_str(), *after, "{words}: {before}");
            assert_eq!(rewrite.apply(&form), None, "{words}: {before}, again");
        }
    }

    #[test]
    fn parameters() {
        expect_forms(&[
            (
                "",
                "http://www.a.example/?utm_source=x",
                "http://www.a.example/?utm_source=x",
            ),
            // Parameters.
            ("sid", "http://a.example/?sid=1", "http://a.example/"),
            ("sid", "http://a.example/?sid", "http://a.example/"),
            (
                "sid",
                "http://a.example/?SID=1&b=2",
                "http://a.example/?b=2",
            ),
            (
                "sid",
                "http://a.example/?b=2&s%69d=1",
                "http://a.example/?b=2",
            ),
            (
                "sid",
                "http://a.example/?a=sid&side=1&xsid=2",
                "http://a.example/?a=sid&side=1&xsid=2",
            ),
            (
                "sid",
                "http://a.example/?b=%7e&sid=1&&c+d",
                "http://a.example/?b=%7e&&c+d",
            ),
            ("sid", "http://a.example/?", "http://a.example/?"),
            ("sid", "http://a.example/?sid=1&", "http://a.example/"),
            ("sid", "http://a.example/?sid=1&sid=2", "http://a.example/"),
            (
                "utm_*",
                "http://a.example/x?utm_source=x&a=1&utm_=y",
                "http://a.example/x?a=1",
            ),
            (
                "*_id",
                "http://a.example/x?session_id=x&id=1",
                "http://a.example/x?id=1",
            ),
            (
                "*sess*",
                "http://a.example/?PHPSESSID=1&a=b",
                "http://a.example/?a=b",
            ),
            ("*", "http://a.example/x?a=1&b=2", "http://a.example/x"),
            (
                "tracking",
                "http://a.example/?q=1&fbclid=x&utm_term=y&_ga=1.2",
                "http://a.example/?q=1",
            ),
            (
                "tracking",
                "http://a.example/?ref=1&pk_id=2&id=3",
                "http://a.example/?ref=1&pk_id=2&id=3",
            ),
            // Parameters of the path.
            (
                "jsessionid",
                "http://a.example/c;jsessionid=1A!2?a=b",
                "http://a.example/c?a=b",
            ),
            (
                "jsessionid",
                "http://a.example/;v=1;jsessionid=1/d;x",
                "http://a.example/;v=1/d;x",
            ),
            (
                "jsessionid",
                "http://a.example/;jsessionid=1",
                "http://a.example/",
            ),
            (
                "jsessionid",
                "http://a.example/a;jsessionid",
                "http://a.example/a;jsessionid",
            ),
            ("sid", "http://a.example/a/..;sid=1/b", "http://a.example/b"),
            (
                "sid",
                "http://a.example/;sid=1/b.example",
                "http://a.example//b.example",
            ),
        ]);
    }

    #[test]
    fn schemes_and_names() {
        expect_forms(&[
            // Schemes.
            ("https", "http://a.example/x?y", "https://a.example/x?y"),
            ("https", "http://a.example:8080/", "http://a.example:8080/"),
            ("https", "http://a.example:443/", "http://a.example:443/"),
            ("https", "https://a.example/", "https://a.example/"),
            // Names.
            ("www", "http://www.b.example/x", "http://b.example/x"),
            ("www", "http://www.b.example:81/x", "http://b.example:81/x"),
            ("www", "http://www.s.example/x", "http://www.s.example/x"),
            ("www", "http://s.example/x", "http://www.s.example/x"),
            ("www", "http://www.t.example/", "http://t.example/"),
            ("www", "http://www.co.uk/", "http://www.co.uk/"),
            ("www", "http://www.localhost/", "http://www.localhost/"),
            ("www", "http://[::1]/", "http://[::1]/"),
            ("www", "http://www2.b.example/", "http://www2.b.example/"),
            // Together.
            (
                "www https sid",
                "http://s.example/?sid=1",
                "https://www.s.example/",
            ),
        ]);
    }

    #[test]
    fn rules_are_named() {
        let rewrite = rules("utm_* sid www https", &[]);
        let found = rewrite.apply(&url("http://www.a.example/;sid=1?utm_a=1&utm_b=2&sid=3"));
        assert_eq!(
            found.map(|found| found.rule).as_deref(),
            Some("strip-params sid, strip-params utm_*, https-upgrade, fold-www")
        );
    }

    #[test]
    fn what_cannot_be_a_name() {
        for (pattern, message) in [
            ("", "names no parameter"),
            ("a*b", "may have a * at its start and its end only"),
            ("a=1", "is not the name of a parameter such as sid or utm_*"),
            ("a b", "is not the name of a parameter such as sid or utm_*"),
        ] {
            let config = ScopeConfig {
                strip_params: vec!["ok".to_owned(), pattern.to_owned()],
                ..ScopeConfig::default()
            };
            let error = Rewrite::new(&config, &[]).expect_err(pattern).to_string();
            assert_eq!(
                error,
                format!("scope.strip-params = {pattern:?}: {message}")
            );
        }
        let shown = include_str!("../docs/configuration.md");
        for text in TRACKING {
            let pattern = Pattern::parse(text).expect(text);
            assert!(text == text.to_ascii_lowercase() && pattern.middle.len() > 2);
            assert!(shown.contains(&format!("`{text}`")), "{text}");
        }
    }

    /// Where a server insists on a form, it is asked for that form.
    #[test]
    fn redirects_from_form_to_form() {
        for (words, from, target, wanted) in [
            ("https", "https://a.example/", "http://a.example/", None),
            (
                "https",
                "https://a.example/",
                "http://a.example/b",
                Some("https://a.example/b"),
            ),
            ("https", "http://a.example/", "https://a.example/", None),
            ("www", "http://a.example/", "http://www.a.example/", None),
            ("sid", "http://a.example/", "http://a.example/?sid=1", None),
            (
                "sid",
                "http://a.example/?sid=1",
                "http://a.example/?sid=2",
                None,
            ),
            (
                "sid",
                "http://a.example/?sid=1",
                "http://a.example/x?sid=2",
                Some("http://a.example/x"),
            ),
            // The last hop of https://a → http://www.a → https://www.a.
            (
                "www https",
                "http://www.a.example/",
                "https://www.a.example/",
                None,
            ),
        ] {
            let found = rules(words, &[]).redirect(&url(from), &url(target));
            let found = found.as_ref().map(|found| found.url.as_str());
            assert_eq!(found, wanted, "{words}: {from} to {target}");
        }
    }

    /// Laws, over URLs of all that means something here: what is rewritten stays, what is one stays one, and
    /// nothing is left of what was to be left out.
    #[test]
    fn laws() {
        let words =
            "sid=1|s%69d=2|;|?|&|/|..|utm_x=%7e|utm_x=~|=|a|%2F|%|;sid=3|&sid|;sid|*|%3B|é|+|//|.";
        let words: Vec<&str> = words.split('|').collect();
        let hosts = ["http://", "https://"].map(|scheme| {
            [
                "a.example",
                "www.a.example",
                "www.a.example:81",
                "www.www.a.example",
                "[::1]",
            ]
            .map(|host| format!("{scheme}{host}/"))
        });
        let rewrite = rules("sid utm_* https www", &["http://www.www.a.example/"]);
        let mut state = 1_u64;
        let mut next = |most: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % most
        };
        for _ in 0..20_000 {
            let mut text = hosts[next(2)][next(5)].clone();
            for _ in 0..next(8) {
                text.push_str(words[next(words.len())]);
            }
            let before = url(&text);
            let after = rewrite.form(before.clone());
            assert_eq!(rewrite.apply(&after), None, "{text}");
            let same = url(&before.key());
            assert_eq!(rewrite.form(same).key(), after.key(), "{text}");
            let query = after.as_url().query().unwrap_or_default();
            let mut names = query.split('&').map(|piece| piece.split('=').next());
            assert!(names.all(|name| name != Some("sid")), "{text}");
        }
    }

    #[test]
    fn pages_and_seeds() {
        let link = |text: &str| Link::new(url(text), LinkKind::A);
        let shared = link("http://a.example/?sid=1");
        let mut page = Page {
            links: vec![
                shared.clone(),
                link("http://a.example/x"),
                shared,
                link("http://a.example/?sid=2"),
                link("http://a.example/y?sid=2"),
            ],
            canonical: Some(url("http://a.example/z?sid=3")),
            ..Page::default()
        };
        let rewrite = rules("sid", &[]);
        let found = rewrite.page(&mut page);
        let targets: Vec<_> = page.links.iter().map(|link| link.target.path()).collect();
        assert_eq!(targets, ["/", "/x", "/", "/", "/y"]);
        assert_eq!(
            page.links[0].target.address(),
            page.links[2].target.address()
        );
        assert_eq!(page.canonical, Some(url("http://a.example/z")));
        let written: Vec<_> = found
            .iter()
            .map(|found| found.written.path_and_query())
            .collect();
        assert_eq!(written, ["/?sid=1", "/y?sid=2", "/z?sid=3"]);
        let (one, other) = (url("http://a.example/"), url("http://a.example/?sid=1"));
        let map = Seed::Sitemap(other.clone());
        let pages = [one.clone(), other].map(Seed::Page);
        let (seeds, found) = rewrite.seeds([&pages[..], std::slice::from_ref(&map)].concat());
        assert_eq!((seeds, found.len()), (vec![Seed::Page(one), map], 1));
        assert_eq!(rules("", &[]).page(&mut page), []);
    }
}
