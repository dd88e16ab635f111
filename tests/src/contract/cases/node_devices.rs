//! Devices of the host.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{ListNodeDevicesFlags as F, NodeDeviceCreateXmlFlags, NodeDeviceXmlFlags};

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(devices_are_found_as_they_are_listed, a_device_that_is_not_there_is_missing, a_document_of_no_device_is_refused,);

fn devices_are_found_as_they_are_listed(case: &Case<'_>) -> Verdict {
    case.needs(&[
        "connect_list_all_node_devices",
        "node_device_lookup_by_name",
        "node_device_get_xml_desc",
        "node_device_get_parent",
        "node_device_list_caps",
        "node_device_num_of_caps",
    ])?;
    let (devices, call) = (&case.on.node_devices, case.call);
    let all = devices.connect_list_all_node_devices(call, true, F::EMPTY)?;
    assert_eq!(all.items.len(), all.count as usize);
    for device in all.items.iter() {
        let name = device.name.as_str();
        assert_eq!(devices.node_device_lookup_by_name(call, name)?, *device);
        let text = devices.node_device_get_xml_desc(call, name, NodeDeviceXmlFlags::EMPTY)?;
        assert!(text.contains(&format!("<name>{name}</name>")), "{text}");
        if let Some(parent) = devices.node_device_get_parent(call, name)? {
            assert!(text.contains(&format!("<parent>{parent}</parent>")), "{text}");
        }
        let kinds = devices.node_device_list_caps(call, name, 64)?;
        assert_eq!(kinds.len() as i32, devices.node_device_num_of_caps(call, name)?, "{name}");
        for kind in kinds.iter() {
            assert!(text.contains(&format!("<capability type='{kind}'")), "{kind}: {text}");
        }
    }
    let systems = devices.connect_list_all_node_devices(call, true, F::CAP_SYSTEM)?;
    for device in systems.items.iter() {
        let kinds = devices.node_device_list_caps(call, &device.name, 64)?;
        assert!(kinds.iter().any(|kind| kind.as_str() == "system"), "{}", device.name);
    }
    Ok(())
}

fn a_device_that_is_not_there_is_missing(case: &Case<'_>) -> Verdict {
    case.needs(&["node_device_lookup_by_name", "node_device_get_xml_desc"])?;
    let (devices, call) = (&case.on.node_devices, case.call);
    let missing = &[ErrorCode::NO_NODE_DEVICE];
    case.refused("by name", devices.node_device_lookup_by_name(call, "contract-nobody"), missing)?;
    let printed = devices.node_device_get_xml_desc(call, "contract-nobody", NodeDeviceXmlFlags::EMPTY);
    case.refused("printed", printed, missing)?;
    if case.declares("node_device_destroy") {
        case.refused("taken away", devices.node_device_destroy(call, "contract-nobody"), missing)?;
    }
    Ok(())
}

fn a_document_of_no_device_is_refused(case: &Case<'_>) -> Verdict {
    case.needs(&["node_device_create_xml"])?;
    let create = |xml| case.on.node_devices.node_device_create_xml(case.call, xml, NodeDeviceCreateXmlFlags::EMPTY);
    case.refused("another document", create("<domain/>"), &[ErrorCode::XML_ERROR])?;
    case.refused("no document", create("contract"), &[ErrorCode::XML_DETAIL])
}
