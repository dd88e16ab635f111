//! Network filters.

use oxivirt_macros::interface;

use crate::Result;
use crate::abi::RString;
use crate::call::Call;
use crate::constants::{NwFilterBindingCreateFlags, NwFilterDefineFlags};
use crate::types::{Counted, List, NwFilter, NwFilterBinding, Uuid, limit};

/// Network filters and the ports they are bound to. `NO_NWFILTER` or `NO_NWFILTER_BINDING` when the named one is gone.
#[interface]
pub trait NwFilters {
    /// Finds a filter by its name.
    #[rpc(175, acl = ["nwfilter:getattr"], high)]
    fn nwfilter_lookup_by_name(&self, call: &Call, name: &str) -> Result<NwFilter>;

    /// Finds a filter by its UUID.
    #[rpc(176, acl = ["nwfilter:getattr"], high)]
    fn nwfilter_lookup_by_uuid(&self, call: &Call, uuid: &Uuid) -> Result<NwFilter>;

    /// The filter as a document.
    #[rpc(177, acl = ["nwfilter:read"], high)]
    fn nwfilter_get_xml_desc(&self, call: &Call, nwfilter: &NwFilter, flags: u32) -> Result<String>;

    /// How many filters there are.
    #[rpc(178, acl = ["connect:search_nwfilters"], filter = ["nwfilter:getattr"], high)]
    fn connect_num_of_nwfilters(&self, call: &Call) -> Result<i32>;

    /// Names of at most `maxnames` filters.
    #[rpc(179, acl = ["connect:search_nwfilters"], filter = ["nwfilter:getattr"], high)]
    fn connect_list_nwfilters(&self, call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>>;

    /// Defines a filter, or changes one and the rules of every port that uses it.
    #[rpc(180, acl = ["nwfilter:write", "nwfilter:save"], high, write)]
    fn nwfilter_define_xml(&self, call: &Call, xml: &str) -> Result<NwFilter>;

    /// Removes a filter.
    ///
    /// * Errors: `OPERATION_INVALID` while something uses it.
    #[rpc(181, acl = ["nwfilter:delete"], high, write)]
    fn nwfilter_undefine(&self, call: &Call, nwfilter: &NwFilter) -> Result<()>;

    /// Filters, or only their number.
    #[rpc(286, acl = ["connect:search_nwfilters"], filter = ["nwfilter:getattr"], high)]
    fn connect_list_all_nwfilters(
        &self,
        call: &Call,
        need_results: bool,
        flags: u32,
    ) -> Result<Counted<List<NwFilter, { limit::LIST }>>>;

    /// Finds the binding of a device on the host.
    #[rpc(397, acl = ["nwfilter_binding:getattr"], high)]
    fn nwfilter_binding_lookup_by_port_dev(&self, call: &Call, name: &str) -> Result<NwFilterBinding>;

    /// The binding as a document.
    #[rpc(398, acl = ["nwfilter_binding:read"], high)]
    fn nwfilter_binding_get_xml_desc(&self, call: &Call, nwfilter: &NwFilterBinding, flags: u32) -> Result<String>;

    /// Filters the traffic of a device as the `<filterbinding>` document says.
    #[rpc(399, acl = ["nwfilter_binding:create"], high, write)]
    fn nwfilter_binding_create_xml(
        &self,
        call: &Call,
        xml: &str,
        flags: NwFilterBindingCreateFlags,
    ) -> Result<NwFilterBinding>;

    /// Filters the traffic of a device no more.
    #[rpc(400, acl = ["nwfilter_binding:delete"], high, write)]
    fn nwfilter_binding_delete(&self, call: &Call, nwfilter: &NwFilterBinding) -> Result<()>;

    /// Bindings, or only their number.
    #[rpc(401, acl = ["connect:search_nwfilter_bindings"], filter = ["nwfilter_binding:getattr"], high)]
    fn connect_list_all_nwfilter_bindings(
        &self,
        call: &Call,
        need_results: bool,
        flags: u32,
    ) -> Result<Counted<List<NwFilterBinding, { limit::LIST }>>>;

    /// As `nwfilter_define_xml`.
    #[rpc(431, acl = ["nwfilter:write", "nwfilter:save"], high, write)]
    fn nwfilter_define_xml_flags(&self, call: &Call, xml: &str, flags: NwFilterDefineFlags) -> Result<NwFilter>;
}
