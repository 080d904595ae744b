//! Single requests, outside of any crawl: nothing of them is stored.

use std::sync::atomic::AtomicU64;

use crawl::CanonicalUrl;
use crawl::canonical::{Base, Origin};
use crawl::config::Config;
use crawl::fetch::{Fetcher, decode};
use crawl::fetched::Fetched;
use crawl::robots::{self, Answer, Robots};

/// Asks for a robots.txt and its hops; answers with what came, in a word or two, and the rules.
pub(super) async fn robots(fetcher: &Fetcher, origin: &Origin, agent: &str) -> (String, Robots) {
    let Ok(mut url) = origin.robots_url() else {
        return ("none".to_owned(), Robots::allow_all());
    };
    for hops in 0.. {
        let fetched = fetcher
            .fetch(&url, robots::MAX_BYTES as u64, &AtomicU64::new(0))
            .await;
        let status = fetched.status().filter(|_| fetched.error.is_none());
        let words = match (status, &fetched.detail) {
            (Some(status), _) => status.to_string(),
            (None, detail) => detail.clone().unwrap_or_else(|| "no answer".to_owned()),
        };
        let answer = Answer::from_status(status, hops);
        let head = fetched.head.unwrap_or_default();
        let target = head
            .get("location")
            .and_then(|location| Base::of(&url).join(location).ok());
        match (answer, target) {
            (Answer::Follow, Some(target)) => url = target,
            (Answer::Follow, None) => return (words, Robots::allow_all()),
            _ => {
                let encodings = head.get_all("content-encoding");
                let body =
                    decode::decode(fetched.body.clone(), &encodings, robots::MAX_BYTES as u64)
                        .map_or(fetched.body, |decoded| decoded.bytes);
                return (words, answer.robots(&body, agent));
            }
        }
    }
    ("too many redirects".to_owned(), Robots::allow_all())
}

/// A page that came, after its redirects.
pub(super) struct Got {
    pub(super) url: CanonicalUrl,
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Asks for a page as a crawl would: robots.txt first, at each hop.
///
/// # Errors
/// Why there is none, in words.
pub(super) async fn page(
    fetcher: &Fetcher,
    config: &Config,
    url: &CanonicalUrl,
) -> Result<Got, String> {
    let agent = robots::product_token(&config.politeness.user_agent);
    let mut url = url.clone();
    for _ in 0..=config.fetch.max_redirects {
        if !config.politeness.ignore_robots {
            let (words, rules) = robots(fetcher, &url.origin(), agent).await;
            let verdict = rules.verdict(url.path_and_query());
            if !verdict.allowed {
                let rule = verdict.rule.unwrap_or(&words);
                return Err(format!(
                    "robots.txt forbids it ({rule}); --ignore-robots asks all the same"
                ));
            }
        }
        let max = config.fetch.max_body.0;
        let fetched: Fetched = fetcher.fetch(&url, max, &AtomicU64::new(0)).await;
        let head = match (fetched.error, fetched.head) {
            (None, Some(head)) => head,
            (error, _) => {
                let class = error.map_or("no answer", |error| error.as_str());
                return Err(fetched
                    .detail
                    .map_or_else(|| class.to_owned(), |detail| format!("{class}: {detail}")));
            }
        };
        if head.is_redirect() {
            let target = head
                .get("location")
                .and_then(|location| Base::of(&url).join(location).ok());
            url = target.ok_or("it redirects to no URL")?;
            continue;
        }
        if !(200..300).contains(&head.status) {
            return Err(format!("status {}", head.status));
        }
        let decoded = decode::decode(fetched.body, &head.get_all("content-encoding"), max);
        let decoded = decoded.map_err(|error| error.as_str().to_owned())?;
        return Ok(Got {
            url,
            content_type: head.get("content-type").map(str::to_owned),
            body: decoded.bytes,
        });
    }
    Err("too many redirects".to_owned())
}
