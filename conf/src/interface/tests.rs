#![allow(clippy::unwrap_used)]

use oxivirt_core::ErrorCode;

use super::*;

fn printed(xml: &str) -> String {
    HostInterface::parse(xml).unwrap_or_else(|error| panic!("{xml}: {error}")).format()
}

#[test]
fn members_have_neither_addresses_nor_a_start() {
    let xml = "<interface type='bridge' name='b'><link speed='3'/><mac address='aa:bb:cc:dd:ee:ff'/><bridge>
        <interface type='ethernet' name='c'><start mode='none'/><mtu size='5'/><protocol family='ipv4'/></interface>
        </bridge></interface>";
    assert_eq!(
        printed(xml),
        "<interface type='bridge' name='b'>\n  <bridge>\n    <interface type='ethernet' name='c'>\n    </interface>\n  </bridge>\n</interface>\n"
    );
}

#[test]
fn what_says_nothing_is_left_out() {
    let bare = printed("<interface type='ethernet' name='e'/>");
    for inside in ["<start/>", "<mtu/>", "<mtu size='0'/>", "<mac/>", "<link/>", "<link speed='0'/>", "<foo/>"] {
        assert_eq!(printed(&format!("<interface type='ethernet' name='e'>{inside}</interface>")), bare, "{inside}");
    }
    let empty = printed("<interface type='ethernet' name='e'><protocol family='ipv4'/></interface>");
    for inside in ["<autoconf/>", "<ip/>", "<route/>"] {
        let xml =
            format!("<interface type='ethernet' name='e'><protocol family='ipv4'>{inside}</protocol></interface>");
        assert_eq!(printed(&xml), empty, "{inside}");
    }
    let one = printed(
        "<interface type='bond' name='b'><bond><arpmon interval='5' target='1.1.1.1'/><miimon freq='5' updelay='0'/></bond></interface>",
    );
    assert!(one.contains("  <bond>\n    <miimon freq='5'/>\n  </bond>"), "{one}");
}

#[test]
fn wrong_values_are_refused() {
    for bad in [
        "<foo/>",
        "<interface/>",
        "<interface name='e'/>",
        "<interface type='ethernet'/>",
        "<interface type='x' name='e'/>",
        "<interface type='bridge' name='b'/>",
        "<interface type='bond' name='b'/>",
        "<interface type='vlan' name='b'/>",
        "<interface type='vlan' name='v'><vlan/></interface>",
        "<interface type='vlan' name='v'><vlan tag='5'/></interface>",
        "<interface type='vlan' name='v'><vlan tag='5'><interface/></vlan></interface>",
        "<interface type='bridge' name='b'><bridge><interface type='bridge' name='c'><bridge/></interface></bridge></interface>",
        "<interface type='bond' name='b'><bond><interface type='bond' name='c'><bond/></interface></bond></interface>",
        "<interface type='bond' name='b'><bond mode='x'/></interface>",
        "<interface type='bond' name='b'><bond><miimon/></bond></interface>",
        "<interface type='bond' name='b'><bond><miimon freq='x'/></bond></interface>",
        "<interface type='bond' name='b'><bond><miimon freq='5' carrier='x'/></bond></interface>",
        "<interface type='bond' name='b'><bond><arpmon interval='5'/></bond></interface>",
        "<interface type='bond' name='b'><bond><arpmon interval='5' target='t' validate='x'/></bond></interface>",
        "<interface type='ethernet' name='e'><start mode='x'/></interface>",
        "<interface type='ethernet' name='e'><mtu size='x'/></interface>",
        "<interface type='ethernet' name='e'><mtu size='4294967296'/></interface>",
        "<interface type='ethernet' name='e'><link state='x'/></interface>",
        "<interface type='ethernet' name='e'><protocol/></interface>",
        "<interface type='ethernet' name='e'><protocol family='x'/></interface>",
        "<interface type='ethernet' name='e'><protocol family='ipv4'><dhcp peerdns='x'/></protocol></interface>",
        "<interface type='ethernet' name='e'><protocol family='ipv4'><ip prefix='x'/></protocol></interface>",
    ] {
        assert_eq!(HostInterface::parse(bad).unwrap_err().code(), ErrorCode::XML_ERROR, "{bad}");
    }
    assert_eq!(HostInterface::parse("<interface").unwrap_err().code(), ErrorCode::XML_DETAIL);
}
