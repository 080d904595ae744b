//! Short texts of a page in one piece of memory: a page has a hundred, which come and go together.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A text that shares its memory with the others of its page: to keep it for long, copy it (`to_string`).
#[derive(Clone)]
pub struct Text {
    all: Arc<str>,
    from: u32,
    to: u32,
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        let range = self.from as usize..self.to as usize;
        self.all.get(range).unwrap_or_default()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut texts = Texts::default();
        let place = texts.add(text);
        texts.share().get(place)
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// Texts that are to share their memory.
#[derive(Debug, Default)]
pub(crate) struct Texts(String);

impl Texts {
    /// Adds one, to be asked for by its place.
    pub(crate) fn add(&mut self, text: &str) -> Range<u32> {
        let from = self.0.len() as u32;
        self.0.push_str(text);
        from..self.0.len() as u32
    }

    /// No more are to be added.
    pub(crate) fn share(self) -> Shared {
        Shared(self.0.into())
    }
}

/// Texts that share their memory.
#[derive(Debug)]
pub(crate) struct Shared(Arc<str>);

impl Shared {
    /// The text at a place.
    pub(crate) fn get(&self, place: Range<u32>) -> Text {
        Text {
            all: Arc::clone(&self.0),
            from: place.start,
            to: place.end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_texts_stay_apart() {
        let mut texts = Texts::default();
        let places = ["one", "", "zwölf"].map(|text| texts.add(text));
        let shared = texts.share();
        let texts = places.map(|place| shared.get(place));
        assert_eq!(texts.each_ref().map(|text| &**text), ["one", "", "zwölf"]);
        assert!(Arc::ptr_eq(&texts[0].all, &texts[2].all));
        assert_eq!(texts[0], Text::from("one"));
        assert_eq!(format!("{} {:?}", texts[2], texts[1]), "zwölf \"\"");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn what_goes_in_comes_out(all in proptest::collection::vec(".{0,8}", 0..20)) {
            let mut texts = Texts::default();
            let places: Vec<_> = all.iter().map(|text| texts.add(text)).collect();
            let shared = texts.share();
            for (place, text) in places.into_iter().zip(&all) {
                let found = shared.get(place);
                proptest::prop_assert_eq!(&*found, text);
                proptest::prop_assert_eq!(&found, &Text::from(text.as_str()));
            }
        }
    }
}
