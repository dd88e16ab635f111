#![allow(clippy::unwrap_used)]

use oxivirt_core::{ErrorCode, Result};

use super::*;
use crate::xml::YesNo;

const HEAD: &str = "<name>n</name><uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>";
const IP: &str = "<ip address='10.0.0.1' prefix='24'/>";

fn network(inside: &str) -> Result<NetworkDefinition> {
    NetworkDefinition::parse(&format!("<network>{HEAD}{inside}</network>"), ParseFlags::NONE, &NoHooks)
}

/// What is printed behind name and uuid, without the first two blanks of each line.
fn body(inside: &str) -> String {
    let text = network(inside).unwrap_or_else(|error| panic!("{inside}: {error}")).format(FormatFlags::NONE).unwrap();
    let lines = text.lines().skip(3).filter(|line| *line != "</network>");
    lines.map(|line| format!("{}\n", &line[2..])).collect()
}

#[track_caller]
fn refused(code: ErrorCode, documents: &[&str]) {
    for inside in documents {
        match network(inside) {
            Err(error) => assert_eq!(error.code(), code, "{inside}: {error}"),
            Ok(_) => panic!("{inside} is accepted"),
        }
    }
}

#[test]
fn a_network_without_anything_has_a_bridge() {
    assert_eq!(body(""), "<bridge stp='on' delay='0'/>\n");
    assert_eq!(
        body("<bridge name='b' stp='off' delay='5' zone='z'/>"),
        "<bridge name='b' zone='z' stp='off' delay='5'/>\n"
    );
    assert_eq!(body("<forward mode='none'/><mtu size='0'/><mac/><domain localOnly='yes'/><dns/>"), body(""));
    assert_eq!(body("<forward mode='bridge'/>"), "<forward mode='bridge'/>\n");
    assert_eq!(
        body("<forward mode='bridge'/><bridge name='br0'/>"),
        "<forward mode='bridge'/>\n<bridge name='br0'/>\n"
    );
}

#[test]
fn everything_prints_in_its_order() {
    let all = "<bridge name='b' stp='on' delay='0'/>
<mtu size='1400'/>
<mac address='52:54:00:00:00:01'/>
<domain name='d'/>
<dns enable='yes'/>
<vlan>
  <tag id='4'/>
</vlan>
<bandwidth>
  <outbound average='3'/>
</bandwidth>
<port isolated='yes'/>
<ip address='10.0.0.1' prefix='24'>
</ip>
<route address='192.168.1.0' prefix='24' gateway='10.0.0.5'/>
<virtualport type='openvswitch'/>
<portgroup name='p'>
  <vlan>
    <tag id='4'/>
  </vlan>
  <virtualport type='openvswitch'/>
  <bandwidth>
    <outbound average='3'/>
  </bandwidth>
</portgroup>
";
    assert_eq!(body(all), all);
    let forward = "<forward dev='e' mode='nat'>
  <driver name='vfio'/>
  <nat>
    <address start='1.2.3.4' end='1.2.3.5'/>
    <port start='1' end='2'/>
  </nat>
  <interface dev='e'/>
</forward>
";
    assert_eq!(
        body(&format!("{forward}{IP}")),
        format!("{forward}<bridge stp='on' delay='0'/>\n<ip address='10.0.0.1' prefix='24'>\n</ip>\n")
    );
}

#[test]
fn what_is_handed_out_is_interfaces_or_devices_or_a_function() {
    let hostdev = |inside: &str| body(&format!("<forward mode='hostdev'>{inside}</forward>"));
    let interface = "<forward dev='b' mode='hostdev' managed='no'>\n  <interface dev='b'/>\n</forward>\n";
    assert_eq!(hostdev("<pf dev='a'/><interface dev='b'/>"), interface);
    assert_eq!(hostdev("<interface dev='b'/><address type='pci' bus='3'/>"), interface);
    let address = "<forward mode='hostdev' managed='no'>\n  <address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>\n</forward>\n";
    assert_eq!(hostdev("<pf dev='b'/><address type='pci' bus='3'/>"), address);
    assert_eq!(hostdev("<pf dev='b'/>"), "<forward mode='hostdev' managed='no'>\n  <pf dev='b'/>\n</forward>\n");
    assert_eq!(body("<forward mode='hostdev'/>"), "<forward mode='hostdev' managed='no'/>\n");
}

