//! A daemon keeps every definition in memory, often twice, and a host may
//! have ten thousand of them: a rare part that stands in a structure itself
//! instead of in a box is paid for by every domain. A limit that is passed
//! asks for a `Box` or a `Rare` around what was added, not for a larger limit.

use oxivirt_conf::domain::devices::{
    Channel, CharSource, Console, Controller, DeviceInfo, DeviceParts, Devices, Disk, Graphics, Input, Interface,
    MemBalloon, Rng, Serial, StorageSource, Video,
};
use oxivirt_conf::domain::{DomainDefinition, FormatFlags, NoHooks, Os, ParseFlags};

/// Bytes that `$type` may take.
macro_rules! at_most {
    ($($type:ty: $limit:literal),+ $(,)?) => {$(
        assert!(
            size_of::<$type>() <= $limit,
            "{} takes {} bytes, more than {}", stringify!($type), size_of::<$type>(), $limit,
        );
    )+};
}

#[test]
fn structures_of_every_domain_stay_small() {
    at_most! {
        DomainDefinition: 1496, Devices: 464, Os: 160,
        Disk: 480, StorageSource: 136, Interface: 336, Controller: 120,
        Serial: 128, Console: 104, Channel: 104, CharSource: 64,
        Input: 48, Graphics: 104, Video: 104, MemBalloon: 32, Rng: 96,
        DeviceInfo: 8, DeviceParts: 88,
    }
}

#[test]
fn lists_of_a_read_definition_hold_no_slack() {
    // Odd numbers, which growth by doubling would not end at; the channel
    // brings a controller that the document does not have.
    let disks: String = ["vda", "vdb", "vdc"]
        .iter()
        .map(|dev| format!("<disk type='file'><source file='/{dev}'/><target dev='{dev}' bus='virtio'/></disk>"))
        .collect();
    let xml = format!(
        "<domain type='test'><name>small</name><memory>1024</memory>
        <os><type arch='x86_64'>hvm</type><boot dev='hd'/></os>
        <clock offset='utc'><timer name='rtc'/><timer name='pit'/><timer name='hpet'/></clock>
        <devices>{disks}<controller type='usb' index='0'/>
        <channel type='unix'><target type='virtio' name='a'/></channel>
        <serial type='pty'/></devices></domain>"
    );
    let mut def = DomainDefinition::parse(&xml, ParseFlags::default(), &NoHooks).expect("a valid document");
    assert_eq!((def.devices.disks.len(), def.devices.disks.capacity()), (3, 3));
    assert_eq!(def.devices.controllers.capacity(), def.devices.controllers.len());
    assert_eq!((def.devices.consoles.len(), def.devices.consoles.capacity()), (1, 1));
    assert_eq!((def.clock.timers.len(), def.clock.timers.capacity()), (3, 3));
    assert_eq!((def.os.boot.len(), def.os.boot.capacity()), (1, 1));

    let printed = def.format(FormatFlags::default()).expect("printable");
    def.devices.disks.reserve(10);
    def.shrink_to_fit();
    assert_eq!(def.devices.disks.capacity(), 3);
    assert_eq!(def.format(FormatFlags::default()).expect("printable"), printed);
}
