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

/// A guest as servers have it, of about seventy lines, for measuring what definitions cost.
///
/// * `kind` – the domain type; `number` – makes its uuid and hardware address unique.
pub fn server_guest(kind: &str, name: &str, number: u32) -> String {
    let [.., high, middle, low] = number.to_be_bytes();
    format!(
        "<domain type='{kind}'>
  <name>{name}</name>
  <uuid>5ab1e000-0000-4000-8000-0000{number:08x}</uuid>
  <title>server {number}</title>
  <description>A guest as servers have it</description>
  <memory unit='KiB'>2097152</memory>
  <currentMemory unit='KiB'>2097152</currentMemory>
  <vcpu placement='static'>2</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-9.2'>hvm</type>
    <boot dev='hd'/>
    <boot dev='network'/>
  </os>
  <features>
    <acpi/>
    <apic/>
    <vmport state='off'/>
  </features>
  <clock offset='utc'>
    <timer name='rtc' tickpolicy='catchup'/>
    <timer name='pit' tickpolicy='delay'/>
    <timer name='hpet' present='no'/>
  </clock>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <pm>
    <suspend-to-mem enabled='no'/>
    <suspend-to-disk enabled='no'/>
  </pm>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
      <source file='/var/lib/libvirt/images/{name}.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <target dev='sda' bus='sata'/>
      <readonly/>
    </disk>
    <controller type='usb' index='0' model='qemu-xhci' ports='15'/>
    <controller type='sata' index='0'/>
    <interface type='network'>
      <mac address='52:54:00:{high:02x}:{middle:02x}:{low:02x}'/>
      <source network='default'/>
      <model type='virtio'/>
    </interface>
    <serial type='pty'>
      <target port='0'/>
    </serial>
    <console type='pty'>
      <target type='serial' port='0'/>
    </console>
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>
    <input type='tablet' bus='usb'/>
    <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>
    <video>
      <model type='virtio' heads='1' primary='yes'/>
    </video>
    <memballoon model='virtio'/>
    <rng model='virtio'>
      <backend model='random'>/dev/urandom</backend>
    </rng>
  </devices>
</domain>
"
    )
}

/// [`server_guest`] with so many more disks that the document has about `lines` lines.
pub fn guest_of_lines(kind: &str, name: &str, number: u32, lines: usize) -> String {
    const DISK: usize = 5;
    let xml = server_guest(kind, name, number);
    let missing = lines.saturating_sub(xml.lines().count());
    let disks: String = (1..=missing / DISK)
        .map(|index| {
            format!(
                "    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
      <source file='/var/lib/libvirt/images/{name}-{index}.qcow2'/>
      <target dev='{}' bus='virtio'/>
    </disk>
",
                disk_name(index)
            )
        })
        .collect();
    xml.replacen("    <controller", &format!("{disks}    <controller"), 1)
}

/// `vda`, `vdb` … `vdz`, `vdaa` ….
fn disk_name(index: usize) -> String {
    let letter = |value: usize| char::from(b'a' + (value % 26) as u8);
    match index {
        0..26 => format!("vd{}", letter(index)),
        _ => format!("vd{}{}", letter(index / 26 - 1), letter(index)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_has_the_lines_that_were_asked_for() {
        for lines in [100, 1_000] {
            let found = guest_of_lines("test", "large", 1, lines).lines().count();
            assert!(found <= lines && found + 5 > lines, "{found} instead of {lines}");
        }
        assert_eq!([disk_name(25), disk_name(26), disk_name(52)], ["vdz", "vdaa", "vdba"]);
    }
}
