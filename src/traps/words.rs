//! What a page says, as far as it is compared with other pages of its template: its words, numbers and
//! texts as hashes, and one hash of it all.

use super::shape::{Shape, ids_in_path, params};
use crate::canonical::CanonicalUrl;
use crate::record::{Link, LinkKind};

/// Hashes kept of a page: of more, the least.
const MOST: usize = 4096;
/// A text of so many words is something of its own, even if each word was there before.
const TEXT_WORDS: u32 = 4;
/// Of a page with several parameters, that may name what was chosen; then it takes so many.
const LONG_TEXT_WORDS: u32 = 16;
/// What is longer is no word.
const LONGEST_WORD: usize = 32;
/// Links whose URLs are looked at.
const MOST_LINKS: usize = 1024;

/// What a hash is of: its two lowest bits.
const WORD: u32 = 0;
const NUMBER: u32 = 1;
const TEXT: u32 = 2;
/// What tells two pages apart, but is nothing new.
const MARK: u32 = 3;

/// So many hashes are looked at before one is put with the others.
const LATELY: usize = 1024;
/// What a new word or a new text is worth, in numbers.
pub(super) const WHOLE: u32 = 3;

/// The words of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    /// Sorted, each once.
    hashes: Box<[u32]>,
}

impl Words {
    /// What may be new on the page, each with its weight.
    pub(super) fn news(&self) -> impl Iterator<Item = (u32, u32)> {
        self.hashes.iter().filter_map(|&hash| match hash & 3 {
            MARK => None,
            NUMBER => Some((hash, 1)),
            _ => Some((hash, WHOLE)),
        })
    }

    /// One hash of all that it says and of the paths that it links to: equal for pages that differ in
    /// their order, or in the parameters of their links.
    pub(super) fn fingerprint(&self) -> u64 {
        self.hashes
            .iter()
            .fold(self.hashes.len() as u64, |sum, &hash| {
                let mixed = (u64::from(hash) ^ 0x9e37_79b9).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                sum.wrapping_add(mixed ^ (mixed >> 29))
            })
    }

    /// About so many bytes of memory.
    pub(crate) fn size(&self) -> usize {
        self.hashes.len() * 4
    }
}

/// Gathers the words of a page.
#[derive(Debug)]
pub(crate) struct Gatherer {
    /// What its own URL says is nothing new.
    own: Vec<u32>,
    /// Whole values of its parameters that look like ids: a session's does not even tell pages apart.
    ids: Vec<u32>,
    /// A text of so many words is something of its own.
    text_words: u32,
    hashes: Vec<u32>,
    /// Hashes that were met lately, by their own bits: most words of a page are repeated.
    lately: Box<[u32; LATELY]>,
}

impl Gatherer {
    /// For the page with this URL, if its words matter.
    pub(crate) fn new(url: &CanonicalUrl) -> Option<Self> {
        let shape = Shape::of(url)?;
        let mut gatherer = Self {
            text_words: if shape.has_several() {
                LONG_TEXT_WORDS
            } else {
                TEXT_WORDS
            },
            own: Vec::new(),
            ids: Vec::new(),
            hashes: Vec::with_capacity(512),
            lately: Box::new([0; LATELY]),
        };
        let mut own = Vec::new();
        each_word(url.path(), |hash, _| own.push(hash));
        for (name, value) in url.as_url().query_pairs() {
            each_word(&name, |hash, _| own.push(hash));
            each_word(&value, |hash, _| own.push(hash));
        }
        own.sort_unstable();
        own.dedup();
        for (_, value) in params(url) {
            let digits = value.bytes().filter(u8::is_ascii_digit).count();
            if digits > 0 && digits < value.len() {
                each_word(value, |hash, _| gatherer.ids.push(hash));
            }
        }
        gatherer.own = own;
        Some(gatherer)
    }

    /// Takes a piece of text, its character references as they are: they are the same each time.
    pub(crate) fn text(&mut self, raw: &str) {
        let (mut words, mut whole) = (0, 0_u32);
        each_word(raw, |hash, kind| {
            if self.own.binary_search(&hash).is_ok() {
                if !self.ids.contains(&hash) {
                    self.push(hash & !3 | MARK);
                }
                return;
            }
            self.push(hash & !3 | kind);
            if kind == WORD {
                words += 1;
                whole = mix(whole, hash);
            }
        });
        if words >= self.text_words {
            self.push(whole & !3 | TEXT);
        }
        if self.hashes.len() > 4 * MOST {
            self.reduce();
        }
    }

    /// The page is read whole: these are its links.
    pub(crate) fn finish(mut self, url: &CanonicalUrl, links: &[Link]) -> Words {
        self.forget_more_of_the_same(url, links);
        let mut last = 0;
        for link in links.iter().take(MOST_LINKS) {
            // Links to one place share their text.
            if link.target.address() == last {
                continue;
            }
            last = link.target.address();
            let path = link.target.path();
            let path = path.split(';').next().unwrap_or_default();
            let hash = path_hash(path);
            let is_picture = matches!(link.kind, LinkKind::Img | LinkKind::Media);
            // A picture is content that cannot be read.
            let kind = if is_picture && has_picture_name(path) {
                WORD
            } else {
                MARK
            };
            self.push(mix(1, hash) & !3 | kind);
        }
        self.reduce();
        Words {
            hashes: self.hashes.into_boxed_slice(),
        }
    }

