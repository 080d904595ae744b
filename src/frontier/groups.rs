//! Hosts that share a rate and a cap in flight: those of one domain, or of one address. Of each group one host
//! after the other gets its turn, and only when the group may start a request.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::canonical::Host;
use crate::politeness::{Limits, Pace};

/// Hosts of a group that stay in memory where room is wanted.
const LINE: usize = 64;

/// One group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) pace: Pace,
    /// Hosts that may have something to ask, in the order of their turns.
    pub(super) line: VecDeque<Host>,
    /// Hosts of it in memory.
    members: usize,
    pub(super) in_ready: bool,
    pub(super) wake: Option<Instant>,
}

/// All groups of which a host is in memory.
#[derive(Debug, Default)]
pub(super) struct Groups(HashMap<Arc<str>, Group>);

impl Groups {
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Group> {
        self.0.get_mut(key)
    }

    /// Takes a host into its group, which is made if need be; the pace keeps to the limits of both.
    pub(super) fn join(
        &mut self,
        key: &Arc<str>,
        limits: Limits,
        pace: impl FnOnce() -> Pace,
        now: Instant,
    ) {
        let group = self.0.entry(Arc::clone(key)).or_insert_with(|| Group {
            pace: pace(),
            line: VecDeque::new(),
            members: 0,
            in_ready: false,
            wake: None,
        });
        group.members += 1;
        group.pace.share(limits, now);
    }

    /// Lets a host go; the group goes with its last one, which is asked for only once it has rested.
    pub(super) fn leave(&mut self, key: &str, host: &Host) {
        if let Some(group) = self.0.get_mut(key) {
            group.members -= 1;
            group.line.retain(|other| other != host);
            if group.members == 0 {
                self.0.remove(key);
            }
        }
    }

    /// Hosts at the ends of long lines: their turns are far.
    pub(super) fn spare(&mut self) -> Vec<Host> {
        let lines = self.0.values_mut().map(|group| &mut group.line);
        let beyond = |line: &mut VecDeque<Host>| line.split_off(line.len().min(LINE));
        lines.flat_map(beyond).collect()
    }

    /// Until when the pace of a group has to be known.
    pub(super) fn rested_at(&self, key: &str) -> Option<Instant> {
        self.0.get(key)?.pace.rested_at()
    }
}
