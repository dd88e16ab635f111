//! Asking for events: answered by the daemon for every driver.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{
    DomainEventId, NetworkEventId, NodeDeviceEventId, QemuMonitorEventRegisterFlags, SecretEventId, StoragePoolEventId,
};
use crate::types::{Domain, Network, NodeDevice, Secret, StoragePool};

/// Asking for events: answered by the daemon, which delivers what drivers emit.
///
/// Any number of callbacks may be registered, each with its own id, also for the
/// same event; a callback may be limited to one domain.
#[interface(local)]
pub trait Events {
    /// Wants life-cycle events in the oldest form; returns the number of callbacks.
    #[rpc(105, acl = ["connect:search_domains"], filter = ["domain:getattr"], high)]
    fn connect_domain_event_register(&self, call: &Call) -> Result<i32>;

    /// No longer wants them; returns the number of callbacks left.
    #[rpc(106, acl = ["connect:read"], high)]
    fn connect_domain_event_deregister(&self, call: &Call) -> Result<i32>;

    /// Wants one kind of event, of all domains, without a callback id.
    #[rpc(167, acl = ["connect:search_domains"], filter = ["domain:getattr"], high)]
    fn connect_domain_event_register_any(&self, call: &Call, event_id: DomainEventId) -> Result<()>;

    /// No longer wants one kind of event.
    #[rpc(168, acl = ["connect:read"], high)]
    fn connect_domain_event_deregister_any(&self, call: &Call, event_id: DomainEventId) -> Result<()>;

    /// Wants one kind of event, of all domains or of one.
    ///
    /// * Returns the callback id that comes with each event.
    /// * Errors: `INVALID_ARG` for an unknown kind.
    #[rpc(316, acl = ["connect:search_domains"], filter = ["domain:getattr"], high)]
    fn connect_domain_event_callback_register_any(
        &self,
        call: &Call,
        event_id: DomainEventId,
        dom: Option<&Domain>,
    ) -> Result<i32>;

    /// No longer wants the events of one callback.
    ///
    /// * Errors: `INVALID_ARG` for an unknown id.
    #[rpc(317, acl = ["connect:read"], high)]
    fn connect_domain_event_callback_deregister_any(&self, call: &Call, callback_id: i32) -> Result<()>;

    /// Asks for one kind of network event, of one network or of all; returns the callback id.
    #[rpc(313, acl = ["connect:search_networks"], filter = ["network:getattr"], high)]
    fn connect_network_event_register_any(
        &self,
        call: &Call,
        event_id: NetworkEventId,
        net: Option<&Network>,
    ) -> Result<i32>;

    /// Takes one callback back.
    #[rpc(314, acl = ["connect:read"], high)]
    fn connect_network_event_deregister_any(&self, call: &Call, callback_id: i32) -> Result<()>;

    /// Asks for one kind of storage pool event, of one pool or of all; returns the callback id.
    #[rpc(368, acl = ["connect:search_storage_pools"], filter = ["storage_pool:getattr"], high)]
    fn connect_storage_pool_event_register_any(
        &self,
        call: &Call,
        event_id: StoragePoolEventId,
        pool: Option<&StoragePool>,
    ) -> Result<i32>;

    /// Takes one callback back.
    #[rpc(369, acl = ["connect:read"], high)]
    fn connect_storage_pool_event_deregister_any(&self, call: &Call, callback_id: i32) -> Result<()>;

    /// Asks for one kind of node device event, of one device or of all; returns the callback id.
    #[rpc(374, acl = ["connect:search_node_devices"], filter = ["node_device:getattr"], high)]
    fn connect_node_device_event_register_any(
        &self,
        call: &Call,
        event_id: NodeDeviceEventId,
        dev: Option<&NodeDevice>,
    ) -> Result<i32>;

    /// Takes one callback back.
    #[rpc(375, acl = ["connect:read"], high)]
    fn connect_node_device_event_deregister_any(&self, call: &Call, callback_id: i32) -> Result<()>;

    /// Asks for one kind of secret event, of one secret or of all; returns the callback id.
    #[rpc(380, acl = ["connect:search_secrets"], filter = ["secret:getattr"], high)]
    fn connect_secret_event_register_any(
        &self,
        call: &Call,
        event_id: SecretEventId,
        secret: Option<&Secret>,
    ) -> Result<i32>;

    /// Takes one callback back.
    #[rpc(381, acl = ["connect:read"], high)]
    fn connect_secret_event_deregister_any(&self, call: &Call, callback_id: i32) -> Result<()>;

    /// Asks for events of QEMU's monitor by name, by pattern or all, of one domain or of all; returns
    /// the callback id.
    #[rpc(4, program = QEMU, acl = ["connect:search_domains", "connect:write"], filter = ["domain:getattr"], high, write)]
    fn connect_domain_monitor_event_register(
        &self,
        call: &Call,
        dom: Option<&Domain>,
        event: Option<&str>,
        flags: QemuMonitorEventRegisterFlags,
    ) -> Result<i32>;

    /// Takes one callback back.
    #[rpc(5, program = QEMU, acl = ["connect:write"], high, write)]
    fn connect_domain_monitor_event_deregister(&self, call: &Call, callback_id: i32) -> Result<()>;
}
