//! The law for sitemaps, without a network: random webs of pages, robots.txt files and sitemaps (indexes,
//! redirects, rings of both) are fed to the store in random order, with kills; what is read, from which
//! place, and how deep the pages are, is what a model comes to that knows no order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crawl::Config;
use crawl::canonical::CanonicalUrl;
use crawl::config::{Limit, Reach, Seed, Sitemaps};
use crawl::frontier::MoreHosts;
use crawl::record::{Content, Fate, Link, LinkKind, Page, Record, RobotsAnswer};
use crawl::request::Request;
use crawl::scope::Scope;
use crawl::store::{Batch, How, Opening, Policy};
use fastrand::Rng;
use tempfile::TempDir;

use super::stored::{answered, commit, url};
use super::{all, cases};
use crate::support::{expect_sound, rows};

const ORIGINS: [&str; 3] = [
    "http://a.one.example",
    "http://b.one.example",
    "http://two.example",
];

/// What a sitemap says. Sitemaps and pages are numbered; that of number N is at origin N % 3.
#[derive(Debug, Clone)]
enum Map {
    Missing,
    To(usize),
    Index(Vec<usize>),
    Urls(Vec<usize>),
}

#[derive(Debug, Clone)]
enum Leads {
    To(usize),
    Links(Vec<usize>),
}

#[derive(Debug)]
struct Web {
    maps: Vec<Map>,
    pages: Vec<Leads>,
    /// What the robots.txt of each origin names.
    robots: Vec<Vec<usize>>,
}

fn page_url(number: usize) -> String {
    format!("{}/{number}", ORIGINS[number % 3])
}

fn map_url(number: usize) -> String {
    format!("{}/{number}.xml", ORIGINS[number % 3])
}

fn some(rng: &mut Rng, most: usize, of: usize) -> Vec<usize> {
    (0..rng.usize(..=most)).map(|_| rng.usize(..of)).collect()
}

impl Web {
    fn random(rng: &mut Rng) -> Self {
        let (maps, pages) = (rng.usize(1..12), rng.usize(1..12));
        let map = |rng: &mut Rng| match rng.u8(..6) {
            0 => Map::Missing,
            1 => Map::To(rng.usize(..maps)),
            2 | 3 => Map::Index(some(rng, 3, maps)),
            _ => Map::Urls(some(rng, 3, pages)),
        };
        let page = |rng: &mut Rng| match rng.u8(..4) {
            0 => Leads::To(rng.usize(..pages)),
            _ => Leads::Links(some(rng, 2, pages)),
        };
        Self {
            maps: (0..maps).map(|_| map(rng)).collect(),
            pages: (0..pages).map(|_| page(rng)).collect(),
            robots: ORIGINS.map(|_| some(rng, 2, maps)).into(),
        }
    }

    fn settings(&self, rng: &mut Rng) -> (Config, Vec<Seed>) {
        let mut config = Config::default();
        let reaches = [Reach::Host, Reach::Domain, Reach::Any];
        config.scope.scope = reaches[rng.usize(..3)];
        config.scope.max_depth = Limit(rng.bool().then(|| rng.u32(..4)));
        config.fetch.max_redirects = rng.u32(..3);
        if rng.u8(..5) == 0 {
            config.scope.sitemaps = Sitemaps::Off;
        }
        (config, self.seeds(rng))
    }

    fn seeds(&self, rng: &mut Rng) -> Vec<Seed> {
        let page = |number| Seed::Page(url(&page_url(number)));
        let map = |number| Seed::Sitemap(url(&map_url(number)));
        let (pages, maps) = (self.pages.len(), self.maps.len());
        match rng.u8(..3) {
            0 => vec![page(rng.usize(..pages))],
            1 => vec![map(rng.usize(..maps))],
            _ => vec![page(rng.usize(..pages)), map(rng.usize(..maps))],
        }
    }