    /// Numbers in the URLs of links to pages of the same family are as little news as those of its own URL.
    fn forget_more_of_the_same(&mut self, url: &CanonicalUrl, links: &[Link]) {
        let Some(shape) = Shape::of(url) else { return };
        let folders = |url: &CanonicalUrl| memchr::memchr_iter(b'/', url.path().as_bytes()).count();
        let mut known = Vec::new();
        let (mut last, depth) = (0, folders(url));
        for link in links.iter().take(MOST_LINKS) {
            if link.target.address() == last || !link.kind.is_followed() {
                continue;
            }
            last = link.target.address();
            let may_be = folders(&link.target) == depth && link.target.hostname() == url.hostname();
            let other = may_be.then(|| Shape::of(&link.target)).flatten();
            if other.is_some_and(|other| other.family() == shape.family()) {
                each_word(link.target.path_and_query(), |hash, kind| {
                    if kind == NUMBER {
                        known.push(hash & !3 | NUMBER);
                    }
                });
            }
        }
        known.sort_unstable();
        for hash in &mut self.hashes {
            if *hash & 3 == NUMBER && known.binary_search(hash).is_ok() {
                *hash |= MARK;
            }
        }
    }

    fn push(&mut self, hash: u32) {
        let place = &mut self.lately[(hash >> 2) as usize % LATELY];
        if *place != hash {
            *place = hash;
            self.hashes.push(hash);
        }
    }

    fn reduce(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.hashes.truncate(MOST);
    }
}

/// A hash of a path, less what looks like an id.
fn path_hash(path: &str) -> u32 {
    if !path.bytes().any(|byte| byte.is_ascii_digit()) {
        return hash_of(path);
    }
    let mut ids = ids_in_path(path).peekable();
    path.split('/').enumerate().fold(1, |hash, (place, part)| {
        match ids.next_if(|id| id.0 == place) {
            Some(_) => mix(hash, 1),
            None => mix(hash, hash_of(part)),
        }
    })
}

fn has_picture_name(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    [
        "jpg", "jpeg", "png", "gif", "webp", "avif", "svg", "mp4", "webm", "mp3",
    ]
    .iter()
    .any(|known| ending.eq_ignore_ascii_case(known))
}

fn mix(one: u32, other: u32) -> u32 {
    (one.rotate_left(5) ^ other).wrapping_mul(0x9e37_79b1)
}

/// What a byte is in a word.
const LETTER: u8 = 1;
const DIGIT: u8 = 2;
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => LETTER,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// Goes over the words of a text: letters are words, what has digits is a number (`1-2` is two of them,
/// `0.25` and `1,234` are one, an id is one). Tells the hash and the kind.
fn each_word(text: &str, mut found: impl FnMut(u32, u32)) {
    let bytes = text.as_bytes();
    let class = |at: usize| bytes.get(at).map(|byte| CLASSES[usize::from(*byte)]);
    let mut at = 0;
    while let Some(first) = class(at) {
        if first == 0 {
            at += 1;
            continue;
        }
        let (from, mut classes) = (at, first);
        at += 1;
        while let Some(next) = class(at) {
            if next == 0 {
                let joins = classes & DIGIT != 0 && matches!(bytes[at], b'.' | b',');
                if !joins || class(at - 1) != Some(DIGIT) || class(at + 1) != Some(DIGIT) {
                    break;
                }
            }
            classes |= next;
            at += 1;
        }
        let is_number = classes & DIGIT != 0 || at - from > LONGEST_WORD;
        let kind = if is_number { NUMBER } else { WORD };
        found(hash_of(text.get(from..at).unwrap_or_default()), kind);
    }
}

/// The hash of a word, upper and lower case being one.
fn hash_of(word: &str) -> u32 {
    let hash = word
        .as_bytes()
        .chunks(8)
        .fold(word.len() as u64, |hash, chunk| {
            let mut eight = [0; 8];
            eight[..chunk.len()].copy_from_slice(chunk);
            let lower = u64::from_le_bytes(eight) | 0x2020_2020_2020_2020;
            (hash.rotate_left(5) ^ lower).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        for (text, wanted) in [
            ("", &[][..]),
            (
                "One, two-three.",
                &[("one", WORD), ("TWO", WORD), ("three", WORD)],
            ),
            (
                "0.25 of 1,234",
                &[("0.25", NUMBER), ("of", WORD), ("1,234", NUMBER)],
            ),
            (
                "(50%) 2-3, 4.",
                &[("50", NUMBER), ("2", NUMBER), ("3", NUMBER), ("4", NUMBER)],
            ),
            ("x86 Bücher", &[("x86", NUMBER), ("bücher", WORD)]),
        ] {
            let mut found = Vec::new();
            each_word(text, |hash, kind| found.push((hash, kind)));
            let wanted: Vec<_> = wanted
                .iter()
                .map(|(word, kind)| (hash_of(word), *kind))
                .collect();
            assert_eq!(found, wanted, "{text}");
        }
    }
}
