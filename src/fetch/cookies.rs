//! The cookies of a crawl, by RFC 6265 and its successor's additions: no cookie for a public suffix,
//! prefixes, nothing secure from or to plain HTTP. They live as long as one start of the program; none is
//! stored or logged.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use cookie_store::{Cookie, CookieStore, RawCookie};
use http::HeaderValue;

use crate::canonical::{CanonicalUrl, registrable_domain};
use crate::fetched::Head;

/// Bytes of a cookie's name and value, and of its line.
const MAX_COOKIE: usize = 4096;
const MAX_LINE: usize = 2 * MAX_COOKIE;
/// Bytes of a `Cookie` header.
const MAX_HEADER: usize = 16 << 10;
/// Cookies of one site (a registrable domain, or an address), and of all.
const MAX_OF_SITE: usize = 180;
const MAX_COOKIES: usize = 10_000;

/// What servers have set.
#[derive(Debug, Default)]
pub(crate) struct Jar(Mutex<Sites>);

#[derive(Debug, Default)]
struct Sites {
    /// By site, so that what a request gets does not cost more with many of them.
    by_name: HashMap<String, Site>,
    cookies: usize,
    clock: u64,
}

#[derive(Debug, Default)]
struct Site {
    store: CookieStore,
    used: u64,
}

impl Jar {
    /// The `Cookie` header for a URL: what the user gave, and what was set. Of one name, what was set
    /// counts.
    pub(crate) fn header(
        &self,
        url: &CanonicalUrl,
        given: Option<&HeaderValue>,
    ) -> Option<HeaderValue> {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites.clock += 1;
        let clock = sites.clock;
        let site = sites.by_name.get_mut(site_of(url));
        let mut cookies = match site {
            Some(site) => {
                site.used = clock;
                site.store.matches(url.as_url())
            }
            None => Vec::new(),
        };
        // The store takes plain HTTP to this machine for secure.
        cookies.retain(|cookie| url.scheme() == "https" || cookie.secure() != Some(true));
        if cookies.is_empty() {
            return given.cloned();
        }
        // Longer paths first (RFC 6265 §5.4); beyond that the order is ours, and always the same.
        cookies.sort_by_key(|cookie| (std::cmp::Reverse(cookie.path.len()), cookie.name()));
        let given = given
            .and_then(|given| given.to_str().ok())
            .unwrap_or_default();
        let kept = given.split(';').map(str::trim).filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && !cookies.iter().any(|cookie| cookie.name() == name)
        });
        let set = cookies.iter().map(|cookie| {
            let (name, value) = cookie.name_value();
            format!("{name}={value}")
        });
        let mut all = String::new();
        for pair in kept.map(str::to_owned).chain(set) {
            if all.len() + pair.len() + 2 > MAX_HEADER {
                break;
            }
            if !all.is_empty() {
                all.push_str("; ");
            }
            all.push_str(&pair);
        }
        let mut header = HeaderValue::from_str(&all).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Takes in what an answer sets. Whether it set anything.
    pub(crate) fn take_in(&self, url: &CanonicalUrl, head: &Head) -> bool {
        let lines = head.get_all("set-cookie");
        if lines.is_empty() {
            return false;
        }
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut any = false;
        for line in lines {
            any |= sites.set(url, &line).is_some();
        }
        any
    }
}

/// The name under which a URL's cookies are kept together.
fn site_of(url: &CanonicalUrl) -> &str {
    url.domain().unwrap_or_else(|| url.hostname())
}

