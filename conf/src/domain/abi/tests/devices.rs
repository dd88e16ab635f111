//! Devices, group by group.

use super::{allowed, refused};

const D: &str = "/domain/devices";

fn refused_below(cases: &[(&str, &str, &str)]) {
    let cases: Vec<_> = cases.iter().map(|(from, to, path)| (*from, *to, format!("{D}/{path}"))).collect();
    let cases: Vec<_> = cases.iter().map(|(from, to, path)| (*from, *to, path.as_str())).collect();
    refused(&cases);
}

#[test]
fn disks() {
    refused_below(&[
        ("device='cdrom'", "device='disk'", "disk[3]/@device"),
        ("dev='vda'", "dev='vdb'", "disk[1]/target/@dev"),
        ("dev='sdb' bus='sata'", "dev='sdb' bus='usb'", "disk[3]/target/@bus"),
        ("rotation_rate='7200'", "rotation_rate='1'", "disk[2]/target/@rotation_rate"),
        ("<readonly/>\n      <shareable/>", "<shareable/>", "disk[2]/readonly"),
        ("<shareable/>", "", "disk[2]/shareable"),
        (">D-1<", ">D-2<", "disk[1]/serial"),
        ("<serial>D-1</serial>", "", "disk[1]/serial"),
        (">5000c50015ea71aa<", ">5000c50015ea71ab<", "disk[2]/wwn"),
        (">SEAGATE<", ">OTHER<", "disk[2]/vendor"),
        (">ST3146707LC<", ">OTHER<", "disk[2]/product"),
        ("heads='16'", "heads='8'", "disk[1]/geometry"),
        ("logical_block_size='512'", "logical_block_size='1024'", "disk[1]/blockio/@logical_block_size"),
        ("physical_block_size='4096'", "physical_block_size='512'", "disk[1]/blockio/@physical_block_size"),
        ("discard_granularity='8192'", "discard_granularity='512'", "disk[1]/blockio/@discard_granularity"),
        ("queues='2'", "queues='4'", "disk[1]/driver/@queues"),
        ("queue_size='128'", "queue_size='256'", "disk[1]/driver/@queue_size"),
        ("packed='on'", "packed='off'", "disk[1]/driver/@packed"),
        ("bus='0x04' slot='0x00'", "bus='0x04' slot='0x01'", "disk[1]/address/@slot"),
        ("unit='3'", "unit='4'", "disk[2]/address"),
    ]);
    allowed(&[
        ("/one.qcow2", "/moved/one.qcow2"),
        ("<disk type='file' device='disk'>\n      <driver", "<disk type='block' device='disk'>\n      <driver"),
        ("cache='none'", "cache='writeback'"),
        ("<boot order='1'/>", ""),
        ("<alias name='ua-disk'/>", "<alias name='ua-other'/>"),
        ("<source file='/cd.iso'/>", ""),
    ]);
}

#[test]
fn controllers() {
    refused_below(&[
        ("model='virtio-scsi'", "model='lsilogic'", "controller[1]/@model"),
        ("queues='4' cmd", "queues='2' cmd", "controller[1]/driver/@queues"),
        ("cmd_per_lun='50'", "cmd_per_lun='60'", "controller[1]/driver/@cmd_per_lun"),
        ("max_sectors='512'", "max_sectors='256'", "controller[1]/driver/@max_sectors"),
        (">1048576</pcihole64>", ">2048576</pcihole64>", "controller[2]/pcihole64"),
        ("<model name='pcie-root-port'/>", "<model name='ioh3420'/>", "controller[3]/model/@name"),
        ("chassis='1'", "chassis='2'", "controller[3]/target/@chassis"),
        ("port='0x10'", "port='0x11'", "controller[3]/target/@port"),
        ("hotplug='off'", "hotplug='on'", "controller[3]/target/@hotplug"),
        ("ports='16'", "ports='8'", "controller[4]/@ports"),
        ("vectors='4'", "vectors='2'", "controller[4]/@vectors"),
        ("model='qemu-xhci' ports='15'", "model='qemu-xhci' ports='8'", "controller[5]/@ports"),
        ("slot='0x1f' function='0x2'", "slot='0x1f' function='0x3'", "controller[7]/address/@function"),
    ]);
    allowed(&[("ioeventfd='on'/>\n      <address", "ioeventfd='off'/>\n      <address")]);
    // In a document a gap would be filled.
    let mut moved = super::parse(super::GUEST);
    moved.devices.controllers[6].index = Some(3);
    let error = super::parse(super::GUEST).check_abi_stability(&moved, &crate::domain::NoHooks).unwrap_err();
    assert!(
        error.detail().starts_with("/domain/devices/controller[7]/@index cannot change from '0' to '3'"),
        "{error}"
    );
}

