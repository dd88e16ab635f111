//! Devices that come, change and go.

use oxivirt_core::Result;
use oxivirt_core::call::Call;
use oxivirt_core::constants::DomainDeviceModifyFlags;
use oxivirt_core::interface::{DomainDevices, implements};
use oxivirt_core::types::Domain;

use super::{Own, check_flags, owner};
use crate::QemuConnection;
use crate::hotplug::Force;

use DomainDeviceModifyFlags as F;

#[implements]
impl DomainDevices for QemuConnection {
    fn domain_attach_device(&self, call: &Call, dom: &Domain, xml: &str) -> Result<()> {
        self.domain_attach_device_flags(call, dom, xml, F::LIVE)
    }

    fn domain_detach_device(&self, call: &Call, dom: &Domain, xml: &str) -> Result<()> {
        self.domain_detach_device_flags(call, dom, xml, F::LIVE)
    }

    fn domain_attach_device_flags(&self, call: &Call, dom: &Domain, xml: &str, flags: F) -> Result<()> {
        check_flags(flags.0, (F::LIVE | F::CONFIG).0, "domain_attach_device_flags")?;
        self.guests.attach_device(&self.find(dom)?, xml, flags.0, &owner(call)).own()
    }

    fn domain_detach_device_flags(&self, call: &Call, dom: &Domain, xml: &str, flags: F) -> Result<()> {
        check_flags(flags.0, (F::LIVE | F::CONFIG).0, "domain_detach_device_flags")?;
        self.guests.detach_device(&self.find(dom)?, xml, flags.0, &owner(call)).own()
    }

    fn domain_update_device_flags(&self, call: &Call, dom: &Domain, xml: &str, flags: F) -> Result<()> {
        check_flags(flags.0, (F::LIVE | F::CONFIG | F::FORCE).0, "domain_update_device_flags")?;
        let force = if flags.contains(F::FORCE) { Force::Yes } else { Force::No };
        let which = flags.0 & (F::LIVE | F::CONFIG).0;
        self.guests.update_device(&self.find(dom)?, xml, which, force, &owner(call)).own()
    }

    fn domain_detach_device_alias(&self, call: &Call, dom: &Domain, alias: &str, flags: F) -> Result<()> {
        check_flags(flags.0, (F::LIVE | F::CONFIG).0, "domain_detach_device_alias")?;
        self.guests.detach_alias(&self.find(dom)?, alias, flags.0, &owner(call)).own()
    }
}
