//! Whether twice as much takes more than twice as long: every parser on every piece, again and again. By hand,
//! for it takes minutes: `cargo test --test it hostile::scaling -- --ignored --nocapture`.

use crawl::canonical::CanonicalUrl;
use crawl::parse::{Document, Limits, charset, parse, sitemap};
use crawl::robots::{self, Robots};

/// Pieces of markup, style sheets, sitemaps, headers and robots.txt files; `¤` is a number that grows.
const PIECES: [&str; 96] = [
    "<",
    "<a<",
    "</a ",
    "<!--",
    "<!x>",
    "<? ",
    "<svg><![CDATA[",
    "<svg><![CDATA[]]>",
    "<title>",
    "<title>x</title>",
    "<textarea></textarea>",
    "<script></script>",
    "<script><!--</script>",
    "<script><!--<script></script>",
    "<style>a{b:url(x)}</style>",
    "<style>/*",
    "url(",
    "url('",
    "'\n",
    "@import ",
    "\\",
    "<p style='url(x) '>",
    "<img srcset='x (,'>",
    ",",
    "<img srcset='a 1x, b 2x'>",
    "<a rel='nofollow x' href=x>",
    "<link rel='icon next' href=x>",
    "<a href=x>text ",
    "<a href=x><b>t ",
    "<a href=x><img alt=foo>",
    "<base href=x>",
    "<meta name=robots content='noindex,x-y'>",
    "<meta name=robots content='d¤'>",
    "<meta charset=x>",
    "<meta http-equiv=refresh content='x'>",
    "<meta name=tdm-policy content=x>",
    "<svg>",
    "<svg></svg>",
    "<svg><p>",
    "<math><mi><svg><foreignObject>",
    "</g>",
    "<template>",
    "</template>",
    "<noscript>",
    "<noscript><a href=x></noscript>",
    "<select><option>",
    "<frameset>",
    "<iframe src=x></iframe>",
    "<object data=x><param>",
    "<form action=x>",
    "<plaintext>",
    "a=\"",
    "<a b='",
    "= ",
    "<a href=x ",
    "&",
    "&amp",
    "&#",
    "&notit;",
    " \n",
    "../",
    "<a href=x¤>",
    "<a href=x#¤>",
    "w¤ ",
    "<p>word</p>",
    "\0",
    "<a href=x><a href=y>",
    "<map><area href=x>",
    "<picture><source srcset=x>",
    "<html lang=x>",
    "<!doctype ",
    "<url>",
    "<url><loc>/x</loc></url>",
    "</url>",
    "<loc>",
    "<url><image:loc>",
    "<!DOCTYPE [",
    "http://a/\n",
    "\r",
    "<x>; rel=next, ",
    "<x>;",
    "<x>; a=\"",
    "<x>; rel=\"a b\"; rel=c; ",
    "\\\"",
    "noindex, ",
    "crawl: noindex, ",
    ":",
    ";",
    "9",
    "User-agent: *\n",
    "Disallow: /a\n",
    "Disallow: /*a*b¤$\n",
    "Content-Usage: /a*b train-ai=n\n",
    "Content-Signal: search=no, ai-train=no\n",
    "Sitemap: x\n",
    "Crawl-delay: 1\n",
];

/// So many times the piece, and four times as many.
const TIMES: usize = 40_000;

/// CPU time of this thread, in seconds: of Linux alone.
fn cpu() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

fn page(content_type: &str, text: &str, header: &str) {
    let url = CanonicalUrl::parse("http://a.example/dir/p?id=1").expect("a URL");
    let header = [header.to_owned()];
    let document = Document {
        url: &url,
        content_type: Some(content_type),
        link: &header,
        refresh: Some(&header[0]),
        content_language: None,
        x_robots_tag: &header,
        agent: "crawl",
        body: text.as_bytes(),
    };
    let limits = Limits {
        words: true,
        ..Limits::default()
    };
    std::hint::black_box(parse(&document, &limits));
}

fn read_robots(text: &str) {
    let text = format!("User-agent: crawl\n{text}");
    let robots = Robots::parse(text.as_bytes(), "crawl");
    std::hint::black_box(robots::signals(text.as_bytes(), "crawl"));
    std::hint::black_box(robots.verdict("/abc?x"));
}

fn read_sitemap(begin: &str, text: &str) {
    let url = CanonicalUrl::parse("http://a.example/s.xml").expect("a URL");
    let text = format!("{begin}{text}");
    std::hint::black_box(sitemap::read(text.as_bytes(), None, &url));
}

#[test]
#[ignore = "by hand: it takes minutes"]
fn four_times_as_much_takes_about_four_times_as_long() {
    if cpu().is_none() {
        println!("skipped: no /proc/thread-self/schedstat here");
        return;
    }
    type Reader = fn(&str);
    let readers: [(&str, Reader); 10] = [
        ("HTML", |text| page("text/html; charset=utf-8", text, "")),
        ("XHTML", |text| {
            page("application/xhtml+xml; charset=utf-8", text, "")
        }),
        ("CSS", |text| page("text/css", text, "")),
        ("attribute", |text| {
            page("text/html; charset=utf-8", &format!("<a {text}"), "")
        }),
        ("headers", |text| page("text/html", "", text)),
        ("charset", |text| {
            let _ = std::hint::black_box((
                charset::choose(text.as_bytes(), Some(text)),
                charset::choose_xml(text.as_bytes(), None),
            ));
        }),
        ("sitemap", |text| read_sitemap("<urlset><url><loc>", text)),
        ("tag of a sitemap", |text| read_sitemap("<urlset ", text)),
        ("list", |text| read_sitemap("", text)),
        ("robots.txt", read_robots),
    ];
    let mut slow = 0;
    for (what, reader) in readers {
        for piece in PIECES {
            let time = |times: usize| {
                let text: String = (0..times)
                    .map(|n| piece.replace('¤', &n.to_string()))
                    .collect();
                let begun = cpu().unwrap_or_default();
                reader(&text);
                cpu().unwrap_or_default() - begun
            };
            let (once, four) = (time(TIMES), time(4 * TIMES));
            // Less than this is noise.
            if four > 0.03 && four > 7.0 * once {
                slow += 1;
                println!("{what} of {piece:?}: {once:.3} s, then {four:.3} s");
            }
        }
    }
    println!(
        "{slow} of {} grow faster than what they read",
        readers.len() * PIECES.len()
    );
}