impl Sites {
    /// Sets one cookie; `None` where it is refused.
    fn set(&mut self, url: &CanonicalUrl, line: &str) -> Option<()> {
        let cookie = acceptable(url, line)?;
        self.clock += 1;
        let site = self.by_name.entry(site_of(url).to_owned()).or_default();
        site.used = self.clock;
        // What plain HTTP says does not lie over what was set under TLS.
        let shadowed = url.scheme() != "https"
            && site.store.iter_unexpired().any(|other| {
                let same = other.name() == cookie.name() && other.secure() == Some(true);
                same && other.domain.matches(url.as_url())
            });
        if shadowed {
            return None;
        }
        let before = site.store.iter_any().count();
        let given = Cookie::try_from_raw_cookie(&cookie, url.as_url()).ok()?;
        let domain = String::from(&given.domain);
        let is_there = site.store.contains_any(&domain, &given.path, given.name());
        if !is_there && before >= MAX_OF_SITE && !site.make_room() {
            return None;
        }
        let set = site.store.insert(given.into_owned(), url.as_url()).ok();
        self.cookies = self.cookies + site.store.iter_any().count() - before;
        self.make_room();
        set.map(drop)
    }

    /// Drops a site where there are too many cookies: the one that has most of them, of several the one that
    /// was not asked for longest.
    fn make_room(&mut self) {
        while self.cookies > MAX_COOKIES {
            let count = |site: &Site| site.store.iter_any().count();
            let sites = self.by_name.iter();
            let most = sites.max_by_key(|(_, site)| (count(site), std::cmp::Reverse(site.used)));
            let Some(name) = most.map(|(name, _)| name.clone()) else {
                return;
            };
            if let Some(site) = self.by_name.remove(&name) {
                self.cookies -= count(&site);
            }
        }
    }
}

impl Site {
    /// Drops what has expired. Whether that was anything.
    fn make_room(&mut self) -> bool {
        let dead: Vec<(String, String, String)> = self
            .store
            .iter_any()
            .filter(|cookie| cookie.is_expired())
            .map(|cookie| {
                let domain = String::from(&cookie.domain);
                (domain, cookie.path.to_string(), cookie.name().to_owned())
            })
            .collect();
        for (domain, path, name) in &dead {
            self.store.remove(domain, path, name);
        }
        !dead.is_empty()
    }
}