#[test]
fn who_is_connected_shows_in_live_documents_only() {
    let mut def = network("<forward mode='passthrough'><interface dev='a'/><interface dev='b'/></forward>").unwrap();
    def.connections = 3;
    def.forward.devices[1].connections = 3;
    let live = def.format(FormatFlags::NONE).unwrap();
    assert!(
        live.starts_with("<network connections='3'>") && live.contains("<interface dev='b' connections='3'/>"),
        "{live}"
    );
    let inactive = def.format(FormatFlags::INACTIVE).unwrap();
    assert!(!inactive.contains("connections"), "{inactive}");
    let mut pf = network("<forward mode='hostdev'><pf dev='a'/></forward>").unwrap();
    let found = ForwardTarget::Pci(PciAddress { bus: 3, ..PciAddress::default() });
    pf.forward.devices.push(ForwardDevice { target: found, connections: 0 });
    assert!(pf.format(FormatFlags::NONE).unwrap().contains("<address type='pci'"));
    assert!(!pf.format(FormatFlags::INACTIVE).unwrap().contains("<address"));
}

#[test]
fn modes_allow_what_they_can_do() {
    refused(
        ErrorCode::XML_ERROR,
        &[
            "<forward/>",
            "<forward mode='nat'/>",
            "<forward mode='route'/>",
            "<forward mode='open' dev='eth0'/>",
            "<forward mode='bridge'/><bridge name='br0' zone='a'/>",
            "<forward mode='bridge'/><bridge name='br0' stp='on'/>",
            "<forward mode='bridge'/><bridge name='br0' delay='3'/>",
            "<forward mode='bridge'><interface dev='eth0'/></forward><bridge name='br0'/>",
            "<forward mode='bridge'/><mtu size='9000'/>",
            "<forward mode='vepa' dev='eth0'/><bridge name='br1'/>",
            "<forward mode='passthrough'/><bridge macTableManager='kernel'/>",
            "<forward mode='route'><nat/></forward><ip address='10.0.0.1' prefix='24'/>",
            "<forward mode='nat'><interface dev='a'/><interface dev='b'/></forward><ip address='10.0.0.1' prefix='24'/>",
            "<forward mode='bridge' dev='eth0'><pf dev='b'/></forward>",
            "<forward mode='nat' dev='a'><interface dev='b'/></forward>",
            "<forward mode='nat'><interface/></forward>",
            "<forward mode='nat'><nat/><nat/></forward>",
            "<forward mode='nat'><nat><address start='1.2.3.4'/></nat></forward>",
            "<forward mode='nat'><nat><address start='::1' end='::2'/></nat></forward>",
            "<forward mode='nat'><nat ipv6='x'/></forward>",
            "<forward mode='hostdev'><pf/></forward>",
            "<forward mode='hostdev'><pf dev='a'/><pf dev='b'/></forward>",
            "<forward mode='hostdev'><address bus='3'/></forward>",
            "<forward mode='hostdev'><address type='pci' bus='3'/><address type='pci' bus='3'/></forward>",
            "<forward mode='hostdev'><address type='pci' bus='3' slot='55'/></forward>",
            "<forward mode='hostdev'><driver name='foo'/></forward>",
        ],
    );
    refused(
        ErrorCode::CONFIG_UNSUPPORTED,
        &["<forward mode='x'/>", "<forward mode='hostdev'><address type='usb' bus='3'/></forward>"],
    );
    refused(
        ErrorCode::XML_DETAIL,
        &[
            "<forward mode='nat'><nat><port start='10'/></nat></forward>",
            "<forward mode='nat'><nat><port start='10' end='5'/></nat></forward>",
            "<forward mode='nat'><nat><port start='10' end='65536'/></nat></forward>",
        ],
    );
    refused(
        ErrorCode::INTERNAL_ERROR,
        &[
            "<forward mode='nat'><nat><address start='1.2.3.9' end='1.2.3.4'/></nat></forward>",
            "<forward mode='nat'><nat><address start='1.0.0.0' end='2.0.0.0'/></nat></forward>",
        ],
    );
}

