//! The web of the soak: many hosts with some hundred pages each, and a few percent of everything that goes wrong.
//! What a page does follows from its number, and from how often it was asked for.
//!
//! A page links to the next ones, to some a good way ahead, and to seven of those before it. So what is known and
//! waits stays as long as it is from the first page to the last, and nothing that fails cuts anything off.
use crate::words::{hash, hash_text, number, text, word, WORDS};
use std::sync::{Mutex, PoisonError};

/// Pages that only `soak` knows the way to are so far ahead at the most, for each host.
const AHEAD: u64 = 20;
/// Words of a page.
const WORDS_A_PAGE: u64 = 150;

pub struct Soak {
    pages: u64,
    hosts: u64,
    /// how often each page was asked for; behind the pages, each host's robots.txt
    asked: Mutex<Vec<u8>>,
}

/// How an answer goes out.
#[derive(Clone, Copy, PartialEq)]
pub enum Way {
    Whole,
    /// so many milliseconds late
    Late(u64),
    /// its second half byte by byte, within so many milliseconds
    Dripped(u64),
    /// half of it, then the end of the connection
    Cut,
    /// the end of the connection instead
    Close,
    /// a reset instead
    Reset,
    /// nothing, ever
    Mute,
    /// whole, and the last of its connection
    Last,
}

/// What a page is, by its number.
#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Plain,
    Missing,
    /// 500, 429, 503 the first time
    Once(&'static str),
    /// the first time only, or always
    Broken(Way, bool),
    Redirect,
    Loop,
    Away,
    Duplicate,
    Gzip,
    BadGzip,
    Garbage,
    NoStatus,
    Slow,
    Drip,
    Binary,
    Chunked,
    Open,
}

fn sort(page: u64) -> Sort {
    match hash(page) % 1000 {
        0..20 => Sort::Missing,
        20..30 => Sort::Once("500 Internal Server Error"),
        30..34 => Sort::Once("429 Too Many Requests\r\nRetry-After: 1"),
        34..36 => Sort::Once("503 Service Unavailable\r\nRetry-After: 1"),
        40..45 => Sort::Broken(Way::Reset, true),
        45..47 => Sort::Broken(Way::Reset, false),
        47 => Sort::Broken(Way::Mute, false),
        48..50 => Sort::Broken(Way::Close, true),
        50..55 => Sort::Broken(Way::Cut, true),
        55..58 => Sort::Broken(Way::Cut, false),
        60..80 => Sort::Redirect,
        80..82 => Sort::Loop,
        82..84 => Sort::Away,
        90..110 => Sort::Duplicate,
        110..210 => Sort::Gzip,
        210..212 => Sort::BadGzip,
        215..220 => Sort::Garbage,
        220 => Sort::NoStatus,
        230..240 => Sort::Slow,
        240..245 => Sort::Drip,
        245..250 => Sort::Binary,
        260..300 => Sort::Chunked,
        300..304 => Sort::Open,
        _ => Sort::Plain,
    }
}

/// What a host does with its robots.txt, and whether it is there at all.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Plain,
    Binary,
    Html,
    Rules,
    Moved,
    LaterGood,
    Dead,
}

fn manner(host: u64) -> Manner {
    match hash(host ^ 0x5eed) % 200 {
        0..4 => Manner::Binary,
        4..8 => Manner::Html,
        8..16 => Manner::Rules,
        16..20 => Manner::Moved,
        20..26 => Manner::LaterGood,
        26 => Manner::Dead,
        _ => Manner::Plain,
    }
}

/// Whether the rules of a host that has some forbid a page.
fn is_forbidden(page: u64) -> bool {
    page % 10 == 7
}

impl Soak {
    pub fn new(pages: u64, hosts: u64) -> Self {
        let asked = Mutex::new(vec![0; (pages + hosts) as usize]);
        Soak {
            pages,
            hosts,
            asked,
        }
    }

    /// The pages that can be asked for: those of hosts that are there, without those that robots.txt forbids.
    pub fn real(&self) -> u64 {
        let open = |page: &u64| match manner(page % self.hosts) {
            Manner::Dead => false,
            Manner::Rules => !is_forbidden(*page) || *page < self.hosts,
            _ => true,
        };
        (0..self.pages).filter(open).count() as u64
    }

    pub fn pages(&self) -> u64 {
        self.pages
    }

    fn host(&self, name: &str) -> Option<u64> {
        let host = name
            .strip_prefix('h')?
            .strip_suffix(".example")?
            .parse()
            .ok()?;
        (host < self.hosts).then_some(host)
    }

