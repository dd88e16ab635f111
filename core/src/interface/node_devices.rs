//! Devices of the host.

use oxivirt_macros::interface;

use crate::Result;
use crate::abi::RString;
use crate::call::Call;
use crate::constants::{
    ListNodeDevicesFlags, NodeDeviceCreateXmlFlags, NodeDeviceDefineXmlFlags, NodeDeviceUpdateFlags, NodeDeviceXmlFlags,
};
use crate::types::{Counted, List, NodeDevice, limit};

/// Devices of the host. `NO_NODE_DEVICE` when the named one is gone.
#[interface]
pub trait NodeDevices {
    /// How many devices there are, with this capability or at all.
    #[rpc(111, acl = ["connect:search_node_devices"], filter = ["node_device:getattr"], high)]
    fn node_num_of_devices(&self, call: &Call, cap: Option<&str>, flags: u32) -> Result<i32>;

    /// Names of at most `maxnames` devices, with this capability or all.
    #[rpc(112, acl = ["connect:search_node_devices"], filter = ["node_device:getattr"], high)]
    fn node_list_devices(
        &self,
        call: &Call,
        cap: Option<&str>,
        maxnames: i32,
        flags: u32,
    ) -> Result<List<RString, { limit::NODE_DEVICES }>>;

    /// Finds a device.
    #[rpc(113, acl = ["node_device:getattr"], high)]
    fn node_device_lookup_by_name(&self, call: &Call, name: &str) -> Result<NodeDevice>;

    /// The device as a document.
    #[rpc(114, acl = ["node_device:read"])]
    fn node_device_get_xml_desc(&self, call: &Call, name: &str, flags: NodeDeviceXmlFlags) -> Result<String>;

    /// Name of the device it hangs on; absent for the root.
    #[rpc(115, acl = ["node_device:read"], high)]
    fn node_device_get_parent(&self, call: &Call, name: &str) -> Result<Option<String>>;

    /// How many capabilities it has.
    #[rpc(116, acl = ["node_device:read"], high)]
    fn node_device_num_of_caps(&self, call: &Call, name: &str) -> Result<i32>;

    /// At most `maxnames` of its capabilities.
    #[rpc(117, acl = ["node_device:read"], high)]
    fn node_device_list_caps(
        &self,
        call: &Call,
        name: &str,
        maxnames: i32,
    ) -> Result<List<RString, { limit::NODE_DEVICES }>>;

    /// Takes it from the host's driver so that a guest can have it.
    #[rpc(118, acl = ["node_device:detach"], write)]
    fn node_device_dettach(&self, call: &Call, name: &str) -> Result<()>;

    /// Gives it back to the host's driver.
    #[rpc(119, acl = ["node_device:detach"], write)]
    fn node_device_re_attach(&self, call: &Call, name: &str) -> Result<()>;

    /// Resets it.
    ///
    /// * Errors: `OPERATION_INVALID` while something uses it.
    #[rpc(120, acl = ["node_device:detach"], write)]
    fn node_device_reset(&self, call: &Call, name: &str) -> Result<()>;

    /// Makes a virtual device as the `<device>` document says.
    #[rpc(123, acl = ["node_device:write", "node_device:start"], write)]
    fn node_device_create_xml(
        &self,
        call: &Call,
        xml_desc: &str,
        flags: NodeDeviceCreateXmlFlags,
    ) -> Result<NodeDevice>;

    /// Removes a virtual device.
    #[rpc(124, acl = ["node_device:stop"], high, write)]
    fn node_device_destroy(&self, call: &Call, name: &str) -> Result<()>;

    /// Devices, or only their number.
    #[rpc(285, acl = ["connect:search_node_devices"], filter = ["node_device:getattr"], high)]
    fn connect_list_all_node_devices(
        &self,
        call: &Call,
        need_results: bool,
        flags: ListNodeDevicesFlags,
    ) -> Result<Counted<List<NodeDevice, { limit::NODE_DEVICES }>>>;

    /// Finds a SCSI host by its two world-wide names.
    #[rpc(297, acl = ["node_device:getattr"], high)]
    fn node_device_lookup_scsi_host_by_wwn(
        &self,
        call: &Call,
        wwnn: &str,
        wwpn: &str,
        flags: u32,
    ) -> Result<NodeDevice>;

    /// As `node_device_dettach`, for a named driver (`vfio`).
    #[rpc(301, acl = ["node_device:detach"], write)]
    fn node_device_detach_flags(&self, call: &Call, name: &str, driver_name: Option<&str>, flags: u32) -> Result<()>;

    /// Defines a virtual device.
    #[rpc(428, acl = ["node_device:write", "node_device:save"], write)]
    fn node_device_define_xml(
        &self,
        call: &Call,
        xml_desc: &str,
        flags: NodeDeviceDefineXmlFlags,
    ) -> Result<NodeDevice>;

    /// Removes the definition of a virtual device.
    #[rpc(429, acl = ["node_device:delete"], high, write)]
    fn node_device_undefine(&self, call: &Call, name: &str, flags: u32) -> Result<()>;

    /// Starts a defined virtual device.
    #[rpc(430, acl = ["node_device:start"], high, write)]
    fn node_device_create(&self, call: &Call, name: &str, flags: u32) -> Result<()>;

    /// Whether it starts with the host.
    #[rpc(433, acl = ["node_device:read"], high)]
    fn node_device_get_autostart(&self, call: &Call, name: &str) -> Result<bool>;

    /// Whether it is to start with the host.
    #[rpc(434, acl = ["node_device:write"], high, write)]
    fn node_device_set_autostart(&self, call: &Call, name: &str, autostart: bool) -> Result<()>;

    /// Whether it is defined.
    #[rpc(435, acl = ["node_device:read"], high)]
    fn node_device_is_persistent(&self, call: &Call, name: &str) -> Result<bool>;

    /// Whether it is there now.
    #[rpc(436, acl = ["node_device:read"], high)]
    fn node_device_is_active(&self, call: &Call, name: &str) -> Result<bool>;

    /// Changes a virtual device, live, in its definition or both.
    #[rpc(447, acl = ["node_device:write", "node_device:save:!VIR_NODE_DEVICE_UPDATE_AFFECT_CONFIG|VIR_NODE_DEVICE_UPDATE_AFFECT_LIVE", "node_device:save:VIR_NODE_DEVICE_UPDATE_AFFECT_CONFIG"], high, write)]
    fn node_device_update(&self, call: &Call, name: &str, xml_desc: &str, flags: NodeDeviceUpdateFlags) -> Result<()>;
}
