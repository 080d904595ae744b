//! The robots suites of `fixtures/conformance`, every case. What fails is named, with the reason;
//! a case that passes though it is named, or fails though it is not, fails the test.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use crawl::canonical::CanonicalUrl;
use crawl::robots::{Robots, is_product_token};
use serde_json::Value;

/// RFC 9309 §2.2.1: "Crawlers set their own name, which is called a product token, to find relevant
/// groups", by "case-insensitive matching"; it "MUST contain only" letters, `_` and `-`. No prefix of
/// a token is that token, and `hedwig-news2` is none at all.
const WHOLE_TOKENS: &str = "§2.2.1: groups are found by the whole token, not by a prefix of it";

/// RFC 9309 §2.2.1, as above: the agent of the case is a header field's value, and `Львів-bot`,
/// which stands in its midst, cannot be a product token.
const NOT_A_TOKEN: &str = "§2.2.1: a User-Agent header is not searched for the names of groups";

/// RFC 9309 §2.2.2: "If a percent-encoded ASCII octet is encountered in the URI, it MUST be unencoded
/// prior to comparison, unless it is a reserved character"; its table has `/foo/bar/%62%61%7A` match
/// `/foo/bar/baz`.
const UNRESERVED: &str = "§2.2.2: escaped unreserved characters are unencoded";

/// RFC 9309 §2.2.2: "Octets in the URI and robots.txt paths outside the range of the ASCII coded
/// character set […] MUST be percent-encoded […] prior to comparison". Google leaves that to the
/// caller; our URLs are escaped before they come here.
const NON_ASCII: &str = "§2.2.2: non-ASCII octets are percent-encoded on both sides";

const GOOGLE_ONLY: &str = "Google's own, not in RFC 9309";

const RFC9309: [(&str, &str); 7] = [
    ("robots-16ba04b936", NON_ASCII),
    ("robots-dcc74f70df", NON_ASCII),
    ("robots-35db23e72a", UNRESERVED),
    ("robots-689ac80ffb", WHOLE_TOKENS),
    ("robots-b4a9d557a4", WHOLE_TOKENS),
    ("robots-d17cdf52d1", WHOLE_TOKENS),
    ("robots-c34422d465", NOT_A_TOKEN),
];

/// `/index.html` allowing its directory; lines cut at 16 KiB; an agent with a space in its name.
const OPTIONAL: [(&str, &str); 3] = [
    ("robots-337dd8ebd7", GOOGLE_ONLY),
    ("robots-37d6e01c55", GOOGLE_ONLY),
    ("robots-48dd02d715", GOOGLE_ONLY),
];

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/conformance")
}

fn suite(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(fixtures().join(name)).expect(name);
    serde_json::from_str(&text).expect(name)
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().expect(key)
}

/// As the crawler asks: by a canonical URL. Cases that are a mere path are asked as they are.
fn allowed(robots: &Robots, url: &str) -> bool {
    match CanonicalUrl::parse(url) {
        Ok(url) => robots.verdict(url.path_and_query()).allowed,
        Err(_) => robots.verdict(url).allowed,
    }
}

fn run_verdicts(scope: &str, cases: usize, failing: &[(&str, &str)]) {
    let all = suite("robots.json");
    let all: Vec<_> = all.iter().filter(|case| case["scope"] == scope).collect();
    assert_eq!(all.len(), cases);
    let failed: BTreeSet<_> = all
        .into_iter()
        .filter(|case| {
            let robots = Robots::parse(text(case, "robots").as_bytes(), text(case, "agent"));
            allowed(&robots, text(case, "url")) != case["allowed"]
        })
        .map(|case| text(case, "id"))
        .collect();
    assert_eq!(failed, failing.iter().map(|(id, _)| *id).collect());
}

#[test]
fn rfc9309() {
    run_verdicts("rfc9309", 252, &RFC9309);
}

#[test]
fn google_only() {
    run_verdicts("google-only", 37, &OPTIONAL);
}

#[test]
fn real_files() {
    let cases = suite("robots_real.json");
    assert_eq!(cases.len(), 3046);
    let mut compiled = HashMap::new();
    for case in &cases {
        let (file, agent) = (text(case, "file"), text(case, "agent"));
        let robots = compiled.entry((file, agent)).or_insert_with(|| {
            let body = std::fs::read(fixtures().join("robots_real").join(file)).expect(file);
            Robots::parse(&body, agent)
        });
        assert_eq!(
            allowed(robots, text(case, "url")),
            case["allowed"],
            "{case}"
        );
    }
}

#[test]
fn every_real_file_is_read() {
    let files = std::fs::read_dir(fixtures().join("robots_real")).expect("robots_real");
    let mut count = 0;
    for file in files {
        let body = std::fs::read(file.expect("file").path()).expect("body");
        let robots = Robots::parse(&body, "crawl");
        assert!(robots.verdict("/robots.txt").allowed);
        count += 1;
    }
    assert_eq!(count, 120);
}

#[test]
fn crawl_delay() {
    let cases = suite("robots_delay.json");
    assert_eq!(cases.len(), 9);
    for case in &cases {
        let robots = Robots::parse(text(case, "robots").as_bytes(), text(case, "agent"));
        let wanted = case["crawl_delay"].as_f64().map(Duration::from_secs_f64);
        assert_eq!(robots.crawl_delay(), wanted, "{case}");
    }
}

#[test]
fn product_tokens() {
    let cases = suite("robots_ua_token.json");
    assert_eq!(cases.len(), 10);
    for case in &cases {
        assert_eq!(
            is_product_token(text(case, "token")),
            case["valid"],
            "{case}"
        );
    }
}
