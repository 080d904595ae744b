//! Cases that nobody here wrote, run through the parse room; `fixtures/conformance/README.md` says where
//! they are from. Every case runs. Each suite names the cases that it fails, and by which rule.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use crawl::canonical::{Base, CanonicalUrl};
use crawl::parse::{Document, Limits, base_of, charset, parse, refresh_of};
use crawl::record::{LinkKind, Page};
use encoding_rs::{Encoding, GB18030, GBK};
use serde_json::Value;

const LABEL: &str = "Encoding Standard §4.2: the label utf-16 is UTF-16LE";
const META_16: &str = "HTML §13.2.3.2, prescan: UTF-16BE/LE in a meta is UTF-8";
const FALLBACK: &str =
    "pure ASCII that declares nothing is windows-1252, as html5lib's cases have it; same text";
const PRAGMA: &str = "HTML §13.2.3.2, prescan: content counts only with http-equiv=content-type";
const REPLACEMENT: &str = "Encoding Standard §4.2: iso-2022-kr is replacement, which has no text";
const MAC: &str = "chardetng leaves x-mac-cyrillic out of its guesses, as browsers do";
const DUPLICATE: &str = "HTML §13.2.5.33: of two attributes of one name the second is removed";
const EXTENSION: &str = "Scrapy's deny_extensions; here a link is a link, and scope decides";
const SCHEME: &str = "URL Standard: a scheme-relative reference has the scheme of its base, https";
const TEMPLATE: &str = "courlan guesses that braces are a template; the URL Standard escapes them";
const SORTED: &str = "our policy: queries are not sorted";
const COLLAPSED: &str = "our policy: slashes are not collapsed";
const EMPTY: &str = "our policy: an empty parameter stays";
const QUERY_SET: &str = "URL Standard: the query percent-encode set has neither ^ nor |";
const PERCENT: &str = "URL Standard: a % that begins no escape stays as it is";

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", "conformance", name]
        .iter()
        .collect()
}

pub fn cases(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(path(file)).expect(file);
    serde_json::from_str(&text).expect(file)
}

pub fn bytes(value: &Value) -> Vec<u8> {
    let decode = |text: &str| {
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .expect(text)
    };
    match value {
        Value::String(text) => text.clone().into_bytes(),
        _ => decode(value["b64"].as_str().expect("base64")),
    }
}

fn page(url: &str, content_type: &str, body: &[u8]) -> Page {
    let url = CanonicalUrl::parse(url).expect(url);
    let document = Document {
        url: &url,
        content_type: Some(content_type),
        link: &[],
        refresh: None,
        content_language: None,
        x_robots_tag: &[],
        agent: "crawl",
        body,
    };
    parse(&document, &Limits::default())
}

/// Runs every case; what fails must be just the cases that are named, each with its reason.
pub fn suite(
    name: &str,
    cases: &[Value],
    known: &[(&str, &str)],
    run: impl Fn(&Value) -> Result<(), String>,
) {
    let mut failed = BTreeMap::new();
    for case in cases {
        if let Err(why) = run(case) {
            failed.insert(case["id"].as_str().expect("an id").to_owned(), why);
        }
    }
    println!(
        "{name}: {} of {} pass",
        cases.len() - failed.len(),
        cases.len()
    );
    for (id, why) in &failed {
        let reason = known
            .iter()
            .find(|row| row.0 == id)
            .map_or("NOT KNOWN", |row| row.1);
        println!("  {id}: {why} ({reason})");
    }
    let mut known: Vec<_> = known.iter().map(|row| row.0).collect();
    known.sort_unstable();
    assert_eq!(
        failed.keys().map(String::as_str).collect::<Vec<_>>(),
        known,
        "{name}"
    );
}

pub fn same<T: PartialEq + std::fmt::Debug>(got: T, wanted: T) -> Result<(), String> {
    if got == wanted {
        Ok(())
    } else {
        Err(format!("got {got:?}, wanted {wanted:?}"))
    }
}

