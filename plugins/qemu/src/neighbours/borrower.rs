//! One guest, in the eyes of other drivers: what it asks them for, and gives back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Interface, InterfaceSource};
use oxivirt_conf::network_port::PortOwner;
use oxivirt_core::{ErrorCode, Result};
use uuid::Uuid;

use super::held::{self, Held};
use super::{Neighbours, ports};
use crate::sys;

/// One guest. Only whoever holds its job asks in its name.
#[derive(Debug, Clone)]
pub struct Borrower {
    /// Whom it asks.
    pub neighbours: Arc<dyn Neighbours>,
    owner: PortOwner,
    note: PathBuf,
}

impl Borrower {
    /// * `run` – the folder with the notes of what guests hold.
    pub fn new(neighbours: Arc<dyn Neighbours>, run: &Path, domain: &DomainDefinition) -> Self {
        let owner = PortOwner { name: domain.name.clone(), uuid: domain.uuid };
        Self { neighbours, note: held::path(run, &owner.name), owner }
    }

    /// One that has nobody to ask.
    #[cfg(test)]
    pub(crate) fn alone() -> Self {
        Self::new(Arc::new(super::Nobody), Path::new("/nonexistent"), &DomainDefinition::default())
    }

    /// Connects a card with its network, if it is on one.
    ///
    /// Errors: those of the network driver. After an error nothing is held, as far as that can be said.
    pub fn connect(&self, card: &mut Interface) -> Result<()> {
        let Some((network, port)) = ports::wanted(&self.owner, card)? else { return Ok(()) };
        let uuid = port.uuid;
        Held::change(&self.note, |held| _ = held.ports.insert((network.clone(), uuid.to_string())))?;
        let made = self.neighbours.make_port(&network, &port, false);
        let Err(error) = made.and_then(|port| ports::connect(card, port)) else { return Ok(()) };
        match error.code() {
            // There is nobody who could have made one.
            ErrorCode::NO_CONNECT => self.forget(|held| _ = held.ports.remove(&(network, uuid.to_string()))),
            // It is removed when the driver answers again.
            ErrorCode::OPERATION_TIMEOUT => {}
            _ => self.remove_port(&network, uuid),
        }
        Err(error)
    }

