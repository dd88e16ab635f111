//! Devices of a channel subsystem.

use oxivirt_core::Result;

use super::MdevType;
use super::mdev::{format_types, types_of};
use super::number::{leaf_hex, require_based, require_text};
use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

/// Where a channel device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CcwAddress {
    /// Channel subsystem, 0 to 0xfe.
    pub cssid: u8,
    /// Set of subchannels, 0 to 3.
    pub ssid: u8,
    /// Number within the set.
    pub devno: u16,
}

xml_enum! {
    /// Whether a device is in use.
    pub enum CcwState { Offline = "offline", Online = "online" }
}

xml_enum! {
    /// What a group of devices is.
    pub enum CcwGroupType { QethGeneric = "qeth_generic", QethLayer2 = "qeth_layer2", QethLayer3 = "qeth_layer3" }
}

/// `<capability type='ccw'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CcwDevice {
    /// Whether it is in use.
    pub state: Option<CcwState>,
    /// Where it is.
    pub address: CcwAddress,
    /// The group that it is a member of.
    pub group_device: Option<String>,
}

/// `<capability type='css'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CssDevice {
    /// Where it is.
    pub address: CcwAddress,
    /// The device behind it.
    pub channel_dev_addr: Option<CcwAddress>,
    /// The types of mediated devices it offers.
    pub mdev_types: Vec<MdevType>,
}

/// `<capability type='ccwgroup'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CcwGroup {
    /// Whether it is in use.
    pub state: Option<CcwState>,
    /// Where it is.
    pub address: CcwAddress,
    /// The devices that it is made of.
    pub members: Vec<CcwMember>,
    /// What it is: a network card of this kind.
    pub kind: CcwGroupType,
    /// Type of the card.
    pub card_type: String,
    /// The channel path.
    pub chpid: String,
}

/// `<ccw_device ref='cdev0'>ccw_0_0_ff00</ccw_device>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CcwMember {
    /// Its role.
    pub reference: String,
    /// The name of the device.
    pub device: String,
}

impl Element for CcwAddress {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            // The limits make the numbers fit.
            cssid: require_based(node, "cssid", 0, 0xfe)? as u8,
            ssid: require_based(node, "ssid", 0, 3)? as u8,
            devno: require_based(node, "devno", 16, 0xffff)? as u16,
        })
    }

    fn format(&self, w: &mut Writer) {
        leaf_hex(w, "cssid", self.cssid.into(), 1);
        leaf_hex(w, "ssid", self.ssid.into(), 1);
        leaf_hex(w, "devno", self.devno.into(), 4);
    }
}

impl Element for CcwDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        let member = node.children_named("capability").find(|child| child.attr("type") == Some("ccwgroup_member"));
        Ok(Self {
            state: node.child_value("state")?,
            address: CcwAddress::parse(node)?,
            group_device: member.map(|member| require_text(member, "group_device")).transpose()?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.leaf_opt("state", self.state.as_ref());
        self.address.format(w);
        if let Some(group) = &self.group_device {
            w.open("capability");
            w.attr_str("type", "ccwgroup_member");
            w.leaf("group_device", group);
            w.close();
        }
    }
}

impl Element for CssDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            address: CcwAddress::parse(node)?,
            channel_dev_addr: node.child_element("channel_dev_addr")?,
            mdev_types: types_of(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        self.address.format(w);
        if let Some(address) = &self.channel_dev_addr {
            w.element("channel_dev_addr", address);
        }
        format_types(w, &self.mdev_types);
    }
}

impl Element for CcwGroup {
    fn parse(node: Node<'_>) -> Result<Self> {
        let members = match node.child("members") {
            None => Vec::new(),
            Some(members) => members.child_elements("ccw_device")?,
        };
        let card = node.child("capability").ok_or_else(|| node.missing_child("capability"))?;
        Ok(Self {
            state: node.child_value("state")?,
            address: CcwAddress::parse(node)?,
            members,
            kind: card.require("type")?,
            card_type: require_text(card, "card_type")?,
            chpid: require_text(card, "chpid")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.leaf_opt("state", self.state.as_ref());
        self.address.format(w);
        if !self.members.is_empty() {
            w.open("members");
            w.elements("ccw_device", &self.members);
            w.close();
        }
        w.open("capability");
        w.attr("type", &self.kind);
        w.leaf("card_type", &self.card_type);
        w.leaf("chpid", &self.chpid);
        w.close();
    }
}

impl Element for CcwMember {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { reference: node.require("ref")?, device: node.text().into_owned() })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("ref", &self.reference);
        w.text(&self.device);
    }
}
