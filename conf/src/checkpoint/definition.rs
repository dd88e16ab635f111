//! `<domaincheckpoint>`: type, parse, format, align.

use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use uuid::Uuid;

use super::{CheckpointDisk, CheckpointKind};
use crate::domain::{DomainDefinition, DomainHooks, ParseFlags};
use crate::moment::{DiskNames, Moment, name_or_time};
use crate::snapshot::AbiCheck;
use crate::xml::{Document, Node, ReadMode, WriteMode, Writer};

/// A checkpoint of a domain: everything that its document says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CheckpointDefinition {
    /// Unique among the checkpoints of the domain; letters, digits and `_-.`, the dot not in front.
    pub name: String,
    /// Any text for people.
    pub description: Option<String>,
    /// The checkpoint it was made after.
    pub parent: Option<String>,
    /// Seconds since 1970.
    pub creation_time: i64,
    /// The disks; after [`Self::align_disks`] all disks of the domain in its order.
    pub disks: Vec<CheckpointDisk>,
    /// The domain at that time.
    pub domain: Option<Box<DomainDefinition>>,
}

/// How a checkpoint's document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckpointParse {
    /// It describes a checkpoint that exists, so the time, parent and domain count.
    pub redefine: bool,
    /// It is a file of this daemon, which says whether the checkpoint is the current one.
    pub internal: bool,
}

/// How a checkpoint's document is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckpointFormat {
    /// With passwords and keys.
    pub secure: bool,
    /// Without the domain.
    pub no_domain: bool,
    /// With the sizes that the driver measured.
    pub size: bool,
    /// As this daemon's own file: whether it is the current one is said.
    pub internal: bool,
    /// It is the current one.
    pub current: bool,
}

impl Moment for CheckpointDefinition {
    const KIND: &'static str = "domain checkpoint";
    const NOT_FOUND: ErrorCode = ErrorCode::NO_DOMAIN_CHECKPOINT;

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

impl CheckpointDefinition {
    /// Reads a document.
    ///
    /// * `now` – seconds since 1970: the time of a new checkpoint, and its name where it has none.
    /// * Returns the checkpoint, and whether its file says that it is the current one.
    /// * Errors: `XML_DETAIL` not well formed; `XML_ERROR`, `INTERNAL_ERROR` something is missing or means
    ///   nothing; or those of [`DomainDefinition::parse`].
    pub fn parse(xml: &str, flags: CheckpointParse, now: i64, hooks: &dyn DomainHooks) -> Result<(Self, bool)> {
        let document = Document::parse(xml)?.with_mode(ReadMode { live: false, status: false });
        let root = document.root();
        if root.name() != "domaincheckpoint" {
            let text = format!("expecting root element of 'domaincheckpoint', not '{}'", root.name());
            return Err(Error::xml(text).in_domain(ErrorDomain::XML));
        }
        let name = parse_name(root)?;
        if flags.redefine && name.is_none() {
            return Err(Error::xml("a redefined checkpoint must have a name"));
        }
        let description = root.child_text("description").map(|text| text.into_owned());
        let mut checkpoint = Self {
            name: name_or_time(name, now),
            description: description.filter(|text| !text.is_empty()),
            creation_time: now,
            ..Self::default()
        };
        if flags.redefine {
            let time = root.child("creationTime").and_then(|time| time.text().trim().parse().ok());
            let missing = || Error::internal("missing creationTime from existing checkpoint");
            checkpoint.creation_time = time.ok_or_else(missing)?;
            checkpoint.parent = root.child("parent").map(parse_name).transpose()?.flatten();
            let flags = ParseFlags::INACTIVE | ParseFlags::SKIP_VALIDATE;
            let domain = root.child("domain");
            checkpoint.domain =
                domain.map(|node| DomainDefinition::parse_node(node, flags, hooks).map(Box::new)).transpose()?;
        }
        if let Some(disks) = root.child("disks") {
            checkpoint.disks = disks.child_elements("disk")?;
            if checkpoint.disks.is_empty() {
                return Err(disks.missing_child("disk"));
            }
        }
        let mut current = false;
        if flags.internal {
            let active = root.child("active").ok_or_else(|| Error::internal("Could not find 'active' element"))?;
            current = active.text_value::<i32>()? != 0;
        }
        Ok((checkpoint, current))
    }

