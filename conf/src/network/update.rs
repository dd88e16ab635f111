//! Changes to one part of a network.

use oxivirt_core::{Error, ErrorCode, Result};

use super::{ForwardDevice, ForwardTarget, NetworkDefinition, NetworkHooks, ParseFlags, PortGroup};
use crate::xml::{Document, Element, Node};

/// What to do; the numbers are those of the public API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateCommand {
    /// Replaces the part that matches.
    Modify = 1,
    /// Takes out the part that matches.
    Delete = 2,
    /// Adds behind all others.
    AddLast = 3,
    /// Adds before all others.
    AddFirst = 4,
}

/// Which part; the numbers are those of the public API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as the elements they stand for")]
pub enum UpdateSection {
    Bridge = 1,
    Domain = 2,
    Ip = 3,
    IpDhcpHost = 4,
    IpDhcpRange = 5,
    Forward = 6,
    ForwardInterface = 7,
    ForwardPf = 8,
    PortGroup = 9,
    DnsHost = 10,
    DnsTxt = 11,
    DnsSrv = 12,
}

impl UpdateCommand {
    /// Every command.
    pub const ALL: [Self; 4] = [Self::Modify, Self::Delete, Self::AddLast, Self::AddFirst];

    /// The command of a number; another is `OPERATION_UNSUPPORTED`.
    pub fn from_number(number: u32) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|command| *command as u32 == number)
            .ok_or_else(|| not_supported(format!("unrecognized network update command code {number}")))
    }

    /// Whether something new comes in.
    pub(super) const fn adds(self) -> bool {
        matches!(self, Self::AddFirst | Self::AddLast)
    }
}

impl UpdateSection {
    /// Every section.
    pub const ALL: [Self; 12] = [
        Self::Bridge,
        Self::Domain,
        Self::Ip,
        Self::IpDhcpHost,
        Self::IpDhcpRange,
        Self::Forward,
        Self::ForwardInterface,
        Self::ForwardPf,
        Self::PortGroup,
        Self::DnsHost,
        Self::DnsTxt,
        Self::DnsSrv,
    ];

    /// The section of a number; another is `OPERATION_UNSUPPORTED`.
    pub fn from_number(number: u32) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|section| *section as u32 == number)
            .ok_or_else(|| not_supported("can't update unrecognized section of network"))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Domain => "domain",
            Self::Ip => "ip",
            Self::IpDhcpHost | Self::DnsHost => "host",
            Self::IpDhcpRange => "range",
            Self::Forward => "forward",
            Self::ForwardInterface => "interface",
            Self::ForwardPf => "forward pf",
            Self::PortGroup => "portgroup",
            Self::DnsTxt => "txt",
            Self::DnsSrv => "srv",
        }
    }
}

pub(super) fn not_supported(what: impl Into<String>) -> Error {
    Error::new(ErrorCode::OPERATION_UNSUPPORTED, what)
}

pub(super) fn invalid<T>(what: String) -> Result<T> {
    Err(Error::operation_invalid(what))
}

/// Adds to the right end of a list.
pub(super) fn add<T>(list: &mut Vec<T>, value: T, command: UpdateCommand) {
    match command {
        UpdateCommand::AddFirst => list.insert(0, value),
        _ => list.push(value),
    }
}

impl NetworkDefinition {
    /// Changes one part and checks the result as a whole.
    ///
    /// * `parent` – index of the `<ip>` for ranges and hosts of DHCP, below 0
    ///   for the first that fits; no other section looks at it.
    /// * `xml` – the element that comes in, or says which one is meant.
    /// * Errors: as for [`NetworkDefinition::update_section`] and
    ///   [`NetworkDefinition::complete`]. On any, nothing is changed.
    pub fn update(
        &mut self,
        command: UpdateCommand,
        section: UpdateSection,
        parent: i32,
        xml: &str,
        hooks: &dyn NetworkHooks,
    ) -> Result<()> {
        let mut changed = self.clone();
        changed.update_section(command, section, parent, xml)?;
        changed.complete(ParseFlags::NONE, hooks)?;
        *self = changed;
        Ok(())
    }