#[test]
fn html_encoding() {
    suite(
        "html_encoding",
        &cases("html_encoding.json"),
        &[
            ("html_encoding-168055cc06", LABEL),
            ("html_encoding-ed4ba43374", META_16),
            ("html_encoding-2817050d2b", FALLBACK),
            ("html_encoding-fe5217aaf4", FALLBACK),
            ("html_encoding-6bf867a82b", PRAGMA),
            ("html_encoding-d49205f311", PRAGMA),
        ],
        |case| {
            let body = bytes(&serde_json::json!({"b64": case["body_b64"]}));
            let label = case["encoding"].as_str().expect("a label");
            let wanted = Encoding::for_label(label.as_bytes()).expect(label);
            let chosen = charset::choose(&body, case["content_type"].as_str());
            let one = |encoding| if encoding == GBK { GB18030 } else { encoding };
            same(one(chosen).name(), one(wanted).name())?;
            case["text"]
                .as_str()
                .map_or(Ok(()), |text| same(&*charset::decode(&body, chosen), text))
        },
    );
}

#[test]
fn charset_detection() {
    suite(
        "charset_detect",
        &cases("charset_detect/index.json"),
        &[
            ("charset_detect-771ca9f2b3", REPLACEMENT),
            ("charset_detect-8da8b9614b", MAC),
        ],
        |case| {
            let file = case["file"].as_str().expect("a file");
            let body = fs::read(path("charset_detect").join(file)).expect(file);
            let label = case["encoding"]
                .as_str()
                .expect("a label")
                .to_ascii_lowercase();
            let label = label.replace("maccyrillic", "x-mac-cyrillic");
            // Labels have a language or `sig` behind them.
            let wanted = Encoding::for_label(label.as_bytes())
                .or_else(|| Encoding::for_label(label.rsplit_once('-')?.0.as_bytes()))
                .ok_or_else(|| format!("no such encoding: {label}"))?;
            let chosen = charset::choose(&body, None);
            if charset::decode(&body, chosen) == charset::decode(&body, wanted) {
                Ok(())
            } else {
                Err(format!("got {}, wanted {}", chosen.name(), wanted.name()))
            }
        },
    );
}

#[test]
fn base_and_refresh() {
    suite(
        "html_base_refresh",
        &cases("html_base_refresh.json"),
        &[("html_base_refresh-ce9971fd34", DUPLICATE)],
        |case| {
            let html = bytes(&case["html"]);
            let text = String::from_utf8_lossy(&html);
            let url =
                CanonicalUrl::parse(case["page_url"].as_str().expect("a URL")).expect("a URL");
            let absolute =
                |url: &Value| CanonicalUrl::parse(url.as_str().expect("a URL")).expect("a URL");
            if case["kind"] == "get_base_url" {
                let wanted = absolute(&case["expected"]);
                return same(base_of(&text, &url).as_str(), wanted.as_str());
            }
            let wanted = case["expected"][0]
                .as_f64()
                .map(|seconds| (seconds, absolute(&case["expected"][1])));
            same(refresh_of(&text, &url), wanted)
        },
    );
}

#[test]
fn links() {
    suite(
        "links",
        &cases("links.json"),
        &[("links-3a14c354ee", EXTENSION)],
        |case| {
            let body = bytes(&serde_json::json!({"b64": case["body_b64"]}));
            let content_type = format!(
                "text/html; charset={}",
                case["encoding"].as_str().expect("a label")
            );
            let page = page(
                case["page_url"].as_str().expect("a URL"),
                &content_type,
                &body,
            );
            let mut got: Vec<_> = page
                .links
                .iter()
                .filter(|link| matches!(link.kind, LinkKind::A | LinkKind::Area))
                .map(|link| (link.target.to_string(), link.is_nofollow()))
                .collect();
            let mut wanted: Vec<_> = case["links"]
                .as_array()
                .expect("links")
                .iter()
                // Fragments are dropped, and another scheme is no link for a crawler of the web.
                .filter_map(|link| Some((CanonicalUrl::parse(link["url"].as_str()?).ok()?, link)))
                .map(|(url, link)| (url.to_string(), link["nofollow"] == true))
                .collect();
            for list in [&mut got, &mut wanted] {
                list.sort();
                list.dedup();
            }
            same(got, wanted)
        },
    );
}

