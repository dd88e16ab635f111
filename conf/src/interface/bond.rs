//! `<bond>`: several cards as one.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::HostInterface;
use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

xml_enum! {
    pub enum BondMode {
        BalanceRr = "balance-rr", ActiveBackup = "active-backup", BalanceXor = "balance-xor", Broadcast = "broadcast",
        Lacp = "802.3ad", BalanceTlb = "balance-tlb", BalanceAlb = "balance-alb",
    }
}

xml_enum! {
    /// Who says whether the wire is there.
    pub enum MiiCarrier { Ioctl = "ioctl", Netif = "netif" }
}

xml_enum! {
    /// Which members must answer.
    pub enum ValidateMode { None = "none", Active = "active", Backup = "backup", All = "all" }
}

/// `<bond mode='active-backup'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bond {
    pub mode: Option<BondMode>,
    /// How failing members are found.
    pub monitor: Option<BondMonitor>,
    /// Ethernet cards.
    pub interfaces: Vec<HostInterface>,
}

/// How failing members are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BondMonitor {
    /// `<miimon freq='100' downdelay='10' updelay='10' carrier='ioctl'/>`; milliseconds.
    Mii { freq: u32, downdelay: Option<u32>, updelay: Option<u32>, carrier: Option<MiiCarrier> },
    /// `<arpmon interval='100' target='192.168.50.1' validate='active'/>`; milliseconds.
    Arp { interval: u32, target: String, validate: Option<ValidateMode> },
}

impl Element for Bond {
    fn parse(node: Node<'_>) -> Result<Self> {
        let monitor = match (node.child("miimon"), node.child("arpmon")) {
            (Some(mii), _) => {
                let delay = |name| -> Result<Option<u32>> { Ok(mii.value(name)?.filter(|delay| *delay > 0)) };
                Some(BondMonitor::Mii {
                    freq: mii.require("freq")?,
                    downdelay: delay("downdelay")?,
                    updelay: delay("updelay")?,
                    carrier: mii.value("carrier")?,
                })
            }
            (None, Some(arp)) => Some(BondMonitor::Arp {
                interval: arp.require("interval")?,
                target: arp.require("target")?,
                validate: arp.value("validate")?,
            }),
            (None, None) => None,
        };
        let interfaces = HostInterface::parse_members(node, &["ethernet"])?;
        Ok(Self { mode: node.value("mode")?, monitor, interfaces })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("mode", self.mode.as_ref());
        w.force_children();
        match &self.monitor {
            None => {}
            Some(BondMonitor::Mii { freq, downdelay, updelay, carrier }) => {
                w.open("miimon");
                w.attr("freq", freq);
                w.attr_opt("downdelay", downdelay.as_ref());
                w.attr_opt("updelay", updelay.as_ref());
                w.attr_opt("carrier", carrier.as_ref());
                w.close();
            }
            Some(BondMonitor::Arp { interval, target, validate }) => {
                w.open("arpmon");
                w.attr("interval", interval);
                w.attr("target", target);
                w.attr_opt("validate", validate.as_ref());
                w.close();
            }
        }
        w.elements("interface", &self.interfaces);
    }
}
