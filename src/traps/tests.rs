//! Small webs, crawled breadth first without a network.

use std::collections::{HashSet, VecDeque};

use super::*;
use crate::record::{Link, LinkKind};

const HOST: i64 = 1;

fn url(path: &str) -> CanonicalUrl {
    CanonicalUrl::parse(&format!("http://a.example{path}")).expect(path)
}

fn words(path: &str, texts: &str, links: &[String]) -> Option<Words> {
    let url = url(path);
    let mut gatherer = Gatherer::new(&url)?;
    texts.lines().for_each(|text| gatherer.text(text));
    let links: Vec<Link> = links
        .iter()
        .map(|to| Link::new(self::url(to), LinkKind::A))
        .collect();
    Some(gatherer.finish(&url, &links))
}

/// A page: its texts, one a line, and where it links to.
type Page = (String, Vec<String>);

/// Crawls a web from `/start`; answers with the paths that were had, and what was put aside.
fn crawl(traps: &mut Traps, web: impl Fn(&str) -> Page) -> (Vec<String>, Vec<Aside>) {
    let mut queue = VecDeque::from(["/start".to_owned()]);
    let mut seen = HashSet::from(["/start".to_owned()]);
    let (mut had, mut aside) = (Vec::new(), Vec::new());
    while let Some(path) = queue.pop_front() {
        if traps.judge(HOST, &url(&path)).is_some() {
            continue;
        }
        assert!(had.len() < 6000, "no end");
        let (texts, links) = web(&path);
        let words = words(&path, &texts, &links);
        traps.begin(words.is_some());
        for link in links {
            let link = url(&link).path_and_query().to_owned();
            if seen.insert(link.clone()) && traps.judge(HOST, &url(&link)).is_none() {
                traps.reveal(HOST, &url(&link));
                queue.push_back(link);
            }
        }
        if let Some(words) = words {
            aside.extend(traps.read(HOST, &url(&path), &words));
        }
        had.push(path);
    }
    (had, aside)
}

