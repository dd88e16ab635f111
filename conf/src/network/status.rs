//! `<networkstatus>`: the state of a running network on disk.

use oxivirt_core::Result;
use oxivirt_util::bitmap::Bitmap;

use super::{FirewallRemoval, FormatFlags, NetworkDefinition, NetworkHooks, ParseFlags};
use crate::xml::{Document, Writer};

/// What a status file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkStatus {
    /// The network as it runs; who is connected is not kept.
    pub definition: NetworkDefinition,
    /// Classes of the queueing discipline that are taken.
    pub class_ids: Bitmap,
    /// Sum of what is guaranteed to ports, KiB per second.
    pub floor_sum: u64,
    /// What takes the firewall rules away again.
    pub firewall: Option<FirewallRemoval>,
}

impl NetworkStatus {
    /// The status of a network that just started: classes 0 to 2 belong to
    /// the network itself.
    pub fn new(definition: NetworkDefinition) -> Self {
        Self { definition, class_ids: Bitmap::first(3), floor_sum: 0, firewall: None }
    }

    /// Reads a status file.
    ///
    /// Checks are left out: the network runs already, refusing it would lose
    /// it. Errors: as for [`NetworkDefinition::parse`].
    pub fn parse(xml: &str, hooks: &dyn NetworkHooks) -> Result<Self> {
        let flags = ParseFlags::STATUS | ParseFlags::SKIP_VALIDATE;
        let document = Document::parse(xml)?.with_mode(flags.mode());
        let root = document.root();
        if root.name() != "networkstatus" {
            return Err(root.error(format_args!("unexpected element '{}', wanted 'networkstatus'", root.name())));
        }
        let network = root.child("network").ok_or_else(|| root.missing_child("network"))?;
        let class_ids = match root.child("class_id").and_then(|class| Some((class, class.attr("bitmap")?))) {
            None => Bitmap::first(3),
            Some((class, text)) => {
                Bitmap::parse_or_empty(text).map_err(|_| class.bad_attr("bitmap", text, "numbers and ranges"))?
            }
        };
        let floor_sum = match root.child("floor") {
            Some(floor) => floor.value("sum")?.unwrap_or(0),
            None => 0,
        };
        Ok(Self {
            definition: NetworkDefinition::parse_node(network, flags, hooks)?,
            class_ids,
            floor_sum,
            firewall: root.child_element("firewall")?,
        })
    }

    /// Prints the file.
    pub fn format(&self) -> Result<String> {
        let mut w = Writer::new(FormatFlags::INACTIVE.mode());
        w.open("networkstatus");
        w.open("class_id");
        w.attr_str("bitmap", &self.class_ids.to_string());
        w.close();
        w.open("floor");
        w.attr("sum", &self.floor_sum);
        w.close();
        w.element("network", &self.definition);
        if let Some(firewall) = &self.firewall {
            w.element("firewall", firewall);
        }
        w.close();
        Ok(w.finish())
    }
}