    /// What comes of a request.
    fn record(&self, request: Request) -> Record {
        let text = request.url.as_str().to_owned();
        let mut record = Record {
            request,
            fetched: Some(answered(200)),
            error: None,
            rule: None,
            redirect_to: None,
            content: None,
            robots: None,
            sitemap: None,
            fate: Fate::Done,
        };
        if !record.request.is_sitemap() {
            let number = (0..self.pages.len()).find(|number| page_url(*number) == text);
            let number = number.expect("a page");
            let links = match &self.pages[number] {
                Leads::To(to) => {
                    record.fetched = Some(answered(302));
                    record.redirect_to = Some(url(&page_url(*to)));
                    return record;
                }
                Leads::Links(links) => links.iter(),
            };
            let mut page = Page::default();
            page.links = links
                .map(|to| Link::new(url(&page_url(*to)), LinkKind::A))
                .collect();
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&number.to_le_bytes());
            record.content = Some(Content::new(digest, 10, page));
            return record;
        }
        let number = (0..self.maps.len()).find(|number| map_url(*number) == text);
        let list = |item: &str, urls: Vec<String>| {
            let urls = urls
                .iter()
                .map(|url| format!("<{item}><loc>{url}</loc></{item}>"));
            urls.collect::<String>()
        };
        let body = match &self.maps[number.expect("a sitemap")] {
            Map::Missing => {
                record.fetched = Some(answered(404));
                return record;
            }
            Map::To(to) => {
                record.fetched = Some(answered(302));
                record.redirect_to = Some(url(&map_url(*to)));
                return record;
            }
            Map::Index(maps) => {
                let maps = maps.iter().map(|map| map_url(*map)).collect();
                format!("<sitemapindex>{}</sitemapindex>", list("sitemap", maps))
            }
            Map::Urls(pages) => {
                // Every other one is a version of the first in another language, which leads there as well.
                let of = |rest| {
                    pages
                        .iter()
                        .skip(rest)
                        .step_by(2)
                        .map(|page| page_url(*page))
                };
                let links: String = of(1)
                    .map(|url| format!("<x:link rel='alternate' hreflang='de' href='{url}'/>"))
                    .collect();
                let links = links + "</url>";
                let body = list("url", of(0).collect()).replacen("</url>", &links, 1);
                format!("<urlset>{body}</urlset>")
            }
        };
        let read = crawl::parse::sitemap::read(body.as_bytes(), None, &record.request.url);
        record.sitemap = Some(Box::new(read));
        record
    }

    /// The answer to the request for an origin's robots.txt.
    fn robots_record(&self, of: &CanonicalUrl) -> Record {
        let origin = of.origin();
        let number = ORIGINS.iter().position(|text| *text == origin.as_str());
        let named = self.robots[number.expect("an origin")].iter();
        let body: String = named
            .map(|map| format!("Sitemap: {}\n", map_url(*map)))
            .collect();
        let robots_url = origin.robots_url().expect("a URL");
        let now = SystemTime::now();
        Record {
            robots: Some(RobotsAnswer {
                origin: origin.clone(),
                status: Some(200),
                body: body.into_bytes(),
                reachable: true,
                signals: Vec::new(),
                fetched: now,
                valid_until: now + Duration::from_secs(3600),
            }),
            content: None,
            ..self.plain(Request::robots(robots_url, origin, 0, 0))
        }
    }

    fn plain(&self, request: Request) -> Record {
        Record {
            request,
            fetched: Some(answered(200)),
            error: None,
            rule: None,
            redirect_to: None,
            content: None,
            robots: None,
            sitemap: None,
            fate: Fate::Done,
        }
    }

    /// One start; it ends early where it is to be killed. Whether it came to the end.
    async fn start(
        &self,
        output: &Path,
        config: &Config,
        seeds: &[Seed],
        rng: &mut Rng,
        kill: bool,
    ) -> bool {
        let scope = Scope::new(&config.scope, &Seed::anchors(seeds)).expect("a scope");
        let opening = Opening::open(output, false).expect("an output");
        let (store, _) = opening
            .begin(seeds, Policy::new(config, scope).expect("a policy"), config)
            .expect("a start");
        let known = rows(output, "SELECT text FROM origin WHERE robots IS NOT NULL");
        let mut known: BTreeSet<String> = known.into_iter().collect();
        let more = MoreHosts {
            after: 0,
            limit: 10_000,
        };
        let batch = Batch {
            more_hosts: Some(more),
            ..Batch::default()
        };
        let mut waiting = commit(&store, batch).await;
        let mut left = if kill { rng.usize(..12) } else { usize::MAX };
        while !waiting.is_empty() && left > 0 {
            let mut records = Vec::new();
            for _ in 0..rng.usize(1..=4).min(waiting.len()) {
                let request = waiting.swap_remove(rng.usize(..waiting.len()));
                if known.insert(request.url.origin().to_string()) {
                    records.push(self.robots_record(&request.url));
                }
                records.push(self.record(request));
            }
            left = left.saturating_sub(records.len());
            let batch = Batch {
                records,
                ..Batch::default()
            };
            waiting.extend(commit(&store, batch).await);
        }
        let done = waiting.is_empty();
        if done {
            store.end(How::Drained).await.expect("accounts that add up");
        }
        store.close().await.expect("closed");
        done
    }
}