    /// Says again which port a card has, to a network that may have forgotten it.
    pub fn reclaim(&self, card: &Interface) -> Result<()> {
        match ports::wanted(&self.owner, card)? {
            Some((network, mut port)) if ports::port_of(card).is_some() => {
                port.plug = card.actual.as_deref().and_then(ports::plug);
                self.neighbours.make_port(&network, &port, true).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Filters the traffic of a card's device on the host, if that is wanted.
    pub fn filter(&self, card: &Interface, device: &str) -> Result<()> {
        let Some(binding) = ports::binding(&self.owner, card, device)? else { return Ok(()) };
        Held::change(&self.note, |held| _ = held.filters.insert(device.to_owned()))?;
        self.neighbours.bind_filter(&binding).inspect_err(|error| match error.code() {
            ErrorCode::NO_CONNECT => self.forget(|held| _ = held.filters.remove(device)),
            ErrorCode::OPERATION_TIMEOUT => {}
            _ => self.unbind(device),
        })
    }

    /// Makes a device of the host that outlives QEMU.
    ///
    /// * `make` – makes it; false when somebody else has the name.
    pub fn make_link(&self, name: &str, make: impl FnOnce() -> Result<bool>) -> Result<bool> {
        Held::change(&self.note, |held| _ = held.links.insert(name.to_owned()))?;
        let made = make();
        if !matches!(made, Ok(true)) {
            self.forget(|held| _ = held.links.remove(name));
        }
        made
    }

    /// Gives back what belongs to one card. What cannot be given back is logged and tried again later.
    pub fn give_back(&self, card: &Interface) {
        if let (Some(device), Some(_)) = (device_of(card), &card.filterref) {
            self.unbind(device);
        }
        if let Some(device) = own_link(card) {
            self.delete_link(device);
        }
        if let Some((network, port)) = ports::port_of(card) {
            self.remove_port(network, port);
        }
    }

    /// Gives back everything that the guest holds, and what stands in its definition.
    pub fn give_back_all(&self, domain: &DomainDefinition) {
        self.give_back_but(&[], &domain.devices.interfaces);
    }

    /// Gives back what is noted and does not belong to these cards.
    pub fn settle(&self, domain: &DomainDefinition) {
        self.give_back_but(&domain.devices.interfaces, &[]);
    }

    fn give_back_but(&self, kept: &[Interface], also: &[Interface]) {
        let mut held = Held::read(&self.note).unwrap_or_else(|error| {
            tracing::error!(guest = self.owner.name, %error, "what the guest holds is not known");
            Held::default()
        });
        let port = |card: &Interface| ports::port_of(card).map(|(net, port)| (net.to_owned(), port.to_string()));
        held.ports.extend(also.iter().filter_map(port));
        let filtered = also.iter().filter(|card| card.filterref.is_some()).filter_map(device_of);
        held.filters.extend(filtered.map(str::to_owned));
        held.links.extend(also.iter().filter_map(own_link).map(str::to_owned));
        for card in kept {
            if let Some(port) = port(card) {
                held.ports.remove(&port);
            }
            if let Some(device) = device_of(card) {
                held.filters.remove(device);
                held.links.remove(device);
            }
        }
        for device in &held.filters {
            self.unbind(device);
        }
        for device in &held.links {
            self.delete_link(device);
        }
        for (network, port) in &held.ports {
            match Uuid::parse_str(port) {
                Ok(port) => self.remove_port(network, port),
                Err(_) => self.forget(|held| held.ports.retain(|(_, other)| other != port)),
            }
        }
    }

    fn remove_port(&self, network: &str, port: Uuid) {
        match self.neighbours.remove_port(network, port) {
            Ok(()) => self.forget(|held| _ = held.ports.remove(&(network.to_owned(), port.to_string()))),
            Err(error) => {
                tracing::error!(guest = self.owner.name, network, %port, %error, "a port of a network stays");
            }
        }
    }

    fn delete_link(&self, device: &str) {
        match sys::delete_link(device) {
            Ok(()) => self.forget(|held| _ = held.links.remove(device)),
            Err(error) => tracing::error!(guest = self.owner.name, device, %error, "a device of the host stays"),
        }
    }

    fn unbind(&self, device: &str) {
        match self.neighbours.unbind_filter(device) {
            Ok(()) => self.forget(|held| _ = held.filters.remove(device)),
            Err(error) => tracing::error!(guest = self.owner.name, device, %error, "a filter stays bound"),
        }
    }

    fn forget(&self, change: impl FnOnce(&mut Held)) {
        if let Err(error) = Held::change(&self.note, change) {
            tracing::error!(guest = self.owner.name, %error, "a note of what the guest holds is not up to date");
        }
    }
}

/// The device that was made for a card and outlives QEMU.
fn own_link(card: &Interface) -> Option<&str> {
    device_of(card).filter(|_| matches!(card.connection(), InterfaceSource::Direct { .. }))
}

/// The device on the host behind a card.
fn device_of(card: &Interface) -> Option<&str> {
    card.target.as_ref()?.dev.as_deref()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Mutex;

    use oxivirt_conf::domain::ParseFlags;
    use oxivirt_conf::domain::SecretRef;
    use oxivirt_conf::domain::devices::Device;
    use oxivirt_conf::network_port::{NetworkPort, Plug};
    use oxivirt_conf::nwfilter_binding::NwFilterBinding;
    use oxivirt_core::Error;
    use oxivirt_core::types::DhcpLease;

    use super::*;
    use crate::neighbours::{Nobody, Value, Volume};

    /// A network driver that keeps its ports in memory, or fails in one way.
    #[derive(Debug, Default)]
    struct Network {
        ports: Mutex<Vec<(String, Uuid, bool)>>,
        fails: Mutex<Option<ErrorCode>>,
    }

    impl Network {
        fn fail(&self) -> Result<()> {
            self.fails.lock().unwrap().map_or(Ok(()), |code| Err(Error::new(code, "told to fail")))
        }
    }

    impl Neighbours for Network {
        fn make_port(&self, network: &str, port: &NetworkPort, again: bool) -> Result<NetworkPort> {
            self.fail()?;
            self.ports.lock().unwrap().push((network.to_owned(), port.uuid, again));
            let own = Plug::Network { bridge: "virbr0".to_owned(), mac_table_manager: None };
            Ok(NetworkPort { plug: port.plug.clone().or(Some(own)), ..port.clone() })
        }

        fn remove_port(&self, network: &str, port: Uuid) -> Result<()> {
            self.fail()?;
            self.ports.lock().unwrap().retain(|(net, uuid, _)| (net.as_str(), *uuid) != (network, port));
            Ok(())
        }

        fn address(&self, network: &str) -> Result<String> {
            Nobody.address(network)
        }

        fn leases(&self, network: &str, mac: &str) -> Result<Vec<DhcpLease>> {
            Nobody.leases(network, mac)
        }

        fn volume(&self, pool: &str, volume: &str) -> Result<Volume> {
            Nobody.volume(pool, volume)
        }

        fn secret(&self, secret: &SecretRef) -> Result<Value> {
            Nobody.secret(secret)
        }

        fn bind_filter(&self, binding: &NwFilterBinding) -> Result<()> {
            Nobody.bind_filter(binding)
        }

        fn unbind_filter(&self, device: &str) -> Result<()> {
            Nobody.unbind_filter(device)
        }
    }

    struct Bench {
        network: Arc<Network>,
        folder: tempfile::TempDir,
        domain: DomainDefinition,
    }

    impl Bench {
        fn new() -> Self {
            let domain = DomainDefinition { name: "web".to_owned(), ..DomainDefinition::default() };
            Self { network: Arc::default(), folder: tempfile::tempdir().unwrap(), domain }
        }

        fn borrower(&self) -> Borrower {
            Borrower::new(self.network.clone(), self.folder.path(), &self.domain)
        }

        fn held(&self) -> Held {
            Held::read(&held::path(self.folder.path(), "web")).unwrap()
        }

        fn ports(&self) -> usize {
            self.network.ports.lock().unwrap().len()
        }

        fn fails(&self, code: Option<ErrorCode>) {
            *self.network.fails.lock().unwrap() = code;
        }
    }

    fn card() -> Interface {
        let xml = "<interface type='network'><mac address='52:54:00:00:00:01'/><source network='lan'/></interface>";
        match Device::parse(xml, ParseFlags::INACTIVE).unwrap() {
            Device::Interface(card) => *card,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_port_is_noted_connected_told_again_and_given_back() {
        let mut bench = Bench::new();
        let (borrower, mut card) = (bench.borrower(), card());
        borrower.connect(&mut card).unwrap();
        assert_eq!((bench.ports(), bench.held().ports.len()), (1, 1));
        assert!(matches!(card.connection(), InterfaceSource::Bridge { bridge, .. } if bridge == "virbr0"));
        let (network, port) = ports::port_of(&card).unwrap();
        assert!(bench.held().ports.contains(&(network.to_owned(), port.to_string())));

        borrower.reclaim(&card).unwrap();
        assert_eq!(bench.network.ports.lock().unwrap().last().unwrap(), &("lan".to_owned(), port, true));
        // What belongs to a card that is there stays.
        bench.domain.devices.interfaces.push(card.clone());
        borrower.settle(&bench.domain);
        assert_eq!(bench.held().ports.len(), 1);
        borrower.give_back_all(&bench.domain);
        assert!(bench.held().is_empty() && bench.ports() == 0);
    }

    #[test]
    fn what_may_have_been_made_stays_noted_until_it_is_gone() {
        let bench = Bench::new();
        let borrower = bench.borrower();
        for (code, noted) in [
            (ErrorCode::NO_CONNECT, 0),
            // The other driver cannot remove it either.
            (ErrorCode::INTERNAL_ERROR, 1),
            (ErrorCode::OPERATION_TIMEOUT, 2),
        ] {
            bench.fails(Some(code));
            assert_eq!(borrower.connect(&mut card()).unwrap_err().code(), code);
            assert_eq!(bench.held().ports.len(), noted, "{code:?}");
        }
        borrower.give_back_all(&bench.domain);
        assert_eq!(bench.held().ports.len(), 2, "the driver still fails");
        bench.fails(None);
        borrower.give_back_all(&bench.domain);
        assert!(bench.held().is_empty());
    }

    #[test]
    fn a_link_is_noted_only_while_it_is_there() {
        let bench = Bench::new();
        let borrower = bench.borrower();
        let name = "oxi-none0";
        assert!(!borrower.make_link(name, || Ok(false)).unwrap());
        borrower.make_link(name, || Err(Error::internal("told to fail"))).unwrap_err();
        assert!(bench.held().is_empty());
        assert!(borrower.make_link(name, || Ok(true)).unwrap());
        assert!(bench.held().links.contains(name));
    }
}
