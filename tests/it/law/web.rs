//! Random webs and random settings, as a description that can be served, fed to the store, and solved.

use crawl::LinkKind;
use crawl::config::Reach;
use fastrand::Rng;

/// What is there.
#[derive(Debug, Clone)]
pub struct Web {
    pub nodes: Vec<Node>,
    /// What each host's robots.txt forbids, as the beginning of a path.
    pub disallowed: Vec<Option<&'static str>>,
}

/// One URL.
#[derive(Debug, Clone)]
pub struct Node {
    pub host: usize,
    pub path: String,
    pub answer: Answer,
    /// Milliseconds until it answers.
    pub delay: u64,
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    Page { nofollow: bool, links: Vec<Edge> },
    Style(Vec<usize>),
    Redirect(usize),
    Missing,
}

/// One link.
#[derive(Debug, Clone)]
pub struct Edge {
    pub kind: LinkKind,
    pub to: usize,
    pub nofollow: bool,
}

/// The settings that decide what belongs to a crawl.
#[derive(Debug, Clone)]
pub struct Settings {
    pub seeds: Vec<usize>,
    pub reach: Reach,
    pub include: Vec<&'static str>,
    pub exclude: Vec<&'static str>,
    pub max_depth: Option<u32>,
    pub max_redirects: u32,
    pub ignore_nofollow: bool,
    pub extra_hops: u32,
    pub assets: bool,
    pub check_external: bool,
}

/// Hosts of a web; the first two are of one domain where names are given out.
pub const HOSTS: usize = 3;

const FOLLOWED: [LinkKind; 6] = [
    LinkKind::A,
    LinkKind::A,
    LinkKind::A,
    LinkKind::Iframe,
    LinkKind::Next,
    LinkKind::Canonical,
];
const PARTS: [LinkKind; 5] = [
    LinkKind::Img,
    LinkKind::Script,
    LinkKind::Stylesheet,
    LinkKind::Media,
    LinkKind::Icon,
];

impl Web {
    /// A web of 20 to 80 URLs.
    pub fn random(rng: &mut Rng) -> Self {
        let count = rng.usize(20..=80);
        let hosts = rng.usize(1..=HOSTS);
        let nodes = (0..count)
            .map(|number| Node::random(rng, number, count, hosts))
            .collect();
        let disallowed = (0..HOSTS)
            .map(|_| (rng.f32() < 0.25).then(|| *pick(rng, &["/a/b/", "/s/", "/a/"])))
            .collect();
        Self { nodes, disallowed }
    }

    /// Whether robots.txt forbids a URL.
    pub fn forbids(&self, node: usize) -> bool {
        let node = &self.nodes[node];
        self.disallowed[node.host].is_some_and(|start| node.path.starts_with(start))
    }

    /// Each URL's text.
    pub fn urls(&self, bases: &[String]) -> Vec<String> {
        let nodes = self.nodes.iter();
        nodes
            .map(|node| format!("{}{}", bases[node.host], node.path))
            .collect()
    }
}

impl Node {
    fn random(rng: &mut Rng, number: usize, count: usize, hosts: usize) -> Self {
        let folder = pick(rng, &["", "", "a/", "a/", "a/b/", "s/"]);
        Self {
            host: if rng.f32() < 0.6 {
                0
            } else {
                rng.usize(..hosts)
            },
            path: format!("/{folder}p{number}-t{}", rng.u8(..4)),
            answer: Answer::random(rng, number, count),
            delay: if rng.bool() { 0 } else { rng.u64(..=40) },
        }
    }
}

impl Answer {
    fn random(rng: &mut Rng, number: usize, count: usize) -> Self {
        match rng.f32() {
            ..0.62 => Self::Page {
                nofollow: rng.f32() < 0.06,
                links: (0..rng.usize(0..=5))
                    .map(|_| Edge::random(rng, number, count))
                    .collect(),
            },
            ..0.76 => Self::Style(
                (0..rng.usize(0..=2))
                    .map(|_| target(rng, number, count))
                    .collect(),
            ),
            ..0.94 => Self::Redirect(target(rng, number, count)),
            _ => Self::Missing,
        }
    }
}

impl Edge {
    fn random(rng: &mut Rng, number: usize, count: usize) -> Self {
        let kind = if rng.f32() < 0.75 {
            *pick(rng, &FOLLOWED)
        } else {
            *pick(rng, &PARTS)
        };
        Self {
            kind,
            to: target(rng, number, count),
            nofollow: kind == LinkKind::A && rng.f32() < 0.08,
        }
    }
}

/// Where something leads: mostly to the next URL or near it, so that there are long ways and short cuts.
fn target(rng: &mut Rng, number: usize, count: usize) -> usize {
    match rng.f32() {
        ..0.4 => (number + 1) % count,
        ..0.7 => (number + count + rng.usize(..12) - 4) % count,
        _ => rng.usize(..count),
    }
}

impl Settings {
    /// Settings for a web.
    pub fn random(rng: &mut Rng, web: &Web) -> Self {
        let seeds = (0..rng.usize(1..=3))
            .map(|_| rng.usize(..web.nodes.len().min(8)))
            .collect();
        Self {
            seeds,
            ..Self::other(rng)
        }
    }

    /// Settings without seeds: to change to.
    pub fn other(rng: &mut Rng) -> Self {
        Self {
            seeds: Vec::new(),
            reach: *pick(
                rng,
                &[
                    Reach::Host,
                    Reach::Host,
                    Reach::Host,
                    Reach::Prefix,
                    Reach::Any,
                    Reach::Page,
                    Reach::Domain,
                ],
            ),
            include: if rng.f32() < 0.15 {
                vec!["t0", "t1", "t2"]
            } else {
                vec![]
            },
            exclude: if rng.f32() < 0.3 { vec!["t3"] } else { vec![] },
            max_depth: (rng.f32() < 0.7).then(|| rng.u32(0..=6)),
            max_redirects: rng.u32(0..=4),
            ignore_nofollow: rng.f32() < 0.2,
            extra_hops: if rng.bool() { 0 } else { rng.u32(1..=3) },
            assets: rng.bool(),
            check_external: rng.f32() < 0.4,
        }
    }
}

fn pick<'a, T>(rng: &mut Rng, among: &'a [T]) -> &'a T {
    &among[rng.usize(..among.len())]
}
