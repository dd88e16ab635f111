//! Whose events are whose: channels of a hosting process and of the daemon.

use std::collections::HashMap;

/// The channels of one process, as long as somebody holds a connection there.
#[derive(Debug, Default)]
pub(super) struct Channels {
    /// Which process they belong to.
    generation: u64,
    /// The daemon's channels of each of its own, with the connections that use them.
    table: HashMap<u64, Vec<(u64, usize)>>,
}

impl Channels {
    /// A new process has come, whose channels mean something else.
    ///
    /// Returns the daemon's channels that led to the old one.
    pub(super) fn change(&mut self, generation: u64) -> Vec<u64> {
        let old = std::mem::replace(self, Self { generation, table: HashMap::new() });
        let mut all: Vec<u64> = old.table.into_values().flatten().map(|(outer, _)| outer).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Joins a connection: events of `inner` go to `outer`, or to the channel
    /// that they go to already, or to a `fresh` one. Returns where they go;
    /// absent when the process is not the present one.
    pub(super) fn join(
        &mut self,
        generation: u64,
        inner: u64,
        outer: Option<u64>,
        fresh: impl FnOnce() -> u64,
    ) -> Option<u64> {
        if generation != self.generation {
            return None;
        }
        let all = self.table.entry(inner).or_default();
        let outer = outer.or_else(|| all.first().map(|(outer, _)| *outer)).unwrap_or_else(fresh);
        match all.iter_mut().find(|(other, _)| *other == outer) {
            Some((_, count)) => *count += 1,
            None => all.push((outer, 1)),
        }
        Some(outer)
    }

    /// Takes a connection away again.
    pub(super) fn leave(&mut self, generation: u64, inner: u64, outer: u64) {
        if generation != self.generation {
            return;
        }
        let Some(all) = self.table.get_mut(&inner) else { return };
        if let Some(at) = all.iter().position(|(other, _)| *other == outer) {
            match all.get_mut(at) {
                Some((_, count)) if *count > 1 => *count -= 1,
                _ => drop(all.swap_remove(at)),
            }
        }
        if all.is_empty() {
            self.table.remove(&inner);
        }
    }

    /// Where events of a channel go.
    pub(super) fn of(&self, generation: u64, inner: u64) -> Vec<u64> {
        let all = self.table.get(&inner).filter(|_| generation == self.generation);
        all.into_iter().flatten().map(|(outer, _)| *outer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_share_a_channel_and_keep_it_over_a_restart() {
        let mut channels = Channels::default();
        assert!(channels.change(1).is_empty());
        assert_eq!(channels.join(1, 5, None, || 100), Some(100));
        assert_eq!(channels.join(1, 5, None, || 101), Some(100));
        assert_eq!(channels.join(1, 6, None, || 101), Some(101));
        assert_eq!(channels.of(1, 5), [100]);
        assert_eq!(channels.change(2), [100, 101]);
        assert_eq!(channels.join(1, 5, None, || 102), None, "that process is gone");
        // A new client was faster than the old one that comes back.
        assert_eq!(channels.join(2, 9, None, || 102), Some(102));
        assert_eq!(channels.join(2, 9, Some(100), || 103), Some(100));
        assert_eq!(channels.of(2, 9), [102, 100]);
        channels.leave(1, 9, 102);
        channels.leave(2, 9, 102);
        assert_eq!(channels.of(2, 9), [100]);
        channels.leave(2, 9, 100);
        assert!(channels.of(2, 9).is_empty() && channels.change(3).is_empty());
    }
}
