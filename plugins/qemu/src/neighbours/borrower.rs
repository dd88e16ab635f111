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
