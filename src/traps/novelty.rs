//! Whether the pages of a family still bring anything: a family is the URLs of a host that share the
//! shape of their path, whatever their parameters; a template of it has parameters of these names.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use super::words::{WHOLE, Words};

/// Pages of a family before its words are kept: most families are of one page or two.
const FIRST_PAGES: u32 = 2;
/// After so many pages in a row without new text, a family is barren: to lead to it is nothing new.
const BARREN: u32 = 20;
/// Words kept of a family; with more, it begins anew.
const MOST_WORDS: usize = 1 << 17;
/// Templates kept of a family.
const MOST_TEMPLATES: usize = 512;
/// Pages without news that a template may have once its family has lost its credit.
const TRIAL: u32 = 5;
/// A template has proven itself by so many pages with something new, if these are half of its pages.
const PROVEN: u32 = 8;

/// The words are hashes already; what tells them apart must reach the highest bits.
#[derive(Debug, Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.0 = u64::from(value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// What is known of a family.
#[derive(Debug, Default)]
pub(super) struct Family {
    pages: u32,
    words: HashSet<u32, BuildHasherDefault<Spread>>,
    /// Pages in a row without new text.
    barren: u32,
    /// URLs of it that pages without news have led to, and that may be fetched yet.
    found_in_vain: u32,
    templates: HashMap<Box<str>, Template>,
    /// Of all its templates with several parameters.
    several: Credit,
}

/// What a template, or several, have brought.
#[derive(Debug, Clone, Copy, Default)]
struct Credit {
    pages: u32,
    new: u32,
    /// Pages in a row that brought nothing and led to more of the same.
    in_vain: u32,
}

impl Credit {
    fn count(&mut self, news: bool, in_vain: bool) {
        self.pages = self.pages.saturating_add(1);
        self.new = self.new.saturating_add(u32::from(news));
        self.in_vain = if news {
            0
        } else {
            self.in_vain + u32::from(in_vain)
        };
    }

    /// Whether half of the pages had news.
    fn is_good(self) -> bool {
        self.new * 2 >= self.pages
    }

    /// What has brought much has more credit.
    fn is_spent(&self, budget: u32) -> bool {
        self.in_vain >= budget.saturating_add(self.new / 4)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Template {
    credit: Credit,
    several: bool,
    aside: bool,
}

/// What a page was the first to lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leads {
    /// Nothing.
    Nowhere,
    /// Its own family, or one that is barren.
    On,
    /// Something outside of its family that may be worth it.
    ToNews,
}

/// What a page that was read is to the family.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// The template's text.
    pub(super) template: &'a str,
    /// Whether that has several parameters.
    pub(super) several: bool,
    /// What the page was the first to lead to.
    pub(super) leads: Leads,
    /// Pages without news that a template may have in a row.
    pub(super) budget: u32,
    /// Whether its templates with several parameters have been put aside.
    pub(super) fallen: bool,
}

/// What follows from a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It goes on; whether the page brought something.
    News(bool),
    /// The template is to be put aside, after so many pages in a row.
    Aside { in_vain: u32, pages: u32 },
    /// All templates with several parameters, likewise, but those of which half of the pages had news.
    Fallen {
        in_vain: u32,
        pages: u32,
        templates: Vec<Box<str>>,
        spared: Vec<Box<str>>,
    },
}

impl Family {
    /// Whether to lead to a page of it is news.
    pub(super) fn is_alive(&self) -> bool {
        self.barren < BARREN
    }

    /// Hashes that it holds.
    pub(super) fn size(&self) -> usize {
        self.words.len()
    }

    /// A page without news was the first to lead to one of it.
    pub(super) fn found_in_vain(&mut self) {
        self.found_in_vain = self.found_in_vain.saturating_add(1);
    }

    /// A page of it that cannot be compared: no HTML.
    pub(super) fn count_unread(&mut self) {
        self.barren = self.barren.saturating_add(1);
    }

    /// Takes in a page.
    pub(super) fn read(&mut self, words: &Words, page: Reading<'_>) -> Finding {
        let has_text = self.learn(words);
        self.barren = if has_text {
            0
        } else {
            self.barren.saturating_add(1)
        };
        let news = has_text || page.leads == Leads::ToNews;
        // A page that leads nowhere is a leaf, and no part of a trap, unless the way to it was.
        let in_vain = page.leads != Leads::Nowhere || self.found_in_vain > 0;
        if page.leads == Leads::Nowhere {
            self.found_in_vain = self.found_in_vain.saturating_sub(1);
        }
        if self.templates.len() >= MOST_TEMPLATES && !self.templates.contains_key(page.template) {
            self.templates.retain(|_, template| template.aside);
        }
        let template = self.templates.entry(page.template.into()).or_default();
        template.several = page.several;
        template.credit.count(news, in_vain);
        let trial = page.fallen && page.several && !template.is_proven();
        let budget = if trial { TRIAL } else { page.budget };
        if template.credit.is_spent(budget) && !template.aside {
            template.aside = true;
            let Credit { in_vain, pages, .. } = template.credit;
            return Finding::Aside { in_vain, pages };
        }
        if page.several && !page.fallen {
            self.several.count(news, in_vain);
            if self.several.is_spent(page.budget) {
                return self.fall();
            }
        }
        Finding::News(news)
    }

    /// Whether the page has a text of its own: a new word, a text of some words, or three numbers; what it says is known from now on.
    fn learn(&mut self, words: &Words) -> bool {
        self.pages = self.pages.saturating_add(1);
        if self.pages <= FIRST_PAGES {
            return true;
        }
        if self.words.len() >= MOST_WORDS {
            self.words.clear();
        }
        let mut weight = 0;
        for (hash, news) in words.news() {
            if self.words.insert(hash) {
                weight += news;
            }
        }
        weight >= WHOLE
    }

    fn fall(&mut self) -> Finding {
        let (mut templates, mut spared) = (Vec::new(), Vec::new());
        for (text, template) in &mut self.templates {
            if template.several && !template.aside {
                template.aside = !template.credit.is_good();
                let list = if template.aside {
                    &mut templates
                } else {
                    &mut spared
                };
                list.push(text.clone());
            }
        }
        Finding::Fallen {
            in_vain: self.several.in_vain,
            pages: self.several.pages,
            templates,
            spared,
        }
    }
}

impl Template {
    fn is_proven(&self) -> bool {
        self.credit.new >= PROVEN && self.credit.is_good()
    }
}
