//! `<virtualport>`: how a card is made known to a switch.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::unsupported;
use crate::xml::{Element, Node, Value, Writer};
use crate::xml_enum;

xml_enum! {
    pub enum VirtualPortType {
        Qbg = "802.1Qbg", Qbh = "802.1Qbh", OpenVSwitch = "openvswitch", Midonet = "midonet",
    }
}

/// `<virtualport type='openvswitch'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VirtualPort {
    /// Absent where it comes from the network.
    pub kind: Option<VirtualPortType>,
    pub parameters: VirtualPortParameters,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VirtualPortParameters {
    #[xml(attr)]
    pub managerid: Option<u8>,
    /// 24 bits.
    #[xml(attr)]
    pub typeid: Option<u32>,
    #[xml(attr)]
    pub typeidversion: Option<u8>,
    #[xml(attr)]
    pub instanceid: Option<uuid::Uuid>,
    #[xml(attr)]
    pub interfaceid: Option<uuid::Uuid>,
    /// At most 39 bytes.
    #[xml(attr)]
    pub profileid: Option<String>,
}

impl VirtualPort {
    /// Reads one that must say its type.
    pub fn with_type(node: Node<'_>) -> Result<Self> {
        match node.attr("type") {
            Some(_) => Self::parse(node),
            None => Err(node.missing_attr("type")),
        }
    }

    /// The first parameter that the type does not have.
    fn extra(&self) -> Option<&'static str> {
        use VirtualPortType::{Midonet, OpenVSwitch, Qbg, Qbh};
        let kind = self.kind?;
        let p = &self.parameters;
        let set = [
            ("managerid", p.managerid.is_some(), kind == Qbg),
            ("typeid", p.typeid.is_some(), kind == Qbg),
            ("typeidversion", p.typeidversion.is_some(), kind == Qbg),
            ("instanceid", p.instanceid.is_some(), kind == Qbg),
            ("interfaceid", p.interfaceid.is_some(), matches!(kind, OpenVSwitch | Midonet)),
            ("profileid", p.profileid.is_some(), matches!(kind, OpenVSwitch | Qbh)),
        ];
        set.into_iter().find(|(_, set, allowed)| *set && !allowed).map(|(name, ..)| name)
    }
}

impl Element for VirtualPort {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = match node.attr("type") {
            None => None,
            Some(word) => match VirtualPortType::from_word(word) {
                Some(kind) => Some(kind),
                None => {
                    let allowed = VirtualPortType::allowed();
                    return Err(unsupported(node, format_args!("unknown type '{word}', allowed: {allowed}")));
                }
            },
        };
        let mut parameters: VirtualPortParameters = node.child_element("parameters")?.unwrap_or_default();
        parameters.profileid = parameters.profileid.filter(|id| !id.is_empty());
        if parameters.typeid.is_some_and(|id| id > 0xff_ffff) {
            return Err(node.error("parameter 'typeid' is out of range, at most 16777215"));
        }
        if parameters.profileid.as_ref().is_some_and(|id| id.len() > 39) {
            return Err(node.error("parameter 'profileid' is too long, at most 39 bytes"));
        }
        let port = Self { kind, parameters };
        match (port.extra(), kind) {
            (Some(extra), Some(kind)) => Err(node.error(format_args!("parameter '{extra}' is not for type '{kind}'"))),
            _ => Ok(port),
        }
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("type", self.kind.as_ref());
        w.element_unless_empty("parameters", &self.parameters);
    }
}
