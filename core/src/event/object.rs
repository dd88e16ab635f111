//! Events about networks, storage pools, host devices and secrets, and those
//! of QEMU's monitor.

use abi_stable::std_types::ROption;

use super::{Event, EventDescription, EventKind, Owned};
use crate::Result;
use crate::constants::{
    NetworkEventId, NetworkEventType, NetworkMetadataType, NodeDeviceEventId, NodeDeviceEventType, SecretEventId,
    SecretEventType, StoragePoolEventId, StoragePoolEventType,
};
use crate::types::{Domain, Network, NodeDevice, Secret, StoragePool};
use crate::wire::message::Program;
use crate::wire::xdr::{Writer, Xdr};

macro_rules! object_events {
    ($( $(#[$meta:meta])* $make:ident = $kind:ident $id:expr, $program:ident, $name:literal, $callback:literal,
        ($object:ident: &$class:ty $(, $field:ident: $type:ty)*); )*) => {
        impl Event { $(
            $(#[$meta])*
            pub fn $make($object: &$class $(, $field: $type)*) -> Result<Self> {
                let mut out = Writer::new();
                $object.encode(&mut out)?;
                $( Owned::put(&$field, &mut out)?; )*
                let domain = object_events!(@domain $kind $object);
                Ok(Self { kind: EventKind::$kind, id: $id, domain, body: out.into_bytes().into() })
            }
        )* }

        /// Every event about something else than a domain's life.
        pub(super) static EVENTS: &[EventDescription] = &[ $(
            EventDescription {
                kind: EventKind::$kind,
                id: $id,
                name: $name,
                program: Program::$program,
                callback: $callback,
                plain: None,
                reason_first: false,
                body: || vec![<$class>::shape() $(, <$type as Owned>::Wire::shape())*],
            },
        )* ];
    };
    (@domain QEMU_MONITOR $object:ident) => { ROption::RSome($object.clone()) };
    (@domain $kind:ident $object:ident) => { ROption::RNone };
}

object_events! {
    /// Something happened in the life of a network.
    network_lifecycle = NETWORK NetworkEventId::LIFECYCLE.0, REMOTE, "network_event_lifecycle", 315,
        (network: &Network, event: NetworkEventType, detail: i32);
    /// Title, description or metadata of a network changed.
    network_metadata_change = NETWORK NetworkEventId::METADATA_CHANGE.0, REMOTE,
        "network_event_callback_metadata_change", 446,
        (network: &Network, r#type: NetworkMetadataType, nsuri: Option<&str>);
    /// Something happened in the life of a storage pool.
    storage_pool_lifecycle = STORAGE_POOL StoragePoolEventId::LIFECYCLE.0, REMOTE, "storage_pool_event_lifecycle", 370,
        (pool: &StoragePool, event: StoragePoolEventType, detail: i32);
    /// The volumes of a pool were looked at again.
    storage_pool_refresh = STORAGE_POOL StoragePoolEventId::REFRESH.0, REMOTE, "storage_pool_event_refresh", 373,
        (pool: &StoragePool);
    /// Something happened in the life of a host device.
    node_device_lifecycle = NODE_DEVICE NodeDeviceEventId::LIFECYCLE.0, REMOTE, "node_device_event_lifecycle", 376,
        (device: &NodeDevice, event: NodeDeviceEventType, detail: i32);
    /// What is known of a host device changed.
    node_device_update = NODE_DEVICE NodeDeviceEventId::UPDATE.0, REMOTE, "node_device_event_update", 377,
        (device: &NodeDevice);
    /// Something happened in the life of a secret.
    secret_lifecycle = SECRET SecretEventId::LIFECYCLE.0, REMOTE, "secret_event_lifecycle", 382,
        (secret: &Secret, event: SecretEventType, detail: i32);
    /// The value of a secret was set.
    secret_value_changed = SECRET SecretEventId::VALUE_CHANGED.0, REMOTE, "secret_event_value_changed", 383,
        (secret: &Secret);
    /// QEMU's monitor said something; `details` is JSON.
    qemu_monitor = QEMU_MONITOR 0, QEMU, "domain_monitor_event", 6,
        (domain: &Domain, event: &str, seconds: i64, micros: u32, details: Option<&str>);
}
