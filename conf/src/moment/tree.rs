//! The tree of a domain's snapshots or checkpoints.

use std::collections::BTreeMap;

use oxivirt_core::{Error, Result};

use super::Moment;

/// All moments of one kind of one domain.
///
/// Names are unique and every parent is there, so there is no cycle; one of
/// them may be the current one. Lists are in the order of names.
#[derive(Debug, Clone)]
pub struct MomentTree<M> {
    nodes: BTreeMap<String, Node<M>>,
    roots: Vec<String>,
    current: Option<String>,
}

#[derive(Debug, Clone)]
struct Node<M> {
    moment: M,
    children: Vec<String>,
}

/// Which moments a list shows, as the flags of the calls have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Listing {
    /// Everything below, not only the first level.
    pub descendants: bool,
    /// Those with children, or those without; both or none means all.
    pub inner: bool,
    /// See [`Self::inner`].
    pub leaves: bool,
    /// Every parent stands before its children, instead of the order of names.
    pub topological: bool,
}

/// What [`MomentTree::remove`] took out and changed.
#[derive(Debug, PartialEq)]
pub struct Removed<M> {
    /// The moment.
    pub moment: M,
    /// Its children, which belong to its parent now: their files have to be written anew.
    pub moved: Vec<String>,
    /// The moment was the current one; its parent is so now, if it had one.
    pub was_current: bool,
}

/// What [`MomentTree::load`] made of a folder.
#[derive(Debug)]
pub struct Loaded<M> {
    /// The tree.
    pub tree: MomentTree<M>,
    /// Moments that became roots since their parent is missing or is one of
    /// their own descendants, and moments left out since their name was taken.
    pub problems: Vec<Error>,
}

impl<M> Default for MomentTree<M> {
    fn default() -> Self {
        Self { nodes: BTreeMap::new(), roots: Vec::new(), current: None }
    }
}

