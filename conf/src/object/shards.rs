//! A map whose copies are cheap: readers keep a whole version of it for free,
//! and a change copies one small part.

use std::array::from_fn;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// Shards in a group, and groups. A change copies this many pointers twice and
/// one shard, which with 10,000 entries holds ten.
const WIDTH: usize = 32;

type Shard<K, V> = Option<Arc<HashMap<K, V>>>;
type Group<K, V> = Option<Arc<[Shard<K, V>; WIDTH]>>;

/// An immutable-when-shared hash map in shards, which exist once something is in them.
pub(super) struct Shards<K, V> {
    hasher: RandomState,
    /// Shared at each level: a copy costs one pointer.
    groups: Arc<[Group<K, V>; WIDTH]>,
    len: usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Shards<K, V> {
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::new(), groups: Arc::new(from_fn(|_| None)), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (group, shard) = self.place(key);
        self.groups.get(group)?.as_ref()?.get(shard)?.as_ref()?.get(key)
    }

    /// Puts a value under a key, returning the one it replaces.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = self.place(&key);
        let old = self.shard_mut(place)?.insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    pub(super) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        // Looked at first: nothing is copied for a key that is not there.
        self.get(key)?;
        let old = self.shard_mut(self.place(key))?.remove(key);
        self.len -= usize::from(old.is_some());
        old
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        let shards = self.groups.iter().flatten().flat_map(|group| group.iter().flatten());
        shards.flat_map(|shard| shard.values())
    }

    /// The shard at a place, for this copy of the map alone.
    fn shard_mut(&mut self, (group, shard): (usize, usize)) -> Option<&mut HashMap<K, V>> {
        let group = Arc::make_mut(&mut self.groups).get_mut(group)?;
        let group = group.get_or_insert_with(|| Arc::new(from_fn(|_| None)));
        let shard = Arc::make_mut(group).get_mut(shard)?;
        Some(Arc::make_mut(shard.get_or_insert_default()))
    }

    fn place<Q: Hash + ?Sized>(&self, key: &Q) -> (usize, usize) {
        // Below WIDTH each, so the casts lose nothing.
        let hash = self.hasher.hash_one(key) % (WIDTH * WIDTH) as u64;
        (hash as usize / WIDTH, hash as usize % WIDTH)
    }
}

impl<K, V> Clone for Shards<K, V> {
    fn clone(&self) -> Self {
        Self { hasher: self.hasher.clone(), groups: Arc::clone(&self.groups), len: self.len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_does_not_see_later_changes() {
        let mut map = Shards::new();
        for n in 0..1000 {
            assert_eq!(map.insert(n, n), None);
        }
        let copy = map.clone();
        assert_eq!(map.insert(5, 50), Some(5));
        assert_eq!(map.remove(&6), Some(6));
        assert_eq!(map.remove(&6), None);
        assert_eq!((map.len(), copy.len()), (999, 1000));
        assert_eq!((map.get(&5), copy.get(&5)), (Some(&50), Some(&5)));
        assert_eq!(copy.get(&6), Some(&6));
        assert_eq!(copy.values().copied().sum::<i32>(), 499_500);
        assert_eq!(map.values().count(), 999);
    }
}
