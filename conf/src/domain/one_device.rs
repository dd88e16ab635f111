//! The document of one device, read as part of a domain.

use oxivirt_core::Result;

use super::devices::Device;
use super::{DomainDefinition, DomainHooks, ParseFlags, post_parse, validate_devices, validate_each};
use crate::xml::bounded;

impl DomainDefinition {
    /// Reads the document of a device that shall become part of this domain:
    /// its defaults are filled in and it is checked on its own. It gets no
    /// address, and nothing is said yet about whether it collides with others.
    ///
    /// Errors: as those of [`parse`](Self::parse) for the device.
    pub fn read_device(&self, xml: &str, flags: ParseFlags, hooks: &dyn DomainHooks) -> Result<Device> {
        let mut device = Device::parse(xml, flags).map_err(bounded)?;
        self.finish_device(&mut device, flags, hooks).map_err(bounded)?;
        Ok(device)
    }

    fn finish_device(&self, device: &mut Device, flags: ParseFlags, hooks: &dyn DomainHooks) -> Result<()> {
        if !flags.has(ParseFlags::SKIP_POST_PARSE) {
            let mut around = self.clone();
            around.devices.clear_kind(device.as_ref());
            post_parse::one(device.as_mut(), &around, flags, hooks)?;
        }
        if !flags.has(ParseFlags::SKIP_VALIDATE) {
            validate_each::device_alone(device.as_ref(), self)?;
            validate_devices::char_source_of(device.as_ref())?;
        }
        Ok(())
    }
}
