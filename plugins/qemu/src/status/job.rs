//! `<job>`: what somebody was doing with the guest.

use oxivirt_conf::xml::{Element, Node, RawElement, Writer, YesNo, parse_unsigned};
use oxivirt_core::Result;

use super::Image;

/// `<job type='none' async='migration out' phase='perform3' …>`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobStatus {
    /// The short job (`none`, `query`, `modify`…).
    pub kind: String,
    /// The long one, under which short ones run.
    pub long: Option<LongJob>,
    /// The guest's disks, as a migration treats them.
    pub disks: Vec<MigratingDisk>,
    /// Migration parameters of QEMU as they were before, name and value.
    pub parameters: Option<Vec<(String, String)>>,
    /// Bitmaps that only live during a migration, and whatever else a job notes.
    pub other: Vec<RawElement>,
}

/// A job that runs for long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LongJob {
    /// `migration out`, `migration in`, `save`, `dump`, `snapshot`, `start`, `backup`.
    pub kind: String,
    /// How far it is.
    pub phase: Option<String>,
    /// Flags of the call that began it.
    pub flags: u64,
    /// Milliseconds since 1970, 0 when unknown.
    pub started: u64,
    /// The guest's CPUs stand still for it.
    pub paused: bool,
}

/// `<disk dev='vda' migrating='yes'>`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MigratingDisk {
    /// The target.
    pub dev: String,
    /// Whether its content is being copied.
    pub migrating: bool,
    /// Where to.
    pub source: Option<Image>,
    /// Elements of other jobs, such as `<snapshotDelete/>`.
    pub other: Vec<RawElement>,
}

/// A kind that says that nothing runs.
const NONE: &str = "none";

impl Element for JobStatus {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.attr("type").unwrap_or(NONE).to_owned();
        let long = match node.attr("async").filter(|kind| *kind != NONE) {
            None => None,
            Some(kind) => {
                let flags = node
                    .attr("flags")
                    .map(|flags| parse_unsigned(flags).ok_or_else(|| node.bad_attr("flags", flags, "a number")));
                Some(LongJob {
                    kind: kind.to_owned(),
                    phase: node.attr("phase").map(str::to_owned),
                    flags: flags.transpose()?.unwrap_or(0),
                    started: node.value("asyncStarted")?.unwrap_or(0),
                    paused: node.value("asyncPaused")? == Some(YesNo::Yes),
                })
            }
        };
        let parameters = node.child("migParams").map(|list| -> Result<Vec<_>> {
            list.children_named("param").map(|param| Ok((param.require("name")?, param.require("value")?))).collect()
        });
        let known = ["disk", "migParams"];
        let other = node.children().filter(|child| !known.contains(&child.name())).map(RawElement::copy);
        Ok(Self {
            kind,
            long,
            disks: node.child_elements("disk")?,
            parameters: parameters.transpose()?,
            other: other.collect(),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("type", &self.kind);
        match &self.long {
            None => w.attr_str("async", NONE),
            Some(long) => {
                w.attr("async", &long.kind);
                w.attr_opt("phase", long.phase.as_ref());
                w.attr_hex("flags", long.flags, 0);
                w.attr("asyncStarted", &long.started);
                if long.paused {
                    w.attr("asyncPaused", &YesNo::Yes);
                }
            }
        }
        w.elements("disk", &self.disks);
        if let Some(parameters) = &self.parameters {
            w.open("migParams");
            for (name, value) in parameters {
                w.open("param");
                w.attr("name", name);
                w.attr("value", value);
                w.close();
            }
            w.close();
        }
        for element in &self.other {
            w.element(&element.name, element);
        }
    }
}

impl Element for MigratingDisk {
    fn parse(node: Node<'_>) -> Result<Self> {
        let other = node.children().filter(|child| child.name() != "migrationSource").map(RawElement::copy);
        Ok(Self {
            dev: node.require("dev")?,
            migrating: node.value("migrating")? == Some(YesNo::Yes),
            source: node.child_element("migrationSource")?,
            other: other.collect(),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("dev", &self.dev);
        w.attr("migrating", &YesNo::from(self.migrating));
        if let Some(source) = &self.source {
            w.element("migrationSource", source);
        }
        for element in &self.other {
            w.element(&element.name, element);
        }
    }
}
