//! `<vlan>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    pub enum NativeMode { Tagged = "tagged", Untagged = "untagged" }
}

/// `<vlan trunk='yes'><tag id='42'/></vlan>`; at least one tag.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vlan {
    /// Tagged traffic passes; always so with several tags.
    pub trunk: Option<YesNo>,
    pub tags: Vec<VlanTag>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VlanTag {
    /// 0 to 4095.
    #[xml(attr)]
    pub id: u16,
    /// This tag is that of untagged traffic; one of a trunk.
    #[xml(attr = "nativeMode")]
    pub native_mode: Option<NativeMode>,
}

impl Element for Vlan {
    fn parse(node: Node<'_>) -> Result<Self> {
        let tags: Vec<VlanTag> = node.child_elements("tag")?;
        if let Some(tag) = tags.iter().find(|tag| tag.id > 4095) {
            return Err(node.error(format_args!("tag {} is too large, at most 4095", tag.id)));
        }
        let natives = tags.iter().filter(|tag| tag.native_mode.is_some()).count();
        if natives > 1 {
            return Err(node.error("more than one tag has attribute 'nativeMode'"));
        }
        let asked: Option<YesNo> = node.value("trunk")?;
        if asked == Some(YesNo::No) && tags.len() > 1 {
            return Err(node.error("more than one tag needs trunk='yes'"));
        }
        if asked == Some(YesNo::No) && natives > 0 {
            return Err(node.error("a native tag needs trunk='yes'"));
        }
        if tags.is_empty() {
            return Err(node.missing_child("tag"));
        }
        let trunk = asked == Some(YesNo::Yes) || tags.len() > 1;
        Ok(Self { trunk: trunk.then_some(YesNo::Yes), tags })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("trunk", self.trunk.as_ref());
        w.elements("tag", &self.tags);
    }
}
