//! The other drivers of this daemon.

use std::time::Duration;

use oxivirt_conf::domain::{SecretLookup, SecretRef};
use oxivirt_conf::network_port::NetworkPort;
use oxivirt_conf::nwfilter_binding::NwFilterBinding;
use oxivirt_conf::storage_pool::PoolDefinition;
use oxivirt_conf::storage_volume::VolumeType;
use oxivirt_core::constants::{NetworkPortCreateFlags, NwFilterBindingCreateFlags, SecretUsageType, StorageXmlFlags};
use oxivirt_core::interface::{NetworkPorts, Networks, NwFilters, Secrets, StoragePools, StorageVolumes};
use oxivirt_core::neighbour::Neighbour;
use oxivirt_core::types::{self, DhcpLease};
use oxivirt_core::{Call, Connection, Error, ErrorCode, Host, Result};
use uuid::Uuid;

use super::{Neighbours, Value, Volume};
use crate::sys;

/// The drivers behind `network:///system`, `storage:///system` and so on.
#[derive(Debug)]
pub struct OtherDrivers {
    network: Neighbour,
    storage: Neighbour,
    secret: Neighbour,
    filter: Neighbour,
}

impl OtherDrivers {
    /// Those that a daemon has or will have.
    pub fn new(host: Host) -> Self {
        let of = |scheme| Neighbour::new(host, scheme);
        Self { network: of("network"), storage: of("storage"), secret: of("secret"), filter: of("nwfilter") }
    }

    fn ask_network<T: Send + 'static>(
        &self,
        what: &'static str,
        network: &str,
        body: impl FnOnce(&Connection, &Call, &types::Network) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let name = network.to_owned();
        self.network.ask(what, LIMIT, move |connection, call| {
            let network = connection.network_lookup_by_name(call, &name)?;
            body(connection, call, &network)
        })
    }
}

impl Neighbours for OtherDrivers {
    fn make_port(&self, network: &str, port: &NetworkPort, again: bool) -> Result<NetworkPort> {
        let (xml, uuid) = (port.format(), types::Uuid(port.uuid.into_bytes()));
        let flags = if again { NetworkPortCreateFlags::RECLAIM } else { NetworkPortCreateFlags::EMPTY };
        let text = self.ask_network("network_port_create_xml", network, move |connection, call, network| {
            let known = if again { connection.network_port_lookup_by_uuid(call, network, &uuid).ok() } else { None };
            let port = match known {
                Some(port) => port,
                None => connection.network_port_create_xml(call, network, &xml, flags)?,
            };
            connection.network_port_get_xml_desc(call, &port, 0)
        })?;
        NetworkPort::parse(&text)
    }

    fn remove_port(&self, network: &str, port: Uuid) -> Result<()> {
        let uuid = types::Uuid(port.into_bytes());
        let removed = self.ask_network("network_port_delete", network, move |connection, call, network| {
            let port = connection.network_port_lookup_by_uuid(call, network, &uuid)?;
            connection.network_port_delete(call, &port, 0)
        });
        fine_if_gone(removed, &[ErrorCode::NO_NETWORK, ErrorCode::NO_NETWORK_PORT])
    }

    fn address(&self, network: &str) -> Result<String> {
        let bridge = self.ask_network("network_get_bridge_name", network, |connection, call, network| {
            connection.network_get_bridge_name(call, network)
        })?;
        sys::address_of(&bridge)?.map(|address| address.to_string()).ok_or_else(|| {
            Error::new(ErrorCode::XML_ERROR, format!("network '{network}': interface '{bridge}' has no address"))
        })
    }

    fn leases(&self, network: &str, mac: &str) -> Result<Vec<DhcpLease>> {
        let mac = mac.to_owned();
        self.ask_network("network_get_dhcp_leases", network, move |connection, call, network| {
            let leases = connection.network_get_dhcp_leases(call, network, Some(&mac), true, 0)?;
            Ok(leases.items.iter().cloned().collect())
        })
    }

