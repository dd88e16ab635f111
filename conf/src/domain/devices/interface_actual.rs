//! `<actual>`: what a card on a network is really connected to.

use std::borrow::Cow;

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, Writer, YesNo};

/// What a network made of a card, while its guest runs.
///
/// Status files have it as `<actual>`; what clients see of a running guest
/// has it in the place of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActualInterface {
    /// The bridge is the network's own, rather than one of the host that the network passes on.
    pub own_bridge: bool,
    /// A bridge, an interface of the host, or a device of the host.
    pub source: InterfaceSource,
    /// The host's driver, for a device of the host.
    pub driver: PciDriver,
    /// Class of the queueing discipline that guarantees its bandwidth.
    pub class_id: Option<u32>,
    /// Tags.
    pub vlan: Option<Box<Vlan>>,
    /// How it is made known to a switch.
    pub virtualport: Option<Box<VirtualPort>>,
    /// Limits.
    pub bandwidth: Option<Box<BandwidthLimits>>,
    /// What it may do.
    pub port: Option<PortOptions>,
    /// Whether the guest's own filters for received frames are followed.
    pub trust_guest_rx_filters: Option<YesNo>,
}

impl ActualInterface {
    /// A card that is connected to this and has nothing else from its network.
    pub fn new(source: InterfaceSource) -> Self {
        Self {
            own_bridge: false,
            source,
            driver: PciDriver::default(),
            class_id: None,
            vlan: None,
            virtualport: None,
            bandwidth: None,
            port: None,
            trust_guest_rx_filters: None,
        }
    }

    /// The word of `type=`.
    pub const fn type_name(&self) -> &'static str {
        match self.own_bridge {
            true => "network",
            false => self.source.type_name(),
        }
    }
}

impl Element for ActualInterface {
    fn parse(node: Node<'_>) -> Result<Self> {
        let source = node.child("source");
        let need = || source.ok_or_else(|| node.missing_child("source"));
        let kind = node.attr("type").ok_or_else(|| node.missing_attr("type"))?;
        let found = match kind {
            "network" | "bridge" => InterfaceSource::Bridge {
                bridge: need()?.require("bridge")?,
                mac_table_manager: need()?.value("macTableManager")?,
            },
            "direct" => {
                InterfaceSource::Direct { dev: need()?.value("dev")?, mode: need()?.value("mode")?.unwrap_or_default() }
            }
            "hostdev" => InterfaceSource::Hostdev {
                managed: node.value("managed")?,
                address: need()?.child("address").map(PciAddress::parse).transpose()?,
            },
            other => return Err(node.bad_attr("type", other, "network, bridge, direct, hostdev")),
        };
        Ok(Self {
            own_bridge: kind == "network",
            driver: node.child_element("driver")?.unwrap_or_default(),
            class_id: node.child("class").map(|class| class.require("id")).transpose()?,
            vlan: node.child_element("vlan")?,
            virtualport: node.child_element("virtualport")?,
            bandwidth: node.child_element("bandwidth")?,
            port: node.child_element("port")?,
            trust_guest_rx_filters: node.value("trustGuestRxFilters")?,
            source: found,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.type_name());
        if let InterfaceSource::Hostdev { managed: Some(YesNo::Yes), .. } = &self.source {
            w.attr_str("managed", "yes");
        }
        w.attr_opt("trustGuestRxFilters", self.trust_guest_rx_filters.as_ref());
        w.element_unless_empty("driver", &self.driver);
        w.open("source");
        self.format_source(w);
        w.close_or_drop();
        if let Some(id) = &self.class_id {
            w.open("class");
            w.attr("id", id);
            w.close();
        }
        fn opt<E: Element>(w: &mut Writer, name: &str, value: Option<&E>) {
            if let Some(value) = value {
                w.element_unless_empty(name, value);
            }
        }
        opt(w, "vlan", self.vlan.as_ref());
        opt(w, "virtualport", self.virtualport.as_ref());
        opt(w, "bandwidth", self.bandwidth.as_ref());
        opt(w, "port", self.port.as_ref());
    }
}

impl ActualInterface {
    /// Prints what is inside `<source>`.
    pub(super) fn format_source(&self, w: &mut Writer) {
        match &self.source {
            InterfaceSource::Bridge { bridge, mac_table_manager } => {
                w.attr("bridge", bridge);
                w.attr_opt("macTableManager", mac_table_manager.as_ref());
            }
            InterfaceSource::Direct { dev, mode } => {
                w.attr_opt("dev", dev.as_ref());
                w.attr("mode", mode);
            }
            InterfaceSource::Hostdev { address: Some(address), .. } => {
                w.open("address");
                w.attr_str("type", "pci");
                address.format_place(w);
                w.close();
            }
            _ => {}
        }
    }
}

impl Interface {
    /// What the card is connected to: what its network made of it, else what the document says.
    pub fn connection(&self) -> &InterfaceSource {
        self.actual.as_deref().map_or(&self.source, |actual| &actual.source)
    }

