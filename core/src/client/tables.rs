//! A client as a driver's connection: the tables that make one of it.

use abi_stable::prefix_type::WithMetadata;

use super::{Client, Link, Transport};
use crate::interface::{Interfaces, InterfacesRef, Provides};

macro_rules! tables {
    ($($interface:ident),* $(,)?) => {
        impl<T: Transport + 'static> Client<T> {
            /// Every interface over any transport; what the server lacks, it says itself.
            pub const TABLES: InterfacesRef = InterfacesRef(WithMetadata::static_as_prefix(Self::WITH_METADATA));
            const WITH_METADATA: &'static WithMetadata<Interfaces> = &WithMetadata::new(Interfaces {
                $( $interface: Some(<Self as Provides<_>>::TABLE), )*
                ..Interfaces::NONE
            });
        }
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

/// Every interface of a client over a socket, see [`Client::TABLES`].
pub const CLIENT_TABLES: InterfacesRef = <Client<Link>>::TABLES;