#[test]
fn shared_folders() {
    refused_below(&[
        ("dir='tag'", "dir='other'", "filesystem[1]/target/@dir"),
        ("type='virtiofs' queue='1024'", "type='path'", "filesystem[1]/driver/@type"),
        ("queue='1024'", "queue='512'", "filesystem[1]/driver/@queue"),
        (
            "<readonly/>\n      <address type='pci' domain='0x0000' bus='0x07'",
            "<address type='pci' domain='0x0000' bus='0x07'",
            "filesystem[1]/readonly",
        ),
    ]);
    allowed(&[("dir='/shared'", "dir='/elsewhere'"), ("accessmode='passthrough'", "accessmode='mapped'")]);
}

#[test]
fn network_cards() {
    let card = "<mac address='52:54:00:11:22:33'/>\n      <source network='default'/>";
    refused_below(&[
        ("52:54:00:11:22:33", "52:54:00:11:22:34", "interface[1]/mac/@address"),
        ("<model type='virtio'/>", "<model type='e1000e'/>", "interface[1]/model/@type"),
        ("<mtu size='1400'/>", "<mtu size='1500'/>", "interface[1]/mtu"),
        ("<mtu size='1400'/>", "", "interface[1]/mtu"),
        ("queues='4' rx", "queues='2' rx", "interface[1]/driver/@queues"),
        ("rx_queue_size='256'", "rx_queue_size='512'", "interface[1]/driver/@rx_queue_size"),
        ("rss='on'", "rss='off'", "interface[1]/driver/@rss"),
        ("<host csum='off'/>", "", "interface[1]/driver/host"),
        ("<guest tso4='off'/>", "", "interface[1]/driver/guest"),
        ("<rom bar='off'", "<rom bar='on'", "interface[1]/rom/@bar"),
        ("<acpi index='3'/>", "<acpi index='4'/>", "interface[1]/acpi/@index"),
        ("bus='0x01' slot='0x00'", "bus='0x02' slot='0x00'", "interface[1]/address/@bus"),
    ]);
    allowed(&[
        ("network='default'", "network='other'"),
        ("average='1000'", "average='2000'"),
        ("<driver name='vhost'", "<driver name='qemu'"),
        ("<link state='up'/>", "<link state='down'/>"),
        ("file='/net.rom'", "file='/other.rom'"),
    ]);
    let bridged = card.replace("source network='default'", "source bridge='br0'");
    let text = super::GUEST.replace("<interface type='network'>", "<interface type='bridge'>").replace(card, &bridged);
    super::parse(super::GUEST).check_abi_stability(&super::parse(&text), &crate::domain::NoHooks).unwrap();
}

#[test]
fn sockets_to_the_host() {
    refused_below(&[("<vsock model='virtio'>", "<vsock model='virtio-transitional'>", "vsock[1]/@model")]);
    allowed(&[("<cid auto='no' address='4'/>", "<cid auto='no' address='5'/>")]);
}

