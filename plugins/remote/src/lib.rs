#![doc = include_str!("../README.md")]
//!
//! # Where to start
//! `driver` decides who may open what, `uri` takes a URI apart, `parameters`
//! knows what each of its parameters may be, `defaults` reads `libvirt.conf`,
//! `transport` has one file per transport, `sasl` proves who we are. `helper`
//! is the other end of a connection through ssh.

mod connection;
mod defaults;
mod driver;
pub mod helper;
mod parameters;
mod sasl;
mod secrets;
mod transport;
mod uri;

pub use connection::{Carrier, Places, connect};
pub use driver::RemoteDriver;
pub use parameters::{HostKeys, Mode, Parameters, Proof, Proxy};
pub use uri::{RemoteUri, TransportKind};

oxivirt_core::plugin! {
    name: "remote",
    description: "Hands calls to another daemon",
    drivers: [
        RemoteDriver {
            kind: REMOTE,
            name: "remote",
            schemes: ["+unix", "+tcp", "+tls", "+ssh", "+libssh", "+libssh2", "+ext"],
            wants: [],
            interfaces: [
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
            ],
        },
    ],
}
