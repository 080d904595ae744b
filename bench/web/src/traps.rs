//! Webs that go on for ever beside a few real pages, and an archive that only looks like one.
use crate::words::{hash, word};
use std::io::Write;

pub enum Trap {
    /// a page for each month and each day, before and after; articles, and events on some days of four months
    Calendar,
    /// products in categories; each view of a page has a session id of its own in all its links
    Shop,
    /// products in one list, narrowed by six facets, chosen in any order
    Facets,
    /// so many pages, all real, alike but for a sentence each, with so many items on each
    Archive { pages: u64, items: u64 },
}

const ARTICLES: u64 = 40;
const EVENTS: u64 = 12;
const CATEGORIES: u64 = 10;
/// Pages of a category, and products on one.
const SHELVES: u64 = 2;
const ON_SHELF: u64 = 10;
const LISTED: u64 = 120;
const FACETS: [&str; 6] = ["colour", "size", "brand", "price", "material", "season"];
const VALUES: u64 = 5;
/// Where the calendar begins: November 2026, counted in months.
const NOW: i64 = 2026 * 12 + 10;

/// What a target is.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Real(u64),
    More,
    Nothing,
}

impl Trap {
    /// How many pages are real.
    pub fn pages(&self) -> u64 {
        match self {
            Trap::Calendar => 1 + ARTICLES + EVENTS,
            Trap::Shop => 1 + CATEGORIES * SHELVES * (1 + ON_SHELF),
            Trap::Facets => 1 + LISTED.div_ceil(ON_SHELF) + LISTED,
            Trap::Archive { pages, items } => 1 + pages * (1 + items),
        }
    }

    pub fn find(&self, target: &str) -> Kind {
        if path_of(target) == "/" {
            return Kind::Real(0);
        }
        let found = match self {
            Trap::Calendar => calendar(target),
            Trap::Shop => shop(target),
            Trap::Facets => facets(target),
            Trap::Archive { pages, items } => archive(target, *pages, *items),
        };
        found.unwrap_or(Kind::Nothing)
    }

    /// `view` is another number each time.
    pub fn write(&self, target: &str, view: u64, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        let title = match self {
            Trap::Calendar => write_calendar(target, &mut body),
            Trap::Shop => write_shop(target, view, &mut body),
            Trap::Facets => write_facets(target, &mut body),
            Trap::Archive { pages, items } => write_archive(target, *pages, *items, &mut body),
        };
        let _ = writeln!(
            out,
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head><body><h1>{title}</h1>"
        );
        out.extend_from_slice(&body);
        out.extend_from_slice(b"</body></html>\n");
    }
}

fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or("")
}

fn query(target: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = target.split_once('?').map_or("", |(_, query)| query);
    pairs.split('&').filter_map(|pair| pair.split_once('='))
}

fn page_of(target: &str) -> u64 {
    let mut pages = query(target).filter(|(name, _)| *name == "page");
    pages.next().and_then(|(_, n)| n.parse().ok()).unwrap_or(1)
}

/// The number behind a prefix, if it is below the end.
fn numbered(target: &str, prefix: &str, end: u64) -> Option<u64> {
    let n = path_of(target).strip_prefix(prefix)?.parse().ok()?;
    (n < end).then_some(n)
}

fn link(out: &mut Vec<u8>, to: &str, words: &str) {
    let _ = writeln!(out, "<a href=\"{}\">{words}</a>", to.replace('&', "&amp;"));
}

/// Some sentences that no other page has.
fn prose(out: &mut Vec<u8>, of: u64, sentences: u64) {
    for sentence in 0..sentences {
        out.extend_from_slice(b"<p>");
        for i in 0..14 {
            let _ = write!(out, "{} ", word(of * 1000 + sentence * 20 + i));
        }
        out.extend_from_slice(b"</p>\n");
    }
}

