//! `<refresh>`: how a pool is looked through.

use oxivirt_core::Result;

use super::unsupported;
use crate::xml::{Element, Node, Value, Writer};
use crate::xml_enum;

xml_enum! {
    /// How the allocation of a volume is found: what is really used, which may
    /// take long, or as much as its capacity.
    pub enum VolumeAllocation {
        Default = "default", Capacity = "capacity",
    }
}

/// `<refresh><volume allocation='capacity'/></refresh>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolRefresh {
    /// What the allocation of volumes is taken from.
    pub allocation: Option<VolumeAllocation>,
}

impl Element for PoolRefresh {
    fn parse(node: Node<'_>) -> Result<Self> {
        let Some(volume) = node.child("volume") else { return Ok(Self::default()) };
        let Some(word) = volume.attr("allocation") else { return Ok(Self::default()) };
        match VolumeAllocation::from_word(word) {
            Some(allocation) => Ok(Self { allocation: Some(allocation) }),
            None => {
                let allowed = VolumeAllocation::allowed();
                Err(unsupported(volume, format_args!("unknown allocation '{word}', allowed: {allowed}")))
            }
        }
    }

    fn format(&self, w: &mut Writer) {
        if let Some(allocation) = &self.allocation {
            w.open("volume");
            w.attr("allocation", allocation);
            w.close();
        }
    }
}
