//! Finding domains.

use std::collections::BTreeSet;

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::ListDomainsFlags as F;

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    a_domain_is_found_by_name_and_uuid,
    what_is_not_there_is_missing,
    lists_hold_what_the_flags_say,
    flags_of_a_group_are_alternatives_and_groups_combine,
    numbers_are_counted_without_a_list,
    the_old_lists_agree_with_the_new_one,
    unknown_flags_are_refused,
);

fn a_domain_is_found_by_name_and_uuid(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_lookup_by_name", "domain_lookup_by_uuid"])?;
    let domain = case.define("contract-find")?;
    assert_eq!(case.on.domain_listing.domain_lookup_by_name(case.call, "contract-find")?, domain);
    assert_eq!(case.on.domain_listing.domain_lookup_by_uuid(case.call, &domain.uuid)?, domain);
    Ok(())
}

fn what_is_not_there_is_missing(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_lookup_by_name", "domain_lookup_by_uuid", "domain_lookup_by_id"])?;
    let listing = &case.on.domain_listing;
    let uuid = "99999999-9999-9999-9999-999999999998".parse()?;
    let answers = [
        ("contract-nobody", listing.domain_lookup_by_name(case.call, "contract-nobody")),
        ("99999999-9999-9999-9999-999999999998", listing.domain_lookup_by_uuid(case.call, &uuid)),
        ("2000000000", listing.domain_lookup_by_id(case.call, 2_000_000_000)),
    ];
    for (wanted, answer) in answers {
        if let (Err(error), true) = (&answer, case.quirks().lookups_explain) {
            assert!(error.message().contains(wanted), "'{}' says what was looked for", error.message());
        }
        case.refused_as_missing("lookup", answer)?;
    }
    case.refused_as_missing("no name", listing.domain_lookup_by_name(case.call, ""))
}

/// The names of this suite's domains in a list.
fn list(case: &Case<'_>, flags: F) -> Result<BTreeSet<String>, Stop> {
    let found = case.on.domain_listing.connect_list_all_domains(case.call, true, flags)?;
    assert_eq!(found.items.len(), found.count as usize);
    let names = found.items.iter().map(|domain| domain.name.to_string());
    Ok(names.filter(|name| name.starts_with("contract-list-")).collect())
}

fn names<const N: usize>(short: [&str; N]) -> BTreeSet<String> {
    short.iter().map(|name| format!("contract-list-{name}")).collect()
}

fn lists_hold_what_the_flags_say(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_list_all_domains", "domain_set_autostart"])?;
    let off = case.define("contract-list-off")?;
    assert_eq!(list(case, F::EMPTY)?, names(["off"]));
    for (flags, wanted) in [
        (F::INACTIVE, true),
        (F::ACTIVE, false),
        (F::PERSISTENT, true),
        (F::TRANSIENT, false),
        (F::SHUTOFF, true),
        (F::RUNNING, false),
        (F::PAUSED, false),
        (F::OTHER, false),
        (F::NO_MANAGEDSAVE, true),
        (F::MANAGEDSAVE, false),
        (F::NO_AUTOSTART, true),
        (F::AUTOSTART, false),
        (F::NO_SNAPSHOT, true),
        (F::HAS_SNAPSHOT, false),
        (F::NO_CHECKPOINT, true),
        (F::HAS_CHECKPOINT, false),
    ] {
        assert_eq!(list(case, flags)?.len(), usize::from(wanted), "{flags:?}");
    }
    case.on.domain_lifecycle.domain_set_autostart(case.call, &off, true)?;
    assert_eq!(list(case, F::AUTOSTART)?, names(["off"]));
    assert_eq!(list(case, F::NO_AUTOSTART)?, names([]));
    Ok(())
}

fn flags_of_a_group_are_alternatives_and_groups_combine(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_list_all_domains", "domain_suspend", "domain_create_xml"])?;
    case.needs_start()?;
    case.define("contract-list-off")?;
    case.start("contract-list-on")?;
    let paused = case.start("contract-list-paused")?;
    case.on.domain_lifecycle.domain_suspend(case.call, &paused)?;
    let xml = case.xml("contract-list-transient");
    let transient = case.on.domain_lifecycle.domain_create_xml(case.call, &xml, Default::default())?;
    case.remember(&transient);
    for (flags, wanted) in [
        (F::ACTIVE | F::INACTIVE, names(["off", "on", "paused", "transient"]).into_iter().collect::<Vec<_>>()),
        (F::ACTIVE, names(["on", "paused", "transient"]).into_iter().collect()),
        (F::ACTIVE | F::PERSISTENT, names(["on", "paused"]).into_iter().collect()),
        (F::TRANSIENT, names(["transient"]).into_iter().collect()),
        (F::TRANSIENT | F::INACTIVE, Vec::new()),
        (F::RUNNING | F::SHUTOFF, names(["off", "on", "transient"]).into_iter().collect()),
        (F::RUNNING | F::SHUTOFF | F::PERSISTENT, names(["off", "on"]).into_iter().collect()),
        (F::PAUSED | F::NO_AUTOSTART, names(["paused"]).into_iter().collect()),
        (F::PAUSED | F::INACTIVE, Vec::new()),
    ] {
        assert_eq!(list(case, flags)?.into_iter().collect::<Vec<_>>(), wanted, "{flags:?}");
    }
    Ok(())
}

fn numbers_are_counted_without_a_list(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_list_all_domains"])?;
    case.define("contract-list-count")?;
    let listing = &case.on.domain_listing;
    for flags in [F::EMPTY, F::INACTIVE, F::ACTIVE] {
        let counted = listing.connect_list_all_domains(case.call, false, flags)?;
        assert!(counted.items.is_empty());
        assert_eq!(counted.count, listing.connect_list_all_domains(case.call, true, flags)?.count, "{flags:?}");
    }
    Ok(())
}

fn the_old_lists_agree_with_the_new_one(case: &Case<'_>) -> Verdict {
    case.needs(&[
        "connect_list_all_domains",
        "connect_list_domains",
        "connect_num_of_domains",
        "connect_list_defined_domains",
        "connect_num_of_defined_domains",
    ])?;
    case.define("contract-list-old")?;
    let (listing, call) = (&case.on.domain_listing, case.call);
    let active = listing.connect_list_all_domains(call, true, F::ACTIVE)?;
    let inactive = listing.connect_list_all_domains(call, true, F::INACTIVE)?;
    let ids: BTreeSet<i32> = listing.connect_list_domains(call, 16_384)?.iter().copied().collect();
    assert_eq!(ids, active.items.iter().map(|domain| domain.id).collect());
    assert_eq!(listing.connect_num_of_domains(call)?, active.items.len() as i32);
    let defined: BTreeSet<String> =
        listing.connect_list_defined_domains(call, 16_384)?.iter().map(|name| name.to_string()).collect();
    assert_eq!(defined, inactive.items.iter().map(|domain| domain.name.to_string()).collect());
    assert_eq!(listing.connect_num_of_defined_domains(call)?, inactive.items.len() as i32);
    assert_eq!(listing.connect_list_defined_domains(call, 1)?.len(), 1, "no more than were wanted");
    assert!(listing.connect_list_defined_domains(call, 0)?.is_empty());
    Ok(())
}

fn unknown_flags_are_refused(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_list_all_domains"])?;
    let answer = case.on.domain_listing.connect_list_all_domains(case.call, true, F(1 << 31));
    case.refused("an unknown flag", answer, &[ErrorCode::INVALID_ARG])
}
