//! Virtual networks.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{ListNetworksFlags as F, NetworkMetadataType, NetworkUpdateFlags, NetworkXmlFlags};
use oxivirt_core::types::Network;

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    a_network_is_defined_and_found,
    a_network_goes_from_state_to_state,
    a_network_that_is_not_there_is_missing,
    networks_are_listed_as_the_flags_say,
    a_network_keeps_its_definition_while_it_runs,
    metadata_of_a_network_is_kept,
    a_document_of_no_network_is_refused,
);

/// Names of this suite begin so.
const NAME: &str = "contract-net";

fn xml(name: &str) -> String {
    format!("<network><name>{name}</name></network>")
}

/// Defines a network, runs a part of a case with it, and removes it.
fn with(case: &Case<'_>, name: &str, body: impl FnOnce(&Network) -> Verdict) -> Verdict {
    case.needs(&["network_define_xml", "network_undefine"])?;
    let network = case.on.networks.network_define_xml(case.call, &xml(name))?;
    let verdict = body(&network);
    // It is in the right state already, unless the case went wrong.
    let _ = case.on.networks.network_destroy(case.call, &network);
    let _ = case.on.networks.network_undefine(case.call, &network);
    verdict
}

fn a_network_is_defined_and_found(case: &Case<'_>) -> Verdict {
    case.needs(&["network_lookup_by_name", "network_lookup_by_uuid", "network_get_xml_desc"])?;
    let (networks, call) = (&case.on.networks, case.call);
    with(case, NAME, |network| {
        assert_eq!(networks.network_lookup_by_name(call, NAME)?, *network);
        assert_eq!(networks.network_lookup_by_uuid(call, &network.uuid)?, *network);
        let text = networks.network_get_xml_desc(call, network, NetworkXmlFlags::INACTIVE)?;
        assert!(text.contains(&format!("<uuid>{}</uuid>", network.uuid)), "{text}");
        let again = text.replace(&network.uuid.to_string(), "99999999-9999-9999-9999-999999999997");
        case.refused("its name twice", networks.network_define_xml(call, &again), &[ErrorCode::OPERATION_FAILED])?;
        let same = networks.network_define_xml(call, &text)?;
        assert_eq!(same, *network, "it may be defined anew");
        Ok(())
    })
}

fn a_network_goes_from_state_to_state(case: &Case<'_>) -> Verdict {
    case.needs(&["network_create", "network_destroy", "network_is_active", "network_is_persistent"])?;
    let (networks, call) = (&case.on.networks, case.call);
    with(case, NAME, |network| {
        let state = || {
            Ok::<_, Stop>((networks.network_is_active(call, network)?, networks.network_is_persistent(call, network)?))
        };
        assert_eq!(state()?, (false, true));
        networks.network_create(call, network)?;
        assert_eq!(state()?, (true, true));
        case.refused("a second start", networks.network_create(call, network), &[ErrorCode::OPERATION_INVALID])?;
        networks.network_destroy(call, network)?;
        assert_eq!(state()?, (false, true));
        Ok(())
    })
}

fn a_network_that_is_not_there_is_missing(case: &Case<'_>) -> Verdict {
    case.needs(&["network_lookup_by_name", "network_lookup_by_uuid", "network_create", "network_get_xml_desc"])?;
    let (networks, call) = (&case.on.networks, case.call);
    let missing = &[ErrorCode::NO_NETWORK];
    case.refused("by name", networks.network_lookup_by_name(call, "contract-nobody"), missing)?;
    let uuid = "99999999-9999-9999-9999-999999999998".parse()?;
    case.refused("by uuid", networks.network_lookup_by_uuid(call, &uuid), missing)?;
    let gone = Network { name: "contract-nobody".into(), uuid };
    case.refused("started", networks.network_create(call, &gone), missing)?;
    case.refused("printed", networks.network_get_xml_desc(call, &gone, NetworkXmlFlags::EMPTY), missing)
}

