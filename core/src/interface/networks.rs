//! Virtual networks.

use oxivirt_macros::interface;

use crate::Result;
use crate::abi::RString;
use crate::call::Call;
use crate::constants::{
    ListNetworksFlags, NetworkCreateFlags, NetworkDefineFlags, NetworkMetadataType, NetworkUpdateCommand,
    NetworkUpdateFlags, NetworkUpdateSection, NetworkXmlFlags,
};
use crate::types::{Counted, DhcpLease, List, Network, Uuid, limit};

/// Virtual networks of the host. `NO_NETWORK` when the named one is gone.
#[interface]
pub trait Networks {
    /// Names of at most `maxnames` networks that are defined and not active.
    #[rpc(36, acl = ["connect:search_networks"], filter = ["network:getattr"], high)]
    fn connect_list_defined_networks(&self, call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>>;

    /// Names of at most `maxnames` active networks.
    #[rpc(38, acl = ["connect:search_networks"], filter = ["network:getattr"], high)]
    fn connect_list_networks(&self, call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>>;

    /// Starts a defined network.
    ///
    /// * Errors: `OPERATION_INVALID` when it is active.
    #[rpc(39, acl = ["network:start"], write)]
    fn network_create(&self, call: &Call, net: &Network) -> Result<()>;

    /// Starts a network that lives until it is stopped.
    #[rpc(40, acl = ["network:write", "network:start"], write)]
    fn network_create_xml(&self, call: &Call, xml: &str) -> Result<Network>;

    /// Defines a network, or changes the definition of one.
    #[rpc(41, acl = ["network:write", "network:save"], high, write)]
    fn network_define_xml(&self, call: &Call, xml: &str) -> Result<Network>;

    /// Stops a network.
    #[rpc(42, acl = ["network:stop"], high, write)]
    fn network_destroy(&self, call: &Call, net: &Network) -> Result<()>;

    /// The network as a document: as it runs, or as defined with `INACTIVE`.
    #[rpc(43, acl = ["network:read"], high)]
    fn network_get_xml_desc(&self, call: &Call, net: &Network, flags: NetworkXmlFlags) -> Result<String>;

    /// Whether it starts with the daemon.
    #[rpc(44, acl = ["network:read"], high)]
    fn network_get_autostart(&self, call: &Call, net: &Network) -> Result<bool>;

    /// Name of its bridge on the host.
    #[rpc(45, acl = ["network:read"], high)]
    fn network_get_bridge_name(&self, call: &Call, net: &Network) -> Result<String>;

    /// Finds a network by its name.
    #[rpc(46, acl = ["network:getattr"], high)]
    fn network_lookup_by_name(&self, call: &Call, name: &str) -> Result<Network>;

    /// Finds a network by its UUID.
    #[rpc(47, acl = ["network:getattr"], high)]
    fn network_lookup_by_uuid(&self, call: &Call, uuid: &Uuid) -> Result<Network>;

    /// Whether it is to start with the daemon.
    ///
    /// * Errors: `OPERATION_INVALID` for a network that is not defined.
    #[rpc(48, acl = ["network:write"], high, write)]
    fn network_set_autostart(&self, call: &Call, net: &Network, autostart: bool) -> Result<()>;

    /// Removes the definition; an active network stays until it is stopped.
    #[rpc(49, acl = ["network:delete"], high, write)]
    fn network_undefine(&self, call: &Call, net: &Network) -> Result<()>;

    /// How many networks are defined and not active.
    #[rpc(50, acl = ["connect:search_networks"], filter = ["network:getattr"], high)]
    fn connect_num_of_defined_networks(&self, call: &Call) -> Result<i32>;

    /// How many networks are active.
    #[rpc(52, acl = ["connect:search_networks"], filter = ["network:getattr"], high)]
    fn connect_num_of_networks(&self, call: &Call) -> Result<i32>;

    /// Whether it runs.
    #[rpc(152, acl = ["network:read"], high)]
    fn network_is_active(&self, call: &Call, net: &Network) -> Result<bool>;

    /// Whether it is defined.
    #[rpc(153, acl = ["network:read"], high)]
    fn network_is_persistent(&self, call: &Call, net: &Network) -> Result<bool>;

    /// Networks, or only their number.
    #[rpc(283, acl = ["connect:search_networks"], filter = ["network:getattr"], high)]
    fn connect_list_all_networks(
        &self,
        call: &Call,
        need_results: bool,
        flags: ListNetworksFlags,
    ) -> Result<Counted<List<Network, { limit::LIST }>>>;

    /// Changes one part of a network, live, in its definition or both.
    ///
    /// * `parent_index`: which of several parents, -1 for any.
    /// * Errors: `OPERATION_INVALID` when what is to be changed is not there.
    #[rpc(291, acl = ["network:write", "network:save:!VIR_NETWORK_UPDATE_AFFECT_CONFIG|VIR_NETWORK_UPDATE_AFFECT_LIVE", "network:save:VIR_NETWORK_UPDATE_AFFECT_CONFIG"], high, write)]
    fn network_update(
        &self,
        call: &Call,
        net: &Network,
        command: NetworkUpdateCommand,
        section: NetworkUpdateSection,
        parent_index: i32,
        xml: &str,
        flags: NetworkUpdateFlags,
    ) -> Result<()>;

    /// Addresses that its DHCP server gave away, to one hardware address or all.
    #[rpc(341, acl = ["network:read"])]
    fn network_get_dhcp_leases(
        &self,
        call: &Call,
        net: &Network,
        mac: Option<&str>,
        need_results: bool,
        flags: u32,
    ) -> Result<Counted<List<DhcpLease, { limit::DHCP_LEASES }>>>;

    /// As `network_define_xml`.
    #[rpc(432, acl = ["network:write", "network:save"], high, write)]
    fn network_define_xml_flags(&self, call: &Call, xml: &str, flags: NetworkDefineFlags) -> Result<Network>;

    /// As `network_create_xml`.
    #[rpc(437, acl = ["network:write", "network:start"], high, write)]
    fn network_create_xml_flags(&self, call: &Call, xml: &str, flags: NetworkCreateFlags) -> Result<Network>;

    /// Sets title, description or a foreign element; absent metadata removes it.
    #[rpc(444, acl = ["network:write", "network:save:!VIR_NETWORK_UPDATE_AFFECT_CONFIG|VIR_NETWORK_UPDATE_AFFECT_LIVE", "network:save:VIR_NETWORK_UPDATE_AFFECT_CONFIG"], write)]
    fn network_set_metadata(
        &self,
        call: &Call,
        network: &Network,
        r#type: NetworkMetadataType,
        metadata: Option<&str>,
        key: Option<&str>,
        uri: Option<&str>,
        flags: NetworkUpdateFlags,
    ) -> Result<()>;

    /// Title, description or a foreign element.
    ///
    /// * Errors: `NO_NETWORK_METADATA` when there is none.
    #[rpc(445, acl = ["network:read"])]
    fn network_get_metadata(
        &self,
        call: &Call,
        network: &Network,
        r#type: NetworkMetadataType,
        uri: Option<&str>,
        flags: NetworkUpdateFlags,
    ) -> Result<String>;
}
