//! Laws over what is generated: each is a sentence that holds of all inputs of a kind. Those of whole crawls
//! are in `law/`, those of bytes without form in `fuzz/`.

use std::io::Write;

use crawl::canonical::{Base, CanonicalUrl};
use crawl::config::{Bytes, Rate, ScopeConfig, Span};
use crawl::fetch::decode::decode;
use crawl::parse::{Document, Limits, parse, sitemap};
use crawl::record::{LinkKind, Page};
use crawl::robots::Robots;
use crawl::scope::Scope;
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn url(text: &str) -> CanonicalUrl {
    CanonicalUrl::parse(text).expect(text)
}

/// Paths and queries of all that means something in one.
fn paths() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "a", "b", "A", "~", "%7e", "%7E", "%2f", "%2F", "%3F", "%26", "%zz", "%", "é", ".", "..",
        "/", "//", ";", "=", "&", "+", "*", "$", "?", ":", "@", "!", "(", "|", " ", "%20",
        "\u{202e}",
    ]);
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| format!("/{}", pieces.concat()))
}

fn urls() -> impl Strategy<Value = CanonicalUrl> {
    let host = select(vec![
        "http://a.example",
        "https://a.example",
        "http://www.a.example",
        "http://b.a.example:8080",
        "https://c.co.uk",
        "http://[::1]",
    ]);
    (host, paths()).prop_map(|(host, path)| url(&format!("{host}{path}")))
}

