//! Changes to what guests are told by DHCP.

use oxivirt_core::Result;

use super::update::{add, invalid, not_supported};
use super::{DhcpHost, DhcpRange, NetworkDefinition, UpdateCommand};
use crate::net::IpFamily;
use crate::xml::Node;

impl NetworkDefinition {
    /// The `<ip>` at an index; below 0 the first with DHCP, else the first of
    /// IPv4, else the first; `part` is what is to change in it.
    fn dhcp_parent(&self, parent: i32, part: &str) -> Result<usize> {
        if let Ok(index) = usize::try_from(parent) {
            return match index < self.ips.len() {
                true => Ok(index),
                false => invalid(format!(
                    "couldn't update dhcp {part} entry - no <ip> element found at index {index} in network '{}'",
                    self.name
                )),
            };
        }
        let found = self.ips.iter().position(|ip| !ip.dhcp.is_empty());
        let found = found.or_else(|| self.ips.iter().position(|ip| ip.address.is_ipv4()));
        match found.or((!self.ips.is_empty()).then_some(0)) {
            Some(index) => Ok(index),
            None => {
                invalid(format!("couldn't update dhcp {part} entry - no <ip> element found in network '{}'", self.name))
            }
        }
    }

    /// The name server can serve one address of IPv4 only.
    fn check_single_dhcp(&self, at: usize, command: UpdateCommand) -> Result<()> {
        let is_v4 = |index: usize| self.ips.get(index).is_some_and(|ip| ip.address.is_ipv4());
        let other = self.ips.iter().enumerate().any(|(index, ip)| index != at && is_v4(index) && !ip.dhcp.is_empty());
        match command.adds() && is_v4(at) && other {
            true => invalid("dhcp is supported only for a single IPv4 address on each network".to_owned()),
            false => Ok(()),
        }
    }

    pub(super) fn update_dhcp_host(&mut self, command: UpdateCommand, parent: i32, node: Node<'_>) -> Result<()> {
        let at = self.dhcp_parent(parent, "host")?;
        let Some(ip) = self.ips.get(at) else { return Ok(()) };
        let family = IpFamily::of(ip.address);
        let host = DhcpHost::parse(node, family, command == UpdateCommand::Delete)?;
        if host.ip.is_some_and(|ip| IpFamily::of(ip) != family) {
            return invalid(
                "the address family of a host entry IP must match the address family of the dhcp element's parent"
                    .to_owned(),
            );
        }
        self.check_single_dhcp(at, command)?;
        let hosts = &ip.dhcp.hosts;
        let same = |a: bool, b: bool| a && b;
        let (mac, name) = (host.mac_address(), host.name.as_deref());
        let found = match command {
            // Every field that is given must be the same.
            UpdateCommand::Delete => hosts.iter().position(|known| {
                let mac_fits = mac.is_none() || known.mac_address() == mac;
                let ip_fits = host.ip.is_none() || known.ip == host.ip;
                let name_fits = name.is_none() || known.name.as_deref() == name;
                mac_fits && ip_fits && name_fits
            }),
            // One field that is the same is enough.
            _ => hosts.iter().position(|known| {
                same(mac.is_some(), known.mac_address() == mac)
                    || same(host.ip.is_some(), known.ip == host.ip)
                    || same(name.is_some(), known.name.as_deref() == name)
            }),
        };
        let shown = || {
            let ip = host.ip.map_or("unknown".to_owned(), |ip| ip.to_string());
            let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
            format!("<host mac='{}' name='{}' ip='{ip}'/>", text(&host.mac), text(&host.name))
        };
        let network = &self.name;
        match (command, found) {
            (UpdateCommand::Delete, None) => {
                return invalid(format!("couldn't locate a matching dhcp host entry in network '{network}'"));
            }
            (UpdateCommand::Modify, None) => {
                return invalid(format!(
                    "couldn't locate an existing dhcp host entry like {} in network '{network}'",
                    shown()
                ));
            }
            (UpdateCommand::AddFirst | UpdateCommand::AddLast, Some(_)) => {
                return invalid(format!(
                    "there is an existing dhcp host entry in network '{network}' that matches \"{}\"",
                    shown()
                ));
            }
            _ => {}
        }
        let Some(ip) = self.ips.get_mut(at) else { return Ok(()) };
        let hosts = &mut ip.dhcp.hosts;
        match (command, found) {
            (UpdateCommand::Delete, Some(index)) => drop(hosts.remove(index)),
            (UpdateCommand::Modify, Some(index)) => {
                if let Some(known) = hosts.get_mut(index) {
                    *known = host;
                }
            }
            _ => add(hosts, host, command),
        }
        Ok(())
    }

    pub(super) fn update_dhcp_range(&mut self, command: UpdateCommand, parent: i32, node: Node<'_>) -> Result<()> {
        if command == UpdateCommand::Modify {
            return Err(not_supported("dhcp ranges cannot be modified, only added or deleted"));
        }
        let at = self.dhcp_parent(parent, "range")?;
        let Some(ip) = self.ips.get(at) else { return Ok(()) };
        let range = DhcpRange::parse(node, ip.address, ip.network_prefix())?;
        self.check_single_dhcp(at, command)?;
        let found = ip.dhcp.ranges.iter().position(|known| (known.start, known.end) == (range.start, range.end));
        let network = &self.name;
        match (command, found) {
            (UpdateCommand::Delete, None) => {
                return invalid(format!("couldn't locate a matching dhcp range entry in network '{network}'"));
            }
            (UpdateCommand::AddFirst | UpdateCommand::AddLast, Some(_)) => {
                return invalid(format!(
                    "there is an existing dhcp range entry in network '{network}' that matches \"<range start='{}' end='{}'/>\"",
                    range.start, range.end
                ));
            }
            _ => {}
        }
        let Some(ip) = self.ips.get_mut(at) else { return Ok(()) };
        match found {
            Some(index) => drop(ip.dhcp.ranges.remove(index)),
            None => add(&mut ip.dhcp.ranges, range, command),
        }
        Ok(())
    }
}