    fn volume(&self, pool: &str, volume: &str) -> Result<Volume> {
        let (pool, volume) = (pool.to_owned(), volume.to_owned());
        let (text, kind, path) = self.storage.ask("storage_vol_lookup_by_name", LIMIT, move |connection, call| {
            let found = connection.storage_pool_lookup_by_name(call, &pool)?;
            if !connection.storage_pool_is_active(call, &found)? {
                return Err(Error::config_unsupported(format!(
                    "storage pool '{pool}' containing volume '{volume}' is not active"
                )));
            }
            let volume = connection.storage_vol_lookup_by_name(call, &found, &volume)?;
            let kind = connection.storage_vol_get_info(call, &volume)?.r#type;
            let text = connection.storage_pool_get_xml_desc(call, &found, StorageXmlFlags::EMPTY)?;
            Ok((text, kind, connection.storage_vol_get_path(call, &volume)?))
        })?;
        let kind = match kind {
            0 => VolumeType::File,
            1 => VolumeType::Block,
            2 => VolumeType::Dir,
            3 => VolumeType::Network,
            4 => VolumeType::NetDir,
            5 => VolumeType::Ploop,
            other => {
                return Err(Error::internal(format!("the storage driver has a volume of the unknown type {other}")));
            }
        };
        Ok(Volume { pool: PoolDefinition::parse(&text)?, kind, path })
    }

    fn secret(&self, secret: &SecretRef) -> Result<Value> {
        let wanted = secret.clone();
        self.secret.ask("secret_get_value", LIMIT, move |connection, call| {
            let found = match &wanted.lookup {
                SecretLookup::Uuid(uuid) => connection.secret_lookup_by_uuid(call, &types::Uuid(uuid.into_bytes()))?,
                SecretLookup::Usage(usage) => {
                    connection.secret_lookup_by_usage(call, usage_type(wanted.kind.as_deref()), usage)?
                }
            };
            Ok(Value::new(connection.secret_get_value(call, &found, 0)?.to_vec()))
        })
    }

    fn bind_filter(&self, binding: &NwFilterBinding) -> Result<()> {
        let xml = binding.format();
        self.filter.ask("nwfilter_binding_create_xml", LIMIT, move |connection, call| {
            connection.nwfilter_binding_create_xml(call, &xml, NwFilterBindingCreateFlags::EMPTY).map(drop)
        })
    }

    fn unbind_filter(&self, device: &str) -> Result<()> {
        let device = device.to_owned();
        let removed = self.filter.ask("nwfilter_binding_delete", LIMIT, move |connection, call| {
            let binding = connection.nwfilter_binding_lookup_by_port_dev(call, &device)?;
            connection.nwfilter_binding_delete(call, &binding)
        });
        fine_if_gone(removed, &[ErrorCode::NO_NWFILTER_BINDING])
    }
}

fn fine_if_gone(removed: Result<()>, gone: &[ErrorCode]) -> Result<()> {
    match removed {
        Err(error) if gone.contains(&error.code()) => Ok(()),
        removed => removed,
    }
}

/// What secrets of a kind are kept for.
fn usage_type(kind: Option<&str>) -> SecretUsageType {
    match kind {
        Some("ceph") => SecretUsageType::CEPH,
        Some("tls") => SecretUsageType::TLS,
        Some("vtpm") => SecretUsageType::VTPM,
        Some("passphrase" | "volume") => SecretUsageType::VOLUME,
        _ => SecretUsageType::ISCSI,
    }
}

/// How long another driver may take for one question.
const LIMIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_looked_up_by_what_they_are_for() {
        for (kind, usage) in [
            (Some("ceph"), SecretUsageType::CEPH),
            (Some("iscsi"), SecretUsageType::ISCSI),
            (Some("passphrase"), SecretUsageType::VOLUME),
            (Some("tls"), SecretUsageType::TLS),
            (Some("vtpm"), SecretUsageType::VTPM),
            (None, SecretUsageType::ISCSI),
        ] {
            assert_eq!(usage_type(kind), usage, "{kind:?}");
        }
    }
}
