#![allow(clippy::unwrap_used)]

use oxivirt_core::ErrorCode;

use super::*;

const UUID: &str = "<uuid>5d744f21-ba4a-4d6e-bdb2-30a35ff3207d</uuid>";
const OWNER: &str = "<owner><name>vm</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>";
const MAC: &str = "<mac address='52:54:00:7b:35:93'/>";

fn port(inside: &str) -> oxivirt_core::Result<NetworkPort> {
    NetworkPort::parse(&format!("<networkport>{UUID}{OWNER}{MAC}{inside}</networkport>"))
}

#[test]
fn everything_prints_in_its_order() {
    let full = "  <virtualport type='openvswitch'/>
  <bandwidth classID='5'>
    <inbound average='4' floor='8'/>
  </bandwidth>
  <vlan>
    <tag id='4'/>
  </vlan>
  <port isolated='yes'/>
  <rxfilters trustGuest='yes'/>
  <plug type='bridge' bridge='b1' macTableManager='libvirt'/>
</networkport>
";
    let shuffled = "<plug type='bridge' bridge='b1' macTableManager='libvirt'/><port isolated='yes'/>
        <rxfilters trustGuest='yes'/><vlan><tag id='4'/></vlan><bandwidth classID='5'><inbound average='4' floor='8'/>
        </bandwidth><virtualport type='openvswitch'/>";
    let printed = port(shuffled).unwrap().format();
    assert!(printed.ends_with(full), "{printed}");
    assert_eq!(NetworkPort::parse(&printed).unwrap().format(), printed);
}

#[test]
fn what_says_nothing_is_left_out() {
    let bare = port("").unwrap().format();
    for inside in [
        "<plug/>",
        "<plug type='none'/>",
        "<group/>",
        "<rxfilters/>",
        "<virtualport/>",
        "<bandwidth classID='7'/>",
        "<bandwidth classID='7'><inbound average='0'/><outbound average='0' peak='3'/></bandwidth>",
        "<port/>",
    ] {
        assert_eq!(port(inside).unwrap().format(), bare, "{inside}");
    }
    let one = port("<bandwidth classID='0'><inbound average='4'/></bandwidth>").unwrap().format();
    assert!(one.contains("  <bandwidth>\n    <inbound average='4'/>"), "{one}");
    assert!(
        port("<plug type='direct' dev='d'/>").unwrap().format().contains("<plug type='direct' dev='d' mode='vepa'/>")
    );
}

#[test]
fn wrong_values_are_refused_with_their_codes() {
    for (inside, code) in [
        ("<plug type='x'/>", ErrorCode::XML_ERROR),
        ("<plug type='network'/>", ErrorCode::XML_ERROR),
        ("<plug type='bridge'/>", ErrorCode::XML_ERROR),
        ("<plug type='bridge' bridge='b' macTableManager='x'/>", ErrorCode::XML_ERROR),
        ("<plug type='direct'/>", ErrorCode::XML_ERROR),
        ("<plug type='direct' dev='a' mode='x'/>", ErrorCode::XML_ERROR),
        ("<plug type='hostdev-pci'/>", ErrorCode::XML_ERROR),
        ("<plug type='hostdev-pci' managed='x'><address/></plug>", ErrorCode::XML_ERROR),
        ("<plug type='hostdev-pci'><address slot='99'/></plug>", ErrorCode::XML_ERROR),
        ("<rxfilters trustGuest='x'/>", ErrorCode::XML_ERROR),
        ("<bandwidth classID='x'><inbound average='4'/></bandwidth>", ErrorCode::XML_ERROR),
        ("<bandwidth><outbound floor='3'/></bandwidth>", ErrorCode::CONFIG_UNSUPPORTED),
        ("<virtualport type='x'/>", ErrorCode::CONFIG_UNSUPPORTED),
        ("<vlan/>", ErrorCode::XML_ERROR),
    ] {
        assert_eq!(port(inside).unwrap_err().code(), code, "{inside}");
    }
    for (whole, code) in [
        (format!("{OWNER}{MAC}"), ErrorCode::INTERNAL_ERROR),
        (format!("{UUID}{MAC}"), ErrorCode::INTERNAL_ERROR),
        (format!("{UUID}{OWNER}"), ErrorCode::INTERNAL_ERROR),
        (format!("{UUID}{OWNER}<mac address='x'/>"), ErrorCode::INTERNAL_ERROR),
        (format!("{UUID}<owner><name>a</name></owner>{MAC}"), ErrorCode::INTERNAL_ERROR),
        (format!("{UUID}<owner><name>a</name><uuid>x</uuid></owner>{MAC}"), ErrorCode::INTERNAL_ERROR),
        (format!("<uuid>q</uuid>{OWNER}{MAC}"), ErrorCode::INTERNAL_ERROR),
    ] {
        let xml = format!("<networkport>{whole}</networkport>");
        assert_eq!(NetworkPort::parse(&xml).unwrap_err().code(), code, "{xml}");
    }
    assert_eq!(NetworkPort::parse("<foo/>").unwrap_err().code(), ErrorCode::XML_ERROR);
    assert_eq!(NetworkPort::parse("<networkport").unwrap_err().code(), ErrorCode::XML_DETAIL);
}
