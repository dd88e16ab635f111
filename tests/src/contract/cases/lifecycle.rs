//! From state to state.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{
    DomainCreateFlags, DomainDefineFlags, DomainDestroyFlags, DomainStateCode as S, DomainUndefineFlags,
};

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(
    defining_makes_a_domain_that_does_not_run,
    defining_again_changes_the_same_domain,
    a_taken_name_is_refused,
    a_taken_uuid_is_refused,
    nonsense_is_not_defined,
    a_domain_starts_and_stops,
    each_run_has_an_id_of_its_own,
    starting_twice_is_refused,
    what_needs_a_run_is_refused_without,
    pausing_and_going_on,
    undefining_a_running_domain_leaves_it_running,
    a_transient_domain_goes_when_it_stops,
    starting_a_document_of_a_defined_domain_uses_the_document_once,
    renaming,
    autostart_is_remembered,
    a_domain_that_is_gone_is_missing_to_every_call,
    unknown_flags_are_refused,
    a_restart_is_no_stop,
);

fn defining_makes_a_domain_that_does_not_run(case: &Case<'_>) -> Verdict {
    let domain = case.define("contract-define")?;
    assert_eq!((domain.name.as_str(), domain.id), ("contract-define", -1));
    assert!(domain.uuid.0 != [0; 16], "a uuid was made");
    case.expect_state(&domain, S::SHUTOFF)?;
    case.needs(&["domain_is_active", "domain_is_persistent"])?;
    assert!(!case.on.domain_information.domain_is_active(case.call, &domain)?);
    assert!(case.on.domain_information.domain_is_persistent(case.call, &domain)?);
    Ok(())
}

fn with_uuid(case: &Case<'_>, name: &str, uuid: &oxivirt_core::types::Uuid) -> String {
    let xml = case.xml(name);
    let named = format!("<name>{name}</name>");
    assert!(xml.contains(&named) && !xml.contains("<uuid>"), "the driver's shortest document has a name and no uuid");
    xml.replacen(&named, &format!("{named}<uuid>{uuid}</uuid>"), 1)
}

fn defining_again_changes_the_same_domain(case: &Case<'_>) -> Verdict {
    let domain = case.define("contract-again")?;
    let xml = with_uuid(case, "contract-again", &domain.uuid).replacen("</name>", "</name><title>second</title>", 1);
    let again = case.on.domain_lifecycle.domain_define_xml(case.call, &xml)?;
    assert_eq!(again, domain);
    case.needs(&["domain_get_xml_desc"])?;
    let text = case.on.domain_information.domain_get_xml_desc(case.call, &domain, Default::default())?;
    assert!(text.contains("<title>second</title>"), "{text}");
    Ok(())
}

fn a_taken_name_is_refused(case: &Case<'_>) -> Verdict {
    let domain = case.define("contract-name")?;
    let xml = with_uuid(case, "contract-name", &"99999999-9999-9999-9999-999999999999".parse()?);
    let lifecycle = &case.on.domain_lifecycle;
    let taken = [ErrorCode::OPERATION_FAILED];
    case.refused("defining with a taken name", lifecycle.domain_define_xml(case.call, &xml), &taken)?;
    if case.declares("domain_create_xml") {
        let answer = lifecycle.domain_create_xml(case.call, &xml, DomainCreateFlags::NONE);
        case.refused("starting with a taken name", answer, &taken)?;
    }
    case.expect_state(&domain, S::SHUTOFF)
}

fn a_taken_uuid_is_refused(case: &Case<'_>) -> Verdict {
    let domain = case.define("contract-uuid")?;
    let xml = with_uuid(case, "contract-uuid-other", &domain.uuid);
    let answer = case.on.domain_lifecycle.domain_define_xml(case.call, &xml);
    case.refused("defining with a taken uuid", answer, &[ErrorCode::OPERATION_FAILED])?;
    case.expect_state(&domain, S::SHUTOFF)
}

