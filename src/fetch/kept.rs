//! Whose connections are kept open for the next request: of so many hosts at a time, no more. An open connection
//! costs a file and some 25 KB; a crawl of a hundred thousand hosts would have none left.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Hosts that were asked lately, in two generations.
#[derive(Debug)]
pub(super) struct Kept {
    most: usize,
    life: Duration,
    hasher: RandomState,
    asked: Mutex<(HashSet<u64>, HashSet<u64>, Instant)>,
}

impl Kept {
    /// For connections of so many hosts, that are closed after this time without use.
    pub(super) fn new(most: usize, life: Duration, now: Instant) -> Self {
        Self {
            most,
            life,
            hasher: RandomState::new(),
            asked: Mutex::new((HashSet::new(), HashSet::new(), now)),
        }
    }

    /// Whether the connection to a host is to be kept after a request: one of it is, or there is room.
    pub(super) fn takes(&self, host: &str, now: Instant) -> bool {
        let host = self.hasher.hash_one(host);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let (young, old, since) = &mut *asked;
        if now.saturating_duration_since(*since) >= self.life {
            (*old, *since) = (std::mem::take(young), now);
        }
        let is_kept = young.contains(&host) || old.remove(&host);
        let takes = is_kept || young.len() + old.len() < self.most;
        if takes {
            young.insert(host);
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_there_is_room_for() {
        let (life, begin) = (Duration::from_secs(20), Instant::now());
        let kept = Kept::new(2, life, begin);
        let at = |seconds, host| kept.takes(host, begin + Duration::from_secs(seconds));
        assert!(at(0, "a") && at(1, "b") && !at(2, "c"));
        // Who is kept stays so, while it is asked.
        assert!(at(19, "a") && at(21, "a") && at(22, "b") && !at(23, "c"));
        // Nobody has asked b in a life and more.
        assert!(at(42, "a") && at(50, "a") && at(63, "a") && at(64, "c"));
    }
}
