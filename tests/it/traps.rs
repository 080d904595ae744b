//! Sites without end: they end, with all that is real on them; and sites that only look like it.

use std::collections::BTreeSet;

use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

/// More than this no trap may cost.
const MOST: usize = 2000;

fn crawl(site: &Site, more: &[&str]) -> Crawl {
    Crawl::new()
        .args(["--seed", &site.url("/"), "--rate", "unlimited", "-o", "out"])
        .args(["--allow-private", "--host-concurrency", "8", "--no-files"])
        .args(more)
}

/// Crawls to the end; fails unless that comes soon and each of these paths was had.
#[track_caller]
fn expect_end(site: &Site, real: impl IntoIterator<Item = String>) -> Crawl {
    let crawl = crawl(site, &[]);
    let run = crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    let asked = site.hits().len();
    println!(
        "{asked} requests\n{}",
        rows(&out, "SELECT why, pages, urls FROM traps").join("\n")
    );
    assert!(asked <= MOST, "{asked} requests");
    assert!(
        run.stderr.contains("put aside: crawl query"),
        "{}",
        run.stderr
    );
    let hits: BTreeSet<String> = site.hits().into_iter().map(|hit| bare(&hit.path)).collect();
    let missing: Vec<String> = real
        .into_iter()
        .filter(|path| !hits.contains(path))
        .collect();
    assert_eq!(missing, [""; 0]);
    expect_sound(&out);
    crawl
}

/// Crawls to the end; fails if anything was put aside, or too little was had.
#[track_caller]
fn expect_all(site: &Site, pages: i64) {
    let crawl = crawl(site, &[]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    assert_eq!(rows(&out, "SELECT host, why, example FROM traps"), [""; 0]);
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE status = 200"),
        pages
    );
}

/// A path without its session.
fn bare(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.split(";jsessionid=").next().unwrap_or_default();
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("sid="))
        .collect();
    match kept.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", kept.join("&")),
    }
}

