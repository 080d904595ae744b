//! Texts that are stored once and named by number, with a bounded memory of the numbers.

use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;

use rusqlite::{OptionalExtension, Transaction};
use siphasher::sip128::{Hasher128, SipHasher13};
use tokio_rusqlite::rusqlite;

/// Texts that are stored once and named by number: rules, header blocks, hosts. Of a text its hash is kept, not the
/// text: servers write some of them, and make each one another.
#[derive(Debug)]
pub(super) struct Interned<K> {
    known: HashMap<u128, i64>,
    keys: (u64, u64),
    kind: PhantomData<fn(&K)>,
}

/// Texts remembered of each kind.
const MAX_INTERNED: usize = 16_384;

impl<K: Hash> Interned<K> {
    pub(super) fn new() -> Self {
        Self {
            known: HashMap::new(),
            keys: (fastrand::u64(..), fastrand::u64(..)),
            kind: PhantomData,
        }
    }

    pub(super) fn get_or(
        &mut self,
        key: &K,
        look_up: impl FnOnce() -> rusqlite::Result<i64>,
    ) -> rusqlite::Result<i64> {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        key.hash(&mut hasher);
        let hash = hasher.finish128().as_u128();
        if let Some(id) = self.known.get(&hash) {
            return Ok(*id);
        }
        let id = look_up()?;
        if self.known.len() >= MAX_INTERNED {
            self.known.clear();
        }
        self.known.insert(hash, id);
        Ok(id)
    }
}

/// The id of a text in `table (id, column UNIQUE)`, which gets it if it is new; and whether it is.
pub(super) fn text_id(
    tx: &Transaction<'_>,
    table: &str,
    column: &str,
    text: &str,
) -> rusqlite::Result<(i64, bool)> {
    let found = tx
        .prepare_cached(&format!("SELECT id FROM {table} WHERE {column} = ?"))?
        .query_row([text], |row| row.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok((id, false));
    }
    tx.prepare_cached(&format!("INSERT INTO {table} ({column}) VALUES (?)"))?
        .execute([text])?;
    Ok((tx.last_insert_rowid(), true))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Header blocks of 8 KiB that are all different were 128 MiB once.
    #[test]
    fn memory_does_not_depend_on_the_texts() {
        let mut known = Interned::new();
        let text = |number: i64| format!("x-id: {number}\n{}", "x".repeat(200));
        let more = MAX_INTERNED as i64 / 2;
        for number in 0..MAX_INTERNED as i64 + more {
            let id = known.get_or(&text(number), || Ok(number)).expect("an id");
            assert_eq!(id, number);
        }
        // The last ones are remembered, those before them are not.
        let again = |known: &mut Interned<String>, number| known.get_or(&text(number), || Ok(-1));
        assert_eq!(
            again(&mut known, MAX_INTERNED as i64 + 1),
            Ok(MAX_INTERNED as i64 + 1)
        );
        assert_eq!(again(&mut known, 1), Ok(-1));
        assert!(known.known.capacity() * size_of::<(u128, i64)>() <= 1 << 20);
    }
}