fn networks_are_listed_as_the_flags_say(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_list_all_networks", "network_set_autostart", "network_create"])?;
    let (networks, call) = (&case.on.networks, case.call);
    let listed = |flags| -> Result<bool, Stop> {
        let all = networks.connect_list_all_networks(call, true, flags)?;
        assert_eq!(all.items.len(), all.count as usize);
        assert_eq!(networks.connect_list_all_networks(call, false, flags)?.count, all.count, "{flags:?}");
        Ok(all.items.iter().any(|network| network.name.as_str() == NAME))
    };
    with(case, NAME, |network| {
        for (flags, wanted) in [
            (F::EMPTY, true),
            (F::INACTIVE, true),
            (F::ACTIVE, false),
            (F::PERSISTENT, true),
            (F::TRANSIENT, false),
            (F::NO_AUTOSTART, true),
            (F::AUTOSTART, false),
            (F::ACTIVE | F::INACTIVE, true),
            (F::INACTIVE | F::TRANSIENT, false),
        ] {
            assert_eq!(listed(flags)?, wanted, "{flags:?}");
        }
        networks.network_set_autostart(call, network, true)?;
        networks.network_create(call, network)?;
        assert!(listed(F::ACTIVE | F::AUTOSTART)? && !listed(F::INACTIVE)?);
        networks.network_set_autostart(call, network, false)?;
        let unknown = networks.connect_list_all_networks(call, true, F(1 << 31));
        case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])
    })
}

fn a_network_keeps_its_definition_while_it_runs(case: &Case<'_>) -> Verdict {
    case.needs(&["network_create", "network_destroy", "network_get_xml_desc"])?;
    let (networks, call) = (&case.on.networks, case.call);
    with(case, NAME, |network| {
        networks.network_create(call, network)?;
        let (name, uuid) = (&network.name, network.uuid);
        let titled = format!("<network><name>{name}</name><uuid>{uuid}</uuid><title>changed</title></network>");
        networks.network_define_xml(call, &titled)?;
        let has = |flags| -> Result<bool, Stop> {
            Ok(networks.network_get_xml_desc(call, network, flags)?.contains("<title>changed</title>"))
        };
        assert!(!has(NetworkXmlFlags::EMPTY)?, "the run goes on as it was");
        assert!(has(NetworkXmlFlags::INACTIVE)?);
        networks.network_destroy(call, network)?;
        assert!(has(NetworkXmlFlags::EMPTY)?);
        Ok(())
    })
}

fn metadata_of_a_network_is_kept(case: &Case<'_>) -> Verdict {
    use NetworkMetadataType as T;
    case.needs(&["network_set_metadata", "network_get_metadata"])?;
    let (networks, call) = (&case.on.networks, case.call);
    with(case, NAME, |network| {
        let config = NetworkUpdateFlags::CONFIG;
        let get = |kind, uri| networks.network_get_metadata(call, network, kind, uri, config);
        case.refused("no title", get(T::TITLE, None), &[ErrorCode::NO_NETWORK_METADATA])?;
        networks.network_set_metadata(call, network, T::TITLE, Some("title"), None, None, config)?;
        assert_eq!(get(T::TITLE, None)?, "title");
        let uri = Some("http://contract");
        networks.network_set_metadata(call, network, T::ELEMENT, Some("<a/>"), Some("c"), uri, config)?;
        assert_eq!(get(T::ELEMENT, uri)?, "<a/>");
        networks.network_set_metadata(call, network, T::ELEMENT, None, Some("c"), uri, config)?;
        case.refused("no element", get(T::ELEMENT, uri), &[ErrorCode::NO_NETWORK_METADATA])?;
        let live = networks.network_get_metadata(call, network, T::TITLE, None, NetworkUpdateFlags::LIVE);
        case.refused("of a run that is not", live, &[ErrorCode::OPERATION_INVALID])
    })
}

fn a_document_of_no_network_is_refused(case: &Case<'_>) -> Verdict {
    case.needs(&["network_define_xml"])?;
    let define = |xml: &str| case.on.networks.network_define_xml(case.call, xml);
    case.refused("another document", define("<domain/>"), &[ErrorCode::XML_ERROR])?;
    case.refused("no document", define("contract"), &[ErrorCode::XML_DETAIL])?;
    case.refused("no name", define("<network/>"), &[ErrorCode::NO_NAME])
}
