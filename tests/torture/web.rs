//! What is crawled: two hosts of some hundred URLs with everything that makes a crawl take decisions.
//! What a URL answers in the end depends on the URL alone; on the way there it may fail.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::support::{Fault, Hit, Reply, Site};

/// Pages of each host, in the short form and in the long one.
pub const PAGES: [usize; 2] = [70, 160];
/// Links to other hosts on the longest page.
const MANY: usize = 1500;
/// The state of the hosts in which every page is as long.
pub const HEAVY: usize = 9;

/// The hosts, and what was asked of them.
pub struct Web {
    sites: [Site; 2],
    asked: Arc<Asked>,
}

/// What was asked since [`Web::begin`].
#[derive(Default)]
pub struct Asked {
    requests: AtomicUsize,
    /// Which state of the site is served: a re-crawl finds another one.
    generation: AtomicUsize,
    urls: Mutex<HashMap<String, usize>>,
}

impl Web {
    pub fn start(pages: usize) -> Self {
        let asked = Arc::new(Asked::default());
        let sites = [Site::start(), Site::start()];
        for (number, site) in sites.iter().enumerate() {
            let (asked, base) = (Arc::clone(&asked), site.url(""));
            site.guard(move |hit: &Hit| {
                let count = asked.note(&format!("{base}{}", hit.path));
                let generation = asked.generation.load(Ordering::Relaxed);
                let place = Place {
                    base: &base,
                    host: number,
                    pages,
                    generation,
                };
                Some(answer(&place, &hit.path, count))
            });
        }
        Self { sites, asked }
    }

    /// Forgets what was asked, and serves this state of the hosts from now on.
    pub fn begin(&self, generation: usize) {
        self.sites.iter().for_each(Site::forget);
        self.asked.generation.store(generation, Ordering::Relaxed);
        self.asked.requests.store(0, Ordering::Relaxed);
        self.asked.urls().clear();
    }

    /// The seeds, as flags.
    pub fn seeds(&self) -> Vec<String> {
        let flags = |site: &Site| ["--seed".to_owned(), site.url("/")];
        self.sites.iter().flat_map(flags).collect()
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.asked.requests.load(Ordering::Relaxed)
    }

    /// URLs that were asked for so far, and how often.
    pub fn asked(&self) -> HashMap<String, usize> {
        self.asked.urls().clone()
    }

    /// How many different URLs were asked for so far.
    pub fn distinct(&self) -> usize {
        self.asked.urls().len()
    }
}

impl Asked {
    fn urls(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.urls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, url: &str) -> usize {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut urls = self.urls();
        let count = urls.entry(url.to_owned()).or_default();
        *count += 1;
        *count
    }
}

/// Whether a URL is asked for more than once by a crawl that nothing disturbs: it fails at first, or for
/// ever.
pub fn is_flaky(url: &str) -> bool {
    ["/flaky/", "/cut/", "/never/", "/robots.txt"]
        .iter()
        .any(|part| url.contains(part))
}

/// Where a request arrives.
struct Place<'a> {
    base: &'a str,
    host: usize,
    pages: usize,
    generation: usize,
}

fn answer(place: &Place, path: &str, count: usize) -> Reply {
    let Place {
        base,
        host,
        pages,
        generation,
    } = *place;
    let (folder, number) = match path.rsplit_once('/') {
        Some((folder, number)) => (folder, number.parse().unwrap_or(0)),
        None => ("", 0),
    };
    let changed = generation * usize::from(number % 4 == 1);
    match (folder, path) {
        (_, "/robots.txt") => text(&format!(
            "User-agent: *\nDisallow: /private/\nSitemap: {base}/sitemap.xml\n"
        )),
        (_, "/sitemap.xml") => sitemap(base),
        (_, "/") => page(place, 0, generation),
        ("/p", _) if generation == 1 && number % 23 == 5 => Reply::new(410),
        ("/p", _) if number < pages => {
            let reply = page(place, number, changed);
            match number % 3 {
                // Some can be asked for on condition.
                0 => reply,
                1 => reply.header("ETag", &format!("\"{number}.{changed}\"")),
                _ => reply.header("Last-Modified", "Sat, 21 Nov 2026 03:00:00 GMT"),
            }
        }
        ("/flaky", _) if count <= 1 + number % 2 => Reply::new(500),
        ("/cut", _) if count == 1 => small("Cut", number).spoilt(Fault::CloseMidBody),
        ("/never", _) => Reply::new(500),
        ("/slow", _) => small("Slow", number).delay(Duration::from_millis(120)),
        ("/dup", _) => small("Twin", number % 3),
        ("/r", _) => redirect(&format!("/p/{}", number * 7 % pages)),
        ("/chain", _) if number > 0 => redirect(&format!("/chain/{}", number - 1)),
        ("/loop", _) => redirect(&format!("/loop/{}", (number + 1) % 3)),
        ("/file", _) => Reply::new(200)
            .header("Content-Type", "application/octet-stream")
            .body(filler(host * 1000 + number, 200_000)),
        ("/flaky" | "/cut" | "/chain" | "/mapped" | "/low", _) => small(folder, number),
        _ => Reply::new(404),
    }
}

