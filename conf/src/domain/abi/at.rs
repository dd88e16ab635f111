//! A place in both definitions at once.

use oxivirt_core::Result;

use super::AbiChange;
use crate::domain::DomainHooks;
use crate::xml::{Element, Value, WriteMode, Writer};

/// A place in the document, kept as a chain so that nothing is allocated
/// unless something is refused.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    outer: Option<&'a At<'a>>,
    name: &'a str,
    /// From 1, for one of several.
    position: Option<usize>,
    hooks: &'a dyn DomainHooks,
}

impl<'a> At<'a> {
    pub(super) fn root(name: &'a str, hooks: &'a dyn DomainHooks) -> Self {
        Self { outer: None, name, position: None, hooks }
    }

    /// The element `name` below this place.
    pub(super) fn child<'c>(&'c self, name: &'c str) -> At<'c> {
        At { outer: Some(self), name, position: None, hooks: self.hooks }
    }

    fn path(&self) -> String {
        let outer = self.outer.map(At::path).unwrap_or_default();
        let position = self.position.map(|at| format!("[{at}]")).unwrap_or_default();
        format!("{outer}/{}{position}", self.name)
    }

    /// Refuses a difference unless the driver allows it. `name` is `@attribute`,
    /// an element below this place, or empty for the place itself.
    fn differs(&self, name: &str, old: Option<String>, new: Option<String>) -> Result<()> {
        let path = if name.is_empty() { self.path() } else { format!("{}/{name}", self.path()) };
        self.report(AbiChange { path, old, new })
    }

    fn report(&self, change: AbiChange) -> Result<()> {
        if self.hooks.allows_abi_change(&change) { Ok(()) } else { Err(change.into()) }
    }

    /// A value that is always there.
    pub(super) fn same<T: Value + PartialEq>(&self, name: &str, old: &T, new: &T) -> Result<()> {
        if old == new { Ok(()) } else { self.differs(name, Some(shown(old)), Some(shown(new))) }
    }

    /// A value that may be absent.
    pub(super) fn same_opt<T: Value + PartialEq>(&self, name: &str, old: &Option<T>, new: &Option<T>) -> Result<()> {
        if old == new { Ok(()) } else { self.differs(name, old.as_ref().map(shown), new.as_ref().map(shown)) }
    }

    /// A word that is derived from the definition.
    pub(super) fn same_word(&self, name: &str, old: &str, new: &str) -> Result<()> {
        if old == new { Ok(()) } else { self.differs(name, Some(old.to_owned()), Some(new.to_owned())) }
    }

    /// An element without content that is there or is not.
    pub(super) fn same_flag(&self, name: &str, old: bool, new: bool) -> Result<()> {
        let shown = |there: bool| there.then(|| format!("<{name}/>"));
        if old == new { Ok(()) } else { self.differs(name, shown(old), shown(new)) }
    }

    /// An element all of which the guest sees.
    pub(super) fn same_element<E: Element + PartialEq>(
        &self,
        name: &str,
        old: &Option<E>,
        new: &Option<E>,
    ) -> Result<()> {
        let print = |value: &E| printed(name, value);
        if old == new { Ok(()) } else { self.differs(name, old.as_ref().map(print), new.as_ref().map(print)) }
    }

    /// This element itself, all of which the guest sees.
    pub(super) fn same_whole<E: Element + PartialEq>(&self, old: &E, new: &E) -> Result<()> {
        if old == new { Ok(()) } else { self.differs("", Some(printed(self.name, old)), Some(printed(self.name, new))) }
    }

    /// Elements all of which the guest sees, in order.
    pub(super) fn same_elements<E: Element + PartialEq>(&self, name: &str, old: &[E], new: &[E]) -> Result<()> {
        self.each(name, old, new, |at, old, new| at.same_whole(old, new))
    }

    /// The elements `name` of both, in order and equally many.
    pub(super) fn each<T>(
        &self,
        name: &str,
        old: &[T],
        new: &[T],
        mut compare: impl FnMut(At<'_>, &T, &T) -> Result<()>,
    ) -> Result<()> {
        if old.len() != new.len() {
            self.report(AbiChange {
                path: format!("count({}/{name})", self.path()),
                old: Some(old.len().to_string()),
                new: Some(new.len().to_string()),
            })?;
        }
        for (position, (old, new)) in old.iter().zip(new).enumerate() {
            compare(At { outer: Some(self), name, position: Some(position + 1), hooks: self.hooks }, old, new)?;
        }
        Ok(())
    }

    /// The element `name` of both, if they have it; that one has it alone is
    /// a difference.
    pub(super) fn both<T>(
        &self,
        name: &str,
        old: Option<&T>,
        new: Option<&T>,
        compare: impl FnOnce(At<'_>, &T, &T) -> Result<()>,
    ) -> Result<()> {
        match (old, new) {
            (Some(old), Some(new)) => compare(self.child(name), old, new),
            (old, new) => self.same_flag(name, old.is_some(), new.is_some()),
        }
    }
}

fn shown<T: Value>(value: &T) -> String {
    let mut text = String::new();
    value.write_value(&mut text);
    text
}

/// The element on one line.
fn printed<E: Element>(name: &str, value: &E) -> String {
    let mut w = Writer::new(WriteMode { live: true, ..WriteMode::default() });
    w.element(name, value);
    w.finish().lines().map(str::trim_start).collect()
}

/// Compares fields of two values as attributes: `attrs!(at, old, new; "@model" => model)`.
macro_rules! attrs {
    ($at:expr, $old:expr, $new:expr; $($name:literal => $($field:ident).+),+ $(,)?) => {
        $($at.same_opt($name, &$old.$($field).+, &$new.$($field).+)?;)+
    };
}

/// Compares fields of two values as whole elements: `elements!(at, old, new; "relaxed" => relaxed)`.
macro_rules! elements {
    ($at:expr, $old:expr, $new:expr; $($name:literal => $($field:ident).+),+ $(,)?) => {
        $($at.same_element($name, &$old.$($field).+, &$new.$($field).+)?;)+
    };
}

pub(super) use {attrs, elements};
