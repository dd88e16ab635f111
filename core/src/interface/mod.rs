//! What a driver can do: the one description of every call.
//!
//! Each subject is one trait in one file. From it the `#[interface]` macro
//! derives
//! - the trait itself, every method answering "not supported" by default;
//! - a vtable of optional slots that crosses the plugin boundary, the shims
//!   that turn an implementor into it and catch panics, and the same trait on
//!   the host's [`Connection`];
//! - `CALLS`, the table of wire numbers, types, limits and access rules;
//! - `dispatch`, which decodes, calls and encodes for a server;
//! - the same trait on [`Client`](crate::client::Client) for the other end, and
//!   the vtable with which a client serves as a driver's connection.
//!
//! Adding a call is adding one method at the **end** of its trait: slots are
//! found by position, and an older plugin simply ends earlier.
//!
//! The `#[rpc(number, ..)]` line holds the facts of the wire: `high` priority,
//! the access rules `acl` and `filter`, `write` for calls that a read-only
//! client may never make, `stream = read|write` for calls with a stream.
//! Arguments are `&str`, `Option<&str>`, `&T`, `Option<&T>` or `T` for any `T`
//! that is both `StableAbi` and [`Xdr`](crate::wire::xdr::Xdr).
//!
//! UNSAFETY: the tables hold functions of plugins; each is only called with
//! the object that it was handed over with.
#![allow(unsafe_code)]

mod describe;

pub mod admin;
pub mod connect;
pub mod cpu_models;
pub mod domain_backup;
pub mod domain_block;
pub mod domain_checkpoints;
pub mod domain_config;
pub mod domain_console;
pub mod domain_devices;
pub mod domain_guest;
pub mod domain_information;
pub mod domain_jobs;
pub mod domain_lifecycle;
pub mod domain_listing;
pub mod domain_metadata;
pub mod domain_migration;
pub mod domain_save;
pub mod domain_snapshots;
pub mod domain_stats;
pub mod events;
pub mod features;
pub mod host_interfaces;
pub mod lxc_namespace;
pub mod network_ports;
pub mod networks;
pub mod node;
pub mod node_devices;
pub mod nw_filters;
pub mod qemu_monitor;
pub mod secrets;
pub mod session;
pub mod storage_pools;
pub mod storage_volumes;

use abi_stable::StableAbi;

use crate::Result;
use crate::call::Call;
use crate::connection::Connection;
use crate::wire::message::Program;
use crate::wire::xdr::{Reader, Writer};

pub use admin::Admin;
pub use connect::Connect;
pub use cpu_models::CpuModels;
pub use describe::{CallDescription, Priority, StreamDirection, not_supported, public_name};
pub use domain_backup::DomainBackup;
pub use domain_block::DomainBlock;
pub use domain_checkpoints::DomainCheckpoints;
pub use domain_config::DomainConfig;
pub use domain_console::DomainConsole;
pub use domain_devices::DomainDevices;
pub use domain_guest::DomainGuest;
pub use domain_information::DomainInformation;
pub use domain_jobs::DomainJobs;
pub use domain_lifecycle::DomainLifecycle;
pub use domain_listing::DomainListing;
pub use domain_metadata::DomainMetadata;
pub use domain_migration::DomainMigration;
pub use domain_save::DomainSave;
pub use domain_snapshots::DomainSnapshots;
pub use domain_stats::DomainStats;
pub use events::Events;
pub use features::Features;
pub use host_interfaces::HostInterfaces;
pub use lxc_namespace::LxcNamespace;
pub use network_ports::NetworkPorts;
pub use networks::Networks;
pub use node::Node;
pub use node_devices::NodeDevices;
pub use nw_filters::NwFilters;
pub use oxivirt_macros::implements;
pub use qemu_monitor::QemuMonitor;
pub use secrets::Secrets;
pub use session::Session;
pub use storage_pools::StoragePools;
pub use storage_volumes::StorageVolumes;

/// A vtable of any interface.
pub trait Vtable {
    /// One bit per method that never blocks.
    fn quick(&self) -> u64;
    /// Whether the driver has method `index`.
    fn supports(&self, index: usize) -> bool;
}

/// A type with a vtable; written by `#[implements]`.
pub trait Provides<T> {
    /// The vtable.
    const TABLE: T;
}

/// The contents of a vtable; written by `#[implements]`.
#[doc(hidden)]
pub trait Fill<T> {
    /// The contents.
    const FILLED: T;
}

/// A handle that may have a vtable of kind `T`.
#[doc(hidden)]
pub trait Has<T> {
    /// The vtable.
    fn table(&self) -> Option<T>;
}

