//! Definitions that tests and tools start from.

use crate::assets::Guest;

/// The domain type of every guest here: processors are emulated.
///
/// A `/dev/kvm` that opens says little about whether guests get far with it
/// inside another virtual machine; emulation boots ours in a few seconds anywhere.
pub const DOMAIN_TYPE: &str = "qemu";

/// The small Linux guest: kernel and RAM disk, one console, no disk.
pub fn linux_guest(name: &str, guest: &Guest) -> String {
    format!(
        "<domain type='{DOMAIN_TYPE}'>
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
        guest.kernel.display(),
        guest.initrd.display()
    )
}

/// A guest without anything to boot: QEMU's firmware, and nothing after it.
pub fn idle_guest(name: &str) -> String {
    format!(
        "<domain type='{DOMAIN_TYPE}'>
  <name>{name}</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
  </os>
</domain>
"
    )
}
