//! The connection itself: who answers, and what it can run.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;

/// Who answers on this connection and what it can run.
#[interface]
pub trait Connect {
    /// Name of the driver as clients know it, such as `QEMU` or `Test`.
    #[rpc(3, acl = ["connect:getattr"], high)]
    fn connect_get_type(&self, call: &Call) -> Result<String>;

    /// Version of the hypervisor behind the driver, as `major * 1_000_000 + minor * 1_000 + release`.
    ///
    /// * Errors: `INTERNAL_ERROR` when the hypervisor cannot be found.
    #[rpc(4, acl = ["connect:getattr"], high)]
    fn connect_get_version(&self, call: &Call) -> Result<u64>;

    /// Most virtual CPUs of one domain of virtualization type `type`
    /// (`qemu`, `kvm` …; absent means the driver's default).
    ///
    /// * Errors: `INVALID_ARG` for a type that the driver does not know.
    #[rpc(5, acl = ["connect:read"], high)]
    fn connect_get_max_vcpus(&self, call: &Call, r#type: Option<&str>) -> Result<i32>;

    /// The host and the guest types that the driver can run, as a `<capabilities>` document.
    ///
    /// * May block on the first call while hypervisor binaries are asked.
    #[rpc(7, acl = ["connect:read"])]
    fn connect_get_capabilities(&self, call: &Call) -> Result<String>;

    /// Name of the host that the driver works on.
    #[rpc(59, acl = ["connect:getattr"], high)]
    fn connect_get_hostname(&self, call: &Call) -> Result<String>;

    /// The canonical URI of this connection.
    #[rpc(110, acl = ["connect:getattr"], high)]
    fn connect_get_uri(&self, call: &Call) -> Result<String>;

    /// SMBIOS data of the host, as a `<sysinfo>` document.
    ///
    /// * `flags`: none defined, must be 0.
    #[rpc(203, acl = ["connect:read"], high)]
    fn connect_get_sysinfo(&self, call: &Call, flags: u32) -> Result<String>;

    /// What domains of one kind can have, as a `<domainCapabilities>` document.
    ///
    /// * All arguments are optional: emulator binary, architecture, machine type and
    /// virtualization type; what is absent is chosen as for a new domain.
    /// * Errors: `INVALID_ARG` for a combination that cannot be run.
    /// * May block while the emulator is asked.
    #[rpc(342, acl = ["connect:write"], write)]
    fn connect_get_domain_capabilities(
        &self,
        call: &Call,
        emulatorbin: Option<&str>,
        arch: Option<&str>,
        machine: Option<&str>,
        virttype: Option<&str>,
        flags: u32,
    ) -> Result<String>;

    /// Turns a hypervisor's own configuration into a domain document.
    ///
    /// * `native_format`: such as `qemu-argv`; `INVALID_ARG` for one that is not known.
    #[rpc(135, acl = ["connect:write"], write)]
    fn connect_domain_xml_from_native(
        &self,
        call: &Call,
        native_format: &str,
        native_config: &str,
        flags: u32,
    ) -> Result<String>;

    /// Turns a domain document into a hypervisor's own configuration.
    #[rpc(136, acl = ["connect:write"], write)]
    fn connect_domain_xml_to_native(
        &self,
        call: &Call,
        native_format: &str,
        domain_xml: &str,
        flags: u32,
    ) -> Result<String>;
}
