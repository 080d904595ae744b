//! Traps: URLs without end that lead to nothing new, such as calendars, session ids, and catalogues with
//! many filters. Pure: told what was read and what that led to, it says what is not worth asking for.
//!
//! ```text
//! URL ─ growth ─▶ too long, too deep, repeated          by the URL alone
//! URL ─ shape ──▶ template: /cal/#/#, /shop?color&size
//! page ─ words ─▶ novelty: does the template still bring anything?
//!             └─▶ void: do these parameters change anything?
//! ```

mod growth;
mod memory;
mod novelty;
mod shape;
mod void;
mod words;

use std::collections::{HashMap, HashSet};
use std::hash::RandomState;

pub(crate) use growth::Growth;
use memory::Generations;
use novelty::{Family, Finding, Leads, Reading};
use shape::Shape;
use void::{Void, Voids};
pub(crate) use words::{Gatherer, Words};

use crate::canonical::CanonicalUrl;

/// Families of one generation, and the words that they may hold in all.
const MOST_FAMILIES: usize = 4096;
const MOST_WORDS: usize = 1 << 20;
/// Hosts of one generation whose parameters are watched.
const MOST_HOSTS: usize = 256;
/// Pages that are numbered (`/archive?page=17`) come to an end, most of them: they may have so many times as much.
const NUMBERED: u32 = 1000;
/// New URLs of one page that are looked at.
const MOST_REVEALED: usize = 256;

/// What was put aside, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Aside {
    /// What sort of thing `text` is.
    pub(crate) kind: Kind,
    /// The template, the family or the parameters.
    pub(crate) text: String,
    /// The rule in words.
    pub(crate) rule: String,
    /// Pages that led to it.
    pub(crate) pages: u32,
}

/// See [`Aside::kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One template.
    Template = 0,
    /// All of a family's templates with several parameters.
    Family = 1,
    /// Parameters that change nothing.
    Void = 2,
    /// One of a family's templates with several parameters, put aside with the others,
    Member = 3,
    /// or spared.
    Spared = 4,
}

impl Kind {
    /// The kind with this number.
    pub(crate) fn from_code(code: i64) -> Option<Self> {
        [
            Self::Template,
            Self::Family,
            Self::Void,
            Self::Member,
            Self::Spared,
        ]
        .into_iter()
        .find(|kind| *kind as i64 == code)
    }
}

/// A family that has lost its credit.
#[derive(Debug, Default)]
struct Fallen {
    rule: String,
    /// Parameters of the templates that were put aside: what has no others goes with them,
    names: HashSet<Box<str>>,
    /// but for these.
    spared: HashSet<Box<str>>,
}

impl Fallen {
    fn keeps_out(&self, shape: &Shape) -> bool {
        !self.rule.is_empty()
            && !self.spared.contains(shape.text())
            && shape.names().all(|name| self.names.contains(name))
    }
}

/// Where the page that is being taken in has led first.
#[derive(Debug, Default)]
struct Revealed {
    watching: bool,
    /// Something that has no template.
    plain: bool,
    shapes: Vec<(i64, Shape)>,
}

/// What is known of the traps of all hosts.
#[derive(Debug)]
pub(crate) struct Traps {
    /// Pages in a row without news that a template may have; `None`: everything is let through.
    budget: Option<u32>,
    keys: RandomState,
    families: Generations<(i64, Box<str>), Family>,
    voids: Generations<i64, Voids>,
    /// Rules of templates that were put aside.
    aside: HashMap<(i64, Box<str>), String>,
    /// Families whose templates with several parameters were, and which those are.
    fallen: HashMap<(i64, Box<str>), Fallen>,
    /// Hosts with anything that may keep a URL out.
    wary: HashMap<i64, Vec<Void>>,
    revealed: Revealed,
}