fn nonsense_is_not_defined(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_define_xml"])?;
    let wrong = [
        ErrorCode::XML_ERROR,
        ErrorCode::XML_DETAIL,
        ErrorCode::NO_NAME,
        ErrorCode::INTERNAL_ERROR,
        ErrorCode::CONFIG_UNSUPPORTED,
        ErrorCode::INVALID_ARG,
    ];
    let good = case.xml("contract-nonsense");
    let cases = [
        ("nothing", String::new()),
        ("an unclosed element", "<domain".to_owned()),
        ("another document", "<network><name>contract-nonsense</name></network>".to_owned()),
        ("a document without name", good.replacen("<name>contract-nonsense</name>", "", 1)),
        ("a name with a slash", good.replacen("contract-nonsense", "contract/nonsense", 1)),
        ("a bad uuid", good.replacen("</name>", "</name><uuid>nonsense</uuid>", 1)),
        ("a document that is cut", good[..good.len() - 3].to_owned()),
        ("two documents", format!("{good}{good}")),
    ];
    for (what, xml) in cases {
        case.refused(what, case.on.domain_lifecycle.domain_define_xml(case.call, &xml), &wrong)?;
    }
    case.needs(&["domain_lookup_by_name"])?;
    case.refused_as_missing("lookup", case.on.domain_listing.domain_lookup_by_name(case.call, "contract-nonsense"))
}

fn a_domain_starts_and_stops(case: &Case<'_>) -> Verdict {
    let domain = case.start("contract-start")?;
    case.expect_state(&domain, S::RUNNING)?;
    case.on.domain_lifecycle.domain_destroy(case.call, &domain)?;
    case.expect_state(&domain, S::SHUTOFF)?;
    case.on.domain_lifecycle.domain_undefine(case.call, &domain)?;
    case.needs(&["domain_lookup_by_name"])?;
    case.refused_as_missing("lookup", case.on.domain_listing.domain_lookup_by_name(case.call, "contract-start"))
}

fn each_run_has_an_id_of_its_own(case: &Case<'_>) -> Verdict {
    case.needs_start()?;
    case.needs(&["domain_create_with_flags", "domain_lookup_by_id", "domain_lookup_by_name"])?;
    let (lifecycle, listing) = (&case.on.domain_lifecycle, &case.on.domain_listing);
    let domain = case.define("contract-id")?;
    let first = lifecycle.domain_create_with_flags(case.call, &domain, DomainCreateFlags::NONE)?;
    assert!(first.id > 0, "a running domain has an id");
    assert_eq!(listing.domain_lookup_by_id(case.call, first.id)?, first);
    assert_eq!(listing.domain_lookup_by_name(case.call, "contract-id")?, first);
    lifecycle.domain_destroy(case.call, &domain)?;
    let past = listing.domain_lookup_by_id(case.call, first.id).map_err(|error| error.code());
    assert_eq!(past, Err(ErrorCode::NO_DOMAIN), "the id is free again");
    let second = lifecycle.domain_create_with_flags(case.call, &domain, DomainCreateFlags::NONE)?;
    assert!(second.id > first.id, "ids are not used again: {} after {}", second.id, first.id);
    Ok(())
}

fn starting_twice_is_refused(case: &Case<'_>) -> Verdict {
    let domain = case.start("contract-twice")?;
    case.refused_by_state("starting twice", case.on.domain_lifecycle.domain_create(case.call, &domain))?;
    case.expect_state(&domain, S::RUNNING)
}

fn what_needs_a_run_is_refused_without(case: &Case<'_>) -> Verdict {
    let domain = case.define("contract-off")?;
    let lifecycle = &case.on.domain_lifecycle;
    if case.declares("domain_destroy") {
        case.refused_by_state("destroy", lifecycle.domain_destroy(case.call, &domain))?;
    }
    if case.declares("domain_suspend") {
        case.refused_by_state("suspend", lifecycle.domain_suspend(case.call, &domain))?;
    }
    if case.declares("domain_resume") {
        case.refused_by_state("resume", lifecycle.domain_resume(case.call, &domain))?;
    }
    if case.declares("domain_shutdown") {
        case.refused_by_state("shutdown", lifecycle.domain_shutdown(case.call, &domain))?;
    }
    if case.declares("domain_reboot") {
        case.refused_by_state("reboot", lifecycle.domain_reboot(case.call, &domain, Default::default()))?;
    }
    if case.declares("domain_reset") {
        case.refused_by_state("reset", lifecycle.domain_reset(case.call, &domain, 0))?;
    }
    case.expect_state(&domain, S::SHUTOFF)
}