#[test]
fn titles() {
    suite(
        "title_entities",
        &cases("title_entities.json"),
        &[],
        |case| {
            let html = case["html"].as_str().expect("html");
            let page = page(
                "http://a.example/",
                "text/html; charset=utf-8",
                html.as_bytes(),
            );
            let raw = case["title_raw"].as_str().expect("a title");
            let wanted = raw
                .split(|c: char| c.is_ascii_whitespace())
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ");
            same(page.title.as_deref().unwrap_or_default(), &*wanted)
        },
    );
}

/// Less what a canonical URL has not: fragment and user information.
fn without_private_parts(href: &str) -> String {
    let href = href.split('#').next().unwrap_or_default();
    let Some((scheme, rest)) = href.split_once("//") else {
        return href.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}//{host}{path}")
}

#[test]
fn url_parse() {
    suite("url_parse", &cases("url_parse.json"), &[], |case| {
        let input = case["input"].as_str().expect("an input");
        let got = match case["base"].as_str() {
            None => CanonicalUrl::parse(input).ok(),
            // The page that a link stands on was itself crawled, so its URL is http(s).
            Some(base) => CanonicalUrl::parse(base)
                .ok()
                .and_then(|page| Base::of(&page).join(input).ok()),
        };
        let wanted = case["href"].as_str().filter(|_| case["failure"] != true);
        let wanted = wanted.filter(|href| href.starts_with("http:") || href.starts_with("https:"));
        same(
            got.map(|url| url.to_string()),
            wanted.map(without_private_parts),
        )
    });
}

#[test]
fn url_resolve() {
    suite(
        "url_resolve",
        &cases("url_resolve.json"),
        &[
            ("url_resolve-365082e64b", SCHEME),
            ("url_resolve-63bb423dc4", TEMPLATE),
        ],
        |case| {
            let base = CanonicalUrl::parse(case["base"].as_str().expect("a base")).expect("a base");
            let got = Base::of(&base)
                .join(case["input"].as_str().expect("an input"))
                .ok();
            let wanted = case["href"]
                .as_str()
                .and_then(|href| CanonicalUrl::parse(href).ok());
            same(got, wanted)
        },
    );
}

#[test]
fn url_normalize() {
    let required: Vec<_> = cases("url_normalize.json")
        .into_iter()
        .filter(|case| {
            case["agrees"]
                .as_array()
                .is_some_and(|agree| agree.len() >= 2)
        })
        .collect();
    suite(
        "url_normalize",
        &required,
        &[
            ("url_normalize-013810222b", SORTED),
            ("url_normalize-1b49b9f654", SORTED),
            ("url_normalize-1cb6196096", SORTED),
            ("url_normalize-3caaa1fd53", SORTED),
            ("url_normalize-6a7eb2f6b4", SORTED),
            ("url_normalize-7394075286", SORTED),
            ("url_normalize-8bca2a470e", SORTED),
            ("url_normalize-8fea806d76", SORTED),
            ("url_normalize-9fc691d2a7", SORTED),
            ("url_normalize-b46574c430", SORTED),
            ("url_normalize-c1d40da509", SORTED),
            ("url_normalize-cbcb384094", SORTED),
            ("url_normalize-223e00a5e4", COLLAPSED),
            ("url_normalize-5362a89285", COLLAPSED),
            ("url_normalize-95407ec885", COLLAPSED),
            ("url_normalize-aee119bdc3", COLLAPSED),
            ("url_normalize-d53c9cc414", COLLAPSED),
            ("url_normalize-61c84cf0b0", EMPTY),
            ("url_normalize-6134ab2f9b", QUERY_SET),
            ("url_normalize-6a03543135", QUERY_SET),
            ("url_normalize-6ed6d7e58c", PERCENT),
            ("url_normalize-8c6bbd46c1", PERCENT),
            ("url_normalize-9e95a71817", PERCENT),
        ],
        |case| {
            let key = |text: &Value| {
                let url = CanonicalUrl::parse(text.as_str()?).ok()?;
                Some(url.key().into_owned())
            };
            same(key(&case["input"]), key(&case["normalized"]))
        },
    );
}