#[test]
fn character_devices() {
    refused_below(&[
        ("<smartcard mode='passthrough' type='unix'>", "<smartcard mode='host'>", "smartcard[1]/@mode"),
        ("controller='0' slot='0'", "controller='0' slot='1'", "smartcard[1]/address"),
        ("<target type='isa-serial' port='0'>", "<target type='isa-serial' port='1'>", "serial[1]/target/@port"),
        ("<model name='isa-serial'/>", "<model name='isa-debugcon'/>", "serial[1]/target/model/@name"),
        ("<target port='0'/>", "<target port='1'/>", "parallel[1]/target/@port"),
        ("iobase='0x378'", "iobase='0x278'", "parallel[1]/address"),
        ("org.qemu.guest_agent.0", "org.qemu.guest_agent.1", "channel[1]/target/@name"),
        ("<target type='virtio' name='org", "<target type='xen' name='org", "channel[1]/target/@type"),
        ("bus='0' port='2'", "bus='0' port='3'", "channel[1]/address"),
        ("address='10.0.2.1'", "address='10.0.2.2'", "channel[2]/target/@address"),
        ("port='4600'", "port='4601'", "channel[2]/target/@port"),
        ("port='4'/></redirdev>", "port='6'/></redirdev>", "redirdev[1]/address"),
        ("product='0xBEEF'", "product='0xBEE0'", "redirfilter/usbdev[1]"),
        ("version='2.56' allow='yes'", "version='2.56' allow='no'", "redirfilter/usbdev[1]"),
    ]);
    allowed(&[
        ("path='/card'", "path='/other'"),
        ("path='/log'", "path='/other'"),
        ("<parallel type='file'>", "<parallel type='pipe'>"),
        ("path='/console'", "path='/other'"),
        ("path='/agent'", "path='/other'"),
        ("state='connected'", "state='disconnected'"),
        ("type='spicevmc'", "type='null'"),
    ]);
}

#[test]
fn displays_sound_and_input() {
    refused_below(&[
        ("type='tablet'", "type='mouse'", "input[1]/@type"),
        ("type='keyboard' bus='virtio' model='virtio'", "type='keyboard' bus='usb'", "input[2]/@bus"),
        ("<driver ats='on'/>", "<driver ats='off'/>", "input[2]/driver/@ats"),
        ("<sound model='ich9'", "<sound model='ich6'", "sound[1]/@model"),
        ("multichannel='no'", "multichannel='yes'", "sound[1]/@multichannel"),
        ("<codec type='duplex'/>", "<codec type='micro'/>", "sound[1]/codec[1]"),
        ("<model type='virtio' vram", "<model type='bochs' vram", "video[1]/model/@type"),
        ("vram='65536'", "vram='32768'", "video[1]/model/@vram"),
        ("heads='1'", "heads='2'", "video[1]/model/@heads"),
        ("blob='off'", "blob='on'", "video[1]/model/@blob"),
        ("accel3d='yes'", "accel3d='no'", "video[1]/model/acceleration/@accel3d"),
        ("<resolution x='1280' y='720'/>", "<resolution x='1024' y='768'/>", "video[1]/model/resolution"),
        ("<driver name='qemu'/>", "<driver name='vhostuser'/>", "video[1]/driver/@name"),
        ("port='5'/></hub>", "port='6'/></hub>", "hub[1]/address"),
    ]);
    refused(&[(
        "<input type='tablet' bus='usb'><address type='usb' bus='0' port='1'/></input>",
        "",
        "count(/domain/devices/input)",
    )]);
    allowed(&[
        ("port='5901'", "port='5902'"),
        ("listen='127.0.0.1'", "listen='127.0.0.2'"),
        ("<audio id='1' type='none'/>", "<audio id='1' type='file'/>"),
        ("renderD128", "renderD129"),
    ]);
}