#[test]
fn the_head_of_a_network_is_checked() {
    let parse = |xml: &str| NetworkDefinition::parse(xml, ParseFlags::NONE, &NoHooks).map(|_| ()).unwrap_err().code();
    assert_eq!(parse("<foo/>"), ErrorCode::XML_ERROR);
    assert_eq!(parse("<network"), ErrorCode::XML_DETAIL);
    assert_eq!(parse("<network/>"), ErrorCode::NO_NAME);
    assert_eq!(parse("<network><name/></network>"), ErrorCode::NO_NAME);
    assert_eq!(parse("<network><name>a/b</name></network>"), ErrorCode::XML_DETAIL);
    assert_eq!(parse("<network><name>a</name><uuid>x</uuid></network>"), ErrorCode::INTERNAL_ERROR);
    assert_eq!(parse("<network ipv6='x'><name>a</name></network>"), ErrorCode::XML_ERROR);
    assert_eq!(parse("<network trustGuestRxFilters='x'><name>a</name></network>"), ErrorCode::XML_ERROR);
    refused(
        ErrorCode::XML_ERROR,
        &[
            "<title>a\nb</title>",
            "<bridge delay='x'/>",
            "<bridge delay='-1'/>",
            "<bridge macTableManager='x'/>",
            "<mtu size='x'/>",
            "<mac address='x'/>",
            "<mac address='01:54:00:00:00:01'/>",
            "<domain name='a' register='x'/>",
            "<portgroup/>",
            "<portgroup name=''/>",
            "<port isolated='x'/>",
            "<virtualport/>",
            "<vlan/>",
        ],
    );
    refused(
        ErrorCode::CONFIG_UNSUPPORTED,
        &["<bandwidth><inbound average='1' floor='1'/></bandwidth>", "<virtualport type='x'/>"],
    );
}

#[test]
fn addresses_have_a_family_and_one_prefix() {
    for (written, printed) in [
        ("address='10.0.0.1' prefix='0'", "address='10.0.0.1'"),
        ("prefix='24' address='10.0.0.1' localPtr='no'", "address='10.0.0.1' prefix='24' localPtr='no'"),
        ("family='ipv6' address='2001:DB8::0001' prefix='64'", "family='ipv6' address='2001:db8::1' prefix='64'"),
    ] {
        assert_eq!(body(&format!("<ip {written}/>")), format!("<bridge stp='on' delay='0'/>\n<ip {printed}>\n</ip>\n"));
    }
    refused(
        ErrorCode::XML_ERROR,
        &[
            "<ip/>",
            "<ip address='x'/>",
            "<ip address='10.0.0.1' family='x'/>",
            "<ip address='10.0.0.1' netmask='x'/>",
            "<ip address='10.0.0.1' prefix='x'/>",
            "<ip address='10.0.0.1' localPtr='x'/>",
        ],
    );
    refused(
        ErrorCode::CONFIG_UNSUPPORTED,
        &[
            "<ip address='2001:db8::1' prefix='64'/>",
            "<ip address='10.0.0.1' family='ipv6'/>",
            "<ip address='10.0.0.1' netmask='255.255.255.0' prefix='24'/>",
            "<ip address='10.0.0.1' prefix='33'/>",
            "<ip family='ipv6' address='2001:db8::1' prefix='129'/>",
            "<ip family='ipv6' address='2001:db8::1' netmask='255.255.0.0'/>",
            "<ip family='ipv6' address='2001:db8::1' prefix='64'><tftp root='/x'/></ip>",
            "<route address='192.168.1.0' prefix='24' gateway='10.0.0.5'/>",
            "<ip address='10.0.0.1' prefix='24'/><route address='192.168.1.0' prefix='24' gateway='11.0.0.5'/>",
        ],
    );
}

fn dhcp(inside: &str) -> String {
    format!("<ip address='10.0.0.1' prefix='24'><dhcp>{inside}</dhcp></ip>")
}

