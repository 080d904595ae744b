//! The bounded memory of what is known of families and hosts.

use std::collections::HashMap;
use std::hash::Hash;

/// A bounded memory in two generations: when the young one is full it becomes the old one, and what was
/// not asked for since is forgotten.
#[derive(Debug)]
pub(super) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    most: usize,
    /// What the values of a generation may weigh together, and what one of them does.
    heaviest: usize,
    weigh: fn(&V) -> usize,
    /// What the young ones weigh.
    weight: usize,
}

impl<K: Hash + Eq + Clone, V> Generations<K, V> {
    /// So many are remembered at the least, and twice as many at the most; fewer where they weigh more than that.
    pub(super) fn new(most: usize, heaviest: usize, weigh: fn(&V) -> usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            most,
            heaviest,
            weigh,
            weight: 0,
        }
    }

    /// What is there, or is made now.
    pub(super) fn get(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(&key) {
            // What is taken along weighs here from now on: it might grow for ever otherwise.
            let value = self.old.remove(&key);
            self.grow(value.as_ref().map_or(0, self.weigh));
            if self.young.len() >= self.most {
                self.turn();
            }
            if let Some(value) = value {
                self.young.insert(key.clone(), value);
            }
        }
        self.young.entry(key).or_insert_with(make)
    }

    /// Only what is there.
    pub(super) fn find(&mut self, key: &K) -> Option<&mut V> {
        if !self.young.contains_key(key) {
            let value = self.old.remove(key)?;
            self.grow((self.weigh)(&value));
            self.young.insert(key.clone(), value);
        }
        self.young.get_mut(key)
    }

    /// What is kept has grown by so much.
    pub(super) fn grow(&mut self, by: usize) {
        self.weight += by;
        if self.weight > self.heaviest {
            self.turn();
            // It comes with what has grown, or is about to be taken along.
            self.weight = by.min(self.heaviest);
        }
    }

    fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
        self.weight = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays() {
        let mut memory = Generations::new(10, usize::MAX, |_| 0);
        for key in 0..1000 {
            memory.get(key, || key);
            assert_eq!(memory.find(&0).copied(), Some(0));
        }
        assert!(memory.young.len() + memory.old.len() <= 22);
        assert_eq!(memory.find(&500), None);
    }

    /// However often what is there is asked for and grows, it does not come to more than two generations.
    #[test]
    fn what_is_taken_along_has_its_weight() {
        let mut memory = Generations::new(1000, 100, |value: &usize| *value);
        for round in 0..1000 {
            let value = memory.get(round % 20, || 0);
            *value = (*value + 1) % 30;
            memory.grow(1);
            let sum = |all: &HashMap<i32, usize>| all.values().sum::<usize>();
            assert!(
                sum(&memory.young) <= 130 && sum(&memory.old) <= 130,
                "{round}"
            );
        }
    }
}