/// The value of a parameter.
fn value<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = path.split_once('?')?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// A word of its own for each number.
fn word(mut number: usize) -> String {
    let mut word = String::from("w");
    loop {
        word.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return word;
        }
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// The page of a month; with the links of its days made by `day`.
fn month_page(
    year: i64,
    month: i64,
    link: impl Fn(i64, i64) -> String,
    day: impl Fn(i64) -> String,
) -> String {
    let at = |offset: i64| {
        let count = year * 12 + month - 1 + offset;
        link(count.div_euclid(12), count.rem_euclid(12) + 1)
    };
    let name = MONTHS[month as usize - 1];
    let mut html = format!(
        "<title>{name} {year}</title><h1>Events in {name} {year}</h1><a href='{}'>previous month</a> <a href='{}'>next month</a> \
         <a href='{}'>next year</a> <a href='/'>home</a> <a href='/about.html'>About</a><table><tr>",
        at(-1),
        at(1),
        at(12)
    );
    for name in DAYS {
        html += &format!("<th>{name}");
    }
    html += "<tr>";
    for number in 1..=28 {
        html += &format!("<td>{}", day(number));
    }
    if (year, month) == (2026, 12) {
        html += "<p><a href='/event/solstice-party'>The party of the solstice</a>";
    }
    html + "</table>"
}

fn about(path: &str) -> Option<Reply> {
    match path {
        "/about.html" => Some(Reply::html(
            "We have been here for long. <a href=/contact.html>Write to us</a>",
        )),
        "/contact.html" => Some(Reply::html("Write to the town hall.")),
        "/event/solstice-party" => Some(Reply::html(
            "Fire, mulled wine and songs. <a href='/'>home</a>",
        )),
        _ => None,
    }
}

const REAL: [&str; 4] = ["/", "/about.html", "/contact.html", "/event/solstice-party"];

/// Months in the path, days below them, weeks and a list beside them, relative links.
fn calendar(path: &str) -> Option<Reply> {
    if path == "/" {
        return Some(Reply::html(
            "<a href=/cal/2026/11/>calendar</a> <a href=/about.html>about</a>",
        ));
    }
    let Some(rest) = path.strip_prefix("/cal/") else {
        return about(path);
    };
    let parts: Vec<&str> = rest.split('/').collect();
    let number = |at: usize| parts.get(at)?.parse::<i64>().ok();
    let date = |day: i64| format!("{}/{}", day.div_euclid(336), day.rem_euclid(336) / 28 + 1);
    match parts.as_slice() {
        ["week", ..] => {
            let (year, week) = (number(1)?, number(2)?);
            Some(Reply::html(format!(
                "<h1>Week {week} of {year}</h1>No events in this week of the calendar.
                 <a href=/cal/week/{}/{}>next week</a>",
                year + i64::from(week == 52),
                week % 52 + 1
            )))
        }
        [_, _, ""] => {
            let (year, month) = (number(0)?, number(1)?);
            let html = month_page(
                year,
                month,
                |year, month| format!("../../{year}/{month}/"),
                |day| {
                    format!(
                        "<a href='{day}'>{day}</a> <a href=/cal/week/{year}/{}>w</a>",
                        month * 4 + day / 7
                    )
                },
            );
            Some(Reply::html(html + "<a href='?view=list'>As a list</a>"))
        }
        [_, _, "?view=list"] => Some(Reply::html(
            "<h1>List</h1>No events this month. <a href='./'>Table</a>",
        )),
        [_, _, _] => {
            let (year, month, day) = (number(0)?, number(1)?, number(2)?);
            let count = year * 336 + (month - 1) * 28 + day - 1;
            let day_of = |count: i64| format!("/cal/{}/{}", date(count), count.rem_euclid(28) + 1);
            Some(Reply::html(format!(
                "<h1>{}, {day} {} {year}</h1><p>There are no events on this day.</p>
                 <a href={}>next day</a> <a href={}>day before</a> <a href='./'>month</a>",
                DAYS[count.rem_euclid(7) as usize],
                MONTHS[month as usize - 1],
                day_of(count + 1),
                day_of(count - 1)
            )))
        }
        _ => None,
    }
}

#[test]
fn a_calendar_with_days_and_weeks() {
    let site = Site::start();
    site.dynamic(|path, _| calendar(path));
    expect_end(&site, REAL.map(str::to_owned));
}

#[test]
fn a_calendar_of_parameters() {
    let site = Site::start();
    site.dynamic(|path, _| {
        if path == "/" {
            return Some(Reply::html(
                "<a href='/events?month=11&year=2026'>events</a>",
            ));
        }
        let (Some(year), Some(month)) = (value(path, "year"), value(path, "month")) else {
            return about(path);
        };
        let html = month_page(
            year.parse().ok()?,
            month.parse().ok()?,
            |year, month| format!("/events?month={month}&year={year}"),
            |day| format!("<a href='/events?day={day}&month={month}&year={year}'>{day}</a>"),
        );
        // What differs in each answer is no news.
        let noise = fastrand::u64(..);
        Some(Reply::html(format!(
            "{html}<p>Made in 0.{noise} s for request {noise:x}"
        )))
    });
    expect_end(&site, REAL.map(str::to_owned));
}

#[test]
fn a_calendar_by_its_offset() {
    let site = Site::start();
    site.dynamic(|path, _| {
        if path == "/" {
            return Some(Reply::html("<a href='/cal?offset=0'>calendar</a>"));
        }
        let Some(offset) = value(path, "offset").and_then(|offset| offset.parse::<i64>().ok())
        else {
            return about(path);
        };
        let count = 2026 * 12 + 10 + offset;
        Some(Reply::html(month_page(
            count.div_euclid(12),
            count.rem_euclid(12) + 1,
            |year, month| format!("/cal?offset={}", year * 12 + month - 1 - 2026 * 12 - 10),
            |day| day.to_string(),
        )))
    });
    expect_end(&site, REAL.map(str::to_owned));
}

/// Sixty products in six categories of two pages; `link` puts the session in.
fn shop(path: &str, link: &dyn Fn(&str) -> String) -> Option<Reply> {
    let path = bare(path);
    let a = |to: &str, text: &str| format!("<a href='{}'>{text}</a> ", link(to));
    let mut html = a("/", "Shop") + &a("/basket", "Basket") + &a("/help", "Help");
    for category in 0..6 {
        html += &a(&format!("/category/{category}"), &word(category + 100));
    }
    let number = |from: &str| {
        path.strip_prefix(from)?
            .split('?')
            .next()?
            .parse::<usize>()
            .ok()
    };
    if let Some(category) = number("/category/").filter(|number| *number < 6) {
        let page = value(&path, "page").map_or(1, |page| page.parse().unwrap_or(1));
        for product in (0..5).map(|n| category * 10 + (page - 1) * 5 + n) {
            html += &format!(
                "<li>{} for {} Euro",
                a(&format!("/product/{product}"), &word(product + 200)),
                product * 7 % 90
            );
        }
        html += &a(
            &format!("/category/{category}?page={}", 3 - page),
            "other page",
        );
    } else if let Some(product) = number("/product/").filter(|number| *number < 60) {
        html += &format!(
            "<h1>{}</h1>{} Euro. {}",
            word(product + 200),
            product * 7 % 90,
            word(product + 300)
        );
        html += &a(&format!("/product/{}", (product + 1) % 60), "next");
    } else {
        match path.as_str() {
            "/" => html += "<h1>Welcome</h1>",
            "/basket" => html += "Your basket is empty.",
            "/help" => html += "We help gladly.",
            _ => return None,
        }
    }
    Some(Reply::html(html))
}

fn products() -> impl Iterator<Item = String> {
    let products = (0..60).map(|number| format!("/product/{number}"));
    let categories = (0..6).flat_map(|number| {
        [
            format!("/category/{number}"),
            format!("/category/{number}?page=2"),
        ]
    });
    products
        .chain(categories)
        .chain(["/basket".to_owned(), "/help".to_owned()])
}

#[test]
fn a_shop_with_sessions_in_the_query() {
    let site = Site::start();
    site.dynamic(|path, _| {
        let sid = format!("{:016x}", fastrand::u64(..));
        shop(path, &|to| {
            format!("{to}{}sid={sid}", if to.contains('?') { '&' } else { '?' })
        })
    });
    expect_end(&site, products());
}

#[test]
fn a_shop_with_sessions_in_the_path() {
    let site = Site::start();
    site.dynamic(|path, _| {
        let sid = format!("{:016X}", fastrand::u64(..));
        shop(path, &|to| match to.split_once('?') {
            Some((path, query)) => format!("{path};jsessionid={sid}?{query}"),
            None => format!("{to};jsessionid={sid}"),
        })
    });
    expect_end(&site, products());
}

const FACETS: [(&str, [&str; 4]); 6] = [
    ("color", ["red", "green", "blue", "black"]),
    ("size", ["s", "m", "l", "xl"]),
    ("brand", ["acme", "globex", "initech", "umbrella"]),
    ("fabric", ["wool", "cotton", "silk", "linen"]),
    ("fit", ["slim", "loose", "regular", "tailored"]),
    ("made", ["here", "there", "nearby", "elsewhere"]),
];

/// Two hundred products, ten a page, by six facets, sorted and shown in several ways.
fn catalogue(path: &str) -> Option<Reply> {
    if let Some(product) = path.strip_prefix("/product/") {
        let product: usize = product.parse().ok().filter(|number| *number < 200)?;
        return Some(Reply::html(format!(
            "<h1>{}</h1>Product {product} <a href=/shop>Shop</a>",
            word(product + 900)
        )));
    }
    if path == "/" {
        return Some(Reply::html("<a href=/shop>Shop</a>"));
    }
    let (base, query) = path.split_once('?').unwrap_or((path, ""));
    if base != "/shop" {
        return None;
    }
    let chosen: Vec<(&str, &str)> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    // As clumsy shops do: what is chosen is put behind what was chosen before.
    let link = |name: &str, value: &str| {
        let mut pairs: Vec<String> = chosen
            .iter()
            .filter(|(other, _)| *other != name)
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        pairs.push(format!("{name}={value}"));
        format!("<a href='/shop?{}'>{value}</a> ", pairs.join("&"))
    };
    let has = |product: usize, (name, value): &(&str, &str)| {
        let facet = FACETS.iter().position(|(facet, _)| facet == name);
        facet.is_none_or(|facet| {
            FACETS[facet].1[(product * (facet + 3) / (facet + 1) + product / 7) % 4] == *value
        })
    };
    let mut found: Vec<usize> = (0..200)
        .filter(|product| chosen.iter().all(|pair| has(*product, pair)))
        .collect();
    match value(path, "sort") {
        Some("name") => found.sort_by_key(|product| word(*product)),
        Some("price") => found.sort_by_key(|product| product * 37 % 200),
        _ => {}
    }
    let page: usize = value(path, "page")
        .and_then(|page| page.parse().ok())
        .unwrap_or(1);
    let shown: Vec<&str> = chosen.iter().map(|pair| pair.1).collect();
    let mut html = format!(
        "<title>Shop: {}</title><h1>{} products</h1>",
        shown.join(", "),
        found.len()
    );
    for (name, values) in FACETS {
        for value in values {
            html += &link(name, value);
        }
    }
    for value in ["name", "price"] {
        html += &link("sort", value);
    }
    for value in ["list", "grid"] {
        html += &link("view", value);
    }
    for product in found.iter().skip((page - 1) * 10).take(10) {
        html += &format!(
            "<p><a href=/product/{product}>{}</a> {} Euro",
            word(product + 900),
            product * 37 % 200
        );
    }
    if found.len() > page * 10 {
        html += &link("page", &(page + 1).to_string());
    }
    Some(Reply::html(html))
}

#[test]
fn a_catalogue_with_facets() {
    let site = Site::start();
    site.dynamic(|path, _| catalogue(path));
    let products = (0..200).map(|number| format!("/product/{number}"));
    expect_end(
        &site,
        products.chain((2..=20).map(|page| format!("/shop?page={page}"))),
    );
}

#[test]
fn relative_links_gone_wrong() {
    let site = Site::start();
    site.dynamic(|path, _| {
        let known = path == "/" || path.ends_with("/docs/");
        known.then(|| Reply::html(format!("{path} <a href='docs/'>docs</a>")))
    });
    let crawl = crawl(&site, &[]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    assert_eq!(site.hits().len(), 5);
    assert_eq!(
        rows(&out, "SELECT why, urls, template FROM traps"),
        ["repeated path segments 1 -"]
    );
    assert_eq!(
        rows(
            &out,
            "SELECT decision, rule FROM urls WHERE decision <> 'admitted'"
        ),
        ["trapped trap: repeated path segments"]
    );
}

const BOILERPLATE: &str = "<p>This is the archive of the gazette of our town, as it came out through the years. \
    It is kept by the library. <a href=/>Home</a></p>";

#[test]
fn an_archive_of_links() {
    let site = Site::start();
    site.dynamic(|path, _| {
        if path == "/" {
            return Some(Reply::html("<a href='/archive?page=1'>archive</a>"));
        }
        let page: usize = value(path, "page")?.parse().ok()?;
        let next = if page < 5000 {
            format!("<a href='/archive?page={}'>next</a>", page + 1)
        } else {
            String::new()
        };
        let items: String = (0..5)
            .map(|n| format!("<li><a href=/item/{0}>Item {0}</a>", page * 5 + n))
            .collect();
        Some(Reply::html(format!(
            "<h1>Archive, page {page} of 5000</h1>{BOILERPLATE}{items}{next}"
        )))
    });
    let crawl = crawl(&site, &["--exclude", "/item/"]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    assert_eq!(rows(&out, "SELECT * FROM traps"), [""; 0]);
    assert_eq!(number(&out, "SELECT count(*) FROM pages"), 5001);
}

#[test]
fn an_archive_of_numbered_pages() {
    let site = Site::start();
    site.dynamic(|path, _| {
        if path == "/" {
            return Some(Reply::html("<a href='/archive/1'>archive</a>"));
        }
        let page: usize = path
            .strip_prefix("/archive/")?
            .parse()
            .ok()
            .filter(|page| (1..=5000).contains(page))?;
        // Ten links ahead, as many archives have; texts are made of few words.
        let near: String = (page..page + 10)
            .map(|page| format!("<a href=/archive/{page}>{page}</a> "))
            .collect();
        let text: Vec<String> = (0..5)
            .map(|n| word(((page * 5 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 40))
            .collect();
        Some(Reply::html(format!(
            "{BOILERPLATE}<p>{}.</p>{near}",
            text.join(" ")
        )))
    });
    // Behind the last there are links to ten more.
    expect_all(&site, 5001);
}

#[test]
fn an_archive_with_three_words_a_page() {
    let site = Site::start();
    site.dynamic(|path, _| {
        if path == "/" {
            let all: String = (1..=5000)
                .map(|page| format!("<a href='/a?issue={page}&part=1'>{page}</a> "))
                .collect();
            return Some(Reply::html(all));
        }
        let page: usize = value(path, "issue")?.parse().ok()?;
        let next = page % 5000 + 1;
        Some(Reply::html(format!(
            "{BOILERPLATE}<p>Of {} and {} by {}.</p><a href='/a?issue={next}&part=1'>next</a>",
            word(page),
            word(page + 5000),
            word(page + 10_000)
        )))
    });
    expect_all(&site, 5001);
}

/// Pages that say nothing of their own, and lead nowhere, are no trap.
#[test]
fn leaves_without_words() {
    let site = Site::start();
    site.dynamic(|path, _| {
        if path == "/" {
            let all: String = (1..=600)
                .map(|page| format!("<a href='/p/{page}'>{page}</a> "))
                .collect();
            return Some(Reply::html(all));
        }
        let page = path.strip_prefix("/p/")?;
        Some(Reply::html(format!("Number {page} <a href='/'>Home</a>")))
    });
    expect_all(&site, 601);
}

#[test]
fn traps_can_be_let_through() {
    let site = Site::start();
    site.dynamic(|path, _| calendar(path));
    let crawl = crawl(&site, &["--ignore-traps", "--max-pages", "2500"]);
    crawl.run().expect_code(11);
    let out = crawl.dir().join("out");
    assert_eq!(number(&out, "SELECT count(*) FROM traps"), 0);
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE status = 200"),
        2500
    );
    // Obeyed again, it soon ends; let through again, it goes on.
    let args = |more: &'static [&str]| {
        let usual = [
            "-o",
            "out",
            "--rate",
            "unlimited",
            "--allow-private",
            "--no-files",
        ];
        usual.into_iter().chain(more.iter().copied())
    };
    crawl
        .run_args(args(&["--ignore-traps=false", "--max-pages", "2000"]))
        .expect_code(0);
    assert!(number(&out, "SELECT sum(urls) FROM traps") > 100);
    expect_sound(&out);
}

#[test]
fn what_is_put_aside_stays_so_after_a_kill() {
    let site = Site::start();
    site.dynamic(|path, _| calendar(path));
    let crawl = crawl(&site, &["--trap-budget", "20"]);
    let mut child = crawl.spawn();
    let out = crawl.dir().join("out");
    let aside = || {
        let there = out.join("crawl.db").exists() && !site.hits().is_empty();
        if there && site.hits().len() > 60 {
            rows(&out, "SELECT text FROM template ORDER BY 1")
        } else {
            Vec::new()
        }
    };
    child.wait_until("a trap", |_| !aside().is_empty());
    child.kill9();
    let before = aside();
    crawl.run().expect_code(0);
    let after = aside();
    assert!(
        before.iter().all(|text| after.contains(text)),
        "{before:?} {after:?}"
    );
    assert!(site.hits().len() < MOST, "{}", site.hits().len());
    expect_sound(&out);
}

/// What is put aside is counted out of the queue, and a further run still asks for what is linked no more.
#[test]
fn the_accounts_add_up() {
    let site = Site::start();
    site.dynamic(|path, count| match (path, count) {
        ("/", 1) => Some(Reply::html(
            "<a href=/cal/2026/11/>calendar</a> <a href=/old.html>old</a>",
        )),
        ("/old.html", _) => Some(Reply::html("An old page.")),
        _ => calendar(path),
    });
    let limited = crawl(&site, &["--max-pages", "250", "--trap-budget", "10"]);
    let out = limited.dir().join("out");
    let mut starts = 0;
    loop {
        let run = limited.run();
        let queued = number(&out, "SELECT count(*) FROM queue");
        match run.code {
            Some(11) => assert!(
                run.stderr.contains(&format!("max-pages, {queued} URL")),
                "{queued} {}",
                run.stderr
            ),
            _ => break,
        }
        starts += 1;
        assert!(starts < 50);
    }
    assert!(starts > 0);
    assert!(number(&out, "SELECT sum(urls) FROM traps") > 100);
    let args = [
        "-o",
        "out",
        "--rate",
        "unlimited",
        "--allow-private",
        "--no-files",
    ];
    let run = limited
        .run_args(args.into_iter().chain(["--max-pages", "unlimited"]))
        .expect_code(0);
    assert!(run.stderr.contains("run 2"), "{}", run.stderr);
    assert_eq!(
        rows(
            &out,
            "SELECT found_by FROM pages WHERE url LIKE '%/old.html'"
        ),
        ["earlier run"]
    );
    expect_sound(&out);
}
