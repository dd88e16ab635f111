//! Values that few definitions have, in the room of one pointer.
//!
//! A host keeps thousands of definitions, and most of what a document may say
//! is said by few of them. A part in a [`Rare`] reads and changes as if it
//! stood there itself, and takes memory only once it says something.

use std::fmt;
use std::ops::{Deref, DerefMut};

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer};

/// What a [`Rare`] that holds nothing reads as; see [`absent!`](crate::absent).
pub trait Absent: Clone + PartialEq + 'static {
    /// The value that says nothing.
    fn absent() -> &'static Self;
}

impl<T: Clone + PartialEq + 'static> Absent for Vec<T> {
    fn absent() -> &'static Self {
        const { &Vec::new() }
    }
}

/// Lets a type with a default stand in a [`Rare`](crate::rare::Rare).
#[macro_export]
#[doc(hidden)]
macro_rules! absent {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::rare::Absent for $type {
            fn absent() -> &'static Self {
                static ABSENT: std::sync::LazyLock<$type> = std::sync::LazyLock::new(Default::default);
                &ABSENT
            }
        }
    )+};
}

/// A `T` that is mostly its default.
#[derive(Clone)]
pub struct Rare<T>(Option<Box<T>>);

impl<T: Absent> Rare<T> {
    /// Gives the memory back if it says nothing (any more).
    pub fn shrink(&mut self) {
        if self.0.as_deref().is_some_and(|value| *value == *T::absent()) {
            self.0 = None;
        }
    }
}

impl<T: Clone + PartialEq + 'static> Rare<Vec<T>> {
    /// Gives back memory that the list holds beyond its length.
    pub fn shrink_to_fit(&mut self) {
        match &mut self.0 {
            Some(list) if list.is_empty() => self.0 = None,
            Some(list) => list.shrink_to_fit(),
            None => {}
        }
    }

    /// All elements, to be changed; takes no memory for none.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.0.as_deref_mut().map(Vec::as_mut_slice).unwrap_or_default().iter_mut()
    }

    /// Keeps those that fit; takes no memory for none.
    pub fn retain(&mut self, fits: impl FnMut(&T) -> bool) {
        if let Some(list) = &mut self.0 {
            list.retain(fits);
        }
    }
}

impl<T: Absent> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::absent())
    }
}

impl<T: Absent> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(T::absent().clone()))
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Absent> From<T> for Rare<T> {
    fn from(value: T) -> Self {
        Self((value != *T::absent()).then(|| Box::new(value)))
    }
}

impl<T: Absent> PartialEq for Rare<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Absent + Eq> Eq for Rare<T> {}

impl<T: Absent + fmt::Debug> fmt::Debug for Rare<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Absent + Element> Element for Rare<T> {
    fn parse(node: Node<'_>) -> Result<Self> {
        T::parse(node).map(Self::from)
    }

    fn format(&self, w: &mut Writer) {
        (**self).format(w);
    }
}

impl<T: Clone + PartialEq + 'static> IntoIterator for Rare<Vec<T>> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(|list| *list).unwrap_or_default().into_iter()
    }
}

impl<'a, T: Clone + PartialEq + 'static> IntoIterator for &'a Rare<Vec<T>> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T: Clone + PartialEq + 'static> IntoIterator for &'a mut Rare<Vec<T>> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<T: Clone + PartialEq + 'static> FromIterator<T> for Rare<Vec<T>> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Vec::from_iter(items).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_takes_nothing() {
        assert_eq!(size_of::<Rare<Vec<String>>>(), size_of::<usize>());
        let mut list: Rare<Vec<u32>> = Rare::default();
        for _ in &mut list {}
        list.retain(|_| true);
        assert!(list.is_empty() && list.0.is_none());
        list.push(1);
        assert_eq!((list.len(), list.first()), (1, Some(&1)));
        assert_ne!(list, Rare::default());
        assert_eq!(list, Rare::from(vec![1]));
        list.clear();
        assert_eq!(list, Rare::default());
        list.shrink_to_fit();
        assert!(list.0.is_none());
        assert!(Rare::from(Vec::<u8>::new()).0.is_none());
        assert_eq!(Rare::from(vec![1, 2]).into_iter().sum::<i32>(), 3);
    }
}
