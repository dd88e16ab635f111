//! Other drivers, as the corpus describes what they keep.
//!
//! A network is called `NETWORK;PORT`: after a document of networks, and after
//! one of ports that says what cards on it are plugged into. A pool is called
//! after a document of pools; of its volumes, `KIND+NAME` has that kind, any
//! other is a block device.

use std::fs;
use std::path::Path;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::SecretRef;
use oxivirt_conf::domain::devices::Listen;
use oxivirt_conf::network::{NetworkDefinition, NoHooks, ParseFlags};
use oxivirt_conf::network_port::{NetworkPort, PortOwner};
use oxivirt_conf::nwfilter_binding::NwFilterBinding;
use oxivirt_conf::storage_pool::PoolDefinition;
use oxivirt_conf::storage_volume::VolumeType;
use oxivirt_core::types::DhcpLease;
use oxivirt_core::{Error, Result};
use oxivirt_driver_qemu::neighbours::{Neighbours, Value, Volume, ports, volumes};
use uuid::Uuid;

#[derive(Debug)]
pub(crate) struct Described<'c>(pub(crate) &'c Path);

impl Described<'_> {
    fn document(&self, folder: &str, name: &str) -> Result<String> {
        let path = self.0.join(folder).join(format!("{name}.xml"));
        fs::read_to_string(&path).map_err(|e| Error::system(format_args!("'{}'", path.display()), &e))
    }

    /// Asks for everything that a start asks for.
    pub(crate) fn settle(&self, live: &mut DomainDefinition) -> Result<()> {
        volumes::settle(live, self, &|_| Ok(()))?;
        let owner = PortOwner { name: live.name.clone(), uuid: live.uuid };
        for card in &mut live.devices.interfaces {
            if let Some((network, port)) = ports::wanted(&owner, card)? {
                ports::connect(card, self.make_port(&network, &port, false)?)?;
            }
        }
        for listen in live.devices.graphics.iter_mut().flat_map(|graphics| &mut graphics.listens) {
            if let Listen::Network { network, address } = listen {
                *address = Some(self.address(network)?);
            }
        }
        Ok(())
    }
}

impl Neighbours for Described<'_> {
    fn make_port(&self, network: &str, port: &NetworkPort, _: bool) -> Result<NetworkPort> {
        let (_, name) = network.split_once(';').ok_or_else(|| Error::internal("a network without a port"))?;
        let described = NetworkPort::parse(&self.document("networkport", name)?)?;
        Ok(NetworkPort { uuid: port.uuid, owner: port.owner.clone(), mac: port.mac, ..described })
    }

    fn remove_port(&self, _: &str, _: Uuid) -> Result<()> {
        Ok(())
    }

    fn address(&self, network: &str) -> Result<String> {
        let name = network.split_once(';').map_or(network, |(name, _)| name);
        let described = NetworkDefinition::parse(&self.document("network/out", name)?, ParseFlags::INACTIVE, &NoHooks)?;
        let first = described.ips.first().map(|ip| ip.address);
        first.map(|ip| ip.to_string()).ok_or_else(|| Error::internal("a network without an address"))
    }

    fn leases(&self, _: &str, _: &str) -> Result<Vec<DhcpLease>> {
        Ok(Vec::new())
    }

    fn volume(&self, pool: &str, volume: &str) -> Result<Volume> {
        let (kind, name) = volume.split_once('+').unwrap_or(("block", volume));
        let path = format!("/some/{kind}/device/{name}");
        let kind =
            VolumeType::from_word(kind).ok_or_else(|| Error::internal(format!("no such volume as '{volume}'")))?;
        Ok(Volume { pool: PoolDefinition::parse(&self.document("storagepool/out", pool)?)?, kind, path })
    }

    fn secret(&self, _: &SecretRef) -> Result<Value> {
        Err(Error::internal("secrets are handed over by the host of the command line"))
    }

    fn bind_filter(&self, _: &NwFilterBinding) -> Result<()> {
        Ok(())
    }

    fn unbind_filter(&self, _: &str) -> Result<()> {
        Ok(())
    }
}
