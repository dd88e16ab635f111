//! `<auth>` and `<reservations>` of a source.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::{Error, Result};

use crate::domain::security::SecretRef;
use crate::xml::{Element, Node, Writer, YesNo};

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
        if secret.attr("type").is_none() {
            return Err(Error::config_unsupported("a <secret> of <auth> has no type"));
        }
        Ok(Self { username, secret: SecretRef::parse(secret)? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("username", &self.username);
        w.element("secret", &self.secret);
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