    /// Changes one part without a look at the whole.
    ///
    /// Errors: `OPERATION_UNSUPPORTED` for a section or command that cannot
    /// be had; `OPERATION_INVALID` when what is meant is not there, is there
    /// twice, or is there already; those of the element's own document. On
    /// any, nothing is changed.
    pub fn update_section(
        &mut self,
        command: UpdateCommand,
        section: UpdateSection,
        parent: i32,
        xml: &str,
    ) -> Result<()> {
        use UpdateSection::{Bridge, Domain, Forward, ForwardPf, Ip};
        if matches!(section, Bridge | Domain | Ip | Forward | ForwardPf) {
            let what = format!("can't update '{}' section of network '{}'", section.name(), self.name);
            return Err(not_supported(what));
        }
        let document = Document::parse(xml)?;
        let node = document.root();
        if node.qualified_name() != section.name() {
            return Err(Error::xml(format!(
                "unexpected element <{}>, expecting <{}>, while updating network '{}'",
                node.qualified_name(),
                section.name(),
                self.name
            )));
        }
        match section {
            UpdateSection::IpDhcpHost => self.update_dhcp_host(command, parent, node),
            UpdateSection::IpDhcpRange => self.update_dhcp_range(command, parent, node),
            UpdateSection::ForwardInterface => self.update_interface(command, node),
            UpdateSection::PortGroup => self.update_portgroup(command, node),
            UpdateSection::DnsHost => self.update_dns_host(command, node),
            UpdateSection::DnsTxt => self.update_dns_txt(command, node),
            UpdateSection::DnsSrv => self.update_dns_srv(command, node),
            Bridge | Domain | Ip | Forward | ForwardPf => Ok(()),
        }
    }

    fn update_interface(&mut self, command: UpdateCommand, node: Node<'_>) -> Result<()> {
        if command == UpdateCommand::Modify {
            return Err(not_supported("forward interface entries cannot be modified, only added or deleted"));
        }
        let dev: String = node.require("dev")?;
        let wanted = ForwardTarget::Interface(dev);
        let at = self.forward.devices.iter().position(|known| known.target == wanted);
        let ForwardTarget::Interface(dev) = wanted else { return Ok(()) };
        match (command, at) {
            (UpdateCommand::Delete, Some(at)) => {
                let users = self.forward.devices.get(at).map_or(0, |device| device.connections);
                if users > 0 {
                    return invalid(format!(
                        "unable to delete interface '{dev}' in network '{}'. It is currently being used by {users} domains.",
                        self.name
                    ));
                }
                self.forward.devices.remove(at);
            }
            (UpdateCommand::Delete, None) => {
                return invalid(format!(
                    "couldn't find an interface entry in network '{}' matching <interface dev='{dev}'>",
                    self.name
                ));
            }
            (_, Some(_)) => {
                return invalid(format!(
                    "there is an existing interface entry in network '{}' that matches \"<interface dev='{dev}'>\"",
                    self.name
                ));
            }
            (_, None) => add(&mut self.forward.devices, ForwardDevice::interface(dev), command),
        }
        Ok(())
    }

    fn update_portgroup(&mut self, command: UpdateCommand, node: Node<'_>) -> Result<()> {
        let group = PortGroup::parse(node)?;
        let at = self.portgroups.iter().position(|known| known.name == group.name);
        let known = match (command.adds(), at) {
            (true, Some(_)) => {
                return invalid(format!(
                    "there is an existing portgroup entry in network '{}' that matches \"<portgroup name='{}'>\"",
                    self.name, group.name
                ));
            }
            (false, None) => {
                return invalid(format!(
                    "couldn't find a portgroup entry in network '{}' matching <portgroup name='{}'>",
                    self.name, group.name
                ));
            }
            (_, at) => at,
        };
        let is_other_default = |other: &PortGroup| other.is_default && other.name != group.name;
        if command != UpdateCommand::Delete && group.is_default && self.portgroups.iter().any(is_other_default) {
            return invalid(format!(
                "a different portgroup entry in network '{}' is already set as the default. Only one default is allowed.",
                self.name
            ));
        }
        match (command, known) {
            (UpdateCommand::Delete, Some(at)) => drop(self.portgroups.remove(at)),
            (UpdateCommand::Modify, Some(at)) => {
                if let Some(known) = self.portgroups.get_mut(at) {
                    *known = group;
                }
            }
            _ => add(&mut self.portgroups, group, command),
        }
        Ok(())
    }
}
