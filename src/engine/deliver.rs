//! From the engine to a program that listens: what was committed, in the order of its commit.
//!
//! The engine never waits for its listener: it hands over what was committed, and while more than so many
//! records or bytes lie unread, it starts no request. So what is in memory is bounded by that and by what
//! was under way, and stops, limits and commits work as ever.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::sync::{Notify, mpsc};

use crate::record::Record;
use crate::store::Change;
use crate::visited::Visited;

/// Bytes (by estimate) that may lie unread before no request starts, however few records they are.
const MAX_UNREAD_BYTES: usize = 8 << 20;

/// What both ends count.
#[derive(Debug)]
struct Unread {
    most: usize,
    records: AtomicUsize,
    bytes: AtomicUsize,
    /// Told when there is room again, or nobody listens any more.
    room: Notify,
}

impl Unread {
    fn is_full(&self) -> bool {
        self.records.load(Ordering::Acquire) >= self.most
            || self.bytes.load(Ordering::Acquire) >= MAX_UNREAD_BYTES
    }

    /// Takes a record off the count. The step from full to not full is seen in the old value itself, so
    /// that it is told exactly once, whatever the engine adds meanwhile.
    fn took(&self, weight: usize) {
        let records = self.records.fetch_sub(1, Ordering::AcqRel);
        let bytes = self.bytes.fetch_sub(weight, Ordering::AcqRel);
        let room = |before: usize, taken: usize, most: usize| {
            before >= most && before.saturating_sub(taken) < most
        };
        if room(records, 1, self.most) || room(bytes, weight, MAX_UNREAD_BYTES) {
            self.room.notify_one();
        }
    }
}

/// A record with its weight.
type Parcel = (Visited, usize);

/// The outcomes of a crawl, each once its row is committed, in the order of the commits.
///
/// Ends when the crawl has ended. To read slowly slows the crawl; to drop it lets the crawl go on alone.
/// It is a [`futures_core::Stream`] too.
#[derive(Debug)]
pub struct Visits {
    parcels: mpsc::UnboundedReceiver<Parcel>,
    unread: Arc<Unread>,
}

impl Visits {
    /// The next outcome; `None` once the crawl has ended and all was read. May be dropped and called again.
    pub async fn next(&mut self) -> Option<Visited> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Visited>> {
        self.parcels.poll_recv(context).map(|parcel| {
            let (visited, weight) = parcel?;
            self.unread.took(weight);
            Some(visited)
        })
    }
}

impl futures_core::Stream for Visits {
    type Item = Visited;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Visited>> {
        self.poll(context)
    }
}

impl Drop for Visits {
    fn drop(&mut self) {
        self.parcels.close();
        self.unread.room.notify_one();
    }
}

/// The engine's end; without a listener it does nothing, and nothing is kept for it.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    ends: Option<(mpsc::UnboundedSender<Parcel>, Arc<Unread>)>,
    /// Whether only what is new, changed or gone is told.
    pub(super) only_changed: bool,
}

/// Both ends; requests start while fewer than `most` records lie unread.
pub(crate) fn channel(most: usize) -> (Delivery, Visits) {
    // Not bounded by itself, so that the engine never waits in it: `is_full` keeps it short.
    let (sender, parcels) = mpsc::unbounded_channel();
    let unread = Arc::new(Unread {
        most: most.max(1),
        records: AtomicUsize::new(0),
        bytes: AtomicUsize::new(0),
        room: Notify::new(),
    });
    let delivery = Delivery {
        ends: Some((sender, Arc::clone(&unread))),
        only_changed: false,
    };
    (delivery, Visits { parcels, unread })
}

impl Delivery {
    /// Whether somebody listens.
    pub(super) fn is_wanted(&self) -> bool {
        self.ends
            .as_ref()
            .is_some_and(|(sender, _)| !sender.is_closed())
    }

    /// Whether so much lies unread that no request is to start.
    pub(super) fn is_full(&self) -> bool {
        self.is_wanted()
            && self
                .ends
                .as_ref()
                .is_some_and(|(_, unread)| unread.is_full())
    }

    /// Hands over what was committed.
    pub(super) fn send(&self, committed: Vec<Record>, changes: Vec<Option<Change>>) {
        let Some((sender, unread)) = &self.ends else {
            return;
        };
        for (record, change) in committed.into_iter().zip(changes) {
            if self.only_changed && change.is_none() {
                continue;
            }
            let weight = record.weight();
            if let Some(visited) = Visited::of(record, change) {
                // Counted first: the reader may be quicker than the next line.
                unread.records.fetch_add(1, Ordering::AcqRel);
                unread.bytes.fetch_add(weight, Ordering::AcqRel);
                let _ = sender.send((visited, weight));
            }
        }
    }

    /// Until there is room again, as far as there was none; for ever where nobody ever listened.
    pub(super) async fn room(&self) {
        match &self.ends {
            Some((_, unread)) => unread.room.notified().await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::canonical::CanonicalUrl;
    use crate::record::{Content, Fate, Link, LinkKind, Page};
    use crate::request::{Kind, Request, Ticket};

    /// The record of a page with so many links.
    pub(in crate::engine) fn page(links: usize) -> Record {
        let url = CanonicalUrl::parse("http://a.example/").expect("a URL");
        let page = Page {
            links: vec![Link::new(url.clone(), LinkKind::A); links],
            ..Page::default()
        };
        let content = Content::new([0; 32], 0, page);
        Record {
            request: Request {
                url,
                kind: Kind::Page,
                order: 0,
                depth: 0,
                attempt: 0,
                not_before: None,
                ticket: Ticket::default(),
                validators: None,
            },
            fetched: None,
            error: None,
            rule: None,
            redirect_to: None,
            content: Some(content),
            robots: None,
            sitemap: None,
            fate: Fate::Done,
        }
    }

    #[tokio::test]
    async fn full_by_records_or_bytes_until_read() {
        for (most, pages, links) in [(2, 2, 0), (1000, 2, 20_000)] {
            let (delivery, mut visits) = channel(most);
            assert!(delivery.is_wanted() && !delivery.is_full());
            delivery.send((0..pages).map(|_| page(links)).collect(), vec![None; pages]);
            assert!(delivery.is_full(), "{pages} pages of {links} links");
            assert!(visits.next().await.is_some());
            assert!(!delivery.is_full());
            // It was told while nobody waited, and is known all the same.
            delivery.room().await;
        }
    }

    #[tokio::test]
    async fn tries_that_are_not_the_last_are_not_told() {
        let (delivery, mut visits) = channel(1);
        let again = Record {
            fate: Fate::Retry(std::time::SystemTime::now()),
            ..page(0)
        };
        delivery.send(vec![again, page(1)], vec![None; 2]);
        drop(delivery);
        assert_eq!(visits.next().await.map(|told| told.links().len()), Some(1));
        assert_eq!(visits.next().await, None);
    }

    #[tokio::test]
    async fn nobody_listens_any_more() {
        let (delivery, visits) = channel(1);
        delivery.send(vec![page(0)], vec![None]);
        drop(visits);
        assert!(!delivery.is_wanted() && !delivery.is_full());
        delivery.room().await;
        delivery.send(vec![page(0)], vec![None]);
        assert!(!Delivery::default().is_wanted());
    }
}
