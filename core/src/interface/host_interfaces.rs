//! Network interfaces of the host.

use oxivirt_macros::interface;

use crate::Result;
use crate::abi::RString;
use crate::call::Call;
use crate::constants::{InterfaceDefineFlags, InterfaceXmlFlags, ListInterfacesFlags};
use crate::types::{Counted, HostInterface, List, limit};

/// Configured network interfaces of the host. `NO_INTERFACE` when the named one is gone.
#[interface]
pub trait HostInterfaces {
    /// How many interfaces are up.
    #[rpc(126, acl = ["connect:search_interfaces"], filter = ["interface:getattr"], high)]
    fn connect_num_of_interfaces(&self, call: &Call) -> Result<i32>;

    /// Names of at most `maxnames` interfaces that are up.
    #[rpc(127, acl = ["connect:search_interfaces"], filter = ["interface:getattr"], high)]
    fn connect_list_interfaces(&self, call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>>;

    /// Finds an interface by its name.
    #[rpc(128, acl = ["interface:getattr"], high)]
    fn interface_lookup_by_name(&self, call: &Call, name: &str) -> Result<HostInterface>;

    /// Finds an interface by its hardware address.
    ///
    /// * Errors: `MULTIPLE_INTERFACES` when several have it.
    #[rpc(129, acl = ["interface:getattr"], high)]
    fn interface_lookup_by_mac_string(&self, call: &Call, mac: &str) -> Result<HostInterface>;

    /// The interface as a document: as it is, or as defined with `INACTIVE`.
    #[rpc(130, acl = ["interface:read"])]
    fn interface_get_xml_desc(&self, call: &Call, iface: &HostInterface, flags: InterfaceXmlFlags) -> Result<String>;

    /// Defines an interface, or changes the definition of one.
    #[rpc(131, acl = ["interface:write", "interface:save"], high, write)]
    fn interface_define_xml(&self, call: &Call, xml: &str, flags: InterfaceDefineFlags) -> Result<HostInterface>;

    /// Removes the definition.
    #[rpc(132, acl = ["interface:delete"], high, write)]
    fn interface_undefine(&self, call: &Call, iface: &HostInterface) -> Result<()>;

    /// Brings it up.
    #[rpc(133, acl = ["interface:start"], write)]
    fn interface_create(&self, call: &Call, iface: &HostInterface, flags: u32) -> Result<()>;

    /// Takes it down.
    #[rpc(134, acl = ["interface:stop"], high, write)]
    fn interface_destroy(&self, call: &Call, iface: &HostInterface, flags: u32) -> Result<()>;

    /// How many interfaces are defined and not up.
    #[rpc(137, acl = ["connect:search_interfaces"], filter = ["interface:getattr"], high)]
    fn connect_num_of_defined_interfaces(&self, call: &Call) -> Result<i32>;

    /// Names of at most `maxnames` interfaces that are defined and not up.
    #[rpc(138, acl = ["connect:search_interfaces"], filter = ["interface:getattr"], high)]
    fn connect_list_defined_interfaces(&self, call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>>;

    /// Whether it is up.
    #[rpc(156, acl = ["interface:read"], high)]
    fn interface_is_active(&self, call: &Call, iface: &HostInterface) -> Result<bool>;

    /// Starts a set of changes that can be taken back as a whole.
    ///
    /// * Errors: `OPERATION_INVALID` when one is under way.
    #[rpc(220, acl = ["connect:interface_transaction"], write)]
    fn interface_change_begin(&self, call: &Call, flags: u32) -> Result<()>;

    /// Keeps the changes since the begin.
    #[rpc(221, acl = ["connect:interface_transaction"], write)]
    fn interface_change_commit(&self, call: &Call, flags: u32) -> Result<()>;

    /// Takes the changes since the begin back.
    #[rpc(222, acl = ["connect:interface_transaction"], write)]
    fn interface_change_rollback(&self, call: &Call, flags: u32) -> Result<()>;

    /// Interfaces, or only their number.
    #[rpc(284, acl = ["connect:search_interfaces"], filter = ["interface:getattr"], high)]
    fn connect_list_all_interfaces(
        &self,
        call: &Call,
        need_results: bool,
        flags: ListInterfacesFlags,
    ) -> Result<Counted<List<HostInterface, { limit::LIST }>>>;
}
