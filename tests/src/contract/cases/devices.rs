//! Devices that come, change and go.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{DomainDeviceModifyFlags as F, DomainEventId, DomainXmlFlags as X};
use oxivirt_core::types::Domain;

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    a_disk_comes_to_a_running_domain_and_goes,
    a_disk_gets_another_source,
    what_is_no_device_is_refused,
    a_device_that_is_not_there_cannot_go,
    devices_of_what_is_off_are_those_of_its_definition,
);

const DISK: &str = "<disk type='file' device='disk'><source file='/contract/more'/>\
                    <target dev='vdb' bus='virtio'/><alias name='ua-contract'/></disk>";
const TARGET: &str = "<target dev='vdb' bus='virtio'/>";

fn text(case: &Case<'_>, domain: &Domain, flags: X) -> Result<String, Stop> {
    Ok(case.on.domain_information.domain_get_xml_desc(case.call, domain, flags)?)
}

fn a_disk_comes_to_a_running_domain_and_goes(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_attach_device_flags", "domain_detach_device_alias", "domain_get_xml_desc"])?;
    let (devices, call) = (&case.on.domain_devices, case.call);
    let domain = case.start_with_devices("contract-plugged")?;
    case.on.events.clear();
    devices.domain_attach_device_flags(call, &domain, DISK, F::LIVE)?;
    assert!(text(case, &domain, X::EMPTY)?.contains(TARGET));
    assert!(!text(case, &domain, X::INACTIVE)?.contains(TARGET), "the definition is as it was");
    let again = devices.domain_attach_device_flags(call, &domain, DISK, F::LIVE);
    case.refused(
        "its target twice",
        again,
        &[ErrorCode::XML_ERROR, ErrorCode::CONFIG_UNSUPPORTED, ErrorCode::OPERATION_FAILED],
    )?;
    devices.domain_detach_device_alias(call, &domain, "ua-contract", F::LIVE)?;
    assert!(!text(case, &domain, X::EMPTY)?.contains(TARGET));
    let told = case.on.events.wait(2, std::time::Duration::from_secs(10));
    let ids: Vec<_> = told.iter().map(|event| DomainEventId(event.id)).collect();
    assert!(ids.contains(&DomainEventId::DEVICE_ADDED) && ids.contains(&DomainEventId::DEVICE_REMOVED), "{ids:?}");
    Ok(())
}

fn a_disk_gets_another_source(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_update_device_flags", "domain_get_xml_desc"])?;
    let (devices, call) = (&case.on.domain_devices, case.call);
    let domain = case.define_with_devices("contract-updated")?;
    let other = |target: &str| {
        format!(
            "<disk type='file' device='disk'><source file='/contract/other'/><target dev='{target}' bus='virtio'/></disk>"
        )
    };
    devices.domain_update_device_flags(call, &domain, &other("vda"), F::CONFIG)?;
    assert!(text(case, &domain, X::INACTIVE)?.contains("/contract/other"));
    let missing = devices.domain_update_device_flags(call, &domain, &other("vdz"), F::CONFIG);
    case.refused("a disk that is not there", missing, &[ErrorCode::INVALID_ARG, ErrorCode::DEVICE_MISSING])?;
    let live = devices.domain_update_device_flags(call, &domain, &other("vda"), F::LIVE);
    case.refused_by_state("of a run that is not", live)
}

fn what_is_no_device_is_refused(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_attach_device_flags"])?;
    let (devices, call) = (&case.on.domain_devices, case.call);
    let domain = case.start_with_devices("contract-no-device")?;
    let attach = |xml: &str, flags| devices.domain_attach_device_flags(call, &domain, xml, flags);
    let malformed = &[
        ErrorCode::XML_ERROR,
        ErrorCode::XML_DETAIL,
        ErrorCode::CONFIG_UNSUPPORTED,
        ErrorCode::NO_TARGET,
        ErrorCode::NO_SOURCE,
    ];
    for (what, xml) in [
        ("no document", ""),
        ("half of one", "<disk type='file'>"),
        ("another one", "<domain/>"),
        ("a disk without target", "<disk type='file'><source file='/x'/></disk>"),
    ] {
        case.refused(what, attach(xml, F::LIVE), malformed)?;
    }
    case.refused("an unknown flag", attach(DISK, F(1 << 31)), &[ErrorCode::INVALID_ARG])?;
    assert!(!text(case, &domain, X::EMPTY)?.contains(TARGET), "nothing came");
    Ok(())
}

fn a_device_that_is_not_there_cannot_go(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_detach_device_alias"])?;
    let (devices, call) = (&case.on.domain_devices, case.call);
    let domain = case.start_with_devices("contract-not-there")?;
    let codes = &[ErrorCode::DEVICE_MISSING, ErrorCode::INTERNAL_ERROR, ErrorCode::INVALID_ARG];
    for alias in ["ua-nothing", ""] {
        case.refused("detached", devices.domain_detach_device_alias(call, &domain, alias, F::LIVE), codes)?;
    }
    let unknown = devices.domain_detach_device_alias(call, &domain, "ua-nothing", F(1 << 31));
    case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])
}

fn devices_of_what_is_off_are_those_of_its_definition(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_attach_device_flags", "domain_attach_device"])?;
    let (devices, call) = (&case.on.domain_devices, case.call);
    let domain = case.define_with_devices("contract-off-device")?;
    case.refused_by_state("to a run that is not", devices.domain_attach_device_flags(call, &domain, DISK, F::LIVE))?;
    assert!(!text(case, &domain, X::INACTIVE)?.contains(TARGET), "nothing came");
    Ok(())
}