#[test]
fn ranges_lie_in_their_network() {
    let range = |start: &str, end: &str| dhcp(&format!("<range start='{start}' end='{end}'/>"));
    assert!(body(&range("10.0.0.2", "10.0.0.254")).contains("<range start='10.0.0.2' end='10.0.0.254'/>"));
    for (start, end) in [
        ("10.0.0.2", "10.0.1.9"),
        ("10.0.0.9", "10.0.0.2"),
        ("10.0.0.0", "10.0.0.9"),
        ("10.0.0.1", "10.0.0.255"),
        ("::1", "::2"),
    ] {
        refused(ErrorCode::INTERNAL_ERROR, &[&range(start, end)]);
    }
    refused(
        ErrorCode::XML_ERROR,
        &[&dhcp("<range start='10.0.0.9'/>"), &dhcp("<range end='10.0.0.9'/>"), &range("x", "10.0.0.9")],
    );
    refused(
        ErrorCode::INTERNAL_ERROR,
        &[
            "<ip address='10.0.0.1' prefix='8'><dhcp><range start='10.0.0.2' end='10.1.0.2'/></dhcp></ip>",
            "<ip address='10.0.0.1'><dhcp><range start='11.0.0.2' end='11.0.0.5'/></dhcp></ip>",
            "<ip address='10.0.0.1' netmask='255.0.255.0'><dhcp><range start='10.0.0.3' end='10.0.0.4'/></dhcp></ip>",
            "<ip address='10.0.0.1' prefix='32'><dhcp><range start='10.0.0.1' end='10.0.0.1'/></dhcp></ip>",
            "<ip family='ipv6' address='2001:db8::1' prefix='32'><dhcp><range start='2001:db8::2' end='2001:db8::1:0:0:ffff'/></dhcp></ip>",
        ],
    );
    body("<ip address='10.0.0.1' prefix='8'><dhcp><range start='10.0.0.2' end='10.1.0.1'/></dhcp></ip>");
    body(
        "<ip family='ipv6' address='2001:db8::1' prefix='64'><dhcp><range start='2001:db8::' end='2001:db8::4'/></dhcp></ip>",
    );
}

#[test]
fn hosts_are_known_by_name_or_address() {
    let host = "<host mac='52:54:00:AA:00:01' id='0:1' name='a' ip='10.0.0.5'/>";
    assert!(body(&dhcp(host)).contains(host));
    refused(
        ErrorCode::XML_ERROR,
        &[
            &dhcp("<host ip='10.0.0.5'/>"),
            &dhcp("<host id='0:1' ip='10.0.0.5'/>"),
            &dhcp("<host mac='52:54:00:00:00:01'/>"),
            &dhcp("<host mac='53:54:00:00:00:01' ip='10.0.0.5'/>"),
            &dhcp("<host mac='zz' ip='10.0.0.5'/>"),
            &dhcp("<host mac='52:54:00:00:00:01' ip='x'/>"),
            &dhcp("<host name='' ip='10.0.0.5'/>"),
            &dhcp("<host id='zz' name='a' ip='10.0.0.5'/>"),
            "<ip family='ipv6' address='2001:db8::1' prefix='64'><dhcp><host mac='52:54:00:00:00:01' ip='2001:db8::5'/></dhcp></ip>",
            "<ip family='ipv6' address='2001:db8::1' prefix='64'><dhcp><host ip='2001:db8::5'/></dhcp></ip>",
            &dhcp("<bootp/>"),
            &dhcp("<bootp file='x' server='some.host'/>"),
        ],
    );
}

#[test]
fn leases_last_two_minutes_at_least() {
    let lease = |lease: &str| dhcp(&format!("<range start='10.0.0.2' end='10.0.0.3'>{lease}</range>"));
    assert!(body(&lease("<lease expiry='5'/>")).contains("<lease expiry='5' unit='minutes'/>"));
    assert!(body(&lease("<lease expiry='0' unit='hours'/>")).contains("<lease expiry='0'/>"));
    assert_eq!(body(&lease("<lease unit='hours'/>")), body(&lease("")));
    body(&lease("<lease expiry='18446744073709551615' unit='hours'/>"));
    refused(
        ErrorCode::CONFIG_UNSUPPORTED,
        &[&lease("<lease expiry='1'/>"), &lease("<lease expiry='119' unit='seconds'/>")],
    );
    refused(ErrorCode::XML_ERROR, &[&lease("<lease expiry='-5'/>"), &lease("<lease expiry='5' unit='days'/>")]);
}

