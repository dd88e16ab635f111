//! `<domainbackup>`: type, parse, format.

use oxivirt_core::{Error, Result};

use super::{BackupDisk, BackupServer};
use crate::xml::{Document, Element, Node, RawElement, ReadMode, WriteMode, Writer};
use crate::xml_enum;

xml_enum! {
    /// Who copies.
    pub enum BackupMode { Push = "push", Pull = "pull" }
}

/// Whose document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackupForm {
    /// A user's.
    #[default]
    Public,
    /// A part of this daemon's own file, with the state of the job.
    Internal,
}

/// A backup: everything that its document says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BackupDefinition {
    /// Who copies.
    pub mode: BackupMode,
    /// The checkpoint since which changes count, for all disks that do not say otherwise.
    pub incremental: Option<String>,
    /// Where clients come (pull).
    pub server: Option<BackupServer>,
    /// The disks; after [`Self::align_disks`] all disks of the domain.
    pub disks: Vec<BackupDisk>,
    /// Names of objects that the hypervisor has for the job; only in the daemon's own files.
    pub private: BackupPrivate,
}

/// `<privateData>`: what a new daemon needs to end the job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BackupPrivate {
    /// The secret of the TLS key.
    pub tls_secret: Option<String>,
    /// The TLS object.
    pub tls: Option<String>,
    /// Elements that are not known here.
    pub other: Vec<RawElement>,
}

impl Element for BackupPrivate {
    fn parse(node: Node<'_>) -> Result<Self> {
        let objects = node.child("objects");
        let alias = |node: Node<'_>| node.attr("alias").map(str::to_owned);
        let secret = |node: &Node<'_>| node.name() == "secret" && node.attr("type") == Some("tlskey");
        Ok(Self {
            tls_secret: objects.and_then(|objects| objects.children().find(secret)).and_then(alias),
            tls: objects.and_then(|objects| objects.child("TLSx509")).and_then(alias),
            other: node.children().filter(|node| node.name() != "objects").map(RawElement::copy).collect(),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.open("objects");
        if let Some(alias) = &self.tls_secret {
            w.open("secret");
            w.attr_str("type", "tlskey");
            w.attr("alias", alias);
            w.close();
        }
        if let Some(alias) = &self.tls {
            w.open("TLSx509");
            w.attr("alias", alias);
            w.close();
        }
        w.close_or_drop();
        for element in &self.other {
            w.element(&element.name, element);
        }
    }
}

impl BackupDefinition {
    /// Reads a document.
    ///
    /// Errors: `XML_DETAIL` not well formed; `XML_ERROR` something is missing or means nothing.
    pub fn parse(xml: &str, form: BackupForm) -> Result<Self> {
        let document = Document::parse(xml)?.with_mode(Self::read_mode(form));
        Self::parse_node(document.root(), form)
    }

    /// Reads a `<domainbackup>` inside another document.
    pub fn parse_node(root: Node<'_>, form: BackupForm) -> Result<Self> {
        if root.name() != "domainbackup" {
            return Err(Error::xml(format!("expecting root element of 'domainbackup', not '{}'", root.name())));
        }
        let mode = root.value("mode")?.unwrap_or_default();
        let mut backup = Self { mode, incremental: root.child_value("incremental")?, ..Self::default() };
        match (mode, root.child("server")) {
            (BackupMode::Pull, Some(server)) => backup.server = Some(BackupServer::parse(server)?),
            (BackupMode::Pull, None) => return Err(root.missing_child("server")),
            (BackupMode::Push, Some(server)) => return Err(server.error("use of <server> requires pull mode backup")),
            (BackupMode::Push, None) => {}
        }
        if let Some(disks) = root.child("disks") {
            let disks = disks.children_named("disk").map(|disk| BackupDisk::parse(disk, mode, form));
            backup.disks = disks.collect::<Result<_>>()?;
        }
        if form == BackupForm::Internal {
            backup.private = root.child_element("privateData")?.unwrap_or_default();
        }
        Ok(backup)
    }

    /// Prints the document.
    pub fn format(&self, form: BackupForm) -> String {
        let status = form == BackupForm::Internal;
        let mut w = Writer::new(WriteMode { live: status, secure: status, status, ..WriteMode::default() });
        self.write(&mut w, form);
        w.finish()
    }

    /// Prints it into another document.
    pub fn write(&self, w: &mut Writer, form: BackupForm) {
        w.open("domainbackup");
        w.attr("mode", &self.mode);
        w.leaf_opt("incremental", self.incremental.as_ref());
        if let Some(server) = &self.server {
            w.element("server", server);
        }
        if !self.disks.is_empty() {
            w.open("disks");
            for disk in &self.disks {
                disk.format(w, self.mode, form);
            }
            w.close();
        }
        if form == BackupForm::Internal {
            w.element_unless_empty("privateData", &self.private);
        }
        w.close();
    }

    fn read_mode(form: BackupForm) -> ReadMode {
        let status = form == BackupForm::Internal;
        ReadMode { live: status, status }
    }
}
