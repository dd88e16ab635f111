#![allow(clippy::unwrap_used)]

use UpdateCommand::{AddFirst, AddLast, Delete, Modify};
use UpdateSection::{DnsHost as Host, DnsSrv as Srv, DnsTxt as Txt, ForwardInterface, IpDhcpHost, IpDhcpRange};
use oxivirt_core::ErrorCode;

use super::*;

fn network(inside: &str) -> NetworkDefinition {
    let xml = format!("<network><name>n</name>{inside}</network>");
    NetworkDefinition::parse(&xml, ParseFlags::NONE, &NoHooks).unwrap_or_else(|error| panic!("{inside}: {error}"))
}

/// The document after a change, or the code of the error; a refused change
/// leaves everything as it was.
fn after(
    def: &NetworkDefinition,
    command: UpdateCommand,
    section: UpdateSection,
    parent: i32,
    xml: &str,
) -> Result<String, ErrorCode> {
    let mut changed = def.clone();
    match changed.update(command, section, parent, xml, &NoHooks) {
        Ok(()) => Ok(changed.format(FormatFlags::INACTIVE).unwrap()),
        Err(error) => {
            assert_eq!(changed, *def, "{xml} changed something");
            Err(error.code())
        }
    }
}

const INVALID: Result<(), ErrorCode> = Err(ErrorCode::OPERATION_INVALID);
const UNSUPPORTED: Result<(), ErrorCode> = Err(ErrorCode::OPERATION_UNSUPPORTED);
const XML: Result<(), ErrorCode> = Err(ErrorCode::XML_ERROR);
const DETAIL: Result<(), ErrorCode> = Err(ErrorCode::XML_DETAIL);

fn cases(def: &NetworkDefinition, section: UpdateSection, cases: &[(UpdateCommand, i32, &str, Result<(), ErrorCode>)]) {
    for (command, parent, xml, wanted) in cases {
        assert_eq!(after(def, *command, section, *parent, xml).map(|_| ()), *wanted, "{command:?} {parent} {xml}");
    }
}

#[test]
fn numbers_are_those_of_the_public_interface() {
    assert_eq!(UpdateCommand::from_number(4).unwrap(), AddFirst);
    assert_eq!(UpdateSection::from_number(12).unwrap(), Srv);
    for number in [0, 5, u32::MAX] {
        assert_eq!(UpdateCommand::from_number(number).unwrap_err().code(), ErrorCode::OPERATION_UNSUPPORTED);
    }
    for number in [0, 13] {
        assert_eq!(UpdateSection::from_number(number).unwrap_err().code(), ErrorCode::OPERATION_UNSUPPORTED);
    }
}

#[test]
fn some_sections_cannot_be_changed() {
    let def = network("");
    for section in [
        UpdateSection::Bridge,
        UpdateSection::Domain,
        UpdateSection::Ip,
        UpdateSection::Forward,
        UpdateSection::ForwardPf,
    ] {
        cases(&def, section, &[(Modify, -1, "<x/>", UNSUPPORTED), (AddLast, -1, "no document", UNSUPPORTED)]);
    }
}

