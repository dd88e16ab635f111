//! The smaller elements of `<interface>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, OnOff, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    pub enum MacType { Generated = "generated", Static = "static" }
}

xml_enum! {
    pub enum ForwardProtocol { Tcp = "tcp", Udp = "udp" }
}

/// `<portForward proto='tcp'>` of a user interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct PortForward {
    #[xml(attr)]
    pub proto: ForwardProtocol,
    #[xml(attr)]
    pub address: Option<String>,
    #[xml(attr)]
    pub dev: Option<String>,
    #[xml(children = "range")]
    pub ranges: Vec<PortRange>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct PortRange {
    #[xml(attr)]
    pub start: u16,
    #[xml(attr)]
    pub end: Option<u16>,
    #[xml(attr)]
    pub to: Option<u16>,
    #[xml(attr)]
    pub exclude: Option<YesNo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Script {
    #[xml(attr)]
    pub path: String,
}

/// `<target dev='vnet0' managed='no'/>`: the host's name of the card.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct InterfaceTarget {
    #[xml(attr)]
    pub dev: Option<String>,
    #[xml(attr)]
    pub managed: Option<YesNo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct GuestName {
    #[xml(attr)]
    pub dev: Option<String>,
    #[xml(attr, live)]
    pub actual: Option<String>,
}

xml_enum! {
    pub enum InterfaceDriverName { Qemu = "qemu", Vhost = "vhost", Vfio = "vfio", Kvm = "kvm", Xen = "xen" }
}

xml_enum! {
    pub enum TxMode { Iothread = "iothread", Timer = "timer" }
}

crate::absent!(InterfaceDriver);

/// `<driver>` of a network card.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct InterfaceDriver {
    #[xml(attr)]
    pub name: Option<InterfaceDriverName>,
    /// The variant of the host's driver, for host devices.
    #[xml(attr)]
    pub model: Option<String>,
    #[xml(attr)]
    pub txmode: Option<TxMode>,
    #[xml(attr)]
    pub ioeventfd: Option<OnOff>,
    #[xml(attr)]
    pub event_idx: Option<OnOff>,
    #[xml(attr)]
    pub queues: Option<u32>,
    #[xml(attr)]
    pub rx_queue_size: Option<u32>,
    #[xml(attr)]
    pub tx_queue_size: Option<u32>,
    #[xml(attr)]
    pub rss: Option<OnOff>,
    #[xml(attr)]
    pub rss_hash_report: Option<OnOff>,
    #[xml(flatten)]
    pub virtio: VirtioOptions,
    #[xml(child)]
    pub host: Option<HostOffloads>,
    #[xml(child)]
    pub guest: Option<GuestOffloads>,
}

impl InterfaceDriver {
    /// Reads it as the kind of card has it: a host device has the name of
    /// the host's driver, a virtio card all the rest, others nothing.
    pub(super) fn parse_for(node: Node<'_>, hostdev: bool, model: Option<&str>) -> Result<Self> {
        let Some(driver) = node.child("driver") else { return Ok(Self::default()) };
        let virtio = model.is_some_and(|model| model.starts_with("virtio"));
        if !hostdev && !virtio {
            return Ok(Self::default());
        }
        let found = <Self as Element>::parse(driver)?;
        let backend = matches!(found.name, Some(InterfaceDriverName::Qemu | InterfaceDriverName::Vhost));
        if let Some(name) = found.name.filter(|_| backend == hostdev) {
            let allowed = if hostdev { "kvm, vfio, xen" } else { "qemu, vhost" };
            return Err(driver.bad_attr("name", name.as_str(), allowed));
        }
        Ok(match hostdev {
            true => Self { name: found.name, model: found.model, ..Self::default() },
            // A single queue is what every card has.
            false => Self { model: None, queues: found.queues.filter(|queues| *queues != 1), ..found },
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct HostOffloads {
    #[xml(attr)]
    pub csum: Option<OnOff>,
    #[xml(attr)]
    pub gso: Option<OnOff>,
    #[xml(attr)]
    pub tso4: Option<OnOff>,
    #[xml(attr)]
    pub tso6: Option<OnOff>,
    #[xml(attr)]
    pub ecn: Option<OnOff>,
    #[xml(attr)]
    pub ufo: Option<OnOff>,
    #[xml(attr)]
    pub mrg_rxbuf: Option<OnOff>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct GuestOffloads {
    #[xml(attr)]
    pub csum: Option<OnOff>,
    #[xml(attr)]
    pub tso4: Option<OnOff>,
    #[xml(attr)]
    pub tso6: Option<OnOff>,
    #[xml(attr)]
    pub ecn: Option<OnOff>,
    #[xml(attr)]
    pub ufo: Option<OnOff>,
}

xml_enum! {
    pub enum BackendType { Default = "default", Passt = "passt" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Backend {
    #[xml(attr = "type")]
    pub kind: Option<BackendType>,
    #[xml(attr)]
    pub tap: Option<String>,
    #[xml(attr)]
    pub vhost: Option<String>,
    #[xml(attr)]
    pub hostname: Option<String>,
    #[xml(attr)]
    pub fqdn: Option<String>,
    #[xml(attr = "logFile")]
    pub log_file: Option<String>,
}

impl Backend {
    /// Without what only cards of another model have.
    pub(super) fn for_model(mut self, model: Option<&str>) -> Self {
        self.vhost = self.vhost.filter(|_| model.is_some_and(|model| model.starts_with("virtio")));
        self
    }
}

/// `<filterref filter='clean-traffic'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct FilterRef {
    #[xml(attr)]
    pub filter: String,
    #[xml(children = "parameter")]
    pub parameters: Vec<FilterParameter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct FilterParameter {
    #[xml(attr)]
    pub name: String,
    #[xml(attr)]
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct InterfaceTune {
    #[xml(leaf)]
    pub sndbuf: Option<u64>,
}

xml_enum! {
    pub enum LinkState { Up = "up", Down = "down" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Link {
    #[xml(attr)]
    pub state: LinkState,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Mtu {
    #[xml(attr)]
    pub size: u32,
}

xml_enum! {
    pub enum TeamingType { Persistent = "persistent", Transient = "transient" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Teaming {
    #[xml(attr = "type")]
    pub kind: TeamingType,
    /// Alias of the card that stays.
    #[xml(attr)]
    pub persistent: Option<String>,
}

/// `<coalesce><rx><frames max='7'/></rx></coalesce>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coalesce {
    pub rx_max_frames: Option<u32>,
}

impl Element for Coalesce {
    fn parse(node: Node<'_>) -> Result<Self> {
        let frames = node.child("rx").and_then(|rx| rx.child("frames"));
        let max: Option<u32> = frames.map(|f| f.value("max")).transpose()?.flatten();
        // None at a time: as if nothing was said.
        Ok(Self { rx_max_frames: max.filter(|max| *max > 0) })
    }

    fn format(&self, w: &mut Writer) {
        if let Some(max) = &self.rx_max_frames {
            w.open("rx");
            w.open("frames");
            w.attr("max", max);
            w.close();
            w.close();
        }
    }
}
