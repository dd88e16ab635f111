//! Every kind of document that comes from outside: one line each, with a
//! document that has many of its elements.

use oxivirt_conf::backup::{BackupDefinition, BackupForm};
use oxivirt_conf::capabilities::Capabilities;
use oxivirt_conf::checkpoint::{CheckpointDefinition, CheckpointParse};
use oxivirt_conf::domain::{Device, DomainDefinition, DomainStatus, NoHooks, ParseFlags};
use oxivirt_conf::interface::HostInterface;
use oxivirt_conf::network::NetworkDefinition;
use oxivirt_conf::network_port::NetworkPort;
use oxivirt_conf::node_device::{NodeDeviceDefinition, ParseAs};
use oxivirt_conf::nwfilter::NwFilterDefinition;
use oxivirt_conf::nwfilter_binding::NwFilterBinding;
use oxivirt_conf::secret::SecretDefinition;
use oxivirt_conf::snapshot::{SnapshotDefinition, SnapshotParse};
use oxivirt_conf::storage_pool::{PoolDefinition, PoolType, parse_sources};
use oxivirt_conf::storage_pool_capabilities::StoragePoolCapabilities;
use oxivirt_conf::storage_volume::{CapacityRule, VolumeDefinition};
use oxivirt_conf::sysinfo::HostSysInfo;
use oxivirt_core::Result;

/// A kind of document.
pub(crate) struct Kind {
    /// What it is called in messages.
    pub(crate) name: &'static str,
    /// A document that is read.
    pub(crate) sample: &'static str,
    /// Reads it.
    pub(crate) read: fn(&str) -> Result<()>,
}

macro_rules! kinds {
    ($($name:literal, $sample:expr, $read:expr;)+) => {
        pub(crate) const KINDS: &[Kind] = &[$(Kind { name: $name, sample: $sample, read: $read },)+];
    };
}