fn pausing_and_going_on(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_suspend", "domain_resume"])?;
    let domain = case.start("contract-pause")?;
    let lifecycle = &case.on.domain_lifecycle;
    case.refused_by_state("resuming what runs", lifecycle.domain_resume(case.call, &domain))?;
    lifecycle.domain_suspend(case.call, &domain)?;
    case.expect_state(&domain, S::PAUSED)?;
    lifecycle.domain_resume(case.call, &domain)?;
    case.expect_state(&domain, S::RUNNING)?;
    lifecycle.domain_suspend(case.call, &domain)?;
    lifecycle.domain_destroy(case.call, &domain)?;
    case.expect_state(&domain, S::SHUTOFF)
}

fn undefining_a_running_domain_leaves_it_running(case: &Case<'_>) -> Verdict {
    let domain = case.start("contract-undefine")?;
    case.on.domain_lifecycle.domain_undefine(case.call, &domain)?;
    case.expect_state(&domain, S::RUNNING)?;
    case.needs(&["domain_is_persistent"])?;
    assert!(!case.on.domain_information.domain_is_persistent(case.call, &domain)?);
    case.refused_by_state("undefining again", case.on.domain_lifecycle.domain_undefine(case.call, &domain))?;
    case.on.domain_lifecycle.domain_destroy(case.call, &domain)?;
    case.refused_as_missing("its state", case.on.domain_information.domain_get_state(case.call, &domain, 0))
}

fn a_transient_domain_goes_when_it_stops(case: &Case<'_>) -> Verdict {
    case.needs_start()?;
    case.needs(&["domain_create_xml", "domain_is_persistent", "domain_lookup_by_name"])?;
    let xml = case.xml("contract-transient");
    let domain = case.on.domain_lifecycle.domain_create_xml(case.call, &xml, DomainCreateFlags::NONE)?;
    case.remember(&domain);
    assert!(domain.id > 0);
    case.expect_state(&domain, S::RUNNING)?;
    assert!(!case.on.domain_information.domain_is_persistent(case.call, &domain)?);
    if case.declares("domain_set_autostart") {
        let answer = case.on.domain_lifecycle.domain_set_autostart(case.call, &domain, true);
        case.refused_by_state("autostart of what is not defined", answer)?;
    }
    case.on.domain_lifecycle.domain_destroy(case.call, &domain)?;
    case.refused_as_missing("lookup", case.on.domain_listing.domain_lookup_by_name(case.call, "contract-transient"))
}

fn starting_a_document_of_a_defined_domain_uses_the_document_once(case: &Case<'_>) -> Verdict {
    case.needs_start()?;
    case.needs(&["domain_create_xml", "domain_get_xml_desc", "domain_is_persistent"])?;
    let domain = case.define("contract-once")?;
    let xml = with_uuid(case, "contract-once", &domain.uuid).replacen("</name>", "</name><title>once</title>", 1);
    let title = || -> Result<bool, oxivirt_core::Error> {
        let text = case.on.domain_information.domain_get_xml_desc(case.call, &domain, Default::default())?;
        Ok(text.contains("<title>once</title>"))
    };
    case.on.domain_lifecycle.domain_create_xml(case.call, &xml, DomainCreateFlags::NONE)?;
    assert!(title()?, "the run has the new title");
    assert!(case.on.domain_information.domain_is_persistent(case.call, &domain)?, "it is still defined");
    let again = case.on.domain_lifecycle.domain_create_xml(case.call, &xml, DomainCreateFlags::NONE);
    case.refused_by_state("starting it once more", again)?;
    case.on.domain_lifecycle.domain_destroy(case.call, &domain)?;
    assert!(!title()?, "the definition is as before");
    Ok(())
}