#[test]
fn hosts_of_dhcp() {
    let def = network(
        "<ip address='10.0.0.1' prefix='24'><dhcp><host mac='52:54:00:00:00:01' name='a' ip='10.0.0.5'/></dhcp></ip>
        <ip address='10.0.1.1' prefix='24'/><ip family='ipv6' address='2001:db8::1' prefix='64'/>",
    );
    let new = "<host mac='52:54:00:00:00:02' name='b' ip='10.0.0.6'/>";
    let first = after(&def, AddFirst, IpDhcpHost, -1, new).unwrap();
    assert!(first.find("name='b'") < first.find("name='a'"), "{first}");
    let last = after(&def, AddLast, IpDhcpHost, 0, new).unwrap();
    assert!(last.find("name='b'") > last.find("name='a'"), "{last}");
    let sixth = after(&def, AddLast, IpDhcpHost, 2, "<host id='0:1' ip='2001:db8::7'/>").unwrap();
    assert!(sixth.contains("<host id='0:1' ip='2001:db8::7'/>"), "{sixth}");
    let changed = after(&def, Modify, IpDhcpHost, 0, "<host mac='52:54:00:00:00:0A' name='q' ip='10.0.0.5'/>").unwrap();
    assert!(
        changed.contains("<host mac='52:54:00:00:00:0A' name='q' ip='10.0.0.5'/>") && !changed.contains("name='a'")
    );
    cases(
        &def,
        IpDhcpHost,
        &[
            (AddLast, 1, new, INVALID),
            (AddLast, 5, new, INVALID),
            (AddLast, 2, new, XML),
            (AddLast, 2, "<host name='x' ip='10.0.0.7'/>", INVALID),
            (AddFirst, 0, "<host mac='52:54:0:0:0:1' ip='10.0.0.9'/>", INVALID),
            (AddFirst, 0, "<host mac='52:54:00:00:00:09' ip='10.0.0.5'/>", INVALID),
            (AddFirst, 0, "<host mac='52:54:00:00:00:09' name='a' ip='10.0.0.55'/>", INVALID),
            (AddFirst, 0, "<host ip='10.0.0.55'/>", XML),
            (Modify, 0, "<host name='z' ip='10.0.0.55'/>", INVALID),
            (Modify, 0, "<host mac='52:54:00:00:00:01'/>", XML),
            (Delete, 0, "<host mac='52:54:0:0:0:1'/>", Ok(())),
            (Delete, -1, "<host ip='10.0.0.5'/>", Ok(())),
            (Delete, 0, "<host name='a'/>", Ok(())),
            (Delete, 0, "<host name='a' ip='10.0.0.9'/>", INVALID),
            (Delete, 1, "<host name='a'/>", INVALID),
            (Delete, 0, "<host/>", XML),
            (Delete, 0, "<host mac='zz'/>", XML),
            (Delete, 0, "<foo name='a'/>", XML),
            (Delete, 0, "text", DETAIL),
        ],
    );
    cases(&network(""), IpDhcpHost, &[(AddLast, -1, new, INVALID)]);
    let sixth_first =
        network("<ip family='ipv6' address='2001:db8::1' prefix='64'/><ip address='10.0.0.1' prefix='24'/>");
    cases(&sixth_first, IpDhcpHost, &[(AddLast, -1, new, Ok(()))]);
}

#[test]
fn ranges_of_dhcp() {
    let def = network(
        "<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.2' end='10.0.0.9'/><bootp file='x'/></dhcp></ip>
        <ip address='10.0.1.1' prefix='24'/>",
    );
    let new = "<range start='10.0.0.20' end='10.0.0.30'/>";
    let first = after(&def, AddFirst, IpDhcpRange, -1, new).unwrap();
    assert!(first.find("10.0.0.20") < first.find("10.0.0.9"), "{first}");
    let none = after(&def, Delete, IpDhcpRange, -1, "<range start='10.0.0.2' end='10.0.0.9'/>").unwrap();
    assert!(!none.contains("dhcp"), "{none}");
    cases(
        &def,
        IpDhcpRange,
        &[
            (AddLast, 0, "<range start='10.0.0.2' end='10.0.0.9'/>", INVALID),
            (AddLast, 0, "<range start='10.0.0.5' end='10.0.0.12'/>", Ok(())),
            (AddLast, 1, "<range start='10.0.1.5' end='10.0.1.12'/>", INVALID),
            (AddLast, 0, "<range start='10.0.3.2' end='10.0.3.8'/>", Err(ErrorCode::INTERNAL_ERROR)),
            (AddLast, 9, new, INVALID),
            (AddLast, 0, "<host/>", XML),
            (Modify, 0, new, UNSUPPORTED),
            (Delete, 0, new, INVALID),
            (Delete, 0, "<range start='10.0.0.2'/>", XML),
        ],
    );
}

#[test]
fn interfaces_that_are_handed_out() {
    let def = network("<forward mode='passthrough'><interface dev='a'/><interface dev='b'/></forward>");
    let first = after(&def, AddFirst, ForwardInterface, -1, "<interface dev='c'/>").unwrap();
    assert!(
        first.contains("<forward dev='c' mode='passthrough'>\n    <interface dev='c'/>\n    <interface dev='a'/>"),
        "{first}"
    );
    cases(
        &def,
        ForwardInterface,
        &[
            (Delete, -1, "<interface dev='a'/>", Ok(())),
            (Delete, -1, "<interface dev='z'/>", INVALID),
            (AddLast, -1, "<interface dev='a'/>", INVALID),
            (AddLast, -1, "<interface/>", XML),
            (Modify, -1, "<interface dev='a'/>", UNSUPPORTED),
        ],
    );
    let mut used = def.clone();
    used.forward.devices[0].connections = 1;
    cases(&used, ForwardInterface, &[(Delete, -1, "<interface dev='a'/>", INVALID)]);
    // The whole is checked: translation goes through one interface.
    let nat = network("<forward mode='nat' dev='a'/><ip address='10.0.0.1' prefix='24'/>");
    cases(&nat, ForwardInterface, &[(AddLast, -1, "<interface dev='b'/>", XML)]);
    assert!(nat.clone().update_section(AddLast, ForwardInterface, -1, "<interface dev='b'/>").is_ok());
}

