//! The webs: which path is which page, and what a page says. All of it follows from the number of the page.
use crate::soak::Soak;
use crate::traps::Trap;
use crate::words::{hash, number, text, WORDS};

/// Links of a hub.
const HUB: u64 = 20_000;
const FAN: u64 = 10;
const MENU: u64 = 25;
const LINKS: usize = 75;

pub enum Site {
    /// an index that links to all of them
    Flat(u64),
    /// small pages, each linking to the ten below it; every host is one
    Tree(u64),
    /// hubs that link to leaves
    Hubs(u64),
    /// the same, with the leaves in turn on so many hosts
    Queue { leaves: u64, hosts: u64 },
    /// pages like those of a documentation site
    Manual(Box<Manual>),
    /// webs without an end
    Trap(Trap),
    /// many hosts, many faults
    Soak(Soak),
}

pub struct Manual {
    pages: u64,
    /// what all pages begin with after their title
    menu: Vec<u8>,
    paragraphs: Vec<Vec<u8>>,
}

impl Site {
    pub fn manual(pages: u64) -> Self {
        Site::Manual(Box::new(Manual::new(pages)))
    }

    pub fn pages(&self) -> u64 {
        match self {
            Site::Flat(pages) => pages + 1,
            Site::Tree(pages) => *pages,
            Site::Hubs(leaves) | Site::Queue { leaves, .. } => 1 + leaves.div_ceil(HUB) + leaves,
            Site::Manual(manual) => manual.pages,
            Site::Trap(trap) => trap.pages(),
            Site::Soak(soak) => soak.pages(),
        }
    }

    /// Of these, those that a crawl can ask for.
    pub fn real(&self) -> u64 {
        match self {
            Site::Soak(soak) => soak.real(),
            _ => self.pages(),
        }
    }

    /// The page of a path: 0 is the entry.
    pub fn find(&self, path: &str) -> Option<u64> {
        if path == "/" {
            return Some(0);
        }
        let stem = path.strip_suffix(".html")?;
        let digits = stem.len() - stem.bytes().rev().take_while(u8::is_ascii_digit).count();
        let page = stem[digits..]
            .parse()
            .ok()
            .filter(|p| *p > 0 && *p < self.pages())?;
        let mut right = Vec::with_capacity(80);
        self.path(page, &mut right);
        (right == path.as_bytes()).then_some(page)
    }

    fn path(&self, page: u64, out: &mut Vec<u8>) {
        match self {
            _ if page == 0 => text(out, "/"),
            Site::Manual(_) => {
                let h = hash(page);
                text(out, "/part-");
                number(out, page / 5000);
                text(out, "/chapter-");
                number(out, page / 100);
                text(out, "/");
                text(out, WORDS[h as usize % WORDS.len()]);
                text(out, "-");
                text(out, WORDS[(h >> 8) as usize % WORDS.len()]);
                text(out, "-");
                number(out, page);
                text(out, ".html");
            }
            _ => {
                text(out, "/p/");
                number(out, page);
                text(out, ".html");
            }
        }
    }

    pub fn write(&self, page: u64, out: &mut Vec<u8>) {
        if let Site::Manual(manual) = self {
            return manual.write(self, page, out);
        }
        text(
            out,
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Page ",
        );
        number(out, page);
        text(out, "</title></head><body>\n");
        match *self {
            Site::Flat(pages) if page == 0 => (1..=pages).for_each(|p| self.link(p, out)),
            Site::Flat(pages) => {
                self.link(0, out);
                self.link(page % pages + 1, out);
                self.link((page + pages - 2) % pages + 1, out);
                (0..40).for_each(|_| text(out, "<p>A small page has a few words, too."));
            }
            Site::Tree(pages) => {
                (page * FAN + 1..=page * FAN + FAN)
                    .filter(|p| *p < pages)
                    .for_each(|p| self.link(p, out));
                (0..40).for_each(|_| text(out, "<p>A small page has a few words, too."));
            }
            Site::Hubs(leaves) | Site::Queue { leaves, .. } => {
                let hubs = leaves.div_ceil(HUB);
                if page == 0 {
                    (1..=hubs).for_each(|p| self.link(p, out));
                } else if page <= hubs {
                    let first = hubs + 1 + (page - 1) * HUB;
                    (first..(first + HUB).min(self.pages())).for_each(|p| self.link(p, out));
                } else if let Site::Hubs(_) = self {
                    self.link(0, out);
                }
            }
            Site::Manual(_) | Site::Trap(_) | Site::Soak(_) => {
                unreachable!("they write their pages themselves")
            }
        }
        text(out, "</body></html>\n");
    }

