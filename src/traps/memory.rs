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
    weight: usize,
}

impl<K: Hash + Eq + Clone, V> Generations<K, V> {
    /// So many are remembered at the least, and twice as many at the most.
    pub(super) fn new(most: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            most,
            weight: 0,
        }
    }

    /// What is there, or is made now.
    pub(super) fn get(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if self.young.len() >= self.most && !self.young.contains_key(&key) {
            self.turn();
        }
        let old = &mut self.old;
        self.young
            .entry(key)
            .or_insert_with_key(|key| old.remove(key).unwrap_or_else(make))
    }

    /// Only what is there.
    pub(super) fn find(&mut self, key: &K) -> Option<&mut V> {
        if !self.young.contains_key(key) {
            let value = self.old.remove(key)?;
            self.young.insert(key.clone(), value);
        }
        self.young.get_mut(key)
    }

    /// What is kept has grown by so much.
    pub(super) fn grow(&mut self, by: usize, most: usize) {
        self.weight += by;
        if self.weight > most {
            self.turn();
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
        let mut memory = Generations::new(10);
        for key in 0..1000 {
            memory.get(key, || key);
            assert_eq!(memory.find(&0).copied(), Some(0));
        }
        assert!(memory.young.len() + memory.old.len() <= 22);
        assert_eq!(memory.find(&500), None);
        memory.grow(5, 4);
        assert_eq!((memory.young.len(), *memory.get(0, || 7)), (0, 0));
    }
}
