//! `<interface>`: network cards.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::rare::Rare;
use crate::xml::{Element, Node, Writer, YesNo};

/// `<interface>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// `None`: made after parsing.
    pub mac: Option<MacAddress>,
    pub mac_type: Option<MacType>,
    pub mac_check: Option<YesNo>,
    /// What the guest made of it, a run-time fact.
    pub mac_current: Option<MacAddress>,
    pub trust_guest_rx_filters: Option<YesNo>,
    pub source: InterfaceSource,
    /// Addresses and routes of the host's end.
    pub host_ip: Rare<IpInfo>,
    pub backend_domain: Option<Box<str>>,
    pub vlan: Option<Box<Vlan>>,
    pub virtualport: Option<Box<VirtualPort>>,
    pub bandwidth: Option<Box<BandwidthLimits>>,
    pub port: Option<PortOptions>,
    /// Addresses and routes of the guest's end.
    pub guest_ip: Rare<IpInfo>,
    pub port_forwards: Rare<Vec<PortForward>>,
    pub script: Option<Box<Script>>,
    pub downscript: Option<Box<Script>>,
    pub target: Option<InterfaceTarget>,
    /// Names inside a container.
    pub guest: Option<Box<GuestName>>,
    /// `virtio`, `e1000e`, …; a word since each driver has its own.
    pub model: Option<String>,
    pub driver: Rare<InterfaceDriver>,
    pub backend: Option<Box<Backend>>,
    pub filterref: Option<Box<FilterRef>>,
    pub tune: Option<Box<InterfaceTune>>,
    pub link: Option<Link>,
    pub mtu: Option<Mtu>,
    pub teaming: Option<Box<Teaming>>,
    pub coalesce: Option<Box<Coalesce>>,
    pub info: DeviceInfo,
    /// What a network made of it, a run-time fact; `<actual>` in status files.
    pub actual: Option<Box<ActualInterface>>,
}