kinds! {
    "domain", GUEST, |xml| DomainDefinition::parse(xml, ParseFlags::SKIP_VALIDATE, &NoHooks).map(drop);
    "domain, checked", "<domain type='kvm'><name>a</name><memory>1024</memory><vcpu>2</vcpu><os><type>hvm</type></os>\
        <cputune><vcpupin vcpu='0' cpuset='1'/><vcpusched vcpus='0' scheduler='fifo' priority='1'/></cputune>\
        <devices><disk type='file'><source file='/a'/><target dev='hda'/></disk><hostdev mode='subsystem' type='usb'><source>\
        <vendor id='0x1234'/><product id='0xbeef'/></source></hostdev><serial type='pty'/><video/></devices>\
        <seclabel type='dynamic' model='selinux'/></domain>",
        |xml| DomainDefinition::parse(xml, ParseFlags::INACTIVE, &NoHooks).map(drop);
    "domain status", "<domstatus state='running' reason='booted' pid='7'><taint flag='x'/>\
        <domain type='test' id='7'><name>a</name><memory>1024</memory><os><type>hvm</type></os></domain></domstatus>",
        |xml| DomainStatus::<()>::parse(xml, &NoHooks).map(drop);
    "device", "<disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/><backingStore type='file'>\
        <format type='raw'/><source file='/b'/></backingStore></disk>",
        |xml| Device::parse(xml, ParseFlags::NONE).map(drop);
    "snapshot", "<domainsnapshot><name>s</name><state>shutoff</state><creationTime>7</creationTime>\
        <disks><disk name='vda' snapshot='external'><source file='/a'/></disk></disks></domainsnapshot>",
        |xml| SnapshotDefinition::parse(xml, SnapshotParse { disks: true, ..SnapshotParse::default() }, 7, &NoHooks).map(drop);
    "checkpoint", "<domaincheckpoint><name>c</name><disks><disk name='vda' checkpoint='bitmap'/></disks>\
        </domaincheckpoint>",
        |xml| CheckpointDefinition::parse(xml, CheckpointParse::default(), 7, &NoHooks).map(drop);
    "backup", "<domainbackup mode='pull'><server name='localhost' port='10809'/><disks><disk name='vda' type='file'>\
        <scratch file='/a'/></disk></disks></domainbackup>",
        |xml| BackupDefinition::parse(xml, BackupForm::Public).map(drop);
    "network", "<network><name>n</name><forward mode='nat'><nat><port start='1024' end='65535'/></nat></forward>\
        <bridge name='virbr0' stp='on' delay='0'/><mac address='52:54:00:00:00:01'/><dns><host ip='10.0.0.9'>\
        <hostname>h</hostname></host></dns><ip address='10.0.0.1' netmask='255.255.255.0'><dhcp>\
        <range start='10.0.0.10' end='10.0.0.99'/><host mac='52:54:00:00:00:02' ip='10.0.0.5'/></dhcp></ip>\
        <portgroup name='p' default='yes'><vlan><tag id='4'/></vlan></portgroup></network>",
        |xml| NetworkDefinition::parse(xml, ParseFlags::NONE, &oxivirt_conf::network::NoHooks).map(drop);
    "network port", "<networkport><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid><owner><name>a</name>\
        <uuid>c7a5fdbd-edaf-9455-926a-d65c16db1808</uuid></owner><mac address='52:54:00:11:22:33'/>\
        <plug type='bridge' bridge='virbr0'/></networkport>",
        |xml| NetworkPort::parse(xml).map(drop);
    "host interface", "<interface type='ethernet' name='eth0'><start mode='none'/><mtu size='1500'/>\
        <protocol family='ipv4'><ip address='10.0.0.1' prefix='24'/></protocol></interface>",
        |xml| HostInterface::parse(xml).map(drop);
    "node device", "<device><name>pci_0000_00_1c_0</name><parent>computer</parent><driver><name>x</name></driver>\
        <capability type='pci'><domain>0</domain><bus>0</bus><slot>28</slot><function>0</function>\
        <product id='0x1c10'>p</product><vendor id='0x8086'>v</vendor></capability></device>",
        |xml| NodeDeviceDefinition::parse(xml, ParseAs::Existing).map(drop);
    "nwfilter", "<filter name='f' chain='root'><filterref filter='g'><parameter name='IP' value='10.0.0.1'/></filterref>\
        <rule action='drop' direction='in' priority='500'><tcp srcipaddr='10.1.2.3' srcportstart='80'/></rule></filter>",
        |xml| NwFilterDefinition::parse(xml).map(drop);
    "nwfilter binding", "<filterbinding><owner><name>a</name><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid></owner>\
        <portdev name='vnet0'/><mac address='52:54:00:11:22:33'/><filterref filter='f'/></filterbinding>",
        |xml| NwFilterBinding::parse(xml).map(drop);
    "secret", "<secret ephemeral='no' private='yes'><description>d</description><usage type='volume'>\
        <volume>/a</volume></usage></secret>",
        |xml| SecretDefinition::parse(xml).map(drop);
    "storage pool", "<pool type='netfs'><name>p</name><source><host name='h'/><dir path='/a'/><format type='nfs'/></source>\
        <target><path>/b</path><permissions><mode>0711</mode><owner>1</owner><group>2</group></permissions></target></pool>",
        |xml| PoolDefinition::parse(xml).map(drop);
    "storage volume", "<volume><name>v</name><capacity unit='G'>1</capacity><target><format type='qcow2'/></target>\
        <backingStore><path>/a</path><format type='raw'/></backingStore></volume>",
        |xml| VolumeDefinition::parse(xml, PoolType::Dir, CapacityRule::Required).map(drop);
    "storage sources", "<sources><source><name>a</name><host name='h'/></source></sources>",
        |xml| parse_sources(xml, PoolType::NetFs).map(drop);
    "storage pool capabilities", "<storagepoolCapabilities><pool type='dir' supported='yes'/></storagepoolCapabilities>",
        |xml| StoragePoolCapabilities::parse(xml).map(drop);
    "sysinfo", "<sysinfo type='smbios'><bios><entry name='vendor'>v</entry></bios></sysinfo>",
        |xml| HostSysInfo::parse(xml).map(drop);
    "capabilities", "<capabilities><host><cpu><arch>x86_64</arch></cpu></host><guest><os_type>hvm</os_type>\
        <arch name='x86_64'><wordsize>64</wordsize></arch></guest></capabilities>",
        |xml| Capabilities::parse(xml).map(drop);
}

const GUEST: &str = include_str!("../../src/domain/abi/tests/guest.xml");
