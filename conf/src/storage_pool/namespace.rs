//! Options that are passed on as they are: `fs:mount_opts`, `rbd:config_opts`.

use oxivirt_core::Result;

use super::PoolType;
use crate::xml::{Node, Writer};

/// Options in a namespace of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolNamespace {
    /// Options of `mount`, of `fs` and `netfs`.
    MountOptions(Vec<String>),
    /// Settings of librados, of `rbd`.
    RbdConfig(Vec<RbdOption>),
}

/// `<rbd:option name='x' value='y'/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RbdOption {
    /// The setting.
    pub name: String,
    /// Its value.
    pub value: String,
}

const FS: &str = "http://libvirt.org/schemas/storagepool/fs/1.0";
const RBD: &str = "http://libvirt.org/schemas/storagepool/rbd/1.0";

/// The options in the list `name` of a namespace.
fn options<'d>(pool: Node<'d>, uri: &str, name: &str) -> Vec<Node<'d>> {
    let is = |node: &Node<'d>, name: &str| node.name() == name && node.namespace() == Some(uri);
    let list = pool.children().filter(|child| is(child, name));
    list.flat_map(|list| list.children()).filter(|option| is(option, "option")).collect()
}

impl PoolNamespace {
    /// Reads the options that a type of pool has; none when the list is empty.
    pub(super) fn parse(pool: Node<'_>, kind: PoolType) -> Result<Option<Self>> {
        let found = match kind {
            PoolType::Fs | PoolType::NetFs => {
                let options = options(pool, FS, "mount_opts");
                Self::MountOptions(options.iter().map(|o| o.require("name")).collect::<Result<_>>()?)
            }
            PoolType::Rbd => {
                let option = |o: &Node<'_>| Ok(RbdOption { name: o.require("name")?, value: o.require("value")? });
                Self::RbdConfig(options(pool, RBD, "config_opts").iter().map(option).collect::<Result<_>>()?)
            }
            _ => return Ok(None),
        };
        Ok(Some(found).filter(|found| !found.is_empty()))
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::MountOptions(options) => options.is_empty(),
            Self::RbdConfig(options) => options.is_empty(),
        }
    }

    /// Declares the namespace on the open `<pool>`.
    pub(super) fn format_declaration(&self, w: &mut Writer) {
        match self {
            Self::MountOptions(_) => w.attr_str("xmlns:fs", FS),
            Self::RbdConfig(_) => w.attr_str("xmlns:rbd", RBD),
        }
    }

    /// Prints the list.
    pub(super) fn format(&self, w: &mut Writer) {
        match self {
            Self::MountOptions(options) => {
                w.open("fs:mount_opts");
                for name in options {
                    w.open("fs:option");
                    w.attr("name", name);
                    w.close();
                }
            }
            Self::RbdConfig(options) => {
                w.open("rbd:config_opts");
                for option in options {
                    w.open("rbd:option");
                    w.attr("name", &option.name);
                    w.attr("value", &option.value);
                    w.close();
                }
            }
        }
        w.close();
    }
}