proptest! {
    #![proptest_config(config())]

    /// To escape what needs no escape, or to write an escape in other letters, makes no other URL of it.
    #[test]
    fn one_key_for_all_spellings(given in urls(), places in proptest::collection::vec(any::<Index>(), 0..6)) {
        let begin = given.as_str().len() - given.path_and_query().len();
        let mut spelt = given.as_str().to_owned();
        for place in places {
            let at = begin + place.index(spelt.len() - begin);
            let byte = spelt.as_bytes()[at];
            let in_escape = (1..3).any(|back| at >= back && spelt.as_bytes()[at - back] == b'%');
            // Dots make steps of a path, and are one with their escapes there.
            if !in_escape && (byte.is_ascii_alphanumeric() || b"-_~".contains(&byte)) {
                spelt.replace_range(at..=at, &format!("%{byte:02x}"));
            }
        }
        let other = url(&spelt);
        prop_assert_eq!(other.key(), given.key(), "{}", spelt);
    }

    /// A reference leads to the same URL whether its base is named with a fragment, a user or neither; and
    /// what was resolved once is resolved.
    #[test]
    fn references(page in urls(), reference in paths(), relative in any::<bool>()) {
        let reference = if relative { reference.trim_start_matches('/') } else { &reference };
        if let Ok(found) = Base::of(&page).join(reference) {
            prop_assert_eq!(Base::of(&page).join(found.as_str()).ok(), Some(found.clone()));
            prop_assert_eq!(Base::of(&found).join(found.as_str()).ok(), Some(found.clone()));
            let elsewhere = format!("{}#x?y", reference.trim_end());
            prop_assert_eq!(Base::of(&page).join(&elsewhere).ok(), Base::of(&page).join(reference.trim_end()).ok());
            prop_assert_eq!(url(found.as_str()), found);
        }
    }

    /// An exclude takes away and never adds, an include after the first adds and never takes away, and the
    /// order of neither matters.
    #[test]
    fn patterns_are_monotone(
        given in urls(),
        seed in urls(),
        include in proptest::collection::vec(select(vec!["a", "b", "^https", "/$", "%2F", "\\?"]), 0..3),
        exclude in proptest::collection::vec(select(vec!["b", "8080", "//", "é", "%7"]), 0..3),
        more in select(vec!["a", "b", "\\.example", "="]),
    ) {
        let scope = |include: &[&str], exclude: &[&str]| {
            let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
            let mut config = ScopeConfig::default();
            (config.include, config.exclude) = (own(include), own(exclude));
            Scope::new(&config, std::slice::from_ref(&seed)).expect("patterns").decide(&given)
        };
        let plain = scope(&include, &exclude);
        let reversed = |list: &[&'static str]| list.iter().rev().copied().collect::<Vec<_>>();
        prop_assert_eq!(scope(&reversed(&include), &reversed(&exclude)).inside, plain.inside);
        let shut = scope(&include, &[&exclude[..], &[more]].concat());
        prop_assert!(plain.inside || !shut.inside);
        prop_assert!(plain.beyond || !shut.beyond);
        if !include.is_empty() {
            let open = scope(&[&include[..], &[more]].concat(), &exclude);
            prop_assert!(open.inside || !plain.inside);
        }
    }

    /// The longest match decides, so the order of rules does not (RFC 9309 §2.2.2), nor whether they stand in
    /// one group or in several of the same agent (§2.2.1).
    #[test]
    fn rules_in_any_order(
        rules in proptest::collection::vec((any::<bool>(), paths(), any::<bool>()), 0..8),
        path in paths(),
        order in any::<u64>(),
    ) {
        let line = |(allow, path, ends): &(bool, String, bool)| {
            format!("{}: {path}{}\n", if *allow { "Allow" } else { "Disallow" }, if *ends { "$" } else { "" })
        };
        let mut lines: Vec<String> = rules.iter().map(line).collect();
        let together = format!("User-agent: *\n{}", lines.concat());
        let apart: String = lines.iter().map(|line| format!("User-agent: *\n{line}\n")).collect();
        fastrand::Rng::with_seed(order).shuffle(&mut lines);
        let shuffled = format!("User-agent: *\n{}", lines.concat());
        let allowed = |text: &str| Robots::parse(text.as_bytes(), "crawl").verdict(&path).allowed;
        prop_assert_eq!(allowed(&together), allowed(&shuffled));
        prop_assert_eq!(allowed(&together), allowed(&apart));
        // A rule of another agent's changes nothing, and of a group of one's own the others do not matter.
        let others = format!("User-agent: other\nDisallow: /\n{together}User-agent: third\nAllow: /\n");
        prop_assert_eq!(allowed(&together), allowed(&others));
        let own = together.replacen('*', "crawl", 1);
        prop_assert_eq!(allowed(&together), allowed(&format!("User-agent: *\nDisallow: /\n\n{own}")));
    }

    /// What is written in an attribute by the rules of HTML is the link that it means; so is its text.
    #[test]
    fn links_as_they_were_written(reference in "[ -~é漢&]{0,30}", text in "[ -~é\n&]{0,60}", quote in select(vec!['"', '\''])) {
        let escaped = |text: &str| {
            text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("&#{};", u32::from(c)) }).collect::<String>()
        };
        let body = format!("<a href={quote}{}{quote}>{}</a>", escaped(&reference), escaped(&text));
        let page = page_of("text/html; charset=utf-8", body.as_bytes());
        let here = url("http://a.example/dir/");
        let outside = |c: char| c <= ' ';
        let wanted = Base::of(&here).join(&reference).ok().filter(|_| !reference.trim_matches(outside).starts_with('#'));
        let found = page.links.iter().find(|link| link.kind == LinkKind::A);
        prop_assert_eq!(found.map(|link| &link.target), wanted.as_ref(), "{}", body);
        if let Some(link) = found {
            let words = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(link.anchor.as_deref().unwrap_or_default(), words);
        }
    }

    /// Each language of a link is one of the page's links, in the order of the headers.
    #[test]
    fn languages_of_link_headers(given in proptest::collection::vec((paths(), proptest::collection::vec("[a-z]{2}(-[A-Z]{2})?", 0..4)), 0..5)) {
        let written = |(target, languages): &(String, Vec<String>)| {
            let languages: String = languages.iter().map(|language| format!("; hreflang={language}")).collect();
            format!("<{target}>; rel=alternate{languages}")
        };
        let headers = [given.iter().map(written).collect::<Vec<_>>().join(", ")];
        let here = url("http://a.example/dir/");
        let page = parse(&Document { link: &headers, ..document(&here, "text/html", b"<a href=x>") }, &Limits::default());
        let mut wanted = Vec::new();
        for (target, languages) in &given {
            if let Ok(target) = Base::of(&here).join(target) {
                wanted.extend(languages.iter().map(|language| (target.clone(), Some(language.as_str()))));
                wanted.extend(languages.is_empty().then_some((target, None)));
            }
        }
        let found = page.links.iter().take(page.header_links);
        let found: Vec<_> = found.map(|link| (link.target.clone(), link.anchor.as_deref())).collect();
        prop_assert_eq!(found, wanted, "{:?}", headers);
        prop_assert_eq!(page.links.len(), page.header_links + 1);
    }

    /// A `Link` header's links are those that were written into it, in one header or in several.
    #[test]
    fn link_headers_as_they_were_written(
        given in proptest::collection::vec((paths(), "[a-z]{1,6}( [a-z]{1,6})?", "[ -~]{0,8}", any::<bool>()), 0..6),
        together in any::<bool>(),
    ) {
        let written = |(target, rel, title, first): &(String, String, String, bool)| {
            let title = title.replace('\\', "\\\\").replace('"', "\\\"");
            let (one, other) = (format!("rel=\"{rel}\""), format!("title = \"{title}\""));
            let (one, other) = if *first { (one, other) } else { (other, one) };
            format!("<{target}>; {one} ;{other}")
        };
        let all: Vec<String> = given.iter().map(written).collect();
        let headers = if together { vec![all.join(" , ")] } else { all };
        let here = url("http://a.example/dir/");
        let page = parse(&Document { link: &headers, ..document(&here, "text/plain", b"") }, &Limits::default());
        let found: Vec<_> = page.links.iter().map(|link| (link.target.clone(), link.rel.as_deref().unwrap_or_default())).collect();
        let wanted: Vec<_> = given.iter().filter_map(|row| Some((Base::of(&here).join(&row.0).ok()?, row.1.as_str()))).collect();
        prop_assert_eq!(found, wanted, "{:?}", headers);
    }

    /// What a page says is read in whatever charset it is written, if it says which.
    #[test]
    fn titles_in_their_charset(
        words in "[a-zA-Zàßéжѣ漢語か가ñ½€ ]{0,40}",
        label in select(vec!["utf-8", "windows-1252", "windows-1251", "koi8-r", "shift_jis", "euc-jp", "euc-kr", "gb18030", "big5", "iso-8859-2"]),
        by_header in any::<bool>(),
    ) {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).expect(label);
        // What the charset has, and has once: where two characters have one code, the other comes back.
        let has = |c: &char| {
            let text = c.to_string();
            let (bytes, _, lossy) = encoding.encode(&text);
            !lossy && encoding.decode_without_bom_handling(&bytes).0.starts_with(*c)
        };
        let words: String = words.chars().filter(has).collect();
        let (meta, kind) = match by_header {
            true => (String::new(), format!("text/html; charset={label}")),
            false => (format!("<meta charset='{label}'>"), "text/html".to_owned()),
        };
        let text = format!("{meta}<title>{words}</title>");
        let bytes = encoding.encode(&text).0;
        let page = page_of(&kind, &bytes);
        let wanted = words.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(page.title.as_deref().unwrap_or_default(), wanted);
        prop_assert_eq!(page.charset, Some(encoding.name()));
    }

    /// A sitemap's URLs, and their versions in other languages, are those that were put into it, however they were
    /// escaped or packed.
    #[test]
    fn sitemaps_as_they_were_written(
        given in proptest::collection::vec((urls(), 0..4, proptest::collection::vec(("[a-z]{2}(-[A-Z]{2})?", urls(), 0..3), 0..4)), 0..8),
        packed in any::<bool>(),
        index in any::<bool>(),
    ) {
        let version = |(language, url, how): &(String, CanonicalUrl, i32)| {
            let url = url.as_str().replace('&', "&amp;");
            match how {
                0 => format!("<xhtml:link rel=\"alternate\" hreflang=\"{language}\" href=\"{url}\"/>"),
                1 => format!("<x:link href='{}'\nhreflang=' {language} ' rel='alternate'></x:link>", url.replace('\'', "&#39;")),
                _ => format!("<link rel=\"alternate\" href=\"{}\" hreflang=\"{language}\"></link>", url.replace('/', "&#x2F;")),
            }
        };
        let entry = |(url, how, versions): &(CanonicalUrl, i32, Vec<(String, CanonicalUrl, i32)>)| {
            let text = url.as_str();
            let written = match how {
                0 => text.replace('&', "&amp;").replace('\'', "&apos;"),
                1 => format!("<![CDATA[{text}]]>"),
                2 => text.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
                _ => format!("\n  {} <!-- {} -->", text.replace('&', "&#x26;"), "http://no.example/"),
            };
            if index { format!("<sitemap><loc>{written}</loc></sitemap>") } else {
                let versions: String = versions.iter().map(version).collect();
                format!("<url><loc>{written}</loc>{versions}<lastmod>2026</lastmod></url>")
            }
        };
        let root = if index { "sitemapindex" } else { "urlset" };
        let body = format!("<?xml version='1.0'?><{root}>{}</{root}>", given.iter().map(entry).collect::<String>());
        let bytes = if packed { gzip(body.as_bytes()) } else { body.clone().into_bytes() };
        let map = sitemap::read(&bytes, Some("application/xml"), &url("http://a.example/sitemap.xml"));
        let found: Vec<&CanonicalUrl> = map.entries.iter().map(|entry| &entry.loc).collect();
        let wanted: Vec<&CanonicalUrl> = given.iter().map(|(url, ..)| url).collect();
        prop_assert_eq!(found, wanted, "{}", body);
        let found: Vec<Vec<(&str, &CanonicalUrl)>> = map.entries.iter().map(|entry| map.alternates(entry).collect()).collect();
        let all = |versions: &'_ [(String, CanonicalUrl, i32)]| if index { 0 } else { versions.len() };
        for (found, (_, _, versions)) in found.iter().zip(&given) {
            let wanted: Vec<_> = versions.iter().take(all(versions)).map(|(language, url, _)| (language.as_str(), url)).collect();
            prop_assert_eq!(found, &wanted, "{}", body);
        }
        prop_assert!(!map.truncated && map.refused == 0);
    }

    /// What is cut anywhere is a beginning of what it would have been, or an error; never something else.
    #[test]
    fn cut_streams(body in proptest::collection::vec(0_u8..4, 0..3000), coding in select(vec!["gzip", "deflate", "zstd", "gzip, gzip"]), cut in any::<Index>()) {
        let packed = match coding {
            "gzip" => gzip(&body),
            "deflate" => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&body).expect("in memory");
                encoder.finish().expect("in memory")
            }
            "zstd" => zstd::encode_all(&body[..], 1).expect("in memory"),
            _ => gzip(&gzip(&body)),
        };
        let codings = [coding.to_owned()];
        let whole = decode(packed.clone(), &codings, u64::MAX).expect("whole");
        prop_assert_eq!(&whole.bytes, &body);
        prop_assert!(!whole.cut);
        let length = cut.index(packed.len() + 1);
        if let Ok(part) = decode(packed[..length].to_vec(), &codings, u64::MAX) {
            prop_assert!(body.starts_with(&part.bytes));
            prop_assert!(part.cut || part.bytes == body || part.bytes.is_empty() || length == packed.len(), "{} of {}", length, packed.len());
        }
    }

    /// Settings are shown as they can be written.
    #[test]
    fn values_shown_and_read(number in "[0-9]{1,6}(\\.[0-9]{1,4})?", unit in select(vec!["ms", "s", "m", "h", "d", "KiB", "MiB", "GB", "B", "/s", "/min", "/h", "/d"])) {
        let text = format!("{number}{unit}");
        if let Ok(span) = text.parse::<Span>() {
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }
        if let Ok(bytes) = text.parse::<Bytes>() {
            prop_assert_eq!(bytes.to_string().parse::<Bytes>(), Ok(bytes));
        }
        if let Ok(rate) = text.parse::<Rate>() {
            prop_assert_eq!(rate.to_string().parse::<Rate>(), Ok(rate));
            prop_assert!(rate.interval().is_some());
        }
    }
}

fn document<'a>(url: &'a CanonicalUrl, content_type: &'a str, body: &'a [u8]) -> Document<'a> {
    Document {
        url,
        content_type: Some(content_type),
        link: &[],
        refresh: None,
        content_language: None,
        x_robots_tag: &[],
        agent: "crawl",
        body,
    }
}

fn page_of(content_type: &str, body: &[u8]) -> Page {
    let here = url("http://a.example/dir/");
    parse(&document(&here, content_type, body), &Limits::default())
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).expect("in memory");
    encoder.finish().expect("in memory")
}
