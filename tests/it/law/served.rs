//! The law with everything there is: webs are served by several hosts with latencies, and crawled by the
//! library, or by the program with kills at any moment.

use std::time::Duration;

use crawl::{Config, LinkKind};
use fastrand::Rng;
use tempfile::TempDir;

use super::model::Solution;
use super::web::{Answer, HOSTS, Settings, Web};
use super::{all, cases, compare};
use crate::support::{Crawl, Reply, Site, expect_sound};

/// All ports of one address are of one domain.
const DOMAINS: [usize; HOSTS] = [0; HOSTS];

/// A URL with parameters that mean nothing.
fn noise(url: &str) -> String {
    let number = fastrand::u32(..1000);
    let sign = if url.contains('?') { '&' } else { '?' };
    match number % 4 {
        0 => url.to_owned(),
        1 => format!("{url}{sign}utm_source={number}"),
        2 => format!("{url}{sign}sid={number}&utm_medium=x"),
        _ => match url.split_once('?') {
            Some((path, query)) => format!("{path};sid={number}?{query}"),
            None => format!("{url};sid={number}"),
        },
    }
}

/// A case: a web that is served, settings, and what they ought to come to.
struct Case {
    web: Web,
    sites: Vec<Site>,
    urls: Vec<String>,
    settings: Settings,
    config: Config,
    solution: Solution,
    /// Whether each link is written in a form of its own, which settings bring into one.
    noisy: bool,
}

impl Case {
    fn new(rng: &mut Rng) -> Self {
        let web = Web::random(rng);
        let sites: Vec<Site> = (0..HOSTS).map(|_| Site::start()).collect();
        let bases: Vec<String> = sites.iter().map(|site| site.url("")).collect();
        let urls = web.urls(&bases);
        let settings = Settings::random(rng, &web);
        let mut config = settings.config(&urls);
        config.politeness.concurrency = rng.u32(1..=16);
        config.politeness.host_concurrency = rng.u32(1..=8);
        let noisy = rng.bool();
        if noisy {
            config.scope.strip_params = vec!["sid".to_owned(), "utm_*".to_owned()];
            config
                .seeds
                .seed
                .iter_mut()
                .for_each(|seed| *seed = noise(seed));
        }
        let case = Self {
            noisy,
            solution: Solution::of(&web, &settings, &urls, &DOMAINS),
            web,
            sites,
            urls,
            settings,
            config,
        };
        case.serve();
        case
    }

    fn serve(&self) {
        for (site, disallowed) in self.sites.iter().zip(&self.web.disallowed) {
            if let Some(start) = disallowed {
                site.robots(&format!("User-agent: *\nDisallow: {start}\n"));
            }
        }
        for (number, node) in self.web.nodes.iter().enumerate() {
            let reply = match &node.answer {
                Answer::Missing => Reply::new(404),
                // A redirect to the URL itself in another form is followed as it is written.
                Answer::Redirect(to) if *to == number => {
                    Reply::new(302).header("Location", &self.urls[*to])
                }
                Answer::Redirect(to) => Reply::new(302).header("Location", &self.written(*to)),
                Answer::Style(parts) => Reply::new(200)
                    .header("Content-Type", "text/css")
                    .body(parts.iter().map(|to| self.import(*to)).collect::<String>()),
                Answer::Page { .. } => Reply::html(self.page(number)),
            };
            let delay = Duration::from_millis(node.delay);
            self.sites[node.host].reply(&node.path, reply.delay(delay));
        }
    }

    fn import(&self, to: usize) -> String {
        format!("@import url({});\n", self.written(to))
    }

    /// A URL as it is written on a page.
    fn written(&self, to: usize) -> String {
        if self.noisy {
            noise(&self.urls[to])
        } else {
            self.urls[to].clone()
        }
    }

