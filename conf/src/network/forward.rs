//! `<forward>`: how guests reach the world.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use std::collections::HashSet;

use oxivirt_core::Result;

use super::nat::{Nat, only};
use super::unsupported;
use crate::domain::devices::{PciAddress, PciDriver};
use crate::xml::{Element, Node, Value, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    /// How guests reach the world; `none` is an isolated network.
    pub enum ForwardMode {
        None = "none", Nat = "nat", Route = "route", Open = "open", Bridge = "bridge", Private = "private", Vepa = "vepa",
        Passthrough = "passthrough", Hostdev = "hostdev",
    }
}

impl ForwardMode {
    /// Whether such a network runs a bridge of its own.
    pub const fn has_own_bridge(self) -> bool {
        matches!(self, Self::None | Self::Nat | Self::Route | Self::Open)
    }
}

/// `<forward mode='nat' dev='eth0'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forward {
    pub mode: ForwardMode,
    /// Whether devices are detached from the host as needed (hostdev).
    pub managed: bool,
    pub driver: PciDriver,
    pub nat: Nat,
    /// The physical function whose virtual functions are handed out; the
    /// driver lists those in `devices` while the network runs.
    pub pf: Option<String>,
    /// Host interfaces or devices, in the order of preference.
    pub devices: Vec<ForwardDevice>,
}

/// One of the things that are handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardDevice {
    pub target: ForwardTarget,
    /// Ports that use it now; shown in live documents only.
    pub connections: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ForwardTarget {
    /// Name of a host interface.
    Interface(String),
    Pci(PciAddress),
}

impl ForwardDevice {
    /// A host interface that nobody uses.
    pub fn interface(dev: impl Into<String>) -> Self {
        Self { target: ForwardTarget::Interface(dev.into()), connections: 0 }
    }

    /// The host interface, if it is one.
    pub fn dev(&self) -> Option<&str> {
        match &self.target {
            ForwardTarget::Interface(dev) => Some(dev),
            ForwardTarget::Pci(_) => None,
        }
    }
}

impl Forward {
    /// The host interface that stands first.
    pub fn dev(&self) -> Option<&str> {
        self.devices.first().filter(|_| self.pf.is_none()).and_then(ForwardDevice::dev)
    }

    /// Prints the element; an isolated network has none.
    pub(super) fn write(&self, w: &mut Writer) {
        if self.mode == ForwardMode::None {
            return;
        }
        w.open("forward");
        if let Some(dev) = self.dev() {
            w.attr_str("dev", dev);
        }
        w.attr("mode", &self.mode);
        if self.mode == ForwardMode::Hostdev {
            w.attr("managed", &YesNo::from(self.managed));
        }
        w.element_unless_empty("driver", &self.driver);
        w.element_unless_empty("nat", &self.nat);
        if let Some(pf) = &self.pf {
            w.open("pf");
            w.attr("dev", pf);
            w.close();
        }
        let live = w.mode().live;
        for device in self.devices.iter().filter(|_| live || self.pf.is_none()) {
            match &device.target {
                ForwardTarget::Interface(dev) => {
                    w.open("interface");
                    w.attr("dev", dev);
                }
                ForwardTarget::Pci(address) => {
                    w.open("address");
                    w.attr_str("type", "pci");
                    address.format_place(w);
                }
            }
            if live && device.connections > 0 {
                w.attr("connections", &device.connections);
            }
            w.close();
        }
        w.close();
    }
}

impl Forward {
    pub(super) fn parse(node: Node<'_>) -> Result<Self> {
        let mode = match node.attr("mode").filter(|word| !word.is_empty()) {
            None => ForwardMode::Nat,
            Some(word) => match ForwardMode::from_word(word) {
                Some(mode) => mode,
                None => {
                    let allowed = ForwardMode::allowed();
                    return Err(unsupported(node, format_args!("unknown mode '{word}', allowed: {allowed}")));
                }
            },
        };
        let nat = only(node, "nat")?;
        if let Some(nat) = nat.filter(|_| mode != ForwardMode::Nat) {
            return Err(nat.error(format_args!("needs <forward mode='nat'>, not '{mode}'")));
        }
        let mut forward = Self {
            mode,
            managed: node.attr("managed") == Some("yes"),
            driver: node.child_element("driver")?.unwrap_or_default(),
            nat: nat.map(Nat::parse).transpose()?.unwrap_or_default(),
            pf: None,
            devices: Vec::new(),
        };
        forward.parse_devices(node)?;
        Ok(forward)
    }

    fn parse_devices(&mut self, node: Node<'_>) -> Result<()> {
        let dev = node.attr("dev").filter(|dev| !dev.is_empty());
        let pf = only(node, "pf")?;
        let has = |name| node.child(name).is_some();
        if dev.is_some() && (pf.is_some() || has("address")) {
            return Err(node.error("attribute 'dev' cannot stand together with <address> or <pf>"));
        }
        let mut seen = HashSet::new();
        if has("interface") {
            for interface in node.children_named("interface") {
                let target = ForwardTarget::Interface(interface.require("dev")?);
                self.add(target, &mut seen).map_err(|what| interface.error(what))?;
            }
            if let Some(dev) = dev
                && self.dev() != Some(dev)
            {
                let first = self.dev().unwrap_or_default();
                return Err(node.error(format_args!("dev='{dev}' must name the first <interface>, which is '{first}'")));
            }
        } else if let Some(dev) = dev {
            self.devices.push(ForwardDevice::interface(dev));
        } else if has("address") {
            for address in node.children_named("address") {
                match address.attr("type") {
                    Some("pci") => {}
                    None => return Err(address.missing_attr("type")),
                    Some(other) => {
                        return Err(unsupported(address, format_args!("unknown type '{other}', allowed: pci")));
                    }
                }
                let target = ForwardTarget::Pci(PciAddress::parse(address)?);
                self.add(target, &mut seen).map_err(|what| address.error(what))?;
            }
        } else if let Some(pf) = pf {
            self.pf = Some(pf.require("dev")?);
        }
        self.devices.shrink_to_fit();
        Ok(())
    }

    /// Adds a device that is not there yet.
    fn add(&mut self, target: ForwardTarget, seen: &mut HashSet<ForwardTarget>) -> Result<(), String> {
        if seen.insert(target.clone()) {
            self.devices.push(ForwardDevice { target, connections: 0 });
            return Ok(());
        }
        Err(match &target {
            ForwardTarget::Interface(dev) => format!("interface '{dev}' can be listed only once"),
            ForwardTarget::Pci(PciAddress { domain, bus, slot, function, .. }) => {
                format!("device {domain:04x}:{bus:02x}:{slot:02x}.{function:x} can be listed only once")
            }
        })
    }
}
