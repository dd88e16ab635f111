//! A client as a driver's connection: the tables that make one of it.

use abi_stable::prefix_type::WithMetadata;

use super::{Client, Link};
use crate::interface::{Interfaces, InterfacesRef, Provides};

macro_rules! tables {
    ($($interface:ident),* $(,)?) => {
        const TABLES: &WithMetadata<Interfaces> = &WithMetadata::new(Interfaces {
            $( $interface: Some(<Client<Link> as Provides<_>>::TABLE), )*
            ..Interfaces::NONE
        });
    };
}

tables!(
    connect,
    node,
    domain_lifecycle,
    domain_listing,
    domain_information,
    domain_config,
    domain_metadata,
    domain_console,
    domain_guest,
    cpu_models,
    domain_devices,
    domain_block,
    domain_snapshots,
    domain_checkpoints,
    domain_backup,
    domain_migration,
    domain_save,
    domain_jobs,
    domain_stats,
    networks,
    network_ports,
    storage_pools,
    storage_volumes,
    secrets,
    node_devices,
    host_interfaces,
    nw_filters,
    qemu_monitor,
    lxc_namespace,
    features,
);

/// Every interface of a client; what the server lacks, it says itself.
pub const CLIENT_TABLES: InterfacesRef = InterfacesRef(TABLES.static_as_prefix());
