#![allow(clippy::unwrap_used)]
use oxivirt_core::{ErrorCode, Result};

use super::*;

/// A device with one capability of this kind.
fn read(kind: &str, inside: &str) -> Result<NodeDeviceDefinition> {
    let text = format!("<device><name>d</name><capability type='{kind}'>{inside}</capability></device>");
    NodeDeviceDefinition::parse(&text, ParseAs::Existing)
}

/// What stands in the capability when it is printed, blanks left out.
fn printed(kind: &str, inside: &str) -> String {
    let text = read(kind, inside).unwrap_or_else(|error| panic!("{inside}: {error}")).format(DeviceView::Active);
    let again = NodeDeviceDefinition::parse(&text, ParseAs::Existing).unwrap();
    assert_eq!(again.format(DeviceView::Active), text);
    let flat: String = text.lines().map(str::trim_start).collect();
    let start = format!("<capability type='{kind}'>");
    let inside = flat.split_once(&start).map_or("", |(_, rest)| rest);
    inside.strip_suffix("</capability></device>").unwrap_or_default().to_owned()
}

const PCI: &str =
    "<domain>0</domain><bus>1</bus><slot>2</slot><function>0</function><product id='1'/><vendor id='0x2'/>";
const PCI_PRINTED: &str =
    "<domain>0</domain><bus>1</bus><slot>2</slot><function>0</function><product id='0x0001'/><vendor id='0x0002'/>";

#[test]
fn pci_parts_print_in_their_own_form() {
    for (inside, wanted) in [
        ("", ""),
        ("<iommuGroup number='3'/>", ""),
        (
            "<iommuGroup number='3'><address bus='1'/></iommuGroup>",
            "<iommuGroup number='3'><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></iommuGroup>",
        ),
        ("<numa node='-1'/>", ""),
        ("<numa/>", ""),
        ("<pci-express/>", "<pci-express/>"),
        ("<pci-express><link width='2'/></pci-express>", "<pci-express/>"),
        (
            "<pci-express><link validity='sta' port='7' speed='' width='2'/><link validity='cap' speed='5' width='1'/>\
             <link validity='cap' width='9'/></pci-express>",
            "<pci-express><link validity='cap' speed='5' width='1'/><link validity='sta' port='7' width='2'/></pci-express>",
        ),
        ("<capability type='virt_functions' maxCount='0'> </capability>", "<capability type='virt_functions'/>"),
        ("<capability type='pci-bridge'/><capability type='endpoint'/>", "<capability type='pci-bridge'/>"),
        ("<capability type='mdev_types'/>", ""),
        (
            "<capability type='vpd'><name>x</name><fields access='readonly'/></capability>",
            "<capability type='vpd'><name>x</name><fields access='readonly'></fields></capability>",
        ),
        (
            "<capability type='vpd'><name>x</name><fields access='readwrite'><system_field index='A'>a</system_field>\
             </fields></capability>",
            "<capability type='vpd'><name>x</name><fields access='readwrite'><asset_tag>a</asset_tag></fields></capability>",
        ),
    ] {
        assert_eq!(printed("pci", &format!("{PCI}{inside}")), format!("{PCI_PRINTED}{wanted}"), "{inside}");
    }
    assert!(printed("pci", &format!("<class>12</class>{PCI}")).starts_with("<class>0x000012</class>"));
}