#[test]
fn dns_records_are_complete() {
    let kept = "<dns forwardPlainNames='no'>
  <forwarder addr='8.8.8.8'/>
  <forwarder domain='e' addr='::1'/>
  <txt name='' value='c'/>
  <srv service='_a*+/' protocol='x-+/' domain='' target='' port='5' weight='7'/>
  <host ip='2001:db8::9'>
    <hostname> a </hostname>
  </host>
</dns>
";
    assert_eq!(body(kept), format!("<bridge stp='on' delay='0'/>\n{kept}"));
    let zero = body("<dns><srv service='a' protocol='udp' target='x' priority='0' weight='0'/></dns>");
    assert!(zero.contains("<srv service='a' protocol='udp' target='x'/>"), "{zero}");
    refused(
        ErrorCode::XML_DETAIL,
        &[
            "<dns><host ip='1.1.1.1'/></dns>",
            "<dns><host><hostname>a</hostname></host></dns>",
            "<dns><host ip='x'><hostname>a</hostname></host></dns>",
            "<dns><host ip='1.1.1.1'><hostname/></host></dns>",
            "<dns><txt value='a'/></dns>",
            "<dns><txt name='a'/></dns>",
            "<dns><txt name='a b' value='c'/></dns>",
            "<dns><txt name='a,b' value='c'/></dns>",
            "<dns><srv/></dns>",
            "<dns><srv service='a'/></dns>",
            "<dns><srv protocol='tcp'/></dns>",
            "<dns><srv service='a.b' protocol='tcp'/></dns>",
            "<dns><srv service='a' protocol='t_p'/></dns>",
            "<dns><srv service='a' protocol='udp' port='5'/></dns>",
            "<dns><srv service='a' protocol='udp' target='x' port='0'/></dns>",
            "<dns><srv service='a' protocol='udp' target='x' priority='70000'/></dns>",
        ],
    );
    refused(
        ErrorCode::XML_ERROR,
        &[
            "<dns enable='x'/>",
            "<dns enable='no'><txt name='a' value='b'/></dns>",
            "<dns><forwarder/></dns>",
            "<dns><forwarder addr='x'/></dns>",
        ],
    );
}

#[test]
fn options_of_dnsmasq_have_their_own_prefix() {
    let xml = format!(
        "<network xmlns:d='{DNSMASQ_NAMESPACE}'>{HEAD}<d:options><d:option value='a'/></d:options><d:options><d:option value='b'/></d:options></network>"
    );
    let def = NetworkDefinition::parse(&xml, ParseFlags::NONE, &NoHooks).unwrap();
    assert_eq!(def.dnsmasq_options, ["a", "b"]);
    let printed = def.format(FormatFlags::NONE).unwrap();
    assert!(printed.starts_with(&format!("<network xmlns:dnsmasq='{DNSMASQ_NAMESPACE}'>\n")), "{printed}");
    assert!(printed.ends_with("  <dnsmasq:options>\n    <dnsmasq:option value='a'/>\n    <dnsmasq:option value='b'/>\n  </dnsmasq:options>\n</network>\n"), "{printed}");
    let missing = xml.replace(" value='b'", "");
    assert_eq!(
        NetworkDefinition::parse(&missing, ParseFlags::NONE, &NoHooks).unwrap_err().code(),
        ErrorCode::INTERNAL_ERROR
    );
    let other = xml.replace(DNSMASQ_NAMESPACE, "http://other");
    assert!(NetworkDefinition::parse(&other, ParseFlags::NONE, &NoHooks).unwrap().dnsmasq_options.is_empty());
}