    fn page(&self, number: usize) -> String {
        let Answer::Page { nofollow, links } = &self.web.nodes[number].answer else {
            return String::new();
        };
        let (mut head, mut body) = (format!("<title>{number}</title>"), String::new());
        if *nofollow {
            head += "<meta name=robots content=nofollow>";
        }
        for link in links {
            let to = self.written(link.to);
            let rel = if link.nofollow { " rel=nofollow" } else { "" };
            match link.kind {
                LinkKind::Next => head += &format!("<link rel=next href={to}>"),
                LinkKind::Canonical => head += &format!("<link rel=canonical href={to}>"),
                LinkKind::Stylesheet => head += &format!("<link rel=stylesheet href={to}>"),
                LinkKind::Icon => head += &format!("<link rel=icon href={to}>"),
                LinkKind::Iframe => body += &format!("<iframe src={to}></iframe>"),
                LinkKind::Img => body += &format!("<img src={to}>"),
                LinkKind::Script => body += &format!("<script src={to}></script>"),
                LinkKind::Media => body += &format!("<video src={to}></video>"),
                _ => body += &format!("<a href={to}{rel}>x</a>"),
            }
        }
        format!("<!DOCTYPE html><head>{head}</head><body>{body}</body>")
    }

    /// What differs from the model: in the database, and in what the sites were asked.
    fn check(&self, output: &std::path::Path, kills: usize) -> Vec<String> {
        expect_sound(output);
        let mut different = compare(&self.web, &self.solution, &self.urls, output);
        for (number, node) in self.web.nodes.iter().enumerate() {
            let hits = self.sites[node.host].hits_of(&node.path);
            let gets = hits.iter().filter(|hit| hit.method == "GET").count();
            let wanted =
                self.solution.states()[number].asked_as().is_some() && !self.web.forbids(number);
            if hits.is_empty() == wanted || gets > 1 + kills || hits.len() - gets > 1 + kills {
                let url = &self.urls[number];
                different.push(format!("{url} was asked for {} times", hits.len()));
            }
        }
        if !different.is_empty() {
            different.push(format!("{:?}", self.settings));
        }
        different
    }
}

fn in_process(seed: u64) -> Vec<String> {
    let case = Case::new(&mut Rng::with_seed(seed));
    let output = TempDir::new().expect("a directory");
    let mut config = case.config.clone();
    config.output.output = output.path().to_owned();
    config.output.files = seed.is_multiple_of(4);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let summary = runtime.block_on(crawl::run(config, std::future::pending()));
    summary.expect("a crawl");
    case.check(output.path(), 0)
}

fn killed(seed: u64) -> Vec<String> {
    let mut rng = Rng::with_seed(seed);
    let case = Case::new(&mut rng);
    let crawl = Crawl::new().args(["--config", "c.toml", "-o", "out"]);
    crawl.file("c.toml", &case.config.to_toml());
    let asked = || {
        case.sites
            .iter()
            .map(|site| site.hits().len())
            .sum::<usize>()
    };
    let mut kills = 0;
    // A start after the end would be another run: it is killed only where it has more to do.
    for _ in 0..rng.usize(1..=4) {
        let until = asked() + rng.usize(1..=12);
        let mut child = crawl.spawn();
        child.wait_until("some requests, or the end", |child| {
            asked() >= until || child.stderr().contains("finished")
        });
        std::thread::sleep(Duration::from_millis(rng.u64(..8)));
        kills += 1;
        child.kill9();
        // Its rows may say so where it had no time to.
        let finished = "SELECT count(*) || ' ended' FROM runs WHERE state = 'finished'";
        let said = crawl.run_args(["query", "-o", "out", finished]).stdout;
        if said.contains("1 ended") {
            return case.check(&crawl.dir().join("out"), kills);
        }
    }
    crawl.run();
    case.check(&crawl.dir().join("out"), kills)
}

#[test]
fn any_latencies_come_to_the_same() {
    all(cases(60), in_process);
}

#[test]
fn any_kills_come_to_the_same() {
    all(cases(12), killed);
}