#[test]
fn other_parts_print_in_their_own_form() {
    let net = "<interface>e</interface>";
    let ccw = "<cssid>10</cssid><ssid>010</ssid><devno>255</devno>";
    for (kind, inside, wanted) in [
        ("net", format!("{net}<link/>"), net.to_owned()),
        ("net", format!("{net}<link speed='0' state='up'/>"), format!("{net}<link state='up'/>")),
        (
            "net",
            format!("{net}<feature name='tx'/><feature name='rx'/><feature name='rx'/><capability/>"),
            format!("{net}<feature name='rx'/><feature name='tx'/>"),
        ),
        ("scsi_host", "<host>1</host><unique_id>-1</unique_id>".to_owned(), "<host>1</host>".to_owned()),
        ("ccw", ccw.replace("010", "3"), "<cssid>0xa</cssid><ssid>0x3</ssid><devno>0x0255</devno>".to_owned()),
        ("ap_queue", "<ap-adapter>7</ap-adapter><ap-domain>255</ap-domain>".to_owned(), {
            "<ap-adapter>0x07</ap-adapter><ap-domain>0x00ff</ap-domain>".to_owned()
        }),
        (
            "mdev",
            "<type id='a'/><iommuGroup/><attr name='x' value='y'/><attr name='z'/><attr value='q'/>".to_owned(),
            "<type id='a'/><iommuGroup number='0'/><attr name='x' value='y'/>".to_owned(),
        ),
        (
            "usb_device",
            "<bus>01</bus><device>2</device><product id='0x1'>a</product><vendor id='2'/>".to_owned(),
            "<bus>1</bus><device>2</device><product id='0x0001'>a</product><vendor id='0x0002' />".to_owned(),
        ),
    ] {
        assert_eq!(printed(kind, &inside), wanted, "{inside}");
    }
    assert!(read("ccw", ccw).is_err(), "octal 8 is no set of subchannels");
}

#[test]
fn malformed_capabilities_are_refused() {
    let pci = |inside: &str| ("pci", format!("{PCI}{inside}"));
    let plain = |kind: &'static str, inside: &str| (kind, inside.to_owned());
    for (kind, inside) in [
        pci("<class>x</class>"),
        pci("<class>0x1000000</class>"),
        pci("<iommuGroup/>"),
        pci("<iommuGroup number='3'><address slot='0x20'/></iommuGroup>"),
        pci("<numa node='x'/>"),
        pci("<pci-express><link validity='cap'/></pci-express>"),
        pci("<pci-express><link validity='cap' speed='3' width='2'/></pci-express>"),
        pci("<capability/>"),
        pci("<capability type='phys_function'/>"),
        pci("<capability type='virt_functions' maxCount='x'/>"),
        pci("<capability type='mdev_types'><type id='a'/></capability>"),
        pci("<capability type='mdev_types'><type><deviceAPI>a</deviceAPI></type></capability>"),
        pci("<capability type='vpd'/>"),
        pci("<capability type='vpd'><name>x</name><fields/></capability>"),
        pci("<capability type='vpd'><name>x</name><fields access='foo'/></capability>"),
        pci(
            "<capability type='vpd'><name>x</name><fields access='readonly'><vendor_field index='ab'/></fields></capability>",
        ),
        ("pci", PCI.replace("<bus>1", "<bus>0x1")),
        ("pci", PCI.replace("<bus>1", "<bus>-1")),
        ("pci", PCI.replace("id='1'", "id='zz'")),
        ("pci", PCI.replace("<product id='1'/>", "")),
        plain("system", ""),
        plain("system", "<hardware><uuid>x</uuid></hardware>"),
        plain("usb_device", "<bus>1</bus><device>2</device>"),
        plain("usb", "<number>1</number>"),
        plain("net", ""),
        plain("net", "<interface>e</interface><link state='foo'/>"),
        plain("net", "<interface>e</interface><feature name='foo'/>"),
        plain("net", "<interface>e</interface><feature/>"),
        plain("net", "<interface>e</interface><capability type='foo'/>"),
        plain("scsi_host", ""),
        plain("scsi_host", "<host>1</host><capability type='fc_host'><wwnn>a</wwnn></capability>"),
        plain("scsi_host", "<host>1</host><capability type='foo'/>"),
        plain("scsi_target", "<target>t</target><capability type='fc_remote_port'><rport>r</rport></capability>"),
        plain("scsi", "<host>1</host><bus>2</bus><target>3</target><lun>x</lun>"),
        plain("storage", "<block>/dev/x</block>"),
        plain("storage", "<block>/dev/x</block><size>1</size><capability type='foo'/>"),
        plain("storage", "<block>/dev/x</block><capability type='removable'/>"),
        plain("drm", "<type>x</type>"),
        plain("ccw", "<cssid>0</cssid><ssid>0</ssid><devno>0x10000</devno>"),
        plain("ccw", "<cssid>0xff</cssid><ssid>0</ssid><devno>0</devno>"),
        plain("ccw", "<state>x</state><cssid>0</cssid><ssid>0</ssid><devno>0</devno>"),
        plain("css", "<cssid>0</cssid><ssid>0</ssid><devno>0</devno><channel_dev_addr/>"),
        plain("ccwgroup", "<cssid>0</cssid><ssid>0</ssid><devno>0</devno>"),
        plain("ap_card", "<ap-adapter>256</ap-adapter>"),
        plain("ap_queue", "<ap-adapter>1</ap-adapter>"),
        plain("mdev", "<type/>"),
        plain("mdev", "<type id='a'/><uuid>x</uuid>"),
        plain("vpd", "<name>x</name>"),
        plain("foo", ""),
    ] {
        let error = read(kind, &inside).expect_err(&inside);
        assert_eq!(error.code(), ErrorCode::XML_ERROR, "{kind} {inside}");
    }
}

