//! Who answers, and what it can run.

use oxivirt_conf::cpu::ARCHITECTURES;
use oxivirt_conf::domain_capabilities::{DomainCapabilities, Features, Sev, Sgx};
use oxivirt_core::call::Call;
use oxivirt_core::interface::{Connect, implements};
use oxivirt_core::{Error, Result};

use crate::TestConnection;
use crate::definition::is_virtualization_type;
use crate::error::{Own, check_flags};
use crate::node::{ARCH, MAX_VCPUS, SYSINFO};

/// Version of the hypervisor that is not there: 0.0.2.
const VERSION: u64 = 2;

#[implements]
impl Connect for TestConnection {
    #[quick]
    fn connect_get_type(&self, _call: &Call) -> Result<String> {
        Ok("TEST".to_owned())
    }

    #[quick]
    fn connect_get_version(&self, _call: &Call) -> Result<u64> {
        Ok(VERSION)
    }

    #[quick]
    fn connect_get_max_vcpus(&self, _call: &Call, _type: Option<&str>) -> Result<i32> {
        Ok(MAX_VCPUS as i32)
    }

    #[quick]
    fn connect_get_capabilities(&self, _call: &Call) -> Result<String> {
        Ok(self.state().node.capabilities())
    }

    #[quick]
    fn connect_get_hostname(&self, _call: &Call) -> Result<String> {
        Ok(oxivirt_util::host::hostname())
    }

    #[quick]
    fn connect_get_uri(&self, _call: &Call) -> Result<String> {
        Ok(self.uri().to_owned())
    }

    #[quick]
    fn connect_get_sysinfo(&self, _call: &Call, flags: u32) -> Result<String> {
        check_flags(flags, 0, "connect_get_sysinfo")?;
        Ok(SYSINFO.to_owned())
    }

    #[quick]
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
        if let Some(virttype) = virttype.filter(|name| !is_virtualization_type(name)) {
            return Err(Error::invalid_arg(format!("unknown virttype: {virttype}"))).own();
        }
        if let Some(arch) = arch.filter(|name| !ARCHITECTURES.contains(name)) {
            return Err(Error::invalid_arg(format!("unknown architecture: {arch}"))).own();
        }
        Ok(domain_capabilities(emulatorbin, virttype.unwrap_or("test"), machine, arch.unwrap_or(ARCH)))
    }
}

/// The document that says that nothing special is known about any domain.
fn domain_capabilities(emulator: Option<&str>, virttype: &str, machine: Option<&str>, arch: &str) -> String {
    let features = Features { sev: Some(Sev::default()), sgx: Some(Sgx::default()), ..Features::default() };
    let document = DomainCapabilities {
        path: emulator.map(str::to_owned),
        domain: virttype.to_owned(),
        machine: machine.map(str::to_owned),
        arch: arch.to_owned(),
        features,
        ..DomainCapabilities::default()
    };
    document.to_xml()
}