    /// The page of a path on a host. The first pages are the hosts' own.
    pub fn find(&self, name: &str, path: &str) -> Option<u64> {
        let host = self.host(name)?;
        if path == "/" {
            return Some(host);
        }
        let page: u64 = path
            .strip_prefix("/p/")?
            .strip_suffix(".html")?
            .parse()
            .ok()?;
        let is_there = (self.hosts..self.pages).contains(&page) && page % self.hosts == host;
        is_there.then_some(page)
    }

    /// Whether it is asked for the first time.
    fn first(&self, place: u64) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = asked.get_mut(place as usize) else {
            return true;
        };
        *times = times.saturating_add(1);
        *times == 1
    }

    /// The answer of a host to a path.
    pub fn answer(&self, name: &str, path: &str, page: Option<u64>, out: &mut Vec<u8>) -> Way {
        let host = self.host(name);
        if host.is_none_or(|host| manner(host) == Manner::Dead) {
            return Way::Close;
        }
        match (page, host) {
            (Some(page), _) => self.page(page, out),
            (None, Some(host)) if path.starts_with("/robots") => self.robots(host, path, out),
            _ => {
                whole(out, "404 Not Found", "text/plain", 0, b"no\n");
                Way::Whole
            }
        }
    }

    fn robots(&self, host: u64, path: &str, out: &mut Vec<u8>) -> Way {
        const PLAIN: &[u8] = b"User-agent: *\nDisallow: /private/\n";
        let first = self.first(self.pages + host);
        let (status, body): (&str, Vec<u8>) = match manner(host) {
            Manner::Binary => ("200 OK", garbage(host)),
            Manner::Html => (
                "200 OK",
                b"<!DOCTYPE html><title>Not found</title>".to_vec(),
            ),
            Manner::Rules => ("200 OK", b"User-agent: *\nDisallow: /p/*7.html$\n".to_vec()),
            Manner::Moved if path == "/robots.txt" => {
                ("302 Found\r\nLocation: /robots2.txt", Vec::new())
            }
            Manner::LaterGood if first => ("503 Service Unavailable\r\nRetry-After: 1", Vec::new()),
            Manner::Moved | Manner::LaterGood => ("200 OK", PLAIN.to_vec()),
            Manner::Plain | Manner::Dead => ("404 Not Found", b"no\n".to_vec()),
        };
        whole(out, status, "text/plain", host, &body);
        Way::Whole
    }

    fn page(&self, page: u64, out: &mut Vec<u8>) -> Way {
        let first = self.first(page);
        let sort = sort(page);
        match sort {
            Sort::Missing => whole(out, "404 Not Found", HTML, page, b"<title>Not here</title>"),
            Sort::Once(status) if first => whole(out, status, HTML, page, b"<title>Later</title>"),
            Sort::Redirect | Sort::Loop | Sort::Away => self.elsewhere(sort, page, out),
            Sort::Duplicate => {
                let mut body = Vec::new();
                self.write(page - page % 500, false, &mut body);
                whole(out, "200 OK", HTML, page, &body);
            }
            Sort::Gzip | Sort::BadGzip => {
                let mut body = Vec::new();
                self.write(page, true, &mut body);
                let mut packed = gzip(&body);
                if sort == Sort::BadGzip {
                    packed[3..].iter_mut().for_each(|byte| *byte ^= 0xa5);
                }
                whole(out, "200 OK\r\nContent-Encoding: gzip", HTML, page, &packed);
            }
            Sort::Garbage => whole(out, "200 OK", HTML, page, &garbage(page)),
            Sort::NoStatus => text(out, "\u{1}\u{2}HELO nobody\r\n\r\n<p>What is this?"),
            Sort::Binary => whole(
                out,
                "200 OK",
                "application/octet-stream",
                page,
                &garbage(page),
            ),
            Sort::Chunked => {
                let mut body = Vec::new();
                self.write(page, true, &mut body);
                chunked(out, page, &body);
            }
            Sort::Open => {
                head(out, "200 OK", HTML, page);
                text(out, "Connection: close\r\n\r\n");
                self.write(page, true, out);
            }
            _ => {
                let mut body = Vec::with_capacity(4096);
                self.write(page, true, &mut body);
                whole(out, "200 OK", HTML, page, &body);
            }
        }
        match sort {
            Sort::Broken(way, once) if first || !once => way,
            Sort::Slow => Way::Late(100 + hash(page) / 1000 % 500),
            Sort::Drip => Way::Dripped(1000),
            Sort::NoStatus | Sort::Open => Way::Last,
            _ => Way::Whole,
        }
    }

    /// A redirect: to the page after next, to itself, or to a host that is not of this web.
    fn elsewhere(&self, sort: Sort, page: u64, out: &mut Vec<u8>) {
        let mut status = b"302 Found\r\nLocation: ".to_vec();
        match sort {
            Sort::Away => text(&mut status, "http://elsewhere.example/"),
            Sort::Loop => self.url(page, None, &mut status),
            _ => self.url((page + 2) % self.pages, None, &mut status),
        }
        whole(out, &String::from_utf8_lossy(&status), HTML, page, b"");
    }

    /// What a page says, and where it leads. Where it is not `alone`, other hosts say the same.
    fn write(&self, page: u64, alone: bool, out: &mut Vec<u8>) {
        text(
            out,
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>",
        );
        text(out, if alone { "Page " } else { "Part " });
        number(out, page);
        text(out, " ");
        text(out, word(page));
        text(out, "</title></head><body>\n<p>");
        for i in 0..WORDS_A_PAGE {
            text(
                out,
                WORDS[hash(page * WORDS_A_PAGE + i) as usize % WORDS.len()],
            );
            text(out, if i % 40 == 39 { ".</p>\n<p>" } else { " " });
        }
        let span = AHEAD * self.hosts;
        let near = (1..=6).map(|i| page + i);
        let ahead = (0..5).map(|i| page + 7 + hash(page * 8 + i) % span);
        let beside = [page + self.hosts, page.saturating_sub(self.hosts)];
        let before = (0..7).map(|i| hash(page * 16 + i) % (page + 1));
        for to in near.chain(ahead).chain(beside).chain(before) {
            if to < self.pages {
                text(out, "<a href=\"");
                self.url(to, alone.then_some(page % self.hosts), out);
                text(out, "\">");
                text(out, word(to));
                text(out, "</a>\n");
            }
        }
        text(out, "</body></html>\n");
    }

    /// The URL of a page; without the host where that is the reader's own.
    fn url(&self, page: u64, from: Option<u64>, out: &mut Vec<u8>) {
        if from != Some(page % self.hosts) {
            text(out, "http://h");
            number(out, page % self.hosts);
            text(out, ".example");
        }
        if page < self.hosts {
            return text(out, "/");
        }
        text(out, "/p/");
        number(out, page);
        text(out, ".html");
    }
}