/// Months since the year 0, and the day where there is one: `/calendar/2026-11`, `/calendar/2026-11-05`.
fn date_of(target: &str) -> Option<(i64, Option<i64>)> {
    let mut parts = target.strip_prefix("/calendar/")?.split('-');
    let (year, month): (i64, i64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let day = parts.next().map(str::parse::<i64>).transpose().ok()?;
    let months = year * 12 + month - 1;
    let sound = (1..=12).contains(&month) && (0..100_000).contains(&year);
    (sound && day.is_none_or(|day| (1..=days(months)).contains(&day))).then_some((months, day))
}

fn days(months: i64) -> i64 {
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
    match month {
        1 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// The event of a day: three in each of the first four months.
fn event(months: i64, day: i64) -> Option<u64> {
    let month = u64::try_from(months - NOW)
        .ok()
        .filter(|m| *m < EVENTS / 3)?;
    (day % 9 == 4 && day < 27).then_some(month * 3 + day as u64 / 9)
}

fn calendar(target: &str) -> Option<Kind> {
    if let Some(n) = numbered(target, "/articles/", ARTICLES) {
        return Some(Kind::Real(1 + n));
    }
    if let Some(n) = numbered(target, "/events/", EVENTS) {
        return Some(Kind::Real(1 + ARTICLES + n));
    }
    date_of(target).map(|_| Kind::More)
}

fn write_calendar(target: &str, out: &mut Vec<u8>) -> String {
    link(out, "/", "Home");
    let month = |m: i64| format!("/calendar/{}-{:02}", m.div_euclid(12), m.rem_euclid(12) + 1);
    match (date_of(target), calendar(target)) {
        (Some((months, None)), _) => {
            link(out, &month(months - 1), "Earlier");
            link(out, &month(months + 1), "Later");
            for day in 1..=days(months) {
                link(
                    out,
                    &format!("{}-{day:02}", month(months)),
                    &day.to_string(),
                );
            }
            format!("Events in {}", &month(months)[10..])
        }
        (Some((months, Some(day))), _) => {
            let title = format!("{}-{day:02}", &month(months)[10..]);
            link(out, &month(months), "The month");
            if day > 1 {
                link(
                    out,
                    &format!("{}-{:02}", month(months), day - 1),
                    "The day before",
                );
            }
            if day < days(months) {
                link(
                    out,
                    &format!("{}-{:02}", month(months), day + 1),
                    "The day after",
                );
            }
            match event(months, day) {
                Some(n) => link(out, &format!("/events/{n}"), "An event"),
                None => {
                    let _ = writeln!(out, "<p>Nothing is planned for {title}.</p>");
                }
            }
            title
        }
        (None, Some(Kind::Real(n))) => {
            prose(out, n, 8);
            link(out, &month(NOW), "Calendar");
            format!("Page {n}")
        }
        _ => {
            (0..ARTICLES).for_each(|n| link(out, &format!("/articles/{n}"), word(n)));
            link(out, &month(NOW), "Calendar");
            "Welcome".to_owned()
        }
    }
}

fn shop(target: &str) -> Option<Kind> {
    if let Some(n) = numbered(target, "/category/", CATEGORIES) {
        let page = page_of(target);
        let sound = (1..=SHELVES).contains(&page);
        return sound.then(|| Kind::Real(n * SHELVES + page));
    }
    let shelves = CATEGORIES * SHELVES;
    if let Some(n) = numbered(target, "/product/", shelves * ON_SHELF) {
        return Some(Kind::Real(1 + shelves + n));
    }
    matches!(path_of(target), "/cart" | "/login").then_some(Kind::More)
}

fn write_shop(target: &str, view: u64, out: &mut Vec<u8>) -> String {
    let sid = format!("{:016x}{:016x}", hash(view), hash(!view));
    let mut to = |path: String, words: &str| {
        let join = if path.contains('?') { '&' } else { '?' };
        link(out, &format!("{path}{join}sid={sid}"), words);
    };
    to("/".to_owned(), "Home");
    (0..CATEGORIES).for_each(|n| to(format!("/category/{n}"), word(n)));
    to("/cart".to_owned(), "Cart");
    to("/login".to_owned(), "Sign in");
    let shelves = CATEGORIES * SHELVES;
    if let Some(n) = numbered(target, "/category/", CATEGORIES) {
        let page = page_of(target);
        for p in 1..=SHELVES {
            to(format!("/category/{n}?page={p}"), &p.to_string());
        }
        let first = (n * SHELVES + page - 1) * ON_SHELF;
        (first..first + ON_SHELF).for_each(|p| to(format!("/product/{p}"), word(p)));
        return format!("Category {n}, page {page}");
    }
    if let Some(n) = numbered(target, "/product/", shelves * ON_SHELF) {
        (0..3).for_each(|i| {
            to(
                format!("/product/{}", hash(n * 3 + i) % (shelves * ON_SHELF)),
                "Also",
            )
        });
        prose(out, n, 4);
        return format!("Product {n}");
    }
    "The shop".to_owned()
}

/// The facets that are chosen, in the order of choice; none if the query has anything else twice or unknown.
fn chosen(target: &str) -> Option<Vec<(usize, u64)>> {
    let mut facets: Vec<(usize, u64)> = Vec::new();
    for (name, value) in query(target).filter(|(name, _)| *name != "page") {
        let facet = FACETS.iter().position(|facet| *facet == name)?;
        let value = value.parse().ok().filter(|value| *value < VALUES)?;
        if facets.iter().any(|(other, _)| *other == facet) {
            return None;
        }
        facets.push((facet, value));
    }
    Some(facets)
}

fn listed(facets: &[(usize, u64)]) -> Vec<u64> {
    let has = |product: u64, (facet, value): &(usize, u64)| {
        hash(product * 6 + *facet as u64) % VALUES == *value
    };
    (0..LISTED)
        .filter(|product| facets.iter().all(|facet| has(*product, facet)))
        .collect()
}

fn facets(target: &str) -> Option<Kind> {
    let lists = LISTED.div_ceil(ON_SHELF);
    if let Some(n) = numbered(target, "/product/", LISTED) {
        return Some(Kind::Real(1 + lists + n));
    }
    let facets = (path_of(target) == "/catalogue").then(|| chosen(target))??;
    let (page, all) = (page_of(target), listed(&facets).len() as u64);
    if page == 0 || page > all.div_ceil(ON_SHELF).max(1) {
        return None;
    }
    Some(if facets.is_empty() {
        Kind::Real(page)
    } else {
        Kind::More
    })
}

fn write_facets(target: &str, out: &mut Vec<u8>) -> String {
    link(out, "/catalogue", "All products");
    if let Some(n) = numbered(target, "/product/", LISTED) {
        prose(out, n, 6);
        return format!("Product {n}");
    }
    let Some(facets) = chosen(target).filter(|_| path_of(target) == "/catalogue") else {
        return "Welcome".to_owned();
    };
    let to = |facets: &[(usize, u64)], page: u64| {
        let mut pairs: Vec<String> = facets
            .iter()
            .map(|(f, v)| format!("{}={v}", FACETS[*f]))
            .collect();
        if page > 1 {
            pairs.push(format!("page={page}"));
        }
        let query = pairs.join("&");
        format!(
            "/catalogue{}{query}",
            if query.is_empty() { "" } else { "?" }
        )
    };
    for (facet, name) in FACETS.iter().enumerate() {
        let mut without = facets.clone();
        without.retain(|(other, _)| *other != facet);
        if without.len() < facets.len() {
            link(out, &to(&without, 1), &format!("any {name}"));
        }
        for value in 0..VALUES {
            let mut with = without.clone();
            with.push((facet, value));
            link(out, &to(&with, 1), &format!("{name} {value}"));
        }
    }
    let (page, all) = (page_of(target), listed(&facets));
    for p in 1..=(all.len() as u64).div_ceil(ON_SHELF) {
        link(out, &to(&facets, p), &p.to_string());
    }
    let first = (page - 1) as usize * ON_SHELF as usize;
    for product in all.iter().skip(first).take(ON_SHELF as usize) {
        link(
            out,
            &format!("/product/{product}"),
            &format!("{} {product}", word(*product)),
        );
    }
    let _ = writeln!(out, "<p>{} products.</p>", all.len());
    format!("Catalogue, page {page}")
}

fn archive(target: &str, pages: u64, items: u64) -> Option<Kind> {
    if let Some(n) = numbered(target, "/items/", pages * items) {
        return Some(Kind::Real(1 + pages + n));
    }
    let page = page_of(target);
    (path_of(target) == "/archive" && (1..=pages).contains(&page)).then_some(Kind::Real(page))
}

fn write_archive(target: &str, pages: u64, items: u64, out: &mut Vec<u8>) -> String {
    if let Some(n) = numbered(target, "/items/", pages * items) {
        prose(out, n, 3);
        link(
            out,
            &format!("/archive?page={}", n / items.max(1) + 1),
            "Back",
        );
        return format!("Item {n}");
    }
    if path_of(target) != "/archive" {
        link(out, "/archive?page=1", "Archive");
        return "Welcome".to_owned();
    }
    let page = page_of(target);
    let near = page.saturating_sub(3).max(1)..=(page + 3).min(pages);
    for p in [1].into_iter().chain(near).chain([pages]) {
        link(out, &format!("/archive?page={p}"), &p.to_string());
    }
    let first = (page - 1) * items;
    (first..first + items).for_each(|n| link(out, &format!("/items/{n}"), word(n)));
    for _ in 0..20 {
        out.extend_from_slice(
            b"<p>Every page of this archive says the same in the same words, as archives do.</p>\n",
        );
    }
    prose(out, page, 1);
    format!("Archive, page {page}")
}