#[test]
fn devices_of_the_host() {
    refused_below(&[
        ("display='on'", "display='off'", "hostdev[2]/@display"),
        ("ramfb='on'", "ramfb='off'", "hostdev[2]/@ramfb"),
        ("bus='0x08' slot='0x00'", "bus='0x09' slot='0x00'", "hostdev[1]/address/@bus"),
    ]);
    allowed(&[("bus='0x0a'", "bus='0x0b'"), ("53764d0e", "53764d0f"), ("managed='yes'", "managed='no'")]);
}

#[test]
fn memory_devices() {
    refused_below(&[
        ("<memory model='dimm' access", "<memory model='virtio-pmem' access", "memory[1]/@model"),
        (">524288</size><node>0<", ">524289</size><node>0<", "memory[1]/target/size"),
        (">524288</size><node>0<", ">524288</size><node>1<", "memory[1]/target/node"),
        ("base='0x100000000'", "base='0x200000000'", "memory[1]/address"),
        (">2048</block>", ">4096</block>", "memory[2]/target/block"),
        (">131072</requested>", ">262144</requested>", "memory[2]/target/requested"),
        ("c18868cf92ae", "c18868cf92af", "memory[3]/uuid"),
        (">2048</alignsize>", ">4096</alignsize>", "memory[3]/source/alignsize"),
        (">128</size></label>", ">256</size></label>", "memory[3]/target/label/size"),
        ("<memballoon model='virtio'", "<memballoon model='none'", "memballoon[1]/@model"),
        ("autodeflate='on'", "autodeflate='off'", "memballoon[1]/@autodeflate"),
        ("freePageReporting='on'", "freePageReporting='off'", "memballoon[1]/@freePageReporting"),
        ("name='shared0'", "name='shared2'", "shmem[1]/@name"),
        ("role='peer'", "role='master'", "shmem[1]/@role"),
        ("vectors='8'", "vectors='4'", "shmem[1]/msi/@vectors"),
        ("<size unit='M'>4<", "<size unit='M'>8<", "shmem[2]/size"),
        ("reg='0x3000'", "reg='0x4000'", "nvram[1]/address"),
        ("<size unit='KiB'>8<", "<size unit='KiB'>16<", "pstore[1]/size"),
    ]);
    allowed(&[
        (">4096</pagesize>", ">2048</pagesize>"),
        ("access='private'>", "access='shared'>"),
        (">65536</current>", ">32768</current>"),
        ("/tmp/nvdimm", "/var/nvdimm"),
        ("<stats period='5'/>", "<stats period='9'/>"),
        ("path='/shmem'", "path='/other'"),
        ("<path>/pstore<", "<path>/other<"),
    ]);
}

#[test]
fn parts_of_the_machine() {
    refused_below(&[
        ("tpm-crb", "tpm-tis", "tpm[1]/@model"),
        ("version='2.0'", "version='1.2'", "tpm[1]/backend/@version"),
        ("type='emulator' version='2.0' debug='1'", "type='passthrough'", "tpm[1]/backend/@type"),
        ("<watchdog model='itco'", "<watchdog model='ib700'", "watchdog[1]/@model"),
        ("<rng model='virtio'", "<rng model='virtio-transitional'", "rng[1]/@model"),
        ("<panic model='isa'", "<panic model='pvpanic'", "panic[1]/@model"),
        ("iobase='0x505'", "iobase='0x506'", "panic[1]/address"),
        ("<iommu model='intel'", "<iommu model='virtio'", "iommu[1]/@model"),
        ("aw_bits='48'", "aw_bits='39'", "iommu[1]/driver/@aw_bits"),
        ("model='builtin' queues='1'", "model='builtin' queues='2'", "crypto[1]/backend/@queues"),
    ]);
    refused(&[("<watchdog model='itco' action='reset'/>", "", "count(/domain/devices/watchdog)")]);
    allowed(&[
        ("debug='1'", "debug='2'"),
        ("action='reset'", "action='none'"),
        ("bytes='1024'", "bytes='2048'"),
        ("/dev/urandom", "/dev/hwrng"),
        ("model='builtin'", "model='lkcf'"),
    ]);
}