fn number(path: &str) -> u64 {
    path.rsplit(['/', '='])
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

/// A word of its own for each number.
fn letters(number: u64) -> String {
    let digits = number.to_string();
    let letter = |digit| char::from(digit - b'0' + b'a');
    digits.bytes().map(letter).collect()
}

/// A page that leads to the one with the next number.
fn chain(form: &str, path: &str, text: &str) -> Page {
    let next = form.replace('#', &(number(path) + 1).to_string());
    (text.to_owned(), vec![next, "/start".to_owned()])
}

#[test]
fn what_brings_nothing_is_put_aside_after_its_budget() {
    for (form, wanted) in [
        ("/cal/#", "/cal/#"),
        ("/x?day=#", "/x?day"),
        ("/cal?b=x&a=#", "/cal?a&b"),
    ] {
        let mut traps = Traps::new(Some(50));
        let (had, aside) = crawl(&mut traps, |path| {
            chain(
                form,
                path,
                &format!("nothing on day {}\nnext", number(path)),
            )
        });
        // The start, two pages whose words are not looked at, one whose words are the first, fifty in vain.
        assert_eq!(had.len(), 1 + 2 + 1 + 50, "{form}");
        assert_eq!(aside[0].text, wanted);
        assert_eq!(
            aside[0].rule,
            format!("trap: {wanted} brought nothing new in 50 pages")
        );
        assert_eq!(
            traps.judge(HOST, &url(&form.replace('#', "99999"))),
            Some(aside[0].rule.clone())
        );
        assert_eq!(traps.judge(2, &url(&form.replace('#', "99999"))), None);
    }
}

#[test]
fn what_counts_as_new() {
    let mixed = |number: u64| fastrand::Rng::with_seed(number).u64(..) >> 20;
    let some = [
        "ash", "beech", "elm", "oak", "pine", "yew", "alder", "birch",
    ];
    let tree = |number: u64| some[(mixed(number) % 8) as usize];
    for (what, is_new, text) in [
        ("the number of its URL", false, &|n: u64| {
            format!("page {n} of the archive")
        }),
        ("a word", true, &|n| format!("see {}", letters(n))),
        ("one number", false, &|n| format!("in 0.{} s", mixed(n))),
        ("two numbers", false, &|n| {
            format!("in 0.{} s, request {:x}", mixed(n), mixed(n + 9))
        }),
        ("three numbers", true, &|n| {
            format!("{} {} {}", mixed(3 * n), mixed(3 * n + 1), mixed(3 * n + 2))
        }),
        ("few words in a new order", true, &|n| {
            (0..6).fold(String::new(), |text, k| text + tree(n * 6 + k) + " ")
        }),
        ("a month", false, &|n| {
            format!("{} {}", some[(n % 8) as usize], 2026 + n / 12)
        }),
    ] as [(&str, bool, &dyn Fn(u64) -> String); 7]
    {
        let mut traps = Traps::new(Some(100));
        let (had, aside) = crawl(&mut traps, |path| match number(path) {
            1000.. => (String::new(), Vec::new()),
            number => chain("/day/#", path, &text(number)),
        });
        assert_eq!(aside.is_empty(), is_new, "{what}: {} pages", had.len());
    }
}

/// A list without a text of its own, of two items a page; `item` makes their texts.
fn list_of(item: &dyn Fn(u64) -> String) -> (Vec<String>, Vec<Aside>) {
    crawl(&mut Traps::new(Some(100)), |path| match number(path) {
        number if path.starts_with("/item/2026") => (item(number), vec!["/start".to_owned()]),
        1000.. => ("the end".to_owned(), Vec::new()),
        number => {
            let mut page = chain("/list/2026/#", path, "all there is");
            page.1
                .extend((0..2).map(|k| format!("/item/2026/{}", number * 2 + k)));
            page
        }
    })
}

#[test]
fn what_leads_to_something_is_not_in_vain() {
    let (had, aside) = list_of(&letters);
    assert_eq!((had.len(), aside.len()), (1 + 1000 + 2000, 0));
    let (had, aside) = list_of(&|_| "an item".to_owned());
    assert_eq!(aside.len(), 2, "{aside:?}");
    assert!(had.len() < 400, "{}", had.len());
}

#[test]
fn numbered_pages_have_more() {
    let (had, aside) = crawl(&mut Traps::new(Some(2)), |path| {
        chain("/archive?page=#", path, &format!("page {}", number(path)))
    });
    assert_eq!((had.len(), aside.len()), (1 + 2 + 2000, 1));
}

#[test]
fn leaves_are_no_trap() {
    let (had, aside) = crawl(&mut Traps::new(Some(100)), |path| match path {
        "/start" => (
            String::new(),
            (0..2000).map(|n| format!("/p/{n}")).collect(),
        ),
        _ => ("a leaf".to_owned(), vec!["/start".to_owned()]),
    });
    assert_eq!((had.len(), aside.len()), (2001, 0));
}

#[test]
fn what_has_brought_much_has_more_credit() {
    let mut traps = Traps::new(Some(100));
    let (had, _) = crawl(&mut traps, |path| {
        let text = if number(path) < 1000 {
            letters(number(path))
        } else {
            String::new()
        };
        chain("/day/#", path, &text)
    });
    assert_eq!(had.len(), 999 + 100 + 250);
}

#[test]
fn parameters_that_change_nothing() {
    let query = |to: &str, id: &str| format!("{to}?sid={id}");
    let path = |to: &str, id: &str| format!("{to};jsessionid={id}");
    let folder = |to: &str, id: &str| format!("/(s({id})){to}");
    for (session, rule) in [
        (
            &query as &dyn Fn(&str, &str) -> String,
            "parameter sid changes nothing",
        ),
        (&path, "parameter jsessionid changes nothing"),
        (&folder, "the id in folder 1 changes nothing"),
    ] {
        let mut views = 0;
        let views = std::cell::RefCell::new(&mut views);
        let page_of = |path: &str| {
            let (_, rest) = path.split_once("/p/").unwrap_or(("", "0"));
            rest.split(['?', ';'])
                .next()
                .and_then(|page| page.parse::<u64>().ok())
                .unwrap_or(0)
        };
        let (had, aside) = crawl(&mut Traps::new(Some(100)), |path| {
            **views.borrow_mut() += 1;
            let id = format!("a{}b{}c", **views.borrow(), 1000 + **views.borrow());
            let page = page_of(path);
            let links = (0..4).map(|k| session(&format!("/p/{}", (page * 4 + k) % 50), &id));
            (letters(page), links.collect())
        });
        assert_eq!(aside[0].rule, format!("trap: {rule}"), "{aside:?}");
        let pages: HashSet<u64> = had.iter().map(|path| page_of(path)).collect();
        assert_eq!(pages.len(), 50, "{rule}");
        assert!(had.len() < 250, "{rule} {}", had.len());
    }
}

#[test]
fn what_was_put_aside_can_be_taken_up() {
    let mut traps = Traps::new(Some(20));
    let (_, aside) = crawl(&mut traps, |path| {
        chain("/shop?b=1&a=#", path, &format!("page {}", number(path)))
    });
    let mut again = Traps::new(Some(20));
    aside
        .into_iter()
        .for_each(|aside| again.restore(HOST, aside));
    again.restore(
        HOST,
        Aside {
            kind: Kind::Void,
            text: "/p?sid".into(),
            rule: String::new(),
            pages: 0,
        },
    );
    for (path, rule) in [
        ("/shop?a=7", None),
        (
            "/shop?b=1&a=9",
            Some("trap: /shop?a&b brought nothing new in 20 pages"),
        ),
        ("/p?sid=1", None),
        ("/p?sid=1", None),
        (
            "/p?sid=2",
            Some("trap: parameter sid changes nothing on /p"),
        ),
        ("/q?sid=2", None),
    ] {
        assert_eq!(again.judge(HOST, &url(path)).as_deref(), rule, "{path}");
    }
    assert_eq!(Traps::new(None).judge(HOST, &url("/p?sid=2")), None);
}