    /// The card as if the document had asked for what its network made of it.
    pub fn connected(&self) -> Cow<'_, Self> {
        let Some(actual) = self.actual.as_deref() else { return Cow::Borrowed(self) };
        let mut card = self.clone();
        card.source = actual.source.clone();
        card.vlan = actual.vlan.clone();
        card.virtualport = actual.virtualport.clone();
        card.bandwidth = actual.bandwidth.clone();
        card.port = actual.port.clone();
        card.trust_guest_rx_filters = actual.trust_guest_rx_filters;
        if let Some(name) = actual.driver.name {
            card.driver.name = InterfaceDriverName::from_word(name.as_str());
        }
        card.actual = None;
        Cow::Owned(card)
    }

    /// Prints type and source of a card of a running guest as clients see them.
    pub(super) fn format_connected_source(&self, w: &mut Writer, actual: &ActualInterface) {
        w.open("source");
        if let InterfaceSource::Network { network, portgroup, portid, .. } = &self.source {
            w.attr("network", network);
            w.attr_opt("portgroup", portgroup.as_ref());
            w.attr_opt("portid", portid.as_ref());
        }
        actual.format_source(w);
        self.host_ip.format(w);
        w.close_or_drop();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::xml::{Document, ReadMode, WriteMode};

    const STATUS: &str = "<interface type='network'>
  <mac address='52:54:00:00:00:01'/>
  <source network='lan' portgroup='web' portid='5d744f21-ba4a-4d6e-bdb2-30a35ff3207d'/>
  <actual type='bridge' trustGuestRxFilters='yes'>
    <source bridge='br0' macTableManager='kernel'/>
    <class id='3'/>
    <port isolated='yes'/>
  </actual>
  <target dev='vnet0'/>
</interface>
";

    fn read(xml: &str, mode: ReadMode) -> Result<Interface> {
        let document = Document::parse(xml)?.with_mode(mode);
        Interface::parse(document.root())
    }

    fn print(card: &Interface, live: bool, status: bool) -> String {
        let mut w = Writer::new(WriteMode { live, status, ..WriteMode::default() });
        w.element("interface", card);
        w.finish()
    }

    fn status() -> ReadMode {
        ReadMode { live: true, status: true }
    }

    #[test]
    fn a_status_file_has_both_and_clients_see_what_it_became() {
        let card = read(STATUS, status()).unwrap();
        assert_eq!(print(&card, true, true), STATUS);
        assert!(matches!(card.connection(), InterfaceSource::Bridge { bridge, .. } if bridge == "br0"));
        let live = print(&card, true, false);
        assert!(live.starts_with("<interface type='bridge' trustGuestRxFilters='yes'>"), "{live}");
        let source = "<source network='lan' portgroup='web' portid='5d744f21-ba4a-4d6e-bdb2-30a35ff3207d' bridge='br0'";
        assert!(live.contains(source) && live.contains("<port isolated='yes'/>"), "{live}");
        assert!(!live.contains("<actual") && !live.contains("<class"), "{live}");
        let inactive = print(&card, false, false);
        assert!(inactive.contains("<source network='lan' portgroup='web'/>"), "{inactive}");
        assert!(!inactive.contains("br0") && !inactive.contains("isolated"), "{inactive}");
    }

    #[test]
    fn every_kind_is_read_and_printed_again() {
        for actual in [
            "<actual type='network'>\n    <source bridge='virbr0'/>\n  </actual>",
            "<actual type='direct'>\n    <source dev='eth0' mode='bridge'/>\n  </actual>",
            "<actual type='hostdev' managed='yes'>\n    <driver name='vfio'/>\n    <source>\n      <address type='pci' \
             domain='0x0001' bus='0x02' slot='0x03' function='0x4'/>\n    </source>\n  </actual>",
        ] {
            let xml = format!("<interface type='network'>\n  <source network='lan'/>\n  {actual}\n</interface>\n");
            assert_eq!(print(&read(&xml, status()).unwrap(), true, true), xml);
        }
        let odd = "<interface type='network'><source network='lan'/><actual type='odd'/></interface>";
        assert!(read(odd, status()).unwrap_err().detail().contains("odd"));
        // Nobody but a status file says it.
        assert!(read(odd, ReadMode { live: true, status: false }).unwrap().actual.is_none());
    }
}
