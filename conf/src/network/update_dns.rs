//! Changes to what the network's name server answers.

use oxivirt_core::Result;

use super::update::{add, invalid, not_supported};
use super::{DnsHost, DnsSrv, DnsTxt, NetworkDefinition, UpdateCommand};
use crate::xml::Node;

/// The one index of an iterator; two are an error.
fn single(mut found: impl Iterator<Item = usize>, what: &str, network: &str) -> Result<Option<usize>> {
    match (found.next(), found.next()) {
        (_, Some(_)) => invalid(format!("multiple matching {what} records were found in network {network}")),
        (first, None) => Ok(first),
    }
}

impl NetworkDefinition {
    fn no_such<T>(&self, what: &str) -> Result<T> {
        invalid(format!("couldn't locate a matching {what} record in network {}", self.name))
    }

    pub(super) fn update_dns_host(&mut self, command: UpdateCommand, node: Node<'_>) -> Result<()> {
        const WHAT: &str = "DNS HOST";
        let host = DnsHost::parse(node, command == UpdateCommand::Delete)?;
        let found = self.dns.hosts.iter().enumerate().filter(|(_, known)| {
            let address = host.ip.is_some() && known.ip == host.ip;
            // To take out a host one of its names is enough.
            let name = command == UpdateCommand::Delete && known.hostnames.iter().any(|n| host.hostnames.contains(n));
            address || name
        });
        let mut found = found.map(|(at, _)| at);
        if command.adds() {
            if found.next().is_some() {
                return invalid(format!(
                    "there is already at least one {WHAT} record with a matching field in network {}",
                    self.name
                ));
            }
            drop(found);
            add(&mut self.dns.hosts, host, command);
            return Ok(());
        }
        let Some(at) = single(found, WHAT, &self.name)? else { return self.no_such(WHAT) };
        if command == UpdateCommand::Delete {
            self.dns.hosts.remove(at);
        } else if let Some(known) = self.dns.hosts.get_mut(at) {
            *known = host;
        }
        Ok(())
    }

    pub(super) fn update_dns_txt(&mut self, command: UpdateCommand, node: Node<'_>) -> Result<()> {
        const WHAT: &str = "DNS TXT";
        let txt = DnsTxt::parse(node, !command.adds())?;
        let found = self.dns.txts.iter().position(|known| known.name == txt.name);
        match (command, found) {
            (UpdateCommand::AddFirst | UpdateCommand::AddLast, Some(_)) => {
                invalid(format!("there is already a {WHAT} record with name '{}' in network {}", txt.name, self.name))
            }
            (UpdateCommand::AddFirst | UpdateCommand::AddLast, None) => {
                add(&mut self.dns.txts, txt, command);
                Ok(())
            }
            (_, None) => self.no_such(WHAT),
            (UpdateCommand::Delete, Some(at)) => {
                self.dns.txts.remove(at);
                Ok(())
            }
            (UpdateCommand::Modify, Some(_)) if txt.value.is_none() => {
                invalid(format!("missing value of modifying {WHAT} record in network {}", self.name))
            }
            (UpdateCommand::Modify, Some(at)) => {
                if let Some(known) = self.dns.txts.get_mut(at) {
                    *known = txt;
                }
                Ok(())
            }
        }
    }

    pub(super) fn update_dns_srv(&mut self, command: UpdateCommand, node: Node<'_>) -> Result<()> {
        const WHAT: &str = "DNS SRV";
        if command == UpdateCommand::Modify {
            return Err(not_supported("DNS SRV records cannot be modified, only added or deleted"));
        }
        let srv = DnsSrv::parse(node, command == UpdateCommand::Delete)?;
        // Only fields that are given count.
        let fits = |known: &&DnsSrv| {
            let text = |given: &Option<String>, known: &Option<String>| given.is_none() || given == known;
            text(&srv.service, &known.service)
                && text(&srv.protocol, &known.protocol)
                && text(&srv.domain, &known.domain)
                && text(&srv.target, &known.target)
        };
        if command.adds() {
            if self.dns.srvs.iter().any(|known| fits(&known)) {
                return invalid(format!(
                    "there is already at least one {WHAT} record matching all specified fields in network {}",
                    self.name
                ));
            }
            add(&mut self.dns.srvs, srv, command);
            return Ok(());
        }
        let found = self.dns.srvs.iter().enumerate().filter(|(_, known)| fits(known)).map(|(at, _)| at);
        match single(found, WHAT, &self.name)? {
            Some(at) => drop(self.dns.srvs.remove(at)),
            None => return self.no_such(WHAT),
        }
        Ok(())
    }
}
