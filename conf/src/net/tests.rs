#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::xml::{Document, Element, Value, WriteMode, Writer};

fn read<E: Element>(xml: &str) -> oxivirt_core::Result<E> {
    E::parse(Document::parse(xml)?.root())
}

fn print<E: Element>(name: &str, value: &E) -> String {
    let mut w = Writer::new(WriteMode::default());
    w.element_unless_empty(name, value);
    w.finish()
}

#[test]
fn addresses_read_and_print_as_the_c_functions_do() {
    for (text, printed) in [
        ("10.1", "10.0.0.1"),
        ("010.0.0.1", "8.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("1", "0.0.0.1"),
        ("4294967295", "255.255.255.255"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
        ("::1.2.3.4", "::1.2.3.4"),
        ("::1", "::1"),
        ("::", "::"),
    ] {
        let address = IpAddr::parse_value(text).unwrap_or_else(|| panic!("{text} is an address"));
        let mut out = String::new();
        address.write_value(&mut out);
        assert_eq!(out, printed);
    }
    for text in
        ["", " 10.0.0.1", "10.0.0.1 ", "10.0.0.256", "1.2.3.4.5", "10..1", "09.1.1.1", "0x", "1.", "4294967296", ":"]
    {
        assert_eq!(IpAddr::parse_value(text), None, "{text}");
    }
}

#[test]
fn prefixes_come_from_masks_and_classes() {
    assert_eq!(netmask_prefix(Ipv4Addr::new(255, 255, 255, 0)), Some(24));
    assert_eq!(netmask_prefix(Ipv4Addr::new(0, 0, 0, 0)), Some(0));
    assert_eq!(netmask_prefix(Ipv4Addr::new(255, 255, 255, 255)), Some(32));
    assert_eq!(netmask_prefix(Ipv4Addr::new(255, 0, 255, 0)), None);
    for (text, prefix) in
        [("10.0.0.1", Some(8)), ("172.16.0.1", Some(16)), ("192.168.0.1", Some(24)), ("224.0.0.1", None)]
    {
        assert_eq!(class_prefix(text.parse().unwrap()), prefix, "{text}");
    }
    let address: IpAddr = "2001:db8::ffff".parse().unwrap();
    for (prefix, network) in
        [(0, "::"), (64, "2001:db8::"), (127, "2001:db8::fffe"), (128, "2001:db8::ffff"), (200, "2001:db8::ffff")]
    {
        assert_eq!(network_of(address, prefix), network.parse::<IpAddr>().unwrap(), "{prefix}");
    }
    assert!(is_within("10.9.9.9".parse().unwrap(), "10.0.0.1".parse().unwrap(), 8));
    assert!(!is_within("2001::1".parse().unwrap(), "10.0.0.1".parse().unwrap(), 0));
}

#[test]
fn several_tags_are_a_trunk() {
    let vlan: Vlan = read("<vlan><tag id='5'/><tag id='6' nativeMode='untagged'/></vlan>").unwrap();
    assert_eq!(
        print("vlan", &vlan),
        "<vlan trunk='yes'>\n  <tag id='5'/>\n  <tag id='6' nativeMode='untagged'/>\n</vlan>\n"
    );
    let one: Vlan = read("<vlan trunk='no'><tag id='5'/></vlan>").unwrap();
    assert_eq!(print("vlan", &one), "<vlan>\n  <tag id='5'/>\n</vlan>\n");
    for bad in [
        "<vlan/>",
        "<vlan trunk='x'><tag id='5'/></vlan>",
        "<vlan trunk='no'><tag id='5'/><tag id='6'/></vlan>",
        "<vlan trunk='no'><tag id='5' nativeMode='tagged'/></vlan>",
        "<vlan><tag id='5' nativeMode='tagged'/><tag id='6' nativeMode='tagged'/></vlan>",
        "<vlan><tag id='4096'/></vlan>",
        "<vlan><tag id='70000'/></vlan>",
        "<vlan><tag id='-1'/></vlan>",
        "<vlan><tag/></vlan>",
        "<vlan><tag id='5' nativeMode='x'/></vlan>",
    ] {
        assert_eq!(read::<Vlan>(bad).unwrap_err().code(), ErrorCode::XML_ERROR, "{bad}");
    }
}

#[test]
fn limits_need_an_average_or_a_floor() {
    let read_network = |xml: &str| BandwidthLimits::of_network(Document::parse(xml).unwrap().root());
    let zero: BandwidthLimits = read("<bandwidth><inbound average='0' peak='5'/></bandwidth>").unwrap();
    // A direction without limits is as good as none.
    assert_eq!(print("bandwidth", &zero), "");
    assert_eq!(print("bandwidth", &read::<BandwidthLimits>("<bandwidth/>").unwrap()), "");
    for (bad, code) in [
        ("<bandwidth><inbound/></bandwidth>", ErrorCode::XML_DETAIL),
        ("<bandwidth><inbound peak='5'/></bandwidth>", ErrorCode::XML_DETAIL),
        ("<bandwidth classID='1'><inbound average='5'/></bandwidth>", ErrorCode::XML_DETAIL),
        ("<bandwidth><inbound floor='5'/></bandwidth>", ErrorCode::CONFIG_UNSUPPORTED),
        ("<bandwidth><outbound floor='5'/></bandwidth>", ErrorCode::CONFIG_UNSUPPORTED),
        ("<bandwidth><inbound average='x'/></bandwidth>", ErrorCode::XML_ERROR),
        ("<bandwidth><inbound average='-5'/></bandwidth>", ErrorCode::XML_ERROR),
    ] {
        assert_eq!(read_network(bad).unwrap_err().code(), code, "{bad}");
    }
    let port = "<bandwidth classID='5'><inbound average='4' floor='8'/></bandwidth>";
    let port = BandwidthLimits::of_port(Document::parse(port).unwrap().root()).unwrap();
    assert_eq!(
        print("bandwidth", &port),
        "<bandwidth classID='5'>\n  <inbound average='4' floor='8'/>\n</bandwidth>\n"
    );
}

#[test]
fn virtual_ports_have_the_parameters_of_their_type() {
    const ID: &str = "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f";
    for good in [
        "<virtualport type='openvswitch'/>".to_owned(),
        format!("<virtualport type='midonet'>\n  <parameters interfaceid='{ID}'/>\n</virtualport>"),
        format!("<virtualport>\n  <parameters managerid='3' interfaceid='{ID}'/>\n</virtualport>"),
        format!(
            "<virtualport type='802.1Qbg'>\n  <parameters managerid='11' typeid='1193046' typeidversion='2' instanceid='{ID}'/>\n</virtualport>"
        ),
    ] {
        assert_eq!(print("virtualport", &read::<VirtualPort>(&good).unwrap()), good + "\n");
    }
    let long = "a".repeat(40);
    for (attributes, parameters, code) in [
        ("type='x'", "", ErrorCode::CONFIG_UNSUPPORTED),
        ("type='none'", "", ErrorCode::CONFIG_UNSUPPORTED),
        ("type='openvswitch'", "managerid='5'", ErrorCode::XML_ERROR),
        ("type='openvswitch'", &*format!("profileid='{long}'"), ErrorCode::XML_ERROR),
        ("type='openvswitch'", "interfaceid='x'", ErrorCode::XML_ERROR),
        ("type='802.1Qbh'", &*format!("interfaceid='{ID}'"), ErrorCode::XML_ERROR),
        ("type='802.1Qbg'", "managerid='300'", ErrorCode::XML_ERROR),
        ("type='802.1Qbg'", "typeid='0x1000000'", ErrorCode::XML_ERROR),
    ] {
        let xml = format!("<virtualport {attributes}><parameters {parameters}/></virtualport>");
        assert_eq!(read::<VirtualPort>(&xml).unwrap_err().code(), code, "{xml}");
    }
    assert!(VirtualPort::with_type(Document::parse("<virtualport/>").unwrap().root()).is_err());
}

#[test]
fn routes_go_to_networks_of_their_family() {
    for good in [
        "<route address='192.168.1.0' prefix='24' gateway='10.0.0.5'/>",
        "<route family='ipv4' address='192.168.1.0' netmask='255.255.255.0' gateway='10.0.0.5' metric='3'/>",
        "<route address='0.0.0.0' gateway='10.0.0.5'/>",
        "<route address='0.0.0.0' prefix='0' gateway='10.0.0.5'/>",
        "<route family='ipv6' address='2001:db8:1::' prefix='64' gateway='2001:db8::5'/>",
        "<route family='ipv6' address='::' gateway='2001:db8::5'/>",
    ] {
        assert_eq!(print("route", &read::<Route>(good).unwrap()), format!("{good}\n"));
    }
    for bad in [
        "<route/>",
        "<route address='192.168.1.0' prefix='24'/>",
        "<route prefix='24' gateway='10.0.0.5'/>",
        "<route address='192.168.1.1' prefix='24' gateway='10.0.0.5'/>",
        "<route address='192.168.1.0' gateway='10.0.0.5'/>",
        "<route address='192.168.1.0' prefix='24' netmask='255.255.255.0' gateway='10.0.0.5'/>",
        "<route address='192.168.1.0' netmask='255.0.255.0' gateway='10.0.0.5'/>",
        "<route address='192.168.1.0' prefix='33' gateway='10.0.0.5'/>",
        "<route address='192.168.1.0' prefix='24' gateway='10.0.0.5' metric='0'/>",
        "<route address='192.168.1.0' prefix='24' gateway='2001::1'/>",
        "<route family='ipv6' address='192.168.1.0' prefix='24' gateway='10.0.0.5'/>",
        "<route family='x' address='192.168.1.0' prefix='24' gateway='10.0.0.5'/>",
        "<route family='ipv6' address='2001:db8:1::' netmask='255.0.0.0' gateway='2001:db8::5'/>",
        "<route address='2001::' prefix='24' gateway='10.0.0.5'/>",
    ] {
        assert_eq!(read::<Route>(bad).unwrap_err().code(), ErrorCode::XML_ERROR, "{bad}");
    }
}
