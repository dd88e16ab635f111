//! A map whose copies are cheap: readers keep a whole version of it for free,
//! and a change copies one small part.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// With 10,000 entries a change copies this many pointers and some forty entries.
const COUNT: usize = 256;

/// An immutable-when-shared hash map in shards.
pub(super) struct Shards<K, V> {
    hasher: RandomState,
    /// Shared at both levels: a copy costs one pointer.
    shards: Arc<Vec<Arc<HashMap<K, V>>>>,
    len: usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Shards<K, V> {
    pub(super) fn new() -> Self {
        let empty = Arc::new(HashMap::new());
        Self { hasher: RandomState::new(), shards: Arc::new(vec![empty; COUNT]), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shards.get(self.place(key))?.get(key)
    }

    /// Puts a value under a key, returning the one it replaces.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = self.place(&key);
        let old = Arc::make_mut(Arc::make_mut(&mut self.shards).get_mut(place)?).insert(key, value);
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
        let place = self.place(key);
        let old = Arc::make_mut(Arc::make_mut(&mut self.shards).get_mut(place)?).remove(key);
        self.len -= usize::from(old.is_some());
        old
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(|shard| shard.values())
    }

    fn place<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // Below COUNT, so the cast loses nothing.
        (self.hasher.hash_one(key) % COUNT as u64) as usize
    }
}

impl<K, V> Clone for Shards<K, V> {
    fn clone(&self) -> Self {
        Self { hasher: self.hasher.clone(), shards: Arc::clone(&self.shards), len: self.len }
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
