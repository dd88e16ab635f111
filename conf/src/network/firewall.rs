//! `<firewall>` of a status file: what takes the rules away again.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use crate::xml::{Element, YesNo};

/// `<firewall name='fwRemoval' backend='iptables'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct FirewallRemoval {
    #[xml(attr)]
    pub name: Option<String>,
    /// `iptables`, `nftables`.
    #[xml(attr)]
    pub backend: Option<String>,
    #[xml(children = "group")]
    pub groups: Vec<FirewallGroup>,
}

/// Commands that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct FirewallGroup {
    #[xml(attr = "ignoreErrors")]
    pub ignore_errors: Option<YesNo>,
    #[xml(children = "action")]
    pub actions: Vec<FirewallAction>,
}

/// One command: arguments for the tool of its layer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct FirewallAction {
    /// `ethernet`, `ipv4`, `ipv6`.
    #[xml(attr)]
    pub layer: String,
    #[xml(attr = "ignoreErrors")]
    pub ignore_errors: Option<YesNo>,
    #[xml(leaf = "item", wrap = "args")]
    pub args: Vec<String>,
}
