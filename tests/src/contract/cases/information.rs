//! What is known about a domain.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{DomainStateCode as S, DomainVcpuFlags, DomainXmlFlags};

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(
    the_document_can_be_defined_again,
    the_document_of_a_run_has_its_id,
    numbers_agree_with_each_other,
    flags_for_running_and_defined_agree,
    virtual_cpus_are_told_while_running,
    control_is_told_while_running,
    unknown_flags_are_refused,
);

fn the_document_can_be_defined_again(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_xml_desc"])?;
    let domain = case.define("contract-document")?;
    let print = |flags| case.on.domain_information.domain_get_xml_desc(case.call, &domain, flags);
    let text = print(DomainXmlFlags::EMPTY)?;
    assert!(text.starts_with("<domain type='") && text.ends_with("</domain>\n"), "{text}");
    assert!(
        text.contains("<name>contract-document</name>") && text.contains(&format!("<uuid>{}</uuid>", domain.uuid)),
        "{text}"
    );
    assert_eq!(print(DomainXmlFlags::INACTIVE)?, text, "while it does not run both are the same");
    case.note("document", text.replace(&domain.uuid.to_string(), "UUID"));
    let again = case.on.domain_lifecycle.domain_define_xml(case.call, &text)?;
    assert_eq!(again, domain);
    assert_eq!(print(DomainXmlFlags::EMPTY)?, text, "reading and printing changes nothing");
    Ok(())
}

fn the_document_of_a_run_has_its_id(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_xml_desc", "domain_lookup_by_name"])?;
    let defined = case.start("contract-run")?;
    let domain = case.on.domain_listing.domain_lookup_by_name(case.call, &defined.name)?;
    let print = |flags| case.on.domain_information.domain_get_xml_desc(case.call, &domain, flags);
    let (live, config) = (print(DomainXmlFlags::EMPTY)?, print(DomainXmlFlags::INACTIVE)?);
    let first = live.lines().next().unwrap_or_default();
    assert!(first.contains(&format!("id='{}'", domain.id)), "{first}");
    let first = config.lines().next().unwrap_or_default();
    assert!(!first.contains("id='"), "{first}");
    Ok(())
}

fn numbers_agree_with_each_other(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_info"])?;
    let domain = case.define("contract-numbers")?;
    let (information, call) = (&case.on.domain_information, case.call);
    let info = information.domain_get_info(call, &domain)?;
    assert_eq!(S(i32::from(info.state)), S::SHUTOFF);
    assert!(info.memory <= info.max_mem && info.max_mem > 0 && info.nr_virt_cpu > 0, "{info:?}");
    case.note("numbers", (info.state, info.max_mem, info.memory, info.nr_virt_cpu));
    if case.declares("domain_get_max_memory") {
        assert_eq!(information.domain_get_max_memory(call, &domain)?, info.max_mem);
    }
    if case.declares("domain_get_os_type") {
        case.note("type of system", information.domain_get_os_type(call, &domain)?);
    }
    if case.declares("domain_is_updated") {
        assert!(!information.domain_is_updated(call, &domain)?);
    }
    if case.declares("domain_has_managed_save_image") {
        assert!(!information.domain_has_managed_save_image(call, &domain, 0)?);
    }
    if case.declares("domain_get_messages") {
        case.note("messages", information.domain_get_messages(call, &domain, Default::default())?);
    }
    Ok(())
}

fn flags_for_running_and_defined_agree(case: &Case<'_>) -> Verdict {
    use DomainVcpuFlags as F;
    case.needs(&["domain_get_vcpus_flags", "domain_get_info"])?;
    let domain = case.define("contract-vcpus")?;
    let (information, call) = (&case.on.domain_information, case.call);
    let vcpus = |flags| information.domain_get_vcpus_flags(call, &domain, flags);
    let count = i32::from(information.domain_get_info(call, &domain)?.nr_virt_cpu);
    assert_eq!((vcpus(F::CURRENT)?, vcpus(F::CONFIG)?), (count, count));
    assert!(vcpus(F::CONFIG | F::MAXIMUM)? >= count);
    case.refused_by_state("CPUs of a run that is not", vcpus(F::LIVE))?;
    case.refused("both at once", vcpus(F::LIVE | F::CONFIG), &[ErrorCode::INVALID_ARG])
}

fn virtual_cpus_are_told_while_running(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_vcpus", "domain_get_info"])?;
    let domain = case.start("contract-cpus")?;
    let (information, call) = (&case.on.domain_information, case.call);
    let count = usize::from(information.domain_get_info(call, &domain)?.nr_virt_cpu);
    let vcpus = information.domain_get_vcpus(call, &domain, 1000, 3)?;
    assert_eq!((vcpus.info.len(), vcpus.cpumaps.len()), (count, count * 3), "a map of three bytes for each");
    assert!(vcpus.info.iter().enumerate().all(|(at, info)| info.number as usize == at));
    let bare = information.domain_get_vcpus(call, &domain, 1, 0)?;
    assert_eq!((bare.info.len(), bare.cpumaps.len()), (1, 0));
    let answer = information.domain_get_vcpus(call, &domain, -1, 0);
    case.refused("a number below zero", answer, &[ErrorCode::INVALID_ARG])?;
    case.on.domain_lifecycle.domain_destroy(call, &domain)?;
    case.refused_by_state("while it is off", information.domain_get_vcpus(call, &domain, 1, 0))
}

fn control_is_told_while_running(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_control_info"])?;
    let domain = case.start("contract-control")?;
    let control = case.on.domain_information.domain_get_control_info(case.call, &domain, 0)?;
    assert_eq!((control.state, control.details), (0, 0), "nothing is wrong");
    case.on.domain_lifecycle.domain_destroy(case.call, &domain)?;
    let answer = case.on.domain_information.domain_get_control_info(case.call, &domain, 0);
    case.refused_by_state("while it is off", answer)
}

fn unknown_flags_are_refused(case: &Case<'_>) -> Verdict {
    let domain = case.define("contract-info-flags")?;
    let (information, call) = (&case.on.domain_information, case.call);
    let invalid = [ErrorCode::INVALID_ARG];
    if case.declares("domain_get_xml_desc") {
        case.refused("document", information.domain_get_xml_desc(call, &domain, DomainXmlFlags(1 << 31)), &invalid)?;
    }
    if case.declares("domain_get_state") {
        case.refused("state", information.domain_get_state(call, &domain, 1 << 31), &invalid)?;
    }
    Ok(())
}