#[test]
fn malformed_devices_are_refused() {
    let drm = "<capability type='drm'><type>render</type></capability>";
    for inside in [
        "<name>d</name>".to_owned(),
        drm.to_owned(),
        format!("<name/>{drm}"),
        format!("<name>d</name><devnode>/d</devnode>{drm}"),
        format!("<name>d</name><devnode type='x'>/d</devnode>{drm}"),
        format!("<name>d</name><parent wwnn='1'/>{drm}"),
        "<name>d</name><capability/>".to_owned(),
    ] {
        let text = format!("<device>{inside}</device>");
        let error = NodeDeviceDefinition::parse(&text, ParseAs::Existing).expect_err(&text);
        assert_eq!(error.code(), ErrorCode::XML_ERROR, "{inside}");
    }
    assert!(NodeDeviceDefinition::parse("<foo/>", ParseAs::New).is_err());
}

#[test]
fn a_new_device_needs_neither_name_nor_number() {
    let text = "<device><parent wwnn='1' wwpn='2' fabric_wwn='3'/><capability type='scsi_host'>\
                <capability type='fc_host'><wwnn>a</wwnn></capability></capability></device>";
    let device = NodeDeviceDefinition::parse(text, ParseAs::New).unwrap();
    assert_eq!(device.parent_hba.wwnn_wwpn, Some(("1".to_owned(), "2".to_owned())));
    assert_eq!((device.name.as_str(), device.parent_hba.fabric_wwn.as_deref()), ("new device", Some("3")));
    let Some(Capability::ScsiHost(host)) = device.capabilities.first() else { panic!("{device:?}") };
    let fc = host.fc_host.as_ref().unwrap();
    assert_eq!((host.host, fc.wwnn.as_deref(), fc.wwpn.as_deref()), (None, Some("a"), None));
    assert!(NodeDeviceDefinition::parse(text, ParseAs::Existing).is_err());
}

#[test]
fn the_inactive_view_is_what_is_defined() {
    let text = "<device><name>m</name><path>/p</path><devnode type='dev'>/d</devnode><parent>c</parent>\
                <capability type='mdev'><type id='a'/><attr name='x' value='1'/></capability></device>";
    let mut device = NodeDeviceDefinition::parse(text, ParseAs::Existing).unwrap();
    device.driver = Some("vfio".to_owned());
    if let Some(Capability::Mdev(mdev)) = device.capabilities.first_mut() {
        mdev.defined = MdevConfig { type_id: "b".to_owned(), attributes: Vec::new() };
        mdev.parent_addr = Some("0.0.0052".to_owned());
    }
    let (active, inactive) = (device.format(DeviceView::Active), device.format(DeviceView::Inactive));
    for word in ["<path>", "<devnode", "<driver>", "<attr", "<type id='a'/>"] {
        assert!(active.contains(word) && !inactive.contains(word), "{word}:\n{active}{inactive}");
    }
    assert!(inactive.contains("<type id='b'/>\n    <parent_addr>0.0.0052</parent_addr>\n"), "{inactive}");
    let kinds = |kind: &str, inside: &str| read(kind, inside).unwrap().capabilities[0].kinds();
    let host = "<host>1</host><capability type='vport_ops'><max_vports>1</max_vports><vports>0</vports></capability>";
    assert_eq!(kinds("scsi_host", host), [CapabilityKind::ScsiHost, CapabilityKind::Vports]);
}
