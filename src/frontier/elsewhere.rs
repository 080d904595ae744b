//! Hosts that wait and are not in memory: those of the table that nobody has come to yet, and those that
//! were sent to rest. So memory is bounded by hosts that may be asked about now, not by hosts that
//! are known.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use crate::canonical::Host;
use crate::politeness::Streak;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// The table may have hosts that wait behind this number.
    cursor: Option<i64>,
    /// Some may wait before it, too: they were turned away since there was no room.
    missed: bool,
    /// The table is being read.
    asking: bool,
    /// Hosts that have to wait for long, each until its time.
    resting: BTreeSet<(Instant, Host)>,
    until: HashMap<Host, (Instant, Streak)>,
}

impl Elsewhere {
    /// Says that the table has hosts that wait.
    pub(super) fn look_from_the_beginning(&mut self) {
        self.missed = true;
        self.turn_back();
    }

    /// Says that a host was turned away: the table alone has what waits for it.
    pub(super) fn turned_away(&mut self) {
        self.look_from_the_beginning();
    }

    fn turn_back(&mut self) {
        if self.cursor.is_none() && !self.asking && self.missed {
            (self.cursor, self.missed) = (Some(0), false);
        }
    }

    /// Whether nobody waits anywhere but in memory.
    pub(super) fn is_empty(&self) -> bool {
        self.resting.is_empty() && !self.has_more()
    }

    /// Whether the table may have hosts that nobody has come to.
    pub(super) fn has_more(&self) -> bool {
        self.cursor.is_some() || self.missed || self.asking
    }

    /// Behind which host to read on, if there is reason to.
    pub(super) fn ask(&mut self) -> Option<i64> {
        let cursor = self.cursor.filter(|_| !self.asking)?;
        self.asking = true;
        Some(cursor)
    }

    /// Takes note of how far the table was read; `None` where that was its end.
    pub(super) fn answered(&mut self, last: Option<i64>) {
        (self.asking, self.cursor) = (false, last);
        self.turn_back();
    }

    /// Sends a host to rest.
    pub(super) fn rest(&mut self, host: Host, until: Instant, streak: Streak) {
        self.until.insert(host.clone(), (until, streak));
        self.resting.insert((until, host));
    }

    pub(super) fn is_resting(&self, host: &Host) -> bool {
        self.until.contains_key(host)
    }

    /// When the next host has rested.
    pub(super) fn next(&self) -> Option<Instant> {
        self.resting.first().map(|(at, _)| *at)
    }

    /// Calls a host back, wherever it is in its rest: until when that lasts, or did, and what its answers had
    /// come to.
    pub(super) fn recall(&mut self, host: &Host) -> Option<(Instant, Streak)> {
        let (until, streak) = self.until.remove(host)?;
        self.resting.remove(&(until, host.clone()));
        Some((until, streak))
    }

    /// A host that has rested; it is to be called back.
    pub(super) fn rested(&self, now: Instant) -> Option<Host> {
        let first = self.resting.first().filter(|(at, _)| *at <= now);
        first.map(|(_, host)| host.clone())
    }
}