/// Level, redirects, depth, and whether the user named it.
type Place = (u32, u32, u32, bool);

/// What the law says: goes on until nothing changes.
struct Model<'a> {
    web: &'a Web,
    config: &'a Config,
    anchors: BTreeSet<usize>,
    /// Depth and redirects.
    pages: BTreeMap<usize, (u32, u32)>,
    maps: BTreeMap<usize, Place>,
}

impl Model<'_> {
    fn solve<'a>(web: &'a Web, config: &'a Config, seeds: &[Seed]) -> Model<'a> {
        let origin = |url: &CanonicalUrl| {
            let origin = url.origin();
            ORIGINS.iter().position(|text| *text == origin.as_str())
        };
        let anchors = Seed::anchors(seeds);
        let mut model = Model {
            web,
            config,
            anchors: anchors.iter().filter_map(origin).collect(),
            pages: BTreeMap::new(),
            maps: BTreeMap::new(),
        };
        let by_maps = seeds.iter().all(Seed::is_sitemap);
        let state =
            |model: &Model<'_>| (model.anchors.len(), model.pages.clone(), model.maps.clone());
        loop {
            let before = state(&model);
            for seed in seeds {
                let text = seed.url().as_str();
                match seed {
                    Seed::Page(_) => {
                        let number = (0..web.pages.len()).find(|number| page_url(*number) == text);
                        model.page(number.expect("a page"), (0, 0), true);
                    }
                    Seed::Sitemap(_) => {
                        let number = (0..web.maps.len()).find(|number| map_url(*number) == text);
                        model.map(number.expect("a sitemap"), (0, 0, 0, true));
                    }
                }
            }
            model.step(by_maps);
            if state(&model) == before {
                return model;
            }
        }
    }

    fn step(&mut self, by_maps: bool) {
        for (page, (depth, redirects)) in self.pages.clone() {
            match &self.web.pages[page] {
                Leads::To(to) => self.page(*to, (depth, redirects + 1), depth == 0),
                Leads::Links(links) => {
                    if depth == 0 && self.config.scope.scope != Reach::Any {
                        self.anchors.insert(page % 3);
                    }
                    links
                        .iter()
                        .for_each(|to| self.page(*to, (depth + 1, 0), false));
                }
            }
            if self.config.scope.sitemaps != Sitemaps::Off && self.holds(page % 3) {
                for &map in &self.web.robots[page % 3] {
                    self.map(map, (0, 0, depth, false));
                }
            }
        }
        for (map, place) in self.maps.clone() {
            if !self.reads(place) {
                continue;
            }
            let (level, redirects, depth, named) = place;
            match &self.web.maps[map] {
                Map::To(to) => self.map(*to, (level, redirects + 1, depth, named)),
                answer => {
                    if named && by_maps && self.config.scope.scope != Reach::Any {
                        self.anchors.insert(map % 3);
                    }
                    match answer {
                        Map::Index(maps) => maps
                            .iter()
                            .filter(|below| **below != map)
                            .for_each(|below| self.map(*below, (level + 1, 0, depth, false))),
                        Map::Urls(pages) => pages
                            .iter()
                            .for_each(|page| self.page(*page, (depth + 1, 0), false)),
                        _ => {}
                    }
                }
            }
        }
    }

    fn holds(&self, origin: usize) -> bool {
        let domain = |origin: usize| origin / 2;
        match self.config.scope.scope {
            Reach::Host => self.anchors.contains(&origin),
            Reach::Domain => self
                .anchors
                .iter()
                .any(|anchor| domain(*anchor) == domain(origin)),
            _ => true,
        }
    }

    /// A seed, and what it redirects to, is in wherever it is.
    fn page(&mut self, page: usize, (depth, redirects): (u32, u32), of_seed: bool) {
        let too_deep = self.config.scope.max_depth.0.is_some_and(|max| depth > max);
        let too_far = redirects > self.config.fetch.max_redirects;
        if (self.holds(page % 3) || of_seed) && !too_deep && !too_far {
            let known = self.pages.entry(page).or_insert((depth, redirects));
            *known = (depth.min(known.0), redirects.min(known.1));
        }
    }

    fn map(&mut self, map: usize, place: Place) {
        let known = self.maps.entry(map).or_insert(place);
        known.0 = known.0.min(place.0);
        known.1 = known.1.min(place.1);
        known.2 = known.2.min(place.2);
        known.3 |= place.3;
    }

    fn reads(&self, (level, redirects, depth, named): Place) -> bool {
        let too_deep = self
            .config
            .scope
            .max_depth
            .0
            .is_some_and(|max| depth >= max);
        level <= 2 && redirects <= self.config.fetch.max_redirects && (named || !too_deep)
    }

    /// Rows as the views have them.
    fn rows(&self) -> Vec<String> {
        let pages = self.pages.iter();
        let pages = pages.map(|(page, near)| format!("{} {}", page_url(*page), near.0));
        let maps = self.maps.iter().filter(|map| self.reads(*map.1));
        let maps = maps.map(|(map, place)| format!("{} {} {}", map_url(*map), place.0, place.2));
        let mut rows: Vec<_> = pages.chain(maps).collect();
        rows.sort();
        rows
    }
}

