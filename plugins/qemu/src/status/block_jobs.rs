//! `<blockjobs>`: copies, commits and pulls that QEMU carries out.

use oxivirt_conf::xml::{Element, Node, RawElement, Writer, YesNo, parse_unsigned};
use oxivirt_core::Result;

use super::{Image, child_attr, leaf_attr};

/// `<blockjobs active='yes'>`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BlockJobs {
    /// Whether any disk had a job; a list may be missing then.
    pub active: bool,
    /// The jobs.
    pub jobs: Vec<BlockJob>,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BlockJob {
    /// QEMU's name for it.
    pub name: String,
    /// `pull`, `copy`, `commit`, `active-commit`, `create`, `backup`, `broken`…
    pub kind: String,
    /// How far it is.
    pub state: String,
    /// Where it is about to go.
    pub new_state: Option<String>,
    /// What a broken one was.
    pub broken_kind: Option<String>,
    /// Flags of the call that began it.
    pub flags: Option<u64>,
    /// The copy has no backing image of its own.
    pub shallow_new: bool,
    /// Why it failed.
    pub error: Option<String>,
    /// What it works on.
    pub disk: JobDisk,
    /// Nodes of a commit or a pull.
    pub base: Option<String>,
    /// See [`Self::base`].
    pub top: Option<String>,
    /// See [`Self::base`].
    pub top_parent: Option<String>,
    /// What is committed is removed afterwards.
    pub delete_committed: bool,
    /// An image is made on the level of the storage, not of the format.
    pub creates_storage: bool,
    /// The image that is made.
    pub source: Option<Image>,
    /// The bitmap that a backup reads.
    pub bitmap: Option<String>,
    /// Where a backup writes to.
    pub store: Option<Image>,
    /// Bitmaps switched off meanwhile, and elements that are not known here.
    pub other: Vec<RawElement>,
}

/// What a job works on.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum JobDisk {
    /// Nothing of the guest's.
    #[default]
    None,
    /// A disk of the guest.
    Disk {
        /// Its target.
        dst: String,
        /// Its copy is in the definition.
        mirror: bool,
    },
    /// Images of a disk that is gone.
    Chains {
        /// The disk's.
        disk: Option<Box<Image>>,
        /// Those of its copy.
        mirror: Option<Box<Image>>,
    },
}

impl Element for BlockJobs {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { active: node.value("active")? == Some(YesNo::Yes), jobs: node.child_elements("blockjob")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("active", &YesNo::from(self.active));
        w.elements("blockjob", &self.jobs);
    }
}

const KNOWN: &[&str] = &[
    "errmsg",
    "disk",
    "chains",
    "base",
    "top",
    "topparent",
    "deleteCommittedImages",
    "create",
    "src",
    "bitmap",
    "store",
];

impl Element for BlockJob {
    fn parse(node: Node<'_>) -> Result<Self> {
        let attr = |name: &str| node.attr(name).map(str::to_owned);
        let flags = attr("jobflags")
            .map(|text| parse_unsigned(&text).ok_or_else(|| node.bad_attr("jobflags", &text, "a number")));
        let disk = match (node.child("disk"), node.child("chains")) {
            (Some(disk), _) => {
                JobDisk::Disk { dst: disk.require("dst")?, mirror: disk.value("mirror")? == Some(YesNo::Yes) }
            }
            (None, Some(chains)) => {
                let image = |name| chains.child_element(name);
                JobDisk::Chains { disk: image("disk")?, mirror: image("mirror")? }
            }
            (None, None) => JobDisk::None,
        };
        Ok(Self {
            name: node.require("name")?,
            kind: node.require("type")?,
            state: node.require("state")?,
            new_state: attr("newstate"),
            broken_kind: attr("brokentype"),
            flags: flags.transpose()?,
            shallow_new: node.value("shallownew")? == Some(YesNo::Yes),
            error: node.child_value("errmsg")?,
            disk,
            base: child_attr(node, "base", "node"),
            top: child_attr(node, "top", "node"),
            top_parent: child_attr(node, "topparent", "node"),
            delete_committed: node.child("deleteCommittedImages").is_some(),
            creates_storage: child_attr(node, "create", "mode").as_deref() == Some("storage"),
            source: node.child_element("src")?,
            bitmap: child_attr(node, "bitmap", "name"),
            store: node.child_element("store")?,
            other: node.children().filter(|child| !KNOWN.contains(&child.name())).map(RawElement::copy).collect(),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("name", &self.name);
        w.attr("type", &self.kind);
        w.attr("state", &self.state);
        w.attr_opt("newstate", self.new_state.as_ref());
        w.attr_opt("brokentype", self.broken_kind.as_ref());
        if let Some(flags) = self.flags {
            w.attr_hex("jobflags", flags, 0);
        }
        if self.shallow_new {
            w.attr("shallownew", &YesNo::Yes);
        }
        w.leaf_opt("errmsg", self.error.as_ref());
        match &self.disk {
            JobDisk::None => {}
            JobDisk::Disk { dst, mirror } => {
                w.open("disk");
                w.attr("dst", dst);
                if *mirror {
                    w.attr("mirror", &YesNo::Yes);
                }
                w.close();
            }
            JobDisk::Chains { disk, mirror } => {
                w.open("chains");
                for (name, image) in [("disk", disk), ("mirror", mirror)] {
                    if let Some(image) = image {
                        w.element(name, image);
                    }
                }
                w.close();
            }
        }
        leaf_attr(w, "base", "node", self.base.as_deref());
        leaf_attr(w, "top", "node", self.top.as_deref());
        leaf_attr(w, "topparent", "node", self.top_parent.as_deref());
        if self.delete_committed {
            w.flag("deleteCommittedImages");
        }
        leaf_attr(w, "create", "mode", self.creates_storage.then_some("storage"));
        if let Some(source) = &self.source {
            w.element("src", source);
        }
        leaf_attr(w, "bitmap", "name", self.bitmap.as_deref());
        if let Some(store) = &self.store {
            w.element("store", store);
        }
        for element in &self.other {
            w.element(&element.name, element);
        }
    }
}
