//! Devices of a domain.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::DomainDeviceModifyFlags;
use crate::types::Domain;

/// Plugging devices in and out, in the running domain, in its definition, or in both.
///
/// A device is given as its element of the domain document. Live changes return when the
/// hypervisor did them; `detach` may return before the guest let go, the event
/// `device_removed` tells.
#[interface]
pub trait DomainDevices {
    /// Plugs a device into the running domain.
    ///
    /// * Errors: `XML_ERROR` for a bad document, `OPERATION_INVALID` when it does not run.
    #[rpc(8, acl = ["domain:write"], write)]
    fn domain_attach_device(&self, call: &Call, dom: &Domain, xml: &str) -> Result<()>;

    /// Unplugs a device of the running domain, found by what the document names.
    #[rpc(13, acl = ["domain:write"], write)]
    fn domain_detach_device(&self, call: &Call, dom: &Domain, xml: &str) -> Result<()>;

    /// Plugs a device in.
    #[rpc(160, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_attach_device_flags(
        &self,
        call: &Call,
        dom: &Domain,
        xml: &str,
        flags: DomainDeviceModifyFlags,
    ) -> Result<()>;

    /// Unplugs a device, found by what the document names.
    ///
    /// * Errors: `DEVICE_MISSING` when there is none such.
    #[rpc(161, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_detach_device_flags(
        &self,
        call: &Call,
        dom: &Domain,
        xml: &str,
        flags: DomainDeviceModifyFlags,
    ) -> Result<()>;

    /// Changes a device in place: the medium of a drive, the link of a network card and the like.
    ///
    /// * Errors: `OPERATION_UNSUPPORTED` for a change that needs a new device.
    #[rpc(174, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_update_device_flags(
        &self,
        call: &Call,
        dom: &Domain,
        xml: &str,
        flags: DomainDeviceModifyFlags,
    ) -> Result<()>;

    /// Unplugs the device with this alias and returns without waiting for the guest.
    ///
    /// * Errors: `DEVICE_MISSING` when there is none such.
    #[rpc(392, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_detach_device_alias(
        &self,
        call: &Call,
        dom: &Domain,
        alias: &str,
        flags: DomainDeviceModifyFlags,
    ) -> Result<()>;
}
