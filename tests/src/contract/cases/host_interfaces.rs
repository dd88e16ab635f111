//! Network interfaces of the host. Whatever a case changes, it takes back.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{InterfaceDefineFlags, InterfaceXmlFlags, ListInterfacesFlags as F};
use oxivirt_core::types::HostInterface;

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    interfaces_are_found_as_they_are_listed,
    an_interface_that_is_not_there_is_missing,
    an_interface_is_defined_and_forgotten,
    changes_are_taken_back_as_a_whole,
    a_document_of_no_interface_is_refused,
);

const NAME: &str = "contract0";
const XML: &str =
    "<interface type='ethernet' name='contract0'><start mode='none'/><mac address='52:54:00:c0:de:01'/></interface>";

/// Names of all interfaces.
fn names(case: &Case<'_>, flags: F) -> Result<Vec<String>, Stop> {
    let all = case.on.host_interfaces.connect_list_all_interfaces(case.call, true, flags)?;
    assert_eq!(all.items.len(), all.count as usize);
    Ok(all.items.iter().map(|interface| interface.name.to_string()).collect())
}

fn interfaces_are_found_as_they_are_listed(case: &Case<'_>) -> Verdict {
    case.needs(&[
        "connect_list_all_interfaces",
        "interface_lookup_by_name",
        "interface_is_active",
        "interface_get_xml_desc",
    ])?;
    let (interfaces, call) = (&case.on.host_interfaces, case.call);
    for (flags, active) in [(F::ACTIVE, true), (F::INACTIVE, false)] {
        for name in names(case, flags)? {
            let interface = interfaces.interface_lookup_by_name(call, &name)?;
            assert_eq!(interface.name.as_str(), name);
            assert_eq!(interfaces.interface_is_active(call, &interface)?, active, "{name}");
            let text = interfaces.interface_get_xml_desc(call, &interface, InterfaceXmlFlags::EMPTY)?;
            assert!(text.contains(&format!(" name='{name}'")), "{text}");
        }
    }
    let unknown = interfaces.connect_list_all_interfaces(call, true, F(1 << 31));
    case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])
}

fn an_interface_that_is_not_there_is_missing(case: &Case<'_>) -> Verdict {
    case.needs(&["interface_lookup_by_name", "interface_lookup_by_mac_string", "interface_get_xml_desc"])?;
    let (interfaces, call) = (&case.on.host_interfaces, case.call);
    let missing = &[ErrorCode::NO_INTERFACE];
    case.refused("by name", interfaces.interface_lookup_by_name(call, "contract9"), missing)?;
    case.refused("by address", interfaces.interface_lookup_by_mac_string(call, "52:54:00:c0:de:99"), missing)?;
    let gone = HostInterface { name: "contract9".into(), mac: "".into() };
    case.refused("printed", interfaces.interface_get_xml_desc(call, &gone, InterfaceXmlFlags::EMPTY), missing)
}

/// Runs a part of a case within changes that are taken back.
fn undone(case: &Case<'_>, body: impl FnOnce() -> Verdict) -> Verdict {
    case.needs(&["interface_change_begin", "interface_change_rollback", "interface_define_xml"])?;
    case.on.host_interfaces.interface_change_begin(case.call, 0)?;
    let verdict = body();
    case.on.host_interfaces.interface_change_rollback(case.call, 0)?;
    verdict
}

fn an_interface_is_defined_and_forgotten(case: &Case<'_>) -> Verdict {
    case.needs(&["interface_undefine", "interface_lookup_by_mac_string", "connect_list_all_interfaces"])?;
    let (interfaces, call) = (&case.on.host_interfaces, case.call);
    undone(case, || {
        let interface = interfaces.interface_define_xml(call, XML, InterfaceDefineFlags::EMPTY)?;
        assert_eq!(interface, HostInterface { name: NAME.into(), mac: "52:54:00:c0:de:01".into() });
        assert_eq!(interfaces.interface_lookup_by_mac_string(call, "52:54:00:C0:DE:01")?, interface);
        assert!(names(case, F::INACTIVE)?.contains(&NAME.to_owned()));
        interfaces.interface_undefine(call, &interface)?;
        case.refused("forgotten twice", interfaces.interface_undefine(call, &interface), &[ErrorCode::NO_INTERFACE])
    })
}

fn changes_are_taken_back_as_a_whole(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_list_all_interfaces", "interface_change_commit"])?;
    let (interfaces, call) = (&case.on.host_interfaces, case.call);
    let wrong = &[ErrorCode::OPERATION_INVALID];
    let before = names(case, F::EMPTY)?;
    case.refused("kept without a begin", interfaces.interface_change_commit(call, 0), wrong)?;
    case.refused("taken back without a begin", interfaces.interface_change_rollback(call, 0), wrong)?;
    undone(case, || {
        case.refused("begun twice", interfaces.interface_change_begin(call, 0), wrong)?;
        interfaces.interface_define_xml(call, XML, InterfaceDefineFlags::EMPTY)?;
        assert_ne!(names(case, F::EMPTY)?, before);
        Ok(())
    })?;
    assert_eq!(names(case, F::EMPTY)?, before);
    Ok(())
}

fn a_document_of_no_interface_is_refused(case: &Case<'_>) -> Verdict {
    case.needs(&["interface_define_xml"])?;
    let define = |xml| case.on.host_interfaces.interface_define_xml(case.call, xml, InterfaceDefineFlags::EMPTY);
    case.refused("another document", define("<domain/>"), &[ErrorCode::XML_ERROR])?;
    case.refused("no document", define("contract"), &[ErrorCode::XML_DETAIL])
}