#[test]
fn drivers_fill_in_and_refuse() {
    struct Hooks;
    impl NetworkHooks for Hooks {
        fn post_parse(&self, def: &mut NetworkDefinition, _: ParseFlags) -> Result<()> {
            def.fill_mac([0x52, 0x54, 0], [1, 2, 3]);
            def.fill_bridge(|name| !name.ends_with('0')).map(|_| ())
        }

        fn validate(&self, def: &NetworkDefinition, _: ParseFlags) -> Result<()> {
            match def.ipv6 {
                true => Err(oxivirt_core::Error::config_unsupported("no")),
                false => Ok(()),
            }
        }
    }
    let read = |attr: &str, inside: &str| {
        NetworkDefinition::parse(&format!("<network {attr}>{HEAD}{inside}</network>"), ParseFlags::NONE, &Hooks)
    };
    let def = read("", "").unwrap();
    assert_eq!(def.bridge.name.as_deref(), Some("virbr1"));
    assert_eq!(def.mac.unwrap().to_string(), "52:54:00:01:02:03");
    assert_eq!(read("", "<bridge name='x%dy'/>").unwrap().bridge.name.as_deref(), Some("x0y"));
    let kept = read("", "<bridge name='b'/><mac address='52:54:00:00:00:09'/>").unwrap();
    assert_eq!((kept.bridge.name.as_deref(), kept.mac.unwrap().to_string().as_str()), (Some("b"), "52:54:00:00:00:09"));
    let host = read("", "<forward mode='bridge'/>").unwrap();
    assert_eq!((host.bridge.name, host.mac), (None, None));
    assert_eq!(read("ipv6='yes'", "").unwrap_err().code(), ErrorCode::CONFIG_UNSUPPORTED);
    assert!(network("").unwrap().fill_bridge(|_| false).is_err());
}

#[test]
fn a_status_file_holds_the_network_and_what_it_uses() {
    let mut status = NetworkStatus::new(network("<forward mode='passthrough' dev='lo'/>").unwrap());
    status.definition.connections = 2;
    let text = status.format().unwrap();
    assert!(
        text.starts_with(
            "<networkstatus>\n  <class_id bitmap='0-2'/>\n  <floor sum='0'/>\n  <network>\n    <name>n</name>\n"
        ),
        "{text}"
    );
    let with_rules = text.replace(
        "</networkstatus>",
        "  <firewall name='fwRemoval' backend='iptables'>
    <group ignoreErrors='yes'>
      <action layer='ipv4'>
        <args>
          <item>--table</item>
          <item>filter</item>
        </args>
      </action>
    </group>
  </firewall>
</networkstatus>",
    );
    let read = NetworkStatus::parse(&with_rules, &NoHooks).unwrap();
    assert_eq!(read.format().unwrap(), with_rules);
    let action = &read.firewall.unwrap().groups[0].actions[0];
    assert_eq!(
        (action.layer.as_str(), action.args.as_slice()),
        ("ipv4", ["--table".to_owned(), "filter".to_owned()].as_slice())
    );
    // What runs is not refused by today's checks.
    let old = text.replace("<forward", "<mtu size='5'/><forward");
    assert_eq!(NetworkStatus::parse(&old, &NoHooks).unwrap().definition.mtu, 5);
    for bad in ["<network/>", "<networkstatus/>", &text.replace("0-2", "x"), &text.replace("sum='0'", "sum='x'")] {
        assert!(NetworkStatus::parse(bad, &NoHooks).is_err(), "{bad}");
    }
}

#[test]
fn metadata_and_groups_are_found() {
    let def = network("<metadata><a:b xmlns:a='http://x'>t</a:b></metadata><portgroup name='a'/><portgroup name='b' default='yes' trustGuestRxFilters='no'/>").unwrap();
    assert!(def.format(FormatFlags::NONE).unwrap().contains("    <a:b xmlns:a=\"http://x\">t</a:b>\n"));
    assert_eq!(def.portgroup(None).unwrap().trust_guest_rx_filters, Some(YesNo::No));
    assert_eq!(def.portgroup(Some("a")).unwrap().name, "a");
    assert_eq!(def.portgroup(Some("c")), None);
    assert_eq!(network("<metadata/>").unwrap().metadata, None);
}