impl<M: Moment> MomentTree<M> {
    /// Puts moments together that were read in any order.
    pub fn load(moments: impl IntoIterator<Item = M>) -> Loaded<M> {
        let (mut tree, mut problems) = (Self::default(), Vec::new());
        for moment in moments {
            let name = moment.name().to_owned();
            match tree.nodes.contains_key(&name) {
                true => problems.push(taken::<M>(&name)),
                false => drop(tree.nodes.insert(name, Node { moment, children: Vec::new() })),
            }
        }
        let names: Vec<String> = tree.nodes.keys().cloned().collect();
        for name in &names {
            let parent = tree.nodes.get(name).and_then(|node| node.moment.parent()).map(str::to_owned);
            if let Err(problem) = tree.check_parent(name, parent.as_deref()) {
                problems.push(problem);
                if let Some(node) = tree.nodes.get_mut(name) {
                    node.moment.set_parent(None);
                }
            }
        }
        for name in names {
            tree.hang(name);
        }
        Loaded { tree, problems }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The moment of a name.
    pub fn get(&self, name: &str) -> Option<&M> {
        self.nodes.get(name).map(|node| &node.moment)
    }

    /// The moment of a name; an error with [`Moment::NOT_FOUND`] when there is none.
    pub fn find(&self, name: &str) -> Result<&M> {
        self.get(name).ok_or_else(|| M::not_found(name))
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &M> {
        self.nodes.values().map(|node| &node.moment)
    }

    /// The current one.
    pub fn current(&self) -> Option<&M> {
        self.get(self.current.as_deref()?)
    }

    /// Whether this is the current one.
    pub fn is_current(&self, name: &str) -> bool {
        self.current.as_deref() == Some(name)
    }

    /// Makes one the current one, or none; returns the one before.
    ///
    /// Errors: [`Moment::NOT_FOUND`].
    pub fn set_current(&mut self, name: Option<&str>) -> Result<Option<String>> {
        if let Some(name) = name {
            self.find(name)?;
        }
        Ok(std::mem::replace(&mut self.current, name.map(str::to_owned)))
    }

    /// Whether `name` could have this parent, be it new or there already.
    ///
    /// Errors: `INVALID_ARG` the parent is itself, is not there, or comes from `name`.
    pub fn check_parent(&self, name: &str, parent: Option<&str>) -> Result<()> {
        let Some(parent) = parent else { return Ok(()) };
        if parent == name {
            return Err(Error::invalid_arg(format!("cannot set moment {name} as its own parent")));
        }
        if !self.nodes.contains_key(parent) {
            return Err(Error::invalid_arg(format!("parent {parent} for moment {name} not found")));
        }
        let mut above = Some(parent);
        // No chain is longer than the tree, even one that was read with a cycle in it.
        for _ in 0..=self.nodes.len() {
            let Some(at) = above else { return Ok(()) };
            above = self.get(at).and_then(M::parent);
            if above == Some(name) {
                return Err(Error::invalid_arg(format!("parent {parent} would create cycle to {name}")));
            }
        }
        // A cycle further up, which is refused at its own members.
        Ok(())
    }

    /// Puts in a new one.
    ///
    /// Errors: `OPERATION_INVALID` the name is taken; see [`Self::check_parent`]. Nothing is changed then.
    pub fn insert(&mut self, moment: M) -> Result<()> {
        let name = moment.name().to_owned();
        if self.nodes.contains_key(&name) {
            return Err(taken::<M>(&name));
        }
        self.check_parent(&name, moment.parent())?;
        self.nodes.insert(name.clone(), Node { moment, children: Vec::new() });
        self.hang(name);
        Ok(())
    }

    /// Puts in another definition of one that is there; its children stay its children.
    /// Returns the definition before.
    ///
    /// Errors: [`Moment::NOT_FOUND`]; see [`Self::check_parent`]. Nothing is changed then.
    pub fn replace(&mut self, moment: M) -> Result<M> {
        let name = moment.name().to_owned();
        self.find(&name)?;
        self.check_parent(&name, moment.parent())?;
        self.unhang(&name);
        let before = self.nodes.get_mut(&name).map(|node| std::mem::replace(&mut node.moment, moment));
        self.hang(name.clone());
        before.ok_or_else(|| M::not_found(&name))
    }

    /// Changes one that is there, everything but its name and parent, which are put back.
    ///
    /// Errors: [`Moment::NOT_FOUND`], or whatever `change` returns.
    pub fn update<T>(&mut self, name: &str, change: impl FnOnce(&mut M) -> Result<T>) -> Result<T>
    where
        M: Clone,
    {
        let node = self.nodes.get_mut(name).ok_or_else(|| M::not_found(name))?;
        let mut changed = node.moment.clone();
        let answer = change(&mut changed)?;
        if changed.name() != name || changed.parent() != node.moment.parent() {
            return Err(Error::internal(format!("a change of {} '{name}' may not move it", M::KIND)));
        }
        node.moment = changed;
        Ok(answer)
    }

    /// Takes one out; its children get its parent.
    ///
    /// Errors: [`Moment::NOT_FOUND`].
    pub fn remove(&mut self, name: &str) -> Result<Removed<M>> {
        self.find(name)?;
        self.unhang(name);
        let Node { moment, children: moved } = self.nodes.remove(name).ok_or_else(|| M::not_found(name))?;
        for child in &moved {
            if let Some(node) = self.nodes.get_mut(child) {
                node.moment.set_parent(moment.parent().map(str::to_owned));
            }
            self.hang(child.clone());
        }
        let was_current = self.is_current(name);
        if was_current {
            self.current = moment.parent().map(str::to_owned);
        }
        Ok(Removed { moment, moved, was_current })
    }

    /// Takes one out with everything below it, children before their parents;
    /// where the current one was among them, the parent of `name` becomes current.
    ///
    /// Errors: [`Moment::NOT_FOUND`].
    pub fn remove_with_descendants(&mut self, name: &str) -> Result<Vec<M>> {
        let mut names = self.below(Some(name), true)?;
        names.insert(0, name.to_owned());
        let mut removed = Vec::with_capacity(names.len());
        for name in names.iter().rev() {
            removed.push(self.remove(name)?.moment);
        }
        Ok(removed)
    }

    /// The ones without a parent.
    pub fn roots(&self) -> impl Iterator<Item = &M> {
        self.roots.iter().filter_map(|name| self.get(name))
    }

    /// The ones made directly from `name`; [`Moment::NOT_FOUND`] when it is not there.
    pub fn children(&self, name: &str) -> Result<impl Iterator<Item = &M>> {
        let node = self.nodes.get(name).ok_or_else(|| M::not_found(name))?;
        Ok(node.children.iter().filter_map(|child| self.get(child)))
    }

    /// Everything made from `name`, every parent before its children.
    pub fn descendants(&self, name: &str) -> Result<Vec<&M>> {
        Ok(self.below(Some(name), true)?.iter().filter_map(|name| self.get(name)).collect())
    }

    /// The ones from which nothing was made.
    pub fn leaves(&self) -> impl Iterator<Item = &M> {
        self.nodes.values().filter(|node| node.children.is_empty()).map(|node| &node.moment)
    }

    /// A list as the calls give it: below `from`, or of the whole tree, where the first level are the roots.
    ///
    /// Errors: [`Moment::NOT_FOUND`].
    pub fn list(&self, from: Option<&str>, what: Listing) -> Result<Vec<&M>> {
        let mut names = self.below(from, what.descendants)?;
        if !what.topological {
            names.sort_unstable();
        }
        let shown = |node: &&Node<M>| {
            let leaf = node.children.is_empty();
            what.inner == what.leaves || (leaf && what.leaves) || (!leaf && what.inner)
        };
        Ok(names.iter().filter_map(|name| self.nodes.get(name)).filter(shown).map(|node| &node.moment).collect())
    }

    /// Names below one, or of the whole tree, every parent before its children.
    fn below(&self, from: Option<&str>, all: bool) -> Result<Vec<String>> {
        let first = match from {
            None => &self.roots,
            Some(name) => &self.nodes.get(name).ok_or_else(|| M::not_found(name))?.children,
        };
        if !all {
            return Ok(first.clone());
        }
        let mut found = Vec::new();
        let mut open: Vec<&String> = first.iter().rev().collect();
        while let Some(name) = open.pop() {
            found.push(name.clone());
            open.extend(self.nodes.get(name).into_iter().flat_map(|node| node.children.iter().rev()));
        }
        Ok(found)
    }

    /// Enters a moment in the list of its parent's children.
    fn hang(&mut self, name: String) {
        let parent = self.get(&name).and_then(M::parent).map(str::to_owned);
        let list = match parent.and_then(|parent| self.nodes.get_mut(&parent)) {
            Some(node) => &mut node.children,
            None => &mut self.roots,
        };
        let at = list.binary_search(&name).unwrap_or_else(|at| at);
        list.insert(at, name);
    }

    fn unhang(&mut self, name: &str) {
        let parent = self.get(name).and_then(M::parent).map(str::to_owned);
        let list = match parent.and_then(|parent| self.nodes.get_mut(&parent)) {
            Some(node) => &mut node.children,
            None => &mut self.roots,
        };
        list.retain(|other| other != name);
    }
}

fn taken<M: Moment>(name: &str) -> Error {
    Error::operation_invalid(format!("{} {name} already exists", M::KIND))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use oxivirt_core::ErrorCode;

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Point(String, Option<String>);

    impl Moment for Point {
        const KIND: &'static str = "domain snapshot";
        const NOT_FOUND: ErrorCode = ErrorCode::NO_DOMAIN_SNAPSHOT;

        fn name(&self) -> &str {
            &self.0
        }
        fn parent(&self) -> Option<&str> {
            self.1.as_deref()
        }
        fn set_parent(&mut self, parent: Option<String>) {
            self.1 = parent;
        }
    }

    fn point(name: &str, parent: &str) -> Point {
        Point(name.into(), Some(parent.to_owned()).filter(|p| !p.is_empty()))
    }

    /// `a` is the root of `b` and `c`; `d` and `e` come from `b`; `z` is alone.
    fn tree() -> MomentTree<Point> {
        let mut tree = MomentTree::default();
        for (name, parent) in [("z", ""), ("a", ""), ("c", "a"), ("b", "a"), ("e", "b"), ("d", "b")] {
            tree.insert(point(name, parent)).unwrap();
        }
        tree
    }

    fn names<'m>(moments: impl IntoIterator<Item = &'m Point>) -> String {
        moments.into_iter().map(|m| m.0.as_str()).collect()
    }

    #[test]
    fn relations_follow_the_parents() {
        let tree = tree();
        assert_eq!(names(tree.roots()), "az");
        assert_eq!(names(tree.children("a").unwrap()), "bc");
        assert_eq!(names(tree.descendants("a").unwrap()), "bdec");
        assert_eq!(names(tree.leaves()), "cdez");
        assert_eq!((tree.len(), names(tree.iter()).as_str()), (6, "abcdez"));
        let error = tree.descendants("nope").unwrap_err();
        assert_eq!(error.code(), ErrorCode::NO_DOMAIN_SNAPSHOT);
        assert!(error.message().ends_with("no domain snapshot with matching name 'nope'"), "{error}");
    }

    #[test]
    fn lists_filter_as_the_flags_say() {
        let tree = tree();
        let list = |from, what| names(tree.list(from, what).unwrap());
        assert_eq!(list(None, Listing::default()), "az");
        let all = Listing { descendants: true, ..Listing::default() };
        assert_eq!(list(None, all), "abcdez");
        assert_eq!(list(None, Listing { topological: true, ..all }), "abdecz");
        assert_eq!(list(Some("a"), Listing { leaves: true, ..all }), "cde");
        assert_eq!(list(None, Listing { inner: true, ..all }), "ab");
        assert_eq!(list(None, Listing { inner: true, leaves: true, ..all }), "abcdez");
    }

    #[test]
    fn impossible_parents_are_refused_and_change_nothing() {
        let mut tree = tree();
        let refused = |error: Error, text: &str| {
            assert_eq!(error.code(), ErrorCode::INVALID_ARG);
            assert!(error.message().ends_with(text), "{error}");
        };
        refused(tree.insert(point("x", "x")).unwrap_err(), "cannot set moment x as its own parent");
        refused(tree.insert(point("x", "y")).unwrap_err(), "parent y for moment x not found");
        refused(tree.replace(point("a", "e")).unwrap_err(), "parent e would create cycle to a");
        assert_eq!(tree.insert(point("a", "")).unwrap_err().code(), ErrorCode::OPERATION_INVALID);
        assert_eq!((tree.len(), names(tree.descendants("a").unwrap()).as_str()), (6, "bdec"));
    }

    #[test]
    fn children_of_a_removed_one_move_up() {
        let mut tree = tree();
        tree.set_current(Some("b")).unwrap();
        let removed = tree.remove("b").unwrap();
        assert_eq!((removed.moved.concat().as_str(), removed.was_current), ("de", true));
        assert_eq!(tree.current().map(Moment::name), Some("a"));
        assert_eq!(names(tree.children("a").unwrap()), "cde");
        assert_eq!(tree.remove("a").unwrap().moved.concat(), "cde");
        assert_eq!(names(tree.roots()), "cdez");
        assert!(tree.current().is_none());
        assert_eq!(tree.remove("a").unwrap_err().code(), ErrorCode::NO_DOMAIN_SNAPSHOT);
    }

    #[test]
    fn a_branch_goes_as_a_whole_from_its_ends() {
        let mut tree = tree();
        tree.set_current(Some("d")).unwrap();
        assert_eq!(names(&tree.remove_with_descendants("b").unwrap()), "edb");
        assert_eq!(names(tree.iter()), "acz");
        assert_eq!(tree.current().map(Moment::name), Some("a"));
    }

    #[test]
    fn a_definition_may_move_with_its_children() {
        let mut tree = tree();
        assert_eq!(tree.replace(point("b", "z")).unwrap(), point("b", "a"));
        assert_eq!(names(tree.descendants("z").unwrap()), "bde");
        assert!(
            tree.update("b", |p| {
                p.1 = None;
                Ok(())
            })
            .is_err()
        );
        assert_eq!(tree.get("b"), Some(&point("b", "z")));
    }

    #[test]
    fn a_folder_is_loaded_in_any_order_and_mended() {
        let read = [("e", "b"), ("b", "a"), ("a", ""), ("x", "gone"), ("p", "q"), ("q", "p"), ("s", "s"), ("a", "b")];
        let Loaded { tree, problems } = MomentTree::load(read.map(|(name, parent)| point(name, parent)));
        assert_eq!(names(tree.descendants("a").unwrap()), "be");
        assert_eq!(names(tree.roots()), "apsx");
        assert_eq!(names(tree.children("p").unwrap()), "q");
        assert_eq!(problems.len(), 4, "{problems:?}");
    }

    #[test]
    fn a_deep_chain_is_walked_without_recursion() {
        let before = |i: u32| i.checked_sub(1).map_or(String::new(), |p| format!("{p:05}"));
        let chain = (0..2_000).map(|i| point(&format!("{i:05}"), &before(i)));
        let mut tree = MomentTree::default();
        for moment in chain {
            tree.insert(moment).unwrap();
        }
        assert_eq!(tree.descendants("00000").unwrap().len(), 1_999);
        assert_eq!(tree.remove_with_descendants("00000").unwrap().len(), 2_000);
    }
}