/// One interface, as the host looks at it.
pub struct Interface {
    /// Name of the trait.
    pub name: &'static str,
    /// Its calls, in the order of the vtable.
    pub calls: &'static [CallDescription],
    /// Makes call `index` on a connection, from wire bytes to wire bytes.
    pub dispatch: fn(&Connection, usize, &Call, &mut Reader<'_>, &mut Writer) -> Result<()>,
    /// Whether a driver has call `index`.
    pub supports: fn(InterfacesRef, usize) -> bool,
    /// One bit per call of a driver that never blocks.
    pub quick: fn(InterfacesRef) -> u64,
}

macro_rules! interfaces {
    ($( $field:ident: $name:literal, $table:ident; )*) => {
        /// The tables of one driver, one optional slot per interface.
        #[doc(hidden)]
        #[allow(missing_docs)]
        #[repr(C)]
        #[derive(StableAbi)]
        #[sabi(kind(Prefix(prefix_ref = InterfacesRef)))]
        #[sabi(missing_field(option))]
        pub struct Interfaces {
            #[sabi(last_prefix_field)]
            pub reserved: usize,
            $( pub $field: Option<$field::$table>, )*
        }

        #[doc(hidden)]
        impl Interfaces {
            /// No interface at all.
            pub const NONE: Self = Self { reserved: 0, $( $field: None, )* };
        }

        $(
            impl Has<$field::$table> for Connection {
                fn table(&self) -> Option<$field::$table> {
                    self.interfaces().$field().flatten()
                }
            }
        )*

        /// Every interface that a driver may have.
        pub static INTERFACES: &[Interface] = &[ $(
            Interface {
                name: $name,
                calls: $field::CALLS,
                dispatch: |connection, index, call, input, out| {
                    $field::dispatch(connection, index, call, input, out)
                },
                supports: |tables, index| {
                    tables.$field().flatten().is_some_and(|table| table.supports(index))
                },
                quick: |tables| tables.$field().flatten().map_or(0, |table| Vtable::quick(&table)),
            },
        )* ];
    };
}

// New interfaces go at the end: a driver's tables are found by position.
interfaces! {
    connect: "Connect", ConnectVtableRef;
    node: "Node", NodeVtableRef;
    domain_lifecycle: "DomainLifecycle", DomainLifecycleVtableRef;
    domain_listing: "DomainListing", DomainListingVtableRef;
    domain_information: "DomainInformation", DomainInformationVtableRef;
    domain_config: "DomainConfig", DomainConfigVtableRef;
    domain_metadata: "DomainMetadata", DomainMetadataVtableRef;
    domain_console: "DomainConsole", DomainConsoleVtableRef;
    domain_guest: "DomainGuest", DomainGuestVtableRef;
    cpu_models: "CpuModels", CpuModelsVtableRef;
    domain_devices: "DomainDevices", DomainDevicesVtableRef;
    domain_block: "DomainBlock", DomainBlockVtableRef;
    domain_snapshots: "DomainSnapshots", DomainSnapshotsVtableRef;
    domain_checkpoints: "DomainCheckpoints", DomainCheckpointsVtableRef;
    domain_backup: "DomainBackup", DomainBackupVtableRef;
    domain_migration: "DomainMigration", DomainMigrationVtableRef;
    domain_save: "DomainSave", DomainSaveVtableRef;
    domain_jobs: "DomainJobs", DomainJobsVtableRef;
    domain_stats: "DomainStats", DomainStatsVtableRef;
    networks: "Networks", NetworksVtableRef;
    network_ports: "NetworkPorts", NetworkPortsVtableRef;
    storage_pools: "StoragePools", StoragePoolsVtableRef;
    storage_volumes: "StorageVolumes", StorageVolumesVtableRef;
    secrets: "Secrets", SecretsVtableRef;
    node_devices: "NodeDevices", NodeDevicesVtableRef;
    host_interfaces: "HostInterfaces", HostInterfacesVtableRef;
    nw_filters: "NwFilters", NwFiltersVtableRef;
    qemu_monitor: "QemuMonitor", QemuMonitorVtableRef;
    lxc_namespace: "LxcNamespace", LxcNamespaceVtableRef;
    features: "Features", FeaturesVtableRef;
}

/// Finds a call that drivers answer: its interface and its index there.
pub fn find(program: Program, number: i32) -> Option<(&'static Interface, usize)> {
    use std::collections::HashMap;
    use std::sync::LazyLock;
    static ROUTES: LazyLock<HashMap<(u32, i32), (usize, usize)>> = LazyLock::new(|| {
        let calls = INTERFACES.iter().enumerate().flat_map(|(interface, entry)| {
            entry.calls.iter().enumerate().map(move |(index, call)| ((call.program.0, call.number), (interface, index)))
        });
        calls.collect()
    });
    let (interface, index) = *ROUTES.get(&(program.0, number))?;
    Some((&INTERFACES[interface], index))
}

/// Every described call: those that drivers answer and those that the daemon
/// answers itself.
pub fn all_calls() -> impl Iterator<Item = &'static CallDescription> {
    let served = [session::CALLS, events::CALLS, admin::CALLS];
    INTERFACES.iter().map(|interface| interface.calls).chain(served).flatten()
}
