//! `<domstatus>`: the state of a running domain on disk.

use oxivirt_core::Result;

use super::{DomainDefinition, DomainHooks, FormatFlags, ParseFlags};
use crate::object::StatusDocument;
use crate::xml::{Document, Element, Node, WriteMode, Writer};
use crate::xml_enum;

xml_enum! {
    /// State of a domain, as words of the status file.
    pub enum State {
        NoState = "no state", Running = "running", Blocked = "blocked", Paused = "paused", Shutdown = "shutdown",
        Shutoff = "shutoff", Crashed = "crashed", PmSuspended = "pmsuspended",
    }
}

/// What a status file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainStatus<P> {
    /// The state.
    pub state: State,
    /// Why, in the words of that state (`booted`, `user`, `migration`…).
    pub reason: String,
    /// Process of the hypervisor.
    pub pid: i32,
    /// Flags on what was done to the domain (`high-privileges`…).
    pub taints: Vec<String>,
    /// Notes on features that will go.
    pub deprecations: Vec<String>,
    /// The driver's own part.
    pub private: P,
    /// The domain as it runs.
    pub definition: DomainDefinition,
}

/// A driver's part of a status file.
pub trait StatusPrivate: Sized {
    /// Reads it from the children of `<domstatus>`; elements that belong to
    /// others are to be ignored.
    fn parse(node: Node<'_>) -> Result<Self>;

    /// Writes its elements into the open `<domstatus>`.
    fn format(&self, w: &mut Writer);
}

/// A driver that keeps nothing.
impl StatusPrivate for () {
    fn parse(_: Node<'_>) -> Result<Self> {
        Ok(())
    }

    fn format(&self, _: &mut Writer) {}
}

impl<P: StatusPrivate> DomainStatus<P> {
    /// Reads a status file.
    ///
    /// Checks are left out: the domain runs already, refusing it would lose
    /// it. Errors: as for [`DomainDefinition::parse`].
    pub fn parse(xml: &str, hooks: &dyn DomainHooks) -> Result<Self> {
        let flags = ParseFlags::STATUS | ParseFlags::SKIP_VALIDATE;
        let document = Document::parse(xml)?.with_mode(flags.mode());
        let root = document.root();
        if root.name() != "domstatus" {
            return Err(root.error(format_args!("unexpected element '{}', wanted 'domstatus'", root.name())));
        }
        let domain = root.child("domain").ok_or_else(|| root.missing_child("domain"))?;
        let taints: Result<Vec<String>> = root.children_named("taint").map(|t| t.require("flag")).collect();
        Ok(Self {
            state: root.require("state")?,
            reason: root.value("reason")?.unwrap_or_else(|| "unknown".to_owned()),
            pid: root.value("pid")?.unwrap_or(0),
            taints: taints?,
            deprecations: root.children_named("deprecation").map(|d| d.text().into_owned()).collect(),
            private: P::parse(root)?,
            definition: DomainDefinition::parse_node(domain, flags, hooks)?,
        })
    }

    /// Prints the file.
    pub fn format(&self) -> Result<String> {
        let mode: WriteMode = FormatFlags::STATUS.mode();
        let mut w = Writer::new(mode);
        w.open("domstatus");
        w.attr("state", &self.state);
        w.attr("reason", &self.reason);
        w.attr("pid", &self.pid);
        for taint in &self.taints {
            w.open("taint");
            w.attr("flag", taint);
            w.close();
        }
        for deprecation in &self.deprecations {
            w.leaf("deprecation", deprecation);
        }
        self.private.format(&mut w);
        w.element("domain", &self.definition);
        w.close();
        Ok(w.finish())
    }
}

impl<P: StatusPrivate> StatusDocument for DomainStatus<P> {
    type Context<'a> = dyn DomainHooks + 'a;

    fn read(text: &str, hooks: &(dyn DomainHooks + '_)) -> Result<Self> {
        Self::parse(text, hooks)
    }

    fn print(&self) -> Result<String> {
        self.format()
    }
}

impl Element for () {
    fn parse(_: Node<'_>) -> Result<Self> {
        Ok(())
    }

    fn format(&self, _: &mut Writer) {}
}
