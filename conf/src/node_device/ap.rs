//! Cryptographic cards and their queues.

use oxivirt_core::Result;

use super::MdevType;
use super::mdev::{format_types, types_of};
use super::number::{leaf_hex, require_based};
use crate::xml::{Element, Node, Writer};

/// `<capability type='ap_queue'>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ApQueue {
    /// Number of the card.
    pub adapter: u8,
    /// Number of the queue on the card.
    pub domain: u8,
}

/// `<capability type='ap_matrix'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApMatrix {
    /// The types of mediated devices it offers.
    pub mdev_types: Vec<MdevType>,
}

pub(super) fn parse_adapter(node: Node<'_>) -> Result<u8> {
    // The limit makes the number fit.
    require_based(node, "ap-adapter", 0, 0xff).map(|adapter| adapter as u8)
}

pub(super) fn format_adapter(w: &mut Writer, adapter: u8) {
    leaf_hex(w, "ap-adapter", adapter.into(), 2);
}

impl Element for ApQueue {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { adapter: parse_adapter(node)?, domain: require_based(node, "ap-domain", 0, 0xff)? as u8 })
    }

    fn format(&self, w: &mut Writer) {
        format_adapter(w, self.adapter);
        leaf_hex(w, "ap-domain", self.domain.into(), 4);
    }
}

impl Element for ApMatrix {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { mdev_types: types_of(node)? })
    }

    fn format(&self, w: &mut Writer) {
        format_types(w, &self.mdev_types);
    }
}
