//! Ports of virtual networks.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::NetworkPortCreateFlags;
use crate::types::{Counted, List, Network, NetworkPort, TypedParam, Uuid, limit};

/// Ports: places in a network that a guest's card is plugged into. `NO_NETWORK_PORT` when the named one is gone.
#[interface]
pub trait NetworkPorts {
    /// The ports of a network, or only their number.
    #[rpc(404, acl = ["network:search_ports"], filter = ["network_port:getattr"], high)]
    fn network_list_all_ports(
        &self,
        call: &Call,
        network: &Network,
        need_results: bool,
        flags: u32,
    ) -> Result<Counted<List<NetworkPort, { limit::LIST }>>>;

    /// Finds a port.
    #[rpc(405, acl = ["network_port:getattr"], high)]
    fn network_port_lookup_by_uuid(&self, call: &Call, network: &Network, uuid: &Uuid) -> Result<NetworkPort>;

    /// Makes a port as the `<networkport>` document says.
    #[rpc(406, acl = ["network_port:create"], write)]
    fn network_port_create_xml(
        &self,
        call: &Call,
        network: &Network,
        xml: &str,
        flags: NetworkPortCreateFlags,
    ) -> Result<NetworkPort>;

    /// Bandwidth of a port, in kB/s.
    ///
    /// * `nparams` 0 asks for their number only.
    #[rpc(407, acl = ["network_port:read"])]
    fn network_port_get_parameters(
        &self,
        call: &Call,
        port: &NetworkPort,
        nparams: i32,
        flags: u32,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>>;

    /// Sets the bandwidth of a port, in kB/s.
    #[rpc(408, acl = ["network_port:write"], write)]
    fn network_port_set_parameters(
        &self,
        call: &Call,
        port: &NetworkPort,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: u32,
    ) -> Result<()>;

    /// The port as a document.
    #[rpc(409, acl = ["network_port:read"])]
    fn network_port_get_xml_desc(&self, call: &Call, port: &NetworkPort, flags: u32) -> Result<String>;

    /// Removes a port.
    #[rpc(410, acl = ["network_port:delete"], write)]
    fn network_port_delete(&self, call: &Call, port: &NetworkPort, flags: u32) -> Result<()>;
}