impl Element for Interface {
    fn parse(node: Node<'_>) -> Result<Self> {
        let live = node.mode().live;
        let mac = node.child("mac");
        let mac_value = |name| mac.and_then(|m: Node<'_>| m.attr(name));
        let source = InterfaceSource::parse(node)?;
        let hostdev = matches!(source, InterfaceSource::Hostdev { .. });
        let model: Option<String> = node.child("model").map(|m| m.require("type")).transpose()?;
        // Only what passes the host's own interfaces can be filtered.
        let filtered = matches!(
            source,
            InterfaceSource::Ethernet | InterfaceSource::Network { .. } | InterfaceSource::Bridge { .. }
        );
        let address: Option<MacAddress> = match mac_value("address") {
            None => None,
            Some(_) => mac.map(|m| m.require("address")).transpose()?,
        };
        if let (Some(mac), Some(found)) = (mac, address)
            && found.is_multicast()
        {
            return Err(mac.bad_attr("address", &found.to_string(), "a unicast address"));
        }
        let mut target: Option<InterfaceTarget> = node.child_element("target")?;
        if let Some(found) = &mut target {
            let generated = found.dev.as_deref().is_some_and(|dev| is_generated_name(dev, &source));
            if found.dev.as_deref() == Some("") || (!live && generated) {
                found.dev = None;
            }
        }
        Ok(Self {
            mac: address,
            mac_type: mac.map(|m| m.value("type")).transpose()?.flatten(),
            mac_check: mac.map(|m| m.value("check")).transpose()?.flatten(),
            mac_current: if live { mac.map(|m| m.value("currentAddress")).transpose()?.flatten() } else { None },
            trust_guest_rx_filters: node.value("trustGuestRxFilters")?,
            source,
            host_ip: node.child("source").map(Rare::parse).transpose()?.unwrap_or_default(),
            backend_domain: node.child("backenddomain").and_then(|b| b.attr("name")).map(Box::from),
            vlan: node.child_element("vlan")?,
            virtualport: node.child_element("virtualport")?,
            bandwidth: node.child_element("bandwidth")?,
            port: node.child_element("port")?,
            guest_ip: Rare::parse(node)?,
            port_forwards: node.child_elements("portForward")?.into(),
            script: node.child_element("script")?,
            downscript: node.child_element("downscript")?,
            target,
            guest: node.child_element("guest")?,
            driver: InterfaceDriver::parse_for(node, hostdev, model.as_deref())?.into(),
            backend: node
                .child_element("backend")?
                .map(|backend: Backend| backend.for_model(model.as_deref()))
                .map(Box::new),
            model,
            filterref: node.child_element("filterref")?.filter(|_| filtered),
            tune: node.child_element("tune")?,
            link: node.child_element("link")?,
            mtu: node.child_element("mtu")?,
            teaming: node.child_element("teaming")?,
            coalesce: node.child_element("coalesce")?.filter(|c: &Coalesce| *c != Coalesce::default()).map(Box::new),
            info: DeviceInfo::parse(node)?,
            actual: if node.mode().status { node.child_element("actual")? } else { None },
        })
    }

    fn format(&self, w: &mut Writer) {
        match self.actual.as_deref().filter(|_| w.mode().live && !w.mode().status) {
            Some(actual) => self.connected().format_as(w, Some((self, actual))),
            None => self.format_as(w, None),
        }
    }
}

impl Interface {
    /// * `asked` – the card before its network made this one of it.
    fn format_as(&self, w: &mut Writer, asked: Option<(&Self, &ActualInterface)>) {
        fn opt<E: Element>(w: &mut Writer, name: &str, value: Option<&E>) {
            if let Some(value) = value {
                w.element_unless_empty(name, value);
            }
        }
        w.attr_str("type", asked.map_or(self.source.type_name(), |(_, actual)| actual.type_name()));
        if let InterfaceSource::Hostdev { managed: Some(YesNo::Yes), .. } = &self.source {
            w.attr_str("managed", "yes");
        }
        w.attr_opt("trustGuestRxFilters", self.trust_guest_rx_filters.as_ref());
        if let Some(mac) = &self.mac {
            w.open("mac");
            w.attr("address", mac);
            w.attr_opt("type", self.mac_type.as_ref());
            w.attr_opt("check", self.mac_check.as_ref());
            w.attr_opt("currentAddress", self.mac_current.as_ref().filter(|_| w.mode().live));
            w.close();
        }
        match asked {
            Some((asked, actual)) => asked.format_connected_source(w, actual),
            None => self.source.format(w, &self.host_ip),
        }
        if let Some(actual) = self.actual.as_deref().filter(|_| w.mode().status) {
            w.element("actual", actual);
        }
        opt(w, "vlan", self.vlan.as_ref());
        opt(w, "virtualport", self.virtualport.as_ref());
        opt(w, "bandwidth", self.bandwidth.as_ref());
        opt(w, "port", self.port.as_ref());
        self.guest_ip.format(w);
        w.elements("portForward", &self.port_forwards);
        opt(w, "script", self.script.as_ref());
        opt(w, "downscript", self.downscript.as_ref());
        if let Some(name) = &self.backend_domain {
            w.open("backenddomain");
            w.attr_str("name", name);
            w.close();
        }
        self.format_target(w);
        opt(w, "guest", self.guest.as_ref());
        if let Some(model) = &self.model {
            w.open("model");
            w.attr("type", model);
            w.close();
        }
        w.element_unless_empty("driver", &self.driver);
        opt(w, "backend", self.backend.as_ref());
        opt(w, "filterref", self.filterref.as_ref());
        opt(w, "tune", self.tune.as_ref());
        opt(w, "teaming", self.teaming.as_ref());
        opt(w, "link", self.link.as_ref());
        opt(w, "mtu", self.mtu.as_ref());
        opt(w, "coalesce", self.coalesce.as_ref());
        self.info.format(w);
    }

    pub(super) fn format_target(&self, w: &mut Writer) {
        let Some(target) = &self.target else { return };
        let shown = target.dev.as_deref().filter(|dev| w.mode().live || !is_generated_name(dev, &self.source));
        if shown.is_some() || target.managed.is_some() {
            w.open("target");
            if let Some(dev) = shown {
                w.attr_str("dev", dev);
            }
            w.attr_opt("managed", target.managed.as_ref());
            w.close();
        }
    }

    /// Which end opens the socket, for the kinds that are sockets.
    pub fn socket_mode(&self) -> Option<SocketMode> {
        match self.source {
            InterfaceSource::Server(_) => Some(SocketMode::Bind),
            InterfaceSource::Client(_) => Some(SocketMode::Connect),
            _ => None,
        }
    }
}

/// Whether a host name is one that the daemon gave; it is made anew at every
/// start, so a configuration never keeps it.
pub(super) fn is_generated_name(dev: &str, source: &InterfaceSource) -> bool {
    let prefixes: &[&str] = match source {
        InterfaceSource::Direct { .. } => &["macvtap", "macvlan"],
        _ => &["vnet", "vif"],
    };
    prefixes.iter().any(|prefix| {
        dev.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    })
}