/// The cookie of a `Set-Cookie` line, unless the rules that are not the store's refuse it.
fn acceptable(url: &CanonicalUrl, line: &str) -> Option<RawCookie<'static>> {
    if line.len() > MAX_LINE {
        return None;
    }
    let mut cookie = RawCookie::parse(line.to_owned()).ok()?;
    if cookie.name().len() + cookie.value().len() > MAX_COOKIE {
        return None;
    }
    let pair = format!("{}={}", cookie.name(), cookie.value());
    HeaderValue::from_str(&pair)
        .ok()
        .filter(|_| !pair.contains(';'))?;
    let over_tls = url.scheme() == "https";
    let secure = cookie.secure() == Some(true);
    if secure && !over_tls {
        return None;
    }
    let named = |prefix: &str| {
        let begin = cookie.name().get(..prefix.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
    };
    let has_domain = cookie.domain().is_some_and(|domain| !domain.is_empty());
    let host_bound = secure && !has_domain && cookie.path() == Some("/");
    if (named("__Secure-") && !secure) || (named("__Host-") && !host_bound) {
        return None;
    }
    if let Some(domain) = cookie.domain().map(|domain| domain.trim_start_matches('.')) {
        let domain = domain.to_ascii_lowercase();
        let is_name = matches!(url.as_url().host(), Some(url::Host::Domain(_)));
        if !is_name || registrable_domain(&domain).is_none() {
            // A public suffix, or an address: for exactly that host, or for none (RFC 6265 §5.3, 5).
            if !domain.is_empty() && domain != url.hostname() {
                return None;
            }
            cookie.unset_domain();
        }
    }
    Some(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> CanonicalUrl {
        CanonicalUrl::parse(text).expect(text)
    }

    fn head(lines: &[&str]) -> Head {
        let header = |line: &&str| ("set-cookie".to_owned(), (*line).to_owned());
        Head {
            headers: lines.iter().map(header).collect(),
            ..Head::default()
        }
    }

    fn sent(jar: &Jar, to: &str) -> String {
        let header = jar.header(&url(to), None);
        header.map_or_else(String::new, |value| {
            value.to_str().expect("ASCII").to_owned()
        })
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn what_is_set_where_goes_where() {
        for (from, line, to, wanted) in [
            ("http://a.example/", "k=v", "http://a.example/x", "k=v"),
            ("http://a.example/", "k=v", "http://a.example:8080/", "k=v"),
            ("http://a.example/", "k=v", "https://a.example/", "k=v"),
            ("http://a.example/", "k=v", "http://b.a.example/", ""),
            (
                "http://a.example/",
                "k=v; HttpOnly",
                "http://a.example/",
                "k=v",
            ),
            (
                "http://w.a.example/",
                "k=v; Domain=a.example",
                "http://b.a.example/",
                "k=v",
            ),
            (
                "http://w.a.example/",
                "k=v; Domain=.A.example",
                "http://a.example/",
                "k=v",
            ),
            (
                "http://w.a.example/",
                "k=v; Domain=b.a.example",
                "http://b.a.example/",
                "",
            ),
            (
                "http://a.example/",
                "k=v; Domain=b.example",
                "http://b.example/",
                "",
            ),
            // Public suffixes, of the list's both parts, and what is named exactly so.
            (
                "http://a.co.uk/",
                "k=v; Domain=co.uk",
                "http://b.co.uk/",
                "",
            ),
            (
                "http://a.co.uk/",
                "k=v; Domain=co.uk",
                "http://a.co.uk/",
                "",
            ),
            (
                "http://a.github.io/",
                "k=v; Domain=github.io",
                "http://b.github.io/",
                "",
            ),
            (
                "http://github.io/",
                "k=v; Domain=github.io",
                "http://github.io/",
                "k=v",
            ),
            (
                "http://github.io/",
                "k=v; Domain=github.io",
                "http://b.github.io/",
                "",
            ),
            (
                "http://a.example/",
                "k=v; Domain=example",
                "http://b.example/",
                "",
            ),
            (
                "http://localhost/",
                "k=v; Domain=localhost",
                "http://localhost:8080/",
                "k=v",
            ),
            // Addresses have no domains.
            (
                "http://127.0.0.1/",
                "k=v; Domain=127.0.0.1",
                "http://127.0.0.1/",
                "k=v",
            ),
            (
                "http://127.0.0.1/",
                "k=v; Domain=0.0.1",
                "http://127.0.0.1/",
                "",
            ),
            (
                "http://a.example/",
                "k=v; Path=/x",
                "http://a.example/x/y",
                "k=v",
            ),
            (
                "http://a.example/",
                "k=v; Path=/x",
                "http://a.example/xy",
                "",
            ),
            ("http://a.example/x/y", "k=v", "http://a.example/", ""),
            ("http://a.example/x/y", "k=v", "http://a.example/x/z", "k=v"),
            (
                "https://a.example/",
                "k=v; Secure",
                "https://a.example/",
                "k=v",
            ),
            ("https://a.example/", "k=v; Secure", "http://a.example/", ""),
            ("https://127.0.0.1/", "k=v; Secure", "http://127.0.0.1/", ""),
            ("https://[::1]/", "k=v; Secure", "http://[::1]/", ""),
            ("https://localhost/", "k=v; Secure", "http://localhost/", ""),
            ("http://a.example/", "k=v; Secure", "https://a.example/", ""),
            (
                "https://a.example/",
                "__Host-k=v; Secure; Path=/",
                "https://a.example/",
                "__Host-k=v",
            ),
            (
                "https://a.example/",
                "__Host-k=v; Secure",
                "https://a.example/",
                "",
            ),
            (
                "https://a.example/",
                "__host-k=v; Secure; Path=/; Domain=a.example",
                "https://a.example/",
                "",
            ),
            (
                "https://a.example/",
                "__Secure-k=v",
                "https://a.example/",
                "",
            ),
            (
                "http://a.example/",
                "k=v; Max-Age=0",
                "http://a.example/",
                "",
            ),
            (
                "http://a.example/",
                "k=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                "http://a.example/",
                "",
            ),
            (
                "http://a.example/",
                "k=v; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
                "http://a.example/",
                "k=v",
            ),
            (
                "http://a.example/",
                "k=v; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                "http://a.example/",
                "k=v",
            ),
            ("http://a.example/", "", "http://a.example/", ""),
            ("http://a.example/", "=v", "http://a.example/", ""),
            ("http://a.example/", "k", "http://a.example/", ""),
            (
                "http://a.example/",
                "k=a\u{7f}\r\nX: y",
                "http://a.example/",
                "",
            ),
        ] {
            let jar = Jar::default();
            jar.take_in(&url(from), &head(&[line]));
            assert_eq!(sent(&jar, to), wanted, "{line:?} from {from} to {to}");
        }
    }

    #[test]
    fn replaced_expired_merged_in_order() {
        let jar = Jar::default();
        let page = url("http://a.example/x/y");
        assert!(jar.take_in(&page, &head(&["k=1; Path=/", "a=1", "z=1; Path=/"])));
        assert!(jar.take_in(&page, &head(&["k=2; Path=/"])));
        assert_eq!(sent(&jar, "http://a.example/x/"), "a=1; k=2; z=1");
        let given = HeaderValue::from_static("k=given; own=1");
        let header = jar.header(&page, Some(&given)).expect("a header");
        assert_eq!(header, "own=1; a=1; k=2; z=1");
        assert!(header.is_sensitive());
        assert!(jar.take_in(&page, &head(&["k=; Path=/; Max-Age=0"])));
        assert_eq!(sent(&jar, "http://a.example/x/"), "a=1; z=1");
        assert!(!jar.take_in(&page, &head(&["b=1; Domain=other.example"])));
        // What was set under TLS is not overwritten by plain HTTP.
        let (tls, plain) = (url("https://a.example/"), url("http://a.example/"));
        assert!(jar.take_in(&tls, &head(&["s=tls; Secure"])));
        assert!(!jar.take_in(&plain, &head(&["s=plain"])));
        assert_eq!(sent(&jar, "https://a.example/"), "s=tls; z=1");
    }

    #[test]
    fn bounded() {
        let jar = Jar::default();
        let page = url("http://a.example/");
        assert!(!jar.take_in(&page, &head(&[&format!("k={}", "x".repeat(MAX_COOKIE))])));
        for i in 0..MAX_OF_SITE {
            jar.take_in(&page, &head(&[&format!("k{i}=v")]));
            // The same name in other places is another cookie.
            jar.take_in(&page, &head(&[&format!("k{i}=v; Path=/{i}/")]));
        }
        assert_eq!(jar.0.lock().expect("a jar").cookies, MAX_OF_SITE);
        // One that is there is still replaced, and what has expired makes room.
        assert!(jar.take_in(&page, &head(&["k7=new"])));
        assert!(jar.take_in(&page, &head(&["k7=; Max-Age=0"])));
        assert!(jar.take_in(&page, &head(&["new=1"])));
        // One that sets very many loses its own, not those of others.
        jar.take_in(&url("http://quiet.example/"), &head(&["session=1"]));
        for i in 0..MAX_COOKIES {
            let site = url(&format!("http://h{}.example/", i / 100));
            jar.take_in(&site, &head(&[&format!("k{i}=v")]));
        }
        assert!(jar.0.lock().expect("a jar").cookies <= MAX_COOKIES);
        assert_eq!(sent(&jar, "http://quiet.example/"), "session=1");
        let long = "x".repeat(4000);
        let lines: Vec<String> = (0..9).map(|i| format!("{i}={long}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        jar.take_in(&url("http://long.example/"), &head(&lines));
        let header = sent(&jar, "http://long.example/");
        assert!(
            (12_000..=MAX_HEADER).contains(&header.len()),
            "{}",
            header.len()
        );
    }
}