    /// Prints the document.
    pub fn format(&self, flags: CheckpointFormat) -> Result<String> {
        if self.name.is_empty() {
            return Err(Error::internal("a checkpoint without name cannot be printed"));
        }
        let mut w = Writer::new(WriteMode { secure: flags.secure, ..WriteMode::default() });
        w.open("domaincheckpoint");
        w.leaf("name", &self.name);
        w.leaf_opt("description", self.description.as_ref());
        if let Some(parent) = &self.parent {
            w.open("parent");
            w.leaf("name", parent);
            w.close();
        }
        w.leaf("creationTime", &self.creation_time);
        if !self.disks.is_empty() {
            w.open("disks");
            for disk in &self.disks {
                let size = disk.size.filter(|_| flags.size);
                w.element("disk", &CheckpointDisk { size, ..disk.clone() });
            }
            w.close();
        }
        if let Some(domain) = self.domain.as_ref().filter(|_| !flags.no_domain) {
            w.element("domain", &**domain);
        }
        if flags.internal {
            w.leaf("active", &u32::from(flags.current));
        }
        w.close();
        Ok(w.finish())
    }

    /// Makes the list of disks complete, one for each disk of the domain in its order, under the names of
    /// their targets; bitmaps get names.
    ///
    /// * `existing` – the domain, where the checkpoint has none inside.
    /// * Without any request all disks that can be written take part; else only those requested.
    /// * Errors: `INTERNAL_ERROR` there is no domain; `CONFIG_UNSUPPORTED` an unknown disk, a disk requested
    ///   twice, or one that cannot be written. Nothing is changed then.
    pub fn align_disks(&mut self, existing: Option<&DomainDefinition>) -> Result<()> {
        let domain = self.domain.as_deref().or(existing);
        let domain = domain.ok_or_else(|| Error::internal("missing domain in checkpoint"))?;
        if self.disks.len() > domain.devices.disks.len() {
            return Err(Error::config_unsupported("too many disk checkpoint requests for domain"));
        }
        let mut requests = DiskNames::default();
        for request in &self.disks {
            let disk = requests.find(domain, &request.name)?;
            let kind = request.kind.unwrap_or(CheckpointKind::Bitmap);
            if kind == CheckpointKind::Bitmap && (disk.source.is_empty() || disk.readonly) {
                return Err(Error::config_unsupported(format!("disk '{}' is empty or readonly", disk.target.dev)));
            }
            requests.insert(disk, CheckpointDisk { kind: Some(kind), ..request.clone() });
        }
        let rest = if self.disks.is_empty() { CheckpointKind::Bitmap } else { CheckpointKind::No };
        let align = |disk: &crate::domain::devices::Disk| {
            let mut found = requests.take(disk).unwrap_or_default();
            found.name.clone_from(&disk.target.dev);
            let idle = disk.source.is_empty() || disk.readonly;
            let kind = *found.kind.get_or_insert(if idle { CheckpointKind::No } else { rest });
            if kind == CheckpointKind::Bitmap {
                found.bitmap.get_or_insert_with(|| self.name.clone());
            }
            found
        };
        self.disks = domain.devices.disks.iter().map(align).collect();
        Ok(())
    }

    /// Checks a definition with which a checkpoint is written down anew, and completes it.
    ///
    /// * `domain` – the domain that it belongs to; `before` – the checkpoint of that name, if there is one.
    /// * Errors: `INVALID_ARG` another domain; those of `abi`; those of [`Self::align_disks`].
    pub fn check_redefinition(&mut self, domain: Uuid, before: Option<&Self>, abi: AbiCheck<'_>) -> Result<()> {
        if self.domain.as_deref().is_some_and(|own| own.uuid != domain) {
            let text = format!("definition for checkpoint {} must use uuid {domain}", self.name);
            return Err(Error::invalid_arg(text));
        }
        match (before.and_then(|before| before.domain.as_ref()), &self.domain) {
            (Some(old), Some(new)) => abi(old, new)?,
            (Some(old), None) => self.domain = Some(old.clone()),
            (None, _) => {}
        }
        // Without the domain the list is taken as it is.
        if self.domain.is_some() { self.align_disks(None) } else { Ok(()) }
    }
}

/// The `<name>` inside of a node. It becomes the name of a file and of a bitmap.
fn parse_name(node: Node<'_>) -> Result<Option<String>> {
    let Some(name) = node.child("name") else { return Ok(None) };
    let text = name.text();
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if text.is_empty() || text.starts_with('.') || !text.bytes().all(good) {
        return Err(name.bad_text(&text, "letters, digits, '_', '-', and '.' but not in front"));
    }
    Ok(Some(text.into_owned()))
}
