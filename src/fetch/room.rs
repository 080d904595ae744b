//! Memory for bodies: how much of it those that are in memory, whole or coming still, have together.
//!
//! A small body has what it needs at once. A larger one takes of what all share. Where that is used up, one of
//! them may go on to its end, and the others wait, their servers with them: so what is in memory is bounded, no
//! body waits for one that waits for it, and no large one keeps a small one waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Bytes that all bodies together may have.
const ALL: u64 = 128 << 20;
/// Of these, for small bodies that wait for nobody,
const SMALL: u64 = 16 << 20;
/// of which each may have so much at the most.
const EACH: u64 = 256 << 10;
/// What all share is never less.
const SHARED: u64 = 16 << 20;

/// The memory. Shared by all requests of a crawl.
#[derive(Debug)]
pub struct Room {
    /// In use.
    live: AtomicU64,
    /// A body of no more than this waits for nobody.
    small: u64,
    /// Up to so much in use, larger bodies may grow.
    shared: u64,
    /// Beyond that, the one who has this may.
    lane: Arc<Semaphore>,
    freed: Notify,
}

/// What one body has of it; given back when dropped, whatever ends the request.
#[derive(Debug)]
pub struct Share {
    room: Arc<Room>,
    bytes: u64,
    lane: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// For so many requests at once, with bodies of up to `largest` bytes.
    #[must_use]
    pub fn new(requests: u64, largest: u64) -> Arc<Self> {
        Self::of(
            (SMALL / requests.max(1)).min(EACH),
            ALL.saturating_sub(SMALL + largest).max(SHARED),
        )
    }

    fn of(small: u64, shared: u64) -> Arc<Self> {
        Arc::new(Self {
            live: AtomicU64::new(0),
            small,
            shared,
            lane: Arc::new(Semaphore::new(1)),
            freed: Notify::new(),
        })
    }

    /// For a body that is about to come.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> Share {
        Share {
            room: Arc::clone(self),
            bytes: 0,
            lane: None,
        }
    }

    /// Bytes in use.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Bytes that the body has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes so many bytes more, if they can be had at once.
    pub(super) fn try_grow(&mut self, bytes: u64) -> bool {
        let free = self.bytes + bytes <= self.room.small || self.lane.is_some();
        let fits = |live: u64| (free || live + bytes <= self.room.shared).then_some(live + bytes);
        let live = &self.room.live;
        let taken = live.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        self.bytes += if taken.is_ok() { bytes } else { 0 };
        taken.is_ok()
    }

    /// Takes so many bytes more, and waits for them.
    pub(super) async fn grow(&mut self, bytes: u64) {
        let room = Arc::clone(&self.room);
        loop {
            let freed = room.freed.notified();
            tokio::pin!(freed);
            // From here on: what is freed between the look and the wait is heard of.
            freed.as_mut().enable();
            if self.try_grow(bytes) {
                return;
            }
            tokio::select! {
                lane = Arc::clone(&room.lane).acquire_owned() => self.lane = lane.ok(),
                () = freed => {}
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.live.fetch_sub(self.bytes, Ordering::Relaxed);
        self.room.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_have_together() {
        for (requests, largest, small, shared) in [
            (64, 50 << 20, 256 << 10, 62 << 20),
            (1, 1, 256 << 10, (112 << 20) - 1),
            (10_000, 50 << 20, 1677, 62 << 20),
            (0, 1 << 40, 256 << 10, 16 << 20),
        ] {
            let room = Room::new(requests, largest);
            assert_eq!((room.small, room.shared), (small, shared), "{requests}");
        }
    }

    #[tokio::test]
    async fn one_goes_on_and_the_small_wait_for_nobody() {
        let room = Room::of(10, 100);
        let (mut first, mut second, mut third) = (room.hold(), room.hold(), room.hold());
        assert!(first.try_grow(60) && second.try_grow(40));
        // All that is shared is used up.
        assert!(!third.try_grow(11) && third.try_grow(10));
        first.grow(1000).await;
        assert_eq!(room.live(), 1110);
        let waiting = tokio::spawn(async move {
            second.grow(1).await;
            second
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let mut small = room.hold();
        assert!(small.try_grow(10), "it waits for nobody");
        drop(first);
        let second = waiting.await.expect("it goes on");
        assert_eq!((second.bytes(), room.live()), (41, 61));
        drop((second, third, small));
        assert_eq!(room.live(), 0);
    }

    /// However they grow: each comes to its end, and together they are never more than they may be.
    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_waits_for_ever() {
        let (small, shared, largest) = (10, 1000, 500);
        let room = Room::of(small, shared);
        let bodies: Vec<_> = (0..200_u64)
            .map(|number| {
                let room = Arc::clone(&room);
                tokio::spawn(async move {
                    let mut held = room.hold();
                    for _ in 0..=(number * 7919) % (largest - 1) {
                        held.grow(1).await;
                        tokio::task::yield_now().await;
                        assert!(room.live() <= shared + largest + 200 * small);
                    }
                })
            })
            .collect();
        for body in bodies {
            body.await.expect("it comes to its end");
        }
        assert_eq!(room.live(), 0);
    }
}
