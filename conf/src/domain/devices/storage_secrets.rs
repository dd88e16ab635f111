//! `<auth>`, `<encryption>` and `<reservations>` of a source.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::domain::security::SecretRef;
use crate::xml::{Element, Node, Writer, YesNo};
use crate::xml_enum;

/// `<auth username='u'><secret type='ceph' usage='x'/></auth>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageAuth {
    pub username: String,
    pub secret: SecretRef,
}

impl Element for StorageAuth {
    fn parse(node: Node<'_>) -> Result<Self> {
        let username = node.require("username")?;
        let secret = node.child("secret").ok_or_else(|| node.missing_child("secret"))?;
        Ok(Self { username, secret: SecretRef::parse(secret)? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("username", &self.username);
        w.element("secret", &self.secret);
    }
}

xml_enum! {
    /// Format of encrypted storage.
    pub enum EncryptionFormat { Default = "default", Qcow = "qcow", Luks = "luks", Luks2 = "luks2", LuksAny = "luks-any" }
}

xml_enum! {
    /// Who decrypts.
    pub enum EncryptionEngine { Qemu = "qemu", Librbd = "librbd" }
}

/// `<encryption format='luks' engine='qemu'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Encryption {
    pub format: EncryptionFormat,
    pub engine: Option<EncryptionEngine>,
    pub secrets: Vec<SecretRef>,
}

impl Element for Encryption {
    fn parse(node: Node<'_>) -> Result<Self> {
        if node.child("cipher").is_some() {
            return Err(node.error("a domain's disk takes no <cipher>, the image knows it"));
        }
        Ok(Self {
            format: node.require("format")?,
            engine: node.value("engine")?,
            secrets: node.child_elements("secret")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("format", &self.format);
        w.attr_opt("engine", self.engine.as_ref());
        w.elements("secret", &self.secrets);
    }
}

/// `<reservations managed='yes'>`, or with the helper's socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reservations {
    pub managed: YesNo,
    pub migration: Option<YesNo>,
    /// Path of the helper's socket.
    pub path: Option<String>,
}

impl Element for Reservations {
    fn parse(node: Node<'_>) -> Result<Self> {
        let managed: YesNo = node.require("managed")?;
        let source = node.child("source");
        let show = !managed.is_yes() || node.mode().live;
        let path = source.filter(|_| show).and_then(|s| s.attr("path")).map(str::to_owned);
        if !managed.is_yes() && path.is_none() {
            return Err(node.missing_child("source"));
        }
        Ok(Self { managed, migration: node.value("migration")?, path })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("managed", &self.managed);
        w.attr_opt("migration", self.migration.as_ref());
        if let Some(path) = self.path.as_ref().filter(|_| !self.managed.is_yes() || w.mode().live) {
            w.open("source");
            w.attr_str("type", "unix");
            w.attr("path", path);
            w.attr_str("mode", "client");
            w.close();
        }
    }
}