impl Traps {
    /// Nothing is known yet.
    pub(crate) fn new(budget: Option<u32>) -> Self {
        Self {
            budget,
            keys: RandomState::new(),
            families: Generations::new(MOST_FAMILIES, MOST_WORDS, Family::size),
            voids: Generations::new(MOST_HOSTS, usize::MAX, |_| 0),
            aside: HashMap::new(),
            fallen: HashMap::new(),
            wary: HashMap::new(),
            revealed: Revealed::default(),
        }
    }

    /// Takes up what an earlier start has put aside. Words and runs of pages are counted anew.
    pub(crate) fn restore(&mut self, host: i64, aside: Aside) {
        let wary = self.wary.entry(host).or_default();
        match aside.kind {
            Kind::Template | Kind::Member => self.refuse(host, &aside.text, aside.rule),
            Kind::Family => {
                let fallen = self.fallen.entry((host, aside.text.into())).or_default();
                fallen.rule = aside.rule;
            }
            Kind::Spared => self.spare(host, &aside.text),
            Kind::Void => wary.push(Void::parse(&aside.text)),
        }
    }

    /// Whether anything may keep URLs of this host out.
    pub(crate) fn is_wary(&self, host: i64) -> bool {
        self.wary.contains_key(&host)
    }

    /// The rule that keeps a URL of this host out, if one does.
    pub(crate) fn judge(&mut self, host: i64, url: &CanonicalUrl) -> Option<String> {
        self.budget?;
        let known = self.wary.get(&host)?;
        let shape = Shape::of(url)?;
        if let Some(rule) = self.aside.get(&(host, Box::from(shape.text()))) {
            return Some(rule.clone());
        }
        if shape.has_several()
            && let Some(fallen) = self.fallen.get(&(host, Box::from(shape.family())))
            && fallen.keeps_out(&shape)
        {
            return Some(fallen.rule.clone());
        }
        if known.is_empty() {
            return None;
        }
        let voids = self.voids.get(host, || {
            let mut voids = Voids::default();
            known.iter().for_each(|void| voids.restore(void));
            voids
        });
        let void = voids.judge(url, &shape, &self.keys)?;
        Some(void.rule())
    }

    /// A page is about to be taken in, whose words are compared or not.
    pub(crate) fn begin(&mut self, watching: bool) {
        self.revealed = Revealed {
            watching: watching && self.budget.is_some(),
            ..Revealed::default()
        };
    }

    /// The page was the first to lead to this URL of this host.
    pub(crate) fn reveal(&mut self, host: i64, url: &CanonicalUrl) {
        let revealed = &mut self.revealed;
        if !revealed.watching || revealed.shapes.len() >= MOST_REVEALED {
            return;
        }
        match Shape::of(url) {
            Some(shape) => revealed.shapes.push((host, shape)),
            None => revealed.plain = true,
        }
    }

    /// A page of this host has been read. Answers with what is put aside from now on.
    pub(crate) fn read(&mut self, host: i64, url: &CanonicalUrl, words: &Words) -> Vec<Aside> {
        let (Some(budget), Some(shape)) = (self.budget, Shape::of(url)) else {
            return Vec::new();
        };
        let revealed = std::mem::take(&mut self.revealed);
        let key = (host, Box::from(shape.family()));
        let outside = |other: &(i64, Shape)| other.0 != host || other.1.family() != shape.family();
        let mut shapes = revealed.shapes.iter().filter(|other| outside(other));
        let leads = if revealed.plain
            || shapes.any(|(host, shape)| self.family(*host, shape.family()).is_alive())
        {
            Leads::ToNews
        } else if revealed.shapes.is_empty() {
            Leads::Nowhere
        } else {
            Leads::On
        };
        let page = Reading {
            template: shape.text(),
            several: shape.has_several(),
            leads,
            budget: if shape.is_numbered() {
                budget.saturating_mul(NUMBERED)
            } else {
                budget
            },
            fallen: self
                .fallen
                .get(&key)
                .is_some_and(|fallen| !fallen.rule.is_empty()),
        };
        let family = self.family(host, shape.family());
        let before = family.size();
        let finding = family.read(words, page);
        let grown = family.size().saturating_sub(before);
        self.families.grow(grown);
        if finding != Finding::News(true) {
            for (host, shape) in &revealed.shapes {
                self.family(*host, shape.family()).found_in_vain();
            }
        }
        let mut aside = self.put_aside(host, &shape, finding);
        aside.extend(self.compare(host, url, &shape, words));
        if !aside.is_empty() {
            self.wary.entry(host).or_default();
        }
        aside
    }

