//! What a driver tells of.

use oxivirt_core::constants::{
    DefinedDetail, DomainEventType as E, ResumedDetail, StartedDetail, StoppedDetail, SuspendedDetail, UndefinedDetail,
};

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(
    definitions_are_told,
    a_life_is_told_in_order,
    a_transient_life_is_told,
    a_new_name_is_told,
    a_refusal_tells_nothing,
);

fn definitions_are_told(case: &Case<'_>) -> Verdict {
    let domain = case.define("contract-told")?;
    assert_eq!(case.life("contract-told", 1), [(E::DEFINED, DefinedDetail::ADDED.0)]);
    let named = "<name>contract-told</name>";
    let xml = case.xml("contract-told").replacen(named, &format!("{named}<uuid>{}</uuid>", domain.uuid), 1);
    case.on.domain_lifecycle.domain_define_xml(case.call, &xml)?;
    assert_eq!(case.life("contract-told", 1), [(E::DEFINED, DefinedDetail::UPDATED.0)]);
    case.on.domain_lifecycle.domain_undefine(case.call, &domain)?;
    assert_eq!(case.life("contract-told", 1), [(E::UNDEFINED, UndefinedDetail::REMOVED.0)]);
    Ok(())
}

fn a_life_is_told_in_order(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_suspend", "domain_resume"])?;
    let domain = case.start("contract-life")?;
    let lifecycle = &case.on.domain_lifecycle;
    lifecycle.domain_suspend(case.call, &domain)?;
    lifecycle.domain_resume(case.call, &domain)?;
    lifecycle.domain_destroy(case.call, &domain)?;
    let told = case.life("contract-life", 5);
    let wanted = [
        (E::DEFINED, DefinedDetail::ADDED.0),
        (E::STARTED, StartedDetail::BOOTED.0),
        (E::SUSPENDED, SuspendedDetail::PAUSED.0),
        (E::RESUMED, ResumedDetail::UNPAUSED.0),
        (E::STOPPED, StoppedDetail::DESTROYED.0),
    ];
    // A driver may tell of more in between, never of less or in another order.
    let mut rest = told.iter();
    let missing = wanted.iter().find(|event| !rest.any(|other| other == *event));
    assert_eq!(missing, None, "{told:?}");
    Ok(())
}

fn a_transient_life_is_told(case: &Case<'_>) -> Verdict {
    case.needs_start()?;
    case.needs(&["domain_create_xml"])?;
    let xml = case.xml("contract-short-life");
    let domain = case.on.domain_lifecycle.domain_create_xml(case.call, &xml, Default::default())?;
    case.remember(&domain);
    case.on.domain_lifecycle.domain_destroy(case.call, &domain)?;
    let told = case.life("contract-short-life", 2);
    let ends = [told.first().copied(), told.last().copied()];
    let wanted = [(E::STARTED, StartedDetail::BOOTED.0), (E::STOPPED, StoppedDetail::DESTROYED.0)];
    assert_eq!(ends, wanted.map(Some), "{told:?}");
    Ok(())
}

fn a_new_name_is_told(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_rename"])?;
    let domain = case.define("contract-old-name")?;
    assert_eq!(case.life("contract-old-name", 1).len(), 1);
    case.on.domain_lifecycle.domain_rename(case.call, &domain, Some("contract-new-name"), 0)?;
    let limit = std::time::Duration::from_secs(10);
    let told = case.on.events.wait(2, limit);
    let told: Vec<_> = told.iter().map(|event| (event.domain.name.to_string(), event.lifecycle())).collect();
    let wanted = [
        ("contract-old-name".to_owned(), Some((E::UNDEFINED.0, UndefinedDetail::RENAMED.0))),
        ("contract-new-name".to_owned(), Some((E::DEFINED.0, DefinedDetail::RENAMED.0))),
    ];
    assert_eq!(told, wanted);
    Ok(())
}

fn a_refusal_tells_nothing(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_destroy"])?;
    let domain = case.define("contract-silent")?;
    assert!(case.on.domain_lifecycle.domain_destroy(case.call, &domain).is_err());
    case.on.domain_lifecycle.domain_undefine(case.call, &domain)?;
    let told = case.life("contract-silent", 2);
    assert_eq!(told, [(E::DEFINED, DefinedDetail::ADDED.0), (E::UNDEFINED, UndefinedDetail::REMOVED.0)]);
    Ok(())
}