#[test]
fn groups_of_ports() {
    let def =
        network("<forward mode='bridge'/><bridge name='b'/><portgroup name='a'/><portgroup name='b' default='yes'/>");
    cases(
        &def,
        UpdateSection::PortGroup,
        &[
            (AddLast, -1, "<portgroup name='c'/>", Ok(())),
            (AddLast, -1, "<portgroup name='a'/>", INVALID),
            (AddLast, -1, "<portgroup name='c' default='yes'/>", INVALID),
            (Modify, -1, "<portgroup name='a' default='yes'/>", INVALID),
            (Modify, -1, "<portgroup name='b' default='yes'/>", Ok(())),
            (Modify, -1, "<portgroup name='c'/>", INVALID),
            (Delete, -1, "<portgroup name='a' default='yes'/>", Ok(())),
            (Delete, -1, "<portgroup name='z'/>", INVALID),
            (Delete, -1, "<portgroup/>", XML),
        ],
    );
}

#[test]
fn records_of_dns() {
    let def = network(
        "<dns><host ip='1.1.1.1'><hostname>a</hostname><hostname>b</hostname></host><host ip='1.1.1.2'><hostname>c</hostname></host>
        <txt name='t' value='v'/><srv service='s' protocol='tcp'/><srv service='s' protocol='udp' domain='d' target='t'/></dns>",
    );
    cases(
        &def,
        Host,
        &[
            (AddFirst, -1, "<host ip='1.1.1.3'><hostname>z</hostname></host>", Ok(())),
            (AddLast, -1, "<host ip='1.1.1.5'><hostname>a</hostname></host>", Ok(())),
            (AddLast, -1, "<host ip='1.1.1.1'><hostname>z</hostname></host>", INVALID),
            (AddLast, -1, "<host ip='1.1.1.5'/>", DETAIL),
            (Modify, -1, "<host ip='1.1.1.1'><hostname>z</hostname></host>", Ok(())),
            (Delete, -1, "<host ip='1.1.1.1'/>", Ok(())),
            (Delete, -1, "<host><hostname>a</hostname></host>", Ok(())),
            (Delete, -1, "<host><hostname>zz</hostname></host>", INVALID),
            (Delete, -1, "<host><hostname>a</hostname><hostname>c</hostname></host>", INVALID),
            (Delete, -1, "<host ip='1.1.1.2'><hostname>a</hostname></host>", INVALID),
            (Delete, -1, "<host/>", DETAIL),
        ],
    );
    cases(
        &def,
        Txt,
        &[
            (AddFirst, -1, "<txt name='u' value='w'/>", Ok(())),
            (AddLast, -1, "<txt name='t' value='w'/>", INVALID),
            (AddLast, -1, "<txt name='u'/>", DETAIL),
            (Modify, -1, "<txt name='t' value='w'/>", Ok(())),
            (Modify, -1, "<txt name='q' value='w'/>", INVALID),
            (Modify, -1, "<txt name='t'/>", INVALID),
            (Delete, -1, "<txt name='t' value='other'/>", Ok(())),
            (Delete, -1, "<txt name='q'/>", INVALID),
            (Delete, -1, "<txt/>", DETAIL),
        ],
    );
    cases(
        &def,
        Srv,
        &[
            (AddFirst, -1, "<srv service='x' protocol='tcp'/>", Ok(())),
            (AddLast, -1, "<srv service='s' protocol='tcp' target='q'/>", Ok(())),
            (AddLast, -1, "<srv service='s' protocol='tcp'/>", INVALID),
            (AddLast, -1, "<srv protocol='tcp'/>", DETAIL),
            (Modify, -1, "<srv service='s' protocol='tcp'/>", UNSUPPORTED),
            (Delete, -1, "<srv protocol='udp'/>", Ok(())),
            (Delete, -1, "<srv target='t'/>", Ok(())),
            (Delete, -1, "<srv service='s'/>", INVALID),
            (Delete, -1, "<srv service='q'/>", INVALID),
            (Delete, -1, "<srv/>", INVALID),
        ],
    );
    let disabled = network("<dns enable='no'/>");
    cases(&disabled, Txt, &[(AddLast, -1, "<txt name='u' value='w'/>", XML)]);
    let gone = after(&network("<dns><txt name='t' value='v'/></dns>"), Delete, Txt, -1, "<txt name='t'/>").unwrap();
    assert!(!gone.contains("dns"), "{gone}");
}