    fn link(&self, to: u64, out: &mut Vec<u8>) {
        text(out, "<a href=\"");
        if let Site::Queue { leaves, hosts } = self {
            let hubs = leaves.div_ceil(HUB);
            if to > hubs {
                text(out, "http://h");
                number(out, (to - hubs - 1) % hosts);
                text(out, ".example");
            }
        }
        self.path(to, out);
        text(out, "\">");
        number(out, to);
        text(out, "</a>\n");
    }
}

impl Manual {
    fn new(pages: u64) -> Self {
        let mut made = Manual {
            pages,
            menu: Vec::new(),
            paragraphs: Vec::new(),
        };
        let site = Site::Manual(Box::new(Manual {
            pages,
            menu: Vec::new(),
            paragraphs: Vec::new(),
        }));
        text(
            &mut made.menu,
            "<nav class=\"sidebar\" role=\"navigation\"><h3>Contents</h3>\n<ul class=\"menu\">\n",
        );
        for to in (0..MENU).filter(|to| *to < pages) {
            text(&mut made.menu, "<li class=\"toctree-l1\">");
            anchor(&site, to, "menu", &mut made.menu);
            text(&mut made.menu, "</li>\n");
        }
        text(&mut made.menu, "</ul></nav>\n");
        for i in 0..64 {
            let mut p = Vec::new();
            text(&mut p, "<p>");
            for j in 0..25_u64 {
                let word = WORDS[hash(i * 100 + j) as usize % WORDS.len()];
                match j % 8 {
                    7 => {
                        text(
                            &mut p,
                            "<code class=\"docutils literal\"><span class=\"pre\">",
                        );
                        text(&mut p, word);
                        text(&mut p, "()</span></code> &mdash; ");
                    }
                    _ => {
                        text(&mut p, word);
                        text(&mut p, " ");
                    }
                }
            }
            text(&mut p, "</p>\n");
            made.paragraphs.push(p);
        }
        made
    }

    /// The menu, the way up, neighbours, the ten pages below, pages near by and three older ones from anywhere.
    fn write(&self, site: &Site, page: u64, out: &mut Vec<u8>) {
        text(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>",
        );
        title(page, out);
        text(
            out,
            " &mdash; The Manual</title>\n<meta name=\"description\" content=\"",
        );
        title(page, out);
        text(out, "\">\n</head><body>\n");
        out.extend_from_slice(&self.menu);
        text(out, "<div class=\"body\"><h1>");
        title(page, out);
        text(out, "</h1>\n");
        let mut targets = [0; LINKS];
        let mut n = 0;
        let mut put = |to: u64| {
            if to < self.pages && n < LINKS - MENU as usize {
                targets[n] = to;
                n += 1;
            }
        };
        let mut up = page;
        while up > 0 {
            up = (up - 1) / FAN;
            put(up);
        }
        put(page + 1);
        put(page.saturating_sub(1));
        (page * FAN + 1..=page * FAN + FAN).for_each(&mut put);
        (0..3).for_each(|i| put(hash(page * 3 + i) % (page + 1)));
        for i in 0..LINKS as u64 {
            let near = hash(page * 100 + i) % 400;
            put((page + near).saturating_sub(200));
        }
        for (i, to) in targets[..n].iter().enumerate() {
            let which = (hash(page) as usize).wrapping_add(i * 7) % self.paragraphs.len();
            out.extend_from_slice(&self.paragraphs[which]);
            text(out, "<p>See also ");
            anchor(site, *to, "reference internal", out);
            text(out, ".</p>\n");
        }
        text(out, "</div></body></html>\n");
    }
}

fn anchor(site: &Site, to: u64, class: &str, out: &mut Vec<u8>) {
    text(out, "<a class=\"");
    text(out, class);
    text(out, "\" href=\"");
    site.path(to, out);
    text(out, "\"><span>");
    title(to, out);
    text(out, "</span></a>");
}

fn title(page: u64, out: &mut Vec<u8>) {
    let h = hash(page);
    number(out, page / 100);
    text(out, ".");
    number(out, page % 100);
    text(out, " ");
    text(out, WORDS[h as usize % WORDS.len()]);
    text(out, " ");
    text(out, WORDS[(h >> 8) as usize % WORDS.len()]);
}