    /// A page of this host was fetched that cannot be compared.
    pub(crate) fn skip(&mut self, host: i64, url: &CanonicalUrl, failed: bool) {
        let Some(shape) = Shape::of(url).filter(|_| self.budget.is_some()) else {
            return;
        };
        if !failed {
            self.family(host, shape.family()).count_unread();
        } else if let Some(voids) = self.voids.find(&host) {
            voids.forget(url, &self.keys);
        }
    }

    fn family(&mut self, host: i64, family: &str) -> &mut Family {
        self.families.get((host, family.into()), Family::default)
    }

    fn put_aside(&mut self, host: i64, shape: &Shape, finding: Finding) -> Vec<Aside> {
        match finding {
            Finding::News(_) => Vec::new(),
            Finding::Aside { in_vain, pages } => {
                let text = shape.text().to_owned();
                let rule = format!("trap: {text} brought nothing new in {in_vain} pages");
                self.refuse(host, &text, rule.clone());
                vec![Aside {
                    kind: Kind::Template,
                    text,
                    rule,
                    pages,
                }]
            }
            Finding::Fallen {
                in_vain,
                pages,
                templates,
                spared,
            } => {
                let text = shape.family().to_owned();
                let rule = format!(
                    "trap: {text} with several parameters brought nothing new in {in_vain} pages"
                );
                let fallen = self.fallen.entry((host, text.as_str().into())).or_default();
                fallen.rule.clone_from(&rule);
                let mut aside = vec![Aside {
                    kind: Kind::Family,
                    text,
                    rule: rule.clone(),
                    pages,
                }];
                let with = |kind, text: Box<str>| Aside {
                    kind,
                    text: text.into(),
                    rule: rule.clone(),
                    pages: 0,
                };
                for text in templates {
                    self.refuse(host, &text, rule.clone());
                    aside.push(with(Kind::Member, text));
                }
                for text in spared {
                    self.spare(host, &text);
                    aside.push(with(Kind::Spared, text));
                }
                aside
            }
        }
    }

    fn refuse(&mut self, host: i64, template: &str, rule: String) {
        self.aside.insert((host, template.into()), rule);
        if let Some((family, names)) = template.split_once('?')
            && names.contains('&')
        {
            let fallen = self.fallen.entry((host, family.into())).or_default();
            fallen.names.extend(names.split('&').map(Box::from));
        }
    }

    fn spare(&mut self, host: i64, template: &str) {
        let family = template.split('?').next().unwrap_or_default();
        let fallen = self.fallen.entry((host, family.into())).or_default();
        fallen.spared.insert(template.into());
    }

    fn compare(
        &mut self,
        host: i64,
        url: &CanonicalUrl,
        shape: &Shape,
        words: &Words,
    ) -> Vec<Aside> {
        let known = self.wary.get(&host);
        let voids = self.voids.get(host, || {
            let mut voids = Voids::default();
            known
                .into_iter()
                .flatten()
                .for_each(|void| voids.restore(void));
            voids
        });
        let found = voids.take(url, shape, words.fingerprint(), &self.keys);
        let mut aside = Vec::with_capacity(found.len());
        for void in found {
            aside.push(Aside {
                kind: Kind::Void,
                text: void.text(),
                rule: void.rule(),
                pages: void.pairs,
            });
            self.wary.entry(host).or_default().push(void);
        }
        aside
    }
}

#[cfg(test)]
mod tests;
