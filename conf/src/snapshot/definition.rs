//! `<domainsnapshot>`: type, parse, format.

use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use uuid::Uuid;

use super::SnapshotDisk;
use crate::domain::devices::SnapshotLocation;
use crate::domain::{DomainDefinition, DomainHooks, ParseFlags};
use crate::moment::{Moment, name_or_time};
use crate::xml::{Document, Node, RawElement, ReadMode, WriteMode, Writer};
use crate::xml_enum;

xml_enum! {
    /// What the domain did when the snapshot was made.
    pub enum SnapshotState {
        Running = "running", Blocked = "blocked", Paused = "paused", Shutdown = "shutdown", Shutoff = "shutoff",
        Crashed = "crashed", PmSuspended = "pmsuspended", DiskSnapshot = "disk-snapshot",
    }
}

impl SnapshotState {
    /// Whether the state has no memory: the domain was off, or only disks were asked for.
    pub const fn is_offline(self) -> bool {
        matches!(self, Self::Shutoff | Self::DiskSnapshot)
    }

    /// Whether the domain had a process with guest memory that could go on.
    pub const fn is_online(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// `<memory>`: where the guest's memory is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MemorySnapshot {
    /// Nothing is said; the driver decides.
    #[default]
    Unsaid,
    /// It is not kept.
    No,
    /// In one of the disk images.
    Internal,
    /// In a file of its own, an absolute path.
    External(String),
}

/// A snapshot of a domain: everything that its document says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SnapshotDefinition {
    /// Unique among the snapshots of the domain.
    pub name: String,
    /// Any text for people.
    pub description: Option<String>,
    /// The snapshot it was made from.
    pub parent: Option<String>,
    /// Seconds since 1970.
    pub creation_time: i64,
    /// `None` for a request that the driver has not carried out.
    pub state: Option<SnapshotState>,
    /// The guest's memory.
    pub memory: MemorySnapshot,
    /// The disks; after [`Self::align_disks`] all disks of the domain in its order.
    pub disks: Vec<SnapshotDisk>,
    /// The disks that were written after the domain was last reverted to this snapshot.
    pub revert_disks: Vec<SnapshotDisk>,
    /// The domain at that time; missing in documents of very old daemons.
    pub domain: Option<Box<DomainDefinition>>,
    /// Its configuration at that time, of a domain that ran.
    pub inactive_domain: Option<Box<DomainDefinition>>,
    /// The driver's notes, for reverting.
    pub cookie: Option<Box<RawElement>>,
}

/// How a snapshot's document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotParse {
    /// It describes a snapshot that exists, so the time, state, parent and domain count.
    pub redefine: bool,
    /// The driver handles requests for single disks.
    pub disks: bool,
    /// It is a file of this daemon, which says whether the snapshot is the current one.
    pub internal: bool,
}

/// How a snapshot's document is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotFormat {
    /// With passwords and keys.
    pub secure: bool,
    /// As this daemon's own file: whether it is the current one is said.
    pub internal: bool,
    /// It is the current one.
    pub current: bool,
    /// The domain, for a definition that does not have it inside.
    pub domain_uuid: Option<Uuid>,
}

impl Moment for SnapshotDefinition {
    const KIND: &'static str = "domain snapshot";
    const NOT_FOUND: ErrorCode = ErrorCode::NO_DOMAIN_SNAPSHOT;

    fn name(&self) -> &str {
        &self.name
    }

    fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    fn set_parent(&mut self, parent: Option<String>) {
        self.parent = parent;
    }
}

impl SnapshotDefinition {
    /// Reads a document.
    ///
    /// * `now` – seconds since 1970: the time of a new snapshot, and its name where it has none.
    /// * Returns the snapshot, and whether its file says that it is the current one.
    /// * Errors: `XML_DETAIL` not well formed; `XML_ERROR`, `INTERNAL_ERROR` something is missing or means
    ///   nothing; `CONFIG_UNSUPPORTED` a state, driver or request that does not exist; or those of
    ///   [`DomainDefinition::parse`].
    pub fn parse(xml: &str, flags: SnapshotParse, now: i64, hooks: &dyn DomainHooks) -> Result<(Self, bool)> {
        let document = Document::parse(xml)?.with_mode(ReadMode { live: false, status: false });
        let root = document.root();
        if root.name() != "domainsnapshot" {
            let text = format!("expecting root element of 'domainsnapshot', not '{}'", root.name());
            return Err(Error::xml(text).in_domain(ErrorDomain::XML));
        }
        Self::parse_node(root, flags, now, hooks)
    }

    /// As [`SnapshotDefinition::parse`], from an element inside of another document.
    pub fn parse_node(root: Node<'_>, flags: SnapshotParse, now: i64, hooks: &dyn DomainHooks) -> Result<(Self, bool)> {
        let name = root.child_text("name").map(|name| name.into_owned()).filter(|name| !name.is_empty());
        if flags.redefine && name.is_none() {
            return Err(Error::xml("a redefined snapshot must have a name"));
        }
        let description = root.child_text("description").map(|text| text.into_owned());
        let mut snapshot = Self {
            name: name_or_time(name, now),
            description: description.filter(|text| !text.is_empty()),
            creation_time: now,
            ..Self::default()
        };
        if flags.redefine {
            snapshot.read_existing(root, hooks)?;
        }
        let offline = snapshot.state.is_some_and(SnapshotState::is_offline);
        snapshot.memory = parse_memory(root)?;
        if snapshot.memory == MemorySnapshot::Unsaid && flags.redefine && flags.disks {
            snapshot.memory = if offline { MemorySnapshot::No } else { MemorySnapshot::Internal };
        }
        if offline && matches!(snapshot.memory, MemorySnapshot::Internal | MemorySnapshot::External(_)) {
            return Err(Error::xml("memory state cannot be saved with offline or disk-only snapshot"));
        }
        let list = |name: &str| match root.child(name) {
            Some(list) => list.child_elements("disk"),
            None => Ok(Vec::new()),
        };
        snapshot.disks = list("disks")?;
        if !flags.disks && !snapshot.disks.is_empty() {
            return Err(Error::config_unsupported("unable to handle disk requests in snapshot"));
        }
        if flags.redefine {
            snapshot.revert_disks = list("revertDisks")?;
            snapshot.cookie = root.child("cookie").filter(|_| !offline).map(RawElement::copy).map(Box::new);
        }
        let mut current = false;
        if flags.internal {
            let active = root.child("active").ok_or_else(|| Error::internal("Could not find 'active' element"))?;
            let number = active.text().trim().parse::<i32>();
            current = number.map_err(|_| Error::internal("Could not find 'active' element"))? != 0;
        }
        Ok((snapshot, current))
    }

