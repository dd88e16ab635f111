//! Who answers, and what it can run.

use oxivirt_core::call::Call;
use oxivirt_core::interface::{Connect, implements};
use oxivirt_core::{Error, Result};

use super::{Own, check_flags};
use crate::QemuConnection;
use crate::capabilities::Accel;
use crate::capabilities::document;
use crate::{domain_capabilities, native};

#[implements]
impl Connect for QemuConnection {
    #[quick]
    fn connect_get_type(&self, _call: &Call) -> Result<String> {
        Ok("QEMU".to_owned())
    }

    fn connect_get_version(&self, _call: &Call) -> Result<u64> {
        let catalog = &self.guests.catalog;
        let binary = catalog
            .binary_for(crate::document::host_arch())
            .ok_or_else(|| Error::internal("no QEMU program for this host's architecture was found"));
        Ok(catalog.get(&binary.own()?).own()?.version.into())
    }

    fn connect_get_max_vcpus(&self, _call: &Call, r#type: Option<&str>) -> Result<i32> {
        match r#type.map(str::to_ascii_lowercase).as_deref() {
            None | Some("qemu" | "kqemu") => Ok(16),
            // What the kernel takes is its own business; this is what it recommends at least.
            Some("kvm") => Ok(i32::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap_or(1)),
            Some(other) => Err(Error::invalid_arg(format!("unknown type '{other}'"))).own(),
        }
    }

    fn connect_get_capabilities(&self, _call: &Call) -> Result<String> {
        document::capabilities(&self.guests.catalog, self.host_uuid).own()
    }

    #[quick]
    fn connect_get_hostname(&self, _call: &Call) -> Result<String> {
        Ok(oxivirt_util::host::hostname())
    }

    #[quick]
    fn connect_get_uri(&self, _call: &Call) -> Result<String> {
        Ok(self.uri.clone())
    }

    fn connect_get_domain_capabilities(
        &self,
        _call: &Call,
        emulatorbin: Option<&str>,
        arch: Option<&str>,
        machine: Option<&str>,
        virttype: Option<&str>,
        flags: u32,
    ) -> Result<String> {
        check_flags(flags, 0, "connect_get_domain_capabilities")?;
        let accel = match virttype {
            None => None,
            Some("qemu") => Some(Accel::Tcg),
            Some("kvm") => Some(Accel::Kvm),
            Some("hvf") => Some(Accel::Hvf),
            Some(other) => return Err(Error::invalid_arg(format!("unknown virttype: {other}"))).own(),
        };
        domain_capabilities::find(&self.guests.catalog, emulatorbin, arch, machine, accel).own()
    }

    fn connect_domain_xml_to_native(
        &self,
        _call: &Call,
        native_format: &str,
        domain_xml: &str,
        flags: u32,
    ) -> Result<String> {
        check_flags(flags, 0, "connect_domain_xml_to_native")?;
        if native_format != "qemu-argv" {
            return Err(Error::invalid_arg(format!("unsupported config type {native_format}"))).own();
        }
        native::command_line(&self.guests, domain_xml).own()
    }
}
