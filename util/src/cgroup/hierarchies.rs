//! Which hierarchies of groups this host has.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::Controller;
use crate::file;

/// The hierarchies of this host, with the place of this process in each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hierarchies {
    pub(super) first: BTreeMap<Controller, Tree>,
    pub(super) second: Option<Tree>,
    /// What the second version controls here.
    pub(super) unified: BTreeSet<Controller>,
}

/// One hierarchy as it can be seen from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    /// Where it is mounted.
    pub(super) root: PathBuf,
    /// This process' own group, below that.
    pub(super) own: PathBuf,
}

/// From where the path of a group counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// From the top.
    Top,
    /// From the group that this process is in.
    Own,
}

impl Tree {
    pub(super) fn base(&self, base: Base) -> PathBuf {
        match base {
            Base::Top => self.root.clone(),
            Base::Own => self.root.join(&self.own),
        }
    }
}

impl Hierarchies {
    /// Those that are mounted where this process can see them.
    ///
    /// Errors: the kernel's tables cannot be read.
    pub fn of_host() -> io::Result<Self> {
        let mounts = file::read_text(Path::new("/proc/self/mountinfo"), LIMIT)?;
        let own = file::read_text(Path::new("/proc/self/cgroup"), LIMIT)?;
        Ok(Self::read(&mounts, &own))
    }

    /// From the texts of `mountinfo` and `cgroup`. Lines that say nothing
    /// about groups are passed over.
    pub fn read(mounts: &str, own: &str) -> Self {
        let mut found = Self::default();
        for line in mounts.lines() {
            let Some(mount) = Mount::of(line) else { continue };
            match mount.kind {
                "cgroup2" => {
                    let tree = mount.tree(place(own, |number, names| number == "0" && names.is_empty()));
                    found.unified = available(&tree);
                    found.second = Some(tree);
                }
                "cgroup" => {
                    for name in mount.options.split(',') {
                        let Some(controller) = Controller::from_name(name) else { continue };
                        let tree = mount.tree(place(own, |_, names| names.split(',').any(|n| n == name)));
                        found.first.entry(controller).or_insert(tree);
                    }
                }
                _ => {}
            }
        }
        // A controller is in one version only; the kernel does not offer it twice.
        let first = &found.first;
        found.unified.retain(|controller| !first.contains_key(controller));
        found
    }

    /// Leaves out all controllers but some.
    pub fn only(mut self, wanted: &[Controller]) -> Self {
        self.first.retain(|controller, _| wanted.contains(controller));
        self.unified.retain(|controller| wanted.contains(controller));
        if self.unified.is_empty() {
            self.second = None;
        }
        self
    }

    /// Whether nothing can be controlled.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.unified.is_empty()
    }

    /// Whether a controller is there.
    pub fn has(&self, controller: Controller) -> bool {
        self.first.contains_key(&controller) || self.unified.contains(&controller)
    }
}

/// What can be switched on below the top, and what is there without.
fn available(tree: &Tree) -> BTreeSet<Controller> {
    let text = file::read_text(&tree.root.join("cgroup.controllers"), LIMIT).unwrap_or_default();
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let mut found: BTreeSet<Controller> = Controller::ALL
        .into_iter()
        .filter(|controller| controller.unified_name().is_some_and(|name| words.contains(&name)))
        .collect();
    if found.contains(&Controller::Cpu) {
        found.insert(Controller::CpuAcct);
    }
    found
}

/// This process' group in the hierarchy that `which` knows.
fn place(own: &str, which: impl Fn(&str, &str) -> bool) -> &str {
    let mut lines = own.lines().filter_map(|line| {
        let (number, rest) = line.split_once(':')?;
        let (names, path) = rest.split_once(':')?;
        Some((number, names, path))
    });
    lines.find(|(number, names, _)| which(number, names)).map_or("/", |(_, _, path)| path)
}

/// The fields of a line of `mountinfo` that matter.
struct Mount<'t> {
    /// Which part of the file system is mounted.
    part: &'t str,
    point: String,
    kind: &'t str,
    options: &'t str,
}

impl<'t> Mount<'t> {
    fn of(line: &'t str) -> Option<Self> {
        let (front, back) = line.split_once(" - ")?;
        let mut front = front.split(' ').skip(3);
        let (part, point) = (front.next()?, front.next()?);
        let mut back = back.split(' ');
        let (kind, options) = (back.next()?, back.nth(1)?);
        Some(Self { part, point: unescaped(point), kind, options })
    }

    fn tree(&self, own: &str) -> Tree {
        // In a container only a part of the hierarchy may be mounted.
        let own = Path::new(own);
        let own = own.strip_prefix(self.part).or_else(|_| own.strip_prefix("/")).unwrap_or(Path::new(""));
        Tree { root: PathBuf::from(&self.point), own: own.to_owned() }
    }
}

/// The kernel writes blanks as octal numbers.
fn unescaped(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

/// The largest table that is read.
const LIMIT: usize = 16 << 20;