    /// What only the document of an existing snapshot says.
    fn read_existing(&mut self, root: Node<'_>, hooks: &dyn DomainHooks) -> Result<()> {
        let time = root.child("creationTime").and_then(|time| time.text().trim().parse().ok());
        self.creation_time = time.ok_or_else(|| Error::internal("missing creationTime from existing snapshot"))?;
        let parent = root.child("parent").and_then(|parent| parent.child_text("name"));
        self.parent = parent.map(|name| name.into_owned()).filter(|name| !name.is_empty());
        let state = root.child_text("state").filter(|state| !state.is_empty());
        let state = state.ok_or_else(|| Error::xml("missing state from existing snapshot"))?;
        let unknown = || Error::config_unsupported(format!("Invalid state '{state}' in domain snapshot XML"));
        self.state = Some(SnapshotState::from_word(&state).ok_or_else(unknown)?);
        let flags = ParseFlags::INACTIVE | ParseFlags::SKIP_VALIDATE;
        let domain = |node: Node<'_>| DomainDefinition::parse_node(node, flags, hooks).map(Box::new);
        // Daemons of long ago wrote no more than the uuid.
        self.domain = root.child("domain").filter(|d| d.attr("type").is_some()).map(domain).transpose()?;
        self.inactive_domain = root.child("inactiveDomain").map(domain).transpose()?;
        Ok(())
    }

    /// Prints the document.
    pub fn format(&self, flags: SnapshotFormat) -> Result<String> {
        if self.name.is_empty() {
            return Err(Error::internal("a snapshot without name cannot be printed"));
        }
        let mut w = Writer::new(WriteMode { secure: flags.secure, ..WriteMode::default() });
        w.open("domainsnapshot");
        w.leaf("name", &self.name);
        w.leaf_opt("description", self.description.as_ref());
        w.leaf_opt("state", self.state.as_ref());
        if let Some(parent) = &self.parent {
            w.open("parent");
            w.leaf("name", parent);
            w.close();
        }
        w.leaf("creationTime", &self.creation_time);
        self.format_memory(&mut w);
        for (name, disks) in [("disks", &self.disks), ("revertDisks", &self.revert_disks)] {
            if !disks.is_empty() {
                w.open(name);
                w.elements("disk", disks);
                w.close();
            }
        }
        match (&self.domain, flags.domain_uuid) {
            (Some(domain), _) => w.element("domain", &**domain),
            (None, Some(uuid)) => {
                w.open("domain");
                w.leaf("uuid", &uuid);
                w.close();
            }
            (None, None) => {}
        }
        if let Some(domain) = &self.inactive_domain {
            w.element("inactiveDomain", &**domain);
        }
        if let Some(cookie) = &self.cookie {
            w.element("cookie", &**cookie);
        }
        if flags.internal {
            w.leaf("active", &u32::from(flags.current));
        }
        w.close();
        Ok(w.finish())
    }

    fn format_memory(&self, w: &mut Writer) {
        let (word, file) = match &self.memory {
            MemorySnapshot::Unsaid => return,
            MemorySnapshot::No => ("no", None),
            MemorySnapshot::Internal => ("internal", None),
            MemorySnapshot::External(file) => ("external", Some(file)),
        };
        w.open("memory");
        w.attr_str("snapshot", word);
        w.attr_opt("file", file);
        w.close();
    }

    /// Whether any part of the state is kept in files of its own.
    pub fn is_external(&self) -> bool {
        matches!(self.memory, MemorySnapshot::External(_))
            || self.disks.iter().any(|disk| disk.snapshot == Some(SnapshotLocation::External))
    }
}

fn parse_memory(root: Node<'_>) -> Result<MemorySnapshot> {
    let Some(memory) = root.child("memory") else { return Ok(MemorySnapshot::Unsaid) };
    let file = memory.attr("file").map(str::to_owned);
    let found = match (memory.attr("snapshot"), file) {
        (None, None) => MemorySnapshot::Unsaid,
        (Some("external"), None) => return Err(Error::xml("external memory snapshots require a filename")),
        (None | Some("external"), Some(file)) => MemorySnapshot::External(file),
        (Some("no"), None) => MemorySnapshot::No,
        (Some("internal"), None) => MemorySnapshot::Internal,
        (Some("no" | "internal"), Some(file)) => {
            return Err(Error::xml(format!("memory filename '{file}' requires external snapshot")));
        }
        (Some(other), _) => return Err(memory.bad_attr("snapshot", other, "no, internal, external")),
    };
    match &found {
        MemorySnapshot::External(file) if !file.starts_with('/') => {
            Err(Error::xml(format!("memory snapshot file path ({file}) must be absolute")))
        }
        _ => Ok(found),
    }
}
