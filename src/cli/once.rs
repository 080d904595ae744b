//! Single requests, outside of any crawl: at the pace that a crawl would keep, robots.txt first. Nothing of
//! them is stored.

use std::collections::HashMap;

use crawl::CanonicalUrl;
use crawl::canonical::{Base, Host, Origin};
use crawl::config::{Config, ConfigError};
use crawl::fetch::{Fetcher, decode};
use crawl::fetched::Fetched;
use crawl::frontier::Paces;
use crawl::robots::{self, Answer, Robots};
use tokio::time::Instant;

/// Whoever asks.
pub(super) struct Once<'a> {
    fetcher: Fetcher,
    config: &'a Config,
    paces: Paces,
    /// When a host may be asked again.
    next: HashMap<Host, Instant>,
    /// What came of each robots.txt, in a word or two, and the rules.
    robots: HashMap<Origin, (String, Robots)>,
}

/// A page that came, after its redirects.
pub(super) struct Got {
    pub(super) url: CanonicalUrl,
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

impl<'a> Once<'a> {
    pub(super) fn new(config: &'a Config, fetcher: Fetcher) -> Result<Self, ConfigError> {
        Ok(Self {
            fetcher,
            config,
            paces: Paces::new(config)?,
            next: HashMap::new(),
            robots: HashMap::new(),
        })
    }

    async fn fetch(&mut self, url: &CanonicalUrl, max: u64) -> Fetched {
        let host = url.host();
        if let Some(next) = self.next.get(&host) {
            tokio::time::sleep_until(*next).await;
        }
        let limits = self.paces.of(&host);
        let rules = self.robots.get(&url.origin()).map(|(_, rules)| rules);
        let delay = rules.and_then(Robots::crawl_delay);
        let gap = delay.map(|delay| delay.min(limits.max_crawl_delay));
        if let Some(gap) = gap.max(limits.interval) {
            self.next.insert(host, Instant::now() + gap);
        }
        self.fetcher.fetch(url, max).await
    }

    /// What an origin's robots.txt says: in words what came, and the rules. Asked for once, hops included.
    pub(super) async fn robots(&mut self, origin: &Origin) -> &(String, Robots) {
        if !self.robots.contains_key(origin) {
            let answer = self.ask_robots(origin).await;
            self.robots.insert(origin.clone(), answer);
        }
        &self.robots[origin]
    }

    async fn ask_robots(&mut self, origin: &Origin) -> (String, Robots) {
        let Ok(mut url) = origin.robots_url() else {
            return ("none".to_owned(), Robots::allow_all());
        };
        let max = robots::MAX_BYTES as u64;
        for hops in 0.. {
            let fetched = self.fetch(&url, max).await;
            let status = fetched.status().filter(|_| fetched.error.is_none());
            let words = match (status, &fetched.detail) {
                (Some(status), _) => status.to_string(),
                (None, detail) => detail.clone().unwrap_or_else(|| "no answer".to_owned()),
            };
            let answer = Answer::from_status(status, hops);
            let head = fetched.head.unwrap_or_default();
            let location = head.get("location");
            let target = location.and_then(|location| Base::of(&url).join(location).ok());
            match (answer, target) {
                (Answer::Follow, Some(target)) => url = target,
                (Answer::Follow, None) => return (words, Robots::allow_all()),
                _ => {
                    let encodings = head.get_all("content-encoding");
                    let body = decode::decode(fetched.body.clone(), &encodings, max)
                        .map_or(fetched.body, |decoded| decoded.bytes);
                    let agent = robots::product_token(&self.config.politeness.user_agent);
                    let rules = match answer {
                        Answer::Rules => {
                            let purpose = self.config.politeness.purpose;
                            Robots::for_purpose(&body, agent, purpose)
                        }
                        _ => answer.robots(&body, agent),
                    };
                    return (words, rules);
                }
            }
        }
        ("too many redirects".to_owned(), Robots::allow_all())
    }

    /// Asks for a page, and for robots.txt at each hop on the way.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(super) async fn page(&mut self, url: &CanonicalUrl) -> Result<Got, String> {
        let mut url = url.clone();
        let max = self.config.fetch.max_body.0;
        for _ in 0..=self.config.fetch.max_redirects {
            if !self.config.politeness.ignore_robots {
                let (words, rules) = self.robots(&url.origin()).await;
                let verdict = rules.verdict(url.path_and_query());
                if !verdict.allowed {
                    let rule = verdict.rule.unwrap_or(words);
                    return Err(format!(
                        "robots.txt forbids it ({rule}); --ignore-robots asks all the same"
                    ));
                }
            }
            let fetched = self.fetch(&url, max).await;
            let head = match (fetched.error, fetched.head) {
                (None, Some(head)) => head,
                (error, _) => {
                    let class = error.map_or("no answer", |error| error.as_str());
                    let detail = fetched.detail.map(|detail| format!(": {detail}"));
                    return Err(format!("{class}{}", detail.unwrap_or_default()));
                }
            };
            if head.is_redirect() {
                let location = head.get("location");
                let target = location.and_then(|location| Base::of(&url).join(location).ok());
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
}
