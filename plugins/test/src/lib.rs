#![doc = include_str!("../README.md")]
//!
//! # Where to start
//! [`driver`] opens connections, `state` is what they share, `calls` has one
//! file per interface, `definition` is what this driver makes of a domain
//! document, `node` the host it pretends to be, `node_file` the `<node>` file.
//! `networks`, `interfaces`, `node_devices` and `storage` are the other things
//! on that host.

mod addresses;
mod calls;
mod defaults;
mod definition;
mod directory;
mod driver;
mod error;
mod interfaces;
mod keys;
mod networks;
mod node;
mod node_devices;
mod node_file;
mod revert;
mod saved;
mod schema;
mod state;
mod storage;

pub use driver::{TestConnection, TestDriver};

oxivirt_core::plugin! {
    name: "test",
    description: "In-memory hypervisor for tests",
    drivers: [
        TestDriver {
            kind: HYPERVISOR,
            name: "TEST",
            schemes: ["test"],
            wants: [],
            interfaces: [
                connect,
                node,
                domain_lifecycle,
                domain_listing,
                domain_information,
                domain_config,
                domain_metadata,
                domain_guest,
                cpu_models,
                domain_save,
                domain_snapshots,
                domain_checkpoints,
                domain_stats,
                domain_block,
                domain_devices,
                domain_console,
                networks,
                host_interfaces,
                node_devices,
                storage_pools,
                storage_volumes,
            ],
        },
    ],
}
