//! `<capabilities>`: what a host is and which guests it can run.

mod cache;
mod guest;
mod host;
mod topology;

use oxivirt_core::{Error, ErrorCode, Result};

use crate::xml::{Document, Element, WriteMode, Writer};

pub use cache::{CacheBank, CacheControl, CacheInfo, MemoryBandwidth, MonitorFeature, ResourceMonitor};
pub use cache::{MemoryBandwidthControl, MemoryBandwidthNode};
pub use guest::{Guest, GuestArch, GuestDomain, GuestFeature, GuestFeatures, GuestMachine};
pub use host::{BaseLabel, Host, Iommu, Migration, SecurityModel};
pub use topology::{
    Amount, CacheSize, Cell, CellCache, CellCpu, Distance, HostTopology, Interconnect, Interconnects, PageCount,
};

/// The whole document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// The host.
    pub host: Host,
    /// What it can run, by type and architecture.
    pub guests: Vec<Guest>,
}

impl Capabilities {
    /// Reads the document.
    ///
    /// Errors: `XML_DETAIL` for text that is not XML; `XML_ERROR` for another
    /// root or a bad value.
    pub fn parse(text: &str) -> Result<Self> {
        let document = Document::parse(text)?;
        let root = document.root();
        if root.name() != "capabilities" {
            return Err(Error::new(ErrorCode::XML_ERROR, format!("expected <capabilities>, found '{}'", root.name())));
        }
        Ok(Self { host: root.child_element("host")?.unwrap_or_default(), guests: root.child_elements("guest")? })
    }

    /// The text, with an empty line around each part as clients show it.
    pub fn to_xml(&self) -> String {
        let part = |name: &str, write: &dyn Fn(&mut Writer)| {
            let mut w = Writer::new(WriteMode::default()).indented(1);
            w.open(name);
            write(&mut w);
            w.close();
            w.finish()
        };
        let mut text = String::from("<capabilities>\n\n");
        text.push_str(&part("host", &|w| self.host.format(w)));
        text.push('\n');
        for guest in &self.guests {
            text.push_str(&part("guest", &|w| guest.format(w)));
            text.push('\n');
        }
        text.push_str("</capabilities>\n");
        text
    }
}