fn run(case: u64, change: bool) -> Vec<String> {
    let mut rng = Rng::with_seed(case);
    let web = Web::random(&mut rng);
    let (mut config, seeds) = web.settings(&mut rng);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let output = TempDir::new().expect("a directory");
    if change {
        let first = web.start(output.path(), &config, &seeds, &mut rng, true);
        if runtime.block_on(first) {
            return Vec::new();
        }
        config = web.settings(&mut rng).0;
    }
    let mut kills = rng.usize(..3);
    while !runtime.block_on(web.start(output.path(), &config, &seeds, &mut rng, kills > 0)) {
        kills = kills.saturating_sub(1);
    }
    expect_sound(output.path());
    let mut found = rows(
        output.path(),
        "SELECT url || ' ' || depth FROM urls WHERE decision = 'admitted'
         UNION ALL SELECT url || ' ' || level || ' ' || depth FROM sitemaps WHERE decision = 'admitted'",
    );
    found.sort();
    let wanted = Model::solve(&web, &config, &seeds).rows();
    if found == wanted {
        return Vec::new();
    }
    vec![
        format!("program {found:?}"),
        format!("model   {wanted:?}"),
        format!("{:?} {seeds:?} {web:?}", config.scope),
        rows(
            output.path(),
            "SELECT url, level, depth, decision, rule, status, found_in FROM sitemaps",
        )
        .join("\n"),
    ]
}

#[test]
fn any_order_and_any_kills_read_the_same_sitemaps() {
    all(cases(60), |case| run(case, false));
}

#[test]
fn settings_may_change_between_sitemaps() {
    all(cases(60), |case| run(case, true));
}
