//! Definitions that tests and tools start from.

use std::fs::OpenOptions;

use crate::assets::Guest;

/// The domain type that runs guests here: `kvm` where this user may, else `qemu`.
pub fn domain_type() -> &'static str {
    match OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        Ok(_) => "kvm",
        Err(_) => "qemu",
    }
}

/// The small Linux guest: kernel and RAM disk, one console, no disk.
pub fn linux_guest(name: &str, guest: &Guest) -> String {
    format!(
        "<domain type='{}'>
  <name>{name}</name>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{}</kernel>
    <initrd>{}</initrd>
    <cmdline>console=ttyS0 quiet</cmdline>
  </os>
  <features>
    <acpi/>
  </features>
  <devices>
    <serial type='pty'/>
    <console type='pty'/>
  </devices>
</domain>
",
        domain_type(),
        guest.kernel.display(),
        guest.initrd.display()
    )
}

/// A guest without anything to boot: QEMU's firmware, and nothing after it.
pub fn idle_guest(name: &str) -> String {
    format!(
        "<domain type='{}'>
  <name>{name}</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
  </os>
</domain>
",
        domain_type()
    )
}