fn renaming(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_rename", "domain_lookup_by_name"])?;
    let domain = case.define("contract-rename")?;
    let other = case.define("contract-rename-other")?;
    let (lifecycle, listing) = (&case.on.domain_lifecycle, &case.on.domain_listing);
    let rename = |name| lifecycle.domain_rename(case.call, &domain, Some(name), 0);
    case.refused_by_state("a taken name", rename("contract-rename-other"))?;
    case.refused("a name with a slash", rename("contract/rename"), &[ErrorCode::XML_ERROR, ErrorCode::INVALID_ARG])?;
    case.refused("no name", rename(""), &[ErrorCode::INVALID_ARG])?;
    assert_eq!(rename("contract-renamed")?, 0);
    let found = listing.domain_lookup_by_name(case.call, "contract-renamed")?;
    assert_eq!(found.uuid, domain.uuid);
    case.refused_as_missing("the old name", listing.domain_lookup_by_name(case.call, "contract-rename"))?;
    // The old name is free again.
    let reused = lifecycle.domain_rename(case.call, &other, Some("contract-rename"), 0)?;
    assert_eq!(reused, 0);
    case.needs_start()?;
    lifecycle.domain_create(case.call, &found)?;
    case.refused_by_state("while it runs", lifecycle.domain_rename(case.call, &found, Some("contract-x"), 0))
}

fn autostart_is_remembered(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_autostart", "domain_set_autostart"])?;
    let domain = case.define("contract-autostart")?;
    let lifecycle = &case.on.domain_lifecycle;
    for wanted in [true, true, false] {
        lifecycle.domain_set_autostart(case.call, &domain, wanted)?;
        assert_eq!(lifecycle.domain_get_autostart(case.call, &domain)?, wanted);
    }
    Ok(())
}

fn a_domain_that_is_gone_is_missing_to_every_call(case: &Case<'_>) -> Verdict {
    let domain = case.define("contract-gone")?;
    case.on.domain_lifecycle.domain_undefine(case.call, &domain)?;
    let (lifecycle, call) = (&case.on.domain_lifecycle, case.call);
    let attempts: [(&str, Result<(), oxivirt_core::Error>); 9] = [
        ("domain_create", lifecycle.domain_create(call, &domain)),
        ("domain_destroy", lifecycle.domain_destroy(call, &domain)),
        ("domain_suspend", lifecycle.domain_suspend(call, &domain)),
        ("domain_resume", lifecycle.domain_resume(call, &domain)),
        ("domain_shutdown", lifecycle.domain_shutdown(call, &domain)),
        ("domain_undefine", lifecycle.domain_undefine(call, &domain)),
        ("domain_set_autostart", lifecycle.domain_set_autostart(call, &domain, true)),
        ("domain_get_info", case.on.domain_information.domain_get_info(call, &domain).map(drop)),
        (
            "domain_get_xml_desc",
            case.on.domain_information.domain_get_xml_desc(call, &domain, Default::default()).map(drop),
        ),
    ];
    for (name, answer) in attempts {
        if case.declares(name) {
            case.refused_as_missing(name, answer)?;
        }
    }
    Ok(())
}

fn unknown_flags_are_refused(case: &Case<'_>) -> Verdict {
    let domain = case.define("contract-flags")?;
    let (lifecycle, call) = (&case.on.domain_lifecycle, case.call);
    let unknown = 1 << 31;
    let xml = case.xml("contract-flags-other");
    let attempts: [(&str, Result<(), oxivirt_core::Error>); 5] = [
        (
            "domain_create_with_flags",
            lifecycle.domain_create_with_flags(call, &domain, DomainCreateFlags(unknown)).map(drop),
        ),
        ("domain_destroy_flags", lifecycle.domain_destroy_flags(call, &domain, DomainDestroyFlags(unknown))),
        ("domain_undefine_flags", lifecycle.domain_undefine_flags(call, &domain, DomainUndefineFlags(unknown))),
        (
            "domain_define_xml_flags",
            lifecycle.domain_define_xml_flags(call, &xml, DomainDefineFlags(unknown)).map(drop),
        ),
        ("domain_create_xml", lifecycle.domain_create_xml(call, &xml, DomainCreateFlags(unknown)).map(drop)),
    ];
    for (name, answer) in attempts {
        if case.declares(name) {
            case.refused(name, answer, &[ErrorCode::INVALID_ARG])?;
        }
    }
    case.expect_state(&domain, S::SHUTOFF)
}

fn a_restart_is_no_stop(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_reset", "domain_get_state"])?;
    let domain = case.start("contract-reset")?;
    case.on.domain_lifecycle.domain_reset(case.call, &domain, 0)?;
    case.expect_state(&domain, S::RUNNING)
}