const HTML: &str = "text/html; charset=utf-8";

/// The head of an answer, without its end. No two pages have the same.
fn head(out: &mut Vec<u8>, status: &str, kind: &str, page: u64) {
    text(out, "HTTP/1.1 ");
    text(out, status);
    text(out, "\r\nServer: soak\r\nContent-Type: ");
    text(out, kind);
    text(out, "\r\nETag: \"");
    number(out, hash(page));
    text(out, "\"\r\nX-Request-Id: ");
    number(out, hash_text(status) ^ hash(page));
    text(out, "\r\n");
}

fn whole(out: &mut Vec<u8>, status: &str, kind: &str, page: u64, body: &[u8]) {
    head(out, status, kind, page);
    text(out, "Content-Length: ");
    number(out, body.len() as u64);
    text(out, "\r\n\r\n");
    out.extend_from_slice(body);
}

fn chunked(out: &mut Vec<u8>, page: u64, body: &[u8]) {
    head(out, "200 OK", HTML, page);
    text(out, "Transfer-Encoding: chunked\r\n\r\n");
    for part in body.chunks(700) {
        text(out, &format!("{:x}\r\n", part.len()));
        out.extend_from_slice(part);
        text(out, "\r\n");
    }
    text(out, "0\r\n\r\n");
}

/// Bytes that mean nothing, with tags among them.
fn garbage(seed: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(2048);
    for i in 0..200 {
        out.extend_from_slice(&hash(seed * 256 + i).to_le_bytes());
        if i % 20 == 0 {
            text(&mut out, "<a href=<\u{0}><!-");
        }
    }
    out
}

/// A gzip file whose one block is stored as it is.
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = body.chunks(65_535).peekable();
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&(block.len() as u16).to_le_bytes());
        out.extend_from_slice(&(!(block.len() as u16)).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&crc32(body).to_le_bytes());
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out
}

fn crc32(body: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let (mut table, mut i) = ([0; 256], 0);
        while i < 256 {
            let (mut value, mut bit) = (i as u32, 0);
            while bit < 8 {
                value = (value >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(value & 1));
                bit += 1;
            }
            table[i] = value;
            i += 1;
        }
        table
    };
    !body.iter().fold(!0, |crc, byte| {
        (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize]
    })
}