fn text(body: &str) -> Reply {
    Reply::new(200)
        .header("Content-Type", "text/plain")
        .body(body)
}

fn redirect(to: &str) -> Reply {
    Reply::new(302).header("Location", to)
}

/// A page with a link or two, so that there is something behind it.
fn small(what: &str, number: usize) -> Reply {
    Reply::html(format!(
        "<!DOCTYPE html><title>{what} {number}</title><a href='/low/{number}'>below</a> <a href='/p/{number}'>page</a>"
    ))
}

fn sitemap(base: &str) -> Reply {
    let mut out = "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>".to_owned();
    for number in 0..20 {
        let version = format!("<link rel='alternate' hreflang='de' href='{base}/p/{number}'/>");
        let _ = write!(out, "<url><loc>{base}/mapped/{number}</loc>{version}</url>");
        let _ = write!(out, "<url><loc>{base}/p/{}</loc></url>", number * 5);
    }
    Reply::new(200)
        .header("Content-Type", "application/xml")
        .body(out + "</urlset>")
}

/// A page of the tree, with links of many kinds and a body of very different lengths.
fn page(place: &Place, number: usize, changed: usize) -> Reply {
    let Place {
        host,
        pages,
        generation,
        ..
    } = *place;
    let mut body = format!(
        "<!DOCTYPE html><title>Page {number} of {host}, {changed}</title><link rel=canonical href='/p/{number}'>"
    );
    let mut link = |path: &str, to: usize| {
        let _ = write!(body, "<li><a href='/{path}/{to}'>{path} <b>{to}</b></a>");
    };
    for child in (number * 3 + 1..=number * 3 + 3).filter(|child| *child < pages) {
        link("p", child);
    }
    link("p", number * 11 % pages);
    link("dup", number % 30);
    for (each, path, to) in [
        (11, "r", number),
        (13, "gone", number),
        (9, "flaky", number),
        (17, "cut", number),
        (60, "never", number),
        (40, "slow", number),
        (29, "chain", number % 7),
        // By one door: of a ring, the URL that is asked for last is the one that closes it.
        (31, "loop", 0),
        (23, "file", number),
        (19, "private", number),
    ] {
        if number % each == each / 2 {
            link(path, to);
        }
    }
    let _ = write!(
        body,
        "<a rel=nofollow href='/held/{number}'>held</a><img src='/i/{number}.png' alt='picture'>"
    );
    let heavy = generation == HEAVY || number % 53 == 8;
    let beyond = if heavy { MANY } else { 12 };
    for n in 0..beyond {
        let _ = write!(
            body,
            "<a href='http://elsewhere{host}.example/{number}/{n}'>x{n}</a>"
        );
    }
    let length = match number % 37 {
        3 => 150_000,
        5 | 15 | 25 => 20_000,
        _ => 800,
    };
    body += "<p>";
    body += &filler(number, length);
    Reply::html(body)
}

/// Text of this length that is another for every number.
fn filler(number: usize, length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let mut out = String::with_capacity(length + 12);
    while out.len() < length {
        let _ = write!(out, "{:x} ", random.u32(..));
    }
    out
}
